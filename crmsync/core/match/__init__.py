"""Which is which? Records of two systems that are not linked yet, judged to be the same, or perhaps."""

from crmsync.core.match.normal import KINDS, normalise
from crmsync.core.match.propose import Candidate, blocks, propose

__all__ = ["KINDS", "Candidate", "blocks", "normalise", "propose"]
