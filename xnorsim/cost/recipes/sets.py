"""Which kernels a program has for what, by the program's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from xnorsim.cost.recipes import dabnn, larq, mlas, openblas, tflite, xnnpack
from xnorsim.cost.recipes.extents import output_vectors
from xnorsim.cost.recipes.kernel import Kernel
from xnorsim.cost.recipes.own_sets import OWN_SETS
from xnorsim.cost.recipes.parts import stream
from xnorsim.cost.recipes.program import RecipeSet, one, widened
from xnorsim.errors import UsageError, choices

__all__ = ["RECIPE_SETS", "recipe_set"]

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
    kernels = one(
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
        widened({**kernels, "int8": _INT8}, simd_bits),
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
    kernels = {**found.kernels, **widened({"binary": (indirect,)}, simd_bits)}
    what = "the same with use_indirect_bgemm"
    return replace(found, name="larq-indirect", what=what, kernels=kernels)


def _tflite(simd_bits: int) -> RecipeSet:
    floats = (tflite.DEPTHWISE, xnnpack.XNNPACK_FP32_VECTOR, xnnpack.XNNPACK_FP32)
    kernels = {**one({"fp": floats, "bwn": floats, **_TFLITE_PASSES}), "int8": _INT8}
    return RecipeSet(
        "tflite",
        "TensorFlow Lite: floats by XNNPACK, int8 by ruy",
        widened(kernels, simd_bits),
        isa="aarch64",
    )


_COPY = {"vector_load": 1, "vector_store": 1}


def _dabnn(simd_bits: int) -> RecipeSet:
    binary = (dabnn.DIRECT_64, dabnn.DIRECT_128, dabnn.DIRECT_128_SINGLE, dabnn.BGEMM)
    kernels = one(
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
        widened(kernels, simd_bits),
        isa="aarch64",
    )


def _dabnn_packed(simd_bits: int) -> RecipeSet:
    kernels = {**_dabnn(simd_bits).kernels, **one({"binary": (*dabnn.PACKED_INPUT, dabnn.BGEMM)})}
    what = "dabnn's direct 3x3 on packed and padded input, as its benchmark times it"
    return RecipeSet("dabnn-packed", what, widened(kernels, simd_bits), isa="aarch64")


def _tflite_eigen(simd_bits: int) -> RecipeSet:
    """Until ruy and XNNPACK: tensorflow v1.13 lite/kernels/conv.cc, kGenericOptimized."""
    floats = (tflite.DEPTHWISE, dabnn.EIGEN_FP32)
    kernels = {
        **_tflite(simd_bits).kernels,
        **widened(one({"fp": floats, "bwn": floats}), simd_bits),
    }
    what = "TensorFlow Lite of 2019: floats by im2col and Eigen"
    return RecipeSet("tflite-eigen", what, kernels, isa="aarch64")


_X86 = (256, 512)
"""Bits of the vectors that the float libraries of x86-64 are described for: AVX2 and AVX-512."""


def _numpy(simd_bits: int) -> RecipeSet:
    kernels = {}
    if simd_bits in _X86:
        floats = openblas.products(simd_bits)
        kernels = one({"fp": floats, "bwn": floats, **openblas.passes(simd_bits)})
    what = "numpy: im2col and OpenBLAS' sgemm"
    return RecipeSet("numpy", what, kernels, isa="x86-64")


def _onnxruntime(simd_bits: int, *, alone: bool = False) -> RecipeSet:
    kernels = {}
    if simd_bits in _X86:
        floats = mlas.convolutions(simd_bits, alone=alone)
        kernels = one({"fp": floats, "bwn": floats, **mlas.passes(simd_bits)})
    what = "ONNX Runtime: direct convolutions of MLAS on blocks of channels"
    return RecipeSet("onnxruntime", what, kernels, isa="x86-64")


def _onnxruntime_alone(simd_bits: int) -> RecipeSet:
    found = _onnxruntime(simd_bits, alone=True)
    what = "the same for a layer by itself: its input and results are reordered"
    return replace(found, name="onnxruntime-alone", what=what)


RECIPE_SETS: dict[str, Callable[[int], RecipeSet]] = dict(
    sorted(
        {
            **OWN_SETS,
            "dabnn": _dabnn,
            "dabnn-packed": _dabnn_packed,
            "larq": _larq,
            "larq-in-order": _larq_in_order,
            "larq-indirect": _larq_indirect,
            "numpy": _numpy,
            "onnxruntime": _onnxruntime,
            "onnxruntime-alone": _onnxruntime_alone,
            "tflite": _tflite,
            "tflite-eigen": _tflite_eigen,
        }.items()
    )
)
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
