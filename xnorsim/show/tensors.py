"""The tensors of a run in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.text import Text

from xnorsim.show import labels
from xnorsim.show.content import Column
from xnorsim.show.terminal import fit, name_room, table_of

if TYPE_CHECKING:
    from xnorsim.exact.execute import Run

__all__ = ["print_notes", "print_run"]

_BEST = 5
_SAMPLES = 4
_FEWEST_CLASSES = 5


def print_run(run: Run) -> None:
    """Print the outputs and kept tensors of a run, its best classes, and its notes."""
    console = Console()
    width, plain = console.width, console.options.ascii_only
    shown = {name: ("kept", value) for name, value in run.kept.items()}
    shown |= {name: ("output", value) for name, value in run.outputs.items()}
    names = list(shown)
    kept = fit(_columns(list(shown.values())), width - name_room(names))
    grey = [labels.COLOURS[None]] * len(names)
    console.print(table_of("tensor", names, kept, grey, width, plain, foot=""), Text(""))
    for name, value in run.outputs.items():
        for line in _best(name, value):
            console.print(Text(line))
    print_notes(run.notes)


def print_notes(notes: Iterable[str]) -> None:
    """Print what a reader should know."""
    for note in notes:
        Console().print(Text(f"note: {labels.visible(note)}"))


def _columns(shown: Sequence[tuple[str, np.ndarray]]) -> list[Column]:
    """What each tensor is; with too little room its type goes first, then figures."""
    figures = [_figures(value) for _, value in shown]
    low, high, mean = (tuple(of) for of in zip(*figures, strict=True)) if figures else ((),) * 3
    return [
        Column("", tuple(what for what, _ in shown), "", 1, "left"),
        Column("shape", tuple(labels.shape_text(v.shape) for _, v in shown), "", 0, "left"),
        Column("type", tuple(str(value.dtype) for _, value in shown), "", 5, "left"),
        Column("min", low, "", 3),
        Column("max", high, "", 2),
        Column("mean", mean, "", 4),
    ]


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
