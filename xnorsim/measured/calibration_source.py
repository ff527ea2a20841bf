"""The source that a calibrated profile names: what was measured, when, and on which machine."""

from __future__ import annotations

import re

from xnorsim.measured.host import Host

__all__ = ["SOURCE", "calibrated_processor", "calibration_source", "processor"]

SOURCE = "calibration"
"""Its key among the sources of a profile."""


def processor(host: Host) -> str:
    """A processor by its name and microarchitecture: "Example CPU (zen3)"."""
    return f"{host.model or 'unknown processor'} ({host.microarchitecture or host.architecture})"


def calibration_source(host: Host, rounds: int, date: str) -> str:
    """The text of the source."""
    virtual = ", a virtual machine" if host.virtual else ""
    versions = ", ".join(f"{key} {value}" for key, value in host.versions.items())
    return (
        f"xnorsim calibrate, {date}: micro-benchmarks, {rounds} rounds, the second percentile of "
        f"each; {processor(host)}{virtual}, {host.system}, Python {host.python}, {versions}. The "
        "caches' and the memory's sizes are those the system tells."
    )


_OF = re.compile(
    r"xnorsim calibrate, .*? each; (?P<processor>.+?)(, a virtual machine)?, [^,]+, Python "
)


def calibrated_processor(source: str) -> str:
    """The `processor` that a `calibration_source` names; "" if it is another source."""
    found = _OF.match(source)
    return found["processor"] if found else ""
