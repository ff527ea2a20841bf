"""How many operations a layer needs: small integer functions of shapes, one a layer kind.

Conventions. A multiply-accumulate (MAC) is one operation; taps on padding are counted in `macs`
and left out of `macs_valid`; bias is not a MAC. `fp_ops` are the high-precision operations that
are not MACs, where one addition, multiplication, division, comparison, conversion or evaluation
of exp, log, sqrt, tanh, erf or pow is one operation. Counts are Python integers, never rounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import singledispatch
from math import prod

from xnorsim.errors import XnorsimError
from xnorsim.network import ops
from xnorsim.network.graph import TensorSpec
from xnorsim.network.ops import Function, Operator
from xnorsim.network.precision import FP32, Scaling, Scheme
from xnorsim.network.shapes import RECURRENT_GATES
from xnorsim.work.arithmetic import (
    FUNCTION_OPS,
    GATE_OPS,
    conv_macs,
    dense_macs,
    k_map_ops,
    recurrent_macs,
    reduction_ops,
    valid_taps,
)

__all__ = ["FP_KINDS", "LayerCounts", "Operands", "count"]

FP_KINDS = {
    "bias": "one addition an output",
    "alpha": "scaling of a binary layer's output by alpha",
    "k_mean": "K map: mean of |I| over channels",
    "k_box": "K map: box filter over the filter's taps",
    "k_product": "product of a binary layer's output and K",
    "bn": "batch normalization as one multiplication and one addition",
    "relu": "one comparison",
    "activation": "other elementwise functions",
    "pool": "comparisons or additions of a pool's windows",
    "add": "residual additions",
    "elementwise": "other operators of two tensors, comparisons included",
    "reduce": "reductions over whole axes",
    "softmax": "maximum, difference, exp, sum, quotient",
    "normalize": "local response, layer, instance and group normalization",
    "resize": "interpolation",
    "quantize": "conversions between floats and integers",
    "recurrent": "gates of recurrent layers",
    "scale": "constant factors of a matrix product",
}
"""The kinds of high-precision operations that are not MACs."""


@dataclass(frozen=True, slots=True)
class Operands:
    """What a count depends on besides the op: shapes, parameters by role, and the scheme."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    parameters: Mapping[str, TensorSpec] = field(default_factory=dict)
    scheme: Scheme = FP32

    @property
    def output_elements(self) -> int:
        """Elements written, over all outputs."""
        return sum(spec.elements for spec in self.outputs)


@dataclass(frozen=True, slots=True)
class LayerCounts:
    """The operations of one layer. `fp_ops` maps a kind of FP_KINDS to a count."""

    macs: int = 0
    macs_valid: int = 0
    fp_ops: Mapping[str, int] = field(default_factory=dict)
    binarize_ops: int = 0


@singledispatch
def count(op: object, at: Operands) -> LayerCounts:
    """The operations of `op` at the given operands.

    Raises:
        XnorsimError: the layer kind has no rule.
    """
    raise XnorsimError(f"count has no rule for layer kind {type(op).__name__}")


def _pairs(op: ops.Conv | ops.ConvTranspose, size: Sequence[int], out: Sequence[int]) -> int:
    """Over all axes: pairs of output position and tap that read an input of `size`."""
    axes = zip(size, out, op.kernel, op.stride, op.padding, op.dilation, strict=True)
    return prod(
        valid_taps(size, out, kernel, stride, before, dilation)
        for size, out, kernel, stride, (before, _after), dilation in axes
    )


@count.register
def _(op: ops.Conv, at: Operands) -> LayerCounts:
    source, result = at.inputs[0].shape, at.outputs[0].shape
    channels = source[1] // op.groups
    macs = conv_macs(result, (result[1], channels, *op.kernel))
    valid = result[0] * result[1] * channels * _pairs(op, source[2:], result[2:])
    return _multiplying(op, at, macs, valid)


@count.register
def _(op: ops.ConvTranspose, at: Operands) -> LayerCounts:
    source, result = at.inputs[0].shape, at.outputs[0].shape
    filters = op.out_channels // op.groups
    macs = prod(source) * filters * prod(op.kernel)
    # input i and tap t write output i * stride + t * dilation - before: a convolution backwards
    valid = source[0] * source[1] * filters * _pairs(op, result[2:], source[2:])
    return _multiplying(op, at, macs, valid)


@count.register
def _(op: ops.Dense, at: Operands) -> LayerCounts:
    macs = dense_macs(at.output_elements, op.in_features)
    counts = _multiplying(op, at, macs, macs)
    if op.alpha == 1:
        return counts
    return replace(counts, fp_ops={**counts.fp_ops, "scale": at.output_elements})


def _multiplying(
    op: ops.Conv | ops.ConvTranspose | ops.Dense, at: Operands, macs: int, valid: int
) -> LayerCounts:
    """Counts of a layer with weights: MACs, bias, and the scaling of a binary result."""
    fp_ops = {}
    outputs = at.output_elements
    if "bias" in at.parameters:
        fp_ops["bias"] = outputs
    if at.scheme.scaling is not Scaling.NONE:
        fp_ops["alpha"] = outputs
    if at.scheme.scaling is Scaling.ALPHA_K:
        inputs = at.inputs[0].elements
        if isinstance(op, ops.Dense):  # K is one mean, the paper's beta: there is no box
            fp_ops |= k_map_ops(inputs, outputs, positions=0, taps=0)
        else:
            # a transposed box spreads each input position over its taps
            spread = isinstance(op, ops.ConvTranspose)
            channels = at.inputs[0].shape[1] if spread else op.out_channels
            positions = (inputs if spread else outputs) // channels * op.groups
            fp_ops |= k_map_ops(inputs, outputs, positions, prod(op.kernel))
    return LayerCounts(macs, valid, {name: n for name, n in fp_ops.items() if n})


@count.register
def _(op: ops.MatMul, at: Operands) -> LayerCounts:
    left = at.parameters["left"] if "left" in at.parameters else at.inputs[0]
    macs = dense_macs(at.output_elements, left.shape[-1])
    return LayerCounts(macs, macs)


@count.register
def _(op: ops.Recurrent, at: Operands) -> LayerCounts:
    *steps, features = at.inputs[0].shape
    gates = RECURRENT_GATES[op.cell]
    macs = recurrent_macs(prod(steps), features, op.hidden, gates, op.directions)
    elements = prod(steps) * op.directions * op.hidden
    return LayerCounts(macs, macs, {"recurrent": elements * GATE_OPS[op.cell]})


@count.register
def _(op: ops.BatchNorm, at: Operands) -> LayerCounts:
    return LayerCounts(fp_ops={"bn": 2 * at.outputs[0].elements})


@count.register
def _(op: ops.Normalize, at: Operands) -> LayerCounts:
    # centred: sum, difference, square, sum, scaling; without the mean: square, sum, scaling
    each = (5 if op.centered else 3) + len({"scale", "shift"} & set(at.parameters))
    return LayerCounts(fp_ops={"normalize": each * at.outputs[0].elements})


@count.register
def _(op: ops.LocalResponseNorm, at: Operands) -> LayerCounts:
    # one square, size - 1 additions, then multiply, add, pow, divide
    return LayerCounts(fp_ops={"normalize": (op.size + 4) * at.outputs[0].elements})


@count.register
def _(op: ops.Activation, at: Operands) -> LayerCounts:
    name = "relu" if op.function is Function.RELU else "activation"
    each = FUNCTION_OPS[op.function]
    if op.function is Function.CLIP and op.constants:
        each = len(op.constants)  # one comparison a bound
    return LayerCounts(fp_ops={name: each * at.outputs[0].elements})


@count.register
def _(op: ops.Sign, at: Operands) -> LayerCounts:
    return LayerCounts(binarize_ops=at.inputs[0].elements)


@count.register
def _(op: ops.Quantize, at: Operands) -> LayerCounts:
    # multiply by 1 / scale, add the zero point, round and saturate
    return LayerCounts(fp_ops={"quantize": 3 * at.outputs[0].elements})


@count.register
def _(op: ops.Dequantize, at: Operands) -> LayerCounts:
    # subtract the zero point, multiply
    return LayerCounts(fp_ops={"quantize": 2 * at.outputs[0].elements})


@count.register
def _(op: ops.Thresholds, at: Operands) -> LayerCounts:
    # a comparison with each threshold, and the sum of what they say
    levels = at.parameters["thresholds"].shape[1]
    return LayerCounts(fp_ops={"quantize": (2 * levels - 1) * at.outputs[0].elements})


@count.register
def _(op: ops.Cast, at: Operands) -> LayerCounts:
    changes = at.inputs[0].encoding != op.to
    return LayerCounts(fp_ops={"quantize": at.outputs[0].elements} if changes else {})


@count.register
def _(op: ops.Elementwise, at: Operands) -> LayerCounts:
    operands = len(at.inputs) + len(at.parameters)
    steps = operands if op.operator is Operator.MEAN else operands - 1
    name = "elementwise"
    if op.operator is Operator.ADD:
        name = "add"
        if at.parameters:
            name = "bias" if _is_per_channel(at) else "elementwise"
    return LayerCounts(fp_ops={name: steps * at.outputs[0].elements})


def _is_per_channel(at: Operands) -> bool:
    """Whether the constant operand has one value a channel, first or last axis."""
    (constant,) = at.parameters.values() if len(at.parameters) == 1 else (None,)
    shape = at.outputs[0].shape
    return constant is not None and len(shape) > 1 and constant.elements in (shape[1], shape[-1])


@count.register
def _(op: ops.Compare, at: Operands) -> LayerCounts:
    return LayerCounts(fp_ops={"elementwise": at.outputs[0].elements})


@count.register
def _(op: ops.Pool, at: Operands) -> LayerCounts:
    outputs = at.outputs[0].elements
    return LayerCounts(
        fp_ops={"pool": reduction_ops(op.reduction, outputs * prod(op.kernel), outputs)}
    )


@count.register
def _(op: ops.Reduce, at: Operands) -> LayerCounts:
    inputs, outputs = at.inputs[0].elements, at.outputs[0].elements
    return LayerCounts(fp_ops={"reduce": reduction_ops(op.reduction, inputs, outputs)})


@count.register
def _(op: ops.Softmax, at: Operands) -> LayerCounts:
    # maximum, difference, exp, sum, and a quotient or a difference of logarithms
    return LayerCounts(fp_ops={"softmax": 5 * at.outputs[0].elements})


@count.register
def _(op: ops.Resize, at: Operands) -> LayerCounts:
    pairs = zip(at.inputs[0].shape, at.outputs[0].shape, strict=True)
    axes = sum(before != after for before, after in pairs)
    taps = {"linear": 2, "cubic": 4}.get(op.mode, 1) ** axes
    # `taps` products and taps - 1 additions; nearest copies
    each = 2 * taps - 1 if taps > 1 else 0
    return LayerCounts(fp_ops={"resize": each * at.outputs[0].elements} if each else {})


def _moves(op: ops.Op, at: Operands) -> LayerCounts:
    """Moves, renames or selects elements, or is known before the run: no arithmetic."""
    return LayerCounts()


def _uncounted(op: ops.Unknown, at: Operands) -> LayerCounts:
    """Unknown work, reported as such: the totals of its network are lower bounds."""
    return LayerCounts()


for _kind in (
    ops.Concat,
    ops.Split,
    ops.Slice,
    ops.Pad,
    ops.Reshape,
    ops.Transpose,
    ops.Rearrange,
    ops.Expand,
    ops.Gather,
    ops.Select,
    ops.Identity,
    ops.Constant,
):
    count.register(_kind)(_moves)
count.register(ops.Unknown)(_uncounted)
