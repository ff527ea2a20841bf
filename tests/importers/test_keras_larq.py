"""Larq's networks from their configs: every layer has the numbers of larq.models.summary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xnorsim.importers.keras import read_graph
from xnorsim.work.summary import Convention, LayerSummary, summary
from xnorsim.work.table import layer_table, totals

NETWORKS = ("BiRealNet", "BinaryAlexNet", "BinaryDenseNet28", "QuickNet", "XNORNet")
MORE = {
    "DoReFaNet": "2-bit activations, +-1 weights with one alpha a layer",
    "MeliusNet22": "split, joined and merged by Lambda layers",
    "StrongBaselineNetBNN": "scales a row, column and channel; PReLU; an identity as a Lambda",
}


def figures(row: LayerSummary) -> dict[str, Any]:
    return {"macs": dict(row.macs), "weights": dict(row.weights)}


def expected(row: dict[str, Any]) -> dict[str, Any]:
    """The same of a row of Larq's summary."""
    macs = {int(key.split(",")[1].strip(" )")): n for key, n in row["op_precision"].items() if n}
    weights = {1: row["w1"], 32: row["w32"]}
    return {"macs": macs, "weights": {bits: n for bits, n in weights.items() if n}}


def check(config: Path, summary_file: Path) -> None:
    graph, theirs = read_graph(config), json.loads(summary_file.read_text())
    found = summary(graph, Convention.LARQ)
    rows = {row.name: row for row in found.layers}
    for row in theirs["per_layer"]:
        ours = rows.pop(row["name"], None)
        if ours is None:  # an input
            assert expected(row) == {"macs": {}, "weights": {}}, row["name"]
            continue
        assert figures(ours) == expected(row), row["name"]
        if row.get("w_total"):
            assert list(ours.output_shape[1:]) == row["out"][1:], row["name"]
            assert ours.input_bits == row["input_precision"], row["name"]
    assert not any(row.macs or row.weights for row in rows.values())
    assert found.parameters == theirs["keras_params"]
    assert found.weights.get(1, 0) == theirs["n_params_1bit"]
    assert sum(found.macs.values()) == theirs["op_count_mac_all"]
    table = totals(layer_table(graph, ()))
    assert table["macs"] == theirs["op_count_mac_all"]
    assert table["weight_bits_fp32"] == theirs["fp_equiv_memory_bits"]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_has_larqs_numbers(name: str, data: Path) -> None:
    folder = data / "larq"
    check(folder / f"{name}.keras_config.json", folder / f"{name}.summary.json")


@pytest.mark.parametrize("name", MORE)
def test_networks_with_layers_of_their_own(name: str, data: Path) -> None:
    folder = data / "keras" / "larq_zoo"
    check(folder / f"{name}.config.json", folder / f"{name}.summary.json")
