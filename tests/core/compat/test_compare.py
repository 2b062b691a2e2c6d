"""What step does a change ask for, what do the policies say, and what becomes of bad input?"""

from __future__ import annotations

import copy
import time
from decimal import Decimal
from functools import reduce

import pytest

from crmsync.core.compat import compare, is_enough, promised, taken
from crmsync.core.compat.canonical import Answer, Canonical, Uncanonical
from crmsync.core.compat.dialect import modern
from crmsync.core.compat.policy import read, written
from crmsync.core.compat.verdict import included
from crmsync.core.model import Json

TEXT: Json = {"type": "string"}


def closed(properties, required=()) -> Json:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


OLD = closed({"id": {"type": "integer"}, "name": {**TEXT, "maxLength": 200}}, ["id"])
WIDER = closed({"id": {"type": "integer"}, "name": {**TEXT, "maxLength": 255}}, ["id"])
TITLED = OLD | {"title": "Account"}
FILLED = closed({"id": {"type": "integer"}, "name": {**TEXT, "maxLength": 200, "default": "-"}}, ["id"])


@pytest.mark.parametrize(
    ("old", "new", "mode", "step"),
    [
        (OLD, OLD, "FULL", "none"),
        (OLD, TITLED, "FULL", "patch"),
        (OLD, FILLED, "FULL", "minor"),
        (OLD, WIDER, "BACKWARD", "minor"),
        (WIDER, OLD, "BACKWARD", "major"),
        (WIDER, OLD, "FORWARD", "minor"),
        (OLD, WIDER, "FORWARD", "major"),
        (OLD, WIDER, "FULL_TRANSITIVE", "major"),
        (WIDER, OLD, "NONE", "minor"),
    ],
)
def test_the_step_follows_from_the_mode(old, new, mode, step):
    assert compare(old, new).required(mode) == step


def test_before_the_first_major_a_break_is_a_minor_step():
    assert compare(WIDER, OLD).required("BACKWARD", old_version="0.3.1") == "minor"
    assert compare(OLD, WIDER).required("BACKWARD", old_version="0.3.1") == "patch"


def test_what_is_unproven_counts_as_breaking():
    unclear = {"type": "string", "pattern": r"^(a)\1"}, {"type": "string", "pattern": r"^(a)\1|^(b)\2"}
    assert compare(*unclear).verdicts["strict"]["BACKWARD"] == "unproven"
    assert compare(*unclear).required("BACKWARD") == "major"


def test_steps_that_were_taken_are_told_and_weighed():
    assert [taken("1.2.3", each) for each in ("2.0.0", "1.3.0", "1.2.4", "1.2.3", "1.0.0")] == [
        "major",
        "minor",
        "patch",
        "none",
        "none",
    ]
    assert is_enough("major", "minor")
    assert is_enough("patch", "patch")
    assert not is_enough("minor", "major")
    assert promised("FULL_TRANSITIVE") == ("BACKWARD", "FORWARD")


def test_what_no_single_step_breaks_may_break_over_two():
    required = closed({"id": {"type": "integer"}, "tel": TEXT}, ["tel"])
    with_default = closed({"id": {"type": "integer"}, "tel": {**TEXT, "default": "-"}}, ["tel"])
    earlier = {"1.0.0": closed({"id": {"type": "integer"}}), "1.1.0": with_default}
    found = {each: compare(old, required).verdicts["reader-writer"]["BACKWARD"] for each, old in earlier.items()}
    assert found == {"1.0.0": "breaking", "1.1.0": "compatible"}  # pairwise all is well, over two steps it is not


# Policies ----------------------------------------------------------------------------------------------


def test_a_writer_sends_what_is_declared_anywhere_and_nothing_else():
    parts = {"allOf": [{"properties": {"a": TEXT}}, {"$ref": "#/$defs/b"}], "$defs": {"b": {"properties": {"b": TEXT}}}}
    spelled = {"properties": {"a": TEXT, "b": TEXT}, "type": "object", "additionalProperties": False}
    assert included(spelled, written(parts)).verdict == "compatible"
    assert included(written(parts), parts).verdict == "compatible"
    judged = included({"type": "object", "required": ["c"]}, written(parts))
    assert judged.verdict == "breaking"
    assert judged.witness == {"c": 0}


def test_a_writer_that_declares_nothing_or_anything_is_left_alone():
    for schema in (TEXT, True, {"type": "object", "properties": {"a": TEXT}, "additionalProperties": True}):
        assert written(schema) == schema


def test_a_reader_passes_over_what_it_does_not_know_but_not_inside_a_test():
    assert read(closed({"a": closed({})})) == {
        "type": "object",
        "properties": {"a": {"type": "object", "properties": {}, "required": []}},
        "required": [],
    }
    tested = {"not": {"additionalProperties": False}}
    assert read(tested) == tested


def test_a_reader_of_alternatives_takes_a_record_that_fits_several():
    kinds = {"oneOf": [closed({"a": TEXT}), closed({"b": TEXT})]}
    assert included({"type": "object", "properties": {"a": TEXT, "b": TEXT}}, read(kinds)).verdict == "compatible"


# Older drafts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "draft", "expected"),
    [
        ({"minimum": 1, "exclusiveMinimum": True}, 4, {"exclusiveMinimum": 1}),
        ({"minimum": 1, "exclusiveMinimum": False}, 4, {"minimum": 1}),
        ({"items": [TEXT], "additionalItems": False}, 7, {"prefixItems": [TEXT], "items": False}),
        (
            {"dependencies": {"a": ["b"], "c": TEXT}},
            7,
            {"dependentRequired": {"a": ["b"]}, "dependentSchemas": {"c": TEXT}},
        ),
        (
            {"$ref": "#/definitions/a", "maxLength": 1, "definitions": {"a": TEXT}},
            7,
            {"$ref": "#/definitions/a", "definitions": {"a": TEXT}},
        ),
        ({"const": 1, "if": True}, 4, {}),
        ({"type": "string", "format": "date"}, 7, {"type": "string"}),
        ({"type": "string", "format": "date"}, 2020, {"type": "string", "format": "date"}),
        (
            {"definitions": {"A": {"$id": "#a", "type": "string"}}},
            7,
            {"definitions": {"A": {"$anchor": "a", "type": "string"}}},
        ),
    ],
)
def test_an_older_draft_is_read_as_it_was_meant(old, draft, expected):
    assert modern(old, draft) == expected


def test_schemas_of_two_drafts_are_compared():
    old = {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 10, "exclusiveMinimum": True}
    new = {"$schema": "http://json-schema.org/draft-07/schema#", "exclusiveMinimum": 10}
    assert compare(old, new).verdicts["strict"]["FULL"] == "compatible"


# Bad input ----------------------------------------------------------------------------------------------


def nested(depth):
    return reduce(lambda inner, _: {"type": "object", "properties": {"a": inner}}, range(depth), TEXT)


NO_SCHEMAS = {
    "a list": [],
    "a text": "x",
    "null": None,
    "an unknown type": {"type": "strin"},
    "a list of properties": {"properties": [1]},
    "no regular expression": {"pattern": "("},
    "a reference to nothing": {"$ref": "#/$defs/x"},
    "a remote reference": {"$ref": "https://example.com/x.json"},
    "a circle": {"$ref": "#"},
    "nested too deeply": nested(3000),
    "a pattern too large": {"type": "string", "pattern": "^(a{1,1000}){1,1000}$"},
}


@pytest.mark.parametrize("name", NO_SCHEMAS)
def test_what_is_no_schema_makes_everything_unproven(name):
    for pair in ((NO_SCHEMAS[name], TEXT), (TEXT, NO_SCHEMAS[name])):
        assert included(*pair).verdict == "unproven"
        assert set(compare(*pair).verdicts["reader-writer"].values()) == {"unproven"}
        assert compare(*pair).changes


@pytest.mark.parametrize("name", sorted(NO_SCHEMAS.keys() - {"a circle"}))
def test_what_has_no_canonical_form_is_said_to_have_none(name):
    with pytest.raises(Uncanonical):
        Canonical.of(NO_SCHEMAS[name])


def crossed(count):
    """Four alternatives, so many times over."""
    choices = [[{"required": [f"p{at}_{way}"]} for way in range(4)] for at in range(count)]
    return {"type": "object", "allOf": [{"anyOf": each} for each in choices]}


HARD = {
    "alternatives of alternatives": crossed(10),
    "a pattern that backtracks": {"type": "string", "pattern": "^(a+)+$"},
    "look-around": {"type": "string", "pattern": "^(?=a)(a+)+(?!c)$"},
    "deep": nested(90),
    "many properties": {"properties": {f"f{at}": {"type": "string", "maxLength": at + 1} for at in range(400)}},
    "many values": {"enum": list(range(6000))},
    "many conditions": {
        "properties": {"kind": {"enum": list(range(12))}},
        "allOf": [{"if": {"properties": {"kind": {"const": at}}}, "then": {"required": ["p"]}} for at in range(12)],
    },
    "a count that goes far": {"type": "string", "pattern": "^[a-z]{0,9000}$"},
    "a number with a hundred thousand digits": {"minimum": Decimal("1e99999")},
    "far too many items": {"type": "array", "minItems": 10**9},
    "must hold itself": {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
    "huge numbers": {"minimum": 1e300, "multipleOf": 0.1},
    "a long length": {"minLength": 10**30},
}


@pytest.mark.parametrize("name", HARD)
def test_what_is_hard_takes_no_more_than_moments(name):
    begun = time.process_time()
    compare(HARD[name], TEXT)
    compare(HARD[name], {"title": "anything"})
    assert time.process_time() - begun < 8


def conditions(count, **more):
    """A record of many kinds; each has a field of its own that it needs."""
    kinds = [f"kind {at}" for at in range(count)]
    needs = [{"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": {"required": [kind]}}
             for kind in kinds]  # fmt: skip
    return {"type": "object", "properties": {"kind": {"enum": kinds}, "name": TEXT}, "allOf": needs, **more}


@pytest.mark.parametrize(
    ("new", "backward", "forward"),
    [
        (conditions(20, required=["name"]), {}, None),
        (conditions(20, properties={"kind": {}, "name": {**TEXT, "maxLength": 2}}), {"name": "000"}, {"kind": 0}),
        (conditions(20) | {"allOf": conditions(19)["allOf"]}, None, {"kind": "kind 19"}),
        (conditions(20) | {"allOf": conditions(21)["allOf"]}, None, None),
    ],
)
def test_many_conditions_hide_no_break(new, backward, forward):
    begun = time.process_time()
    found = compare(conditions(20), new).counterexamples["strict"]
    assert (found.get("BACKWARD"), found.get("FORWARD")) == (backward, forward)
    assert time.process_time() - begun < 4


def test_a_number_with_very_many_digits_is_compared():
    found = compare({"minimum": Decimal("1e99999")}, {"minimum": Decimal("2e99999")})
    assert found.verdicts["strict"]["BACKWARD"] in ("breaking", "unproven")


def test_numbers_of_a_counterexample_are_small():
    even, threes = {"type": "integer", "multipleOf": 2}, {"type": "integer", "multipleOf": 3}
    assert compare(even, threes).counterexamples["strict"] == {"BACKWARD": 2, "FORWARD": 3}
    found = compare({"type": "integer"}, {"type": "number", "minimum": 5}).counterexamples["strict"]
    assert found["FORWARD"] == Decimal("5.1")


def test_sixty_properties_are_compared_at_once():
    kinds = [
        {**TEXT, "maxLength": 50},
        {"type": ["string", "null"], "pattern": "^[A-Z]{2,3}$"},
        {"type": "integer", "minimum": 0},
        {"enum": ["a", "b", "c"]},
        closed({"x": TEXT, "y": {"type": "number", "multipleOf": 0.01}}),
        {"type": "array", "items": {**TEXT, "maxLength": 10}},
        {**TEXT, "format": "date-time"},
    ]
    old = closed({f"field_{at}": kinds[at % len(kinds)] for at in range(60)}, [f"field_{at}" for at in range(20)])
    new = copy.deepcopy(old)
    new["properties"]["field_0"]["maxLength"] = 40
    new["properties"]["field_1"]["pattern"] = "^[A-Z]{2,4}$"
    del new["properties"]["field_50"]
    begun = time.process_time()
    found = compare(old, new)
    assert time.process_time() - begun < 1.5
    assert set(found.verdicts["strict"].values()) == {"breaking"}
    assert len(found.counterexamples["strict"]["BACKWARD"]) <= 21  # what is required, and what tells


def test_set_operations_of_canonical_schemas():
    text, short = Canonical.of(TEXT), Canonical.of({**TEXT, "maxLength": 3})
    assert text.covers(short) is Answer.YES
    assert short.minus(text).satisfiability() is Answer.NO
    assert text.both(short).covers(short) is Answer.YES
    assert short.opposite().both(short).satisfiability() is Answer.NO
