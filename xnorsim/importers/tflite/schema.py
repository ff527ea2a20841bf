"""What a TensorFlow Lite file says, as plain data: tensors, operators, and where constants lie.

Source: TensorFlow, tensorflow/compiler/mlir/lite/schema/schema.fbs (version 3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import tflite

from xnorsim.errors import ModelError, ShapeError
from xnorsim.importers.stamps import Stamp
from xnorsim.importers.tflite.flatbuffer import Reader
from xnorsim.network.graph import MAX_ELEMENTS, TensorSpec
from xnorsim.network.precision import ENCODINGS, Encoding

__all__ = ["MOST_AXES", "Model", "Operator", "Quantization", "Tensor", "names_of", "read_model"]

VERSION = 3
MOST_AXES = 8
MOST_OPTIONS = 2**16
"""[bytes] of an operator's custom options: what larger ones hold is no setting of a layer."""


def names_of(enumeration: type) -> dict[int, str]:
    """The names of an enumeration of the schema, by value."""
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


# Handles of resources and variants are not numbers: like text, they have no fixed size.
_RENAMED = {"RESOURCE": "string", "VARIANT": "string"}
_ENCODINGS: Mapping[int, Encoding | None] = {
    value: ENCODINGS.get(_RENAMED.get(name, name.lower()))
    for value, name in names_of(tflite.TensorType).items()
}
_OPERATORS = names_of(tflite.BuiltinOperator)
_OPTIONS = names_of(tflite.BuiltinOptions)


@dataclass(frozen=True, slots=True)
class Quantization:
    """x = scale * (q - zero point), one pair for all or one for each position along `axis`."""

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor: its name and spec; of a constant where its values lie, else `length` is None.

    `signature` is the shape with -1 for what is open, () if the file states none.
    """

    index: int
    name: str
    spec: TensorSpec
    signature: tuple[int, ...]
    quantization: Quantization | None
    buffer: int
    offset: int
    length: int | None


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator: its name, the tensors it reads and writes (-1: left out), and its options.

    `options` is the generated class that the file says, by the name `form`.
    """

    name: str
    custom: bool
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    form: str
    options: Any
    custom_options: bytes


@dataclass(frozen=True, slots=True)
class Model:
    """A file: its main subgraph."""

    source: Stamp
    version: int
    description: str
    subgraphs: int
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_model(source: Stamp, data: memoryview) -> Model:
    """The structure of a file; the values of its constants are not looked at.

    Raises:
        ModelError: a version that is not known, or what no converter writes.
        ShapeError: impossible dimensions.
    """
    file = source.path.name
    reader = Reader.of(file, source.size)
    root = tflite.Model.GetRootAs(data, 0)
    if root.Version() != VERSION:
        raise ModelError(f"{file}: schema version {root.Version()}, where {VERSION} is read")
    subgraphs = reader.tables(root, "Subgraphs")
    if not subgraphs:
        raise ModelError(f"{file}: it has no subgraph, and so no network")
    main = subgraphs[0]
    buffers = reader.tables(root, "Buffers")
    codes = [_code(reader, code) for code in reader.tables(root, "OperatorCodes")]
    tensors = tuple(
        _tensor(reader, index, tensor, buffers)
        for index, tensor in enumerate(reader.tables(main, "Tensors"))
    )
    model = Model(
        source,
        root.Version(),
        reader.text(root, "Description"),
        len(subgraphs),
        tensors,
        tuple(
            _operator(reader, index, operator, codes)
            for index, operator in enumerate(reader.tables(main, "Operators"))
        ),
        tuple(reader.numbers(main, "Inputs")),
        tuple(reader.numbers(main, "Outputs")),
    )
    _check_indices(file, model)
    return model


def _code(reader: Reader, code: Any) -> tuple[str, bool]:
    """(name, whether it is a custom one); old files keep the number in another field."""
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = _OPERATORS.get(number)
    if name is None:
        raise ModelError(
            f"{reader.file}: operator code {number} is unknown to the installed package tflite"
        )
    if name != "CUSTOM":
        return name, False
    return reader.text(code, "CustomCode"), True


def _operator(reader: Reader, index: int, operator: Any, codes: list[tuple[str, bool]]) -> Operator:
    number = operator.OpcodeIndex()
    if not 0 <= number < len(codes):
        raise ModelError(
            f"{reader.file}: operator {index} has code {number}, where there are {len(codes)}"
        )
    name, custom = codes[number]
    form = _OPTIONS.get(operator.BuiltinOptionsType(), "")
    table, options = operator.BuiltinOptions(), None
    if table is not None and hasattr(tflite, form):
        options = getattr(tflite, form)()
        options.Init(table.Bytes, table.Pos)
    if operator.CustomOptionsLength() > MOST_OPTIONS:
        raise ModelError(
            f"{reader.file}: operator {index} ({name}) has {operator.CustomOptionsLength()} bytes "
            f"of custom options (at most {MOST_OPTIONS})"
        )
    return Operator(
        name,
        custom,
        tuple(reader.numbers(operator, "Inputs")),
        tuple(reader.numbers(operator, "Outputs")),
        form,
        options,
        bytes(reader.numbers(operator, "CustomOptions")),
    )


def _tensor(reader: Reader, index: int, tensor: Any, buffers: list[Any]) -> Tensor:
    where = f"{reader.file}: tensor {index}"
    encoding = _ENCODINGS.get(tensor.Type())
    if encoding is None:
        raise ModelError(f"{where}: unknown element type {tensor.Type()}")
    shape = tuple(reader.numbers(tensor, "Shape"))
    spec = TensorSpec(shape, encoding)
    if len(shape) > MOST_AXES or min(shape, default=0) < 0 or spec.elements > MAX_ELEMENTS:
        raise ShapeError(
            f"{where}: impossible shape {list(shape)[: MOST_AXES + 1]} (at most {MOST_AXES} "
            f"dimensions of at least 0, and {MAX_ELEMENTS} elements)"
        )
    if tensor.Sparsity() is not None:
        raise ModelError(f"{where}: sparse tensors are not supported")
    offset, length = _place(where, reader, tensor.Buffer(), buffers)
    name = reader.text(tensor, "Name")
    if length is not None:
        _check_length(f"{where} '{name}'", spec, length)
    return Tensor(
        index,
        name,
        spec,
        tuple(reader.numbers(tensor, "ShapeSignature")),
        _quantization(where, reader, tensor.Quantization(), spec),
        tensor.Buffer(),
        offset,
        length,
    )


def _place(where: str, reader: Reader, number: int, buffers: list[Any]) -> tuple[int, int | None]:
    """Where a constant's values lie: in the flatbuffer, or behind it in a file beyond 2 GB."""
    if not 0 <= number < len(buffers):
        raise ModelError(f"{where}: buffer {number}, where the file has {len(buffers)}")
    buffer = buffers[number]
    offset, length = buffer.Offset(), buffer.Size()
    if offset <= 1 and not buffer.DataIsNone():  # 1 stands for one not yet written
        table = buffer._tab
        offset, length = table.Vector(table.Offset(4)), buffer.DataLength()
    if length == 0:
        return 0, None
    if offset + length > reader.size:
        raise ModelError(
            f"{where}: {length} bytes at offset {offset}, in a file of {reader.size}: damaged"
        )
    return offset, length


def _check_length(where: str, spec: TensorSpec, length: int) -> None:
    expected = (spec.bits + 7) // 8
    if spec.encoding.bits and length != expected:
        raise ModelError(
            f"{where}: its buffer has {length} bytes; {spec} takes {expected}: damaged"
        )


def _quantization(where: str, reader: Reader, table: Any, spec: TensorSpec) -> Quantization | None:
    if table is None:
        return None
    scales = tuple(reader.numbers(table, "Scale"))
    if not scales:
        return None
    zeros = tuple(reader.numbers(table, "ZeroPoint")) or (0,) * len(scales)
    axis = table.QuantizedDimension()
    sizes = (1, spec.shape[axis]) if 0 <= axis < len(spec.shape) else (1,)
    good = all(isfinite(scale) and scale >= 0 for scale in scales)
    good &= all(-(2**31) <= zero < 2**31 for zero in zeros)
    if not good or len(scales) not in sizes or len(zeros) != len(scales):
        raise ModelError(
            f"{where}: {len(scales)} scales and {len(zeros)} zero points along axis {axis} do not "
            f"fit {spec}, or are no numbers to scale by: damaged"
        )
    # a scale of 0 is what converters write where there is nothing to scale
    return Quantization(scales, zeros, axis) if min(scales) > 0 else None


def _check_indices(file: str, model: Model) -> None:
    """Every tensor that is named exists; only inputs of operators may be left out.

    Raises:
        ModelError: an index out of range.
    """
    count = len(model.tensors)
    rows = [("the network", model.inputs, 0), ("the network", model.outputs, 0)]
    for number, operator in enumerate(model.operators):
        where = f"operator {number} ({operator.name})"
        rows += [(where, operator.inputs, -1), (where, operator.outputs, 0)]
    for where, indices, least in rows:
        wrong = [index for index in indices if not least <= index < count]
        if wrong:
            raise ModelError(f"{file}: {where} has tensor {wrong[0]}, where there are {count}")
