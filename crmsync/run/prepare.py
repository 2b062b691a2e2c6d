"""How is the plan of all mappings made? Mapping after mapping, pair after pair, into the spool; nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import chain
from typing import Final

from crmsync.core.mapping import Compiled, Seen
from crmsync.core.match import Blocking, Candidate, Census
from crmsync.core.match.inside import Twin
from crmsync.core.model import (
    SIDES,
    UNKNOWN_OUTCOME,
    Archive,
    Both,
    Create,
    Decision,
    Delete,
    Finding,
    Hold,
    Json,
    Key,
    Link,
    Mark,
    Match,
    Ref,
    Side,
    Update,
    other,
)
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan import Decided, Failure, Pair, Resolve, decide, not_twice, not_yet, traits, try_again
from crmsync.core.plan.again import creates, not_a_second
from crmsync.core.plan.lines import Line
from crmsync.core.plan.rollout import NOT_IN, within
from crmsync.core.plan.shadow import kept_back
from crmsync.ledger.nouns import ASKED_BY, DUPLICATE, DeadLetter, PairKeys, RecordRow
from crmsync.ledger.spool import Line as PlanLine
from crmsync.ledger.spool import PlannedLink, Spool, Staged
from crmsync.run.breakers import trips, what_was_read
from crmsync.run.deeds import snapshot_print
from crmsync.run.extract import Extraction, Reader
from crmsync.run.match.matching import Matches, count_census, is_fit, known_census, match
from crmsync.run.match.twins import Twins, doubt, lost_records
from crmsync.run.parents import UNDECIDED, Parents, texts_of_parents
from crmsync.run.prepared import MappingPlan, Order, Prepared, letter
from crmsync.run.refs import no_record, places_of
from crmsync.run.sentinel import see_sentinels
from crmsync.run.undo.oscillation import Steady
from crmsync.run.world import Stopped, World, every, examined


def prepare(
    world: World, mappings: Sequence[Declared], order: Order, eras: Mapping[str, int], run: str, now: str
) -> Prepared:
    """Plan `mappings` (parents first). The caller closes the spool. Raises `Stopped`, `Transient`, `Refused`."""
    world.newly_known(mappings)  # a plan for another installation would be nonsense
    see_sentinels(world, mappings)
    prepared = Prepared(Spool(), started=now)
    try:
        for mapping in mappings:
            plan = Planner(world, prepared, mapping, order, eras[mapping.name], run, now).plan()
            prepared.mappings[mapping.name] = plan
            plan.read = what_was_read(world, prepared.spool, plan)
            tripped = trips(world, plan, order)
            if mapping.shadow:  # nothing is written, so that nothing need be stopped
                plan.warned.update({trip.finding.rule: trip.number for trip in tripped})
            else:
                prepared.trips += tripped
        if order.only is not None:
            _refuse_nowhere(world, prepared, mappings, order.only)
    except BaseException:
        prepared.spool.close()
        raise
    return prepared


def _refuse_nowhere(world: World, prepared: Prepared, mappings: Sequence[Declared], only: Ref) -> None:
    """Nobody has heard of the one record that the run is about. Raises `Stopped` (exit 2)."""
    places = places_of(mappings, only.system, only.entity)
    for name, side in ((mapping.name, side) for mapping, side in places):
        here, ledger = [only.key], world.ledger
        if prepared.spool.staged_keys(name, side, here) or ledger.states(name, side, here):
            return
        if ledger.links(name, side, here):
            return
    if places:
        raise Stopped(2, no_record(only))


@dataclass
class Planner:
    """Plans one mapping."""

    world: World
    prepared: Prepared
    mapping: Declared
    order: Order
    era: int
    run: str
    now: str
    matches: Matches = field(default_factory=Matches)
    census: Census = field(default_factory=Census)
    asked: set[Both[Key | None]] = field(default_factory=set)

    @property
    def spool(self) -> Spool:
        return self.prepared.spool

    @property
    def compiled(self) -> Compiled:
        return self.world.compile(self.mapping)

    def plan(self) -> MappingPlan:
        self._refuse_unsafe_counters()
        forced = (self._children(0), self._children(1))
        whole = self.order.limit is None
        reader = Reader(self.world, self.spool, self.mapping, self.era, self.order.mode, forced, deletes=whole)
        found = self.world.inputs.read(self.spool, self.mapping, partial(self._read, reader))
        ghosts = self.world.inputs.ghosts(self.mapping)
        result = MappingPlan(len(self.prepared.mappings), found, ghosts=ghosts)
        if self.mapping.match:
            self._match(reader, result, self.mapping.match)
            self.twins.note_linked(self._partner)
        self._decide_all(result)
        self.world.inputs.planned(self.spool, result)
        return result

    def _read(self, reader: Reader) -> Extraction:
        return reader.read() if self.order.only is None else self._read_only(reader, self.order.only)

    def _refuse_unsafe_counters(self) -> None:
        """Of two who add to a counter at once, one would be lost where a write cannot be conditional."""
        counters = [each for each in self.mapping.fields if each.merge == "counter"]
        doors = [(end, self.world.door(self.mapping, side)) for side, end in zip(SIDES, self.mapping.ends, strict=True)]
        blind = [f"{end.system}.{end.entity}" for end, door in doors if counters and not door.can.conditional]
        if blind:
            message = f"{self.mapping.name}: {counters[0].name} is a counter, and {blind[0]} cannot write conditionally"
            raise Stopped(2, Finding("run/unsafe-counter", message, "let one side own the field", at=counters[0].at))

    def _match(self, reader: Reader, result: MappingPlan, rule: Match) -> None:
        """Judge the unlinked records; again, when one that was only remembered is named and has been read."""
        self._count(rule)
        while True:
            few = self.order.only is not None
            self.matches = match(self.world, self.spool, self.compiled, rule, self.census, result.ghosts, few=few)
            unread = [self.matches.unread(side) for side in SIDES]
            if not any(unread):
                return
            for side in SIDES:
                result.ghosts[side].extend(reader.stage_more(result.extraction, side, unread[side]))

    def _count(self, rule: Match) -> None:
        """What is common is counted while all records are looked at, and holds as long as the mapping does."""
        era = self.world.ledger.era(self.mapping.name)
        if era is not None and era.number == self.era and era.complete:
            self.census = known_census(self.world, self.mapping.name)
        elif counted := count_census(self.world, self.spool, self.compiled, rule):
            self.census = counted
            self.spool.note(self.mapping.name, "census", [counted.to_json(self.world.ledger.seal)])

    def _read_only(self, reader: Reader, only: Ref) -> Extraction:
        for side in SIDES:
            end = self.mapping.ends[side]
            if (end.system, end.entity) == (only.system, only.entity):
                return reader.read_only(side, [only.key])
        return Extraction(self.mapping, self.era)

    def _children(self, side: Side) -> frozenset[Key]:
        """The records that waited for a parent which this run has looked at."""
        links = {each.link for each in self.mapping.fields if each.link}
        waiting: set[Key] = set()
        for parent in sorted(links & self.prepared.mappings.keys()):
            for parent_side in SIDES:
                text_of = texts_of_parents(self.world, parent, parent_side)
                for rows in self.spool.verdicts(parent, parent_side):
                    texts = [text_of(row.key) for row in rows]
                    waiting.update(self.world.ledger.waiting_for(self.mapping.name, side, texts))
        return frozenset(waiting)

    # Pair after pair

    def _decide_all(self, result: MappingPlan) -> None:
        later: list[Both[Key | None]] = []
        pages = self._pairs(result.extraction)
        for keys in pages if self.order.limit is None else ([pair] for page in pages for pair in page):
            if self.order.limit is not None and result.writes >= self.order.limit:
                result.cut = True
                return
            later += self._decide_page(result, keys, level=0)
        level = 0
        while later:  # rows of one mapping that link to each other: parents first
            level += 1
            self.spool.made(self.mapping.name)
            rest = [key for page in _chunks(later) for key in self._decide_page(result, page, level)]
            if len(rest) == len(later):
                for page in _chunks(rest):
                    self._hold_loops(result, page)
                return
            later = rest

    def _pairs(self, found: Extraction) -> Iterator[list[Both[Key | None]]]:
        """Pages of the keys of every pair that has a staged record, or that has gone missing on both sides."""
        name = self.mapping.name
        for rows in self.spool.pages(name, 0):
            yield [(row.key, self._partner(0, row)) for row in rows]
        for rows in self.spool.pages(name, 1):
            partners = [self._partner(1, row) for row in rows]
            there = self.spool.staged_keys(name, 0, [key for key in partners if key])
            yield [(mine, row.key) for mine, row in zip(partners, rows, strict=True) if mine not in there]
        both = [(left, right) for left, right in found.unlisted[0].items() if right in found.unlisted[1]]
        yield from _chunks(both)

    def _partner(self, side: Side, row: Staged) -> Key | None:
        if row.partner is not None:
            return row.partner
        return self.matches.partner(side, row.key)

    def _decide_page(self, result: MappingPlan, keys: Sequence[Both[Key | None]], level: int) -> list[Both[Key | None]]:
        pairs = self._load(result.extraction, keys)
        resolve = self._resolver(pairs)
        undecided: list[Both[Key | None]] = []
        settled: list[tuple[Pair, Decided]] = []
        for pair in pairs:
            decided = self._decide(pair, resolve)
            if decided.waits_for == UNDECIDED:
                undecided.append(pair.keys)
            else:
                settled.append((pair, decided))
        steady = self._steadied(settled, resolve)
        self._keep(result, self._without_twins(result, steady, resolve), resolve, level)
        return undecided

    def _steadied(self, settled: Sequence[tuple[Pair, Decided]], resolve: Resolve) -> Sequence[tuple[Pair, Decided]]:
        """What is written back and forth is held."""
        pins = self.steady.pins(settled)
        if not pins:
            return settled
        pinned = [(replace(pair, pins=(*pair.pins, *pins.get(pair.keys, ()))), decided) for pair, decided in settled]
        return [(p, self._decide(p, resolve) if p.keys in pins else decided) for p, decided in pinned]

    @cached_property
    def steady(self) -> Steady:
        return Steady(self.world, self.compiled)

    def _decide(self, pair: Pair, resolve: Resolve) -> Decided:
        """What the pair needs, in view of what has failed before."""
        decided = decide(self.compiled, pair, resolve)
        if failure := self._failure(decided):
            again = try_again(self.mapping, pair, decided, failure, Parents(self.world, self.spool, self.mapping).name)
            if again.completes:
                note = [failure.source, pair.keys[failure.source], again.completes]
                self.spool.note(self.mapping.name, "together", [note])
            decided = again.decided
        question = self.unanswered.get(pair.keys)
        if question is not None:
            return not_twice(self.mapping, pair, decided, question)
        doubt = next((self.doubles[side, key] for side, key in _named(pair) if (side, key) in self.doubles), None)
        return decided if doubt is None else not_yet(decided, doubt)

    def _without_twins(
        self, result: MappingPlan, settled: Sequence[tuple[Pair, Decided]], resolve: Resolve
    ) -> Sequence[tuple[Pair, Decided]]:
        """Whose twin has a counterpart gets none."""
        if self.mapping.match is None:
            return settled
        found: dict[tuple[Side, Key], Twin] = {}
        for side in SIDES:
            seen = [pair.seen[side] for pair, decided in settled if creates(decided) and pair.keys[other(side)] is None]
            newcomers = [
                Candidate(each.record.ref.key, traits(self.compiled, side, each, resolve)) for each in seen if each
            ]
            if not newcomers:
                continue
            found |= {(side, key): twin for key, twin in self.twins.of(side, newcomers).items()}
            if crowded := self.twins.crowded(newcomers):
                result.warned[f"{CROWDED} {self.mapping.ends[side].name}"] += crowded
        return [(pair, self._withheld(pair, decided, found)) for pair, decided in settled] if found else settled

    def _withheld(self, pair: Pair, decided: Decided, twins: Mapping[tuple[Side, Key], Twin]) -> Decided:
        for side, key in _named(pair):
            if twin := twins.get((side, key)):
                message = doubt(self.compiled, side, twin)
                return not_a_second(self.mapping, pair, side, twin.key, message, twin.score)
        return decided

    @cached_property
    def twins(self) -> Twins:
        assert self.mapping.match is not None
        return Twins(self.world, self.spool, self.compiled, self.mapping.match, self.census)

    def _failure(self, decided: Decided) -> Failure | None:
        """The dead letter of one of these very writes."""
        for action in decided.actions if self.refused else ():
            if isinstance(action, Create | Update | Archive | Delete):
                letter = self.refused.get((other(action.side), action.source))
                if letter and letter.raw == snapshot_print(self.world, action):
                    dropped = letter.who if letter.state == "dropped" else ""
                    return Failure(letter.n, letter.message, letter.side, letter.tries, letter.rests, dropped)
        return None

    @cached_property
    def refused(self) -> dict[tuple[Side, Key], DeadLetter]:
        """The dead letters of refused writes that are open, or that nobody wants to hear of, by the record that they
        were made from."""
        ask, name = self.world.ledger.dead_letters, self.mapping.name
        letters = chain(every(ask, name, "dropped", kind="write"), every(ask, name, "open", kind="write"))
        return {(letter.side, letter.key): letter for letter in letters}

    @cached_property
    def unanswered(self) -> dict[PairKeys, str]:
        """Creates that were sent and never answered, and what is asked about them, by pair."""
        reviews = every(self.world.ledger.reviews, self.mapping.name, "open", kind=UNKNOWN_OUTCOME)
        return {review.keys: review.message for review in reviews}

    @cached_property
    def doubles(self) -> dict[tuple[Side, Key], str]:
        """Records of which a person has asked whether they are another one of their own system. What a run has asked
        is asked anew by each, as long as it is so, and stays asked while nobody knows what became of the other one."""
        reviews = list(every(self.world.ledger.reviews, self.mapping.name, "open", kind=DUPLICATE))
        lost = lost_records(self.world, self.spool, self.mapping, [review.records[0] for review in reviews])
        stay = [review for review in reviews if review.run == ASKED_BY or review.records[0] in lost]
        self.spool.note(self.mapping.name, "stays", [review.n for review in stay])
        return {record: f"review {review.n}: {review.message}" for review in stay for record in review.records}

    def _hold_loops(self, result: MappingPlan, keys: Sequence[Both[Key | None]]) -> None:
        message = "these records are each other's parents: a loop in the data"
        settled = []
        pairs = self._load(result.extraction, keys)
        for pair in pairs:
            hold = Hold(self.mapping.name, pair.keys, "loop", "", (None, None), (None, None), message)
            settled.append((pair, Decided("held", (hold,), reason=message)))
        self._keep(result, settled, self._resolver(pairs), level=0)

    def _load(self, found: Extraction, keys: Sequence[Both[Key | None]]) -> list[Pair]:
        name, ledger = self.mapping.name, self.world.ledger
        asked = ([pair[0] for pair in keys if pair[0]], [pair[1] for pair in keys if pair[1]])
        rows = (self.spool.staged(name, 0, asked[0]), self.spool.staged(name, 1, asked[1]))
        links: Both[dict[Key, Link]] = (ledger.links(name, 0, asked[0]), ledger.links(name, 1, asked[1]))
        decisions = ledger.decisions(name, keys)
        frozen, left_out = self._frozen(asked, rows)
        found_pairs = [self._pair(found, pair, rows, links, frozen, decisions.get(pair, ())) for pair in keys]
        pins = ledger.pins(name, keys)
        found_pairs = [replace(each, pins=pins[each.keys]) if each.keys in pins else each for each in found_pairs]
        return [within(self.compiled, each, _is_in(each.keys, left_out)) for each in found_pairs]

    def _frozen(self, asked: Both[list[Key]], rows: Both[dict[Key, Staged]]) -> tuple[Both[set[Key]], Both[set[Key]]]:
        """The records that are not there now, and that were out of scope when they were last seen; those that were only
        not in the rollout stand by themselves."""
        frozen: Both[set[Key]] = (set(), set())
        left_out: Both[set[Key]] = (set(), set())
        for side in SIDES:
            absent = [key for key in asked[side] if key not in rows[side]]
            states = self.world.ledger.states(self.mapping.name, side, absent) if absent else {}
            for key, state in states.items():
                if state.excluded:
                    frozen[side].add(key)
                elif state.bucket == "out_of_scope":
                    (left_out if state.reason.startswith(NOT_IN) else frozen)[side].add(key)
        return frozen, left_out

    def _pair(
        self,
        found: Extraction,
        keys: Both[Key | None],
        rows: Both[dict[Key, Staged]],
        links: Both[dict[Key, Link]],
        frozen: Both[set[Key]],
        decisions: Sequence[Decision],
    ) -> Pair:
        first = next((side for side in SIDES if keys[side] is not None), 0)
        key = keys[first]
        assert key is not None
        judged = self.matches.same[first].get(key)
        link = Link(judged.keys) if judged else links[first].get(key)  # one that is gone may find another partner
        seen = (self._seen(0, keys[0], rows[0]), self._seen(1, keys[1], rows[1]))
        return Pair(
            seen,
            link,
            judged,
            tuple(self.matches.unsure[first].get(key, ())),
            (self._counts_missing(found, link, 0, keys[0]), self._counts_missing(found, link, 1, keys[1])),
            _is_in(keys, frozen),
            tuple(decisions),
        )

    def _counts_missing(self, found: Extraction, link: Link | None, side: Side, key: Key | None) -> bool:
        """Did a complete listing not have it, other than the one that was counted already?"""
        return key in found.unlisted[side] and not (self.world.repeats and link and link.missing[side])

    def _seen(self, side: Side, key: Key | None, rows: dict[Key, Staged]) -> Seen | None:
        row = rows.get(key) if key is not None else None
        return examined(self.world, self.compiled, side, row) if row else None

    def _resolver(self, pairs: Sequence[Pair]) -> Resolve:
        """Where the link fields of these pairs lead."""
        parents = Parents(self.world, self.spool, self.mapping)
        return parents.resolver({side: [seen for pair in pairs if (seen := pair.seen[side])] for side in SIDES})

    # Into the spool

    def _keep(self, result: MappingPlan, settled: Sequence[tuple[Pair, Decided]], resolve: Resolve, level: int) -> None:
        name = self.mapping.name
        lines: list[PlanLine] = []
        rows: list[RecordRow] = []
        planned: list[PlannedLink] = []
        letters: list[Json] = []
        singles: list[Json] = []
        for pair, decided in settled:
            for line in filter(self._is_news, (*decided.actions, *decided.entries)):
                result.count(line, fresh=pair.judged is not None)
                lines.append(result.placed(line, level))
            result.judge(decided)
            planned.append(_planned(pair, decided))
            rows += self._rows(pair, kept_back(decided) if self.mapping.shadow else decided)
            letters += self._letters(pair, decided)
            singles += self._singles(pair, decided, resolve)
            result.warned.update(finding.rule for finding in decided.warned)
        self.spool.add(lines)
        self.spool.link(name, planned)
        self.spool.save_verdicts(rows)
        self.spool.note(name, "letter", letters)
        self.spool.note(name, "single", singles)

    def _is_news(self, line: Line) -> bool:
        """The question whether two records are the same comes up at both of them, and is asked once."""
        if not (isinstance(line, Hold) and line.kind == "match"):
            return True
        known = line.keys in self.asked
        self.asked.add(line.keys)
        return not known

    def _rows(self, pair: Pair, decided: Decided) -> list[RecordRow]:
        """One verdict for each record that was read; fingerprints only for what is settled."""
        settled = decided.bucket in ("unchanged", "applied", "out_of_scope") and not decided.waits_for
        rows = []
        for side in SIDES:
            seen = pair.seen[side]
            if seen:
                raw = seen.record.version if settled else None
                lifted = seen.lifted.print if settled and seen.lifted else None
                rows.append(
                    RecordRow(
                        self.mapping.name, side, seen.record.ref.key, decided.bucket, raw, lifted,
                        self.era, decided.reason, decided.waits_for or None, self.run,
                    )
                )  # fmt: skip
        return rows

    def _letters(self, pair: Pair, decided: Decided) -> Iterator[Json]:
        for side, finding in decided.rejected:
            seen = pair.seen[side] or next(each for each in pair.seen if each)
            yield letter(self.mapping.name, side, seen, finding, self.run, self.now)

    def _singles(self, pair: Pair, decided: Decided, resolve: Resolve) -> Iterator[Json]:
        """A record that stays without a counterpart may find it in a later run: side, key, traits and blocks."""
        rule = self.mapping.match
        if rule is None or (decided.bucket == "out_of_scope" and not pair.outside):
            return
        if _stays_linked(pair, decided, shadow=self.mapping.shadow):
            return
        for side in SIDES:
            seen = pair.seen[side]
            if seen and is_fit(seen):
                values = traits(self.compiled, side, seen, resolve)
                if keys := self._blocking.keys(values):
                    yield [side, seen.record.ref.key, values, keys]

    @cached_property
    def _blocking(self) -> Blocking:
        assert self.mapping.match is not None
        return Blocking.of(self.mapping.match, self.census)


CROWDED: Final = "match/crowded"  # a new counterpart for a record that shares all its keys with a crowd


def _is_in(keys: Both[Key | None], found: Both[set[Key]]) -> bool:
    return keys[0] in found[0] or keys[1] in found[1]


def _named(pair: Pair) -> Iterator[tuple[Side, Key]]:
    return ((side, key) for side in SIDES if (key := pair.keys[side]) is not None)


def _stays_linked(pair: Pair, decided: Decided, *, shadow: bool) -> bool:
    gone = any(isinstance(each, Mark) and each.state == "gone" for each in decided.entries)
    goes = any(isinstance(each, Archive | Delete) for each in decided.actions)
    made = any(isinstance(each, Create) for each in decided.actions) and not shadow
    return made or bool(pair.link and pair.link.state != "gone" and not (gone or goes))


def _planned(pair: Pair, decided: Decided) -> PlannedLink:
    if decided.bucket == "out_of_scope":
        return PlannedLink(pair.keys, "out_of_scope")
    if pair.link and pair.link.state != "gone":
        return PlannedLink(pair.link.keys, "linked")
    if any(isinstance(action, Create) for action in decided.actions):
        return PlannedLink(pair.keys, "making")
    return PlannedLink(pair.keys, "waiting")


def _chunks(keys: Iterable[Both[Key | None]], size: int = 500) -> Iterator[list[Both[Key | None]]]:
    page: list[Both[Key | None]] = []
    for key in keys:
        page.append(key)
        if len(page) == size:
            yield page
            page = []
    if page:
        yield page
