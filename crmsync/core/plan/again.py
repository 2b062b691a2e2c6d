"""What has failed before: is it tried again, or does it wait for somebody?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from crmsync.core.model import ABSENT, UNKNOWN_OUTCOME, Create, Hold, Key, Mapping, Side, as_key
from crmsync.core.plan.pair import Decided, Pair

ParentName: TypeAlias = Callable[[str, Side, Key], str]
"""How a parent is told, by the mapping that has it and the side of its child: `account-customer 7`."""

TWICE: Final = 2  # tries of a record that belongs together with others, until a person is asked


@dataclass(frozen=True, slots=True)
class Failure:
    """The dead letter of the very write that is planned. `rests`: it would fail again, as far as anybody knows;
    `dropped`: who does not want to hear of it any more, "" for nobody."""

    letter: int
    message: str
    source: Side
    tries: int
    rests: bool
    dropped: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """What becomes of the pair. `completes`: with what a record that is tried again belongs together ("": nothing)."""

    decided: Decided
    completes: str = ""


def try_again(mapping: Mapping, pair: Pair, decided: Decided, failure: Failure, name: ParentName) -> Again:
    """What was refused waits until the record or the mapping changes, or a person asks for it. What belongs together is
    completed by the next run; what that could not complete waits for a person."""
    if failure.dropped:
        return Again(Decided("unchanged", reason=f"dead letter {failure.letter} was dropped by {failure.dropped}"))
    group = belongs_with(mapping, pair, failure.source, name) if mapping.together and creates(decided) else ""
    if not failure.rests or (group and failure.tries < TWICE):
        return Again(decided, group)
    if not group:
        return Again(Decided("failed", reason=f"dead letter {failure.letter}: {failure.message}"))
    message = f"{group}, but it cannot be made (dead letter {failure.letter}): {failure.message}"
    return Again(_held(mapping, pair, "together", message))


def not_twice(mapping: Mapping, pair: Pair, decided: Decided, question: str) -> Decided:
    """What may have been made already is not made until a person has said that it was not."""
    return _held(mapping, pair, UNKNOWN_OUTCOME, question) if creates(decided) else decided


def not_yet(decided: Decided, question: str) -> Decided:
    """A record that may be another one of its own system gets no counterpart until a person has said. The question is
    open already: no other one is asked."""
    return Decided("held", (), reason=question) if creates(decided) else decided


def not_a_second(mapping: Mapping, pair: Pair, side: Side, twin: Key, message: str, score: float) -> Decided:
    """A record that is, most likely, another one of its own system which has a counterpart gets none of its own until a
    person has said. The hold has the key of that `twin` as the value of `side`."""
    values = (list(twin), None) if side == 0 else (None, list(twin))
    hold = Hold(mapping.name, pair.keys, "duplicate", "", values, (None, None), message, score)
    return Decided("held", (hold,), reason=message)


def belongs_with(mapping: Mapping, pair: Pair, source: Side, name: ParentName) -> str:
    """The records that a new one links to, in words; "" where there are none."""
    seen = pair.seen[source]
    natives = seen.lifted.natives if seen and seen.lifted else ()
    linked = [(field.link, as_key(value)) for field, value in zip(mapping.fields, natives, strict=False) if field.link]
    parents = [name(link, source, key) for link, key in linked if key]
    return f"it belongs together with {', '.join(parents)}" if parents else ""


def creates(decided: Decided) -> bool:
    return any(isinstance(action, Create) for action in decided.actions)


def _held(mapping: Mapping, pair: Pair, kind: str, message: str) -> Decided:
    hold = Hold(mapping.name, pair.keys, kind, "", (ABSENT, ABSENT), (ABSENT, ABSENT), message)
    return Decided("held", (hold,), reason=message)
