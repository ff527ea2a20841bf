"""The equations of counting: integer arithmetic on sizes, apart from any network.

Conventions are those of work/counts.py: a multiply-accumulate is one operation, and so is one
addition, multiplication, division, comparison, conversion or evaluation of exp, log, sqrt, tanh,
erf or pow.
"""

from __future__ import annotations

from math import prod

from xnorsim.network.ops import Function, Reduction

__all__ = [
    "FUNCTION_OPS",
    "GATE_OPS",
    "conv_macs",
    "dense_macs",
    "k_map_ops",
    "recurrent_macs",
    "reduction_ops",
    "valid_taps",
]


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
    Reduction.LP: 3,  # absolute values, powers, n - 1 additions, one root
    Reduction.SUM_SQUARE: 2,
    Reduction.LOG_SUM: 1,  # n - 1 additions, one logarithm
    Reduction.LOG_SUM_EXP: 2,  # exp, n - 1 additions, one logarithm
}
_JOINED = frozenset(_PER_REDUCED) - {
    Reduction.MEAN,
    Reduction.L2,
    Reduction.LP,
    Reduction.LOG_SUM,
    Reduction.LOG_SUM_EXP,
}
"""Reductions that join n elements in n - 1 steps and do nothing after."""

FUNCTION_OPS: dict[Function, int] = {
    Function.ABS: 1,
    Function.ACOS: 1,
    Function.ACOSH: 1,
    Function.AFFINE: 2,  # multiply, add
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
    # x cubed (2), product, add, product, tanh, add, and two products
    Function.GELU_TANH: 9,
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
    Function.SCALED_TANH: 3,  # product, tanh, product
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

GATE_OPS = {
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
