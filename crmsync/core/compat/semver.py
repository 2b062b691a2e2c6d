"""How big a step of the version does a change need?

From 1.0.0 on, what breaks the contract's mode is a major step; other records valid than before, or another behaviour
(defaults, deprecation, access, x-pii), is a minor one; the rest is a patch. Before 1.0.0 nothing is promised: a break
needs a minor step, all else a patch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

from crmsync.core.compat.changes import Change
from crmsync.core.compat.verdict import Verdict
from crmsync.core.model import Mode

Step: TypeAlias = Literal["none", "patch", "minor", "major"]
STEPS: Final[tuple[Step, ...]] = ("none", "patch", "minor", "major")

_PROMISED: Final = {"BACKWARD": ("BACKWARD",), "FORWARD": ("FORWARD",), "FULL": ("BACKWARD", "FORWARD"), "NONE": ()}
_BEHAVES: Final = frozenset({
    "contract/default-changed", "contract/pii-changed", "contract/access-changed", "contract/deprecated",
    "contract/undeprecated", "contract/deprecation-changed",
})  # fmt: skip


def promised(mode: Mode) -> tuple[str, ...]:
    """The directions that a mode keeps open."""
    return _PROMISED[mode.removesuffix("_TRANSITIVE")]


def required(
    verdicts: Mapping[str, Verdict], changes: Sequence[Change], mode: Mode, old_version: str = "1.0.0"
) -> Step:
    """`verdicts` of BACKWARD and FORWARD. What is unproven counts as breaking."""
    step = _required(verdicts, changes, mode)
    if old_version.split(".")[0] == "0":
        return {"major": "minor", "minor": "patch"}.get(step, step)  # type: ignore[return-value]  # both are steps
    return step


def _required(verdicts: Mapping[str, Verdict], changes: Sequence[Change], mode: Mode) -> Step:
    if not changes and all(verdicts[each] == "compatible" for each in ("BACKWARD", "FORWARD")):
        return "none"
    if any(verdicts[each] != "compatible" for each in promised(mode)):
        return "major"
    if any(verdicts[each] != "compatible" for each in ("BACKWARD", "FORWARD")):
        return "minor"
    return "minor" if any(change.rule in _BEHAVES for change in changes) else "patch"


def taken(old_version: str, new_version: str) -> Step:
    """The step from one version to a later one; "none" where it is not later. Versions are like 1.2.0."""
    old, new = numbers(old_version), numbers(new_version)
    if new <= old:
        return "none"
    if new[0] != old[0]:
        return "major"
    return "minor" if new[1] != old[1] else "patch"


def is_enough(step: Step, needed: Step) -> bool:
    return STEPS.index(step) >= STEPS.index(needed)


def numbers(version: str) -> tuple[int, int, int]:
    """Major, minor and patch, to sort by."""
    major, minor, patch = (int(part) for part in version.split("-")[0].split("+")[0].split("."))
    return major, minor, patch
