"""The lines above and below the layer table: what was read, and the totals in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from xnorsim.network.precision import MacClass
from xnorsim.show import labels
from xnorsim.show.content import prediction_names

__all__ = ["details", "head", "inputs_text", "settings", "summary"]

Document = Mapping[str, Any]
Line = tuple[str, str]

_CLASSES = {
    "binary_macs": ("binary", MacClass.BINARY),
    "bwn_macs": ("bwn", MacClass.BWN),
    "int8_macs": ("int8", MacClass.INT8),
    "fp_macs": ("float", MacClass.FP),
    "other_macs": ("other", MacClass.OTHER),
}
_POLICY = ("binarize", "keep", "scaling", "depthwise_binary")
_SAID = ("notes", "recognized", "threads", "high_precision_layers")  # said elsewhere, or in notes
_SHORT = 40
_QUOTED = re.compile(r"'[^']*'")
_NOTES = 3
_LONGEST_NOTE = 240
_AMDAHL_WORDS = {"paper": "by operations", "scalar": "over scalar", "peak": "over peak"}


def head(doc: Document) -> list[Line]:
    """What was analyzed, on which machines, under which policy and assumptions."""
    model, assumptions = doc["model"], doc["assumptions"]
    about = [_value(model[key]) for key in ("name", "file") if model.get(key)]
    about = list(dict.fromkeys(about))  # a zoo network has its name for a file
    shapes = inputs_text(doc)
    about += [f"input {shapes}"] if shapes else []
    lines = [("model", ", ".join(about))]
    if doc["predictions"]:
        lines.append(("profile" if len(doc["predictions"]) == 1 else "profiles", _profiles(doc)))
    policy = [_setting(key, assumptions[key]) for key in _POLICY if assumptions.get(key)]
    if policy:
        lines.append(("policy", ", ".join(policy)))
    others = [
        f"{key} {value}" for key, value in settings(doc).items() if key not in _POLICY and value
    ]
    if others:
        lines.append(("assumed", "; ".join(others).replace("_", " ")))
    lines += [("recognized", text) for text in _recognized(assumptions.get("recognized"))]
    notes = assumptions.get("notes")
    if isinstance(notes, list) and notes:
        more = f"; ... ({len(notes)} in all)" if len(notes) > _NOTES else ""
        lines.append(("notes", "; ".join(map(_note, notes[:_NOTES])) + more))
    return lines


_RECOGNIZED = 4
_LAYERS_NAMED = 3


def _recognized(found: Any) -> list[str]:
    """What layers were taken for, the most frequent first: layers of the same reason are one line.

    A reason that names what a layer reads is that of others but for the name.
    """
    if not isinstance(found, Mapping):
        return []
    alike: dict[str, list[tuple[str, str]]] = {}
    for name, text in found.items():
        alike.setdefault(_QUOTED.sub("'...'", str(text)), []).append((str(name), str(text)))
    groups = sorted(alike.items(), key=lambda item: -len(item[1]))
    lines = []
    for pattern, members in groups[:_RECOGNIZED]:
        names = [labels.visible(name) for name, _ in members]
        more = f" and {len(names) - _LAYERS_NAMED} more" if len(names) > _LAYERS_NAMED else ""
        text = members[0][1] if len(members) == 1 else pattern
        lines.append(f"{', '.join(names[:_LAYERS_NAMED])}{more}: {labels.visible(text)}")
    if len(groups) > _RECOGNIZED:
        left = sum(len(members) for _, members in groups[_RECOGNIZED:])
        lines.append(f"... and {left} layers more, in --format json")
    return lines


def inputs_text(doc: Document) -> str:
    """The shapes of the model's inputs by name; "" if the document says none."""
    inputs = doc["model"].get("inputs")
    if not isinstance(inputs, Mapping):
        return ""
    return ", ".join(f"{_value(name)}={_shape(shape)}" for name, shape in inputs.items())


def _note(note: Any) -> str:
    text = _value(note).rstrip(".")
    return text if len(text) <= _LONGEST_NOTE else f"{text[: _LONGEST_NOTE - 1]}…"


def settings(doc: Document) -> dict[str, str]:
    """The assumptions that a word or a number says, by name; what takes a sentence is left out."""
    texts = {
        key: _value(value) if value not in (None, False, []) else ""
        for key, value in doc["assumptions"].items()
        if key not in _SAID
    }
    return {_value(key): text for key, text in texts.items() if len(text) <= _SHORT}


def details(doc: Document) -> list[Line]:
    """Everything that the document says about the model and the assumptions, a line each."""
    found = [*doc["model"].items(), *doc["assumptions"].items()]
    return [(_value(key).replace("_", " "), _full(value)) for key, value in found]


def _full(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{_value(k)}: {_full(v)}" for k, v in value.items()) or "none"
    if isinstance(value, list | tuple):
        mark = ", " if all(isinstance(item, int | float) for item in value) else "; "
        return mark.join(_full(item) for item in value) or "none"
    return _value(value)


def _profiles(doc: Document) -> str:
    words = []
    for name, item in zip(prediction_names(doc), doc["predictions"], strict=True):
        threads = "1 thread" if item["threads"] == 1 else f"{item['threads']} threads"
        words.append(f"{_value(name)} ({item['predictor']}, {threads})")
    return ", ".join(words)


def _setting(key: str, value: Any) -> str:
    return f"{_value(key).replace('_', ' ')} {_value(value)}"


def _shape(value: Any) -> str:
    if isinstance(value, Mapping):  # {"shape": [...], "encoding": ...}
        value = value.get("shape", "")
    if isinstance(value, list | tuple):
        return labels.visible(labels.shape_text(value))
    return _value(value)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{_value(k)} {_value(v)}" for k, v in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ",".join(_value(item) for item in value) or "none"
    return "none" if value is None else labels.visible(str(value))


def summary(doc: Document) -> list[Line]:
    """The totals, one subject a line; "≥" marks what is a lower bound."""
    totals = doc["totals"]
    mark = "≥ " if totals["lower_bound"] else ""
    lines = [
        ("MACs", mark + _macs(totals)),
        ("other operations", mark + _operations(totals)),
        ("weights", mark + _weights(totals)),
        ("activations", mark + _activations(totals)),
    ]
    for name, item in zip(prediction_names(doc), doc["predictions"], strict=True):
        lines += _prediction(item, totals, mark, name if len(doc["predictions"]) > 1 else "")
    if totals["lower_bound"]:
        names = [labels.visible(name) for name in doc["unknown_layers"]]
        shown = ", ".join(names[:20]) + (f", ... ({len(names)} in all)" if len(names) > 20 else "")
        lines.append(("lower bound", f"every total leaves out the layers without a rule: {shown}"))
    return lines


def _macs(totals: Mapping[str, Any]) -> str:
    whole = totals["macs"]
    parts = [
        f"{labels.amount(totals[column])} {word} ({labels.percent(totals[column] / whole)})"
        for column, (word, _) in _CLASSES.items()
        if totals[column]
    ]
    return labels.amount(whole) + (f": {', '.join(parts)}" if parts else "")


def _operations(totals: Mapping[str, Any]) -> str:
    kinds = sorted(totals["fp_ops_by_kind"].items(), key=lambda item: (-item[1], item[0]))
    parts = [f"{_value(kind)} {labels.amount(number)}" for kind, number in kinds if number]
    text = f"{labels.amount(totals['fp_ops'])} high-precision"
    text += f" ({', '.join(parts)})" if parts else ""
    signs = totals["binarize_ops"]
    return text + (f", {labels.amount(signs)} signs taken" if signs else "")


def _weights(totals: Mapping[str, Any]) -> str:
    stored = labels.memory(totals["stored_bits"])
    padded = labels.memory(totals["stored_bits_padded"])
    text = f"{stored} stored" + (f" ({padded} padded to words)" if padded != stored else "")
    ratio = totals["memory_ratio"]
    text += f", {labels.memory(totals['weight_bits_fp32'])} as fp32"
    return text + (f": {labels.factor(ratio)} smaller" if ratio and ratio > 1 else "")


def _activations(totals: Mapping[str, Any]) -> str:
    peak = f"{labels.memory(totals['peak_activation_bits'])} at the peak"
    at = totals["peak_layer"]
    return f"{peak}, set by {labels.shorten(labels.visible(at), 50)}" if at else peak


def _prediction(item: Document, totals: Document, mark: str, name: str) -> list[Line]:
    """Latency, energy and gain; below the name of the profile, if it has to be said."""
    costs = item["totals"]
    text = f"{mark}{labels.quantity(costs['latency_s'], 's')} ({_span(costs, 'latency_s', 's')})"
    if costs.get("bound"):
        text += f", most of it bound by {_value(costs['bound'])}"
    energy = labels.quantity(costs["energy_j"], "J")
    if costs["energy_j"] is not None:
        energy = f"{mark}{energy} ({_span(costs, 'energy_j', 'J')})"
    lines = [("latency", text), ("energy", energy)]
    if item["energy_shares"]:
        lines.append(("energy goes to", _shares(item["energy_shares"])))
    if item["speedup"]:
        lines.append(("speedup", ", ".join(_speedups(item))))
        lines.append(("Amdahl", _amdahl(item, totals)))
    if not name:
        return lines
    return [("", ""), ("profile", _value(name)), *lines]


def _shares(shares: Mapping[str, float | None]) -> str:
    """The parts of the energy, the largest first; static power apart, which time alone draws."""
    known = {name: value for name, value in shares.items() if value}
    static = known.pop("static", 0.0)
    rest = sum(known.values())
    parts = sorted(known.items(), key=lambda part: -part[1])
    text = ", ".join(f"{_value(name)} {labels.percent(value / rest)}" for name, value in parts)
    if not static:
        return text
    apart = f"static power {labels.percent(static / (static + rest))}"
    return f"{apart}; of the rest {text}" if text else apart


def _span(costs: Mapping[str, Any], key: str, unit: str) -> str:
    low, high = costs[f"{key}_low"], costs[f"{key}_high"]
    return "no range" if low == high else labels.quantity_range(low, high, unit, 3)


def _speedups(item: Mapping[str, Any]) -> list[str]:
    found = []
    for baseline, value in item["speedup"].items():
        low, high = item["speedup_low"].get(baseline), item["speedup_high"].get(baseline)
        text = f"{labels.factor(value)} over {_value(baseline)}"
        if low is not None and high is not None and low != high:
            text += f" ({labels.factor(low).rstrip('×')}–{labels.factor(high)})"
        found.append(text)
    return found


def _amdahl(item: Mapping[str, Any], totals: Mapping[str, Any]) -> str:
    binary, weights = totals["binary_macs"], totals["bwn_macs"]
    if not binary + weights:
        return "no MAC is binary, so there is nothing to gain"
    share = labels.percent((binary + weights) / totals["macs"])
    limits = item["amdahl"].items()
    text = f"{share} of the MACs {'have binary weights' if weights else 'are binary'}: "
    text += "faster binary layers alone gain at most " + ", ".join(
        # null in the document: the binary layers are everything that costs
        ("without limit" if limit is None else labels.factor(limit))
        + f" {_AMDAHL_WORDS.get(name, f'over {_value(name)}')}"
        for name, limit in limits
    )
    text += ", with the others as slow as in the baseline"
    passed = (limit and (item["speedup"].get(name) or 0.0) > limit for name, limit in limits)
    return text + ("; a speedup passes it where these are faster too" if any(passed) else "")
