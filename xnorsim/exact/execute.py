"""Walk a graph layer by layer with an engine, and free each tensor after its last reader.

session = prepare(graph, "packed")
run = execute(session, {"x": image}, keep=["conv1"])
run.outputs, run.kept
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np

from xnorsim.errors import InputError, ModelError, UsageError, XnorsimError, choices
from xnorsim.exact.call import Call
from xnorsim.exact.encodings import conversion, dtype_of
from xnorsim.exact.engines import NATIVE, Engine
from xnorsim.exact.engines import engine as engine_called
from xnorsim.exact.memory import check_memory, tile_bytes
from xnorsim.exact.reference import run
from xnorsim.network.graph import Graph, Node, TensorSpec, last_uses, scheme
from xnorsim.network.ops import MULTIPLYING
from xnorsim.network.precision import BIPOLAR, FP32

if TYPE_CHECKING:
    from xnorsim.exact.native.plan import Plan

__all__ = [
    "Run",
    "Session",
    "Step",
    "Tell",
    "check_inputs",
    "execute",
    "kept_tensors",
    "loaded",
    "prepare",
    "run_node",
    "steps",
]

Array = np.ndarray
Arrays = Mapping[str, Array]
Tell = Callable[[int, int], None]
"""Called with the layers that have run, and how many there are."""


@dataclass(frozen=True, slots=True)
class Session:
    """A graph ready to run, again and again: its weights loaded and made ready for the engine.

    `weights` is None where they are loaded by each layer and dropped after it, which takes less
    memory and, for a single run, no more time. `tile` is the most [byte] that a convolution's
    columns take at once. Engine native runs on so many `threads`, by a plan for each set of tensors
    to keep, made when it is first asked for.
    """

    graph: Graph
    engine: Engine
    weights: dict[str, Array] | None
    tile: int
    memos: dict[str, dict[str, Any]] = field(default_factory=dict)
    threads: int = 1
    plans: dict[tuple[str, ...], Plan] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """A layer that has run: the activations that it read and wrote, by tensor name."""

    node: Node
    inputs: Arrays
    outputs: Arrays


@dataclass(frozen=True, slots=True, repr=False)
class Run:
    """What a run leaves: the graph's outputs, and the tensors that were to be kept, by name."""

    outputs: dict[str, Array]
    kept: dict[str, Array]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        parts = [f"outputs {_summary(self.outputs)}", f"kept {_summary(self.kept)}", *self.notes]
        return f"<Run: {'; '.join(parts)}>"


def _summary(arrays: Arrays) -> str:
    shown = (f"{name} {value.dtype}{list(value.shape)}" for name, value in arrays.items())
    return ", ".join(shown) or "none"


def prepare(
    graph: Graph, engine: str | Engine = "blas", *, hold: bool = True, threads: int = 1
) -> Session:
    """A session for `graph`; with `hold` its weights are loaded now, and stay.

    `threads` is for engine native.

    Raises:
        UsageError: no engine of that name.
        ModelError: a layer's weight has no values; all such weights at once.
    """
    found = engine_called(engine) if isinstance(engine, str) else engine
    missing = [
        f"'{name}' (read by '{node.name}' as its {role})"
        for node in graph.nodes
        for role, name in node.parameters.items()
        if graph.parameters[name].load is None
    ]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise ModelError(f"{graph.name}: without values: {', '.join(missing[:5])}{more}")
    weights = {name: loaded(graph, name) for name in graph.parameters} if hold else None
    return Session(graph, found, weights, tile_bytes(graph), threads=threads)


def loaded(graph: Graph, name: str) -> Array:
    """The values of a parameter, of which prepare() has seen that it has some.

    Raises:
        ModelError: they are of another shape than stated.
    """
    parameter = graph.parameters[name]
    assert parameter.load is not None  # prepare() has looked
    value = np.asarray(parameter.load())
    kind = dtype_of(parameter.spec.encoding)
    if value.shape != parameter.spec.shape:
        raise ModelError(
            f"{graph.name}: weight '{name}' has shape {list(value.shape)} in its file, where "
            f"{parameter.spec} was expected"
        )
    return value.astype(kind, copy=False)


def execute(
    session: Session,
    inputs: Arrays,
    keep: Iterable[str] = (),
    max_memory: float | None = None,
    progress: Tell | None = None,
) -> Run:
    """Run the network on `inputs`, arrays by input name.

    `keep` has names (or globs) of tensors, or of layers for all that they write. `max_memory` is
    the most [byte] that activations and weights may take. `progress` is called after each layer.

    Raises:
        UsageError: an input's name, shape or type is wrong, or nothing is called as in `keep`.
        ModelError: a layer cannot run on what it is given, or too much memory would be needed.
    """
    graph = session.graph
    wanted = kept_tensors(graph, keep)
    if max_memory is not None:
        check_memory(graph, max_memory, hold=session.weights is not None)
    if session.engine is NATIVE:
        planned = _planned(session, inputs, wanted, progress, max_memory)
        if planned is not None:
            return planned
    kept = {name: np.array(inputs[name]) for name in wanted if name in graph.inputs}
    outputs = {name: inputs[name] for name in graph.outputs if name in graph.inputs}
    walk = steps(session, inputs, keep=wanted, overwrite=True)
    for done in range(1, len(graph.nodes) + 1):
        step = next(walk)  # enumerate(walk) would hold on to it
        kept |= {name: value for name, value in step.outputs.items() if name in wanted}
        outputs |= {name: value for name, value in step.outputs.items() if name in graph.outputs}
        del step  # what it read may be freed before the next layer runs
        if progress:
            progress(done, len(graph.nodes))
    ordered = {name: outputs[name] for name in graph.outputs}
    return Run(ordered, {name: kept[name] for name in wanted}, graph.notes)


def _planned(
    session: Session,
    inputs: Arrays,
    wanted: tuple[str, ...],
    progress: Tell | None = None,
    max_memory: float | None = None,
) -> Run | None:
    """A run by the session's plan; None if only the walk over its layers can say what is wrong."""
    from xnorsim.exact.native.plan import OddError, plan_of  # needs an extra

    graph = session.graph
    check_inputs(graph, inputs)

    def allow(buffers: int) -> None:
        if max_memory is not None:
            check_memory(graph, max_memory, hold=session.weights is not None, buffers=buffers)

    if wanted in session.plans:
        allow(session.plans[wanted].bytes)
    else:
        session.plans[wanted] = plan_of(graph, wanted, session.threads, allow)
    plan = session.plans[wanted]
    try:
        found = plan.run(inputs, progress)
    except OddError:
        return None
    notes = (*graph.notes, *plan.notes)
    return Run(
        {name: found[name] for name in graph.outputs},
        {name: found[name] for name in wanted},
        notes,
    )


def kept_tensors(graph: Graph, keep: Iterable[str]) -> tuple[str, ...]:
    """The tensors that `keep` names, in execution order.

    Raises:
        UsageError: words that name neither a tensor nor a layer, all at once.
    """
    by_node = {node.name: node.outputs for node in graph.nodes}
    names = [*graph.inputs, *(name for outputs in by_node.values() for name in outputs)]
    chosen: set[str] = set()
    lost = []
    for word in keep:
        found = {word} & set(names) or set(by_node.get(word, ()))
        found = found or {name for name in names if fnmatchcase(name, word)}
        found = found or {
            name for node, outputs in by_node.items() if fnmatchcase(node, word) for name in outputs
        }
        if not found:
            lost.append(f"'{word}': {choices(word, dict.fromkeys([*by_node, *names]))}")
        chosen |= found
    if lost:
        raise UsageError(f"{graph.name}: no tensor or layer called " + "; ".join(lost))
    return tuple(name for name in names if name in chosen)


def steps(
    session: Session,
    inputs: Arrays,
    *,
    keep: Collection[str] = (),
    overwrite: bool = False,
) -> Iterator[Step]:
    """Run one layer after the other.

    Each tensor is freed after its last reader, so let go of a step before taking the next. With
    `overwrite` a layer may write its result over an input that nobody else needs, `keep` and the
    graph's outputs excepted: what a step has shown is then no longer what it was.

    Raises:
        UsageError, ModelError: as `execute`.
    """
    graph = session.graph
    check_inputs(graph, inputs)
    if session.engine is NATIVE:
        every = tuple(name for node in graph.nodes for name in node.outputs)
        if (found := _planned(session, inputs, every)) is not None:
            yield from _told_steps(graph, inputs, found.kept)
            return
    tensors = {name: inputs[name] for name in graph.inputs}
    until = last_uses(graph) | dict.fromkeys(keep, len(graph.nodes))
    ours: set[str] = set()
    for position, node in enumerate(graph.nodes):
        first = node.inputs[0] if node.inputs else None
        free = (
            overwrite
            and first in ours
            and until[first] == position
            and node.inputs.count(first) == 1
            and _is_alone(tensors, first)
        )
        outputs = run_node(session, node, tensors, overwrite=free)
        ours |= {
            name for name, value in outputs.items() if _is_made(session, node, tensors, value, ours)
        }
        tensors |= outputs
        yield Step(node, {name: tensors[name] for name in node.inputs}, outputs)
        del outputs
        for name in (*node.inputs, *node.outputs):
            if until[name] <= position:
                tensors.pop(name, None)


def _told_steps(graph: Graph, inputs: Arrays, written: Arrays) -> Iterator[Step]:
    """The steps of a run that has kept all that its layers wrote."""
    known = {**inputs, **written}
    for node in graph.nodes:
        sides = ({name: known[name] for name in names} for names in (node.inputs, node.outputs))
        yield Step(node, *sides)


def _root(array: Array) -> int:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return id(array)


def _is_alone(tensors: Arrays, name: str) -> bool:
    """Whether no other living tensor is a view of the same memory."""
    own = _root(tensors[name])
    return sum(_root(value) == own for value in tensors.values()) == 1


def _is_made(session: Session, node: Node, tensors: Arrays, value: Array, ours: set[str]) -> bool:
    """Whether `value` lies in memory that a layer has made: not in an input or in a weight."""
    own = _root(value)
    if any(_root(tensors[name]) == own and name not in ours for name in node.inputs):
        return False
    held = session.weights or {}
    return bool(value.flags.writeable) and all(
        name not in held or _root(held[name]) != own for name in node.parameters.values()
    )


def run_node(
    session: Session, node: Node, tensors: Arrays, *, overwrite: bool = False
) -> dict[str, Array]:
    """The results of one layer by tensor name, from the activations in `tensors`.

    Raises:
        InputError: the layer cannot run on them; the message names graph, layer and tensor.
    """
    graph = session.graph
    roles = node.roles or ("",) * len(node.inputs)
    named = {
        role: tensors[name] for name, role in zip(node.inputs, roles, strict=True) if role != ""
    }
    plain = tuple(tensors[name] for name, role in zip(node.inputs, roles, strict=True) if not role)
    parameters = {role: _weight(session, name) for role, name in node.parameters.items()}
    # what is made of parameters once may not depend on the data
    lasting = session.weights is not None and len(plain) <= 1 and named.keys() <= {"unsigned"}
    call = Call(
        plain,
        tuple(graph.tensors[name] for name in node.outputs),
        session.engine,
        parameters | named,
        scheme(graph, node) if isinstance(node.op, MULTIPLYING) else FP32,
        session.memos.setdefault(node.name, {}) if lasting else {},
        overwrite,
        session.tile,
    )
    try:
        with np.errstate(all="ignore"):  # infinities and NaN are results like others
            results = run(node.op, call)
    except InputError as fault:
        read = ", ".join(f"'{name}' {graph.tensors[name]}" for name in node.inputs)
        raise type(fault)(f"{graph.name}: layer '{node.name}' (input {read}): {fault}") from fault
    return {
        name: _as_told(node, name, spec, value)
        for name, spec, value in zip(node.outputs, call.outputs, results, strict=True)
    }


def _weight(session: Session, name: str) -> Array:
    if session.weights is None:
        return loaded(session.graph, name)
    return session.weights[name]


def _as_told(node: Node, name: str, spec: TensorSpec, value: Array) -> Array:
    """`value`, if it is what shapes.output_specs has promised: a failure of ours otherwise."""
    if value.shape != spec.shape or value.dtype != dtype_of(spec.encoding):
        raise XnorsimError(
            f"layer '{node.name}' wrote {value.dtype}{list(value.shape)} to '{name}', not {spec}"
        )
    return value


def check_inputs(graph: Graph, inputs: Arrays) -> None:
    """Names, shapes and types of the arrays given to a run.

    Raises:
        UsageError: every fault, with what was expected and what was given.
    """
    faults = [
        f"no input '{name}': {choices(name, graph.inputs)}"
        for name in inputs
        if name not in graph.inputs
    ]
    for name in graph.inputs:
        spec = graph.tensors[name]
        if name not in inputs:
            faults.append(f"input '{name}' ({spec}) is not given")
            continue
        value, kind = inputs[name], dtype_of(spec.encoding)
        if not isinstance(value, np.ndarray):
            faults.append(f"input '{name}' must be an array, not {type(value).__name__}")
        elif value.shape != spec.shape or value.dtype != kind:
            faults.append(
                f"input '{name}' must be {kind}{list(spec.shape)}, "
                f"not {value.dtype}{list(value.shape)}{conversion(value.dtype, kind)}"
            )
        elif spec.encoding == BIPOLAR and not (np.abs(value) == 1).all():
            faults.append(f"input '{name}' must hold -1 and +1 only")
    if faults:
        raise UsageError(f"{graph.name}: " + "\n  ".join(faults))
