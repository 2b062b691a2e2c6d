"""Is this change one that was promised not to be made, and who answers for it?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property
from typing import Final, NamedTuple

import jsonschema_rs

from crmsync.core.compat.changes import WHOLE, Change
from crmsync.core.compat.compare import Comparison
from crmsync.core.compat.dialect import modern
from crmsync.core.compat.edition import Edition, Question
from crmsync.core.compat.semver import Step, is_enough, numbers, promised, taken
from crmsync.core.compat.verdict import Verdict, included
from crmsync.core.contract import schema_problems
from crmsync.core.contract.pointer import pointer_to
from crmsync.core.contract.shape import alone, subschemas
from crmsync.core.contract.violation import Place
from crmsync.core.model import ABSENT, At, Finding, Json, Mode, Severity, Waiver, to_json

_BLAMED: Final = {"narrows": ("BACKWARD",), "widens": ("FORWARD",), "changes": ("BACKWARD", "FORWARD"), "none": ()}
_NO_PROMISE: Final = ("draft", "retired")
LONGEST: Final = 100  # characters of a counterexample in a message


class Told(NamedTuple):
    """A change with its places in both files, how bad it is here, and who answers for it, if anybody does."""

    change: Change
    old: At | None
    new: At | None
    severity: Severity
    waiver: Waiver | None


class Judge:
    """One comparison under one question."""

    def __init__(self, old: Edition, new: Edition, asked: Question, found: Comparison) -> None:
        self.old, self.new, self.asked, self.found = old, new, asked, found
        self.mode: Mode = asked.mode or new.envelope.compatibility
        self.taken = _taken(old.version, new.version)
        self.required: Step = found.required(self.mode, asked.policy, old.version or "1.0.0")
        self.verdicts: Mapping[str, Verdict] = dict(found.verdicts[asked.policy].items())
        self.broken = [towards for towards in promised(self.mode) if self.verdicts[towards] != "compatible"]

    @property
    def allowed(self) -> str:
        """Why a break is none to be mended, or "": its step says so, or nobody was promised anything."""
        if self.asked.mode is not None:
            return ""
        if self.old.envelope.status in _NO_PROMISE:
            return f"{self.old.label} is {self.old.envelope.status}"
        needed: Step = "minor" if self.old.version.startswith("0.") else "major"
        return f"a {self.taken} step" if self.taken is not None and is_enough(self.taken, needed) else ""

    @cached_property
    def told(self) -> tuple[Told, ...]:
        return tuple(map(self._told, self.found.changes))

    def _told(self, change: Change) -> Told:
        blamed = self._blamed(change)
        waiver = self._answered(change, blamed) if blamed else None
        severity: Severity = "error" if blamed and not waiver and not self.allowed else "info"
        places = self._at(self.old, change.old_pointer), self._at(self.new, change.new_pointer)
        return Told(change, *places, severity, waiver)

    def _answered(self, change: Change, blamed: Sequence[str]) -> Waiver | None:
        """The waiver of this change, or of the whole break."""
        whole = WHOLE["breaking" if any(self.verdicts[each] == "breaking" for each in blamed) else "unproven"]
        pointers = change.new_pointer, change.old_pointer
        return self._waiver(change.rule, *pointers) or self._waiver(whole, *pointers)

    def _blamed(self, change: Change) -> list[str]:
        return [towards for towards in self.broken if towards in _BLAMED[change.direction]]

    @staticmethod
    def _at(edition: Edition, pointer: str | None) -> At | None:
        return None if pointer is None else edition.file.pointed(pointer)

    @cached_property
    def holes(self) -> tuple[Finding, ...]:
        """Why it is not proved, where that is because no value can be judged by one of the two; warnings, for what is
        not proved is an error of its own."""
        if "unproven" not in self.verdicts.values():
            return ()
        return tuple(dict.fromkeys(each for edition in (self.old, self.new) for each in self._holes(edition)))

    def _holes(self, edition: Edition) -> Iterator[Finding]:
        flaws = schema_problems(modern(edition.file.schema, self.asked.draft))
        yield from (replace(edition.file.finding(each), severity="warning") for each in flaws if each.kind in _HOLES)

    # Waivers ------------------------------------------------------------------------------------------------------

    def _waiver(self, rule: str, *pointers: str | None) -> Waiver | None:
        return next(
            (
                each
                for each in self.new.envelope.waivers
                if each.rule == rule and not self._is_over(each) and any(_inside(each.pointer, at) for at in pointers)
            ),
            None,
        )

    def _is_over(self, waiver: Waiver) -> bool:
        return self.asked.today is not None and date.fromisoformat(waiver.expires) < self.asked.today

    def expired(self) -> Iterator[Finding]:
        for each in self.new.envelope.waivers:
            if self._is_over(each):
                message = f"the waiver of {each.rule} was good until {each.expires}: {each.reason}"
                mend = f"mend what it waived, agree on another day, or retire {self.old.label}"
                yield Finding("contract/waiver-expired", message, mend, "warning", each.at)

    @property
    def waived(self) -> set[Waiver]:
        """The waivers that something here is waived by."""
        whole = {WHOLE[self.verdicts[towards]] for towards in self.broken}
        of_all = {each for each in self.new.envelope.waivers if each.rule in whole and not self._is_over(each)}
        return {each.waiver for each in self.told if each.waiver} | of_all

    def idle(self, waived: set[Waiver]) -> Iterator[Finding]:
        """Waivers that waive nothing of what a step of the version changes."""
        errors = {each.change.rule: each.change for each in self.told if each.severity == "error"}
        for each in self.new.envelope.waivers if self.taken not in (None, "none") else ():
            if each in waived or self._is_over(each):
                continue
            change = errors.get(each.rule)
            where = f"at {each.pointer}" if each.pointer else "here"
            message = f"the waiver of {each.rule} waives nothing {where}"
            mend = "delete it" if change is None else f"what breaks is at {change.new_pointer or change.old_pointer}"
            yield Finding("contract/waiver-idle", message, mend, "info" if change is None else "warning", each.at)

    # Findings -----------------------------------------------------------------------------------------------------

    def findings(self) -> Iterator[Finding]:
        """Every change is one: an error where it breaks what was promised."""
        shown = {towards: self._shown(towards) for towards in self.broken}
        for each in self.told:
            blamed = self._blamed(each.change)
            shows = [towards for towards in blamed if shown[towards] is each.change]
            said = each.change.message + self._because(blamed, each.waiver, shows)
            if each.severity == "error" and not shows:
                said += self._part(each.change, blamed[0])
            mend = self._mend(each.change.rule) if each.severity == "error" else ""
            yield Finding(each.change.rule, said, mend, each.severity, each.new or each.old)
        yield from self._without_blame()
        yield from self.holes

    def _without_blame(self) -> Iterator[Finding]:
        """What breaks, though no change seems to be why."""
        for towards in self.broken:
            if not any(towards in self._blamed(each.change) for each in self.told):
                yield self._unblamed(towards)

    def _shown(self, towards: str) -> Change | None:
        """The change that the counterexample is one of: at whose place it is refused, else the first to blame."""
        blamed = [each.change for each in self.told if towards in self._blamed(each.change)]
        refuses, record = self._counterexample(towards)
        places = _refused_at(refuses.file.schema, record, self.asked.draft) if record is not ABSENT else ()
        for change in blamed:
            at = change.new_pointer if towards == "BACKWARD" else change.old_pointer
            if any(_inside(place, at) or _inside(at or "/", place) for place in places):
                return change
        return blamed[0] if blamed else None

    def as_a_whole(self) -> Iterator[Finding]:
        """Of an earlier version: its changes were told when they were made."""
        told = [each for each in self.told if self._blamed(each.change)]
        for towards in self.broken if not told or not all(each.waiver for each in told) else ():
            yield self._unblamed(towards)

    def _unblamed(self, towards: str) -> Finding:
        rule = WHOLE[self.verdicts[towards]]
        waiver = self._waiver(rule, "")
        verb = "breaks" if self.verdicts[towards] == "breaking" else "may break"
        said = f"{self.new.label} {verb} with {self.old.label}" + self._because([towards], waiver, [towards])
        severity: Severity = "info" if waiver or self.allowed else "error"
        return Finding(rule, said, "" if waiver else self._mend(rule), severity, At(self.new.file.file))

    def _because(self, blamed: Sequence[str], waiver: Waiver | None, shows: Sequence[str]) -> str:
        """Which mode it breaks, with the counterexample where it is one of this."""
        if waiver is not None:
            return f" (waived until {waiver.expires}: {waiver.reason})"
        if not blamed:
            return ""
        words = [f"{towards} {_VERBS[self.verdicts[towards]]}{self._in_spite(towards)}" for towards in blamed]
        examples = "".join(map(self._example, shows))
        allowed = f" (allowed: {self.allowed})" if self.allowed else ""
        return f": {' and '.join(words)}{allowed}{examples}"

    def _in_spite(self, towards: str) -> str:
        holes = " and ".join(str(each.at) for each in self.holes) if self.verdicts[towards] == "unproven" else ""
        return f", as nothing can be judged by what stands at {holes}" if holes else ""

    def _counterexample(self, towards: str) -> tuple[Edition, Json]:
        """Who refuses it, and the record; ABSENT where none was found."""
        refuses = self.new if towards == "BACKWARD" else self.old
        return refuses, self.found.counterexamples[self.asked.policy].get(towards, ABSENT)

    def _example(self, towards: str) -> str:
        refuses, record = self._counterexample(towards)
        if record is ABSENT:
            return ""
        takes = self.old if refuses is self.new else self.new
        return f"; {takes.label} takes {_shortened(record)}, {refuses.label} does not"

    def _part(self, change: Change, towards: str) -> str:
        """Of a change that the counterexample is none of: the smallest value of its own place that is refused now."""
        places = [_schema_around(each, pointer) for each, pointer in (
            (self.old, change.old_pointer), (self.new, change.new_pointer))]  # fmt: skip
        if None in places:
            return ""
        parts = [alone(modern(edition.file.schema, self.asked.draft), place or ())
                 for edition, place in zip((self.old, self.new), places, strict=True)]  # fmt: skip
        found = included(*(parts if towards == "BACKWARD" else parts[::-1])).witness
        return "" if found is ABSENT else f", with {_shortened(found)}"

    def _mend(self, rule: str) -> str:
        step = "a new major version" if not self.old.version.startswith("0.") else "a new minor version"
        if self.holes:
            first = self.holes[0]
            return f"mend {first.at} first: {first.mend}"
        return f"take it back, make it {step}, or waive it: x-waivers with rule {rule}, reason and expires"

    def step(self) -> Iterator[Finding]:
        if self.taken is None or self.asked.mode is not None or self.old.envelope.status in _NO_PROMISE:
            return
        required = self._required_unless_waived()
        in_place = self.taken == "none"
        if is_enough(self.taken, required) or (in_place and self._is_words_only()):
            return
        at = At(self.new.file.file)
        mend = f"name the file {_next(self.old.version, required)}.json"
        if in_place:
            message = f"{self.new.label} was changed in place, which asks for a {required} step"
            yield Finding("contract/changed-in-place", message, f"leave it as it was, and {mend}", at=at)
        else:
            message = f"{self.old.label} -> {self.new.version} is a {self.taken} step, but a {required} one is needed"
            yield Finding("contract/small-step", message, mend, at=at)

    def _is_words_only(self) -> bool:
        """What is said about the contract has changed, and nothing that anybody does with a record."""
        return self.verdicts["FULL"] == "compatible" and all(
            each.direction == "none" and each.rule not in _BEHAVES for each in self.found.changes
        )

    def _required_unless_waived(self) -> Step:
        """What breaks is another matter: that is told of by itself, and may be waived."""
        major: Step = "minor" if self.old.version.startswith("0.") else "major"
        if self.required != major or not self.broken:
            return self.required
        grades = [*(each.severity for each in self.told), *(each.severity for each in self._without_blame())]
        if "error" in grades:
            return self.required
        lesser: dict[Step, Step] = {"major": "minor", "minor": "patch"}
        return lesser[major]


_BEHAVES: Final = ("contract/default-changed", "contract/access-changed")
_HOLES: Final = ("reference", "pattern")
_VERBS: Final = {"breaking": "breaks", "unproven": "is not proved to hold"}


def _taken(old: str, new: str) -> Step | None:
    """None where the newer one is none, or there are no versions."""
    if not old or not new or taken(new, old) != "none":
        return None
    return taken(old, new)


def _inside(around: str, pointer: str | None) -> bool:
    return pointer is not None and (not around or pointer == around or pointer.startswith(f"{around}/"))


def _refused_at(schema: Json, record: Json, draft: int) -> tuple[str, ...]:
    """The JSON pointers of the keywords that refuse a record."""
    checks = jsonschema_rs.Draft202012Validator(modern(schema, draft), validate_formats=True, offline=True)
    return tuple(pointer_to(error.schema_path) for error in checks.iter_errors(record))


def _shortened(record: Json) -> str:
    text = to_json(record).decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def _schema_around(edition: Edition, pointer: str | None) -> Place | None:
    """The way to the schema whose keyword stands at a pointer; None where that is the whole contract."""
    where = edition.file.where(pointer)[:-1] if pointer else ()
    return where if where and any(place == where for place, _ in subschemas(edition.file.schema)) else None


def _next(version: str, step: Step) -> str:
    major, minor, patch = numbers(version)
    return {"major": f"{major + 1}.0.0", "minor": f"{major}.{minor + 1}.0"}.get(step, f"{major}.{minor}.{patch + 1}")
