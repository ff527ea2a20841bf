"""What no loop tells, from the nearest profile: estimated, with that profile's sources."""

from __future__ import annotations

import re
from typing import Any

from xnorsim.machine.quantity import Quantity
from xnorsim.machine.schema import Energy, HardwareProfile

__all__ = ["borrowed_energy", "borrowed_level", "taken"]


def taken(quantity: Quantity, nearest: HardwareProfile, sources: dict[str, str]) -> dict[str, Any]:
    """A quantity of another profile as an estimate for this one; its sources go to `sources`."""
    words = set(re.findall(r"[\w.-]*\w", f"{quantity.note} {quantity.source}"))
    sources.update({key: text for key, text in nearest.sources.items() if key in words})
    note = f"As profile {nearest.name}. {quantity.note}".strip()
    given = quantity.model_dump(exclude_none=True, exclude_defaults=True)
    return {**given, "basis": "estimated", "note": note}


def borrowed_energy(nearest: HardwareProfile, sources: dict[str, str]) -> dict[str, Any]:
    """The energies of the nearest profile, which must have some."""
    energy = nearest.energy
    return {
        name: taken(quantity, nearest, sources)
        for name in Energy.model_fields
        if (quantity := getattr(energy, name)) is not None
    }


def borrowed_level(
    nearest: HardwareProfile, level: int, is_last: bool, sources: dict[str, str]
) -> dict[str, Any]:
    """The energy of a byte from the memory of the same rank, {} if none is given.

    The main memory is the last of both; a cache that the nearest profile lacks is as its last one.
    """
    caches = nearest.memories[:-1] or nearest.memories
    memory = nearest.memories[-1] if is_last else caches[min(level, len(caches) - 1)]
    if memory.energy is None:
        return {}
    return {"energy": taken(memory.energy, nearest, sources)}
