"""The widgets of an exploration (extra `jupyter`): controls beside a figure that follows them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from xnorsim.errors import InputError, MissingExtraError
from xnorsim.explore.knobs import MIXED, Group, Knob, State
from xnorsim.explore.surrogate import CHOICES
from xnorsim.machine.profile import HardwareProfile, profile_text
from xnorsim.network.precision import MacClass
from xnorsim.show import labels
from xnorsim.show.exploration import (
    Exploration,
    Shown,
    gains_html,
    headline,
    headline_html,
    legend_html,
    settled,
)
from xnorsim.show.output import write_text
from xnorsim.show.report import Report

__all__ = ["Explorer", "Question"]

REST_S = 0.3
"""Without a move for so long, the ranges are worked out."""

_WIDE = "26em"


@dataclass(frozen=True, eq=False)
class Question:
    """What is explored: what can be turned, and the functions that answer for a state.

    bounds: everything that may bound a layer; cores: of the machine; moved: the figures at once;
    profile: the machine of a state; report: all there is to know of it, with ranges.
    """

    knobs: tuple[Knob, ...]
    groups: tuple[Group, ...]
    start: State
    bounds: tuple[str, ...]
    cores: int
    moved: Callable[[State], Shown]
    profile: Callable[[State], HardwareProfile]
    report: Callable[[State], Report]


class Explorer:
    """Sliders for a machine, precisions for groups of layers, and the figure that follows them.

    It shows itself in a notebook. `sliders` are its widgets by what they set, `image` the figure,
    `widget` all of it.
    """

    def __init__(self, question: Question) -> None:
        widgets = _ipywidgets()
        self._question = question
        start = question.moved(question.start)
        self._figure = Exploration(start, question.bounds)
        self._later: asyncio.TimerHandle | None = None
        self._is_resetting = False
        self.shown = start
        self.sliders = _sliders(widgets, question)
        self.image = widgets.Image(format="png", layout={"width": "100%", "max_width": "800px"})
        self._head, self._gains, self._status = (widgets.HTML() for _ in range(3))
        legend = widgets.HTML(legend_html(_classes(question, start), self._figure.shades))
        reset = widgets.Button(description="Reset", tooltip="Back to the profile's own values")
        reset.on_click(lambda _: self.reset())
        controls = widgets.VBox([*self.sliders.values(), reset], layout={"flex": "0 0 auto"})
        parts = [self._head, self.image, legend, self._gains, self._status]
        figure = widgets.VBox(parts, layout={"flex": "1 1 30em", "min_width": "0"})
        self.widget = widgets.HBox([controls, figure], layout={"flex_flow": "row wrap"})
        for slider in self.sliders.values():
            slider.observe(lambda _: self._follow(), names="value")
        self._follow()

    @property
    def state(self) -> State:
        """What is turned; what stands at its start is not named."""
        question, sliders = self._question, self.sliders
        values = {
            path: text
            for knob in question.knobs
            for path, text in zip(knob.paths, knob.steps[sliders[knob.label].index], strict=False)
        }
        precisions = {
            group.name: word
            for group in question.groups
            if (word := sliders[group.name].value) != group.precision
        }
        threads = sliders["threads"].value if "threads" in sliders else question.start.threads
        return State(values, precisions, threads)

    @property
    def profile(self) -> HardwareProfile:
        """The machine that the sliders stand for; raises UsageError where there is none."""
        return self._question.profile(self.state)

    @property
    def status(self) -> str:
        """Why the sliders stand for no machine, as HTML; "" where they do."""
        return self._status.value

    def report(self) -> Report:
        """All there is to know of the machine and the precisions chosen, as `analyze` gives it."""
        return self._question.report(self.state)

    def save_profile(self, path: str | os.PathLike[str]) -> None:
        """Write the machine as a profile file, to be used as any other.

        Raises:
            UsageError: the sliders stand for no machine, or the file cannot be written.
        """
        write_text(path, profile_text(self.profile))

    def reset(self) -> None:
        """Back to the start, in one move."""
        self._is_resetting = True
        try:
            for name, slider in self.sliders.items():
                slider.value = self._starts[name]
        finally:
            self._is_resetting = False
        self._follow()

    @property
    def _starts(self) -> Mapping[str, Any]:
        question = self._question
        numbers = {knob.label: knob.labels[knob.start] for knob in question.knobs}
        words = {group.name: group.precision for group in question.groups}
        return {**numbers, **words, "threads": question.start.threads}

    def settle(self) -> None:
        """Work out the ranges and show them; a notebook does so by itself after a moment."""
        if self._later is not None:
            self._later.cancel()
        try:
            self._show(settled(self.shown, self.report()))
        except InputError as fault:
            self._refuse(fault)

    def _follow(self) -> None:
        if self._is_resetting:
            return
        if self._later is not None:
            self._later.cancel()
        try:
            self._show(self._question.moved(self.state))
        except InputError as fault:  # a cache below the one before it, say
            self._refuse(fault)
            return
        try:
            self._later = asyncio.get_running_loop().call_later(REST_S, self.settle)
        except RuntimeError:  # no notebook: whoever drives the widgets calls settle
            self._later = None

    def _show(self, shown: Shown) -> None:
        self.shown = shown
        self.image.value = self._figure.redraw(shown)
        self._head.value = headline_html(shown, self._figure.start)
        self._gains.value = gains_html(shown, self._figure.start)
        self._status.value = ""

    def _refuse(self, fault: InputError) -> None:
        from html import escape

        text = escape(labels.visible(str(fault)))
        self._status.value = f"<b>Not a machine; the figure is of the last one.</b> {text}"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.widget._repr_mimebundle_(**options)

    def __repr__(self) -> str:
        now = headline(self.shown, self._figure.start)
        return f"<Explorer of {self.shown.title}: {now}>"


def _classes(question: Question, start: Shown) -> list[MacClass | None]:
    """The colours that may be needed: those of the start, and what layers may become."""
    may = {MacClass.BINARY, MacClass.BWN, MacClass.FP} if question.groups else set()
    present = {*start.classes, *may}
    return [item for item in labels.COLOURS if item in present]


def _ipywidgets() -> Any:
    try:
        import ipywidgets
    except ImportError as error:
        raise MissingExtraError("ipywidgets", "jupyter", "exploring in a notebook") from error
    return ipywidgets


def _sliders(widgets: Any, question: Question) -> dict[str, Any]:
    """A widget for each knob, the threads, and each group, by its label."""
    layout = {"width": _WIDE}
    style = {"description_width": "10em"}
    found: dict[str, Any] = {}
    for knob in question.knobs:
        found[knob.label] = widgets.SelectionSlider(
            options=knob.labels, index=knob.start, description=knob.label,
            layout=layout, style=style,
        )  # fmt: skip
    if question.cores > 1:
        found["threads"] = widgets.IntSlider(
            question.start.threads, 1, question.cores, description="threads",
            layout=layout, style=style,
        )  # fmt: skip
    for group in question.groups:
        words = (MIXED,) * (group.precision == MIXED) + CHOICES
        layers = "1 layer" if len(group.layers) == 1 else f"{len(group.layers)} layers"
        found[group.name] = widgets.Dropdown(
            options=words, value=group.precision, description=f"{group.name} ({layers})",
            layout=layout, style=style,
        )  # fmt: skip
    return found
