"""Files that keep their channels last, written down channel-first.

xnorsim names axes (batch, channels, *spatial). A file of Keras or TensorFlow Lite names them
(batch, *spatial, channels), and runs so: where a layer needs the other order, axes are relabelled
by a Transpose that moves nothing. The network keeps the file's order at its inputs and outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xnorsim.network.assembly import Assembly
from xnorsim.network.ops import Transpose

__all__ = ["Axes", "Value", "first_axis", "to_first", "to_last"]


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of the file: the one of the graph that holds it, and the order of its axes there."""

    tensor: str
    channels_first: bool


@dataclass
class Axes:
    """Reads tensors of a file in either order of axes; each is relabelled at most once."""

    assembly: Assembly
    _relabelled: dict[tuple[str, bool], str]

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly
        self._relabelled = {}

    def first(self, value: Value) -> str:
        """The tensor as (batch, channels, *spatial)."""
        return value.tensor if value.channels_first else self._other(value, to_first)

    def last(self, value: Value) -> str:
        """The tensor as the file has it: (batch, *spatial, channels)."""
        return self._other(value, to_last) if value.channels_first else value.tensor

    def shape(self, value: Value) -> tuple[int, ...]:
        """The shape as the file has it."""
        shape = self.assembly.shape(value.tensor)
        if not value.channels_first:
            return shape
        return tuple(shape[axis] for axis in to_last(len(shape)))

    def _other(self, value: Value, order: Callable[[int], tuple[int, ...]]) -> str:
        rank = len(self.assembly.shape(value.tensor))
        if rank <= 2:  # (batch, channels): both orders are one
            return value.tensor
        key = (value.tensor, value.channels_first)
        if key not in self._relabelled:
            op = Transpose(order(rank), relabels=True)
            word = "last" if value.channels_first else "first"
            name = f"{value.tensor}.channels_{word}"
            self._relabelled[key] = self.assembly.layer(op, value.tensor, name=name)
        return self._relabelled[key]


def to_first(rank: int) -> tuple[int, ...]:
    """The permutation from channels last to channels first.

    >>> to_first(4), to_last(4)
    ((0, 3, 1, 2), (0, 2, 3, 1))
    """
    return (0, rank - 1, *range(1, rank - 1)) if rank > 1 else tuple(range(rank))


def to_last(rank: int) -> tuple[int, ...]:
    """The permutation from channels first to channels last."""
    return (0, *range(2, rank), 1) if rank > 1 else tuple(range(rank))


def first_axis(axis: int, rank: int) -> int:
    """Where an axis of the file's order (negative: from the end) lies channel-first.

    >>> [first_axis(axis, 4) for axis in (0, 1, 2, 3, -1)]
    [0, 2, 3, 1, 1]
    """
    return to_first(rank).index(axis % rank)
