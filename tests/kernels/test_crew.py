"""Threads that stand ready share compiled work, whatever they did before; the rest of crew.py is
tested where it is used."""

from __future__ import annotations

import os
import threading
import time
import warnings
from itertools import chain

import numpy as np
import pytest

pytest.importorskip("numba")

from xnorsim.kernels import crew
from xnorsim.kernels.compiled import code_of
from xnorsim.kernels.crew import at_once, claim, together
from xnorsim.kernels.program import _array, _entries

TILES = 300


def taking(argument: int, part: int) -> None:
    """Write down who takes each tile, and how often."""
    counter, taken = _array(argument, 0, 1, np.int64), _array(argument, 1, 2, np.int64)
    while True:
        tile = claim(counter)
        if tile >= taken.shape[1]:
            return
        taken[part, tile] += 1


def taken_by(threads: int) -> np.ndarray:
    """How often each of the threads takes each tile."""
    counter, taken = np.zeros(1, np.int64), np.zeros((threads, TILES), np.int64)
    entries = np.array(_entries([counter, taken]), np.int64)
    at_once(code_of(taking), entries.ctypes.data, threads)
    return taken


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_each_tile_is_taken_once(threads: int) -> None:
    for _ in range(200):
        assert (taken_by(threads).sum(axis=0) == 1).all()


def test_compiled_work_and_that_of_python_take_turns() -> None:
    for _ in range(50):
        assert (taken_by(3).sum(axis=0) == 1).all()
        parts: list[list[int]] = [[], [], []]
        counter = np.zeros(1, np.int64)

        def work(part: int, counter: np.ndarray = counter, parts: list = parts) -> None:
            while (tile := claim(counter)) < TILES:
                parts[part].append(tile)

        together(work, 3)
        assert sorted(chain(*parts)) == list(range(TILES))


def test_who_sleeps_is_woken() -> None:
    for _ in range(5):
        time.sleep(0.02)  # many times as long as the crew looks out for work
        assert (taken_by(2).sum(axis=0) == 1).all()


def test_others_come_when_there_is_enough_to_do() -> None:
    """They look out for work for a while, so that it is shared from the second time on."""
    came = [taken_by(2)[1].any() for _ in range(2000)]
    assert any(came)


def test_while_the_crew_is_busy_one_thread_does_it_all() -> None:
    found: list[np.ndarray] = []

    def work(part: int) -> None:
        if part == 0:
            other = threading.Thread(target=lambda: found.append(taken_by(2)))
            other.start()
            other.join()

    together(work, 2)
    (taken,) = found
    assert (taken[0] == 1).all()
    assert not taken[1].any()


def both_come() -> bool:
    """Whether the second thread takes tiles, sooner or later."""
    return any(taken_by(2)[1].any() for _ in range(2000))


def test_a_thread_that_cannot_be_had_leaves_the_crew_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(process: int, count: int) -> tuple[crew._Member, ...]:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(crew, "_members", refused)
        with pytest.raises(RuntimeError, match="can't start"):
            taken_by(2)
    assert both_come()


def test_interrupted_waits_are_taken_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a member works on may be gone as soon as the call returns."""
    finish, times = crew._Member.finish, []

    def interrupted(member: crew._Member) -> BaseException | None:
        times.append(member)
        if len(times) == 1:
            raise KeyboardInterrupt
        return finish(member)

    ended = threading.Event()

    def work(part: int) -> None:
        time.sleep(0.05 if part else 0.02)
        if part:
            ended.set()

    monkeypatch.setattr(crew._Member, "finish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        together(work, 2)
    assert ended.is_set()
    assert len(times) == 2
    monkeypatch.undo()
    assert both_come()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_a_child_of_a_fork_has_a_crew_of_its_own() -> None:
    """Also if it was forked while the crew worked for another thread."""
    children: list[int] = []

    def work(part: int) -> None:
        if part == 0:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
                child = os.fork()
            if not child:
                os._exit(0 if both_come() else 1)
            children.append(child)

    together(work, 2)
    _, status = os.waitpid(children[0], 0)
    assert os.waitstatus_to_exitcode(status) == 0
