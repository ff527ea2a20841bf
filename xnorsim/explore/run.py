"""The tasks of a sweep: one after another here, in processes, or on a dask cluster.

A task is a few blocks of the space. It may be done twice, by whomever, and gives the same; what it
gives is taken once, by its number.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, prod
from typing import Any, NamedTuple

from xnorsim.errors import MissingExtraError, UsageError, XnorsimError
from xnorsim.explore.points import evaluate
from xnorsim.explore.reductions import Parts, reduction
from xnorsim.explore.space import Block, Space, Tasks
from xnorsim.explore.store import write_block

__all__ = ["Plan", "Progress", "blocks_of", "plan_of", "run"]

MOST_TASKS = 4096
"""Of a reduction: each hands back what it kept, and that is merged by one."""

MOST_BLOCKS = 16
"""Of a task, where there are few enough."""

ATTEMPTS = 3
"""How often a task may end its worker before the sweep is given up."""

AHEAD = 2
"""Tasks that are handed out for each worker, so that none waits."""

PATIENCE_S = 30
"""How long a scheduler may take to answer, and to have a worker."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What every worker has to know.

    chunk: the lengths of a block; group: blocks of a task; out: the dataset on disk that tasks
    write to, "" where they hand back what they found.
    """

    space: Space
    chunk: tuple[int, ...]
    group: int = 1
    out: str = ""

    @property
    def tasks(self) -> int:
        """How many there are."""
        return ceil(len(Tasks(self.space.shape, self.chunk)) / self.group)


class Done(NamedTuple):
    """What a task gives: figures or parts, how many points it took, and of its process the number
    and the most memory so far."""

    found: Parts
    points: int
    process: int
    memory_bytes: int


@dataclass(frozen=True)
class Progress:
    """How far a sweep is: points of all, those of this run, its seconds, the most memory so far.

    Memory is that of all processes on this machine, or on a cluster that of its workers.
    """

    done: int
    points: int
    fresh: int
    seconds: float
    memory_bytes: int

    @property
    def rate(self) -> float:
        """Points a second."""
        return self.fresh / self.seconds if self.seconds else 0.0

    @property
    def left_s(self) -> float:
        """Seconds to go at this rate; infinite before the first points."""
        left = self.points - self.done
        return left / self.rate if self.rate else float("inf")


def plan_of(space: Space, chunk: tuple[int, ...], out: str = "") -> Plan:
    """The plan of a space cut into chunks; a reduction takes several at once where there are many.

    It does not depend on who works it out, so that others can go on with it.
    """
    if not space.reduce:
        return Plan(space, chunk, out=out)
    blocks = len(Tasks(space.shape, chunk))
    group = max(1, min(MOST_BLOCKS, blocks // 128), ceil(blocks / MOST_TASKS))
    return Plan(space, chunk, group)


def blocks_of(plan: Plan, number: int) -> list[Block]:
    """The blocks of a task."""
    start = number * plan.group
    return Tasks(plan.space.shape, plan.chunk)[start : start + plan.group]


def run(
    plan: Plan,
    wanted: Sequence[int],
    take: Callable[[int, Parts], None],
    *,
    workers: int = 0,
    scheduler: str | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> None:
    """Do the tasks that are wanted; `take` gets the number and the findings of each, once.

    workers: processes on this machine, 0 to work in this one; scheduler: address of a dask cluster,
    whose workers have this package and see the same files.

    Raises:
        KeyboardInterrupt: tasks that were begun are finished or dropped; what is written stays.
        UsageError: no such scheduler, or both it and workers.
        MissingExtraError: distributed is not installed.
        DiskFullError: there is no room for a chunk.
        XnorsimError: a task ends its worker again and again, or the cluster is gone.
    """
    if workers < 0 or (workers and scheduler):
        raise UsageError(f"either workers, 0 or more, or a scheduler (got {workers}, {scheduler})")
    if scheduler:
        results = _on_cluster(plan, wanted, scheduler)
    elif workers:
        results = _in_processes(plan, wanted, workers)
    else:
        results = ((number, perform(plan, number)) for number in wanted)
    every = prod(plan.space.shape)
    # Without a task there is nothing to tell; and what is not wanted is done.
    before = every - sum(prod(b.shape) for number in wanted for b in blocks_of(plan, number))
    fresh, start, taken, memory = 0, time.perf_counter(), set[int](), dict[int, int]()
    with closing(results):
        for number, done in results:
            if number in taken:
                continue
            taken.add(number)
            take(number, done.found)
            fresh += done.points
            memory[done.process] = done.memory_bytes
            if progress:
                memory[os.getpid()] = _peak_bytes()
                seconds = time.perf_counter() - start
                progress(Progress(before + fresh, every, fresh, seconds, sum(memory.values())))


def perform(plan: Plan, number: int) -> Done:
    """Do one task here."""
    blocks = blocks_of(plan, number)
    found: Parts = {}
    if plan.space.reduce:
        of, so_far = reduction(plan.space.reduce, plan.space), None
        for block in blocks:
            here = of.of_block(block, evaluate(plan.space, block), so_far)
            so_far = of.merged(so_far, here) if so_far else here
        found = so_far or {}
    else:
        for block in blocks:
            found = evaluate(plan.space, block)
            if plan.out:
                write_block(plan.out, block, found)
                found = {}
    return Done(found, sum(prod(block.shape) for block in blocks), os.getpid(), _peak_bytes())


def performed(content: bytes, number: int) -> Done:
    """Do one task of a pickled plan, which a process reads once."""
    return perform(_read(content), number)


@lru_cache(maxsize=2)
def _read(content: bytes) -> Plan:
    return pickle.loads(content)


def _peak_bytes() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


# --- processes of this machine ---------------------------------------------------------------


Results = Iterator[tuple[int, Done]]


def _in_processes(plan: Plan, wanted: Sequence[int], workers: int) -> Any:
    """The results of workers that are spawned; those that are killed are replaced."""
    content = pickle.dumps(plan)
    waiting, losses = deque(wanted), Counter[int]()
    while waiting:
        handed: dict[Future[Done], int] = {}
        spawn = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(workers, spawn, initializer=_end_with_parent)
        try:
            yield from _drained(pool, content, waiting, handed, AHEAD * workers)
        except BrokenProcessPool:
            for future, number in handed.items():
                if future.done() and not future.exception():
                    yield number, future.result()
                else:
                    waiting.append(number)
                    losses[number] += 1
            _check_losses(losses)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _drained(
    pool: ProcessPoolExecutor,
    content: bytes,
    waiting: deque[int],
    handed: dict[Future[Done], int],
    most: int,
) -> Results:
    """Hand out what waits, a few tasks ahead; what is still handed out when it ends is lost."""
    while waiting or handed:
        with _deaf_children():
            while waiting and len(handed) < most:
                future = pool.submit(performed, content, waiting[0])
                handed[future] = waiting.popleft()
        for future in wait(handed, return_when=FIRST_COMPLETED).done:
            done = future.result()
            yield handed.pop(future), done


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, which may have been killed."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes that are started here do not hear Ctrl-C: this one tells them to end.

    A Ctrl-C in the meantime is heard afterwards.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # started later, it would let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _check_losses(losses: Counter[int]) -> None:
    for number, count in losses.items():
        if count >= ATTEMPTS:
            raise XnorsimError(
                f"task {number} was given up: {count} workers that had it ended. They may have "
                "had too little memory; or a script starts a sweep when it is imported, and not "
                'under: if __name__ == "__main__"'
            )


# --- a dask cluster --------------------------------------------------------------------------


def _on_cluster(plan: Plan, wanted: Sequence[int], address: str) -> Any:
    """The results of a cluster's workers; a task whose worker is lost is handed out again."""
    try:
        import distributed
    except ImportError as error:
        raise MissingExtraError("distributed", "distributed", "a sweep on a cluster") from error

    client = _client(distributed, address)
    try:
        content, waiting, losses = pickle.dumps(plan), deque(wanted), Counter[int]()
        handed: dict[Any, int] = {}
        queue = distributed.as_completed(loop=client.loop)
        while waiting or handed:
            threads = sum(client.ncores().values()) or 1
            while waiting and len(handed) < AHEAD * threads:
                number = waiting.popleft()
                # Named anew at each attempt: the scheduler remembers what failed by its name.
                key = f"xnorsim-{plan.space.fingerprint[:16]}-{number}-{losses[number]}"
                future = client.submit(performed, content, number, key=key, pure=False, retries=3)
                handed[future] = number
                queue.add(future)
            future = next(queue)
            number = handed.pop(future)
            try:
                yield number, future.result()
            except distributed.KilledWorker:
                losses[number] += 1
                waiting.append(number)
                _check_losses(losses)
            future.release()
    except OSError as error:
        raise XnorsimError(f"the scheduler at {address} is gone: {error}") from error
    finally:
        client.close()


def _client(distributed: Any, address: str) -> Any:
    try:
        client = distributed.Client(address, timeout=PATIENCE_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(f"no dask scheduler answers at {address!r}: {error}") from error
    try:
        client.wait_for_workers(1, timeout=PATIENCE_S)
    except TimeoutError as error:
        client.close()
        raise UsageError(f"the dask scheduler at {address} has no worker") from error
    return client
