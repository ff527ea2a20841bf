"""What is known while the nodes of an ONNX file are read one after the other."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx

from xnorsim.errors import ModelError, ShapeError
from xnorsim.importers.onnx.file import normal_domain
from xnorsim.importers.stamps import Stamp
from xnorsim.network.graph import MAX_ELEMENTS, Node, Parameter, Stored, TensorSpec
from xnorsim.network.precision import Encoding

__all__ = [
    "LARGEST_FOLD",
    "AnyOf",
    "State",
    "add_constant",
    "add_tensor",
    "as_stored",
    "mark",
    "unique",
    "value_of",
]

LARGEST_FOLD = 1024
"""[elements] A constant up to this size may be shape arithmetic and is evaluated; others are
weights, which nobody looks into."""


@dataclass(frozen=True, slots=True)
class AnyOf(Container[str]):
    """What is in one of `parts` and not in `without`: their union, without copying them.

    Every round of a loop asks for it, and the parts grow with the rounds.
    """

    parts: tuple[Container[str], ...]
    without: Container[str] = frozenset()

    def __contains__(self, name: Any) -> bool:
        return name not in self.without and any(name in part for part in self.parts)


@dataclass(frozen=True)
class State:
    """Grows node by node; `specs` has every tensor, activations and constants alike.

    `protos` are small tensors of the file, handed to onnx's inference as they are. `dequantized`
    is the encoding that a tensor had before a DequantizeLinear, or that a quantizer gave it;
    `magnitudes` has the one scale of what is +-1 times it (None: several). `stated` is the file's
    value_info, `symbols` the sizes given for its symbolic dimensions, `read` every tensor that
    somebody reads. `names` are the file's node names, `emitted` those of `nodes`, `rounds` how
    many nodes the rounds of loops were written out to, after each of them; `keys` what
    `as_stored` has given out; `passes` by how many functions a constant is computed when it is
    loaded; `filled`, `unknown` and `rebatched` are what the notes tell.
    """

    file: str
    source: Stamp
    opset_imports: list[onnx.OperatorSetIdProto]
    ir_version: int
    allow_unknown: bool = False
    read: set[str] = field(default_factory=set)
    stated: Mapping[str, onnx.TypeProto] = field(default_factory=dict)
    symbols: Mapping[str, int] = field(default_factory=dict)
    overridden: bool = False
    batch: tuple[int, int] | None = None
    specs: dict[str, TensorSpec] = field(default_factory=dict)
    constants: dict[str, Parameter] = field(default_factory=dict)
    protos: dict[str, onnx.TensorProto] = field(default_factory=dict)
    values: dict[str, np.ndarray] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    emitted: set[str] = field(default_factory=set)
    rounds: list[int] = field(default_factory=list)
    keys: dict[tuple[str, Stored], str] = field(default_factory=dict)
    tensors: dict[str, TensorSpec] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    dequantized: dict[str, Encoding] = field(default_factory=dict)
    magnitudes: dict[str, float | None] = field(default_factory=dict)
    passes: dict[str, int] = field(default_factory=dict)
    filled: set[str] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)
    rebatched: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        versions = {normal_domain(entry.domain): entry.version for entry in self.opset_imports}
        self.versions.update(versions)


def _check_size(where: str, name: str, spec: TensorSpec) -> None:
    if min(spec.shape, default=0) < 0 or spec.elements > MAX_ELEMENTS:
        raise ShapeError(
            f"{where}: tensor '{name}' has the impossible shape {list(spec.shape)} (dimensions "
            f"are at least 0, elements at most {MAX_ELEMENTS})"
        )


def add_tensor(state: State, where: str, name: str, spec: TensorSpec) -> None:
    """Let `name` be an activation."""
    _check_new(state, where, name)
    _check_size(where, name, spec)
    state.specs[name] = state.tensors[name] = spec


def add_constant(state: State, where: str, name: str, parameter: Parameter) -> None:
    """Let `name` be a constant."""
    _check_new(state, where, name)
    _check_size(where, name, parameter.spec)
    state.specs[name] = parameter.spec
    state.constants[name] = parameter


_MARK = "xnorsim.stored"


def mark(item: onnx.NodeProto | onnx.TensorProto, label: str) -> None:
    """Let every copy of `item` that is made from now on be known as one tensor of the file."""
    kept = [entry for entry in item.metadata_props if entry.key != _MARK]
    del item.metadata_props[:]
    item.metadata_props.extend(kept)
    item.metadata_props.add(key=_MARK, value=label)


def as_stored(
    state: State, item: onnx.NodeProto | onnx.TensorProto, parameter: Parameter
) -> Parameter:
    """`parameter` with the storage of the first one that was made of the same marked item."""
    label = "".join(entry.value for entry in item.metadata_props if entry.key == _MARK)
    if not label:
        return parameter
    stored = [
        replace(entry, key=state.keys.setdefault((label, replace(entry, key="")), entry.key))
        for entry in parameter.stored
    ]
    return replace(parameter, stored=tuple(stored))


def _check_new(state: State, where: str, name: str) -> None:
    if name in state.specs:
        raise ModelError(f"{where}: tensor '{name}' is written twice")


def value_of(state: State, name: str) -> np.ndarray | None:
    """The values of a small constant; None if it is large, unknown, or no constant at all."""
    if name in state.values:
        return state.values[name]
    parameter = state.constants.get(name)
    if parameter is None or parameter.load is None or parameter.spec.elements > LARGEST_FOLD:
        return None
    state.values[name] = parameter.load()
    return state.values[name]


def unique(name: str, taken: Container[str]) -> str:
    """`name`, or `name` with the first number that makes it differ from all that are taken."""
    candidate, number = name, 1
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    return candidate
