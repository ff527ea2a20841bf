"""Plain loops over floats, one number at a time: the kind of baseline that speedups are told over.

    float-loop        nested loops, one sum: each product waits for the sum of the last one
    float-unrolled    the same for two filters at two positions at once: four sums

The innermost loop goes over channels, which lie next to each other: sum += image[i] * weight[i].

Compilers may not reorder sums of floats, so neither becomes vectors: a test reads the machine code.
Both run in one thread, as written.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from xnorsim.kernels.compiled import compiled
from xnorsim.kernels.float_problems import check, filling, output_shape
from xnorsim.kernels.float_tiles import multiply_add
from xnorsim.kernels.lanes import inlined
from xnorsim.kernels.problem import Problem, Ready, scales_of

__all__ = ["LOOPS", "plain", "ready", "unrolled"]

Array = np.ndarray


class _Sizes(NamedTuple):
    """A layer in unsigned numbers, of which compiled code need not ask whether they are below 0.

    height and width are of the padded image; channels and filters of a group.
    """

    batch: Any
    groups: Any
    filters: Any
    channels: Any
    height: Any
    width: Any
    kernel_height: Any
    kernel_width: Any
    stride_y: Any
    stride_x: Any
    dilation_y: Any
    dilation_x: Any
    out_height: Any
    out_width: Any


@compiled
def plain(image, weight, scales, out, s):
    """out = the convolution of a padded image (batch, height, width, channels).

    weight is (filters, *kernel, channels of a group); all arrays but scales are flat.
    """
    at = np.uint64(0)
    for sample in range(s.batch):
        for f in range(s.groups * s.filters):
            for y in range(s.out_height):
                for x in range(s.out_width):
                    total = np.float32(0)
                    for ky in range(s.kernel_height):
                        row = sample * s.height + y * s.stride_y + ky * s.dilation_y
                        for kx in range(s.kernel_width):
                            column = row * s.width + x * s.stride_x + kx * s.dilation_x
                            place = (column * s.groups + f // s.filters) * s.channels
                            tap = (f * s.kernel_height + ky) * s.kernel_width + kx
                            for c in range(s.channels):
                                total += image[place + c] * weight[tap * s.channels + c]
                    out[at] = total * scales[0, f] * scales[1, f] + scales[2, f]
                    at += np.uint64(1)


@compiled
def unrolled(image, weight, scales, out, s):
    """The same, 2 x 2 results at a time; of an odd number the last one is computed twice."""
    one, two = np.uint64(1), np.uint64(2)
    for sample in range(s.batch):
        for group in range(s.groups):
            for pair in range(np.uint64(0), s.filters, two):
                f, g = (
                    group * s.filters + pair,
                    group * s.filters + min(pair + one, s.filters - one),
                )
                for y in range(s.out_height):
                    for x in range(np.uint64(0), s.out_width, two):
                        z = min(x + one, s.out_width - one)
                        sums = _four_sums(image, weight, (sample, group, f, g), (y, x, z), s)
                        row = (sample * s.groups * s.filters + f) * s.out_height + y
                        _store(out, scales, sums[:2], f, row * s.out_width, (x, z))
                        row = (sample * s.groups * s.filters + g) * s.out_height + y
                        _store(out, scales, sums[2:], g, row * s.out_width, (x, z))


@inlined
def _store(out, scales, sums, f, row, places):
    for i in range(2):
        out[row + places[i]] = sums[i] * scales[0, f] * scales[1, f] + scales[2, f]


@inlined
def _four_sums(image, weight, of, at, s):
    a = b = c = d = np.float32(0)
    (sample, group, f, g), (y, x, z) = of, at
    across = (z - x) * s.stride_x * s.groups * s.channels
    other = (g - f) * s.kernel_height * s.kernel_width * s.channels
    for ky in range(s.kernel_height):
        row = sample * s.height + y * s.stride_y + ky * s.dilation_y
        for kx in range(s.kernel_width):
            column = row * s.width + x * s.stride_x + kx * s.dilation_x
            place = (column * s.groups + group) * s.channels
            tap = ((f * s.kernel_height + ky) * s.kernel_width + kx) * s.channels
            for channel in range(s.channels):
                left, right = image[place + channel], image[place + across + channel]
                one, two = weight[tap + channel], weight[tap + other + channel]
                a, b = multiply_add(left, one, a), multiply_add(right, one, b)
                c, d = multiply_add(left, two, c), multiply_add(right, two, d)
    return a, b, c, d


LOOPS: dict[str, Any] = {"float-loop": plain, "float-unrolled": unrolled}
"""Each loop by the name of its kernel."""


def ready(problem: Problem, threads: int, loop: str) -> Ready:
    """A loop of LOOPS made ready.

    Raises:
        UsageError: less than one thread, or a problem with the map K.
    """
    check(problem, threads)
    op, (batch, channels, *size) = problem.op, problem.shape
    (top, bottom), (left, right) = op.padding
    padded = np.zeros((batch, size[0] + top + bottom, size[1] + left + right, channels), np.float32)
    inside = padded[:, top : top + size[0], left : left + size[1]].transpose(0, 3, 1, 2)
    weight = np.ascontiguousarray(problem.weight.transpose(0, 2, 3, 1), np.float32)
    scales = scales_of(op.out_channels, problem.alpha, problem.norm)

    sizes = _sizes(problem, padded.shape)
    flat, filters = padded.reshape(-1), weight.reshape(-1)

    def run(image: Array, out: Array) -> None:
        inside[...] = image
        if image.size:
            LOOPS[loop](flat, filters, scales, out.reshape(-1), sizes)

    return Ready(filling(problem, run), 1, {"numba": numba.__version__}, {"threads": "one"})


def _sizes(problem: Problem, padded: tuple[int, ...]) -> _Sizes:
    op, (batch, height, width, channels) = problem.op, padded
    counts = (batch, op.groups, op.out_channels // op.groups, channels // op.groups, height, width)
    rest = (*op.kernel, *op.stride, *op.dilation, *output_shape(problem)[2:])
    return _Sizes(*map(np.uint64, (*counts, *rest)))
