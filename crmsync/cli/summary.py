"""What became of everything that was read? One mapping after the other, then the sum and the next step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from crmsync.cli import render
from crmsync.core.model import BUCKETS, SIDES, Json, Kind

if TYPE_CHECKING:
    from crmsync.run.report import Recovered, Report, Tally

WORDS: dict[str, tuple[str, str]] = {
    "create": ("create", "created"),
    "update": ("update", "updated"),
    "archive": ("archive", "archived"),
    "delete": ("delete", "deleted"),
}


def report_json(report: Report, code: int) -> dict[str, Json]:
    """The one object of `--output json`."""
    return {**report.to_json(), "run": report.run or None, "exit": code}


def show_report(report: Report, *, planned: bool = False) -> None:
    for line in taken_up(report.recovered):
        render.say(line)
    for name, tally in report.mappings.items():
        render.say(name)
        _table(tally)
        render.say(f"  {_actions(tally, planned)}")
        for line in _why(tally):
            render.say(f"  {line}")
        render.say()
    render.say(_total(report, planned))
    for line in _next(report):
        render.say(line)


def taken_up(found: Recovered) -> Iterator[str]:
    """What was found out about the writes of a run that had died."""
    if found.runs:
        yield f"{render.count(len(found.runs), 'run')} had died before its end: {', '.join(found.runs)}"
    if found.writes:
        told = ", ".join(f"{number} {what}" for what, number in sorted(found.writes.items()))
        yield f"writes that were sent and never answered: {told}"


def _table(tally: Tally) -> None:
    rows = [
        (f"  {tally.sides[side]}", tally.read[side], *(tally.buckets[side].get(name, 0) for name in BUCKETS))
        for side in SIDES
    ]
    head = ("", "read", *(name.replace("_", " ") for name in BUCKETS))
    render.table(head, rows, right=range(1, len(head)))


def _actions(tally: Tally, planned: bool) -> str:
    """`created 612, updated 31 (4 reverts) in pm; linked 143`."""
    sides = [(tally.sides[side], _counted(tally.actions[side], planned)) for side in SIDES]
    parts = [f"{', '.join(words)} in {side}" for side, words in sides if words]
    for side, would in zip(tally.sides, tally.shadow or (), strict=False):
        if words := _counted(would, planned=True):
            parts.append(f"shadow: would {', '.join(words)} in {side}")
    if tally.links:
        parts.append(f"{'link' if planned else 'linked'} {tally.links}")
    return "; ".join(parts) if parts else "nothing to write" if planned else "nothing was written"


def _counted(actions: Mapping[Kind, int], planned: bool) -> list[str]:
    reverts = actions.get("revert", 0)
    counts = {**actions, "update": actions.get("update", 0) + reverts}
    words = []
    for kind, (future, past) in WORDS.items():
        number = counts.get(kind, 0)  # type: ignore[call-overload]  # WORDS has kinds only
        if number:
            taken_back = f" ({render.count(reverts, 'revert')})" if kind == "update" and reverts else ""
            words.append(f"{future if planned else past} {number}{taken_back}")
    return words


def _why(tally: Tally) -> Iterator[str]:
    for why in tally.why:
        rule = f"{why.rule}, " if why.rule else ""
        yield f"{why.bucket}: {rule}{render.times(why.count)}, such as {why.example}: {why.message}"
    for rule, number in sorted(tally.warned.items()):
        yield f"warned: {rule}, {render.times(number)}"


def _total(report: Report, planned: bool) -> str:
    read = sum(sum(tally.read) for tally in report.mappings.values())
    verb = "to write" if planned else "written"
    holds = sum(tally.open_holds for tally in report.mappings.values())
    waiting = f"; {render.count(holds, 'question')} open" if holds else ""
    return f"{render.count(read, 'record')} read, {render.count(report.writes, 'change')} {verb}{waiting}"


def _next(report: Report) -> Iterator[str]:
    """What a person would type now."""
    tallies = report.mappings.values()
    if report.stopped:
        yield "stopped by a signal before it was through; run again to go on"
    if any(tally.open_holds for tally in tallies):
        yield "next: crmsync review list"
    if any(side.get(bucket, 0) for tally in tallies for side in tally.buckets for bucket in ("rejected", "failed")):
        yield "next: crmsync dlq list"
