"""Has this file the keys and types that the language asks for?

The JSON Schemas (draft-07) beside this module are the only description of the files' structure: they check, they
word the findings (`title` says what is expected), and `crmsync schema` prints them for editors.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

import jsonschema_rs

from crmsync.core.model import Finding, Json
from crmsync.core.near import choose, closest, meant
from crmsync.project.yaml import Document, Where

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

Kind: TypeAlias = Literal["project", "mapping", "reference", "model", "case"]
Sides: TypeAlias = tuple[str, ...]
Misfit: TypeAlias = tuple[Where, Finding]

_TO_SIDE: Final = "^to_[a-z][a-z0-9_]*$"
_SIDE: Final = {"$ref": "#/definitions/side"}
_TYPE_WORDS: Final[dict[type, str]] = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    Decimal: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
}
_SCHEMA_TYPES: Final = {
    "object": "an object",
    "array": "a list",
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "null": "null",
}


def schema_text(kind: Kind) -> str:
    """The JSON Schema of one kind of file, as shipped."""
    return Path(__file__).with_name(f"{kind}.schema.json").read_text("utf-8")


def known_keys(kind: Kind, definition: str) -> tuple[str, ...]:
    """The keys that the schema lists for one of its definitions."""
    return tuple(_schema(kind)["definitions"][definition]["properties"])


def misfits(kind: Kind, document: Document, sides: Sides = ()) -> list[Misfit]:
    """Everything that does not have the shape of its kind, with the way to it. With `sides`, only these names stand
    where the schema leaves side names free. What already is broken as YAML is left out."""
    if _quick(kind, sides).is_valid(document.data):
        return []
    errors = _wording(kind, sides).iter_errors(document.data)
    found = (misfit for error in errors for misfit in _word(kind, document, error))
    return [(where, finding) for where, finding in found if not _inside(where, document.broken)]


def dotted(where: Where) -> str:
    """A way in words: `fields.name.to_pm[0]`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where)
    return text.removeprefix(".") or "the file"


def shown(value: Json) -> str:
    """A value of a file for a message: short text and numbers as they are, anything else by its type."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return str(value).lower() if isinstance(value, bool) else _TYPE_WORDS[type(value)]
    return repr(value) if isinstance(value, str) and len(value) <= 60 else str(value)[:60]


# The schema, once as shipped and once with the sides' own names -------------------------------------------------


@functools.cache
def _schema(kind: Kind, sides: Sides = ()) -> Json:
    if not sides:
        return json.loads(schema_text(kind))
    narrow = _narrow(_schema(kind), sides)
    narrow["definitions"]["side"] = {"title": f"one of the sides {' and '.join(sides)}", "enum": list(sides)}
    if kind != "mapping":
        return narrow
    field = narrow["definitions"]["field"]["properties"]
    field["owner"] = {"title": f"one of {', '.join(sides)}, shared", "enum": [*sides, "shared"]}
    field["on_conflict"] = {"title": f"one of review, newest, {', '.join(sides)}", "enum": ["review", "newest", *sides]}
    return narrow


def _narrow(schema: Json, sides: Sides) -> Json:
    """Objects whose free keys are side names get the two names instead, and no other key is allowed any more."""
    if isinstance(schema, list):
        return [_narrow(item, sides) for item in schema]
    if not isinstance(schema, dict):
        return schema
    narrow = {key: _narrow(value, sides) for key, value in schema.items()}
    names = narrow.get("propertyNames", {})
    if names == _SIDE or "key of a" in names.get("title", ""):
        del narrow["propertyNames"]
        own = dict.fromkeys(sides, narrow["additionalProperties"])
        chain = narrow.pop("patternProperties", {}).get(_TO_SIDE)
        own |= {f"to_{side}": chain for side in sides} if chain else {}
        narrow["properties"] = own | narrow.get("properties", {})
        narrow["additionalProperties"] = False
    return narrow


@functools.cache
def _quick(kind: Kind, sides: Sides) -> jsonschema_rs.Draft7Validator:
    return jsonschema_rs.Draft7Validator(_schema(kind, sides))


@functools.cache
def _wording(kind: Kind, sides: Sides) -> Validator:
    from jsonschema import (
        Draft7Validator,
        ValidationError,
        validators,
    )  # slow to import, and needed only where something is wrong

    def whole(_: object, value: Json) -> bool:
        return isinstance(value, int | Decimal) and not isinstance(value, bool) and value == int(value)

    def pattern(_: object, wanted: str, value: Json, __: object) -> Iterator[ValidationError]:
        if isinstance(value, str) and not re.search(wanted.replace("$", r"\Z"), value):  # $ would let a newline pass
            yield ValidationError("does not match")

    types = Draft7Validator.TYPE_CHECKER.redefine("integer", whole)
    own = validators.extend(Draft7Validator, {"pattern": pattern}, type_checker=types)  # type: ignore[no-untyped-call]  # untyped in the stubs
    validator: Validator = own(_schema(kind, sides))
    return validator


# The words ------------------------------------------------------------------------------------------------------


def _inside(where: Where, broken: Iterable[Where]) -> bool:
    return any(where[: len(node)] == node for node in broken)


def _word(kind: Kind, document: Document, error: ValidationError) -> Iterator[Misfit]:
    where = tuple(error.absolute_path)
    match error.validator:
        case "additionalProperties":
            yield from _unknown_keys(kind, document, where, error)
        case "required":
            yield from _missing_keys(kind, document, where, error)
        case "anyOf" if (branch := _meant(error)) is not None:
            for inner in branch:
                yield from _word(kind, document, inner)
        case _ if "propertyNames" in error.absolute_schema_path:
            message = f"{error.instance!r} in {dotted(where)} must be {_expected(error)}"
            where = (*where, str(error.instance))
            yield where, Finding(f"{kind}/bad-name", message, _instead(kind, error), at=document.key_at(*where))
        case _:
            rule = "wrong-type" if _is_wrong_type(error) else "bad-value"
            message = f"{dotted(where)} must be {_expected(error)}, not {shown(error.instance)}"
            yield where, Finding(f"{kind}/{rule}", message, _instead(kind, error), at=document.at(*where))


def _unknown_keys(kind: Kind, document: Document, where: Where, error: ValidationError) -> Iterator[Misfit]:
    schema: Json = error.schema
    patterns = schema.get("patternProperties", {})
    allowed = schema.get("properties", {})
    for key in cast(dict[str, Json], error.instance):
        if key in allowed or any(re.search(pattern, key) for pattern in patterns):
            continue
        path = (*where, key)
        message = f"unknown key {key!r} in {dotted(where)}"
        yield path, Finding(f"{kind}/unknown-key", message, choose(key, allowed, "allowed"), at=document.key_at(*path))


def _missing_keys(kind: Kind, document: Document, where: Where, error: ValidationError) -> Iterator[Misfit]:
    schema: Json = error.schema
    (key,) = (key for key in schema["required"] if error.message.startswith(repr(key)))
    wanted = schema.get("properties", {}).get(key, {})
    mend = f"write {key}: {wanted['title']}" if "title" in wanted else f"write {key}:"
    yield where, Finding(f"{kind}/missing-key", f"{dotted(where)} lacks {key!r}", mend, at=document.key_at(*where))


def _meant(error: ValidationError) -> list[ValidationError] | None:
    """The errors of the one alternative that the writer must have meant: the one whose type fits."""
    branches: dict[str | int, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    fitting = [inner for inner in branches.values() if not any(_rejects_whole(error) for error in inner)]
    return fitting[0] if len(fitting) == 1 else None


def _rejects_whole(error: ValidationError) -> bool:
    return not error.relative_path and error.validator in ("type", "enum", "pattern", "minimum", "minLength")


def _is_wrong_type(error: ValidationError) -> bool:
    if error.validator != "anyOf":
        return error.validator == "type"
    kinds = {inner.validator for inner in error.context or ()}
    return kinds <= {"type", "enum"} and not isinstance(error.instance, str)


def _expected(error: ValidationError) -> str:
    schema: Json = error.schema
    if "title" in schema:
        return str(schema["title"])
    return _SCHEMA_TYPES[schema["type"]]


def _instead(kind: Kind, error: ValidationError) -> str:
    """Did the writer mean one of the words that are allowed here?"""
    schema: Json = error.schema
    words = [*schema.get("enum", ()), *(word for branch in schema.get("anyOf", ()) for word in branch.get("enum", ()))]
    near = closest(error.instance, words) if isinstance(error.instance, str) and words else None
    return meant(near, f"see: crmsync schema {kind}")
