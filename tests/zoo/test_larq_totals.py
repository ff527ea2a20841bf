"""Every network of larq_zoo 2.4 by larq.models.summary: totals, and the layers with MACs in order.

Made by larq 0.14.0 with larq-zoo 2.4.0 and tensorflow-cpu 2.15.1; see tests/data/larq/README.md.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from xnorsim import zoo
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node
from xnorsim.network.precision import BIPOLAR
from xnorsim.work.summary import Convention, summary
from xnorsim.work.table import layer_table, totals

Row = tuple[int, int, int, int, int]

# Larq's name; MACs of 1, 2 and 32 bits (+-1 weights x floats are 32-bit); parameters with all
# vectors of batch normalizations; bits of weights with two of them, as stored and as float32.
TOTALS = {
    "binary-alexnet": (
        "BinaryAlexNet",
        768_512_000,
        0,
        72_855_552,
        61_859_192,
        62_497_984,
        1_979_159_040,
    ),
    "binary-densenet-28": (
        "BinaryDenseNet28",
        3_587_383_296,
        0,
        202_484_224,
        5_150_504,
        33_930_496,
        164_207_872,
    ),
    "binary-densenet-37": (
        "BinaryDenseNet37",
        4_506_808_320,
        0,
        199_738_368,
        8_734_120,
        43_058_432,
        278_471_936,
    ),
    "binary-densenet-37-dilated": (
        "BinaryDenseNet37Dilated",
        7_774_470_144,
        0,
        452_625_408,
        8_734_120,
        43_058_432,
        278_471_936,
    ),
    "binary-densenet-45": (
        "BinaryDenseNet45",
        6_430_556_160,
        0,
        244_103_424,
        13_939_240,
        61_631_744,
        444_464_384,
    ),
    "binary-resnet-e-18": (
        "BinaryResNetE18",
        1_676_279_808,
        0,
        137_793_536,
        11_699_368,
        33_518_848,
        374_068_480,
    ),
    "bireal-net-18": (
        "BiRealNet",
        1_676_279_808,
        0,
        137_793_536,
        11_699_112,
        33_514_752,
        374_064_384,
    ),
    "dorefa-net": (
        "DoReFaNet",
        0,
        2_924_609_536,
        125_028_352,
        62_403_912,
        191_277_312,
        1_996_622_080,
    ),
    "meliusnet-22": (
        "MeliusNet22",
        4_624_220_160,
        0,
        136_388_608,
        6_969_672,
        32_524_544,
        222_226_688,
    ),
    "quicknet": ("QuickNet", 1_849_688_064, 0, 29_651_712, 13_243_720, 34_944_256, 423_490_816),
    "quicknet-large": (
        "QuickNetLarge",
        3_699_376_128,
        0,
        29_651_712,
        23_359_304,
        45_282_560,
        746_951_936,
    ),
    "quicknet-small": (
        "QuickNetSmall",
        1_156_055_040,
        0,
        15_941_120,
        12_664_344,
        33_577_216,
        404_982_016,
    ),
    "real-to-binary-net": (
        "RealToBinaryNet",
        1_676_279_808,
        0,
        138_087_936,
        11_995_624,
        43_031_808,
        383_581_440,
    ),
    "xnor-net-larq": (
        "XNORNet",
        1_025_744_896,
        0,
        113_379_328,
        62_396_768,
        191_042_560,
        1_996_387_328,
    ),
}

GROUPED = {"meliusnet-22": ((4, 3_612_672 * 2, 576), (8, 3_612_672, 288))}
"""Layers that Larq writes as so many convolutions: their number, MACs and weights of each."""


def uncounted(node: Node, role: str) -> bool:
    """Whether Larq has no variable for it: alpha is made anew, scales of quantizers are fixed."""
    return role == "alpha" or isinstance(node.op, ops.Quantize | ops.Dequantize)


def held(graph: Graph, counted: bool) -> list[str]:
    names = (
        name
        for node in graph.nodes
        for role, name in node.parameters.items()
        if uncounted(node, role) is not counted
    )
    return list(dict.fromkeys(names))


@pytest.mark.parametrize("name", TOTALS)
def test_totals_are_larqs(name: str) -> None:
    _, mac1, mac2, mac32, parameters, bits, bits_as_float = TOTALS[name]
    graph = zoo.build(name)
    found = totals(layer_table(graph, ()))
    assert (found["binary_macs"], found["other_macs"]) == (mac1, mac2)
    assert found["fp_macs"] + found["bwn_macs"] == mac32
    assert found["macs"] == mac1 + mac2 + mac32
    assert sum(graph.parameters[n].spec.elements for n in held(graph, True)) == parameters
    ours_alone = [part for n in held(graph, False) for part in graph.parameters[n].stored]
    assert found["stored_bits"] - sum(part.spec.bits for part in ours_alone) == bits
    assert found["weight_bits_fp32"] == bits_as_float


def of_graph(graph: Graph) -> list[Row]:
    table, rows = layer_table(graph, ()), []
    for i, node in enumerate(graph.nodes):
        if not isinstance(node.op, ops.Conv | ops.Dense):
            continue
        count = {name: int(values[i]) for name, values in table.columns.items()}
        weight = graph.parameters[node.parameters["weight"]].spec
        bias = node.parameters.get("bias")
        more = graph.parameters[bias].spec.elements if bias else 0
        one, full = (weight.elements, 0) if weight.encoding == BIPOLAR else (0, weight.elements)
        macs = count["binary_macs"], count["other_macs"], count["fp_macs"] + count["bwn_macs"]
        rows.append((*macs, one, full + more))
    return rows


def larqs(name: str, data: Path) -> list[Row]:
    rows = json.loads((data / "larq" / "layers.json").read_text())[TOTALS[name][0]]
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("name", TOTALS)
def test_layers_are_larqs(name: str, data: Path) -> None:
    ours, theirs = Counter(of_graph(zoo.build(name))), Counter(larqs(name, data))
    for groups, macs, weights in GROUPED.get(name, ()):
        theirs -= Counter({(0, 0, macs, 0, weights): groups})
        theirs[(0, 0, groups * macs, 0, groups * weights)] += 1
    assert ours == theirs


def test_every_network_of_larqs_zoo_is_there() -> None:
    assert {n for n, entry in zoo.ZOO.items() if entry.source.endswith("as in larq_zoo")} == {
        *TOTALS,
        "binary-alexnet-dense",  # as it was in 2020
    }


@pytest.mark.parametrize("name", TOTALS)
def test_a_summary_by_larqs_convention_is_larqs(name: str) -> None:
    _, mac1, mac2, mac32, parameters, bits, _ = TOTALS[name]
    found = summary(zoo.build(name), Convention.LARQ)
    assert found.macs == {width: n for width, n in ((1, mac1), (2, mac2), (32, mac32)) if n}
    assert (found.parameters, found.memory_bits) == (parameters, bits)
