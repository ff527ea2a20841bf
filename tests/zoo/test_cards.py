"""What is published of the networks equals what is counted, or differs as the cards say."""

from __future__ import annotations

import re

import pytest

from xnorsim import zoo
from xnorsim.analysis.zoo import own_figure, zoo_card, zoo_list
from xnorsim.errors import UsageError
from xnorsim.work.table import layer_table
from xnorsim.zoo.card import Published, Quantity

EVERY = [
    pytest.param(name, figure, id=f"{name}: {figure.quantity}, {figure.source}")
    for name, card in zoo.CARDS.items()
    for figure in card.published
]


def test_every_network_has_a_card() -> None:
    assert {*zoo.CARDS} == {*zoo.ZOO}


@pytest.mark.parametrize(("name", "figure"), EVERY)
def test_a_published_figure_is_ours_or_the_difference_is_told(name: str, figure: Published) -> None:
    graph = zoo.build(name)
    off = abs(own_figure(graph, layer_table(graph, ()), figure) - figure.value)
    # An exact count is the same; others are rounded or cut off at their last digit.
    assert bool(figure.differs) == (off >= figure.step), off


def test_exact_figures_are_many() -> None:
    """Lest a step that is too wide lets anything pass."""
    exact = [p.values[1] for p in EVERY if p.values[1].step == 1]  # pyright: ignore
    assert len(exact) > 30
    assert all(p.values[1].step <= p.values[1].value / 5 for p in EVERY)  # pyright: ignore


@pytest.mark.parametrize("name", zoo.names())
def test_accuracies_are_percentages_with_a_source(name: str) -> None:
    card = zoo.CARDS[name]
    for each in card.accuracy:
        assert 20 < each.top1 < (each.top5 or 100) <= 100
        assert len(each.source) > 10
    assert card.dataset in ("ImageNet", "MNIST", "CIFAR-10")
    binary_of_nobody = name in ("alexnet", "xnor-googlenet-variant")
    assert bool(card.accuracy) is not binary_of_nobody
    assert all(note.endswith(".") for note in card.notes)


# ImageNet top-1 and top-5 of XNOR-Net, tables 1 and 2.
PAPER = {
    "alexnet-bn": (56.6, 80.2),
    "bwn-alexnet": (56.8, 79.4),
    "xnor-alexnet": (44.2, 69.2),
    "bwn-resnet18": (60.8, 83.0),
    "xnor-resnet18": (51.2, 73.2),
    "googlenet-variant": (71.3, 90.0),
    "bwn-googlenet-variant": (65.5, 86.1),
}


@pytest.mark.parametrize("name", PAPER)
def test_accuracies_of_the_paper(name: str) -> None:
    first = zoo.CARDS[name].accuracy[0]
    assert (first.top1, first.top5) == PAPER[name]
    assert re.match(r"Rastegari .*, table [12]$", first.source)


def test_counts_of_a_card_add_up() -> None:
    for item in zoo_list().cards:
        counts = item.counts
        assert sum(each.macs for each in counts.precisions) == counts.macs, item.name
        assert sum(each.parameters for each in counts.precisions) <= counts.parameters
        assert sum(each.stored_bits for each in counts.precisions) <= counts.stored_bits
        binary = sum(e.macs for e in counts.precisions if e.precision == "bipolar*bipolar")
        assert counts.binary_share == binary / counts.macs
        assert counts.stored_bits <= counts.stored_bits_fp32 + 64 * counts.layers


def test_sizes_count_the_vectors_that_the_source_counts() -> None:
    graph = zoo.build("resnet18")
    table = layer_table(graph, ())
    two, four = (
        own_figure(graph, table, Published(Quantity.PARAMETERS, 0, 1, "", vectors=vectors))
        for vectors in (2, 4)
    )
    assert (two, four - two) == (11_689_512, 9_600)


def test_an_unknown_network_has_no_card() -> None:
    with pytest.raises(UsageError, match="no network 'resnet81' in the zoo: did you mean"):
        zoo_card("resnet81")
    with pytest.raises(UsageError, match="no network 'lenet'"):
        zoo_list(["resnet18", "lenet"])
