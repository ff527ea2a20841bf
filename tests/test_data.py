"""The data that tests rest on is what its origin has."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "name",
    [
        "expected.json",
        "mobilenet_v2__ts17.onnx",
        "resnet18__dynamo.onnx",
        "resnet18__ts17.onnx",
    ],
)
def test_copies_equal_their_origin(data: Path, shared_data: Path, name: str) -> None:
    assert (data / "onnx" / name).read_bytes() == (shared_data / "onnx" / name).read_bytes()
