"""A network written as ONNX and read again, and what has to be the same then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from numpy.testing import assert_array_equal

from xnorsim.exact.encodings import dtype_of
from xnorsim.exact.execute import execute, prepare
from xnorsim.exporters.onnx import model
from xnorsim.importers.onnx import read_graph
from xnorsim.network.graph import Graph
from xnorsim.network.precision import Border, Meaning, Scaling, Scheme
from xnorsim.work.table import COLUMNS, layer_table

__all__ = ["again", "assert_same_results", "assert_same_table", "inputs_of", "results_of"]


def again(graph: Graph, folder: Path, *, weights: bool = True) -> Graph:
    """`graph` written, checked where onnx can, and read."""
    made = model(graph, weights=weights)
    onnx.checker.check_model(made)
    path = folder / "written.onnx"
    path.write_bytes(made.SerializeToString())
    return read_graph(path)


def assert_same_table(
    before: Graph, after: Graph, leave_out: Iterable[str] = (), *, names: bool = True
) -> None:
    """Layers of the same names, kinds, schemes and shapes; every column of every layer."""
    left, right = layer_table(before), layer_table(after)
    assert left.kinds == right.kinds
    if names:
        assert left.names == right.names
    schemes = ([*map(_told, side.kinds, side.schemes)] for side in (left, right))
    assert next(schemes) == next(schemes)
    assert left.output_shapes == right.output_shapes
    assert left.fused_into == right.fused_into
    for name in COLUMNS:
        if name not in set(leave_out):
            rows = zip(left.names, left.columns[name], right.columns[name], strict=True)
            assert not [row for row in rows if row[1] != row[2]], name


def _told(kind: str, scheme: Scheme | None) -> Scheme | None:
    """A scheme as far as it means anything: a border is one of a convolution's map K."""
    if scheme is None or (kind == "conv" and scheme.scaling is Scaling.ALPHA_K):
        return scheme
    return replace(scheme, border=Border.ZERO)


def inputs_of(graph: Graph, seed: int = 0) -> dict[str, np.ndarray]:
    """Normal numbers for every input, of integers fifty times as large."""
    random = np.random.default_rng(seed)
    specs = {name: graph.tensors[name] for name in graph.inputs}
    drawn = {name: random.standard_normal(spec.shape) for name, spec in specs.items()}
    return {
        name: (values * (50 if spec.encoding.meaning is Meaning.INTEGER else 1)).astype(
            dtype_of(spec.encoding)
        )
        for (name, spec), values in zip(specs.items(), drawn.values(), strict=True)
    }


def results_of(graph: Graph, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """The outputs in order."""
    found = execute(prepare(graph), inputs).outputs
    return [found[name] for name in graph.outputs]


def assert_same_results(before: Graph, after: Graph, inputs: Mapping[str, np.ndarray]) -> None:
    """Outputs equal to the bit."""
    renamed = dict(zip(after.inputs, inputs.values(), strict=True))
    pairs = zip(results_of(before, inputs), results_of(after, renamed), strict=True)
    for expected, found in pairs:
        assert_array_equal(found, expected, strict=True)
