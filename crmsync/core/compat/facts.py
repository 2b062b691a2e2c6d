"""What do several schemas that all hold say together of one value?

Everything here errs on the wide side: what is not understood says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Final

import jsonschema_rs

from crmsync.core.compat.regular import Language, Unregular
from crmsync.core.contract.shape import ANNOTATIONS, PLACES, is_alone, subschemas, target, verdict
from crmsync.core.model import Json, to_json

TYPES: Final = ("null", "boolean", "integer", "number", "string", "array", "object")
_SPOKEN: Final = frozenset({"type", "pattern"})


class Facts:
    """One value, of which all of `schemas` hold; their references lead into `root`."""

    def __init__(self, schemas: tuple[Json, ...], root: Json) -> None:
        self.root = root
        self.schemas = schemas
        self.parts = _unfolded(schemas, root)

    def also(self, *schemas: Json) -> Facts:
        return Facts((*self.schemas, *schemas), self.root)

    def instead(self, part: Json, schema: Json) -> Facts:
        """With one of the parts replaced by a narrower one."""
        return Facts((*(each for each in self.parts if each is not part), schema), self.root)

    @cached_property
    def key(self) -> bytes:
        return b"\n".join(sorted({to_json(part) for part in self.parts}))

    @cached_property
    def alone(self) -> Json:
        """As one schema, without what refers to the document it stands in."""
        return {"allOf": [part for part in self.parts if is_alone(part)]}

    @cached_property
    def is_nothing(self) -> bool:
        if any(part is False for part in self.parts) or not self.types:
            return True
        return self.types == {"string"} and bool(self.said("pattern")) and is_empty(self.language())

    @cached_property
    def dicts(self) -> list[dict[str, Json]]:
        return [part for part in self.parts if isinstance(part, dict)]

    @cached_property
    def types(self) -> frozenset[str]:
        """The types that the value may have; "number" stands for numbers that are not whole."""
        found = frozenset(TYPES)
        for part in self.dicts:
            found &= types_of(part)
        return found

    def may_be(self, kind: str) -> bool:
        return kind in self.types

    def said(self, keyword: str) -> list[Json]:
        return [part[keyword] for part in self.dicts if keyword in part]

    def is_told_apart(self, other: Facts) -> bool:
        """Whether a glance tells that no value fits both: by type, or by a constant in a property that both demand."""
        if not self.types & other.types:
            return True
        is_object = self.types == {"object"} or other.types == {"object"}
        demanded = self.required & other.required if is_object else frozenset()
        return any(not _common(self.property(name), other.property(name)) for name in demanded)

    @cached_property
    def constants(self) -> frozenset[bytes] | None:
        """The values that `enum` and `const` leave, as texts; None where they say nothing, or numbers and more, which
        have several texts."""
        lists = [*self.said("enum"), *([value] for value in self.said("const"))]
        texts = [frozenset(map(to_json, each)) for each in lists if all(isinstance(one, _ONE_TEXT) for one in each)]
        return frozenset.intersection(*texts) if texts else None

    # Texts ----------------------------------------------------------------------------------------

    def language(self, barred: tuple[str, ...] = (), least: int = 0) -> Language:
        """The texts that it may be; narrowed by what is given."""
        most = min(self.said("maxLength"), default=None)
        return Language(
            tuple(sorted(set(self.said("pattern")))),
            tuple(sorted({*self._barred(), *barred})),
            max([least, *self.said("minLength")]),
            most,
        )

    def _barred(self) -> Iterator[str]:
        """Patterns that it must not match, where that is all that a `not` says of texts."""
        for excluded in self.said("not"):
            parts = [part for part in _unfolded((excluded,), self.root) if part is not True]
            plain = all(
                isinstance(each, dict) and each.keys() <= _SPOKEN and "string" in types_of(each) for each in parts
            )
            patterns = [each["pattern"] for each in parts if "pattern" in each] if plain else []
            if len(patterns) == 1:
                yield patterns[0]

    # Objects --------------------------------------------------------------------------------------

    @cached_property
    def names(self) -> list[str]:
        return sorted({name for part in self.dicts for name in part.get("properties", {})})

    @cached_property
    def required(self) -> frozenset[str]:
        found = {name for names in self.said("required") for name in names}
        todo = [(given, needs) for each in self.said("dependentRequired") for given, needs in each.items()]
        for _ in todo:
            found |= {name for given, needs in todo if given in found for name in needs}
        return frozenset(found)

    def property(self, name: str) -> Facts:
        """What holds of the property of this name, where there is one."""
        return Facts(tuple(each for part in self.dicts for each in _at(part, name)), self.root)

    # Lists ----------------------------------------------------------------------------------------

    def item(self, index: int) -> Facts:
        return Facts(tuple(each for part in self.dicts for each in _item(part, index)), self.root)

    @cached_property
    def longest_prefix(self) -> int:
        return max((len(each) for each in self.said("prefixItems")), default=0)

    @cached_property
    def most_items(self) -> int | None:
        bounds = [*self.said("maxItems")]
        bounds += [len(part.get("prefixItems", ())) for part in self.dicts if part.get("items") is False]
        return min(bounds, default=None)

    @cached_property
    def least_items(self) -> int:
        return max(self.said("minItems"), default=0)


_ONE_TEXT: Final = (str, int, type(None))


def _common(one: Facts, other: Facts) -> bool:
    return one.constants is None or other.constants is None or bool(one.constants & other.constants)


def _unfolded(schemas: tuple[Json, ...], root: Json) -> list[Json]:
    """With `allOf` and references followed; one that leads back to itself says nothing more."""
    found: list[Json] = []
    seen: set[int] = set()
    todo = list(reversed(schemas))
    while todo:
        schema = todo.pop()
        if id(schema) in seen and isinstance(schema, dict):
            continue
        seen.add(id(schema))
        if not isinstance(schema, dict):
            found.append(schema)
            continue
        todo += schema.get("allOf", ())
        todo += [target(schema["$ref"], root)] if "$ref" in schema and _leads(schema["$ref"], root) else []
        rest = {keyword: value for keyword, value in schema.items() if keyword not in _ASIDE}
        if rest:
            found.append(rest)
    return found


_ASIDE: Final = frozenset({"allOf", "$ref"}) | PLACES | ANNOTATIONS


def _leads(reference: str, root: Json) -> bool:
    return target(reference, root) is not None


def types_of(part: dict[str, Json]) -> frozenset[str]:
    found = frozenset(TYPES)
    if "type" in part:
        named = [part["type"]] if isinstance(part["type"], str) else part["type"]
        found &= frozenset(named) | (frozenset({"integer"}) if "number" in named else frozenset())
    values = part.get("enum", [part["const"]] if "const" in part else None)
    if values is not None:
        found &= frozenset(map(kind, values))
    return found


def kind(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
    return "integer" if value == value.to_integral_value() else "number"


def _at(part: dict[str, Json], name: str) -> list[Json]:
    said = [inner for pattern, inner in part.get("patternProperties", {}).items() if matches(pattern, name)]
    if name in part.get("properties", {}):
        said.append(part["properties"][name])
    if not said and "additionalProperties" in part:
        said.append(part["additionalProperties"])
    if "propertyNames" in part and isinstance(part["propertyNames"], dict) and is_alone(part["propertyNames"]):
        said += [] if holds(part["propertyNames"], name) else [False]
    return said


def _item(part: dict[str, Json], index: int) -> list[Json]:
    prefix = part.get("prefixItems", [])
    if index < len(prefix):
        return [prefix[index]]
    return [part["items"]] if "items" in part else []


def extent(schema: Json) -> int:
    """How many schemas stand in it, itself included: what working it out costs."""
    return sum(1 for _ in subschemas(schema))


def holds(schema: Json, value: Json) -> bool:
    """Whether a value is valid under a schema that refers to nothing."""
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True, offline=True).is_valid(value)


def matches(pattern: str, name: str) -> bool:
    return verdict("pattern", pattern)(name)


def exactly(name: str) -> str:
    """The pattern that only this name matches."""
    return f"^{re.sub(r'([^a-zA-Z0-9_])', _escaped, name)}$"


def _escaped(found: re.Match[str]) -> str:
    letter = found.group(1)
    return f"\\{letter}" if letter in ".*+?()[]{}|^$\\/-" else letter


def is_empty(language: Language) -> bool:
    """Whether there surely is no such text."""
    try:
        return language.is_empty()
    except Unregular:
        return False
