from __future__ import annotations

import pytest

from tests.show.test_notebook import Page
from xnorsim.machine.profile import load_profile, profile_names, quantities
from xnorsim.machine.view import profile_line

ATTACK = "<script>alert(1)</script>"


@pytest.mark.parametrize("name", profile_names())
def test_every_quantity_is_there_with_its_source(name):
    profile = load_profile(name)
    page = Page(profile._repr_html_())
    assert {row.path for row in quantities(profile)} <= set(page.text)
    assert set(profile.sources) <= set(page.text)


def test_in_one_line():
    profile = load_profile("raspberry-pi-4b")
    line = "4 x 1.5 GHz, 128 bit vectors, L1 32 KiB, L2 1 MiB, DRAM 4 GiB"
    assert profile_line(profile) == line
    assert repr(profile) == str(profile) == f"<HardwareProfile raspberry-pi-4b: {line}>"
    assert "memory unlimited" in repr(load_profile("paper-64ops"))


def test_ranges_have_their_unit_once():
    texts = set(Page(load_profile("raspberry-pi-4b")._repr_html_()).text)
    assert "0.4 .. 0.615 vector/cycle" in texts
    assert "768 KiB .. 1 MiB" in texts


def test_texts_are_escaped():
    profile = load_profile("paper-64ops")
    sources = dict.fromkeys(profile.sources, ATTACK)
    changed = profile.model_copy(update={"description": ATTACK, "sources": sources})
    page = Page(changed._repr_html_())
    assert "script" not in page.tags
    assert ATTACK in page.text
