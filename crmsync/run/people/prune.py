"""What is kept for longer than the project file says under `retention`, and goes?"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from crmsync.core.model import Finding
from crmsync.ledger.nouns import NewAudit, Run
from crmsync.run.rehearse.tape import ENDING, INPUTS
from crmsync.run.world import Stopped, World, utc_now

PRUNED: Final = "retention"  # the event of rows that went because they were old
_DAYS: Final = {"d": 1, "w": 7}
_MONTHS: Final = {"m": 1, "y": 12}


@dataclass(frozen=True, slots=True)
class Pruned:
    """What is older than `period`, which ends at `before` (UTC ISO 8601): how many."""

    what: str
    period: str
    before: str
    number: int


def cut_off(period: str, now: datetime) -> datetime:
    """When a period such as 90d, 6w, 18m or 3y began that ends now. A month before the 31st is the last of that month.
    Raises KeyError for another unit: the project file's check has seen it before."""
    number, unit = int(period[:-1]), period[-1]
    if unit in _DAYS:
        return now - timedelta(days=number * _DAYS[unit])
    months = now.year * 12 + now.month - 1 - number * _MONTHS[unit]
    year, month = divmod(months, 12)
    return now.replace(year=year, month=month + 1, day=min(now.day, calendar.monthrange(year, month + 1)[1]))


def old(world: World) -> list[Pruned]:
    """What there is to be pruned, by the names in `retention`. Changes nothing."""
    return [
        Pruned(what, period, before, _old(world, what, before)) for what, period, before in _periods(world, utc_now())
    ]


def prune(world: World, who: str) -> list[Pruned]:
    """It goes for good. The caller holds the lock."""
    now, done = utc_now(), []
    for what, period, before in _periods(world, now):
        number = _drop(world, what, before, who, now)
        done.append(Pruned(what, period, before, number))
    with world.effect("compact"):
        world.ledger.compact()
    return done


def refuse_without_journal(world: World, run: Run) -> None:
    """Raises `Stopped` (exit 2) for a run that wrote something of which no line is left."""
    if wrote_what_is_gone(world, run):
        message = (
            f"nothing is known any more of what run {run.id} wrote: its journal was pruned, or all of it forgotten"
        )
        raise Stopped(2, Finding("usage/no-journal", message, "retention: says how long journals are kept"))


def wrote_what_is_gone(world: World, run: Run) -> bool:
    """Did a run write something, and has no line of it left?"""
    tallies = run.summary.get("mappings", {}).values() if isinstance(run.summary, dict) else ()
    wrote = any(sum(kinds.values()) for tally in tallies for kinds in tally.get("actions", {}).values())
    return wrote and next(iter(world.ledger.journal(run.id)), None) is None


def _periods(world: World, now: str) -> Iterator[tuple[str, str, str]]:
    """What runs would take with them is counted by itself, before."""
    for what, period in sorted(world.project.retention.items(), key=lambda each: (each[0] == "runs", each[0])):
        yield what, period, cut_off(period, datetime.fromisoformat(now)).isoformat(timespec="milliseconds")


def _old(world: World, what: str, before: str) -> int:
    return len(_inputs(world, before)) if what == "inputs" else world.ledger.old(what, before)


def _drop(world: World, what: str, before: str, who: str, now: str) -> int:
    if what == "inputs":
        return _drop_inputs(world, before)
    with world.writing() as ledger:
        if what == "audit":
            return ledger.prune_told(before, who, now)
        number = ledger.drop_old(what, before)
        if number:
            ledger.audit([NewAudit(PRUNED, None, None, (), {"what": what, "rows": number}, who, None, now)])
        return number


def _drop_inputs(world: World, before: str) -> int:
    files = _inputs(world, before)
    with world.effect("files"):
        for each in files:
            each.unlink()
    return len(files)


def _inputs(world: World, before: str) -> list[Path]:
    """The recordings of runs that were made before; each is called by its run, whose name begins with its time."""
    folder = Path(world.project.root) / INPUTS
    day = before[:19].replace("-", "").replace(":", "")
    return [each for each in sorted(folder.glob(f"*{ENDING}")) if each.name[: len(day)] < day]
