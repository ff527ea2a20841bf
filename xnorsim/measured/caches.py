"""The caches of a CPU, as /sys tells them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xnorsim.measured.activity import read_text

__all__ = ["Cache", "cpu_list", "read_caches"]


@dataclass(frozen=True, slots=True)
class Cache:
    """One cache: kind is "data", "instruction" or "unified"; size and line [byte].

    `ways` is 0 where it is not known; `cpus` share it, hardware threads counted one by one.
    """

    level: int
    kind: str
    size: int
    line: int
    ways: int
    cpus: int


ASSUMED = (Cache(1, "data", 32 << 10, 64, 0, 1), Cache(2, "unified", 512 << 10, 64, 0, 1))
"""Where nothing tells: what most cores of the last ten years have at least."""


def read_caches(
    root: Path, cpu: int, last: str = "", sysconf: Callable[[str], int] | None = None
) -> tuple[tuple[Cache, ...], str]:
    """The caches that a CPU uses, by level, and where that is known from.

    Parameters: `root`, the folder of /sys; `last`, the "cache size" of /proc/cpuinfo, as "512 KB",
    of the last level or the one before; `sysconf`, the C library's answers, os.sysconf for "/".

    Returns: the caches and "/sys", "sysconf" or "assumed, ...": the first of these that tells.
    """
    folder = root / f"sys/devices/system/cpu/cpu{cpu}/cache"
    found = [cache for path in sorted(folder.glob("index*")) if (cache := _cache(path))]
    if found:
        return tuple(sorted(found, key=lambda cache: (cache.level, cache.kind))), "/sys"
    if sysconf is None and root == Path("/"):
        sysconf = getattr(os, "sysconf", None)
    if sysconf and (told := _told(sysconf)):
        return told, "sysconf"
    size = _size(last)
    if size > ASSUMED[-1].size:
        outer = Cache(3, "unified", size, 64, 0, 1)
        return (*ASSUMED, outer), f"assumed, but for the last level: {last} of /proc/cpuinfo"
    return ASSUMED, "assumed, neither /sys nor sysconf tells"


def cpu_list(text: str) -> tuple[int, ...]:
    """The CPUs of a list as the kernel writes it.

    >>> cpu_list("0-2,5")
    (0, 1, 2, 5)
    """
    found = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first.strip():
            found += range(int(first), int(last or first) + 1)
    return tuple(found)


def _cache(folder: Path) -> Cache | None:
    """One cache; None where its size is not told, as in some virtual machines and on some ARM."""
    size, level = _size(read_text(folder / "size")), read_text(folder / "level")
    if not size or not level.isdigit():
        return None
    line, ways = (read_text(folder / name) for name in _NUMBERS)
    return Cache(
        level=int(level),
        kind=read_text(folder / "type").lower() or "unified",
        size=size,
        line=int(line) if line.isdigit() else 64,
        ways=int(ways) if ways.isdigit() else 0,
        cpus=len(cpu_list(read_text(folder / "shared_cpu_list"))) or 1,
    )


_NUMBERS = ("coherency_line_size", "ways_of_associativity")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def _size(text: str) -> int:
    """[byte] of "32K" or "512 KB", which are binary multiples here; 0 of anything else."""
    found = re.fullmatch(r"(\d+)\s*([KMG]?)B?", text.strip())
    return int(found[1]) * _UNITS[found[2]] if found else 0


def _told(sysconf: Callable[[str], int]) -> tuple[Cache, ...]:
    """What the C library knows; it does not say who shares a cache."""
    found = []
    for level, kind, name in ((1, "data", "1_D"), (2, "unified", "2_"), (3, "unified", "3_")):
        try:
            size, line, ways = (
                sysconf(f"SC_LEVEL{name}CACHE_{what}") for what in ("SIZE", "LINESIZE", "ASSOC")
            )
        except (ValueError, OSError):
            return ()
        if size > 0:
            found.append(Cache(level, kind, size, line or 64, max(ways, 0), 1))
    return tuple(found)
