"""Sweeps on disk as Zarr, chunk by chunk, so that one that was stopped can be gone on with.

    out.zarr/         coordinates and attributes first, under another name until they are complete;
                      then a file for each chunk and figure, written whole or not at all
    out.zarr.parts/   of a reduction: what each task kept, until all are merged into out.zarr
    out.zarr.lock     held while somebody works on it; the system lets go of it if they are killed

A task is done when the files of all its chunks are there. Nothing that is stored depends on when,
in which order or by how many processes it was worked out. What is written survives the end of a
process at any moment; of a power failure that is not promised.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.errors import DiskFullError, MissingExtraError, UsageError
from xnorsim.explore.contents import Content, Variable
from xnorsim.explore.reductions import Parts
from xnorsim.explore.space import Block
from xnorsim.units import format_bits

__all__ = [
    "OWN",
    "attributes_of",
    "begin_parts",
    "create",
    "end_parts",
    "finish",
    "imported",
    "is_done",
    "locked",
    "parts_done",
    "parts_folder",
    "read_parts",
    "resume",
    "sweep_partial",
    "write_block",
    "write_parts",
]

OWN = ("complete", "order", "chunk", "written_by")
"""Attributes of how a sweep is stored, and not of what it is."""

_FULL = (errno.ENOSPC, errno.EDQUOT)


def imported() -> Any:
    """The package zarr.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import zarr
    except ImportError as error:
        raise MissingExtraError("zarr", "sweep", "a sweep on disk") from error
    return zarr


def beside(out: Path, suffix: str) -> Path:
    """The path of what stands beside a sweep while it is worked on."""
    return out.with_name(out.name + suffix)


def parts_folder(out: Path) -> Path:
    """Where the parts of a reduction lie until they are merged."""
    return beside(out, ".parts")


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the lock of a sweep.

    Raises:
        UsageError: another process holds it, or its folder cannot be written to.
    """
    import fcntl

    path = beside(out, ".lock")
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise UsageError(f"cannot write '{out}': {error.strerror}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(f"'{out}' is being worked on by another process") from error
        # The one before may have removed the file between our opening and locking it.
        if not path.exists() or not os.path.samestat(os.fstat(handle), path.stat()):
            raise UsageError(f"'{out}' was being worked on by another process: try again")
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(handle)


@contextmanager
def room(out: Path | str) -> Iterator[None]:
    """Write something: Ctrl-C is heard afterwards, and a full disk is told from other failures.

    Raises:
        DiskFullError: there is no room.
    """
    try:
        with _uninterrupted():
            yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        free = ""
        with suppress(OSError):
            found = os.statvfs(Path(out).parent)
            free = f", {format_bits(8.0 * found.f_bavail * found.f_frsize)} are free"
        raise DiskFullError(
            f"no room on the disk of '{out}'{free}: what is done stays, and the same sweep goes "
            "on when there is room"
        ) from error


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back, which zarr does not bear in the midst of a chunk."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield
        return
    held: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held:
        signal.raise_signal(signal.SIGINT)


def create(out: Path, content: Content, chunk: Sequence[int], *, complete: bool = False) -> None:
    """Write a dataset without the figures that are still to come, under its name when it is whole.

    chunk: the lengths of a chunk along the first dimensions of each figure.

    Raises:
        MissingExtraError: zarr is not installed.
        DiskFullError: there is no room.
    """
    new = beside(out, ".new")
    shutil.rmtree(new, ignore_errors=True)
    with room(out):
        names = [*content.coordinates, *content.figures]
        about = {"complete": complete, "order": names, **content.attributes, **_stored(chunk)}
        coordinates = [name for name in content.coordinates if name not in content.sizes]
        about |= {"coordinates": " ".join(coordinates)} if coordinates else {}
        group = imported().create_group(store=str(new), zarr_format=3, attributes=about)
        for name, variable in {**content.coordinates, **content.figures}.items():
            _add(group, name, variable, content.sizes, chunk)
        os.rename(new, out)


def _add(
    group: Any, name: str, variable: Variable, sizes: Mapping[str, int], chunk: Sequence[int]
) -> None:
    shape = tuple(sizes[dim] for dim in variable.dims)
    values, about = variable.values, dict(variable.attributes)
    is_word = values is not None and values.dtype.kind == "U"
    dtype: Any = str if is_word else np.float64 if values is None else values.dtype
    array = group.create_array(
        name,
        shape=shape,
        dtype=dtype,
        # Zarr has no chunk of length 0.
        chunks=tuple(max(1, n) for n in (*chunk, *shape[len(chunk) :]))
        if values is None
        else tuple(max(1, n) for n in shape),
        fill_value="" if is_word else 0 if np.dtype(dtype).kind == "i" else np.nan,
        dimension_names=variable.dims,
        attributes=about,
    )
    if values is not None:
        _always(array)[...] = values.astype(object) if is_word else values


def _always(array: Any) -> Any:
    """The array with a file for each chunk that is written, one of NaN alone too."""
    return array.with_config({"write_empty_chunks": True})


def _stored(chunk: Sequence[int]) -> dict[str, Any]:
    """What decides the bytes of a dataset beside its question."""
    return {
        "chunk": list(chunk),
        "written_by": {name: version(name) for name in ("zarr", "numcodecs")},
    }


def resume(out: Path, content: Content, chunk: Sequence[int]) -> bool:
    """Whether there is a dataset of this very question already; what was being written is removed.

    Raises:
        UsageError: what is there is something else; what differs is named.
    """
    shutil.rmtree(beside(out, ".new"), ignore_errors=True)
    if not os.path.lexists(out):
        return False
    found = attributes_of(out)
    _compare(out, found, {**content.attributes, **_stored(chunk)})
    sweep_partial(out)
    return True


def attributes_of(out: Path) -> dict[str, Any]:
    """The attributes of a sweep on disk.

    Raises:
        UsageError: there is none.
    """
    try:
        found = json.loads((out / "zarr.json").read_bytes())["attributes"]
        if "question" in found and "complete" in found:
            return found
    except (OSError, ValueError, KeyError, TypeError):
        pass
    is_there = "is no sweep" if os.path.lexists(out) else "is not there"
    raise UsageError(f"'{out}' {is_there}")


def _compare(out: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    keys = ("question", "chunk", "written_by")
    there, asked = (
        {**json.loads(each["question"]), **{k: each.get(k) for k in keys[1:]}}
        for each in (found, wanted)
    )
    differs = _difference(there, asked, "")
    if differs:
        raise UsageError(f"'{out}' holds another sweep: {differs}; remove it or name another file")


def _difference(there: Any, asked: Any, path: str) -> str:
    """The first key at which two documents differ, with both values; "" if they are alike."""
    if there == asked:
        return ""
    if isinstance(there, dict) and isinstance(asked, dict):
        pairs = [(f".{key}", there.get(key), asked.get(key)) for key in {**asked, **there}]
    elif isinstance(there, list) and isinstance(asked, list) and len(there) == len(asked):
        pairs = [(f"[{place}]", *pair) for place, pair in enumerate(zip(there, asked, strict=True))]
    else:
        told = (f"{json.dumps(each):.80}" for each in (there, asked))
        return f"{path.lstrip('.')} is " + " there, and is asked for as ".join(told)
    return next(filter(None, (_difference(a, b, path + key) for key, a, b in pairs)))


def sweep_partial(out: Path) -> None:
    """Remove what a process left behind that was ended while it wrote."""
    for path in out.rglob("*.partial"):
        path.unlink(missing_ok=True)


def write_block(out: str, block: Block, values: Mapping[str, NDArray[Any]]) -> None:
    """Write the figures of a block, each as a chunk.

    Raises:
        MissingExtraError: zarr is not installed.
        DiskFullError: there is no room.
    """
    with room(out):
        for name, array in values.items():
            state = os.stat(os.path.join(out, name, "zarr.json"))
            _array(out, name, state.st_ino, state.st_mtime_ns)[block.slices] = array


@lru_cache(maxsize=16)
def _array(out: str, name: str, inode: int, changed_ns: int) -> Any:
    """An array of a sweep, opened once for all of its chunks."""
    return _always(imported().open_array(out, path=name, mode="r+"))


def is_done(
    out: Path, names: Sequence[str], places: Sequence[int], dims: Mapping[str, int]
) -> bool:
    """Whether the chunks of all figures at some place of the grid are written.

    dims: how many dimensions each figure has; beyond those of the space it is one chunk.
    """
    return all(
        os.path.exists(
            os.path.join(out, name, "c", *map(str, places), *["0"] * (dims[name] - len(places)))
        )
        for name in names
    )


def finish(out: Path) -> None:
    """Note that a dataset is complete.

    Raises:
        DiskFullError: there is no room.
    """
    sweep_partial(out)
    with room(out):
        _replaced(out / "zarr.json", _completed((out / "zarr.json").read_text()).encode())


def _completed(text: str) -> str:
    document = json.loads(text)
    document["attributes"]["complete"] = True
    return json.dumps(document, indent=2)


def _replaced(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, under a name that is swept up."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def begin_parts(out: Path, content: Mapping[str, Any], chunk: Sequence[int]) -> None:
    """Make the folder of a reduction's parts, or find that of the same question.

    Raises:
        UsageError: that of another question is there.
        DiskFullError: there is no room.
    """
    folder = parts_folder(out)
    asked = {"complete": False, "question": content["question"], **_stored(chunk)}
    if folder.exists():
        try:
            found = json.loads((folder / "question.json").read_bytes())
        except (OSError, ValueError) as error:
            raise UsageError(f"'{folder}' is no part of a sweep") from error
        _compare(folder, found, asked)
        sweep_partial(folder)
        return
    new = beside(folder, ".new")
    shutil.rmtree(new, ignore_errors=True)
    with room(out):
        new.mkdir()
        (new / "question.json").write_text(json.dumps(asked))
        os.rename(new, folder)


def write_parts(out: Path, number: int, parts: Parts) -> None:
    """Write what a task kept.

    Raises:
        DiskFullError: there is no room.
    """
    folder = parts_folder(out)
    partial = folder / f"{number}.{os.getpid()}.partial"
    with room(out):
        try:
            with partial.open("wb") as stream:
                np.savez(stream, **parts)  # pyright: ignore[reportArgumentType]
            os.replace(partial, folder / f"{number}.npz")
        except OSError:
            partial.unlink(missing_ok=True)
            raise


def parts_done(out: Path) -> set[int]:
    """The tasks whose parts are written."""
    return {int(path.stem) for path in parts_folder(out).glob("*.npz")}


def read_parts(out: Path, number: int) -> Parts:
    """What a task kept."""
    with np.load(parts_folder(out) / f"{number}.npz", allow_pickle=False) as found:
        return dict(found)


def end_parts(out: Path) -> None:
    """Remove what tasks kept: it is merged."""
    shutil.rmtree(parts_folder(out), ignore_errors=True)
