"""Whether a figure can be read at half the width of a page: the size of its texts, and room."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text

__all__ = ["HALF_PAGE_MM", "SMALLEST_PT", "legibility_faults"]

HALF_PAGE_MM = 85.0
SMALLEST_PT = 4.5
"""Of a letter's body in print: 1.6 mm, or 12 pixels where the figure is 640 wide."""

_TOUCH = 0.2
"""Of a line's height: boxes have room around their letters, so that such an overlap hides none."""


def legibility_faults(figure: Figure) -> list[str]:
    """Texts that are too small, stand over another one, or leave the figure; [] if none does."""
    figure.draw_without_rendering()
    texts = list(_texts(figure))
    scale = HALF_PAGE_MM / 25.4 / figure.get_figwidth()
    small = [t for t in texts if float(t.get_fontsize()) * scale < SMALLEST_PT]
    faults = [f"{_told(t)} is {float(t.get_fontsize()) * scale:.1f} pt high" for t in small]
    boxes = [(text, text.get_window_extent()) for text in texts]
    for (one, a), (other, b) in combinations(boxes, 2):
        slack = _TOUCH * min(float(one.get_fontsize()), float(other.get_fontsize()))
        slack *= figure.dpi / 72
        over = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        if min(over) > slack and not (one.get_rotation() % 90 or other.get_rotation() % 90):
            faults.append(f"{_told(one)} and {_told(other)} overlap")
    edge = figure.bbox.padded(1.0)
    faults += [f"{_told(t)} leaves the figure" for t, box in boxes
               if not (edge.contains(*box.min) and edge.contains(*box.max))]  # fmt: skip
    return faults


def _texts(figure: Figure) -> Iterator[Text]:
    """What is written: visible texts that are not empty; ticks beyond the axes are not drawn."""
    ticks: set[Text] = set()
    drawn: set[Text] = set()
    for axis in figure.findobj(Axis):
        every = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        ticks |= {label for tick in every for label in (tick.label1, tick.label2)}
        is_shown = axis.get_visible() and axis.axes.axison
        shown = axis._update_ticks() if is_shown else ()  # pyright: ignore[reportAttributeAccessIssue]
        drawn |= {label for tick in shown for label in (tick.label1, tick.label2)}
    for text in figure.findobj(Text):
        is_drawn = text not in ticks or text in drawn
        if text.get_visible() and text.get_text().strip() and is_drawn:
            yield text


def _told(text: Text) -> str:
    return repr(text.get_text())
