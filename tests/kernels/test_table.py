"""Every kernel of the table equals the reference bit for bit, whatever the shape."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from xnorsim.errors import MissingExtraError, ShapeError, UsageError
from xnorsim.exact.call import Call
from xnorsim.exact.engines import engine
from xnorsim.exact.reference import run
from xnorsim.kernels.problem import Kernel, Problem, Ready
from xnorsim.kernels.table import KERNELS, kernel
from xnorsim.network.bits import pack
from xnorsim.network.extents import window_output
from xnorsim.network.graph import TensorSpec
from xnorsim.network.ops import Conv
from xnorsim.network.precision import BWN, FLOAT32, FP32, XNOR, Scaling

Array = np.ndarray
SCHEMES = {"binary": XNOR, "bwn": BWN, "fp": FP32}


@dataclass(frozen=True)
class Shape:
    """A convolution, and which of the factors after it there are."""

    reason: str
    channels: int = 64
    size: tuple[int, int] = (9, 9)
    filters: int = 32
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[tuple[int, int], tuple[int, int]] = ((1, 1), (1, 1))
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    pad_value: int = 0
    batch: int = 1
    alpha: bool = True
    input_scale: bool = False
    norm: bool = True


SHAPES = (
    Shape("a usual layer"),
    Shape("no factors at all: the sums themselves", alpha=False, norm=False),
    Shape("no alpha, but a norm", alpha=False),
    Shape("alpha with the map K", input_scale=True),
    Shape("K where one position sums along adjacent numbers", 200, (1, 1), kernel=(1, 1),
          padding=((0, 0), (0, 0)), input_scale=True),
    Shape("K of groups over a strided window", 12, groups=3, filters=6, stride=(2, 1),
          input_scale=True),
    Shape("1x1 without padding: no patches are copied", kernel=(1, 1), padding=((0, 0), (0, 0))),
    Shape("1x1 with stride: patches are", kernel=(1, 1), padding=((0, 0), (0, 0)), stride=(2, 2)),
    Shape("1x1 with padding: positions that read nothing", kernel=(1, 1)),
    Shape("padding of +1", pad_value=1),
    Shape("padding of -1", pad_value=-1),
    Shape("asymmetric padding, as SAME with stride 2", stride=(2, 2), padding=((0, 1), (0, 1))),
    Shape("dilation, past the middle", dilation=(3, 2), padding=((3, 3), (2, 2))),
    Shape("padding wider than the image", size=(2, 3), padding=((4, 5), (6, 4))),
    Shape("one channel, one filter, one position", 1, (1, 1), 1, (1, 1), padding=((0, 0), (0, 0))),
    Shape("one bit more than a word, one filter more than a word", 65, filters=65),
    Shape("one bit less", 63, filters=63),
    Shape("groups of whole words", 128, filters=64, groups=2),
    Shape("groups whose bits begin inside words", 99, filters=33, groups=3),
    Shape("groups that cross words", 150, filters=140, groups=2),
    Shape("depthwise", 70, filters=70, groups=70, size=(5, 5)),
    Shape("a dense layer", 1000, (1, 1), 10, (1, 1), padding=((0, 0), (0, 0)), batch=3),
    Shape("a batch of images smaller than a tile", size=(3, 3), batch=7),
    Shape("a batch of images larger than a tile", 8, (13, 11), 9, batch=3),
    Shape("an empty batch", batch=0),
    Shape("a kernel of 7x1", 40, (20, 6), kernel=(7, 1), padding=((3, 3), (0, 0))),
    Shape("a kernel as large as the image", 16, (9, 8), kernel=(9, 8), padding=((0, 0), (0, 0))),
    Shape("sums that 16 bits do not hold", 16400, (2, 2), 3, (2, 2), padding=((0, 0), (0, 0))),
)  # fmt: skip


def problem_of(shape: Shape, kind: str, seed: int = 0) -> Problem:
    """Whole numbers, so that float sums are exact in any order.

    The factors of float kinds are powers of two, as some libraries multiply the weights by them.
    """
    draw = np.random.default_rng(seed)
    op = Conv(
        shape.filters,
        shape.kernel,
        shape.stride,
        shape.padding,
        shape.dilation,
        shape.groups,
        shape.pad_value,
    )
    inner = shape.channels // shape.groups
    weight = draw.integers(-8, 8, (shape.filters, inner, *shape.kernel)).astype(np.float32)
    factors = draw.standard_normal((3, shape.filters)).astype(np.float32)
    if kind != "binary":
        factors[:2] = draw.choice([0.5, 1.0, 2.0, -4.0], (2, shape.filters))
        factors[2] = draw.integers(-9, 9, shape.filters) + 0.5
    factors[1, ::5] = 0  # y is the same whatever the sum
    return Problem(
        op,
        (shape.batch, shape.channels, *shape.size),
        weight,
        np.abs(factors[0]) if shape.alpha else None,
        shape.input_scale,
        (factors[1], factors[2]) if shape.norm else None,
    )


def image_of(problem: Problem, seed: int = 1) -> Array:
    draw = np.random.default_rng(seed)
    image = draw.integers(-8, 8, problem.shape).astype(np.float32)
    return np.where(image == -8, np.float32(-0.0), image)  # whose sign is +1


def signs_of(x: Array) -> Array:
    return np.where(x >= 0, np.int8(1), np.int8(-1))


def expected(problem: Problem, image: Array, kind: str) -> Array:
    """y by the executor's reference."""
    if not len(image):  # of which it makes nothing
        one = replace(problem, shape=(1, *problem.shape[1:]))
        return expected(one, np.zeros(one.shape, np.float32), kind)[:0]
    op, scheme = problem.op, SCHEMES[kind]
    signed = {"binary": (True, True), "bwn": (False, True), "fp": (False, False)}[kind]
    x, weight = (
        signs_of(values) if signs else values
        for values, signs in zip((image, problem.weight), signed, strict=True)
    )
    if kind == "bwn":
        weight = weight.astype(np.float32)
    scaling = Scaling.NONE if problem.alpha is None else Scaling.ALPHA
    scheme = replace(scheme, scaling=Scaling.ALPHA_K if problem.input_scale else scaling)
    roles = {"weight": weight, "alpha": problem.alpha, "unsigned": image}
    held = {role: values for role, values in roles.items() if values is not None}
    size = [
        window_output(*axis)
        for axis in zip(image.shape[2:], op.kernel, op.stride, op.padding, op.dilation, strict=True)
    ]
    spec = TensorSpec((len(image), op.out_channels, *size), FLOAT32)
    (y,) = run(op, Call((x,), (spec,), engine("packed"), held, scheme))
    if problem.norm is not None:
        a, b = (vector.reshape(-1, 1, 1) for vector in problem.norm)
        y = y * a + b
    return y


def made_ready(kernel: Kernel, problem: Problem, threads: int = 1) -> Ready:
    if reason := kernel.cannot(problem):
        pytest.skip(reason)
    try:
        return kernel.ready(problem, threads)
    except MissingExtraError as missing:
        pytest.skip(str(missing))


def check(kernel: Kernel, problem: Problem, image: Array, threads: int = 1) -> None:
    """The kernel's result is the reference's."""
    ready = made_ready(kernel, problem, threads)
    if kernel.takes == "bits":
        given = pack(np.ascontiguousarray(signs_of(image).transpose(0, 2, 3, 1)))
    else:
        given = image
    found = ready.run(given)
    again = np.array_equal(found.copy(), ready.run(given), equal_nan=True)
    assert again, "another result from the same buffers"
    y = expected(problem, image, kernel.kind)
    if kernel.gives == "floats":
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, y)
        if kernel.kind == "binary":  # of floats, the order of a sum may make a 0 negative
            np.testing.assert_array_equal(np.signbit(found), np.signbit(y))
    else:
        np.testing.assert_array_equal(found, pack(signs_of(y).transpose(0, 2, 3, 1)))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.reason)
@pytest.mark.parametrize("name", KERNELS)
def test_equals_the_reference(name: str, shape: Shape) -> None:
    problem = problem_of(shape, KERNELS[name].kind)
    check(KERNELS[name], problem, image_of(problem))


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_nothing(name: str, threads: int) -> None:
    problem = problem_of(Shape("", 70, (23, 17), 65, batch=2), KERNELS[name].kind)
    check(KERNELS[name], problem, image_of(problem), threads)


GOOD = problem_of(Shape("", 6, groups=3, filters=9), "binary")
BAD: dict[str, tuple[dict[str, object], str]] = {
    "fewer channels of the weight": ({"weight": GOOD.weight[:, :1]}, "weight is float32"),
    "fewer filters": ({"weight": GOOD.weight[:6]}, r"\[9, 2, 3, 3\], not float32 \[6, 2, 3, 3\]"),
    "another window": ({"weight": GOOD.weight[..., :2]}, "weight is float32"),
    "weights of 64 bits": ({"weight": GOOD.weight.astype("f8")}, "not float64"),
    "more channels of the image": ({"shape": (1, 60, 9, 9)}, "weight is float32"),
    "channels that groups do not divide": ({"shape": (1, 7, 9, 9)}, "3 groups do not divide 7"),
    "an image of three axes": ({"shape": (6, 9, 9)}, r"not \[6, 9, 9\]"),
    "a window of one axis": ({"op": replace(GOOD.op, kernel=(3,))}, "1 spatial axes"),
    "one alpha too few": ({"alpha": np.ones(8, "f4")}, "alpha is float32"),
    "one factor too many": ({"norm": (np.ones(10, "f4"), np.ones(9, "f4"))}, "a of norm"),
    "two at once": (
        {"alpha": np.ones(8, "f4"), "norm": (np.ones(9, "f4"), np.ones(9))},
        "alpha is .*; b of norm is",
    ),
}


@pytest.mark.parametrize("fault", BAD)
def test_what_does_not_fit_is_no_problem(fault: str) -> None:
    """Compiled code looks at no bounds."""
    changed, told = BAD[fault]
    with pytest.raises(UsageError, match=told):
        replace(GOOD, **changed)


ARRAYS: dict[str, Callable[[Array], Array]] = {
    "not contiguous": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "backwards": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    "channels last": lambda x: np.ascontiguousarray(np.moveaxis(x, 1, -1)).transpose(0, 3, 1, 2),
    "read-only": lambda x: np.broadcast_to(x, x.shape),
    "unaligned": lambda x: np.frombuffer(b"." + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(
        x.shape
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", ARRAYS)
@pytest.mark.parametrize("name", [row.name for row in KERNELS.values() if row.takes == "floats"])
def test_takes_arrays_that_lie_otherwise(name: str, how: str) -> None:
    problem = problem_of(Shape("", 33, (7, 6), 20), KERNELS[name].kind)
    check(KERNELS[name], problem, ARRAYS[how](image_of(problem)))


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """Sizes of 1 to 70 in each dimension, of bounded work."""
    small, any_size = st.integers(1, 3), st.integers(1, 70)
    groups = draw(small)
    channels, filters = (groups * draw(st.integers(1, 70 // groups)) for _ in range(2))
    pads = st.tuples(st.integers(0, 3), st.integers(0, 3))
    axes = [
        (draw(any_size), draw(st.integers(1, 7)), draw(small), draw(pads), draw(small))
        for _ in range(2)
    ]
    try:
        outputs = [window_output(*axis) for axis in axes]
    except ShapeError:
        assume(False)
        raise
    kernel = axes[0][1] * axes[1][1]
    assume(outputs[0] * outputs[1] * kernel * channels * filters < 4e6 * groups)
    size, kernels, strides, paddings, dilations = zip(*axes, strict=True)
    return Shape(
        "",
        channels,
        size,
        filters,
        kernels,
        strides,
        paddings,
        dilations,
        groups,
        draw(st.sampled_from([-1, 0, 1])),
        draw(st.integers(0, 2)),
        draw(st.booleans()),
        False,
        draw(st.booleans()),
    )


@pytest.mark.parametrize("name", KERNELS)
@settings(max_examples=15, deadline=None)
@given(shape=shapes(), seed=st.integers(0, 2**16))
def test_any_shape_equals_the_reference(name: str, shape: Shape, seed: int) -> None:
    problem = problem_of(shape, KERNELS[name].kind, seed)
    if reason := KERNELS[name].cannot(problem):
        assume(not reason)
    check(KERNELS[name], problem, image_of(problem, seed + 1))


def test_names_are_those_of_the_table() -> None:
    assert [row.name for row in KERNELS.values()] == list(KERNELS)
    with pytest.raises(UsageError, match="no kernel 'xnr': did you mean xnor"):
        kernel("xnr")


@cache
def loaded_by_the_table() -> str:
    code = "import sys, xnorsim.kernels.table; print(*sys.modules)"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("library", ["numba", "llvmlite", "onnxruntime", "torch"])
def test_the_table_imports_no_library_that_computes(library: str) -> None:
    assert library not in loaded_by_the_table().split()
