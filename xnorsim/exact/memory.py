"""The memory that a run takes, told before it runs."""

from __future__ import annotations

from dataclasses import replace

from xnorsim.errors import ModelError
from xnorsim.exact.encodings import held_spec
from xnorsim.network.graph import Graph, Parameter
from xnorsim.network.precision import BIPOLAR
from xnorsim.units import format_bits
from xnorsim.work.fusion import DEFAULT_FUSE, fusions
from xnorsim.work.memory import live_activations

__all__ = ["check_memory", "predicted_bits", "tile_bytes"]

_TILE_SHARE = 8
_SMALLEST_TILE, _LARGEST_TILE = 2**17, 2**21
_BINARY_BITS = 64
"""What a binary weight takes at most: the float it is made of and its magnitude, while alpha is
taken; later its sign in a byte and, for engine blas, a float."""

_PACKED_BITS = 2
"""What a binary weight takes in a plan: four are in a byte of a kernel that looks them up."""


def predicted_bits(graph: Graph) -> int:
    """The most [bit] that living activations take at once, as a run holds them.

    Those of work.memory, with each tensor in the type that holds it (+-1 takes a byte).
    """
    held = {name: held_spec(spec) for name, spec in graph.tensors.items()}
    return live_activations(replace(graph, tensors=held), fusions(graph, DEFAULT_FUSE)).peak


def tile_bytes(graph: Graph) -> int:
    """The columns [byte] that a convolution may make at a time: a share of what lives anyway.

    Larger tiles are faster, since a matrix product reads all filters for each of them.
    """
    share = predicted_bits(graph) // 8 // _TILE_SHARE
    return min(max(share, _SMALLEST_TILE), _LARGEST_TILE)


def check_memory(graph: Graph, most: float, *, hold: bool, buffers: int | None = None) -> None:
    """Whether a run stays within `most` [byte]: activations, a tile, and weights.

    All weights count if the session is to `hold` them, else those of the layer that has most. A
    plan has activations in `buffers` [byte], and keeps all weights besides, as its kernels read
    them.

    Raises:
        ModelError: it does not.
    """
    activations = predicted_bits(graph) if buffers is None else 8 * buffers
    read = [{*node.parameters.values()} for node in graph.nodes]
    sizes = {name: _weight_bits(item) for name, item in graph.parameters.items()}
    layers = [set(sizes)] if hold else read
    weights = max((sum(sizes[name] for name in names) for names in layers), default=0)
    if buffers is not None:
        weights += sum(_packed_bits(item) for item in graph.parameters.values())
    total = activations + 8 * tile_bytes(graph) + weights
    if total <= 8 * most:
        return
    name = max(graph.tensors, key=lambda item: held_spec(graph.tensors[item]).bits)
    raise ModelError(
        f"{graph.name}: a run takes about {format_bits(total)} (activations "
        f"{format_bits(activations)}, weights {format_bits(weights)}), more than the "
        f"{format_bits(int(8 * most))} allowed; its largest tensor is '{name}', "
        f"{graph.tensors[name]}"
    )


def _weight_bits(item: Parameter) -> int:
    if item.spec.encoding == BIPOLAR:
        return item.spec.elements * _BINARY_BITS
    return held_spec(item.spec).bits


def _packed_bits(item: Parameter) -> int:
    if item.spec.encoding == BIPOLAR:
        return item.spec.elements * _PACKED_BITS
    return held_spec(item.spec).bits
