"""Which keys do the JSON Schemas of the three kinds of file allow, and which does docs/mapping.md describe?

A key is spelled as a way from the top of its file: `match.compare.FIELD.as`. Capital words stand for names of the
writer's choice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from crmsync.project import schema_text
from crmsync.project.shapes import Kind
from tests.docs.pages import Row, code, rows

SECTIONS: Final[dict[str, Kind]] = {
    "The mapping file": "mapping",
    "Reference tables": "reference",
    "The project file": "project",
}
NAMES: Final = {
    "": "TABLE", "between": "SIDE", "create": "SIDE", "compare": "FIELD", "fields": "FIELD", "systems": "SYSTEM",
    "entities": "ENTITY", "embed": "NAME", "flags": "MAPPING",
}  # fmt: skip


def allowed(kind: Kind) -> dict[str, str]:
    """The keys with what their schema says of them."""
    schema = json.loads(schema_text(kind))
    return dict(_keys(schema, schema, ""))


def _keys(schema: Any, root: Any, way: str) -> Iterator[tuple[str, str]]:
    if "$ref" in schema:
        schema = {**root["definitions"][schema["$ref"].rpartition("/")[2]], **schema}
    for branch in schema.get("anyOf", ()):
        yield from _keys(branch, root, way)
    if isinstance(schema.get("items"), dict):
        yield from _keys(schema["items"], root, way)
    for key, inner in schema.get("properties", {}).items():
        yield _joined(way, key), inner.get("description", "")
        yield from _keys(inner, root, _joined(way, key))
    if "key of a" in schema.get("propertyNames", {}).get("title", ""):  # the sides stand beside the other keys
        yield _joined(way, "SIDE"), ""
        yield from ((_joined(way, "to_SIDE"), "") for _ in schema.get("patternProperties", ()))
    elif isinstance(schema.get("additionalProperties"), dict):
        name = NAMES.get(way.rpartition(".")[2])
        yield from _keys(schema["additionalProperties"], root, _joined(way, name)) if name else ()


def _joined(way: str, key: str) -> str:
    return f"{way}.{key}" if way else key


def described(kind: Kind) -> list[tuple[str, Row]]:
    """The keys of the tables in the section of this kind; the heading above a table says where its keys stand."""
    found = []
    for row in rows("docs/mapping.md", "key", "default", "meaning"):
        if SECTIONS[row.section] == kind:
            above = re.match(r"`([^`]+)`", row.heading)
            found.append((_joined(above[1] if above else "", code(row.cells[0])), row))
    return found
