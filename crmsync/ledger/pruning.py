"""What in the ledger is older than it is wanted? Only what has ended; nothing that a later run still asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from crmsync.ledger.audit import PRUNED
from crmsync.ledger.database import Access, chunks

RUNS: Final = 100  # whose journals go in one statement

_LAST: Final = "n < (SELECT max(n) FROM crmsync_{0})"  # the next number must be a new one
_USED: Final = " AND ".join(
    f"NOT EXISTS (SELECT 1 FROM crmsync_{table} used WHERE used.review = crmsync_review.n AND used.active = 1)"
    for table in ("link", "different", "distinct", "merge")
)
_WHERE: Final[Mapping[str, tuple[str, str]]] = {
    "reviews": (
        "review",
        "state IN ('settled', 'lapsed', 'withdrawn') AND closed < :before "
        "AND NOT (kind = 'unknown-outcome' AND coalesce(take, '') = 'different') "  # counts later tries
        f"AND {_LAST.format('review')} AND {_USED}",
    ),
    "dead_letters": ("dead", f"state = 'closed' AND closed < :before AND {_LAST.format('dead')}"),
    "links": (
        "link",
        "active = 0 AND ended < :before AND NOT EXISTS (SELECT 1 FROM crmsync_merge used WHERE used.active = 1 "
        "AND (used.link_before = crmsync_link.id OR used.link_after = crmsync_link.id))",
    ),
    "audit": ("audit", PRUNED),
}
_OLD_RUNS: Final = (
    "ended < :before AND NOT EXISTS (SELECT 1 FROM crmsync_journal open "
    "WHERE open.run = crmsync_run.id AND open.status = 'sent') AND id <> (SELECT id FROM crmsync_run "
    "ORDER BY started DESC, id DESC LIMIT 1)"
)


def old(access: Access, what: str, before: str) -> int:
    """How many are older than that time (UTC ISO 8601)."""
    if what == "runs":
        return len(_runs(access, before))
    if what == "journal":
        return sum(_lines(access, page) for page in chunks(_runs(access, before), RUNS))
    table, where = _WHERE[what]
    row = access.one(f"SELECT count(*) FROM crmsync_{table} WHERE {where}", before=before)
    return int(row[0]) if row else 0


def _lines(access: Access, runs: list[str]) -> int:
    row = access.one("SELECT count(*) FROM crmsync_journal WHERE run {any:runs}", runs=runs)
    return int(row[0]) if row else 0


def drop_old(access: Access, what: str, before: str) -> int:
    """They go; how many. A run takes its journal with it. Not of the audit: there only what it tells goes."""
    if what in ("runs", "journal"):
        gone = 0
        for page in chunks(_runs(access, before), RUNS):
            lines = access.run("DELETE FROM crmsync_journal WHERE run {any:runs}", runs=page)
            gone += lines if what == "journal" else access.run("DELETE FROM crmsync_run WHERE id {any:runs}", runs=page)
        return gone
    table, where = _WHERE[what]
    return access.run(f"DELETE FROM crmsync_{table} WHERE {where}", before=before)


def _runs(access: Access, before: str) -> list[str]:
    """Those that have ended before, and left nothing open; never the newest one, which tells when the last was."""
    rows = access.rows(f"SELECT id FROM crmsync_run WHERE {_OLD_RUNS} ORDER BY id", before=before)
    return [run for (run,) in rows]
