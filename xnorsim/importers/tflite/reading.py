"""A TensorFlow Lite file -> Graph: its operators in order, each by its rule.

Weights stay in the file: shapes, types and lengths are looked at, values only when a `Parameter`
is loaded; small constants that set how a layer works are read at once, and filters whose first
weights are of one magnitude, to see whether they are binary.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xnorsim.errors import (
    InputError,
    ModelError,
    ShapeError,
    UnsupportedOpError,
    UsageError,
    choices,
)
from xnorsim.importers.channels import Axes, Value
from xnorsim.importers.normalized import normalized
from xnorsim.importers.tflite.file import mapped
from xnorsim.importers.tflite.folding import FOLDED, fold, is_known
from xnorsim.importers.tflite.names import Names
from xnorsim.importers.tflite.rules import CONTROL, CUSTOM_RULES, RULES
from xnorsim.importers.tflite.schema import Model, Operator, Tensor, read_model
from xnorsim.importers.tflite.view import Rule, State, View
from xnorsim.network import ops
from xnorsim.network.assembly import Assembly
from xnorsim.network.graph import Graph
from xnorsim.network.precision import BIPOLAR, FLOAT32

__all__ = ["read_graph", "stated_inputs"]


def read_graph(
    path: Path,
    *,
    input_shapes: Mapping[str, Sequence[int]],
    batch: int | None,
    allow_unknown: bool,
) -> Graph:
    """As the package's read_graph."""
    try:
        return _read(path, input_shapes, batch, allow_unknown)
    except InputError as fault:
        if str(path.name) in str(fault):
            raise
        raise type(fault)(f"{path.name}: {fault}") from fault
    except Exception as fault:  # struct, flatbuffers and numpy raise what they like on damage
        raise _damaged(path, fault) from fault


def stated_inputs(path: Path) -> dict[str, list[int | str] | None]:
    """As the package's stated_inputs."""
    try:
        model = read_model(*mapped(path))
        names = Names(model.tensors)
    except InputError:
        raise
    except Exception as fault:
        raise _damaged(path, fault) from fault
    return {
        names.of(model.tensors[index]): [
            "?" if size < 0 else size for size in _signature(model.tensors[index])
        ]
        for index in model.inputs
    }


def _damaged(path: Path, fault: Exception) -> ModelError:
    if isinstance(fault, struct.error | IndexError):  # what a table says lies nowhere
        size = path.stat().st_size
        return ModelError(f"{path}: truncated or damaged: it points beyond its {size} bytes")
    return ModelError(f"{path}: damaged: {type(fault).__name__}: {fault}")


def _signature(tensor: Tensor) -> tuple[int, ...]:
    return tensor.signature or tensor.spec.shape


def _read(
    path: Path, input_shapes: Mapping[str, Sequence[int]], batch: int | None, allow_unknown: bool
) -> Graph:
    model = read_model(*mapped(path))
    if not model.operators:
        raise ModelError(f"{path.name}: its main subgraph has no operators")
    names = Names(model.tensors)
    _check_operators(path.name, model, names, allow_unknown)
    state = _start(path, model, names, input_shapes, batch)
    for number, operator in enumerate(model.operators):
        _apply(state, number, operator)
    outputs = [_output(state, model.tensors[index]) for index in model.outputs]
    if not outputs:
        raise ModelError(f"{path.name}: the network has no outputs")
    _drop_unread(state, outputs)
    metadata = _metadata(model, state)
    graph = state.assembly.graph(outputs, metadata=metadata, notes=tuple(_notes(state)))
    return normalized(graph)


def _title(names: Names, model: Model, number: int, operator: Operator) -> str:
    """What a layer is called: as its first result."""
    if not operator.outputs:
        return f"{operator.name}_{number}"
    return names.of(model.tensors[operator.outputs[0]])


def _rule(operator: Operator) -> Rule | None:
    return (CUSTOM_RULES if operator.custom else RULES).get(operator.name)


def _check_operators(file: str, model: Model, names: Names, allow_unknown: bool) -> None:
    """Refuse operators without a rule, all of them at once.

    Raises:
        UnsupportedOpError: with their names, counts and first places.
    """
    missing: dict[tuple[str, bool], list[str]] = defaultdict(list)
    control: dict[str, int] = defaultdict(int)
    for number, operator in enumerate(model.operators):
        if operator.name in CONTROL and not operator.custom:
            control[operator.name] += 1
        elif _rule(operator) is None and (operator.custom or operator.name not in FOLDED):
            title = _title(names, model, number, operator)
            missing[operator.name, operator.custom].append(title)
    rows = [
        f"{name}, {count}x: runs another of the file's {model.subgraphs} subgraphs, as is decided "
        "at run time"
        for name, count in control.items()
    ]
    hint = ""
    if not allow_unknown and missing:
        rows += [_row(name, custom, places) for (name, custom), places in missing.items()]
        hint = "\n  --allow-unknown counts without them; every total is then a lower bound"
    if rows:
        listing = "\n  ".join(rows)
        raise UnsupportedOpError(f"{file}: operators without a rule:\n  {listing}{hint}")


def _row(name: str, custom: bool, places: list[str]) -> str:
    kind = f"custom operator '{name}'" if custom else name
    shown = ", ".join(places[:5]) + (", ..." if len(places) > 5 else "")
    return f"{kind}, {len(places)}x: {shown}"


def _start(
    path: Path,
    model: Model,
    names: Names,
    input_shapes: Mapping[str, Sequence[int]],
    batch: int | None,
) -> State:
    inputs = {names.of(model.tensors[index]): model.tensors[index] for index in model.inputs}
    wrong = [name for name in input_shapes if name not in inputs]
    if wrong:
        raise UsageError(f"{path.name}: no input '{wrong[0]}': {choices(wrong[0], inputs)}")
    shapes = {
        name: _input_shape(path.name, name, tensor, input_shapes.get(name), batch)
        for name, tensor in inputs.items()
    }
    assembly = Assembly(path.stem)
    state = State(model, names, assembly, Axes(assembly), _batches(inputs, shapes))
    for name, tensor in inputs.items():
        if tensor.index in state.values or tensor.length is not None:
            raise ModelError(f"{path.name}: input '{name}' is a constant")
        assembly.input(name, shapes[name], tensor.spec.encoding)
        state.values[tensor.index] = Value(name, False)
    return state


def _batches(
    inputs: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]
) -> tuple[int, int] | None:
    """The file's batch and the one used, if all else is as the file states it."""
    pairs = [(tensor.spec.shape, shapes[name]) for name, tensor in inputs.items()]
    if all(old == new for old, new in pairs):
        return 1, 1
    found = {(old[0], new[0]) for old, new in pairs if old and old[1:] == new[1:]}
    same = all(old and old[1:] == new[1:] for old, new in pairs)
    return found.pop() if same and len(found) == 1 else None


def _input_shape(
    file: str, name: str, tensor: Tensor, given: Sequence[int] | None, batch: int | None
) -> tuple[int, ...]:
    stated = tensor.spec.shape
    shape = tuple(int(size) for size in given) if given is not None else stated
    if given is not None and stated and len(shape) != len(stated):
        raise UsageError(
            f"{file}: input '{name}' has {len(stated)} dimensions {list(stated)}, not {list(shape)}"
        )
    if batch is not None and shape:
        if given is not None and shape[0] != batch:
            raise UsageError(
                f"{file}: batch {batch} does not fit the shape {list(shape)} given for '{name}'"
            )
        shape = (batch, *shape[1:])
    if min(shape, default=1) < 1:
        where = "given" if given is not None or batch is not None else "stated"
        kind = UsageError if where == "given" else ShapeError
        raise kind(f"{file}: input '{name}' is {where} as {list(shape)}: sizes are at least 1")
    return shape


def _apply(state: State, number: int, operator: Operator) -> None:
    name = _title(state.names, state.model, number, operator)
    where = f"{state.file}: {operator.name} '{name}'"
    view = View(state, operator, name, where)
    rule = _rule(operator)
    if operator.name in FOLDED or (rule is not None and is_known(view)):
        fold(view)
        return
    if rule is None:
        _keep_unknown(view)
        return
    stated = operator.form if operator.options is not None else ""
    if rule.options and stated not in ("", rule.options):
        raise ModelError(f"{where}: it has {stated} where {rule.options} are expected: damaged")
    if not operator.outputs:
        raise ModelError(f"{where}: it writes nothing")
    rule.build(view)


def _keep_unknown(view: View) -> None:
    state, operator = view.state, view.operator
    targets = [state.model.tensors[index] for index in operator.outputs]
    given = [
        state.axes.last(state.values[index]) for index in operator.inputs if index in state.values
    ]
    domain = "custom" if operator.custom else "tflite"
    op = ops.Unknown(operator.name, domain, tuple(item.spec.shape for item in targets))
    first = state.assembly.layer(op, *given, name=view.name, results=len(targets))
    held = [first, *(f"{first}:{number}" for number in range(1, len(targets)))]
    for tensor, name in zip(targets, held, strict=False):
        state.values[tensor.index] = Value(name, False)
    state.counted.setdefault("unknown", []).append(view.name)


def _output(state: State, tensor: Tensor) -> str:
    """An output in the file's order of axes; bits as numbers."""
    title = state.names.of(tensor)
    if tensor.index not in state.values:
        raise ModelError(f"{state.file}: output '{title}' is written by no operator")
    name = state.axes.last(state.values[tensor.index])
    if state.assembly.spec(name).encoding == BIPOLAR and tensor.spec.encoding == FLOAT32:
        free = state.names.free(f"{title}.float")
        name = state.assembly.layer(ops.Cast(FLOAT32), name, name=free, layer=title)
    return name


def _drop_unread(state: State, outputs: Sequence[str]) -> None:
    """Leave out layers that another has taken over, and orders of axes that nothing reads."""
    assembly, read = state.assembly, set(outputs)
    kept = []
    for node in reversed(assembly.nodes):
        relabels = isinstance(node.op, ops.Transpose) and node.op.relabels
        if (relabels or node.name in state.bypassed) and read.isdisjoint(node.outputs):
            for name in node.outputs:
                del assembly.tensors[name]
            continue
        kept.append(node)
        read.update(node.inputs)
    assembly.nodes[:] = reversed(kept)
    used = {name for node in kept for name in node.parameters.values()}
    for name in set(assembly.parameters) - used:
        del assembly.parameters[name]


_NOTES = {
    "requantized": "{} written as quantized integers: their scales are applied in float32, where "
    "TensorFlow Lite has fixed-point multipliers, so each may differ by one step ({}).",
    "weights alone": "{} with integer weights and float activations: run in floats, where "
    "TensorFlow Lite quantizes the activations as it runs, so results differ slightly ({}).",
    "in floats": "{} between integers, counted and run in floats ({}).",
    "zero padding": "{} with a binary padding of 0 and a multiplier, as LCE's reference kernel has "
    "them; its optimized kernels may be off by a rounding on the border ({}).",
    "unknown": "{} without a rule, which count as nothing: every total is a lower bound ({}).",
}


def _notes(state: State) -> list[str]:
    found = []
    for key, names in state.counted.items():
        each = list(dict.fromkeys(names))
        shown = ", ".join(each[:5]) + (", ..." if len(each) > 5 else "")
        word = f"{len(each)} operator" + ("" if len(each) == 1 else "s")
        found.append(_NOTES[key].format(word, shown))
    return found


def _metadata(model: Model, state: State) -> dict[str, Any]:
    return {
        "format": "tflite",
        "file": model.source.path.name,
        "bytes": model.source.size,
        "producer": model.description,
        "schema": model.version,
        "inputs": {name: list(state.assembly.shape(name)) for name in state.assembly.inputs},
    }
