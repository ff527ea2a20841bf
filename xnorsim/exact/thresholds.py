"""A binary layer's floats followed by a sign, as integer thresholds on its accumulator.

What stands between the integers of a binary layer and the next sign (alpha, bias, batch
normalization, a clip) rises or falls with the integer, channel by channel. So its sign changes at
one integer at most, and hardware needs one comparison and no float:

    bit = +1 where direction * dot >= least, else -1

The integer is found by bisecting the float32 expression itself over the integers that can be
reached. A closed form in float64, or with the batch normalization folded, is another expression:
it rounds elsewhere, and near ties it decides otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import singledispatch
from itertools import takewhile
from math import prod

import numpy as np

from xnorsim.errors import ModelError, UsageError, choices
from xnorsim.exact.call import Call
from xnorsim.exact.execute import prepare, run_node
from xnorsim.exact.reference.convolution import finished
from xnorsim.network import ops
from xnorsim.network.extents import broadcast
from xnorsim.network.functions import Function, Operator, Reduction
from xnorsim.network.graph import Graph, Node, TensorSpec, consumers, scheme, spec_of
from xnorsim.network.precision import BIPOLAR, MacClass, Scaling, mac_class

__all__ = [
    "Chain",
    "Thresholds",
    "binary_layer",
    "chain_to_sign",
    "decide",
    "layer_thresholds",
    "pads_with_zero",
    "reduction",
    "thresholds",
]

Shape = tuple[int, ...]
Expression = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """bit = +1 where direction * dot >= least, else -1, one of each a channel.

    `direction` is int8 +1 or -1; `least` is int32 (int64 where k needs it). A tie is +1. A channel
    that is always +1 has direction +1 and least -k, one that never is has direction +1 and least
    k + 1. `k` is the largest magnitude that the integer can have.
    """

    direction: np.ndarray
    least: np.ndarray
    k: int


def decide(rule: Thresholds, dots: np.ndarray, axis: int = 1) -> np.ndarray:
    """The signs of integers `dots` with channels along `axis`: int8 -1 and +1, the same shape."""
    shape = [-1 if at == axis % dots.ndim else 1 for at in range(dots.ndim)]
    reached = dots * rule.direction.reshape(shape) >= rule.least.reshape(shape)
    return np.where(reached, np.int8(1), np.int8(-1))


def thresholds(expression: Expression, k: int, channels: int, parity: bool = True) -> Thresholds:
    """Where the sign of `expression` changes, by bisection over -k to k.

    Args:
        expression: from int32 [channels], an integer for each channel, to the floats [channels]
            whose sign is taken; it rises or falls (not strictly) with the integer.
        k: the length of the inner product, or any bound on its magnitude.
        channels: how many there are.
        parity: only k, k - 2, ... -k are reached. False with padding of true 0, where an inner
            product may have fewer terms.

    Raises:
        UsageError: k beyond 32 bits, or a result of another shape.
        ModelError: the expression is NaN somewhere it was looked at.
    """
    if not 0 <= k < 2**31 - 1:
        raise UsageError(f"k is 0 to {2**31 - 2}, not {k}")
    step = 2 if parity else 1
    last = 2 * k // step

    def positive(index: np.ndarray) -> np.ndarray:
        return _positive(expression, (step * index - k).astype(np.int32))

    low, high = np.zeros(channels, np.int64), np.full(channels, last)
    at_least, at_most = positive(low), positive(high)
    while np.any(high - low > 1):
        middle = (low + high) // 2
        alike = positive(middle) == at_least
        low, high = np.where(alike, middle, low), np.where(alike, high, middle)
    rises, falls = at_most & ~at_least, at_least & ~at_most
    constant = np.where(at_least, -k, k + 1)
    least = np.where(rises, step * high - k, np.where(falls, k - step * low, constant))
    return Thresholds(np.where(falls, np.int8(-1), np.int8(1)), least.astype(np.int32), k)


def _positive(expression: Expression, dots: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):  # infinities have a sign, and NaN is told below
        values = np.asarray(expression(dots))
    if values.shape != dots.shape:
        raise UsageError(f"the expression gives shape {list(values.shape)}, not {list(dots.shape)}")
    if np.isnan(values).any():
        channel = int(np.argmax(np.isnan(values)))
        raise ModelError(
            f"channel {channel}: the value whose sign is taken is NaN where the inner product is "
            f"{dots[channel]}: a variance below 0, or infinite parameters?"
        )
    return values >= 0


def binary_layer(graph: Graph, name: str) -> Node:
    """The convolution or dense layer called `name`, if it multiplies +-1 by constant +-1.

    Raises:
        UsageError: there is none of that name, it is not binary (the message has why, and the
            layers that are), or it is a dense layer of a form that hardware has no place for.
    """
    found = [node for node in graph.nodes if node.name == name]
    reason = _unlike(graph, found[0]) if found else "is not in the network"
    if not reason:
        return found[0]
    binary = [node.name for node in graph.nodes if not _unlike(graph, node)]
    others = f"binary layers: {choices(name, binary)}" if binary else _NONE_BINARY
    raise UsageError(f"{graph.name}: layer '{name}' {reason}; {others}")


_NONE_BINARY = (
    "no layer of this network is binary: binarize it as xnor, and keep fewer layers in high "
    "precision (--high-precision none keeps none)"
)


def _unlike(graph: Graph, node: Node) -> str:
    """What keeps a layer from being a plain binary one, "" if nothing does."""
    op = node.op
    if not isinstance(op, ops.Conv | ops.Dense):
        return f"is a {ops.kind(op)}, not a binary convolution or dense layer"
    found = scheme(graph, node)
    if not found.weight == found.activation == BIPOLAR:
        floats = mac_class(found.weight, found.activation) is MacClass.FP
        return f"{'is kept in high precision: it ' * floats}multiplies {found}, not bipolar*bipolar"
    if "weight" not in node.parameters:
        return "has no constant weight"
    if isinstance(op, ops.Conv):
        return ""
    if len(graph.tensors[node.inputs[0]].shape) != 2 or op.transpose_input:
        return "reads other than a matrix of (batch, features)"
    if not op.alpha == op.beta == 1:
        return f"has factors of its own (alpha {op.alpha}, beta {op.beta})"
    bias = node.parameters.get("bias")
    if bias and spec_of(graph, bias).elements not in (1, op.out_features):
        return "has a bias that is not one number a feature"
    return ""


def reduction(graph: Graph, node: Node) -> int:
    """k: the terms of one inner product of a convolution or dense layer."""
    if isinstance(node.op, ops.Dense):
        return node.op.in_features
    return prod(graph.parameters[node.parameters["weight"]].spec.shape[1:])


def pads_with_zero(op: ops.Op) -> bool:
    """Whether inner products have fewer than k terms at a border: true 0 is no bit."""
    return isinstance(op, ops.Conv) and op.pad_value == 0 and any(map(any, op.padding))


@dataclass(frozen=True, slots=True)
class Chain:
    """The layers after a binary one up to a sign, that one included.

    Where there is no sign that thresholds can stand for, `layers` is empty and `obstacle` says why
    in a sentence.
    """

    layers: tuple[Node, ...] = ()
    obstacle: str = ""


def chain_to_sign(graph: Graph, node: Node) -> Chain:
    """The layers after the binary layer `node` up to the sign that thresholds can stand for.

    Each tensor up to it has one reader and is no output of the graph, and between stand only batch
    normalizations, identities, activations that rise or fall throughout, and sums, products and
    extremes with a constant a channel. Max pools may stand just before the sign: it is monotone,
    so sign(max(x)) = max(sign(x)), an OR of bits. A signum is a sign if no other follows.
    """
    if scheme(graph, node).scaling is Scaling.ALPHA_K:
        return Chain((), "scaling alpha_k has a K that differs from position to position")
    readers, chain, last = consumers(graph), [], node
    while not isinstance(last.op, ops.Sign):
        pooled = next((item.name for item in chain if isinstance(item.op, ops.Pool)), "")
        obstacle = _no_reader(graph, last, readers)
        if not obstacle:
            (last,) = readers[last.outputs[0]]
            obstacle = _no_link(graph, last, pooled, _position(graph, node))
        if obstacle:
            while chain and not _is_signum(chain[-1].op):
                chain.pop()
            return Chain(tuple(chain), "" if chain else obstacle)
        chain.append(last)
    return Chain(tuple(chain))


def _no_reader(graph: Graph, node: Node, readers: Mapping[str, list[Node]]) -> str:
    """Why the floats that `node` writes are needed as they are, "" if one layer reads them."""
    if len(node.outputs) != 1:
        return f"'{node.name}' writes {len(node.outputs)} tensors"
    (tensor,) = node.outputs
    if tensor in graph.outputs:
        return f"'{tensor}' is an output of the network before any sign"
    names = [f"'{reader.name}'" for reader in readers[tensor]]
    if len(names) != 1:
        return f"'{tensor}' is read by {' and '.join(names) or 'no layer'}, not by one layer"
    return ""


def _no_link(graph: Graph, node: Node, pooled: str, position: Shape) -> str:
    """What keeps `node` out of a chain, in which a max pool `pooled` may stand; "" if nothing."""
    what = f"'{node.name}' ({ops.kind(node.op)})"
    constants = {role: spec_of(graph, name) for role, name in node.parameters.items()}
    if len(node.inputs) != 1:
        return f"{what} reads other tensors too"
    if not _by_channel(node.op, constants, position):
        return f"{what} follows, which does not rise or fall with a channel's integer throughout"
    if pooled and not (isinstance(node.op, _BITWISE) or _is_signum(node.op)):
        return f"{what} stands between the max pool '{pooled}' and a sign"
    return ""


def _is_signum(op: ops.Op) -> bool:
    return isinstance(op, ops.Activation) and op.function is Function.SIGNUM


def layer_thresholds(graph: Graph, name: str) -> Thresholds | None:
    """The thresholds of the binary layer `name`, or None where chain_to_sign has an obstacle.

    They give the bits before any max pool.

    Raises:
        UsageError: no such layer, or one that is not binary.
        ModelError: a parameter without values, or NaN.
    """
    node = binary_layer(graph, name)
    chain = chain_to_sign(graph, node).layers
    if not chain:
        return None
    channels = graph.tensors[node.outputs[0]].shape[1]
    # none of what stands behind a pool changes a sign
    floats = takewhile(lambda item: not isinstance(item.op, ops.Pool), chain[:-1])
    expression = _expression(graph, node, tuple(floats))
    try:
        return thresholds(
            expression, reduction(graph, node), channels, parity=not pads_with_zero(node.op)
        )
    except ModelError as fault:
        raise ModelError(f"{graph.name}: thresholds of layer '{name}': {fault}") from fault


_MONOTONE = frozenset(
    {
        Function.CEIL,
        Function.CLIP,
        Function.FLOOR,
        Function.NEG,
        Function.RELU,
        Function.ROUND,
        Function.SIGNUM,
    }
)
"""Activations that never turn in float32 either, whatever their constants."""


_BITWISE = (ops.Pool, ops.Identity, ops.Sign)
"""What may stand between a max pool and its sign, that one included."""


@singledispatch
def _by_channel(op: ops.Op, constants: Mapping[str, TensorSpec], position: Shape) -> bool:
    """Whether `op` is, for each channel, a function of one element that rises or falls throughout.

    `position` is the shape of one position of its input: (1, channels, 1, ...).
    """
    return False


@_by_channel.register(ops.BatchNorm)
@_by_channel.register(ops.Identity)
@_by_channel.register(ops.Sign)
def _(op: ops.Op, constants: Mapping[str, TensorSpec], position: Shape) -> bool:
    return True


@_by_channel.register
def _(op: ops.Pool, constants: Mapping[str, TensorSpec], position: Shape) -> bool:
    return op.reduction is Reduction.MAX


@_by_channel.register
def _(op: ops.Activation, constants: Mapping[str, TensorSpec], position: Shape) -> bool:
    return op.function in _MONOTONE


@_by_channel.register
def _(op: ops.Elementwise, constants: Mapping[str, TensorSpec], position: Shape) -> bool:
    if any(broadcast(item.shape, position) != position for item in constants.values()):
        return False
    if op.operator is Operator.DIV:  # c / x turns where x changes its sign
        return "right" in constants
    return op.operator in (Operator.ADD, Operator.SUB, Operator.MUL, Operator.MAX, Operator.MIN)


def _position(graph: Graph, node: Node) -> Shape:
    """The shape of one position of what `node` writes."""
    shape = graph.tensors[node.outputs[0]].shape
    return (1, shape[1], *(1,) * (len(shape) - 2))


def _expression(graph: Graph, first: Node, rest: tuple[Node, ...]) -> Expression:
    """What the binary layer `first` and those after it make of its integers: the executor's rules
    on one position."""
    op = first.op
    assert isinstance(op, ops.Conv | ops.Dense)  # binary_layer() has looked
    scales = {role: name for role, name in first.parameters.items() if role != "weight"}
    position = _position(graph, first)
    written = [name for node in (first, *rest) for name in node.outputs]
    read = [*scales.values(), *(name for node in rest for name in node.parameters.values())]
    tail = replace(
        graph,
        nodes=rest,
        tensors={name: TensorSpec(position, graph.tensors[name].encoding) for name in written},
        parameters={name: graph.parameters[name] for name in read},
        inputs=(written[0],),
        outputs=(written[-1],),
    )
    session = prepare(tail)
    held = session.weights or {}
    call = Call(
        (),
        (tail.tensors[written[0]],),
        session.engine,
        {role: held[name] for role, name in scales.items()},
        scheme(graph, first),
    )

    def expression(dots: np.ndarray) -> np.ndarray:
        tensors = {written[0]: finished(dots.reshape(position).copy(), call, op)[0]}
        for node in rest:
            tensors = run_node(session, node, tensors)
        return tensors[written[-1]].reshape(-1)

    return expression
