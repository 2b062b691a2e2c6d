"""Which contracts have changed since a git ref, and may they have?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

from crmsync.core.compat import numbers
from crmsync.core.compat.edition import Edition, Question
from crmsync.core.model import At, Finding, Json, to_json
from crmsync.project.contracts import Contracts, read_contracts
from crmsync.project.git import GitError, at_ref
from crmsync.run.registry.diff import Diff, diff
from crmsync.run.registry.health import by_name, skipped
from crmsync.run.registry.read import folder_of
from crmsync.run.world import Stopped


class Changed(NamedTuple):
    """A contract file that is not as it was. `diff` is None where there is nothing to compare it with."""

    name: str  # crm.account@1.1.0
    how: Literal["added", "removed", "renamed", "changed"]
    diff: Diff | None
    findings: tuple[Finding, ...]


def changed_since(root: Path, ref: str, asked: Question) -> tuple[list[Changed], list[Finding]]:
    """What has changed, by name, and what is wrong with files as they are now. Raises `Stopped` where git cannot
    tell."""
    here = folder_of(root, "schemas")
    now = read_contracts(here)
    base = root if here.resolve().is_relative_to(root.resolve()) else here
    try:
        with at_ref(base, ref) as folder:
            there = folder_of(folder, "schemas") if base is root else folder
            then = _as_of(ref, read_contracts(there), folder, base)
    except GitError as error:
        raise Stopped(2, error.finding) from None
    found = sorted(_Comparing(now, then, asked, ref).changed(), key=lambda each: each.name)
    return found, [each for each in now.findings if each.severity == "error"]


def _as_of(ref: str, contracts: Contracts, folder: Path, base: Path) -> Contracts:
    """With the places that people know: `main:schemas/crm/account/1.0.0.json`."""
    sound = {}
    for key, (contract, file) in contracts.sound.items():
        place = (base / Path(file.file).relative_to(folder)).as_posix()
        sound[key] = replace(contract, file=place), replace(file, file=f"{ref}:{place}")
    return replace(contracts, sound=sound)


class _Comparing:
    def __init__(self, now: Contracts, then: Contracts, asked: Question, ref: str) -> None:
        self.now, self.then, self.asked, self.ref = now, then, asked, ref
        self.come = now.sound.keys() - then.sound.keys()
        self.gone = then.sound.keys() - now.sound.keys() - self._damaged()

    def _damaged(self) -> set[str]:
        """Still there, only not sound: that is told with the findings of the files."""
        broken = {each.at.file for each in self.now.findings if each.at and each.severity == "error"}
        return {key for key, (contract, _) in self.then.sound.items() if contract.file in broken}

    def changed(self) -> Iterator[Changed]:
        renamed = self._renamed()
        for key in self.now.sound.keys() & self.then.sound.keys():
            if _text(self.now, key) != _text(self.then, key):
                old, new = Edition.of(*self.then.sound[key]), Edition.of(*self.now.sound[key])
                yield self._with_diff(key, "changed", replace(old, label=f"{old.label} at {self.ref}"), new)
        for key in self.gone:
            yield Changed(key, "renamed" if key in renamed else "removed", None, (self._gone(key, renamed.get(key)),))
        for key in self.come - set(renamed.values()):
            yield self._added(key)

    def _with_diff(self, key: str, how: Literal["added", "changed"], old: Edition, new: Edition) -> Changed:
        earlier = [each for each in self._versions(new) if _order(each) < _order(old) and _same_major(each, new)]
        found = diff(old, new, self.asked, earlier)
        return Changed(key, how, found, found.findings)

    def _added(self, key: str) -> Changed:
        """Compared with the version before, as it is now or, if it is gone, as it was."""
        new = Edition.of(*self.now.sound[key])
        before = [each for each in self._versions(new) if _order(each) < _order(new)]
        if before:
            found = self._with_diff(key, "added", before[-1], new)
            return found._replace(findings=(*found.findings, *skipped(before[-1], new)))
        said = Finding("contract/added", f"{key} is new", severity="info", at=At(new.file.file))
        return Changed(key, "added", None, (said,))

    def _versions(self, new: Edition) -> list[Edition]:
        name = new.label.partition("@")[0]
        versions = {each.version: each for each in by_name(self.then).get(name, ())}
        versions |= {each.version: each for each in by_name(self.now).get(name, ())}
        return sorted(versions.values(), key=_order)

    def _renamed(self) -> dict[str, str]:
        """What is gone, by what came with the same text."""
        found: dict[str, str] = {}
        for key in sorted(self.gone):
            same = [
                each
                for each in sorted(self.come - set(found.values()))
                if _text(self.now, each) == _text(self.then, key)
            ]
            if same:
                found[key] = same[0]
        return found

    def _gone(self, key: str, renamed: str | None) -> Finding:
        """A version that somebody may read must stay; a draft, a retired one, and one whose day is over need not."""
        contract, _ = self.then.sound[key]
        status, until = contract.envelope.status, contract.envelope.deprecated
        is_over = status == "deprecated" and until is not None and self.asked.today is not None and (
            until < self.asked.today.isoformat()
        )  # fmt: skip
        free = is_over or status in ("draft", "retired")
        if renamed is not None:
            new = self.now.sound[renamed][0].file
            message = f"{key} was renamed to {renamed}, so whoever reads it does not find it any more"
            mend = f"put {contract.file} back beside {new}; retire it first: x-status"
            return Finding("contract/renamed", message, "" if free else mend, "info" if free else "error", At(new))
        message = f"{key} was removed" + ("" if free else f", which was {status}")
        mend = "" if free else f"put {contract.file} back, and retire it first: x-status deprecated, then retired"
        return Finding("contract/removed", message, mend, "info" if free else "error", At(contract.file))


def _text(contracts: Contracts, key: str) -> bytes:
    schema: Json = contracts.sound[key][1].schema
    return to_json(schema)


def _order(edition: Edition) -> tuple[int, int, int]:
    return numbers(edition.version)


def _same_major(one: Edition, two: Edition) -> bool:
    return _order(one)[0] == _order(two)[0]
