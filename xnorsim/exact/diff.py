"""Where two runs of a network diverge: the first tensor, in execution order, that differs.

A run is a session that computes its tensors as they are asked for, or another tool's tensors by
name. Which tensor is compared with which: exact/pairing.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from xnorsim.exact.execute import Session, Tell, steps
from xnorsim.exact.pairing import Pairing, pair_by_name, pair_networks, written
from xnorsim.exact.reference.widths import is_float
from xnorsim.network.graph import Graph
from xnorsim.network.ops import kind
from xnorsim.network.precision import BIPOLAR

__all__ = [
    "Difference",
    "Divergence",
    "compared",
    "diff",
    "diff_with_arrays",
    "ulps",
]

Array = np.ndarray

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """How two arrays differ.

    `differing` of `elements` lie apart further than is allowed (None if the shapes differ).
    `largest_ulp` counts the floats between the two, of the coarser of both types; None between
    integers. `largest` is the largest absolute distance; both are infinite where only one is a
    number. `places` are coordinates with both values: the furthest apart, and the first few.
    """

    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    types: tuple[str, str]
    elements: int
    differing: int | None
    largest_ulp: int | float | None
    largest: float | None
    places: tuple[tuple[tuple[int, ...], Any, Any], ...]


@dataclass(frozen=True, slots=True)
class Divergence:
    """What a comparison of two runs found.

    `compared` tensors were looked at. Of the first that differs: `tensor` and its `partner`, the
    layer (`node`, "" for an input of the network) and `kind` that write it, and whether its values
    are +-1 (`is_binary`: a differing element is a differing bit). All of them None or "" if none
    differs. `outputs` are those of A compared beyond it, where the pairing asks for that, each with
    how it differs, None if it does not.
    """

    pairing: Pairing
    compared: int
    ulp: int
    tolerance: float
    tensor: str | None = None
    partner: str | None = None
    node: str = ""
    kind: str = ""
    is_binary: bool = False
    difference: Difference | None = None
    outputs: Mapping[str, Difference | None] = field(default_factory=dict)


def diff(
    a: Session,
    b: Session,
    inputs_a: Mapping[str, Array],
    inputs_b: Mapping[str, Array],
    *,
    ulp: int = 0,
    tolerance: float = 0.0,
    progress: Tell | None = None,
) -> Divergence:
    """The first tensor that two networks compute differently.

    B runs only as far as A's tensors need it. Floats up to `ulp` apart, or up to `tolerance`, are
    equal. `progress` is called with the tensors compared and their number.

    Raises:
        UsageError: no two tensors belong together.
        ModelError: a layer cannot run.
    """
    pairing = pair_networks(a.graph, b.graph)
    other = _Ahead(b, inputs_b, frozenset(pairing.partners.values()))
    return _first(_tensors(a, inputs_a), other.take, pairing, a.graph, ulp, tolerance, progress)


def diff_with_arrays(
    a: Session,
    arrays: Mapping[str, Array],
    inputs: Mapping[str, Array],
    *,
    ulp: int = 0,
    tolerance: float = 0.0,
    progress: Tell | None = None,
) -> Divergence:
    """The first tensor that a network computes other than `arrays`, by tensor name, have it.

    The inputs of the network are compared too, where `arrays` has them.

    Raises:
        UsageError: no array has the name of a tensor.
        ModelError: a layer cannot run.
    """
    pairing = pair_by_name(dict.fromkeys([*a.graph.inputs, *written(a.graph)]), arrays)
    tensors = _tensors(a, inputs, with_inputs=True)
    return _first(tensors, arrays.__getitem__, pairing, a.graph, ulp, tolerance, progress)


def _tensors(
    session: Session, inputs: Mapping[str, Array], with_inputs: bool = False
) -> Iterator[tuple[str, str, str, Array]]:
    """(tensor, layer, kind, values) in execution order, each computed when it is asked for."""
    if with_inputs:
        yield from ((name, "", "input", inputs[name]) for name in session.graph.inputs)
    for step in steps(session, inputs):
        for name, value in step.outputs.items():
            yield name, step.node.name, kind(step.node.op), value
        del step


class _Ahead:
    """A network that runs just as far as it has been asked about; holds what is still wanted."""

    def __init__(self, session: Session, inputs: Mapping[str, Array], wanted: frozenset[str]):
        self._tensors = _tensors(session, inputs)
        self._wanted = wanted
        self._held: dict[str, Array] = {}

    def take(self, name: str) -> Array:
        """The values of a tensor, once."""
        while name not in self._held:
            found, _, _, value = next(self._tensors)
            if found in self._wanted:
                self._held[found] = value
            del value
        return self._held.pop(name)


def _first(
    tensors: Iterator[tuple[str, str, str, Array]],
    partner: Callable[[str], Array],
    pairing: Pairing,
    graph: Graph,
    ulp: int,
    tolerance: float,
    progress: Tell | None,
) -> Divergence:
    number, outputs = 0, {}
    result = Divergence(pairing, number, ulp, tolerance)
    for name, node, word, value in tensors:
        if name not in pairing.partners:
            continue
        other = pairing.partners[name]
        theirs, known = partner(other), result.difference is not None
        if known and name not in pairing.outputs_too:
            continue
        number += 1
        found = compared(value, theirs, ulp=ulp, tolerance=tolerance)
        if progress:
            progress(number, len(pairing.partners))
        if known:
            outputs[name] = found
        elif found is not None:
            binary = graph.tensors[name].encoding == BIPOLAR
            result = replace(
                result, tensor=name, partner=other, node=node, kind=word, is_binary=binary,
                difference=found,
            )  # fmt: skip
        left = pairing.outputs_too - {name, *outputs}
        if number == len(pairing.partners) or (result.difference and not left):
            break  # nothing is left to compare with
    return replace(result, compared=number, outputs=outputs)


def compared(a: Array, b: Array, *, ulp: int = 0, tolerance: float = 0.0) -> Difference | None:
    """How two arrays differ; None if they do not.

    Values count, not types: an int8 1 equals a float32 1.0. Floats of two widths are compared as
    the narrower. NaN equals NaN, and -0.0 equals 0.0. Floats up to `ulp` apart or up to
    `tolerance` apart are equal, integers up to `tolerance`.
    """
    shapes, types = (a.shape, b.shape), (str(a.dtype), str(b.dtype))
    if a.shape != b.shape:
        return Difference(shapes, types, a.size, None, None, None, ())
    a, b = _alike(a, b)
    apart = a != b
    apart &= ~((a != a) & (b != b))  # NaN is not itself
    if not apart.any():
        return None
    at = np.nonzero(apart.reshape(-1))[0]
    x, y = a.reshape(-1)[at], b.reshape(-1)[at]
    floats = is_float(a.dtype)
    distance = _distances(x, y)
    steps_apart = ulps(x, y) if floats else None
    far = distance > tolerance
    if steps_apart is not None:
        far &= steps_apart > ulp
    if not far.any():
        return None
    at, x, y, distance = at[far], x[far], y[far], distance[far]
    reach = distance if steps_apart is None else steps_apart[far]
    worst = int(np.argmax(reach))
    chosen = list(dict.fromkeys([worst, *range(min(_SHOWN, len(at)))]))[:_SHOWN]
    return Difference(
        shapes,
        types,
        a.size,
        len(at),
        None if steps_apart is None else _whole(reach[worst]),
        float(distance.max()),
        tuple((_place(at[i], a.shape), x[i].item(), y[i].item()) for i in chosen),
    )


def _place(position: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(index) for index in np.unravel_index(position, shape))


def _whole(value: float) -> int | float:
    return int(value) if np.isfinite(value) else float("inf")


def _alike(a: Array, b: Array) -> tuple[Array, Array]:
    """Both arrays in one type: floats in the narrower of two, others in one that holds both."""
    if a.dtype == b.dtype:
        return a, b
    if is_float(a.dtype) and is_float(b.dtype):
        narrow = min(a.dtype, b.dtype, key=lambda dtype: dtype.itemsize)
    elif any(item.dtype.kind == "V" for item in (a, b)):
        narrow = np.dtype(np.float64)  # numpy knows nothing common to these; all of them are in it
    else:
        narrow = np.result_type(a.dtype, b.dtype)
    with np.errstate(all="ignore"):
        return a.astype(narrow), b.astype(narrow)


def _distances(x: Array, y: Array) -> Array:
    """|x - y| in float64; infinite where only one of them is a number."""
    if x.dtype.kind in "biu":  # exact in 64 bits: the difference of far integers is beyond int64
        high, low = (f(x, y).astype(np.uint64) for f in (np.maximum, np.minimum))
        return (high - low).astype(np.float64)
    wide = np.complex128 if x.dtype.kind == "c" else np.float64
    with np.errstate(all="ignore"):
        found = np.abs(x.astype(wide) - y.astype(wide))
    return np.where(np.isnan(found), np.inf, found)


def ulps(x: Array, y: Array) -> Array:
    """How many floats lie between x and y, each way of one type; infinite from NaN to a number.

    Floats of one sign are ordered as their bits are, so that the distance is the difference of
    the bits; -0.0 and 0.0 are the same place. Exact up to 2**53.
    """
    bits = np.dtype(f"u{x.dtype.itemsize}")
    half = 1 << (8 * bits.itemsize - 1)
    first, second = (_line(value.view(bits), half) for value in (x, y))
    apart = np.where(first > second, first - second, second - first).astype(np.float64)
    with np.errstate(all="ignore"):
        return np.where((x != x) | (y != y), np.inf, apart)


def _line(bits: Array, half: int) -> Array:
    """The place of floats, given as bits, on a line: `half` is 0.0."""
    value = bits.astype(np.uint64)
    middle = np.uint64(half)
    negative = value >= middle
    return np.where(negative, middle - (value - middle), middle + value)
