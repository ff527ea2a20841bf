"""The data that tests rest on is what its origin has."""

from __future__ import annotations

from pathlib import Path

import pytest

LARQ = ("BiRealNet", "BinaryAlexNet", "BinaryDenseNet28", "QuickNet", "XNORNet")


@pytest.mark.parametrize(
    "name",
    [
        "onnx/expected.json",
        "onnx/mobilenet_v2__ts17.onnx",
        "onnx/resnet18__dynamo.onnx",
        "onnx/resnet18__ts17.onnx",
        *(
            f"larq/{network}.{kind}.json"
            for network in LARQ
            for kind in ("keras_config", "summary")
        ),
    ],
)
def test_copies_equal_their_origin(data: Path, shared_data: Path, name: str) -> None:
    assert (data / name).read_bytes() == (shared_data / name).read_bytes()
