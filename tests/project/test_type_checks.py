"""What the types of a mapping speak against. ‹ marks the place where the finding is expected."""

import json
from pathlib import Path

import pytest

from crmsync.core.model import At, Finding
from crmsync.project import load_project

PROJECT = """\
version: 1
systems:
  crm: {connector: memory, entities: {account: {key: id}}}
  pm: {connector: memory, entities: {customer: {key: id}}}
  erp: {connector: memory, entities: {party: {key: id}}}
"""
TABLES = """\
status:
  columns: [crm, pm]
  rows: [[Won, open], [Signed, open], [Closed, done]]
  prefer: {pm: {open: Won}}
country:
  columns: [crm, pm]
  rows: [[Slovakia, SK], [Czechia, CZ]]
  unmapped: hold
stage:
  columns: [crm, pm]
  rows: [[A, one], [B, one], [C, two]]
"""
MAPPING = """\
version: 1
mapping: account-customer
between:
  crm: {{entity: account, contract: crm.account@1}}
  pm: {{entity: customer, contract: pm.customer@1}}
{more}
fields:
  {field}
"""


def contract(x, *, required=(), **others):
    """A closed contract with a property x."""
    properties = {"id": {"type": "integer", "readOnly": True}, "x": x, **others}
    schema = {"type": "object", "additionalProperties": False, "required": ["id", *required], "properties": properties}
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


class Pair:
    """A project with one mapping of one field."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.expected: At | None = None
        self.write("crmsync.yaml", PROJECT)
        self.write("mappings/reference/tables.yaml", TABLES)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        before, mark, after = text.partition("‹")
        if mark:
            self.expected = At(path.as_posix(), before.count("\n") + 1, len(before) - before.rfind("\n"))
        path.write_text(before + after)

    def check(self, source, target, field: str, more: str = "") -> list[Finding]:
        """All findings but for what is not read."""
        self.write("schemas/crm/account/1.0.0.json", source if isinstance(source, str) else contract(source))
        self.write("schemas/pm/customer/1.0.0.json", target if isinstance(target, str) else contract(target))
        self.write("mappings/account-customer.yaml", MAPPING.format(field=field, more=more))
        return [each for each in load_project(self.root).findings if each.rule != "contract/unread"]


@pytest.fixture
def pair(tmp_path):
    return Pair(tmp_path)


def text(least=0, most=None, null=False, **more):
    limits = {**({"minLength": least} if least else {}), **({"maxLength": most} if most is not None else {})}
    return {"type": ["string", "null"] if null else "string", **limits, **more}


def number(null=False, **more):
    return {"type": ["number", "null"] if null else "number", **more}


def listing(items, **more):
    return {"type": "array", "items": items, **more}


DATE, MOMENT, EMAIL = ({"type": "string", "format": name} for name in ("date", "date-time", "email"))
TRUTH, WHOLE, OBJECT = {"type": "boolean"}, {"type": "integer"}, {"type": "object"}
STATUS = {"enum": ["open", "done"]}
TO_PM = "x: {crm: ‹x, pm: x, owner: crm}"
BROKEN = [
    # lengths
    (text(most=255), text(most=200), TO_PM, "type/length", "201-255 characters that the target rejects: such as a text",
     "add {truncate: 200} to to_pm"),
    (text(), text(most=40), TO_PM, "type/length", "more than 40 characters", "add {truncate: 40} to to_pm"),
    (text(most=41), text(most=40), TO_PM, "type/length", "41 characters, which the target rejects", "{truncate: 40}"),
    (text(most=100), text(most=50), "x: {crm: ‹x, pm: x, owner: crm, to_pm: [trim, {truncate: 60}]}", "type/length",
     "51-60 characters", "{truncate: 50}"),
    (text(), text(least=1), TO_PM, "type/length", "empty text", 'add {null_if: ""} to to_pm, and {default: ...}'),
    (text(), text(least=1, null=True), TO_PM, "type/length", "empty text", 'add {null_if: ""} to to_pm'),
    (text(least=1), text(least=3), TO_PM, "type/length", "fewer than 3 characters", "let the contract of the source"),
    (text(most=20), text(most=20, least=5), TO_PM, "type/length", "fewer than 5 characters", "let the contract"),
    (listing(text(most=10), maxItems=9), text(most=50), 'x: {crm: ‹x, pm: x, owner: crm, to_pm: [{concat: ", "}]}',
     "type/length", "51-106 characters", "{truncate: 50}"),
    (listing(text(most=9)), listing(text(most=9), maxItems=5), TO_PM, "type/length", "more than 5 elements", "[:5]"),
    (listing(text(most=9)), listing(text(most=5)), TO_PM, "type/length", "in a list 6-9 characters", "{truncate: 5}"),
    # null
    (text(null=True), text(), TO_PM, "type/null", "x gives pm.customer@1.0.0 x null, which the target does not take",
     "add {default: ...} to to_pm, or write on_null: keep"),
    (text(least=1, null=True), text(least=1), 'x: {crm: ‹x, pm: x, owner: crm, to_pm: [trim]}', "type/null", "null",
     "on_null: keep"),
    (text(), text(least=1), 'x: {crm: ‹x, pm: x, owner: crm, to_pm: [{null_if: ""}]}', "type/null", "null", "default"),
    ({"enum": ["Won", None]}, STATUS, "x: {crm: ‹x, pm: x, owner: crm, to_pm: [{lookup: status}]}", "type/null",
     "null", "on_null: keep"),
    (listing(text(null=True)), listing(text()), TO_PM, "type/null", "in a list null", "default"),
    # kinds
    (number(), text(), TO_PM, "type/kind", "a number where text is asked: such as", "add to_text to to_pm"),
    (text(), number(), TO_PM, "type/kind", "text where a number is asked", "add to_number to to_pm"),
    (TRUTH, text(), TO_PM, "type/kind", "a boolean where text is asked", "boolean_text: {true: ..., false: ...}"),
    (text(), TRUTH, TO_PM, "type/kind", "text where a boolean is asked", "add boolean to to_pm"),
    (TRUTH, number(), TO_PM, "type/kind", "a boolean where a number", "{boolean_text: {true: 1, false: 0}}"),
    (listing(text()), text(), TO_PM, "type/kind", "a list where text is asked", 'add {concat: ", "} to to_pm'),
    (text(), listing(text()), TO_PM, "type/kind", "text where a list is asked", 'add {split: ","} to to_pm'),
    (OBJECT, text(), TO_PM, "type/kind", "an object where text is asked", "map a path inside the object"),
    (text(), {"type": "null"}, TO_PM, "type/kind", "text where", "map another path"),
    # formats and patterns
    (MOMENT, DATE, TO_PM, "type/format", "a date-time where a date is asked", "add {date_of: Europe/Bratislava}"),
    (DATE, MOMENT, TO_PM, "type/format", "a date where a date-time is asked", "add {datetime: {format:"),
    (text(), DATE, TO_PM, "type/format", "text where a date is asked", "add {date: FORMAT}"),
    (text(), EMAIL, TO_PM, "type/format", "text where an e-mail address is asked", "add email to to_pm"),
    (text(), text(pattern="^[+][1-9][0-9]{6,14}$"), TO_PM, "type/pattern", "does not match ^[+]", "add phone to to_pm"),
    (text(), text(pattern="^[0-9]{8}$"), TO_PM, "type/pattern", "does not match ^[0-9]{8}$", "add company_id to to_pm"),
    (text(pattern="^[A-Za-z]{2}$"), text(pattern="^[A-Z]{2}$"), TO_PM, "type/pattern", "such as", "add upper"),
    # numbers
    (number(multipleOf=0.0001), number(multipleOf=0.01), TO_PM, "type/precision",
     "numbers with 4 places, the target takes 2", "add {round: 2} to to_pm"),
    (number(), number(multipleOf=0.01), TO_PM, "type/precision", "the target takes 2", "{round: 2}"),
    (number(), WHOLE, TO_PM, "type/precision", "a fraction where whole ones are asked", "{round: 0}"),
    (WHOLE, number(multipleOf=5), TO_PM, "type/precision", "no multiples of 5", "round them"),
    (number(), number(minimum=0), TO_PM, "type/range", "numbers below 0, which the target rejects", "{multiply: ...}"),
    (number(minimum=0), number(minimum=0, maximum=1), TO_PM, "type/range", "numbers above 1", "convert the unit"),
    (number(minimum=0, maximum=100), number(minimum=0, maximum=1),
     "x: {crm: ‹x, pm: x, owner: crm, to_pm: [{multiply: 0.1}]}", "type/range", "above 1", "convert the unit"),
    (WHOLE, number(exclusiveMinimum=0), "x: {crm: ‹x, pm: x, owner: crm}", "type/range", "0 or less", "convert"),
    # values
    ({"enum": ["a", "b"]}, {"enum": ["a", "c"]}, TO_PM, "type/enum", "a value that the target does not know: b",
     "translate with a lookup, or drop the value; the target has a, c"),
    ({"enum": ["a", "b", "d"]}, {"enum": ["a"]}, TO_PM, "type/enum", "values that the target does not know: b, d",
     "translate with a lookup"),
    (text(), STATUS, TO_PM, "type/enum", "text that is none of: open, done", "translate with a lookup"),
    ({"enum": ["Won", "Prospect", "Lost"]}, STATUS, "x: {crm: x, pm: x, owner: crm, to_pm: [‹{lookup: status}]}",
     "type/unmapped", "enum values without a target: Prospect, Lost (unmapped: reject)", "a row for each to status"),
    ({"enum": ["Slovakia", "Poland"]}, text(), "x: {crm: x, pm: x, owner: crm, to_pm: [trim, ‹{lookup: country}]}",
     "type/unmapped", "without a target: Poland (unmapped: hold)", "add a row"),
    ({"enum": ["Won", "Lost"]}, STATUS, "x: {crm: ‹x, pm: x, owner: crm, "
     "to_pm: [{lookup: {table: status, unmapped: {value: lost}}}]}", "type/enum", "lost", "the target has open, done"),
    # transforms
    (TRUTH, number(), "x: {crm: x, pm: x, owner: crm, to_pm: [‹{round: 2}]}", "type/unfit", "round never takes",
     "put a transform before it"),
    (number(), text(), "x: {crm: x, pm: x, owner: crm, to_pm: [‹trim]}", "type/unfit", "trim never takes number",
     "put a transform before it"),
    # there and back
    (number(), number(), "x: {crm: x, pm: x, owner: shared, to_pm: [‹{multiply: 100}], to_crm: [{multiply: 0.1}]}",
     "type/round-trip", "field x does not lead back: crm `1` is pm `100`", "let to_crm undo to_pm"),
    # expressions
    (text(null=True), text(), 'x: {crm: "‹x || id", pm: x, owner: crm, to_pm: [{default: a}]}', "type/kind",
     "a number where text is asked", "to_text"),
    ({"enum": ["a", "b"]}, TRUTH, "x: {crm: \"x ‹== 'c'\", pm: x, owner: crm}", "type/always",
     "x == 'c' is always false", "a, b"),
    (listing(text(), maxItems=3), number(), 'x: {crm: "‹lenght", pm: x, owner: crm}', "mapping/unknown-path",
     "does not declare 'lenght'", "it has"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "target", "field", "rule", "message", "mend"), BROKEN)
def test_a_misfit_is_named_with_its_place_and_how_to_mend_it(pair, source, target, field, rule, message, mend):
    findings = pair.check(source, target, field)
    assert [each.rule for each in findings] == [rule], findings
    (found,) = findings
    assert message in found.message
    assert mend in found.mend
    assert found.at == pair.expected


SOUND = [
    (text(most=255), text(most=200), "x: {crm: x, pm: x, owner: crm, to_pm: [{truncate: 200}]}"),
    (text(null=True), text(), "x: {crm: x, pm: x, owner: crm, to_pm: [{default: none}]}"),
    (text(null=True), text(), "x: {crm: x, pm: x, owner: crm, on_null: keep}"),
    (MOMENT, DATE, "x: {crm: x, pm: x, owner: crm, to_pm: [{date_of: UTC}]}"),
    (DATE, MOMENT, 'x: {crm: x, pm: x, owner: crm, to_pm: [{datetime: {format: "%Y-%m-%d", zone: UTC}}]}'),
    (number(), number(multipleOf=0.01), "x: {crm: x, pm: x, owner: crm, to_pm: [{round: 2}]}"),
    (number(), WHOLE, "x: {crm: x, pm: x, owner: crm, to_pm: [{round: 0}]}"),
    (number(minimum=0, maximum=100), number(minimum=0, maximum=1), "x: {crm: x, pm: x, owner: crm, to_pm: "
     "[{multiply: 0.01}]}"),
    (text(), text(least=1, null=True), 'x: {crm: x, pm: x, owner: crm, to_pm: [trim, {null_if: ""}]}'),
    (text(null=True), text(pattern="^[+][1-9][0-9]{6,14}$", null=True), "x: {crm: x, pm: x, owner: crm, to_pm: "
     "[{phone: SK}]}"),
    (text(null=True), text(pattern="^[0-9]{5,12}$", null=True), "x: {crm: x, pm: x, owner: crm, to_pm: [company_id]}"),
    (text(most=254), text(format="email", most=254), "x: {crm: x, pm: x, owner: crm, to_pm: [email]}"),
    ({"enum": ["Won", "Closed", None]}, {"enum": ["open", "done", None]}, "x: {crm: x, pm: x, owner: shared, to_pm: "
     "[{lookup: status}]}"),
    ({"enum": ["Won", "Lost"]}, {"enum": ["open", "lost"]}, "x: {crm: x, pm: x, owner: crm, to_pm: "
     "[{lookup: {table: status, unmapped: {value: lost}}}]}"),
    (TRUTH, text(most=3), "x: {crm: x, pm: x, owner: crm, to_pm: [{boolean_text: {true: yes, false: no}}]}"),
    (listing(text(most=5), maxItems=3), text(most=19), 'x: {crm: x, pm: x, owner: crm, to_pm: [{concat: ", "}, '
     "{default: none}]}"),
    (text(), listing(text()), 'x: {crm: x, pm: x, owner: crm, to_pm: [{split: ","}]}'),
    (number(), number(), "x: {crm: x, pm: x, owner: shared, to_pm: [{multiply: 8}], to_crm: [{multiply: 0.125}]}"),
    ({}, {"enum": ["a"]}, "x: {crm: x, pm: x, owner: crm}"),  # nothing is known, so nothing is said
    (text(), {"type": "string", "readOnly": True}, "x: {crm: x, pm: x, owner: pm}"),
    ({"anyOf": [text(most=3), WHOLE]}, {"type": ["integer", "string"]}, "x: {crm: x, pm: x, owner: crm}"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "target", "field"), SOUND)
def test_the_mend_of_a_misfit_is_clean(pair, source, target, field):
    assert pair.check(source, target, field) == []


def test_what_the_scope_rules_out_is_no_misfit(pair):
    source = contract({"enum": ["a", "b"]}, name=text(null=True))
    target = contract({"enum": ["a"]}, name=text())
    fields = 'x: {crm: x, pm: x, owner: crm}\n  name: {crm: name, pm: name, owner: crm, when: {crm: "name != `null`"}}'
    assert pair.check(source, target, fields, "scope: {crm: \"x == 'a'\"}") == []
    assert [each.rule for each in pair.check(source, target, fields)] == ["type/enum"]


def test_what_a_contract_rules_out_for_several_properties_together_is_no_misfit(pair):
    source = json.loads(contract(text(null=True), kind={"enum": ["a", "b"]}, required=["kind"]))
    source |= {"if": {"properties": {"kind": {"const": "a"}}}, "then": {"properties": {"x": {"type": "string"}}}}
    field, scope = "x: {crm: x, pm: x, owner: crm}", "scope: {crm: \"kind == 'a'\"}"
    assert pair.check(json.dumps(source), text(), field, scope) == []
    assert [each.rule for each in pair.check(json.dumps(source), text(), field)] == ["type/null"]


CREATE = "create: {pm: always}"


def test_what_may_be_absent_cannot_fill_what_is_required(pair):
    target = contract(text(), required=["x"])
    (found,) = pair.check(contract(text()), target, "x: {crm: ‹x, pm: x, owner: crm}", CREATE)
    assert (found.rule, found.at) == ("type/required", pair.expected)
    assert found.message == "crm.account@1.0.0 may lack x, and pm.customer@1.0.0 requires x"
    assert "write default: {pm: ...}" in found.mend
    assert pair.check(contract(text()), target, "x: {crm: x, pm: x, owner: crm, default: {pm: a}}", CREATE) == []
    assert pair.check(contract(text(), required=["x"]), target, "x: {crm: x, pm: x, owner: crm}", CREATE) == []


def test_a_null_that_is_kept_back_does_not_fill_what_is_required(pair):
    source, target = contract(text(null=True), required=["x"]), contract(text(), required=["x"])
    (found,) = pair.check(source, target, "x: {crm: ‹x, pm: x, owner: crm, on_null: keep}", CREATE)
    assert (found.rule, found.at) == ("type/required", pair.expected)
    assert found.message == "null of x is not sent, and pm.customer@1.0.0 requires x"


def test_a_gate_may_keep_back_what_is_required(pair):
    source, target = contract(text(), required=["x"]), contract(text(), required=["x"])
    (found,) = pair.check(source, target, "x: {crm: ‹x, pm: x, owner: crm, when: {crm: \"x != 'a'\"}}", CREATE)
    assert (found.rule, found.severity, found.at) == ("type/required", "warning", pair.expected)


def test_a_default_saves_the_create_but_no_later_null(pair):
    target = contract(text(), required=["x"])
    (found,) = pair.check(text(null=True), target, "x: {crm: ‹x, pm: x, owner: crm, default: {pm: a}}", CREATE)
    assert (found.rule, found.severity) == ("type/null", "warning")
    assert "default: fills it on create only" in found.mend


def test_the_way_back_of_a_shared_field_is_checked_too(pair):
    (found,) = pair.check(text(most=40), text(most=60), "x: {crm: x, pm: ‹x, owner: shared}")
    assert (found.rule, found.at) == ("type/length", pair.expected)
    assert "x gives crm.account@1.0.0 x 41-60 characters" in found.message
    assert found.mend == "add {truncate: 40} to to_crm"


def test_colliding_keys_of_a_table_are_listed(pair):
    (found,) = pair.check(text(), text(), "x: {crm: x, pm: x, owner: shared, to_pm: [‹{lookup: stage}]}")
    assert (found.rule, found.at) == ("mapping/no-inverse", pair.expected)
    assert "A and B are both one" in found.message


def test_what_a_contract_declares_and_nobody_reads_is_an_info(pair):
    source = contract(text(), name=text(), address={"type": "object", "properties": {"city": text(), "zip": text()}})
    pair.write("schemas/crm/account/1.0.0.json", source)
    pair.write("schemas/pm/customer/1.0.0.json", contract(text()))
    field = "x: {crm: \"join(' ', [x, address.city] || `[]`)\", pm: x, owner: crm}"
    text_of = MAPPING.format(field=field, more="").replace("contract: crm", "contract: ‹crm")
    pair.write("mappings/account-customer.yaml", text_of)
    (found,) = (each for each in load_project(pair.root).findings if each.rule == "contract/unread")
    assert (found.severity, found.at) == ("info", pair.expected)
    assert found.message == "crm.account@1.0.0 declares what is not read: address.zip, name"


SECOND = """\
version: 1
mapping: customer-party
between:
  pm: {{entity: customer, contract: pm.customer@1}}
  erp: {{entity: party, contract: erp.party@1}}
{after}
fields:
  title: {{pm: ‹x, erp: x, owner: pm}}
"""


def test_mappings_that_share_an_entity_agree_on_its_owners(pair):
    pair.write("schemas/erp/party/1.0.0.json", contract(text()))
    pair.write("mappings/second.yaml", SECOND.format(after=""))
    (found,) = pair.check(text(), text(), "x: {crm: x, pm: x, owner: crm}")
    assert (found.rule, found.severity, found.at) == ("mapping/owner-conflict", "warning", pair.expected)
    assert found.message == (
        "pm.customer x is owned by crm in mapping account-customer (field x), and by pm here"
    )  # fmt: skip
    assert found.mend == "agree on one owner; or, to pass its value on, write after: [account-customer]"
    pair.write("mappings/second.yaml", SECOND.format(after="after: [account-customer]"))
    assert pair.check(text(), text(), "x: {crm: x, pm: x, owner: crm}") == []


def test_a_contract_with_a_bad_example_still_tells_types(pair):
    source = json.loads(contract(text(most=255)))
    source = json.dumps({**source, "examples": [{"id": "one"}]})
    found = pair.check(source, text(most=200), "x: {crm: x, pm: x, owner: crm}")
    assert [each.rule for each in found] == ["type/length", "contract/bad-example"]


def test_of_a_contract_that_is_not_sound_only_that_is_said(pair):
    source = json.loads(contract(listing(text()))) | {"nullable": True}
    found = pair.check(json.dumps(source), text(), "x: {crm: \"join(', ', x)\", pm: x, owner: crm}")
    assert [each.rule for each in found] == ["contract/unknown-keyword"]


def test_a_record_is_an_object_though_its_contract_does_not_say_so(pair):
    source = json.dumps({"properties": {"id": WHOLE, "x": text(null=True)}})
    (found,) = pair.check(source, number(), 'x: {crm: "length(x)", pm: x, owner: crm}')
    assert found.message.endswith("as for the record `{}`")


SHARP = [
    (number(minimum=0, exclusiveMaximum=100), {"type": "integer", "exclusiveMaximum": 100}, "[{round: 0}]",
     "type/range", "such as `99.9`, which becomes `100`"),
    (number(minimum=0, maximum=999, multipleOf=0.01), text(most=5), "[to_text]", "type/length", "'998.99'"),
    (text(most=40), listing(text(), maxItems=2), '[{split: ","}]', "type/length", "such as ',,'"),
    (text(most=40), text(most=40), '[{split: ","}, {concat: ", "}, {default: none}]', "type/length", "a text of"),
    (text(most=10), text(most=10), '[{replace: {find: "&", with: " and "}}]', "type/length", "such as '&&&'"),
    (text(most=10), {"type": "string", "not": {"const": "X"}}, "[upper]", "type/value", "such as 'X'"),
    (text(most=10), {"type": "string", "not": {"enum": ["X", "Y"]}}, "[trim]", "type/value", "such as 'X'"),
    (text(), number(maximum=1000), "[to_number]", "type/range", "numbers above 1000"),
    (text(pattern="^[0-9]E[0-9]{2}$"), number(maximum=1000), "[to_number]", "type/range", "such as '2E10'"),
    ({"type": "object", "additionalProperties": text()}, {"type": "object", "additionalProperties": text(most=3)}, "[]",
     "type/value", "values that the target rejects: such as"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "target", "chain", "rule", "message"), SHARP)
def test_what_grows_or_lies_at_an_edge_is_found(pair, source, target, chain, rule, message):
    (found,) = pair.check(source, target, f"x: {{crm: ‹x, pm: x, owner: crm, to_pm: {chain}}}")
    assert (found.rule, found.severity, found.at) == (rule, "error", pair.expected)
    assert message in found.message


def test_letters_that_become_several_are_but_a_warning(pair):
    (found,) = pair.check(text(most=3), text(most=3), "x: {crm: ‹x, pm: x, owner: crm, to_pm: [upper]}")
    assert (found.rule, found.severity, found.at) == ("type/length", "warning", pair.expected)
    assert "such as 'ßß', which becomes 'SSSS'" in found.message


LONG = [
    ("join(' ', [x, y])", text(most=100), "101-161 characters that the target rejects: such as a text of 161"),
    ("sum([x, y])", number(maximum=100), "numbers above 100, which the target rejects: such as"),
    ("[x, y][]", listing({}, maxItems=7), "8-10 elements that the target rejects: such as"),
]


@pytest.mark.parametrize(("text_of", "target", "message"), LONG)
def test_an_expression_is_tried_on_records_in_which_all_is_long(pair, text_of, target, message):
    kinds = {"join": text(most=80), "sum(": number(minimum=0, maximum=60), "[x, ": listing(text(), maxItems=5)}
    each = kinds[text_of[:4]]
    source = contract(each, required=["x", "y"], y=each)
    (found,) = pair.check(source, target, f'x: {{crm: "‹{text_of}", pm: x, owner: crm}}')
    assert (found.severity, found.at) == ("error", pair.expected)
    assert message in found.message


def test_what_is_cut_on_its_way_does_not_come_back(pair):
    field = "x: {crm: x, pm: x, owner: shared, to_pm: [‹{truncate: 40}], to_crm: []}"
    (found,) = pair.check(text(most=100), text(most=40), field)
    assert (found.rule, found.severity, found.at) == ("type/round-trip", "error", pair.expected)
    assert "field x does not lead back: crm a text of 41 characters is pm" in found.message


def test_what_is_but_spelled_otherwise_comes_back(pair):
    field = "x: {crm: x, pm: x, owner: shared, to_pm: [{multiply: 8}]}"
    assert pair.check(contract({"type": ["string", "number"]}), number(), field) == []
    tolerant = "to_pm: [{multiply: 8}], to_crm: [{multiply: {by: 0.125, places: 2}}], equal_within: 0.05}"
    assert pair.check({}, {}, f"x: {{crm: x, pm: x, owner: shared, {tolerant}") == []
    assert pair.check(number(), number(), f"x: {{crm: x, pm: x, owner: shared, {tolerant}") == []


CHECK = "checks:\n  - {{crm: ‹{0}, equals: {1}, within: 0.01, else: reject}}"


@pytest.mark.parametrize(
    ("one", "two", "severity", "fact"),
    [("y", "z", "warning", "y gives a number, and z is text: equal only where the text spells the number"),
     ("y", "w", "error", "y gives a number, and w is a boolean: never equal")],
)  # fmt: skip
def test_a_check_compares_what_can_be_equal(pair, one, two, severity, fact):
    source = contract(text(), y=number(), z=text(null=True), w=TRUTH)
    pair.check(source, text(), "x: {crm: x, pm: x, owner: crm}", CHECK.format(one, two))
    (found,) = pair.check(source, text(), "x: {crm: x, pm: x, owner: crm}", CHECK.format(one, two))
    assert (found.rule, found.severity, found.at) == ("type/check", severity, pair.expected)
    assert found.message == fact
    assert pair.check(source, text(), "x: {crm: x, pm: x, owner: crm}", CHECK.format("x", "z").replace("‹", "")) == []


KIND = {"enum": ["a", "b"]}
IF_A = {"properties": {"kind": {"const": "a"}}, "required": ["kind"]}
BOTH = "x: {crm: x, pm: ‹x, owner: crm}\n  kind: {crm: kind, pm: kind, owner: crm}"
TOGETHER = [
    ({"if": IF_A, "then": {"properties": {"x": {"maxLength": 5}}}}, "x must have at most 5 characters, has"),
    ({"if": IF_A, "then": {"required": ["y"]}}, "y is required"),
    ({"minProperties": 3}, "it must have at least 3 properties, has"),
    ({"not": {"properties": {"kind": {"const": "b"}}, "required": ["kind", "x"]}}, "it "),
]


@pytest.mark.parametrize(("rule", "message"), TOGETHER)
def test_what_a_contract_says_of_several_properties_is_tried_on_records(pair, rule, message):
    source = contract(text(most=20), kind=KIND)
    target = json.dumps(json.loads(contract(text(most=20), kind=KIND, y=text())) | rule)
    (found,) = pair.check(source, target, BOTH, CREATE)
    assert (found.rule, found.severity) == ("type/together", "error")
    assert f"together, the fields make what pm.customer@1.0.0 refuses: {message}" in found.message
    assert (found.at == pair.expected) == message.startswith("x ")


def test_what_the_source_says_of_them_as_well_goes_together(pair):
    rule = TOGETHER[0][0]
    both = json.dumps(json.loads(contract(text(most=20), kind=KIND)) | rule)
    assert pair.check(both, both, BOTH.replace("‹", ""), CREATE) == []
    scoped = "scope: {crm: \"kind == 'b'\"}\n" + CREATE
    assert pair.check(contract(text(most=20), kind=KIND), both, BOTH.replace("‹", ""), scoped) == []


def test_records_that_a_check_stops_need_not_go_together(pair):
    target = json.dumps(json.loads(contract(text(most=20), kind=KIND)) | TOGETHER[0][0])
    stops = 'checks:\n  - {crm: "kind", equals: y, else: reject}\n' + CREATE
    source = contract(text(most=20), required=["kind", "y"], kind=KIND, y={"const": "b"})
    found = pair.check(source, target, BOTH.replace("‹", ""), stops)
    assert [each.rule for each in found] == []
