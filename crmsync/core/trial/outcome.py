"""What becomes of one record under a mapping, had it no counterpart yet?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from crmsync.core.mapping import Compiled, Lifted, Seen, breaks, examine
from crmsync.core.merge import Failed
from crmsync.core.model import ABSENT, Agreed, Change, Finding, Json, Raw, Side, from_json, other
from crmsync.core.plan.newcomer import first_said

Verdict: TypeAlias = Literal["mapped", "rejected", "held", "out of scope", "deleted"]
CREATES = "(a counterpart is made)"  # beside the fields: no field is called so


@dataclass(frozen=True, slots=True)
class Outcome:
    """`fields`: what the other side would get, by field; for a link the key that is followed. `why`: what speaks
    against the record, in words."""

    verdict: Verdict
    fields: Mapping[str, Json]
    why: tuple[str, ...] = ()


def outcome_of(compiled: Compiled, side: Side, raw: Raw) -> Outcome:
    """Contract, scope and checks of the record, its values in the other side's terms, and the contract there."""
    seen = examine(compiled, side, raw, from_json)
    if seen.rejected or seen.lifted is None:
        return Outcome("rejected", {}, _said(seen.rejected))
    if seen.lifted.gone or not seen.lifted.in_scope:
        return Outcome("deleted" if seen.lifted.gone else "out of scope", {})
    return _mapped(compiled, side, seen, seen.lifted)


def _mapped(compiled: Compiled, side: Side, seen: Seen, lifted: Lifted) -> Outcome:
    found = dict(_values(compiled, side, lifted))
    failed = {name: each for name, each in found.items() if isinstance(each, Failed)}
    told: dict[str, Json] = {name: each for name, each in found.items() if not isinstance(each, Failed)}
    broken = tuple(breaks(compiled, other(side), None, _changes(compiled, told), seen.record.ref))
    if not lifted.creates:  # what is missing is there already, or a person puts it in
        broken = tuple(each for each in broken if each.rule != "contract/required")
    why = (*_said(broken), *(f"{name}: {each.message}" for name, each in failed.items()), *_said(seen.held))
    rejected = broken or any(each.bucket != "held" for each in failed.values())
    verdict: Verdict = "rejected" if rejected else "held" if why else "mapped"
    return Outcome(verdict, {**told, CREATES: lifted.creates}, why)


def _values(compiled: Compiled, side: Side, lifted: Lifted) -> Iterator[tuple[str, Json | Failed]]:
    to = other(side)
    for index, each in enumerate(compiled.mapping.fields):
        if each.paths[to] is None:
            continue
        said = lifted.natives[index] if lifted.gates[index] else ABSENT
        value, _ = first_said(each, _followed if each.link else compiled.cross[to][index], side, said)
        if value is not ABSENT:
            yield each.name, value


def _followed(key: Json) -> Json | Failed:
    """Of a link the key on this side: who is linked, only a ledger knows."""
    return key


def _changes(compiled: Compiled, told: Mapping[str, Json]) -> list[Change]:
    """Links are left out: their keys are those of this side."""
    links = {each.name for each in compiled.mapping.fields if each.link}
    nothing = Agreed((None, None))
    return [Change(name, "", ABSENT, value, "created", nothing) for name, value in told.items() if name not in links]


def _said(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    return tuple(f"{each.path}: {each.message}" if each.path else each.message for each in findings)
