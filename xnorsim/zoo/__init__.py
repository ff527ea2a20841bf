"""Networks built by hand: one file a family, one line each in catalogue.py."""

from xnorsim.zoo.catalogue import ZOO, Entry, build, names

__all__ = ["ZOO", "Entry", "build", "names"]
