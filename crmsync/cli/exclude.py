"""Which records are left alone? link exclude, include, and what link list and link show say of them."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

import click

from crmsync.cli import render
from crmsync.cli.actions import Teller
from crmsync.cli.flags import Settings, global_flags, select_flag
from crmsync.core.model import Json, Mapping, Ref

if TYPE_CHECKING:
    from crmsync.ledger.nouns import Exclusion
    from crmsync.run.undo.exclude import Left
    from crmsync.run.world import World

Deed: TypeAlias = "Callable[[World, Sequence[Ref], Sequence[Mapping], str], tuple[Left, ...]]"
HEAD: Final = ("mapping", "record", "why", "by", "since")
FORGOTTEN: Final = "(forgotten)"
UNMADE: Final = "its counterpart was taken back; crmsync link split {} lets another one be made"


@click.command()
@click.argument("refs", nargs=-1, required=True, metavar="REF...")
@select_flag
@global_flags
def exclude(settings: Settings, refs: tuple[str, ...], select: tuple[str, ...]) -> None:
    """Never sync a record.

    It and what it is linked with are out of scope, whatever they say: nothing is written to them, made for them, or
    deleted because one of them is gone. Their link stays as it is, questions about them end, dead letters close.

    \b
      crmsync link exclude crm.account/42
      crmsync link exclude pm.customer/7 pm.customer/9 -s account-customer
    """
    from crmsync.run.undo.exclude import exclude as leave_alone

    _do(settings, refs, select, leave_alone, "excluded")


@click.command()
@click.argument("refs", nargs=-1, required=True, metavar="REF...")
@select_flag
@global_flags
def include(settings: Settings, refs: tuple[str, ...], select: tuple[str, ...]) -> None:
    """Sync a record again that was excluded.

    \b
      crmsync link include crm.account/42
    """
    from crmsync.run.undo.exclude import include as take_up

    _do(settings, refs, select, take_up, "included")


def _do(settings: Settings, refs: Sequence[str], select: tuple[str, ...], deed: Deed, word: str) -> None:
    from crmsync.run.match.merging import while_no_run
    from crmsync.run.refs import find_ref
    from crmsync.run.selected import selected

    # A run that is at work would still write what it has planned, and forget at its end who was included meanwhile.
    with settings.world(create=True) as world, while_no_run(world):
        mappings = selected(world, select)
        found = deed(world, [find_ref(world, ref) for ref in refs], mappings, getpass.getuser())
        teller = Teller.of(world)
    if settings.json:
        told = [
            {"mapping": each.mapping.name, "records": _records(teller, each), "already": _already(word, each)}
            for each in found
        ]
        render.json({word: told, "exit": 0})
        return
    for each in found:
        render.say(_told(word, _already(word, each), " ".join(_records(teller, each)), each))
        if word == "included" and each.why == "reverted":
            render.say(f"    {UNMADE.format(_records(teller, each)[0])}")


def _told(word: str, already: bool, records: str, left: Left) -> str:
    if left.why == "forgotten":
        return f"{records} was forgotten in {left.mapping.name}, and is left alone for good"
    return f"{word}{' already' if already else ''} {records} in {left.mapping.name}"


def _already(word: str, left: Left) -> bool:
    return word == "excluded" and left.is_whole


def _records(teller: Teller, left: Left) -> list[str]:
    return [teller.ref(left.mapping.name, side, key) for side, key in left.records]


def show_excluded(settings: Settings, world: World, teller: Teller, mappings: Sequence[Mapping]) -> None:
    """All that are left alone, as `link list --excluded` shows them."""
    from crmsync.run.undo.exclude import all_left_alone

    found = all_left_alone(world, mappings)
    if settings.json:
        render.json({"excluded": [_json(teller, each) for each in found], "exit": 0})
    elif found:
        rows = [(e.mapping, _ref(teller, e) or FORGOTTEN, e.why, e.who, render.when(e.made)) for e in found]
        render.table(HEAD, rows)
    else:
        render.say("no record is excluded")


def excluded_lines(world: World, ref: Ref, mappings: Sequence[Mapping]) -> Iterator[str]:
    """What `link show` and `explain` say of a record that is left alone."""
    from crmsync.run.undo.exclude import left_alone_of
    from crmsync.run.world import LEFT_ALONE

    for each in left_alone_of(world, ref, mappings):
        if each.why is not None:
            back = "" if each.why == "forgotten" else f"; crmsync link include {ref} takes that back"
            yield f"{ref} is left alone in {each.mapping.name}: {LEFT_ALONE[each.why]}{back}"


def _ref(teller: Teller, excluded: Exclusion) -> str | None:
    return None if excluded.key is None else teller.ref(excluded.mapping, excluded.side, excluded.key)


def _json(teller: Teller, excluded: Exclusion) -> Json:
    told = {"mapping": excluded.mapping, "record": _ref(teller, excluded), "why": excluded.why}
    return {**told, "by": excluded.who, "made": excluded.made}
