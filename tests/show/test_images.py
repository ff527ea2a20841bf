"""The README's image is what the code draws today; XNORSIM_UPDATE_GOLDEN=1 draws it anew."""

from __future__ import annotations

import os

import matplotlib.image
import numpy as np

from xnorsim.analysis import speedup_figure
from xnorsim.show.plots import save_figure

PROFILES = ("x86-avx512-vpopcnt", "raspberry-pi-4b", "pixel-1")


def test_speedup(project, tmp_path):
    drawn, kept = tmp_path / "speedup.png", project / "docs" / "images" / "speedup.png"
    figure = speedup_figure(PROFILES, baseline="peak")
    save_figure(figure, drawn)
    if os.environ.get("XNORSIM_UPDATE_GOLDEN"):
        save_figure(figure, kept)
    now, then = matplotlib.image.imread(drawn), matplotlib.image.imread(kept)
    assert now.shape == then.shape
    # Fonts are drawn a little differently from one version to the next; a curve that moved is more.
    assert np.abs(now - then).mean() < 0.002
