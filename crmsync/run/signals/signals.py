"""How well does a project do right now? Read from the ledger: what runs have left there, and what still waits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from crmsync.core.model import SIDES, Both, Json, Side
from crmsync.core.model import Mapping as Declared
from crmsync.core.signals import (
    Facts,
    MappingSignals,
    Measured,
    Memory,
    SideFacts,
    Signals,
    age,
    mapping_signals,
    measured_of,
)
from crmsync.ledger import signals as kept
from crmsync.ledger.nouns import Counts, Run
from crmsync.ledger.store import Ledger
from crmsync.run.world import World

LAST_RUNS: Final = 200  # how far back the last run of a mapping is looked for
NOTHING: Final = Counts(0, 0, 0, ({}, {}))


def signals_of(
    world: World, mappings: Sequence[Declared], now: str, counts: Mapping[str, Counts] | None = None
) -> Signals:
    """The signals of these mappings, as of `now`. `counts`: by mapping, where they were counted already, which takes
    about a second for a million records. Raises LedgerUnreachable."""
    ledger = world.ledger
    good = kept.last_good(ledger)
    found = _facts(ledger, mappings, good, ledger.counts() if counts is None else counts)
    names = [mapping.name for mapping in mappings]
    signals = Signals(
        name_of(world.project.root), now, tuple(_measured(mapping, found[mapping.name], now) for mapping in mappings),
        runs_by_exit(ledger),
        last_success_age=age(max((good[name] for name in names if name in good), default=None), now),
    )  # fmt: skip
    return with_failures(signals, kept.memories(ledger, "recovery").values())


def runs_by_exit(ledger: Ledger) -> Mapping[int, int]:
    return {code: ending.n for code, ending in kept.endings_of(ledger).items()}


def with_failures(signals: Signals, told: Collection[Memory]) -> Signals:
    """What is remembered of failures: how long one lasts, how long the last one took to pass."""
    return replace(signals, time_to_recover=_took(told), failing=_failing(told, signals.at))


def name_of(root: str | Path) -> str:
    """What a project is called: by its folder."""
    return Path(root).resolve().name


def _measured(mapping: Declared, facts: Facts, now: str) -> MappingSignals:
    first, second = ((end.name, f"{end.system}.{end.entity}") for end in mapping.ends)
    return mapping_signals(mapping.name, (first, second), facts, now)


def _facts(
    ledger: Ledger, mappings: Sequence[Declared], good: Mapping[str, str], counts: Mapping[str, Counts]
) -> dict[str, Facts]:
    runs, waits, doubles = ledger.runs(LAST_RUNS), kept.oldest(ledger), kept.duplicates(ledger)
    found = {}
    for mapping in mappings:
        name = mapping.name
        counted, mine = counts.get(name, NOTHING), [run for run in runs if name in (run.selected or ())]
        fields = kept.filled(ledger, name, counted.live_links)
        sides = [
            SideFacts(counted.buckets[at], _placed(mapping, at, fields[at]), *doubles.get((name, at), (0, 0)))
            for at in SIDES
        ]
        review, letter = waits.get(name, (None, None))
        last = mine[0] if mine else None
        tally, measured = _tallied(mapping, mine)
        found[name] = Facts(
            (sides[0], sides[1]), counted.live_links, counted.open_reviews, review, counted.open_dead, letter,
            last.id if last else None, last.exit if last else None, last.ended if last else None, good.get(name),
            tally, measured,
        )  # fmt: skip
    return found


def _placed(mapping: Declared, side: Side, fields: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Those that have a place on this side."""
    names = {field.name for field in mapping.fields if field.paths[side] is not None}
    return {name: counted for name, counted in fields.items() if name in names}


def _tallied(mapping: Declared, runs: Sequence[Run]) -> tuple[Json, Both[Measured]]:
    """What the newest of these runs counted that has counted anything."""
    for run in runs:
        summary = run.summary if isinstance(run.summary, dict) else {}
        if tally := summary.get("mappings", {}).get(mapping.name):
            written = summary.get("measured", {}).get(mapping.name, {})
            return tally, (_of(mapping, written, 0), _of(mapping, written, 1))
    return None, (Measured(), Measured())


def _of(mapping: Declared, written: Mapping[str, Json], side: Side) -> Measured:
    return measured_of(written.get(mapping.ends[side].name))


def _took(told: Collection[Memory]) -> float | None:
    """Of the failure that passed last."""
    ended = [(each.ended, each.took) for each in told if each.took is not None]
    return max(ended)[1] if ended else None


def _failing(told: Collection[Memory], now: str) -> float | None:
    """Since the oldest failure that stands."""
    since = [each.since for each in told if each.standing]
    return age(min(since, default=None), now)
