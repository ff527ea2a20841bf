"""Which profile stands for this machine, and what a report says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from xnorsim.analysis.models import load_profiles
from xnorsim.errors import MissingExtraError, UsageError
from xnorsim.machine.profile import profile_names
from xnorsim.measured.calibration_ports import nearest_name
from xnorsim.measured.calibration_source import SOURCE, calibrated_processor, processor
from xnorsim.measured.host import Host, read_host
from xnorsim.measured.measurement import Measurement

if TYPE_CHECKING:
    from xnorsim.analysis.models import Profile
    from xnorsim.machine.schema import HardwareProfile

__all__ = ["Chosen", "about", "choose_profile", "require_native"]

_CALIBRATE = "xnorsim calibrate -o my-machine.yaml makes one, for --profile my-machine.yaml"
_NATIVE = ("numba", "threadpoolctl", "psutil", "archspec")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The profile that predicts, and what is to be said of it; `warning` if it is another's."""

    profile: HardwareProfile
    note: str
    warning: str = ""


def require_native(purpose: str) -> Host:
    """This machine, if kernels can run on it.

    Raises:
        MissingExtraError: a package of the extra "native" is not installed.
    """
    for package in _NATIVE:
        if find_spec(package) is None:
            raise MissingExtraError(package, "native", purpose)
    return read_host()


def choose_profile(profile: Profile | None, host: Host) -> Chosen:
    """The profile given, or else the packaged one that is nearest to the processor.

    Raises:
        UsageError: none is given and none is near.
        ProfileError: no such profile, or one with faults.
    """
    if profile is None:
        return _nearest(host)
    if not isinstance(profile, str | PathLike):
        return Chosen(profile, "as given", _calibrated_elsewhere(profile, host))
    (loaded,) = load_profiles(profile)
    if profile in profile_names():
        note = f"packaged, not calibrated on this machine: {_CALIBRATE}"
        return Chosen(loaded, note, _far(loaded, host))
    return Chosen(loaded, f"from {Path(profile).name}", _calibrated_elsewhere(loaded, host))


def _calibrated_elsewhere(profile: HardwareProfile, host: Host) -> str:
    of = calibrated_processor(profile.sources.get(SOURCE, ""))
    if not of or of == processor(host):
        return ""
    return f"{profile.name} is a calibration of {of}, and this machine is {processor(host)}"


def _far(profile: HardwareProfile, host: Host) -> str:
    """Of a packaged profile: which one is nearer."""
    nearest = nearest_name(host)
    if profile.name == nearest:
        return ""
    return (
        f"{profile.name} is of another processor than this machine's, {processor(host)}, to which "
        f"{nearest} is nearer"
    )


def _nearest(host: Host) -> Chosen:
    if not host.microarchitecture:
        raise UsageError(
            f"this machine's processor ({host.model or 'without a name'}) is none that a packaged "
            f"profile is near to: {_CALIBRATE}"
        )
    note = (
        f"the packaged one nearest to {host.microarchitecture}, not calibrated on this machine: "
        f"its clock, caches and memory may be others; {_CALIBRATE}"
    )
    return Chosen(load_profiles(nearest_name(host))[0], note)


def about(measurements: Sequence[Measurement], chosen: Chosen) -> dict[str, str]:
    """The head of a report: machine, profile, libraries, and how the machine was disturbed."""
    host = measurements[-1].host
    parts = [
        host.model,
        host.microarchitecture,
        f"{len(host.cpus)} of its CPUs" if len(host.cpus) > 1 else "one of its CPUs",
        "virtual" if host.virtual else "",
        host.system,
    ]
    dates = sorted(item.started[:16].replace("T", " ") for item in measurements)
    when = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    profile = f"{chosen.profile.name}: {chosen.profile.description} ({chosen.note})"
    libraries = ", ".join(f"{name} {version}" for name, version in host.versions.items())
    return {
        "machine": ", ".join(filter(None, parts)),
        "measured": f"{when} UTC, {_runs(measurements)}",
        "disturbed": _disturbed(measurements),
        "profile": profile,
        "libraries": f"Python {host.python}, {libraries}",
    }


def _runs(measurements: Sequence[Measurement]) -> str:
    cores = {item.core for item in measurements}
    pinned = "not pinned" if cores == {None} else "pinned to a CPU"
    caches = ", ".join(sorted({item.cache for item in measurements}))
    count = len(measurements)
    return f"{count} measurement{'s' * (count > 1)}, {pinned}, caches {caches}"


def _disturbed(measurements: Sequence[Measurement]) -> str:
    hit = sum(bool(item.disturbed) for item in measurements)
    return (
        f"{hit} of {len(measurements)}, the most uncertain of them measured again"
        if hit
        else "none of them"
    )
