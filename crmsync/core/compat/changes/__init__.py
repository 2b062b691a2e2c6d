"""What changed from one version of a contract to the next?

Both schemas are walked side by side, through references, `allOf`, alternatives, properties and items. Whether records
break is for the verdicts to say; a direction speaks of its own place only.
"""

from __future__ import annotations

from crmsync.core.compat.changes.change import Change, Direction
from crmsync.core.compat.changes.rules import RULES, WHOLE
from crmsync.core.compat.changes.spot import spot
from crmsync.core.compat.changes.walk import Walk
from crmsync.core.model import Json, to_json

__all__ = ["RULES", "WHOLE", "Change", "Direction", "changes"]


def changes(old: Json, new: Json) -> tuple[Change, ...]:
    """All of them, sorted by place; both in 2020-12."""
    if to_json(old) == to_json(new):
        return ()
    found = set(Walk().between(spot(old, "", old), spot(new, "", new), ""))
    return tuple(sorted(found, key=_order))


def _order(change: Change) -> tuple[str, str, str, str]:
    return change.new_pointer, change.old_pointer, change.rule, change.message
