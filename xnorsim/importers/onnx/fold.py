"""Nodes that need no network input: their results are parameters, and no work.

Integers of shape arithmetic are evaluated at once, because op fields are made of them; everything
else only when somebody loads it. onnx's reference implementation evaluates, one node at a time,
and is imported when it is first needed.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import onnx
from onnx import numpy_helper

from xnorsim.errors import ModelError, ShapeError
from xnorsim.importers.onnx.rules import KNOWN, RULES
from xnorsim.importers.onnx.state import LARGEST_FOLD, State, add_constant, value_of
from xnorsim.importers.onnx.tensors import encoding_of, is_external, stored_parameter, type_proto
from xnorsim.importers.onnx.view import SETTING, Coded, NodeView
from xnorsim.network.graph import Parameter, Stored, TensorSpec
from xnorsim.network.precision import FLOAT32, INT64, Meaning
from xnorsim.network.quantized import Quantized, quantized_parameter

__all__ = ["Key", "fold", "is_known"]

Key = tuple[str, str]

_CONSTANT: Key = ("", "Constant")
_IDENTITY: Key = ("", "Identity")
_FILL: Key = ("", "ConstantOfShape")
_DEQUANTIZE: Key = ("", "DequantizeLinear")
_RANDOM = frozenset({"Bernoulli", "Multinomial", "RandomNormalLike", "RandomUniformLike"})
_SAME_VALUES = frozenset({"Identity", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze"})
_INTEGRAL = frozenset({Meaning.INTEGER, Meaning.BOOLEAN})
_FACTORS = frozenset({"Mul", "Div"})
_NO_VALUES = frozenset({SETTING, "indices"})

MOST_EVALUATED = 2**22
"""[elements] No number of an op is evaluated by way of more."""

MOST_PASSES = 64
"""Nodes over one constant that is computed when it is loaded: each calls the one before it."""


def is_known(key: Key, inputs: Iterable[str], constants: Container[str]) -> bool:
    """Whether a node's results are known before the network runs."""
    if key == _CONSTANT or key in KNOWN:
        return True
    domain, operator = key
    given = [name for name in inputs if name]
    return (
        (domain == "" or (key in RULES and RULES[key].constant is not None))
        and operator not in _RANDOM
        and bool(given)
        and all(name in constants for name in given)
    )


def constant_parameter(state: State, where: str, name: str, node: onnx.NodeProto) -> Parameter:
    """What a Constant node holds."""
    for attribute in node.attribute:
        if attribute.name == "value":
            if not is_external(attribute.t):
                state.protos[name] = attribute.t
            return stored_parameter(where, name, attribute.t, state.source)
        if attribute.name.startswith("value_"):
            given = onnx.helper.get_attribute_value(attribute)
            texts = attribute.name.startswith("value_string")
            kind = np.object_ if texts else np.int64 if "int" in attribute.name else np.float32
            value = np.asarray(given, dtype=kind)
            encoding = (
                encoding_of(where, 8) if texts else INT64 if "int" in attribute.name else None
            )
            spec = TensorSpec(value.shape, encoding or FLOAT32)
            return Parameter(spec, (Stored(name, spec),), partial(_same, value))
    names = ", ".join(attribute.name for attribute in node.attribute) or "none"
    raise ModelError(f"{where}: no value that can be read (attributes: {names})")


def _same(value: np.ndarray) -> np.ndarray:
    return value


def fold(
    state: State, view: NodeView, key: Key, node: onnx.NodeProto, specs: Mapping[str, TensorSpec]
) -> None:
    """Add what `node` makes of constants; outputs that `specs` lacks are evaluated if small.

    Raises:
        ShapeError: an output's shape stays unknown.
    """
    if key in KNOWN:
        _add_shape(state, view, key)
        return
    rule = RULES.get(key)
    passes = _passes(state, key, node)
    if rule is not None and rule.constant is not None:
        _add_coded(state, view, rule.constant(view), passes)
        return
    outputs = [name for name in node.output if name]
    inputs = {name: state.constants[name] for name in node.input if name}
    passed = sum(
        item.spec.elements if name in state.values else _passed(item)
        for name, item in inputs.items()
    )
    known = state.ir_version, state.opset_imports
    task = _Evaluation(view.where, node, inputs, *known, passed, passes)
    made = _evaluated(task) if any(name not in specs for name in outputs) else {}
    for index, name in enumerate(node.output):
        if name:
            spec = specs[name] if name in specs else _spec_of(view.where, made[name])
            parameter = _derived(state, view, key, task, index, spec)
            add_constant(state, view.where, name, parameter)
            _settle(state, key, task, name, made.get(name))
    if outputs:
        _remember_encoding(state, view, outputs[0])


def _passes(state: State, key: Key, node: onnx.NodeProto) -> int:
    """By how many nodes a result is computed, those that it is read from twice twice."""
    if key == _FILL:
        return 0
    return sum(state.passes.get(name, 0) for name in node.input) + (key != _IDENTITY)


def _settle(state: State, key: Key, task: _Evaluation, name: str, value: np.ndarray | None) -> None:
    """Evaluate now what is a number, or small and the result of too many nodes; refuse the values
    of what is the result of too many, or a number by way of too many elements."""
    parameter = state.constants[name]
    small, deep = parameter.spec.elements <= LARGEST_FOLD, task.passes > MOST_PASSES
    is_number = small and parameter.spec.encoding.meaning in _INTEGRAL
    too_large = task.passed > MOST_EVALUATED and key not in (_FILL, _IDENTITY)
    if value is None and (is_number or (small and deep)) and not too_large:
        value = value_of(state, name)
    if value is not None:
        state.values[name] = value
    if value is not None and (is_number or deep):
        state.constants[name] = replace(parameter, load=partial(_same, value))
    elif is_number and too_large:
        state.constants[name] = replace(
            parameter, load=partial(_too_large, task.where, task.passed)
        )
    elif deep:
        state.constants[name] = _refused(task.where, parameter, task.passes)
    else:
        state.passes[name] = task.passes


def _refused(where: str, parameter: Parameter, passes: int) -> Parameter:
    """A constant whose shape alone is of use."""
    return replace(parameter, load=partial(_too_deep, where, passes))


def _too_deep(where: str, passes: int) -> np.ndarray:
    raise ModelError(
        f"{where}: its result is computed of constants by {passes} nodes (at most {MOST_PASSES})"
    )


def _derived(
    state: State, view: NodeView, key: Key, task: _Evaluation, index: int, spec: TensorSpec
) -> Parameter:
    """The parameter that output `index` of a node is."""
    name = view.outputs[index]
    if key == _IDENTITY:
        return state.constants[view.inputs[0]]
    stored = _stored(state, view, key, name, spec)
    if _is_dequantized(key, view, spec):
        return replace(_quantized(state, view), stored=stored)
    if key == _FILL:
        return Parameter(spec, stored, partial(_filled, spec, task.node), name in state.filled)
    return Parameter(spec, stored, partial(_load, task, index), _stands_in(task.inputs.values()))


def _is_dequantized(key: Key, view: NodeView, spec: TensorSpec) -> bool:
    """Whether a result is integers times scales, one for all or one along an axis."""
    plain = spec.encoding == FLOAT32 and not view.attributes.get("block_size")
    return key == _DEQUANTIZE and plain


def _quantized(state: State, view: NodeView) -> Parameter:
    """What a DequantizeLinear makes of constants, its parts still at hand."""
    given = [state.constants[name] for name in view.inputs if name]
    return quantized_parameter(Quantized(*given, axis=view.attributes.get("axis", 1)))


def _stands_in(inputs: Iterable[Parameter]) -> bool:
    """Whether a result is made of left-out weights alone (shapes and indices are none)."""
    floats = [item for item in inputs if item.spec.encoding.meaning is Meaning.FLOAT]
    return bool(floats) and all(item.placeholder for item in floats)


def _add_shape(state: State, view: NodeView, key: Key) -> None:
    shape = state.specs[view.inputs[0]].shape
    value = np.asarray(shape, np.int64)[
        view.attributes.get("start", 0) : view.attributes.get("end", len(shape))
    ]
    if key == ("", "Size"):
        value = np.asarray(state.specs[view.inputs[0]].elements, np.int64)
    spec = TensorSpec(value.shape, INT64)
    add_constant(state, view.where, view.outputs[0], Parameter(spec, (), partial(_same, value)))


def _stored(
    state: State, view: NodeView, key: Key, name: str, spec: TensorSpec
) -> tuple[Stored, ...]:
    """The tensors of the file that a derived constant is made of, each once; no settings.

    A filled tensor whose shape the file states stands for a weight that was left out of the file.
    """
    if key == _FILL:
        from_file = bool(state.constants[view.inputs[0]].stored)
        if from_file and spec.encoding.meaning is Meaning.FLOAT:
            state.filled.add(name)
            return (Stored(name, spec),)
        return ()
    roles = view.roles or ("",)
    scale = _scaling_operand(state, view)
    found: dict[str, Stored] = {}
    for position, source in enumerate(view.inputs):
        role = roles[min(position, len(roles) - 1)]
        if not source or role in _NO_VALUES:
            continue
        is_scale = position == scale or role.endswith(("scale", "zero_point"))
        for part in state.constants[source].stored:
            found.setdefault(part.key, replace(part, is_scale=part.is_scale or is_scale))
    return tuple(found.values())


def _scaling_operand(state: State, view: NodeView) -> int | None:
    """Which operand of a product or quotient scales the other: the smaller, else the second."""
    if view.operator not in _FACTORS or len(view.inputs) != 2:
        return None
    left, right = (state.specs[name].elements for name in view.inputs)
    return 0 if left < right else 1


def _add_coded(state: State, view: NodeView, coded: Coded, passes: int) -> None:
    name, parameter = view.outputs[0], coded.parameter
    if passes > MOST_PASSES:
        parameter = _refused(view.where, parameter, passes)
    else:
        state.passes[name] = passes
    add_constant(state, view.where, name, parameter)
    state.dequantized[name], state.magnitudes[name] = coded.encoding, coded.magnitude


def _remember_encoding(state: State, view: NodeView, name: str) -> None:
    if view.operator == "DequantizeLinear":
        state.dequantized[name] = state.specs[view.inputs[0]].encoding
    elif view.operator in _SAME_VALUES and view.inputs[0] in state.dequantized:
        state.dequantized[name] = state.dequantized[view.inputs[0]]
        if view.inputs[0] in state.magnitudes:
            state.magnitudes[name] = state.magnitudes[view.inputs[0]]


def _fill(node: onnx.NodeProto) -> np.ndarray:
    for attribute in node.attribute:
        if attribute.name == "value":
            return numpy_helper.to_array(attribute.t).reshape(-1)[:1]
    return np.zeros(1, np.float32)


def _filled(spec: TensorSpec, node: onnx.NodeProto) -> np.ndarray:
    value = _fill(node)
    return np.full(spec.shape, value[0], dtype=value.dtype)


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """A node and the constants that it reads: all that its results need."""

    where: str
    node: onnx.NodeProto
    inputs: Mapping[str, Parameter]
    ir_version: int
    opset_imports: Sequence[onnx.OperatorSetIdProto]
    passed: int
    """Elements that an evaluation passes through, however far back, those read twice twice."""
    passes: int
    """Nodes that it passes through, likewise."""


def _passed(parameter: Parameter) -> int:
    load = parameter.load
    if isinstance(load, partial) and load.func is _load:
        return parameter.spec.elements + load.args[0].passed
    return parameter.spec.elements


def _single(task: _Evaluation) -> onnx.ModelProto:
    """A model of this node alone, with typed inputs."""
    graph = onnx.GraphProto(name="fold")
    graph.node.add().CopyFrom(task.node)
    for name, parameter in task.inputs.items():
        graph.input.append(onnx.ValueInfoProto(name=name, type=type_proto(parameter.spec)))
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in task.node.output)
    model = onnx.ModelProto(ir_version=task.ir_version, graph=graph)
    model.opset_import.extend(task.opset_imports)
    return model


def _evaluated(task: _Evaluation) -> dict[str, np.ndarray]:
    """All results of a node whose inputs are small, by name."""
    small = all(p.spec.elements <= LARGEST_FOLD for p in task.inputs.values())
    if not small or task.passed > MOST_EVALUATED:
        raise ShapeError(
            f"{task.where}: its output's shape stays unknown, so the work after it cannot be "
            "counted"
        )
    return dict(zip(task.node.output, _run(task), strict=False))


def _too_large(where: str, passed: int) -> np.ndarray:
    raise ShapeError(
        f"{where}: its result is needed as a number, but follows from {passed} elements (at most "
        f"{MOST_EVALUATED} are evaluated)"
    )


def _load(task: _Evaluation, index: int) -> np.ndarray:
    return _run(task)[index]


def _run(task: _Evaluation) -> list[np.ndarray]:
    from onnx.reference import ReferenceEvaluator

    feeds = {}
    for name, parameter in task.inputs.items():
        if parameter.load is None:
            raise ModelError(f"{task.where}: its input '{name}' has no values")
        feeds[name] = parameter.load()
    try:
        with np.errstate(all="ignore"):
            results = ReferenceEvaluator(_single(task)).run(None, feeds)
    except Exception as fault:  # whatever the evaluation of the node raises
        raise ModelError(
            f"{task.where}: its constant result cannot be evaluated: {fault}"
        ) from fault
    return [np.asarray(item) for item in results]


def _spec_of(where: str, value: np.ndarray) -> TensorSpec:
    data_type = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
    return TensorSpec(value.shape, encoding_of(where, data_type))
