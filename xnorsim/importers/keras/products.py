"""Layers with weights: convolutions of all kinds and dense ones, plain and Larq's.

The kernel of a file is (*spatial, in, out), that of an op (out, in, *spatial). A depthwise kernel
is (*spatial, in, multiplier), and filter i * multiplier + m reads channel i.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from xnorsim.errors import ModelError, ShapeError, UnsupportedOpError
from xnorsim.importers.channels import Value
from xnorsim.importers.keras.activations import activated, quantized_input
from xnorsim.importers.keras.kernels import Kernel, Quantized, quantized_kernel
from xnorsim.importers.keras.multiplied import multiplied
from xnorsim.importers.keras.positions import (
    Windows,
    padding_of,
    read_windows,
)
from xnorsim.importers.keras.settings import flag, number, sizes, whole
from xnorsim.importers.keras.state import (
    Use,
    add,
    image,
    latent,
    part_of,
    shaped,
    spatial,
)
from xnorsim.network import ops
from xnorsim.network.extents import same_padding, transposed_output, window_extent
from xnorsim.network.graph import Parameter
from xnorsim.network.precision import BIPOLAR, FLOAT32, TERNARY, UNIPOLAR, Meaning

__all__ = [
    "conv",
    "conv_transpose",
    "dense",
    "depthwise_conv",
    "separable_conv",
]

Rule = Callable[[Use], Value]
Pads = ops.Padding


def _convolved(
    use: Use,
    value: Value,
    windows: Windows,
    filters: int,
    groups: int,
    quantized: Callable[[ops.Conv], Quantized],
    bias: Parameter | None,
    part: str = "",
) -> Value:
    """A convolution of a value, with what pads it."""
    tensor = image(use, value, windows.channels_last)
    size = use.state.assembly.shape(tensor)[2:]
    pads = padding_of(windows, size)
    op = ops.Conv(filters, windows.kernel, windows.stride, pads, windows.dilation, groups)
    made = quantized(op)
    if made.encoding == BIPOLAR:
        tensor, op = _with_padding_before(use, tensor, op)
    tensor, op = _with_pad_value(use, tensor, op)
    result = multiplied(use, op, tensor, made, bias, part)
    return Value(result, windows.channels_last)


def _with_padding_before(use: Use, tensor: str, op: ops.Conv) -> tuple[str, ops.Conv]:
    """Zeros that an earlier layer puts around +-1 are padding of the binary layer itself."""
    before = use.state.padded.get(tensor)
    filled = number(use.settings, "pad_values", 0.0)
    if before is None or (filled and any(map(any, op.padding))):
        return tensor, op
    pairs = zip(before.padding, op.padding, strict=True)
    total = tuple((a + c, b + d) for (a, b), (c, d) in pairs)
    return before.source, replace(op, padding=total)


def _with_pad_value(use: Use, tensor: str, op: ops.Conv) -> tuple[str, ops.Conv]:
    """Larq's pad_values: the layer's own padding of a binary input, or else a layer before it."""
    filled = number(use.settings, "pad_values", 0.0)
    if not filled or not any(map(any, op.padding)) or word_of_padding(use) != "same":
        return tensor, op
    encoding = use.state.assembly.spec(tensor).encoding
    if encoding == BIPOLAR and filled in (-1.0, 1.0):
        return tensor, replace(op, pad_value=int(filled))
    wide = encoding.meaning in (Meaning.FLOAT, Meaning.INTEGER)
    if not wide and filled not in _NARROW.get(encoding, ()):
        tensor = add(use, ops.Cast(FLOAT32), tensor, part="unpadded")
    pads = ((0, 0), (0, 0), *op.padding)
    tensor = add(use, ops.Pad(pads, value=filled), tensor, part="pad")
    return tensor, replace(op, padding=((0, 0),) * len(op.padding))


_NARROW = {TERNARY: (-1.0, 1.0), UNIPOLAR: (1.0,)}
"""What an input that was quantized may be padded with, and remain of its encoding."""


def word_of_padding(use: Use) -> str:
    """The "padding" of a config."""
    return str(use.layer.config.get("padding", "valid"))


def _bias(use: Use, features: int) -> Parameter | None:
    has_bias = flag(use.settings, "use_bias", True)
    return latent(use, "bias", (features,)) if has_bias else None


def conv(rank: int) -> Rule:
    """Conv1D, Conv2D, Conv3D and their quantized forms."""

    def build(use: Use) -> Value:
        value = quantized_input(use, use.value)
        windows = read_windows(use, rank, causal=rank == 1)
        channels = _channels(use, value, windows)
        filters = whole(use.settings, "filters")
        groups = whole(use.settings, "groups", 1)
        if channels % groups or filters % groups:
            raise ShapeError(
                f"{use.where}: groups {groups} does not divide {channels} input channels and "
                f"{filters} filters"
            )
        shape = (*windows.kernel, channels // groups, filters)
        order = (rank + 1, rank, *range(rank))

        def quantized(op: ops.Conv) -> Quantized:
            weight = latent(use, "kernel", shape, order)
            kernel = Kernel(f"{use.name}.weight", weight, op, rank + 2, filters)
            return quantized_kernel(use, "kernel_quantizer", kernel)

        bias = _bias(use, filters)
        result = _convolved(use, value, windows, filters, groups, quantized, bias)
        return activated(use, result)

    return build


def _channels(use: Use, value: Value, windows: Windows) -> int:
    spatial(use, value, windows.rank, windows.channels_last)
    return shaped(use, value)[-1 if windows.channels_last else 1]


def _depthwise(
    use: Use, value: Value, windows: Windows, bias: bool, part: str
) -> tuple[Value, int]:
    """A filter for each channel and position in the multiplier: (result, how many)."""
    rank, channels = windows.rank, _channels(use, value, windows)
    multiplier = whole(use.settings, "depth_multiplier", 1)
    filters = channels * multiplier
    shape = (*windows.kernel, channels, multiplier)
    final = (filters, 1, *windows.kernel)

    def quantized(op: ops.Conv) -> Quantized:
        roles = ("depthwise_kernel", "kernel")
        weight = latent(use, roles, shape, (rank, rank + 1, *range(rank)), final)
        name = f"{part_of(use.name, part)}.weight"
        kernel = Kernel(name, weight, op, rank + 2, multiplier)
        return quantized_kernel(use, "depthwise_quantizer", kernel)

    own = _bias(use, filters) if bias else None
    return _convolved(use, value, windows, filters, channels, quantized, own, part), filters


def depthwise_conv(rank: int) -> Rule:
    """DepthwiseConv1D, DepthwiseConv2D and QuantDepthwiseConv2D."""

    def build(use: Use) -> Value:
        value = quantized_input(use, use.value)
        windows = read_windows(use, rank)
        return activated(use, _depthwise(use, value, windows, True, "")[0])

    return build


def separable_conv(rank: int) -> Rule:
    """SeparableConv1D and 2D and their quantized forms: a depthwise layer, then 1x1 filters."""

    def build(use: Use) -> Value:
        value = quantized_input(use, use.value)
        windows = read_windows(use, rank, causal=rank == 1)
        filters = whole(use.settings, "filters")
        value, channels = _depthwise(use, value, windows, False, "depthwise")
        ones = (1,) * rank
        points = replace(windows, kernel=ones, stride=ones, dilation=ones, form="valid")
        shape = (*ones, channels, filters)
        order = (rank + 1, rank, *range(rank))

        def quantized(op: ops.Conv) -> Quantized:
            weight = latent(use, "pointwise_kernel", shape, order)
            kernel = Kernel(f"{use.name}.weight", weight, op, rank + 2, filters)
            return quantized_kernel(use, "pointwise_quantizer", kernel)

        bias = _bias(use, filters)
        return activated(use, _convolved(use, value, points, filters, 1, quantized, bias))

    return build


def conv_transpose(rank: int) -> Rule:
    """Conv1DTranspose, Conv2DTranspose, Conv3DTranspose and Larq's: kernels (*spatial, out, in)."""

    def build(use: Use) -> Value:
        value = quantized_input(use, use.value)
        windows = read_windows(use, rank)
        channels, filters = _channels(use, value, windows), whole(use.settings, "filters")
        if whole(use.settings, "groups", 1) != 1:
            raise UnsupportedOpError(f"{use.where}: no rule for groups of a transposed layer")
        tensor = image(use, value, windows.channels_last)
        size = use.state.assembly.shape(tensor)[2:]
        padding, extra = _transposed_padding(use, windows, size)
        op = ops.ConvTranspose(
            filters, windows.kernel, windows.stride, padding, windows.dilation, 1, extra
        )
        shape = (*windows.kernel, filters, channels)
        weight = latent(use, "kernel", shape, (rank + 1, rank, *range(rank)))
        kernel = Kernel(f"{use.name}.weight", weight, op, rank + 2, channels)
        made = quantized_kernel(use, "kernel_quantizer", kernel)
        result = multiplied(use, op, tensor, made, _bias(use, filters))
        return activated(use, Value(result, windows.channels_last))

    return build


def _transposed_padding(
    use: Use, windows: Windows, size: tuple[int, ...]
) -> tuple[Pads, tuple[int, ...]]:
    """Padding and output padding: those of the convolution that goes the other way.

    Source: Keras 2.15, conv_utils.deconv_output_length.
    """
    given = use.layer.config.get("output_padding")
    wanted = None if given is None else sizes(use.settings, "output_padding", windows.rank, least=0)
    padding, extra = [], []
    axes = zip(size, windows.kernel, windows.stride, windows.dilation, strict=True)
    for axis, (length, kernel, stride, dilation) in enumerate(axes):
        extent = window_extent(kernel, dilation)
        is_same = windows.form == "same"
        if wanted is None:
            result = length * stride + (0 if is_same else max(extent - stride, 0))
        else:
            around = 2 * (extent // 2) if is_same else 0
            result = (length - 1) * stride + extent - around + wanted[axis]
        pads = same_padding(result, kernel, stride, dilation) if is_same else (0, 0)
        more = result - transposed_output(length, kernel, stride, pads, dilation)
        if more < 0 or result < 1:
            raise UnsupportedOpError(
                f"{use.where}: output_padding {given} makes {result} of {length}: no rule"
            )
        padding.append(pads)
        extra.append(more)
    return tuple(padding), tuple(extra)


def dense(use: Use) -> Value:
    """Dense and QuantDense: over the last axis of the file's order."""
    value = quantized_input(use, use.value)
    shape = shaped(use, value)
    if len(shape) < 2:
        raise ModelError(f"{use.where}: its input {list(shape)} has no features")
    units = whole(use.settings, "units")
    op = ops.Dense(shape[-1], units)
    weight = latent(use, "kernel", (shape[-1], units))
    kernel = Kernel(f"{use.name}.weight", weight, op, 2, units)
    made = quantized_kernel(use, "kernel_quantizer", kernel)
    tensor = use.state.axes.last(value)
    result = multiplied(use, op, tensor, made, _bias(use, units))
    return activated(use, Value(result, False))
