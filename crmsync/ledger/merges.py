"""Which records of one side are one and the same, by a person's word, and what does that do to their links?

Merges are a forest: every row says "this record is that one now", and a record's survivor is where the rows lead. So a
merge that is taken back leaves those that were made before it as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from crmsync.core.merge import same
from crmsync.core.model import (
    ABSENT,
    SIDES,
    UNKNOWN_OUTCOME,
    Base,
    Both,
    Key,
    Side,
    from_json,
    key_from_text,
    key_text,
    other,
    to_json,
)
from crmsync.ledger import decode
from crmsync.ledger.codec import decode_base
from crmsync.ledger.database import Access, Shape
from crmsync.ledger.decode import ALIVE, KEY_OF
from crmsync.ledger.nouns import BothLinked, LinkRow, Merge, MergeRefused, MergeRow, NewLink, NewMerge, Says
from crmsync.ledger.schema import ASKED

MERGE: Final = "id, mapping, side, survivor, key, golden, who, made, ended, review, link_before, link_after"
_MERGE: Final = Shape(
    "crmsync_merge",
    (
        "mapping", "side", "survivor", "key", "active", "golden", "who", "made", "review", "link_before", "link_after",
    ),
)  # fmt: skip
_DISTINCT: Final = Shape(
    "crmsync_distinct", ("mapping", "side", "first_key", "second_key", "active", "who", "made", "review")
)
_LINK: Final = f"{decode.LINK}, base"

LinkThem = Callable[[NewLink], None]
"""Makes a link, and supersedes those that its records had."""
LookAgain = Callable[[str, Side, Sequence[Key], str], None]
"""Lets the next run look at these records, whatever the last one thought, for this reason."""


def survivors(access: Access, mapping: str, side: Side, texts: Sequence[str]) -> dict[str, Key]:
    """Into which record each of these was merged in the end, by key text; nothing of one that is itself."""
    sql = "SELECT 1 FROM crmsync_merge WHERE mapping = :mapping AND side = :side AND active = 1 LIMIT 1"
    if access.one(sql, mapping=mapping, side=side) is None:  # most ledgers: nobody pays for what is not there
        return {}
    steps: dict[str, str] = {}
    asked = list(texts)
    while asked:
        rows = access.rows(
            "SELECT key, survivor FROM crmsync_merge "
            "WHERE mapping = :mapping AND side = :side AND active = 1 AND key {any:keys}",
            mapping=mapping, side=side, keys=asked,
        )  # fmt: skip
        steps.update((key, into) for key, into in rows)
        asked = sorted({into for _, into in rows} - steps.keys())
    return {text: key_from_text(_end(steps, text)) for text in texts if text in steps}


def _end(steps: dict[str, str], text: str) -> str:
    while text in steps:
        text = steps[text]
    return text


def merges_of(access: Access, mapping: str, side: Side, text: str) -> list[MergeRow]:
    """Every merge of the record into another one, and of others into it by whatever way, oldest first."""
    rows = {row[0]: row for row in _where(access, mapping, side, "key {any:keys}", [text])}
    asked = [text]
    while asked:
        found = _where(access, mapping, side, "survivor {any:keys}", asked)
        asked = [row[4] for row in found if row[8] is None and row[0] not in rows]
        rows.update((row[0], row) for row in found)
    return [merge_row(rows[number]) for number in sorted(rows)]


def active(access: Access, mapping: str, side: Side, text: str) -> MergeRow | None:
    """How the record was merged into another one."""
    found = _where(access, mapping, side, "active = 1 AND key {any:keys}", [text])
    return merge_row(found[0]) if found else None


def _where(access: Access, mapping: str, side: Side, where: str, keys: list[str]) -> list[tuple[Any, ...]]:
    return access.rows(
        f"SELECT {MERGE} FROM crmsync_merge WHERE mapping = :mapping AND side = :side AND {where} ORDER BY id",
        mapping=mapping, side=side, keys=keys,
    )  # fmt: skip


def merge_row(row: tuple[Any, ...]) -> MergeRow:
    number, mapping, side, survivor, key, golden, *rest = row
    return MergeRow(number, mapping, side, key_from_text(survivor), key_from_text(key), from_json(golden), *rest)


def distinct(access: Access, mapping: str, side: Side) -> set[Both[Key]]:
    """The pairs of records of one side that a person judged to be two things, each with the lesser key text first."""
    rows = access.rows(
        "SELECT first_key, second_key FROM crmsync_distinct WHERE mapping = :mapping AND side = :side AND active = 1",
        mapping=mapping, side=side,
    )  # fmt: skip
    return {(key_from_text(first), key_from_text(second)) for first, second in rows}


def of_review(access: Access, n: int) -> MergeRow | None:
    """The merge that the answer to a review made, if it holds: of the two records, not of their counterparts."""
    rows = access.rows(
        f"SELECT {MERGE} FROM crmsync_merge WHERE active = 1 AND review = :n ORDER BY id DESC LIMIT 1", n=n
    )
    return merge_row(rows[0]) if rows else None


@dataclass(frozen=True, slots=True)
class Merging:
    """Merges records, and takes merges back, in the transaction of `access`."""

    access: Access
    link: LinkThem
    look_again: LookAgain

    # Two records are one ------------------------------------------------------------------------------------

    def merge(self, merge: Merge, review: int | None = None) -> None:
        """The other record is the survivor from now on, and so is its live link: with the base of every field in which
        the survivor says what was agreed. Where both are linked, their `counterparts` are merged, too, and one link
        ends. Raises MergeRefused; BothLinked where both are linked, and their counterparts are not those."""
        new, counterparts = merge
        self._refuse(new)
        before = self._live(new.mapping, new.side, key_text(new.key))
        kept = self._live(new.mapping, new.side, key_text(new.survivor))
        after = None
        if before is not None and kept is not None:
            self._collapse(new, counterparts, kept[0], before[0], review)
        elif before is not None:
            after = self._re_point(new, before)
        self._insert(new, before and before[0].id, after, review)

    def _collapse(
        self, new: NewMerge, counterparts: NewMerge | None, kept: LinkRow, moving: LinkRow, review: int | None
    ) -> None:
        apart = other(new.side)
        theirs = kept.keys[apart], moving.keys[apart]
        if counterparts is None or (counterparts.survivor, counterparts.key) != theirs:
            raise BothLinked(new.key, *theirs)
        self._refuse(counterparts)
        self._end_link(moving.id, new.now)
        self._insert(counterparts, moving.id, None, review)

    def _re_point(self, new: NewMerge, before: tuple[LinkRow, str]) -> int | None:
        counterpart = before[0].keys[other(new.side)]
        if self._judged_different(new, key_text(new.survivor), key_text(counterpart)):
            raise MergeRefused("different", new.survivor, counterpart)
        self.link(_re_pointed(new, before))
        made = self._live(new.mapping, new.side, key_text(new.survivor))
        return made and made[0].id

    def _insert(self, new: NewMerge, before: int | None, after: int | None, review: int | None) -> None:
        survivor, key = key_text(new.survivor), key_text(new.key)
        self._end_distinct(new.mapping, new.side, (survivor, key), new.now)
        self._forget(new, review)
        golden = to_json(new.golden).decode()
        row = (new.mapping, new.side, survivor, key, 1, golden, new.who, new.now, review, before, after)
        self.access.insert(_MERGE, [row])
        self.look_again(new.mapping, new.side, [new.survivor, new.key], f"{new.who} merged two records")

    def _refuse(self, new: NewMerge) -> None:
        texts = key_text(new.survivor), key_text(new.key)
        into = survivors(self.access, new.mapping, new.side, texts)
        if new.survivor == new.key or into.get(texts[0]) == new.key:
            raise MergeRefused("itself", new.key)
        for text, key in zip(texts, (new.survivor, new.key), strict=True):
            if text in into:
                raise MergeRefused("merged", key, into[text])
            if self._unanswered(new.mapping, new.side, text):
                raise MergeRefused(UNKNOWN_OUTCOME, key)

    def _unanswered(self, mapping: str, side: Side, text: str) -> bool:
        sql = (
            "SELECT 1 FROM crmsync_review WHERE mapping = :mapping AND kind = :kind AND state = 'open' "
            f"AND {KEY_OF[side]} = :key LIMIT 1"
        )
        return self.access.one(sql, mapping=mapping, kind=UNKNOWN_OUTCOME, key=text) is not None

    def _judged_different(self, new: NewMerge, survivor: str, counterpart: str) -> bool:
        mine, theirs = KEY_OF[new.side], KEY_OF[other(new.side)]
        sql = (
            "SELECT 1 FROM crmsync_different WHERE mapping = :mapping AND active = 1 "
            f"AND {mine} = :survivor AND {theirs} = :counterpart"
        )
        return self.access.one(sql, mapping=new.mapping, survivor=survivor, counterpart=counterpart) is not None

    def _forget(self, new: NewMerge, review: int | None) -> None:
        """Nothing is asked about the other record any more, and it is nobody's candidate."""
        place: dict[str, Any] = {
            "mapping": new.mapping, "side": new.side, "key": key_text(new.key), "now": new.now, "review": review or 0,
        }  # fmt: skip
        about = f"(side IS NULL AND {KEY_OF[new.side]} = :key) OR (side = :side AND :key IN (left_key, right_key))"
        self.access.run(
            "UPDATE crmsync_review SET state = 'lapsed', closed = CASE WHEN take IS NULL THEN :now ELSE closed END "
            f"WHERE mapping = :mapping AND {ASKED} AND n <> :review AND ({about})",
            **place,
        )
        del place["review"], place["now"]
        for table in ("block", "candidate"):
            self.access.run(
                f"DELETE FROM crmsync_{table} WHERE mapping = :mapping AND side = :side AND key = :key", **place
            )

    # A merge is taken back ----------------------------------------------------------------------------------

    def unmerge(self, merged: MergeRow, says: Says, who: str, now: str) -> list[MergeRow]:
        """The records are themselves again, and linked as they were: where the counterpart is linked with nobody but by
        this merge. A link that moved to the survivor comes back with the base of every field in which the counterpart
        (`says`) still says what was agreed; one that ended was not touched, and comes back as it was."""
        chain, twin = self._chain(merged), self._twin(merged)
        ended = [merged, twin] if twin else [merged]
        for each in ended:
            self.access.run("UPDATE crmsync_merge SET active = 0, ended = :now WHERE id = :id", id=each.id, now=now)
            self.look_again(each.mapping, each.side, [each.survivor, each.key], f"{who} took a merge back")
        before = self._link(merged.link_before) if merged.link_before else None
        if before is not None and self._may_restore(merged.mapping, before[0].keys, chain):
            row, base = before
            kept = decode_base(base) if merged.link_after is None else _kept(base, other(merged.side), says)
            reason = f"{row.reason}; {who} took the merge back"
            self.link(NewLink(merged.mapping, row.keys, kept, row.score, reason, row.actor, None, now))
            self._restored(merged, row.id)
        return ended

    def _restored(self, merged: MergeRow, before: int) -> None:
        """A merge made before this one, which had led to the link that is here again, can still be taken back."""
        made = self._live(merged.mapping, merged.side, key_text(merged.key))
        self.access.run(
            "UPDATE crmsync_merge SET link_after = :made WHERE active = 1 AND link_after = :before",
            made=made and made[0].id, before=before,
        )  # fmt: skip

    def _chain(self, merged: MergeRow) -> frozenset[int]:
        """The links that came of this merge, each made when the survivor of the one before was merged itself."""
        found: list[int] = []
        step: MergeRow | None = merged
        while step is not None and step.link_after is not None:
            found.append(step.link_after)
            into = active(self.access, step.mapping, step.side, key_text(step.survivor))
            step = into if into is not None and into.link_before == step.link_after else None
        return frozenset(found)

    def _may_restore(self, mapping: str, keys: Both[Key], chain: frozenset[int]) -> bool:
        for side in SIDES:
            text = key_text(keys[side])
            link = self._live(mapping, side, text)
            if survivors(self.access, mapping, side, [text]) or (link and link[0].id not in chain):
                return False
        return True

    def _twin(self, merged: MergeRow) -> MergeRow | None:
        """The merge of the two counterparts that was made together with this one, if it holds."""
        if merged.link_before is None or merged.link_after is not None:
            return None
        row = self.access.one(
            f"SELECT {MERGE} FROM crmsync_merge WHERE link_before = :link AND active = 1 AND id <> :id",
            link=merged.link_before, id=merged.id,
        )  # fmt: skip
        return merge_row(row) if row else None

    # Two records are two ------------------------------------------------------------------------------------

    def judge_distinct(
        self, mapping: str, side: Side, keys: Both[Key], who: str, now: str, review: int | None = None
    ) -> None:
        """They are never proposed as duplicates again."""
        first, second = sorted(map(key_text, keys))
        self._end_distinct(mapping, side, (first, second), now)
        self.access.insert(_DISTINCT, [(mapping, side, first, second, 1, who, now, review)])

    def _end_distinct(self, mapping: str, side: Side, texts: tuple[str, str], now: str) -> None:
        first, second = sorted(texts)
        self.access.run(
            "UPDATE crmsync_distinct SET active = 0, ended = :now WHERE mapping = :mapping AND side = :side "
            "AND first_key = :first AND second_key = :second AND active = 1",
            mapping=mapping, side=side, first=first, second=second, now=now,
        )  # fmt: skip

    # --------------------------------------------------------------------------------------------------------

    def _live(self, mapping: str, side: Side, text: str) -> tuple[LinkRow, str] | None:
        row = self.access.one(
            f"SELECT {_LINK} FROM crmsync_link WHERE mapping = :mapping AND {ALIVE} AND {KEY_OF[side]} = :key",
            mapping=mapping, key=text,
        )  # fmt: skip
        return (decode.link_row(row[:-1]), row[-1]) if row else None

    def _link(self, number: int) -> tuple[LinkRow, str] | None:
        row = self.access.one(f"SELECT {_LINK} FROM crmsync_link WHERE id = :id", id=number)
        return (decode.link_row(row[:-1]), row[-1]) if row else None

    def _end_link(self, number: int, now: str) -> None:
        self.access.run("UPDATE crmsync_link SET active = 0, ended = :now WHERE id = :id", id=number, now=now)


def _re_pointed(new: NewMerge, before: tuple[LinkRow, str]) -> NewLink:
    row, base = before
    counterpart = row.keys[other(new.side)]
    keys = (new.survivor, counterpart) if new.side == 0 else (counterpart, new.survivor)
    reason = f"{row.reason}; {new.who} merged {new.other} into {new.one}"
    return NewLink(new.mapping, keys, _kept(base, new.side, new.says), row.score, reason, row.actor, None, new.now)


def _kept(base: str, side: Side, says: Says) -> Base:
    """The fields in which a record still says what was agreed. What it does not say is absent."""
    agreed = decode_base(base)
    return {name: each for name, each in agreed.items() if same(each.values[side], says.get(name, ABSENT))}
