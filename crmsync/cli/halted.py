"""Which mappings has a run halted, and who takes them up again? resume."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from crmsync.cli import render
from crmsync.cli.flags import Settings, global_flags, select_flag
from crmsync.core.model import SIDES, Json, Mapping

if TYPE_CHECKING:
    from crmsync.core.model import Finding
    from crmsync.ledger.nouns import Halt
    from crmsync.run.report import Report


def halted(report: Report) -> list[Finding]:
    """What a run says of the mappings that it has left out, or halted itself."""
    from crmsync.run.halted import worded

    return [worded(each) for each in report.halted]


def flags_told(mapping: Mapping, halt: Halt | None) -> Iterator[str]:
    """What is special about how a mapping runs."""
    from crmsync.core.plan.rollout import words

    if mapping.shadow:
        yield f"in the shadow: nothing is written; crmsync shadow -s {mapping.name} compares"
    if mapping.rollout:
        yield f"rollout: {words(mapping, mapping.rollout)}"
    if halt:
        yield f"halted since run {halt.run}: {halt.why}; crmsync resume -s {mapping.name}"


def flags_json(mapping: Mapping, halt: Halt | None) -> Json:
    rollout = mapping.rollout
    sides = [mapping.ends[side].name for side in SIDES]
    select = {name: text for name, text in zip(sides, rollout.select, strict=True) if text} if rollout else {}
    share = {"percent": rollout.percent} if rollout and rollout.percent is not None else {}
    return {
        "shadow": mapping.shadow,
        "rollout": {**share, **select} if rollout else None,
        "halted": {"run": halt.run, "at": halt.at, "why": halt.why} if halt else None,
    }


@click.command()
@select_flag
@global_flags
def resume(settings: Settings, select: tuple[str, ...]) -> None:
    """Take up a mapping that a run has halted.

    A mapping with a budget of errors (limits.errors) halts when more of its writes fail than that allows: no run
    touches it until somebody has looked at what failed. Without --select all that are halted.

    \b
      crmsync dlq list
      crmsync resume -s account-customer
    """
    from crmsync.run.halted import resume as resuming
    from crmsync.run.selected import selected

    with settings.world() as world:
        mappings = selected(world, select)
        ended = resuming(world, mappings, getpass.getuser())
    if settings.json:
        told = [{"mapping": each.mapping, "run": each.run, "at": each.at, "why": each.why} for each in ended]
        render.json({"resumed": told, "exit": 0})
        return
    for each in ended:
        render.say(f"{each.mapping} is taken up again; run {each.run} had halted it: {each.why}")
    if not ended:
        names = ", ".join(each.name for each in mappings) if select else "no mapping"
        render.say(f"nothing to resume: {names} is {'not ' if select else ''}halted")


COMMANDS = (resume,)
