"""Files that cannot be read: one error each that names file, node and value, and nothing else."""

from __future__ import annotations

import os
import random
import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from xnorsim.errors import InputError, ModelError, ShapeError, UnsupportedOpError
from xnorsim.importers.onnx import read_graph
from xnorsim.network.graph import spec_of


@pytest.fixture(autouse=True)
def _quick_and_small(tmp_path: Path):
    """Every case here answers within 5 s and 1 GB."""
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # [KiB] never falls
    assert time.monotonic() - start < 5
    assert peak - before < 2**20


WEIGHT = np.ones((8, 3, 3, 3), np.float32)
IMAGE = (1, 3, 8, 8)


def conv(name: str = "c1", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node("Conv", ["x", "w"], ["y"], name, **attributes)


# What is wrong: (attributes of the convolution, weight, image, what the message must say)
CONVOLUTIONS = {
    "channels": ({}, np.ones((8, 4, 3, 3), "f4"), IMAGE, "c1.*3 channels.*takes 4"),
    "groups do not divide": ({"group": 2}, WEIGHT, IMAGE, "c1.*group 2 does not divide 3"),
    "groups do not divide filters": (
        {"group": 3},
        np.ones((8, 1, 3, 3), "f4"),
        IMAGE,
        "c1.*group 3 does not divide 3 input channels and 8 filters",
    ),
    "group 0": ({"group": 0}, WEIGHT, IMAGE, "c1.*group 0 is below 1"),
    "stride 0": ({"strides": [0, 1]}, WEIGHT, IMAGE, r"c1.*strides \[0, 1\]"),
    "dilation 0": ({"dilations": [1, 0]}, WEIGHT, IMAGE, r"c1.*dilations \[1, 0\]"),
    "negative stride": ({"strides": [-1, 1]}, WEIGHT, IMAGE, r"c1.*strides \[-1, 1\]"),
    "negative pads": ({"pads": [0, 0, -1, 0]}, WEIGHT, IMAGE, r"c1.*pads \[0, 0, -1, 0\]"),
    "pads of another rank": ({"pads": [0, 0]}, WEIGHT, IMAGE, r"c1.*pads \[0, 0\].*2 spatial"),
    "strides of another rank": ({"strides": [1]}, WEIGHT, IMAGE, r"c1.*strides \[1\]"),
    "kernel_shape against weight": (
        {"kernel_shape": [5, 5]}, WEIGHT, IMAGE, r"c1.*kernel_shape \[5, 5\].*\[3, 3\]",
    ),
    "kernel beyond the input": ({}, WEIGHT, (1, 3, 2, 8), "c1.*window of 3.*padded input of 2"),
    "dilated beyond the input": ({"dilations": [4, 4]}, WEIGHT, IMAGE, "c1.*window of 9"),
    "no such auto_pad": ({"auto_pad": "SAME"}, WEIGHT, IMAGE, "c1.*auto_pad 'SAME'"),
    "weight of another rank": ({}, np.ones((8, 3, 3), "f4"), IMAGE, r"c1.*\[8, 3, 3\]"),
    "unknown attribute": ({"foo": 1}, WEIGHT, IMAGE, "c1.*foo"),
    "input of rank 1": ({}, WEIGHT, (5,), r"c1.*\[5\]"),
}  # fmt: skip


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolutions_that_cannot_be(build, case: str) -> None:
    attributes, weight, image, match = CONVOLUTIONS[case]
    with pytest.raises(ModelError, match=f"^model.onnx: .*{match}"):
        build(conv(**attributes), {"x": image}, weights={"w": weight})


# dimension of the input -> what the message says
@pytest.mark.parametrize("size", [-10, -2, 0, 2**40, 2**62])
def test_input_dimensions_that_cannot_be(build, size: int) -> None:
    with pytest.raises(ShapeError, match=f"^model.onnx: dimension 2 of input 'x' is {size}"):
        build(conv(), {"x": (1, 3, size, 8)}, weights={"w": WEIGHT})


def test_minus_one_is_an_open_dimension(model, read) -> None:
    made = model([conv()], {"x": (-1, 3, 8, 8)}, weights={"w": WEIGHT})
    made.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", 1, (-1, 4, 8, 8)))
    with pytest.raises(ShapeError, match=r"dimension 0 of input 'x' \[\?, 3, 8, 8\] must be set"):
        read(made)
    assert spec_of(read(made, batch=2), "x").shape == (2, 3, 8, 8)


def test_inputs_too_large_together(build) -> None:
    with pytest.raises(ShapeError, match=r"input 'x' .* elements"):
        build(helper.make_node("Relu", ["x"], ["y"]), {"x": (2**30, 2**30)})


@pytest.mark.parametrize("dims", [[-1, 3, 3, 3], [2**40, 3, 3, 3], [2**62, 2**62, 3, 3]])
def test_initializer_dimensions_that_cannot_be(build, dims: list[int]) -> None:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims, raw_data=b"1234")
    with pytest.raises(ShapeError, match=rf"model.onnx: initializer 'w'.*\[{dims[0]}, "):
        build(conv(), {"x": IMAGE}, weights={"w": tensor})


@pytest.mark.parametrize("elements", [4, 9000])
@pytest.mark.parametrize("change", [-4, 4])
def test_data_of_another_length_than_the_shape(build, elements: int, change: int) -> None:
    raw = bytes(4 * elements + change)
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[elements], raw_data=raw)
    match = f"initializer 'w'.*raw_data has {len(raw)} bytes.*takes {4 * elements}"
    with pytest.raises(ModelError, match=match):
        build(helper.make_node("Add", ["x", "w"], ["y"]), {"x": (elements,)}, weights={"w": tensor})


def test_data_in_a_field_of_another_type(build) -> None:
    tensor = TensorProto(name="w", data_type=TensorProto.INT64, dims=[9000])
    tensor.float_data.extend([0.0] * 9000)
    with pytest.raises(ModelError, match="initializer 'w'"):
        build(helper.make_node("Add", ["x", "w"], ["y"]), {"x": (9000,)}, weights={"w": tensor})


def test_unknown_element_type(build) -> None:
    tensor = TensorProto(name="w", data_type=1000, dims=[1], raw_data=b"1234")
    with pytest.raises(ModelError, match="initializer 'w': unknown element type 1000"):
        build(helper.make_node("Add", ["x", "w"], ["y"]), {"x": (1,)}, weights={"w": tensor})


def relu(source: str, target: str, name: str = "") -> onnx.NodeProto:
    return helper.make_node("Relu", [source], [target], name)


def test_cycle(build) -> None:
    nodes = [
        helper.make_node("Add", ["x", "c"], ["a"], "first"),
        relu("a", "b", "second"),
        relu("b", "c", "third"),
        relu("c", "y", "last"),
    ]
    with pytest.raises(ModelError, match=r"model\.onnx: .*cycle") as caught:
        build(nodes, {"x": (4,)})
    assert {"first", "second", "third"} <= set(re.findall(r"\w+", str(caught.value)))


def test_nodes_in_any_order_are_sorted(build) -> None:
    graph = build([relu("b", "y", "n3"), relu("a", "b", "n2"), relu("x", "a", "n1")], {"x": (4,)})
    assert [node.name for node in graph.nodes] == ["n1", "n2", "n3"]


# Graphs whose names are wrong -> what the message must say
NAMES = {
    "missing initializer": ([conv()], {"x": IMAGE}, {}, "c1.*reads tensor 'w'"),
    "duplicate node names": (
        [relu("x", "a", "twin"), relu("a", "y", "twin")],
        {"x": (4,)},
        {},
        "2 are called 'twin'",
    ),
    "tensor written twice": (
        [relu("x", "a"), relu("x", "a"), relu("a", "y")],
        {"x": (4,)},
        {},
        "'a' is written more than once",
    ),
    "input written": ([relu("x", "x"), relu("x", "y")], {"x": (4,)}, {}, "tensor 'x' is written"),
    "output nobody writes": ([relu("x", "a")], {"x": (4,)}, {}, "output 'y' is written by no node"),
    "unknown domain": (
        [helper.make_node("Foo", ["x"], ["y"], "f1", domain="com.example")],
        {"x": (4,)},
        {},
        r"Foo \(domain com.example\), 1 time.*f1[^$]*--allow-unknown",
    ),
    "operator of a later opset": (
        [helper.make_node("Gelu", ["x"], ["y"], "g1")],
        {"x": (4,)},
        {"opset": 13},
        r"Gelu .*not in its opset \(13\): g1",
    ),
}


@pytest.mark.parametrize("case", NAMES)
def test_names_that_cannot_be(build, case: str) -> None:
    nodes, inputs, options, match = NAMES[case]
    with pytest.raises(ModelError, match=f"model.onnx: [^$]*{match}"):
        build(nodes, inputs, **options)


def test_duplicate_initializers(model, read) -> None:
    made = model([conv()], {"x": IMAGE}, weights={"w": WEIGHT})
    made.graph.initializer.append(made.graph.initializer[0])
    with pytest.raises(ModelError, match=r"model\.onnx: .*same name: w"):
        read(made)


@pytest.mark.parametrize(
    ("opset", "match"), [(999, "opset 999 is newer than"), (6, "opset 6 is older than 7")]
)
def test_opsets_that_are_not_known(read, model, opset: int, match: str) -> None:
    made = model([relu("x", "y")], {"x": (4,)})
    made.opset_import[0].version = opset
    with pytest.raises(ModelError, match=rf"model\.onnx: its {match}"):
        read(made)


def test_newer_ir_version(read, model) -> None:
    made = model([relu("x", "y")], {"x": (4,)})
    made.ir_version = 999
    with pytest.raises(ModelError, match="IR version 999 is newer than"):
        read(made)


def test_all_unknown_operators_at_once(build) -> None:
    nodes = [
        helper.make_node("Foo", ["x"], ["a"], "f1", domain="com.example"),
        helper.make_node("Foo", ["a"], ["b"], "f2", domain="com.example"),
        helper.make_node("Det", ["b"], ["y"], "d1"),
    ]
    with pytest.raises(UnsupportedOpError) as caught:
        build(nodes, {"x": (4, 4)})
    assert "Foo (domain com.example), 2 times, no rule: f1, f2" in str(caught.value)
    assert "Det (domain ai.onnx), 1 time, no rule: d1" in str(caught.value)


CONTENTS = {
    "empty": (b"", "empty"),
    "text": (b"hello, this is no network\n" * 40, "not an ONNX file"),
    "json": (b'{"nodes": []}', "not an ONNX file"),
    "zeros": (bytes(4096), "not an ONNX file"),
    "number only": (b"\x08\x07", "no field 'graph'"),
    "unfinished number": (b"\x08\xff\xff", "not an ONNX|truncated"),
}


@pytest.mark.parametrize("case", CONTENTS)
def test_files_that_are_no_model(read, case: str) -> None:
    content, match = CONTENTS[case]
    with pytest.raises(ModelError, match=rf"model\.onnx: .*({match})"):
        read(content)


def test_random_bytes(read) -> None:
    for seed in range(50):
        with pytest.raises(ModelError, match=r"model\.onnx"):
            read(random.Random(seed).randbytes(2000))


def test_truncated_anywhere(read, data: Path) -> None:
    content = (data / "onnx" / "resnet18__dynamo.onnx").read_bytes()
    for length in range(1, len(content), 997):
        with pytest.raises(ModelError, match=r"model\.onnx: .*(truncated|not an|not a whole)"):
            read(content[:length])


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent\.onnx: no such file"):
        read_graph(tmp_path / "absent.onnx")
    with pytest.raises(ModelError, match="a directory"):
        read_graph(tmp_path)
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(ModelError, match="not a regular file"):
        read_graph(tmp_path / "pipe.onnx")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.onnx"
    path.write_bytes(b"\x08\x07")
    path.chmod(0)
    with pytest.raises(ModelError, match=r"secret\.onnx: cannot be read"):
        read_graph(path)


@pytest.mark.parametrize(
    "location",
    ["/etc/passwd", "../secret", "a/../../secret", "", "..\\secret", "C:\\secret", "link/secret"],
)
def test_external_data_outside_is_refused(build, tmp_path: Path, location: str) -> None:
    (tmp_path / "link").symlink_to("/etc")
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    with pytest.raises(ModelError, match=f"'w'.*'{re.escape(location)}' lies outside.*refused"):
        build(helper.make_node("Add", ["x", "w"], ["y"]), {"x": (4,)}, weights={"w": tensor})


@pytest.mark.parametrize(
    ("key", "value"), [("length", "8"), ("length", "many"), ("offset", "-1"), ("offset", "x")]
)
def test_external_data_of_another_size(build, key: str, value: str) -> None:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="w.bin")
    tensor.external_data.add(key=key, value=value)
    with pytest.raises(ModelError, match=f"initializer 'w': .*{value}"):
        build(helper.make_node("Add", ["x", "w"], ["y"]), {"x": (4,)}, weights={"w": tensor})


def test_external_data_that_is_a_pipe_is_not_waited_for(build, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "w.bin")
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="w.bin")
    graph = build(helper.make_node("Add", ["x", "w"], ["y"]), {"x": (4,)}, weights={"w": tensor})
    load = graph.parameters["w"].load
    assert load is not None
    with pytest.raises(ModelError, match=r"initializer 'w': .*w\.bin is not a regular file"):
        load()


# Shapes that run away: (node, constant inputs)
RUNAWAY = {
    "fill": ("ConstantOfShape", [np.array([2**40, 2**20])], []),
    "range": ("Range", [np.array(0), np.array(2**60), np.array(1)], []),
    "tile": ("Tile", [np.array([2**40])], ["x"]),
    "tile overflow": ("Tile", [np.array([2**62])], ["x"]),
    "expand": ("Expand", [np.array([2**41, 4])], ["x"]),
    "reshape": ("Reshape", [np.array([2**62, 8])], ["x"]),
    "pad": ("Pad", [np.array([0, 2**50])], ["x"]),
    "resize": ("Resize", [np.array([], "f4"), np.array([1e30], "f4")], ["x"]),
}


@pytest.mark.parametrize("case", RUNAWAY)
def test_shapes_that_run_away(build, case: str) -> None:
    operator, values, data = RUNAWAY[case]
    weights = {f"v{index}": value for index, value in enumerate(values)}
    first = helper.make_node(operator, [*data, *weights], ["a"], "big")
    nodes = [first, helper.make_node("Add", ["a", "x"], ["y"], "sum")]
    with pytest.raises(InputError, match=r"model\.onnx: node '(big|sum)'"):
        build(nodes, {"x": (4,)}, weights=weights)


def test_hostile_files_are_refused_quickly_and_small(tmp_path: Path, model, project: Path) -> None:
    """Within 5 s and 1 GB, in a process of its own, and nothing is written."""
    nodes = [helper.make_node("ConstantOfShape", ["n"], ["w"]), conv()]
    shape = np.array([2**30, 3, 3, 3])
    made = model(nodes, {"x": (1, 3, 2**15, 2**15)}, weights={"n": shape})
    path = tmp_path / "big.onnx"
    path.write_bytes(made.SerializeToString())
    script = (
        "import sys\nfrom xnorsim.errors import InputError\n"
        "from xnorsim.importers.onnx import read_graph\n"
        "try: read_graph(sys.argv[1])\nexcept InputError as fault: print(fault)\n"
    )
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(project)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30)),
    )
    assert time.monotonic() - start < 5
    assert "big.onnx" in done.stdout
    assert [item.name for item in tmp_path.iterdir()] == ["big.onnx"]
