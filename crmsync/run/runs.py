"""Which run does a person mean, who writes its id, or `last`?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from crmsync.core.model import Finding
from crmsync.core.near import closest, meant
from crmsync.ledger.nouns import Run
from crmsync.run.world import Stopped, World

NEWEST: Final = 1000  # runs among which one with a like name is looked for


def find_run(world: World, text: str) -> Run:
    """`last`: the newest one. Raises `Stopped` (exit 2) where there is none."""
    run = next(iter(world.ledger.runs(1)), None) if text == "last" else world.ledger.run(text)
    if run is None:
        raise no_run(world, text)
    return run


def no_run(world: World, text: str, others: Iterable[str] = ()) -> Stopped:
    """`others`: runs that the ledger does not know, and that may be meant, too."""
    names = sorted({*(run.id for run in world.ledger.runs(NEWEST)), *others}, reverse=True)
    part = [name for name in names if len(text) >= LEAST and text.casefold() in name.casefold()]
    near = part[0] if part else closest(text, names, LIKE)
    return Stopped(2, Finding("usage/no-run", f"there is no run {text}", meant(near, "see: crmsync history")))


LEAST: Final = 4  # characters of a name that are enough to know it by
LIKE: Final = 0.8
