"""This machine as a hardware profile, measured by micro-benchmarks."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from xnorsim.errors import UsageError, XnorsimError
from xnorsim.machine.profile import HardwareProfile, load_profile
from xnorsim.show.output import check_place, write_text

if TYPE_CHECKING:
    from xnorsim.measured.calibrate import Calibration

__all__ = ["calibrate", "calibrate_and_tell"]

Tell = Callable[[int, int], None]


def calibrate(
    output: str | os.PathLike[str],
    *,
    force: bool = False,
    rounds: int | None = None,
    tell: Tell = lambda done, total: None,
) -> HardwareProfile:
    """Describe this machine by micro-benchmarks, write it as a profile, and load that.

    It takes a minute and a half, and wants the machine for itself. A calibration that was stopped
    goes on where it was when it is called again with the same `output`.

    Args:
        output: the profile's file, which ends in .yaml; its name is that of the profile.
        force: whether a file that is there may be written over.
        rounds: how often every loop is timed; else 60 times, or as time allows.
        tell: called with the rounds that are done, and all of them.

    Raises:
        MissingExtraError: the extra `native` is not installed.
        UsageError: a name that is none for a profile, a file that is there or cannot be written,
            no rounds, or a processor for which there are no loops.
    """
    calibrate_and_tell(output, force=force, rounds=rounds, tell=tell)
    return load_profile(Path(output))


def calibrate_and_tell(
    output: str | os.PathLike[str],
    *,
    force: bool = False,
    rounds: int | None = None,
    tell: Tell = lambda done, total: None,
) -> Calibration:
    """The same; returns what was found with its notes and warnings. Raises as `calibrate` does."""
    from xnorsim.measured import calibrate as measured

    path = Path(output)
    name = _name(path)
    if rounds is not None and rounds < 1:
        raise UsageError(f"a calibration takes at least 1 round (got {rounds})")
    check_place(path)
    if path.exists() and not force:
        raise UsageError(f"'{path}' is there already: give --force to write over it")
    state = measured.state_path(path)
    found = measured.calibrate(name, state, rounds, tell)
    HardwareProfile.model_validate(found.profile)
    write_text(path, measured.profile_text(found.profile))
    try:
        state.unlink(missing_ok=True)
    except OSError as error:
        raise XnorsimError(f"cannot remove {state}: {error.strerror}") from error
    return found


def _name(path: Path) -> str:
    if path.suffix != ".yaml" or not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", path.stem):
        raise UsageError(
            f"'{path.name}' cannot be a profile's file: it is called NAME.yaml, NAME of a-z, 0-9, "
            "'.' and '-', as my-machine.yaml"
        )
    return path.stem
