"""What of a base still stands when its mapping has changed?

What both sides said when they last agreed stays true, whoever owns the field now and however a value crosses. It says
nothing any more once the field lies elsewhere, or leads to other records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from crmsync.core.change.changes import Change
from crmsync.core.model import Base

_LOST: Final = frozenset({"change/path", "change/link", "change/field-removed", "change/field-added"})
_OTHER_RECORDS: Final = frozenset({"change/entity", "change/key"})


@dataclass(frozen=True, slots=True)
class Carried:
    """How a base goes over to the new mapping: the fields that lose theirs, and those that are called otherwise."""

    lost: frozenset[str] = frozenset()
    renamed: tuple[tuple[str, str], ...] = ()

    def over(self, base: Base) -> Base:
        names = dict(self.renamed)
        there = {name: agreed for name, agreed in base.items() if name not in self.lost}
        return {names.get(name, name): agreed for name, agreed in there.items()}


def carried(found: Sequence[Change]) -> Carried:
    """How bases go over these changes. One that lingers from an earlier field of the same name is lost, too."""
    lost = frozenset(each.field for each in found if each.rule in _LOST)
    moved = tuple((str(each.old), str(each.new)) for each in found if each.rule == "change/field-renamed")
    return Carried(lost, moved)


def moves_links(found: Sequence[Change]) -> tuple[Change, ...]:
    """The changes after which the keys of links mean other records."""
    return tuple(each for each in found if each.rule in _OTHER_RECORDS)
