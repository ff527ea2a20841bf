"""The commands about the networks that come with xnorsim."""

from __future__ import annotations

from xnorsim.cli.options import group

__all__ = ["app"]

app = group("Networks that come with xnorsim.")


@app.command("list")
def zoo_list() -> None:
    """List the networks that come with xnorsim."""
    from xnorsim.show.listing import print_rows
    from xnorsim.zoo import ZOO

    rows = [(name, entry.summary, entry.source) for name, entry in sorted(ZOO.items())]
    print_rows(("network", "is", "source"), rows)
