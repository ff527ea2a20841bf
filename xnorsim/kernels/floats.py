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
from xnorsim.kernels.compiled import HOST, address, aligned, compiled, inner
from xnorsim.kernels.crew import in_parts
from xnorsim.kernels.float_problems import check, filling
from xnorsim.kernels.float_tiles import (
    CHUNK,
    LANES,
    ROWS,
    add_float_products,
    add_table_rows,
    fill_table,
    move,
    scale,
    window_sums,
)
from xnorsim.kernels.problem import Problem, Ready, scales_of
from xnorsim.network.extents import window_output
from xnorsim.network.ops import Conv

__all__ = ["convolution", "ready"]

Array = np.ndarray
Run = Callable[[Array, Array], None]

_DEPTH = 256
"""Products of a block of floats: a panel's columns are 16 KiB, half of a first-level cache."""

_PANELS = 16
"""Panels whose sums are held at a time, so that a block of weights is fetched once for them."""

_TABLED = 64
"""Products of a block of +-1 weights: the tables of a panel are 16 KiB."""


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


@compiled
def _pad(image, padded, top, left, part, parts):
    batch, channels, height, width = image.shape
    planes = batch * channels
    for plane in range(planes * part // parts, planes * (part + 1) // parts):
        sample, channel = plane // channels, plane % channels
        for y in range(height):
            for x in range(width):
                padded[sample, channel, top + y, left + x] = image[sample, channel, y, x]


@inner
def _gather(columns, image, taps, places, runs):
    """columns[tap][LANES] of one panel; lanes past the last position hold what they like.

    Lane i reads at places[i] + tap. `runs` are the lanes where a row of neighbours begins, after
    their number; none if neighbours are apart.
    """
    if runs[0] == 0:
        for tap in range(taps.size):
            for lane in range(LANES):
                columns[tap * LANES + lane] = image[taps[tap] + places[lane]]
        return
    to, source = address(columns), address(image)
    for tap in range(taps.size):
        for run in range(1, runs[0] + 1):  # each writes past its end, where the next one begins
            lane = runs[run]
            move(to + 4 * (tap * LANES + lane), source + 4 * (taps[tap] + places[lane]))


@inner
def _finish(out, sums, scales, first):
    """out[filter, position] from the position `first` on, of one sample and a group's filters."""
    count = min(LANES, out.shape[1] - first)
    row, position = out.strides
    whole = count == LANES and position == 4
    for f in range(out.shape[0]):
        alpha, a, b = scales[0, f], scales[1, f], scales[2, f]
        if whole:
            to = address(out) + f * row + 4 * first
            scale(to, address(sums) + 4 * f * LANES, alpha, a, b)
        else:
            for lane in range(count):
                out[f, first + lane] = sums[f * LANES + lane] * alpha * a + b


@compiled
def _convolve(padded, weights, taps, places, runs, scales, out, scratch, s, part, parts):
    """The panels of one part of the work. weights: float32 (groups, tiles, K, ROWS)."""
    panels = (s.out_height * s.out_width + LANES - 1) // LANES
    tiles, k = weights.shape[1:3]
    columns, sums = scratch[part, : (_DEPTH + 1) * LANES], scratch[part, (_DEPTH + 1) * LANES :]
    units = s.batch * s.groups * panels
    unit, last = units * part // parts, units * (part + 1) // parts
    while unit < last:
        sample, group = unit // panels // s.groups, unit // panels % s.groups
        first = unit % panels
        count = min(last - unit, _PANELS, panels - first)
        sums[: count * tiles * ROWS * LANES] = 0
        image = padded[sample, group * s.channels * s.height * s.width :]
        for step in range(0, k, _DEPTH):
            depth = min(_DEPTH, k - step)
            for i in range(count):
                _gather(
                    columns, image, taps[step : step + depth], places[first + i], runs[first + i]
                )
                for tile in range(tiles):
                    add_float_products(
                        address(sums) + (i * tiles + tile) * ROWS * 4 * LANES,
                        address(weights) + ((group * tiles + tile) * k + step) * ROWS * 4,
                        address(columns),
                        depth,
                    )
        for i in range(count):
            filters = slice(group * s.filters, (group + 1) * s.filters)
            there = sums[i * tiles * ROWS * LANES :]
            _finish(out[sample, filters], there, scales[:, filters], (first + i) * LANES)
        unit += count


@compiled
def _convolve_signs(padded, words, taps, places, runs, scales, out, scratch, s, part, parts):
    """The same by tables. words: uint16 (groups, tiles, chunks, ROWS)."""
    panels = (s.out_height * s.out_width + LANES - 1) // LANES
    tiles, chunks = words.shape[1:3]
    columns = scratch[part, : (_TABLED + 1) * LANES]
    tables = scratch[part, (_TABLED + 1) * LANES : (5 * _TABLED + 1) * LANES]
    sums = scratch[part, (5 * _TABLED + 1) * LANES :]
    units = s.batch * s.groups * panels
    for unit in range(units * part // parts, units * (part + 1) // parts):
        sample, group, panel = unit // panels // s.groups, unit // panels % s.groups, unit % panels
        sums[: tiles * ROWS * LANES] = 0
        image = padded[sample, group * s.channels * s.height * s.width :]
        for step in range(0, taps.size, _TABLED):
            depth = min(_TABLED, taps.size - step)
            count = (depth + CHUNK - 1) // CHUNK
            _gather(columns, image, taps[step : step + depth], places[panel], runs[panel])
            columns[depth * LANES : count * CHUNK * LANES] = 0
            for four in range(count * CHUNK // 4):
                fill_table(
                    address(tables) + four * 16 * 4 * LANES,
                    address(columns) + four * 4 * 4 * LANES,
                )
            for tile in range(tiles):
                add_table_rows(
                    address(sums) + tile * ROWS * 4 * LANES,
                    address(words) + ((group * tiles + tile) * chunks + step // CHUNK) * ROWS * 2,
                    address(tables),
                    count,
                )
        filters = slice(group * s.filters, (group + 1) * s.filters)
        _finish(out[sample, filters], sums, scales[:, filters], panel * LANES)


@compiled
def _convolve_few(padded, weights, taps, places, runs, scales, out, scratch, s, part, parts):
    """Few filters in a group, as of depthwise layers: no columns. weights: float32 (filters, K)."""
    sums = scratch[part]
    rows = s.batch * s.groups * s.filters * s.out_height
    for row in range(rows * part // parts, rows * (part + 1) // parts):
        y, plane = row % s.out_height, row // s.out_height
        sample, filter_ = plane // (s.groups * s.filters), plane % (s.groups * s.filters)
        group = filter_ // s.filters
        image, weight = padded[sample], weights[filter_]
        start = (group * s.channels * s.height + y * s.stride_y) * s.width
        for x in range(0, s.out_width, LANES):
            count = min(LANES, s.out_width - x)
            if s.stride_x == 1:
                window_sums(
                    address(sums),
                    address(image) + 4 * (start + x),
                    address(taps),
                    address(weight),
                    taps.size,
                )
            else:
                for lane in range(count):
                    total = np.float32(0)
                    for tap in range(taps.size):
                        total += weight[tap] * image[start + (x + lane) * s.stride_x + taps[tap]]
                    sums[lane] = total
            alpha, a, b = scales[0, filter_], scales[1, filter_], scales[2, filter_]
            for lane in range(count):
                out[sample, filter_, y * s.out_width + x + lane] = sums[lane] * alpha * a + b


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
    store = aligned((s.batch, shape[1] * s.height * s.width + LANES), np.float32)
    inside = store[:, :-LANES].reshape(s.batch, shape[1], s.height, s.width)
    taps, (places, runs) = _tap_offsets(op, s), _lanes(s)
    sweep, stored, scratch = _layout(weight, s, threads, signs)
    scales = scales_of(op.out_channels, alpha, norm)
    (top, _), (left, _) = op.padding

    def run(image: Array, out: Array) -> None:
        flat, weights = _positions(out), stored()
        in_parts(lambda *part: _pad(image, inside, top, left, *part), threads)
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
    if s.stride_x == 1:
        for run, panel in zip(runs, places, strict=True):
            begins = np.flatnonzero(np.diff(panel, prepend=-2) > 1)
            run[: len(begins) + 1] = len(begins), *begins
    return places, runs


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
        words = np.zeros((s.groups, tiles * ROWS, -(-k // CHUNK) * CHUNK), bool)
        words[:, : s.filters, :k] = flat.reshape(s.groups, s.filters, k) >= 0
        packed = np.packbits(words, axis=2, bitorder="little").view("<u2")
        size = (5 * _TABLED + 1) * LANES + tiles * ROWS * LANES
        tiled = _tiled(packed, tiles)
        return _convolve_signs, lambda: tiled, aligned((threads, size), np.float32)
    filled = np.zeros((s.groups, tiles * ROWS, k), np.float32)
    filled[:, : s.filters] = flat.reshape(s.groups, s.filters, k)
    size = (_DEPTH + 1) * LANES + _PANELS * tiles * ROWS * LANES
    tiled = _tiled(filled, tiles)
    return _convolve, lambda: tiled, aligned((threads, size), np.float32)


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
