"""The layers of a file as people read them."""

from __future__ import annotations

import csv
import io
import json

import pytest
from rich.console import Console

from xnorsim.analysis.summary import summary
from xnorsim.show.forms import Form, render, views


@pytest.mark.parametrize("convention", ["xnorsim", "larq"])
def test_table(golden, convention):
    golden(
        f"summary-{convention}.txt",
        render(summary("dorefa-net", convention=convention), Form.TABLE),
    )


def test_markdown(golden):
    golden("summary.md", render(summary("finn-tfc-1w1a"), Form.MARKDOWN))


def test_json_and_csv_add_up():
    found = summary("dorefa-net", convention="larq")
    document = json.loads(render(found, Form.JSON))
    lines = list(csv.DictReader(io.StringIO(render(found, Form.CSV))))
    assert len(lines) == len(document["layers"]) == len(found.layers)
    for bits, total in document["totals"]["macs"].items():
        assert sum(int(line[f"macs_{bits}bit"]) for line in lines) == total
        assert sum(item["macs"].get(bits, 0) for item in document["layers"]) == total
    assert sum(int(line["memory_bits"]) for line in lines) == document["totals"]["memory_bits"]
    assert sum(int(line["parameters"]) for line in lines) == document["totals"]["parameters"]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", ["quicknet", "dorefa-net", "meliusnet-22"])
def test_no_number_is_cut(width, name):
    page = io.StringIO()
    shown = views(summary(name, convention="larq"), False).table()
    Console(file=page, width=width, color_system=None).print(shown)
    rows = page.getvalue().splitlines()
    assert all(len(row) <= width for row in rows)
    total = next(row for row in rows if row.startswith("total"))
    assert "…" not in total


def test_of_a_file_without_own_quantizers_larq_sees_no_bit(data):
    path = data / "lce" / "valid_c64" / "model.tflite"
    text = render(summary(path, convention="larq"), Form.TABLE)
    assert "no layer of this file quantizes its inputs itself" in " ".join(text.split())
    assert "quantizes" not in render(summary(path), Form.TABLE)
