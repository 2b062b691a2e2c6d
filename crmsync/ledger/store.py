"""What does crmsync know from earlier runs?

`Ledger` answers; everything that changes goes through the `Writer` that `Ledger.writing` gives. Pages of keys go
in, dicts come out; what may be long comes as pages, each its own short question, so that memory stays flat and
nobody waits for a reader.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal

from crmsync.core.audit import Fault, Head, Row
from crmsync.core.handle import Handles
from crmsync.core.model import (
    KINDS,
    PINNED,
    SIDES,
    UNKNOWN_OUTCOME,
    Both,
    Decision,
    Json,
    Key,
    Link,
    Pin,
    Seal,
    Side,
    from_json,
    key_from_text,
    key_text,
    other,
)
from crmsync.ledger import audit, decode, erasure, exclusions, halts, known, lately, merges, pruning
from crmsync.ledger.database import PAGE, Access, Database, chunks
from crmsync.ledger.decode import ALIVE, DEAD, JOURNAL, KEY_OF, LINK, REVIEW, RUN
from crmsync.ledger.nouns import (
    CREATED,
    CRMSYNC,
    PAIRS,
    Counts,
    DeadLetter,
    Era,
    Exclusion,
    Halt,
    JournalLine,
    JournalStatus,
    Label,
    LetterNotOpen,
    LetterState,
    LinkKeys,
    LinkRow,
    MergeRow,
    PairKeys,
    Review,
    ReviewNotOpen,
    ReviewState,
    Run,
    State,
    Tombstone,
)
from crmsync.ledger.schema import LETTERED, UNSETTLED, migrate
from crmsync.ledger.writer import Writer


class Ledger:
    """crmsync's memory. Every reading method may raise LedgerUnreachable."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Ledger:
        """Makes or migrates the tables first. With `create=False` a SQLite file that is not there stays so, and
        the ledger is an empty one that goes with `close`. Raises LedgerUnreachable or LedgerTooNew."""
        database = Database(url, create=create)
        try:
            migrate(database)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def close(self) -> None:
        self.database.close()

    @contextmanager
    def writing(self, fence: tuple[str, int] | None = None, trace: str = "") -> Iterator[Writer]:
        """One transaction: all of it, or nothing when an exception leaves the block. Readers see it afterwards. The
        audit tells of it under this `trace`.
        With the `fence` of a lock it raises LockLost before the first write if somebody took the lock over."""
        with self.database.writing() as access:
            writer = Writer(access, trace)
            if fence:
                writer.check_fence(*fence)
            yield writer
            writer.close()

    @property
    def id(self) -> str:
        """What tells this ledger from any other; another one each time for one that is only temporary."""
        row = self._one("SELECT value FROM crmsync_meta WHERE name = 'id'")
        return str(row[0]) if row else ""

    @property
    def seal(self) -> Seal:
        """What stands for a text in its memory of matching."""
        with self.database.reading() as access:
            return exclusions.sealing(access)

    @property
    def handles(self) -> Handles | None:
        """What stands for keys that are about people; None in a ledger that is only temporary, whose secret is new each
        time."""
        if self.database.is_temporary:
            return None
        with self.database.reading() as access:
            return exclusions.handling(access)

    # Systems, eras, cursors ------------------------------------------------------------------------------

    def instance(self, system: str) -> str | None:
        row = self._one("SELECT instance FROM crmsync_instance WHERE system = :system", system=system)
        return row[0] if row else None

    def era(self, mapping: str) -> Era | None:
        row = self._one("SELECT number, hash, complete FROM crmsync_era WHERE mapping = :mapping", mapping=mapping)
        return Era(row[0], row[1], bool(row[2])) if row else None

    def definition(self, mapping: str) -> Json | None:
        """What the hash of its era is of, as plain JSON; None where there is no era, or where it began before that was
        remembered."""
        row = self._one("SELECT definition FROM crmsync_era WHERE mapping = :mapping", mapping=mapping)
        return from_json(row[0]) if row and row[0] else None

    def census(self, mapping: str) -> Json | None:
        """How common is what its records share, as counted when all of them were looked at; None: never counted."""
        row = self._one("SELECT census FROM crmsync_census WHERE mapping = :mapping", mapping=mapping)
        return from_json(row[0]) if row else None

    def cursor(self, mapping: str, side: Side, entity: str) -> Json | None:
        row = self._one(
            "SELECT value FROM crmsync_cursor WHERE mapping = :mapping AND side = :side AND entity = :entity",
            mapping=mapping, side=side, entity=entity,
        )  # fmt: skip
        return from_json(row[0]) if row else None

    # Records -----------------------------------------------------------------------------------------------

    def states(self, mapping: str, side: Side, keys: Sequence[Key]) -> dict[Key, State]:
        """Only of records that are known, by a verdict, by a link or by a merge."""
        found: dict[Key, State] = {}
        with self.database.reading() as access:
            for texts in _pages(keys):
                partners = decode.partners(access, mapping, side, list(texts))
                survivors = merges.survivors(access, mapping, side, list(texts))
                excluded = exclusions.excluded(access, mapping, side, list(texts))
                rows = access.rows(
                    "SELECT key, bucket, raw, lifted, era, reason, waits_for FROM crmsync_record "
                    "WHERE mapping = :mapping AND side = :side AND key {any:keys}",
                    mapping=mapping, side=side, keys=list(texts),
                )  # fmt: skip
                for text, bucket, raw, lifted, era, reason, waits_for in rows:
                    known = partners.pop(text, None), survivors.pop(text, None), excluded.pop(text, None)
                    found[texts[text]] = State(bucket, raw, lifted, era, reason, waits_for, *known)
                for text in dict.fromkeys([*partners, *survivors, *excluded]):
                    known = partners.get(text), survivors.get(text), excluded.get(text)
                    found[texts[text]] = State(None, None, None, 0, "", None, *known)
        return found

    def unsettled(self, mapping: str, side: Side) -> Iterator[list[Key]]:
        """Pages of the records that are held, waiting, rejected or failed, in the order of their key text."""
        for rows in self._walk(
            "SELECT key FROM crmsync_record {use:crmsync_record_unsettled} "
            f"WHERE mapping = :mapping AND side = :side AND {UNSETTLED} AND key > :after ORDER BY key LIMIT :page",
            lambda row: row[0], mapping=mapping, side=side,
        ):  # fmt: skip
            yield [key_from_text(row[0]) for row in rows]

    def waiting_for(self, mapping: str, side: Side, parents: Sequence[str]) -> list[Key]:
        """The records, whatever their bucket, whose `waits_for` is one of these texts; sorted by key text."""
        with self.database.reading() as access:
            found = {
                row[0]
                for page in chunks(parents, PAGE)
                for row in access.rows(
                    "SELECT key FROM crmsync_record WHERE mapping = :mapping AND side = :side "
                    "AND waits_for {any:parents}",
                    mapping=mapping, side=side, parents=page,
                )
            }  # fmt: skip
        return [key_from_text(text) for text in sorted(found)]

    # Links ---------------------------------------------------------------------------------------------------

    def links(self, mapping: str, side: Side, keys: Sequence[Key]) -> dict[Key, Link]:
        """With their bases, by the key on `side`: live, missing and gone ones, none that was superseded."""
        found: dict[Key, Link] = {}
        with self.database.reading() as access:
            for texts in _pages(keys):
                for row in access.rows(
                    "SELECT id, left_key, right_key, state, missing_left, missing_right, base FROM crmsync_link "
                    f"WHERE mapping = :mapping AND active = 1 AND {KEY_OF[side]} {{any:keys}}",
                    mapping=mapping, keys=list(texts),
                ):  # fmt: skip
                    found[texts[row[1 + side]]] = decode.link(row)
        return found

    def link_keys(self, mapping: str, side: Side) -> Iterator[list[LinkKeys]]:
        """Pages of all links that are not gone, without bases, in the order of the key text on `side`."""
        key = KEY_OF[side]
        for rows in self._walk(
            "SELECT left_key, right_key, state, missing_left, missing_right FROM crmsync_link "
            f"WHERE mapping = :mapping AND {ALIVE} AND {key} > :after ORDER BY {key} LIMIT :page",
            lambda row: row[side], mapping=mapping,
        ):  # fmt: skip
            yield [LinkKeys(key_from_text(row[0]), key_from_text(row[1]), row[2], row[3:5]) for row in rows]

    def live_links(self, mapping: str) -> int:
        """How many links are not gone: what the percentages of `limits` are of."""
        row = self._one(f"SELECT count(*) FROM crmsync_link WHERE mapping = :mapping AND {ALIVE}", mapping=mapping)
        return int(row[0]) if row else 0

    def link_total(self, mapping: str, *, ended: bool = False) -> int:
        """How many `link_rows` there are."""
        row = self._one(
            f"SELECT count(*) FROM crmsync_link WHERE mapping = :mapping{'' if ended else ' AND active = 1'}",
            mapping=mapping,
        )  # fmt: skip
        return int(row[0]) if row else 0

    def link_rows(self, mapping: str, *, ended: bool = False) -> Iterator[list[LinkRow]]:
        """Pages of the links with their story, oldest first; with `ended` the superseded ones too."""
        for rows in self._walk(
            f"SELECT {LINK} FROM crmsync_link WHERE mapping = :mapping AND id > :after "
            f"{'' if ended else 'AND active = 1 '}ORDER BY id LIMIT :page",
            lambda row: row[0], after=0, mapping=mapping,
        ):  # fmt: skip
            yield [decode.link_row(row) for row in rows]

    def links_of(self, mapping: str, side: Side, key: Key) -> list[LinkRow]:
        """Every link that the record ever had, oldest first."""
        with self.database.reading() as access:
            return [decode.link_row(row) for row in decode.links_of(access, mapping, side, key_text(key))]

    def different(self, mapping: str, side: Side, keys: Sequence[Key]) -> set[Both[Key]]:
        """The pairs that a person judged to be two things."""
        found: set[Both[Key]] = set()
        with self.database.reading() as access:
            for texts in _pages(keys):
                rows = access.rows(
                    "SELECT left_key, right_key FROM crmsync_different "
                    f"WHERE mapping = :mapping AND active = 1 AND {KEY_OF[side]} {{any:keys}}",
                    mapping=mapping, keys=list(texts),
                )  # fmt: skip
                found |= {(key_from_text(left), key_from_text(right)) for left, right in rows}
        return found

    def survivors(self, mapping: str, side: Side, keys: Sequence[Key]) -> dict[Key, Key]:
        """Into which record each of these was merged in the end; nothing of one that is itself."""
        found: dict[Key, Key] = {}
        with self.database.reading() as access:
            for texts in _pages(keys):
                merged = merges.survivors(access, mapping, side, list(texts))
                found |= {texts[text]: key for text, key in merged.items()}
        return found

    def exclusions(self, mapping: str) -> list[Exclusion]:
        """The records of a mapping that are left alone for good, in the order in which that was said."""
        with self.database.reading() as access:
            return exclusions.exclusions(access, mapping)

    def known_keys(self, mapping: str, side: Side) -> Iterator[Key]:
        """Of every record of the side that it has ever heard of; one may come several times."""
        for sql, values in known.questions(side):
            for rows in self._walk(sql, lambda row: row[0], mapping=mapping, **values):
                yield from (key_from_text(text) for (text,) in rows)

    def keyed(self, *parts: str) -> str:
        """A hash of texts that tells nothing to who has not this ledger."""
        with self.database.reading() as access:
            return exclusions.keyed(exclusions.secret_of(access), *parts)

    def merges_of(self, mapping: str, side: Side, key: Key) -> list[MergeRow]:
        """Every merge of the record into another one, and of others into it by whatever way, oldest first."""
        with self.database.reading() as access:
            return merges.merges_of(access, mapping, side, key_text(key))

    def merge_of_review(self, n: int) -> MergeRow | None:
        """The merge that the answer to this review made, if it holds."""
        with self.database.reading() as access:
            return merges.of_review(access, n)

    def distinct(self, mapping: str, side: Side) -> set[Both[Key]]:
        """The pairs of records of one side that a person judged to be two things, the lesser key text first."""
        with self.database.reading() as access:
            return merges.distinct(access, mapping, side)

    def candidates(self, mapping: str, side: Side, blocks: Sequence[str]) -> dict[Key, Json]:
        """The features of the remembered unlinked records of `side` that are in one of `blocks`, by key text."""
        found: dict[str, str] = {}
        with self.database.reading() as access:
            for page in chunks(map(exclusions.sealing(access), blocks), PAGE):
                rows = access.rows(
                    "SELECT key, features FROM crmsync_candidate WHERE mapping = :mapping AND side = :side AND key IN "
                    "(SELECT key FROM crmsync_block WHERE mapping = :mapping AND side = :side AND block {any:blocks})",
                    mapping=mapping, side=side, blocks=page,
                )  # fmt: skip
                found.update(rows)
        return {key_from_text(text): from_json(found[text]) for text in sorted(found)}

    def bearers(self, mapping: str, side: Side, blocks: Sequence[str]) -> Iterator[tuple[str, Key]]:
        """Block and key of the linked records of `side` that bear one of these strong blocks, or whose counterpart
        does."""
        sql = (
            "SELECT borne.block, linked.{} FROM crmsync_block borne JOIN crmsync_link linked "
            "ON linked.mapping = borne.mapping AND linked.{} = borne.key AND linked.active = 1 "
            "AND linked.state <> 'gone' "
            "WHERE borne.mapping = :mapping AND borne.side = :at AND borne.block {{any:blocks}}"
        )
        with self.database.reading() as access:
            seal = exclusions.sealing(access)
            asked = {seal(block): block for block in blocks}
            for page in chunks(asked, PAGE):
                for at in SIDES:
                    rows = access.rows(sql.format(KEY_OF[side], KEY_OF[at]), mapping=mapping, at=at, blocks=page)
                    yield from ((asked[block], key_from_text(text)) for block, text in rows)

    def refusals(self, mapping: str, side: Side) -> Counter[Key]:
        """How often a person has said of a record of `side` that another one is not it: two records are different, or
        what was sent and never answered was not made. By its key; few in a ledger's life."""
        key, absent = KEY_OF[side], KEY_OF[other(side)]
        with self.database.reading() as access:
            rows = access.rows(
                f"SELECT {key} FROM crmsync_different WHERE mapping = :mapping AND active = 1", mapping=mapping
            ) + access.rows(
                f"SELECT {key} FROM crmsync_review WHERE mapping = :mapping AND kind = :kind AND take = 'different' "
                f"AND state <> 'withdrawn' AND {absent} IS NULL AND {key} IS NOT NULL",
                mapping=mapping, kind=UNKNOWN_OUTCOME,
            )  # fmt: skip
        return Counter(key_from_text(row[0]) for row in rows)

    def has_candidates(self, mapping: str, side: Side) -> bool:
        """Is any unlinked record of `side` remembered?"""
        sql = "SELECT 1 FROM crmsync_candidate WHERE mapping = :mapping AND side = :side LIMIT 1"
        return self._one(sql, mapping=mapping, side=side) is not None

    # People ----------------------------------------------------------------------------------------------------

    def decisions(self, mapping: str, pairs: Sequence[PairKeys]) -> dict[PairKeys, tuple[Decision, ...]]:
        """The answers of people that have not lapsed. Those about a match are not here: they became links, or
        judgements `different`."""
        found: dict[PairKeys, tuple[Decision, ...]] = {}
        with self.database.reading() as access:
            for page in chunks(pairs, PAGE):
                for review in decode.reviews_of(access, mapping, page):
                    if review.state == "resolved" and review.take in (0, 1, "value"):
                        found[review.keys] = (*found.get(review.keys, ()), decode.decision(review))
        return found

    def pins(self, mapping: str, pairs: Sequence[PairKeys]) -> dict[PairKeys, tuple[Pin, ...]]:
        """The fields of these pairs that wait for an answer before anything is written to them again."""
        found: dict[PairKeys, tuple[Pin, ...]] = {}
        with self.database.reading() as access:
            for page in chunks(pairs, PAGE):
                for review in decode.reviews_of(access, mapping, page):
                    if review.state == "open" and review.kind in PINNED:
                        found[review.keys] = (*found.get(review.keys, ()), decode.pin(review))
        return found

    def made_by(self, run: str, mapping: str) -> list[LinkRow]:
        """The links of the records that a run has made, whatever became of them since."""
        with self.database.reading() as access:
            rows = access.rows(
                f"SELECT {LINK} FROM crmsync_link "
                "WHERE mapping = :mapping AND run = :run AND reason = :reason ORDER BY id",
                mapping=mapping, run=run, reason=CREATED,
            )  # fmt: skip
        return [decode.link_row(row) for row in rows]

    def reviews(
        self,
        mapping: str | None = None,
        state: ReviewState | None = "open",
        kind: str | None = None,
        *,
        after: int = 0,
        limit: int = 1000,
    ) -> list[Review]:
        """By number; None is any."""
        wanted = {"mapping": mapping, "state": state, "kind": kind}
        return [decode.review(row) for row in self._filtered("review", REVIEW, wanted, after, limit)]

    def reviews_about(self, mapping: str, side: Side, keys: Sequence[Key]) -> dict[Key, list[Review]]:
        """The open reviews that name each of these records and a counterpart, by number: none of duplicates."""
        found: dict[Key, list[Review]] = {}
        with self.database.reading() as access:
            for texts in _pages(keys):
                for review in decode.reviews_about(access, mapping, side, list(texts)):
                    key = review.keys[side]
                    assert key is not None  # it was asked for
                    found.setdefault(key, []).append(review)
        return found

    def questions_about(self, mapping: str, records: Sequence[tuple[Side, Key]]) -> list[Review]:
        """The open reviews which is which that name one of these records: matches and duplicates, by number."""
        with self.database.reading() as access:
            found = {
                review.n: review
                for side in SIDES
                if (texts := [key_text(key) for at, key in records if at == side])
                for ask in (decode.reviews_about, decode.duplicates_about)
                for review in ask(access, mapping, side, texts)
                if review.kind in PAIRS
            }
        return [found[n] for n in sorted(found)]

    def labels(self, mapping: str) -> Iterator[Label]:
        """What people have judged of two records, one a side, and what still holds of it: links that a person made,
        and judgements `different`; by key text. Not what was made from each other: they are copies."""
        with self.database.reading() as access:
            same = access.rows(
                "SELECT left_key, right_key, actor, made FROM crmsync_link WHERE mapping = :mapping AND active = 1 "
                "AND actor <> :crmsync AND NOT EXISTS (SELECT 1 FROM crmsync_review asked "
                "WHERE asked.n = crmsync_link.review AND asked.kind = :copied)",
                mapping=mapping, crmsync=CRMSYNC, copied=UNKNOWN_OUTCOME,
            )  # fmt: skip
            different = access.rows(
                "SELECT left_key, right_key, who, made FROM crmsync_different "
                "WHERE mapping = :mapping AND active = 1",
                mapping=mapping,
            )  # fmt: skip
        judged = [(left, right, True, *rest) for left, right, *rest in same]
        judged += [(left, right, False, *rest) for left, right, *rest in different]
        for left, right, verdict, who, when in sorted(judged):
            yield Label((key_from_text(left), key_from_text(right)), verdict, who, when)

    def review(self, n: int) -> Review:
        """Raises ReviewNotOpen where there is none."""
        row = self._one(f"SELECT {REVIEW} FROM crmsync_review WHERE n = :n", n=n)
        if not row:
            raise ReviewNotOpen(f"there is no review {n}; see: crmsync review list")
        return decode.review(row)

    def dead(self, mapping: str, side: Side, keys: Sequence[Key]) -> dict[Key, DeadLetter]:
        """The open letter of each record, or the one a person dropped that its record has not outgrown."""
        found: dict[Key, DeadLetter] = {}
        with self.database.reading() as access:
            for texts in _pages(keys):
                rows = access.rows(
                    f"SELECT {DEAD} FROM crmsync_dead "
                    f"WHERE mapping = :mapping AND side = :side AND {LETTERED} AND key {{any:keys}}",
                    mapping=mapping, side=side, keys=list(texts),
                )  # fmt: skip
                found |= {texts[row[3]]: decode.dead(row) for row in rows}
        return found

    def dead_letters(
        self,
        mapping: str | None = None,
        state: LetterState | None = "open",
        kind: Literal["check", "write"] | None = None,
        *,
        after: int = 0,
        limit: int = 1000,
    ) -> list[DeadLetter]:
        """By number; None is any."""
        wanted = {"mapping": mapping, "state": state, "kind": kind}
        return [decode.dead(row) for row in self._filtered("dead", DEAD, wanted, after, limit)]

    def dead_letter(self, n: int) -> DeadLetter:
        """Raises LetterNotOpen where there is none."""
        row = self._one(f"SELECT {DEAD} FROM crmsync_dead WHERE n = :n", n=n)
        if not row:
            raise LetterNotOpen(f"there is no dead letter {n}; see: crmsync dlq list")
        return decode.dead(row)

    # What was forgotten --------------------------------------------------------------------------------------

    def tombstones(self) -> list[Tombstone]:
        """Of every record that was forgotten, by time."""
        return list(erasure.tombstones(self.database))

    def tombstone(self, mapping: str, side: Side, key: Key) -> Tombstone | None:
        """Of a record that somebody names; None where it was not forgotten."""
        with self.database.reading() as access:
            record = exclusions.record_hash(exclusions.secret_of(access), mapping, side, key_text(key))
        return next((each for each in self.tombstones() if each.record == record), None)

    def keys_holding(self, value: str) -> list[tuple[str, Side, Key]]:
        """Every record (mapping, side, key) that has this text as a part of its key."""
        with self.database.reading() as access:
            return [(name, side, key_from_text(text)) for name, side, text in erasure.keys_holding(access, value)]

    def naming(self, mapping: str, field: str, side: Side, parent: Key) -> list[Key]:
        """The records of `side` of which it was agreed that they name this parent in a field."""
        with self.database.reading() as access:
            return [key_from_text(text) for text in erasure.naming(access, mapping, field, side, parent)]

    def unanswered_about(self, mapping: str, side: Side, key: Key) -> int:
        """How many writes about a record were sent, and never answered."""
        with self.database.reading() as access:
            return erasure.unanswered(access, mapping, side, key)

    def mappings(self) -> list[str]:
        """Every mapping that the ledger has heard of, by name."""
        with self.database.reading() as access:
            return [name for (name,) in access.rows("SELECT mapping FROM crmsync_era ORDER BY mapping")]

    def old(self, what: str, before: str) -> int:
        """How much of it has ended before that time (UTC ISO 8601); see `Writer.drop_old` and `prune_told`."""
        with self.database.reading() as access:
            return pruning.old(access, what, before)

    def compact(self) -> bool:
        """What was erased since the last time leaves the file, also what somebody erased who died before this; False
        where another process was reading, and some of it is still there."""
        with self.database.reading() as access:
            if not erasure.bytes_left(access):
                return True
        if not self.database.compact():
            return False
        with self.database.writing() as access:
            erasure.note_compacted(access)
        return True

    # Audit ---------------------------------------------------------------------------------------------------

    def audit_head(self) -> Head:
        """Where the chain ends. Raises AuditTampered."""
        with self.database.reading() as access:
            return audit.head_of(access)

    def audit(self, after: int = 0, run: str | None = None, since: str | None = None) -> Iterator[list[Row]]:
        """Pages of what was told, by number; only those of a run, or of that time (UTC ISO 8601) or later."""
        return audit.pages(self.database, after, run, since)

    def audit_of(self, mapping: str, records: Iterable[tuple[Side, Key]]) -> list[Row]:
        """All that was told about one of these records, oldest first."""
        with self.database.reading() as access:
            return audit.about(access, mapping, ((side, key_text(key)) for side, key in records))

    def verify_audit(self, noted: Head | None = None) -> Head | Fault:
        """Where the whole chain ends, or the first thing that is wrong with it. `noted`: a head that somebody kept
        elsewhere. Raises AuditTampered."""
        return audit.Verification(self.database, noted).result()

    # Runs --------------------------------------------------------------------------------------------------------

    def runs(self, limit: int = 20) -> list[Run]:
        """Newest first."""
        with self.database.reading() as access:
            rows = access.rows(
                f"SELECT {RUN} FROM crmsync_run ORDER BY started DESC, id DESC LIMIT :limit", limit=limit
            )
        return [decode.run(row) for row in rows]

    def runs_of(self, mapping: str, limit: int) -> list[Run]:
        """The last runs that have ended and had this mapping, newest first."""
        with self.database.reading() as access:
            rows = access.rows(
                f"SELECT {RUN} FROM crmsync_run WHERE ended IS NOT NULL AND selected LIKE :named ESCAPE '!' "
                "ORDER BY started DESC, id DESC LIMIT :limit",
                named=erasure.like(mapping), limit=limit,
            )  # fmt: skip
        return [decode.run(row) for row in rows]

    def whole_runs(self, mode: str, limit: int) -> list[Run]:
        """The last whole runs in this mode that ended well, newest first."""
        with self.database.reading() as access:
            rows = access.rows(
                f"SELECT {RUN} FROM crmsync_run WHERE whole = 1 AND mode = :mode AND exit IN (0, 3) "
                "ORDER BY started DESC, id DESC LIMIT :limit",
                mode=mode, limit=limit,
            )  # fmt: skip
        return [decode.run(row) for row in rows]

    def run(self, run_id: str) -> Run | None:
        row = self._one(f"SELECT {RUN} FROM crmsync_run WHERE id = :id", id=run_id)
        return decode.run(row) if row else None

    def unfinished(self) -> list[Run]:
        """The runs that never ended, oldest first: they crashed, or are at work."""
        with self.database.reading() as access:
            rows = access.rows(f"SELECT {RUN} FROM crmsync_run WHERE ended IS NULL ORDER BY started, id")
        return [decode.run(row) for row in rows]

    def journal(self, run_id: str, statuses: Iterable[JournalStatus] = ()) -> Iterator[list[JournalLine]]:
        """Pages of a run's lines in the order of its plan; only those of `statuses`, if there are any."""
        chosen = list(statuses)
        for rows in self._walk(
            f"SELECT {JOURNAL} FROM crmsync_journal WHERE run = :run AND seq > :after "
            f"{'AND status {any:statuses} ' if chosen else ''}ORDER BY seq LIMIT :page",
            lambda row: row[1], after=-1, run=run_id, **({"statuses": chosen} if chosen else {}),
        ):  # fmt: skip
            yield [decode.journal_line(row) for row in rows]

    def halts(self) -> dict[str, Halt]:
        """By mapping, those that a run has halted and nobody has resumed."""
        with self.database.reading() as access:
            return halts.halts(access)

    def shadow_runs(self, mapping: str) -> list[str]:
        """The runs that recorded what the mapping would have done, newest first."""
        with self.database.reading() as access:
            rows = access.rows(
                "SELECT id FROM crmsync_run WHERE EXISTS (SELECT 1 FROM crmsync_journal WHERE run = id AND "
                "mapping = :mapping AND status = 'shadow') ORDER BY started DESC, id DESC",
                mapping=mapping,
            )  # fmt: skip
        return [row[0] for row in rows]

    def has_written(self, mapping: str) -> bool:
        """Was a record of a system ever written by the mapping? The audit tells, which outlasts the journal."""
        with self.database.reading() as access:
            rows = access.rows(
                "SELECT 1 FROM crmsync_audit WHERE mapping = :mapping AND event {any:writes} LIMIT 1",
                mapping=mapping, writes=list(KINDS),
            )  # fmt: skip
        return bool(rows)

    def unanswered(self, mappings: Sequence[str]) -> Iterator[list[JournalLine]]:
        """Pages of the lines of all runs that were sent, and of which no answer came; in the order of their plans."""
        after = ("", -1)
        while True:
            with self.database.reading() as access:
                rows = access.rows(
                    f"SELECT {JOURNAL} FROM crmsync_journal WHERE status = 'sent' AND mapping {{any:mappings}} "
                    "AND (run > :run OR (run = :run AND seq > :seq)) ORDER BY run, seq LIMIT :page",
                    mappings=list(mappings), run=after[0], seq=after[1], page=PAGE,
                )  # fmt: skip
            if not rows:
                return
            after = rows[-1][0], rows[-1][1]
            yield [decode.journal_line(row) for row in rows]

    def done_before(self, plan: str, mapping: str, keys: Sequence[str]) -> set[bytes]:
        """The lines under these key texts that are done of a plan file whose runs all died or failed: those that are
        not to be done twice when it is applied again."""
        sql = (
            "SELECT line FROM crmsync_journal WHERE mapping = :mapping AND key {any:keys} AND status = 'done' "
            "AND run {any:runs}"
        )
        with self.database.reading() as access:
            runs = access.rows("SELECT id, exit FROM crmsync_run WHERE plan = :plan", plan=plan)
            if not runs or any(code in (0, 3) for _, code in runs):
                return set()
            ids = [run for run, _ in runs]
            return {
                row[0].encode()
                for page in chunks(keys, PAGE)
                for row in access.rows(sql, mapping=mapping, keys=page, runs=ids)
            }

    def runs_with(self, plan: str) -> list[str]:
        """The runs that have applied a plan file, by its digest, or have tried to."""
        with self.database.reading() as access:
            return [run for (run,) in access.rows("SELECT id FROM crmsync_run WHERE plan = :plan", plan=plan)]

    def done_of(self, plan: str) -> set[bytes]:
        """The lines of a plan file that are done, by whichever of its runs."""
        sql = (
            "SELECT line FROM crmsync_journal WHERE status = 'done' "
            "AND run IN (SELECT id FROM crmsync_run WHERE plan = :plan)"
        )
        with self.database.reading() as access:
            return {line.encode() for (line,) in access.rows(sql, plan=plan)}

    def history_of(self, mapping: str, side: Side, key: Key) -> list[JournalLine]:
        """Every line about the record or one that it was ever linked with, newest last. The line of a create bears
        the side that it is made on and the key of the record that it is made from."""
        text = key_text(key)
        with self.database.reading() as access:
            partners = [row[2 + other(side)] for row in decode.links_of(access, mapping, side, text)]
            rows = access.rows(
                f"SELECT {', '.join('j.' + name for name in JOURNAL.split(', '))} FROM crmsync_journal j "
                "JOIN crmsync_run r ON r.id = j.run WHERE j.mapping = :mapping AND ("
                "(j.side = :side AND j.kind <> 'create' AND j.key = :key) OR "
                "(j.side = :other AND j.kind = 'create' AND j.key = :key) OR "
                "(j.side = :other AND j.kind <> 'create' AND j.key {any:partners}) OR "
                "(j.side = :side AND j.kind = 'create' AND j.key {any:partners})) "
                "ORDER BY r.started, j.run, j.seq",
                mapping=mapping, side=side, other=other(side), key=text, partners=partners,
            )  # fmt: skip
        return [decode.journal_line(row) for row in rows]

    def began(self, runs: int) -> str:
        """When the oldest of the last so many runs began; "" where there were less."""
        sql = "SELECT started FROM crmsync_run ORDER BY started DESC, id DESC LIMIT 1 OFFSET :before"
        row = self._one(sql, before=runs - 1)
        return str(row[0]) if row else ""

    def written_lately(
        self, mapping: str, side: Side, keys: Sequence[Key], sources: Sequence[Key], since: str, least: int
    ) -> list[tuple[str, Key, str, bytes]]:
        """Run, key, kind and line, newest first, of what was done since then to the records of `side` that were
        written at least so often: updates under their own keys, creates under those in `sources` that they were made
        from. `keys` and `sources` are in the same order."""
        found: list[tuple[str, Key, str, bytes]] = []
        with self.database.reading() as access:
            for begin in range(0, len(keys), PAGE):
                mine, theirs = keys[begin : begin + PAGE], sources[begin : begin + PAGE]
                found += lately.written(access, (mapping, side), mine, theirs, (since, least))
        return found

    def agreed_at(self, mapping: str, pairs: Sequence[Both[Key]]) -> dict[Both[Key], str]:
        """When each linked pair was last brought into agreement: linked, written, or found to say the same."""
        found: dict[Both[Key], str] = {}
        with self.database.reading() as access:
            for page in chunks(pairs, PAGE):
                for keys, at in decode.agreements(access, mapping, page):
                    found[keys] = max(at, found.get(keys, ""))
        return found

    def counts(self) -> dict[str, Counts]:
        """By mapping, every one that the ledger has heard of."""
        with self.database.reading() as access:
            tallies = [dict(_tally(access, table, where)) for table, where in _COUNTED]
            buckets = access.rows(
                "SELECT mapping, side, bucket, count(*) FROM crmsync_record "
                "GROUP BY mapping, side, bucket ORDER BY mapping, side, bucket"
            )
        of: dict[str, Both[dict[str, int]]] = {
            name: ({}, {}) for name in sorted({row[0] for row in buckets}.union(*tallies))
        }
        for mapping, side, bucket, count in buckets:
            of[mapping][side][bucket] = count
        links, reviews, letters = tallies
        return {
            name: Counts(links.get(name, 0), reviews.get(name, 0), letters.get(name, 0), found)
            for name, found in of.items()
        }

    # -------------------------------------------------------------------------------------------------------------

    def _one(self, sql: str, **values: object) -> tuple[Any, ...] | None:
        with self.database.reading() as access:
            return access.one(sql, **values)

    def _walk(
        self, sql: str, place: Callable[[tuple[Any, ...]], object], *, after: object = "", **values: object
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Pages of a question that says `> :after` and `LIMIT :page`; `place` tells where a row stands."""
        size = 5 * PAGE
        while True:
            with self.database.reading() as access:
                rows = access.rows(sql, after=after, page=size, **values)
            if rows:
                yield rows
            if len(rows) < size:
                return
            after = place(rows[-1])

    def _filtered(
        self, table: str, columns: str, wanted: Mapping[str, str | None], after: int, limit: int
    ) -> list[tuple[Any, ...]]:
        values = {name: value for name, value in wanted.items() if value is not None}
        where = "".join(f" AND {name} = :{name}" for name in values)
        with self.database.reading() as access:
            return access.rows(
                f"SELECT {columns} FROM crmsync_{table} WHERE n > :after{where} ORDER BY n LIMIT :limit",
                after=after, limit=limit, **values,
            )  # fmt: skip


_COUNTED: Final = (("link", ALIVE), ("review", "state = 'open'"), ("dead", "state = 'open'"))


def _tally(access: Access, table: str, where: str) -> list[tuple[str, int]]:
    return [
        (mapping, count)
        for mapping, count in access.rows(
            f"SELECT mapping, count(*) FROM crmsync_{table} WHERE {where} GROUP BY mapping"
        )
    ]


def _pages(keys: Sequence[Key]) -> Iterator[dict[str, Key]]:
    """The keys by their text, a page at a time."""
    for page in chunks(keys, PAGE):
        yield {key_text(key): key for key in page}
