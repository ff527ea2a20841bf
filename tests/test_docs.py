"""What the documents say about the code is so."""

from __future__ import annotations

import importlib
import re

import pytest

from tests.conftest import PROJECT
from xnorsim.machine.profile import profile_names
from xnorsim.measured.described import NOT_BY_DEFAULT
from xnorsim.measured.grid import REFERENCE, grid, layer_name
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


def test_the_validation_names_its_layers_and_kernels(project):
    text = " ".join((project / "docs" / "validation.md").read_text().split())
    dense = [layer for layer in grid("default") if layer.size == 1]
    others = [layer for layer in grid("default") if layer.size > 1]
    channels = [layer.channels for layer in others]
    most = max(layer.channels for layer in dense)
    assert f"{min(channels)} to {max(channels)} ({most} of a dense layer)" in text
    names = " and ".join(f"`{name}`" for name in NOT_BY_DEFAULT).replace(" and ", ", ", 1)
    assert len(NOT_BY_DEFAULT) == 3
    assert f"Three of the kernels differ in little from others: {names} run with `--full`" in text
    assert f"fastest on the reference layer (`{layer_name(REFERENCE)}`)" in text


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
