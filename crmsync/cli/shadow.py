"""What would a mapping in the shadow have done, and what have people done since? shadow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmsync.cli import log, render
from crmsync.cli.actions import Teller
from crmsync.cli.flags import Settings, global_flags, select_flag, show_pii_flag
from crmsync.core.model import ABSENT, KINDS, SIDES, Json, other

if TYPE_CHECKING:
    from crmsync.core.model import Kind, Side
    from crmsync.run.shadow import Answer, Compared, Shadowed

HEAD = ("", "same", "otherwise", "not yet")


@click.command()
@select_flag
@click.option("--run", "run_id", metavar="RUN", help="Only what this run (or `last`) recorded; else the newest of all.")
@click.option("--show", type=click.IntRange(0), default=20, show_default=True, metavar="N", help="At most N examples.")
@show_pii_flag
@global_flags
def shadow(settings: Settings, select: tuple[str, ...], run_id: str | None, show: int, show_pii: bool) -> None:
    """Compare what a mapping in the shadow would have done with what people did.

    Every change that it would have made is looked up in its system: people have done the same since, otherwise, or
    nothing yet. Reads only. Updates are counted by field, all else by record.

    \b
      crmsync shadow
      crmsync shadow -s account-customer --run 20260131T020000-4f5a6b --output json
    """
    from crmsync.run.runs import find_run
    from crmsync.run.selected import selected
    from crmsync.run.shadow import shadowed

    with settings.world() as world:
        run = find_run(world, run_id).id if run_id is not None else None
        with log.working(settings, "comparing …"):
            found = shadowed(world, selected(world, select), run, show)
        teller = Teller.of(world, show_pii)
    told = [each for each in found if each.runs]
    if settings.json:
        render.json({"mappings": {each.mapping.name: _json(each, teller) for each in told}, "exit": 0})
        return
    for each in told:
        _show(each, teller)
    if not told:
        render.say("nothing was recorded in the shadow; write shadow: true into a mapping, then: crmsync run")


def _show(told: Shadowed, teller: Teller) -> None:
    from crmsync.run.shadow import ANSWERS

    runs = told.runs[0] if len(told.runs) == 1 else f"{told.runs[-1]} to {told.runs[0]}"
    render.say(f"{told.mapping.name}: would have been done, {runs}")
    rows = [
        (f"  {kind} in {told.mapping.ends[side].name}", *(told.counts[side, kind, answer] for answer in ANSWERS))
        for side, kind in _places(told)
    ]
    render.table(HEAD, rows, right=(1, 2, 3))
    for each in told.shown:
        render.say(f"  {_line(told, each, teller)}")
    render.say()


def _places(told: Shadowed) -> list[tuple[Side, Kind]]:
    return [(side, kind) for side in SIDES for kind in KINDS if any(key[:2] == (side, kind) for key in told.counts)]


def _line(told: Shadowed, each: Compared, teller: Teller) -> str:
    head = f"{each.answer}: {_ref(told, each, teller)}"
    if not each.field:
        return f"{head}  {'a counterpart' if each.kind == 'create' else each.kind}"
    would, now = (teller.value(told.mapping.name, each.field, value) for value in (each.would, each.now))
    return f"{head}  {each.field}: would be {would}, is {now}"


def _ref(told: Shadowed, each: Compared, teller: Teller) -> str:
    """The record that would be written, or that a counterpart would be made from."""
    return teller.ref(told.mapping.name, other(each.side) if each.kind == "create" else each.side, each.key)


def _json(told: Shadowed, teller: Teller) -> Json:
    def counts(side: Side, kind: Kind) -> dict[str, int]:
        from crmsync.run.shadow import ANSWERS

        return {_word(answer): told.counts[side, kind, answer] for answer in ANSWERS}

    would = {
        told.mapping.ends[side].name: {kind: counts(at, kind) for at, kind in _places(told) if at == side}
        for side in SIDES
    }
    return {"runs": list(told.runs), "would": would, "shown": [_shown(told, each, teller) for each in told.shown]}


def _word(answer: Answer) -> str:
    return answer.replace(" ", "_")


def _shown(told: Shadowed, each: Compared, teller: Teller) -> Json:
    values = {
        name: teller.mask.value(told.mapping.name, each.field, value)
        for name, value in (("would", each.would), ("now", each.now))
        if each.field and value is not ABSENT
    }
    return {
        "record": _ref(told, each, teller), "kind": each.kind, "field": each.field or None, **values,
        "answer": _word(each.answer), "run": each.run,
    }  # fmt: skip


COMMANDS = (shadow,)
