"""Cards and the list of them as people read them."""

from __future__ import annotations

import csv
import io
import json

import pytest

from xnorsim.analysis.zoo import zoo_card, zoo_list
from xnorsim.show.card import NOT_PUBLISHED
from xnorsim.show.forms import Form, render


def test_list(golden):
    golden("zoo-list.txt", render(zoo_list(), Form.TABLE))


def test_the_docs_have_the_list(project):
    page = (project / "docs" / "zoo.md").read_text("utf-8")
    assert f"```text\n{render(zoo_list(), Form.TABLE)}```" in page


@pytest.mark.parametrize("name", ["xnor-resnet18", "finn-cnv-1w1a", "alexnet"])
def test_card(golden, name):
    golden(f"zoo-{name}.txt", render(zoo_card(name), Form.TABLE))


def test_card_in_markdown(golden):
    golden("zoo-dorefa-net.md", render(zoo_card("dorefa-net"), Form.MARKDOWN))


def test_card_as_json(golden):
    golden("zoo-quicknet.json", render(zoo_card("quicknet"), Form.JSON))


def test_what_is_not_published_is_null_in_json_and_told_in_text():
    found = zoo_card("alexnet")
    assert found.to_dict()["accuracy"] == []
    for form in (Form.TABLE, Form.MARKDOWN):
        assert NOT_PUBLISHED in render(found, form)
    listed = zoo_list(["alexnet", "finn-tfc-1w1a"])
    assert [item["dataset"] for item in listed.to_dict()["networks"]] == ["ImageNet", "MNIST"]
    first, second = csv.DictReader(io.StringIO(render(listed, Form.CSV)))
    assert (first["top1"], second["top1"], second["top5"]) == ("", "93.17", "")


def test_every_card_fits_a_narrow_terminal(monkeypatch):
    from rich.console import Console

    from xnorsim.show.forms import views

    for item in (zoo_list(), *zoo_list().cards):
        page = io.StringIO()
        Console(file=page, width=80, color_system=None).print(views(item, False).table())
        text = page.getvalue()
        assert all(len(line) <= 80 for line in text.splitlines())
        assert "…" not in text


def test_documents_are_plain_data():
    document = json.loads(render(zoo_list(), Form.JSON))
    assert [item["name"] for item in document["networks"]] == sorted(
        item["name"] for item in document["networks"]
    )
    for item in document["networks"]:
        assert item["counts"]["layers"] == sum(e["layers"] for e in item["counts"]["precisions"])
        for figure in item["published"]:
            assert figure["differs"] or abs(figure["ours"] - figure["value"]) < figure["step"]
