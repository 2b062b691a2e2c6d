"""What is a person asked, and what do they answer? review list, show, resolve, reopen."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

import click

from crmsync.cli import render
from crmsync.cli.actions import Teller
from crmsync.cli.flags import Function, Settings, confirmed, global_flags, show_pii_flag, usage, yes_flag
from crmsync.cli.question import answer, around_json, how, show_around
from crmsync.core.model import SIDES, Json, Mapping, Ref, Side, from_json

if TYPE_CHECKING:
    from crmsync.ledger.nouns import Review, Take
    from crmsync.run.world import World

STATES = ("open", "resolved", "settled", "lapsed", "withdrawn", "any")
_FILTERS = (
    click.option("--mapping", metavar="NAME", help="Only of this mapping."),
    click.option("--kind", metavar="KIND", help="Only of this kind: conflict, foreign-edit, first-link, match ..."),
    click.option("--field", metavar="NAME", help="Only about this field."),
    click.option("--ref", metavar="REF", help="Only about this record, e.g. crm.account/42."),
)


def filter_flags(function: Function) -> Function:
    """Which questions `list` and `resolve --all` are about."""
    for option in reversed(_FILTERS):
        function = option(function)
    return function


@click.group()
def review() -> None:
    """Answer what nobody but a person can.

    \b
      crmsync review list
      crmsync review show 3
      crmsync review resolve 3 --take crm
    """


@review.command(name="list")
@filter_flags
@click.option("--state", type=click.Choice(STATES), default="open", show_default=True)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, metavar="N")
@global_flags
def list_(settings: Settings, state: str, limit: int, **filters: str | None) -> None:
    """List the questions.

    \b
      crmsync review list --mapping account-customer --kind conflict
      crmsync review list --ref crm.account/42 --state any
    """
    with settings.world() as world:
        found = list(islice(_filtered(world, None if state == "any" else state, **filters), limit))
        teller = _teller(world, show=False)
        if settings.json:
            render.json({"reviews": [_json(world, teller, each) for each in found], "exit": 0})
        elif found:
            rows = [
                (e.n, e.state, _pair(world, teller, e), e.kind, e.field, render.when(e.opened), e.message)
                for e in found
            ]
            render.table(("n", "state", "records", "kind", "field", "since", "question"), rows, right=[0])
            render.say(f"next: crmsync review show {found[0].n}")
        else:
            render.say(f"no {'' if state == 'any' else f'{state} '}review")


@review.command()
@click.argument("number", type=int, metavar="N")
@show_pii_flag
@global_flags
def show(settings: Settings, number: int, show_pii: bool) -> None:
    """Show one, and how to answer it.

    What both sides say and said, what changed when, the records around it.

    \b
      crmsync review show 3
    """
    from crmsync.run.inspect import around

    with settings.world() as world:
        found, teller = world.ledger.review(number), _teller(world, show=show_pii)
        mapping = _mapping(world, found)
        told = around(world, mapping, found) if mapping else None
        if settings.json:
            more = {} if mapping is None or told is None else around_json(mapping, teller, found, told)
            render.json({**_json(world, teller, found), **more, "exit": 0})
            return
        for line in _head(world, teller, found):
            render.say(line)
        if mapping is not None and told is not None:
            show_around(mapping, teller, found, told)
            for line in how(mapping, found) if found.state == "open" else ():
                render.say(line)


def _head(world: World, teller: Teller, found: Review) -> Iterator[str]:
    yield f"review {found.n}, {found.state}: {found.kind} {found.field}".rstrip()
    yield f"  {_pair(world, teller, found)}  in {found.mapping}"
    yield f"  {found.message}"
    yield f"  asked by run {found.run}, {render.when(found.opened)}"
    told = f"answered by {found.who}: {answer(_mapping(world, found), teller, found)}"
    if found.state == "lapsed":
        yield f"  {'not answered' if found.take is None else told}; it is no longer asked"
    elif found.state == "withdrawn":
        yield f"  {told}, {render.when(found.closed)}; that was taken back"
    elif found.take is not None:
        yield f"  {told}, {render.when(found.closed)}"


@review.command()
@click.argument("numbers", type=int, nargs=-1, metavar="[N]...")
@click.option(
    "--take",
    required=True,
    metavar="ANSWER",
    help="A side's name, value=JSON (in the first side's terms), same, different, or same=KEY of a record that lacks.",
)
@click.option("--all", "everything", is_flag=True, help="All open ones that the filters leave.")
@filter_flags
@yes_flag
@global_flags
def resolve(
    settings: Settings, numbers: tuple[int, ...], take: str, everything: bool, yes: bool, **filters: str | None
) -> None:
    """Answer one question or many.

    The next run does as answered, if both sides still say what you saw. A value is in the first side's terms.

    \b
      crmsync review resolve 3 --take crm
      crmsync review resolve 4 --take 'value="a text"'
      crmsync review resolve 5 --take same
      crmsync review resolve 6 --take same=42
      crmsync review resolve --all --kind conflict --field notes --take pm
    """
    from crmsync.run.world import utc_now

    with settings.world(create=True) as world:
        if everything == bool(numbers):
            raise usage("name the reviews, or say --all", "see: crmsync review list")
        if not everything and any(filters.values()):
            raise usage("filters go with --all", "name the reviews, or say --all with the filters")
        chosen = list(_filtered(world, "open", **filters)) if everything else [world.ledger.review(n) for n in numbers]
        for each in chosen:
            _refuse_answered(world, each)
        if len(chosen) > 1 and take.startswith("same="):
            raise usage(f"{take} names one record, and {len(chosen)} reviews would take it", "answer them one by one")
        answers = [(each.n, *_take(world, each, take)) for each in chosen]
        if everything and not confirmed(f"Answer {render.count(len(answers), 'review')} with {take}?", yes):
            return
        with world.ledger.writing() as ledger:
            for number, side, value in answers:
                ledger.resolve_review(number, side, value, getpass.getuser(), utc_now())
    if settings.json:
        render.json({"resolved": [number for number, _, _ in answers], "exit": 0})
    else:
        render.say(f"{render.count(len(answers), 'review')} answered; next: crmsync run")


def _refuse_answered(world: World, found: Review) -> None:
    """What became of the answer that there is."""
    if found.state == "open":
        return
    if found.take is None:
        raise _unanswered(found)
    told = f"review {found.n} was answered by {found.who} on {render.when(found.closed)}"
    if found.state == "withdrawn":
        raise usage(
            f"{told}, and that was taken back", "the question is open under its own number: crmsync review list"
        )
    if found.state != "lapsed":
        raise usage(told, f"to answer it anew take that back first: crmsync review reopen {found.n}")
    raise usage(f"{told} and {_used(world, found)}", _instead(world, found))


def _used(world: World, found: Review) -> str:
    """Where no line of a journal shows it, it may as well have been too late."""
    from crmsync.run.inspect import use_of

    used = use_of(world, found)
    return f"used on {render.when(used.at)} (run {used.run})" if used else "used, or its values moved on"


def _instead(world: World, found: Review) -> str:
    """What can be done instead of answering anew."""
    if _mapping(world, found) is None:
        return ""
    records = " or ".join(_pair(world, _teller(world, show=False), found).split())
    look = f"crmsync explain {records.split()[0]} {found.field}".rstrip()
    return f"write the value that you want to {records} itself; {look} tells what a run does then"


def _unanswered(found: Review) -> Exception:
    message = f"review {found.n} lapsed without an answer: what it asked about has changed"
    return usage(message, "if it is still open it has a new number: crmsync review list")


def _filtered(
    world: World, state: str | None, mapping: str | None, kind: str | None, field: str | None, ref: str | None
) -> Iterator[Review]:
    """By number. Raises `Stopped` (exit 2) where no mapping has such a record."""
    from crmsync.run.refs import find_ref

    about, after = find_ref(world, ref) if ref else None, 0
    while page := world.ledger.reviews(mapping, state, kind, after=after):  # type: ignore[arg-type]  # one of STATES
        yield from (each for each in page if field in (None, each.field) and (not about or _names(world, each, about)))
        after = page[-1].n


def _names(world: World, found: Review, ref: Ref) -> bool:
    mapping = _mapping(world, found)
    return mapping is not None and any(
        Ref(end.system, end.entity, key) == ref
        for end, key in zip(mapping.ends, found.keys, strict=True)
        if key is not None
    )


def _take(world: World, asked: Review, text: str) -> tuple[Take, Json]:
    """What an answer means for this question: a side of its mapping, or one of the words."""
    mapping = _mapping(world, asked)
    word, given, value = text.partition("=")
    for side in SIDES:
        if mapping is not None and text == mapping.ends[side].name:
            return side, None
    if word == "value" and given:
        return "value", _value(value)
    if word == "same":
        return "same", _missing_key(world, mapping, asked, value if given else None)
    if text == "different":
        return "different", None
    names = ", ".join(end.name for end in mapping.ends) if mapping else "crm, pm"
    raise usage(f"review {asked.n} cannot take {text}", f"answers are: {names}, value=JSON, same, different")


def _missing_key(world: World, mapping: Mapping | None, asked: Review, text: str | None) -> Json:
    """The key of the record that the pair lacks: it must be there, and nobody else's counterpart."""
    from crmsync.connectors.base import fetch
    from crmsync.run.refs import find_ref

    if mapping is None or None not in asked.keys:
        if text is not None:
            raise usage(f"review {asked.n} has both its records", "say --take same")
        return None
    side: Side = 0 if asked.keys[0] is None else 1
    end = mapping.ends[side]
    name = f"{end.system}.{end.entity}"
    if text is None:
        raise usage(f"review {asked.n} lacks its record in {end.name}", f"name it: --take same=KEY of a {name}")
    ref = find_ref(world, text if text.startswith(f"{name}/") else f"{name}/{text}")
    if not any(raw.key == ref.key for raw in fetch(world.door(mapping, side), [ref.key])):
        raise usage(f"there is no {ref}", f"look it up in {end.name}; if it was never made: --take different")
    link = world.ledger.links(mapping.name, side, [ref.key]).get(ref.key)
    if link is not None and link.state != "gone":
        raise usage(f"{ref} is linked with another record already", f"see: crmsync link show {ref}")
    return list(ref.key)


def _value(text: str) -> Json:
    """JSON, or the text itself where it is none."""
    try:
        return from_json(text)
    except ValueError:
        return text


@review.command()
@click.argument("number", type=int, metavar="N")
@global_flags
def reopen(settings: Settings, number: int) -> None:
    """Take an answer back.

    As long as no run has used it. A link, or a judgement that two records are different, that it made goes with it.

    \b
      crmsync review reopen 3
    """
    from crmsync.run import judge

    with settings.world(create=True) as world:
        _refuse_lapsed(world, world.ledger.review(number))
        judge.reopen(world, number, getpass.getuser())
    if settings.json:
        render.json({"reopened": number, "exit": 0})
        return
    render.say(f"review {number} is open again")


def _refuse_lapsed(world: World, found: Review) -> None:
    """What was done is not taken back."""
    if found.state != "lapsed":
        return
    if found.take is None:
        raise _unanswered(found)
    told = answer(_mapping(world, found), _teller(world, show=False), found)
    message = f"review {found.n} was answered by {found.who} ({told}) and {_used(world, found)}"
    raise usage(message, _instead(world, found))


def _teller(world: World, *, show: bool) -> Teller:
    from crmsync.run.mask import Mask

    return Teller(world.project, Mask(world.project, show))


def _mapping(world: World, found: Review) -> Mapping | None:
    return next((each for each in world.project.mappings if each.name == found.mapping), None)


def _pair(world: World, teller: Teller, found: Review) -> str:
    return teller.pair(found.mapping, found.keys) if _mapping(world, found) else "(the mapping is gone)"


def _json(world: World, teller: Teller, found: Review) -> Json:
    masked = [
        [teller.mask.value(found.mapping, found.field, each) if found.field else each for each in pair]
        for pair in (found.values, found.base)
    ]
    return {
        "n": found.n, "mapping": found.mapping, "records": _pair(world, teller, found), "kind": found.kind,
        "field": found.field, "message": found.message, "values": masked[0], "base": masked[1], "run": found.run,
        "opened": found.opened, "state": found.state, "who": found.who, "closed": found.closed,
        "take": None if found.take is None else answer(_mapping(world, found), teller, found),
    }  # fmt: skip


COMMANDS = (review,)
