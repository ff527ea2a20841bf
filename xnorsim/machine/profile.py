"""Find, check and load hardware profiles.

A profile is found by its name among those that come with the package, or by the path of a file.
All its faults are reported at once, each as `file:line: path: message`.
"""

from __future__ import annotations

import functools
import importlib.resources
import os
import pathlib
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

import pydantic
import yaml

from xnorsim.errors import ProfileError, choices
from xnorsim.machine.document import MAX_BYTES, Document, Fault, path_text, read
from xnorsim.machine.instructions import CLASSES
from xnorsim.machine.quantity import Quantity, bounds_text
from xnorsim.machine.schema import HardwareProfile, model_of, quantity_faults, quantity_fields

__all__ = [
    "Fault",
    "HardwareProfile",
    "InstructionRow",
    "QuantityRow",
    "check_profile",
    "instruction_rows",
    "load_profile",
    "profile_names",
    "profile_schema",
    "profile_text",
    "quantities",
]

_SUFFIXES = (".yaml", ".yml")


class QuantityRow(NamedTuple):
    """One quantity of a profile as text, for people."""

    path: str
    value: str
    low: str
    high: str
    basis: str
    source: str
    note: str


class InstructionRow(NamedTuple):
    """One class of instructions of a profile as text; its cycles are among the quantities."""

    name: str
    uops: str
    ports: str
    meaning: str


def _folder() -> Traversable:
    """Where the bundled profiles are: inside the installed package, or beside it in a checkout."""
    packaged = importlib.resources.files("xnorsim") / "hwprofiles"
    if packaged.is_dir():
        return packaged
    return pathlib.Path(__file__).parents[2] / "hwprofiles"


def profile_names() -> tuple[str, ...]:
    """The names of the bundled profiles, sorted."""
    folder = _folder()
    if not folder.is_dir():
        return ()
    return tuple(
        sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))
    )


def load_profile(name_or_path: str | os.PathLike[str]) -> HardwareProfile:
    """Load a bundled profile by name, or a file by path (a path has a separator or ends in .yaml).

    Raises ProfileError: an unknown name with the nearest and all valid ones; a file that cannot be
    read; or every fault of the profile, one a line.
    """
    return _load(name_or_path) if _is_path(name_or_path) else _bundled(str(name_or_path))


@functools.cache
def _bundled(name: str) -> HardwareProfile:
    # Reading one takes a tenth of a second, and its file does not change while a program runs.
    return _load(name)


def _load(name_or_path: str | os.PathLike[str]) -> HardwareProfile:
    document, file = _read(name_or_path)
    faults, profile = _validate(document, file)
    if profile is None:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise ProfileError("\n".join([f"profile {file} has {count}:", *map(str, faults)]))
    return profile


def check_profile(name_or_path: str | os.PathLike[str]) -> tuple[Fault, ...]:
    """Every fault of a profile in the order of its lines; empty when it is right.

    Raises ProfileError when there is no such profile, or its file cannot be read.
    """
    return _validate(*_read(name_or_path))[0]


def profile_schema() -> dict[str, Any]:
    """The JSON Schema of a profile, for editors (yaml-language-server and the like)."""
    schema = HardwareProfile.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "xnorsim hardware profile",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def profile_text(profile: HardwareProfile) -> str:
    """A profile as the text of its file; what a schema fills in by itself is left out."""
    data = profile.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)


def quantities(profile: HardwareProfile) -> tuple[QuantityRow, ...]:
    """Every quantity of a profile as text, in the order of the schema.

    low and high are what applies: as written, or the default of the basis in the value's unit.
    """
    rows = []
    for path, data, dimension in quantity_fields(profile.model_dump(by_alias=True)):
        quantity = Quantity.model_validate(data)
        value, low, high = bounds_text(quantity, dimension)
        rows.append(
            QuantityRow(
                _dotted(path, profile), value, low, high,
                quantity.basis, quantity.source, quantity.note,
            )
        )  # fmt: skip
    return tuple(rows)


def instruction_rows(profile: HardwareProfile) -> tuple[InstructionRow, ...]:
    """The classes of instructions that a machine executes; none for a profile without them."""
    each = ((name, getattr(profile.instructions, name, None)) for name in CLASSES)
    return tuple(
        InstructionRow(name, str(item.uops), ", ".join(item.ports), CLASSES[name])
        for name, item in each
        if item is not None
    )


def _dotted(path: tuple[str | int, ...], profile: HardwareProfile) -> str:
    # memories.L1.size says more than memories[0].size.
    return ".".join(profile.memories[p].name if isinstance(p, int) else p for p in path)


def _is_path(name_or_path: str | os.PathLike[str]) -> bool:
    text = os.fspath(name_or_path)
    separated = any(sep and sep in text for sep in (os.sep, os.altsep))
    return not isinstance(name_or_path, str) or separated or text.endswith(_SUFFIXES)


def _read(name_or_path: str | os.PathLike[str]) -> tuple[Document, str]:
    if _is_path(name_or_path):
        path = pathlib.Path(name_or_path)
        file = str(path)
    else:
        file = str(name_or_path)
        if file not in profile_names():
            raise ProfileError(
                f"no profile is named '{file}' ({choices(file, profile_names())}); "
                "the path of a file ends in .yaml"
            )
        path = _folder() / f"{file}.yaml"
        file = path.name
    try:
        with path.open("rb") as stream:
            return read(stream.read(MAX_BYTES + 1)), file
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ProfileError(f"profile {file} cannot be read: {reason}") from error


def _validate(document: Document, file: str) -> tuple[tuple[Fault, ...], HardwareProfile | None]:
    found = [Fault(file, line, path_text(path), text) for path, line, text in document.faults]
    if document.data is None:
        return tuple(found), None
    profile = None
    try:
        profile = HardwareProfile.model_validate(document.data)
    except pydantic.ValidationError as error:
        for path, message in _pydantic_faults(error):
            found.append(Fault(file, document.line(path), path_text(path), message))
    for path, message in quantity_faults(document.data):
        found.append(Fault(file, document.line(path), path_text(path), message))
    # A value that could not be read (a refused tag, a null) is one fault, not also a missing one.
    unreadable = {path_text(path) for path, _, _ in document.faults}
    first = len(document.faults)
    found[first:] = [f for f in found[first:] if f.path not in unreadable]
    unique = sorted(dict.fromkeys(found), key=lambda fault: (fault.line, fault.path))
    return tuple(unique), None if unique else profile


def _pydantic_faults(
    error: pydantic.ValidationError,
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for item in error.errors(include_url=False):
        path = item["loc"]
        # Numbers are quantity_faults' part: it says more, and goes on where pydantic stops.
        if path and not {"value", "low", "high"} & set(path[1:]):
            yield path, _message(item, path)


def _message(item: Any, path: tuple[str | int, ...]) -> str:
    got = f"(got {_short(item['input'])})"
    match item["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            model = model_of(path[:-1])
            keys = [f.alias or name for name, f in model.model_fields.items()] if model else []
            # { note: one, two } is the notes "one" and a key "two" without a value.
            hint = "" if item["input"] is not None else "; in { } a text with a comma needs quotes"
            return f"unknown key ({choices(str(path[-1]), keys)}{hint})"
        case "literal_error":
            return f"is not known {got[:-1]}; valid: {item['ctx']['expected']})"
        case "too_short":
            return f"must hold at least {item['ctx']['min_length']} item {got}"
        case "model_type":
            example = "{value, source, basis}" if "Quantity" in item["msg"] else "a mapping of keys"
            return f"must be {example} {got}"
        case _:
            return f"{item['msg'][0].lower()}{item['msg'][1:]} {got}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
