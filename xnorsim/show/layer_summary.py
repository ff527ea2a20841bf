"""A network's layers with their weights and MACs by number of bits, as people read them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from xnorsim.show import labels
from xnorsim.show.forms import Form, Views, render, views
from xnorsim.show.text import csv_text, to_json
from xnorsim.work.summary import LayerSummary, Summary

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import ConsoleRenderable

__all__ = ["ModelSummary"]

_NAME = 22


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
        partial(_table, found, all_layers),
        lambda: to_json(shown.to_dict()),
        lambda: csv_text([_line(found, item) for item in found.layers]),
        partial(_markdown, found, all_layers),
    )


def _head(found: Summary) -> str:
    return f"{labels.visible(found.network)}, counted by the convention of {found.convention}"


def _cells(found: Summary, all_layers: bool) -> tuple[list[str], list[list[str]]]:
    """Headings; and the layers with MACs, or all; the rest in one row, and what they add up to."""
    shown = [item for item in found.layers if all_layers or item.macs]
    headings = ["layer", "inputs", "output"]
    headings += [f"{bits}-bit weights" for bits in found.weights]
    headings += ["memory", *(f"{bits}-bit MACs" for bits in found.macs)]
    names = labels.shorten_all([labels.visible(item.name) for item in shown], _NAME)
    rows = [
        [
            name,
            "" if item.input_bits is None else f"{item.input_bits}-bit",
            labels.shape_text(item.output_shape[1:]),
            *_numbers(found, item),
        ]
        for name, item in zip(names, shown, strict=True)
    ]
    left = replace(found, layers=tuple(item for item in found.layers if item not in shown))
    if left.layers:
        rows.append([f"{len(left.layers)} others", "", "", *_numbers(found, left)])
    return headings, [*rows, ["total", "", "", *_numbers(found, found)]]


def _numbers(found: Summary, item: LayerSummary | Summary) -> list[str]:
    return [
        *(_amount(item.weights.get(bits, 0)) for bits in found.weights),
        labels.memory(item.memory_bits),
        *(_amount(item.macs.get(bits, 0)) for bits in found.macs),
    ]


def _amount(count: int) -> str:
    return labels.amount(count) if count else ""


def _table(found: Summary, all_layers: bool) -> ConsoleRenderable:
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    headings, rows = _cells(found, all_layers)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for place, heading in enumerate(headings):
        broken = heading.replace(" ", "\n")
        table.add_column(broken, justify="right" if place else "left", no_wrap=True)
    for row in rows[:-1]:
        table.add_row(*map(Text, row))
    table.add_section()
    table.add_row(*map(Text, rows[-1]))
    return Group(Text(_head(found)), table, Text(f"{found.parameters:,} parameters stored in all"))


def _markdown(found: Summary, all_layers: bool) -> str:
    headings, rows = _cells(found, all_layers)
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join([_head(found), "", *("| " + " | ".join(row) + " |" for row in lines)]) + "\n"
