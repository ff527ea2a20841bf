"""Binary convolutions, whole: sign and pack, patches, XNOR GEMM and what becomes of its sums.

    layer = prepare(op, shape, weight)             weights packed once
    ready(problem, threads).run(image)             tile after tile of positions, all in the caches

A tile's patches, sums and results stay in the first two levels of cache from one step to the next.
Threads claim tiles, and no result depends on which thread computes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np

from xnorsim.errors import UsageError
from xnorsim.kernels import gemm
from xnorsim.kernels.box import box_mean
from xnorsim.kernels.buffers import aligned
from xnorsim.kernels.compiled import address, compiled, inlined, inner
from xnorsim.kernels.crew import claim, together
from xnorsim.kernels.packing import check_finite, pack_planes, regroup, room_for
from xnorsim.kernels.patches import Window, border, gather, is_plain, window_of
from xnorsim.kernels.problem import Problem, Ready, checked, scales_of
from xnorsim.kernels.results import (
    bounds_of,
    finish_bits,
    finish_floats,
    offsets_of,
    turning_points,
)
from xnorsim.network.bits import pack, tail_mask, word_count
from xnorsim.network.ops import Conv

__all__ = [
    "TILE",
    "Layer",
    "Room",
    "places_of",
    "prepare",
    "ready",
    "room_for_tile",
    "sums_of",
    "tile_of",
]

Array = np.ndarray

TILE = 48
"""Positions of a tile, at most: their patches and sums fit beside the panels in the caches."""

WORDS = np.dtype(np.uint64)

SCALAR = "popcnt"
"""The GEMM of scalar_gemm.py, beside the methods that gemm.py packs for."""


class Layer(NamedTuple):
    """A binary convolution as compiled code reads it.

    panels: the packed filters of each group (groups, ...). offsets: int32 (groups, classes, filters
    of a group), and classes int32 (positions of an image), so that
    dot = offsets[group, classes[position], filter] - 2 * differing. pad: uint64 (words of a tap).
    """

    window: Window
    plain: bool
    pad: Array
    panels: Array
    offsets: Array
    classes: Array


class Room(NamedTuple):
    """Room for one tile: one for each thread."""

    rows: Array
    sums: Array
    scratch: Array


def prepare(op: Conv, shape: tuple[int, int, int, int], weight: Array, method: str = "") -> Layer:
    """A binary convolution of images of `shape`, its weights' signs packed.

    Args:
        weight: (filters, channels / groups, *kernel); +1 where it is >= 0.
        method: of the GEMM, the best one of this machine if "".
    """
    window = window_of(op, *shape[2:])
    classes, missing = border(window)
    if op.pad_value:
        classes, missing = np.zeros_like(classes), np.zeros_like(missing[:1])
    inner = weight.shape[1]
    signs = np.where(weight >= 0, np.int8(1), np.int8(-1)).reshape(op.groups, -1, inner, taps(op))
    packed = [
        np.ascontiguousarray(pack(group.swapaxes(1, 2), checked=False)).reshape(len(group), -1)
        for group in signs
    ]
    panels = [_panels(words, method) for words in packed]
    stacked = aligned((op.groups, *panels[0].shape), panels[0].dtype)
    for group, own in enumerate(panels):
        stacked[group] = own
    pad = tail_mask(inner) if op.pad_value == 1 else np.zeros(word_count(inner), np.uint64)
    offsets = np.stack([offsets_of(group, missing) for group in signs])
    return Layer(window, is_plain(op), pad, stacked, offsets, classes)


def taps(op: Conv) -> int:
    return op.kernel[0] * op.kernel[1]


def _panels(words: Array, method: str) -> Array:
    # whole numbers with a sign stand for filters as they are, a panel, which the scalar GEMM takes
    return words.view(np.int64)[None] if method == SCALAR else gemm.pack_filters(words, method)


def room_for_tile(layer: Layer, tile: int) -> Room:
    """Buffers for tiles of up to so many positions."""
    words = layer.pad.size * layer.window.kernel_height * layer.window.kernel_width
    rows = aligned((0 if layer.plain else tile, words), np.uint64)
    filters = layer.offsets.shape[2]
    panels = layer.panels[0]
    if panels.dtype == np.int64:
        return Room(
            rows,
            aligned((tile, -(-filters // 64) * 64), gemm.sums_kind(words)),
            aligned((0, 0), np.uint16),
        )
    sums = gemm.sums_for(tile, words, panels)
    return Room(rows, sums, gemm.scratch_for(tile, words, panels))


def tile_of(positions: int, threads: int) -> int:
    """How many positions a tile has, so that each thread gets as many tiles, and even ones."""
    rounds = max(1, -(-positions // (TILE * threads)))
    return max(8, -(-positions // (rounds * threads * 8)) * 8)


def _bare(layer: Layer, room: Room) -> tuple[Any, ...]:
    """A layer and a room as plain tuples: numba takes two microseconds to see what each named tuple
    is that Python hands to compiled code."""
    window, *rest = layer
    return tuple(window), *rest, *room


@inner
def _named(bare):
    """The layer and the room that `_bare` took apart."""
    window, plain, pad, panels, offsets, classes, rows, sums, scratch = bare
    layer = Layer(Window(*window), plain, pad, panels, offsets, classes)
    return layer, Room(rows, sums, scratch)


class Places(NamedTuple):
    """A layer and a room by their addresses, which tiles hand on: numba would count references of
    arrays. rows: room for patches, of which a plain layer has none; apart: how far it is from a
    group's panels to the next one's [byte]."""

    window: Window
    plain: Any
    pad: Any
    rows: Any
    panels: gemm.Panels
    apart: Any
    sums: gemm.Sums


@inlined
def places_of(layer, room):
    """Places with the panels of the first group."""
    panels = gemm.panels_at(layer.panels, address(layer.panels))
    sums, rows = gemm.sums_at(room.sums, room.scratch), address(room.rows)
    apart = layer.panels.strides[0]
    return Places(layer.window, layer.plain, address(layer.pad), rows, panels, apart, sums)


@inlined
def sums_of(places, words, wide, group, start, stop):
    """Differing bits of positions `start` to `stop` with a group's filters, to the room's sums.

    words is the address of a group's packed image, `wide` words of each position.
    """
    w, panels, taps = places.window, places.panels, 1
    place = words + 8 * wide * start
    if not places.plain:
        taps, place = w.kernel_height * w.kernel_width, places.rows
        gather(words, wide, w, places.pad, start, stop, place)
    rows = gemm.Rows(place, 8 * wide * taps, stop - start, wide * taps)
    own = panels.place + group * places.apart
    panels = gemm.Panels(own, panels.count, panels.steps, panels.filters, panels.zero)
    gemm.count_differing(rows, panels, places.sums)


@compiled
def to_floats(bare, source, factors, K, counter, tile, out):
    """Claim tiles and compute them: source (groups, positions, words) to out (batch, filters,
    positions of an image)."""
    layer, room = _named(bare)
    positions = out.shape[0] * out.shape[2]
    filters = layer.offsets.shape[2]
    places = places_of(layer, room)
    while True:
        start = claim(counter) * tile
        if start >= positions:
            return
        stop = min(start + tile, positions)
        for group in range(source.shape[0]):
            words = address(source) + group * source.strides[0]
            sums_of(places, words, source.shape[2], group, start, stop)
            finish_floats(
                room.sums,
                layer.offsets,
                factors,
                K,
                group,
                layer.classes,
                start,
                stop - start,
                group * filters,
                out,
            )


@compiled
def to_bits(bare, source, bounds, flips, counter, tile, out):
    """Claim tiles and compute them: source (groups, positions, words) to out (positions, words)."""
    layer, room = _named(bare)
    positions = out.shape[0]
    places = places_of(layer, room)
    filters = layer.offsets.shape[2]
    while True:
        start = claim(counter) * tile
        if start >= positions:
            return
        stop = min(start + tile, positions)
        out[start:stop] = 0
        for group in range(source.shape[0]):
            words = address(source) + group * source.strides[0]
            sums_of(places, words, source.shape[2], group, start, stop)
            finish_bits(
                room.sums,
                bounds,
                flips,
                group,
                layer.classes,
                start,
                stop - start,
                group * filters,
                out,
            )


@compiled
def _pack_blocks(planes, words, counter, block, finite):
    """Claim blocks of positions and pack them; finite[0] becomes False where one is not."""
    while True:
        start = claim(counter) * block
        if start >= words.shape[1]:
            return
        if not pack_planes(planes, words, start, min(start + block, words.shape[1])):
            finite[0] = False


def ready(
    problem: Problem, threads: int, takes: str = "floats", gives: str = "floats", method: str = ""
) -> Ready:
    """A binary convolution made ready; `method` is that of the GEMM, the machine's best if "".

    Raises:
        UsageError: no such method, or less than one thread.
    """
    if threads < 1:
        raise UsageError(f"threads are at least 1, not {threads}")
    layer = prepare(problem.op, problem.shape, problem.weight, method)
    source = _SOURCES[takes](problem, threads)
    finish = _FINISHES[gives](problem, layer, threads)
    return Ready(
        lambda image: finish(*source(image)),
        threads,
        {"numba": numba.__version__},
        {"gemm": method or gemm.METHODS[0]},
    )


def _from_floats(problem: Problem, threads: int) -> Callable[[Array], tuple[Array, Array]]:
    batch, channels, height, width = problem.shape
    words = room_for(problem.op.groups, batch * height * width, channels)
    counter, finite = np.zeros(1, np.int64), np.ones(1, np.bool_)
    block = max(1, words.shape[1]) if threads == 1 else tile_of(words.shape[1], threads)

    def source(image: Array) -> tuple[Array, Array]:
        image = checked(image, problem.shape, dense=True)
        planes = image.reshape(batch, channels, height * width)
        counter[0], finite[0] = 0, True
        together(lambda _: _pack_blocks(planes, words, counter, block, finite), threads)
        check_finite(image, bool(finite[0]))
        return words, image

    return source


def _from_bits(problem: Problem, threads: int) -> Callable[[Array], tuple[Array, Array]]:
    batch, channels, height, width = problem.shape
    groups = problem.op.groups
    shape = (batch, height, width, word_count(channels))
    flat = 1, batch * height * width, shape[3]
    grouped = room_for(groups, batch * height * width, channels)

    def source(image: Array) -> tuple[Array, Array]:
        image = checked(image, shape, WORDS, dense=True)
        words = image.reshape(flat)
        if groups == 1:
            return words, image
        regroup(words[0], channels // groups, grouped)
        return grouped, image

    return source


def _by_group(per_filter: Array, groups: int) -> Array:
    """(rows, filters) as (groups, rows, filters of a group)."""
    cut = per_filter.reshape(len(per_filter), groups, -1)
    return np.ascontiguousarray(cut.swapaxes(0, 1))


def _tiles(layer: Layer, positions: int, threads: int) -> tuple[int, list[Room], Array]:
    """How many positions a tile has, room for one in each thread, and the counter of tiles."""
    tile = tile_of(positions, threads)
    rooms = [room_for_tile(layer, tile) for _ in range(threads)]
    return tile, rooms, np.zeros(1, np.int64)


def _to_floats(problem: Problem, layer: Layer, threads: int) -> Callable[[Array, Array], Array]:
    op, w, batch = problem.op, layer.window, problem.shape[0]
    each = w.out_height * w.out_width
    tile, rooms, counter = _tiles(layer, batch * each, threads)
    scales = scales_of(op.out_channels, problem.alpha, problem.norm)
    factors = _by_group(scales, op.groups)
    ones = np.ones((1, batch * each), np.float32)
    out = aligned((batch, op.out_channels, w.out_height, w.out_width), np.float32)
    bare = [_bare(layer, room) for room in rooms]
    planes = out.reshape(batch, op.out_channels, each)
    after = op.padding[0][1], op.padding[1][1]

    def finish(words: Array, image: Array) -> Array:
        K = box_mean(image, op.groups, w, after) if problem.input_scale else ones
        counter[0] = 0
        together(
            lambda part: to_floats(bare[part], words, factors, K, counter, tile, planes),
            threads,
        )
        return out

    return finish


def _to_bits(problem: Problem, layer: Layer, threads: int) -> Callable[[Array, Array], Array]:
    op, w, batch = problem.op, layer.window, problem.shape[0]
    positions = batch * w.out_height * w.out_width
    tile, rooms, counter = _tiles(layer, positions, threads)
    k = problem.weight[0].size
    alpha, a, b = scales_of(op.out_channels, problem.alpha, problem.norm)
    direction, least = turning_points(alpha, a, b, k)
    cut = _by_group(np.stack([direction, least]), op.groups)
    rules = [
        bounds_of(directions, leasts, offsets, k, rooms[0].sums.dtype)
        for (directions, leasts), offsets in zip(cut, layer.offsets, strict=True)
    ]
    bounds, flips = (np.stack(part) for part in zip(*rules, strict=True))
    out = np.empty((batch, w.out_height, w.out_width, word_count(op.out_channels)), np.uint64)
    flat = out.reshape(positions, out.shape[3])
    bare = [_bare(layer, room) for room in rooms]

    def finish(words: Array, image: Array) -> Array:
        counter[0] = 0
        together(
            lambda part: to_bits(bare[part], words, bounds, flips, counter, tile, flat),
            threads,
        )
        return out

    return finish


_SOURCES = {"floats": _from_floats, "bits": _from_bits}
_FINISHES = {"floats": _to_floats, "bits": _to_bits}
