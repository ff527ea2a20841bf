"""The layers of a space's points: a network's at every size, or those of a layer template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from xnorsim.explore.fields import TEMPLATE
from xnorsim.explore.grid import numbers
from xnorsim.explore.policies import policy_of
from xnorsim.explore.space import Block, Space, point
from xnorsim.network.graph import Graph
from xnorsim.network.policy import Binarize, apply
from xnorsim.network.precision import Scaling
from xnorsim.network.resized import resized
from xnorsim.work.stacked import stacked
from xnorsim.work.table import LayerTable, layer_table
from xnorsim.work.template import convolution

__all__ = ["graph_of", "kinds_of_layers", "layers_of", "rows", "sized", "table_of", "unused"]

Columns = Mapping[str, NDArray[Any]]

MOST_TABLES = 4096
"""Layer tables that a process keeps of a space."""

_TABLES: WeakKeyDictionary[Space, dict[tuple[str, ...], LayerTable]] = WeakKeyDictionary()


def rows(space: Space) -> tuple[str, ...]:
    """The layers whose figures are told: those of the network, and "" for a template's only one.

    What a policy puts before a layer, the sign of its input, is told with it.
    """
    return ("",) if space.graph is None else tuple(node.name for node in space.graph.nodes)


def layers_of(
    space: Space, box: Block, first: Sequence[int], idle: NDArray[np.bool_]
) -> tuple[Columns, tuple[str, ...], tuple[int, ...]]:
    """Columns [..., layers] of a box of one structure, the layers' kinds, and the row of each.

    first: a point of the box that is not left out; idle: the tables that are `unused`. These are
    those of `first`, of which nobody sees a figure: sizes that do not fit each other would break
    what is computed beside them.
    """
    if space.graph is None:
        return _template(space, box, first, idle)
    table = table_of(space, point(space, first))
    tabled = _tabled(space, box)
    columns = _stacked(space, box, first, idle, tabled) if tabled else table.columns
    return columns, table.kinds, _owners(space.graph, table)


def _owners(graph: Graph, table: LayerTable) -> tuple[int, ...]:
    """The place of each layer among those of the network; what was put in belongs to the next."""
    places = {node.name: place for place, node in enumerate(graph.nodes)}
    found: list[int] = []
    for name in reversed(table.names):
        found.append(places.get(name, found[-1] if found else 0))
    return tuple(reversed(found))


def _tabled(space: Space, box: Block) -> list[int]:
    """The axes along which a box has several tables."""
    return [
        place
        for place, axis in enumerate(space.axes)
        if axis.kind == "table" and box.shape[place] > 1
    ]


def _stacked(
    space: Space,
    box: Block,
    first: Sequence[int],
    idle: NDArray[np.bool_],
    tabled: Sequence[int],
) -> Columns:
    tables = {}
    for place in np.ndindex(*idle.shape):
        index = list(first)
        for axis in () if idle[place] else tabled:
            index[axis] = box.slices[axis].start + place[axis]
        tables[place] = table_of(space, point(space, index))
    return stacked(tables, idle.shape)


def unused(space: Space, box: Block, out: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which tables of a box all points leave out, of length 1 along axes that change no table."""
    tabled = _tabled(space, box)
    others = tuple(axis for axis in range(out.ndim) if axis not in tabled)
    return np.asarray(out.all(axis=others, keepdims=True))


def graph_of(space: Space, values: Mapping[str, str]) -> Graph:
    """The network of a point: resized, then with its layers binarized as the point says.

    Raises:
        UsageError: a layer cannot follow to that size.
    """
    graph = sized(space, values)
    return apply(graph, policy_of(graph, values))


def sized(space: Space, values: Mapping[str, str]) -> Graph:
    """The network of a point before any layer becomes binary; raises as `graph_of`."""
    assert space.graph is not None, "templates have no graph"
    batch, size, width = (values.get(name) for name in _SIZES)
    return resized(
        space.graph,
        batch=None if batch is None else int(float(batch)),
        input_size=None if size is None else int(float(size)),
        width=1.0 if width is None else float(width),
    )


_SIZES = ("batch", "input_size", "width")
_POLICY = ("binary", "high_precision", "binarize", "scaling", "depthwise", "pad_value", "border")


def table_of(space: Space, values: Mapping[str, str]) -> LayerTable:
    """The layer table of a point's network, kept for the next that asks; raises as `graph_of`."""
    kept = _TABLES.setdefault(space, {})
    key = tuple(values.get(name, "") for name in (*_SIZES, *_POLICY))
    if key not in kept:
        if len(kept) >= MOST_TABLES:
            kept.clear()
        kept[key] = layer_table(graph_of(space, values))
    return kept[key]


def kinds_of_layers(space: Space, values: Mapping[str, str]) -> tuple[Columns, tuple[str, ...]]:
    """Columns of a point's layers at some size, and their kinds: what they are, not how large."""
    if space.graph is not None:
        table = table_of(space, {n: text for n, text in values.items() if n not in _SIZES})
        return table.columns, table.kinds
    how = Binarize(values["binarize"]), Scaling(values["scaling"])
    found = convolution(64, 64, 3, 8, binarize=how[0], scaling=how[1])
    return found.columns, found.kinds


def _template(
    space: Space, box: Block, first: Sequence[int], idle: NDArray[np.bool_]
) -> tuple[Columns, tuple[str, ...], tuple[int, ...]]:
    values, arrays = point(space, first), numbers(space, box)
    sizes: dict[str, NDArray[np.int64]] = {}
    for name in (*TEMPLATE, "batch"):
        own = int(float(values[name]))
        array = arrays.get(name, np.asarray(own)).astype(np.int64)
        sizes[name] = np.where(idle, own, array) if idle.any() else array
    found = convolution(
        **sizes, binarize=Binarize(values["binarize"]), scaling=Scaling(values["scaling"])
    )
    return found.columns, found.kinds, (0,) * len(found.kinds)
