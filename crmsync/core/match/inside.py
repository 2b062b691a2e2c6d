"""Which pairs inside one system are the same? A record may have several doubles there: nothing is one to one, and that
an identifier is not unique is what is looked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from crmsync.core.match.census import Census
from crmsync.core.match.explain import words
from crmsync.core.match.judge import KINDS, equal_ids
from crmsync.core.match.rule import Candidate
from crmsync.core.match.score import Bools, Scored, weigh
from crmsync.core.model import Both, Key, Match, Verdict, key_text


def doubles(rule: Match, scored: Scored) -> dict[Both[Key], Verdict]:
    """SAME or UNSURE, by the keys of both; `scored` within one system. An equal identifier that decides is SAME, unless
    another one differs or all else speaks against it; where the score weighs it already, the score says. That needs no
    contradicting identifier and two kinds of evidence, as between two systems."""
    same = _same(rule, scored)
    asked = scored.equal | ((scored.score >= rule.review_at) & ~scored.forbidden)
    return {
        scored.keys(row): Verdict.SAME if same[row] else Verdict.UNSURE for row in np.flatnonzero(same | asked).tolist()
    }


def _same(rule: Match, scored: Scored) -> Bools:
    return np.asarray(_decided(rule, scored) | _likely(rule, scored))


def _likely(rule: Match, scored: Scored) -> Bools:
    return np.asarray((scored.score >= rule.link_at) & ~scored.barred & (scored.support >= KINDS))


def _decided(rule: Match, scored: Scored) -> Bools:
    compared = {each.field for each in rule.compare}
    weighed = not rule.weighted and all(name in compared for names in rule.decide for name in names)
    return np.asarray(scored.decided & (not weighed))


@dataclass(frozen=True, slots=True)
class Twin:
    """Another record of the same system that is this one, by all that is known: how likely (0..1), and why. `ids`: the
    equal identifiers that decide; `only`: without them it would be none."""

    key: Key
    score: float
    reason: str
    ids: str = ""
    only: bool = False


def twins(
    rule: Match, census: Census, candidates: Sequence[Candidate], pairs: Collection[Both[Key]]
) -> dict[Both[Key], Twin]:
    """Of these pairs of candidates those that are SAME, or that have an identifier which would decide between two
    systems: the second record as the twin of the first."""
    if not pairs:
        return {}
    named = {key for pair in pairs for key in pair}
    records = sorted((each for each in candidates if each.key in named), key=lambda each: key_text(each.key))
    place = {each.key: number for number, each in enumerate(records)}
    chosen = sorted({(min(place[one], place[two]), max(place[one], place[two])) for one, two in pairs})
    columns = np.array(chosen, dtype=np.int64).reshape(-1, 2)
    scored = weigh(rule, census, records, records, (columns[:, 0], columns[:, 1]), min(rule.review_at, rule.link_at))
    decided, likely = scored.decided, _likely(rule, scored)
    rows = np.flatnonzero(_same(rule, scored) | decided).tolist()
    told = words(rule, scored, rows)
    found: dict[Both[Key], Twin] = {}
    for row in rows:
        one, two = scored.keys(row)
        sure = bool(decided[row])
        ids = equal_ids(rule, scored, row) if sure else ""
        more = (1.0, f"{ids} equal") if sure else (float(scored.score[row]), told[row])
        by = (*more, ids, bool(sure and not likely[row]))
        found |= {(one, two): Twin(two, *by), (two, one): Twin(one, *by)}
    return {pair: found[pair] for pair in pairs if pair in found}
