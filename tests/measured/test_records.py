"""A file of measurements survives crashes, full disks and company."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorsim.errors import InputError, UsageError
from xnorsim.measured.caches import Cache
from xnorsim.measured.host import Host
from xnorsim.measured.measurement import Measurement, Signs, Subject, times
from xnorsim.measured.records import SCHEMA, append, append_line, read, read_lines

HOST = Host(
    model="A processor",
    vendor="",
    architecture="x86_64",
    microarchitecture="",
    features=("avx", "fma"),
    caches=(Cache(1, "data", 32768, 64, 8, 1),),
    caches_from="/sys",
    cpus=(0, 1),
    cores=2,
    quota=None,
    memory=None,
    virtual=None,
    system="Linux",
    python="3.11",
    versions={"numpy": "2"},
    governor="",
    rapl=(),
)
SIGNS = Signs(1.0, 1.0, 1.0, None, 0.1, 0.01, None, None, (0.001, 0.001), {"package-0": 2.5})


def measurement(*samples: float) -> Measurement:
    return Measurement(
        subject=Subject("gemm", "196 x 256 x 2304", 1, {"numba": "1"}, {"tile": "é\n"}),
        started="2026-01-01T00:00:00+00:00",
        cache="warm",
        core=1,
        calls=3,
        samples=samples,
        times=times(samples),
        signs=SIGNS,
        disturbed=("the samples spread",),
        host=HOST,
    )


@settings(max_examples=30)  # each waits for the disk
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_a_measurement_is_read_as_it_was_written(tmp_path_factory, samples):
    path = tmp_path_factory.mktemp("records") / "results.jsonl"
    written = [measurement(*samples), measurement(0.5)]
    for one in written:
        append(path, one)
    found = read(path)
    assert list(found.measurements) == written
    assert found.torn == ()
    assert len(path.read_bytes().splitlines()) == 2


# --- torn lines ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rest",
    [
        b'{"number":1,"te',
        b'{"number":1,"schema":1}',  # whole but for its end, so that nobody was told it is there
        b"\0\0\0\0",  # what some file systems leave of a block
        b"\xff\xc3",
        b'{"number":1\t# to',  # torn while the mark was written
    ],
)
def test_a_torn_line_is_reported_and_left_behind(tmp_path, rest):
    path = tmp_path / "results.jsonl"
    append_line(path, {"number": 0})
    with path.open("ab") as stream:
        stream.write(rest)
    before = path.read_bytes()
    assert read_lines(path).torn == (2,)
    assert path.read_bytes() == before  # reading writes nothing
    append_line(path, {"number": 2})
    found = read_lines(path)
    assert found.rows == ((1, {"number": 0}), (3, {"number": 2}))
    assert found.torn == (2,)
    assert path.read_bytes().startswith(before)


@settings(max_examples=30)  # each waits for the disk
@given(st.integers(0, 200), st.integers(0, 200))
def test_cut_anywhere_and_again(tmp_path_factory, cut, again):
    path = tmp_path_factory.mktemp("cut") / "results.jsonl"
    for at in (cut, again):
        append_line(path, {"text": "x" * 40})
        append_line(path, {"text": "y" * 40})
        content = path.read_bytes()
        path.write_bytes(content[: max(len(content) - at, 0)])
    append_line(path, {"last": True})
    assert read_lines(path).rows[-1][1] == {"last": True}


# --- what is no record ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"[1]", "is not a JSON object"),
        (b"{", "Expecting property name"),
        (b"", "Expecting value"),
        (b'{"a": NaN, "schema": 1}', "NaN is not a number of JSON"),
        (b'{"a": 1}', f"schema is None, and this version reads {SCHEMA}"),
        (b'{"schema": 99}', f"schema is 99, and this version reads {SCHEMA}"),
        (b"\xff", "can't decode"),
        (b"[" * 100_000, "recursion"),
        (b'{"a": ' + b"9" * 5000 + b"}", "integer string conversion"),
        (b"__import__('os')", "Expecting value"),
    ],
)
def test_a_faulty_line_is_named_by_its_number(tmp_path, line, message):
    path = tmp_path / "results.jsonl"
    append_line(path, {"number": 0})
    with path.open("ab") as stream:
        stream.write(line + b"\n")
    with pytest.raises(InputError, match=rf"results\.jsonl:2: .*{message}"):
        read_lines(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samples": [2.0]}, "times: are not those of the samples"),
        ({"calm": [0, 1]}, "calm: numbers of samples, and there are not so many"),
        ({"calm": [-1]}, "calm: numbers of samples"),
        ({"samples": []}, "samples: must be at least one"),
        ({"samples": [-1.0]}, "samples: must be at least one, none below 0"),
        ({"samples": ["1"]}, r"samples\.0: Input should be a valid number"),
        ({"calls": "3"}, "calls: Input should be a valid integer"),
        ({"host": None}, "host: Input should be"),
        ({"subject": {"kernel": "gemm"}}, r"subject\.problem: Field required"),
    ],
)
def test_a_line_that_is_no_measurement(tmp_path, change, message):
    path = tmp_path / "results.jsonl"
    append(path, measurement(1.0))
    values = json.loads(path.read_text("utf-8")) | change
    append_line(path, values)
    with pytest.raises(InputError, match=rf"results\.jsonl:2: {message}"):
        read(path)


def test_an_infinite_sample_is_refused(tmp_path):
    path = tmp_path / "results.jsonl"
    append(path, measurement(1.0))
    path.write_text(path.read_text("utf-8").replace('"samples":[1.0]', '"samples":[1e999]'))
    with pytest.raises(InputError, match=":1: Out of range float"):
        read(path)


def test_faults_of_both_sorts_in_the_order_of_lines(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_bytes(b'{"schema":1,"a":1}\nno JSON\n')
    append(path, measurement(1.0))
    append_line(path, json.loads(path.read_text("utf-8").splitlines()[2]) | {"samples": [2.0]})
    with pytest.raises(InputError) as told:
        read(path)
    lines = [line.removeprefix(f"{path}:") for line in str(told.value).splitlines()]
    assert {line[0] for line in lines} == {"1", "2", "4"}
    assert lines == sorted(lines, key=lambda line: int(line[0]))


@pytest.mark.parametrize("kind", ["device", "folder"])
def test_what_is_no_regular_file_is_refused(tmp_path, kind):
    place = {"device": Path(os.devnull), "folder": tmp_path}[kind]
    with pytest.raises(InputError, match=f"cannot read {place}: it is no regular file"):
        read(place)


def test_all_faults_at_once_but_not_without_end(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_bytes(b"x\n" * 30)
    with pytest.raises(InputError, match=r"(?s):1: .*:20: .*and 10 more$"):
        read_lines(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_what_json_does_not_have_is_not_written(tmp_path, value):
    path = tmp_path / "results.jsonl"
    with pytest.raises(InputError, match="cannot be written as JSON"):
        append_line(path, {"value": value})
    assert not path.exists()


def test_no_file(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*absent"):
        read(tmp_path / "absent")
    with pytest.raises(UsageError, match=r"cannot append to .*absent"):
        append_line(tmp_path / "absent" / "results.jsonl", {})


# --- crashes and company -------------------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from xnorsim.measured.records import append_line

path, who, size = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
for number in range(int(sys.argv[4])):
    append_line(path, {"who": who, "number": number, "text": who * size})
    print(number, flush=True)
"""


def writer(path: Path, who: str, size: int, count: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", WRITER, str(path), who, str(size), str(count)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> list[str]:
    return process.communicate(timeout=60)[0].split()


def test_a_killed_writer_leaves_whole_lines_and_all_it_had_told_of(tmp_path):
    path, chance, told = tmp_path / "results.jsonl", random.Random(5), 0
    for _ in range(4):
        process = writer(path, "a", 20_000, 100_000)
        assert process.stdout
        process.stdout.readline()
        time.sleep(chance.uniform(0, 0.05))
        process.kill()
        told += len(said(process))
        append_line(path, {"who": "me", "text": ""})
    found = read_lines(path)  # raises for a line that is neither whole nor marked
    rows = [values for _, values in found.rows]
    assert all(len(row["text"]) == 20_000 for row in rows if row["who"] == "a")
    assert sum(row["who"] == "a" for row in rows) >= told > 0
    assert sum(row["who"] == "me" for row in rows) == 4


def test_two_writers_do_not_mix(tmp_path):
    path = tmp_path / "results.jsonl"
    processes = [writer(path, who, 10_000, 40) for who in "ab"]
    for process in processes:
        assert len(said(process)) == 41
    found = read_lines(path)
    assert found.torn == ()
    for who in "ab":
        own = [values for _, values in found.rows if values["who"] == who]
        assert [values["number"] for values in own] == [*range(40)]
        assert all(values["text"] == who * 10_000 for values in own)


def test_a_writer_waits_for_the_lock(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    path = tmp_path / "results.jsonl"
    append_line(path, {"number": 0})
    writing = threading.Thread(target=append_line, args=(path, {"number": 2}))
    with path.open("ab", buffering=0) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        writing.start()
        writing.join(0.2)
        assert writing.is_alive()
        stream.write(b'{"number":1,"schema":1}\n')
    writing.join(60)
    assert [values["number"] for _, values in read_lines(path).rows] == [0, 1, 2]


LIMITED = """
import resource, sys
from pathlib import Path
from xnorsim.errors import UsageError
from xnorsim.measured.records import append_line

path = Path(sys.argv[1])
append_line(path, {"text": "first"})
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    append_line(path, {"text": "x" * 5000})
except UsageError as error:
    print(error)
append_line(path, {"text": "last"})
"""


def test_a_file_that_may_not_grow_keeps_its_lines(tmp_path):
    pytest.importorskip("resource")
    path = tmp_path / "results.jsonl"
    arguments = [sys.executable, "-c", LIMITED, str(path)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60)
    assert "File too large; what it held is as it was" in done.stdout
    found = read_lines(path)
    assert [values["text"] for _, values in found.rows] == ["first", "last"]
    assert found.torn == ()


def test_a_full_disk(tmp_path):
    """On a file system of 64 KiB, which only root may make."""
    if not shutil.which("mount"):
        pytest.skip("no file system can be made here: there is no command 'mount'")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"no file system can be made here: {made.stderr.strip()}")
    try:
        path = tmp_path / "results.jsonl"
        append_line(path, {"text": "x" * 30_000})
        before = path.read_bytes()
        with pytest.raises(UsageError, match="No space left on device"):
            append_line(path, {"text": "y" * 60_000})
        assert path.read_bytes() == before
        append_line(path, {"text": "z"})
        assert [values["text"][0] for _, values in read_lines(path).rows] == ["x", "z"]
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
