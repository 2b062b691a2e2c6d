"""Is every change listed: under its rule, at its place on both sides, in its direction?"""

from __future__ import annotations

import time

import pytest

from crmsync.core.compat import Change, compare
from crmsync.core.compat.changes import changes
from crmsync.core.compat.dialect import modern

TEXT = {"type": "string"}
V = "/properties/v"


def listed(old, new):
    return [
        (c.rule.removeprefix("contract/"), c.old_pointer, c.new_pointer, c.direction)
        for c in changes(modern(old), modern(new))
    ]


def within(old, new):
    """Of a property called v."""
    return listed({"properties": {"v": old}}, {"properties": {"v": new}})


CLOSED = {"additionalProperties": False}

OF_RECORDS = {
    "added, closed": ({**CLOSED}, {**CLOSED, "properties": {"v": TEXT}}, [("property-added", "", V, "widens")]),
    "added, open": ({}, {"properties": {"v": TEXT}}, [("property-added", "", V, "narrows")]),
    "added, anything": ({}, {"properties": {"v": True}}, [("property-added", "", V, "none")]),
    "removed, open": ({"properties": {"v": TEXT}}, {}, [("property-removed", V, "", "widens")]),
    "removed, closed": ({**CLOSED, "properties": {"v": TEXT}}, CLOSED, [("property-removed", V, "", "narrows")]),
    "renamed": (
        {"properties": {"phone_no": TEXT}},
        {"properties": {"phone": {**TEXT, "title": "Phone"}}},
        [
            ("property-added", "/properties", "/properties/phone", "narrows"),
            ("renamed-maybe", "/properties/phone_no", "/properties/phone", "changes"),
            ("property-removed", "/properties/phone_no", "/properties", "widens"),
        ],
    ),
    "required": (
        {"required": ["a"]},
        {"required": ["a", "b"]},
        [("required-added", "/required", "/required/1", "narrows")],
    ),
    "no longer required": (
        {"required": ["b", "a"]},
        {"required": ["a"]},
        [("required-removed", "/required/0", "/required", "widens")],
    ),
    "closed": ({}, CLOSED, [("closed", "", "/additionalProperties", "narrows")]),
    "opened": (CLOSED, {}, [("opened", "/additionalProperties", "", "widens")]),
    "others narrowed": (
        {},
        {"additionalProperties": TEXT},
        [("others-narrowed", "", "/additionalProperties", "narrows")],
    ),
    "others changed": (
        {"additionalProperties": TEXT},
        {"additionalProperties": {**TEXT, "maxLength": 3}},
        [("length-narrowed", "/additionalProperties", "/additionalProperties/maxLength", "narrows")],
    ),
    "a pattern of names": (
        CLOSED,
        {**CLOSED, "patternProperties": {"__c$": TEXT}},
        [("pattern-property-added", "", "/patternProperties/__c$", "widens")],
    ),
    "a dependency": (
        {},
        {"dependentRequired": {"a": ["b"]}},
        [("dependency-added", "", "/dependentRequired", "narrows")],
    ),
    "a condition": (
        {},
        {"if": {"required": ["a"]}, "then": {"required": ["b"]}},
        [("condition-added", "", "/if", "narrows")],
    ),
    "inside a condition": (
        {"if": {"required": ["a"]}, "then": {"required": ["b"]}},
        {"if": {"required": ["a"]}, "then": {"required": ["b", "c"]}},
        [("required-added", "/then/required", "/then/required/1", "narrows")],
    ),
    "through a reference": (
        {"$defs": {"x": TEXT}, "properties": {"v": {"$ref": "#/$defs/x"}}},
        {"$defs": {"x": {**TEXT, "maxLength": 5}}, "properties": {"v": {"$ref": "#/$defs/x"}}},
        [("length-narrowed", V, "/$defs/x/maxLength", "narrows")],
    ),
    "through allOf": (
        {"allOf": [{"properties": {"v": TEXT}}]},
        {"allOf": [{"title": "x"}, {"properties": {"v": {**TEXT, "minLength": 1}}}]},
        [
            ("annotation-changed", "", "/allOf/0/title", "none"),
            ("length-narrowed", "/allOf/0/properties/v", "/allOf/1/properties/v/minLength", "narrows"),
        ],
    ),
    "moved into allOf": ({"properties": {"v": TEXT}}, {"allOf": [{"properties": {"v": TEXT}}]}, []),
    "a name with a slash": (
        {**CLOSED},
        {**CLOSED, "properties": {"a/b~c": TEXT}},
        [("property-added", "", "/properties/a~1b~0c", "widens")],
    ),
    "recursion": (
        {"$defs": {"n": {"properties": {"n": {"$ref": "#/$defs/n"}, "v": TEXT}}}, "$ref": "#/$defs/n"},
        {
            "$defs": {"n": {"properties": {"n": {"$ref": "#/$defs/n"}, "v": {"type": ["string", "null"]}}}},
            "$ref": "#/$defs/n",
        },
        [("nullable-added", "/$defs/n/properties/v/type", "/$defs/n/properties/v/type", "widens")],
    ),
}

OF_VALUES = {
    "wider type": ({"type": "integer"}, {"type": "number"}, [("type-widened", f"{V}/type", f"{V}/type", "widens")]),
    "other type": ({"type": "integer"}, TEXT, [("type-changed", f"{V}/type", f"{V}/type", "changes")]),
    "null": (TEXT, {"type": ["null", "string"]}, [("nullable-added", f"{V}/type", f"{V}/type", "widens")]),
    "enum value": (
        {"enum": ["a", "b"]},
        {"enum": ["b", "c"]},
        [
            ("enum-value-removed", f"{V}/enum/0", f"{V}/enum", "narrows"),
            ("enum-value-added", f"{V}/enum", f"{V}/enum/1", "widens"),
        ],
    ),
    "enum gone": ({**TEXT, "enum": ["a"]}, TEXT, [("enum-removed", f"{V}/enum", V, "widens")]),
    "const": (
        {"const": 1},
        {"const": 2},
        [
            ("enum-value-added", f"{V}/const", f"{V}/const", "widens"),
            ("enum-value-removed", f"{V}/const", f"{V}/const", "narrows"),
        ],
    ),
    "length": ({"maxLength": 9}, {"maxLength": 12}, [("length-widened", f"{V}/maxLength", f"{V}/maxLength", "widens")]),
    "range": ({}, {"exclusiveMinimum": 0}, [("range-narrowed", V, f"{V}/exclusiveMinimum", "narrows")]),
    "count": ({"minItems": 2}, {"minItems": 1}, [("count-widened", f"{V}/minItems", f"{V}/minItems", "widens")]),
    "pattern": (
        {"pattern": "^[A-Z]{2}$"},
        {"pattern": "^[A-Z]{2,3}$"},
        [("pattern-widened", f"{V}/pattern", f"{V}/pattern", "widens")],
    ),
    "pattern gone": ({"pattern": "a"}, {}, [("pattern-removed", f"{V}/pattern", V, "widens")]),
    "format": (
        {"format": "date"},
        {"format": "date-time"},
        [("format-changed", f"{V}/format", f"{V}/format", "changes")],
    ),
    "step": (
        {"multipleOf": 2},
        {"multipleOf": 4},
        [("multiple-narrowed", f"{V}/multipleOf", f"{V}/multipleOf", "narrows")],
    ),
    "unique": ({}, {"uniqueItems": True}, [("unique-added", V, f"{V}/uniqueItems", "narrows")]),
    "unique said to be false": ({}, {"uniqueItems": False}, []),
    "items": (
        {"items": TEXT},
        {"items": {"type": "integer"}},
        [("type-changed", f"{V}/items/type", f"{V}/items/type", "changes")],
    ),
    "a place": (
        {"prefixItems": [TEXT]},
        {"prefixItems": [TEXT, TEXT]},
        [("schema-narrowed", V, f"{V}/prefixItems/1", "narrows")],
    ),
    "an alternative": (
        {"anyOf": [TEXT]},
        {"anyOf": [TEXT, {"type": "null"}]},
        [("alternative-added", f"{V}/anyOf", f"{V}/anyOf/1", "widens"), ("nullable-added", V, V, "widens")],
    ),
    "inside an alternative": (
        {"oneOf": [TEXT, {"type": "integer"}]},
        {"oneOf": [{**TEXT, "maxLength": 3}, {"type": "integer"}]},
        [("length-narrowed", f"{V}/oneOf/0", f"{V}/oneOf/0/maxLength", "narrows")],
    ),
    "an exclusion": ({}, {"not": {"const": ""}}, [("exclusion-added", V, f"{V}/not", "narrows")]),
    "less excluded": (
        {"not": {"type": "string"}},
        {"not": {"type": "string", "maxLength": 3}},
        [("length-narrowed", f"{V}/not", f"{V}/not/maxLength", "widens")],
    ),
    "default": ({"default": 1}, {"default": 2}, [("default-changed", f"{V}/default", f"{V}/default", "none")]),
    "title": ({}, {"title": "V"}, [("annotation-changed", V, f"{V}/title", "none")]),
    "x-pii": ({}, {"x-pii": True}, [("pii-changed", V, f"{V}/x-pii", "none")]),
    "x-pii said to be false": ({}, {"x-pii": False}, []),
    "read only": ({}, {"readOnly": True}, [("access-changed", V, f"{V}/readOnly", "none")]),
    "deprecated": (
        {},
        {"deprecated": True, "x-deprecated": "2027-01-31"},
        [("deprecated", V, f"{V}/deprecated", "none"), ("deprecation-changed", V, f"{V}/x-deprecated", "none")],
    ),
    "no longer deprecated": ({"deprecated": True}, {}, [("undeprecated", f"{V}/deprecated", V, "none")]),
    "an owner": ({}, {"x-owner": "sales"}, [("annotation-changed", V, f"{V}/x-owner", "none")]),
    "refused": (TEXT, False, [("schema-narrowed", V, V, "narrows")]),
}


@pytest.mark.parametrize("name", OF_RECORDS)
def test_a_change_of_a_record_is_listed(name):
    old, new, expected = OF_RECORDS[name]
    assert sorted(listed(old, new)) == sorted(expected)


@pytest.mark.parametrize("name", OF_VALUES)
def test_a_change_of_a_value_is_listed(name):
    old, new, expected = OF_VALUES[name]
    assert sorted(within(old, new)) == sorted(expected)


@pytest.mark.parametrize("name", [*OF_RECORDS, *OF_VALUES])
def test_back_again_every_direction_is_turned(name):
    old, new, expected = (OF_RECORDS | OF_VALUES)[name]
    turned = {"widens": "narrows", "narrows": "widens"}
    back = listed(new, old) if name in OF_RECORDS else within(new, old)
    assert sorted(turn for *_, turn in back) == sorted(turned.get(turn, turn) for *_, turn in expected)


def test_messages_name_the_path_and_both_values():
    old = {"properties": {"a": {"type": "object", "properties": {"tags": {"items": {"maxLength": 9}}}}}}
    new = {"properties": {"a": {"type": "object", "properties": {"tags": {"items": {"maxLength": 5}}}}}}
    assert [change.message for change in compare(old, new).changes] == ["a.tags[]: maxLength 5, before 9"]


def test_a_place_that_is_met_in_itself_is_called_by_the_shortest_way():
    def tree(size):
        parts = {"type": "array", "items": {"$ref": "#"}}
        return {"type": "object", "properties": {"parts": parts, "size": size}}

    (change,) = compare(tree(TEXT), tree({**TEXT, "maxLength": 9})).changes
    assert change.message == "size: maxLength 9, before no limit"


def test_changes_that_only_together_break_are_told_too():
    old = {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "string", "minLength": 4, "maxLength": 9}]}
    comparison = compare(old, {"type": "string", "maxLength": 8})
    assert comparison.verdicts["strict"]["BACKWARD"] == "breaking"
    assert {change.direction for change in comparison.changes} & {"narrows", "changes"}


def test_the_order_of_keywords_does_not_matter():
    old = {"properties": {"a": TEXT, "b": TEXT}, "required": ["a"]}
    new = {"required": ["b"], "properties": {"b": {"type": "integer"}, "c": TEXT}}
    turned = {key: new[key] for key in reversed(new)}
    assert changes(old, new) == changes(old, turned)
    assert all(isinstance(change, Change) for change in changes(old, new))


def test_what_did_not_change_costs_next_to_nothing():
    """A thousand properties in 0.01 s of CPU; 0.4 s when each of them compared the whole schema."""
    old = {"properties": {f"p{n}": {"type": "string", "maxLength": n + 1} for n in range(1_000)}}
    new = {"properties": {**old["properties"], "p7": {"type": "string", "maxLength": 100}}}
    began = time.process_time()
    (change,) = changes(old, new)
    assert time.process_time() - began < 0.15
    assert change.new_pointer == "/properties/p7/maxLength"
