"""Rules of our own local functions: layers that are one of ours and several operators of ONNX.

A call is read only where the file has no such function, or the very one that exporters/onnx
writes; any other body is put in place of its calls like that of every function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import prod
from typing import Any

import numpy as np
import onnx

from xnorsim.errors import ModelError
from xnorsim.exporters.onnx.local import DOMAIN, FUNCTIONS, group_shapes
from xnorsim.importers.onnx.own_integers import INTEGERS
from xnorsim.importers.onnx.quantities import attribute
from xnorsim.importers.onnx.tensors import encoding_of
from xnorsim.importers.onnx.view import DATA, Layer, NodeView, Rule, has_input, input_spec, require
from xnorsim.network import ops
from xnorsim.network.graph import TensorSpec
from xnorsim.network.precision import BIPOLAR, Border, Scaling, Scheme
from xnorsim.network.shapes import output_specs

__all__ = ["RULES"]

_BINARY = (DATA, "unsigned", "weight", "bias")
_FLOAT = (DATA, "weight", "bias")

Windowed = ops.Conv | ops.ConvTranspose


def _named(view: NodeView, roles: tuple[str, ...]) -> dict[str, TensorSpec]:
    """The specs of what a call reads, by role; those of activations as "input"."""
    count = len(FUNCTIONS[view.operator][0])
    require(view, len(view.inputs) <= count, f"it has {len(view.inputs)} inputs; it takes {count}")
    named = {}
    for position, role in enumerate(roles[:count]):
        if has_input(view, position) or not role.endswith("zero_point"):
            named[role or "input"] = input_spec(view, position)
    return named


def _specs(
    op: Callable[[NodeView], ops.Op], roles: tuple[str, ...]
) -> Callable[[NodeView], Mapping[str, TensorSpec]]:
    """What a layer writes, by its own rule of shapes."""

    def found(view: NodeView) -> Mapping[str, TensorSpec]:
        named = _named(view, roles)
        data = named.pop("input", None)
        named.pop("unsigned", None)
        inputs = () if data is None else (data,)
        return {view.outputs[0]: output_specs(op(view), *inputs, **named)[0]}

    return found


# Binary layers with the map K


def _numbers(view: NodeView, name: str, rank: int) -> tuple[int, ...]:
    values = attribute(view, name, tuple)
    require(view, len(values) == rank, f"{name} {list(values)} is not for {rank} values")
    return values


def _window(view: NodeView) -> dict[str, Any]:
    """Kernel, stride, padding and dilation, as the operators of ONNX state them."""
    rank = len(input_spec(view, 2).shape) - 2
    require(view, rank >= 1, "its weight has no axes after filters and channels")
    pads = _numbers(view, "pads", 2 * rank)
    return {
        "kernel": _numbers(view, "kernel_shape", rank),
        "stride": _numbers(view, "strides", rank),
        "padding": tuple(zip(pads[:rank], pads[rank:], strict=True)),
        "dilation": _numbers(view, "dilations", rank),
        "groups": attribute(view, "group", int),
    }


def _conv(view: NodeView) -> ops.Conv:
    value = attribute(view, "pad_value", float)
    require(view, value in (-1, 0, 1), f"pad_value {value:g} is not -1, 0 or 1")
    filters = input_spec(view, 2).shape[0]
    return ops.Conv(filters, **_window(view), pad_value=int(value))


def _conv_transpose(view: NodeView) -> ops.ConvTranspose:
    window = _window(view)
    extra = _numbers(view, "output_padding", len(window["kernel"]))
    filters = input_spec(view, 2).shape[1] * window["groups"]
    return ops.ConvTranspose(filters, **window, output_padding=extra)


def _stated(view: NodeView, op: Windowed) -> dict[str, Any]:
    """The attributes that follow from the layer and its shapes: what the function's body takes."""
    image = input_spec(view, 0).shape
    (result,) = _specs(lambda _: op, _BINARY)(view).values()
    found: dict[str, Any] = dict(
        group_shapes(op.groups, image, result.shape, view.operator.endswith("Biased"))
    )
    if isinstance(op, ops.Conv):
        before, after = zip(*op.padding, strict=True)
        return found | {"signed_pads": [0, 0, *before, 0, 0, *after]}
    return found | {
        "share": float(np.float32(1 / prod(op.kernel))),
        "box_shape": [op.groups, 1, *op.kernel],
    }


def _check_stated(view: NodeView, op: Windowed) -> None:
    """A call whose attributes say something else would compute something else."""
    for name, expected in _stated(view, op).items():
        given = attribute(view, name, float if isinstance(expected, float) else tuple)
        given = list(given) if isinstance(given, tuple) else given
        require(view, given == expected, f"{name} is {given}; for this layer it is {expected}")


def _by_map(op: Callable[[NodeView], ops.Op]) -> Callable[[NodeView], tuple[Layer, ...]]:
    def build(view: NodeView) -> tuple[Layer, ...]:
        made = op(view)
        if isinstance(made, Windowed):
            _check_stated(view, made)
        weight = view.constants.get(view.inputs[2])
        if weight is None or all(part.spec.encoding != BIPOLAR for part in weight.stored):
            raise ModelError(f"{view.where}: its weight '{view.inputs[2]}' is no BipolarQuant's")
        valid = isinstance(made, ops.Conv) and not attribute(view, "count_include_pad", int)
        border = Border.VALID if valid else Border.ZERO
        scheme = Scheme(BIPOLAR, BIPOLAR, Scaling.ALPHA_K, border)
        return (Layer(made, view.inputs, view.outputs, _BINARY, scheme=scheme),)

    return build


# Dense layers


def _dense(view: NodeView, position: int) -> ops.Dense:
    shape = input_spec(view, position).shape
    require(view, len(shape) == 2, f"its weight {list(shape)} is no matrix")
    turned = "Transposed" in view.operator
    rows, columns = shape[::-1] if turned else shape
    biased = view.operator.endswith("Biased")
    beta = attribute(view, "beta", float) if biased else 1.0
    return ops.Dense(rows, columns, turned, alpha=attribute(view, "alpha", float), beta=beta)


# Functions of elements, and constants


def _function(function: ops.Function, view: NodeView) -> ops.Activation:
    words = sorted(FUNCTIONS[view.operator][1])
    return ops.Activation(function, tuple((w, attribute(view, w, float)) for w in words))


def _filled(view: NodeView) -> ops.Constant:
    value = view.attributes.get("value")
    if not isinstance(value, onnx.TensorProto):
        raise ModelError(f"{view.where}: its value is no tensor")
    numbers = onnx.numpy_helper.to_array(value).reshape(-1)
    require(view, numbers.size == 1, f"its value has {numbers.size} elements instead of one")
    shape = attribute(view, "shape", tuple)
    return ops.Constant(shape, encoding_of(view.where, value.data_type), float(numbers[0]))


def _rules() -> dict[str, Rule]:
    rules = {"Filled": Rule(_filled, specs=_specs(_filled, ()))}
    functions = {
        "Silu": ops.Function.SILU,
        "Affine": ops.Function.AFFINE,
        "ScaledTanh": ops.Function.SCALED_TANH,
    }
    for name, function in functions.items():
        made = partial(_function, function)
        rules[name] = Rule(made, specs=_specs(made, (DATA,)))
    for name, (made, roles) in INTEGERS.items():
        rules[name] = Rule(made, roles, specs=_specs(made, roles))
    for tail in ("", "Biased"):
        for name, made in (("XnorConv", _conv), ("XnorConvTranspose", _conv_transpose)):
            rules[f"{name}{tail}"] = Rule(_by_map(made), _BINARY, specs=_specs(made, _BINARY))
        for middle in ("", "Transposed"):
            name = f"Dense{middle}{tail}"
            plain, scaled = partial(_dense, position=1), partial(_dense, position=2)
            rules[name] = Rule(plain, _FLOAT, specs=_specs(plain, _FLOAT))
            rules[f"Xnor{name}"] = Rule(_by_map(scaled), _BINARY, specs=_specs(scaled, _BINARY))
    return rules


RULES: dict[tuple[str, str], Rule] = {(DOMAIN, name): rule for name, rule in _rules().items()}
