"""How are signals written for Prometheus? In its text format, into a file that a collector picks up.

Everything is a gauge of how it is now, or of the last run (`crmsync_last_run_*`); only `crmsync_runs_total` counts up.
Labels are names out of the project's own files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final, Literal, TypeAlias

from crmsync.core.signals import CALLS, OUTCOMES, MappingSignals, SideSignals, Signals

Labels: TypeAlias = tuple[tuple[str, str], ...]
Sample: TypeAlias = tuple[Labels, float | None]
MODE: Final = 0o644  # the collector is somebody else


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    type: Literal["gauge", "counter"]
    help: str
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The run that ended last. Times are in seconds since 1970; `seconds`: how long it took; `tried`: when a run was
    last tried, also one that only found another one at work. None where there was none yet."""

    exit: int | None
    at: float | None
    seconds: float | None
    tried: float


def exposition(signals: Signals, ended: Ended) -> str:
    """The text format 0.0.4: what cannot be known has no sample, what has no sample is not named."""
    return "".join(line for metric in _metrics(signals, ended) for line in _lines(metric))


def write_exposition(path: Path, text: str) -> None:
    """Whoever reads meanwhile sees the old file or the new one. Raises OSError."""
    with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), MODE)
            Path(file.name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(file.name).unlink()
            raise


def _lines(metric: Metric) -> Iterator[str]:
    samples = [(labels, value) for labels, value in metric.samples if value is not None]
    if not samples:
        return
    yield f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {metric.type}\n"
    for labels, value in samples:
        shown = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels)
        yield f"{metric.name}{{{shown}}} {_number(value)}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(round(value, 6))


def _metrics(signals: Signals, ended: Ended) -> Iterator[Metric]:
    project = (("project", signals.project),)
    own = (
        ended.exit, ended.at, ended.seconds, ended.tried,
        signals.last_success_age, signals.failing, signals.time_to_recover,
    )  # fmt: skip
    for (name, about), value in zip(PROJECT.items(), own, strict=True):
        yield Metric(f"crmsync_{name}", "gauge", about, ((project, value),))
    runs = tuple(((*project, ("exit", str(code))), float(n)) for code, n in sorted(signals.runs.items()))
    yield Metric(f"crmsync_{RUNS}", "counter", "Runs, by exit code.", runs)
    yield from (_of_mappings(name, about, signals, project) for name, about in MAPPING.items())
    for metric, (about, label) in SIDE.items():
        samples = _of_sides(metric, label, signals, project)
        yield Metric(f"crmsync_{metric}", "gauge", about, tuple(samples))


RUNS: Final = "runs_total"
PROJECT: Final = {
    "last_run_exit_code": "Exit code of the run that ended last.",
    "last_run_end_timestamp_seconds": "When the last run ended.",
    "last_run_duration_seconds": "How long the last run took.",
    "last_try_timestamp_seconds": "When a run was last tried, also while another one was at work.",
    "last_success_age_seconds": "Since the last run that came to its end.",
    "failing_seconds": "For how long runs have been failing; not there when they do not.",
    "time_to_recover_seconds": "How long the last failure took to pass.",
}
MAPPING: Final = {
    "links": "Live links.",
    "convergence_ratio": "Share of the records in scope that say what their counterpart says.",
    "error_ratio": "Share of the records read by the last run that were rejected or failed.",
    "retry_ratio": "Share of the calls of the last run that were tried again.",
    "open_reviews": "Questions that wait for a person.",
    "oldest_review_age_seconds": "Age of the oldest of them.",
    "open_dead_letters": "Records that wait for a mend.",
    "oldest_dead_letter_age_seconds": "Age of the oldest of them.",
    "mapping_last_success_age_seconds": "Since the last run of the mapping that came to its end.",
}
SIDE: Final = {
    "records": ("Records that the ledger remembers, by bucket.", "bucket"),
    "last_run_records_read": ("Records that the last run read.", ""),
    "last_run_records": ("Records that the last run read, by bucket.", "bucket"),
    "last_run_actions": ("Writes that the last run has done, by kind.", "action"),
    "last_run_writes": ("Writes of the last run that were answered, by outcome.", "outcome"),
    "last_run_retries": ("How often the last run tried a call again.", ""),
    "last_run_calls": ("Calls of the last run, by kind.", "call"),
    "last_run_failed_calls": ("Calls of the last run that failed, by kind.", "call"),
    "last_run_call_duration_seconds": ("Time that the calls of the last run took, by kind.", "call"),
    "last_run_call_duration_max_seconds": ("The longest call of the last run, by kind.", "call"),
    "completeness_ratio": ("Share of the linked records in which a field has a value.", "field"),
    "duplicate_ratio": ("Share of the records that are, or may be, another one of the same side.", ""),
}


def _of_mappings(name: str, about: str, signals: Signals, project: Labels) -> Metric:
    samples = (((*project, ("mapping", each.name)), _mapping_value(each, name)) for each in signals.mappings)
    return Metric(f"crmsync_{name}", "gauge", about, tuple(samples))


def _mapping_value(each: MappingSignals, name: str) -> float | None:
    found: Mapping[str, float | None] = {
        "links": each.links,
        "convergence_ratio": each.convergence,
        "error_ratio": each.error_rate,
        "retry_ratio": each.retry_rate,
        "open_reviews": each.open_reviews,
        "oldest_review_age_seconds": each.oldest_review,
        "open_dead_letters": each.open_dead_letters,
        "oldest_dead_letter_age_seconds": each.oldest_dead_letter,
        "mapping_last_success_age_seconds": each.last_success_age,
    }
    return found[name]


def _of_sides(metric: str, label: str, signals: Signals, project: Labels) -> Iterator[Sample]:
    for mapping in signals.mappings:
        for side in mapping.sides:
            own = (*project, ("mapping", mapping.name), ("side", side.name), ("entity", side.entity))
            for value, number in _side_values(side, metric):
                yield (*own, (label, value)) if label else own, number


def _side_values(side: SideSignals, metric: str) -> Iterable[tuple[str, float | None]]:
    calls = side.measured.calls
    ran = side.read is not None
    found: Mapping[str, Iterable[tuple[str, float | None]]] = {
        "records": side.known.items(),
        "last_run_records_read": [("", side.read)],
        "last_run_records": side.buckets.items() if ran else (),
        "last_run_actions": side.actions.items() if ran else (),
        "last_run_writes": [(each, side.measured.outcomes.get(each, 0)) for each in OUTCOMES] if ran else (),
        "last_run_retries": [("", side.measured.retries)] if ran else (),
        "last_run_calls": [(each, calls[each].count) for each in CALLS if each in calls],
        "last_run_failed_calls": [(each, calls[each].failed) for each in CALLS if each in calls],
        "last_run_call_duration_seconds": [(each, calls[each].seconds) for each in CALLS if each in calls],
        "last_run_call_duration_max_seconds": [(each, calls[each].longest) for each in CALLS if each in calls],
        "completeness_ratio": side.completeness.items(),
        "duplicate_ratio": [("", side.duplicate_rate)],
    }
    return found[metric]
