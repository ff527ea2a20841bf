"""How fast sweeps predict: layer x design points a second, on one core, as their number grows.

    python bench/sweep.py                       # all of it, checked against its limits
    python bench/sweep.py --most 1e6 --points points.json

A point is a layer that multiplies at one design: fused layers, pools and normalizations are
predicted with it and not counted. Three questions:

- a network: ResNet-18 with binary weights and inputs, on a machine whose vector width, threads,
  popcounts a cycle, second cache, third cache's bandwidth and clock change: six axes, and time is a
  maximum over parts which none of them enters alone;
- a layer template: each design is a convolution of another shape;
- one layer on a thousand machines: what ZigZag, SCALE-Sim and AccelForge take seconds for each.

Everything from the resolved space on is counted: layer tables, kernels, instructions, traffic,
time. What is predicted is thrown away; reductions and stores are measured elsewhere.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: one core

import argparse
import json
import resource
import sys
import time
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from xnorsim import zoo
from xnorsim.cost.network import Twin, predict_network
from xnorsim.explore.points import evaluate, rows
from xnorsim.explore.resolve import resolve
from xnorsim.explore.space import Space, point, predictor_of, profile_of, tasks
from xnorsim.explore.spec import spec_of
from xnorsim.explore.tables import graph_of
from xnorsim.network import ops
from xnorsim.work.table import layer_table
from xnorsim.zoo import build

MEMORY = 256e6
MILLION_LIMIT_S, SINGLE_LIMIT_S = 2.0, 0.1
PREDICTOR = "instructions:own"
PROFILE = "zen-4"

SIX = {
    "simd.bits": [128, 256, 512],
    "threads": "1 .. 8",
    "instructions.popcount.per_cycle": "0.25 .. 4 log 16",
    "memories.L2.size": "64 KiB .. 16384 KiB log 24",
    "memories.L3.bandwidth": "4 GB/s .. 400 GB/s log 20",
}
"""All of the axes but the clock, whose values set how many points there are."""

SHAPES = {"channels": "16 .. 1024 step 16", "kernel": "1 .. 7", "size": "4 .. 56 step 4"}
"""The same for a layer template, but the filters."""


def network(designs: float, **more: Any) -> Space:
    """ResNet-18 at so many designs: fewer than the other axes have are taken from their values."""
    axes: dict[str, Any] = dict(SIX)
    others = 3 * 8 * 16 * 24 * 20
    clocks = max(2, round(designs / others))
    if designs < 2 * others:
        axes |= {"simd.bits": [256], "threads": [1, 4]}
        steps = max(2, round((designs / (2 * 2 * 4)) ** 0.5))
        axes["instructions.popcount.per_cycle"] = "0.25 .. 4 log 4"
        axes["memories.L2.size"] = f"64 KiB .. 16384 KiB log {steps}"
        axes["memories.L3.bandwidth"] = f"4 GB/s .. 400 GB/s log {steps}"
    axes["clock"] = f"1 GHz .. 5 GHz log {clocks}"
    return resolve(
        spec_of(
            model=zoo.build("resnet18"),
            profile=PROFILE,
            predictor=PREDICTOR,
            binarize="xnor",
            axes=axes,
            reduce="top:1:latency_s",  # so that any number of points may be asked for
            **more,
        )
    )


def template(designs: float) -> Space:
    """A convolution of so many shapes."""
    filters = max(2, round(designs / (64 * 7 * 14)))
    axes = {"filters": f"8 .. {8 * filters} step 8", **SHAPES}
    return resolve(spec_of(layer={}, profile=PROFILE, predictor=PREDICTOR, axes=axes))


def multiplying(space: Space) -> int:
    """Layers that multiply."""
    if space.graph is None:
        return 1
    return sum(isinstance(node.op, ops.MULTIPLYING) for node in space.graph.nodes)


def run(space: Space) -> dict[str, float]:
    """Every block predicted once: points, and seconds as the clock and as the processor say."""
    started, worked = time.perf_counter(), time.process_time()
    best, designs = np.inf, 0
    for block in tasks(space, MEMORY, len(rows(space))):
        found = evaluate(space, block)
        best = min(best, float(np.nanmin(found["latency_s"])))
        designs += prod(block.shape)
    return {
        "points": designs * multiplying(space),
        "designs": designs,
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - worked,
        "best_s": best,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def told(name: str, found: Mapping[str, float]) -> str:
    rate = found["points"] / found["seconds"] / 1e6
    return (
        f"{name:10} {found['points']:>13,.0f} points {found['designs']:>12,.0f} designs "
        f"{found['seconds']:9.3f} s ({found['cpu_seconds']:.3f} s of the core) "
        f"{rate:7.2f} M points/s  peak {found['peak_bytes'] / 2**20:.0f} MiB"
    )


def check(space: Space) -> None:
    """Three points of the space are what the single prediction says, to the last bit."""
    random = np.random.default_rng(0)
    for _ in range(3):
        index = [int(random.integers(size)) for size in space.shape]
        values = point(space, index)
        table = layer_table(graph_of(space, values))
        nothing = Twin(table.columns, np.zeros(len(table), bool))
        alone = predict_network(
            table.columns,
            nothing,
            profile_of(space, values),
            int(values["threads"]),
            predictor_of(values),
            table.kinds,
        )
        box = tasks(space, MEMORY, len(rows(space)))
        place, inside = 0, []
        for at, side, count in zip(index, box.chunk, box.grid, strict=True):
            place = place * count + at // side
            inside.append(at % side)
        found = evaluate(space, box[place])["latency_s"][tuple(inside)]
        if found != alone.totals["latency_s"]:
            raise SystemExit(f"point {index}: {found} s, alone {alone.totals['latency_s']} s")


def one_layer() -> float:
    """Seconds for one layer on a thousand machines, from the words of the question on."""
    started = time.perf_counter()
    space = resolve(
        spec_of(
            layer={"channels": 256, "filters": 256, "kernel": 3, "size": 14},
            profile=PROFILE,
            predictor=PREDICTOR,
            axes={
                "clock": "1 GHz .. 5 GHz log 10",
                "instructions.popcount.per_cycle": "0.25 .. 4 log 10",
                "memories.L2.size": "64 KiB .. 16384 KiB log 10",
            },
        )
    )
    (block,) = tasks(space, MEMORY)
    found = evaluate(space, block)["latency_s"]
    assert found.shape == (10, 10, 10)
    assert np.isfinite(found).all()
    return time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--most", type=float, default=1e8, help="points of the largest sweep")
    parser.add_argument("--points", type=Path, help="write what a plot needs, as JSON")
    options = parser.parse_args()
    build("resnet18")  # the zoo is imported
    first, again = one_layer(), one_layer()
    print(f"one layer, 1,000 designs: {first:.3f} s, asked again {again:.3f} s")
    check(network(1e5))
    grown = []
    wanted = 1e5
    while wanted <= options.most * 1.01:
        space = network(wanted / 21)
        grown.append(run(space))
        print(told("network", grown[-1]))
        wanted *= 10
    shapes = run(template(1e6))
    print(told("template", shapes))
    million = next((row for row in grown if row["points"] >= 0.95e6), grown[-1])
    if options.points is not None:
        content = {"network": grown, "template": shapes, "one_layer_s": [first, again]}
        options.points.write_text(json.dumps(content, indent=2) + "\n")
    return judged(million, shapes, first)


def judged(million: Mapping[str, float], shapes: Mapping[str, float], single: float) -> int:
    """1 if a limit is missed, with a line on stderr for each."""
    found = {
        f"10^6 points of a network: {million['seconds']:.2f} s": (
            million["seconds"] * 1e6 / million["points"],
            MILLION_LIMIT_S,
        ),
        f"10^6 shapes of a layer: {shapes['seconds']:.2f} s": (
            shapes["seconds"] * 1e6 / shapes["points"],
            MILLION_LIMIT_S,
        ),
        f"one layer on 1,000 machines: {single:.3f} s": (single, SINGLE_LIMIT_S),
    }
    missed = [f"{what}, over {limit} s" for what, (took, limit) in found.items() if took > limit]
    for line in missed:
        print(line, file=sys.stderr)
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
