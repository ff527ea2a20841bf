"""A network file of any format -> Graph. The format is told by the content, not by the name.

read_graph("quicknet.h5")
read_graph("model.json", weights="weights.npz")
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from xnorsim.errors import ModelError, UsageError
from xnorsim.importers.foreign import ForeignFileError
from xnorsim.network.graph import Graph

__all__ = [
    "FORMATS",
    "Format",
    "Stated",
    "format_of",
    "is_configuration",
    "read_graph",
    "stated_inputs",
]

Stated = list[int | str] | None
"""A shape as a file states it: numbers, names of open dimensions; None where it states nothing."""

HEAD_BYTES = 4096
"""What is read of a file to tell its format; a JSON text may begin with blanks."""


@dataclass(frozen=True, slots=True)
class Format:
    """A file format: what it is called, who writes it, how its first bytes tell it, its reader.

    `module` has `read_graph` and `stated_inputs`, and is imported when the first such file is read.
    """

    name: str
    text: str
    begins: Callable[[bytes], bool]
    module: str
    takes_weights: bool = False


def _is_json(head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"


FORMATS = (
    Format(
        "HDF5",
        "Keras and Larq, with weights (.h5)",
        lambda head: head.startswith(b"\x89HDF\r\n\x1a\n"),
        "xnorsim.importers.keras",
    ),
    Format(
        "TensorFlow Lite",
        "TensorFlow Lite and Larq Compute Engine (.tflite)",
        lambda head: head[4:8] == b"TFL3",
        "xnorsim.importers.tflite",
    ),
    Format(
        "Keras JSON",
        "Keras and Larq, the configuration alone (.json)",
        _is_json,
        "xnorsim.importers.keras",
        takes_weights=True,
    ),
    Format("ONNX", "ONNX and QONNX (.onnx)", lambda head: True, "xnorsim.importers.onnx"),
)
"""The formats, the last one for whatever has no mark of its own: protobuf has none."""


def format_of(path: str | Path) -> Format:
    """The format that a file's first bytes say.

    Raises:
        ModelError: no such file, none that can be read, or an empty one.
    """
    path = Path(path)
    head = _head(path)
    if head.startswith(b"PK\x03\x04"):
        raise ModelError(f"{path}: {_archive(head)}")
    return next(item for item in FORMATS if item.begins(head))


def _archive(head: bytes) -> str:
    """What a zip archive is, by the name of its first file (APPNOTE.TXT 6.3.10, section 4.3.7)."""
    size = int.from_bytes(head[26:28], "little")
    if head[30 : 30 + size].endswith(b".npy"):
        return (
            "arrays of numpy (.npz), not a network: the weights of a Keras configuration are given "
            "beside it, as weights (--weights)"
        )
    return (
        "a zip archive, such as Keras 3 writes (.keras): save the model as .h5, or give its "
        "config.json"
    )


def _head(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise ModelError(
                f"{path}: a directory, not a model file (of a TensorFlow SavedModel: save the "
                "model as .h5 or convert it to .tflite)"
            )
        if not stat.S_ISREG(mode):
            raise ModelError(f"{path}: not a regular file")
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except FileNotFoundError as fault:
        raise ModelError(f"{path}: no such file") from fault
    except OSError as fault:
        raise ModelError(f"{path}: cannot be read: {fault.strerror or fault}") from fault
    if not head:
        raise ModelError(f"{path}: the file is empty (0 bytes)")
    return head


def is_configuration(path: Path) -> bool:
    """Whether a JSON file is the configuration of a Keras network, and not another document."""
    try:
        head = _head(path)
    except ModelError:
        return False
    return _is_json(head) and b'"class_name"' in head


def read_graph(
    path: str | Path,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    batch: int | None = None,
    allow_unknown: bool = False,
    weights: str | Path | None = None,
) -> Graph:
    """The network of a file of any format in FORMATS.

    `input_shapes` sets the sizes of inputs, in the file's own order of axes; `batch` sets the
    first dimension of every input. `allow_unknown` keeps operators without a rule as
    `ops.Unknown`. `weights` is the file of a configuration's weights (.npz or .h5).

    Raises:
        ModelError: not a network file, damaged, or a graph that cannot be.
        ShapeError: shapes that do not fit or that stay unknown.
        UnsupportedOpError: layers without a rule.
        UsageError: input shapes that do not fit the file's inputs, or weights for a file that
            has its own.
        MissingExtraError: the library that reads the format is not installed.
    """
    path = Path(path)
    found = format_of(path)
    options: dict[str, Any] = {}
    if weights is not None:
        if not found.takes_weights:
            raise UsageError(
                f"{path}: {found.name} has its weights in it: a file of weights goes with a Keras "
                "configuration (.json) only"
            )
        options["weights"] = Path(weights)
    reader = import_module(found.module).read_graph
    with _formats_told(path):
        return reader(
            path, input_shapes=input_shapes, batch=batch, allow_unknown=allow_unknown, **options
        )


@contextmanager
def _formats_told(path: Path) -> Iterator[None]:
    """Say of a file that no reader knows which formats there are, whatever it was read as."""
    try:
        yield
    except ForeignFileError as fault:
        known = "; ".join(item.text for item in FORMATS)
        raise ModelError(
            f"{path}: not a network file of a known format ({known}): read as "
            f"{FORMATS[-1].name}, {fault.reason}"
        ) from fault


def stated_inputs(path: str | Path) -> dict[str, Stated]:
    """The inputs of a network file with their shapes as it states them, "?" for an open size.

    Raises:
        ModelError: not a network file, or damaged.
        MissingExtraError: the library that reads the format is not installed.
    """
    reader = import_module(format_of(path).module).stated_inputs
    with _formats_told(Path(path)):
        return reader(Path(path))
