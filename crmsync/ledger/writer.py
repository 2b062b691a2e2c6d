"""What is remembered for the next run? One transaction of the ledger, in bulk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final, TypeAlias

from crmsync.core.model import (
    SIDES,
    UNKNOWN_OUTCOME,
    Agreed,
    Both,
    Hold,
    Json,
    Key,
    Mark,
    Side,
    key_from_text,
    key_text,
    to_json,
)
from crmsync.ledger import decode, endings, erasure, exclusions, halts, merges, pruning
from crmsync.ledger.audit import Auditing
from crmsync.ledger.codec import encode_base, encode_value, merge_base, storable
from crmsync.ledger.database import CHUNK, PAGE, Access, Shape, chunks
from crmsync.ledger.decode import DEAD, KEY_OF, text_or_none
from crmsync.ledger.merges import Merging
from crmsync.ledger.nouns import (
    CREATED,
    CRMSYNC,
    DUPLICATE,
    MATCH,
    WHICH_IS_WHICH,
    DeadLetter,
    Halt,
    JournalStatus,
    LetterNotOpen,
    LockLost,
    Merge,
    MergeRow,
    NewAudit,
    NewDead,
    NewDuplicate,
    NewLink,
    NewMerge,
    NewRun,
    PairKeys,
    RecordRow,
    Review,
    ReviewNotOpen,
    Says,
    Take,
    Why,
    WrongAnswer,
)
from crmsync.ledger.schema import ASKED, LETTERED

News: TypeAlias = Mapping[str, Agreed | None]

_INSTANCE: Final = Shape("crmsync_instance", ("system", "instance"), ("system",))
_ERA: Final = Shape("crmsync_era", ("mapping", "number", "hash", "complete", "began", "definition"), ("mapping",))
_CENSUS: Final = Shape("crmsync_census", ("mapping", "census"), ("mapping",))
_RUN: Final = Shape(
    "crmsync_run",
    ("id", "started", "mode", "actor", "host", "pid", "selected", "whole", "plan", "trace", "summary"),
    ("id",),
)
_JOURNAL: Final = Shape(
    "crmsync_journal", ("run", "seq", "mapping", "side", "key", "kind", "line", "status", "message")
)
_SENT: Final = Shape("crmsync_journal", ("status", "token", "sent", "at", "run", "seq"), ("run", "seq"))
_OUTCOME: Final = Shape("crmsync_journal", ("status", "message", "at", "run", "seq"), ("run", "seq"))
_LINK: Final = Shape(
    "crmsync_link",
    (
        "mapping", "left_key", "right_key", "active", "state", "missing_left", "missing_right", "base", "score",
        "reason", "actor", "run", "made", "review",
    ),
)  # fmt: skip
_BASE: Final = Shape("crmsync_link", ("base", "id"), ("id",))
_MARK: Final = Shape(
    "crmsync_link",
    ("state", "missing_left", "missing_right", "mapping", "left_key", "right_key"),
    ("mapping", "left_key", "right_key"),
    where="active = 1",
)
_DIFFERENT: Final = Shape("crmsync_different", ("mapping", "left_key", "right_key", "active", "who", "made", "review"))
_RECORD: Final = Shape(
    "crmsync_record",
    ("mapping", "side", "key", "bucket", "raw", "lifted", "era", "reason", "waits_for", "run"),
    ("mapping", "side", "key"),
)
_UNMARKED: Final = replace(_RECORD, where="run <> ''")  # not a mark of `look_again` that no run has taken up
_CANDIDATE: Final = Shape("crmsync_candidate", ("mapping", "side", "key", "features"), ("mapping", "side", "key"))
_BLOCK: Final = Shape("crmsync_block", ("mapping", "side", "block", "key"), ("mapping", "side", "block", "key"))
_CURSOR: Final = Shape("crmsync_cursor", ("mapping", "side", "entity", "value"), ("mapping", "side", "entity"))
_REVIEW: Final = Shape(
    "crmsync_review",
    (
        "n", "mapping", "left_key", "right_key", "kind", "field", "left_value", "right_value", "left_base",
        "right_base", "message", "run", "opened", "state", "who", "side", "score", "against",
    ),
)  # fmt: skip
_ASKED_ANEW: Final = Shape("crmsync_review", ("message", "score", "against", "n"), ("n",))
_LETTER: Final = Shape("crmsync_dead", tuple(DEAD.split(", ")), ("n",))
_CLOSED: Final = Shape("crmsync_dead", ("state", "closed", "n"), ("n",))

UNSETTLED_BUCKETS: Final = frozenset({"held", "waiting", "rejected", "failed"})


class Writer:
    """All that changes in one transaction. Rows come as any iterable and go in bulk."""

    def __init__(self, access: Access, trace: str = "") -> None:
        self._access = access
        self._auditing = Auditing(access, trace)

    def check_fence(self, name: str, token: int) -> None:
        """Raises LockLost unless this token still holds the lock; nobody can take it before we are through."""
        sql = "SELECT token, held FROM crmsync_lock WHERE name = :name {lock}"
        if self._access.one(sql, name=name) != (token, 1):
            raise LockLost(name)

    # Audit ----------------------------------------------------------------------------------------------------

    def audit(self, rows: Iterable[NewAudit]) -> None:
        """To be told for good, once this transaction ends well, in the order in which it came."""
        self._auditing.add(rows)

    def close(self) -> None:
        """Nothing more comes in this transaction."""
        self._auditing.flush()

    def forget(self, mapping: str, side: Side, key: Key, who: str, now: str, why: str = "") -> Counter[str]:
        """Everything about this record is erased, and a tombstone put up in its place: how many rows of each table. The
        bytes are gone once `Ledger.compact` is done. Of one that has a tombstone, and nothing else, nothing is told."""
        text = key_text(key)
        erased = erasure.erase(self._access, mapping, side, key)
        first = exclusions.excluded(self._access, mapping, side, [text]).get(text) != "forgotten"
        self._note_bytes(erased.total() + first)  # what earlier runs had dropped of it may be in the file, too
        if first or erased:
            self.exclude(mapping, side, [key], "forgotten", who, now)
            self.erase_told(mapping, side, [key], who, now, why)
        return erased

    def forget_value(self, value: str | int, who: str, now: str, why: str = "") -> Counter[str]:
        """A personal key is erased where other records hold it as a value, too: how many rows of each table."""
        erased = erasure.erase_value(self._access, value)
        self._auditing.forget_value(erasure.like(value), who, now, why)
        return erased

    def erase_examples(self, refs: Sequence[str]) -> int:
        """The summaries of runs name these records (as they are written there) no more: how many did."""
        return self._note_bytes(erasure.erase_examples(self._access, refs))

    def erase_told(self, mapping: str, side: Side, keys: Sequence[Key], who: str, now: str, why: str = "") -> None:
        """What the audit tells of these records is erased for good: one row of the event `forget` each says that it
        was, and the chain still holds."""
        self._auditing.forget(mapping, side, [key_text(key) for key in keys], who, now, why)

    def drop_old(self, what: str, before: str) -> int:
        """What has ended before that time (UTC ISO 8601) goes: journal, runs, reviews, dead_letters or links; how
        many."""
        return self._note_bytes(pruning.drop_old(self._access, what, before))

    def prune_told(self, before: str, who: str, now: str) -> int:
        """What the audit tells of the time before (UTC ISO 8601) is erased for good, and a row of the event `prune`
        says so; how many rows. The rows stay, and the chain holds."""
        return self._auditing.prune(before, who, now)

    # Systems, eras, cursors ---------------------------------------------------------------------------------

    def stamp_instance(self, system: str, instance: str) -> None:
        self._access.upsert(_INSTANCE, [(system, instance)])

    def begin_era(self, mapping: str, hash_: str, now: str, definition: Json = None) -> int:
        """The number of the era of this hash: the present one if it is the same, else a new, incomplete one that
        remembers the `definition`."""
        row = self._access.one("SELECT number, hash FROM crmsync_era WHERE mapping = :mapping", mapping=mapping)
        number, present = row or (0, None)
        if present == hash_:
            return int(number)
        told = None if definition is None else to_json(definition).decode()
        self._access.upsert(_ERA, [(mapping, number + 1, hash_, 0, now, told)])
        self._access.run("DELETE FROM crmsync_census WHERE mapping = :mapping", mapping=mapping)
        return int(number) + 1

    def complete_era(self, mapping: str) -> None:
        self._access.run("UPDATE crmsync_era SET complete = 1 WHERE mapping = :mapping", mapping=mapping)

    def save_census(self, mapping: str, census: Json) -> None:
        self._access.upsert(_CENSUS, [(mapping, to_json(census).decode())])

    def save_cursor(self, mapping: str, side: Side, entity: str, value: Json) -> None:
        self._access.upsert(_CURSOR, [(mapping, side, entity, to_json(value).decode())])

    # Runs -------------------------------------------------------------------------------------------------------

    def start_run(self, run: NewRun) -> None:
        *head, selected, whole, plan, trace = run
        self._access.insert(_RUN, [(*head, to_json(selected).decode(), int(whole), plan, trace, "null")])

    def end_run(self, run_id: str, now: str, exit_code: int, summary: Json) -> None:
        """What it has not begun it never will."""
        self._access.run(
            "UPDATE crmsync_journal SET status = 'stale', message = :why, at = :now "
            "WHERE run = :id AND status = 'pending'",
            id=run_id, now=now, why="the run ended before its turn came",
        )  # fmt: skip
        self._access.run(
            "UPDATE crmsync_run SET ended = :now, exit = :code, summary = :summary WHERE id = :id",
            id=run_id, now=now, code=exit_code, summary=to_json(summary).decode(),
        )  # fmt: skip
        began = self._access.one("SELECT started FROM crmsync_run WHERE id = :id", id=run_id)
        endings.count(self._access, exit_code, began[0] if began else now, now)

    def save_journal(
        self, run_id: str, lines: Iterable[tuple[int, str, int, str, str, bytes]], status: JournalStatus = "pending"
    ) -> None:
        """Lines are (seq, mapping, side, key text, kind, JSON text)."""
        self._access.insert(
            _JOURNAL,
            (
                (run_id, seq, mapping, side, key, kind, line.decode(), status, "")
                for seq, mapping, side, key, kind, line in lines
            ),
        )

    def send_journal(self, run_id: str, lines: Iterable[tuple[int, str | None, bytes | None]], now: str) -> None:
        """From here on these lines may have taken effect. Lines are (seq, `token`, `sent`): see `JournalLine`."""
        self._access.update(
            _SENT, (("sent", token, sent and sent.decode(), now, run_id, seq) for seq, token, sent in lines)
        )

    def settle_journal(self, run_id: str, outcomes: Iterable[tuple[int, JournalStatus, str, str]]) -> None:
        """Outcomes are (seq, status, message, now)."""
        self._access.update(
            _OUTCOME, ((status, storable(message), now, run_id, seq) for seq, status, message, now in outcomes)
        )

    def halt(self, new: Halt) -> None:
        """No run touches the mapping until a person resumes it."""
        halts.halt(self._access, new)
        self.audit([NewAudit("halt", new.mapping, None, (), {"why": new.why}, CRMSYNC, new.run, new.at)])

    def resume(self, mappings: Sequence[str], who: str, now: str) -> None:
        """Runs take these mappings up again."""
        halts.resume(self._access, mappings)
        self.audit(NewAudit("resume", mapping, None, (), {}, who, None, now) for mapping in mappings)

    # Links ------------------------------------------------------------------------------------------------------

    def save_links(self, links: Iterable[NewLink]) -> None:
        """A link that one of the records had is superseded: kept, but it holds no more. So is a judgement
        `different` on the pair; reviews of one of the records with anything else lapse. The audit tells of those that
        no create tells of."""
        for mapping, group in groupby(links, key=lambda link: link.mapping):
            for chunk in _one_to_one(group):
                self._insert_links(mapping, chunk)
                self.audit(_linked(link) for link in chunk if link.reason != CREATED)

    def _insert_links(self, mapping: str, links: list[NewLink], review: int | None = None) -> None:
        pairs = {(key_text(link.keys[0]), key_text(link.keys[1])): link for link in links}
        self._make_room(mapping, list(pairs), links[0].now)
        self._access.insert(
            _LINK,
            (
                (
                    mapping, left, right, 1, "live", 0, 0, encode_base(link.base), link.score, storable(link.reason),
                    link.actor, link.run, link.now, review,
                )
                for (left, right), link in pairs.items()
            ),
        )  # fmt: skip

    def _make_room(self, mapping: str, pairs: list[tuple[str, str]], now: str) -> None:
        texts = ([left for left, _ in pairs], [right for _, right in pairs])
        for column, keys in zip(KEY_OF, texts, strict=True):
            self._access.run(
                "UPDATE crmsync_link SET active = 0, ended = :now "
                f"WHERE mapping = :mapping AND active = 1 AND {column} {{any:keys}}",
                mapping=mapping, keys=keys, now=now,
            )  # fmt: skip
        if self._any("different", mapping, "active = 1"):
            self._end_different(mapping, pairs, now)
        if self._any("review", mapping, ASKED):
            self._lapse_strangers(mapping, texts, frozenset(pairs), now)

    def split(self, mapping: str, pairs: Iterable[Both[Key]], who: str, now: str) -> None:
        """A person says that these are two things: their link is superseded, and they are not proposed again."""
        chosen = list(pairs)
        texts = [(key_text(left), key_text(right)) for left, right in chosen]
        self.audit(NewAudit("split", mapping, None, _pair(keys), {}, who, None, now) for keys in chosen)
        for left, right in texts:
            self._access.run(
                "UPDATE crmsync_link SET active = 0, ended = :now "
                "WHERE mapping = :mapping AND active = 1 AND left_key = :left AND right_key = :right",
                mapping=mapping, left=left, right=right, now=now,
            )  # fmt: skip
        self._judge_different(mapping, texts, who, now)

    # Merges -----------------------------------------------------------------------------------------------------

    @property
    def _merging(self) -> Merging:
        return Merging(self._access, lambda link: self._insert_links(link.mapping, [link]), self.look_again)

    def merge(self, new: Merge) -> None:
        """Two records of one side are one: the survivor has the other's live link from now on, with the base of every
        field in which it says what was agreed. Where both are linked, their counterparts are merged, too. Raises
        MergeRefused, and BothLinked where both are linked with others than those."""
        self._merging.merge(new)
        self.audit(_merged(each) for each in new if each)

    def unmerge(self, merged: MergeRow, says: Says, who: str, now: str) -> list[MergeRow]:
        """Takes a merge back, and that of the counterparts that was made with it: gives those that ended. The link that
        the record had is made again where nothing else has taken its place, with the base of every field in which the
        counterpart (`says`) still says what was agreed."""
        ended = self._merging.unmerge(merged, says, who, now)
        for each in ended:
            two = ((each.side, each.survivor), (each.side, each.key))
            self.audit([NewAudit("unmerge", each.mapping, each.side, two, {}, who, None, now)])
        return ended

    def judge_distinct(self, mapping: str, side: Side, keys: Both[Key], who: str, now: str) -> None:
        """A person says that two records of one side are two things: they are not proposed as duplicates again."""
        self._merging.judge_distinct(mapping, side, keys, who, now)
        two = ((side, keys[0]), (side, keys[1]))
        self.audit([NewAudit("distinct", mapping, side, two, {}, who, None, now)])

    def exclude(self, mapping: str, side: Side, keys: Sequence[Key], why: Why, who: str, now: str) -> None:
        """These records are left alone from now on: they and what they are linked with are out of scope, whatever they
        say. The next run looks at them again."""
        exclusions.exclude(self._access, mapping, side, keys, why, who, now)
        if why != "forgotten":  # that is told without the key: see `erase_told`
            self._told_each("exclude", mapping, side, keys, {"why": why}, who, now)
            self.drop_candidates(mapping, side, keys)
            self.close_dead(mapping, side, keys, now)
            self._lapse_about(mapping, side, keys, now)
            self.look_again(mapping, side, keys, f"{why} by {who}")

    def include(self, mapping: str, side: Side, keys: Sequence[Key], who: str, now: str) -> None:
        """They are not left alone any more; what was forgotten stays so."""
        exclusions.include(self._access, mapping, side, keys, ("excluded", "reverted"))
        self._told_each("include", mapping, side, keys, {}, who, now)
        self.look_again(mapping, side, keys, f"included by {who}")

    def save_bases(self, mapping: str, rows: Iterable[tuple[Both[Key], News]]) -> None:
        """These fields of the bases become new (or go, where they are None), the others stay. Of a pair that a person
        has split in between nothing is remembered."""
        for page in chunks(rows, CHUNK):
            bases = self._bases(mapping, page)
            for keys, news in page:
                if keys in bases:
                    number, text = bases[keys]
                    bases[keys] = number, merge_base(text, news)
            self._access.update(_BASE, ((text, number) for number, text in bases.values()))

    def _bases(self, mapping: str, page: list[tuple[Both[Key], News]]) -> dict[Both[Key], Any]:
        lefts = {key_text(keys[0]): keys for keys, _ in page}
        rows = self._access.rows(
            "SELECT id, left_key, right_key, base FROM crmsync_link "
            "WHERE mapping = :mapping AND active = 1 AND left_key {any:lefts}",
            mapping=mapping, lefts=list(lefts),
        )  # fmt: skip
        return {lefts[left]: (number, base) for number, left, right, base in rows if key_text(lefts[left][1]) == right}

    def save_marks(self, marks: Iterable[Mark]) -> None:
        """The new states of links that hold; of a pair that is not linked any more nothing is marked."""
        self._access.update(
            _MARK,
            (
                (mark.state, *mark.missing, mark.mapping, key_text(mark.keys[0]), key_text(mark.keys[1]))
                for mark in marks
            ),
        )

    def end_links(self, mapping: str, marks: Sequence[Mark], gone: Both[Sequence[Key]], now: str) -> None:
        """Links that are gone, with all that was remembered of those of their records that are there no more."""
        self.save_marks(marks)
        for side in SIDES:
            self.drop_records(mapping, side, gone[side])
            self.drop_candidates(mapping, side, gone[side])
            self.close_dead(mapping, side, gone[side], now)
            self._lapse_duplicates(mapping, side, gone[side], now)
        for page in chunks([mark.keys for mark in marks], PAGE):
            self._lapse([review.n for review in decode.reviews_of(self._access, mapping, page)], now)

    # Records ------------------------------------------------------------------------------------------------------

    def save_records(self, rows: Iterable[RecordRow]) -> None:
        """Fingerprints of a record that is not settled are not kept, so that it is looked at again. One that was marked
        to be looked at again, and that no run has taken up since, stays so."""
        self._access.upsert(
            _UNMARKED,
            (
                (mapping, side, key_text(key), bucket, None, None, *rest)
                if bucket in UNSETTLED_BUCKETS
                else (mapping, side, key_text(key), bucket, raw, lifted, *rest)
                for mapping, side, key, bucket, raw, lifted, *rest in rows
            ),
        )

    def look_again(self, mapping: str, side: Side, keys: Sequence[Key], reason: str) -> None:
        """What a person decided about these records outlives what the last run thought, and what the one that is at
        work will think: one that waits keeps no fingerprint, and every run revisits it, a delta too."""
        rows = ((mapping, side, key_text(key), "waiting", None, None, 0, reason, None, "") for key in keys)
        self._access.upsert(_RECORD, rows)

    def take_up(self, mapping: str, run_id: str) -> None:
        """This run, which has not read anything yet, looks at all that was marked until now: its verdict stands."""
        sql = "UPDATE crmsync_record SET run = :run WHERE mapping = :mapping AND raw IS NULL AND run = ''"
        self._access.run(sql, run=run_id, mapping=mapping)

    def drop_records(self, mapping: str, side: Side, keys: Iterable[Key]) -> None:
        """Records that are gone: they are not revisited any more."""
        self._delete(("record",), mapping, side, keys)

    def save_candidates(self, mapping: str, side: Side, rows: Iterable[tuple[Key, Json, tuple[str, ...]]]) -> None:
        """Rows are (key, features, blocks); what was remembered of the record before goes. A linked record has no
        features: it is nobody's candidate, and its blocks tell its twins. Of a block its seal is kept."""
        seal = exclusions.sealing(self._access)
        for chunk in chunks(rows, CHUNK):
            last = {key_text(key): (features, blocks) for key, features, blocks in chunk}
            self._delete_texts(("block",), mapping, side, list(last))
            self._delete_texts(("candidate",), mapping, side, [key for key, row in last.items() if row[0] is None])
            singles = ((key, row[0]) for key, row in last.items() if row[0] is not None)
            self._access.upsert(_CANDIDATE, ((mapping, side, key, to_json(told).decode()) for key, told in singles))
            borne = ((key, block) for key, row in last.items() for block in sorted(set(map(seal, row[1]))))
            self._access.insert(_BLOCK, ((mapping, side, block, key) for key, block in borne))

    def drop_candidates(self, mapping: str, side: Side, keys: Iterable[Key]) -> None:
        self._delete(("block", "candidate"), mapping, side, keys)

    # Reviews --------------------------------------------------------------------------------------------------------

    def save_holds(
        self, mapping: str, looked_at: Iterable[PairKeys], holds: Iterable[Hold], run_id: str, now: str
    ) -> None:
        """Of the pairs that were looked at (and those held), the reviews are now these holds: one with the same
        values stays, answered or not, in the words of today while it is open; every other one lapses, and what is new
        is opened. What was sent and never answered stays until a person or a link answers it."""
        wanted = {_hold_identity(hold): hold for hold in holds}
        pairs = dict.fromkeys([*looked_at, *(hold.keys for hold in wanted.values())])
        lapsed: list[int] = []
        reworded: list[tuple[str, float | None, str, int]] = []
        for page in chunks(pairs, PAGE):
            for review in decode.reviews_of(self._access, mapping, page):
                hold = wanted.pop(_review_identity(review), None)
                if hold is None and review.kind != UNKNOWN_OUTCOME:
                    lapsed.append(review.n)
                if hold is not None and review.state == "open" and review.message != storable(hold.message):
                    reworded.append((storable(hold.message), hold.score, _reasons(hold.against), review.n))
        self._lapse(lapsed, now)
        self._access.update(_ASKED_ANEW, reworded)
        fresh = self._not_judged(mapping, list(wanted.values()))
        number = self._last("review")
        self._access.insert(_REVIEW, (_review_row(n, hold, run_id, now) for n, hold in enumerate(fresh, number + 1)))

    def ask(self, mapping: str, holds: Iterable[Hold], run_id: str, now: str) -> None:
        """Open a review for each of these holds that has none; no other review lapses."""
        wanted = {_hold_identity(hold): hold for hold in holds}
        for page in chunks([hold.keys for hold in wanted.values()], PAGE):
            for review in decode.reviews_of(self._access, mapping, page):
                wanted.pop(_review_identity(review), None)
        number = self._last("review")
        self._access.insert(
            _REVIEW, (_review_row(n, hold, run_id, now) for n, hold in enumerate(wanted.values(), number + 1))
        )

    def ask_duplicates(self, duplicates: Iterable[NewDuplicate]) -> int:
        """Opens a review for each two records that none is open of and that no person has judged; how many."""
        chosen = {(each.mapping, each.side, frozenset(each.keys)): each for each in duplicates}
        for mapping, side in sorted({place[:2] for place in chosen}):
            rows = self._access.rows(
                "SELECT left_key, right_key FROM crmsync_review "
                "WHERE mapping = :mapping AND side = :side AND state IN ('open', 'settled')",
                mapping=mapping, side=side,
            )  # fmt: skip
            for left, right in rows:
                chosen.pop((mapping, side, frozenset((key_from_text(left), key_from_text(right)))), None)
        number = self._last("review")
        self._access.insert(_REVIEW, (_duplicate_row(n, each) for n, each in enumerate(chosen.values(), number + 1)))
        return len(chosen)

    def save_duplicates(
        self, mapping: str, looked_at: Iterable[Review], asked: Sequence[NewDuplicate], now: str
    ) -> None:
        """Of the open reviews that were looked at those are left that are asked again, in the words of today; what is
        new is opened, but for what a person has judged or linked meanwhile."""
        wanted = {(each.side, frozenset(each.keys)): each for each in asked}
        lapsed: list[int] = []
        reworded: list[tuple[str, float | None, str, int]] = []
        for review in looked_at:
            same = wanted.get((review.side or 0, frozenset(key for _, key in review.records)))
            if same is None:
                lapsed.append(review.n)
            elif storable(same.message) != review.message:
                reworded.append((storable(same.message), same.score, _reasons(()), review.n))
        self._lapse(lapsed, now)
        self._access.update(_ASKED_ANEW, reworded)
        self.ask_duplicates(each for side in SIDES for each in self._undecided(mapping, side, asked))

    def _undecided(self, mapping: str, side: Side, asked: Sequence[NewDuplicate]) -> Iterator[NewDuplicate]:
        """Those of `side` whose second record has neither a link nor a survivor, and that nobody called two things."""
        mine = [each for each in asked if each.side == side]
        judged = set(map(frozenset, merges.distinct(self._access, mapping, side))) if mine else set()
        for page in chunks(mine, PAGE):
            texts = [key_text(each.keys[1]) for each in page]
            taken = {
                *decode.partners(self._access, mapping, side, texts),
                *merges.survivors(self._access, mapping, side, texts),
            }
            for each, text in zip(page, texts, strict=True):
                if text not in taken and frozenset(each.keys) not in judged:
                    yield each

    def mark_later(self, n: int, who: str | None, when: str | None) -> None:
        """It stays open, and is asked last; None: in its turn again. Raises ReviewNotOpen."""
        review = self._review(n)
        if review.state != "open":
            raise ReviewNotOpen(f"review {n} is {review.state}{_by(review)}, not open; see: crmsync review list")
        sql = "UPDATE crmsync_review SET later_who = :who, later = :at WHERE n = :n"
        self._access.run(sql, n=n, who=who, at=when)

    def open_reviews(self, mapping: str) -> int:
        row = self._access.one(
            "SELECT count(*) FROM crmsync_review WHERE mapping = :mapping AND state = 'open'", mapping=mapping
        )
        return int(row[0]) if row else 0

    def resolve_review(self, n: int, take: Take, value: Json, who: str, now: str, merging: Merge | None = None) -> None:
        """A side or a `value` answers a held field; `same` or `different` a match: that links the pair, or keeps it
        from being proposed again. Where the pair lacks a record, `value` gives its key for `same`. Duplicates that are
        the same are merged as `merging` says. Raises ReviewNotOpen, WrongAnswer or MergeRefused."""
        review = self._review(n)
        if review.state != "open":
            raise ReviewNotOpen(f"review {n} is {review.state}{_by(review)}, not open; see: crmsync review list")
        if not review.takes:
            raise WrongAnswer(f"review {n} ({review.kind}) has no answer here: mend the record at its source, then run")
        if take not in review.takes:
            raise WrongAnswer(f"review {n} ({review.kind}) asks for {_asked(review)}, not {take}")
        if take == "same" and review.side is None:
            self._link_reviewed(review, value, who, now)
        if take == "same" and review.side is not None:
            if merging is None:
                raise WrongAnswer(f"review {n} is about duplicates: nobody has said how they are to be merged")
            self._merging.merge(merging, n)
            self.audit(_merged(each) for each in merging if each)
        if take == "different" and review.kind == MATCH:
            self._judge_different(review.mapping, [_texts(review.keys)], who, now, n)
        if take == "different" and review.side is not None:
            self._judge_duplicate_different(review, who, now)
        state = "settled" if take in ("same", "different") else "resolved"
        self._answer(n, state, str(take), to_json(value).decode(), who, now)
        self.audit([_decided(review, take, value, who, now)])

    def reopen_review(self, n: int) -> None:
        """Takes an answer back; a link or a judgement made by it goes too, and the questions that its link had ended
        are asked again. The answer is kept as `withdrawn`. Raises ReviewNotOpen where there is no answer, or it has
        lapsed."""
        review = self._review(n)
        if review.state not in ("resolved", "settled"):
            raise ReviewNotOpen(f"review {n} is {review.state}, there is no answer to take back")
        for table in ("link", "different", "distinct"):
            self._access.run(
                f"UPDATE crmsync_{table} SET active = 0, ended = :now WHERE review = :n AND active = 1",
                n=n, now=review.closed,
            )  # fmt: skip
        asked = ", ".join(name for name in _REVIEW.columns if name not in ("n", "state"))
        self._access.run(
            f"INSERT INTO crmsync_review (n, state, take, value, closed, {asked}) "
            f"SELECT :number, 'withdrawn', take, value, closed, {asked} FROM crmsync_review WHERE n = :n",
            number=self._last("review") + 1, n=n,
        )  # fmt: skip
        self._answer(n, "open", None, None, "", None)
        if review.kind == MATCH and review.take == "same" and review.closed:
            self._ask_again(review, review.closed)

    # Dead letters -----------------------------------------------------------------------------------------------------

    def save_dead(self, letters: Iterable[NewDead]) -> None:
        """A record has at most one open letter. Another failure of it is written there: one more of `attempts`
        when the record has changed or it was a write, and of `tries` when it has not changed. A letter that a
        person dropped stays dropped until the record changes."""
        for (mapping, side), group in groupby(letters, key=lambda letter: letter[:2]):
            for chunk in chunks(group, PAGE):
                self._save_letters(mapping, side, {key_text(letter.key): letter for letter in chunk})

    def close_dead(self, mapping: str, side: Side, keys: Iterable[Key], now: str) -> None:
        """The records are well again."""
        for page in chunks(keys, CHUNK):
            self._access.run(
                "UPDATE crmsync_dead SET state = 'closed', closed = :now "
                f"WHERE mapping = :mapping AND side = :side AND {LETTERED} AND key {{any:keys}}",
                mapping=mapping, side=side, keys=[key_text(key) for key in page], now=now,
            )  # fmt: skip

    def close_written(self, mapping: str, side: Side, keys: Sequence[Key], now: str) -> None:
        """What had been refused was written after all."""
        if not self._any("dead", mapping, "kind = 'write' AND state = 'open'"):
            return
        for page in chunks(keys, CHUNK):
            self._access.run(
                "UPDATE crmsync_dead SET state = 'closed', closed = :now WHERE mapping = :mapping AND side = :side "
                "AND kind = 'write' AND state = 'open' AND key {any:keys}",
                mapping=mapping, side=side, keys=[key_text(key) for key in page], now=now,
            )  # fmt: skip

    def retry_dead(self, numbers: Iterable[int], who: str, now: str) -> None:
        """The next run tries these again, however often it has. Raises LetterNotOpen for those that are not open."""
        chosen = list(numbers)
        self._tell_letters("retry", self._open_letters(chosen), who, now)
        self._access.run("UPDATE crmsync_dead SET retry = 1, tries = 0 WHERE n {any:numbers}", numbers=chosen)

    def drop_dead(self, numbers: Iterable[int], who: str, now: str) -> None:
        """Nobody wants to hear of these until their records change. Raises LetterNotOpen."""
        chosen = list(numbers)
        self._tell_letters("drop", self._open_letters(chosen), who, now)
        self._access.run(
            "UPDATE crmsync_dead SET state = 'dropped', who = :who, closed = :now WHERE n {any:numbers}",
            numbers=chosen, who=who, now=now,
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------------------------------

    def _note_bytes(self, rows: int) -> int:
        """So many rows were erased: the file is to be compacted."""
        if rows:
            erasure.note_bytes(self._access)
        return rows

    def _any(self, table: str, mapping: str, where: str) -> bool:
        sql = f"SELECT 1 FROM crmsync_{table} WHERE mapping = :mapping AND {where} LIMIT 1"
        return self._access.one(sql, mapping=mapping) is not None

    def _last(self, table: str) -> int:
        row = self._access.one(f"SELECT coalesce(max(n), 0) FROM crmsync_{table}")
        return int(row[0]) if row else 0

    def _delete(self, tables: tuple[str, ...], mapping: str, side: Side, keys: Iterable[Key]) -> None:
        for chunk in chunks(keys, CHUNK):
            self._delete_texts(tables, mapping, side, [key_text(key) for key in chunk])

    def _delete_texts(self, tables: tuple[str, ...], mapping: str, side: Side, texts: list[str]) -> None:
        for table in tables:
            self._access.run(
                f"DELETE FROM crmsync_{table} WHERE mapping = :mapping AND side = :side AND key {{any:keys}}",
                mapping=mapping, side=side, keys=texts,
            )  # fmt: skip

    def _end_different(self, mapping: str, pairs: list[tuple[str, str]], now: str) -> None:
        rows = self._access.rows(
            "SELECT id, left_key, right_key FROM crmsync_different "
            "WHERE mapping = :mapping AND active = 1 AND left_key {any:lefts}",
            mapping=mapping, lefts=[left for left, _ in pairs],
        )  # fmt: skip
        linked = frozenset(pairs)
        self._access.run(
            "UPDATE crmsync_different SET active = 0, ended = :now WHERE id {any:ids}",
            ids=[number for number, left, right in rows if (left, right) in linked], now=now,
        )  # fmt: skip

    def _judge_different(
        self, mapping: str, pairs: list[tuple[str, str]], who: str, now: str, review: int | None = None
    ) -> None:
        self._end_different(mapping, pairs, now)
        self._access.insert(_DIFFERENT, ((mapping, left, right, 1, who, now, review) for left, right in pairs))

    def _lapse_strangers(
        self, mapping: str, texts: Both[list[str]], pairs: frozenset[tuple[str, str]], now: str
    ) -> None:
        strangers: set[int] = set()
        for column, keys in zip(KEY_OF, texts, strict=True):
            rows = self._access.rows(
                f"SELECT n, left_key, right_key FROM crmsync_review "
                f"WHERE mapping = :mapping AND {ASKED} AND side IS NULL AND {column} {{any:keys}}",
                mapping=mapping, keys=keys,
            )  # fmt: skip
            strangers |= {n for n, left, right in rows if (left, right) not in pairs}
        self._lapse(sorted(strangers), now)

    def _not_judged(self, mapping: str, holds: list[Hold]) -> list[Hold]:
        """Without the questions which is which that a person has answered since the run asked."""
        texts = {_texts(hold.keys) for hold in holds if hold.kind in WHICH_IS_WHICH and None not in hold.keys}
        judged: set[tuple[str, str]] = set()
        for page in chunks(texts, PAGE):
            for table in ("link", "different"):
                rows = self._access.rows(
                    f"SELECT left_key, right_key FROM crmsync_{table} "
                    "WHERE mapping = :mapping AND active = 1 AND left_key {any:lefts}",
                    mapping=mapping, lefts=[left for left, _ in page],
                )  # fmt: skip
                judged |= texts.intersection((left, right) for left, right in rows)
        return [hold for hold in holds if hold.kind not in WHICH_IS_WHICH or _texts(hold.keys) not in judged]

    def _lapse(self, numbers: list[int], now: str) -> None:
        for page in chunks(numbers, CHUNK):
            self._access.run(
                "UPDATE crmsync_review SET state = 'lapsed', closed = CASE WHEN take IS NULL THEN :now ELSE closed END "
                "WHERE n {any:numbers}",
                numbers=page, now=now,
            )  # fmt: skip

    def _judge_duplicate_different(self, review: Review, who: str, now: str) -> None:
        first, second = review.keys
        assert review.side is not None  # two records of one side
        assert first is not None
        assert second is not None
        self._merging.judge_distinct(review.mapping, review.side, (first, second), who, now, review.n)

    def _lapse_about(self, mapping: str, side: Side, keys: Iterable[Key], now: str) -> None:
        """All questions about these records, but for what became of a write that was never answered."""
        for page in chunks(keys, PAGE):
            found = decode.reviews_about(self._access, mapping, side, [key_text(key) for key in page])
            self._lapse([review.n for review in found if review.kind != UNKNOWN_OUTCOME], now)
        self._lapse_duplicates(mapping, side, keys, now)

    def _lapse_duplicates(self, mapping: str, side: Side, keys: Iterable[Key], now: str) -> None:
        for page in chunks(keys, PAGE):
            found = decode.duplicates_about(self._access, mapping, side, [key_text(key) for key in page])
            self._lapse([review.n for review in found], now)

    def _ask_again(self, review: Review, closed: str) -> None:
        """The questions which is which about its records that its answer at `closed` ended, but for those of a record
        that something else is linked with by now."""
        left, right = _texts(review.keys)
        self._access.run(
            "UPDATE crmsync_review SET state = 'open', closed = NULL "
            "WHERE mapping = :mapping AND state = 'lapsed' AND kind = :kind AND take IS NULL AND closed = :closed "
            "AND (left_key = :left OR right_key = :right) AND NOT EXISTS (SELECT 1 FROM crmsync_link linked "
            "WHERE linked.mapping = :mapping AND linked.active = 1 "
            "AND (linked.left_key = crmsync_review.left_key OR linked.right_key = crmsync_review.right_key))",
            mapping=review.mapping, kind=MATCH, closed=closed, left=left, right=right,
        )  # fmt: skip

    def _review(self, n: int) -> Review:
        row = self._access.one(f"SELECT {decode.REVIEW} FROM crmsync_review WHERE n = :n {{lock}}", n=n)
        if not row:
            raise ReviewNotOpen(f"there is no review {n}; see: crmsync review list")
        return decode.review(row)

    def _answer(self, n: int, state: str, take: str | None, value: str | None, who: str, closed: str | None) -> None:
        self._access.run(
            "UPDATE crmsync_review SET state = :state, take = :take, value = :value, who = :who, closed = :closed "
            "WHERE n = :n",
            n=n, state=state, take=take, value=value, who=who, closed=closed,
        )  # fmt: skip

    def _link_reviewed(self, review: Review, value: Json, who: str, now: str) -> None:
        left, right = (key if key is not None else _given_key(review, value) for key in review.keys)
        link = NewLink(review.mapping, (left, right), {}, 1.0, f"review {review.n}", who, None, now)
        self._answer(review.n, "settled", "same", None, who, now)  # first, for what is open on these records lapses
        self._insert_links(review.mapping, [link], review.n)

    def _save_letters(self, mapping: str, side: Side, news: dict[str, NewDead]) -> None:
        rows = self._access.rows(
            f"SELECT {DEAD} FROM crmsync_dead "
            f"WHERE mapping = :mapping AND side = :side AND {LETTERED} AND key {{any:keys}}",
            mapping=mapping, side=side, keys=list(news),
        )  # fmt: skip
        olds = {key_text(old.key): old for old in map(decode.dead, rows)}
        outgrown = [old for text, old in olds.items() if old.state == "dropped" and old.raw != news[text].raw]
        self._access.update(_CLOSED, (("closed", old.closed, old.n) for old in outgrown))
        for old in outgrown:
            del olds[key_text(old.key)]
        self._again(news, olds)
        fresh = [news[text] for text in news if text not in olds]
        number = self._last("dead")
        self._access.insert(_LETTER, (_letter(n, letter) for n, letter in enumerate(fresh, number + 1)))

    def _again(self, news: dict[str, NewDead], olds: dict[str, DeadLetter]) -> None:
        self._access.upsert(
            _LETTER,
            (_letter(old.n, news[text], old) for text, old in olds.items() if old.state == "open"),
        )

    def _open_letters(self, numbers: list[int]) -> list[DeadLetter]:
        sql = f"SELECT {DEAD} FROM crmsync_dead WHERE state = 'open' AND n {{any:numbers}} ORDER BY n"
        found = [decode.dead(row) for row in self._access.rows(sql, numbers=numbers)]
        if missing := sorted(set(numbers) - {letter.n for letter in found}):
            raise LetterNotOpen(f"no open dead letter: {', '.join(map(str, missing))}; see: crmsync dlq list")
        return found

    def _tell_letters(self, event: str, letters: Iterable[DeadLetter], who: str, now: str) -> None:
        for each in letters:
            told = {"letter": each.n, "rule": each.rule, "path": each.path}
            self._told_each(event, each.mapping, each.side, [each.key], told, who, now)

    def _told_each(
        self, event: str, mapping: str, side: Side, keys: Iterable[Key], told: Mapping[str, Json], who: str, now: str
    ) -> None:
        self.audit(NewAudit(event, mapping, side, ((side, key),), told, who, None, now) for key in keys)


def _pair(keys: PairKeys) -> tuple[tuple[Side, Key], ...]:
    return tuple((side, key) for side in SIDES if (key := keys[side]) is not None)


def _linked(link: NewLink) -> NewAudit:
    told = {"why": link.reason, "score": link.score, "agreed": sorted(link.base)}
    return NewAudit("link", link.mapping, None, _pair(link.keys), told, link.actor, link.run, link.now)


def _merged(new: NewMerge) -> NewAudit:
    two = ((new.side, new.survivor), (new.side, new.key))
    return NewAudit("merge", new.mapping, new.side, two, {"golden": new.golden}, new.who, None, new.now)


def _decided(review: Review, take: Take, value: Json, who: str, now: str) -> NewAudit:
    told = {
        "review": review.n, "kind": review.kind, "field": review.field, "values": review.values, "take": take,
        "value": value,
    }  # fmt: skip
    return NewAudit("decide", review.mapping, review.side, review.records, told, who, None, now)


def _asked(review: Review) -> str:
    if "same" in review.takes:
        return "same or different"
    return "a side or a value" if "value" in review.takes else "a side"


def _one_to_one(links: Iterable[NewLink]) -> Iterator[list[NewLink]]:
    """Chunks in which no record appears twice, so that a later link supersedes an earlier one."""
    chunk: list[NewLink] = []
    seen: tuple[set[Key], set[Key]] = (set(), set())
    for link in links:
        left, right = link.keys
        if len(chunk) == PAGE or left in seen[0] or right in seen[1]:
            yield chunk
            chunk, seen = [], (set(), set())
        chunk.append(link)
        seen[0].add(left)
        seen[1].add(right)
    if chunk:
        yield chunk


def _letter(n: int, letter: NewDead, old: DeadLetter | None = None) -> tuple[Any, ...]:
    changed = old is None or old.raw != letter.raw
    attempts = (old.attempts if old else 0) + (changed or letter.kind == "write")
    tries = 1 if changed or old is None else old.tries + 1
    return (
        n, letter.mapping, letter.side, key_text(letter.key), letter.kind, letter.rule, letter.path,
        storable(letter.message), storable(letter.mend), letter.snapshot, letter.raw, old.run if old else letter.run,
        old.opened if old else letter.now, letter.now, attempts, tries, 0, "open", "", None,
    )  # fmt: skip


def _review_row(n: int, hold: Hold, run_id: str, now: str) -> tuple[Any, ...]:
    left, right = map(text_or_none, hold.keys)
    values = map(encode_value, (*hold.values, *hold.base))
    return (
        n, hold.mapping, left, right, hold.kind, hold.field, *values, storable(hold.message), run_id, now, "open", "",
        None, hold.score, _reasons(hold.against),
    )  # fmt: skip


def _duplicate_row(n: int, asked: NewDuplicate) -> tuple[Any, ...]:
    left, right = map(key_text, asked.keys)
    nothing = [encode_value(None)] * 4
    return (
        n, asked.mapping, left, right, DUPLICATE, "", *nothing, storable(asked.message), asked.run, asked.now, "open",
        "", asked.side, asked.score, _reasons(()),
    )  # fmt: skip


def _reasons(against: Sequence[str]) -> str:
    return storable(to_json(against).decode())


def _hold_identity(hold: Hold) -> tuple[object, ...]:
    """Two holds are one question when they ask for the same field with the same values, to the letter."""
    return hold.keys, hold.kind, hold.field, *map(encode_value, hold.values)


def _review_identity(review: Review) -> tuple[object, ...]:
    return review.keys, review.kind, review.field, *map(encode_value, review.values)


def _texts(keys: PairKeys) -> tuple[str, str]:
    left, right = keys
    return key_text(left or ()), key_text(right or ())


def _by(review: Review) -> str:
    return f" by {review.who}" if review.who else ""


def _given_key(review: Review, value: Json) -> Key:
    parts = value if isinstance(value, list) else [value]
    if not parts or not all(type(part) in (str, int) for part in parts):
        raise WrongAnswer(f"review {review.n} lacks a record on one side: give its key, texts or whole numbers")
    return tuple(parts)
