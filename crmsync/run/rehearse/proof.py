"""Does matching still link what it should, and nothing else? Labelled pairs with their values, without any system."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from crmsync.core.match import Candidate, census_of, judge, kinds_of, traits_of
from crmsync.core.match.measure import wilson
from crmsync.core.match.score import weigh
from crmsync.core.model import (
    SIDES,
    At,
    Both,
    End,
    Finding,
    Json,
    Judgement,
    Key,
    Match,
    Project,
    Side,
    Verdict,
    key_text,
)
from crmsync.core.model import Mapping as Declared
from crmsync.core.near import choose
from crmsync.run.match.sheets import VERDICT, VERDICTS, Row, Sheet, Told, contradictions, places_of_keys, read_sheet
from crmsync.run.people.keyed import Names
from crmsync.run.world import Stopped

SCORE: Final = "score"


@dataclass(frozen=True, slots=True)
class Wrong:
    """A pair that would be linked, and that a person called different."""

    line: int
    keys: Both[str]
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What the labelled pairs of one mapping prove. Of `labels` pairs, `same` are the same; `right` of those would be
    linked, and `wrong` of the others."""

    mapping: Declared
    file: str
    labels: int
    same: int
    right: int
    wrong: tuple[Wrong, ...]

    @property
    def linked(self) -> int:
        return self.right + len(self.wrong)

    @property
    def precision(self) -> float | None:
        return self.right / self.linked if self.linked else None

    @property
    def at_least(self) -> float | None:
        """The precision that the labels prove: its lower bound, by 95 %."""
        return wilson(self.right, self.linked)[0] if self.linked else None

    def findings(self) -> Iterator[Finding]:
        """Why the proof fails: nothing where it holds, or where no precision is asked for."""
        wanted = self.mapping.match.min_precision if self.mapping.match else None
        if wanted is None or (self.precision is not None and self.precision >= wanted):
            return
        found = "nothing would be linked" if self.precision is None else f"precision is {self.precision:.4f}"
        told = f"{self.mapping.name}: {found}, min_precision is {wanted}: {len(self.wrong)} of {self.linked} are wrong"
        mend = f"crmsync match tune -s {self.mapping.name} proposes thresholds"
        yield Finding("test/precision", told, mend, at=self.mapping.at)
        for each in self.wrong:
            message = f"{each.keys[0]} and {each.keys[1]} would be linked ({each.score:.2f}: {each.reason})"
            yield Finding("test/wrong-link", message, "they are different, says this line", at=At(self.file, each.line))


def prove(project: Project, mapping: Declared) -> Proof:
    """Judge the labelled pairs of the mapping as a run would, had it no other records. Raises `Stopped` (exit 2) when
    its file cannot be used."""
    rule = mapping.match
    assert rule is not None
    assert rule.labels is not None  # it was asked for
    assert mapping.at is not None
    sheet = read_sheet(Path(mapping.at.file).parent / rule.labels)
    told, sides = _read(sheet, mapping, rule)
    found = _judged(rule, told, sides)
    lines = {each.keys: each for each in told if each.same is not None}
    names = Names(project)
    linked = [(each, lines[each.keys]) for each in found if each.verdict is Verdict.SAME]
    wrong = [
        Wrong(
            line.line,
            (_text(names, mapping.ends[0], each.keys[0]), _text(names, mapping.ends[1], each.keys[1])),
            each.score,
            each.reason,
        )
        for each, line in linked
        if not line.same
    ]
    same = sum(bool(each.same) for each in lines.values())
    return Proof(mapping, sheet.file, len(lines), same, len(linked) - len(wrong), tuple(wrong))


def _text(names: Names, end: End, key: Key) -> str:
    return f"{end.system}.{end.entity}/{names.key(end, key)}"


def _judged(rule: Match, told: list[Told], sides: Both[dict[Key, Candidate]]) -> list[Judgement]:
    rule = replace(rule, within=None)  # whoever labelled the pairs knew their parents
    records = [sorted(side.values(), key=lambda each: key_text(each.key)) for side in sides]
    places = [{each.key: place for place, each in enumerate(side)} for side in records]
    pairs = sorted({(places[0][each.keys[0]], places[1][each.keys[1]]) for each in told if each.same is not None})
    i, j = (np.array([pair[n] for pair in pairs], dtype=np.int64) for n in SIDES)
    census = census_of(rule, *records)
    return judge(rule, weigh(rule, census, records[0], records[1], (i, j)))


def _read(sheet: Sheet, mapping: Declared, rule: Match) -> tuple[list[Told], Both[dict[Key, Candidate]]]:
    columns = _columns(sheet, mapping, rule)
    if VERDICT not in sheet.head:
        raise Stopped(
            2, sheet.wrong("sheet/no-column", f"there is no column {VERDICT}", "crmsync match sample writes it")
        )
    values = {place for side in columns for place in side.values()}
    taken = [place for place, name in enumerate(sheet.head) if name in (VERDICT, SCORE) or place in values]
    places = places_of_keys(sheet.head, mapping.ends, taken)
    told: list[Told] = []
    wrong: list[Finding] = []
    sides: Both[dict[Key, Candidate]] = ({}, {})
    for row in sheet.rows:
        word = row.cell(sheet.head.index(VERDICT)).strip().lower()
        if word not in VERDICTS:
            mend = "write same or different (or 1 or 0)"
            wrong.append(sheet.wrong("sheet/no-verdict", f"{word!r} is no verdict", mend, row.line))
        keys = (_key(mapping, 0, row.cell(places[0])), _key(mapping, 1, row.cell(places[1])))
        told.append(Told(row.line, keys, VERDICTS.get(word)))
        for side in SIDES:
            sides[side].setdefault(keys[side], Candidate(keys[side], traits_of(rule, _values(row, columns[side]))))
    wrong += contradictions(sheet, told)
    if wrong:
        raise Stopped(2, *sorted(wrong, key=lambda each: each.at or At("")))
    return told, sides


def _key(mapping: Declared, side: Side, text: str) -> Key:
    """As it is written: there is no system to tell a number from a text."""
    end = mapping.ends[side]
    return (text.strip().removeprefix(f"{end.system}.{end.entity}/"),)


def _columns(sheet: Sheet, mapping: Declared, rule: Match) -> Both[dict[str, int]]:
    """Where the value of each compared field stands, by side. Raises `Stopped` for a column of another name, and where
    nothing could be compared, as in a file of keys alone."""
    wanted = [{f"{end.name}.{name}": name for name in kinds_of(rule)} for end in mapping.ends]
    known = wanted[0] | wanted[1]
    prefixes = tuple(f"{end.name}." for end in mapping.ends)
    refs = [f"{end.system}.{end.entity}" for end in mapping.ends]
    strangers = [
        sheet.wrong("sheet/unknown-column", f"column {name!r} is nothing that is compared", choose(name, known))
        for name in sheet.head
        if name.startswith(prefixes) and name not in known and name not in refs
    ]
    found = [{each[name]: place for place, name in enumerate(sheet.head) if name in each} for each in wanted]
    if not (found[0].keys() & found[1].keys()):
        strangers.append(_no_values(sheet, mapping, known))
    if strangers:
        raise Stopped(2, *strangers)
    return found[0], found[1]


def _no_values(sheet: Sheet, mapping: Declared, known: Collection[str]) -> Finding:
    if any(name in known for name in sheet.head):
        return sheet.wrong("sheet/no-column", "no field has a column for both sides", choose("", known, "such as"))
    message = "it has keys and no values: what is compared of both records must stand beside them"
    mend = f"crmsync match sample -s {mapping.name} --labels {sheet.file} -o NEW.csv writes them"
    return sheet.wrong("sheet/no-column", message, mend)


def _values(row: Row, columns: dict[str, int]) -> dict[str, Json]:
    return {name: row.cell(place).strip() for name, place in columns.items() if row.cell(place).strip()}
