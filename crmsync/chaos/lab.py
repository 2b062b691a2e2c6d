"""How is crmsync run under faults? Every run opens the world anew, as a process of its own would."""

from __future__ import annotations

import resource
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from random import Random
from typing import Any, Final, TypeAlias

from crmsync.chaos.door import ChaoticConnection, Clock, Effect, Trouble
from crmsync.chaos.project import CRM, Spec, write_project
from crmsync.connectors.base import Connection, Door, Refused, Transient
from crmsync.connectors.retry import Patience, patient_connection
from crmsync.core.model import Json, Key, System
from crmsync.ledger.nouns import LedgerError
from crmsync.ledger.spool import SpoolError
from crmsync.ledger.store import Ledger
from crmsync.run.prepared import Order
from crmsync.run.report import Report
from crmsync.run.session import Asked, new_run_id, run
from crmsync.run.world import Stopped, World, load_connector

ACCIDENTS: Final[Mapping[str, str]] = {
    "killed": "the run dies at an effect, before it or after it",
    "locked-ledger": "somebody else holds the ledger from an effect on, for longer than a run waits",
    "full-disk": "from an effect on no file can grow, neither the ledger nor the spool",
}
"""What can happen to a run as a whole."""

EFFECTS: Final = 24  # an accident comes at one of so many points, if the run has so many
SYSTEMS: Final = ("crm", "pm")
TRIES: Final = 25  # of a run under faults; so many in vain is no longer bad luck
CONNECTIONS: Final = 4  # to the ledger, at once
SOON: Final = 50  # milliseconds that a run waits for a locked ledger here


class Broken(Exception):
    """A promise is broken."""

    def __init__(self, promise: int, text: str) -> None:
        super().__init__(f"promise {promise} is broken: {text}")
        self.promise = promise


class Killed(BaseException):
    """The process died here."""


class Lab:
    """Both systems, the ledger, and whatever may go wrong with them. `connect` opens the system under test; without
    it that is the connector which its declaration names."""

    def __init__(
        self,
        root: Path,
        system: Spec,
        random: Random,
        faults: frozenset[str],
        tell: Callable[[str], None],
        connect: Callable[[System], Connection] | None = None,
        crm: Spec = CRM,
    ) -> None:
        loaded = write_project(root, crm, system)
        if loaded.project is None:
            raise Refused("; ".join(f"{each.message} ({each.at})" for each in loaded.findings))
        self.root, self.random, self.faults, self.tell = root, random, faults, tell
        self.project, self.definitions = loaded.project, loaded.definitions
        self.clock = Clock()
        self.happened: Counter[str] = Counter()
        self.kept: Counter[int] = Counter()
        crm_system, pm_system = (self.project.systems[name] for name in SYSTEMS)
        self.systems: dict[str, Connection] = {
            "crm": load_connector(crm_system.connector)(crm_system),
            "pm": (connect or load_connector(pm_system.connector))(pm_system),
        }
        self.written: list[Effect] = []
        self.trouble = {name: Trouble(random, faults, self.clock, self.written) for name in self.systems}
        if "skewed-clock" in faults:
            for trouble, hours in zip(self.trouble.values(), (5, -7), strict=True):
                trouble.skew = hours
                trouble.struck["skewed-clock"] += 1
        if "equal-times" in faults:
            for trouble in self.trouble.values():
                trouble.struck["equal-times"] += 1

    def close(self) -> None:
        for connection in self.systems.values():
            connection.close()

    def keep(self, promise: int, holds: bool, text: str) -> None:
        """Raises Broken, or counts that the promise was kept once more."""
        if not holds:
            raise Broken(promise, text)
        self.kept[promise] += 1

    # One run

    @contextmanager
    def world(self) -> Iterator[World]:
        world = World(self.project, self.definitions, Ledger.open(self.project.ledger))
        world.patiences.update({name: self._patience(name) for name in self.systems})
        for name, inner in self.systems.items():
            chaotic = ChaoticConnection(inner, self.trouble[name])
            world.connections[name] = patient_connection(chaotic, world.patiences[name])
        with world:
            yield world

    def _patience(self, name: str) -> Patience:
        retry = self.project.systems[name].retry
        return Patience(name, retry, sleep=self.clock.sleep, clock=self.clock, chance=self.random.random)

    def run(self, mode: Any = "batch", *, first_load: bool = False, accident: str = "") -> Report:
        with self.world() as world, self._accident(world, accident) as effect:
            world.effect = effect
            return run(world, Asked((), Order(mode, first_load=first_load)), new_run_id())

    def calm(self) -> None:
        for trouble in self.trouble.values():
            trouble.calm = True

    def until_through(self, mode: str, *, first_load: bool = False) -> None:
        """Under faults, as often as it takes. Every failure must be one that a run may end with."""
        for trouble in self.trouble.values():
            trouble.calm = False
        ends: Counter[str] = Counter()
        for _ in range(TRIES):
            name = self._next_accident()
            try:
                ends[f"exit {self.run(mode, first_load=first_load, accident=name).exit}"] += 1
            except Stopped as stop:
                self.keep(5, stop.exit == 1, f"a run under faults was stopped: {stop}")
                ends[stop.findings[0].rule] += 1
            except Refused as error:
                self.keep(7, name == "full-disk", f"a run under faults ended for good: {error}")
                ends["refused"] += 1
            except Transient:
                ends["transient"] += 1
            except (LedgerError, SpoolError) as error:
                self.keep(7, bool(name), f"nobody had touched the ledger, and yet: {error}")
                ends[name] += 1
            except Killed:
                ends["killed"] += 1
            else:
                break
        else:
            self.tell(f"  {TRIES} times in vain: let it calm down")
        self.calm()
        self.tell(f"  {mode} under faults: " + ", ".join(f"{end} {times}x" for end, times in sorted(ends.items())))

    # What happens to a run as a whole

    def _next_accident(self) -> str:
        likely = sorted(self.faults & ACCIDENTS.keys())
        return self.random.choice(likely) if likely and self.random.random() < 0.4 else ""

    @contextmanager
    def _accident(self, world: World, name: str) -> Iterator[Callable[[str], AbstractContextManager[object]]]:
        """Comes at one effect, and is over when the block is left."""
        if not name:
            yield nullcontext
            return
        with ACCIDENT[name](self, world) as does:

            def happens() -> None:
                self.happened[name] += 1
                does()

            yield _Point(self.random.randrange(EFFECTS), happens)

    @contextmanager
    def _dies(self, _: World) -> Iterator[Callable[[], None]]:
        def die() -> None:
            raise Killed

        yield die

    @contextmanager
    def _is_locked(self, world: World) -> Iterator[Callable[[], None]]:
        with ExitStack() as stack:  # all connections that the run will take from the pool
            for _ in range(CONNECTIONS):
                access = stack.enter_context(world.ledger.database.reading())
                access.define(f"PRAGMA busy_timeout = {SOON}")
        with closing(sqlite3.connect(self.ledger_file, timeout=SOON / 1000, isolation_level=None)) as other:
            yield lambda: _hold(other)

    @contextmanager
    def _is_full(self, _: World) -> Iterator[Callable[[], None]]:
        """No file grows beyond some of the bytes that the ledger has already."""
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        little = self.random.randrange(self.ledger_file.stat().st_size + 1)
        try:
            yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (little, before[1]))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    @property
    def ledger_file(self) -> Path:
        return self.root / "ledger.db"

    # What is where

    def door(self, entity: str) -> Door:
        """Past all trouble, as people see it."""
        system, _, name = entity.partition(".")
        return self.systems[system].door(self.project.systems[system].entities[name])

    def records(self, entity: str) -> dict[Key, Json]:
        door = self.door(entity)
        return {raw.key: door.decode(raw.body) for page in door.list() for raw in page}

    def effects(self) -> int:
        """How many writes have reached the systems so far."""
        return len(self.written)

    def everything(self) -> Json:
        """All records, and all that the ledger says."""
        names = [each.full_name for system in self.project.systems.values() for each in system.entities.values()]
        with closing(sqlite3.connect(self.ledger_file)) as ledger:
            return [{name: self.records(name) for name in names}, list(ledger.iterdump())]


class _Point:
    """The effect before or after which it happens."""

    def __init__(self, left: int, happens: Callable[[], None]) -> None:
        self._left = left
        self._happens = happens

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self._step()
        yield
        self._step()

    def _step(self) -> None:
        self._left -= 1
        if self._left == -1:
            self._happens()


def _hold(ledger: sqlite3.Connection) -> None:
    with suppress(sqlite3.OperationalError):  # it comes in the middle of a transaction of the run itself
        ledger.execute("BEGIN EXCLUSIVE")


Accident: TypeAlias = Callable[[Lab, World], AbstractContextManager[Callable[[], None]]]
ACCIDENT: Final[Mapping[str, Accident]] = {
    "killed": Lab._dies,
    "locked-ledger": Lab._is_locked,
    "full-disk": Lab._is_full,
}
