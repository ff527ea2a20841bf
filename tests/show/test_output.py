from __future__ import annotations

import os
import threading

import pytest

from xnorsim.errors import UsageError
from xnorsim.show import output
from xnorsim.show.output import write_bytes, write_text


def test_writes_what_it_is_given(tmp_path):
    write_text(tmp_path / "a.txt", "µ\r\n\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc2\xb5\r\n\n"


def test_half_of_a_surrogate_pair_is_written_as_an_escape(tmp_path):
    write_text(tmp_path / "f", "caf\u00e9 \udcff\n")  # as os.fsdecode makes a name of b"\xff"
    assert (tmp_path / "f").read_bytes() == b"caf\xc3\xa9 \\udcff\n"


def test_replaces_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a"]


def test_mode_is_what_the_umask_leaves(tmp_path):
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_pipe_is_written_to_and_stays(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_text(pipe, "x")
    reader.join(timeout=10)
    assert got == [b"x"]
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "missing" / "a", "No such file or directory"),
        (lambda folder: folder, "Is a directory"),
        (lambda folder: folder / ("n" * 300), "File name too long"),
        (lambda folder: folder / "a\0b", "null"),
        (lambda folder: folder / "file" / "a", "Not a directory"),
    ],
    ids=["no folder", "a folder", "too long", "null byte", "a file as folder"],
)
def test_a_place_that_cannot_be_written_to(tmp_path, make, message):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(UsageError, match=message) as caught:
        write_text(make(tmp_path), "x")
    assert repr(str(make(tmp_path))) in str(caught.value)
    assert os.listdir(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "kept"


def test_no_permission(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_text("kept")
    monkeypatch.setattr(os, "access", lambda *_: False)  # the superuser may write everywhere
    with pytest.raises(UsageError, match=r"a': the file is read-only"):
        write_text(path, "x")
    assert path.read_text() == "kept"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_half_way_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, error):
    path = tmp_path / "a"
    path.write_text("kept")

    def fail(*_):
        raise error

    monkeypatch.setattr(output.os, "fsync", fail)
    with pytest.raises((UsageError, KeyboardInterrupt)):
        write_text(path, "x")
    assert path.read_text() == "kept"
    assert os.listdir(tmp_path) == ["a"]
