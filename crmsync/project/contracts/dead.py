"""Is there a part of a contract that no value fits?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import compress
from typing import Final

from crmsync.core.compat.canonical import Answer, Canonical, Uncanonical
from crmsync.core.contract.shape import ANNOTATIONS, PLACES, apart, subschemas
from crmsync.core.model import Json
from crmsync.project.yaml import Where

_MEANT: Final[tuple[Json, ...]] = (
    False,
    {"not": {}},
    {"not": True},
)  # nothing is to fit here, and that is said in so many words
_ANY: Final = ("null", "boolean", "integer", "string")
_TYPES: Final[dict[type, str]] = {type(None): "null", bool: "boolean", int: "integer", str: "string"}
_LIMITS: Final = frozenset({
    "type", "minLength", "maxLength", "pattern", "format",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
})  # fmt: skip
_ASIDE: Final = frozenset({"not", "if"})  # what stands in them is not asked of a value
_SILENT: Final = PLACES | ANNOTATIONS | {
    "$schema", "readOnly", "writeOnly", "properties", "additionalProperties", "items",
}  # fmt: skip


def dead_parts(root: Json) -> list[tuple[Where, str]]:
    """The innermost ones, proved, each with the keywords that leave nothing. Of a sound schema."""
    dead = [(place, schema) for place, schema in _candidates(root) if _takes_nothing(root, place, schema)]
    around = {place[:depth] for place, _ in dead for depth in range(len(place))}
    return [(place, _verdict(_telling(schema))) for place, schema in dead if place not in around]


def _candidates(root: Json) -> Iterator[tuple[Where, Json]]:
    """Where two keywords might contradict each other."""
    for place, schema in subschemas(root):
        if isinstance(schema, dict) and schema not in _MEANT and not _ASIDE & set(place):
            telling = _telling(schema)
            if telling not in ([], ["$ref"], ["type"]) and not _is_plainly_met(schema, frozenset(telling)):
                yield place, schema


def _is_plainly_met(schema: Json, telling: frozenset[str]) -> bool:
    """Whether a value that fits is seen at once, as it nearly always is: the canonical form costs much more."""
    types = schema.get("type", _ANY)
    taken = {"integer" if each == "number" else each for each in ([types] if isinstance(types, str) else types)}
    if "enum" in telling:
        return telling <= {"enum", "type"} and any(_TYPES.get(type(value)) in taken for value in schema["enum"])
    if not telling <= _LIMITS:
        return False
    met = (_takes_text(schema, telling), _takes_zero(schema))
    return not taken.isdisjoint(compress(("string", "integer"), met)) or not taken.isdisjoint({"null", "boolean"})


def _takes_text(schema: Json, telling: frozenset[str]) -> bool:
    if "pattern" in telling or "format" in telling:
        return telling <= {"type", "format"}
    return "maxLength" not in telling or bool(schema.get("minLength", 0) <= schema["maxLength"])


def _takes_zero(schema: Json) -> bool:
    """Which is a multiple of everything."""
    least, most = schema.get("minimum", 0), schema.get("maximum", 0)
    above, below = schema.get("exclusiveMinimum", -1), schema.get("exclusiveMaximum", 1)
    return bool(least <= 0 <= most and above < 0 < below)


def _telling(schema: Json) -> list[str]:
    return [keyword for keyword in schema if keyword not in _SILENT and not keyword.startswith("x-")]


def _takes_nothing(root: Json, place: Where, schema: Json) -> bool:
    try:
        return Canonical.of(apart(root, place, schema)).satisfiability() is Answer.NO
    except Uncanonical:
        return False


def _verdict(words: list[str]) -> str:
    named = " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
    return f"{named} {'leaves' if len(words) == 1 else 'leave'} none"
