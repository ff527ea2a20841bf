"""Layer kinds that compute nothing: they move, repeat, pick or rename elements, or are known
before the network runs. ops.py has the others, and all of them by name."""

from __future__ import annotations

from dataclasses import dataclass

from xnorsim.network.precision import Encoding

__all__ = [
    "Concat",
    "Constant",
    "Expand",
    "Gather",
    "Identity",
    "Pad",
    "Padding",
    "Rearrange",
    "Reshape",
    "Slice",
    "Split",
    "Transpose",
]

Padding = tuple[tuple[int, int], ...]
"""(before, after) for each axis that it is for."""


@dataclass(frozen=True, slots=True)
class Concat:
    """Tensors joined along an axis."""

    axis: int


@dataclass(frozen=True, slots=True)
class Split:
    """A tensor cut along an axis into parts of the given sizes."""

    axis: int
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """Every step-th element from start to end along the axes; bounds as numpy would clip them."""

    axes: tuple[int, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pad:
    """Elements added before and after each axis (negative: removed)."""

    padding: Padding
    mode: str = "constant"
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Reshape:
    """The same elements in the same order under another shape (flatten, squeeze, unsqueeze)."""

    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Transpose:
    """Axes permuted.

    It `relabels` where nothing moves: a network whose file has its channels last, and which runs
    so, is written down channel-first here, and only the order changes in which axes are named.
    """

    permutation: tuple[int, ...]
    relabels: bool = False


@dataclass(frozen=True, slots=True)
class Rearrange:
    """Elements moved between axes in blocks: depth to space, space to depth."""

    form: str
    shape: tuple[int, ...]
    block: int


@dataclass(frozen=True, slots=True)
class Expand:
    """Elements repeated to fill a shape (expand, tile)."""

    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gather:
    """Elements picked by index; `shape` is the result's. `form` is the file's own operator:
    gather, gather_elements or gather_nd (whose first `batch_axes` are walked in step)."""

    shape: tuple[int, ...]
    axis: int = 0
    form: str = "gather"
    batch_axes: int = 0


@dataclass(frozen=True, slots=True)
class Identity:
    """The input itself: identity, and dropout at inference."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor filled with one value, known before the network runs."""

    shape: tuple[int, ...]
    encoding: Encoding
    value: float = 0.0
