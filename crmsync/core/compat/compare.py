"""May a contract change so?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from crmsync.core.compat.changes import Change, changes
from crmsync.core.compat.dialect import LATEST, Uncanonical, modern
from crmsync.core.compat.policy import POLICIES, Policy, applied
from crmsync.core.compat.semver import Step, required
from crmsync.core.compat.verdict import Inclusion, Verdict, included
from crmsync.core.model import ABSENT, Json, Mode

Towards: TypeAlias = Literal["BACKWARD", "FORWARD", "FULL"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """An older and a newer schema. BACKWARD: every record of the older one keeps the newer one; FORWARD the other way
    round; FULL both."""

    changes: tuple[Change, ...]
    inclusions: Mapping[Policy, Mapping[str, Inclusion]]  # by policy, then BACKWARD and FORWARD

    @property
    def verdicts(self) -> dict[Policy, dict[Towards, Verdict]]:
        return {policy: _with_full(found) for policy, found in self.inclusions.items()}

    @property
    def counterexamples(self) -> dict[Policy, dict[str, Json]]:
        """The smallest record found for what breaks, as the writer sends it."""
        return {
            policy: {towards: each.witness for towards, each in found.items() if each.witness is not ABSENT}
            for policy, found in self.inclusions.items()
        }

    def required(self, mode: Mode, policy: Policy = "strict", old_version: str = "1.0.0") -> Step:
        """The step of the version that this change needs at least."""
        verdicts = {towards: each.verdict for towards, each in self.inclusions[policy].items()}
        return required(verdicts, self.changes, mode, old_version)


def _with_full(found: Mapping[str, Inclusion]) -> dict[Towards, Verdict]:
    backward, forward = found["BACKWARD"].verdict, found["FORWARD"].verdict
    full: Verdict = "compatible" if backward == forward == "compatible" else "unproven"
    return {"BACKWARD": backward, "FORWARD": forward, "FULL": "breaking" if "breaking" in (backward, forward) else full}


def compare(old: Json, new: Json, *, draft: int = LATEST) -> Comparison:
    """`draft` is that of schemas without `$schema`: 4, 6, 7, 2019 or 2020. What is no schema, or goes too deep, makes
    everything unproven."""
    try:
        before, after = modern(old, draft), modern(new, draft)
        found = {policy: _included(policy, before, after) for policy in POLICIES}
        listed = changes(before, after)
    except (Uncanonical, RecursionError) as error:
        return _unproven(str(error))
    return Comparison((*_unexplained(found["strict"], listed), *listed), found)


def _unproven(reason: str) -> Comparison:
    nothing = {"BACKWARD": Inclusion("unproven"), "FORWARD": Inclusion("unproven")}
    change = Change("contract/schema-changed", "", "", "changes", f"the record: cannot be compared, {reason}")
    return Comparison((change,), dict.fromkeys(POLICIES, nothing))


def _unexplained(found: Mapping[str, Inclusion], listed: tuple[Change, ...]) -> Iterator[Change]:
    """What breaks must be told, also where no single change narrows or widens."""
    for towards, turns in (("BACKWARD", _NARROWING), ("FORWARD", _WIDENING)):
        if found[towards].verdict == "breaking" and not any(change.direction in turns for change in listed):
            said = "the record: all changes together make others valid than before; see the counterexample"
            yield Change("contract/schema-changed", "", "", "changes", said)
            return


_NARROWING: Final = frozenset({"narrows", "changes"})
_WIDENING: Final = frozenset({"widens", "changes"})


def _included(policy: Policy, old: Json, new: Json) -> dict[str, Inclusion]:
    return {"BACKWARD": included(*applied(policy, old, new)), "FORWARD": included(*applied(policy, new, old))}
