from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from xnorsim.show.content import rows, total_row
from xnorsim.show.forms import Form, render
from xnorsim.show.terminal import report_table


def printed(doc, width=100, encoding="utf-8", **options) -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    Console(file=stream, width=width, legacy_windows=False).print(report_table(doc, **options))
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("width", [60, 72, 80, 100, 120, 160, 240])
@pytest.mark.parametrize("all_layers", [False, True])
def test_fits_the_width(doc, two, width, all_layers):
    for each in (doc, two):
        lines = printed(each, width, all_layers=all_layers).splitlines()
        assert max(map(cell_len, lines)) <= width
        assert any("7.91 µs" in line and line.startswith("first") for line in lines)


def test_the_report_itself_and_its_document_look_the_same(report, doc):
    pages = []
    for each in (report, doc):
        page = io.StringIO()
        Console(file=page, width=100).print(report_table(each))
        pages.append(page.getvalue())
    assert pages[0] == pages[1]


def test_names_are_shown_as_they_are(doc):
    names = ["[bold red]x[/bold red]", "a\nb\x1b[31m", "[/]", ":smile:"]
    for layer, cost, name in zip(
        doc["layers"], doc["predictions"][0]["layers"], names, strict=False
    ):
        layer["name"] = cost["name"] = name
    doc["model"]["name"] = "[link=http://x]m[/link]\x07"
    doc["totals"]["peak_layer"] = "[red]y"
    page = printed(doc, 160, all_layers=True)
    for shown in ("[bold red]x[/bold red]", r"a\nb\x1b[31m", "[/]", ":smile:", "[red]y"):
        assert shown in page
    assert r"[link=http://x]m[/link]\x07" in page
    assert "\x1b" not in page
    assert "\x07" not in page


def test_without_unicode(doc):
    page = printed(doc, 100, encoding="ascii")  # fails on any other character
    assert "7.91 us" in page
    assert "#" in page
    assert "5.0-8.0 us" in page


@pytest.mark.parametrize("form", [Form.TABLE, Form.MARKDOWN])
def test_a_lower_bound_is_marked_everywhere(doc, form):
    doc["totals"]["lower_bound"] = True
    doc["unknown_layers"] = ["odd/One", "odd/Two"]
    page = printed(doc, 140) if form is Form.TABLE else render(doc, form)
    table_total = next(line for line in page.splitlines() if "total" in line)
    for text in ("≥323 k", "≥3.23 KiB", "≥20.9 µs", "≥15–22 µs", "≥23.1 µJ"):
        assert text in table_total, text
    for line in page.splitlines():
        name = line.strip("-* ").split("*")[0].split(" ")[0]
        if name in ("MACs", "other", "weights", "activations", "latency", "energy"):
            assert "≥ " in line, line
    assert "layers without a rule: odd/One, odd/Two" in page


def test_no_bound_is_marked_where_there_is_none(doc):
    assert "≥" not in render(doc, Form.TABLE) + render(doc, Form.MARKDOWN)


@pytest.mark.parametrize("all_layers", [False, True])
def test_rows_add_up_to_the_totals(two, all_layers):
    shown, total = rows(two, all_layers), total_row(two)
    for key in ("macs", "fp_ops", "stored_bits"):
        assert sum(row.work[key] for row in shown) == total.work[key]
    assert max(row.work["live_bits"] for row in shown) == total.work["live_bits"]
    for i, whole in enumerate(total.costs):
        low, value, high = (
            sum(row.costs[i][f"latency_s{end}"] for row in shown) for end in ("_low", "", "_high")
        )
        assert value == pytest.approx(whole["latency_s"], rel=1e-12)
        # The whole is surer than its parts: they are not all at their ends together.
        width = whole["latency_s_high"] - whole["latency_s_low"]
        assert 0 <= width <= (high - low) * (1 + 1e-12)
    assert {row.costs[1]["energy_j"] for row in shown} == {None}


def test_an_unknown_energy_is_a_dash(two):
    page = render(two, Form.TABLE)
    assert "energy            -" in page


def test_counts_alone(doc):
    doc["predictions"] = []
    page = render(doc, Form.TABLE)
    assert "latency" not in page
    assert "█" in page  # the share of the MACs


def test_nothing_binary_and_nothing_at_all(doc):
    doc["totals"] |= {"binary_macs": 0, "bwn_macs": 0}
    assert "no MAC is binary" in render(doc, Form.TABLE)
    doc["totals"]["bwn_macs"] = doc["totals"]["macs"] // 2
    assert "of the MACs have binary weights: faster binary layers alone gain at most" in " ".join(
        render(doc, Form.TABLE).split()
    )
    doc["layers"], doc["predictions"] = [], []
    for column, value in doc["totals"].items():
        doc["totals"][column] = 0 if isinstance(value, int) else value
    doc["totals"] |= {"fp_ops_by_kind": {}, "memory_ratio": None, "peak_layer": ""}
    for form in Form:
        assert render(doc, form)


def test_amdahl_says_where_a_speedup_passes_it(doc):
    told = "a speedup passes it where these are faster too"
    first = doc["predictions"][0]
    for over, passes in ((0.9, False), (1.1, True)):
        first["speedup"] = {name: over * limit for name, limit in first["amdahl"].items()}
        assert (told in " ".join(render(doc, Form.TABLE).split())) is passes


def test_no_limit_where_everything_is_binary(doc):
    doc["predictions"][0]["amdahl"]["peak"] = None
    assert "without limit over peak" in " ".join(render(doc, Form.TABLE).split())


def test_one_table_a_profile_where_there_is_no_room(two):
    two["predictions"] = [
        {**two["predictions"][0], "profile": f"machine-number-{i}-with-a-long-name"}
        for i in range(8)
    ]
    lines = printed(two, 100).splitlines()
    assert max(map(cell_len, lines)) <= 100
    assert sum(line.startswith("layer ") for line in lines) == 8
    for i in range(8):
        assert f"machine-number-{i}-with-a-long-name" in lines


def test_two_predictions_of_one_profile_have_two_names(two):
    two["predictions"][1]["profile"] = "tiny"
    two["predictions"][1]["threads"] = 2
    page = render(two, Form.CSV).splitlines()[0]
    assert "tiny@roofline:1.latency_s" in page
    assert "tiny@roofline:2.latency_s" in page
