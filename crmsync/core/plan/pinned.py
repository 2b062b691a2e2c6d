"""May this field be written, or does it wait for a person?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from crmsync.core.merge import Contested, Failed, Merged, Said, same
from crmsync.core.model import ABSENT, OSCILLATION, REVERTED, SIDES, Both, Field, Json, Pin, Side

Spoken = tuple[Field, Said | None]
"""A field and what is said of it; None where it is not written now."""


def pinned(pins: Sequence[Pin], field: Field, said: Said, merged: Merged) -> Merged:
    """What follows for a field in view of its pins. What a person has answered, of these very values, is done; a value
    that cannot cross is refused all the same."""
    answered = said.decision is not None and _same(said.decision.seen, said.now)
    if answered or isinstance(merged, Failed):
        return merged
    found = [pin for pin in pins if pin.field == field.name and (pin.kind == OSCILLATION or _same(pin.seen, said.now))]
    return Contested(found[0].kind, found[0].message) if found else merged


def moving(pins: tuple[Pin, ...], fields: list[Spoken]) -> tuple[tuple[Pin, ...], list[Spoken]]:
    """The pins that stand, and what is said in view of those that lapse. Fields of a group move together: the side that
    changes one of them has news in all of them, so that what a revert has restored of the group moves with it."""
    restored = {pin.field: pin for pin in pins if pin.kind == REVERTED}
    groups = {field.group for field, _ in fields if field.group and field.name in restored}
    news = {
        name: sides
        for name, members in groupby(sorted(fields, key=_group), key=_group)
        if name in groups and (sides := {side for each in members for side in _news(restored, *each)})
    }
    if not news:
        return pins, fields
    lapsed = {field.name for field, _ in fields if field.group in news and field.name in restored}
    standing = tuple(pin for pin in pins if pin.kind != REVERTED or pin.field not in lapsed)
    told = [
        (field, _told(field, said, news[field.group or ""]) if field.name in lapsed else said) for field, said in fields
    ]
    return standing, told


def _group(spoken: Spoken) -> str:
    return spoken[0].group or ""


def _news(restored: dict[str, Pin], field: Field, said: Said | None) -> Iterator[Side]:
    """The sides that say something else than what was restored, or agreed."""
    pin = restored.get(field.name)
    before = pin.seen if pin else said.base.values if said and said.base else None
    if said is not None and before is not None:
        yield from (side for side in SIDES if not same(before[side], said.now[side]))


def _told(field: Field, said: Said | None, sides: set[Side]) -> Said | None:
    """As if these sides had changed this field, too; a value that combines has nothing to add."""
    if said is None or said.base is None or field.merge:
        return said
    first, second = (ABSENT if side in sides else said.base.values[side] for side in SIDES)
    return replace(said, base=said.base._replace(values=(first, second), sent=ABSENT))


def _same(seen: Both[Json], now: Both[Json]) -> bool:
    return same(seen[0], now[0]) and same(seen[1], now[1])
