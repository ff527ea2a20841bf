"""Pools, and layers that pad, crop and repeat positions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from xnorsim.errors import ModelError, ShapeError
from xnorsim.importers.channels import Value
from xnorsim.importers.keras.positions import Windows, is_channels_last, padding_of
from xnorsim.importers.keras.settings import LARGEST, flag, is_whole, listed, sizes, word
from xnorsim.importers.keras.state import Padded, Use, add, image, spatial
from xnorsim.network import ops
from xnorsim.network.ops import Reduction
from xnorsim.network.precision import BIPOLAR, FLOAT32

__all__ = ["cropping", "global_pool", "pool", "upsampling", "zero_padding"]

Rule = Callable[[Use], Value]


def pool(reduction: Reduction, rank: int) -> Rule:
    """MaxPooling and AveragePooling; a mean is of what lies inside the input."""

    def build(use: Use) -> Value:
        settings = use.settings
        kernel = sizes(settings, "pool_size", rank, 2)
        given = use.layer.config.get("strides")
        stride = kernel if given is None else sizes(settings, "strides", rank)
        ones = (1,) * rank
        form = word(settings, "padding", ("valid", "same"), "valid")
        windows = Windows(rank, kernel, stride, ones, form, is_channels_last(use))
        size = spatial(use, use.value, rank, windows.channels_last)
        op = ops.Pool(reduction, kernel, stride, padding_of(windows, size), ones)
        tensor = image(use, use.value, windows.channels_last)
        return Value(add(use, op, tensor), windows.channels_last)

    return build


def global_pool(reduction: Reduction, rank: int) -> Rule:
    """GlobalMaxPooling and GlobalAveragePooling: one window of the whole input."""

    def build(use: Use) -> Value:
        last = is_channels_last(use)
        size = spatial(use, use.value, rank, last)
        ones = (1,) * rank
        op = ops.Pool(reduction, size, ones, ((0, 0),) * rank, ones)
        tensor = add(use, op, image(use, use.value, last))
        if flag(use.settings, "keepdims", False):
            return Value(tensor, last)
        shape = use.state.assembly.shape(tensor)[:2]
        return Value(add(use, ops.Reshape(shape), tensor, part="flat"), False)

    return build


def _pairs(use: Use, key: str, rank: int) -> tuple[tuple[int, int], ...]:
    """((before, after), ...) for each axis; one number stands for both, or for all."""
    given = use.layer.config.get(key, 1)
    items = [given] * rank if is_whole(given) else listed(given)
    if rank == 1 and items is not None and len(items) == 2:
        items = [items]
    pairs = [tuple([item] * 2 if is_whole(item) else listed(item) or ()) for item in items or ()]
    fits = len(pairs) == rank and all(
        len(pair) == 2 and all(is_whole(n) and 0 <= n <= LARGEST for n in pair) for pair in pairs
    )
    if not fits:
        raise ModelError(
            f"{use.where}: {key} is {given!r:.80}: it must be a number, or one or two an axis"
        )
    return tuple((before, after) for before, after in pairs)


def zero_padding(rank: int) -> Rule:
    """ZeroPadding. Around +-1 the zeros are no bits: a binary layer that reads them pads itself."""

    def build(use: Use) -> Value:
        last = is_channels_last(use)
        spatial(use, use.value, rank, last)
        pads = _pairs(use, "padding", rank)
        source = tensor = image(use, use.value, last)
        op = ops.Pad(((0, 0), (0, 0), *pads))
        if use.state.assembly.spec(tensor).encoding != BIPOLAR:
            return Value(add(use, op, tensor), last)
        before = use.state.padded.get(source)
        tensor = add(use, ops.Cast(FLOAT32), tensor, part="float")
        result = add(use, op, tensor)
        padded = Padded(source, pads, (tensor, result))
        use.state.padded[result] = padded if before is None else _more(padded, before)
        return Value(result, last)

    return build


def _more(padded: Padded, before: Padded) -> Padded:
    pairs = zip(before.padding, padded.padding, strict=True)
    total = tuple((a + c, b + d) for (a, b), (c, d) in pairs)
    return replace(padded, source=before.source, padding=total)


def cropping(rank: int) -> Rule:
    """Cropping: the positions inside a border."""

    def build(use: Use) -> Value:
        last = is_channels_last(use)
        size = spatial(use, use.value, rank, last)
        pairs = _pairs(use, "cropping", rank)
        for length, (before, after) in zip(size, pairs, strict=True):
            if before + after >= length:
                raise ShapeError(
                    f"{use.where}: cropping {before} + {after} leaves none of {length}"
                )
        axes = tuple(range(2, rank + 2))
        starts = tuple(before for before, _ in pairs)
        ends = tuple(n - after for n, (_, after) in zip(size, pairs, strict=True))
        op = ops.Slice(axes, starts, ends, (1,) * rank)
        return Value(add(use, op, image(use, use.value, last)), last)

    return build


def upsampling(rank: int) -> Rule:
    """UpSampling: each position repeated, or interpolated."""

    def build(use: Use) -> Value:
        last = is_channels_last(use)
        size = spatial(use, use.value, rank, last)
        factors = sizes(use.settings, "size", rank, 2)
        words = ("nearest", "bilinear") if rank == 2 else ("nearest",)
        nearest = word(use.settings, "interpolation", words, "nearest") == "nearest"
        tensor = image(use, use.value, last)
        shape = use.state.assembly.shape(tensor)[:2]
        result = (*shape, *(n * factor for n, factor in zip(size, factors, strict=True)))
        if nearest:
            op = ops.Resize(result, "nearest", "asymmetric", rounding="floor")
        else:
            op = ops.Resize(result, "linear", "half_pixel")
        return Value(add(use, op, tensor), last)

    return build
