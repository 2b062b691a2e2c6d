"""How is what has happened told to somebody who sells? One sentence for each row of the audit, newest last."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from crmsync.cli import render
from crmsync.cli.actions import Teller
from crmsync.core.model import ABSENT, SIDES, Json
from crmsync.core.model import Mapping as Declared

if TYPE_CHECKING:
    from crmsync.core.audit import FieldTold
    from crmsync.run.episodes import Episode

FEW: Final = 3  # episodes of one field among many
NEVER: Final = "crmsync has never written it."
ERASED: Final = "something happened here that was erased since"

BECAUSE: Final = {
    "created": "the record was created from the other one",
    "seeded": "the record was created, and the other side gives its first value",
    "default": "the record was created, and there was nothing to fill the field with",
    "constant": "the mapping gives it a fixed value",
    "first-link": "the two records were linked for the first time",
    "owner-changed": "its owner changed it",
    "peer-changed": "the other side changed it",
    "mapping-changed": "the mapping says it otherwise now",
    "foreign-edit": "it was changed on the side that does not own it",
    "merged": "both sides' changes were put together",
    "decided": "a person decided so",
    "archived": "the record was archived",
    "reverted": "an earlier write was taken back",
}

# What is said otherwise of a write that is still to come.
COMING: Final = {
    "created": "the record is to be created from the other one",
    "seeded": "the record is to be created, and the other side gives its first value",
    "default": "the record is to be created, and there is nothing to fill the field with",
    "first-link": "the two records are to be linked for the first time",
    "archived": "the record is to be archived",
}

# Why a record was archived or deleted.
AWAY: Final = {
    "gone on the other side": "the other one is there no more",
    "left scope": "the mapping is about the other one no more",
    "reverted": "the run that had made it was undone",
    "forgotten": "the other one was forgotten",
}

# What a row says about a whole pair. `who`: a person or crmsync; `one`, `two`: the records, what it came from first.
EVENTS: Final[Mapping[str, str]] = {
    "create": "{who} created {two} from {one}",
    "update": "{who} wrote to {two}, as {one} says",
    "archive": "{who} archived {two}, because {why}",
    "delete": "{who} deleted {two}, because {why}",
    "restore": "{who} restored {two}, because an earlier write was taken back",
    "unknown": "{who} sent a write from {one}, and nobody knows what became of it",
    "gone": "{who} found that {one} or {two} is there no more, and ended their link",
    "link": "{who} linked {one} and {two}: {why}",
    "split": "{who} said that {one} and {two} are two things",
    "distinct": "{who} said that {one} and {two} are two things",
    "merge": "{who} said that {two} is {one}, and merged them",
    "unmerge": "{who} took back that {two} is {one}",
    "decide": "{who} answered review {review} about {one} {two} ({kind}): {answer}",
    "reopen": "{who} took back the answer to review {review} ({kind})",
    "adopt": "{who} took what {one} and {two} both say for agreed",
    "exclude": "{who} said that {one} is to be left alone",
    "include": "{who} said that {one} is not to be left alone any more",
    "retry": "{who} asked to try {one} again (dead letter {letter})",
    "drop": "{who} wants to hear no more of dead letter {letter} about {one}",
    "forget": "{who} had everything erased that was told before",
}


def of_field(
    mapping: Declared, name: str, history: Sequence[Episode], teller: Teller, ref: str, most: int | None
) -> Iterator[str]:
    """The sentences of one field, the last `most` of them."""
    if not history:
        yield NEVER
        return
    left = 0 if most is None else max(0, len(history) - most)
    if left:
        yield f"{render.count(left, 'earlier change')}: crmsync explain {ref} {name}"
    for each in history[left:]:
        yield field_sentence(mapping, name, each, teller)


def field_sentence(mapping: Declared, name: str, each: Episode, teller: Teller) -> str:
    """`21 November 2026, 02:00 UTC: crmsync changed it in pm from "A" to "B", because crm owns it and changed it …`"""
    written = each.written(name)
    if written is not None:
        said = _written(mapping, name, each, written, teller)
    elif each.row.event in ("decide", "reopen"):
        said = f"{each.row.actor} {_ANSWERED[each.row.event](mapping, name, each, teller)}"
    else:
        said = f"both sides said the same when they were linked{_by(each)}"
    return f"{render.day(each.row.at)}: {said}."


def pair_sentence(each: Episode, teller: Teller) -> str:
    """What it says about the records themselves."""
    row, told = each.row, each.told
    if row.told is None:
        return f"{render.day(row.at)}: {ERASED}."
    refs = [teller.ref(row.mapping or "", side, key) for side, key in each.records]
    one, two = (*refs, "", "")[:2]
    why = told.get("why", "")
    facts = {"review": "", "kind": "", "letter": "", **told, "why": AWAY.get(why, why), "answer": told.get("take")}
    said = EVENTS.get(row.event, "{who}: {event} {one} {two}")
    sentence = " ".join(
        said.format_map({**facts, "event": row.event, "who": row.actor, "one": one, "two": two}).split()
    )
    return f"{render.day(row.at)}: {sentence}{_score(told)}{_by(each)}."


def episode_json(mapping: Declared, name: str, each: Episode | None, teller: Teller) -> Json:
    if each is None:
        return None
    row, written = each.row, each.written(name)
    side = None if row.side is None else mapping.ends[row.side].name
    told = {"n": row.n, "at": row.at, "event": row.event, "actor": row.actor, "run": row.run, "side": side}
    if written is None:
        return {**told, "why": row.event}
    shown = {part: teller.mask.value(mapping.name, name, getattr(written, part)) for part in ("before", "after")}
    return {**told, "why": written.why, **shown}


def because(reason: str) -> str:
    """As it is said of what is to come: with the word that stands for it in plans."""
    return f"{COMING.get(reason) or BECAUSE[reason]} ({reason})" if reason in BECAUSE else reason


def _written(mapping: Declared, name: str, each: Episode, written: FieldTold, teller: Teller) -> str:
    before, after = (teller.value(mapping.name, name, value) for value in (written.before, written.after))
    place = "" if each.row.side is None else mapping.ends[each.row.side].name
    if each.row.event == "unknown":
        did = f"sent {after} to {place}, and nobody knows what became of it"
    elif written.before is ABSENT:
        did = f"wrote {after} to {place}"
    else:
        did = f"changed it in {place} from {before} to {after}"
    return f"{each.row.actor} {did}, because {_why(written)}{_by(each, written)}"


def _why(written: FieldTold) -> str:
    if written.why == "owner-changed":
        return f"{written.owner} owns it and changed it"
    if written.why == "decided" and written.who:
        return f"{written.who} decided so"
    return BECAUSE.get(written.why, written.why)


def _by(each: Episode, written: FieldTold | None = None) -> str:
    """` (run 20260131T020000-4f5a6b, mappings/account-customer.yaml:31)`."""
    run = f"run {each.row.run}" if each.row.run else ""
    line = f"{each.told.get('in', '')}:{written.line}" if written and written.line else ""
    told = ", ".join(filter(None, (run, line)))
    return f" ({told})" if told else ""


def _score(told: Mapping[str, Json]) -> str:
    return f" (score {float(told['score']):.2f})" if "score" in told else ""


def _answer(mapping: Declared, name: str, each: Episode, teller: Teller) -> str:
    take = each.told.get("take")
    if take in SIDES:
        value = teller.value(mapping.name, name, each.told["values"][take])
        return f"decided that {mapping.ends[take].name} is right: {value} (review {each.told['review']})"
    value = teller.value(mapping.name, name, each.told.get("value"))
    return f"decided that {value} is right (review {each.told['review']})"


def _took_back(mapping: Declared, name: str, each: Episode, teller: Teller) -> str:
    return f"took the answer to review {each.told['review']} back"


_ANSWERED: Final[Mapping[str, Callable[[Declared, str, Episode, Teller], str]]] = {
    "decide": _answer,
    "reopen": _took_back,
}
