"""What options may be: one function for each kind, which returns what it has read or refuses it.

Each takes the option's name, for its message, and the value given.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Real
from os import PathLike, fspath
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np

from xnorsim.errors import InputError, UsageError, choices
from xnorsim.units import parse_quantity

__all__ = [
    "Check",
    "at_least",
    "checked",
    "distance",
    "flag",
    "folder",
    "integer",
    "memory",
    "one_of",
    "optional",
    "whole",
    "within",
    "word_of",
    "word_or_file",
    "words",
]

Check = Callable[[str, Any], Any]


def checked(given: Mapping[str, Any], checks: Mapping[str, Check]) -> dict[str, Any]:
    """The options of `checks` as their checks read them.

    Raises:
        UsageError: every option that is refused.
    """
    found, faults = {}, []
    for name, check in checks.items():
        try:
            found[name] = check(name, given[name])
        except UsageError as fault:
            faults.append(str(fault))
    if faults:
        raise UsageError("\n  ".join(faults))
    return found


def _refused(name: str, value: object, expected: str) -> UsageError:
    shown = repr(value)
    shown = shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."
    return UsageError(f"{name} must be {expected}, not {shown}")


_LONGEST = 60


def integer(name: str, value: Any) -> int:
    """A whole number."""
    number = _integer(value)
    if number is None:
        raise _refused(name, value, "a whole number")
    return number


def at_least(least: int) -> Check:
    """A whole number of `least` or more."""

    def check(name: str, value: Any) -> int:
        number = _integer(value)
        if number is None or number < least:
            raise _refused(name, value, f"a whole number of at least {least}")
        return number

    return check


def _integer(value: object) -> int | None:
    if isinstance(value, bool | np.ndarray) or not isinstance(value, SupportsIndex):
        return None
    return value.__index__()


whole: Check = at_least(1)


def within(threads: int, cores: int) -> None:
    """Refuse more threads than this process has cores.

    Raises:
        UsageError: there are more.
    """
    if threads > cores:
        raise UsageError(f"threads {threads}: this process has {cores} core{'s' * (cores > 1)}")


def one_of(numbers: Sequence[int]) -> Check:
    """One of some whole numbers."""

    def check(name: str, value: Any) -> int:
        number = _integer(value)
        if number not in numbers or number is None:
            raise _refused(name, value, f"one of {', '.join(map(str, numbers))}")
        return number

    return check


def word_of(valid: Iterable[str]) -> Check:
    """One of some words."""
    known = [str(word) for word in valid]

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            near = value if isinstance(value, str) else ""
            raise UsageError(f"{name} {value!r}: {choices(near, known)}")
        return str(value)

    return check


def word_or_file(valid: Iterable[str], content: str) -> Check:
    """One of some words, or the path of a file with `content`."""
    word = word_of(valid)

    def check(name: str, value: Any) -> str | Path:
        if isinstance(value, str | PathLike) and Path(value).is_file():
            return Path(value)
        try:
            return word(name, value)
        except UsageError as fault:
            raise UsageError(f"{fault}; or the file of {content}") from None

    return check


def optional(check: Check) -> Check:
    """None, or what `check` lets pass."""
    return lambda name, value: None if value is None else check(name, value)


def flag(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise _refused(name, value, "True or False")
    return bool(value)


def words(name: str, value: Any) -> tuple[str, ...]:
    """A name or several: the text itself, or a list of texts."""
    if isinstance(value, str):
        return (value,)
    found = tuple(value) if isinstance(value, Iterable) else (value,)
    if not all(isinstance(word, str) for word in found):
        raise _refused(name, value, "a name or a list of names")
    return found


def distance(name: str, value: Any) -> float:
    """A finite number that is not negative."""
    is_number = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    if not is_number or not 0 <= float(value) < math.inf:
        raise _refused(name, value, "a finite number of at least 0")
    return float(value)


def folder(name: str, value: Any) -> Path:
    """A path of a folder, there or not."""
    if not isinstance(value, str | PathLike) or not fspath(value):
        raise _refused(name, value, "a path")
    return Path(value)


def memory(name: str, value: Any) -> float:
    """An amount of memory [byte] above 0."""
    try:
        size = parse_quantity(_PLURAL.sub("", value), "byte") if isinstance(value, str) else value
        size = distance(name, size)
    except InputError as fault:
        raise _refused(name, value, _AMOUNT) from fault
    if not size:
        raise _refused(name, value, _AMOUNT)
    return size


_PLURAL = re.compile(r"(?<=byte|.bit)s\b")
_AMOUNT = "an amount of memory above 0, as '2 GB', '512 MiB' or '1000 bytes'"
