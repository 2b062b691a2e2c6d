"""Who is told what, and when? Once when something is wrong, again when it is something else, once when all is well.

A channel is a command or a webhook. It is about some conditions only, and remembers what it was told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from crmsync.core.model import Json

Ill: TypeAlias = Literal["failure", "degraded"]
Channel: TypeAlias = Literal["on_failure", "on_degraded", "webhook", "recovery"]
ABOUT: Final[Mapping[Channel, frozenset[Ill]]] = {
    "on_failure": frozenset({"failure"}),
    "on_degraded": frozenset({"degraded"}),
    "webhook": frozenset({"failure", "degraded"}),
    "recovery": frozenset({"failure"}),  # tells nobody: it measures how long a failure took to pass
}


@dataclass(frozen=True, slots=True)
class Condition:
    """What is wrong. `reasons` are sorted and say no numbers: the same condition is the same text."""

    kind: Ill
    reasons: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join((self.kind, *self.reasons))


@dataclass(frozen=True, slots=True)
class Alert:
    """Something to tell. `since`: when the run ended that had it first. `recovered`: from `reasons`."""

    kind: Ill | Literal["recovered"]
    reasons: tuple[str, ...]
    since: str


@dataclass(frozen=True, slots=True)
class Memory:
    """What a channel remembers. `standing` holds `since` then; `told`: the text of what it was last told since then,
    which may be another one. `sent`: when it was last told of each condition, by its text. `took`: seconds that the
    last one lasted, which passed when it `ended`."""

    standing: Condition | None = None
    since: str = ""
    told: str = ""
    sent: Mapping[str, str] = field(default_factory=dict)
    took: float | None = None
    ended: str = ""


def concerning(channel: Channel, condition: Condition | None, memory: Memory) -> Condition | None:
    """What of it the channel is about. After a failure nobody knows whether what was degraded still is."""
    if condition is None or condition.kind in ABOUT[channel]:
        return condition
    return memory.standing if condition.kind == "failure" else None


def due(memory: Memory, condition: Condition | None, now: str, coalesce: float) -> Alert | None:
    """`coalesce`: for so many seconds a channel is not told of the same condition twice."""
    if condition is None:
        return Alert("recovered", memory.standing.reasons, memory.since) if memory.standing and memory.told else None
    if condition.text == memory.told:
        return None
    before = memory.sent.get(condition.text)
    if before is not None and _moment(now) < _moment(before) + timedelta(seconds=coalesce):
        return None
    return Alert(condition.kind, condition.reasons, memory.since if memory.standing else now)


def remembered(
    memory: Memory, condition: Condition | None, alert: Alert | None, now: str, coalesce: float, *, reached: bool
) -> Memory:
    """What the channel remembers after `alert`, which was due, has `reached` it or not. What did not is due again."""
    kept = {text: at for text, at in memory.sent.items() if _moment(at) + timedelta(seconds=coalesce) > _moment(now)}
    here = replace(memory, sent=kept)
    if alert is not None and not reached:
        return here if memory.standing or condition is None else replace(here, standing=condition, since=now)
    if condition is None:
        return _ended(here, now) if memory.standing else here
    sent = {**kept, condition.text: now} if alert else kept
    since = memory.since if memory.standing else now
    return replace(here, standing=condition, since=since, told=condition.text if alert else memory.told, sent=sent)


def _ended(memory: Memory, now: str) -> Memory:
    took = (_moment(now) - _moment(memory.since)).total_seconds()
    return Memory(sent=memory.sent, took=max(0.0, took), ended=now)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


# As JSON ----------------------------------------------------------------------------------------------------------


def memory_json(memory: Memory) -> Json:
    standing = memory.standing
    return {
        "kind": standing.kind if standing else None,
        "reasons": list(standing.reasons) if standing else [],
        "since": memory.since,
        "told": memory.told,
        "sent": dict(memory.sent),
        "took": None if memory.took is None else str(memory.took),
        "ended": memory.ended,
    }


def memory_of(written: Json) -> Memory:
    """What `memory_json` has written."""
    condition = Condition(written["kind"], tuple(written["reasons"])) if written["kind"] else None
    took = None if written["took"] is None else float(written["took"])
    return Memory(condition, written["since"], written["told"], written["sent"], took, written["ended"])
