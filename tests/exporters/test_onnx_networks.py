"""Whole networks: written, read again, with the same counts and the same bits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exporters.round_trip import (
    again,
    assert_same_results,
    assert_same_table,
    inputs_of,
)
from tests.strategies import networks
from xnorsim import zoo
from xnorsim.importers.keras import read_graph as read_keras
from xnorsim.importers.onnx import read_graph
from xnorsim.importers.reading import read_graph as read_any
from xnorsim.network.graph import Graph
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.network.precision import Border, Scaling

slow = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("written")
    yield path
    for file in path.iterdir():
        file.unlink()


def policies() -> st.SearchStrategy[Policy]:
    """Every policy that there is, nothing kept in high precision or the ends."""
    keep = st.sampled_from([(), ("first",), ("first", "last")])
    xnor = st.builds(
        Policy, st.just(Binarize.XNOR), keep, st.sampled_from([*Scaling]), st.booleans(),
        st.sampled_from([0, 1, -1]), st.sampled_from([*Border]),
    )  # fmt: skip
    plain = st.sampled_from([Scaling.NONE, Scaling.ALPHA])
    return xnor | st.builds(Policy, st.just(Binarize.BWN), keep, plain, st.booleans())


@settings(max_examples=30)
@given(networks(most=4), st.just(Policy()) | policies())
def test_random_networks(folder: Path, graph: Graph, policy: Policy) -> None:
    binarized = apply(graph, policy)
    read = again(binarized, folder)
    assert_same_table(binarized, read)
    assert_same_results(binarized, read, inputs_of(graph))


@settings(max_examples=15)
@given(networks(most=3), policies())
def test_without_weights_counts_stay(folder: Path, graph: Graph, policy: Policy) -> None:
    binarized = apply(graph, policy)
    read = again(binarized, folder, weights=False)
    assert_same_table(binarized, read)
    assert all(item.placeholder for item in read.parameters.values() if item.spec.elements > 1)


@pytest.mark.parametrize("name", zoo.names())
def test_counts_of_the_zoo(folder: Path, name: str) -> None:
    graph = zoo.build(name)
    assert_same_table(graph, again(graph, folder, weights=False))


SMALL = ("finn-tfc-1w1a", "finn-cnv-1w1a", "quicknet-small", "bireal-net-18")
LARGE = ("xnor-resnet18", "bwn-resnet18")


@pytest.mark.parametrize("name", [*SMALL, *(pytest.param(name, marks=slow) for name in LARGE)])
def test_results_of_the_zoo(folder: Path, name: str) -> None:
    graph = zoo.build(name)
    read = again(graph, folder)
    assert_same_table(graph, read)
    assert_same_results(graph, read, inputs_of(graph))


def test_a_binarized_file(folder: Path, data: Path) -> None:
    """ResNet-18 as torch exports it, with weights left out: names with slashes and dots."""
    graph = read_graph(data / "onnx" / "resnet18__ts17.onnx", batch=1)
    assert_same_table(graph, again(graph, folder))
    policy = Policy(Binarize.XNOR, scaling=Scaling.ALPHA_K, border=Border.VALID, pad_value=-1)
    binarized = apply(graph, policy)
    assert_same_table(binarized, again(binarized, folder))


@pytest.mark.parametrize("name", ["resnet18__dynamo", "mobilenet_v2__ts17"])
def test_files_without_weights(folder: Path, data: Path, name: str) -> None:
    graph = read_graph(data / "onnx" / f"{name}.onnx", batch=1)
    assert_same_table(graph, again(graph, folder))


def _networks_of_tests(data: Path) -> list[Path]:
    suffixes = {".onnx", ".h5", ".keras", ".tflite"}
    every = [path for path in sorted(data.rglob("*")) if path.suffix in suffixes]
    return [path for path in every if "resnet18" not in path.name and "mobile" not in path.name]


DATA = Path(__file__).parent.parent / "data"

# Thresholds that are all 0 are read as a Sign.
SIGNS = ("lce/xnor_alpha_chain/model.tflite",)


@pytest.mark.parametrize("path", _networks_of_tests(DATA), ids=lambda p: str(p.relative_to(DATA)))
def test_files(folder: Path, path: Path) -> None:
    """Every column, those of memory too: integers and scales are stored as they were."""
    graph, name = read_any(path, batch=1), str(path.relative_to(DATA))
    read = again(graph, folder)
    assert_same_results(graph, read, inputs_of(graph))
    if name not in SIGNS:
        assert_same_table(graph, read)


KERAS = {
    "q_dorefa_a4": "4-bit activations whose scale is no float32",
    "q_dorefa_w2a2": "2-bit weights, which have no code for 0",
    "q_dorefa_w1a1": "sums of {0, 1} are floats in ONNX alone",
    "q_dorefa_zoo": "one alpha a layer",
    "q_xnor_weight_scale": "an alpha for each filter, which is not in the file",
}


@pytest.mark.parametrize("name", KERAS)
def test_keras_networks(folder: Path, data: Path, name: str) -> None:
    given = data / "keras" / name
    graph = read_keras(given / "config.json", weights=given / "weights.npz", batch=1)
    read = again(graph, folder)
    assert_same_table(graph, read)
    assert_same_results(graph, read, inputs_of(graph))


def test_what_is_noted_as_unstored_is_no_name_of_the_file(folder: Path, data: Path) -> None:
    """A note that is not ours says nothing."""
    path = data / "qonnx" / "net_w4a4_pool" / "model.onnx"
    plain = read_graph(path)
    for text in ('["missing"]', "[1, null]", "{}", "3", "[" * 10_000):
        made = onnx.load(path)
        made.metadata_props.add(key="xnorsim.unstored", value=text)
        noted = folder / "noted.onnx"
        noted.write_bytes(made.SerializeToString())
        assert_same_table(plain, read_graph(noted))


def test_the_same_network_gives_the_same_bytes(folder: Path) -> None:
    from xnorsim.exporters.onnx import model

    first, second = (
        model(apply(zoo.build("finn-cnv-1w1a"), Policy(Binarize.XNOR))) for _ in range(2)
    )
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(
        deterministic=True
    )


def test_a_network_written_twice_is_the_same(folder: Path) -> None:
    """What is read from a file that was written is written as that file again."""
    from xnorsim.exporters.onnx import model

    graph = again(zoo.build("finn-tfc-1w1a"), folder)
    before = onnx.load(folder / "written.onnx")
    after = model(graph)
    kinds = ([node.op_type for node in made.graph.node] for made in (before, after))
    assert next(kinds) == next(kinds)
