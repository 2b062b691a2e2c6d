"""What must be done so that both sides say the same? Pairs in; actions, entries and breakers out."""

from crmsync.core.plan.decide import Decided, Pair, Resolve, decide
from crmsync.core.plan.limits import Counts, refuse
from crmsync.core.plan.lines import decode, digest, encode
from crmsync.core.plan.traits import traits

__all__ = ["Counts", "Decided", "Pair", "Resolve", "decide", "decode", "digest", "encode", "refuse", "traits"]
