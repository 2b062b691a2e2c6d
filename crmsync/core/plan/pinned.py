"""May this field be written, or does it wait for a person?"""

from __future__ import annotations

from collections.abc import Sequence

from crmsync.core.merge import Contested, Failed, Merged, Said, same
from crmsync.core.model import OSCILLATION, Both, Field, Json, Pin


def pinned(pins: Sequence[Pin], field: Field, said: Said, merged: Merged) -> Merged:
    """What follows for a field in view of its pins. What a person has answered, of these very values, is done; a value
    that cannot cross is refused all the same."""
    answered = said.decision is not None and _same(said.decision.seen, said.now)
    if answered or isinstance(merged, Failed):
        return merged
    found = [pin for pin in pins if pin.field == field.name and (pin.kind == OSCILLATION or _same(pin.seen, said.now))]
    return Contested(found[0].kind, found[0].message) if found else merged


def _same(seen: Both[Json], now: Both[Json]) -> bool:
    return same(seen[0], now[0]) and same(seen[1], now[1])
