"""Read a report's JSON document back, with every fault found at once."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from xnorsim.errors import InputError
from xnorsim.network.precision import MAC_CLASSES
from xnorsim.show.report import SCHEMA
from xnorsim.work.table import COLUMNS, NOT_SUMMED

__all__ = ["read_document"]

_MAX_BYTES = 256 * 2**20
_MAX_FAULTS = 10
_MAX_COUNT = 2**70
"""Counts are 64 bits wide; their sums may be a little larger, and no number is without end."""

_LEAST, _MOST = 1e-60, 1e60
"""What is drawn on a logarithmic axis, with ratios of such numbers, fits into a float."""

Check = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_COUNT


def _is_number_or_none(value: Any) -> bool:
    if value is None:
        return True
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and (value == 0 or _LEAST <= value <= _MOST)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_counts(value: Any) -> bool:
    return isinstance(value, list) and all(_is_count(item) for item in value)


def _are_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _are_counts(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_count(item) for item in value.values())


def _are_numbers(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_number_or_none(item) for item in value.values())


_WORDS: dict[Check, str] = {
    _is_text: "a text",
    _is_text_or_none: "a text or null",
    _is_count: "a count (a whole number, not negative)",
    _is_number_or_none: f"a number, 0 or from {_LEAST:g} to {_MOST:g}, or null",
    _is_flag: "true or false",
    _is_mapping: "a mapping",
    _is_texts: "a list of texts",
    _is_counts: "a list of counts",
    _are_texts: "a mapping to texts",
    _are_counts: "a mapping to counts",
    _are_numbers: f"a mapping to numbers, 0 or from {_LEAST:g} to {_MOST:g}, or null",
}
_LAYER: dict[str, Check] = {
    "name": _is_text,
    "kind": _is_text,
    "scheme": _is_text_or_none,
    "scaling": _is_text_or_none,
    "fused_into": _is_text_or_none,
    "output_shape": _is_counts,
    **dict.fromkeys(COLUMNS, _is_count),
    "macs_by_precision": _are_counts,
    "fp_ops_by_kind": _are_counts,
}
_TOTALS: dict[str, Check] = {
    **{name: _is_count for name in COLUMNS if name not in NOT_SUMMED},
    "macs_by_precision": _are_counts,
    "fp_ops_by_kind": _are_counts,
    "stored_bits": _is_count,
    "stored_bits_padded": _is_count,
    "memory_ratio": _is_number_or_none,
    "binary_share": _is_number_or_none,
    "peak_activation_bits": _is_count,
    "peak_layer": _is_text,
    "lower_bound": _is_flag,
}
_COSTS: dict[str, Check] = {
    f"{name}{end}": _is_number_or_none
    for name in ("latency_s", "energy_j")
    for end in ("", "_low", "_high")
}
_NUMBERS = ("speedup", "speedup_low", "speedup_high", "amdahl", "energy_shares")
_PREDICTION: dict[str, Check] = {
    "profile": _is_text,
    "threads": _is_count,
    "predictor": _is_text,
    **dict.fromkeys(_NUMBERS, _are_numbers),
}


_QUANTITY: dict[str, Check] = {
    "path": _is_text,
    "value": _is_number_or_none,
    "low": _is_number_or_none,
    "high": _is_number_or_none,
    "unit": _is_text,
    "basis": _is_text,
    "source": _is_text,
}
_MACHINE: dict[str, Check] = {"kind": _is_text, "title": _is_text, "sources": _are_texts}
_CEILINGS: dict[str, Check] = {"macs_per_s": _are_numbers, "bytes_per_s": _are_numbers}


def read_document(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The document in a JSON file that `xnorsim analyze --format json` wrote.

    Raises:
        InputError: no such file, no JSON, another schema, or faults in the document: up to ten,
            each with its path.
    """
    shown = os.fspath(path)
    doc = _load(shown, path)
    if not isinstance(doc, dict) or "schema" not in doc:
        raise InputError(f"{shown!r} is JSON, but no report: it has no 'schema' at its top")
    if doc["schema"] != SCHEMA or isinstance(doc["schema"], bool):
        raise InputError(
            f"{shown!r} has report schema {doc['schema']!r:.50}; this version reads {SCHEMA}"
        )
    faults = list(_faults(doc))
    if faults:
        more = [f"... {len(faults)} in all"] if len(faults) > _MAX_FAULTS else []
        lines = [f"{shown!r} is no complete report:", *faults[:_MAX_FAULTS], *more]
        raise InputError("\n".join(lines))
    return doc


def _load(shown: str, path: str | os.PathLike[str]) -> Any:
    try:
        with open(path, "rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise InputError(f"{shown!r} is larger than {_MAX_BYTES // 2**20} MiB")
        return json.loads(content.decode("utf-8"), parse_constant=_refuse)
    except OSError as error:
        raise InputError(f"cannot read {shown!r}: {error.strerror or error}") from error
    except RecursionError as error:
        raise InputError(f"{shown!r} is nested too deeply for a report") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{shown!r} is not a JSON report: {error}") from error


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON number")


def _faults(doc: Mapping[str, Any]) -> Iterator[str]:
    top: dict[str, Check] = {
        "model": _is_mapping,
        "assumptions": _is_mapping,
        "unknown_layers": _is_texts,
    }
    if "versions" in doc:  # reports were written without them
        top["versions"] = _are_texts
    yield from _misfits(doc, top, "")
    yield from _misfits(doc.get("totals"), _TOTALS, "totals")
    yield from _part_faults(doc.get("totals"))
    names: list[Any] = []
    for path, layer in _items(doc, "layers"):
        names.append(layer.get("name") if isinstance(layer, dict) else None)
        yield from _misfits(layer, _LAYER, path)
    for name, times in Counter(name for name in names if isinstance(name, str)).items():
        if times > 1:
            yield f"layers: {times} layers are named {name!r}"
    for path, item in _items(doc, "predictions"):
        yield from _misfits(item, _PREDICTION, path)
        if isinstance(item, dict):
            yield from _misfits(item.get("totals"), _bounded(item), f"{path}.totals")
            yield from _cost_faults(item, path, names)
            yield from _machine_faults(item, f"{path}.machine")
    for key in ("layers", "predictions"):
        if not isinstance(doc.get(key), list):
            yield f"{key}: must be a list{_got(doc, key)}"


def _part_faults(totals: Any) -> Iterator[str]:
    """Shares are taken of the MACs: no part may be larger."""
    whole = totals.get("macs") if isinstance(totals, dict) else None
    if not _is_count(whole):
        return
    for name in (f"{used}_macs" for used in MAC_CLASSES):
        if _is_count(totals.get(name)) and totals[name] > whole:
            yield f"totals.{name}: must be at most macs, {whole} (got {totals[name]})"


def _bounded(item: Mapping[str, Any]) -> Mapping[str, Check]:
    """What the totals of a prediction hold; reports were written without what bounds most."""
    totals = item.get("totals")
    known = isinstance(totals, dict) and "bound" in totals
    return {**_COSTS, "bound": _is_text_or_none} if known else _COSTS


def _cost_faults(item: Mapping[str, Any], path: str, names: list[Any]) -> Iterator[str]:
    if not isinstance(item.get("layers"), list):
        yield f"{path}.layers: must be a list{_got(item, 'layers')}"
        return
    found = []
    for where, layer in _items(item, "layers"):
        yield from _misfits(layer, {**_COSTS, "bound": _is_text}, f"{path}.{where}")
        found.append(layer.get("name") if isinstance(layer, dict) else None)
    if found != names:
        yield f"{path}.layers: other layers, or another order, than in 'layers'"


def _machine_faults(item: Mapping[str, Any], path: str) -> Iterator[str]:
    """Of the machine of a prediction, which reports were written without."""
    machine = item.get("machine")
    if machine is None:
        return
    yield from _misfits(machine, _MACHINE, path)
    if not isinstance(machine, dict):
        return
    yield from _misfits(machine.get("ceilings"), _CEILINGS, f"{path}.ceilings")
    if not isinstance(machine.get("quantities"), list):
        yield f"{path}.quantities: must be a list{_got(machine, 'quantities')}"
    known = machine.get("sources")
    for where, quantity in _items(machine, "quantities"):
        yield from _misfits(quantity, _QUANTITY, f"{path}.{where}")
        source = quantity.get("source") if isinstance(quantity, dict) else None
        if isinstance(known, dict) and isinstance(source, str) and source not in known:
            yield f"{path}.{where}.source: is not a key of sources (got {_short(source)})"


def _items(holder: Mapping[str, Any], key: str) -> Iterator[tuple[str, Any]]:
    value = holder.get(key)
    if isinstance(value, list):
        yield from ((f"{key}[{i}]", item) for i, item in enumerate(value))


def _misfits(value: Any, checks: Mapping[str, Check], path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: must be a mapping (got {_short(value)})"
        return
    dot = "." if path else ""
    for key, fits in checks.items():
        if key not in value or not fits(value[key]):
            yield f"{path}{dot}{key}: must be {_WORDS[fits]}{_got(value, key)}"


def _got(holder: Mapping[str, Any], key: str) -> str:
    return f" (got {_short(holder[key])})" if key in holder else " and is missing"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
