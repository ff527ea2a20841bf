"""Larq's networks from their configs: every layer has the numbers of larq.models.summary.

Larq's convention: the precision of a MAC is the wider of weight and input, where the input counts
as narrow only if the layer's own quantizer made it; batch normalization is two vectors; alphas are
made of the weights anew and not counted.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from xnorsim.importers.keras import read_graph
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, producers
from xnorsim.work.table import layer_table, totals

NETWORKS = ("BiRealNet", "BinaryAlexNet", "BinaryDenseNet28", "QuickNet", "XNORNet")


def quantized_by_itself(graph: Graph, node: Node) -> bool:
    """Whether a layer's input comes from a quantizer that is part of the layer."""
    made_by, tensor = producers(graph), node.inputs[0]
    layer = node.layer or node.name
    while (before := made_by.get(tensor)) is not None and isinstance(before.op, ops.Transpose):
        tensor = before.inputs[0]
    quantizers = (ops.Sign, ops.Dequantize, ops.Thresholds, ops.Conv)
    return before is not None and before.layer == layer and isinstance(before.op, quantizers)


def per_layer(graph: Graph) -> dict[str, dict[str, Any]]:
    """MACs by precision and parameters of each layer of the file."""
    table = layer_table(graph, ())
    rows: defaultdict[str, dict[str, Any]] = defaultdict(
        lambda: {"mac": Counter(), "parameters": Counter()}
    )
    for i, node in enumerate(graph.nodes):
        row = rows[node.layer or node.name]
        macs = int(table.columns["macs"][i])
        if macs:
            own = quantized_by_itself(graph, node)
            used = node.scheme
            bits = (used.weight.bits, used.activation.bits if own else 32) if used else (32, 32)
            row["mac"][max(bits)] += macs
        for role, name in node.parameters.items():
            for part in graph.parameters[name].stored if role != "alpha" else ():
                if not part.key.endswith((".scale",)):
                    row["parameters"][part.spec.encoding.bits] += part.spec.elements
    return rows


def expected(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a row of Larq's summary."""
    found = row["op_precision"]
    mac = {int(key.split(",")[1].strip(" )")): n for key, n in found.items() if n}
    narrow = {1: row["w1"], 32: row["w32"]}
    return {"mac": mac, "parameters": {bits: n for bits, n in narrow.items() if n}}


def check(config: Path, summary_file: Path) -> None:
    graph, summary = read_graph(config), json.loads(summary_file.read_text())
    rows = per_layer(graph)
    for row in summary["per_layer"]:
        ours = rows.pop(row["name"], {"mac": {}, "parameters": {}})
        is_norm = row["cls"] == "BatchNormalization"
        parameters = dict(ours["parameters"])
        if is_norm:  # scale goes with variance and shift with mean, where there are both
            (channels,) = {graph.tensors[row["name"]].shape[1]}
            held = set(graph.node(row["name"]).parameters)
            fused = ({"shift", "mean"} <= held) + ({"scale", "variance"} <= held)
            parameters[32] -= channels * fused
        wanted = expected(row)
        assert dict(ours["mac"]) == wanted["mac"], row["name"]
        assert parameters == wanted["parameters"], row["name"]
    assert not any(row["mac"] or row["parameters"] for row in rows.values())
    total = Counter()
    for row in per_layer(graph).values():
        total.update(row["parameters"])
    assert sum(total.values()) == summary["keras_params"]
    assert total[1] == summary["n_params_1bit"]
    found = totals(layer_table(graph, ()))
    assert found["macs"] == summary["op_count_mac_all"]
    assert found["weight_bits_fp32"] == summary["fp_equiv_memory_bits"]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_has_larqs_numbers(name: str, data: Path) -> None:
    folder = data / "larq"
    check(folder / f"{name}.keras_config.json", folder / f"{name}.summary.json")


MORE = {
    "DoReFaNet": "2-bit activations, +-1 weights with one alpha a layer",
    "MeliusNet22": "split, joined and merged by Lambda layers",
    "StrongBaselineNetBNN": "scales a row, column and channel; PReLU; an identity as a Lambda",
}


@pytest.mark.parametrize("name", MORE)
def test_networks_with_layers_of_their_own(name: str, data: Path) -> None:
    folder = data / "keras" / "larq_zoo"
    check(folder / f"{name}.config.json", folder / f"{name}.summary.json")
