"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re

import pytest

import xnorsim

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(xnorsim.__path__, "xnorsim.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


SKIPPED = {
    "validate_published": "docs/validation.md runs it",
    "validate_host": "it measures this machine, for a minute or more",
}


def test_examples_that_are_skipped_have_a_reason(project) -> None:
    texts = [path.read_text("utf-8") for path in (project / "xnorsim").rglob("*.py")]
    found = [name for text in texts for name in re.findall(r">>> (\w*).*doctest: *\+SKIP", text)]
    assert sorted(found) == sorted(SKIPPED)


def test_there_are_examples() -> None:
    found = doctest.DocTestFinder().find(importlib.import_module("xnorsim.network.extents"))
    assert sum(len(test.examples) for test in found) > 5
