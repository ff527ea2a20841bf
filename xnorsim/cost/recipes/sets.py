"""Which kernels a program has for what, by the program's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from xnorsim.cost.recipes import dabnn, larq, own, own_binary, tflite, xnnpack
from xnorsim.cost.recipes.extents import output_vectors
from xnorsim.cost.recipes.kernel import Kernel, at_width
from xnorsim.cost.recipes.parts import pool, stream
from xnorsim.errors import UsageError, choices

__all__ = ["ISAS", "KINDS", "RECIPE_SETS", "Kernels", "RecipeSet", "recipe_set"]

ISAS = {"aarch64": "vector_pairwise_add"}
"""A class of instructions that every machine of an instruction set has, and no other."""

KINDS = {
    "binary": "+-1 x +-1, floats out",
    "binary_packed": "the same, thresholds and bits out",
    "bwn": "+-1 weights x floats",
    "int8": "8-bit integers",
    "fp": "floats of 32 bits",
    "fp16": "floats of 16 bits",
    "binarize": "signs of floats, packed",
    "bn": "batch normalization that is not folded",
    "add": "addition of two tensors",
    "elementwise": "another operator of two tensors",
    "copy": "elements moved, not computed with: concatenation, padding, transposition",
    "relu": "rectifier that is not fused",
    "max_pool": "maxima of windows",
    "average_pool": "means of windows",
}
"""What a recipe set may have kernels for. Passes take an element as a position: `elements`."""

Kernels = tuple[Kernel, ...]
"""Tried for each layer in this order: the first that applies is used."""


@dataclass(frozen=True, slots=True)
class RecipeSet:
    """The kernels of one program: for each kind, those of each machine it was written for.

    Of the alternatives of a kind the first is taken whose kernels the machine can all execute.
    `as_floats`: kinds of layers (ops.kind) whose +-1 weights the program stores and multiplies as
    floats, for want of a binary operator. `isa`: what its code is written for, a key of ISAS; ""
    where the kernels tell.
    """

    name: str
    what: str
    kernels: Mapping[str, tuple[Kernels, ...]]
    as_floats: frozenset[str] = frozenset()
    isa: str = ""


def _one(kernels: Mapping[str, Kernel | Kernels]) -> dict[str, tuple[Kernels, ...]]:
    """One alternative for each kind."""
    return {
        kind: ((found,) if isinstance(found, Kernel) else found,) for kind, found in kernels.items()
    }


def _widened(
    kernels: Mapping[str, tuple[Kernels, ...]], simd_bits: int
) -> dict[str, tuple[Kernels, ...]]:
    return {
        kind: tuple(tuple(at_width(k, simd_bits) for k in kernels) for kernels in alternatives)
        for kind, alternatives in kernels.items()
    }


_TFLITE_PASSES = {
    "bn": tflite.BATCH_NORM,
    "add": tflite.ADD,
    "elementwise": tflite.MULTIPLY,
    "copy": tflite.COPY,
    "relu": tflite.RELU,
    "max_pool": tflite.MAX_POOL,
    "average_pool": tflite.AVERAGE_POOL,
}
_INT8 = ((tflite.RUY_INT8_DOT,), (tflite.RUY_INT8,))


_ONLY_CONVOLUTIONS = frozenset({"conv_transpose", "dense", "mat_mul", "recurrent"})
"""All but LceBconv2d, the one binary product of Larq Compute Engine (lce_ops_register.h)."""


def _larq(simd_bits: int, product: Kernel = tflite.RUY_FP32) -> RecipeSet:
    floats = (tflite.DEPTHWISE, tflite.GEMV_FP32, product)
    kernels = _one(
        {
            "binary": (larq.BGEMM_8X4, larq.BGEMM_4X4),
            "binary_packed": (larq.BGEMM_8X4_PACKED, larq.BGEMM_4X4),
            "bwn": floats,  # the weights are stored as floats
            "fp": floats,
            "binarize": larq.PACK_FLOATS,
            **_TFLITE_PASSES,
        }
    )
    return RecipeSet(
        "larq",
        "Larq Compute Engine: BGEMM 8x4 after im2col; floats and int8 by ruy",
        _widened({**kernels, "int8": _INT8}, simd_bits),
        _ONLY_CONVOLUTIONS,
        isa="aarch64",
    )


def _larq_in_order(simd_bits: int) -> RecipeSet:
    found = _larq(simd_bits, tflite.RUY_FP32_IN_ORDER)
    what = "the same with ruy's floats for Cortex-A53 and A55"
    return replace(found, name="larq-in-order", what=what)


def _larq_indirect(simd_bits: int) -> RecipeSet:
    indirect = (larq.INDIRECT_8X4, larq.BGEMM_8X4, larq.BGEMM_4X4)
    found = _larq(simd_bits)
    kernels = {**found.kernels, **_widened({"binary": (indirect,)}, simd_bits)}
    what = "the same with use_indirect_bgemm"
    return replace(found, name="larq-indirect", what=what, kernels=kernels)


def _tflite(simd_bits: int) -> RecipeSet:
    floats = (tflite.DEPTHWISE, xnnpack.XNNPACK_FP32_VECTOR, xnnpack.XNNPACK_FP32)
    kernels = {**_one({"fp": floats, "bwn": floats, **_TFLITE_PASSES}), "int8": _INT8}
    return RecipeSet(
        "tflite",
        "TensorFlow Lite: floats by XNNPACK, int8 by ruy",
        _widened(kernels, simd_bits),
        isa="aarch64",
    )


_COPY = {"vector_load": 1, "vector_store": 1}


def _dabnn(simd_bits: int) -> RecipeSet:
    binary = (dabnn.DIRECT_64, dabnn.DIRECT_128, dabnn.DIRECT_128_SINGLE, dabnn.BGEMM)
    kernels = _one(
        {
            "binary": binary,
            "bwn": dabnn.EIGEN_FP32,
            "fp": dabnn.EIGEN_FP32,
            "binarize": dabnn.SIGN,
            "bn": dabnn.BATCH_NORM,
            "add": dabnn.ADD,
            "copy": stream("dabnn-copy", "by hand", 128, output_vectors, **_COPY),
            "relu": dabnn.RELU,
            "max_pool": dabnn.MAX_POOL,
            "average_pool": dabnn.AVERAGE_POOL,
        }
    )
    return RecipeSet(
        "dabnn",
        "dabnn v0.2.6: direct 3x3 or BGEMM 8x6, floats by Eigen, separate passes",
        _widened(kernels, simd_bits),
        isa="aarch64",
    )


def _dabnn_packed(simd_bits: int) -> RecipeSet:
    kernels = {**_dabnn(simd_bits).kernels, **_one({"binary": (*dabnn.PACKED_INPUT, dabnn.BGEMM)})}
    what = "dabnn's direct 3x3 on packed and padded input, as its benchmark times it"
    return RecipeSet("dabnn-packed", what, _widened(kernels, simd_bits), isa="aarch64")


def _tflite_eigen(simd_bits: int) -> RecipeSet:
    """Until ruy and XNNPACK: tensorflow v1.13 lite/kernels/conv.cc, kGenericOptimized."""
    floats = (tflite.DEPTHWISE, dabnn.EIGEN_FP32)
    kernels = {
        **_tflite(simd_bits).kernels,
        **_widened(_one({"fp": floats, "bwn": floats}), simd_bits),
    }
    what = "TensorFlow Lite of 2019: floats by im2col and Eigen"
    return RecipeSet("tflite-eigen", what, kernels, isa="aarch64")


def _scalar_passes() -> dict[str, Kernel]:
    load2, store = {"scalar_load": 2}, {"scalar_store": 1}
    one = {"scalar_load": 1}
    return {
        "bn": own.scalar_stream(
            "bn", scalar_load=3, scalar_fp32_mul=1, scalar_fp32_add=1, scalar_store=1
        ),
        "add": own.scalar_stream("add", scalar_fp32_add=1, **load2, **store),
        "elementwise": own.scalar_stream("elementwise", scalar_fp32_mul=1, **load2, **store),
        # a comparison costs what an addition does
        "relu": own.scalar_stream("relu", scalar_fp32_add=1, **one, **store),
        "copy": own.scalar_stream("copy", **one, **store),
        "max_pool": own.scalar_stream("max-pool", scalar_fp32_add=1, **one),
        "average_pool": own.scalar_stream("average-pool", scalar_fp32_add=1, **one),
        "binarize": own.sign_scalar(),
    }


def _scalar(simd_bits: int) -> RecipeSet:
    kernels = _one({"fp": own.scalar_loop(), "bwn": own.scalar_loop(), **_scalar_passes()})
    return RecipeSet("scalar", "a float loop with one accumulator and no vectors", kernels)


def _scalar_blocked(simd_bits: int) -> RecipeSet:
    product = own.scalar_blocked()
    kernels = _one({"fp": product, "bwn": product, **_scalar_passes()})
    what = "floats by a BLAS without vectors: four sums at a time, after an im2col"
    return RecipeSet("scalar-blocked", what, kernels)


def _vector_passes(simd_bits: int) -> dict[str, Kernel]:
    def each(name: str, **counts: float) -> Kernel:
        name = f"own-{name}-{simd_bits}"
        return stream(name, "by hand", simd_bits, output_vectors, vector_store=1, **counts)

    def window(name: str, **counts: float) -> Kernel:
        return pool(f"own-{name}-{simd_bits}", "by hand", simd_bits, in_memory=False, **counts)

    return {
        "bn": each("bn", vector_load=3, fp32_fma=1),
        "add": each("add", vector_load=2, fp32_add=1),
        "elementwise": each("elementwise", vector_load=2, fp32_mul=1),
        "relu": each("relu", vector_load=1, vector_min_max=1),
        "copy": each("copy", vector_load=1),
        "max_pool": window("max-pool", vector_min_max=1),
        "average_pool": window("average-pool", fp32_add=1),
    }


def _own_scalar() -> dict[str, tuple[Kernels, ...]]:
    """What a machine without vectors runs."""
    return {
        **{kind: ((kernel,),) for kind, kernel in _scalar_passes().items()},
        "binary": ((own_binary.scalar_popcount(),), (own_binary.software_popcount(),)),
        "binary_packed": (
            (own_binary.scalar_popcount(packed=True),),
            (own_binary.software_popcount(packed=True),),
        ),
        "bwn": ((own.scalar_add_subtract(),),),
        "int8": ((own.int8_words(),),),
        "fp": ((own.scalar_loop(),),),
    }


def _own_binary(simd_bits: int, *, packed: bool) -> tuple[Kernels, ...]:
    """NEON first: it alone has sums of neighbours, which the others do without."""
    forms = (own_binary.neon, own_binary.vpopcnt, own_binary.nibble_table)
    return tuple((form(simd_bits, packed=packed),) for form in forms)


def _own_vectors(simd_bits: int) -> dict[str, tuple[Kernels, ...]]:
    return {
        **{kind: ((kernel,),) for kind, kernel in _vector_passes(simd_bits).items()},
        "binary": _own_binary(simd_bits, packed=False),
        "binary_packed": _own_binary(simd_bits, packed=True),
        "bwn": ((own.add_subtract(simd_bits),),),
        "int8": (
            (own.int8_dot(simd_bits),),
            (at_width(tflite.RUY_INT8, simd_bits),),
            (own.int8_pairs(simd_bits),),
        ),
        "fp": ((own.depthwise(simd_bits), own.fma(simd_bits)),),
        "fp16": ((own.fma(simd_bits, lane_bits=16),),),
        "binarize": ((own.sign_neon(simd_bits),), (own.sign_by_masks(simd_bits),)),
    }


def _own(simd_bits: int) -> RecipeSet:
    """On a machine without vectors (32 or 64 bits) only the scalar alternatives are left."""
    scalar, vectors = _own_scalar(), _own_vectors(simd_bits) if simd_bits >= 128 else {}
    kernels = {kind: vectors.get(kind, ()) + scalar.get(kind, ()) for kind in scalar | vectors}
    what = "register-blocked XNOR GEMM and FMA GEMM, vectors where the machine has them"
    return RecipeSet("own", what, kernels)


def _own_harley_seal(simd_bits: int) -> RecipeSet:
    found = _own(simd_bits).kernels
    if simd_bits >= 128:
        long = (own_binary.harley_seal(simd_bits), own_binary.nibble_table(simd_bits))
        found = {**found, "binary": (long, *found["binary"])}
    return RecipeSet("own-harley-seal", "the same with carry-save adders for long sums", found)


RECIPE_SETS: dict[str, Callable[[int], RecipeSet]] = {
    "dabnn": _dabnn,
    "dabnn-packed": _dabnn_packed,
    "larq": _larq,
    "larq-in-order": _larq_in_order,
    "larq-indirect": _larq_indirect,
    "own": _own,
    "own-harley-seal": _own_harley_seal,
    "scalar": _scalar,
    "scalar-blocked": _scalar_blocked,
    "tflite": _tflite,
    "tflite-eigen": _tflite_eigen,
}
"""A recipe set by its name, for vectors of so many bits."""


def recipe_set(name: str, simd_bits: int = 128) -> RecipeSet:
    """The kernels of the program `name` on vectors of `simd_bits`.

    Raises:
        UsageError: no such set, or a width that its kernels cannot be widened to.
    """
    if name not in RECIPE_SETS:
        raise UsageError(f"no recipe set '{name}': {choices(name, RECIPE_SETS)}")
    try:
        return RECIPE_SETS[name](simd_bits)
    except UsageError as fault:
        raise UsageError(f"recipe set '{name}': {fault}") from fault
