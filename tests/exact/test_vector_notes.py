"""Notes on golden vectors that test little: what never changes, and thresholds without effect."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from xnorsim.exact.vector_notes import unchanging_notes
from xnorsim.exact.vectors import read_vectors, write_vectors
from xnorsim.network import ops
from xnorsim.network.functions import Operator
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.zoo.builder import Builder


def with_constant(b: Builder, operator: Operator, x: str, values: np.ndarray) -> str:
    drawn = partial(lambda generator, shape: values.astype(np.float32))
    return b.layer(ops.Elementwise(operator), x, parameters={"right": (values.shape, drawn)})


@pytest.mark.parametrize(
    ("decided", "notes"),
    [
        (
            True,
            [
                "thresholds stand for all layers up to the sign 's'",
                "input: all bits are +1",
                "least: 8 of 8 thresholds decide nothing: 7 are always reached, 1 never",
                "output: 8 of 8 channels never change: 7 are always +1, 1 always -1",
            ],
        ),
        (
            False,
            [
                "no thresholds: 'relu2' (relu) stands between the max pool 'max_pool1' and a sign",
                "input: all bits are +1",
                "output: 8 of 8 channels never change",
            ],
        ),
    ],
)
def test_what_vectors_behind_a_relu_do_not_test_is_noted(tmp_path, decided, notes):
    """The notes of the graph come first, then those of the vectors; both are in the file."""
    b = Builder("net", (2, 12, 6, 6))
    x = b.conv(b.relu(b.input), 8, 3, bias=False, name="b")
    if decided:
        x = with_constant(b, Operator.MUL, x, np.zeros(1))
        x = with_constant(b, Operator.ADD, x, np.array([*7 * [1], -1]).reshape(8, 1, 1))
    else:
        x = b.relu(b.max_pool(x, 2))
    graph = apply(b.graph(b.sign(x, name="s"), notes=("mine",)), Policy(Binarize.XNOR, ()))
    image = np.random.default_rng(1).standard_normal((2, 12, 6, 6), np.float32)
    folder = write_vectors(graph, "b", {"input": image}, tmp_path / "out")
    found = read_vectors(folder).description["notes"]
    assert graph.notes[0] == "mine"
    assert found == [*graph.notes, *notes]


@pytest.mark.parametrize(
    ("values", "notes"),
    [
        ([[1, -1, 1]], []),  # a value a channel changes nowhere, and says nothing
        ([[-1, -1, -1]], ["x: all bits are -1"]),
        (
            [[1, 1, -1], [1, -1, -1]],
            ["x: 2 of 3 channels never change: 1 is always +1, 1 always -1"],
        ),
        ([[1, 1], [-1, -1]], []),
        ([[0.5, 2.0], [0.5, 1.0]], ["x: 1 of 2 channels never change"]),
        ([[0.5, 0.5], [0.5, 0.5]], ["x: all values are alike"]),
        ([[1]], []),
    ],
)
def test_channels_that_never_change(values, notes):
    array = np.array(values)
    assert unchanging_notes("x", array) == notes
    assert unchanging_notes("x", np.moveaxis(array[None], 0, 2)) == notes
