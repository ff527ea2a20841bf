"""What an axis may go over: the fields of a question, and those of the machines it is asked of.

A field's kind says how late it enters a prediction. "structure" changes which instructions run
(machine, program, vector width, which layers are binary): each value is worked out anew. "table"
changes the sizes of layers, "number" only what things cost: those enter as arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from xnorsim.cost.points import resolved
from xnorsim.cost.recipes import RECIPE_SETS
from xnorsim.errors import UsageError, choices
from xnorsim.machine import fields as machine
from xnorsim.machine.fields import FieldInfo
from xnorsim.machine.quantity import Dimension
from xnorsim.machine.schema import HardwareProfile
from xnorsim.network.policy import Binarize
from xnorsim.network.precision import Border, Scaling

__all__ = [
    "NETWORK",
    "QUESTION",
    "TEMPLATE",
    "Field",
    "Kind",
    "defaults",
    "known_fields",
    "lookup",
    "question_fields",
]

Kind = Literal["structure", "table", "number"]

WHOLE = Dimension(("",), exact=True)


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name, how late it enters, and what its values may be.

    sets: what it sets, its own name or that of what it is derived into; dimension: of a quantity,
    None for words; read: the word as it is stored, raising InputError for one that is not known;
    is_layers: whether a value is a set of layers, in names and globs; is_machine: whether it is a
    field of the profile.
    """

    name: str
    kind: Kind
    sets: str
    dimension: Dimension | None = None
    read: Callable[[str], str] = str
    is_layers: bool = False
    is_machine: bool = False


def _one_of(valid: Iterable[str], text: str) -> str:
    if text not in valid:
        raise UsageError(f"{text!r} is not known: {choices(text, valid)}")
    return text


def _layers(text: str) -> str:
    words = [word for part in text.split(",") if (word := part.strip())]
    return ",".join(dict.fromkeys(words)) or "none"


def _predictor(text: str) -> str:
    word, program = resolved(text)
    return f"{word}:{program}" if program else word


def _word(name: str, valid: Iterable[str]) -> Field:
    return Field(name, "structure", name, read=partial(_one_of, tuple(map(str, valid))))


def _whole(name: str, kind: Kind) -> Field:
    return Field(name, kind, name, WHOLE)


QUESTION: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field("profile", "structure", "profile"),
        Field("predictor", "structure", "predictor", read=_predictor),
        # The program of predictor "instructions".
        Field("recipes", "structure", "predictor", read=partial(_one_of, tuple(RECIPE_SETS))),
        _whole("threads", "number"),
        _whole("batch", "table"),
        _word("binarize", Binarize),
        _word("scaling", Scaling),
    )
}
"""The fields of every question."""

NETWORK: Mapping[str, Field] = {
    field.name: field
    for field in (
        _whole("input_size", "table"),
        Field("width", "table", "width", Dimension(("",))),
        Field("binary", "structure", "high_precision", read=_layers, is_layers=True),
        Field("high_precision", "structure", "high_precision", read=_layers, is_layers=True),
        _word("depthwise", ("false", "true")),
        _word("pad_value", ("-1", "0", "1")),
        _word("border", Border),
    )
}
"""Those of a network: the size of its input images, a factor of its channels, which layers."""

TEMPLATE: Mapping[str, Field] = {
    name: _whole(name, "table")
    for name in ("channels", "filters", "kernel", "size", "stride", "groups")
}
"""Those of a layer template: channels in and out, filter size, input size."""

_EVERYWHERE = {"predictor": "roofline", "threads": "1", "scaling": "alpha"}
_OF_NETWORKS = {
    "binarize": "none",
    "high_precision": "first,last",
    "depthwise": "false",
    "pad_value": "0",
    "border": "zero",
}
_OF_TEMPLATES = {"binarize": "xnor", "batch": "1", "stride": "1", "groups": "1"}


def defaults(is_template: bool) -> dict[str, str]:
    """What fields are that a question leaves out; a network's sizes stay as they are."""
    return {**_EVERYWHERE, **(_OF_TEMPLATES if is_template else _OF_NETWORKS)}


_ALIASES = {"policy": "binarize"}


def question_fields(is_template: bool) -> dict[str, Field]:
    """The fields of a question about a layer template, or about a network."""
    return {**QUESTION, **(TEMPLATE if is_template else NETWORK)}


def known_fields(
    profiles: Mapping[str, HardwareProfile], is_template: bool
) -> tuple[dict[str, Field], dict[str, str]]:
    """Every field by its name; and why others, of some machines only, are none."""
    found = question_fields(is_template)
    if not profiles:
        return found, {}
    each = {name: machine.fields(profile) for name, profile in profiles.items()}
    every = {path: info for infos in each.values() for path, info in infos.items()}
    missing = {}
    for path, info in every.items():
        lacking = [name for name, infos in each.items() if path not in infos]
        if lacking:
            missing[path] = f"profile {', '.join(lacking)} has no field '{path}'"
        else:
            found[path] = _machine_field(info)
    return found, missing


def _machine_field(info: FieldInfo) -> Field:
    kind: Kind = "structure" if info.is_structure else "number"
    read = partial(_checked, info)
    return Field(info.path, kind, info.sets, info.dimension, read, is_machine=True)


def _checked(info: FieldInfo, text: str) -> str:
    machine.check(info, text)
    return text


def lookup(name: str, known: Mapping[str, Field], missing: Mapping[str, str]) -> Field:
    """The field that a name means, in its short or its full form.

    Raises:
        UsageError: there is none; with the nearest names, or the machines that lack it.
    """
    full = _ALIASES.get(name, machine.canonical(name))
    if full in known:
        return known[full]
    if full in missing:
        raise UsageError(missing[full])
    raise UsageError(f"no field '{name}': {choices(name, known)}")
