"""Real files: MACs equal to independent counts, weights left alone, dynamic sizes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import external_data_helper, helper, numpy_helper

from xnorsim.errors import ModelError, ShapeError, UsageError
from xnorsim.importers.onnx import is_onnx, read_graph
from xnorsim.network.graph import Graph
from xnorsim.network.shapes import output_specs
from xnorsim.work.table import layer_table

ORIGINS = ("mobilenet_v2__ts17.onnx", "resnet18__dynamo.onnx", "resnet18__ts17.onnx")

# By hand: positions x filters x taps, layer by layer, from the papers' tables.
LIGHT_MACS = {
    # grouped; the file's first layer has no padding: (224 - 11) / 4 + 1 = 54
    "light_bvlc_alexnet": (
        96 * 54 * 54 * 3 * 121
        + 256 * 26 * 26 * 48 * 25
        + 384 * 12 * 12 * 256 * 9
        + 384 * 12 * 12 * 192 * 9
        + 256 * 12 * 12 * 192 * 9
        + 9216 * 4096
        + 4096 * 4096
        + 4096 * 1000
    ),
    "light_vgg19": (
        224**2 * 9 * (3 * 64 + 64 * 64)
        + 112**2 * 9 * (64 * 128 + 128 * 128)
        + 56**2 * 9 * (128 * 256 + 3 * 256 * 256)
        + 28**2 * 9 * (256 * 512 + 3 * 512 * 512)
        + 14**2 * 9 * 4 * 512 * 512
        + 25088 * 4096
        + 4096 * 4096
        + 4096 * 1000
    ),
    # stem; four stages of bottlenecks, the first of each with a projection and (Caffe2) its
    # stride on the 3x3 convolution, so the 1x1 before it runs at the larger size
    "light_resnet50": (
        112**2 * 64 * 3 * 49
        + 56**2 * (64 * 64 + 64 * 64 * 9 + 64 * 256 + 64 * 256)
        + 56**2 * 2 * (256 * 64 + 64 * 64 * 9 + 64 * 256)
        + 56**2 * 256 * 128
        + 28**2 * (128 * 128 * 9 + 128 * 512 + 256 * 512)
        + 28**2 * 3 * (512 * 128 + 128 * 128 * 9 + 128 * 512)
        + 28**2 * 512 * 256
        + 14**2 * (256 * 256 * 9 + 256 * 1024 + 512 * 1024)
        + 14**2 * 5 * (1024 * 256 + 256 * 256 * 9 + 256 * 1024)
        + 14**2 * 1024 * 512
        + 7**2 * (512 * 512 * 9 + 512 * 2048 + 1024 * 2048)
        + 7**2 * 2 * (2048 * 512 + 512 * 512 * 9 + 512 * 2048)
        + 2048 * 1000
    ),
}


def macs(graph: Graph) -> dict[str, int]:
    """MACs by layer as the product counts them, to be held against independent counts."""
    table = layer_table(graph)
    counts = zip(table.names, table.columns["macs"].tolist(), strict=True)
    return {name: count for name, count in counts if count}


@pytest.mark.parametrize("name", ORIGINS)
def test_macs_equal_the_independent_counts(data: Path, name: str) -> None:
    expected = json.loads((data / "onnx" / "expected.json").read_text())[name]
    graph = read_graph(
        data / "onnx" / name, input_shapes={expected["input_name"]: expected["input"]}
    )
    found = macs(graph)
    assert list(found.items()) == [(layer, count) for _, layer, count in expected["per_layer"]]
    assert sum(found.values()) == expected["total_macs"]
    weights = {
        node.parameters["weight"]: graph.parameters[node.parameters["weight"]].spec.elements
        for node in graph.nodes
        if node.name in found
    }
    assert sum(weights.values()) == expected["conv_fc_weight_elems"]
    assert list(graph.tensors[graph.outputs[0]].shape) == expected["output_shape"]


def test_nine_light_graphs_import(light: Path) -> None:
    found = {path.stem: read_graph(path) for path in sorted(light.glob("*.onnx"))}
    assert len(found) == 9
    for name, graph in found.items():
        assert graph.tensors[graph.outputs[0]].elements == 1000, name
        assert any("ConstantOfShape" in note for note in graph.notes), name
    for name, expected in LIGHT_MACS.items():
        assert sum(macs(found[name]).values()) == expected, name


def test_our_shapes_agree_with_onnx_on_every_file(data: Path, light: Path) -> None:
    """The specs that onnx infers are those of network/shapes.py, node by node."""
    files = [*sorted(light.glob("*.onnx")), *(data / "onnx" / name for name in ORIGINS)]
    for path in files:
        graph = read_graph(path, batch=2)
        for node in graph.nodes:
            inputs = [graph.tensors[name] for name in node.inputs]
            parameters = {r: graph.parameters[name].spec for r, name in node.parameters.items()}
            ours = output_specs(node.op, *inputs, **parameters)
            theirs = tuple(graph.tensors[name] for name in node.outputs)
            assert ours[: len(theirs)] == theirs, (path.name, node.name)


@pytest.mark.parametrize("name", ["light_shufflenet", "light_resnet50", "light_bvlc_alexnet"])
def test_macs_are_linear_in_batch(light: Path, name: str) -> None:
    """The files have batch 1 written into their reshapes."""
    once, thrice = (read_graph(light / f"{name}.onnx", batch=batch) for batch in (1, 3))
    assert {k: 3 * v for k, v in macs(once).items()} == macs(thrice)
    assert any("batch 1" in note for note in thrice.notes)


def test_metadata(data: Path) -> None:
    path = data / "onnx" / "resnet18__ts17.onnx"
    graph = read_graph(path, batch=4)
    assert graph.name == "resnet18__ts17"
    assert graph.metadata == {
        "format": "onnx",
        "file": path.name,
        "graph": "main_graph",
        "bytes": path.stat().st_size,
        "producer": "pytorch 2.13.0",
        "ir_version": 8,
        "opsets": {"ai.onnx": 17},
        "inputs": {"input": [4, 3, 224, 224]},
    }


def test_unset_dimension_names_input_and_option(data: Path) -> None:
    with pytest.raises(ShapeError, match=r"0 \('N'\) of input 'input'.*input=1,3,224,224"):
        read_graph(data / "onnx" / "resnet18__ts17.onnx")


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"input_shapes": {"imput": (1, 3, 8, 8)}}, UsageError, "did you mean input"),
        ({"input_shapes": {"input": (1, 3, 8)}}, UsageError, "3 dimensions"),
        ({"input_shapes": {"input": (1, 3, 0, 8)}}, UsageError, "not from 1"),
        ({"input_shapes": {"input": (2, 3, 32, 32)}, "batch": 3}, UsageError, "contradicts"),
        ({"batch": 0}, UsageError, "below 1"),
        ({"input_shapes": {"input": (1, 4, 224, 224)}}, ShapeError, "4 channels.* 3"),
    ],
)
def test_impossible_input_shapes(data: Path, options: dict, error: type, match: str) -> None:
    with pytest.raises(error, match=match):
        read_graph(data / "onnx" / "resnet18__ts17.onnx", **options)


def test_other_sizes_than_the_file_states(data: Path) -> None:
    """112 x 112 instead of 224 x 224: a quarter of the convolutions' work."""
    path = data / "onnx" / "resnet18__ts17.onnx"
    full, half = (
        sum(macs(read_graph(path, input_shapes={"input": (1, 3, n, n)})).values()) - 512 * 1000
        for n in (224, 112)
    )
    # 7 and not 14/4 of the last stages round up: 112 / 32 = 3.5 -> 4
    assert full / 4 < half < full / 3


def test_one_symbol_has_one_size(build) -> None:
    nodes = [helper.make_node("Add", ["a", "b"], ["y"])]
    inputs = {"a": ("N", 4), "b": ("N", 4)}
    graph = build(nodes, inputs, input_shapes={"a": (3, 4)})
    assert graph.tensors["b"].shape == (3, 4)
    with pytest.raises(UsageError, match=r"'N' is 3 .*and 5"):
        build(nodes, inputs, input_shapes={"a": (3, 4), "b": (5, 4)})


def test_weights_are_not_decoded_until_loaded(build, monkeypatch: pytest.MonkeyPatch) -> None:
    weight = np.arange(32 * 16 * 9, dtype=np.float32).reshape(32, 16, 3, 3)
    decode = numpy_helper.to_array

    def refuse(tensor: onnx.TensorProto, *rest: object) -> np.ndarray:
        raise AssertionError(f"decoded {tensor.name}")

    monkeypatch.setattr(numpy_helper, "to_array", refuse)
    graph = build(
        helper.make_node("Conv", ["x", "w"], ["y"]), {"x": (1, 16, 8, 8)}, weights={"w": weight}
    )
    monkeypatch.setattr(numpy_helper, "to_array", decode)
    load = graph.parameters["w"].load
    assert load is not None
    np.testing.assert_array_equal(load(), weight)
    assert load() is not load()  # no copy is kept


@pytest.mark.parametrize("field", ["raw_data", "float_data"])
@pytest.mark.parametrize("elements", [7, 5000])
def test_values_however_they_are_stored(build, field: str, elements: int) -> None:
    """Small tensors are parsed, large ones are read from their place in the file."""
    values = np.arange(elements, dtype=np.float32)
    raw = field == "raw_data"
    content = values.tobytes() if raw else values.tolist()
    tensor = helper.make_tensor("w", onnx.TensorProto.FLOAT, [elements], content, raw=raw)
    node = helper.make_node("Add", ["x", "w"], ["y"])
    graph = build(node, {"x": (elements,)}, weights={"w": tensor})
    load = graph.parameters["w"].load
    assert load is not None
    np.testing.assert_array_equal(load(), values)


def test_a_changed_file_is_noticed(build, tmp_path: Path) -> None:
    weights = {"w": np.ones(5000, np.float32)}
    graph = build(helper.make_node("Add", ["x", "w"], ["y"]), {"x": (5000,)}, weights=weights)
    path = tmp_path / "model.onnx"
    path.write_bytes(path.read_bytes() + b"\x00")
    load = graph.parameters["w"].load
    assert load is not None
    with pytest.raises(ModelError, match="changed after"):
        load()


def test_external_data_is_opened_only_when_loaded(model, tmp_path: Path) -> None:
    weight = np.arange(5000, dtype=np.float32)
    made = model(
        [helper.make_node("Add", ["x", "w"], ["y"])], {"x": (5000,)}, weights={"w": weight}
    )
    external_data_helper.convert_model_to_external_data(made, location="w.bin", size_threshold=0)
    path, values = tmp_path / "m.onnx", tmp_path / "w.bin"
    onnx.save(made, path)
    content = values.read_bytes()
    values.unlink()
    graph = read_graph(path)  # counting does not need it
    assert graph.parameters["w"].spec.elements == 5000
    load = graph.parameters["w"].load
    assert load is not None
    with pytest.raises(ModelError, match=r"cannot be read.*w\.bin"):
        load()
    values.write_bytes(content[:-4])
    with pytest.raises(ModelError, match=r"20000 bytes .* 19996 are left"):
        load()
    values.write_bytes(content)
    np.testing.assert_array_equal(load(), weight)


def test_format_by_content(data: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "network.bin"
    renamed.write_bytes((data / "onnx" / ORIGINS[1]).read_bytes())
    assert is_onnx(renamed)
    assert is_onnx(data / "onnx" / ORIGINS[1])
    other = tmp_path / "table.csv"
    other.write_text("a,b\n1,2\n")
    assert not is_onnx(other)
    assert not is_onnx(tmp_path / "absent")
