"""Is there a part of a contract that no value fits?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from crmsync.core.compat.canonical import Answer, Canonical, Uncanonical
from crmsync.core.contract.shape import apart, subschemas
from crmsync.core.model import Json
from crmsync.project.yaml import Where

_MEANT: Final[tuple[Json, ...]] = (
    False,
    {"not": {}},
    {"not": True},
)  # nothing is to fit here, and that is said in so many words
_ASIDE: Final = frozenset({"not", "if"})  # what stands in them is not asked of a value
_SILENT: Final = frozenset({
    "$schema", "$id", "$anchor", "$defs", "definitions", "title", "description", "$comment", "default", "examples",
    "deprecated", "readOnly", "writeOnly", "properties", "additionalProperties", "items",
})  # fmt: skip


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
            if len(telling) > 1 or telling[:1] not in ([], ["$ref"], ["type"]):
                yield place, schema


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
