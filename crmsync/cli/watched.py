"""Who hears how a run ends? Whoever the project names under `signals:`, however it ends."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from crmsync.cli import log
from crmsync.cli.ends import ending, is_mistake
from crmsync.cli.flags import Settings
from crmsync.core.model import Finding, Json
from crmsync.core.signals import LOCKED

if TYPE_CHECKING:
    from crmsync.project import Loaded
    from crmsync.run.report import Report
    from crmsync.run.world import World


@dataclass
class Seen:
    """What is known so far of a command that is watched."""

    settings: Settings
    loaded: Loaded
    command: str
    scope: str
    run: str = ""
    report: Report | None = None
    opened: World | None = None
    began: float = field(default_factory=time.time)
    started: float = field(default_factory=time.perf_counter)

    @property
    def world(self) -> World:
        assert self.opened is not None  # inside of `watched`
        return self.opened

    def doing(self, work: Callable[[str], Report]) -> Callable[[str], Report]:
        """The same work, and we know its run and its report."""

        def watched_work(run_id: str) -> Report:
            self.run = run_id
            self.world.meter.tell = partial(log.detail, self.settings, run=run_id)
            self.report = work(run_id)
            for name, told in _mappings(self.report).items():
                log.detail(self.settings, "mapping ended", run=run_id, mapping=name, **told)
            return self.report

        return watched_work

    def tell(self, code: int, findings: tuple[Finding, ...]) -> None:
        """Everybody who wants to know; what could not be told is a warning, and changes nothing."""
        from crmsync.run.signals.watch import End, tell_all

        if self.report is None and code != LOCKED:
            log.detail(self.settings, "run ended", run=self.run, exit=code)
        end = End(
            self.command, self.scope, self.run, self.settings.trace, code, findings, self.began,
            time.perf_counter() - self.started, tuple(self.report.mappings) if self.report else (),
            tuple(sorted({each.mapping for each in self.report.halted})) if self.report else (),
        )  # fmt: skip
        try:
            warnings = tell_all(self.loaded.watch, self.opened, end, os.environ)
        except Exception as error:  # noqa: BLE001  what is told of a run must not change how it ends
            warnings = [_untold(error)]
        log.findings(replace(self.settings, run=self.run), warnings)


def _untold(error: Exception) -> Finding:
    (found,) = ending(error)[1][:1]
    mend = found.mend if is_mistake(error) else "the run itself is not concerned"
    return Finding("signals/untold", f"how the run went could not be told: {found.message}", mend, "warning")


@contextmanager
def watched(settings: Settings, command: str, scope: str = "") -> Iterator[Seen]:
    """The open project, until it was told how the block ended. `scope`: what tells this kind of run from others that
    may go well while it fails."""
    from crmsync.run.session import open_world

    seen = Seen(settings, settings.load(), command, " ".join((command, scope)).strip())
    with ExitStack() as stack:
        try:
            world = open_world(seen.loaded, create=True, trace=settings.trace)
            seen.opened = stack.enter_context(world)
            yield seen
        except BaseException as error:
            seen.tell(*ending(error))
            raise
        if seen.report is None:  # it went quietly: another run was at work
            seen.tell(LOCKED, ())
        else:
            seen.tell(seen.report.exit, ())


def scope_of(*, select: tuple[str, ...], mode: str, only: str | None, limit: int | None, **_: object) -> str:
    """Runs of one scope take turns; a failure of one ends with the next good one. No record is named in it."""
    parts = [mode, *sorted(select), *(["--only"] if only else []), *(["--limit"] if limit else [])]
    return " ".join(parts)


def summary_facts(settings: Settings, report: Report) -> Mapping[str, Json]:
    """What became of everything, for a log that a program reads."""
    return {"summary": _mappings(report)} if settings.log_format == "json" else {}


def _mappings(report: Report) -> dict[str, dict[str, Any]]:
    told = report.to_json()["mappings"]
    counted = ("read", "buckets", "actions", "links", "open_holds")  # `why` names records
    return {name: {key: each[key] for key in counted} for name, each in told.items()}
