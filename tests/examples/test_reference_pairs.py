"""Do the shipped mappings and contracts say what the demo's world needs?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
import yaml

from crmsync.connectors.embed import embedding
from crmsync.connectors.sql import connect
from crmsync.core.mapping import Compiled, Seen, compile_mapping, examine
from crmsync.core.merge import Failed
from crmsync.core.model import ABSENT, Project
from crmsync.project import load_project
from examples.demo import build

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pairs") / "project"
    assert build.main([str(made), "--accounts=400", "--opportunities=600", "--quotes=700", "--lines=2000"]) == 0
    return made


@pytest.fixture(scope="module")
def project(folder: Path) -> Project:
    loaded = load_project(folder, environ={})
    assert [str(finding) for finding in loaded.findings if finding.severity != "info"] == []
    assert loaded.project is not None
    return loaded.project


@pytest.fixture(scope="module")
def dirt(folder: Path) -> dict[str, list[str]]:
    told = json.loads((folder / "world.json").read_text(encoding="utf-8"))["dirt"]
    return {kind: each["records"] for kind, each in told.items()}


def test_the_demo_project_passes_the_check_without_a_word(project: Project) -> None:
    assert [mapping.name for mapping in project.mappings] == [
        "account-customer",
        "opportunity-initiation",
        "quote-line-budget-line",
    ]


def fates(project: Project, name: str) -> dict[str, str]:
    """What becomes of each CRM record on its way to the project tool, as far as it can be told from it alone."""
    users = {f"lead{number:02d}@delivery.example": number for number in range(1, 26)}
    entities: dict[tuple[str, str, str], dict[Any, Any]] = {
        ("pm.user", "email", "id"): users,
        ("pm.user", "id", "email"): {number: email for email, number in users.items()},
    }
    compiled = compile_mapping(project, project.mapping(name), entities)
    return {str(seen.record.ref): fate(compiled, seen) for seen in looked_at(project, compiled)}


def looked_at(project: Project, compiled: Compiled) -> Iterator[Seen]:
    entity, system = compiled.entities[0], project.systems["crm"]
    connection = connect(system)
    try:
        door = connection.door(entity)
        if entity.embed:
            hops = {each: connection.door(system.entities[each.entity]) for each in entity.embed}
            door = embedding(door, entity, hops)
        for page in door.list():
            for raw in page:
                yield examine(compiled, 0, raw, door.decode)
    finally:
        connection.close()


def fate(compiled: Compiled, seen: Seen) -> str:
    if seen.rejected:
        return f"rejected: {seen.rejected[0].rule} {seen.rejected[0].path}"
    if seen.lifted is None or not seen.lifted.in_scope:
        return "out of scope"
    if seen.held:
        return f"held: {seen.held[0].rule}"
    values = zip(compiled.mapping.fields, compiled.cross[1], seen.lifted.natives, strict=True)
    crossed = [(field.name, cross(value)) for field, cross, value in values if not field.link and value is not ABSENT]
    failed = [f"{value.bucket}: {name}" for name, value in crossed if isinstance(value, Failed)]
    return failed[0] if failed else "sound" if seen.lifted.creates else "no create"


FATES = {
    "account-customer": {
        "account/ico-with-spaces": "sound",
        "account/ico-with-prefix": "sound",
        "account/ico-missing": "sound",
        "account/ico-bad-check-digit": "rejected: ico",
        "account/ico-placeholder": "rejected: ico",
        "account/email-invalid": "rejected: contract/format email",
        "account/phone-nonsense": "rejected: phone",
        "account/name-empty": "rejected: contract/minLength name",
        "account/name-untidy": "sound",
        "account/country-unmapped": "sound",
        "account/lead-unknown": "rejected: manager",
        "account/website-nonsense": "rejected: domain",
        "account/employees-negative": "sound",
        "account/name-too-long": "sound",
        "account/description-too-long": "rejected: contract/maxLength description",
    },
    "opportunity-initiation": {
        "opportunity/amount-with-three-places": "rejected: contract/multipleOf amount",
        "opportunity/currency-null": "rejected: contract/enum currency",
        "opportunity/probability-over-100": "rejected: contract/maximum probability",
        "opportunity/service-line-unmapped": "held: portfolio",
        "opportunity/dates-in-wrong-order": "held: check/differs",
        "opportunity/name-too-long": "sound",
    },
    "quote-line-budget-line": {
        "quote_line/total-does-not-fit": "rejected: check/differs line_total",
        "quote_line/total-a-cent-off": "sound",
        "quote_line/cost-type-unmapped": "rejected: cost_type",
        "quote_line/quantity-negative": "rejected: contract/minimum quantity",
        "quote_line/quantity-zero": "no create",
        "quote_line/quote-unknown": "rejected: contract/type quote",
        "quote_line/optional": "out of scope",
    },
}


@pytest.mark.parametrize("name", FATES)
def test_each_kind_of_dirt_meets_its_fate(name: str, project: Project, dirt: dict[str, list[str]]) -> None:
    found = fates(project, name)
    met = {kind: Counter(found[ref] for ref in dirt[kind]) for kind in FATES[name]}
    assert met == {kind: Counter({wanted: len(dirt[kind])}) for kind, wanted in FATES[name].items()}


@pytest.mark.parametrize("name", FATES)
def test_nothing_but_the_dirt_is_rejected_or_held(name: str, project: Project, dirt: dict[str, list[str]]) -> None:
    unsound = {ref for ref, fate in fates(project, name).items() if fate.startswith(("rejected", "held"))}
    assert unsound == {ref for kind, fate in FATES[name].items() if ":" in fate for ref in dirt[kind]}


# The files ---------------------------------------------------------------------------------------------------


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "path", sorted((ROOT / "schemas").glob("*/*/*.json")), ids=lambda path: "/".join(path.parts[-3:])
)
def test_a_contract_is_a_schema_and_its_examples_keep_it(path: Path) -> None:
    schema = read(path)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert {"title", "description", "examples"} <= set(schema)
    assert schema["x-owner"] in ("sales-operations", "project-office")
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    for example in schema["examples"]:
        assert [error.message for error in validator.iter_errors(example)] == []


def test_the_embedded_quote_is_the_quote() -> None:
    alone, inside = (read(ROOT / f"schemas/crm/{name}/1.0.0.json") for name in ("quote", "quote_line"))
    assert inside["$defs"]["quote"]["properties"] == alone["properties"]
    assert inside["$defs"]["quote"]["required"] == alone["required"]


def test_people_are_marked_in_the_contracts() -> None:
    account, customer = (
        read(ROOT / f"schemas/{name}/1.0.0.json")["properties"] for name in ("crm/account", "pm/customer")
    )
    assert all(account[name]["x-pii"] for name in ("email", "phone", "contact_person", "delivery_lead"))
    assert all(each["x-pii"] for each in customer["contact"]["properties"].values())


@pytest.mark.parametrize("path", sorted((ROOT / "mappings").rglob("*.yaml")), ids=lambda path: path.name)
def test_a_file_of_the_language_tells_editors_its_schema(path: Path, folder: Path) -> None:
    first, *rest = path.read_text(encoding="utf-8").splitlines()
    start, named = first.split("$schema=")
    assert start == "# yaml-language-server: "
    assert (folder / path.relative_to(ROOT)).parent.joinpath(named).exists()
    assert yaml.safe_load("\n".join(rest))
