"""What a kernel computes: one convolution with its weights, and how its sums become results.

    y = (sum * alpha) * K * a + b        float32, in this order, each as far as it is there

A dense layer is a convolution of one position: an image of 1 x 1 and a kernel of 1 x 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from xnorsim.errors import UsageError
from xnorsim.network.ops import Conv

__all__ = ["Kernel", "Problem", "Ready", "checked", "scales_of"]

Array = np.ndarray
FLOAT32 = np.dtype(np.float32)


@dataclass(frozen=True, slots=True)
class Problem:
    """A convolution over images of `shape` (batch, channels, height, width), float32.

    `weight` is float32 (filters, channels / groups, *kernel). Kernels of kind "binary" take the
    signs of weight and image, those of kind "bwn" the signs of the weight. `alpha` (filters) scales
    the sums; with `input_scale` the map K does too (XNOR-Net, section 3.2). `norm` is a batch
    normalization as its two vectors a and b (filters): y * a + b. All are float32.

    Raises:
        UsageError: they do not fit each other; every fault at once.
    """

    op: Conv
    shape: tuple[int, int, int, int]
    weight: Array
    alpha: Array | None = None
    input_scale: bool = False
    norm: tuple[Array, Array] | None = None

    def __post_init__(self) -> None:
        # compiled code looks at no bounds: what it reads has the sizes that it is told here
        if faults := list(_faults(self)):
            raise UsageError("this is no problem of a convolution: " + "; ".join(faults))


def _faults(problem: Problem) -> Iterator[str]:
    op, shape = problem.op, problem.shape
    if len(op.kernel) != 2:
        yield f"it has {len(op.kernel)} spatial axes, and 2 are expected"
    if len(shape) != 4 or min(shape) < 0:
        yield f"images are (batch, channels, height, width), not {list(shape)}"
        return
    if shape[1] % op.groups or op.out_channels % op.groups:
        yield f"{op.groups} groups do not divide {shape[1]} channels and {op.out_channels} filters"
    filters = (op.out_channels,)
    expected: dict[str, tuple[Array, tuple[int, ...]]] = {
        "weight": (problem.weight, (*filters, shape[1] // op.groups, *op.kernel))
    }
    if problem.alpha is not None:
        expected["alpha"] = problem.alpha, filters
    if problem.norm is not None:
        a, b = problem.norm
        expected |= {"a of norm": (a, filters), "b of norm": (b, filters)}
    for name, (array, size) in expected.items():
        if array.shape != size or array.dtype != FLOAT32:
            yield f"{name} is float32 {list(size)}, not {array.dtype} {list(array.shape)}"


@dataclass(frozen=True, slots=True)
class Ready:
    """A kernel made ready for one problem: weights packed and buffers allocated.

    `run(image)` takes what the kernel takes and returns what it gives; the array that it returns
    is overwritten by the next call. One call at a time: it has one set of buffers. `threads` is how
    many it really uses; `versions` names the libraries that compute, and `settings` what was chosen
    for them.
    """

    run: Callable[[Array], Array]
    threads: int
    versions: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)


def scales_of(filters: int, alpha: Array | None, norm: tuple[Array, Array] | None) -> Array:
    """alpha, a and b as float32 (3, filters): 1, 1 and -0.0, which change nothing, if not given."""
    a, b = norm or (np.ones(filters), np.full(filters, -0.0))
    return np.stack([np.ones(filters) if alpha is None else alpha, a, b]).astype(np.float32)


def checked(
    image: Array, shape: tuple[int, ...], kind: np.dtype = FLOAT32, *, dense: bool = False
) -> Array:
    """An image of `shape` and `kind` as compiled code reads it: with aligned elements, any strides,
    or none but those of a C array if `dense`. Copied only if it does not lie so already.

    Raises:
        UsageError: another shape or type.
    """
    if image.shape != shape or image.dtype != kind:
        raise UsageError(
            f"the image is {kind} {list(shape)}, not {image.dtype} {list(image.shape)}"
        )
    if image.flags.carray:  # known in a tenth of the time that np.require takes
        return image
    return np.require(image, kind, ["C", "A", "W"] if dense else ["A", "W"])


@dataclass(frozen=True, slots=True)
class Kernel:
    """A way to compute problems of one kind: "binary", "bwn" or "fp".

    It takes float32 images (batch, channels, height, width) and gives float32 (batch, filters,
    height, width); or, where `takes` or `gives` is "bits", packed signs, uint64 (batch, height,
    width, words), channels as in network/bits.py. A kernel that gives bits takes the sign of y.

    `ready(problem, threads)` raises UsageError for a problem that `cannot(problem)` gives a reason
    against ("" if there is none), and MissingExtraError where `extra` is not installed.
    """

    name: str
    summary: str
    kind: str
    extra: str
    ready: Callable[[Problem, int], Ready]
    cannot: Callable[[Problem], str]
    takes: str = "floats"
    gives: str = "floats"
