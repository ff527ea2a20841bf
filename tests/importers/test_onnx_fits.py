"""Operands that do not fit their layer, which onnx's own inference passes over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from xnorsim.errors import ShapeError
from xnorsim.importers.onnx import read_graph


def f(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


def i(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


IMAGE = (1, 4, 8, 8)
U8 = TensorProto.UINT8
QUANTIZED = [np.float32(1), np.uint8(0), np.ones((6, 4, 1, 1), np.int8), np.float32(1), np.int8(0),
             np.float32(1), np.uint8(0)]  # fmt: skip

# operator, attributes, input, the other operands -> what the message says of it
UNFIT: dict[str, tuple[str, dict[str, Any], Any, list[Any], str]] = {
    "elements dropped": (
        "Reshape", {}, IMAGE, [i(10, 10)], r"256 elements of \[1, 4, 8, 8\] do not fill \[10, 10\]",
    ),
    "elements made up": ("Reshape", {}, IMAGE, [i(8, 64)], r"256 elements.*fill \[8, 64\]"),
    "bias of a convolution": ("Conv", {}, IMAGE, [f(6, 4, 3, 3), f(4)], r"bias \[4\].* 6 chan"),
    "bias of a transposed one": (
        "ConvTranspose", {}, IMAGE, [f(4, 6, 3, 3), f(4)], r"bias \[4\] does not fit 6 channels",
    ),
    "bias of a matrix": ("Gemm", {}, (2, 3), [f(3, 5), f(3)], r"bias \[3\]|\[3\] and \[2, 5\]"),
    "bias that enlarges": (
        "Gemm", {}, (1, 3), [f(3, 5), f(7, 5)], r"bias \[7, 5\] does not broadcast to \[1, 5\]",
    ),
    "bias of integers": (
        "QLinearConv", {}, (U8, IMAGE), [*QUANTIZED, np.ones(5, np.int32)], r"bias \[5\].* 6 chan",
    ),
    "slopes": ("PRelu", {}, IMAGE, [f(3, 1, 1)], r"\[3, 1, 1\] and \[1, 4, 8, 8\]"),
    "slopes that enlarge": ("PRelu", {}, (4,), [f(3, 1)], r"slope \[3, 1\].*\[4\]"),
    "scales of instances": ("InstanceNormalization", {}, IMAGE, [f(3), f(3)], r"\[3\].*4"),
    "scales of groups": (
        "GroupNormalization", {"num_groups": 2}, IMAGE, [f(8), f(8)], r"scale \[8\].* 4 channels",
    ),
    "scales of a layer": ("LayerNormalization", {}, IMAGE, [f(7)], r"\[7\] and \[1, 4, 8, 8\]"),
    "shifts of a layer": (
        "LayerNormalization", {}, IMAGE, [f(8), f(3, 8)], r"\[3, 8\] and \[1, 4, 8, 8\]",
    ),
    "bias of a cell": (
        "LSTM", {"hidden_size": 5}, (7, 2, 3), [f(1, 20, 3), f(1, 20, 5), f(1, 20)],
        r"bias \[1, 20\].*expected \[1, 40\]",
    ),
    "peepholes of a cell": (
        "LSTM", {"hidden_size": 5}, (7, 2, 3),
        [f(1, 20, 3), f(1, 20, 5), None, None, None, None, f(1, 5)],
        r"peephole \[1, 5\].*expected \[1, 15\]",
    ),
    "picks behind the end": ("Gather", {"axis": 1}, IMAGE, [i(0, 4)], "index 4 is out .* of 4"),
    "picks before the start": ("Gather", {"axis": 1}, IMAGE, [i(-5)], "index -5 is out .* of 4"),
    "blocks of space": ("SpaceToDepth", {"blocksize": 3}, IMAGE, [], "256 elements"),
    "blocks of depth": ("DepthToSpace", {"blocksize": 3}, IMAGE, [], "256 elements"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNFIT)
def test_operands_that_do_not_fit(build: Any, case: str) -> None:
    operator, attributes, shape, constants, match = UNFIT[case]
    weights = {f"c{at}": value for at, value in enumerate(constants) if value is not None}
    names = ["x", *(f"c{at}" if v is not None else "" for at, v in enumerate(constants))]
    node = helper.make_node(operator, names, ["y"], "n1", **attributes)
    with pytest.raises(ShapeError, match=rf"^model\.onnx: node 'n1' \({operator}\): .*{match}"):
        build(node, {"x": shape}, weights=weights)


def test_a_classifier_does_not_drop_what_a_larger_image_brings(light: Path) -> None:
    """25088 = 512 * 7 * 7 features are written into the file; 448 pixels make four times that."""
    path = light / "light_vgg19.onnx"
    with pytest.raises(ShapeError, match=r"100352 elements of .* do not fill \[1, 25088\]"):
        read_graph(path, input_shapes={"data_0": (1, 3, 448, 448)})
