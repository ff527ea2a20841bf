"""The instruction-level predictor: what is charged to which layer, and against the roofline."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from xnorsim.cost import instructions, roofline
from xnorsim.cost.ports import port_cycles
from xnorsim.cost.recipes import elements, layer_instructions, recipe_set, select
from xnorsim.errors import UsageError
from xnorsim.machine.core import lower_core
from xnorsim.machine.instructions import CLASSES
from xnorsim.machine.lowering import lower
from xnorsim.machine.profile import load_profile
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.network.precision import Scaling
from xnorsim.work.dimensions import Dimensions
from xnorsim.work.table import LayerTable, layer_table
from xnorsim.zoo import build
from xnorsim.zoo.builder import Builder

PI = load_profile("raspberry-pi-4b")
MACHINE, CORE = lower(PI), lower_core(PI)
OWN = recipe_set("own", 128)


def table(binarize: Binarize = Binarize.NONE, scaling: Scaling = Scaling.ALPHA) -> LayerTable:
    """One convolution, a batch normalization that stays, a pool and an addition."""
    b = Builder("small", (1, 64, 14, 14))
    x = b.conv(b.input, 64, 3, padding=1, bias=False, name="conv")
    y = b.max_pool(b.add(x, b.batch_norm(x, name="bn"), name="sum"), 2, name="pool")
    return layer_table(apply(b.graph(y), Policy(binarize, keep=(), scaling=scaling)))


def mix_of(found: LayerTable, name: str) -> np.ndarray:
    mix = instructions.layer_mix(found.columns, found.kinds, OWN, CORE)
    return mix[found.names.index(name)]


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
    at = list(CLASSES).index("fp32_mul")
    # K: the mean over 64 channels, 9 taps and 1 / 9 a position, and the product with each result
    operations = 64 * 196 + 196 + 9 * 196 + 64 * 196
    assert (with_k - without)[at] == pytest.approx(operations / 4, rel=0.1), "four lanes"


def test_time_is_the_longest_part_and_the_overhead():
    found = table(Binarize.XNOR)
    got = instructions.predict(found.columns, found.kinds, MACHINE, CORE, OWN)
    mix = instructions.layer_mix(found.columns, found.kinds, OWN, CORE)
    on_core = port_cycles(mix, CORE) / MACHINE.clock_hz * (found.columns["runs"] > 0)
    moved = roofline.transfer_seconds(found.columns, MACHINE)[1:]
    overhead = found.columns["runs"] * MACHINE.layer_overhead_s
    np.testing.assert_allclose(got.latency_s, np.maximum.reduce([on_core, *moved]) + overhead)
    names = instructions.bound_names(MACHINE)
    assert names == ("instructions", *MACHINE.level_names[1:], "overhead")
    assert names[got.bound[found.names.index("conv")]] == "instructions"


def test_a_faster_clock_and_freer_ports_never_cost_time():
    found = layer_table(apply(build("resnet18"), Policy(Binarize.XNOR)))

    def seconds(machine=MACHINE, core=CORE, threads=1):
        return instructions.predict(
            found.columns, found.kinds, machine, core, OWN, threads
        ).latency_s

    base = seconds()
    assert (seconds(dataclasses.replace(MACHINE, clock_hz=2 * MACHINE.clock_hz)) <= base).all()
    assert (seconds(core=dataclasses.replace(CORE, issue_width=8)) <= base).all()
    assert (seconds(core=dataclasses.replace(CORE, busy_cycles=CORE.busy_cycles / 2)) <= base).all()
    assert (seconds(threads=4) <= base).all()
    assert (base >= 0).all()


def test_programs_differ_where_their_loops_do():
    found = layer_table(apply(build("resnet18"), Policy(Binarize.XNOR)))
    total = {
        name: instructions.predict(
            found.columns, found.kinds, MACHINE, CORE, recipe_set(name, 128)
        ).latency_s.sum()
        for name in ("own", "larq", "dabnn")
    }
    assert total["larq"] < total["dabnn"], "signs by vectors, and none of dabnn's separate passes"


def test_a_machine_that_lacks_instructions_is_an_error():
    found = table(Binarize.XNOR)
    haswell = load_profile("haswell")
    with pytest.raises(
        UsageError, match=r"'larq' cannot run 'binary' on this machine.*vector_popc"
    ):
        instructions.layer_mix(
            found.columns, found.kinds, recipe_set("larq", 256), lower_core(haswell)
        )
    softmax = Builder("scores", (1, 10))
    scores = layer_table(softmax.graph(softmax.softmax(softmax.input)))
    with pytest.raises(UsageError, match=r"'dabnn' has no kernel for 'elem.*\n.*of kind softmax"):
        instructions.layer_mix(scores.columns, scores.kinds, recipe_set("dabnn", 128), CORE)
    with pytest.raises(UsageError, match="2 kinds were given for"):
        instructions.predict(found.columns, ["conv", "add"], MACHINE, CORE, OWN)
