"""Functions of TensorFlow that a model calls without a layer: a TFOpLambda of each, by its name.

Keras writes x - y of two results as a TFOpLambda with function "math.subtract", and so on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from xnorsim.errors import ModelError, ShapeError, UnsupportedOpError
from xnorsim.importers.channels import Value
from xnorsim.importers.keras.activations import identity, operation
from xnorsim.importers.keras.elements import joined, same_order
from xnorsim.importers.keras.lambdas import parted
from xnorsim.importers.keras.settings import (
    LARGEST,
    Settings,
    flag,
    is_whole,
    listed,
    number,
    sizes,
    whole,
    wholes,
    word,
)
from xnorsim.importers.keras.state import MOST_AXES, Use, add, constant, shaped
from xnorsim.network import ops
from xnorsim.network.ops import Function, Operator, Reduction

__all__ = ["TENSORFLOW_OPS", "build_slicing", "build_tensorflow_op"]

Results = Value | tuple[Value, ...]
Rule = Callable[[Use], Results]


def build_tensorflow_op(use: Use) -> Results:
    """A TFOpLambda whose function has a rule.

    Raises:
        ModelError: an argument that the rule does not know.
    """
    rule, known = TENSORFLOW_OPS[str(use.layer.config.get("function"))]
    for key, given in use.kwargs.items():
        if key not in (*known, "name") and given is not None and given is not False:
            raise ModelError(f"{use.where}: no rule for argument {key!r:.80} {given!r:.80}")
    return rule(use)


def _given(use: Use, position: int, key: str) -> Any:
    """An argument, by position or by name."""
    return use.kwargs.get(key, use.args[position] if len(use.args) > position else None)


def _settings(use: Use, *keys: str) -> Settings:
    """The arguments after the first one as settings; None is as good as none."""
    found = {key: _given(use, place, key) for place, key in enumerate(keys, 1)}
    return Settings(use.where, {k: v for k, v in found.items() if v is not None})


def _binary(operator: Operator) -> Rule:
    """An operator over tensors and numbers; shapes broadcast from the last axis on."""

    def build(use: Use) -> Value:
        left, right = (_given(use, place, key) for place, key in enumerate("xy"))
        op = ops.Elementwise(operator)
        if isinstance(left, Value) and isinstance(right, Value):
            ranks = {len(shaped(use, value)) for value in (left, right)}
            if len(ranks) > 1:
                tensors, first = [use.state.axes.last(value) for value in (left, right)], False
            else:
                tensors, first = same_order(use, (left, right))
            return Value(add(use, op, *tensors), first)
        value, other, role = (left, right, "right") if isinstance(left, Value) else (
            right, left, "left")  # fmt: skip
        if not isinstance(value, Value) or isinstance(other, bool | Value):
            raise ModelError(f"{use.where}: it reads neither two tensors nor one and a number")
        if not isinstance(other, int | float) or abs(other) > _LARGEST_FLOAT:
            raise ModelError(f"{use.where}: {other!r:.80} is neither a tensor nor a number")
        held = {role: (f"{use.name}.{'xy'[role == 'right']}", constant((float(other),), ()))}
        return Value(add(use, op, value.tensor, parameters=held), value.channels_first)

    return build


_LARGEST_FLOAT = 3e38


def _function(function: Function) -> Rule:
    def build(use: Use) -> Value:
        tensor = add(use, ops.Activation(function), use.value.tensor)
        return Value(tensor, use.value.channels_first)

    return build


def _square(use: Use) -> Value:
    value = use.value
    tensor = add(use, ops.Elementwise(Operator.MUL), value.tensor, value.tensor)
    return Value(tensor, value.channels_first)


def _leaky_relu(use: Use) -> Value:
    slope = number(_settings(use, "alpha"), "alpha", 0.2)
    op = ops.Activation(Function.LEAKY_RELU, (("alpha", slope),))
    return Value(add(use, op, use.value.tensor), use.value.channels_first)


def _clip(use: Use) -> Value:
    keys = ("clip_value_min", "clip_value_max")
    low, high = (number(_settings(use, *keys), key) for key in keys)
    op = ops.Activation(Function.CLIP, (("min", low), ("max", high)))
    return Value(add(use, op, use.value.tensor), use.value.channels_first)


def _axis(use: Use, axis: int, rank: int) -> int:
    """An axis of the file's order, from 0 on."""
    if not -rank <= axis < rank:
        raise ShapeError(f"{use.where}: axis {axis} is none of {rank}")
    return axis % rank


def _softmax(use: Use) -> Value:
    axis = whole(_settings(use, "axis"), "axis", -1, least=-LARGEST)
    op = ops.Softmax(_axis(use, axis, len(shaped(use, use.value))))
    return Value(add(use, op, use.state.axes.last(use.value)), False)


def _reshaped(use: Use, shape: tuple[int, ...]) -> Value:
    return Value(add(use, ops.Reshape(shape), use.state.axes.last(use.value)), False)


def _reshape(use: Use) -> Value:
    """tf.reshape: to a whole shape, in which one size may be -1."""
    target = list(wholes(_settings(use, "shape"), "shape"))
    count = prod(shaped(use, use.value))
    fits = len(target) <= MOST_AXES and target.count(-1) <= 1
    known = prod(size for size in target if size != -1) if fits else 0
    if known < 1 or any(size < 1 and size != -1 for size in target) or count % known:
        shape = list(shaped(use, use.value))
        raise ShapeError(f"{use.where}: {shape} does not fill shape {target!r:.80}")
    return _reshaped(use, tuple(count // known if size == -1 else size for size in target))


def _expand_dims(use: Use) -> Value:
    shape = shaped(use, use.value)
    axis = whole(_settings(use, "axis"), "axis", least=-LARGEST)
    axis = _axis(use, axis, len(shape) + 1)
    return _reshaped(use, (*shape[:axis], 1, *shape[axis:]))


def _squeeze(use: Use) -> Value:
    shape = shaped(use, use.value)
    ones = tuple(axis for axis, size in enumerate(shape) if size == 1)
    dropped = {
        _axis(use, axis, len(shape)) for axis in wholes(_settings(use, "axis"), "axis", ones)
    }
    if not dropped <= set(ones):
        raise ShapeError(f"{use.where}: {list(shape)} is not 1 along axes {sorted(dropped)}")
    return _reshaped(use, tuple(n for axis, n in enumerate(shape) if axis not in dropped))


def _transpose(use: Use) -> Value:
    rank = len(shaped(use, use.value))
    order = wholes(_settings(use, "perm"), "perm", tuple(reversed(range(rank))))
    if sorted(order) != list(range(rank)):
        raise ShapeError(f"{use.where}: perm {list(order)!r:.80} does not permute {rank} axes")
    return Value(add(use, ops.Transpose(order), use.state.axes.last(use.value)), False)


def _pad(use: Use) -> Value:
    """tf.pad with one number around."""
    settings = _settings(use, "paddings", "mode", "constant_values")
    word(settings, "mode", ("CONSTANT",), "CONSTANT")
    given = listed(settings.values.get("paddings")) or ()
    rank = len(shaped(use, use.value))
    if len(given) != rank:
        raise ShapeError(f"{use.where}: paddings {given!r:.80} are not two for each of {rank} axes")
    rows = (Settings(use.where, {"paddings": row}) for row in given)
    pairs = tuple(sizes(row, "paddings", 2, least=0) for row in rows)
    op = ops.Pad(tuple((a, b) for a, b in pairs), value=number(settings, "constant_values", 0))
    return Value(add(use, op, use.state.axes.last(use.value)), False)


def _concat(use: Use) -> Value:
    return joined(use, use.inputs, whole(Settings(use.where, use.kwargs), "axis", least=-LARGEST))


def _split(use: Use) -> tuple[Value, ...]:
    key = "num_or_size_splits"
    settings = _settings(use, key, "axis")
    return parted(use, settings.values.get(key), whole(settings, "axis", 0, least=-LARGEST))


def build_slicing(use: Use) -> Value:
    """A SlicingOpLambda: x[:, ::2, ..., 1:], by ranges that go upwards."""
    shape = shaped(use, use.value)
    spec = list(listed(_given(use, 1, "slice_spec")) or ())
    whole_axes = [{}] * (len(shape) + 1 - len(spec))
    if _ELLIPSIS in spec:
        at = spec.index(_ELLIPSIS)
        spec[at : at + 1] = whole_axes
    if len(spec) > len(shape) or not all(map(_is_range, spec)):
        raise UnsupportedOpError(
            f"{use.where}: no rule for slices {spec!r:.120} of {list(shape)}: only for ranges with "
            "a positive step"
        )
    keys = ("start", "stop", "step")
    slices = [slice(*(part.get(key) for key in keys)) for part in spec]
    bounds = [part.indices(size) for part, size in zip(slices, shape, strict=False)]
    starts, ends, steps = zip(*bounds, strict=True) if bounds else ((), (), ())
    op = ops.Slice(tuple(range(len(bounds))), starts, ends, steps)
    return Value(add(use, op, use.state.axes.last(use.value)), False)


_ELLIPSIS = {"class_name": "__ellipsis__"}


def _is_range(part: object) -> bool:
    if not isinstance(part, dict) or not set(part) <= {"start", "stop", "step"}:
        return False
    step = part.get("step")
    return all(item is None or is_whole(item) for item in part.values()) and (
        step is None or step > 0
    )


def _reduce(reduction: Reduction) -> Rule:
    def build(use: Use) -> Value:
        settings = _settings(use, "axis", "keepdims")
        rank = len(shaped(use, use.value))
        axes = {_axis(use, axis, rank) for axis in wholes(settings, "axis", tuple(range(rank)))}
        op = ops.Reduce(reduction, tuple(sorted(axes)), flag(settings, "keepdims", False))
        return Value(add(use, op, use.state.axes.last(use.value)), False)

    return build


def _named(keys: tuple[str, ...], **rules: Rule) -> dict[str, tuple[Rule, tuple[str, ...]]]:
    return {name.replace("__", "."): (rule, keys) for name, rule in rules.items()}


_BINARY = ("x", "y")
_SUM = _binary(Operator.ADD), _BINARY

TENSORFLOW_OPS: Mapping[str, tuple[Rule, tuple[str, ...]]] = {
    "__operators__.add": _SUM,
    **_named(
        _BINARY,
        math__add=_SUM[0],
        math__subtract=_binary(Operator.SUB),
        math__multiply=_binary(Operator.MUL),
        math__truediv=_binary(Operator.DIV),
        math__divide=_binary(Operator.DIV),
        math__maximum=_binary(Operator.MAX),
        math__minimum=_binary(Operator.MIN),
        math__pow=_binary(Operator.POW),
    ),
    **_named(
        (),
        identity=identity,
        math__abs=_function(Function.ABS),
        math__exp=operation("exponential"),
        math__negative=_function(Function.NEG),
        math__sigmoid=operation("sigmoid"),
        math__sign=_function(Function.SIGNUM),
        math__softplus=operation("softplus"),
        math__sqrt=_function(Function.SQRT),
        math__square=_square,
        math__tanh=operation("tanh"),
        nn__elu=operation("elu"),
        nn__relu=operation("relu"),
        nn__relu6=operation("relu6"),
        nn__selu=operation("selu"),
        nn__silu=operation("silu"),
        stop_gradient=identity,
    ),
    **_named(("alpha",), nn__leaky_relu=_leaky_relu),
    **_named(("axis",), nn__softmax=_softmax, concat=_concat, expand_dims=_expand_dims),
    **_named(("axis",), squeeze=_squeeze, compat__v1__squeeze=_squeeze),
    **_named(("clip_value_min", "clip_value_max"), clip_by_value=_clip),
    **_named(("shape",), reshape=_reshape),
    **_named(("perm",), transpose=_transpose, compat__v1__transpose=_transpose),
    **_named(("paddings", "mode", "constant_values"), pad=_pad, compat__v1__pad=_pad),
    **_named(("num_or_size_splits", "axis"), split=_split),
    **_named(
        ("axis", "keepdims"),
        math__reduce_max=_reduce(Reduction.MAX),
        math__reduce_mean=_reduce(Reduction.MEAN),
        math__reduce_min=_reduce(Reduction.MIN),
        math__reduce_sum=_reduce(Reduction.SUM),
    ),
}
"""By TensorFlow's name: (rule, the arguments that it knows)."""
