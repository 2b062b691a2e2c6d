"""The JSON Schemas of our own files."""

import json
import re

import jsonschema
import jsonschema_rs
import pytest
from hypothesis import given

from crmsync.project import schema_text
from crmsync.project.shapes import dotted, misfits
from crmsync.project.yaml import Document
from tests.project.spoilt import KINDS, sound, spoilt


def schemas(node, place=""):
    """Every schema inside a schema, with its place."""
    if not isinstance(node, dict):
        return
    yield place, node
    for key in ("properties", "patternProperties", "definitions"):
        for name, inner in node.get(key, {}).items():
            yield from schemas(inner, f"{place}/{key}/{name}")
    for key in ("additionalProperties", "propertyNames", "items"):
        yield from schemas(node.get(key), f"{place}/{key}")
    for index, inner in enumerate(node.get("anyOf", ())):
        yield from schemas(inner, f"{place}/anyOf/{index}")


@pytest.mark.parametrize("kind", KINDS)
def test_our_schemas_are_draft_07(kind):
    schema = json.loads(schema_text(kind))
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(schema)


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_has_a_description(kind):
    lacking = [
        f"{place}/{key}"
        for place, schema in schemas(json.loads(schema_text(kind)))
        for key, inner in schema.get("properties", {}).items()
        if "description" not in inner
    ]
    assert lacking == []


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_can_be_wrong_has_words_for_it(kind):
    """A finding says what is expected with the `title` of the schema that was not met."""
    lacking = [
        place
        for place, schema in schemas(json.loads(schema_text(kind)))
        if schema.keys() & {"type", "anyOf", "enum", "pattern", "const"} and "title" not in schema
        if schema.get("type") not in ("boolean", "integer", "object") and "/anyOf/" not in place
    ]
    assert lacking == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_file_fits_its_schema(kind):
    assert misfits(kind, Document("f.yaml", sound(kind))) == []


@given(spoilt())
def test_there_are_findings_exactly_where_the_printed_schema_is_not_met(case):
    kind, data = case
    fits = jsonschema_rs.Draft7Validator(json.loads(schema_text(kind))).is_valid(data)
    assert fits == (misfits(kind, Document("f.yaml", data)) == [])


@given(spoilt())
def test_sides_by_name_only_narrow_the_schema(case):
    kind, data = case
    document = Document("f.yaml", data)
    if misfits(kind, document, ("crm", "pm") if kind == "mapping" else ()) == []:
        assert misfits(kind, document) == []


def test_a_way_is_said_in_words():
    assert dotted(("fields", "name", "to_pm", 0)) == "fields.name.to_pm[0]"
    assert re.fullmatch(r"\w+ \w+", dotted(()))
