"""PyTorch modules -> Graph, by the ONNX file that PyTorch or Brevitas writes of them.

Needs torch (extra torch); a module with layers of Brevitas needs brevitas with its exporter, whose
file is QONNX and keeps the number of bits of every tensor.
"""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from xnorsim.errors import MissingExtraError, ModelError, UsageError
from xnorsim.importers.onnx import read_graph
from xnorsim.network.graph import Graph, Parameter

__all__ = ["from_torch"]


def from_torch(module: Any, example_inputs: Any, *, name: str = "") -> Graph:
    """The network of a torch.nn.Module, run once on `example_inputs` to trace it.

    Parameters
    ----------
    module : the module; it is exported as it runs in evaluation, and left in the mode it was in
    example_inputs : a tensor, or a tuple of tensors; their shapes are the graph's
    name : of the graph; by default the module's class

    Raises:
        MissingExtraError: torch is not installed, or what its exporter needs.
        UsageError: something else than a module, or inputs that are no tensors.
        ModelError: the exporter cannot write the module.
        InputError: the file that it wrote cannot be read; see importers.onnx.
    """
    try:
        import torch  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingExtraError("torch", "torch", "a PyTorch module") from error
    if not isinstance(module, torch.nn.Module):
        raise UsageError(f"module must be a torch.nn.Module, not {type(module).__name__}")
    inputs = example_inputs if isinstance(example_inputs, tuple) else (example_inputs,)
    odd = [type(item).__name__ for item in inputs if not isinstance(item, torch.Tensor)]
    if odd or not inputs:
        raise UsageError(
            f"example_inputs must be a tensor or a tuple of tensors, not {', '.join(odd) or '()'}"
        )
    title = name or type(module).__name__
    with tempfile.TemporaryDirectory(prefix="xnorsim-") as folder:
        path = Path(folder) / "module.onnx"
        _export(module, inputs, path, title)
        graph = read_graph(path)
        held = {key: _in_memory(item) for key, item in graph.parameters.items()}
    metadata = {**graph.metadata, "format": "torch", "file": title}
    return replace(graph, name=title, parameters=held, metadata=metadata)


def _export(module: Any, inputs: tuple[Any, ...], path: Path, title: str) -> None:
    was_training = module.training
    module.eval()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the exporter, about its own future
            if _has_brevitas(module):
                _export_brevitas(module, inputs, path)
            else:
                _export_torch(module, inputs, path)
    except MissingExtraError:
        raise
    except Exception as fault:  # exporters raise what they like on what they cannot write
        lines = str(fault).strip().splitlines() or [type(fault).__name__]
        raise ModelError(f"{title}: the exporter failed: {lines[0][:400]}") from fault
    finally:
        module.train(was_training)


def _has_brevitas(module: Any) -> bool:
    return any(type(part).__module__.split(".")[0] == "brevitas" for part in module.modules())


def _export_brevitas(module: Any, inputs: tuple[Any, ...], path: Path) -> None:
    from brevitas.export import export_qonnx  # pyright: ignore[reportMissingImports]

    export_qonnx(module, args=inputs, export_path=str(path))


def _export_torch(module: Any, inputs: tuple[Any, ...], path: Path) -> None:
    """By torch.export where its writer is installed, else by tracing as TorchScript."""
    import torch  # pyright: ignore[reportMissingImports]

    modern = find_spec("onnxscript") is not None
    torch.onnx.export(module, inputs, str(path), dynamo=modern, verbose=False)


def _in_memory(item: Parameter) -> Parameter:
    """A parameter whose values do not need the file any more."""
    if item.load is None:
        return item
    return replace(item, load=partial(_held, np.array(item.load())))


def _held(values: np.ndarray) -> np.ndarray:
    return values
