"""Our own binary kernels: register-blocked products of packed bits, derived by hand.

A tile of filters x positions stays in registers; at each step its words are loaded once, and every
pair is XORed and counted. Results are (K - 2 x sum) x alpha + bias: one conversion and one fused
multiplication and addition. `packed` ones are compared with a threshold instead, and their bits
joined and stored. Weights are laid out beforehand, activations by im2col of bits.
"""

from __future__ import annotations

from typing import Any

from xnorsim.cost.recipes.extents import (
    after_blocks,
    blocks,
    folds,
    moved_patch_words,
    steps,
    tiles,
)
from xnorsim.cost.recipes.kernel import Counts, Kernel, Part, Tile, Walk
from xnorsim.cost.recipes.parts import BORDER_COPY, im2col, own_blocks
from xnorsim.work.dimensions import Dimensions

__all__ = ["harley_seal", "neon", "nibble_table", "scalar_popcount", "software_popcount", "vpopcnt"]

_BY_HAND = "by hand"


def _control(**counts: float) -> Counts:
    """The end of a tile: pointers and loops of a 4 x 4 nest, an estimate, and `counts`."""
    return {"scalar_alu": 12, "branch": 3, **counts}


def _added(*several: Counts) -> Counts:
    """The sum of counts, class by class."""
    return {
        name: sum(counts.get(name, 0) for counts in several)
        for name in sorted({name for counts in several for name in counts})
    }


def _results(vectors: float, positions: int, *, packed: bool) -> Counts:
    """What becomes of `vectors` of sums: floats, or by masks the bits of each position."""
    if not packed:
        return {
            "vector_load": 2,
            "fp_convert": vectors,
            "fp32_fma": vectors,
            "vector_store": vectors,
        }
    return {
        "vector_load": 1,
        "vector_compare": vectors,
        "vector_mask_move": vectors,
        **_joined_bits(positions),
    }


def _joined_bits(positions: int) -> Counts:
    """A tile's bits of one position: shifted, joined to those before, stored."""
    return {"scalar_alu": 2 * positions, "scalar_store": positions}


def _name(name: str, packed: bool) -> str:
    return f"{name}-packed" if packed else name


def _blocked(
    name: str,
    source: str,
    tile: Tile,
    products: tuple[Part, ...],
    end: Counts,
    chain: str,
    packed: bool = False,
) -> Kernel:
    """A product of packed bits with all of a tile in registers; its depth is one vector."""
    return Kernel(
        name=name,
        source=f"{_BY_HAND}: {source}",
        simd_bits=tile.depth,
        along="depth",
        tile=tile,
        word=64,
        parts=(
            *im2col(bits=1),
            *products,
            Part("sums across lanes, results", tiles, _added(_control(), end)),
            BORDER_COPY,
        ),
        chain={chain: 1},
        walk=Walk("gemm", 1, 1, 1 if packed else 32, blocks=own_blocks),
    )


def _across_words(sums: int, simd_bits: int) -> Counts:
    """`sums` vectors of 64-bit sums into one sum a lane, then 32 bits.

    Two vectors become one of their neighbours' sums by two shuffles and an addition.
    """
    joins = sums - sums * 64 // simd_bits
    narrow = 2 * sums * 32 / simd_bits
    return {"vector_shuffle": 2 * joins, "vector_add": joins, "vector_narrow": narrow}


def vpopcnt(simd_bits: int = 512, *, packed: bool = False) -> Kernel:
    """VPXORQ, VPOPCNTQ, VPADDQ: 16 accumulators, 4 + 4 operands of 32 registers."""
    step = {
        "vector_load": 8,
        "vector_logic": 16,
        "vector_popcount": 16,
        "vector_add": 16,
        "scalar_alu": 2,
        "branch": 1,
    }
    end = _added(
        {"vector_move": 16},  # cleared accumulators
        _across_words(16, simd_bits),
        _results(16 * 32 / simd_bits, 4, packed=packed),
    )
    return _blocked(
        _name(f"own-vpopcnt-{simd_bits}", packed),
        "AVX-512 VPOPCNTDQ",
        Tile(filters=4, positions=4, depth=simd_bits),
        (Part("inner loop", steps, step),),
        end,
        chain="vector_add",
        packed=packed,
    )


_NIBBLE_STEP = {
    "vector_load": 6,
    "vector_logic": 8 * (1 + 2),  # XOR, two masks
    "vector_shift": 8,
    "vector_shuffle": 8 * 2,
    "vector_add": 8 * 2,
    "scalar_alu": 2,
    "branch": 1,
}
_BYTES_TO_WORDS = {
    "vector_sad": 8,
    "vector_load": 8,
    "vector_add": 8,
    "vector_store": 8,
    "vector_move": 8,
    "scalar_alu": 2,
    "branch": 1,
}


def nibble_table(simd_bits: int = 256, *, packed: bool = False) -> Kernel:
    """Counts of nibbles by a table in a register (VPSHUFB), sums of bytes by VPSADBW.

    Method: W. Mula, N. Kurz, D. Lemire, "Faster population counts using AVX2 instructions",
    arXiv 1611.07612. A byte holds 31 counts of at most 8. 8 accumulators, 3 operands, table and
    mask, 3 temporaries: 16 registers.
    """
    end = _added(
        {"vector_load": 8, "vector_store": 8},  # sums of 64 bits: read, and cleared before
        _across_words(8, simd_bits),
        _results(8 * 32 / simd_bits, 2, packed=packed),
    )
    return _blocked(
        _name(f"own-nibble-table-{simd_bits}", packed),
        "WojciechMula/sse-popcount @ 729dc834 popcnt-avx2-lookup.cpp, blocked",
        Tile(filters=4, positions=2, depth=simd_bits),
        (
            Part("inner loop", steps, _NIBBLE_STEP),
            Part("sums of bytes to 64 bits, which lie in memory", folds(31), _BYTES_TO_WORDS),
        ),
        end,
        chain="vector_add",
        packed=packed,
    )


_NIBBLES = {
    "vector_logic": 2,
    "vector_shift": 1,
    "vector_shuffle": 2,
    "vector_add": 2,
    "vector_sad": 1,
}
"""The count of one vector onto a sum of 64 bits."""
_RUN_OF_16 = {
    **_NIBBLES,  # of the sixteens
    "vector_load": 32,
    "vector_logic": 16 + 15 * 5 + 2,
    "scalar_alu": 2,
    "branch": 1,
}
_VECTOR_AFTER = {**_NIBBLES, "vector_load": 2, "vector_logic": 3, "scalar_alu": 2, "branch": 1}
_ONE_RESULT = {
    **{name: 4 * count for name, count in _NIBBLES.items()},  # ones, twos, fours, eights
    "vector_shift": 4 + 4,
    "vector_add": 8 + 4 + 2,
    "vector_shuffle": 8 + 2,
    "vector_to_scalar": 1,
    "fp_convert": 1,
    "scalar_fp32_mul": 1,
    "scalar_fp32_add": 1,
    "scalar_load": 2,
    "scalar_store": 1,
    "scalar_alu": 6,
    "branch": 2,
}


def harley_seal(simd_bits: int = 256) -> Kernel:
    """16 vectors at a time through a tree of 15 carry-save adders; one result at a time.

    An adder is two XOR, two AND and one OR. Five live registers an accumulator leave no room for
    blocking, so this is for long sums only: at least one whole run of 16 vectors.
    Method: as for `nibble_table`.
    """

    def is_long(d: Dimensions) -> Any:
        return d.taps * d.filter_channels >= 16 * simd_bits

    return Kernel(
        name=f"own-harley-seal-{simd_bits}",
        source=f"{_BY_HAND}: WojciechMula/sse-popcount @ 6f5d2b51 popcnt-avx2-harley-seal.cpp",
        simd_bits=simd_bits,
        along=None,
        tile=Tile(filters=1, positions=1, depth=simd_bits),
        word=64,
        parts=(
            *im2col(bits=1),
            Part("16 vectors", blocks(16), _RUN_OF_16),
            Part("a vector after them", after_blocks(16), _VECTOR_AFTER),
            Part("ones to eights, sum across lanes, scale, store", tiles, _ONE_RESULT),
        ),
        chain={"vector_logic": 1},
        walk=Walk("gemm", 1, 1),
        applies=is_long,
    )


def neon(simd_bits: int = 128, *, packed: bool = False) -> Kernel:
    """EOR, CNT, UADALP: 16 accumulators of int16, 4 + 4 operands, 8 temporaries.

    An int16 lane takes at most 16 a step: enough for 4095 steps, 524 160 products.
    """
    step = {
        "vector_load": 8,
        "vector_logic": 16,
        "vector_popcount": 16,
        "vector_widening_accumulate": 16,
        "scalar_alu": 2,
        "branch": 1,
    }
    # 16 registers of 8 sums into 2, by pairs; those widened, or compared and a bit a lane kept
    floats = _added({"vector_shift": 4}, _results(4, 4, packed=False))
    bits = {
        "vector_load": 1,
        "vector_compare": 2,
        "vector_logic": 2,
        "vector_pairwise_add": 3,
        "vector_to_scalar": 1,
        **_joined_bits(4),
    }
    return _blocked(
        _name(f"own-neon-{simd_bits}", packed),
        "EOR, CNT, UADALP",
        Tile(filters=4, positions=4, depth=simd_bits),
        (Part("inner loop", steps, step),),
        _added({"vector_move": 16, "vector_pairwise_add": 14}, bits if packed else floats),
        chain="vector_widening_accumulate",
        packed=packed,
    )


_SCALAR_RESULTS = _control(
    fp_convert=4,
    scalar_fp32_mul=4,
    scalar_fp32_add=4,
    scalar_load=4,
    scalar_store=4,
)
_SCALAR_IM2COL = Part(
    "im2col, a word at a time",
    moved_patch_words,
    {"scalar_load": 1, "scalar_store": 1, "scalar_alu": 1},
    "im2col",
)


_SCALAR_BITS = _control(scalar_load=2, scalar_alu=12 + 2 * 4, scalar_store=2)
"""Four comparisons and bits, of two positions."""


def _scalar(name: str, source: str, word: int, pair: Counts, packed: bool) -> Kernel:
    """A 2 x 2 tile of machine words; `pair` is what XORing and counting two of them takes."""
    step = {name: 4 * count for name, count in pair.items()}
    step["scalar_alu"] = step["scalar_alu"] + 2
    return Kernel(
        name=_name(name, packed),
        source=source,
        tile=Tile(filters=2, positions=2, depth=word),
        word=word,
        parts=(
            _SCALAR_IM2COL,
            Part("inner loop", steps, {**step, "scalar_load": 4, "branch": 1}),
            Part("results", tiles, _SCALAR_BITS if packed else _SCALAR_RESULTS),
            BORDER_COPY,
        ),
        chain={"scalar_alu": 1},
        walk=Walk("gemm", 1, 1, 1 if packed else 32),
    )


def scalar_popcount(*, packed: bool = False) -> Kernel:
    """POPCNT of 64-bit words: MOV (XOR overwrites an operand), XOR, POPCNT, ADD."""
    return _scalar(
        "own-popcnt",
        f"{_BY_HAND}: x86-64 POPCNT",
        word=64,
        pair={"scalar_alu": 3, "scalar_popcount": 1},
        packed=packed,
    )


def software_popcount(*, packed: bool = False) -> Kernel:
    """32-bit words on a Cortex-M, 9 instructions a pair of words with shifted operands.

    EOR; t = x >> 1 & 0x55..., x - t; x & 0x33..., x >> 2 & 0x33..., their sum; x + (x >> 4),
    & 0x0f...; USADA8 adds the four bytes onto the sum.
    """
    return _scalar(
        "own-word-32",
        f"{_BY_HAND}: Armv7E-M",
        word=32,
        pair={"scalar_alu": 8, "scalar_multiply": 1},
        packed=packed,
    )
