from __future__ import annotations

import io
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest

from tests.show.test_notebook import Page
from xnorsim.network.precision import MacClass
from xnorsim.show.exploration import (
    Exploration,
    Shown,
    bound_shades,
    gains_html,
    headline,
    headline_html,
    legend_html,
    settled,
)

BOUNDS = ("compute", "L1", "DRAM", "overhead")
START = Shown(
    title="net on board (roofline, 1 thread)",
    names=("a", "b", "fused", "c"),
    classes=(MacClass.FP, MacClass.BINARY, None, None),
    bounds=("compute", "DRAM", "compute", "overhead"),
    latency_s=np.array([4e-3, 1e-3, 0.0, 1e-3]),
    totals={"latency_s": 6e-3, "energy_j": 0.5},
    speedup={"paper": 4.0, "peak": float("nan")},
)


def pixels(content: bytes) -> np.ndarray:
    return matplotlib.image.imread(io.BytesIO(content))


def slower(factor: float) -> Shown:
    latency = START.latency_s * factor
    return replace(START, latency_s=latency, totals={"latency_s": latency.sum(), "energy_j": 0.5})


def test_a_state_looks_the_same_whatever_was_shown_before():
    figure = Exploration(START, BOUNDS)
    first = pixels(figure.redraw(START))
    half = pixels(figure.redraw(slower(0.5)))
    assert np.abs(first - half).sum() > 0
    np.testing.assert_array_equal(pixels(figure.redraw(START)), first)


def test_what_shrinks_is_seen_to_shrink_and_what_grows_fits():
    figure = Exploration(START, BOUNDS)
    figure.redraw(START)
    usual = figure.reach
    figure.redraw(slower(0.25))
    assert figure.reach == usual
    for factor in (1.4, 2.0, 40.0):
        figure.redraw(slower(factor))
        assert usual < figure.reach
        assert figure.reach > 4e-3 * factor
        assert figure.reach <= 4e-3 * factor * 1.5


def test_bars_have_the_colours_of_their_precision():
    found = pixels(Exploration(START, BOUNDS).redraw(START))[..., :3]
    drawn = {bytes(item) for item in np.unique(np.uint8(255 * found).reshape(-1, 3), axis=0)}
    for colour in ("E69F00", "0072B2", "8C8C8C"):
        assert bytes.fromhex(colour) in drawn, colour


def test_bounds_are_greys_from_white_to_black():
    shades = [float(shade) for shade in bound_shades(BOUNDS).values()]
    assert shades[0] == 1.0
    assert shades[-1] == 0.0
    assert shades == sorted(shades, reverse=True)


def test_the_headline_tells_the_change():
    assert headline(START, START) == "6.00 ms, unchanged; 500 mJ energy, unchanged"
    assert headline(slower(0.5), START) == "3.00 ms, −50.0%; 500 mJ energy, unchanged"
    assert headline(slower(2), START).startswith("12.0 ms, +100%")
    unknown = replace(START, totals={"latency_s": 6e-3, "energy_j": float("nan")})
    assert headline(unknown, unknown) == "6.00 ms, unchanged"


def test_ranges_come_with_a_report(report):
    of_report = replace(
        START,
        names=report.table.names,
        latency_s=report.predictions[0].columns["latency_s"],
        classes=(None,) * len(report.table),
        bounds=report.predictions[0].bounds,
        totals={"latency_s": report.predictions[0].totals["latency_s"], "energy_j": 1.0},
        speedup=report.predictions[0].speedup,
    )
    figure = Exploration(of_report, ("compute", "L1", "DRAM", "overhead", "memory"))
    before = pixels(figure.redraw(of_report))
    with_ranges = settled(of_report, report)
    assert "–" in headline(with_ranges, of_report)
    assert "–" in gains_html(with_ranges, of_report)
    assert np.abs(pixels(figure.redraw(with_ranges)) - before).sum() > 0


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "a & b", "\x1b[31m"])
def test_texts_are_escaped_and_well_formed(text):
    shown = replace(START, title=text, speedup={text: 2.0})
    for html in (
        headline_html(shown, shown),
        gains_html(shown, shown),
        legend_html([MacClass.FP, None], {text: "0.5"}),
    ):
        assert not {"script", "b" * (text == "b")} & Page(html).tags
        assert "\x1b" not in html


def test_a_speedup_that_is_none_is_left_out():
    assert "peak" not in gains_html(START, START)
    assert gains_html(replace(START, speedup={}), START) == ""
