"""What the documents say about the code is so."""

from __future__ import annotations

import importlib
import re

import pytest

from tests.conftest import PROJECT
from xnorsim.machine.profile import profile_names
from xnorsim.work.table import COLUMNS, layer_table, totals
from xnorsim.zoo import build


def test_every_column_and_total_is_explained(project):
    text = (project / "docs" / "numbers.md").read_text()
    explained = set(re.findall(r"`(\w+)`", text))
    found = totals(layer_table(build("resnet18")))
    assert {*COLUMNS, *found} - {"lower_bound"} <= explained


def test_every_function_named_there_exists(project):
    text = (project / "docs" / "numbers.md").read_text()
    names = re.findall(r"`((?:work|cost|network)\.\w+)\.(\w+)`", text)
    assert len(names) >= 15
    for module, function in names:
        assert hasattr(importlib.import_module(f"xnorsim.{module}"), function), function


PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *sorted(PROJECT.glob("docs/*.md"))]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(project, page):
    source = project / page
    targets = re.findall(r"\]\(([^)#]+)\)", source.read_text())
    missing = [t for t in targets if "://" not in t and not (source.parent / t).exists()]
    assert missing == []


def test_the_readme_names_profiles_that_exist(project):
    text = (project / "README.md").read_text()
    named = set(re.findall(r"(?:-p|--profile) ([a-z0-9-]+)(?=[\s`)]|$)", text))  # no files
    assert named
    assert named <= set(profile_names())
