from __future__ import annotations

from html.parser import HTMLParser

from xnorsim.show.comparison import compare, compare_profiles
from xnorsim.show.notebook import report_html

_ATTACK = "<script>alert(1)</script>&\"'"


class Page(HTMLParser):
    """Tags that are opened and closed in order, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_well_formed_with_everything_in_it(report, two):
    page = Page(report._repr_html_())
    assert {"first", "classifier", "7.91 µs", "tiny (roofline, 1 thread)"} <= set(page.text)
    both = Page(report_html(two))
    assert {"tiny", "paper-64ops"} <= set(both.text)


def test_comparison(two, doc):
    assert "2.04×" in Page(compare_profiles(two)._repr_html_()).text
    assert "A = B" in Page(compare(doc, doc)._repr_html_()).text


def test_everything_is_escaped(two):
    doc = two
    doc["layers"][0]["name"] = doc["layers"][0]["kind"] = _ATTACK
    doc["model"] = {"name": _ATTACK, "file": _ATTACK, "inputs": {_ATTACK: [1]}}
    doc["assumptions"] = {"binarize": _ATTACK, _ATTACK: _ATTACK, "notes": [_ATTACK]}
    doc["totals"] |= {"peak_layer": _ATTACK, "fp_ops_by_kind": {_ATTACK: 1}, "lower_bound": True}
    doc["unknown_layers"] = [_ATTACK]
    for item in doc["predictions"]:
        item["profile"] = item["predictor"] = _ATTACK
        item["totals"]["bound"] = item["layers"][0]["bound"] = _ATTACK
        item["speedup"] = item["amdahl"] = {_ATTACK: 2.0}
    plain = Page(report_html(doc))
    assert plain.tags <= {
        "div", "style", "table", "thead", "tbody", "tfoot", "tr", "th", "td", "span",
        "details", "summary",
    }  # fmt: skip
    assert sum(_ATTACK in text for text in plain.text) > 10
    assert "script" not in Page(compare_profiles(doc)._repr_html_()).tags
    assert "script" not in Page(compare(doc, doc)._repr_html_()).tags


def test_colours_come_from_the_page_around_it(doc):
    html = report_html(doc)
    style = html[html.index("<style>") : html.index("</style>")]
    assert "background: transparent" in style
    assert "color: inherit" in style
    assert "white;" not in style
    assert "black" not in style
