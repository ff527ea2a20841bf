"""Groups of bars: where they stand, and their numbers."""

from __future__ import annotations

import pytest
from matplotlib.patches import Rectangle

from xnorsim.errors import UsageError
from xnorsim.show.bars import bars_figure

from .legible import legibility_faults


def test_bars_of_a_group_stand_beside_each_other_with_their_numbers():
    figure = bars_figure(["a", "$b$"], {"single": [10, 2000], "one bit": [0.3125, 62.5]}, "MiB")
    (ax,) = figure.axes
    bars = [bar for bar in ax.patches if isinstance(bar, Rectangle)]
    assert [bar.get_width() for bar in bars] == [10, 2000, 0.3125, 62.5]
    places = sorted((bar.get_y(), bar.get_y() + bar.get_height()) for bar in bars)
    ends = [end for place in places for end in place]
    assert ends == sorted(ends), "none covers another"
    assert sorted(ax.get_ylim()) == [-0.5, 1.5]
    assert -0.5 < ends[0] < ends[3] < 0.5 < ends[4] < ends[-1] < 1.5
    assert [text.get_text() for text in ax.texts] == ["10", "2000", "0.3125", "62.5"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "$b$"]
    assert (ax.get_xscale(), ax.get_xlabel()) == ("log", "MiB")
    assert legibility_faults(figure) == []
    assert len({bar.get_facecolor() for bar in bars}) == len({bar.get_hatch() for bar in bars}) == 2


@pytest.mark.parametrize("values", [[1.0], [1.0, 0.0], [1.0, -2.0], [1.0, float("nan")]])
def test_each_row_has_a_value_that_a_logarithmic_axis_can_show(values):
    with pytest.raises(UsageError, match="'single' has not one value above 0 for each of 2 rows"):
        bars_figure(["a", "b"], {"single": values}, "MiB")
