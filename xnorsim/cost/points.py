"""Layers at design points by any predictor: a whole grid of them, or a single one.

A design point is a machine at other numbers (`Design`, whose numbers may be arrays [..., 1]), a
number of threads, or layers of other sizes (columns [..., layers]). An axis of a design space is a
dimension in front of the layers', and everything broadcasts; the single prediction has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost import formula, instructions, roofline
from xnorsim.cost.axes import of_layers, total
from xnorsim.cost.figures import WANTED, Figures
from xnorsim.cost.inputs import Design
from xnorsim.cost.recipes import RECIPE_SETS, recipe_set
from xnorsim.errors import UsageError, choices
from xnorsim.machine.lowering import Machine

__all__ = [
    "PREDICTORS",
    "WANTED",
    "Figures",
    "Layers",
    "Prepared",
    "bound_names",
    "predict_points",
    "prepared",
    "resolved",
    "total",
]


@dataclass(frozen=True, eq=False)
class Layers:
    """Columns of a layer table [..., layers], and the word for each layer's kind [layers]."""

    columns: Mapping[str, NDArray[Any]]
    kinds: Sequence[str] = ()


Prepared = Callable[[Design, Any, frozenset[str]], Figures]
"""A predictor of some layers: of a design, the number of threads, and what is wanted."""


def predict_points(
    layers: Layers,
    design: Design,
    predictor: str = "instructions",
    threads: Any = 1,
    wanted: frozenset[str] = WANTED,
) -> Figures:
    """Each layer at each design point: one array [...] a layer, with the axes that it depends on.

    predictor: one of PREDICTORS; "instructions" may be followed by a recipe set, as in
    "instructions:larq" ("own" unless told); threads: a number or [..., 1]; wanted: of WANTED.
    `total` adds layers up.

    Raises:
        UsageError: no such predictor or recipe set, a profile without what it needs, or design
            points that do not have the same kernels to choose from (other simd.bits).
    """
    unknown = wanted - WANTED
    if unknown:
        name = min(unknown)
        raise UsageError(f"no figure '{name}': {choices(name, sorted(WANTED))}")
    return prepared(layers, design, predictor)(design, threads, wanted)


def prepared(layers: Layers, design: Design, predictor: str) -> Prepared:
    """What depends on no number of a machine but simd.bits, done once; raises as `predict_points`.

    What is returned takes designs of the same machine at any numbers.
    """
    word, program = resolved(predictor)
    return PREDICTORS[word](layers, design, program)


def resolved(predictor: str) -> tuple[str, str]:
    """The predictor and its recipe set: ("instructions", "larq") of "instructions:larq"."""
    word, colon, program = predictor.partition(":")
    if word not in PREDICTORS or (colon and word != "instructions"):
        raise UsageError(f"no predictor '{predictor}': {choices(predictor, PREDICTORS)}")
    if word != "instructions":
        return word, ""
    program = program if colon else _OWN
    if program not in RECIPE_SETS:
        raise UsageError(
            f"predictor '{predictor}': no recipe set '{program}': {choices(program, RECIPE_SETS)}"
        )
    return word, program


_OWN = "own"


def _roofline(layers: Layers, design: Design, program: str) -> Prepared:
    return lambda at, threads, wanted: roofline.figures(layers.columns, at.machine, threads, wanted)


def _instructions(layers: Layers, design: Design, program: str) -> Prepared:
    machine, core = design.machine, design.core
    if core is None:
        raise UsageError(
            f"profile {machine.name} has no sections 'core' and 'instructions': "
            "nothing is predicted from instructions for it"
        )
    widths = np.unique(machine.simd_bits)
    if len(widths) > 1:
        raise UsageError(
            f"vectors of {', '.join(f'{width:g}' for width in widths)} bits take kernels of their "
            "own: one width at a time"
        )
    try:
        recipes = recipe_set(program, int(widths[0]))
        work = instructions.work_of(layers.columns, layers.kinds, recipes, core)
    except UsageError as fault:
        raise UsageError(f"profile {machine.name}: {fault}") from fault
    return lambda at, threads, wanted: instructions.figures(work, at, threads, wanted)


def _formula(layers: Layers, design: Design, program: str) -> Prepared:
    """The paper's clocks at the machine's clock rate; the paper gives no energy."""

    def figures(at: Design, threads: Any, wanted: frozenset[str]) -> Figures:
        latency = formula.clocks(layers.columns) / (at.machine.clock_hz * threads)
        number = latency.shape[-1]
        return Figures(
            latency_s=tuple(of_layers(latency, number)),
            energy_j=(np.asarray(np.nan),) * number if "energy_j" in wanted else (),
            bound=(np.zeros((), np.intp),) * number if "bound" in wanted else (),
        )

    return figures


PREDICTORS: dict[str, Callable[[Layers, Design, str], Prepared]] = {
    "roofline": _roofline,
    "formula": _formula,
    "instructions": _instructions,
}
"""How operations become seconds and joules."""

_BOUNDS: dict[str, Callable[[Machine], tuple[str, ...]]] = {
    "roofline": roofline.bound_names,
    "formula": lambda machine: ("operations",),
    "instructions": instructions.bound_names,
}


def bound_names(predictor: str, machine: Machine) -> tuple[str, ...]:
    """What may bound a layer, by its number in Figures.bound."""
    return _BOUNDS[resolved(predictor)[0]](machine)
