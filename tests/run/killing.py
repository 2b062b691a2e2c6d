"""A run that is killed at one of its effects, and what must be the same afterwards as if it had not been."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from itertools import count
from typing import Any

from crmsync.core.model import Agreed, Base
from crmsync.ledger.codec import decode_base
from tests.run.bench import Bench

Facts = dict[str, Any]

ASKED = {
    "links": "SELECT mapping, left_key, right_key, active, state, missing_left, missing_right, base FROM crmsync_link",
    "different": "SELECT mapping, left_key, right_key, active FROM crmsync_different",
    "reviews": "SELECT mapping, left_key, right_key, kind, field, left_value, right_value, state, take "
    "FROM crmsync_review WHERE state NOT IN ('lapsed', 'withdrawn')",
    "letters": "SELECT mapping, side, key, kind, rule, path, snapshot, state FROM crmsync_dead",
    "records": "SELECT mapping, side, key, replace(bucket, 'applied', 'unchanged'), raw IS NULL, waits_for "
    "FROM crmsync_record",
    "candidates": "SELECT mapping, side, key FROM crmsync_candidate",
    "blocks": "SELECT mapping, side, key, count(*) FROM crmsync_block GROUP BY mapping, side, key",
    "eras": "SELECT mapping, number, complete FROM crmsync_era",
    "cursors": "SELECT mapping, side, entity FROM crmsync_cursor",
    "unanswered": "SELECT run, seq FROM crmsync_journal WHERE status IN ('sent', 'pending')",
}
"""What a ledger knows, without what tells how it came to know it, ids, runs, times, and what is keyed with its secret:
features and blocks are counted."""


class Killed(BaseException):
    """The process died here."""


class Killer:
    """Dies at the n-th point: before an effect (even n) or after it (odd n)."""

    def __init__(self, point: int) -> None:
        self.left = point
        self.effects: list[str] = []

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self.effects.append(name)
        self._step()
        yield
        self._step()

    def _step(self) -> None:
        if self.left == 0:
            self.left = -1
            raise Killed
        self.left -= 1

    @property
    def fired(self) -> bool:
        return self.left < 0


def facts(bench: Bench) -> Facts:
    """Both systems without their clocks, and what the ledger knows."""
    systems = {
        f"{name}.{entity}": {
            key: {field: value for field, value in record.items() if field != "updated"}
            for key, record in bench.records(name, entity).items()
        }
        for name in bench.entities
        for entity in bench.entities[name]
    }
    with closing(sqlite3.connect(bench.root / "ledger.db")) as database:
        told = {name: sorted(database.execute(sql), key=repr) for name, sql in ASKED.items()}
    combined = {each.name for mapping in bench.world.project.mappings for each in mapping.fields if each.merge}
    links = [(*rest, _plain(decode_base(base), combined)) for *rest, base in told["links"]]
    return {**systems, **told, "links": sorted(links, key=repr)}


def ended(bench: Bench) -> int:
    """How many runs have done and remembered all, whether or not they died after that."""
    return sum(run.exit in (0, 3) for run in bench.ledger.runs())


def everywhere(
    told: Callable[[], Bench], deed: Callable[[Bench], object] = Bench.run
) -> Iterator[tuple[Bench, Killer]]:
    """One world after the other, the same every time, its next deed killed at each point. One that died after it had
    ended is left out: it was not undone, and the next one would be another day's."""
    for point in count():
        with told() as world:
            before = ended(world)
            killer = killed_at(world, point, lambda world=world: deed(world))  # type: ignore[misc]  # bound now
            if not killer.fired:
                return
            if ended(world) == before:
                yield world, killer


def undisturbed(told: Callable[[], Bench], deed: Callable[[Bench], object] = Bench.run) -> Facts:
    with told() as world:
        deed(world)
        return facts(world)


def _plain(base: Base, combined: set[str]) -> list[tuple[str, Agreed]]:
    """Of a value that combines it does not matter in which order its two halves were written."""
    return [
        (name, agreed._replace(to=None, sent=None) if name in combined and agreed.owed is None else agreed)
        for name, agreed in sorted(base.items())
    ]


def killed_at(bench: Bench, point: int, deed: Callable[[], object]) -> Killer:
    """The deed, killed at this point, if it has so many."""
    killer = Killer(point)
    bench.world.effect = killer
    try:
        deed()
    except Killed:
        pass
    finally:
        bench.world.effect = nullcontext
    return killer
