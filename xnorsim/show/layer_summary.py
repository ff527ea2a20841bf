"""A network's layers with their weights and MACs by number of bits, as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from xnorsim.show import labels
from xnorsim.show.content import Column
from xnorsim.show.forms import Form, Views, render, views
from xnorsim.show.terminal import fit, name_room, table_of
from xnorsim.show.text import csv_text, markdown_table, to_json
from xnorsim.work.summary import Convention, LayerSummary, Summary

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ModelSummary"]


@dataclass(frozen=True, eq=False, repr=False)
class ModelSummary:
    """A summary (xnorsim.work.summary) that shows itself as a table."""

    found: Summary

    @property
    def layers(self) -> pd.DataFrame:
        """One row a layer, indexed by name; a column for each number of bits."""
        import pandas as pd

        return pd.DataFrame([_line(self.found, item) for item in self.found.layers]).set_index(
            "layer"
        )

    def to_dict(self) -> dict[str, Any]:
        """The summary as plain data, ready for JSON; numbers of bits are texts there."""
        found = self.found
        return {
            "schema": 1,
            "network": found.network,
            "convention": str(found.convention),
            "layers": [_layer(item) for item in found.layers],
            "totals": {
                "parameters": found.parameters,
                "memory_bits": found.memory_bits,
                "weights": _texts(found.weights),
                "macs": _texts(found.macs),
            },
        }

    def __repr__(self) -> str:
        return render(self, Form.TABLE)

    def _repr_html_(self) -> str:
        return self.layers.to_html()


def _texts(counts: Any) -> dict[str, int]:
    return {str(bits): count for bits, count in sorted(counts.items())}


def _layer(item: LayerSummary) -> dict[str, Any]:
    return {
        "name": item.name,
        "kind": item.kind,
        "input_bits": item.input_bits,
        "output_shape": list(item.output_shape),
        "parameters": item.parameters,
        "weights": _texts(item.weights),
        "memory_bits": item.memory_bits,
        "macs": _texts(item.macs),
    }


def _line(found: Summary, item: LayerSummary) -> dict[str, Any]:
    """A layer as one line of numbers."""
    return {
        "layer": item.name,
        "kind": item.kind,
        "input_bits": item.input_bits,
        "output_shape": labels.shape_text(item.output_shape),
        "parameters": item.parameters,
        **{f"weights_{bits}bit": item.weights.get(bits, 0) for bits in found.weights},
        "memory_bits": item.memory_bits,
        **{f"macs_{bits}bit": item.macs.get(bits, 0) for bits in found.macs},
    }


@views.register
def _(shown: ModelSummary, all_layers: bool) -> Views:
    found = shown.found
    return Views(
        lambda: _View(found, all_layers),
        lambda: to_json(shown.to_dict()),
        lambda: csv_text([_line(found, item) for item in found.layers]),
        partial(_markdown, found, all_layers),
    )


def _head(found: Summary) -> str:
    return f"{labels.visible(found.network)}, counted by the convention of {found.convention}"


def _foot(found: Summary) -> list[str]:
    lines = [f"{found.parameters:,} parameters stored in all"]
    signed = any(item.input_bits for item in found.layers)
    if found.convention is Convention.LARQ and 1 in found.weights and not signed:
        lines.append(
            "note: no layer of this file quantizes its inputs itself; Larq takes the inputs of all "
            "others for 32 bits, behind signs too"
        )
    return lines


def _rows(found: Summary, all_layers: bool) -> list[tuple[str, LayerSummary | Summary]]:
    """The layers with MACs, or all, by name; the rest in one row."""
    shown = [item for item in found.layers if all_layers or item.macs]
    rows: list[tuple[str, LayerSummary | Summary]] = [(item.name, item) for item in shown]
    left = replace(found, layers=tuple(item for item in found.layers if item not in shown))
    return [*rows, (f"{len(left.layers)} others", left)] if left.layers else rows


def _columns(found: Summary, rows: Sequence[tuple[str, LayerSummary | Summary]]) -> list[Column]:
    """Weights, memory and MACs first; where there is no room, what else a layer has is left out."""
    items = [item for _, item in rows]
    layers = [item if isinstance(item, LayerSummary) else None for item in items]
    inputs = tuple(f"{x.input_bits}-bit" if x and x.input_bits else "" for x in layers)
    outputs = tuple(labels.shape_text(x.output_shape[1:]) if x else "" for x in layers)
    counts = [
        (
            f"{bits}-bit",
            group,
            [_amount(getattr(item, group).get(bits, 0)) for item in (*items, found)],
        )
        for group in ("weights", "macs")
        for bits in getattr(found, group)
    ]
    memory = [labels.memory(item.memory_bits) for item in (*items, found)]
    numbers = [
        Column(header, tuple(texts[:-1]), texts[-1], 0, group=_GROUPS[group])
        for header, group, texts in counts
    ]
    place = len(found.weights)
    numbers.insert(place, Column("memory", tuple(memory[:-1]), memory[-1], 0, group="weights"))
    return [Column("inputs", inputs, "", 2), Column("output", outputs, "", 1), *numbers]


_GROUPS = {"weights": "weights", "macs": "MACs"}


def _amount(count: int) -> str:
    return labels.amount(count) if count else ""


@dataclass(frozen=True)
class _View:
    found: Summary
    all_layers: bool

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, plain = options.max_width, options.ascii_only
        rows = _rows(self.found, self.all_layers)
        names = [name for name, _ in rows]
        kept = fit(_columns(self.found, rows), width - name_room(names))
        yield Text(_head(self.found))
        yield table_of("layer", names, kept, [""] * len(names), width, plain)
        yield from map(Text, _foot(self.found))


def _markdown(found: Summary, all_layers: bool) -> str:
    rows = _rows(found, all_layers)
    table = markdown_table("layer", [name for name, _ in rows], _columns(found, rows))
    return "\n".join([_head(found), "", *table, "", *_foot(found), ""])
