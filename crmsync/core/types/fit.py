"""Does the target take every value that it is given? If not, which does it refuse, and what would mend it?

What is plainly covered is seen at once; where there are no words for a doubt, `crmsync.core.compat` is asked. A misfit
is a suspicion of the types: `given` may be more than there is. `breaks` tells a value that proves it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Final, TypeAlias

import jsonschema_rs

from crmsync.core.compat.verdict import included
from crmsync.core.model import ABSENT, Json, to_json
from crmsync.core.types.bounds import high, is_whole, low
from crmsync.core.types.kinds import LEAST, MOST, Fact
from crmsync.core.types.root import Root
from crmsync.core.types.views import Type, View
from crmsync.core.types.words import SAID, listed, shown
from crmsync.core.types.written import Writer

Test: TypeAlias = Callable[[Json], bool]


@dataclass(frozen=True, slots=True)
class Misfit:
    """`what` of the given is refused, such as `201-255 characters that the target rejects`. `value`: one of them, as
    far as the types know; ABSENT where they know none."""

    rule: str
    what: str
    mend: str
    breaks: Test
    value: Json = ABSENT
    values: tuple[Json, ...] = ()


def fits(given: Json, target: Json) -> tuple[Misfit, ...]:
    """What of the JSON Schema `given` the JSON Schema `target` may refuse; nothing where it is proven to take all."""
    return Target(target).misfits(given)


@dataclass(frozen=True, eq=False)
class Target:
    """A schema that values are given to. What was asked before is not worked out again."""

    schema: Json
    _known: dict[bytes, tuple[Misfit, ...]] = field(default_factory=dict)

    @cached_property
    def root(self) -> Root:
        return Root(self.schema)

    @cached_property
    def takes(self) -> Test:
        made = jsonschema_rs.Draft202012Validator(self.schema, validate_formats=True, offline=True)
        return made.is_valid

    def misfits(self, given: Json) -> tuple[Misfit, ...]:
        if self.schema is True or given is False:
            return ()
        text = to_json(given)
        if text not in self._known:
            self._known[text] = () if text == to_json(self.schema) else self._found(given)
        return self._known[text]

    def _found(self, given: Json) -> tuple[Misfit, ...]:
        root = Root(given)
        views = root.record.alternatives
        values = [value for view in views for value in view.values or ()]
        others = [view for view in views if view.values is None]
        refused = [value for value in values if not self.takes(value)]
        found = [*self._values(refused)]
        for view in others:
            found += self._misfits_of(view, Writer(root))
        return tuple({(each.rule, each.what): each for each in found}.values())

    def _values(self, refused: Sequence[Json]) -> Iterator[Misfit]:
        if None in refused:
            yield null_misfit()
        rest = tuple(value for value in refused if value is not None)
        if not rest:
            return
        takers = self.of_kind(_kind(rest[0]))
        if not takers:
            yield self.kind_misfit(_kind(rest[0]), rest[0])
        elif any(view.values is not None for view in takers):
            known = [value for view in takers for value in view.values or ()]
            what = f"{'values' if len(rest) > 1 else 'a value'} that the target does not know: {listed(rest)}"
            mend = f"translate with a lookup, or drop the value; the target has {listed(known)}"
            yield Misfit("type/enum", what, mend, among(rest), rest[0], rest)
        else:
            what = f"{'values' if len(rest) > 1 else 'a value'} that the target rejects: {listed(rest)}"
            yield Misfit("type/value", what, "give another value", among(rest), rest[0], rest)

    def of_kind(self, kind: str) -> list[View]:
        return [view for view in self.root.record.alternatives if view.kind == kind]

    def kind_misfit(self, kind: str, value: Json = ABSENT) -> Misfit:
        kinds = sorted(self.root.record.kinds - {"null"})
        asked = " or ".join(SAID[each] for each in kinds) or "nothing"
        mend = next((_TURNED[kind, each] for each in kinds if (kind, each) in _TURNED), _OTHER_PATH)
        test: Test = lambda found: _kind(found) == kind  # noqa: E731
        return Misfit("type/kind", f"{SAID[kind]} where {asked} is asked", mend, test, value)

    def _misfits_of(self, view: View, writer: Writer) -> list[Misfit]:
        if view.kind == "null":
            return [] if self.takes(None) else [null_misfit()]
        takers = self.of_kind(view.kind)
        if not takers:
            return [self.kind_misfit(view.kind)]
        if any(covers(taker, view, writer) for taker in takers):
            return []
        told = list(explained(takers[0], view)) if len(takers) == 1 else []
        if told:
            return told
        found = included(writer.written(Type((view,))), self.schema)
        if found.verdict == "compatible":
            return []
        mend = "narrow the one contract or widen the other"
        return [Misfit("type/value", "values that the target rejects", mend, _anything, found.witness)]


def null_misfit() -> Misfit:
    mend = "add {default: ...} to the chain, or write on_null: keep"
    return Misfit("type/null", "null, which the target does not take", mend, lambda value: value is None, None)


def among(values: Sequence[Json]) -> Test:
    texts = {to_json(value) for value in values}
    return lambda value: to_json(value) in texts


def _anything(_value: Json) -> bool:
    return True


def _kind(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "text"
        case list():
            return "list"
        case dict():
            return "object"
    return "number"


_OTHER_PATH: Final = "map another path"
_TURNED: Final[Mapping[tuple[str, str], str]] = {
    ("number", "text"): "add to_text to the chain",
    ("text", "number"): "add to_number to the chain, or {decimal: ...} where people wrote it",
    ("text", "boolean"): "add boolean to the chain",
    ("number", "boolean"): "add boolean to the chain",
    ("boolean", "text"): "add {boolean_text: {true: ..., false: ...}} to the chain",
    ("boolean", "number"): "add {boolean_text: {true: 1, false: 0}} to the chain",
    ("list", "text"): "add {concat: \", \"} to the chain",
    ("text", "list"): "add {split: \",\"} to the chain",
    ("object", "text"): "map a path inside the object",
}  # fmt: skip


# Plainly covered -------------------------------------------------------------------------------------------


def covers(taker: View, view: View, writer: Writer) -> bool:
    """Whether it is plain that every value of `view` is one of `taker`; False is no answer."""
    if taker.values is not None or taker.beside or taker.closing or taker.known:
        return False
    return all(_holds(keyword, limit, fact, view, writer) for fact in taker.facts for keyword, limit in fact.items())


def _holds(keyword: str, limit: Json, fact: Fact, view: View, writer: Writer) -> bool:
    if keyword in ("pattern", "format"):
        return limit in view.limits(keyword)
    if keyword in _MEASURED:
        return _MEASURED[keyword](view, limit)
    if keyword == "items" and "prefixItems" not in fact:
        return limit is not False and not Target(limit).misfits(writer.written(view.elements))
    return any(keyword in own and _is_same(own[keyword], limit) for own in view.facts)


def _is_same(one: Json, other: Json) -> bool:
    try:
        return to_json(one) == to_json(other)
    except TypeError:  # a type stands in it
        return False


def _at_most(view: View, limit: Json) -> bool:
    return view.most is not None and view.most <= limit


def _not_below(view: View, limit: Json) -> bool:
    bound = low(view)
    return bound is not None and bound.value >= limit


def _above(view: View, limit: Json) -> bool:
    bound = low(view)
    return bound is not None and (bound.value > limit or (bound.value == limit and bound.is_strict))


def _not_above(view: View, limit: Json) -> bool:
    bound = high(view)
    return bound is not None and bound.value <= limit


def _below(view: View, limit: Json) -> bool:
    bound = high(view)
    return bound is not None and (bound.value < limit or (bound.value == limit and bound.is_strict))


def is_multiple(view: View, unit: Json) -> bool:
    units = [Decimal(each) for each in view.limits("multipleOf")] + ([Decimal(1)] if is_whole(view) else [])
    return any(abs(each.adjusted() - Decimal(unit).adjusted()) < 20 and each % Decimal(unit) == 0 for each in units)


_MEASURED: Final[Mapping[str, Callable[[View, Json], bool]]] = {
    **dict.fromkeys(LEAST.values(), lambda view, limit: view.least >= limit),
    **dict.fromkeys(MOST.values(), _at_most),
    "minimum": _not_below,
    "exclusiveMinimum": _above,
    "maximum": _not_above,
    "exclusiveMaximum": _below,
    "multipleOf": is_multiple,
    "type": lambda view, _limit: is_whole(view),
}


# What is refused -------------------------------------------------------------------------------------------


def explained(taker: View, view: View) -> Iterator[Misfit]:
    """The keywords of `taker` that `view` does not keep, in words; nothing where it is none of the usual ones."""
    values = taker.values
    if values is not None:
        what = f"{_ANY[view.kind]} that is none of: {listed(values)}"
        mend = "translate with a lookup, or name the values in the contract of the source"
        yield Misfit("type/enum", what, mend, _outside_of(view.kind, values))
        return
    explain = _EXPLAINED.get(view.kind)
    yield from explain(taker, view) if explain else ()


def _outside_of(kind: str, values: Sequence[Json]) -> Test:
    return lambda value: _kind(value) == kind and value not in values


_ANY: Final = {"text": "text", "number": "a number", "list": "a list", "object": "an object", "boolean": "a boolean"}


def _texts(taker: View, view: View) -> Iterator[Misfit]:
    formats = [each for each in taker.limits("format") if each not in view.limits("format")]
    for name in formats:
        yield _format(name, view)
    if taker.most is not None and not _at_most(view, taker.most) and not formats:
        most = taker.most
        what = _beyond("characters", most, view.most)
        yield Misfit("type/length", what, f"add {{truncate: {most}}} to the chain", _longer(most))
    if view.least < taker.least and not formats:
        least = taker.least
        if least == 1:
            what = "empty text, which the target rejects"
            mend = 'add {null_if: ""} to the chain' + ("" if _takes_null(taker) else ", and {default: ...}")
        else:
            what = f"fewer than {least} characters, which the target rejects"
            mend = "let the contract of the source ask for as many, or that of the target for fewer"
        yield Misfit("type/length", what, mend, _shorter(least))
    for pattern in taker.limits("pattern"):
        if pattern not in view.limits("pattern"):
            yield _pattern(pattern)


def _takes_null(taker: View) -> bool:
    return "null" in taker.root.record.kinds


def _longer(most: int) -> Test:
    return lambda value: isinstance(value, str | list) and len(value) > most


def _shorter(least: int) -> Test:
    return lambda value: isinstance(value, str | list) and len(value) < least


def _beyond(what: str, most: int, longest: int | None) -> str:
    if longest is None:
        return f"more than {most} {what}, which the target rejects"
    return (
        f"{most + 1}-{longest} {what} that the target rejects"
        if longest > most + 1
        else (f"{longest} {what}, which the target rejects")
    )


_FORMATS: Final[Mapping[tuple[str, str], str]] = {
    ("date-time", "date"): "add {date_of: Europe/Bratislava}, the zone whose day it is, to the chain",
    ("date", "date-time"): (
        'add {datetime: {format: "%Y-%m-%d", zone: Europe/Bratislava}} to the chain, with the zone whose midnight it is'
    ),
    ("", "date"): "add {date: FORMAT}, such as {date: \"%d.%m.%Y\"}, to the chain",
    ("", "date-time"): "add {datetime: {format: FORMAT, zone: ZONE}} to the chain",
    ("", "email"): "add email to the chain",
}  # fmt: skip
_ASKED: Final = {"date-time": "a date-time", "date": "a date", "email": "an e-mail address", "time": "a time"}


def _format(name: str, view: View) -> Misfit:
    own = next(iter(view.limits("format")), "")
    what = f"{_ASKED.get(own, f'a {own}' if own else 'text')} where {_ASKED.get(name, f'a {name}')} is asked"
    mend = _FORMATS.get((own, name), f"let the contract of the source say format: {name}")
    return Misfit("type/format", what, mend, lambda value: isinstance(value, str))


_MADE: Final = (("+421905123456", "phone"), ("31333532", "company_id"), ("SK2020332217", "vat_id"))


def _pattern(pattern: str) -> Misfit:
    takes = jsonschema_rs.Draft202012Validator({"pattern": pattern}).is_valid
    transform = next((name for text, name in _MADE if takes(text) and not takes("a b") and not takes(text[:2])), None)
    if transform is not None:
        mend = f"add {transform} to the chain"
    elif takes("SK") and not takes("sk"):
        mend = "add upper or a lookup to the chain"
    else:
        mend = "let the contract of the source have the pattern, or add a transform that gives such text"
    return Misfit(
        "type/pattern",
        f"text that does not match {pattern}",
        mend,
        lambda value: isinstance(value, str) and not takes(value),
    )


def _numbers(taker: View, view: View) -> Iterator[Misfit]:
    if is_whole(taker) and not is_whole(view):
        what = "numbers with a fraction where whole ones are asked"
        yield Misfit("type/precision", what, "add {round: 0} to the chain, or multiply to a smaller unit", _has_more(1))
    else:
        units = [Decimal(unit) for unit in taker.limits("multipleOf") if not is_multiple(view, unit)]
        for unit in units:
            yield _precision(unit, view)
    bottom, top = low(taker), high(taker)
    if bottom is not None and not (_above if bottom.is_strict else _not_below)(view, bottom.value):
        sign = (
            "0 or less" if bottom.is_strict and not bottom.value else f"numbers below {shown(bottom.value).strip('`')}"
        )
        what = f"{sign}, which the target rejects"
        yield Misfit("type/range", what, _RANGE, _outside(bottom.value, bottom.is_strict, -1))
    if top is not None and not (_below if top.is_strict else _not_above)(view, top.value):
        what = f"numbers above {shown(top.value).strip('`')}, which the target rejects"
        yield Misfit("type/range", what, _RANGE, _outside(top.value, top.is_strict, 1))


_RANGE: Final = "convert the unit with {multiply: ...}, or let both contracts have the same range"


def _outside(limit: Json, is_strict: bool, way: int) -> Test:
    def breaks(value: Json) -> bool:
        if _kind(value) != "number":
            return False
        return bool((value - limit) * way > 0 or (is_strict and value == limit))

    return breaks


def _precision(unit: Decimal, view: View) -> Misfit:
    places = -int(unit.as_tuple().exponent) if unit.as_tuple().digits == (1,) else None
    own = [Decimal(each) for each in view.limits("multipleOf")]
    if places is None or places < 0:
        what = f"numbers that are no multiples of {unit}"
        mend = "round them in a unit of the target, or change its contract"
    else:
        more = max((-int(each.as_tuple().exponent) for each in own), default=0)
        what = f"numbers with {more if more > places else 'more'} places, the target takes {places}"
        mend = f"add {{round: {places}}} to the chain"
    return Misfit("type/precision", what, mend, _has_more(unit))


def _has_more(unit: Json) -> Test:
    def breaks(value: Json) -> bool:
        return _kind(value) == "number" and Decimal(value).adjusted() < 20 and Decimal(value) % Decimal(unit) != 0

    return breaks


def _lists(taker: View, view: View) -> Iterator[Misfit]:
    if taker.most is not None and not _at_most(view, taker.most):
        what = _beyond("elements", taker.most, view.most)
        mend = f"take the first ones with an expression: {'...'}[:{taker.most}]"
        yield Misfit("type/length", what, mend, _longer(taker.most))
    if view.least < taker.least:
        what = f"lists of fewer than {taker.least} elements, which the target rejects"
        yield Misfit("type/length", what, "let the contract of the source ask for as many", _shorter(taker.least))
    if True in taker.limits("uniqueItems") and True not in view.limits("uniqueItems"):
        yield Misfit("type/unique", "equal elements, which the target rejects", _OTHER_PATH, _repeats)
    given, asked = Writer(view.root).written(view.elements), Writer(taker.root).written(taker.elements)
    for each in fits(given, asked) if given is not True else ():
        yield Misfit(each.rule, f"in a list {each.what}", each.mend, _some(each.breaks))


def _repeats(value: Json) -> bool:
    return isinstance(value, list) and not _UNIQUE.is_valid(value)


_UNIQUE: Final = jsonschema_rs.Draft202012Validator({"uniqueItems": True})


def _some(breaks: Test) -> Test:
    return lambda value: isinstance(value, list) and any(map(breaks, value))


_EXPLAINED: Final[Mapping[str, Callable[[View, View], Iterator[Misfit]]]] = {
    "text": _texts,
    "number": _numbers,
    "list": _lists,
}
