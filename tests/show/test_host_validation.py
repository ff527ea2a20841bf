"""A validation of this machine in every form: the golden texts say what people read."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from xnorsim.errors import UsageError
from xnorsim.measured.survey import LeftOut
from xnorsim.measured.validate import Compared, Part, summarize
from xnorsim.show.forms import Form, render
from xnorsim.show.host_validation import (
    Bottleneck,
    HostRow,
    HostValidation,
    Lone,
    Paired,
    Pairing,
    Timing,
)
from xnorsim.show.host_validation_view import host_table, reason

PARTS = (Part("xnor W1A1 conv", 0.75, "instructions"),)


def row(kernel, name, predicted, measured, disturbed=()):
    """A range of +-20%, a median 6% above the fastest sample."""
    numbers = predicted, 0.8 * predicted, 1.2 * predicted, measured
    group = f"{kernel}, 1 thread"
    compared = Compared(group, name, "zen-3", group, "own", "s", *numbers, parts=PARTS)
    median, p10, p90, low, high = (measured * end for end in (1.06, 1.01, 1.11, 1.05, 1.07))
    return HostRow(compared, Timing(21, 3, median, p10, p90, low, high, disturbed))


def ratio(fast, slow, name, predicted, measured):
    title, numbers = f"{fast} over {slow}, 1 thread", (predicted, 0.9 * predicted, 1.1 * predicted)
    return Compared(
        title, name, "zen-3", f"{slow} / {fast}", "scalar / own", "1", *numbers, measured
    )


def made() -> HostValidation:
    """Numbers made up: hits, a miss, a disturbed row, the pairing, and what is left out."""
    rows = (
        row("xnor", "small", 0.0010, 0.0011),
        row("xnor", "|large|<b>", 0.0100, 0.0050, ("the hypervisor took 5.0% of the time",)),
        row("float-loop", "small", 0.1, 0.11),
    )
    speedups = (ratio("xnor", "float-loop", "small", 100.0, 100.0),)
    groups = dict.fromkeys(item.compared.group for item in rows)
    summaries = [
        summarize(name, [r.compared for r in rows if r.compared.group == name], 0.9)
        for name in groups
    ]
    summaries.append(summarize("all speedups", speedups, 0.9))
    pairing = Pairing(
        "small",
        62.27,
        (
            Paired("float-loop", rows[2].compared,
                   Bottleneck("product", 0.99, "scalar_fp32_add", 300.0, 100, 3.0)),
            Paired("xnor", rows[0].compared, Bottleneck("product", 0.8, "FP0+FP1", 1.0, 100)),
        ),
        speedups,
    )  # fmt: skip
    return HostValidation(
        about={"machine": "Example CPU", "profile": "zen-3: not calibrated", "disturbed": "1 of 3"},
        coverage=0.9,
        software={"xnor, 1 thread": "xnor (numba 0.60), 1 thread; predicted by recipe set own"},
        rows=rows,
        speedups=speedups,
        summaries=tuple(summaries),
        pairing=pairing,
        unpredicted=(
            Lone("torch, 1 thread", "small", "s", 0.002, "no recipe set"),
            Lone("torch, 1 thread", "|large|<b>", "s", 0.02, "no recipe set"),
            Lone("xnor over torch, 1 thread", "small", "1", 1.8, "no recipe set"),
        ),
        left_out=(LeftOut("onnxruntime", "", "it is not installed"),),
        notes=("stopped before all was measured",),
    )


@pytest.mark.parametrize(
    ("form", "name"),
    [
        (Form.TABLE, "host-validation.txt"),
        (Form.MARKDOWN, "host-validation.md"),
        (Form.CSV, "host-validation.csv"),
        (Form.JSON, "host-validation.json"),
    ],
)
def test_forms(form, name, golden):
    golden(name, render(made(), form))


def test_all_speedups_on_request():
    assert "xnor over float-loop, 1 thread" in render(made(), Form.TABLE, all_layers=True)
    brief = render(made(), Form.TABLE)
    assert "speedups 1 in all, summarized here" in " ".join(brief.split())


def test_a_document_holds_every_row():
    doc = json.loads(render(made(), Form.JSON))
    assert [item["name"] for item in doc["rows"]] == ["small", "|large|<b>", "small"]
    assert doc["rows"][1]["timing"]["disturbed"] == ["the hypervisor took 5.0% of the time"]
    assert doc["rows"][0]["error"] == pytest.approx(0.0010 / 0.0011 - 1)
    assert doc["pairing"]["formula"] == 62.27
    assert doc["pairing"]["kernels"][0]["bottleneck"]["waits"] == 3.0
    assert doc["speedups"][0]["measured"] == 100.0
    lines = list(csv.DictReader(io.StringIO(render(made(), Form.CSV))))
    assert [line["unit"] for line in lines] == ["s", "s", "s", "1", "s", "s", "1"]
    assert lines[4]["not_predicted"] == "no recipe set"
    assert list(made().frame["predicted"]) == [0.0010, 0.0100, 0.1, 100.0]


@pytest.mark.parametrize("form", [Form.TABLE, Form.MARKDOWN])
def test_people_are_told_what_is_off(form):
    words = " ".join(render(made(), form).replace("\\", "").replace("&lt;", "<").split())
    assert "measured 37.5% below the range's end of 8.00 ms; predicted time: 75.0% xnor" in words
    assert "the hypervisor took 5.0% of the time" in words
    assert "torch, 1 thread: no recipe set: measured small 2.00 ms" in words
    assert "xnor over torch, 1 thread: no recipe set: measured small 1.80" in words
    assert "onnxruntime: it is not installed" in words
    assert "stopped before all was measured" in words
    assert "62.27: one binary word of 64 bits" in words
    assert (
        "3 cycles a MAC: each scalar_fp32_add waits 3 cycles for the one before"
        in words.replace("scalarfp32add", "scalar_fp32_add")
    )


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (Bottleneck("product", 1.0, "issue", 100.0, 100), "1 cycles a MAC: as many instructions"),
        (Bottleneck("product", 1.0, "FP0+FP1", 1.0, 64), "1 cycles for 64 MACs: FP0, FP1 are full"),
        (
            Bottleneck("product", 1.0, "L2-L3", 2.0, 64),
            "2 cycles for 64 MACs: bytes between L2 and",
        ),
        (Bottleneck("im2col", 0.5, "ST0", 2.0, 64), "this stage (im2col) takes 50.0% of the time"),
    ],
)
def test_reasons(item, text):
    assert text in reason(item)


def test_many_lines_are_cut_in_a_terminal_alone():
    rows = tuple(row("xnor", f"layer{i}", 0.010, 0.001 * (i + 1)) for i in range(4))
    many = replace(made(), rows=rows * 4)
    brief, whole = (render(many, Form.TABLE, all_layers=every) for every in (False, True))
    assert "and 6 more, which --all shows" in brief
    assert whole.count("\nmissed") == 16
    first = next(line for line in brief.splitlines() if line.startswith("missed"))
    assert "layer0" in first, "ten times as long as measured: the farthest off"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_tables_fit_the_terminal(width):
    page = io.StringIO()
    Console(file=page, width=width, color_system=None).print(host_table(made(), all_rows=True))
    lines = page.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert "MISSED" in page.getvalue(), "whatever is left out, a miss is not"


def test_a_point_each_and_the_samples_as_bars():
    ax = made().figure().axes[0]
    drawn = [(bar.lines[0].get_xdata()[0], bar.lines[0].get_ydata()[0]) for bar in ax.containers]  # pyright: ignore[reportAttributeAccessIssue]
    assert drawn == [pytest.approx(pair) for pair in [(1.1, 1.0), (5.0, 10.0), (110.0, 100.0)]]
    level = ax.containers[0].lines[2][0].get_segments()[0]  # pyright: ignore[reportAttributeAccessIssue]
    assert level[:, 0] == pytest.approx([1.1, 1.1 * 1.11])  # the fastest, and the 90th percentile
    assert not [text for text in ax.texts if text.get_text()], "hundreds have no names"
    shown = [text.get_text() for text in made().figure().legends[0].get_texts()]
    assert shown[:2] == ["xnor, 1 thread", "float-loop, 1 thread"]
    assert "the middle 80% of the measured samples" in shown


def test_no_rows_is_no_figure_but_a_table():
    bare = replace(made(), rows=(), speedups=(), summaries=(), pairing=None)
    assert "torch" in repr(bare)
    assert json.loads(render(bare, Form.JSON))["pairing"] is None
    assert render(bare, Form.CSV).count("no recipe set") == 3
    with pytest.raises(UsageError, match="needs latencies"):
        bare.figure()
