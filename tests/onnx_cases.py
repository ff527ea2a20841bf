"""The cases of one node in the onnx wheel, as files that the importer takes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

from xnorsim.importers.onnx.rules import RULES
from xnorsim.importers.onnx.view import SETTING


@dataclass(frozen=True, slots=True)
class Case:
    """A model, what it reads and what comes out, by name, and how exactly.

    `operators` are those of the model; `operator` is the one that the case is for: of a case whose
    operator is spelled out by others ("_expanded") that of the case it was made from.
    """

    name: str
    operator: str
    operators: frozenset[tuple[str, str]]
    model: onnx.ModelProto
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    rtol: float
    atol: float


@cache
def node_cases() -> tuple[Case, ...]:
    """All cases of the wheel that have a model and data."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # onnx computes its expectations with overflows
        found: list[Any] = [case for case in load_model_tests(kind="node") if case.model]
    owner = {
        case.name: case.model.graph.node[0].op_type
        for case in found
        if len(case.model.graph.node) == 1
    }
    return tuple(_case(case, owner) for case in found if case.data_sets)


def _case(case: Any, owner: dict[str, str]) -> Case:
    graph = case.model.graph
    (inputs, outputs), *_ = case.data_sets
    plain = case.name.split("_expanded")[0]
    operators = frozenset((node.domain, node.op_type) for node in graph.node)
    return Case(
        case.name,
        owner.get(plain) or owner.get(case.name) or graph.node[0].op_type,
        operators,
        case.model,
        _arrays(graph.input, inputs),
        _arrays(graph.output, outputs),
        case.rtol,
        case.atol,
    )


def _arrays(items: Iterable[onnx.ValueInfoProto], values: Iterable[Any]) -> dict[str, Any]:
    """Arrays by name; sequences and optional values stay as they are."""
    return {
        item.name: value if isinstance(value, list) or value is None else _array(value)
        for item, value in zip(items, values, strict=False)
    }


def _array(value: Any) -> np.ndarray:
    tensor = isinstance(value, onnx.TensorProto)
    return numpy_helper.to_array(value) if tensor else np.asarray(value)


def settings(case: Case) -> set[str]:
    """The inputs that are numbers of the operator, not operands: small, and known in real files."""
    names = set()
    for node in case.model.graph.node:
        rule = RULES.get((node.domain, node.op_type))
        for at, name in enumerate(node.input):
            if rule and rule.roles[min(at, len(rule.roles) - 1)] == SETTING:
                names.add(name)
    if case.operator == "CastLike":
        names.add("like")  # of which only the type is read
    return {name for name in names if np.size(case.inputs.get(name, ())) < 100}


def operands(case: Case) -> set[str]:
    """The settings and all other inputs but the first: weights, as they stand in real files."""
    return settings(case) | set([*case.inputs][1:])


def with_constants(
    case: Case, choose: Callable[[Case], set[str]]
) -> tuple[onnx.ModelProto, dict[str, tuple[int, ...]]]:
    """The case with the inputs that `choose` names as initializers, and the others' shapes."""
    made = onnx.ModelProto()
    made.CopyFrom(case.model)
    constants, shapes = choose(case), {}
    for item in case.model.graph.input:
        value = case.inputs.get(item.name)
        if not isinstance(value, np.ndarray):
            continue
        if item.name in constants:
            made.graph.input.remove(item)
            made.graph.initializer.append(numpy_helper.from_array(value, item.name))
        else:
            shapes[item.name] = value.shape
    return made, shapes
