"""A validation in every form: the golden texts say what people read."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from xnorsim.measured.validate import Compared, Part, summarize
from xnorsim.show.forms import Form, render
from xnorsim.show.validation import Unpredicted, Validation
from xnorsim.show.validation_view import validation_table

FOLDER = Path(__file__).resolve().parents[1] / "golden"
BOARD, RATIO = "program 1.0, Board", "slow / fast"


def made() -> Validation:
    """Numbers made up: a hit, a miss at each end, a wrong order, and a ratio."""
    parts = (Part("xnor W1A1 conv", 0.625, "instructions"), Part("fp32 conv", 0.25, "DRAM"))

    def time(name, predicted, low, high, measured, std):
        numbers = predicted, low, high, measured, std
        return Compared(BOARD, name, "board", "program 1.0", "larq", "s", *numbers, parts)

    def ratio(name, predicted, low, high, measured):
        numbers = predicted, low, high, measured
        return Compared(RATIO, name, "board", RATIO, "tflite / dabnn", "1", *numbers)

    rows = (
        time("small", 0.0110, 0.0090, 0.0130, 0.0100, 0.0002),
        time("medium", 0.0060, 0.0050, 0.0075, 0.0120, None),
        time("|large|<b>\x1b[31m", 0.0210, 0.0205, 0.0220, 0.0200, None),
        ratio("3x3_8x8", 8.5, 7.0, 9.5, 9.0),
        ratio("3x3_4x4", 70.0, 60.0, 90.0, 110.0),
    )
    by_group = {BOARD: rows[:3], RATIO: rows[3:], "all latencies": rows[:3]}
    summaries = tuple(summarize(name, found, 0.9) for name, found in by_group.items())
    missing = (
        Unpredicted("3x3_8x8", "other, Board", 0.0030, "no recipe set describes its kernels"),
        Unpredicted("3x3_4x4", "other, Board", 0.0040, "no recipe set describes its kernels"),
    )
    return Validation(0.9, {"program 1.0": "recipe set larq"}, rows, summaries, missing)


@pytest.mark.parametrize(
    ("form", "name"),
    [
        (Form.TABLE, "validation.txt"),
        (Form.MARKDOWN, "validation.md"),
        (Form.CSV, "validation.csv"),
        (Form.JSON, "validation.json"),
    ],
)
def test_forms(form, name, golden):
    golden(name, render(made(), form))


def test_files_say_the_same():
    doc = json.loads((FOLDER / "validation.json").read_text("utf-8"))
    text = (FOLDER / "validation.csv").read_text("utf-8")
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    for item, line in zip(doc["rows"], lines, strict=False):
        for key, value in item.items():
            expected = str(value).lower() if isinstance(value, bool) else str(value)
            assert key == "parts" or line[key] == ("" if value is None else expected), key
    assert len(lines) == len(doc["rows"]) + len(doc["not_predicted"])
    assert [line["name"] for line in lines if line["not_predicted"]] == [
        item["name"] for item in doc["not_predicted"]
    ]


def test_figures_of_the_file_are_those_of_its_rows():
    """A rewritten file cannot hide a mistake."""
    doc = json.loads((FOLDER / "validation.json").read_text("utf-8"))
    for item in doc["rows"]:
        assert item["error"] == pytest.approx(item["predicted"] / item["measured"] - 1)
        assert item["inside"] == (item["low"] <= item["measured"] <= item["high"])
        assert item["inside"] == (item["beyond"] == 0)
    for item in doc["summaries"]:
        is_all = item["name"] == "all latencies"
        rows = [r for r in doc["rows"] if r["unit"] == "s" or not is_all]
        rows = rows if is_all else [r for r in rows if r["group"] == item["name"]]
        assert item["count"] == len(rows)
        assert item["inside"] == sum(row["inside"] for row in rows)
        assert item["mean_error"] == pytest.approx(
            sum(abs(row["error"]) for row in rows) / len(rows)
        )


@pytest.mark.parametrize("form", [Form.TABLE, Form.MARKDOWN])
def test_what_is_for_people_tells_every_miss_and_gap(form):
    plain = render(made(), form).replace("\\", "").replace("&lt;", "<")
    words = " ".join(plain.split())
    assert words.count("MISSED") == 3
    assert "medium, program 1.0, Board: measured 60.0% above the range's end of 7.50 ms" in words
    assert "measured 2.4% below the range's end of 20.5 ms" in words
    assert "62.5% xnor W1A1 conv (bound by instructions)" in words
    assert "3x3_4x4, slow / fast: measured 22.2% above" in words
    assert "measured small < medium" in words, "12 ms is over 10% more than 10 ms"
    assert "no recipe set describes its kernels: measured 3x3" in words
    assert "\x1b" not in words


@pytest.mark.parametrize("width", [60, 80, 120])
def test_tables_fit_the_terminal(width):
    from rich.console import Console

    page = io.StringIO()
    Console(file=page, width=width, color_system=None).print(validation_table(made()))
    lines = page.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    words = " ".join(" ".join(lines).split())
    assert ("bias: no room" in words or "bias" in words.partition("left out")[2]) == (width < 100)
    assert "MISSED" in words, "whatever is left out, a miss is not"


def test_a_frame_has_a_row_a_prediction():
    frame = made().frame
    assert list(frame.index.get_level_values("group")) == [BOARD] * 3 + [RATIO] * 2
    assert frame.loc[(BOARD, "medium"), "error"] == pytest.approx(-0.5)
    assert not frame.loc[(BOARD, "medium"), "inside"]


def test_a_notebook_shows_markdown():
    assert made()._repr_markdown_() == render(made(), Form.MARKDOWN)
    assert repr(made()) == render(made(), Form.TABLE)
