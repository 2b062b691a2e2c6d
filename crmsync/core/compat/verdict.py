"""Is every record of one schema a record of the other one?

"compatible" is proven, "breaking" has a record to show; anything else is "unproven".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from crmsync.core.compat.canonical import Answer, Canonical, Uncanonical
from crmsync.core.compat.dialect import LATEST, modern
from crmsync.core.compat.judge import Judge
from crmsync.core.compat.proof import is_proven
from crmsync.core.compat.witness import quick_witness, witness
from crmsync.core.model import ABSENT, Json, to_json

Verdict: TypeAlias = Literal["compatible", "breaking", "unproven"]


@dataclass(frozen=True, slots=True)
class Inclusion:
    """`witness` is a record of the inner schema that the outer one refuses; ABSENT unless breaking."""

    verdict: Verdict
    witness: Json = ABSENT


def included(inner: Json, outer: Json, *, draft: int = LATEST) -> Inclusion:
    """Whether `outer` takes every value of `inner`. A schema that is none, or goes too deep, makes it unproven."""
    try:
        return _included(modern(inner, draft), modern(outer, draft))
    except (Uncanonical, RecursionError):
        return Inclusion("unproven")


def _included(inner: Json, outer: Json) -> Inclusion:
    judges = Judge(inner), Judge(outer)
    if to_json(inner) == to_json(outer) or outer is True or inner is False:
        return Inclusion("compatible")
    found = quick_witness(*judges)
    if found is not ABSENT:
        return Inclusion("breaking", found)
    if _covers(inner, outer) or is_proven(inner, outer):
        return Inclusion("compatible")
    found = witness(*judges)
    return Inclusion("unproven") if found is ABSENT else Inclusion("breaking", found)


def _covers(inner: Json, outer: Json) -> bool:
    """Whether the canonical forms say so."""
    try:
        return Canonical.of(outer).covers(Canonical.of(inner)) is Answer.YES
    except Uncanonical:
        return False
