"""The questions asked from Python."""

from __future__ import annotations

import json
import math

import pytest

import xnorsim as xs
from xnorsim import zoo
from xnorsim.analysis import make_policy, parse_fuse
from xnorsim.errors import InputError, UsageError
from xnorsim.network.precision import Scaling
from xnorsim.work.fusion import Fuse
from xnorsim.work.table import COLUMNS, NOT_SUMMED


@pytest.fixture(scope="module")
def report():
    return xs.analyze("resnet18", binarize="xnor", profile=["raspberry-pi-4b", "paper-64ops"])


def test_one_line_answers(report):
    assert report.totals["macs"] == 1_814_073_344
    # all but the first convolution (118,013,952) and the classifier (512,000)
    assert report.totals["binary_macs"] == 1_814_073_344 - 118_013_952 - 512_000
    assert [item.profile for item in report.predictions] == ["raspberry-pi-4b", "paper-64ops"]
    assert report.predictions[0].speedup["paper"] > 1


def test_layers_are_a_frame(report):
    frame = report.layers
    assert set(COLUMNS) <= set(frame.columns)
    assert frame["macs"].sum() == report.totals["macs"]
    assert frame.index.name == "layer"
    assert frame.loc["conv1", "kind"] == "conv"


def test_costs_are_a_frame(report):
    frame = report.costs
    assert frame.index.names == ["profile", "layer"]
    twice = xs.analyze("resnet18", profile=["pixel-1", "pixel-1"])
    assert len(twice.costs) == 2 * len(twice.layers)
    assert frame.loc["raspberry-pi-4b", "latency_s"].sum() == pytest.approx(
        report.predictions[0].totals["latency_s"]
    )
    assert xs.analyze("resnet18").costs.empty


def test_document_has_the_promised_form(report):
    doc = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    promised = ["schema", "model", "assumptions", "layers", "totals", "predictions"]
    assert [name for name in doc if name in promised] == promised
    assert doc["schema"] == 1
    assert {"name", "kind", *COLUMNS} <= set(doc["layers"][0])
    assert {"peak_activation_bits", "weight_bits", "weight_bits_fp32"} <= set(doc["totals"])
    costs = {
        f"{name}{end}" for name in ("latency_s", "energy_j") for end in ("", "_low", "_high")
    } | {"bound"}
    for item in doc["predictions"]:
        assert {"profile", "threads", "predictor", "layers", "totals", "speedup"} <= set(item)
        assert set(item["layers"][0]) == {"name", *costs}
        assert set(item["totals"]) == costs
        assert set(item["speedup"]) == {"paper", "scalar", "peak"}
        assert len(item["layers"]) == len(doc["layers"])


def test_layers_of_the_document_add_up_to_its_totals(report):
    doc = report.to_dict()
    for column in set(COLUMNS) - set(NOT_SUMMED):
        assert sum(layer[column] for layer in doc["layers"]) == doc["totals"][column]
    for item in doc["predictions"]:
        total = math.fsum(layer["latency_s"] for layer in item["layers"])
        assert total == pytest.approx(item["totals"]["latency_s"], rel=1e-12)


def test_unknown_energy_is_null_and_not_zero(report):
    paper = report.to_dict()["predictions"][1]
    assert paper["profile"] == "paper-64ops"
    assert paper["totals"]["energy_j"] is None


def test_options_change_the_assumptions():
    doc = xs.analyze(
        "resnet18", binarize="xnor", keep="first", scaling="alpha_k", fuse="none", batch=2
    ).to_dict()
    found = doc["assumptions"]
    assert found["binarize"] == "xnor"
    assert found["high_precision_layers"] == ["conv1"]
    assert (found["scaling"], found["fuse"]) == ("alpha_k", [])
    assert doc["totals"]["macs"] == 2 * 1_814_073_344


def test_binarizing_changes_no_macs_but_their_kind():
    found = [xs.analyze("alexnet", binarize=how).totals for how in ("none", "bwn", "xnor")]
    assert len({item["macs"] for item in found}) == 1
    assert found[1]["bwn_macs"] == found[2]["binary_macs"] > 0
    assert found[0]["fp_macs"] == found[0]["macs"]


def test_a_graph_is_analyzed_as_it_is():
    graph = zoo.build("resnet18", batch=3)
    assert xs.analyze(graph).totals["macs"] == 3 * 1_814_073_344
    with pytest.raises(UsageError, match="set them where it is loaded"):
        xs.analyze(graph, batch=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "resnet19"}, r"'resnet19' is neither a file nor .* did you mean resnet18"),
        ({"binarize": "xor"}, "binarize 'xor': did you mean xnor"),
        ({"scaling": "beta"}, "scaling 'beta': .*valid choices: alpha, alpha_k, none"),
        ({"binarize": "bwn", "scaling": "alpha_k"}, "does not go with"),
        ({"fuse": "bn,gelu"}, "fuse 'gelu': .*valid choices: add, bn, none, relu"),
        ({"batch": 0}, "batch must be a whole number of at least 1, not 0"),
        ({"profile": "raspberry-pi-5b"}, "did you mean raspberry-pi-5"),
        ({"profile": "raspberry-pi-4b", "threads": 8}, "has 4 cores"),
        ({"threads": 2}, "give a profile too"),
        ({"batch": 2.5}, "batch must be a whole number of at least 1, not 2.5"),
        ({"threads": "2"}, "threads must be a whole number of at least 1, not '2'"),
        ({"fuse": "none,bn"}, "fuse 'none' does not go with others"),
        ({"predictor": "formula"}, "give a profile too"),
        ({"input_shape": {"input": (1, 3, 8, 8)}}, "fixed input shape"),
        ({"binarize": "xnor", "keep": "stage1.0.cnv1"}, "did you mean stage1.0.conv1"),
    ],
)
def test_what_makes_no_sense_is_named_with_the_choices(options, message):
    with pytest.raises(InputError, match=message):
        xs.analyze(**{"model": "resnet18", **options})


def test_words_become_policies():
    policy = make_policy("xnor", ["first", "a*"], "none", True)
    assert (policy.keep, policy.scaling, policy.depthwise) == (("first", "a*"), Scaling.NONE, True)
    assert parse_fuse("bn,relu,bn") == (Fuse.BN, Fuse.RELU)
    assert parse_fuse("none") == parse_fuse([]) == ()


def test_compare_needs_two_of_something():
    with pytest.raises(UsageError, match="one model is compared on two profiles, and 1 were given"):
        xs.compare("resnet18", profile="pixel-1")


def test_a_report_shows_itself_in_a_notebook(report):
    page = report._repr_html_()
    assert "resnet18" in page
    assert "raspberry-pi-4b" in page
    assert "<script" not in page


def test_two_models_are_compared_on_one_profile():
    with pytest.raises(UsageError, match="compared on one profile, and 2 were given"):
        xs.compare("resnet18", "alexnet", profile=["pixel-1", "raspberry-pi-4b"])


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 3, 8, 8), r"maps names to shapes.*not \(1, 3, 8, 8\)"),
        ({"x": "1,3,8,8"}, "'x' must be a list of numbers"),
        ({"x": (1, 3, 8.5, 8)}, "'x' must be a whole number of at least 1, not 8.5"),
    ],
)
def test_an_input_shape_of_another_type_is_named(data, shape, message):
    with pytest.raises(UsageError, match=message):
        xs.analyze(data / "onnx" / "resnet18__dynamo.onnx", input_shape=shape)


def test_a_report_shows_itself_in_plain_python(report):
    assert "1.81 G" in repr(report)
    assert repr(zoo.build("alexnet")).startswith("<Graph alexnet: ")


def test_what_cannot_be_binarized_is_said(data):
    doc = xs.analyze("alexnet", binarize="xnor", keep="conv2,first").to_dict()
    assert doc["assumptions"]["high_precision_layers"] == ["conv1", "conv2"]


def test_a_profile_may_be_compared_with_itself():
    found = xs.compare("resnet18", profile=["pixel-1", "pixel-1"]).to_dict()
    assert found["totals"]["latency_s_ratio"] == 1.0


@pytest.mark.parametrize("program", ["own", "larq", "dabnn"])
def test_the_instructions_of_a_program_are_named_with_it(program):
    report = xs.analyze(
        "resnet18", binarize="xnor", profile="raspberry-pi-4b", predictor=f"instructions:{program}"
    )
    (item,) = report.to_dict()["predictions"]
    assert item["predictor"] == f"instructions:{program}"
    totals = item["totals"]
    assert 0 < totals["latency_s_low"] <= totals["latency_s"] <= totals["latency_s_high"]
    assert {layer["bound"] for layer in item["layers"]} <= {
        "instructions",
        "L2",
        "DRAM",
        "overhead",
    }
    assert program in str(report)


WITHOUT = [
    ("instructions:dabn", "raspberry-pi-4b", "no recipe set 'dabn': did you mean dabnn"),
    ("instruction", "raspberry-pi-4b", "no predictor 'instruction': did you mean instructions"),
    ("formula:own", "raspberry-pi-4b", "no predictor 'formula:own'"),
    ("instructions", "paper-64ops", "paper-64ops has no sections 'core' and 'instructions'"),
    (
        "instructions:larq",
        "haswell",
        "profile haswell: recipe set 'larq' is code for aarch64.*sets for other machines: own",
    ),
    ("instructions:scalar", "raspberry-pi-4b", "has no kernel for 'binary'"),
]


@pytest.mark.parametrize(("predictor", "profile", "message"), WITHOUT)
def test_a_prediction_that_cannot_be_made_says_what_is_missing(predictor, profile, message):
    with pytest.raises(InputError, match=message):
        xs.analyze("resnet18", binarize="xnor", profile=profile, predictor=predictor)


def test_a_network_that_main_memory_does_not_hold_is_noted():
    found = xs.analyze("quicknet", profile=["cortex-m7", "raspberry-pi-4b"])
    notes = [note for note in found.assumptions["notes"] if "take" in note]
    # 4.17 MiB of weights, and activations on top, beyond the 1 MiB of flash
    assert len(notes) == 1, "the board of 4 GiB holds it"
    assert notes[0].startswith("cortex-m7: weights and live activations take ")
    assert "more than the 1.00 MiB of flash; predicted as if they fitted" in notes[0]
