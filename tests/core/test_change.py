"""What is a change to a mapping, and how grave is it?"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.change import CHANGES, Change, Definition, carried, changes, moves_links, renamed
from crmsync.core.model import Agreed, from_json, to_json
from crmsync.project import load_project

Project = dict[str, Any]
Edit = Callable[[Project], object]

TEXT = {"type": ["string", "null"], "maxLength": 80}
CRM = dict.fromkeys(("name", "ico", "web", "status", "notes", "owner", "more", "type", "tel"), TEXT)
PM = dict.fromkeys(("title", "ico", "web", "state", "notes", "who", "kind", "rank", "phone"), TEXT)
NUMBER = {"type": ["number", "null"]}


def contract(properties: Any) -> Any:
    properties = {"id": {"type": "integer"}, "sum": NUMBER, "vat": NUMBER, "gone": {"type": "boolean"}, **properties}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": properties}


def project() -> Project:
    """The files of a project in which every key that means something is written."""
    field = {"crm": "name", "pm": "title", "owner": "crm", "to_pm": ["trim"]}
    mapping = {
        "version": 1,
        "mapping": "firms",
        "between": {"crm": {"entity": "account", "contract": "crm.account@1"},
                    "pm": {"entity": "customer", "contract": "pm.customer@1"}},
        "scope": {"crm": "type == 'customer'"},
        "match": {"decide": ["ico"], "compare": {"name": {"as": "text", "weight": 1}}, "link_at": 0.9},
        "create": {"pm": "always"},
        "delete": {"pm": "archive"},
        "on_leave_scope": "freeze",
        "fields": {
            "name": field,
            "ico": {"crm": "ico", "pm": "ico", "owner": "crm"},
            "web": {"crm": "web", "pm": "web", "owner": "pm"},
            "status": {"crm": "status", "pm": "state", "owner": "shared", "to_pm": [{"lookup": "words"}]},
            "notes": {"crm": "notes", "pm": "notes", "owner": "shared"},
            "owner_of": {"crm": "owner", "pm": "who", "owner": "pm", "seed": "crm"},
            "kind": {"pm": "kind", "value": "external"},
            "rank": {"pm": "rank", "default": {"pm": "low"}},
            "sum": {"crm": "sum", "pm": "sum", "owner": "crm", "equal_within": 0.5},
        },
        "limits": {"create": 500},
        "checks": [{"crm": "sum", "equals": "vat", "within": 1, "else": "hold"}],
    }  # fmt: skip
    entity = {"key": "id", "modified": "updated", "archive": {"set": {"gone": True}}}
    return {
        "crmsync.yaml": {"version": 1, "systems": {
            "crm": {"connector": "memory", "entities": {
                "account": {**entity, "deleted": "gone"}, "other": {"key": "id"}, "line": {"key": "id"}}},
            "pm": {"connector": "memory", "entities": {"customer": entity}}}},
        "mappings/firms.yaml": mapping,
        "mappings/reference/words.yaml": {"words": {
            "columns": ["crm", "pm"], "rows": [["Won", "open"], ["Lost", "shut"]], "unmapped": "reject"}},
        "schemas/crm/account/1.0.0.json": contract(CRM),
        "schemas/crm/other/1.0.0.json": contract(CRM),
        "schemas/pm/customer/1.0.0.json": contract(PM),
    }  # fmt: skip


def definition(root: Path, files: Project) -> Definition:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(json.dumps(content, indent=1), "utf-8")
    loaded = load_project(root, environ={})
    assert loaded.definitions.keys() == {"firms"}, loaded.findings
    return loaded.definitions["firms"]


def at(*way: Any) -> Callable[[Project], Any]:
    def found(files: Project) -> Any:
        place: Any = files["mappings/firms.yaml"]
        for step in way:
            place = place[step]
        return place

    return found


def put(value: Any, *way: Any) -> Edit:
    """Sets a value of the mapping's file."""
    return lambda files: at(*way[:-1])(files).__setitem__(way[-1], value)


def drop(*way: Any) -> Edit:
    return lambda files: at(*way[:-1])(files).pop(way[-1])


def entity(**said: Any) -> Edit:
    return lambda files: files["crmsync.yaml"]["systems"]["crm"]["entities"]["account"].update(said)


def words(**said: Any) -> Edit:
    return lambda files: files["mappings/reference/words.yaml"]["words"].update(said)


def schema(name: str, **said: Any) -> Edit:
    return lambda files: files["schemas/crm/account/1.0.0.json"]["properties"].update({name: said})


def system(**said: Any) -> Edit:
    return lambda files: files["crmsync.yaml"]["systems"]["crm"].update(said)


def reordered(files: Project) -> None:
    fields = at("fields")(files)
    for name in sorted(fields, reverse=True):
        fields[name] = fields.pop(name)


def rename_field(files: Project) -> None:
    fields = at("fields")(files)
    fields["website"] = fields.pop("web")


EDITS: list[tuple[str, set[str], Edit]] = [
    ("another entity", {"change/entity"}, put({"entity": "other", "contract": "crm.account@1"}, "between", "crm")),
    ("another key", {"change/key"}, entity(key="name")),
    ("another connector", {"change/connector"}, system(connector="sql", url="sqlite:///x.db")),
    ("something embedded", {"change/embed"}, entity(embed={"line": {"entity": "line", "by": "id"}})),
    ("another tombstone", {"change/deleted"}, entity(deleted="type == 'gone'")),
    ("a narrower type", {"change/contract-narrower"}, schema("name", type="string", maxLength=20)),
    ("strict", {"change/contract-narrower"}, put(True, "between", "crm", "strict")),
    ("a wider type", {"change/contract-wider"}, schema("name", type=["string", "null"], maxLength=90)),
    ("one more scope", {"change/scope"}, put("kind == 'external'", "scope", "pm")),
    ("archive what leaves", {"change/leave-scope"}, put("archive", "on_leave_scope")),
    ("delete for good", {"change/delete"}, put("delete", "delete", "pm")),
    ("a lower threshold", {"change/match"}, put(0.8, "match", "link_at")),
    ("no match", {"change/match"}, drop("match")),
    ("an owner flip", {"change/owner"}, put("pm", "fields", "ico", "owner")),
    ("shared", {"change/owner"}, put("shared", "fields", "ico", "owner")),
    ("another path", {"change/path"}, put("more", "fields", "web", "crm")),
    ("a link", {"change/link"}, put("firms", "fields", "web", "link")),
    ("values that combine", {"change/merge"}, put("set", "fields", "notes", "merge")),
    ("a shared transform", {"change/both-ways"}, put(["trim"], "fields", "notes", "to_pm")),
    ("a conflict decided", {"change/overwrites"}, put("crm", "fields", "notes", "on_conflict")),
    ("an empty owner goes", {"change/overwrites"}, put("owner", "fields", "web", "on_first_link")),
    ("edits are kept", {"change/asks-more"}, put("keep", "fields", "web", "on_foreign_edit")),
    ("null is kept", {"change/asks-more"}, put("keep", "fields", "web", "on_null")),
    ("a field less", {"change/field-removed"}, drop("fields", "notes")),
    ("a field's new name", {"change/field-renamed"}, rename_field),
    ("a row less", {"change/lookup-changed"}, words(rows=[["Won", "open"]])),
    ("another row", {"change/lookup-changed", "change/lookup-row-added"},
        words(rows=[["Won", "open"], ["Lost", "no"]])),
    ("another column", {"change/lookup-changed"}, words(columns=["crm", "it"])),
    ("one more row", {"change/lookup-row-added"}, words(rows=[["Won", "open"], ["Lost", "shut"], ["On", "on"]])),
    ("held, not rejected", {"change/lookup-row-added"}, words(unmapped="hold")),
    ("a stricter check", {"change/check-added", "change/check-removed"}, put("reject", "checks", 0, "else")),
    ("one more check", {"change/check-added"}, lambda files: at("checks")(files).append(
        {"crm": "vat", "equals": "sum", "within": 1, "else": "reject"})),
    ("no check", {"change/check-removed"}, drop("checks")),
    ("one more field", {"change/field-added"}, put({"crm": "tel", "pm": "phone", "owner": "crm"}, "fields", "tel")),
    ("a transform one way", {"change/transform"}, put(["trim", "upper"], "fields", "name", "to_pm")),
    ("another constant", {"change/value"}, put("internal", "fields", "kind", "value")),
    ("another default", {"change/on-create"}, put({"pm": "high"}, "fields", "rank", "default")),
    ("no seed", {"change/on-create"}, drop("fields", "owner_of", "seed")),
    ("no creates", {"change/create"}, put("never", "create", "pm")),
    ("some creates", {"change/create"}, put({"when": {"crm": "ico"}}, "create", "pm")),
    ("a gate", {"change/gate"}, put({"crm": "ico"}, "fields", "name", "when")),
    ("a group", {"change/group"}, put("g", "fields", "name", "group")),
    ("less tolerance", {"change/tolerance"}, put(0.1, "fields", "sum", "equal_within")),
    ("another clock", {"change/reading"}, entity(modified="changed")),
    ("another table", {"change/reading"}, entity(table="firms")),
    ("another zone", {"change/reading"}, system(timezone="Europe/Bratislava")),
    ("together", {"change/run-order"}, put(True, "together")),
    ("after", {"change/run-order"}, put(["firms"], "after")),
    ("switched off", {"change/enabled"}, put(False, "enabled")),
    ("a share of the pairs", {"change/rollout"}, put({"percent": 10}, "rollout")),
    ("a limit", {"change/limits"}, put(3, "limits", "create")),
    ("how often a write may be taken back", {"change/limits"}, put(5, "oscillation")),
    ("labels", {"change/labels"}, put("labels.csv", "match", "labels")),
    ("golden", {"change/golden"}, put({"name": "newest"}, "match", "golden")),
    ("the order of fields", {"change/field-order"}, reordered),
    ("a newer contract that says the same", {"change/names"},
        lambda files: files.update({"schemas/crm/account/1.1.0.json": files["schemas/crm/account/1.0.0.json"]})),
    ("a description", {"change/notes"}, schema("name", **TEXT, description="As registered.", **{"x-pii": True})),
    ("nothing but the default, written out", set(), put("propagate", "fields", "web", "on_null")),
    ("rows in another order", set(), words(rows=[["Lost", "shut"], ["Won", "open"]])),
]  # fmt: skip
ROOTS: dict[str, Path] = {}


@pytest.fixture(scope="module", autouse=True)
def _roots(tmp_path_factory: pytest.TempPathFactory) -> None:
    ROOTS["old"], ROOTS["new"] = tmp_path_factory.mktemp("old"), tmp_path_factory.mktemp("new")


def edited(*edits: Edit) -> tuple[Definition, Definition]:
    """The definition before and after."""
    root = ROOTS["new"]
    for file in [each for each in root.rglob("*") if each.is_file()]:
        file.unlink()
    files = project()
    before = definition(ROOTS["old"], files)
    files = deepcopy(files)
    for edit in edits:
        edit(files)
    return before, definition(root, files)


def rules(found: tuple[Change, ...]) -> set[str]:
    return {each.rule for each in found}


@pytest.mark.parametrize(("expected", "edit"), [row[1:] for row in EDITS], ids=[row[0] for row in EDITS])
def test_a_change_has_its_rule_and_nothing_else_is_told(expected: set[str], edit: Edit) -> None:
    old, new = edited(edit)
    found = changes(old, new)
    assert rules(found) == expected
    assert (old.hash == new.hash) == all(each.level == "cosmetic" for each in found)
    assert all(each.message and each.at.file and each.at.line for each in found)


def test_every_rule_has_an_example() -> None:
    of_mappings = {"change/mapping-added", "change/mapping-removed", "change/mapping-renamed"}
    assert set().union(*(row[1] for row in EDITS)) == CHANGES.keys() - of_mappings


def test_a_definition_comes_back_from_the_ledger_as_it_went() -> None:
    old, new = edited(put("pm", "fields", "ico", "owner"))
    back = Definition.from_json(from_json(to_json(old.to_json())))
    assert back == old
    assert back.hash == old.hash
    assert changes(back, old) == ()
    assert rules(changes(back, new)) == {"change/owner"}


def test_a_change_names_the_field_the_sides_and_the_place() -> None:
    (found,) = changes(*edited(put("pm", "fields", "ico", "owner")))
    lines = (ROOTS["new"] / "mappings/firms.yaml").read_text("utf-8").splitlines()
    assert found.message == "ico: owner crm -> pm"
    assert found.field == "ico"
    assert found.at.file == (ROOTS["new"] / "mappings/firms.yaml").as_posix()
    assert lines[found.at.line - 1].strip().startswith('"owner": "pm"')


def test_a_narrower_contract_is_told_with_the_first_places_that_narrow() -> None:
    places = [schema(name, type=["string", "null"], maxLength=20) for name in ("ico", "name", "notes", "web")]
    (one,) = changes(*edited(*places[:1]))
    assert one.message.endswith("do not keep it any more (ico: maxLength 20, before 80)")
    (found,) = changes(*edited(*places))
    assert "; notes: maxLength 20, before 80; and 1 more)" in found.message
    (wider,) = changes(*edited(schema("name", type=["string", "null"], maxLength=90)))
    assert wider.message.endswith("every record that kept it keeps it still (name: maxLength 90, before 80)")


def test_what_was_not_written_is_called_nothing() -> None:
    (found,) = changes(*edited(put("kind == 'external'", "scope", "pm")))
    assert found.message == "scope of pm: nothing -> kind == 'external'"


def test_sides_that_change_places_are_other_records() -> None:
    def swap(files: Project) -> None:
        between = at("between")(files)
        between["crm"] = between.pop("crm")

    found = changes(*edited(swap))
    assert [each.message for each in moves_links(found)] == [
        "pm is pm.customer now, and was crm.account",
        "crm is crm.account now, and was pm.customer",
    ]


def test_what_is_breaking_comes_first() -> None:
    found = changes(*edited(put(3, "limits", "create"), put("pm", "fields", "ico", "owner"), put(False, "enabled")))
    assert [each.level for each in found] == ["breaking", "additive", "cosmetic"]


@given(st.lists(st.sampled_from(EDITS), min_size=2, max_size=4, unique_by=lambda row: row[0]))
def test_a_hash_changes_exactly_when_something_that_counts_is_told(rows: list[tuple[str, set[str], Edit]]) -> None:
    try:
        old, new = edited(*(edit for _, _, edit in rows))
    except (KeyError, AssertionError):  # they take away what the other one edits
        return
    found = changes(old, new)
    assert (old.hash != new.hash) == any(each.level != "cosmetic" for each in found)
    assert changes(new, new) == ()
    assert bool(rules(changes(new, old))) == bool(found)


# Bases ----------------------------------------------------------------------------------------------------------

BASE = {name: Agreed((name, name)) for name in ("name", "ico", "web", "notes")}


def test_an_owner_flip_keeps_what_was_agreed() -> None:
    found = changes(*edited(put("pm", "fields", "ico", "owner")))
    assert carried(found).over(BASE) == BASE


def test_a_field_that_lies_elsewhere_loses_what_was_agreed_and_one_that_is_renamed_keeps_it() -> None:
    found = changes(*edited(put("more", "fields", "ico", "crm"), rename_field, drop("fields", "notes")))
    assert carried(found).over(BASE) == {"name": BASE["name"], "website": BASE["web"]}


def test_two_fields_that_swap_their_names_swap_what_was_agreed() -> None:
    def swap(files: Project) -> None:
        fields = at("fields")(files)
        fields["web"], fields["ico"] = fields["ico"], fields["web"]

    old, new = edited(swap)
    assert renamed(old, new) == {}  # both names are there still: each is another field now
    assert carried(changes(old, new)).over(BASE).keys() == {"name", "notes"}


@pytest.mark.parametrize(
    "edit", [entity(key="name"), put({"entity": "other", "contract": "crm.account@1"}, "between", "crm")]
)
def test_other_keys_make_links_worthless(edit: Edit) -> None:
    assert moves_links(changes(*edited(edit)))
    assert not moves_links(changes(*edited(put("pm", "fields", "ico", "owner"))))
