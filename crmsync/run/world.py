"""What does a run need open? The project, the ledger, a connection a system, a door an entity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property, partial
from importlib.metadata import entry_points
from typing import Final, TypeVar

from crmsync.connectors.base import Connection, Connector, Door, Refused
from crmsync.connectors.embed import embedding
from crmsync.connectors.retry import Patience, patient_connection
from crmsync.core.change import Definition
from crmsync.core.mapping import Compiled, Seen, compile_mapping, examine, names_to_read, unread
from crmsync.core.model import Entity, Finding, Json, Project, Raw, Side
from crmsync.core.model import Mapping as Declared
from crmsync.core.values.lookup import loads
from crmsync.ledger.nouns import DeadLetter, Review, State, Why
from crmsync.ledger.spool import Staged
from crmsync.ledger.store import Ledger
from crmsync.ledger.writer import Writer
from crmsync.run.inputs import Inputs
from crmsync.run.people.keyed import Names
from crmsync.run.signals.meter import Meter, MeteredDoor, place_of
from crmsync.run.trace import new_trace

Numbered = TypeVar("Numbered", Review, DeadLetter)


class Stopped(Exception):
    """The run stops before its first write. `exit` is the command line's exit code."""

    def __init__(self, exit: int, *findings: Finding) -> None:
        super().__init__("; ".join(finding.message for finding in findings))
        self.exit = exit
        self.findings = findings


def utc_now() -> str:
    """To the millisecond: runs are told apart by when they began."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass
class World:
    """Everything that is open during one run. Close it, or use it as a context manager."""

    project: Project
    definitions: Mapping[str, Definition]
    ledger: Ledger
    connections: dict[str, Connection] = field(default_factory=dict)
    doors: dict[tuple[str, Side], Door] = field(default_factory=dict)
    compiled: dict[str, Compiled] = field(default_factory=dict)
    fence: tuple[str, int] | None = None  # the lock's: whoever lost it may not write to the ledger any more
    repeats: bool = False  # the run before had ended when it was killed: its listings are not to be counted twice
    effect: Callable[[str], AbstractContextManager[object]] = nullcontext
    """Around every effect on a system or the ledger, by its name: the one place where a run can be killed."""
    patiences: dict[str, Patience] = field(default_factory=dict)
    meter: Meter = field(default_factory=Meter)
    inputs: Inputs = field(default_factory=Inputs)
    trace: str = field(default_factory=new_trace)  # 32 hex digits that everything done through this world bears

    @cached_property
    def hashes(self) -> Mapping[str, str]:
        """By mapping, changes when its records must be looked at again."""
        return {name: each.hash for name, each in self.definitions.items()}

    @cached_property
    def names(self) -> Names:
        """What records are called."""
        return Names(self.project, self.ledger.handles)

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self.connections.values():
            connection.close()
        self.ledger.close()

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """One transaction of the ledger. Raises `LockLost` when another run has taken our lock over."""
        with self.effect("ledger"), self.ledger.writing(self.fence, self.trace) as writer:
            yield writer

    def patience(self, system: str) -> Patience:
        """How long this run bears with a system that fails."""
        if system not in self.patiences:
            declared = self.project.systems[system]
            self.patiences[system] = Patience(system, declared.retry, declared.rate, told=self.meter.retried)
        return self.patiences[system]

    def connection(self, system: str) -> Connection:
        if system not in self.connections:
            declared, patience = self.project.systems[system], self.patience(system)
            opened = patience.call(lambda: load_connector(declared.connector)(declared))
            self.connections[system] = patient_connection(opened, patience)
        return self.connections[system]

    def door(self, mapping: Declared, side: Side) -> Door:
        """The door that this mapping reads and writes a side through."""
        if (mapping.name, side) not in self.doors:
            entity = self.project.entity(mapping.ends[side])
            door = self.open_door(entity, names_to_read(mapping, entity, side))
            heard = self.inputs.door(mapping, side, door)
            self.doors[mapping.name, side] = MeteredDoor(heard, self.meter, place_of(mapping, side))
        return self.doors[mapping.name, side]

    def open_door(self, entity: Entity, wanted: frozenset[str] | None) -> Door:
        own = wanted
        if wanted is not None:
            own = wanted - {embed.name for embed in entity.embed} | {embed.by.split(".")[0] for embed in entity.embed}
        door = self.connection(entity.system).door(entity, own)
        entities = self.project.systems[entity.system].entities
        hops = {each: self.open_door(entities[each.entity], None) for each in entity.embed}
        return embedding(door, entity, hops) if hops else door

    def compile(self, mapping: Declared) -> Compiled:
        if mapping.name not in self.compiled:
            looked_up, tellings = self._entity_lookups(mapping), self.names.both(mapping)
            self.compiled[mapping.name] = compile_mapping(self.project, mapping, looked_up, tellings)
        return self.compiled[mapping.name]

    def _entity_lookups(self, mapping: Declared) -> dict[tuple[str, str, str], dict[Json, Json]]:
        """The values of every `{lookup: {entity:, by:, take:}}` of a mapping, read whole."""
        chains = [chain for each in mapping.fields for chain in each.to] + [check.apply for check in mapping.checks]
        wanted = sorted(set[tuple[str, str, str]]().union(*map(loads, chains)))
        return {each: self.inputs.lookup(each, partial(self._read_lookup, *each)) for each in wanted}

    def _read_lookup(self, name: str, by: str, take: str) -> dict[Json, Json]:
        system, _, entity = name.partition(".")
        door = self.open_door(self.project.systems[system].entities[entity], None)
        records = (door.decode(raw.body) for page in door.list() for raw in page if not raw.fault)
        named = [record for record in records if isinstance(record, dict) and _is_scalar(record.get(by))]
        times = Counter(record[by] for record in named)
        return {record[by]: record.get(take) for record in named if times[record[by]] == 1}  # two of one name: nobody

    def instance(self, system: str) -> str | None:
        """Which installation this is: as the project says, or as the system itself does."""
        return self.project.systems[system].instance or self.connection(system).instance()

    def newly_known(self, mappings: Sequence[Declared]) -> dict[str, str]:
        """The installations that this ledger has not met yet, by system. Another one than it belongs to is refused:
        raises `Stopped` (exit 2)."""
        names = sorted({end.system for mapping in mappings for end in mapping.ends})
        here = {name: instance for name in names if (instance := self.instance(name)) is not None}
        known = {name: self.ledger.instance(name) for name in here}
        wrong = [
            f"system {name} is {here[name]}, but this ledger belongs to {known[name]}"
            for name in here
            if known[name] not in (None, here[name])
        ]
        if wrong:
            mend = "use a ledger of its own for each installation"
            raise Stopped(2, *(Finding("ledger/other-instance", message, mend) for message in wrong))
        return {name: instance for name, instance in here.items() if known[name] is None}


def _is_scalar(value: Json) -> bool:
    return isinstance(value, str | int | Decimal)


def load_connector(name: str) -> Connector:
    """The connector of this name, own or third-party. Raises `Refused`."""
    for point in entry_points(group="crmsync.connectors", name=name):
        connector: Connector = point.load()
        return connector
    raise Refused(f"no connector is named {name}; installed: {', '.join(connector_names())}")


def connector_names() -> list[str]:
    return sorted({point.name for point in entry_points(group="crmsync.connectors")})


LEFT_ALONE: Final[Mapping[Why, str]] = {
    "excluded": "excluded by a person",
    "forgotten": "forgotten",
    "reverted": "its counterpart was taken back, and none is made again",
}


def left_alone(world: World, mapping: Declared, side: Side, state: State) -> str:
    """Why a record is out of scope whatever it says; "" where it is not."""
    if state.survivor is not None:
        return f"merged into {world.names.ref(mapping.ends[side], state.survivor)}"
    return LEFT_ALONE[state.excluded] if state.excluded else ""


def examined(world: World, compiled: Compiled, side: Side, row: Staged) -> Seen:
    """A staged record, decoded by its door, checked and lifted; one that is out of scope whatever it says, is not."""
    raw = Raw(row.key, row.body, row.modified, row.fault)
    if row.outside:
        return unread(compiled, side, raw, row.outside)
    return examine(compiled, side, raw, world.door(compiled.mapping, side).decode)


def every(
    ask: Callable[..., list[Numbered]], mapping: str | None, state: str | None, **more: str | None
) -> Iterator[Numbered]:
    """All reviews or dead letters of a mapping (None: of all) in this state (None: in any), page after page."""
    after = 0
    while page := ask(mapping, state, after=after, **more):
        yield from page
        after = page[-1].n
