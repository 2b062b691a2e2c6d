"""What would today's mapping do with what an earlier run read? replay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from crmsync.cli import log, render
from crmsync.cli.actions import Teller, show_actions
from crmsync.cli.flags import Settings, global_flags, show_pii_flag
from crmsync.cli.summary import report_json, show_report
from crmsync.core.model import Json

if TYPE_CHECKING:
    from crmsync.run.rehearse.replay import Differing, Replayed
    from crmsync.run.report import Report


@click.command()
@click.option(
    "--run",
    "run_id",
    required=True,
    metavar="RUN",
    help="The run whose inputs are planned again; last: the newest that is recorded.",
)
@click.option("--show", type=click.IntRange(0), default=20, show_default=True, metavar="N", help="At most N lines.")
@show_pii_flag
@global_flags
def replay(settings: Settings, run_id: str, show: int, show_pii: bool) -> None:
    """Plan what an earlier run had read, with today's mapping.

    For runs whose inputs were recorded (record_inputs in crmsync.yaml). Nothing is asked of a system, and nothing is
    written anywhere: the plan is shown, and where it is not what the run then planned.

    \b
      crmsync history
      crmsync replay --run 20260131T020000-4f5a6b
    """
    from crmsync.run.counted import planned_counts, report_of
    from crmsync.run.rehearse.replay import replayed

    with settings.world() as world, ExitStack() as stack:
        with log.working(settings, "planning …"):
            mappings, prepared, told = stack.enter_context(replayed(world, run_id, show))
        report = report_of(world, mappings, prepared, told.run, planned_counts(prepared), lambda _: 0)
        teller = Teller.of(world, show_pii)
        if settings.json:
            render.json(_json(teller, report, told))
            return
        show_report(report, planned=True)
        show_actions(teller, prepared.spool, show)
        _show(teller, told)


def _json(teller: Teller, report: Report, told: Replayed) -> Json:
    from crmsync.run.rehearse.replay import FATES

    compared = {fate.replace(" ", "_"): told.counts[fate] for fate in FATES}
    shown = [{"then": list(_said(teller, each.then)), "now": list(_said(teller, each.now))} for each in told.shown]
    told_of = {"compared": compared if told.compared else None, "shown": shown}
    return {**report_json(report, 0), "digest": report.digest, **told_of}


def _show(teller: Teller, told: Replayed) -> None:
    from crmsync.run.rehearse.replay import FATES

    if not told.compared:
        render.say(f"\nrun {told.run} did nothing that this could be compared with")
        return
    counts = ", ".join(f"{told.counts[fate]} {fate}" for fate in FATES if told.counts[fate]) or "nothing then or now"
    render.say(f"\nbeside what run {told.run} planned: {counts}")
    for each in told.shown:
        for line in _lines(teller, each):
            render.say(f"  {line}")


def _lines(teller: Teller, each: Differing) -> Iterator[str]:
    yield from (f"then {text}" for text in _said(teller, each.then))
    yield from (f"now  {text}" for text in _said(teller, each.now))


def _said(teller: Teller, line: bytes | None) -> Iterator[str]:
    from crmsync.core.plan import decode

    if line is not None:
        yield from teller.lines(decode(line))


COMMANDS = (replay,)
