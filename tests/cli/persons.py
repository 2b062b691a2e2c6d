"""A project about people: names, e-mails, birth dates and notes, also nested, in lists and inside JSON columns."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cli.shop import Shop

PROJECT: Final = """\
version: 1
ledger: sqlite:///.crmsync/ledger.db
systems:
  crm:
    connector: sql
    url: ${CRM_URL:-sqlite:///crm.db}
    entities:
      person:
        table: persons
        key: id
        modified: {field: updated, overlap: 5m}
        deleted: "gone == `true`"
        columns: {
          id: id, kind: kind, name: name, mail: mail, born: born, note: note, phones: {column: phones, as: json},
          home: {column: home, as: json}, level: {column: level, as: integer}, gone: {column: gone, as: boolean},
        }
      visit:
        table: visits
        key: id
        modified: updated
        columns: {id: id, person: person, subject: subject}
  pm:
    connector: sql
    url: ${PM_URL:-sqlite:///pm.db}
    entities:
      contact:
        table: contacts
        key: id
        modified: {field: updated, overlap: 5m}
        deleted: "active == `false`"
        archive: {set: {active: false}}
        columns: {
          id: id, who.name: name, who.mail: mail, born: born, memo: memo, phones: {column: phones, as: json},
          street: street, code: code, greeting: greeting, active: {column: active, as: boolean},
        }
      task:
        table: tasks
        key: id
        modified: updated
        columns: {id: id, contact: contact, subject: subject}
"""
PERSON_CONTACT: Final = """\
version: 1
mapping: person-contact
between:
  crm: {entity: person, contract: crm.person@1}
  pm: {entity: contact, contract: pm.contact@1}
scope: {crm: "kind == 'customer'"}
match:
  compare: {name: {as: person}, mail: {as: email}, phones: {as: phone}}
create: {pm: always}
delete: {pm: archive}
fields:
  name: {crm: name, pm: who.name, owner: crm, to_pm: [trim, collapse_spaces]}
  mail: {crm: mail, pm: who.mail, owner: crm, to_pm: [email], on_null: keep}
  born: {crm: born, pm: born, owner: crm, on_foreign_edit: review}
  note: {crm: note, pm: memo, owner: shared, on_conflict: review}
  phones: {crm: phones, pm: phones, owner: shared, merge: set}
  street: {crm: home.street, pm: street, owner: crm}
  greeting: {crm: "join(' ', ['Dear', name])", pm: greeting, owner: crm}
  code: {crm: home.code, pm: code, owner: shared, on_conflict: review}
limits: {create: 500, update: 100%, delete: 100%, revert: 100%, unusual: off}
"""
VISIT_TASK: Final = """\
version: 1
mapping: visit-task
between:
  crm: {entity: visit, contract: crm.visit@1}
  pm: {entity: task, contract: pm.task@1}
create: {pm: always}
fields:
  person: {crm: person, pm: contact, owner: crm, link: person-contact}
  subject: {crm: subject, pm: subject, owner: crm}
limits: {create: 500, update: 100%, delete: 100%, revert: 100%, unusual: off}
"""
TEXT: Final = {"type": ["string", "null"]}
PII: Final = {**TEXT, "x-pii": True, "x-legal-basis": "contract"}
PHONES: Final = {"type": ["array", "null"], "items": {"type": "string", "maxLength": 20, "x-pii": "phone"}}


def _contract(required: list[str], **properties: Any) -> str:
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "required": required}
    identity = {"id": {"type": "integer", "readOnly": True}}
    return json.dumps({**head, "additionalProperties": False, "properties": {**identity, **properties}}, indent=2)


CONTRACTS: Final = {
    "crm/person": _contract(
        ["id", "name"],
        kind={"enum": ["customer", "lead"]},
        name={"type": "string", "maxLength": 60, "x-pii": "name", "x-legal-basis": "contract"},
        mail={**PII, "format": "email"},
        born={**PII, "format": "date"},
        note=PII,
        phones=PHONES,
        home={
            "type": ["object", "null"],
            "properties": {"street": {**TEXT, "x-pii": "address"}, "code": {**TEXT, "maxLength": 12, "x-pii": True}},
        },
        level={"type": ["integer", "null"], "x-pii": True},
        gone={"type": ["boolean", "null"]},
    ),
    "pm/contact": _contract(
        ["id", "who"],
        who={
            "type": "object",
            "x-pii": True,
            "properties": {
                "name": {"type": "string", "maxLength": 60, "x-pii": "name"},
                "mail": {**PII, "format": "email"},
            },
        },
        born={**PII, "format": "date"},
        memo=PII,
        phones=PHONES,
        street=PII,
        code={**PII, "maxLength": 12},
        greeting={**TEXT, "pattern": "^Dear [^<]*$"},
        active={"type": ["boolean", "null"]},
    ),
    "crm/visit": _contract(["id"], person={"type": ["integer", "null"]}, subject=TEXT),
    "pm/task": _contract(["id"], contact={"type": ["integer", "null"]}, subject=TEXT),
}
TABLES: Final = {
    "crm": (
        "persons (id INTEGER PRIMARY KEY, kind TEXT, name TEXT, mail TEXT, born TEXT, note TEXT, phones TEXT, "
        "home TEXT, level, gone INTEGER, updated TEXT)",
        "visits (id INTEGER PRIMARY KEY, person INTEGER, subject TEXT, updated TEXT)",
    ),
    "pm": (
        "contacts (id INTEGER PRIMARY KEY, name TEXT, mail TEXT UNIQUE, born TEXT, memo TEXT, phones TEXT, "
        "street TEXT, code TEXT CHECK (code <> 'REFUSED'), greeting TEXT, active INTEGER DEFAULT 1, updated TEXT)",
        "tasks (id INTEGER PRIMARY KEY, contact INTEGER, subject TEXT, updated TEXT)",
    ),
}
TOUCHED: Final = (
    "CREATE TRIGGER {table}_{event} AFTER {event} ON {table} BEGIN UPDATE {table} SET updated = "
    "strftime('%Y-%m-%dT%H:%M:%f', 'now') WHERE {key} = new.{key}; END"
)


def new_persons(folder: Path, capsys: pytest.CaptureFixture[str]) -> Shop:
    """An empty project about people, and a person at its keyboard."""
    new_project(folder)
    return Shop(folder, capsys)


def new_project(folder: Path) -> None:
    files = {"crmsync.yaml": PROJECT, "mappings/person-contact.yaml": PERSON_CONTACT}
    files |= {"mappings/visit-task.yaml": VISIT_TASK}
    build(folder, files, CONTRACTS, TABLES)


def build(
    folder: Path,
    files: dict[str, str],
    contracts: dict[str, str],
    tables: Mapping[str, tuple[str, ...]],
    key: str = "id",
) -> None:
    """The files of a project, and its systems, which note when a row was touched; `key`: what a row is known by."""
    files = files | {f"schemas/{name}/1.0.0.json": text for name, text in contracts.items()}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    for system, declared in tables.items():
        with closing(sqlite3.connect(folder / f"{system}.db")) as database:
            for table in declared:
                database.execute(f"CREATE TABLE {table}")
                for event in ("INSERT", "UPDATE"):
                    database.execute(TOUCHED.format(table=table.split()[0], event=event, key=key))
            database.commit()


def put(shop: Shop, table: str, **row: Any) -> None:
    put_row(shop.folder, table, **row)


def put_row(folder: Path, table: str, **row: Any) -> None:
    """Insert or overwrite one row; lists and objects go in as JSON text."""
    system = "crm" if table in ("persons", "visits") else "pm"
    wire = {k: json.dumps(v, ensure_ascii=False) if isinstance(v, list | dict) else v for k, v in row.items()}
    marks, sets = ", ".join("?" * len(wire)), ", ".join(f"{name} = excluded.{name}" for name in wire)
    with closing(sqlite3.connect(folder / f"{system}.db")) as database:
        database.execute(
            f"INSERT INTO {table} ({', '.join(wire)}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {sets}",
            tuple(wire.values()),
        )
        database.commit()
