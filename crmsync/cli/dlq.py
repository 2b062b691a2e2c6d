"""Which records wait for a mend? dlq list, show, retry, drop."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

import click

from crmsync.cli import render
from crmsync.cli.actions import Teller
from crmsync.cli.flags import Settings, confirmed, global_flags, select_flag, show_pii_flag, usage, yes_flag
from crmsync.core.model import Json, Mapping, from_json

if TYPE_CHECKING:
    from crmsync.ledger.nouns import DeadLetter
    from crmsync.run.people.mask import Mask
    from crmsync.run.world import World

STATES = ("open", "closed", "dropped", "any")
rule_flag = click.option("--rule", metavar="RULE", help="Only of this rule, e.g. contract/pattern.")
all_flag = click.option("--all", "everything", is_flag=True, help="All open ones that the filters leave.")


@click.group()
def dlq() -> None:
    """Look after records that wait for a mend.

    Dead letters: records that fail their contract or their write, with the reason and the source as it was.

    \b
      crmsync dlq list
      crmsync dlq show 2
      crmsync dlq retry 2
    """


@dlq.command(name="list")
@select_flag
@rule_flag
@click.option("--state", type=click.Choice(STATES), default="open", show_default=True)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, metavar="N")
@show_pii_flag
@global_flags
def list_(
    settings: Settings, select: tuple[str, ...], rule: str | None, state: str, limit: int, show_pii: bool
) -> None:
    """List the dead letters.

    \b
      crmsync dlq list -s account-customer
    """
    with settings.world() as world:
        found = list(islice(_filtered(world, None if state == "any" else state, select, rule), limit))
        teller = Teller.of(world, show_pii)
        if settings.json:
            render.json({"dead_letters": [_json(world, teller, each) for each in found], "exit": 0})
        elif found:
            rows = [
                (e.n, _state(e), _ref(world, teller, e), e.rule, e.path, e.attempts, render.when(e.opened), e.message)
                for e in found
            ]
            render.table(("n", "state", "record", "rule", "path", "attempts", "since", "message"), rows, right=[0, 5])
            render.say(f"next: crmsync dlq show {found[0].n}")
        else:
            render.say(f"no {'' if state == 'any' else f'{state} '}dead letter")


@dlq.command()
@click.argument("number", type=int, metavar="N")
@show_pii_flag
@global_flags
def show(settings: Settings, number: int, show_pii: bool) -> None:
    """Show one: what is wrong, how to mend it.

    \b
      crmsync dlq show 2
    """
    with settings.world() as world:
        found = world.ledger.dead_letter(number)
        teller = Teller.of(world, show_pii)
        snapshot = _snapshot(world, teller.mask, found)
        if settings.json:
            render.json({**_json(world, teller, found), "snapshot": snapshot, "exit": 0})
            return
        again = ", to be retried" if found.retry else ""
        render.say(f"dead letter {found.n}, {found.state}{again}: {_ref(world, teller, found)}")
        render.say(f"  {' '.join(filter(None, (found.rule, found.path)))}: {found.message}")
        render.say(f"  {found.mend}")
        told = f"tried {render.times(found.attempts)}, last {render.when(found.tried)}"
        render.say(f"  since {render.when(found.opened)} (run {found.run}), {told}")
        render.say("what was to be written:" if found.kind == "write" else "the record as it was:")
        render.json(snapshot)
        if found.state == "open":
            render.say(_what_next(found))


def _what_next(found: DeadLetter) -> str:
    retry = f"to try it as it is: crmsync dlq retry {found.n}"
    if found.kind == "write" and not found.rests:
        return "the next run tries it again"
    return f"once the record or the mapping changes, the next run tries it by itself; {retry}"


def _snapshot(world: World, mask: Mask, found: DeadLetter) -> Json:
    """The source record; of a failed write what was to be written, on the other side. All hidden if nobody knows what
    is about people."""
    mapping = _mapping(world, found)
    if mapping is None:
        return "(hidden: the mapping is gone)"
    end = mapping.ends[1 - found.side if found.kind == "write" else found.side]
    return mask.record(end.contract, from_json(found.snapshot))


@dlq.command()
@click.argument("numbers", type=int, nargs=-1, metavar="[N]...")
@all_flag
@select_flag
@rule_flag
@global_flags
def retry(
    settings: Settings, numbers: tuple[int, ...], everything: bool, select: tuple[str, ...], rule: str | None
) -> None:
    """Let the next run try these again.

    However often it has.

    \b
      crmsync dlq retry 2 3
      crmsync dlq retry --all --rule write/refused
    """
    from crmsync.run.world import utc_now

    with settings.world(create=True) as world:
        chosen = _chosen(world, numbers, everything, select, rule)
        with world.writing() as ledger:
            ledger.retry_dead(chosen, getpass.getuser(), utc_now())
    _done(settings, "retry", chosen, f"{render.count(len(chosen), 'dead letter')} to be retried; next: crmsync run")


@dlq.command()
@click.argument("numbers", type=int, nargs=-1, metavar="[N]...")
@all_flag
@select_flag
@rule_flag
@yes_flag
@global_flags
def drop(
    settings: Settings, numbers: tuple[int, ...], everything: bool, select: tuple[str, ...], rule: str | None, yes: bool
) -> None:
    """Hear no more of these.

    Until their records change.

    \b
      crmsync dlq drop 2
    """
    from crmsync.run.world import utc_now

    with settings.world(create=True) as world:
        chosen = _chosen(world, numbers, everything, select, rule)
        if everything and not confirmed(f"Drop {render.count(len(chosen), 'dead letter')}?", yes):
            return
        with world.writing() as ledger:
            ledger.drop_dead(chosen, getpass.getuser(), utc_now())
    _done(settings, "drop", chosen, f"{render.count(len(chosen), 'dead letter')} dropped")


def _chosen(
    world: World, numbers: tuple[int, ...], everything: bool, select: tuple[str, ...], rule: str | None
) -> list[int]:
    if everything == bool(numbers):
        raise usage("name the dead letters, or say --all", "see: crmsync dlq list")
    if not everything:
        return list(numbers)
    return [each.n for each in _filtered(world, "open", select, rule)]


def _filtered(world: World, state: str | None, select: tuple[str, ...], rule: str | None) -> Iterator[DeadLetter]:
    """By number. Raises `Stopped` (exit 2) where no mapping is named so."""
    from crmsync.run.selected import numbered

    for each in numbered(world, world.ledger.dead_letters, select, state):
        if rule in (None, each.rule):
            yield each


def _state(found: DeadLetter) -> str:
    """Poison is an open one that has failed too often to be tried again unasked."""
    from crmsync.ledger.nouns import UNANSWERED

    poison = found.state == "open" and found.rule == UNANSWERED and found.rests
    return "poison" if poison else found.state


def _done(settings: Settings, what: str, numbers: list[int], words: str) -> None:
    if settings.json:
        render.json({what: numbers, "exit": 0})
    else:
        render.say(words)


def _mapping(world: World, found: DeadLetter) -> Mapping | None:
    return next((each for each in world.project.mappings if each.name == found.mapping), None)


def _ref(world: World, teller: Teller, found: DeadLetter) -> str:
    mapping = _mapping(world, found)
    if mapping is None:
        return f"{found.mapping} (gone)"
    return teller.ref(mapping.name, found.side, found.key)


def _json(world: World, teller: Teller, found: DeadLetter) -> Json:
    return {
        "n": found.n, "mapping": found.mapping, "record": _ref(world, teller, found), "kind": found.kind,
        "rule": found.rule, "path": found.path, "message": found.message, "mend": found.mend, "run": found.run,
        "opened": found.opened, "tried": found.tried, "attempts": found.attempts, "retry": found.retry,
        "state": _state(found),
    }  # fmt: skip


COMMANDS = (dlq,)
