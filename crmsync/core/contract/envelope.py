"""What does a contract say of itself, and when may it, or a field of it, be read no more?

The envelope are annotations: `x-owner`, `x-status`, `x-deprecated`, `x-replaced-by`, `x-compatibility`, `x-waivers`.
A field has the standard `deprecated: true`, with `x-deprecated` and `x-replaced-by` where there is more to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Final, NamedTuple, TypeAlias, get_args

from crmsync.core.contract.flaw import Flaw, in_place
from crmsync.core.contract.shape import subschemas
from crmsync.core.contract.violation import Place
from crmsync.core.model import Envelope, Json, Mode, Status, Waiver
from crmsync.core.near import closest, meant

_STATUSES: Final = get_args(Status)
_MODES: Final = get_args(Mode)
_WORDS: Final = ("x-owner", "x-status", "x-deprecated", "x-replaced-by", "x-compatibility", "x-waivers", "x-pii")
_CONTRACT: Final = re.compile(r"[^@\s]+@[0-9]+(\.[0-9]+){0,2}")
_RULE: Final = re.compile(r"contract/[a-z]+(-[a-z]+)*")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def envelope_of(schema: Json) -> Envelope:
    """Of a contract that `envelope_problems` has nothing against."""
    if not isinstance(schema, dict):
        return Envelope()
    over = schema.get("deprecated") is True or "x-deprecated" in schema
    return Envelope(
        owner=schema.get("x-owner", ""),
        status=schema.get("x-status", "deprecated" if over else "active"),
        deprecated=schema.get("x-deprecated"),
        replaced_by=schema.get("x-replaced-by"),
        compatibility=schema.get("x-compatibility", Envelope().compatibility),
        waivers=tuple(Waiver(**each) for each in schema.get("x-waivers", ())),
    )


class Deprecation(NamedTuple):
    """`until` is the last day on which it may be read."""

    until: str | None
    replaced_by: str | None

    def past(self, today: date | None) -> bool:
        """Whether that day is over; nobody can tell without a `today`."""
        return today is not None and self.until is not None and date.fromisoformat(self.until) < today


def deprecation(schema: Json) -> Deprecation | None:
    """What a field's schema says of its end, if anything."""
    if not isinstance(schema, dict) or not (schema.get("deprecated") is True or "x-deprecated" in schema):
        return None
    until = schema.get("x-deprecated")
    return Deprecation(until if _is_day(until) else None, schema.get("x-replaced-by"))


def envelope_problems(schema: Json) -> list[Flaw]:
    """Wrong words and dates, sorted. Of a sound JSON Schema."""
    if not isinstance(schema, dict):
        return []
    found = set(_of_the_whole(schema))
    for place, inner in subschemas(schema):
        if isinstance(inner, dict):
            found.update(_misspelt(inner, place))
            if place:
                found.update(_wrong(inner, place, _OF_A_FIELD))
    return in_place(found)


# What each word asks for ------------------------------------------------------------------------------------------


def _is_day(value: Json) -> bool:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_pointer(value: Json) -> bool:
    return isinstance(value, str) and (not value or value.startswith("/"))


class _Wanted(NamedTuple):
    fits: Callable[[Json], bool]
    words: str
    mend: str
    choices: tuple[str, ...] = ()


_Asked: TypeAlias = dict[str, _Wanted]
_A_DAY: Final = _Wanted(_is_day, "must be a day of the calendar", "write it like 2027-01-31")
_OF_A_FIELD: Final[_Asked] = {
    "x-deprecated": _A_DAY,
    "x-replaced-by": _Wanted(_is_text, "must be the path of a field", "write it like address.city"),
}
_OF_A_WAIVER: Final[_Asked] = {
    "rule": _Wanted(
        lambda value: isinstance(value, str) and bool(_RULE.fullmatch(value)),
        "must be the rule of a change",
        "write it as crmsync contract diff says it, such as contract/property-removed",
    ),
    "reason": _Wanted(_is_text, "must say why", "write who agreed to the break, and why it does no harm"),
    "expires": _A_DAY,
    "pointer": _Wanted(_is_pointer, "must be a JSON pointer", "write it like /properties/name, or leave it out"),
}
_OF_A_CONTRACT: Final[_Asked] = {
    "x-owner": _Wanted(_is_text, "must be a name", "write who answers for the contract, such as sales-operations"),
    "x-status": _Wanted(lambda value: value in _STATUSES, f"must be one of {', '.join(_STATUSES)}", "", _STATUSES),
    "x-deprecated": _A_DAY,
    "x-replaced-by": _Wanted(
        lambda value: isinstance(value, str) and bool(_CONTRACT.fullmatch(value)),
        "must be the name of a contract",
        "write it like crm.account@2",
    ),
    "x-compatibility": _Wanted(lambda value: value in _MODES, f"must be one of {', '.join(_MODES)}", "", _MODES),
    "x-waivers": _Wanted(
        lambda value: isinstance(value, list) and all(isinstance(each, dict) for each in value),
        "must be a list of waivers",
        'write [{"rule": ..., "reason": ..., "expires": "2027-01-31"}]',
    ),
}


def _of_the_whole(schema: Json) -> Iterator[Flaw]:
    wrong = list(_wrong(schema, (), _OF_A_CONTRACT))
    yield from wrong
    if not any(each.path[0] == "x-waivers" for each in wrong):
        for index, waiver in enumerate(schema.get("x-waivers", ())):
            yield from _of_a_waiver(waiver, ("x-waivers", index))
    if schema.get("x-status") in ("draft", "active") and "x-deprecated" in schema:
        message = f"stands beside x-status {schema['x-status']}, so nobody knows whether it is deprecated"
        mend = 'write "x-status": "deprecated", or delete the day'
        yield Flaw(("x-deprecated",), "envelope", message, mend, on_key=True)


def _of_a_waiver(waiver: Json, place: Place) -> Iterator[Flaw]:
    yield from _wrong(waiver, place, _OF_A_WAIVER)
    for key in ("rule", "reason", "expires"):
        if key not in waiver:
            wanted = _OF_A_WAIVER[key]
            yield Flaw(place, "envelope", f"a waiver lacks {key}, which {wanted.words}", wanted.mend)
    for key in sorted(waiver.keys() - _OF_A_WAIVER.keys()):
        yield Flaw(
            (*place, key), "envelope", f"a waiver has no {key!r}", _choose(key, tuple(_OF_A_WAIVER)), on_key=True
        )


def _wrong(schema: Json, place: Place, asked: _Asked) -> Iterator[Flaw]:
    for word, wanted in asked.items():
        if word in schema and not wanted.fits(schema[word]):
            said = f", not {schema[word]!r}" if isinstance(schema[word], str) else ""
            mend = wanted.mend or _choose(str(schema[word]), wanted.choices)
            yield Flaw((*place, word), "envelope", f"{word} {wanted.words}{said}", mend)


def _misspelt(schema: Json, place: Place) -> Iterator[Flaw]:
    for word in sorted(word for word in schema if word[:2] in _OURS and word not in _WORDS):
        near = closest(_as_ours(word), _WORDS, 0.8)
        if near is not None:
            message = f"{word} means nothing here"
            yield Flaw((*place, word), "envelope-word", message, meant(near), "warning", on_key=True)


_OURS: Final = ("x-", "X-", "x_", "X_")


def _as_ours(word: str) -> str:
    return word.lower().replace("_", "-")


def _choose(word: str, choices: tuple[str, ...]) -> str:
    near = closest(word, choices) or closest(word.upper(), choices, 1.0)
    return " ".join(filter(None, (meant(near), f"there are: {', '.join(choices)}")))
