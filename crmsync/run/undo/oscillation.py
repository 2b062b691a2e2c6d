"""Which fields of a page of the plan are written back and forth? They are held, and a person is asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from crmsync.core.expression import plain_path, reads
from crmsync.core.mapping import Compiled, expressions
from crmsync.core.merge import same
from crmsync.core.model import (
    ABSENT,
    OSCILLATION,
    SIDES,
    Both,
    Change,
    Create,
    Field,
    Json,
    Key,
    Pin,
    Project,
    Side,
    Update,
    other,
    to_json,
)
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan import Decided, Pair, decode
from crmsync.core.plan.oscillation import (
    NEWS,
    Ran,
    Swing,
    Wrote,
    by_itself,
    by_turns,
    is_watched,
    least_by_itself,
    row,
    written_back,
)
from crmsync.ledger.nouns import PairKeys, Run
from crmsync.run.people.mask import Mask
from crmsync.run.world import World

Line = Update | Create

RUNS: Final = 200  # how far back the journal is looked at
LATELY: Final = 50  # runs of the mapping in which something that swings by itself is looked for
LONGEST: Final = 60  # characters of a value in a question


@dataclass(frozen=True)
class Steady:
    """Knows what earlier runs have written to the records of one mapping."""

    world: World
    compiled: Compiled

    @property
    def mapping(self) -> Declared:
        return self.compiled.mapping

    @cached_property
    def _least(self) -> int:
        """The fewest earlier writes that say anything; 0: nothing is to be watched."""
        watched = [field.oscillation for field in self.mapping.fields if field.oscillation and is_watched(field)]
        return min(watched) - 1 if watched else 0

    @cached_property
    def _since(self) -> str:
        return self.world.ledger.began(RUNS)

    def pins(self, settled: Sequence[tuple[Pair, Decided]]) -> dict[PairKeys, tuple[Pin, ...]]:
        """By pair, the fields that are not to be written."""
        found: defaultdict[PairKeys, tuple[Pin, ...]] = defaultdict(tuple)
        for side in SIDES if self._least else ():
            updates = {
                line.key: (pair, line)
                for pair, decided in settled
                for line in decided.actions
                if isinstance(line, Update) and line.side == side and pair.judged is None
            }
            for key, lines in self._past(side, updates).items():
                pair, line = updates[key]
                found[pair.keys] += tuple(self._of(pair, line, lines))
        return {keys: pins for keys, pins in found.items() if pins}

    def _may_swing(self, pair: Pair, line: Update) -> bool:
        """Most cannot, which their bases tell without the journal: all was found as it was left."""
        return self._may_be_fed[line.side] or any(
            base is None or base.to != line.side or not same(change.before, base.values[line.side])
            for change in line.changes
            for base in (pair.base.get(change.field),)
        )

    @cached_property
    def _may_be_fed(self) -> Both[bool]:
        """By side that is written: is there another mapping of what it is written from?"""
        return any(True for _ in self._neighbours(1)), any(True for _ in self._neighbours(0))

    def _past(self, side: Side, updates: Mapping[Key, tuple[Pair, Update]]) -> dict[Key, list[tuple[str, Line]]]:
        """Run and line of the writes to the records that were written often enough, newest first. Of most only the last
        runs can say anything, and only where none of these has left everything alone."""
        fought = [line for pair, line in updates.values() if self._may_swing(pair, line)]
        asked = {line.key for line in fought}
        news = [line for key, (_, line) in updates.items() if key not in asked and _is_news(line)] if updates else []
        found = self._written(side, fought, self._since, self._least) if fought else {}
        if news and (since := self._began_in_a_row(side)):
            found |= self._written(side, news, since, self._least_by_itself)
        return found

    def _written(
        self, side: Side, lines: Sequence[Update], since: str, least: int
    ) -> dict[Key, list[tuple[str, Line]]]:
        ledger, name = self.world.ledger, self.mapping.name
        sources = {line.source: line.key for line in lines}
        rows = ledger.written_lately(name, side, list(sources.values()), list(sources), since, least)
        found: dict[Key, list[tuple[str, Line]]] = {}
        for run, key, kind, text in rows:
            line = decode(text)
            assert isinstance(line, Update | Create)  # by its kind
            found.setdefault(sources[key] if kind == "create" else key, []).append((run, line))
        return found

    # What swings by itself

    @cached_property
    def _least_by_itself(self) -> int:
        return min(filter(None, map(least_by_itself, self.mapping.fields)), default=0)

    @cached_property
    def _runs(self) -> Sequence[Run]:
        return self.world.ledger.runs_of(self.mapping.name, LATELY)

    @cached_property
    def _ran(self) -> Both[Sequence[Ran]]:
        """By side that is written."""
        first, second = (tuple(_ran(run, self.mapping, side) for run in self._runs) for side in SIDES)
        return first, second

    def _began_in_a_row(self, side: Side) -> str:
        """When the first of the last runs began that have all written to this side; "" where these are too few."""
        runs = row(self._ran[side])
        return self._runs[len(runs) - 1].started if len(runs) >= self._least_by_itself else ""

    def _of(self, pair: Pair, line: Update, past: Sequence[tuple[str, Line]]) -> Iterator[Pin]:
        for change in line.changes:
            field = self.mapping.fields[self.compiled.index[change.field]]
            wrote = [
                Wrote(run, each.before, each.after, each.reason)
                for run, old in past
                for each in old.changes
                if (each.field, each.path) == (change.field, change.path)
            ]
            base = pair.base.get(change.field)
            if swing := written_back(field, line.side, change, wrote, base):
                yield self._pin(pair, field, line.side, swing, self._who_else(line.side, [change.path]))
            elif (swing := by_turns(field, change, wrote)) and (feeder := self._feeder(field, line, change)):
                yield self._pin(pair, field, line.side, swing, feeder)
            elif swing := by_itself(field, change, wrote, self._ran[line.side]):
                source = other(line.side)
                yield self._pin(pair, field, line.side, swing, self._who_else(source, expressions(field, source)))

    # Who it is

    def _who_else(self, side: Side, paths: Iterable[str]) -> str:
        """Who may write there, besides this mapping."""
        others = [
            _named(self.world.project, each, field)
            for each, at in self._neighbours(side)
            for field in _writing(each, at, frozenset(paths))
        ]
        system = self.mapping.ends[side].system
        return " or ".join([*others, f"people or an automation of {system}"])

    def _feeder(self, field: Field, line: Update, change: Change) -> str:
        """The other mapping of ours whose write the source says to the letter; "" where it says something else."""
        source = other(line.side)
        wanted = {path for text in expressions(field, source) for path in reads(text)}
        told = change.agreed.values[source]
        for mapping, side in self._neighbours(source):
            for _, _, _, text in self.world.ledger.written_lately(mapping.name, side, [line.source], [], "", 1):
                written = decode(text)
                assert isinstance(written, Update | Create)  # by its kind
                for each in written.changes:
                    if any(plain_path(path) in wanted for path in each.path.split(",")):
                        return _named_change(self.world.project, mapping, each) if same(each.after, told) else ""
        return ""

    def _neighbours(self, side: Side) -> Iterator[tuple[Declared, Side]]:
        """The other mappings of the entity on this side, with their own sides."""
        end = self.mapping.ends[side]
        for each in self.world.project.mappings:
            for at in SIDES:
                there = each.ends[at]
                if each.name != self.mapping.name and (there.system, there.entity) == (end.system, end.entity):
                    yield each, at

    # What is said

    def _pin(self, pair: Pair, field: Field, side: Side, swing: Swing, who: str) -> Pin:
        hidden = Mask(self.world.project).hides(self.mapping.name, field.name)
        ours, stands = ("" if hidden else f" {_short(value)}" for value in (swing.ours, swing.stands))
        here, source = self.compiled.ref(side, pair.keys[side] or ()), self.mapping.ends[other(side)].system
        place = self.world.project.place(field.at) or self.mapping.name
        last = f"last in runs {', '.join(swing.runs)}"
        told = TOLD[swing.kind].format(place=place, ours=ours, source=source, who=who, stands=stands, here=here)
        return Pin(
            field.name, OSCILLATION, (ABSENT, ABSENT), f"{told}; {last}; nothing is written until a person answers"
        )


TOLD: Final[Mapping[str, str]] = {
    "written back": "written back and forth: {place} writes{ours} from {source}, and {who} write{stands} to {here}",
    "by turns": "written by turns: {place} writes{ours} from {source} after{stands}, and its source is fed by {who}",
    "by itself": "written by turns: {place} writes{ours} from {source} after{stands}, as {who} set it to and fro there",
}


def _ran(run: Run, mapping: Declared, side: Side) -> Ran:
    looked = run.exit in (0, 3) and (run.whole or run.plan is not None)
    tally = run.summary.get("mappings", {}).get(mapping.name) if isinstance(run.summary, dict) else None
    wrote = tally is None or any(tally.get("actions", {}).get(mapping.ends[side].name, {}).values())
    return Ran(run.id, wrote, looked)


def _is_news(line: Update) -> bool:
    return any(change.reason in NEWS for change in line.changes)


def _writing(mapping: Declared, side: Side, paths: Collection[str]) -> Iterator[Field]:
    """The fields of another mapping that go to one of these paths."""
    for field in mapping.fields:
        writes = field.owner != side or field.value is not ABSENT
        if writes and any(path in paths for path in expressions(field, side)):
            yield field


def _named(project: Project, mapping: Declared, field: Field) -> str:
    place = project.place(field.at)
    return f"{field.name} of mapping {mapping.name}{f' ({place})' if place else ''}"


def _named_change(project: Project, mapping: Declared, change: Change) -> str:
    field = next((each for each in mapping.fields if each.name == change.field), None)
    return _named(project, mapping, field) if field else f"{change.field} of mapping {mapping.name}"


def _short(value: Json) -> str:
    text = "nothing" if value is ABSENT else to_json(value).decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
