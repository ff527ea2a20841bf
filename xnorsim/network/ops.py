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
    "Transpose",
    "Unknown",
    "Weighted",
    "kind",
]


Padding = tuple[tuple[int, int], ...]
"""(before, after) for each spatial axis."""


@dataclass(frozen=True, slots=True)
class Conv:
    """Convolution. Parameters: weight (out_channels, in_channels / groups, *kernel), bias."""

    out_channels: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Padding
    dilation: tuple[int, ...]
    groups: int = 1


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

    Parameters: weight (input), recurrence, bias, peephole.
    """

    cell: str
    hidden: int
    directions: int
    batch_first: bool = False
    linear_before_reset: bool = False


@dataclass(frozen=True, slots=True)
class BatchNorm:
    """Normalization by stored statistics. Parameters: scale, shift, mean, variance."""

    epsilon: float


@dataclass(frozen=True, slots=True)
class Normalize:
    """Normalization by statistics of the data (layer, instance, group, RMS, Lp).

    `statistics` is the number of elements that share one mean and variance, and `centered`
    says whether the mean is subtracted. Parameters: scale, shift.
    """

    form: str
    statistics: int
    centered: bool = True
    epsilon: float = 1e-5


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
    """round(x / scale) + zero point, saturated; from floats or an integer accumulator."""

    to: Encoding


@dataclass(frozen=True, slots=True)
class Dequantize:
    """(x - zero point) * scale."""

    to: Encoding


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
    """A reduction over windows; global pooling is a window of the whole input."""

    reduction: Reduction
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Padding
    dilation: tuple[int, ...]
    ceil_mode: bool = False
    count_include_pad: bool = False


@dataclass(frozen=True, slots=True)
class Reduce:
    """A reduction over whole axes (not negative)."""

    reduction: Reduction
    axes: tuple[int, ...]
    keepdims: bool = True


@dataclass(frozen=True, slots=True)
class Softmax:
    """Softmax (or its logarithm) over one axis."""

    axis: int
    logarithm: bool = False


@dataclass(frozen=True, slots=True)
class Concat:
    """Tensors joined along an axis."""

    axis: int


@dataclass(frozen=True, slots=True)
class Split:
    """A tensor cut along an axis into parts of the given sizes."""

    axis: int
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """Every step-th element from start to end along the axes; bounds as numpy would clip them."""

    axes: tuple[int, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pad:
    """Elements added before and after each axis (negative: removed)."""

    padding: Padding
    mode: str = "constant"
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Reshape:
    """The same elements in the same order under another shape (flatten, squeeze, unsqueeze)."""

    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Transpose:
    """Axes permuted."""

    permutation: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rearrange:
    """Elements moved between axes in blocks: depth to space, space to depth."""

    form: str
    shape: tuple[int, ...]
    block: int


@dataclass(frozen=True, slots=True)
class Expand:
    """Elements repeated to fill a shape (expand, tile)."""

    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Resize:
    """Up- or down-sampling to a shape; `mode` is nearest, linear or cubic."""

    shape: tuple[int, ...]
    mode: str
    coordinates: str = "half_pixel"


@dataclass(frozen=True, slots=True)
class Gather:
    """Elements picked by index; `shape` is the result's. `form` is the file's own operator."""

    shape: tuple[int, ...]
    axis: int = 0
    form: str = "gather"


@dataclass(frozen=True, slots=True)
class Cast:
    """The same values in another encoding."""

    to: Encoding


@dataclass(frozen=True, slots=True)
class Identity:
    """The input itself: identity, and dropout at inference."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor known before the network runs: shape arithmetic, filled tensors, folded weights."""

    shape: tuple[int, ...]
    encoding: Encoding


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
