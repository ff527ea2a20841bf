"""Recipes of TensorFlow Lite: counts worked out by hand from its source."""

from __future__ import annotations

import pytest

from tests.cost.issued import named, part
from xnorsim.cost.recipes import elements, instructions, tflite
from xnorsim.work.dimensions import Dimensions


def test_both_sides_are_laid_out_at_every_run():
    """3 x 3 over 3 channels: 27 deep, 6 vectors and 3 elements; 2 tiles of 8 each."""
    layer = Dimensions(positions=9, filters=16, filter_channels=3, taps=9)
    for side in ("activations", "weights"):
        times, counts = part(tflite.RUY_FP32, f"layout of {side}", layer)
        assert times == 16 * 6
        # pack_arm.cc: 4 LD1, 8 TRN, 4 STR, 3 additions and CMP, a jump, for four vectors
        assert sum(counts.values()) * 4 == 4 + 8 + 4 + 3 + 1
        assert part(tflite.RUY_FP32, f"layout of {side}: rows with a rest", layer)[0] == 16
        rest = part(tflite.RUY_FP32, f"layout of {side}: a rest, element by element", layer)
        assert rest[0] == 16 * 3


def test_in_order_cores_load_halves():
    layer = Dimensions(8, 8, 4, 1)
    # for four vectors 4 LDR X, 4 PRFM, 4 LD1, 8 TRN, 4 INS, 4 STR; ADD, CMP, ADD and a jump
    _, counts = part(tflite.RUY_FP32_IN_ORDER, "layout of weights", layer)
    assert sum(counts.values()) * 4 == 28 + 4


def test_a_batch_norm_is_two_passes_and_a_call_each_row():
    """10 positions of 64 channels: 160 vectors; 33 instructions around a row, twice."""
    one = instructions(tflite.MULTIPLY, elements(640))
    two = instructions(tflite.ADD, elements(640))
    rows = instructions(tflite.BATCH_NORM, Dimensions(10, 64, 1, 1)) - one - two
    assert rows.sum() == 10 * 2 * 33


def test_a_depthwise_layer():
    """GCC 12 runs 1042 instructions for a position of 64 channels at 56 x 56; 13 are a row's.

    Of them 321 scalar operations and 79 jumps; 256 bytes by memcpy are 5 and 5, 4 and 4 more.
    """
    layer = Dimensions(positions=1, filters=1, filter_channels=1, taps=9, groups=64)
    found = named(instructions(tflite.DEPTHWISE, layer))
    assert found["fp32_fma"] == 144
    assert found["vector_load"] == 3 * 144 + 16 + 16
    assert found["vector_store"] == 144 + 16 + 16
    assert found["scalar_alu"] == pytest.approx(321 + 5 + 4, rel=0.01)
    assert found["branch"] == pytest.approx(79 + 5 + 4, rel=0.01)


def test_a_pool_writes_first_and_clamps_last():
    """20 vectors of results under windows of 9: each loaded and stored at every tap."""
    found = named(instructions(tflite.MAX_POOL, elements(80, window=9)))
    assert found["vector_load"] == 2 * 180 + 20
    assert found["vector_store"] == 180 + 2 * 20
    assert found["vector_compare"] == 2 * 20
    mean = named(instructions(tflite.AVERAGE_POOL, elements(80, window=9)))
    assert (mean["fp32_add"], mean["fp32_mul"]) == (180, 20)
