"""Parameters made of several stored tensors, and numbers that would be made of huge ones."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.testing import assert_array_equal
from onnx import TensorProto, helper, numpy_helper

from xnorsim.errors import ModelError, ShapeError
from xnorsim.importers.onnx import read_graph
from xnorsim.work.table import layer_table, totals


def write(path: Path, nodes: list, stored: dict[str, np.ndarray], shape: list[int]) -> Path:
    """A model of one float input "x" and one float output "y"."""
    graph = helper.make_graph(
        nodes,
        "derived",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in stored.items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


CONV = helper.make_node("Conv", ["x", "w"], ["y"], "conv")
DEPTHWISE = helper.make_node("Conv", ["x", "w"], ["y"], "conv", group=16)

DERIVED = {
    # nodes, stored tensors, channels -> (parameters, weight bits, scale bits)
    "two weights joined": (
        [helper.make_node("Concat", ["a", "b"], ["w"], axis=0), CONV],
        {"a": ones(4, 8, 3, 3), "b": ones(2, 8, 3, 3)},
        8,
        (6 * 72, 6 * 72 * 32, 0),
    ),
    "a product of two of one shape: the second scales": (
        [helper.make_node("Mul", ["a", "b"], ["w"]), CONV],
        {"a": ones(4, 8, 3, 3), "b": ones(4, 8, 3, 3)},
        8,
        (4 * 72, 4 * 72 * 32, 4 * 72 * 32),
    ),
    "int8 with a scale and a zero point a channel, as many as weights": (
        [helper.make_node("DequantizeLinear", ["q", "s", "z"], ["w"], axis=0), DEPTHWISE],
        {"q": np.ones((16, 1, 1, 1), np.int8), "s": ones(16), "z": np.zeros(16, np.int8)},
        16,
        (16, 16 * 8, 16 * 32 + 16 * 8),
    ),
}


@pytest.mark.parametrize("why", DERIVED)
def test_stored_tensors_are_weights_or_scales(why: str, tmp_path: Path) -> None:
    nodes, stored, channels, expected = DERIVED[why]
    path = write(tmp_path / "m.onnx", nodes, stored, [1, channels, 8, 8])
    found = totals(layer_table(read_graph(path)))
    assert (found["parameters"], found["weight_bits"], found["scale_bits"]) == expected


def test_parameters_of_a_quantized_convolution_are_its_weights_alone(tmp_path: Path) -> None:
    u8, f32 = np.uint8(0), np.float32(1)
    stored = {
        "xs": f32, "xz": u8, "w": np.ones((6, 4, 1, 1), np.int8), "ws": ones(6),
        "wz": np.zeros(6, np.int8), "ys": f32, "yz": u8,
    }  # fmt: skip
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "xs", "xz"], ["q"], "in"),
        helper.make_node("QLinearConv", ["q", *stored], ["p"], "conv"),
        helper.make_node("DequantizeLinear", ["p", "ys", "yz"], ["y"], "out"),
    ]
    arrays = {name: np.asarray(value) for name, value in stored.items()}
    found = totals(layer_table(read_graph(write(tmp_path / "m.onnx", nodes, arrays, [1, 4, 8, 8]))))
    assert found["parameters"] == 24
    assert found["weight_bits"] == 24 * 8
    assert found["weight_bits_fp32"] == 24 * 32


HUGE = np.asarray([2**29], np.int64)
BOMB = [
    helper.make_node(
        "ConstantOfShape", ["n"], ["big"], value=numpy_helper.from_array(np.ones(1, np.int64))
    ),
    helper.make_node("ReduceMax", ["big"], ["size"], "bomb", keepdims=1),
    helper.make_node("Reshape", ["x", "size"], ["y"], "reshape"),
]


def test_a_number_is_not_evaluated_by_way_of_gigabytes(tmp_path: Path) -> None:
    path = write(tmp_path / "bomb.onnx", BOMB, {"n": HUGE}, [1])
    with pytest.raises(ShapeError, match=r"'bomb'.*follows from 536870912 elements"):
        read_graph(path)


def test_nor_by_way_of_a_chain_that_doubles(tmp_path: Path) -> None:
    """a, b = a + b, a * b forty times: each step would evaluate all before it twice."""
    nodes = []
    for i in range(40):
        nodes += [
            helper.make_node("Add", [f"a{i}", f"b{i}"], [f"a{i + 1}"]),
            helper.make_node("Mul", [f"a{i}", f"b{i}"], [f"b{i + 1}"]),
        ]
    nodes += [
        helper.make_node("ReduceMin", ["a40"], ["size"], "last", keepdims=1),
        helper.make_node("Reshape", ["x", "size"], ["y"], "reshape"),
    ]
    stored = {"a0": np.ones(2000, np.int64), "b0": np.ones(2000, np.int64)}
    with pytest.raises(ModelError, match=r"its result is computed of constants by 127 nodes"):
        read_graph(write(tmp_path / "chain.onnx", nodes, stored, [1]))


def of_a_chain(tmp_path: Path, columns: int) -> Callable[[], np.ndarray]:
    """How the 1000th of constants that are each the negative of the one before is loaded."""
    nodes = [helper.make_node("Neg", [f"c{at}"], [f"c{at + 1}"]) for at in range(1000)]
    nodes.append(helper.make_node("MatMul", ["x", "c1000"], ["y"]))
    path = write(tmp_path / "chain.onnx", nodes, {"c0": ones(4, columns)}, [1, 4])
    load = read_graph(path).parameters["c1000"].load
    assert load is not None
    return load


def test_a_long_chain_of_small_constants_is_evaluated_on_the_way(tmp_path: Path) -> None:
    assert_array_equal(of_a_chain(tmp_path, 4)(), ones(4, 4))


def test_of_a_long_chain_of_large_ones_the_shape_alone_is_known(tmp_path: Path) -> None:
    load = of_a_chain(tmp_path, 400)
    with pytest.raises(ModelError, match=r"'Neg_\d+'.* by 65 nodes \(at most 64\)"):
        load()


def test_nor_does_it_take_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "bomb.onnx", BOMB, {"n": HUGE}, [1])
    script = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))\n"
        "from xnorsim import cli\n"
        "cli.main(['analyze', sys.argv[1]])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "536870912 elements" in done.stderr


def test_a_transposed_convolution_that_cannot_have_its_output_says_so(tmp_path: Path) -> None:
    node = helper.make_node(
        "ConvTranspose", ["x", "w"], ["y"], "up", output_shape=[2, 5], strides=[1, 1]
    )
    path = write(tmp_path / "m.onnx", [node], {"w": ones(6, 2, 3, 3)}, [2, 6, 3, 3])
    with pytest.raises(ShapeError, match=r"'up'.*output_shape \[2, 5\]"):
        read_graph(path)
