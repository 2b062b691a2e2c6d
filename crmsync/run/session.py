"""How does one run go from end to end? Lock, plan, breakers, journal, writes, memory: in this order, always."""

from __future__ import annotations

import getpass
import os
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from secrets import token_hex

from crmsync.connectors.base import ConnectorError, Refused
from crmsync.core.model import Mapping as Declared
from crmsync.ledger.nouns import Halt, NewAudit, NewRun
from crmsync.ledger.store import Ledger
from crmsync.project import Loaded
from crmsync.run.breakers import keep
from crmsync.run.counted import open_reviews, planned_counts, report_of
from crmsync.run.eras import begin_era, eras
from crmsync.run.finish import finish
from crmsync.run.halted import awake
from crmsync.run.perform import STOPPED, journal, note_unbegun, perform
from crmsync.run.prepare import prepare
from crmsync.run.prepared import Order, Prepared
from crmsync.run.recover import left_behind, recover, telling
from crmsync.run.rehearse.tape import taping
from crmsync.run.report import Report
from crmsync.run.selected import selected
from crmsync.run.trace import new_trace
from crmsync.run.world import Stopped, World, utc_now


@dataclass(frozen=True, slots=True)
class Asked:
    """A run as it was asked for: which mappings (globs; none = all that are enabled), and in what way. `plan`: the
    digest of the plan file that is to be applied. `undoes`: the run that is reverted, "" for none."""

    select: tuple[str, ...] = ()
    order: Order = field(default_factory=Order)
    plan: str | None = None
    undoes: str = ""

    @property
    def whole(self) -> bool:
        """Of all records that there are, or that have changed."""
        everything = self.order.only is None and self.order.limit is None and not self.undoes
        return self.plan is None and everything


def open_world(loaded: Loaded, *, create: bool = True, trace: str | None = None) -> World:
    """`trace`: see `trace_of`; None: a new one. Without `create` a ledger that is not there yet is not made. Raises
    `Stopped` (exit 2) when the project has errors, `LedgerError` when the ledger cannot be opened."""
    errors = [finding for finding in loaded.findings if finding.severity == "error"]
    if loaded.project is None or errors:
        raise Stopped(2, *errors)
    ledger = Ledger.open(loaded.project.ledger, create=create)
    return World(loaded.project, loaded.definitions, ledger, trace=trace or new_trace())


def new_run_id() -> str:
    return f"{utc_now()[:19].replace('-', '').replace(':', '')}-{token_hex(3)}"


@contextmanager
def planned(world: World, asked: Asked, run: str) -> Iterator[tuple[Prepared, Report]]:
    """The plan, still in its spool, and its report. Changes nothing anywhere."""
    mappings, halted = awake(world, selected(world, asked.select))
    prepared = prepare(world, mappings, asked.order, eras(world, mappings, asked.order), run, utc_now())
    prepared.halted = halted
    try:
        report = report_of(world, mappings, prepared, run, planned_counts(prepared), open_reviews(world))
        yield prepared, replace(report, recovered=left_behind(world, mappings))
    finally:
        prepared.spool.close()


def run(world: World, asked: Asked, run_id: str) -> Report:
    """Plan and do it. The caller holds the lock. Raises `Stopped`, `Transient`, `Refused`, `LedgerError`."""
    (mappings, halted), now = awake(world, selected(world, asked.select)), utc_now()
    recovered = recover(world, mappings, run_id)
    with world.writing() as ledger:  # what people decide from here on is for the next run
        for mapping in mappings:
            ledger.take_up(mapping.name, run_id)
    with telling(recovered):
        found = eras(world, mappings, asked.order)
        with world.meter.span("plan"), taping(world, mappings, asked.order, found, run_id, now):
            prepared = prepare(world, mappings, asked.order, found, run_id, now)
        prepared.halted = halted
        try:
            if prepared.trips:
                counts = planned_counts(prepared)
                report = report_of(world, mappings, prepared, run_id, counts, open_reviews(world))
                raise Stopped(4, *keep(world, prepared, report, asked, run_id))
            return replace(carry_out(world, mappings, prepared, asked, run_id), recovered=recovered)
        finally:
            prepared.spool.close()


def carry_out(world: World, mappings: Sequence[Declared], prepared: Prepared, asked: Asked, run_id: str) -> Report:
    """Do a plan that nothing speaks against: journal, writes, memory."""
    _begin(world, mappings, prepared, asked, run_id)
    try:
        with _until_signal() as caught, world.meter.span("write"):
            done = perform(world, prepared, run_id, lambda: bool(caught))
    except ConnectorError as error:
        with world.writing() as ledger:
            ledger.end_run(run_id, utc_now(), 2 if isinstance(error, Refused) else 1, {"error": str(error)})
        raise
    if done.stopped:
        note_unbegun(world, prepared, run_id, f"halted: {done.halted[1]}" if done.halted else STOPPED)
    with world.writing() as ledger:  # all of it or nothing
        for mapping in mappings if not done.stopped else ():
            finish(world, ledger, mapping, prepared, asked.order, run_id)
        stopped = caught[0] if caught and done.stopped else 0
        if done.halted:
            name, why = done.halted
            prepared.halted = [*prepared.halted, Halt(name, run_id, utc_now(), why)]
            ledger.halt(prepared.halted[-1])
        report = report_of(world, mappings, prepared, run_id, done.counts, ledger.open_reviews, stopped)
        ledger.end_run(run_id, utc_now(), report.exit, {**report.to_json(), "measured": world.meter.to_json(mappings)})
    return replace(report, trace=world.trace, head=world.ledger.audit_head())


def _begin(world: World, mappings: Sequence[Declared], prepared: Prepared, asked: Asked, run_id: str) -> None:
    """Before the first write the whole plan is in the ledger."""
    newly_known = world.newly_known(mappings)
    with world.writing() as ledger:
        for name, instance in newly_known.items():
            ledger.stamp_instance(name, instance)
        ledger.start_run(
            NewRun(
                run_id, prepared.started or utc_now(), asked.order.mode, getpass.getuser(), socket.gethostname(),
                os.getpid(), [mapping.name for mapping in mappings], asked.whole, asked.plan,
                world.trace,
            )
        )  # fmt: skip
        for mapping in mappings:
            begin_era(world, ledger, mapping)
            if asked.undoes:
                told, who = {"undoes": asked.undoes}, getpass.getuser()
                ledger.audit([NewAudit("revert", mapping.name, None, (), told, who, run_id, utc_now())])
        journal(ledger, prepared, run_id)


@contextmanager
def _until_signal() -> Iterator[list[int]]:
    """SIGTERM and SIGINT let the batch in hand finish; then nothing more is begun. Gives those that came."""
    caught: list[int] = []
    before = {number: signal.signal(number, lambda signum, _: caught.append(signum)) for number in STOP_SIGNALS}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
