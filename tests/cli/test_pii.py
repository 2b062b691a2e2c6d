"""What do the systems hold about people, and where does it go? pii report, and what check says of it."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from crmsync.core.contract.personal import personal_places
from tests.cli.persons import new_persons
from tests.cli.shop import Shop, new_shop


@pytest.fixture
def people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shop:
    return new_persons(tmp_path / "people", capsys)


def places(shop: Shop) -> dict[tuple[str, str], Any]:
    said = shop.do("pii", "report", "--output", "json")
    assert said.code == 0
    return {(each["entity"], each["path"]): each for each in said.json["places"]}


def test_every_place_is_listed_with_its_kind_and_its_legal_basis(people: Shop) -> None:
    found = {key: (each["kind"], each["legal_basis"]) for key, each in places(people).items()}
    assert found["crm.person", "mail"] == ("personal", "contract")
    assert found["crm.person", "phones[]"] == ("phone", None)
    assert found["crm.person", "home.street"] == ("address", None)
    assert found["crm.person", "level"] == ("personal", None)
    assert found["pm.contact", "who.name"] == ("name", None)
    assert ("crm.person", "kind") not in found
    assert ("pm.contact", "greeting") not in found


def test_every_flow_is_listed_with_its_transforms_and_its_end(people: Shop) -> None:
    found = places(people)
    (mail,) = found["crm.person", "mail"]["flows"]
    assert (mail["mapping"], mail["field"], mail["to"], mail["through"]) == (
        "person-contact", "mail", "pm.contact who.mail", ["email"],
    )  # fmt: skip
    assert [each["to"] for each in found["pm.contact", "memo"]["flows"]] == ["crm.person note"]  # shared: both ways
    assert found["pm.contact", "who.mail"]["flows"] == []  # the CRM owns it
    assert found["crm.person", "level"]["flows"] == []
    assert found["crm.person", "name"]["used"] == ["match of person-contact by name"]


def test_a_seed_flows_once_and_the_report_says_so(people: Shop) -> None:
    people.edit(
        "mappings/person-contact.yaml",
        "pm: born, owner: crm, on_foreign_edit: review",
        "pm: born, owner: pm, seed: crm",
    )
    found = places(people)
    assert [each["only_at_creation"] for each in found["crm.person", "born"]["flows"]] == [True]
    assert [each["only_at_creation"] for each in found["pm.contact", "born"]["flows"]] == [False]


def test_what_a_scope_reads_is_named(people: Shop) -> None:
    people.edit("mappings/person-contact.yaml", "kind == 'customer'", "kind == 'customer' && note != 'x'")
    assert "scope of person-contact" in places(people)["crm.person", "note"]["used"]


def test_what_has_no_legal_basis_is_a_warning(people: Shop) -> None:
    said = people.do("pii", "report", "--output", "json").json["findings"]
    told = [each["message"] for each in said if each["rule"] == "pii/no-basis"]
    assert any(message.startswith("phones[] of crm.person@1.0.0 is about people") for message in told)
    assert all(each["severity"] == "warning" for each in said)


def test_what_flows_into_a_field_that_nobody_marked_is_a_warning_of_the_report_and_of_check(people: Shop) -> None:
    assert "name of crm.person flows to pm.contact greeting, which is not marked" in people.do("pii", "report").err
    said = people.do("check")
    assert said.code == 0
    assert "greeting takes name of crm.person, which is about people, to greeting of pm.contact" in said.out
    assert "[pii/unmarked]" in said.out


def test_a_mark_there_ends_the_warning(people: Shop) -> None:
    people.edit("schemas/pm/contact/1.0.0.json", '"pattern": "^Dear [^<]*$"', '"x-pii": true')
    assert "pii/unmarked" not in people.do("check").out
    assert "not marked" not in people.do("pii", "report").out


def test_the_report_can_be_opened_in_a_spreadsheet(people: Shop) -> None:
    rows = list(csv.DictReader(io.StringIO(people.do("pii", "report", "--output", "csv").out)))
    mail = next(row for row in rows if (row["entity"], row["path"]) == ("crm.person", "mail"))
    assert (mail["legal basis"], mail["flows to"], mail["through"]) == ("contract", "pm.contact who.mail", "email")


def test_the_report_needs_no_system(people: Shop) -> None:
    (people.folder / "crm.db").unlink()
    assert people.do("pii", "report").code == 0


def test_the_starter_marks_what_is_about_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = new_shop(tmp_path / "shop", capsys)
    assert set(places(shop)) == {("crm.account", "email"), ("pm.customer", "contact.email")}


def test_a_project_with_errors_has_no_report(people: Shop) -> None:
    people.edit("mappings/person-contact.yaml", "owner: crm, to_pm: [email]", "owner: nobody, to_pm: [email]")
    assert people.do("pii", "report").code == 2


def test_marks_hold_for_what_is_inside_and_the_inner_one_is_nearer() -> None:
    schema = {
        "x-legal-basis": "consent",
        "properties": {
            "who": {
                "x-pii": True,
                "properties": {
                    "first": {"type": "string"},
                    "phones": {"items": {"x-pii": "phone", "x-legal-basis": "contract"}},
                },
            },
            "self": {"$ref": "#"},
            "fine": {"x-pii": False},
        },
    }
    found = [(each.text, each.kind, each.basis) for each in personal_places(schema)]
    assert found == [("who.first", "personal", "consent"), ("who.phones[]", "phone", "contract")]


def test_the_mark_of_an_alternative_counts() -> None:
    schema = {
        "properties": {"mail": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/mail"}]}},
        "$defs": {"mail": {"x-pii": "email"}},
    }
    assert [(each.text, each.kind) for each in personal_places(schema)] == [("mail", "email")]


def test_what_a_contract_says_of_names_that_it_does_not_declare_counts() -> None:
    schema = {
        "properties": {
            "phones": {"patternProperties": {"^at_": {"x-pii": "phone"}}},
            "free": {"additionalProperties": {"x-pii": "name"}, "properties": {"n": {}}},
        },
    }
    assert [(each.text, each.kind) for each in personal_places(schema)] == [("free.*", "name"), ("phones.*", "phone")]


def test_what_flows_from_a_name_that_a_contract_does_not_declare_is_listed(people: Shop) -> None:
    people.edit(
        "schemas/crm/person/1.0.0.json",
        '"home": {',
        '"home": {"additionalProperties": {"type": "string", "x-pii": "name"},',
    )
    people.edit(
        "mappings/person-contact.yaml",
        "crm: home.street, pm: street, owner: crm",
        "crm: home.n, pm: street, owner: crm",
    )
    flows = places(people)["crm.person", "home.*"]["flows"]
    assert "pm.contact street" in [each["to"] for each in flows]
