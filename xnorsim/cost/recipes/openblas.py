"""numpy on x86-64: an im2col, and OpenBLAS' product of matrices; passes by numpy's loops.

OpenMathLib/OpenBLAS, commit 72461f1c: kernel/x86_64/sgemm_kernel_8x4_haswell_2.c (Haswell and Zen)
and sgemm_kernel_16x4_skylakex_3.c, driver/level3/level3.c, param.h; its copies of both operands as
GCC compiles them in numpy's wheel (libscipy_openblas 0.3.31, sgemm_itcopy, sgemm_oncopy).

Columns are those of numpy_im2col.py; where the image is taken as it lies, a pass adds the bias.
filters x K times K x positions, both row-major, is to OpenBLAS the transposed product: positions
lie along vectors. Blocks of Q products are copied into panels and multiplied, P positions at a
time, by tiles of two vectors of positions x 6 filters (with AVX-512 one vector x 24); at the edges
of the positions by 4, 2 and 1, of the filters by 8, 4, 2 and 1: those of 2 and 1 have so few sums
that each waits for the one before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xnorsim.cost.recipes.extents import ceil_div, output_vectors
from xnorsim.cost.recipes.kernel import Counts, Extent, Kernel, Part, Tile, Walk
from xnorsim.cost.recipes.numpy_im2col import IM2COL, column_depth, gathers
from xnorsim.cost.recipes.openblas_sgemv import OPENBLAS, VECTORS
from xnorsim.cost.recipes.parts import pool, stream
from xnorsim.cost.recipes.rows import column_tiles
from xnorsim.work.dimensions import Dimensions

__all__ = ["passes", "products"]


@dataclass(frozen=True, slots=True)
class _Program:
    """Of an instruction set: a block's products and positions, and the filters of its kernels.

    `rows`: floats of a tile along positions; `widths`: filters, widest first; `steps`: of each
    width the instructions of one product of the depth; `edges`: of the positions that vectors
    leave, widest first, those of 12 filters.
    """

    name: str
    simd_bits: int
    block: int
    rows: int
    widths: tuple[int, ...]
    steps: dict[int, Counts]
    edges: dict[int, Counts]


def _step(vectors: float, broadcasts: float, sums: float, **control: float) -> Counts:
    return {"vector_load": vectors, "broadcast_load": broadcasts, "fp32_fma": sums, **control}


# Twice 16 positions x 6 filters; two vectors of one row, in even and odd lanes, x 8, 4, 2; one x 1
# for 8 positions, here twice those. Per product of the depth, from loops of 8 of them or of 1;
# scalar loads are prefetches.
_HASWELL = _Program(
    "haswell",
    256,
    block=320,
    rows=16,
    widths=(12, 8, 4, 2, 1),
    steps={
        12: _step(4, 12, 24, scalar_load=2, scalar_alu=4.5, branch=0.25),
        8: _step(4, 8, 16, scalar_alu=6, branch=2),
        4: _step(4, 4, 8, scalar_load=1, scalar_alu=2.5, branch=0.25),
        2: _step(4, 2, 4, scalar_alu=6, branch=2),
        1: _step(2, 2, 2, scalar_alu=6, branch=2),
    },
    edges={
        4: _step(2, 6, 12, scalar_alu=3, branch=1),
        2: _step(3, 2, 6, scalar_alu=3, branch=1),
        1: _step(3, 1, 3, scalar_alu=3, branch=1),
    },
)

# 16 positions, in even and odd lanes, x pairs of filters.
_SKYLAKEX = _Program(
    "skylakex",
    512,
    block=448,
    rows=16,
    widths=(24, 12, 8, 4, 2, 1),
    steps={
        24: _step(2, 12, 24, scalar_load=2, scalar_alu=4.5, branch=0.25),
        12: _step(2, 6, 12, scalar_load=1.5, scalar_alu=4, branch=0.25),
        8: _step(2, 4, 8, scalar_load=1.5, scalar_alu=4, branch=0.25),
        4: _step(2, 2, 4, scalar_load=1.5, scalar_alu=4, branch=0.25),
        2: _step(2, 1, 2, scalar_load=1.5, scalar_alu=4, branch=0.25),
        1: _step(1, 1, 1, scalar_load=0.5, scalar_alu=4, branch=0.25),
    },
    edges={
        8: _step(2, 3, 6, vector_shuffle=2, scalar_alu=3, branch=1),
        4: _step(1, 3, 3, vector_shuffle=1, scalar_alu=3, branch=1),
        2: _step(3, 2, 6, scalar_alu=3, branch=1),
        1: _step(3, 1, 3, scalar_alu=3, branch=1),
    },
)
_PROGRAMS = {program.simd_bits: program for program in (_HASWELL, _SKYLAKEX)}


def _inner(program: _Program, width: int) -> Extent:
    """Products of the depth, of tiles so many filters wide, at positions that fill vectors."""
    lanes = program.simd_bits // 32

    def extent(kernel: Kernel, d: Dimensions) -> Any:
        wide = column_tiles(d.filters, program.widths, width)
        whole = d.positions // lanes * lanes
        return d.groups * wide * (whole / program.rows) * column_depth(d)

    return extent


def _edge(program: _Program, width: int) -> Extent:
    """Products of the depth at so many of the positions that vectors leave, for 12 filters each."""
    lanes = program.simd_bits // 32

    def extent(kernel: Kernel, d: Dimensions) -> Any:
        rest = column_tiles(d.positions % lanes, tuple(program.edges), width)
        return d.groups * ceil_div(d.filters, 12) * rest * column_depth(d)

    return extent


def _blocks_of(program: _Program, d: Dimensions) -> Any:
    """Blocks of the depth: whole ones, and two halves in place of one and a bit."""
    return ceil_div(column_depth(d), program.block)


def _copied_positions(kernel: Kernel, d: Dimensions) -> Any:
    """Vectors of the columns that are copied into panels."""
    return d.groups * column_depth(d) * ceil_div(d.positions, kernel.simd_bits // 32)


def _copied_filters(kernel: Kernel, d: Dimensions) -> Any:
    """Blocks of 4 x 4 weights that are copied into panels."""
    return d.groups * ceil_div(d.filters, 4) * ceil_div(column_depth(d), 4)


_PANELS = (
    Part(
        "columns into panels",
        _copied_positions,
        {"vector_load": 1, "vector_store": 1, "scalar_alu": 1.25, "branch": 0.125},
        "layout",
    ),
    Part(
        "weights into panels",
        _copied_filters,
        {"vector_load": 4, "vector_shuffle": 8, "vector_store": 4, "scalar_alu": 4, "branch": 1},
        "layout",
    ),
)

_BIAS = Part(
    "bias, a pass",
    output_vectors,
    {"vector_load": 1, "fp32_add": 1, "vector_store": 1, "scalar_alu": 0.5, "branch": 0.25},
    "results",
)


def _kept_bias(kernel: Kernel, d: Dimensions) -> Any:
    """Vectors of the bias, which is kept in full for maps that numpy's buffer of 8192 holds."""
    return np.where(np.asarray(d.positions) <= 8192, output_vectors(kernel, d), 0)


_KEPT_BIAS = Part("bias, kept in full", _kept_bias, {"vector_load": 1}, "results")


def _tiles(program: _Program) -> tuple[Part, ...]:
    """Tiles of each width; those of one or two filters, and of the last positions, apart.

    A vector of positions has one chain of sums for each pair of filters, or two, which 2 and 1
    filters leave so few that a step takes as long as a sum: 3.8 cycles on Zen 3, where 4 do 2.2.
    """
    chains = program.rows * 32 // program.simd_bits
    wide = [(width, counts) for width, counts in program.steps.items() if width > 2]
    narrow = [(width, counts) for width, counts in program.steps.items() if width <= 2]
    return (
        *(Part(f"{width} filters", _inner(program, width), counts) for width, counts in wide),
        *(
            Part(
                f"{width} filters",
                _inner(program, width),
                counts,
                "border",
                chain={"fp32_fma": chains},
            )
            for width, counts in narrow
        ),
        *(
            Part(
                f"the last positions: {width}",
                _edge(program, width),
                counts,
                "border",
                chain={"fp32_fma": 1},
            )
            for width, counts in program.edges.items()
        ),
    )


def _sums(program: _Program) -> tuple[Part, ...]:
    """What is done with the results of a block of the depth."""

    def added(kernel: Kernel, d: Dimensions) -> Any:
        """Vectors of results, times blocks of the depth."""
        vectors = d.groups * d.filters * ceil_div(d.positions, program.simd_bits // 32)
        return vectors * _blocks_of(program, d)

    onto = {"vector_logic": 1, "fp32_fma": 1, "vector_load": 1, "vector_store": 1, "scalar_alu": 1}
    return (
        Part("sums onto those of the block before", added, onto),
        Part("results cleared before", output_vectors, {"vector_store": 1}),
    )


def _product(program: _Program) -> Kernel:
    """Of columns that are gathered."""
    return Kernel(
        name=f"openblas-sgemm-{program.name}",
        source=f"{OPENBLAS} kernel/x86_64, driver/level3/level3.c; im2col by hand",
        simd_bits=program.simd_bits,
        along=None,
        tile=Tile(filters=program.widths[0], positions=program.rows, depth=1),
        parts=(*IM2COL, *_PANELS, *_tiles(program), *_sums(program)),
        chain={"fp32_fma": 1},
        walk=Walk(
            "gemm",
            pads=True,
            packs=True,
            outer="filters",
            blocks=_panels(program),
            block_depth=program.block,
        ),
    )


def _product_in_place(program: _Program) -> Kernel:
    """Of an image whose channels are the rows of the matrix."""
    found = _product(program)
    return replace(
        found,
        name=f"{found.name}-in-place",
        parts=(*_PANELS, *_tiles(program), *_sums(program), _BIAS, _KEPT_BIAS),
        walk=replace(found.walk, pads=False, unpacks=True),
        applies=lambda d: np.equal(gathers(d), 0),
    )


def _panels(program: _Program) -> Any:
    """All filters at P positions at a time, P as Q."""
    return lambda kernel, d: (np.inf, program.block)


def products(simd_bits: int) -> tuple[Kernel, ...]:
    """On vectors of 256 or 512 bits."""
    program = _PROGRAMS[simd_bits]
    return (*VECTORS, _product_in_place(program), _product(program))


def passes(simd_bits: int) -> dict[str, Kernel]:
    """numpy's ufuncs, each a pass; pooling as a reduction over windows."""

    def each(name: str, **counts: float) -> Kernel:
        source = "by hand: a ufunc's loop over contiguous floats"
        return stream(f"numpy-{name}", source, simd_bits, output_vectors, vector_store=1, **counts)

    def window(name: str, **counts: float) -> Kernel:
        source = "by hand: a ufunc for each tap of the window"
        return pool(f"numpy-{name}", source, simd_bits, in_memory=True, **counts)

    return {
        "bn": stream(
            "numpy-bn", "by hand: a product, then a sum", simd_bits, output_vectors,
            vector_load=4, fp32_mul=1, fp32_add=1, vector_store=2, scalar_alu=1, branch=0.5,
        ),
        "add": each("add", vector_load=2, fp32_add=1),
        "elementwise": each("elementwise", vector_load=2, fp32_mul=1),
        "relu": each("relu", vector_load=1, vector_min_max=1),
        "copy": each("copy", vector_load=1),
        "max_pool": window("max-pool", vector_min_max=1),
        "average_pool": window("average-pool", fp32_add=1),
    }  # fmt: skip
