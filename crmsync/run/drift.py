"""Where do both sides differ, and since when? Everything is compared afresh, and nothing is written anywhere.

Both sides of a mapping are read completely and every pair is decided as a run would decide it. What is out of step is
counted, and noted in the spool: what is found may be more than memory holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC
from itertools import groupby, islice
from typing import Final, Literal, NamedTuple, TypeAlias, TypeVar

from crmsync.connectors.record import moment_of
from crmsync.core.mapping import Compiled, Seen
from crmsync.core.merge import same
from crmsync.core.model import (
    SIDES,
    Adopt,
    Archive,
    Both,
    Create,
    Delete,
    Hold,
    Json,
    Key,
    Link,
    Mark,
    Restore,
    Side,
    Update,
    key_text,
    other,
)
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan import Pair, decide, decode, encode
from crmsync.core.plan.lines import Line
from crmsync.core.plan.pair import GONE
from crmsync.ledger.nouns import PairKeys, RecordRow, Review
from crmsync.ledger.spool import Line as PlanLine
from crmsync.ledger.spool import Spool
from crmsync.run.parents import Parents
from crmsync.run.prepare import prepare
from crmsync.run.prepared import MappingPlan, Order, Prepared
from crmsync.run.recover import left_behind
from crmsync.run.report import Recovered
from crmsync.run.selected import selected
from crmsync.run.world import World, examined

T = TypeVar("T")

Category: TypeAlias = Literal["never_dispatched", "missing", "orphaned", "fields", "stuck"]
CATEGORIES: Final[tuple[Category, ...]] = ("never_dispatched", "missing", "orphaned", "fields", "stuck")
Evidence: TypeAlias = Literal["modified", "review", "agreed"]

NOBODYS: Final = -1  # an era that no record was settled in: every one is looked at again
PAGE: Final = 500
UNSETTLED: Final = ("held", "waiting", "rejected", "failed")


class Since(NamedTuple):
    """Since when two records disagree, in UTC. `modified`: the record that changed says so. `review`: a person has
    been asked since then. `agreed`: they last agreed then, so it is no longer than that."""

    at: str
    evidence: Evidence


class Group(NamedTuple):
    """What is counted together.

    never_dispatched: `create` (`side`: where), `link`, or the bucket of a record of `side` that never had a link;
    missing: `unlisted`, `deleted` (a tombstone) or `gone for good` on `side`; orphaned: `gone`, from both sides;
    fields: `write` (to `side`) or `held`; stuck: the bucket of a linked pair that is not about a field, or `archive`.
    `listings`: the complete listings in a row, this one included, that did not have the record; it is counted as far
    as it matters.
    """

    category: Category
    what: str
    side: Side | None = None
    field: str = ""
    listings: int = 0


class Found(NamedTuple):
    """One thing that is out of step. `line`: what a run would do, if anything, as in a plan."""

    group: Group
    keys: PairKeys
    line: Line | None = None
    why: str = ""
    since: Since | None = None
    review: int | None = None
    letter: int | None = None


@dataclass
class Sum:
    """How many of one group; the oldest and the newest, and of how many nobody knows the age."""

    count: int = 0
    oldest: Since | None = None
    newest: Since | None = None
    ageless: int = 0

    def add(self, since: Since | None) -> None:
        self.count += 1
        if since is None:
            self.ageless += 1
        else:
            self.oldest = min(since, self.oldest or since)
            self.newest = max(since, self.newest or since)


@dataclass
class MappingDrift:
    """What is out of step in one mapping, counted."""

    mapping: Declared
    read: Both[int] = (0, 0)
    groups: dict[Group, Sum] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(each.count for each in self.groups.values())

    def of(self, category: Category) -> list[tuple[Group, Sum]]:
        """The groups of a category: by kind, side and field."""
        found = [each for each in self.groups.items() if each[0].category == category]
        return sorted(found, key=lambda each: (each[0].field, each[0].what, str(each[0].side), each[0].listings))


@dataclass
class Drift:
    """`forgotten`: the links of mappings that the project does not have any more, by name. `left`: what a run that died
    has left behind; what it had sent may be there already, and counts as if it were not."""

    now: str
    spool: Spool
    mappings: dict[str, MappingDrift]
    forgotten: dict[str, int]
    left: Recovered

    @property
    def count(self) -> int:
        return sum(each.count for each in self.mappings.values()) + sum(self.forgotten.values())

    @property
    def exit(self) -> int:
        return 3 if self.count else 0

    def found(self, mapping: str, group: Group) -> Iterator[Found]:
        """All that is counted in a group, from the spool."""
        for keys, line, why, since, *numbers in self.spool.notes(mapping, _note_kind(group)):
            pair = (keys[0] and tuple(keys[0]), keys[1] and tuple(keys[1]))
            then = Since(*since) if since else None
            yield Found(group, pair, decode(line.encode()) if line else None, why, then, *numbers)


@contextmanager
def compared(world: World, select: Sequence[str], now: str) -> Iterator[Drift]:
    """Compare all records of the selected mappings (globs; none = all that are enabled). Breakers do not matter here:
    nothing will be written. Raises `Stopped`, `Transient`, `Refused`."""
    mappings = selected(world, select)
    prepared = prepare(world, mappings, Order(), {each.name: NOBODYS for each in mappings}, "drift", now)
    try:
        found = {each.name: _Comparison(world, prepared, each, MappingDrift(each)) for each in mappings}
        by_number = {prepared.mappings[name].number: each for name, each in found.items()}
        for number, lines in groupby(prepared.spool.lines(), key=lambda line: line.mapping_no):
            by_number[number].look_at_lines(lines)
        for each in found.values():
            each.look_at_unlisted()
            each.look_at_verdicts()
        forgotten = {} if select else _forgotten(world)
        drifts = {name: each.drift for name, each in found.items()}
        yield Drift(now, prepared.spool, drifts, forgotten, left_behind(world, mappings))
    finally:
        prepared.spool.close()


def _forgotten(world: World) -> dict[str, int]:
    known = {each.name for each in world.project.mappings}
    counts = world.ledger.counts()
    return {name: each.live_links for name, each in sorted(counts.items()) if name not in known and each.live_links}


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Turns the plan of one mapping into what is out of step."""

    world: World
    prepared: Prepared
    mapping: Declared
    drift: MappingDrift

    @property
    def name(self) -> str:
        return self.mapping.name

    def _entity(self, side: Side) -> str:
        return self.compiled.entities[side].full_name

    @property
    def spool(self) -> Spool:
        return self.prepared.spool

    @property
    def plan(self) -> MappingPlan:
        return self.prepared.mappings[self.name]

    @property
    def compiled(self) -> Compiled:
        return self.world.compile(self.mapping)

    def _note(self, found: Iterable[Found]) -> None:
        notes: dict[Group, list[Json]] = {}
        for each in found:
            self.drift.groups.setdefault(each.group, Sum()).add(each.since)
            text = encode(each.line).decode() if each.line else None
            note = [each.keys, text, each.why, each.since, each.review, each.letter]
            notes.setdefault(each.group, []).append(note)
        for group, some in notes.items():
            self.spool.note(self.name, _note_kind(group), some)

    # What a run would do

    def look_at_lines(self, lines: Iterable[PlanLine]) -> None:
        for page in _pages(decode(line.text) for line in lines):
            self._note(_new(page))
            self._remember_links([each.keys for each in page if isinstance(each, Adopt) and each.judged])
            self._note(self._differing([each for each in page if isinstance(each, Update | Hold)]))
            self._note(self._deleted([each for each in page if not isinstance(each, Create | Adopt | Update)]))

    @property
    def _to_link(self) -> str:
        """Under this name the spool knows the records that are to be linked."""
        return f"{self.name}, to be linked"

    def _remember_links(self, pairs: Sequence[Both[Key]]) -> None:
        for side in SIDES:
            self.spool.seen(self._to_link, side, [keys[side] for keys in pairs])

    def _differing(self, lines: Sequence[Update | Hold]) -> Iterator[Found]:
        """What is to be written to linked pairs, or is held there."""
        told = [(keys, line) for line in lines for keys in _both(_keys(line)) if not _is_delete(line)]
        linked = self._linked([keys for keys, _ in told])
        ages = self._ages(list(linked.values()))
        for keys, line in told:
            if keys in linked:
                yield from _at_odds(linked[keys], line, ages)

    def _linked(self, pairs: Sequence[Both[Key]]) -> dict[Both[Key], Link]:
        wanted = set(pairs)
        found = self.world.ledger.links(self.name, 0, sorted({keys[0] for keys in pairs}, key=key_text))
        return {link.keys: link for link in found.values() if link.keys in wanted}

    def _ages(self, links: Sequence[Link]) -> _Ages:
        pairs = [link.keys for link in links]
        reviews = self.world.ledger.reviews_about(self.name, 0, [keys[0] for keys in pairs])
        seen = (self._seen(0, [keys[0] for keys in pairs]), self._seen(1, [keys[1] for keys in pairs]))
        return _Ages(self.compiled, seen, self.world.ledger.agreed_at(self.name, pairs), reviews)

    def _seen(self, side: Side, keys: Sequence[Key]) -> dict[Key, Seen]:
        rows = self.spool.staged(self.name, side, keys)
        return {key: examined(self.world, self.compiled, side, row) for key, row in rows.items()}

    # What is not there any more

    def _deleted(self, lines: Sequence[Line]) -> Iterator[Found]:
        """Tombstones, as the lines that follow from them show; and what is archived because it left the scope."""
        follow = [each for each in lines if _is_delete(each) or not isinstance(each, Hold)]
        pairs = {keys: line for line in follow for keys in _both(_keys(line)) if not self._is_unlisted(keys)}
        seen = (self._seen(0, [keys[0] for keys in pairs]), self._seen(1, [keys[1] for keys in pairs]))
        reviews = self.world.ledger.reviews_about(self.name, 0, [keys[0] for keys in pairs])
        for keys, line in pairs.items():
            gone = [side for side in SIDES if _is_gone(seen[side].get(keys[side]))]
            review = next((each.n for each in reviews.get(keys[0], ()) if each.kind == "delete"), None)
            if len(gone) == 2:
                yield Found(Group("orphaned", "gone"), keys)
            elif gone:
                why = f"deleted in {self._entity(gone[0])}"
                yield Found(Group("missing", "deleted", gone[0]), keys, None, why, review=review)
            elif isinstance(line, Archive):
                yield Found(Group("stuck", "archive", line.side), keys, line, line.reason)

    def _is_unlisted(self, keys: Both[Key]) -> bool:
        unlisted = self.plan.extraction.unlisted
        return keys[0] in unlisted[0] or keys[1] in unlisted[1]

    def look_at_unlisted(self) -> None:
        """Links whose record a complete listing did not have."""
        for side in SIDES:
            for page in _pages(self.plan.extraction.unlisted[side].items()):
                self._note(self._unlisted(side, dict(page)))

    def _unlisted(self, side: Side, page: Mapping[Key, Key]) -> Iterator[Found]:
        partners = list(page.values())
        seen = self._seen(other(side), partners)
        verdicts = self.spool.buckets(self.name, other(side), partners)
        links = self.world.ledger.links(self.name, side, list(page))
        reviews = self.world.ledger.reviews_about(self.name, side, list(page))
        letters = self._letters(other(side), partners)
        for key, partner in page.items():
            keys = (key, partner) if side == 0 else (partner, key)
            if partner not in seen or _is_gone(seen[partner]):
                if side == 0 or partner not in self.plan.extraction.unlisted[0]:  # else it was told at side 0
                    yield Found(Group("orphaned", "gone"), keys)
            elif verdicts.get(partner) != "out_of_scope":  # a frozen pair stays as it is
                before = links[key].missing[side] if key in links else 0  # a run may be at work meanwhile
                listings = min(before + 1, GONE)
                review = next((each.n for each in reviews.get(key, ())), None)
                times = "a complete listing" if listings == 1 else "two complete listings or more"
                why = f"missing from {times} of {self._entity(side)}"
                group = Group("missing", "unlisted", side, "", listings)
                yield Found(group, keys, None, why, None, review, letters.get(partner))

    # Records that go nowhere

    def look_at_verdicts(self) -> None:
        for side in SIDES:
            for rows in self.spool.verdicts(self.name, side):
                self._note(self._unsettled(side, [row for row in rows if row.bucket in UNSETTLED]))
                alone = [row.key for row in rows if row.bucket == "unchanged" and row.reason]  # those in step have none
                self._note(self._gone_for_good(side, alone))
        tallies = [self.spool.tally(self.name, side) for side in SIDES]
        self.drift.read = (sum(tallies[0].values()), sum(tallies[1].values()))

    def _unsettled(self, side: Side, rows: Sequence[RecordRow]) -> Iterator[Found]:
        """Records that never had a link; and linked pairs of which no line tells, each told once."""
        keys = [row.key for row in rows]
        links = self.world.ledger.links(self.name, side, keys)
        partners = {key: link.keys[other(side)] for key, link in links.items()}
        to_link = set(self.spool.seen(self._to_link, side, [key for key in keys if key not in links]))
        reviews = self.world.ledger.reviews_about(self.name, side, keys)
        own, theirs = self._letters(side, keys), self._letters(other(side), list(partners.values()))
        there = self.spool.staged_keys(self.name, other(side), list(partners.values()))
        for row in rows:
            link, partner = links.get(row.key), partners.get(row.key, ())
            alone: PairKeys = (row.key, None) if side == 0 else (None, row.key)
            letter = own.get(row.key) or theirs.get(partner)
            if link is None and row.key not in to_link:
                review = next((each.n for each in reviews.get(row.key, ())), None)
                yield Found(Group("never_dispatched", row.bucket, side), alone, None, row.reason, None, review, letter)
            elif link and link.state == "gone":
                yield Found(Group("stuck", row.bucket), alone, None, row.reason, None, None, letter)
            elif link and row.bucket != "held" and side == 0 and partner in there:  # held ones are lines
                yield Found(Group("stuck", row.bucket), link.keys, None, row.reason, None, None, letter)

    def _gone_for_good(self, side: Side, keys: Sequence[Key]) -> Iterator[Found]:
        """Records whose counterpart a run found gone: none is made anew, though the mapping wants one."""
        links = self.world.ledger.links(self.name, side, keys)
        ended = {key: link.keys[other(side)] for key, link in links.items() if link.state == "gone"}
        wanting = self._wanting(side, list(ended))
        told = self._wanting(0, list(ended.values())) if side == 1 else set()
        there = self.spool.staged_keys(self.name, other(side), list(ended.values()))
        for key in [each for each in ended if each in wanting and ended[each] not in told]:
            what = "its link ended when one of the two was gone" if ended[key] in there else "its counterpart is gone"
            why = f"{what}, and no run makes another in {self._entity(other(side))}"
            yield Found(Group("missing", "gone for good", other(side)), links[key].keys, None, why)

    def _wanting(self, side: Side, keys: Sequence[Key]) -> set[Key]:
        """The records that would get a counterpart, if they had never had one."""
        seen = self._seen(side, keys)
        resolve = Parents(self.world, self.spool, self.mapping).resolver({side: list(seen.values())})
        alone = {key: Pair((one, None) if side == 0 else (None, one)) for key, one in seen.items()}
        buckets = {key: decide(self.compiled, pair, resolve).bucket for key, pair in alone.items()}
        return {key for key, bucket in buckets.items() if bucket not in ("unchanged", "out_of_scope")}

    def _letters(self, side: Side, keys: Sequence[Key]) -> dict[Key, int]:
        letters = self.world.ledger.dead(self.name, side, keys)
        return {key: each.n for key, each in letters.items() if each.state == "open"}


@dataclass(frozen=True, slots=True)
class _Ages:
    """What tells since when some linked pairs disagree."""

    compiled: Compiled
    seen: Both[Mapping[Key, Seen]]
    agreed: Mapping[Both[Key], str]
    reviews: Mapping[Key, Sequence[Review]]  # by the key on side 0

    def review(self, hold: Hold) -> Review | None:
        """The open one that asks this question."""
        asked = self.reviews.get(hold.keys[0] or (), ())
        return next((r for r in asked if (r.keys, r.kind, r.field) == (hold.keys, hold.kind, hold.field)), None)

    def since(self, link: Link, name: str, review: Review | None) -> Since | None:
        """At each of these times they disagreed, so it is since the earliest; if nothing else is known, it is since
        they last agreed at most."""
        agreed = self.agreed.get(link.keys)
        known = [Since(at, "modified") for at in self._modified(link, name) if agreed is None or at > agreed]
        known += [Since(review.opened, "review")] if review else []
        return min(known, default=Since(agreed, "agreed") if agreed else None)

    def _modified(self, link: Link, name: str) -> Iterator[str]:
        """When the sides that changed the field were changed last, where they tell a time."""
        base = link.base.get(name)
        for side in SIDES:
            seen, clock = self.seen[side].get(link.keys[side]), self.compiled.entities[side].modified
            if base and clock and seen and seen.lifted:
                now = seen.lifted.natives[self.compiled.index[name]]
                moment = moment_of(seen.record.modified, clock.timezone)
                if moment and not same(now, base.values[side]):
                    yield moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _at_odds(link: Link, line: Update | Hold, ages: _Ages) -> Iterator[Found]:
    if isinstance(line, Update):
        for change in line.changes:
            group, since = Group("fields", "write", line.side, change.field), ages.since(link, change.field, None)
            yield Found(group, link.keys, replace(line, changes=(change,)), change.reason, since)
        return
    review = ages.review(line)
    number = review.n if review else None
    if line.kind == "check" or not line.field:  # a check names a path, and is about the whole record
        yield Found(Group("stuck", "held"), link.keys, line, line.message, None, number)
    else:
        since = ages.since(link, line.field, review)
        yield Found(Group("fields", "held", None, line.field), link.keys, line, line.message, since, number)


def _new(lines: Sequence[Line]) -> Iterator[Found]:
    """Counterparts to be created, and pairs to be linked."""
    for line in lines:
        if isinstance(line, Create):
            yield Found(
                Group("never_dispatched", "create", line.side), _keys(line), replace(line, changes=(), untold=())
            )
        elif isinstance(line, Adopt) and line.judged:
            yield Found(Group("never_dispatched", "link"), line.keys, replace(line, base={}), line.judged[1])


def _keys(line: Line) -> PairKeys:
    match line:
        case Create(side=side, source=source):
            return (source, None) if side == 1 else (None, source)
        case Update() | Archive() | Delete() | Restore():
            return (line.key, line.source) if line.side == 0 else (line.source, line.key)
        case Hold() | Adopt() | Mark():
            return line.keys


def _both(keys: PairKeys) -> Iterator[Both[Key]]:
    """The pair, if it is one."""
    left, right = keys
    if left is not None and right is not None:
        yield left, right


def _is_gone(seen: Seen | None) -> bool:
    return bool(seen and seen.lifted and seen.lifted.gone)


def _is_delete(line: Line) -> bool:
    """The question whether a record whose counterpart is gone goes, too."""
    return isinstance(line, Hold) and line.kind == "delete"


def _note_kind(group: Group) -> str:
    return f"drift {' '.join(map(str, group))}"


def _pages(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while page := list(islice(rest, PAGE)):
        yield page
