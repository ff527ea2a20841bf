"""TensorFlow Lite files, those of Larq Compute Engine among them -> Graph.

reading (the entry) takes a file through file (its bytes), flatbuffer (bounds), schema (what the
file says, as plain data) and walks its operators: rules has one for each, from activations,
elements, lce, movement, products, reductions and windows; view is what a rule sees and writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from xnorsim.errors import MissingExtraError
from xnorsim.importers.tflite.file import is_tflite
from xnorsim.network.graph import Graph

__all__ = ["is_tflite", "read_graph", "stated_inputs"]


def read_graph(
    path: str | Path,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    batch: int | None = None,
    allow_unknown: bool = False,
) -> Graph:
    """The network of a TensorFlow Lite file.

    `input_shapes` sets the sizes of inputs, channels last as the file has them; `batch` sets the
    first dimension of every input (1 where the file leaves it open). `allow_unknown` keeps
    operators without a rule as `ops.Unknown`.

    Raises:
        ModelError: not a TensorFlow Lite file, damaged, or a graph that cannot be.
        ShapeError: shapes that do not fit.
        UnsupportedOpError: operators without a rule.
        UsageError: input shapes that do not fit the file's inputs.
        MissingExtraError: the packages that read the format are not installed.
    """
    _check_installed()
    from xnorsim.importers.tflite import reading

    return reading.read_graph(
        Path(path), input_shapes=input_shapes or {}, batch=batch, allow_unknown=allow_unknown
    )


def stated_inputs(path: str | Path) -> dict[str, list[int | str] | None]:
    """The inputs of a file with their shapes as it states them, "?" for an open size.

    Raises:
        ModelError: not a TensorFlow Lite file, or damaged.
        MissingExtraError: the packages that read the format are not installed.
    """
    _check_installed()
    from xnorsim.importers.tflite import reading

    return reading.stated_inputs(Path(path))


def _check_installed() -> None:
    for package in ("tflite", "flatbuffers"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "tflite", "reading TensorFlow Lite files")
