"""Work, latency and energy of binary (XNOR-Net, BWN) and mixed-precision networks.

    import xnorsim as xs

    xs.analyze("resnet18.onnx", binarize="xnor", profile="raspberry-pi-4b")

The questions:  analyze, compare, report, explain, summary, speedup_figure, speedup_steps
What if:        sweep, open_sweep, search, choose_precisions, precision_front, frontier,
                explore, scaled_hardware, knees
Figures:        draw, heatmap_figure, pareto_figure, pareto_hover, tornado_figure, roofline_figure,
                frontier_figure, hardware_figure, bottleneck_figure
Running:        run, fidelity, diff, vectors
Is it true:     validate_published, validate_host
Networks:       load_model, from_torch, export_onnx, Graph
Machines:       load_profile, profile_names, calibrate
Errors:         XnorsimError

Each name is imported from its module when it is first used: pandas, matplotlib and onnx take
0.1 to 0.5 s each, and most uses need only some of them.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xnorsim.analysis import (
        analyze,
        calibrate,
        compare,
        diff,
        explain,
        fidelity,
        load_model,
        run,
        speedup_figure,
        validate_published,
        vectors,
    )
    from xnorsim.analysis.drawing import draw
    from xnorsim.analysis.exploring import explore
    from xnorsim.analysis.export import export_onnx
    from xnorsim.analysis.figures import roofline_figure, tornado_figure
    from xnorsim.analysis.frontier import frontier, frontier_figure
    from xnorsim.analysis.hardware import (
        bottleneck_figure,
        hardware_figure,
        knees,
        scaled_hardware,
    )
    from xnorsim.analysis.host_validation import validate_host
    from xnorsim.analysis.precision import choose_precisions
    from xnorsim.analysis.precision_front import precision_front
    from xnorsim.analysis.reports import report
    from xnorsim.analysis.speedup_steps import speedup_steps
    from xnorsim.analysis.summary import summary
    from xnorsim.analysis.sweep import open_sweep, search, sweep
    from xnorsim.errors import XnorsimError
    from xnorsim.importers.pytorch import from_torch
    from xnorsim.machine.profile import load_profile, profile_names
    from xnorsim.network.graph import Graph
    from xnorsim.show.hover import pareto_hover
    from xnorsim.show.sweep_plots import heatmap_figure, pareto_figure

__version__ = "0.1.0"

__all__ = [
    "Graph",
    "XnorsimError",
    "__version__",
    "analyze",
    "bottleneck_figure",
    "calibrate",
    "choose_precisions",
    "compare",
    "diff",
    "draw",
    "explain",
    "explore",
    "export_onnx",
    "fidelity",
    "from_torch",
    "frontier",
    "frontier_figure",
    "hardware_figure",
    "heatmap_figure",
    "knees",
    "load_model",
    "load_profile",
    "open_sweep",
    "pareto_figure",
    "pareto_hover",
    "precision_front",
    "profile_names",
    "report",
    "roofline_figure",
    "run",
    "scaled_hardware",
    "search",
    "speedup_figure",
    "speedup_steps",
    "summary",
    "sweep",
    "tornado_figure",
    "validate_host",
    "validate_published",
    "vectors",
]

# Public name -> the module that defines it. The imports above say the same to type checkers and
# editors; a test holds the two together.
_PUBLIC = {
    "Graph": "xnorsim.network.graph",
    "XnorsimError": "xnorsim.errors",
    "analyze": "xnorsim.analysis",
    "bottleneck_figure": "xnorsim.analysis.hardware",
    "calibrate": "xnorsim.analysis",
    "choose_precisions": "xnorsim.analysis.precision",
    "compare": "xnorsim.analysis",
    "diff": "xnorsim.analysis",
    "draw": "xnorsim.analysis.drawing",
    "explain": "xnorsim.analysis",
    "explore": "xnorsim.analysis.exploring",
    "export_onnx": "xnorsim.analysis.export",
    "fidelity": "xnorsim.analysis",
    "frontier": "xnorsim.analysis.frontier",
    "frontier_figure": "xnorsim.analysis.frontier",
    "from_torch": "xnorsim.importers.pytorch",
    "hardware_figure": "xnorsim.analysis.hardware",
    "heatmap_figure": "xnorsim.show.sweep_plots",
    "knees": "xnorsim.analysis.hardware",
    "load_model": "xnorsim.analysis",
    "load_profile": "xnorsim.machine.profile",
    "open_sweep": "xnorsim.analysis.sweep",
    "pareto_figure": "xnorsim.show.sweep_plots",
    "pareto_hover": "xnorsim.show.hover",
    "precision_front": "xnorsim.analysis.precision_front",
    "profile_names": "xnorsim.machine.profile",
    "report": "xnorsim.analysis.reports",
    "roofline_figure": "xnorsim.analysis.figures",
    "run": "xnorsim.analysis",
    "scaled_hardware": "xnorsim.analysis.hardware",
    "search": "xnorsim.analysis.sweep",
    "speedup_figure": "xnorsim.analysis",
    "speedup_steps": "xnorsim.analysis.speedup_steps",
    "summary": "xnorsim.analysis.summary",
    "sweep": "xnorsim.analysis.sweep",
    "tornado_figure": "xnorsim.analysis.figures",
    "validate_host": "xnorsim.analysis.host_validation",
    "validate_published": "xnorsim.analysis",
    "vectors": "xnorsim.analysis",
}


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_PUBLIC[name]), name)
    return globals().setdefault(name, value)  # the next use does not come through here


def __dir__() -> list[str]:
    return sorted(__all__)  # what a notebook completes: no import of ours, no private table


class _Room(ModuleType):
    """A room with the name of a public function: imported from, and called as that function."""

    def __call__(self, *given: Any, **options: Any) -> Any:
        name = self.__name__.rpartition(".")[2]
        return getattr(import_module(_PUBLIC[name]), name)(*given, **options)


class _Package(ModuleType):
    def __setattr__(self, name: str, value: Any) -> None:
        # Python sets each room here when it is first imported, over the function of its name.
        if name in _PUBLIC and isinstance(value, ModuleType):
            value.__class__ = _Room
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
