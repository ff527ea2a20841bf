"""One small network on one made-up machine, and its golden texts."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xnorsim.analysis import analyze
from xnorsim.network.graph import Graph
from xnorsim.show.report import Report, document
from xnorsim.zoo.builder import Builder

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


MADE_BY = {"xnorsim": "0.1", "python": "3.11", "numpy": "2.0"}


def small_network() -> Graph:
    """Two convolutions to become binary, a residual, and float layers at both ends."""
    b = Builder("small", input=(1, 3, 8, 8))
    x = b.relu(b.batch_norm(b.conv(b.input, 16, 3, padding=1, bias=False, name="first")))
    y = b.relu(b.batch_norm(b.conv(x, 16, 3, padding=1, bias=False, name="block.0.conv")))
    y = b.batch_norm(b.conv(y, 16, 3, padding=1, bias=False, name="block.1.conv"))
    z = b.relu(b.add(x, y, name="block.add"))
    z = b.flatten(b.global_average_pool(z))
    return b.graph(b.dense(z, 10, name="classifier"), source="made up for tests")


@pytest.fixture(scope="session")
def report() -> Report:
    return analyze(small_network(), binarize="xnor", profile=GOLDEN / "tiny.yaml")


@pytest.fixture
def doc(report: Report) -> dict[str, Any]:
    """The document of `report`, free to be changed, as versions made it that do not change."""
    return {**copy.deepcopy(document(report)), "versions": dict(MADE_BY)}


@pytest.fixture
def two(report: Report) -> dict[str, Any]:
    """The same network on two machines, the second without energies."""
    both = analyze(small_network(), binarize="xnor", profile=(GOLDEN / "tiny.yaml", "paper-64ops"))
    return copy.deepcopy(document(both))


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with a file in tests/golden, or write it if XNORSIM_UPDATE_GOLDEN is set."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("XNORSIM_UPDATE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check
