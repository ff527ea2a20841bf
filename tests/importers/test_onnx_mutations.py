"""Mutated files: whatever is done to the bytes or the structure, an InputError or a graph."""

from __future__ import annotations

import random
from pathlib import Path

import onnx

from xnorsim.errors import InputError


def attempt(read, content: bytes) -> bool:
    """Whether the file could be read; anything but an InputError fails the test."""
    try:
        read(content)
    except InputError as fault:
        message = str(fault)
    else:
        return True
    assert "model.onnx" in message
    return False


def test_mutated_bytes(read, data: Path) -> None:
    original = (data / "onnx" / "resnet18__dynamo.onnx").read_bytes()
    chance = random.Random(20)
    read_well = 0
    for _ in range(300):
        content = bytearray(original)
        for _ in range(chance.choice([1, 1, 2, 8, 64])):
            at = chance.randrange(len(content))
            content[at] = chance.choice([0, 1, 127, 128, 255, chance.randrange(256)])
        if chance.random() < 0.3:
            at = chance.randrange(len(content))
            del content[at : at + chance.randrange(1, 9)]
        read_well += attempt(read, bytes(content))
    assert 0 < read_well < 300  # most flips of a name or a doc string do no harm


NUMBERS = [-(2**63), -(2**31), -2, -1, 0, 1, 2, 3, 7, 2**31, 2**40, 2**62, 2**63 - 1]


def mutate(node: onnx.NodeProto, chance: random.Random) -> None:
    """Another number, another list, another input, another operator, or something missing."""
    if node.attribute and chance.random() < 0.6:
        item = chance.choice(list(node.attribute))
        if item.type == onnx.AttributeProto.INT:
            item.i = chance.choice(NUMBERS)
        elif item.type == onnx.AttributeProto.INTS:
            item.ints[:] = [chance.choice(NUMBERS) for _ in range(chance.randrange(5))]
        elif item.type == onnx.AttributeProto.FLOAT:
            item.f = chance.choice([float("nan"), float("inf"), -1.0, 0.0])
        else:
            types = onnx.AttributeProto.AttributeType.values()
            item.type = chance.choice(types)  # pyright: ignore[reportAttributeAccessIssue]
    elif node.input and chance.random() < 0.5:
        at = chance.randrange(len(node.input))
        node.input[at] = chance.choice(["", *node.input, "x", "nothing"])
    elif chance.random() < 0.3:
        del node.input[:]
    elif chance.random() < 0.3:
        del node.output[:]
    else:
        names = [
            "Relu",
            "Concat",
            "Gemm",
            "Reshape",
            "If",
            "Loop",
            "Split",
            "LSTM",
            "Constant",
            "Pad",
        ]
        node.op_type = chance.choice([*names, "Dropout", "Shape", "QLinearConv", "Clip", "Range"])


def test_mutated_structure(read, data: Path) -> None:
    files = [data / "onnx" / f"{name}.onnx" for name in ("resnet18__dynamo", "mobilenet_v2__ts17")]
    originals = [onnx.load(path) for path in files]
    chance = random.Random(21)
    read_well = 0
    for _ in range(300):
        made = onnx.ModelProto()
        made.CopyFrom(chance.choice(originals))
        for _ in range(chance.choice([1, 1, 2, 3])):
            mutate(chance.choice(list(made.graph.node)), chance)
        if chance.random() < 0.3:
            tensor = chance.choice(list(made.graph.initializer))
            if tensor.dims:
                tensor.dims[0] = chance.choice(NUMBERS)
        if chance.random() < 0.3:
            shape = made.graph.input[0].type.tensor_type.shape
            chance.choice(list(shape.dim)).dim_value = chance.choice(NUMBERS)
        read_well += attempt(read, made.SerializeToString())
    assert 0 < read_well < 300
