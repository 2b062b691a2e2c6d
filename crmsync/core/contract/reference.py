"""What is wrong with a value, according to the reference validator?

`jsonschema` is the reference and finds what is wrong; `jsonschema-rs` decides on the hot path. They must agree, so
`jsonschema` is extended here where it departs from JSON Schema: regular expressions are ECMA's, not Python's;
`multipleOf` is exact; `format` is asserted; `uniqueItems` sees [1], [true], [1] for what they are; Decimal is a number.
Missing and undeclared properties get a path of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from crmsync.core.contract.shape import rebuilt, verdict
from crmsync.core.model import Json

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

Keyword: TypeAlias = Callable[[Json, Json, Json, Json], Iterator["ValidationError"]]


def reference(schema: Json) -> Validator:
    """Nothing is ever fetched: a `$ref` that leads out of the document raises."""
    from referencing import Registry

    made: Validator = _extended()(_prepared(schema), registry=Registry())
    return made


_CLOSING = ("additionalProperties", "unevaluatedProperties", "unevaluatedItems")


def _prepared(schema: Json) -> Json:
    """Without `$schema`, at which the library would go on with its own validator instead of the extended one; and
    `false` as a schema that excludes everything, since the library says nothing of the path of a plain `false`."""
    if schema is False:
        return {"not": {}}
    if not isinstance(schema, dict):
        return schema
    return {keyword: _keyword(keyword, value) for keyword, value in schema.items() if keyword != "$schema"}


def _keyword(keyword: str, value: Json) -> Json:
    return value if keyword in _CLOSING and value is False else rebuilt(keyword, value, _prepared)


@cache
def _extended() -> Json:
    from jsonschema import Draft202012Validator, validators  # a tenth of a second, and only bad records need it

    types = Draft202012Validator.TYPE_CHECKER.redefine_many({"number": _is_number, "integer": _is_integer})
    keywords = {name: _delegated(name, kind) for name, kind in _DELEGATED.items()} | _OWN
    extend: Json = validators.extend
    return extend(Draft202012Validator, keywords, type_checker=types)


def _is_number(checker: Json, value: Json) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _is_integer(checker: Json, value: Json) -> bool:
    return _is_number(checker, value) and (isinstance(value, int) or value == value.to_integral_value())


_DELEGATED = {"pattern": "string", "format": "string", "multipleOf": "number", "uniqueItems": "array"}


def _delegated(keyword: str, kind: str) -> Keyword:
    from jsonschema import ValidationError

    def check(validator: Json, expected: Json, value: Json, schema: Json) -> Iterator[ValidationError]:
        if validator.is_type(value, kind) and not verdict(keyword, expected)(value):
            yield ValidationError(keyword)

    return check


def _required(validator: Json, names: Json, value: Json, schema: Json) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    if validator.is_type(value, "object"):
        yield from (ValidationError("required", path=[name]) for name in names if name not in value)


def _dependent_required(validator: Json, needs: Json, value: Json, schema: Json) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    if validator.is_type(value, "object"):
        missing = {name: given for given in needs if given in value for name in needs[given] if name not in value}
        yield from (ValidationError(given, path=[name]) for name, given in missing.items())


def _property_names(validator: Json, inner: Json, value: Json, schema: Json) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    for name in value if validator.is_type(value, "object") else ():
        found = list(validator.descend(name, inner))
        if found:
            yield ValidationError("propertyNames", path=[name], context=found)


def _pattern_properties(validator: Json, patterns: Json, value: Json, schema: Json) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        for pattern, inner in patterns.items():
            for name in filter(verdict("pattern", pattern), value):
                yield from validator.descend(value[name], inner, path=name, schema_path=pattern)


def _additional_properties(validator: Json, inner: Json, value: Json, schema: Json) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    if not validator.is_type(value, "object"):
        return
    tests = [verdict("pattern", pattern) for pattern in schema.get("patternProperties", {})]
    for name in value:
        if name in schema.get("properties", {}) or any(test(name) for test in tests):
            continue
        if inner is False:
            yield ValidationError("undeclared", path=[name])
        else:
            yield from validator.descend(value[name], inner, path=name)


_OWN: dict[str, Keyword] = {
    "required": _required,
    "dependentRequired": _dependent_required,
    "propertyNames": _property_names,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
}
