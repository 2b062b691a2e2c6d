"""What stands for records of one side that are one, field by field, and where does it come from?

By the rules of the mapping (`match: {golden: ...}`): what its members say, or what the record of the other side says
that they are linked with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from crmsync.connectors.base import Door, fetch
from crmsync.core.expression import EvaluationError
from crmsync.core.mapping import Compiled
from crmsync.core.match.golden import Kept, Rule, Source, golden
from crmsync.core.merge import Failed
from crmsync.core.model import ABSENT, Field, Json, Key, Match, Raw, Ref, Side, key_text, other
from crmsync.core.model import Mapping as Declared
from crmsync.run.world import World

OWNER: Final = "owner"
KINDS: Final = ("survivor", "complete", "newest", "frequent")  # the rules that look at the members alone


@dataclass(frozen=True, slots=True)
class Said:
    """A record as its system has it now: what it says natively, by field, and when it was changed, as the system says
    it. `counterpart` is what it is linked with."""

    key: Key
    values: Mapping[str, Json] = field(default_factory=dict)
    modified: Json = None
    counterpart: Key | None = None
    gone: bool = False

    @property
    def filled(self) -> int:
        return sum(1 for value in self.values.values() if not is_empty(value))

    @property
    def seconds(self) -> float | None:
        return seconds_of(self.modified)


@dataclass(frozen=True, slots=True)
class Golden:
    """The value of one field, of which record it is, by which rule (in words), and what others say instead."""

    value: Json
    ref: Ref
    rule: str
    others: tuple[tuple[Ref, Json], ...] = ()

    def to_json(self) -> Json:
        """What the ledger keeps; what others say may be asked anew."""
        return {"value": self.value, "from": str(self.ref), "rule": self.rule}


def is_empty(value: Json) -> bool:
    return value is None or value is ABSENT or value in ("", [], {})


def seconds_of(modified: Json) -> float | None:
    """What orders the records of one system by their last change: a number as it is, an ISO 8601 text as seconds."""
    if isinstance(modified, int | Decimal) and not isinstance(modified, bool):
        return float(modified)
    with suppress(ValueError, TypeError):
        moment = datetime.fromisoformat(modified)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return None


def said(world: World, mapping: Declared, side: Side, keys: Sequence[Key]) -> dict[Key, Said]:
    """Those of the records that are there, even where a run would reject them."""
    links = world.ledger.links(mapping.name, side, keys)
    partners = {key: link.keys[other(side)] for key, link in links.items() if link.state != "gone"}
    compiled, door = world.compile(mapping), world.door(mapping, side)
    found = {raw.key: _said(compiled, side, raw, door, partners.get(raw.key)) for raw in fetch(door, keys)}
    return {key: found[key] for key in sorted(found, key=key_text)}


def _said(compiled: Compiled, side: Side, raw: Raw, door: Door, partner: Key | None) -> Said:
    if not raw.fault:
        with suppress(EvaluationError):
            lifted = compiled.lift[side](door.decode(raw.body))
            return Said(raw.key, says_of(compiled, lifted.natives), raw.modified, partner, lifted.gone)
    return Said(raw.key, {}, raw.modified, partner)


def says_of(compiled: Compiled, natives: Sequence[Json]) -> dict[str, Json]:
    """By field, without what is absent."""
    named = zip(compiled.mapping.fields, natives, strict=True)
    return {field.name: value for field, value in named if value is not ABSENT}


def golden_of(
    compiled: Compiled, side: Side, survivor: Key, members: Sequence[Said], counterpart: Said | None
) -> dict[str, Golden]:
    """By field, in the order of the mapping; a field that none of them has is not there. `counterpart` is the record of
    the other side that the survivor will be linked with."""
    mapping = compiled.mapping
    sources = [Source(each.key, each.values, each.seconds, each.counterpart is not None) for each in members]
    by_kind = {kind: golden(sources, survivor, {}, Rule(kind)) for kind in KINDS}
    theirs = _crossed(compiled, side, counterpart) if counterpart else {}
    found = {}
    for each in mapping.fields:
        if each.paths[side] is not None:
            chosen = _chosen(compiled, side, each, by_kind, theirs, counterpart)
            found.update({each.name: chosen} if chosen else {})
    return found


def _chosen(
    compiled: Compiled,
    side: Side,
    declared: Field,
    by_kind: Mapping[str, Mapping[str, Kept]],
    theirs: Mapping[str, Json],
    counterpart: Said | None,
) -> Golden | None:
    apart, ends = other(side), compiled.mapping.ends
    for word in rule_of(compiled.mapping.match, declared.name):
        wants = word == ends[apart].name or (word == OWNER and declared.owner == apart)
        if wants and counterpart and not is_empty(theirs.get(declared.name, ABSENT)):
            why = f"{ends[apart].name} owns it" if word == OWNER else f"{ends[apart].name} comes first"
            says = by_kind["survivor"].get(declared.name)
            others = _others(compiled, side, says, theirs[declared.name])
            return Golden(theirs[declared.name], compiled.ref(apart, counterpart.key), why, others)
        kept = by_kind[word].get(declared.name) if word in by_kind else None
        if kept and not is_empty(kept.value):
            return _golden(compiled, side, kept)
    kept = by_kind["survivor"].get(declared.name)
    return _golden(compiled, side, kept) if kept else None


def rule_of(rule: Match | None, name: str) -> tuple[str, ...]:
    """The words by which a field is chosen, in order: the first that gives a value."""
    rules = dict(rule.golden) if rule else {}
    return rules.get(name) or rules.get("default") or (OWNER,)


def _golden(compiled: Compiled, side: Side, kept: Kept) -> Golden:
    others = tuple((compiled.ref(side, key), value) for key, value in kept.others)
    return Golden(kept.value, compiled.ref(side, kept.source), kept.rule, others)


def _others(compiled: Compiled, side: Side, says: Kept | None, value: Json) -> tuple[tuple[Ref, Json], ...]:
    said = [(says.source, says.value), *says.others] if says else []
    return tuple((compiled.ref(side, key), each) for key, each in said if not is_empty(each) and each != value)


def _crossed(compiled: Compiled, side: Side, counterpart: Said) -> dict[str, Json]:
    """What a record of the other side says in this side's terms; nothing of a link, and of what cannot cross."""
    found = {}
    for index, each in enumerate(compiled.mapping.fields):
        if not each.link and each.name in counterpart.values:
            value = compiled.cross[side][index](counterpart.values[each.name])
            if not isinstance(value, Failed):
                found[each.name] = value
    return found


def golden_json(chosen: Mapping[str, Golden]) -> Json:
    return {name: each.to_json() for name, each in chosen.items()}
