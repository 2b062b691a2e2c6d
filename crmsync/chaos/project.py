"""Which two systems is the story played on? A CRM in memory, and the system under test."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final, TypeAlias

from crmsync.core.model import Json, to_json
from crmsync.project import Loaded, load_project

Spec: TypeAlias = Mapping[str, Any]

_ENTITY: Final[Spec] = {"key": "id", "modified": "updated", "recover_by": "origin field", "origin": "origin"}
_ARCHIVE: Final[Spec] = {"archive": {"set": {"gone": True}}}
CRM: Final[Spec] = {"connector": "memory", "entities": {"account": _ENTITY, "deal": _ENTITY}}

MEMORY: Final[Spec] = {
    "connector": "memory", "entities": {"customer": {**_ENTITY, **_ARCHIVE}, "initiation": _ENTITY},
}  # fmt: skip

_CUSTOMER: Final = {
    "code": "TEXT", "name": "TEXT", "status": "TEXT", "notes": "TEXT", "visits": "INTEGER", "tags": "TEXT",
    "gone": "BOOLEAN", "memo": "TEXT", "origin": "TEXT UNIQUE",
}  # fmt: skip
COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "account": _CUSTOMER,
    "customer": _CUSTOMER,
    "deal": {
        "code": "TEXT", "title": "TEXT", "state": "TEXT", "account": "INTEGER", "memo": "TEXT", "origin": "TEXT UNIQUE",
    },
    "initiation": {
        "code": "TEXT", "title": "TEXT", "state": "TEXT", "customer": "INTEGER", "memo": "TEXT",
        "origin": "TEXT UNIQUE",
    },
}  # fmt: skip
"""What a system keeps of each entity, beside `id`, which it assigns, and `updated`."""

_TOUCH: Final = (
    "CREATE TRIGGER {table}_{event} AFTER {event} ON {table} WHEN {when} BEGIN UPDATE {table} SET updated = "
    "(SELECT coalesce(max(updated), 0) + 1 FROM {table}) WHERE rowid = new.rowid; END"
)

NAME: Final = {"type": ["string", "null"], "minLength": 1}
SCHEMAS: Final[Mapping[str, Spec]] = {
    "crm/account": {"type": "object", "properties": {"name": NAME}},
    "crm/deal": {"type": "object"},
    "pm/customer": {"type": "object"},
    "pm/initiation": {"type": "object"},
}


def _plain(name: str, owner: str, **more: Json) -> Spec:
    return {name: {"crm": name, "pm": name, "owner": owner, **more}}


def _end(system: str, entity: str) -> Spec:
    return {"entity": entity, "contract": f"{system}.{entity}@1"}


CUSTOMERS: Final[Spec] = {
    "version": 1,
    "mapping": "customers",
    "between": {"crm": _end("crm", "account"), "pm": _end("pm", "customer")},
    "match": {"decide": ["code"]},
    "create": {"pm": "always"},
    "delete": {"pm": "archive"},
    "limits": {"update": "50%"},
    "fields": {
        **_plain("code", "crm"),
        **_plain("name", "crm"),
        **_plain("status", "pm", seed="crm"),
        **_plain("notes", "shared"),
        **_plain("visits", "shared", merge="counter"),
        **_plain("tags", "shared", merge="set"),
    },
}
INITIATIONS: Final[Spec] = {
    "version": 1,
    "mapping": "initiations",
    "between": {"crm": _end("crm", "deal"), "pm": _end("pm", "initiation")},
    "create": {"pm": "always", "crm": "always"},
    "delete": {"pm": "delete"},
    "fields": {
        **_plain("code", "shared"),
        **_plain("title", "shared"),
        **_plain("state", "pm", seed="crm"),
        "customer": {"crm": "account", "pm": "customer", "owner": "crm", "seed": "pm", "link": "customers"},
    },
}


def write_project(root: Path, crm: Spec, pm: Spec) -> Loaded:
    """The project of the story in this folder, read by the real loader."""
    project = {"version": 1, "ledger": "sqlite:///ledger.db", "systems": {"crm": crm, "pm": pm}}
    _put(root / "crmsync.yaml", project)
    for mapping in (CUSTOMERS, INITIATIONS):
        _put(root / "mappings" / f"{mapping['mapping']}.yaml", mapping)
    for name, schema in SCHEMAS.items():
        draft = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        _put(root / "schemas" / name / "1.0.0.json", draft)
    return load_project(root)


def _put(file: Path, content: Spec) -> None:
    """JSON is YAML too, and has no on-off words to trip over."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(to_json(content))


def in_sqlite(file: Path, system: Spec) -> Spec:
    """The same system in a fresh SQLite file, whose triggers move `updated` at every write."""
    with closing(sqlite3.connect(file)) as database:
        for table in system["entities"]:
            own = ", ".join(f"{name} {kind}" for name, kind in COLUMNS[table].items())
            database.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {own}, updated INTEGER)")
            for event, when in (("INSERT", "new.updated IS NULL"), ("UPDATE", "new.updated IS old.updated")):
                database.execute(_TOUCH.format(table=table, event=event, when=when))
    kinds: dict[str, Json] = {"tags": {"column": "tags", "as": "json"}, "gone": {"column": "gone", "as": "boolean"}}
    entities = {
        name: {**spec, "columns": {each: kinds.get(each, each) for each in ("id", *COLUMNS[name], "updated")}}
        for name, spec in system["entities"].items()
    }
    return {"connector": "sql", "url": f"sqlite:///{file}", "entities": entities}
