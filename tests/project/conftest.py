"""A small project folder that has nothing wrong with it, for tests to spoil."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from crmsync.core.model import At, Finding
from crmsync.project import Loaded, load_project

PROJECT = """\
version: 1
ledger: sqlite:///.crmsync/ledger.db
systems:
  crm:
    connector: sql
    url: ${CRM_URL:-sqlite:///crm.db}
    instance: crm-prod
    timezone: Europe/Bratislava
    entities:
      account:
        table: accounts
        key: id
        columns: {registration.ico: ico}
        modified: {field: updated_at, timezone: UTC, granularity: 1s, overlap: 5m}
        deleted: "is_deleted"
        archive: {set: {active: false}}
      opportunity: {key: [id], modified: updated_at}
      line: {key: [quote_id, line.no], each: lines}
  pm:
    connector: memory
    entities:
      customer:
        key: id
        archive: {set: {active: false}}
        modified: updated_at
      project: {key: [id, region], assigned_by: caller}
"""

MAPPING = """\
# yaml-language-server: $schema=mapping.schema.json
version: 1
mapping: account-customer
between:
  crm: {entity: account, contract: crm.account@1}
  pm: {entity: customer, contract: pm.customer@1.0.0}
scope:
  crm: "type == 'customer'"
match:
  decide: [ico, [name, domain]]
  compare:
    name: {as: company, weight: 0.6}
    domain: {as: domain, weight: 0.4}
  link_at: 0.93
create: {pm: {when: {crm: "active"}}}
delete: {pm: archive}
fields:
  name: {crm: name, pm: customer_name, owner: crm, to_pm: [trim]}
  ico: {crm: registration.ico, pm: ico, owner: crm}
  domain: {crm: website, pm: web_domain, owner: crm}
  status: {crm: delivery_status, pm: status, owner: pm, to_crm: [{lookup: delivery_status}]}
  notes: {crm: description, pm: notes, owner: shared, on_conflict: review}
  tags: {crm: tags, pm: labels, owner: shared, merge: set}
  rate: {crm: rate, pm: price, owner: shared}
  manager: {crm: manager, pm: manager, owner: pm, seed: crm}
  kind: {pm: kind, value: external}
  phase: {pm: phase, default: {pm: planned}}
limits: {create: 500, update: 30%}
checks:
  - {crm: "rate", apply: [{round: {places: 2}}], equals: rate, within: 0.01, else: reject}
"""

OTHER = """\
version: 1
mapping: opportunity-project
between:
  crm: {entity: opportunity, contract: crm.opportunity@1}
  pm: {entity: project, contract: pm.project@1}
fields:
  customer: {crm: account_id, pm: customer_id, owner: crm, link: account-customer}
  title: {crm: title, pm: title, owner: crm}
"""

REFERENCE = """\
delivery_status:
  columns: [crm, pm]
  rows: [[Won, open], [Lost, open], [Closed, done]]
  prefer: {pm: {open: Won}}
  unmapped: hold
"""


def contract(properties: dict[str, object], required: tuple[str, ...] = ()) -> str:
    return json.dumps(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "required": list(required),
            "additionalProperties": False,
            "properties": properties,
        }
    )


TEXT, NUMBER, TRUTH = {"type": ["string", "null"]}, {"type": "number"}, {"type": "boolean"}
ACCOUNT = {
    "id": {"type": "integer", "readOnly": True},
    "active": TRUTH,
    "is_deleted": TRUTH,
    "registration": {"type": "object", "properties": {"ico": TEXT}, "additionalProperties": False},
    "tags": {"type": "array"},
    "points": {"type": "integer"},
    "rate": NUMBER,
    **dict.fromkeys(("name", "type", "website", "delivery_status", "description", "manager"), TEXT),
}
CUSTOMER = {
    "id": {"type": "integer", "readOnly": True},
    "active": TRUTH,
    "kind": {"enum": ["external", "internal"]},
    "labels": {"type": "array"},
    "marks": {"type": "array"},
    "created": {"type": "string", "readOnly": True},
    "points": {"type": ["integer", "null"]},
    "price": NUMBER,
    **dict.fromkeys(("customer_name", "ico", "web_domain", "status", "notes", "manager", "phase"), TEXT),
}

FILES = {
    "crmsync.yaml": PROJECT,
    "mappings/account-customer.yaml": MAPPING,
    "mappings/opportunity-project.yaml": OTHER,
    "mappings/reference/status.yaml": REFERENCE,
    "schemas/crm/account/1.0.0.json": contract({"id": {}}),
    "schemas/crm/account/1.10.0.json": contract(ACCOUNT, ("id", "name")),
    "schemas/crm/account/1.9.0.json": contract({"id": {}}),
    "schemas/crm/account/2.0.0.json": contract({"id": {}}),
    "schemas/crm/opportunity/1.0.0.json": contract({"id": {}, "account_id": {}, "title": TEXT, "updated_at": TEXT}),
    "schemas/pm/customer/1.0.0.json": contract(CUSTOMER, ("id", "customer_name")),
    "schemas/pm/project/1.0.0.json": contract({"id": {}, "region": {}, "customer_id": {}, "title": TEXT}),
}


class Folder:
    """A project folder on disk. In texts that are written to it, ‹ marks the place where a finding is expected."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.expected: At | None = None
        for name, text in FILES.items():
            self.write(name, text)

    def write(self, name: str, text: str | bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, str):
            text = self._marked(path, text).encode()
        path.write_bytes(text)

    def _marked(self, path: Path, text: str) -> str:
        before, mark, after = text.partition("‹")
        if mark:
            column = len(before) - before.rfind("\n")
            self.expected = At(path.as_posix(), before.count("\n") + 1, column)
        return before + after

    def read(self, name: str) -> str:
        return (self.root / name).read_text()

    def replace(self, name: str, old: str, new: str) -> None:
        text = self.read(name)
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        self.write(name, text.replace(old, new))

    def mapping(self, old: str, new: str) -> None:
        self.replace("mappings/account-customer.yaml", old, new)

    def load(self, env: str | None = None, **environ: str) -> Loaded:
        """What is read of the folder, infos aside."""
        loaded = load_project(self.root, env, environ)
        return replace(loaded, findings=tuple(each for each in loaded.findings if each.severity != "info"))

    def finding(self, rule: str, env: str | None = None, **environ: str) -> Finding:
        """The only finding there is ; it has this rule and stands at the expected place."""
        loaded = self.load(env, **environ)
        assert [each.rule for each in loaded.findings] == [rule], loaded.findings
        (found,) = loaded.findings
        if self.expected is not None:
            assert found.at == self.expected
        assert (loaded.project is None) == (found.severity == "error")
        return found


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)
