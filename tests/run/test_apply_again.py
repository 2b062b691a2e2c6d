"""A plan file whose apply died is applied again: what is done is not done twice, and the rest is done."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from crmsync.run.report import Recovered
from tests.run.bench import Bench
from tests.run.killing import Facts, ended, facts, killed_at
from tests.run.stories import STORIES, told


def known(world: Bench) -> Facts:
    """All but which records need not be looked at any more: what was written before the death is looked at again."""
    return {name: told for name, told in facts(world).items() if name != "records"}


@pytest.mark.parametrize("kind", ["memory", "sql"])
def test_a_plan_whose_apply_was_killed_anywhere_is_applied_again_to_the_same_end(kind: str) -> None:
    story = STORIES["a day with edits"]
    with told(kind, story) as world:
        report = world.apply(world.save())
        expected, writes = known(world), report.writes
    point, fired = 1, True
    while fired:
        with told(kind, story) as world:
            plan, before = world.save(), ended(world)
            killer = killed_at(world, point, partial(world.apply, plan))
            fired = killer.fired
            if ended(world) == before:
                again = world.apply(plan)
                assert again.exit == report.exit
                assert again.writes <= writes
            assert known(world) == expected, (point, killer.effects)
        point += 1 if kind == "memory" else 2  # before an effect is after the one before it


def test_a_plan_that_was_applied_is_stale_for_good() -> None:
    with told("memory", STORIES["a day with edits"]) as world:
        plan = world.save()
        world.apply(plan)

        code, findings = world.stopped(lambda: world.apply(plan))

        assert code == 5
        assert {finding.rule for finding in findings} == {"plan/drift"}


def test_a_plan_tells_what_a_run_that_died_has_left_behind_and_the_next_run_what_it_found() -> None:
    with told("sql", STORIES["the first load"]) as world:
        killer = killed_at(world, 9, world.run)  # after the first write, before its answer was remembered
        assert killer.effects[-1].startswith("write ")

        planned, _ = world.plan()
        done = world.run()

        assert len(planned.recovered.runs) == 1
        [(what, number)] = planned.recovered.writes.items()
        assert what == "to be looked up by the next run"
        assert done.recovered == replace(planned.recovered, writes={"done": number})
        assert world.run().recovered == Recovered()
