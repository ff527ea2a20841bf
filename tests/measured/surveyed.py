"""Measurements and kernels that are made up: nothing here is timed."""

from __future__ import annotations

import numpy as np

from xnorsim.errors import MissingExtraError, UsageError
from xnorsim.kernels.problem import Kernel, Problem, Ready
from xnorsim.measured.host import Host
from xnorsim.measured.measurement import Measurement, Signs, Subject, times

HOST = Host(
    model="Example CPU", vendor="AuthenticAMD", architecture="x86_64", microarchitecture="zen3",
    features=("avx2",), caches=(), caches_from="sys", cpus=(0, 1), cores=2, quota=None,
    memory=8 << 30, virtual=True, system="Linux 6.1", python="3.11.9",
    versions={"xnorsim": "0.1.0", "numpy": "2.2.0"}, governor="", rapl=(),
)  # fmt: skip

CALM = Signs(1.0, 1.0, 1.0, 0.0, 0.0, 0.01, 0, 0.1, (0.001, 0.001), {})


def taken(
    kernel: str,
    problem: str,
    seconds: float,
    *,
    threads: int = 1,
    disturbed: tuple[str, ...] = (),
    host: Host = HOST,
    versions: dict[str, str] | None = None,
    spread: float = 0.02,
) -> Measurement:
    """A measurement whose median is `seconds`, its samples +-`spread` about it."""
    samples = tuple((seconds * np.linspace(1 - spread, 1 + spread, 21)).tolist())
    subject = Subject(kernel, problem, threads, versions or {})
    started = "2026-03-01T12:00:00+00:00"
    return Measurement(
        subject, started, "warm", 1, 3, samples, times(samples), CALM, disturbed, host
    )


class Clock:
    """Stands for `measure`: times by (kernel, problem), and what it was asked for."""

    def __init__(self, seconds: float = 0.001, disturbed: tuple[tuple[str, ...], ...] = ()):
        self.seconds = seconds
        self.disturbed = list(disturbed)
        self.asked: list[tuple[str, str]] = []
        self.yardsticks: set[object] = set()
        self.interrupt_after = 10**9

    def __call__(self, run, subject, *, seconds, core, host, yardstick=None):
        if len(self.asked) == self.interrupt_after:
            raise KeyboardInterrupt
        self.asked.append((subject.kernel, subject.problem))
        self.yardsticks.add(yardstick)
        run()
        said = self.disturbed.pop(0) if self.disturbed else ()
        found = taken(
            subject.kernel, subject.problem, self.seconds, threads=subject.threads,
            disturbed=said, host=host, versions=dict(subject.versions),
        )  # fmt: skip
        self.seconds *= 1.25  # so that each is told from the others
        return found


def fake(
    name: str, kind: str, takes: str = "floats", gives: str = "floats", *, most: int = 99
) -> Kernel:
    """A kernel that looks at what it is given and computes nothing, with `most` threads at most."""

    def ready(problem: Problem, threads: int) -> Ready:
        channels = problem.shape[1]

        def run(image: np.ndarray) -> np.ndarray:
            if takes == "floats":
                assert (image.shape, image.dtype) == (problem.shape, np.float32)
            else:
                batch, _, height, width = problem.shape
                assert image.shape == (batch, height, width, -(-channels // 64))
                assert image.dtype == np.uint64
            return image

        return Ready(run, min(threads, most), {name: "1.0"})

    return Kernel(name, "made up", kind, "", ready, lambda problem: "", takes, gives)


def refusing(name: str, fault: Exception) -> Kernel:
    """A kernel that is never ready."""

    def ready(problem: Problem, threads: int) -> Ready:
        raise fault

    return Kernel(name, "made up", "fp", "", ready, lambda problem: "", "floats", "floats")


NOT_INSTALLED = MissingExtraError("torch", "torch", "kernel torch")
TOO_ODD = UsageError("strides must be even")
