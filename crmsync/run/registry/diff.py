"""May this contract become that one, and who answers for what breaks?

The verdicts, the changes and the counterexamples come from `core/compat`. Here the envelope has its say: the mode that
is asked, what was waived and until when, and which step of the version was taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from crmsync.core.compat import Comparison, Policy, Step, Verdict, compare
from crmsync.core.compat.dialect import Uncanonical, modern
from crmsync.core.compat.edition import Edition, Question
from crmsync.core.compat.promise import Judge, Told
from crmsync.core.model import At, Finding, Json, Mode
from crmsync.run.world import Stopped

TOWARDS: Final = ("BACKWARD", "FORWARD", "FULL")
_RANK: Final[dict[Verdict, int]] = {"compatible": 0, "unproven": 1, "breaking": 2}


@dataclass(frozen=True, slots=True)
class Diff:
    """`verdicts` by policy and mode; `taken` None: there are no versions to tell a step by."""

    old: Edition
    new: Edition
    asked: Question
    mode: Mode
    verdicts: Mapping[Policy, Mapping[str, Verdict]]
    counterexamples: Mapping[Policy, Mapping[str, Json]]
    changes: tuple[Told, ...]
    required: Step
    taken: Step | None
    findings: tuple[Finding, ...]


def diff(old: Edition, new: Edition, asked: Question, earlier: Sequence[Edition] = ()) -> Diff:
    """`earlier`: the versions of the same major before `old`, which the TRANSITIVE modes are asked of as well. Raises
    `Stopped` for a file that is no schema, or refers to what is not in it."""
    judge = Judge(old, new, asked, _compared(old, new, asked.draft))
    others = [Judge(each, new, asked, _compared(each, new, asked.draft)) for each in earlier]
    transitive = judge.mode.endswith("_TRANSITIVE")
    findings = [*judge.findings(), *judge.step(), *judge.expired()]
    waived = judge.waived.union(*(other.waived for other in others if transitive))
    findings += judge.idle(waived)
    if transitive:
        findings += [finding for other in others for finding in other.as_a_whole()]
    return Diff(
        old,
        new,
        asked,
        judge.mode,
        _verdicts(judge.found, [other.found for other in others], with_transitive=bool(new.version)),
        judge.found.counterexamples,
        judge.told,
        judge.required,
        judge.taken,
        tuple(findings),
    )


def _compared(old: Edition, new: Edition, draft: int) -> Comparison:
    for each in (old, new):
        try:
            modern(each.file.schema, draft)
        except Uncanonical as error:
            at = At(each.file.file)
            message = f"{each.label} cannot be compared: it {error}"
            raise Stopped(2, Finding("contract/not-a-schema", message, "mend it first", at=at)) from None
    return compare(old.file.schema, new.file.schema, draft=draft)


def _verdicts(
    found: Comparison, others: Sequence[Comparison], *, with_transitive: bool
) -> dict[Policy, dict[str, Verdict]]:
    told: dict[Policy, dict[str, Verdict]] = {}
    for policy, verdicts in found.verdicts.items():
        told[policy] = {towards: verdicts[towards] for towards in TOWARDS}
        for towards in TOWARDS if with_transitive else ():
            all_of_them = [each.verdicts[policy][towards] for each in (found, *others)]
            told[policy][f"{towards}_TRANSITIVE"] = max(all_of_them, key=_RANK.__getitem__)
    return told
