"""The programs that run whole networks on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from xnorsim.measured.described import NETWORKS
from xnorsim.measured.measurement import Subject
from xnorsim.measured.survey import Task
from xnorsim.network.graph import Graph
from xnorsim.zoo import build
from xnorsim.zoo.builder import seeded

__all__ = ["network_tasks"]

Work = Callable[[], object]


def network_tasks(names: Iterable[str], threads: int = 1) -> tuple[Task, ...]:
    """Each network by each of its programs, at batch 1 and with weights drawn from its name."""
    return tuple(
        Task(Subject(program, name, threads), partial(_PROGRAMS[program], name, threads))
        for name in names
        for program in NETWORKS[name]
    )


def _image(graph: Graph) -> tuple[str, np.ndarray]:
    (name,) = graph.inputs
    drawn = seeded(graph.name, name).standard_normal(graph.tensors[name].shape)
    return name, drawn.astype(np.float32)


def _native(network: str, threads: int) -> tuple[Work, Subject]:
    """What xnorsim run --engine native does, after its plan is made."""
    from xnorsim.exact.execute import execute, prepare

    graph = build(network)
    name, image = _image(graph)
    session = prepare(graph, "native", threads=threads)
    notes = execute(session, {name: image}).notes
    settings = {"notes": "; ".join(notes)} if notes else {}
    subject = Subject("native", network, threads, settings=settings)
    return partial(execute, session, {name: image}), subject


def _onnxruntime(network: str, threads: int) -> tuple[Work, Subject]:
    from xnorsim.kernels.onnx_network import ready

    graph = build(network)
    found = ready(graph, threads)
    subject = Subject("onnxruntime", network, threads, found.versions, found.settings)
    return partial(found.run, _image(graph)[1]), subject


_PROGRAMS: dict[str, Callable[[str, int], tuple[Work, Subject]]] = {
    "native": _native,
    "onnxruntime": _onnxruntime,
}
"""What makes a network ready, by the name of the program."""
