"""What a TensorFlow Lite file computes from constants alone, and where its constants lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.importers.tflite_files import Op, T, ints, make_tflite, run
from xnorsim.errors import ModelError
from xnorsim.importers.tflite import read_graph
from xnorsim.network import ops

SEED = np.random.default_rng(11)
A = SEED.normal(0, 2, (2, 3, 4, 5)).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.tflite"


def test_shapes_that_are_computed_from_a_shape(path: Path) -> None:
    """What a converter writes for reshape(x, [batch, -1])."""
    tensors = [
        *(T(A.shape), T((4,), type="int32"), ints(0), ints(1), ints(1)),
        *(T((), type="int32"), T(values=np.int32(-1)), T((2,), type="int32"), T((2, 60))),
    ]
    operators = [
        Op("SHAPE", [0], [1]),
        Op("STRIDED_SLICE", [1, 2, 3, 4], [5], "StridedSliceOptions", {"ShrinkAxisMask": 1}),
        Op("PACK", [5, 6], [7], "PackOptions"),
        Op("RESHAPE", [0, 7], [8]),
    ]
    data = make_tflite(tensors, operators)
    assert_array_equal(run(path, data, A)[0], A.reshape(2, 60))
    assert len(read_graph(path).nodes) == 1
    assert read_graph(path, batch=6).tensors["tensor_8"].shape == (6, 60)


def test_weights_that_are_binarized_as_the_network_runs(path: Path) -> None:
    """What converters leave of large weights of +-mean|w|: nothing of it is work."""
    latent = SEED.normal(0, 1, (3, 3, 5, 4)).astype(np.float32)
    tensors = [
        *(T(A.shape), T(values=latent), *(T(latent.shape) for _ in range(2))),
        *(ints(0, 1, 2), T((1, 1, 1, 4)), T((3, 3, 5, 1), type="int32"), T(latent.shape)),
        *(T(latent.shape), ints(3, 0, 1, 2), T((4, 3, 3, 5)), T((2, 1, 2, 4))),
    ]
    operators = [
        Op("RELU_N1_TO_1", [1], [2]),
        Op("ABS", [2], [3]),
        Op("MEAN", [3, 4], [5], "ReducerOptions", {"KeepDims": True}),
        Op("LceQuantize", [2], [6]),
        Op("LceDequantize", [6], [7]),
        Op("MUL", [5, 7], [8], "MulOptions"),
        Op("TRANSPOSE", [8, 9], [10]),
        Op(
            "CONV_2D",
            [0, 10, -1],
            [11],
            "Conv2DOptions",
            {"StrideH": 1, "StrideW": 1, "Padding": 1},
        ),
    ]
    (found,) = run(path, make_tflite(tensors, operators), A)
    clipped = np.clip(latent, -1, 1)
    weight = np.sign(clipped) * np.abs(clipped).mean((0, 1, 2))
    windows = np.lib.stride_tricks.sliding_window_view(A, (3, 3), (1, 2))
    assert_allclose(found, np.einsum("nhwcij,ijco->nhwo", windows, weight), rtol=1e-4, atol=1e-4)
    graph = read_graph(path)
    assert [ops.kind(node.op) for node in graph.nodes] == ["transpose", "conv", "transpose"]
    (sentence,) = graph.recognized.values()
    assert sentence.startswith("weights +-alpha per channel")
    assert sentence.endswith(": bwn")


def test_integer_weights_behind_a_dequantize(path: Path) -> None:
    codes = np.arange(-10, 10, dtype=np.int8).reshape(4, 5)
    tensors = [
        *(T((1, 5)), T(values=codes, quantized=(0.5, -2)), T((4, 5)), T((1, 4))),
    ]
    operators = [
        Op("DEQUANTIZE", [1], [2]),
        Op("FULLY_CONNECTED", [0, 2, -1], [3], "FullyConnectedOptions"),
    ]
    x = np.array([[1, 2, 3, 4, 5]], np.float32)
    (found,) = run(path, make_tflite(tensors, operators), x)
    assert_array_equal(found, x @ ((codes + np.float32(2)) * np.float32(0.5)).T)


def test_values_behind_the_flatbuffer(path: Path) -> None:
    """Files beyond 2 GB keep their values at the end, by offset and size."""
    values = np.arange(20, dtype=np.float32).reshape(4, 5)
    dense = Op("FULLY_CONNECTED", [0, 1, -1], [2], "FullyConnectedOptions")
    marks = (0x0123456789ABCDEF, 0x0123456789ABCDEE)  # found again, and replaced
    tensors = [T((1, 5)), T((4, 5), outside=marks), T((1, 4))]
    head = make_tflite(tensors, [dense])
    end = len(head)
    data = head
    for mark, number in zip(marks, (end, values.nbytes), strict=True):
        assert data.count(mark.to_bytes(8, "little")) == 1
        data = data.replace(mark.to_bytes(8, "little"), number.to_bytes(8, "little"))
    x = np.ones((1, 5), np.float32)
    assert_array_equal(run(path, data + values.tobytes(), x)[0], x @ values.T)
    with pytest.raises(ModelError, match=f"80 bytes at offset {end}"):
        run(path, data + values.tobytes()[:-1], x)


def test_constants_that_are_computed_over_and_over_are_refused(path: Path) -> None:
    """Each product doubles what has to be computed: 40 of them are 2**40."""
    names = range(1, 41)
    tensors = [T((1, 5)), T(values=np.ones((4, 5), np.float32))]
    tensors += [*(T((4, 5)) for _ in names), T((1, 4))]
    operators = [Op("MUL", [at, at], [at + 1], "MulOptions") for at in names]
    operators.append(Op("FULLY_CONNECTED", [0, 41, -1], [42], "FullyConnectedOptions"))
    with pytest.raises(ModelError, match="its constants are computed over 127 times"):
        run(path, make_tflite(tensors, operators), np.ones((1, 5), np.float32))


def test_chains_of_constants_are_refused_before_the_stack_ends(path: Path) -> None:
    names = range(1, 2001)
    tensors = [T((1, 5)), T(values=np.ones((1, 5), np.float32))]
    tensors += [*(T((1, 5)) for _ in names), T((1, 5))]
    operators = [Op("ABS", [at], [at + 1]) for at in names]
    operators.append(Op("ADD", [0, 2001], [2002], "AddOptions"))
    with pytest.raises(ModelError, match="its constants are computed over 65 times"):
        run(path, make_tflite(tensors, operators), np.ones((1, 5), np.float32))


def test_a_kept_constant_is_not_written_to(path: Path) -> None:
    """What is computed of an array takes its place, unless others read it: x + |c| + c = x."""
    tensors = [T((1, 5)), T(values=np.full(5, -2, np.float32)), ints(1, 5)]
    tensors += [T((1, 5)) for _ in range(4)]
    operators = [
        Op("RESHAPE", [1, 2], [3]),  # evaluated while the file is read, and kept
        Op("ABS", [3], [4]),
        Op("ADD", [0, 4], [5], "AddOptions"),
        Op("ADD", [5, 3], [6], "AddOptions"),
    ]
    x = np.arange(5, dtype=np.float32)[None]
    (found,) = run(path, make_tflite(tensors, operators), x)
    assert_array_equal(found, x)


def test_weights_that_are_no_numbers_have_no_sign(path: Path) -> None:
    weight = np.ones((4, 5), np.float32)
    weight[1, 2] = np.nan
    tensors = [T((1, 5)), T(values=weight), T((4, 1), type="int32"), T((4, 5)), T((1, 4))]
    operators = [
        Op("LceQuantize", [1], [2]),
        Op("LceDequantize", [2], [3]),
        Op("FULLY_CONNECTED", [0, 3, -1], [4], "FullyConnectedOptions"),
    ]
    with pytest.raises(ModelError, match=r"'tensor_1': 1 of its 20 values are NaN or infinite"):
        run(path, make_tflite(tensors, operators), np.ones((1, 5), np.float32))


def test_settings_that_grow_are_refused(path: Path) -> None:
    tensors = [T((1, 5)), ints(*range(4000)), T((2000 * 4000,), type="int32"), T((1, 5))]
    operators = [
        Op("CONCATENATION", [1] * 2000, [2], "ConcatenationOptions"),
        Op("RESHAPE", [0, 2], [3]),
    ]
    with pytest.raises(ModelError, match="its 2000 constants are no settings"):
        run(path, make_tflite(tensors, operators), np.ones((1, 5), np.float32))


def test_constants_that_no_rule_evaluates(path: Path) -> None:
    tensors = [T((1, 5)), ints(1, 2), T((2,), type="int32"), T((1, 5))]
    operators = [Op("ABS", [1], [2]), Op("ADD", [0, 0], [3], "AddOptions")]
    with pytest.raises(ModelError, match="ABS 'tensor_2': all of its inputs are constant"):
        run(path, make_tflite(tensors, operators), np.ones((1, 5), np.float32))
