"""One run at a time."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Timer

import pytest

from crmsync.core.model import Project
from crmsync.ledger.lock import held_by, take_lock, this_process
from crmsync.ledger.nouns import Holder, Locked, LockLost
from crmsync.ledger.store import Ledger
from crmsync.run.locking import NAME, Wait, our_turn
from crmsync.run.world import World
from tests.cli.shop import Shop

STRANGER = Holder("another-host", 1, "then", "their-run")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    project = Project("", {}, (), {}, {}, "")
    with World(project, {}, Ledger.open(f"sqlite:///{tmp_path}/ledger.db")) as opened:
        yield opened


def dies(world: World) -> None:
    """The holder has shown no sign of life for long, and is on a machine that we cannot see."""
    with world.ledger.database.writing() as access:
        access.run("UPDATE crmsync_lock SET host = 'elsewhere', beat = '2026-01-01T00:00:00+00:00'")


def lose(world: World) -> None:
    """Another run takes our lock over."""
    dies(world)
    take_lock(world.ledger, NAME, STRANGER)


def holder(world: World) -> Holder | None:
    held = held_by(world.ledger, NAME)
    return held.holder if held else None


class Waiting:
    """A clock that moves by sleeping. While it stands at a moment of `then`, that happens."""

    def __init__(self, then: dict[float, Callable[[], object]] | None = None) -> None:
        self.now = 0.0
        self.naps: list[float] = []
        self.told: list[Locked] = []
        self.then = then or {}

    def wait(self, seconds: float, chance: float = 0.5) -> Wait:
        return Wait(seconds, self.told.append, lambda: self.now, self.sleep, lambda: chance)

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds
        self.then.get(self.now, lambda: None)()


def test_while_it_is_our_turn_it_is_nobody_elses(world: World) -> None:
    with our_turn(world, "ours"), pytest.raises(Locked, match="ours"):
        take_lock(world.ledger, NAME, STRANGER)
    assert holder(world) is None


def test_a_run_that_fails_lets_go_of_the_lock(world: World) -> None:
    with pytest.raises(ValueError, match="failed"), our_turn(world, "ours"):
        raise ValueError("failed")
    assert holder(world) is None


def test_a_lock_that_was_lost_is_reported(world: World) -> None:
    with pytest.raises(LockLost), our_turn(world, "ours"):
        lose(world)
    assert holder(world) == STRANGER


def test_what_failed_first_is_told_even_when_the_lock_was_lost_too(world: World) -> None:
    def fail() -> None:
        lose(world)
        raise ValueError("failed")

    with pytest.raises(ValueError, match="failed"), our_turn(world, "ours"):
        fail()


def test_whoever_lost_the_lock_remembers_nothing_more(world: World) -> None:
    def write() -> None:
        lose(world)
        with world.writing() as ledger:
            ledger.stamp_instance("crm", "ours")

    with pytest.raises(LockLost), our_turn(world, "ours"):
        write()
    assert world.ledger.instance("crm") is None


# waiting


def test_who_waits_gets_its_turn_when_the_lock_is_free(world: World) -> None:
    theirs = take_lock(world.ledger, NAME, STRANGER)
    waiting = Waiting({3.0: theirs.release})
    with our_turn(world, "ours", waiting.wait(60)):
        assert holder(world) == this_process("ours")
    assert (waiting.naps, len(waiting.told)) == ([1.0, 1.0, 1.0], 1)


def test_who_waits_takes_over_from_a_holder_that_dies(world: World) -> None:
    take_lock(world.ledger, NAME, STRANGER)
    waiting = Waiting({2.0: lambda: dies(world)})
    with our_turn(world, "ours", waiting.wait(60)):
        assert waiting.now == 2.0


def test_when_the_time_is_over_the_holder_is_named(world: World) -> None:
    take_lock(world.ledger, NAME, STRANGER)
    waiting = Waiting()
    named = "their-run, process 1 on another-host, since 20"
    with pytest.raises(Locked, match=named), our_turn(world, "ours", waiting.wait(2.5)):
        raise AssertionError("it is not our turn")
    assert waiting.naps == [1.0, 1.0, 0.5]


def test_two_that_wait_do_not_look_in_step(world: World) -> None:
    take_lock(world.ledger, NAME, STRANGER)
    naps = []
    for chance in (0.0, 0.99):
        waiting = Waiting()
        with pytest.raises(Locked), our_turn(world, "ours", waiting.wait(2, chance)):
            raise AssertionError("it is not our turn")
        naps.append(waiting.naps[0])
    assert naps == [0.5, 1.49]


def test_who_would_not_wait_is_refused_at_once(world: World) -> None:
    take_lock(world.ledger, NAME, STRANGER)
    waiting = Waiting()
    with pytest.raises(Locked), our_turn(world, "ours", waiting.wait(0)):
        raise AssertionError("it is not our turn")
    assert (waiting.naps, waiting.told) == ([], [])


# on the command line


@pytest.fixture
def busy(shop: Shop) -> Iterator[Shop]:
    """Another run is at work."""
    ledger = Ledger.open(f"sqlite:///{shop.folder}/.crmsync/ledger.db")
    take_lock(ledger, NAME, STRANGER)
    yield shop
    ledger.close()


@pytest.mark.parametrize("words", [["wait", "0"], ["wait=0"], ["wait 0"], ["fail"]])
def test_the_second_run_names_holder_host_and_start(busy: Shop, words: list[str]) -> None:
    said = busy.do("run", "--if-locked", *words)
    assert said.code == 6
    assert "held by run their-run, process 1 on another-host, since 20" in said.err


def test_a_wait_says_so_and_ends_with_6(busy: Shop) -> None:
    said = busy.do("run", "--if-locked", "wait", "1", "--first-load")
    assert said.code == 6
    waiting, ended, *_ = said.err.splitlines()
    assert "waiting 1 s: the lock 'run' is held by run their-run" in waiting
    assert "--if-locked" not in waiting
    assert "wait for it (--if-locked wait SECONDS), or end that process" in ended


def test_who_goes_quietly_is_not_told_to_wait(busy: Shop) -> None:
    said = busy.do("run", "--if-locked", "skip")
    assert said.code == 0
    assert "skipped: the lock 'run' is held by run their-run" in said.err
    assert "--if-locked" not in said.err


@pytest.mark.parametrize(
    "words", ["--if-locked wait", "--if-locked=wait", "--if-locked wait soon", "--if-locked wait --yes", "--if-locked"]
)
def test_a_wait_without_its_seconds_is_refused(shop: Shop, words: str) -> None:
    assert shop.do("run", *words.split()).code == 2


def test_the_file_of_a_plan_is_not_taken_for_seconds(shop: Shop) -> None:
    assert shop.do("plan", "--first-load", "-o", shop.folder / "300").code == 0
    assert shop.do("apply", "--if-locked", "wait", "5", shop.folder / "300").code == 0
    assert "none of: fail, skip, wait SECONDS" in shop.do("apply", "--if-locked", "wait", "plan.jsonl").err


def test_a_signal_ends_a_wait(busy: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert busy.do("run", "--if-locked", "wait", "60").code == 143
    assert busy.customers().keys() == {7, 8}


def test_doctor_and_status_name_the_run_that_is_at_work(busy: Shop) -> None:
    for command in ("doctor", "status"):
        assert "held by run their-run, process 1 on another-host, since 20" in busy.do(command).out
    assert busy.do("status", "--output", "json").json["lock"]["run"] == "their-run"


def test_doctor_and_status_say_when_the_holder_is_gone(busy: Shop) -> None:
    assert not busy.do("status", "--output", "json").json["lock"]["dead"]
    busy_ledger = f"sqlite:///{busy.folder}/.crmsync/ledger.db"
    with closing(Ledger.open(busy_ledger)) as ledger, ledger.database.writing() as access:
        access.run("UPDATE crmsync_lock SET beat = '2026-01-01T00:00:00+00:00'")
    for command in ("doctor", "status"):
        assert "; it is gone, the next run takes over" in busy.do(command).out
    assert busy.do("status", "--output", "json").json["lock"]["dead"]
    assert busy.do("run", "--first-load").code == 0
