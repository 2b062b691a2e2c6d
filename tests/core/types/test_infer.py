"""Which schema is inferred for an expression?"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from crmsync.core.expression import problems
from crmsync.core.model import Json, from_json, to_json
from crmsync.core.types import Read, infer, reads_deprecated, reads_marked
from tests.core.types.contracts import NASTY, ORDER, SHIPPED

CASES = [
    line.split("  =>  ") for line in Path(__file__).with_name("inferred.txt").read_text("utf-8").splitlines() if line
]
LINE = ORDER["$defs"]["line"]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_an_expression_gives_values_of_this_schema(text, expected):
    assert not problems(text)
    assert to_json(infer(text, ORDER).schema).decode() == expected


@pytest.mark.parametrize(
    ("contract", "text", "expected"),
    [
        ("anything", "a.b[0]", True),
        ("nothing said", "@", True),
        ("tree", "name", {"type": "string"}),
        ("tree", "next.next.next.name", {"type": ["string", "null"]}),
        ("tree", "children[].children[].name", {"type": ["array", "null"], "items": {"type": "string"}}),
        ("tree", "value", {"type": ["string", "number", "boolean", "null"]}),
        ("tagged", "contacts[?kind == 'mail'].email", {"type": "array", "items": {"type": "string", "minLength": 3}}),
        ("tagged", "contacts[?kind == 'phone'].number", {"type": "array", "items": {"type": "integer"}}),
        ("tagged", "either[0]", {"type": ["integer", "null"]}),
        ("tagged", "type(either)", {"enum": ["null", "string", "array"]}),
        ("conditions", "kind", {"enum": ["a", "b", "c", None]}),
        ("unevaluated", "a", {"type": ["string", "null"]}),
        ("unevaluated", "else[0]", {"type": ["number", "null"]}),
        ("patterns", "x_a", {"type": ["integer", "null"], "minimum": 5}),
        ("patterns", "plain.a[0]", {"enum": [1, None]}),
        ("patterns", "a_longer_name", {"type": "null"}),
        ("lists", "[0]", {"type": "string"}),
        ("lists", "[1]", {"type": ["integer", "null"]}),
        ("lists", "[4][0]", {"type": ["integer", "null"]}),
        ("lists", "[5]", {"type": "null"}),
        ("conjunctions", "n", {"type": ["number", "null"], "minimum": -3, "maximum": 10, "multipleOf": 0.5}),
        ("conjunctions", "o || 'x'", {"enum": ["b", 1, "x"]}),
        ("conjunctions", "f", {"type": "null"}),
        ("conjunctions", "sum([n, n][*])", {"type": "number", "multipleOf": 0.5}),
        ("conjunctions", "avg([n, n][*])", {"type": ["number", "null"], "minimum": -3, "maximum": 10}),
        ("conjunctions", "n && abs(n)", {"type": ["number", "null"], "minimum": 0, "maximum": 10, "multipleOf": 0.5}),
        ("conjunctions", "n && floor(n)", {"type": ["integer", "null"], "minimum": -3, "maximum": 10}),
        ("a scalar", "@", {"type": ["string", "null", "boolean"], "maxLength": 3}),
        ("a scalar", "length(@)", {"type": "integer", "minimum": 0, "maximum": 3}),
    ],
)
def test_the_rules_of_a_contract_are_understood(contract, text, expected):
    schema = infer(text, NASTY[contract]).schema
    assert to_json(_plain(schema)) == to_json(_plain(expected))


def _plain(schema):
    """Types in one order."""
    if isinstance(schema, dict) and isinstance(schema.get("type"), list):
        return {**schema, "type": sorted(schema["type"])}
    return schema


def test_a_number_that_is_left_out_is_no_boolean():
    source = {"enum": [[1], [True], 0, False, "x"], "not": {"enum": [[1], 0]}}
    assert infer("@ || `9`", source).schema == {"enum": ["x", [True], 9]}


def test_a_number_may_be_spelled_in_several_ways():
    assert infer("to_string(@)", {"const": 1}).schema == {"type": "string", "minLength": 1}
    assert infer("to_string(@)", {"type": ["boolean", "null"]}).schema == {"enum": ["true", "false", "null"]}


@pytest.mark.parametrize("text", ["lines", "reverse(lines)", "sort_by(lines, &price)", "lines[0].parts"])
def test_a_recursive_schema_brings_its_definitions(text):
    schema = infer(text, ORDER).schema
    assert schema["$defs"] == {"line": LINE}
    assert schema["items"] == {"$ref": "#/$defs/line"}


def test_a_narrowed_element_keeps_what_else_is_said_of_it():
    schema = infer("lines[?kind == 'work']", ORDER).schema
    assert schema["items"] == {**LINE, "properties": {**LINE["properties"], "kind": {"const": "work"}}}


def test_annotations_go_with_a_path():
    assert infer("email", SHIPPED["crm/account"]).schema["x-pii"] is True
    assert infer("email", ORDER).schema == {"type": ["string", "null"], "x-pii": True, "deprecated": True}


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("name", []),
        ("email", [(0, ("email",))]),
        ("name || email", [(8, ("email",))]),
        ("address.zip", [(8, ("address", "zip"))]),
        ("{a: address.zip, b: email}", [(12, ("address", "zip")), (20, ("email",))]),
        ("address | zip", [(10, ("address", "zip"))]),
        ("[address][?zip].zip", [(11, ("zip",)), (16, ("zip",))]),
    ],
)
def test_what_is_deprecated_is_found_where_it_is_read(text, reads):
    assert [(read.offset, read.path) for read in reads_deprecated(text, ORDER)] == reads


def test_other_marks_are_found_as_well_inside_of_lists():
    lines = {"type": "array", "items": {"type": "object", "properties": {"who": {"type": "string", "x-pii": True}}}}
    source = {"type": "object", "properties": {"lines": lines}}
    found = reads_marked("lines[?who == 'x'].no", source, lambda schema: bool(schema.get("x-pii")))
    assert found == (Read(7, ("lines", "[]", "who"), {"type": "string", "x-pii": True}),)


def test_the_same_schema_in_another_order_says_the_same():
    turned = from_json(to_json(ORDER))
    assert to_json(infer("@", turned).schema) == to_json(infer("@", ORDER).schema)


def test_an_expression_takes_a_fraction_of_a_millisecond():
    """50 fields in 25 ms; here with room for a busy machine."""
    texts = [text for text, _ in CASES][:100]
    infer("name", source := from_json(to_json(ORDER)))
    started = time.process_time()
    for text in texts:
        infer(text, source)
    assert time.process_time() - started < 0.2


def test_thousands_of_fields_take_a_second():
    names = [f"field_{number}" for number in range(5_000)]
    limits = {name: {"type": ["string", "null"], "maxLength": 10} for name in names}
    source = {"type": "object", "additionalProperties": False, "properties": limits}
    started = time.process_time()
    for name in names:
        infer(name, source)
    assert time.process_time() - started < 1.5


@pytest.mark.parametrize("sign", ["||", "&&"])
def test_a_long_chain_of_conditions_does_not_explode(sign):
    text = f" {sign} ".join(["note", "name && amount", "!(paid || due)"] * 12)
    started = time.process_time()
    infer(f"lines[?{text.replace('note', 'text').replace('amount', 'tags')}]", ORDER)
    infer(text, ORDER)
    assert time.process_time() - started < 2


def test_a_nest_of_calls_does_not_explode():
    text = "lines"
    for _ in range(20):
        text = f"map(&@, {text})"
    nested = "@"
    for _ in range(20):
        nested = f"map(&{nested}, [@])"
    started = time.process_time()
    infer(text, ORDER)
    infer(nested, ORDER)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("text", ["[" * 149 + "@" + "]" * 149, "!" * 149 + "@", " || ".join(["note"] * 149)])
def test_a_deep_nest_is_no_crash(text):
    assert infer(text, ORDER).schema is not False


def test_a_deeply_nested_contract_is_no_crash():
    source: Json = {"type": "string"}
    for _ in range(150):
        source = {"type": "object", "properties": {"a": source}}
    assert infer("a.a.a", source).schema is not False
