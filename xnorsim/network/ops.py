"""Layer kinds as plain data.

Activations are channel-first: (batch, channels, *spatial). Everything that a file states through
auto_pad, symbolic shapes or shape arithmetic is resolved by the importer, so an op holds numbers
only. What a layer reads and holds (activations, weights, bias) stands in its node; an op with a
bias is a node with a "bias" parameter.

A new kind is a dataclass here and a rule in shapes.py and work/counts.py; tests/network/
test_completeness.py names what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from xnorsim.network.functions import Function, Operator, Reduction
from xnorsim.network.moves import (
    Concat,
    Constant,
    Expand,
    Gather,
    Identity,
    Pad,
    Padding,
    Rearrange,
    Reshape,
    Slice,
    Split,
    Transpose,
)
from xnorsim.network.precision import Encoding

__all__ = [
    "KINDS",
    "MULTIPLYING",
    "Activation",
    "BatchNorm",
    "Cast",
    "Compare",
    "Concat",
    "Constant",
    "Conv",
    "ConvTranspose",
    "Dense",
    "Dequantize",
    "Elementwise",
    "Expand",
    "Function",
    "Gather",
    "Identity",
    "LocalResponseNorm",
    "MatMul",
    "Normalize",
    "Op",
    "Operator",
    "Pad",
    "Padding",
    "Pool",
    "Quantize",
    "Rearrange",
    "Recurrent",
    "Reduce",
    "Reduction",
    "Reshape",
    "Resize",
    "Select",
    "Sign",
    "Slice",
    "Softmax",
    "Split",
    "Thresholds",
    "Transpose",
    "Unknown",
    "Weighted",
    "kind",
]


@dataclass(frozen=True, slots=True)
class Conv:
    """Convolution. Parameters: weight (out_channels, in_channels / groups, *kernel), bias.

    `pad_value` is what a binary input (+-1) reads in its padding: 0, which no bit can hold, or +1
    or -1. Larq calls it pad_values. Products of integers subtract the parameters input_zero_point
    and weight_zero_point first; padding is then the zero point.
    """

    out_channels: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Padding
    dilation: tuple[int, ...]
    groups: int = 1
    pad_value: int = 0


@dataclass(frozen=True, slots=True)
class ConvTranspose:
    """Transposed convolution. Parameters: weight (in_channels, out_channels / groups, *kernel)."""

    out_channels: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Padding
    dilation: tuple[int, ...]
    groups: int = 1
    output_padding: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Dense:
    """alpha * x W + beta * bias over the last axis. Parameters: weight, bias.

    The weight is (in_features, out_features), or the reverse if `transpose_weight`.
    """

    in_features: int
    out_features: int
    transpose_weight: bool = False
    transpose_input: bool = False
    alpha: float = 1.0
    beta: float = 1.0


@dataclass(frozen=True, slots=True)
class MatMul:
    """Matrix product over the last two axes, the rest broadcast; either side may be constant."""


@dataclass(frozen=True, slots=True)
class Recurrent:
    """LSTM, GRU or plain RNN over (time, batch, features), or batch first.

    Parameters: weight (input), recurrence, bias, peephole, lengths, initial_state, initial_cell.
    `functions` are those of the gates, one direction after the other; () stands for the usual
    ones. A single direction may be `reverse`. `clip` bounds what the functions are applied to.
    """

    cell: str
    hidden: int
    directions: int
    batch_first: bool = False
    linear_before_reset: bool = False
    reverse: bool = False
    functions: tuple[Activation, ...] = ()
    clip: float | None = None
    coupled: bool = False  # an LSTM's forget gate is 1 - its input gate


@dataclass(frozen=True, slots=True)
class BatchNorm:
    """Normalization by stored statistics. Parameters: scale, shift, mean, variance."""

    epsilon: float


@dataclass(frozen=True, slots=True)
class Normalize:
    """Normalization by statistics of the data (layer, instance, group, rms, lp, mean_variance).

    One mean and variance is shared by the elements of `axes` (not negative); `centered` says
    whether the mean is subtracted. With `groups` the channels, axis 1 of `axes`, are cut in so
    many parts, each with statistics of its own. `order` is that of an lp norm, which has no
    epsilon; mean_variance adds it to the deviation, the others to the variance. A layer
    normalization may also write the mean and 1 / deviation. Parameters: scale, shift.
    """

    form: str
    axes: tuple[int, ...]
    centered: bool = True
    epsilon: float = 1e-5
    groups: int = 1
    order: int = 2


@dataclass(frozen=True, slots=True)
class LocalResponseNorm:
    """x / (bias + alpha / size * sum of squares over `size` neighbouring channels) ** beta."""

    size: int
    alpha: float
    beta: float
    bias: float


@dataclass(frozen=True, slots=True)
class Activation:
    """A function of each element; `constants` are its named numbers, such as alpha or min."""

    function: Function
    constants: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Sign:
    """+1 where x >= 0, else -1, packed to bits: what a binary layer reads."""


@dataclass(frozen=True, slots=True)
class Quantize:
    """round(x / scale) + zero point, saturated; from floats or an integer accumulator.

    Scales have one value, or one along `axis`, or one a `block` of elements there. A `dynamic`
    one takes them from the extremes of the data (roles "high" and "low") and writes them too. A
    `narrow` range of a signed encoding leaves out its least number. `rounding` is to the nearest
    with halves to even ("round"), "ceil", "floor", "up" and "down" (from zero and to it), or to
    the nearest with halves "half_up" or "half_down" (the same two ways).
    Parameters: scale, zero_point; of an accumulator also input_scale and weight_scale.
    """

    to: Encoding
    axis: int = 1
    block: int = 0
    saturate: bool = True
    dynamic: bool = False
    rounding: str = "round"
    narrow: bool = False


@dataclass(frozen=True, slots=True)
class Dequantize:
    """(x - zero point) * scale, by `axis` and `block` as for Quantize."""

    to: Encoding
    axis: int = 1
    block: int = 0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """scale * (how many thresholds of its channel x is not below) + offset, channels on axis 1.

    Parameters: thresholds (channels or 1, levels), ascending in each row. One threshold gives a
    bit, two give three values: `to` is the encoding of the results.
    """

    to: Encoding
    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Elementwise:
    """An operator over broadcast operands. A constant one is the parameter "left" or "right"."""

    operator: Operator


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison or a logical operator of two tensors: one bool an element."""

    operator: str


@dataclass(frozen=True, slots=True)
class Select:
    """condition ? left : right, element by element."""


@dataclass(frozen=True, slots=True)
class Pool:
    """A reduction over windows; global pooling is a window of the whole input.

    A second output of a max pool has the flat indices of what was found, the last spatial axis
    running first unless `column_major`. `order` is that of an lp norm.
    """

    reduction: Reduction
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Padding
    dilation: tuple[int, ...]
    ceil_mode: bool = False
    count_include_pad: bool = False
    column_major: bool = False
    order: int = 2


@dataclass(frozen=True, slots=True)
class Reduce:
    """A reduction over whole axes (not negative). Of equal extremes the index is the first one's,
    or the `last` one's."""

    reduction: Reduction
    axes: tuple[int, ...]
    keepdims: bool = True
    last: bool = False


@dataclass(frozen=True, slots=True)
class Softmax:
    """Softmax (or its logarithm) over one axis."""

    axis: int
    logarithm: bool = False


@dataclass(frozen=True, slots=True)
class Cast:
    """The same values in another encoding; floats of 8 bits and less `saturate`, or overflow."""

    to: Encoding
    saturate: bool = True


@dataclass(frozen=True, slots=True)
class Resize:
    """Up- or down-sampling to a shape; `mode` is nearest, linear or cubic.

    `coordinates` is ONNX's coordinate_transformation_mode. `scales` are the file's, one an axis,
    where it states them (() where they follow from the sizes); `roi` is (starts, ends) of a crop.
    """

    shape: tuple[int, ...]
    mode: str
    coordinates: str = "half_pixel"
    scales: tuple[float, ...] = ()
    rounding: str = "round_prefer_floor"
    cubic: float = -0.75
    exclude_outside: bool = False
    antialias: bool = False
    roi: tuple[float, ...] = ()
    extrapolation: float = 0.0


@dataclass(frozen=True, slots=True)
class Unknown:
    """An operator without a rule, kept because the user allowed it: totals are lower bounds."""

    operator: str
    domain: str
    shapes: tuple[tuple[int, ...], ...]


Op = (
    Conv
    | ConvTranspose
    | Dense
    | MatMul
    | Recurrent
    | BatchNorm
    | Normalize
    | LocalResponseNorm
    | Activation
    | Sign
    | Quantize
    | Dequantize
    | Thresholds
    | Elementwise
    | Compare
    | Select
    | Pool
    | Reduce
    | Softmax
    | Concat
    | Split
    | Slice
    | Pad
    | Reshape
    | Transpose
    | Rearrange
    | Expand
    | Resize
    | Gather
    | Cast
    | Identity
    | Constant
    | Unknown
)

KINDS: tuple[type, ...] = Op.__args__

Weighted = Conv | ConvTranspose | Dense
"""Layers of filters: what can be binarized, and what a batch normalization folds into."""

MULTIPLYING = (Conv, ConvTranspose, Dense, MatMul, Recurrent)
"""Layers with multiply-accumulates, and so with a scheme."""


def kind(op: Op) -> str:
    """The word for an op in tables: its class, or what tells it from others of its class.

    >>> kind(Activation(Function.RELU)), kind(Softmax(axis=1)), kind(Reduce(Reduction.MEAN, (2,)))
    ('relu', 'softmax', 'mean_reduce')
    """
    own = getattr(op, "function", None) or getattr(op, "operator", None)
    if own:
        return str(own)
    words = _words(type(op).__name__)
    return f"{op.reduction}_{words}" if isinstance(op, Pool | Reduce) else words


@cache
def _words(name: str) -> str:
    """The name of a class in lower case, its words joined by underscores."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
