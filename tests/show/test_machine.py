"""A machine in a report's document: the figures of the profile, each with its source."""

from __future__ import annotations

import json
import platform

import numpy as np
import pytest

from tests.show.conftest import GOLDEN
from xnorsim import __version__, load_profile, profile_names
from xnorsim.cost.ceilings import ceilings
from xnorsim.show.machine import machine_document
from xnorsim.show.report import versions


@pytest.mark.parametrize("name", profile_names())
def test_every_figure_has_a_source_and_every_source_is_used(name):
    found = machine_document(load_profile(name), 1)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    used = {item["source"] for item in found["quantities"]}
    assert used == set(found["sources"])
    assert {item["basis"] for item in found["quantities"]} <= {
        "measured", "datasheet", "published", "estimated"
    }  # fmt: skip


def test_figures_by_hand():
    """The made-up machine: 1 to 2 GHz, one vector of 128 bits a cycle, memory of 1 GB/s."""
    found = machine_document(load_profile(GOLDEN / "tiny.yaml"), 2)
    by_path = {item["path"]: item for item in found["quantities"]}
    clock = by_path["clock"]
    assert (clock["value"], clock["low"], clock["high"], clock["unit"]) == (1e9, 1e9, 2e9, "hertz")
    assert found["sources"][clock["source"]] == "No machine: round numbers for tests."
    assert by_path["memories.memory.size"]["value"] is None, "no limit"
    lines = found["ceilings"]
    assert lines["macs_per_s"] == {"binary": 256e9, "int8": 32e9, "bwn": 8e9, "fp32": 8e9}
    assert lines["bytes_per_s"] == {"cache": 32e9, "memory": 2e9}
    assert dict(ceilings(load_profile(GOLDEN / "tiny.yaml"), 2).compute) == lines["macs_per_s"]


def test_what_the_model_estimates_has_its_source_too():
    found = machine_document(load_profile("raspberry-pi-4b"), 1)
    own = {item["path"]: item["source"] for item in found["quantities"] if "model." in item["path"]}
    assert "model.latency.own" in own
    assert all(found["sources"][key] for key in own.values())


def test_versions_are_those_that_run():
    assert versions() == {
        "xnorsim": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
