"""Constraints: what they mean, what is refused and where, and that they execute nothing."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorsim.explore.constraints import Constraint, FieldType, constraint, holds, names
from xnorsim.explore.grammar import MAX_DEPTH, MAX_LENGTH
from xnorsim.units import base_units

TYPES: dict[str, FieldType] = {
    "clock": base_units("hertz"),
    "simd.bits": base_units("bit"),
    "memories.L2.size": base_units("byte"),
    "memories.L2.bandwidth": base_units("byte/cycle"),
    "threads": (),
    "cores": (),
    "recipes": "word",
}
VALUES = {
    "clock": np.array([1e9, 4e9])[:, None],
    "simd.bits": np.array(512.0),
    "memories.L2.size": np.array([2**18, 2**22], float),
    "memories.L2.bandwidth": np.array(16.0),
    "threads": np.array(4.0),
    "cores": np.array(8.0),
    "recipes": np.array(["own", "larq"]),
}


def made(text: str, types: dict[str, FieldType] = TYPES) -> Constraint:
    found, faults = constraint(text, types)
    assert found is not None, faults
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clock > 3 GHz", [[False], [True]]),
        ("memories.L2.size <= 256 KiB", [True, False]),
        ("memories.L2.size <= 256 KiB * threads", [True, False]),  # a field, not a unit
        ("memories.L2.size <= 1 MiB * threads", [True, True]),
        ("256 <= simd.bits", True),  # a plain number of bits
        ("simd.bits == 512 bit", True),
        ("simd.bits / 8 bit == 64", True),
        ("memories.L2.bandwidth == 16 byte/cycle", True),  # a unit, and not a division
        ("2 < threads < cores", True),
        ("4 < threads < cores", False),
        ("threads == 4 == 4.0", True),
        ("min(threads, cores, 3) == 3 and max(threads, 5) == 5", True),
        ("-threads < 0 and not -threads > 0", True),
        ("not threads == 4 or cores == 8", True),  # not binds before or
        ("threads == 5 and cores == 8 or threads == 4", True),  # and binds before or
        ("threads == 5 and (cores == 8 or threads == 4)", False),
        ("cores % threads == 0 and cores // 3 == 2", True),
        ("recipes == 'larq'", [False, True]),
        ('recipes != "larq" and clock < 2 GHz', [[True, False], [False, False]]),
        ("threads / 0 > 1", True),  # without limit
        ("0 * threads / 0 > 1", False),  # what is no number is not above it
        ("clock * 2 ns > 3", [[False], [True]]),
        ("`threads` == 4", True),
        ("threads\n  == 4", True),
    ],
)
def test_what_constraints_mean(text: str, expected: Any) -> None:
    np.testing.assert_array_equal(holds(made(text), VALUES), expected)


def test_a_level_with_signs_in_its_name_stands_in_backquotes() -> None:
    types: dict[str, FieldType] = {"memories.L2-shared.size": base_units("byte")}
    found = made("`memories.L2-shared.size` > 1 KiB", types)
    assert names(found.tree) == {"memories.L2-shared.size"}


def test_the_fields_of_a_constraint_are_named() -> None:
    found = made("min(clock * 1 s, cores) > -threads or not recipes == 'own'")
    assert names(found.tree) == {"clock", "cores", "threads", "recipes"}
    assert pickle.loads(pickle.dumps(found)) == found


REFUSED = [
    ("", 1, "expected a number or a field before the end"),
    ("clok > 1 GHz", 1, "did you mean clock?"),
    ("threads", 1, "no condition"),
    ("threads and cores > 1", 1, "is a plain number, and no condition: compare it"),
    ("not cores", 5, "no condition"),
    ("threads > 1 GHz", 9, "one side is a plain number, the other in 1/second"),
    ("memories.L2.size > 1000", 18, "one side is in byte, the other a plain number"),
    ("memories.L2.size > simd.bits", 18, "one side is in byte, the other in bit"),
    ("clock + simd.bits > 3", 7, "one side is in 1/second, the other in bit"),
    ("min(clock, threads) > 1", 1, "one side is in 1/second"),
    ("threads > 3 furlong", 13, "unknown unit 'furlong'"),
    ("threads > 3 clock.x", 13, "unknown unit 'clock.x'"),
    ("threads = 3", 9, "write == to compare"),
    ("threads ** 2 > 1", 9, "there are no powers"),
    ("threads > 1 & cores > 1", 13, "write and"),
    ("(threads > 1) == (cores > 1)", 15, "join conditions by and, or, not"),
    ("(threads > 1) + 1 > 1", 10, "is a condition, and no number"),
    ("recipes < 'own'", 9, "== or != (got <)"),
    ("recipes == 3", 9, "one side is a word, the other a plain number"),
    ("-recipes == 3", 2, "is a word, and no number"),
    ("min(threads) > 1", 1, "takes two numbers or more"),
    ("abs(threads) > 1", 1, "valid choices: max, min"),
    ("threads > 1e999", 11, "not a finite number"),
    ("threads > 1 2", 13, "expected an operator (got '2')"),
    ("threads > (1", 13, "expected ')' before the end"),
    ("threads > 'x", 11, 'unexpected "\'"'),
    ("threads > 1 if cores else 2", 13, "unknown unit 'if'"),
]


@pytest.mark.parametrize(("text", "column", "message"), REFUSED)
def test_what_is_refused_and_at_which_column(text: str, column: int, message: str) -> None:
    found, faults = constraint(text, TYPES)
    assert found is None
    assert [at for at, told in faults if message in told] == [column], faults


def test_every_fault_of_a_constraint_is_told_at_once() -> None:
    text = "clok > 1 GHz and threads > 1 GHz or coars == 2"
    _, faults = constraint(text, TYPES)
    assert [column for column, _ in faults] == [1, 26, 37]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch owned')",
        "clock.__class__.__mro__ == 1",
        "[x for x in clock] == 1",
        "(lambda: 1)() == 1",
        "open('owned', 'w') == 1",
        "eval('1') == 1",
        "exec == 1",
        "{} == 1",
        "threads if True else cores",
        "(threads := 1) == 1",
        "f'{threads}' == 'x'",
        "threads[0] == 1",
        "max(*threads) == 1",
        "threads > 9**9**9",
        "`__import__('os')` == 1",
    ],
)
def test_nothing_but_the_grammar_is_read(
    text: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found, faults = constraint(text, TYPES)
    assert found is None
    assert faults
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text",
    [
        "(" * 900,
        "(" * (MAX_DEPTH + 1) + "1" + ")" * (MAX_DEPTH + 1) + " > 0",
        "-" * 900 + "1 > 0",
        "not " * 240 + "threads > 1",
        "+".join(["1"] * 400) + " > 0",
        "min(1," * 150 + "1" + ")" * 150 + " > 0",
        "9" * (MAX_LENGTH + 1),
    ],
)
def test_deep_and_long_texts_are_refused(text: str) -> None:
    _, faults = constraint(text, TYPES)
    assert len(faults) == 1
    assert any(word in faults[0][1] for word in ("deeper than 50", "longer than 1000"))


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    found, faults = constraint(text, TYPES)
    assert (found is None) == bool(faults)
    assert all(1 <= column <= len(text) + 1 for column, _ in faults)


_PLAIN: dict[str, FieldType] = {"a": (), "b": (), "c.d": ()}
_numbers = st.one_of(
    st.sampled_from(["a", "b", "c.d"]),
    st.integers(0, 50).map(str),
    st.floats(0, 100, allow_nan=False).map(lambda x: f"{x:.3f}"),
)
_sums = st.recursive(
    _numbers,
    lambda below: st.one_of(
        st.tuples(below, st.sampled_from(["+", "-", "*", "/", "//", "%"]), below).map(" ".join),
        st.tuples(below, below).map(lambda pair: f"min({pair[0]}, {pair[1]})"),
        st.tuples(below, below, below).map(lambda three: f"max({', '.join(three)})"),
        below.map(lambda text: f"({text})"),
        below.map(lambda text: f"-{text}"),
    ),
    max_leaves=6,
)
_compared = st.lists(_sums, min_size=2, max_size=3).flatmap(
    lambda items: st.lists(
        st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
        min_size=len(items) - 1,
        max_size=len(items) - 1,
    ).map(
        lambda signs: " ".join(
            [items[0], *(f"{s} {i}" for s, i in zip(signs, items[1:], strict=True))]
        )
    )
)
_conditions = st.recursive(
    _compared,
    lambda below: st.one_of(
        st.tuples(below, st.sampled_from(["and", "or"]), below).map(" ".join),
        below.map(lambda text: f"(not {text})"),
        below.map(lambda text: f"({text})"),
    ),
    max_leaves=4,
)


@given(_conditions, st.lists(st.floats(-20, 20), min_size=3, max_size=3))
@settings(max_examples=300, deadline=None)
def test_a_constraint_says_what_python_says(text: str, drawn: list[float]) -> None:
    found = made(text, _PLAIN)
    a, b, d = drawn
    try:
        expected = eval(
            text, {"__builtins__": {"min": min, "max": max}}, {"a": a, "b": b, "c": _D(d)}
        )
    except (ZeroDivisionError, OverflowError):
        return
    arrays = {"a": np.array([a]), "b": np.array([b]), "c.d": np.array([d])}
    assert bool(holds(found, arrays).all()) == expected


class _D:
    def __init__(self, d: float) -> None:
        self.d = d


def test_a_point_is_judged_alike_in_any_shape() -> None:
    condition = made("a // b + c.d % 3 <= 2 * a or min(a, b) == b", _PLAIN)
    rng = np.random.default_rng(0)
    a, b, d = (
        rng.uniform(-9, 9, n).reshape(shape) for n, shape in ((5, (5, 1, 1)), (4, (4, 1)), (3, 3))
    )
    grid = holds(condition, {"a": a, "b": b, "c.d": d})
    assert grid.shape == (5, 4, 3)
    for i, j, k in np.ndindex(grid.shape):
        one = {"a": a[i, 0, 0], "b": b[j, 0], "c.d": d[k]}
        assert bool(holds(condition, one)) == grid[i, j, k]
    assert 0 < math.fsum(grid.ravel()) < grid.size
