"""The roofline on machines small enough to work out by hand, and its properties."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorsim import zoo
from xnorsim.cost import formula, roofline
from xnorsim.cost.network import BASELINES, Twin, amdahl_limit, predict_network
from xnorsim.errors import UsageError
from xnorsim.machine.lowering import Machine, better, lower
from xnorsim.machine.profile import load_profile, profile_names
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.work.table import COLUMNS, layer_table
from xnorsim.zoo.builder import Builder

MACHINE = Machine(
    name="by-hand",
    at="value",
    clock_hz=1e9,
    cores=4.0,
    simd_bits=128.0,
    binary_vectors_per_cycle=0.5,  # 64 binary MACs a cycle
    bwn_vectors_per_cycle=0.5,  # 2
    int8_vectors_per_cycle=1.0,  # 16
    fp32_vectors_per_cycle=1.0,  # 4
    elementwise_vectors_per_cycle=0.5,  # 2
    binarize_vectors_per_cycle=1.0,  # 4
    scalar_fp32_latency_cycles=4.0,
    scalar_loads_per_cycle=1.0,
    level_names=("L1", "L2", "DRAM"),
    level_size_bytes=np.array([32e3, 1e6, 1e9]),
    level_bandwidth_bytes_per_s=np.array([16e9, 8e9, 2e9]),
    level_shared_bandwidth_bytes_per_s=np.array([math.inf, 16e9, 3e9]),
    level_overlap=np.ones(3),
    level_energy_j_per_byte=np.array([1e-12, 1e-11, 1e-10]),
    efficiency=1.0,
    layer_overhead_s=1e-6,
    energy_node_m=45e-9,
    energy_voltage_v=0.9,
    energy_instruction_j=np.nan,
    energy_binary_mac_j=1e-14,
    energy_bwn_mac_j=1e-12,
    energy_int8_mac_j=1e-13,
    energy_fp32_mac_j=5e-12,
    energy_fp_op_j=1e-12,
    energy_binarize_j=1e-13,
    static_power_w=0.5,
)


def columns(**given: int) -> dict[str, np.ndarray]:
    return {name: np.array([given.get(name, 0)], dtype=np.int64) for name in COLUMNS}


@pytest.mark.parametrize(
    ("work", "cycles", "why"),
    [
        ({"binary_macs": 640}, 10, "128 bits / 1 x 0.5"),
        ({"bwn_macs": 640}, 320, "128 / 32 x 0.5"),
        ({"int8_macs": 640}, 40, "128 / 8"),
        ({"fp_macs": 640}, 160, "128 / 32"),
        ({"other_macs": 640}, 160, "as floats"),
        ({"fp_ops": 640}, 320, "128 / 32 x 0.5"),
        ({"binarize_ops": 640}, 160, "128 / 32"),
        ({"binary_macs": 640, "fp_ops": 64}, 42, "they share the vector unit: the sum"),
    ],
)
def test_compute_ceilings(work, cycles, why):
    found = roofline.compute_seconds(columns(**work), MACHINE)
    assert found[0] == pytest.approx(cycles * 1e-9, rel=1e-12), why


BYTE = 8


@pytest.mark.parametrize(
    ("work", "expected", "why"),
    [
        (
            {"activation_traffic_bits": 10_000 * BYTE},
            [10e3, 0, 0],
            "fits into L1",
        ),
        (
            {"activation_traffic_bits": 50_000 * BYTE},
            [50e3, 50e3, 0],
            "more than L1 holds: all of it crosses from L2",
        ),
        (
            {"weight_bits": 2_000_000 * BYTE, "parameter_traffic_bits": 2_000_000 * BYTE},
            [2e6, 2e6, 2e6],
            "weights that no cache keeps come from memory each time",
        ),
        (
            {
                "weight_bits": 3000 * BYTE,
                "scale_bits": 1000 * BYTE,
                "parameter_traffic_bits": 4000 * BYTE,
            },
            [4e3, 0, 0],
            "weights of a network that fits into L1 stay there",
        ),
        ({"input_bits": 8000, "output_bits": 8000}, [0, 0, 0], "a view moves nothing"),
    ],
)
def test_traffic_by_level(work, expected, why):
    found = [float(level[0]) for level in roofline.traffic_bytes(columns(**work), MACHINE)]
    assert found == expected, why


def test_weights_stay_in_a_cache_only_if_all_of_the_network_do():
    """Two layers of 20 kB each: either would fit into L1, both together do not."""
    each = np.array([20_000, 20_000]) * BYTE
    work = {name: np.zeros(2, dtype=np.int64) for name in COLUMNS}
    work |= {"weight_bits": each, "parameter_traffic_bits": each}
    l1, l2, dram = roofline.traffic_bytes(work, MACHINE)
    assert l2.tolist() == l1.tolist() == [20e3, 20e3]
    assert dram.tolist() == [0, 0]


def test_a_shared_weight_is_read_each_time():
    """Stored with the first of two layers, and moved for both."""
    work = {name: np.zeros(2, dtype=np.int64) for name in COLUMNS}
    work["weight_bits"] = np.array([2_000_000 * BYTE, 0])
    work["parameter_traffic_bits"] = np.array([2_000_000 * BYTE, 2_000_000 * BYTE])
    found = roofline.predict(work, MACHINE)
    assert found.latency_s[0] == found.latency_s[1] == pytest.approx(1e-3)


def test_bandwidth_grows_with_threads_to_the_shared_limit():
    work = columns(weight_bits=6_000_000 * BYTE, parameter_traffic_bits=6_000_000 * BYTE)
    seconds = [roofline.transfer_seconds(work, MACHINE, n)[2][0] for n in (1, 2, 4)]
    assert seconds == pytest.approx([3e-3, 2e-3, 2e-3])  # 2 GB/s, then 3 GB/s for all together


@pytest.mark.parametrize(
    ("work", "latency", "bound", "why"),
    [
        ({"fp_macs": 4_000_000}, 1e-3, "compute", "1e6 cycles"),
        ({"fp_macs": 4_000_000, "runs": 1}, 1e-3 + 1e-6, "compute", "overhead is added"),
        ({"fp_macs": 4, "runs": 1}, 1e-9 + 1e-6, "overhead", "mostly overhead"),
        (
            {
                "fp_macs": 4000,
                "weight_bits": 2_000_000 * BYTE,
                "parameter_traffic_bits": 2_000_000 * BYTE,
                "runs": 1,
            },
            1e-3 + 1e-6,
            "DRAM",
            "2 MB at 2 GB/s hide the compute",
        ),
        ({}, 0.0, "compute", "a view takes no time"),
    ],
)
def test_the_nearest_bound_wins(work, latency, bound, why):
    found = roofline.predict(columns(**work), MACHINE)
    assert found.latency_s[0] == pytest.approx(latency, rel=1e-12), why
    assert roofline.bound_names(MACHINE)[found.bound[0]] == bound, why


def test_energy_adds_operations_bytes_and_static_power():
    work = columns(binary_macs=1000, fp_ops=10, activation_traffic_bits=100 * BYTE, runs=1)
    found = roofline.predict(work, MACHINE)
    by_hand = 1000 * 1e-14 + 10 * 1e-12 + 100 * 1e-12 + 0.5 * float(found.latency_s[0])
    assert found.energy_j[0] == pytest.approx(by_hand, rel=1e-12)


def test_scalar_loop_waits_for_the_addition_or_for_the_loads():
    work = columns(macs=1000, fp_ops=100)
    assert roofline.scalar_seconds(work, MACHINE)[0] == pytest.approx((4000 + 200) * 1e-9)
    slow_loads = dataclasses.replace(MACHINE, scalar_loads_per_cycle=0.25)
    assert roofline.scalar_seconds(work, slow_loads)[0] == pytest.approx((8000 + 800) * 1e-9)


def test_fields_may_be_arrays_of_design_points():
    table = layer_table(apply(zoo.build("resnet18"), Policy(Binarize.XNOR)))
    clocks = np.array([0.5e9, 1e9, 2e9])[:, np.newaxis]
    many = roofline.predict(table.columns, dataclasses.replace(MACHINE, clock_hz=clocks))
    assert many.latency_s.shape == (3, len(table))
    for row, clock in enumerate(clocks[:, 0]):
        one = roofline.predict(table.columns, dataclasses.replace(MACHINE, clock_hz=clock))
        np.testing.assert_array_equal(many.latency_s[row], one.latency_s)
        np.testing.assert_array_equal(many.energy_j[row], one.energy_j)
        np.testing.assert_array_equal(many.bound[row], one.bound)


SCALARS = sorted(
    field.name
    for field in dataclasses.fields(Machine)
    if field.metadata and not field.name.startswith("level_")
)
WORK = [name for name in COLUMNS if name.endswith(("macs", "ops", "bits")) or name == "runs"]


@given(
    st.fixed_dictionaries({name: st.integers(0, 10**9) for name in WORK}),
    st.sampled_from(SCALARS),
    st.floats(1.01, 100),
)
def test_a_better_machine_never_costs_more_time(work, field, factor):
    value = getattr(MACHINE, field)
    changed = value * factor if better(field) == "high" else value / factor
    improved = dataclasses.replace(MACHINE, **{field: changed})
    before = roofline.predict(columns(**work), MACHINE, threads=2).latency_s[0]
    after = roofline.predict(columns(**work), improved, threads=2).latency_s[0]
    assert after <= before * (1 + 1e-12)


@given(
    st.fixed_dictionaries({name: st.integers(0, 10**9) for name in WORK}),
    st.sampled_from(["size", "bandwidth", "shared_bandwidth"]),
    st.integers(0, 2),
    st.floats(1.01, 100),
)
def test_more_cache_or_bandwidth_never_costs_more_time(work, what, level, factor):
    units = {"size": "bytes", "bandwidth": "bytes_per_s", "shared_bandwidth": "bytes_per_s"}
    field = f"level_{what}_{units[what]}"
    grown = getattr(MACHINE, field).copy()
    grown[level] *= factor
    improved = dataclasses.replace(MACHINE, **{field: grown})
    before, after = (roofline.predict(columns(**work), m) for m in (MACHINE, improved))
    assert after.latency_s[0] <= before.latency_s[0] * (1 + 1e-12)


@given(st.sampled_from(WORK), st.integers(0, 10**8), st.integers(1, 10**8))
def test_more_work_never_costs_less(name, some, more):
    before, after = (
        roofline.predict(columns(**{"runs": 1, name: n}), MACHINE) for n in (some, some + more)
    )
    assert after.latency_s[0] >= before.latency_s[0]
    assert after.energy_j[0] >= before.energy_j[0]


def prediction(profile: str, binarize=Binarize.XNOR, network="resnet18", **options):
    graph = zoo.build(network)
    table = layer_table(apply(graph, Policy(binarize)))
    floats = layer_table(graph)
    binary = dict(
        zip(table.names, table.columns["binary_macs"] + table.columns["bwn_macs"], strict=True)
    )
    twin = Twin(floats.columns, np.array([binary[name] > 0 for name in floats.names]))
    return predict_network(table.columns, twin, load_profile(profile), **options)


@pytest.mark.parametrize("profile", profile_names())
@pytest.mark.parametrize("binarize", list(Binarize))
def test_every_range_contains_its_value(profile, binarize):
    found = prediction(profile, binarize)
    for name in ("latency_s", "energy_j"):
        low, value, high = (found.columns[name + end] for end in ("_low", "", "_high"))
        known = ~np.isnan(value)
        assert (low[known] <= value[known]).all()
        assert (value[known] <= high[known]).all()
        assert found.totals[name] == pytest.approx(value.sum(), nan_ok=True)
    for name in BASELINES:
        assert found.speedup_low[name] <= found.speedup[name] <= found.speedup_high[name]


@pytest.mark.parametrize("profile", profile_names())
def test_a_float_network_gains_nothing_over_itself(profile):
    found = prediction(profile, Binarize.NONE)
    assert found.speedup["peak"] == 1.0
    assert found.speedup["paper"] == 1.0
    assert found.amdahl == dict.fromkeys(BASELINES, 1.0)


def test_the_papers_machine_gives_the_papers_speedup():
    """One scaled binary convolution: 62.27x by the formula and by the roofline alike."""
    b = Builder("reference", input=(1, 256, 14, 14))
    graph = b.graph(b.conv(b.input, 256, 3, padding=1, bias=False, name="conv"))
    table = layer_table(apply(graph, Policy(Binarize.XNOR, keep=())))
    twin = Twin(layer_table(graph).columns, np.array([True]))
    machine = load_profile("paper-64ops")
    found = predict_network(table.columns, twin, machine)
    assert round(found.speedup["paper"], 2) == round(found.speedup["peak"], 2) == 62.27
    found = predict_network(table.columns, twin, machine, predictor="formula")
    assert round(found.speedup["paper"], 2) == 62.27
    assert math.isnan(found.speedup["peak"])  # clocks of a formula against seconds of a machine


def test_formula_predictor_is_the_papers_clocks():
    found = prediction("paper-64ops", predictor="formula")
    table = layer_table(apply(zoo.build("resnet18"), Policy(Binarize.XNOR)))
    clock = lower(load_profile("paper-64ops")).clock_hz
    np.testing.assert_array_equal(found.columns["latency_s"], formula.clocks(table.columns) / clock)
    assert np.isnan(found.columns["energy_j"]).all()
    assert set(found.bounds) == {"operations"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 5}, "threads 5: profile raspberry-pi-4b has 4 cores; valid choices: 1 to 4"),
        ({"threads": 0}, "threads 0"),
        ({"predictor": "rooflin"}, "no predictor 'rooflin': did you mean roofline"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(UsageError, match=message):
        prediction("raspberry-pi-4b", **options)


@pytest.mark.parametrize(
    ("cost", "binary", "limit", "why"),
    [
        ([1.0, 9.0], [False, True], 10.0, "a tenth stays"),
        ([1.0, 9.0], [False, False], 1.0, "nothing is binary"),
        ([1.0, 9.0], [True, True], math.inf, "all of it"),
        ([0.0, 0.0], [True, False], math.nan, "no cost, no ratio"),
    ],
)
def test_amdahl(cost, binary, limit, why):
    found = amdahl_limit(np.array(cost), np.array(binary))
    assert found == pytest.approx(limit, nan_ok=True), why


def test_speedup_never_passes_amdahls_limit_at_equal_layers():
    """With nothing but MACs, the limit by operations bounds the paper's speedup."""
    found = prediction("paper-64ops")
    assert found.speedup["paper"] <= found.amdahl["paper"]
