"""Which pairs inside one system are the same? A record may have several doubles there: nothing is one to one, and that
an identifier is not unique is what is looked for."""

from __future__ import annotations

import numpy as np

from crmsync.core.match.judge import KINDS
from crmsync.core.match.score import Scored
from crmsync.core.model import Both, Key, Match, Verdict


def doubles(rule: Match, scored: Scored) -> dict[Both[Key], Verdict]:
    """SAME or UNSURE, by the keys of both; `scored` within one system. An equal identifier that decides is SAME, unless
    another one differs or all else speaks against it; where the score weighs it already, the score says. That needs no
    contradicting identifier and two kinds of evidence, as between two systems."""
    compared = {each.field for each in rule.compare}
    weighed = not rule.weighted and all(name in compared for names in rule.decide for name in names)
    decided = scored.decided & (not weighed)
    likely = (scored.score >= rule.link_at) & ~scored.barred & (scored.support >= KINDS)
    asked = scored.equal | ((scored.score >= rule.review_at) & ~scored.forbidden)
    same = decided | likely
    return {
        scored.keys(row): Verdict.SAME if same[row] else Verdict.UNSURE for row in np.flatnonzero(same | asked).tolist()
    }
