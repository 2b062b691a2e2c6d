"""Can everything be reached, and is it what the project says? Asks, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from crmsync.connectors.base import Connection, Door, Refused, Transient
from crmsync.connectors.embed import embedding
from crmsync.core.expression import get_path, plain_path
from crmsync.core.model import ABSENT, Entity, Finding, Project, Ref, Sentinel, System
from crmsync.ledger.lock import Held, held_by, this_process
from crmsync.ledger.nouns import LedgerError, LedgerTooNew, LedgerUnreachable
from crmsync.ledger.schema import MIGRATIONS
from crmsync.ledger.store import Ledger
from crmsync.run.locking import NAME
from crmsync.run.people.keyed import Names
from crmsync.run.sentinel import unseen
from crmsync.run.world import load_connector


@dataclass(frozen=True, slots=True)
class Checkup:
    """What was looked at, and how it is. `wrong` is for a person to mend, `unreachable` may pass by itself."""

    name: str
    state: Literal["ok", "wrong", "unreachable"]
    detail: str = ""
    findings: tuple[Finding, ...] = ()


def examine_project(project: Project) -> Iterator[Checkup]:
    """The ledger, then every system with its entities and its sentinel."""
    yield from _ledger(project)
    for system in project.systems.values():
        yield from _system(project, system)


def _ledger(project: Project) -> Iterator[Checkup]:
    try:
        ledger = Ledger.open(project.ledger, create=False)
    except LedgerTooNew as error:
        yield Checkup("ledger", "wrong", str(error))
        return
    except LedgerUnreachable as error:
        yield Checkup("ledger", "unreachable", str(error))
        return
    try:
        yield _opened(project, ledger)
    finally:
        ledger.close()


def _opened(project: Project, ledger: Ledger) -> Checkup:
    """Its version, who holds the lock, and whether it belongs to these installations."""
    lock = _lock(ledger)
    wrong = tuple(
        Finding(
            "ledger/other-instance",
            f"system {system.name} is {system.instance}, but this ledger belongs to {known}",
            "use a ledger of its own for each installation",
            at=system.at,
        )
        for system in project.systems.values()
        if system.instance and (known := ledger.instance(system.name)) and known != system.instance
    )
    detail = f"{ledger.database.name}, schema version {len(MIGRATIONS)}, {lock}"
    return Checkup("ledger", "wrong" if wrong else "ok", detail, (*wrong, *_readable(ledger)))


def _readable(ledger: Ledger) -> Iterator[Finding]:
    """It holds what people trust us with."""
    for file in ledger.database.files():
        mode = file.stat().st_mode & 0o777
        if mode & 0o077:
            message = f"{file} can be read by others (mode {mode:04o}), and holds values of records"
            yield Finding("ledger/readable", message, f"chmod 600 {file}", severity="warning")


def _lock(ledger: Ledger) -> str:
    held = held_by(ledger, NAME)
    return "lock free" if held is None else f"lock {lock_told(held)}"


def lock_told(held: Held) -> str:
    """Who holds the lock, and whether they still live."""
    return f"{held}; it is gone, the next run takes over" if held.dead(this_process("")) else str(held)


def _system(project: Project, system: System) -> Iterator[Checkup]:
    try:
        connection = load_connector(system.connector)(system)
    except Transient as error:
        yield Checkup(system.name, "unreachable", str(error))
        return
    except Refused as error:
        yield Checkup(system.name, "wrong", str(error))
        return
    try:
        for entity in system.entities.values():
            yield _entity(connection, entity)
        if system.sentinel:
            yield _sentinel(connection, system, system.sentinel, _names(project))
    finally:
        connection.close()


def _names(project: Project) -> Names:
    """As the ledger calls the records, where it can be read."""
    try:
        ledger = Ledger.open(project.ledger, create=False)
    except LedgerError:
        return Names(project)
    try:
        return Names(project, ledger.handles)
    finally:
        ledger.close()


def _sentinel(connection: Connection, system: System, sentinel: Sentinel, names: Names) -> Checkup:
    name, ref = f"{system.name} sentinel", names.told(Ref(system.name, sentinel.entity, sentinel.key))
    try:
        finding = unseen(system, names, lambda entity: _door(connection, system, entity))
    except Transient as error:
        return Checkup(name, "unreachable", str(error))
    except Refused as error:
        return Checkup(name, "wrong", str(error))
    return Checkup(name, "wrong", str(ref), (finding,)) if finding else Checkup(name, "ok", f"{ref} is as expected")


def _door(connection: Connection, system: System, entity: Entity) -> Door:
    """With what the entity embeds, as a run sees it."""
    hops = {each: _door(connection, system, system.entities[each.entity]) for each in entity.embed}
    return embedding(connection.door(entity), entity, hops) if hops else connection.door(entity)


def _entity(connection: Connection, entity: Entity) -> Checkup:
    try:
        door = connection.door(entity)
        findings = (*door.probe(), *_untraced(door, entity))
    except Transient as error:
        return Checkup(entity.full_name, "unreachable", str(error))
    except Refused as error:
        return Checkup(entity.full_name, "wrong", str(error))
    words = {"delta": door.can.delta, "get": door.can.get, "find": door.can.find, "write": door.can.write}
    can = ", ".join(word for word, able in words.items() if able)
    grave = any(finding.severity == "error" for finding in findings)
    return Checkup(entity.full_name, "wrong" if grave else "ok", f"can {can}" if can else "can list", findings)


def _untraced(door: Door, entity: Entity) -> Iterator[Finding]:
    """The field for traces is there, as far as the first record tells."""
    path = plain_path(entity.trace) if entity.trace else None
    first = next((raw for page in door.list() for raw in page if not raw.fault), None) if path else None
    if path and first and get_path(door.decode(first.body), path) is ABSENT:
        message = f"{entity.full_name} has no {entity.trace}, where the trace of a run is to be kept"
        yield Finding("system/no-trace", message, "add the field there, or take trace: away", at=entity.at)
