"""Where two runs diverge, as people and programs read it."""

from __future__ import annotations

import json
import re

import pytest

from xnorsim.exact.diff import Difference, Divergence
from xnorsim.exact.pairing import Pairing
from xnorsim.show.divergence import Divergences
from xnorsim.show.forms import Form, render

PAIRING = Pairing({f"t{i}": f"t{i}" for i in range(12)}, "name", ("x",), tuple("abcdefg"))
FLOATS = Difference(
    ((1, 2, 3), (1, 2, 3)),
    ("float32", "float64"),
    6,
    2,
    17,
    0.25,
    (((0, 1, 2), 1.5, 1.25), ((0, 0, 0), 0.1, float("nan"))),
)
BITS = Difference(((4,), (4,)), ("int8", "int8"), 4, 1, None, 2.0, (((3,), -1, 1),))
SHAPES = Difference(((4,), (2, 2)), ("int8", "int8"), 4, None, None, None, ())


def result(found: Difference | None, *, is_binary: bool = False, name: str = "t3") -> Divergences:
    divergence = Divergence(PAIRING, 12, 1, 0.5)
    if found:
        divergence = Divergence(PAIRING, 4, 1, 0.5, name, name, "layer3", "conv", is_binary, found)
    return Divergences(("a.onnx", "theirs"), ("blas", None), divergence, ("a note",))


@pytest.mark.parametrize(
    ("found", "words", "reason"),
    [
        (result(None), "12 of 12 pairs of tensors, within 1 ulp or 0.5; by name", "what was done"),
        (result(None), "no difference", "the result"),
        (result(BITS), "4 of 12 pairs of tensors, within 1 ulp or 0.5; by name; stopped at", "why"),
        (result(None), "only A x only B a, b, c, d, e, ... (7 in all)", "who has no partner"),
        (result(FLOATS), "2 of 6 elements, at most 17 ulp, at most 0.25 apart", "floats"),
        (result(FLOATS), "layer 'layer3' (conv), 1x2x3, float32 and float64", "where"),
        (result(FLOATS), "[0, 1, 2] 1.5 1.25", "the furthest"),
        (result(BITS, is_binary=True), "1 of 4 bits, at most 2 apart", "bits"),
        (result(SHAPES), "4 and 2x2, int8", "both shapes"),
        (result(SHAPES), "differ the shapes", "nothing else is compared"),
        (result(BITS, name="a\x1b[31m"), "first a\\x1b[31m", "nothing steers the terminal"),
    ],
)
def test_words(found, words, reason):
    text = re.sub(r"\s+", " ", render(found, Form.TABLE))
    assert words in text, reason
    assert repr(found) == render(found, Form.TABLE)


def test_outputs_beyond_the_first_difference_are_told():
    outputs = {"agrees": None, "other": FLOATS}
    seen = Divergence(PAIRING, 6, 0, 0.0, "t3", "t3", "sign", "sign", True, BITS, outputs=outputs)
    found = Divergences(("a.h5", "a.tflite"), ("blas", "blas"), seen)
    text = re.sub(r"\s+", " ", render(found, Form.TABLE))
    assert "output agrees: no difference output other: 2 of 6 elements, at most 17 ulp" in text
    assert "stopped at the first that differs, then the outputs" in text
    doc = json.loads(render(found, Form.JSON))
    assert doc["outputs"]["agrees"] is None
    assert doc["outputs"]["other"]["differing"] == 2


def test_json_is_plain():
    doc = json.loads(render(result(FLOATS), Form.JSON))
    assert doc["differ"] is True
    assert doc["first"]["places"][1] == {"at": [0, 0, 0], "a": 0.1, "b": None}
    assert (doc["compared"], doc["pairs"], doc["only_a"]) == (4, 12, ["x"])
    none = json.loads(render(result(None), Form.JSON))
    assert (none["differ"], none["first"]) == (False, None)


def test_csv_and_markdown():
    lines = render(result(BITS), Form.CSV).splitlines()
    assert lines[1] == "true,4,12,name,t3,t3,layer3,conv,4,1,,2.0"
    assert "| \\[3\\] | -1 | 1 |" in render(result(BITS), Form.MARKDOWN)
