"""The paper's own pairing on this machine: loops of one layer, ratios, and what binds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from xnorsim.analysis.costs import analyze
from xnorsim.analysis.host_rows import Found, Known, host_row, speedup
from xnorsim.analysis.validation import Task
from xnorsim.kernels.table import KERNELS
from xnorsim.measured.described import PAIRING
from xnorsim.measured.grid import REFERENCE, layer_name
from xnorsim.measured.validate import Compared
from xnorsim.show.host_validation import Bottleneck, Paired, Pairing

if TYPE_CHECKING:
    from xnorsim.cost.explanation import LayerExplanation, StageRun

__all__ = ["bottleneck", "explained", "pairing"]

_PRODUCT = "conv"
"""The convolution of a layer's graph (measured.grid.layer_graph)."""


def pairing(
    found: Sequence[Known], explain: Callable[[Task], LayerExplanation] | None = None
) -> Pairing | None:
    """The loops of PAIRING on the reference layer; None where fewer than two are predicted.

    Ratios are of words of 64 bits and of vectors over the scalar float loops, as written and
    unrolled.
    """
    from xnorsim.cost.formula import speedup as by_formula

    name = layer_name(REFERENCE)
    by_kernel = {
        subject.kernel: item
        for item in found
        if isinstance(item, Found)
        and (subject := item.measurement.subject).problem == name
        and subject.threads == 1
    }
    held = {kernel: by_kernel[kernel] for kernel in PAIRING if kernel in by_kernel}
    if len(held) < 2:
        return None
    paired = tuple(
        Paired(
            kernel,
            host_row(item).compared,
            bottleneck((explain or explained)(item.task)),
        )
        for kernel, item in held.items()
    )
    ratios = tuple(
        ratio
        for fast in held
        for slow in held
        if KERNELS[fast].kind == "binary"
        and KERNELS[slow].kind == "fp"
        and isinstance(ratio := speedup(held[fast], held[slow]), Compared)
    )
    formula = by_formula(REFERENCE.channels, REFERENCE.kernel**2).item()
    return Pairing(name, formula, paired, ratios)


def explained(task: Task) -> LayerExplanation:
    """The arithmetic of the product of a task of one layer, as xnorsim explain shows it."""
    from xnorsim.analysis.models import load_profiles
    from xnorsim.cost.derivation import explain_layer

    (profile,) = load_profiles(task.profile)
    predictor = f"instructions:{task.recipes}"
    report = analyze(
        task.model, profile=profile, threads=task.threads, fuse=task.fuse, predictor=predictor
    )
    place = report.table.names.index(_PRODUCT)
    return explain_layer(report.table, place, profile, report.predictions[0])


def bottleneck(layer: LayerExplanation) -> Bottleneck:
    """What binds the stage of a layer that takes most time."""
    longest = max(layer.stages, key=lambda stage: stage.seconds)
    share = longest.seconds / layer.latency_s
    slow = max(longest.transfers, key=lambda item: item.seconds, default=None)
    if slow is not None and slow.seconds > longest.core.seconds:
        cycles = slow.seconds * longest.core.clock_hz
        return Bottleneck(longest.name, share, f"{slow.inner}-{slow.outer}", cycles, layer.macs)
    name, waits = _on_core(longest)
    return Bottleneck(longest.name, share, name, longest.core.cycles, layer.macs, waits)


def _on_core(stage: StageRun) -> tuple[str, float]:
    """The chain that waits, with its latency, or the ports that are full."""
    core = stage.core
    if core.cycles <= core.chain_cycles and core.chains:
        longest = max(core.chains, key=lambda chain: chain.instructions * chain.latency_cycles)
        return longest.name, longest.latency_cycles
    return core.limits[0].name, 0.0
