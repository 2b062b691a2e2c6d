"""Does still become of these records what a person has written down? Golden cases: `tests/MAPPING/*.yaml`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Final

from crmsync.core.change import Definition
from crmsync.core.model import (
    ABSENT,
    Adopt,
    Archive,
    At,
    Both,
    Change,
    Create,
    Delete,
    Finding,
    Hold,
    Json,
    Key,
    Mark,
    Project,
    Ref,
    Restore,
    Side,
    Symbol,
    Update,
    other,
)
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan.lines import DO, Line, is_revert
from crmsync.project.cases import Case, CaseFile, read_cases, rewritten
from crmsync.project.yaml_text import yaml_lines
from crmsync.run.rehearse.rehearsal import Played, play
from crmsync.run.world import Stopped

UPDATE: Final = "crmsync test --update"


@dataclass(frozen=True, slots=True)
class Tried:
    """One golden case, and what really becomes of its records."""

    case: Case
    found: Json

    @property
    def holds(self) -> bool:
        return self.case.expect is not ABSENT and not self.difference()

    def difference(self) -> str:
        """From what is expected to what is found; "" where that is the same."""
        expected = [] if self.case.expect is ABSENT else yaml_lines(in_order(self.case.expect, self.case.mapping))
        found = yaml_lines(in_order(self.found, self.case.mapping))
        lines = list(unified_diff(expected, found, "expected", "found", lineterm="", n=3))
        return "\n".join(line for line in lines if not line.startswith("@@"))

    def finding(self) -> Finding:
        """Why it fails."""
        name, at = self.case.name, self.case.at
        if self.case.expect is ABSENT:
            message = f"{name}: nothing is expected; this is what happens:\n{_text(self.found)}"
            return Finding("test/no-expectation", message, f"write it, or let it be written: {UPDATE}", at=at)
        message = f"{name}: it ends otherwise\n{self.difference()}"
        return Finding("test/golden", message, f"mend the mapping; or, if it is right so: {UPDATE}", at=at)


def _text(found: Json) -> str:
    return "\n".join(f"+{line}" for line in yaml_lines({"expect": found}))


@dataclass(frozen=True, slots=True)
class Golden:
    """The golden cases of one mapping, file by file. `findings`: what is wrong with the files themselves."""

    mapping: Declared
    files: tuple[tuple[CaseFile, Mapping[int, Tried]], ...]
    findings: tuple[Finding, ...] = ()

    @property
    def tried(self) -> Iterator[Tried]:
        for _, cases in self.files:
            yield from cases.values()


def try_cases(folder: Path, project: Project, definitions: Mapping[str, Definition], mapping: Declared) -> Golden:
    """Try every golden case of a mapping."""
    files, findings = read_cases(folder, project, mapping)
    tried: list[tuple[CaseFile, Mapping[int, Tried]]] = []
    for file in files:
        played = {number: play(project, definitions, case) for number, case in file.cases.items()}
        findings += [wrong for each in played.values() for wrong in each.wrong]
        told = {n: Tried(file.cases[n], found_of(mapping, each)) for n, each in played.items() if not each.wrong}
        tried.append((file, told))
    return Golden(mapping, tuple(tried), tuple(findings))


def update(golden: Golden) -> tuple[list[Tried], list[Finding]]:
    """Write what was found into the files, where something else, or nothing, is expected: the cases that changed.
    Raises `Stopped` (exit 2) where a file cannot be written."""
    changed: list[Tried] = []
    findings: list[Finding] = []
    for file, cases in golden.files:
        wrong = {number: each for number, each in cases.items() if not each.holds}
        if not wrong:
            continue
        text = rewritten(file, {number: each.found for number, each in wrong.items()})
        if text is None:
            mend = "write each key of a case on a line of its own, or mend what it expects by hand"
            findings += [
                Finding("test/not-rewritten", f"{each.case.name}: its file cannot be rewritten", mend, at=each.case.at)
                for each in wrong.values()
            ]
            continue
        _write(Path(file.document.file), text)
        changed += wrong.values()
    return changed, findings


def _write(path: Path, text: str) -> None:
    try:
        path.write_bytes(text.encode())
    except OSError as error:
        message = f"the file cannot be written: {error.strerror}"
        raise Stopped(2, Finding("test/unwritable", message, at=At(path.as_posix()))) from None


# What is found, in the words of a case ----------------------------------------------------------------------------


def found_of(mapping: Declared, played: Played) -> Json:
    """What a case would have to expect."""
    if played.stopped:
        return {"findings": [{"rule": each.rule} for each in played.stopped]}
    words = _Words(mapping)
    plan = [words.action(line) for line in played.lines if not _is_adoption(line)]
    refused = [_finding(words.ref(side, key), rule, path) for side, key, rule, path in played.refused]
    waiting = [{"record": words.ref(side, key), "why": why} for side, key, why in played.waiting]
    told = {"plan": plan, "findings": refused, "waiting": waiting}
    return {name: each for name, each in told.items() if each} or {"nothing": True}


def _is_adoption(line: Line) -> bool:
    """That two linked records agree on something is no action."""
    return isinstance(line, Adopt) and line.judged is None


def _finding(record: str, rule: str, path: str) -> Json:
    return {"record": record, "rule": rule, **({"path": path} if path else {})}


@dataclass(frozen=True, slots=True)
class _Words:
    mapping: Declared

    def entity(self, side: Side) -> str:
        end = self.mapping.ends[side]
        return f"{end.system}.{end.entity}"

    def ref(self, side: Side, key: Key) -> str:
        end = self.mapping.ends[side]
        return str(Ref(end.system, end.entity, key))

    def refs(self, keys: Both[Key | None]) -> list[str]:
        sides: Both[Side] = (0, 1)
        return [self.ref(side, key) for side, key in zip(sides, keys, strict=True) if key is not None]

    def action(self, line: Line) -> Json:
        match line:
            case Create(side=side, source=source, changes=changes):
                made_from = self.ref(other(side), source)
                return {"create": self.entity(side), "from": made_from, "changes": self.changes(changes)}
            case Update(side=side, key=key, changes=changes):
                word = "revert" if is_revert(line) else "update"
                return {word: self.ref(side, key), "changes": self.changes(changes)}
            case Archive(side=side, key=key, reason=why) | Delete(side=side, key=key, reason=why):
                return {DO[type(line)]: self.ref(side, key), "why": why}
            case Restore(side=side, key=key):
                return {DO[type(line)]: self.ref(side, key)}
            case Hold(keys=keys, field=field, kind=kind, message=why):
                about = {"field": field} if field else {}
                return {"hold": self.refs(keys), **about, "kind": kind, "why": why}
            case Adopt(keys=keys, judged=judged):
                score, why = judged or (1.0, "")
                return {"link": self.refs(keys), "why": f"{score:.2f}: {why}"}
            case Mark(keys=keys, state=state):
                return {"mark": self.refs(keys), "state": state}

    def changes(self, changes: Iterable[Change]) -> Json:
        return {each.field: self.change(each) for each in changes}

    def change(self, change: Change) -> Json:
        before = {} if change.before is ABSENT else {"from": self.value(change.before)}
        return {**before, "to": self.value(change.after), "why": change.reason}

    def value(self, value: Json) -> Json:
        """What is still to be made has no key yet; a part of a key that is not there is null."""
        if isinstance(value, Symbol):
            return {"key of": f"the {value.mapping} made from {','.join(map(str, value.source))}"}
        if isinstance(value, list | tuple):
            return [self.value(each) for each in value]
        return None if value is ABSENT else value


# The order of keys says nothing -----------------------------------------------------------------------------------

_FINDING: Final = ("record", "rule", "path", "why")
_ACTION: Final = (*DO.values(), "revert", "link", "from", "changes", "field", "kind", "state", "why")
_CHANGE: Final = ("from", "to", "why")


def in_order(expect: Json, mapping: Declared) -> Json:
    """The same expectation with its keys in the order in which they are found."""
    fields = tuple(field.name for field in mapping.fields)
    told = {"plan": [_action(each, fields) for each in expect.get("plan", ())]}
    told |= {name: [_ordered(each, _FINDING) for each in expect.get(name, ())] for name in ("findings", "waiting")}
    return {name: each for name, each in told.items() if each} or {"nothing": True}


def _action(written: Json, fields: tuple[str, ...]) -> Json:
    action = _ordered(written, _ACTION)
    if "changes" in action:
        changes = {name: _ordered(_by_name(each), _CHANGE) for name, each in action["changes"].items()}
        action["changes"] = _ordered(changes, fields)
    return action


def _ordered(written: Json, order: tuple[str, ...]) -> dict[str, Json]:
    places = {name: place for place, name in enumerate(order)}
    return {name: written[name] for name in sorted(written, key=lambda name: (places.get(name, len(order)), name))}


def _by_name(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _by_name(value[name]) for name in sorted(value)}
    return [_by_name(each) for each in value] if isinstance(value, list) else value
