"""What does a breaking change mean for what was agreed? rebase."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmsync.cli import log, render
from crmsync.cli.flags import Settings, confirmed, global_flags, select_flag, yes_flag
from crmsync.cli.summary import report_json, show_report
from crmsync.core.model import Json

if TYPE_CHECKING:
    from crmsync.core.change import Change
    from crmsync.run.rebase import Rebase, Shown

HEAD = ("  field", "kept", "agreed anew", "none")


@click.command()
@select_flag
@yes_flag
@global_flags
def rebase(settings: Settings, select: tuple[str, ...], yes: bool) -> int:
    """Confirm a breaking change of a mapping.

    Shows what changed, what becomes of what both sides had agreed on, and what the next batch run would do; then asks.
    Until it is confirmed, plan, run and apply refuse the mapping. Writes to the ledger only, to no system.

    \b
      crmsync rebase -s account-customer
      crmsync rebase --yes --output json
    """
    from crmsync.run import rebase as rebasing

    with settings.world() as world:
        mappings = rebasing.to_confirm(world, select)
        if not mappings:
            return _nothing(settings)
        with log.working(settings, "planning …"):
            shown = rebasing.show(world, mappings)
    if settings.json and not yes:  # nobody is asked: it is to be read by a program
        render.json(_json(shown, None, 2))
        return 2
    if not settings.json:
        _show(shown)
        log.findings(settings, shown.tripped)
    if not confirmed("Take the mapping as it is now?", yes):
        return 0
    return _confirm(settings, shown)


def _nothing(settings: Settings) -> int:
    if settings.json:
        render.json({"confirmed": None, "mappings": {}, "exit": 0})
    else:
        render.say("nothing to confirm: no mapping has changed in a breaking way")
    return 0


def _confirm(settings: Settings, shown: Shown) -> int:
    """The files are read anew: whoever confirms has seen one version, and means that one."""
    from crmsync.run import rebase as rebasing
    from crmsync.run.locking import our_turn
    from crmsync.run.session import new_run_id

    run_id = new_run_id()
    with settings.world(create=True) as world, our_turn(world, run_id), log.working(settings, "comparing …"):
        rebasing.rebase(world, shown, run_id)
    if settings.json:
        render.json(_json(shown, run_id, 0))
    else:
        names = " ".join(f"-s {each.mapping.name}" for each in shown.rebases)
        render.say(f"confirmed; next: crmsync run --mode batch {names}")
    return 0


def _show(shown: Shown) -> None:
    for each in shown.rebases:
        render.say(each.mapping.name)
        for change in each.changes:
            render.say(f"  {change.at}: {change.level}: {change.message}  ({change.rule})")
        render.say(f"\n  what was agreed on {render.count(each.links, 'link')}:")
        _show_fields(each)
        render.say()
    render.say("the next batch run would then do:\n")
    show_report(shown.report, planned=True)


def _show_fields(rebase: Rebase) -> None:
    rows = [(f"  {name}", fate.kept, fate.new, fate.none) for name, fate in rebase.fields.items()]
    render.table(HEAD, rows, right=(1, 2, 3))
    for name, fate in rebase.fields.items():
        for what, number in sorted(fate.next.items()):
            render.say(f"  {name}: {number} x {what}")


def _json(shown: Shown, run_id: str | None, code: int) -> Json:
    mappings = {
        each.mapping.name: {**each.to_json(), "changes": [change_json(change) for change in each.changes]}
        for each in shown.rebases
    }
    findings = [log.as_json(each) for each in shown.tripped]
    preview = report_json(shown.report, code)["mappings"]
    return {
        "run": run_id, "confirmed": run_id is not None, "mappings": mappings, "next": preview, "findings": findings,
        "exit": code,
    }  # fmt: skip


def change_json(change: Change) -> Json:
    """As `diff` and `rebase` tell it."""
    at = change.at
    return {
        "rule": change.rule, "level": change.level, "field": change.field or None, "message": change.message,
        "old": render.plain(change.old), "new": render.plain(change.new), "file": at.file or None, "line": at.line,
        "column": at.column,
    }  # fmt: skip


COMMANDS = (rebase,)
