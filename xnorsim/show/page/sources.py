"""Numbered footnotes: each source once, in the order in which the page first leans on it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

__all__ = ["METHODS", "Footnotes", "Piece", "pieces"]

METHODS = {
    "paper": (
        'M. Rastegari, V. Ordonez, J. Redmon, A. Farhadi, "XNOR-Net: ImageNet Classification Using '
        'Binary Convolutional Neural Networks", ECCV 2016, section 4.1. '
        "https://arxiv.org/abs/1603.05279"
    ),
    "roofline": (
        'S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model '
        'for multicore architectures", Communications of the ACM 52(4), 2009. '
        "https://doi.org/10.1145/1498765.1498785"
    ),
    "cache-aware": (
        'A. Ilic, F. Pratas, L. Sousa, "Cache-aware Roofline model: Upgrading the loft", IEEE '
        "Computer Architecture Letters 13(1), 2014. https://doi.org/10.1109/L-CA.2013.6"
    ),
    "amdahl": (
        'G. Amdahl, "Validity of the single processor approach to achieving large scale computing '
        'capabilities", AFIPS spring joint computer conference, 1967. '
        "https://doi.org/10.1145/1465482.1465560"
    ),
}
"""What the figures of the page follow, whatever the machine."""


class Footnotes:
    """The sources of a page, each with its number, from 1."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """The number of a source, the next one if it is new."""
        return self._numbers.setdefault(text, len(self._numbers) + 1)

    def methods(self, *names: str) -> list[int]:
        """The numbers of some METHODS."""
        return [self.number(METHODS[name]) for name in names]

    def texts(self) -> Iterable[str]:
        """The sources in the order of their numbers."""
        return self._numbers


class Piece(NamedTuple):
    """A part of a source's text, and the address it leads to, if it is one."""

    text: str
    address: str | None


_ADDRESS = re.compile(r"https?://[^\s<>\"'\\]+[^\s<>\"'\\.,;:)\]}]")


def pieces(text: str) -> Iterator[Piece]:
    """A text cut at its web addresses.

    >>> [piece.address for piece in pieces("A paper. https://doi.org/10.1, table 2")]
    [None, 'https://doi.org/10.1', None]
    """
    end = 0
    for found in _ADDRESS.finditer(text):
        yield Piece(text[end : found.start()], None)
        yield Piece(found[0], found[0])
        end = found.end()
    yield Piece(text[end:], None)
