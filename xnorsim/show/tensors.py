"""The tensors of a run in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.text import Text

from xnorsim.show import labels
from xnorsim.show.listing import print_rows

if TYPE_CHECKING:
    from xnorsim.exact.execute import Run

__all__ = ["print_run"]

_BEST = 5
_SAMPLES = 4
_FEWEST_CLASSES = 5


def print_run(run: Run) -> None:
    """Print the outputs and kept tensors of a run, its best classes, and its notes."""
    headings = ("tensor", "", "shape", "type", "min", "max", "mean")
    print_rows(headings, [*_rows(run.kept, "kept"), *_rows(run.outputs, "output")])
    console = Console()
    for name, value in run.outputs.items():
        for line in _best(name, value):
            console.print(Text(line))
    for note in run.notes:
        console.print(Text(f"note: {labels.visible(note)}"))


def _rows(tensors: Mapping[str, np.ndarray], what: str) -> Iterator[tuple[str, ...]]:
    for name, value in tensors.items():
        shape, kind = labels.shape_text(value.shape), str(value.dtype)
        yield labels.visible(name), what, shape, kind, *_figures(value)


def _figures(value: np.ndarray) -> tuple[str, str, str]:
    """Least, greatest and mean value."""
    if not value.size or value.dtype.kind == "c":
        return labels.UNKNOWN, labels.UNKNOWN, labels.UNKNOWN
    found = (value.min(), value.max(), value.mean(dtype=np.float64))
    low, high, mean = (f"{float(number):.4g}" for number in found)
    return low, high, mean


def _best(name: str, value: np.ndarray) -> Iterator[str]:
    """The best classes of the first samples, if the output looks like (samples, classes)."""
    if value.ndim < 2 or value.shape[1] < _FEWEST_CLASSES or value[0].size != value.shape[1]:
        return
    scores = value.reshape(value.shape[0], -1)
    for number, sample in enumerate(scores[:_SAMPLES]):
        best = np.argsort(-sample.astype(np.float64), kind="stable")[:_BEST]
        text = ", ".join(f"{i} ({float(sample[i]):.4g})" for i in best)
        yield f"best classes of {labels.visible(name)}[{number}]: {text}"
    if len(scores) > _SAMPLES:
        yield f"... {len(scores)} samples in all"
