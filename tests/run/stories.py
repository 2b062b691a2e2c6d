"""Small worlds that have everything a run can die of, each up to its last run, which is still to come.

A story is told the same way every time: a test runs one undisturbed, and the others not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.run.bench import THING, Bench, mapping, plain

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


def bench(kind: str, make: type[Bench] = Bench) -> Bench:
    pm = PM
    crm = {**CRM, "recover_by": "origin field", "origin": "origin"}
    entities = {"crm": {"firm": CRM, "deal": crm}, "pm": {"firm": pm, "deal": pm}}
    return make(FIRMS, DEALS, entities=entities, schemas=SCHEMAS, columns=COLUMNS if kind == "sql" else None)


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


def told(kind: str, story: list[Callable[[Bench], None]], make: type[Bench] = Bench) -> Bench:
    """The story up to its last run, which is still to come."""
    world = bench(kind, make)
    for number, chapter in enumerate(story):
        chapter(world)
        if number < len(story) - 1:
            world.run()
    return world


# How a create is recognised

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


def things(kind: str, way: str, make: type[Bench] = Bench) -> Bench:
    """Three records that only one side has, and one that only the other one has."""
    entities = {"crm": {"thing": CRM}, "pm": {"thing": {**CRM, **KEPT.get(way, {})}}}
    chosen = KEYED if way == "caller" else THINGS
    world = make(chosen, entities=entities, columns=THING_COLUMNS if kind == "sql" else None)
    for number in (1, 2, 3):
        world.put("crm", {"id": number, "name": f" n{number}", "ico": f"{number}", "notes": "a"})
    world.put("pm", {"id": 50, "name": "alone"})
    return world


# Shapes of a plan

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


def shape(kind: str, make: type[Bench], *mappings: Any) -> Bench:
    entities = {"crm": {"thing": CRM}, "pm": {"thing": {**CRM, **KEPT["origin field"]}}}
    return make(*mappings, entities=entities, columns=OTHER_COLUMNS if kind == "sql" else None)


def tree(kind: str, make: type[Bench] = Bench) -> Bench:
    world = shape(kind, make, TREE)
    for number, parent in ((1, None), (2, 1), (3, 2), (4, 2), (5, None)):
        world.put("crm", {"id": number, "name": f"n{number}", "parent": parent})
    world.put("pm", {"id": 50, "name": "alone"})
    return world


def halves(kind: str, make: type[Bench] = Bench) -> Bench:
    """Both sides have counted, tagged and logged since they last agreed."""
    world = shape(kind, make, HALVES)
    tags: list[str] | None = [] if kind == "memory" else None
    for number in (1, 2):
        same = {"notes": f"k{number}", "visits": 1, "tags": tags, "log": "begin"}
        world.put("crm", {"id": number, **same})
        world.put("pm", {"id": number + 10, **same})
    world.run()
    tagged: list[dict[str, Any]] = [{"tags": ["x"]}, {"tags": ["y"]}] if kind == "memory" else [{}, {}]
    world.edit("crm", 1, visits=4, log="begin, ours", **tagged[0])
    world.edit("pm", 11, visits=3, **tagged[1])
    world.edit("crm", 2, visits=2)
    world.edit("pm", 12, visits=2, log="begin, theirs")
    return world


def two(kind: str, make: type[Bench] = Bench) -> Bench:
    world = shape(kind, make, ONE, TWO)
    for number in (1, 2):
        world.put("crm", {"id": number, "ico": f"{number}", "name": "n", "notes": "a", "visits": number})
    world.put("pm", {"id": 12, "ico": "2", "name": "m", "notes": None, "visits": 2})
    world.run()
    for number in (1, 2):
        world.edit("crm", number, name="n2", notes="b", visits=9)
    world.edit("pm", 12, visits=5)
    return world
