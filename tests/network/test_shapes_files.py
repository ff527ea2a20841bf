"""On every layer of every file, the shape rules agree with onnx's own inference."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

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
    found = [str(s) for s in output_specs(node.op, *inputs, **parameters)]
    stated = [str(graph.tensors[name]) for name in node.outputs]
    # A node may leave later results unused.
    if found[: len(stated)] == stated:
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
