"""Has anybody changed what was told of the past?

Every row seals the one before it: its hash is over that one's hash, its own columns, and a commitment to what it tells.
What it tells can be erased, for a person who is to be forgotten: the commitment is keyed with a salt that goes with it,
so nobody can find out by guessing, and the chain still holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from crmsync.core.model import ABSENT, Json, Side, from_json, to_json

FORGET: Final = "forget"  # erases what was told of its records
PRUNE: Final = "prune"  # erases what was told before it


class Head(NamedTuple):
    """How far a chain goes: the number and the hash of its last row. Whoever has noted it can tell a chain that was cut
    or written anew."""

    n: int = 0
    hash: str = ""

    def __str__(self) -> str:
        return f"{self.n}:{self.hash}"

    @classmethod
    def read(cls, text: str) -> Head:
        """From `38:9f2c…`. Raises ValueError where it is none."""
        number, colon, digits = text.strip().partition(":")
        if not (colon and number.isascii() and number.isdigit() and _is_hash(digits, int(number))):
            raise ValueError(f"{text!r} is no head of an audit; write it as a run printed it, like 38:9f2c…")
        return cls(int(number), digits)


class Entry(NamedTuple):
    """What is told, before it is sealed. `source`, `target`: keyed hashes of the records that it is about; `told`: JSON
    text with their keys and values."""

    at: str
    run: str | None
    trace: str
    actor: str
    mapping: str | None
    side: Side | None
    event: str
    source: str | None
    target: str | None
    told: str


class Row(NamedTuple):
    """A sealed entry. `erased`: the number of the row that tells of the erasing, where `told` and `salt` are gone."""

    n: int
    at: str
    run: str | None
    trace: str
    actor: str
    mapping: str | None
    side: Side | None
    event: str
    source: str | None
    target: str | None
    commitment: str
    hash: str
    told: str | None
    salt: str | None
    erased: int | None = None


class FieldTold(NamedTuple):
    """What a row tells of one field: the line of the mapping's file (0: it is not in the mapping any more), who owns
    it, why it was written, both values, and the person (`who`) where it was their answer."""

    name: str
    line: int
    owner: str
    why: str
    after: Json
    before: Json = ABSENT
    who: str = ""


class Fault(NamedTuple):
    """The first thing that is wrong, by the number of its row."""

    rule: str
    n: int
    message: str


def signed(told: tuple[Json, ...], who: str) -> tuple[Json, ...]:
    """A field as it is told (`FieldTold` without what is ABSENT at its end), with the person whose answer it was."""
    return (*(*told, ABSENT)[:6], who) if who else told


def fields_told(told: Json) -> tuple[FieldTold, ...]:
    """Back from what a row tells (plain JSON)."""
    found = (FieldTold(*each) for each in told.get("fields", ()))
    return tuple(each._replace(after=_read(each.after), before=_read(each.before)) for each in found)


def _read(value: Json) -> Json:
    return ABSENT if value == ABSENT.value else value


def seal(head: Head, entries: Iterable[tuple[Entry, str]]) -> Iterator[Row]:
    """The next rows of a chain that stands at `head`, of entries with a random salt (hex) each."""
    number, before = head
    for entry, salt in entries:
        number += 1
        *public, told = entry
        commitment = _commitment(told, salt)
        columns = (number, *public, commitment)
        before = _hash(before, columns)
        yield Row._make((*columns, before, told, salt, None))


def verify(rows: Iterable[tuple[Row, Row | None]], noted: Head | None = None) -> Head | Fault:
    """Where a whole chain ends, or the first thing that is wrong with it; in constant memory. Rows come by number, each
    with the row that its `erased` names (None where there is none). `noted`: a head that somebody kept elsewhere."""
    at = Head()
    for row, erasing in rows:
        if fault := _fault(at, row, erasing):
            return fault
        at = Head(row.n, row.hash)
        if noted is not None and noted.n == at.n and noted != at:
            return Fault("audit/rewritten", row.n, f"row {row.n} is not the one whose hash was noted")
    if noted is not None and noted.n > at.n:
        return Fault("audit/cut", at.n + 1, f"the chain ends with row {at.n}, and row {noted.n} was noted: it was cut")
    return at


def ends_so(end: Head, last: Head) -> Head | Fault:
    """Does a chain end where the ledger says that its last row is?"""
    if end == last:
        return end
    message = f"the chain ends with row {end.n}, and the ledger says that it ends with row {last.n}"
    return Fault("audit/cut", min(end.n, last.n) + 1, f"{message}: rows were cut off, or added by somebody else")


def _fault(before: Head, row: Row, erasing: Row | None) -> Fault | None:
    expected = before.n + 1
    if row.n != expected:
        what = f"row {expected} is missing" if row.n > expected else f"row {row.n} was put in"
        return Fault("audit/missing" if row.n > expected else "audit/inserted", min(row.n, expected), what)
    if row.hash != _hash(before.hash, (*row[:10], row.commitment)):
        message = f"row {row.n} is not what was sealed: one of its columns was changed, or it was moved or put in"
        return Fault("audit/changed", row.n, message)
    if row.told is None and row.salt is None and row.erased is not None:
        return _not_erased(row, erasing)
    if row.told is None or row.salt is None or row.erased is not None:
        return Fault("audit/told", row.n, f"row {row.n} is half erased: what it told was taken out by somebody else")
    if not is_told_as_sealed(row):
        return Fault("audit/told", row.n, f"what row {row.n} tells is not what it told when it was sealed")
    return None


def is_told_as_sealed(row: Row) -> bool:
    """Does the row tell what it told when it was sealed, or nothing any more? Of its place in the chain, and of its
    columns, only `verify` says something."""
    return row.told is None or row.commitment == _commitment(row.told, row.salt)


def _not_erased(row: Row, erasing: Row | None) -> Fault | None:
    """A row is only erased by a later one that says so."""
    about = {row.source, row.target} - {None}
    match erasing:
        case Row(n=n, event="prune", told=str(told)) if n > row.n and row.at < _before(told):
            return None
        case Row(n=n, event="forget") if n > row.n and about & {erasing.source, erasing.target}:
            return None
    return Fault("audit/told", row.n, f"what row {row.n} told is gone, and no row says that it was to be erased")


def _before(told: str) -> str:
    """Up to when a row says that it erased; "" where it does not say so."""
    try:
        return str(from_json(told)["before"])
    except (ValueError, TypeError, KeyError):
        return ""


def _commitment(told: object, salt: object) -> str:
    try:
        return hashlib.blake2b(str(told).encode(), digest_size=32, key=str(salt).encode()).hexdigest()
    except ValueError:  # a salt that is too long, or text that is none: nothing of ours
        return ""


def _hash(before: str, columns: tuple[object, ...]) -> str:
    return hashlib.blake2b(str(before).encode() + to_json(columns), digest_size=32).hexdigest()


def _is_hash(digits: str, number: int) -> bool:
    if number == 0:
        return digits == ""
    return len(digits) == 64 and set(digits) <= set("0123456789abcdef")
