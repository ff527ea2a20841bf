"""Golden vectors of a binary layer for RTL: what goes in, what must come out, word by word.

    write_vectors(graph, "conv2", {"input": image}, "conv2-vectors")
    read_vectors("conv2-vectors").arrays["weight"]

A directory holds each tensor as .npy and as hex text for $readmemh, and vectors.json, which says
what they are: dimensions, packing, widths, and an address map. docs/bits.md has the layout and a
worked example.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xnorsim.errors import InputError, XnorsimError
from xnorsim.exact.call import Call
from xnorsim.exact.engines import engine as engine_called
from xnorsim.exact.execute import Session, prepare, steps
from xnorsim.exact.reference import run
from xnorsim.exact.reference.scaling import input_scale
from xnorsim.exact.thresholds import (
    Chain,
    Thresholds,
    binary_layer,
    chain_to_sign,
    decide,
    layer_thresholds,
    pads_with_zero,
    reduction,
)
from xnorsim.exact.vector_files import (
    Vectors,
    address_map,
    check_free,
    described,
    read_vectors,
    write_directory,
)
from xnorsim.exact.vector_notes import threshold_notes, unchanging_notes
from xnorsim.network import ops
from xnorsim.network.bits import pack, word_count
from xnorsim.network.graph import Graph, Node, TensorSpec, scheme
from xnorsim.network.precision import BIPOLAR, INT32, Scaling, Scheme

__all__ = ["Vectors", "read_vectors", "vectors", "write_vectors"]

Array = np.ndarray

_SPATIAL = ("plane", "row", "column")


def write_vectors(
    graph: Graph,
    node_name: str,
    inputs: Mapping[str, Array],
    directory: str | os.PathLike[str],
    word_bits: int = 64,
    engine: str = "blas",
    *,
    overwrite: bool = False,
) -> Path:
    """Run `graph` on `inputs` and write the vectors of its binary layer `node_name`.

    A directory that is there may hold vectors written before, which are replaced, but other files
    only with `overwrite`; these stay.

    Returns:
        The directory.

    Raises:
        UsageError: as `vectors`, or the directory is in use or cannot be written.
        InputError: as execute.steps.
    """
    check_free(directory, overwrite)
    write_directory(vectors(graph, node_name, inputs, word_bits, engine), directory, overwrite)
    return Path(directory)


def vectors(
    graph: Graph,
    node_name: str,
    inputs: Mapping[str, Array],
    word_bits: int = 64,
    engine: str = "blas",
) -> Vectors:
    """The vectors of the binary layer `node_name`, from a run of `graph` on `inputs`.

    The description's "notes" are those of the graph, then what thresholds stand for or why there
    are none, then the channels that test nothing: constant inputs, outputs and thresholds.

    Raises:
        UsageError: no such layer, or one that is not binary; no words or engine of that kind.
        InputError: as execute.steps, or weights other than -1 and +1.
    """
    word_count(0, word_bits)
    node = binary_layer(graph, node_name)
    session = prepare(graph, engine)
    chain = chain_to_sign(graph, node)
    last = chain.layers[-1] if chain.layers else node
    run_of = _run_to(session, inputs, (node, last))
    dots = _accumulators(session, node, run_of[node.inputs[0]])
    tensors = [
        *_operands(session, node, run_of, word_bits),
        _numbers("accumulator", _terms_told(node), dots),
    ]
    notes = [_thresholds_told(chain), *unchanging_notes("input", run_of[node.inputs[0]])]
    if chain.layers:
        rule = _rule(graph, node, chain, dots, run_of[last.outputs[0]])
        output = decide(rule, dots)
        tensors += _decisions(rule, output, word_bits)
        notes += threshold_notes(rule)
    else:
        output = run_of[node.outputs[0]]
        tensors += _scales(session, node, run_of)
        tensors.append(_numbers("output", "what the layer writes", output))
    notes += unchanging_notes("output", output)
    maps = {
        item.name: {"what": item.what, "axes": item.axes, **address_map(item.name, item.array)}
        for item in tensors
    }
    told = _description(graph, node, word_bits, chain) | {"notes": [*graph.notes, *notes]}
    return Vectors({item.name: item.array for item in tensors}, described(told, maps))


@dataclass(frozen=True, slots=True, eq=False)
class _Tensor:
    """One tensor in the layout in which it is written."""

    name: str
    what: str
    axes: tuple[str, ...]
    array: Array


def _run_to(
    session: Session, inputs: Mapping[str, Array], nodes: tuple[Node, ...]
) -> dict[str, Array]:
    """What `nodes` read and write, by tensor name; later layers are not run."""
    found: dict[str, Array] = {}
    waiting = {node.name for node in nodes}
    for step in steps(session, inputs):
        if step.node.name in waiting:
            found |= {**step.inputs, **step.outputs}
            waiting.remove(step.node.name)
        if not waiting:
            break
    return found


def _accumulators(session: Session, node: Node, signs: Array) -> Array:
    """The integers of a layer before any float, int32 (batch, filters, ...)."""
    shape = session.graph.tensors[node.outputs[0]].shape
    weight = {"weight": _parameter(session, node, "weight")}
    plain = Scheme(BIPOLAR, BIPOLAR)
    call = Call((signs,), (TensorSpec(shape, INT32),), session.engine, weight, plain)
    return run(node.op, call)[0]


def _parameter(session: Session, node: Node, role: str) -> Array:
    assert session.weights is not None  # prepare() was told to hold them
    return session.weights[node.parameters[role]]


def _operands(
    session: Session, node: Node, run_of: Mapping[str, Array], word_bits: int
) -> tuple[_Tensor, _Tensor]:
    """Input and weight in words: the channels of a group, each group from a new word on."""
    image = np.moveaxis(run_of[node.inputs[0]], 1, -1)
    groups = getattr(node.op, "groups", 1)
    words = pack(image.reshape(*image.shape[:-1], groups, -1), word_bits=word_bits)
    words = words.reshape(*image.shape[:-1], -1)
    weight = _parameter(session, node, "weight")
    if isinstance(node.op, ops.Dense) and not node.op.transpose_weight:
        weight = weight.T
    taps = _spatial(weight.ndim - 2, "tap_")
    try:
        filters = pack(np.moveaxis(weight, 1, -1), word_bits=word_bits)
    except InputError as fault:
        at = "the weight of '{}', as (filter, {}channel)".format(
            node.name, "".join(f"{tap}, " for tap in taps)
        )
        raise InputError(f"{session.graph.name}: {at}: {fault}") from fault
    positions = _spatial(image.ndim - 2)
    return (
        _Tensor("input", "what the layer reads", ("batch", *positions, "word"), words),
        _Tensor("weight", "its filters", ("filter", *taps, "word"), filters),
    )


def _scales(session: Session, node: Node, run_of: Mapping[str, Array]) -> list[_Tensor]:
    """alpha, K and bias, as far as the layer has them."""
    graph, used = session.graph, scheme(session.graph, node)
    found = []
    wanted = {"alpha": "mean |W| of each filter"} if used.scaling is not Scaling.NONE else {}
    for role, what in (wanted | {"bias": "added last"}).items():
        if role in node.parameters:
            filters = graph.tensors[node.outputs[0]].shape[1]
            values = np.broadcast_to(_parameter(session, node, role).reshape(-1), filters)
            found.append(_Tensor(role, what, ("filter",), _float(values)))
    if used.scaling is Scaling.ALPHA_K:
        assert isinstance(node.op, ops.Conv | ops.Dense)  # binary_layer() has looked
        role = dict(zip(node.roles, node.inputs, strict=False)).get("unsigned", node.inputs[0])
        K = input_scale(run_of[role], node.op, used.border)
        found.append(_numbers("K", "the scale of each position and group", K, "group"))
    return found


def _rule(graph: Graph, node: Node, chain: Chain, dots: Array, signs: Array) -> Thresholds:
    """The thresholds after a layer, which give the `signs` of the run.

    Raises:
        XnorsimError: they do not: a failure of ours.
    """
    rule = layer_thresholds(graph, node.name)
    assert rule is not None  # there is a chain
    bits = decide(rule, dots)
    for pool in _pools(chain):
        spec = TensorSpec(graph.tensors[pool.outputs[0]].shape, BIPOLAR)
        bits = run(pool.op, Call((bits,), (spec,), engine_called("blas")))[0]
    if not np.array_equal(bits > 0, signs >= 0):
        raise XnorsimError(f"{graph.name}: thresholds of '{node.name}' differ from its run")
    return rule


def _pools(chain: Chain) -> list[Node]:
    return [node for node in chain.layers if isinstance(node.op, ops.Pool)]


def _decisions(rule: Thresholds, bits: Array, word_bits: int) -> list[_Tensor]:
    """The thresholds after a layer, and the bits that they give."""
    axes = ("batch", *_spatial(bits.ndim - 2), "word")
    packed = pack(np.moveaxis(bits, 1, -1), word_bits=word_bits)
    return [
        _Tensor("direction", "+1 or -1, times the accumulator", ("filter",), rule.direction),
        _Tensor("least", "the least product that gives bit 1", ("filter",), rule.least),
        _Tensor("output", "the bits after the thresholds", axes, packed),
    ]


def _numbers(name: str, what: str, values: Array, last: str = "filter") -> _Tensor:
    """A number of each position and filter (batch, filters, ...), the filters last."""
    axes = ("batch", *_spatial(values.ndim - 2), last)
    values = values if values.dtype.kind == "i" else _float(values)
    return _Tensor(name, what, axes, np.ascontiguousarray(np.moveaxis(values, 1, -1)))


def _float(values: Array) -> Array:
    """Floats that numpy has no type of its own for (bfloat16) as float32, which holds them."""
    return values if values.dtype.kind == "f" else values.astype(np.float32)


def _spatial(count: int, prefix: str = "") -> tuple[str, ...]:
    """Names of spatial axes: the last ones of plane, row, column."""
    names = _SPATIAL[-count:] if 0 < count <= 3 else [f"axis_{n}" for n in range(count)]
    return tuple(prefix + name for name in names)


def _description(graph: Graph, node: Node, word_bits: int, chain: Chain) -> dict[str, Any]:
    image, result = (graph.tensors[name].shape for name in (node.inputs[0], node.outputs[0]))
    op, k = node.op, reduction(graph, node)
    groups = getattr(op, "groups", 1)
    windows = {
        name: getattr(op, name)
        for name in ("kernel", "stride", "padding", "dilation", "pad_value")
        if isinstance(op, ops.Conv)
    }
    return {
        "network": graph.name,
        "layer": node.name,
        "kind": ops.kind(op),
        "batch": image[0],
        "in_channels": image[1],
        "out_channels": result[1],
        "input_size": image[2:],
        "output_size": result[2:],
        "groups": groups,
        **windows,
        "k": k,
        "accumulator_bits": k.bit_length() + 1,  # two's complement, -k to k
        "threshold_bits": (k + 1).bit_length() + 1,  # -k to k + 1
        "scaling": scheme(graph, node).scaling,
        "result": _FORMULAS[bool(chain.layers)],
        "thresholds": _thresholds_told(chain),
        "words": {
            "bits": word_bits,
            "per_group": word_count(image[1] // groups, word_bits),
            "polarity": {"0": -1, "1": 1},
            "order": "channel i of a group in word i // bits at bit i % bits, bit 0 the least",
            "tail_bits": 0,
        },
    }


_FORMULAS = {
    True: "bit = 1 if direction * accumulator >= least else 0",
    False: "output = float32(accumulator) * alpha * K + bias, in this order, as far as given",
}


def _terms_told(node: Node) -> str:
    told = "a sum of k products of +-1"
    if pads_with_zero(node.op):
        told += ", of fewer where a window reaches the padding (pad_value 0)"
    return told


def _thresholds_told(chain: Chain) -> str:
    """What the thresholds stand for, or why there are none, in a sentence."""
    if not chain.layers:
        return f"no thresholds: {chain.obstacle}"
    told = f"thresholds stand for all layers up to the sign '{chain.layers[-1].name}'"
    pools = ", ".join(f"'{pool.name}'" for pool in _pools(chain))
    if pools:
        told += f"; output is before the max pool {pools}, which is an OR of its bits"
    if not isinstance(chain.layers[-1].op, ops.Sign):
        told += "; where that is 0 the bit is 1"
    return told
