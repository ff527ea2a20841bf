"""What is asked for, as it was written: in a YAML file or as keywords of Python.

    model: resnet18                 # or  layer: {channels: 64, filters: 64, kernel: 3, size: 56}
    profile: zen-4
    predictor: instructions:own     # this and other fields of a question stay, or are an axis
    axes:
      clock: 1 GHz .. 5 GHz step 0.5 GHz
      memories.L2.size: [256 KiB, 512 KiB, 1 MiB]
    where: ["memories.L2.size <= 256 KiB * threads", "simd.bits >= 256 or clock > 3 GHz"]
    metrics: [latency_s, energy_j]
    layers: true                    # figures of each layer, beside the total
    reduce: pareto:latency_s,energy_j

Both become a Spec of plain data, which resolve.py checks and turns into a space.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from os import PathLike, fspath
from typing import Any

import numpy as np

from xnorsim.errors import SpecError
from xnorsim.explore.values import MAX_VALUES, Faults, Path
from xnorsim.machine.document import Document, Fault, path_text, read
from xnorsim.machine.schema import HardwareProfile
from xnorsim.network.graph import Graph

__all__ = ["METRICS", "Spec", "read_spec", "spec_of", "told"]

METRICS: Mapping[str, str] = {"latency_s": "s", "energy_j": "J"}
"""What a sweep predicts, with its unit."""


@dataclass(frozen=True, eq=False)
class Spec:
    """The plain data of a question, not yet checked.

    graph, profiles: objects that keywords gave; data names them. document: the file's lines.
    """

    data: Mapping[str, Any]
    file: str = ""
    document: Document | None = None
    graph: Graph | None = None
    profiles: Mapping[str, HardwareProfile] = field(default_factory=dict)


def read_spec(content: bytes, file: str = "spec") -> Spec:
    """The spec of a YAML text: plain data with its lines, and nothing that a tag asks to build.

    Raises:
        SpecError: the text is not YAML of the kind that is read (no anchors, no second document).
    """
    document = read(content, "spec")
    if document.data is None:
        faults = [
            str(Fault(file, line, path_text(path), what)) for path, line, what in document.faults
        ]
        raise SpecError("\n".join([f"spec {file} cannot be read:", *faults]))
    return Spec(document.data, file, document)


def spec_of(**given: Any) -> Spec:
    """The same of keywords: those of the file. What is None is left out.

    `model` may be a graph, or a mapping as `layer` holds it; profiles may be HardwareProfiles, and
    values tuples, ranges and numpy arrays.
    """
    profiles: dict[str, HardwareProfile] = {}
    model = given.get("model")
    graph = model if isinstance(model, Graph) else None
    named = {**given, "model": graph.name} if graph else given
    data = {key: _plain(value, profiles) for key, value in named.items() if value is not None}
    if isinstance(data.get("model"), dict):
        data["layer"] = data.pop("model")
    return Spec(data, graph=graph, profiles=profiles)


def _plain(value: Any, profiles: dict[str, HardwareProfile]) -> Any:
    """Lists, mappings, texts and numbers; profiles go by name into `profiles`."""
    if isinstance(value, HardwareProfile):
        return _named(value, profiles)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, PathLike):
        return fspath(value)
    if isinstance(value, np.ndarray):
        return value[: MAX_VALUES + 1].tolist() if value.ndim else value.item()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(key): _plain(item, profiles) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [_plain(item, profiles) for item in islice(value, MAX_VALUES + 1)]
    return value


def _named(profile: HardwareProfile, profiles: dict[str, HardwareProfile]) -> str:
    name, count = profile.name, 1
    while profiles.get(name, profile) != profile:  # two machines of one name
        count += 1
        name = f"{profile.name}#{count}"
    profiles[name] = profile
    return name


def told(spec: Spec, faults: Faults, size: str) -> SpecError:
    """The error for all faults of a spec in the order of its lines; size: what it would be."""
    document = spec.document
    rows: list[tuple[int, Path, str]] = [(0, path, what) for path, what in faults]
    if document is not None:
        unread = {path for path, _, _ in document.faults}
        rows = [(document.line(path), path, what) for _, path, what in rows if path not in unread]
        rows = sorted([*rows, *((line, path, what) for path, line, what in document.faults)],
                      key=lambda row: row[0])  # fmt: skip
    lines = [
        str(Fault(spec.file, line, path_text(path), what)) if line else f"{path_text(path)}: {what}"
        for line, path, what in rows
    ]
    unique = list(dict.fromkeys(lines))
    count = "1 fault" if len(unique) == 1 else f"{len(unique)} faults"
    title = f"spec {spec.file} has {count}:" if spec.file else f"the sweep has {count}:"
    return SpecError("\n".join([title, *unique, *([size] if size else [])]))
