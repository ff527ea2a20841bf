"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

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


def test_there_are_examples() -> None:
    found = doctest.DocTestFinder().find(importlib.import_module("xnorsim.network.extents"))
    assert sum(len(test.examples) for test in found) > 5
