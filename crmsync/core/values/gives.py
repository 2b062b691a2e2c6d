"""What does a transform give for all values of a JSON Schema?

A transform that declares `types` is asked with a schema of one kind: an object with one `type`, never null, never a
list of its own values (those few are simply tried). What it answers may allow more than there is, never less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Final, TypeAlias

from crmsync.core.model import Json


@dataclass(frozen=True, slots=True)
class Gives:
    """`schema` False: there is no value that is taken. `refuses`: some may be misfits."""

    schema: Json
    refuses: bool = True


NOTHING: Final = Gives(False)
TEXT: Final = {"type": "string"}
NUMBER: Final = {"type": "number"}
WORDS: Final[Mapping[str, Json]] = {
    "text": TEXT, "number": NUMBER, "boolean": {"type": "boolean"}, "list": {"type": "array"},
    "date": {"type": "string", "format": "date", "minLength": 10, "maxLength": 10},
    "datetime": {"type": "string", "format": "date-time", "minLength": 25, "maxLength": 32}, "any": True,
}  # fmt: skip
"""The schema of what a transform says that it gives."""


def kind(schema: Json) -> str:
    """`string`, `number` ...: the one type of a schema; an integer is a number."""
    found: str = schema["type"]
    return "number" if found == "integer" else found


def kept(schema: Json, *keywords: str) -> dict[str, Json]:
    """The schema with these keywords only."""
    return {keyword: value for keyword, value in schema.items() if keyword in ("type", *keywords)}


Texts: TypeAlias = Callable[[Json], Json]


def of_text(change: Texts) -> Callable[..., Gives]:
    """For a transform without arguments that takes every text and nothing else."""
    return lambda schema, _args, _context: Gives(change(schema), False) if kind(schema) == "string" else NOTHING


def always(schema: Json, *taken: str) -> Callable[..., Gives]:
    """For one that gives the same sort of value, whatever it takes."""
    return lambda given, _args, _context: Gives(schema) if kind(given) in taken else NOTHING


def either(*schemas: Json) -> Json:
    found = [schema for schema in schemas if schema is not False]
    if any(schema is True for schema in found):
        return True
    return found[0] if len(found) == 1 else {"anyOf": found} if found else False


# Text ------------------------------------------------------------------------------------------------------

_TIGHT: Final = frozenset({"date", "date-time", "time", "uuid", "ipv4", "ipv6", "hostname"})
_LOOSE: Final = (".", "\\", "|", "[^", " ")


def has_no_space(schema: Json) -> bool:
    """Whether no text of the schema can hold white space, as far as that is easily seen."""
    pattern = schema.get("pattern", "")
    is_listed = pattern[:1] == "^" and pattern[-1:] == "$" and not any(sign in pattern[1:-1] for sign in _LOOSE)
    return schema.get("format") in _TIGHT - {"date-time"} or (is_listed and pattern.isascii() and pattern.isprintable())


def without_ends(schema: Json) -> Json:
    """Trimmed: of blank text nothing is left."""
    if has_no_space(schema) or schema.get("format") == "date-time":
        return schema
    return kept(schema, "maxLength")


def with_single_spaces(schema: Json) -> Json:
    if has_no_space(schema):
        return schema
    return kept(schema, "maxLength") | ({"minLength": 1} if schema.get("minLength", 0) else {})


def longer(times: int) -> Texts:
    """Letters may become several ones: ß is SS in capitals."""

    def change(schema: Json) -> Json:
        most = {"maxLength": schema["maxLength"] * times} if "maxLength" in schema else {}
        least = {"minLength": 1} if schema.get("minLength", 0) else {}
        return {**TEXT, **kept(schema), **most, **least}

    return change


def cut(schema: Json, length: int) -> Json:
    if schema.get("maxLength", length + 1) <= length:
        return schema
    least = {"minLength": min(schema["minLength"], length)} if "minLength" in schema else {}
    return {**kept(schema), **least, "maxLength": length}


def swapped(schema: Json, find: str, put: str) -> Json:
    if "maxLength" not in schema:
        return TEXT
    most = schema["maxLength"]
    return {**TEXT, "maxLength": max(most, most // len(find) * len(put) + most % len(find))}


# Numbers ---------------------------------------------------------------------------------------------------

_EXACT: Final = Context(prec=1000)
_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


def bounds(schema: Json) -> dict[str, Json]:
    return {keyword: schema[keyword] for keyword in _BOUNDS if keyword in schema}


def unit_of(schema: Json) -> Decimal | None:
    """What every number of the schema is a multiple of."""
    unit = schema.get("multipleOf", 1 if schema["type"] == "integer" else None)
    return None if unit is None else Decimal(unit)


def numbers(unit: Decimal | None, limits: Mapping[str, Json]) -> Json:
    if unit is None:
        return {**NUMBER, **limits}
    if unit == 1:
        return {"type": "integer", **limits}
    if unit == unit.to_integral_value():
        return {"type": "integer", "multipleOf": int(unit), **limits}
    return {**NUMBER, "multipleOf": unit, **limits}


def is_multiple(number: Decimal, unit: Decimal) -> bool:
    return abs(number.adjusted() - unit.adjusted()) < 20 and _EXACT.remainder(number, unit) == 0


def rounded(schema: Json, places: int) -> Json:
    """Numbers of the schema, rounded to so many places in any way."""
    unit = Decimal(1).scaleb(-places)
    known = unit_of(schema) if kind(schema) == "number" else None
    if known is not None and is_multiple(known, unit):
        return schema
    limits = bounds(schema) if kind(schema) == "number" else {}
    ways = {"inimum": ROUND_FLOOR, "aximum": ROUND_CEILING}
    outer = {
        keyword.replace("exclusiveM", "m"): outwards(Decimal(limit), unit, ways[keyword[-6:]])
        for keyword, limit in limits.items()
    }
    return numbers(unit, outer)


def outwards(limit: Decimal, unit: Decimal, way: str) -> Json:
    if limit.adjusted() > 100 or unit.adjusted() - limit.adjusted() > 100:
        return limit
    found = _EXACT.multiply(_EXACT.divide(limit, unit).to_integral_value(way, _EXACT), unit)
    return int(found) if found == found.to_integral_value() else found


def scaled(schema: Json, by: Json) -> Json:
    """Numbers of the schema times `by`."""
    factor = Decimal(by)
    unit = unit_of(schema)
    turned = {"minimum": "maximum", "maximum": "minimum"} if factor < 0 else {}
    turned |= {"exclusiveMinimum": "exclusiveMaximum", "exclusiveMaximum": "exclusiveMinimum"} if factor < 0 else {}
    limits = {
        turned.get(keyword, keyword): _EXACT.multiply(Decimal(limit), factor)
        for keyword, limit in bounds(schema).items()
    }
    if not factor:
        return {"const": 0}
    return numbers(None if unit is None else _EXACT.abs(_EXACT.multiply(unit, factor)), limits)


def shifted(schema: Json, by: Json) -> Json:
    addend, unit = Decimal(by), unit_of(schema)
    limits = {keyword: _EXACT.add(Decimal(limit), addend) for keyword, limit in bounds(schema).items()}
    return numbers(unit if unit is not None and is_multiple(addend, unit) else None, limits)


# Lists -----------------------------------------------------------------------------------------------------


def parts_of(schema: Json) -> Iterator[Json]:
    """A schema of a single value, taken apart into such as have one type, or values."""
    if not isinstance(schema, dict):
        yield from () if schema is False else (True,)
    elif "anyOf" in schema:
        for each in schema["anyOf"]:
            yield from parts_of(each)
    elif "const" in schema or "enum" in schema:
        yield {"enum": schema.get("enum", [schema.get("const")])}
    elif isinstance(schema.get("type"), list):
        yield from ({**schema, "type": each} for each in schema["type"])
    else:
        yield schema if "type" in schema else True


def may_be_null(schema: Json) -> bool:
    return any(part is True or None in part.get("enum", ()) or part.get("type") == "null" for part in parts_of(schema))


def longest(schema: Json) -> int | None:
    """How long its texts can be; None where there is no end."""
    found = [_length(part) for part in parts_of(schema)]
    return None if None in found else max((each for each in found if each is not None), default=0)


def _length(part: Json) -> int | None:
    if part is True:
        return None
    if "enum" in part:
        return max(len(format(value, "f") if isinstance(value, Decimal) else str(value)) for value in part["enum"])
    return {"null": 0, "boolean": 0}.get(part["type"], part.get("maxLength") if part["type"] == "string" else None)


def elements(schema: Json) -> tuple[list[Json], Json, int | None]:
    """The first elements of a list, the rest (False: none), and how many there are at most."""
    first, rest = list(schema.get("prefixItems", ())), schema.get("items", True)
    most = schema.get("maxItems")
    if rest is False:
        most = len(first) if most is None else min(most, len(first))
    return (first if most is None else first[:most]), rest, most


def joined(schema: Json, separator: str) -> Json:
    """The text that the parts of a list make, or null where all of them are null."""
    first, rest, most = elements(schema)
    others = [] if rest is False or (most is not None and most <= len(first)) else [rest]
    counted = [*first, *others * (most - len(first))] if most is not None and most <= 100 else None
    lengths = None if counted is None else [longest(each) for each in counted]
    text: Json = TEXT
    if lengths is not None and None not in lengths:
        total = sum(each or 0 for each in lengths) + len(separator) * max(len(lengths) - 1, 0)
        text = {**TEXT, "maxLength": total}
    if most == 0:
        return {"const": ""}
    is_empty = all(map(may_be_null, [*first[: schema.get("minItems", 0)], *others] or [True]))
    return either(text, {"type": "null"}) if is_empty or not first else text
