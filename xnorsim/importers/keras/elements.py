"""Layers that work element by element: merges of several inputs, and normalizations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from xnorsim.errors import ModelError, ShapeError, UnsupportedOpError
from xnorsim.importers.channels import Value, first_axis
from xnorsim.importers.keras.activations import identity
from xnorsim.importers.keras.settings import Settings, flag, listed, number, whole, wholes
from xnorsim.importers.keras.state import Use, add, constant, file_weight, latent, shaped
from xnorsim.network import ops
from xnorsim.network.graph import Parameter, Stored, TensorSpec
from xnorsim.network.ops import Operator
from xnorsim.network.precision import FLOAT32

__all__ = [
    "batch_norm",
    "concatenate",
    "dot",
    "group_norm",
    "layer_norm",
    "learned_rescale",
    "merge",
    "merged",
    "normalization",
    "rescaling",
]

Rule = Callable[[Use], Value]


def merge(operator: Operator) -> Rule:
    """Add, Subtract, Multiply, Average, Maximum, Minimum."""

    def build(use: Use) -> Value:
        least = 2 if operator is Operator.SUB else 1
        most = 2 if operator is Operator.SUB else len(use.inputs)
        if not least <= len(use.inputs) <= most:
            raise ModelError(f"{use.where}: it cannot merge {len(use.inputs)} inputs")
        return merged(use, operator, use.inputs)

    return build


def merged(use: Use, operator: Operator, values: Sequence[Value]) -> Value:
    """An operator over inputs; of different ranks, the lower ones get axes after the batch."""
    tensors, first = same_order(use, values)
    if len(tensors) == 1:
        return identity(use)
    return Value(add(use, ops.Elementwise(operator), *tensors), first)


def same_order(use: Use, values: Sequence[Value]) -> tuple[list[str], bool]:
    """All tensors in one order of axes: channel-first if one of them is."""
    axes, shapes = use.state.axes, [shaped(use, value) for value in values]
    rank = max(map(len, shapes))
    if all(len(shape) == rank for shape in shapes):
        first = any(value.channels_first for value in values)
        read = axes.first if first else axes.last
        return [read(value) for value in values], first
    tensors = []
    for position, (value, shape) in enumerate(zip(values, shapes, strict=True)):
        tensor = axes.last(value)
        if len(shape) < rank:
            wide = (*shape[:1], *(1,) * (rank - len(shape)), *shape[1:])
            tensor = add(use, ops.Reshape(wide), tensor, part=f"operand{position}")
        tensors.append(tensor)
    return tensors, False


def concatenate(use: Use) -> Value:
    """Concatenate along an axis of the file's order."""
    axis = wholes(use.settings, "axis", -1)
    return joined(use, use.inputs, axis[0] if len(axis) == 1 else 2**31)


def joined(use: Use, values: Sequence[Value], axis: int) -> Value:
    """Values one after the other along an axis of the file's order."""
    if not values:
        raise ModelError(f"{use.where}: nothing to join")
    rank = len(shaped(use, values[0]))
    if not -rank <= axis < rank or not all(len(shaped(use, v)) == rank for v in values):
        shown = " and ".join(str(list(shaped(use, value))) for value in values)
        raise ShapeError(f"{use.where}: {shown} cannot be joined along axis {axis}")
    tensors, first = same_order(use, values)
    if len(tensors) == 1:
        return identity(use)
    return Value(
        add(use, ops.Concat(first_axis(axis, rank) if first else axis % rank), *tensors), first
    )


def dot(use: Use) -> Value:
    """Dot of two matrices (batch, features): one product a sample."""
    axes = wholes(use.settings, "axes", 1)
    shapes = [shaped(use, value) for value in use.inputs]
    flat = len(shapes) == 2 and all(len(shape) == 2 for shape in shapes)
    if (
        not flat
        or any(axis not in (1, -1) for axis in axes)
        or flag(use.settings, "normalize", False)
    ):
        raise UnsupportedOpError(
            f"{use.where}: no rule for a product of {shapes} over axes {list(axes)!r:.80}: only "
            "for two (batch, features), not normalized"
        )
    batch, features = shapes[0]
    left, right = (use.state.axes.last(value) for value in use.inputs)
    left = add(use, ops.Reshape((batch, 1, features)), left, part="left")
    right = add(use, ops.Reshape((batch, shapes[1][1], 1)), right, part="right")
    product = add(use, ops.MatMul(), left, right)
    return Value(add(use, ops.Reshape((batch, 1)), product, part="flat"), False)


def batch_norm(use: Use) -> Value:
    """BatchNormalization with its stored statistics, over one axis."""
    value, settings = use.value, use.settings
    shape = shaped(use, value)
    axis = _one_axis(use, wholes(settings, "axis", -1), len(shape))
    axes = use.state.axes
    if axis == len(shape) - 1:
        tensor, first = axes.first(value), True
    elif axis == 1:
        tensor, first = axes.last(value), False
    else:
        raise UnsupportedOpError(f"{use.where}: no rule for axis {axis} of {list(shape)}")
    size = (shape[axis],)
    held = {
        "mean": latent(use, "moving_mean", size),
        "variance": latent(use, "moving_variance", size),
    }
    if flag(settings, "center", True):
        held = {"shift": latent(use, "beta", size), **held}
    if flag(settings, "scale", True):
        held = {"scale": latent(use, "gamma", size), **held}
    op = ops.BatchNorm(number(settings, "epsilon", 1e-3))
    return Value(add(use, op, tensor, parameters=held), first)


def _one_axis(use: Use, axes: tuple[int, ...], rank: int) -> int:
    if len(axes) != 1 or not -rank <= axes[0] < rank or axes[0] % rank == 0:
        raise ModelError(
            f"{use.where}: axis {list(axes)!r:.80} is none of an input with {rank} axes"
        )
    return axes[0] % rank


def layer_norm(use: Use) -> Value:
    """LayerNormalization over the last axes."""
    value, settings = use.value, use.settings
    shape = shaped(use, value)
    rank = len(shape)
    axes = sorted(axis % rank for axis in wholes(settings, "axis", -1) if -rank <= axis < rank)
    if not axes or axes != list(range(axes[0], rank)) or axes[0] == 0:
        raise UnsupportedOpError(
            f"{use.where}: no rule for axes {list(axes)!r:.80} of {list(shape)}: only for the last"
        )
    if flag(settings, "rms_scaling", False):
        raise UnsupportedOpError(f"{use.where}: no rule for rms_scaling")
    size = shape[axes[0] :]
    held = {}
    if flag(settings, "scale", True):
        held["scale"] = latent(use, "gamma", size)
    if flag(settings, "center", True):
        held["shift"] = latent(use, "beta", size)
    op = ops.Normalize("layer", tuple(axes), epsilon=number(settings, "epsilon", 1e-3))
    return Value(add(use, op, use.state.axes.last(value), parameters=held), False)


def group_norm(use: Use) -> Value:
    """GroupNormalization of the channels, the last axis, in equal parts."""
    value, settings = use.value, use.settings
    shape = shaped(use, value)
    rank = len(shape)
    groups = whole(settings, "groups", 32, least=-1)
    groups = shape[-1] if groups == -1 else groups
    if wholes(settings, "axis", -1) not in ((-1,), (rank - 1,)) or rank < 3:
        raise UnsupportedOpError(
            f"{use.where}: no rule for axis {use.layer.config.get('axis')!r:.80} of {list(shape)}"
        )
    if groups < 1 or shape[-1] % groups:
        raise ShapeError(f"{use.where}: {shape[-1]} channels do not form {groups} groups")
    held = {}
    if flag(settings, "scale", True):
        held["scale"] = latent(use, "gamma", shape[-1:])
    if flag(settings, "center", True):
        held["shift"] = latent(use, "beta", shape[-1:])
    epsilon = number(settings, "epsilon", 1e-3)
    op = ops.Normalize("group", tuple(range(1, rank)), epsilon=epsilon, groups=groups)
    return Value(add(use, op, use.state.axes.first(value), parameters=held), True)


def _numbers(use: Use, key: str, default: float) -> Parameter:
    """One number of a config, or one for each channel."""
    given = use.layer.config.get(key, default)
    items = listed(given)
    if items is None:
        return constant((number(use.settings, key, default),), ())
    flat = [item for part in items for item in (listed(part) or [part])]
    wanted = [number(Settings(f"{use.where}: {key}", {"value": item}), "value") for item in flat]
    return constant(wanted, (len(wanted),))


def rescaling(use: Use) -> Value:
    """Rescaling: x * scale + offset."""
    value = use.value
    scale, offset = _numbers(use, "scale", 1.0), _numbers(use, "offset", 0.0)
    plain = not scale.spec.shape and not offset.spec.shape
    tensor = value.tensor if plain else use.state.axes.last(value)
    scaled = {"right": (f"{use.name}.scale", scale)}
    tensor = add(use, ops.Elementwise(Operator.MUL), tensor, parameters=scaled)
    shifted = {"right": (f"{use.name}.offset", offset)}
    tensor = add(use, ops.Elementwise(Operator.ADD), tensor, part="offset", parameters=shifted)
    return Value(tensor, value.channels_first and plain)


_LEAST_DEVIATION = 1e-7
"""Source: keras.backend.epsilon()."""


def normalization(use: Use) -> Value:
    """Normalization: (x - mean) / max(deviation, 1e-7), of the last axis or of all."""
    value = use.value
    shape, config = shaped(use, value), use.layer.config
    axis = () if config.get("axis", -1) is None else wholes(use.settings, "axis", -1)
    if axis not in ((), (-1,), (len(shape) - 1,)) or flag(use.settings, "invert", False):
        raise UnsupportedOpError(f"{use.where}: no rule for axis {list(axis)!r:.80} or inverted")
    if config.get("mean") is not None:
        mean, variance = (_numbers(use, key, 0.0) for key in ("mean", "variance"))
    else:
        size = (shape[-1],) if axis else ()
        mean, variance = (latent(use, key, size) for key in ("mean", "variance"))
    load = None if variance.load is None else partial(_deviation, variance.load)
    deviation = Parameter(variance.spec, variance.stored, load)
    tensor = use.state.axes.last(value)
    left = {"right": (f"{use.name}.mean", mean)}
    tensor = add(use, ops.Elementwise(Operator.SUB), tensor, part="centred", parameters=left)
    by = {"right": (f"{use.name}.deviation", deviation)}
    return Value(add(use, ops.Elementwise(Operator.DIV), tensor, parameters=by), False)


def _deviation(load: Callable[[], np.ndarray]) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # NaN of a negative variance, as Keras
        return np.maximum(np.sqrt(load()), np.float32(_LEAST_DEVIATION))


def learned_rescale(use: Use) -> Value:
    """LearnedRescaleLayer of Larq Zoo: x times the product of a scale a row, column and channel."""
    value = use.value
    shape = shaped(use, value)
    if len(shape) != 4:
        raise ShapeError(f"{use.where}: its input is {list(shape)}: it reads images")
    _, height, width, channels = shape
    sizes = {
        "scale_h": (height, 1, 1),
        "scale_w": (1, width, 1),
        "scale_c": (1, 1, channels),
    }
    found = {role: (size, *file_weight(use, role, size)) for role, size in sizes.items()}
    stored = tuple(Stored(name, TensorSpec(size, FLOAT32)) for size, name, _ in found.values())
    loads = tuple(load for *_, load in found.values() if load is not None)
    spec = TensorSpec((channels, height, width), FLOAT32)
    load = partial(_product, loads) if len(loads) == len(found) else None
    held = {"right": (f"{use.name}.scale", Parameter(spec, stored, load))}
    op = ops.Elementwise(Operator.MUL)
    return Value(add(use, op, use.state.axes.first(value), parameters=held), True)


def _product(loads: tuple[Callable[[], np.ndarray], ...]) -> np.ndarray:
    """(h * w) * c as float32, channels first."""
    rows, columns, channels = (load() for load in loads)
    with np.errstate(over="ignore", invalid="ignore"):  # as Keras: infinite, or NaN
        product = (rows * columns) * channels
    return np.ascontiguousarray(product.transpose(2, 0, 1))
