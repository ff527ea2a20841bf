"""One part of a machine faster at a time: rows are single predictions, and knees are found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import xnorsim as xs
from xnorsim.errors import UsageError
from xnorsim.machine.fields import with_values

PROFILE = "raspberry-pi-4b"
NETWORK = "finn-tfc-1w1a"
FIELDS = {
    "clock": "clock",
    "memory": ("memories.DRAM.bandwidth", "memories.DRAM.shared_bandwidth"),
    "SIMD width": "simd.bits",
}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return xs.scaled_hardware(NETWORK, FIELDS, profile=PROFILE, factors=(0.5, 2, 4),
                              predictor="instructions:larq")  # fmt: skip


def test_a_row_is_the_prediction_of_that_machine(table):
    values = {"memories.DRAM.bandwidth": "8.2 GB/s", "memories.DRAM.shared_bandwidth": "10 GB/s"}
    machine = with_values(xs.load_profile(PROFILE), values)
    report = xs.analyze(NETWORK, profile=machine, predictor="instructions:larq")
    totals, row = report.predictions[0].totals, table.loc["memory", 2.0]
    assert {name: row[name] for name in totals} == totals
    assert row["value"] == "8.2 GB/s"


def test_the_machine_as_it_is_stands_in_each_field(table):
    plain = xs.analyze(NETWORK, profile=PROFILE, predictor="instructions:larq")
    own = table.xs(1.0, level="factor")["latency_s"]
    assert own.to_dict() == dict.fromkeys(FIELDS, plain.predictions[0].totals["latency_s"])


def test_limits_add_up_and_attributes_say_what_it_is(table):
    limits = table.filter(like="limited_by_")
    np.testing.assert_allclose(limits.sum(axis=1), table["latency_s"], rtol=1e-12)
    assert table.attrs["predictor"] == "instructions:larq"
    assert table.attrs["levels"] == ["L1", "L2", "DRAM"]


def test_a_factor_that_the_program_cannot_have_is_left_out_and_told(table):
    assert table.loc["SIMD width"].index.tolist() == [1.0, 2.0, 4.0]
    (note,) = table.attrs["notes"]
    assert note.startswith("SIMD width × 0.5: ")
    assert "vectors of 128 bits, not of 64" in note


@pytest.mark.parametrize(
    ("fields", "given", "message"),
    [
        (["memories.L3.size"], {}, "no field 'memories.L3.size'"),
        (["core.execution"], {}, "core.execution is scaled, and profile .* has out-of-order"),
        ({"memory": ()}, {}, "no field of the profile is to be scaled"),
        ([], {}, "no field of the profile is to be scaled"),
        (["clock"], {"factors": (0,)}, "factor 0: give numbers above 0"),
        (["clock"], {"factors": ("x",)}, "factor 'x': give numbers above 0"),
        (["clock"], {"factors": (float("nan"),)}, "factor nan: give numbers above 0"),
        (["simd.bits"], {"factors": (0.3,)}, "simd.bits at no other factor: "),
        (["clock"], {"profile": (PROFILE, "zen-4")}, "one profile, and 2 were given"),
        (["clock"], {"predictor": "guess"}, "no predictor 'guess'"),
    ],
)
def test_what_cannot_be_asked_is_refused(fields, given, message):
    with pytest.raises(UsageError, match=message):
        xs.scaled_hardware(NETWORK, fields, **{"profile": PROFILE, **given})


def made_up(latencies, factors=(0.5, 1.0, 2.0, 4.0, 8.0)) -> pd.DataFrame:
    index = pd.MultiIndex.from_product([["x"], factors], names=["field", "factor"])
    columns = {"value": [f"{factor:g} GHz" for factor in factors], "latency_s": latencies}
    found = pd.DataFrame({**columns, "limited_by_L2_s": 1.0, "limited_by_B_s": 3.0}, index)
    found.attrs["levels"] = ["L1", "L2"]
    return found


@pytest.mark.parametrize(
    ("latencies", "pays_until", "reason"),
    [
        ([200, 100, 50, 25, 12.5], 8.0, "every doubling halves"),
        ([200, 100, 50, 49, 48.9], 2.0, "the second saves 2%"),
        ([200, 100, 100, 100, 100], 1.0, "nothing is gained above what there is"),
        ([200, 100, 98, 60, 59], 4.0, "a cliff behind a plateau, as of a cache"),
        ([200, 100, 95, 95, 95], 2.0, "exactly the share that is asked for"),
    ],
)
def test_the_knee_is_the_last_doubling_that_saves_enough(latencies, pays_until, reason):
    (knee,) = xs.knees(made_up(latencies)).to_dict("records")
    assert knee["pays_until"] == pays_until, reason
    assert knee["value"] == f"{pays_until:g} GHz"
    assert knee["limited_by"] == "port B"
    assert knee["share"] == 0.75


def test_a_wide_step_counts_by_its_doublings():
    far = xs.knees(made_up([100, 92, 86], (1.0, 4.0, 16.0)))  # 4.1% and 3.3% a doubling
    assert far.loc["x", "pays_until"] == 1.0
    assert far.loc["x", "first_saving"] == pytest.approx(1 - 0.92**0.5)
    assert xs.knees(made_up([100, 92, 86], (1.0, 4.0, 16.0)), saving=0.04).loc["x", "speedup"] > 1


def test_an_empty_table_has_no_knee():
    with pytest.raises(UsageError, match="a table without rows has no knee"):
        xs.knees(made_up([5, 4, 3, 2, 1]).iloc[:0])


@pytest.mark.parametrize("saving", [0.0, 1.0, -0.1])
def test_a_saving_is_a_share(saving):
    with pytest.raises(UsageError, match="give a share between 0 and 1"):
        xs.knees(made_up([5, 4, 3, 2, 1]), saving=saving)
