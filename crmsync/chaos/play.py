"""What happens in one story? Rounds of edits, a run under faults until it goes through, and calm to look around."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from crmsync.chaos.door import FAULTS
from crmsync.chaos.lab import ACCIDENTS, Lab
from crmsync.chaos.project import Spec
from crmsync.chaos.promises import (
    a_delta_leaves_nothing,
    a_listing_is_whole,
    a_second_run_is_silent,
    absence_is_not_deletion,
    all_is_settled,
    apply_does_what_the_plan_says,
    breakers_trip_first,
    one_listing_deletes_nothing,
)
from crmsync.chaos.story import Story
from crmsync.connectors.base import Connection
from crmsync.core.model import System

ALL: Final = frozenset({*FAULTS, *ACCIDENTS})
FEWEST: Final = 24  # customers: a breaker has a floor of 20 records


@dataclass(frozen=True, slots=True)
class Script:
    """`records` are customers to begin with; the same seed is the same story."""

    seed: int = 0
    rounds: int = 5
    records: int = 40
    faults: frozenset[str] = ALL


def play(
    root: Path,
    system: Spec,
    script: Script,
    tell: Callable[[str], None] = lambda _: None,
    connect: Callable[[System], Connection] | None = None,
) -> Lab:
    """The whole story in the empty folder `root`. `system` declares the system under test as `crmsync.yaml` would;
    `connect` opens it, where its connector is not installed. Gives what was done and kept, or raises Broken, and
    Refused for a system that cannot be tested."""
    lab = Lab(root, system, Random(script.seed), script.faults, tell, connect)
    try:
        _play(lab, script.rounds, max(script.records, FEWEST))
    finally:
        lab.close()
    return lab


def _play(lab: Lab, rounds: int, records: int) -> None:
    story = Story(lab, lab.random)
    lab.tell(f"first load of {records} customers")
    story.fill(records)
    story.did.clear()
    a_listing_is_whole(story)
    lab.until_through("batch", first_load=True)
    _look_around(story)
    for number in range(1, rounds + 1):
        _round(story, number)
    lab.tell("listings that lie")
    absence_is_not_deletion(story)
    _look_around(story)
    lab.tell("a mistake")
    breakers_trip_first(story)
    _look_around(story)


def _round(story: Story, number: int) -> None:
    lab, mode = story.lab, story.random.choice(("batch", "delta"))
    story.mend_some()
    story.delete_some()
    story.edit_some(max(2, len(story.things) // 8))
    story.new_customer()
    story.new_initiation(0)
    story.new_initiation(1)
    story.break_one()
    did = ", ".join(f"{name} {times}" for name, times in sorted(story.did.items()))
    lab.tell(
        f"round {number}: people {did}; {len(story.conflicts())} conflicts, {len([*story.letters()])} broken records"
    )
    story.did.clear()
    a_listing_is_whole(story)
    one_listing_deletes_nothing(lab)
    if number % 3 == 0:
        lab.tell("  a plan, a record that moves, and apply")
        apply_does_what_the_plan_says(story)
    lab.until_through(mode)
    if mode == "delta":
        a_delta_leaves_nothing(lab)
    _look_around(story)


def _look_around(story: Story) -> None:
    """In calm: everything is as it must be, and stays so."""
    before = story.lab.effects()
    all_is_settled(story)
    a_second_run_is_silent(story.lab)
    done = Counter(type(each.write).__name__.lower() for each in story.lab.written[before:])
    counts = ", ".join(f"{number} {kind}" for kind, number in sorted(done.items())) or "nothing"
    story.lab.tell(f"  in calm: {counts} left to write; {len(story.things)} things are as they must be")
