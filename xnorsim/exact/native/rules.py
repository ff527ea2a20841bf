"""What each layer becomes in a plan: one compiled pass, with the layers behind it where they fit.

`planned` says whether it has made steps of a layer. What it leaves alone runs as the reference has
it (plan.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from math import prod

import numpy as np

from xnorsim.exact.native.conversions import need, operands_of
from xnorsim.exact.native.draft import (
    Bound,
    Draft,
    Ending,
    Step,
    bound_bits,
    bound_floats,
    chain_for,
    ending,
    is_packed_sign,
    results_of,
)
from xnorsim.exact.native.floats import planned_conv, planned_dense
from xnorsim.exact.native.layout import Arrays, Form, Held, floats_of, is_image, matrix
from xnorsim.exact.native.links import Link, links_of
from xnorsim.exact.native.pools import planned_concat, planned_pool, planned_softmax, planned_view
from xnorsim.exact.reference.scaling import input_scale
from xnorsim.kernels.binary import prepare
from xnorsim.kernels.elementwise import Code
from xnorsim.kernels.program import chain_command, fits, layer_command
from xnorsim.network import ops
from xnorsim.network.graph import Node, by_role, scheme
from xnorsim.network.precision import BIPOLAR, FLOAT32, Scaling

__all__ = ["planned"]

Array = np.ndarray

_LONGEST = 2**24
"""Sums of fewer terms are float32 without rounding."""


@singledispatch
def planned(op: ops.Op, draft: Draft, node: Node) -> bool:
    """Add the steps of a layer, and of those that run with it; False if there is no rule for it."""
    return _planned_chain(draft, node)


@planned.register
def _(op: ops.Conv, draft: Draft, node: Node) -> bool:
    if _is_binary(draft, node):
        weight = draft.weights(node.parameters["weight"])
        short = op.groups == 1 and prod(weight.shape[1:]) < _LONGEST and len(op.kernel) == 2
        return short and _planned_binary(draft, node, op, weight)
    return planned_conv(draft, node, op)


@planned.register
def _(op: ops.Dense, draft: Draft, node: Node) -> bool:
    if not _is_binary(draft, node):
        return planned_dense(draft, node, op)
    if op.transpose_input or not op.alpha == op.beta == 1 or op.in_features >= _LONGEST:
        return False
    weight = draft.weights(node.parameters["weight"])
    weight = weight if op.transpose_weight else weight.T
    ones = (1, 1)
    pointwise = ops.Conv(op.out_features, ones, ones, ((0, 0), (0, 0)), ones)
    return _planned_binary(draft, node, pointwise, weight[:, :, None, None])


@planned.register
def _(op: ops.Pool, draft: Draft, node: Node) -> bool:
    return planned_pool(draft, node, op)


@planned.register
def _(op: ops.Concat, draft: Draft, node: Node) -> bool:
    return planned_concat(draft, node, op)


@planned.register
def _(op: ops.Softmax, draft: Draft, node: Node) -> bool:
    return planned_softmax(draft, node, op)


@planned.register
def _(op: ops.Reshape, draft: Draft, node: Node) -> bool:
    return planned_view(draft, node)


def _is_binary(draft: Draft, node: Node) -> bool:
    """Whether constant signs are multiplied by signs, and the result is floats."""
    used = scheme(draft.graph, node)
    plain, roles = by_role(node)
    return (
        used.weight == used.activation == BIPOLAR
        and "weight" in node.parameters
        and len(plain) == 1
        and roles.keys() <= {"weight", "alpha", "bias", "unsigned"}
        and is_image(draft.spec(plain[0]))
        and draft.spec(node.outputs[0]).encoding == FLOAT32
    )


def _planned_binary(draft: Draft, node: Node, op: ops.Conv, weight: Array) -> bool:
    """A binary layer as a convolution, its scales, and the chain behind it."""
    vectors = _vectors(draft, node)
    if any(value.dtype != np.float32 for value in vectors.values()):
        return False
    if vectors.get("bias", np.zeros(1)).size not in (1, op.out_channels):
        return False
    (tensor,), _ = by_role(node)
    batch, channels, *size = draft.spec(tensor).shape
    height, width = size or (1, 1)
    layer = prepare(op, (batch, channels, height, width), weight)
    if not fits(layer):
        return False
    scales, maps = _scales(draft, node, vectors)
    words = need(draft, tensor, Form.BITS)
    end = ending(draft, node.outputs[0])
    links, others = (*scales, *end.links), operands_of(draft, end.links, Form.ROWS) | maps
    floats, bits = results_of(draft, end, Form.ROWS)

    def bind(arrays: Arrays) -> Bound:
        chain = chain_for(links, others, arrays, None)
        into = bound_floats(arrays, floats), bound_bits(arrays, bits)
        return [layer_command(layer, arrays[words], chain, *into, draft.threads)]

    reads, writes = (words, *others.values()), tuple(item for item in (floats, bits) if item)
    draft.add(Step("binary layer", _names(end, node), reads, writes, bind))
    return True


def _vectors(draft: Draft, node: Node) -> dict[str, Array]:
    """What a layer has besides its weights, by role."""
    roles = (role for role in node.parameters if role != "weight")
    return {role: draft.weights(node.parameters[role]).reshape(-1) for role in roles}


def _scales(
    draft: Draft, node: Node, vectors: Mapping[str, Array]
) -> tuple[list[Link], dict[str, Held]]:
    """What a binary layer's sums are multiplied by, and its bias; the map K, if they read one."""
    used, links, maps = scheme(draft.graph, node), [], {}
    if used.scaling is not Scaling.NONE and "alpha" in vectors:
        links.append(Link(Code.MULTIPLY, vectors["alpha"]))
    if used.scaling is Scaling.ALPHA_K:
        (signs,), roles = by_role(node)
        K = _map_step(draft, node, roles.get("unsigned", signs))
        links.append(Link(Code.MULTIPLY, K.tensor))
        maps[K.tensor] = K
    if "bias" in vectors:
        links.append(Link(Code.ADD, vectors["bias"]))
    return links, maps


def _names(end: Ending, *first: Node) -> tuple[str, ...]:
    """The layers of a step: those before its chain, the chain's, and the sign at its end."""
    last = (end.sign,) if end.sign else ()
    return tuple(node.name for node in (*first, *end.nodes, *last))


def _map_step(draft: Draft, node: Node, unsigned: str) -> Held:
    """A step that makes the map K of a layer's input: one number a position."""
    source = need(draft, unsigned, Form.PLAIN)
    border, op = scheme(draft.graph, node).border, node.op
    assert isinstance(op, ops.Conv | ops.Dense)  # planned() has looked
    batch, _, *size = draft.spec(node.outputs[0]).shape
    shape = (batch * prod(size), 1)
    target = Held(f"K of {node.name}", Form.ROWS, shape, np.dtype(np.float32))

    def bind(arrays: Arrays) -> Bound:
        image, out = arrays[source], arrays[target]

        def run() -> None:
            out[:, 0] = input_scale(image, op, border).reshape(-1)

        return [run]

    draft.add(Step("input scale", (), (source,), (target,), bind))
    return target


def _planned_chain(draft: Draft, node: Node) -> bool:
    """A chain that begins with a layer of its own: in the form that its first tensor is held in."""
    if is_packed_sign(draft, node):
        (tensor,) = node.inputs
        end = Ending((), (), tensor, node, False)
        return _add_chain(draft, tensor, end, Form.ROWS)
    for tensor in dict.fromkeys(node.inputs):
        spec = draft.spec(tensor)
        if spec.encoding != FLOAT32 or not is_image(spec):
            continue
        first = links_of(draft.graph, node, tensor, draft.weights)
        if first is None:
            continue
        form = Form.ROWS if Form.ROWS in draft.forms[tensor] else Form.PLAIN
        rest = ending(draft, node.outputs[0], signs=form is Form.ROWS or prod(spec.shape[2:]) == 1)
        end = Ending(
            (node, *rest.nodes), (*first, *rest.links), rest.tensor, rest.sign, rest.floats
        )
        return _add_chain(draft, tensor, end, form)
    return False


def _add_chain(draft: Draft, tensor: str, end: Ending, form: Form) -> bool:
    spec = draft.spec(tensor)
    source = need(draft, tensor, floats_of(tensor, spec, form).form)
    rows = form is Form.ROWS or prod(spec.shape[2:]) == 1
    others = operands_of(draft, end.links, form)
    floats, bits = results_of(draft, end, form)

    def bind(arrays: Arrays) -> Bound:
        chain = chain_for(end.links, others, arrays, None if rows else spec)
        into = bound_floats(arrays, floats, rows=rows), bound_bits(arrays, bits)
        x = matrix(arrays[source], source, rows=rows)
        return [chain_command(x, chain, *into, draft.threads)]

    draft.add(
        Step(
            "chain" if end.links else "sign",
            _names(end),
            (source, *others.values()),
            tuple(item for item in (floats, bits) if item),
            bind,
        )
    )
    return True
