"""How soon the figures of an exploration follow a slider, beside an analysis anew for each move.

    .venv/bin/python bench/explore.py

A move sets one slider, and ends when the new image stands in the widget: prediction, drawing and
encoding; what the browser takes is not in it. Beside it, in turn, what there is without the widget:
`analyze` on the machine changed alike, and `plot_layers` as a new figure. (It works out the ranges
too, which the widget leaves for when nothing moves; the totals must be the same.)

The limit is of the median of each kind of move, on a quiet machine.
"""

from __future__ import annotations

import io
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import xnorsim as xs
from xnorsim.machine.fields import with_values
from xnorsim.machine.profile import load_profile
from xnorsim.show.plots import plot_layers

PROFILE = "raspberry-pi-4b"
NETWORKS = ("resnet18", "resnet50", "quicknet-large")
PREDICTORS = ("roofline", "instructions:own")
SLIDERS = ("clock", "L2 size", "DRAM bandwidth", "SIMD width")
ROUNDS = 9
PEER_ROUNDS = 3
LIMIT_S = 0.1


def timed(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def moves(explorer: Any) -> Iterator[tuple[str, Any, int | str]]:
    """Rounds of each kind of move, each to another step than the one before."""
    for number in range(ROUNDS):
        for name in SLIDERS:
            slider = explorer.sliders[name]
            steps = len(slider.options)
            yield name, slider, max(2, steps // 2 - 2) + number % 3
        group = explorer.sliders.get("28x28")
        if group is not None:
            yield "precision", group, number % 3


def own(explorer: Any) -> dict[str, list[float]]:
    """Seconds by kind of move; the first to a precision or width, the highest, prepares its own."""
    found: dict[str, list[float]] = {}
    for name, slider, step in moves(explorer):
        if slider.index == step:
            continue
        before = explorer.shown
        found.setdefault(name, []).append(timed(lambda s=slider, i=step: setattr(s, "index", i)))
        assert explorer.shown is not before, "nothing followed"
    explorer.reset()
    return found


def anew(network: str, predictor: str, clock: str) -> Any:
    """The report and the figure of one state from the beginning."""
    machine = with_values(load_profile(PROFILE), {"clock": clock})
    report = xs.analyze(network, profile=machine, binarize="xnor", predictor=predictor)
    figure: Any = plot_layers(report.to_dict()).figure
    figure.savefig(io.BytesIO(), format="png", dpi=110)
    return report


def agree(explorer: Any, network: str, predictor: str) -> None:
    explorer.sliders["clock"].value = "3 GHz"
    expected = anew(network, predictor, "3 GHz").predictions[0].totals
    assert explorer.shown.totals["latency_s"] == expected["latency_s"]
    explorer.reset()


def told(name: str, seconds: list[float]) -> str:
    middle, low, high = (1e3 * f(seconds) for f in (statistics.median, min, max))
    return f"  {name:16} {middle:5.0f} ms ({low:.0f} .. {high:.0f}) of {len(seconds)}"


def main() -> int:
    slow = []
    print(f"{PROFILE}; median (lowest .. highest)")
    for network in NETWORKS:
        for predictor in PREDICTORS:
            explorer = xs.explore(network, PROFILE, binarize="xnor", predictor=predictor)
            agree(explorer, network, predictor)
            print(f"{network}, {predictor}")
            for name, seconds in own(explorer).items():
                print(told(name, seconds))
                if statistics.median(seconds) > LIMIT_S:
                    slow.append(f"{network}, {predictor}, {name}")
            peers = [
                timed(lambda n=network, p=predictor: anew(n, p, "2 GHz"))
                for _ in range(PEER_ROUNDS)
            ]
            print(told("ranges, at rest", [timed(explorer.settle) for _ in range(PEER_ROUNDS)]))
            print(told("analyze anew", peers))
    for name in slow:
        print(f"over the limit of {1e3 * LIMIT_S:.0f} ms: {name}", file=sys.stderr)
    return bool(slow)


if __name__ == "__main__":
    sys.exit(main())
