"""Predicted traffic against two levels of caches that replay the address trace of each kernel.

The caches are written here (traces.py), since pycachesim comes from PyPI as C source only, and a
test may not ask for a compiler; where it is installed the two are compared access by access.
Caches and layers are small: 4 KiB and 32 KiB with lines of 64 bytes, 8 ways and fully associative.
`pytest -rP tests/cost/test_traffic_traces.py` prints the table.
"""

from __future__ import annotations

import functools
import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import pytest

from tests.cost import traces
from tests.cost.levels import by_level
from xnorsim.cost import nests
from xnorsim.cost.traffic import (
    Convolution,
    convolution_loops,
    depthwise_traffic,
    direct_traffic,
    gemm_loops,
    gemm_traffic,
    im2col_traffic,
    stream_traffic,
)

total_bytes = by_level(nests.total_bytes)

SIZES = (4096, 32768)
AIM = 0.10
TAPS = (("kernel_rows", 1), ("kernel_columns", 1))

Model = Callable[[tuple[float, ...]], Any]
"""Sizes of levels -> bytes below each."""


@dataclass(frozen=True)
class Kernel:
    """What one kernel is said to move, and how it goes through memory."""

    model: Model
    trace: Callable[[], Iterator[traces.Access]]


def gemm(
    sizes: tuple[int, int, int],
    tile: tuple[int, int, int],
    element: tuple[float, float, float],
    outer: Any = "positions",
    block: tuple[float, float, float] = (inf, inf, inf),
    **since: Any,
) -> Kernel:
    names = ("activation_bytes", "weight_bytes", "output_bytes")
    options = {**dict(zip(names, element, strict=True)), **since}
    blocks = dict(zip(("block_positions", "block_filters", "block_depth"), block, strict=True))
    loops = gemm_loops(*tile, outer=outer, **blocks)

    def model(level_sizes: tuple[float, ...]) -> Any:
        return total_bytes(
            gemm_traffic(*sizes, loops, level_sizes=level_sizes, line_bytes=64, **options)
        )

    def trace() -> Iterator[traces.Access]:
        return traces.gemm(*sizes, tile, outer=outer, block=block, element=element)

    return Kernel(model, trace)


def direct(
    output: tuple[int, int, int],
    channels: int,
    kernel: int,
    tile: tuple[int, int, int],
    element: tuple[float, float, float],
    stride: int = 1,
    depthwise: bool = False,
) -> Kernel:
    rows, columns, filters = output
    at = Convolution(rows, columns, channels, kernel, kernel, element[0], element[2], element[1])
    at = replace(at, filters=filters, stride_rows=stride, stride_columns=stride, line_bytes=64)
    steps = TAPS if depthwise else (*TAPS, ("channels", tile[2]))
    inner = "channels" if depthwise else "filters"
    loops = convolution_loops(tile[0], [(inner, tile[1])], steps)
    traffic = depthwise_traffic if depthwise else direct_traffic

    def trace() -> Iterator[traces.Access]:
        return traces.windows(
            output, channels, kernel, stride=stride, tile=tile, depthwise=depthwise, element=element
        )

    return Kernel(lambda sizes: total_bytes(traffic(at, loops, level_sizes=sizes)), trace)


def depthwise(
    side: int, channels: int, kernel: int, tile: tuple[int, int], **options: Any
) -> Kernel:
    output = (side, side, channels)
    return direct(output, channels, kernel, (*tile, 1), depthwise=True, **options)


def im2col(rows: int, columns: int, channels: int, kernel: int, element: float) -> Kernel:
    at = Convolution(rows, columns, channels, kernel, kernel, element, line_bytes=64)
    return Kernel(
        lambda sizes: total_bytes(im2col_traffic(at, level_sizes=sizes)),
        lambda: traces.im2col(rows, columns, channels, kernel, element=element),
    )


def by_im2col(
    side: int, channels: int, filters: int, element: tuple[float, float, float]
) -> Kernel:
    """A 3 x 3 convolution: what im2col wrote is still there for the product if both fit."""
    at = Convolution(side, side, channels, 3, 3, element[0], line_bytes=64)
    sizes, tile = (side * side, filters, 9 * channels), (4, 8, 16)
    since = ((side + 2) ** 2 + 9 * side**2) * channels * element[0]

    def model(level_sizes: tuple[float, ...]) -> Any:
        first = total_bytes(im2col_traffic(at, level_sizes=level_sizes))
        product = gemm(sizes, tile, element, since_bytes={"activations": since})
        return first + product.model(level_sizes)

    def trace() -> Iterator[traces.Access]:
        yield from traces.im2col(side, side, channels, 3, element=element[0])
        yield from traces.gemm(*sizes, tile, element=element)

    return Kernel(model, trace)


def stream(read: int, written: int) -> Kernel:
    return Kernel(
        lambda sizes: total_bytes(stream_traffic(read, written, level_sizes=sizes)),
        lambda: traces.stream(read, written),
    )


BINARY = (0.125, 0.125, 4)
INT8 = (1, 1, 1)
FP32 = (4, 4, 4)

# 1152 = 3 x 3 taps of 128 channels, 576 of 64, 288 of 32.
KERNELS: dict[str, Kernel] = {
    "binary 196x64x1152, tile 4x8": gemm((196, 64, 1152), (4, 8, 128), BINARY),
    "binary 196x128x1152, tile 4x8": gemm((196, 128, 1152), (4, 8, 128), BINARY),
    "binary 49x256x2304, tile 4x8": gemm((49, 256, 2304), (4, 8, 128), BINARY),
    "binary 784x32x576, filters outside": gemm((784, 32, 576), (4, 8, 64), BINARY, "filters"),
    "binary 49x128x2304, 32 filters a block": gemm(
        (49, 128, 2304), (4, 8, 128), BINARY, "filters", (inf, 32, inf)
    ),
    "int8 196x64x288, tile 4x4": gemm((196, 64, 288), (4, 4, 16), INT8),
    "int8 196x64x576, tile 8x8, filters outside": gemm((196, 64, 576), (8, 8, 16), INT8, "filters"),
    "int8 1x128x1152, tile 1x8 (dense)": gemm((1, 128, 1152), (1, 8, 16), INT8),
    "fp32 100x48x144, tile 6x8": gemm((100, 48, 144), (6, 8, 4), FP32),
    "fp32 192x48x200, blocks of 48x48x100": gemm(
        (192, 48, 200), (6, 8, 4), FP32, "filters", (48, 48, 100)
    ),
    "fp32 64x32x1024, rows of 4 KiB": gemm((64, 32, 1024), (8, 8, 4), FP32),
    "direct binary 14x14x64, 3x3x128": direct((14, 14, 64), 128, 3, (4, 8, 128), BINARY),
    "direct int8 14x14x32, 3x3x32": direct((14, 14, 32), 32, 3, (4, 8, 32), INT8),
    "direct fp32 12x12x16, 5x5x8": direct((12, 12, 16), 8, 5, (4, 8, 8), FP32),
    "direct fp32 10x10x32, 3x3x24, stride 2": direct((10, 10, 32), 24, 3, (5, 8, 24), FP32, 2),
    "depthwise int8 28x28x24, 3x3": depthwise(28, 24, 3, (4, 24), element=INT8),
    "depthwise fp32 14x14x48, 3x3": depthwise(14, 48, 3, (7, 16), element=FP32),
    "depthwise fp32 14x14x48, 5x5, stride 2": depthwise(14, 48, 5, (7, 16), element=FP32, stride=2),
    "im2col binary 14x14, 3x3x128": im2col(14, 14, 128, 3, 0.125),
    "im2col fp32 16x16, 3x3x20": im2col(16, 16, 20, 3, 4),
    "im2col and product int8 8x8x32, 3x3x16": by_im2col(8, 16, 32, INT8),
    "im2col and product int8 14x14x32, 3x3x32": by_im2col(14, 32, 32, INT8),
    "stream 100000 -> 25000": stream(100000, 25000),
    "stream 1600 -> 1600": stream(1600, 1600),
}


# What stays further off than 10%: level, deviation, and why. All others are within.
NEAR = "its reuse distance and the size are within 1.5x: one loses all at once, sets bit by bit"
STRIDED = "rows of activations 4 KiB apart fall into the same sets; a buffer by im2col does not"
FULLY_ASSOCIATIVE = {
    ("direct fp32 10x10x32, 3x3x24, stride 2", "L2"): (+0.16, NEAR),
}
EIGHT_WAYS = {
    ("binary 49x256x2304, tile 4x8", "L1"): (-0.12, NEAR),
    ("binary 49x128x2304, 32 filters a block", "L1"): (-0.20, NEAR),
    ("binary 49x128x2304, 32 filters a block", "L2"): (-0.42, NEAR),
    ("fp32 100x48x144, tile 6x8", "L2"): (+0.49, NEAR),
    ("fp32 192x48x200, blocks of 48x48x100", "L2"): (-0.28, NEAR),
    ("fp32 64x32x1024, rows of 4 KiB", "L1"): (-0.27, STRIDED),
    ("direct fp32 10x10x32, 3x3x24, stride 2", "L2"): (+0.93, NEAR),
    ("depthwise fp32 14x14x48, 5x5, stride 2", "L2"): (+0.35, NEAR),
}
KNOWN = {None: FULLY_ASSOCIATIVE, 8: EIGHT_WAYS}


@functools.cache
def replayed(name: str, ways: int | None) -> tuple[int, int]:
    return traces.replay(KERNELS[name].trace(), SIZES, ways)


def deviations(name: str, ways: int | None) -> dict[str, float]:
    """Level -> predicted over replayed bytes - 1."""
    pairs = zip(("L1", "L2"), KERNELS[name].model(SIZES), replayed(name, ways), strict=True)
    return {level: float(predicted) / seen - 1 for level, predicted, seen in pairs}


@pytest.mark.parametrize("ways", KNOWN)
@pytest.mark.parametrize("name", KERNELS)
def test_within_ten_percent_or_known(name, ways):
    for level, deviation in deviations(name, ways).items():
        known, _ = KNOWN[ways].get((name, level), (None, ""))
        if known is None:
            assert abs(deviation) <= AIM, level
        else:
            assert deviation == pytest.approx(known, abs=0.01), f"{level}: the table is out of date"


@pytest.mark.parametrize("name", [each for each in KERNELS if "4 KiB" not in each])
def test_between_a_larger_and_a_smaller_cache(name):
    """8 ways move what is said of a fully associative cache of 1/1.5 to 1.5 times the size."""
    kernel = KERNELS[name]
    large, small = (kernel.model((SIZES[0] * f, SIZES[1] * f)) for f in (1.5, 1 / 1.5))
    for least, seen, most in zip(large, replayed(name, 8), small, strict=True):
        assert (1 - AIM) * least <= seen <= (1 + AIM) * most


def test_table_of_deviations():
    """Prints all of them. Half of the numbers are below 0.1%, and none is missing."""
    print(f"{'predicted over replayed bytes - 1':45}{'fully associative':>20}{'8 ways':>20}")
    print(f"{'':45}" + f"{'L1':>10}{'L2':>10}" * 2)
    found = []
    for name in KERNELS:
        row = [each for ways in KNOWN for each in deviations(name, ways).values()]
        print(f"{name:45}" + "".join(f"{each:+10.1%}" for each in row))
        found += row
    assert statistics.median(abs(each) for each in found) < 1e-3
    for ways, known in KNOWN.items():
        print(*(f"{ways or 'all'} ways, {key}: {why}" for key, (_, why) in known.items()), sep="\n")
        assert {name for name, _ in known} <= set(KERNELS)


def any_gemm(chance: random.Random) -> Kernel:
    sizes = chance.choice([25, 49, 64, 100, 196]), chance.choice([16, 32, 48, 64, 128])
    depth = chance.choice([32, 72, 144, 288, 576])
    element = chance.choice([INT8, (1, 1, 4), FP32])
    tile = chance.choice([(4, 8, 16), (8, 8, 4), (4, 4, 16), (6, 8, 4)])
    block = (chance.choice([inf, 32]), chance.choice([inf, 32]), chance.choice([inf, 144]))
    return gemm((*sizes, depth), tile, element, chance.choice(["positions", "filters"]), block)


def any_convolution(chance: random.Random) -> Kernel:
    output = chance.choice([7, 8, 14]), chance.choice([8, 14, 28]), chance.choice([16, 32, 48])
    is_depthwise = chance.random() < 0.5
    channels = output[2] if is_depthwise else chance.choice([12, 24, 32, 48])
    tile = chance.choice([1, 4, 7]), chance.choice([4, 8, 16]), 16
    kernel, stride = chance.choice([1, 3, 5]), chance.choice([1, 1, 2])
    element = chance.choice([INT8, (1, 1, 4), FP32])
    return direct(output, channels, kernel, tile, element, stride, is_depthwise)


@pytest.mark.parametrize(
    ("draw", "ways", "within"),
    [
        (any_gemm, None, 0.85),
        (any_gemm, 8, 0.80),
        (any_convolution, None, 0.90),
        (any_convolution, 8, 0.80),
    ],
)
def test_share_of_other_layers_within_ten_percent(draw, ways, within):
    chance = random.Random(20)
    found = []
    for kernel in (draw(chance) for _ in range(25)):
        seen = traces.replay(kernel.trace(), SIZES, ways)
        found += [a / b - 1 for a, b in zip(kernel.model(SIZES), seen, strict=True)]
    share = sum(abs(each) <= AIM for each in found) / len(found)
    print(f"{share:.0%} within 10%, worst {min(found):+.0%} and {max(found):+.0%}")
    assert share >= within


def simulated(cachesim: Any, name: str, ways: int) -> list[int]:
    """The bytes that cross both boundaries of a kernel's trace, by pycachesim."""
    memory = cachesim.MainMemory()
    second = cachesim.Cache("L2", SIZES[1] // 64 // ways, ways, 64, "LRU")
    memory.load_to(second)
    memory.store_from(second)
    first = cachesim.Cache(
        "L1", SIZES[0] // 64 // ways, ways, 64, "LRU", load_from=second, store_to=second
    )
    simulator = cachesim.CacheSimulator(first, memory)
    for line, write in KERNELS[name].trace():
        # In a list, for a bare address is read as 32 bits into a variable of 64, the rest unset.
        (simulator.store if write else simulator.load)([line * 64], length=64)
    simulator.force_write_back()
    counts = {each["name"]: each for each in simulator.stats()}
    return [64 * (counts[n]["MISS_count"] + counts[n]["EVICT_count"]) for n in ("L1", "L2")]


@pytest.mark.parametrize("ways", [4, 8])
@pytest.mark.parametrize("name", list(KERNELS)[::5])
def test_our_caches_are_those_of_pycachesim(name, ways):
    """Byte for byte, once a write to a line that is there is no use of it: so it does there."""
    cachesim = pytest.importorskip(
        "cachesim", reason="pycachesim is not installed: it has no wheel, and needs a C compiler"
    )
    ours = list(traces.replay(KERNELS[name].trace(), SIZES, ways, refresh=False))
    assert ours == simulated(cachesim, name, ways)
