"""Sweeps in memory, in processes and on disk: the same figures and bytes, whatever happens."""

from __future__ import annotations

import errno
import os
import pickle
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_array_equal

from tests.explore.spaces import tiny
from xnorsim.errors import DiskFullError, MissingExtraError, UsageError, XnorsimError
from xnorsim.explore import run as running
from xnorsim.explore.points import evaluate
from xnorsim.explore.resolve import resolve
from xnorsim.explore.run import Progress
from xnorsim.explore.space import Block
from xnorsim.explore.spec import spec_of
from xnorsim.explore.sweep import open_sweep, sweep

QUESTION: dict[str, Any] = {
    "profile": "raspberry-pi-4b",
    "axes": {
        "binarize": ["none", "xnor"],
        "clock": ["1 GHz", "2 GHz", "3 GHz", "4 GHz"],
        "caches": {
            "link": ["memories.L2.size", "threads"],
            "values": [["256 KiB", 1], ["512 KiB", 2], ["1 MiB", 4]],
        },
    },
    "metrics": ["latency_s", "energy_j"],
    "where": "clock > 1 GHz or threads == 1",
}
SMALL = {"memory": "2 kB"}  # four designs of nine layers: six tasks
REDUCTIONS = [
    "pareto:latency_s,energy_j",
    "top:3:energy_j",
    "best:latency_s by caches",
    "histogram:latency_s",
]


def answer(**given: Any) -> xr.Dataset:
    return sweep(tiny(), **{**QUESTION, **SMALL, **given})


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, and every other one beside it that its name starts."""
    found = sorted(path for path in folder.parent.rglob("*") if path.is_file())
    return {
        path.relative_to(folder.parent).as_posix(): path.read_bytes()
        for path in found
        if path.relative_to(folder.parent).parts[0].startswith(folder.name)
    }


# --- what it holds -----------------------------------------------------------------------------


def test_a_dataset_has_names_units_and_assumptions():
    found = answer(layers=True)
    assert found.latency_s.dims == ("binarize", "clock", "caches")
    assert found.latency_s.attrs == {"units": "s", "long_name": "latency"}
    assert found.energy_j.attrs["units"] == "J"
    assert found.clock.attrs == {"units": "hertz"}
    assert_array_equal(found.threads, [1, 2, 4])
    assert found.threads.dims == found["memories.L2.size"].dims == ("caches",)
    assert_array_equal(found.binarize, ["none", "xnor"])
    assert found.latency_s_by_layer.dims == ("binarize", "clock", "caches", "layer")
    assert "conv1" in found.layer
    assert "predictor: roofline" in found.attrs["assumptions"]
    assert "only where clock > 1 GHz or threads == 1" in found.attrs["assumptions"]
    space = resolve(spec_of(model=tiny(), layers=True, **QUESTION))
    figures = evaluate(space, Block(0, tuple(slice(0, size) for size in space.shape)))
    for name, array in figures.items():
        assert_array_equal(found[name], array)
    assert np.isnan(found.latency_s.sel(clock=1e9).isel(caches=1)).all()


@pytest.mark.parametrize("text", REDUCTIONS)
def test_what_is_kept_is_of_the_whole(text):
    whole, kept = answer(), answer(reduce=text)
    if text.startswith("histogram"):
        assert kept["count"].sum() == np.count_nonzero(~np.isnan(whole.latency_s))
        assert kept.low.attrs == {"units": "s"}
        return
    for metric in ("latency_s", "energy_j"):
        assert_array_equal(kept[metric], whole[metric].values.ravel()[kept.index])
    places = np.unravel_index(kept.index, whole.latency_s.shape)
    assert_array_equal(kept.clock, whole.clock.values[places[1]])
    assert_array_equal(kept.binarize, whole.binarize.values[places[0]])
    assert_array_equal(kept.threads, whole.threads.values[places[2]])


# --- the same by whatever way --------------------------------------------------------------------


def test_the_order_is_not_that_of_the_folder(tmp_path, monkeypatch):
    found = answer(reduce="top:3:energy_j", out=tmp_path / "out.zarr")

    def reversed_order(path, **options):
        named = [*opened(path, **options).variables.items()][::-1]
        return xr.Dataset({n: v for n, v in named if n in found.data_vars}).assign_coords(
            {n: v for n, v in named if n in found.coords}
        )

    opened = xr.open_zarr
    again = open_sweep(tmp_path / "out.zarr")
    monkeypatch.setattr(xr, "open_zarr", reversed_order)
    assert [*open_sweep(tmp_path / "out.zarr").variables] == [*again.variables]


@pytest.mark.parametrize("text", [None, *REDUCTIONS])
@pytest.mark.parametrize("layers", [False, True])
def test_on_disk_it_is_as_in_memory(tmp_path, text, layers):
    inside = answer(reduce=text, layers=layers)
    found = answer(reduce=text, layers=layers, out=tmp_path / "out.zarr")
    xr.testing.assert_identical(found.load(), inside)
    assert [*found.variables] == [*open_sweep(tmp_path / "out.zarr").variables]
    assert [*found.data_vars] == [*inside.data_vars]
    assert os.listdir(tmp_path) == ["out.zarr"], "no lock, no parts"


@pytest.mark.slow
@pytest.mark.parametrize("text", [None, "pareto:latency_s,energy_j"])
def test_two_workers_write_the_same_bytes(tmp_path, text):
    one = answer(reduce=text, out=tmp_path / "one.zarr")
    two = answer(reduce=text, out=tmp_path / "two.zarr", workers=2)
    xr.testing.assert_identical(one, two)
    assert list(content(tmp_path / "one.zarr").values()) == list(
        content(tmp_path / "two.zarr").values()
    )
    xr.testing.assert_identical(answer(reduce=text, workers=2), answer(reduce=text))


def test_a_complete_sweep_is_only_opened(tmp_path, monkeypatch):
    first = answer(out=tmp_path / "out.zarr")
    before = content(tmp_path / "out.zarr")
    monkeypatch.setattr(running, "evaluate", None)
    xr.testing.assert_identical(answer(out=tmp_path / "out.zarr"), first)
    assert content(tmp_path / "out.zarr") == before


# --- stopped, and gone on with -------------------------------------------------------------------


class StoppedError(Exception):
    """Comes in the place of a file's renaming."""


@pytest.mark.slow
@pytest.mark.parametrize("text", [None, "pareto:latency_s,energy_j"])
def test_stopped_before_any_file_it_ends_with_the_same_bytes(tmp_path, monkeypatch, text):
    answer(reduce=text, out=tmp_path / "whole.zarr")
    whole = list(content(tmp_path / "whole.zarr").values())
    rename, replace = os.rename, os.replace
    stops = 0
    for moment in range(1000):
        out = tmp_path / f"out{moment}.zarr"
        left = moment

        def stopped(way, *paths):
            nonlocal left
            if left == 0:
                raise StoppedError
            left -= 1
            return way(*paths)

        with monkeypatch.context() as patch:
            patch.setattr("os.rename", lambda *paths: stopped(rename, *paths))
            patch.setattr("os.replace", lambda *paths: stopped(replace, *paths))
            try:
                answer(reduce=text, out=out)
                break
            except StoppedError:
                stops += 1
        if moment % 3 == 0:
            answer(reduce=text, out=out)
            assert list(content(out).values()) == whole, f"stopped before file {moment}"
    assert stops > 15, "every file is a moment"


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from tests.explore.test_sweep import answer

    moment, is_after, left = int(sys.argv[2]), sys.argv[3] == "after", 0
    def counted(way):
        def call(*paths):
            global left
            left += 1
            if left == moment and not is_after:
                os.kill(os.getpid(), signal.SIGKILL)
            way(*paths)
            if left == moment:
                os.kill(os.getpid(), signal.SIGKILL)
        return call
    os.rename, os.replace = counted(os.rename), counted(os.replace)
    answer(out=sys.argv[1])
    """
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "when"),
    [
        (1, "before"),  # the first file of coordinates
        (13, "before"),  # the folder gets its name
        (14, "after"),  # the first chunk
        (15, "before"),  # the second figure of the first task
        (25, "after"),  # the last chunk
        (26, "before"),  # it is noted that all is there
    ],
)
def test_killed_at_any_moment_it_ends_with_the_same_bytes(tmp_path, project, moment, when):
    out = tmp_path / "out.zarr"
    answer(out=tmp_path / "whole.zarr")
    command = [sys.executable, "-c", KILLED, str(out), str(moment), when]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    answer(out=out)
    whole = list(content(tmp_path / "whole.zarr").values())
    assert list(content(out).values()) == whole


@pytest.mark.parametrize("text", [None, "top:5:latency_s"])
@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_interrupted_it_goes_on(tmp_path, text, workers):
    out = tmp_path / "out.zarr"
    whole = answer(reduce=text, out=tmp_path / "whole.zarr")

    def interrupt(progress: Progress) -> None:
        if progress.fresh > 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answer(reduce=text, out=out, progress=interrupt, workers=workers)
    assert not active_children()
    with pytest.raises(UsageError, match=r"out\.zarr' is not"):
        open_sweep(out)
    told: list[Progress] = []
    xr.testing.assert_identical(answer(reduce=text, out=out, progress=told.append), whole)
    assert told[-1].done == told[-1].points == 24
    assert told[-1].fresh < 24, "what was done is not done again"
    assert list(content(out).values()) == list(content(tmp_path / "whole.zarr").values())


def test_ctrl_c_in_the_midst_of_a_chunk_is_heard_after_it(tmp_path, monkeypatch):
    replace = os.replace

    def interrupted(*paths):
        if "latency_s" in str(paths[0]):
            signal.raise_signal(signal.SIGINT)
        replace(*paths)

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            answer(out=tmp_path / "out.zarr")
    assert not list(tmp_path.rglob("*.partial"))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    xr.testing.assert_identical(answer(out=tmp_path / "out.zarr").load(), answer())


def test_an_incomplete_sweep_is_shown_on_demand(tmp_path):
    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answer(out=tmp_path / "out.zarr", progress=interrupt)
    with pytest.raises(UsageError, match=r"is not complete: the same sweep goes on with it"):
        open_sweep(tmp_path / "out.zarr")
    found = open_sweep(tmp_path / "out.zarr", partial=True)
    assert 0 < np.count_nonzero(~np.isnan(found.latency_s)) < 20


# --- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"axes": {**QUESTION["axes"], "clock": ["1 GHz", "5 GHz"]}}, r"axes\[1\].values"),
        ({"where": "clock > 2 GHz"}, r"where\[0\] is \"clock > 1 GHz"),
        ({"threads": 2, "axes": {"clock": ["3 GHz"]}}, "axes is"),
        ({"profile": "raspberry-pi-3b-plus"}, "fixed.profile is"),
        ({"predictor": "formula", "metrics": ["latency_s"]}, "fixed.predictor is"),
        ({"reduce": "top:3:latency_s"}, "reduce is"),
        ({"layers": True}, "layers is false there, and is asked for as true"),
        ({"memory": "100 kB"}, r"chunk\[0\] is 1 there"),
    ],
)
def test_another_question_is_refused(tmp_path, given, told):
    out = tmp_path / "out.zarr"
    answer(out=out)
    before = content(out)
    with pytest.raises(UsageError, match=f"holds another sweep: .*{told}"):
        answer(**{"out": out, **given})
    assert content(out) == before


def test_a_stopped_reduction_refuses_another_one(tmp_path):
    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out.zarr"
    with pytest.raises(KeyboardInterrupt):
        answer(out=out, reduce="top:3:latency_s", progress=interrupt)
    with pytest.raises(UsageError, match='reduce is "top:3:latency_s" there, and is asked for'):
        answer(out=out, reduce="top:4:latency_s")


def test_other_versions_would_write_other_bytes(tmp_path, monkeypatch):
    answer(out=tmp_path / "out.zarr")
    monkeypatch.setattr("xnorsim.explore.store.version", lambda name: "99")
    with pytest.raises(UsageError, match=r"written_by\.zarr is"):
        answer(out=tmp_path / "out.zarr")


def test_what_is_no_sweep_stays(tmp_path):
    (tmp_path / "out.zarr").write_text("mine")
    with pytest.raises(UsageError, match=r"out\.zarr' is no sweep"):
        answer(out=tmp_path / "out.zarr")
    assert (tmp_path / "out.zarr").read_text() == "mine"
    with pytest.raises(UsageError, match="is not there"):
        open_sweep(tmp_path / "other.zarr")
    with pytest.raises(UsageError, match="cannot write"):
        answer(out=tmp_path / "none" / "out.zarr")


def test_one_at_a_time(tmp_path):
    def again(progress: Progress) -> None:
        answer(out=tmp_path / "out.zarr")

    with pytest.raises(UsageError, match="is being worked on by another process"):
        answer(out=tmp_path / "out.zarr", progress=again)


@pytest.mark.parametrize("name", ["latency_s", "layer", "point", "a/b", "..", "", "clock"])
def test_names_that_stand_for_something_else(name):
    axes = {"clock": ["1 GHz"]} if name != "clock" else {"it": {"link": ["clock"], "values": [1]}}
    link = {"link": ["threads", "memories.L2.size"], "values": [[1, "256 KiB"]]}
    if name == "clock":
        axes = {"clock": link, "it": {"link": ["clock", "batch"], "values": [["1 GHz", 1]]}}
    with pytest.raises(UsageError, match="called"):
        answer(axes={**axes, **({name: link} if name != "clock" else {})}, where=())


def test_a_result_larger_than_memory_is_refused():
    axes = {
        "clock": "1 GHz .. 2 GHz log 2000",
        "memories.L2.bandwidth": "1 GB/s .. 9 GB/s log 2000",
        "memories.DRAM.bandwidth": "1 GB/s .. 9 GB/s log 2000",
    }
    with pytest.raises(UsageError, match=r"the result is 119 GiB, .* give `out`, or `reduce`"):
        answer(axes=axes, where=())


def test_workers_and_a_scheduler_are_two_ways():
    with pytest.raises(UsageError, match="either workers"):
        answer(workers=2, scheduler="tcp://localhost:1")
    with pytest.raises(UsageError, match="either workers"):
        answer(workers=-1)


@pytest.mark.parametrize(
    ("package", "extra", "given"),
    [
        ("xarray", "sweep", {}),
        ("zarr", "sweep", {"out": "out.zarr"}),
        ("distributed", "distributed", {"scheduler": "tcp://localhost:1"}),
    ],
)
def test_a_missing_package_is_told_with_its_extra(monkeypatch, tmp_path, package, extra, given):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"'{package}'.*xnorsim\[{extra}\]"):
        answer(**given)


# --- workers that end ----------------------------------------------------------------------------


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced(tmp_path):
    killed = []

    def kill(progress: Progress) -> None:
        if not killed:
            killed.append(active_children()[0])
            killed[0].kill()

    found = answer(workers=2, progress=kill, memory="500 B")
    assert killed
    xr.testing.assert_identical(found, answer())


class Deadly:
    """Ends the process that reads it."""

    def __reduce__(self):
        return os._exit, (1,)


@pytest.mark.slow
def test_a_task_that_ends_every_worker_is_given_up(monkeypatch):
    deadly = pickle.dumps(Deadly())
    monkeypatch.setattr(running.pickle, "dumps", lambda plan: deadly)
    monkeypatch.setattr(running, "ATTEMPTS", 2)
    with pytest.raises(XnorsimError, match="was given up: 2 workers that had it ended"):
        answer(workers=1)


class Faulty:
    """Cannot be read."""

    def __reduce__(self):
        return _fail, ()


def _fail():
    raise MissingExtraError("zarr", "sweep", "a sweep on disk")


@pytest.mark.slow
def test_an_error_of_a_worker_is_told_as_it_is(monkeypatch):
    faulty = pickle.dumps(Faulty())
    monkeypatch.setattr(running.pickle, "dumps", lambda plan: faulty)
    with pytest.raises(MissingExtraError, match="a sweep on disk needs the package 'zarr'"):
        answer(workers=1)


# --- disk full -----------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("a small tmpfs is mounted by root only")
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("text", [None, "top:1000:latency_s"])
@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_full_disk_is_told_and_the_sweep_goes_on(tmp_path, small_disk, text, workers):
    given: Mapping[str, Any] = {
        "axes": {"clock": "1 GHz .. 2 GHz log 100", "memories.L2.size": "256 KiB .. 1 MiB log 100"},
        "where": (),
        "reduce": text,
        "memory": "100 kB",
    }
    whole = answer(**given, out=tmp_path / "whole.zarr")
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(60_000))
    with pytest.raises(DiskFullError, match=r"no room on the disk of '.*out.zarr', .* are free"):
        answer(**given, out=small_disk / "out.zarr", workers=workers)
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=2m", str(small_disk)], check=True)
    told: list[Progress] = []
    found = answer(**given, out=small_disk / "out.zarr", progress=told.append)
    assert told[-1].fresh < told[-1].points, "what was written stays"
    xr.testing.assert_identical(found, whole)
    assert list(content(small_disk / "out.zarr").values()) == list(
        content(tmp_path / "whole.zarr").values()
    )


def test_another_failure_to_write_is_no_full_disk(tmp_path, monkeypatch):
    def fail(*paths):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="broken"):
        answer(out=tmp_path / "out.zarr")


# --- progress ------------------------------------------------------------------------------------


def test_progress_counts_points():
    told: list[Progress] = []
    answer(progress=told.append)
    assert [item.done for item in told] == sorted(item.done for item in told)
    assert told[-1].done == told[-1].points == told[-1].fresh == 24
    assert told[-1].memory_bytes > 1e6
    assert told[-1].rate == 24 / told[-1].seconds
    assert told[-1].left_s == 0
    assert Progress(0, 24, 0, 0.0, 0).left_s == float("inf")
