"""What happens when a run has ended? Signals are taken, written and sent, and people are told what they asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, TypeAlias

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
from crmsync.ledger.endings import Ending
from crmsync.ledger.lock import held_by
from crmsync.ledger.nouns import LedgerError
from crmsync.ledger.store import Ledger
from crmsync.project.signals import Watch
from crmsync.run.locking import NAME
from crmsync.run.signals.alerts import Told, channels, deliver
from crmsync.run.signals.meter import Fact
from crmsync.run.signals.prometheus import Ended, exposition, write_exposition
from crmsync.run.signals.signals import runs_by_exit, signals_of, with_failures
from crmsync.run.signals.spans import Trace, otlp, send_spans, spans_of
from crmsync.run.trace import parent_of
from crmsync.run.world import World, utc_now

Memories: TypeAlias = dict[tuple[str, str], Memory]
"""By scope and channel, what it was told."""
Concerned: TypeAlias = tuple[str, Channel, Condition | None]
"""A channel in a scope, and what is wrong there."""

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
    opened. Nobody is alarmed by a run that found the lock held, unless that lock is too old."""
    now = utc_now()
    with _ledger(watch, world) as ledger:
        _count(ledger, end)
        alarming = end.exit in JUDGED or (end.exit == LOCKED and _is_stuck(watch, ledger, now))
        if end.exit == LOCKED and not (alarming or watch.prometheus):
            return []
        signals = _signals(watch, world, ledger, now)
        told, before = _remembered(ledger)
        concerned = tuple(_concerned(watch, told, end, _condition(watch, end, signals, before))) if alarming else ()
        measured = dict(_measured(watch, told, concerned, signals))
        signals = with_failures(signals, [each for (_, name), each in (told | measured).items() if name in _MEASURES])
        warnings, news = _alert(watch, told, concerned, end, signals)
        return [
            *warnings,
            *_keep(ledger, measured | news, _references(watch, end, signals, before) if alarming else {}),
            *_prometheus(watch, ledger, signals, end),
            *(_otel(watch, world, end, environment) if end.exit != LOCKED else ()),
        ]


def _count(ledger: Ledger | None, end: End) -> None:
    """Where the ledger can be reached; else nobody knows of this run."""
    began, ended = (_moment(seconds) for seconds in (end.began, end.began + end.seconds))
    if ledger is not None:
        with suppress(LedgerError):
            kept.count_end(ledger, end.run, end.exit, began, ended)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


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


def _signals(watch: Watch, world: World | None, ledger: Ledger | None, now: str) -> Signals:
    """As of now, so that this run is in them."""
    nothing = Signals(watch.project, now)
    if ledger is None or not watch.is_asked:
        return nothing
    try:
        if world is None:
            return replace(nothing, runs=runs_by_exit(ledger))
        return signals_of(world, [each for each in world.project.mappings if each.enabled], now)
    except LedgerError:  # the run itself has met that, and says so
        return nothing


def _is_stuck(watch: Watch, ledger: Ledger | None, now: str) -> bool:
    held = held_by(ledger, NAME) if ledger else None
    since = datetime.fromisoformat(held.taken) if held else None
    return since is not None and (datetime.fromisoformat(now) - since).total_seconds() > watch.lock_age


# Files and spans ----------------------------------------------------------------------------------------------------


def _prometheus(watch: Watch, ledger: Ledger | None, signals: Signals, end: End) -> Iterator[Finding]:
    if watch.prometheus is None:
        return
    text = exposition(signals, _ended(ledger, end))
    try:
        write_exposition(watch.prometheus, text)
    except OSError as error:
        message = f"signals.prometheus could not be written: {error.strerror}"
        yield Finding("signals/prometheus", message, "make its folder, or mend its rights", "warning")


def _ended(ledger: Ledger | None, end: End) -> Ended:
    """This run, or the last one before it, if it only found another one at work."""
    at = end.began + end.seconds
    if end.exit != LOCKED:
        return Ended(end.exit, at, end.seconds, at)
    known = [(each.ended, each.began, code) for code, each in _endings(ledger).items() if code != LOCKED]
    if not known:
        return Ended(None, None, None, at)
    *times, code = max(known)
    ended, began = (datetime.fromisoformat(each).timestamp() for each in times)
    return Ended(code, ended, ended - began, at)


def _endings(ledger: Ledger | None) -> Mapping[int, Ending]:
    try:
        return {} if ledger is None else kept.endings_of(ledger)
    except LedgerError:
        return {}


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
        if not send_spans(otlp(watch.otel, watch.timeout), spans, watch.timeout):
            message = "signals.otel did not take the spans of this run"
            yield Finding("signals/otel", message, "look at its endpoint; they are not sent again", "warning")
    except ImportError:
        message = "signals.otel needs packages that are not there"
        yield Finding("signals/otel", message, "pip install 'crmsync[otel]'", "warning")


# Alerts ---------------------------------------------------------------------------------------------------------------


def _alert(
    watch: Watch, told: Memories, concerned: Sequence[Concerned], end: End, signals: Signals
) -> tuple[list[Finding], Memories]:
    """Whoever is due is told; warnings, and what is to be remembered of it."""
    warnings: list[Finding] = []
    changed: Memories = {}
    for scope, channel, here in concerned:
        memory = told.get((scope, channel), Memory())
        if channel in _MEASURES:
            continue
        news, warning = _tell(watch, channel, here, memory, end, signals)
        if warning:
            warnings.append(warning)
        if news != memory:
            changed[scope, channel] = news
    return warnings, changed


def _keep(ledger: Ledger | None, changed: Memories, lower: Mapping[str, float]) -> Iterator[Finding]:
    """What a ledger that cannot be reached would remember is told every time."""
    if ledger is not None and (changed or lower):
        try:
            kept.save_alerts(ledger, changed, lower)
        except LedgerError as error:
            message = f"who was told of this run could not be remembered: {error}"
            yield Finding("signals/forgotten", message, "the next run may tell them again", "warning")


def _measured(
    watch: Watch, told: Memories, concerned: Sequence[Concerned], signals: Signals
) -> Iterator[tuple[tuple[str, str], Memory]]:
    """How long failures last, now that this run has ended."""
    for scope, channel, condition in concerned:
        if channel in _MEASURES:
            memory = told.get((scope, channel), Memory())
            here = concerning(channel, condition, memory)
            alert = due(memory, here, signals.at, watch.coalesce)
            news = remembered(memory, here, alert, signals.at, watch.coalesce, reached=True)
            if news != memory:
                yield (scope, channel), news


_MEASURES: Final[tuple[Channel, ...]] = ("recovery",)
_WHOLE: Final = ("run batch", "run delta")  # scopes of all mappings and all their records


def _concerned(watch: Watch, told: Memories, end: End, condition: Condition | None) -> Iterator[Concerned]:
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


def _remembered(ledger: Ledger | None) -> tuple[Memories, Mapping[str, float]]:
    try:
        return ({}, {}) if ledger is None else (dict(kept.memories(ledger)), kept.references(ledger))
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
