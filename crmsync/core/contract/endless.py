"""Does a contract say of a value what it says of that same value, and so on without end?"""

from __future__ import annotations

from collections.abc import Iterator

from crmsync.core.contract.shape import REFERENCES, subschemas, target
from crmsync.core.contract.violation import Place
from crmsync.core.model import Json


def endless(root: Json) -> list[tuple[Place, Json]]:
    """The schemas, with their places, whose reference leads back to the value that it came from, not to a part of it;
    of each circle one. Validators would follow it for ever."""
    found: set[int] = set()
    finished: set[int] = set()

    def follow(schema: Json, above: frozenset[int]) -> None:
        if not isinstance(schema, dict) or id(schema) in finished:
            return
        inside = above | {id(schema)}
        for each in _beside(schema, root):
            if id(each) in inside:
                found.add(id(schema))
            else:
                follow(each, inside)
        finished.add(id(schema))

    schemas = list(subschemas(root))
    for _, schema in schemas:
        follow(schema, frozenset())
    return [(place, schema) for place, schema in schemas if id(schema) in found]


def _beside(schema: dict[str, Json], root: Json) -> Iterator[Json]:
    """The schemas that speak of the same value."""
    yield from (target(schema[keyword], root) for keyword in REFERENCES if keyword in schema)
    for keyword in ("allOf", "anyOf", "oneOf"):
        yield from schema.get(keyword, ())
    yield from (schema[keyword] for keyword in ("if", "then", "else", "not") if keyword in schema)
    yield from schema.get("dependentSchemas", {}).values()
