"""sweep as a user meets it."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_array_equal

from xnorsim.cli import main
from xnorsim.cli.progress import points_text
from xnorsim.errors import DiskFullError
from xnorsim.explore.run import Progress
from xnorsim.explore.sweep import open_sweep, sweep

SPEC = """\
layer: {channels: 64, filters: 64, kernel: 3}
profile: raspberry-pi-4b
axes:
  size: [8, 16, 32]
  clock: [1 GHz, 1.5 GHz]
  caches: {link: [memories.L2.size, threads], values: [[512 KiB, 1], [1 MiB, 2]]}
where: "clock > 1 GHz or threads == 1"
metrics: [latency_s, energy_j]
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "my.yaml"
    path.write_text(SPEC)
    return path


def run(*arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    with pytest.raises(SystemExit) as done:
        main([str(item) for item in arguments])
    out, err = capsys.readouterr()
    return int(done.value.code or 0), out, err


def asked() -> xr.Dataset:
    """The same question in Python."""
    link = [["512 KiB", 1], ["1 MiB", 2]]
    return sweep(
        {"channels": 64, "filters": 64, "kernel": 3},
        {
            "size": [8, 16, 32],
            "clock": ["1 GHz", "1.5 GHz"],
            "caches": {"link": ["memories.L2.size", "threads"], "values": link},
        },
        "raspberry-pi-4b",
        ["latency_s", "energy_j"],
        "clock > 1 GHz or threads == 1",
    )


SIZE = "12 points (3 x 2 x 2), of which 9 are left; "


def test_zarr(spec, tmp_path, capsys):
    out = tmp_path / "out.zarr"
    code, told, err = run("sweep", spec, "-o", out, capsys=capsys)
    assert (code, told) == (0, "")
    assert err == f"{SIZE}up to 192 B\nwrote {out}\n"
    xr.testing.assert_identical(open_sweep(out).load(), asked())
    assert run("sweep", spec, "-o", out, capsys=capsys)[0] == 0, "it is there, and opened"


def test_tables(spec, tmp_path, capsys):
    whole = asked().to_dataframe().dropna().reset_index()
    code, out, _ = run("sweep", spec, "--format", "csv", capsys=capsys)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert [*rows[0]] == [
        *("size", "clock [hertz]", "memories.L2.size [byte]", "threads", "latency_s", "energy_j")
    ]
    assert [float(row["latency_s"]) for row in rows] == whole.latency_s.tolist()
    for name, read in (("out.csv", pd.read_csv), ("out.parquet", pd.read_parquet)):
        code, out, err = run("sweep", spec, "-o", tmp_path / name, capsys=capsys)
        assert (code, out, err.splitlines()[-1]) == (0, "", f"wrote {tmp_path / name}")
        frame = read(tmp_path / name)
        assert_array_equal(frame["energy_j"], whole.energy_j)
        assert_array_equal(frame["clock [hertz]"], whole.clock)
    code, out, _ = run("sweep", spec, "-f", "json", "--reduce", "top:2:energy_j", capsys=capsys)
    doc = json.loads(out)
    assert doc["reduce"] == "top:2:energy_j"
    assert "predictor: roofline" in doc["assumptions"]
    assert [row["energy_j"] for row in doc["rows"]] == sorted(whole.energy_j)[:2]


def test_on_the_screen(spec, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "110")
    code, out, _ = run("sweep", spec, capsys=capsys)
    assert code == 0
    assert "what-if sweep of one layer" in out
    assert "1.5 GHz" in out
    assert re.search(r"threads ┃ +latency ┃ +energy ┃", out)
    code, out, _ = run("sweep", spec, "--reduce", "best:latency_s by size", capsys=capsys)
    assert out.count("1 MiB") == 3
    code, out, _ = run("sweep", spec, "--reduce", "histogram:latency_s:1 ms", capsys=capsys)
    assert [line.split("│")[1:4] for line in out.splitlines() if line.startswith("│")] == [
        ["    - ", " 1 ms ", "     9 "],
        [" 1 ms ", "    - ", "     0 "],
    ]


def test_dry_run_tells_the_size(spec, capsys, monkeypatch):
    monkeypatch.setattr("xnorsim.explore.sweep.swept", None)
    code, out, err = run("sweep", spec, "--dry-run", "-o", "out.zarr", capsys=capsys)
    assert (code, out, err) == (0, "", f"it would be {SIZE}up to 192 B\n")


@pytest.mark.parametrize(
    ("change", "arguments", "told"),
    [
        (("clock:", "clok:"), (), "my.yaml:5: axes.clok: no field 'clok': did you mean clock?"),
        (("[8, 16, 32]", "[]"), (), "my.yaml:4: axes.size: holds no value"),
        ((), ("--reduce", "top:3:speed"), "no metric 'speed'"),
        ((), ("--reduce", "best:latency_s by profile"), "which is no axis"),
        ((), ("-o", "out.txt"), "end it in .zarr, .csv, .parquet or .json"),
        ((), ("-o", "out.zarr", "-f", "csv"), "'out.zarr' is zarr, and --format asks for csv"),
        ((), ("-f", "zarr"), "name it by --output"),
        ((), ("--memory", "1 B"), "does not hold one design"),
        ((), ("--memory", "much"), "'much'"),
        ((), ("-o", "none/out.zarr"), "there is no folder"),
        ((), ("--workers", "-1"), "either workers, 0 or more"),
    ],
)
def test_bad_input(spec, tmp_path, capsys, monkeypatch, change, arguments, told):
    monkeypatch.chdir(tmp_path)
    spec.write_text(SPEC.replace(*change) if change else SPEC)
    code, out, err = run("sweep", spec, *arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert told in err
    assert os.listdir(tmp_path) == ["my.yaml"]


def test_all_faults_at_once_and_the_size(spec, capsys):
    spec.write_text(SPEC.replace("clock:", "clok:").replace("[8, 16, 32]", "[8, x]"))
    code, _, err = run("sweep", spec, "-o", "out.zarr", capsys=capsys)
    assert code == 2
    assert "has 3 faults:" in err or "has 2 faults:" in err
    assert "my.yaml:4: axes.size[1]" in err
    assert "it would be" in err


def test_a_spec_that_is_not_there(capsys):
    code, _, err = run("sweep", "none.yaml", capsys=capsys)
    assert (code, err) == (2, "xnorsim: cannot read 'none.yaml': No such file or directory\n")


def test_a_full_disk_is_no_failure_of_ours(spec, capsys, monkeypatch):
    def fail(*given, **more):
        raise DiskFullError("no room")

    monkeypatch.setattr("xnorsim.explore.sweep.swept", fail)
    assert run("sweep", spec, capsys=capsys)[::2] == (1, f"{SIZE}up to 192 B\nxnorsim: no room\n")


LONG = SPEC.replace("[8, 16, 32]", "1 .. 120").replace("[1 GHz, 1.5 GHz]", "1 GHz .. 2 GHz log 40")


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_ctrl_c_stops_and_the_same_command_goes_on(spec, tmp_path, capsys, project, workers):
    spec.write_text(LONG)
    out = tmp_path / "out.zarr"
    command = ["sweep", spec, "-o", out, "--workers", workers, "--memory", "5 kB"]
    process = subprocess.Popen(
        [sys.executable, "-m", "xnorsim", *map(str, command)],
        cwd=project,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while len(list(out.glob("latency_s/c/*/*/*"))) < 4:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers, too
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert err.splitlines()[-1] == (
        f"stopped: what is done stays in {out}, and the same command goes on"
    )
    assert "Traceback" not in err
    done = len(list(out.glob("latency_s/c/*/*/*")))
    assert done >= 4
    command[5] = 0
    code, _, err = run(*command, capsys=capsys)
    assert code == 0, err
    assert open_sweep(out).latency_s.notnull().sum() > 7_000


def is_alive(process: str) -> bool:
    """Whether a process is there, and not only its exit code."""
    try:
        return Path("/proc", process, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
def test_workers_end_with_a_killed_command(spec, tmp_path, capsys, project):
    spec.write_text(LONG)
    out = tmp_path / "out.zarr"
    command = ["sweep", spec, "-o", out, "--memory", "5 kB"]
    process = subprocess.Popen(
        [sys.executable, "-m", "xnorsim", *map(str, command), "--workers", "2"],
        cwd=project,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while len(list(out.glob("latency_s/c/*/*/*"))) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    family = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    children = family.read_text().split()
    assert len(children) >= 2
    process.kill()
    process.wait()
    while any(map(is_alive, children)):
        assert time.monotonic() < deadline, "workers go on without whoever started them"
        time.sleep(0.05)
    assert run(*command, capsys=capsys)[0] == 0
    assert open_sweep(out).latency_s.notnull().sum() > 7_000


def test_progress_in_words():
    told = points_text(Progress(3_000_000, 9_000_000, 2_000_000, 4.0, 300 * 2**20))
    assert told == "3.00 M of 9.00 M points, 500 kpoints/s, 12 s left, 300 MiB"
    assert "? s left" in points_text(Progress(0, 10, 0, 0.0, 0))
