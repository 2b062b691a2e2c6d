"""A world whose systems lose answers: what they were told took effect, or half of it, or nothing, and who asked hears
of none of it.

The doors are real ones; what is put around them raises what a network raises, at the calls that a test names, and
counts what the system was told and took.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from crmsync.connectors.base import Connection, Door, Insert, Patch, Refused, Remove, Transient, Write
from crmsync.connectors.memory import Memory
from crmsync.connectors.retry import Patience, patient_connection
from crmsync.core.model import Entity, Outcome, Retry
from crmsync.run.world import World, load_connector
from tests.run.bench import Bench

Fault = Callable[[Door, Sequence[Write]], Sequence[Outcome]]


def well(door: Door, writes: Sequence[Write]) -> Sequence[Outcome]:
    return door.write(writes)


def before(_: Door, __: Sequence[Write]) -> Sequence[Outcome]:
    raise Transient("the line went dead")


def after(door: Door, writes: Sequence[Write]) -> Sequence[Outcome]:
    door.write(writes)
    raise Transient("the line went dead")


def half(door: Door, writes: Sequence[Write]) -> Sequence[Outcome]:
    door.write(writes[: (len(writes) + 1) // 2])
    raise Transient("the line went dead")


def refused_half_way(door: Door, writes: Sequence[Write]) -> Sequence[Outcome]:
    door.write(writes[: (len(writes) + 1) // 2])
    raise Refused("it will not")


def spoilt_by(name: str, error: type[Refused] | type[Transient]) -> Fault:
    """A call with a write that says `name` breaks off there: what came before it took effect."""

    def fault(door: Door, writes: Sequence[Write]) -> Sequence[Outcome]:
        bad = next((number for number, write in enumerate(writes) if name in str(write)), None)
        if bad is None:
            return door.write(writes)
        if bad:
            door.write(writes[:bad])
        raise error(f"internal error 17: {name}")

    return fault


class Losing:
    """Around a connection. `plan` says which call of all its doors' writes ends how; then `then` does."""

    def __init__(self, inner: Connection) -> None:
        self.inner = inner
        self.plan: list[Fault] = []
        self.then: Fault = well
        self.calls: list[int] = []  # how many writes each was told
        self.took: Counter[str] = Counter()

    def door(self, entity: Entity, wanted: frozenset[str] | None = None) -> Door:
        return LosingDoor(self, Counting(self.inner.door(entity, wanted), entity.name, self.took))

    def instance(self) -> str | None:
        return self.inner.instance()

    def close(self) -> None:
        self.inner.close()


class Passing:
    """A door that only stands before another one."""

    def __init__(self, inner: Door) -> None:
        self.inner = inner
        self.can = inner.can

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class LosingDoor(Passing):
    def __init__(self, system: Losing, inner: Door) -> None:
        super().__init__(inner)
        self.system = system

    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        self.system.calls.append(len(writes))
        fault = self.system.plan.pop(0) if self.system.plan else self.system.then
        return fault(self.inner, writes)


class Counting(Passing):
    """Counts every value that took effect."""

    def __init__(self, inner: Door, entity: str, took: Counter[str]) -> None:
        super().__init__(inner)
        self.entity = entity
        self.took = took

    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        outcomes = self.inner.write(writes)
        for write, outcome in zip(writes, outcomes, strict=True):
            if outcome.status == "done" and not outcome.recognised:
                self.took.update(f"{self.entity} {each}" for each in _told(write))
        return outcomes


def _told(write: Write) -> list[str]:
    match write:
        case Insert():
            return [f"insert {write.token}"]
        case Patch():
            return [f"set {write.key} {path} = {value}" for path, value in write.values]
        case Remove():
            return [f"remove {write.key}"]


def around(world: World, system: str) -> Losing:
    """Puts one around the connection of a system; nobody waits for real."""
    there = world.connections.pop(system, None)
    declared = world.project.systems[system]
    losing = Losing(there if isinstance(there, Memory) else load_connector(declared.connector)(declared))
    if there and losing.inner is not there:
        there.close()
    begin_anew(world, system, losing)
    return losing


def begin_anew(world: World, system: str, losing: Losing) -> None:
    """As another process would: with all its patience."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    patience = Patience(system, Retry(), sleep=sleep, clock=lambda: now[0], chance=lambda: 0.5)
    world.patiences[system] = patience
    world.connections[system] = patient_connection(losing, patience)
    world.doors.clear()


class LosingBench(Bench):
    """A bench whose systems are told to lose answers."""

    def __init__(self, *mappings: Any, **more: Any) -> None:
        self._losing: dict[str, Losing] = {}
        super().__init__(*mappings, **more)

    def __enter__(self) -> LosingBench:
        return self

    def lose(self, system: str, *plan: Fault, then: Fault = well) -> Losing:
        """These calls, one after the other, end so; then all others do."""
        if system not in self._losing:
            self._losing[system] = around(self.world, system)
        losing = self._losing[system]
        losing.plan, losing.then = list(plan), then
        return losing

    def next_day(self) -> None:
        for system, losing in self._losing.items():
            begin_anew(self.world, system, losing)

    def memory(self, system: str) -> Memory:
        if system not in self._losing:
            return super().memory(system)
        memory = self._losing[system].inner
        assert isinstance(memory, Memory)
        return memory
