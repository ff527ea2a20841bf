"""A front of precisions: the cheapest choice for the layers of a network at each fidelity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from xnorsim.show.precision import Scored

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["FrontPoint", "LayerChoice", "PrecisionFront"]


@dataclass(frozen=True, slots=True)
class LayerChoice:
    """A layer that could change: by precision its cosine, and what it saves alone.

    weight_bytes: in high precision; cosines: of its output with the float layer's, given exact
    inputs; saved: of the float network's cost [s or J], if only this layer changes.
    """

    name: str
    weight_bytes: float
    cosines: Mapping[str, float]
    saved: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class FrontPoint:
    """A choice of precisions by layer, and the network that it makes."""

    chosen: Mapping[str, str]
    network: Scored


@dataclass(frozen=True, eq=False, repr=False)
class PrecisionFront:
    """The cheapest precisions at each fidelity, from the float network to the cheapest of all.

    Costs are of one sample, fidelities of `samples` of them. In a notebook and in a
    Python shell it shows itself as a table.
    """

    network: str
    profile: str
    predictor: str
    threads: int
    metric: str
    samples: int
    layers: tuple[LayerChoice, ...]
    points: tuple[FrontPoint, ...]
    notes: tuple[str, ...]
    stays: Mapping[str, tuple[str, ...]]

    @property
    def frame(self) -> pd.DataFrame:
        """One row a point: layers by precision, cost [s, J], estimated and executed fidelity."""
        import pandas as pd

        rows = []
        for point in self.points:
            words = list(point.chosen.values())
            counts = {word: words.count(word) for word in self.layers[0].saved}
            rows.append({**counts, **asdict(point.network)})
        numbers = pd.RangeIndex(1, len(rows) + 1, name="point")
        return pd.DataFrame(rows, index=numbers).drop(columns="name")

    @property
    def layer_frame(self) -> pd.DataFrame:
        """One row a layer: by precision its cosine, and what it saves alone [s or J]."""
        import pandas as pd

        rows = [
            {"layer": item.name, "weight_bytes": item.weight_bytes}
            | {f"{word}_cosine": item.cosines[word] for word in item.saved if word != "fp32"}
            | {f"{word}_saved": value for word, value in item.saved.items() if word != "fp32"}
            for item in self.layers
        ]
        return pd.DataFrame(rows).set_index("layer")

    def to_dict(self) -> dict[str, Any]:
        """Every figure as plain data, ready for JSON."""
        return asdict(self)

    def figure(self) -> Figure:
        """The front, and what each layer is at each point; see `precision_front_figure`."""
        from xnorsim.show.precision_plot import precision_front_figure

        return precision_front_figure(self.to_dict())

    def __repr__(self) -> str:
        return self.frame.to_string()

    def _repr_html_(self) -> str:
        return self.frame.to_html()
