"""Larq's quantizers: what they make of a layer's input, and of its latent weights.

Source: Larq 0.14, larq/quantizers.py; Larq Zoo 2.4 for xnor_weight_scale and
magnitude_aware_sign_unclipped; Zhou et al., "DoReFa-Net", section 2.3; Li et al., "Ternary Weight
Networks", section 2.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from xnorsim.errors import UnsupportedOpError
from xnorsim.importers.channels import Value
from xnorsim.importers.keras.settings import Settings, flag, number, whole, word
from xnorsim.importers.keras.state import Use, add, constant, part_of
from xnorsim.network import ops
from xnorsim.network.precision import ENCODINGS, FLOAT32, TERNARY, UNIPOLAR

__all__ = ["INPUT_QUANTIZERS", "SIGNS", "bits_of"]

SIGNS = frozenset({"ste_sign", "SteSign", "approx_sign", "ApproxSign", "swish_sign", "SwishSign"})
"""They differ in their gradients only."""

InputRule = Callable[[Use, Value, Settings, str], Value]


def _sign(use: Use, value: Value, settings: Settings, part: str) -> Value:
    return Value(add(use, ops.Sign(), value.tensor, part=part), value.channels_first)


def _none(use: Use, value: Value, settings: Settings, part: str) -> Value:
    """NoOp: a mark for optimizers; numbers stay as they are."""
    return value


def _ternary(use: Use, value: Value, settings: Settings, part: str) -> Value:
    """+1 from the threshold on, -1 up to its negative, else 0; of threshold 0, the plain sign."""
    if flag(settings, "ternary_weight_networks", False):
        raise _depends_on_data(settings)
    at = np.float32(abs(number(settings, "threshold_value", 0.05)))
    above = float(np.nextafter(-at, np.float32(np.inf))) if at else 0.0
    least = float(at) if at else _TINIEST
    return _thresholds(use, value, TERNARY, (above, least), part)


_TINIEST = float(np.nextafter(np.float32(0), np.float32(1)))
_ABOVE_HALF = float(np.nextafter(np.float32(0.5), np.float32(1)))


def _heaviside(use: Use, value: Value, settings: Settings, part: str) -> Value:
    """1 above 0, else 0."""
    return _thresholds(use, value, UNIPOLAR, (_TINIEST,), part)


def _thresholds(use: Use, value: Value, to: Any, levels: tuple[float, ...], part: str) -> Value:
    op = ops.Thresholds(to, offset=-1.0 if to == TERNARY else 0.0)
    held = (f"{use.name}.{part or 'layer'}.thresholds", constant(levels, (1, len(levels))))
    tensor = add(use, op, value.tensor, part=part, parameters={"thresholds": held})
    return Value(tensor, value.channels_first)


_EXACT_SCALES = frozenset({2})
"""Bits k for which x / float32(1 / n) rounds to what x * n does for each float x, n = 2**k - 1."""


def _dorefa(use: Use, value: Value, settings: Settings, part: str) -> Value:
    """round(clip(x, 0, 1) * n) / n with n = 2**k - 1: one of k bits, unsigned."""
    if word(settings, "mode", ("activations", "weights"), "activations") == "weights":
        raise _depends_on_data(settings)
    k = bits_of(settings)
    if k == 1:  # halves go to the even neighbour, 0
        return _thresholds(use, value, UNIPOLAR, (_ABOVE_HALF,), part)
    n, tensor = 2**k - 1, value.tensor
    prefix = f"{use.name}.{part or 'layer'}"
    step = 1 / n
    if k not in _EXACT_SCALES:
        held = {"right": (f"{prefix}.levels", constant((n,), ()))}
        tensor = add(
            use,
            ops.Elementwise(ops.Operator.MUL),
            tensor,
            part=part_of(part, "mul"),
            parameters=held,
        )
        step = 1.0
    to = ENCODINGS[f"uint{k}"]
    scale = {"scale": (f"{prefix}.step", constant((step,), ()))}
    tensor = add(use, ops.Quantize(to), tensor, part=part_of(part, "quantize"), parameters=scale)
    scale = {"scale": (f"{prefix}.scale", constant((1 / n,), ()))}
    tensor = add(use, ops.Dequantize(FLOAT32), tensor, part=part, parameters=scale)
    return Value(tensor, value.channels_first)


def bits_of(settings: Settings) -> int:
    """The k of a DoReFa quantizer."""
    k = whole(settings, "k_bit", 2)
    if k > 24:
        raise UnsupportedOpError(f"{settings.where}: k_bit is {k}: it must be from 1 to 24")
    return k


def _data_dependent(use: Use, value: Value, settings: Settings, part: str) -> Value:
    raise _depends_on_data(settings)


def _depends_on_data(settings: Settings) -> UnsupportedOpError:
    return UnsupportedOpError(
        f"{settings.where}: of activations it depends on the whole batch, and is for weights only"
    )


INPUT_QUANTIZERS: Mapping[str, InputRule] = {
    **dict.fromkeys(SIGNS, _sign),
    **dict.fromkeys(("ste_tern", "SteTern"), _ternary),
    **dict.fromkeys(("ste_heaviside", "SteHeaviside"), _heaviside),
    **dict.fromkeys(("dorefa_quantizer", "DoReFa", "DoReFaQuantizer"), _dorefa),
    **dict.fromkeys(("NoOp", "NoOpQuantizer"), _none),
    **dict.fromkeys(
        (
            "magnitude_aware_sign",
            "MagnitudeAwareSign",
            "xnor_weight_scale",
            "magnitude_aware_sign_unclipped",
        ),
        _data_dependent,
    ),
}
