"""What is compared when one side writes a record and the other one reads it?

strict compares the schemas as they stand. reader-writer compares what is written with what is read: a writer sends
nothing that its contract does not declare (it is closed), a reader passes over what it does not know (it is open) and
fills in defaults.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from crmsync.core.compat.facts import holds
from crmsync.core.contract.shape import LISTED, NAMED, ONE, facets, is_alone, rebuilt
from crmsync.core.model import Json

Policy: TypeAlias = Literal["strict", "reader-writer"]
POLICIES: Final[tuple[Policy, ...]] = ("strict", "reader-writer")

_SAME_VALUE: Final = frozenset({
    "allOf", "anyOf", "oneOf", "if", "then", "else", "dependentSchemas", "$defs", "definitions",
})  # fmt: skip
_TESTS: Final = frozenset({"if", "not"})  # to take more there would be to take less
_SETTLED: Final = ("additionalProperties", "unevaluatedProperties")


def applied(policy: Policy, writer: Json, reader: Json) -> tuple[Json, Json]:
    """What must be included in what, both in 2020-12."""
    return (writer, reader) if policy == "strict" else (written(writer), read(reader))


def written(schema: Json) -> Json:
    """What a careful writer sends: of every object the declared properties only, unless the contract says otherwise."""
    return _closed(schema, schema, is_whole=True)


def _closed(schema: Json, root: Json, *, is_whole: bool) -> Json:
    """`is_whole`: all that is said of one value; what is only a part of it does not close."""
    if not isinstance(schema, dict):
        return schema
    closed = {keyword: _closed_inside(keyword, value, root) for keyword, value in schema.items()}
    around = facets(schema, root)
    if not is_whole or not any(map(_speaks_of_objects, around)) or any(_is_settled(each) for each in around):
        return closed
    for keyword in ("properties", "patternProperties"):
        names = sorted({name for each in around for name in each.get(keyword, {})})
        if names:
            closed[keyword] = dict.fromkeys(names, True) | closed.get(keyword, {})
    return closed | {"additionalProperties": False}


def _closed_inside(keyword: str, value: Json, root: Json) -> Json:
    if keyword in _TESTS:
        return value
    return rebuilt(keyword, value, lambda inner: _closed(inner, root, is_whole=keyword not in _SAME_VALUE))


def _speaks_of_objects(schema: dict[str, Json]) -> bool:
    return "properties" in schema or "patternProperties" in schema or schema.get("type") == "object"


def _is_settled(schema: dict[str, Json]) -> bool:
    return any(keyword in schema for keyword in _SETTLED)


def read(schema: Json) -> Json:
    """What a tolerant reader takes: undeclared properties anywhere, and no value where the contract has a default."""
    return _open(schema, schema)


def _open(schema: Json, root: Json) -> Json:
    if not isinstance(schema, dict):
        return schema
    filled = {
        name
        for each in facets(schema, root)
        for name, inner in each.get("properties", {}).items()
        if _has_default(inner, root)
    }
    opened = {keyword: _open_inside(keyword, value, root, filled) for keyword, value in schema.items()}
    for keyword in _SETTLED:
        if opened.get(keyword) is False:
            del opened[keyword]
    if "oneOf" in opened and "anyOf" not in opened and opened["oneOf"] != schema["oneOf"]:
        opened["anyOf"] = opened.pop("oneOf")  # alternatives that only their names told apart
    return opened


def _open_inside(keyword: str, value: Json, root: Json, filled: set[str]) -> Json:
    if keyword in _TESTS:
        return value
    if keyword == "required":
        return [name for name in value if name not in filled]
    if keyword in ONE | LISTED | NAMED:
        return rebuilt(keyword, value, lambda inner: _open(inner, root))
    return value


def _has_default(schema: Json, root: Json) -> bool:
    """A default that is valid itself; another one would fill in what is then refused."""
    if not isinstance(schema, dict):
        return False
    defaults = [each["default"] for each in facets(schema, root) if "default" in each]
    return bool(defaults) and (not is_alone(schema) or holds(schema, defaults[0]))
