"""The fields of a profile by path, and the same machine with some of them set to other values.

A path is written as predictions name it: `clock`, `simd.bits`, `memories.L2.size`,
`instructions.vector_popcount.busy`. Besides what the schema holds there is
`instructions.CLASS.per_cycle`, instructions a cycle: it sets `busy` to the ports of the class over
it. `vector_` may be left out of the name of a class: `instructions.popcount.per_cycle`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydantic
from numpy.typing import ArrayLike, NDArray

from xnorsim.errors import InputError, UsageError, choices
from xnorsim.machine.instructions import CLASSES
from xnorsim.machine.quantity import Dimension, Quantity, number_of, resolve
from xnorsim.machine.schema import HardwareProfile, dimension_of, model_of

__all__ = [
    "UNLIMITED",
    "FieldInfo",
    "canonical",
    "check",
    "drawn_at",
    "field_of",
    "fields",
    "value_of",
    "with_values",
]

UNLIMITED = "unlimited"
"""The value of a quantity that has no limit, where its field may have none."""

SOURCE = "set for a question of what if: no machine is known to have this value"

PER_CYCLE = Dimension(("", "op/cycle"))
"""Instructions of a class a cycle; the unit may be left out."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field of a profile that may be set.

    keys: where it stands in the document; sets: the path of what it sets, its own or that of what
    is derived from it; dimension: what a quantity may hold, None for words; words: those that are
    valid, none where any is; is_structure: whether it changes which instructions run, and not only
    what they cost; is_given: whether the profile has it.
    """

    path: str
    keys: Path
    sets: str
    dimension: Dimension | None = None
    words: tuple[str, ...] = ()
    is_structure: bool = False
    is_given: bool = True


def _ports(text: str) -> list[str]:
    return [port for part in text.split(",") if (port := part.strip())]


# Fields that are no quantities: how their text is read, what they may hold, and valid words.
_PLAIN: dict[str, tuple[Callable[[str], Any], Dimension | None, tuple[str, ...]]] = {
    "execution": (str, None, ("in-order", "out-of-order")),
    "write_streaming": (lambda text: text == "true", None, ("false", "true")),
    "ports": (_ports, None, ()),
    "uops": (lambda text: int(float(text)), Dimension(("",), exact=True), ()),
}
# Quantities that may be left out, one by one, and so may be added.
_OPTIONAL = {"efficiency", "latency", "overlap", "shared_bandwidth", "instruction"}


def fields(profile: HardwareProfile) -> dict[str, FieldInfo]:
    """Every field of a profile that may be set, by its path, in the order of the schema."""
    document = profile.model_dump(by_alias=True)
    names = [memory.name for memory in profile.memories]
    found = {}
    for keys, is_given in _walk(document, ()):
        info = _info(keys, names, is_given)
        found[info.path] = info
        if keys[0] == "instructions" and keys[-1] == "busy":
            path = info.path.removesuffix("busy") + "per_cycle"
            found[path] = FieldInfo(path, keys, info.path, PER_CYCLE)
    return found


def _info(keys: Path, levels: list[str], is_given: bool) -> FieldInfo:
    path = ".".join(levels[key] if isinstance(key, int) else key for key in keys)
    return _made(path, keys, is_given)


@functools.lru_cache(maxsize=8192)
def _made(path: str, keys: Path, is_given: bool) -> FieldInfo:
    if keys[-1] in _PLAIN:
        _, dimension, words = _PLAIN[str(keys[-1])]
        return FieldInfo(path, keys, path, dimension, words, is_structure=True)
    is_structure = keys == ("simd", "bits")
    return FieldInfo(path, keys, path, dimension_of(keys), (), is_structure, is_given)


def _walk(data: Any, path: Path) -> Iterator[tuple[Path, bool]]:
    """Where the fields of a document stand, and whether they are given."""
    for key, is_quantity in _keys(tuple(part for part in path if isinstance(part, str))):
        below, value = (*path, key), data.get(key)
        if is_quantity:
            if value is not None or _may_be_added(below):
                yield below, value is not None
        elif key in _PLAIN:
            yield below, True
        elif isinstance(value, dict):
            yield from _walk(value, below)
        elif isinstance(value, tuple) and key == "memories":
            for index, item in enumerate(value):
                yield from _walk(item, (*below, index))


@functools.cache
def _keys(path: tuple[str, ...]) -> tuple[tuple[str, bool], ...]:
    """The keys that the schema has at a path, and which are quantities."""
    model = model_of(path)
    keys = [field.alias or name for name, field in model.model_fields.items()] if model else []
    return tuple((key, _is_quantity((*path, key))) for key in keys)


def _is_quantity(path: Path) -> bool:
    try:
        dimension_of(path)
    except KeyError:
        return False
    return True


def _may_be_added(path: Path) -> bool:
    if path == ("memories", 0, "overlap"):
        return False
    return path[-1] in _OPTIONAL or path[:2] == ("overhead", "programs")


def canonical(path: str) -> str:
    """A path with the full name of its class of instructions.

    >>> canonical("instructions.popcount.per_cycle")
    'instructions.vector_popcount.per_cycle'
    """
    section, _, rest = path.partition(".")
    name, _, key = rest.partition(".")
    if section == "instructions" and name not in CLASSES and f"vector_{name}" in CLASSES:
        return f"instructions.vector_{name}.{key}"
    return path


def value_of(profile: HardwareProfile, path: str) -> tuple[str | float, str] | None:
    """What a profile gives for a field: a number and its unit, or a word; None if it gives nothing.

    Raises:
        UsageError: no such field.
    """
    info = field_of(profile, path)
    holder: Any = profile.model_dump(by_alias=True)
    for key in info.keys[:-1]:
        holder = holder[key]
    found = holder[info.keys[-1]]
    if isinstance(found, dict):
        dimension = dimension_of(info.keys)
        number, _, _, unit = resolve(Quantity(**found), dimension)
        is_derived = info.path != info.sets
        return (float(_busy(len(holder["ports"]), number)), "") if is_derived else (number, unit)
    if found is None or info.dimension is not None:
        return None if found is None else (float(found), "")
    return (", ".join(found) if isinstance(found, tuple) else str(found).lower()), ""


def field_of(profile: HardwareProfile, path: str) -> FieldInfo:
    """The field at a path; raises UsageError with the nearest names where there is none."""
    known = fields(profile)
    if canonical(path) in known:
        return known[canonical(path)]
    raise UsageError(f"profile {profile.name} has no field '{path}': {choices(path, known)}")


def with_values(profile: HardwareProfile, values: Mapping[str, str | float]) -> HardwareProfile:
    """The same machine with other values: path -> text, as "2.4 GHz" (a plain number for a count).

    A changed quantity has no range, the basis "estimated", and a source that says that it is a
    what-if; its note keeps what it stands in place of. Ports are written "FP0, FP1"; a quantity
    without a limit "unlimited". The name stays.

    Raises:
        UsageError: every path that is no field, is set twice, or whose value cannot be; or that the
            values make no machine together (a cache below the one before it).
    """
    chosen, faults = _chosen(profile, values)
    if faults:
        raise UsageError("\n  ".join(faults))
    document = profile.model_dump(by_alias=True)
    key = _fresh("what-if", document["sources"])
    # What is derived comes last: instructions a cycle take the ports that are set beside them.
    for info, text in sorted(chosen, key=lambda item: item[0].path != item[0].sets):
        _set(document, info, text, key)
    if any(info.keys[-1] not in _PLAIN for info, _ in chosen):
        document["sources"] = {**document["sources"], key: SOURCE}
    try:
        return HardwareProfile.model_validate(document)
    except pydantic.ValidationError as error:
        reasons = "; ".join(str(item["msg"]) for item in error.errors(include_url=False))
        given = ", ".join(f"{info.path} {text}" for info, text in chosen)
        raise UsageError(f"profile {profile.name} with {given}: {reasons}") from error


def _chosen(
    profile: HardwareProfile, values: Mapping[str, str | float]
) -> tuple[list[tuple[FieldInfo, str]], list[str]]:
    known, chosen, faults = fields(profile), [], []
    setters: dict[str, str] = {}
    for path, value in values.items():
        info = known.get(canonical(path))
        if info is None:
            faults.append(f"{path}: no such field of {profile.name}: {choices(path, known)}")
            continue
        if info.sets in setters:
            faults.append(f"{path}: {info.sets} is set already, by {setters[info.sets]}")
        setters[info.sets] = path
        try:
            check(info, value)
        except InputError as fault:
            faults.append(f"{path}: {fault}")
        chosen.append((info, str(value)))
    return chosen, faults


def check(info: FieldInfo, value: str | float) -> tuple[float, str]:
    """The number of a field's value and its unit; NaN for a word.

    Raises:
        InputError: it is none of the field's values; the message says why, with valid ones.
    """
    if info.dimension is None:
        text = str(value)
        if info.words and text not in info.words:
            raise UsageError(f"{text!r} is not known: {choices(text, info.words)}")
        if not info.words and not _ports(text):
            raise UsageError(f"must name at least one port, as 'FP0, FP1' (got {text!r})")
        return float("nan"), ""
    if value == UNLIMITED and info.dimension.unlimited:
        return float("inf"), info.dimension.units[0]
    return number_of(value, info.dimension)


def _set(document: dict[str, Any], info: FieldInfo, text: str, source: str) -> None:
    holder: Any = document
    for part in info.keys[:-1]:
        holder = holder[part]
    last = info.keys[-1]
    if last in _PLAIN:
        holder[last] = _PLAIN[str(last)][0](text)
        return
    if info.path != info.sets:
        text = f"{float(_busy(len(holder['ports']), check(info, text)[0]))!r} cycle"
    holder[last] = _quantity(info, text, holder[last], source)


def _quantity(
    info: FieldInfo, text: str, before: dict[str, Any] | None, source: str
) -> dict[str, Any]:
    note = "The profile gives none."
    if before is not None:
        value = UNLIMITED if before["unlimited"] else before["value"]
        note = f"In place of {value} ({before['source']}). {before['note']}".strip()
    told = {"source": source, "basis": "estimated", "note": note}
    if text == UNLIMITED:
        return {"unlimited": True, **told}
    if info.dimension and info.dimension.exact:
        return {"value": text, **told}
    return {"value": text, "low": text, "high": text, **told}


def _fresh(name: str, taken: Mapping[str, Any]) -> str:
    # A profile may have been set before: its source of that name says the same.
    while taken.get(name, SOURCE) != SOURCE:
        name += "-if"
    return name


def _busy(ports: int, per_cycle: ArrayLike) -> NDArray[np.float64]:
    """Cycles of one port [cycle] of an instruction of which so many start a cycle; and back."""
    return ports / np.asarray(per_cycle, dtype=np.float64)


def drawn_at(
    profile: HardwareProfile,
    values: Mapping[str, NDArray[np.float64]],
    known: Mapping[str, FieldInfo] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Values of many points as lowering takes them: path -> array in the unit of the profile's.

    Instructions a cycle become the cycles of a port by the profile's ports; all else is as given.
    known: the `fields` of the profile, where they are asked for again and again.

    Raises:
        UsageError: no such field, or one that is no number of the profile's.
    """
    known, found = fields(profile) if known is None else known, {}
    for path, array in values.items():
        info = known.get(canonical(path)) or field_of(profile, path)
        if info.is_structure:
            raise UsageError(f"{path} is not a number that could be drawn: set it in the profile")
        is_derived = info.path != info.sets
        ports = getattr(profile.instructions, str(info.keys[1])).ports if is_derived else ()
        found[info.sets] = _busy(len(ports), array) if is_derived else array
    return found
