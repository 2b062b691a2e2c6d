"""Answers that are lost in the middle of a run: everything ends as if they had come, and nothing is told twice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from crmsync.connectors.base import Refused, Transient
from tests.run.bench import Bench
from tests.run.killing import Facts, ended, facts
from tests.run.losing import Fault, Losing, LosingBench, after, before, half, refused_half_way, spoilt_by, well
from tests.run.stories import KEPT, STORIES, halves, things, told, tree, two

pytestmark = pytest.mark.usefixtures("in_memory")

WORLDS: dict[str, Callable[[str], Bench]] = {
    **{name: lambda kind, story=story: told(kind, story, LosingBench) for name, story in STORIES.items()},  # type: ignore[misc]  # bound now
    "parents and children": lambda kind: tree(kind, LosingBench),
    "values that combine": lambda kind: halves(kind, LosingBench),
    "two mappings to one record": lambda kind: two(kind, LosingBench),
    **{way: lambda kind, way=way: things(kind, way, LosingBench) for way in KEPT},  # type: ignore[misc]  # bound now
}
FAULTS: dict[str, Fault] = {"before": before, "after": after, "half": half, "refused half way": refused_half_way}


def ran(name: str, kind: str, system: str, *plan: Fault, then: Fault = well) -> tuple[Facts, Losing]:
    with WORLDS[name](kind) as world:
        assert isinstance(world, LosingBench)
        losing = world.lose(system, *plan, then=then)
        world.run()
        assert all(number == 1 for number in losing.took.values()), losing.took
        return facts(world), losing


@pytest.mark.parametrize("kind", ["memory", "sql"])
@pytest.mark.parametrize("name", WORLDS)
def test_whatever_answer_is_lost_all_is_as_if_it_had_come(name: str, kind: str) -> None:
    if (name, kind) == ("idempotency header", "sql"):
        pytest.skip("a database has no such header")
    calls = 0
    for system in ("crm", "pm"):
        expected, well_answered = ran(name, kind, system)
        calls += len(well_answered.calls)
        for call in range(len(well_answered.calls)):
            for fault in FAULTS.values():
                found, losing = ran(name, kind, system, *[well] * call, fault)
                assert losing.took == well_answered.took
                assert found == expected, (system, call, fault)
    assert calls


@pytest.mark.parametrize("name", ["a day with edits", "natural key", "idempotency header", "values that combine"])
def test_answers_that_are_lost_in_a_row_are_borne_with(name: str) -> None:
    expected, well_answered = ran(name, "memory", "pm")
    for plan in ([after, before], [half, half], [half, after], [before, after, half], [before] * 4, [half] * 4):
        found, losing = ran(name, "memory", "pm", *plan)
        assert losing.took == well_answered.took
        assert found == expected, plan


@pytest.mark.parametrize("fault", [before, after, half])
@pytest.mark.parametrize("name", WORLDS)
def test_after_a_system_that_never_answered_the_next_run_goes_on(name: str, fault: Fault) -> None:
    with WORLDS[name]("memory") as world:
        world.run()
        expected = facts(world)
    with WORLDS[name]("memory") as world:
        assert isinstance(world, LosingBench)
        losing = world.lose("pm", then=fault)
        before_it = ended(world)
        with suppress(Transient):  # what is seen to have taken effect needs no answer
            world.run()
        letters = {letter.rule for letter in world.letters()}
        assert letters <= {"write/unanswered"}  # of one write alone it cannot be told: every run tries it again
        if letters or ended(world) == before_it:
            world.next_day()
            losing.then = well
            world.run()
        assert not world.letters()
        found = facts(world)
        same = ("crm.thing", "pm.thing", "crm.firm", "pm.firm", "crm.deal", "pm.deal") if letters else tuple(expected)
        assert [found.get(name) for name in same] == [expected.get(name) for name in same]
        assert all(number == 1 for number in losing.took.values())


# One record that spoils the call it is in --------------------------------------------------------------------------


@pytest.mark.parametrize("error", [Refused, Transient])
@pytest.mark.parametrize("kind", ["memory", "sql"])
def test_a_record_that_spoils_its_batch_is_found_and_the_others_are_written_once(
    kind: str, error: type[Refused] | type[Transient]
) -> None:
    with many(kind) as world:
        losing = world.lose("pm", then=spoilt_by("n7", error))
        report = world.run()
        assert report.exit == 3
        assert set(world.values("pm", "name").values()) == {f"n{number}" for number in range(1, 10) if number != 7}
        assert all(number == 1 for number in losing.took.values())
        assert len(losing.calls) < 14  # not one by one
        (letter,) = world.letters()
        rule = "write/refused" if error is Refused else "write/unanswered"
        assert (letter.rule, letter.key) == (rule, (7,))
        assert "internal error 17" in letter.message

        world.next_day()
        losing.then = well
        world.run()
        made = set(world.values("pm", "name").values())
        if error is Transient:  # it is tried again by every run
            assert (made, world.letters()) == ({f"n{number}" for number in range(1, 10)}, [])
        else:
            assert (len(made), [each.key for each in world.letters()]) == (8, [(7,)])
        assert all(number == 1 for number in losing.took.values())


def many(kind: str) -> LosingBench:
    """Nine that have to be made."""
    world = things(kind, "origin field", LosingBench)
    assert isinstance(world, LosingBench)
    for number in range(1, 10):
        world.put("crm", {"id": number, "name": f"n{number}", "ico": f"{number}", "notes": "a"})
    world.remove("pm", 50)
    return world


def test_when_every_record_fails_by_itself_the_system_is_to_blame() -> None:
    def alone(_: Any, __: Any) -> Any:
        raise Refused("out of order")

    with many("memory") as world:
        losing = world.lose("pm", then=alone)
        with pytest.raises(Refused):
            world.run()
        assert {letter.rule for letter in world.letters()} == {"write/unanswered"}
        assert not losing.took
        world.next_day()
        losing.then = well
        world.run()
        assert len(world.records("pm")) == 9
        assert not world.letters()


def test_records_that_fail_with_nobody_beside_them_do_not_stop_the_others_for_ever() -> None:
    with many("memory") as world:
        losing = world.lose("pm", then=spoilt_by("n", Refused))
        with pytest.raises(Refused):
            world.run()

        world.next_day()
        report = world.run()

        assert report.exit == 3
        assert {(letter.rule, letter.tries) for letter in world.letters()} == {("write/refused", 2)}
        assert not losing.took


@pytest.mark.parametrize("fault", [after, half])
def test_where_nobody_can_tell_a_lost_answer_is_a_question_and_no_second_try(fault: Fault) -> None:
    with things("memory", "none", LosingBench) as world:
        assert isinstance(world, LosingBench)
        losing = world.lose("pm", fault)
        assert world.run().exit == 3
        made = len(world.records("pm"))
        assert [review.kind for review in world.reviews()] == ["unknown-outcome"] * 3
        world.run()
        assert len(world.records("pm")) == made
        assert losing.calls == [3]
