"""Random networks for property tests: small, sound, and with what real ones have.

    @given(networks())
    def test_something(graph: Graph) -> None: ...

    @given(families(), st.integers(1, 8))
    def test_something_of_batches(family: Callable[[int], Graph], batch: int) -> None: ...

A network is a stem and a few blocks (plain, binary, depthwise, residual, branched, pooled), then
a classifier. Every graph passes network.graph.check, is in execution order, and has the tensors of
residual edges alive over several layers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from xnorsim.network.graph import Graph
from xnorsim.zoo.builder import Builder

__all__ = ["BLOCKS", "families", "networks"]

Draw = Callable[[st.SearchStrategy[Any]], Any]
Block = Callable[[Draw, Builder, str], str]

_channels = st.integers(1, 12)


def _plain(draw: Draw, b: Builder, x: str) -> str:
    kernel = draw(st.sampled_from([1, 3, 5]))
    x = b.conv(
        x,
        draw(_channels),
        kernel,
        stride=draw(st.integers(1, 2)),
        padding=kernel // 2,
        bias=draw(st.booleans()),
    )
    if draw(st.booleans()):
        x = b.batch_norm(x)
    return b.relu(x) if draw(st.booleans()) else x


def _signed(draw: Draw, b: Builder, x: str) -> str:
    return b.conv(b.sign(b.batch_norm(x)), draw(_channels), 3, padding=1, bias=False)


def _depthwise(draw: Draw, b: Builder, x: str) -> str:
    channels = b.shape(x)[1]
    x = b.relu(b.conv(x, channels, 3, padding=1, groups=channels, bias=False))
    return b.conv(x, draw(_channels), 1)


def _grouped(draw: Draw, b: Builder, x: str) -> str:
    groups = draw(st.integers(1, 3))
    x = b.conv(x, groups * draw(st.integers(1, 4)), 1)
    return b.conv(x, groups * draw(st.integers(1, 4)), 3, padding=1, groups=groups)


def _residual(draw: Draw, b: Builder, x: str) -> str:
    y = x
    for _ in range(draw(st.integers(1, 2))):
        y = b.relu(b.conv(y, b.shape(x)[1], 3, padding=1))
    return b.add(y, x)


def _branched(draw: Draw, b: Builder, x: str) -> str:
    sides = [b.conv(x, draw(_channels), 1) for _ in range(draw(st.integers(2, 3)))]
    if draw(st.booleans()):
        sides.append(x)  # as in DenseNet
    return b.concat(*sides)


def _pooled(draw: Draw, b: Builder, x: str) -> str:
    add = b.max_pool if draw(st.booleans()) else b.average_pool
    return add(x, 3, stride=2, padding=1, ceil_mode=draw(st.booleans()))


def _normalized(draw: Draw, b: Builder, x: str) -> str:
    return b.lrn(x, draw(st.sampled_from([3, 5])), alpha=1e-4, beta=0.75, bias=1.0)


BLOCKS: dict[str, Block] = {
    "plain": _plain,
    "signed": _signed,
    "depthwise": _depthwise,
    "grouped": _grouped,
    "residual": _residual,
    "branched": _branched,
    "pooled": _pooled,
    "normalized": _normalized,
}


@st.composite
def families(
    draw: Draw, blocks: tuple[str, ...] = tuple(BLOCKS), most: int = 5
) -> Callable[[int], Graph]:
    """A function from a batch size to a network: the same one for every batch."""
    drawn: list[Any] = []

    def recorded(strategy: st.SearchStrategy[Any]) -> Any:
        drawn.append(draw(strategy))
        return drawn[-1]

    def repeated(batch: int) -> Graph:
        answers = iter(drawn)
        return _network(lambda _: next(answers), batch, blocks, most)

    _network(recorded, 1, blocks, most)
    return repeated


def networks(blocks: tuple[str, ...] = tuple(BLOCKS), most: int = 5) -> st.SearchStrategy[Graph]:
    """A small network with up to `most` of the named blocks after its first convolution."""
    return families(blocks, most).map(lambda family: family(1))


def _network(draw: Draw, batch: int, blocks: tuple[str, ...], most: int) -> Graph:
    size = st.integers(4, 16)
    b = Builder("random", input=(batch, draw(st.integers(1, 4)), draw(size), draw(size)))
    x = b.conv(b.input, draw(_channels), 3, padding=1, stride=draw(st.integers(1, 2)))
    for name in draw(st.lists(st.sampled_from(blocks), max_size=most)):
        x = BLOCKS[name](draw, b, x)
    if draw(st.booleans()):
        x = b.global_average_pool(x)
    x = b.flatten(x)
    if draw(st.booleans()):
        x = b.dropout(b.relu(b.dense(x, draw(st.integers(1, 20)))))
    x = b.dense(x, draw(st.integers(1, 10)))
    return b.graph(b.softmax(x) if draw(st.booleans()) else x, source="random")
