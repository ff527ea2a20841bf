"""On every layer of every file, the shape rules agree with onnx's own inference."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import pytest

from xnorsim.errors import ModelError, ShapeError
from xnorsim.importers.onnx import read_graph
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, spec_of
from xnorsim.network.shapes import output_specs

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
BUNDLED = Path(__file__).parent.parent / "data" / "onnx"
FILES = {path.stem: path for path in sorted([*LIGHT.glob("*.onnx"), *BUNDLED.glob("*.onnx")])}
BATCH = {"resnet18__ts17": "input", "mobilenet_v2__ts17": "input"}


def disagreement(graph: Graph, node: Node) -> str:
    """What a rule says and what the file says, if they differ."""
    inputs = [graph.tensors[name] for name in node.inputs]
    parameters = {role: spec_of(graph, name) for role, name in node.parameters.items()}
    try:
        found = [str(spec) for spec in output_specs(node.op, *inputs, **parameters)]
    except ShapeError as fault:
        return f"{node.name}: {fault}"
    stated = [str(graph.tensors[name]) for name in node.outputs]
    # A file leaves out results that it does not use: those it has are found in the same order.
    rest = iter(found)
    if stated and all(spec in rest for spec in stated):
        return ""
    return f"{node.name} ({ops.kind(node.op)}): {found} against {stated} from onnx"


def test_all_files_are_there() -> None:
    assert len(list(LIGHT.glob("*.onnx"))) == 9
    assert set(BATCH) < set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_every_layer_of_a_file(name: str) -> None:
    shapes = {BATCH[name]: (1, 3, 224, 224)} if name in BATCH else None
    graph = read_graph(FILES[name], input_shapes=shapes)
    assert len(graph.nodes) > 10
    faults = [text for node in graph.nodes if (text := disagreement(graph, node))]
    assert not faults


def single_node_models() -> list[tuple[str, onnx.ModelProto]]:
    """The models of onnx's own operator tests."""
    with warnings.catch_warnings():  # making them divides by zero, on purpose
        warnings.simplefilter("ignore")
        from onnx.backend.test.case import node

        return [(case.name, case.model) for case in node.collect_testcases(None) if case.model]


@pytest.mark.slow
def test_every_layer_of_onnxs_operator_tests(tmp_path: Path) -> None:
    faults, agreed, kinds = [], 0, set()
    for name, model in single_node_models():
        path = tmp_path / f"{name}.onnx"
        onnx.save(model, path)
        try:
            graph = read_graph(path)
        except ModelError:
            continue  # an operator without a rule, or a shape that only the inputs' values tell
        for layer in graph.nodes:
            text = disagreement(graph, layer)
            faults += [f"{name}: {text}"] if text else []
            agreed += not text
            kinds.add(type(layer.op))
    assert not faults
    assert agreed > 4000
    # A dense layer needs a constant weight, signs and unknown operators are not ONNX's.
    assert kinds >= {*ops.KINDS} - {ops.Dense, ops.Sign, ops.Thresholds, ops.Unknown}
