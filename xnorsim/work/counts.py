"""How many operations a layer needs: small integer functions of shapes, one a layer kind.

Conventions. A multiply-accumulate (MAC) is one operation; taps on padding are counted in `macs`
and left out of `macs_valid`; bias is not a MAC. `fp_ops` are the high-precision operations that
are not MACs, where one addition, multiplication, division, comparison, conversion or evaluation
of exp, log, sqrt, tanh, erf or pow is one operation. Counts are Python integers, never rounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from math import prod

from xnorsim.errors import XnorsimError
from xnorsim.network import ops
from xnorsim.network.graph import TensorSpec
from xnorsim.network.ops import Function, Operator, Reduction
from xnorsim.network.precision import FP32, Scaling, Scheme

__all__ = [
    "FP_KINDS",
    "FUNCTION_OPS",
    "LayerCounts",
    "Operands",
    "conv_macs",
    "count",
    "dense_macs",
    "k_map_ops",
    "recurrent_macs",
    "reduction_ops",
    "valid_taps",
]

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


# --- arithmetic, one function an equation ---------------------------------------------------------


def conv_macs(output: tuple[int, ...], weight: tuple[int, ...]) -> int:
    """MACs of a convolution: every output element sums in_channels / groups x taps products.

    `output` is (batch, out_channels, *spatial); `weight` is (out_channels, in_channels / groups,
    *kernel). Padding taps are counted.

    >>> conv_macs((1, 256, 14, 14), (256, 256, 3, 3))
    115605504
    """
    return prod(output) * prod(weight[1:])


def dense_macs(outputs: int, in_features: int) -> int:
    """MACs of a matrix product: `in_features` products an output element."""
    return outputs * in_features


def valid_taps(size: int, out: int, kernel: int, stride: int, before: int, dilation: int) -> int:
    """Along one axis: pairs of output position and tap that read the input, not padding.

    Output o and tap t read position o * stride + t * dilation - before of `size`.

    >>> valid_taps(size=4, out=4, kernel=3, stride=1, before=1, dilation=1)  # 2 + 3 + 3 + 2
    10
    """
    total = 0
    for tap in range(kernel):
        shift = before - tap * dilation  # valid: shift <= o * stride < size + shift
        first = max(0, -(-shift // stride))
        last = min(out - 1, (size + shift - 1) // stride)
        total += max(0, last - first + 1)
    return total


def k_map_ops(inputs: int, outputs: int, positions: int, taps: int) -> dict[str, int]:
    """Operations of the paper's K map (Rastegari et al., section 3.2).

    A = mean over channels of |I|: an absolute value and an addition (or the final scaling) an
    input element. K = A convolved with a box of `taps` equal values: taps - 1 additions and one
    scaling at each of `positions` (output positions x groups). Then one product an output.
    """
    return {"k_mean": 2 * inputs, "k_box": taps * positions, "k_product": outputs}


def reduction_ops(reduction: Reduction, inputs: int, outputs: int) -> int:
    """Operations to reduce `inputs` elements to `outputs`, tree or chain alike."""
    return _PER_REDUCED[reduction] * inputs - (outputs if reduction in _JOINED else 0)


_PER_REDUCED = {
    Reduction.MAX: 1,
    Reduction.MIN: 1,
    Reduction.SUM: 1,
    Reduction.PROD: 1,
    Reduction.ARG_MAX: 1,
    Reduction.ARG_MIN: 1,
    Reduction.MEAN: 1,  # n - 1 additions and one scaling
    Reduction.L1: 2,  # absolute values, additions
    Reduction.L2: 2,  # squares, n - 1 additions, one root
    Reduction.SUM_SQUARE: 2,
    Reduction.LOG_SUM: 1,  # n - 1 additions, one logarithm
    Reduction.LOG_SUM_EXP: 2,  # exp, n - 1 additions, one logarithm
}
_JOINED = frozenset(_PER_REDUCED) - {
    Reduction.MEAN,
    Reduction.L2,
    Reduction.LOG_SUM,
    Reduction.LOG_SUM_EXP,
}
"""Reductions that join n elements in n - 1 steps and do nothing after."""

FUNCTION_OPS: dict[Function, int] = {
    Function.ABS: 1,
    Function.ACOS: 1,
    Function.ACOSH: 1,
    Function.ASIN: 1,
    Function.ASINH: 1,
    Function.ATAN: 1,
    Function.ATANH: 1,
    Function.CEIL: 1,
    Function.CELU: 5,  # compare, divide, exp, subtract, multiply
    Function.CLIP: 2,  # two comparisons
    Function.COS: 1,
    Function.COSH: 1,
    Function.ELU: 4,  # compare, exp, subtract, multiply
    Function.ERF: 1,
    Function.EXP: 1,
    Function.FLOOR: 1,
    Function.GELU: 5,  # x / sqrt(2), erf, add, and two products
    Function.HARD_SIGMOID: 4,  # multiply, add, two comparisons
    Function.HARD_SWISH: 5,  # hard sigmoid, product
    Function.LEAKY_RELU: 2,  # compare, multiply
    Function.LOG: 1,
    Function.MISH: 5,  # softplus, tanh, product
    Function.NEG: 1,
    Function.NOT: 1,
    Function.PRELU: 2,  # compare, multiply
    Function.RECIPROCAL: 1,
    Function.RELU: 1,
    Function.ROUND: 1,
    Function.SELU: 5,  # compare, exp, multiply, subtract, multiply
    Function.SHRINK: 4,  # two comparisons, add, subtract
    Function.SIGNUM: 2,  # two comparisons
    Function.SIGMOID: 4,  # negate, exp, add, divide
    Function.SILU: 5,  # sigmoid, product
    Function.SIN: 1,
    Function.SINH: 1,
    Function.SOFTPLUS: 3,  # exp, add, log
    Function.SOFTSIGN: 3,  # abs, add, divide
    Function.SQRT: 1,
    Function.TAN: 1,
    Function.TANH: 1,
    Function.THRESHOLDED_RELU: 1,
}
"""Operations an element of each function."""

_GATES = {"lstm": 4, "gru": 3, "rnn": 1}
_GATE_OPS = {
    # sums of the two products and the bias (2 a gate), activations, and the state's update
    "lstm": 4 * 2 + 3 * 4 + 2 * 1 + 4,  # 3 sigmoids, 2 tanh; f*c + i*g (3) and o*tanh(c) (1)
    "gru": 3 * 2 + 2 * 4 + 1 + 5,  # 2 sigmoids, tanh; r*h (1), (1-z)*n + z*h (4)
    "rnn": 2 + 1,  # tanh
}


def recurrent_macs(steps: int, inputs: int, hidden: int, gates: int, directions: int) -> int:
    """MACs of a recurrent layer: each gate multiplies the input and the previous state.

    `steps` is time x batch.
    """
    return steps * directions * gates * hidden * (inputs + hidden)


# --- rules by layer kind --------------------------------------------------------------------------


@singledispatch
def count(op: object, at: Operands) -> LayerCounts:
    """The operations of `op` at the given operands.

    Raises:
        XnorsimError: the layer kind has no rule.
    """
    raise XnorsimError(f"count has no rule for layer kind {type(op).__name__}")


@count.register
def _(op: ops.Conv, at: Operands) -> LayerCounts:
    source, result = at.inputs[0].shape, at.outputs[0].shape
    taps_and_channels = (result[1], source[1] // op.groups, *op.kernel)
    macs = conv_macs(result, taps_and_channels)
    valid = result[0] * result[1] * (source[1] // op.groups)
    axes = zip(source[2:], result[2:], op.kernel, op.stride, op.padding, op.dilation, strict=True)
    for size, out, kernel, stride, (before, _after), dilation in axes:
        valid *= valid_taps(size, out, kernel, stride, before, dilation)
    positions = result[0] * prod(result[2:]) * op.groups
    return _multiplying(op, at, macs, valid, positions, prod(op.kernel))


@count.register
def _(op: ops.ConvTranspose, at: Operands) -> LayerCounts:
    source, result = at.inputs[0].shape, at.outputs[0].shape
    filters = op.out_channels // op.groups
    macs = prod(source) * filters * prod(op.kernel)
    valid = source[0] * source[1] * filters
    axes = zip(source[2:], result[2:], op.kernel, op.stride, op.padding, op.dilation, strict=True)
    for size, out, kernel, stride, (before, _after), dilation in axes:
        # input i and tap t write output position i * stride + t * dilation - before
        valid *= valid_taps(out, size, kernel, stride, before, dilation)
    positions = result[0] * prod(result[2:]) * op.groups
    return _multiplying(op, at, macs, valid, positions, prod(op.kernel))


@count.register
def _(op: ops.Dense, at: Operands) -> LayerCounts:
    macs = dense_macs(at.output_elements, op.in_features)
    counts = _multiplying(op, at, macs, macs, at.output_elements // op.out_features, 1)
    if op.alpha == 1:
        return counts
    return _with_ops(counts, {"scale": at.output_elements})


def _multiplying(
    op: ops.Op, at: Operands, macs: int, valid: int, positions: int, taps: int
) -> LayerCounts:
    """Counts of a layer with weights: MACs, bias, and the scaling of a binary result."""
    fp_ops = {}
    outputs = at.output_elements
    if "bias" in at.parameters:
        fp_ops["bias"] = outputs
    if at.scheme.scaling is not Scaling.NONE:
        fp_ops["alpha"] = outputs
    if at.scheme.scaling is Scaling.ALPHA_K:
        fp_ops |= k_map_ops(at.inputs[0].elements, outputs, positions, taps)
        if isinstance(op, ops.Dense):
            del fp_ops["k_box"]  # K of a dense layer is one mean, beta: there is no box
    return LayerCounts(macs, valid, fp_ops)


def _with_ops(counts: LayerCounts, fp_ops: Mapping[str, int]) -> LayerCounts:
    return LayerCounts(
        counts.macs, counts.macs_valid, {**counts.fp_ops, **fp_ops}, counts.binarize_ops
    )


@count.register
def _(op: ops.MatMul, at: Operands) -> LayerCounts:
    left = at.parameters["left"] if "left" in at.parameters else at.inputs[0]
    macs = dense_macs(at.output_elements, left.shape[-1])
    return LayerCounts(macs, macs)


@count.register
def _(op: ops.Recurrent, at: Operands) -> LayerCounts:
    *steps, features = at.inputs[0].shape
    gates = _GATES[op.cell]
    macs = recurrent_macs(prod(steps), features, op.hidden, gates, op.directions)
    elements = prod(steps) * op.directions * op.hidden
    return LayerCounts(macs, macs, {"recurrent": elements * _GATE_OPS[op.cell]})


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
    return LayerCounts(fp_ops={name: FUNCTION_OPS[op.function] * at.outputs[0].elements})


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
def _(op: ops.Cast, at: Operands) -> LayerCounts:
    changes = at.inputs[0].encoding != op.to
    return LayerCounts(fp_ops={"quantize": at.outputs[0].elements} if changes else {})


@count.register
def _(op: ops.Elementwise, at: Operands) -> LayerCounts:
    operands = len(at.inputs) + len(at.parameters)
    steps = operands if op.operator is Operator.MEAN else operands - 1
    name = "elementwise"
    if op.operator is Operator.ADD:
        name = "bias" if at.parameters else "add"
    return LayerCounts(fp_ops={name: steps * at.outputs[0].elements})


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
