"""How is a type written as a JSON Schema that stands alone?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import ge, gt, le, lt
from typing import Final

from crmsync.core.contract.shape import LISTED, NAMED, ONE, REFERENCES, rebuilt, subschemas, target
from crmsync.core.expression.functions import kind_of
from crmsync.core.model import Json, to_json
from crmsync.core.types.kinds import KEYWORDS, KIND_OF_TYPE
from crmsync.core.types.reading import Declared
from crmsync.core.types.root import Root
from crmsync.core.types.views import Schema, Type, View

NOTES: Final = frozenset({"x-pii", "deprecated", "x-deprecated"})
"""Annotations that go along."""

_SAYING: Final = frozenset().union(*KEYWORDS.values(), {"type", "const", "enum"}, LISTED, ONE, NAMED) - {
    "$defs", "definitions", "contentSchema",
}  # fmt: skip
_KEPT: Final = _SAYING | NOTES
_TYPES: Final = {
    "text": "string", "number": "number", "boolean": "boolean", "list": "array", "object": "object", "null": "null",
}  # fmt: skip
_ORDER: Final = ("string", "integer", "number", "boolean", "array", "object", "null")
_ANYTHING: Final = {"type": ["string", "number", "boolean", "array", "object", "null"]}
_INLINED: Final = 6  # keywords, of a definition that has no subschemas


@dataclass(eq=False)
class Writer:
    """Writes the types of one document; each of its subschemas is cleaned once."""

    root: Root
    _clean: dict[int, tuple[Json, Json]] = field(default_factory=dict)
    _types: dict[int, tuple[Type, Json]] = field(default_factory=dict)
    _unions: dict[bytes, Json] = field(default_factory=dict)
    _names: dict[int, str] = field(default_factory=dict)
    _definitions: dict[str, Json] = field(default_factory=dict)

    def written(self, type_: Type) -> Json:
        """The schema of a type, with the definitions that it refers to."""
        schema = self.type(type_)
        definitions: dict[str, Json] = {}
        todo = [schema] if self._names else []
        while todo:
            for name in sorted(set(_referred(todo.pop())) - definitions.keys()):
                definitions[name] = self.clean(self._definitions[name])
                todo.append(definitions[name])
        if not definitions:
            return schema
        return {**schema, "$defs": {name: definitions[name] for name in sorted(definitions)}}

    def type(self, type_: Type) -> Json:
        if id(type_) not in self._types:
            parts = [self.part(part) for part in type_.parts]
            text = to_json(parts)
            if text not in self._unions:
                self._unions[text] = either(parts)
            self._types[id(type_)] = type_, self._unions[text]
        return self._types[id(type_)][1]

    def part(self, part: View | Declared) -> Json:
        if isinstance(part, View):
            return self.view(part)
        if len(part.all_of) == 1 and not isinstance(part.all_of[0], Type):
            return self.clean(part.all_of[0])
        return either([self.view(view) for view in part.alternatives])

    def schema(self, schema: Schema) -> Json:
        return self.type(schema) if isinstance(schema, Type) else self.clean(schema)

    # As written in the contract --------------------------------------------------------------------

    def clean(self, schema: Json) -> Json:
        """Without what says nothing of values, and with references to definitions of our own."""
        if not isinstance(schema, dict):
            return schema
        if id(schema) not in self._clean:
            self._clean[id(schema)] = schema, self._cleaned(schema)
        return self._clean[id(schema)][1]

    def _cleaned(self, schema: Json) -> Json:
        clean = {name: rebuilt(name, value, self.clean) for name, value in schema.items() if name in _KEPT}
        found = [target(schema[each], self.root.schema) for each in REFERENCES if each in schema]
        for inner in found:
            if _is_small(inner) and not clean.keys() & _SAYING:
                clean = self.clean(inner) | clean
            elif isinstance(inner, dict) and not clean.keys() & {"$ref"}:
                clean["$ref"] = f"#/$defs/{self._name(inner, schema)}"
            elif isinstance(inner, dict | bool) and inner is not True:
                clean.setdefault("allOf", [])
                clean["allOf"] = [*clean["allOf"], self._reference(inner, schema)]
        return clean or True

    def _reference(self, inner: Json, schema: Json) -> Json:
        return {"$ref": f"#/$defs/{self._name(inner, schema)}"} if isinstance(inner, dict) else inner

    def _name(self, inner: Json, schema: Json) -> str:
        if id(inner) not in self._names:
            pointer = str(next(schema[each] for each in REFERENCES if each in schema))
            plain = (
                "".join(each if each.isalnum() else "_" for each in pointer.rpartition("/")[2].strip("#")) or "record"
            )
            name, count = plain, 1
            while name in self._definitions:
                count += 1
                name = f"{plain}{count}"
            self._names[id(inner)], self._definitions[name] = name, inner
        return self._names[id(inner)]

    # As inferred -----------------------------------------------------------------------------------

    def view(self, view: View) -> Json:
        if view.values is not None:
            return _one_of(view.values)
        parts: list[Json] = [{"type": _TYPES[view.kind]}]
        for fact in view.facts:
            parts = _added(parts, {name: self._inner(name, value) for name, value in fact.items()})
        if view.known:
            parts = _knowing(parts, {name: self.type(each) for name, each in view.known.items()})
        parts += [self.clean(each) for each in view.beside]
        first, *others = parts
        return {**first, "allOf": others} if others else first

    def _inner(self, keyword: str, value: Json) -> Json:
        return rebuilt(keyword, value, self.schema)


def _is_small(schema: Json) -> bool:
    """Whether a definition is as easily written out: it has no subschemas."""
    if not isinstance(schema, dict) or len(schema) > _INLINED:
        return False
    return not schema.keys() & (ONE | LISTED | NAMED | {*REFERENCES})


def _referred(schema: Json) -> Iterator[str]:
    for _, each in subschemas(schema):
        if isinstance(each, dict) and "$ref" in each:
            yield each["$ref"].removeprefix("#/$defs/")


def _one_of(values: Iterable[Json]) -> Json:
    values = list(values)
    if values == [None]:
        return {"type": "null"}
    if len(values) == 2 and all(isinstance(each, bool) for each in values):
        return {"type": "boolean"}
    return {"const": values[0]} if len(values) == 1 else {"enum": values}


# All of several --------------------------------------------------------------------------------------------------


def _added(parts: list[Json], fact: Json) -> list[Json]:
    """The conjunction, in one schema if that says the same."""
    together = _together(parts[0], fact)
    return [*parts, fact] if together is None else [together, *parts[1:]]


_TIGHTER: Final = {
    **dict.fromkeys(("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum"), max),
    **dict.fromkeys(("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum"), min),
}
_OF_ITEMS: Final = {"prefixItems", "items"}
_OF_CONTAINED: Final = {"contains", "minContains", "maxContains"}
_OF_NAMES: Final = {"properties", "patternProperties", "additionalProperties"}


def _together(left: Json, right: Json) -> Json | None:
    merged = dict(left)
    for group in (_OF_ITEMS, _OF_CONTAINED):
        if left.keys() & group and right.keys() & group and _of(left, group) != _of(right, group):
            return None
    if left.keys() & _OF_NAMES and right.keys() & _OF_NAMES and _of(left, _OF_NAMES) != _of(right, _OF_NAMES):
        return None
    for keyword, value in right.items():
        if keyword in _TIGHTER and keyword in left:
            merged[keyword] = _TIGHTER[keyword](left[keyword], value)
        elif keyword == "required":
            merged[keyword] = sorted({*left.get(keyword, ()), *value})
        elif keyword == "type":
            merged[keyword] = value  # a whole number is a number
        elif keyword in left and left[keyword] != value:
            return None
        else:
            merged[keyword] = value
    return merged


def _of(schema: Json, keywords: set[str]) -> Json:
    return {keyword: schema[keyword] for keyword in keywords & schema.keys()}


def _knowing(parts: list[Json], known: Mapping[str, Json]) -> list[Json]:
    """With what is known of properties in the place of what is declared."""
    first = parts[0]
    return [{**first, "properties": {**first.get("properties", {}), **known}}, *parts[1:]]


# Any of several --------------------------------------------------------------------------------------------------


def either(schemas: Iterable[Json]) -> Json:
    """The union, as small as is easily had."""
    found: dict[Json, Json] = {}
    for schema in _flat(schemas):
        if schema is True or schema == {}:
            return True
        found.setdefault(to_json(schema), schema)
    pool = _distinct(value for schema in found.values() for value in _values(schema))
    others = [schema for schema in found.values() if not _is_pool(schema)]
    plain = _widest([each for each in others if _is_simple(each)])
    simple, rest = _merged(plain, [value for value in pool if not any(_takes(each, value) for each in plain)])
    rest += [each for each in others if not _is_simple(each)]
    united = [*simple, *rest]
    if any(each == _ANYTHING for each in simple):
        return True
    return united[0] if len(united) == 1 else {"anyOf": united} if united else False


def _flat(schemas: Iterable[Json]) -> Iterator[Json]:
    for schema in schemas:
        if isinstance(schema, dict) and schema.keys() == {"anyOf"}:
            yield from _flat(schema["anyOf"])
        elif schema is not False:
            yield schema


def _is_pool(schema: Json) -> bool:
    return schema.keys() in ({"const"}, {"enum"}) or schema == {"type": "null"}


def _values(schema: Json) -> Iterable[Json]:
    if not _is_pool(schema):
        return ()
    return (None,) if "type" in schema else schema.get("enum", (schema.get("const"),))


def _distinct(values: Iterable[Json]) -> list[Json]:
    return list({to_json(value): value for value in values}.values())


def _is_simple(schema: Json) -> bool:
    """Whether all that it says is of the types that it names."""
    if "type" not in schema:
        return False
    kinds = {KIND_OF_TYPE[each] for each in _types(schema)}
    allowed = frozenset().union(*(KEYWORDS[kind] for kind in kinds), {"type"}, NOTES)
    return bool(schema.keys() <= allowed)


def _types(schema: Json) -> list[str]:
    return [schema["type"]] if isinstance(schema["type"], str) else schema["type"]


_SCALAR: Final = KEYWORDS["text"] | KEYWORDS["number"]
_LIMITS: Final[Mapping[str, Callable[[Json, Json], bool]]] = {
    "minLength": lambda value, limit: len(value) >= limit,
    "maxLength": lambda value, limit: len(value) <= limit,
    "minimum": ge,
    "maximum": le,
    "exclusiveMinimum": gt,
    "exclusiveMaximum": lt,
}


def _widest(simple: list[Json]) -> list[Json]:
    """Without those that say no more than another of them."""
    kept: list[Json] = []
    for each in simple:
        if not any(_is_within(each, other) for other in kept):
            kept = [*(other for other in kept if not _is_within(other, each)), each]
    return kept


def _is_within(inner: Json, outer: Json) -> bool:
    limits = outer.keys() - {"type"}
    if not (limits <= _SCALAR and _notes(inner) == {} and set(_types(inner)) <= set(_types(outer))):
        return False
    return all(
        name in inner and (inner[name] == outer[name] or _is_tighter(name, inner[name], outer[name])) for name in limits
    )


def _is_tighter(keyword: str, one: Json, other: Json) -> bool:
    return keyword in _TIGHTER and bool(_TIGHTER[keyword](one, other) == one)


def _takes(schema: Json, value: Json) -> bool:
    """Whether a scalar is one of the values of a simple schema, as far as limits tell."""
    kind, said = kind_of(value), schema.keys() - {"type"}
    if kind not in ("text", "number") or not said <= _LIMITS.keys():
        return False
    is_type = kind in {KIND_OF_TYPE[each] for each in _types(schema) if each != "integer" or isinstance(value, int)}
    return is_type and all(_LIMITS[name](value, schema[name]) for name in said & KEYWORDS[kind])


def _merged(simple: list[Json], pool: list[Json]) -> tuple[list[Json], list[Json]]:
    """Simple schemas of different types in one, with the values that go in there; and what is left of the values."""
    bare = {each["type"] for each in simple if each.keys() == {"type"} and isinstance(each["type"], str)}
    if {True, False} <= {value for value in pool if isinstance(value, bool)}:
        bare.add("boolean")
        simple = [*simple, {"type": "boolean"}]
    pool = [value for value in pool if not _is_in(value, bare)]
    one: Json = None
    kept: list[Json] = []
    for each in simple:
        if each.keys() != {"type"} and set(_types(each)) <= _covered(bare):
            continue
        joined = None if one is None else _beside(one, each)
        if one is None:
            one = each
        elif joined is None:
            kept.append(each)
        else:
            one = joined
    if one is not None and None in pool:
        pool = [value for value in pool if value is not None]
        one = {**one, "type": _ordered({*_types(one), "null"})}
    rest = [_one_of(pool)] if pool else []
    return [] if one is None else [one, *kept], rest


def _covered(bare: set[str]) -> set[str]:
    return bare | ({"integer"} if "number" in bare else set())


def _is_in(value: Json, bare: set[str]) -> bool:
    match value:
        case bool():
            return "boolean" in bare
        case str():
            return "string" in bare
        case list():
            return "array" in bare
        case dict():
            return "object" in bare
    return value is not None and ("number" in bare or (isinstance(value, int) and "integer" in bare))


def _beside(left: Json, right: Json) -> Json | None:
    kinds = [{KIND_OF_TYPE[each] for each in _types(schema)} for schema in (left, right)]
    bare = {"type": right["type"]} == right or {"type": left["type"]} == left
    if _notes(left) != _notes(right) and not bare:
        return None
    if kinds[0] & kinds[1] - {"null"}:
        same = {k: v for k, v in left.items() if k != "type"} == {k: v for k, v in right.items() if k != "type"}
        if not same:
            return None
    types = {*_types(left), *_types(right)}
    return {**left, **right, "type": _ordered(types)}


def _notes(schema: Json) -> Json:
    return {name: schema[name] for name in NOTES & schema.keys()}


def _ordered(types: set[str]) -> Json:
    if "number" in types:
        types = types - {"integer"}
    found = [each for each in _ORDER if each in types]
    return found[0] if len(found) == 1 else found
