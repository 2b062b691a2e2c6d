"""Which golden cases has a project, and what do they expect?

`tests/MAPPING/*.yaml`: several cases a file. What a case expects can be written anew without touching anything else of
its file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from crmsync.core.expression import get_path, plain_path
from crmsync.core.model import ABSENT, At, Both, Entity, Finding, Json, Key, Project, as_key
from crmsync.core.model import Mapping as Declared
from crmsync.core.near import choose
from crmsync.project.shapes import misfits
from crmsync.project.yaml import Document, Where, load_yaml, yaml_files
from crmsync.project.yaml_text import yaml_lines

NOW: Final = "2026-01-01T00:00:00Z"
_WHICH_IS_WHICH: Final = ("same", "different")


@dataclass(frozen=True, slots=True)
class GivenLink:
    """Two linked records. `base` has, by field, what each side said (ABSENT: what it says now), and whether it was
    filled in by default; None: they never agreed on anything. `missing`: the side that the last listing lacked."""

    keys: Both[Key]
    base: Mapping[str, tuple[Both[Json], bool]] | None
    missing: int | None = None


@dataclass(frozen=True, slots=True)
class GivenDecision:
    """What a person has answered to the question that these records, or one field of them, raise: the name of a side,
    `same`, `different`, or "value" with the `value`. `at` is where the answer stands."""

    keys: Both[Key | None]
    field: str
    take: str
    value: Json
    at: At


@dataclass(frozen=True, slots=True)
class Case:
    """One golden case. `expect` is ABSENT where nothing is written; `at` is where it stands, or would."""

    name: str
    mapping: Declared
    now: str
    records: Both[tuple[Json, ...]]
    links: tuple[GivenLink, ...]
    decisions: tuple[GivenDecision, ...]
    entities: Mapping[str, tuple[Json, ...]]
    parents: Mapping[str, tuple[Both[Key], ...]]
    expect: Json
    at: At


@dataclass(frozen=True, slots=True)
class CaseFile:
    """The cases of one file, in its order; those with mistakes are left out, by number."""

    document: Document
    text: str
    cases: Mapping[int, Case] = field(default_factory=dict)


def read_cases(folder: Path, project: Project, mapping: Declared) -> tuple[tuple[CaseFile, ...], list[Finding]]:
    """The golden cases of one mapping, file by file, and what is wrong with them."""
    files: list[CaseFile] = []
    findings: list[Finding] = []
    for path in yaml_files(folder / mapping.name):
        try:
            body = path.read_bytes()
        except OSError as error:
            message = f"the file cannot be read: {error.strerror}"
            findings.append(Finding("case/unreadable", message, at=At(path.as_posix())))
            continue
        document, wrong = load_yaml(path.as_posix(), body)
        findings += wrong
        if document is not None:
            reading = _Reading(document, project, mapping)
            files.append(CaseFile(document, body.decode(), dict(reading.cases(broken=bool(wrong)))))
            findings += reading.findings
    return tuple(files), findings


def strangers(folder: Path, project: Project) -> list[Finding]:
    """Folders of cases that belong to no mapping."""
    names = {mapping.name for mapping in project.mappings}
    found = [path for path in sorted(folder.glob("*")) if path.name not in names and yaml_files(path)]
    return [_unknown(path.name, choose(path.name, names), At(path.as_posix())) for path in found]


def _unknown(name: str, mend: str, at: At) -> Finding:
    return Finding("case/unknown-mapping", f"no mapping is named {name!r}", mend, at=at)


class _Reading:
    """One file; collects what is wrong with it."""

    def __init__(self, document: Document, project: Project, mapping: Declared) -> None:
        self.document, self.project, self.mapping = document, project, mapping
        self.sides = (mapping.ends[0].name, mapping.ends[1].name)
        self.findings: list[Finding] = []

    def cases(self, *, broken: bool) -> Iterator[tuple[int, Case]]:
        wrong = misfits("case", self.document, self.sides)
        self.findings += [finding for _, finding in wrong]
        damaged = {where[1] for where, _ in wrong if len(where) > 1}
        if broken or any(len(where) < 2 for where, _ in wrong):
            return
        for number, written in enumerate(self.document.data["cases"]):
            before = len(self.findings)
            if number not in damaged:
                case = self._case(("cases", number), written)
                if len(self.findings) == before:
                    yield number, case

    def _case(self, where: Where, written: Json) -> Case:
        given, inside = written["given"], (*where, "given")
        expect = "expect" in written
        return Case(
            written["name"],
            self.mapping,
            written.get("now", NOW),
            self._records(inside, given),
            tuple(self._link((*inside, "links", n), each) for n, each in enumerate(given.get("links", ()))),
            tuple(self._decision((*inside, "decisions", n), each) for n, each in enumerate(given.get("decisions", ()))),
            {name: self._entity((*inside, "entities", name), each) for name, each in given.get("entities", {}).items()},
            {name: self._parents((*inside, "parents", name), each) for name, each in given.get("parents", {}).items()},
            written["expect"] if expect else ABSENT,
            self.document.key_at(*where, "expect") if expect else self.document.key_at(*where, "name"),
        )

    def _wrong(self, rule: str, message: str, mend: str, where: Where) -> None:
        self.findings.append(Finding(rule, message, mend, at=self.document.key_at(*where)))

    def _records(self, where: Where, given: Json) -> Both[tuple[Json, ...]]:
        first, second = (tuple(given.get(side, ())) for side in self.sides)
        for side, records, end in zip(self.sides, (first, second), self.mapping.ends, strict=True):
            paths = [plain_path(path) or (path,) for path in self.project.entity(end).key]
            seen: set[Key] = set()
            for number, record in enumerate(records):
                key = as_key([get_path(record, path) for path in paths])
                if key and key in seen:
                    message = f"another record of {side} has the same key"
                    self._wrong("case/duplicate-record", message, "give each a key of its own", (*where, side, number))
                seen.add(key)
        return first, second

    def _entity(self, where: Where, records: Json) -> tuple[Json, ...]:
        known = {entity.full_name for entity in self._entities()}
        if where[-1] not in known:
            self._wrong(
                "case/unknown-entity", f"there is no entity {where[-1]!r}", choose(str(where[-1]), known), where
            )
        elif where[-1] in {f"{end.system}.{end.entity}" for end in self.mapping.ends}:
            mend = f"write them under {' or '.join(self.sides)}"
            self._wrong("case/own-entity", f"{where[-1]} is a side of the mapping", mend, where)
        return tuple(records)

    def _entities(self) -> Iterator[Entity]:
        for system in self.project.systems.values():
            yield from system.entities.values()

    def _link(self, where: Where, written: Json) -> GivenLink:
        keys = self._keys(where, written, self.sides)
        missing, base = written.get("missing"), written.get("base", {})
        gone = None if missing is None else self.sides.index(missing)
        if base is None:
            return GivenLink(keys, None, gone)
        names = {each.name for each in self.mapping.fields}
        for name in base.keys() - names:
            self._wrong(
                "case/unknown-field", f"there is no field {name!r}", choose(name, names), (*where, "base", name)
            )
        said = {name: (self._both(each), bool(each.get("filled"))) for name, each in base.items()}
        return GivenLink(keys, said, gone)

    def _decision(self, where: Where, written: Json) -> GivenDecision:
        first, second = (as_key(written[side]) if side in written else None for side in self.sides)
        if first is None and second is None:
            mend = f"write {' or '.join(f'{side}: KEY' for side in self.sides)}, or both"
            self._wrong("case/no-key", "the decision names no record", mend, where)
        field, take = written.get("field", ""), written["take"]
        names = {each.name for each in self.mapping.fields}
        if field and field not in names:
            self._wrong("case/unknown-field", f"there is no field {field!r}", choose(field, names), (*where, "field"))
        words = (*self.sides, *_WHICH_IS_WHICH)
        if isinstance(take, str) and take not in words:
            self._wrong("case/bad-value", f"take: there is no answer {take!r}", choose(take, words), (*where, "take"))
        word, value = (take, None) if isinstance(take, str) else ("value", take["value"])
        return GivenDecision((first, second), field, word, value, self.document.key_at(*where, "take"))

    def _both(self, written: Json) -> Both[Json]:
        first, second = self.sides
        return written.get(first, ABSENT), written.get(second, ABSENT)

    def _keys(self, where: Where, written: Json, sides: Sequence[str]) -> Both[Key]:
        for side in sides:
            if side not in written:
                self._wrong("case/no-key", f"the link has no key of {side}", f"write {side}: KEY", where)
        return as_key(written.get(sides[0])), as_key(written.get(sides[1]))

    def _parents(self, where: Where, links: Json) -> tuple[Both[Key], ...]:
        mappings = {each.name: each for each in self.project.mappings}
        parent = mappings.get(str(where[-1]))
        if parent is None or parent.name == self.mapping.name:
            mend = "write them under links" if parent else choose(str(where[-1]), mappings)
            self.findings.append(_unknown(str(where[-1]), mend, self.document.key_at(*where)))
            return ()
        sides = [end.name for end in parent.ends]
        return tuple(self._keys((*where, number), each, sides) for number, each in enumerate(links))


# What is expected, written anew -----------------------------------------------------------------------------------


def rewritten(file: CaseFile, expects: Mapping[int, Json]) -> str | None:
    """The text of the file with these expectations, by the number of the case; comments, order and all the rest stay.
    None where the file is written so (in one line, for example) that only a person can do it."""
    lines = file.text.split("\n")
    for number in sorted(expects, reverse=True):
        place = _place(file.document, lines, number)
        if place is None:
            return None
        start, end, column = place
        lines[start:end] = [" " * column + "expect:", *yaml_lines(expects[number], column + 2)]
    text = "\n".join(lines)
    return text if _says(file, text, expects) else None


def _place(document: Document, lines: Sequence[str], number: int) -> tuple[int, int, int] | None:
    """First line, line behind the last, and column of what a case expects; or where that would stand."""
    keys = [spot for where, spot in document.keys.items() if where[:2] == ("cases", number) and len(where) == 3]
    column = keys[0].column - 1
    if any(spot.column - 1 != column for spot in keys):  # written in one line
        return None
    spot = document.keys.get(("cases", number, "expect"))
    if spot is not None:
        if lines[spot.line - 1][:column].strip():  # the first key, behind the dash
            return None
        return spot.line - 1, _end(lines, spot.line, column), column
    last = _end(lines, max(spot.line for spot in keys), column)
    return last, last, column


def _end(lines: Sequence[str], start: int, column: int) -> int:
    """The line behind the block that begins above `start`: blank lines and comments behind it belong to what comes."""
    end = start
    for number in range(start, len(lines)):
        line = lines[number].strip()
        if not line or line.startswith("#"):
            continue
        if len(lines[number]) - len(lines[number].lstrip(" ")) <= column:
            break
        end = number + 1
    return end


def _says(file: CaseFile, text: str, expects: Mapping[int, Json]) -> bool:
    """Does the new text say what it should, and all else what it said?"""
    document, findings = load_yaml(file.document.file, text.encode())
    if document is None or findings:
        return False
    wanted = [
        {**case, "expect": expects[number]} if number in expects else case
        for number, case in enumerate(file.document.data["cases"])
    ]
    return bool(document.data == {"cases": wanted})
