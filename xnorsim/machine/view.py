"""A profile in a notebook: every quantity with its range, its basis and its source."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from xnorsim.machine.profile import QuantityRow, instruction_rows, quantities
from xnorsim.machine.schema import HardwareProfile
from xnorsim.markup import facts, folded, piece, rows_table

__all__ = ["profile_html", "profile_line"]


def profile_line(profile: HardwareProfile) -> str:
    """A machine in one line: cores, clock, vectors and memories."""
    sizes = ", ".join(f"{m.name} {m.size.value or 'unlimited'}" for m in profile.memories)
    return (
        f"{profile.cores.value} x {profile.clock.value}, {profile.simd.bits.value} vectors, {sizes}"
    )


def profile_html(profile: HardwareProfile) -> str:
    """A profile as a piece of HTML: its quantities by section, and what its sources are."""
    rows = quantities(profile)
    sections = [
        folded(f"{name} ({len(each)})", _quantities(each))
        for name, group in groupby(rows, key=lambda row: row.path.partition(".")[0])
        if (each := list(group))
    ]
    ports = rows_table(
        ("class", "micro-operations", "ports", "meaning"), instruction_rows(profile),
        left=(0, 2), long=(3,),
    )  # fmt: skip
    if profile.instructions is not None:
        sections.append(folded("ports of instructions", ports))
    sections.append(folded(f"sources ({len(profile.sources)})", facts(profile.sources.items())))
    return piece(facts(_head(profile, rows)), *sections)


def _head(profile: HardwareProfile, rows: tuple[QuantityRow, ...]) -> Iterator[tuple[str, str]]:
    yield "machine", profile.name
    yield "what it is", profile.description
    yield "in short", profile_line(profile)
    bases = sorted({row.basis for row in rows})
    told = (f"{sum(row.basis == basis for row in rows)} {basis}" for basis in bases)
    yield "quantities", f"{len(rows)}: {', '.join(told)}"


def _quantities(rows: list[QuantityRow]) -> str:
    cells = (
        (row.path, row.value, _range(row), row.basis, row.source, row.note)
        for row in rows
    )  # fmt: skip
    headings = ("quantity", "value", "range", "basis", "source", "note")
    return rows_table(headings, cells, left=(0, 3, 4), long=(5,))


def _range(row: QuantityRow) -> str:
    """Both ends, with their unit once; "" of what is exact."""
    (low, _, unit), (_, _, its_unit) = row.low.partition(" "), row.high.partition(" ")
    low = low if unit == its_unit else row.low
    return f"{low} .. {row.high}" if row.low and row.low != row.high else ""
