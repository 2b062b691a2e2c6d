"""Which record is which? link list, show, split."""

from __future__ import annotations

import getpass
from itertools import chain, islice
from typing import TYPE_CHECKING

import click

from crmsync.cli import render
from crmsync.cli.actions import Teller
from crmsync.cli.flags import Settings, confirmed, global_flags, select_flag, usage, yes_flag
from crmsync.core.model import Json, Key, Mapping, Side

if TYPE_CHECKING:
    from crmsync.ledger.nouns import LinkRow
    from crmsync.run.world import World

HEAD = ("mapping", "records", "state", "score", "reason", "by", "since", "until")


@click.group()
def link() -> None:
    """See which records are linked.

    A link is a judgement, with score, reason, who and when; superseded, never overwritten.

    \b
      crmsync link list
      crmsync link show crm.account/42
      crmsync link split crm.account/42
    """


@link.command(name="list")
@select_flag
@click.option("--ended", is_flag=True, help="The superseded ones too.")
@click.option(
    "--limit", type=click.IntRange(1), default=100, show_default=True, metavar="N", help="At most so many of a mapping."
)
@global_flags
def list_(settings: Settings, select: tuple[str, ...], ended: bool, limit: int) -> None:
    """List the links.

    \b
      crmsync link list --select 'account-*' --limit 20
    """
    from crmsync.run.session import selected

    with settings.world() as world:
        rows = [
            row
            for mapping in selected(world, select)
            for row in islice(chain.from_iterable(world.ledger.link_rows(mapping.name, ended=ended)), limit)
        ]
        _show(settings, world, rows)


@link.command()
@click.argument("ref")
@global_flags
def show(settings: Settings, ref: str) -> None:
    """Show every link that a record ever had.

    \b
      crmsync link show pm.customer/7
    """
    with settings.world() as world:
        _, places = _places(world, ref)
        rows = [row for mapping, side, key in places for row in world.ledger.links_of(mapping.name, side, key)]
        _show(settings, world, rows)


@link.command()
@click.argument("ref")
@click.option("--mapping", metavar="NAME", help="Only the link in this mapping.")
@yes_flag
@global_flags
def split(settings: Settings, ref: str, mapping: str | None, yes: bool) -> None:
    """Say that two linked records are two things.

    The link ends, and they are not proposed again.

    \b
      crmsync link split crm.account/42
    """
    from crmsync.run import judge

    with settings.world(create=True) as world:
        teller, places = _places(world, ref)
        found = [
            (each, link)
            for each, side, key in places
            if mapping in (None, each.name)
            for link in world.ledger.links(each.name, side, [key]).values()
        ]
        if not found:
            raise usage(f"{ref} is not linked", f"see: crmsync link show {ref}")
        pairs = [f"{teller.pair(each.name, link.keys)} in {each.name}" for each, link in found]
        if not confirmed(f"Split {'; '.join(pairs)}?", yes):
            return
        for each, link in found:
            judge.split(world, each.name, [link.keys], getpass.getuser())
    if settings.json:
        render.json({"split": pairs, "exit": 0})
    for pair in [] if settings.json else pairs:
        render.say(f"split {pair}")


def _places(world: World, text: str) -> tuple[Teller, list[tuple[Mapping, Side, Key]]]:
    from crmsync.run.refs import find_ref, places_of

    ref = find_ref(world, text)
    places = places_of(world.project.mappings, ref.system, ref.entity)
    return _teller(world), [(mapping, side, ref.key) for mapping, side in places]


def _teller(world: World) -> Teller:
    from crmsync.run.mask import Mask

    return Teller(world.project, Mask(world.project))


def _show(settings: Settings, world: World, rows: list[LinkRow]) -> None:
    teller = _teller(world)
    if settings.json:
        render.json({"links": [_json(teller, row) for row in rows], "exit": 0})
    elif rows:
        told = [
            (
                r.mapping,
                teller.pair(r.mapping, r.keys),
                r.state,
                f"{r.score:.2f}",
                r.reason,
                r.actor,
                render.when(r.made),
                render.when(r.ended),
            )
            for r in rows
        ]
        render.table(HEAD, told, right=[3])
    else:
        render.say("no link")


def _json(teller: Teller, row: LinkRow) -> Json:
    records = [teller.ref(row.mapping, 0, row.keys[0]), teller.ref(row.mapping, 1, row.keys[1])]
    return {
        "mapping": row.mapping, "records": records,
        "state": row.state, "score": row.score, "reason": row.reason, "by": row.actor, "run": row.run, "made": row.made,
        "ended": row.ended,
    }  # fmt: skip


COMMANDS = (link,)
