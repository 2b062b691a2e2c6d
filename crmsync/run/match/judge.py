"""What a person decides about links outlives what the last run thought: the records are looked at again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

from crmsync.core.model import SIDES, Both, Key
from crmsync.ledger.nouns import NewAudit, PairKeys
from crmsync.ledger.writer import Writer
from crmsync.run.match.merging import says_to_restore, while_no_run
from crmsync.run.world import World, utc_now


def split(world: World, mapping: str, pairs: Sequence[Both[Key]], who: str) -> None:
    """These are two things: their links end, and they are not proposed again."""
    with world.writing() as ledger:
        ledger.split(mapping, pairs, who, utc_now())
        look_again(ledger, mapping, pairs, f"{who} split its link")


def reopen(world: World, number: int, who: str) -> None:
    """Take an answer back, and the link, the judgement or the merge that it made. Raises ReviewNotOpen; for a merge
    `Locked` while a run is at work."""
    review = world.ledger.review(number)
    merged = world.ledger.merge_of_review(number)
    says = says_to_restore(world, merged) if merged else {}
    told = {"review": number, "kind": review.kind, "field": review.field, "take": review.take}
    with while_no_run(world) if merged else nullcontext(), world.writing() as ledger:
        now = utc_now()
        if merged:
            ledger.unmerge(merged, says, who, now)
        ledger.reopen_review(number)
        ledger.audit([NewAudit("reopen", review.mapping, review.side, review.records, told, who, None, now)])
        for side, key in review.records:
            ledger.look_again(review.mapping, side, [key], f"{who} took the answer to review {number} back")


def look_again(ledger: Writer, mapping: str, pairs: Sequence[PairKeys], reason: str) -> None:
    """See `Writer.look_again`."""
    for side in SIDES:
        ledger.look_again(mapping, side, [key for keys in pairs if (key := keys[side]) is not None], reason)
