"""ONNX Runtime on x86-64: the float kernels of its MLAS, and the passes between them.

github.com/microsoft/onnxruntime, onnxruntime/core/mlas/lib: x86_64/SconvKernelCommon.h @ 001a1f53,
SconvKernelFma3.S @ bdc3dd7a, SconvKernelAvx512F.S @ 09611e9c; snchwc.cpp as of 2024. With all graph
optimizations tensors lie in blocks of 8 channels (16 with AVX-512), and a convolution goes along
the rows: a set of up to four blocks of filters x three columns (six), over the taps of one block of
input channels, after which sums go to memory; columns that see padding one by one. Layers that do
not fit into blocks (core/optimizer/nchwc_transformer.cc: input channels no multiple of 4, or of the
block in a group) are an im2col and a product of matrices.

Left out: the Winograd form that releases of 2026 have for AVX-512 (snchwc_winograd.cpp), chosen for
3 x 3 filters of stride 1 from 32 channels on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xnorsim.cost.recipes.conditions import is_depthwise, is_one_position
from xnorsim.cost.recipes.extents import (
    channel_vectors,
    input_elements,
    output_vectors,
    outputs,
    tiles,
)
from xnorsim.cost.recipes.kernel import Counts, Extent, Kernel, Part, Stage, Tile, Walk
from xnorsim.cost.recipes.mlas_sgemm import MLAS, product, vector
from xnorsim.cost.recipes.parts import pool, stream
from xnorsim.cost.recipes.rows import Per, kernel_calls, kernel_rows, taps_in_tiles
from xnorsim.work.dimensions import Dimensions

__all__ = ["convolutions", "passes"]


@dataclass(frozen=True, slots=True)
class _Blocks:
    """What an instruction set has: channels of a block, and columns of a tile, widest first."""

    name: str
    size: int
    widths: tuple[int, ...]

    @property
    def simd_bits(self) -> int:
        return 32 * self.size


_BLOCKS = {
    256: _Blocks("fma3", 8, (3, 2, 1)),
    512: _Blocks("avx512f", 16, (6, 3, 2, 1)),
}


def _rows(blocks: _Blocks, channels: int, passes: int, tail: Counts) -> tuple[Part, ...]:
    """Tiles of columns over the taps of `channels` inputs, whose sums are written in each pass.

    `tail` are the instructions that bring the next tap or block of channels, once a set.
    """

    def taps(width: int, per: Per) -> Extent:
        return taps_in_tiles(width, blocks.widths, blocks.size, per, channels)

    parts: list[Part] = []
    for width in blocks.widths:
        stage: Stage = "product" if width > 1 else "border"
        columns = f"{width} columns" if width > 1 else "a column"
        parts += [
            Part(
                f"a tap of {columns}",
                taps(width, "set"),
                {**tail, "broadcast_load": channels * width},
                stage,
                chain={"fp32_fma": channels},
            ),
            Part(
                f"a tap of {columns}, a block of filters",
                taps(width, "block"),
                {"vector_load": channels, "fp32_fma": channels * width},
                stage,
            ),
        ]
    for border in (False, True):
        parts.append(
            Part(
                "a column's end" if border else "a tile's end",
                kernel_rows(blocks.widths, blocks.size, passes, border=border),
                {"scalar_alu": 12, "scalar_load": 5, "branch": 7},
                "border" if border else "product",
            )
        )
    parts.append(
        Part(
            "a row: the kernel's call",
            kernel_calls(blocks.size, passes),
            {"scalar_alu": 30, "scalar_load": 24, "scalar_store": 20, "branch": 8},
        )
    )
    return tuple(parts)


def _results(blocks: _Blocks, passes: int) -> tuple[Part, ...]:
    """Sums cleared, added to what lies in memory, and stored; a bias and a rectifier at the end."""

    def passed(kernel: Kernel, d: Dimensions) -> Any:
        """Vectors of results, times passes over input channels."""
        return channel_vectors(kernel, d) * -(-d.filter_channels // passes)

    return (
        Part(
            "sums onto those of the pass before",
            passed,
            {"vector_logic": 1, "vector_load": 1, "fp32_add": 1, "vector_store": 1},
        ),
        Part("bias and rectifier", channel_vectors, {"fp32_add": 1, "vector_min_max": 1}),
    )


def _sets(kernel: Kernel, d: Dimensions) -> tuple[Any, Any]:
    """Four blocks of filters at a time, at all positions."""
    return kernel.tile.filters, np.inf


def _direct(
    name: str, blocks: _Blocks, channels: int, passes: int, tail: Counts, applies: Any
) -> Kernel:
    sums = 4 * blocks.size
    return Kernel(
        name=f"mlas-{name}-{blocks.name}",
        source=f"{MLAS}/x86_64/SconvKernelCommon.h, loops in snchwc.cpp",
        simd_bits=blocks.simd_bits,
        along=None,
        tile=Tile(filters=sums, positions=blocks.widths[0], depth=channels),
        parts=(*_rows(blocks, channels, passes, tail), *_results(blocks, passes)),
        walk=Walk("direct", outer="filters", blocks=_sets, block_channels=passes),
        applies=applies,
    )


def _in_blocks(size: int) -> Any:
    """Whether the input's channels fill blocks of `size`, or can be filled up to them."""

    def applies(d: Dimensions) -> Any:
        channels, groups = np.asarray(d.filter_channels), np.asarray(d.groups)
        alone = (groups == 1) & (channels >= size) & (channels % 4 == 0)
        grouped = (groups > 1) & (channels % size == 0) & (np.asarray(d.filters) % size == 0)
        return (alone | grouped) & ~is_one_position(d)

    return applies


def _pointwise(size: int) -> Any:
    """The same for filters of one tap."""
    fits = _in_blocks(size)
    return lambda d: fits(d) & (np.asarray(d.taps) == 1)


def _few_channels(size: int) -> Any:
    """Fewer input channels than a block, as of an image."""
    return lambda d: (
        (np.asarray(d.filter_channels) < size) & (np.asarray(d.groups) == 1) & ~is_one_position(d)
    )


def _depthwise(blocks: _Blocks) -> Kernel:
    """A block of channels x columns; the loop over taps is that of the other kernels."""
    taps = [
        (width, taps_in_tiles(width, blocks.widths, blocks.size, "block", blocks.size))
        for width in blocks.widths
    ]
    return Kernel(
        name=f"mlas-depthwise-{blocks.name}",
        source=f"{MLAS}/x86_64/SconvKernelCommon.h, SconvKernelDepthwiseFunction",
        simd_bits=blocks.simd_bits,
        along=None,
        tile=Tile(filters=blocks.size, positions=blocks.widths[0], depth=1),
        parts=(
            *(
                Part(
                    f"a tap of {width} columns",
                    _of_blocks(extent, blocks.size),
                    {"vector_load": 1 + width, "fp32_fma": width, "scalar_alu": 4, "branch": 1},
                    chain={"fp32_fma": 1},
                )
                for width, extent in taps
            ),
            Part(
                "sums cleared, bias, rectifier, stored",
                channel_vectors,
                {"vector_logic": 1, "fp32_add": 1, "vector_min_max": 1, "vector_store": 1},
            ),
            Part("a tile's end", _of_blocks(tiles, blocks.size), {"scalar_alu": 16, "branch": 8}),
        ),
        walk=Walk("depthwise"),
        applies=is_depthwise,
    )


def _of_blocks(extent: Extent, size: int) -> Extent:
    """Blocks of a depthwise layer's channels, which are its groups, times what one does."""

    def blocked(kernel: Kernel, d: Dimensions) -> Any:
        channels = -(-d.groups * d.filters // size)
        return channels * extent(kernel, replace(d, groups=1, filters=1))

    return blocked


_NEXT_TAP = {"scalar_alu": 5, "branch": 1.25}  # the loop over rows of the filter in part
_NEXT_BLOCK = {"scalar_alu": 4, "branch": 1}


def _reorders() -> tuple[Part, ...]:
    """reorder.cpp: 4 x 4 floats transposed at a time."""

    def sixteen(of: Extent) -> Extent:
        """Blocks of 4 x 4 elements."""
        return lambda kernel, d: -(-of(kernel, d) // 16)

    each = {"vector_load": 4, "vector_shuffle": 8, "vector_store": 4, "scalar_alu": 6, "branch": 1}
    return (
        Part("input into blocks of channels", sixteen(input_elements), each, "layout"),
        Part("results out of them", sixteen(outputs), each, "results"),
    )


def convolutions(simd_bits: int, *, alone: bool) -> tuple[Kernel, ...]:
    """Products on vectors of 256 or 512 bits; `alone`: each reorders its input and its results."""
    blocks = _BLOCKS[simd_bits]
    size = blocks.size
    found = (
        _depthwise(blocks),
        _direct("pointwise", blocks, size, 128, _NEXT_BLOCK, _pointwise(size)),
        _direct("nchwc", blocks, size, size, _NEXT_TAP, _in_blocks(size)),
        _direct("nchw", blocks, 1, 1, _NEXT_TAP, _few_channels(size)),
    )
    dense = vector(blocks.name, size)
    if alone:
        found = (_one_position(found[1]), *map(_reordered, found))
    return (*found[:1], dense, *found[1:], product(blocks.name, size))


def _one_position(pointwise: Kernel) -> Kernel:
    """A dense layer by itself: written as a convolution, it runs as one of a single column."""
    size = pointwise.simd_bits // 32
    return replace(
        pointwise,
        name=f"{pointwise.name}-dense",
        parts=tuple(
            replace(item, stage="product") if item.stage == "border" else item
            for item in pointwise.parts
        ),
        applies=lambda d: is_one_position(d) & (np.asarray(d.filter_channels) % size == 0),
    )


def _reordered(kernel: Kernel) -> Kernel:
    parts = _reorders()
    from_image = "nchw-" in kernel.name  # reads the image where it lies
    walk = replace(kernel.walk, packs=not from_image, unpacks=True)
    return replace(
        kernel,
        name=f"{kernel.name}-alone",
        parts=(*parts[from_image:1], *kernel.parts, parts[1]),
        walk=walk,
    )


def _response_norm() -> Kernel:
    """core/providers/cpu/nn/lrn.cc: squares, sums over a sliding window, and x * sums ** -beta.

    The power is Eigen's for four floats of SSE, in numbers of twice the precision: a function of
    450 instructions as compiled in the wheel 1.32.0, longer than what a core keeps in flight, so
    that each waits for its longest chain.
    """
    power = Part(
        "the power of four sums",
        output_vectors,
        {
            "fp32_add": 133, "fp32_mul": 65, "vector_logic": 55, "vector_shuffle": 51,
            "scalar_load": 46, "vector_compare": 14, "vector_min_max": 8, "vector_shift": 5,
            "fp_convert": 3, "vector_add": 3, "int8_multiply": 2, "vector_load": 9,
            "vector_store": 2, "scalar_alu": 4, "branch": 2,
        },
        chain={
            "fp32_add": 78, "fp32_mul": 30, "vector_logic": 25, "vector_compare": 6,
            "vector_min_max": 4, "vector_shuffle": 1, "vector_shift": 1, "fp_convert": 1,
        },
    )  # fmt: skip
    window = Part(
        "cleared, squared, copied, added and subtracted",
        output_vectors,
        {"vector_load": 6, "fp32_mul": 3, "fp32_add": 2, "vector_store": 6},
    )
    return Kernel(
        name="onnxruntime-lrn",
        source="microsoft/onnxruntime @ 0c2d8019 onnxruntime/core/providers/cpu/nn/lrn.cc",
        simd_bits=128,
        along=None,
        tile=Tile(filters=1, positions=4, depth=1),
        parts=(window, power),
    )


def passes(simd_bits: int) -> dict[str, Kernel]:
    """Elementwise operators as Eigen and MLAS run them, pooling on blocks of channels."""
    source = "by hand: a pass over a tensor"

    def each(name: str, **counts: float) -> Kernel:
        return stream(f"mlas-{name}", source, simd_bits, output_vectors, vector_store=1, **counts)

    def window(name: str, **counts: float) -> Kernel:
        found = f"{MLAS}/x86_64/SpoolKernelAvxCommon.h, three columns at a time"
        return pool(f"mlas-{name}", found, simd_bits, in_memory=False, scalar_alu=1.5, **counts)

    return {
        "bn": each("bn", vector_load=1, fp32_fma=1),
        "add": each("add", vector_load=2, fp32_add=1),
        "elementwise": each("elementwise", vector_load=2, fp32_mul=1),
        "relu": each("relu", vector_load=1, vector_min_max=1),
        "copy": each("copy", vector_load=1),
        "response_norm": _response_norm(),
        "max_pool": window("max-pool", vector_min_max=1),
        "average_pool": window("average-pool", fp32_add=1),
    }
