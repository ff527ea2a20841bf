"""The arithmetic of a prediction: it gives the prediction, and can be done again from the JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from xnorsim.analysis import analyze, explain
from xnorsim.cost.derivation import explain_layer, recipes_of
from xnorsim.cost.inputs import inputs
from xnorsim.cost.recipes import RECIPE_SETS, recipe_set
from xnorsim.cost.recipes.rules import extent_rule
from xnorsim.cost.sensitivity import one_at_a_time
from xnorsim.errors import UsageError
from xnorsim.machine.instructions import CLASSES
from xnorsim.machine.profile import load_profile
from xnorsim.show.forms import Form, render
from xnorsim.work.table import layer_table
from xnorsim.zoo import build

CASES = [
    # (network, profile, set, layer, threads, why)
    ("resnet18", "raspberry-pi-4b", "own", "stage2.0.conv1", 1, "issue binds, an im2col"),
    ("resnet18", "raspberry-pi-4b", "larq", "stage4.1.conv2", 4, "bandwidth is shared by threads"),
    ("resnet18", "raspberry-pi-4b", "own", "max_pool1", 3, "a pass, dealt out evenly"),
    ("resnet18", "pixel-1", "dabnn", "stage1.0.conv1", 1, "a direct convolution"),
    ("resnet18-k", "raspberry-pi-4b", "own", "stage1.0.conv1", 1, "the map K besides"),
    ("resnet18", "zen-4", "own", "fc", 2, "four levels of memory"),
    ("resnet18", "zen-4", "own", "stage1.0.conv1.sign", 1, "signs"),
    ("alexnet", "cortex-m7", "own", "conv2", 1, "no vectors"),
]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[1]}-{case[2]}-{case[3]}")
def case(request) -> tuple[Any, dict[str, Any]]:
    """What was asked, and the document of the explanation."""
    network, profile, program, layer, threads, _ = request.param
    network, _, scaled = network.partition("-")
    options = {
        "binarize": "xnor",
        "scaling": "alpha_k" if scaled else "alpha",
        "threads": threads,
        "predictor": f"instructions:{program}",
    }
    found = explain(network, profile=profile, layer=layer, **options)
    report = analyze(network, profile=profile, **options)
    place = report.table.names.index(layer)
    prediction = report.predictions[0]
    expected = {name: float(column[place]) for name, column in prediction.columns.items()}
    return (expected, prediction.bounds[place]), json.loads(render(found, Form.JSON))["layer"]


def test_it_ends_at_the_prediction(case):
    (expected, bound), layer = case
    for name, value in expected.items():
        assert layer[name] == pytest.approx(value, rel=1e-12), name
    assert layer["bound"] == bound


@pytest.mark.parametrize(
    ("network", "machine", "program", "fuse"),
    [
        ("binary-densenet-28", "raspberry-pi-4b", "larq", "bn,relu"),
        ("alexnet", "raspberry-pi-3b-plus", "tflite", "none"),
        ("quicknet", "skylake-sp", "own", "bn,relu,add"),
    ],
)
def test_every_layer_of_a_network_ends_at_its_prediction(network, machine, program, fuse):
    """Also those that are fused, and read what their hosts have not at hand."""
    profile = load_profile(machine)
    report = analyze(
        network, profile=profile, predictor=f"instructions:{program}", threads=2, fuse=fuse
    )
    table, prediction = report.table, report.predictions[0]
    for place in range(len(table)):
        found = explain_layer(table, place, profile, prediction)
        expected = {name: column[place] for name, column in prediction.columns.items()}
        got = [found.latency_s, found.energy_j]
        wanted = [expected["latency_s"], expected["energy_j"]]
        np.testing.assert_allclose(got, wanted, rtol=1e-12, err_msg=found.name)
        assert not found.latency_s or found.bound == prediction.bounds[place]


def test_it_can_be_done_again_from_the_document(case):
    """Only with what the document says, in the order of a hand calculation."""
    _, layer = case
    latency = layer["overhead_s"]
    for stage in layer["stages"]:
        time = _core_seconds(layer, stage)
        for item in stage["transfers"]:
            shared = item["shared_bandwidth_bytes_per_s"] or math.inf
            alone = item["core_bandwidth_bytes_per_s"] * layer["threads"]
            part = sum(item["operand_bytes"].values()) / min(alone, shared)
            assert item["seconds"] == pytest.approx(part)
            time = max(time, part) + (1 - item["overlap"]) * min(time, part)
            assert item["together_s"] == pytest.approx(time)
        assert stage["seconds"] == pytest.approx(time)
        latency += time
    assert layer["latency_s"] == pytest.approx(latency)
    assert layer["latency_s_low"] <= layer["latency_s"] <= layer["latency_s_high"]
    _check_energy(layer)


def _core_seconds(layer: dict[str, Any], stage: dict[str, Any]) -> float:
    core = stage["core"]
    issued = {item["name"]: item["instructions"] for item in core["classes"]}
    assert issued == pytest.approx(_issued(layer, stage["name"]))
    chain = sum(item["instructions"] * item["latency_cycles"] for item in core["chains"])
    cycles = max(_limit(core) / core["efficiency"], chain)
    assert core["cycles"] == pytest.approx(cycles)
    threads, pieces = layer["threads"], core["pieces"]
    share = math.ceil(pieces / threads) / pieces if pieces else 1 / threads
    assert core["seconds"] == pytest.approx(cycles * share / core["clock_hz"])
    return core["seconds"]


def _issued(layer: dict[str, Any], stage: str | None = None) -> dict[str, float]:
    """Class -> instructions by the parts of a stage, or of all."""
    found: dict[str, float] = {}
    for kernel in layer["kernels"]:
        for part in kernel["parts"]:
            for name, count in part["instructions"].items():
                if stage in (None, part["stage"]):
                    found[name] = found.get(name, 0) + count * part["times"]
    return {name: count for name, count in found.items() if count}


def _limit(core: dict[str, Any]) -> float:
    """The largest limit, each from the classes' busy cycles and ports."""
    for limit in core["limits"]:
        is_issue = limit["name"] == "issue"
        ports = set(limit["name"].split("+"))
        inside = [item for item in core["classes"] if is_issue or set(item["ports"]) <= ports]
        each = "uops" if is_issue else "busy_cycles"
        work = sum(item["instructions"] * item[each] for item in inside)
        assert limit["work"] == pytest.approx(work), limit["name"]
        assert limit["cycles"] == pytest.approx(work / limit["width"]), limit["name"]
        assert is_issue or limit["width"] == len(ports)
    # what any class asks of its own ports is among the limits, so that none is left out
    names = [frozenset(limit["name"].split("+")) for limit in core["limits"]]
    assert {frozenset(item["ports"]) for item in core["classes"]} <= set(names)
    cycles = [limit["cycles"] for limit in core["limits"]]
    assert cycles == sorted(cycles, reverse=True)
    return cycles[0]


def _check_energy(layer: dict[str, Any]) -> None:
    amounts: dict[str, float] = {}
    for share in layer["energy"]:
        energy = sum(term["amount"] * term["each_j"] for term in share["terms"])
        assert share["energy_j"] == pytest.approx(energy), share["name"]
        amounts |= {term["what"]: term["amount"] for term in share["terms"]}
    total = sum(share["energy_j"] for share in layer["energy"])
    assert layer["energy_j"] == pytest.approx(total)
    assert sum(share["share"] for share in layer["energy"]) == pytest.approx(1)
    assert amounts["all instructions"] == pytest.approx(sum(_issued(layer).values()))
    assert amounts["latency"] == layer["latency_s"]
    near = layer["nearest"]
    moved = near["vectors"] * near["vector_bytes"] + near["words"] * near["word_bytes"]
    assert amounts["loads and stores"] == pytest.approx(moved)
    for over in {f"{t['inner']}-{t['outer']}" for s in layer["stages"] for t in s["transfers"]}:
        crossed = [
            sum(item["operand_bytes"].values())
            for stage in layer["stages"]
            for item in stage["transfers"]
            if f"{item['inner']}-{item['outer']}" == over
        ]
        assert amounts[f"bytes {over}"] == pytest.approx(sum(crossed))


def test_a_kernel_does_its_stages_one_after_another(case):
    _, layer = case
    names = [stage["name"] for stage in layer["stages"]]
    assert len(names) == len(set(names))
    assert {part["stage"] for k in layer["kernels"] for part in k["parts"] if part["times"]} <= {
        *names
    }
    assert ("product" in names) == (layer["macs"] > 0) == ("pass" not in names)


def test_every_quantity_that_moves_a_layer_is_among_its_inputs():
    """Whatever changes the layer's latency or energy when it alone is moved."""
    found = explain("resnet18", profile="raspberry-pi-4b", layer="stage1.0.conv1", binarize="xnor")
    used = {item.path for item in found.layer.inputs}
    moving = {item.input.path for items in found.sensitivities.values() for item in items}
    assert {"core.issue_width", "energy.static"} <= moving <= used
    assert "throughput.fp32" not in used, "a figure of the roofline"
    assert all(item.source for item in found.layer.inputs)


def test_ends_are_taken_one_at_a_time():
    free = [item for item in inputs(load_profile("raspberry-pi-4b")) if item.is_free][:3]
    points = np.concatenate(list(one_at_a_time(free).values()), axis=1)
    values = [item.value for item in free]
    for i, item in enumerate(free):
        for row, end in ((2 * i, item.low), (2 * i + 1, item.high)):
            expected = [*values[:i], end, *values[i + 1 :]]
            np.testing.assert_array_equal(points[row], expected)


def test_sensitivity_is_what_a_changed_profile_gives():
    """A prediction from a profile whose static power is at its high end."""
    profile = load_profile("raspberry-pi-4b")
    found = explain("alexnet", profile=profile)
    moved = {item.input.path: item for item in found.sensitivities["energy_j"]}["energy.static"]
    assert profile.energy is not None
    static = profile.energy.static
    high = profile.model_copy(
        update={
            "energy": profile.energy.model_copy(
                update={"static": static.model_copy(update={"value": static.high})}
            )
        }
    )
    again = analyze("alexnet", profile=high, predictor="instructions:own")
    assert moved.at_high == pytest.approx(again.predictions[0].totals["energy_j"])
    assert moved.at_low < found.totals["energy_j"] < moved.at_high


def test_shares_are_in_order_and_no_chance():
    found = explain("resnet18", profile="raspberry-pi-4b", binarize="xnor")
    for items in found.sensitivities.values():
        shares = [item.share for item in items]
        assert shares == sorted(shares, reverse=True)
        assert 1 <= len(items) <= 8
        for item in items:
            assert not item.input.path.startswith(("throughput", "scalar")), "of the roofline"


@pytest.mark.parametrize("name", RECIPE_SETS)
def test_every_part_says_how_often_it_runs(name):
    kernels = {
        kernel.name: kernel
        for alternatives in recipe_set(name).kernels.values()
        for several in alternatives
        for kernel in several
    }
    for kernel in kernels.values():
        for part in kernel.parts:
            rule = extent_rule(part.per)
            assert len(rule) > 3, (kernel.name, part.what)
            assert "lambda" not in rule
            assert "<" not in rule


def test_an_extent_made_for_a_number_names_it():
    from xnorsim.cost.recipes.extents import folds, steps

    assert extent_rule(folds(31)).endswith("limit = 31")
    assert extent_rule(steps) == "inner steps: tiles x steps of a tile"


def test_another_prediction_has_no_instructions():
    profile = load_profile("raspberry-pi-4b")
    report = analyze("alexnet", profile=profile)
    with pytest.raises(UsageError, match="'roofline' has no instructions"):
        recipes_of(report.predictions[0], profile)
    with pytest.raises(UsageError, match="paper-64ops has no instructions"):
        explain_layer(
            layer_table(build("alexnet")), 0, load_profile("paper-64ops"), report.predictions[0]
        )


def test_a_profile_without_energies_has_no_shares():
    profile = load_profile("raspberry-pi-4b").model_copy(update={"energy": None})
    layer = explain("alexnet", profile=profile).layer
    assert layer.energy == ()
    assert math.isnan(layer.energy_j)
    assert not any(item.path.startswith("energy") for item in layer.inputs)


def test_classes_are_in_the_order_of_all():
    layer = explain("alexnet", profile="raspberry-pi-4b").layer
    for stage in layer.stages:
        order = [list(CLASSES).index(item.name) for item in stage.core.classes]
        assert order == sorted(order)
