"""How a plan holds tensors, and the arrays that hold them.

A tensor may be held in several forms at once: as numpy and the reference hold it, with channels
last, or as the bits that a binary layer reads. Steps see any of them as a matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from math import prod

import numpy as np

from xnorsim.exact.encodings import dtype_of
from xnorsim.network.bits import word_count
from xnorsim.network.graph import TensorSpec

__all__ = ["Arrays", "Form", "Held", "floats_of", "held", "is_image", "matrix"]

Array = np.ndarray


class Form(Enum):
    """An arrangement of a tensor's numbers."""

    PLAIN = "plain"  # its shape and type, contiguous
    ROWS = "rows"  # float32 (positions of all images, channels)
    BITS = "bits"  # uint64 (positions of all images, words), channels as in network/bits.py


@dataclass(frozen=True, slots=True)
class Held:
    """A tensor in a form: an array of this shape and type."""

    tensor: str
    form: Form
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def elements(self) -> int:
        """How many numbers or words it has."""
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        """What it takes [byte]."""
        return self.elements * self.dtype.itemsize


Arrays = Mapping[Held, Array]


def held(name: str, spec: TensorSpec, form: Form) -> Held:
    """Tensor `name` in a form."""
    if form is Form.PLAIN:
        return Held(name, form, spec.shape, dtype_of(spec.encoding))
    positions, channels = spec.elements // spec.shape[1], spec.shape[1]
    if form is Form.ROWS:
        return Held(name, form, (positions, channels), np.dtype(np.float32))
    return Held(name, form, (positions, word_count(channels)), np.dtype(np.uint64))


def is_image(spec: TensorSpec) -> bool:
    """Whether it has channels and, if any, two axes of positions."""
    return len(spec.shape) in (2, 4)


def floats_of(name: str, spec: TensorSpec, form: Form) -> Held:
    """A float tensor in rows or planes. One position an image is the same in both: it is plain."""
    rows = form is Form.ROWS and prod(spec.shape[2:]) > 1
    return held(name, spec, Form.ROWS if rows else Form.PLAIN)


def matrix(array: Array, item: Held, *, rows: bool) -> Array:
    """The numbers of a float tensor as rows of channels, or as planes of positions."""
    if item.form is Form.ROWS:
        return array
    channels = item.shape[1]
    return array.reshape(-1, channels) if rows else array.reshape(item.shape[0] * channels, -1)
