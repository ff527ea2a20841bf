"""What can be turned: the numbers of a machine in steps, and the precision of groups of layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xnorsim.errors import UsageError
from xnorsim.explore.surrogate import CHOICES
from xnorsim.machine.fields import value_of
from xnorsim.machine.quantity import Quantity
from xnorsim.network.graph import Graph, Node
from xnorsim.network.policy import Binarize, Policy, binarizable, is_depthwise, kept, matching
from xnorsim.units import format_bits, format_si

if TYPE_CHECKING:
    from xnorsim.machine.schema import HardwareProfile

__all__ = ["MIXED", "Group", "Knob", "State", "groups", "knobs", "precision_of"]

MIXED = "mixed"
"""The precision of a group whose layers differ, as the policy has them."""


@dataclass(frozen=True)
class State:
    """What is turned.

    values: text by field of the profile, as {"clock": "2 GHz"}; precisions: by group of layers, one
    of surrogate.CHOICES; threads: cores in use. What is not named is as at the start.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    precisions: Mapping[str, str] = field(default_factory=dict)
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Knob:
    """A number of a machine in steps.

    label: what it is; paths: the fields of the profile that it sets together; steps: by step the
    text of each of them, () for the profile's own; labels: by step its value with its unit, of the
    first field; start: which step is the profile's own.
    """

    label: str
    paths: tuple[str, ...]
    steps: tuple[tuple[str, ...], ...]
    labels: tuple[str, ...]
    start: int


def knobs(profile: HardwareProfile, predictor: str) -> tuple[Knob, ...]:
    """What of a profile may be turned under a predictor, as far as the profile has it."""
    from_instructions = predictor.partition(":")[0] == "instructions"
    rate = "instructions.vector_popcount.per_cycle" if from_instructions else "throughput.binary"
    what = "popcounts" if from_instructions else "binary vectors"
    found = [
        _scaled(profile, "clock", ("clock",), 1 / 6, 12, 12),
        _widths(profile),
        _scaled(profile, what, (rate,), 1 / 4, 12, 12),
    ]
    levels = [memory.name for memory in profile.memories]
    for name in levels[:-1]:
        found.append(_scaled(profile, f"{name} size", (f"memories.{name}.size",), 1.0, 4, 6))
    for place, name in enumerate(levels):
        if from_instructions and not place:  # its loads and stores are among the instructions
            continue
        paths = (f"memories.{name}.bandwidth", f"memories.{name}.shared_bandwidth")
        found.append(_scaled(profile, f"{name} bandwidth", paths, 1 / 4, 12, 12))
    return tuple(knob for knob in found if knob is not None)


def _scaled(
    profile: HardwareProfile, label: str, paths: Sequence[str], octaves: float, down: int, up: int
) -> Knob | None:
    """Steps of so many octaves below and above; fields that there are keep their proportion."""
    given = {path: _given(profile, path) for path in paths}
    known = {path: value for path, value in given.items() if value is not None}
    if given[paths[0]] is None:
        return None
    steps, texts = [], []
    for step in range(-down, up + 1):
        each = tuple(_text(value * 2 ** (step * octaves), unit) for value, unit in known.values())
        texts.append(_short(each[0] if step else _own(profile, paths[0], each[0])))
        steps.append(each if step else ())
    return Knob(label, tuple(known), tuple(steps), tuple(texts), down)


def _given(profile: HardwareProfile, path: str) -> tuple[float, str] | None:
    """A number of a profile and its unit; None where it has none, or no limit."""
    try:
        found = value_of(profile, path)
    except UsageError:  # a machine without such instructions
        return None
    if found is None or isinstance(found[0], str) or not math.isfinite(found[0]):
        return None
    return found[0], found[1]


def _own(profile: HardwareProfile, path: str, otherwise: str) -> str:
    """A value as the profile's author wrote it, who chose the unit."""
    holder: object = profile
    for key in path.split("."):
        if isinstance(holder, tuple):
            holder = next(item for item in holder if item.name == key)
        else:
            holder = getattr(holder, key, None)
    return str(holder.value) if isinstance(holder, Quantity) else otherwise


_TEXTS: dict[str, Callable[[float], str]] = {
    "hertz": lambda value: _without_zeros(format_si(value, "Hz")),
    "byte": lambda value: _without_zeros(format_bits(8 * round(value))),
    "byte/s": lambda value: _without_zeros(format_si(value, "B/s")),
    "byte/cycle": lambda value: f"{_rounded(value)} byte/cycle",
    "vector/cycle": lambda value: f"{_rounded(value)} vector/cycle",
    "": lambda value: f"{_rounded(value)} op/cycle",
}


def _rounded(value: float) -> str:
    """Two digits, three from a hundred on: steps apart, and short beside a slider."""
    return f"{float(f'{value:.{3 if value >= 100 else 2}g}'):g}"


def _short(text: str) -> str:
    """A value as it fits beside a slider; what is counted, its label says."""
    for unit, short in _SHORT.items():
        text = text.replace(unit, short)
    return text


_SHORT = {"byte/cycle": "B/cycle", " vector/cycle": "/cycle", " op/cycle": "/cycle"}


def _without_zeros(text: str) -> str:
    number, _, unit = text.partition(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}"


def _text(value: float, unit: str) -> str:
    return _TEXTS[unit](value)


def _widths(profile: HardwareProfile) -> Knob:
    """Vectors of a quarter to eight times the profile's bits, 32 to 2048."""
    found = value_of(profile, "simd.bits")
    assert found is not None  # every profile has it
    own = int(found[0])
    near = [own * 2**step for step in range(-2, 4)]
    widths = [bits for bits in near if bits == own or 32 <= bits <= 2048]
    texts = tuple(f"{bits} bit" for bits in widths)
    steps = tuple(() if bits == own else (f"{bits} bit",) for bits in widths)
    return Knob("SIMD width", ("simd.bits",), steps, texts, widths.index(own))


@dataclass(frozen=True, slots=True)
class Group:
    """Layers that get a precision together.

    name: "first", "last", or the size of what the layers between write, as "56x56"; precision: what
    the policy gives them, MIXED where they differ.
    """

    name: str
    layers: tuple[str, ...]
    precision: str


def groups(graph: Graph, policy: Policy) -> tuple[Group, ...]:
    """The layers that may be binary: the first, the last, and those between by output size.

    Stages of a network differ in the size of their feature maps, whatever their layers are called.
    Depthwise convolutions are left out unless the policy has them.
    """
    given = precision_of(graph, policy)
    free = [n for n in binarizable(graph) if policy.depthwise or not is_depthwise(graph, n)]
    found: dict[str, list[str]] = {}
    for node, name in zip(free, _group_names(graph, free), strict=True):
        found.setdefault(name, []).append(node.name)
    return tuple(
        Group(name, tuple(layers), words.pop() if len(words) == 1 else MIXED)
        for name, layers in found.items()
        if (words := {given[layer] for layer in layers})
    )


def _group_names(graph: Graph, free: Sequence[Node]) -> Iterator[str]:
    for place, node in enumerate(free):
        size = graph.tensors[node.outputs[0]].shape[2:]
        inner = "x".join(map(str, size)) or "dense"
        yield "first" if not place else "last" if place == len(free) - 1 else inner


def precision_of(graph: Graph, policy: Policy) -> dict[str, str]:
    """What a policy makes of each layer that may be binary: one of surrogate.CHOICES."""
    high, bwn, xnor = CHOICES
    names = [node.name for node in binarizable(graph)]
    stay = kept(graph, policy)
    wide = {name for word in policy.weights_only for name in matching(word, names)}
    usual = {Binarize.NONE: high, Binarize.BWN: bwn, Binarize.XNOR: xnor}[policy.binarize]
    return {
        name: high if name in stay else bwn if name in wide and usual == xnor else usual
        for name in names
    }
