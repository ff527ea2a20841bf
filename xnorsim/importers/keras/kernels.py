"""A layer's weights as its quantizer makes them: +-1, {0, 1}, ternary, k bits or floats.

The sources are those of quantizers.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from xnorsim.errors import ModelError, UnsupportedOpError, choices
from xnorsim.importers.keras.names import named
from xnorsim.importers.keras.quantizers import SIGNS, bits_of
from xnorsim.importers.keras.settings import Settings, flag, number, word
from xnorsim.importers.keras.state import Use, constant
from xnorsim.network import ops
from xnorsim.network.binary import binary_parameters, filters
from xnorsim.network.graph import Parameter, Stored, TensorSpec
from xnorsim.network.precision import (
    BIPOLAR,
    ENCODINGS,
    FLOAT32,
    TERNARY,
    UNIPOLAR,
    Encoding,
    Scaling,
)
from xnorsim.network.quantized import Quantized as KBits
from xnorsim.network.quantized import quantized_parameter

__all__ = ["KERNEL_QUANTIZERS", "Kernel", "Quantized", "quantized_kernel"]

Load = Callable[[], np.ndarray]


@dataclass(frozen=True, slots=True)
class Kernel:
    """Latent weights: `parameter` in the order of the op, `rank` and `last` (the size of the last
    axis, one alpha each) of the file's own array."""

    name: str
    parameter: Parameter
    op: ops.Weighted
    rank: int
    last: int


@dataclass(frozen=True, slots=True)
class Quantized:
    """What a quantizer makes of a kernel: parameters by role, and in words."""

    parameters: Mapping[str, tuple[str, Parameter]]
    encoding: Encoding
    scaling: Scaling
    words: str


KernelRule = Callable[[Kernel, Settings], Quantized]


def quantized_kernel(use: Use, key: str, kernel: Kernel) -> Quantized:
    """The weights as the quantizer that the config has under `key` makes them.

    Raises:
        UnsupportedOpError: a quantizer without a rule.
    """
    given = use.layer.config.get(key)
    if given is None:
        return _float(kernel, use.settings)
    found = named(given)
    if found is None or found[0] not in KERNEL_QUANTIZERS:
        title = str(given if found is None else found[0])[:80]
        raise UnsupportedOpError(
            f"{use.where}: no rule for {key} {title!r:.80}: {choices(title, KERNEL_QUANTIZERS)}"
        )
    settings = Settings(f"{use.where}: {key} {found[0]}", found[1])
    return KERNEL_QUANTIZERS[found[0]](kernel, settings)


def _float(kernel: Kernel, settings: Settings) -> Quantized:
    held = {"weight": (kernel.name, kernel.parameter)}
    return Quantized(held, FLOAT32, Scaling.NONE, "float32")


def _no_op(kernel: Kernel, settings: Settings) -> Quantized:
    made = _float(kernel, settings)
    return Quantized(made.parameters, FLOAT32, Scaling.NONE, "float32 (NoOp leaves them so)")


def _sign(kernel: Kernel, settings: Settings) -> Quantized:
    held = binary_parameters(kernel.name, kernel.parameter, kernel.op, Scaling.NONE)
    return Quantized(held, BIPOLAR, Scaling.NONE, "+-1")


def _scaled(kernel: Kernel, alpha: Callable[[np.ndarray], np.ndarray], words: str) -> Quantized:
    """Signs, and alpha (filters,) of the latent weights (filters, ...)."""
    if isinstance(kernel.op, ops.ConvTranspose):
        raise UnsupportedOpError(
            f"weight '{kernel.name}': its scale is one an input channel of a transposed "
            "convolution, which is no scale of a filter"
        )
    latent = kernel.parameter
    held = binary_parameters(kernel.name, latent, kernel.op, Scaling.NONE)
    spec = TensorSpec((filters(kernel.op),), FLOAT32)
    load = None if latent.load is None else partial(_alphas, latent.load, kernel.op, alpha)
    key = f"{latent.stored[0].key}.alpha"
    made = Parameter(spec, (Stored(key, spec),), load)
    return Quantized(
        {**held, "alpha": (f"{kernel.name}.alpha", made)}, BIPOLAR, Scaling.ALPHA, words
    )


def _alphas(load: Load, op: ops.Weighted, alpha: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    weight = load()
    by_filter = weight.T if isinstance(op, ops.Dense) else weight.reshape(len(weight), -1)
    return np.broadcast_to(alpha(np.abs(by_filter)), (filters(op),)).astype(np.float32)


def _mean_by_last_axis(magnitude: np.ndarray, last: int) -> np.ndarray:
    """mean|W| over all axes of the file's array but the last; float64 inside.

    Of a depthwise kernel (..., channels, multiplier) that is one number for each position in the
    multiplier, which the filters of all channels have in common.
    """
    split = magnitude.reshape(-1, last, magnitude.shape[1])
    means = split.mean(axis=(0, 2), dtype=np.float64)
    return np.tile(means, len(split))


def _clipped_mean(magnitude: np.ndarray, last: int) -> np.ndarray:
    return _mean_by_last_axis(np.minimum(magnitude, 1), last)


def _mean_of_all(magnitude: np.ndarray) -> np.ndarray:
    return magnitude.mean(dtype=np.float64, keepdims=True).reshape(1)


def _magnitude_aware(kernel: Kernel, settings: Settings) -> Quantized:
    return _scaled(kernel, partial(_mean_by_last_axis, last=kernel.last), "+-alpha per channel")


def _xnor_scale(kernel: Kernel, settings: Settings) -> Quantized:
    if kernel.rank != 4:
        raise UnsupportedOpError(
            f"{settings.where}: it is for kernels of 4 axes, not of {kernel.rank}"
        )
    return _scaled(kernel, partial(_clipped_mean, last=kernel.last), "+-alpha per channel")


def _unclipped(kernel: Kernel, settings: Settings) -> Quantized:
    return _scaled(kernel, _mean_of_all, "+-alpha, one alpha a layer")


def _codes(kernel: Kernel, encoding: Encoding, make: Callable, words: str) -> Quantized:
    """Weights that are the numbers of a narrow encoding themselves."""
    latent = kernel.parameter
    spec = TensorSpec(latent.spec.shape, encoding)
    name = f"{kernel.name}.{encoding}"
    load = None if latent.load is None else partial(_checked, kernel.name, latent.load, make)
    key = f"{latent.stored[0].key}.{encoding}"
    held = {"weight": (name, Parameter(spec, (Stored(key, spec),), load))}
    return Quantized(held, encoding, Scaling.NONE, words)


def _checked(name: str, load: Load, make: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    values = load()
    if not np.isfinite(values).all():
        raise ModelError(f"weight '{name}': it has values that are NaN or infinite")
    return make(values)


def _ternary(kernel: Kernel, settings: Settings) -> Quantized:
    own = flag(settings, "ternary_weight_networks", False)
    threshold = None if own else np.float32(number(settings, "threshold_value", 0.05))
    return _codes(kernel, TERNARY, partial(_terns, threshold=threshold), "-1, 0 and +1")


def _terns(weight: np.ndarray, threshold: np.float32 | None) -> np.ndarray:
    """sign(sign(w + t) + sign(w - t)), t = 0.7 mean|w| where none is stated."""
    if threshold is None:
        threshold = np.float32(0.7 * np.abs(weight).mean(dtype=np.float64))
    return np.sign(np.sign(weight + threshold) + np.sign(weight - threshold)).astype(np.int8)


def _heaviside(kernel: Kernel, settings: Settings) -> Quantized:
    return _codes(kernel, UNIPOLAR, _above_zero, "0 and 1")


def _above_zero(weight: np.ndarray) -> np.ndarray:
    return (weight > 0).astype(np.uint8)


def _dorefa(kernel: Kernel, settings: Settings) -> Quantized:
    """k bits: levels of [0, 1] in the mode for activations, of [-1, 1] in that for weights."""
    signed = word(settings, "mode", ("activations", "weights"), "activations") == "weights"
    k = bits_of(settings)
    if k == 1:
        encoding, words = (BIPOLAR, "+-1") if signed else (UNIPOLAR, "0 and 1")
        make = _dorefa_signs if signed else _dorefa_unsigned
        return _codes(kernel, encoding, partial(make, n=1), words)
    encoding = ENCODINGS[f"int{k}" if signed else f"uint{k}"]
    n = 2**k - 1
    make = partial(_dorefa_codes if signed else _dorefa_unsigned, n=n)
    codes = _codes(kernel, encoding, make, "").parameters["weight"][1]
    step = constant((2 / n if signed else 1 / n,), ())
    key = f"{kernel.parameter.stored[0].key}.scale"
    scale = replace(step, stored=(Stored(key, step.spec, is_scale=True),))
    middle = constant((-0.5,), ()) if signed else None
    weight = quantized_parameter(KBits(codes, scale, middle))
    held = {"weight": (kernel.name, weight)}
    return Quantized(held, encoding, Scaling.NONE, f"of {k} bits (DoReFa)")


def _dorefa_unsigned(weight: np.ndarray, n: int) -> np.ndarray:
    """round(n clip(w, 0, 1)), times 1 / n; in float32."""
    clipped = np.clip(weight, np.float32(0), np.float32(1))
    return np.rint(clipped * np.float32(n)).astype(np.int32)


def _dorefa_signed(weight: np.ndarray, n: int) -> np.ndarray:
    """The l of 2 l / n - 1: round(n (tanh w / (2 max|tanh w|) + 1/2)), 0 / 0 = 0; in float32."""
    limited = np.tanh(weight)
    largest = np.float32(2) * np.abs(limited).max(initial=np.float32(0))
    normed = limited / largest if largest else np.zeros_like(limited)
    return np.rint((normed + np.float32(0.5)) * np.float32(n)).astype(np.int32)


def _dorefa_codes(weight: np.ndarray, n: int) -> np.ndarray:
    """c = l - (n + 1) / 2, so that 2 l / n - 1 is (c + 1/2) 2 / n."""
    return _dorefa_signed(weight, n) - (n + 1) // 2


def _dorefa_signs(weight: np.ndarray, n: int) -> np.ndarray:
    return (2 * _dorefa_signed(weight, n) - 1).astype(np.int8)


KERNEL_QUANTIZERS: Mapping[str, KernelRule] = {
    **dict.fromkeys(SIGNS, _sign),
    **dict.fromkeys(("magnitude_aware_sign", "MagnitudeAwareSign"), _magnitude_aware),
    "xnor_weight_scale": _xnor_scale,
    "magnitude_aware_sign_unclipped": _unclipped,
    **dict.fromkeys(("ste_tern", "SteTern"), _ternary),
    **dict.fromkeys(("ste_heaviside", "SteHeaviside"), _heaviside),
    **dict.fromkeys(("dorefa_quantizer", "DoReFa", "DoReFaQuantizer"), _dorefa),
    **dict.fromkeys(("NoOp", "NoOpQuantizer"), _no_op),
}
