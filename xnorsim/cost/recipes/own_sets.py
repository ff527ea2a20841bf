"""Recipe sets of our own kernels, those of xnorsim/kernels, and of loops without vectors."""

from __future__ import annotations

from xnorsim.cost.recipes import own, own_binary, own_floats, own_lookup, own_scalar, tflite
from xnorsim.cost.recipes.extents import output_vectors
from xnorsim.cost.recipes.kernel import Kernel, at_width
from xnorsim.cost.recipes.parts import pool, stream
from xnorsim.cost.recipes.program import Kernels, RecipeSet, one

__all__ = ["OWN_SETS"]


def _scalar(simd_bits: int) -> RecipeSet:
    product = own_scalar.scalar_loop()
    kernels = one({"fp": product, "bwn": product, **own_scalar.passes()})
    return RecipeSet("scalar", "a float loop with one accumulator and no vectors", kernels)


def _scalar_unrolled(simd_bits: int) -> RecipeSet:
    product = own_scalar.scalar_unrolled()
    kernels = one({"fp": product, "bwn": product, **own_scalar.passes()})
    what = "a float loop with sums side by side and no vectors"
    return RecipeSet("scalar-unrolled", what, kernels)


def _scalar_blocked(simd_bits: int) -> RecipeSet:
    product = own_scalar.scalar_blocked()
    kernels = one({"fp": product, "bwn": product, **own_scalar.passes()})
    what = "floats by a BLAS without vectors: four sums at a time, after an im2col"
    return RecipeSet("scalar-blocked", what, kernels)


def _popcnt(simd_bits: int) -> RecipeSet:
    """Signs are packed, and results written, as `own` does it."""
    kernels = {**_without_vectors(), "binarize": _signs(simd_bits)}
    if simd_bits >= 128:
        for kind, packed in (("binary", False), ("binary_packed", True)):
            forms = (own_scalar.popcnt_neon, own_scalar.popcnt)
            ours = tuple((form(simd_bits, packed=packed),) for form in forms)
            kernels[kind] = ours + kernels[kind]
    what = "the paper's binary side: XNOR and popcount of words in scalar registers"
    return RecipeSet("popcnt", what, kernels)


def _signs(simd_bits: int) -> tuple[Kernels, ...]:
    vectors = ((own.sign(simd_bits),),) if simd_bits >= 128 else ()
    return (*vectors, (own_scalar.sign_scalar(),))


def _without_vectors() -> dict[str, tuple[Kernels, ...]]:
    return {
        **{kind: ((kernel,),) for kind, kernel in own_scalar.passes().items()},
        "binary": ((own_scalar.scalar_popcount(),), (own_scalar.software_popcount(),)),
        "binary_packed": (
            (own_scalar.scalar_popcount(packed=True),),
            (own_scalar.software_popcount(packed=True),),
        ),
        "bwn": ((own_scalar.scalar_add_subtract(),),),
        "int8": ((own_scalar.int8_words(),),),
        "fp": ((own_scalar.c_loop(),),),
    }


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


def _binary(simd_bits: int, *, packed: bool) -> tuple[Kernels, ...]:
    """NEON first, by what it alone has; look-ups where nothing counts the bits of a vector."""
    forms = (own_binary.neon_dot, own_binary.neon, own_binary.popcount)
    counted = tuple((form(simd_bits, packed=packed),) for form in forms)
    return (*counted, own_lookup.lookups(simd_bits, packed=packed))


def _with_vectors(simd_bits: int) -> dict[str, tuple[Kernels, ...]]:
    return {
        **{kind: ((kernel,),) for kind, kernel in _vector_passes(simd_bits).items()},
        "binary": _binary(simd_bits, packed=False),
        "binary_packed": _binary(simd_bits, packed=True),
        "bwn": ((own_floats.few_filters(simd_bits), own_floats.signs(simd_bits)),),
        "int8": (
            (own.int8_dot(simd_bits),),
            (at_width(tflite.RUY_INT8, simd_bits),),
            (own.int8_pairs(simd_bits),),
        ),
        "fp": ((own_floats.few_filters(simd_bits), own_floats.floats(simd_bits)),),
        "fp16": ((own.fp16(simd_bits),),),
        "binarize": _signs(simd_bits),
    }


def _own(simd_bits: int) -> RecipeSet:
    """On a machine without vectors (32 or 64 bits) only the scalar alternatives are left."""
    scalar, vectors = _without_vectors(), _with_vectors(simd_bits) if simd_bits >= 128 else {}
    kernels = {kind: vectors.get(kind, ()) + scalar.get(kind, ()) for kind in scalar | vectors}
    what = "register-blocked XNOR GEMM and FMA GEMM, vectors where the machine has them"
    return RecipeSet("own", what, kernels)


OWN_SETS = {
    "own": _own,
    "popcnt": _popcnt,
    "scalar": _scalar,
    "scalar-blocked": _scalar_blocked,
    "scalar-unrolled": _scalar_unrolled,
}
"""By name, for vectors of so many bits."""
