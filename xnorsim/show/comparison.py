"""Two reports side by side: every layer, with differences and ratios."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from xnorsim.errors import UsageError, choices
from xnorsim.show.content import prediction_names
from xnorsim.show.forms import Form, Views, render, views
from xnorsim.show.summary import inputs_text, settings
from xnorsim.show.text import csv_text, to_json

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "METRICS",
    "Comparison",
    "Pair",
    "compare",
    "compare_profiles",
    "comparison_csv",
    "comparison_dict",
    "comparison_json",
]

Document = Mapping[str, Any]
Value = float | int | None
Range = tuple[float | None, float | None]

METRICS = {
    "macs": "MACs",
    "binary_macs": "binary MACs",
    "stored_bits": "weights",
    "live_bits": "live act.",
    "latency_s": "latency",
    "energy_j": "energy",
}
"""What is compared, and its heading."""


@dataclass(frozen=True)
class Pair:
    """One figure in A and in B; None where it is not known or the layer does not exist."""

    a: Value
    b: Value

    @property
    def difference(self) -> Value:
        """B - A."""
        return None if self.a is None or self.b is None else self.b - self.a

    @property
    def ratio(self) -> float | None:
        """B / A; None if A is 0."""
        return None if self.b is None or not self.a else self.b / self.a


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Two reports matched by the names of their layers.

    `a` and `b` say what is compared, and `both` the settings that they share; `ranges` has the
    lowest and highest total of A and of B for each predicted metric; `layers` has one mapping of
    METRICS to Pair a layer, in A's order with what only B has where B has it; `where` is "both",
    "a" or "b" for each; `totals` is one such mapping. Of live_bits, the total is the peak. A side
    is a lower bound if its model has layers without a rule.
    """

    a: str
    b: str
    both: str
    ranges: Mapping[str, tuple[Range, Range]]
    names: tuple[str, ...]
    where: tuple[str, ...]
    layers: tuple[Mapping[str, Pair], ...]
    totals: Mapping[str, Pair]
    lower_bound_a: bool
    lower_bound_b: bool

    @property
    def frame(self) -> pd.DataFrame:
        """One row a layer and a last one TOTAL: `<metric>_a`, `_b`, `_difference`, `_ratio`."""
        import pandas as pd

        frame = pd.DataFrame([*_lines(self)]).set_index("name")
        numbers = frame.columns.drop("in")
        return frame.assign(**frame[numbers].apply(pd.to_numeric))

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain data, ready for JSON."""
        return comparison_dict(self)

    def __repr__(self) -> str:
        return render(self, Form.TABLE)

    def _repr_html_(self) -> str:
        from xnorsim.show.notebook import comparison_html

        return comparison_html(self)


@views.register
def _(found: Comparison, all_layers: bool) -> Views:
    from xnorsim.show.comparison_view import comparison_markdown, comparison_table

    return Views(
        partial(comparison_table, found, all_layers=all_layers),
        partial(comparison_json, found),
        partial(comparison_csv, found),
        partial(comparison_markdown, found, all_layers=all_layers),
    )


def compare(a: Document, b: Document) -> Comparison:
    """Two documents, matched by layer name.

    Latency and energy are those of each one's first profile; if B has A's profile too, that is
    taken. Without a prediction on a side they are None.
    """
    names_a, names_b = prediction_names(a), prediction_names(b)
    first = names_a[0] if names_a else ""
    at = names_b.index(first) if first in names_b else 0
    return _matched(a, b, 0 if names_a else None, at if names_b else None)


def compare_profiles(doc: Document, p: str | int = 0, q: str | int = 1) -> Comparison:
    """One model on two of the profiles of its document, named or by number.

    Raises:
        UsageError: no such prediction.
    """
    return _matched(doc, doc, _prediction(doc, p), _prediction(doc, q))


def _prediction(doc: Document, which: str | int) -> int:
    names = prediction_names(doc)
    if isinstance(which, int) and 0 <= which < len(names):
        return which
    if which in names:
        return names.index(str(which))
    raise UsageError(f"no prediction {which!r} in the report: {choices(str(which), names)}")


def _matched(a: Document, b: Document, at_a: int | None, at_b: int | None) -> Comparison:
    of_a, of_b = _by_name(a, at_a), _by_name(b, at_b)
    names = list(_merged(list(of_a), list(of_b)))
    nothing: dict[str, Value] = dict.fromkeys(METRICS)
    title_a, title_b = _titles(a, b, at_a, at_b)
    left, right = _facts(a, at_a), _facts(b, at_b)
    return Comparison(
        a=title_a,
        b=title_b,
        both=_said(left, [key for key in left if left[key] == right.get(key)]),
        ranges={
            metric: (_range(a, at_a, metric), _range(b, at_b, metric))
            for metric in ("latency_s", "energy_j")
        },
        names=tuple(names),
        where=tuple(
            "both" if n in of_a and n in of_b else "a" if n in of_a else "b" for n in names
        ),
        layers=tuple(_pairs(of_a.get(n, nothing), of_b.get(n, nothing)) for n in names),
        totals=_pairs(_totals(a, at_a), _totals(b, at_b)),
        lower_bound_a=a["totals"]["lower_bound"],
        lower_bound_b=b["totals"]["lower_bound"],
    )


def _pairs(a: Mapping[str, Value], b: Mapping[str, Value]) -> dict[str, Pair]:
    return {metric: Pair(a[metric], b[metric]) for metric in METRICS}


def _merged(a: Sequence[str], b: Sequence[str]) -> Iterator[str]:
    """A's names in their order; a name that only B has comes after the one before it in B."""
    in_a = set(a)
    after: dict[str | None, list[str]] = {None: []}
    anchor: str | None = None
    for name in b:
        if name in in_a:
            anchor = name
        after.setdefault(anchor, []).extend([] if name in in_a else [name])
    yield from after[None]
    for name in a:
        yield name
        yield from after.get(name, [])


def _by_name(doc: Document, at: int | None) -> dict[str, dict[str, Value]]:
    costs = doc["predictions"][at]["layers"] if at is not None else [{}] * len(doc["layers"])
    return {
        layer["name"]: {
            **{metric: layer.get(metric) for metric in METRICS},
            "stored_bits": layer["weight_bits"] + layer["scale_bits"],
            "latency_s": cost.get("latency_s"),
            "energy_j": cost.get("energy_j"),
        }
        for layer, cost in zip(doc["layers"], costs, strict=True)
    }


def _totals(doc: Document, at: int | None) -> dict[str, Value]:
    costs = doc["predictions"][at]["totals"] if at is not None else {}
    totals = {**doc["totals"], **costs, "live_bits": doc["totals"]["peak_activation_bits"]}
    return {metric: totals.get(metric) for metric in METRICS}


def _titles(a: Document, b: Document, at_a: int | None, at_b: int | None) -> tuple[str, str]:
    """What tells the sides apart: the model, the profile and the settings in which they differ."""
    left, right = _facts(a, at_a), _facts(b, at_b)
    differ = [key for key in {**left, **right} if left.get(key) != right.get(key)]
    return _title(a, at_a, left, differ), _title(b, at_b, right, differ)


def _title(doc: Document, at: int | None, own: Mapping[str, str], differ: Sequence[str]) -> str:
    words = [str(doc["model"].get("name", "network"))]
    words += [prediction_names(doc)[at]] if at is not None else []
    said = _said(own, differ)
    return ", ".join([*words, said] if said else words)


def _facts(doc: Document, at: int | None) -> dict[str, str]:
    """The settings of one side, those of its prediction included."""
    found = {"inputs": inputs_text(doc), **settings(doc)}
    if at is not None:
        item = doc["predictions"][at]
        found |= {"predictor": str(item["predictor"]), "threads": str(item["threads"])}
    return found


def _said(facts: Mapping[str, str], keys: Sequence[str]) -> str:
    return ", ".join(f"{key.replace('_', ' ')} {facts[key]}" for key in keys if facts.get(key))


def _range(doc: Document, at: int | None, metric: str) -> Range:
    costs = doc["predictions"][at]["totals"] if at is not None else {}
    return costs.get(f"{metric}_low"), costs.get(f"{metric}_high")


def _lines(found: Comparison) -> Iterator[dict[str, Any]]:
    rows = zip(found.names, found.where, found.layers, strict=True)
    for name, where, pairs in [*rows, ("TOTAL", "both", found.totals)]:
        yield {"name": name, "in": where, **_flat(pairs)}


def _flat(pairs: Mapping[str, Pair]) -> dict[str, Value]:
    return {
        f"{metric}_{part}": getattr(pair, part)
        for metric, pair in pairs.items()
        for part in ("a", "b", "difference", "ratio")
    }


def comparison_dict(found: Comparison) -> dict[str, Any]:
    """The comparison as plain data; the ratio is B / A, None where A is 0 or not known."""
    *layers, total = _lines(found)
    return {
        "schema": 1,
        "a": {"title": found.a, "lower_bound": found.lower_bound_a},
        "b": {"title": found.b, "lower_bound": found.lower_bound_b},
        "both": found.both,
        "ranges": {metric: {"a": list(a), "b": list(b)} for metric, (a, b) in found.ranges.items()},
        "layers": layers,
        "totals": {key: value for key, value in total.items() if key not in ("name", "in")},
    }


def comparison_json(found: Comparison) -> str:
    """`comparison_dict` as JSON."""
    return to_json(comparison_dict(found))


def comparison_csv(found: Comparison) -> str:
    """One line a layer and a last one named TOTAL; what is not known is empty."""
    bounds = {"lower_bound_a": found.lower_bound_a, "lower_bound_b": found.lower_bound_b}
    return csv_text([{**line, **bounds} for line in _lines(found)])
