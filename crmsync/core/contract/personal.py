"""Which places of a contract are about people, of what kind are they, and on which legal basis are they kept?

`x-pii: true` marks a value, or `x-pii: phone` with the kind of it; `x-legal-basis: contract` says why it may be kept.
Both hold for everything inside, unless that says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from crmsync.core.contract.shape import exact, facets
from crmsync.core.model import EACH, Json

PERSONAL: Final = "personal"  # the kind of what is marked without one
ANY: Final = "*"  # in a path: every name that is not declared by itself


@dataclass(frozen=True, slots=True)
class Personal:
    """One place that is about people; no place inside of it is told of by itself. `path`: names, EACH and ANY."""

    path: tuple[str, ...]
    kind: str
    basis: str = ""

    @property
    def text(self) -> str:
        return place_text(self.path)


def place_text(path: Sequence[str]) -> str:
    """`contacts[].phone`."""
    return ".".join(path).replace(f".{EACH}", EACH)


def personal_places(schema: Json) -> tuple[Personal, ...]:
    """All of them, sorted by path."""
    root = exact(schema)
    return tuple(sorted(_within([root], root, None, Personal((), "")), key=lambda each: each.path))


def _within(schemas: Sequence[Json], root: Json, around: frozenset[int] | None, at: Personal) -> Iterator[Personal]:
    """The places at and below `at`, whose kind is "" as long as nothing is marked."""
    found = [facet for schema in schemas for facet in facets(schema, root)]
    above = around or frozenset()
    if not above.isdisjoint(map(id, found)):  # a schema inside of itself
        return
    at = replace(at, kind=_kind(found, at.kind), basis=_basis(found, at.basis))
    inner = above.union(map(id, found))
    parts = [(name, schema) for facet in found for name, schema in _parts(facet)]
    for name in dict.fromkeys(name for name, _ in parts):
        here = [schema for each, schema in parts if each == name]
        yield from _within(here, root, inner, replace(at, path=(*at.path, name)))
    if not parts and at.kind and at.path:
        yield at


def _parts(facet: Json) -> Iterator[tuple[str, Json]]:
    yield from facet.get("properties", {}).items()
    others = [facet[name] for name in ("additionalProperties", "unevaluatedProperties") if name in facet]
    others += facet.get("patternProperties", {}).values()
    yield from ((ANY, each) for each in others if isinstance(each, dict))
    lists = [*facet.get("prefixItems", ()), *(facet[name] for name in ("items", "contains") if name in facet)]
    yield from ((EACH, each) for each in lists if isinstance(each, dict))


def _kind(found: Sequence[Json], above: str) -> str:
    marks = [facet["x-pii"] for facet in found if facet.get("x-pii") not in (None, False)]
    named = [mark for mark in marks if isinstance(mark, str)]
    return named[0] if named else (above or PERSONAL) if marks else above


def _basis(found: Sequence[Json], above: str) -> str:
    named = [facet["x-legal-basis"] for facet in found if isinstance(facet.get("x-legal-basis"), str)]
    return named[0] if named else above
