"""The bytes of an ONNX file without its weights.

A protobuf message says before each field how long it is, so the values of large tensors are
stepped over: the rest of a 100 MB file is some 100 kB, which alone is read and parsed. In place of
its values a large tensor gets where they stand in the file, written as external data are.

Source: protobuf's encoding ("Message structure"); field numbers from onnx.proto.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["INSIDE", "MODEL_FIELDS", "Field", "WireError", "fields", "without_values"]

INSIDE = "\0inside"
"""The location of values that stand in the model file itself; no path may contain a 0 byte."""

SMALL = 8192
"""[bytes] Fields up to this length are kept as they are."""

DEEPEST = 64
"""Levels of graphs within graphs; protobuf itself stops at 100 messages."""

MODEL_FIELDS = {
    1: ("ir_version", 0),
    2: ("producer_name", 2),
    3: ("producer_version", 2),
    4: ("domain", 2),
    5: ("model_version", 0),
    6: ("doc_string", 2),
    7: ("graph", 2),
    8: ("opset_import", 2),
    14: ("metadata_props", 2),
    20: ("training_info", 2),
    25: ("functions", 2),
    26: ("configuration", 2),
}
"""Field number -> (name, wire type) of ModelProto; wire type 0 is a number, 2 bytes."""

# The messages that hold tensors somewhere: message -> field number -> message.
_NESTED = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph"},
}
# Values whose number of bytes says how many they are.
_VALUES = {4: "float_data", 9: "raw_data", 10: "double_data"}
_EXTERNAL = frozenset({13, 14})

Buffer = bytes | mmap.mmap


class WireError(ValueError):
    """Bytes that are no protobuf message; `offset` is where."""

    def __init__(self, text: str, offset: int) -> None:
        super().__init__(f"{text} at byte {offset}")


class Field(NamedTuple):
    """One field of a message: from `start` to `end`; its content begins at `content`."""

    number: int
    wire: int
    start: int
    content: int
    end: int


def _varint(data: Buffer, at: int, end: int) -> tuple[int, int]:
    """A base-128 number, least significant group first, and where it ends."""
    if at < end and (first := data[at]) < 0x80:
        return first, at + 1
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise WireError("a number does not end", at)


def fields(data: Buffer, start: int, end: int) -> Iterator[Field]:
    """The fields of the message from `start` to `end`.

    Raises:
        WireError: there is no message.
    """
    at = start
    while at < end:
        first = at
        tag, at = _varint(data, at, end)
        wire, content = tag & 7, at
        if wire == 0:
            _, at = _varint(data, at, end)
        elif wire == 2:
            length, content = _varint(data, at, end)
            at = content + length
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            raise WireError(f"no field has the wire type {wire},", first)
        if at > end:
            raise WireError(
                f"a field should have {at - content} bytes, {end - content} are left", first
            )
        yield Field(tag >> 3, wire, first, content, at)


def without_values(data: Buffer) -> bytes:
    """The model message in `data` without the values of its large tensors.

    Raises:
        WireError: a part of it is no message.
    """
    return _trimmed(data, 0, len(data), "model", 0)


def _trimmed(data: Buffer, start: int, end: int, message: str, depth: int) -> bytes:
    if depth > DEEPEST:
        raise WireError(f"messages are nested deeper than {DEEPEST}", start)
    if message == "tensor":
        return _without_large(data, start, end)
    nested, chunks, kept = _NESTED[message], [], start
    for field in fields(data, start, end):
        inner = nested.get(field.number) if field.wire == 2 else None
        if inner is None or field.end - field.content <= SMALL:
            continue
        body = _trimmed(data, field.content, field.end, inner, depth + 1)
        chunks += [data[kept : field.start], _bytes_field(field.number, body)]
        kept = field.end
    return b"".join([*chunks, data[kept:end]])


def _without_large(data: Buffer, start: int, end: int) -> bytes:
    """A tensor with one large field of values and no external data: that field is cut out."""
    found = list(fields(data, start, end))
    large = [f for f in found if f.number in _VALUES and f.wire == 2]
    if len(large) != 1 or any(field.number in _EXTERNAL for field in found):
        return data[start:end]
    cut = large[0]
    entries = [
        _entry("offset", str(cut.content)),
        _entry("length", str(cut.end - cut.content)),
        _entry("field", _VALUES[cut.number]),
    ]
    return b"".join([data[start : cut.start], data[cut.end : end], *entries, _STANDS_INSIDE])


def _entry(key: str, value: str) -> bytes:
    """A pair of texts among a tensor's external data (field 13)."""
    return _bytes_field(13, _bytes_field(1, key.encode()) + _bytes_field(2, value.encode()))


def _bytes_field(number: int, content: bytes) -> bytes:
    return _number(number << 3 | 2) + _number(len(content)) + content


def _number(value: int) -> bytes:
    if value <= 0x7F:
        return bytes((value,))
    result = bytearray()
    while value > 0x7F:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)


# Where the values stand, and data_location (field 14, a number) = EXTERNAL.
_STANDS_INSIDE = _entry("location", INSIDE) + b"\x70\x01"
