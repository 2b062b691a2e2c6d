"""Does one schema take every value that another one takes?

The one place that touches `jsonschema_rs.canonicalize`, whose API is young and pinned. What it cannot read, or could
only read in a time without bounds, is `Uncanonical`: never a crash, never a request to a network.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache
from typing import Final, TypeAlias

import jsonschema_rs
from jsonschema_rs import canonical as forms

from crmsync.core.compat.dialect import LATEST, Uncanonical, modern
from crmsync.core.contract.shape import exact, subschemas
from crmsync.core.model import Json, from_json, to_json

__all__ = ["Answer", "Canonical", "Uncanonical", "View"]

View: TypeAlias = forms.CanonicalViewType


class Answer(Enum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class Canonical:
    """A schema in the library's normal form. Formats are asserted; the dialect is 2020-12."""

    node: jsonschema_rs.CanonicalSchema

    @classmethod
    def of(cls, schema: Json, draft: int = LATEST) -> Canonical:
        """Raises Uncanonical."""
        return _canonical(to_json(modern(schema, draft)))

    def covers(self, other: Canonical) -> Answer:
        """Whether every value of `other` is one of this schema."""
        try:
            return Answer(self.node.covers(other.node).value)
        except (ValueError, RecursionError):
            return Answer.UNKNOWN

    def minus(self, other: Canonical) -> Canonical:
        """The values of this schema that `other` does not take. Raises Uncanonical."""
        return self._made(lambda: self.node.subtract(other.node))

    def both(self, other: Canonical) -> Canonical:
        """The values that this schema and `other` take. Raises Uncanonical."""
        return self._made(lambda: self.node.intersect(other.node))

    def opposite(self) -> Canonical:
        """The values that this schema does not take. Raises Uncanonical."""
        return self._made(self.node.negate)

    @staticmethod
    def _made(operation: Json) -> Canonical:
        try:
            return Canonical(operation())
        except (ValueError, RecursionError) as error:
            raise Uncanonical(str(error).splitlines()[0]) from error

    def satisfiability(self) -> Answer:
        """Whether any value is taken at all."""
        try:
            return Answer(self.node.satisfiability().value)
        except ValueError:  # a number with more digits than it likes
            return Answer.UNKNOWN

    @cached_property
    def view(self) -> View:
        """Raises Uncanonical where a number in it has too many digits."""
        try:
            return self.node.view()
        except ValueError as error:
            raise Uncanonical(str(error).splitlines()[0]) from error

    @cached_property
    def schema(self) -> Json:
        """As JSON Schema, with decimals."""
        return exact(self.node.to_json_schema())

    def definition(self, uri: str) -> Canonical:
        """What a reference leads to. Raises Uncanonical."""
        found = self.node.definition(uri)
        if found is None:
            raise Uncanonical(f"{uri} leads nowhere")
        return Canonical(found)


@lru_cache(maxsize=4096)
def _canonical(text: bytes) -> Canonical:
    schema = from_json(text)
    try:
        if _is_involved(schema):
            raise Uncanonical("too many alternatives of alternatives")
        draft = jsonschema_rs.Draft202012
        return Canonical(jsonschema_rs.canonicalize(schema, draft=draft, validate_formats=True, offline=True))
    except (ValueError, RecursionError) as error:
        raise Uncanonical(str(error).splitlines()[0]) from error


def _is_involved(schema: Json) -> bool:
    """Whether spelling its alternatives out would take too long: seconds, where four to the tenth are combined."""
    return any(_alternatives(inner) > _MANY for _, inner in subschemas(schema))


_MANY: Final = 100


def _alternatives(schema: Json) -> int:
    """How many ways one value has, not counting those of its parts."""
    if not isinstance(schema, dict):
        return 1
    product = 2 * _alternatives(schema.get("then", True)) if "if" in schema else 1
    for keyword in ("anyOf", "oneOf"):
        product *= max(1, sum(map(_alternatives, schema.get(keyword, ()))))
    for inner in schema.get("allOf", ()):
        product *= _alternatives(inner)
    return product
