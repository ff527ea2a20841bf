"""The layer table: counts and memory of every node as columns, and their totals.

A predictor reads columns, so a network of n layers is a set of arrays of length n. All counts
are exact int64; a network too large for that is an error, never a wrapped number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from xnorsim.errors import ModelError
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, by_role, scheme, spec_of
from xnorsim.network.precision import FP32, MAC_CLASSES, MacClass, Scheme, mac_class
from xnorsim.work.counts import LayerCounts, Operands, count
from xnorsim.work.dimensions import DIMENSIONS, dimensions
from xnorsim.work.fusion import (
    DEFAULT_FUSE,
    Fuse,
    Fusion,
    fusions,
    held_bits,
    is_known,
    is_view,
)
from xnorsim.work.memory import ParameterBits, live_activations, parameter_bits

__all__ = ["COLUMNS", "NOT_SUMMED", "LayerTable", "count_node", "layer_table", "totals"]

COLUMNS = {
    "macs": "multiply-accumulates of the dense layer, padding taps counted, bias not",
    "macs_valid": "the same without padding taps",
    "binary_macs": "+-1 x +-1: XNOR and popcount",
    "bwn_macs": "+-1 weight x high-precision activation: additions and subtractions",
    "int8_macs": "integers of 3 to 8 bits",
    "fp_macs": "floats",
    "other_macs": "2-bit, ternary, {0,1}, wide integers",
    "fp_ops": "high-precision operations that are not MACs",
    "binarize_ops": "elements whose sign is taken and packed",
    "parameters": "trained parameters (BN: scale and shift)",
    "weight_bits": "weights and biases as stored",
    "weight_bits_padded": "the same with binary channels filled up to 64-bit words",
    "scale_bits": "scales of binary layers, BN vectors, quantization scales",
    "weight_bits_fp32": "the same parameters as float32",
    "input_bits": "activations that the layer takes",
    "output_bits": "activations that it gives",
    "activation_traffic_bits": "activations moved: a fused layer finds its first input at hand",
    "parameter_traffic_bits": "parameters read in a run, those that layers share each time",
    "live_bits": "activations alive while the layer runs",
    "output_elements": "elements written",
    "runs": "1 if the layer runs on its own; 0 if it is fused, a view or known before the run",
    "positions": "output positions x batch; 0 here and below for a layer that multiplies nothing",
    "filters": "filters of a group",
    "filter_channels": "input channels that a filter sees",
    "taps": "positions that a filter sees",
    "groups": "groups; macs = positions x groups x filters x filter_channels x taps",
    "stride": "input positions for an output position, padding apart",
}
"""Every numeric column, and what it means."""

NOT_SUMMED = ("live_bits", *DIMENSIONS)
"""The columns whose sum over layers means nothing."""


@dataclass(frozen=True)
class LayerTable:
    """One row a node, in execution order.

    `columns` holds an int64 array of length n for each name of COLUMNS. `schemes` is None for a
    layer that multiplies nothing; `fused_into` is "" for a layer that is not fused.
    """

    network: str
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    schemes: tuple[Scheme | None, ...]
    fused_into: tuple[str, ...]
    output_shapes: tuple[tuple[int, ...], ...]
    fp_ops_by_kind: tuple[Mapping[str, int], ...]
    columns: Mapping[str, np.ndarray]
    peak_layer: str
    unknown: tuple[str, ...]
    """The layers without a rule: if there are any, every total is a lower bound."""

    def __len__(self) -> int:
        return len(self.names)


def count_node(graph: Graph, node: Node) -> LayerCounts:
    """The counts of one node at the shapes of its graph."""
    return count(node.op, _operands(graph, node))


def _operands(graph: Graph, node: Node) -> Operands:
    inputs, others = by_role(node)
    return Operands(
        tuple(spec_of(graph, name) for name in inputs),
        tuple(spec_of(graph, name) for name in node.outputs),
        {role: spec_of(graph, name) for role, name in others.items()},
        scheme(graph, node) if isinstance(node.op, ops.MULTIPLYING) else FP32,
    )


def layer_table(graph: Graph, fuse: tuple[Fuse, ...] = DEFAULT_FUSE) -> LayerTable:
    """Count every node of `graph`.

    Raises:
        ModelError: a count beyond int64.
    """
    fused = fusions(graph, fuse)
    by_name = {node.name: node for node in graph.nodes}
    parameters = parameter_bits(graph, fused)
    live = live_activations(graph, fused)
    counts = {node.name: _fused_counts(graph, node, fused, by_name) for node in graph.nodes}
    size = held_bits(graph, fused)
    rows = [
        {
            **_counted(graph, node, counts[node.name]),
            **_stored(parameters[node.name], is_known(node)),
            **_moved(graph, node, size, fused),
            "live_bits": live.by_node[node.name],
            **_dimensions(graph, node),
        }
        for node in graph.nodes
    ]
    return LayerTable(
        network=graph.name,
        names=tuple(by_name),
        kinds=tuple(ops.kind(node.op) for node in graph.nodes),
        schemes=tuple(
            scheme(graph, node) if isinstance(node.op, ops.MULTIPLYING) else None
            for node in graph.nodes
        ),
        fused_into=tuple(fused[name].host if name in fused else "" for name in by_name),
        output_shapes=tuple(
            spec_of(graph, node.outputs[0]).shape if node.outputs else () for node in graph.nodes
        ),
        fp_ops_by_kind=tuple(item.fp_ops for item in counts.values()),
        columns={name: _column(graph, name, [row[name] for row in rows]) for name in COLUMNS},
        peak_layer=live.peak_node,
        unknown=tuple(n.name for n in graph.nodes if isinstance(n.op, ops.Unknown)),
    )


def _column(graph: Graph, name: str, values: list[int]) -> np.ndarray:
    try:
        if sum(values) > np.iinfo(np.int64).max:
            raise OverflowError
        return np.array(values, dtype=np.int64)
    except OverflowError:
        raise ModelError(
            f"{graph.name}: column {name} adds up to {sum(values)}, more than 64 bits hold"
        ) from None


def _fused_counts(
    graph: Graph, node: Node, fused: Mapping[str, Fusion], by_name: Mapping[str, Node]
) -> LayerCounts:
    """A folded BN costs the addition of its shift, if the layer before it has no bias to join.

    One that is fused and not folded scales and shifts the results.
    """
    if node.name not in fused or not fused[node.name].folded:
        return count_node(graph, node)
    if "bias" in by_name[fused[node.name].host].parameters:
        return LayerCounts()
    return LayerCounts(fp_ops={"bias": spec_of(graph, node.outputs[0]).elements})


def _counted(graph: Graph, node: Node, counts: LayerCounts) -> dict[str, int]:
    macs_of = dict.fromkeys(MAC_CLASSES, 0)
    if counts.macs:
        used = scheme(graph, node)
        macs_of[mac_class(used.weight, used.activation)] = counts.macs
    return {
        "macs": counts.macs,
        "macs_valid": counts.macs_valid,
        **{f"{name}_macs": number for name, number in macs_of.items()},
        "fp_ops": sum(counts.fp_ops.values()),
        "binarize_ops": counts.binarize_ops,
    }


def _dimensions(graph: Graph, node: Node) -> dict[str, int]:
    if not isinstance(node.op, ops.MULTIPLYING):
        return dict.fromkeys(DIMENSIONS, 0)
    found = dimensions(node.op, _operands(graph, node))
    return {name: getattr(found, name) for name in DIMENSIONS}


def _stored(parameters: ParameterBits, is_constant: bool) -> dict[str, int]:
    return {
        "parameters": parameters.count,
        "weight_bits": parameters.weights,
        "weight_bits_padded": parameters.padded,
        "scale_bits": parameters.scales,
        "weight_bits_fp32": parameters.fp32,
        "parameter_traffic_bits": 0 if is_constant else parameters.read,
    }


def _moved(
    graph: Graph, node: Node, size: Mapping[str, int], fused: Mapping[str, Fusion]
) -> dict[str, int]:
    """Activations taken and given; where a node is fused, it moves what its host has not at hand.

    `size` is that of each activation as it is held [bit].
    """
    inputs = {name: size[name] for name in node.inputs}
    taken, given = sum(inputs.values()), sum(size[name] for name in node.outputs)
    host = fused.get(node.name)
    resting = is_view(node) or is_known(node)
    moved = 0 if resting else taken + given if host is None else taken - inputs[host.tensor]
    return {
        "input_bits": taken,
        "output_bits": given,
        "activation_traffic_bits": moved,
        "output_elements": sum(graph.tensors[name].elements for name in node.outputs),
        "runs": int(not resting and host is None),
    }


def totals(table: LayerTable) -> dict[str, Any]:
    """The columns added up, and what only a whole network has.

    `stored_bits` is all that the model holds (weights and scales), `stored_bits_padded` the same
    with binary channels filled up to words, `memory_ratio` how many times smaller that is than
    fp32. `peak_activation_bits` is the peak of live activations and `peak_layer` the layer at
    which it is reached first.
    """
    added = {name: int(table.columns[name].sum()) for name in COLUMNS if name not in NOT_SUMMED}
    kinds: Counter[str] = Counter()
    for by_kind in table.fp_ops_by_kind:
        kinds.update(by_kind)
    stored = added["weight_bits"] + added["scale_bits"]
    return {
        **added,
        "macs_by_precision": _macs_by_precision(table),
        "fp_ops_by_kind": dict(sorted(kinds.items())),
        "stored_bits": stored,
        "stored_bits_padded": added["weight_bits_padded"] + added["scale_bits"],
        "memory_ratio": added["weight_bits_fp32"] / stored if stored else None,
        "binary_share": added[f"{MacClass.BINARY}_macs"] / added["macs"] if added["macs"] else 0.0,
        "peak_activation_bits": int(table.columns["live_bits"].max(initial=0)),
        "peak_layer": table.peak_layer,
        "lower_bound": bool(table.unknown),
    }


def _macs_by_precision(table: LayerTable) -> dict[str, int]:
    result: Counter[str] = Counter()
    for used, macs in zip(table.schemes, table.columns["macs"].tolist(), strict=True):
        if used is not None and macs:
            result[str(used)] += macs
    return dict(sorted(result.items()))
