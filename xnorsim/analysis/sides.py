"""The sides of a comparison: what B may be, and what it reads."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from xnorsim.analysis.arrays import ArrayFiles, is_numeric, read_arrays
from xnorsim.analysis.inputs import Inputs
from xnorsim.errors import UsageError, choices
from xnorsim.network.graph import Graph

__all__ = ["named", "other_tensors", "resembling"]


def other_tensors(graph: Graph, b: Any) -> Mapping[str, np.ndarray] | None:
    """Another tool's tensors by name, if that is what `b` is; None if it is a network, or None.

    Raises:
        UsageError: it is neither, or tensors of something else than numbers.
        InputError: a file or folder that cannot be read.
    """
    if b is None or isinstance(b, Graph):
        return None
    if isinstance(b, Mapping):
        return _arrays(b)
    if not isinstance(b, str | PathLike):
        raise UsageError(f"B must be {_SECOND}, not {type(b).__name__}")
    path = Path(b)
    if path.is_dir() and fspath(b):
        names = (*graph.inputs, *(name for node in graph.nodes for name in node.outputs))
        return ArrayFiles(path, names)
    if path.suffix.lower() in (".npz", ".npy"):
        return _of_file(path)
    _check_network(fspath(b))
    return None


_SECOND = (
    "a network (a file, a name of the zoo or a graph) or another tool's tensors (a mapping, an "
    ".npz file or a folder of .npy files)"
)


def _arrays(given: Mapping[str, Any]) -> Mapping[str, np.ndarray]:
    faults = [
        f"tensor '{name}' of B must be an array of numbers, not "
        f"{getattr(value, 'dtype', type(value).__name__)}"
        for name, value in given.items()
        if not isinstance(value, np.ndarray) or not is_numeric(value.dtype)
    ]
    if faults:
        raise UsageError("\n  ".join(faults))
    return given


def _of_file(path: Path) -> dict[str, np.ndarray]:
    found = read_arrays(path)
    if not isinstance(found, dict):
        raise UsageError(f"'{path}' has one array without a name: give an .npz file or a folder")
    return found


def _check_network(name: str) -> None:
    from xnorsim.zoo import ZOO

    if not Path(name).is_file() and name not in ZOO:
        raise UsageError(
            f"'{name}' is not there: B must be {_SECOND}; networks of the zoo: {choices(name, ZOO)}"
        )


def resembling(arrays: Mapping[str, np.ndarray]) -> Inputs:
    """A's inputs for B: by name, but the only one under whatever name B has for it."""
    return dict(arrays) if len(arrays) != 1 else next(iter(arrays.values()))


def named(model: Any) -> str:
    """What a side is called."""
    if isinstance(model, Graph):
        return model.name
    return fspath(model) if isinstance(model, str | PathLike) else "arrays"
