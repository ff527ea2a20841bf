"""From a spec, in YAML or in keywords, to a space: what is asked for, and every fault at once."""

from __future__ import annotations

import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.explore.spaces import tiny
from xnorsim.errors import SpecError, UsageError
from xnorsim.explore.identity import described, fingerprint_of
from xnorsim.explore.resolve import resolve, size_text
from xnorsim.explore.space import Space, points
from xnorsim.explore.spec import read_spec, spec_of
from xnorsim.machine.fields import with_values
from xnorsim.machine.profile import load_profile
from xnorsim.network.graph import Graph

YAML = """\
model: tiny
profile: zen-4
predictor: instructions:own
axes:
  clock: 1 GHz .. 2 GHz step 0.5 GHz
  memories.L2.size: [256 KiB, 512 KiB, 1 MiB]
  far:
    link: [memories.L2.bandwidth, memories.L3.bandwidth]
    values: [[92 GB/s, 66 GB/s], [184 GB/s, 132 GB/s]]
  binary: {subsets: [conv1, "fc*"]}
  threads: 1 .. 4
  simd.bits: [128, 256]
where: ["memories.L2.size <= 256 KiB * threads", "simd.bits >= 256 or clock > 1 GHz"]
metrics: [latency_s, energy_j]
reduce: pareto:latency_s,energy_j
"""


def load(name: str) -> Graph:
    if name != "tiny":
        raise UsageError(f"no network {name!r}: valid choices: tiny")
    return tiny()


def of_yaml(text: str) -> Space:
    return resolve(read_spec(text.encode(), "my.yaml"), load)


def of_words(**given: Any) -> Space:
    return resolve(spec_of(**{"model": tiny(), "profile": "zen-4", **given}), load)


def faults_of(make: Callable[[], Space]) -> list[str]:
    with pytest.raises(SpecError) as caught:
        make()
    return str(caught.value).splitlines()


def test_a_spec_becomes_a_space() -> None:
    space = of_yaml(YAML)
    assert [axis.name for axis in space.axes] == [
        "clock", "memories.L2.size", "far", "binary", "threads", "simd.bits",
    ]  # fmt: skip
    assert space.shape == (3, 3, 2, 4, 4, 2)
    # L2 and threads: 4 + 3 + 1 of 12; bits and clock: 5 of 6; the others are free
    fits = sum(size <= threads for size in (1, 2, 4) for threads in (1, 2, 3, 4))
    assert space.left == fits * 5 * 2 * 4
    assert space.fixed["binarize"] == "xnor"  # since layers are chosen
    assert space.metrics == ("latency_s", "energy_j")
    told = f"576 points (3 x 3 x 2 x 4 x 4 x 2), of which {space.left} are left"
    assert size_text(space) == f"{told}; reduced by pareto:latency_s,energy_j"


def test_the_words_of_python_end_in_the_same_space() -> None:
    space = of_words(
        predictor="instructions:own",
        axes={
            "clock": {"values": np.arange(1.0, 2.5, 0.5), "unit": "GHz"},
            "memories.L2.size": ("256 KiB", "512 KiB", "1 MiB"),
            "far": {
                "link": ("memories.L2.bandwidth", "memories.L3.bandwidth"),
                "values": (("92 GB/s", "66 GB/s"), ("184 GB/s", "132 GB/s")),
            },
            "binary": {"subsets": ["conv1", "fc*"]},
            "threads": range(1, 5),
            "simd.bits": np.array([128, 256]),
        },
        where=["memories.L2.size <= 256 KiB * threads", "simd.bits >= 256 or clock > 1 GHz"],
        metrics=("latency_s", "energy_j"),
        reduce="pareto:latency_s,energy_j",
        layers=None,
    )
    assert described(space)["axes"] == described(of_yaml(YAML))["axes"]
    assert space.left == of_yaml(YAML).left
    assert space.fingerprint == of_yaml(YAML).fingerprint


def test_the_fingerprint_is_of_what_decides_a_figure() -> None:
    space = of_yaml(YAML)
    again = of_yaml(YAML.replace("1 GHz .. 2 GHz step 0.5 GHz", "[1 GHz, 1.5 GHz, 2 GHz]"))
    assert space.fingerprint == again.fingerprint == fingerprint_of(space)
    changes = [
        ("2 GHz step", "3 GHz step"),
        ("predictor: instructions:own", "predictor: instructions:popcnt"),
        ("<= 256 KiB * threads", "<= 128 KiB * threads"),
        ("[latency_s, energy_j]", "[energy_j, latency_s]"),
        ("reduce: pareto:latency_s,energy_j", "layers: true"),
        ("profile: zen-4", "profile: zen-4\nscaling: none"),
    ]
    prints = [of_yaml(YAML.replace(old, new)).fingerprint for old, new in changes]
    assert len({space.fingerprint, *prints}) == len(changes) + 1


def test_the_fingerprint_sees_into_machines_and_networks() -> None:
    axes = {"threads": [1, 2]}
    usual = of_words(axes=axes)
    faster = with_values(load_profile("zen-4"), {"overhead.layer": "1 us"})  # of the same name
    assert of_words(axes=axes, profile=faster).fingerprint != usual.fingerprint
    graph = tiny()
    nodes = tuple(replace(n, name="other") if n.name == "fc1" else n for n in graph.nodes)
    renamed = replace(graph, nodes=nodes)
    assert of_words(axes=axes, model=renamed).fingerprint != usual.fingerprint
    assert of_words(axes=axes, model=tiny()).fingerprint == usual.fingerprint


def test_two_machines_of_one_name_stay_apart() -> None:
    own = load_profile("zen-4")
    other = with_values(own, {"clock": "1 GHz"})
    space = of_words(profile=None, axes={"profile": [own, other]})
    assert space.axes[0].texts == (("zen-4", "zen-4#2"),)
    assert space.profiles["zen-4#2"].clock.value == "1 GHz"


def test_every_fault_is_told_at_once_with_line_path_and_choices() -> None:
    text = """\
model: tny
profile: zen-4
threads: 2
speed: 3
axes:
  clok: 1
  memories.L2.size: [1 GHz, 2 MiB]
  simd.bits: []
  x: {link: [clock, threads], values: [[1 GHz, 1], [2 GHz, 2]]}
  cores: 1 .. 1e15
  recipes: [own]
  predictor: roofline
where:
  - clock > 3 MiB and foo > 1
  - threads >
metrics: [latency]
reduce: front
layers: 3
"""
    found = faults_of(lambda: of_yaml(text))
    expected = [
        "spec my.yaml has 14 faults:",
        "my.yaml:1: model: no network 'tny'",
        "my.yaml:3: threads: threads is given twice: axis x sets it already",
        "my.yaml:4: speed: unknown key",
        "my.yaml:6: axes.clok: no field 'clok': did you mean clock?",
        "my.yaml:7: axes.memories.L2.size[0]: '1 GHz': 'GHz' does not measure byte",
        "my.yaml:8: axes.simd.bits: holds no value",
        "my.yaml:10: axes.cores: has 1,000,000,000,000,000 values",
        "my.yaml:12: axes.predictor: predictor is given twice: axis recipes sets it already",
        "my.yaml:14: where[0]: column 7: one side is in 1/second, the other in byte",
        "my.yaml:14: where[0]: column 19: no field 'foo'",
        "my.yaml:15: where[1]: column 10: expected a number or a field before the end",
        "my.yaml:16: metrics[0]: no metric 'latency': did you mean latency_s?",
        "my.yaml:17: reduce: 'front' is not known",
        "my.yaml:18: layers: is true or false (got 3)",
        "it would be 2 points (2 x 1 x 1)",
    ]
    for line, start in zip(found, expected, strict=True):
        assert line.startswith(start)


_LAYER = {"channels": 64, "filters": 64, "kernel": 3, "size": 14}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"axes": {}}, "axes: is missing or empty"),
        ({"axes": [1]}, "axes: maps fields to their values"),
        ({"axes": {"threads": 1}, "profile": None}, "profile: is missing"),
        ({"axes": {"threads": 1, "clock": "1 GHz"}, "profile": "zen4"}, "no profile is named"),
        ({"axes": {"profile": ["zen-4", "zen4"]}, "profile": None}, "axes.profile[1]: no profile"),
        ({"axes": {"profile": [3]}, "profile": None}, "axes.profile[0]: is the name or path"),
        ({"axes": {"threads": 1}, "model": None}, "model: is missing"),
        ({"axes": {"threads": 1}, "layer": _LAYER}, "layer: stands beside model"),
        ({"axes": {"binary": "stage*"}}, "axes.binary: 'stage*' fits no layer that can be binary"),
        ({"axes": {"threads": 1}, "high_precision": "cnv1"}, "did you mean conv1"),
        ({"axes": {"binary": "conv1"}, "high_precision": "fc0"}, "high_precision is given twice"),
        (
            {"axes": {"instructions.popcount.busy": 1, "instructions.popcount.per_cycle": 2}},
            "is given twice: axis instructions.popcount.busy sets it already",
        ),
        ({"axes": {"policy": "xnor", "binarize": "bwn"}}, "axis policy sets it already"),
        ({"axes": {"threads": 1}, "where": 3}, "where: is a list of conditions"),
        ({"axes": {"threads": 1}, "where": [3]}, "where[0]: is a condition in text"),
        ({"axes": {"threads": 1}, "where": "width > 1"}, "'width' has no value"),
        ({"axes": {"threads": 1}, "metrics": []}, "metrics: is a list of metrics"),
        ({"axes": {"threads": 1}, "reduce": "pareto:speed"}, "reduce: no metric 'speed'"),
        ({"axes": {"threads": 1}, "threads": 1}, "threads: threads is given twice"),
        ({"axes": {"clock": "1 GHz"}, "threads": "x"}, "threads: 'x' is not of the form"),
        (
            {"axes": {"threads": 1}, "profile": "paper-64ops", "metrics": "energy_j"},
            "energy_j: profile paper-64ops has no energies",
        ),
        # what can be used at no point at all
        ({"axes": {"threads": [1, 200]}}, "200: a machine has one core for a thread"),
        ({"axes": {"clock": "1 GHz"}, "threads": 97}, "no point is left: a machine has one core"),
        ({"axes": {"recipes": ["own", "larq"]}}, "larq: recipe set 'larq' is code for aarch64"),
        ({"axes": {"simd.bits": [192, 256]}, "recipes": "own"}, "192 bit: recipe set 'own'"),
        ({"axes": {"clock": "1 GHz"}, "recipes": "larq"}, "(profile zen-4, recipes larq)"),
        ({"axes": {"memories.L2.size": ["1 MiB", "1 GiB"]}}, "memories.L2.size is below"),
        ({"axes": {"energy.node": ["7 nm", "800 nm"]}}, "800 nm: no energy is known for a node"),
        ({"axes": {"energy.voltage": ["0.7 V", "9 V"]}}, "9 V: no energy is known"),
        (
            {"axes": {"threads": 1}, "metrics": "energy_j"},
            "profile zen-4 does not tell the energy of each operation, as a roofline needs it",
        ),
        (
            {"axes": {"threads": 1}, "metrics": "energy_j", "predictor": "formula"},
            "energy_j: the paper's formula tells none",
        ),
        ({"axes": {"threads": 1}, "binarize": "bwn", "scaling": "alpha_k"}, "alpha_k does not go"),
        (
            {"axes": {"recipes": "own"}, "profile": "paper-64ops"},
            "profile paper-64ops has no instructions to predict from",
        ),
        # conditions that contradict each other, or themselves
        (
            {"axes": {"clock": ["1 GHz", "5 GHz"]}, "where": ["clock > 3 GHz", "clock < 2 GHz"]},
            "no point is left where all of this holds: clock > 3 GHz; clock < 2 GHz",
        ),
        ({"axes": {"clock": "1 GHz"}, "where": "2 > 3"}, "where all of this holds: 2 > 3"),
    ],
)  # fmt: skip
def test_what_is_refused(given: dict[str, Any], message: str) -> None:
    found = faults_of(lambda: of_words(**given))
    assert len([line for line in found if message in line]) == 1, found
    assert found[0] == "the sweep has 1 fault:", found


@pytest.mark.parametrize(
    ("layer", "axes", "message"),
    [
        (3, {"threads": 1}, "layer: maps channels, filters"),
        ({"kind": "dense"}, {}, "layer.kind: is not known"),
        ({"chanels": 8}, {}, "layer.chanels: unknown key: did you mean channels?"),
        ({"size": None}, {}, "layer: size is missing: give it here or as an axis"),
        ({}, {"channels": [8, 16]}, "layer.channels: channels is given twice: axis channels"),
        ({"groups": 3}, {"filters": None, "threads": 1}, "groups divide channels and filters"),
        ({}, {"groups": [1, 3]}, "3: groups divide channels and filters; can be used: 1"),
        ({"size": 10**4}, {"batch": [1, 10**6]}, "1000000: counts are exact up to 2^53"),
        ({}, {"width": [1]}, "no field 'width'"),
    ],
)
def test_layers_that_are_refused(layer: Any, axes: dict[str, Any], message: str) -> None:
    if isinstance(layer, dict):
        layer = {key: value for key, value in {**_LAYER, **layer}.items() if value is not None}
    axes = {key: value for key, value in axes.items() if value is not None} or {"threads": 1}
    found = faults_of(lambda: of_words(model=None, layer=layer, axes=axes))
    assert any(message in line for line in found), found


def test_a_layer_template_has_its_sizes_as_axes() -> None:
    space = of_words(
        model={"kernel": 3, "size": 14},
        axes={
            "c": {"link": ["channels", "filters"], "values": "16 .. 64 step 16"},
            "groups": [1, 32],
        },
    )
    assert space.graph is None
    assert [axis.kind for axis in space.axes] == ["table", "table"]
    assert space.left == 4 + 2  # 32 groups divide 32 and 64
    assert space.notes == (
        "2 of 8 combinations of c and groups left out: groups divide channels and filters",
    )
    assert (space.fixed["stride"], space.fixed["batch"], space.fixed["binarize"]) == (
        "1",
        "1",
        "xnor",
    )


def test_what_some_points_cannot_use_is_left_out_and_told() -> None:
    space = of_words(
        profile=None,
        axes={
            "profile": ["raspberry-pi-4b", "zen-4"],
            "threads": [1, 4, 96],
            "recipes": ["own", "larq"],
            "memories.L2.size": ["512 KiB", "64 MiB"],  # above the L3 of one of them
        },
    )
    assert space.left == 2 * 2 * 2 + 3 * 1 * 1
    assert len(space.notes) == 3
    assert (
        "of profile and recipes left out: recipe set 'larq' is code for aarch64" in space.notes[2]
    )


def test_a_huge_space_is_refused_at_once_with_its_size() -> None:
    axes = {
        "clock": "1 GHz .. 2 GHz log 1000",
        "memories.L1.bandwidth": "1 GB/s .. 2 GB/s log 1000",
        "memories.L2.bandwidth": "1 GB/s .. 2 GB/s log 1000",
        "memories.L3.bandwidth": "1 GB/s .. 2 GB/s log 1000",
        "core.issue_width": "1 .. 8 log 1000",
    }
    start = time.perf_counter()
    tracemalloc.start()
    found = faults_of(lambda: of_words(axes=axes, where="clock * 1 s > 1e9"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "1,000,000,000,000,000 points are more than 10,000,000,000" in found[1]
    assert found[2].startswith("it would be 1,000,000,000,000,000 points (1000 x 1000 x")
    assert "7276 TiB" in found[2]
    assert peak < 20e6
    assert time.perf_counter() - start < 20
    reduced = faults_of(lambda: of_words(axes=axes, reduce="top:10:latency_s"))
    assert "more than 1,000,000,000,000" in reduced[1]
    del axes["core.issue_width"]
    space = of_words(axes=axes, reduce="top:10:latency_s", where="clock > 1 GHz")
    assert points(space) == 10**12
    assert space.left == 999 * 10**9  # counted on the one axis that the condition reads


def test_what_is_too_large_to_be_counted_is_left_to_the_run() -> None:
    sizes = {f"memories.{m}.bandwidth": "1 GB/s .. 2 GB/s log 500" for m in ("L1", "L2", "L3")}
    where = "memories.L1.bandwidth + memories.L2.bandwidth < memories.L3.bandwidth"
    assert of_words(axes=sizes, where=where).left is None


@pytest.mark.parametrize(
    "text",
    [
        "a: &x 1\nb: *x\n",
        "- 1\n",
        "",
        "a: 1\n---\nb: 2\n",
        "a: [\n",
        "\x00",
        "a: " + "[" * 100 + "]" * 100,
        "a: " + "x" * 200_000,
    ],
)
def test_texts_that_are_no_spec(text: str) -> None:
    with pytest.raises(SpecError, match=r"spec my\.yaml cannot be read:\nmy\.yaml:\d+: "):
        read_spec(text.encode(), "my.yaml")


def test_faults_of_form_and_of_content_are_told_together() -> None:
    found = faults_of(
        lambda: of_yaml(
            "model: !!python/name:os.system\nprofile: zen-4\naxes: {clok: 1}\naxes: 2\n"
        )
    )
    assert found[1:4] == [
        "my.yaml:1: model: tags are refused, and nothing is built (got !!python/name:os.system)",
        *[line for line in found if "did you mean clock" in line],
        "my.yaml:4: axes: occurs twice (first on line 3)",
    ]


_CALL = "__import__('os').system('touch owned')"
_USUAL = "model: tiny\nprofile: zen-4\n"
_ATTACKS = [
    "model: !!python/object/apply:os.system ['touch owned']",
    _USUAL + "axes: {threads: !!python/object/apply:os.system ['touch owned']}",
    _USUAL + f'axes: {{threads: "{_CALL}"}}',
    _USUAL + f'axes: {{threads: [1]}}\nwhere: "{_CALL}"',
    _USUAL + "axes: {threads: [1]}\nwhere: \"open('owned', 'w') == 1\"",
    _USUAL + f'axes: {{"{_CALL}": [1]}}',
    _USUAL + f'axes: {{clock: "1 GHz .. 2 GHz step {_CALL}"}}',
    _USUAL + f'axes: {{threads: [1]}}\nreduce: "pareto:{_CALL}"',
    'model: tiny\nprofile: "$(touch owned)"\naxes: {threads: [1]}',
    'model: "`touch owned`"\nprofile: zen-4\naxes: {threads: [1]}',
]


_started: list[str] = []


def _audit(event: str, _: tuple[Any, ...]) -> None:
    if event in ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork"):
        _started.append(event)


@pytest.fixture(scope="module")
def started() -> list[str]:
    """What processes were started; a hook stays until the interpreter ends."""
    sys.addaudithook(_audit)
    return _started


@pytest.mark.parametrize("text", _ATTACKS)
def test_no_spec_executes_anything(
    text: str, started: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = len(started)
    with pytest.raises(SpecError):
        of_yaml(text)
    assert started[before:] == []
    assert not list(tmp_path.iterdir())
    os.system("true")  # the hook sees what it is there for
    assert started[before:] == ["os.system"]
