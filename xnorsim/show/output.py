"""Files written whole or not at all: a temporary file in the same folder, then a rename."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, BinaryIO

from xnorsim.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["check_place", "write_arrays", "write_bytes", "write_text"]


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8, its line ends as they are.

    Half of a surrogate pair, as in a name of a file that is no UTF-8, is written as an escape.

    Raises:
        UsageError: as write_bytes.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_arrays(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays by name to an .npz file, the same arrays as the same bytes.

    numpy.savez cannot: one of its own parameters is called as a tensor may be.

    Raises:
        UsageError: as write_bytes.
    """
    import numpy as np

    def fill(stream: BinaryIO) -> None:
        with zipfile.ZipFile(stream, "w") as archive:
            for name, array in arrays.items():
                entry = zipfile.ZipInfo(f"{name}.npy")  # dated 1980, whenever it is written
                with archive.open(entry, "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)

    _write(path, fill)


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` to a file, which appears complete or stays as it was.

    A new file gets the mode that the umask leaves, an old one keeps its own; a link is followed.
    What is no ordinary file (a pipe, /dev/stdout) is written to directly: it cannot be replaced.

    Raises:
        UsageError: no such folder, a folder in the file's place, no permission, a full disk.
    """
    _write(path, lambda stream: stream.write(content))


def check_place(path: str | os.PathLike[str]) -> None:
    """Refuse a path that nothing can be written to, before the work is done; see write_bytes.

    Raises:
        UsageError: the folder it would lie in is missing, is no folder, or may not be written to.
    """
    parent = Path(os.path.realpath(path)).parent
    reason = None
    if not parent.exists():
        reason = f"there is no folder '{parent}'"
    elif not parent.is_dir():
        reason = f"'{parent}' is no folder"
    elif not os.path.exists(path) and not os.access(parent, os.W_OK | os.X_OK):
        reason = f"no permission to write in '{parent}'"
    if reason:
        raise UsageError(f"cannot write {os.fspath(path)!r}: {reason}")


def _write(path: str | os.PathLike[str], fill: Callable[[BinaryIO], object]) -> None:
    try:
        target = Path(os.path.realpath(path))
        mode = _mode(path)
        if mode is not None and not stat.S_ISREG(mode):
            with open(path, "wb") as stream:  # a folder fails here, with the system's own word
                fill(stream)
            return
        if mode is not None and not os.access(target, os.W_OK):
            raise PermissionError(None, "the file is read-only")
        _replace(target, fill, mode)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot write {os.fspath(path)!r}: {reason}") from error


def _mode(path: str | os.PathLike[str]) -> int | None:
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _replace(target: Path, fill: Callable[[BinaryIO], object], mode: int | None) -> None:
    temporary = target.with_name(f".xnorsim-{token_hex(8)}.tmp")
    # 0o666 and not mkstemp's 0o600: the umask decides, as for any other file.
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "wb") as stream:
            if mode is not None:
                os.fchmod(stream.fileno(), stat.S_IMODE(mode))
            fill(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
