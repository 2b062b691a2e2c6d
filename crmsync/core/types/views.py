"""What may a value be? A schema, seen as alternatives of one kind each.

A `Type` is more than a schema allows, never less: what is not understood here leaves values in. Subschemas are unfolded
when somebody asks for them, so recursive schemas are nothing special.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias

from crmsync.core.model import Json
from crmsync.core.types.kinds import KEYWORDS, KINDS, LEAST, MOST, SCALARS, Fact, Kind, fits, matches

if TYPE_CHECKING:
    from crmsync.core.types.reading import Declared
    from crmsync.core.types.root import Root

Schema: TypeAlias = "Json | Type"
"""A JSON Schema as written in a contract, or a type: wherever a subschema may stand."""


@dataclass(frozen=True, eq=False)
class Closing:
    """What `unevaluatedProperties` says of the names that nothing beside it evaluates."""

    names: frozenset[str]
    patterns: tuple[str, ...]
    schema: Json

    def applies(self, name: str) -> bool:
        return name not in self.names and not any(matches(pattern, name) for pattern in self.patterns)


@dataclass(frozen=True, eq=False)
class View:
    """One alternative: values of one kind. `values`: one of these; the facts: all hold; `beside` holds too, but is only
    passed on; `known` is what more than the schema is known of properties that are there."""

    root: Root
    kind: Kind
    values: tuple[Json, ...] | None = None
    facts: tuple[Fact, ...] = ()
    beside: tuple[Json, ...] = ()
    closing: tuple[Closing, ...] = ()
    known: Mapping[str, Type] = field(default_factory=dict)

    @property
    def is_bare(self) -> bool:
        """Whether any value of the kind will do."""
        return self.values is None and not (self.facts or self.beside or self.closing or self.known)

    def limits(self, keyword: str) -> list[Json]:
        return [fact[keyword] for fact in self.facts if keyword in fact]

    @cached_property
    def least(self) -> int:
        """How long it is at least: a text, a list or an object."""
        if self.values is not None:
            return min(map(len, self.values))
        least = [int(each) for each in self.limits(LEAST[self.kind])]
        if self.kind == "object":
            least.append(len(self.required))
        if self.kind == "list":
            least += [int(fact.get("minContains", 1)) for fact in self.facts if "contains" in fact]
        return max(least, default=0)

    @cached_property
    def most(self) -> int | None:
        if self.values is not None:
            return max(map(len, self.values))
        most = [int(each) for each in self.limits(MOST[self.kind])]
        if self.kind == "list":
            most += [len(fact.get("prefixItems", ())) for fact in self.facts if fact.get("items") is False]
        if self.kind == "object" and not self.others.alternatives:
            most.append(sum(bool(self.property(name).alternatives) for name in self.names))
        return min(most, default=None)

    @property
    def may_be_empty(self) -> bool:
        return self.least == 0

    # Objects ---------------------------------------------------------------------------------------

    @cached_property
    def required(self) -> frozenset[str]:
        return frozenset(name for names in self.limits("required") for name in names)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names that are declared, sorted."""
        declared = {name for each in self.limits("properties") for name, inner in each.items() if inner is not False}
        return tuple(sorted(declared | self.known.keys()))

    def property(self, name: str) -> Type:
        """What it may be where it is there."""
        if name in self.known:
            return self.known[name]
        found: list[Schema] = []
        for fact in self.facts:
            if "propertyNames" in fact and not _is_named(name, fact["propertyNames"]):
                return self.root.never
            found += _property(fact, name)
        found += [each.schema for each in self.closing if each.applies(name)]
        return self.root.type_of(*found)

    def says(self, name: str) -> list[Json]:
        """The schemas of the contract that speak of a property."""
        return [each for fact in self.facts for each in _property(fact, name) if isinstance(each, dict)]

    def declares(self, name: str) -> bool:
        return name in self.known or any(_declares(fact, name) for fact in self.facts)

    @cached_property
    def others(self) -> Type:
        """What a property may be whose name is not declared."""
        found: list[Schema] = []
        for fact in self.facts:
            patterns = [*fact.get("patternProperties", {}).values()]
            rest = fact.get("additionalProperties", True)
            found.append(
                union(self.root, *(self.root.type_of(each) for each in (*patterns, rest))) if patterns else rest
            )
        names = set(self.names)
        found += [each.schema for each in self.closing if each.names <= names and not each.patterns]
        return self.root.type_of(*found)

    def members(self) -> Iterator[Type]:
        """What the values of its properties may be."""
        yield from map(self.property, self.names)
        yield self.others

    # Lists -----------------------------------------------------------------------------------------

    def element(self, index: int) -> Type:
        """What stands at an index, counted from 0, where the list is long enough."""
        return self.root.type_of(*(each for fact in self.facts for each in _element(fact, index)))

    @cached_property
    def fixed(self) -> int:
        """From this index on all elements are alike."""
        return max((len(each) for each in self.limits("prefixItems")), default=0)

    @cached_property
    def elements(self) -> Type:
        fixed = self.fixed if self.most is None else min(self.fixed, self.most)
        found = [self.element(index) for index in range(fixed)]
        if self.most is None or self.most > fixed:
            found.append(self.element(fixed))
        return union(self.root, *found)


def _property(fact: Fact, name: str) -> list[Schema]:
    found = [inner for pattern, inner in fact.get("patternProperties", {}).items() if matches(pattern, name)]
    if name in fact.get("properties", {}):
        found.append(fact["properties"][name])
    return found or [fact.get("additionalProperties", True)]


def _declares(fact: Fact, name: str) -> bool:
    if fact.get("properties", {}).get(name, False) is not False:
        return True
    rest = fact.get("additionalProperties", True)
    return not isinstance(rest, bool) or any(matches(each, name) for each in fact.get("patternProperties", {}))


def _element(fact: Fact, index: int) -> list[Schema]:
    first = fact.get("prefixItems", ())
    return [first[index] if index < len(first) else fact.get("items", True)]


def _is_named(name: str, names: Json) -> bool:
    """Whether `propertyNames` lets the name pass, as far as plain keywords say."""
    if not isinstance(names, dict):
        return names is not False
    if isinstance(names.get("enum"), list) and name not in names["enum"]:
        return False
    return fits(name, {keyword: names[keyword] for keyword in KEYWORDS["text"] & names.keys()})


# Types -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Type:
    """What a value may be: what any of the parts allows."""

    parts: tuple[View | Declared, ...]

    @cached_property
    def alternatives(self) -> tuple[View, ...]:
        found: dict[Json, View] = {}
        for part in self.parts:
            for view in (part,) if isinstance(part, View) else part.alternatives:
                found.setdefault(_sameness(view), view)
        bare = {view.kind for view in found.values() if view.is_bare}
        alternatives = [view for view in found.values() if view.is_bare or view.kind not in bare]
        return tuple(alternatives) if len(alternatives) <= _MOST else tuple(_blurred(alternatives))

    @cached_property
    def kinds(self) -> frozenset[Kind]:
        return frozenset(view.kind for view in self.alternatives)

    @cached_property
    def values(self) -> tuple[Json, ...] | None:
        """All values there are, where they are known one by one."""
        if any(view.values is None for view in self.alternatives):
            return None
        return tuple(value for view in self.alternatives for value in view.values or ())

    def of_kind(self, *kinds: Kind) -> Type:
        return self if self.kinds <= {*kinds} else self.where(lambda view: view.kind in kinds)

    def but(self, *kinds: Kind) -> Type:
        return self if not self.kinds & {*kinds} else self.where(lambda view: view.kind not in kinds)

    def where(self, keeps: Callable[[View], bool]) -> Type:
        return Type(tuple(view for view in self.alternatives if keeps(view)))


_MOST: Final = 64


def _sameness(view: View) -> Json:
    if view.is_bare:
        return view.kind
    if view.values is not None and len(view.values) == 1 and view.kind in SCALARS and not view.beside:
        return view.kind, view.values[0]
    return id(view)


def _blurred(alternatives: list[View]) -> Iterator[View]:
    """One for each kind, where there are too many to look at each."""
    for kind in KINDS:
        views = [view for view in alternatives if view.kind == kind]
        if len(views) == 1 or (views and kind in ("list", "object")):
            yield views[0] if len(views) == 1 else View(views[0].root, kind)
        elif views:
            pools = [view.values for view in views]
            is_known = all(pool is not None for pool in pools)
            values = tuple(value for pool in pools for value in pool or ()) if is_known else None
            yield View(views[0].root, kind, values)


def union(root: Root, *types: Type) -> Type:
    parts = {id(part): part for each in types for part in each.parts}
    if len(types) == 1:
        return types[0]
    return Type(tuple(parts.values())) if parts else root.never
