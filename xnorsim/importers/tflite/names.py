"""Names of layers and tensors: the file's own, made unique.

A converter joins the names of all that it fused by ";" and numbers what it repeats; the first of
them is what the layer ends with. Some files have no names at all.
"""

from __future__ import annotations

from collections.abc import Iterable

from xnorsim.importers.tflite.schema import Tensor

__all__ = ["Names"]

LONGEST = 200
"""Characters of a name that are kept."""


class Names:
    """A name for each tensor of a file, and more that are free."""

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self._numbers: dict[str, int] = {}
        ordered = sorted(tensors, key=lambda item: item.length is not None)  # constants come last
        self._names = {item.index: self.free(_plain(item)) for item in ordered}

    def of(self, tensor: Tensor) -> str:
        """The name of a tensor."""
        return self._names[tensor.index]

    def free(self, name: str) -> str:
        """`name`, or with the first number after it that makes it one of its kind."""
        found = name
        while found in self._numbers:
            self._numbers[name] += 1
            found = f"{name}#{self._numbers[name]}"
        self._numbers[found] = 1
        return found


def _plain(tensor: Tensor) -> str:
    """The first of joined names, without what cannot be printed."""
    first = next((part for part in tensor.name.split(";") if part.strip()), "")
    text = "".join(char if char.isprintable() else "?" for char in first.strip())
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}..."
    return text or f"tensor_{tensor.index}"
