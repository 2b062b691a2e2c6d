"""From where does a plan get what it is made from? From the systems, by default."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from crmsync.connectors.base import Door
from crmsync.core.model import Both, Json, Key, Side
from crmsync.core.model import Mapping as Declared

if TYPE_CHECKING:
    from crmsync.ledger.spool import Spool
    from crmsync.run.extract import Extraction
    from crmsync.run.prepared import MappingPlan

Lookup: TypeAlias = tuple[str, str, str]
"""Entity, `by` and `take` of a `{lookup: {entity:, by:, take:}}`."""


class Inputs:
    """What is read while a plan is made passes through here: one that records it, or gives it back, stands in."""

    def door(self, mapping: Declared, side: Side, door: Door) -> Door:
        return door

    def lookup(self, lookup: Lookup, reading: Callable[[], dict[Json, Json]]) -> dict[Json, Json]:
        return reading()

    def read(self, spool: Spool, mapping: Declared, reading: Callable[[], Extraction]) -> Extraction:
        """The records of a mapping, into the spool."""
        return reading()

    def ghosts(self, mapping: Declared) -> Both[list[Key]]:
        """Records that were remembered as unlinked, and are known to be gone before anything is matched."""
        return [], []

    def planned(self, spool: Spool, plan: MappingPlan) -> None:
        """The mapping is planned."""
