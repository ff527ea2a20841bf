"""Every kind of figure can be read at half the width of a page, long names and many rows too."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

import xnorsim as xs
from xnorsim.analysis import speedup_figure
from xnorsim.show.bounds_plot import bounds_figure
from xnorsim.show.error_plot import error_figure
from xnorsim.show.exploration import Exploration
from xnorsim.show.fidelity_plot import plot_fidelity
from xnorsim.show.plots import plot_layers
from xnorsim.show.ranges_plot import ranged_totals, ranges_figure
from xnorsim.show.report import Report
from xnorsim.show.validation_plot import validation_figure

from .conftest import GOLDEN, small_network
from .legible import legibility_faults
from .test_exploration import BOUNDS, START
from .test_hardware_plot import made_up
from .test_sweep_plots import dataset
from .test_validation_plot import document

PI = "raspberry-pi-4b"
INSTRUCTIONS = {"profile": PI, "predictor": "instructions:own"}


def figure_of(draw: Callable[[Figure], object], width: float = 6.6) -> Figure:
    figure = Figure(figsize=(width, 4), layout="constrained")
    draw(figure)
    return figure


@pytest.mark.parametrize(
    ("draw", "width", "fault"),
    [
        (lambda f: f.text(0.5, 0.5, "fine"), 6.6, ""),
        (lambda f: f.text(0.5, 0.5, "small", fontsize=8), 6.6, "'small' is 4.1 pt high"),
        (lambda f: f.text(0.5, 0.5, "wide"), 10.0, "'wide' is 3.3 pt high"),
        (lambda f: f.text(0.98, 0.5, "outside"), 6.6, "'outside' leaves the figure"),
        (lambda f: [f.text(0.5, 0.5, t) for t in ("one", "two")], 6.6, "'one' and 'two' overlap"),
        (lambda f: f.subplots().set_xlabel("x", fontsize=5), 6.6, "'x' is 2.5 pt high"),
        (lambda f: f.subplots().set_xticks([0.1, 0.12], ["ab", "cd"]), 6.6, "'ab' and 'cd' overl"),
        (lambda f: f.subplots().set(xlim=(0, 1)), 6.6, ""),
    ],
)
def test_what_cannot_be_read_is_found(draw, width, fault):
    found = legibility_faults(figure_of(draw, width))
    assert [text.startswith(fault) for text in found] == ([True] if fault else [])


def long_names(doc):
    """The same layers with names as exporters write them, and 60 of them."""
    doc = copy.deepcopy(doc)
    for part in (doc["layers"], doc["predictions"][0]["layers"]):
        for number, row in enumerate(part):
            row["name"] = f"/backbone/stages/stages.{number}/blocks/blocks.0/conv_{number}/Conv"
    return doc


def linked():
    """Twenty values along a side, two fields together along the other one."""
    memory = {
        "link": ["memories.DRAM.bandwidth", "memories.DRAM.shared_bandwidth"],
        "values": [("4.1 GB/s", "5 GB/s"), ("8.2 GB/s", "10 GB/s")],
    }
    axes = {"memory": memory, "clock": "1.05 GHz .. 2 GHz step 0.05 GHz"}
    return xs.sweep("finn-tfc-1w1a", axes, profile=PI)


def errors():
    """Errors of two documents whose groups have long names, and points far from no error."""
    groups = [f"kernels of a program with a long name {n}, 1 thread" for n in range(12)]
    rows = [
        {"group": group, "predicted": 0.2 * (1 + n) ** 1.2, "measured": 1.0, "inside": n % 2 == 0}
        for n, group in enumerate(groups)
    ]
    return error_figure({"published layers": {"rows": rows[:5]}, "one machine": {"rows": rows}})


def front():
    levels = (0.9, 0.4, 0.1)
    found = xs.precision_front(small_network(), fidelities=levels, profile=PI, predictor="roofline")
    return found.figure()


def explored():
    drawn = Exploration(START, BOUNDS)
    drawn.redraw(START)
    return drawn.figure


def of_machines(draw: Callable[[list[Report]], Figure]) -> Figure:
    machines = [PI, "pixel-1", "x86-avx512-vpopcnt"]
    return draw([xs.analyze(name, profile=machines) for name in ("resnet18", "quicknet")])


def totals(reports: list[Report]) -> Figure:
    named = {report.table.network: report for report in reports}
    panels = [
        (f"predicted {what}", unit, ranged_totals(named, column))
        for what, unit, column in (("latency", "s", "latency_s"), ("energy", "J", "energy_j"))
    ]
    return ranges_figure([item.profile for item in reports[0].predictions], panels)


DRAWN: dict[str, Callable[[], object]] = {
    "speedup over many baselines": lambda: speedup_figure(
        PI,
        baseline=("peak", "scalar", "same program"),
        predictor="instructions:own",
        logarithmic=True,
    ),
    "roofline": lambda: xs.roofline_figure("quicknet", profile=PI),
    "roofline of four levels": lambda: xs.roofline_figure("resnet18", profile="zen-4"),
    "tornado": lambda: xs.tornado_figure("finn-tfc-1w1a", metric="energy_j", **INSTRUCTIONS),
    "frontier": lambda: xs.frontier_figure(PI, networks=["quicknet", "resnet18", "dorefa-net"]),
    "heat map": lambda: xs.heatmap_figure(dataset()),
    "heat map of linked fields": lambda: xs.heatmap_figure(linked()),
    "heat map of gains": lambda: xs.heatmap_figure(
        dataset(), baseline={"clock": 1e9, "threads": 1, "memories.L2.size": 2**18}
    ),
    "Pareto front": lambda: xs.pareto_figure(dataset()),
    "hardware": lambda: xs.hardware_figure(made_up()),
    "bottlenecks": lambda: xs.bottleneck_figure(made_up()),
    "fidelity": lambda: (
        plot_fidelity(xs.fidelity(small_network(), binarize="xnor").to_dict()).figure
    ),
    "errors": errors,
    "front of precisions": front,
    "explorer": explored,
    "ranges of totals": lambda: of_machines(totals),
    "bounds": lambda: of_machines(lambda found: bounds_figure([each.to_dict() for each in found])),
    "validation of hundreds": lambda: validation_figure(
        document(*((x, x * 1.1) for x in np.geomspace(1e-3, 1.0, 200))), named=False
    ),
    "validation": lambda: validation_figure(
        document(*((x, x * 1.1) for x in np.geomspace(1e-3, 1.0, 12)))
    ),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_can_be_read(name):
    pytest.importorskip("xarray")
    figure = DRAWN[name]()
    assert isinstance(figure, Figure)
    assert legibility_faults(figure) == []


def of_a_lower_bound(doc):
    """Some layer has no rule: the axis says that the rest is the least."""
    doc = copy.deepcopy(doc)
    doc["totals"]["lower_bound"] = True
    return doc


@pytest.mark.parametrize("change", [lambda doc: doc, long_names, of_a_lower_bound])
def test_layers_can_be_read(doc, change):
    figure = plot_layers(change(doc)).figure
    assert isinstance(figure, Figure)
    assert legibility_faults(figure) == []


def test_numbers_that_do_not_fit_into_cells_are_left_out():
    assert len(xs.heatmap_figure(dataset()).axes[0].texts) == 8
    assert not xs.heatmap_figure(linked()).axes[0].texts


def test_a_long_title_takes_more_lines():
    machine = xs.load_profile(GOLDEN / "tiny.yaml")
    report = xs.analyze(small_network(), profile=machine, binarize="xnor").to_dict()
    report["model"]["name"] = "network " * 12
    figure = plot_layers(report).figure
    assert isinstance(figure, Figure)
    assert legibility_faults(figure) == []
