"""What a layer writes, from what it reads: one rule for each kind in `ops.KINDS`.

    output_specs(op, *inputs, **parameters) -> (TensorSpec, ...)

`inputs` are the activations in order, `parameters` the constants by role, as in a Node: a role
that is not among the parameters is read from the next input. The sizes come from extents.py.

Encodings: a product of integers is an int32 accumulator; one of +-1 and +-1, or one that alpha
scales, is written as float32; with a float on either side the result is that float. Comparisons
give bool, Sign gives bipolar; most others keep what they read. What leaves the values of a 1- or
2-bit encoding, such as a sum or a mean of +-1, is written as float32.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch, wraps
from math import prod

from xnorsim.errors import ShapeError, UnsupportedOpError
from xnorsim.network import ops
from xnorsim.network.extents import (
    axis_index,
    broadcast,
    concat_shape,
    matmul_shape,
    reduce_shape,
    repeats_to,
    slice_length,
    transposed_output,
    window_output,
)
from xnorsim.network.graph import TensorSpec
from xnorsim.network.operands import (
    RECURRENT_GATES,
    check_groups,
    check_recurrent,
    check_statistics,
    check_stretches,
    check_thresholds,
    check_vectors,
    check_weight,
    operands,
    require,
)
from xnorsim.network.precision import BIPOLAR, ENCODINGS, FLOAT32, INT64
from xnorsim.network.results import combined, joint, product_encoding, reduced, widened

__all__ = ["RECURRENT_GATES", "output_specs", "product_encoding"]

Specs = tuple[TensorSpec, ...]


@singledispatch
def output_specs(op: ops.Op, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    """Shape and encoding of each tensor that `op` writes.

    All results that a layer can have, of which a node may use the first few: a recurrent layer's
    sequence, last state and (LSTM) last cell; a max pool's indices; a layer normalization's mean
    and 1 / deviation; a dynamic quantization's scale and zero point.

    >>> image, weight = TensorSpec((1, 3, 8, 8), FLOAT32), TensorSpec((16, 3, 3, 3), FLOAT32)
    >>> conv = ops.Conv(16, (3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1))
    >>> str(output_specs(conv, image, weight=weight)[0])
    'float32[1, 16, 4, 4]'

    Raises:
        ShapeError: the operands do not fit the op or each other; the message has both values.
        UnsupportedOpError: no rule for this kind.
    """
    raise UnsupportedOpError(f"shapes.output_specs has no rule for {type(op).__name__}")


def _rule(function: Callable[..., Specs]) -> Callable[..., Specs]:
    """`function` as the rule of the kinds it is annotated with; faults get the kind's name."""

    @wraps(function)
    def named(op: ops.Op, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
        try:
            return function(op, *inputs, **parameters)
        except ShapeError as fault:
            raise ShapeError(f"{ops.kind(op)}: {fault}") from fault

    return output_specs.register(named)


def _spatial(
    op: ops.Conv | ops.ConvTranspose | ops.Pool, image: TensorSpec
) -> list[tuple[int, int, int, tuple[int, int], int]]:
    """(size, kernel, stride, padding, dilation) for each spatial axis."""
    rank = len(image.shape) - 2
    require(rank > 0, f"input {list(image.shape)} has no axes after batch and channels")
    for name in ("kernel", "stride", "padding", "dilation"):
        given = getattr(op, name)
        require(
            len(given) == rank,
            f"{name} {list(given)} is for {len(given)} axes, input {list(image.shape)} has {rank}",
        )
    return list(zip(image.shape[2:], op.kernel, op.stride, op.padding, op.dilation, strict=True))


# Products


@_rule
def _(op: ops.Conv, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    image, weight = operands(inputs, parameters, "input", "weight")
    axes = _spatial(op, image)
    batch, channels = image.shape[:2]
    check_groups(op.groups, channels, op.out_channels)
    expected = (op.out_channels, channels // op.groups, *op.kernel)
    check_weight("weight", weight, expected, image)
    check_vectors(parameters, op.out_channels, "bias")
    sizes = [window_output(*axis) for axis in axes]
    encoding = product_encoding(weight.encoding, image.encoding, "alpha" in parameters)
    return (TensorSpec((batch, op.out_channels, *sizes), encoding),)


@_rule
def _(op: ops.ConvTranspose, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    image, weight = operands(inputs, parameters, "input", "weight")
    axes = _spatial(op, image)
    batch, channels = image.shape[:2]
    check_groups(op.groups, channels, op.out_channels)
    expected = (channels, op.out_channels // op.groups, *op.kernel)
    check_weight("weight", weight, expected, image)
    check_vectors(parameters, op.out_channels, "bias")
    extra = op.output_padding or (0,) * len(axes)
    require(len(extra) == len(axes), f"output padding {list(extra)} is not for {len(axes)} axes")
    sizes = [transposed_output(*axis, more) for axis, more in zip(axes, extra, strict=True)]
    encoding = product_encoding(weight.encoding, image.encoding, "alpha" in parameters)
    return (TensorSpec((batch, op.out_channels, *sizes), encoding),)


@_rule
def _(op: ops.Dense, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    data, weight = operands(inputs, parameters, "input", "weight")
    require(len(data.shape) > 0, "the input is a scalar")
    shape = data.shape
    if op.transpose_input:
        require(len(shape) == 2, f"only a matrix can be transposed, not input {list(shape)}")
        shape = shape[::-1]
    require(
        shape[-1] == op.in_features,
        f"input {list(data.shape)} has {shape[-1]} features, the layer takes {op.in_features}",
    )
    expected = (op.in_features, op.out_features)
    check_weight("weight", weight, expected[::-1] if op.transpose_weight else expected, data)
    result = (*shape[:-1], op.out_features)
    if "bias" in parameters:
        check_stretches("bias", parameters["bias"], result)
    encoding = product_encoding(weight.encoding, data.encoding, "alpha" in parameters)
    return (TensorSpec(result, encoding),)


@_rule
def _(op: ops.MatMul, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    left, right = operands(inputs, parameters, "left", "right")
    encoding = product_encoding(right.encoding, left.encoding)
    return (TensorSpec(matmul_shape(left.shape, right.shape), encoding),)


@_rule
def _(op: ops.Recurrent, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    data, weight, recurrence = operands(inputs, parameters, "input", "weight", "recurrence")
    check_recurrent(op, data, weight, recurrence, parameters)
    sequence = (data.shape[0], op.directions, data.shape[1], op.hidden)
    state = (op.directions, data.shape[1], op.hidden)
    if op.batch_first:
        sequence = (*data.shape[:2], op.directions, op.hidden)
        state = (data.shape[0], op.directions, op.hidden)
    states = [state] * (2 if op.cell == "lstm" else 1)
    return tuple(TensorSpec(shape, data.encoding) for shape in (sequence, *states))


# Element by element


@_rule
def _(op: ops.BatchNorm, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    (data,) = operands(inputs, parameters, "input")
    channels = data.shape[1] if len(data.shape) > 1 else 1
    check_vectors(parameters, channels, "scale", "shift", "mean", "variance")
    return (TensorSpec(data.shape, widened(data.encoding)),)


@_rule
def _(op: ops.LocalResponseNorm, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    (data,) = operands(inputs, parameters, "input")
    require(len(data.shape) > 1, f"input {list(data.shape)} has no axis of channels")
    require(op.size >= 1, f"size must be at least 1, not {op.size}")
    return (TensorSpec(data.shape, widened(data.encoding)),)


@_rule
def _(op: ops.Normalize, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    (data,) = operands(inputs, parameters, "input")
    check_statistics(op, data, parameters)
    result = TensorSpec(data.shape, widened(data.encoding))
    if op.form != "layer":
        return (result,)
    statistics = TensorSpec(reduce_shape(data.shape, op.axes, True), FLOAT32)
    return result, statistics, statistics


@_rule
def _(op: ops.Identity, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    return operands(inputs, parameters, "input")


@_rule
def _(op: ops.Softmax, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    (data,) = operands(inputs, parameters, "input")
    axis_index(op.axis, len(data.shape))
    return (TensorSpec(data.shape, widened(data.encoding)),)


@_rule
def _(op: ops.Activation, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    (data,) = operands(inputs, parameters, "input")
    if "slope" in parameters:
        check_stretches("slope", parameters["slope"], data.shape)
    return (TensorSpec(data.shape, widened(data.encoding)),)


@_rule
def _(op: ops.Sign, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    (data,) = operands(inputs, parameters, "input")
    return (TensorSpec(data.shape, BIPOLAR),)


@_rule
def _(op: ops.Cast | ops.Dequantize, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    (data,) = operands(inputs, parameters, "input")
    return (TensorSpec(data.shape, op.to),)


@_rule
def _(op: ops.Quantize, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    (data,) = operands(inputs, parameters, "input")
    result = TensorSpec(data.shape, op.to)
    if not op.dynamic:
        return (result,)
    return result, TensorSpec((), FLOAT32), TensorSpec((), op.to)


@_rule
def _(op: ops.Thresholds, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    (data,) = operands(inputs, parameters, "input")
    check_thresholds(data, parameters)
    return (TensorSpec(data.shape, op.to),)


@_rule
def _(op: ops.Elementwise, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    (left,) = operands(inputs, parameters, "left")
    every = (*inputs, *parameters.values())
    encoding = combined(op.operator, left.encoding, (spec.encoding for spec in every))
    return (TensorSpec(broadcast(*(spec.shape for spec in every)), encoding),)


@_rule
def _(op: ops.Compare, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    left, right = operands(inputs, parameters, "left", "right")
    return (TensorSpec(broadcast(left.shape, right.shape), ENCODINGS["bool"]),)


@_rule
def _(op: ops.Select, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    condition, left, right = operands(inputs, parameters, "condition", "left", "right")
    shape = broadcast(condition.shape, left.shape, right.shape)
    return (TensorSpec(shape, joint([left.encoding, right.encoding])),)


# Reductions


@_rule
def _(op: ops.Pool, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    (image,) = operands(inputs, parameters, "input")
    sizes = [window_output(*axis, op.ceil_mode) for axis in _spatial(op, image)]
    shape = (*image.shape[:2], *sizes)
    result = TensorSpec(shape, reduced(op.reduction, image.encoding))
    is_max = op.reduction is ops.Reduction.MAX
    return (result, TensorSpec(shape, INT64)) if is_max else (result,)


@_rule
def _(op: ops.Reduce, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    (data,) = operands(inputs, parameters, "input")
    shape = reduce_shape(data.shape, op.axes, op.keepdims)
    return (TensorSpec(shape, reduced(op.reduction, data.encoding)),)


# The same elements elsewhere


@_rule
def _(op: ops.Concat, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    parts = (*inputs, *parameters.values())
    shape = concat_shape([part.shape for part in parts], op.axis)
    return (TensorSpec(shape, joint([part.encoding for part in parts])),)


@_rule
def _(op: ops.Split, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    (data,) = operands(inputs, parameters, "input")
    axis = axis_index(op.axis, len(data.shape))
    require(
        sum(op.sizes) == data.shape[axis],
        f"sizes {list(op.sizes)} add up to {sum(op.sizes)}, axis {axis} has {data.shape[axis]}",
    )
    shapes = [(*data.shape[:axis], size, *data.shape[axis + 1 :]) for size in op.sizes]
    return tuple(TensorSpec(shape, data.encoding) for shape in shapes)


@_rule
def _(op: ops.Slice, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    (data,) = operands(inputs, parameters, "input")
    lengths = {len(op.axes), len(op.starts), len(op.ends), len(op.steps)}
    require(len(lengths) == 1, f"axes, starts, ends and steps differ in number: {op}")
    sizes = list(data.shape)
    for axis, *bounds in zip(op.axes, op.starts, op.ends, op.steps, strict=True):
        index = axis_index(axis, len(sizes))
        sizes[index] = slice_length(data.shape[index], *bounds)
    return (TensorSpec(tuple(sizes), data.encoding),)


@_rule
def _(op: ops.Pad, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    (data,) = operands(inputs, parameters, "input")
    require(
        len(op.padding) == len(data.shape),
        f"padding for {len(op.padding)} axes, input {list(data.shape)} has {len(data.shape)}",
    )
    sizes = tuple(size + sum(pads) for size, pads in zip(data.shape, op.padding, strict=True))
    require(min(sizes, default=0) >= 0, f"{op.padding} leaves {list(sizes)} of {data.shape}")
    return (TensorSpec(sizes, data.encoding),)


@_rule
def _(op: ops.Reshape | ops.Rearrange, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    (data,) = operands(inputs, parameters, "input")
    require(
        min(op.shape, default=0) >= 0 and prod(op.shape) == data.elements,
        f"{data.elements} elements of {list(data.shape)} do not fill {list(op.shape)}",
    )
    return (TensorSpec(op.shape, data.encoding),)


@_rule
def _(op: ops.Transpose, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    (data,) = operands(inputs, parameters, "input")
    require(
        sorted(op.permutation) == list(range(len(data.shape))),
        f"{list(op.permutation)} does not permute the axes of {list(data.shape)}",
    )
    return (TensorSpec(tuple(data.shape[axis] for axis in op.permutation), data.encoding),)


@_rule
def _(op: ops.Expand, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    (data,) = operands(inputs, parameters, "input")
    require(
        repeats_to(data.shape, op.shape),
        f"{list(data.shape)} repeated does not fill {list(op.shape)}",
    )
    return (TensorSpec(op.shape, data.encoding),)


@_rule
def _(op: ops.Resize, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    (data,) = operands(inputs, parameters, "input")
    require(len(op.shape) == len(data.shape), f"{list(data.shape)} cannot be resized to {op.shape}")
    copies = op.mode == "nearest"
    return (TensorSpec(op.shape, data.encoding if copies else widened(data.encoding)),)


@_rule
def _(op: ops.Gather, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    # The table is what is read; indices alone among the parameters leave it to the inputs.
    tables = [spec for role, spec in parameters.items() if role != "indices"]
    (table,) = operands(tables or inputs, {}, "table")
    axis_index(op.axis, len(table.shape))
    return (TensorSpec(op.shape, table.encoding),)


# What says its own shape


@_rule
def _(op: ops.Constant, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    return (TensorSpec(op.shape, op.encoding),)


@_rule
def _(op: ops.Unknown, *inputs: TensorSpec, **parameters: TensorSpec) -> Specs:
    # Its encodings are not known: those of what it reads are the nearest guess.
    encoding = inputs[0].encoding if inputs else FLOAT32
    return tuple(TensorSpec(shape, encoding) for shape in op.shapes)
