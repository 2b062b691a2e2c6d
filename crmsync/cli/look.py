"""How does it stand, what happened, and why? status, history, explain."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

import click

from crmsync.cli import render
from crmsync.cli.actions import Teller
from crmsync.cli.flags import Settings, global_flags, select_flag, show_pii_flag
from crmsync.cli.halted import flags_json, flags_told
from crmsync.cli.privacy import tell_forgotten
from crmsync.cli.signals import show_signals
from crmsync.cli.story import story_json, tell
from crmsync.core.model import BUCKETS, SIDES, Json
from crmsync.core.signals import signals_json

if TYPE_CHECKING:
    from crmsync.ledger.lock import Held
    from crmsync.ledger.nouns import JournalLine, Run
    from crmsync.run.inspect import Standing
    from crmsync.run.world import World

RUN_HEAD = ("run", "started", "ended", "mode", "by", "exit", "mappings")


@click.command()
@select_flag
@global_flags
def status(settings: Settings, select: tuple[str, ...]) -> None:
    """Show how every mapping stands.

    One line for each mapping: the last run, links, how much converges, open reviews, dead letters, errors, duplicates.
    Below it the buckets of each. `--output json` has all signals.

    \b
      crmsync status
      crmsync status --select 'account-*' --output json
    """
    from crmsync.ledger.lock import held_by
    from crmsync.run import inspect
    from crmsync.run.doctor import lock_told
    from crmsync.run.locking import NAME
    from crmsync.run.selected import selected
    from crmsync.run.signals.signals import signals_of
    from crmsync.run.world import utc_now

    with settings.world() as world:
        chosen = selected(world, select)
        found, held = inspect.status(world, chosen), held_by(world.ledger, NAME)
        off = [mapping.name for mapping in world.project.mappings if not mapping.enabled]
        signals = signals_of(world, chosen, utc_now(), {each.mapping.name: each.counts for each in found})
    if settings.json:
        mappings = {each.mapping.name: _standing_json(each) for each in found}
        render.json({"mappings": mappings, "lock": _lock_json(held), "signals": signals_json(signals), "off": off,
                     "exit": 0})  # fmt: skip
        return
    show_signals(signals)
    for each in found:
        _show_standing(each)
    if off:
        render.say(f"switched off: {', '.join(off)}")
    if held:
        render.say(f"the lock is {lock_told(held)}")


def _standing_json(standing: Standing) -> Json:
    counts, ends = standing.counts, standing.mapping.ends
    return {
        "links": counts.live_links,
        "open_reviews": counts.open_reviews,
        "open_dead_letters": counts.open_dead,
        "buckets": {ends[side].name: {name: counts.buckets[side].get(name, 0) for name in BUCKETS} for side in SIDES},
        "last_run": _run_json(standing.last) if standing.last else None,
        "needs_batch": standing.behind,
        "needs_rebase": standing.unconfirmed,
        "excluded": standing.excluded,
        **flags_json(standing.mapping, standing.halt),
    }


def _lock_json(held: Held | None) -> Json:
    if held is None:
        return None
    from crmsync.ledger.lock import this_process

    holder, dead = held.holder, held.dead(this_process(""))
    told = {"run": holder.run, "host": holder.host, "pid": holder.pid, "since": held.taken, "beat": held.beat}
    return {**told, "dead": dead}


def _show_standing(standing: Standing) -> None:
    counts, mapping = standing.counts, standing.mapping
    render.say(mapping.name)
    rows = [
        (f"  {mapping.ends[side].name}", *(counts.buckets[side].get(name, 0) for name in BUCKETS)) for side in SIDES
    ]
    render.table(("", *(name.replace("_", " ") for name in BUCKETS)), rows, right=range(1, len(BUCKETS) + 1))
    reviews, letters = render.count(counts.open_reviews, "open review"), render.count(counts.open_dead, "dead letter")
    render.say(f"  {render.count(counts.live_links, 'live link')}, {reviews}, {letters}")
    if standing.excluded:
        excluded = render.count(standing.excluded, "record")
        render.say(f"  {excluded} left alone: crmsync link list --excluded -s {mapping.name}")
    for line in flags_told(mapping, standing.halt):
        render.say(f"  {line}")
    last = standing.last
    if last is None:
        render.say("  never run; next: crmsync run --first-load")
    else:
        render.say(f"  last run {last.id}, {render.when(last.started)}, {_how(last)}")
    if standing.unconfirmed:
        render.say(f"  changed in a breaking way; nothing runs until it is confirmed: crmsync rebase -s {mapping.name}")
    elif last is not None and standing.behind:
        render.say(f"  delta needs a batch run first: crmsync run --mode batch --select {mapping.name}")
    render.say()


def _how(run: Run) -> str:
    return f"exit {run.exit}" if run.ended else "not ended: at work, or it crashed"


@click.command()
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    metavar="N",
    help="At most so many runs, or lines of one.",
)
@show_pii_flag
@global_flags
def history(settings: Settings, run_id: str | None, limit: int, show_pii: bool) -> None:
    """Show past runs, or what one of them did.

    \b
      crmsync history
      crmsync history last
      crmsync history 20260131T020000-4f5a6b --limit 100
    """
    from crmsync.run.people.prune import wrote_what_is_gone
    from crmsync.run.runs import find_run

    with settings.world() as world:
        if run_id is None:
            _show_runs(settings, world.ledger.runs(limit))
            return
        run = find_run(world, run_id)
        lines = list(islice(chain.from_iterable(world.ledger.journal(run.id)), limit + 1))
        _show_run(settings, world, Teller.of(world, show_pii), run, lines[:limit])
        if wrote_what_is_gone(world, run) and not settings.json:
            render.say("what it wrote is not known any more: its journal was pruned, or all of it forgotten")
        if len(lines) > limit and not settings.json:
            render.say(f"... and more: crmsync history {run_id} --limit {limit * 10}")


def _show_runs(settings: Settings, runs: list[Run]) -> None:
    if settings.json:
        render.json({"runs": [_run_json(run) for run in runs], "exit": 0})
    elif runs:
        render.table(RUN_HEAD, [_run_row(run) for run in runs])
    else:
        render.say("no run yet; next: crmsync run --first-load")


def _run_json(run: Run) -> Json:
    return {
        "run": run.id, "started": run.started, "ended": run.ended, "mode": run.mode, "by": run.actor, "host": run.host,
        "mappings": run.selected, "exit": run.exit,
    }  # fmt: skip


def _run_row(run: Run) -> tuple[object, ...]:
    return (
        run.id,
        render.when(run.started),
        render.when(run.ended),
        run.mode,
        run.actor,
        run.exit,
        ", ".join(run.selected or ()),
    )


def _show_run(settings: Settings, world: World, teller: Teller, run: Run, lines: list[JournalLine]) -> None:
    if settings.json:
        told = [_line_json(world, teller, line) for line in lines]
        render.json({**_run_json(run), "summary": run.summary, "lines": told})
        return
    render.table(RUN_HEAD, [_run_row(run)])
    for line in lines:
        for number, text in enumerate(_said(world, teller, line)):
            render.say(f"{line.status:8}{text}" if number == 0 else f"        {text}")
        if line.message:
            render.say(f"        {line.message}")


def _line_json(world: World, teller: Teller, line: JournalLine) -> Json:
    said = list(_said(world, teller, line))
    return {"seq": line.seq, "status": line.status, "message": line.message, "at": line.at, "said": said}


def _said(world: World, teller: Teller, line: JournalLine) -> Iterator[str]:
    """A line in words; of a mapping that is gone from the project only the kind."""
    from crmsync.core.plan import decode

    if any(mapping.name == line.mapping for mapping in world.project.mappings):
        yield from teller.lines(decode(line.line))
    else:
        yield f"{line.kind}, by mapping {line.mapping}, which is not in the project any more"


@click.command()
@click.argument("ref")
@click.argument("field", required=False)
@show_pii_flag
@global_flags
def explain(settings: Settings, ref: str, field: str | None, show_pii: bool) -> None:
    """Tell why a record says what it says.

    Both values as they are now, what they last agreed on, the owner, the line of the mapping, the run that wrote it
    last and why, and what the next run would do.

    \b
      crmsync explain crm.account/42
      crmsync explain pm.customer/7 name
      crmsync explain crm.person/~3kq7x2m9ab          by a handle, where the key is about a person
    """
    from crmsync.run import inspect
    from crmsync.run.refs import find_ref

    with settings.world() as world:
        record = find_ref(world, ref)
        if tell_forgotten(settings, world, record):
            return
        stories = inspect.explain(world, record, field)
        teller = Teller.of(world, show_pii)
    if settings.json:
        render.json(
            {"ref": teller.told(record), "mappings": [story_json(story, teller) for story in stories], "exit": 0}
        )
        return
    for story in stories:
        for line in tell(story, teller):
            render.say(line)


COMMANDS = (status, history, explain)
