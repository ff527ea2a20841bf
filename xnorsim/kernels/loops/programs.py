"""The loops: instructions of one class, one that waits for itself, mixes, steps and streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from xnorsim.errors import UsageError, choices
from xnorsim.kernels.loops.dialects import Dialect

__all__ = ["NEAR_BYTES", "Program", "chain", "mix", "step", "stream"]

NEAR_BYTES = 2048
"""Memory that a loop without a stride touches: well inside any nearest cache."""

_TURN = 96
"""Instructions of a turn, about: the loop's own two are a fiftieth, and all fit a decoded cache."""

_STREAM_LINES = 4
_LINE_BYTES = 64


@dataclass(frozen=True, slots=True)
class Program:
    """A loop as text. counts: instructions of each class in a turn, its own control left out; those
    of a `step` hold that too.

    stride: bytes by which the memory moves on with each turn [byte].
    """

    name: str
    body: tuple[str, ...]
    counts: Mapping[str, int]
    stride: int = 0


def mix(name: str, counts: Mapping[str, int], dialect: Dialect, turn: int = _TURN) -> Program:
    """Independent instructions, `counts` of each class, again and again in an even order.

    Raises:
        UsageError: a class that the dialect has no instruction for.
    """
    _check(counts, dialect)
    times = max(1, turn // sum(counts.values()))
    if set(counts) == {"branch"}:  # the loop's own jump is the only one that is taken
        return Program(name, (), {"branch": 1})
    order = [item for _ in range(times) for item in _evenly(counts)]
    body = tuple(_written(order, dialect))
    return Program(name, body, {each: count * times for each, count in counts.items()})


def step(name: str, counts: Mapping[str, float], dialect: Dialect) -> Program:
    """What a kernel does between two jumps, as a turn of independent instructions in even order.

    counts: of each class, fractions where a loop is unrolled; its jumps are among them, and of each
    the loop's own is one, and its count one of scalar_alu. Numbers are made whole.

    Raises:
        UsageError: a class that the dialect has no instruction for, or no jump.
    """
    _check(counts, dialect)
    if not counts.get("branch"):
        raise UsageError(f"step '{name}' has no branch that ends it; it has {', '.join(counts)}")
    turn = {each: round(count / counts["branch"]) for each, count in counts.items()}
    turn["scalar_alu"] = max(1, turn.get("scalar_alu", 0))
    body = {**turn, "scalar_alu": turn["scalar_alu"] - 1, "branch": 0}
    found = {each: count for each, count in turn.items() if count}
    return Program(name, tuple(_written(list(_evenly(body)), dialect)), found)


def chain(name: str, kind: str, dialect: Dialect) -> Program:
    """Instructions of a class, each waiting for the one before; UsageError where there are none."""
    if kind not in dialect.chains:
        raise UsageError(
            f"no chain of the class '{kind}' for {dialect.name}; {choices(kind, dialect.chains)}"
        )
    line = dialect.chains[kind].format(
        to=dialect.vectors[0], a=dialect.source[0], b=dialect.source[1],
        xto=dialect.scalars[0], xa=dialect.source[2], at=0,
    )  # fmt: skip
    return Program(name, (line,) * _TURN, {kind: _TURN})


def stream(name: str, kind: str, dialect: Dialect, work: Mapping[str, int]) -> Program:
    """Vectors of memory in a row by `kind`, each with `work` of other classes beside it."""
    step = dialect.simd_bits // 8
    vectors = _STREAM_LINES * _LINE_BYTES // step
    counts = {kind: 1, **work}
    body = tuple(_written(list(_evenly(counts)) * vectors, dialect, near=vectors * step))
    found = {each: count * vectors for each, count in counts.items()}
    return Program(name, body, found, vectors * step)


def _check(counts: Iterable[str], dialect: Dialect) -> None:
    for each in counts:
        if each not in dialect.forms:
            raise UsageError(
                f"no instruction of the class '{each}' for {dialect.name}; "
                f"{choices(each, dialect.forms)}"
            )


def _evenly(counts: Mapping[str, int]) -> Iterator[str]:
    """Classes in an order in which each comes as regularly as can be."""
    total = sum(counts.values())
    places = [
        ((index + 0.5) * total / count, each)
        for each, count in counts.items()
        for index in range(count)
    ]
    return (each for _, each in sorted(places, key=lambda item: item[0]))


def _written(order: list[str], dialect: Dialect, near: int = NEAR_BYTES) -> Iterator[str]:
    """Each instruction with registers in turn, and loads and stores one place further each time."""
    a, b, xa = dialect.source
    step = dialect.simd_bits // 8
    seen: dict[str, int] = {}
    for number, kind in enumerate(order):
        place = seen.setdefault(kind, 0)
        seen[kind] += 1
        yield dialect.forms[kind].format(
            to=dialect.vectors[number % len(dialect.vectors)],
            xto=dialect.scalars[number % len(dialect.scalars)],
            a=a, b=b, xa=xa,
            at=place * step % near,
        )  # fmt: skip
