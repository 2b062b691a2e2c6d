"""What do the systems and the ledger say about one record, and about all of a project? Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

from crmsync.connectors.base import ConnectorError, fetch
from crmsync.core.expression import EvaluationError
from crmsync.core.model import (
    ABSENT,
    SIDES,
    Agreed,
    Both,
    Change,
    Create,
    Field,
    Finding,
    Hold,
    Json,
    Key,
    Mapping,
    Ref,
    Side,
    Update,
)
from crmsync.core.plan import decode
from crmsync.core.plan.lines import Line
from crmsync.ledger.nouns import Counts, DeadLetter, Halt, JournalLine, LinkRow, MergeRow, Review, Run, State
from crmsync.run.episodes import Episode, episodes, last_written
from crmsync.run.eras import eras, unconfirmed
from crmsync.run.halted import refuse_halted
from crmsync.run.prepared import Order
from crmsync.run.refs import no_record, places_of
from crmsync.run.session import Asked, planned
from crmsync.run.world import Stopped, World

T = TypeVar("T")

LAST_RUNS: Final = 200  # how far back the last run of a mapping is looked for

# One record ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FieldStory:
    """All that is known of one field of a pair. `history`: what was told of it, oldest first. `golden`: by side, what
    stands for the records that were merged into this one: value, from, rule."""

    field: Field
    now: Both[Json]
    base: Agreed | None
    history: tuple[Episode, ...]
    next: tuple[tuple[Side, Change] | Hold, ...]
    review: Review | None
    golden: Both[Json] = (None, None)


@dataclass(frozen=True, slots=True)
class PairStory:
    """A record and its counterpart in one mapping. `next` is what a run would do now, `wrong` why it would not,
    `unready` why none may begin: the mapping has changed, or never ran. `merges` are those of either record that hold,
    of itself or of others into it; `into` is where it went."""

    mapping: Mapping
    keys: Both[Key | None]
    found: Both[bool]
    link: LinkRow | None
    states: Both[State | None]
    fields: tuple[FieldStory, ...]
    reviews: tuple[Review, ...]
    letters: tuple[DeadLetter, ...]
    next: tuple[Line, ...]
    wrong: tuple[Finding, ...]
    merges: tuple[MergeRow, ...] = ()
    into: Both[Key | None] = (None, None)
    unready: tuple[Finding, ...] = ()
    history: tuple[Episode, ...] = ()


def explain(world: World, ref: Ref, name: str | None = None) -> tuple[PairStory, ...]:
    """The story of a record in every mapping that it is in; of one field, if it is named. Raises `Stopped` (exit 2)
    when there is no such record, or no such field."""
    places = places_of(world.project.mappings, ref.system, ref.entity)
    chosen = [
        (mapping, side) for mapping, side in places if name is None or any(each.name == name for each in mapping.fields)
    ]
    if not chosen:
        names = sorted({each.name for mapping, _ in places for each in mapping.fields})
        message = f"no mapping of {ref.system}.{ref.entity} has a field {name}"
        raise Stopped(2, Finding("usage/no-field", message, f"choose among: {', '.join(names)}"))
    stories = tuple(_story(world, mapping, side, ref.key, name) for mapping, side in chosen)
    if not any(any(story.found) or any(story.states) for story in stories):
        raise Stopped(2, no_record(ref))
    return stories


def _story(world: World, mapping: Mapping, side: Side, key: Key, name: str | None) -> PairStory:
    ledger = world.ledger
    link = ledger.links(mapping.name, side, [key]).get(key)
    keys: Both[Key | None] = link.keys if link else ((key, None) if side == 0 else (None, key))
    now = now_of(world, mapping, keys)
    heard = link is not None or any(now.found) or ledger.states(mapping.name, side, [key])
    lines, wrong, unready = _next(world, mapping, side, key) if heard else ((), (), ())
    reviews = tuple(
        each for each in _open_reviews(world, mapping) if any(keys[at] == about for at, about in each.records)
    )
    history = episodes(world, mapping, keys)
    present = [(at, each) for at, each in zip(SIDES, keys, strict=True) if each is not None]
    merges = tuple(row for at, each in present for row in _merges(world, mapping, at, each))
    golden = _each_key(keys, lambda at, each: _golden(merges, at, each))
    fields = tuple(
        FieldStory(
            field,
            (now.values[0].get(field.name, ABSENT), now.values[1].get(field.name, ABSENT)),
            (link.base if link else {}).get(field.name),
            tuple(each for each in history if each.tells_of(field.name)),
            _next_of(field, lines),
            next((each for each in reviews if each.field == field.name), None),
            ((golden[0] or {}).get(field.name), (golden[1] or {}).get(field.name)),
        )
        for field in mapping.fields
        if name in (None, field.name)
    )
    return PairStory(
        mapping, keys, now.found, _link_row(world, mapping, link.id if link else None, side, key),
        _each_key(keys, lambda at, each: ledger.states(mapping.name, at, [each]).get(each)), fields, reviews,
        _letters(world, mapping, keys), lines, wrong, merges,
        _each_key(keys, lambda at, each: ledger.survivors(mapping.name, at, [each]).get(each)), unready,
        history,
    )  # fmt: skip


def _merges(world: World, mapping: Mapping, side: Side, key: Key) -> list[MergeRow]:
    """Those that hold, oldest first."""
    return [row for row in world.ledger.merges_of(mapping.name, side, key) if row.ended is None]


def _golden(merges: Sequence[MergeRow], side: Side, survivor: Key) -> Json:
    """As it was when the last record was merged into this one, by field; None where none was."""
    rows = [row for row in merges if row.side == side and row.survivor == survivor]
    return rows[-1].golden if rows else None


@dataclass(frozen=True, slots=True)
class Now:
    """What both records say now, by field, even where a run would reject them; which of them are there, and when they
    were changed, as their systems say it."""

    values: Both[dict[str, Json]] = ({}, {})
    found: Both[bool] = (False, False)
    modified: Both[Json] = (None, None)


def now_of(world: World, mapping: Mapping, keys: Both[Key | None]) -> Now:
    compiled = world.compile(mapping)
    values: Both[dict[str, Json]] = ({}, {})
    names = [field.name for field in mapping.fields]
    found, modified = [False, False], [None, None]
    for side in SIDES:
        key, door = keys[side], world.door(mapping, side)
        for raw in fetch(door, [key] if key is not None else []):
            found[side], modified[side] = True, raw.modified
            with suppress(EvaluationError):
                lifted = compiled.lift[side](None if raw.fault else door.decode(raw.body))
                values[side].update(zip(names, lifted.natives, strict=True))
    return Now(values, (found[0], found[1]), (modified[0], modified[1]))


def _next(
    world: World, mapping: Mapping, side: Side, key: Key
) -> tuple[tuple[Line, ...], tuple[Finding, ...], tuple[Finding, ...]]:
    """What a run would do with this pair now; why it would not, and why none may begin, if it is so."""
    order = Order(only=world.names.ref(mapping.ends[side], key))
    if not mapping.enabled:
        message = f"{mapping.name} is switched off"
        return (), (), (Finding("run/disabled", message, "take enabled: false away", at=mapping.at),)
    try:
        refuse_halted(world, (mapping,))
        eras(world, (mapping,), order)
    except Stopped as stopped:
        return (), (), stopped.findings
    with planned(world, Asked((mapping.name,), order), "explain") as (prepared, _):
        lines = tuple(decode(line.text) for line in prepared.spool.lines())
        letters = prepared.letters(mapping.name)
        wrong = tuple(Finding(each.rule, each.message, each.mend, path=each.path) for each in letters)
    return lines, wrong, ()


def _next_of(field: Field, lines: Sequence[Line]) -> tuple[tuple[Side, Change] | Hold, ...]:
    found: list[tuple[Side, Change] | Hold] = []
    for line in lines:
        if isinstance(line, Create | Update):
            found += [(line.side, change) for change in line.changes if change.field == field.name]
        elif isinstance(line, Hold) and line.field == field.name:
            found.append(line)
    return tuple(found)


def _link_row(world: World, mapping: Mapping, number: int | None, side: Side, key: Key) -> LinkRow | None:
    rows = world.ledger.links_of(mapping.name, side, key)
    return next((row for row in rows if row.id == number), None)


def _open_reviews(world: World, mapping: Mapping) -> Iterator[Review]:
    after = 0
    while page := world.ledger.reviews(mapping.name, "open", after=after):
        yield from page
        after = page[-1].n


def _letters(world: World, mapping: Mapping, keys: Both[Key | None]) -> tuple[DeadLetter, ...]:
    found = _each_key(keys, lambda side, key: world.ledger.dead(mapping.name, side, [key]).get(key))
    return tuple(letter for letter in found if letter)


def _each_key(keys: Both[Key | None], ask: Callable[[Side, Key], T | None]) -> Both[T | None]:
    left, right = keys
    return None if left is None else ask(0, left), None if right is None else ask(1, right)


# One question -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sent:
    """A create that was sent, and of which no answer came."""

    line: Create
    run: Run | None


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around a question: both records as they are now, what wrote its field last, and the create whose
    outcome nobody knows. `unasked`: why the systems could not be asked ("" where they could)."""

    now: Now
    written: Episode | None
    sent: Sent | None
    unasked: str = ""


def around(world: World, mapping: Mapping, asked: Review) -> Around:
    side: Side = 0 if asked.keys[0] is not None else 1
    key = asked.keys[side]
    lines = world.ledger.history_of(mapping.name, side, key) if key is not None else []
    written = last_written(episodes(world, mapping, asked.keys), asked.field)
    sent = _sent(world, asked, lines)
    try:
        return Around(now_of(world, mapping, asked.keys), written, sent)
    except ConnectorError as error:
        return Around(Now(), written, sent, str(error))


def use_of(world: World, answered: Review) -> JournalLine | None:
    """The line of a journal that did as a person had answered; None where nothing had to be written for it."""
    side: Side = 0 if answered.keys[0] is not None else 1
    key, since = answered.keys[side], answered.closed
    lines = world.ledger.history_of(answered.mapping, side, key) if key is not None and since else []
    later = (each for each in lines if each.status == "done" and each.at and since and each.at > since)
    return next((each for each in later if _decided(decode(each.line), answered.field)), None)


def _decided(line: Line, field: str) -> bool:
    changes = line.changes if isinstance(line, Create | Update) else ()
    return any(each.field == field and each.reason == "decided" for each in changes)


def _sent(world: World, asked: Review, lines: Sequence[JournalLine]) -> Sent | None:
    for journaled in reversed(lines):
        line = decode(journaled.line)
        if journaled.status in ("sent", "unknown") and isinstance(line, Create) and asked.keys[line.side] is None:
            return Sent(line, world.ledger.run(journaled.run))
    return None


# All of a project ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """How one mapping stands. `behind`: no whole batch run has finished since it changed; `unconfirmed`: it has changed
    in a breaking way, and nothing runs until a person has confirmed that."""

    mapping: Mapping
    counts: Counts
    last: Run | None
    behind: bool
    unconfirmed: bool
    excluded: int = 0  # records that are left alone
    halt: Halt | None = None  # no run touches it until a person resumes it


def status(world: World, select: Sequence[Mapping]) -> tuple[Standing, ...]:
    counts, runs, halts = world.ledger.counts(), world.ledger.runs(LAST_RUNS), world.ledger.halts()
    none = Counts(0, 0, 0, ({}, {}))
    found = []
    for mapping in select:
        era = world.ledger.era(mapping.name)
        behind = era is None or not era.complete or era.hash != world.hashes[mapping.name]
        last = next((run for run in runs if mapping.name in (run.selected or ())), None)
        found.append(Standing(mapping, counts.get(mapping.name, none), last, behind, bool(unconfirmed(world, mapping)),
                              len(world.ledger.exclusions(mapping.name)), halts.get(mapping.name)))  # fmt: skip
    return tuple(found)
