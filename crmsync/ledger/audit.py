"""What was done, and by whom? Appended with what it tells of, read by record or by run, and verified as a whole.

Rows wait until their transaction ends: the head of the chain is the last row that it locks, so that nobody who waits
for it holds anything that we want.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from secrets import token_hex
from typing import Final

from crmsync.core.audit import FORGET, PRUNE, Entry, Fault, Head, Row, ends_so, seal, verify
from crmsync.core.model import Json, Side, from_json, key_text, to_json
from crmsync.ledger import shelves
from crmsync.ledger.database import CHUNK, PAGE, Access, Database, Shape, chunks
from crmsync.ledger.erasure import note_bytes
from crmsync.ledger.exclusions import record_hash, secret_of
from crmsync.ledger.nouns import AuditTampered, LedgerUnreachable, NewAudit

_AUDIT: Final = Shape("crmsync_audit", Row._fields)
_ERASED: Final = Shape("crmsync_audit", ("told", "salt", "erased", "n"), ("n",))
_ROW: Final = ", ".join(Row._fields)
PRUNED: Final = f"told IS NOT NULL AND at < :before AND event <> '{PRUNE}'"
SALT: Final = 16  # bytes


@dataclass
class Auditing:
    """Appends to the chain in one transaction. `trace`: the trace of all that it tells."""

    access: Access
    trace: str
    _waiting: list[Entry] = field(default_factory=list)

    def add(self, rows: Iterable[NewAudit]) -> None:
        self._waiting.extend(_entry(each, self.trace, self._secret) for each in rows)
        if len(self._waiting) >= CHUNK:
            self.flush()

    @cached_property
    def _secret(self) -> str:
        return secret_of(self.access)

    def flush(self) -> Head:
        """Everything that waits, at once; where the chain stands then."""
        head = head_of(self.access, lock=True)
        if not self._waiting:
            return head
        waiting, self._waiting = self._waiting, []
        for page in chunks(waiting, CHUNK):
            salts = token_hex(SALT * len(page))
            rows = list(seal(head, ((each, _nth(salts, i)) for i, each in enumerate(page))))
            self.access.insert(_AUDIT, rows)
            head = Head(rows[-1].n, rows[-1].hash)
        self.access.run("UPDATE crmsync_meta SET value = :head WHERE name = 'audit_head'", head=str(head))
        return head

    def forget(self, mapping: str, side: Side, key_texts: Sequence[str], who: str, now: str, why: str = "") -> None:
        """What was told of these records until now is erased for good; that it was, and why, is told by a row each,
        without the key."""
        told = {"reason": why} if why else {}
        for text in key_texts:
            self.flush()
            record = record_hash(self._secret, mapping, side, text)
            erased = [n for (n,) in shelves.about(self.access, "n", record, "told IS NOT NULL")]
            self.add([NewAudit(FORGET, mapping, side, (), told, who, None, now, record)])
            self._erase(erased, self.flush().n)

    def forget_value(self, pattern: str, who: str, now: str, why: str = "") -> None:
        """What was told of any record, as far as it is like this (`LIKE`, with `!` as its escape), is erased for good;
        a row for each of these records says so."""
        self.flush()
        rows = self.access.rows(
            "SELECT mapping, side, COALESCE(source, target), n FROM crmsync_audit "
            "WHERE told LIKE :pattern ESCAPE '!' AND COALESCE(source, target) IS NOT NULL ORDER BY n",
            pattern=pattern,
        )
        of: dict[tuple[str, Side | None, str], list[int]] = {}
        for mapping, side, record, n in rows:
            of.setdefault((mapping, side, record), []).append(n)
        told = {"reason": why} if why else {}
        for (mapping, side, record), numbers in of.items():
            self.add([NewAudit(FORGET, mapping, side, (), told, who, None, now, record)])
            self._erase(numbers, self.flush().n)

    def prune(self, before: str, who: str, now: str) -> int:
        """What was told before that time (UTC ISO 8601) is erased for good, but for what was pruned; how many rows. The
        rows stay."""
        self.flush()
        numbers = [
            n for (n,) in self.access.rows(
                f"SELECT n FROM crmsync_audit WHERE {PRUNED}", before=before
            )
        ]  # fmt: skip
        if numbers:
            self.add([NewAudit(PRUNE, None, None, (), {"before": before, "rows": len(numbers)}, who, None, now)])
            self._erase(numbers, self.flush().n)
        return len(numbers)

    def _erase(self, numbers: Sequence[int], by: int) -> None:
        if self.access.update(_ERASED, ((None, None, by, n) for n in numbers)):
            note_bytes(self.access)


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
    hashes = [record_hash(secret, mapping, side, text) for side, text in records]
    found = {row[0]: Row(*row) for record in hashes for row in shelves.about(access, _ROW, record)}
    return [found[n] for n in sorted(found)]


def pages(
    database: Database, after: int | None = None, run: str | None = None, since: str | None = None, size: int = PAGE
) -> Iterator[list[Row]]:
    """By number; only those after a number, of a run, or told at that time (UTC ISO 8601) or later, if one is given."""
    wanted = {"after": after, "run": run, "since": since}
    while True:
        chosen = {name: value for name, value in wanted.items() if value is not None}
        where = " AND ".join(["1 = 1", *(_CHOSEN[name] for name in chosen)])
        with database.reading() as access:
            rows = access.rows(
                f"SELECT {_ROW} FROM crmsync_audit WHERE {where} ORDER BY n LIMIT :size", size=size, **chosen
            )
        if rows:
            yield [Row(*row) for row in rows]
        if len(rows) < size:
            return
        wanted["after"] = rows[-1][0]


_CHOSEN: Final = {"after": "n > :after", "run": "run = :run", "since": "at >= :since"}


@dataclass
class Verification:
    """Verifies the whole chain, with what a run may append meanwhile."""

    database: Database
    noted: Head | None = None
    last: Head = field(default_factory=Head)  # where the ledger says that the chain ends
    after: int | None = None  # the last row that was read
    known: Row | None = None  # the first one that tells its records

    def result(self) -> Head | Fault:
        """The head of a chain that nobody has touched, or the first thing that is wrong. Raises AuditTampered, and
        LedgerUnreachable where nothing can be read."""
        try:
            end = verify(self._rows(), self.noted)
        except LedgerUnreachable:
            return self._unreadable()
        found = end if isinstance(end, Fault) else ends_so(end, self.last)
        return found if isinstance(found, Fault) else self._other_secret() or found

    def _rows(self) -> Iterator[tuple[Row, Row | None]]:
        """Every row with the one that erased it. The last look finds nothing new: then `last` is of the end."""
        more = True
        while more:
            more = False
            with self.database.reading() as access:
                self.last = head_of(access)
            for page in self._pages():
                erasing = _named(self.database, [row.erased for row in page if row.erased is not None])
                yield from ((row, None if row.erased is None else erasing.get(row.erased)) for row in page)
                self.known = self.known or next((row for row in page if _records(row)), None)
                self.after, more = page[-1].n, True

    def _pages(self) -> Iterator[list[Row]]:
        try:
            yield from pages(self.database, self.after)
        except LedgerUnreachable:  # one of its rows cannot be read: those before it can
            yield from pages(self.database, self.after, size=1)

    def _unreadable(self) -> Fault:
        """The row after the last one that can be read. Raises LedgerUnreachable where that is not the reason."""
        chosen = "" if self.after is None else f"WHERE n > {self.after}"
        with self.database.reading() as access:
            row = access.one(f"SELECT min(n) FROM crmsync_audit {chosen}")
        n = 0 if row is None or row[0] is None else int(row[0])
        return Fault("audit/changed", n, f"row {n} cannot be read: it holds what is no text")

    def _other_secret(self) -> Fault | None:
        """Are records still known by the secret that they were told under?"""
        if self.known is None:
            return None
        with self.database.reading() as access:
            secret = secret_of(access)
        side, key = _records(self.known)[0]
        with suppress(ValueError):  # no hex digits any more
            if self.known.source == record_hash(secret, self.known.mapping or "", side, key_text(tuple(key))):
                return None
        return Fault(
            "audit/secret", 0, "somebody has changed the ledger's secret: it knows nobody again who is forgotten"
        )


def _records(row: Row) -> list[tuple[Side, list[Json]]]:
    """Those that a row tells of by their keys."""
    return from_json(row.told).get("records", []) if row.told and row.source else []


def _named(database: Database, numbers: Sequence[int]) -> Mapping[int, Row]:
    if not numbers:
        return {}
    with database.reading() as access:
        rows = access.rows(f"SELECT {_ROW} FROM crmsync_audit WHERE n {{any:numbers}}", numbers=list(set(numbers)))
    return {row[0]: Row(*row) for row in rows}
