"""Rules of our own local functions of integers: quantizers by rounding, products with a bias."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from xnorsim.exporters.onnx.integer_functions import (
    ROUNDINGS,
    limits,
    quantizer_name,
    scale_shape,
)
from xnorsim.importers.onnx.quantities import attribute
from xnorsim.importers.onnx.tensors import encoding_of
from xnorsim.importers.onnx.view import DATA, NodeView, has_input, input_spec, require
from xnorsim.importers.onnx.windows import check_convolution, convolution
from xnorsim.network import ops
from xnorsim.network.precision import ENCODINGS, Meaning

__all__ = ["INTEGERS", "OPERANDS"]

OPERANDS = (DATA, "weight", "input_zero_point", "weight_zero_point", "bias")


def _quantize(view: NodeView, rounding: str, roles: tuple[str, ...]) -> ops.Quantize:
    held = encoding_of(view.where, attribute(view, "to", int))
    require(view, held.meaning is Meaning.INTEGER, f"it quantizes to {held}: only to integers")
    signed, bits = not held.name.startswith("u"), attribute(view, "bits", int)
    require(view, 2 <= bits <= min(held.bits, 24), f"{held} does not hold integers of {bits} bits")
    to = ENCODINGS[f"{'' if signed else 'u'}int{bits}"]
    low, high = (attribute(view, word, float) for word in ("low", "high"))
    narrow = signed and low == limits(to.bits, signed, narrow=True)[0]
    expected = limits(to.bits, signed, narrow)
    text = f"its range is {low:g} to {high:g}; that of {to} is {expected[0]:g} to {expected[1]:g}"
    require(view, (low, high) == expected, text)
    axis = attribute(view, "axis", int)
    rank = len(input_spec(view, 0).shape)
    require(view, rank > 0 and -rank <= axis < max(rank, axis + 1), f"axis {axis} is out of range")
    for position, role in enumerate(roles[1:], start=1):
        own = (axis - 1 if axis else 0) if role == "input_scale" else axis
        elements = input_spec(view, position).elements
        word = role.replace("_scale", "").replace("_point", "")
        require(view, elements == 1 or own < rank, f"axis {axis} is out of range for {rank} axes")
        shape = scale_shape(elements, own, rank)
        given = list(attribute(view, f"{word}_shape", tuple))
        require(view, given == shape, f"{word}_shape is {given}; for this layer it is {shape}")
    return ops.Quantize(to, axis, rounding=rounding, narrow=narrow)


def _conv(view: NodeView) -> ops.Conv:
    check_convolution(view)
    op = convolution(view)
    column = [1, op.out_channels, *(1 for _ in op.kernel)]
    given = list(attribute(view, "column", tuple))
    require(view, given == column, f"column is {given}; for this layer it is {column}")
    return op


def _dense(view: NodeView, turned: bool) -> ops.Dense:
    shape = input_spec(view, 1).shape
    require(view, len(shape) == 2, f"its weight {list(shape)} is no matrix")
    rows, columns = shape[::-1] if turned else shape
    require(view, has_input(view, 0), "its input is missing")
    return ops.Dense(rows, columns, turned)


Build = Callable[[NodeView], ops.Op]


def _rows() -> dict[str, tuple[Build, tuple[str, ...]]]:
    rows: dict[str, tuple[Build, tuple[str, ...]]] = {"ConvIntegerBiased": (_conv, OPERANDS)}
    for turned, tail in ((True, ""), (True, "Biased"), (False, "Biased")):
        name = f"DenseInteger{'Transposed' * turned}{tail}"
        rows[name] = (partial(_dense, turned=turned), OPERANDS[: 5 if tail else 4])
    for rounding in ROUNDINGS:
        for requantizes in (False, True):
            for shifted in (False, True):
                roles = (DATA, *(("input_scale", "weight_scale") if requantizes else ()), "scale")
                roles += ("zero_point",) if shifted else ()
                name = quantizer_name(rounding, requantizes=requantizes, shifted=shifted)
                rows[name] = (partial(_quantize, rounding=rounding, roles=roles), roles)
    return rows


INTEGERS: dict[str, tuple[Build, tuple[str, ...]]] = _rows()
"""What builds the layer of each function, and the roles of its inputs."""
