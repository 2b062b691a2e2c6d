"""What does every connector promise, and which errors may it raise?

A connector opens a *connection* to one system; a connection gives a *door* to one entity. A door speaks `Raw`:
the key, and a body that only this door decodes. Doors never retry, never log and never decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from crmsync.core.model import Entity, Finding, Json, Key, Outcome, Raw, System

Page: TypeAlias = list[Raw]  # a door has a method named `list`: inside it the types need other names
Findings: TypeAlias = list[Finding]


class ConnectorError(Exception):
    """The system would not do what we asked. The text names the system and never a secret or a record's value."""


class Transient(ConnectorError):
    """Worth trying again: a timeout, a lost connection, a rate limit, a 503.

    `retry_after`: seconds that the system asks us to wait. `untouched`: none of the writes of the batch has had an
    effect (the system was not reached, or said so); else nobody knows, and the engine looks before it tries again.
    """

    def __init__(self, text: str, *, retry_after: float | None = None, untouched: bool = False) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        self.untouched = untouched


class Refused(ConnectorError):
    """Tell a human: a missing table or column, a wrong password, a value that the system will not take."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a door can do; the engine falls back where it cannot.

    `delta`: can list what changed since a cursor. `get`: can fetch by key in bulk. `find`: can fetch by a field's
    value. `write`: can write at all. `conditional`: a write that finds another version than expected changes
    nothing and answers `stale`. `recognise`: an insert whose idempotency token was seen before is not done twice, and
    its outcome says `recognised`.
    """

    delta: bool = False
    get: bool = False
    find: bool = False
    write: bool = False
    conditional: bool = False
    recognise: bool = False


@dataclass(frozen=True, slots=True)
class Insert:
    """Make a record from `data`, nested as in the contract. `token` is unique to this create."""

    data: Json
    token: str


@dataclass(frozen=True, slots=True)
class Patch:
    """Set these plain paths of the record, if its version is still `expect`; touch nothing else."""

    key: Key
    values: tuple[tuple[str, Json], ...]
    expect: str


@dataclass(frozen=True, slots=True)
class Remove:
    key: Key
    expect: str


Write = Insert | Patch | Remove


@dataclass(frozen=True, slots=True)
class Cursor:
    """The system's own greatest modified value, and the key that had it."""

    modified: Json
    key: Key = ()


class Door(Protocol):
    """One entity of one system. Order of listing is the door's own; the engine never relies on it."""

    can: Capabilities

    def list(self, since: Cursor | None = None) -> Iterator[Page]:
        """Pages of records: all of them, or those whose modified value is at least `since` less the entity's
        overlap and granularity. A complete listing that breaks off raises; it never just ends."""
        ...

    def newest(self) -> Cursor | None:
        """The greatest modified value now, asked for *before* a listing begins. None: no records, or no delta."""
        ...

    def get(self, keys: Sequence[Key]) -> Page:
        """The records that exist among `keys`, in any order."""
        ...

    def find(self, path: str, values: Sequence[Json]) -> Iterator[Page]:
        """Pages of the records whose plain `path` holds one of `values`."""
        ...

    def decode(self, body: bytes) -> Json:
        """Plain JSON, nested as in the contract."""
        ...

    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        """Do one batch; one outcome for each write, in order, the record as read back in it. One write that is
        refused does not undo the others. Raises `Transient` when it is unknown whether the batch took effect."""
        ...

    def probe(self) -> Findings:
        """What is wrong with this entity at the remote end: a table or a column that is not there ..."""
        ...


class Connection(Protocol):
    def door(self, entity: Entity, wanted: frozenset[str] | None = None) -> Door:
        """`wanted`: the top-level names that are to be read (None: all). Raises `Refused` naming what is missing."""
        ...

    def instance(self) -> str | None:
        """A text that tells this installation from another one, where the system has one."""
        ...

    def close(self) -> None: ...


class Connector(Protocol):
    """What an entry point of the group `crmsync.connectors` names: a callable that opens a system."""

    def __call__(self, system: System) -> Connection: ...


def fetch(door: Door, keys: Sequence[Key]) -> Page:
    """The records that exist among `keys`; a door that cannot get by key is listed."""
    if not keys:
        return []
    if door.can.get:
        return door.get(keys)
    wanted = set(keys)
    return [raw for page in door.list() for raw in page if raw.key in wanted]
