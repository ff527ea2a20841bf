"""Where names stand beside the points of a figure: near them, and over nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

__all__ = ["Pair", "box_of", "name_points"]

Pair = tuple[float, float]

_DIRECTIONS = tuple(  # right, left, then lower right, upper left, ...
    (math.cos(math.radians(angle)), math.sin(math.radians(angle)))
    for angle in (0, 180, -30, 150, -90, 90, 30, -150, -60, 120, 60, -120, 15, -15, 165, -165)
)
_REACHES = (6.0, 16.0, 28.0, 42.0)
"""How far a name is from its point [pt]; from the second on, a line leads to it."""
_APART = 3.0
"""Between names in a line [pt]."""

_OFFSET = "offset points"
_SLACK = 1.12  # a text is a little wider at another resolution
_LEADER = {"arrowstyle": "-", "color": "#555555", "linewidth": 0.5, "shrinkA": 0, "shrinkB": 4}


def name_points(
    ax: Axes,
    names: Sequence[str],
    points: Sequence[Pair],
    marks: Iterable[Bbox],
    size: float = 9.0,
) -> None:
    """Write each point's name at the first place where it hides nothing, or not at all.

    The figure has been laid out. points: in data; marks: what may not be hidden, on the canvas;
    size: of the letters [pt].
    """
    marks, apart = list(marks), _APART * ax.figure.dpi / 72
    taken: list[Bbox] = []
    for name, point in zip(names, points, strict=True):
        text = ax.annotate(name, point, (0, 0), textcoords=_OFFSET, fontsize=size, parse_math=False)
        extent = text.get_window_extent()
        for reach, (right, up) in product(_REACHES, _DIRECTIONS):
            box = _box(ax, point, (right, up), reach, extent)
            line = _line(ax, point, (right, up), reach)
            wide = box.expanded(_SLACK, 1.0)
            inside = ax.bbox.contains(*wide.min) and ax.bbox.contains(*wide.max)
            if inside and not any(part.count_overlaps([*marks, *taken]) for part in (box, *line)):
                taken += [box.padded(apart, 0), *line]
                text.set(position=(reach * right, reach * up), **_aligned(right, up))
                if line:
                    end = text.get_position()
                    ax.annotate("", point, end, textcoords=_OFFSET, arrowprops=_LEADER)
                break
        else:
            text.remove()


def box_of(ax: Axes, point: Pair, half: float = 4.0) -> Bbox:
    """The square around a point's marker on the canvas; half: of its side [pt]."""
    return Bbox(ax.transData.transform([point, point])).padded(half * ax.figure.dpi / 72)


def _aligned(right: float, up: float) -> dict[str, str]:
    """Which part of a text in this direction of its point is nearest to the point."""
    return {
        "ha": "center" if abs(right) < abs(up) / 2 else "left" if right > 0 else "right",
        "va": "center" if abs(up) < abs(right) / 2 else "bottom" if up > 0 else "top",
    }


def _box(ax: Axes, point: Pair, direction: Pair, reach: float, extent: Bbox) -> Bbox:
    """Where a text of this extent is on the canvas, so far from its point in a direction."""
    aligned = _aligned(*direction)
    x, y = ax.transData.transform(point) + np.multiply(direction, reach * ax.figure.dpi / 72)
    left = x - _BEFORE[aligned["ha"]] * extent.width
    return Bbox.from_bounds(
        left, y - _BEFORE[aligned["va"]] * extent.height, extent.width, extent.height
    )


_BEFORE = {"left": 0.0, "bottom": 0.0, "center": 0.5, "right": 1.0, "top": 1.0}
"""The share of a text that lies before its anchor."""


def _line(ax: Axes, point: Pair, direction: Pair, reach: float) -> list[Bbox]:
    """Boxes along the line that leads from a point to its name, on the canvas [pixels]."""
    x, y = ax.transData.transform(point)
    steps = [ax.figure.dpi / 72 * step for step in range(9, round(reach), 2)]
    return [Bbox.from_bounds(x + direction[0] * s, y + direction[1] * s, 1, 1) for s in steps]
