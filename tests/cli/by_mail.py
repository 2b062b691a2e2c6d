"""A project in which people are known by their e-mails, on both sides, and what hangs on them by those and a number."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from tests.cli.persons import PII, TEXT, build

PROJECT: Final = """\
version: 1
ledger: sqlite:///.crmsync/ledger.db
record_inputs: 100
signals:
  prometheus: metrics.prom
  on_failure: [sh, -c, "cat >> alerts.json"]
  on_degraded: [sh, -c, "cat >> alerts.json"]
systems:
  crm:
    connector: sql
    url: sqlite:///crm.db
    retry: {attempts: 1}
    entities:
      person:
        table: persons
        key: mail
        modified: updated
        archive: {set: {kind: gone}}
        columns: {mail: mail, kind: kind, name: name, note: note, phone: phone, seen: seen}
      visit:
        table: visits
        key: [person, no]
        modified: updated
        columns: {person: person, no: no, subject: subject}
  pm:
    connector: sql
    url: sqlite:///pm.db
    retry: {attempts: 1}
    entities:
      contact:
        table: contacts
        key: mail
        assigned_by: caller
        modified: updated
        archive: {set: {active: false}}
        columns: {mail: mail, name: name, memo: memo, phone: phone, seen: seen, active: {column: active, as: boolean}}
      task:
        table: tasks
        key: [contact, no]
        assigned_by: caller
        modified: updated
        columns: {contact: contact, no: no, subject: subject}
"""
LIMITS: Final = "limits: {create: 500, update: 100%, delete: 100%, revert: 100%, missing: 100%, unusual: off}\n"
MAPPINGS: Final = {
    "person-contact": """\
version: 1
mapping: person-contact
between:
  crm: {entity: person, contract: crm.person@1}
  pm: {entity: contact, contract: pm.contact@1}
scope: {crm: "kind != 'lead'"}
match: {decide: [phone], compare: {name: {as: person}, phone: {as: phone}}}
create: {pm: always}
delete: {pm: archive}
fields:
  mail: {crm: mail, pm: mail, owner: crm}
  name: {crm: name, pm: name, owner: crm}
  note: {crm: note, pm: memo, owner: shared}
  phone: {crm: phone, pm: phone, owner: crm}
  seen: {crm: seen, pm: seen, owner: crm}
"""
    + LIMITS,
    "visit-task": """\
version: 1
mapping: visit-task
between:
  crm: {entity: visit, contract: crm.visit@1}
  pm: {entity: task, contract: pm.task@1}
create: {pm: always}
delete: {pm: delete}
fields:
  person: {crm: person, pm: contact, owner: crm, link: person-contact}
  no: {crm: no, pm: no, owner: crm}
  subject: {crm: subject, pm: subject, owner: crm}
"""
    + LIMITS,
}
MAIL: Final = {"type": "string", "x-pii": "email", "x-legal-basis": "contract"}
PERSON: Final[dict[str, Any]] = {
    "mail": MAIL, "name": {"type": "string", "minLength": 2, "x-pii": "name"}, "phone": PII, "seen": TEXT,
}  # fmt: skip
CONTRACTS: Final[dict[str, dict[str, Any]]] = {
    "crm/person": {**PERSON, "kind": {"enum": ["customer", "lead", "gone"]}, "note": TEXT},
    "pm/contact": {**PERSON, "memo": TEXT, "active": {"type": ["boolean", "null"]}},
    "crm/visit": {"person": MAIL, "no": {"type": "integer"}, "subject": TEXT},
    "pm/task": {"contact": MAIL, "no": {"type": "integer"}, "subject": TEXT},
}
TABLES: Final = {
    "crm": (
        "persons (mail TEXT PRIMARY KEY, kind TEXT, name TEXT, note TEXT, phone TEXT, seen TEXT, updated TEXT)",
        "visits (person TEXT, no INTEGER, subject TEXT, updated TEXT, PRIMARY KEY (person, no))",
    ),
    "pm": (
        "contacts (mail TEXT PRIMARY KEY, name TEXT, memo TEXT, phone TEXT, seen TEXT, active INTEGER DEFAULT 1, "
        "updated TEXT)",
        "tasks (contact TEXT, no INTEGER, subject TEXT CHECK (subject <> 'REFUSED'), updated TEXT, "
        "PRIMARY KEY (contact, no))",
    ),
}


def mail(name: str) -> str:
    return f"{name}@canary-key.sk"


def new_project(folder: Path) -> None:
    """With nobody in it."""
    files = {"crmsync.yaml": PROJECT, **{f"mappings/{name}.yaml": text for name, text in MAPPINGS.items()}}
    build(folder, files, {name: _contract(said) for name, said in CONTRACTS.items()}, TABLES, key="rowid")


def _contract(said: dict[str, Any]) -> str:
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "required": [next(iter(said))]}
    return json.dumps({**head, "additionalProperties": False, "properties": said}, indent=2)


def put(folder: Path, table: str, **row: Any) -> None:
    system = "crm" if table in ("persons", "visits") else "pm"
    with closing(sqlite3.connect(folder / f"{system}.db")) as database:
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        database.execute(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))
        database.commit()
