"""Is something wrong that a person should be told of?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from crmsync.core.signals.alert import Condition
from crmsync.core.signals.measure import MappingSignals, Signals

FAILED: Final = frozenset({1, 2, 4, 5})
DEGRADED: Final = 3
LOCKED: Final = 6  # another run is at work: there is nothing to tell, unless that lasts too long
JUDGED: Final = FAILED | {0, DEGRADED}  # after any other exit code nothing is known that was not known before
LOUD: Final = ("held", "rejected", "failed")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when on is it too bad? Ages in seconds; `convergence_drop`: by how much (0..1) less may converge than before
    it fell."""

    dead_letter_age: float = 86_400.0
    review_age: float = 604_800.0
    convergence_drop: float = 0.05


def judge(
    exit_code: int, rules: Iterable[str], signals: Signals, names: Collection[str], limits: Thresholds,
    before: Mapping[str, float],
) -> Condition | None:  # fmt: skip
    """What is wrong after a run of the mappings `names` that ended like this, for the reasons `rules`; None: nothing.
    `before`: by mapping, the convergence that it is to be compared with."""
    if exit_code in FAILED:
        return Condition("failure", tuple(sorted(set(rules))) or (f"exit {exit_code}",))
    reasons = {reason for each in signals.mappings if each.name in names
               for reason in _reasons(each, exit_code, limits, before.get(each.name))}  # fmt: skip
    if exit_code == DEGRADED and not reasons:
        reasons = {f"exit {exit_code}"}
    return Condition("degraded", tuple(sorted(reasons))) if reasons else None


def _reasons(each: MappingSignals, exit_code: int, limits: Thresholds, before: float | None) -> Iterator[str]:
    """Without numbers: one reason stays the same while its numbers grow."""
    for bucket in LOUD:
        if exit_code == DEGRADED and any(dict(side.buckets).get(bucket, 0) for side in each.sides):
            yield f"{each.name}: records {bucket}"
    if exit_code == DEGRADED and each.open_reviews:
        yield f"{each.name}: open reviews"
    if each.oldest_dead_letter is not None and each.oldest_dead_letter > limits.dead_letter_age:
        yield f"{each.name}: old dead letters"
    if each.oldest_review is not None and each.oldest_review > limits.review_age:
        yield f"{each.name}: old reviews"
    if fell(each.convergence, before, limits.convergence_drop):
        yield f"{each.name}: convergence fell"


def fell(now: float | None, before: float | None, drop: float) -> bool:
    """By as much as `drop`, with room for the last digit of a float."""
    return now is not None and before is not None and before - now >= drop - 1e-9 and before > now
