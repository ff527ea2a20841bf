from __future__ import annotations

from tests.show.test_notebook import Page
from xnorsim.explore.search import Candidate, Search, Step
from xnorsim.machine.profile import load_profile

ATTACK = "<b>&"
BEST = (
    Candidate({"clock": "2 GHz", "threads": "4"}, {"latency_s": 2e-3}, 2e-3),
    Candidate({"clock": ATTACK, "threads": "3"}, {"latency_s": 3e-3}, 3e-3),
)
FOUND = Search(
    "latency_s", BEST, load_profile("paper-64ops"), (Step(30, BEST[1]), Step(60, BEST[0])), 60, 7,
    is_settled=True,
)  # fmt: skip


def test_in_one_line():
    assert repr(FOUND) == (
        "<Search: least latency_s on paper-64ops; 60 designs in 2 generations, seed 7; "
        "the last population is alike; best: clock 2 GHz, threads 4>"
    )


def test_the_best_designs_in_a_table():
    page = Page(FOUND._repr_html_())
    assert {"clock", "threads", "latency_s", "objective", "2 GHz", "2.00 ms", ATTACK} <= {
        *page.text
    }
    assert "b" not in page.tags
