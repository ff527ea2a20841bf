"""What a file is, its content says; and what is not a network file is told apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

import xnorsim as xs
from xnorsim.errors import ModelError, UsageError
from xnorsim.importers.reading import (
    FORMATS,
    format_of,
    is_configuration,
    read_graph,
    stated_inputs,
)

KERAS = "larq/QuickNet.keras_config.json"
ONNX = "onnx/resnet18__ts17.onnx"
TFLITE = "lce/valid_c64/model.tflite"

FOUND = [(KERAS, "Keras JSON"), (ONNX, "ONNX"), (TFLITE, "TensorFlow Lite")]


@pytest.mark.parametrize(("file", "expected"), FOUND)
@pytest.mark.parametrize("name", ["model.onnx", "model.json", "model.h5", "model"])
def test_the_content_tells(data: Path, tmp_path: Path, file: str, expected: str, name: str) -> None:
    renamed = tmp_path / name
    renamed.write_bytes((data / file).read_bytes())
    assert format_of(renamed).name == expected


def test_a_renamed_file_is_read(data: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "network.onnx"
    renamed.write_bytes((data / KERAS).read_bytes())
    assert read_graph(renamed).metadata["format"] == "keras"


MARKS = [
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"\x1c\0\0\0TFL3", "TensorFlow Lite"),
    (b"\xef\xbb\xbf  {", "Keras JSON"),
    (b"\n\t {", "Keras JSON"),
    (b"\x08\x08", "ONNX"),
]


@pytest.mark.parametrize(("head", "expected"), MARKS)
def test_marks(tmp_path: Path, head: bytes, expected: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(head)
    assert format_of(path).name == expected


UNKNOWN = (
    r"file: not a network file of a known format \(Keras and Larq.*\(\.h5\); TensorFlow Lite and "
    r".*\(\.tflite\); .*\(\.json\); ONNX and QONNX \(\.onnx\)\): read as ONNX, "
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"the file is empty \(0 bytes\)"),
        (b"PK\x03\x04rest", r"a zip archive, such as Keras 3 writes .*\.h5"),
        (b"hello, this is no network\n" * 40, UNKNOWN),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", UNKNOWN),
        (b'{"nodes": []}', "Keras"),
    ],
)
@pytest.mark.parametrize("read", [read_graph, stated_inputs])
def test_what_is_no_network(tmp_path: Path, read: Callable, content: bytes, message: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        read(path)


def test_arrays_are_told_from_a_zip_of_keras(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"weights.npz: arrays of numpy \(\.npz\), not a network"):
        read_graph(data / "lce" / "valid_c64" / "weights.npz")
    keras = tmp_path / "model.keras"
    with ZipFile(keras, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("vars.npy", "not the first file")
    with pytest.raises(ModelError, match="such as Keras 3 writes"):
        read_graph(keras)


def test_a_folder_given_as_a_model_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="a directory, not a model file"):
        xs.load_model(tmp_path)
    with pytest.raises(UsageError, match="'' is neither a file nor a network"):
        xs.load_model("")


def test_a_network_of_the_zoo_comes_before_a_folder_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alexnet").mkdir()
    assert xs.load_model("alexnet").name == "alexnet"


@pytest.mark.parametrize("weights", [3, ["weights.npz"], True])
def test_weights_that_are_no_file(data: Path, weights: object) -> None:
    kind = type(weights).__name__
    with pytest.raises(
        UsageError, match=rf"weights must be the file .*\.npz or \.h5.*, not {kind}"
    ):
        xs.load_model(data / KERAS, weights=weights)  # pyright: ignore[reportArgumentType]


def test_folders_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"a directory, not a model file .*SavedModel"):
        read_graph(tmp_path)
    with pytest.raises(ModelError, match="no such file"):
        read_graph(tmp_path / "missing.h5")


def test_weights_are_for_configurations(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ONNX has its weights in it"):
        xs.load_model(data / ONNX, weights=tmp_path / "weights.npz")
    with pytest.raises(UsageError, match="are for the file of a Keras configuration"):
        xs.load_model("resnet18", weights=tmp_path / "weights.npz")


def test_a_report_is_no_configuration(data: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text('{"schema": 1, "model": {}}')
    assert is_configuration(data / KERAS)
    assert not is_configuration(report)
    assert not is_configuration(data / ONNX)
    assert not is_configuration(tmp_path / "missing.json")


def test_every_format_has_a_reader() -> None:
    names = [item.name for item in FORMATS]
    assert len(set(names)) == len(names)
    assert FORMATS[-1].begins(b"")


STATED = [
    (KERAS, {"input_1": ["?", 224, 224, 3]}),
    (ONNX, {"input": ["N", 3, 224, 224]}),
    (TFLITE, {"serving_default_input_1:0": [1, 10, 10, 64]}),
]


@pytest.mark.parametrize(("file", "expected"), STATED)
def test_stated_inputs(data: Path, file: str, expected: dict) -> None:
    assert stated_inputs(data / file) == expected
