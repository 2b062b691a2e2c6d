"""What will be done, and do it: plan, apply, run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crmsync.cli import log, render
from crmsync.cli.actions import Teller, show_actions
from crmsync.cli.flags import InTurn, Settings, begun, global_flags, run_flags, seconds_to_wait, show_pii_flag, usage
from crmsync.cli.halted import halted
from crmsync.cli.summary import report_json, show_report
from crmsync.cli.watched import scope_of, summary_facts, watched
from crmsync.core.model import KINDS

if TYPE_CHECKING:
    from crmsync.run.report import Report
    from crmsync.run.session import Asked
    from crmsync.run.world import World

BUDGETS = ("missing", "errors", "conflicts")

if_locked_flag = click.option(
    "--if-locked", callback=seconds_to_wait, default="fail", show_default=True, metavar="fail|skip|wait SECONDS",
    help="When another run is at work: exit 6, go quietly with 0, or wait for it so long.",
)  # fmt: skip


allow_flag = click.option(
    "--allow", multiple=True, metavar="NAME=N",
    help=f"Let so many pass a limit; NAME is one of {', '.join(KINDS)}, missing, errors, conflicts, field:FIELD.",
)  # fmt: skip


redact_flag = click.option("--redact", is_flag=True, help="Hide x-pii values in FILE; such a file cannot be applied.")


@click.command()
@run_flags
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Save the plan, to look at and to apply (mode 0600: it holds values).",
)
@redact_flag
@click.option("--exit-code", is_flag=True, help="Exit 10 when there is something to do.")
@click.option("--all", "everything", is_flag=True, help="Show every action, not only the first 20.")
@show_pii_flag
@global_flags
def plan(
    settings: Settings, out: Path | None, redact: bool, exit_code: bool, everything: bool, show_pii: bool, **asked: Any
) -> int:
    """Show what a run would do, and why.

    Changes nothing anywhere; the only thing that it leaves is FILE (mode 0600, for it holds values of records).

    \b
      crmsync plan
      crmsync plan --select 'account-*' --only crm.account/42
      crmsync plan -o plan.jsonl && crmsync apply plan.jsonl
    """
    from crmsync.core.plan import worded
    from crmsync.run.planfile import write_plan
    from crmsync.run.session import new_run_id, planned

    refuse_redact_without(out, redact)
    with settings.world() as world, ExitStack() as stack:
        ask = _asked(world, **asked)
        with log.working(settings, "planning …"):
            prepared, report = stack.enter_context(planned(world, ask, new_run_id()))
        if out is not None:
            write_plan(out, world, prepared, report, ask, redact=redact)
        todo = any(line.kind != "hold" for line in prepared.spool.lines())
        code = 4 if prepared.tripped else 10 if exit_code and todo else report.exit
        if settings.json:
            render.json({**report_json(report, code), "digest": report.digest})
        else:
            show_report(report, planned=True)
            show_actions(Teller.of(world, show_pii), prepared.spool, None if everything else 20)
            if not prepared.trips:  # else the breakers say what to do
                _say_next(out, redact, todo)
        log.findings(settings, halted(report))
        log.findings(settings, worded(prepared.trips, str(out)) if out and not redact else prepared.tripped)
    return code


def refuse_redact_without(out: Path | None, redact: bool) -> None:
    if redact and out is None:
        raise usage("--redact is about the file", "name it: -o FILE")


def _say_next(out: Path | None, redact: bool, todo: bool) -> None:
    if not todo:
        render.say("\nnothing to do")
    elif out is not None and not redact:
        render.say(f"\nnext: crmsync apply {out}")
    else:
        render.say("\nnext: crmsync run")


@click.command(cls=InTurn)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@allow_flag
@click.option(
    "--on-drift",
    type=click.Choice(["abort", "skip"]),
    default="abort",
    show_default=True,
    help="When a record has moved since: write nothing, or leave that record out.",
)
@if_locked_flag
@global_flags
def apply(settings: Settings, file: Path, allow: tuple[str, ...], on_drift: Any, if_locked: int | None) -> int:
    """Do exactly what a plan file says.

    Or refuse: exit 5 when it is stale, 4 when a limit trips.

    \b
      crmsync plan -o plan.jsonl
      crmsync apply plan.jsonl --allow update=120
    """
    from crmsync.run import planfile

    allowances = dict(map(allowed, allow))
    with watched(settings, "apply") as seen:
        return in_turn(
            settings, seen.world, if_locked,
            seen.doing(lambda run_id: planfile.apply(seen.world, file, run_id, allow=allowances, on_drift=on_drift)),
        )  # fmt: skip


@click.command(cls=InTurn)
@run_flags
@if_locked_flag
@global_flags
def run(settings: Settings, if_locked: int | None, **asked: Any) -> int:
    """Plan, and do it.

    The same plan as `crmsync plan` shows.

    \b
      crmsync run --first-load            the very first time
      crmsync run --mode delta            every few minutes: only what has changed
      crmsync run --only crm.account/42   one record
    """
    from crmsync.run import session

    with watched(settings, "run", scope_of(**asked)) as seen:
        world = seen.world
        ask = _asked(world, **asked)
        return in_turn(settings, world, if_locked, seen.doing(lambda run_id: session.run(world, ask, run_id)))


def in_turn(settings: Settings, world: World, if_locked: int | None, work: Callable[[str], Report]) -> int:
    """Do the work while we hold the lock, and say how it ended."""
    from crmsync.ledger.nouns import Locked
    from crmsync.run.locking import Wait, our_turn
    from crmsync.run.report import Report
    from crmsync.run.session import new_run_id

    run_id = new_run_id()
    wait = Wait(if_locked or 0, lambda error: log.event(settings, f"waiting {if_locked} s: {error.fact}"))
    try:
        with our_turn(world, run_id, wait):
            settings = begun(settings, run_id)
            log.event(settings, "run started", run=run_id)
            with log.working(settings, "at work …"):
                report = work(run_id)
            head = {"audit": str(report.head)} if report.head else {}
            facts = {**head, **summary_facts(settings, report)}
            log.event(settings, "run ended", run=report.run, exit=report.exit, **facts)
            _tell(
                settings, report
            )  # before the lock goes: whoever is killed until then has not said that it is through
    except Locked as error:
        if if_locked is not None:
            raise
        log.event(settings, f"skipped: {error.fact}")
        report = Report("", {})
        _tell(settings, report)
    return report.exit


def _tell(settings: Settings, report: Report) -> None:
    log.findings(settings, halted(report))
    if settings.json:
        render.json(report_json(report, report.exit))
    elif report.run:
        show_report(report)
    sys.stdout.flush()


def _asked(
    world: World, *, select: tuple[str, ...], only: str | None, limit: int | None, mode: Any, first_load: bool
) -> Asked:
    from crmsync.run.prepared import Order
    from crmsync.run.refs import find_ref, places_of
    from crmsync.run.selected import selected
    from crmsync.run.session import Asked

    if only is None:
        return Asked(select, Order(mode, None, limit, first_load))
    ref = find_ref(world, only)
    here = [mapping for mapping, _ in places_of(selected(world, select), ref.system, ref.entity)]
    if not here:
        raise usage(f"no selected mapping has {ref}", "leave --select out")
    return Asked(tuple(mapping.name for mapping in here), Order(mode, ref, limit, first_load))


def allowed(text: str) -> tuple[str, int]:
    name, _, number = text.rpartition("=")
    known = name in (*KINDS, *BUDGETS) or name.removeprefix("field:") not in ("", name)
    if known and number.isascii() and number.isdigit():
        return name, int(number)
    mend = f"write for example --allow update=120; names: {', '.join((*KINDS, *BUDGETS))}, field:FIELD"
    raise usage(f"--allow {text} is not NAME=N", mend)


COMMANDS = (plan, apply, run)
