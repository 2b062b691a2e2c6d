"""A small world of two systems for tests: on shipped memory connectors, or on SQLite through the sql connector."""

from __future__ import annotations

import sqlite3
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from crmsync.connectors.memory import Memory
from crmsync.core.model import Key, from_json, to_json
from crmsync.ledger.store import Ledger
from crmsync.project import Loaded, load_project
from crmsync.run.prepared import Order
from crmsync.run.report import Report
from crmsync.run.session import Asked, new_run_id, planned, run
from crmsync.run.world import World

WORLDS = Path(__file__).parent.parent / "worlds"
Record = dict[str, Any]


class System(Protocol):
    """What a person can do in one of the two systems."""

    def records(self, entity: str) -> dict[Key, Record]: ...
    def put(self, entity: str, record: Record) -> Key: ...
    def remove(self, entity: str, key: Key) -> None: ...


class InMemory:
    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    def records(self, entity: str) -> dict[Key, Record]:
        return {key: {**record} for key, record in self.memory.tables[entity].records.items()}

    def put(self, entity: str, record: Record) -> Key:
        return self.memory.put(entity, {name: value for name, value in record.items() if name != "updated"})

    def remove(self, entity: str, key: Key) -> None:
        self.memory.remove(entity, key)

    def shuffle(self, entity: str, order: list[Key]) -> None:
        table = self.memory.tables[entity].records
        self.memory.tables[entity].records = {key: table[key] for key in order}


BOTH_HAVE = (
    "code TEXT, web TEXT, notes TEXT, nick TEXT, visits INTEGER, log TEXT, lead TEXT, amount NUMERIC, currency TEXT, "
    "active BOOLEAN, updated INTEGER"
)
TABLES = {
    "company": "companies (id INTEGER PRIMARY KEY, name TEXT, type TEXT, delivery TEXT, tags TEXT, gone BOOLEAN, "
    f"{BOTH_HAVE})",
    "deal": "deals (id INTEGER PRIMARY KEY, company INTEGER, number INTEGER, title TEXT, done BOOLEAN, "
    "updated INTEGER)",
    "client": "clients (id INTEGER PRIMARY KEY, title TEXT, status TEXT, labels TEXT, kind TEXT, phase TEXT, "
    f"{BOTH_HAVE})",
    "task": "tasks (client_id INTEGER, no INTEGER, title TEXT, done BOOLEAN, updated INTEGER, "
    "PRIMARY KEY (client_id, no))",
}
KEYS = {"task": ("client_id", "no")}
JSON_COLUMNS = ("tags", "labels")
CLOCK = (
    "CREATE TRIGGER {table}_{event} AFTER {event} ON {table} BEGIN UPDATE {table} SET updated = "
    "(SELECT coalesce(max(updated), 0) + 1 FROM {table}) WHERE rowid = new.rowid; END"
)


class InSqlite:
    """Tables whose triggers move `updated` at every write, as a real system does."""

    def __init__(self, file: Path, entities: tuple[str, ...]) -> None:
        self.file = file
        with self._open() as database:
            for entity in entities:
                database.execute(f"CREATE TABLE {TABLES[entity]}")
                for event in ("INSERT", "UPDATE"):
                    database.execute(CLOCK.format(table=_table(entity), event=event))
        database.close()

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.file)
        database.row_factory = sqlite3.Row
        return database

    def records(self, entity: str) -> dict[Key, Record]:
        with self._open() as database:
            rows = [_record(dict(row)) for row in database.execute(f"SELECT * FROM {_table(entity)} ORDER BY 1, 2")]
        database.close()
        return {tuple(row[name] for name in KEYS.get(entity, ("id",))): row for row in rows}

    def put(self, entity: str, record: Record) -> Key:
        row = _row({name: value for name, value in record.items() if name != "updated"})
        names = KEYS.get(entity, ("id",))
        with self._open() as database:
            marks = ", ".join(f":{name}" for name in row)
            sets = ", ".join(f"{name} = :{name}" for name in row)
            database.execute(
                f"INSERT INTO {_table(entity)} ({', '.join(row)}) VALUES ({marks}) "
                f"ON CONFLICT ({', '.join(names)}) DO UPDATE SET {sets}",
                row,
            )
        database.close()
        return tuple(row[name] for name in names)

    def remove(self, entity: str, key: Key) -> None:
        where = " AND ".join(f"{name} = ?" for name in KEYS.get(entity, ("id",)))
        with self._open() as database:
            database.execute(f"DELETE FROM {_table(entity)} WHERE {where}", key)
        database.close()


def _table(entity: str) -> str:
    return TABLES[entity].split(" ")[0]


def _row(record: Record) -> Record:
    row = {name: value for name, value in record.items() if name != "ids"}
    if "ids" in record:
        row["code"] = record["ids"]["code"]
    return {n: to_json(v).decode() if n in JSON_COLUMNS and v is not None else _scalar(v) for n, v in row.items()}


def _scalar(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value


def _record(row: Record) -> Record:
    record = {n: from_json(v) if n in JSON_COLUMNS and v is not None else v for n, v in row.items()}
    if "type" in record:  # only the company keeps its code a level deeper
        record["ids"] = {"code": record.pop("code")}
    for name in ("gone", "active", "done"):
        if record.get(name) is not None:
            record[name] = bool(record[name])
    return record


class Small:
    """The world, with a ledger of its own."""

    def __init__(self, kind: str = "memory", ledger: str | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="crmsync-small-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        urls = {name.upper() + "_URL": f"sqlite:///{folder}/{name}.db" for name in ("crm", "pm")}
        self.loaded = load(kind, LEDGER=ledger or f"sqlite:///{folder}/ledger.db", **urls)
        assert self.loaded.project is not None, self.loaded.findings
        self.crm: System
        self.pm: System
        self.world = World(self.loaded.project, self.loaded.definitions, Ledger.open(self.loaded.project.ledger))
        if kind == "memory":
            memories = {name: Memory(self.loaded.project.systems[name]) for name in ("crm", "pm")}
            self.world.connections.update(memories)
            self.crm, self.pm = InMemory(memories["crm"]), InMemory(memories["pm"])
        else:
            self.crm = InSqlite(folder / "crm.db", ("company", "deal"))
            self.pm = InSqlite(folder / "pm.db", ("client", "task"))

    def close(self) -> None:
        self.world.__exit__()
        self._folder.cleanup()

    def run(self, mode: str = "batch", **order: Any) -> Report:
        return run(self.world, Asked((), Order(mode=mode, first_load=True, **order)), new_run_id())  # type: ignore[arg-type]  # batch or delta

    def plan(self, mode: str = "batch", **order: Any) -> tuple[Report, list[bytes]]:
        with planned(self.world, Asked((), Order(mode=mode, first_load=True, **order)), "plan") as (prepared, report):  # type: ignore[arg-type]  # batch or delta
            return report, [line.text for line in prepared.spool.lines()]

    def everything(self) -> Record:
        return {
            "company": self.crm.records("company"),
            "deal": self.crm.records("deal"),
            "client": self.pm.records("client"),
            "task": self.pm.records("task"),
        }


def load(kind: str, **environ: str) -> Loaded:
    return load_project(WORLDS / ("small" if kind == "memory" else "small_sql"), environ=environ)
