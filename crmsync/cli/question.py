"""How does one question look to a person, and what can be answered?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crmsync.cli import render
from crmsync.cli.actions import Teller
from crmsync.cli.episode import NEVER, episode_json, field_sentence
from crmsync.core.model import ABSENT, SIDES, Json, Mapping, other

if TYPE_CHECKING:
    from crmsync.ledger.nouns import Review, Take
    from crmsync.run.inspect import Around, Sent


def show_around(mapping: Mapping, teller: Teller, found: Review, told: Around) -> None:
    """The values in question and their base, and what wrote them last; then the rest of both records."""
    if told.unasked:
        render.say(f"what the records say now is not known: {told.unasked}")
    for side in SIDES:
        if (key := found.keys[side]) is not None and not (told.now.found[side] or told.unasked):
            render.say(f"{teller.ref(mapping.name, side, key)} is not in its system now")
    if found.field and found.values != (None, None):
        _show_question(mapping, teller, found, told)
    if told.sent is not None:
        _show_sent(mapping, teller, told.sent)
    if not told.unasked:
        _show_records(mapping, teller, found, told)


def _show_question(mapping: Mapping, teller: Teller, found: Review, told: Around) -> None:
    """A column that has nothing to say is left out."""
    said, base = (
        [teller.value(mapping.name, found.field, each) for each in pair] for pair in (found.values, found.base)
    )
    now = [told.now.values[side].get(found.field, ABSENT) for side in SIDES]
    moved = any(told.now.found[side] and now[side] != found.values[side] for side in SIDES)
    columns = {
        "side": [end.name for end in mapping.ends],
        "says" if not moved else "said": said,
        "says now": [teller.value(mapping.name, found.field, each) for each in now] if moved else [],
        "said when they last agreed": base if any(each is not ABSENT for each in found.base) else [],
        "record changed": [_plainly(each) for each in told.now.modified],
    }
    shown = {name: column for name, column in columns.items() if any(column)}
    render.table(tuple(shown), list(zip(*shown.values(), strict=True)))
    render.say(field_sentence(mapping, found.field, told.written, teller) if told.written else NEVER)
    if moved and found.state == "open":
        render.say("a value has moved on since: the next run asks anew, an answer to this one would lapse")


def _show_sent(mapping: Mapping, teller: Teller, sent: Sent) -> None:
    side, source = sent.line.side, sent.line.source
    end, run = mapping.ends[side], sent.run
    who = f"run {run.id} of {run.actor}, which began {render.when(run.started)}" if run else "a run"
    render.say(f"{who}, sent this create to {end.name}, and no answer came:")
    for line in teller.lines(sent.line):
        render.say(f"  {line}")
    origin = teller.ref(mapping.name, other(side), source)
    render.say(f"look in {end.name} for a {end.entity} like that: was it made from {origin}?")


def _show_records(mapping: Mapping, teller: Teller, found: Review, told: Around) -> None:
    """All fields of a pair as they are now, but for the one in question."""
    sides = [side for side in SIDES if told.now.found[side]]
    rows = [
        (name, *(teller.value(mapping.name, name, told.now.values[side].get(name, ABSENT)) for side in sides))
        for name in (field.name for field in mapping.fields)
        if name != found.field
    ]
    if rows and sides:
        render.table(("other field" if found.field else "field", *(mapping.ends[side].name for side in sides)), rows)


def _plainly(modified: Json) -> str:
    """A modified value: mostly a time, or a number that grows."""
    return "" if modified is None else modified if isinstance(modified, str) else render.value(modified)


def around_json(mapping: Mapping, teller: Teller, found: Review, told: Around) -> dict[str, Json]:
    def sides(name: str) -> dict[str, Json]:
        return {
            mapping.ends[side].name: teller.mask.value(mapping.name, name, told.now.values[side].get(name, ABSENT))
            for side in SIDES
            if told.now.found[side]
        }

    sent = told.sent
    return {
        "now": {field.name: sides(field.name) for field in mapping.fields},
        "changed": {mapping.ends[side].name: told.now.modified[side] for side in SIDES},
        "written": episode_json(mapping, found.field, told.written, teller),
        "sent": {"run": sent.run.id if sent.run else None, "said": list(teller.lines(sent.line))} if sent else None,
        "unasked": told.unasked or None,
        "answers": _answers(mapping, found) if found.state == "open" else [],
    }


def _answers(mapping: Mapping, found: Review) -> list[str]:
    words: dict[Take, str] = {0: mapping.ends[0].name, 1: mapping.ends[1].name, "value": "value=..."}
    if None in found.keys:
        words["same"] = "same=KEY"
    return [words.get(take, str(take)) for take in found.takes]


def how(mapping: Mapping, teller: Teller, found: Review) -> Iterator[str]:
    takes = _answers(mapping, found)
    if not takes:
        yield "no answer here: mend the record at its source, then: crmsync run"
    for take in takes:
        quoted = "'value=...'" if take == "value=..." else take
        yield f"answer: crmsync review resolve {found.n} --take {quoted}{_meaning(mapping, teller, found, take)}"


def _meaning(mapping: Mapping, teller: Teller, found: Review, take: str) -> str:
    """Where an answer does not speak for itself."""
    if found.kind == "match":
        return "  (they are linked)" if take == "same" else "  (they are not asked about again)"
    if found.kind == "duplicate":
        kept = teller.ref(mapping.name, *found.records[0])
        return f"  (they are merged, {kept} stays)" if take == "same" else "  (they are not asked about again)"
    if None not in found.keys or take not in ("same=KEY", "different"):
        return ""
    end = mapping.ends[found.keys.index(None)]
    if take == "different":
        return "  (it was never made: the next run creates it)"
    return f"  (it made {end.system}.{end.entity}/KEY: the two are linked)"


def answer(mapping: Mapping | None, teller: Teller, found: Review) -> str:
    if found.take == "value":
        return f"value={teller.value(found.mapping, found.field, found.value)}"
    return mapping.ends[found.take].name if mapping and found.take in SIDES else str(found.take)
