"""Operators that move windows over an image: convolutions and pools.

Source: TensorFlow, tensorflow/lite/kernels/padding.h, conv.cc, depthwise_conv.cc,
transpose_conv.cc, pooling.cc; filters are (out, height, width, in), or of depthwise ones
(1, height, width, out).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import tflite

from xnorsim.errors import ModelError
from xnorsim.importers.tflite.activations import finish
from xnorsim.importers.tflite.products import Weight, multiplied
from xnorsim.importers.tflite.schema import names_of
from xnorsim.importers.tflite.view import (
    Rule,
    View,
    constant,
    emit,
    named,
    option,
    quantization,
    real,
    require,
    settings,
    tensor,
    value,
    write,
)
from xnorsim.network import ops
from xnorsim.network.extents import same_padding
from xnorsim.network.ops import Reduction

__all__ = ["RULES", "windows"]

_PADDINGS = names_of(tflite.Padding)


def windows(
    view: View,
    word: str,
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> ops.Padding:
    """The padding that a word stands for: an odd one of SAME is larger at the end.

    Raises:
        ModelError: a word that is not known.
        ShapeError: a window of no size, or one that never moves.
    """
    least = min(*kernel, *stride, *dilation)
    require(view, least >= 1, f"kernel {kernel}, stride {stride} or dilation {dilation} below 1")
    if word == "VALID":
        return ((0, 0),) * len(kernel)
    if word != "SAME":
        raise ModelError(f"{view.where}: padding {word}: expected SAME or VALID")
    axes = zip(size, kernel, stride, dilation, strict=True)
    return tuple(same_padding(*axis) for axis in axes)


def _window(view: View, image: str, kernel: tuple[int, ...], *, dilated: bool) -> ops.Conv:
    """A convolution without channels: its stride, padding and dilation."""
    size = view.state.assembly.shape(image)
    require(view, len(size) == 4, f"its input {list(size)} is not (batch, height, width, channels)")
    stride = (int(option(view, "StrideH")), int(option(view, "StrideW")))
    dilation = (1, 1)
    if dilated:
        dilation = (int(option(view, "DilationHFactor")), int(option(view, "DilationWFactor")))
    word = _PADDINGS.get(int(option(view, "Padding")), "unknown")
    padding = windows(view, word, size[2:], kernel, stride, dilation)
    return ops.Conv(0, kernel, stride, padding, dilation)


def _padded(view: View) -> tuple[str, ops.Padding, int] | None:
    """What a convolution reads before its binary padding, which it can do itself: channel-first,
    the padding of its spatial axes, and what it pads with."""
    pad = view.state.pads.get(tensor(view, 0).index)
    if pad is None or _PADDINGS.get(int(option(view, "Padding"))) != "VALID":
        return None
    rows = pad.rows if pad.before.channels_first else [pad.rows[axis] for axis in (0, 3, 1, 2)]
    if any(map(any, rows[:2])) or min(map(min, rows)) < 0:
        return None
    return view.state.axes.first(pad.before), tuple(rows[2:]), pad.fill


def _filter(view: View, position: int) -> tuple[int, ...]:
    """The shape of a constant filter.

    Raises:
        ModelError: it is computed at run time.
    """
    found = constant(view, position)
    if found is None:
        raise ModelError(
            f"{view.where}: its filter '{named(view, position)}' is computed at run time"
        )
    size = found.spec.shape
    require(view, len(size) == 4 and min(size) >= 1, f"its filter {list(size)} is not of 4 axes")
    return size


def _conv(view: View) -> None:
    out, height, width, inner = _filter(view, 1)
    image, form, channels = _image(view, (height, width))
    require(view, channels % inner == 0, f"filters of {inner} do not fit {channels} channels")
    op = replace(form, out_channels=out, groups=channels // inner)
    weight = Weight((out, inner, height, width), partial(np.transpose, axes=(0, 3, 1, 2)), 0)
    multiplied(view, op, image, weight, channels_first=True)


def _image(view: View, kernel: tuple[int, ...]) -> tuple[str, ops.Conv, int]:
    """What a convolution reads, its window, and the channels of the image."""
    image = view.state.axes.first(value(view, 0))
    form, padded = _window(view, image, kernel, dilated=True), _padded(view)
    if padded is not None:
        image, padding, fill = padded
        form = replace(form, padding=padding, pad_value=fill)
    return image, form, view.state.assembly.shape(image)[1]


def _depthwise(view: View) -> None:
    one, height, width, out = _filter(view, 1)
    image, form, channels = _image(view, (height, width))
    fits = one == 1 and out % channels == 0
    require(view, fits, f"its filter of {out} outputs does not fit {channels} channels")
    op = replace(form, out_channels=out, groups=channels)
    weight = Weight((out, 1, height, width), partial(np.transpose, axes=(3, 0, 1, 2)), 3)
    multiplied(view, op, image, weight, channels_first=True)


def _transposed(view: View) -> None:
    """What a convolution of the result would shrink to the input; see TensorFlow's padding.h."""
    out, height, width, inner = _filter(view, 1)
    integers = quantization(tensor(view, 2)) is not None
    image = view.state.axes.first((real if integers else value)(view, 2))
    form = _window(view, image, (height, width), dilated=False)
    sizes, stated = view.state.assembly.shape(image)[2:], _stated_size(view, image, form)
    pads, extra = [], []
    for size, wanted, k, stride in zip(sizes, stated, form.kernel, form.stride, strict=True):
        over = stride * (size - 1) + k - wanted
        pads.append((max(over, 0) // 2, max(over, 0) - max(over, 0) // 2))
        extra.append(max(-over, 0))
    op = ops.ConvTranspose(
        out, form.kernel, form.stride, tuple(pads), (1, 1), output_padding=tuple(extra)
    )
    turned = partial(np.transpose, axes=(3, 0, 1, 2))
    weight = Weight((inner, out, height, width), turned, 0, data=2, bias=3)
    multiplied(view, op, image, weight, channels_first=True)


def _stated_size(view: View, image: str, form: ops.Conv) -> tuple[int, ...]:
    """Height and width of the result: the setting, or (of one that is computed) the smallest."""
    if constant(view, 0) is not None:
        size = settings(view, 0)
        require(view, len(size) == 4, f"its output shape {list(size)} is not of 4 axes")
        return size[1:3]
    target = view.state.model.tensors[view.operator.outputs[0]].spec.shape
    require(view, len(target) == 4, "its output's shape is not known")
    return target[1:3]


def _pool(reduction: Reduction) -> Callable[[View], None]:
    def build(view: View) -> None:
        kernel = (int(option(view, "FilterHeight")), int(option(view, "FilterWidth")))
        moves = reduction is Reduction.MAX and _same_scale(view)
        given = value(view, 0) if moves else real(view, 0)
        image = view.state.axes.first(given)
        form = _window(view, image, kernel, dilated=False)
        op = ops.Pool(reduction, kernel, form.stride, form.padding, (1, 1))
        result = emit(view, op, image)
        if moves and int(option(view, "FusedActivationFunction")) == 0:
            write(view, result, True)
        else:
            finish(view, result, True, has_fused=True)

    return build


def _same_scale(view: View) -> bool:
    """Whether integers go through as they are."""
    target = view.state.model.tensors[view.operator.outputs[0]]
    plain = int(option(view, "FusedActivationFunction")) == 0
    return plain and quantization(tensor(view, 0)) == quantization(target)


RULES: dict[str, Rule] = {
    "AVERAGE_POOL_2D": Rule(_pool(Reduction.MEAN), "Pool2DOptions"),
    "CONV_2D": Rule(_conv, "Conv2DOptions"),
    "DEPTHWISE_CONV_2D": Rule(_depthwise, "DepthwiseConv2DOptions"),
    "MAX_POOL_2D": Rule(_pool(Reduction.MAX), "Pool2DOptions"),
    "TRANSPOSE_CONV": Rule(_transposed, "TransposeConvOptions"),
}
