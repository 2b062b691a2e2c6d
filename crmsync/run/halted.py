"""Which mappings does no run touch, because one was halted, until a person resumes them?"""

from __future__ import annotations

from collections.abc import Sequence

from crmsync.core.model import Finding
from crmsync.core.model import Mapping as Declared
from crmsync.ledger.nouns import Halt
from crmsync.run.world import Stopped, World, utc_now


def awake(world: World, mappings: Sequence[Declared]) -> tuple[tuple[Declared, ...], tuple[Halt, ...]]:
    """The mappings that may run, and the halts of those that may not."""
    halts = world.ledger.halts()
    asleep = tuple(halts[mapping.name] for mapping in mappings if mapping.name in halts)
    return tuple(mapping for mapping in mappings if mapping.name not in halts), asleep


def refuse_halted(world: World, mappings: Sequence[Declared]) -> None:
    """Raises `Stopped` (exit 2) where one of them is halted."""
    _, asleep = awake(world, mappings)
    if asleep:
        raise Stopped(2, *map(worded, asleep))


def worded(halt: Halt) -> Finding:
    message = f"{halt.mapping} is halted since run {halt.run}: {halt.why}; no run touches it"
    return Finding("run/halted", message, f"see crmsync dlq list, then: crmsync resume -s {halt.mapping}")


def resume(world: World, mappings: Sequence[Declared], who: str) -> tuple[Halt, ...]:
    """Let runs take them up again; the halts that end."""
    _, asleep = awake(world, mappings)
    if asleep:
        with world.writing() as ledger:
            ledger.resume([halt.mapping for halt in asleep], who, utc_now())
    return asleep
