"""Files of golden vectors: what a folder may hold, and what is told of damaged ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.exact.vector_layers import example, layer
from xnorsim.errors import InputError, UsageError
from xnorsim.exact.vectors import read_vectors, write_vectors

Array = np.ndarray


def test_a_directory_in_use_is_refused(tmp_path):
    graph, inputs = layer("plain")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"no vectors.json of it lists \(notes.txt\): .*overwrite"):
        write_vectors(graph, "b", inputs, tmp_path)
    with pytest.raises(UsageError, match="it is a file"):
        write_vectors(graph, "b", inputs, tmp_path / "notes.txt")
    with pytest.raises(UsageError, match="its parent is no folder"):
        write_vectors(graph, "b", inputs, tmp_path / "no" / "out")
    write_vectors(graph, "b", inputs, tmp_path, overwrite=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert read_vectors(tmp_path).description["layer"] == "b"


def test_vectors_are_replaced_by_others(tmp_path):
    write_vectors(*example("plain", decided=True), tmp_path)
    write_vectors(*example("dense", decided=False), tmp_path)  # our own: no question
    found = read_vectors(tmp_path)
    assert found.description["kind"] == "dense"
    listed = {item[key] for item in found.description["tensors"].values() for key in ("hex", "npy")}
    assert {path.name for path in tmp_path.iterdir()} == {"vectors.json"} | listed


@pytest.mark.parametrize("foreign", ["testbench.sv", "K.npy", "accumulator.hex.old"])
def test_foreign_files_beside_older_vectors_are_not_passed_over(tmp_path, foreign):
    """A K.npy that an index does not list would pass for part of the new vectors."""
    folder = write_vectors(*example("plain", decided=True), tmp_path / "out")
    (folder / foreign).write_text("mine")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UsageError, match=rf"lists \({foreign}\)"):
        write_vectors(*example("dense", decided=False), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    write_vectors(*example("dense", decided=False), folder, overwrite=True)
    assert (folder / foreign).read_text() == "mine"
    assert not (folder / "least.hex").exists()  # of the layer before


def test_a_folder_in_the_place_of_a_file_is_told_before_anything_is_removed(tmp_path):
    folder = write_vectors(*example("plain", decided=False), tmp_path / "out")
    (folder / "least.hex").mkdir()
    with pytest.raises(UsageError, match=r"cannot write '.*out': 'least.hex' in it is a folder"):
        write_vectors(*example("plain", decided=True), folder, overwrite=True)
    assert read_vectors(folder).description["thresholds"].startswith("no ")


@pytest.mark.parametrize("there", [False, True])
def test_nothing_is_left_of_what_fails_half_way(tmp_path, monkeypatch, there):
    graph, inputs = layer("plain")
    target = tmp_path / "out"
    if there:
        target.mkdir()
    saved = []

    def full(path: Path, *args: Any, **options: Any) -> None:
        saved.append(path)
        if len(saved) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(UsageError, match=r"cannot write '.*out': No space left on device"):
        write_vectors(graph, "b", inputs, target)
    assert len(saved) == 3
    assert [path for path in tmp_path.rglob("*") if path != target] == []
    assert target.exists() == there


def test_a_foreign_index_deletes_nothing_outside(tmp_path):
    target = tmp_path / "out"
    write_vectors(*example("plain", decided=True), target)
    (tmp_path / "precious").write_text("mine")
    index = json.loads((target / "vectors.json").read_text())
    index["tensors"]["input"]["hex"] = "../precious"
    (target / "vectors.json").write_text(json.dumps(index))
    write_vectors(*example("plain", decided=True), target, overwrite=True)
    assert (tmp_path / "precious").read_text() == "mine"


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("vectors.json", None, "has no readable vectors.json"),
        ("vectors.json", "{", "has no readable vectors.json"),
        ("vectors.json", "[]", "is not of the format"),
        ("vectors.json", '{"format": "xnorsim vectors", "version": 2}', "is not of the format"),
        ("vectors.json", '{"format": "xnorsim vectors", "version": 1}', "incomplete: .*tensors"),
        ("least.hex", None, "cannot read '.*least.hex'"),
        ("least.hex", "// \n00000001\n", "must have 6 numbers of 8 digits.*not 1 of"),
        ("least.hex", "// \n" + 6 * "0001\n", r"must have 6 numbers of 8 digits.*not 6 of \[4\]"),
        ("least.hex", "// \n" + 6 * "xxxxxxxx\n", "cannot read '.*least.hex': non-hexa"),
    ],
)
def test_damaged_files_are_told(tmp_path, file, content, message):
    folder = write_vectors(*example("plain", decided=True), tmp_path / "out")
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(content)
    with pytest.raises(InputError, match=message):
        read_vectors(folder)
