"""What becomes of one record on its way to the other side, and does it hold what must hold?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from crmsync.core.expression import EvaluationError
from crmsync.core.mapping import Compiled, Seen, lower
from crmsync.core.merge import Failed, agree, carry, confirm, leads_back
from crmsync.core.model import (
    ABSENT,
    SIDES,
    Agreed,
    Base,
    Both,
    Chain,
    Change,
    Create,
    Field,
    Finding,
    Json,
    Key,
    Link,
    Side,
    Update,
    other,
    to_json,
)
from crmsync.core.plan import Decided, Pair, decide
from crmsync.core.values import Context, respells
from crmsync.core.values.lookup import loads
from crmsync.run.parents import NOWHERE
from crmsync.run.rehearse.drawing import Records, settled, without

SHOWN: Final = 300  # characters of a record in a message
KEYS: Final[Both[Key]] = ((1,), (1,))
_BEFORE: Final = "\u0000before"  # what a side said that says something else now

Fault: TypeAlias = tuple[str, str, str, int | None]  # what tells one failure from another
Rule: TypeAlias = tuple[str, str]
"""Rule and path of a refusal, as in a dead letter: `("contract/minLength", "customer_name")`."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that does not hold, with the smallest record that shows it."""

    rule: str
    path: str
    index: int | None  # of the field in the mapping
    message: str
    mend: str
    broken: str = ""  # the rule of the other side's contract
    record: Json = None
    beside: Json = ABSENT  # the record that it is linked with

    @property
    def fault(self) -> Fault:
        return self.rule, self.broken, self.path, self.index


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one record: the rules that refuse it, by their words, and what does not hold. `stopped`: a check
    refuses it before anything is mapped."""

    refused: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    stopped: bool = False


@dataclass(frozen=True)
class Way:
    """One mapping from one side to the other."""

    compiled: Compiled
    source: Side
    records: Records  # of the source
    others: Records
    partners: tuple[Json, ...]
    linked: Mapping[tuple[str, Side], Json]
    declared: frozenset[Rule]

    @property
    def target(self) -> Side:
        return other(self.source)

    @property
    def creates(self) -> bool:
        return self.compiled.mapping.create[self.target] is not False

    @property
    def context(self) -> Context:
        """In which the chains towards the target run."""
        source, target = (self.compiled.mapping.ends[side].name for side in (self.source, self.target))
        return Context(self.records.tables, source, target)

    def partner(self, number: int) -> Json:
        return self.partners[number % len(self.partners)] if self.partners else ABSENT

    def resolve(self, link: str, side: Side, key: Key) -> Json | Failed:
        return self.linked.get((link, side), NOWHERE) if key else NOWHERE

    def shrunk(self, failure: Failure, record: Json, beside: Json) -> Failure:
        """With the smallest records that still show the same."""

        def shows(one: Json, two: Json) -> Failure | None:
            return next((each for each in self.trial(one, two).failures if each.fault == failure.fault), None)

        record = self.records.smallest(record, lambda each: shows(each, beside) is not None)
        if beside is not ABSENT and shows(record, ABSENT):
            beside = ABSENT
        elif beside is not ABSENT:
            beside = self.others.smallest(beside, lambda each: shows(record, each) is not None)
        found = shows(record, beside) or failure
        return replace(
            found, message=f"{found.message}; such as {_shown(self, record, beside)}", record=record, beside=beside
        )

    def trial(self, record: Json, beside: Json) -> Trial:
        seen = self.records.seen(record, KEYS[self.source])
        if not self.records.judge.accepts(record):
            return Trial(failures=(self._disagree(self.source),))
        if seen.rejected or seen.lifted is None:
            return self._refused(seen)
        if not settled(seen):
            return Trial()
        tried = [_returns(self, seen)]
        if seen.lifted.creates:
            tried.append(_Round(self, self._pair(seen, None), {self.source: record, self.target: {}}).trial())
        partner = None if beside is ABSENT else self.others.seen(beside, KEYS[self.target])
        if partner is not None and settled(partner):
            pair = self._pair(seen, without(partner, self._quiet))
            tried.append(_Round(self, pair, {self.source: record, self.target: beside}).trial())
        refused = tuple(dict.fromkeys(why for each in tried for why in each.refused))
        return Trial(refused, tuple(failure for each in tried for failure in each.failures))

    def _disagree(self, side: Side) -> Failure:
        end = self.compiled.mapping.ends[side]
        message = f"the two validators do not agree on a record of {end.contract}"
        return Failure("test/validators", "", None, message, "this is a fault of crmsync, or of a validator: report it")

    def _refused(self, seen: Seen) -> Trial:
        """By a check, or since an expression cannot read what the contract allows."""
        fatal = [each for each in seen.rejected if each.rule == "expression/fails"]
        if not fatal:
            return Trial(tuple(dict.fromkeys(f"{each.path}: {each.message}" for each in seen.rejected)), stopped=True)
        mend = "let the expression take what the contract allows, such as null: (x || '')"
        return Trial(failures=(Failure("test/expression", "", None, f"an expression fails: {fatal[0].message}", mend),))

    @property
    def _quiet(self) -> frozenset[int]:
        """The fields in which the other side has nothing to say: its own, and those that combine."""
        fields = enumerate(self.compiled.mapping.fields)
        return frozenset(at for at, each in fields if each.owner == self.target or each.merge)

    def _pair(self, seen: Seen, partner: Seen | None) -> Pair:
        if partner is None:
            return Pair((seen, None) if self.source == 0 else (None, seen))
        both = (seen, partner) if self.source == 0 else (partner, seen)
        return Pair(both, Link(KEYS, self._base(partner), id=1))

    def _base(self, partner: Seen) -> Base:
        """The other side says what it said; the source has changed everything."""
        assert partner.lifted is not None
        base = {}
        for at, each in enumerate(self.compiled.mapping.fields):
            if not each.merge and each.owner in (self.source, "shared"):
                there = partner.lifted.natives[at]
                base[each.name] = Agreed((_BEFORE, there) if self.source == 0 else (there, _BEFORE))
        return base


def _shown(way: Way, record: Json, beside: Json) -> str:
    ends = way.compiled.mapping.ends
    linked = f", linked with {ends[way.target].name} {_cut(beside)}" if beside is not ABSENT else ""
    return f"{ends[way.source].name} {_cut(record)}{linked}"


def _cut(value: Json) -> str:
    text = to_json(None if value is ABSENT else value).decode()
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text)} characters)"


# Plan, do, plan again ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Round:
    """A pair with its records as they are; what a field cannot take is refused, and the others go on without it."""

    way: Way
    pair: Pair
    data: Mapping[Side, Json]

    def trial(self) -> Trial:
        decided, dropped, refused = self._without_misfits()
        broken = [each for side, each in decided.rejected if not self._touches(dropped, each.path)]
        if decided.rejected:
            declared = [each for each in broken if (each.rule, each.path) in self.way.declared]
            refused += tuple(_declared(self.way, each) for each in declared)
            return Trial(refused, tuple(_broken(self.way, each) for each in broken if each not in declared))
        writes = [each for each in decided.actions if isinstance(each, Create | Update)]
        if not writes:
            return Trial(refused)
        try:
            return Trial(refused, tuple(self._stays(writes, dropped)))
        except EvaluationError:  # what the new record lacks, its system fills in; what is there is read the other way
            return Trial(refused)

    def _stays(self, writes: Sequence[Create | Update], dropped: frozenset[int]) -> Iterator[Failure]:
        """The next plan of what was written has nothing to do."""
        compiled, after, base = self.way.compiled, dict(self.data), dict(self.pair.base)
        for write in writes:
            after[write.side] = lower(compiled, write.side, after[write.side], write.changes)
        for write in writes:
            base.update(_confirmed(compiled, write, after[write.side]))
        yield from self._again(after, base, dropped)

    def _was_whole(self) -> bool:
        return self.pair.seen[self.way.target] is not None

    def _without_misfits(self) -> tuple[Decided, frozenset[int], tuple[str, ...]]:
        dropped: frozenset[int] = frozenset()
        refused: list[str] = []
        while True:
            first, second = (each and without(each, dropped) for each in self.pair.seen)
            pair = replace(self.pair, seen=(first, second))
            decided = decide(self.way.compiled, pair, self.way.resolve)
            misfits = {at: each for side, each in decided.rejected if (at := self._misfit(each)) is not None}
            news = misfits.keys() - dropped
            if not news:
                return decided, dropped, tuple(refused)
            refused += [misfits[at].message for at in sorted(news)]
            dropped |= news

    def _misfit(self, finding: Finding) -> int | None:
        """The field whose value cannot cross."""
        if finding.rule.startswith("contract/"):
            return None
        name = finding.message.partition(":")[0]
        return self.way.compiled.index.get(name)

    def _touches(self, dropped: frozenset[int], path: str) -> bool:
        """Is this about a field that was left out, or about the record as a whole, of which a part was left out?"""
        targets = self.way.compiled.targets[self.way.target]
        names = [self.way.compiled.mapping.fields[at].name for at in dropped]
        return bool(dropped) and (not path or any(_meet(targets[name].text, path) for name in names))

    def _again(self, after: Mapping[Side, Json], base: Base, dropped: frozenset[int]) -> Iterator[Failure]:
        compiled, quiet = self.way.compiled, self.way._quiet if self._was_whole() else frozenset[int]()
        seen = []
        for side in SIDES:
            lifted = compiled.lift[side](after[side])
            record = (self.way.records if side == self.way.source else self.way.others).seen(after[side]).record
            silent = dropped | (quiet if side == self.way.target else frozenset())
            seen.append(without(Seen(record, lifted), silent))
        pair = Pair((seen[0], seen[1]), Link(KEYS, base, id=1))
        decided = decide(compiled, pair, self.way.resolve)
        for write in decided.actions:
            if isinstance(write, Update):
                yield from (_unstable(self.way, change) for change in write.changes)
        for side, each in decided.rejected:
            if side != self.way.source and (at := self._misfit(each)) is not None:
                message = f"what was written there cannot come back: {each.message}"
                yield Failure("test/not-stable", each.path, at, message, "let the chain back take what the other gives")


def _confirmed(compiled: Compiled, write: Create | Update, data: Json) -> dict[str, Agreed]:
    """The base that is remembered after a write, with what the target says then."""
    lifted = compiled.lift[write.side](data)
    base = {
        change.field: confirm(change.agreed, write.side, lifted.natives[compiled.index[change.field]], None)
        for change in write.changes
    }
    for name, value in write.untold if isinstance(write, Create) else ():
        found = lifted.natives[compiled.index[name]]
        base[name] = Agreed((value, found) if write.side == 1 else (found, value), filled=True)
    return base


def _unstable(way: Way, change: Change) -> Failure:
    message = (
        f"{change.field}: once written it would be written again: {_cut(change.before)} -> {_cut(change.after)} "
        f"({change.reason})"
    )
    mend = "let the chains undo each other, or declare the tolerance: equal_within"
    return Failure("test/not-stable", change.path, way.compiled.index[change.field], message, mend)


def _meet(one: str, two: str) -> bool:
    """Is one of two paths the other one, or inside of it?"""
    return f"{one}.".startswith(f"{two}.") or f"{two}.".startswith(f"{one}.")


MENDS: Final = {
    "maxLength": "shorten it on the way: {truncate: N}; or let the source's contract be as narrow",
    "required": "give it a default:, or demand it in the source's contract",
    "type": "convert it on the way, give null a default:, or say on_null: keep",
    "enum": "translate it on the way: {lookup: TABLE}; every value of the source wants a row",
    "pattern": "normalise it on the way, or let the source's contract be as narrow",
    "format": "convert it on the way, such as {date_of: ZONE}",
    "minLength": "an empty text is allowed at the source: demand one there, or give a default:",
}


DECLARE: Final = "\nor, if it should be refused, write a golden case that expects the finding"


def _declared(way: Way, finding: Finding) -> str:
    """In words that are the same for a new record and for one that is there."""
    index, end = _field_at(way, finding.path), way.compiled.mapping.ends[way.target]
    name = finding.path if index is None else way.compiled.mapping.fields[index].name
    return f"{name}: {end.contract} refuses it: {finding.message.partition('break its contract: ')[2]}"


def _field_at(way: Way, path: str) -> int | None:
    """The field that is written at this path of the other side."""
    targets = way.compiled.targets[way.target]
    fields = enumerate(way.compiled.mapping.fields)
    return next((at for at, each in fields if targets[each.name].paths and _meet(targets[each.name].text, path)), None)


def _broken(way: Way, finding: Finding) -> Failure:
    """Nothing that the mapping or a contract declares has refused the record, and the other contract does."""
    rule = finding.rule.removeprefix("contract/")
    mend = MENDS.get(rule, "convert it on the way, or let the source's contract be as narrow") + DECLARE
    where = f"{finding.path}: " if finding.path else ""
    fact = f"the contract {way.compiled.mapping.ends[way.source].contract} allows a record that cannot be written: "
    index = _field_at(way, finding.path)
    return Failure("test/breaks-contract", finding.path, index, f"{fact}{where}{finding.message}", mend, rule)


# There and back ---------------------------------------------------------------------------------------------------


def _returns(way: Way, seen: Seen) -> Trial:
    """What flows both ways comes back as it was; where only its spelling is lost, it arrives again as it did."""
    assert seen.lifted is not None
    failures = []
    for at, each in enumerate(way.compiled.mapping.fields):
        value = seen.lifted.natives[at]
        if value is ABSENT or not _flows_both_ways(each):
            continue
        if failure := _return(way, at, each, value):
            failures.append(failure)
    return Trial(failures=tuple(failures))


def _flows_both_ways(field: Field) -> bool:
    both = all(place is not None for place in field.paths) and (field.owner == "shared" or field.seed is not None)
    return both and not field.link and not any(_asks(chain) for chain in field.to)


def _asks(chain: Chain) -> bool:
    """Does it look up in a system? Which answer that gives, only the system knows."""
    return bool(loads(chain))


def _return(way: Way, at: int, field: Field, value: Json) -> Failure | None:
    there, back = (way.compiled.cross[side][at] for side in (way.target, way.source))
    arrived = carry(there, value) if field.merge else there(value)
    if isinstance(arrived, Failed):
        return None  # refused, and counted where it is
    returned = carry(back, arrived) if field.merge else back(arrived)
    names = [way.compiled.mapping.ends[side].name for side in (way.source, way.target)]
    mend = f"let to_{names[0]} undo what to_{names[1]} does, or declare the tolerance: equal_within"
    path = way.compiled.targets[way.source][field.name].text
    if isinstance(returned, Failed):
        message = f"{field.name}: {_cut(value)} becomes {_cut(arrived)}, which cannot come back: {returned.message}"
        return Failure("test/round-trip", path, at, message, mend)
    if agree(field, returned, value):
        return None
    again = carry(there, returned) if field.merge else there(returned)
    only_respells = respells(field.to[way.target], way.context)
    if not isinstance(again, Failed) and leads_back(field, (value, arrived, returned, again), respells=only_respells):
        return None
    last = again.message if isinstance(again, Failed) else _cut(again)
    message = f"{field.name}: {_cut(value)} -> {_cut(arrived)} -> {_cut(returned)} -> {last}"
    return Failure("test/round-trip", path, at, message, mend)
