"""The picture of the architecture is the one that import-linter holds."""

from __future__ import annotations

import re
import tomllib

import pytest


@pytest.fixture(scope="module")
def page(project) -> str:
    return (project / "docs" / "architecture.md").read_text("utf-8")


def test_the_order_of_layers_is_that_of_the_contract(project, page):
    contracts = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["tool"][
        "importlinter"
    ]
    layers = re.sub(r"[()]", "", " > ".join(contracts["contracts"][0]["layers"]))
    stated = re.search(r"cli > .* > errors", " ".join(page.split()))
    assert stated
    assert stated[0] == layers.removeprefix("__main__ > ")


def test_every_room_has_its_question_and_a_place_to_begin(project, page):
    rows = re.findall(r"^\| `(\w+)` \| .+ \| (.+) \|$", page, flags=re.MULTILINE)
    rooms = {folder.parent.name for folder in (project / "xnorsim").glob("*/__init__.py")}
    assert {room for room, _ in rows} == rooms
    for room, files in rows:
        for file in re.findall(r"`([\w./]+)`", files):
            assert (project / "xnorsim" / room / file).exists(), f"{room}/{file}"
