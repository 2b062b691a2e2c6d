"""What a person decides while a run is at work is looked at by the next one, whatever that run thinks at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from crmsync.run.match.judge import reopen, split
from tests.run.bench import Bench, mapping, plain

modes = pytest.mark.parametrize("mode", ["batch", "delta"])
FIELDS = {**plain("name"), **plain("notes", "shared"), **plain("code")}


@contextmanager
def while_it_writes(world: Bench, deed: Callable[[], None]) -> Iterator[None]:
    """Somebody does that as soon as the next run writes to pm."""
    door = world.world.door(world.world.project.mapping("things"), 1)
    write = door.write

    def disturbed(writes: Sequence[Any]) -> Any:
        deed()
        return write(writes)

    door.write = disturbed  # type: ignore[method-assign]
    yield
    door.write = write  # type: ignore[method-assign]


@pytest.fixture
def world(any_ledger: None) -> Iterator[Bench]:
    with Bench(mapping(FIELDS, create={"pm": "always"})) as bench:
        bench.put("crm", *({"id": n, "name": f"Kôň {n}", "notes": "n", "code": f"C{n}"} for n in (1, 2)))
        bench.run()
        bench.run()
        yield bench


def states(world: Bench, key: int) -> list[Any]:
    return [world.ledger.states("things", side, [(key,)])[key,].bucket for side in (0, 1)]


@modes
def test_a_pair_that_is_split_meanwhile_is_looked_at_again(world: Bench, mode: str) -> None:
    world.edit("crm", 1, name="Nová")
    with while_it_writes(world, lambda: split(world.world, "things", [((1,), (1,))], "eva")):
        world.run(mode)
    assert states(world, 1) == ["waiting", "waiting"]
    assert world.run(mode).writes == 1  # the record of the CRM gets a counterpart of its own
    assert len(world.records("pm")) == 3
    assert world.run(mode).writes == 0
    assert "waiting" not in states(world, 1)


@modes
def test_an_answer_that_is_taken_back_meanwhile_has_its_records_looked_at_again(world: Bench, mode: str) -> None:
    world.edit("crm", 1, notes="a")
    world.edit("pm", 1, notes="b")
    world.run()
    [review] = world.reviews()
    world.resolve(0)
    with while_it_writes(world, lambda: reopen(world.world, review.n, "eva")):
        assert world.run(mode).writes == 1
    assert states(world, 1) == ["waiting", "waiting"]
    assert world.run(mode).writes == 0
    assert "waiting" not in states(world, 1)


def test_what_was_marked_before_is_settled_by_the_run_that_looks_at_it(world: Bench) -> None:
    with world.world.writing() as ledger:
        ledger.look_again("things", 0, [(1,), (2,)], "eva wants it")
    world.run("delta")
    assert states(world, 1) == states(world, 2) == ["unchanged", "unchanged"]
