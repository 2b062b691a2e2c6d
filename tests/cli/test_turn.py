"""One run at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crmsync.core.model import Project
from crmsync.ledger.lock import holder_of, take_lock
from crmsync.ledger.nouns import Holder, Locked, LockLost
from crmsync.ledger.store import Ledger
from crmsync.run.locking import NAME, our_turn
from crmsync.run.world import World

STRANGER = Holder("another-host", 1, "then", "their-run")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    project = Project("", {}, (), {}, {}, "")
    with World(project, {}, Ledger.open(f"sqlite:///{tmp_path}/ledger.db")) as opened:
        yield opened


def long_after() -> str:
    return (datetime.now(UTC) + timedelta(minutes=11)).isoformat()


def test_while_it_is_our_turn_it_is_nobody_elses(world: World) -> None:
    with our_turn(world, "ours"), pytest.raises(Locked, match="ours"):
        take_lock(world.ledger, NAME, STRANGER, datetime.now(UTC).isoformat())
    assert holder_of(world.ledger, NAME) is None


def test_a_run_that_fails_lets_go_of_the_lock(world: World) -> None:
    with pytest.raises(ValueError, match="failed"), our_turn(world, "ours"):
        raise ValueError("failed")
    assert holder_of(world.ledger, NAME) is None


def test_a_lock_that_was_lost_is_reported(world: World) -> None:
    with pytest.raises(LockLost), our_turn(world, "ours"):
        take_lock(world.ledger, NAME, STRANGER, long_after())
    assert holder_of(world.ledger, NAME) == STRANGER


def test_what_failed_first_is_told_even_when_the_lock_was_lost_too(world: World) -> None:
    def fail() -> None:
        take_lock(world.ledger, NAME, STRANGER, long_after())
        raise ValueError("failed")

    with pytest.raises(ValueError, match="failed"), our_turn(world, "ours"):
        fail()


def test_whoever_lost_the_lock_remembers_nothing_more(world: World) -> None:
    def write() -> None:
        take_lock(world.ledger, NAME, STRANGER, long_after())
        with world.writing() as ledger:
            ledger.stamp_instance("crm", "ours")

    with pytest.raises(LockLost), our_turn(world, "ours"):
        write()
    assert world.ledger.instance("crm") is None
