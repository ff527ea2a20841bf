"""Sweeps on a dask cluster: a scheduler and two workers, real processes, one killed on the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import xarray as xr

from tests.explore.test_sweep import answer, content
from xnorsim.errors import UsageError, XnorsimError
from xnorsim.explore.run import Progress

pytestmark = pytest.mark.slow

PATIENCE_S = 120
QUICK = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "60s"}


class Cluster:
    """Address of a scheduler, and its workers."""

    def __init__(self, folder: Path, project: Path, stack: ExitStack) -> None:
        self.folder, self.project, self.stack = folder, project, stack
        self.file = folder / "scheduler.json"
        self.scheduler = self.start("dask_scheduler", "--port", "0", "--scheduler-file", self.file)
        self.address = self.waited_for()

    def waited_for(self) -> str:
        """Address of the scheduler, once its file is whole: it is there before it is written."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            with suppress(FileNotFoundError, json.JSONDecodeError):
                return json.loads(self.file.read_text())["address"]
            time.sleep(0.1)
        pytest.fail("the scheduler does not start")

    def start(self, name: str, *arguments: object) -> subprocess.Popen[bytes]:
        log = self.stack.enter_context((self.folder / f"{name}.log").open("ab"))
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{name}", "--no-dashboard", "--host",
             "127.0.0.1", *map(str, arguments)],
            cwd=self.project, env={**os.environ, **QUICK}, stdout=log, stderr=log,
        )  # fmt: skip
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        return process

    def worker(self) -> subprocess.Popen[bytes]:
        options = ("--nthreads", "1", "--memory-limit", "0", "--no-nanny")
        return self.start("dask_worker", "--scheduler-file", self.file, *options)


@pytest.fixture
def cluster(tmp_path: Path, project: Path) -> Iterator[Cluster]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    with ExitStack() as stack:
        yield Cluster(folder, project, stack)


def test_a_killed_worker_loses_nothing_and_doubles_nothing(tmp_path, cluster):
    workers = [cluster.worker(), cluster.worker()]
    given = {"memory": "500 B", "reduce": "pareto:latency_s,energy_j"}  # a design a task
    whole = answer(**given, out=tmp_path / "whole.zarr")
    told: list[Progress] = []

    def kill(progress: Progress) -> None:
        told.append(progress)
        if len(told) == 5:
            workers[0].kill()

    found = answer(**given, out=tmp_path / "out.zarr", scheduler=cluster.address, progress=kill)
    assert workers[0].wait() == -9
    assert [item.fresh for item in told] == list(range(1, 25)), "each point once"
    xr.testing.assert_identical(found, whole)
    assert list(content(tmp_path / "out.zarr").values()) == list(
        content(tmp_path / "whole.zarr").values()
    )


def test_workers_are_waited_for_no_longer_than_it_takes(cluster, monkeypatch):
    monkeypatch.setattr("xnorsim.explore.run.PATIENCE_S", 2)
    with pytest.raises(UsageError, match="has no worker"):
        answer(scheduler=cluster.address)


def test_no_scheduler(monkeypatch):
    monkeypatch.setattr("xnorsim.explore.run.PATIENCE_S", 2)
    with pytest.raises(UsageError, match=r"no dask scheduler answers at 'tcp://127\.0\.0\.1:1'"):
        answer(scheduler="tcp://127.0.0.1:1")


def test_a_scheduler_that_is_gone_is_told(tmp_path, cluster):
    cluster.worker()

    def kill(progress: Progress) -> None:
        cluster.scheduler.kill()

    with pytest.raises(XnorsimError, match=r"the scheduler at .* is gone"):
        answer(memory="500 B", out=tmp_path / "out.zarr", scheduler=cluster.address, progress=kill)
    xr.testing.assert_identical(answer(memory="500 B", out=tmp_path / "out.zarr"), answer())
