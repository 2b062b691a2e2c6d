"""What has a run written, and how is it taken back? revert."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crmsync.cli import log, render
from crmsync.cli.actions import Teller, show_actions
from crmsync.cli.flags import (
    InTurn,
    Settings,
    confirmed,
    global_flags,
    only_flag,
    select_flag,
    show_pii_flag,
    yes_flag,
)
from crmsync.cli.run import allow_flag, allowed, if_locked_flag, in_turn, redact_flag, refuse_redact_without
from crmsync.cli.summary import report_json, show_report
from crmsync.cli.watched import watched
from crmsync.core.model import ABSENT

if TYPE_CHECKING:
    from crmsync.run.report import Report
    from crmsync.run.undo.revert import Undoing, Wanted
    from crmsync.run.world import World

MOST = 20  # lines that are shown, of what is done and of what stays


@click.command(cls=InTurn)
@click.option("--run", "run_id", required=True, metavar="RUN", help="The run to undo, or last (see: crmsync history).")
@select_flag
@only_flag
@click.option(
    "--delete-created", "deletes", is_flag=True, help="Delete records that it made and that cannot be archived."
)
@allow_flag
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Save the plan and do nothing; then: crmsync apply FILE (mode 0600: it holds values).",
)  # fmt: skip
@redact_flag
@click.option("--all", "everything", is_flag=True, help="Show every line, not only the first 20.")
@show_pii_flag
@yes_flag
@if_locked_flag
@global_flags
def revert(
    settings: Settings, run_id: str, out: Path | None, redact: bool, everything: bool, yes: bool,
    if_locked: int | None, **asked: Any,
) -> int:  # fmt: skip
    """Undo a run.

    Old values are restored where the new ones still stand, records that it made are archived, those that it archived
    are restored. What was changed since stays as it is and is listed (exit 3), as are deletes. What is restored is not
    written again until one side changes or a person has answered: crmsync review list --kind reverted.

    \b
      crmsync revert --run last
      crmsync revert --run 20260131T020000-4f5a6b --only pm.customer/7
      crmsync revert --run last -o undo.jsonl && crmsync apply undo.jsonl
    """
    from crmsync.run.undo import revert as reverting

    refuse_redact_without(out, redact)
    most, digest = None if everything else MOST, None
    if out is not None or not yes:
        with _planned(settings, run_id, asked) as (world, plan):
            if out is not None:
                return _save(settings, world, plan, (out, redact), most)
            _show(settings, world, plan, most)
            log.findings(settings, plan.prepared.tripped)
            if plan.prepared.tripped or not plan.prepared.actions:
                return 4 if plan.prepared.tripped else plan.report.exit
            digest, run_id = plan.report.digest, plan.run
        if not confirmed(f"Undo run {run_id} so?", yes):
            return 0
    with watched(settings, "revert") as seen:
        wanted = _wanted(seen.world, run_id, **asked)
        code = in_turn(
            settings, seen.world, if_locked, seen.doing(lambda own: reverting.revert(seen.world, wanted, own, digest))
        )
    if seen.report and not settings.json:
        if not seen.report.run:
            render.say("nothing to undo")
        _tell_stays(seen.report, most)
    return code


def _wanted(world: World, run_id: str, *, only: str | None, allow: Sequence[str], **rest: Any) -> Wanted:
    from crmsync.run.refs import find_ref
    from crmsync.run.undo.revert import Wanted, run_to_undo

    ref = find_ref(world, only) if only else None
    return Wanted(run_to_undo(world, run_id).id, only=ref, allow=dict(map(allowed, allow)), **rest)


@contextmanager
def _planned(settings: Settings, run_id: str, asked: Mapping[str, Any]) -> Iterator[tuple[World, Undoing]]:
    from crmsync.run.session import new_run_id
    from crmsync.run.undo.revert import undoing

    with settings.world() as world, ExitStack() as stack:
        with log.working(settings, "planning …"):
            plan = stack.enter_context(undoing(world, _wanted(world, run_id, **asked), new_run_id()))
        yield world, plan


def _save(settings: Settings, world: World, plan: Undoing, file: tuple[Path, bool], most: int | None) -> int:
    from crmsync.core.plan import worded
    from crmsync.run.planfile import write_plan

    report, prepared, (out, redact) = plan.report, plan.prepared, file
    write_plan(out, world, prepared, report, plan.asked, redact=redact)
    code = 4 if prepared.tripped else report.exit
    if settings.json:
        render.json({**report_json(report, code), "digest": report.digest})
    else:
        _show(settings, world, plan, most)
        if not prepared.trips:  # else the breakers say what to do
            then = f"next: crmsync revert --run {plan.run}" if redact else f"next: crmsync apply {out}"
            render.say(f"\n{then}" if prepared.actions else "\nnothing to undo")
    log.findings(settings, prepared.tripped if redact else worded(prepared.trips, str(out)))
    return code


def _show(settings: Settings, world: World, plan: Undoing, most: int | None) -> None:
    if settings.json:  # the one object is what becomes of it
        return
    show_report(plan.report, planned=True)
    show_actions(Teller.of(world, plan.show_pii), plan.prepared.spool, most)
    _tell_stays(plan.report, most)


def _tell_stays(report: Report, most: int | None) -> None:
    """What is not taken back."""
    for each in report.stays[:most]:
        place = f"{each.record}  {each.field}: " if each.field else f"{each.record}  " if each.record else ""
        now = "" if each.now is ABSENT else f": {render.value(each.now)}"
        render.say(f"! {place}stays: {each.why}{now}")
    if most is not None and len(report.stays) > most:
        render.say(f"... and {len(report.stays) - most} more stay: --all shows them")


COMMANDS = (revert,)
