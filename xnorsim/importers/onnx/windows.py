"""Rules of ONNX operators that slide a window: convolutions and pools, and global pools.

Source: ONNX operator specification, Conv-22, ConvTranspose-22, MaxPool-22, AveragePool-22,
LpPool-22 and the versions before them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from xnorsim.errors import choices
from xnorsim.importers.onnx.view import (
    DATA,
    Layer,
    NodeView,
    Rule,
    has_input,
    input_spec,
    is_constant,
    output_spec,
    require,
)
from xnorsim.network import ops
from xnorsim.network.extents import window_extent
from xnorsim.network.graph import TensorSpec
from xnorsim.network.ops import Padding, Reduction

__all__ = ["RULES", "check_convolution", "convolution"]

Shape = tuple[int, ...]
_AUTO_PADS = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")


@dataclass(frozen=True, slots=True)
class _Window:
    kernel: Shape
    stride: Shape
    padding: Padding
    dilation: Shape


def _numbers(view: NodeView, name: str, rank: int, default: int, least: int) -> Shape:
    given = tuple(view.attributes.get(name) or (default,) * rank)
    require(view, len(given) == rank, f"{name} {list(given)} is not for {rank} spatial axes")
    text = f"{name} {list(given)} has an entry below {least}"
    require(view, min(given, default=least) >= least, text)
    return given


def _same_padding(size: int, kernel: int, stride: int, dilation: int, lower: bool) -> int:
    """What stands before the axis so that ceil(size / stride) windows fit."""
    total = max((-(-size // stride) - 1) * stride + window_extent(kernel, dilation) - size, 0)
    return (total + 1) // 2 if lower else total // 2


def _window(view: NodeView, image: TensorSpec, kernel: Shape) -> _Window:
    """Stride, padding and dilation as numbers, whatever auto_pad says."""
    rank = len(image.shape) - 2
    require(view, rank >= 1, f"its input {list(image.shape)} has no axes after batch and channels")
    require(view, len(kernel) == rank, f"kernel {list(kernel)} is not for {rank} spatial axes")
    require(view, min(kernel) >= 1, f"kernel {list(kernel)} has an entry below 1")
    stride = _numbers(view, "strides", rank, 1, 1)
    dilation = _numbers(view, "dilations", rank, 1, 1)
    mode = view.attributes.get("auto_pad") or "NOTSET"
    if mode not in _AUTO_PADS:
        require(view, False, f"no auto_pad '{mode}': {choices(mode, _AUTO_PADS)}")
    padding = ((0, 0),) * rank
    if mode == "NOTSET":
        pads = view.attributes.get("pads") or (0,) * 2 * rank
        require(view, len(pads) == 2 * rank, f"pads {list(pads)} is not for {rank} spatial axes")
        require(view, min(pads) >= 0, f"pads {list(pads)} has a negative entry")
        padding = tuple(zip(pads[:rank], pads[rank:], strict=True))
    elif mode != "VALID":
        axes = zip(image.shape[2:], kernel, stride, dilation, strict=True)
        lower = mode == "SAME_LOWER"
        before = [_same_padding(*axis, lower) for axis in axes]
        axes = zip(image.shape[2:], kernel, stride, dilation, strict=True)
        after = [_same_padding(*axis, not lower) for axis in axes]
        padding = tuple(zip(before, after, strict=True))
    return _Window(kernel, stride, padding, dilation)


def _check_fits(view: NodeView, image: TensorSpec, window: _Window) -> None:
    axes = zip(image.shape[2:], window.kernel, window.padding, window.dilation, strict=True)
    for axis, (size, kernel, padding, dilation) in enumerate(axes):
        padded, extent = size + sum(padding), window_extent(kernel, dilation)
        require(
            view,
            extent <= padded,
            f"on spatial axis {axis} its window of {extent} (kernel {kernel}, dilation "
            f"{dilation}) is larger than the padded input of {padded} (size {size}, padding "
            f"{padding[0]} + {padding[1]})",
        )


def _weight(view: NodeView, position: int, image: TensorSpec) -> tuple[Shape, int]:
    """The weight's shape and the groups, checked against each other and the attribute."""
    weight = input_spec(view, position).shape
    require(
        view,
        len(weight) == len(image.shape) >= 3,
        f"its weight {list(weight)} does not fit its input {list(image.shape)}",
    )
    require(view, min(weight) >= 1, f"its weight {list(weight)} has a dimension below 1")
    stated = view.attributes.get("kernel_shape")
    require(
        view,
        not stated or tuple(stated) == weight[2:],
        f"kernel_shape {list(stated or ())} differs from its weight's {list(weight[2:])}",
    )
    groups = view.attributes.get("group", 1)
    require(view, groups >= 1, f"group {groups} is below 1")
    return weight, groups


def check_convolution(view: NodeView, position: int = 1) -> None:
    """Weight, groups and window fit the input; `position` is that of the weight."""
    image = input_spec(view, 0)
    weight, groups = _weight(view, position, image)
    channels, filters = image.shape[1], weight[0]
    require(
        view,
        channels % groups == 0 and filters % groups == 0,
        f"group {groups} does not divide {channels} input channels and {filters} filters",
    )
    require(
        view,
        channels == weight[1] * groups,
        f"its input has {channels} channels; its weight {list(weight)} in {groups} groups takes "
        f"{weight[1] * groups}",
    )
    _check_fits(view, image, _window(view, image, weight[2:]))


def convolution(view: NodeView, position: int = 1) -> ops.Conv:
    """The convolution of a node whose weight is the input at `position`."""
    weight, groups = _weight(view, position, input_spec(view, 0))
    window = _window(view, input_spec(view, 0), weight[2:])
    return ops.Conv(
        weight[0], window.kernel, window.stride, window.padding, window.dilation, groups
    )


def _check_transposed(view: NodeView) -> None:
    image = input_spec(view, 0)
    weight, groups = _weight(view, 1, image)
    channels = image.shape[1]
    require(
        view, channels % groups == 0, f"group {groups} does not divide {channels} input channels"
    )
    require(
        view,
        channels == weight[0],
        f"its input has {channels} channels; its weight {list(weight)} takes {weight[0]}",
    )
    _window(view, image, weight[2:])


def _transposed(view: NodeView) -> ops.ConvTranspose:
    image, result = input_spec(view, 0), output_spec(view)
    weight, groups = _weight(view, 1, image)
    window = _window(view, image, weight[2:])
    rank = len(window.kernel)
    extra = _numbers(view, "output_padding", rank, 0, 0)
    mode = view.attributes.get("auto_pad") or "NOTSET"
    padding = window.padding
    stated = view.attributes.get("output_shape")
    text = f"its output_shape {list(stated or ())} cannot come from input {list(image.shape)}"
    require(view, len(result.shape) == len(image.shape), text)
    if mode.startswith("SAME") or stated:
        padding, extra = _transposed_padding(image, result, window, extra, mode == "SAME_UPPER")
    return ops.ConvTranspose(
        weight[1] * groups, window.kernel, window.stride, padding, window.dilation, groups, extra
    )


def _transposed_padding(
    image: TensorSpec, result: TensorSpec, window: _Window, extra: Shape, upper: bool
) -> tuple[Padding, Shape]:
    """The padding that leaves the stated output; where it is larger, more output padding."""
    padding, rest = [], []
    rows = zip(
        image.shape[2:], result.shape[2:], window.kernel, window.stride, window.dilation, extra,
        strict=True,
    )  # fmt: skip
    for size, out, kernel, stride, dilation, more in rows:
        total = stride * (size - 1) + more + window_extent(kernel, dilation) - out
        cut = max(total, 0)
        padding.append((cut // 2, cut - cut // 2) if upper else (cut - cut // 2, cut // 2))
        rest.append(more + max(-total, 0))
    return tuple(padding), tuple(rest)


def _biased(view: NodeView, op: ops.Conv | ops.ConvTranspose) -> ops.Op | tuple[Layer, ...]:
    """The op itself, or with an addition behind it where the bias is computed by other nodes."""
    if not has_input(view, 2) or is_constant(view, 2):
        return op
    result, bias = output_spec(view), input_spec(view, 2)
    product, column = f"{view.name}.product", f"{view.name}.bias_column"
    shape = (1, op.out_channels, *(1,) * len(op.kernel))
    inner = {product: result, column: TensorSpec(shape, bias.encoding)}
    return (
        Layer(op, view.inputs[:2], (product,), (DATA, "weight"), new=inner),
        Layer(ops.Reshape(shape), view.inputs[2:3], (column,), suffix=".bias_column"),
        Layer(
            ops.Elementwise(ops.Operator.ADD), (product, column), view.outputs[:1], suffix=".bias"
        ),
    )


def _check_pool(view: NodeView) -> None:
    image = input_spec(view, 0)
    _check_fits(view, image, _window(view, image, tuple(view.attributes.get("kernel_shape", ()))))


def _pool(reduction: Reduction):
    def build(view: NodeView) -> ops.Pool:
        image = input_spec(view, 0)
        window = _window(view, image, tuple(view.attributes["kernel_shape"]))
        return ops.Pool(
            reduction,
            window.kernel,
            window.stride,
            window.padding,
            window.dilation,
            bool(view.attributes.get("ceil_mode", 0)),
            bool(view.attributes.get("count_include_pad", 0)),
            bool(view.attributes.get("storage_order", 0)),
        )

    return build


def _of_norm(build: Callable[[NodeView], ops.Pool]) -> Callable[[NodeView], ops.Pool]:
    """The pool that `build` makes, by the norm of the order that the node states."""

    def built(view: NodeView) -> ops.Pool:
        order = view.attributes.get("p", 2)
        require(view, order >= 1, f"its norm's order p is {order}, below 1")
        known = {1: Reduction.L1, 2: Reduction.L2}
        pool = build(view)
        if order in known:
            return replace(pool, reduction=known[order])
        return replace(pool, reduction=Reduction.LP, order=order)

    return built


def _global_pool(reduction: Reduction):
    def build(view: NodeView) -> ops.Pool:
        size = input_spec(view, 0).shape[2:]
        require(view, len(size) >= 1, "its input has no axes after batch and channels")
        ones = (1,) * len(size)
        return ops.Pool(reduction, size, ones, ((0, 0),) * len(size), ones)

    return build


_PARAMETERS = (DATA, "weight", "bias")

RULES: dict[tuple[str, str], Rule] = {
    ("", "Conv"): Rule(lambda v: _biased(v, convolution(v)), _PARAMETERS, check_convolution),
    ("", "ConvTranspose"): Rule(
        lambda v: _biased(v, _transposed(v)), _PARAMETERS, _check_transposed
    ),
    ("", "MaxPool"): Rule(_pool(Reduction.MAX), check=_check_pool),
    ("", "AveragePool"): Rule(_pool(Reduction.MEAN), check=_check_pool),
    ("", "LpPool"): Rule(_of_norm(_pool(Reduction.LP)), check=_check_pool),
    ("", "GlobalMaxPool"): Rule(_global_pool(Reduction.MAX)),
    ("", "GlobalAveragePool"): Rule(_global_pool(Reduction.MEAN)),
    ("", "GlobalLpPool"): Rule(_of_norm(_global_pool(Reduction.LP))),
}
