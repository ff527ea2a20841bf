"""Activation functions: by name, as objects, and as layers with settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xnorsim.errors import UnsupportedOpError, choices
from xnorsim.importers.channels import Value
from xnorsim.importers.keras.names import named
from xnorsim.importers.keras.quantizers import INPUT_QUANTIZERS
from xnorsim.importers.keras.settings import Settings, listed, number, wholes
from xnorsim.importers.keras.state import Use, add, latent, part_of, shaped
from xnorsim.network import ops
from xnorsim.network.ops import Function

__all__ = [
    "ACTIVATIONS",
    "activated",
    "activation_layer",
    "elu",
    "leaky_relu",
    "operation",
    "prelu",
    "quantized_input",
    "quantizer_layer",
    "relu",
    "softmax",
    "thresholded_relu",
]

Constants = tuple[tuple[str, float], ...]
Steps = tuple[tuple[Function, Constants], ...]

_KERAS3_SIGMOID: Steps = ((Function.HARD_SIGMOID, (("alpha", 1 / 6), ("beta", 0.5))),)
_PLAIN: Mapping[str, Steps] = {
    "linear": (),
    "relu": ((Function.RELU, ()),),
    "relu6": ((Function.CLIP, (("min", 0.0), ("max", 6.0))),),
    "sigmoid": ((Function.SIGMOID, ()),),
    "hard_sigmoid": ((Function.HARD_SIGMOID, (("alpha", 0.2), ("beta", 0.5))),),
    "tanh": ((Function.TANH, ()),),
    "hard_tanh": ((Function.CLIP, (("min", -1.0), ("max", 1.0))),),
    "clip_by_value_activation": ((Function.CLIP, (("min", 0.0), ("max", 1.0))),),
    "elu": ((Function.ELU, (("alpha", 1.0),)),),
    "selu": ((Function.SELU, ()),),
    "softplus": ((Function.SOFTPLUS, ()),),
    "softsign": ((Function.SOFTSIGN, ()),),
    **dict.fromkeys(("swish", "silu"), ((Function.SILU, ()),)),
    **dict.fromkeys(("hard_swish", "hard_silu"), ((Function.HARD_SWISH, ()),)),
    "gelu": ((Function.GELU, ()),),
    "exponential": ((Function.EXP, ()),),
    "mish": ((Function.MISH, ()),),
    "leaky_relu": ((Function.LEAKY_RELU, (("alpha", 0.2),)),),
}
"""Functions by Keras' names. Source: keras.activations; larq.activations; larq_zoo's DoReFaNet."""


def _steps(use: Use, value: Value, steps: Steps, part: str) -> Value:
    tensor = value.tensor
    for step, (function, constants) in enumerate(steps):
        below = part if step == len(steps) - 1 else part_of(part, f"step{step + 1}")
        tensor = add(use, ops.Activation(function, constants), tensor, part=below)
    return Value(tensor, value.channels_first)


def _softmax(use: Use, value: Value, axes: tuple[int, ...], part: str, log: bool = False) -> Value:
    rank = len(shaped(use, value))
    if len(axes) != 1 or not -rank <= axes[0] < rank:
        raise UnsupportedOpError(f"{use.where}: no rule for softmax over axes {list(axes)!r:.80}")
    op = ops.Softmax(axes[0] % rank, log)
    return Value(add(use, op, use.state.axes.last(value), part=part), False)


ACTIVATIONS = frozenset({*_PLAIN, "softmax", "log_softmax", *INPUT_QUANTIZERS})
"""What an activation may be called."""


def applied(use: Use, value: Value, given: object, part: str) -> Value:
    """A value after the function that a config names.

    Raises:
        UnsupportedOpError: a function without a rule.
    """
    found = named(given)
    name = "" if found is None else found[0]
    if found is not None and name == "Activation":
        return applied(use, value, found[1].get("activation"), part)
    if found is None or name not in ACTIVATIONS:
        title = (name or str(given))[:80]
        raise UnsupportedOpError(
            f"{use.where}: no rule for activation {title!r:.80}: {choices(title, ACTIVATIONS)}"
        )
    if name in INPUT_QUANTIZERS:
        settings = Settings(f"{use.where}: {part or 'activation'} {name}", found[1])
        return INPUT_QUANTIZERS[name](use, value, settings, part)
    if name in ("softmax", "log_softmax"):
        return _softmax(use, value, (-1,), part, name == "log_softmax")
    if name == "hard_sigmoid" and use.state.version.startswith("3"):
        return _steps(use, value, _KERAS3_SIGMOID, part)
    return _steps(use, value, _PLAIN[name], part)


def quantized_input(use: Use, value: Value) -> Value:
    """A layer's input as its input_quantizer makes it; that may be an Activation layer too.

    Raises:
        UnsupportedOpError: a quantizer without a rule, or one whose result depends on all data.
    """
    given = use.layer.config.get("input_quantizer")
    return value if given is None else applied(use, value, given, "input_quantizer")


def activated(use: Use, value: Value) -> Value:
    """A layer's result after the activation that is part of it."""
    given = use.layer.config.get("activation")
    return value if given is None else applied(use, value, given, "activation")


def activation_layer(use: Use) -> Value:
    """Activation."""
    result = applied(use, use.value, use.layer.config.get("activation", "linear"), "")
    return result if result != use.value else identity(use)


def identity(use: Use) -> Value:
    """A layer that changes nothing when a network is run."""
    value = use.value
    return Value(add(use, ops.Identity(), value.tensor), value.channels_first)


def operation(name: str) -> Callable[[Use], Value]:
    """A function of keras.ops as a layer of its own, as Keras 3 writes it."""
    return lambda use: _steps(use, use.value, _PLAIN[name], "")


def quantizer_layer(use: Use) -> Value:
    """One of Larq's quantizers as a layer of its own."""
    rule = INPUT_QUANTIZERS[use.layer.kind]
    result = rule(use, use.value, use.settings, "")
    return result if result != use.value else identity(use)


def relu(use: Use) -> Value:
    """ReLU: x above the threshold up to max_value, below it negative_slope * (x - threshold)."""
    settings, config = use.settings, use.layer.config
    top = None if config.get("max_value") is None else number(settings, "max_value")
    slope = 0.0 if config.get("negative_slope") is None else number(settings, "negative_slope")
    threshold = 0.0 if config.get("threshold") is None else number(settings, "threshold")
    if slope and threshold:
        return _leaky_above(use, top, slope, threshold)
    if slope:
        steps: Steps = ((Function.LEAKY_RELU, (("alpha", slope),)),)
        cap: Constants = () if top is None else (("max", top),)
    elif threshold:
        steps = ((Function.THRESHOLDED_RELU, (("alpha", threshold),)),)
        cap = () if top is None else (("min", 0.0), ("max", top))
    elif top is None:
        steps, cap = ((Function.RELU, ()),), ()
    else:
        steps, cap = (), (("min", 0.0), ("max", top))
    return _steps(use, use.value, (*steps, *(((Function.CLIP, cap),) if cap else ())), "")


def _leaky_above(use: Use, top: float | None, slope: float, threshold: float) -> Value:
    """x where x > threshold, else 0, at most `top`; less slope * relu(threshold - x)."""
    value, affine = use.value, Function.AFFINE
    above: Steps = ((Function.THRESHOLDED_RELU, (("alpha", threshold),)),)
    cap: Steps = () if top is None else ((Function.CLIP, (("min", 0.0), ("max", top))),)
    below: Steps = (
        (affine, (("alpha", -1.0), ("beta", threshold))),
        (Function.RELU, ()),
        (affine, (("alpha", slope), ("beta", 0.0))),
    )
    high = _steps(use, value, (*above, *cap), "above").tensor
    low = _steps(use, value, below, "below").tensor
    return Value(add(use, ops.Elementwise(ops.Operator.SUB), high, low), value.channels_first)


def leaky_relu(use: Use) -> Value:
    """LeakyReLU; Keras 3 calls the slope negative_slope."""
    key = "alpha" if "alpha" in use.layer.config else "negative_slope"
    slope = number(use.settings, key, 0.3)
    return _steps(use, use.value, ((Function.LEAKY_RELU, (("alpha", slope),)),), "")


def elu(use: Use) -> Value:
    """ELU."""
    return _steps(
        use, use.value, ((Function.ELU, (("alpha", number(use.settings, "alpha", 1.0)),)),), ""
    )


def thresholded_relu(use: Use) -> Value:
    """ThresholdedReLU: x above theta, else 0."""
    theta = number(use.settings, "theta", 1.0)
    return _steps(use, use.value, ((Function.THRESHOLDED_RELU, (("alpha", theta),)),), "")


def softmax(use: Use) -> Value:
    """Softmax over one axis."""
    return _softmax(use, use.value, wholes(use.settings, "axis", -1), "")


def prelu(use: Use) -> Value:
    """PReLU: a slope for each element of the input but the batch, one along shared axes."""
    value = use.value
    shape = shaped(use, value)
    given = use.layer.config.get("shared_axes")
    shared = () if given is None or listed(given) == [] else wholes(use.settings, "shared_axes")
    own = [1 if axis in shared else size for axis, size in enumerate(shape)][1:]
    order = range(len(own))
    if value.channels_first and len(own) > 1:
        order = (len(own) - 1, *range(len(own) - 1))
    held = {"slope": latent(use, "alpha", own, tuple(order))}
    op = ops.Activation(Function.PRELU)
    return Value(add(use, op, value.tensor, parameters=held), value.channels_first)
