"""Quantizers of QONNX: BipolarQuant, Quant (in newer files IntQuant) and Trunc.

On a constant they make a parameter of their encoding, on an activation layers: a Sign, or a
Quantize and a Dequantize, so that what is between them are integers of the stated width.

Source: QONNX, docs/qonnx-custom-ops (bipolarquant_v1, intquant_v1, trunc_v1, trunc_v2) and their
execution in qonnx.custom_op.general. There x / scale + zero point is clamped and then rounded;
here it is rounded and then saturated, which is the same since the bounds are integers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from xnorsim.errors import ModelError
from xnorsim.importers.onnx.quantities import (
    ROUNDINGS,
    attribute,
    bit_width,
    check_inputs,
    constant,
    not_zero,
    positive,
    rounding_of,
    same_shape,
)
from xnorsim.importers.onnx.view import DATA, SETTING, Coded, Layer, NodeView, Rule, is_constant
from xnorsim.network import ops
from xnorsim.network.binary import finite, signs
from xnorsim.network.graph import Parameter, Stored, TensorSpec
from xnorsim.network.ops import Function, Operator
from xnorsim.network.precision import BIPOLAR, ENCODINGS, FLOAT32, UNIPOLAR, Encoding
from xnorsim.network.quantized import Quantized, quantized_parameter

__all__ = ["DOMAINS", "QUANTIZERS", "Chain", "number"]

_SCALED = (DATA, "scale", "zero_point")
_OPERANDS = ("left", "right")


class Chain:
    """Layers one after the other, from the node's first input (or `tensor`) to its output."""

    def __init__(
        self, view: NodeView, tensor: str | None = None, shape: tuple[int, ...] | None = None
    ) -> None:
        self.view = view
        self.tensor = view.inputs[0] if tensor is None else tensor
        self.shape = view.specs[self.tensor].shape if shape is None else shape
        self.layers: list[Layer] = []

    def add(
        self,
        op: ops.Op,
        word: str,
        spec: TensorSpec,
        operands: tuple[str, ...] = (),
        roles: tuple[str, ...] = (DATA,),
        constants: dict[str, Parameter] | None = None,
    ) -> None:
        """A layer that reads the last result and `operands`, and writes "<node>.<word>"."""
        name = f"{self.view.name}.{word}"
        inputs = (self.tensor, *operands)
        new, held = {name: spec}, constants or {}
        self.layers.append(Layer(op, inputs, (name,), roles, f".{word}", new, held))
        self.tensor, self.shape = name, spec.shape

    def arithmetic(self, operator: Operator, word: str, value: str | float) -> None:
        """The last result and a constant, or a number."""
        name, held = (value, {}) if isinstance(value, str) else number(self.view, word, value)
        spec = TensorSpec(self.shape, FLOAT32)
        self.add(ops.Elementwise(operator), word, spec, (name,), _OPERANDS, held)

    def ended(self) -> tuple[Layer, ...]:
        """The layers, the last of which writes the node's output under the node's name."""
        last = self.layers[-1]
        return (
            *self.layers[:-1],
            replace(last, outputs=self.view.outputs[:1], suffix="", new={}),
        )


def number(view: NodeView, word: str, value: float) -> tuple[str, dict[str, Parameter]]:
    """A constant of one number that the file does not have."""
    name = f"{view.name}.{word}_value"
    spec = TensorSpec((), FLOAT32)
    return name, {name: Parameter(spec, (), partial(np.asarray, value, np.float32))}


# +-1


def _check_bipolar(view: NodeView) -> None:
    check_inputs(view, "data", "scale")
    if is_constant(view, 1) and not is_constant(view, 0):  # a filter of zeros has alpha 0
        not_zero(view, 1, "scale")


def _bipolar(view: NodeView) -> tuple[Layer, ...]:
    scale = constant(view, 1) if is_constant(view, 1) else None
    return _sign(view, None if scale is not None and np.all(scale == 1) else view.inputs[1])


def _sign(view: NodeView, scale: str | None) -> tuple[Layer, ...]:
    """x >= 0 as +-1, times the scale."""
    chain = Chain(view)
    chain.add(ops.Sign(), "sign", TensorSpec(chain.shape, FLOAT32))
    if scale is not None:
        chain.arithmetic(Operator.MUL, "scaled", scale)
    return chain.ended()


def _bipolar_constant(view: NodeView) -> Coded:
    scale = constant(view, 1)
    magnitude = float(scale.reshape(-1)[0]) if scale.size == 1 else None
    parameter = _coded(view, BIPOLAR, partial(_bipolar_values, scale))
    return Coded(parameter, BIPOLAR, magnitude)


def _bipolar_values(scale: np.ndarray, x: np.ndarray) -> np.ndarray:
    return signs(x).astype(np.float32) * scale


def _coded(view: NodeView, encoding: Encoding, function) -> Parameter:
    """The constant at input 0, kept as `encoding` and the scale at input 1."""
    codes = _codes(view, encoding, function)
    scales = (replace(part, is_scale=True) for part in view.constants[view.inputs[1]].stored)
    spec = TensorSpec(codes.spec.shape, FLOAT32)
    return replace(codes, spec=spec, stored=(*codes.stored, *scales))


def _codes(view: NodeView, encoding: Encoding, function) -> Parameter:
    """What a function makes of the constant at input 0, as `encoding`."""
    given = view.constants[view.inputs[0]]
    key = "+".join(part.key for part in given.stored) or view.inputs[0]
    spec = TensorSpec(given.spec.shape, encoding)
    where = f"{view.where}: its constant '{view.inputs[0]}'"
    load = None if given.load is None else partial(_applied, where, given.load, function)
    return Parameter(spec, (Stored(f"{key}.{encoding}", spec),), load, given.placeholder)


def _applied(where: str, load, function) -> np.ndarray:
    return function(finite(where, load()))


# integers of any width


@dataclass(frozen=True, slots=True)
class _Form:
    """What a Quant's attributes and constants say."""

    bits: int
    signed: bool
    narrow: bool
    rounding: str
    scale: np.ndarray
    zero: np.ndarray

    @property
    def encoding(self) -> Encoding:
        if self.bits == 1:
            return BIPOLAR if self.signed else UNIPOLAR
        return ENCODINGS[f"{'' if self.signed else 'u'}int{self.bits}"]

    @property
    def bounds(self) -> tuple[int, int]:
        if self.signed:
            return -(2 ** (self.bits - 1)) + self.narrow, 2 ** (self.bits - 1) - 1
        return 0, 2**self.bits - 1 - self.narrow


def _form(view: NodeView) -> _Form:
    form = _Form(
        bits=bit_width(view, 3, 1, 32 if is_constant(view, 0) else 24),
        signed=bool(attribute(view, "signed", int)),
        narrow=bool(attribute(view, "narrow", int)),
        rounding=rounding_of(view, "ROUND"),
        scale=positive(view, 1, "scale"),
        zero=constant(view, 2),
    )
    if form.encoding == BIPOLAR and np.any(form.zero != 0):
        raise ModelError(
            f"{view.where}: its zero point '{view.inputs[2]}' is {form.zero.reshape(-1)[0]}; that "
            "of a signed number of 1 bit, which is +-1, is 0"
        )
    return form


def _check_quant(view: NodeView) -> None:
    check_inputs(view, "data", "scale", "zero point", "bit width")
    _form(view)


def _quant(view: NodeView) -> tuple[Layer, ...]:
    form = _form(view)
    if form.encoding == BIPOLAR:
        return _sign(view, None if np.all(form.scale == 1) else view.inputs[1])
    chain = Chain(view)
    scale, zero = view.inputs[1], view.inputs[2]
    shifted = bool(np.any(form.zero != 0))
    if shifted or (form.narrow and not form.signed):
        # halves are rounded after the zero point is added, so that it decides which are even
        chain.arithmetic(Operator.DIV, "quotient", scale)
        if shifted:
            chain.arithmetic(Operator.ADD, "shifted", zero)
        quantize(chain, form, 1.0)
    else:
        quantize(chain, form, scale)
    dequantize(chain, scale, _shift(view, form, form.zero))
    return chain.ended()


def quantize(chain: Chain, form: _Form, scale: str | float) -> None:
    """Numbers as integers of the form's width."""
    view, shape = chain.view, chain.shape
    if form.narrow and not form.signed and isinstance(scale, float):
        most = (("max", form.bounds[1] * scale),)
        spec = TensorSpec(shape, FLOAT32)
        chain.add(ops.Activation(Function.CLIP, most), "narrowed", spec)
    name, held = (scale, {}) if isinstance(scale, str) else number(view, "unit", scale)
    narrow = form.narrow and form.signed
    axis = max(len(shape) - 1, 0)  # a vector of scales broadcasts along the last axis
    op = ops.Quantize(form.encoding, axis, rounding=form.rounding, narrow=narrow)
    chain.add(op, "codes", TensorSpec(shape, form.encoding), (name,), _SCALED, held)


def dequantize(chain: Chain, scale: str | float, zero: tuple[str, Parameter] | None = None) -> None:
    """Integers less a zero point, times their scale again."""
    name, held = (scale, {}) if isinstance(scale, str) else number(chain.view, "scale", scale)
    op = ops.Dequantize(FLOAT32, max(len(chain.shape) - 1, 0))
    spec = TensorSpec(chain.shape, FLOAT32)
    if zero is None:
        chain.add(op, "numbers", spec, (name,), _SCALED, held)
    elif zero[1].spec.encoding != FLOAT32:
        chain.add(op, "numbers", spec, (name, zero[0]), _SCALED, {**held, zero[0]: zero[1]})
    else:  # no integer that could be subtracted
        dequantize(chain, 1.0)
        shift = dict([zero])
        chain.add(ops.Elementwise(Operator.SUB), "centred", spec, (zero[0],), _OPERANDS, shift)
        chain.arithmetic(Operator.MUL, "scaled", name)


def _shift(view: NodeView, form: _Form, zero: np.ndarray) -> tuple[str, Parameter] | None:
    """The zero point to subtract, if it is one."""
    if not np.any(zero != 0):
        return None
    return f"{view.name}.zero_value", replace(_zero_point(view, form, zero), stored=())


def _held(encoding: Encoding) -> np.dtype:
    """The numpy type that integers are handed over in; 2**32 may be what float32 makes of most."""
    wide = next(
        bits for bits in (8, 16, 32, 64) if bits > encoding.bits or bits == encoding.bits < 32
    )
    return np.dtype(f"{'u' if encoding.name.startswith('u') else ''}int{wide}")


def _quant_constant(view: NodeView) -> Coded:
    form = _form(view)
    if form.encoding == BIPOLAR:
        magnitude = float(form.scale.reshape(-1)[0]) if form.scale.size == 1 else None
        return Coded(
            _coded(view, BIPOLAR, partial(_bipolar_values, form.scale)), BIPOLAR, magnitude
        )
    scale = view.constants[view.inputs[1]]
    spec = TensorSpec(form.scale.shape, FLOAT32)
    parts = Quantized(
        _codes(view, form.encoding, partial(_quantized, form)),
        replace(scale, spec=spec, load=partial(np.copy, form.scale)),
        _zero_point(view, form, form.zero) if np.any(form.zero != 0) else None,
    )
    return Coded(quantized_parameter(parts), form.encoding)


def _quantized(form: _Form, x: np.ndarray) -> np.ndarray:
    """The integers that a Quant makes of a constant."""
    codes = x.astype(np.float32, copy=False) / form.scale + form.zero
    codes = ROUNDINGS[form.rounding](np.clip(codes, *form.bounds))
    return codes.astype(_held(form.encoding))


def _zero_point(view: NodeView, form: _Form, zero: np.ndarray) -> Parameter:
    """A zero point: one of the integers, if it can be."""
    is_code = bool(np.all(zero == np.rint(zero)) and np.all(zero == np.clip(zero, *form.bounds)))
    spec = TensorSpec(zero.shape, form.encoding if is_code else FLOAT32)
    kept = zero.astype(_held(form.encoding) if is_code else np.float32)
    stored = (Stored(view.inputs[2], spec, is_scale=True),)
    return Parameter(spec, stored, partial(np.copy, kept))


# fewer bits than before


def _check_trunc(view: NodeView) -> None:
    names = ("data", "scale", "zero point", "input bit width")
    if len(view.inputs) == 6:
        check_inputs(view, *names, "output scale", "output bit width")
    else:
        check_inputs(view, *names, "output bit width")
    _truncation(view)


def _truncation(view: NodeView) -> tuple[_Form, float]:
    """The form of the result, and the power of two by which integers are divided."""
    newer = len(view.inputs) == 6
    scale = positive(view, 1, "scale")
    before, after = bit_width(view, 3, 1, 32), bit_width(view, len(view.inputs) - 1, 1, 24)
    if after > before:
        raise ModelError(f"{view.where}: it truncates {before} bits to {after}: more than before")
    form = _Form(
        after,
        bool(attribute(view, "signed", int, 1)),
        bool(attribute(view, "narrow", int, 0)),
        rounding_of(view, "FLOOR"),
        scale,
        constant(view, 2),
    )
    if not newer:
        form = replace(form, bits=after + 1, signed=True, narrow=False)  # either sign, and a carry
        return form, 2.0 ** (before - after)
    if form.encoding == BIPOLAR:
        raise ModelError(f"{view.where}: its output bit width is 1; signed ones have 2 to 24")
    ratio = positive(view, 4, "output scale") / scale
    if ratio.size != 1:
        raise ModelError(f"{view.where}: its scales have {ratio.size} elements instead of one")
    return form, float(2.0 ** np.round(np.log2(ratio.reshape(-1)[0])))


def _trunc(view: NodeView) -> tuple[Layer, ...]:
    form, factor = _truncation(view)
    chain = Chain(view)
    chain.arithmetic(Operator.DIV, "quotient", view.inputs[1])
    if np.any(form.zero != 0):
        chain.arithmetic(Operator.ADD, "shifted", view.inputs[2])
    spec = TensorSpec(chain.shape, FLOAT32)
    chain.add(ops.Activation(Function.ROUND), "rounded", spec)
    quantize(chain, form, factor)
    newer = len(view.inputs) == 6
    zero = form.zero.astype(np.float32) / np.float32(factor if newer else 1)
    dequantize(chain, view.inputs[4 if newer else 1], _shift(view, form, zero))
    return chain.ended()


DOMAINS = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")
"""Where these operators have stood, the newest first."""

_QUANT = Rule(_quant, (DATA, SETTING), _check_quant, same_shape, _quant_constant)

QUANTIZERS: dict[str, Rule] = {
    "BipolarQuant": Rule(_bipolar, (DATA,), _check_bipolar, same_shape, _bipolar_constant),
    "Quant": _QUANT,
    "IntQuant": _QUANT,
    "Trunc": Rule(_trunc, (DATA,), _check_trunc, same_shape),
}
