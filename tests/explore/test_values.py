"""Values of axes: what the forms mean, and what is refused."""

from __future__ import annotations

import math
import tracemalloc
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorsim.errors import UsageError
from xnorsim.explore.axes import Axis, read_axes
from xnorsim.explore.fields import Field, known_fields, lookup
from xnorsim.explore.values import MAX_VALUES, Faults, read_values
from xnorsim.machine.profile import load_profile
from xnorsim.units import parse_quantity

KNOWN, MISSING = known_fields({"zen-4": load_profile("zen-4")}, False)
TEMPLATE, _ = known_fields({"zen-4": load_profile("zen-4")}, True)


def field(name: str) -> Field:
    return lookup(name, TEMPLATE if name in TEMPLATE else KNOWN, MISSING)


def texts(name: str, given: Any) -> list[str]:
    faults: Faults = []
    found = read_values(field(name), given, (), faults)
    assert not faults
    return [value.text for value in found]


def refused(name: str, given: Any) -> list[str]:
    faults: Faults = []
    read_values(field(name), given, (), faults)
    return [message for _, message in faults]


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("clock", ["1 GHz", "2.5  GHz"], ["1 GHz", "2.5 GHz"]),
        ("clock", "2 GHz", ["2 GHz"]),
        ("clock", "1 GHz .. 2 GHz step 0.5 GHz", ["1 GHz", "1.5 GHz", "2 GHz"]),
        ("clock", "1 GHz..2 GHz step 300 MHz", ["1 GHz", "1.3 GHz", "1.6 GHz", "1.9 GHz"]),
        ("clock", "1 .. 2 GHz step 0.5 GHz", ["1 GHz", "1.5 GHz", "2 GHz"]),
        ("clock", "1 GHz .. 4 GHz log 3", ["1 GHz", "2 GHz", "4 GHz"]),
        ("clock", "1 GHz .. 4 GHz log 2", ["1 GHz", "4 GHz"]),
        ("clock", {"values": [1, 2.5], "unit": "GHz"}, ["1 GHz", "2.5 GHz"]),
        # in tenths, and not 0.30000000000000004
        ("core.efficiency", "0.1 .. 0.5 step 0.1", ["0.1", "0.2", "0.3", "0.4", "0.5"]),
        ("memories.L2.size", "512 KiB .. 1 MiB step 256 KiB", ["512 KiB", "768 KiB", "1024 KiB"]),
        ("memories.L2.shared_bandwidth", ["1 GB/s", "unlimited"], ["1 GB/s", "unlimited"]),
        ("threads", "1 .. 4", ["1", "2", "3", "4"]),
        ("threads", 3, ["3"]),
        ("threads", "1 .. 10 log 4", ["1", "2", "5", "10"]),  # to the nearest whole number
        ("threads", "1 .. 4 log 9", ["1", "2", "3", "4"]),  # each once
        ("channels", "16..64 step 16", ["16", "32", "48", "64"]),
        ("simd.bits", [128, "256 bit"], ["128 bit", "256 bit"]),  # a plain number of bits
        ("simd.bits", "128..512 step 128", ["128 bit", "256 bit", "384 bit", "512 bit"]),
        ("instructions.popcount.per_cycle", [1, 2.5], ["1", "2.5"]),
        ("instructions.popcount.per_cycle", "2 op/cycle", ["2 op/cycle"]),
        ("instructions.popcount.busy", [0.5], ["0.5 cycle"]),
        ("instructions.popcount.ports", [["A"], ["A", "B"]], ["A", "A, B"]),
        ("core.write_streaming", [True, False], ["true", "false"]),
        ("recipes", ["own", "larq"], ["own", "larq"]),
        ("predictor", ["roofline", "instructions"], ["roofline", "instructions:own"]),
        ("policy", ["xnor", "bwn"], ["xnor", "bwn"]),  # another word for binarize
        ("binary", {"subsets": ["a*", "b"]}, ["none", "a*", "b", "a*,b"]),
        ("binary", ["a, b", ["c", "d"]], ["a,b", "c,d"]),
        ("profile", "../folder/zen.yaml", ["../folder/zen.yaml"]),  # no range of words
        ("width", "0.5 .. 1 step 0.25", ["0.5", "0.75", "1"]),
    ],
)
def test_what_values_mean(name: str, given: Any, expected: list[str]) -> None:
    assert texts(name, given) == expected


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("clock", [], "holds no value"),
        ("clock", None, "is empty"),
        ("clock", [None], "is empty"),
        ("clock", ["1 GHz", "1000 MHz"], "occurs twice (got '1000 MHz' after '1 GHz')"),
        ("clock", [1e9], "has no unit; expected a quantity in hertz"),
        ("clock", "3 MiB", "'MiB' does not measure hertz"),
        ("clock", "3 furlong", "unknown unit 'furlong'"),
        ("clock", "0 GHz", "must be greater than 0"),
        ("clock", "-1 GHz", "must not be negative"),
        ("clock", "nan GHz", "not of the form"),
        ("clock", "inf GHz", "not of the form"),
        ("clock", "1e999 GHz", "not a finite number"),
        ("clock", True, "not a quantity"),
        ("clock", [["1 GHz"]], "not a quantity"),
        ("threads", math.nan, "not a finite number"),
        ("threads", math.inf, "not a finite number"),
        ("threads", [10**5000], "not a finite number"),  # too long to be written out
        ("threads", 1.5, "must be a whole number"),
        ("threads", 0, "must be greater than 0"),
        ("clock", "1 GHz .. 5 GHz", "needs 'step ...' or 'log N'"),
        ("clock", "1 GHz .. 5 GHz step 1", "has no unit: write it as '1 GHz'"),
        ("clock", "1 GHz .. 5 GHz step 0 GHz", "step must be greater than 0"),
        ("clock", "1 GHz .. 5 GHz step -1 GHz", "step must be greater than 0"),
        ("clock", "1 GHz .. 5 GHz step nan GHz", "not of the form"),
        ("clock", "1 GHz .. 5 MiB step 1 GHz", "'MiB' does not measure GHz"),
        ("clock", "5 GHz .. 1 GHz step 1 GHz", "below its start"),
        ("clock", "0 GHz .. 1 GHz log 3", "must be greater than 0"),
        ("overhead.layer", "0 s .. 1 s log 3", "log needs a start above 0"),
        ("clock", "1 GHz .. 4 GHz log 1", "at least 2 values"),
        ("clock", "1 GHz .. 4 GHz log x", "how many values"),
        ("clock", "1 GHz .. 4 GHz log 2.5", "how many values"),
        ("clock", "1 GHz .. 2 GHz .. 3 GHz", "is no range"),
        ("clock", " .. ", "is no range"),
        ("clock", {"from": 1}, "unknown form with keys from"),
        ("clock", {"subsets": ["a"]}, "unknown form"),
        ("clock", {"values": ["1 GHz"], "unit": "GHz"}, "plain numbers"),
        ("binary", {"subsets": "a"}, "a list of layer names"),
        ("binary", {"subsets": ["a", "a"]}, "occurs twice"),
        ("memories.L2.bandwidth", ["16 byte/cycle", "3 GB/s"], "give all in one unit"),
        ("recipes", "oen", "did you mean own?"),
        ("predictor", "instructions:oen", "no recipe set 'oen'"),
        ("scaling", "beta", "valid choices: alpha, alpha_k, none"),
        ("core.execution", "sideways", "valid choices: in-order, out-of-order"),
        ("core.efficiency", 1.5, "must not be above 1"),
    ],
)
def test_what_is_refused(name: str, given: Any, message: str) -> None:
    found = refused(name, given)
    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize(
    ("name", "given", "count"),
    [
        ("clock", "1 Hz .. 5 GHz step 1 Hz", "5,000,000,000"),
        ("threads", "1 .. 1e15", "1,000,000,000,000,000"),
        ("clock", "1 GHz .. 5 GHz log 999999999999", "999,999,999,999"),
        ("binary", {"subsets": [f"l{i}" for i in range(60)]}, "1,152,921,504,606,846,976"),
    ],
)
def test_long_ranges_are_counted_and_not_written_out(name: str, given: Any, count: str) -> None:
    tracemalloc.start()
    try:
        found = refused(name, given)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == [f"has {count} values; an axis has at most {MAX_VALUES:,}: make it coarser"]
    assert peak < 2e6


def test_every_fault_of_an_axis_is_told_at_its_place() -> None:
    faults: Faults = []
    read_values(field("clock"), ["1 GHz", "x", None, "2 m"], ("axes", "clock"), faults)
    assert [path for path, _ in faults] == [("axes", "clock", place) for place in (1, 2, 3)]


def test_a_field_of_one_machine_only_is_told_with_the_machine_that_lacks_it() -> None:
    machines = {name: load_profile(name) for name in ("zen-4", "raspberry-pi-4b")}
    known, missing = known_fields(machines, False)
    with pytest.raises(
        UsageError, match=r"profile raspberry-pi-4b has no field 'memories.L3.size'"
    ):
        lookup("memories.L3.size", known, missing)
    with pytest.raises(UsageError, match="did you mean clock"):
        lookup("clok", known, missing)


_tenths = st.integers(1, 5000).map(lambda n: Decimal(n) / 10)


@given(_tenths, _tenths, st.integers(1, 300))
@settings(deadline=None)
def test_a_stepped_range_is_its_steps_exactly(start: Decimal, step: Decimal, count: int) -> None:
    end = start + step * (count - 1)
    found = texts("clock", f"{start} MHz .. {end} MHz step {step} MHz")
    assert [Decimal(text.removesuffix(" MHz")) for text in found] == [
        start + place * step for place in range(count)
    ]
    # an end between two steps changes nothing
    assert texts("clock", f"{start} MHz .. {end + step / 2} MHz step {step} MHz") == found


@given(st.floats(1e-3, 1e9), st.floats(1.01, 1e6), st.integers(2, 50))
@settings(deadline=None)
def test_a_log_range_has_its_ends_and_equal_ratios(start: float, factor: float, count: int) -> None:
    end = start * factor
    found = texts("clock", f"{start!r} Hz .. {end!r} Hz log {count}")
    numbers = [parse_quantity(text, "hertz") for text in found]
    assert (numbers[0], numbers[-1], len(numbers)) == (start, end, count)
    expected = factor ** (1 / (count - 1))
    assert numbers == sorted(numbers)
    for low, high in pairwise(numbers):
        assert high / low == pytest.approx(expected, rel=2e-5)


@given(st.one_of(st.text(max_size=30), st.floats(), st.integers(), st.none(), st.booleans()))
@settings(max_examples=200, deadline=None)
def test_anything_is_a_positive_finite_value_or_refused(given: Any) -> None:
    faults: Faults = []
    found = read_values(field("clock"), given, (), faults)
    assert bool(found) != bool(faults) or faults
    assert all(math.isfinite(value.number) and value.number > 0 for value in found)


def axes(given: Any) -> tuple[tuple[Axis, ...], Faults]:
    faults: Faults = []
    return read_axes(given, lambda name: lookup(name, KNOWN, MISSING), ("axes",), faults), faults


def test_axes_have_kinds_and_linked_fields_share_one() -> None:
    found, faults = axes(
        {
            "clock": "1 GHz .. 2 GHz step 0.5 GHz",
            "caches": {
                "link": ["memories.L2.size", "memories.L3.size"],
                "values": [["1 MiB", "8 MiB"], ["1 MiB", "16 MiB"]],  # 1 MiB beside both
            },
            "both": {"link": {"threads": "1 .. 2", "batch": [1, 4]}},
            "same": {"link": ["scalar.fp32_latency", "core.issue_width"], "values": [2, 3]},
            "simd.bits": [128, 256],
        }
    )
    assert not faults
    assert [(axis.name, axis.kind, axis.size) for axis in found] == [
        ("clock", "number", 3),
        ("caches", "number", 2),
        ("both", "table", 2),
        ("same", "number", 2),
        ("simd.bits", "structure", 2),
    ]
    assert found[1].texts == (("1 MiB", "1 MiB"), ("8 MiB", "16 MiB"))
    assert found[3].texts == (("2 cycle", "3 cycle"), ("2 op/cycle", "3 op/cycle"))
    assert found[0].numbers[0].tolist() == [1e9, 1.5e9, 2e9]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"link": ["threads", "cors"], "values": [1]}, "did you mean cores?"),
        ({"link": ["threads", "cores"], "values": [[1, 2], [1]]}, "one value for each"),
        ({"link": ["threads", "cores"], "values": [[1, 2], [1, 2]]}, "row 1 is that of 0 again"),
        ({"link": {"threads": "1 .. 3", "cores": "1 .. 2"}}, "got threads 3, cores 2"),
        ({"link": []}, "a link is"),
        ({"link": ["threads"]}, "a link is"),
        ({"link": ["threads", "clock"], "values": [[1, 2]]}, "has no unit"),
        ({"link": {"threads": 1}, "extra": 1}, "a link is"),
    ],
)  # fmt: skip
def test_links_that_are_refused(given: Any, message: str) -> None:
    found, faults = axes({"x": given})
    assert not found
    assert len(faults) == 1
    assert message in faults[0][1]
