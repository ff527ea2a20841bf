"""Fields of a profile by path, and the same machine with other values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from xnorsim.errors import UsageError
from xnorsim.machine.core import lower_core
from xnorsim.machine.fields import canonical, drawn_at, field_of, fields, with_values
from xnorsim.machine.instructions import CLASSES
from xnorsim.machine.lowering import lower
from xnorsim.machine.profile import load_profile, profile_names, quantities

ZEN = load_profile("zen-4")
BOARD = load_profile("raspberry-pi-4b")
BARE = load_profile("paper-64ops")  # neither instructions nor energies


@pytest.mark.parametrize("name", profile_names())
def test_every_quantity_of_a_profile_is_a_field_and_can_be_set_to_itself(name: str) -> None:
    profile = load_profile(name)
    known = fields(profile)
    rows = quantities(profile)
    assert {row.path for row in rows} <= set(known)
    same = with_values(profile, {row.path: row.value for row in rows})
    for field, expected in vars(lower(profile)).items():
        found = getattr(lower(same), field)
        np.testing.assert_array_equal(found, expected, err_msg=field)
    for row in quantities(same):
        assert row.source == "what-if"
        assert row.basis == "estimated"
        # no range, whatever the basis implies for others
        assert row.value == "unlimited" or row.low in ("", row.value) or "cores" in row.path


@pytest.mark.parametrize(
    ("path", "text", "field", "expected"),
    [
        ("clock", "2.4 GHz", "clock_hz", 2.4e9),
        ("cores", "7", "cores", 7),
        ("simd.bits", "256 bit", "simd_bits", 256),
        ("core.efficiency", "0.5", "efficiency", 0.5),
        ("overhead.layer", "0 s", "layer_overhead_s", 0),
        ("energy.static", "1.5 W", "static_power_w", 1.5),
    ],
)
def test_a_field_that_is_set_is_lowered_at_its_value_and_its_ends(
    path: str, text: str, field: str, expected: float
) -> None:
    profile = with_values(ZEN, {path: text})
    for at in ("value", "fast", "slow"):
        assert getattr(lower(profile, at), field) == expected
    assert profile.name == "zen-4"


def test_a_level_goes_by_its_name_and_may_be_unlimited_or_get_what_it_lacks() -> None:
    assert ZEN.memories[1].shared_bandwidth is None
    profile = with_values(
        ZEN,
        {
            "memories.L2.size": "2 MiB",
            "memories.L2.shared_bandwidth": "100 GB/s",
            "memories.L3.shared_bandwidth": "unlimited",
        },
    )
    machine = lower(profile)
    assert machine.level_size_bytes[1] == 2 * 1024**2
    assert machine.level_shared_bandwidth_bytes_per_s[1] == 100e9
    assert machine.level_shared_bandwidth_bytes_per_s[2] == math.inf


def test_bandwidth_a_cycle_follows_a_clock_that_is_set_beside_it() -> None:
    profile = with_values(ZEN, {"clock": "2 GHz", "memories.L2.bandwidth": "16 byte/cycle"})
    assert lower(profile).level_bandwidth_bytes_per_s[1] == 32e9


def test_instructions_a_cycle_are_ports_over_busy_cycles() -> None:
    place = tuple(CLASSES).index("vector_popcount")
    for given, ports, expected in (("2", None, 1.0), ("3", None, 2 / 3), ("2", "A,B,C,D", 2.0)):
        values = {"instructions.popcount.per_cycle": given}
        if ports:  # whatever stands first
            values["instructions.vector_popcount.ports"] = ports
        core = lower_core(with_values(ZEN, values))
        assert core.busy_cycles[place] == expected
        assert core.allowed[place].sum() == (4 if ports else 2)


def test_words_change_what_runs() -> None:
    profile = with_values(
        ZEN,
        {
            "core.execution": "in-order",
            "core.write_streaming": "true",
            "instructions.vector_add.uops": "2",
        },
    )
    assert profile.core is not None
    assert (profile.core.execution, profile.core.write_streaming) == ("in-order", True)
    assert lower_core(profile).uops[tuple(CLASSES).index("vector_add")] == 2
    structure = {path for path, info in fields(ZEN).items() if info.is_structure}
    assert {p.rpartition(".")[2] for p in structure} == {
        "bits", "execution", "write_streaming", "ports", "uops",
    }  # fmt: skip


def test_the_note_says_what_stood_there_however_often_it_is_set() -> None:
    once = with_values(ZEN, {"clock": "2 GHz"})
    twice = with_values(once, {"clock": "3 GHz"})
    assert once.clock.note.startswith("In place of 3.3 GHz (cpuinfo-9654).")
    assert twice.clock.note.startswith("In place of 2 GHz (what-if). In place of 3.3 GHz")
    assert twice.sources["what-if"].startswith("set for a question")


def test_a_source_of_that_name_in_the_profile_is_left_alone() -> None:
    document = ZEN.model_dump(by_alias=True)
    document["sources"] = {**document["sources"], "what-if": "a book of that title"}
    document["clock"]["note"] = "what-if"
    profile = with_values(type(ZEN).model_validate(document), {"simd.bits": "256 bit"})
    assert profile.sources["what-if"] == "a book of that title"
    assert profile.simd.bits.source == "what-if-if"


@pytest.mark.parametrize(
    ("values", "messages"),
    [
        ({"clok": "1 GHz"}, ["clok: no such field of zen-4: did you mean clock?"]),
        ({"clock": "3"}, ["clock: '3' has no unit", "as '1.5 GHz'"]),
        ({"clock": "3 MiB"}, ["'MiB' does not measure hertz"]),
        ({"clock": "nan GHz"}, ["not of the form 'number unit'"]),
        ({"clock": "1e999 GHz"}, ["not a finite number"]),
        ({"clock": "-1 GHz"}, ["must not be negative"]),
        ({"clock": "0 GHz"}, ["must be greater than 0"]),
        ({"clock": "unlimited"}, ["not of the form"]),
        ({"cores": "2.5"}, ["must be a whole number"]),
        ({"core.efficiency": "1.5"}, ["must not be above 1"]),
        ({"core.execution": "sideways"}, ["valid choices: in-order, out-of-order"]),
        ({"instructions.popcount.ports": " , "}, ["at least one port"]),
        ({"memories.L2.size": "1 TiB"}, ["above that of the level before it"]),
        ({"memories.L1.overlap": "0.5"}, ["no such field"]),  # nothing is nearer
        (
            {
                "instructions.popcount.busy": "1 cycle",
                "instructions.vector_popcount.per_cycle": "2",
            },
            ["instructions.vector_popcount.busy is set already, by instructions.popcount.busy"],
        ),
        ({"cores": "0", "clock": "1 m"}, ["cores: ", "\n  clock: "]),  # all at once
    ],
)
def test_what_cannot_be_set_is_told(values: dict[str, Any], messages: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        with_values(ZEN, values)
    for message in messages:
        assert message in str(caught.value)


def test_a_machine_has_the_fields_of_its_own_sections_only() -> None:
    assert not [path for path in fields(BARE) if path.startswith(("instructions.", "energy."))]
    assert "energy.binary_mac" not in fields(ZEN)  # all six or none
    with pytest.raises(UsageError, match=r"raspberry-pi-4b has no field 'memories.L3.size'"):
        field_of(BOARD, "memories.L3.size")
    assert field_of(BOARD, "instructions.popcount.busy").path == "instructions.vector_popcount.busy"


def test_short_names_are_those_of_vectors() -> None:
    assert canonical("instructions.popcount.busy") == "instructions.vector_popcount.busy"
    assert canonical("instructions.fp32_add.busy") == "instructions.fp32_add.busy"
    assert canonical("instructions.nothing.busy") == "instructions.nothing.busy"
    assert canonical("clock") == "clock"


def test_many_values_lower_as_each_of_them_set_in_the_profile() -> None:
    texts = ["1", "2", "3", "0.7"]
    axis = np.array([float(text) for text in texts])[:, None]
    draws = drawn_at(ZEN, {"instructions.popcount.per_cycle": axis, "clock": axis * 1e9})
    core, machine = lower_core(ZEN, draws), lower(ZEN, draws)
    place = core.classes.index("vector_popcount")
    for row, text in enumerate(texts):
        one = with_values(ZEN, {"instructions.popcount.per_cycle": text, "clock": f"{text} GHz"})
        assert core.busy_cycles[row, 0, place] == lower_core(one).busy_cycles[place]
        assert np.broadcast_to(machine.clock_hz, (4, 1))[row, 0] == lower(one).clock_hz
    with pytest.raises(UsageError, match="set it in the profile"):
        drawn_at(ZEN, {"simd.bits": axis})
