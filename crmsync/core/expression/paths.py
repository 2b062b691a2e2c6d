"""What stands at a plain path, and how does another value get there?"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias

from crmsync.core.expression.functions import EvaluationError, said
from crmsync.core.expression.tree import IDENTIFIERS, ExpressionError, names_of, tokens_of
from crmsync.core.model import ABSENT, Json

Path: TypeAlias = tuple[str, ...]


@lru_cache(maxsize=16384)
def plain_path(text: str) -> Path | None:
    """`address."post code"` as ("address", "post code"): only such a place can be written. Else None."""
    return names_of(text) or _names_between_dots(text)


def _names_between_dots(text: str) -> Path | None:
    try:
        *tokens, _end = tokens_of(text)
    except ExpressionError:
        return None
    names, dots = tokens[::2], tokens[1::2]
    is_plain = (
        len(names) == len(dots) + 1
        and all(token["type"] in IDENTIFIERS for token in names)
        and all(token["type"] == "dot" for token in dots)
    )
    return tuple(token["value"] for token in names) if is_plain else None


def get_path(record: Json, path: Path) -> Json:
    """The value at `path`, or ABSENT."""
    for name in path:
        if not isinstance(record, dict) or name not in record:
            return ABSENT
        record = record[name]
    return record


def put_path(record: Json, path: Path, value: Json) -> Json:
    """A new record with `value` at `path`; untouched branches are shared with the old one.

    Objects that are missing or null on the way are made. Putting ABSENT takes the last name away and makes nothing.
    Raises EvaluationError, naming the place, where the way leads through a text, a number or a list.
    """
    if not path:
        return value
    if value is ABSENT and get_path(record, path) is ABSENT:
        return record
    return _put(record, path, 0, value)


def put_paths(record: Json, values: Iterable[tuple[Path, Json]]) -> Json:
    """As `put_path` one after the other, for values that are there, copying each object on the way but once."""
    made: dict[Path, dict[str, Json]] = {(): _own(record, ())}
    for path, value in values:
        node = made[()]
        for depth, name in enumerate(path[:-1], 1):
            below = made.get(path[:depth])
            if below is None:
                below = made[path[:depth]] = node[name] = _own(node.get(name), path[:depth])
            node = below
        node[path[-1]] = value
    return made[()]


def _own(record: Json, path: Path) -> dict[str, Json]:
    if record is None or record is ABSENT:
        return {}
    if not isinstance(record, dict):
        raise EvaluationError(f"{'.'.join(path) or 'the record'} is {said(record)}, not an object")
    return dict(record)


def _put(record: Json, path: Path, depth: int, value: Json) -> Json:
    if depth == len(path):
        return value
    if record is None or record is ABSENT:
        record = {}
    if not isinstance(record, dict):
        raise EvaluationError(f"{'.'.join(path[:depth]) or 'the record'} is {said(record)}, not an object")
    copy = dict(record)
    below = _put(copy.get(path[depth], ABSENT), path, depth + 1, value)
    if below is ABSENT:
        del copy[path[depth]]
    else:
        copy[path[depth]] = below
    return copy
