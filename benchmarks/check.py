"""How long does it take to check a mapping of many fields? Beside reading its YAML alone."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.clock import best_of_three
from crmsync.project import load_project
from crmsync.project.yaml import load_yaml

FIELDS: Final = (50, 500, 5000)
SYSTEMS: Final = """\
version: 1
systems:
  crm: {connector: memory, entities: {account: {key: id}}}
  pm: {connector: memory, entities: {customer: {key: id}}}
"""
HEAD: Final = """\
version: 1
mapping: account-customer
between:
  crm: {entity: account, contract: crm.account@1}
  pm: {entity: customer, contract: pm.customer@1}
fields:
"""
KINDS: Final[tuple[tuple[Any, Any, str], ...]] = (
    ({"type": ["string", "null"], "maxLength": 200}, {"type": ["string", "null"], "maxLength": 255}, "trim"),
    ({"type": "number", "multipleOf": 0.0001}, {"type": ["number", "null"], "multipleOf": 0.01}, "{round: 2}"),
    ({"type": "string", "format": "date-time"}, {"type": ["string", "null"], "format": "date"}, "{date_of: UTC}"),
    ({"type": "string", "maxLength": 40}, {"type": ["string", "null"], "pattern": "^[0-9]{8}$"}, "company_id"),
    ({"enum": ["a", "b", None]}, {"enum": ["a", "b", "c"]}, "{default: c}"),
)


def main(_: Sequence[int]) -> None:
    for count in FIELDS:
        with tempfile.TemporaryDirectory() as folder:
            mapping = lay_out(Path(folder), count)
            checked = best_of_three(partial(load_project, Path(folder)))
            read = best_of_three(partial(load_yaml, mapping.as_posix(), mapping.read_bytes()))
        print(f"check of a mapping of {count} fields")
        print(f"  crmsync check{checked * 1000:>20,.0f} ms of CPU")
        print(f"  its YAML alone{read * 1000:>19,.0f} ms of CPU")
        print(f"  ratio{checked / read:>28,.1f}")


def lay_out(root: Path, count: int) -> Path:
    """A project with one sound mapping of so many fields; every fourth reads an expression."""
    kinds = [(f"s{i}", f"t{i}", *KINDS[i % len(KINDS)]) for i in range(count)]
    fields = [
        f'  f{i}: {{crm: "{source if i % 4 else f"not_null({source})"}", pm: {target}, owner: crm, to_pm: [{step}]}}\n'
        for i, (source, target, _, _, step) in enumerate(kinds)
    ]
    files = {
        "crmsync.yaml": SYSTEMS,
        "schemas/crm/account/1.0.0.json": _contract({source: schema for source, _, schema, _, _ in kinds}),
        "schemas/pm/customer/1.0.0.json": _contract({target: schema for _, target, _, schema, _ in kinds}),
        "mappings/account-customer.yaml": HEAD + "".join(fields),
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root / "mappings/account-customer.yaml"


def _contract(properties: dict[str, Any]) -> str:
    titled = {name: {**schema, "title": f"What {name} says"} for name, schema in properties.items()}
    declared = {"id": {"type": "integer", "readOnly": True}, **titled}
    return json.dumps({"type": "object", "additionalProperties": False, "properties": declared})
