"""Which is which? Records of two systems that are not linked yet, judged to be the same, or perhaps."""

from crmsync.core.match.block import Blocking, blocks, census_of
from crmsync.core.match.census import Census
from crmsync.core.match.compare import Comparator, comparators, normalise
from crmsync.core.match.explain import Explained, Point, explain
from crmsync.core.match.judge import judge, propose
from crmsync.core.match.rule import Candidate, kinds_of, traits_of
from crmsync.core.match.score import Scored, score_pairs

__all__ = [
    "Blocking",
    "Candidate",
    "Census",
    "Comparator",
    "Explained",
    "Point",
    "Scored",
    "blocks",
    "census_of",
    "comparators",
    "explain",
    "judge",
    "kinds_of",
    "normalise",
    "propose",
    "score_pairs",
    "traits_of",
]
