"""A graph put together from layers whose parameters are given as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, Parameter, Stored, TensorSpec, check
from xnorsim.network.precision import BIPOLAR, FLOAT32, Encoding, Scheme
from xnorsim.network.shapes import output_specs

__all__ = ["Assembly", "parameter"]

_ENCODINGS = {np.dtype(np.float32): FLOAT32, np.dtype(np.int8): BIPOLAR}


def parameter(name: str, values: np.ndarray) -> Parameter:
    """A parameter that holds `values`: float32, or int8 for +-1."""
    spec = TensorSpec(values.shape, _ENCODINGS[values.dtype])
    return Parameter(spec, (Stored(name, spec),), partial(np.copy, values))


class Assembly:
    """A network in the making; a layer writes the tensor that has its name."""

    def __init__(
        self, name: str, input: str, shape: Sequence[int], encoding: Encoding = FLOAT32
    ) -> None:
        self.name, self.input = name, input
        self.tensors = {input: TensorSpec(tuple(shape), encoding)}
        self.parameters: dict[str, Parameter] = {}
        self.nodes: list[Node] = []

    def shape(self, tensor: str) -> tuple[int, ...]:
        return self.tensors[tensor].shape

    def layer(
        self,
        name: str,
        op: ops.Op,
        *inputs: str,
        parameters: Mapping[str, np.ndarray] | None = None,
        scheme: Scheme | None = None,
    ) -> str:
        """Add a layer with one result; `parameters` are arrays by role."""
        given = (parameters or {}).items()
        made = {role: parameter(f"{name}.{role}", values) for role, values in given}
        specs = {role: item.spec for role, item in made.items()}
        found = output_specs(op, *(self.tensors[item] for item in inputs), **specs)
        self.tensors[name] = found[0]
        self.parameters |= {f"{name}.{role}": item for role, item in made.items()}
        roles = {role: f"{name}.{role}" for role in made}
        self.nodes.append(Node(name, op, inputs, (name,), roles, scheme))
        return name

    def graph(self, *outputs: str) -> Graph:
        return check(
            Graph(
                self.name,
                tuple(self.nodes),
                self.tensors,
                self.parameters,
                (self.input,),
                outputs,
            )
        )
