"""Engines: ways to compute a binary inner product. All give the same integers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Engine"]


@dataclass(frozen=True, slots=True)
class Engine:
    """Placeholder while the interface is being written."""

    name: str
