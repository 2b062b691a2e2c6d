"""A world written down by a test: two systems, mappings and contracts as plain objects, read by the real loader.

On shipped memory connectors, or on SQLite through the sql connector (one table an entity, the columns that the test
names). Objects are written as JSON, which is YAML too.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from crmsync.connectors.memory import Memory
from crmsync.core.model import Finding, Key, from_json
from crmsync.ledger.nouns import DeadLetter, Review
from crmsync.ledger.store import Ledger
from crmsync.ledger.writer import Writer
from crmsync.project import Loaded, load_project
from crmsync.run.planfile import apply, write_plan
from crmsync.run.prepared import Order
from crmsync.run.rebase import rebase, show, to_confirm
from crmsync.run.refs import find_ref
from crmsync.run.report import Report, Tally
from crmsync.run.session import Asked, new_run_id, planned, run
from crmsync.run.world import Stopped, World

Record = dict[str, Any]
Spec = Mapping[str, Any]

THING: Spec = {
    "crm": {"entity": "thing", "contract": "crm.thing@1"},
    "pm": {"entity": "thing", "contract": "pm.thing@1"},
}
OPEN: Spec = {"type": "object"}
ENTITY: Spec = {"key": "id", "modified": "updated"}
CLOCK = (
    "CREATE TRIGGER {table}_{event} AFTER {event} ON {table} WHEN {when} BEGIN UPDATE {table} SET updated = "
    "(SELECT coalesce(max(updated), 0) + 1 FROM {table}) WHERE rowid = new.rowid; END"
)


def mapping(fields: Spec, **more: Any) -> Spec:
    """A mapping between `crm.thing` and `pm.thing`, unless `more` says `between`; JSON has no on-off words to trip
    over."""
    return {"version": 1, "mapping": "things", "between": THING, **more, "fields": fields}


def plain(name: str, owner: str = "crm", **more: Any) -> Spec:
    """One field that has the same name on both sides."""
    return {name: {"crm": name, "pm": name, "owner": owner, **more}}


class Bench:
    """`entities[system][entity]` are entity declarations, `columns` the SQL columns of each table on SQLite.
    `new_ledger`: where another one remembers; see the fixture `any_ledger`."""

    new_ledger: Callable[[], str] = staticmethod(lambda: "sqlite:///ledger.db")

    def __init__(
        self,
        *mappings: Spec,
        entities: Mapping[str, Mapping[str, Spec]] | None = None,
        schemas: Mapping[str, Spec] | None = None,
        files: Mapping[str, Spec] | None = None,
        systems: Mapping[str, Spec] | None = None,
        columns: str | None = None,
    ) -> None:
        self._folder = TemporaryDirectory(prefix="crmsync-bench-", ignore_cleanup_errors=True)
        self.root = Path(self._folder.name)
        self.columns = columns
        self.entities = entities or {"crm": {"thing": ENTITY}, "pm": {"thing": ENTITY}}
        for name, schema in {"crm.thing": OPEN, "pm.thing": OPEN, **(schemas or {})}.items():
            file = self.root / "schemas" / name.replace(".", "/") / "1.0.0.json"
            self._put(file, {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
        for name, content in (files or {}).items():
            self._put(self.root / name, content)
        self.systems = {name: self._system(name, (systems or {}).get(name, {})) for name in self.entities}
        self._put(self.root / "crmsync.yaml", {"version": 1, "ledger": self.new_ledger(), "systems": self.systems})
        for each in mappings:
            self._put(self.root / "mappings" / f"{each['mapping']}.yaml", each)
        self.world = self._open({})

    def _system(self, name: str, more: Spec) -> Spec:
        if self.columns is None:
            return {"connector": "memory", "entities": self.entities[name], **more}
        self._tables(name)
        columns = {
            column: column for column in ["id", *(each.split()[0] for each in self.columns.split(", ")), "updated"]
        }
        entities = {
            entity: {"table": entity, "columns": columns, **spec} for entity, spec in self.entities[name].items()
        }
        return {"connector": "sql", "url": f"sqlite:///{self.root}/{name}.db", "entities": entities, **more}

    def _tables(self, name: str) -> None:
        """Tables whose triggers move `updated` at every write that does not say it itself."""
        with closing(sqlite3.connect(self.root / f"{name}.db")) as database:
            for table in self.entities[name]:
                database.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {self.columns}, updated INTEGER)")
                for event, when in (("INSERT", "new.updated IS NULL"), ("UPDATE", "new.updated IS old.updated")):
                    database.execute(CLOCK.format(table=table, event=event, when=when))

    def _put(self, file: Path, content: Spec) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content), "utf-8")

    def _open(self, connections: Mapping[str, Any]) -> World:
        loaded = self.load()
        assert loaded.project is not None, loaded.findings
        assert not [each for each in loaded.findings if each.severity == "error"], loaded.findings
        world = World(loaded.project, loaded.definitions, Ledger.open(loaded.project.ledger))
        world.connections.update(connections)
        for name, system in loaded.project.systems.items():
            if system.connector == "memory":
                world.connections.setdefault(name, Memory(system))
        return world

    def load(self) -> Loaded:
        return load_project(self.root, environ={})

    def change(self, *mappings: Spec, files: Mapping[str, Spec] | None = None) -> None:
        """The same systems and ledger under changed mappings."""
        for each in mappings:
            self._put(self.root / "mappings" / f"{each['mapping']}.yaml", each)
        for name, content in (files or {}).items():
            self._put(self.root / name, content)
        self.world.ledger.close()
        self.world = self._open(self.world.connections)

    def close(self) -> None:
        self.world.__exit__()
        self._folder.cleanup()

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What people do in their systems

    def put(self, system: str, *records: Record, entity: str = "thing") -> None:
        for record in records:
            if self.columns is None:
                self.memory(system).put(entity, dict(record))
            else:
                self._put_row(system, entity, record)

    def _put_row(self, system: str, entity: str, record: Record) -> None:
        names, marks = ", ".join(record), ", ".join(f":{name}" for name in record)
        sets = ", ".join(f"{name} = :{name}" for name in record)
        self._sql(
            system, f"INSERT INTO {entity} ({names}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {sets}", record
        )

    def edit(self, system: str, key: Any, entity: str = "thing", **values: Any) -> None:
        """Change some values of a record as its own users would: the modified value moves on."""
        if self.columns is None:
            old = self.records(system, entity)[key if isinstance(key, tuple) else (key,)]
            self.memory(system).put(entity, {**{k: v for k, v in old.items() if k != "updated"}, **values})
        else:
            self._put_row(system, entity, {"id": key, **values})

    def remove(self, system: str, *keys: Any, entity: str = "thing") -> None:
        for key in keys:
            if self.columns is None:
                self.memory(system).remove(entity, key if isinstance(key, tuple) else (key,))
            else:
                self._sql(system, f"DELETE FROM {entity} WHERE id = :id", {"id": key})

    def records(self, system: str, entity: str = "thing") -> dict[Key, Record]:
        if self.columns is None:
            return {key: dict(record) for key, record in self.memory(system).tables[entity].records.items()}
        with closing(sqlite3.connect(self.root / f"{system}.db")) as database:
            database.row_factory = sqlite3.Row
            return {(row["id"],): dict(row) for row in database.execute(f"SELECT * FROM {entity} ORDER BY id")}

    def values(self, system: str, name: str, entity: str = "thing") -> dict[Any, Any]:
        """One field of all records, by the first part of the key."""
        return {key[0]: record.get(name) for key, record in sorted(self.records(system, entity).items())}

    def memory(self, system: str) -> Memory:
        memory = self.world.connection(system)
        assert isinstance(memory, Memory)
        return memory

    def _sql(self, system: str, statement: str, values: Spec) -> None:
        with closing(sqlite3.connect(self.root / f"{system}.db")) as database:
            database.execute(statement, values)
            database.commit()

    # What crmsync does

    def run(self, mode: str = "batch", *, first_load: bool = True, only: str | None = None, **order: Any) -> Report:
        return run(self.world, self._asked(mode, first_load, only, order), new_run_id())

    def plan(self, mode: str = "batch", *, only: str | None = None, **order: Any) -> tuple[Report, list[Any]]:
        """The report and the lines of a plan, as objects."""
        with planned(self.world, self._asked(mode, True, only, order), "plan") as (prepared, report):
            return report, [from_json(line.text) for line in prepared.spool.lines()]

    def _asked(self, mode: Any, first_load: bool, only: str | None, order: Any) -> Asked:
        ref = find_ref(self.world, only) if only else None
        return Asked((), Order(mode, ref, first_load=first_load, **order))

    def save(self, name: str = "plan.jsonl", mode: str = "batch", **order: Any) -> Path:
        asked = self._asked(mode, True, None, order)
        with planned(self.world, asked, "plan") as (prepared, report):
            write_plan(self.root / name, self.world, prepared, report, asked, redact=False)
        return self.root / name

    def apply(self, file: Path, on_drift: Any = "abort", **allow: int) -> Report:
        return apply(self.world, file, new_run_id(), allow=cast(Any, allow), on_drift=on_drift)

    def confirm(self) -> None:
        """A person takes breaking changes as they are."""
        if mappings := to_confirm(self.world, ()):
            rebase(self.world, show(self.world, mappings), new_run_id())

    def stopped(self, deed: Callable[[], object]) -> tuple[int, tuple[Finding, ...]]:
        """The exit code and the findings with which a deed is refused."""
        try:
            deed()
        except Stopped as stop:
            return stop.exit, stop.findings
        raise AssertionError("nothing stopped it")

    # What is remembered

    @property
    def ledger(self) -> Ledger:
        return self.world.ledger

    def reviews(self, state: Any = "open") -> list[Review]:
        return self.ledger.reviews(None, state)

    def letters(self, state: Any = "open") -> list[DeadLetter]:
        return self.ledger.dead_letters(None, state)

    def resolve(self, take: Any, value: Any = None, n: int | None = None) -> None:
        self.write(
            lambda ledger: ledger.resolve_review(
                n or self.reviews()[0].n, take, value, "eva", "2026-01-01T00:00:00+00:00"
            )
        )

    def write(self, deed: Callable[[Writer], object]) -> None:
        with self.ledger.writing() as ledger:
            deed(ledger)

    def everything(self) -> Record:
        """All records of all systems and all tables of the ledger."""
        systems = {
            f"{name}.{entity}": self.records(name, entity) for name in self.entities for entity in self.entities[name]
        }
        return {**systems, "ledger": dump(self.root / "ledger.db")}


def dump(file: Path) -> list[str]:
    """All that a SQLite file says."""
    with closing(sqlite3.connect(file)) as database:
        return list(database.iterdump())


def done(lines: Iterable[Any]) -> list[str]:
    """What a plan would do, line after line: `update 1`, `hold conflict`."""
    return [
        f"hold {line['kind']}" if line["do"] == "hold" else f"{line['do']} {line.get('side', '')}".strip()
        for line in lines
    ]


def buckets(tally: Tally) -> tuple[dict[Any, int], dict[Any, int]]:
    """How many records ended where, by side; without the empty buckets."""
    first, second = ({name: count for name, count in side.items() if count} for side in tally.buckets)
    return first, second
