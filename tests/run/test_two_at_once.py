"""Two runs that begin at once, from two processes: one works, the other one exits 6, and nothing is done twice.

Whoever gets the lock is kept at work until the other one has ended: the project tool's database is held by the test.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crmsync.ledger.lock import held_by
from crmsync.ledger.store import Ledger
from tests.run.small import WORLDS, InSqlite

CODES = [str(n) for n in range(1, 11)]
# The command itself, with all that it imports at hand, at the very moment when the file appears.
AT_THE_GUN = """
import sys
from pathlib import Path
import crmsync.ledger.store, crmsync.run.locking, crmsync.run.session, crmsync.connectors.sql
from crmsync.cli import main
gun = Path(sys.argv[1])
print("ready", flush=True)
while not gun.exists():
    pass
main(sys.argv[2:])
"""


@dataclass
class Said:
    code: int
    out: str
    err: str

    @property
    def creates(self) -> int:
        return int(json.loads(self.out)["mappings"]["company-client"]["actions"]["pm"]["create"])


def heed_interrupts() -> None:
    """As at a terminal, even where the tests themselves were started in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Scene:
    """Two SQLite systems with ten companies to be created as clients, and a ledger anywhere."""

    def __init__(self, folder: Path, ledger: str | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.ledger = folder, ledger or f"sqlite:///{folder}/ledger.db"
        crm = InSqlite(folder / "crm.db", ("company", "deal"))
        InSqlite(folder / "pm.db", ("client", "task"))
        for code in CODES:
            crm.put("company", {"id": int(code), "name": f"Company {code}", "type": "customer", "ids": {"code": code}})
        urls = {"CRM_URL": f"sqlite:///{folder}/crm.db", "PM_URL": f"sqlite:///{folder}/pm.db", "LEDGER": self.ledger}
        self.environ = {**os.environ, **urls}
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *words: str, gun: Path | None = None) -> subprocess.Popen[str]:
        """`crmsync run`, now or when the gun is fired."""
        command = [sys.executable, *(("-c", AT_THE_GUN, str(gun)) if gun else ("-m", "crmsync"))]
        arguments = ["-C", str(WORLDS / "small_sql"), "run", "--first-load", "--output", "json", *words]
        pipe = subprocess.PIPE
        run = subprocess.Popen(
            [*command, *arguments], env=self.environ, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True,
            preexec_fn=heed_interrupts,
        )  # fmt: skip
        self.started.append(run)
        return run

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Nobody reads or writes the project tool's records inside the block: who would has to wait."""
        with closing(sqlite3.connect(self.folder / "pm.db", isolation_level=None)) as database:
            database.execute("BEGIN EXCLUSIVE")
            yield

    def codes(self) -> list[str]:
        with closing(sqlite3.connect(self.folder / "pm.db")) as database:
            return [code for (code,) in database.execute("SELECT code FROM clients ORDER BY id")]

    def ask(self, question: Callable[[Ledger], Any]) -> Any:
        with closing(Ledger.open(self.ledger)) as ledger:
            return question(ledger)

    def sql(self, statement: str) -> None:
        def write(ledger: Ledger) -> None:
            with ledger.database.writing() as access:
                access.run(statement)

        self.ask(write)

    def close(self) -> None:
        for run in self.started:
            run.kill()
            run.communicate()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    """A fresh world at every call; whatever still runs in it ends with the test."""
    with ExitStack() as stack:

        def new(name: str = "scene", ledger: str | None = None) -> Scene:
            made = Scene(tmp_path / name, ledger)
            stack.callback(made.close)
            return made

        yield new


def until(happened: Callable[[], Any], seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)
    return found


def ended(run: subprocess.Popen[str]) -> Said:
    out, err = run.communicate(timeout=60)
    return Said(run.returncode, out, err)


def holder_of(scene: Scene) -> Any:
    """Whoever holds the lock: a process number and a run."""
    held = scene.ask(lambda ledger: held_by(ledger, "run"))
    return held.holder if held else None


def one_works_and_one_exits_6(scene: Scene, gun: Path | None) -> None:
    with scene.at_work():
        runs = [scene.start(gun=gun) for _ in range(2)]
        if gun:
            for run in runs:
                assert run.stdout is not None
                assert run.stdout.readline() == "ready\n"
            gun.touch()
        loser = until(lambda: next((run for run in runs if run.poll() is not None), None))
        winner = next(run for run in runs if run is not loser)
        refused, holder = ended(loser), holder_of(scene)
    worked = ended(winner)

    assert (worked.code, refused.code) == (0, 6), (worked, refused)
    assert holder.pid == winner.pid
    assert f"held by run {holder.run}, process {winner.pid} on {holder.host}, since " in refused.err
    assert worked.creates == len(CODES)
    assert sorted(scene.codes()) == sorted(CODES)
    assert [run.id for run in scene.ask(lambda ledger: ledger.runs())] == [holder.run]
    assert holder_of(scene) is None


def test_of_two_runs_at_once_one_works_and_one_exits_6_twenty_times_over(
    scene: Callable[..., Scene], tmp_path: Path
) -> None:
    for n in range(20):
        # each second pair begins as two cron jobs do, the others in the same millisecond
        one_works_and_one_exits_6(scene(f"round-{n}"), tmp_path / f"gun-{n}" if n % 4 else None)


def test_of_two_runs_at_once_on_a_postgresql_ledger_one_works_and_one_exits_6(
    scene: Callable[..., Scene], postgres: Callable[[], str], tmp_path: Path
) -> None:
    for n in range(3):
        one_works_and_one_exits_6(scene(f"round-{n}", postgres()), tmp_path / f"gun-{n}")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_run_that_waits_works_when_the_other_one_has_ended(
    scene: Callable[..., Scene], request: pytest.FixtureRequest, kind: str
) -> None:
    here = scene(ledger=request.getfixturevalue("postgres")() if kind == "postgresql" else None)
    with here.at_work():
        first = here.start()
        until(lambda: holder_of(here))
        second = here.start("--if-locked", "wait", "60")
        assert second.stderr is not None
        assert "waiting 60 s: the lock 'run' is held by run" in second.stderr.readline()
    one, two = ended(first), ended(second)
    assert (one.code, one.creates) == (0, len(CODES))
    assert (two.code, two.creates) == (0, 0)
    assert sorted(here.codes()) == sorted(CODES)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_run_that_waits_and_leaves_the_other_one_alone(
    scene: Callable[..., Scene], number: int, code: int
) -> None:
    here = scene()
    with here.at_work():
        first = here.start()
        until(lambda: holder_of(here))
        second = here.start("--if-locked", "wait", "60")
        assert second.stderr is not None
        assert "waiting" in second.stderr.readline()
        second.send_signal(number)
        assert ended(second).code == code
        assert holder_of(here).pid == first.pid
    assert ended(first).code == 0


def test_a_run_that_was_killed_does_not_block_the_next_one(scene: Callable[..., Scene]) -> None:
    here = scene()
    with here.at_work():
        first = here.start()
        until(lambda: holder_of(here))
        first.kill()
        first.wait()
    second = ended(here.start())
    assert (second.code, second.creates) == (0, len(CODES)), second


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_holder_that_comes_back_from_the_dead_writes_nothing(
    scene: Callable[..., Scene], request: pytest.FixtureRequest, kind: str
) -> None:
    """Another machine's process sleeps for so long that a second run takes over; then it wakes up."""
    here = scene(ledger=request.getfixturevalue("postgres")() if kind == "postgresql" else None)
    with here.at_work():
        first = here.start()
        until(lambda: holder_of(here))
        first.send_signal(signal.SIGSTOP)
        here.sql("UPDATE crmsync_lock SET host = 'elsewhere', beat = '2026-01-01T00:00:00+00:00'")
        second = here.start()
        until(lambda: (held := holder_of(here)) and held.pid == second.pid)
        first.send_signal(signal.SIGCONT)
    back, worked = ended(first), ended(second)

    assert back.code == 1, back
    assert "no longer ours" in back.err
    assert (worked.code, worked.creates) == (0, len(CODES))
    assert sorted(here.codes()) == sorted(CODES)
    assert len(here.ask(lambda ledger: ledger.runs())) == 1
