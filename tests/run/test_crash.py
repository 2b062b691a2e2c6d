"""Killed at any effect and run again, everything ends as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.run.bench import THING, Bench, mapping, plain
from tests.run.killing import ended, everywhere, facts, killed_at, undisturbed

pytestmark = pytest.mark.usefixtures("in_memory")

FIRM = {"crm": {"entity": "firm", "contract": "crm.firm@1"}, "pm": {"entity": "firm", "contract": "pm.firm@1"}}
DEAL = {"crm": {"entity": "deal", "contract": "crm.deal@1"}, "pm": {"entity": "deal", "contract": "pm.deal@1"}}
OPEN = {"type": "object"}
SCHEMAS = {f"{system}.{entity}": OPEN for system in ("crm", "pm") for entity in ("firm", "deal")}
COLUMNS = "name TEXT, ico TEXT, notes TEXT, visits INTEGER, status TEXT, firm INTEGER, gone INTEGER, origin TEXT"
CRM: dict[str, Any] = {"key": "id", "modified": "updated"}
PM: dict[str, Any] = {
    **CRM, "archive": {"set": {"gone": 1}}, "recover_by": "origin field", "origin": "origin",
}  # fmt: skip

FIRMS = mapping(
    {
        **plain("name", to_pm=["trim"]),
        **plain("ico"),
        **plain("notes", "shared"),
        **plain("visits", "shared", merge="counter"),
        **plain("status", "pm", seed="crm"),
    },
    mapping="firms",
    between=FIRM,
    match={"decide": ["ico"], "compare": {"name": {"as": "company", "weight": 1}}},
    create={"pm": "always"},
    delete={"pm": "archive"},
)
DEALS = mapping(
    {**plain("name"), **plain("firm", link="firms"), **plain("visits", "shared", merge="counter")},
    mapping="deals",
    between=DEAL,
    create={"pm": "always", "crm": "always"},
    delete={"pm": "delete", "crm": "delete"},
)


def bench(kind: str, recover: dict[str, Any] | None = None) -> Bench:
    pm = {**PM, **(recover or {})}
    crm = {**CRM, "recover_by": "origin field", "origin": "origin"}
    entities = {"crm": {"firm": CRM, "deal": crm}, "pm": {"firm": pm, "deal": pm}}
    return Bench(FIRMS, DEALS, entities=entities, schemas=SCHEMAS, columns=COLUMNS if kind == "sql" else None)


def first_load(world: Bench) -> None:
    """Some are there on both sides, some on one; one may be the same; one deal waits for its firm."""
    world.put(
        "crm",
        {"id": 1, "name": " Žltý kôň s.r.o. ", "ico": "36421928", "notes": "a", "visits": 3, "status": "open"},
        {"id": 2, "name": "Łódź Sp. z o.o.", "ico": None, "notes": None, "visits": 0, "status": "open"},
        {"id": 3, "name": "Beta", "ico": "31322832", "notes": "b", "visits": 1, "status": "won"},
        entity="firm",
    )
    world.put("pm", {"id": 7, "name": "Beta a. s.", "ico": "31322832", "notes": "c", "visits": 1}, entity="firm")
    world.put(
        "crm",
        {"id": 1, "name": "d1", "firm": 1, "visits": 1},
        {"id": 2, "name": "d2", "firm": 1, "visits": 2},
        {"id": 3, "name": "d3", "firm": 9, "visits": 2},
        entity="deal",
    )
    world.put("pm", {"id": 5, "name": "d5", "firm": 7, "visits": 4}, entity="deal")


def later(world: Bench) -> None:
    """Edits on both sides, a counter that both moved, somebody new, somebody gone for the first time."""
    world.edit("crm", 1, entity="firm", name="Žltý kôň a. s.", visits=5, notes="a2")
    world.edit("pm", partner(world, "firm", 1), entity="firm", visits=4, status="won")
    world.edit("crm", 3, entity="firm", visits=2)
    world.put("crm", {"id": 9, "name": "Gama", "ico": "00151742", "notes": "", "visits": 0}, entity="firm")
    world.edit("crm", 2, entity="deal", visits=7)
    world.remove("crm", 1, entity="deal")
    world.remove("crm", 2, entity="firm")


def partner(world: Bench, entity: str, key: int) -> int:
    found = world.ledger.links(f"{entity}s", 0, [(key,)])[(key,)].keys[1]
    assert isinstance(found[0], int)
    return found[0]


def nothing(world: Bench) -> None:
    """A second listing without what was missing from the first: now it counts as deleted."""


STORIES: dict[str, list[Callable[[Bench], None]]] = {
    "the first load": [first_load],
    "a day with edits": [first_load, later],
    "the day of the deletes": [first_load, later, nothing],
}


def told(kind: str, story: list[Callable[[Bench], None]], **more: Any) -> Bench:
    """The story up to its last run, which is still to come."""
    world = bench(kind, **more)
    for number, chapter in enumerate(story):
        chapter(world)
        if number < len(story) - 1:
            world.run()
    return world


# A kill, and the next run ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["memory", "sql"])
@pytest.mark.parametrize("name", STORIES)
def test_killed_at_any_effect_and_run_again_all_is_as_if_it_had_not_been(name: str, kind: str) -> None:
    with told(kind, STORIES[name]) as world:
        world.run()
        expected = facts(world)
    assert not expected["unanswered"]
    point, fired = 0, True
    while fired:
        with told(kind, STORIES[name]) as world:
            before = ended(world)
            killer = killed_at(world, point, world.run)
            fired = killer.fired
            if ended(world) == before:  # one that died after its end would be another day's listing
                world.run()
            assert facts(world) == expected, (point, killer.effects)
        point += 1
    assert point > 12  # as many ways to die


@pytest.mark.parametrize("kind", ["memory", "sql"])
def test_a_delta_run_is_taken_up_as_well(kind: str) -> None:
    def story() -> Bench:
        return told(kind, STORIES["a day with edits"])

    def delta(world: Bench) -> None:
        world.run("delta")

    expected = undisturbed(story, delta)
    for world, killer in everywhere(story, delta):
        delta(world)
        assert facts(world) == expected, killer.effects


@pytest.mark.parametrize("name", STORIES)
def test_killed_while_it_takes_up_a_dead_run_the_next_one_still_does(name: str) -> None:
    def story() -> Bench:
        return told("memory", STORIES[name])

    expected = undisturbed(story)
    for point in _points_with_sent_writes(story):
        for second in range(5):  # up to what comes after the recovery
            with story() as world:
                before = ended(world)
                killers = [killed_at(world, each, world.run) for each in (point, second)]
                if ended(world) == before:
                    world.run()
                assert facts(world) == expected, (point, second, [killer.effects for killer in killers])


def _points_with_sent_writes(story: Callable[[], Bench]) -> list[int]:
    points = [point for point, (world, _) in enumerate(everywhere(story)) if _sent(world)]
    assert len(points) > 3
    return points


def _sent(world: Bench) -> bool:
    names = [each.name for each in world.world.project.mappings]
    return any(True for _ in world.ledger.unanswered(names))


def test_killed_again_and_again_every_run_gets_further() -> None:
    """Each run dies one point later than the one before it."""
    with told("memory", STORIES["a day with edits"]) as world:
        world.run()
        expected = facts(world)
    with told("memory", STORIES["a day with edits"]) as world:
        point, before = 0, ended(world)
        while ended(world) == before:
            killed_at(world, point, world.run)
            point += 1
        assert facts(world) == expected
        assert point > 5


# How a create is recognised --------------------------------------------------------------------------------------

KEPT: dict[str, dict[str, Any]] = {
    "origin field": {"recover_by": "origin field", "origin": "origin"},
    "idempotency header": {"recover_by": "idempotency header"},
    "natural key": {"recover_by": "natural key", "natural_key": ["ico"]},
    "caller": {"assigned_by": "caller"},
}
THINGS = mapping(
    {**plain("ico"), **plain("name", to_pm=["trim"]), **plain("notes", "shared")},
    create={"pm": "always"},
)
KEYED = mapping({**THINGS["fields"], **plain("id")}, create={"pm": "always"})
THING_COLUMNS = "name TEXT, ico TEXT, notes TEXT, origin TEXT"


def things(kind: str, way: str, *mappings: Any, **pm: Any) -> Bench:
    """Three records that only one side has, and one that only the other one has."""
    entities = {"crm": {"thing": CRM}, "pm": {"thing": {**CRM, **KEPT.get(way, {}), **pm}}}
    chosen = mappings or ((KEYED if way == "caller" else THINGS),)
    world = Bench(*chosen, entities=entities, columns=THING_COLUMNS if kind == "sql" else None)
    for number in (1, 2, 3):
        world.put("crm", {"id": number, "name": f" n{number}", "ico": f"{number}", "notes": "a"})
    world.put("pm", {"id": 50, "name": "alone"})
    return world


@pytest.mark.parametrize(
    ("kind", "way"), [("memory", way) for way in KEPT] + [("sql", way) for way in KEPT if way != "idempotency header"]
)
def test_a_create_that_was_sent_is_known_again(kind: str, way: str) -> None:
    def story() -> Bench:
        return things(kind, way)

    expected = undisturbed(story)
    assert len(expected["pm.thing"]) == 4
    for world, killer in everywhere(story):
        world.run()
        assert facts(world) == expected, killer.effects


@pytest.mark.parametrize("kind", ["memory", "sql"])
def test_where_nobody_can_tell_a_person_is_asked_and_nothing_is_made_twice(kind: str) -> None:
    asked = 0
    for world, killer in everywhere(lambda: things(kind, "none")):
        made = len(world.records("pm"))
        doubt = _sent(world)
        for _ in range(2):
            world.run()
            assert len(world.records("pm")) == (made if doubt else 4), killer.effects
        assert [each.kind for each in world.reviews()] == (["unknown-outcome"] * 3 if doubt else [])
        if doubt:
            asked += 1
            _answer(world)
            world.run()
            assert not world.reviews()
            _agrees(world)
        assert world.run().writes == 0
    assert asked == 4  # from when it was sent until the answer was remembered


def _answer(world: Bench) -> None:
    """As the records really are."""
    made = {record["name"]: key for key, record in world.records("pm").items()}
    for review in world.reviews():
        source = review.keys[0]
        assert source is not None
        key = made.get(f"n{source[0]}")
        world.resolve("same" if key else "different", list(key) if key else None, review.n)


def _agrees(world: Bench) -> None:
    assert sorted(world.values("pm", "name").values()) == ["alone", "n1", "n2", "n3"]
    assert world.ledger.live_links("things") == 3


# Shapes of a plan ---------------------------------------------------------------------------------------------

TREE = mapping({**plain("name"), **plain("parent", link="things")}, create={"pm": "always"})
HALVES = mapping(
    {
        **plain("visits", "shared", merge="counter"),
        **plain("tags", "shared", merge="set"),
        **plain("log", "shared", merge="append"),
        **plain("notes", "shared"),
    },
    match={"decide": ["notes"]},
)
ONE = mapping({**plain("ico"), **plain("name")}, create={"pm": "always"}, match={"decide": ["ico"]})
TWO = mapping(
    {**plain("ico", "pm"), **plain("notes", "shared"), **plain("visits", "shared", merge="counter")},
    mapping="others",
    between=THING,
    after=["things"],
    match={"decide": ["ico"]},
)
OTHER_COLUMNS = "name TEXT, ico TEXT, notes TEXT, visits INTEGER, parent INTEGER, tags TEXT, log TEXT, origin TEXT"


def shape(kind: str, *mappings: Any) -> Bench:
    entities = {"crm": {"thing": CRM}, "pm": {"thing": {**CRM, **KEPT["origin field"]}}}
    return Bench(*mappings, entities=entities, columns=OTHER_COLUMNS if kind == "sql" else None)


def tree(kind: str) -> Bench:
    world = shape(kind, TREE)
    for number, parent in ((1, None), (2, 1), (3, 2), (4, 2), (5, None)):
        world.put("crm", {"id": number, "name": f"n{number}", "parent": parent})
    world.put("pm", {"id": 50, "name": "alone"})
    return world


def halves(kind: str) -> Bench:
    """Both sides have counted, tagged and logged since they last agreed."""
    world = shape(kind, HALVES)
    tags = [] if kind == "memory" else None
    for number in (1, 2):
        same = {"notes": f"k{number}", "visits": 1, "tags": tags, "log": "begin"}
        world.put("crm", {"id": number, **same})
        world.put("pm", {"id": number + 10, **same})
    world.run()
    tagged = [{"tags": ["x"]}, {"tags": ["y"]}] if kind == "memory" else [{}, {}]
    world.edit("crm", 1, visits=4, log="begin, ours", **tagged[0])
    world.edit("pm", 11, visits=3, **tagged[1])
    world.edit("crm", 2, visits=2)
    world.edit("pm", 12, visits=2, log="begin, theirs")
    return world


def two(kind: str) -> Bench:
    world = shape(kind, ONE, TWO)
    for number in (1, 2):
        world.put("crm", {"id": number, "ico": f"{number}", "name": "n", "notes": "a", "visits": number})
    world.put("pm", {"id": 12, "ico": "2", "name": "m", "notes": None, "visits": 2})
    world.run()
    for number in (1, 2):
        world.edit("crm", number, name="n2", notes="b", visits=9)
    world.edit("pm", 12, visits=5)
    return world


@pytest.mark.parametrize("kind", ["memory", "sql"])
@pytest.mark.parametrize("told_by", [tree, halves, two])
def test_every_shape_of_a_plan_is_taken_up(told_by: Callable[[str], Bench], kind: str) -> None:
    expected = undisturbed(lambda: told_by(kind))
    for world, killer in everywhere(lambda: told_by(kind)):
        world.run()
        assert facts(world) == expected, killer.effects


def test_batch_after_batch_is_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmsync.run.perform.BATCH", 1)
    expected = undisturbed(lambda: tree("memory"))
    points = 0
    for world, killer in everywhere(lambda: tree("memory")):
        world.run()
        assert facts(world) == expected, killer.effects
        points += 1
    assert points > 30


# A plan file ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["memory", "sql"])
def test_an_apply_that_was_killed_is_taken_up_by_the_next_run(kind: str) -> None:
    def story() -> Bench:
        world = told(kind, STORIES["a day with edits"])
        world.save()
        return world

    def apply(world: Bench) -> None:
        world.apply(world.root / "plan.jsonl")

    def applied_and_run(world: Bench) -> None:
        apply(world)
        world.run()

    expected = undisturbed(story, applied_and_run)
    for world, killer in everywhere(story, apply):
        world.run()
        world.run()  # what is missing was missing in two listings: that of the plan, and that of the run
        assert facts(world) == expected, killer.effects


@pytest.mark.parametrize("way", [*KEPT, "none"])
def test_an_apply_that_was_killed_makes_nothing_twice_when_it_is_said_again(way: str) -> None:
    def story() -> Bench:
        world = things("memory", way)
        world.save()
        return world

    for world, killer in everywhere(story, lambda world: world.apply(world.root / "plan.jsonl")):
        made, sent = len(world.records("pm")), _sent(world)
        again = world.apply(world.root / "plan.jsonl", "skip")
        assert again.exit in (0, 3)
        assert not _sent(world)
        world.run()
        assert len(world.records("pm")) == (made if way == "none" and sent else 4), killer.effects
        assert len(world.reviews()) == (3 if way == "none" and sent else 0)
