"""What is a person asked, and what do they answer? review list, show, resolve, reopen."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import click

from crmsync.cli import render
from crmsync.cli.actions import Teller
from crmsync.cli.flags import Settings, confirmed, global_flags, show_pii_flag, usage, yes_flag
from crmsync.core.model import ABSENT, SIDES, Json, Mapping, from_json

if TYPE_CHECKING:
    from crmsync.ledger.nouns import Review, Take
    from crmsync.run.world import World

STATES = ("open", "resolved", "settled", "lapsed", "any")
mapping_flag = click.option("--mapping", metavar="NAME", help="Only of this mapping.")
kind_flag = click.option(
    "--kind", metavar="KIND", help="Only of this kind: conflict, foreign-edit, first-link, match ..."
)


@click.group()
def review() -> None:
    """Answer what nobody but a person can.

    \b
      crmsync review list
      crmsync review show 3
      crmsync review resolve 3 --take crm
    """


@review.command(name="list")
@mapping_flag
@kind_flag
@click.option("--state", type=click.Choice(STATES), default="open", show_default=True)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, metavar="N")
@global_flags
def list_(settings: Settings, mapping: str | None, kind: str | None, state: str, limit: int) -> None:
    """List the questions.

    \b
      crmsync review list --mapping account-customer --kind conflict
    """
    with settings.world() as world:
        found = world.ledger.reviews(mapping, None if state == "any" else state, kind, limit=limit)  # type: ignore[arg-type]  # one of STATES
        teller = _teller(world, show=False)
        rows = [
            (
                each.n,
                each.state,
                _pair(world, teller, each),
                each.kind,
                each.field,
                render.when(each.opened),
                each.message,
            )
            for each in found
        ]
        if settings.json:
            render.json({"reviews": [_json(world, teller, each) for each in found], "exit": 0})
        elif rows:
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

    \b
      crmsync review show 3
    """
    with settings.world() as world:
        found, teller = world.ledger.review(number), _teller(world, show=show_pii)
        mapping = _mapping(world, found)
        if settings.json:
            render.json({**_json(world, teller, found), "exit": 0})
            return
        render.say(f"review {found.n}, {found.state}: {found.kind} {found.field}".rstrip())
        render.say(f"  {_pair(world, teller, found)}  in {found.mapping}")
        render.say(f"  {found.message}")
        render.say(f"  asked by run {found.run}, {render.when(found.opened)}")
        if found.state in ("resolved", "settled"):
            render.say(f"  answered by {found.who}, {render.when(found.closed)}: {_answer(mapping, found)}")
        if mapping is not None:
            _show_values(world, mapping, teller, found)
            if found.state == "open":
                for line in _how(mapping, found):
                    render.say(line)


def _show_values(world: World, mapping: Mapping, teller: Teller, found: Review) -> None:
    """The values in question and their base; for a whole pair all fields, as they are now."""
    names = [end.name for end in mapping.ends]
    if found.field and found.values != (None, None):
        told = [[teller.value(mapping.name, found.field, each) for each in pair] for pair in (found.values, found.base)]
        agreed = told[1] if any(each is not ABSENT for each in found.base) else ["", ""]
        rows = list(zip(names, told[0], agreed, strict=True))
        render.table(("side", "says", "said when they last agreed"), rows)
        return
    from crmsync.run.inspect import values_of

    values, _ = values_of(world, mapping, found.keys)
    fields = [
        (field.name, *(teller.value(mapping.name, field.name, values[side].get(field.name, ABSENT)) for side in SIDES))
        for field in mapping.fields
    ]
    render.table(("field", *names), fields)


def _how(mapping: Mapping, found: Review) -> list[str]:
    from crmsync.ledger.writer import WHICH_IS_WHICH

    takes = (
        ("same", "different") if found.kind in WHICH_IS_WHICH else (*(end.name for end in mapping.ends), "'value=...'")
    )
    return [f"answer: crmsync review resolve {found.n} --take {take}" for take in takes]


@review.command()
@click.argument("numbers", type=int, nargs=-1, metavar="[N]...")
@click.option(
    "--take",
    required=True,
    metavar="ANSWER",
    help="A side's name, value=JSON (in the first side's terms), same, or different.",
)
@click.option("--all", "everything", is_flag=True, help="All open ones that the filters leave.")
@mapping_flag
@kind_flag
@click.option("--field", metavar="NAME", help="Only about this field.")
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
      crmsync review resolve --all --kind conflict --field notes --take pm
    """
    from crmsync.run.world import utc_now

    with settings.world(create=True) as world:
        if everything == bool(numbers):
            raise usage("name the reviews, or say --all", "see: crmsync review list")
        chosen = _filtered(world, **filters) if everything else [world.ledger.review(n) for n in numbers]
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


def _filtered(world: World, mapping: str | None, kind: str | None, field: str | None) -> list[Review]:
    found, after = [], 0
    while page := world.ledger.reviews(mapping, "open", kind, after=after):
        found += [each for each in page if field in (None, each.field)]
        after = page[-1].n
    return found


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
        return "same", _value(value) if given else None
    if text == "different":
        return "different", None
    names = ", ".join(end.name for end in mapping.ends) if mapping else "crm, pm"
    raise usage(f"review {asked.n} cannot take {text}", f"answers are: {names}, value=JSON, same, different")


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

    As long as no run has used it.

    \b
      crmsync review reopen 3
    """
    from crmsync.run import judge

    with settings.world(create=True) as world:
        judge.reopen(world, number, getpass.getuser())
    if settings.json:
        render.json({"reopened": number, "exit": 0})
        return
    render.say(f"review {number} is open again")


def _teller(world: World, *, show: bool) -> Teller:
    from crmsync.run.mask import Mask

    return Teller(world.project, Mask(world.project, show))


def _mapping(world: World, found: Review) -> Mapping | None:
    return next((each for each in world.project.mappings if each.name == found.mapping), None)


def _pair(world: World, teller: Teller, found: Review) -> str:
    return teller.pair(found.mapping, found.keys) if _mapping(world, found) else "(the mapping is gone)"


def _answer(mapping: Mapping | None, found: Review) -> str:
    return mapping.ends[found.take].name if mapping and found.take in SIDES else str(found.take)


def _json(world: World, teller: Teller, found: Review) -> Json:
    masked = [
        [teller.mask.value(found.mapping, found.field, each) if found.field else each for each in pair]
        for pair in (found.values, found.base)
    ]
    return {
        "n": found.n, "mapping": found.mapping, "records": _pair(world, teller, found), "kind": found.kind,
        "field": found.field, "message": found.message, "values": masked[0], "base": masked[1], "run": found.run,
        "opened": found.opened, "state": found.state, "who": found.who,
        "take": None if found.take is None else _answer(_mapping(world, found), found),
    }  # fmt: skip


COMMANDS = (review,)
