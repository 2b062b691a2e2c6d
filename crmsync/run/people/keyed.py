"""May a key be told? A part of it that the contract marks as about people is told as `***`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from crmsync.core.contract import Checker
from crmsync.core.expression import plain_path
from crmsync.core.mapping import Compiled
from crmsync.core.model import End, Entity, Key, Project, Side
from crmsync.run.people.mask import MASKED

Telling: TypeAlias = Callable[[Key], str]


def personal_parts(project: Project, end: End, key: Key) -> list[str]:
    """The texts of a key that are about people."""
    marks = _marks(project, end)
    return [part for part, marked in zip(key, marks, strict=False) if marked and isinstance(part, str)]


def telling_keys(project: Project, end: End) -> Telling:
    """How keys of this side are told unasked: `***,3`. Where a person asks, they are told: an answer needs them."""
    marks = _marks(project, end)
    return lambda key: _told(key, marks)


def _told(key: Key, marks: Sequence[bool]) -> str:
    return ",".join(MASKED if marked else str(part) for part, marked in zip(key, marks, strict=False))


def told_ref(compiled: Compiled, side: Side, key: Key) -> str:
    """`crm.account/7`, or `crm.person/***`."""
    end, marks = compiled.mapping.ends[side], _marked(compiled.checkers[side], compiled.entities[side])
    return f"{end.system}.{end.entity}/{_told(key, marks)}" if any(marks) else str(compiled.ref(side, key))


def _marks(project: Project, end: End) -> list[bool]:
    return _marked(Checker(end.contract), project.entity(end))


def _marked(checker: Checker, entity: Entity) -> list[bool]:
    return [checker.touches_pii(plain_path(text) or ()) for text in entity.key]
