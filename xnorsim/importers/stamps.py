"""What a file was when the network was read: its values are read later, from the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xnorsim.errors import ModelError

__all__ = ["Stamp", "check_unchanged", "stamp"]


@dataclass(frozen=True, slots=True)
class Stamp:
    """A file: its size [bytes], and when it was written last [ns]."""

    path: Path
    size: int
    modified: int


def stamp(path: Path) -> Stamp:
    """The state of a file.

    Raises:
        ModelError: it is not there.
    """
    try:
        state = path.stat()
    except OSError as fault:
        raise ModelError(f"{path}: its data cannot be read: {fault}") from fault
    return Stamp(path, state.st_size, state.st_mtime_ns)


def check_unchanged(where: str, before: Stamp) -> None:
    """Refuse a file that is another by now; `where` is what is wanted from it.

    Raises:
        ModelError: it was changed, or is gone.
    """
    if stamp(before.path) != before:
        raise ModelError(f"{where}: {before.path} was changed after it was read")
