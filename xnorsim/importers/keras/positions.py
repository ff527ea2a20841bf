"""Where the windows of a layer lie: sizes, strides, padding, and the order of axes."""

from __future__ import annotations

from dataclasses import dataclass

from xnorsim.importers.keras.settings import sizes, word
from xnorsim.importers.keras.state import Use
from xnorsim.network import ops
from xnorsim.network.extents import same_padding

__all__ = ["Windows", "is_channels_last", "padding_of", "read_windows"]


@dataclass(frozen=True, slots=True)
class Windows:
    """Where a layer's windows lie, as its config has it."""

    rank: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    form: str
    channels_last: bool


def read_windows(use: Use, rank: int, causal: bool = False) -> Windows:
    """The windows of a convolution."""
    settings = use.settings
    forms = ("valid", "same", "causal") if causal else ("valid", "same")
    return Windows(
        rank,
        sizes(settings, "kernel_size", rank),
        sizes(settings, "strides", rank, 1),
        sizes(settings, "dilation_rate", rank, 1),
        word(settings, "padding", forms, "valid"),
        is_channels_last(use),
    )


def is_channels_last(use: Use) -> bool:
    """The order of axes that the layer says it reads."""
    words = ("channels_last", "channels_first")
    given = use.layer.config.get("data_format")
    return given is None or word(use.settings, "data_format", words) == "channels_last"


def padding_of(windows: Windows, size: tuple[int, ...]) -> ops.Padding:
    """What a layer adds around an input of `size`."""
    if windows.form == "valid":
        return ((0, 0),) * windows.rank
    axes = list(zip(size, windows.kernel, windows.stride, windows.dilation, strict=True))
    if windows.form == "causal":
        return tuple(((kernel - 1) * dilation, 0) for _, kernel, _, dilation in axes)
    return tuple(same_padding(*axis) for axis in axes)
