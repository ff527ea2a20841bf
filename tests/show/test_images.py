"""Images of the documents are what the code draws; XNORSIM_UPDATE_GOLDEN=1 draws them anew."""

from __future__ import annotations

import os
from typing import cast

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

from xnorsim.analysis import analyze, speedup_figure
from xnorsim.show.plots import plot_layers, save_figure

PROFILES = ("x86-avx512-vpopcnt", "raspberry-pi-4b", "pixel-1")


def _layers() -> Figure:
    report = analyze("resnet18", binarize="xnor", profile="raspberry-pi-4b")
    return cast(Figure, plot_layers(report.to_dict()).figure)


IMAGES = {"speedup": lambda: speedup_figure(PROFILES, baseline="peak"), "layers": _layers}


@pytest.mark.parametrize("name", IMAGES)
def test_images(name, project, tmp_path):
    drawn, kept = tmp_path / f"{name}.png", project / "docs" / "images" / f"{name}.png"
    figure = IMAGES[name]()
    save_figure(figure, drawn)
    if os.environ.get("XNORSIM_UPDATE_GOLDEN"):
        save_figure(figure, kept)
    now, then = matplotlib.image.imread(drawn), matplotlib.image.imread(kept)
    assert now.shape == then.shape
    # Fonts are drawn a little differently from one version to the next; a curve that moved is more.
    assert np.abs(now - then).mean() < 0.002
