"""The whole binary convolution REF beside onnxruntime's fp32 convolution, one thread, in turns.

REF has 256 channels, 14x14 positions and 256 filters of 3x3, padded by 1, with alpha and batch
normalization. "xnor" goes from float images to float results, "xnor-bits" from packed signs to
packed signs. They take turns, a few calls at a time, so that each has its weights in the caches, as
in a loop over images. Ratios are taken round by round; stated are their median and quartiles.
The stages of a call follow, each timed by itself over all tiles; their sum differs from the whole
by the calls.
Exits with 1 if a median misses its aim.

    python bench/binary_conv.py          needs pip install 'xnorsim[native,bench]'
"""

from __future__ import annotations

import os

# read when numpy is first imported
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from xnorsim.kernels import binary, gemm
from xnorsim.kernels.compiled import alone
from xnorsim.kernels.packing import pack_planes, room_for
from xnorsim.kernels.patches import gather
from xnorsim.kernels.problem import Problem
from xnorsim.kernels.results import bounds_of, finish_bits, finish_floats, turning_points
from xnorsim.kernels.table import kernel
from xnorsim.measured.host import read_host
from xnorsim.measured.measure import interleaved
from xnorsim.measured.measurement import ratio
from xnorsim.network.bits import pack
from xnorsim.network.ops import Conv

ROUNDS, CALLS = 101, 8
AIMS = {"xnor": 10.0, "xnor-bits": 12.0}
BASELINE = "onnxruntime"
CHANNELS, SIZE, FILTERS = 256, 14, 256
REF = Conv(FILTERS, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1))


def problem() -> Problem:
    draw = np.random.default_rng(0)
    weight = draw.standard_normal((FILTERS, CHANNELS, 3, 3)).astype(np.float32)
    alpha, a, b = draw.standard_normal((3, FILTERS)).astype(np.float32)
    return Problem(REF, (1, CHANNELS, SIZE, SIZE), weight, np.abs(alpha), norm=(a, b))


def calls(ref: Problem, image: np.ndarray) -> dict[str, Callable[[], object]]:
    """The candidates and the baseline, by name."""
    signs = np.where(image >= 0, np.int8(1), np.int8(-1))
    given = {"floats": image, "bits": pack(np.ascontiguousarray(signs.transpose(0, 2, 3, 1)))}
    made: dict[str, Callable[[], object]] = {}
    for name in (*AIMS, BASELINE):
        entry = kernel(name)
        plain = ref if entry.kind == "binary" else replace(ref, alpha=None, norm=None)
        run, own = entry.ready(plain, 1).run, given[entry.takes]
        made[name] = lambda run=run, own=own: [run(own) for _ in range(CALLS)]
    return made


def stages(ref: Problem, image: np.ndarray) -> dict[str, Callable[[], object]]:
    """The parts of a call, each over all positions at once."""
    layer = binary.prepare(ref.op, ref.shape, ref.weight)
    positions = len(layer.classes)
    room = binary.room_for_tile(layer, positions)
    packing, gathering = alone(pack_planes), alone(gather)
    to_floats, to_bits = alone(finish_floats), alone(finish_bits)
    words, planes = room_for(1, positions, CHANNELS), image.reshape(1, CHANNELS, positions)
    packing(planes, words, 0, positions)
    assert ref.alpha is not None
    assert ref.norm is not None
    alpha, (a, b) = ref.alpha, ref.norm
    factors, K = np.stack([alpha, a, b])[None], np.ones((1, positions), np.float32)
    rule = turning_points(alpha, a, b, ref.weight[0].size)
    offsets, classes = layer.offsets, layer.classes
    bounds, flips = bounds_of(*rule, offsets[0], ref.weight[0].size, room.sums.dtype)
    floats = np.empty((1, FILTERS, positions), np.float32)
    bounds, flips = bounds[None], flips[None]
    bits = np.zeros((positions, FILTERS // 64), np.uint64)
    rows, panels = room.rows[:positions], layer.panels[0]
    ends = 0, positions
    patches = layer.window, layer.pad.ctypes.data, *ends, room.rows.ctypes.data
    return {
        "sign and pack": lambda: packing(planes, words, *ends),
        "patches": lambda: gathering(words.ctypes.data, words.shape[2], *patches),
        "GEMM": lambda: gemm.differing(rows, panels, room.sums, room.scratch),
        "to floats": lambda: to_floats(
            room.sums, offsets, factors, K, 0, classes, *ends, 0, floats
        ),
        "to bits": lambda: to_bits(room.sums, bounds, flips, 0, classes, *ends, 0, bits),
    }


def main() -> int:
    ref, host = problem(), read_host()
    image = np.random.default_rng(1).standard_normal(ref.shape).astype(np.float32)
    found = interleaved(calls(ref, image), ROUNDS, host=host)
    print(f"{host.model}, one thread, {ROUNDS} rounds; GEMM by {gemm.METHODS[0]}")
    reached = True
    for name, aim in AIMS.items():
        times, each = ratio(found[BASELINE], found[name]), found[name].times.median / CALLS
        reached &= times.median >= aim
        print(
            f"{name:10} {each * 1e6:8.1f} us, {times.median:5.1f}x faster than "
            f"{BASELINE} ({times.p25:.1f} to {times.p75:.1f}); aim {aim:g}x"
        )
    each = found[BASELINE].times.median / CALLS
    print(f"{BASELINE:10} {each * 1e6:8.1f} us")
    for name, part in interleaved(stages(ref, image), ROUNDS, host=host).items():
        share = part.times.median * CALLS / found["xnor"].times.median
        print(f"  {name:14} {part.times.median * 1e6:7.1f} us, {share:4.0%} of xnor")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
