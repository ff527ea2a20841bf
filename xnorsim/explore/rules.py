"""What no sweep may ask for, whatever its spec says: such points are left out, and it is told.

A value that no point at all can use is a fault of the spec.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost.points import resolved
from xnorsim.cost.recipes import recipe_set
from xnorsim.cost.recipes.program import ISAS
from xnorsim.cost.roofline import knows_energy
from xnorsim.cost.technology import energy_scale
from xnorsim.cost.uses import kernel_uses
from xnorsim.errors import InputError, UsageError
from xnorsim.explore.axes import Axis
from xnorsim.explore.constraints import Constraint, names
from xnorsim.explore.grammar import parse
from xnorsim.explore.grid import axes_of, left_out, values_of
from xnorsim.explore.space import Refusal, Space, place_of, point, predictor_of, profile_of
from xnorsim.explore.tables import kinds_of_layers, sized
from xnorsim.explore.values import Faults
from xnorsim.machine.core import lower_core
from xnorsim.machine.lowering import lower
from xnorsim.machine.schema import HardwareProfile
from xnorsim.network.policy import Binarize, Policy
from xnorsim.network.precision import Scaling
from xnorsim.units import parse_quantity

__all__ = ["MOST_JUDGED", "with_rules"]

MOST_JUDGED = 100_000
"""Combinations that are looked at one by one; beyond it the prediction itself refuses."""

MOST_MADE = 128
"""The same where each takes making a network of it, in about 10 ms."""

_WHY = {
    "threads <= cores": "a machine has one core for a thread, and no more threads than cores",
    "channels % groups == 0 and filters % groups == 0": "groups divide channels and filters",
    # Of a layer as large out as in: no count of it is larger than its multiply-accumulates.
    "batch * channels / groups * filters * kernel * kernel * size * size <= 9007199254740992": (
        "counts are exact up to 2^53 multiply-accumulates"
    ),
}


def with_rules(space: Space, faults: Faults) -> Space:
    """The space with the conditions that its fields have by themselves, and what they leave out."""
    notes: list[str] = []
    for text, why in _conditions(space):
        item = Constraint(text, parse(text))
        given = {name: values_of(space, name) for name in names(item.tree)}
        space = replace(space, given={**space.given, **given})
        axes = sorted(axes_of(space, item))
        if _product(space, axes) <= MOST_JUDGED:
            out = left_out(space, item, [slice(0, size) for size in space.shape])
            table = out.reshape([out.shape[axis] for axis in axes]) if out.ndim else out
            notes += _judged(space, axes, table, lambda _, why=why: why, names(item.tree), faults)
        space = replace(space, where=(*space.where, item))
    for fields, judge, most in _rules(space):
        found = _refusal(space, fields, judge, most, notes, faults)
        space = replace(space, refused=(*space.refused, *found))
    return replace(space, notes=(*space.notes, *notes))


def _product(space: Space, axes: Sequence[int]) -> int:
    return math.prod(space.shape[axis] for axis in axes)


def _conditions(space: Space) -> Iterator[tuple[str, str]]:
    """Constraints that fields have among each other, and why."""
    for text, why in _WHY.items():
        if all(name in space.known for name in names(parse(text))):
            yield text, why
    sizes = [name for name in _on_axes(space) if name.startswith("memories.") and ".size" in name]
    seen = set()
    for profile in space.profiles.values() if sizes else ():
        for near, far in pairwise(f"memories.{memory.name}.size" for memory in profile.memories):
            if (near, far) not in seen and (near in sizes or far in sizes):
                # Not "<": a level that another machine lacks is no number, and nothing is below it;
                # and one without a limit, as a profile may have it, is compared with none.
                yield f"not `{near}` >= `{far}` or `{near}` > 1e30 B", f"{near} is below {far}"
            seen.add((near, far))


def _on_axes(space: Space) -> list[str]:
    return [field.name for axis in space.axes for field in axis.fields]


_Judge = Callable[[Space, Mapping[str, str]], str]


def _program(space: Space, values: Mapping[str, str]) -> str:
    """Why a program cannot run on a machine; "" if nothing speaks against it."""
    word, program = resolved(predictor_of(values))
    profile = space.profiles[values["profile"]]
    if word != "instructions":
        return ""
    if profile.instructions is None:
        return f"profile {profile.name} has no instructions to predict from"
    bits = parse_quantity(values.get("simd.bits", str(profile.simd.bits.value)), "bit")
    try:
        recipes = recipe_set(program, int(bits))
    except UsageError as fault:
        return str(fault)
    if not recipes.kernels:
        return f"recipe set '{program}' has no kernels for vectors of {bits:g} bit"
    lacking = ISAS.get(recipes.isa, "")
    if lacking and getattr(profile.instructions, lacking) is None:
        return f"recipe set '{program}' is code for {recipes.isa}, which {profile.name} is not"
    return ""


def _energy(space: Space, values: Mapping[str, str]) -> str:
    """Why a predictor tells no energy, where it is asked for."""
    word, _ = resolved(predictor_of(values))
    profile = space.profiles[values["profile"]]
    if "energy_j" not in space.metrics:
        return ""
    if profile.energy is None or (word == "roofline" and not knows_energy(lower(profile))):
        what = (
            "any operation" if profile.energy is None else "each operation, as a roofline needs it"
        )
        return f"energy_j: profile {profile.name} does not tell the energy of {what}"
    return "energy_j: the paper's formula tells none" if word == "formula" else ""


def _scaling(space: Space, values: Mapping[str, str]) -> str:
    try:
        Policy(Binarize(values["binarize"]), scaling=Scaling(values["scaling"]))
    except UsageError as fault:
        return str(fault)
    return ""


def _technology(space: Space, values: Mapping[str, str]) -> str:
    """Why no energy is known for a node at a voltage."""
    profile = space.profiles[values["profile"]]
    if profile.energy is None or profile.core is None:
        return ""
    node, voltage = _own_technology(profile)
    if "energy.node" in values:
        node = parse_quantity(values["energy.node"], "meter")
    if "energy.voltage" in values:
        voltage = parse_quantity(values["energy.voltage"], "volt")
    try:
        energy_scale(node, voltage)
    except UsageError as fault:
        return str(fault)
    return ""


def _own_technology(profile: HardwareProfile) -> tuple[float, float]:
    own = lower(profile)
    return own.energy_node_m, own.energy_voltage_v


def _sizes(space: Space, values: Mapping[str, str]) -> str:
    """Why a network cannot have a size."""
    try:
        sized(space, values)
    except InputError as fault:
        return str(fault)
    return ""


def _kernels(space: Space, values: Mapping[str, str]) -> str:
    """Why a program cannot run the layers, as some of them are binary or not: at any size."""
    word, program = resolved(predictor_of(values))
    if word != "instructions" or _program(space, values) or _scaling(space, values):
        return ""
    given = {n: text for n, text in values.items() if space.known[n].kind == "structure"}
    try:
        profile = profile_of(space, given)
        recipes = recipe_set(program, int(lower(profile).simd_bits))
        kernel_uses(*kinds_of_layers(space, values), recipes, lower_core(profile))
    except InputError as fault:
        return str(fault)
    return ""


def _rules(space: Space) -> Iterator[tuple[tuple[str, ...], _Judge, int]]:
    """The fields of each rule, what judges them, and the most combinations that it looks at."""
    yield ("profile", "predictor", "recipes", "simd.bits"), _program, MOST_JUDGED
    yield ("profile", "predictor", "recipes"), _energy, MOST_JUDGED
    yield ("binarize", "scaling"), _scaling, MOST_JUDGED
    yield ("profile", "energy.node", "energy.voltage"), _technology, MOST_JUDGED
    if space.graph is not None:
        yield ("input_size", "width"), _sizes, MOST_MADE
    structures = [axis for axis in space.axes if axis.kind == "structure"]
    yield tuple(f.name for axis in structures for f in axis.fields), _kernels, MOST_MADE


def _refusal(
    space: Space,
    fields: Sequence[str],
    judge: _Judge,
    most: int,
    notes: list[str],
    faults: Faults,
) -> tuple[Refusal, ...]:
    """The combinations of some fields that a rule refuses; none where it refuses none."""
    places = [place_of(space, name) for name in fields]
    axes = sorted({place[0] for place in places if place is not None})
    if _product(space, axes) > most:
        return ()
    sizes = [space.shape[axis] for axis in axes]
    table, reasons = np.zeros(sizes, dtype=bool), {}
    for at in np.ndindex(*sizes):
        index = [0] * len(space.axes)
        for axis, place in zip(axes, at, strict=True):
            index[axis] = place
        reasons[at] = judge(space, point(space, index))
        table[at] = bool(reasons[at])
    if not table.any():
        return ()
    notes.extend(_judged(space, axes, table, reasons.__getitem__, fields, faults))
    why = next(reason for reason in reasons.values() if reason)
    return (Refusal(tuple(axes), table, why),)


def _judged(
    space: Space,
    axes: Sequence[int],
    refused: NDArray[np.bool_],
    reason: Callable[[tuple[int, ...]], str],
    fields: Sequence[str] | frozenset[str],
    faults: Faults,
) -> Iterator[str]:
    """A note of how many combinations are left out; values that none can use are faults."""
    if not refused.any():
        return
    first = tuple(int(at) for at in np.argwhere(refused)[0])
    if refused.all():
        named = [("axes", space.axes[axis].name) for axis in axes]
        path = named[0] if named else (next((f for f in sorted(fields) if f in space.fixed), ""),)
        faults.append((path, f"no point is left: {reason(first)}{_told(space, fields)}"))
        return
    before = len(faults)
    for row, axis in enumerate(axes):
        others = tuple(other for other in range(len(axes)) if other != row)
        dead = np.asarray(refused.all(axis=others))
        if dead.any():
            at = next(tuple(map(int, at)) for at in np.argwhere(refused) if dead[at[row]])
            told = f"{_some(space.axes[axis], dead)}: {reason(at)}"
            usable = _some(space.axes[axis], ~dead)
            faults.append((("axes", space.axes[axis].name), f"{told}; can be used: {usable}"))
    if len(faults) == before:
        of = " and ".join(space.axes[axis].name for axis in axes)
        yield f"{refused.sum()} of {refused.size} combinations of {of} left out: {reason(first)}"


def _told(space: Space, fields: Sequence[str] | frozenset[str]) -> str:
    """What the fields of a rule are, where they stay."""
    given = [f"{name} {space.fixed[name]}" for name in sorted(fields) if name in space.fixed]
    return f" ({', '.join(given)})" if given else ""


def _some(axis: Axis, chosen: NDArray[np.bool_]) -> str:
    places = np.flatnonzero(chosen)
    shown = ["/".join(row[place] for row in axis.texts) for place in places[:6]]
    return ", ".join(shown) + (f" and {len(places) - 6} more" if len(places) > 6 else "")
