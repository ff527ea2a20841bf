"""How far predictions are off on this machine, beside what they are to reach.

Every kernel of the default grid and the networks are measured (or read from records), and
predicted on a profile that `xnorsim calibrate` made. With a second profile of the same machine,
calibrated another time, the predictions on both are compared. Measurements of one run vary with
what else the machine does: rows are by the fastest samples, and the figures by medians stand
beside.
Exits with 1 if a figure misses its aim.

    python bench/host_validation.py my-machine.yaml [again.yaml] [--records host.jsonl] [--from ...]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from xnorsim.analysis.host_validation import validate_host
from xnorsim.measured.validate import Summary, error
from xnorsim.show.forms import Form, render
from xnorsim.show.host_validation import HostValidation

MEDIAN_ERROR, MEAN_ERROR, RANK, INSIDE = 0.10, 0.15, 0.97, 0.80
SPEEDUP_ERROR = 0.15
REPEATED = 0.05


class Aim(NamedTuple):
    """A figure beside what it is to reach; None where it cannot be told."""

    what: str
    value: float | None
    least: float | None = None
    most: float | None = None


def aims(found: HostValidation) -> Iterator[Aim]:
    by_name = {item.name: item for item in found.summaries}
    for name in ("all latencies", "all, medians"):
        yield from _errors(by_name[name])
    for group in dict.fromkeys(row.compared.group for row in found.rows):
        yield Aim(f"rank correlation: {group}", by_name[group].spearman, least=RANK)
    ratios = [abs(error(row)) for row in found.speedups]
    yield Aim("median error of speedups", median(ratios) if ratios else None, most=SPEEDUP_ERROR)


def _errors(item: Summary) -> Iterator[Aim]:
    yield Aim(f"median error: {item.name}", item.median_error, most=MEDIAN_ERROR)
    yield Aim(f"mean error: {item.name}", item.mean_error, most=MEAN_ERROR)
    yield Aim(f"share in range: {item.name}", item.inside / item.count, least=INSIDE)


def repeated(one: HostValidation, other: HostValidation) -> Iterator[Aim]:
    """By how much the predictions on two profiles of the same machine differ."""
    again = {(row.compared.group, row.compared.name): row.compared for row in other.rows}
    off = [
        abs(again[key].predicted / row.compared.predicted - 1)
        for row in one.rows
        if (key := (row.compared.group, row.compared.name)) in again
    ]
    yield Aim("median difference of two calibrations", median(off), most=REPEATED)
    yield Aim("largest difference of two calibrations", max(off), most=REPEATED)


def is_met(aim: Aim) -> bool:
    if aim.value is None:
        return True
    return (aim.least is None or aim.value >= aim.least) and (
        aim.most is None or aim.value <= aim.most
    )


def line(aim: Aim) -> str:
    value = "not known" if aim.value is None else f"{aim.value:.3f}"
    wanted = f"at least {aim.least}" if aim.least is not None else f"at most {aim.most}"
    return f"{aim.what:<55} {value:>9}  {wanted}{'' if is_met(aim) else '  MISSED'}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("profile", help="of this machine: xnorsim calibrate -o my-machine.yaml")
    parser.add_argument("again", nargs="?", help="the same, calibrated another time")
    parser.add_argument("--records", type=Path, help="where measurements are kept")
    parser.add_argument("--from", dest="from_records", type=Path, help="measure nothing")
    given = parser.parse_args()
    source = {"records": given.records, "from_records": given.from_records}
    found = validate_host(given.profile, **source)
    print(render(found, Form.TABLE))
    every = list(aims(found))
    if given.again:
        kept = given.from_records or given.records
        if kept is None:
            parser.error("a second profile needs --records or --from")
        every += repeated(found, validate_host(given.again, from_records=kept))
    print(*map(line, every), sep="\n")
    return int(not all(map(is_met, every)))


if __name__ == "__main__":
    raise SystemExit(main())
