"""Networks built by hand: one file a family, one line each in catalogue.py, cards in cards.py."""

from xnorsim.zoo.cards import CARDS
from xnorsim.zoo.catalogue import ZOO, Entry, build, names

__all__ = ["CARDS", "ZOO", "Entry", "build", "names"]
