"""A fidelity in every form: the golden texts say what people read."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xnorsim.exact.fidelity import (
    CAVEAT,
    Closeness,
    LayerFidelity,
    NetworkFidelity,
    OutputFidelity,
    worst_first,
)
from xnorsim.show.fidelity import Fidelity
from xnorsim.show.fidelity_plot import plot_fidelity
from xnorsim.show.forms import TEXT_FORMS, Form, render
from xnorsim.show.notebook import fidelity_html

FOLDER = Path(__file__).resolve().parents[1] / "golden"


def made(count: int = 3) -> Fidelity:
    """Numbers made up, so that no sum of floats can change a golden text."""
    names = ["block.0.conv", "block.1.conv", "|bad|<b>\x1b[31m"]
    names += [f"stage{i // 4}.{i % 4}.conv" for i in range(count - 3)]
    layers = [
        LayerFidelity(
            name=name,
            kind="conv",
            output_shape=(8, 16, 8, 8),
            weights=Closeness(0.798, 4.4),
            exact=Closeness(0.75 - 0.0625 * (i % 5), 3.5 - i % 5),
            propagated=Closeness(0.75 - 0.125 * (i % 6), 3.5 - 1.25 * (i % 6)),
            positive=(0.5, 1.0, None)[i % 3],
        )
        for i, name in enumerate(names)
    ]
    layers[2] = replace(layers[2], exact=Closeness(math.nan, 0.0), weights=Closeness(1, math.inf))
    order = {item.name: rank for rank, item in enumerate(worst_first(layers), 1)}
    outputs = (
        OutputFidelity("classes", (8, 10), Closeness(0.91, 7.5), 0.625),
        OutputFidelity("image", (8, 3, 4, 4), Closeness(0.5, -math.inf), None),
    )
    found = NetworkFidelity(
        tuple(replace(item, rank=order[item.name]) for item in layers), outputs, ("a note",)
    )
    model = {"name": "small", "inputs": {"input": [8, 3, 8, 8]}}
    taken = {
        "binarize": "xnor",
        "scaling": "alpha",
        "depthwise_binary": False,
        "high_precision_layers": ["first", "classifier"],
        "engine": "blas",
    }
    return Fidelity(model, taken, found)


@pytest.mark.parametrize(
    ("form", "name"),
    [
        (Form.TABLE, "fidelity.txt"),
        (Form.MARKDOWN, "fidelity.md"),
        (Form.CSV, "fidelity.csv"),
        (Form.JSON, "fidelity.json"),
    ],
)
def test_forms(form, name, golden):
    golden(name, render(made(), form))


def test_files_say_the_same():
    doc = json.loads((FOLDER / "fidelity.json").read_text("utf-8"))
    rows = list(csv.DictReader(io.StringIO((FOLDER / "fidelity.csv").read_text("utf-8"))))
    layers = {row["layer"]: row for row in rows if row["kind"] != "OUTPUT"}
    for layer in doc["layers"]:
        for part in ("weights", "exact", "propagated"):
            for key, value in layer[part].items():
                text = layers[layer["name"]][f"{part}_{key}"]
                assert text == ("" if value is None else str(value)), (layer["name"], part, key)
    assert doc["worst_first"][0] == "|bad|<b>\x1b[31m", "what is no number comes first"
    by_rank = sorted(doc["layers"], key=lambda layer: layer["rank"])
    assert [layer["name"] for layer in by_rank] == doc["worst_first"]


@pytest.mark.parametrize("form", TEXT_FORMS)
def test_every_form_states_the_caveat(form):
    assert CAVEAT in re.sub(r"\s+", " ", render(made(), form))


def test_html_escapes_what_it_is_given():
    html = fidelity_html(made())
    assert "<b>" not in html
    assert "\x1b" not in html
    assert "|bad|&lt;b&gt;" in html
    assert "without retraining" in html
    assert "<tfoot>" not in html, "a sum of cosines means nothing"


def test_frame_has_a_row_a_layer():
    frame = made().layers
    assert list(frame["rank"]) == [item.rank for item in made().found.layers]
    assert frame.loc["block.1.conv", "propagated_cosine"] == 0.625


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_fits_the_terminal(width):
    from rich.console import Console

    from xnorsim.show.fidelity_view import fidelity_table

    page = io.StringIO()
    Console(file=page, width=width, color_system=None).print(fidelity_table(made(40)))
    lines = page.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert any("rank" in line and "cosine" in line for line in lines)
    words = " ".join(" ".join(lines).split())
    assert ("weights SNR" in words.partition("left out")[2]) == (width < 100), "none goes unsaid"


def test_the_plot_shows_every_layer_in_execution_order():
    doc = made(50).to_dict()
    ax = plot_fidelity(doc)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[:2] == ["block.0.conv", "block.1.conv"]
    assert len(names) == 50
    assert ax.get_ylim() == (49.5, -0.5), "the first layer is on top"
    drawn = {item.get_label(): item.get_offsets() for item in ax.collections}
    expected = [layer["exact"]["cosine"] for layer in doc["layers"]]
    found = np.ma.filled(np.ma.asarray(drawn["given exact inputs"])[:, 0].astype(float), np.nan)
    np.testing.assert_allclose(found, np.array(expected, float))
    assert "top-1 agreement 62% of 8" in ax.get_title()
    assert "not retrained" in ax.get_title()


def test_the_plot_goes_into_axes_that_are_given():
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    assert plot_fidelity(made().to_dict(), ax=ax) is ax
    assert ax.get_legend() is not None
