"""What must be done so that both sides say the same?

One pair in, its actions, entries and bucket out. Nothing here reads, writes or remembers; the run asks for one pair
after the other, in any order, and the answer for a pair depends on nothing but the pair.
"""

from __future__ import annotations

from dataclasses import replace

from crmsync.core.mapping import Compiled, Seen
from crmsync.core.model import SIDES, Archive, Delete, Finding, Mark
from crmsync.core.plan.both import both
from crmsync.core.plan.case import Case
from crmsync.core.plan.gone import both_gone, half, marks
from crmsync.core.plan.newcomer import newcomer
from crmsync.core.plan.pair import Decided, Pair, Resolve


def decide(compiled: Compiled, pair: Pair, resolve: Resolve) -> Decided:
    """What one pair needs."""
    warned = tuple(finding for seen in pair.seen if seen for finding in seen.warned)
    decided = _decide(Case(compiled, pair, resolve))
    if pair.link and pair.link.state == "missing" and not pair.outside and not _says_state(decided):
        decided = replace(decided, entries=(*decided.entries, *marks(compiled.mapping.name, pair)))
    return replace(decided, warned=(*warned, *decided.warned))


def _says_state(decided: Decided) -> bool:
    return any(isinstance(each, Mark | Archive | Delete) for each in (*decided.entries, *decided.actions))


def _decide(case: Case) -> Decided:
    if outside := case.pair.outside or next((seen.outside for seen in case.pair.seen if seen and seen.outside), ""):
        return Decided("out_of_scope", reason=outside)
    rejected = tuple((side, finding) for side in SIDES for finding in _rejections(case.pair.seen[side]))
    if rejected:
        return Decided("rejected", rejected=rejected, reason=rejected[0][1].message)
    alive = tuple(seen if seen and seen.lifted and not seen.lifted.gone else None for seen in case.pair.seen)
    match alive:
        case (Seen() as first, Seen() as second):
            return both(case, (first, second))
        case (None, None):
            return both_gone(case)
        case (Seen() as one, None) if case.pair.link:
            return half(case, 0, one)
        case (None, Seen() as one) if case.pair.link:
            return half(case, 1, one)
        case (Seen() as one, None):
            return newcomer(case, 0, one)
        case (None, Seen() as one):
            return newcomer(case, 1, one)
    raise AssertionError("a pair has two sides")


def _rejections(seen: Seen | None) -> tuple[Finding, ...]:
    return seen.rejected if seen else ()
