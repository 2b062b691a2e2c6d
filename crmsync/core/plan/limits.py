"""Is this plan bigger than anyone wanted? Computed from the plan, before the first write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from crmsync.core.model import KINDS, Both, Finding, Kind, Limit, Side
from crmsync.core.model import Mapping as Declared

FLOOR: Final = 20  # a percentage of fewer live links than this says nothing
COUNTED: Final[Mapping[Kind, tuple[Kind, ...]]] = {"delete": ("archive", "delete")}  # either way, a record goes
FIRST: Final = ("create", "update")  # what a first load does to everything, and may when it is asked to


@dataclass(frozen=True, slots=True)
class Counts:
    """What a plan would write in one mapping: by side and kind, beside the links that are live."""

    actions: Both[Mapping[Kind, int]]
    live_links: int
    loaded: bool = True  # False until a first whole run has ended: a first load may need more than one


def refuse(
    mapping: Declared, counts: Counts, *, first_load: bool = False, allow: Mapping[Kind, int] | None = None
) -> tuple[Finding, ...]:
    """The breakers that trip, all of them. `allow` is what a person has allowed for this very plan."""
    return tuple(_trips(mapping, counts, first_load, allow or {}))


def _trips(mapping: Declared, counts: Counts, first_load: bool, allow: Mapping[Kind, int]) -> Iterator[Finding]:
    for kind in KINDS:
        limit = mapping.limits.get(kind)
        if limit is None or (kind in FIRST and first_load and not counts.loaded):
            continue
        for side in (0, 1):
            number = sum(counts.actions[side].get(each, 0) for each in COUNTED.get(kind, (kind,)))
            most = _most(limit, counts.live_links)
            if number > most and number > allow.get(kind, 0):
                yield _finding(mapping, side, kind, number, most, counts)


def _most(limit: Limit, live_links: int) -> Decimal:
    if limit.count is not None:
        return Decimal(limit.count)
    return (limit.percent or Decimal(0)) * max(live_links, FLOOR) / 100


def _finding(mapping: Declared, side: Side, kind: Kind, number: int, most: Decimal, counts: Counts) -> Finding:
    end = mapping.ends[side]
    first = "crmsync run --first-load, or " if kind in FIRST and not counts.loaded else ""
    return Finding(
        f"limits/{kind}",
        f"{mapping.name}: {number} {kind}s in {end.system}.{end.entity}, more than the {int(most)} that limits.{kind} "
        f"allows ({counts.live_links} live links); nothing was written",
        f"look at the plan (crmsync plan -o plan.json), then: {first}crmsync apply plan.json --allow {kind}={number}",
        at=mapping.at,
    )
