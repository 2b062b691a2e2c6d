"""Which kinds of values are there, and which keywords of a schema speak of each?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from crmsync.core.contract.shape import verdict
from crmsync.core.model import Json

Kind: TypeAlias = str
KINDS: Final[tuple[Kind, ...]] = ("text", "number", "boolean", "list", "object", "null")
KIND_OF_TYPE: Final = {
    "string": "text", "number": "number", "integer": "number", "boolean": "boolean", "array": "list",
    "object": "object", "null": "null",
}  # fmt: skip
KEYWORDS: Final[Mapping[Kind, frozenset[str]]] = {
    "text": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
    "list": frozenset({
        "prefixItems", "items", "minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains",
    }),
    "object": frozenset({
        "properties", "patternProperties", "additionalProperties", "required", "minProperties", "maxProperties",
        "propertyNames", "dependentRequired",
    }),
    "boolean": frozenset(),
    "null": frozenset(),
}  # fmt: skip
WHOLE: Final = {"type": "integer"}
LEAST: Final = {"text": "minLength", "list": "minItems", "object": "minProperties"}
MOST: Final = {"text": "maxLength", "list": "maxItems", "object": "maxProperties"}
SCALARS: Final = ("null", "boolean", "number", "text")

Fact: TypeAlias = Mapping[str, Json]
"""Keywords that speak of values of one kind; their subschemas are `Schema`."""


def fits(value: Json, fact: Fact) -> bool:
    """Whether a scalar keeps keywords; what cannot be decided counts as kept."""
    return all(_keeps(value, keyword, limit) for keyword, limit in fact.items())


def _keeps(value: Json, keyword: str, limit: Json) -> bool:
    try:
        return verdict(keyword, limit)(value)
    except (ValueError, TypeError):
        return True


def same(left: Json, right: Json) -> bool:
    """Whether a comparison finds two values equal: 1 is 1.0, and is not true."""
    return bool(left == right) and (left.__class__ is bool) is (right.__class__ is bool)


def matches(pattern: str, name: str) -> bool:
    """Whether a name may match; so it does where that cannot be decided."""
    try:
        return verdict("pattern", pattern)(name)
    except ValueError:
        return True
