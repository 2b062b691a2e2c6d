"""The chain behind a value, in sentences: who says what, who owns it, who wrote it last, when and why."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingOf
from typing import TYPE_CHECKING, Final

from crmsync.cli import render
from crmsync.cli.actions import Teller
from crmsync.cli.episode import FEW, because, episode_json, of_field, pair_sentence
from crmsync.core.model import ABSENT, SIDES, Agreed, Bucket, Call, Create, Field, Hold, Json, Mapping, Side, to_json

if TYPE_CHECKING:
    from crmsync.ledger.nouns import LinkRow, State
    from crmsync.run.episodes import Episode
    from crmsync.run.inspect import FieldStory, PairStory


ONE_FROM_THE_OTHER: Final = "one was created from the other"

STATES: Final = {
    "missing": "One of them was not there when it was last listed; the next complete listing says whether it is gone.",
    "gone": "One of them is gone, and their link with it.",
}

# What a run has made of a record, {}.
LEFT: Final[MappingOf[Bucket, str]] = {
    "unchanged": "that looked closer had nothing to do for {}",  # at what has not changed since none does
    "applied": "that found something to do brought {} into step",
    "held": "held {} back",
    "waiting": "left {} waiting",
    "rejected": "rejected {}",
    "failed": "failed with {}",
    "out_of_scope": "left {} alone",
}


def tell(story: PairStory, teller: Teller) -> Iterator[str]:
    mapping = story.mapping
    yield f"{teller.pair(mapping.name, story.keys)}  in {mapping.name} ({mapping.at})"
    yield from (f"    {line}" for line in _pair(story, teller))
    for each in story.fields:
        yield f"  {each.field.name}  ({each.field.at})"
        yield from (f"      {line}" for line in _field(story, each, teller))
    yield ""


def _pair(story: PairStory, teller: Teller) -> Iterator[str]:
    name = story.mapping.name
    yield from _linked(story.link)
    yield from (pair_sentence(each, teller) for each in _of_pair(story))
    yield from _merges(story, teller)
    yield from _left_alone(story, teller)
    for side in SIDES:
        key = story.keys[side]
        if key is not None and not story.found[side]:
            yield f"{teller.ref(name, side, key)} is not in its system now."
    told: dict[str, list[str]] = {}
    for side in SIDES:
        key, state = story.keys[side], story.states[side]
        if key is not None and state and state.bucket:
            told.setdefault(_left(story.mapping, state), []).append(teller.ref(name, side, key))
    yield from (sentence.replace("{}", " and ".join(refs), 1) for sentence, refs in told.items())
    for letter in story.letters:
        yield f"Dead letter {letter.n} is {letter.state}: {letter.message} ({letter.rule}); crmsync dlq show {letter.n}"
    for review in story.reviews:
        if not review.field:
            yield f"Review {review.n} is open: {review.message}; crmsync review show {review.n}"
    for finding in story.wrong:
        yield f"Now it is rejected: {finding.message} ({' '.join(filter(None, (finding.rule, finding.path)))})"
    yield from (
        f"No run takes it up yet: {each.message}{f'; {each.mend}' if each.mend else ''}" for each in story.unready
    )
    if story.mapping.shadow:
        yield f"{name} is in the shadow: no run writes anything; crmsync shadow -s {name} compares."
    yield from (f"{_who(story)} would do this: {each}" for each in _whole(story, teller))


def _linked(link: LinkRow | None) -> Iterator[str]:
    if link is None:
        yield "It is not linked."
        return
    run = f" in run {link.run}" if link.run else ""
    why = ONE_FROM_THE_OTHER if link.reason == "created" else f"{link.reason} (score {link.score:.2f})"
    yield f"Linked on {render.when(link.made)} by {link.actor}{run}: {why}."
    if link.state != "live":
        yield STATES[link.state]


def _left(mapping: Mapping, state: State) -> str:
    """What the last run made of a record, {}, or what a person has decided about it since."""
    if state.bucket == "waiting" and not state.era:  # no run has looked at it since: see `Writer.look_again`
        return f"The next run looks at {{}} again: {state.reason}."
    why = _about(mapping) if state.reason == "out of scope" else state.reason
    if state.bucket == "applied":  # what was done is told by the audit
        why = ""
    return f"The last run {LEFT[state.bucket or 'unchanged']}{f': {why}' if why else ''}."


def _about(mapping: Mapping) -> str:
    """`mapping account-customer is only about those of crm with type == 'customer'`"""
    sides = [f"those of {mapping.ends[side].name} with {text}" for side in SIDES if (text := mapping.scope[side])]
    return f"mapping {mapping.name} is only about {' and '.join(sides)}" if sides else ""


def _who(story: PairStory) -> str:
    return "Out of the shadow the next run" if story.mapping.shadow else "The next run"


def _of_pair(story: PairStory) -> list[Episode]:
    """What was told of the records as such, but for the making of the link that holds: that is said anyway."""
    made = story.link.made if story.link else ""
    return [
        each for each in story.history
        if each.row.event != "update" and not each.told.get("field")
        and not (each.row.event in ("create", "link") and each.row.at == made)
    ]  # fmt: skip


def _ref(story: PairStory, teller: Teller) -> str:
    side: Side = 0 if story.keys[0] is not None else 1
    return teller.ref(story.mapping.name, side, story.keys[side] or ())


def _left_alone(story: PairStory, teller: Teller) -> Iterator[str]:
    from crmsync.run.world import LEFT_ALONE

    for side in SIDES:
        key, state = story.keys[side], story.states[side]
        if key is not None and state and state.excluded:
            ref = teller.ref(story.mapping.name, side, key)
            yield f"{ref} is left alone: {LEFT_ALONE[state.excluded]}; crmsync link include {ref} takes that back."


def _merges(story: PairStory, teller: Teller) -> Iterator[str]:
    for row in story.merges:
        record, survivor = (teller.ref(row.mapping, row.side, each) for each in (row.key, row.survivor))
        yield f"{record} was merged into {survivor} by {row.who}, {render.when(row.made)}."
    for side in SIDES:
        key, into = story.keys[side], story.into[side]
        if key is not None and into is not None:
            refs = [teller.ref(story.mapping.name, side, each) for each in (key, into)]
            yield f"{refs[0]} is {refs[1]} now: no run looks at it; crmsync link split {refs[0]} takes that back."


def _whole(story: PairStory, teller: Teller) -> Iterator[str]:
    """What is to be done that is about no single field."""
    for line in story.next:
        if not hasattr(line, "changes") and not getattr(line, "field", ""):
            yield from teller.lines(line)
        elif isinstance(line, Create):
            yield next(teller.lines(line))


def _field(story: PairStory, each: FieldStory, teller: Teller) -> Iterator[str]:
    mapping, field = story.mapping, each.field
    yield f"{_owner(mapping, field)}{_way(mapping, field)}"
    yield f"Now {_both(story, each.field, each.now, teller, 'says')}."
    yield from _golden(story, each, teller)
    yield from _agreed(story, field, each.base, teller)
    yield from of_field(
        mapping, field.name, each.history, teller, _ref(story, teller), None if len(story.fields) == 1 else FEW
    )
    for coming in each.next:
        if isinstance(coming, Hold):
            yield f"The next run would hold it: {coming.message}."
        else:
            side, change = coming
            told = teller.value(mapping.name, field.name, change.after)
            yield f"{_who(story)} would write {told} to {mapping.ends[side].name}, because {because(change.reason)}."
    if not each.next and not story.wrong and not story.unready:
        yield "The next run would leave it as it is."
    if each.review:
        yield f"Review {each.review.n} is open, and asks a person: crmsync review show {each.review.n}"


def _golden(story: PairStory, each: FieldStory, teller: Teller) -> Iterator[str]:
    """What stands for all records that are one, and what the one that is left says, if that is something else."""
    mapping, name = story.mapping.name, each.field.name
    for side in SIDES:
        golden, key = each.golden[side], story.keys[side]
        if golden is not None and key is not None:
            told = f"The golden value is {teller.value(mapping, name, golden['value'])}, of {golden['from']}"
            says = each.now[side]
            own = "" if says == golden["value"] else f"; {teller.ref(mapping, side, key)} itself says "
            yield f"{told}: {golden['rule']}{own}{teller.value(mapping, name, says) if own else ''}."


def _owner(mapping: Mapping, field: Field) -> str:
    if field.value is not ABSENT:
        return "A constant"
    match field.owner:
        case 0 | 1:
            return f"{mapping.ends[field.owner].name} owns it"
        case "shared":
            return "Shared by both sides"
        case _:
            return "Filled on create only, and owned by nobody"


def _way(mapping: Mapping, field: Field) -> str:
    """`: crm name -> pm customer_name, through trim, collapse_spaces.`"""
    names = [f"{mapping.ends[side].name} {_place(field, side)}" for side in SIDES]
    if field.paths[0] is None or field.paths[1] is None:
        return f": {names[0] if field.paths[0] is not None else names[1]}."
    arrow = {0: "->", 1: "<-"}.get(field.owner, "<->") if isinstance(field.owner, int) else "<->"
    through = [
        f"; to {mapping.ends[side].name} through {', '.join(map(_call, field.to[side]))}"
        for side in SIDES
        if field.to[side]
    ]
    return f": {names[0]} {arrow} {names[1]}{''.join(through)}."


def _place(field: Field, side: Side) -> str:
    place = field.paths[side]
    return ", ".join(place) if isinstance(place, tuple) else place or "-"


def _call(call: Call) -> str:
    return call.name if call.args is None else f"{call.name} {to_json(call.args).decode()}"


def _both(story: PairStory, field: Field, values: tuple[Json, Json], teller: Teller, says: str) -> str:
    """`crm says "a", pm says "b"`, without a side that has no place for it."""
    told = [
        f"{story.mapping.ends[side].name} {says} {teller.value(story.mapping.name, field.name, values[side])}"
        for side in SIDES
        if field.paths[side] is not None and story.keys[side] is not None and (story.found[side] or says == "said")
    ]
    return ", ".join(told) or "nobody says anything"


def _agreed(story: PairStory, field: Field, base: Agreed | None, teller: Teller) -> Iterator[str]:
    if base is not None:
        filled = " The default was filled in; it never flows back." if base.filled else ""
        yield f"When they last agreed, {_both(story, field, base.values, teller, 'said')}.{filled}"
    elif story.link is not None:
        yield "They have not agreed on it yet."


# As JSON ---------------------------------------------------------------------------------------------------


def story_json(story: PairStory, teller: Teller) -> Json:
    mapping, name = story.mapping, story.mapping.name
    keys = {
        mapping.ends[side].name: teller.ref(name, side, key) if (key := story.keys[side]) is not None else None
        for side in SIDES
    }
    return {
        "mapping": name,
        "at": str(mapping.at),
        "records": keys,
        "link": _link_json(story.link),
        "buckets": {mapping.ends[side].name: state.bucket if (state := story.states[side]) else None for side in SIDES},
        "merges": [
            {"record": teller.ref(name, row.side, row.key), "into": teller.ref(name, row.side, row.survivor)}
            for row in story.merges
        ],
        "excluded": {
            mapping.ends[side].name: state.excluded if (state := story.states[side]) else None for side in SIDES
        },
        "dead_letters": [letter.n for letter in story.letters],
        "reviews": [review.n for review in story.reviews],
        "history": [pair_sentence(told, teller) for told in _of_pair(story)],
        "unready": [{"rule": each.rule, "message": each.message, "mend": each.mend} for each in story.unready],
        "fields": {each.field.name: _field_json(story, each, teller) for each in story.fields},
    }


def _link_json(link: LinkRow | None) -> Json:
    if link is None:
        return None
    told = {"made": link.made, "by": link.actor, "run": link.run, "reason": link.reason}
    return {**told, "score": link.score, "state": link.state}


def _field_json(story: PairStory, each: FieldStory, teller: Teller) -> Json:
    from crmsync.run.episodes import last_written

    mapping, field = story.mapping, each.field

    def sides(values: tuple[Json, Json]) -> dict[str, Json]:
        shown = (teller.mask.value(mapping.name, field.name, value) for value in values)
        return {mapping.ends[side].name: value for side, value in zip(SIDES, shown, strict=True)}

    return {
        "at": str(field.at),
        "owner": mapping.ends[field.owner].name if field.owner in SIDES else field.owner,
        "now": sides(each.now),
        "base": sides(each.base.values) if each.base else None,
        "golden": _golden_json(story, each, teller),
        "written": episode_json(mapping, field.name, last_written(each.history, field.name), teller),
        "history": [episode_json(mapping, field.name, told, teller) for told in each.history],
        "next": [f"hold: {each.message}" if isinstance(each, Hold) else each[1].reason for each in each.next],
        "review": each.review.n if each.review else None,
    }


def _golden_json(story: PairStory, each: FieldStory, teller: Teller) -> Json:
    mapping = story.mapping
    return {
        mapping.ends[side].name: {**golden, "value": teller.mask.value(mapping.name, each.field.name, golden["value"])}
        for side in SIDES
        if (golden := each.golden[side]) is not None
    } or None
