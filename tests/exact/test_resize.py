"""Resampling: rows worked out by hand, properties, and onnxruntime's results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from onnx import helper, numpy_helper

from tests.exact.calls import result
from tests.exact.runtime import results_of
from xnorsim.errors import UnsupportedOpError
from xnorsim.exact.execute import execute, prepare
from xnorsim.importers.onnx import read_graph
from xnorsim.network import ops

COORDINATES = (
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
    "tf_crop_and_resize",
)  # fmt: skip
ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


def row(size: int, mode: str, coordinates: str = "half_pixel", **more: Any) -> ops.Resize:
    return ops.Resize((size,), mode, coordinates, **more)


# op, what is read, what comes out, why
ROWS: list[tuple[ops.Resize, list[float], list[float], str]] = [
    (row(4, "nearest", "asymmetric", rounding="floor"), [1, 2], [1, 1, 2, 2], "0 0.5 1 1.5"),
    # positions -0.25 0.25 0.75 1.25
    (row(4, "nearest"), [1, 2], [1, 1, 2, 2], "halves of pixels"),
    (row(4, "linear"), [0, 4], [0, 1, 3, 4], "and between them"),
    # positions 0.5 and 2.5: both are ties
    (row(2, "nearest"), [1, 2, 3, 4], [1, 3], "ties go down"),
    (row(2, "nearest", rounding="round_prefer_ceil"), [1, 2, 3, 4], [2, 4], "ties go up"),
    (row(2, "nearest", rounding="ceil"), [1, 2, 3, 4], [2, 4], "up"),
    (row(2, "nearest", rounding="floor"), [1, 2, 3, 4], [1, 3], "down"),
    (row(2, "linear"), [1, 2, 3, 4], [1.5, 3.5], "the middle of a tie"),
    (row(3, "linear", "align_corners"), [0, 2], [0, 1, 2], "ends on ends"),
    (row(1, "linear", "align_corners"), [5, 2, 3], [5], "one element is the first"),
    (row(1, "linear", "pytorch_half_pixel"), [5, 2, 3], [5], "one element is the first"),
    (row(1, "linear"), [5, 2, 3], [2], "or the middle"),
    # scale 0.6 of 4 is 2.4, of which 2 are left: (1 - 2 / 2.4) * 2 = 1/3 further on than
    # (i + 0.5) / 0.6 - 0.5 = 1/3, 2
    (row(2, "linear", "half_pixel_symmetric", scales=(0.6,)), [0, 3, 6, 9], [2, 7], "centred"),
    (row(2, "linear", scales=(0.6,)), [0, 3, 6, 9], [1, 6], "not centred"),
    # positions 0 0.8333 1.6667 2.5: float32's 0.6 is a little more than 0.6, and 3 / 0.6 is 5
    (row(4, "nearest", "asymmetric", scales=(0.6,), rounding="floor"), [0, 1, 2, 3, 4, 5, 6],
     [0, 1, 3, 5], "a tie but for float32"),
    (row(3, "linear", "tf_crop_and_resize", roi=(0.25, 0.75)), [0, 1, 2, 3, 4], [1, 2, 3],
     "cropped"),
    (row(3, "linear", "tf_crop_and_resize", roi=(0.5, 1.5), extrapolation=9.0), [0, 1, 2],
     [1, 2, 9], "beyond the image"),
    (row(3, "linear", "tf_crop_and_resize", roi=(0, 4), extrapolation=9.0, exclude_outside=True),
     [0, 1, 2], [0, 9, 9], "so far beyond that no neighbour is inside"),
    (row(1, "nearest", "tf_crop_and_resize", roi=(0.5, 1.0)), [0, 1, 2, 3, 4], [3], "its middle"),
    # between two elements -0.75 gives the weights (-0.09375, 0.59375, 0.59375, -0.09375)
    (row(3, "cubic", "align_corners"), [0, 32], [0, 16, 32], "symmetric"),
    (row(2, "cubic"), [0, 32, 0, 0], [19, -3], "four neighbours"),
    (row(2, "cubic", cubic=-0.5), [0, 32, 0, 0], [18, -2], "(-1/16, 9/16, 9/16, -1/16)"),
    # without the neighbour outside: 0.59375 / 1.09375
    (row(2, "cubic", exclude_outside=True), [0, 35, 0, 0], [19, -3], "three of them"),
    # 4 -> 2 with a kernel twice as wide: at 0.5 the weights are 1 3 3 1 of 8, the first outside
    (row(2, "linear", antialias=True), [8, 0, 0, 0], [4, 0], "antialiased"),
    (row(2, "linear", antialias=True, exclude_outside=True), [7, 0, 0, 0], [3, 0], "inside"),
    (row(4, "linear", antialias=True), [0, 4], [0, 1, 3, 4], "an enlargement needs none"),
]  # fmt: skip


@pytest.mark.parametrize(("op", "data", "expected", "why"), ROWS, ids=[r[3] for r in ROWS])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_rows(op: ops.Resize, data: list, expected: list, why: str, kind: Any) -> None:
    assert_allclose(result(op, np.array(data, kind)), expected, atol=1e-5, err_msg=why)


def test_integers_are_rounded_and_saturated() -> None:
    """Linear: 1.5 is a tie and goes to the even 2; cubic: beyond 255 and below 0."""
    assert_array_equal(result(row(1, "linear"), np.array([1, 2], np.uint8)), [2])
    edge = np.array([0, 0, 255, 255], np.uint8)
    found = result(row(8, "cubic"), edge)
    assert found.dtype == np.uint8
    assert found.min() == 0
    assert found.max() == 255
    assert result(row(8, "cubic"), edge.astype(np.float32)).max() > 255


def test_half_floats_are_computed_in_float32() -> None:
    data = np.array([1, 2, 4], np.float16)
    wide = result(row(7, "cubic"), data.astype(np.float32))
    assert_array_equal(result(row(7, "cubic"), data), wide.astype(np.float16))


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=4),
    st.sampled_from(["nearest", "linear", "cubic"]),
    st.sampled_from(COORDINATES[:-1]),
    st.booleans(),
    st.booleans(),
)
def test_the_same_size_is_the_identity(
    shape: list[int], mode: str, coordinates: str, antialias: bool, exclude: bool
) -> None:
    data = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    op = ops.Resize(tuple(shape), mode, coordinates, antialias=antialias, exclude_outside=exclude)
    assert_array_equal(result(op, data), data)


@given(
    st.integers(1, 9), st.integers(1, 20), st.sampled_from(["linear", "cubic"]),
    st.sampled_from(COORDINATES[:-1]), st.booleans(), st.booleans(),
)  # fmt: skip
def test_a_constant_image_stays_constant(
    size: int, to: int, mode: str, coordinates: str, antialias: bool, exclude: bool
) -> None:
    """The weights of every element add up to 1."""
    op = row(to, mode, coordinates, antialias=antialias, exclude_outside=exclude)
    assert_allclose(result(op, np.full(size, 3.0, np.float32)), np.full(to, 3.0), rtol=1e-5)


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"mode": "lanczos"}, r"'lanczos'.*cubic, linear, nearest"),
        ({"mode": "linear", "coordinates": "corner"}, r"'corner'.*align_corners"),
        ({"mode": "nearest", "rounding": "up"}, r"'up'.*ceil"),
    ],
)
def test_settings_that_there_are_not(more: dict[str, Any], match: str) -> None:
    with pytest.raises(UnsupportedOpError, match=match):
        result(ops.Resize((4,), **more), [1.0, 2.0])


def _file(op: ops.Resize, data: np.ndarray) -> onnx.ModelProto:
    kept = {
        "roi": np.array(op.roi, np.float32) if op.roi else None,
        "scales": np.array(op.scales, np.float32) if op.scales else None,
        "sizes": None if op.scales else np.array(op.shape, np.int64),
    }
    node = helper.make_node(
        "Resize", ["x", *(name if value is not None else "" for name, value in kept.items())],
        ["y"], mode=op.mode, coordinate_transformation_mode=op.coordinates,
        nearest_mode=op.rounding, cubic_coeff_a=op.cubic, antialias=int(op.antialias),
        exclude_outside=int(op.exclude_outside), extrapolation_value=op.extrapolation,
    )  # fmt: skip
    tensors = [numpy_helper.from_array(v, name) for name, v in kept.items() if v is not None]
    real = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [node], "net", [helper.make_tensor_value_info("x", real, data.shape)],
        [helper.make_tensor_value_info("y", real, None)], tensors,
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)


def _by_onnxruntime(model: onnx.ModelProto, data: np.ndarray) -> np.ndarray:
    return results_of(model, {"x": data})[0]


def _drawn(generator: np.random.Generator) -> tuple[ops.Resize, tuple[int, ...]]:
    """A setting that onnxruntime has, and in which it follows the specification.

    It does not for a size that stays (it copies the axis whatever scale or crop say), for
    align_corners with a size that was rounded down (its positions follow the rounded one; ONNX's
    own cases have the fraction), and float32 noise decides for it at positions that are whole
    (floor, ceil) in all modes but asymmetric.
    """
    mode = str(generator.choice(["nearest", "linear", "cubic"]))
    smooth = mode != "nearest"
    allowed = COORDINATES if mode == "linear" else COORDINATES[:-1]
    coordinates = str(generator.choice(allowed))
    rounded = ROUNDINGS if coordinates == "asymmetric" else ROUNDINGS[:2]
    shape = (1, 2, *map(int, generator.integers(2, 9, 2)))
    scales: tuple[float, ...] = ()
    sizes = [int(generator.choice(np.setdiff1d(np.arange(1, 14), [size]))) for size in shape[2:]]
    if generator.random() < 0.5 and coordinates not in ("align_corners", "tf_crop_and_resize"):
        factors = generator.choice(np.array([0.5, 0.6, 1.5, 1.7, 2, 2.4, 3], np.float32), 2)
        scales = (1.0, 1.0, *map(float, factors))
        sizes = [int(size * factor) for size, factor in zip(shape[2:], factors, strict=True)]
    op = ops.Resize(
        (1, 2, *sizes), mode, coordinates, scales, str(generator.choice(rounded)),
        cubic=float(generator.choice([-0.75, -0.5])),
        exclude_outside=bool(mode == "cubic" and generator.random() < 0.5),
        antialias=bool(smooth and generator.random() < 0.5),
        roi=(0, 0, 0.125, -0.25, 1, 1, 0.75, 1.125) if coordinates.startswith("tf") else (),
        extrapolation=9.0,
    )  # fmt: skip
    return op, shape


def test_as_onnxruntime(tmp_path: Path) -> None:
    """The layer as it was drawn, and as the importer reads it from a file."""
    generator, path = np.random.default_rng(1), tmp_path / "layer.onnx"
    for _ in range(250):
        op, shape = _drawn(generator)
        data = generator.standard_normal(shape).astype(np.float32)
        model = _file(op, data)
        path.write_bytes(model.SerializeToString())
        found = result(op, data)
        (read,) = execute(prepare(read_graph(path)), {"x": data}).outputs.values()
        assert_allclose(found, _by_onnxruntime(model, data), atol=1e-4, err_msg=f"{op}")
        assert_array_equal(found, read, err_msg=f"{op}")
