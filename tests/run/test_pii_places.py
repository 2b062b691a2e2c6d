"""Whatever a mapping reads of a person stands in the report: lists in lists, what is embedded, what is looked up, and
what only decides something."""

from __future__ import annotations

from typing import Any

from crmsync.run.people.pii import Kept, findings, pii_report
from tests.run.bench import ENTITY, Bench, Spec, mapping, plain

TEXT: Spec = {"type": ["string", "null"]}
PII: Spec = {**TEXT, "x-pii": True, "x-legal-basis": "contract"}


def schema(**properties: Any) -> Spec:
    return {"type": "object", "properties": {"id": {"type": "integer"}, **properties}}


def reported(*mappings: Spec, **more: Any) -> dict[str, Kept]:
    with Bench(*mappings, **more) as bench:
        return {f"{each.entity} {each.place.text}": each for each in pii_report(bench.world.project)}


def goes(kept: Kept) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(each.field, each.to, each.through) for each in kept.goes]


def test_what_stands_in_lists_of_lists_flows_from_there() -> None:
    people: Spec = {"type": "array", "items": {"type": "object", "properties": {"mail": PII, "level": TEXT}}}
    lines: Spec = {"type": "array", "items": {"type": "object", "properties": {"people": people, "who": PII}}}
    fields = {
        "mails": {"crm": "lines[].people[].mail", "pm": "mails", "owner": "crm"},
        "first": {"crm": "lines[0].who", "pm": "first", "owner": "crm"},
        "levels": {"crm": "lines[].people[].level", "pm": "levels", "owner": "crm"},
    }
    listed: Spec = {"type": ["array", "null"], "items": PII}
    theirs = schema(mails=listed, first=TEXT, levels={"type": ["array", "null"]})
    found = reported(mapping(fields), schemas={"crm.thing": schema(lines=lines), "pm.thing": theirs})
    assert goes(found["crm.thing lines[].people[].mail"]) == [("mails", "pm.thing mails", ())]
    assert goes(found["crm.thing lines[].who"]) == [("first", "pm.thing first", ())]
    assert found["crm.thing lines[].who"].goes[0].marked is False
    assert "crm.thing lines[].people[].level" not in found
    assert [each.rule for each in findings(list(found.values()))] == ["pii/unmarked"]


def test_what_is_told_of_an_element_of_a_list_that_is_a_record_of_its_own_flows() -> None:
    fields = {"who": {"crm": "line.who", "pm": "who", "owner": "crm", "to_pm": ["trim"]}}
    line: Spec = {"type": "object", "properties": {"no": {"type": "integer"}, "who": PII}}
    crm = {"thing": {**ENTITY, "key": ["id", "line.no"], "each": "lines", "as": "line"}}
    found = reported(
        mapping(fields),
        schemas={"crm.thing": schema(line=line), "pm.thing": schema(who=PII)},
        entities={"crm": crm, "pm": {"thing": ENTITY}},
    )
    assert goes(found["crm.thing line.who"]) == [("who", "pm.thing who", ("trim",))]


def test_what_is_embedded_flows_and_so_is_told_what_it_is_embedded_by() -> None:
    boss: Spec = {"type": ["object", "null"], "properties": {"mail": PII, "name": PII}}
    fields = {"boss": {"crm": "boss.name", "pm": "boss", "owner": "crm"}}
    crm = {"thing": {**ENTITY, "embed": {"boss": {"entity": "person", "by": "boss_mail"}}}, "person": {"key": "mail"}}
    found = reported(
        mapping(fields),
        schemas={"crm.thing": schema(boss=boss, boss_mail=PII), "pm.thing": schema(boss=PII)},
        entities={"crm": crm, "pm": {"thing": ENTITY}},
    )
    assert goes(found["crm.thing boss.name"]) == [("boss", "pm.thing boss", ())]
    assert found["crm.thing boss.name"].used == ("embedded from crm.person by boss_mail",)
    assert found["crm.thing boss_mail"].used == ("embed of crm.person",)
    assert not found["crm.thing boss.mail"].goes


def test_what_is_looked_up_by_an_e_mail_and_what_is_taken_for_it_are_told() -> None:
    by_mail = {"entity": "pm.user", "by": "mail"}
    fields = {
        "owner": {"crm": "mail", "pm": "owner", "owner": "crm", "to_pm": [{"lookup": {**by_mail, "take": "id"}}]},
        "named": {"crm": "mail", "pm": "named", "owner": "crm", "to_pm": [{"lookup": {**by_mail, "take": "name"}}]},
    }
    users = {
        **mapping(plain("name", "pm"), between={
            "crm": {"entity": "user", "contract": "crm.user@1"}, "pm": {"entity": "user", "contract": "pm.user@1"},
        }),
        "mapping": "users",
    }  # fmt: skip
    found = reported(
        mapping(fields),
        users,
        schemas={
            "crm.thing": schema(mail=PII),
            "pm.thing": schema(owner={"type": ["integer", "null"]}, named=TEXT),
            "crm.user": schema(name=PII),
            "pm.user": schema(mail=PII, name=PII),
        },
        entities={name: {"thing": ENTITY, "user": ENTITY} for name in ("crm", "pm")},
    )
    assert goes(found["crm.thing mail"]) == [
        ("owner", "pm.thing owner", ("lookup in pm.user by mail",)),
        ("named", "pm.thing named", ("lookup in pm.user by mail",)),
    ]
    assert found["pm.user mail"].used == ("lookup of things by owner", "lookup of things by named")
    assert goes(found["pm.user name"]) == [
        ("name", "crm.user name", ()), ("named", "pm.thing named", ("lookup by mail",)),
    ]  # fmt: skip
    assert [each.message for each in findings(list(found.values()))] == [
        "name of pm.user flows to pm.thing named, which is not marked (mapping things)"
    ]


def test_what_only_decides_something_is_told_with_what_it_decides() -> None:
    fields = {
        **plain("mail", when={"crm": "consent == 'yes'"}),
        **plain("note", "shared"),
        "x": {"crm": "x", "pm": "x", "owner": "crm"},
    }
    spec = mapping(
        fields,
        scope={"crm": "born != '1900'", "pm": "note != 'x'"},
        match={"decide": ["mail"], "compare": {"note": {"as": "text"}}},
        create={"pm": {"when": {"crm": "phone != `null`"}}},
        rollout={"crm": "town == 'Nitra'"},
        checks=[{"crm": "sum", "equals": "salary", "within": 1, "else": "warn"}],
    )
    marked = dict.fromkeys(("mail", "note", "consent", "born", "phone", "town", "gone", "code"), PII)
    entity = {**ENTITY, "deleted": "gone == 'y'", "natural_key": ["code"]}
    number: Spec = {"type": ["integer", "null"], "x-pii": True}
    found = reported(
        spec,
        schemas={
            "crm.thing": schema(**marked, sum=number, salary=number, x=TEXT),
            "pm.thing": schema(mail=PII, note=PII, x=TEXT),
        },
        entities={"crm": {"thing": entity}, "pm": {"thing": ENTITY}},
    )
    assert {name.removeprefix("crm.thing "): each.used for name, each in found.items() if each.used} == {
        "born": ("scope of things",), "code": ("natural key",), "consent": ("when of things by mail",),
        "gone": ("deleted",), "mail": ("match of things by mail",), "note": ("match of things by note",),
        "phone": ("create of things",), "salary": ("checks of things",), "sum": ("checks of things",),
        "town": ("rollout of things",), "pm.thing mail": ("match of things by mail",),
        "pm.thing note": ("scope of things", "match of things by note"),
    }  # fmt: skip
