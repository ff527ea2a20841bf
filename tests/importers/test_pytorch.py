"""PyTorch modules, where torch is installed."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

import xnorsim as xs
from xnorsim.errors import MissingExtraError, UsageError
from xnorsim.work.table import layer_table, totals

HAS_TORCH = importlib.util.find_spec("torch") is not None
needs_torch = pytest.mark.skipif(not HAS_TORCH, reason="torch is not installed")


@pytest.mark.skipif(HAS_TORCH, reason="torch is installed")
def test_the_extra_is_named() -> None:
    with pytest.raises(MissingExtraError, match=r"'torch'.*xnorsim\[torch\]"):
        xs.from_torch(None, None)


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


@needs_torch
def test_a_module_runs_as_torch_runs_it(torch: Any) -> None:
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1),
        torch.nn.BatchNorm2d(8),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(8 * 16, 5),
    ).eval()
    x = torch.randn(2, 3, 8, 8)
    graph = xs.from_torch(module, x)
    assert totals(layer_table(graph))["macs"] == 2 * (8 * 64 * 27 + 128 * 5)
    (found,) = xs.run(graph, x.numpy()).outputs.values()
    np.testing.assert_allclose(found, module(x).detach().numpy(), rtol=1e-5, atol=1e-5)


@needs_torch
def test_binary_layers_are_recognized(torch: Any) -> None:
    torch.manual_seed(0)

    class Binary(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(16, 32, 3, bias=False)
            with torch.no_grad():
                weight = self.conv.weight
                alpha = weight.abs().mean((1, 2, 3), keepdim=True)
                weight.copy_(torch.where(weight >= 0, alpha, -alpha))

        def forward(self, x: Any) -> Any:
            return self.conv(torch.where(x >= 0, 1.0, -1.0))

    module, x = Binary().eval(), torch.randn(1, 16, 8, 8)
    graph = xs.from_torch(module, x, name="binary")
    assert graph.name == "binary"
    assert totals(layer_table(graph))["binary_macs"] == 32 * 36 * 16 * 9
    assert [text.rsplit(": ")[-1] for text in graph.recognized.values()] == ["xnor"]
    (found,) = xs.run(graph, x.numpy()).outputs.values()
    np.testing.assert_allclose(found, module(x).detach().numpy(), rtol=1e-5, atol=1e-5)


@needs_torch
def test_the_mode_is_left_as_it_was(torch: Any) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Dropout())
    module.train()
    xs.from_torch(module, torch.zeros(1, 4))
    assert module.training


@needs_torch
def test_what_is_no_module_is_refused(torch: Any) -> None:
    with pytest.raises(UsageError, match=r"must be a torch\.nn\.Module, not int"):
        xs.from_torch(3, torch.zeros(1))
    with pytest.raises(UsageError, match="a tensor or a tuple of tensors, not list"):
        xs.from_torch(torch.nn.Linear(4, 2), [1.0])
