"""What each class of layer becomes: the table, and the check of a file against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches

from xnorsim.errors import UnsupportedOpError, choices
from xnorsim.importers.channels import Value
from xnorsim.importers.keras import activations, elements, movement, products, windows
from xnorsim.importers.keras.activations import ACTIVATIONS, identity
from xnorsim.importers.keras.config import Layer, Model, every_layer
from xnorsim.importers.keras.kernels import KERNEL_QUANTIZERS
from xnorsim.importers.keras.lambdas import build_lambda, knows_lambda
from xnorsim.importers.keras.names import named
from xnorsim.importers.keras.quantizers import INPUT_QUANTIZERS
from xnorsim.importers.keras.state import Use
from xnorsim.importers.keras.tensorflow_ops import (
    TENSORFLOW_OPS,
    build_slicing,
    build_tensorflow_op,
)
from xnorsim.network.ops import Operator, Reduction

__all__ = ["INPUT", "RULES", "check_layers", "has_rule", "has_weights"]

Rule = Callable[[Use], Value | tuple[Value, ...]]

INPUT = "InputLayer"

_WEIGHTED: Mapping[str, Rule] = {
    "Conv1D": products.conv(1),
    "Conv2D": products.conv(2),
    "Conv3D": products.conv(3),
    "Conv1DTranspose": products.conv_transpose(1),
    "Conv2DTranspose": products.conv_transpose(2),
    "Conv3DTranspose": products.conv_transpose(3),
    "Dense": products.dense,
    "DepthwiseConv1D": products.depthwise_conv(1),
    "DepthwiseConv2D": products.depthwise_conv(2),
    "SeparableConv1D": products.separable_conv(1),
    "SeparableConv2D": products.separable_conv(2),
}
_QUANTIZED = (
    *("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "Conv3DTranspose", "Dense"),
    *("DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"),
)
_IDENTITIES = (
    *("ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise"),
    *("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"),
)
_MERGES = {
    "Add": Operator.ADD,
    "Subtract": Operator.SUB,
    "Multiply": Operator.MUL,
    "Average": Operator.MEAN,
    "Maximum": Operator.MAX,
    "Minimum": Operator.MIN,
}

RULES: Mapping[str, Rule] = {
    **_WEIGHTED,
    **{f"Quant{kind}": _WEIGHTED[kind] for kind in _QUANTIZED},
    **dict.fromkeys(_IDENTITIES, identity),
    **{kind: elements.merge(operator) for kind, operator in _MERGES.items()},
    **{f"{word}{rank}D": make(rank)
       for word, make in (("Cropping", windows.cropping), ("UpSampling", windows.upsampling),
                          ("ZeroPadding", windows.zero_padding))
       for rank in (1, 2, 3)},
    **{f"{before}{word}Pooling{rank}D": make(reduction, rank)
       for word, reduction in (("Max", Reduction.MAX), ("Average", Reduction.MEAN))
       for before, make in (("", windows.pool), ("Global", windows.global_pool))
       for rank in (1, 2, 3)},
    **{kind: activations.operation(kind.lower()) for kind in ("Relu", "Relu6", "Sigmoid", "Tanh")},
    **{kind: activations.quantizer_layer for kind in INPUT_QUANTIZERS if kind[0].isupper()},
    "Activation": activations.activation_layer,
    "BatchNormalization": elements.batch_norm,
    "Concatenate": elements.concatenate,
    "Dot": elements.dot,
    "ELU": activations.elu,
    "Flatten": movement.flatten,
    "GroupNormalization": elements.group_norm,
    "Lambda": build_lambda,
    "LayerNormalization": elements.layer_norm,
    "LeakyReLU": activations.leaky_relu,
    "LearnedRescaleLayer": elements.learned_rescale,
    "Normalization": elements.normalization,
    "PReLU": activations.prelu,
    "Permute": movement.permute,
    "ReLU": activations.relu,
    "RepeatVector": movement.repeat_vector,
    "Rescaling": elements.rescaling,
    "Reshape": movement.reshape,
    "SlicingOpLambda": build_slicing,
    "Softmax": activations.softmax,
    "TFOpLambda": build_tensorflow_op,
    "ThresholdedReLU": activations.thresholded_relu,
}  # fmt: skip
"""Rules by class name. Inner models and InputLayer are the walk's own."""


def check_layers(file: str, model: Model, allow_unknown: bool) -> None:
    """Refuse what has no rule: layers, functions and quantizers, all of the file at once.

    Raises:
        UnsupportedOpError: naming each with its layer and what comes near.
    """
    faults = [
        f"layer '{name}': {fault}"
        for name, layer in every_layer(model)
        if layer.model is None
        for fault in _faults(layer, allow_unknown)
    ]
    if not faults:
        return
    more = [f"... and {len(faults) - 20} more"] if len(faults) > 20 else []
    if any(": class " in fault for fault in faults):
        more.append(f"classes with a rule: {', '.join(_classes())}")
    raise UnsupportedOpError(f"{file}: no rule for:\n  " + "\n  ".join([*faults[:20], *more]))


def _classes() -> list[str]:
    return sorted(kind for kind in RULES if kind not in INPUT_QUANTIZERS)


def _faults(layer: Layer, allow_unknown: bool) -> Iterator[str]:
    if layer.kind == INPUT:
        return
    if not has_rule(layer):
        if not allow_unknown:
            yield _unknown(layer)
        return
    for key, given in layer.config.items():
        if given is None or not isinstance(key, str):
            continue
        valid = _valid(layer, key)
        found = named(given)
        if valid and (found is None or found[0] not in valid):
            title = (str(given) if found is None else found[0])[:80]
            yield f"{key} {title!r:.80}: {choices(title, valid)}"


def has_rule(layer: Layer) -> bool:
    """Whether a layer becomes nodes of its own kind."""
    if layer.kind == "Lambda":
        return knows_lambda(layer)
    if layer.kind == "TFOpLambda":
        return str(layer.config.get("function")) in TENSORFLOW_OPS
    return layer.kind in RULES


_ALWAYS = frozenset(
    {*_WEIGHTED, *(f"Quant{kind}" for kind in _QUANTIZED), "BatchNormalization", "PReLU",
     "LearnedRescaleLayer"}
)  # fmt: skip
_SOMETIMES = {
    "GroupNormalization": lambda config: config.get("center", True) or config.get("scale", True),
    "LayerNormalization": lambda config: config.get("center", True) or config.get("scale", True),
    "Normalization": lambda config: config.get("mean") is None,
}


def has_weights(layer: Layer) -> bool:
    """Whether a layer, or one within it, has weights in a file."""
    if layer.model is not None:
        return any(has_weights(inner) for inner in layer.model.layers)
    given = _SOMETIMES.get(layer.kind)
    return layer.kind in _ALWAYS or (given is not None and bool(given(layer.config)))


def _unknown(layer: Layer) -> str:
    if layer.kind == "Lambda":
        return "Lambda with code of its own, which is not decoded: only those of Larq Zoo are known"
    if layer.kind == "TFOpLambda":
        title = str(layer.config.get("function"))[:80]
        return f"TFOpLambda of {title!r:.80}: {choices(title, TENSORFLOW_OPS)}"
    near = get_close_matches(layer.kind, _classes(), n=3)
    return f"class {layer.kind!r:.80}" + (f": did you mean {' or '.join(near)}?" if near else "")


def _valid(layer: Layer, key: str) -> frozenset[str]:
    """The names that a setting may have; none where anything goes."""
    if key == "activation":
        return ACTIVATIONS | {"Activation"}
    if key == "input_quantizer":
        return frozenset(INPUT_QUANTIZERS) | {"Activation"}
    return frozenset(KERNEL_QUANTIZERS) if key.endswith("_quantizer") else frozenset()
