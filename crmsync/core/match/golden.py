"""What should the one record say, when several are merged into it? Survivorship, attribute by attribute.

Empty never wins over a value, whatever the rule: absent, null, blank text, an empty list or object. 0 and false are
values. Everything that is kept tells which record it came from, by which rule, and what the others said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from crmsync.core.model import ABSENT, Json, Key, key_text, to_json

Kind: TypeAlias = Literal["survivor", "complete", "newest", "frequent", "priority"]


@dataclass(frozen=True, slots=True)
class Rule:
    """`survivor`: what the surviving record says. `complete`: the longest value. `newest`: of the record modified last,
    unknown times last. `frequent`: what most records say, but for blanks and case. `priority`: of the first of these
    keys that says anything, then the rest. Ties, and what a rule leaves open: the survivor, then linked records, then
    key text."""

    kind: Kind
    priority: tuple[Key, ...] = ()


SURVIVOR: Final = Rule("survivor")


@dataclass(frozen=True, slots=True)
class Source:
    """One of the records to merge. `modified`: seconds since the epoch, None where unknown."""

    key: Key
    values: Mapping[str, Json]
    modified: float | None = None
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """The value of one field, whose it was, why, and what other records said that differs by more than blanks and
    case."""

    value: Json
    source: Key
    rule: str
    others: tuple[tuple[Key, Json], ...] = ()


def golden(
    records: Sequence[Source], survivor: Key, rules: Mapping[str, Rule], default: Rule = SURVIVOR
) -> dict[str, Kept]:
    """What is kept of every field that some record has, by field name, sorted. A field that is empty in all of them is
    kept as the survivor has it, else as the first record that has it. Raises ValueError where the survivor is none of
    the records."""
    if all(record.key != survivor for record in records):
        raise ValueError(f"the survivor {key_text(survivor)} is none of the {len(records)} records")
    ranked = sorted(records, key=lambda record: (record.key != survivor, not record.linked, key_text(record.key)))
    fields = sorted({name for record in records for name in record.values})
    return {name: kept for name in fields if (kept := _kept(name, ranked, rules.get(name, default)))}


def _kept(name: str, ranked: Sequence[Source], rule: Rule) -> Kept | None:
    there = [record for record in ranked if record.values.get(name, ABSENT) is not ABSENT]
    filled = [record for record in there if not _empty(record.values[name])]
    if not filled:
        return Kept(there[0].values[name], there[0].key, "empty everywhere") if there else None
    best = CHOOSE[rule.kind](name, filled, rule)
    value = best.values[name]
    others = tuple((each.key, each.values[name]) for each in filled if _plain(each.values[name]) != _plain(value))
    words = "the only value" if len(filled) == 1 else _words(name, rule, best, ranked, filled)
    return Kept(value, best.key, words, others)


def _empty(value: Json) -> bool:
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())


def _plain(value: Json) -> str:
    """Text but for blanks and case; `"1"` is not `1`."""
    return to_json(" ".join(value.split()).casefold() if isinstance(value, str) else value).decode()


# Rules: the records that say anything come ranked, so that the first of equals is the one to take -------


def _first(_name: str, filled: Sequence[Source], _rule: Rule) -> Source:
    return filled[0]


def _longest(name: str, filled: Sequence[Source], _rule: Rule) -> Source:
    return max(filled, key=lambda record: len(_plain(record.values[name])))


def _newest(_name: str, filled: Sequence[Source], _rule: Rule) -> Source:
    return max(filled, key=lambda record: (record.modified is not None, record.modified or 0.0))


def _most_frequent(name: str, filled: Sequence[Source], _rule: Rule) -> Source:
    """Of what most records say, the spelling that most of those use."""
    said = Counter(_plain(record.values[name]) for record in filled)
    spelled = Counter(to_json(record.values[name]) for record in filled)
    return max(filled, key=lambda record: (said[_plain(record.values[name])], spelled[to_json(record.values[name])]))


def _preferred(_name: str, filled: Sequence[Source], rule: Rule) -> Source:
    place = {key: number for number, key in reversed(list(enumerate(rule.priority)))}
    return min(filled, key=lambda record: place.get(record.key, len(rule.priority)))


CHOOSE: Final[Mapping[Kind, Callable[[str, Sequence[Source], Rule], Source]]] = {
    "survivor": _first,
    "complete": _longest,
    "newest": _newest,
    "frequent": _most_frequent,
    "priority": _preferred,
}


def _words(name: str, rule: Rule, best: Source, ranked: Sequence[Source], filled: Sequence[Source]) -> str:
    match rule.kind:
        case "survivor":
            return "the survivor's" if best is ranked[0] else "the survivor's is empty"
        case "complete":
            return "the longest"
        case "newest":
            return "no record says when it was modified" if best.modified is None else "of the record modified last"
        case "frequent":
            same = sum(_plain(each.values[name]) == _plain(best.values[name]) for each in filled)
            return f"said by {same} of {len(filled)} records"
        case "priority":
            return (
                "the first in order of priority" if best.key in rule.priority else "none of those in order of priority"
            )
