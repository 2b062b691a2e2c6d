"""Where does the audit tell of a record?

Its rows are indexed by shelf, 4096 numbers each, and then by record: what is told now lies together, so that telling
costs the same however much was told before. Who looks for a record looks on every shelf.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from crmsync.ledger.database import PAGE, Access, chunks

_SHELVES: Final = """
WITH RECURSIVE shelf (number) AS (
    SELECT min(n) >> 12 FROM crmsync_audit
    UNION ALL
    SELECT (SELECT min(n) >> 12 FROM crmsync_audit WHERE n > (shelf.number << 12) + 4095) FROM shelf
    WHERE shelf.number IS NOT NULL
)
SELECT number FROM shelf WHERE number IS NOT NULL
"""


def shelves(access: Access) -> list[int]:
    """All that hold a row, whatever its number: somebody may have put it in."""
    return [number for (number,) in access.rows(_SHELVES)]


def about(access: Access, columns: str, record: str, also: str = "1 = 1") -> list[tuple[Any, ...]]:
    """These columns of the rows about a record (its hash), each row once, in no order."""
    found: dict[int, tuple[Any, ...]] = {}
    for page in chunks(shelves(access), PAGE):
        for place in ("source", "target"):
            sql = f"SELECT n, {columns} FROM crmsync_audit WHERE {on_shelf(place)} = :record AND {also}"
            rows: Sequence[tuple[Any, ...]] = access.rows(sql, shelves=page, record=record)
            found.update({n: tuple(row) for n, *row in rows})
    return list(found.values())


def on_shelf(column: str, table: str = "crmsync_audit") -> str:
    """What a statement says to find rows by `source` or `target`, with `shelves` as a parameter."""
    return f"({table}.n >> 12) {{any:shelves}} AND {table}.{column}"
