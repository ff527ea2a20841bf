"""A point of a sweep is the single prediction, to the last bit, whatever else is swept with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, assume, given, reject, settings
from hypothesis import strategies as st

from tests.explore.spaces import tiny
from xnorsim.cost.network import NetworkPrediction, Twin, predict_network
from xnorsim.errors import SpecError
from xnorsim.explore.grid import mask
from xnorsim.explore.points import evaluate, rows
from xnorsim.explore.policies import policy_of
from xnorsim.explore.resolve import resolve
from xnorsim.explore.space import Block, Space, Tasks, point, predictor_of
from xnorsim.explore.spec import spec_of
from xnorsim.machine.fields import with_values
from xnorsim.network.graph import Graph
from xnorsim.network.policy import Binarize, apply, as_float
from xnorsim.network.precision import Scaling
from xnorsim.network.resized import resized
from xnorsim.work.table import LayerTable, layer_table
from xnorsim.work.template import convolution_graph
from xnorsim.zoo import build

# Of every kind: machines, what changes their instructions, what things cost, tables, policies.
MACHINE: Mapping[str, Any] = {
    "profile": ["zen-4", "raspberry-pi-4b"],
    "clock": ["1 GHz", "2.1 GHz", "3.7 GHz"],
    "threads": [1, 2, 3, 64],  # more than there are cores: left out
    "simd.bits": [128, 256],
    "memories.L1.size": ["17 KiB", "48 KiB"],
    "memories.L2.size": ["33 KiB", "300 KiB", "2 MiB"],  # not below the L1
    "memories.L2.bandwidth": "3 GB/s .. 300 GB/s log 3",
    "memories.L2.overlap": [0.3, 1],
    "instructions.popcount.per_cycle": [0.37, 1, 3],
    "instructions.vector_add.busy": [0.337, 1.71],
    "core.efficiency": [0.61, 0.97],
    "energy.node": ["7 nm", "16 nm", "28 nm"],
    "energy.static": ["0.1 W", "2.3 W"],
    "recipes": ["own", "popcnt", "numpy"],
    "predictor": ["roofline", "formula"],
    "near": {"link": ["memories.L2.energy", "clock"], "values": [["1 pJ/byte", "1.1 GHz"],
                                                                ["3.3 pJ/byte", "2.9 GHz"]]},
    "scaling": ["none", "alpha", "alpha_k"],
}  # fmt: skip
NETWORK: Mapping[str, Any] = {
    "batch": [1, 3],
    "input_size": [8, 13],
    "width": [0.5, 1, 1.5],
    "binarize": ["none", "bwn", "xnor"],
    "binary": {"subsets": ["conv1", "fc*"]},
    "grown": {"link": ["width", "threads"], "values": [[0.5, 1], [2, 2], [1, 4]]},
    "fed": {"link": {"batch": [2, 5], "binarize": ["xnor", "bwn"]}},
}
TEMPLATE: Mapping[str, Any] = {
    "channels": [12, 64, 96],
    "filters": [8, 100],
    "kernel": [1, 3, 4],
    "size": [5, 14],
    "stride": [1, 2],
    "groups": [1, 4, 12],  # 12 does not divide 64: left out
    "batch": [1, 3],
    "square": {"link": ["channels", "filters"], "values": [16, 48, 130]},
    "binarize": ["none", "bwn", "xnor"],
    "sized": {"link": {"size": [7, 9], "threads": [1, 2]}},
}
LAYER = {"channels": 60, "filters": 36, "kernel": 3, "size": 9}


def whole(space: Space) -> Block:
    return Block(0, tuple(slice(0, size) for size in space.shape))


def single(space: Space, values: Mapping[str, str]) -> tuple[LayerTable, NetworkPrediction]:
    """The prediction of one point as whoever has no sweep makes it."""
    profile = space.profiles[values["profile"]]
    fields = {name: text for name, text in values.items() if space.known[name].is_machine}
    profile = with_values(profile, fields) if fields else profile
    graph = _graph(space, values)
    table, floats = layer_table(graph), layer_table(as_float(graph))
    found = predict_network(
        table.columns,
        Twin(floats.columns, np.zeros(len(floats), bool), floats.kinds),
        profile,
        int(values["threads"]),
        predictor_of(values),
        table.kinds,
    )
    return table, found


def _graph(space: Space, values: Mapping[str, str]) -> Graph:
    if space.graph is None:
        sizes = ("channels", "filters", "kernel", "size", "stride", "groups", "batch")
        how = Binarize(values["binarize"]), Scaling(values["scaling"])
        return convolution_graph(
            *(int(values[name]) for name in sizes), binarize=how[0], scaling=how[1]
        )
    given = {name: int(values[name]) for name in ("batch", "input_size") if name in values}
    graph = resized(space.graph, **given, width=float(values.get("width", 1)))
    return apply(graph, policy_of(graph, values))


WHERE = (
    "clock >= 1.5 GHz or threads == 1",
    "batch == 1 or clock >= 2 GHz",  # a table that no point of some blocks asks for
    "threads < 4 or width == 1",
    "size != 5 or memories.L2.size > 100 KiB",
)


@st.composite
def questions(draw: st.DrawFn, of: Mapping[str, Any]) -> dict[str, Any]:
    """A few axes together, with one value or two each."""
    axes: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(sorted(of)), min_size=2, max_size=5, unique=True)):
        values = of[name]
        if isinstance(values, list):
            values = draw(st.permutations(values))[: draw(st.integers(1, 2))]
        axes[name] = values
    question: dict[str, Any] = {"axes": axes}
    if "profile" not in axes:
        question["profile"] = "zen-4"
    if not {"recipes", "predictor"} & set(axes):
        question["predictor"] = "instructions:own"
    question["where"] = draw(st.lists(st.sampled_from(WHERE), max_size=2, unique=True))
    return question


def check(data: st.DataObject, given: dict[str, Any], **of: Any) -> None:
    try:
        space = resolve(spec_of(metrics=["latency_s", "energy_j"], layers=True, **given, **of))
    except SpecError:  # two axes set the same, or nothing is left
        reject()
    assume(space.left)
    block = whole(space)
    found, out = evaluate(space, block), mask(space, block)
    names = rows(space)
    shape = block.shape
    for metric in space.metrics:
        assert found[metric].shape == shape
        assert found[f"{metric}_by_layer"].shape == (*shape, len(names))
        assert np.isnan(found[metric][out]).all()
        assert np.isnan(found[f"{metric}_by_layer"][out]).all()
    left = np.argwhere(~out)
    for _ in range(2):
        index = tuple(left[data.draw(st.integers(0, len(left) - 1))].tolist())
        table, alone = single(space, point(space, index))
        for metric in space.metrics:
            np.testing.assert_array_equal(found[metric][index], alone.totals[metric])
            expected = np.zeros(len(names))
            waiting = 0.0
            for name, figure in zip(table.names, alone.columns[metric].tolist(), strict=True):
                if (space.graph is not None and name not in names) or name.endswith(".sign"):
                    waiting = figure  # told with the layer behind it
                    continue
                row = names.index(name) if space.graph is not None else 0
                expected[row], waiting = waiting + figure, 0.0
            np.testing.assert_array_equal(found[f"{metric}_by_layer"][index], expected)
    chunk = tuple(data.draw(st.integers(1, size)) for size in shape)
    for part in list(Tasks(shape, chunk))[:3]:  # blocks change no figure
        for name, array in evaluate(space, part).items():
            np.testing.assert_array_equal(array, found[name][part.slices])


SOME = settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.generate])


@given(st.data(), questions({**MACHINE, **NETWORK}))
@SOME
def test_a_point_of_a_network_is_its_prediction(data: st.DataObject, given: dict[str, Any]) -> None:
    check(data, given, model=tiny())


@given(st.data(), questions({**MACHINE, **TEMPLATE}))
@SOME
def test_a_point_of_a_layer_template_is_its_prediction(
    data: st.DataObject, given: dict[str, Any]
) -> None:
    swept = {name for axis, values in given["axes"].items() for name in (axis, *_linked(values))}
    check(data, given, layer={name: size for name, size in LAYER.items() if name not in swept})


def _linked(values: Any) -> tuple[str, ...]:
    return tuple(values["link"]) if isinstance(values, Mapping) and "link" in values else ()


def test_what_no_program_can_run_and_no_network_can_be_is_left_out() -> None:
    """numpy has no binary kernels; two ways of a residual network meet at even sizes only."""
    axes = {"recipes": ["own", "numpy"], "binarize": ["none", "xnor"]}
    for of in ({"model": tiny()}, {"layer": LAYER}):
        space = resolve(spec_of(profile="zen-4", axes=axes, **of))
        assert mask(space, whole(space)).tolist() == [[False, False], [False, True]]
        assert np.isnan(evaluate(space, whole(space))["latency_s"]).sum() == 1
        assert any("no kernel for 'binary'" in note for note in space.notes)
    axes = {"input_size": [64, 65], "width": [0.25, 1], "batch": [1, 2]}
    with pytest.raises(
        SpecError, match=r"input_size: 65: .*add5.*do not broadcast.*can be used: 64"
    ):
        resolve(spec_of(model=build("bireal-net-18"), profile="zen-4", axes=axes))


def test_technologies_that_are_not_known_are_left_out() -> None:
    """Of the nodes and voltages some go together: the others would break what is beside them."""
    axes = {
        "energy.node": ["7 nm", "65 nm"],
        "energy.voltage": ["0.5 V", "1.0 V"],
        "clock": "1 GHz",
    }
    space = resolve(
        spec_of(
            model=tiny(),
            profile="zen-4",
            predictor="instructions",
            axes=axes,
            metrics=["energy_j"],
        )
    )
    out = mask(space, whole(space))
    assert out.any()
    found = evaluate(space, whole(space))["energy_j"]
    np.testing.assert_array_equal(np.isnan(found), out)
    for index in map(tuple, np.argwhere(~out).tolist()):
        assert found[index] == single(space, point(space, index))[1].totals["energy_j"]


def test_a_table_that_one_block_leaves_out_is_there_in_the_next() -> None:
    space = resolve(
        spec_of(
            layer={"filters": 36, "kernel": 3, "size": 9},
            profile="zen-4",
            predictor="instructions",
            axes={"clock": ["1 GHz", "3 GHz"], "channels": [60, 24]},
            where=["channels == 60 or clock > 2 GHz"],
        )
    )
    found = [evaluate(space, block)["latency_s"] for block in Tasks((2, 2), (1, 2))]
    np.testing.assert_array_equal(np.concatenate(found), evaluate(space, whole(space))["latency_s"])
    assert found[1][0, 1] == single(space, point(space, (1, 1)))[1].totals["latency_s"]
