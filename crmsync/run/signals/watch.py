"""What happens when a run has ended? Signals are taken, written and sent, and people are told what they asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from crmsync.core.model import Finding, Json
from crmsync.core.signals import (
    FAILED,
    JUDGED,
    LOCKED,
    Channel,
    Condition,
    Memory,
    Signals,
    concerning,
    due,
    fell,
    judge,
    remembered,
    signals_json,
)
from crmsync.ledger import signals as kept
from crmsync.ledger.lock import held_by
from crmsync.ledger.nouns import LedgerError
from crmsync.ledger.store import Ledger
from crmsync.project.signals import Watch
from crmsync.run.locking import NAME
from crmsync.run.signals.alerts import Told, channels, deliver
from crmsync.run.signals.meter import Fact
from crmsync.run.signals.prometheus import Ended, exposition, write_exposition
from crmsync.run.signals.signals import signals_of, with_failures
from crmsync.run.signals.spans import Trace, otlp, send_spans, spans_of
from crmsync.run.trace import parent_of
from crmsync.run.world import World, utc_now

HIDDEN: Final = "***"
SHORTEST: Final = 4  # characters of a secret that is looked for in texts: shorter ones are in any text


@dataclass(frozen=True, slots=True)
class End:
    """How a command ended. `scope`: the kind of run; `began` in seconds since 1970; `names`: the mappings that it was
    about, as far as it came; `halted`: those that it left out, or has halted itself."""

    command: str
    scope: str
    run: str
    trace: str
    exit: int
    findings: tuple[Finding, ...]
    began: float
    seconds: float
    names: tuple[str, ...]
    halted: tuple[str, ...] = ()


def tell_all(watch: Watch, world: World | None, end: End, environment: Mapping[str, str]) -> list[Finding]:
    """Everybody who looks on is told; the warnings say who could not be. `world` None: the project could not be
    opened. Of a run that found the lock held nothing is told, unless that lock is too old."""
    now = utc_now()
    with _ledger(watch, world) as ledger:
        if end.exit == LOCKED:
            return [*_alert(watch, ledger, end, Signals(watch.project, now))] if _is_stuck(watch, ledger, now) else []
        signals = _signals(watch, world, now)
        return [
            *_alert(watch, ledger, end, signals),
            *_prometheus(watch, _with_this_run(ledger, signals), end),
            *_otel(watch, world, end, environment),
        ]


@contextmanager
def _ledger(watch: Watch, world: World | None) -> Iterator[Ledger | None]:
    """Of a project with errors the ledger may be there all the same; None: it cannot be reached."""
    if world is not None:
        yield world.ledger
        return
    try:
        ledger = Ledger.open(watch.ledger, create=False)
    except LedgerError:
        yield None
        return
    try:
        yield ledger
    finally:
        ledger.close()


def _signals(watch: Watch, world: World | None, now: str) -> Signals:
    nothing = Signals(watch.project, now)
    if world is None or not watch.is_asked:
        return nothing
    try:
        return signals_of(world, [each for each in world.project.mappings if each.enabled], now)
    except LedgerError:  # the run itself has met that, and says so
        return nothing


def _with_this_run(ledger: Ledger | None, signals: Signals) -> Signals:
    """For the signals were taken before it was remembered whether this run failed, or ended a failure."""
    try:
        return signals if ledger is None else with_failures(ledger, signals)
    except LedgerError:
        return signals


def _is_stuck(watch: Watch, ledger: Ledger | None, now: str) -> bool:
    held = held_by(ledger, NAME) if ledger else None
    since = datetime.fromisoformat(held.taken) if held else None
    return since is not None and (datetime.fromisoformat(now) - since).total_seconds() > watch.lock_age


# Files and spans ----------------------------------------------------------------------------------------------------


def _prometheus(watch: Watch, signals: Signals, end: End) -> Iterator[Finding]:
    if watch.prometheus is None:
        return
    text = exposition(signals, Ended(end.exit, end.began + end.seconds, end.seconds))
    try:
        write_exposition(watch.prometheus, text)
    except OSError as error:
        message = f"signals.prometheus could not be written: {error.strerror}"
        yield Finding("signals/prometheus", message, "make its folder, or mend its rights", "warning")


def _otel(watch: Watch, world: World | None, end: End, environment: Mapping[str, str]) -> Iterator[Finding]:
    if watch.otel is None:
        return
    facts: dict[str, Fact] = {"crmsync.command": end.command, "crmsync.run": end.run, "crmsync.exit": end.exit}
    failed = end.exit in FAILED
    trace = Trace(
        end.trace, parent_of(environment), f"crmsync {end.command}", end.began, end.seconds, failed, facts
    )  # fmt: skip
    try:
        spans = spans_of(trace, world.meter.spans if world else (), watch.project)
        if not send_spans(otlp(watch.otel, watch.timeout), spans):
            message = "signals.otel did not take the spans of this run"
            yield Finding("signals/otel", message, "look at its endpoint; they are not sent again", "warning")
    except ImportError:
        message = "signals.otel needs packages that are not there"
        yield Finding("signals/otel", message, "pip install 'crmsync[otel]'", "warning")


# Alerts ---------------------------------------------------------------------------------------------------------------


def _alert(watch: Watch, ledger: Ledger | None, end: End, signals: Signals) -> Iterator[Finding]:
    """Whoever is due is told. What a ledger that cannot be reached would remember is told every time."""
    if end.exit not in JUDGED and end.exit != LOCKED:
        return
    told, before = _remembered(ledger)
    condition = _condition(watch, end, signals, before)
    changed: dict[tuple[str, str], Memory] = {}
    for scope, channel, here in _concerned(watch, told, end, condition):
        memory = told.get((scope, channel), Memory())
        news, warning = _tell(watch, channel, here, memory, end, signals)
        if warning:
            yield warning
        if news != memory:
            changed[scope, channel] = news
    lower = _references(watch, end, signals, before)
    if ledger is not None and (changed or lower):
        try:
            kept.save_alerts(ledger, changed, lower)
        except LedgerError as error:
            message = f"who was told of this run could not be remembered: {error}"
            yield Finding("signals/forgotten", message, "the next run may tell them again", "warning")


_MEASURES: Final[tuple[Channel, ...]] = ("recovery",)
_WHOLE: Final = ("run batch", "run delta")  # scopes of all mappings and all their records


def _concerned(
    watch: Watch, told: Mapping[tuple[str, str], Memory], end: End, condition: Condition | None
) -> Iterator[tuple[str, Channel, Condition | None]]:
    """Each channel in this scope. A run of everything that came to its end also ends the failures of runs of a part."""
    everyone = (*channels(watch), *_MEASURES)
    yield from ((end.scope, channel, condition) for channel in everyone)
    if end.scope not in _WHOLE or end.exit in FAILED or end.exit == LOCKED or end.halted:
        return
    parts = sorted({scope for scope, _ in told if scope.startswith(f"{end.scope} ")})
    for scope in parts:
        for channel in everyone:
            standing = told.get((scope, channel), Memory()).standing
            if standing and standing.kind == "failure":
                yield scope, channel, None


def _remembered(ledger: Ledger | None) -> tuple[Mapping[tuple[str, str], Memory], Mapping[str, float]]:
    try:
        return ({}, {}) if ledger is None else (kept.memories(ledger), kept.references(ledger))
    except LedgerError:
        return {}, {}


def _condition(watch: Watch, end: End, signals: Signals, before: Mapping[str, float]) -> Condition | None:
    if end.exit == LOCKED:
        return Condition("failure", ("ledger/locked",))
    if end.halted:  # until a person resumes them, however the rest goes
        return Condition("failure", tuple(f"{name}: halted" for name in end.halted))
    rules = [finding.rule for finding in end.findings if finding.severity == "error"]
    return judge(end.exit, rules, signals, end.names, watch.thresholds, before)


def _tell(
    watch: Watch, channel: Channel, condition: Condition | None, memory: Memory, end: End, signals: Signals
) -> tuple[Memory, Finding | None]:
    concerned = concerning(channel, condition, memory)
    alert = due(memory, concerned, signals.at, watch.coalesce)
    warning = None
    if alert is not None:
        told = Told(end.run, end.trace, end.exit, _body(watch, end, signals), time.time)
        warning = deliver(watch, channel, alert, told)
    return remembered(memory, concerned, alert, signals.at, watch.coalesce, reached=warning is None), warning


def _references(watch: Watch, end: End, signals: Signals, before: Mapping[str, float]) -> dict[str, float]:
    """What the convergence of later runs is compared with: that of now, or that from before it fell."""
    drop = watch.thresholds.convergence_drop
    now = {each.name: each.convergence for each in signals.mappings if each.name in end.names}
    return {
        name: value
        for name, value in now.items()
        if value is not None and value != before.get(name) and not fell(value, before.get(name), drop)
    }


def _body(watch: Watch, end: End, signals: Signals) -> Json:
    """What a command reads and a webhook gets."""
    return {
        "project": watch.project,
        "command": end.command,
        "scope": end.scope,
        "run": end.run or None,
        "trace": end.trace,
        "exit": end.exit,
        "findings": [_finding(watch, each) for each in end.findings],
        "signals": signals_json(signals),
    }


def _finding(watch: Watch, finding: Finding) -> Json:
    """Without the record that it is about."""
    texts = {"message": finding.message, "mend": finding.mend, "at": str(finding.at) if finding.at else ""}
    shown = {name: _hidden(watch, text) for name, text in texts.items()}
    return {"rule": finding.rule, "severity": finding.severity, **shown}


def _hidden(watch: Watch, text: str) -> str:
    for secret in sorted(watch.secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST:
            text = text.replace(secret, HIDDEN)
    return text
