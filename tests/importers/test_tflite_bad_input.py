"""TensorFlow Lite files that are damaged, hostile or beyond what is read: always an InputError."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.importers.tflite_files import BCONV, Op, T, ints, make_tflite
from xnorsim.errors import (
    MissingExtraError,
    ModelError,
    ShapeError,
    UnsupportedOpError,
    UsageError,
)
from xnorsim.importers import tflite as package
from xnorsim.importers.tflite import read_graph, stated_inputs
from xnorsim.network import ops
from xnorsim.network.graph import Graph

X, Y = T((1, 4, 4, 32), name="x"), T((1, 4, 4, 32), name="y")


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Graph]:
    """Reads bytes as a file."""

    def reading(data: bytes, **more: Any) -> Graph:
        path = tmp_path / "model.tflite"
        path.write_bytes(data)
        return read_graph(path, **more)

    return reading


column = T(values=np.ones((900, 1), np.float32))


def relu(**more: Any) -> bytes:
    return make_tflite([X, Y], [Op("RELU", [0], [1])], **more)


def binary(options: Any = None, **tensors: T) -> bytes:
    """A sign and a binary convolution of 8 filters 3 x 3 that writes floats."""
    held = {
        "filter": T(values=np.zeros((8, 3, 3, 1), np.int32)),
        "multiplier": T(values=np.ones(8, np.float32)),
        "bias": T(values=np.zeros(8, np.float32)),
        "bits": T((1, 4, 4, 1), type="int32", name="bits"),
        "y": T((1, 4, 4, 8), name="y"),
    } | tensors
    names = list(held)
    custom = BCONV if options is None else options
    reads = [1 + names.index(name) for name in ("bits", "filter", "multiplier", "bias")]
    return make_tflite(
        [X, *held.values()],
        [
            Op("LceQuantize", [0], [1 + names.index("bits")]),
            Op("LceBconv2d", [*reads, -1], [1 + names.index("y")], custom=custom),
        ],
    )


def test_the_plain_files_are_sound(read: Callable[..., Graph]) -> None:
    assert [ops.kind(node.op) for node in read(relu()).nodes] == ["relu"]
    assert "sign" in [ops.kind(node.op) for node in read(binary()).nodes]


def quantized(axis_scales: tuple[float, int]) -> bytes:
    return make_tflite([T((1, 8), type="int8", quantized=axis_scales), T((1, 8))], _DEQUANTIZE)


_DEQUANTIZE = [Op("DEQUANTIZE", [0], [1])]
_RESHAPE = [Op("RESHAPE", [0, 1], [2], "ReshapeOptions")]

FAULTS = {
    "another format": (b"PK\x03\x04" + bytes(100), "not a TensorFlow Lite file"),
    "nothing in it": (b"", "empty"),
    "the mark alone": (b"\x10\0\0\0TFL3", "damaged"),
    "a root beyond the end": (b"\xff\xff\xff\x7fTFL3" + bytes(100), "damaged"),
    "a version to come": (relu(version=4), "schema version 4"),
    "no operators": (make_tflite([X], []), "no operators"),
    "no outputs": (relu(outputs=()), "no outputs"),
    "an output that nothing writes": (
        make_tflite([X, Y, Y], [Op("RELU", [0], [1])], outputs=[2]),
        "output 'y#2' is written by no operator",
    ),
    "an input out of range": (
        make_tflite([X, Y], [Op("RELU", [7], [1])]),
        "operator 0 .RELU. has tensor 7, where there are 2",
    ),
    "an output out of range": (make_tflite([X, Y], [Op("RELU", [0], [-1])]), "has tensor -1"),
    "a left out input": (make_tflite([X, Y], [Op("RELU", [-1], [1])]), "input 0 is missing"),
    "no inputs": (make_tflite([X, Y], [Op("RELU", [], [1])]), "input 0 is missing"),
    "writes nothing": (make_tflite([X, Y], [Op("RELU", [0], [])]), "writes nothing"),
    "reads what is written later": (
        make_tflite([X, Y, Y], [Op("RELU", [1], [2]), Op("RELU", [0], [1])]),
        "input 0 'y' is written by no operator before it",
    ),
    "written twice": (
        make_tflite([X, Y], [Op("RELU", [0], [1]), Op("TANH", [0], [1])]),
        "'y' is written twice",
    ),
    "writes an input": (make_tflite([X], [Op("RELU", [0], [0])]), "'x' is written twice"),
    "writes a constant": (
        make_tflite([X, T(values=np.zeros((1, 4, 4, 32), np.float32))], [Op("RELU", [0], [1])]),
        "is a constant",
    ),
    "a buffer out of range": (
        make_tflite([X, T((1, 4, 4, 32), buffer=9)], [Op("RELU", [0], [1])]),
        "tensor 1: buffer 9, where the file has 1",
    ),
    "a shape that its buffer does not fill": (
        make_tflite([X, T((5,), raw=bytes(16)), Y], [Op("ADD", [0, 1], [2], "AddOptions")]),
        "its buffer has 16 bytes; float32.5. takes 20",
    ),
    "a negative dimension": (
        make_tflite([T((1, -4)), T((1, 4))], [Op("RELU", [0], [1])]),
        "impossible shape .1, -4.",
    ),
    "a huge dimension": (
        make_tflite([T((2**30, 2**30)), T((1, 4))], [Op("RELU", [0], [1])]),
        "impossible shape",
    ),
    "many dimensions": (
        make_tflite([T((1,) * 50), T((1,) * 50)], [Op("RELU", [0], [1])]),
        "at most 8 dimensions",
    ),
    "an empty input": (make_tflite([T((0, 4)), T((0, 4))], [Op("RELU", [0], [1])]), "at least 1"),
    "another shape than computed": (
        make_tflite([X, T((1, 4, 4, 31))], [Op("RELU", [0], [1])]),
        "it writes .1, 4, 4, 32., where the file states .1, 4, 4, 31.",
    ),
    "options of another operator": (
        make_tflite([X, Y], [Op("SOFTMAX", [0], [1], "AddOptions")]),
        "AddOptions where SoftmaxOptions are expected",
    ),
    "an activation that is not known": (
        make_tflite(
            [X, X, Y],
            [Op("ADD", [0, 0], [2], "AddOptions", {"FusedActivationFunction": 99})],
        ),
        "fused activation 99",
    ),
    "a scale that is none": (quantized((float("nan"), 0)), "do not fit"),
    "a zero point beyond 32 bits": (quantized((1.0, 2**40)), "do not fit"),
    "a shape that is computed": (
        make_tflite(
            [T((2, 2)), T((2,), type="int32"), T((-1,)[:0])],
            _RESHAPE,
            inputs=[0, 1],
        ),
        "do not fill",
    ),
    "a setting that is huge": (
        make_tflite([T((1, 4)), T(values=np.ones(5000, np.int32)), T(())], _RESHAPE),
        "a setting of 5000 elements",
    ),
    "a setting of floats": (
        make_tflite([T((1, 4)), T(values=np.ones(2, np.float32)), T(())], _RESHAPE),
        "integers are expected",
    ),
    "a stride of 0": (
        make_tflite(
            [X, T((1, 4, 4, 32))],
            [Op("MAX_POOL_2D", [0], [1], "Pool2DOptions", {"FilterHeight": 2, "FilterWidth": 2})],
        ),
        "stride .0, 0.",
    ),
    "more parts than outputs": (
        make_tflite(
            [T((1, 2**31 - 1)), ints(1), T((1, 1))],
            [Op("SPLIT", [1, 0], [2], "SplitOptions", {"NumSplits": 2**31 - 1})],
        ),
        "2147483647 parts and has 1 outputs",
    ),
    "more elements to unpack than outputs": (
        make_tflite(
            [T((1, 2**31 - 1)), T((1,))],
            [Op("UNPACK", [0], [1], "UnpackOptions", {"Axis": 1})],
        ),
        "2147483647 parts and 1 outputs",
    ),
    "a rank that grows": (
        make_tflite(
            [T((1,) * 8), ints(0), T()],
            [Op("EXPAND_DIMS", [0, 1], [2], "ExpandDimsOptions")],
        ),
        "it writes 9 axes",
    ),
    "constants that become a large one": (
        make_tflite(
            [T((1, 1)), column, T(values=column.values.T), T((900, 900)), T((1, 900))],
            [
                Op("MUL", [1, 2], [3], "MulOptions"),
                Op("FULLY_CONNECTED", [0, 3, -1], [4], "FullyConnectedOptions"),
            ],
        ),
        "constants of 900 elements become float32.900, 900.",
    ),
    "packed bits that another operator reads": (
        make_tflite(
            [X, T((1, 4, 4, 1), type="int32", name="b"), T((1, 4, 4, 1), type="int32")],
            [Op("LceQuantize", [0], [1]), Op("ABS", [1], [2])],
        ),
        "'b' is packed bits",
    ),
    "a binary convolution of floats": (
        make_tflite(
            [X, T(values=np.zeros((8, 3, 3, 1), np.int32)), T((1, 4, 4, 8))],
            [Op("LceBconv2d", [0, 1, -1, -1, -1], [2], custom=BCONV)],
        ),
        "'x' is float32, not bits",
    ),
    "no options of a binary convolution": (binary(b""), "options are damaged"),
    "options that are no map": (binary(b"\x05\x04\x01"), "damaged"),
    "an option that is missing": (
        binary({key: value for key, value in BCONV.items() if key != "stride_width"}),
        "option stride_width is missing",
    ),
    "an option that is a text": (binary({**BCONV, "padding": "SAME"}), "option padding"),
    "an option below 0": (binary({**BCONV, "channels_in": -32}), "option channels_in"),
    "padding of 2": (binary({**BCONV, "pad_values": 2}), "pad_values 2: expected 0"),
    "a padding that is not known": (binary({**BCONV, "padding": 2}), "padding 2: expected 0"),
    "tanh of a binary convolution": (
        binary({**BCONV, "fused_activation_function": 4}),
        "only NONE, RELU",
    ),
    "channels that the filter does not have": (
        binary({**BCONV, "channels_in": 40}),
        "40 channels in",
    ),
    "a filter that does not fit": (
        binary(filter=T(values=np.zeros((8, 3, 3, 2), np.int32))),
        "filter of 2 words does not fit 32 channels",
    ),
    "a filter of floats": (
        binary(filter=T(values=np.zeros((8, 3, 3, 1), np.float32))),
        "filter is not constant int32",
    ),
    "too few multipliers": (
        binary(multiplier=T(values=np.ones(7, np.float32))),
        "multiplier float32.7. is not float32.8.",
    ),
    "a multiplier that is no number": (
        binary(multiplier=T(values=np.full(8, np.nan, np.float32))),
        "multiplier has numbers that are not finite",
    ),
    "bits without thresholds": (
        binary(y=T((1, 4, 4, 1), type="int32")),
        "without 8 int32 thresholds",
    ),
    "a result of another type": (binary(y=T((1, 4, 4, 8), type="bool")), "it writes bool"),
    "a loop": (
        make_tflite([X, Y], [Op("WHILE", [0], [1], "WhileOptions")], subgraphs=3),
        "runs another of the file's 3 subgraphs",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(read: Callable[..., Graph], fault: str) -> None:
    data, message = FAULTS[fault]
    with pytest.raises(ModelError, match=message) as caught:
        read(data)
    assert "model.tflite" in str(caught.value)


def test_of_several_subgraphs_the_first_is_read(read: Callable[..., Graph]) -> None:
    assert len(read(relu(subgraphs=3)).nodes) == 1


def test_all_operators_without_a_rule_are_listed(read: Callable[..., Graph]) -> None:
    data = make_tflite(
        [X, *(T((1, 4, 4, 32), name=name) for name in "abc")],
        [Op("FFT", [0], [1]), Op("RFFT2D", [1], [2]), Op("FFT", [2], [3])],
    )
    with pytest.raises(UnsupportedOpError) as caught:
        read(data)
    text = str(caught.value)
    assert "custom operator 'FFT', 2x: a, c" in text
    assert "RFFT2D, 1x: b" in text
    graph = read(data, allow_unknown=True)
    assert all(isinstance(node.op, ops.Unknown) for node in graph.nodes)
    assert "every total is a lower bound" in " ".join(graph.notes)


def test_a_loop_is_refused_even_if_unknown_operators_are_allowed(
    read: Callable[..., Graph],
) -> None:
    data, message = FAULTS["a loop"]
    with pytest.raises(UnsupportedOpError, match=message):
        read(data, allow_unknown=True)


WRONG_SHAPES = {
    "an input that is none": ({"z": (1, 4, 4, 32)}, None, "no input 'z'.*valid choices: x"),
    "too few dimensions": ({"x": (1, 4, 32)}, None, "has 4 dimensions"),
    "a size of 0": ({"x": (1, 0, 4, 32)}, None, "sizes are at least 1"),
    "a batch of 0": ({}, 0, "sizes are at least 1"),
    "two batches": ({"x": (2, 4, 4, 32)}, 3, "batch 3 does not fit"),
}


@pytest.mark.parametrize("case", WRONG_SHAPES)
def test_input_shapes_that_do_not_fit(read: Callable[..., Graph], case: str) -> None:
    shapes, batch, message = WRONG_SHAPES[case]
    with pytest.raises(UsageError, match=message):
        read(relu(), input_shapes=shapes, batch=batch)


def test_other_input_shapes_are_taken(read: Callable[..., Graph]) -> None:
    graph = read(relu(), input_shapes={"x": (2, 9, 9, 32)})
    assert graph.tensors[graph.outputs[0]].shape == (2, 9, 9, 32)


def test_a_batch_that_the_file_mixes_with_other_axes(read: Callable[..., Graph]) -> None:
    order = T(values=np.array([1, 0, 2, 3], np.int32))
    data = make_tflite([X, order, T((4, 1, 4, 32))], [Op("TRANSPOSE", [0, 1], [2])])
    assert read(data).outputs
    with pytest.raises(ShapeError, match="it mixes the batch, 1 in the file and 2 here"):
        read(data, batch=2)


@pytest.mark.parametrize("kind", ["directory", "absent"])
def test_no_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path if kind == "directory" else tmp_path / "absent.tflite"
    with pytest.raises(ModelError, match=r"not a regular file|no such file"):
        read_graph(path)
    with pytest.raises(ModelError, match=r"not a regular file|no such file"):
        stated_inputs(path)


def test_a_file_that_changes_is_noticed(tmp_path: Path, data: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes((data / "tflite" / "bn_out.tflite").read_bytes())
    graph = read_graph(path)
    (load,) = (item.load for name, item in graph.parameters.items() if name.endswith(".weight"))
    assert load is not None
    assert load().shape == (24, 40, 3, 3)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelError, match="was changed after it was read"):
        load()
    path.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        load()


def test_a_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    monkeypatch.setattr(package, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"xnorsim\[tflite\]"):
        read_graph(data / "tflite" / "bn_out.tflite")


def test_nothing_else_is_imported_to_tell_the_format() -> None:
    code = (
        "import sys; from xnorsim.importers.tflite import is_tflite; is_tflite('absent'); "
        "sys.exit('tflite' in sys.modules or 'flatbuffers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
