"""What must every connector keep?

Derive a class from `DoorLaws`, give it a fixture `fresh` that makes an empty `Bench` at every call, and these laws
run over your connector. A law that needs what a door cannot do is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from threading import Barrier, Thread
from typing import Protocol

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crmsync.connectors.base import Connection, Door, Insert, Patch, Refused, Remove
from crmsync.core.model import Entity, Json, Key, Modified, Outcome, Raw, System, from_json, to_json

THING = Entity(
    system="lab", name="thing", key=("id",), modified=Modified("updated"), recover_by="origin field", origin="origin"
)


class Bench(Protocol):
    """A real system with one entity like `THING`, and ways to edit it behind the door's back.

    Its records look like `thing(1)`; `updated` is a whole number that `put` is given in the record.
    """

    entity: Entity
    system: System

    def kept(self, values: Json) -> Json:
        """These values of a record as the system can keep them: a CSV file makes null of ""."""
        ...

    def connect(self) -> Connection: ...

    def put(self, *records: Json) -> None:
        """Add or replace records, as the system's own users would."""
        ...

    def remove(self, key: Key) -> None: ...

    def spoil(self, key: Key) -> bool:
        """Put a value that has no JSON form into the record; False where the system cannot hold one."""
        ...


def thing(number: int, **values: Json) -> Json:
    usual = {
        "name": "Žltý kôň",
        "amount": Decimal("12.50"),
        "active": True,
        "count": 7,
        "born": "2024-02-29",
        "seen": "2024-05-01T10:00:00+00:00",
        "extra": {"color": "red", "sizes": [1, 2]},
        "origin": None,
        "updated": number,
    }
    return {"id": number, **usual, **values}


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), include_characters="\n\t"), max_size=12)
MONEY = st.integers(-(10**9), 10**9).map(lambda cents: Decimal(cents).scaleb(-2))
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)).map(datetime.isoformat)  # noqa: DTZ001 hypothesis adds the zone
EXTRAS = st.dictionaries(st.sampled_from("abc"), st.one_of(TEXT, st.integers(-9, 9), st.booleans(), MONEY, st.none()))
THINGS = st.fixed_dictionaries(
    {
        "name": st.none() | TEXT,
        "amount": st.none() | MONEY,
        "active": st.none() | st.booleans(),
        "count": st.none() | st.integers(-(2**31), 2**31 - 1),
        "born": st.none() | st.dates().map(str),
        "seen": st.none() | MOMENTS,
        "extra": st.none() | EXTRAS,
    }
)


def tried(times: int) -> settings:
    """Each class that inherits a law is another executor of it: that is what it is for."""
    calm = [HealthCheck.differing_executors, HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    quick = [phase for phase in Phase if phase is not Phase.explain]
    return settings(max_examples=times, deadline=None, suppress_health_check=calm, phases=quick)


@contextmanager
def opened(bench: Bench, wanted: frozenset[str] | None = None) -> Iterator[Door]:
    connection = bench.connect()
    try:
        yield connection.door(bench.entity, wanted)
    finally:
        connection.close()


def listed(door: Door) -> list[Raw]:
    return [raw for page in door.list() for raw in page]


def held(door: Door) -> dict[Key, bytes]:
    """What is there, as texts that are equal only where values, places and types are."""
    raws = listed(door)
    assert len({raw.key for raw in raws}) == len(raws)
    assert [raw.fault for raw in raws if raw.fault] == []
    return {raw.key: to_json(door.decode(raw.body)) for raw in raws}


def one(door: Door, key: Key) -> Raw:
    (raw,) = door.get([key])
    return raw


def said(door: Door, outcome: Outcome) -> Json:
    assert outcome.record is not None, outcome
    return door.decode(outcome.record.body)


def put_all(bench: Bench, values: Sequence[Json]) -> dict[Key, bytes]:
    """Put one thing for each; what a door must then say."""
    records = [thing(number, **value) for number, value in enumerate(values, 1)]
    bench.put(*records)
    return {(record["id"],): to_json(bench.kept(record)) for record in records}


def need(able: bool, what: str) -> None:
    if not able:
        pytest.skip(f"this door cannot {what}")


class DoorLaws:
    """The laws. `fresh` is yours to give."""

    @pytest.fixture
    def fresh(self) -> Callable[[], Bench]:
        raise NotImplementedError

    # Reading -----------------------------------------------------------------------------------------

    @tried(20)
    @given(values=st.lists(THINGS, max_size=4))
    def test_a_complete_listing_says_every_record_as_it_is(self, fresh, values):
        bench = fresh()
        expected = put_all(bench, values)
        with opened(bench) as door:
            assert held(door) == expected

    @tried(10)
    @given(values=st.lists(THINGS, min_size=1, max_size=4))
    def test_one_record_has_one_body_however_it_was_read(self, fresh, values):
        bench = fresh()
        put_all(bench, values)
        with opened(bench) as door:
            need(door.can.get, "get")
            raws = listed(door)
            assert sorted(door.get([raw.key for raw in reversed(raws)]), key=str) == sorted(raws, key=str)

    def test_more_than_a_page_of_records_is_listed_once_each(self, fresh):
        bench = fresh()
        expected = put_all(bench, [{"name": f"n{number}"} for number in range(1, 2_203)])
        with opened(bench) as door:
            assert held(door) == expected
            need(door.can.get, "get")
            assert {raw.key for raw in door.get(list(expected))} == set(expected)

    def test_a_body_depends_on_the_values_alone(self, fresh):
        bench, again = fresh(), fresh()
        for number in (1, 2, 3):
            bench.put(thing(number))
            again.put(thing(4 - number))
        with opened(bench) as door, opened(again) as other:
            assert {raw.key: raw.body for raw in listed(door)} == {raw.key: raw.body for raw in listed(other)}

    def test_get_gives_only_what_exists(self, fresh):
        bench = fresh()
        put_all(bench, [{}, {}])
        with opened(bench) as door:
            need(door.can.get, "get")
            assert [raw.key for raw in door.get([(2,), (99,)])] == [(2,)]
            assert door.get([]) == []

    def test_a_key_of_another_type_finds_nothing(self, fresh):
        bench = fresh()
        put_all(bench, [{}])
        with opened(bench) as door:
            need(door.can.get, "get")
            assert door.get([("1",), ("one",)]) == []

    def test_find_gives_the_records_that_hold_one_of_the_values(self, fresh):
        bench = fresh()
        put_all(bench, [{"name": "a"}, {"name": "b"}, {"name": None}, {"name": "A"}])
        with opened(bench) as door:
            need(door.can.find, "find")
            assert {raw.key for page in door.find("name", ["a", "zzz"]) for raw in page} == {(1,)}
            assert {raw.key for page in door.find("name", [None, "b"]) for raw in page} == {(2,), (3,)}

    def test_find_reaches_into_nested_values(self, fresh):
        bench = fresh()
        put_all(bench, [{"extra": {"color": "red"}}, {"extra": {"color": "blue"}}])
        with opened(bench, frozenset({"name"})) as door:
            need(door.can.find, "find")
            assert [raw.key for page in door.find("extra.color", ["blue"]) for raw in page] == [(2,)]

    def test_only_wanted_names_and_the_key_are_read(self, fresh):
        bench = fresh()
        put_all(bench, [{}])
        with opened(bench, frozenset({"name"})) as door:
            (raw,) = listed(door)
            assert door.decode(raw.body) == {"id": 1, "name": thing(1)["name"]}
            assert raw.modified == 1

    def test_what_is_not_wanted_does_not_move_the_version(self, fresh):
        bench = fresh()
        bench.put(thing(1))
        with opened(bench, frozenset({"name"})) as door:
            before = listed(door)[0].version
            bench.put(thing(1, count=8, updated=5))
            assert listed(door)[0].version == before
            bench.put(thing(1, name="new", updated=6))
            assert listed(door)[0].version != before

    def test_a_record_that_cannot_be_said_is_listed_with_its_fault(self, fresh):
        bench = fresh()
        put_all(bench, [{}, {}])
        need(bench.spoil((1,)), "hold such a value")
        with opened(bench) as door:
            spoiled, sound = sorted(listed(door), key=lambda raw: raw.key)
            assert (spoiled.key, sound.key, sound.fault) == ((1,), (2,), None)
            assert spoiled.fault

    def test_a_record_beyond_max_bytes_is_listed_with_its_fault(self, fresh):
        bench = fresh()
        put_all(bench, [{"name": "x" * 2000}, {}])
        bench.entity = replace(bench.entity, max_bytes=1000)
        with opened(bench) as door:
            faults = {raw.key: raw.fault for raw in listed(door)}
        assert faults[(2,)] is None
        assert "more than max_bytes: 1000" in (faults[(1,)] or "")

    # Delta -------------------------------------------------------------------------------------------

    @tried(15)
    @given(moves=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 20)), max_size=12), cut=st.integers(0, 12))
    def test_a_delta_gives_exactly_what_moved_at_or_after_its_cursor(self, fresh, moves, cut):
        bench = fresh()
        with opened(bench) as door:
            need(door.can.delta, "delta")
            moved: dict[Key, int] = {}
            for number, at in moves[:cut]:
                bench.put(thing(number, updated=at))
                moved[(number,)] = at
            newest = door.newest()
            assert (newest.modified if newest else None) == max(moved.values(), default=None)
            for number, at in moves[cut:]:
                bench.put(thing(number, updated=at))
                moved[(number,)] = at
            got = {raw.key for page in door.list(newest) for raw in page}
        assert got == {key for key, at in moved.items() if newest is None or at >= newest.modified}

    def test_overlap_and_granularity_look_behind_the_cursor(self, fresh):
        bench = fresh()
        put_all(bench, [{}] * 9)
        bench.entity = replace(bench.entity, modified=Modified("updated", overlap=2.0, granularity=1.0))
        with opened(bench) as door:
            need(door.can.delta, "delta")
            assert {raw.key[0] for page in door.list(door.newest()) for raw in page} == {6, 7, 8, 9}

    def test_a_record_without_a_modified_value_is_in_every_delta(self, fresh):
        bench = fresh()
        put_all(bench, [{}, {}, {}])
        with opened(bench) as door:
            need(door.can.delta, "delta")
            with_null = thing(9, updated=None)
            bench.put(with_null)
            newest = door.newest()
            got = {raw.key for page in door.list(newest) for raw in page}
        assert newest is not None
        assert newest.modified == 3
        assert got == {(3,), (9,)}

    # Writing -----------------------------------------------------------------------------------------

    @tried(20)
    @given(before=THINGS, after=THINGS, data=st.data())
    def test_a_patch_sets_its_paths_and_touches_nothing_else(self, fresh, before, after, data):
        bench = fresh()
        put_all(bench, [before, before])
        names = data.draw(st.lists(st.sampled_from(sorted(after)), min_size=1, unique=True))
        with opened(bench) as door:
            need(door.can.write, "write")
            untouched = one(door, (2,))
            expected = door.decode(one(door, (1,)).body) | bench.kept({name: after[name] for name in names})
            values = tuple((name, after[name]) for name in names)
            (outcome,) = door.write([Patch((1,), values, one(door, (1,)).version)])
            assert (outcome.status, outcome.message) == ("done", "")
            # a door may move the modified value at every write
            assert to_json(said(door, outcome) | {"updated": 0}) == to_json(expected | {"updated": 0})
            assert outcome.record == one(door, (1,))
            assert one(door, (2,)) == untouched

    def test_a_patch_reaches_into_nested_values(self, fresh):
        bench = fresh()
        put_all(bench, [{"extra": {"color": "red", "sizes": [1]}}, {"extra": None}])
        with opened(bench) as door:
            need(door.can.write, "write")
            writes = [Patch((n,), (("extra.color", "blue"),), one(door, (n,)).version) for n in (1, 2)]
            first, second = door.write(writes)
            assert said(door, first)["extra"] == {"color": "blue", "sizes": [1]}
            assert said(door, second)["extra"] == {"color": "blue"}

    def test_a_patch_may_write_what_is_not_read(self, fresh):
        bench = fresh()
        put_all(bench, [{"extra": {"color": "red", "sizes": [1]}}])
        with opened(bench, frozenset({"name"})) as door:
            need(door.can.write, "write")
            (outcome,) = door.write([Patch((1,), (("extra.color", "blue"), ("count", 3)), one(door, (1,)).version)])
            assert outcome.status == "done"
        with opened(bench) as door:
            record = door.decode(one(door, (1,)).body)
            assert (record["extra"], record["count"]) == ({"color": "blue", "sizes": [1]}, 3)

    def test_a_record_that_moved_is_stale_and_stays_as_it_is(self, fresh):
        bench = fresh()
        put_all(bench, [{}, {}])
        with opened(bench) as door:
            need(door.can.conditional, "write conditionally")
            seen = {raw.key: raw.version for raw in listed(door)}
            bench.put(thing(1, name="someone else's", updated=8))
            bench.remove((2,))
            patched, gone = door.write([Patch((n,), (("name", "ours"),), seen[(n,)]) for n in (1, 2)])
            assert (patched.status, patched.record) == ("stale", one(door, (1,)))
            assert said(door, patched)["name"] == "someone else's"
            assert (gone.status, gone.record) == ("stale", None)

    def test_the_second_patch_of_one_version_is_stale(self, fresh):
        bench = fresh()
        put_all(bench, [{}])
        with opened(bench) as door:
            need(door.can.conditional, "write conditionally")
            version = one(door, (1,)).version
            outcomes = door.write([Patch((1,), (("name", name),), version) for name in ("first", "second")])
            assert [outcome.status for outcome in outcomes] == ["done", "stale"]
            assert door.decode(one(door, (1,)).body)["name"] == "first"

    def test_of_two_writers_at_once_one_is_stale(self, fresh):
        bench = fresh()
        put_all(bench, [{}])
        with opened(bench) as door, opened(bench) as other:
            need(door.can.conditional, "write conditionally")
            version, start = one(door, (1,)).version, Barrier(2)
            statuses: list[str] = []

            def patch(own: Door, name: str) -> None:
                start.wait()
                (outcome,) = own.write([Patch((1,), (("name", name),), version)])
                statuses.append(outcome.status)

            threads = [Thread(target=patch, args=pair) for pair in ((door, "mine"), (other, "yours"))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert sorted(statuses) == ["done", "stale"]

    @tried(15)
    @given(values=st.lists(THINGS, min_size=1, max_size=4))
    def test_what_was_inserted_is_there_under_the_keys_it_was_given(self, fresh, values):
        bench = fresh()
        put_all(bench, [{}])
        with opened(bench) as door:
            need(door.can.write, "write")
            outcomes = door.write([Insert(value, f"token {n}") for n, value in enumerate(values)])
            assert [outcome.status for outcome in outcomes] == ["done"] * len(values)
            for value, outcome in zip(values, outcomes, strict=True):
                record = said(door, outcome)
                assert to_json({name: record[name] for name in value}) == to_json(bench.kept(value))
                assert outcome.record == one(door, (record["id"],))
            assert len(listed(door)) == 1 + len(values)

    def test_an_insert_of_nested_or_partial_data_leaves_the_rest_empty(self, fresh):
        bench = fresh()
        with opened(bench) as door:
            need(door.can.write, "write")
            (outcome,) = door.write([Insert({"extra": {"color": "red"}}, "t")])
            record = said(door, outcome)
            assert (record["extra"], record.get("name")) == ({"color": "red"}, None)

    def test_an_insert_whose_token_was_seen_is_not_done_twice(self, fresh):
        bench = fresh()
        with opened(bench) as door:
            need(door.can.recognise, "recognise")
            first, twin, other = door.write(
                [Insert({"name": "a"}, "t1"), Insert({"name": "b"}, "t1"), Insert({"name": "c"}, "t2")]
            )
            (again,) = door.write([Insert({"name": "d"}, "t1")])
            assert [o.status for o in (first, twin, other, again)] == ["done"] * 4
            assert said(door, first) == said(door, twin) == said(door, again)
            assert [o.recognised for o in (first, twin, other, again)] == [False, True, False, True]
        with opened(bench) as door:  # nor by another connection
            assert said(door, door.write([Insert({"name": "e"}, "t2")])[0])["name"] == "c"
            assert len(listed(door)) == 2

    def test_a_removed_record_is_gone_unless_it_moved(self, fresh):
        bench = fresh()
        put_all(bench, [{}, {}])
        with opened(bench) as door:
            need(door.can.write, "write")
            removed, kept = door.write([Remove((1,), one(door, (1,)).version), Remove((2,), "another version")])
            assert removed == Outcome("done")
            assert (kept.status, kept.record) == ("stale", one(door, (2,)))
            assert door.get([(1,)]) == []

    def test_one_refused_write_does_not_undo_the_others_and_outcomes_keep_their_order(self, fresh):
        bench = fresh()
        put_all(bench, [{}, {}, {}])
        with opened(bench) as door:
            need(door.can.conditional, "write conditionally")
            seen = {raw.key: raw.version for raw in listed(door)}
            outcomes = door.write(
                [
                    Patch((1,), (("name", "ours"),), seen[(1,)]),
                    Patch((2,), (("id", 3),), seen[(2,)]),
                    Patch((3,), (("name", "ours"),), "another version"),
                    Insert({"name": "new"}, "t"),
                    Remove((2,), seen[(2,)]),
                ]
            )
            assert [outcome.status for outcome in outcomes] == ["done", "refused", "stale", "done", "done"]
            assert outcomes[1].message
            assert said(door, outcomes[0])["name"] == "ours"
            assert said(door, outcomes[3])["name"] == "new"
            assert {raw.key for raw in listed(door)} == {(1,), (3,), (said(door, outcomes[3])["id"],)}

    def test_a_value_that_is_no_json_is_refused_without_being_said(self, fresh):
        bench = fresh()
        put_all(bench, [{}])
        with opened(bench) as door:
            need(door.can.write, "write")
            values = (("name", object()),)
            (patched,) = door.write([Patch((1,), values, one(door, (1,)).version)])
            (inserted,) = door.write([Insert({"amount": Decimal("NaN")}, "t")])
            assert (patched.status, inserted.status) == ("refused", "refused")
            assert "object at" not in patched.message
            assert "amount" in inserted.message
            assert len(listed(door)) == 1

    def test_an_empty_batch_does_nothing(self, fresh):
        with opened(fresh()) as door:
            assert list(door.write([])) == []

    # The rest ----------------------------------------------------------------------------------------

    def test_a_good_entity_has_nothing_to_probe(self, fresh):
        with opened(fresh()) as door:
            assert door.probe() == []

    def test_elements_of_an_array_are_records_that_cannot_be_written(self, fresh):
        bench = fresh()
        lines = [{"no": 1, "price": Decimal("1.50")}, {"no": 2, "price": Decimal(2)}]
        put_all(bench, [{"extra": {"lines": lines}}, {"extra": {"lines": []}}, {"extra": None}])
        bench.entity = replace(bench.entity, each="extra.lines", each_as="line", key=("id", "line.no"))
        with opened(bench, frozenset({"name"})) as door:
            records = {raw.key: door.decode(raw.body) for raw in listed(door)}
            assert {key: record["line"] for key, record in records.items()} == {(1, 1): lines[0], (1, 2): lines[1]}
            if door.can.get:
                assert [raw.key for raw in door.get([(1, 2), (1, 3), (2, 1)])] == [(1, 2)]
            if door.can.find:
                assert [raw.key for page in door.find("line.no", [1]) for raw in page] == [(1, 1)]
            (outcome,) = door.write([Patch((1, 1), (("line.price", 3),), "v")])
            assert outcome.status == "refused"
            assert "read-only" in outcome.message

    def test_an_element_without_its_key_is_listed_with_its_fault(self, fresh):
        bench = fresh()
        put_all(bench, [{"extra": {"lines": [{"no": 1}, {"price": 1}, None]}}, {"extra": {"lines": 5}}])
        bench.entity = replace(bench.entity, each="extra.lines", each_as="line", key=("id", "line.no"))
        with opened(bench) as door:
            raws = listed(door)
            assert [raw.key for raw in raws if raw.fault is None] == [(1, 1)]
            assert len([raw for raw in raws if raw.fault]) == 3
            assert len({raw.key for raw in raws}) == 4

    def test_a_body_is_plain_json(self, fresh):
        bench = fresh()
        put_all(bench, [{}])
        with opened(bench) as door:
            (raw,) = listed(door)
            assert to_json(from_json(raw.body)) == raw.body


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        call()
    return str(caught.value)
