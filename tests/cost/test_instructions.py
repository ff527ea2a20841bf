"""The instruction-level predictor: what is charged to which layer, and one layer by hand."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest

from tests.cost.columns import pass_columns, product_columns
from xnorsim.cost.axes import dense
from xnorsim.cost.energy import EnergyCosts
from xnorsim.cost.inputs import Design, design
from xnorsim.cost.instructions import (
    Work,
    all_issued,
    bound_names,
    nearest_bytes,
    predict,
    stage_seconds,
    stage_times,
    work_of,
)
from xnorsim.cost.ports import chain_cycles, port_cycles
from xnorsim.cost.recipes import (
    Kernel,
    Part,
    RecipeSet,
    Tile,
    Walk,
    by_class,
    elements,
    layer_instructions,
    own_scalar,
    recipe_set,
    select,
    steps,
    tiles,
)
from xnorsim.cost.recipes.extents import position_steps
from xnorsim.cost.recipes.program import one
from xnorsim.errors import UsageError
from xnorsim.machine.core import Core, lower_core
from xnorsim.machine.instructions import CLASSES
from xnorsim.machine.lowering import Machine, lower
from xnorsim.machine.profile import load_profile
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.network.precision import Scaling
from xnorsim.work.dimensions import Dimensions
from xnorsim.work.table import LayerTable, layer_table
from xnorsim.zoo import build
from xnorsim.zoo.builder import Builder

PI = load_profile("raspberry-pi-4b")
CORE = lower_core(PI)
OWN = recipe_set("own", 128)
ORDER = list(CLASSES)


def table(binarize: Binarize = Binarize.NONE, scaling: Scaling = Scaling.ALPHA) -> LayerTable:
    """One convolution, a batch normalization that stays, a pool and an addition."""
    b = Builder("small", (1, 64, 14, 14))
    x = b.conv(b.input, 64, 3, padding=1, bias=False, name="conv")
    y = b.max_pool(b.add(x, b.batch_norm(x, name="bn"), name="sum"), 2, name="pool")
    return layer_table(apply(b.graph(y), Policy(binarize, keep=(), scaling=scaling)))


def mix_of(found: LayerTable, name: str) -> np.ndarray:
    return mix(work_of(found.columns, found.kinds, OWN, CORE))[found.names.index(name)]


def mix(work: Work) -> np.ndarray:
    """All instructions [layers, classes]."""
    return by_class(all_issued(work))


LAYERS = [
    # (binarize, layer, kernel, loop nest, why)
    (Binarize.NONE, "conv", "fp", Dimensions(196, 64, 64, 9), "a float convolution"),
    (Binarize.XNOR, "conv", "binary", Dimensions(196, 64, 64, 9), "the same with bits"),
    (Binarize.BWN, "conv", "bwn", Dimensions(196, 64, 64, 9), "the same with +-1 weights"),
    (Binarize.XNOR, "conv.sign", "binarize", elements(64 * 196), "a pass over its input"),
    (Binarize.NONE, "sum", "add", elements(64 * 196), "a pass over its results"),
    (Binarize.NONE, "pool", "max_pool", elements(64 * 49, 3), "three comparisons a window of four"),
]


@pytest.mark.parametrize(("binarize", "layer", "kernel", "nest", "why"), LAYERS)
def test_a_layer_issues_what_its_kernel_does(binarize, layer, kernel, nest, why):
    one = Dimensions(*(np.atleast_1d(getattr(nest, f.name)) for f in dataclasses.fields(nest)))
    expected = layer_instructions(select(OWN, kernel, CORE), one)[0]
    np.testing.assert_allclose(mix_of(table(binarize), layer), expected, err_msg=why)


def test_the_map_k_is_charged_beside_the_kernel():
    with_k, without = (
        mix_of(table(Binarize.XNOR, scaling), "conv")
        for scaling in (Scaling.ALPHA_K, Scaling.ALPHA)
    )
    at = ORDER.index("fp32_mul")
    # K: the mean over 64 channels, 9 taps and 1 / 9 a position, and the product with each result
    operations = 64 * 196 + 196 + 9 * 196 + 64 * 196
    assert (with_k - without)[at] == pytest.approx(operations / 4, rel=0.1), "four lanes"


KERNEL = Kernel(
    name="of a test",
    source="made up, after LCE's 8x4",
    tile=Tile(filters=8, positions=4, depth=128),
    word=32,
    parts=(
        Part(
            "layout", position_steps, {"vector_load": 4, "vector_store": 4, "branch": 7}, "layout"
        ),
        Part(
            "inner loop",
            steps,
            {
                "vector_logic": 32,
                "vector_popcount": 32,
                "vector_pairwise_add": 28,
                "vector_widening_accumulate": 4,
                "vector_load": 12,
                "scalar_alu": 2,
                "branch": 1,
            },
        ),
        Part(
            "results",
            tiles,
            {
                "fp_convert": 8,
                "fp32_mul": 8,
                "fp32_add": 8,
                "vector_load": 4,
                "broadcast_load": 2,
                "scalar_load": 2,
                "vector_store": 8,
                "scalar_alu": 20,
            },
        ),
    ),
    chain={"vector_widening_accumulate": 1},
    walk=Walk("gemm", activation_bits=1, weight_bits=1, packs=True),
)


class TestOneLayerByHand:
    """256 channels x 16 filters of 1 x 1 at 4 x 4 positions, by KERNEL.

    2 x 4 tiles of 2 steps of 128 bits: 16 steps, and 4 x 2 layouts of four positions. A 1 x 1
    filter has no im2col, and no tile is cut off. They issue 111, 60 and 15 instructions each, in
    all 16 x 111 + 8 x 60 + 8 x 15 = 2376.

    The core has the Cortex-A72's ports, but every instruction is one micro-operation of one cycle.
    Steps and tiles: its two vector pipes have 16 x 96 + 8 x 24 = 1728 cycles of work, 864; its load
    unit has 16 x 12 + 8 x 8 = 256, its front end 2256 / 3 = 752; the last sums of a tile wait for
    each other, 16 steps of 4 cycles. Before them the layouts: 8 x 4 loads and as many stores, but
    8 x 7 = 56 branches on one port. Together 920.
    """

    INSTRUCTIONS = 2376
    CORE_S = 920e-9  # at 1 GHz
    TENSORS = 512  # bytes of the inputs, and of the weights: 16 x 256 bits
    ONE_CYCLE = dataclasses.replace(
        CORE,
        busy_cycles=np.where(CORE.uops > 0, 1.0, np.nan),
        latency_cycles=np.full(len(CLASSES), 4.0),
        uops=np.minimum(CORE.uops, 1),
        issue_width=3.0,
    )
    MACHINE = dataclasses.replace(
        lower(PI),
        clock_hz=1e9,
        cores=16.0,
        level_size_bytes=np.array([32, 1024, 2**20]) * 1024.0,
        level_bandwidth_bytes_per_s=np.array([np.inf, 1e9, 0.5e9]),
        level_shared_bandwidth_bytes_per_s=np.full(3, np.inf),
        level_overlap=np.ones(3),
        efficiency=1.0,
        layer_overhead_s=7e-6,
    )
    COSTS = EnergyCosts(
        overhead_j=100e-12,
        datapath_j=np.full(len(CLASSES), 10e-12),
        level_names=("L1", "L2", "DRAM"),
        level_j_per_byte=np.array([1e-12, 10e-12, 100e-12]),
        static_power_w=0.5,
    )

    @classmethod
    def work(cls, network_bytes: int = 512) -> Work:
        """network_bytes: of all weights of the network that the layer is part of."""
        columns = product_columns("binary", Dimensions(16, 16, 256, 1))
        columns["weight_bits"] = np.array([8 * network_bytes])
        recipes = RecipeSet("one", "the kernel of a test", {"binary": ((KERNEL,),)})
        return work_of(columns, ["conv"], recipes, cls.ONE_CYCLE)

    @classmethod
    def predicted(cls, network_bytes: int = 512, threads: int = 1, **machine: Any) -> Any:
        at = Design(dataclasses.replace(cls.MACHINE, **machine), cls.ONE_CYCLE, cls.COSTS)
        return predict(cls.work(network_bytes), at, threads)

    def test_instructions(self):
        work = self.work()
        assert mix(work).sum() == self.INSTRUCTIONS
        each = dict(zip(CLASSES, mix(work)[0].tolist(), strict=True))
        assert each["vector_popcount"] == each["vector_logic"] == 16 * 32
        assert each["vector_load"] == 16 * 12 + 8 * 4 + 8 * 4
        layout, product = work.stages
        assert (layout.name, product.name) == ("layout", "product")
        numbers = [sum(stage.issued.values()) for stage in (layout, product)]
        assert numbers == [8 * 15, 16 * 111 + 8 * 60]
        assert layout.pieces == product.pieces == 8, "tiles"
        assert product.waits == {"vector_widening_accumulate": 16}
        assert layout.waits == {}

    @pytest.mark.parametrize(
        ("network_bytes", "seconds", "bound", "why"),
        [
            (512, 920e-9, "instructions", "everything is still in the first level"),
            (64 * 1024, 920e-9, "instructions", "512 B of weights from L2 at 1 GB/s: 512 ns"),
            (2**22, (56 + 1024) * 1e-9, "DRAM", "from the memory at 0.5 GB/s: 1024 ns"),
        ],
    )
    def test_cold_weights(self, network_bytes, seconds, bound, why):
        found = self.predicted(network_bytes, layer_overhead_s=0.0)
        np.testing.assert_allclose(found.latency_s, [seconds], rtol=1e-12, err_msg=why)
        assert bound_names(self.MACHINE)[found.bound[0]] == bound, why

    @pytest.mark.parametrize(
        ("overlap", "nanoseconds", "why"),
        [
            ((1, 1), 1024, "all at once: the memory takes longest"),
            ((0, 0), 864 + 512 + 1024, "one after another"),
            ((1, 0), 864 + 1024, "L2 behind the core, then the memory"),
            ((0, 1), 864 + 512, "the core, then L2; the memory behind both"),
            ((1, 0.5), 1024 + 432, "half of the shorter part hides"),
        ],
    )
    def test_overlap(self, overlap, nanoseconds, why):
        found = self.predicted(2**22, level_overlap=np.array([1, *overlap]))
        expected = [(56 + nanoseconds) * 1e-9 + 7e-6]  # the layout moves nothing
        np.testing.assert_allclose(found.latency_s, expected, rtol=1e-12, err_msg=why)

    @pytest.mark.parametrize(
        ("threads", "share", "why"),
        [
            (1, 1, "all eight tiles"),
            (3, 3 / 8, "one of three threads takes three"),
            (4, 2 / 8, "two each"),
            (8, 1 / 8, "one each"),
            (16, 1 / 8, "there are no more tiles"),
            (64, 1 / 8, "nor cores"),
        ],
    )
    def test_threads_beyond_the_tiles_gain_nothing(self, threads, share, why):
        found = self.predicted(threads=threads, layer_overhead_s=0.0)
        np.testing.assert_allclose(found.latency_s, [share * self.CORE_S], err_msg=why)

    def test_threads_beyond_the_cores_gain_nothing(self):
        found = self.predicted(threads=4, cores=2.0, layer_overhead_s=0.0)
        np.testing.assert_allclose(found.latency_s, [self.CORE_S / 2])

    def test_half_the_efficiency_is_twice_the_cycles(self):
        whole, half = (self.predicted(efficiency=share).latency_s for share in (1.0, 0.5))
        np.testing.assert_allclose(half - whole, [self.CORE_S], rtol=1e-9)

    def test_energy(self):
        """Loads and stores: 256 + 96 vectors of 16 bytes, 16 + 16 words of 8.

        The memory's 512 bytes cross two boundaries; 8.08 us at 0.5 W.
        """
        work = self.work(2**22)
        nearest = (256 + 96) * 16 + (16 + 16) * 8
        np.testing.assert_array_equal(nearest_bytes(all_issued(work), self.MACHINE), [nearest])
        found = self.predicted(2**22)
        expected = {
            "instruction overhead": self.INSTRUCTIONS * 100e-12,
            "datapath": self.INSTRUCTIONS * 10e-12,
            "L1": nearest * 1e-12,
            "L2": self.TENSORS * 10e-12,
            "DRAM": self.TENSORS * 100e-12,
            "static": 0.5 * (1080e-9 + 7e-6),
        }
        shares = {name: float(share[0]) for name, share in found.energy_shares.items()}
        assert shares == pytest.approx(expected, rel=1e-12)
        np.testing.assert_allclose(found.energy_j, [sum(expected.values())], rtol=1e-12)

    def test_without_energies_the_energy_is_unknown(self):
        found = predict(self.work(), Design(self.MACHINE, self.ONE_CYCLE, None))
        assert np.isnan(found.energy_j).all()
        assert not found.energy_shares
        assert np.isfinite(found.latency_s).all()

    def test_overhead_bounds_what_is_short(self):
        names = bound_names(self.MACHINE)
        assert names == ("instructions", "L2", "DRAM", "overhead")
        assert names[self.predicted().bound[0]] == "overhead"


def test_sums_of_a_scalar_loop_wait_for_each_other():
    """10 positions x 3 filters x 8 channels x 9 taps, each sum 9 cycles after the last.

    Its ports ask for less: two loads a step on one load unit.
    """
    latency = np.full(len(CLASSES), np.nan)
    latency[ORDER.index("scalar_fp32_add")] = 9
    core = dataclasses.replace(CORE, latency_cycles=latency)
    machine = dataclasses.replace(lower(PI), clock_hz=1e9, layer_overhead_s=0.0)
    columns = product_columns("fp", Dimensions(10, 3, 8, 9))
    loop = RecipeSet("c", "a loop in C", one({"fp": own_scalar.c_loop()}))
    work = work_of(columns, ["conv"], loop, core)
    cycles = 10 * 3 * 8 * 9 * 9
    (product,) = work.stages
    np.testing.assert_array_equal(chain_cycles(product.waits, core), [cycles])
    found = predict(work, Design(machine, core, None))
    np.testing.assert_allclose(found.latency_s, [cycles / 1e9])
    lazy = dataclasses.replace(machine, efficiency=0.9)  # of ports: a chain is as long as before
    np.testing.assert_allclose(predict(work, Design(lazy, core, None)).latency_s, [cycles / 1e9])
    unknown = dataclasses.replace(CORE, latency_cycles=np.full(len(CLASSES), np.nan))
    np.testing.assert_array_equal(chain_cycles(product.waits, unknown), [0])


@pytest.mark.parametrize(
    ("simd_bits", "issued", "moved", "why"),
    [
        (128, {"vector_load": 3, "vector_store": 1}, 64, "16 bytes each"),
        (512, {"vector_load": 1}, 64, "as wide as the machine's vectors"),
        (128, {"scalar_load": 1, "scalar_store": 2, "broadcast_load": 1}, 32, "words of 64 bits"),
        (32, {"scalar_load": 1, "scalar_store": 1}, 8, "or narrower ones"),
        (128, {"vector_logic": 5, "fp32_fma": 5, "branch": 5}, 0, "nothing else goes to memory"),
    ],
)
def test_bytes_of_loads_and_stores(simd_bits, issued, moved, why):
    machine: Machine = dataclasses.replace(lower(PI), simd_bits=simd_bits)
    np.testing.assert_array_equal(nearest_bytes(issued, machine), moved, err_msg=why)


def test_a_machine_with_one_memory_moves_nothing_further():
    """A microcontroller that runs from its only memory: its loads and stores are all there is."""
    machine = lower(PI)
    levels = [f.name for f in dataclasses.fields(Machine) if f.name.startswith("level_")]
    alone = dataclasses.replace(machine, **{name: getattr(machine, name)[:1] for name in levels})
    work = TestOneLayerByHand.work(2**22)
    found = predict(work, Design(alone, TestOneLayerByHand.ONE_CYCLE, None))
    expected = 920 / machine.clock_hz / machine.efficiency + machine.layer_overhead_s
    np.testing.assert_allclose(found.latency_s, [expected])
    assert bound_names(alone) == ("instructions", "overhead")


def test_programs_differ_where_their_loops_do():
    found = layer_table(apply(build("resnet18"), Policy(Binarize.XNOR)))
    total = {
        name: predict(
            work_of(found.columns, found.kinds, recipe_set(name, 128), CORE), design(PI)
        ).latency_s.sum()
        for name in ("own", "larq", "dabnn")
    }
    assert total["larq"] < total["dabnn"], "signs by vectors, and none of dabnn's separate passes"


def test_layers_that_do_not_run_issue_nothing_and_have_no_overhead():
    columns = product_columns("binary", Dimensions(np.array([16, 16]), 16, 256, 1))
    columns["runs"] = np.array([1, 0])
    columns["weight_bits"] = np.array([2**30, 2**30])  # in no cache
    work = work_of(columns, ["conv", "conv"], OWN, CORE)
    assert mix(work)[0].any()
    assert not mix(work)[1].any()
    found = predict(work, design(PI))
    assert found.latency_s[0] > 0
    assert found.latency_s[1] == found.energy_j[1] == 0


def fused(kind: str, moved_bits: int = 0) -> np.ndarray:
    """The latency of a pass over 2**20 results in the kernel of another layer."""
    columns = pass_columns(2**20, 2**20)
    columns |= {"runs": np.array([0]), "activation_traffic_bits": np.array([moved_bits])}
    return predict(work_of(columns, [kind], OWN, CORE), design(PI)).latency_s


def test_a_fused_pass_takes_the_time_of_what_it_issues_and_reads():
    """An addition in the kernel before it: 4 MiB of its other input, from the memory."""
    at = design(PI)
    addition = layer_instructions(select(OWN, "add", CORE), elements(np.array([2**20])))
    time = (port_cycles(addition, CORE) / at.machine.efficiency / at.machine.clock_hz).item()
    for level in (1, 2):
        transfer = 2**22 / at.machine.level_bandwidth_bytes_per_s[level]
        hidden = at.machine.level_overlap[level] * min(time, transfer)
        time = time + transfer - hidden
    np.testing.assert_allclose(fused("add", 2**25), [time])


@pytest.mark.parametrize(
    ("kind", "is_free", "why"),
    [
        ("relu", True, "the clamp of the kernel before"),
        ("clip", True, "both sides of it"),
        ("batch_norm", True, "its scale and shift"),
        ("add", False, "another tensor"),
        ("sigmoid", False, "no kernel has it"),
        ("prelu", False, "a product and a choice"),
    ],
)
def test_only_what_kernels_take_in_is_free_where_it_is_fused(kind, is_free, why):
    assert bool(fused(kind)[0] == 0) is is_free, why


def test_stages_of_a_network():
    """Products by what they do in one go; passes, and what layers do beside their product."""
    found = table(Binarize.XNOR, Scaling.ALPHA_K)
    work = work_of(found.columns, found.kinds, OWN, CORE)
    each = {
        stage.name: ([found.names[layer] for layer in stage.layers], stage) for stage in work.stages
    }
    assert list(each) == ["im2col", "product", "results", "pass", "extra"]
    for name in ("im2col", "product", "results", "extra"):
        assert each[name][0] == ["conv"], "the map K is extra"
    assert "conv" not in each["pass"][0]
    assert {"conv.sign", "sum", "pool"} <= set(each["pass"][0])
    assert np.isinf(each["pass"][1].pieces).all()
    assert np.isinf(each["extra"][1].pieces).all()
    total = np.zeros_like(mix(work))
    for _, stage in each.values():
        total[stage.layers] += by_class(stage.issued)
    np.testing.assert_array_equal(total, mix(work))


def test_the_times_of_stages_add_up():
    found = layer_table(apply(build("resnet18"), Policy(Binarize.XNOR)))
    work, at = work_of(found.columns, found.kinds, recipe_set("larq"), CORE), design(PI)
    seconds = found.columns["runs"] * at.machine.layer_overhead_s
    for stage in stage_times(work, at, threads=2):
        latency = dense([stage_seconds(stage, place) for place in range(len(stage.layers))])
        seconds[stage.layers] += latency
        parts = [dense(part) for part in (stage.core_s, *stage.transfers_s)]
        longest = functools.reduce(np.maximum, parts)
        assert (latency >= longest).all()
        assert (latency <= sum(parts) * (1 + 1e-12)).all()
    np.testing.assert_allclose(predict(work, at, threads=2).latency_s, seconds, rtol=1e-12)


def core_of(profile: str) -> Core:
    return lower_core(load_profile(profile))


def test_a_machine_that_lacks_instructions_is_an_error():
    found = table(Binarize.XNOR)
    with pytest.raises(UsageError, match=r"'larq' is code for aarch64.*no vector_pairwise_add"):
        work_of(found.columns, found.kinds, recipe_set("larq", 256), core_of("haswell"))
    softmax = Builder("scores", (1, 10))
    scores = layer_table(softmax.graph(softmax.softmax(softmax.input)))
    with pytest.raises(UsageError, match=r"'dabnn' has no kernel for 'elem.*\n.*of kind softmax"):
        work_of(scores.columns, scores.kinds, recipe_set("dabnn", 128), CORE)
    with pytest.raises(UsageError, match="2 kinds were given for"):
        work_of(found.columns, ["conv", "add"], OWN, CORE)
    with pytest.raises(UsageError, match="paper-64ops has no instructions to predict from"):
        predict(TestOneLayerByHand.work(), design(load_profile("paper-64ops")))
