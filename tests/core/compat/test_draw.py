"""Are the values worth drawing drawn?"""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import find, settings
from hypothesis import strategies as st

from crmsync.core.compat.canonical import Canonical
from crmsync.core.compat.choices import Choices, Seeded, Simplest
from crmsync.core.compat.draw import Undrawable, draw, drawing_of
from crmsync.core.compat.judge import Judge

ACCOUNT = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "name": {"type": "string", "minLength": 1, "maxLength": 200},
        "ico": {"type": ["string", "null"], "pattern": "^[0-9]{8}$"},
        "since": {"type": "string", "format": "date"},
        "amount": {"type": "number", "multipleOf": 0.01, "minimum": 0, "exclusiveMaximum": 1000000},
        "tags": {"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True, "maxItems": 3},
    },
    "required": ["id", "name"],
    "additionalProperties": False,
}
EACH_VIEW = {
    "anything": True,
    "const": {"const": {"a": [1, Decimal("0.5")]}},
    "enum": {"enum": [1, "1", None]},
    "types": {"type": ["null", "boolean"]},
    "text of a length": {"type": "string", "minLength": 30, "maxLength": 31},
    "text of a pattern": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{1,4}$"},
    "text of two patterns": {"type": "string", "allOf": [{"pattern": "^a"}, {"pattern": "z$"}], "minLength": 5},
    "text but not of a pattern": {"type": "string", "not": {"pattern": "[a-z]"}, "minLength": 1},
    "text of a pattern and a format": {"type": "string", "pattern": "^2024-", "format": "date"},
    "decimals": {"type": "number", "multipleOf": Decimal("0.25"), "minimum": 0, "maximum": 1},
    "a narrow range": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": Decimal("0.001")},
    "no whole number": {"type": "number", "not": {"type": "integer"}},
    "not a multiple": {"type": "integer", "not": {"multipleOf": 2}},
    "two steps": {"type": "integer", "allOf": [{"multipleOf": 4}, {"multipleOf": 6}], "minimum": 1},
    "a list": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 4},
    "a long list": {"type": "array", "items": {"type": "null"}, "minItems": 150},
    "a tuple": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "null"}], "items": False, "minItems": 2},
    "a list that contains": {
        "type": "array",
        "items": {"type": "integer"},
        "contains": {"minimum": 7},
        "minContains": 2,
    },
    "a list of different items": {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 2},
    "an object": ACCOUNT,
    "many properties": {"type": "object", "minProperties": 60},
    "names by pattern": {
        "type": "object",
        "patternProperties": {"^x_": {"type": "integer"}},
        "additionalProperties": False,
        "minProperties": 2,
    },
    "names of a schema": {"type": "object", "propertyNames": {"pattern": "^[a-z]{3}$"}, "minProperties": 1},
    "dependent": {"type": "object", "properties": {"a": True}, "dependentRequired": {"a": ["b"]}, "required": ["a"]},
    "alternatives": {"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 5}]},
    "a condition": {
        "type": "object",
        "required": ["a"],
        "if": {"properties": {"a": {"const": 1}}},
        "then": {"required": ["b"]},
    },
    "nothing else": {
        "type": "object",
        "allOf": [{"properties": {"a": {"type": "null"}}}],
        "unevaluatedProperties": False,
    },
    "recursion": {
        "$defs": {
            "node": {
                "type": "object",
                "required": ["parts"],
                "properties": {"parts": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
            }
        },
        "$ref": "#/$defs/node",
    },
}


@pytest.mark.parametrize("name", EACH_VIEW)
def test_values_of_every_kind_of_schema_are_drawn_and_valid(name):
    make, judge = drawing_of(EACH_VIEW[name]), Judge(EACH_VIEW[name])
    sources: list[Choices] = [Simplest(), *map(Seeded, range(40))]
    values = [make(choices) for choices in sources]
    assert all(judge.accepts(value) for value in values)


@pytest.mark.parametrize(
    "name",
    [
        "uuid",
        "date",
        "date-time",
        "time",
        "duration",
        "email",
        "idn-email",
        "hostname",
        "ipv4",
        "idn-hostname",
        "ipv6",
        "uri",
        "iri",
        "uri-reference",
        "iri-reference",
        "uri-template",
        "json-pointer",
        "relative-json-pointer",
        "regex",
    ],
)
def test_texts_of_every_format_are_drawn(name):
    schema = {"type": "string", "format": name}
    make, judge = drawing_of(schema), Judge(schema)
    values = {make(Seeded(seed)) for seed in range(60)}
    assert len(values) > 2
    assert all(judge.accepts(value) for value in values)


def drawn(schema, count=600):
    make = drawing_of(schema)
    return [make(Seeded(seed)) for seed in range(count)]


def test_bounds_are_met_and_never_passed():
    numbers = drawn({"type": "integer", "minimum": 1, "maximum": 250})
    assert {1, 2, 249, 250} <= set(numbers)
    lengths = {len(text) for text in drawn({"type": "string", "minLength": 1, "maxLength": 20})}
    assert {1, 20} <= lengths <= set(range(1, 21))


def test_texts_are_of_many_scripts():
    everything = "".join(drawn({"type": "string"}))
    assert all(letter in everything for letter in "žŁЩא😀\u0301\n")


def test_a_date_is_also_the_29th_of_february_and_a_time_is_also_in_another_zone():
    assert "2024-02-29" in drawn({"type": "string", "format": "date"})
    times = drawn({"type": "string", "format": "date-time"})
    assert any(time.endswith("+14:00") for time in times)
    assert any(time.endswith("Z") for time in times)


def test_what_may_be_left_out_is_there_at_times_and_at_times_not():
    records = drawn(ACCOUNT)
    assert {"ico" in record for record in records} == {True, False}
    assert None in [record.get("ico", 1) for record in records]
    assert {len(record.get("tags", ())) for record in records} >= {0, 3}


def test_numbers_are_exact():
    amounts = [record["amount"] for record in drawn(ACCOUNT) if "amount" in record]
    assert all(isinstance(amount, int | Decimal) and not isinstance(amount, bool) for amount in amounts)
    assert any(isinstance(amount, Decimal) for amount in amounts)


def test_the_simplest_record_is_simple():
    assert draw(Canonical.of(ACCOUNT), Simplest()) == {"id": 1, "name": "a"}


def test_the_same_seed_draws_the_same_records_for_ever():
    text = json.dumps([drawing_of(ACCOUNT)(Seeded(seed)) for seed in range(3)], default=str, sort_keys=True)
    again = json.dumps([drawing_of(ACCOUNT)(Seeded(seed)) for seed in range(3)], default=str, sort_keys=True)
    assert text == again


@pytest.mark.parametrize(
    "schema", [False, {"type": "integer", "minimum": 5, "maximum": 4}, {"type": "array", "minItems": 10**9}]
)
def test_where_nothing_can_be_drawn_it_is_said(schema):
    with pytest.raises(Undrawable):
        drawing_of(schema)(Simplest())


def test_hypothesis_shrinks_what_is_drawn():
    @st.composite
    def records(draw_):
        class Source:
            def integer(self, low, high):
                return draw_(st.integers(low, high))

        return drawing_of(ACCOUNT)(Source())

    found = find(records(), lambda record: "tags" in record, settings=settings(database=None, derandomize=True))
    assert found == {"id": 1, "name": "a", "tags": []}
