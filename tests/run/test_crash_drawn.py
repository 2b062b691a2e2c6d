"""Larger worlds, drawn: whatever is in them, and however often a run dies or an answer is lost, they end the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.run.bench import Bench, mapping, plain
from tests.run.killing import Facts, ended, facts, killed_at
from tests.run.losing import Fault, LosingBench, after, before, half, well
from tests.run.stories import CRM, PM

pytestmark = pytest.mark.usefixtures("in_memory")

DRAWN = mapping(
    {
        **plain("code"),
        **plain("name", to_pm=["trim"]),
        **plain("parent", link="things"),
        **plain("status", "pm", seed="crm"),
        **plain("notes", "shared"),
        **plain("visits", "shared", merge="counter"),
        **plain("tags", "shared", merge="set"),
    },
    match={"decide": ["code"]},
    create={"pm": "always", "crm": "always"},
    delete={"pm": "archive", "crm": "delete"},
)
STAYS = 89  # the number of a record that never goes: a listing with none at all is not believed
ENTITIES = {"crm": {"thing": {**CRM, "recover_by": "origin field", "origin": "origin"}}, "pm": {"thing": PM}}

texts = st.sampled_from(["a", "b", " c "])
values = {
    "name": texts,
    "status": st.sampled_from(["open", "won", None]),
    "notes": st.sampled_from(["x", "y", None]),
    "visits": st.integers(0, 3),
    "tags": st.lists(st.sampled_from(["r", "g"]), unique=True),
}
records = st.lists(st.fixed_dictionaries({**values, "parent": st.none() | st.integers(0, 5)}), max_size=8)
sides = st.sampled_from(["crm", "pm"])
edits = st.lists(
    st.tuples(sides, st.integers(0, 7), st.sampled_from([*values, "gone"]).flatmap(lambda name: st.tuples(
        st.just(name), values.get(name, st.none())))),
    max_size=8,
)  # fmt: skip
worlds = st.tuples(records, records, edits)
World = tuple[list[Any], list[Any], list[Any]]
points = st.lists(st.integers(0, 45), min_size=1, max_size=4)
faults = st.lists(st.sampled_from([well, before, after, half]), min_size=1, max_size=4)  # patience lasts for five
modes = st.sampled_from(["batch", "delta"])


def begun(drawn: World) -> LosingBench:
    """The crm has some, the project tool others; of each that have one place in both lists the codes are the same."""
    world = LosingBench(DRAWN, entities=ENTITIES)
    for system, offset, listed in (("crm", 1, drawn[0]), ("pm", 101, drawn[1])):
        for number, record in enumerate(listed):
            parent = None if record["parent"] is None or record["parent"] >= number else record["parent"] + offset
            world.put(system, {**record, "parent": parent, "id": number + offset, "code": f"{number}"})
        world.put(system, {"id": offset + STAYS, "code": "stays", "name": "a", "visits": 1, "tags": []})
    return world


def edit(world: Bench, drawn: World) -> None:
    for system, place, (name, value) in drawn[2]:
        keys = sorted(world.records(system))
        key = keys[place % len(keys)][0]
        if name == "gone":
            if key % 100 != STAYS + 1:
                world.remove(system, key)
        else:
            world.edit(system, key, **{name: value})


def calm(drawn: World, mode: str) -> Facts:
    with begun(drawn) as world:
        world.run()
        edit(world, drawn)
        world.run(mode)
        return facts(world)


@given(worlds, points, points, modes)
@settings(max_examples=settings.default.max_examples // 4 if settings.default else 25)
def test_a_drawn_world_whose_runs_die_ends_as_if_they_had_not(
    drawn: World, first: list[int], second: list[int], mode: str
) -> None:
    expected = calm(drawn, mode)
    with begun(drawn) as world:
        _die(world, first, "batch")
        edit(world, drawn)
        _die(world, second, mode)
        assert facts(world) == expected


def _die(world: Bench, deaths: list[int], mode: str) -> None:
    """One run that has to end, and dies at these points before it does."""
    before_it = ended(world)
    for point in deaths:
        killed_at(world, point, lambda: world.run(mode))
        if ended(world) > before_it:
            return
    world.run(mode)


@given(worlds, faults, faults, modes)
@settings(max_examples=settings.default.max_examples // 4 if settings.default else 25)
def test_a_drawn_world_that_loses_answers_ends_as_if_they_had_come(
    drawn: World, first: list[Fault], second: list[Fault], mode: str
) -> None:
    expected = calm(drawn, mode)
    with begun(drawn) as world:
        losing = [world.lose(system, *first) for system in ("crm", "pm")]
        world.run()
        assert not world.letters()
        edit(world, drawn)
        world.next_day()
        for each in losing:
            each.plan = list(second)
        world.run(mode)
        assert facts(world) == expected
