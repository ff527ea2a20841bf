"""Figures of parts made faster: a panel for each, its knee, and bars that add up."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import xnorsim as xs
from xnorsim.show.plots import save_figure

FACTORS = (0.5, 1.0, 2.0, 4.0)


def made_up() -> pd.DataFrame:
    names = ["memories $L_{2}", "clock", "issue"]
    index = pd.MultiIndex.from_product([names, FACTORS], names=["field", "factor"])
    latency = np.array([8.0, 4.0, 2.0, 1.9] * 3) / 1e3
    shares = {"issue": 0.5, "DRAM": 0.25, "F0+F1": 0.15, "L": 0.08, "overhead": 0.02}
    found = pd.DataFrame(
        {
            "value": [f"{factor:g} GHz" for factor in FACTORS] * 3,
            **{
                f"latency_s{end}": latency * k
                for end, k in (("", 1), ("_low", 0.9), ("_high", 1.2))
            },
            **{f"limited_by_{name}_s": latency * share for name, share in shares.items()},
        },
        index,
    )
    found.attrs.update(network="net", profile="board", predictor="instructions:own", threads=1,
                       levels=["L1", "DRAM"], notes=[])  # fmt: skip
    return found.drop(index=("issue", 0.5))


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return made_up()


def test_a_panel_for_each_field_on_one_scale(table):
    figure = xs.hardware_figure(table)
    assert [ax.get_title() for ax in figure.axes] == [
        "memories $L_{2} (×1: 1 GHz)", "clock (×1: 1 GHz)", "issue (×1: 1 GHz)",
    ]  # fmt: skip
    assert len({ax.get_ylim() for ax in figure.axes}) == 1
    assert len({ax.get_xlim() for ax in figure.axes}) == 1
    line = figure.axes[0].lines[0]
    np.testing.assert_array_equal(line.get_xdata(), FACTORS)
    np.testing.assert_allclose(np.asarray(line.get_ydata(), float), [8.0, 4.0, 2.0, 1.9])


def test_the_machine_and_its_knee_are_marked(table):
    own, ring = xs.hardware_figure(table).axes[1].lines[1:]
    assert (own.get_xdata(), own.get_ydata()) == ([1.0], [4.0])
    assert (ring.get_xdata(), ring.get_ydata()) == ([4.0], [1.9])  # 5% are saved, no less
    assert len(xs.hardware_figure(table, saving=None).axes[1].lines) == 2


def test_bars_are_shares_of_the_time_below_their_latency(table):
    figure = xs.bottleneck_figure(table)
    (legend,) = figure.legends
    words = [text.get_text() for text in legend.get_texts()]
    assert words == ["issue width", "DRAM", "ports F0+F1", "port L", "all else"]
    first = figure.axes[0]
    assert [text.get_text() for text in first.texts] == ["8.00", "4.00", "2.00", "1.90"]
    heights = [[bar.get_height() for bar in bars] for bars in first.containers]
    np.testing.assert_allclose(np.sum(heights, axis=0), 100.0)
    assert len(figure.axes[2].texts) == 3  # a factor that cannot be stays free
    assert figure.axes[2].get_xlim() == first.get_xlim()


@pytest.mark.parametrize("draw", [xs.hardware_figure, xs.bottleneck_figure])
def test_the_same_table_gives_the_same_bytes(draw, table, tmp_path):
    for name in ("a.svg", "b.svg"):
        save_figure(draw(table), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
