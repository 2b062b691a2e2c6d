"""Which records does a spreadsheet call the same, and which different? Judgements out to a file, and back in.

Everything is checked before the first change; then all of it is remembered at once, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Final

from crmsync.connectors.base import fetch
from crmsync.core.model import SIDES, At, Both, Finding, Key, Ref, Side, key_text, other
from crmsync.core.model import Mapping as Declared
from crmsync.ledger.nouns import Label, NewLink
from crmsync.run.match.judge import look_again
from crmsync.run.match.sheets import (
    VERDICT,
    VERDICTS,
    Row,
    Sheet,
    Told,
    contradictions,
    nobody,
    places_of_keys,
    read_sheet,
    readings,
)
from crmsync.run.world import Stopped, World, utc_now

HEAD: Final = ("mapping", "first", "second", VERDICT, "score", "reason", "by", "since")
PAGE: Final = 1000


def head_of(mappings: Sequence[Declared]) -> tuple[str, ...]:
    """The columns of an export; the keys stand under the names of the sides where all mappings have the same."""
    names = {(each.ends[0].name, each.ends[1].name) for each in mappings}
    return (HEAD[0], *(names.pop() if len(names) == 1 else HEAD[1:3]), *HEAD[3:])


def judgements(world: World, mappings: Sequence[Declared]) -> Iterator[tuple[object, ...]]:
    """A row for every link that is not gone, oldest first, and for every pair that a person called different."""
    for mapping in mappings:
        for link in chain.from_iterable(world.ledger.link_rows(mapping.name)):
            if link.state != "gone":
                said = ("same", f"{link.score:.4f}", link.reason, link.actor, link.made)
                yield (mapping.name, *_refs(mapping, link.keys), *said)
        for label in world.ledger.labels(mapping.name):
            if not label.same:
                yield (mapping.name, *_refs(mapping, label.keys), "different", "", "", label.who, label.when)


def _refs(mapping: Declared, keys: Both[Key]) -> Both[str]:
    first, second = (str(Ref(end.system, end.entity, key)) for end, key in zip(mapping.ends, keys, strict=True))
    return first, second


# Back in ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Import:
    """What a file would change, by mapping. `known`: lines that say what the ledger knows; `blank`: without verdict."""

    same: dict[str, list[Told]]
    different: dict[str, list[Told]]
    known: int
    blank: int

    @property
    def links(self) -> int:
        return sum(map(len, self.same.values()))

    @property
    def splits(self) -> int:
        return sum(map(len, self.different.values()))


def read_import(world: World, file: Path, mappings: Sequence[Declared], *, supersede: bool = False) -> Import:
    """What the file says, checked against itself, the systems and the ledger. `supersede`: what a person has judged of
    a pair before does not speak against a line. Raises `Stopped` (exit 2) with all that is wrong."""
    sheet = read_sheet(file)
    if VERDICT not in sheet.head:
        names = ", ".join(sheet.head)
        raise Stopped(2, sheet.wrong("sheet/no-column", f"there is no column {VERDICT}", f"the columns are: {names}"))
    found = Import({}, {}, 0, 0)
    wrong: list[Finding] = []
    by_mapping, strangers = _sorted_out(sheet, mappings)
    for name, rows in by_mapping.items():
        mapping = next(each for each in mappings if each.name == name)
        part, more = _Check(world, sheet, mapping, tuple(rows), supersede).checked()
        found.same.update(part.same)
        found.different.update(part.different)
        found = Import(found.same, found.different, found.known + part.known, found.blank + part.blank)
        wrong += more
    if wrong or strangers:
        raise Stopped(2, *sorted([*strangers, *wrong], key=lambda each: each.at or At("")))
    return found


def _sorted_out(sheet: Sheet, mappings: Sequence[Declared]) -> tuple[dict[str, list[Row]], list[Finding]]:
    """The rows by mapping; where the file does not name it there must be but one."""
    names = [each.name for each in mappings]
    mend = f"choose among: {', '.join(names)}"
    if HEAD[0] not in sheet.head:
        if len(names) == 1:
            return {names[0]: list(sheet.rows)}, []
        return {}, [sheet.wrong("sheet/no-column", f"there is no column {HEAD[0]}, and several mappings", mend)]
    place = sheet.head.index(HEAD[0])
    found: dict[str, list[Row]] = {}
    for row in sheet.rows:
        found.setdefault(row.cell(place).strip(), []).append(row)
    strangers = [
        sheet.wrong("sheet/no-mapping", f"no mapping is named {name!r}", mend, row.line)
        for name in found.keys() - set(names)
        for row in found[name]
    ]
    return {name: found[name] for name in names if name in found}, strangers


@dataclass(frozen=True)
class _Check:
    """The lines of one mapping, against everything that could speak against them."""

    world: World
    sheet: Sheet
    mapping: Declared
    rows: tuple[Row, ...]
    supersede: bool

    def checked(self) -> tuple[Import, list[Finding]]:
        told, wrong = self._told
        judged = [each for each in told if each.same is not None]
        wrong = [
            *wrong,
            *contradictions(self.sheet, judged),
            *self._twice(judged),
            *self._against_ledger(judged),
            *self._merged(judged),
        ]
        fresh = [each for each in {each.keys: each for each in judged}.values() if not self._is_known(each)]
        same = [each for each in fresh if each.same]
        different = [each for each in fresh if not each.same]
        name = self.mapping.name
        return Import({name: same}, {name: different}, len(judged) - len(fresh), len(told) - len(judged)), wrong

    @cached_property
    def _told(self) -> tuple[list[Told], list[Finding]]:
        places, verdict = self._places, self.sheet.head.index(VERDICT)
        told, wrong = [], []
        for row in self.rows:
            keys = [self._key(side, row.cell(places[side]).strip()) for side in SIDES]
            word = row.cell(verdict).strip().lower()
            if word not in VERDICTS:
                mend = "write same or different (or 1 or 0)"
                wrong.append(self.sheet.wrong("sheet/no-verdict", f"{word!r} is no verdict", mend, row.line))
            wrong += [self._nobody(side, row, places[side]) for side in SIDES if keys[side] is None]
            if keys[0] is not None and keys[1] is not None:
                told.append(Told(row.line, (keys[0], keys[1]), VERDICTS.get(word)))
        return told, wrong

    @cached_property
    def _places(self) -> Both[int]:
        taken = [self.sheet.head.index(name) for name in (HEAD[0], VERDICT) if name in self.sheet.head]
        return places_of_keys(self.sheet.head, self.mapping.ends, taken)

    def _key(self, side: Side, text: str) -> Key | None:
        return next((key for key in readings(text, self.mapping.ends[side]) if key in self._there[side]), None)

    def _nobody(self, side: Side, row: Row, place: int) -> Finding:
        end, text = self.mapping.ends[side], row.cell(place).strip()
        message = nobody(text, end, self.world.names.hides(end))
        return self.sheet.wrong("sheet/no-record", message, f"look it up in {end.system}", row.line)

    @cached_property
    def _there(self) -> Both[set[Key]]:
        """Those of the keys that the file may mean which their systems have."""
        texts = [{row.cell(self._places[side]).strip() for row in self.rows} for side in SIDES]
        return self._of_system(0, texts[0]), self._of_system(1, texts[1])

    def _of_system(self, side: Side, texts: Iterable[str]) -> set[Key]:
        keys = {key for text in texts for key in readings(text, self.mapping.ends[side])}
        door = self.world.door(self.mapping, side)
        asked = sorted(keys, key=key_text)
        size = PAGE if door.can.get else max(len(asked), 1)
        pages = (asked[start : start + size] for start in range(0, len(asked), size))
        return {raw.key for page in pages for raw in fetch(door, page)}

    def _twice(self, judged: Sequence[Told]) -> Iterator[Finding]:
        """A record has one counterpart."""
        first: dict[tuple[Side, Key], Told] = {}
        for each in judged:
            for side in SIDES if each.same else ():
                before = first.setdefault((side, each.keys[side]), each)
                if before.keys != each.keys:
                    message = f"{self._ref(side, each.keys[side])} is the same as another record in line {before.line}"
                    yield self.sheet.wrong("sheet/twice", message, "keep one of the two lines", each.line)

    def _against_ledger(self, judged: Sequence[Told]) -> Iterator[Finding]:
        freed = {each.keys for each in judged if each.same is False}
        for each in judged:
            label = self._labels.get(each.keys)
            if label and label.same != each.same and not self.supersede:
                word = "the same" if label.same else "different"
                pair = " and ".join(self._ref(at, each.keys[at]) for at in SIDES)
                message = f"{label.who} called {pair} {word} on {label.when[:10]}"
                mend = "mend the line, or let it stand instead of that judgement: crmsync link import --supersede"
                yield self.sheet.wrong("sheet/judged", message, mend, each.line)
            for side in SIDES if each.same else ():
                linked = self._links[side].get(each.keys[side])
                if linked and linked != each.keys and linked not in freed:
                    partner = self._ref(other(side), linked[other(side)])
                    message = f"{self._ref(side, each.keys[side])} is linked with {partner}"
                    mend = "call those two different in a line of their own"
                    yield self.sheet.wrong("sheet/linked-elsewhere", message, mend, each.line)

    def _merged(self, judged: Sequence[Told]) -> Iterator[Finding]:
        """A record that was merged into another one has no link of its own."""
        same = [each for each in judged if each.same]
        for side in SIDES:
            into = self.world.ledger.survivors(self.mapping.name, side, [each.keys[side] for each in same])
            for each in same:
                if survivor := into.get(each.keys[side]):
                    message = f"{self._ref(side, each.keys[side])} was merged into {self._ref(side, survivor)}"
                    mend = "name that one, or take the merge back: crmsync link split"
                    yield self.sheet.wrong("sheet/merged", message, mend, each.line)

    def _ref(self, side: Side, key: Key) -> str:
        return str(self.world.names.ref(self.mapping.ends[side], key))

    def _is_known(self, each: Told) -> bool:
        if each.same:
            return self._links[0].get(each.keys[0]) == each.keys
        return each.keys in self._labels and not self._labels[each.keys].same

    @cached_property
    def _labels(self) -> dict[Both[Key], Label]:
        return {each.keys: each for each in self.world.ledger.labels(self.mapping.name)}

    @cached_property
    def _links(self) -> Both[dict[Key, Both[Key]]]:
        """The pairs of the links that are not gone, by the key on each side."""
        told, _ = self._told
        return self._links_of(0, told), self._links_of(1, told)

    def _links_of(self, side: Side, told: Sequence[Told]) -> dict[Key, Both[Key]]:
        links = self.world.ledger.links(self.mapping.name, side, [each.keys[side] for each in told])
        return {key: link.keys for key, link in links.items() if link.state != "gone"}


def carry_in(world: World, found: Import, file: Path, who: str) -> None:
    """Remember it all, in one transaction. The caller holds the lock."""
    now = utc_now()
    with world.writing() as ledger:
        for mapping, told in found.different.items():
            ledger.split(mapping, [each.keys for each in told], who, now)
        for mapping, told in found.same.items():
            ledger.save_links(
                NewLink(mapping, each.keys, {}, 1.0, f"{file.name}, line {each.line}", who, None, now) for each in told
            )
            for side in SIDES:
                ledger.drop_candidates(mapping, side, [each.keys[side] for each in told])
        for mapping in found.same:
            pairs = [each.keys for each in (*found.same[mapping], *found.different[mapping])]
            look_again(ledger, mapping, pairs, f"{who} judged it in {file.name}")
