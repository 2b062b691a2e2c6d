"""What does one run keep on disk, because it may be more than memory holds?

A SQLite file whose name is taken away as soon as it is open: nobody else reads it, and it goes with the process, even
with one that is killed. What is put in comes back sorted by the text of its key (by UTF-8 bytes), whatever the order in
which it came. Nothing here outlives the run, so nothing is written through to the disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, Final, Literal, NamedTuple, TypeAlias, TypeVar

from crmsync.core.model import Bucket, Json, Key, Side, from_json, key_from_text, key_text, other, to_json
from crmsync.ledger.database import chunks
from crmsync.ledger.decode import key_or_none, text_or_none
from crmsync.ledger.nouns import LinkKeys, PairKeys, RecordRow

T = TypeVar("T")
Row: TypeAlias = tuple[Any, ...]

PAGE: Final = 1000  # keys in one question
TWICE: Final = "the key appears twice in the listing"

WORST_FIRST: Final[tuple[Bucket, ...]] = (
    "failed", "rejected", "held", "waiting", "applied", "out_of_scope", "unchanged",
)  # fmt: skip
"""Which verdict on a record stands when there are two."""

_RANK: Final = {bucket: rank for rank, bucket in enumerate(reversed(WORST_FIRST))}

_TABLES: Final = """
PRAGMA page_size = 16384;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA cache_size = -16000;
CREATE TABLE seen (place INTEGER, key TEXT, PRIMARY KEY (place, key)) WITHOUT ROWID;
CREATE TABLE staged (
    place INTEGER, key TEXT, body BLOB, modified TEXT, fault TEXT, listed INTEGER, partner TEXT,
    outside TEXT NOT NULL DEFAULT '', PRIMARY KEY (place, key)
) WITHOUT ROWID;
CREATE TABLE planned (mapping INTEGER, left_key TEXT, right_key TEXT, state TEXT);
CREATE UNIQUE INDEX planned_left ON planned (mapping, left_key) WHERE left_key IS NOT NULL;
CREATE UNIQUE INDEX planned_right ON planned (mapping, right_key) WHERE right_key IS NOT NULL;
CREATE TABLE bearer (place INTEGER, block TEXT, key TEXT, PRIMARY KEY (place, block, key)) WITHOUT ROWID;
CREATE TABLE note (mapping INTEGER, kind TEXT, body BLOB);
CREATE INDEX note_kind ON note (mapping, kind);
CREATE TABLE line (mapping_no INTEGER, level INTEGER, side INTEGER, key_text TEXT, kind TEXT, text BLOB);
CREATE TABLE verdict (
    place INTEGER, key TEXT, rank INTEGER, raw TEXT, lifted TEXT, era INTEGER, reason TEXT, waits_for TEXT, run TEXT,
    read INTEGER, PRIMARY KEY (place, key)
) WITHOUT ROWID;
"""

_VERDICT: Final = ("rank", "raw", "lifted", "era", "reason", "waits_for", "run")
_SAVE_VERDICT: Final = (
    "INSERT INTO verdict VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (place, key) DO UPDATE SET "
    + "".join(f"{name} = iif(excluded.rank >= rank, excluded.{name}, {name}), " for name in _VERDICT)
    + "read = max(read, excluded.read)"
)


class SpoolError(Exception):
    """The temporary file cannot be written: most likely the disk is full."""


class Staged(NamedTuple):
    """A record that this run has to look at. `listed`: it came with the listing, else it was fetched by key.
    `partner`: the other end of its link in the ledger. `outside`: why it is out of scope whatever it says, else ""."""

    key: Key
    body: bytes
    modified: Json = None
    fault: str | None = None
    listed: bool = True
    partner: Key | None = None
    outside: str = ""


class PlannedLink(NamedTuple):
    """What this run made of a pair; a side that has no record yet is None."""

    keys: PairKeys
    state: Literal["linked", "making", "create", "waiting", "out_of_scope", "held", "rejected", "failed"]


class Line(NamedTuple):
    """One line of the plan, and where it stands there."""

    mapping_no: int
    level: int
    side: int
    key_text: str
    kind: str
    text: bytes


class Spool:
    """Raises SpoolError from every method when the disk is full. One thread only."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(gettempdir())
        with TemporaryDirectory(prefix="crmsync-spool-", dir=folder) as own:
            self._database = sqlite3.connect(Path(own) / "spool.db", isolation_level=None)
            try:
                self._database.executescript(_TABLES)
                self._database.execute("BEGIN")  # and never committed: pages go to the file only when the cache is full
            except sqlite3.OperationalError as error:
                self.close()
                raise SpoolError(self._trouble(error)) from None
        self._numbers: dict[str, int] = {}
        self._sorted = True

    def close(self) -> None:
        self._database.close()

    # Keys seen ---------------------------------------------------------------------------------------------

    def seen(self, mapping: str, side: Side, keys: Sequence[Key]) -> list[Key]:
        """Remembers the keys, and gives those that were seen before, here or in an earlier call."""
        texts = [key_text(key) for key in keys]
        rows = self._rows(
            "INSERT OR IGNORE INTO seen SELECT ?, value FROM json_each(?) WHERE true RETURNING key",
            self._place(mapping, side), _array(texts),
        )  # fmt: skip
        news = {row[0] for row in rows}
        return [key for key, text in zip(keys, texts, strict=True) if not _take_out(news, text)]

    def unseen(self, mapping: str, side: Side, pages: Iterable[list[LinkKeys]]) -> Iterator[list[LinkKeys]]:
        """Of the links those whose record on `side` was not seen, in the same order."""
        for page in pages:
            texts = [key_text(link[side]) for link in page]
            missing = {
                row[0]
                for row in self._rows(
                    "SELECT value FROM json_each(?) WHERE NOT EXISTS "
                    "(SELECT 1 FROM seen WHERE place = ? AND key = value)",
                    _array(texts), self._place(mapping, side),
                )
            }  # fmt: skip
            if left := [link for link, text in zip(page, texts, strict=True) if text in missing]:
                yield left

    # Records to look at ------------------------------------------------------------------------------------

    def stage(self, mapping: str, side: Side, rows: Iterable[Staged]) -> None:
        """A record that is staged already stays as it is."""
        place = self._place(mapping, side)
        self._many(
            "INSERT OR IGNORE INTO staged VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (_staged_row(place, row) for row in rows)
        )

    def mark_duplicate(self, mapping: str, side: Side, keys: Iterable[Key], fault: str = TWICE) -> None:
        """The records get this fault; one that is not staged is staged with nothing else."""
        place = self._place(mapping, side)
        self._many(
            "INSERT INTO staged VALUES (?, ?, x'', NULL, ?, 1, NULL, '') "
            "ON CONFLICT (place, key) DO UPDATE SET fault = excluded.fault",
            ((place, key_text(key), fault) for key in keys),
        )

    def forget(self, mapping: str, side: Side) -> None:
        """All that was seen and staged of this side: it is read anew."""
        for table in ("seen", "staged"):
            self._rows(f"DELETE FROM {table} WHERE place = ?", self._place(mapping, side))

    def staged(self, mapping: str, side: Side, keys: Sequence[Key]) -> dict[Key, Staged]:
        place = self._place(mapping, side)
        return {
            row.key: row
            for page in chunks(keys, PAGE)
            for row in map(
                _staged,
                self._rows(
                    f"SELECT {_STAGED} FROM staged WHERE place = ? AND key IN (SELECT value FROM json_each(?))",
                    place, _array(map(key_text, page)),
                ),
            )
        }  # fmt: skip

    def staged_keys(self, mapping: str, side: Side, keys: Sequence[Key]) -> set[Key]:
        """Those of the keys that are staged."""
        place = self._place(mapping, side)
        return {
            key_from_text(row[0])
            for page in chunks(keys, PAGE)
            for row in self._rows(
                "SELECT key FROM staged WHERE place = ? AND key IN (SELECT value FROM json_each(?))",
                place, _array(map(key_text, page)),
            )
        }  # fmt: skip

    def count(self, mapping: str, side: Side) -> int:
        return int(self._rows("SELECT count(*) FROM staged WHERE place = ?", self._place(mapping, side))[0][0])

    def partners_missing(self, mapping: str, side: Side) -> Iterator[list[Key]]:
        """Pages of the partners of staged records of `side` that are not staged on the other side themselves."""
        for rows in self._walk(
            "SELECT key, partner FROM staged AS one WHERE place = ? AND key > ? AND partner IS NOT NULL AND NOT EXISTS "
            "(SELECT 1 FROM staged WHERE place = ? AND key = one.partner) ORDER BY key LIMIT ?",
            PAGE, self._place(mapping, side), self._place(mapping, other(side)),
        ):  # fmt: skip
            yield [key_from_text(row[1]) for row in rows]

    def pages(self, mapping: str, side: Side, *, alone: bool = False, size: int = 500) -> Iterator[list[Staged]]:
        """The staged records of a side; with `alone` only those whose partner is not staged (or that have none)."""
        place = self._place(mapping, side)
        if not alone:
            sql = f"SELECT {_STAGED} FROM staged WHERE place = ? AND key > ? ORDER BY key LIMIT ?"
            pages = self._walk(sql, size, place)
        else:
            sql = (
                f"SELECT {_STAGED} FROM staged AS one WHERE place = ? AND key > ? AND NOT EXISTS "
                "(SELECT 1 FROM staged WHERE place = ? AND key = one.partner) ORDER BY key LIMIT ?"
            )
            pages = self._walk(sql, size, place, self._place(mapping, other(side)))
        for rows in pages:
            yield [_staged(row) for row in rows]

    # Links of this run -------------------------------------------------------------------------------------

    def link(self, mapping: str, rows: Iterable[PlannedLink]) -> None:
        """A record has one planned link: the last one stands."""
        number = self._number(mapping)
        self._many(
            "INSERT OR REPLACE INTO planned VALUES (?, ?, ?, ?)",
            ((number, *map(text_or_none, keys), state) for keys, state in rows),
        )

    def made(self, mapping: str) -> None:
        """What was being made is planned to be created: what links to it may follow."""
        self._rows("UPDATE planned SET state = 'create' WHERE mapping = ? AND state = 'making'", self._number(mapping))

    def planned(self, mapping: str, side: Side, keys: Sequence[Key]) -> dict[Key, PlannedLink]:
        """By the key on `side`."""
        column = ("left_key", "right_key")[side]
        number = self._number(mapping)
        found: dict[Key, PlannedLink] = {}
        for page in chunks(keys, PAGE):
            texts = {key_text(key): key for key in page}
            for row in self._rows(
                "SELECT left_key, right_key, state FROM planned "
                f"WHERE mapping = ? AND {column} IN (SELECT value FROM json_each(?))",
                number, _array(texts),
            ):  # fmt: skip
                found[texts[row[side]]] = PlannedLink((key_or_none(row[0]), key_or_none(row[1])), row[2])
        return found

    # Who bears which block key ------------------------------------------------------------------------------

    def bear(self, mapping: str, side: Side, rows: Iterable[tuple[Key, Iterable[str]]]) -> None:
        """Rows are (key, blocks): of records that are linked, or that this run makes a counterpart for."""
        place = self._place(mapping, side)
        self._many(
            "INSERT OR IGNORE INTO bearer VALUES (?, ?, ?)",
            ((place, block, key_text(key)) for key, blocks in rows for block in blocks),
        )

    def bearers(self, mapping: str, side: Side, blocks: Sequence[str]) -> Iterator[tuple[str, Key]]:
        """Block and key of those that bear one of these."""
        for page in chunks(blocks, PAGE):
            for block, key in self._rows(
                "SELECT block, key FROM bearer WHERE place = ? AND block IN (SELECT value FROM json_each(?))",
                self._place(mapping, side), _array(page),
            ):  # fmt: skip
                yield block, key_from_text(key)

    # Lines of the plan -------------------------------------------------------------------------------------

    def add(self, rows: Iterable[Line]) -> None:
        self._sorted = False
        self._many("INSERT INTO line VALUES (?, ?, ?, ?, ?, ?)", rows)

    def lines(self) -> Iterator[Line]:
        """All lines, sorted by all they have. Sorted once, so that reading again costs little."""
        if not self._sorted:
            self._sort()
        after = 0
        while rows := self._rows("SELECT rowid, * FROM line WHERE rowid > ? ORDER BY rowid LIMIT ?", after, PAGE):
            after = rows[-1][0]
            yield from (Line(*row[1:]) for row in rows)

    def _sort(self) -> None:
        order = "mapping_no, level, side, key_text, kind, text"
        self._rows(f"CREATE TABLE fresh AS SELECT * FROM line ORDER BY {order}")
        self._rows("DROP TABLE line")
        self._rows("ALTER TABLE fresh RENAME TO line")
        self._sorted = True

    # Notes: what is to be remembered when the plan is done ---------------------------------------------------

    def note(self, mapping: str, kind: str, items: Iterable[Json]) -> None:
        number = self._number(mapping)
        self._many("INSERT INTO note VALUES (?, ?, ?)", ((number, kind, to_json(item)) for item in items))

    def notes(self, mapping: str, kind: str) -> Iterator[Json]:
        """In the order in which they were noted."""
        after = 0
        sql = "SELECT rowid, body FROM note WHERE mapping = ? AND kind = ? AND rowid > ? ORDER BY rowid LIMIT ?"
        while rows := self._rows(sql, self._number(mapping), kind, after, PAGE):
            after = rows[-1][0]
            yield from (from_json(body) for _, body in rows)

    # Verdicts ----------------------------------------------------------------------------------------------

    def save_verdicts(self, rows: Iterable[RecordRow], *, read: bool = True) -> None:
        """Of two verdicts on a record the worse one stands (see WORST_FIRST), of equal ones the later. `read`: the
        record was read in this run, and counts."""
        self._many(_SAVE_VERDICT, (self._verdict_row(row, read) for row in rows))

    def verdicts(self, mapping: str, side: Side) -> Iterator[list[RecordRow]]:
        sql = f"SELECT key, {', '.join(_VERDICT)} FROM verdict WHERE place = ? AND key > ? ORDER BY key LIMIT ?"
        for rows in self._walk(sql, PAGE, self._place(mapping, side)):
            yield [
                RecordRow(mapping, side, key_from_text(key), WORST_FIRST[-1 - rank], *rest) for key, rank, *rest in rows
            ]

    def buckets(self, mapping: str, side: Side, keys: Sequence[Key]) -> dict[Key, Bucket]:
        """The verdict on each of these records that has one."""
        found: dict[Key, Bucket] = {}
        for page in chunks(keys, PAGE):
            rows = self._rows(
                "SELECT key, rank FROM verdict WHERE place = ? AND key IN (SELECT value FROM json_each(?))",
                self._place(mapping, side), _array(map(key_text, page)),
            )  # fmt: skip
            found |= {key_from_text(key): WORST_FIRST[-1 - rank] for key, rank in rows}
        return found

    def tally(self, mapping: str, side: Side) -> dict[Bucket, int]:
        """How many records were read, by bucket; a bucket without any is not there."""
        rows = self._rows(
            "SELECT rank, count(*) FROM verdict WHERE place = ? AND read = 1 GROUP BY rank ORDER BY rank DESC",
            self._place(mapping, side),
        )
        return {WORST_FIRST[-1 - rank]: count for rank, count in rows}

    # -------------------------------------------------------------------------------------------------------

    def _number(self, mapping: str) -> int:
        return self._numbers.setdefault(mapping, len(self._numbers))

    def _place(self, mapping: str, side: Side) -> int:
        return 2 * self._number(mapping) + side

    def _verdict_row(self, row: RecordRow, read: bool) -> Row:
        mapping, side, key, bucket, *rest = row
        return (self._place(mapping, side), key_text(key), _RANK[bucket], *rest, read)

    def _walk(self, sql: str, size: int, place: int, *more: object) -> Iterator[list[Row]]:
        """Pages of a question that asks for `place = ? AND key > ?` first and `LIMIT ?` last."""
        after = ""
        while rows := self._rows(sql, place, after, *more, size):
            yield rows
            after = rows[-1][0]

    def _rows(self, sql: str, *values: object) -> list[Row]:
        try:
            return self._database.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            raise SpoolError(self._trouble(error)) from None

    def _many(self, sql: str, rows: Iterable[Row]) -> None:
        for chunk in chunks(rows, PAGE):
            try:
                self._database.executemany(sql, chunk)
            except sqlite3.OperationalError as error:
                raise SpoolError(self._trouble(error)) from None

    def _trouble(self, error: sqlite3.OperationalError) -> str:
        return f"the temporary file in {self._folder} fails: {error}; make room, or set TMPDIR to another disk"


_STAGED: Final = "key, body, modified, fault, listed, partner, outside"


def _staged_row(place: int, row: Staged) -> Row:
    key, body, modified, fault, listed, partner, outside = row
    text = None if modified is None else to_json(modified).decode()
    return place, key_text(key), body, text, fault, listed, text_or_none(partner), outside


def _staged(row: Row) -> Staged:
    key, body, modified, fault, listed, partner, outside = row
    value = None if modified is None else from_json(modified)
    return Staged(key_from_text(key), body, value, fault, bool(listed), key_or_none(partner), outside)


def _take_out(texts: set[str], text: str) -> bool:
    if text not in texts:
        return False
    texts.remove(text)
    return True


def _array(texts: Iterable[str]) -> str:
    return to_json(list(texts)).decode()
