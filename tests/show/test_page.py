"""The HTML page of reports, as text: what it says, what it escapes, its size."""

from __future__ import annotations

import base64
import copy
import hashlib
import itertools
import json
import math
import re
import sys
import time
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import xnorsim as xs
from tests.show.conftest import small_network
from xnorsim.errors import MissingExtraError, UsageError
from xnorsim.show import labels
from xnorsim.show.page import page
from xnorsim.show.page.layer_figures import costs_figure, memory_figure
from xnorsim.show.page.rendering import json_for_html
from xnorsim.show.page.roofline import roofline_figure
from xnorsim.show.page.style import paint, scale, ticks
from xnorsim.show.page.total_figures import energy_figure, shares_figure, speedup_figure

HOSTILE = '</script><img src=x onerror="window.hacked=1">'
VOID = {"meta", "input", "br", "link", "img"}


class Page(HTMLParser):
    """Elements as they are opened, the texts of tables by their id, and of scripts and texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.figures: dict[str, Any] = {}
        self.rows: list[list[tuple[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self._cell: tuple[list[str], str | None] | None = None
        self.feed(html)
        self.close()
        assert self._open == [], "every element is closed, in order"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._cell = ([], dict(attrs).get("data-v"))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag
        if tag in ("td", "th") and self._cell:
            self.rows[-1].append((" ".join(" ".join(self._cell[0]).split()), self._cell[1]))
            self._cell = None

    def handle_data(self, data):
        if self._open and self._open[-1] == "script":
            self.scripts.append(data)
            attributes = self.tags[-1][1]
            if "data-figure" in attributes:
                self.figures[str(attributes["data-figure"])] = json.loads(data)
            return
        self.text += data
        if self._cell:
            self._cell[0].append(data)

    def row(self, name: str) -> list[tuple[str, str | None]]:
        """The row of the layer table whose second cell is a name."""
        return next(row for row in self.rows if len(row) > 1 and row[1][0] == name)

    def ids(self) -> set[str]:
        return {found for _, attributes in self.tags if (found := attributes.get("id"))}


def filled(figure: dict[str, Any], value: Any) -> list[Any]:
    """An array of a trace as the page's script makes it."""
    if not isinstance(value, dict):
        return value
    column = figure["columns"][value["of"]]
    return [column[place] for place in value["at"]] if "at" in value else column


# --- what it says --------------------------------------------------------------------------------


def test_every_layer_is_a_row_with_its_numbers(doc):
    found = Page(page([doc]))
    heads = [text.split()[-1] for text, _ in found.row("layer")]
    for number, layer in enumerate(doc["layers"], 1):
        row = found.row(layer["name"])
        cost = doc["predictions"][0]["layers"][number - 1]
        assert row[0] == (str(number), str(number))
        assert row[heads.index("kind")][0] == layer["kind"]
        for head, value in (
            ("MACs", layer["macs"]),
            ("weights", layer["weight_bits"] + layer["scale_bits"]),
            ("latency", cost["latency_s"]),
            ("range", cost["latency_s_high"]),
            ("energy", cost["energy_j"]),
        ):
            assert float(str(row[heads.index(head)][1])) == pytest.approx(value, rel=1e-8), head
    total = found.row("total")
    assert total[heads.index("latency")][0] == labels.quantity(
        doc["predictions"][0]["totals"]["latency_s"], "s"
    )
    assert total[heads.index("MACs")][0] == labels.amount(doc["totals"]["macs"])


def test_a_layer_that_is_fused_says_into_which(doc):
    layer = next(layer for layer in doc["layers"] if layer["fused_into"])
    found = Page(page([doc]))
    about = [attributes.get("title") for tag, attributes in found.tags if tag == "tr"]
    assert f"runs as a part of {layer['fused_into']}" in about


def test_summary_names_profile_range_and_baselines(doc):
    text = " ".join(Page(page([doc])).text.split())
    totals = doc["predictions"][0]["totals"]
    assert labels.quantity(totals["latency_s"], "s") in text
    assert labels.quantity_range(totals["latency_s_low"], totals["latency_s_high"], "s", 3) in text
    for name, about in doc["assumptions"]["baselines"].items():
        assert f"{name}: {about}" in text
    assert "xnorsim 0.1, python 3.11, numpy 2.0" in text
    for convention in doc["assumptions"]["conventions"]:
        assert convention in text


def test_every_source_has_a_number_and_every_number_a_source(doc):
    found = Page(page([doc]))
    linked = {a["href"] for tag, a in found.tags if tag == "a" and "#source-" in str(a.get("href"))}
    there = {f"#{name}" for name in found.ids() if name.startswith("source-")}
    assert linked == there
    assert "No machine: round numbers for tests." in found.text
    assert "XNOR-Net: ImageNet Classification" in found.text


def test_links_of_sources_lead_to_the_web_alone(doc):
    sources = doc["predictions"][0]["machine"]["sources"]
    sources["made-up"] = 'A table, javascript:alert(1) at https://example.org/a"b?c=1.'
    links = [a["href"] for tag, a in Page(page([doc])).tags if tag == "a"]
    assert "https://example.org/a" in links
    assert all(str(link).startswith(("#", "https://", "http://")) for link in links)


def test_several_models_are_compared_first(doc, two):
    other = copy.deepcopy(two)
    other["model"]["name"] = "other"
    found = Page(page([doc, other]))
    assert {"overview", "m1", "m2", "machines", "sources"} <= found.ids()
    line = found.row(labels.amount(doc["totals"]["macs"]))
    assert line[0][0] == "small"
    latency = labels.quantity(doc["predictions"][0]["totals"]["latency_s"], "s")
    assert any(text.startswith(latency) for text, _ in line)
    assert any(text == "" for text, _ in line), "the first was not predicted on the second profile"
    assert set(found.figures) >= {"overview-figure", "m1-costs", "m2-costs", "m2-totals"}


def test_models_of_one_name_are_told_apart(doc):
    floats = copy.deepcopy(doc)
    floats["assumptions"]["binarize"] = "none"
    text = Page(page([doc, floats, floats])).text
    assert all(name in text for name in ("small xnor", "small as it is #2", "small as it is #3"))


def test_a_machine_of_two_models_stands_once(doc):
    other = copy.deepcopy(doc)
    heads = [row[0][0] for row in Page(page([doc, other])).rows if row]
    assert heads.count("tiny") == 1, "the table of its figures"


# --- figures: they add up ------------------------------------------------------------------------


def test_bars_add_up_to_the_latency_of_each_machine(two):
    figure = costs_figure(two)
    assert figure
    for colour in ("precision", "bound"):
        for number, item in enumerate(two["predictions"]):
            bars = [
                value
                for trace in figure["data"]
                if trace["meta"] == ["latency", colour]
                and trace["yaxis"] == ("y" if not number else f"y{number + 1}")
                for value in filled(figure, trace["y"])
            ]
            factor, _ = scale([layer["latency_s"] for layer in item["layers"]], "s")
            assert sum(bars) == pytest.approx(item["totals"]["latency_s"] * factor, rel=1e-4)


def test_each_colour_is_named_once_for_all_panels(two):
    figure = costs_figure(two)
    assert figure
    named = [(*trace["meta"], trace["name"]) for trace in figure["data"] if trace["showlegend"]]
    assert len(named) == len(set(named))
    assert {(*trace["meta"], trace["name"]) for trace in figure["data"]} == set(named)


def test_the_first_choice_is_what_is_drawn_first(two):
    figure = costs_figure(two)
    assert figure
    chosen = [options[0] for options in figure["choices"].values()]
    assert all(trace["visible"] == (trace["meta"] == chosen) for trace in figure["data"])


def test_memory_marks_the_peak(doc):
    figure = memory_figure(doc)
    assert figure
    live, peak = figure["data"][0], figure["data"][-1]
    values = filled(figure, live["y"])
    assert peak["y"] == [max(values)]
    assert doc["totals"]["peak_activation_bits"] / 8 / 2**10 == pytest.approx(max(values), rel=1e-5)
    assert doc["totals"]["peak_layer"] in str(figure["layout"]["annotations"][-1]["text"])
    stored = sum(
        sum(filled(figure, trace["y"])) for trace in figure["data"] if trace["type"] == "bar"
    )
    assert stored * 2**13 == pytest.approx(doc["totals"]["stored_bits"], rel=1e-4)


def test_roofline_holds_every_layer_below_its_ceilings(doc):
    figure = roofline_figure(doc)
    assert figure
    points = [trace for trace in figure["data"] if "hovertext" in trace]
    assert sum(len(trace["x"]) for trace in points) == 4  # those that multiply
    lines = doc["predictions"][0]["machine"]["ceilings"]
    for trace in points:
        most = lines["macs_per_s"]["binary" if "binary" in trace["legendgroup"] else "fp32"]
        for intensity, rate in zip(trace["x"], trace["y"], strict=True):
            assert rate <= most * (1 + 1e-6)
            assert rate <= intensity * lines["bytes_per_s"]["cache"] * (1 + 1e-6)


def test_shares_are_of_a_whole(two):
    figure = shares_figure(two)
    assert figure
    for axis in ("x", "x2"):
        parts = [trace["x"] for trace in figure["data"] if trace["xaxis"] == axis]
        assert [sum(row) for row in zip(*parts, strict=True)] == pytest.approx([100, 100], abs=0.2)


def test_speedups_have_their_ranges(doc):
    figure = speedup_figure(doc)
    assert figure
    item = doc["predictions"][0]
    for trace in figure["data"]:
        name = trace["name"].removeprefix("over ")
        assert trace["x"] == [item["speedup"][name]]
        bars = trace.get("error_x", {"array": [0.0]})
        high = trace["x"][0] + bars["array"][0]
        assert high == pytest.approx(item["speedup_high"][name])
    assert len(figure["data"]) == len(item["speedup"])
    assert sum("error_x" in trace for trace in figure["data"]) == 2, "the paper's has no range"


def test_energy_by_part_where_a_prediction_tells(doc):
    assert energy_figure(doc) is None, "a roofline knows no parts"
    doc["predictions"][0]["energy_shares"] = {"L1": 1e-6, "static": 3e-6, "DRAM": None}
    figure = energy_figure(doc)
    assert figure
    assert {trace["name"]: trace["x"] for trace in figure["data"]} == {"static": [75], "L1": [25]}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.002, None, 0.03], (1e3, "ms")),
        ([1.0], (1.0, "s")),
        ([999.0], (1.0, "s")),
        ([1e-6], (1e6, "µs")),
        ([], (1.0, "s")),
        ([None, 0.0], (1.0, "s")),
        ([1e-300], (1e12, "ps")),  # no smaller prefix
    ],
)
def test_unit_of_an_axis(values, expected):
    factor, unit = scale(values, "s")
    assert (pytest.approx(factor), unit) == expected


@given(st.floats(1e-12, 1e12), st.floats(1.001, 1e9), st.integers(3, 12))
def test_logarithmic_axes_are_marked_inside_their_ends(low, ratio, most):
    found = ticks(low, low * ratio, "s", most)
    assert all(low * 0.99 <= value <= low * ratio * 1.01 for value in found["tickvals"])
    assert len(set(found["ticktext"])) == len(found["ticktext"]) == len(found["tickvals"])
    assert len(found["tickvals"]) <= max(most, math.log10(ratio) + 1.01)


def test_more_bounds_than_colours_are_told_apart():
    paints = [paint(number) for number in range(28)]
    assert len({json.dumps(each) for each in paints}) == 28
    grey = {
        # ITU-R BT.601, as a printer mixes it
        each["color"]: sum(w * int(each["color"][i : i + 2], 16)
                           for w, i in ((0.299, 1), (0.587, 3), (0.114, 5)))
        for each in paints
    }  # fmt: skip
    for one, other in itertools.combinations(paints[:7], 2):
        alike = abs(grey[one["color"]] - grey[other["color"]]) < 25
        assert not alike or one.get("pattern") != other.get("pattern"), (one, other)


# --- nothing runs --------------------------------------------------------------------------------


def hostile(doc: dict[str, Any]) -> dict[str, Any]:
    """The document with markup wherever a file could bring it."""
    made = copy.deepcopy(doc)
    made["model"] |= {"name": HOSTILE, "file": HOSTILE, "inputs": {HOSTILE: [1]}}
    made["assumptions"] |= {"notes": [HOSTILE], "recognized": {HOSTILE: HOSTILE}}
    made["assumptions"]["baselines"][HOSTILE] = HOSTILE
    made["totals"]["peak_layer"] = made["layers"][0]["name"] = HOSTILE
    made["layers"][1] |= {"kind": HOSTILE, "fused_into": HOSTILE, "name": "{{ 7 * 7 }} $x^2$"}
    made["layers"][2]["scheme"] = f"{HOSTILE}*{HOSTILE}"
    made["unknown_layers"] = [HOSTILE]
    made["versions"][HOSTILE] = HOSTILE
    for item in made["predictions"]:
        for layer, cost in zip(made["layers"], item["layers"], strict=True):
            cost |= {"name": layer["name"], "bound": HOSTILE}
        item["totals"]["bound"] = item["profile"] = HOSTILE
        for key in ("speedup", "speedup_low", "speedup_high", "amdahl", "energy_shares"):
            item[key][HOSTILE] = 2.0
        machine = item["machine"]
        machine["title"] = machine["kind"] = machine["sources"]["made-up"] = HOSTILE
        machine["ceilings"]["bytes_per_s"][HOSTILE] = 1e9
        machine["quantities"][0] |= {"path": HOSTILE, "unit": HOSTILE, "basis": HOSTILE}
        machine["quantities"][0]["note"] = HOSTILE
    return made


def test_markup_in_names_stays_text(doc):
    found = Page(page([hostile(doc), hostile(doc)]))
    assert {tag for tag, _ in found.tags} == {tag for tag, _ in Page(page([doc, doc])).tags}
    assert not [a for _, a in found.tags if any(key.startswith("on") for key in a)]
    assert sum(tag == "script" and "data-figure" not in a for tag, a in found.tags) == 2
    assert HOSTILE in found.text
    assert "{{ 7 * 7 }}" in found.text


def texts(value: Any) -> Any:
    """Every text in plain data, keys apart."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def test_figures_hold_no_markup_but_ours(doc):
    for figure in Page(page([hostile(doc)])).figures.values():
        for text in texts(figure["data"] + [figure["columns"], figure["layout"]]):
            assert not re.sub(r"</?b>|<br>", "", text).count("<"), text


@given(st.text())
def test_data_for_scripts_has_no_sign_of_html(text):
    written = json_for_html({"name": text, text: [text]})
    assert not set(written) & set("<>&\u2028\u2029")
    assert json.loads(written) == {"name": text, text: [text]}


@given(st.text())
def test_text_of_figures_has_no_tags(text):
    assert not set(labels.literal(text)) & set("<>")


def test_the_policy_lets_the_two_scripts_run_and_nothing_be_loaded(doc):
    html = page([doc])
    found = Page(html)
    policy = next(a["content"] for tag, a in found.tags if a.get("http-equiv"))
    assert policy
    codes = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    hashes = {base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for code in codes}
    assert set(re.findall(r"'sha256-([^']+)'", policy)) == hashes
    assert len(codes) == 2
    assert policy.startswith("default-src 'none';")
    assert not [tag for tag, a in found.tags if tag in ("link", "iframe") or "src" in a]
    assert "unsafe-eval" not in policy


# --- the same page, from whatever document -------------------------------------------------------


def test_a_saved_report_gives_the_same_bytes(doc, two):
    read = json.loads(json.dumps([doc, two]))
    assert page(read) == page([doc, two])


def test_an_old_report_leaves_out_what_it_does_not_know(doc):
    del doc["versions"]
    del doc["predictions"][0]["machine"]
    found = Page(page([doc]))
    assert not found.ids() & {"machines", "versions", "m1-roofline"}
    assert {"m1-costs", "m1-memory", "m1-speedups", "m1-layers", "sources"} <= found.ids()


def test_without_a_machine_it_counts(doc):
    doc["predictions"] = []
    found = Page(page([doc]))
    assert set(found.figures) == {"m1-memory"}
    assert "bound by" not in found.text


@pytest.mark.parametrize("case", ["no layers", "no time", "nothing known", "one layer", "unknown"])
def test_strange_reports_are_pages_too(two, case):
    changes = {
        "no layers": lambda layers, costs: (layers.clear(), costs.clear()),
        "no time": lambda _, costs: [cost.update(latency_s=0.0, energy_j=0.0) for cost in costs],
        "nothing known": lambda _, costs: [
            cost.update(dict.fromkeys(cost.keys() - {"name", "bound"})) for cost in costs
        ],
        "one layer": lambda layers, costs: (layers.__delitem__(slice(1, None)),
                                            costs.__delitem__(slice(1, None))),
        "unknown": lambda layers, _: [layer.update(scheme="odd*odd", macs=1) for layer in layers],
    }  # fmt: skip
    layers = two["layers"]
    for item in two["predictions"]:
        changes[case](layers, item["layers"])
        if case == "nothing known":
            item["totals"] = dict.fromkeys(item["totals"])
            item["speedup"] = dict.fromkeys(item["speedup"])
    found = Page(page([two]))
    assert f"{len(layers)} layers" in found.text


def test_a_lower_bound_says_what_is_left_out(doc):
    doc["totals"]["lower_bound"], doc["unknown_layers"] = True, ["odd one"]
    text = Page(page([doc])).text
    assert "leaves out layers without a rule: odd one" in text
    assert f"≥ {labels.amount(doc['totals']['macs'])}" in text


# --- size, time, and what is missing -------------------------------------------------------------


def test_resnet50_on_four_profiles_is_small_and_soon_there():
    profiles = ["raspberry-pi-4b", "haswell", "apple-m1", "cortex-m7"]
    report = xs.analyze("resnet50", binarize="xnor", profile=profiles)
    start = time.perf_counter()
    html = report.to_html()
    assert time.perf_counter() - start < 5
    assert len(html.encode()) < 6e6
    heads = next(row for row in Page(html).rows if row and row[0][0] == "#")
    assert len(heads) == 9 + 5 + 3 * 4, "the first machine alone has energies"


@pytest.mark.parametrize("package", ["jinja2", "plotly"])
def test_without_the_extra(doc, report, monkeypatch, tmp_path, package):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr("importlib.util.find_spec", None)  # what is found may still not load
    expected = rf"a report as a page needs the package '{package}'.*xnorsim\[html\]"
    with pytest.raises(MissingExtraError, match=expected):
        page([doc])
    with pytest.raises(MissingExtraError, match=expected):
        report.save_html(tmp_path / "r.html")
    assert not list(tmp_path.iterdir())


def test_no_report_is_no_page():
    with pytest.raises(UsageError, match="needs at least one report"):
        page([])
    with pytest.raises(UsageError, match="needs at least one model"):
        xs.report([])


def test_options_are_not_for_reports_alone(report):
    with pytest.raises(UsageError, match=r"^batch, threads: reports are shown as they were made"):
        xs.report([report, "saved.json"], batch=2, threads=4)


def test_from_python(report, doc, tmp_path):
    report.save_html(tmp_path / "one.html")
    assert (tmp_path / "one.html").read_text() == report.to_html()
    (tmp_path / "saved.json").write_text(json.dumps(doc))
    together = xs.report([report, tmp_path / "saved.json", small_network()])
    assert [item["model"]["name"] for item in together.documents] == ["small"] * 3
    together.save_html(tmp_path / "three.html")
    assert "small xnor #2" in (tmp_path / "three.html").read_text()
    assert len(xs.report(small_network()).documents) == 1
