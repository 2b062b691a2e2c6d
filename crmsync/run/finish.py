"""What is remembered of a run when all is done? Marks, verdicts, reviews, dead letters and cursors, at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from crmsync.core.model import SIDES, Both, Bucket, Hold, Key
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan import decode
from crmsync.ledger.nouns import ASKED_BY, DUPLICATE, DeadLetter, PairKeys, Review
from crmsync.ledger.spool import Spool
from crmsync.ledger.writer import Writer
from crmsync.run.extract import cursor_json
from crmsync.run.match.twins import question
from crmsync.run.perform import marks
from crmsync.run.prepared import MappingPlan, Order, Prepared
from crmsync.run.told import lost
from crmsync.run.world import LEFT_ALONE, World, every, utc_now


def finish(world: World, ledger: Writer, mapping: Declared, prepared: Prepared, order: Order, run_id: str) -> None:
    """Marks, verdicts, reviews, dead letters and cursors of one mapping."""
    name, plan, spool, now = mapping.name, prepared.mappings[mapping.name], prepared.spool, utc_now()
    gone = _gone(prepared, plan)
    decides = order.mode != "revert"  # else no pair was decided: all that is asked, and all that is wrong, stays so
    mended = _mended(world, name, spool) if decides else ([], [])
    ledger.save_marks(mark for _, mark in marks(prepared, plan.number))
    ledger.audit(lost(mark, run_id, now) for _, mark in marks(prepared, plan.number) if mark.state == "gone")
    ledger.settle_journal(run_id, ((seq, "done", "", now) for seq, _ in marks(prepared, plan.number)))
    for side in SIDES:
        for page in spool.verdicts(name, side):
            ledger.save_records(row for row in page if row.reason != LEFT_ALONE["forgotten"])  # it holds a key
        singles = (
            (tuple(key), values, tuple(keys)) for at, key, values, keys in spool.notes(name, "single") if at == side
        )
        ledger.save_candidates(name, side, singles)
        ledger.drop_candidates(name, side, [*plan.ghosts[side], *gone[side]])
        ledger.drop_records(name, side, gone[side])
        ledger.close_dead(name, side, [*gone[side], *mended[side]], now)
    if decides:
        _ask(world, ledger, prepared, plan, gone, run_id)
    ledger.save_dead(prepared.letters(name))
    if order.only is None and not plan.cut:
        _move_on(ledger, mapping, plan, order, spool)


def _ask(
    world: World, ledger: Writer, prepared: Prepared, plan: MappingPlan, gone: Both[set[Key]], run_id: str
) -> None:
    """Of the pairs that were decided, these are the questions from now on."""
    name, spool, now = plan.extraction.mapping.name, prepared.spool, utc_now()
    pairs = (hold for hold in holds(prepared, plan) if hold.kind != DUPLICATE)
    ledger.save_holds(name, _looked_at(world, name, spool, gone), pairs, run_id, now)
    doubles = (hold for hold in holds(prepared, plan) if hold.kind == DUPLICATE)
    ledger.save_duplicates(name, _doubted(world, name, spool, gone), [question(d, run_id, now) for d in doubles], now)


def _move_on(ledger: Writer, mapping: Declared, plan: MappingPlan, order: Order, spool: Spool) -> None:
    """Only a whole run moves cursors and completes an era."""
    for side, cursor in plan.extraction.cursors.items():
        ledger.save_cursor(mapping.name, side, mapping.ends[side].entity, cursor_json(cursor))
    if order.mode == "batch":
        ledger.complete_era(mapping.name)
        for census in spool.notes(mapping.name, "census"):
            ledger.save_census(mapping.name, census)


def holds(prepared: Prepared, plan: MappingPlan) -> Iterator[Hold]:
    """What is held by the plan, and what was asked while it was done."""
    planned = (line.text for line in prepared.spool.lines() if (line.mapping_no, line.kind) == (plan.number, "hold"))
    asked = (text.encode() for text in prepared.spool.notes(plan.extraction.mapping.name, "asked"))
    for text in chain(planned, asked):
        hold = decode(text)
        assert isinstance(hold, Hold)
        yield hold


def _looked_at(world: World, name: str, spool: Spool, gone: Both[set[Key]]) -> list[PairKeys]:
    """The pairs that a question is asked about, and that this run has decided anew, or found to be gone."""
    asked = [review.keys for state in ("open", "resolved") for review in every(world.ledger.reviews, name, state)]
    decided = [spool.buckets(name, side, [key for keys in asked if (key := keys[side])]) for side in SIDES]
    return [keys for keys in asked if any(keys[side] in decided[side] or keys[side] in gone[side] for side in SIDES)]


def _doubted(world: World, name: str, spool: Spool, gone: Both[set[Key]]) -> list[Review]:
    """The questions of earlier runs about duplicates whose held record this run has decided anew, or found gone."""
    found = []
    stay = set(spool.notes(name, "stays"))
    for review in every(world.ledger.reviews, name, "open", kind=DUPLICATE):
        side, key = review.records[1]
        if review.n not in stay and review.run != ASKED_BY and (spool.buckets(name, side, [key]) or key in gone[side]):
            found.append(review)
    return found


def _gone(prepared: Prepared, plan: MappingPlan) -> Both[set[Key]]:
    """Records that this run knew, and that are there no more: never linked, deleted by it, or on a side that their pair
    has lost."""
    name, spool = plan.extraction.mapping.name, prepared.spool
    found: Both[set[Key]] = (set(plan.extraction.vanished[0]), set(plan.extraction.vanished[1]))
    lost = [(side, mark.keys[side], False) for _, mark in marks(prepared, plan.number) if mark.state == "gone"
            for side in SIDES]  # fmt: skip
    for side, key, deleted in chain(lost, spool.notes(name, "ended")):
        if deleted or not spool.staged_keys(name, side, [tuple(key)]):
            found[side].add(tuple(key))
    return found


def _mended(world: World, name: str, spool: Spool) -> Both[list[Key]]:
    """Records with an open dead letter that this run has looked at, and that are no longer what it says."""
    letters = list(every(world.ledger.dead_letters, name, "open"))
    mended: Both[list[Key]] = ([], [])
    for side in SIDES:
        buckets = spool.buckets(name, side, [letter.key for letter in letters if letter.side == side])
        mended[side].extend(
            each.key for each in letters if each.side == side and _is_mended(each, buckets.get(each.key))
        )
    return mended


def _is_mended(letter: DeadLetter, bucket: Bucket | None) -> bool:
    """A record may pass its contract and wait or be held now; a write is only good when it was done."""
    if letter.kind == "check":
        return bucket not in (None, "rejected")
    return bucket in ("applied", "unchanged", "out_of_scope")
