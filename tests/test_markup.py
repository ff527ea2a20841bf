from __future__ import annotations

import pytest

from tests.show.test_notebook import Page
from xnorsim.markup import facts, folded, piece, rows_table, text, visible

ATTACK = "<script>alert(1)</script>&\"'\x1b"


@pytest.mark.parametrize(
    "html",
    [
        text(ATTACK),
        facts([(ATTACK, ATTACK)]),
        folded(ATTACK, ""),
        rows_table([ATTACK, ATTACK], [[ATTACK, ATTACK]], left=(1,), long=(0,)),
    ],
)
def test_every_text_is_escaped(html):
    page = Page(piece(html))
    assert "script" not in page.tags
    assert "\x1b" not in html
    assert "".join(page.text).count("<script>") == html.count("&lt;script&gt;") > 0


def test_columns_lie_on_their_sides():
    html = rows_table(["name", "number", "note"], [["a", "1", "b"]], left=(0,), long=(2,))
    assert '<td class="left">a</td><td>1</td><td class="long">b</td>' in html
    assert '<th class="left">name</th><th>number</th><th class="left">note</th>' in html


def test_what_cannot_be_printed_is_written_out():
    assert visible("a\n\u202eb") == "a\\n\\u202eb"
