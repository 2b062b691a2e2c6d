"""What becomes of a pair whose mapping is in the shadow? All that was decided stands; nothing of it is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from crmsync.core.model import Action, Archive, Create, Delete, Update
from crmsync.core.plan.pair import Decided

SHADOW: Final = "shadow: would be "
_WORDS: Final[dict[type[Action], str]] = {
    Create: "created", Update: "updated", Archive: "archived", Delete: "deleted",
}  # fmt: skip


def kept_back(decided: Decided) -> Decided:
    """Its records wait where they would have been written, so that every run looks at them again."""
    done = sorted({_WORDS[type(action)] for action in decided.actions if type(action) in _WORDS})
    if not done or decided.bucket != "applied":
        return decided
    return replace(decided, bucket="waiting", reason=f"{SHADOW}{' and '.join(done)}")
