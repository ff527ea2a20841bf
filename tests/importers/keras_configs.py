"""Keras configs put together by hand, for tests of what a file of that form is taken for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

__all__ = ["Config", "conv", "hdf5", "layer", "model", "sound", "source", "write"]

Config = dict[str, Any]


def layer(kind: str, name: str, *sources: str, **settings: Any) -> Config:
    """A layer as Keras 2 writes it."""
    nodes = [[[source, 0, 0, {}] for source in sources]] if sources else []
    config = {"name": name, **settings}
    return {"class_name": kind, "name": name, "config": config, "inbound_nodes": nodes}


def source(shape: Any = (None, 8, 8, 4), name: str = "x") -> Config:
    """An input."""
    return layer("InputLayer", name, batch_input_shape=shape)


def conv(name: str = "conv", *sources: str, **settings: Any) -> Config:
    """Two filters of 3x3 over "x"."""
    defaults = {"filters": 2, "kernel_size": [3, 3], "use_bias": False}
    kind = settings.pop("kind", "Conv2D")
    return layer(kind, name, *(sources or ("x",)), **{**defaults, **settings})


def model(*layers: Any, outputs: str | None = None, inputs: str = "x") -> Config:
    """A functional model from "x" to its last layer."""
    config = {
        "name": "tiny",
        "layers": list(layers),
        "input_layers": [[inputs, 0, 0]],
        "output_layers": [[outputs or layers[-1]["name"], 0, 0]],
    }
    return {"class_name": "Functional", "config": config}


def write(folder: Path, config: object, name: str = "net.json") -> Path:
    """A config, or any text, as a file."""
    path = folder / name
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    return path


def hdf5(
    path: Path,
    config: object,
    fill: Callable[[h5py.Group], None] | None,
    libver: str | None = None,
) -> Path:
    """A file as Keras writes it; `fill` puts the kernel into the layer's group."""
    with h5py.File(path, "w", libver=libver) as file:
        if config is not None:
            file.attrs["model_config"] = json.dumps(config)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = ["x", "conv"]
        group.create_group("x").attrs["weight_names"] = np.zeros(0)
        own = group.create_group("conv")
        own.attrs["weight_names"] = np.array([b"conv/kernel:0"])
        if fill is not None:
            fill(own)
    return path


def sound(group: h5py.Group) -> None:
    """The kernel of `conv`."""
    group["conv/kernel:0"] = np.ones((3, 3, 4, 2), np.float32)
