"""Operators that reduce axes, and normalizations by what they find there.

Source: TensorFlow, tensorflow/lite/kernels/{reduce,arg_min_max,l2norm,local_response_norm}.cc.
"""

from __future__ import annotations

from collections.abc import Callable

from xnorsim.importers.tflite.activations import finish
from xnorsim.importers.tflite.view import (
    Rule,
    View,
    axis_in,
    emit,
    option,
    real,
    require,
    settings,
    shape,
    write,
)
from xnorsim.network import ops
from xnorsim.network.ops import Reduction
from xnorsim.network.precision import INT64

__all__ = ["RULES"]


def _reduce(reduction: Reduction) -> Callable[[View], None]:
    def build(view: View) -> None:
        given, axes = real(view, 0), settings(view, 1)
        rank, keeps = len(shape(view, 0)), bool(option(view, "KeepDims"))
        require(view, all(-rank <= a < rank for a in axes), f"axes {axes} of {rank} dimensions")
        batches = view.state.batches
        mixed = batches is not None and batches[0] != batches[1] and 0 in {a % rank for a in axes}
        require(
            view, not mixed, f"it reduces the batch, which is {batches and batches[0]} in the file"
        )
        # what is left has its channels at the end, unless all of the image is gone
        whole = {axis % rank for axis in axes} >= set(range(1, rank - 1))
        if given.channels_first and not keeps and not whole:
            given = type(given)(view.state.axes.last(given), False)
        held = tuple(sorted({axis_in(given, axis, rank, view) for axis in axes}))
        result = emit(view, ops.Reduce(reduction, held, keeps), given.tensor)
        finish(view, result, given.channels_first and keeps)

    return build


def _arg(reduction: Reduction) -> Callable[[View], None]:
    def build(view: View) -> None:
        (axis, *_), rank = settings(view, 1) or (0,), len(shape(view, 0))
        require(view, -rank <= axis < rank, f"axis {axis} is out of range for {rank} dimensions")
        data = view.state.axes.last(real(view, 0))
        result = emit(view, ops.Reduce(reduction, (axis % rank,), keepdims=False), data)
        target = view.state.model.tensors[view.operator.outputs[0]].spec.encoding
        if target != INT64:
            result = emit(view, ops.Cast(target), result, suffix="cast")
        write(view, result, False)

    return build


def _l2_norm(view: View) -> None:
    given = real(view, 0)
    axis = axis_in(given, -1, len(shape(view, 0)), view)
    op = ops.Normalize("lp", (axis,), False, 0.0, order=2)
    finish(view, emit(view, op, given.tensor), given.channels_first, has_fused=True)


def _local_response(view: View) -> None:
    """TensorFlow's alpha is of each neighbour, ours of their mean."""
    size = 2 * int(option(view, "Radius")) + 1
    alpha, beta, bias = (float(option(view, name)) for name in ("Alpha", "Beta", "Bias"))
    op = ops.LocalResponseNorm(size, alpha * size, beta, bias)
    finish(view, emit(view, op, view.state.axes.first(real(view, 0))), True)


_REDUCTIONS = {
    "MEAN": Reduction.MEAN,
    "REDUCE_MAX": Reduction.MAX,
    "REDUCE_MIN": Reduction.MIN,
    "REDUCE_PROD": Reduction.PROD,
    "SUM": Reduction.SUM,
}

RULES: dict[str, Rule] = {
    **{name: Rule(_reduce(word), "ReducerOptions") for name, word in _REDUCTIONS.items()},
    "ARG_MAX": Rule(_arg(Reduction.ARG_MAX)),
    "ARG_MIN": Rule(_arg(Reduction.ARG_MIN)),
    "L2_NORMALIZATION": Rule(_l2_norm, "L2NormOptions"),
    "LOCAL_RESPONSE_NORMALIZATION": Rule(_local_response, "LocalResponseNormalizationOptions"),
}
