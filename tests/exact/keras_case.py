"""The graph of a Larq network, from its Keras config and its weights.

Keras is channels-last and xnorsim is channels-first: the graph is transposed once where it begins,
before a flatten, and where it ends. Kernels (height, width, in, out) become (out, in, height,
width).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from tests.exact.assembly import Assembly
from xnorsim.network import ops
from xnorsim.network.binary import alphas, signs
from xnorsim.network.graph import Graph
from xnorsim.network.precision import XNOR, Scheme

__all__ = ["read_case"]

Config = Mapping[str, Any]
Weights = Mapping[str, np.ndarray]
Quantized = tuple[dict[str, np.ndarray], Scheme | None]


def read_case(folder: Path, batch: int) -> Graph:
    """The network in `folder`; its input and its output are channels-last, as Keras has them.

    Raises:
        KeyError: a kind of layer or a quantizer that no rule below knows.
    """
    config = json.loads((folder / "model.keras_config.json").read_text())["config"]
    with np.load(folder / "weights.npz") as file:
        weights = dict(file)
    first, *layers = config["layers"]
    b = Assembly(config["name"], first["name"], (batch, *first["config"]["batch_input_shape"][1:]))
    written = {first["name"]: b.layer("channels_first", ops.Transpose((0, 3, 1, 2)), b.input)}
    for layer in layers:
        inputs = [written[source] for source, *_ in layer["inbound_nodes"][0]]
        own = {
            key.removeprefix(f"{layer['name']}/"): values
            for key, values in weights.items()
            if key.startswith(f"{layer['name']}/")
        }
        written[layer["name"]] = LAYERS[layer["class_name"]](b, layer["config"], own, *inputs)
    (last, *_), *_ = config["output_layers"]
    result = written[last]
    if len(b.shape(result)) == 4:
        result = b.layer("channels_last", ops.Transpose((0, 2, 3, 1)), result)
    return b.graph(result)


def _padding(config: Config, sizes: tuple[int, ...], kernel: tuple[int, ...]) -> ops.Padding:
    """TensorFlow's "same": ceil(size / stride) outputs, an odd row or column at the end."""
    if config["padding"] == "valid":
        return ((0, 0),) * len(sizes)
    strides, dilations = config["strides"], config.get("dilation_rate", (1,) * len(sizes))
    pads = []
    for size, k, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        total = max((-(-size // stride) - 1) * stride + (k - 1) * dilation + 1 - size, 0)
        pads.append((total // 2, total - total // 2))
    return tuple(pads)


def _float_weight(weight: np.ndarray, op: ops.Weighted) -> Quantized:
    return {"weight": weight}, None


def _sign(weight: np.ndarray, op: ops.Weighted) -> Quantized:
    return {"weight": signs(weight)}, None


def _magnitude_aware_sign(weight: np.ndarray, op: ops.Weighted) -> Quantized:
    clipped = np.clip(weight, -1, 1)
    return {"weight": signs(clipped), "alpha": alphas(clipped, op)}, XNOR


WEIGHTS: Mapping[str, Callable[[np.ndarray, ops.Weighted], Quantized]] = {
    "none": _float_weight,
    "SteSign": _sign,
    "MagnitudeAwareSign": _magnitude_aware_sign,
}
INPUTS = {"none": None, "SteSign": ops.Sign()}


def _quantizer(config: Config, which: str) -> str:
    given = config.get(which)
    return "none" if given is None else given["class_name"]


def _weighted(
    b: Assembly, config: Config, own: Weights, x: str, op: ops.Weighted, weight: np.ndarray
) -> str:
    assert config["activation"] == "linear", config
    sign = INPUTS[_quantizer(config, "input_quantizer")]
    if sign is not None:
        x = b.layer(f"{config['name']}.sign", sign, x)
    parameters, scheme = WEIGHTS[_quantizer(config, "kernel_quantizer")](weight, op)
    if config["use_bias"]:
        parameters["bias"] = own["bias"]
    return b.layer(config["name"], op, x, parameters=parameters, scheme=scheme)


def _conv(b: Assembly, config: Config, own: Weights, x: str) -> str:
    kernel = tuple(config["kernel_size"])
    op = ops.Conv(
        config["filters"],
        kernel,
        tuple(config["strides"]),
        _padding(config, b.shape(x)[2:], kernel),
        tuple(config["dilation_rate"]),
        config["groups"],
        int(config.get("pad_values", 0)),
    )
    return _weighted(b, config, own, x, op, own["kernel"].transpose(3, 2, 0, 1))


def _dense(b: Assembly, config: Config, own: Weights, x: str) -> str:
    op = ops.Dense(*own["kernel"].shape)
    return _weighted(b, config, own, x, op, own["kernel"])


def _batch_norm(b: Assembly, config: Config, own: Weights, x: str) -> str:
    roles = {
        "scale": own["gamma"],
        "shift": own["beta"],
        "mean": own["moving_mean"],
        "variance": own["moving_variance"],
    }
    return b.layer(config["name"], ops.BatchNorm(config["epsilon"]), x, parameters=roles)


def _max_pool(b: Assembly, config: Config, own: Weights, x: str) -> str:
    kernel = tuple(config["pool_size"])
    pads = _padding(config, b.shape(x)[2:], kernel)
    op = ops.Pool(ops.Reduction.MAX, kernel, tuple(config["strides"]), pads, (1, 1))
    return b.layer(config["name"], op, x)


def _add(b: Assembly, config: Config, own: Weights, *inputs: str) -> str:
    return b.layer(config["name"], ops.Elementwise(ops.Operator.ADD), *inputs)


def _flatten(b: Assembly, config: Config, own: Weights, x: str) -> str:
    batch, *rest = b.shape(x)
    last = b.layer(f"{config['name']}.channels_last", ops.Transpose((0, 2, 3, 1)), x)
    return b.layer(config["name"], ops.Reshape((batch, prod(rest))), last)


LAYERS: Mapping[str, Callable[..., str]] = {
    "Add": _add,
    "BatchNormalization": _batch_norm,
    "Conv2D": _conv,
    "Flatten": _flatten,
    "MaxPooling2D": _max_pool,
    "QuantConv2D": _conv,
    "QuantDense": _dense,
}
