"""A graph put together layer by layer: what importers and the zoo have in common.

    a = Assembly("tiny")
    x = a.input("x", (1, 3, 8, 8))
    x = a.layer(ops.Conv(...), x, name="conv1", parameters={"weight": parameter})
    graph = a.graph([x], metadata={"format": "zoo"})

A layer writes the tensor that has its name. Shapes come from network/shapes.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xnorsim.errors import ModelError, ShapeError, UsageError, choices
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, Parameter, Stored, TensorSpec, check
from xnorsim.network.precision import FLOAT32, Encoding, Scheme
from xnorsim.network.shapes import output_specs

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Assembly", "stored"]


def stored(
    name: str,
    shape: Sequence[int],
    load: Callable[[], np.ndarray] | None,
    encoding: Encoding = FLOAT32,
    *,
    is_scale: bool = False,
) -> Parameter:
    """A parameter that the file keeps as the layer reads it, under its own name."""
    spec = TensorSpec(tuple(shape), encoding)
    return Parameter(spec, (Stored(name, spec, is_scale),), load)


class Assembly:
    """A network in the making; `tensors` are the activations known so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.inputs: list[str] = []
        self.tensors: dict[str, TensorSpec] = {}
        self.parameters: dict[str, Parameter] = {}
        self.nodes: list[Node] = []
        self.recognized: dict[str, str] = {}
        self._numbers: Counter[str] = Counter()

    def input(self, name: str, shape: Sequence[int], encoding: Encoding = FLOAT32) -> str:
        """Add an input of the network."""
        self.tensors[name] = TensorSpec(tuple(shape), encoding)
        self.inputs.append(name)
        return name

    def spec(self, tensor: str) -> TensorSpec:
        """Shape and encoding of a tensor so far.

        Raises:
            UsageError: no such tensor.
        """
        if tensor not in self.tensors:
            raise UsageError(f"{self.name}: no tensor '{tensor}': {choices(tensor, self.tensors)}")
        return self.tensors[tensor]

    def shape(self, tensor: str) -> tuple[int, ...]:
        """The shape of a tensor so far.

        Raises:
            UsageError: no such tensor.
        """
        return self.spec(tensor).shape

    def layer(
        self,
        op: ops.Op,
        *inputs: str,
        name: str | None = None,
        parameters: Mapping[str, Parameter | tuple[str, Parameter]] | None = None,
        scheme: Scheme | None = None,
        roles: tuple[str, ...] = (),
        layer: str = "",
        results: int = 1,
    ) -> str:
        """Add a layer; the tensor that it writes, which has its name.

        `parameters` are by role, each called "<layer>.<role>" unless it comes with a name. The
        further ones of several `results` are called "<name>:1", "<name>:2" and so on.

        Raises:
            UsageError: an input that does not exist.
            ModelError: a name given twice.
            ShapeError: operands that do not fit.
        """
        name = name or self.numbered(ops.kind(op))
        if name in self.tensors:
            raise ModelError(f"{self.name}: two layers are called '{name}'")
        held = {
            role: item if isinstance(item, tuple) else (f"{name}.{role}", item)
            for role, item in (parameters or {}).items()
        }
        outputs = (name, *(f"{name}:{i}" for i in range(1, results)))
        for tensor, spec in zip(
            outputs, self._results(op, name, inputs, roles, held), strict=False
        ):
            self.tensors[tensor] = spec
        self.parameters |= dict(held.values())
        named = {role: title for role, (title, _) in held.items()}
        self.nodes.append(Node(name, op, inputs, outputs, named, scheme, roles, layer))
        return name

    def _results(
        self,
        op: ops.Op,
        name: str,
        inputs: tuple[str, ...],
        roles: tuple[str, ...],
        held: Mapping[str, tuple[str, Parameter]],
    ) -> tuple[TensorSpec, ...]:
        given = [
            (role, self.spec(x))
            for role, x in zip(roles or ("",) * len(inputs), inputs, strict=True)
        ]
        plain = [spec for role, spec in given if not role]
        others = {role: item.spec for role, (_, item) in held.items()}
        others |= {role: spec for role, spec in given if role}
        try:
            return output_specs(op, *plain, **others)
        except ShapeError as fault:
            raise ShapeError(f"{self.name}: layer '{name}': {fault}") from fault

    def numbered(self, word: str) -> str:
        """`word` with the first number that no tensor has after it."""
        while True:
            self._numbers[word] += 1
            name = f"{word}{self._numbers[word]}"
            if name not in self.tensors:
                return name

    def graph(
        self,
        outputs: Sequence[str],
        *,
        metadata: Mapping[str, Any] | None = None,
        notes: tuple[str, ...] = (),
    ) -> Graph:
        """The network with the given outputs.

        Raises:
            ModelError, ShapeError: as network.graph.check.
        """
        return check(
            Graph(
                name=self.name,
                nodes=tuple(self.nodes),
                tensors=dict(self.tensors),
                parameters=dict(self.parameters),
                inputs=tuple(self.inputs),
                outputs=tuple(outputs),
                metadata=metadata or {},
                notes=notes,
                recognized=dict(self.recognized),
            )
        )
