"""One node of the file after the other: inferred, folded or made a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import onnx

from xnorsim.errors import InputError, ModelError, ShapeError, UnsupportedOpError
from xnorsim.importers.onnx.agree import check_layer
from xnorsim.importers.onnx.fold import constant_parameter, fold, is_known
from xnorsim.importers.onnx.infer import attributes_of, check_arity, infer, spec_of_type
from xnorsim.importers.onnx.names import key_of
from xnorsim.importers.onnx.rules import RULES
from xnorsim.importers.onnx.standard import EXPANDED, expanded, result_encoding
from xnorsim.importers.onnx.state import (
    AnyOf,
    State,
    add_constant,
    add_tensor,
    as_stored,
    unique,
    value_of,
)
from xnorsim.importers.onnx.tensors import element_type
from xnorsim.importers.onnx.view import DATA, Layer, NodeView, split_inputs
from xnorsim.network import ops
from xnorsim.network.graph import Node, TensorSpec
from xnorsim.network.precision import Encoding, Meaning, Scheme

__all__ = ["alias", "emit", "location", "visit"]

_MOVES = (ops.Identity, ops.Reshape, ops.Transpose, ops.Expand, ops.Slice)
_MULTIPLIES = (ops.Conv, ops.ConvTranspose, ops.Dense, ops.MatMul)


def location(state: State, name: str, node: onnx.NodeProto) -> str:
    """The words by which an error names a node."""
    domain = f"{node.domain}::" if node.domain else ""
    return f"{state.file}: node '{name}' ({domain}{node.op_type})"


def visit(state: State, name: str, node: onnx.NodeProto) -> None:
    """Add what `node` makes to the state: parameters, or layers and their tensors.

    Raises:
        InputError: whatever is wrong with the node.
    """
    where = location(state, name, node)
    try:
        _visit(state, where, name, node)
    except InputError:
        raise
    except Exception as fault:  # a malformed node may break any rule; the user gets its name
        raise ModelError(f"{where}: malformed: {type(fault).__name__}: {fault}") from fault


def _visit(state: State, where: str, name: str, node: onnx.NodeProto) -> None:
    key = key_of(node)
    for tensor in node.input:
        if tensor and tensor not in state.specs:
            raise ShapeError(f"{where}: its input '{tensor}' has no known shape")
    check_arity(where, node, key[0], state.versions.get(key[0], 0))
    if key in EXPANDED:
        _visit_expanded(state, where, name, node)
        return
    if key == ("", "CastLike"):
        node, key = _as_cast(state, node), ("", "Cast")
    if key == ("", "Constant"):
        output = node.output[0]
        parameter = constant_parameter(state, where, output, node)
        add_constant(state, where, output, as_stored(state, node, parameter))
        return
    rule = RULES.get(key)
    known = is_known(key, node.input, state.constants)
    if rule is None and not known:
        _keep_unknown(state, where, name, node)
        return
    view = _view(state, where, name, node, rule.roles if rule else ())
    if rule is not None and rule.check is not None:
        rule.check(view)
    specs = infer(state, view, key[0], node)
    if known:
        fold(state, view, key, node, specs)
        if key == ("", "ConstantOfShape"):
            output = node.output[0]
            state.constants[output] = as_stored(state, node, state.constants[output])
        return
    assert rule is not None
    outputs = tuple(_kept_outputs(state, where, node, specs))
    if outputs != view.outputs:
        view = replace(view, outputs=outputs)
    built = rule.build(view)
    if not isinstance(built, Sequence):
        built = (Layer(built, view.inputs, view.outputs, rule.roles),)
    for layer in built:
        emit(state, where, name, layer)


def _visit_expanded(state: State, where: str, name: str, node: onnx.NodeProto) -> None:
    """Visit the nodes that one node stands for."""
    if not node.input or not node.output or not node.input[0] or not node.output[0]:
        raise ModelError(f"{where}: it has no input or no output")
    encoding = result_encoding(where, node)
    for suffix, part in expanded(where, node, len(state.specs[node.input[0]].shape)):
        state.read.update(part.input)
        _visit(state, where, f"{name}{suffix}", part)
    if encoding is not None:
        state.dequantized[node.output[0]] = encoding


def _as_cast(state: State, node: onnx.NodeProto) -> onnx.NodeProto:
    """CastLike reads the type of its second input only, so a constant stays one."""
    to = element_type(state.specs[node.input[1]].encoding)
    cast = onnx.helper.make_node("Cast", node.input[:1], node.output, node.name, to=to)
    cast.attribute.extend(node.attribute)  # whether it saturates
    return cast


def _view(
    state: State,
    where: str,
    name: str,
    node: onnx.NodeProto,
    roles: tuple[str, ...],
) -> NodeView:
    domain = key_of(node)[0]
    version = state.versions.get(domain, 0)
    return NodeView(
        where,
        name,
        node.op_type,
        version,
        attributes_of(where, node, domain, version),
        tuple(node.input),
        tuple(node.output),
        state.specs,
        state.constants,
        partial(value_of, state),
        roles,
    )


def _kept_outputs(
    state: State, where: str, node: onnx.NodeProto, specs: Mapping[str, TensorSpec]
) -> list[str]:
    """The outputs that somebody reads, with those before them, added as activations."""
    outputs = list(node.output)
    if node.op_type != "Split":  # each of its parts counts
        while len(outputs) > 1 and outputs[-1] not in state.read:
            outputs.pop()
    for name in outputs:
        if not name:
            continue
        spec = specs.get(name) or _stated(state, where, name)
        if spec is None:
            raise ShapeError(
                f"{where}: the shape of its output '{name}' stays unknown with the inputs given, "
                "so the work after it cannot be counted; a shape for every input (--input-shape "
                "NAME=...) or constants in place of computed shapes would settle it"
            )
        add_tensor(state, where, name, spec)
    return outputs


def _stated(state: State, where: str, name: str) -> TensorSpec | None:
    """What the file says of a tensor, unless sizes that it states were changed."""
    if state.overridden or name not in state.stated:
        return None
    return spec_of_type(where, state.stated[name], state.symbols)


def _keep_unknown(state: State, where: str, name: str, node: onnx.NodeProto) -> None:
    """A node without a rule stays as what it is; its shapes are onnx's or the file's."""
    if not state.allow_unknown:  # refused before, together with the others of the file
        raise UnsupportedOpError(f"{where}: no rule")
    domain = key_of(node)[0]
    view = _view(state, where, name, node, ())
    specs = infer(state, view, domain, node) if domain == "" else {}
    outputs = [output for output in node.output if output and output in state.read]
    for output in outputs:
        spec = specs.get(output) or _stated(state, where, output)
        if spec is None:
            raise ShapeError(
                f"{where}: kept by --allow-unknown, but the file does not state the shape of its "
                f"output '{output}', so the shapes after it are unknown"
            )
        add_tensor(state, where, output, spec)
    shapes = tuple(state.specs[output].shape for output in outputs)
    op = ops.Unknown(node.op_type, domain, shapes)
    emit(state, where, name, Layer(op, tuple(node.input), tuple(outputs)))
    state.unknown.append(name)


def emit(state: State, where: str, name: str, layer: Layer) -> None:
    """Add one layer: its tensors, the parameters it reads, its node."""
    for tensor, parameter in layer.constants.items():
        add_constant(state, where, tensor, parameter)
    for tensor, spec in layer.new.items():
        add_tensor(state, where, tensor, spec)
    roles = layer.roles or (DATA,)
    inputs, parameters, named = split_inputs(layer.inputs, roles, state.constants)
    for role, tensor in parameters.items():
        _hold(state, layer.op, role, tensor)
    outputs = tuple(output for output in layer.outputs if output)
    title = f"{name}{layer.suffix}"
    if layer.suffix or title in state.emitted:
        title = unique(title, AnyOf((state.names, state.emitted)))
    state.emitted.add(title)
    scheme = layer.scheme or _integer_scheme(state, layer.op, inputs, parameters)
    node = Node(title, layer.op, inputs, outputs, parameters, scheme, named)
    check_layer(state, where, node, layer.outputs)
    state.nodes.append(node)
    if isinstance(layer.op, ops.Dequantize):
        state.dequantized[outputs[0]] = state.specs[inputs[0]].encoding
    elif isinstance(layer.op, _MOVES) and inputs and inputs[0] in state.dequantized:
        state.dequantized[outputs[0]] = state.dequantized[inputs[0]]


_TRAINED = frozenset(
    {"weight", "recurrence", "bias", "peephole", "scale", "shift", "mean", "variance", "slope",
     "table", "left", "right"}
)  # fmt: skip


def _hold(state: State, op: ops.Op, role: str, tensor: str) -> None:
    """Keep a parameter. Filled with one value, it stands for left-out weights where those go;
    elsewhere (a first state, a padding, a mask) the value is meant."""
    parameter = state.constants[tensor]
    trained = role in _TRAINED and not isinstance(op, ops.Select | ops.Compare)
    if not parameter.placeholder or trained:
        state.parameters[tensor] = parameter
    else:
        state.parameters.setdefault(tensor, replace(parameter, placeholder=False))


def _integer_scheme(
    state: State, op: ops.Op, inputs: tuple[str, ...], parameters: Mapping[str, str]
) -> Scheme | None:
    """int8 x int8 for a layer between dequantized 8-bit operands, as integer runtimes run it."""
    if not isinstance(op, _MULTIPLIES) or not inputs:
        return None
    named = [parameters[role] for role in ("weight", "right", "left") if role in parameters]
    weight = (named or [*inputs[1:2]] or [""])[0]
    left, right = state.dequantized.get(inputs[0]), state.dequantized.get(weight)
    if left is None or right is None or not (_eight_bits(left) and _eight_bits(right)):
        return None
    return Scheme(weight=right, activation=left)


def _eight_bits(encoding: Encoding) -> bool:
    return encoding.meaning is Meaning.INTEGER and encoding.bits == 8


def alias(state: State, where: str, name: str, source: str, target: str) -> None:
    """Let `target` be the tensor `source` under another name."""
    if source not in state.specs:
        raise ModelError(f"{where}: tensor '{source}' is written by no node")
    if source in state.constants:
        add_constant(state, where, target, state.constants[source])
        return
    new = {target: state.specs[source]}
    emit(state, where, name, Layer(ops.Identity(), (source,), (target,), new=new))
