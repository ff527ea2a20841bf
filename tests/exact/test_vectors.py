"""Golden vectors: the files say what a plain integer convolution says, and read back the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.exact.assembly import Assembly
from tests.exact.integer_sums import convolved
from tests.exact.vector_layers import LAYERS, PLAIN, example, layer
from xnorsim.errors import InputError, UsageError
from xnorsim.exact.execute import execute, prepare
from xnorsim.exact.vectors import read_vectors, vectors, write_vectors
from xnorsim.network import ops
from xnorsim.network.bits import pack
from xnorsim.network.functions import Function
from xnorsim.network.graph import Graph
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.network.precision import BIPOLAR, Scaling
from xnorsim.zoo.builder import Builder

Array = np.ndarray


def plain_integers(op: ops.Conv | ops.Dense, x: Array, weight: Array) -> Array:
    """The layer's sums in int64, with filters along axis 1."""
    x, weight = x.astype(np.int64), weight.astype(np.int64)
    if isinstance(op, ops.Dense):
        return x @ (weight.T if op.transpose_weight else weight)
    return convolved(x, weight, op, op.pad_value)


def by_hand(folder: Path, item: Mapping[str, Any]) -> list[int]:
    """The unsigned numbers in a hex file, by Python's own reading."""
    comment, *lines = (folder / item["hex"]).read_text().splitlines()
    assert comment.startswith("// ")
    assert {len(line) for line in lines} == {item["hex_digits"]}
    return [int(line, 16) for line in lines]


def element(item: Mapping[str, Any], numbers: list[int], *at: int) -> int:
    """The number at a coordinate, by the address map."""
    return numbers[sum(i * step for i, step in zip(at, item["strides"], strict=True))]


@pytest.mark.parametrize("decided", [True, False], ids=["bits", "floats"])
@pytest.mark.parametrize("word_bits", [8, 32, 64])
@pytest.mark.parametrize("name", LAYERS)
def test_files_hold_the_layer(tmp_path, name, word_bits, decided):
    graph, inputs = layer(name, Scaling.ALPHA, decided=decided, bias=True)
    folder = write_vectors(graph, "b", inputs, tmp_path / "out", word_bits, "packed")
    found = read_vectors(folder)
    told = found.description
    made = vectors(graph, "b", inputs, word_bits)
    assert set(found.arrays) == set(made.arrays)
    for key, array in found.arrays.items():
        item = told["tensors"][key]
        saved = np.load(folder / item["npy"])
        assert saved.dtype == array.dtype == made.arrays[key].dtype
        assert_array_equal(array, saved)
        assert_array_equal(array, made.arrays[key])
        numbers = by_hand(folder, item)
        assert numbers == array.view(f"u{array.dtype.itemsize}").reshape(-1).tolist()
        assert (item["first_address"], item["last_address"]) == (0, array.size - 1)
        for at in list(np.ndindex(array.shape))[:: max(array.size // 7, 1)]:
            assert element(item, numbers, *at) == int(array.view(f"u{array.dtype.itemsize}")[at])
    assert {path.name for path in folder.iterdir()} == {"vectors.json"} | {
        item[kind] for item in told["tensors"].values() for kind in ("npy", "hex")
    }


@pytest.mark.parametrize("name", LAYERS)
def test_the_integers_are_those_of_a_plain_convolution(name):
    graph, inputs = layer(name)
    load = graph.parameters["b.weight"].load
    assert load is not None
    op, _ = LAYERS[name]
    expected = np.moveaxis(plain_integers(op, inputs["x"], load()), 1, -1)
    found = vectors(graph, "b", inputs)
    assert_array_equal(found.arrays["accumulator"], expected)
    told = found.description
    assert np.abs(expected).max() <= told["k"] < 2 ** (told["accumulator_bits"] - 1)
    assert told["out_channels"] == expected.shape[-1]
    assert tuple(told["output_size"]) == expected.shape[1:-1]


@pytest.mark.parametrize("word_bits", [8, 64])
@pytest.mark.parametrize("name", LAYERS)
def test_hardware_that_reads_only_the_files_gets_the_expected_bits(tmp_path, name, word_bits):
    """XNOR and popcount in Python's integers, one output at a time, from hex and JSON alone."""
    graph, inputs = layer(name, Scaling.ALPHA)
    folder = write_vectors(graph, "b", inputs, tmp_path / "out", word_bits)
    dense = dict.fromkeys(("kernel", "stride", "dilation", "padding", "pad_value"), ())
    told = dense | json.loads((folder / "vectors.json").read_text())
    items = told["tensors"]
    memory = {key: by_hand(folder, item) for key, item in items.items()}

    def number(key: str, *at: int) -> int:
        value, bits = element(items[key], memory[key], *at), items[key]["bits"]
        return value - (value >> (bits - 1) << bits) if items[key]["form"] != "words" else value

    group_channels = told["in_channels"] // told["groups"]
    per_group = told["words"]["per_group"]
    valid = [min(word_bits, group_channels - word * word_bits) for word in range(per_group)]
    random = np.random.default_rng(0)
    shape = (told["batch"], *told["output_size"], told["out_channels"])
    for _ in range(40):
        batch, *position, f = (int(random.integers(n)) for n in shape)
        group = f // (told["out_channels"] // told["groups"])
        dot = 0
        for tap in product(*map(range, told["kernel"])):
            where = [
                p * s + t * d - before
                for p, s, t, d, (before, _) in zip(
                    position, told["stride"], tap, told["dilation"], told["padding"], strict=True
                )
            ]
            inside = all(0 <= w < n for w, n in zip(where, told["input_size"], strict=True))
            if not inside and told["pad_value"] == 0:
                continue
            for word in range(per_group):
                ones = 2 ** valid[word] - 1
                padding = ones if told["pad_value"] == 1 else 0
                a = number("input", batch, *where, group * per_group + word) if inside else padding
                dot += valid[word] - 2 * (a ^ number("weight", f, *tap, word)).bit_count()
        assert dot == number("accumulator", batch, *position, f)
        bit = number("direction", f) * dot >= number("least", f)
        packed = number("output", batch, *position, f // word_bits)
        assert bit == packed >> (f % word_bits) & 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("plain", "a sum of k products of +-1"),
        ("padded with true 0", "a sum of k products of +-1, of fewer where a window reaches the"),
        ("padded with +1", "a sum of k products of +-1"),
        ("dense", "a sum of k products of +-1"),
    ],
)
def test_k_is_told_to_be_less_at_borders_of_true_0(name, words):
    graph, inputs = layer(name)
    ones = {"x": np.ones_like(inputs["x"])}
    load = graph.parameters["b.weight"].load
    assert load is not None
    made = np.ones_like(load())
    weight = replace(graph.parameters["b.weight"], load=lambda: made)
    graph = replace(graph, parameters={**graph.parameters, "b.weight": weight})
    found = vectors(graph, "b", ones)
    assert found.description["tensors"]["accumulator"]["what"].startswith(words)
    least, k = found.arrays["accumulator"].min(), found.description["k"]
    assert (least < k) == ("fewer" in found.description["tensors"]["accumulator"]["what"])


@pytest.mark.parametrize("scaling", Scaling)
def test_scales_lead_from_the_integers_to_the_floats(scaling):
    b = Builder("net", (2, 12, 6, 6))
    graph = apply(
        b.graph(b.relu(b.conv(b.input, 8, 3, padding=1, groups=2, name="b"))),
        Policy(Binarize.XNOR, (), scaling),
    )
    inputs = {"input": np.random.default_rng(1).standard_normal((2, 12, 6, 6), np.float32)}
    arrays = vectors(graph, "b", inputs).arrays
    floats = arrays["accumulator"].astype(np.float32)
    if scaling is not Scaling.NONE:
        floats = floats * arrays["alpha"]
    if scaling is Scaling.ALPHA_K:
        floats = floats * np.repeat(arrays["K"], 4, axis=-1)  # each group has 4 filters
        A = np.abs(inputs["input"]).reshape(2, 2, 6, 6, 6).mean(axis=2)  # of 2 groups of 6
        assert_array_equal(arrays["K"].shape, (2, 6, 6, 2))
        middle = A[:, :, 1:4, 2:5].mean(axis=(2, 3))
        np.testing.assert_allclose(arrays["K"][:, 2, 3], middle, rtol=1e-6)
    floats = floats + arrays["bias"]
    assert_array_equal(arrays["output"], floats)
    run = execute(prepare(graph), inputs, keep=["b"])
    assert_array_equal(arrays["output"], np.moveaxis(run.kept["b"], 1, -1))
    assert ("alpha" in arrays, "K" in arrays) == (
        scaling is not Scaling.NONE,
        scaling is Scaling.ALPHA_K,
    )


@pytest.mark.parametrize("end", [ops.Sign(), ops.Activation(Function.SIGNUM)])
def test_bits_before_a_max_pool_are_expected(end):
    """Thresholds stand for the layers before the pool; what it makes of bits is told."""
    b = Builder("net", (2, 12, 6, 6))
    x = b.batch_norm(b.conv(b.input, 8, 3, name="b"))
    graph = b.graph(b.layer(end, b.max_pool(x, 2, name="pool"), name="s"))
    graph = apply(graph, Policy(Binarize.XNOR, ()))
    image = np.random.default_rng(1).standard_normal((2, 12, 6, 6), np.float32)
    found = vectors(graph, "b", {"input": image}, 8)
    assert found.arrays["output"].shape == (2, 4, 4, 1)
    ored = np.bitwise_or.reduce(
        found.arrays["output"].reshape(2, 2, 2, 2, 2, 1).swapaxes(2, 3), (3, 4)
    )
    run = execute(prepare(graph), {"input": image}).outputs["s"]
    assert_array_equal(ored, pack(np.moveaxis(np.where(run >= 0, 1, -1), 1, -1), word_bits=8))
    told = found.description["thresholds"]
    assert "'s'; output is before the max pool 'pool', which is an OR of its bits" in told
    assert ("where that is 0 the bit is 1" in told) == isinstance(end, ops.Activation)


def test_why_there_are_no_thresholds_is_told():
    told = vectors(*example("plain", decided=False)).description["thresholds"]
    assert told == "no thresholds: 'b' is an output of the network before any sign"


def test_vectors_that_test_all_have_no_more_to_note():
    found = vectors(*example("strided", decided=False)).description["notes"]
    assert found == ["no thresholds: 'b' is an output of the network before any sign"]


def test_float32_is_written_as_ieee_754(tmp_path):
    graph, inputs = layer("plain", Scaling.ALPHA, decided=False)
    values = np.array([1, -2, 0.1, 0, np.float32(2**-149), -0.0], np.float32)
    alpha = replace(graph.parameters["b.alpha"], load=lambda: values)
    graph = replace(graph, parameters={**graph.parameters, "b.alpha": alpha})
    folder = write_vectors(graph, "b", inputs, tmp_path / "out")
    comment, *numbers = (folder / "alpha.hex").read_text().splitlines()
    assert comment == "// alpha: float32, IEEE 754, 32 bits; filter 6"
    assert read_vectors(folder).description["tensors"]["alpha"]["form"] == "float32, IEEE 754"
    assert numbers == [
        "3f800000",
        "c0000000",
        "3dcccccd",
        "00000000",
        "00000001",
        "80000000",
    ]


def test_the_worked_example_of_the_document(tmp_path, project):
    """docs/bits.md shows these files: a 1x1 convolution of ten channels in words of 8 bits."""
    image = np.array([1, -1, 1, 1, -1, -1, -1, -1, 1, -1], np.int8).reshape(1, 10, 1, 1)
    weight = np.array([1, 1, 1, -1, -1, -1, -1, 1, 1, 1], np.int8).reshape(1, 10, 1, 1)
    graph, inputs = one_filter(image, weight)
    folder = write_vectors(graph, "b", inputs, tmp_path / "out", 8)
    text = (project / "docs" / "bits.md").read_text()
    for name in ("input", "weight", "accumulator"):
        content = (folder / f"{name}.hex").read_text()
        assert f"```text\n{content}```" in text, content
    assert read_vectors(folder).arrays["accumulator"].item() == (image * weight).sum() == 2


def one_filter(image: Array, weight: Array) -> tuple[Graph, dict[str, Array]]:
    made = Assembly("one", "x", image.shape, BIPOLAR)
    op = replace(PLAIN, out_channels=1, kernel=(1, 1))
    made.layer("b", op, "x", parameters={"weight": weight})
    return made.graph("b"), {"x": image}


def test_weights_other_than_signs_are_refused():
    weight = np.array([1, 1, 0, -1], np.int8).reshape(1, 4, 1, 1)
    graph, inputs = one_filter(np.ones((1, 4, 1, 1), np.int8), weight)
    with pytest.raises(InputError, match=r"weight of 'b'.*not 0 at \[0, 0, 0, 2\]"):
        vectors(graph, "b", inputs)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("conv", r"layer 'conv' is not in the network; binary layers: valid choices: b$"),
        ("bn", r"layer 'bn' is a batch_norm, not a binary convolution or dense layer.*choices: b$"),
    ],
)
def test_other_layers_are_refused(tmp_path, name, message):
    graph, inputs = layer("plain")
    with pytest.raises(UsageError, match=message):
        write_vectors(graph, name, inputs, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_arguments_are_checked_before_anything_is_written(tmp_path):
    graph, inputs = layer("plain")
    with pytest.raises(UsageError, match="no words of 12 bits"):
        write_vectors(graph, "b", inputs, tmp_path / "out", 12)
    with pytest.raises(UsageError, match="no engine 'gpu'"):
        write_vectors(graph, "b", inputs, tmp_path / "out", engine="gpu")
    with pytest.raises(UsageError, match="must be int8"):
        write_vectors(graph, "b", {"x": np.ones(3)}, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
