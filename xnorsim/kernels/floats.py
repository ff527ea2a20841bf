"""Convolutions of floats and of +-1 weights: columns of 16 positions, and tiles of filters.

Positions are taken in panels of LANES. For some products of the reduction at a time a panel's
columns are gathered from the padded image, and every tile of ROWS filters adds its products to its
sums: LANES lie along vectors, weights are broadcast.

A +-1 weight selects: the 16 sums +-x0 +-x1 +-x2 +-x3 of four inputs are a table that all filters
share, and the bits of four of a filter's weights are the row that it adds. That is one addition for
four products and no multiplication; fused multiply-adds by unpacked +-1 take 2.5 times as long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import llvmlite
import numba
import numpy as np

from xnorsim.errors import UsageError
from xnorsim.kernels.buffers import aligned
from xnorsim.kernels.compiled import HOST, address, compiled, inner
from xnorsim.kernels.crew import in_parts
from xnorsim.kernels.float_panels import BEYOND, Rows, copy_of, copy_planes, finish, gather
from xnorsim.kernels.float_problems import check, filling
from xnorsim.kernels.float_tiles import (
    CHUNK,
    LANES,
    ROWS,
    add_float_products,
    add_table_rows,
    fill_table,
    move,
    move_one,
    scale,
    window_sums,
    window_sums_apart,
)
from xnorsim.kernels.problem import Problem, Ready, scales_of
from xnorsim.network.extents import window_output
from xnorsim.network.ops import Conv

__all__ = ["convolution", "ready"]

Array = np.ndarray
Run = Callable[[Array, Array], None]

_DEPTH = 256
"""Products of a block of floats: a panel's columns are 16 KiB, half of a first-level cache."""

_PANELS, _HELD = 16, 2**17
"""Panels whose sums are held at a time at most, so that a block of weights is fetched once for
them and results are written in long rows, and bytes of them: a quarter of a second-level cache."""

_ZEROS = np.zeros(LANES * ROWS, np.float32)
"""What sums begin as."""

_TABLED = 64
"""Products of a block of +-1 weights, a word of bits: the tables of a panel are 16 KiB."""


class _Sizes(NamedTuple):
    """A layer in numbers: `height` and `width` are of the padded image, `filters` of a group."""

    batch: int
    groups: int
    channels: int
    height: int
    width: int
    filters: int
    out_height: int
    out_width: int
    stride_y: int
    stride_x: int


@inner
def _rows(out_strides, s, tiles, every):
    """The results of a group as `finish` takes them."""
    positions = s.out_height * s.out_width
    return Rows(out_strides[1], out_strides[2], positions, s.filters, tiles, every)


@inner
def _fill_tables(columns, depth):
    """Tables of all fours of columns, behind which they lie; how many words of weights they are
    for, whose last columns are 0."""
    filled = (depth + CHUNK - 1) // CHUNK
    tables = columns + 4 * _TABLED * LANES
    for tap in range(depth, filled * CHUNK):
        move(columns + 4 * LANES * tap, address(_ZEROS))
    for four in range(filled * CHUNK // 4):
        fill_table(tables + four * 16 * 4 * LANES, columns + four * 4 * 4 * LANES)
    return filled


@inner
def _image(padded, sample_bytes, sample, group, s):
    """Where the channels of a group of a sample begin."""
    return padded + sample * sample_bytes + 4 * group * s.channels * s.height * s.width


@compiled
def _convolve(padded, weights, taps, places, runs, scales, out, scratch, s, part, parts):
    """The panels of one part of the work. weights: float32 (groups, tiles, K, ROWS)."""
    panels, tiles, k = len(places), weights.shape[1], weights.shape[2]
    columns = address(scratch) + part * scratch.strides[0]
    sums, held = columns + 4 * _DEPTH * LANES, 4 * tiles * ROWS * LANES
    most = (scratch.shape[1] - _DEPTH * LANES) * 4 // held
    rows = _rows(out.strides, s, tiles, scales.shape[1])
    units = s.batch * s.groups * panels
    unit, last = units * part // parts, units * (part + 1) // parts
    while unit < last:
        sample, group = unit // panels // s.groups, unit // panels % s.groups
        first = unit % panels
        count = min(last - unit, most, panels - first)
        image = _image(address(padded), padded.strides[0], sample, group, s)
        for step in range(0, k, _DEPTH):
            depth, tap = min(_DEPTH, k - step), address(taps) + 8 * step
            block = address(weights) + 4 * ROWS * (group * tiles * k + step)
            for i in range(count):
                place = address(places) + 8 * LANES * (first + i)
                run = address(runs) + 8 * (LANES + 1) * (first + i)
                gather(columns, image, tap, depth, place, run, s.stride_x)
                for tile in range(tiles):
                    to = sums + i * held + 4 * tile * ROWS * LANES
                    begin = to if step else address(_ZEROS)
                    add_float_products(to, begin, block + 4 * tile * k * ROWS, columns, depth)
        to = address(out) + sample * out.strides[0] + group * s.filters * rows.row
        finish(to, sums, address(scales) + 4 * group * s.filters, rows, first * LANES, count)
        unit += count


@compiled
def _convolve_signs(padded, words, taps, places, runs, scales, out, scratch, s, part, parts):
    """The same by tables. words: uint64 (groups, tiles, blocks, ROWS)."""
    panels, tiles, blocks = len(places), words.shape[1], words.shape[2]
    columns = address(scratch) + part * scratch.strides[0]
    tables, sums = columns + 4 * _TABLED * LANES, columns + 4 * 5 * _TABLED * LANES
    held = 4 * tiles * ROWS * LANES
    most = (scratch.shape[1] - 5 * _TABLED * LANES) * 4 // held
    rows = _rows(out.strides, s, tiles, scales.shape[1])
    units = s.batch * s.groups * panels
    unit, last = units * part // parts, units * (part + 1) // parts
    while unit < last:
        sample, group = unit // panels // s.groups, unit // panels % s.groups
        first = unit % panels
        count = min(last - unit, most, panels - first)
        image = _image(address(padded), padded.strides[0], sample, group, s)
        for i in range(count):
            place = address(places) + 8 * LANES * (first + i)
            run = address(runs) + 8 * (LANES + 1) * (first + i)
            for step in range(0, len(taps), _TABLED):
                depth = min(_TABLED, len(taps) - step)
                gather(columns, image, address(taps) + 8 * step, depth, place, run, s.stride_x)
                filled = _fill_tables(columns, depth)
                block = address(words) + 8 * ROWS * (group * tiles * blocks + step // _TABLED)
                for tile in range(tiles):
                    to = sums + i * held + 4 * tile * ROWS * LANES
                    begin = to if step else address(_ZEROS)
                    add_table_rows(to, begin, block + 8 * tile * blocks * ROWS, tables, filled)
        to = address(out) + sample * out.strides[0] + group * s.filters * rows.row
        finish(to, sums, address(scales) + 4 * group * s.filters, rows, first * LANES, count)
        unit += count


@compiled
def _convolve_few(padded, weights, taps, places, runs, scales, out, scratch, s, part, parts):
    """Few filters in a group, as of depthwise layers: no columns. weights: float32 (filters, K)."""
    sums, k, filters = address(scratch) + part * scratch.strides[0], len(taps), s.groups * s.filters
    rows = s.batch * filters * s.out_height
    row, last = rows * part // parts, rows * (part + 1) // parts
    row_step, step = out.strides[1], out.strides[2]
    while row < last:
        y, plane = row % s.out_height, row // s.out_height
        sample, filter_ = plane // filters, plane % filters
        stop = min(s.out_height, y + last - row)
        start = filter_ // s.filters * s.channels * s.height * s.width
        start += y * s.stride_y * s.width
        image = address(padded) + sample * padded.strides[0]
        to = address(out) + sample * out.strides[0] + filter_ * row_step
        weight, alpha = address(weights) + 4 * k * filter_, address(scales) + 4 * filter_
        a, b = alpha + 4 * filters, alpha + 8 * filters
        row += stop - y
        while y < stop:
            for x in range(0, s.out_width, LANES):
                source = image + 4 * (start + x * s.stride_x)
                if s.stride_x == 1:
                    window_sums(sums, source, address(taps), weight, k)
                elif s.stride_x == 2:
                    window_sums_apart(sums, source, address(taps), weight, k)
                else:
                    for lane in range(min(LANES, s.out_width - x)):
                        total, place = np.float32(0), start + (x + lane) * s.stride_x
                        for tap in range(k):
                            total += weights[filter_, tap] * padded[sample, place + taps[tap]]
                        scratch[part, lane] = total
                at = y * s.out_width + x
                # what is written past the end of a row is written over by the next ones
                if step == 4 and at + LANES <= stop * s.out_width:
                    scale(to + 4 * at, sums, alpha, a, b)
                    continue
                scale(sums, sums, alpha, a, b)
                for lane in range(min(LANES, s.out_width - x)):
                    move_one(to + step * (at + lane), sums + 4 * lane)
            y, start = y + 1, start + s.stride_y * s.width


def convolution(
    op: Conv,
    shape: tuple[int, int, int, int],
    weight: Array,
    *,
    alpha: Array | None = None,
    norm: tuple[Array, Array] | None = None,
    threads: int = 1,
    signs: bool = False,
) -> Run:
    """A float convolution made ready: `run(image, out)`.

    `image` is float32 (batch, channels, height, width) of `shape` and `out` float32 (batch,
    filters, height, width), both with any strides. out = (sum * alpha) * a + b with norm = (a, b).
    With `signs` the weights are their signs, kept as bits. One `run` at a time: buffers are kept.
    """
    s = _sizes(op, shape)
    store = aligned((s.batch, shape[1] * s.height * s.width + BEYOND), np.float32)
    inside = _inside(op, shape, s, store)
    taps, (places, runs) = _tap_offsets(op, s), _lanes(s)
    sweep, stored, scratch = _layout(weight, s, threads, signs)
    scales = scales_of(op.out_channels, alpha, norm)

    def run(image: Array, out: Array) -> None:
        flat, weights = _positions(out), stored()
        copy = (image.ctypes.data, inside.ctypes.data, copy_of(image, inside))
        in_parts(lambda *part: copy_planes(*copy, *part), threads)
        layer = (store, weights, taps, places, runs, scales, flat, scratch, s)
        in_parts(lambda *part: sweep(*layer, *part), threads)

    return run


def ready(problem: Problem, threads: int, signs: bool) -> Ready:
    """The float convolution, or with `signs` that of +-1 weights, made ready.

    Raises:
        UsageError: less than one thread, or a problem with the map K.
    """
    check(problem, threads)
    run = convolution(
        problem.op,
        problem.shape,
        problem.weight,
        alpha=problem.alpha,
        norm=problem.norm,
        threads=threads,
        signs=signs,
    )
    versions = {"numba": numba.__version__, "llvmlite": llvmlite.__version__}
    settings = {
        "tile": f"{ROWS} filters x {LANES} positions",
        "vectors": f"{HOST.vector_bits} bits",
    }
    return Ready(filling(problem, run), threads, versions, settings)


def _sizes(op: Conv, shape: tuple[int, int, int, int]) -> _Sizes:
    batch, channels, *size = shape
    axes = zip(size, op.kernel, op.stride, op.padding, op.dilation, strict=True)
    height, width = (length + sum(pads) for length, pads in zip(size, op.padding, strict=True))
    inner, filters = channels // op.groups, op.out_channels // op.groups
    out = (window_output(*axis) for axis in axes)
    return _Sizes(batch, op.groups, inner, height, width, filters, *out, *op.stride)


def _tap_offsets(op: Conv, s: _Sizes) -> Array:
    """Where each product of the reduction reads, from its position's first: int64 (K) [element]."""
    channel, y, x = np.ix_(np.arange(s.channels), *(np.arange(n) for n in op.kernel))
    down, across = op.dilation
    return ((channel * s.height + y * down) * s.width + x * across).ravel()


def _lanes(s: _Sizes) -> tuple[Array, Array]:
    """Where the lanes of each panel read (panels, LANES), and their runs (see `_gather`)."""
    y, x = np.ix_(np.arange(s.out_height), np.arange(s.out_width))
    places = (y * s.stride_y * s.width + x * s.stride_x).ravel()
    places = np.pad(places, (0, -len(places) % LANES), mode="edge").reshape(-1, LANES)
    runs = np.zeros((len(places), LANES + 1), np.int64)
    if s.stride_x <= 2:
        for run, panel in zip(runs, places, strict=True):
            moves = np.diff(panel)
            if not ((moves == 0) | (moves >= s.stride_x)).all():
                continue  # lanes before a run would read before the image
            begins = np.flatnonzero(moves > s.stride_x) + 1
            run[: len(begins) + 2] = len(begins) + 1, 0, *begins
    return places, runs


def _inside(op: Conv, shape: tuple[int, int, int, int], s: _Sizes, store: Array) -> Array:
    """Where the image goes in `store`, which has its padding: (batch, channels, height, width)."""
    (top, _), (left, _) = op.padding
    planes = store[:, :-BEYOND].reshape(s.batch, shape[1], s.height, s.width)
    return planes[:, :, top : top + shape[2], left : left + shape[3]]


def _layout(
    weight: Array, s: _Sizes, threads: int, signs: bool
) -> tuple[Any, Callable[[], Array], Array]:
    """The sweep for a layer, what gives its weights as that reads them, and its scratch."""
    k, filters = weight[0].size, s.groups * s.filters
    flat = np.ascontiguousarray(weight, np.float32).reshape(filters, k)
    if s.filters <= 2:
        scratch = aligned((threads, LANES), np.float32)
        if not signs:
            return _convolve_few, lambda: flat, scratch
        bits = np.packbits(flat >= 0, axis=1)
        return _convolve_few, lambda: _signs(bits, k), scratch
    tiles = -(-s.filters // ROWS)
    if signs:
        words = np.zeros((s.groups, tiles * ROWS, -(-k // _TABLED) * _TABLED), bool)
        words[:, : s.filters, :k] = flat.reshape(s.groups, s.filters, k) >= 0
        packed = np.packbits(words, axis=2, bitorder="little").view("<u8")
        size = 5 * _TABLED * LANES + _held(tiles)
        tiled = _tiled(packed, tiles)
        return _convolve_signs, lambda: tiled, aligned((threads, size), np.float32)
    filled = np.zeros((s.groups, tiles * ROWS, k), np.float32)
    filled[:, : s.filters] = flat.reshape(s.groups, s.filters, k)
    size = _DEPTH * LANES + _held(tiles)
    tiled = _tiled(filled, tiles)
    return _convolve, lambda: tiled, aligned((threads, size), np.float32)


def _held(tiles: int) -> int:
    """Elements of the sums that are held at a time."""
    panel = tiles * ROWS * LANES
    return min(max(_HELD // (4 * panel), 1), _PANELS) * panel


def _tiled(rows: Array, tiles: int) -> Array:
    """(groups, tiles x ROWS, K) as (groups, tiles, K, ROWS)."""
    split = rows.reshape(rows.shape[0], tiles, ROWS, rows.shape[2])
    return np.ascontiguousarray(split.swapaxes(2, 3))


def _signs(bits: Array, k: int) -> Array:
    """+-1 as float32 of packed bits (filters, bytes)."""
    return np.unpackbits(bits, axis=1, count=k) * np.float32(2) - np.float32(1)


def _positions(out: Array) -> Array:
    """`out` with its last two axes as one, in its own memory."""
    flat = out.reshape(*out.shape[:2], out.shape[2] * out.shape[3])
    if out.size and not np.may_share_memory(flat, out):
        raise UsageError(f"results need evenly spaced positions, not strides {out.strides}")
    return flat
