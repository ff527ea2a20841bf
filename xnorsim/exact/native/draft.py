"""A plan in the making: its steps so far, what is held by then, and the chain behind a tensor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from xnorsim.exact.execute import loaded
from xnorsim.exact.native.layout import Arrays, Form, Held, floats_of, held, is_image, matrix
from xnorsim.exact.native.links import Link, links_of
from xnorsim.kernels.elementwise import NO_BITS, NO_FLOATS, Chain, chain_of
from xnorsim.kernels.elementwise import Step as ChainStep
from xnorsim.kernels.program import Command
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, TensorSpec
from xnorsim.network.precision import FLOAT32

__all__ = ["Bound", "Draft", "Ending", "Run", "Step", "chain_for", "ending", "results_of"]

Array = np.ndarray
Run = Callable[[], bool | None]
"""A call that computes. False: a sign was taken of what may have none."""

Bound = Sequence[Run | Command]
"""A step bound to its arrays: calls, and commands that may share a call with other steps'."""


@dataclass(frozen=True, slots=True)
class Step:
    """A pass over memory: the layers that it runs, what it reads and writes, and how it is bound.

    `by` names the library that computes, where there is a choice.
    """

    kind: str
    nodes: tuple[str, ...]
    reads: tuple[Held, ...]
    writes: tuple[Held, ...]
    bind: Callable[[Arrays], Bound]
    by: str = ""


@dataclass
class Draft:
    """`kept` are the tensors that have to be there in the end, `readers` who reads each.

    `forms` has what is held of each tensor after the steps so far, and `done` the layers run.
    """

    graph: Graph
    kept: frozenset[str]
    readers: Mapping[str, list[Node]]
    threads: int
    steps: list[Step] = field(default_factory=list)
    forms: dict[str, dict[Form, Held]] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)

    def spec(self, tensor: str) -> TensorSpec:
        """Shape and encoding of a tensor."""
        return self.graph.tensors[tensor]

    def weights(self, name: str) -> Array:
        """A parameter's values."""
        return loaded(self.graph, name)

    def add(self, step: Step) -> None:
        """Append a step: what it writes is held from now on."""
        self.steps.append(step)
        self.done.update(step.nodes)
        for item in step.writes:
            self.forms.setdefault(item.tensor, {})[item.form] = item


@dataclass(frozen=True, slots=True)
class Ending:
    """The layers behind a tensor that run in the same pass, and what they leave.

    `tensor` is the last one of them; `sign` the layer that packs its bits, if there is one, and
    `floats` says whether its floats are needed too.
    """

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    tensor: str
    sign: Node | None
    floats: bool


def ending(draft: Draft, tensor: str, *, signs: bool = True) -> Ending:
    """The chain behind `tensor`: links with one reader each, whose other operands are there."""
    nodes, links = [], []
    while (node := _next(draft, tensor)) is not None:
        found = links_of(draft.graph, node, tensor, draft.weights)
        if found is None or not all(_is_there(draft, link) for link in found):
            break
        nodes.append(node)
        links += found
        (tensor,) = node.outputs
    readers = draft.readers[tensor]
    packing = [node for node in readers if signs and is_packed_sign(draft, node)]
    floats = tensor in draft.kept or len(readers) > len(packing[:1])
    return Ending(tuple(nodes), tuple(links), tensor, next(iter(packing), None), floats)


def _next(draft: Draft, tensor: str) -> Node | None:
    """The only reader of a tensor that nobody else needs."""
    readers = draft.readers[tensor]
    return readers[0] if len(readers) == 1 and tensor not in draft.kept else None


def _is_there(draft: Draft, link: Link) -> bool:
    return isinstance(link.operand, np.ndarray) or link.operand in draft.forms


def is_packed_sign(draft: Draft, node: Node) -> bool:
    """Whether a layer takes signs of floats that can be packed along the channels."""
    spec = draft.spec(node.inputs[0]) if node.inputs else None
    return (
        isinstance(node.op, ops.Sign)
        and spec is not None
        and spec.encoding == FLOAT32
        and is_image(spec)
        and node.name not in draft.done
    )


def results_of(draft: Draft, end: Ending, form: Form) -> tuple[Held | None, Held | None]:
    """What a chain writes: its floats and its bits, as far as they are wanted."""
    spec = draft.spec(end.tensor)
    floats = floats_of(end.tensor, spec, form) if end.floats else None
    if end.sign is None:
        return floats, None
    (signed,) = end.sign.outputs
    return floats, held(signed, draft.spec(signed), Form.BITS)


def chain_for(
    links: tuple[Link, ...], others: Mapping[str, Held], arrays: Arrays, planes: TensorSpec | None
) -> Chain:
    """Links bound to arrays: along rows of channels, or along the planes of a tensor."""
    steps = []
    for link in links:
        if isinstance(link.operand, str):
            item = others[link.operand]
            operand = matrix(arrays[item], item, rows=planes is None)
        elif planes is None:
            operand = link.operand.reshape(1, -1)
        else:
            each = np.broadcast_to(link.operand, planes.shape[1])
            operand = np.tile(each, planes.shape[0]).reshape(-1, 1)
        steps.append(ChainStep(link.code, np.ascontiguousarray(operand)))
    return chain_of(steps)


def bound_floats(arrays: Arrays, item: Held | None, *, rows: bool = True) -> Array:
    """Where a chain writes its floats, if anywhere."""
    return NO_FLOATS if item is None else matrix(arrays[item], item, rows=rows)


def bound_bits(arrays: Arrays, item: Held | None) -> Array:
    """Where a chain writes its bits, if anywhere."""
    return NO_BITS if item is None else arrays[item]
