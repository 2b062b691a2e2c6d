"""Can it be shown, rule by rule, that one schema takes every value of another one?

For what the canonical form leaves open: patterns, properties by pattern, recursion, conditions. The outer schema is
taken keyword by keyword; each must follow from all that the inner one says. A recursive pair that comes back one level
further down holds, because values end. Every rule is sound, none is complete: False means "not shown".
"""

from __future__ import annotations

from crmsync.core.compat.facts import Facts
from crmsync.core.compat.proof.search import Search
from crmsync.core.model import Json


def is_proven(inner: Json, outer: Json) -> bool:
    """Both in 2020-12."""
    return follows(Facts((inner,), inner), outer, outer)


def follows(given: Facts, outer: Json, root: Json) -> bool:
    """Whether every value of which `given` holds is one of `outer`, whose references lead into `root`."""
    return Search(root).shows(given, outer)
