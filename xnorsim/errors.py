"""What can go wrong, as a tree:

    XnorsimError                      a failure of ours: exit code 1
    ├── DiskFullError                 no room for what is written: exit code 1
    └── InputError                    bad input: exit code 2
        ├── UsageError                an option or argument that makes no sense
        ├── ModelError                a network file or graph that cannot be read or costed
        │   ├── UnsupportedOpError    operators without a rule, all of the file at once
        │   └── ShapeError            shapes that do not fit, or that stay unknown
        ├── ProfileError              a hardware profile with faults, all of them at once
        ├── SpecError                 a sweep's spec with faults, all of them at once
        └── MissingExtraError         an optional dependency that is not installed

A message names the thing (file, node, path), the offending value, and the valid choices. Whoever
catches a lower-level exception raises one of these `from` it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "DiskFullError",
    "InputError",
    "MissingExtraError",
    "ModelError",
    "ProfileError",
    "ShapeError",
    "SpecError",
    "UnsupportedOpError",
    "UsageError",
    "XnorsimError",
    "choices",
]


class XnorsimError(Exception):
    """Base of every exception that xnorsim raises on purpose."""


class DiskFullError(XnorsimError):
    """There is no room for what is written; what is there already stays, to be gone on with."""


class InputError(XnorsimError, ValueError):
    """The input is at fault, not the program."""


class UsageError(InputError):
    """An option or argument makes no sense."""


class ModelError(InputError):
    """A network file or graph cannot be read or costed."""


class UnsupportedOpError(ModelError):
    """Operators of a file have no rule; the message lists every one of them."""


class ShapeError(ModelError):
    """Shapes do not fit each other, or stay unknown."""


class ProfileError(InputError):
    """A hardware profile has faults; the message lists every one with its line and path."""


class SpecError(InputError):
    """The spec of a sweep has faults; the message lists every one with its line and path."""


class MissingExtraError(InputError):
    """An optional dependency is not installed; the message names the extra to install."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package '{package}': install it with "
            f"pip install 'xnorsim[{extra}]'"
        )
        self._given = package, extra, purpose

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str, str]]:
        return type(self), self._given  # it may be raised in another process


def choices(given: str, valid: Iterable[str]) -> str:
    """The tail of an error message: the nearest valid choices first, then all (at most 20)."""
    names = sorted(valid)
    near = difflib.get_close_matches(given, names, n=3)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    shown = ", ".join(names[:20]) + (f", ... ({len(names)} in all)" if len(names) > 20 else "")
    return f"{hint}valid choices: {shown or 'none'}"
