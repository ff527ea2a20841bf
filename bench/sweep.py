"""How fast sweeps predict: layer x design points a second, as their number grows.

    python bench/sweep.py                       # all of it, checked against its limits
    python bench/sweep.py --most 1e6 --plot rate.png
    python bench/sweep.py --shared 1e9          # two processes on so many points, for their ratio

A point is a layer that multiplies at one design: fused layers, pools and normalizations are
predicted with it and not counted. Three questions:

- a network: ResNet-18 with binary weights and inputs, on a machine whose vector width, threads,
  popcounts a cycle, second cache, third cache's bandwidth and clock change: six axes, and time is a
  maximum over parts which none of them enters alone;
- a layer template: each design is a convolution of another shape;
- one layer on a thousand machines: what ZigZag, SCALE-Sim and AccelForge take seconds for each.

Everything from the resolved space on is counted: layer tables, kernels, instructions, traffic,
time. All of this is one core, and what is predicted is thrown away.

Then the Pareto front of time, energy and the second cache is kept of the network's space, by one
process and by two in turn: points a second of whole runs, and of the last three quarters of their
tasks, as processes take a second or two to start; and the memory of all processes.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: one core

import argparse
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from xnorsim import zoo
from xnorsim.cost.network import Twin, predict_network
from xnorsim.explore.points import evaluate, rows
from xnorsim.explore.reductions import Parts, reduction
from xnorsim.explore.resolve import resolve
from xnorsim.explore.run import Progress, plan_of
from xnorsim.explore.run import run as run_tasks
from xnorsim.explore.space import Space, point, predictor_of, profile_of, tasks
from xnorsim.explore.spec import spec_of
from xnorsim.explore.tables import graph_of
from xnorsim.network import ops
from xnorsim.work.table import layer_table
from xnorsim.zoo import build

MEMORY = 256e6
MILLION_LIMIT_S, SINGLE_LIMIT_S = 2.0, 0.1
SHARED_LIMIT_S, SHARED_LIMIT_BYTES, TWO_OVER_ONE = 180.0, 2e9, 1.8
TURNS = 3
FRONT = "pareto:latency_s,energy_j,memories.L2.size"
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


def network(designs: float, reduce: str = "top:1:latency_s") -> Space:
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
            reduce=reduce,  # so that any number of points may be asked for
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


def shared(space: Space, workers: int) -> dict[str, float]:
    """The same by processes, reduced: points a second in all, and once all have begun; memory."""
    plan = plan_of(space, tasks(space, MEMORY, len(rows(space))).chunk)
    of = reduction(space.reduce, space)
    kept: list[Parts] = []
    seen: list[Progress] = []

    def take(number: int, found: Parts) -> None:
        kept[:] = [of.merged(kept[0], found)] if kept else [found]

    run_tasks(plan, range(plan.tasks), take, workers=workers, progress=seen.append)
    all_began = seen[len(seen) // 4]
    last, layers = seen[-1], multiplying(space)
    return {
        "workers": workers,
        "points": last.fresh * layers,
        "seconds": last.seconds,
        "rate": last.fresh * layers / last.seconds,
        "steady_rate": (last.fresh - all_began.fresh) * layers / (last.seconds - all_began.seconds),
        "memory_bytes": last.memory_bytes,
        "front": len(kept[0]["index"]),
    }


def told_shared(found: Mapping[str, float]) -> str:
    return (
        f"{found['workers']:.0f} process{'es' if found['workers'] > 1 else '  '} "
        f"{found['points']:>13,.0f} points {found['seconds']:9.3f} s "
        f"{found['rate'] / 1e6:7.2f} M points/s, {found['steady_rate'] / 1e6:.2f} once begun; "
        f"memory {found['memory_bytes'] / 2**20:.0f} MiB; {found['front']:.0f} designs on the front"
    )


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
    parser.add_argument("--shared", type=float, default=1e8, help="points of one process and two")
    parser.add_argument("--plot", type=Path, help="draw seconds over points: PNG, SVG or PDF")
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
    space = network(options.shared / 21, FRONT)
    both: list[dict[str, float]] = []
    for workers in (1, 2) * TURNS:
        both.append(shared(space, workers))
        print(told_shared(both[-1]))
    million = next((row for row in grown if row["points"] >= 0.95e6), grown[-1])
    if options.plot is not None:
        drawn(grown, options.plot)
    return judged(million, shapes, first) | judged_shared(both)


def drawn(grown: Sequence[Mapping[str, float]], path: Path) -> None:
    """Seconds over points, and a line along which both grow alike."""
    import matplotlib.pyplot as plt

    points, seconds = np.array([[row["points"], row["seconds"]] for row in grown]).T
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    alike = seconds[-1] * points / points[-1]
    axes.loglog(
        points, alike, color="0.7", label=f"{points[-1] / seconds[-1] / 1e6:.0f} M points/s"
    )
    axes.loglog(points, seconds, "o", label="measured, one core")
    axes.set(
        xlabel="layer x design points of ResNet-18 over six axes",
        ylabel="seconds",
    )
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


def judged_shared(both: Sequence[Mapping[str, float]]) -> int:
    """1 if two processes take too long for 10^8 points, too much memory, or are no faster."""
    two = [row for row in both if row["workers"] == 2]
    for which in ("rate", "steady_rate"):
        ratios = sorted(b[which] / a[which] for a, b in zip(both[::2], both[1::2], strict=True))
        print(f"two processes over one, {which}: {median(ratios):.2f} times "
              f"({ratios[0]:.2f} to {ratios[-1]:.2f}), at least {TWO_OVER_ONE}")  # fmt: skip
    seconds = median(1e8 / row["rate"] for row in two)
    memory = max(row["memory_bytes"] for row in two)
    missed = {
        f"two processes over one: {median(ratios):.2f}": median(ratios) < TWO_OVER_ONE,
        f"10^8 points by two processes: {seconds:.0f} s": seconds > SHARED_LIMIT_S,
        f"memory of two processes: {memory / 2**30:.2f} GiB": memory > SHARED_LIMIT_BYTES,
    }
    for line in (line for line, is_missed in missed.items() if is_missed):
        print(f"missed: {line}", file=sys.stderr)
    return int(any(missed.values()))


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
