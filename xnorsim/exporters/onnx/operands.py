"""What a layer reads, by the names of the file: activations, and parameters as they are first
read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto, helper

from xnorsim.errors import ModelError
from xnorsim.exporters.onnx.sheet import (
    QONNX,
    Sheet,
    constant,
    fresh,
    lacking,
    operator,
    refused,
)
from xnorsim.exporters.onnx.tensors import SINCE, element_type, integers, is_narrow, tensor
from xnorsim.network.graph import Node, Parameter
from xnorsim.network.ops import Conv, ConvTranspose, Dense, Weighted
from xnorsim.network.precision import BIPOLAR, FLOAT32, INT32, TERNARY, Encoding, Meaning
from xnorsim.network.quantized import Quantized, quantized_parts

__all__ = [
    "activations",
    "bits_and_sign",
    "column",
    "every_operand",
    "one",
    "operands",
    "optional",
    "parameter",
    "quant",
    "shared",
    "weight",
    "zero_point",
]


def activations(node: Node) -> tuple[list[str], dict[str, str]]:
    """The activations that a node reads by position, and those by role."""
    pairs = list(zip(node.roles or ("",) * len(node.inputs), node.inputs, strict=True))
    return [name for role, name in pairs if not role], {role: n for role, n in pairs if role}


def operands(sheet: Sheet, node: Node, *roles: str) -> list[str]:
    """The tensors of `roles`: by role, as "operand_<position>", or else the next activation.

    Raises:
        ModelError: there is none for a role.
    """
    plain, named = activations(node)
    rest, found = iter(plain), []
    for position, role in enumerate(roles):
        name = _by_role(sheet, node, named, role, f"operand_{position}")
        own = next(rest, None) if not name else None
        if own is not None:
            name = sheet.names[own]
        if not name:
            raise lacking(sheet, node, role)
        found.append(name)
    return found


def optional(sheet: Sheet, node: Node, *roles: str) -> list[str]:
    """The tensors of roles that may be left out; "" for those that are."""
    _, named = activations(node)
    return [_by_role(sheet, node, named, role) for role in roles]


def zero_point(sheet: Sheet, node: Node, role: str, encoding: Encoding) -> str:
    """A zero point in the type of what it is subtracted from; "" where there is none."""
    (found,) = optional(sheet, node, role)
    name = node.parameters.get(role)
    kind = element_type(encoding)
    if not found or name is None or kind is None:
        return found
    if element_type(sheet.graph.parameters[name].spec.encoding) == kind:
        return found
    key = name, kind
    if key not in sheet.shared:
        result = sheet.shared[key] = fresh(sheet, f"{name}.{encoding}")
        operator(sheet, "Cast", [found], [result], f"{result}.cast", to=kind)
    return sheet.shared[key]


def every_operand(sheet: Sheet, node: Node, *roles: str) -> list[str]:
    """All operands in order: `roles`, then "operand_2" and so on."""
    count = len(node.inputs) + len(node.parameters)
    more = (f"operand_{position}" for position in range(len(roles), count))
    return operands(sheet, node, *roles[:count], *more)


def _by_role(sheet: Sheet, node: Node, named: dict[str, str], *roles: str) -> str:
    for role in roles:
        if role in node.parameters:
            return parameter(sheet, node.parameters[role])
        if role in named:
            return sheet.names[named[role]]
    return ""


def parameter(sheet: Sheet, name: str) -> str:
    """The tensor that a parameter is in the file, stored when it is first read."""
    if name not in sheet.parameters:
        sheet.parameters[name] = _same(sheet, name) or _written(sheet, name)
    return sheet.parameters[name]


def _same(sheet: Sheet, name: str) -> str:
    """Where the same parameter stands already under another name; "" if it does not."""
    item = sheet.graph.parameters[name]
    for other, written in sheet.parameters.items():
        if _are_same(sheet.graph.parameters[other], item):
            return written
    return ""


def _are_same(a: Parameter, b: Parameter) -> bool:
    """Whether two parameters are the same tensor of their file, and the same values."""
    if a is b:
        return True
    if not a.stored or (a.stored, a.spec) != (b.stored, b.spec):
        return False
    if a.load is None or b.load is None:
        return a.load is b.load
    return np.asarray(a.load()).tobytes() == np.asarray(b.load()).tobytes()


def _written(sheet: Sheet, name: str) -> str:
    item = sheet.graph.parameters[name]
    parts = quantized_parts(item)
    if parts is not None and sheet.weights:
        return _dequantized(sheet, name, parts)
    if is_narrow(item.spec.encoding):
        return narrow(sheet, name, one(sheet))
    return _widened(sheet, name, item) or _stored(sheet, name, item)


_HALVES = frozenset({"float16", "bfloat16"})


def _widened(sheet: Sheet, name: str, item: Parameter) -> str:
    """A float32 parameter that its file keeps in half of the bits, as such; "" for any other."""
    held = {part.spec.encoding for part in item.stored}
    fits = sum(part.spec.elements for part in item.stored) == item.spec.elements
    narrower = len(held) == 1 and {encoding.name for encoding in held} <= _HALVES
    if not (narrower and fits and item.spec.encoding == FLOAT32):
        return ""
    if not sheet.weights or item.load is None or item.placeholder:
        return ""
    kind = element_type(held.pop()) or int(TensorProto.FLOAT)
    values = np.asarray(item.load())
    halves = values.astype(helper.tensor_dtype_to_np_dtype(kind))
    if not np.array_equal(halves.astype(np.float32), values):
        return ""
    source, result = constant(sheet, f"{name}.stored", halves), fresh(sheet, name)
    operator(sheet, "Cast", [source], [result], f"{result}.cast", to=int(TensorProto.FLOAT))
    return result


def _stored(sheet: Sheet, name: str, item: Parameter) -> str:
    """A tensor of the file, or what stands for one that is left out of it."""
    encoding = item.spec.encoding
    kind = element_type(encoding)
    if kind is None:
        raise ModelError(
            f"{sheet.graph.name}: parameter '{name}' is {encoding}, which ONNX has no type for"
        )
    is_float = encoding.meaning is Meaning.FLOAT or is_narrow(encoding)
    left_out = item.load is None or item.placeholder or (is_float and not sheet.weights)
    if left_out and item.spec.elements > 1:
        return _left_out(sheet, name, item, kind)
    sheet.versions[""] = max(sheet.versions[""], SINCE.get(encoding.name, 0))
    values = np.ones(item.spec.shape) if item.load is None else np.asarray(item.load())
    if item.load is None:
        values = values.astype(helper.tensor_dtype_to_np_dtype(kind))
    title = fresh(sheet, name)
    sheet.tensors[title] = tensor(values.reshape(item.spec.shape), title, encoding)
    return _told(sheet, title, item)


def _told(sheet: Sheet, title: str, item: Parameter) -> str:
    """The name of a tensor that is a parameter, noted where nothing of it is stored."""
    if not item.stored:
        sheet.unstored.add(title)
    return title


def _left_out(sheet: Sheet, name: str, item: Parameter, kind: int) -> str:
    """A shape that the file states, filled with one value: what stands for a stored weight."""
    shape, title = fresh(sheet, f"{name}.shape"), fresh(sheet, name)
    sheet.tensors[shape] = integers(item.spec.shape, shape)
    value = 1.0
    if item.placeholder and item.load is not None:
        value = float(np.asarray(item.load()).reshape(-1)[0])
    filled = helper.make_tensor("value", kind, [1], [value])
    operator(sheet, "ConstantOfShape", [shape], [title], f"{title}.fill", value=filled)
    return _told(sheet, title, item)


def one(sheet: Sheet) -> str:
    """The scalar 1.0: the scale of what has none."""
    return shared(sheet, "one", 1.0)


def shared(sheet: Sheet, word: str, value: float) -> str:
    """A number that several layers read, under the same name."""
    if word not in sheet.shared:
        sheet.shared[word] = constant(sheet, word, np.asarray(value, np.float32))
    return sheet.shared[word]


def narrow(sheet: Sheet, name: str, scale: str, source: str = "") -> str:
    """A parameter of +-1, {0, 1} or {-1, 0, +1} as QONNX has it: floats behind a quantizer.

    `source` are those floats, where they are not the parameter's own numbers.
    """
    item = sheet.graph.parameters[name]
    source = source or _stored(sheet, name, item)
    result = fresh(sheet, f"{name}.quantized")
    if item.spec.encoding == BIPOLAR:
        inputs = [source, scale]
        operator(sheet, "BipolarQuant", inputs, [result], f"{source}.quant", domain=QONNX)
    else:
        bits, signed = bits_and_sign(item.spec.encoding)
        quant(
            sheet, [source, scale, shared(sheet, "zero", 0.0)], result, f"{source}.quant",
            bits, signed, narrow=item.spec.encoding == TERNARY,
        )  # fmt: skip
    return result


def bits_and_sign(encoding: Encoding) -> tuple[int, bool]:
    """The width of an encoding of integers, and whether they have a sign."""
    return encoding.bits, not encoding.name.startswith("u")


def quant(
    sheet: Sheet,
    inputs: Sequence[str],
    result: str,
    name: str,
    bits: int,
    signed: bool,
    *,
    narrow: bool = False,
    rounding: str = "round",
) -> None:
    """Add QONNX's Quant: quantized and dequantized, floats in and out."""
    width = shared(sheet, f"bits_{bits}", bits)
    operator(
        sheet, "Quant", [*inputs, width], [result], name, domain=QONNX,
        signed=int(signed), narrow=int(narrow), rounding_mode=rounding.upper(),
    )  # fmt: skip


_LINEAR = frozenset({"int4", "int8", "int16", "uint4", "uint8", "uint16"})
"""What DequantizeLinear reads with a zero point. Source: ONNX, DequantizeLinear-21."""


def _is_linear(parts: Quantized) -> bool:
    """Whether a DequantizeLinear makes the same of the codes."""
    codes, sides = parts.codes.spec, [parts.scale.spec]
    if parts.zero_point is not None:
        sides.append(parts.zero_point.spec)
        if parts.zero_point.spec.encoding != codes.encoding:
            return False
    flat = all(len(side.shape) <= 1 for side in sides) and len({s.elements for s in sides}) == 1
    known = codes.encoding.name in _LINEAR or (codes.encoding == INT32 and len(sides) == 1)
    return flat and known


def _dequantized(sheet: Sheet, name: str, parts: Quantized) -> str:
    """Codes and scales behind a DequantizeLinear; behind a Quant where ONNX has no such type."""
    codes, scale, zero = parts.codes, parts.scale, parts.zero_point
    result = fresh(sheet, name)
    if _is_linear(parts):
        inputs = [_stored(sheet, f"{name}.codes", codes), _stored(sheet, f"{name}.scale", scale)]
        if zero is not None:
            inputs.append(_stored(sheet, f"{name}.zero_point", zero))
        axis = parts.axis if scale.spec.elements > 1 else None
        operator(sheet, "DequantizeLinear", inputs, [result], f"{result}.dequantize", axis=axis)
        return result
    item = sheet.graph.parameters[name]
    floats = constant(sheet, f"{name}.latent", _values(sheet, name, item))
    along = (-1, *(1,) * (len(item.spec.shape) - parts.axis % len(item.spec.shape) - 1))
    sides = [column(sheet, f"{name}.scale", scale, along)]
    if zero is None:
        sides.append(shared(sheet, "zero", 0.0))
    else:
        sides.append(column(sheet, f"{name}.zero_point", zero, along))
    bits, signed = bits_and_sign(codes.spec.encoding)
    quant(sheet, [floats, *sides], result, f"{result}.quant", bits, signed)
    return result


def column(sheet: Sheet, name: str, item: Parameter, along: tuple[int, ...]) -> str:
    """Scales or zero points as floats where they broadcast to the data."""
    values = _values(sheet, name, item).astype(np.float32)
    shape = () if values.size == 1 else values.shape if values.ndim > 1 else along
    return _scales(sheet, name, item, values.reshape(shape))


def _scales(sheet: Sheet, name: str, item: Parameter, values: np.ndarray) -> str:
    """Values of a parameter, under one name wherever the same stored tensors are read alike."""
    key = tuple(part.key for part in item.stored), values.shape, values.tobytes()
    if not item.stored or key not in sheet.shared:
        sheet.shared[key] = _told(sheet, constant(sheet, name, values), item)
    return sheet.shared[key]


def _values(sheet: Sheet, name: str, item: Parameter) -> np.ndarray:
    if item.load is None:
        raise ModelError(f"{sheet.graph.name}: parameter '{name}' has no values")
    return np.asarray(item.load())


def weight(sheet: Sheet, node: Node, op: Weighted) -> str:
    """The weight of a layer of filters; one of few values with its alpha as the scale."""
    if "weight" not in node.parameters:
        (_, found) = operands(sheet, node, "input", "weight")
        return found
    name = node.parameters["weight"]
    item = sheet.graph.parameters[name]
    if not is_narrow(item.spec.encoding) or "alpha" not in node.parameters:
        return parameter(sheet, name)
    alpha = node.parameters["alpha"]
    key = name, alpha, _alpha_shape(op, 1)
    if key not in sheet.shared:
        sheet.shared[key] = _scaled(sheet, node, op, name, alpha)
    return sheet.shared[key]


def _scaled(sheet: Sheet, node: Node, op: Weighted, name: str, alpha: str) -> str:
    """Weights of few values times alpha. A Quant divides by its scale, and has it above 0."""
    item, scales = sheet.graph.parameters[name], sheet.graph.parameters[alpha]
    left_out = not sheet.weights or item.load is None or scales.load is None or item.placeholder
    if left_out or item.spec.encoding == BIPOLAR:
        return narrow(sheet, name, _alpha(sheet, node, op, alpha))
    source = _product(sheet, op, name, alpha)
    if not _is_positive(scales):
        return source
    return narrow(sheet, name, _alpha(sheet, node, op, alpha), source)


def _is_positive(alpha: Parameter) -> bool:
    """Whether a Quant may have it as its scale."""
    return alpha.load is None or bool(np.all(np.asarray(alpha.load()) > 0))


def _product(sheet: Sheet, op: Weighted, name: str, alpha: str) -> str:
    """Weights of few values times their scales, as plain floats."""
    shape = _alpha_shape(op, sheet.graph.parameters[alpha].spec.elements)
    scales = _values(sheet, alpha, sheet.graph.parameters[alpha]).reshape(shape)
    signs = _values(sheet, name, sheet.graph.parameters[name]).astype(np.float32)
    return constant(sheet, f"{name}.scaled", signs * scales)


def _alpha(sheet: Sheet, node: Node, op: Weighted, name: str) -> str:
    """alpha where it broadcasts to the weight."""
    item = sheet.graph.parameters[name]
    shape = _alpha_shape(op, item.spec.elements)
    if sum(part.spec.elements for part in item.stored) == 1 and item.load is not None:
        one_for_all = _values(sheet, name, item).reshape(-1)[0]
        return _scales(sheet, name, item, np.asarray(one_for_all, np.float32))
    if isinstance(op, ConvTranspose) and op.groups > 1:
        raise refused(sheet, node, "alpha of a transposed convolution in groups has no one axis")
    if not sheet.weights or item.load is None or item.placeholder:
        return _left_out(sheet, name, _of_shape(item, shape), 1)
    return _scales(sheet, name, item, _values(sheet, name, item).reshape(shape))


def _of_shape(item: Parameter, shape: tuple[int, ...]) -> Parameter:
    from dataclasses import replace

    return replace(item, spec=replace(item.spec, shape=shape))


def _alpha_shape(op: Weighted, filters: int) -> tuple[int, ...]:
    if isinstance(op, Dense):
        return (filters, 1) if op.transpose_weight else (1, filters)
    ones = (1,) * len(op.kernel)
    return (filters, 1, *ones) if isinstance(op, Conv) else (1, filters, *ones)
