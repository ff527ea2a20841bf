"""Binary layers of every form that golden vectors are written of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.exact.assembly import Assembly
from xnorsim.network import ops
from xnorsim.network.graph import Graph
from xnorsim.network.precision import BIPOLAR, Scaling, Scheme

__all__ = ["LAYERS", "PLAIN", "example", "layer"]

Array = np.ndarray

PLAIN = ops.Conv(6, (3, 3), (1, 1), ((0, 0), (0, 0)), (1, 1))
LAYERS: dict[str, tuple[ops.Conv | ops.Dense, tuple[int, ...]]] = {
    "plain": (PLAIN, (2, 5, 6, 7)),
    "padded with true 0": (replace(PLAIN, padding=((1, 2), (0, 1))), (1, 70, 5, 4)),
    "padded with +1": (replace(PLAIN, padding=((1, 1), (2, 0)), pad_value=1), (1, 64, 4, 5)),
    "padded with -1": (replace(PLAIN, padding=((1, 1), (1, 1)), pad_value=-1), (1, 9, 4, 4)),
    "strided": (replace(PLAIN, stride=(2, 3), dilation=(2, 1)), (2, 8, 9, 8)),
    "grouped": (replace(PLAIN, groups=3), (2, 15, 4, 4)),  # 5 channels a group: a word each
    "one row": (ops.Conv(4, (5,), (1,), ((2, 2),), (1,)), (2, 12, 9)),
    "dense": (ops.Dense(77, 5), (3, 77)),
    "dense, transposed": (ops.Dense(130, 9, transpose_weight=True), (2, 130)),
}


def layer(
    name: str, scaling: Scaling = Scaling.NONE, *, decided: bool = True, bias: bool = False
) -> tuple[Graph, dict[str, Array]]:
    """A binary layer "b" (then a batch normalization and a sign), and its input."""
    random = np.random.default_rng(len(name))
    op, shape = LAYERS[name]
    if isinstance(op, ops.Conv):
        weight, filters = (op.out_channels, shape[1] // op.groups, *op.kernel), op.out_channels
    else:
        weight, filters = (op.in_features, op.out_features), op.out_features
        weight = weight[::-1] if op.transpose_weight else weight
    held: dict[str, Array] = {"weight": random.choice(np.array([-1, 1], np.int8), weight)}
    if scaling is not Scaling.NONE:
        held["alpha"] = random.uniform(0.1, 1, filters).astype(np.float32)
    if bias:
        held["bias"] = random.standard_normal(filters).astype(np.float32)
    norm: dict[str, Array] = {
        role: random.standard_normal(filters).astype(np.float32)
        for role in ("scale", "shift", "mean")
    }
    norm["variance"] = random.uniform(0.5, 9, filters).astype(np.float32)
    made = Assembly("net", "x", shape, BIPOLAR)
    made.layer("b", op, "x", parameters=held, scheme=Scheme(BIPOLAR, BIPOLAR, scaling))
    made.layer("bn", ops.BatchNorm(1e-3), "b", parameters=norm)
    made.layer("s", ops.Sign(), "bn")
    graph = made.graph("s") if decided else made.graph("s", "b")
    return graph, {"x": random.choice(np.array([-1, 1], np.int8), shape)}


def example(name: str, *, decided: bool) -> tuple[Graph, str, dict[str, Array]]:
    graph, inputs = layer(name, decided=decided)
    return graph, "b", inputs
