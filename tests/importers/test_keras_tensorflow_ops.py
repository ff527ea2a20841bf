"""Functions of TensorFlow among the layers: with their arguments, or refused with their names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.importers.keras_configs import Config, layer, model, source, write
from xnorsim.errors import InputError, ModelError, ShapeError, UnsupportedOpError
from xnorsim.exact.execute import execute, prepare
from xnorsim.importers.keras import read_graph

X = np.random.default_rng(4).standard_normal((2, 3, 2)).astype(np.float32)


def call(function: str, *reads: Any, kind: str = "TFOpLambda", **arguments: Any) -> Config:
    """A call of a function with "x" first, or with what `reads` has."""
    made = layer(kind, "f", function=function)
    first, *others = reads or ("x",)
    head = [first, 0, 0] if isinstance(first, str) else ["_CONSTANT_VALUE", -1, first]
    more = [[other, 0, 0, {}] for other in others]
    node = [*head, arguments]
    return {**made, "inbound_nodes": [[node, *more] if more else node]}


def run(folder: Path, function: Config, *before: Config) -> np.ndarray:
    config = model(source((2, 3, 2)), *before, function)
    graph = read_graph(write(folder, config))
    (output,) = graph.outputs
    return execute(prepare(graph, "packed"), {"x": X}).outputs[output]


def part(start: Any = None, stop: Any = None, step: Any = None) -> dict[str, Any]:
    return {"start": start, "stop": stop, "step": step}


ELLIPSIS = {"class_name": "__ellipsis__"}
CALLS: list[tuple[str, Config, np.ndarray]] = [
    ("left", call("math.subtract", 1.0, y=["x", 0, 0]), 1 - X),
    ("right", call("math.subtract", y=1.0, name=None), X - 1),
    ("whole", call("math.multiply", y=2), X * 2),
    ("all axes", call("math.reduce_max"), X.max()),
    ("one axis", call("math.reduce_min", axis=-2, keepdims=True), X.min(1, keepdims=True)),
    ("reversed", call("transpose"), X.T),
    ("padded", call("pad", paddings=[[0, 0], [1, 0], [0, 2]], constant_values=3),
     np.pad(X, ((0, 0), (1, 0), (0, 2)), constant_values=3)),
    ("all ones dropped", call("squeeze"), X),
    ("from the end", call("expand_dims", axis=-1), X[..., None]),
    ("whole shape", call("reshape", shape=[3, -1]), X.reshape(3, -1)),
    ("last axis only", call("", kind="SlicingOpLambda", slice_spec=[ELLIPSIS, part(-1)]),
     X[..., -1:]),
    ("all axes named", call("", kind="SlicingOpLambda", slice_spec=[part(), ELLIPSIS, part(1),
                                                                    part(0, 1)]), X[:, 1:, :1]),
    ("no axis named", call("", kind="SlicingOpLambda", slice_spec=[ELLIPSIS]), X),
]  # fmt: skip


@pytest.mark.parametrize(("why", "function", "expected"), CALLS, ids=[row[0] for row in CALLS])
def test_functions(tmp_path: Path, why: str, function: Config, expected: np.ndarray) -> None:
    assert_array_equal(run(tmp_path, function), expected, err_msg=why)


def test_shapes_broadcast_from_the_last_axis(tmp_path: Path) -> None:
    """Not as in Keras' own merges, where a tensor of lower rank gets axes after the batch."""
    most = {**call("math.reduce_max", axis=0), "name": "most"}
    found = run(tmp_path, call("math.add", y=["most", 0, 0]), most)
    assert_array_equal(found, X + X.max(0))


FAULTS: list[tuple[str, Config, type[InputError], str]] = [
    ("argument", call("math.sqrt", wide=3), ModelError, "no rule for argument 'wide' 3"),
    ("list", call("math.add", y=[1.0, 2.0]), ModelError, r"\(1.0, 2.0\) is neither a tensor nor"),
    ("text", call("math.add", y="1"), ModelError, "'1' is neither a tensor nor a number"),
    ("missing", call("math.add"), ModelError, "is neither a tensor nor a number"),
    ("true", call("math.add", y=True), ModelError, "neither two tensors nor one and a number"),
    ("huge", call("math.add", y=1e39), ModelError, "is neither a tensor nor a number"),
    ("axis", call("nn.softmax", axis=3), ShapeError, "axis 3 is none of 3"),
    ("far axis", call("math.reduce_mean", axis=[0, -4]), ShapeError, "axis -4 is none of 3"),
    ("size", call("reshape", shape=[5, -1]), ShapeError, r"\[2, 3, 2\] does not fill shape \[5"),
    ("two open", call("reshape", shape=[-1, -1]), ShapeError, "does not fill shape"),
    ("permutation", call("transpose", perm=[0, 1]), ShapeError, "does not permute 3 axes"),
    ("conjugate", call("transpose", conjugate=True), ModelError, "argument 'conjugate' True"),
    ("mode", call("pad", paddings=[[0, 0]] * 3, mode="REFLECT"), ModelError, "mode is 'REFLECT'"),
    ("pads", call("pad", paddings=[[0, 0]]), ShapeError, "are not two for each of 3 axes"),
    ("not 1", call("squeeze", axis=[1]), ShapeError, r"\[2, 3, 2\] is not 1 along axes \[1\]"),
    ("parts", call("split", num_or_size_splits=[1, 2], axis=1), ShapeError, "has no .* parts"),
    ("clip", call("clip_by_value", clip_value_min=0.0), ModelError, "has no 'clip_value_max'"),
    ("index", call("", kind="SlicingOpLambda", slice_spec=[0]), UnsupportedOpError,
     "no rule for slices .0. of"),
    ("back", call("", kind="SlicingOpLambda", slice_spec=[part(step=-1)]), UnsupportedOpError,
     "only for ranges with a positive step"),
    ("rank", call("", kind="SlicingOpLambda", slice_spec=[part()] * 4), UnsupportedOpError,
     "no rule for slices"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("why", "function", "kind", "match"), FAULTS, ids=[row[0] for row in FAULTS]
)
def test_faults_name_layer_and_value(
    tmp_path: Path, why: str, function: Config, kind: type[InputError], match: str
) -> None:
    with pytest.raises(kind, match=match) as caught:
        read_graph(write(tmp_path, model(source((2, 3, 2)), function)))
    assert "net.json: layer 'f'" in str(caught.value), why
