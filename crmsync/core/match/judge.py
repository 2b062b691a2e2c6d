"""Which candidate pairs are linked, and which does a person judge? The answer never depends on the order of reading.

Identifiers that decide come first. Then a pair is linked that reaches `link_at`, is the best of both its records by a
margin and part of the best one-to-one assignment, that no valid identifier contradicts and two kinds of evidence
support.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from crmsync.core.match.assign import assignment
from crmsync.core.match.block import id_text
from crmsync.core.match.census import Census
from crmsync.core.match.explain import vetoes, words
from crmsync.core.match.rule import Candidate
from crmsync.core.match.score import Bools, Scored, score_pairs
from crmsync.core.model import Both, Judgement, Key, Match, Verdict, key_text

MARGIN: Final = 0.02  # a link must beat the runner-up of either record by this much; with weights by hand
MARGIN_POINTS: Final = 1.0  # and by so much log-odds where a scorecard judges
LONE: Final = 0.8  # weights by hand, one field to go by: a question from here on the way from review_at to link_at
QUESTIONS: Final = 5  # about one record at a time; the best ones
KINDS: Final = 2  # of evidence that a link needs

Pair: TypeAlias = Both[Key]


@dataclass(frozen=True, slots=True)
class _Row:
    keys: Pair
    score: float
    strength: float
    linkable: bool
    row: int

    @property
    def order(self) -> tuple[float, str, str]:
        return (-self.strength, key_text(self.keys[0]), key_text(self.keys[1]))


def propose(
    rule: Match,
    left: Sequence[Candidate],
    right: Sequence[Candidate],
    different: Collection[Pair] = (),
    census: Census | None = None,
) -> list[Judgement]:
    """Judge the unlinked records of both sides; what is not named is different."""
    scored = score_pairs(rule, census or Census(), left, right, keep_from=min(rule.review_at, rule.link_at))
    return judge(rule, scored, different)


def judge(rule: Match, scored: Scored, different: Collection[Pair] = ()) -> list[Judgement]:
    """SAME (one to one) or UNSURE, sorted by the keys of both."""
    known = frozenset(different)
    rows = [row for row in np.flatnonzero(_asked(rule, scored)).tolist() if scored.keys(row) not in known]
    return sorted(_judge(rule, scored, rows), key=lambda each: tuple(map(key_text, each.keys)))


def _asked(rule: Match, scored: Scored) -> Bools:
    """Good enough for a question. One field alone says less than two."""
    lone = rule.review_at + LONE * (rule.link_at - rule.review_at) if rule.weighted else rule.review_at
    likely = scored.score >= np.where(scored.present > 1, rule.review_at, lone)
    return np.asarray(scored.equal | (likely & ~scored.forbidden))


def _judge(rule: Match, scored: Scored, rows: Sequence[int]) -> Iterator[Judgement]:
    decided = scored.decided  # it links where nobody else has the identifier
    linkable = (scored.score >= rule.link_at) & ~scored.equal & ~scored.barred & (scored.support >= KINDS)
    rest = [
        _Row(scored.keys(row), float(scored.score[row]), float(scored.strength[row]), bool(linkable[row]), row)
        for row in rows
    ]
    sure: list[_Row] = []
    linked: list[_Row] = []
    found: list[_Row] | None = None
    while found is None or found:  # whoever has found its counterpart is nobody's rival or double any more
        unique = _unique(rule, scored, [each.row for each in rest if decided[each.row]], (*sure, *linked))
        certain = _single([each for each in rest if each.row in unique])
        rest = _without(rest, certain)
        likely = _linked(MARGIN if rule.weighted else MARGIN_POINTS, rest)
        rest = _without(rest, likely)
        found = [*certain, *likely]
        sure += certain
        linked += likely
    asked = list(_questions(rest))
    told = words(rule, scored, [each.row for each in (*linked, *asked)])
    for each in sure:
        yield Judgement(each.keys, Verdict.SAME, 1.0, f"{equal_ids(rule, scored, each.row)} equal")
    yield from (Judgement(each.keys, Verdict.SAME, each.score, told[each.row]) for each in linked)
    for each in asked:
        against = _doubts(rule, scored, each.row)
        said = (*against, told[each.row]) if scored.equal[each.row] else (told[each.row], *against)
        yield Judgement(each.keys, Verdict.UNSURE, each.score, "; ".join(said), against)


def _without(rows: Sequence[_Row], linked: Sequence[_Row]) -> list[_Row]:
    """Those whose records are still to be had."""
    taken = _taken([each.keys for each in linked])
    return [each for each in rows if not _touches(taken, each.keys)]


def _single(rows: Sequence[_Row]) -> list[_Row]:
    """Those whose records no other row has: where one identifier says this and another that, a person is asked."""
    seen = Counter((side, each.keys[side]) for each in rows for side in (0, 1))
    return [each for each in rows if all(seen[side, each.keys[side]] == 1 for side in (0, 1))]


def _unique(rule: Match, scored: Scored, rows: Sequence[int], linked: Sequence[_Row]) -> set[int]:
    """Of these rows those whose equal identifiers nobody else has, but for records that are linked."""
    found = {row for row in rows if scored.alone[row]}
    doubtful = [row for row in rows if not scored.alone[row]]
    if not doubtful or not linked:
        return found
    places = {int(scored.i[each.row]) for each in linked}, {int(scored.j[each.row]) for each in linked}
    for names in rule.decide:
        texts = [
            Counter(id_text(each.values, names) for n, each in enumerate(side) if n not in gone)
            for side, gone in zip((scored.first, scored.second), places, strict=True)
        ]
        doubtful = [row for row in doubtful if _alone(scored, row, names, texts)]
    return found | set(doubtful)


def _alone(scored: Scored, row: int, names: tuple[str, ...], texts: Sequence[Counter[str | None]]) -> bool:
    text = id_text(scored.first[scored.i[row]].values, names)
    if text is None or text != id_text(scored.second[scored.j[row]].values, names):
        return True
    return all(counts[text] == 1 for counts in texts)


def _linked(margin: float, rest: Sequence[_Row]) -> list[_Row]:
    """The clear best of both their records, as far as the best one-to-one assignment has them, too."""
    strengths: defaultdict[tuple[int, Key], list[float]] = defaultdict(list)
    for each in rest:
        for side in (0, 1):
            strengths[side, each.keys[side]].append(each.strength)
    best = [
        each
        for each in rest
        if each.linkable and all(_leads(margin, each.strength, strengths[side, each.keys[side]]) for side in (0, 1))
    ]
    assigned = assignment([(*each.keys, max(each.score, 0.0001)) for each in rest])
    return [each for each in best if each.keys in assigned]


def _leads(margin: float, strength: float, rivals: Sequence[float]) -> bool:
    ranked = sorted(rivals, reverse=True)
    return strength == ranked[0] and (len(ranked) == 1 or ranked[0] - ranked[1] >= margin)


def _questions(open_pairs: Sequence[_Row]) -> Iterator[_Row]:
    """The best few about each record: nobody answers four hundred. One of the two records asking is enough."""
    asked: Counter[tuple[int, Key]] = Counter()
    for each in sorted(open_pairs, key=lambda each: each.order):
        places = [(side, each.keys[side]) for side in (0, 1)]
        if any(asked[place] < QUESTIONS for place in places):
            asked.update(places)
            yield each


def _taken(pairs: Sequence[Pair]) -> Both[set[Key]]:
    return {keys[0] for keys in pairs}, {keys[1] for keys in pairs}


def _touches(taken: Both[set[Key]], keys: Pair) -> bool:
    return keys[0] in taken[0] or keys[1] in taken[1]


def equal_ids(rule: Match, scored: Scored, row: int) -> str:
    values = scored.first[scored.i[row]].values, scored.second[scored.j[row]].values
    return " and ".join(
        "+".join(names)
        for names in rule.decide
        if all(name in values[0] and values[0][name] == values[1].get(name) for name in names)
    )


def _doubts(rule: Match, scored: Scored, row: int) -> tuple[str, ...]:
    """An identifier that did not decide, or what the score is overruled by."""
    if not scored.equal[row]:
        return tuple(vetoes(rule, scored, row)) if scored.barred[row] else ()
    why = (
        "not unique" if not scored.alone[row]
        else "another identifier differs" if scored.forbidden[row]
        else "everything else differs" if scored.contradicted[row]
        else "another identifier says another record"
    )  # fmt: skip
    return (f"{equal_ids(rule, scored, row)} equal, but {why}",)
