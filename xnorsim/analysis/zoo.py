"""The zoo's networks: what is published of each beside what is counted here."""

from __future__ import annotations

from collections.abc import Iterable

from xnorsim.network.graph import Graph, spec_of
from xnorsim.network.ops import BatchNorm
from xnorsim.show.card import CardList, Counts, NetworkCard, PrecisionCounts
from xnorsim.work.table import LayerTable, layer_table, totals
from xnorsim.zoo import CARDS, ZOO, build, names
from xnorsim.zoo.card import Published, Quantity

__all__ = ["own_figure", "zoo_card", "zoo_list"]


def zoo_list(networks: Iterable[str] | None = None) -> CardList:
    """The cards of all networks of the zoo, or of those named.

    Raises:
        UsageError: no such network.
    """
    return CardList(tuple(map(zoo_card, names() if networks is None else networks)))


def zoo_card(name: str) -> NetworkCard:
    """What is published of a network of the zoo, and what is counted of ours at batch 1.

    Raises:
        UsageError: no such network.
    """
    graph = build(name)
    table, card = layer_table(graph, ()), CARDS[name]
    return NetworkCard(
        name=name,
        summary=ZOO[name].summary,
        source=ZOO[name].source,
        input_shape=spec_of(graph, graph.inputs[0]).shape,
        card=card,
        own=tuple(own_figure(graph, table, figure) for figure in card.published),
        counts=_counts(graph, table),
    )


def own_figure(graph: Graph, table: LayerTable, figure: Published) -> float:
    """Ours for a published figure: a count, or bytes; `table` is that of `graph`, nothing fused.

    Of a batch normalization as many vectors count as the published figure has.
    """
    columns = table.columns
    is_weight = [kind != "batch_norm" for kind in table.kinds]
    vectors = figure.vectors * _normalized(graph)
    parameters = int(columns["parameters"][is_weight].sum()) + vectors
    macs = int(columns["macs"].sum())
    stored = int(columns["weight_bits"].sum()) + 32 * vectors
    return {
        Quantity.PARAMETERS: parameters,
        Quantity.MACS: macs,
        Quantity.OPERATIONS: 2 * macs,
        Quantity.SIZE: stored / 8,
        Quantity.SIZE_FLOAT32: 4 * parameters,
        Quantity.SIZE_FLOAT64: 8 * parameters,
    }[figure.quantity]


def _normalized(graph: Graph) -> int:
    """Channels that batch normalizations have, all together."""
    return sum(
        graph.tensors[node.outputs[0]].shape[1]
        for node in graph.nodes
        if isinstance(node.op, BatchNorm)
    )


def _counts(graph: Graph, table: LayerTable) -> Counts:
    found = totals(layer_table(graph))  # activations as they live where layers are fused
    whole = totals(table)
    return Counts(
        precisions=_by_precision(table),
        parameters=whole["parameters"],
        macs=whole["macs"],
        binary_share=whole["binary_share"],
        stored_bits=whole["stored_bits"],
        stored_bits_fp32=whole["weight_bits_fp32"],
        peak_activation_bits=found["peak_activation_bits"],
    )


def _by_precision(table: LayerTable) -> tuple[PrecisionCounts, ...]:
    """By pair of encodings, that with most MACs first."""
    rows: dict[str, list[int]] = {}
    for i, used in enumerate(table.schemes):
        if used is not None:
            rows.setdefault(str(used), []).append(i)
    found = (
        PrecisionCounts(
            precision=precision,
            layers=len(places),
            macs=_sum(table, "macs", places),
            parameters=_sum(table, "parameters", places),
            stored_bits=sum(_sum(table, n, places) for n in ("weight_bits", "scale_bits")),
        )
        for precision, places in rows.items()
    )
    return tuple(sorted(found, key=lambda item: -item.macs))


def _sum(table: LayerTable, column: str, places: list[int]) -> int:
    return int(table.columns[column][places].sum())
