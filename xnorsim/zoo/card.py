"""What is published of a network, as plain data; zoo/cards.py has the values.

What is not published is left out. Figures of our own are never written here: they are computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Accuracy", "Card", "Published", "Quantity"]


class Quantity(StrEnum):
    """What a published figure counts."""

    PARAMETERS = "parameters"
    MACS = "MACs"
    OPERATIONS = "operations"  # a multiply and an add are two
    SIZE = "size"  # as stored, without alpha [byte]
    SIZE_FLOAT32 = "size as float32"  # [byte]
    SIZE_FLOAT64 = "size as float64"  # [byte]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A published accuracy [%]; `top5` is None where it is not told."""

    top1: float
    top5: float | None
    source: str


@dataclass(frozen=True, slots=True)
class Published:
    """A published figure, rounded or cut off at `step`; a step of 1 means an exact count.

    `vectors` says how many vectors of a batch normalization it counts: 2 (scale and shift), 4
    (mean and variance too), or 3 (without a scale). `differs` says why ours is another figure,
    "" where it is the same.
    """

    quantity: Quantity
    value: float
    step: float
    source: str
    vectors: int = 2
    differs: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """The published side of a network. The first accuracy is that of the network as it is here.

    `notes` say how ours differs from what its source describes, and what had to be assumed.
    """

    dataset: str
    accuracy: tuple[Accuracy, ...] = ()
    published: tuple[Published, ...] = ()
    notes: tuple[str, ...] = ()
