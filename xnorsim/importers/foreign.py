"""What the reader of the format without a mark raises, so that all formats can be named."""

from __future__ import annotations

from pathlib import Path

from xnorsim.errors import ModelError

__all__ = ["ForeignFileError"]


class ForeignFileError(ModelError):
    """A file's bytes are not those of the reader's format; `reason` says since what."""

    def __init__(self, path: Path, format: str, reason: str) -> None:
        super().__init__(f"{path}: not an {format} file: {reason}")
        self.reason = reason
