"""What does a schema of an older draft say, in the words of JSON Schema 2020-12?

Drafts 4, 6, 7 and 2019-09 are read; a `$schema` in the document decides which one, else the caller. `format` is
asserted in 2020-12, as contracts are; in an older draft it stays what it is there, an annotation, and is left out.
"""

from __future__ import annotations

from typing import Final

import jsonschema_rs

from crmsync.core.contract.shape import ANNOTATIONS, NAMED, REFERENCES, exact, rebuilt, subschemas, with_plain_integers
from crmsync.core.model import Json

LATEST: Final = 2020
_DRAFTS: Final = {"draft-04": 4, "draft-06": 6, "draft-07": 7, "2019-09": 2019, "2020-12": LATEST}
DIALECTS: Final = {
    4: "http://json-schema.org/draft-04/schema#", 6: "http://json-schema.org/draft-06/schema#",
    7: "http://json-schema.org/draft-07/schema#", 2019: "https://json-schema.org/draft/2019-09/schema",
    LATEST: "https://json-schema.org/draft/2020-12/schema",
}  # fmt: skip
_UNKNOWN: Final = {
    4: ("const", "contains", "propertyNames", "examples", "if", "then", "else"),
    6: ("if", "then", "else"),
}
_LATER: Final = (
    "dependentRequired", "dependentSchemas", "minContains", "maxContains", "unevaluatedProperties", "unevaluatedItems",
    "$anchor",
)  # fmt: skip
_DROPPED: Final = ("contentEncoding", "contentMediaType", "contentSchema", "$comment", "$schema")
_BESIDE_REF: Final = frozenset({"$ref", "definitions", "$defs"}) | ANNOTATIONS


class Uncanonical(ValueError):
    """This schema is none, refers to what is not there, or is too involved for an answer."""


def modern(schema: Json, draft: int = LATEST) -> Json:
    """The schema in 2020-12, with decimals for floats; what describes a content asserts nothing and is left out. Raises
    Uncanonical where it is no schema of its draft."""
    draft = draft_of(schema, draft)
    try:
        if not _is_schema(schema, draft):
            raise Uncanonical(f"is no schema of draft {draft}")
        return _one_document(with_plain_integers(_modern(exact(schema), draft)))
    except RecursionError:
        raise Uncanonical("is nested too deeply") from None


def draft_of(schema: Json, draft: int) -> int:
    """The draft that its `$schema` names, or else this one."""
    declared = schema.get("$schema") if isinstance(schema, dict) else None
    return next((number for word, number in _DRAFTS.items() if isinstance(declared, str) and word in declared), draft)


def _is_schema(schema: Json, draft: int) -> bool:
    if not isinstance(schema, dict):
        return isinstance(schema, bool)
    try:
        return jsonschema_rs.meta.is_valid({**schema, "$schema": DIALECTS[draft]})
    except ValueError as error:
        raise Uncanonical(str(error).splitlines()[0]) from error


def _one_document(root: Json) -> Json:
    """Without `$id` inside, which only names; one that is the base of a reference makes a document in a document."""
    for place, schema in subschemas(root):
        if place and isinstance(schema, dict) and "$id" in schema:
            if any(
                keyword in inner for _, inner in subschemas(schema) if isinstance(inner, dict) for keyword in REFERENCES
            ):
                raise Uncanonical("holds documents of their own, with references inside")
            del schema["$id"]
    return root


def _modern(schema: Json, draft: int) -> Json:
    if not isinstance(schema, dict):
        return schema
    said = {keyword: value for keyword, value in schema.items() if keyword not in _DROPPED}
    if draft < LATEST:
        said = _renewed(said, draft)
    known = {keyword: value for keyword, value in said.items() if keyword not in NAMED or isinstance(value, dict)}
    return {keyword: rebuilt(keyword, value, lambda inner: _modern(inner, draft)) for keyword, value in known.items()}


def _renewed(schema: dict[str, Json], draft: int) -> dict[str, Json]:
    old = dict(schema)
    if draft == 4 and "id" in old:
        old["$id"] = old.pop("id")
    if draft <= 7 and "$ref" in old:
        old = {keyword: value for keyword, value in old.items() if keyword in _BESIDE_REF}
    unknown = ("format", "prefixItems", *(_LATER if draft <= 7 else ()), *_UNKNOWN.get(draft, ()))
    old = {keyword: value for keyword, value in old.items() if keyword not in unknown}
    if draft == 4:
        _exclusive(old)
    _named(old)
    _tuple(old)
    _dependent(old)
    if "$recursiveRef" in old:
        old["$ref"] = old.pop("$recursiveRef")
    return old


def _exclusive(schema: dict[str, Json]) -> None:
    """In draft 4 `exclusiveMinimum: true` stands beside its `minimum`."""
    for limit, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if schema.get(exclusive) is True and limit in schema:
            schema[exclusive] = schema.pop(limit)
        elif isinstance(schema.get(exclusive), bool):
            del schema[exclusive]


def _named(schema: dict[str, Json]) -> None:
    if str(schema.get("$id", "")).startswith("#"):
        schema["$anchor"] = schema.pop("$id")[1:]


def _tuple(schema: dict[str, Json]) -> None:
    rest = schema.pop("additionalItems", None)
    if isinstance(schema.get("items"), list):
        schema["prefixItems"] = schema.pop("items")
        if rest is not None:
            schema["items"] = rest
        if not schema["prefixItems"]:
            del schema["prefixItems"]


def _dependent(schema: dict[str, Json]) -> None:
    for name, needs in schema.pop("dependencies", {}).items():
        if isinstance(needs, list):
            schema.setdefault("dependentRequired", {})[name] = needs
        else:
            schema.setdefault("dependentSchemas", {})[name] = needs
