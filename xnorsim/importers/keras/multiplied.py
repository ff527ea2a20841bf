"""The node of a product: its scheme, its scale and bias, and what the report says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from xnorsim.importers.keras.kernels import Quantized
from xnorsim.importers.keras.state import Use, add, origin, part_of
from xnorsim.importers.recognition import recognized
from xnorsim.network import ops
from xnorsim.network.graph import Parameter
from xnorsim.network.precision import BIPOLAR, FLOAT32, Meaning, Scheme
from xnorsim.network.shapes import product_encoding

__all__ = ["multiplied"]


def _scheme(use: Use, tensor: str, quantized: Quantized) -> Scheme:
    """What the layer multiplies: its weights, and what its input was quantized to."""
    return Scheme(quantized.encoding, origin(use.state, tensor)[1], quantized.scaling)


def multiplied(
    use: Use,
    op: ops.Weighted,
    tensor: str,
    quantized: Quantized,
    bias: Parameter | None,
    part: str = "",
) -> str:
    """The node of a product, with its scale and bias; what it writes, as floats."""
    activation = use.state.assembly.spec(tensor).encoding
    scheme = _scheme(use, tensor, quantized)
    held: dict[str, Parameter | tuple[str, Parameter]] = dict(quantized.parameters)
    weight = quantized.parameters["weight"][1].spec.encoding
    _recognize(use, tensor, quantized, scheme, part)
    if bias is not None:
        held["bias"] = (f"{use.name}.{part_of(part, 'bias')}", bias)
    if product_encoding(weight, activation).meaning is Meaning.FLOAT:
        plain = (scheme.weight, scheme.activation) == (FLOAT32, FLOAT32)
        return add(use, op, tensor, part=part, parameters=held, scheme=None if plain else scheme)
    weights = {"weight": held["weight"]}
    scheme = Scheme(scheme.weight, scheme.activation)
    result = add(use, op, tensor, part=part, parameters=weights, scheme=scheme)
    return _with_floats(use, op, result, quantized.parameters.get("alpha"), bias, part)


def _with_floats(
    use: Use,
    op: ops.Weighted,
    tensor: str,
    alpha: tuple[str, Parameter] | None,
    bias: Parameter | None,
    part: str,
) -> str:
    """Scale and bias of a product of narrow integers, which is an integer: converted first."""
    result = add(use, ops.Cast(FLOAT32), tensor, part=part_of(part, "float"))
    rank = 1 if isinstance(op, ops.Dense) else len(use.state.assembly.shape(result)) - 1
    steps = (
        (ops.Operator.MUL, "scaled", alpha and alpha[1], "alpha"),
        (ops.Operator.ADD, "biased", bias, "bias"),
    )
    for operator, below, parameter, role in steps:
        if parameter is not None:
            name = f"{use.name}.{part_of(part, role)}"
            spread = {"right": (name, _column(parameter, rank))}
            op_ = ops.Elementwise(operator)
            result = add(use, op_, result, part=part_of(part, below), parameters=spread)
    return result


def _column(parameter: Parameter, rank: int) -> Parameter:
    """A vector with axes of 1 after it, `rank` in all."""
    shape = (parameter.spec.elements, *(1,) * (rank - 1))
    load = None if parameter.load is None else partial(_reshaped, parameter.load, shape)
    return replace(parameter, spec=replace(parameter.spec, shape=shape), load=load)


def _reshaped(load: Callable[[], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    return load().reshape(shape)


def _recognize(use: Use, tensor: str, quantized: Quantized, scheme: Scheme, part: str) -> None:
    """The sentence of the report, unless everything is float and nothing claims otherwise."""
    source, encoding, _ = origin(use.state, tensor)
    has_quantizer = any(
        use.layer.config.get(key) is not None
        for key in use.layer.config
        if isinstance(key, str) and key.endswith("_quantizer")
    )
    if (scheme.weight, encoding) == (FLOAT32, FLOAT32) and not has_quantizer:
        return
    title = part_of(use.title, part)
    if scheme.weight == BIPOLAR and encoding != BIPOLAR:
        source = f"{source} ({encoding}, not +-1)"
    use.state.assembly.recognized[title] = recognized(scheme, quantized.words, source)
