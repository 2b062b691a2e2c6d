"""Which mappings has a run halted, because too much of what it wrote failed?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from crmsync.ledger.database import Access, Shape
from crmsync.ledger.nouns import Halt

_HALT: Final = Shape("crmsync_halt", ("mapping", "run", "at", "why"), ("mapping",))


def halts(access: Access) -> dict[str, Halt]:
    """By mapping, those that nobody has resumed."""
    rows = access.rows("SELECT mapping, run, at, why FROM crmsync_halt ORDER BY mapping")
    return {row[0]: Halt(*row) for row in rows}


def halt(access: Access, new: Halt) -> None:
    access.upsert(_HALT, [tuple(new)])


def resume(access: Access, mappings: Sequence[str]) -> None:
    access.run("DELETE FROM crmsync_halt WHERE mapping {any:mappings}", mappings=list(mappings))
