"""Are the contracts of a project well: each file, and each version beside the one before?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import groupby, pairwise
from pathlib import Path

from crmsync.core.compat import numbers
from crmsync.core.compat.edition import Edition, Question
from crmsync.core.contract import advice
from crmsync.core.model import At, Finding
from crmsync.project.contracts import Contracts, in_order
from crmsync.run.registry.diff import diff
from crmsync.run.registry.read import folder_of, open_registry


def check_registry(root: Path, today: date | None) -> tuple[Contracts, list[Finding]]:
    """All that is wrong with the contracts, by place. Raises `Stopped` where there are none."""
    contracts = open_registry(root)
    findings = [*contracts.findings, *_advice(contracts)]
    for versions in by_name(contracts).values():
        for old, new in pairwise(versions):
            findings += skipped(old, new)
            earlier = versions[: versions.index(old)] if new.envelope.compatibility.endswith("_TRANSITIVE") else []
            earlier = [each for each in earlier if _major(each) == _major(new)]
            findings += [each for each in diff(old, new, Question(today=today), earlier).findings if _is_told(each)]
    return contracts, sorted(set(findings), key=lambda each: (each.at or At(""), each.rule, each.message))


def by_name(contracts: Contracts) -> dict[str, list[Edition]]:
    """The versions of each contract, the oldest first."""
    nouns = sorted((contract for contract, _ in contracts.sound.values()), key=lambda each: (each.name, in_order(each)))
    return {
        name: [Edition.of(*contracts.sound[str(each)]) for each in group]
        for name, group in groupby(nouns, key=lambda each: each.name)
    }


def before(root: Path, old: Edition, new: Edition) -> list[Edition]:
    """The versions of the project's contract `new` that the TRANSITIVE modes ask of, besides `old`."""
    name = new.label.partition("@")[0]
    if not (old.version and new.version and old.label.startswith(f"{name}@") and folder_of(root, "schemas").is_dir()):
        return []
    versions = by_name(open_registry(root)).get(name, [])
    return [each for each in versions if _major(each) == _major(new) and numbers(each.version) < numbers(old.version)]


def _major(edition: Edition) -> str:
    return edition.version.partition(".")[0]


def _is_told(finding: Finding) -> bool:
    """What changed is for `contract diff` to tell; here only what should not have."""
    return finding.severity != "info"


def _advice(contracts: Contracts) -> Iterator[Finding]:
    for _, file in contracts.sound.values():
        yield from (file.finding(flaw) for flaw in advice(file.schema) if flaw.severity == "info")


def skipped(old: Edition, new: Edition) -> Iterator[Finding]:
    """A warning where `new`, the next one there is, is not the next one after `old`: it may have been deleted."""
    major, minor, patch = last = numbers(old.version)
    found = numbers(new.version)
    next_ones = (major, minor, patch + 1), (major, minor + 1, 0), (major + 1, 0, 0)
    if found in next_ones:
        return
    first_changed = next(index for index in range(3) if found[index] != last[index])
    missing = ".".join(map(str, next_ones[2 - first_changed]))
    message = f"{old.label} is followed by {new.version}: a version was skipped"
    mend = f"name it {missing}.json, or put the file that is missing back"
    yield Finding("contract/version-skipped", message, mend, "warning", At(new.file.file))
