"""A plan of a whole network: made once, run many times.

    plan = plan_of(graph, keep=("conv1",), threads=1)
    outputs = plan.run({"x": image})

Layers are taken in their order. Each becomes a pass over memory together with the layers behind it
that fit (rules.py); one that no rule takes runs as the reference has it, layer by layer. Tensors
share buffers, which are allocated once: one is free again after the last step that reads it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from xnorsim.exact.engines import NATIVE
from xnorsim.exact.execute import Session, Tell, loaded, prepare, run_node
from xnorsim.exact.native.conversions import need
from xnorsim.exact.native.draft import Bound, Draft, Run, Step
from xnorsim.exact.native.layout import Form, Held, held
from xnorsim.exact.native.rules import planned
from xnorsim.kernels.buffers import aligned
from xnorsim.kernels.program import Command, bound
from xnorsim.network.graph import Graph, Node, consumers

__all__ = ["OddError", "Plan", "calls", "plan_of"]

Array = np.ndarray
Arrays = Mapping[str, Array]


class OddError(ArithmeticError):
    """A step met what may be NaN or infinite, and cannot take it: the reference can."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """`runs` are the calls that compute, each with how many layers it runs; `inputs` and `outputs`
    the arrays that are read and left, by name.

    `outputs` has the graph's outputs and what was to be kept. `bound` are the steps bound to their
    arrays, and `bytes` is what buffers take. There is one set of these: threads that run one plan
    wait for each other at `turn`.
    """

    graph: Graph
    steps: tuple[Step, ...]
    bound: tuple[Bound, ...]
    runs: tuple[tuple[Run, int], ...]
    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]
    bytes: int
    turn: threading.Lock = field(default_factory=threading.Lock)

    def run(self, inputs: Arrays, progress: Tell | None = None) -> dict[str, Array]:
        """The outputs and kept tensors for `inputs`, arrays by name, which are not looked at.

        Raises:
            OddError: a step met what may be NaN or infinite, and cannot take it.
        """
        with self.turn:
            for name, own in self.inputs.items():
                np.copyto(own, inputs[name])
            done = 0
            for run, layers in self.runs:
                if run() is False:
                    raise OddError
                if progress is not None:
                    done += layers
                    progress(done, len(self.graph.nodes))
            return {name: own.copy() for name, own in self.outputs.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        """What computes the float layers, in a sentence."""
        found = dict.fromkeys(f"{step.kind} by {step.by}" for step in self.steps if step.by)
        return (f"engine native: {', '.join(found)}",) if found else ()


def plan_of(
    graph: Graph,
    keep: Collection[str] = (),
    threads: int = 1,
    allow: Callable[[int], object] = int,
) -> Plan:
    """A plan of `graph` that keeps the tensors of `keep` besides its outputs.

    `allow` is called with what the buffers will take [byte] before they are made, and may raise.

    Raises:
        ModelError: a weight has no values, or values without a sign.
        MissingExtraError: numba is not installed.
    """
    prepare(graph, NATIVE, hold=False)  # looks for weights that are missing
    kept = frozenset((*keep, *graph.outputs))
    draft = Draft(graph, kept, consumers(graph), threads)
    for name in graph.inputs:
        draft.forms[name] = {Form.PLAIN: held(name, graph.tensors[name], Form.PLAIN)}
    for node in graph.nodes:
        if node.name not in draft.done and not planned(node.op, draft, node):
            _add_reference(draft, node)
    ends = {name: need(draft, name, Form.PLAIN) for name in dict.fromkeys((*graph.outputs, *keep))}
    starts = {name: draft.forms[name][Form.PLAIN] for name in graph.inputs}
    place, sizes = _placed(draft.steps, starts.values(), ends.values())
    allow(sum(sizes))
    arrays = _allocated(place, sizes)
    steps = tuple((step.bind(arrays), len(step.nodes)) for step in draft.steps)
    return Plan(
        graph,
        tuple(draft.steps),
        tuple(parts for parts, _ in steps),
        tuple(calls(steps, threads)),
        {name: arrays[item] for name, item in starts.items()},
        {name: arrays[item] for name, item in ends.items()},
        sum(sizes),
    )


def calls(steps: Iterable[tuple[Bound, int]], threads: int) -> Iterator[tuple[Run, int]]:
    """The calls of bound steps, each with the layers that have run after it: commands that follow
    each other are one."""
    commands: list[Command] = []
    layers = 0
    for parts, count in steps:
        for part in parts:
            if isinstance(part, Command):
                commands.append(part)
                continue
            if commands:
                yield bound(commands, threads), layers
                commands, layers = [], 0
            yield part, 0
        layers += count
    if commands or layers:
        yield bound(commands, threads) if commands else _nothing, layers


def _nothing() -> None:
    """The end of a plan whose last step is a call."""


def _add_reference(draft: Draft, node: Node) -> None:
    """A layer as the reference has it."""
    graph = draft.graph
    reads = {name: need(draft, name, Form.PLAIN) for name in dict.fromkeys(node.inputs)}
    writes = {name: held(name, graph.tensors[name], Form.PLAIN) for name in node.outputs}
    weights = {name: loaded(graph, name) for name in node.parameters.values()}
    session = Session(graph, NATIVE, weights, prepare(graph, NATIVE, hold=False).tile)

    def bind(arrays: Mapping[Held, Array]) -> Bound:
        given = {name: arrays[item] for name, item in reads.items()}
        into = {name: arrays[item] for name, item in writes.items()}

        def run() -> None:
            for name, value in run_node(session, node, given).items():
                into[name][...] = value

        return [run]

    draft.add(Step("reference", (node.name,), tuple(reads.values()), tuple(writes.values()), bind))


def _placed(
    steps: Collection[Step], starts: Collection[Held], ends: Collection[Held]
) -> tuple[dict[Held, int], list[int]]:
    """Which buffer has what is held, shared by what does not live at once; the buffers' sizes
    [byte].

    A step's results never lie over what it reads. Of the free buffers the smallest that is large
    enough is taken, or else the largest of them grows.
    """
    last = {item: at for at, step in enumerate(steps) for item in (*step.reads, *step.writes)}
    last |= dict.fromkeys(ends, len(steps))
    sizes: list[int] = []
    free: list[int] = []
    place: dict[Held, int] = {}

    def give(item: Held) -> None:
        fitting = [number for number in free if sizes[number] >= item.bytes]
        if fitting:
            number = min(fitting, key=lambda which: sizes[which])
        elif free:
            number = max(free, key=lambda which: sizes[which])
            sizes[number] = item.bytes
        else:
            number = len(sizes)
            sizes.append(item.bytes)
        if number in free:
            free.remove(number)
        place[item] = number

    for item in starts:
        give(item)
    for at, step in enumerate(steps):
        for item in step.writes:
            give(item)
        used = dict.fromkeys((*step.reads, *step.writes))
        free += [place[item] for item in used if last[item] == at]
    return place, sizes


def _allocated(place: Mapping[Held, int], sizes: Iterable[int]) -> dict[Held, Array]:
    """An array for everything that is held, in its buffer."""
    buffers = [aligned((size,), np.uint8) for size in sizes]
    return {
        item: buffers[number][: item.bytes].view(item.dtype).reshape(item.shape)
        for item, number in place.items()
    }
