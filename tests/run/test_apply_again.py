"""A plan file whose apply died is applied again: what is done is not done twice, and the rest is done."""

from __future__ import annotations

import pytest

from tests.run.bench import Bench
from tests.run.killing import Facts, ended, facts, killed_at
from tests.run.test_crash import STORIES, told


def known(world: Bench) -> Facts:
    """All but which records need not be looked at any more: what was written before the death is looked at again."""
    return {name: told for name, told in facts(world).items() if name != "records"}


@pytest.mark.parametrize("kind", ["memory", "sql"])
def test_a_plan_whose_apply_was_killed_anywhere_is_applied_again_to_the_same_end(kind: str) -> None:
    story = STORIES["a day with edits"]
    with told(kind, story) as world:
        report = world.apply(world.save())
        expected, writes = known(world), report.writes
    point, fired = 0, True
    while fired:
        with told(kind, story) as world:
            plan, before = world.save(), ended(world)
            killer = killed_at(world, point, lambda file=plan: world.apply(file))
            fired = killer.fired
            if ended(world) == before:
                again = world.apply(plan)
                assert again.exit == report.exit
                assert again.writes <= writes
            assert known(world) == expected, (point, killer.effects)
        point += 1


def test_a_plan_that_was_applied_is_stale_for_good() -> None:
    with told("memory", STORIES["a day with edits"]) as world:
        plan = world.save()
        world.apply(plan)

        code, findings = world.stopped(lambda: world.apply(plan))

        assert code == 5
        assert {finding.rule for finding in findings} == {"plan/drift"}
