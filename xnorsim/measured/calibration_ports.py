"""Which ports instructions take: those of the nearest profile, corrected where pairs contradict it.

Rates alone do not tell ports. A pair of classes does, one of each in turn, where a structure says
that they are alike or have nothing in common: on the same ports it takes the sum of their times, on
others the longer one. A pair within 15% of the way of the other answer contradicts the structure.
The rule: the class with most contradictions takes the ports of one that it does share time with, or
else ports of its own; and again, until no class has more than one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from xnorsim.machine.instructions import CLASSES
from xnorsim.machine.schema import HardwareProfile
from xnorsim.measured.host import Host

__all__ = ["Ports", "corrected", "nearest_name", "structure"]

Ports = dict[str, tuple[str, ...]]
_NEAR = 0.15
_DISTINCT = 1.3
"""How much longer the sum must be than the longer one to tell them apart."""

_NAMES = {
    **dict.fromkeys(("zen", "zen2", "zen3"), "zen-3"),
    **dict.fromkeys(("zen4", "zen5"), "zen-4"),
    **dict.fromkeys(("haswell", "broadwell", "skylake", "sandybridge", "ivybridge"), "haswell"),
    **dict.fromkeys(("skylake_avx512", "cascadelake", "cannonlake"), "skylake-sp"),
    **dict.fromkeys(("icelake", "sapphirerapids", "graniterapids"), "x86-avx512-vpopcnt"),
    **dict.fromkeys(("cortex_a53", "cortex_a55"), "raspberry-pi-3b-plus"),
    **dict.fromkeys(("cortex_a57", "cortex_a72"), "raspberry-pi-4b"),
    **dict.fromkeys(("cortex_a73", "cortex_a75"), "pixel-1"),
    **dict.fromkeys(("cortex_a76", "cortex_a78"), "raspberry-pi-5"),
    **dict.fromkeys(("neoverse_n1", "neoverse_n2", "neoverse_v1", "neoverse_v2"), "neoverse-n1"),
    **dict.fromkeys(("m1", "m2", "m3"), "apple-m1"),
}
"""archspec's microarchitecture -> the profile with the nearest core."""

_ALIKE = {
    "vector_popcount": ("vector_shuffle", "vector_logic"),
    "int8_dot": ("int8_multiply", "fp32_fma"),
    "fp16_fma": ("fp32_fma",),
    "vector_move": ("vector_shuffle",),
    "scalar_popcount": ("scalar_multiply",),
}
"""Classes that take the ports of another one where the nearest profile lacks them."""


def nearest_name(host: Host) -> str:
    """The profile whose core is nearest: by the microarchitecture, else by what it can execute."""
    if host.microarchitecture in _NAMES:
        return _NAMES[host.microarchitecture]
    features = set(host.features)
    if host.architecture != "x86_64":
        return "neoverse-n1"
    if "avx512f" in features:
        return "x86-avx512-vpopcnt" if "avx512_vpopcntdq" in features else "skylake-sp"
    return "zen-3" if host.vendor == "AuthenticAMD" else "haswell"


def structure(nearest: HardwareProfile, classes: list[str]) -> Ports:
    """The ports of each of these classes as the profile has them; see _ALIKE for what it lacks."""
    given = {
        name: item.ports
        for name in CLASSES
        if (item := getattr(nearest.instructions, name)) is not None
    }
    found: Ports = {}
    for name in classes:
        same = next((each for each in (name, *_ALIKE.get(name, ())) if each in given), None)
        found[name] = given[same] if same else (f"{name}_0",)
    return found


def corrected(
    ports: Ports,
    alone: Mapping[str, float],
    pairs: Mapping[tuple[str, str], float],
    issue_width: float,
) -> tuple[Ports, tuple[str, ...]]:
    """The structure after the rule above, and a sentence for each class that was moved.

    alone: cycles of one instruction of a class; pairs: of one of each. Pairs that the front end
    binds, or whose classes overlap in some ports only, tell nothing.
    """
    ports, notes = dict(ports), []
    shares = {pair: _shares(*pair, alone, cycles, issue_width) for pair, cycles in pairs.items()}
    told = {pair: verdict for pair, verdict in shares.items() if verdict is not None}
    for _ in range(len(ports)):
        against = _contradictions(ports, told)
        name, count = max(against.items(), key=lambda item: item[1], default=("", 0))
        if count < 2:
            break
        before, ports[name] = ports[name], _moved(name, ports, told, against)
        notes.append(
            f"{name} moved from {'+'.join(before)} to {'+'.join(ports[name])}: "
            f"{count} pairs contradict the nearest profile"
        )
        told = {pair: verdict for pair, verdict in told.items() if name not in pair}
    return ports, tuple(notes)


def _contradictions(ports: Ports, told: Mapping[tuple[str, str], bool]) -> Counter[str]:
    """How many pairs contradict the ports of each class."""
    return Counter(
        name
        for (a, b), verdict in told.items()
        if _alike(ports[a], ports[b]) not in (None, verdict)
        for name in (a, b)
    )


def _moved(
    name: str, ports: Ports, told: Mapping[tuple[str, str], bool], against: Counter[str]
) -> tuple[str, ...]:
    """The ports of a class that shares time with this one and is less contradicted, or new ones."""
    for pair, shared in told.items():
        if shared and name in pair:
            other = pair[0] if name == pair[1] else pair[1]
            if against[other] < against[name]:
                return ports[other]
    return tuple(f"{name}_{number}" for number in range(len(ports[name])))


def _alike(one: tuple[str, ...], other: tuple[str, ...]) -> bool | None:
    """Whether a structure has two classes on the same ports; None where they overlap in part."""
    if set(one) == set(other):
        return True
    return None if set(one) & set(other) else False


def _shares(
    a: str, b: str, alone: Mapping[str, float], cycles: float, issue_width: float
) -> bool | None:
    """Whether a pair takes the sum of its times (True) or the longer one (False); None: between."""
    together, apart = alone[a] + alone[b], max(alone[a], alone[b], 2 / issue_width)
    if together < _DISTINCT * apart:
        return None
    place = (cycles - apart) / (together - apart)
    return None if _NEAR < place < 1 - _NEAR else place > 0.5
