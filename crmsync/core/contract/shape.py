"""What does a contract declare at a path?

Only what stands in the document itself is followed: a `$ref` that leads elsewhere leads nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

import jsonschema_rs

from crmsync.core.contract.pointer import pointer_to, steps_of
from crmsync.core.contract.violation import Place
from crmsync.core.model import Json

# Where subschemas stand inside a schema: alone, in a list, or by name.
ONE: Final = frozenset({
    "items", "contains", "additionalProperties", "propertyNames", "if", "then", "else", "not", "unevaluatedItems",
    "unevaluatedProperties", "contentSchema",
})  # fmt: skip
LISTED: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
NAMED: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
PLACES: Final = frozenset({"$defs", "definitions", "$id", "$anchor"})  # nothing by themselves: others refer to them
ANNOTATIONS: Final = frozenset({"title", "description", "$comment", "default", "examples", "deprecated"})
_HOLDING: Final = ONE | LISTED | NAMED
REFERENCES: Final = ("$ref", "$dynamicRef")
_WHOLE: Final = "#/$defs/whole"


def exact(schema: Json) -> Json:
    """The schema with decimals for floats, as records have them."""
    match schema:
        case dict():
            return {name: item if item.__class__ is str else exact(item) for name, item in schema.items()}
        case list():
            return [item if item.__class__ is str else exact(item) for item in schema]
        case float():
            return Decimal(repr(schema))
    return schema


def with_plain_integers(schema: Json) -> Json:
    """With whole numbers as int: to some readers the Decimal 2.0 is no length."""
    match schema:
        case Decimal() if not is_beyond_integers(schema) and schema == schema.to_integral_value():
            return int(schema)
        case list():
            return [with_plain_integers(item) for item in schema]
        case dict():
            return {name: with_plain_integers(item) for name, item in schema.items()}
    return schema


def is_beyond_integers(number: Decimal) -> bool:
    """Whether it is too large to be spelled out: 1e400 stays a Decimal to all readers."""
    return number.adjusted() >= _DIGITS


_DIGITS: Final = 400


def rebuilt(keyword: str, value: Json, change: Callable[[Json], Json]) -> Json:
    """What a keyword holds, with the schemas directly inside it changed."""
    if keyword in ONE:
        return change(value)
    if keyword in LISTED:
        return [change(inner) for inner in value]
    if keyword in NAMED:
        return {name: change(inner) for name, inner in value.items()}
    return value


def subschemas(schema: Json, place: Place = ()) -> Iterator[tuple[Place, Json]]:
    """A schema and all that stand inside it, each with its place in the document."""
    yield place, schema
    for keyword, value in schema.items() if isinstance(schema, dict) else ():
        for inner_place, inner in _inside(keyword, value) if keyword in _HOLDING else ():
            yield from subschemas(inner, (*place, *inner_place))


def is_alone(schema: Json) -> bool:
    """Whether it refers to nothing."""
    return not any(
        keyword in inner for _, inner in subschemas(schema) if isinstance(inner, dict) for keyword in REFERENCES
    )


def alone(root: Json, place: Place) -> Json:
    """The schema at this place as a document of its own: it leads into the whole one, so that all of it is in reach."""
    if not place:
        return root
    return {"$ref": _WHOLE + quote(pointer_to(place), safe="/~"), "$defs": {"whole": _moved(root, root.get("$id", ""))}}


def apart(root: Json, place: Place, schema: Json) -> Json:
    """As `alone`, of the schema that stands there, with no more of the document than it needs: quick where all of it
    is asked part by part."""
    needed = _needed(schema, root) if isinstance(schema, dict) and not schema.keys() & {"$defs", "$id"} else None
    if needed is None:
        return alone(root, place)
    return {**schema, "$defs": {name: root["$defs"][name] for name in needed}} if needed else schema


def _needed(schema: Json, root: Json) -> set[str] | None:
    """The names in `$defs` that it refers to, and those that these do; None where it refers to anything else."""
    found: set[str] = set()
    todo = [schema]
    while todo:
        for _, inner in subschemas(todo.pop()):
            for keyword in REFERENCES if isinstance(inner, dict) else ():
                if keyword not in inner:
                    continue
                name = inner[keyword].removeprefix("#/$defs/")
                if keyword != "$ref" or name == inner[keyword] or name not in root.get("$defs", ()):
                    return None
                todo += [] if name in found else [root["$defs"][name]]
                found.add(name)
    return found


def _moved(schema: Json, base: str) -> Json:
    """With references that are right once the root stands at `_WHOLE`."""
    if not isinstance(schema, dict):
        return schema
    return {
        keyword: _aimed(value, base)
        if keyword in REFERENCES
        else rebuilt(keyword, value, lambda each: _moved(each, base))
        for keyword, value in schema.items()
        if keyword not in ("$id", "$schema")
    }


def _aimed(reference: str, base: str) -> str:
    start, _, fragment = reference.partition("#")
    if start not in ("", base):
        return reference
    return f"#{fragment}" if fragment and not fragment.startswith("/") else f"{_WHOLE}{fragment}"


def _inside(keyword: str, value: Json) -> Iterator[tuple[Place, Json]]:
    if keyword in ONE:
        yield (keyword,), value
    elif keyword in LISTED and isinstance(value, list):
        yield from (((keyword, index), inner) for index, inner in enumerate(value))
    elif keyword in NAMED and isinstance(value, dict):
        yield from (((keyword, name), inner) for name, inner in value.items())


def target(reference: str, root: Json) -> Json:
    """The schema that a `$ref` of this document leads to, or None."""
    base, _, fragment = reference.partition("#")
    if base not in ("", root.get("$id")):
        return None
    fragment = unquote(fragment)
    return _pointed(fragment, root) if fragment.startswith("/") or not fragment else _anchored(fragment, root)


def _pointed(pointer: str, root: Json) -> Json:
    found = root
    for name in steps_of(pointer):
        if isinstance(found, dict):
            found = found.get(name)
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found


def _anchored(name: str, root: Json) -> Json:
    schemas = (schema for _, schema in subschemas(root) if isinstance(schema, dict))
    return next((each for each in schemas if name in (each.get("$anchor"), each.get("$dynamicAnchor"))), None)


def facets(schema: Json, root: Json) -> list[Json]:
    """All schemas that speak of the same value: this one, what it refers to, its alternatives and conditions."""
    if isinstance(schema, dict) and schema.keys().isdisjoint(_BESIDE):
        return [schema]
    found: dict[int, Json] = {}
    todo = [schema]
    while todo:
        each = todo.pop()
        if isinstance(each, dict) and id(each) not in found:
            found[id(each)] = each
            todo += _beside(each, root)
    return list(found.values())


_BESIDE: Final = (*REFERENCES, "allOf", "anyOf", "oneOf", "then", "else", "dependentSchemas")


def _beside(schema: Json, root: Json) -> Iterator[Json]:
    yield from (target(schema[keyword], root) for keyword in REFERENCES if keyword in schema)
    for keyword in ("allOf", "anyOf", "oneOf"):
        yield from schema.get(keyword, ())
    yield from (schema[keyword] for keyword in ("then", "else") if keyword in schema)
    yield from schema.get("dependentSchemas", {}).values()


def below(schemas: Iterable[Json], part: str | int) -> list[Json]:
    """What these facets of one value declare for its property or item."""
    step: Callable[[Json, Json], list[Json]] = _item if isinstance(part, int) else _property
    return [found for schema in schemas for found in step(schema, part)]


def _property(schema: Json, name: str) -> list[Json]:
    patterns = schema.get("patternProperties", {})
    declared = [inner for pattern, inner in patterns.items() if verdict("pattern", pattern)(name)]
    if name in schema.get("properties", {}):
        declared.append(schema["properties"][name])
    if declared:
        return declared
    others = (schema.get(keyword) for keyword in ("additionalProperties", "unevaluatedProperties"))
    return [each for each in others if isinstance(each, dict)]


def _item(schema: Json, index: int) -> list[Json]:
    first = schema.get("prefixItems", [])
    if index < len(first):
        return [first[index]]
    return [schema[keyword] for keyword in ("items", "contains", "unevaluatedItems") if keyword in schema]


def declared(path: Place, root: Json) -> list[Json]:
    """All that the contract says of the value at `path`, not yet unfolded into facets."""
    found = [root]
    for part in path:
        found = below([facet for schema in found for facet in facets(schema, root)], part)
    return found


def is_marked(path: Place, root: Json, marks: Callable[[Json], bool]) -> bool:
    """Whether a mark stands on the value at `path`, or on anything that it is a part of."""
    found = [root]
    for part in path:
        around = [facet for schema in found for facet in facets(schema, root)]
        if any(map(marks, around)):
            return True
        found = below(around, part)
    return any(marks(facet) for schema in found for facet in facets(schema, root))


def is_marked_within(path: Place, root: Json, marks: Callable[[Json], bool]) -> bool:
    """Whether a mark stands on the value at `path`, or on anything that it may hold."""
    todo, seen = declared(path, root), set[int]()
    while todo:
        for facet in facets(todo.pop(), root):
            if id(facet) not in seen:
                seen.add(id(facet))
                if marks(facet):
                    return True
                todo += _parts(facet)
    return False


def _parts(schema: Json) -> Iterator[Json]:
    for keyword in ("properties", "patternProperties"):
        yield from schema.get(keyword, {}).values()
    yield from schema.get("prefixItems", ())
    yield from (schema[keyword] for keyword in _OPEN_PARTS if keyword in schema)


_OPEN_PARTS: Final = ("additionalProperties", "unevaluatedProperties", "items", "contains", "unevaluatedItems")


def may_be_object(schema: Json, root: Json, seen: frozenset[int] = frozenset()) -> bool:
    if not isinstance(schema, dict) or id(schema) in seen:
        return schema is not False
    types = schema.get("type", "object")
    if "object" not in ([types] if isinstance(types, str) else types):
        return False
    inner = seen | {id(schema)}
    all_of = [*schema.get("allOf", ()), *(target(schema[each], root) for each in REFERENCES if each in schema)]
    any_of = [schema[keyword] for keyword in ("anyOf", "oneOf") if keyword in schema]
    return all(may_be_object(each, root, inner) for each in all_of) and all(
        any(may_be_object(each, root, inner) for each in branches) for branches in any_of
    )


def is_closed(schema: Json) -> bool:
    return schema.get("additionalProperties") is False or schema.get("unevaluatedProperties") is False


@lru_cache(maxsize=1024)
def verdict(keyword: str, value: Json) -> Callable[[Json], bool]:
    """What the fast validator says of one keyword alone. Raises ValueError where `value` is none for it."""
    validator = jsonschema_rs.Draft202012Validator({keyword: value}, validate_formats=True, offline=True)
    return validator.is_valid
