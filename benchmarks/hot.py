"""How fast is a record checked, lifted and fingerprinted? Beside the reference libraries doing the same."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jmespath
import jsonschema

from benchmarks.clock import best_of_three
from crmsync.core.mapping import compile_mapping, examine
from crmsync.core.model import Json, Project, Raw, from_json, to_json
from crmsync.project import load_project
from examples.demo.build import lay_out

RECORDS = 20_000


def main(_: Sequence[int]) -> None:
    bodies = [to_json(_account(i)) for i in range(RECORDS)]
    project = _project()
    mapping = project.mapping("account-customer")
    compiled = compile_mapping(project, mapping, _Nobody())
    raws = [Raw((i,), body) for i, body in enumerate(bodies)]

    def ours() -> None:
        for raw in raws:
            seen = examine(compiled, 0, raw, from_json)
            assert seen.lifted, seen.rejected

    fields = [path for field in mapping.fields if isinstance(path := field.paths[0], str)]
    expressions = [jmespath.compile(path) for path in fields]
    validator = jsonschema.Draft202012Validator(mapping.ends[0].contract.schema)
    few = bodies[: RECORDS // 20]

    def reference() -> None:
        for body in few:
            record = from_json(body)
            assert validator.is_valid(record)
            to_json([expression.search(record) for expression in expressions])

    size = sum(map(len, bodies)) / RECORDS
    mine = RECORDS / best_of_three(ours)
    theirs = len(few) / best_of_three(reference)
    print(f"hot path: decode + check + lift + fingerprint of {size:.0f} byte records, {len(fields)} fields")
    print(f"  crmsync                          {mine:>10,.0f} records per CPU second")
    print(f"  jsonschema + interpreted jmespath{theirs:>10,.0f} records per CPU second")
    print(f"  ratio                            {mine / theirs:>10.1f}")


def _project() -> Project:
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder))
        project = load_project(Path(folder), environ={}).project
    assert project is not None
    return project


class _Nobody(dict[Any, Any]):
    """Lookups in other entities that find nothing: they are not on this path."""

    def __missing__(self, key: Any) -> dict[Json, Json]:
        return {}


def _account(i: int) -> Json:
    return {
        "id": i + 1, "type": "customer", "name": f"Stavebná spoločnosť Kováč a synovia číslo {i}, spol. s r.o.",
        "registration": {"ico": "31333532", "vat_id": "SK2020317068"}, "website": f"https://www.firma-{i}.sk/kontakt",
        "address": {"street": f"Štefánikova trieda {i % 200}", "city": "Banská Bystrica", "postal_code": "97401",
                    "country": "Slovensko"},
        "email": f"info{i}@firma-{i}.sk", "phone": "0905 322 313", "contact_person": "Zuzana Kováčová",
        "parent_id": None, "delivery_status": None, "delivery_lead": None,
        "tags": ["framework contract", "export", "public", "key account"],
        "description": "Dlhoročný zákazník; fakturácia vždy k poslednému dňu mesiaca. " * 9, "employees": 120,
        "is_deleted": False,
    }  # fmt: skip
