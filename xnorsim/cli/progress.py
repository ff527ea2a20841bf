"""A bar for what takes longer than a moment."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xnorsim.explore.run import Progress

__all__ = ["STOPPED", "points_bar", "points_text", "progress_bar"]

STOPPED = 130
"""The exit code after Ctrl-C, as of other programs."""

_PATIENCE_S = 2.0


@contextmanager
def progress_bar() -> Iterator[Callable[[int, int], None]]:
    """A function to call with (done, total); after two seconds a bar appears on stderr.

    Until it is called the bar only moves. Nothing is shown where stderr is no terminal, and
    nothing of it stays on the screen.
    """
    with _bar() as show:
        yield lambda done, total: show(done, total, f"{done} of {total}")


@contextmanager
def points_bar() -> Iterator[Callable[[Progress], None]]:
    """A function to call with the progress of a sweep; otherwise as `progress_bar`."""
    with _bar() as show:
        yield lambda progress: show(progress.done, progress.points, points_text(progress))


def points_text(progress: Progress) -> str:
    """How far a sweep is, its rate, the time that is left, and memory, for people."""
    from xnorsim.units import format_bits, format_si

    share = f"{format_si(progress.done)} of {format_si(progress.points)} points"
    left = f"{progress.left_s:,.0f} s left" if progress.rate else "? s left"
    memory = format_bits(8.0 * progress.memory_bytes)
    return f"{share}, {format_si(progress.rate, 'points')}/s, {left}, {memory}"


@contextmanager
def _bar() -> Iterator[Callable[[int, int, str], None]]:
    """A function to call with done, total and a text."""
    if not sys.stderr.isatty():
        yield lambda done, total, text: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TimeElapsedColumn

    bar = Progress(
        BarColumn(), "{task.description}", TimeElapsedColumn(),
        console=Console(stderr=True), transient=True,
    )  # fmt: skip
    task = bar.add_task("running", total=None)

    def tell(done: int, total: int, text: str) -> None:
        bar.update(task, completed=done, total=total, description=text)

    timer = Timer(_PATIENCE_S, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield tell
    finally:
        timer.cancel()
        timer.join()  # it may be starting the bar just now
        bar.stop()
