"""What people read, as files. XNORSIM_UPDATE_GOLDEN=1 writes them anew; then read the difference.

The numbers in the files are added up again here, so that a rewritten file cannot hide a mistake.
"""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import pytest

from xnorsim.show import comparison, comparison_view, text
from xnorsim.show.forms import Form, render
from xnorsim.work.table import COLUMNS, NOT_SUMMED

FOLDER = Path(__file__).resolve().parents[1] / "golden"
FIGURES = ("latency_s", "energy_j")


def test_terminal(doc, golden):
    golden("small.txt", render(doc, Form.TABLE))


def test_terminal_with_all_layers(doc, golden):
    golden("small-all.txt", render(doc, Form.TABLE, all_layers=True))


def test_terminal_with_two_profiles(two, golden):
    golden("small-two.txt", render(two, Form.TABLE))


def test_markdown(doc, golden):
    golden("small.md", text.to_markdown(doc))


def test_csv(doc, golden):
    golden("small.csv", text.to_csv(doc))


def test_json(doc, golden):
    golden("small.json", text.to_json(doc))


def test_comparison(two, golden):
    found = comparison.compare_profiles(two)
    golden("compared.txt", render(found, Form.TABLE))
    golden("compared.md", comparison_view.comparison_markdown(found))


def test_csv_adds_up():
    *layers, total = csv.DictReader(io.StringIO((FOLDER / "small.csv").read_text("utf-8")))
    assert total["name"] == "TOTAL"
    sums = [*(c for c in COLUMNS if c not in NOT_SUMMED), *(c for c in total if "fp_ops." in c)]
    for column in sums:
        assert int(total[column]) == sum(int(row[column]) for row in layers), column
    assert int(total["live_bits"]) == max(int(row["live_bits"]) for row in layers)
    for figure in FIGURES:
        whole, layered = (
            [
                sum(float(row[f"tiny.{figure}{end}"]) for row in rows)
                for end in ("_low", "", "_high")
            ]
            for rows in ([total], layers)
        )
        assert whole[1] == pytest.approx(layered[1], rel=1e-12), figure
        assert whole[0] < whole[1] < whole[2], figure
        # A total is surer than its layers: they are not all at their ends together.
        assert whole[2] - whole[0] <= layered[2] - layered[0], figure


def test_json_adds_up():
    doc = json.loads((FOLDER / "small.json").read_text("utf-8"))
    totals, layers = doc["totals"], doc["layers"]
    for column in COLUMNS:
        if column not in NOT_SUMMED:
            assert totals[column] == sum(layer[column] for layer in layers), column
    for layer in layers:
        classes = ("binary", "bwn", "int8", "fp", "other")
        assert layer["macs"] == sum(layer[f"{name}_macs"] for name in classes), layer["name"]
        assert layer["fp_ops"] == sum(layer["fp_ops_by_kind"].values()), layer["name"]
        assert layer["macs"] == sum(layer["macs_by_precision"].values()), layer["name"]
    assert totals["stored_bits"] == totals["weight_bits"] + totals["scale_bits"]
    # By hand: 64 positions x 16 filters x 9 taps x 3 or 16 channels, and 16 x 10. Of a folded BN
    # only the shift is left to store.
    assert totals["macs"] == 64 * 16 * 9 * (3 + 16 + 16) + 160
    assert totals["binary_macs"] == 2 * 64 * 16 * 9 * 16
    assert totals["weight_bits_fp32"] == 32 * (16 * 9 * 35 + 160 + 10 + 3 * 16)


def test_first_layer_of_the_terminal_by_hand():
    """27648 MACs over 4 lanes at 1 GHz, and 1 us of overhead.

    The clock alone moves it, which is drawn between 1 and 2 GHz on a logarithmic scale, ever more
    seldom: a share of (1 - x)^2 is above 2^x GHz. One in twenty is above x = 1 - sqrt(0.05), 1.713
    GHz: 6912 / 1713 + 1 = 5.04 us. None is slower than the value.
    """
    line = next(
        line for line in (FOLDER / "small.txt").read_text("utf-8").splitlines()
        if line.startswith("first")
    )  # fmt: skip
    assert "27.6 k" in line
    assert f"{27648 / 4 / 1e3 + 1:.2f} µs" in line
    clock = 1e3 * 2 ** (1 - 0.05**0.5)
    low = math.floor(10 * (27648 / 4 / clock + 1)) / 10
    assert f"{low:.1f}–8.0 µs" in line  # 5.04 and 7.912, rounded outwards
