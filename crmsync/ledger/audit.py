"""What was done, and by whom? Appended with what it tells of, read by record or by run, and verified as a whole.

Rows wait until their transaction ends: the head of the chain is the last row that it locks, so that nobody who waits
for it holds anything that we want.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Final

from crmsync.core.audit import FORGET, PRUNE, Entry, Fault, Head, Row, ends_so, seal, verify
from crmsync.core.model import Side, key_text, to_json
from crmsync.ledger.database import CHUNK, PAGE, Access, Database, Shape, chunks
from crmsync.ledger.exclusions import record_hash, secret_of
from crmsync.ledger.nouns import AuditTampered, NewAudit

_AUDIT: Final = Shape("crmsync_audit", Row._fields)
_ERASED: Final = Shape("crmsync_audit", ("told", "salt", "erased", "n"), ("n",))
_ROW: Final = ", ".join(Row._fields)
_BEFORE_ALL: Final = -(2**63)
SALT: Final = 16  # bytes


@dataclass
class Auditing:
    """Appends to the chain in one transaction. `trace`: the trace of all that it tells."""

    access: Access
    trace: str
    _waiting: list[NewAudit] = field(default_factory=list)

    def add(self, rows: Iterable[NewAudit]) -> None:
        self._waiting.extend(rows)
        if len(self._waiting) >= CHUNK:
            self.flush()

    def flush(self) -> Head:
        """Everything that waits, at once; where the chain stands then."""
        head = head_of(self.access, lock=True)
        if not self._waiting:
            return head
        secret, waiting = secret_of(self.access), self._waiting
        self._waiting = []
        for page in chunks(waiting, CHUNK):
            salts = token_hex(SALT * len(page))
            entries = ((_entry(each, self.trace, secret), _nth(salts, i)) for i, each in enumerate(page))
            rows = list(seal(head, entries))
            self.access.insert(_AUDIT, rows)
            head = Head(rows[-1].n, rows[-1].hash)
        self.access.run("UPDATE crmsync_meta SET value = :head WHERE name = 'audit_head'", head=str(head))
        return head

    def forget(self, mapping: str, side: Side, key_texts: Sequence[str], who: str, now: str, why: str = "") -> None:
        """What was told of these records until now is erased for good; that it was, and why, is told by a row each,
        without the key."""
        told = {"reason": why} if why else {}
        secret = secret_of(self.access)
        for text in key_texts:
            self.flush()
            record = record_hash(secret, mapping, side, text)
            sql = f"SELECT n FROM crmsync_audit WHERE told IS NOT NULL AND {_ABOUT}"
            erased = [n for (n,) in self.access.rows(sql, record=record)]
            self.add([NewAudit(FORGET, mapping, side, (), told, who, None, now, record)])
            self._erase(erased, self.flush().n)

    def prune(self, before: str, who: str, now: str) -> int:
        """What was told before that time (UTC ISO 8601) is erased for good; how many rows. The rows stay."""
        self.flush()
        numbers = [
            n for (n,) in self.access.rows(
                "SELECT n FROM crmsync_audit WHERE told IS NOT NULL AND at < :before", before=before
            )
        ]  # fmt: skip
        if numbers:
            self.add([NewAudit(PRUNE, None, None, (), {"before": before, "rows": len(numbers)}, who, None, now)])
            self._erase(numbers, self.flush().n)
        return len(numbers)

    def _erase(self, numbers: Sequence[int], by: int) -> None:
        self.access.update(_ERASED, ((None, None, by, n) for n in numbers))


_ABOUT: Final = "(source = :record OR target = :record)"


def _entry(new: NewAudit, trace: str, secret: str) -> Entry:
    mapping = new.mapping
    hashes = [record_hash(secret, mapping or "", side, key_text(key)) for side, key in new.records]
    source, target = (*hashes, None, None)[:2]
    told = to_json({"records": new.records, **new.told}).decode()
    return Entry(
        new.now, new.run, trace, new.actor, mapping, new.side, new.event, new.record or source, target, told
    )  # fmt: skip


def _nth(salts: str, place: int) -> str:
    return salts[2 * SALT * place : 2 * SALT * (place + 1)]


# Reading ---------------------------------------------------------------------------------------------------


def head_of(access: Access, *, lock: bool = False) -> Head:
    """Where the ledger says that the chain ends. `lock`: nobody else appends until this transaction ends. Raises
    AuditTampered."""
    row = access.one(f"SELECT value FROM crmsync_meta WHERE name = 'audit_head' {'{lock}' if lock else ''}")
    try:
        return Head.read(str(row[0]) if row else "")
    except ValueError:
        raise AuditTampered("somebody has changed where the ledger says that its audit ends") from None


def about(access: Access, mapping: str, records: Iterable[tuple[Side, str]]) -> list[Row]:
    """Every row about one of these records (sides and key texts), oldest first."""
    secret = secret_of(access)
    found = {}
    for side, text in records:
        record = record_hash(secret, mapping, side, text)
        rows = access.rows(f"SELECT {_ROW} FROM crmsync_audit WHERE {_ABOUT}", record=record)
        found.update({row[0]: Row(*row) for row in rows})
    return [found[n] for n in sorted(found)]


def pages(
    database: Database, after: int = _BEFORE_ALL, run: str | None = None, since: str | None = None
) -> Iterator[list[Row]]:
    """By number; only those of a run, or told at that time (UTC ISO 8601) or later, if one is given."""
    chosen = {name: value for name, value in {"run": run, "since": since}.items() if value is not None}
    where = "".join(_CHOSEN[name] for name in chosen)
    while True:
        with database.reading() as access:
            rows = access.rows(
                f"SELECT {_ROW} FROM crmsync_audit WHERE n > :after{where} ORDER BY n LIMIT :page",
                after=after, page=PAGE, **chosen,
            )  # fmt: skip
        if rows:
            yield [Row(*row) for row in rows]
        if len(rows) < PAGE:
            return
        after = rows[-1][0]


_CHOSEN: Final = {"run": " AND run = :run", "since": " AND at >= :since"}


@dataclass
class Verification:
    """Verifies the whole chain, with what a run may append meanwhile."""

    database: Database
    noted: Head | None = None
    last: Head = field(default_factory=Head)  # where the ledger says that the chain ends

    def result(self) -> Head | Fault:
        """The head of a chain that nobody has touched, or the first thing that is wrong. Raises AuditTampered."""
        end = verify(self._rows(), self.noted)
        return end if isinstance(end, Fault) else ends_so(end, self.last)

    def _rows(self) -> Iterator[tuple[Row, Row | None]]:
        """Every row with the one that erased it. The last look finds nothing new: then `last` is of the end."""
        after, more = _BEFORE_ALL, True
        while more:
            more = False
            with self.database.reading() as access:
                self.last = head_of(access)
            for page in pages(self.database, after):
                erasing = _named(self.database, [row.erased for row in page if row.erased is not None])
                yield from ((row, None if row.erased is None else erasing.get(row.erased)) for row in page)
                after, more = page[-1].n, True


def _named(database: Database, numbers: Sequence[int]) -> Mapping[int, Row]:
    if not numbers:
        return {}
    with database.reading() as access:
        rows = access.rows(f"SELECT {_ROW} FROM crmsync_audit WHERE n {{any:numbers}}", numbers=list(set(numbers)))
    return {row[0]: Row(*row) for row in rows}
