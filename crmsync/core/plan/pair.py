"""What is decided about, and what is decided?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from crmsync.core.mapping import Seen
from crmsync.core.merge import Failed
from crmsync.core.model import (
    Action,
    Base,
    Both,
    Bucket,
    Decision,
    Entry,
    Finding,
    Json,
    Judgement,
    Key,
    Link,
    Pin,
    Side,
    Symbol,
)

Resolve: TypeAlias = Callable[[str, Side, Key], "Json | Symbol | Failed"]
"""The key on the other side of a record that another mapping links: (mapping, side in *this* mapping, key)."""

LEFT_SCOPE: Final = "left scope"  # why a record is archived whose counterpart is still there
GONE: Final = 2  # complete listings in a row without a record
NOWHERE: Final = Failed("rejected", "link/no-key", "what links it to its parent is no key (a text or a whole number)")


@dataclass(frozen=True, slots=True)
class Pair:
    """One thing as both sides know it now, plus its base: the unit of decision.

    `unlisted[side]`: a complete listing of that side did not have the linked record. `judged`: the link is new, and
    why. `unsure`: candidates that nobody has judged yet; while there is one, nothing is created.
    `frozen`: the record that is not there now was out of scope when it was last seen. `outside`: why the pair is out of
    scope whatever its records say. `pins`: its fields that wait for a person's answer, whatever their rules say.
    """

    seen: Both[Seen | None]
    link: Link | None = None
    judged: Judgement | None = None
    unsure: tuple[Judgement, ...] = ()
    unlisted: Both[bool] = (False, False)
    frozen: bool = False
    decisions: tuple[Decision, ...] = ()
    outside: str = ""
    pins: tuple[Pin, ...] = ()

    @property
    def keys(self) -> Both[Key | None]:
        if self.link:
            return self.link.keys
        return tuple(seen.record.ref.key if seen else None for seen in self.seen)  # type: ignore[return-value]  # two of two

    @property
    def base(self) -> Base:
        return self.link.base if self.link else {}


@dataclass(frozen=True, slots=True)
class Decided:
    """What becomes of one pair. `rejected` are dead letters with the side whose record they wait for."""

    bucket: Bucket
    actions: tuple[Action, ...] = ()
    entries: tuple[Entry, ...] = ()
    rejected: tuple[tuple[Side, Finding], ...] = ()
    warned: tuple[Finding, ...] = ()
    reason: str = ""
    waits_for: str = ""
