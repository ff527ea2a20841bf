"""The settings of a layer, each checked when it is read: a config may hold anything."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xnorsim.errors import ModelError, choices

__all__ = [
    "LARGEST",
    "Settings",
    "flag",
    "is_whole",
    "listed",
    "number",
    "shape_of",
    "sizes",
    "whole",
    "wholes",
    "word",
]

LARGEST = 2**31 - 1
"""A size beyond this is a fault."""

_MISSING = object()


@dataclass(frozen=True, slots=True)
class Settings:
    """The "config" of a layer or a quantizer; `where` is how errors name it."""

    where: str
    values: Mapping[str, Any]


def _value(settings: Settings, key: str, default: Any) -> Any:
    found = settings.values.get(key, default)
    if found is _MISSING:
        raise ModelError(f"{settings.where}: its config has no '{key}'")
    return found


def _wrong(settings: Settings, key: str, found: object, wanted: str) -> ModelError:
    shown = repr(found)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    return ModelError(f"{settings.where}: {key} is {shown}: it must be {wanted}")


def is_whole(value: object) -> bool:
    """Whether `value` is an integer (true and false are none)."""
    return isinstance(value, int) and not isinstance(value, bool)


def whole(settings: Settings, key: str, default: Any = _MISSING, least: int = 1) -> int:
    """An integer from `least` on."""
    found = _value(settings, key, default)
    if not is_whole(found) or not least <= found <= LARGEST:
        raise _wrong(settings, key, found, f"an integer from {least} to {LARGEST}")
    return found


def flag(settings: Settings, key: str, default: bool) -> bool:
    """True or false."""
    found = _value(settings, key, default)
    if not isinstance(found, bool):
        raise _wrong(settings, key, found, "true or false")
    return found


def number(settings: Settings, key: str, default: Any = _MISSING) -> float:
    """A finite number; Keras 3 wraps some in {"class_name": "__numpy__", ...}."""
    found = _value(settings, key, default)
    if isinstance(found, dict) and isinstance(found.get("config"), dict):
        found = found["config"].get("value", found)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise _wrong(settings, key, found, "a number")
    if not math.isfinite(found) or abs(found) > 3e38:
        raise _wrong(settings, key, found, "a finite number")
    return float(found)


def word(settings: Settings, key: str, valid: Iterable[str], default: Any = _MISSING) -> str:
    """One of the words in `valid`."""
    found = _value(settings, key, default)
    if not isinstance(found, str) or found not in set(valid):
        raise ModelError(
            f"{settings.where}: {key} is {found!r:.80}: {choices(str(found)[:80], valid)}"
        )
    return found


def listed(found: object) -> Sequence[Any] | None:
    """A list, also one that Keras writes as {"class_name": "__tuple__", "items": [...]}."""
    if isinstance(found, dict) and found.get("class_name") == "__tuple__":
        found = found.get("items")
    return found if isinstance(found, list | tuple) else None


def wholes(settings: Settings, key: str, default: Any = _MISSING) -> tuple[int, ...]:
    """A list of integers of any sign, or one of them."""
    found = _value(settings, key, default)
    items = [found] if is_whole(found) else listed(found)
    if items is None or not all(is_whole(item) and abs(item) <= LARGEST for item in items):
        raise _wrong(settings, key, found, "an integer or a list of integers")
    return tuple(items)


def sizes(
    settings: Settings, key: str, rank: int, default: Any = _MISSING, least: int = 1
) -> tuple[int, ...]:
    """`rank` integers from `least` on; a single one stands for all."""
    found = _value(settings, key, default)
    items = [found] * rank if is_whole(found) else listed(found)
    if items is None or len(items) != rank:
        raise _wrong(settings, key, found, f"{rank} integers")
    if not all(is_whole(item) and least <= item <= LARGEST for item in items):
        raise _wrong(settings, key, found, f"integers from {least} to {LARGEST}")
    return tuple(items)


def shape_of(found: object) -> tuple[int | None, ...] | None:
    """A shape with None for what is open, or None if `found` is no shape."""
    items = listed(found)
    if items is None:
        return None
    fits = all(item is None or (is_whole(item) and 0 < item <= LARGEST) for item in items)
    return tuple(items) if fits else None
