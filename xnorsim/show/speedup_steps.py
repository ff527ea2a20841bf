"""How the speedup of operation counts becomes that of a network: each step as data, and drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullFormatter

from xnorsim.show import labels
from xnorsim.show.plots import LINES, WIDTH, literally

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SpeedupSteps", "Step", "steps_figure"]

_HALF = 0.31
_ROOM = 1.6
"""Of a factor's text on the logarithmic axis: so much before it, or the text stands behind."""

_TICKS = tuple(step * 10.0**power for power in range(-3, 6) for step in (1, 2, 5))


@dataclass(frozen=True, slots=True)
class Step:
    """What one more thing that counts makes of a speedup, which is float_s / binary_s.

    `what` has come in since the step before; `baseline` is what float_s [s] is the time of.
    """

    what: str
    baseline: str
    float_s: float
    binary_s: float
    speedup: float


@dataclass(frozen=True, eq=False)
class SpeedupSteps:
    """The steps from one layer's operation counts to a whole network, on one machine.

    The first is the paper's formula; `of_layer` of them are of the layer, the others of the
    network.
    """

    network: str
    layer: str
    profile: str
    predictor: str
    threads: int
    steps: tuple[Step, ...]
    of_layer: int

    @property
    def frame(self) -> pd.DataFrame:
        """One row a step, by what it adds; `change` is the speedup over that of the row before."""
        import pandas as pd

        rows = [
            {
                "baseline": step.baseline,
                "float_s": step.float_s,
                "binary_s": step.binary_s,
                "speedup": step.speedup,
            }
            for step in self.steps
        ]
        frame = pd.DataFrame(rows, index=pd.Index([step.what for step in self.steps], name="with"))
        return frame.assign(change=frame.speedup / frame.speedup.shift())

    def figure(self) -> Figure:
        """The steps from top to bottom; see `steps_figure`."""
        return steps_figure(self)


_COLOURS = {"paper": LINES[0], "peak": LINES[1], "same program": LINES[3]}
_HATCHES = {"paper": "", "peak": "////", "same program": "...."}
_WORDS = {
    "paper": "one float MAC a clock (paper)",
    "peak": "every float lane (peak)",
    "same program": "the same program's float kernels",
}


def steps_figure(found: SpeedupSteps) -> Figure:
    """Draw the steps from top to bottom: a bar goes from the speedup before to the one after.

    The colour and the hatching of a bar tell the baseline that its end is over.
    """
    steps = found.steps
    figure = Figure(figsize=(WIDTH, 1.5 + 0.36 * len(steps)), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    before, start = 1.0, _start(steps)
    for row, step in enumerate(steps):
        _bar(ax, row, step, before, start, row + 1 == len(steps))
        before = step.speedup
    _axes(figure, found)
    return figure


def _start(steps: Sequence[Step]) -> float:
    """Where the axis begins: at 1, or at the tick before the smallest speedup."""
    least = min(step.speedup for step in steps)
    return max((tick for tick in _TICKS if tick <= min(1.0, least)), default=_TICKS[0])


def _bar(ax: Axes, row: int, step: Step, before: float, start: float, is_last: bool) -> None:
    low, high = sorted((before, step.speedup))
    colour = _COLOURS[step.baseline]
    ax.barh(
        row,
        high - low,
        left=low,
        height=2 * _HALF,
        color=colour if row == 0 else "#FFFFFF",
        edgecolor=colour,
        hatch=_HATCHES[step.baseline],
        linewidth=1.0,
    )
    below = row + (_HALF if is_last else 1 + _HALF)
    ax.plot([step.speedup] * 2, [row - _HALF, below], color="#000000", linewidth=1.4)
    falls = step.speedup < before and step.speedup > start * _ROOM
    place, side = (low / 1.04, "right") if falls else (high * 1.04, "left")
    ax.text(place, row, labels.factor(step.speedup), va="center", ha=side, fontsize=10)


def _axes(figure: Figure, found: SpeedupSteps) -> None:
    (ax,) = figure.axes
    steps = found.steps
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    start = _start(steps)
    ends = start, 1.8 * max(1.0, *(step.speedup for step in steps))
    ax.set_xticks([tick for tick in _TICKS if ends[0] <= tick <= ends[1]])
    if start < 1.0:
        ax.axvline(1.0, color="#8C8C8C", linewidth=0.9, zorder=0.6)
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlim(ends)
    ax.set_ylim(len(steps) - 0.4, -0.6)
    ax.set_yticks(range(len(steps)), [step.what for step in steps], fontsize=10)
    literally(ax.get_yticklabels())
    ax.axhline(found.of_layer - 0.5, color="#8C8C8C", linewidth=0.8, linestyle="--")
    ax.set_xlabel("speedup over the baseline of the bar's colour (×)", fontsize=10)
    names = labels.visible(found.layer), labels.visible(found.network)
    threads = "1 thread" if found.threads == 1 else f"{found.threads} threads"
    where = f"{labels.visible(found.profile)} ({found.predictor}, {threads})"
    title = f"From {names[0]} to all of {names[1]} on\n{where}"
    figure.suptitle(title, fontsize=10, parse_math=False)
    ax.grid(axis="x", color="#D9D9D9", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    used = dict.fromkeys(step.baseline for step in steps)
    handles = [
        Patch(
            facecolor=_COLOURS[name] if name == "paper" else "#FFFFFF",
            edgecolor=_COLOURS[name],
            hatch=_HATCHES[name],
            label=f"over {_WORDS[name]}",
        )
        for name in used
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False, fontsize=10)
