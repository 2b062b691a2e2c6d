"""What must be done so that both sides say the same? Pairs in; actions, entries and breakers out."""

from crmsync.core.plan.again import Again, Failure, not_twice, not_yet, try_again
from crmsync.core.plan.decide import decide
from crmsync.core.plan.limits import Allow, Counts, Read, Trip, refuse, worded
from crmsync.core.plan.lines import decode, digest, encode
from crmsync.core.plan.pair import NOWHERE, Decided, Pair, Resolve
from crmsync.core.plan.traits import crossed, traits

__all__ = [
    "NOWHERE", "Again", "Allow", "Counts", "Decided", "Failure", "Pair", "Read", "Resolve", "Trip", "crossed", "decide",
    "decode", "digest", "encode", "not_twice", "not_yet", "refuse", "traits", "try_again", "worded",
]  # fmt: skip
