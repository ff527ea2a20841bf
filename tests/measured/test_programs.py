"""Whole networks as they are measured, on one that takes no time."""

from __future__ import annotations

import numpy as np
import pytest

from xnorsim.exact.execute import Run
from xnorsim.measured import programs as subject
from xnorsim.zoo.builder import Builder


def tiny():
    b = Builder("tiny", input=(1, 3, 8, 8))
    x = b.relu(b.batch_norm(b.conv(b.input, 4, 3, padding=1, bias=False)))
    return b.graph(b.dense(b.flatten(b.global_average_pool(x)), 5))


@pytest.mark.parametrize(("program", "package"), [("native", "numba"), ("onnxruntime",) * 2])
def test_a_program_runs_a_network(program, package, monkeypatch):
    pytest.importorskip(package)
    monkeypatch.setattr(subject, "build", lambda name: tiny())
    (task,) = [t for t in subject.network_tasks(["resnet18"]) if t.subject.kernel == program]
    work, found = task.prepare()
    assert (found.kernel, found.problem, found.threads) == (program, "resnet18", 1)
    first, again = _result(work()), _result(work())
    assert first.shape == (1, 5)
    np.testing.assert_array_equal(first, again)


def _result(found: object) -> np.ndarray:
    return next(iter(found.outputs.values())) if isinstance(found, Run) else np.array(found)
