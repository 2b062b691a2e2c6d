"""How good is the matching? What it said about pairs, held against the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Final, NamedTuple, TypeAlias

from crmsync.core.match.parts import Parts, unordered
from crmsync.core.model import Both, Json, Key, Verdict

RECALL_AT: Final = ("0.99", "0.995")  # the precisions that people ask the recall for
CONFIDENCE: Final = 0.95
SURER: Final = (Verdict.DIFFERENT, None, Verdict.UNSURE, Verdict.SAME)

Pair: TypeAlias = Both[Key]
Node: TypeAlias = tuple[int, Key]  # side, and the key there; one side alone is 0


class Said(NamedTuple):
    """What matching said about one candidate pair: its score, 0 to 1, and SAME (linked), UNSURE (asked) or None."""

    keys: Pair
    score: float
    verdict: Verdict | None = None


class Step(NamedTuple):
    """What links from `threshold` up would be worth."""

    threshold: float
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Hits:
    """`right` of `found` pairs are among the `wanted` ones. A share of nothing is None, not 0."""

    found: int
    right: int
    wanted: int

    @property
    def precision(self) -> float | None:
        return _share(self.right, self.found)

    @property
    def recall(self) -> float | None:
        return _share(self.right, self.wanted)

    @property
    def f1(self) -> float | None:
        return _share(2 * self.right, self.found + self.wanted)


@dataclass(frozen=True, slots=True)
class Figures:
    """`best`: the threshold of the best F1 were links drawn by score alone; None where nothing is to be found.
    `recall_at`: the highest recall at a precision. `records`: how many the truth names. `candidates.found`: how many
    pairs were compared."""

    link: Hits
    clusters: Hits
    candidates: Hits
    asked: Hits
    best: Step | None
    recall_at: tuple[tuple[str, float | None], ...]
    records: int

    def to_json(self) -> Json:
        """Shares are rounded to 4 decimals; None where there is nothing to have a share of."""
        link, best = self.link, self.best
        return {
            "link": {
                **_shares(link),
                "pairs": link.found,
                "precision_bounds": _bounds(link.right, link.found),
                "recall_bounds": _bounds(link.right, link.wanted),
            },
            "best": {name: _rounded(getattr(best, name, None)) for name in ("f1", "threshold", "precision", "recall")},
            "recall_at": {name: _rounded(recall) for name, recall in self.recall_at},
            "blocking": {"recall": _rounded(self.candidates.recall), "pairs": self.candidates.found},
            "review": {"pairs": self.asked.found, "share_true": _rounded(self.asked.precision)},
            "clusters": _shares(self.clusters),
            "truth": {"pairs": link.wanted, "records": self.records},
        }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def _shares(hits: Hits) -> Json:
    return {name: _rounded(getattr(hits, name)) for name in ("precision", "recall", "f1")}


def _bounds(right: int, of: int) -> list[float] | None:
    return [round(each, 4) for each in wilson(right, of)] if of else None


def wilson(right: float, of: float, confidence: float = CONFIDENCE) -> Both[float]:
    """Between which shares the true one lies, with this confidence, where `right` of `of` were (Wilson, 1927: holds
    for few trials and for shares near 0 and 1 too). (0, 1) where nothing was tried."""
    if not of:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, doubt = right / of, z * z / of
    middle = (share + doubt / 2) / (1 + doubt)
    half = sqrt(max(share * (1 - share) * doubt + doubt * doubt / 4, 0.0)) / (1 + doubt)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def evaluate(said: Iterable[Said], truth: Iterable[Pair], compared: int, hits: int, one_side: bool = False) -> Figures:
    """Hold what matching said against the truth: all pairs that are the same.

    `compared`: how many candidate pairs there were; `hits`: how many of the true pairs among them (`said` may leave out
    the candidates of the lowest scores). `one_side`: both keys are of one system; a pair is the same both ways round.
    """
    true, heard = _distinct(truth, one_side), _heard(said, one_side)
    linked = {each.keys for each in heard if each.verdict is Verdict.SAME}
    asked = {each.keys for each in heard if each.verdict is Verdict.UNSURE}
    steps = _steps(heard, true)
    return Figures(
        link=_hits(linked, true),
        clusters=_cluster_hits(linked, true, one_side),
        candidates=Hits(compared, hits, len(true)),
        asked=_hits(asked, true),
        best=max(steps, key=lambda step: (step.f1, step.threshold), default=None),
        recall_at=tuple((wanted, _recall_at(steps, float(wanted), len(true))) for wanted in RECALL_AT),
        records=len({node for pair in true for node in _nodes(pair, one_side)}),
    )


def curve(said: Iterable[Said], truth: Iterable[Pair], one_side: bool = False, most: int = 200) -> list[Step]:
    """Precision and recall over the threshold, falling: at most `most` steps, the first and the last among them."""
    steps = _steps(_heard(said, one_side), _distinct(truth, one_side))
    if len(steps) <= most:
        return steps
    return [steps[round(place * (len(steps) - 1) / (most - 1))] for place in range(most)]


def _distinct(pairs: Iterable[Pair], one_side: bool) -> set[Pair]:
    if not one_side:
        return set(pairs)
    return {unordered(pair) for pair in pairs if pair[0] != pair[1]}


def _heard(said: Iterable[Said], one_side: bool) -> list[Said]:
    """One line a pair, the highest score first. Of a pair that was told twice, what was said more surely."""
    if one_side:
        said = (each._replace(keys=unordered(each.keys)) for each in said if each.keys[0] != each.keys[1])
    rising = sorted(said, key=lambda each: (SURER.index(each.verdict), each.score))
    return sorted({each.keys: each for each in rising}.values(), key=lambda each: -each.score)


def _hits(found: Collection[Pair], true: set[Pair]) -> Hits:
    return Hits(len(found), sum(pair in true for pair in found), len(true))


def _steps(heard: Sequence[Said], true: set[Pair]) -> list[Step]:
    """One a distinct score, falling; none where nothing is true."""
    right = 0
    steps = []
    for found, each in enumerate(heard if true else (), 1):
        right += each.keys in true
        if found == len(heard) or heard[found].score < each.score:  # equal scores stand or fall together
            f1 = 2 * right / (found + len(true))
            steps.append(Step(each.score, right / found, right / len(true), f1))
    return steps


def _recall_at(steps: Sequence[Step], precision: float, true: int) -> float | None:
    """0 where no threshold is as precise."""
    return max((step.recall for step in steps if step.precision >= precision), default=0.0) if true else None


# Clusters ------------------------------------------------------------------------------------------


def _nodes(pair: Pair, one_side: bool) -> Both[Node]:
    return (0, pair[0]), (0 if one_side else 1, pair[1])


def _cluster_hits(linked: set[Pair], true: set[Pair], one_side: bool) -> Hits:
    """Of all pairs that links imply together (A=B and B=C: A=C), how many the truth implies. Between two systems, pairs
    across alone."""
    found, wanted = _components(linked, one_side), _components(true, one_side)
    both = ((node, (cluster, wanted[node])) for node, cluster in found.items() if node in wanted)
    count = _pairs_inside if one_side else _pairs_across
    return Hits(count(found.items()), count(both), count(wanted.items()))


def _components(pairs: Iterable[Pair], one_side: bool) -> dict[Node, Node]:
    """One member of its component for every node that some pair names."""
    parts: Parts[Node] = Parts()
    for pair in pairs:
        parts.join(*_nodes(pair, one_side))
    return {node: parts.root(node) for node in list(parts.parent)}


Group: TypeAlias = Hashable
_Grouped: TypeAlias = Iterable[tuple[Node, Group]]


def _pairs_inside(grouped: _Grouped) -> int:
    return sum(n * (n - 1) // 2 for n in Counter(group for _, group in grouped).values())


def _pairs_across(grouped: _Grouped) -> int:
    sides: Both[Counter[Group]] = (Counter(), Counter())
    for (side, _), group in grouped:
        sides[side][group] += 1
    return sum(n * sides[1][group] for group, n in sides[0].items())
