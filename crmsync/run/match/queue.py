"""What does a person see of two records that may be one, and in which order are they asked?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from rapidfuzz.fuzz import ratio

from crmsync.connectors.base import ConnectorError, fetch
from crmsync.core.expression import EvaluationError
from crmsync.core.mapping import Compiled, Seen, examine
from crmsync.core.match import Explained, explain
from crmsync.core.match.parts import Parts
from crmsync.core.merge import Failed, agree, same
from crmsync.core.model import ABSENT, Both, Field, Finding, Json, Key, Match, Side, key_text, to_json
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan import traits
from crmsync.ledger.nouns import MATCH, PAIRS, LinkRow, Merge, MergeRefused, Review, Take
from crmsync.ledger.spool import Spool
from crmsync.run.match.matching import known_census
from crmsync.run.match.merging import answering, refusal, while_no_run
from crmsync.run.parents import Parents
from crmsync.run.world import Stopped, World, utc_now

Mark: TypeAlias = Literal["=", "~", "≠", ""]
"""Equal, alike, unlike; "" where one of the two says nothing."""

ALIKE: Final = 70  # per cent of the letters

Traits: TypeAlias = Mapping[str, Json]
Place: TypeAlias = tuple[str, Side, str]  # mapping, side, key text


@dataclass(frozen=True, slots=True)
class Told:
    """One field of both records, as each says it itself."""

    name: str
    values: Both[Json]
    mark: Mark
    compared: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records that may be one, and all that helps to judge them.

    `fields`: those that are compared come first. `explained`: the score as it would be now, None where one of the two
    is not there. `others`: the open questions about one of the two. `links`: those that the two have. `unasked`: why
    their systems could not be asked ("" where they could)."""

    asked: Review
    mapping: Declared
    found: Both[bool]
    modified: Both[Json]
    fields: tuple[Told, ...]
    explained: Explained | None
    others: tuple[Review, ...]
    links: tuple[LinkRow, ...]
    unasked: str = ""


def pair_of(world: World, mapping: Declared, asked: Review) -> Pair:
    """What both records say now, and what speaks for and against their being one."""
    others = tuple(each for each in world.ledger.questions_about(mapping.name, asked.records) if each.n != asked.n)
    links = tuple(_links(world, mapping, asked))
    try:
        seen = _seen(world, mapping, asked)
    except ConnectorError as error:
        return Pair(asked, mapping, (False, False), (None, None), (), None, others, links, str(error))
    found = (seen[0] is not None, seen[1] is not None)
    modified = (seen[0] and seen[0].record.modified, seen[1] and seen[1].record.modified)
    normal = _traits(world, mapping, asked, seen)
    rule, explained = mapping.match, None
    if rule is not None and all(found):
        explained = explain(rule, known_census(world, mapping.name), *normal)
    fields = _fields(world.compile(mapping), asked, seen, normal)
    return Pair(asked, mapping, found, modified, tuple(fields), explained, others, links)


def _links(world: World, mapping: Declared, asked: Review) -> list[LinkRow]:
    rows = [row for side, key in asked.records for row in world.ledger.links_of(mapping.name, side, key)]
    alive = {row.id: row for row in rows if row.ended is None and row.state != "gone"}
    return [alive[number] for number in sorted(alive)]


def _seen(world: World, mapping: Declared, asked: Review) -> Both[Seen | None]:
    compiled = world.compile(mapping)
    found: list[Seen | None] = []
    for side, key in asked.records:
        door = world.door(mapping, side)
        raws = (raw for raw in fetch(door, [key]) if raw.key == key)
        found.append(next((examine(compiled, side, raw, door.decode) for raw in raws), None))
    return found[0], found[1]


def _traits(world: World, mapping: Declared, asked: Review, seen: Both[Seen | None]) -> Both[Traits]:
    compiled = world.compile(mapping)
    with closing(Spool()) as nothing:  # parents are looked up in a plan first: there is none
        parents = Parents(world, nothing, mapping)
        found = [
            traits(compiled, side, each, parents.resolver({side: [each]})) if each is not None else {}
            for (side, _), each in zip(asked.records, seen, strict=True)
        ]
    return found[0], found[1]


def _fields(compiled: Compiled, asked: Review, seen: Both[Seen | None], normal: Both[Traits]) -> list[Told]:
    names = _compared(compiled.mapping.match)
    natives = [_natives(compiled, side, each) for (side, _), each in zip(asked.records, seen, strict=True)]
    told = {}
    for i, field in enumerate(compiled.mapping.fields):
        values = (natives[0][i], natives[1][i])
        mark = _mark(compiled, asked.side, i, values, (normal[0].get(field.name), normal[1].get(field.name)))
        told[field.name] = Told(field.name, values, mark, field.name in names)
    return [told[name] for name in names if name in told] + [each for each in told.values() if not each.compared]


def _compared(rule: Match | None) -> Sequence[str]:
    """The fields that matching looks at: identifiers first, then in the order of the mapping."""
    if rule is None:
        return ()
    decide = [name for names in rule.decide for name in names]
    return tuple(dict.fromkeys([*decide, *(each.field for each in rule.compare), *filter(None, [rule.within])]))


def _natives(compiled: Compiled, side: Side, seen: Seen | None) -> Sequence[Json]:
    """What a record says, even where a run would reject it."""
    if seen is not None and seen.lifted is not None:
        return seen.lifted.natives
    if seen is not None and seen.record.data is not None:
        with suppress(EvaluationError):
            return compiled.lift[side](seen.record.data).natives
    return [ABSENT] * len(compiled.mapping.fields)


def _mark(compiled: Compiled, side: Side | None, index: int, values: Both[Json], normal: Both[Json]) -> Mark:
    if any(value in ("", [], {}) or value is None or value is ABSENT for value in values):
        return ""
    if normal[0] and normal[1]:
        return "=" if normal[0] == normal[1] else _likeness(*normal)
    if side is not None:
        return "=" if same(*values) else _likeness(*values)
    field = compiled.mapping.fields[index]
    if field.link or field.value is not ABSENT:
        return ""  # keys of two systems; a constant
    crossed = (compiled.cross[0][index](values[1]), compiled.cross[1][index](values[0]))
    if _agrees(field, crossed[1], values[1]) or _agrees(field, crossed[0], values[0]):
        return "="
    return _likeness(*values)


def _agrees(field: Field, crossed: Json | Failed, value: Json) -> bool:
    return not isinstance(crossed, Failed) and agree(field, crossed, value)


def _likeness(first: Json, second: Json) -> Mark:
    one, two = ((each if isinstance(each, str) else to_json(each).decode()).casefold() for each in (first, second))
    return "~" if ratio(" ".join(one.split()), " ".join(two.split())) >= ALIKE else "≠"


# Answer --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person says to one question. `merging`: what becomes of duplicates that are the same."""

    asked: Review
    take: Take
    value: Json = None
    merging: Merge | None = None


def prepared(world: World, asked: Review, take: Take, value: Json, who: str) -> Answer:
    """Raises `Stopped` (exit 2) where duplicates cannot be merged."""
    merging = answering(world, asked, who) if asked.side is not None and take == "same" else None
    return Answer(asked, take, value, merging)


def give(world: World, answers: Sequence[Answer], who: str) -> None:
    """All of them or none. Raises ReviewNotOpen or WrongAnswer, and `Stopped` (exit 2) where duplicates cannot be
    merged; `Locked` while a run is at work that would not know of it."""
    merges = any(each.merging for each in answers)
    with while_no_run(world) if merges else nullcontext(), world.writing() as ledger:
        now = utc_now()
        for each in answers:
            try:
                ledger.resolve_review(each.asked.n, each.take, each.value, who, now, each.merging)
            except MergeRefused as refused:
                raise Stopped(2, _refusal(world, each, refused)) from None


def _refusal(world: World, given: Answer, refused: MergeRefused) -> Finding:
    assert given.merging is not None  # nothing else is refused so
    records = given.merging.records
    return refusal(world.compile(world.project.mapping(records.mapping)), records.side, records.survivor, refused)


# Order ---------------------------------------------------------------------------------------------------


def in_order(questions: Iterable[Review]) -> list[Review]:
    """The pairs, best first; those that share a record stand together, those put off come last."""
    pairs = [each for each in questions if each.kind in PAIRS]
    in_turn = [each for each in pairs if each.later is None]
    return [*_grouped(in_turn), *_grouped([each for each in pairs if each.later is not None])]


def _grouped(pairs: Sequence[Review]) -> list[Review]:
    groups = sorted((sorted(group, key=_rank) for group in _connected(pairs)), key=lambda group: _rank(group[0]))
    return [each for group in groups for each in group]


def _rank(asked: Review) -> tuple[float, str, tuple[tuple[Side, str], ...], int]:
    keys = tuple((side, key_text(key)) for side, key in asked.records)
    return (1.0 if asked.score is None else -asked.score, asked.mapping, keys, asked.n)


def _connected(pairs: Sequence[Review]) -> list[list[Review]]:
    """Those that share a record, directly or by others."""
    parts: Parts[Place] = Parts()
    for each in pairs:
        first, second = places_of(each)
        parts.join(first, second)
    groups: dict[Place, list[Review]] = {}
    for each in pairs:
        groups.setdefault(parts.root(places_of(each)[0]), []).append(each)
    return list(groups.values())


def places_of(asked: Review) -> tuple[Place, ...]:
    return tuple((asked.mapping, side, key_text(key)) for side, key in asked.records)


def rivals(matches: Iterable[Review]) -> list[list[Review]]:
    """The matches that share a record, record by record: one of them at most can be `same`. Sorted by their numbers."""
    about: dict[Place, list[Review]] = {}
    for each in sorted(matches, key=lambda each: each.n):
        for place in places_of(each) if each.kind == MATCH else ():
            about.setdefault(place, []).append(each)
    return sorted((group for group in about.values() if len(group) > 1), key=lambda group: [each.n for each in group])


def without_rivals(questions: Sequence[Review]) -> list[Review]:
    """Those that share no record with another match of these."""
    sharing = {each.n for group in rivals(questions) for each in group}
    return [each for each in questions if each.n not in sharing]


def likely_rival(world: World, asked: Review, link_at: float) -> Review | None:
    """The likeliest other open match about one of the two, where its score, too, would do for a link."""
    about = world.ledger.questions_about(asked.mapping, asked.records)
    likely = [each for each in about if each.kind == MATCH and each.n != asked.n and (each.score or 0.0) >= link_at]
    return min(likely, key=_rank, default=None)


def others_about(world: World, chosen: Sequence[Review]) -> list[Review]:
    """The open questions about the records of these ones, without these; by number."""
    by_mapping: dict[str, list[tuple[Side, Key]]] = {}
    for each in chosen:
        by_mapping.setdefault(each.mapping, []).extend(each.records)
    numbers = {each.n for each in chosen}
    found = [one for name, records in by_mapping.items() for one in world.ledger.questions_about(name, records)]
    return sorted((each for each in found if each.n not in numbers), key=lambda each: each.n)
