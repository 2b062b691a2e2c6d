"""A run was killed, and before the next one people go on with their work: no edit is lost, and nothing counts twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.run.bench import Bench, mapping, plain
from tests.run.killing import everywhere
from tests.run.stories import CRM, PM

pytestmark = pytest.mark.usefixtures("in_memory")

FIELDS = mapping(
    {
        **plain("name"),
        **plain("status", "pm"),
        **plain("notes", "shared"),
        **plain("visits", "shared", merge="counter"),
        **plain("log", "shared", merge="append"),
    },
    match={"decide": ["name"]},
    create={"pm": "always"},
    delete={"pm": "archive", "crm": "delete"},
)
ENTITIES = {"crm": {"thing": CRM}, "pm": {"thing": PM}}
COLUMNS = "name TEXT, notes TEXT, visits INTEGER, status TEXT, log TEXT, gone INTEGER, origin TEXT"


def world(kind: str) -> Bench:
    """One pair with edits on both sides that the next run is to carry over, and one record that it is to make."""
    made = Bench(FIELDS, entities=ENTITIES, columns=COLUMNS if kind == "sql" else None)
    same = {"name": "a", "notes": "n", "visits": 1, "status": "open", "log": "begin"}
    made.put("crm", {"id": 1, **same})
    made.put("pm", {"id": 11, **same})
    made.run()
    made.edit("crm", 1, name="a2", notes="n2", visits=3, log="begin, ours")
    made.edit("pm", 11, status="won", visits=2)
    made.put("crm", {"id": 2, "name": "b", "notes": "m", "visits": 5, "status": "open", "log": "b"})
    return made


def says(made: Bench, name: str) -> tuple[Any, Any]:
    """Both sides of the first pair."""
    return made.values("crm", name)[1], made.values("pm", name)[11]


def asked(made: Bench) -> set[str]:
    return {review.field for review in made.reviews()}


@pytest.mark.parametrize(
    ("system", "field", "value", "end"),
    [
        ("crm", "name", "x", "x"),  # the owner's last word
        ("crm", "name", "a", "a"),  # ... who takes it back
        ("pm", "name", "x", "a2"),  # a foreign edit
        ("crm", "status", "x", "won"),
        ("pm", "status", "x", "x"),
        ("pm", "status", "open", "open"),
    ],
)
def test_an_edit_after_the_kill_follows_the_owner(system: str, field: str, value: str, end: str) -> None:
    for made, killer in everywhere(lambda: world("memory")):
        made.edit(system, 1 if system == "crm" else 11, **{field: value})
        made.run()
        if field not in asked(made):
            assert says(made, field) == (end, end), killer.effects
        else:  # nobody can tell who said what: a person does, and both values are there to see
            assert value in says(made, field), killer.effects
        assert made.run().writes == 0


@pytest.mark.parametrize("kind", ["memory", "sql"])
@pytest.mark.parametrize("system", ["crm", "pm"])
def test_a_shared_value_that_was_edited_after_the_kill_is_never_overwritten(kind: str, system: str) -> None:
    for made, killer in everywhere(lambda: world(kind)):
        made.edit(system, 1 if system == "crm" else 11, notes="x")
        made.run()
        now = says(made, "notes")
        assert now == ("x", "x") or (now[system == "pm"] == "x" and "notes" in asked(made)), killer.effects
        assert made.run().writes == 0


@pytest.mark.parametrize("kind", ["memory", "sql"])
@pytest.mark.parametrize("system", ["crm", "pm"])
def test_what_was_counted_after_the_kill_counts_once(kind: str, system: str) -> None:
    """1, two more here and one more there, and ten more after the kill: 14, or a person is asked."""
    for made, killer in everywhere(lambda: world(kind)):
        side = int(system == "pm")
        before = says(made, "visits")
        made.edit(system, 1 if system == "crm" else 11, visits=before[side] + 10)
        made.run()
        now = says(made, "visits")
        if "visits" in asked(made):
            assert now[side] == before[side] + 10, killer.effects
            assert now[1 - side] in (before[1 - side], 4), killer.effects
        else:
            assert now == (14, 14), killer.effects
        assert made.run().writes == 0


@pytest.mark.parametrize("kind", ["memory", "sql"])
@pytest.mark.parametrize("system", ["crm", "pm"])
def test_what_was_appended_after_the_kill_is_there_once(kind: str, system: str) -> None:
    for made, killer in everywhere(lambda: world(kind)):
        side = int(system == "pm")
        line = says(made, "log")[side] + ", later"
        made.edit(system, 1 if system == "crm" else 11, log=line)
        made.run()
        now = says(made, "log")
        assert all(each.count("ours") <= 1 and each.count("later") <= 1 for each in now), killer.effects
        assert "later" in now[side], killer.effects
        assert now[0] == now[1] or "log" in asked(made), (now, killer.effects)
        if now[0] == now[1]:
            assert "ours" in now[0]
        assert made.run().writes == 0


@pytest.mark.parametrize("kind", ["memory", "sql"])
@pytest.mark.parametrize("system", ["crm", "pm"])
def test_an_edit_of_the_record_that_was_being_made_makes_no_second_one(kind: str, system: str) -> None:
    for made, killer in everywhere(lambda: world(kind)):
        new = [key for key, name in made.values("pm", "name").items() if name == "b"]
        if system == "crm":
            made.edit("crm", 2, name="b2", notes="m2", visits=8)
        elif new:
            made.edit("pm", new[0], notes="m2", visits=8)
        made.run()
        assert len(made.records("pm")) == 2, killer.effects
        if not asked(made) and (new or system == "crm"):
            mine = [record for record in made.records("pm").values() if record["id"] != 11]
            assert [(each["notes"], each["visits"]) for each in mine] == [("m2", 8)], killer.effects
            assert (made.values("crm", "notes")[2], made.values("crm", "visits")[2]) == ("m2", 8), killer.effects
        assert made.run().writes == 0


@pytest.mark.parametrize("kind", ["memory", "sql"])
@pytest.mark.parametrize("system", ["crm", "pm"])
def test_a_record_that_went_after_the_kill_does_not_come_back(kind: str, system: str) -> None:
    """Whichever of a new pair is deleted: the other one follows, or a person is asked; no third one is made."""
    for made, killer in everywhere(lambda: world(kind)):
        new = [key for key, name in made.values("pm", "name").items() if name == "b"]
        if system == "crm":
            made.remove("crm", 2)
        elif new:
            made.remove("pm", new[0])
        for _ in range(3):
            made.run()
        keys = set(made.values("pm", "name")) - {11}
        assert len(keys) <= 1, killer.effects
        assert made.run().writes == 0


# What people say to crmsync ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("take", ["crm", "pm"])
def test_an_answer_given_after_the_kill_is_heard(take: str) -> None:
    def contested() -> Bench:
        made = world("memory")
        made.edit("pm", 11, notes="theirs")
        made.run()
        assert asked(made) == {"notes"}
        made.edit("crm", 1, visits=30)
        return made

    for made, killer in everywhere(contested):
        made.resolve(0 if take == "crm" else 1)
        made.run()
        assert says(made, "notes") == (("n2", "n2") if take == "crm" else ("theirs", "theirs")), killer.effects
        assert says(made, "visits") == (30, 30), killer.effects
        assert not asked(made)
        assert made.run().writes == 0


CHANGED: dict[str, Callable[[Bench], None]] = {
    "a field less": lambda made: made.change({**FIELDS, "fields": {**plain("name"), **plain("notes", "shared")}}),
    "another owner": lambda made: made.change({**FIELDS, "fields": {**FIELDS["fields"], **plain("notes", "pm")}}),
    "another transform": lambda made: made.change(
        {**FIELDS, "fields": {**FIELDS["fields"], **plain("name", to_pm=["upper"])}}
    ),
    "another place": lambda made: made.change(
        {**FIELDS, "fields": {**FIELDS["fields"], "name": {"crm": "name", "pm": "title", "owner": "crm"}}}
    ),
    "no match": lambda made: made.change({name: value for name, value in FIELDS.items() if name != "match"}),
}

BREAKING = CHANGED.keys() - {"another transform"}


@pytest.mark.parametrize("change", CHANGED)
def test_a_mapping_that_was_changed_after_the_kill_makes_nothing_twice(change: str) -> None:
    for made, killer in everywhere(lambda: world("memory")):
        CHANGED[change](made)
        if change in BREAKING:  # what the dead run had sent is looked up all the same
            assert "run/needs-rebase" in {each.rule for each in made.stopped(made.run)[1]}, killer.effects
            made.confirm()
        made.run()
        made.run()
        assert len(made.records("pm")) == 2, killer.effects
        assert made.ledger.live_links("things") == 2
        if change != "a field less":
            assert says(made, "visits") == (4, 4), killer.effects
        assert made.run().writes == 0


def test_a_mapping_that_was_switched_off_after_the_kill_is_taken_up_when_it_is_back() -> None:
    for made, killer in everywhere(lambda: world("memory")):
        made.change({**FIELDS, "enabled": False})
        made.run()
        made.change(FIELDS)
        made.run()
        assert len(made.records("pm")) == 2, killer.effects
        assert says(made, "visits") == (4, 4), killer.effects
        assert made.run().writes == 0
