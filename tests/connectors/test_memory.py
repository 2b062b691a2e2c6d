"""Does the memory connector keep what a real system keeps?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crmsync.connectors.base import Insert, Patch, Remove
from crmsync.connectors.memory import Memory, MemoryDoor, connect
from crmsync.core.model import Entity, Json, Key, Modified, System
from tests.connectors.conformance import THING, DoorLaws, held, listed, one, refused, said


class MemoryBench:
    def __init__(self) -> None:
        self.entity = THING
        self.system = System("lab", "memory", {"thing": THING})
        self.memory = Memory(self.system)

    def kept(self, values: Json) -> Json:
        return values

    def connect(self) -> Memory:
        return self.memory

    def put(self, *records: Json) -> None:
        self.memory.tables["thing"].records |= {(record["id"],): record for record in records}

    def remove(self, key: Key) -> None:
        self.memory.remove("thing", key)

    def spoil(self, key: Key) -> bool:
        self.memory.tables["thing"].records[key]["name"] = float("nan")
        return True


class TestMemory(DoorLaws):
    @pytest.fixture
    def fresh(self):
        return MemoryBench


def lab(system: dict[str, Json] | None = None, **entity: Any) -> Memory:
    thing = replace(Entity("lab", "thing", ("id",)), **entity)
    return connect(System("lab", "memory", {"thing": thing}, system or {}))


def door_of(memory: Memory) -> MemoryDoor:
    return memory.door(memory.system.entities["thing"])


def test_records_may_come_with_the_system():
    memory = lab({"records": {"thing": [{"id": 1, "price": 1.5}, {"name": "keyless"}]}})
    first, second = listed(door_of(memory))
    assert (first.key, first.body) == ((1,), b'{"id":1,"price":1.5}')
    assert second.fault == "has no key at id"


def test_a_record_that_is_no_object_is_a_fault():
    memory = lab()
    memory.tables["thing"].records[("x",)] = "text"
    (raw,) = listed(door_of(memory))
    assert (raw.key, raw.fault) == (("x",), "is not an object")


@pytest.mark.parametrize("value", [float("inf"), object(), {1: 2}, "\ud800", b"x", {"deep": [float("nan")]}])
def test_a_value_that_is_no_json_is_a_fault_and_is_not_said(value):
    memory = lab()
    memory.put("thing", {"id": 1, "secret": value})
    (raw,) = listed(door_of(memory))
    assert raw.fault
    assert raw.key == (1,)
    assert repr(value) not in raw.fault


def test_a_counter_stands_in_for_a_modified_field():
    memory = lab()
    memory.put("thing", {"id": 1})
    door = door_of(memory)
    cursor = door.newest()
    memory.put("thing", {"id": 2})
    door.write([Patch((1,), (("a", 1),), one(door, (1,)).version)])
    assert cursor is not None
    assert {raw.key: raw.modified for page in door.list(cursor) for raw in page} == {(1,): 3, (2,): 2}


def test_a_write_moves_the_modified_field_as_a_system_would():
    memory = lab(modified=Modified("meta.at"))
    memory.put("thing", {"id": 1, "meta": {"at": "2024-05-01T10:00:00+00:00"}})
    memory.put("thing", {"id": 2, "meta": {"at": "2024-04-01T10:00:00+00:00"}})
    door = door_of(memory)
    (outcome,) = door.write([Patch((2,), (("a", 1),), one(door, (2,)).version)])
    assert said(door, outcome)["meta"] == {"at": "2024-05-01T10:00:01+00:00"}


def test_the_clock_may_be_given():
    thing = Entity("lab", "thing", ("id",), modified=Modified("at"))
    memory = Memory(System("lab", "memory", {"thing": thing}), clock=lambda: "2024-01-01T00:00:00Z")
    memory.put("thing", {"id": 1})
    assert memory.tables["thing"].records[(1,)]["at"] == "2024-01-01T00:00:00Z"


def test_assigned_keys_grow_and_are_never_given_twice():
    door = door_of(lab({"records": {"thing": [{"id": 7}]}}))
    (first,) = door.write([Insert({}, "a")])
    assert said(door, first) == {"id": 8}
    door.write([Remove((8,), one(door, (8,)).version)])
    assert said(door, door.write([Insert({}, "b")])[0]) == {"id": 9}


def test_assigned_keys_may_be_text():
    door = door_of(lab({"records": {"thing": [{"id": "7"}]}}, options={"assigns": "text"}))
    assert said(door, door.write([Insert({}, "a")])[0]) == {"id": "8"}


def test_a_caller_assigns_the_key_where_the_entity_says_so():
    door = door_of(lab(assigned_by="caller"))
    made, taken, keyless = door.write([Insert({"id": "a"}, "1"), Insert({"id": "a"}, "2"), Insert({}, "3")])
    assert (made.status, taken.status, keyless.status) == ("done", "refused", "refused")
    assert taken.message == "a record with this key is already there"
    assert keyless.message == "the record has no key at id"


def test_what_must_be_unique_is_refused_without_being_said():
    door = door_of(lab({"records": {"thing": [{"id": 1, "ico": "12345678"}]}}, options={"unique": ["ico"]}))
    twin, null = door.write([Insert({"ico": "12345678"}, "a"), Insert({"ico": None}, "b")])
    assert (twin.status, twin.message) == ("refused", "another record has the same ico")
    assert null.status == "done"


def test_a_delete_may_leave_a_tombstone():
    door = door_of(lab({"records": {"thing": [{"id": 1}]}}, options={"tombstone": {"deleted": True}}))
    (outcome,) = door.write([Remove((1,), one(door, (1,)).version)])
    assert said(door, outcome) == {"id": 1, "deleted": True}


def test_a_poorer_system_lacks_what_it_is_told_to():
    memory = lab({"instance": "test"}, options={"lacks": ["delta", "get", "find", "write"]})
    memory.put("thing", {"id": 1})
    door = door_of(memory)
    assert (door.can.delta, door.newest()) == (False, None)
    assert "lacks get" in refused(lambda: door.get([(1,)]))
    assert "lacks find" in refused(lambda: door.find("id", [1]))
    assert [outcome.status for outcome in door.write([Insert({}, "a")])] == ["refused"]
    assert memory.instance() == "test"


def test_a_write_through_a_scalar_is_refused():
    door = door_of(lab({"records": {"thing": [{"id": 1, "a": 5}]}}))
    (outcome,) = door.write([Patch((1,), (("a.b", 1),), one(door, (1,)).version)])
    assert outcome.status == "refused"
    assert held(door) == {(1,): b'{"a":5,"id":1}'}


def test_two_entities_may_read_one_table():
    quote = Entity("lab", "quote", ("id",))
    line = Entity("lab", "line", ("id", "lines.no"), each="lines", options={"table": "quote"})
    memory = connect(System("lab", "memory", {"quote": quote, "line": line}))
    memory.put("quote", {"id": 7, "lines": [{"no": 1}, {"no": 2}]})
    assert {raw.key for raw in listed(memory.door(line))} == {(7, 1), (7, 2)}
