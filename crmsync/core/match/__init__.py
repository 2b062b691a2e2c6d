"""Which is which? Records of two systems that are not linked yet, judged to be the same, or perhaps."""

from crmsync.core.match.compare import Comparator, comparators, normalise
from crmsync.core.match.propose import Candidate, blocks, propose

__all__ = ["Candidate", "Comparator", "blocks", "comparators", "normalise", "propose"]
