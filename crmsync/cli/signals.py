"""How do the signals of a project fit on one screen? A line a mapping."""

from __future__ import annotations

from typing import Final

from crmsync.cli import render
from crmsync.core.signals import MappingSignals, Signals

HEAD: Final = (
    "mapping", "last run", "exit", "links", "converge", "reviews", "oldest", "dead letters", "oldest", "errors",
    "duplicates",
)  # fmt: skip
UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60))


def show_signals(signals: Signals) -> None:
    render.table(HEAD, [_row(each) for each in signals.mappings], right=range(2, len(HEAD)))
    if signals.failing is not None:
        render.say(f"runs have been failing for {age(signals.failing)}; see: crmsync history")
    render.say()


def _row(each: MappingSignals) -> tuple[object, ...]:
    ago = "never" if each.last_run is None else "not ended" if each.last_run_age is None else age(each.last_run_age)
    doubled = [side.duplicate_rate for side in each.sides if side.duplicate_rate is not None]
    return (
        each.name, ago, "-" if each.last_exit is None else each.last_exit, each.links, percent(each.convergence),
        each.open_reviews, age(each.oldest_review), each.open_dead_letters, age(each.oldest_dead_letter),
        percent(each.error_rate), percent(max(doubled, default=None)),
    )  # fmt: skip


def age(seconds: float | None) -> str:
    """In the greatest unit that it has one of: `3d`, `5h`, `12m`, `40s`."""
    if seconds is None:
        return "-"
    unit, size = next(((unit, size) for unit, size in UNITS if seconds >= size), ("s", 1))
    return f"{int(seconds // size)}{unit}"


def percent(share: float | None) -> str:
    """Rounded down, so that only all of them are 100%."""
    return "-" if share is None else f"{int(share * 1000) / 10:g}%"
