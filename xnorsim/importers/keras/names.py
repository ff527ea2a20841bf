"""What a config calls functions and quantizers: by name, as an object, or as a registered one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["LONGEST_NAME", "named"]

LONGEST_NAME = 1000
"""Characters of a layer's or a weight's name: those of files are some dozens."""


def named(given: object) -> tuple[str, Mapping[str, Any]] | None:
    """(name, settings) of a function or quantizer; None if `given` is neither.

    >>> named("ste_sign"), named({"class_name": "Larq>SteSign", "config": {"clip_value": 1.0}})
    (('ste_sign', {}), ('SteSign', {'clip_value': 1.0}))
    >>> named({"class_name": "function", "config": "xnor_weight_scale"})
    ('xnor_weight_scale', {})
    """
    if isinstance(given, str):
        return given.rsplit(">", 1)[-1], {}
    if not isinstance(given, dict) or not isinstance(given.get("class_name"), str):
        return None
    name, config = given["class_name"], given.get("config")
    if name == "function":
        own = config if isinstance(config, str) else given.get("registered_name")
        return (own.rsplit(">", 1)[-1], {}) if isinstance(own, str) else None
    return name.rsplit(">", 1)[-1], config if isinstance(config, dict) else {}
