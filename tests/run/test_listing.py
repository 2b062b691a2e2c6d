"""A listing that breaks off is begun anew, and nothing of its first half is counted twice or remembered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from crmsync.connectors.base import Connection, Cursor, Door, Page, Transient
from crmsync.connectors.retry import Patience, patient_connection
from crmsync.core.model import Entity, Retry
from crmsync.ledger.spool import Spool, Staged
from tests.run.bench import Bench, buckets, mapping, plain

NAMES = mapping(plain("name"), match={"decide": ["name"]}, create={"pm": "always"})
Pages = Sequence[slice]


class Breaking:
    """The connection of `inner`, whose listings give these pages each, one listing after the other, and then break
    off; after the last of them they are whole. `between` happens when one has broken."""

    def __init__(self, inner: Connection, *broken: Pages, between: Any = lambda: None) -> None:
        self.inner, self.broken, self.between = inner, list(broken), between

    def door(self, entity: Entity, wanted: frozenset[str] | None = None) -> Door:
        return BreakingDoor(self.inner.door(entity, wanted), self)

    def instance(self) -> str | None:
        return self.inner.instance()

    def close(self) -> None:
        self.inner.close()


class BreakingDoor:
    def __init__(self, inner: Door, connection: Breaking) -> None:
        self.inner, self.connection, self.can = inner, connection, inner.can
        self.decode, self.newest, self.get = inner.decode, inner.newest, inner.get
        self.find, self.write, self.probe = inner.find, inner.write, inner.probe

    def list(self, since: Cursor | None = None) -> Iterator[Page]:
        records = [raw for page in self.inner.list(since) for raw in page]
        if not self.connection.broken:
            yield from (records[:2], records[2:])
            return
        for each in self.connection.broken.pop(0):
            yield records[each]
        self.connection.between()
        raise Transient("pm: connection lost")


def breaking(world: Bench, *broken: Pages, between: Any = lambda: None, attempts: int = 5) -> list[float]:
    """The waits in between."""
    waits: list[float] = []
    patience = Patience("pm", Retry(attempts), sleep=waits.append, clock=lambda: 0.0)
    door = Breaking(world.memory("pm"), *broken, between=between)
    world.world.doors.clear()
    world.world.patiences["pm"] = patience
    world.world.connections["pm"] = patient_connection(door, patience)
    return waits


def filled(*mappings: Any) -> Bench:
    world = Bench(*mappings)
    world.put("crm", *({"id": number, "name": f"n{number}"} for number in range(1, 6)))
    world.put("pm", *({"id": number, "name": f"n{number}"} for number in range(1, 5)))
    return world


def test_a_listing_that_breaks_off_is_begun_anew_after_a_pause():
    with filled(NAMES) as world:
        waits = breaking(world, [slice(0, 2)], [slice(0, 2), slice(2, 3)])
        report = world.run()
        assert report.mappings["things"].read == (5, 4)
        assert report.mappings["things"].links == 4
        assert len(waits) == 2
        assert not world.letters()


def test_records_that_were_settled_are_counted_once():
    with filled(NAMES) as world:
        pm = world.world.connections["pm"]
        world.run()
        breaking(world, [slice(0, 3)])
        tally = world.run().mappings["things"]
        assert buckets(tally) == ({"unchanged": 5}, {"unchanged": 5})
        world.world.connections["pm"] = pm


def test_what_is_gone_when_it_is_begun_anew_was_not_listed():
    """The first half of the broken listing says nothing about the second one."""
    with filled(NAMES) as world:
        world.run()
        memory = world.memory("pm")
        breaking(world, [slice(0, 3)], between=lambda: memory.remove("thing", (1,)))
        world.run()
        (link,) = world.ledger.links("things", 1, [(1,)]).values()
        assert link.state == "missing"


def test_one_that_always_breaks_off_ends_the_run_before_anything_is_written():
    with filled(NAMES) as world:
        memory = world.memory("pm")
        waits = breaking(world, *([[slice(0, 2)]] * 9), attempts=3)
        with pytest.raises(Transient, match=r"connection lost \(tried 3 times\)"):
            world.run()
        assert len(waits) == 2
        assert len(memory.tables["thing"].records) == 4


def test_what_is_forgotten_is_forgotten_of_one_side_of_one_mapping():
    spool = Spool()
    places = [("a", 0), ("a", 1), ("b", 0)]
    for name, side in places:
        spool.seen(name, side, [(1,), (2,)])  # type: ignore[arg-type]  # a side
        spool.stage(name, side, [Staged((1,), b"{}")])  # type: ignore[arg-type]  # a side
    spool.forget("a", 0)
    assert [spool.count(name, side) for name, side in places] == [0, 1, 1]  # type: ignore[arg-type]  # a side
    assert [spool.seen(name, side, [(2,)]) for name, side in places] == [[], [(2,)], [(2,)]]  # type: ignore[arg-type]  # a side
    spool.close()


class Overlapping(Breaking):
    """Listings whose paging has slipped by one: a record comes twice, and another one not at all."""

    def door(self, entity: Entity, wanted: frozenset[str] | None = None) -> Door:
        return OverlappingDoor(self.inner.door(entity, wanted), self)


class OverlappingDoor(BreakingDoor):
    def list(self, since: Cursor | None = None) -> Iterator[Page]:
        records = [raw for page in self.inner.list(since) for raw in page]
        yield from (records[:4], records[3:-1])


def test_what_pages_that_overlap_have_left_out_is_never_taken_for_deleted() -> None:
    with Bench(mapping(plain("name"), create={"pm": "always"}, delete={"pm": "delete"})) as world:
        world.put("crm", *({"id": number, "name": f"n{number}"} for number in range(1, 9)))
        world.run()
        world.world.doors.clear()
        world.world.connections["crm"] = Overlapping(world.memory("crm"))

        for _ in range(3):
            assert world.run().mappings["things"].actions[1].get("delete", 0) == 0

        assert len(world.records("pm")) == 8
        assert all(link.missing == (0, 0) for page in world.ledger.link_keys("things", 0) for link in page)
