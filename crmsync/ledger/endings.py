"""How did runs end, and when was the last one that ended so? Counted for good: what is pruned stays counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from crmsync.ledger.database import Access


class Ending(NamedTuple):
    """Of all runs with one exit code: how many there were, and when the last one began and ended (UTC ISO 8601)."""

    n: int
    began: str
    ended: str


def count(access: Access, code: int, began: str, ended: str) -> None:
    access.run(
        "INSERT INTO crmsync_ending (exit, n, began, ended) VALUES (:code, 1, :began, :ended) "
        "ON CONFLICT (exit) DO UPDATE SET n = crmsync_ending.n + 1, began = excluded.began, ended = excluded.ended",
        code=code, began=began, ended=ended,
    )  # fmt: skip


def endings(access: Access) -> Mapping[int, Ending]:
    """By exit code."""
    rows = access.rows("SELECT exit, n, began, ended FROM crmsync_ending ORDER BY exit")
    return {int(code): Ending(int(n), *times) for code, n, *times in rows}
