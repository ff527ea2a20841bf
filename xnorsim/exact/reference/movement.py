"""Rules of what computes nothing: elements are moved, repeated, cut out or known beforehand.

Reshape, Transpose, Slice, Split and Identity return views of what they read.
"""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from xnorsim.errors import ModelError, UnsupportedOpError, choices
from xnorsim.exact.call import Call, operands, optional
from xnorsim.exact.encodings import dtype_of
from xnorsim.exact.reference.dispatch import chosen, run
from xnorsim.network import ops

__all__: list[str] = []

_DATA = "operand_0"  # the name of what is usually an activation, where it is a constant


@run.register
def _(op: ops.Identity, call: Call) -> tuple[np.ndarray, ...]:
    return operands(call, _DATA)


@run.register
def _(op: ops.Constant, call: Call) -> tuple[np.ndarray, ...]:
    return (np.full(op.shape, op.value, dtype_of(op.encoding)),)


@run.register
def _(op: ops.Reshape, call: Call) -> tuple[np.ndarray, ...]:
    (data,) = operands(call, _DATA)
    return (data.reshape(op.shape),)


@run.register
def _(op: ops.Transpose, call: Call) -> tuple[np.ndarray, ...]:
    (data,) = operands(call, _DATA)
    return (data.transpose(op.permutation),)


@run.register
def _(op: ops.Concat, call: Call) -> tuple[np.ndarray, ...]:
    count = len(call.inputs) + len(call.parameters)
    parts = operands(call, *(f"operand_{position}" for position in range(count)))
    return (np.concatenate(parts, axis=op.axis),)


@run.register
def _(op: ops.Split, call: Call) -> tuple[np.ndarray, ...]:
    (data,) = operands(call, _DATA)
    ends = list(accumulate(op.sizes))
    return tuple(np.split(data, ends[:-1], axis=op.axis)[: len(call.outputs)])


@run.register
def _(op: ops.Slice, call: Call) -> tuple[np.ndarray, ...]:
    """Bounds are clipped as numpy clips them, so -(2**63) with a negative step is the start."""
    (data,) = operands(call, _DATA)
    cuts = [slice(None)] * data.ndim
    for axis, *bounds in zip(op.axes, op.starts, op.ends, op.steps, strict=True):
        cuts[axis] = slice(*bounds)
    return (data[tuple(cuts)],)


@run.register
def _(op: ops.Expand, call: Call) -> tuple[np.ndarray, ...]:
    (data,) = operands(call, _DATA)
    shape = (1,) * (len(op.shape) - data.ndim) + data.shape
    repeats = [to // max(size, 1) for to, size in zip(op.shape, shape, strict=True)]
    return (np.tile(data, repeats),)


_PAD_MODES = ("constant", "edge", "reflect", "wrap")


@run.register
def _(op: ops.Pad, call: Call) -> tuple[np.ndarray, ...]:
    """Negative padding is cut off first, so a reflection is one of what remains.

    Source: ONNX, Pad-25; numpy.pad, whose modes have the same names.
    """
    if op.mode not in _PAD_MODES:
        raise UnsupportedOpError(f"no padding mode '{op.mode}': {choices(op.mode, _PAD_MODES)}")
    (data,) = operands(call, _DATA)
    cuts = tuple(
        slice(max(-before, 0), size - max(-after, 0))
        for size, (before, after) in zip(data.shape, op.padding, strict=True)
    )
    added = [(max(before, 0), max(after, 0)) for before, after in op.padding]
    if op.mode != "constant":
        return (np.pad(data[cuts], added, op.mode),)  # pyright: ignore[reportCallIssue, reportArgumentType]
    given = optional(call, "value")
    value = np.asarray(op.value if given is None or given.size == 0 else given).reshape(())
    return (np.pad(data[cuts], added, constant_values=value.astype(data.dtype)),)


# Every form splits two axes by the block and joins others: (sizes before, order of axes).
_FORMS = {
    "depth_to_space": ("nbpcyx", "ncybxp"),
    "depth_to_space_crd": ("ncbpyx", "ncybxp"),
    "space_to_depth": ("ncybxp", "nbpcyx"),
    "space_to_depth_crd": ("ncybxp", "ncbpyx"),
}


@run.register
def _(op: ops.Rearrange, call: Call) -> tuple[np.ndarray, ...]:
    """The block is the high part of the channels' number, in the crd forms the low one.

    Letters name the axes of the split image: n batch, c channels, y and x blocks, b and p the row
    and column inside a block. Source: ONNX, DepthToSpace-13 and SpaceToDepth-28.
    """
    before, after = chosen(_FORMS, op.form, "rearrangement")
    (data,) = operands(call, _DATA)
    if data.ndim != 4:
        raise ModelError(f"{op.form} takes (batch, channels, rows, columns), not {data.shape}")
    # of the two images, the deeper one has the blocks' numbers and the channels times the block
    batch, depth, rows, columns = max(data.shape, op.shape, key=lambda shape: shape[1])
    sizes = {"n": batch, "y": rows, "x": columns, "b": op.block, "p": op.block}
    sizes["c"] = depth // op.block**2
    split = data.reshape([sizes[axis] for axis in before])
    return (split.transpose([before.index(axis) for axis in after]).reshape(op.shape),)
