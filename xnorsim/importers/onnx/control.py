"""Control flow: what is decided beforehand is taken over, the rest is an error.

A branch of an If with a constant condition stands in the graph as if the If were not there; a Loop
with a constant number of rounds is written out. Everything else would make a total that depends
on values, so it is refused rather than guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf

import numpy as np
import onnx

from xnorsim.errors import ModelError, UnsupportedOpError
from xnorsim.importers.onnx.names import check_names, key_of, node_names, ordered, reads, subgraphs
from xnorsim.importers.onnx.operators import check_operators
from xnorsim.importers.onnx.rules import CONTROL
from xnorsim.importers.onnx.state import (
    AnyOf,
    State,
    add_constant,
    as_stored,
    unique,
    value_of,
)
from xnorsim.importers.onnx.tensors import stored_parameter
from xnorsim.importers.onnx.view import Layer
from xnorsim.importers.onnx.walk import alias, emit, location, visit
from xnorsim.network import ops
from xnorsim.network.graph import Parameter, TensorSpec
from xnorsim.network.precision import ENCODINGS, INT64

__all__ = ["walk"]

MOST_LAYERS = 10_000
"""[nodes] What all loops of a file may be written out to, every round counted as one at least."""

MOST_TENSORS = 200_000
"""[tensors] The same for what a file with control flow may hold in all."""


def walk(state: State, nodes: Iterable[tuple[str, onnx.NodeProto]]) -> None:
    """Visit the nodes in order, those inside of decided control flow included."""
    for name, node in nodes:
        if key_of(node) in CONTROL:
            _CONTROL[node.op_type](state, location(state, name, node), name, node)
        else:
            visit(state, name, node)


def _graph_of(where: str, node: onnx.NodeProto, name: str) -> onnx.GraphProto:
    for attribute in node.attribute:
        if attribute.name == name and attribute.HasField("g"):
            return attribute.g
    raise ModelError(f"{where}: it has no graph '{name}'")


def _refused(where: str, reason: str) -> UnsupportedOpError:
    return UnsupportedOpError(
        f"{where}: {reason}, so totals would be incomplete; fix it to a constant in the export"
    )


def _if(state: State, where: str, name: str, node: onnx.NodeProto) -> None:
    condition = value_of(state, node.input[0]) if node.input else None
    if condition is None or condition.size != 1:
        raise _refused(where, "which branch runs is only known at run time")
    chosen = "then_branch" if condition.reshape(-1)[0] else "else_branch"
    graph = _graph_of(where, node, chosen)
    if len(graph.output) != len(node.output):
        raise ModelError(
            f"{where}: its {chosen} has {len(graph.output)} outputs, the node {len(node.output)}"
        )
    made = {item for inner in graph.node for item in inner.output}
    results = [item.name for item in graph.output]
    bound = {
        inner: outer
        for inner, outer in zip(results, node.output, strict=True)
        if inner in made and results.count(inner) == 1 and outer
    }
    mapping = _take(state, where, name, graph, bound)
    for inner, outer in zip(results, node.output, strict=True):
        if outer and inner not in bound:
            alias(state, where, name, mapping.get(inner, inner), outer)
    state.notes.append(f"Node '{name}' (If) has a constant condition: its {chosen} is taken over.")


def _take(
    state: State, where: str, prefix: str, graph: onnx.GraphProto, bound: Mapping[str, str]
) -> dict[str, str]:
    """Add a graph inside of a node to the state; its names, in the names they were given.

    `bound` are names of the inner graph that stand for outer ones.
    """
    mapping = dict(bound)
    inner = [item.name for item in graph.initializer]
    inner += [name for node in graph.node for name in node.output if name]
    given = set(mapping.values())
    for name in inner:
        if name not in mapping:
            mapping[name] = unique(f"{prefix}/{name}", AnyOf((given, state.specs)))
            given.add(mapping[name])
    if len(mapping) + len(state.specs) > MOST_TENSORS:
        raise ModelError(f"{where}: it expands to more than {MOST_TENSORS} tensors")
    for tensor in graph.initializer:
        label = f"{where}: initializer '{tensor.name}'"
        parameter = stored_parameter(label, mapping[tensor.name], tensor, state.source)
        add_constant(state, where, mapping[tensor.name], as_stored(state, tensor, parameter))
    names = node_names(graph.node, where)
    stored = {item.name for item in graph.initializer}
    read = [reads(node) for node in graph.node]
    made = {n for node in graph.node for n in node.output}
    check_names(where, graph, names, read, AnyOf((state.specs, bound, stored), made))
    nodes = [
        (f"{prefix}/{name}", _renamed(node, mapping))
        for name, node in ordered(where, graph.node, names, read)
    ]
    for _, node in nodes:
        state.read.update(reads(node))
    state.read.update(mapping.get(item.name, item.name) for item in graph.output)
    check_operators(state.file, nodes, state.constants, state.versions, state.allow_unknown)
    walk(state, nodes)
    return mapping


def _renamed(node: onnx.NodeProto, mapping: Mapping[str, str]) -> onnx.NodeProto:
    result = onnx.NodeProto()
    result.CopyFrom(node)
    _rename(result, mapping)
    return result


def _rename(node: onnx.NodeProto, mapping: Mapping[str, str]) -> None:
    node.input[:] = [mapping.get(name, name) for name in node.input]
    node.output[:] = [mapping.get(name, name) for name in node.output]
    for graph in subgraphs(node):
        for inner in graph.node:
            _rename(inner, mapping)
        for item in graph.output:
            item.name = mapping.get(item.name, item.name)


def _number(state: State, name: str) -> int | None:
    value = value_of(state, name)
    return None if value is None or value.size != 1 else int(value.reshape(-1)[0])


def _loop(state: State, where: str, name: str, node: onnx.NodeProto) -> None:
    """Write out every round; each round's condition has to be constant as well."""
    inputs = [*node.input, "", ""]
    rounds = _number(state, inputs[0]) if inputs[0] else inf
    going = _number(state, inputs[1]) if inputs[1] else 1
    if rounds is None or going is None:
        raise _refused(where, "how often it runs is only known at run time")
    body = _graph_of(where, node, "body")
    carried = list(node.input)[2:]
    scans = len(body.output) - 1 - len(carried)
    if len(body.input) != len(carried) + 2 or scans < 0:
        raise ModelError(
            f"{where}: its body has {len(body.input)} inputs and {len(body.output)} outputs for "
            f"{len(carried)} carried tensors"
        )
    stacks: list[list[str]] = [[] for _ in range(scans)]
    count, size = 0, _size(body)
    if going and _goes_on(body):
        _check_growth(state, where, rounds, rounds * size, 0)
    while going and count < rounds:
        _check_growth(state, where, rounds, size, count)
        state.rounds.append(_written(state) + size)
        results = _round(state, where, f"{name}.{count}", body, count, carried)
        carried = results[1 : 1 + len(carried)]
        for stack, result in zip(stacks, results[1 + len(carried) :], strict=True):
            stack.append(result)
        going = _number(state, results[0])
        if going is None:
            raise _refused(where, f"whether it goes on after round {count} depends on the data")
        count += 1
    _finish_loop(state, where, name, node, carried, stacks)
    state.notes.append(f"Node '{name}' (Loop) runs {count} times: it is written out.")


def _size(body: onnx.GraphProto) -> int:
    """Nodes that one round copies, all those inside of others once; one at least."""
    inner = (_size(graph) for node in body.node for graph in subgraphs(node))
    return max(1, len(body.node) + sum(inner))


def _goes_on(body: onnx.GraphProto) -> bool:
    """Whether the body hands on the condition that it was given: only the trip count ends it."""
    sources = {
        node.output[0]: node.input[0]
        for node in body.node
        if key_of(node) == ("", "Identity") and node.input and node.output
    }
    name = body.output[0].name
    for _ in range(len(sources)):
        name = sources.get(name, name)
    return name == body.input[1].name


def _written(state: State) -> int:
    return state.rounds[-1] if state.rounds else 0


def _check_growth(state: State, where: str, rounds: float, more: float, count: int) -> None:
    """Refuse to write out `more` nodes after `count` rounds, if that is too much."""
    before = _written(state)
    if before + more <= MOST_LAYERS:
        return
    trips = "no trip count" if rounds == inf else f"a trip count of {rounds}"
    raise _refused(
        where,
        f"with {trips} it would be written out beyond the limit of {MOST_LAYERS} layers from "
        f"loops ({before} so far, {count} rounds of this one)",
    )


def _round(
    state: State, where: str, prefix: str, body: onnx.GraphProto, count: int, carried: list[str]
) -> list[str]:
    """One round of the body: the names of its outputs."""
    given = {"number": np.asarray(count, np.int64), "condition": np.asarray(True)}
    encodings = {"number": INT64, "condition": ENCODINGS["bool"]}
    for word, value in given.items():
        spec = TensorSpec((), encodings[word])
        add_constant(state, where, f"{prefix}.{word}", Parameter(spec, (), value.copy))
    sources = [f"{prefix}.number", f"{prefix}.condition", *carried]
    bound = {item.name: source for item, source in zip(body.input, sources, strict=True)}
    mapping = _take(state, where, prefix, body, bound)
    return [mapping.get(item.name, item.name) for item in body.output]


def _finish_loop(
    state: State,
    where: str,
    name: str,
    node: onnx.NodeProto,
    carried: Sequence[str],
    stacks: Sequence[Sequence[str]],
) -> None:
    for source, target in zip(carried, node.output, strict=False):
        if target:
            alias(state, where, name, source, target)
    for index, stack in enumerate(stacks, start=len(carried)):
        target = node.output[index] if index < len(node.output) else ""
        if target:
            _stack(state, where, name, stack, target)


def _stack(state: State, where: str, name: str, stack: Sequence[str], target: str) -> None:
    """The results of all rounds along a new first axis."""
    if not stack:
        raise _refused(where, f"it never runs, and the shape of its output '{target}' is unknown")
    spec = state.specs[stack[0]]
    if any(item in state.constants for item in stack):
        raise _refused(where, f"its output '{target}' gathers constants")
    rows = []
    for number, source in enumerate(stack):
        row = unique(f"{source}.row", state.specs)
        new = {row: TensorSpec((1, *spec.shape), spec.encoding)}
        emit(
            state,
            where,
            name,
            Layer(ops.Reshape((1, *spec.shape)), (source,), (row,), (), f".{number}.row", new),
        )
        rows.append(row)
    new = {target: TensorSpec((len(rows), *spec.shape), spec.encoding)}
    emit(state, where, name, Layer(ops.Concat(0), tuple(rows), (target,), (), ".stack", new))


def _scan(state: State, where: str, name: str, node: onnx.NodeProto) -> None:
    raise _refused(where, "a Scan has no rule")


_CONTROL = {"If": _if, "Loop": _loop, "Scan": _scan}
