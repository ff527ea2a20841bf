"""Pools: a reduction over windows.

Every reduction that a pool can be is made of reductions along one axis after the other, and that
of a tap after a tap over strided slices, so that numpy works on whole images. A tap that lies in
the padding for some windows passes over them: nothing is padded.

Order of sums: spatial axes from first to last; along each, taps from first to last.

Source: ONNX, MaxPool-22, AveragePool-22, LpPool-22, GlobalLpPool-22.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from xnorsim.exact.call import Call, operands
from xnorsim.exact.reference.dispatch import chosen, run
from xnorsim.exact.reference.widths import extremes, held, is_float, wide
from xnorsim.network import ops
from xnorsim.network.functions import Reduction

__all__ = ["Track", "window_sums"]

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Track:
    """How windows lie along one axis: `count` of them over `size` elements."""

    axis: int
    size: int
    count: int
    kernel: int
    stride: int = 1
    before: int = 0
    dilation: int = 1


def _taps(track: Track, rank: int) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """For each tap, the windows where it reads an element, and the elements that it reads."""
    whole = [slice(None)] * rank
    for tap in range(track.kernel):
        start = tap * track.dilation - track.before  # what the first window reads
        first = max(0, -(start // track.stride))
        stop = min(track.count, (track.size - 1 - start) // track.stride + 1)
        if first >= stop:
            continue
        windows, elements = list(whole), list(whole)
        windows[track.axis] = slice(first, stop)
        low = start + first * track.stride
        elements[track.axis] = slice(low, low + (stop - first - 1) * track.stride + 1, track.stride)
        yield tuple(windows), tuple(elements)


def _along(x: Array, track: Track, ufunc: np.ufunc, initial: float) -> Array:
    """`ufunc` over the windows along one axis; a window all in padding is `initial`."""
    shape = (*x.shape[: track.axis], track.count, *x.shape[track.axis + 1 :])
    result = np.full(shape, initial, x.dtype)
    for windows, elements in _taps(track, x.ndim):
        ufunc(result[windows], x[elements], out=result[windows])
    return result


def window_sums(x: Array, *tracks: Track) -> Array:
    """Sums over windows along the axes of `tracks`."""
    return reduce(lambda sums, track: _along(sums, track, np.add, 0), tracks, x)


def _tracks(op: ops.Pool, size: tuple[int, ...], counts: tuple[int, ...]) -> list[Track]:
    rows = zip(size, counts, op.kernel, op.stride, op.padding, op.dilation, strict=True)
    return [
        Track(axis, length, count, kernel, stride, before, dilation)
        for axis, (length, count, kernel, stride, (before, _), dilation) in enumerate(rows, 2)
    ]


@run.register
@np.errstate(all="ignore")
def _(op: ops.Pool, call: Call) -> tuple[Array, ...]:
    (x,) = operands(call, "input")
    tracks = _tracks(op, x.shape[2:], call.outputs[0].shape[2:])
    if len(call.outputs) > 1:
        return held(call, *_with_indices(op, x.astype(wide(x.dtype), copy=False), tracks))
    return held(call, _by_blocks(op, x, tracks))


_BLOCK = 2**16
"""Elements that are pooled at a time: between two axes they stay in the cache."""


def _by_blocks(op: ops.Pool, x: Array, tracks: list[Track]) -> Array:
    """A pool of a few images (of one channel) after the other."""
    pool, kind = chosen(_POOLS, op.reduction, "pool"), wide(x.dtype)
    images = x.reshape(-1, 1, *x.shape[2:])
    step = max(1, _BLOCK // images[0].size)
    first = pool(op, images[:step].astype(kind, copy=False), tracks)
    result = np.empty((len(images), *first.shape[1:]), first.dtype)
    result[:step] = first
    for start in range(step, len(images), step):
        block = slice(start, start + step)
        result[block] = pool(op, images[block].astype(kind, copy=False), tracks)
    return result.reshape(*x.shape[:2], *first.shape[2:])


def _is_whole(op: ops.Pool, x: Array) -> bool:
    """Whether the only window is the whole input."""
    return op.kernel == x.shape[2:] and not any(map(any, op.padding)) and set(op.dilation) == {1}


def _sums(op: ops.Pool, x: Array, tracks: list[Track]) -> Array:
    if _is_whole(op, x):
        return np.sum(x, axis=tuple(range(2, x.ndim)), keepdims=True)
    return window_sums(x, *tracks)


def _max(op: ops.Pool, x: Array, tracks: list[Track]) -> Array:
    if _is_whole(op, x):
        return np.max(x, axis=tuple(range(2, x.ndim)), keepdims=True)
    lowest, _ = extremes(x.dtype)
    return reduce(lambda best, track: _along(best, track, np.maximum, lowest), tracks, x)


def _mean(op: ops.Pool, x: Array, tracks: list[Track]) -> Array:
    """The sum over the taps that count, divided by their number; 0 where none does.

    Of the padding those taps count that the op states, if it includes them, and never those that a
    window reaches beyond it (with ceil_mode).
    """
    sums = _sums(op, _floats(x), tracks)
    counts = np.ones((), sums.dtype)
    for track, (before, after) in zip(tracks, op.padding, strict=True):
        pads = (before, after) if op.count_include_pad else (0, 0)
        size = track.size + sum(pads)
        own = replace(track, axis=0, size=size, before=track.before - pads[0])
        counts = np.multiply.outer(counts, window_sums(np.ones(size, sums.dtype), own))
    return np.divide(sums, np.maximum(counts, 1), out=sums)


def _l1(op: ops.Pool, x: Array, tracks: list[Track]) -> Array:
    return _sums(op, np.abs(_floats(x)), tracks)


def _l2(op: ops.Pool, x: Array, tracks: list[Track]) -> Array:
    return np.sqrt(_sums(op, np.square(_floats(x)), tracks))


def _lp(op: ops.Pool, x: Array, tracks: list[Track]) -> Array:
    sums = _sums(op, np.abs(_floats(x)) ** op.order, tracks)
    return sums ** sums.dtype.type(1 / op.order)


def _floats(x: Array) -> Array:
    return x if is_float(x.dtype) else x.astype(np.float32)


_POOLS: dict[Reduction, Callable[[ops.Pool, Array, list[Track]], Array]] = {
    Reduction.MAX: _max,
    Reduction.MEAN: _mean,
    Reduction.L1: _l1,
    Reduction.L2: _l2,
    Reduction.LP: _lp,
}


def _with_indices(op: ops.Pool, x: Array, tracks: list[Track]) -> tuple[Array, Array]:
    """The maxima, and where in the flat input each is; of equal ones the first in row-major order.

    To find that one the axes are walked from the last to the first. A window all in padding has
    index -1.
    """
    images = np.arange(x.shape[0] * x.shape[1]).reshape(*x.shape[:2], *(1,) * len(tracks))
    inner = np.arange(np.prod(x.shape[2:], dtype=np.int64))
    places = inner.reshape(x.shape[2:], order="F" if op.column_major else "C")
    best, found = x, images * inner.size + places
    lowest, _ = extremes(x.dtype)
    for track in reversed(tracks):
        shape = (*best.shape[: track.axis], track.count, *best.shape[track.axis + 1 :])
        values, indices = np.full(shape, lowest, x.dtype), np.full(shape, -1)
        for windows, elements in _taps(track, x.ndim):
            offered = best[elements]
            held_now = values[windows]
            better = (indices[windows] < 0) | ~(offered <= held_now)
            better &= held_now == held_now  # a NaN stays, as in a pool without indices
            np.copyto(held_now, offered, where=better)
            np.copyto(indices[windows], found[elements], where=better)
        best, found = values, indices
    return best, found
