"""Output shapes of one node by onnx's own inference.

One node at a time, and not the whole model: the model is never copied, an error names its node,
constants that were folded on the way are at hand for the next node, and shapes that run away are
stopped where they arise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import checker, numpy_helper, shape_inference
from onnx.defs import OpSchema, SchemaError

from xnorsim.errors import ModelError, ShapeError
from xnorsim.importers.onnx.rules import RULES
from xnorsim.importers.onnx.state import LARGEST_FOLD, State, value_of
from xnorsim.importers.onnx.tensors import encoding_of, states_size, type_proto
from xnorsim.importers.onnx.view import SETTING, NodeView
from xnorsim.network.extents import broadcast
from xnorsim.network.graph import TensorSpec
from xnorsim.network.precision import ENCODINGS

__all__ = ["attributes_of", "check_arity", "infer", "schema_of", "spec_of_type"]


@lru_cache(maxsize=1024)
def schema_of(domain: str, operator: str, version: int) -> OpSchema | None:
    """onnx's definition of an operator at an opset; None if it has none."""
    try:
        return onnx.defs.get_schema(operator, version, domain)
    except SchemaError:
        return None


@lru_cache(maxsize=1024)
def _defaults(domain: str, operator: str, version: int) -> dict[str, Any]:
    schema = schema_of(domain, operator, version)
    if schema is None:
        return {}
    given = {name: item.default_value for name, item in schema.attributes.items()}
    return {name: _attribute(value) for name, value in given.items() if value.type}


def _attribute(item: onnx.AttributeProto) -> Any:
    value = onnx.helper.get_attribute_value(item)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def attributes_of(where: str, node: onnx.NodeProto, domain: str, version: int) -> dict[str, Any]:
    """The node's attributes over its operator's defaults; text as str.

    Raises:
        ModelError: an attribute without a type or value.
    """
    result = dict(_defaults(domain, node.op_type, version))
    for item in node.attribute:
        try:
            result[item.name] = _attribute(item)
        except ValueError as fault:
            raise ModelError(f"{where}: attribute '{item.name}': {fault}") from fault
    return result


def spec_of_type(where: str, item: onnx.TypeProto, symbols: Mapping[str, int]) -> TensorSpec | None:
    """Shape and encoding, if the type is a tensor's and all of its dimensions are known."""
    tensor = item.tensor_type
    if item.WhichOneof("value") != "tensor_type" or not tensor.HasField("shape"):
        return None
    if tensor.elem_type == 0:
        return None
    shape = [
        dim.dim_value if states_size(dim) else symbols.get(dim.dim_param)
        for dim in tensor.shape.dim
    ]
    known = [size for size in shape if size is not None]
    if len(known) != len(shape):
        return None
    return TensorSpec(tuple(known), encoding_of(where, tensor.elem_type))


def infer(state: State, view: NodeView, domain: str, node: onnx.NodeProto) -> dict[str, TensorSpec]:
    """The specs of the outputs that onnx can tell; others are left out.

    Raises:
        ModelError: the node breaks its operator's definition (inputs, attributes, types).
        ShapeError: the input shapes do not fit.
    """
    rule = RULES.get((domain, node.op_type))
    if rule is not None and rule.specs is not None:
        return dict(rule.specs(view))
    schema = schema_of(domain, node.op_type, view.version)
    if schema is None:
        return {}
    if not schema.has_type_and_shape_inference_function:
        return _without_inference(view)
    _check_indices(view)
    question = _Question(
        domain,
        node.op_type,
        state.ir_version,
        tuple(state.versions.items()),
        tuple(item.SerializeToString(deterministic=True) for item in node.attribute),
        tuple(state.specs[name] if name else None for name in node.input),
        tuple(bool(name) for name in node.output),
        tuple(_data(state, view).items()),
    )
    try:
        found = _answer(question)
    except checker.ValidationError as fault:
        raise ModelError(f"{view.where}: {_first_lines(fault)}") from fault
    except Exception as fault:  # onnx raises its own, RuntimeError and ValueError
        shapes = ", ".join(f"'{name}' {state.specs[name]}" for name in node.input if name)
        raise ShapeError(f"{view.where}: {_first_lines(fault)} (inputs: {shapes})") from fault
    return {name: spec for name, spec in zip(node.output, found, strict=True) if name and spec}


@lru_cache(maxsize=1024)
def _arity(domain: str, operator: str, version: int) -> tuple[int, int, int, int]:
    schema = schema_of(domain, operator, version)
    if schema is None:
        return 0, 2**31, 0, 2**31
    return schema.min_input, schema.max_input, schema.min_output, schema.max_output


def check_arity(where: str, node: onnx.NodeProto, domain: str, version: int) -> None:
    """As many inputs and outputs as the operator has, the required ones not empty.

    Raises:
        ModelError: it has more or fewer.
    """
    least_in, most_in, least_out, most_out = _arity(domain, node.op_type, version)
    for names, least, most, word in (
        (node.input, least_in, most_in, "inputs"),
        (node.output, least_out, most_out, "outputs"),
    ):
        if not least <= len(names) <= most or "" in names[:least]:
            given = ", ".join(f"'{name}'" for name in names) or "none"
            raise ModelError(f"{where}: its {word} are {given}; it has from {least} to {most}")


# Attributes that count axes, and the operators whose axes may lie one beyond the input's.
_INDICES = ("axis", "axes", "perm", "batch_axis", "time_axis")
_BEYOND = frozenset({"Flatten", "OneHot", "Unsqueeze", "QuantizeLinear", "DequantizeLinear"})


def _check_indices(view: NodeView) -> None:
    """onnx's inference does not check every axis, and a wild one ends the whole process."""
    ranks = [len(view.specs[name].shape) for name in view.inputs if name]
    shared = view.attributes.get("batch_dims", 0)
    if shared != 0 and not 0 <= shared < min(ranks, default=0):
        raise ShapeError(f"{view.where}: batch_dims {shared} is out of range for ranks {ranks}")
    for name in _INDICES:
        given = view.attributes.get(name)
        if given is None:
            continue
        indices = [given] if isinstance(given, int) else list(given)
        more = len(indices) if view.operator in _BEYOND else 0
        rank = max([1, *ranks]) + more
        if not all(isinstance(index, int) and -rank <= index < rank for index in indices):
            raise ShapeError(
                f"{view.where}: {name} {given} is out of range for {max([0, *ranks])} dimensions"
            )


@dataclass(frozen=True, slots=True)
class _Question:
    """All that an inference depends on. Networks repeat their layers, and sweeps their networks.

    `data` are serialized tensors by the position of the input that they are the values of.
    """

    domain: str
    operator: str
    ir_version: int
    versions: tuple[tuple[str, int], ...]
    attributes: tuple[bytes, ...]
    inputs: tuple[TensorSpec | None, ...]
    outputs: tuple[bool, ...]
    data: tuple[tuple[int, bytes], ...]


@lru_cache(maxsize=4096)
def _answer(question: _Question) -> tuple[TensorSpec | None, ...]:
    """The outputs' specs in order, None for what onnx does not know."""
    versions = dict(question.versions)
    schema = schema_of(question.domain, question.operator, versions.get(question.domain, 0))
    assert schema is not None
    inputs = [f"i{at}" if spec else "" for at, spec in enumerate(question.inputs)]
    outputs = [f"o{at}" if given else "" for at, given in enumerate(question.outputs)]
    node = onnx.NodeProto(
        op_type=question.operator, domain=question.domain, input=inputs, output=outputs
    )
    node.attribute.extend(onnx.AttributeProto.FromString(item) for item in question.attributes)
    context = checker.C.CheckerContext()
    context.ir_version, context.opset_imports = question.ir_version, versions
    checker.check_node(node, context)
    imports = [onnx.OperatorSetIdProto(domain=d, version=v) for d, v in question.versions]
    found = shape_inference.infer_node_outputs(
        schema,
        node,
        {
            name: type_proto(spec)
            for name, spec in zip(inputs, question.inputs, strict=True)
            if spec
        },
        {f"i{at}": onnx.TensorProto.FromString(item) for at, item in question.data},
        opset_imports=imports,
        ir_version=question.ir_version,
    )
    return tuple(
        spec_of_type(question.operator, found[name], {}) if name in found else None
        for name in outputs
    )


def _first_lines(fault: Exception) -> str:
    text = str(fault).split("==> Context")[0].replace("[ShapeInferenceError]", "")
    return " ".join(text.replace("[TypeInferenceError]", "").split())[:400]


def _without_inference(view: NodeView) -> dict[str, TensorSpec]:
    """The few operators that onnx defines by a function and gives no inference of their own."""
    first = view.specs[view.inputs[0]]
    if view.operator in ("GreaterOrEqual", "LessOrEqual"):
        shape = broadcast(*(view.specs[name].shape for name in view.inputs))
        first = TensorSpec(shape, ENCODINGS["bool"])
    elif view.operator not in ("GroupNormalization", "MeanVarianceNormalization"):
        return {}
    return {view.outputs[0]: first}


def _data(state: State, view: NodeView) -> dict[int, bytes]:
    """Values that inference reads: those of settings, as the file has them or as evaluated."""
    result: dict[int, bytes] = {}
    roles = view.roles or (SETTING,)
    for position, name in enumerate(view.inputs):
        role = roles[min(position, len(roles) - 1)]
        if role != SETTING or name not in state.constants:
            continue
        if state.specs[name].elements > LARGEST_FOLD:
            continue
        value = _batched(state, view, name) if view.operator == "Reshape" else None
        if value is None and name in state.protos:
            result[position] = state.protos[name].SerializeToString(deterministic=True)
            continue
        value = value_of(state, name) if value is None else value
        if value is not None:
            result[position] = numpy_helper.from_array(value).SerializeToString()
    return result


def _batched(state: State, view: NodeView, name: str) -> np.ndarray | None:
    """A reshape's target with the old batch size replaced, where only the new one makes sense."""
    target = value_of(state, name) if state.batch else None
    if target is None or state.batch is None or target.ndim != 1 or target.size == 0:
        return None
    old, new = state.batch
    spec = view.specs[view.inputs[0]]
    if target[0] != old or not spec.shape or spec.shape[0] != new:
        return None
    copied = [*spec.shape, *(0,) * target.size]  # a 0 in a target copies the input's size
    rest = prod(int(size) or copied[axis] for axis, size in enumerate(target[1:], start=1))
    open_size = -1 in target[1:]
    if open_size and spec.elements % max(abs(new * rest), 1):
        return None
    if not open_size and (old * rest == spec.elements or new * rest != spec.elements):
        return None
    result = target.copy()
    result[0] = new
    state.rebatched.append(view.name)
    return result
