"""Where do records come from when a schema has more alternatives than can be spelled out?

From what it says besides: a record of that, and of that with one condition at a time, on which the record then acts.
Not all of them are records of the schema; who asks checks that.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from crmsync.core.model import Json

_BRANCHING: Final = frozenset({"anyOf", "oneOf", "if", "then", "else", "not", "allOf", "dependentSchemas"})
_SOME: Final = 30  # conditions


def relaxed(inner: Json, outer: Json) -> Iterator[Json]:
    """Schemas like `inner`, each without nearly all of its alternatives; with the conditions of either."""
    said = inner if isinstance(inner, dict) else {}
    rest = {keyword: value for keyword, value in said.items() if keyword not in _BRANCHING}
    yield rest
    for condition in islice(_conditions(inner, outer), _SOME):
        yield {"allOf": [condition["if"], condition.get("then", True)], **rest}
        yield {"allOf": [condition["if"]], **rest}


def _conditions(*schemas: Json) -> Iterator[dict[str, Json]]:
    """Those of the whole value, the ones of which the schemas differ first."""
    lists = [list(_of(schema)) for schema in schemas]
    apart = [each for one, other in (lists, lists[::-1]) for each in one if each not in other]
    yield from (*apart, *(each for each in lists[0] if each not in apart))


def _of(schema: Json) -> Iterator[dict[str, Json]]:
    for part in (schema, *schema.get("allOf", ())) if isinstance(schema, dict) else ():
        if isinstance(part, dict) and "if" in part:
            yield part
