"""A machine as a report keeps it: its figures with their ranges and sources, and its ceilings."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from xnorsim.cost.ceilings import ceilings
from xnorsim.cost.inputs import Input, inputs
from xnorsim.machine.schema import HardwareProfile

__all__ = ["machine_document"]


def machine_document(profile: HardwareProfile, threads: int) -> dict[str, Any]:
    """A profile as plain data, ready for JSON; None for what has no limit.

    `quantities` are the inputs of predictions (cost.inputs), each with the key of its source in
    `sources`; `ceilings` the lines of a roofline with so many threads: MACs a second of each
    precision, bytes a second of each memory level.
    """
    found = inputs(profile)
    keys = _source_keys(profile, found)
    lines = ceilings(profile, threads)
    return {
        "kind": profile.kind,
        "title": profile.description,
        "quantities": [_quantity(item, keys[item.source]) for item in found],
        "sources": {key: text for text, key in keys.items()},
        "ceilings": {
            "macs_per_s": {name: _finite(rate) for name, rate in lines.compute.items()},
            "bytes_per_s": {name: _finite(rate) for name, rate in lines.bandwidth.items()},
        },
    }


def _source_keys(profile: HardwareProfile, found: Iterable[Input]) -> dict[str, str]:
    """A key for each source's text: the profile's own, or the path of the model's estimate."""
    own = {text: key for key, text in profile.sources.items()}
    keys: dict[str, str] = {}
    for item in found:
        keys.setdefault(item.source, own.get(item.source, item.path))
    return keys


def _quantity(item: Input, source: str) -> dict[str, Any]:
    return {
        "path": item.path,
        "value": _finite(item.value),
        "low": _finite(item.low),
        "high": _finite(item.high),
        "unit": item.unit,
        "basis": item.basis,
        "source": source,
        **({"note": item.note} if item.note else {}),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
