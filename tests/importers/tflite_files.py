"""Small TensorFlow Lite files, made and run where a test needs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import tflite
from flatbuffers import flexbuffers

from xnorsim.exact.execute import execute, prepare
from xnorsim.importers.tflite import read_graph

__all__ = ["BCONV", "Op", "T", "ints", "make_tflite", "run"]

TYPES = {
    "float32": tflite.TensorType.FLOAT32,
    "float16": tflite.TensorType.FLOAT16,
    "int32": tflite.TensorType.INT32,
    "int64": tflite.TensorType.INT64,
    "int8": tflite.TensorType.INT8,
    "uint8": tflite.TensorType.UINT8,
    "bool": tflite.TensorType.BOOL,
}

BCONV = {
    "channels_in": 32,
    "dilation_height_factor": 1,
    "dilation_width_factor": 1,
    "fused_activation_function": 0,
    "pad_values": 1,
    "padding": 0,
    "stride_height": 1,
    "stride_width": 1,
}
"""The options of a plain LceBconv2d: SAME, padded with +1."""


@dataclass
class T:
    """A tensor: `values` of a constant, or `outside` (offset, size) where they lie behind the
    flatbuffer; `quantized` is (scale, zero point)."""

    shape: Sequence[int] = ()
    values: Any = None
    type: str = "float32"
    name: str = ""
    quantized: tuple[float, int] | None = None
    signature: Sequence[int] = ()
    buffer: int | None = None
    raw: bytes | None = None
    outside: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.values is not None:
            array = np.asarray(self.values)
            self.type, self.shape, self.raw = array.dtype.name, array.shape, array.tobytes()


def ints(*values: int) -> T:
    """A constant vector of int32."""
    return T(values=np.array(values, np.int32))


@dataclass
class Op:
    """An operator, a custom one if its name is not that of a builtin."""

    name: str
    inputs: Sequence[int]
    outputs: Sequence[int]
    form: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    custom: Mapping[str, Any] | bytes | None = None


class Builder(flatbuffers.Builder):
    """Writes equal vectors of integers once, wherever they are."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.written: dict[tuple[int, ...], int] = {}


def _vector(b: Builder, items: Sequence[int], prepend: Callable[[int], Any], size: int = 4) -> int:
    b.StartVector(size, len(items), size)
    for item in reversed(items):
        prepend(item)
    return b.EndVector()


def _ints(b: Builder, items: Sequence[int]) -> int:
    key = tuple(items)
    if key not in b.written:
        b.written[key] = _vector(b, items, b.PrependInt32)
    return b.written[key]


def _offsets(b: Builder, items: Sequence[int]) -> int:
    return _vector(b, items, b.PrependUOffsetTRelative)


def _table(b: Builder, name: str, fields: Mapping[str, Any]) -> int:
    getattr(tflite, f"{name}Start")(b)
    for title, value in fields.items():
        getattr(tflite, f"{name}Add{title}")(b, value)
    return getattr(tflite, f"{name}End")(b)


def _tensor(b: Builder, tensor: T, buffer: int) -> int:
    fields: dict[str, Any] = {
        "Name": b.CreateString(tensor.name),
        "Shape": _ints(b, tensor.shape),
        "Type": TYPES[tensor.type],
        "Buffer": buffer if tensor.buffer is None else tensor.buffer,
    }
    if tensor.signature:
        fields["ShapeSignature"] = _ints(b, tensor.signature)
    if tensor.quantized:
        scale, zero = tensor.quantized
        held = {
            "Scale": _vector(b, [scale], b.PrependFloat32),  # pyright: ignore[reportArgumentType]
            "ZeroPoint": _vector(b, [zero], b.PrependInt64, 8),
        }
        fields["Quantization"] = _table(b, "QuantizationParameters", held)
    return _table(b, "Tensor", fields)


def _code(b: Builder, name: str) -> int:
    builtin = getattr(tflite.BuiltinOperator, name, None)
    if builtin is None:
        word, builtin = b.CreateString(name), tflite.BuiltinOperator.CUSTOM
        fields = {"CustomCode": word}
    else:
        fields = {}
    fields |= {"BuiltinCode": builtin, "DeprecatedBuiltinCode": min(builtin, 127)}
    return _table(b, "OperatorCode", fields)


def _operator(b: Builder, op: Op, code: int) -> int:
    fields: dict[str, Any] = {"OpcodeIndex": code}
    if op.form:
        values = {
            title: _ints(b, value) if isinstance(value, list) else value
            for title, value in op.options.items()
        }
        fields["BuiltinOptionsType"] = getattr(tflite.BuiltinOptions, op.form)
        fields["BuiltinOptions"] = _table(b, op.form, values)
    if op.custom is not None:
        data = op.custom if isinstance(op.custom, bytes) else bytes(flexbuffers.Dumps(op.custom))
        fields["CustomOptions"] = b.CreateByteVector(data)
    fields["Inputs"], fields["Outputs"] = _ints(b, op.inputs), _ints(b, op.outputs)
    return _table(b, "Operator", fields)


def make_tflite(
    tensors: Sequence[T],
    operators: Sequence[Op],
    inputs: Sequence[int] = (0,),
    outputs: Sequence[int] | None = None,
    subgraphs: int = 1,
    version: int = 3,
) -> bytes:
    """A file; the last tensor is its output unless `outputs` says others. Each constant has a
    buffer of its own, from 1 on; the other tensors have buffer 0."""
    b = Builder(1024)
    buffers, numbers = [_table(b, "Buffer", {})], []
    for tensor in tensors:
        own = tensor.raw is not None or tensor.outside is not None
        numbers.append(len(buffers) if own else 0)
        if tensor.outside is not None:
            offset, size = tensor.outside
            buffers.append(_table(b, "Buffer", {"Offset": offset, "Size": size}))
        elif tensor.raw is not None:
            buffers.append(_table(b, "Buffer", {"Data": b.CreateByteVector(tensor.raw)}))
    names = list(dict.fromkeys(op.name for op in operators))
    graph = {
        "Tensors": _offsets(b, [_tensor(b, *pair) for pair in zip(tensors, numbers, strict=True)]),
        "Operators": _offsets(b, [_operator(b, op, names.index(op.name)) for op in operators]),
        "Inputs": _ints(b, inputs),
        "Outputs": _ints(b, [len(tensors) - 1] if outputs is None else outputs),
    }
    main = _table(b, "SubGraph", graph)
    model = {
        "Version": version,
        "Subgraphs": _offsets(b, [main] * subgraphs),
        "OperatorCodes": _offsets(b, [_code(b, name) for name in names]),
        "Buffers": _offsets(b, buffers),
        "Description": b.CreateString("made for a test"),
    }
    b.Finish(_table(b, "Model", model), b"TFL3")
    return bytes(b.Output())


def run(path: Path, data: bytes, *given: np.ndarray) -> list[np.ndarray]:
    """What a file computes of its inputs, in the order of its outputs; it is written to `path`."""
    path.write_bytes(data)
    graph = read_graph(path)
    feeds = dict(zip(graph.inputs, given, strict=True))
    found = execute(prepare(graph, "packed"), feeds).outputs
    return [found[name] for name in graph.outputs]
