"""Running networks from Python: inputs, weights, and what makes no sense."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import xnorsim as xs
from xnorsim.analysis.arrays import ArrayFiles, read_arrays
from xnorsim.analysis.inputs import as_inputs, drawn, load_for_inputs
from xnorsim.errors import InputError, ModelError, ShapeError, UsageError
from xnorsim.network.graph import Graph
from xnorsim.network.precision import ENCODINGS
from xnorsim.show.output import write_arrays
from xnorsim.zoo.builder import Builder


def network(batch: int = 2) -> Graph:
    b = Builder("net", input=(batch, 3, 6, 6))
    x = b.batch_norm(b.conv(b.input, 8, 3, padding=1, name="first"), name="norm")
    x = b.conv(x, 8, 3, padding=1, name="middle")
    return b.graph(b.dense(b.flatten(b.global_average_pool(x)), 5, name="last"), source="test")


def image(shape: tuple[int, ...] = (2, 3, 6, 6), kind: type = np.float32) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(kind)


@pytest.fixture(scope="module")
def dynamic(tmp_path_factory) -> Path:
    """An ONNX file of two inputs whose batch is open: y = a + relu(b)."""
    from onnx import TensorProto, helper, save

    sizes = ["N", 3]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, sizes) for n in ("a", "b", "y")]
    nodes = [
        helper.make_node("Relu", ["b"], ["r"], name="relu"),
        helper.make_node("Add", ["a", "r"], ["y"], name="add"),
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "two", ends[:2], ends[2:]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    path = tmp_path_factory.mktemp("models") / "two.onnx"
    save(model, path)
    return path


def test_outputs_and_kept_tensors():
    run = xs.run(network(), image(), keep=["norm", "mid*"])
    assert list(run.outputs) == ["last"]
    assert list(run.kept) == ["norm", "middle"]
    assert run.kept["norm"].shape == (2, 8, 6, 6)
    assert list(xs.run(network(), image(), keep="norm").kept) == ["norm"]


def test_inputs_are_an_array_or_by_name_or_in_a_file(tmp_path):
    expected = xs.run(network(), image()).outputs["last"]
    np.save(tmp_path / "x.npy", image())
    np.savez(tmp_path / "x.npz", input=image())
    for given in ({"input": image()}, tmp_path / "x.npy", str(tmp_path / "x.npz")):
        np.testing.assert_array_equal(xs.run(network(), given).outputs["last"], expected)


def test_drawn_inputs_and_weights_depend_on_the_seed_and_it_is_said():
    first, again, other = (xs.run(network(), seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.outputs["last"], again.outputs["last"])
    assert (first.outputs["last"] != other.outputs["last"]).all()
    assert "inputs are drawn from seed 1" in first.notes
    drawn = xs.run("alexnet", seed=3, weights="seed")
    assert any("are drawn from seed 3" in note for note in drawn.notes)
    assert any("zoo's weights are drawn" in note for note in xs.run("alexnet").notes)


def test_arrays_set_the_shapes_of_a_file(dynamic):
    a, b = image((5, 3)), image((5, 3)) - 1
    found = xs.run(dynamic, {"a": a, "b": b})
    np.testing.assert_array_equal(found.outputs["y"], a + np.maximum(b, 0))
    with pytest.raises(ShapeError, match=r"must be set, for example: --input-shape a=1,3"):
        xs.run(dynamic)
    assert xs.run(dynamic, batch=4).outputs["y"].shape == (4, 3)
    assert xs.run("alexnet", image((2, 3, 224, 224))).outputs["softmax1"].shape == (2, 1000)


def test_a_policy_binarizes_what_is_run():
    graph = network()
    runs = {
        how: xs.run(graph, image(), binarize=how, keep="middle").kept["middle"]
        for how in ("none", "bwn", "xnor")
    }
    kept = xs.run(graph, image(), binarize="xnor", high_precision="mid*", keep="middle")
    assert len({value.tobytes() for value in runs.values()}) == 3
    weight = graph.parameters["middle.weight"].load
    assert weight is not None
    alpha = np.abs(weight()).mean(axis=(1, 2, 3), dtype=np.float64)
    bias = graph.parameters["middle.bias"].load
    assert bias is not None
    sums = (runs["xnor"] - bias()[:, None, None]) / alpha[:, None, None]
    np.testing.assert_allclose(sums, np.round(sums), atol=1e-4)  # alpha times whole numbers
    assert not np.array_equal(kept.kept["middle"], runs["xnor"])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (image((2, 3, 6)), r"input 'input' must be float32\[2, 3, 6, 6\], not float32\[2, 3, 6\]"),
        (
            image(kind=np.float64),
            r"must be float32\[2, 3, 6, 6\], not float64\[2, 3, 6, 6\]: convert it with "
            r'\.astype\("float32"\)$',
        ),
        (np.zeros((2, 3, 6, 6), np.uint8), r'not uint8.*: convert it with \.astype\("float32"\)$'),
        (np.zeros((2, 3, 6, 6), bool), r"not bool\[2, 3, 6, 6\]$"),
        ({"inptu": image()}, r"no input 'inptu': did you mean input\?(.|\n)*'input' is not given"),
        ({}, "input 'input' is not given"),
        ({"input": [1, 2]}, "input 'input' must be an array, not list"),
        ([[1.0]], "input 'input' must be an array, not list"),
    ],
)
def test_wrong_inputs_are_named(inputs, message):
    with pytest.raises(UsageError, match=message):
        xs.run(network(), inputs)


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        (image((5, 3)), UsageError, "one array is given for 2 inputs: .* a, b"),
        ({"a": image((5, 3))}, UsageError, "input 'b' is not given"),
        ({"a": image((5, 3)), "b": image((4, 3))}, UsageError, "'N' is 5 in one input and 4"),
        ({"a": image((0, 3)), "b": image((0, 3))}, UsageError, r"'a' has no elements: .*\[0, 3\]"),
        ({"a": np.array(["x"]), "b": image((5, 3))}, UsageError, "'a' must hold numbers, not <U1"),
        ({"a": np.array([{}]), "b": image((5, 3))}, UsageError, "must hold numbers, not object"),
        (
            {"a": image((5, 3, 1)), "b": image((5, 3))},
            ShapeError,
            r"\['N', 3\] in the file and \[5, 3, 1\] as",
        ),
        ({"a": image((5, 2)), "b": image((5, 4))}, InputError, r"\[5, 4\] as given"),
    ],
)
def test_wrong_inputs_of_a_file_are_named(dynamic, inputs, error, message):
    with pytest.raises(error, match=message):
        xs.run(dynamic, inputs)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"engine": "blass"}, UsageError, "did you mean blas"),
        ({"weights": "random"}, UsageError, "valid choices: auto, file, seed"),
        ({"keep": ["mdle"]}, UsageError, "did you mean middle"),
        ({"binarize": "xnor", "high_precision": "mdle"}, UsageError, "did you mean middle"),
        ({"max_memory": "2 kB"}, ModelError, r"more than the 1\.95 KiB allowed"),
        ({"max_memory": 1000}, ModelError, "more than the 1000 B allowed"),
        ({"max_memory": "2000 bytes"}, ModelError, r"more than the 1\.95 KiB allowed"),
        ({"max_memory": "2 GHz"}, UsageError, "max_memory must be an amount .* not '2 GHz'"),
        ({"max_memory": "lots"}, UsageError, "max_memory must be an amount .* not 'lots'"),
        ({"max_memory": "0 GB"}, UsageError, "max_memory must be an amount .* above 0"),
        ({"max_memory": [1]}, UsageError, r"max_memory must be .*, not \[1\]"),
        ({"max_memory": float("nan")}, UsageError, "max_memory must be .*, not nan"),
        ({"max_memory": -1}, UsageError, "max_memory must be .*, not -1"),
        ({"keep": 3}, UsageError, "keep must be a name or a list of names, not 3"),
        ({"keep": None}, UsageError, "keep must be a name or a list of names, not None"),
        ({"binarize": None}, UsageError, "binarize None: valid choices: bwn, none, xnor"),
        ({"weights": None}, UsageError, "weights None: valid choices: auto, file, seed"),
        ({"high_precision": 3}, UsageError, "high_precision must be a name or a list"),
        ({"depthwise": "yes"}, UsageError, "depthwise must be True or False, not 'yes'"),
        ({"engine": 3}, UsageError, "engine 3: valid choices: blas, native, packed"),
        ({"engine": None}, UsageError, "engine None: valid choices: blas, native, packed"),
        ({"seed": "a"}, UsageError, "seed must be a whole number, not 'a'"),
        ({"seed": 1.5, "engine": 3}, UsageError, r"engine 3(.|\n)*seed must be .* not 1.5"),
        ({"batch": True}, UsageError, "batch must be a whole number of at least 1, not True"),
        ({"inputs": image(), "batch": 2}, UsageError, "batch 2 is for drawn inputs"),
        ({"inputs": image(), "input_shape": {"input": (2,)}}, UsageError, "inputs of a file"),
        ({"border": "mirror"}, UsageError, "valid choices: valid, zero"),
        ({"pad_value": 2}, UsageError, "pad_value must be one of 0, 1, -1, not 2"),
        ({"bnarize": "xnor"}, UsageError, "no option 'bnarize': did you mean binarize"),
    ],
)
def test_what_makes_no_sense_is_named_with_the_choices(options, error, message):
    with pytest.raises(error, match=message):
        xs.run(network(), **options)


def test_weights_of_the_file_alone(data):
    """A file that states weights without values cannot be run on them alone."""
    graph = network()
    bare = {n: type(p)(p.spec, p.stored) for n, p in graph.parameters.items()}
    empty = Graph("bare", graph.nodes, graph.tensors, bare, graph.inputs, graph.outputs)
    with pytest.raises(ModelError, match=r"without values: 'first\.weight'"):
        xs.run(empty, image(), weights="file")
    assert any("drawn from seed 0" in note for note in xs.run(empty, image()).notes)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("int8", -128, 127),
        ("uint8", 0, 255),
        ("uint4", 0, 15),
        ("int64", 0, 1),
        ("bool", 0, 1),
        ("bipolar", -1, 1),
        ("float16", -6, 6),
    ],
)
def test_drawn_inputs_lie_in_their_range(name, low, high):
    from xnorsim.analysis.inputs import _drawn
    from xnorsim.exact.encodings import dtype_of
    from xnorsim.network.graph import TensorSpec

    spec = TensorSpec((4000,), ENCODINGS[name])
    found = _drawn("net", "x", spec, 0)
    assert (found.shape, found.dtype) == (spec.shape, dtype_of(spec.encoding))
    values = found.astype(np.float64)
    assert low <= values.min() < values.max() <= high
    assert values.std() > 0.07 * (high - low)
    assert name != "bipolar" or set(values) == {-1, 1}


# --- files ---------------------------------------------------------------------------------------


def damaged(tmp_path: Path, what: str) -> Path:
    """A file that is not what its name says."""
    path = tmp_path / f"{what}.npz"
    buffer = io.BytesIO()
    np.save(buffer, image())
    objects = io.BytesIO()
    np.save(objects, np.array([{}], dtype=object))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (2**40,)}
    )
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("x.npy", buffer.getvalue())
    member = {"no array": b"hello", "an object inside": objects.getvalue(), "huge": b""}
    content = {
        "empty": b"",
        "text": b"hello",
        "truncated array": buffer.getvalue()[:-4],
        "an object": objects.getvalue(),
        "a promise": header.getvalue() + b"1234",
        "truncated zip": zipped.getvalue()[:-40],
        "zip in name only": b"PK\x03\x04" + b"junk" * 20,
        "changed zip": zipped.getvalue().replace(buffer.getvalue()[-8:], b"12345678"),
    }.get(what)
    if content is not None:
        path.write_bytes(content)
        return path
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy" if what != "no array" else "x.txt", member[what])
    return path


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("empty", "neither an .npy nor an .npz file"),
        ("text", "neither an .npy nor an .npz file"),
        ("truncated array", "damaged: expected 864 bytes of float32, and has 860"),
        ("an object", r"an object.npz' holds Python objects"),
        ("a promise", "damaged: expected 4398046511104 bytes of float32, and has 4"),
        ("truncated zip", "cannot read"),
        ("zip in name only", "cannot read"),
        ("changed zip", "cannot read .*CRC"),
        ("no array", "array 'x.txt' is no array"),
        ("an object inside", "array 'x' holds Python objects"),
        ("huge", "array 'x' is no array"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_one_clear_error(tmp_path, what, message):
    with pytest.raises(InputError, match=message) as error:
        read_arrays(damaged(tmp_path, what))
    assert len(str(error.value).splitlines()) == 1


def test_other_files(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_arrays(tmp_path / "missing.npy")
    with pytest.raises(InputError, match="Is a directory"):
        read_arrays(tmp_path)
    with pytest.raises(InputError, match="the name of a file of arrays is empty"):
        read_arrays("")
    np.save(tmp_path / "words.npy", np.array(["a"]))
    with pytest.raises(InputError, match="holds <U1, not numbers"):
        read_arrays(tmp_path / "words.npy")


def test_byte_order_is_no_type(tmp_path):
    np.save(tmp_path / "x.npy", image().astype(">f4"))
    found = read_arrays(tmp_path / "x.npy")
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, image())


def test_tensors_come_back_from_a_file(tmp_path):
    """Under any name that a tensor may have; narrow floats as plain bytes until they are used."""
    arrays = {"/a/b": image(), "file": np.int64(3), "c.npy": np.zeros((0, 2)), "": image()}
    write_arrays(tmp_path / "x.npz", arrays)
    write_arrays(tmp_path / "y.npz", arrays)
    assert (tmp_path / "x.npz").read_bytes() == (tmp_path / "y.npz").read_bytes()
    found = read_arrays(tmp_path / "x.npz")
    assert isinstance(found, dict)
    assert list(found) == list(arrays)
    for name, value in arrays.items():
        np.testing.assert_array_equal(found[name], value)
    narrow = image().astype(ml_dtypes.bfloat16)
    write_arrays(tmp_path / "z.npz", {"input": narrow})
    b = Builder("narrow", input=(2, 3, 6, 6))
    graph = b.graph(b.relu(b.input))
    spec = type(graph.tensors["input"])((2, 3, 6, 6), ENCODINGS["bfloat16"])
    graph = Graph("n", graph.nodes, dict.fromkeys(graph.tensors, spec), {}, ("input",), ("relu1",))
    given = read_arrays(tmp_path / "z.npz")
    assert isinstance(given, dict)
    np.testing.assert_array_equal(as_inputs(graph, given)["input"], narrow)


def test_an_empty_folder_has_no_tensors(tmp_path):
    with pytest.raises(InputError, match=r"has no \.npy file"):
        xs.diff(network(), tmp_path)


def test_a_folder_of_tensors(tmp_path):
    for name in ("plain", "__layer__conv", "a__b"):
        np.save(tmp_path / f"{name}.npy", image())
    found = ArrayFiles(tmp_path, ["/layer/conv", "plain", "missing", "a__b"])
    assert sorted(found) == ["/layer/conv", "a__b", "plain"]
    np.testing.assert_array_equal(found["/layer/conv"], image())
    assert sorted(ArrayFiles(tmp_path, ["plain"])) == ["__layer__conv", "a__b", "plain"]


# --- fidelity, diff and vectors ------------------------------------------------------------------


def test_fidelity_is_data_and_shows_itself():
    found = xs.fidelity(network(), image(), scaling="alpha_k")
    doc = found.to_dict()
    assert [item["name"] for item in doc["layers"]] == doc["worst_first"] == ["middle"]
    assert doc["assumptions"]["high_precision_layers"] == ["first", "last"]
    assert found.layers.loc["middle", "exact_cosine"] == doc["layers"][0]["exact"]["cosine"]
    for shown in (repr(found), found._repr_html_()):
        assert "without retraining" in re.sub(r"\s+", " ", shown)
        assert "middle" in shown


def test_diff_of_files_engines_and_tensors(tmp_path, dynamic):
    inputs = {"a": image((2, 3)), "b": image((2, 3))}
    assert not xs.diff(dynamic, engine_b="packed", inputs=inputs).differ
    assert not xs.diff(dynamic, dynamic, inputs).differ
    other = xs.diff(network(), network(), binarize="xnor", seed=4)
    assert (other.differ, other.found.compared) == (False, 7)
    arrays = xs.run(dynamic, inputs, keep="*").kept
    for name, value in arrays.items():
        np.save(tmp_path / f"{name}.npy", value)
    assert not xs.diff(dynamic, tmp_path, inputs).differ
    np.save(tmp_path / "r.npy", arrays["r"] + 1)
    found = xs.diff(dynamic, tmp_path, inputs)
    assert found.differ
    assert found.to_dict()["first"]["node"] == "relu"
    assert not xs.diff(dynamic, tmp_path, inputs, tolerance=1.001).differ


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "nothing to compare with"),
        ({"engine_b": "blas"}, "nothing to compare with"),
        ({"engine_b": "packed", "ulp": -1}, "^ulp must be a whole number of at least 0, not -1$"),
        ({"engine_b": "packed", "ulp": "1"}, "^ulp must be a whole number of at least 0, not '1'$"),
        ({"engine_b": "packed", "ulp": 1.5}, "^ulp must be .*, not 1.5$"),
        ({"engine_b": "packed", "tolerance": float("nan")}, "^tolerance must be .*, not nan$"),
        ({"engine_b": "packed", "tolerance": float("inf")}, "^tolerance must be .*, not inf$"),
        ({"engine_b": "packed", "tolerance": None}, "^tolerance must be .*, not None$"),
        ({"engine_b": "pakced"}, "did you mean packed"),
        ({"b": {"last": image()}, "engine_b": "packed"}, "engine_b 'packed' is for a network"),
        ({"b": {"last": image()}, "engine_b": "nonsense"}, "engine_b 'nonsense': valid choices"),
        ({"b": image()}, "B must be a network .* not ndarray"),
        ({"b": 3}, "B must be a network .* not int"),
        ({"b": {"last": [1]}}, "tensor 'last' of B must be an array of numbers, not list"),
        ({"b": {"last": np.array(["a"])}}, "must be an array of numbers, not <U1"),
        ({"b": "nofold"}, r"'nofold' is not there: .*\.npz file or a folder"),
        ({"b": {}}, "no tensor has the same name"),
    ],
)
def test_a_diff_of_nothing_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        xs.diff(network(), **options)


@pytest.mark.parametrize(
    "call", [xs.run, xs.fidelity, xs.diff, lambda model: xs.vectors(model, "x", "v")]
)
@pytest.mark.parametrize("model", [None, 3, np.zeros(2)])
def test_what_is_no_model_is_refused(call, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = {"engine_b": "packed"} if call is xs.diff else {}
    with pytest.raises(UsageError, match=f"model must be .* not {type(model).__name__}"):
        call(model, **options)


@pytest.mark.parametrize(
    ("shape", "options", "error", "reason"),
    [
        ((2, 3), {}, None, "as the file says"),
        ((5, 3), {}, None, "another batch"),
        ((2, 4), {}, r"'x' is \[2, 3\] in the file and \[2, 4\] as given.*--input-shape", "fixed"),
        ((2, 3, 1), {}, r"'x' is \[2, 3\] in the file and \[2, 3, 1\] as given", "another rank"),
        ((2, 4), {"input_shape": {"x": (2, 4)}}, None, "it is asked for"),
        ((2, 4), {"input_shape": {"x": (2, 5)}}, r"float32\[2, 5\], not float32\[2, 4\]", "both"),
    ],
)
def test_fixed_shapes_of_a_file_hold_but_for_the_batch(tmp_path, shape, options, error, reason):
    from onnx import TensorProto, helper, save

    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2, 3]) for n in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", ends[:1], ends[1:])
    path = tmp_path / "fixed.onnx"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    if error:
        with pytest.raises(InputError, match=error):
            xs.run(path, image(shape), **options)
        return
    run = xs.run(path, image(shape), **options)
    assert run.outputs["y"].shape == shape, reason
    assert any("a batch of 5, and 2 in the file" in n for n in run.notes) == (shape[0] == 5), reason


def test_a_fault_of_other_weights_says_nothing_of_the_inputs(data):
    """The batch of the file is open, so that the array given is no reason for it."""
    lce = data / "lce"
    config = lce / "valid_c64" / "model.keras_config.json"
    with np.load(lce / "valid_c64" / "io.npz") as arrays:
        x = arrays["x"]
    other = lce / "chain3_bn_same_pad1" / "weights.npz"
    with pytest.raises(InputError, match="weight") as fault:
        xs.run(config, x, weights=str(other))
    assert "as given" not in str(fault.value)


def test_memory_is_judged_before_inputs_are_drawn():
    """Inputs alone would take 4.3 GB."""
    with pytest.raises(ModelError, match=r"more than the .* allowed"):
        xs.run(network(10**7), max_memory="1 GB")


@pytest.mark.parametrize(
    ("options", "note"),
    [
        ({"scaling": "none"}, "binarize is none: scaling"),
        ({"pad_value": 1, "high_precision": "mid*"}, "binarize is none: high_precision, pad_value"),
        ({"binarize": "bwn", "pad_value": -1}, "binarize is bwn: pad_value"),
        ({"binarize": "xnor", "border": "valid"}, "scaling is not alpha_k: border"),
        ({"binarize": "xnor", "border": "valid", "scaling": "alpha_k", "pad_value": 1}, None),
        ({"high_precision": "first, last"}, None),
    ],
)
def test_options_without_effect_are_noted(options, note):
    found = [text for text in xs.run(network(), image(), **options).notes if "effect" in text]
    assert found == ([f"without effect, since {note}"] if note else [])


def test_a_network_without_inputs_draws_none():
    graph = network()
    bare = Graph("bare", (), {}, {}, (), ())
    assert not any("inputs are drawn" in note for note in load_for_inputs(bare)[0].notes)
    assert any("inputs are drawn" in note for note in load_for_inputs(graph)[0].notes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"directory": 3}, "directory must be a path, not 3"),
        ({"directory": ""}, "directory must be a path, not ''"),
        ({"directory": "no/v"}, "cannot write .*no/v.*: there is no folder"),
        ({"word_bits": 8.0}, "word_bits must be one of 8, 16, 32, 64, not 8.0"),
        ({"word_bits": 12}, "word_bits must be one of 8, 16, 32, 64, not 12"),
        ({"overwrite": 1}, "overwrite must be True or False, not 1"),
        ({"layer": 3}, "no layer '3'"),
        ({"layer": "first"}, "'first' is not binary: high_precision 'first,last' keeps it"),
        ({"binarize": "bwn"}, "bwn leaves its inputs in high precision: choose xnor"),
        ({"layer": "norm"}, "it is a batch_norm, and vectors are of convolutions"),
    ],
)
def test_vectors_that_make_no_sense_are_refused(options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"layer": "middle", "directory": "v", "binarize": "xnor", **options}
    with pytest.raises(UsageError, match=message):
        xs.vectors(network(1), **given)
    assert not list(tmp_path.iterdir())


def test_vectors_among_other_files(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"mine\.txt"):
        xs.vectors(network(1), "middle", tmp_path, binarize="xnor")
    xs.vectors(network(1), "middle", tmp_path, binarize="xnor", overwrite=True)
    assert (tmp_path / "weight.hex").exists()
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_vectors_are_written(tmp_path):
    xs.vectors(network(1), "middle", tmp_path / "v", binarize="xnor", word_bits=32)
    assert (tmp_path / "v" / "weight.hex").exists()
    with pytest.raises(UsageError, match="did you mean middle"):
        xs.vectors(network(1), "midle", tmp_path / "w", binarize="xnor")
    assert not (tmp_path / "w").exists()


def test_inputs_are_loaded_once_for_a_graph():
    graph, arrays = load_for_inputs(network(), image())
    assert graph.name == "net"
    assert arrays is not None
    assert list(arrays) == ["input"]
    graph, arrays = load_for_inputs(network())
    assert arrays is None, "nothing is drawn before its memory is judged"
    assert drawn(graph)["input"].dtype == np.float32
