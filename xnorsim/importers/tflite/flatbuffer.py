"""Vectors, tables and texts of a flatbuffer, within its bounds.

The generated classes of the `tflite` package read single numbers: one beyond the end of the file,
or before its beginning, is an exception there (struct.error, TypeError), which the reader of files
turns into an InputError. Lengths are looked at here before anything is made of them. A file may
point to one part of it from many places, so what is read in all is bounded too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xnorsim.errors import ModelError

__all__ = ["Reader"]

TABLE_BYTES = 16
"""What a table is taken for: about the least that a file spends on one with its offset and fields,
so that tables which are one and the same do not become a thousand times what they are there."""

SHARED = 2
"""How many times its own size may be read of a file: converters share little between tables."""


@dataclass
class Reader:
    """Reads a file's structure; `left` [bytes] is what may still be read of it."""

    file: str
    size: int
    left: int

    @classmethod
    def of(cls, file: str, size: int) -> Reader:
        """A reader of a file of `size` bytes."""
        return cls(file, size, SHARED * size)

    def numbers(self, table: Any, field: str) -> list[Any]:
        """The vector of numbers that is a table's `field`; [] if it has none.

        Raises:
            ModelError: it is longer than the file, or the file is read over and over.
        """
        self._take(getattr(table, f"{field}Length")(), 1, field)
        values = getattr(table, f"{field}AsNumpy")()
        if not isinstance(values, np.ndarray):  # 0 where there is no vector
            return []
        self._take(len(values), values.itemsize - 1, field)
        return values.tolist()

    def tables(self, table: Any, field: str) -> list[Any]:
        """The tables of the vector that is a table's `field`.

        Raises:
            ModelError: as `numbers`.
        """
        length = getattr(table, f"{field}Length")()
        self._take(length, TABLE_BYTES, field)
        get = getattr(table, field)
        return [get(index) for index in range(length)]

    def text(self, table: Any, field: str) -> str:
        """The text that is a table's `field`; "" if it has none.

        Raises:
            ModelError: as `numbers`.
        """
        value = getattr(table, field)() or b""
        self._take(len(value), 1, field)
        return value.decode("utf-8", "replace")

    def _take(self, count: int, width: int, field: str) -> None:
        if count > self.size:
            raise ModelError(
                f"{self.file}: damaged: a vector '{field}' of {count} elements in a file of "
                f"{self.size} bytes"
            )
        self.left -= count * width
        if self.left < 0:
            raise ModelError(
                f"{self.file}: damaged: its tables point to the same bytes over and over"
            )
