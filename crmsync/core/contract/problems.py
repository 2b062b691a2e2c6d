"""What is wrong with the contract itself?"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from difflib import get_close_matches
from typing import Final

import jsonschema_rs

from crmsync.core.contract.reference import reference
from crmsync.core.contract.shape import LISTED, NAMED, ONE, REFERENCES, exact, subschemas, target, verdict
from crmsync.core.contract.violation import Place, Violation, in_order
from crmsync.core.contract.words import FORMATS, worded
from crmsync.core.model import Json

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_OTHER_KEYWORDS: Final = frozenset({
    "$schema", "$id", "$ref", "$anchor", "$dynamicRef", "$dynamicAnchor", "$vocabulary", "$comment", "type", "const",
    "enum", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength",
    "pattern", "maxItems", "minItems", "uniqueItems", "maxContains", "minContains", "maxProperties", "minProperties",
    "required", "dependentRequired", "format", "readOnly",
})  # fmt: skip
_KEYWORDS: Final = ONE | LISTED | NAMED | _OTHER_KEYWORDS  # where a slip of the pen matters
_NOTES: Final = frozenset({
    "title", "description", "default", "deprecated", "writeOnly", "examples", "contentEncoding", "contentMediaType",
})  # fmt: skip
_REPLACED: Final = {
    "nullable": 'type: [..., "null"]',
    "dependencies": "dependentRequired or dependentSchemas",
    "additionalItems": "items, beside prefixItems",
    "id": "$id",
    "$recursiveRef": "$dynamicRef",
    "$recursiveAnchor": "$dynamicAnchor",
}


def schema_problems(schema: Json) -> list[Violation]:
    """All that keeps `schema` from being a contract, sorted; `path` is the place in the schema. Nothing is fetched."""
    schema = exact(schema)
    if not isinstance(schema, dict):
        return [Violation((), "type", "must be an object: a JSON Schema")]
    if str(schema.get("$schema", _DIALECT)).rstrip("#") != _DIALECT:
        return [Violation(("$schema",), "$schema", f"must be {_DIALECT}")]
    for looked_for in (
        _unsound,
        _unfit,
        _uncompiled,
        _bad_examples,
    ):  # each is at a loss where the one before finds any
        if found := set(looked_for(schema)):
            return in_order(found)
    return []


def _unsound(schema: Json) -> Iterator[Violation]:
    """What the meta-schema, which the library carries, has against a schema."""
    from jsonschema import Draft202012Validator  # a tenth of a second, and only a check of contracts needs it

    for error in Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(_with_plain_integers(schema)):
        yield from worded(error, lambda path: False)


def _with_plain_integers(schema: Json) -> Json:
    """For a validator to which 2.0 is no whole number when it is a Decimal."""
    match schema:
        case Decimal() if schema == schema.to_integral_value() and schema.adjusted() < 400:
            return int(schema)
        case list():
            return [_with_plain_integers(item) for item in schema]
        case dict():
            return {name: _with_plain_integers(item) for name, item in schema.items()}
    return schema


def _unfit(root: Json) -> Iterator[Violation]:
    """What the meta-schema does not see."""
    for place, schema in subschemas(root):
        if isinstance(schema, dict):
            yield from _astray(schema, place, root)
            yield from _unreadable_patterns(schema, place)
            yield from _ignored(schema, place)
            yield from _impossible(schema, place)


def _astray(schema: Json, place: Place, root: Json) -> Iterator[Violation]:
    for keyword in REFERENCES:
        reference_ = schema.get(keyword, "#")
        if reference_.split("#")[0] not in ("", root.get("$id")):
            said = f"{reference_} lies outside this contract and is never fetched; copy it into $defs"
            yield Violation((*place, keyword), keyword, said)
        elif target(reference_, root) is None:
            yield Violation((*place, keyword), keyword, f"{reference_} leads nowhere in this contract")
    for keyword in ("$id", "$schema") if place else ():
        if keyword in schema:
            said = f"a contract is one document; only its root may have {keyword}"
            yield Violation((*place, keyword), keyword, said)


def _unreadable_patterns(schema: Json, place: Place) -> Iterator[Violation]:
    patterns = [("patternProperties", pattern) for pattern in schema.get("patternProperties", {})]
    if "pattern" in schema:
        patterns.append(("pattern", schema["pattern"]))
    for keyword, pattern in patterns:
        try:
            verdict("pattern", pattern)
        except ValueError:
            yield Violation((*place, keyword), keyword, f"{pattern} is no regular expression (ECMA-262)")


def _ignored(schema: Json, place: Place) -> Iterator[Violation]:
    """What JSON Schema would pass over in silence."""
    name = schema.get("format")
    if name is not None and name not in FORMATS:
        yield Violation((*place, "format"), "format", f"no format is called {name}{_near(name, FORMATS)}")
    for keyword in sorted(schema.keys() - _KEYWORDS - _NOTES):
        if keyword in _REPLACED:
            yield Violation((*place, keyword), keyword, f"is not JSON Schema 2020-12; write {_REPLACED[keyword]}")
        elif near := _near(keyword, _KEYWORDS):
            yield Violation((*place, keyword), keyword, f"is no keyword of JSON Schema{near}")


def _near(word: str, words: frozenset[str]) -> str:
    return "".join(f"; did you mean {each}?" for each in get_close_matches(word, sorted(words), 1, 0.75))


def _impossible(schema: Json, place: Place) -> Iterator[Violation]:
    if schema.get("additionalProperties") is not False:
        return
    tests = [verdict("pattern", pattern) for pattern in schema.get("patternProperties", {})]
    for index, name in enumerate(schema.get("required", ())):
        if name not in schema.get("properties", {}) and not any(test(name) for test in tests):
            yield Violation((*place, "required", index), "required", f"{name} is required, but not allowed")


def _uncompiled(root: Json) -> Iterator[Violation]:
    try:
        _compiled(root)
    except ValueError as error:
        yield Violation((), "schema", f"cannot be compiled: {str(error).splitlines()[0]}")


def _compiled(root: Json) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(root, validate_formats=True, offline=True)


def _bad_examples(root: Json) -> Iterator[Violation]:
    decides = _compiled(root)
    for index, example in enumerate(root.get("examples", ())):
        for error in () if decides.is_valid(example) else reference(root).iter_errors(example):
            for each in worded(error, lambda path: False):
                yield Violation(("examples", index, *each.path), each.rule, each.message)
