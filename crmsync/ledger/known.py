"""Of which records of one side has the ledger ever heard? Their keys, wherever one stands: for who knows a handle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from crmsync.core.model import Side, other
from crmsync.ledger.decode import KEY_OF

_PLACES: Final = (
    ("record", "key", "side = :side"),
    ("link", "{mine}", "active = 1"),
    ("link", "{mine}", "active = 0"),
    ("different", "{mine}", "id > 0"),
    ("review", "{mine}", "side IS NULL"),
    ("review", "left_key", "side = :side"),
    ("review", "right_key", "side = :side"),
    ("dead", "key", "side = :side"),
    ("candidate", "key", "side = :side"),
    ("exclusion", "key", "side = :side"),
    ("merge", "key", "side = :side"),
    ("merge", "survivor", "side = :side"),
    ("distinct", "first_key", "side = :side"),
    ("distinct", "second_key", "side = :side"),
    ("journal", "key", "side = :side AND kind <> 'create'"),
    ("journal", "key", "side = :apart AND kind = 'create'"),
)


def questions(side: Side) -> Iterator[tuple[str, Mapping[str, int]]]:
    """A page of key texts each, with what it is asked with besides the mapping: sorted, those after `:after`."""
    for table, column, where in _PLACES:
        name = column.format(mine=KEY_OF[side])
        values = {word: place for word, place in (("side", side), ("apart", other(side))) if f":{word}" in where}
        yield (
            f"SELECT DISTINCT {name} FROM crmsync_{table} WHERE mapping = :mapping AND {where} AND {name} > :after "
            f"ORDER BY {name} LIMIT :page",
            values,
        )
