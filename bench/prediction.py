"""How fast the instruction-level predictor is: 1000 layers on 1000 machines, with energy.

Every layer, of all kinds of product and pass, is predicted at every design point: machines that
differ in clock, busy cycles, latencies, issue width, caches, bandwidths, overlap and energies. That
is what a sweep asks for; what each kernel issues (work_of) is counted in.

The peer is a roofline in plain Python, a layer and a machine at a time, as counting tools have
one: a division for each precision, a comparison for each cache, the longest part. It has no
instructions, no ports and no loop nests, gets a sample of the pairs, and its predictions a second
are compared.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: one core

import dataclasses
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost import roofline
from xnorsim.cost.inputs import Design, design, drawn, inputs
from xnorsim.cost.instructions import predict, work_of
from xnorsim.cost.recipes import recipe_set
from xnorsim.cost.roofline import Prediction
from xnorsim.machine.lowering import ELEMENT_BITS, Machine, lower
from xnorsim.machine.profile import load_profile
from xnorsim.work.table import COLUMNS

LAYERS, POINTS = 1000, 1000
PEER_LAYERS, PEER_POINTS = 100, 100
REPEATS = 5
LIMIT_S = 2.0
PROFILE = "raspberry-pi-4b"

Columns = dict[str, NDArray[np.int64]]

PRODUCTS = {
    "binary_macs": (1, 1),
    "bwn_macs": (1, 32),
    "int8_macs": (8, 8),
    "fp_macs": (32, 32),
    "other_macs": (2, 2),
}
"""Bits of weights and activations."""

CEILINGS = {
    "binary_macs": "binary",
    "bwn_macs": "bwn",
    "int8_macs": "int8",
    "fp_macs": "fp32",
    "other_macs": "fp32",
    "fp_ops": "elementwise",
    "binarize_ops": "binarize",
}
"""The throughput of each column of operations in a plain roofline."""

PASSES = ("batch_norm", "add", "relu", "max_pool", "mean_pool", "sigmoid")


def layers(random: np.random.Generator) -> tuple[Columns, tuple[str, ...]]:
    """Columns [LAYERS] as a layer table has them, and the word for each layer's kind.

    Three in four multiply; where those are floats, every other one is depthwise.
    """
    columns = {name: np.zeros(LAYERS, dtype=np.int64) for name in COLUMNS}
    kinds = []
    for row in range(LAYERS):
        multiplies = random.random() < 0.75
        found = product(random) if multiplies else a_pass(random)
        kinds.append("conv" if multiplies else str(random.choice(PASSES)))
        for name, number in found.items():
            columns[name][row] = number
    return columns, tuple(kinds)


def product(random: np.random.Generator) -> dict[str, int]:
    """A convolution of a size as networks have them."""
    column = str(random.choice(list(PRODUCTS)))
    weight, activation = PRODUCTS[column]
    depthwise = column == "fp_macs" and random.random() < 0.5
    channels, filters = (int(2 ** random.uniform(4, 9)) for _ in range(2))
    sizes = {
        "positions": int(random.integers(7, 57)) ** 2,
        "filters": 1 if depthwise else filters,
        "filter_channels": 1 if depthwise else channels,
        "taps": int(random.choice([9] if depthwise else [1, 9, 25])),
        "groups": channels if depthwise else 1,
        "stride": int(random.choice([1, 1, 4])),
    }
    weights = sizes["groups"] * sizes["filters"] * sizes["filter_channels"] * sizes["taps"]
    results = sizes["positions"] * sizes["filters"] * sizes["groups"]
    taken = sizes["positions"] * sizes["stride"] * sizes["filter_channels"] * sizes["groups"]
    macs = sizes["positions"] * weights
    return {
        **sizes,
        "macs": macs,
        column: macs,
        "fp_ops": results,
        "weight_bits": weights * weight,
        "parameter_traffic_bits": weights * weight,
        "output_elements": results,
        "output_bits": 32 * results,
        "activation_traffic_bits": 32 * results + activation * taken,
        "binarize_ops": taken if column == "binary_macs" else 0,
        "runs": 1,
    }


def a_pass(random: np.random.Generator) -> dict[str, int]:
    """A layer that multiplies nothing."""
    results = int(2 ** random.uniform(10, 20))
    return {
        "fp_ops": results * int(random.choice([1, 2, 8])),
        "output_elements": results,
        "output_bits": 32 * results,
        "activation_traffic_bits": 2 * 32 * results,
        "runs": 1,
    }


def machines(random: np.random.Generator) -> Design:
    """POINTS variants of a machine: every quantity drawn in its range, and these far beyond it."""
    profile = load_profile(PROFILE)
    found = design(profile, drawn(inputs(profile), POINTS))
    levels = len(found.machine.level_names)
    factor = 2 ** random.uniform(-3, 3, (levels, POINTS, 1))
    machine = dataclasses.replace(
        found.machine,
        level_size_bytes=found.machine.level_size_bytes * factor,
        level_overlap=random.uniform(0, 1, (levels, POINTS, 1)),
        clock_hz=random.uniform(0.6e9, 3e9, (POINTS, 1)),  # pyright: ignore[reportArgumentType]
    )
    return dataclasses.replace(found, machine=machine)


def one_machine(at: Design, point: int) -> Design:
    """The design point of that number alone."""

    def chosen(field: Any) -> Any:
        is_array = isinstance(field, np.ndarray) and POINTS in field.shape
        return np.take(field, point, axis=field.shape.index(POINTS)) if is_array else field

    parts: dict[str, Any] = {}
    for part in dataclasses.fields(at):
        values = getattr(at, part.name)
        if isinstance(values, Mapping):
            parts[part.name] = {name: chosen(value) for name, value in values.items()}
            continue
        each = {
            item.name: chosen(getattr(values, item.name)) for item in dataclasses.fields(values)
        }
        parts[part.name] = dataclasses.replace(values, **each)
    return Design(**parts)


def plain(row: dict[str, int], machine: Machine, weights: float) -> float:
    """A roofline of one layer on one machine [s]."""
    cycles = 0.0
    for column, kind in CEILINGS.items():
        lanes = machine.simd_bits / ELEMENT_BITS[kind]
        cycles += row[column] / (lanes * getattr(machine, f"{kind}_vectors_per_cycle"))
    longest = cycles / machine.clock_hz
    activations, parameters = row["activation_traffic_bits"] / 8, row["parameter_traffic_bits"] / 8
    nearer = 0.0
    for size, alone in zip(
        machine.level_size_bytes.tolist(), machine.level_bandwidth_bytes_per_s.tolist(), strict=True
    ):
        moved = activations * (activations > nearer) + parameters * (weights > nearer)
        longest = max(longest, moved / alone)
        nearer = size
    return longest + row["runs"] * machine.layer_overhead_s


def peer(columns: Columns) -> float:
    """Seconds of a prediction in plain Python, which must agree with the arrays' roofline."""
    machine = lower(load_profile(PROFILE))
    listed = {name: column.tolist() for name, column in columns.items()}
    rows = [{name: listed[name][i] for name in listed} for i in range(PEER_LAYERS)]
    weights = sum(listed["weight_bits"]) / 8
    seconds, found = timed(
        lambda: [[plain(row, machine, weights) for row in rows] for _ in range(PEER_POINTS)]
    )
    expected = roofline.predict(columns, machine).latency_s[:PEER_LAYERS]
    np.testing.assert_allclose(found[-1], expected, rtol=1e-9)
    return seconds / (PEER_LAYERS * PEER_POINTS)


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = run()
    return time.perf_counter() - start, found


def predicted(columns: Columns, kinds: tuple[str, ...], at: Design) -> Prediction:
    """Everything from the columns on."""
    assert at.core is not None, "the profile has instructions"
    return predict(work_of(columns, kinds, recipe_set("own", 128), at.core), at)


def check(found: Prediction, columns: Columns, kinds: tuple[str, ...], at: Design) -> None:
    """Every pair is there, and one machine alone is predicted as it is among the others."""
    assert found.latency_s.shape == found.energy_j.shape == (POINTS, LAYERS)
    alone = predicted(columns, kinds, one_machine(at, POINTS // 2))
    np.testing.assert_allclose(found.latency_s[POINTS // 2], alone.latency_s, rtol=1e-12)
    np.testing.assert_allclose(found.energy_j[POINTS // 2], alone.energy_j, rtol=1e-12)


def main() -> int:
    random = np.random.default_rng(0)
    columns, kinds = layers(random)
    at = machines(random)
    runs, peers = [], []
    for _ in range(REPEATS):
        peers.append(peer(columns))
        seconds, found = timed(lambda: predicted(columns, kinds, at))
        runs.append(seconds)
        check(found, columns, kinds, at)
    return report(runs, peers)


def report(runs: list[float], peers: list[float]) -> int:
    number = LAYERS * POINTS
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{LAYERS} layers x {POINTS} machines = {number} predictions, with energy, one thread")
    print(f"seconds, median (lowest .. highest) of {REPEATS} rounds; peak memory {peak:.0f} MiB")
    each = {"xnorsim": [s / number for s in runs], "plain Python": peers}
    for name, seconds in each.items():
        middle, low, high = statistics.median(seconds), min(seconds), max(seconds)
        spread = f"{middle * number:.2f} ({low * number:.2f} .. {high * number:.2f}) a million"
        print(f"{name:13} {spread}, {middle * 1e6:.2f} us a prediction")
    ours, theirs = (statistics.median(seconds) for seconds in each.values())
    print(
        f"the plain roofline, which counts no instruction, takes {theirs / ours:.1f} times as long"
    )
    if statistics.median(runs) > LIMIT_S:
        print(f"over the limit of {LIMIT_S} s", file=sys.stderr)
    return int(statistics.median(runs) > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
