"""Of what a plan writes, does the next plan leave all as it is, and does the other side's contract take it?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from crmsync.core.expression import EvaluationError
from crmsync.core.mapping import Compiled, Seen, lower
from crmsync.core.merge import confirm, left_to_itself
from crmsync.core.model import SIDES, Agreed, Base, Change, Create, Finding, Json, Link, Side, Update
from crmsync.core.plan import Decided, Pair, decide
from crmsync.core.trial.records import without
from crmsync.core.trial.way import KEYS, Failure, Refusal, Trial, Way, cut


@dataclass(frozen=True)
class Round:
    """A pair with its records as they are; what a field cannot take is refused, and the others go on without it."""

    way: Way
    pair: Pair
    data: Mapping[Side, Json]

    def trial(self) -> Trial:
        decided, dropped, refused = self._without_misfits()
        broken = [each for side, each in decided.rejected if not self._touches(dropped, each.path)]
        if decided.rejected:
            declared = [each for each in broken if self.way.declares(each)]
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

    def _without_misfits(self) -> tuple[Decided, frozenset[int], tuple[Refusal, ...]]:
        dropped: frozenset[int] = frozenset()
        refused: list[Refusal] = []
        while True:
            first, second = (each and without(each, dropped) for each in self.pair.seen)
            pair = replace(self.pair, seen=(first, second))
            decided = decide(self.way.compiled, pair, self.way.resolve)
            misfits = {at: each for side, each in decided.rejected if (at := self._misfit(each)) is not None}
            news = misfits.keys() - dropped
            if not news:
                return decided, dropped, tuple(refused)
            refused += [Refusal(misfits[at].message, misfits[at].at) for at in sorted(news)]
            dropped |= news

    def _misfit(self, finding: Finding) -> int | None:
        """The field whose value cannot cross."""
        return self.way.compiled.index[finding.field] if finding.field else None

    def _touches(self, dropped: frozenset[int], path: str) -> bool:
        """Is this about a field that was left out, or about the record as a whole, of which a part was left out?"""
        targets = self.way.compiled.targets[self.way.target]
        names = [self.way.compiled.mapping.fields[at].name for at in dropped]
        return bool(dropped) and (not path or any(_meet(targets[name].text, path) for name in names))

    def _again(self, after: Mapping[Side, Json], base: Base, dropped: frozenset[int]) -> Iterator[Failure]:
        compiled, quiet = self.way.compiled, self.way.quiet if self._was_whole() else frozenset[int]()
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
        base[name] = left_to_itself(value, write.side, lifted.natives[compiled.index[name]])
    return base


def _unstable(way: Way, change: Change) -> Failure:
    message = (
        f"{change.field}: once written it would be written again: {cut(change.before)} -> {cut(change.after)} "
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


def _declared(way: Way, finding: Finding) -> Refusal:
    """In words that are the same for a new record and for one that is there."""
    index, end = _field_at(way, finding.path), way.compiled.mapping.ends[way.target]
    field = None if index is None else way.compiled.mapping.fields[index]
    words = f"{field.name if field else finding.path}: {end.contract} refuses it: {finding.fact}"
    return Refusal(words, field.at if field else None)


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
