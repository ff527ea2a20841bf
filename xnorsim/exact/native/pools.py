"""Pools, joined channels, views and softmax of a plan."""

from __future__ import annotations

from math import prod

import numpy as np

from xnorsim.exact.native.conversions import need
from xnorsim.exact.native.draft import Bound, Draft, Step
from xnorsim.exact.native.layout import Arrays, Form, floats_of, held, matrix
from xnorsim.kernels.pooling import counts_of, grid_of
from xnorsim.kernels.program import pool_command
from xnorsim.network import ops
from xnorsim.network.functions import Reduction
from xnorsim.network.graph import Node
from xnorsim.network.precision import FLOAT32

__all__ = ["planned_concat", "planned_pool", "planned_softmax", "planned_view"]


def planned_pool(draft: Draft, node: Node, op: ops.Pool) -> bool:
    """A maximum or mean over windows of two axes; False if it is another pool."""
    (tensor,), spec = node.inputs, draft.spec(node.inputs[0])
    whole = op.kernel == spec.shape[2:] and not any(map(any, op.padding))
    mean = op.reduction is Reduction.MEAN
    if (
        op.reduction not in (Reduction.MAX, Reduction.MEAN)
        or len(spec.shape) != 4
        or spec.encoding != FLOAT32
        or len(node.outputs) != 1
    ):
        return False
    if mean and whole:
        _add_whole_mean(draft, node)
        return True
    source = need(draft, tensor, floats_of(tensor, spec, Form.ROWS).form)
    (name,) = node.outputs
    target = floats_of(name, draft.spec(name), Form.ROWS)
    (batch, channels, *size), out_size = spec.shape, draft.spec(name).shape[2:]
    grid, counts = grid_of(op, (*size,), mean=mean), counts_of(op, (*size,), out_size)

    def bind(arrays: Arrays) -> Bound:
        x = arrays[source].reshape(batch, *size, channels)
        return [pool_command(x, grid, counts, arrays[target].reshape(batch, *out_size, channels))]

    draft.add(Step("pool", (node.name,), (source,), (target,), bind))
    return True


def _add_whole_mean(draft: Draft, node: Node) -> None:
    """The mean of each image, by numpy as in the reference: it adds up in an order of its own."""
    (name,) = node.outputs
    source = need(draft, node.inputs[0], Form.PLAIN)
    target = held(name, draft.spec(name), Form.PLAIN)
    count = np.float32(prod(source.shape[2:]))

    def bind(arrays: Arrays) -> Bound:
        x, out = arrays[source], arrays[target]

        @np.errstate(all="ignore")
        def run() -> None:
            np.add.reduce(x, axis=(2, 3), keepdims=True, out=out)
            np.divide(out, count, out=out)

        return [run]

    draft.add(Step("pool", (node.name,), (source,), (target,), bind))


def planned_concat(draft: Draft, node: Node, op: ops.Concat) -> bool:
    """Channels joined, where all of them lie in rows."""
    specs = [draft.spec(name) for name in (*node.inputs, *node.outputs)]
    rows = any(Form.ROWS in draft.forms[name] for name in node.inputs)
    if (
        node.parameters
        or not rows
        or op.axis % len(specs[0].shape) != 1
        or any(spec.encoding != FLOAT32 or prod(spec.shape[2:]) == 1 for spec in specs)
    ):
        return False
    sources = tuple(need(draft, name, Form.ROWS) for name in node.inputs)
    (name,) = node.outputs
    target = floats_of(name, draft.spec(name), Form.ROWS)

    def bind(arrays: Arrays) -> Bound:
        parts = [matrix(arrays[item], item, rows=True) for item in sources]
        out = arrays[target]

        def run() -> None:
            np.concatenate(parts, axis=1, out=out)

        return [run]

    draft.add(Step("concat", (node.name,), sources, (target,), bind))
    return True


def planned_softmax(draft: Draft, node: Node, op: ops.Softmax) -> bool:
    """e^(x - max) / sum, in the reference's order; the logarithm of it is left to that."""
    spec = draft.spec(node.inputs[0])
    if op.logarithm or spec.encoding != FLOAT32 or not spec.shape:
        return False
    source = need(draft, node.inputs[0], Form.PLAIN)
    (name,) = node.outputs
    target, axis = held(name, draft.spec(name), Form.PLAIN), op.axis % len(spec.shape)
    line = np.empty((*spec.shape[:axis], 1, *spec.shape[axis + 1 :]), np.float32)

    def bind(arrays: Arrays) -> Bound:
        x, out = arrays[source], arrays[target]

        @np.errstate(all="ignore")
        def run() -> None:
            np.maximum.reduce(x, axis=axis, keepdims=True, out=line)
            np.subtract(x, line, out=out)
            np.exp(out, out=out)
            np.add.reduce(out, axis=axis, keepdims=True, out=line)
            np.divide(out, line, out=out)

        return [run]

    draft.add(Step("softmax", (node.name,), (source,), (target,), bind))
    return True


def planned_view(draft: Draft, node: Node) -> bool:
    """A tensor under another shape: its numbers as they are."""
    if len(node.inputs) != 1 or node.parameters:
        return False
    source = need(draft, node.inputs[0], Form.PLAIN)
    (name,) = node.outputs
    target = held(name, draft.spec(name), Form.PLAIN)

    def bind(arrays: Arrays) -> Bound:
        x, out = arrays[source].reshape(target.shape), arrays[target]
        return [lambda: np.copyto(out, x)]

    draft.add(Step("view", (node.name,), (source,), (target,), bind))
    return True
