"""Killed at any effect and run again, everything ends as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.run.bench import Bench
from tests.run.killing import ended, everywhere, facts, killed_at, undisturbed
from tests.run.stories import KEPT, STORIES, halves, things, told, tree, two

pytestmark = pytest.mark.usefixtures("in_memory")

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


@pytest.mark.parametrize("name", ["a day with edits", "the day of the deletes"])
def test_killed_while_it_takes_up_a_dead_run_the_next_one_still_does(name: str) -> None:
    def story() -> Bench:
        return told("memory", STORIES[name])

    expected = undisturbed(story)
    for point in _points_with_sent_writes(story):
        for second in range(4):  # up to what comes after the recovery
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
