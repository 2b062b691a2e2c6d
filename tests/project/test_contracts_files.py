"""What is wrong with a contract's file, and where exactly. ‹ marks the place where the finding is expected."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.model import At, Finding, Waiver
from crmsync.project import load_project
from crmsync.project.contracts import places_of, read_contracts
from crmsync.project.yaml import Where


def read(folder: Path, text: str, name: str = "crm/account/1.0.0.json") -> tuple[list[Finding], At | None]:
    """The findings of one file, and the place that ‹ marks."""
    before, mark, after = text.partition("‹")
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((before + after).encode())
    at = At(path.as_posix(), before.count("\n") + 1, len(before) - before.rfind("\n")) if mark else None
    return list(read_contracts(folder).findings), at


MISTAKES = [
    ('{"type": ‹"strng"}', "not-a-schema", "error", "type must be one of", "json-schema.org"),
    ('{"$schema": ‹"http://json-schema.org/draft-07/schema#"}', "not-a-schema", "error", "2020-12", 'write "$schema"'),
    ('{"properties": {"a": {"$ref": ‹"https://x.example/money.json"}}}', "reference", "error", "never fetched",
     'write "$ref": "#/$defs/money"'),
    ('{"$defs": {"money": {}}, "items": {"$ref": ‹"#/$defs/mony"}}', "reference", "error", "leads nowhere",
     "did you mean '#/$defs/money'?"),
    ('{"items": {‹"$id": "https://x.example/"}}', "reference", "error", "one document", "delete it"),
    ('{\n\t"properties": {\n\t\t"a": {‹"maxLenght": 5}\n\t}\n}', "unknown-keyword", "error",
     "did you mean 'maxLength'?", "rename it"),
    ('{‹"nullable": true}', "unknown-keyword", "error", "is not JSON Schema 2020-12", 'write type: [..., "null"]'),
    ('{"format": ‹"datetime"}', "unknown-format", "error", "did you mean 'date-time'?", "there are: "),
    ('{"pattern": ‹"[a-z"}', "bad-pattern", "error", "[a-z is no regular expression", "escape"),
    ('{"patternProperties": {‹"(": {}}}', "bad-pattern", "error", "( is no regular", "escape"),
    ('{"pattern": ‹"^(a+)+$"}', "pattern-explodes", "error", "its loop (a+)+ may take one text in", "leave"),
    ('{"patternProperties": {‹"^([a-z]+-?)*$": {}}}', "pattern-explodes", "error", "([a-z]+-?)*", "leave one"),
    ('{"pattern": "^‹\\\\d+$"}', "pattern-not-portable", "warning", "\\d is not read alike", "write [0-9]"),
    ('{"patternProperties": {"^é\\u00e9\\n‹\\\\w$": {}}}', "pattern-not-portable", "warning", "\\w", "[A-Za-z0-9_]"),
    ('{"pattern": "^a‹\\\\b$"}', "pattern-not-portable", "warning", "\\b", "on both sides"),
    ('{"pattern": "^‹\\\\p{L}$"}', "pattern-not-portable", "warning", "\\p{L}", "the letters themselves"),
    ('{"pattern": "^‹(?<=a)b$"}', "pattern-not-portable", "warning", "(?<=", "a pattern of its own, in allOf"),
    ('{"pattern": "^‹(?!a)b$"}', "pattern-not-portable", "warning", "(?!", "a pattern of its own, in not"),
    ('{"pattern": "‹(?i)^b$"}', "pattern-not-portable", "warning", "(?i)", "[Aa]"),
    ('{"additionalProperties": false, "properties": {"name": {}}, "required": [‹"nmae"]}', "impossible", "error",
     "nmae is required, but not allowed", "did you mean 'name'?"),
    ('{"properties": {"a": ‹{"type": "string", "minLength": 5, "maxLength": 3}}}', "unsatisfiable", "error",
     "no value fits properties/a: type, minLength and maxLength leave none", "contradicts"),
    ('{"$defs": {"x": ‹{"enum": ["a"], "type": "integer"}}, "items": {"$ref": "#/$defs/x"}}', "unsatisfiable", "error",
     "no value fits $defs/x: enum and type leave none", "contradicts"),
    ('‹{"type": "object", "properties": {"n": {"$ref": "#"}}, "required": ["n"]}', "unsatisfiable", "error",
     "no value fits the contract", "contradicts"),
    ('{"properties": {"a": {"type": "string"}}, "examples": [{"a": ‹5}]}', "bad-example", "error", "examples/0/a must",
     "mend the example"),
    ('{"properties": {"a": {"type": "string", "examples": ["x", ‹5]}}}', "bad-example", "error",
     "properties/a/examples/1 the example must be text", "mend the example"),
    ('{"$defs": {"d": {"enum": [1]}}, "properties": {"a": {"$ref": "#/$defs/d", "examples": [‹2]}}}', "bad-example",
     "error", "properties/a/examples/0", "mend the example"),
    ('{"type": "string", "enum": ["a", "b", ‹null]}', "dead-value", "warning", "null is listed, but must be text",
     "delete it from the list"),
    ('{"properties": {"a": {"type": "integer", "default": ‹"5"}}}', "bad-default", "warning",
     "properties/a/default the default must be a whole number", "write one that is valid"),
    ('{"properties": {"a": {"deprecated": true, "x-replaced-by": ‹"bb"}, "b": {}}}', "unknown-replacement", "warning",
     "crm.account@1.0.0 does not declare 'bb'", "did you mean 'b'?"),
    ('{"x-status": ‹"actve"}', "envelope", "error", "x-status must be one of draft, active, deprecated, retired",
     "did you mean 'active'?"),
    ('{"x-owner": ‹""}', "envelope", "error", "x-owner must be a name", "who answers for the contract"),
    ('{"x-status": "deprecated", "x-deprecated": ‹"2027-02-30"}', "envelope", "error", "must be a day of the calendar",
     "write it like 2027-01-31"),
    ('{"x-status": "active", ‹"x-deprecated": "2027-02-01"}', "envelope", "error", "stands beside x-status active",
     '"x-status": "deprecated"'),
    ('{"x-replaced-by": ‹"account 2"}', "envelope", "error", "the name of a contract", "crm.account@2"),
    ('{"x-compatibility": ‹"backward"}', "envelope", "error", "must be one of NONE, BACKWARD", "mean 'BACKWARD'?"),
    ('{"x-waivers": ‹{}}', "envelope", "error", "must be a list of waivers", '[{"rule"'),
    ('{"x-waivers": [‹{"rule": "contract/a", "expires": "2027-01-31"}]}', "envelope", "error", "a waiver lacks reason",
     "who agreed"),
    ('{"x-waivers": [{"rule": ‹"all", "reason": "r", "expires": "2027-01-31"}]}', "envelope", "error",
     "rule must be the rule of a change", "crmsync contract diff"),
    ('{"x-waivers": [{"rule": "contract/a", "reason": "r", "expires": ‹"31.1.2027"}]}', "envelope", "error",
     "expires must be a day", "2027-01-31"),
    ('{"x-waivers": [{"rule": "contract/a", "reason": "r", "expires": "2027-01-31", ‹"pointr": "/a"}]}', "envelope",
     "error", "a waiver has no 'pointr'", "did you mean 'pointer'?"),
    ('{"x-waivers": [{"rule": "contract/a", "reason": "r", "expires": "2027-01-31", "pointer": ‹"a"}]}', "envelope",
     "error", "must be a JSON pointer", "/properties/name"),
    ('{"x-waivers": [{"rule": ‹"contract/requird-added", "reason": "r", "expires": "2027-01-31"}]}', "envelope",
     "error", "no change is called contract/requird-added", "did you mean 'contract/required-added'?"),
    ('{"x-waivers": [{"rule": ‹"contract/gone", "reason": "r", "expires": "2027-01-31"}]}', "envelope", "error",
     "no change is called contract/gone", "crmsync contract diff"),
    ('{‹"x-onwer": "sales"}', "envelope-word", "warning", "x-onwer means nothing here", "did you mean 'x-owner'?"),
    ('{"properties": {"a": {‹"x_pii": true}}}', "envelope-word", "warning", "x_pii means", "did you mean 'x-pii'?"),
    ('{"properties": {"a": {"deprecated": true, "x-deprecated": ‹"soon"}}}', "envelope", "error", "a day of the",
     "2027-01-31"),
    ('{"x-replaced-by": ‹"crm.account@2"}', "unknown-replacement", "error", "contract crm.account has no version 2",
     "there are: 1.0.0"),
    ('{"x-status": "deprecated", "x-replaced-by": ‹"crm.account@1"}', "unknown-replacement", "error",
     "crm.account@1 is crm.account@1.0.0 itself", "name what is to be read instead"),
    ('{"items": {"$ref": ‹"#/items"}}', "reference", "error", "#/items leads back here", "inside properties or items"),
    ('{"$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": ‹"#/$defs/a"}}}}', "reference", "error",
     "#/$defs/a leads back here", "inside properties or items"),
    ('{"pattern": ‹"^[a-z]{0,100000}$"}', "bad-pattern", "error", "counts too far", "minLength and maxLength"),
    ('{"properties": {"a": ‹{"enum": []}}}', "unsatisfiable", "error", "no value fits properties/a: enum leaves none",
     "contradicts"),
    ('{"enum": ["\\\\ud800 \\ud83d\\ude00 ‹\\ud800"]}', "not-json", "error", "\\ud800 is half of a character",
     "both halves"),
    ('‹\ufeff{"type": "object"}', "not-json", "error", "byte order mark", "UTF-8 without"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "rule", "severity", "message", "mend"), MISTAKES)
def test_a_mistake_is_named_with_its_place_and_how_to_mend_it(
    tmp_path: Path, text: str, rule: str, severity: str, message: str, mend: str
) -> None:
    findings, at = read(tmp_path, text)
    (found,) = findings
    assert (found.rule, found.severity, found.at) == (f"contract/{rule}", severity, at)
    assert message in found.message
    assert mend in found.mend


SOUND = [
    '{"type": "object", "properties": {"a": false, "b": {"not": {}}}, "additionalProperties": false}',
    '{"properties": {"n": {"$ref": "#"}}, "examples": [{"n": {"n": {}}}]}',
    '{"if": {"type": "string", "minLength": 5, "maxLength": 3}, "then": false}',
    '{"pattern": "^[0-9]{3}( ?[0-9]{2})*$"}',
    '{"pattern": "^([a-z0-9]+[.])+[a-z]+$"}',
    '{"x-owner": "sales", "x-status": "retired", "x-deprecated": "2028-02-29", "x-compatibility": "FULL_TRANSITIVE"}',
    '{"x-team": "a", "x-order": 3, "x-pii": true}',
    '{"$defs": {"a/b": {"type": "integer", "examples": [1]}}, "$id": "https://x.example/s"}',
    '{"$defs": {"a/b": {"type": "integer"}}, "items": {"$ref": "#/$defs/a~1b", "examples": [1]}}',
    '{"examples": [1, null, {}]}',
]


@pytest.mark.parametrize("text", SOUND)
def test_nothing_is_found_in_a_sound_contract(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == ([], None)


@pytest.mark.parametrize("part", [
    {"type": "string", "maxLength": 5}, {"type": ["string", "null"], "default": None},
    {"$ref": "#/$defs/text", "minLength": 1},
])  # fmt: skip
def test_two_thousand_fields_are_read_in_moments(tmp_path: Path, part: dict[str, Any]) -> None:
    fields = {f"field_{at}": part for at in range(2000)}
    schema = {"type": "object", "$defs": {"text": {"maxLength": 9}}, "properties": fields}
    begun = time.process_time()
    assert read(tmp_path, json.dumps(schema)) == ([], None)
    assert time.process_time() - begun < 4  # by the square of their number it took a minute


def test_schemas_that_stand_too_deep_in_each_other_are_a_finding(tmp_path: Path) -> None:
    (found,), _ = read(tmp_path, '{"not": ' * 900 + "{}" + "}" * 900)
    assert found.severity == "error"
    assert found.at is not None


@pytest.mark.parametrize("name", ["1.0.0.yaml", "1.0.0.JSON", "1.0.0.json5"])
def test_a_contract_that_is_not_json_is_not_passed_over(tmp_path: Path, name: str) -> None:
    (found,), _ = read(tmp_path, "type: object", f"crm/account/{name}")
    assert (found.rule, found.message) == ("contract/file-name", f"{name} is not read: a contract is JSON")
    assert found.mend == "write it as JSON, into 1.0.0.json"


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    findings, _ = read(tmp_path, '{"x-status": "on", "properties": {"a": {"format": "datetime"}}, "requird": []}')
    assert sorted(each.rule for each in findings) == [
        "contract/envelope", "contract/unknown-format", "contract/unknown-keyword",
    ]  # fmt: skip


def test_a_folder_that_is_called_like_a_contract_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "crm/account/1.0.0.json").mkdir(parents=True)
    (found,) = read_contracts(tmp_path).findings
    assert (found.rule, found.message) == ("project/unreadable", "the file cannot be read: Is a directory")


def test_an_envelope_is_read_with_the_places_of_its_waivers(tmp_path: Path) -> None:
    _, at = read(tmp_path, """\
{"x-owner": "sales-operations", "x-compatibility": "FORWARD",
 "x-waivers": [‹{"rule": "contract/property-removed", "pointer": "/properties/fax", "reason": "nobody has one",
                "expires": "2027-01-31"}]}""")  # fmt: skip
    envelope = read_contracts(tmp_path).found["crm.account@1.0.0"].envelope
    assert (envelope.owner, envelope.status, envelope.compatibility) == ("sales-operations", "active", "FORWARD")
    reason, day = "nobody has one", "2027-01-31"
    assert envelope.waivers == (Waiver("contract/property-removed", reason, day, "/properties/fax", at),)


@pytest.mark.parametrize("text", ['{"deprecated": true}', '{"x-deprecated": "2027-01-31"}'])
def test_what_is_called_deprecated_in_either_way_is(tmp_path: Path, text: str) -> None:
    read(tmp_path, text)
    assert read_contracts(tmp_path).found["crm.account@1.0.0"].envelope.status == "deprecated"


# Places in JSON -----------------------------------------------------------------------------------------------------

TEXTS = st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=15,
)


def ways(value: Any, way: Where = ()) -> Iterator[tuple[Where, Any]]:
    yield way, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        yield from ways(inner, (*way, step))


@given(JSON, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_every_value_and_every_key_has_its_place(value: Any, indent: Any, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    places = places_of("f.json", text)
    decoder = json.JSONDecoder()
    for way, inner in ways(value):
        assert decoder.raw_decode(text, places.values[way])[0] == inner
        if way and isinstance(way[-1], str):
            assert decoder.raw_decode(text, places.keys[way])[0] == way[-1]
    assert places.values.keys() == {way for way, _ in ways(value)}


@given(TEXTS, st.booleans())
def test_a_character_inside_of_a_text_is_found_behind_its_escapes(value: str, ascii_only: bool) -> None:
    text = json.dumps({"a": value + "x"}, ensure_ascii=ascii_only)
    at = places_of("f.json", text).inside(("a",), len(value))
    assert (at.line, text[at.column - 1]) == (1, "x")


def test_a_place_that_is_not_there_is_that_of_what_is_around_it() -> None:
    places = places_of("f.json", '{\n  "a": [1]\n}')
    assert str(places.at("a", 0)) == "f.json:2:9"
    assert str(places.at("a", 7, "b")) == "f.json:2:8"
    assert str(places.key_at("a", 7)) == "f.json:2:3"
    assert str(places.at("x")) == "f.json:1:1"


def test_all_keys_that_are_there_twice_are_found(tmp_path: Path) -> None:
    findings, _ = read(tmp_path, '{"a": {"b": 1,\n"b": 2}, "a": 3}')
    assert [(each.rule, str(each.at).rpartition(".json:")[2], each.message) for each in findings] == [
        ("contract/duplicate-key", "2:1", "duplicate key 'b', first at 1:8"),
        ("contract/duplicate-key", "2:10", "duplicate key 'a', first at 1:2"),
    ]


# Who reads what is on its way out -------------------------------------------------------------------------------------

TODAY = date(2026, 11, 22)
CUSTOMER = "schemas/pm/customer/1.0.0.json"
ACCOUNT = "schemas/crm/account/1.10.0.json"


def told(folder: Any, rule: str, today: date | None = TODAY) -> list[tuple[str, str, str, str]]:
    loaded = load_project(folder.root, None, {}, today)
    assert {each.rule for each in loaded.findings if each.severity != "info"} == {rule}
    return told_of(folder, rule, today)


def told_of(folder: Any, rule: str, today: date | None = TODAY) -> list[tuple[str, str, str, str]]:
    found = [each for each in load_project(folder.root, None, {}, today).findings if each.rule == rule]
    return [(re.sub(r".*/", "", str(each.at)), each.severity, each.message, each.mend) for each in found]


def envelope(folder: Any, **words: Any) -> None:
    schema = json.loads(folder.read(CUSTOMER))
    folder.write(CUSTOMER, json.dumps({f"x-{word.replace('_', '-')}": value for word, value in words.items()} | schema))


def test_a_retired_contract_may_not_be_used(folder: Any) -> None:
    envelope(folder, status="retired")
    assert told(folder, "contract/retired") == [
        ("account-customer.yaml:6:36", "error", "pm.customer@1.0.0 is retired",
         "ask its owner what is to be read instead"),
    ]  # fmt: skip


def test_a_draft_is_used_with_a_warning(folder: Any) -> None:
    envelope(folder, status="draft")
    ((_, severity, message, _),) = told(folder, "contract/draft")
    assert (severity, message) == ("warning", "pm.customer@1.0.0 is a draft: it may change without notice")


@pytest.mark.parametrize(
    ("today", "severity", "message"),
    [
        (date(2026, 11, 22), "warning", "pm.customer@1.0.0 is deprecated and may be read until 2026-11-22"),
        (date(2026, 11, 23), "error", "pm.customer@1.0.0 is deprecated, and could be read until 2026-11-22"),
        (None, "warning", "pm.customer@1.0.0 is deprecated and may be read until 2026-11-22"),
    ],
)
def test_a_deprecated_contract_is_a_warning_until_its_day_and_then_an_error(
    folder: Any, today: date | None, severity: str, message: str
) -> None:
    envelope(folder, status="deprecated", deprecated="2026-11-22", replaced_by="pm.project@1")
    ((_, grade, said, mend),) = told(folder, "contract/deprecated-contract", today)
    assert (grade, said, mend) == (severity, message, "read pm.project@1 instead")


def test_a_deprecated_field_is_named_where_an_expression_reads_it(folder: Any) -> None:
    schema = json.loads(folder.read(ACCOUNT))
    schema["properties"]["registration"]["properties"]["ico"] |= {
        "deprecated": True, "x-deprecated": "2027-01-31", "x-replaced-by": "name",
    }  # fmt: skip
    folder.write(ACCOUNT, json.dumps(schema))
    assert told(folder, "contract/deprecated-field") == [
        ("account-customer.yaml:19:27", "warning",
         "registration.ico of crm.account@1.10.0 is deprecated and may be read until 2027-01-31",
         "read name instead"),
    ]  # fmt: skip
    assert told(folder, "contract/deprecated-field", date(2027, 2, 1))[0][1] == "error"


def test_what_lies_in_a_deprecated_field_is_deprecated(folder: Any) -> None:
    schema = json.loads(folder.read(ACCOUNT))
    schema["properties"]["registration"]["deprecated"] = True
    folder.write(ACCOUNT, json.dumps(schema))
    ((place, _, message, _),) = told(folder, "contract/deprecated-field")
    assert (place, message) == ("account-customer.yaml:19:14", "registration of crm.account@1.10.0 is deprecated")


def test_a_deprecated_field_is_found_inside_of_lists_and_filters(folder: Any) -> None:
    schema = json.loads(folder.read(ACCOUNT))
    inner = {"type": "object", "properties": {"name": {"type": "string"}, "old": {"deprecated": True}}}
    schema["properties"]["tags"]["items"] = inner
    folder.write(ACCOUNT, json.dumps(schema))
    folder.mapping("{crm: website, pm: web_domain", "{crm: 'tags[?old].name | [0]', pm: web_domain")
    ((place, _, message, _),) = [each for each in told_of(folder, "contract/deprecated-field") if "tags" in each[2]]
    assert (place, message) == ("account-customer.yaml:20:24", "tags[].old of crm.account@1.10.0 is deprecated")


def test_what_nobody_reads_may_be_deprecated_in_silence(folder: Any) -> None:
    schema = json.loads(folder.read(ACCOUNT))
    schema["properties"]["points"]["deprecated"] = True
    folder.write(ACCOUNT, json.dumps(schema))
    assert folder.load().findings == ()
