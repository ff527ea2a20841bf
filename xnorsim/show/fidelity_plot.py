"""The figure of a fidelity: how alike each binary layer's output is to the float layer's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xnorsim.show import labels
from xnorsim.show.plots import LINES, ROW, WIDTH, names_along_y, own_axes, titled

__all__ = ["plot_fidelity"]


def plot_fidelity(doc: Mapping[str, Any], *, ax: Axes | None = None) -> Axes:
    """Draw the cosine of each binary layer's output with the float layer's, in execution order.

    A filled dot is the layer given exact inputs, an open one the layer given what the binarized
    layers before it have made of them; a grey tick is that of its weights.

    Parameters
    ----------
    doc : the JSON document of a fidelity
    ax : where to draw; a figure of its own by default, as high as the layers need
    """
    layers = doc["layers"]
    own = ax is None
    ax = own_axes(WIDTH, 1.9 + ROW * max(4, len(layers))) if ax is None else ax
    at = range(len(layers))
    cosines = {
        part: [_drawn(layer[part]["cosine"]) for layer in layers]
        for part in ("weights", "exact", "propagated")
    }
    ax.hlines(at, cosines["propagated"], cosines["exact"], color="#B0B0B0", linewidth=1.2, zorder=1)
    ax.scatter(cosines["weights"], at, marker="|", s=40, color="#8C8C8C", label="weights")
    ax.scatter(cosines["exact"], at, s=26, color=LINES[1], zorder=3, label="given exact inputs")
    ax.scatter(
        cosines["propagated"], at, marker="D", s=44, facecolor="none", edgecolor=LINES[2],
        zorder=4, label="given propagated inputs",
    )  # fmt: skip
    names_along_y(ax, [layer["name"] for layer in layers])
    _cosine_axis(ax, doc)
    if own and isinstance(ax.figure, Figure):
        ax.figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize="medium")
    else:
        ax.legend(fontsize="medium", loc="best")
    return ax


def _drawn(value: float | None) -> float:
    return float("nan") if value is None else value


def _cosine_axis(ax: Axes, doc: Mapping[str, Any]) -> None:
    model = labels.shorten(labels.visible(str(doc["model"]["name"])), 60)
    ends = [
        f"{item['top1_agreement']:.0%} of {item['shape'][0]}"
        for item in doc["outputs"]
        if item["top1_agreement"] is not None
    ]
    agreement = f", top-1 agreement {' and '.join(ends)}" if ends else ""
    title = f"{model} as {doc['assumptions']['binarize']}, not retrained{agreement}"
    titled(ax, title)
    ax.set_xlabel("cosine of the layer's output with the float network's")
    ax.set_xlim(right=1.0)
    ax.grid(axis="x", color="#D9D9D9", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)
