"""How is a broken rule said in plain words?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final, TypeAlias

from crmsync.core.contract.violation import Place, Violation
from crmsync.core.model import Json, to_json
from crmsync.core.near import closest, perhaps

IsPii: TypeAlias = Callable[[Place], bool]
Error: TypeAlias = Json  # jsonschema's ValidationError: its types leave everything open


def worded(error: Error, is_pii: IsPii) -> Iterator[Violation]:
    """What the reference validator found, as violations. Where a value fits none of several alternatives but was
    plainly meant as one of them, what is wrong is said of that one."""
    meant = _meant(error)
    if meant:
        for inner in meant:
            yield from worded(inner, is_pii)
        return
    path = tuple(error.absolute_path)
    yield Violation(path, _rule(error), _message(error, is_pii, is_pii(path)))


def _rule(error: Error) -> str:
    return "false" if _excludes_everything(error) else str(error.validator)


def _excludes_everything(error: Error) -> bool:
    return bool(error.validator == "not" and not error.validator_value)


def _message(error: Error, is_pii: IsPii, is_secret: bool) -> str:
    if error.validator in _CHOICES:
        return _alternatives(error, is_pii)
    if error.validator == "propertyNames":
        return f"has a name that {_message(error.context[0], is_pii, is_secret)}"
    fact = _FACTS[error.validator](error.validator_value, error)
    found = _FOUND.get(error.validator)
    return f"{fact}, {found(error.instance)}" if found and not is_secret else fact


def _meant(error: Error) -> list[Error]:
    """The errors of the only alternative whose type the value has."""
    if error.validator not in _CHOICES:
        return []
    fitting = [branch for branch in _branches(error) if not any(map(_is_other_type, branch))]
    return fitting[0] if len(fitting) == 1 else []


_CHOICES: Final = ("anyOf", "oneOf")


def _branches(error: Error) -> list[list[Error]]:
    branches: dict[Json, list[Error]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    return list(branches.values())


def _is_other_type(error: Error) -> bool:
    return error.validator == "type" and not error.relative_path


def _alternatives(error: Error, is_pii: IsPii) -> str:
    branches = _branches(error)
    if not branches:
        return f"must fit exactly one of {len(error.validator_value)} alternatives, but fits several"
    firsts = [next(worded(branch[0], is_pii)) for branch in branches]
    depth = len(error.absolute_path)
    said = [" ".join([*(f"{part}:" for part in first.path[depth:]), first.message]) for first in firsts]
    return f"must fit one of {len(error.validator_value)} alternatives: {'; or '.join(dict.fromkeys(said))}"


# Facts: what the contract expects ---------------------------------------------------------------------------

Fact: TypeAlias = Callable[[Json, Error], str]

_TYPES: Final = {
    "null": "null", "boolean": "true or false", "integer": "a whole number", "number": "a number", "string": "text",
    "array": "a list", "object": "an object",
}  # fmt: skip
_EXAMPLES: Final = {
    "date-time": "a date and time with its zone, like 2024-05-31T13:45:00Z", "date": "a date like 2024-05-31",
    "time": "a time with its zone, like 13:45:00Z", "duration": "a duration like P3DT12H",
    "email": "an e-mail address", "idn-email": "an e-mail address", "hostname": "a host name like www.example.com",
    "idn-hostname": "a host name", "ipv4": "an IPv4 address like 192.0.2.1", "ipv6": "an IPv6 address like 2001:db8::1",
    "uri": "a URI like https://example.com/a", "iri": "an IRI like https://example.com/á",
    "uri-reference": "a URI or a relative reference", "iri-reference": "an IRI or a relative reference",
    "uri-template": "a URI template like /a/{id}", "json-pointer": "a JSON pointer like /a/b",
    "relative-json-pointer": "a relative JSON pointer like 1/a", "regex": "a regular expression",
    "uuid": "a UUID like 123e4567-e89b-12d3-a456-426614174000",
}  # fmt: skip
FORMATS: Final = frozenset(_EXAMPLES)


def _type(types: Json, error: Error) -> str:
    wanted = " or ".join(_TYPES[each] for each in ([types] if isinstance(types, str) else types))
    return f"must be {wanted}, not {_kind(error.instance)}"


def _kind(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case Decimal():
            return "a number" if value == value.to_integral_value() else "a number with decimals"
        case str():
            return "text"
        case list():
            return "a list"
    return "an object"


def _enum(values: Json, error: Error) -> str:
    more = f" or {len(values) - 12} more" if len(values) > 12 else ""
    return f"must be one of {', '.join(map(_shown, values[:12]))}{more}"


def _count(limit: str, thing: str) -> Fact:
    def say(number: Json, error: Error) -> str:
        return f"must have {limit} {number} {thing}{'s'[: number != 1]}"

    return say


def _undeclared(expected: Json, error: Error) -> str:
    names = [name for name in error.schema.get("properties", {}) if name not in error.instance]
    return f"is not declared in the contract{perhaps(closest(str(error.absolute_path[-1]), names))}"


def _property_count(limit: str) -> Fact:
    return lambda number, error: f"must have {limit} {number} propert{'y' if number == 1 else 'ies'}"


_FACTS: Final[dict[str, Fact]] = {
    "type": _type,
    "enum": _enum,
    "const": lambda value, error: f"must be {_shown(value)}",
    "required": lambda names, error: "is required",
    "dependentRequired": lambda needs, error: f"is required where there is {error.message}",
    "additionalProperties": _undeclared,
    "unevaluatedProperties": lambda inner, error: "has properties that the contract does not declare",
    "unevaluatedItems": lambda inner, error: "has items that the contract does not declare",
    "pattern": lambda pattern, error: f"must match the pattern {pattern}",
    "format": lambda name, error: f"must be {_EXAMPLES.get(name, name)}",
    "minLength": _count("at least", "character"),
    "maxLength": _count("at most", "character"),
    "minItems": _count("at least", "item"),
    "maxItems": _count("at most", "item"),
    "uniqueItems": lambda yes, error: "must not have the same item twice",
    "contains": lambda inner, error: "must have an item that fits what the contract says it contains",
    "minContains": lambda number, error: f"must have at least {number} items that fit what it contains",
    "maxContains": lambda number, error: f"must have at most {number} items that fit what it contains",
    "minProperties": _property_count("at least"),
    "maxProperties": _property_count("at most"),
    "minimum": lambda limit, error: f"must be at least {limit}",
    "maximum": lambda limit, error: f"must be at most {limit}",
    "exclusiveMinimum": lambda limit, error: f"must be more than {limit}",
    "exclusiveMaximum": lambda limit, error: f"must be less than {limit}",
    "multipleOf": lambda unit, error: f"must be a multiple of {unit}",
    "not": lambda inner, error: "must not be what the contract excludes here" if inner else "is not allowed here",
}

# Found: what stands in the record. Never said of x-pii -------------------------------------------------------


def _shown(value: Json) -> str:
    """One scalar as JSON, cut short; of lists and objects nothing, since a part of them may be x-pii."""
    if isinstance(value, list | dict):
        return _kind(value)
    text = to_json(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is(value: Json) -> str:
    return f"not {_shown(value)}"


def _has(value: Json) -> str:
    return f"has {len(value)}"


_FOUND: Final[dict[Json, Callable[[Json], str]]] = {
    **dict.fromkeys(("enum", "const", "pattern", "format", "minimum", "maximum"), _is),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum", "multipleOf"), _is),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _has),
}
