"""What is a person asked, and what do they answer? review list, show, work, resolve, reopen."""

from __future__ import annotations

import getpass
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from crmsync.cli import pair, render
from crmsync.cli.actions import Teller
from crmsync.cli.chosen import STATES, Filter, chosen, filter_flags
from crmsync.cli.flags import Settings, confirmed, global_flags, show_pii_flag, usage, yes_flag
from crmsync.cli.question import answer, around_json, how, show_around
from crmsync.cli.work import work
from crmsync.core.model import SIDES, Finding, Json, Mapping, Ref, Side, from_json

if TYPE_CHECKING:
    from crmsync.ledger.nouns import Review, Take
    from crmsync.run.world import World

EXAMPLES: Final = 3  # of questions that share a record; of more, only the number is told


@click.group()
def review() -> None:
    """Answer what nobody but a person can.

    \b
      crmsync review list
      crmsync review show 3
      crmsync review work
      crmsync review resolve 3 --take crm
    """


@review.command(name="list")
@filter_flags
@click.option("--state", type=click.Choice(STATES), default="open", show_default=True)
@click.option("--sort", type=click.Choice(["number", "score"]), default="number", show_default=True)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, metavar="N", help="At most so many.")
@click.option("--all", "everything", is_flag=True, help="However many there are.")
@show_pii_flag
@global_flags
def list_(
    settings: Settings,
    state: str,
    sort: Literal["number", "score"],
    limit: int,
    everything: bool,
    show_pii: bool,
    **filters: Any,
) -> None:
    """List the questions.

    \b
      crmsync review list -s account-customer --kind conflict
      crmsync review list --ref crm.account/42 --state any
      crmsync review list --kind match --min-score 0.9 --sort score
    """
    with settings.world() as world:
        every = list(chosen(world, None if state == "any" else state, Filter(**filters)))
        if sort == "score":
            every.sort(key=lambda each: (-(each.score or 0.0), each.n))
        found = every if everything else every[:limit]
        teller = Teller.of(world, show_pii)
        if settings.json:
            render.json({"reviews": [_json(world, teller, each) for each in found], "total": len(every), "exit": 0})
        elif found:
            _show_list(world, teller, found)
            if len(found) < len(every):
                render.say(f"and {len(every) - len(found)} more: --limit N or --all")
            render.say(f"next: crmsync review show {found[0].n}")
        else:
            render.say(f"no {'' if state == 'any' else f'{state} '}review")


def _show_list(world: World, teller: Teller, found: Sequence[Review]) -> None:
    """A column that has nothing to say is left out."""
    columns: dict[str, list[object]] = {
        "n": [each.n for each in found],
        "state": [each.state for each in found],
        "records": [_pair(world, teller, each) for each in found],
        "kind": [each.kind for each in found],
        "field": [each.field for each in found],
        "score": [pair.score(each) for each in found],
        "later": [each.later_who if each.state == "open" else "" for each in found],
        "since": [render.when(each.opened) for each in found],
        "question": [_question(world, each) for each in found],
    }
    shown = {name: cells for name, cells in columns.items() if any(cells) or name not in ("score", "later")}
    right = [place for place, name in enumerate(shown) if name in ("n", "score")]
    render.table(tuple(shown), list(zip(*shown.values(), strict=True)), right=right)


def _question(world: World, found: Review) -> str:
    """With why the two were not linked, where their score would do and the question does not tell."""
    why = () if found.against else _not_linked(world, found)
    return f"{found.message}; not linked by itself: {', '.join(why)}" if why else found.message


def _not_linked(world: World, found: Review) -> Sequence[str]:
    """Why two records were not linked by themselves; nothing where their score says it."""
    from crmsync.ledger.nouns import MATCH
    from crmsync.run.match.queue import likely_rival

    mapping = _mapping(world, found)
    rule = mapping.match if mapping else None
    likely = rule is not None and found.kind == MATCH and found.score is not None and found.score >= rule.link_at
    if found.against or rule is None or not likely or found.state != "open":
        return found.against
    rival = likely_rival(world, found, rule.link_at)
    return [f"review {rival.n} is likely, too" if rival else f"see crmsync review show {found.n}"]


@review.command()
@click.argument("number", type=int, metavar="N")
@show_pii_flag
@global_flags
def show(settings: Settings, number: int, show_pii: bool) -> None:
    """Show one, and how to answer it.

    What both sides say and said, what changed when, the records around it. Of two records that may be one: what
    differs, the score reason by reason, and who else they may be.

    \b
      crmsync review show 3
    """
    from crmsync.ledger.nouns import PAIRS

    with settings.world() as world:
        found, teller = world.ledger.review(number), Teller.of(world, show_pii)
        mapping = _mapping(world, found)
        if settings.json:
            more = {} if mapping is None else _more(world, mapping, teller, found)
            render.json({**_json(world, teller, found), **more, "exit": 0})
            return
        for line in _head(world, teller, found):
            render.say(line)
        if mapping is not None:
            (_show_pair if found.kind in PAIRS else _show_around)(world, mapping, teller, found)
            for line in how(mapping, teller, found) if found.state == "open" else ():
                render.say(line)


def _show_pair(world: World, mapping: Mapping, teller: Teller, found: Review) -> None:
    from crmsync.run.match.queue import pair_of

    pair.show_pair(teller, pair_of(world, mapping, found))


def _show_around(world: World, mapping: Mapping, teller: Teller, found: Review) -> None:
    from crmsync.run.inspect import around

    show_around(mapping, teller, found, around(world, mapping, found))


def _more(world: World, mapping: Mapping, teller: Teller, found: Review) -> dict[str, Json]:
    from crmsync.ledger.nouns import PAIRS
    from crmsync.run.inspect import around
    from crmsync.run.match.queue import pair_of

    if found.kind in PAIRS:
        return pair.pair_json(teller, pair_of(world, mapping, found))
    return around_json(mapping, teller, found, around(world, mapping, found))


def _head(world: World, teller: Teller, found: Review) -> Iterator[str]:
    from crmsync.ledger.nouns import ASKED_BY

    yield f"review {found.n}, {found.state}: {found.kind} {found.field}".rstrip()
    yield f"  {_pair(world, teller, found)}  in {found.mapping}"
    yield f"  {found.message}"
    yield f"  asked by {found.run if found.run == ASKED_BY else f'run {found.run}'}, {render.when(found.opened)}"
    if found.later is not None and found.state == "open":
        yield f"  put off by {found.later_who}, {render.when(found.later)}"
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
@click.option("--skip-rivals", is_flag=True, help="With same: leave pairs open that share a record with each other.")
@filter_flags
@yes_flag
@global_flags
def resolve(
    settings: Settings,
    numbers: tuple[int, ...],
    take: str,
    everything: bool,
    skip_rivals: bool,
    yes: bool,
    **filters: Any,
) -> None:
    """Answer one question or many.

    The next run does as answered, if both sides still say what you saw. A value is in the first side's terms. Of
    several pairs that share a record one can be the same: many such answers at once are refused, or skipped.

    \b
      crmsync review resolve 3 --take crm
      crmsync review resolve 4 --take 'value="a text"'
      crmsync review resolve 5 --take same
      crmsync review resolve 6 --take same=42
      crmsync review resolve --all --kind conflict --field notes --take pm
      crmsync review resolve --all --kind match --min-score 0.97 --take same --skip-rivals
    """
    from crmsync.run.match import queue

    if skip_rivals and take != "same":
        raise usage(f"--skip-rivals goes with --take same, not with {take}", "leave it out")
    with settings.world(create=True) as world:
        named = _named(world, numbers, everything, Filter(**filters))
        if len(named) > 1 and take.startswith("same="):
            raise usage(f"{take} names one record, and {len(named)} reviews would take it", "answer them one by one")
        asked = queue.without_rivals(named) if skip_rivals else named
        if take == "same":
            _refuse_rivals(world, asked)
        who = getpass.getuser()
        answers = [queue.prepared(world, each, *_take(world, each, take), who) for each in asked]
        if everything and not yes:
            click.echo(render.clean(_effect(world, asked, take)), err=True)
        if everything and not confirmed(f"Answer {render.count(len(answers), 'review')} with {take}?", yes):
            return
        queue.give(world, answers, who)
    skipped = [each.n for each in named if each not in asked]
    if settings.json:
        render.json({"resolved": [each.n for each in asked], "skipped": skipped, "exit": 0})
        return
    left = f", {len(skipped)} left open that share a record" if skipped else ""
    render.say(f"{render.count(len(answers), 'review')} answered{left}; next: crmsync run")


def _named(world: World, numbers: Sequence[int], everything: bool, only: Filter) -> list[Review]:
    """The open questions that are meant. Raises `Stopped` (exit 2), ReviewNotOpen where there is none of a number."""
    if everything == bool(numbers):
        raise usage("name the reviews, or say --all", "see: crmsync review list")
    if not everything and only.given:
        raise usage("filters go with --all", "name the reviews, or say --all with the filters")
    named = list(chosen(world, "open", only)) if everything else [world.ledger.review(n) for n in numbers]
    for each in named:
        _refuse_answered(world, each)
    return named


def _refuse_rivals(world: World, asked: Sequence[Review]) -> None:
    """No record is the same as two others. Raises `Stopped` (exit 2) with how many there are, and the first ones."""
    from crmsync.run.match.queue import rivals, without_rivals
    from crmsync.run.world import Stopped

    groups = rivals(asked)
    if not groups:
        return
    teller = Teller.of(world)
    told = dict.fromkeys(_sharing(world, teller, group) for group in groups)
    sharing = len(asked) - len(without_rivals(asked))
    message = f"{sharing} of {len(asked)} reviews share a record with another one of them: one at most can be the same"
    mend = "answer those one by one, or with crmsync review work; --skip-rivals takes only the others"
    examples = (Finding("usage", each) for each in islice(told, EXAMPLES))
    raise Stopped(2, Finding("usage", message, mend), *examples)


def _sharing(world: World, teller: Teller, group: Sequence[Review]) -> str:
    named = [f"review {each.n} ({_pair(world, teller, each)})" for each in group[:EXAMPLES]]
    more = f" and {len(group) - EXAMPLES} more" if len(group) > EXAMPLES else ""
    return f"these share a record: {'; '.join(named)}{more}"


def _effect(world: World, asked: Sequence[Review], take: str) -> str:
    """What an answer to all of these would do, in one line."""
    from crmsync.run.match.queue import others_about

    kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(Counter(each.kind for each in asked).items()))
    scores = [each.score for each in asked if each.score is not None]
    told = f"{render.count(len(asked), 'question')}{f' ({kinds})' if kinds else ''}"
    if scores:
        told += f", score {min(scores):.2f} to {max(scores):.2f}"
    if take == "same":
        ended = others_about(world, asked)
        return (
            f"{told}: each pair becomes one; {render.count(len(ended), 'other question')} about these records would end"
        )
    return f"{told}: no such pair is asked about again" if take == "different" else f"{told}: the next run does so"


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
    records = " or ".join(_pair(world, Teller.of(world), found).split())
    look = f"crmsync explain {records.split()[0]} {found.field}".rstrip()
    return f"write the value that you want to {records} itself; {look} tells what a run does then"


def _unanswered(found: Review) -> Exception:
    message = f"review {found.n} lapsed without an answer: what it asked about has changed"
    return usage(message, "if it is still open it has a new number: crmsync review list")


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
    _refuse_merged(world, mapping, side, ref)
    link = world.ledger.links(mapping.name, side, [ref.key]).get(ref.key)
    if link is not None and link.state != "gone":
        raise usage(f"{ref} is linked with another record already", f"see: crmsync link show {ref}")
    return list(ref.key)


def _refuse_merged(world: World, mapping: Mapping, side: Side, ref: Ref) -> None:
    """A record that was merged into another one is nobody's counterpart."""
    survivor = world.ledger.survivors(mapping.name, side, [ref.key]).get(ref.key)
    if survivor is None:
        return
    into = world.names.ref(mapping.ends[side], survivor)
    mend = f"if that is the one: --take same={into}; else take the merge back first: crmsync link split {ref}"
    raise usage(f"{ref} was merged into {into}", mend)


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

    A link, or a judgement that two records are different, that it made goes with it, even where a run has used it. A
    value that a run has written stays written.

    \b
      crmsync review reopen 3
    """
    from crmsync.run.match import judge

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
    told = answer(_mapping(world, found), Teller.of(world), found)
    message = f"review {found.n} was answered by {found.who} ({told}) and {_used(world, found)}"
    raise usage(message, _instead(world, found))


def _mapping(world: World, found: Review) -> Mapping | None:
    return next((each for each in world.project.mappings if each.name == found.mapping), None)


def _pair(world: World, teller: Teller, found: Review) -> str:
    return pair.records(teller, found) if _mapping(world, found) else "(the mapping is gone)"


def _json(world: World, teller: Teller, found: Review) -> Json:
    masked = [
        [teller.mask.value(found.mapping, found.field, each) if found.field else each for each in pair]
        for pair in (found.values, found.base)
    ]
    return {
        "n": found.n, "mapping": found.mapping, "records": _pair(world, teller, found), "kind": found.kind,
        "field": found.field, "message": found.message, "values": masked[0], "base": masked[1], "run": found.run,
        "opened": found.opened, "state": found.state, "who": found.who, "closed": found.closed, "score": found.score,
        "later": None if found.later is None else {"who": found.later_who, "since": found.later},
        "take": None if found.take is None else answer(_mapping(world, found), teller, found),
        "not_linked": list(_not_linked(world, found)),
    }  # fmt: skip


review.add_command(work)

COMMANDS = (review,)
