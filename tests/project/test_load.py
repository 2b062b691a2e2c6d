"""What a folder becomes when nothing is wrong with it."""

import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import given, settings

from crmsync.core.model import ABSENT, Call, Compare, Limit, Limits, Match, to_json
from tests.project.conftest import Folder
from tests.project.spoilt import spoilt

NAME = "mappings/account-customer.yaml"


def field(folder, name):
    return next(each for each in folder.load().project.mapping("account-customer").fields if each.name == name)


def test_a_mapping_is_read_with_all_its_settings(folder):
    mapping = folder.load().project.mapping("account-customer")
    assert [(end.name, end.system, end.entity, end.strict) for end in mapping.ends] == [
        ("crm", "crm", "account", False),
        ("pm", "pm", "customer", False),
    ]
    assert mapping.scope == ("type == 'customer'", None)
    assert mapping.create == (False, "active")
    assert mapping.delete == ("ignore", "archive")
    assert mapping.limits == Limits({"create": Limit(count=500), "update": Limit(percent=Decimal(30))})
    assert (mapping.limits.missing, mapping.limits.unusual) == (Limit(percent=Decimal(20)), Decimal(10))
    assert mapping.match == Match(
        decide=(("ico",), ("name", "domain")),
        compare=(Compare("name", "company", 0.6), Compare("domain", "domain", 0.4)),
    )
    assert str(mapping.at).endswith("account-customer.yaml:3:1")
    assert mapping.enabled


@pytest.mark.parametrize(("unusual", "value"), [("5", Decimal(5)), ("2.5", Decimal("2.5")), ("off", None)])
def test_limits_of_fields_listings_and_what_is_usual_are_read(folder, unusual, value):
    folder.mapping(
        "limits: {create: 500, update: 30%}",
        f"limits: {{fields: {{name: 50%, ico: 10}}, missing: 5%, unusual: {unusual}}}",
    )
    limits = folder.load().project.mapping("account-customer").limits
    assert limits.kinds == {}
    assert limits.fields == {"name": Limit(percent=Decimal(50)), "ico": Limit(count=10)}
    assert (limits.missing, limits.unusual) == (Limit(percent=Decimal(5)), value)


def test_checks_are_read_with_their_side(folder):
    (check,) = folder.load().project.mapping("account-customer").checks
    assert (check.side, check.expr, check.equals, check.within) == (0, "rate", "rate", Decimal("0.01"))
    assert [(call.name, call.args) for call in check.apply] == [("round", {"places": 2})]
    assert check.otherwise == "reject"


def test_fields_are_read_with_all_their_settings(folder):
    tags, manager, kind, phase = (field(folder, name) for name in ("tags", "manager", "kind", "phase"))
    assert (tags.paths, tags.owner, tags.merge) == (("tags", "labels"), "shared", "set")
    assert (manager.owner, manager.seed) == (1, 0)
    assert (kind.paths, kind.owner, kind.value) == ((None, "kind"), None, "external")
    assert (phase.default, phase.value) == ((ABSENT, "planned"), ABSENT)
    assert str(tags.at).endswith("account-customer.yaml:23:3")


def test_calls_know_their_place(folder):
    (call,) = field(folder, "status").to[0]
    assert (call.name, call.args) == ("lookup", "delivery_status")
    assert call.at is not None
    assert str(call.at).endswith("account-customer.yaml:21:66")


def test_a_conflict_may_be_settled_for_a_side(folder):
    folder.mapping(
        "on_conflict: review", "on_conflict: pm, on_null: keep, equal_within: 0.5, group: g, when: {pm: status}"
    )
    notes = field(folder, "notes")
    assert (notes.on_conflict, notes.on_null, notes.equal_within) == (1, "keep", Decimal("0.5"))
    assert (notes.group, notes.when) == ("g", (None, "status"))


def test_a_composite_link_is_a_list_of_paths(folder):
    folder.replace("crmsync.yaml", "        key: id\n        archive", "        key: [id, status]\n        archive")
    folder.replace("mappings/opportunity-project.yaml", "pm: customer_id", "pm: [customer_id, region]")
    folder.replace("crmsync.yaml", "{key: [id, region]", "{key: id")
    mapping = folder.load().project.mapping("opportunity-project")
    assert mapping.fields[0].paths == ("account_id", ("customer_id", "region"))
    assert mapping.fields[0].link == "account-customer"


def test_the_way_back_of_a_shared_field_is_worked_out(folder):
    folder.mapping("pm: status, owner: pm, to_crm: [{lookup: delivery_status}]",
                   "pm: status, owner: shared, to_pm: [trim, {lookup: delivery_status}]")  # fmt: skip
    back, there = field(folder, "status").to
    assert [call.name for call in there] == ["trim", "lookup"]
    assert [call.name for call in back] == ["lookup"]


def test_the_way_of_a_seed_is_worked_out(folder):
    folder.mapping("owner: pm, seed: crm", "owner: pm, seed: crm, to_crm: [{lookup: delivery_status}]")
    assert [[call.name for call in chain] for chain in field(folder, "manager").to] == [["lookup"], ["lookup"]]


def test_one_way_is_enough_for_an_owned_field(folder):
    name = field(folder, "name")
    assert name.to == ((), (Call("trim", None, name.to[1][0].at),))


def test_a_side_may_be_called_otherwise_than_its_system(folder):
    other = "mappings/opportunity-project.yaml"
    text = folder.read(other).replace("  crm: {entity", "  deals: {system: crm, entity")
    folder.write(other, text.replace("{crm:", "{deals:").replace("owner: crm", "owner: deals"))
    loaded = folder.load()
    assert loaded.findings == ()
    end = loaded.project.mapping("opportunity-project").ends[0]
    assert (end.name, end.system, loaded.project.entity(end).name) == ("deals", "crm", "opportunity")


def test_parents_run_first_and_equals_by_name(folder):
    folder.write("mappings/a.yaml", """\
version: 1
mapping: a-first
after: [opportunity-project]
between:
  crm: {entity: opportunity, contract: crm.opportunity@1}
  pm: {entity: project, contract: pm.project@1}
fields:
  title: {crm: title, pm: title, owner: pm}
""")  # fmt: skip
    names = [mapping.name for mapping in folder.load().project.mappings]
    assert names == ["account-customer", "opportunity-project", "a-first"]


PLACES = {"project": "crmsync.yaml", "mapping": NAME, "reference": "mappings/reference/status.yaml"}


@settings(max_examples=80)
@given(spoilt())
def test_a_spoilt_project_gives_findings_and_never_raises(folder, case):
    kind, data = case
    before = folder.read(PLACES[kind])
    folder.write(PLACES[kind], to_json(data))
    loaded = folder.load()
    folder.write(PLACES[kind], before)
    errors = [each for each in loaded.findings if each.severity == "error"]
    assert (loaded.project is None) == bool(errors)
    assert all(each.at is not None and each.message for each in loaded.findings)


# Hashes -----------------------------------------------------------------------------------------------------------


def hashes(folder):
    loaded = folder.load()
    assert loaded.project is not None, loaded.findings
    return loaded.hashes


def test_there_is_a_hash_for_every_mapping(folder):
    assert hashes(folder).keys() == {"account-customer", "opportunity-project"}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (NAME, "version: 1", "# a remark\nversion:   1"),
        (NAME, "{crm: name, pm: customer_name,", "{pm: 'customer_name', crm: \"name\","),
        ("crmsync.yaml", "key: id\n        columns", "key: [id]\n        columns"),
        ("crmsync.yaml", "sqlite:///crm.db", "sqlite:///other.db"),
        ("crmsync.yaml", "crm-prod", "crm-test"),
        ("schemas/crm/account/2.0.0.json", "{", "{ "),
        ("mappings/reference/status.yaml", "unmapped: hold", "unmapped: hold  # a remark"),
        ("mappings/opportunity-project.yaml", "pm: title", "pm: region"),
    ],
)
def test_what_means_the_same_has_the_same_hash(folder, name, old, new):
    before = hashes(folder)["account-customer"]
    text = folder.read(name)
    assert old in text
    folder.write(name, text.replace(old, new, 1))
    assert folder.load().hashes.get("account-customer", before) == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (NAME, "to_pm: [trim]", "to_pm: [trim, upper]"),
        (NAME, "type == 'customer'", "type == 'client'"),
        ("crmsync.yaml", "table: accounts", "table: firms"),
        ("crmsync.yaml", "registration.ico: ico", "registration.ico: reg_no"),
        ("crmsync.yaml", "key: id\n        columns", "key: name\n        columns"),
        ("crmsync.yaml", "timezone: Europe/Bratislava", "timezone: Europe/Prague"),
        ("crmsync.yaml", '"is_deleted"', '"!active"'),
        ("schemas/crm/account/1.10.0.json", '"active": {"type": "boolean"}', '"active": {"type": ["boolean", "null"]}'),
        ("mappings/reference/status.yaml", "unmapped: hold", "unmapped: reject"),
        ("mappings/reference/status.yaml", "prefer: {pm: {open: Won}}", "prefer: {pm: {open: Lost}}"),
        ("mappings/reference/status.yaml", "[Closed, done]", "[Closed, finished]"),
    ],
)
def test_what_changes_the_meaning_of_records_changes_the_hash(folder, name, old, new):
    before = hashes(folder)
    folder.replace(name, old, new)
    after = hashes(folder)
    assert after["account-customer"] != before["account-customer"]


def test_another_mapping_keeps_its_hash(folder):
    before = hashes(folder)
    folder.replace("mappings/reference/status.yaml", "unmapped: hold", "unmapped: reject")
    assert hashes(folder)["opportunity-project"] == before["opportunity-project"]


def test_a_secret_does_not_change_the_hash(folder):
    folder.replace("crmsync.yaml", "table: accounts", "table: accounts\n        header: ${TOKEN}")
    assert folder.load(TOKEN="one").hashes == folder.load(TOKEN="two").hashes


def test_a_folder_is_read_the_same_wherever_it_lies(folder, tmp_path):
    twin = Folder(tmp_path / "elsewhere")
    assert hashes(twin) == hashes(folder)


# Weight -----------------------------------------------------------------------------------------------------------


def test_loading_a_project_imports_no_heavy_library(folder):
    code = (
        "import sys; from pathlib import Path; from crmsync.project import load_project\n"
        f"assert load_project(Path({str(folder.root)!r}), None, {{}}).project\n"
        "print(sorted({'pandas', 'sqlalchemy', 'crmsync.connectors', 'crmsync.ledger', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
