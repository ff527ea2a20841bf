from __future__ import annotations

import copy
import csv
import io
import json

import pytest
from rich.cells import cell_len
from rich.console import Console

from xnorsim.errors import UsageError
from xnorsim.show.comparison import (
    METRICS,
    Pair,
    compare,
    compare_profiles,
    comparison_csv,
    comparison_json,
)
from xnorsim.show.comparison_view import comparison_table
from xnorsim.show.forms import TEXT_FORMS, Form, render


@pytest.fixture
def changed(doc):
    """The same report with one layer gone, one new, and one of twice the latency."""
    other = copy.deepcopy(doc)
    costs = other["predictions"][0]
    for layers in (other["layers"], costs["layers"]):
        del layers[2]
        layers.insert(5, {**layers[5], "name": "new"})
    costs["layers"][0]["latency_s"] *= 2
    return other


@pytest.mark.parametrize(
    ("a", "b", "difference", "ratio"),
    [
        (2, 3, 1, 1.5),
        (2, 2, 0, 1.0),
        (0, 3, 3, None),  # nothing to take a ratio of
        (0, 0, 0, None),
        (2, 0, -2, 0.0),
        (None, 3, None, None),
        (2, None, None, None),
    ],
)
def test_pair(a, b, difference, ratio):
    assert (Pair(a, b).difference, Pair(a, b).ratio) == (difference, ratio)


def test_with_itself_nothing_differs(doc):
    found = compare(doc, doc)
    assert found.names == tuple(layer["name"] for layer in doc["layers"])
    assert set(found.where) == {"both"}
    assert {pair.difference for pairs in found.layers for pair in pairs.values()} == {0}
    assert {pair.difference for pair in found.totals.values()} == {0}


def test_layers_of_one_side_stand_where_they_are(doc, changed):
    found = compare(doc, changed)
    names = [layer["name"] for layer in doc["layers"]]
    names.insert(names.index(changed["layers"][4]["name"]) + 1, "new")
    assert list(found.names) == names
    where = dict(zip(found.names, found.where, strict=True))
    assert where.pop("new") == "b"
    assert where.pop(doc["layers"][2]["name"]) == "a"
    assert set(where.values()) == {"both"}
    of_new = dict(zip(found.names, found.layers, strict=True))["new"]
    assert {pair.a for pair in of_new.values()} == {None}
    assert found.layers[0]["latency_s"].ratio == 2.0


def test_swapped_sides_are_swapped(doc, changed):
    there, back = compare(doc, changed), compare(changed, doc)
    assert set(there.names) == set(back.names)
    for metric in METRICS:
        pair, swapped = there.totals[metric], back.totals[metric]
        assert (pair.a, pair.b) == (swapped.b, swapped.a)


def test_profiles_by_name_and_by_number(two):
    by_number, by_name = compare_profiles(two), compare_profiles(two, "tiny", "paper-64ops")
    assert by_number.to_dict() == by_name.to_dict()
    assert (by_name.a, by_name.b) == ("small, tiny", "small, paper-64ops")
    whole = [item["totals"]["latency_s"] for item in two["predictions"]]
    assert by_name.totals["latency_s"].ratio == pytest.approx(whole[1] / whole[0])
    assert by_name.totals["energy_j"].b is None


@pytest.mark.parametrize("which", ["pixel", 2, -1])
def test_no_such_profile(two, which):
    with pytest.raises(UsageError, match="valid choices: paper-64ops, tiny"):
        compare_profiles(two, 0, which)


def test_the_same_profile_is_compared_where_both_have_it(doc, two):
    two["predictions"].reverse()
    found = compare(doc, two)
    assert (found.a, found.b) == ("small, tiny", "small, tiny")
    assert found.totals["latency_s"].ratio == 1.0


def test_titles_say_what_differs(doc):
    other = copy.deepcopy(doc)
    other["assumptions"] |= {"binarize": "bwn", "word_bits": 32}
    found = compare(doc, other)
    assert found.a == "small, tiny, binarize xnor, word bits 64"
    assert found.b == "small, tiny, binarize bwn, word bits 32"


def test_csv_and_json_say_the_same(doc, changed):
    found = compare(doc, changed)
    lines = list(csv.DictReader(io.StringIO(comparison_csv(found))))
    data = json.loads(comparison_json(found))
    assert [line["name"] for line in lines] == [*found.names, "TOTAL"]
    for line, layer in zip(lines, data["layers"], strict=False):
        for key, value in layer.items():
            assert line[key] == ("" if value is None else str(value)), (line["name"], key)
    assert float(lines[-1]["macs_b"]) == data["totals"]["macs_b"]


def test_frame(doc, changed):
    frame = compare(doc, changed).frame
    assert frame.loc["TOTAL", "macs_a"] == doc["totals"]["macs"]
    assert frame.loc["new", "in"] == "b"
    assert frame["latency_s_ratio"].dtype == float


@pytest.mark.parametrize("width", [60, 80, 100, 200])
@pytest.mark.parametrize("all_layers", [False, True])
def test_fits_the_width(doc, changed, width, all_layers):
    page = io.StringIO()
    table = comparison_table(compare(doc, changed), all_layers=all_layers)
    Console(file=page, width=width).print(table)
    lines = page.getvalue().splitlines()
    assert max(map(cell_len, lines)) <= width
    assert any(line.startswith("total") for line in lines)


def test_a_lower_bound_is_marked_on_its_side(doc):
    bound = copy.deepcopy(doc)
    bound["totals"]["lower_bound"] = True
    page = render(compare(doc, bound), Form.MARKDOWN)
    assert "**lower bound**: B: layers without a rule are left out" in page
    line = next(line for line in comparison_csv(compare(doc, bound)).splitlines())
    assert line.endswith("lower_bound_a,lower_bound_b")


def test_without_predictions(doc):
    counted = copy.deepcopy(doc)
    counted["predictions"] = []
    for pair in ((doc, counted), (counted, doc), (counted, counted)):
        for form in TEXT_FORMS:
            assert render(compare(*pair), form)
