"""Networks written as files that other tools read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from xnorsim.analysis.models import Model, load_model, make_policy
from xnorsim.analysis.options import Check, checked, integer, word_of
from xnorsim.analysis.policies import without_effect
from xnorsim.errors import UsageError
from xnorsim.network.graph import Graph
from xnorsim.network.policy import apply
from xnorsim.show.output import check_place, write_bytes

__all__ = ["Exported", "export_onnx", "exported"]

WEIGHTS = ("auto", "none", "seed")
"""The model's, and where it has none what stands for them; none; all drawn."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that was written, and what its reader should know, a sentence each."""

    path: Path
    notes: tuple[str, ...]


def export_onnx(model: Model, path: str | PathLike[str], **options: Any) -> Path:
    """Write a network as an ONNX file; binary layers as QONNX has them.

    Read back by `load_model`, the file gives the same counts and, to the bit, the same results.
    The file appears whole or not at all, and the same network gives the same bytes.

    Parameters
    ----------
    model : path of a network file, name of a zoo network, or a graph
    path : the file to write, NAME.onnx
    binarize, high_precision, scaling, depthwise, pad_value, border : as for `run`
    input_shape, batch : as for `load_model`
    weights : "auto" (the model's; where it has none, ConstantOfShape stands for them, and the file
        has its counts alone), "none" (all left out), "seed" (all drawn), or the file of a Keras
        configuration's weights
    seed : of weights that are drawn

    Returns the path.

    Raises:
        ModelError: the model cannot be read; UnsupportedOpError: layers that ONNX cannot express.
        UsageError: options that make no sense, a file that cannot be written or is the one that is
            read, or more weights than an ONNX file can hold.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(export_onnx("finn-tfc-1w1a", f"{folder}/tfc.onnx").name)
    tfc.onnx
    """
    return exported(model, path, **options).path


def exported(
    model: Model,
    path: str | PathLike[str],
    *,
    binarize: str = "none",
    high_precision: str | Iterable[str] = ("first", "last"),
    scaling: str = "alpha",
    depthwise: bool = False,
    pad_value: int = 0,
    border: str = "zero",
    input_shape: Mapping[str, Sequence[int]] | None = None,
    batch: int | None = None,
    weights: str | PathLike[str] = "auto",
    seed: int = 0,
) -> Exported:
    """As `export_onnx`, with what is to be told of the file.

    Raises:
        InputError: as export_onnx.
    """
    from xnorsim.exporters.onnx import model as written

    given = checked({"path": path, "weights": weights, "seed": seed}, _CHECKS)
    policy = make_policy(binarize, high_precision, scaling, depthwise, pad_value, border)
    held = given["weights"]
    target = given["path"]
    check_place(target)
    _check_not_read(target, [model, held if isinstance(held, Path) else None])
    of_keras = held if isinstance(held, Path) else None
    graph = load_model(model, input_shape=input_shape, batch=batch, weights=of_keras)
    graph = apply(_drawn(graph, seed) if held == "seed" else graph, policy)
    content = written(graph, weights=held != "none")
    write_bytes(target, content.SerializeToString(deterministic=True))
    notes = (*graph.notes, *without_effect(policy), *_left_out(graph, held == "none"))
    return Exported(target, notes)


def _path(name: str, value: Any) -> Path:
    if not isinstance(value, str | PathLike) or not fspath(value):
        raise UsageError(f"{name} must be the file to write, not {value!r}")
    if Path(value).suffix.lower() != ".onnx":
        raise UsageError(f"'{value}': networks are written as ONNX: end it in .onnx")
    return Path(value)


def _weights(name: str, value: Any) -> str | Path:
    if isinstance(value, str | PathLike) and Path(value).is_file():
        return Path(value)
    try:
        return word_of(WEIGHTS)(name, value)
    except UsageError as fault:
        raise UsageError(f"{fault}; or the file of a Keras configuration's weights") from None


_CHECKS: dict[str, Check] = {"path": _path, "weights": _weights, "seed": integer}


def _check_not_read(path: Path, inputs: Iterable[object]) -> None:
    """Refuse to write over what is read: the weights are loaded as they are written."""
    for item in inputs:
        source = Path(item) if isinstance(item, str | PathLike) else None
        if source and path.exists() and source.exists() and path.samefile(source):
            raise UsageError(f"'{path}' is read, and would be written over")


def _drawn(graph: Graph, seed: int) -> Graph:
    from xnorsim.exact.weights import seeded

    return seeded(graph, seed, every=True)


def _left_out(graph: Graph, all_of_them: bool) -> list[str]:
    """What the file says of weights without values."""
    used = {name for node in graph.nodes for name in node.parameters.values()}
    held = [graph.parameters[name] for name in used]
    missing = len(held) if all_of_them else sum(p.load is None or p.placeholder for p in held)
    if not missing:
        return []
    return [
        f"{missing} of {len(held)} parameters are left out: ConstantOfShape stands for them, so "
        "the file says what work there is, and nothing of the results"
    ]
