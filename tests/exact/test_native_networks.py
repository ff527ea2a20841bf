"""Engine native on the zoo's networks, from Python, from a shell, and without its extra."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

import xnorsim as xs
from xnorsim import cli
from xnorsim.errors import UsageError
from xnorsim.exact.execute import execute, prepare, run_node
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, scheme
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.network.precision import BIPOLAR, Scaling
from xnorsim.zoo import build

NETWORKS = {
    "bireal-net-18": None,
    "quicknet-small": None,
    "real-to-binary-net": None,
    "binary-alexnet-dense": None,
    "resnet18": Policy(Binarize.XNOR, scaling=Scaling.ALPHA_K),
    "alexnet-grouped": Policy(Binarize.BWN),
}
"""Networks and how they are binarized: residual, depthwise, gated, dense, scaled by K, grouped."""


def sums_floats(graph: Graph, node: Node) -> bool:
    """Whether a layer adds up products of floats, in an order that is open."""
    if isinstance(node.op, ops.Conv | ops.Dense | ops.MatMul):
        used = scheme(graph, node)
        return not used.weight == used.activation == BIPOLAR
    return False


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_each_layer_of_a_network_given_the_same_inputs(name: str) -> None:
    """All but sums of floats to the bit; those to 2^-16 of the largest, for up to 9216 terms."""
    policy = NETWORKS[name]
    graph = build(name) if policy is None else apply(build(name), policy)
    image = np.random.default_rng(0).standard_normal((1, 3, 224, 224), np.float32)
    every = tuple(tensor for node in graph.nodes for tensor in node.outputs)
    found = {"input": image}
    found |= execute(prepare(graph, "native", hold=False), {"input": image}, every).kept
    session = prepare(graph, "packed", hold=False)
    for node in graph.nodes:
        for tensor, expected in run_node(session, node, found).items():
            near = 2**-16 * np.abs(expected).max() if sums_floats(graph, node) else 0
            np.testing.assert_allclose(found[tensor], expected, rtol=0, atol=near, err_msg=tensor)


@pytest.mark.slow
def test_a_network_with_all_that_can_be_fused() -> None:
    graph = build("bireal-net-18")
    image = {"input": np.random.default_rng(1).standard_normal((1, 3, 224, 224), np.float32)}
    # what lies between the float layers is binary and exact: the same floats into it
    stem = execute(prepare(graph, "native"), image, ["max_pool1"])
    plain = execute(prepare(graph, "packed"), image, ["max_pool1"])
    scale = np.abs(plain.kept["max_pool1"]).max()
    np.testing.assert_allclose(
        stem.kept["max_pool1"], plain.kept["max_pool1"], rtol=0, atol=2**-20 * scale
    )
    session = prepare(graph, "native", threads=2)
    ends = [execute(session, image).outputs["softmax1"] for _ in range(3)]
    for end in ends:
        np.testing.assert_array_equal(end, stem.outputs["softmax1"])
    kinds = [step.kind for step in session.plans[()].steps]
    assert kinds.count("binary layer") == 16
    assert kinds.count("sign") == 1, "all others are packed by the layer before them"
    assert "reference" not in kinds


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three convolutions as a file: of whole numbers, so that no engine rounds."""
    generator = np.random.default_rng(0)
    names, sizes = ("x", "a", "b", "y"), ((8, 3), (8, 8), (8, 8))
    weights = {
        f"w{number}": generator.integers(-4, 5, (*size, 3, 3)).astype(np.float32)
        for number, size in enumerate(sizes)
    }
    nodes = [
        helper.make_node("Conv", [names[i], f"w{i}"], [names[i + 1]], pads=[1, 1, 1, 1])
        for i in range(3)
    ]
    stored = [numpy_helper.from_array(values, name) for name, values in weights.items()]
    shape = [1, 3, 9, 9]
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    results = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8, 9, 9])]
    graph = helper.make_graph(nodes, "small", ends, results, stored)
    path = tmp_path_factory.mktemp("native") / "small.onnx"
    opset = [helper.make_opsetid("", 17)]
    save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return str(path)


IMAGE = np.random.default_rng(1).integers(-9, 10, (1, 3, 9, 9)).astype(np.float32)


def test_from_python(model: str) -> None:
    expected = xs.run(model, IMAGE, engine="packed", binarize="xnor", scaling="none")
    for threads in (None, 1):
        found = xs.run(
            model, IMAGE, engine="native", binarize="xnor", scaling="none", threads=threads
        )
        np.testing.assert_array_equal(found.outputs["y"], expected.outputs["y"])


def test_from_a_shell(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out.npz"
    np.save(tmp_path / "x.npy", IMAGE)
    given = ["-i", str(tmp_path / "x.npy"), "--threads", "1", "-o", str(target)]
    with pytest.raises(SystemExit) as stop:
        cli.main(["run", model, "--engine", "native", *given])
    assert not stop.value.code
    assert "engine native: " in " ".join(capsys.readouterr().out.split())
    with np.load(target) as saved:
        np.testing.assert_array_equal(saved["y"], xs.run(model, IMAGE).outputs["y"])


def test_diff_of_native_and_packed(model: str) -> None:
    assert not xs.diff(model, inputs=IMAGE, engine="packed", engine_b="native").differ


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2"])
def test_threads_are_a_whole_number(model: str, threads: object) -> None:
    with pytest.raises(UsageError, match=r"threads must be .*at least 1"):
        xs.run(model, threads=threads)  # pyright: ignore[reportArgumentType]


def test_no_more_threads_than_cores(model: str) -> None:
    with pytest.raises(UsageError, match=r"threads 4096: this process has \d+ cores?$"):
        xs.run(model, threads=4096)


def test_without_the_extra(model: str) -> None:
    """The others run, and native says what it needs."""
    code = (
        "import sys; sys.modules.update(numba=None, llvmlite=None, threadpoolctl=None)\n"
        "import xnorsim as xs\n"
        f"for engine in ('blas', 'packed'): xs.run({model!r}, engine=engine, threads=1)\n"
        f"xs.run({model!r}, engine='native')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("xnorsim.errors.MissingExtraError")
    assert "xnorsim[native]" in last
