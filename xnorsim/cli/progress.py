"""A bar for what takes longer than a moment."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

__all__ = ["progress_bar"]

_PATIENCE_S = 2.0


@contextmanager
def progress_bar() -> Iterator[Callable[[int, int], None]]:
    """A function to call with (done, total); after two seconds a bar appears on stderr.

    Until it is called the bar only moves. Nothing is shown where stderr is no terminal, and
    nothing of it stays on the screen.
    """
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TimeElapsedColumn

    bar = Progress(
        BarColumn(), "{task.description}", TimeElapsedColumn(),
        console=Console(stderr=True), transient=True,
    )  # fmt: skip
    task = bar.add_task("running", total=None)

    def tell(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total, description=f"{done} of {total}")

    timer = Timer(_PATIENCE_S, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield tell
    finally:
        timer.cancel()
        timer.join()  # it may be starting the bar just now
        bar.stop()
