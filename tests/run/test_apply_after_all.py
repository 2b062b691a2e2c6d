"""A saved plan is not carried out against what has happened since."""

from collections.abc import Iterator

import pytest

from tests.run.bench import ENTITY, Bench, Record, mapping, plain

DELETED = {
    "crm": {"thing": {**ENTITY, "deleted": "gone"}},
    "pm": {"thing": {**ENTITY, "archive": {"set": {"off": True}}}},
}


def bench(*fields, **more) -> Iterator[Bench]:
    with Bench(mapping({**plain("x"), **plain("y", on_foreign_edit="review")}, create={"pm": "always"}, **more),
               entities=DELETED) as made:  # fmt: skip
        made.put("crm", {"id": 1, "x": "a", "y": "a", "type": "c"})
        yield made


@pytest.fixture
def world() -> Iterator[Bench]:
    yield from bench(delete={"pm": "archive"}, scope={"crm": "type == 'c'"})


def pm(world: Bench) -> Record:
    (record,) = world.records("pm").values()
    return record


@pytest.mark.parametrize("policy", ["abort", "skip"])
def test_a_record_that_came_back_is_not_archived(world: Bench, policy: str) -> None:
    world.run()
    world.edit("crm", 1, gone=True)
    plan = world.save()
    world.edit("crm", 1, gone=False)
    if policy == "abort":
        assert world.stopped(lambda: world.apply(plan, archive=9, delete=9))[0] == 5
    else:
        world.apply(plan, policy, archive=9, delete=9)
    assert not pm(world).get("off")
    world.edit("crm", 1, x="b")
    world.run()
    assert pm(world)["x"] == "b"  # the link is live


def test_a_record_that_left_the_scope_gets_no_counterpart(world: Bench) -> None:
    plan = world.save()
    world.edit("crm", 1, type="p")
    assert world.stopped(lambda: world.apply(plan))[0] == 5
    assert world.records("pm") == {}


def test_an_answer_to_a_question_of_an_applied_plan_takes_effect(world: Bench) -> None:
    world.run()
    world.edit("pm", 1, x="mine", y="mine")
    world.apply(world.save(), revert=9, update=9)
    (question,) = world.reviews()
    with world.world.writing() as ledger:
        ledger.resolve_review(question.n, 0, None, "me", "2026-01-01T00:00:00+00:00")
    world.run("delta")
    assert pm(world)["y"] == "a"
    assert world.reviews() == []
