"""What is wrong with the contract itself?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cache, lru_cache
from typing import Final

import jsonschema_rs

from crmsync.core.contract.endless import endless
from crmsync.core.contract.explosion import exploding_loop
from crmsync.core.contract.flaw import Flaw, in_place
from crmsync.core.contract.reference import reference
from crmsync.core.contract.regex import read_regex
from crmsync.core.contract.shape import (
    ANNOTATIONS,
    LISTED,
    NAMED,
    ONE,
    REFERENCES,
    apart,
    exact,
    is_alone,
    is_beyond_integers,
    subschemas,
    target,
    verdict,
    with_plain_integers,
)  # fmt: skip
from crmsync.core.contract.violation import Place
from crmsync.core.contract.words import FORMATS, worded
from crmsync.core.model import Json, from_json, to_json
from crmsync.core.near import choose, closest, meant, perhaps

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_SEE: Final = "see https://json-schema.org/draft/2020-12"
_OTHER_KEYWORDS: Final = frozenset({
    "$schema", "$id", "$ref", "$anchor", "$dynamicRef", "$dynamicAnchor", "$vocabulary", "$comment", "type", "const",
    "enum", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength",
    "pattern", "maxItems", "minItems", "uniqueItems", "maxContains", "minContains", "maxProperties", "minProperties",
    "required", "dependentRequired", "format", "readOnly",
})  # fmt: skip
_SLIP: Final = 0.75  # so much of a word is left in a slip of the pen: a word of one's own is none
_KEYWORDS: Final = ONE | LISTED | NAMED | _OTHER_KEYWORDS  # where a slip of the pen matters
_NOTES: Final = ANNOTATIONS | {"writeOnly", "contentEncoding", "contentMediaType"}
_REPLACED: Final = {
    "nullable": 'type: [..., "null"]',
    "dependencies": "dependentRequired or dependentSchemas",
    "additionalItems": "items, beside prefixItems",
    "id": "$id",
    "$recursiveRef": "$dynamicRef",
    "$recursiveAnchor": "$dynamicAnchor",
}


def schema_problems(schema: Json) -> list[Flaw]:
    """All that keeps `schema` from being a contract, sorted. Nothing is fetched."""
    schema = exact(schema)
    if not isinstance(schema, dict):
        return [Flaw((), "not-a-schema", "must be an object: a JSON Schema", _SEE)]
    if str(schema.get("$schema", _DIALECT)).rstrip("#") != _DIALECT:
        return [Flaw(("$schema",), "not-a-schema", f"must be {_DIALECT}", f'write "$schema": "{_DIALECT}"')]
    for looked_for in (
        _unsound,
        _unfit,
        _endless,
        _uncompiled,
        _bad_examples,
    ):  # each is at a loss where the one before finds any
        if found := set(looked_for(schema)):
            return in_place(found)
    return []


def advice(schema: Json) -> list[Flaw]:
    """What is meant otherwise, most likely, in a sound contract, sorted: nothing of it keeps a record from being
    checked."""
    root, found = exact(schema), set()
    for place, inner in subschemas(root):
        if isinstance(inner, dict):
            found |= {*_risky_patterns(inner, place), *_dead_values(inner, place, root)}
            found |= {*_bad_default(inner, place, root)}
    return in_place(found)


def _risky_patterns(schema: Json, place: Place) -> Iterator[Flaw]:
    """What other readers of the contract may take otherwise."""
    for where, on_key, pattern in _patterns(schema, place):
        regex = read_regex(pattern)
        for each in regex.unportable:
            message = f"{each.text} is not read alike by every validator"
            yield Flaw(where, "unportable", message, f"write {each.instead}", "warning", on_key, each.offset)
        if not regex.anchored:
            message = f"{pattern} may be found anywhere in the text"
            yield Flaw(where, "unanchored", message, f"if it is meant of all of it: ^{pattern}$", "info", on_key)


_ENUM_ALONE: Final = _NOTES | {"enum"}


def _dead_values(schema: Json, place: Place, root: Json) -> Iterator[Flaw]:
    """What `enum` lists in vain, beside values that it does not."""
    listed = schema.get("enum", ()) if not schema.keys() <= _ENUM_ALONE else ()
    whole = apart(root, place, schema) if listed else True
    excluded = {index: said for index, path, said in _unfitting(listed, whole) if not path}
    for index, said in excluded.items() if len(excluded) < len(listed) else ():
        message = f"{to_json(listed[index]).decode()} is listed, but {said}"
        mend = "let the other keywords allow it, or delete it from the list"
        yield Flaw((*place, "enum", index), "dead-value", message, mend, "warning")


def _bad_default(schema: Json, place: Place, root: Json) -> Iterator[Flaw]:
    if "default" not in schema:
        return
    for _, path, said in _unfitting([schema["default"]], apart(root, place, schema)):
        message = said if path else f"the default {said}"
        yield Flaw((*place, "default", *path), "default", message, "write one that is valid", "warning")


def _unsound(schema: Json) -> Iterator[Flaw]:
    """What the meta-schema, which the libraries carry, has against a schema."""
    if _keeps_the_dialect(schema):
        return
    from jsonschema import Draft202012Validator  # a tenth of a second, and only a check of contracts needs it

    for error in Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(with_plain_integers(schema)):
        for each in worded(error, lambda path: False):
            yield Flaw(each.path, "not-a-schema", each.message, _SEE)


def _keeps_the_dialect(schema: Json) -> bool:
    """At the speed of what checks records; what it refuses the reference finds words for."""
    return bool(_dialect().is_valid(schema)) and not _holds_one_beyond(schema)


@cache
def _dialect() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({"$ref": _DIALECT}, offline=True)


def _holds_one_beyond(schema: Json) -> bool:
    """Whether a whole number stands in it that the two might take otherwise: 1e400, which is a Decimal to both."""
    match schema:
        case Decimal():
            return is_beyond_integers(schema)
        case list():
            return any(map(_holds_one_beyond, schema))
        case dict():
            return any(map(_holds_one_beyond, schema.values()))
    return False


def _unfit(root: Json) -> Iterator[Flaw]:
    """What the meta-schema does not see."""
    for place, schema in subschemas(root):
        if isinstance(schema, dict):
            yield from _astray(schema, place, root)
            yield from _bad_patterns(schema, place)
            yield from _ignored(schema, place)
            yield from _impossible(schema, place)


def _astray(schema: Json, place: Place, root: Json) -> Iterator[Flaw]:
    for keyword in REFERENCES:
        reference_ = schema.get(keyword, "#")
        if reference_.split("#")[0] not in ("", root.get("$id")):
            said = f"{reference_} lies outside this contract and is never fetched; copy it into $defs"
            name = reference_.rpartition("/")[2].removesuffix(".json") or "name"
            yield Flaw((*place, keyword), "reference", said, f'write "{keyword}": "#/$defs/{name}"')
        elif target(reference_, root) is None:
            said = f"{reference_} leads nowhere in this contract"
            yield Flaw((*place, keyword), "reference", said, _other_targets(reference_, root))
    for keyword in ("$id", "$schema") if place else ():
        if keyword in schema:
            said = f"a contract is one document; only its root may have {keyword}"
            yield Flaw((*place, keyword), "reference", said, "delete it", on_key=True)


def _endless(root: Json) -> Iterator[Flaw]:
    for place, schema in endless(root):
        keyword = next(each for each in REFERENCES if each in schema)
        said = f"{schema[keyword]} leads back here, to the same value, without end"
        mend = "let it stand inside properties or items, or delete it"
        yield Flaw((*place, keyword), "reference", said, mend)


def _other_targets(reference_: str, root: Json) -> str:
    there = [f"#/{key}/{name}" for key in ("$defs", "definitions") for name in root.get(key, ())]
    return choose(reference_, there) if there else "write it into $defs"


def _patterns(schema: Json, place: Place) -> Iterator[tuple[Place, bool, str]]:
    """Where the regular expressions of one schema stand, whether as a key, and what they say."""
    for pattern in schema.get("patternProperties", {}):
        yield (*place, "patternProperties", pattern), True, pattern
    if "pattern" in schema:
        yield (*place, "pattern"), False, schema["pattern"]


def _bad_patterns(schema: Json, place: Place) -> Iterator[Flaw]:
    for where, on_key, pattern in _patterns(schema, place):
        try:
            verdict("pattern", pattern)
        except ValueError:
            yield Flaw(where, "pattern", *_uncompilable(pattern), on_key=on_key)
            continue
        loop = exploding_loop(pattern)
        if loop is not None:
            said = f"{pattern} explodes: its loop {loop} may take one text in very many ways, and each is tried"
            mend = "leave one of two loops over the same characters: (a+)+ is a+, ([a-z]+-?)* is [a-z]+(-[a-z]+)*"
            yield Flaw(where, "explodes", said, mend, on_key=on_key)


def _uncompilable(pattern: str) -> tuple[str, str]:
    """What is wrong, and the mend."""
    try:
        verdict("pattern", _COUNT.sub(lambda count: str(len(count[0])), pattern))
    except ValueError:
        mend = "escape what is meant as it stands, such as \\( and \\[; or mend its brackets and quantifiers"
        return f"{pattern} is no regular expression (ECMA-262)", mend
    return f"{pattern} counts too far to be compiled", "say how long a text may be with minLength and maxLength"


_COUNT: Final = re.compile(r"(?<=[{,])[0-9]+(?=[,}])")


def _ignored(schema: Json, place: Place) -> Iterator[Flaw]:
    """What JSON Schema would pass over in silence."""
    name = schema.get("format")
    if name is not None and name not in FORMATS:
        said = f"no format is called {name}{perhaps(closest(name, FORMATS, _SLIP))}"
        yield Flaw((*place, "format"), "format", said, f"there are: {', '.join(sorted(FORMATS))}")
    for keyword in sorted(each for each in schema if each not in _KEYWORDS and each not in _NOTES):
        if keyword in _REPLACED:
            said = f"is not JSON Schema 2020-12; write {_REPLACED[keyword]}"
            yield Flaw((*place, keyword), "keyword", said, f"write {_REPLACED[keyword]}", on_key=True)
        elif near := perhaps(closest(keyword, _KEYWORDS, _SLIP)):
            mend = "rename it; a word of your own begins with x-"
            yield Flaw((*place, keyword), "keyword", f"is no keyword of JSON Schema{near}", mend, on_key=True)


def _impossible(schema: Json, place: Place) -> Iterator[Flaw]:
    if schema.get("additionalProperties") is not False:
        return
    tests = [verdict("pattern", pattern) for pattern in schema.get("patternProperties", {})]
    for index, name in enumerate(schema.get("required", ())):
        if name not in schema.get("properties", {}) and not any(test(name) for test in tests):
            said = f"{name} is required, but not allowed"
            near = closest(name, schema.get("properties", {}))
            mend = f"{meant(near)} Else declare it under properties" if near else "declare it under properties"
            yield Flaw((*place, "required", index), "impossible", said, mend)


def _uncompiled(root: Json) -> Iterator[Flaw]:
    try:
        _compiled(root)
    except ValueError as error:
        yield Flaw((), "not-a-schema", f"cannot be compiled: {str(error).splitlines()[0]}", _SEE)


def _compiled(root: Json) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(root, validate_formats=True, offline=True)


def _bad_examples(root: Json) -> Iterator[Flaw]:
    for place, schema in subschemas(root):
        examples = schema.get("examples", ()) if isinstance(schema, dict) else ()
        for index, path, message in _unfitting(examples, apart(root, place, schema)) if examples else ():
            said = f"the example {message}" if not path else message
            yield Flaw(
                (*place, "examples", index, *path), "example", said, "mend the example, or what it is an example of"
            )


def _asserting(schema: Json) -> Json:
    """Without the notes on it, so that all of one kind are the same schema."""
    if not isinstance(schema, dict) or not is_alone(schema):  # a reference may lead into a note
        return schema
    return {keyword: value for keyword, value in schema.items() if keyword not in _NOTES}


@lru_cache(maxsize=1024)
def _compiled_once(text: bytes) -> jsonschema_rs.Draft202012Validator:
    return _compiled(from_json(text))


def _unfitting(examples: Sequence[Json], schema: Json) -> Iterator[tuple[int, Place, str]]:
    if not examples:
        return
    decides = _compiled_once(to_json(_asserting(schema)))
    for index, example in enumerate(examples):
        for error in () if decides.is_valid(example) else reference(schema).iter_errors(example):
            for each in worded(error, lambda path: False):
                yield index, each.path, each.message
