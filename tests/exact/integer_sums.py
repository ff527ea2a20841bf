"""Convolutions as sums over filter taps of slices: no columns, no packing."""

from __future__ import annotations

import numpy as np

from xnorsim.network import ops

Array = np.ndarray


def windows(image: Array, op: ops.Conv, fill: float) -> tuple[Array, tuple[int, ...]]:
    """(taps, batch, groups, channels, positions): what each tap reads, and the output's size."""
    axes = list(zip(image.shape[2:], op.kernel, op.stride, op.padding, op.dilation, strict=True))
    out = tuple((n + sum(p) - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in axes)
    padded = np.pad(image, ((0, 0), (0, 0), *op.padding), constant_values=fill)
    taps = []
    for tap in np.ndindex(*op.kernel):
        where = [
            slice(t * d, t * d + s * (o - 1) + 1, s)
            for t, o, s, d in zip(tap, out, op.stride, op.dilation, strict=True)
        ]
        taps.append(padded[(slice(None), slice(None), *where)])
    return np.stack(taps).reshape(len(taps), len(image), op.groups, -1, int(np.prod(out))), out


def convolved(image: Array, weight: Array, op: ops.Conv, fill: float = 0) -> Array:
    """The sums of products, in the type of the operands."""
    read, out = windows(image, op, fill)
    filters = weight.reshape(op.groups, -1, *weight.shape[1:]).reshape(
        op.groups, op.out_channels // op.groups, weight.shape[1], -1
    )
    total = sum(filters[..., tap] @ read[tap] for tap in range(len(read)))
    assert isinstance(total, np.ndarray)
    return total.reshape(len(image), op.out_channels, *out)
