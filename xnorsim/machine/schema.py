"""The schema of a hardware profile, version 1.

One class a section. What a field may hold (unit, zero, exactness) is a `Dimension` beside it, and
`quantity_fields` walks them all, so that checking, lowering and listing share one description.
"""

from __future__ import annotations

import functools
import re
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Field, model_validator

from xnorsim.machine.instructions import Instructions
from xnorsim.machine.quantity import Dimension, Quantity, Section, faults
from xnorsim.units import QuantityError, parse_quantity

__all__ = [
    "CoreSection",
    "Energy",
    "HardwareProfile",
    "Memory",
    "Overhead",
    "Programs",
    "Scalar",
    "Simd",
    "Throughput",
    "dimension_of",
    "model_of",
    "quantity_faults",
    "quantity_fields",
]

_RATE = Annotated[Quantity, Dimension(("vector/cycle",), unlimited=True)]
_ENERGY = Annotated[Quantity, Dimension(("joule",), zero=True)]
_BANDWIDTH = Dimension(("byte/s", "byte/cycle"), unlimited=True)
_OPERATIONS = ("binary_mac", "bwn_mac", "int8_mac", "fp32_mac", "fp_op", "binarize")
_EXAMPLE = {"value": "1.5 GHz", "source": "datasheet", "basis": "datasheet"}


class Simd(Section):
    """The vector unit."""

    bits: Annotated[Quantity, Dimension(("bit",), exact=True)] = Field(
        description="width of a vector register in bits; exact",
        examples=[{"value": "128 bit", "source": "datasheet", "basis": "datasheet"}],
    )


class Throughput(Section):
    """Roofline ceilings of one core: vectors of operands through the inner step, per cycle."""

    binary: _RATE = Field(description="1-bit elements, XNOR and popcount: simd.bits a vector")
    bwn: _RATE = Field(description="+-1 weight x fp32 activation, additions: simd.bits/32 a vector")
    int8: _RATE = Field(description="int8 multiply-accumulate: simd.bits/8 a vector")
    fp32: _RATE = Field(description="fp32 multiply-accumulate: simd.bits/32 a vector")
    elementwise: _RATE = Field(description="fp32 operations that are not MACs: simd.bits/32")
    binarize: _RATE = Field(description="fp32 elements, sign taken and packed: simd.bits/32")


class Scalar(Section):
    """The scalar float loop with one accumulator: the baseline of the kind the paper timed."""

    fp32_latency: Annotated[Quantity, Dimension(("cycle",))] = Field(
        description="cycles from one dependent accumulation to the next (add, or fused MAC)"
    )
    loads_per_cycle: Annotated[Quantity, Dimension(("op/cycle",), unlimited=True)] = Field(
        description="scalar loads a cycle, as '1 op/cycle'"
    )


class CoreSection(Section):
    """What bounds a core's instructions besides its ports."""

    execution: Literal["in-order", "out-of-order"] = Field(
        description="whether an instruction may start before one that stands ahead of it"
    )
    issue_width: Annotated[Quantity, Dimension(("op/cycle",))] = Field(
        description="micro-operations that the narrowest stage of the front end passes a cycle",
        examples=[{"value": "3 op/cycle", "source": "guide", "basis": "datasheet"}],
    )
    efficiency: Annotated[Quantity, Dimension(("",), most=1)] | None = Field(
        default=None,
        description="share of the port bound that long loops of kernels reach; left out: 1",
    )
    write_streaming: bool = Field(
        default=False,
        description="whether long runs of stores go out without their lines being fetched first",
    )


class Memory(Section):
    """One level of the memory hierarchy."""

    name: str = Field(min_length=1, examples=["L1", "DRAM"])
    size: Annotated[Quantity, Dimension(("byte",), unlimited=True)] = Field(
        description="capacity: of one core for a private cache, of all for a shared one"
    )
    bandwidth: Annotated[Quantity, _BANDWIDTH] = Field(
        description="what one core reads from this level, per cycle or per second"
    )
    shared_bandwidth: Annotated[Quantity, _BANDWIDTH] | None = Field(
        default=None, description="ceiling of all cores together; without it there is none"
    )
    overlap: Annotated[Quantity, Dimension(("",), zero=True, most=1)] | None = Field(
        default=None,
        description="share of the shorter of the two, transfers from this level and everything "
        "nearer, that hides behind the longer; left out: 1, all of it; not for the nearest level",
    )
    energy: Annotated[Quantity, Dimension(("joule/byte",), zero=True)] | None = Field(
        default=None, description="for one byte moved; required when the profile has energies"
    )


_CALL = Annotated[Quantity, Dimension(("second",), zero=True)]


class Programs(Section):
    """Time of a call of each program: of a network of one layer of one number.

    A program is a recipe set, or the sets whose names begin with its name and a "-".
    """

    own: _CALL | None = Field(default=None, description="our kernels of vectors")
    popcnt: _CALL | None = Field(default=None, description="our XNOR and popcount of words")
    scalar: _CALL | None = Field(default=None, description="our loops without vectors")
    numpy: _CALL | None = Field(default=None, description="numpy with its BLAS")
    onnxruntime: _CALL | None = Field(default=None, description="ONNX Runtime: a session's run")
    larq: _CALL | None = Field(default=None, description="Larq Compute Engine's interpreter")
    tflite: _CALL | None = Field(default=None, description="TensorFlow Lite's interpreter")
    dabnn: _CALL | None = Field(default=None, description="dabnn's interpreter")


class Overhead(Section):
    """Time that is not work."""

    layer: Annotated[Quantity, Dimension(("second",), zero=True)] = Field(
        description="time to start one layer (dispatch, allocation, thread wake-up)"
    )
    programs: Programs | None = Field(
        default=None,
        description="time of a call of a program, spent once a run in place of the first layer's; "
        "a program left out takes that of a layer",
    )


class Energy(Section):
    """Technology and power of a core; memory has its own energies.

    Energies of one operation, with the instructions that carry it, come all six or none.
    """

    node: Annotated[Quantity, Dimension(("meter",))] = Field(description="technology node")
    voltage: Annotated[Quantity, Dimension(("volt",))] = Field(description="core supply")
    instruction: _ENERGY | None = Field(
        default=None,
        description="what one instruction costs beside its arithmetic: fetch, decode, schedule, "
        "retire; left out it is derived from node, voltage and core.execution",
    )
    binary_mac: _ENERGY | None = Field(default=None, description="one +-1 x +-1 MAC")
    bwn_mac: _ENERGY | None = Field(default=None, description="one +-1 weight x fp32 MAC")
    int8_mac: _ENERGY | None = Field(default=None, description="one int8 MAC")
    fp32_mac: _ENERGY | None = Field(default=None, description="one fp32 MAC")
    fp_op: _ENERGY | None = Field(default=None, description="one fp32 operation that is not a MAC")
    binarize: _ENERGY | None = Field(
        default=None, description="one element whose sign is taken and packed"
    )
    static: Annotated[Quantity, Dimension(("watt",), zero=True)] = Field(
        description="power that is drawn whether or not there is work"
    )


class HardwareProfile(Section):
    """A machine: quantities in text, each with its source. `lower` makes numbers of it."""

    schema_version: Literal[1] = Field(alias="schema", description="version of this schema")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$", description="also the file's name")
    # "array" (accelerators) will be another class and a union of the two; until then it is refused.
    kind: Literal["cpu"] = Field(description="what kind of machine this describes")
    description: str = Field(min_length=1)
    sources: dict[str, str] = Field(
        min_length=1, description="key: citation with title, revision, section or table, and URL"
    )
    clock: Annotated[Quantity, Dimension(("hertz",))] = Field(examples=[_EXAMPLE])
    cores: Annotated[Quantity, Dimension(("",), exact=True)] = Field(
        examples=[{"value": 4, "source": "datasheet", "basis": "datasheet"}]
    )
    simd: Simd
    throughput: Throughput
    scalar: Scalar
    core: CoreSection | None = Field(
        default=None, description="with instructions, for predictions from instructions"
    )
    instructions: Instructions | None = Field(
        default=None,
        description="what each class of instructions costs; one left out cannot be executed",
    )
    memories: tuple[Memory, ...] = Field(min_length=1, description="nearest first, main one last")
    overhead: Overhead
    energy: Energy | None = Field(
        default=None, description="without it energies are unknown and energy columns stay empty"
    )

    @model_validator(mode="after")
    def _numbers(self) -> HardwareProfile:
        found = list(quantity_faults(self.model_dump(by_alias=True)))
        if found:
            lines = [f"{'.'.join(map(str, path))}: {message}" for path, message in found]
            raise ValueError("; ".join(lines))
        return self

    def __repr__(self) -> str:
        from xnorsim.machine.view import profile_line

        return f"<HardwareProfile {self.name}: {profile_line(self)}>"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        from xnorsim.machine.view import profile_html

        return profile_html(self)


def _unwrapped(annotation: Any) -> tuple[Any, Dimension | None, bool]:
    """(class, dimension, whether many) below Annotated, Optional and tuple[...]."""
    dimension, many = None, False
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *extra = get_args(annotation)
            dimension = next((x for x in extra if isinstance(x, Dimension)), dimension)
        elif origin in (Union, types.UnionType):
            annotation = next(a for a in get_args(annotation) if a is not type(None))
        elif origin is tuple:
            annotation, many = get_args(annotation)[0], True
        else:
            return annotation, dimension, many


@functools.cache
def _fields(model: type[BaseModel]) -> tuple[tuple[str, Any, Dimension | None, bool], ...]:
    found = []
    for name, info in model.model_fields.items():
        annotation, dimension, many = _unwrapped(info.annotation)
        at_field = next((x for x in info.metadata if isinstance(x, Dimension)), dimension)
        found.append((info.alias or name, annotation, at_field, many))
    return tuple(found)


def model_of(path: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The class whose keys stand at a path of the document, or None."""
    model: Any = HardwareProfile
    for part in path:
        if isinstance(part, int):
            continue
        fields = {name: annotation for name, annotation, _, _ in _fields(model)}
        model = fields.get(part)
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return None
    return model


@functools.cache
def dimension_of(path: tuple[str | int, ...]) -> Dimension:
    """What the quantity at a path may hold; raises KeyError when there is no quantity there."""
    *parents, last = (part for part in path if isinstance(part, str))
    model = model_of(tuple(parents))
    for name, _, dimension, _ in _fields(model) if model else ():
        if name == last and dimension is not None:
            return dimension
    raise KeyError(path)


def quantity_fields(
    data: Any, model: type[BaseModel] = HardwareProfile, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Any, Dimension]]:
    """(path, data, dimension) of every quantity present in plain data, in the schema's order."""
    if not isinstance(data, dict):
        return
    for name, annotation, dimension, many in _fields(model):
        if name not in data or data[name] is None:
            continue
        below = (*path, name)
        if dimension is not None:
            yield below, data[name], dimension
        elif many and isinstance(data[name], list | tuple):
            for index, item in enumerate(data[name]):
                yield from quantity_fields(item, annotation, (*below, index))
        elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from quantity_fields(data[name], annotation, below)


def quantity_faults(data: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every fault in numbers, sources and memories, as (path, message).

    Keys and types are pydantic's part; this one takes plain data, and works beside faults of those.
    """
    known = data.get("sources") if isinstance(data, dict) else None
    known = known if isinstance(known, dict) else {}
    used: set[str] = set()
    for path, value, dimension in quantity_fields(data):
        if not isinstance(value, dict):
            continue
        for key, message in faults(value, dimension):
            yield ((*path, key) if key else path), message
        source = value.get("source")
        # A source that a note argues with by its key is used too.
        used.update(re.findall(r"[\w.-]*\w", f"{value.get('note')} {source}"))
        if isinstance(source, str) and source not in known:
            yield (*path, "source"), f"is not a key of sources (got {source!r}; {_keys(known)})"
    for key in known:
        if key not in used:
            yield ("sources", key), "is not used: no quantity has it as source or in its note"
    yield from _instruction_faults(data)
    yield from _memory_faults(data)
    yield from _energy_faults(data)


def _keys(known: dict[str, Any]) -> str:
    return "valid: " + (", ".join(map(str, known)) or "none, sources is empty or missing")


def _instruction_faults(data: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    given = data if isinstance(data, dict) else {}
    for one, other in (("core", "instructions"), ("instructions", "core")):
        if given.get(one) is not None and given.get(other) is None:
            yield (one,), f"needs the profile's {other} section beside it"
    classes = given.get("instructions")
    if not isinstance(classes, dict):
        return
    if not any(item is not None for item in classes.values()):
        yield ("instructions",), "must hold at least one class of instructions"
    for name, item in classes.items():
        ports = item.get("ports") if isinstance(item, dict) else None
        if not isinstance(ports, list | tuple):
            continue
        if not ports:
            yield ("instructions", name, "ports"), "must name at least one port (got [])"
        for index, port in enumerate(ports):
            if port in ports[:index]:
                yield ("instructions", name, "ports", index), f"occurs twice (got {port!r})"


def _bytes(size: Any) -> float | None:
    """The value of a size as numbers, None where there is none that can be read."""
    value = size.get("value") if isinstance(size, dict) else None
    try:
        return None if value is None else parse_quantity(value, "byte")
    except QuantityError:
        return None  # a fault of its own


def _memory_faults(data: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    memories = data.get("memories") if isinstance(data, dict) else None
    names: set[str] = set()
    nearer = 0.0
    has_energy = isinstance(data, dict) and data.get("energy") is not None
    for index, memory in enumerate(memories if isinstance(memories, list | tuple) else ()):
        if not isinstance(memory, dict):
            continue
        name = memory.get("name")
        if isinstance(name, str) and name in names:
            yield ("memories", index, "name"), f"occurs twice (got {name!r})"
        names.add(str(name))
        size = _bytes(memory.get("size"))
        if size is not None:
            if size <= nearer:
                text = memory["size"]["value"]
                yield (
                    ("memories", index, "size", "value"),
                    f"must be above that of the level before it (got {text!r})",
                )
            nearer = size
        if index == 0 and memory.get("overlap") is not None:
            yield ("memories", 0, "overlap"), "means nothing here: no level is nearer than this one"
        if has_energy and memory.get("energy") is None:
            yield ("memories", index, "energy"), "is missing: the profile has an energy section"
        if not has_energy and memory.get("energy") is not None:
            yield ("memories", index, "energy"), "needs the profile's energy section beside it"


def _energy_faults(data: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    energy = data.get("energy") if isinstance(data, dict) else None
    each = energy if isinstance(energy, dict) else {}
    given = [name for name in _OPERATIONS if each.get(name) is not None]
    for name in _OPERATIONS:
        if given and name not in given:
            yield (
                ("energy", name),
                f"is missing: energies of operations come all or none (given: {', '.join(given)})",
            )
