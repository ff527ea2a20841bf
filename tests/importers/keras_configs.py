"""Keras configs put together by hand, for tests of what a file of that form is taken for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["Config", "conv", "layer", "model", "source", "write"]

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
