"""How is a record told? By its key, and by a handle where the contract marks a part of it as about people.

Whoever tells a record asks here, or a `Ref` that was made here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from crmsync.core.handle import Handles
from crmsync.core.mapping import marked_parts
from crmsync.core.model import Both, End, Key, Mapping, Project, Ref, Telling
from crmsync.run.people.mask import MASKED

LEAST: Final = 10**8  # of the numbers that are erased like texts


@dataclass
class Names:
    """What records are called. `handles`: those of the ledger; None where there is none yet: `crm.person/***`."""

    project: Project
    handles: Handles | None = None
    show: bool = False  # a person has asked for the keys themselves
    _tellings: dict[tuple[str, str], Telling | None] = field(default_factory=dict)

    def ref(self, end: End, key: Key) -> Ref:
        return Ref(end.system, end.entity, key, self.telling(end.system, end.entity))

    def told(self, ref: Ref) -> Ref:
        """The address as it is told here."""
        return replace(ref, telling=self.telling(ref.system, ref.entity))

    def key(self, end: End, key: Key) -> str:
        """The key alone, in words: `7,3`, or a handle."""
        return (self.telling(end.system, end.entity) or plain)(key)

    def hides(self, end: End) -> bool:
        """Are its keys not told as they are?"""
        return self.telling(end.system, end.entity) is not None

    def both(self, mapping: Mapping) -> Both[Telling | None]:
        first, second = (self.telling(end.system, end.entity) for end in mapping.ends)
        return first, second

    def telling(self, system: str, entity: str) -> Telling | None:
        """How the keys of an entity are told; None: as they are."""
        place = system, entity
        if place not in self._tellings:
            self._tellings[place] = None if self.show else self._telling(*place)
        return self._tellings[place]

    def showing(self, show: bool) -> Names:
        """As they are told to who has asked for the keys themselves (`show`)."""
        return self if show == self.show else replace(self, show=show, _tellings={})

    def _telling(self, system: str, entity: str) -> Telling | None:
        marks = marked_parts(self.project, system, entity)
        if not any(marks):
            return None
        return self.handles(system, entity) if self.handles else lambda key: _masked(key, marks)


def personal_parts(project: Project, end: End, key: Key) -> list[str | int]:
    """What a key has that is about people and says so alone: texts, and numbers that are long enough (a telephone
    number) that no other one is the same by chance."""
    marks = marked_parts(project, end.system, end.entity)
    parts = [part for part, marked in zip(key, marks, strict=False) if marked]
    return [part for part in parts if isinstance(part, str) or abs(part) >= LEAST]


def _masked(key: Key, marks: tuple[bool, ...]) -> str:
    return ",".join(MASKED if marked else str(part) for part, marked in zip(key, marks, strict=False))


def plain(key: Key) -> str:
    """In words, whoever it is about."""
    return ",".join(map(str, key))
