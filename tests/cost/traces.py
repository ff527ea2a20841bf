"""Address traces of kernels, loop by loop as they run, and caches that replay them.

Nothing here knows of the model: the loops are written out, and the caches keep single lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from math import inf

LINE = 64
PAGE = 4096
BEHIND = 2**30

Access = tuple[int, bool]
"""A line and whether it is written."""


class Cache:
    """Set-associative, least recently used line out, write-back, write-allocate.

    refresh: whether a write is a use, too, of a line that is there.
    """

    def __init__(self, size: int, ways: int, below: Cache | None = None, refresh: bool = True):
        self.sets: list[dict[int, bool]] = [{} for _ in range(size // LINE // ways)]
        self.ways, self.below, self.refresh = ways, below, refresh
        self.fetched = self.written_back = 0

    def access(self, line: int, write: bool) -> None:
        held = self.sets[line % len(self.sets)]
        if line in held and write and not self.refresh:
            held[line] = True
            return
        if line in held:
            dirty = held.pop(line)
        else:
            self.fetched += 1
            dirty = False
            if self.below:
                self.below.access(line, False)
            if len(held) == self.ways:
                oldest = next(iter(held))
                self._drop(oldest, held.pop(oldest))
        held[line] = dirty or write  # the last in order is the youngest

    def _drop(self, line: int, dirty: bool) -> None:
        if dirty:
            self.written_back += 1
            if self.below:
                self.below.access(line, True)

    def flush(self) -> None:
        for held in self.sets:
            for line, dirty in held.items():
                self._drop(line, dirty)
            held.clear()

    def bytes(self) -> int:
        return (self.fetched + self.written_back) * LINE


def replay(
    trace: Iterable[Access], sizes: tuple[int, int], ways: int | None, refresh: bool = True
) -> tuple[int, int]:
    """Bytes below the first and the second level, with all written back. ways None: one set."""
    second = Cache(sizes[1], ways or sizes[1] // LINE, None, refresh)
    first = Cache(sizes[0], ways or sizes[0] // LINE, second, refresh)
    for line, write in trace:
        first.access(line, write)
    first.flush()
    second.flush()
    return first.bytes(), second.bytes()


def bases(*sizes: float) -> list[int]:
    """Where tensors of these bytes start: each on a page of its own, none at address 0."""
    starts, at = [], PAGE
    for size in sizes:
        starts.append(at)
        at += -(-int(size) // PAGE) * PAGE + PAGE
    return starts


def touch(start: float, length: float, write: bool = False) -> Iterator[Access]:
    for line in range(int(start) // LINE, int(start + length - 1) // LINE + 1):
        yield line, write


def parts(start: int, stop: int, step: float) -> Iterator[range]:
    """The blocks of a loop, the last one cut."""
    whole = stop - start
    for at in range(start, stop, int(min(step, whole))):
        yield range(at, min(stop, at + int(min(step, whole))))


def gemm(
    positions: int,
    filters: int,
    depth: int,
    tile: tuple[int, int, int],
    *,
    outer: str = "positions",
    block: tuple[float, float, float] = (inf, inf, inf),
    element: tuple[float, float, float] = (1, 1, 4),
) -> Iterator[Access]:
    """Register tiles of positions x filters over steps of depth; activations row by row."""
    a, w, o = element
    at_a, at_w, at_o = bases(positions * depth * a, filters * depth * w, positions * filters * o)

    def run(ps: range, fs: range, ds: range) -> Iterator[Access]:
        for steps in parts(ds.start, ds.stop, tile[2]):
            for p in ps:
                yield from touch(at_a + (p * depth + steps.start) * a, len(steps) * a)
            panel = at_w + (fs.start * depth + steps.start * len(fs)) * w
            yield from touch(panel, len(steps) * len(fs) * w)
        for p in ps:
            row = at_o + (p * filters + fs.start) * o
            if ds.start:
                yield from touch(row, len(fs) * o)
            yield from touch(row, len(fs) * o, write=True)

    def both(ps: range, fs: range, sides: tuple[float, float]) -> Iterator[tuple[range, range]]:
        if outer == "positions":
            yield from product(
                parts(ps.start, ps.stop, sides[0]), parts(fs.start, fs.stop, sides[1])
            )
        else:
            for f in parts(fs.start, fs.stop, sides[1]):
                for p in parts(ps.start, ps.stop, sides[0]):
                    yield p, f

    for ds in parts(0, depth, block[2]):
        for pb, fb in both(range(positions), range(filters), block[:2]):
            for ps, fs in both(pb, fb, tile[:2]):
                yield from run(ps, fs, ds)


def windows(
    output: tuple[int, int, int],
    channels: int,
    kernel: int,
    *,
    stride: int = 1,
    tile: tuple[int, int, int] = (4, 8, 16),
    depthwise: bool = False,
    element: tuple[float, float, float] = (1, 1, 4),
) -> Iterator[Access]:
    """A convolution in place over output = (rows, columns, filters), channels last, not padded.

    Tiles of columns x filters, in them every tap, and for each steps over the channels of it;
    depthwise: filters are the channels, and there are no steps.
    """
    (rows, columns, filters), (a, w, o) = output, element
    width, height = (columns - 1) * stride + kernel, (rows - 1) * stride + kernel
    depth = kernel * kernel * (1 if depthwise else channels)
    at_a, at_w, at_o = bases(
        height * width * channels * a, filters * depth * w, rows * columns * filters * o
    )

    def pixel(row: int, column: int, some: range) -> Iterator[Access]:
        yield from touch(at_a + ((row * width + column) * channels + some.start) * a, len(some) * a)

    for row, cols in product(range(rows), list(parts(0, columns, tile[0]))):
        for fs in parts(0, filters, tile[1]):
            panel = at_w + fs.start * depth * w
            for tap in range(kernel * kernel):
                for some in [fs] if depthwise else parts(0, channels, tile[2]):
                    for c in cols:
                        at = row * stride + tap // kernel, c * stride + tap % kernel
                        yield from pixel(*at, some)
                    step = len(fs) * w * (1 if depthwise else len(some))
                    yield from touch(panel, step)
                    panel += step
            for c in cols:
                yield from touch(
                    at_o + ((row * columns + c) * filters + fs.start) * o, len(fs) * o, True
                )


def im2col(
    rows: int, columns: int, channels: int, kernel: int, *, stride: int = 1, element: float = 1
) -> Iterator[Access]:
    """Every row of a kernel at every position is copied in one piece.

    The buffer lies where `gemm` has its activations, and the input behind all that that uses.
    """
    width, (at_b,), at_a = (columns - 1) * stride + kernel, bases(1), BEHIND
    piece = kernel * channels * element
    for row, c, k in product(range(rows), range(columns), range(kernel)):
        pixel = (row * stride + k) * width + c * stride
        yield from touch(at_a + pixel * channels * element, piece)
        yield from touch(at_b + ((row * columns + c) * kernel + k) * piece, piece, True)


def stream(read: int, written: int, chunk: int = 16) -> Iterator[Access]:
    """Pieces read and pieces written in turn, as many of each."""
    at_r, at_w = bases(read, written)
    for place in range(read // chunk):
        yield from touch(at_r + place * chunk, chunk)
        yield from touch(
            at_w + place * written * chunk // read, max(written * chunk // read, 1), True
        )
