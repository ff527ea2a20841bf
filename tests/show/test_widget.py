from __future__ import annotations

import asyncio
import builtins

import pytest

from tests.show.conftest import small_network
from xnorsim.analysis import analyze
from xnorsim.analysis.exploring import explore
from xnorsim.errors import MissingExtraError
from xnorsim.explore.knobs import State
from xnorsim.machine.profile import load_profile
from xnorsim.show import widget

BOARD = "raspberry-pi-4b"


@pytest.fixture
def explorer():
    return explore(small_network(), BOARD, binarize="xnor")


def test_every_control_moves_the_figure(explorer):
    image = bytes(explorer.image.value)
    assert image.startswith(b"\x89PNG")
    for name, other in (
        ("clock", "3 GHz"),
        ("threads", 2),
        ("first", "bwn"),
        ("SIMD width", "256 bit"),
    ):
        explorer.sliders[name].value = other
        assert bytes(explorer.image.value) != image, name
        image = bytes(explorer.image.value)
    assert explorer.state == State({"clock": "3 GHz", "simd.bits": "256 bit"}, {"first": "bwn"}, 2)


def test_totals_are_those_of_analyze(explorer):
    explorer.sliders["clock"].value = "3 GHz"
    expected = analyze(small_network(), binarize="xnor", profile=explorer.profile)
    assert explorer.shown.totals["latency_s"] == expected.predictions[0].totals["latency_s"]
    assert explorer.report().to_dict() == expected.to_dict()


def test_reset_is_one_move_back_to_the_start(explorer, monkeypatch):
    start = bytes(explorer.image.value)
    explorer.sliders["clock"].value = "3 GHz"
    explorer.sliders["8x8"].value = "fp32"
    shown = []
    monkeypatch.setattr(explorer, "_show", shown.append)
    explorer.reset()
    assert len(shown) == 1
    monkeypatch.undo()
    explorer.reset()
    assert explorer.state == State()
    assert bytes(explorer.image.value) == start


def test_the_ranges_follow_where_nothing_moves(monkeypatch):
    monkeypatch.setattr(widget, "REST_S", 0.01)

    async def driven():
        explorer = explore(small_network(), BOARD)
        assert explorer.shown.low_s is None
        for step in range(3):
            explorer.sliders["clock"].index = step
        for _ in range(200):
            if explorer.shown.low_s is not None:
                return explorer
            await asyncio.sleep(0.01)
        return explorer

    explorer = asyncio.run(driven())
    assert explorer.shown.low_s is not None
    assert explorer.shown.totals == explorer.report().predictions[0].totals


def test_values_that_make_no_machine_leave_the_figure_and_say_so(explorer):
    image = bytes(explorer.image.value)
    explorer.sliders["L1 size"].value = "2 MiB"  # above the 1 MiB of L2
    assert bytes(explorer.image.value) == image
    assert "Not a machine" in explorer.status
    explorer.sliders["L1 size"].value = "32 KiB"
    assert explorer.status == ""


def test_the_machine_found_can_be_used_as_any_other(explorer, tmp_path):
    explorer.sliders["clock"].value = "3 GHz"
    explorer.sliders["DRAM bandwidth"].index += 4
    path = tmp_path / "found.yaml"
    explorer.save_profile(path)
    assert load_profile(path) == explorer.profile
    again = analyze(small_network(), binarize="xnor", profile=path).predictions[0]
    assert again.totals["latency_s"] == explorer.shown.totals["latency_s"]


def test_it_shows_itself(explorer):
    assert "application/vnd.jupyter.widget-view+json" in explorer._repr_mimebundle_()
    assert repr(explorer).startswith("<Explorer of small on raspberry-pi-4b (roofline, 1 thread): ")


def test_without_ipywidgets_the_extra_is_named(monkeypatch):
    found = builtins.__import__

    def refusing(name, *args, **options):
        if name == "ipywidgets":
            raise ImportError(name)
        return found(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", refusing)
    with pytest.raises(MissingExtraError, match=r"exploring in a notebook.*xnorsim\[jupyter\]"):
        explore(small_network(), BOARD)
