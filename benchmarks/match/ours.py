"""How does crmsync do on these sets, with the mapping that a stranger would write?

Every column is compared as its kind, nothing is set by hand; a registry number decides where there is one. `links` are
what crmsync links by itself at the shipped thresholds: labels choose no threshold there, only whether pairs are closed.
`alone` and `taught` have learned as `crmsync match train` does, without labels and with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from benchmarks.match.protocol import CannotTell, Labels, Matcher, Scores
from benchmarks.match.sets import LabelledSet, Pair, Records, ordered
from crmsync.core.match import Candidate, Scored, census_of, judge, score_pairs, traits_of
from crmsync.core.match.inside import doubles
from crmsync.core.match.judge import KINDS
from crmsync.core.match.rule import scorecard_of
from crmsync.core.match.score import weigh
from crmsync.core.model import LIKELY, Both, Compare, Key, Match, Verdict, key_text
from crmsync.run.match.labelled import Labels as Told
from crmsync.run.match.learn import learned


def shipped(known: LabelledSet, _labels: Labels) -> Scores:
    return _strengths(known, _scored(known, _rule(known)))


def taught(known: LabelledSet, labels: Labels) -> Scores:
    rule = _rule(known)
    scored = _scored(known, rule, labels)
    rows = {_pair(known, scored.keys(row)): row for row in range(len(scored))}
    same = {rows[pair]: same for pair, same in labels.items() if pair in rows}
    card = learned(scorecard_of(rule), scored, Told.of(same, scored.score))
    return _strengths(known, _scored(known, replace(rule, scorecard=card)))


def links(known: LabelledSet, _labels: Labels) -> Scores:
    if len(known.compare) < KINDS:
        raise CannotTell("a name alone never links; a person is asked")
    rule = _rule(known)
    scored = _scored(known, rule)
    if known.kind == "dedupe":
        verdicts = doubles(rule, scored)
    else:
        verdicts = {each.keys: each.verdict for each in judge(rule, scored)}
    return {_pair(known, keys): 1.0 for keys, verdict in verdicts.items() if verdict is Verdict.SAME}


def _rule(known: LabelledSet) -> Match:
    decide = tuple((column,) for column in known.compare if column == "ico")
    compare = tuple(Compare(column, kind) for column, kind in known.compare.items())
    return Match(decide, compare, *LIKELY)


def _scored(known: LabelledSet, rule: Match, beside: Iterable[Pair] = ()) -> Scored:
    first, second = _candidates(rule, known.left), _candidates(rule, known.right)
    census = census_of(rule, first, second)
    if not known.asked:
        pairs = [((one,), (two,)) for one, two in beside]
        return score_pairs(rule, census, first, None if known.kind == "dedupe" else second, beside=pairs)
    return weigh(rule, census, first, second, _places(known, first, second, known.asked))


def _candidates(rule: Match, records: Records) -> list[Candidate]:
    made = [Candidate((key,), traits_of(rule, record)) for key, record in records.items()]
    return sorted(made, key=lambda each: key_text(each.key))


def _places(
    known: LabelledSet, first: Sequence[Candidate], second: Sequence[Candidate], pairs: Sequence[Pair]
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Where the records of the pairs stand; inside one table the earlier one comes first."""
    ours, theirs = ({each.key[0]: place for place, each in enumerate(side)} for side in (first, second))
    places = [(ours[a], theirs[b]) for a, b in pairs]
    if known.kind == "dedupe":
        places = [(min(place), max(place)) for place in places]
    found = np.array(sorted(places), dtype=np.int64)
    return found[:, 0], found[:, 1]


def _strengths(known: LabelledSet, scored: Scored) -> Scores:
    return {_pair(known, scored.keys(row)): strength for row, strength in enumerate(scored.strength.tolist())}


def _pair(known: LabelledSet, keys: Both[Key]) -> Pair:
    pair = (str(keys[0][0]), str(keys[1][0]))
    return ordered(pair) if known.kind == "dedupe" else pair


MATCHERS: Final[Mapping[str, Matcher]] = {
    "crmsync links": links,
    "crmsync": shipped,
    "crmsync alone": taught,
    "crmsync taught": taught,
}
