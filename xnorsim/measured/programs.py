"""The programs that run whole networks on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from xnorsim.errors import UsageError
from xnorsim.measured.described import NETWORKS
from xnorsim.measured.measurement import Subject
from xnorsim.measured.survey import Task

__all__ = ["network_tasks"]

Work = Callable[[], object]


def network_tasks(names: Iterable[str], threads: int = 1) -> tuple[Task, ...]:
    """Each network by each of its programs."""
    return tuple(
        Task(Subject(program, name, threads), partial(_PROGRAMS[program], name, threads))
        for name in names
        for program in NETWORKS[name]
    )


def _absent(program: str, name: str, threads: int) -> tuple[Work, Subject]:
    raise UsageError(f"'{program}' does not run whole networks yet")


_PROGRAMS: dict[str, Callable[[str, int], tuple[Work, Subject]]] = {
    "native": partial(_absent, "native"),
    "onnxruntime": partial(_absent, "onnxruntime"),
}
"""What makes a network ready, by the name of the program."""
