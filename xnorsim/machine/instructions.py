"""The classes of instructions of the instruction-level model, and what one costs a core.

A class stands for instructions that cost alike on every core known here. Recipes count them,
profiles price them. The vector ones work on `simd.bits` of the profile, unless they say otherwise.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from xnorsim.machine.quantity import Dimension, Quantity, Section

__all__ = ["CLASSES", "CYCLES", "Instruction", "Instructions"]

# What busy and latency are measured in.
CYCLES = Dimension(("cycle",))


class Instruction(Section):
    """What one instruction of a class costs: front end, ports, and the wait for its result."""

    # That it is not empty is checked beside pydantic, which would also call ports with wrong names
    # too few.
    ports: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        description="names of the ports, any one of which takes a micro-operation",
        json_schema_extra={"minItems": 1},
    )
    uops: int = Field(
        ge=1, strict=True, description="micro-operations as core.issue_width counts them"
    )
    busy: Annotated[Quantity, CYCLES] = Field(
        description="cycles of one port that the whole instruction takes, all micro-operations"
    )
    latency: Annotated[Quantity, CYCLES] | None = Field(
        default=None,
        description="cycles from an operand, the accumulator where there is one, to the result",
    )


def _class(what: str) -> Any:
    return Field(default=None, description=what)


class Instructions(Section):
    """What each class of instructions costs. A machine cannot execute a class that is left out."""

    vector_logic: Instruction | None = _class("XOR, AND, OR")
    vector_add: Instruction | None = _class("integer addition or subtraction, lane by lane")
    vector_shift: Instruction | None = _class("shift of every lane by a constant")
    vector_popcount: Instruction | None = _class("set bits of every lane: CNT, VPOPCNT")
    vector_pairwise_add: Instruction | None = _class("sums of neighbouring lanes: ADDP")
    vector_widening_add: Instruction | None = _class("pairwise sums in lanes twice as wide: UADDLP")
    vector_widening_accumulate: Instruction | None = _class("the same onto an accumulator: UADALP")
    vector_reduce_add: Instruction | None = _class("the sum of all lanes: ADDV, UADDLV")
    vector_sad: Instruction | None = _class("absolute differences: VPSADBW (summed), UABD (not)")
    vector_shuffle: Instruction | None = _class("bytes by index from one register: TBL, VPSHUFB")
    vector_compare: Instruction | None = _class("comparison of fp32 lanes into a mask")
    vector_min_max: Instruction | None = _class("minimum or maximum of fp32 lanes")
    vector_narrow: Instruction | None = _class("lanes half as wide: XTN, VPACKSSDW")
    vector_mask_move: Instruction | None = _class("signs or mask to a scalar register: VMOVMSKPS")
    vector_move: Instruction | None = _class("one lane to all lanes, between registers: DUP")
    vector_to_scalar: Instruction | None = _class("one lane to a scalar register: UMOV, VMOVQ")
    int8_multiply: Instruction | None = _class("products of int8 into int16: SMULL, VPMADDUBSW")
    int8_dot: Instruction | None = _class("four products of int8 onto an int32: SDOT, VPDPBUSD")
    fp32_fma: Instruction | None = _class("fused multiply-add of fp32 lanes")
    fp32_add: Instruction | None = _class("addition of fp32 lanes")
    fp32_mul: Instruction | None = _class("multiplication of fp32 lanes")
    fp16_fma: Instruction | None = _class("fused multiply-add of fp16 lanes")
    fp_convert: Instruction | None = _class("int32 lanes to fp32, or back")
    vector_load: Instruction | None = _class("load of one vector")
    vector_store: Instruction | None = _class("store of one vector")
    broadcast_load: Instruction | None = _class("load of one fp32 into all lanes: LD1R")
    scalar_load: Instruction | None = _class("load of one machine word or float")
    scalar_store: Instruction | None = _class("store of one machine word or float")
    scalar_alu: Instruction | None = _class("addition, logic, shift of one machine word")
    scalar_multiply: Instruction | None = _class("multiplication of 32-bit integers")
    scalar_popcount: Instruction | None = _class("set bits of one machine word: POPCNT")
    scalar_fp32_add: Instruction | None = _class("addition of one fp32")
    scalar_fp32_mul: Instruction | None = _class("multiplication, plain or fused, of one fp32")
    branch: Instruction | None = _class("conditional jump, taken and foreseen")


# What each class is, in the order of every array over classes.
CLASSES: dict[str, str] = {
    name: str(field.description) for name, field in Instructions.model_fields.items()
}
