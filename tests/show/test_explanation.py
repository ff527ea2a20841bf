"""An explanation in every form: the golden texts say what people read."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.show.conftest import GOLDEN, small_network
from xnorsim.analysis import explain
from xnorsim.show.explanation import Explanation
from xnorsim.show.explanation_content import sections
from xnorsim.show.explanation_view import explanation_table
from xnorsim.show.forms import Form, render


@pytest.fixture(scope="module")
def made() -> Explanation:
    """The heaviest layer of a small float network on two cores of round numbers."""
    return explain(
        small_network(),
        profile=GOLDEN / "tiny-core.yaml",
        predictor="instructions:scalar",
        threads=2,
    )


@pytest.mark.parametrize(
    ("form", "name"),
    [
        (Form.TABLE, "explanation.txt"),
        (Form.MARKDOWN, "explanation.md"),
    ],
)
def test_forms(form, name, golden, made):
    golden(name, render(made, form))


def test_the_golden_text_adds_up():
    """The numbers of the file, by hand: 64 positions, 16 filters of 16 channels and 9 taps."""
    words = " ".join((GOLDEN / "explanation.txt").read_text("utf-8").split())
    steps = 64 * 16 * 16 * 9
    assert f"64 positions x 16 filters x 16 channels x 9 taps x 1 group = {steps:,}" in words
    assert f"b {steps:,} x inner loop" in words
    taps = 64 * 16 * 9
    assert f"c {taps:,} x a tap" in words
    # a sum, a product and a sixteenth of a jump a step; five jumps a tap; four in all a result
    on_a = 2 * steps + steps // 16 + 5 * taps + 4 * 1024
    assert f"{on_a:,} 1 {on_a:,}.0" in words, "the classes that only port A takes"
    assert f"chain {steps:,} scalar_fp32_add x 4 one after another = {4 * steps:,}.0" in words
    every = 4 * steps + 3 * steps // 16 + 24 * taps + 31 * 1024
    assert f"issue {every:,} 2 {every // 2:,}.0" in words, "two slots a cycle"
    assert f"cycles the longer one: {4 * steps:,}.0 cycles" in words
    assert f"{4 * steps:,}.0 cycles x 0.5 / 1 GHz = 294.912 µs" in words


def test_csv_has_every_value_of_the_document(made):
    lines = list(csv.DictReader(io.StringIO(render(made, Form.CSV), newline="")))
    values = {line["path"]: line["value"] for line in lines}
    doc = json.loads(render(made, Form.JSON))
    assert doc["schema"] == 1
    assert len(values) == len(lines), "no path twice"
    assert (
        float(values["layer.stages.0.core.clock_hz"])
        == doc["layer"]["stages"][0]["core"]["clock_hz"]
        == 1e9
    )
    assert values["layer.kernels.0.parts.1.what"] == "inner loop"
    assert values["sensitivities.latency_s.0.input.path"]


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_tables_fit_the_terminal(width, made):
    from rich.console import Console

    page = io.StringIO()
    Console(file=page, width=width, color_system=None).print(explanation_table(made))
    lines = page.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert ("no room at this width" in page.getvalue()) == (width < 100)


@pytest.mark.parametrize("form", [Form.TABLE, Form.MARKDOWN])
def test_every_quantity_stands_below_its_source(form, made):
    text = " ".join(render(made, form).replace("\\", "").split())
    sources = text.partition("7 Sources")[2]
    for item in made.layer.inputs:
        source, path = " ".join(item.source.split()), f"{item.path} "
        assert sources.index(source) < sources.index(path), item.path


def test_every_section_stands_in_order(made):
    titles = [section.title for section in sections(made)]
    assert [title[0] for title in titles[2:]] == list("12334567"), "two stages"
    assert titles[0] == "block.0.conv of small on tiny-core"
    assert titles[1] == "Layers that take most"


def test_a_notebook_shows_markdown(made):
    assert made._repr_markdown_() == render(made, Form.MARKDOWN)
    assert repr(made) == render(made, Form.TABLE)


def test_names_do_not_steer_the_terminal():
    from xnorsim.zoo.builder import Builder

    b = Builder("net|\x1b[31m", input=(1, 4))
    graph = b.graph(b.dense(b.input, 4, name="fc|<b>\x1b[31m"))
    found = explain(graph, profile=GOLDEN / "tiny-core.yaml", predictor="instructions:scalar")
    for form in (Form.TABLE, Form.MARKDOWN):
        assert "\x1b" not in render(found, form)
    assert "fc\\|&lt;b>" in render(found, Form.MARKDOWN)
