"""Threads that stand ready: work begins on all of them within a microsecond or two.

A layer may take 0.1 ms, and to wake a thread that sleeps takes half of that. So the threads of a
crew look out for work for a short while after they had some, and only then go to sleep.

    together(work, 2)            work(0) here and work(1) in another thread
    at_once(code, argument, 2)   the same of compiled code, for which no thread waits for Python

Work is meant to be claimed, tile after tile, by whoever is free:

    tile = claim(counter)    0, 1, 2, ... each once, whichever thread asks

so that a thread that comes late, or whose core is slow, takes fewer. One that has not begun when
this thread has done all there is, is not waited for, and does not begin any more.
"""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from xnorsim.kernels.compiled import compiled, intrinsic

__all__ = ["at_once", "claim", "in_parts", "together"]

IDLE, POSTED, RUNNING, ASLEEP = range(4)
"""What a thread of the crew does. It becomes POSTED by who has work, the rest by itself."""

STATE, CODE, ARGUMENT, PART = range(4)
"""What a member is told: its state, and what it is to call with what; no code is Python's work."""

PATIENCE = 20_000
"""Looks at the state before a thread sleeps, about 0.5 ms: as long as a network has other work."""

_INT = ir.IntType(64)


def _element(context: Any, builder: Any, kind: Any, array: Any, index: int = 0) -> Any:
    held = cgutils.create_struct_proxy(kind)(context, builder, array)
    return builder.gep(held.data, [_INT(index)])


@intrinsic
def _added(_: Any, numbers: Any, more: Any) -> Any:
    """numbers[0] before `more` is added to it, at once for all threads."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _element(context, builder, numbers, args[0])
        return builder.atomic_rmw("add", place, args[1], "seq_cst")

    return types.int64(numbers, types.int64), make


@intrinsic
def _exchanged(_: Any, state: Any, old: Any, new: Any) -> Any:
    """state[0] as it was; it is `new` now if it was `old`."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _element(context, builder, state, args[0])
        pair = builder.cmpxchg(place, args[1], args[2], "seq_cst", "seq_cst")
        return builder.extract_value(pair, 0)

    return types.int64(state, types.int64, types.int64), make


@intrinsic
def _looked(_: Any, state: Any) -> Any:
    """state[0] as it is now, after leaving the core to its other hyperthread for a moment."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if _HINT:
            name, *operands = _HINT
            kind = ir.FunctionType(ir.VoidType(), [operand.type for operand in operands])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), operands)
        return builder.load_atomic(_element(context, builder, state, args[0]), "acquire", 8)

    return types.int64(state), make


_HINTS = {
    "x86_64": ("llvm.x86.sse2.pause",),
    "aarch64": ("llvm.aarch64.hint", ir.IntType(32)(1)),  # yield
}
_HINT = _HINTS.get(platform.machine(), ())


@compiled
def claim(counter):
    """The next number of `counter` int64 [1]: each is given once, whichever thread asks."""
    return _added(counter, 1)


@compiled
def _moved(state, old, new):
    """From `old` to `new`; what it was."""
    return _exchanged(state, old, new)


@intrinsic
def _called(_: Any, code: Any, argument: Any, part: Any) -> Any:
    """Call what lies at an address."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [_INT, _INT])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 3), make


@compiled
def _call(code, argument, part):
    _called(code, argument, part)


@compiled
def _begun(told, looks):
    """Wait for work and do it, again and again. True: work of Python is begun; False: there was
    none in time."""
    left = looks
    while left > 0:
        left -= 1
        if _looked(told) == POSTED and _exchanged(told, POSTED, RUNNING) == POSTED:
            if not told[CODE]:
                return True
            _called(told[CODE], told[ARGUMENT], told[PART])
            _exchanged(told, RUNNING, IDLE)
            left = looks
    return False


@compiled
def _ended(state, looks):
    """Wait for the work to end; False if it did not in time."""
    while looks and _looked(state) == RUNNING:
        looks -= 1
    return looks > 0


class _Member:
    """One thread of the crew."""

    def __init__(self) -> None:
        self.told = np.zeros(8, np.int64)  # a cache line of its own
        self.work: Callable[[], object] = lambda: None
        self.failure: BaseException | None = None
        self._awake = threading.Semaphore(0)
        threading.Thread(target=self._serve, name="xnorsim", daemon=True).start()

    def post(
        self, work: Callable[[], object], code: int = 0, argument: int = 0, part: int = 0
    ) -> None:
        self.work = work
        self.told[CODE], self.told[ARGUMENT], self.told[PART] = code, argument, part
        if _moved(self.told, IDLE, POSTED) == ASLEEP:
            _moved(self.told, ASLEEP, POSTED)
            self._awake.release()

    def finish(self) -> BaseException | None:
        """Wait for the work if it has begun, and take it back if not; what it raised."""
        if _moved(self.told, POSTED, IDLE) != POSTED:
            while not _ended(self.told, PATIENCE):
                os.sched_yield()
        failure, self.failure = self.failure, None
        return failure

    def _serve(self) -> None:
        while True:
            if _begun(self.told, PATIENCE):
                try:
                    self.work()
                except BaseException as failure:  # noqa: BLE001 -- raised again where the work was given
                    self.failure = failure
                _moved(self.told, RUNNING, IDLE)
            elif _moved(self.told, IDLE, ASLEEP) == IDLE:
                self._awake.acquire()


@cache
def _members(process: int, count: int) -> tuple[_Member, ...]:
    """The crew of a process (a fork has no threads but the one that forked)."""
    return (*_members(process, count - 1), _Member()) if count else ()


class _Turn:
    """Held by the thread that the crew works for."""

    def __init__(self) -> None:
        self.renew()
        os.register_at_fork(after_in_child=self.renew)  # who held it is no thread of the child

    def renew(self) -> None:
        self.lock = threading.Lock()


_TURN = _Turn()


def together(work: Callable[[int], object], threads: int) -> None:
    """work(0) here, and work(1) to work(threads - 1) in other threads as far as they come in time.

    Each of them claims tiles until none is left; all have returned when this returns. What one of
    them raises is raised here. While the crew is busy for another thread, work(0) does it all.
    """

    def post(member: _Member, part: int) -> None:
        member.post(partial(work, part))

    _divided(partial(work, 0), post, threads)


def at_once(code: int, argument: int, threads: int) -> None:
    """`together` for compiled code, by its address (compiled.code_of), which raises nothing: called
    with `argument` and the part."""

    def post(member: _Member, part: int) -> None:
        member.post(_nothing, code, argument, part)

    _divided(partial(_call, code, argument, 0), post, threads)


def _nothing() -> None:
    """The work of Python beside compiled code."""


def in_parts(work: Callable[[int, int], object], threads: int) -> None:
    """`work(part, parts)` for as many parts as threads, whichever of them comes to claim it."""
    counter = np.zeros(1, np.int64)

    def claiming(_: int) -> None:
        while (part := claim(counter)) < threads:
            work(part, threads)

    together(claiming, threads)


def _divided(own: Callable[[], object], post: Callable[[_Member, int], None], threads: int) -> None:
    """Post the parts from 1 on, do one's own, and wait for those that have begun."""
    if threads == 1 or not (turn := _TURN.lock).acquire(blocking=False):
        own()
        return
    posted: list[_Member] = []
    try:
        for part, member in enumerate(_members(os.getpid(), threads - 1), 1):
            posted.append(member)
            post(member, part)
        own()
    finally:
        failures = _finished(posted)
        turn.release()
    for failure in failures:
        raise failure


def _finished(posted: list[_Member]) -> list[BaseException]:
    """What members raised. All are waited for, also when a wait is interrupted: they work on arrays
    that may be gone when this returns."""
    failures: list[BaseException] = []
    while posted:
        try:
            failure = posted[-1].finish()
        except BaseException as interruption:  # noqa: BLE001 -- raised again when all are waited for
            failures.append(interruption)
            continue
        posted.pop()
        if failure is not None:
            failures.append(failure)
    return failures
