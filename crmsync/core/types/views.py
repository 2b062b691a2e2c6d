"""What may a value be? A schema, seen as alternatives of one kind each.

A `Type` is more than a schema allows, never less: what is not understood here leaves values in. Subschemas are unfolded
when somebody asks for them, so recursive schemas are nothing special.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Final, TypeAlias

from crmsync.core.contract.shape import REFERENCES, facets, target, verdict
from crmsync.core.expression.functions import kind_of
from crmsync.core.model import ABSENT, Json, to_json

Kind: TypeAlias = str
KINDS: Final[tuple[Kind, ...]] = ("text", "number", "boolean", "list", "object", "null")
KIND_OF_TYPE: Final = {
    "string": "text", "number": "number", "integer": "number", "boolean": "boolean", "array": "list",
    "object": "object", "null": "null",
}  # fmt: skip
KEYWORDS: Final[Mapping[Kind, frozenset[str]]] = {
    "text": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
    "list": frozenset({
        "prefixItems", "items", "minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains",
    }),
    "object": frozenset({
        "properties", "patternProperties", "additionalProperties", "required", "minProperties", "maxProperties",
        "propertyNames", "dependentRequired",
    }),
    "boolean": frozenset(),
    "null": frozenset(),
}  # fmt: skip
WHOLE: Final = {"type": "integer"}
LEAST: Final = {"text": "minLength", "list": "minItems", "object": "minProperties"}
MOST: Final = {"text": "maxLength", "list": "maxItems", "object": "maxProperties"}
_SCALARS: Final = ("null", "boolean", "number", "text")

Schema: TypeAlias = "Json | Type"
"""A JSON Schema as written in a contract, or a type: wherever a subschema may stand."""

Fact: TypeAlias = Mapping[str, Json]
"""Keywords that speak of values of one kind; their subschemas are `Schema`."""


@dataclass(frozen=True, eq=False)
class Closing:
    """What `unevaluatedProperties` says of the names that nothing beside it evaluates."""

    names: frozenset[str]
    patterns: tuple[str, ...]
    schema: Json

    def applies(self, name: str) -> bool:
        return name not in self.names and not any(_matches(pattern, name) for pattern in self.patterns)


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
    found = [inner for pattern, inner in fact.get("patternProperties", {}).items() if _matches(pattern, name)]
    if name in fact.get("properties", {}):
        found.append(fact["properties"][name])
    return found or [fact.get("additionalProperties", True)]


def _declares(fact: Fact, name: str) -> bool:
    if fact.get("properties", {}).get(name, False) is not False:
        return True
    rest = fact.get("additionalProperties", True)
    return not isinstance(rest, bool) or any(_matches(each, name) for each in fact.get("patternProperties", {}))


def _element(fact: Fact, index: int) -> list[Schema]:
    first = fact.get("prefixItems", ())
    return [first[index] if index < len(first) else fact.get("items", True)]


def _matches(pattern: str, name: str) -> bool:
    try:
        return verdict("pattern", pattern)(name)
    except ValueError:
        return True


def _is_named(name: str, names: Json) -> bool:
    """Whether `propertyNames` lets the name pass, as far as plain keywords say."""
    if not isinstance(names, dict):
        return names is not False
    if isinstance(names.get("enum"), list) and name not in names["enum"]:
        return False
    return fits(name, {keyword: names[keyword] for keyword in KEYWORDS["text"] & names.keys()})


def fits(value: Json, fact: Fact) -> bool:
    """Whether a scalar keeps keywords; what cannot be decided counts as kept."""
    return all(_keeps(value, keyword, limit) for keyword, limit in fact.items())


def _keeps(value: Json, keyword: str, limit: Json) -> bool:
    try:
        return verdict(keyword, limit)(value)
    except (ValueError, TypeError):
        return True


# Types -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Declared:
    """What all of these schemas allow."""

    root: Root
    all_of: tuple[Schema, ...]

    @cached_property
    def alternatives(self) -> tuple[View, ...]:
        return tuple(_Reading(self.root).read(self.all_of))


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
    if view.values is not None and len(view.values) == 1 and view.kind in _SCALARS and not view.beside:
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


@dataclass(eq=False)
class Root:
    """The document in which references are looked up; each of its subschemas is read once."""

    schema: Json
    _known: dict[int, tuple[Json, Type]] = field(default_factory=dict)

    @cached_property
    def never(self) -> Type:
        return Type(())

    @cached_property
    def null(self) -> Type:
        return self.constant(None)

    @cached_property
    def any(self) -> Type:
        return Type((*(View(self, kind) for kind in KINDS if kind != "null"), self.constant_view(None)))

    @cached_property
    def boolean(self) -> Type:
        return Type((View(self, "boolean"),))

    @cached_property
    def record(self) -> Type:
        return self.type_of(self.schema)

    def type_of(self, *all_of: Schema) -> Type:
        """What all of these schemas allow."""
        if len(all_of) == 1:
            return self._type_of(all_of[0])
        wanted = {id(each): each for each in all_of if each is not True and each != {}}
        if not wanted:
            return self.any
        if any(each is False for each in wanted.values()):
            return self.never
        if len(wanted) > 1:
            return Type((Declared(self, tuple(wanted.values())),))
        return self._type_of(*wanted.values())

    def _type_of(self, only: Schema) -> Type:
        if only is False:
            return self.never
        if isinstance(only, Type):
            return only
        if only is True or only == {}:
            return self.any
        if id(only) not in self._known:
            self._known[id(only)] = only, Type((Declared(self, (only,)),))
        return self._known[id(only)][1]

    def constant(self, value: Json) -> Type:
        return Type((self.constant_view(value),))

    def constant_view(self, value: Json) -> View:
        kind = kind_of(value)
        match value:
            case list():
                first = [self.constant(item) for item in value]
                fact: Fact = {"prefixItems": first, "items": False, "minItems": len(first)}
            case dict():
                inner = {name: self.constant(item) for name, item in value.items()}
                fact = {"properties": inner, "required": sorted(inner), "additionalProperties": False}
            case _:
                return View(self, kind, (value,))
        return View(self, kind, (value,), (fact,))

    def view(self, kind: Kind, **fact: Json) -> Type:
        return Type((View(self, kind, facts=(fact,) if fact else ()),))

    def whole(self, **fact: Json) -> Type:
        return self.view("number", **WHOLE, **fact)

    def text(self, **fact: Json) -> Type:
        return self.view("text", **fact)

    def listing(self, elements: Type, least: int = 0, most: int | None = None) -> Type:
        """Lists of such elements."""
        if not elements.alternatives:
            most = 0
        fact: dict[str, Json] = {} if most == 0 else {"items": elements}
        if least:
            fact["minItems"] = least
        if most is not None:
            fact["maxItems"] = most
        if most is not None and least > most:
            return self.never
        return self.constant([]) if most == 0 else self.view("list", **fact)


# Reading ---------------------------------------------------------------------------------------------------------

_BRANCHES: Final = 24


@dataclass
class _Reading:
    """What a conjunction of schemas says so far. Alternatives are kept until all else is known."""

    root: Root
    kinds: frozenset[Kind] = frozenset(KINDS)
    values: tuple[Json, ...] | None = None
    excluded: tuple[Json, ...] = ()
    facts: dict[Kind, tuple[Fact, ...]] = field(default_factory=dict)
    beside: tuple[Json, ...] = ()
    closing: tuple[Closing, ...] = ()
    known: dict[str, Type] = field(default_factory=dict)
    choices: tuple[tuple[Schema | View, ...], ...] = ()
    seen: frozenset[int] = frozenset()

    def read(self, all_of: Iterable[Schema | View]) -> Iterator[View]:
        for schema in all_of:
            self.take(schema)
        yield from self.unfold(_BRANCHES)

    def unfold(self, room: int) -> Iterator[View]:
        if not self.kinds:
            return
        if not self.choices:
            yield from self.views()
            return
        first, *rest = self.choices
        if len(first) > room:
            yield from self.blurred(first, tuple(rest)).unfold(room)
            return
        for branch in first:
            inner = replace(self, choices=tuple(rest), facts=dict(self.facts), known=dict(self.known))
            inner.take(branch)
            yield from inner.unfold(room // len(first))

    def blurred(self, branches: tuple[Schema | View, ...], rest: tuple[tuple[Schema | View, ...], ...]) -> _Reading:
        """Without the choice between so many: only the kinds that it allows are looked at."""
        kinds: set[Kind] = set()
        for branch in branches:
            inner = replace(self, choices=(), facts=dict(self.facts), known=dict(self.known))
            inner.take(branch)
            kinds |= {view.kind for view in inner.unfold(1)}
        written = tuple(each for each in branches if not isinstance(each, View | Type))
        beside = (*self.beside, {"anyOf": list(written)}) if len(written) == len(branches) else self.beside
        return replace(self, choices=rest, kinds=self.kinds & kinds, beside=beside)

    def take(self, schema: Schema | View) -> None:
        match schema:
            case View():
                self.take_view(schema)
            case Type():
                self.choices = (*self.choices, schema.alternatives)
            case False:
                self.kinds = frozenset()
            case dict():
                self.take_schema(schema)

    def take_view(self, view: View) -> None:
        self.kinds &= {view.kind}
        self.facts[view.kind] = (*self.facts.get(view.kind, ()), *view.facts)
        self.beside += view.beside
        self.closing += view.closing
        for name, type_ in view.known.items():
            self.known[name] = self.root.type_of(type_, *([self.known[name]] if name in self.known else []))
        if view.values is not None:
            self.one_of(view.values)

    def one_of(self, values: Iterable[Json]) -> None:
        pool = tuple(values)
        if self.values is not None:
            pool = tuple(value for value in self.values if any(same(value, each) for each in pool))
        self.values = pool

    def take_schema(self, schema: Json) -> None:
        if id(schema) in self.seen:
            return
        self.seen |= {id(schema)}
        for keyword in REFERENCES:
            if keyword in schema:
                self.take(_or_true(target(schema[keyword], self.root.schema)))
        self.take_type(schema)
        if "const" in schema:
            self.one_of((schema["const"],))
        if "enum" in schema:
            self.one_of(schema["enum"])
        for kind in KEYWORDS:
            fact = {keyword: value for keyword, value in schema.items() if keyword in KEYWORDS[kind]}
            if fact:
                self.facts[kind] = (*self.facts.get(kind, ()), fact)
        for keyword in schema.keys() & _APPLIED.keys():
            _APPLIED[keyword](self, schema)

    def take_type(self, schema: Json) -> None:
        if "type" not in schema:
            return
        written = schema["type"]
        types = [written] if isinstance(written, str) else list(written)
        self.kinds &= {KIND_OF_TYPE[each] for each in types if each in KIND_OF_TYPE}
        if "integer" in types and "number" not in types:
            self.facts["number"] = (*self.facts.get("number", ()), WHOLE)

    # Applicators -----------------------------------------------------------------------------------

    def all_of(self, schema: Json) -> None:
        for inner in schema["allOf"]:
            self.take(inner)

    def any_of(self, schema: Json) -> None:
        self.choices = (*self.choices, tuple(schema["anyOf"]))

    def one_alone(self, schema: Json) -> None:
        self.choices = (*self.choices, tuple(schema["oneOf"]))

    def condition(self, schema: Json) -> None:
        if "then" in schema or "else" in schema:
            met = {"allOf": [schema["if"], schema.get("then", True)]}
            unmet = {"allOf": [{"not": schema["if"]}, schema.get("else", True)]}
            self.choices = (*self.choices, (met, unmet))

    def dependent(self, schema: Json) -> None:
        for name, inner in schema["dependentSchemas"].items():
            there = {"allOf": [{"required": [name]}, inner]}
            self.choices = (*self.choices, (there, {"properties": {name: False}}))

    def negation(self, schema: Json) -> None:
        inner = schema["not"]
        if inner is True or inner == {}:
            self.kinds = frozenset()
        elif isinstance(inner, dict) and len(inner) == 1 and inner.keys() <= {"const", "enum"}:
            self.excluded += tuple(inner.get("enum", ())) if "enum" in inner else (inner["const"],)
        elif (
            isinstance(inner, dict) and inner.keys() == {"type"} and "integer" not in (types := _listed(inner["type"]))
        ):
            self.kinds -= {KIND_OF_TYPE.get(each, each) for each in types}
        elif inner is not False:
            self.beside = (*self.beside, {"not": inner})

    def unevaluated(self, schema: Json) -> None:
        if schema not in self.beside:
            self.beside = (*self.beside, schema)
        if "unevaluatedProperties" in schema and (closing := _closing(schema, self.root.schema)):
            self.closing = (*self.closing, closing)

    # Views -----------------------------------------------------------------------------------------

    def views(self) -> Iterator[View]:
        for kind in KINDS:
            if kind in self.kinds:
                yield from self.of_kind(kind)

    def of_kind(self, kind: Kind) -> Iterator[View]:
        facts = self.facts.get(kind, ())
        is_object = kind == "object"
        view = View(
            self.root,
            kind,
            None,
            facts,
            self.beside,
            self.closing if is_object else (),
            self.known if is_object else {},
        )
        if self.values is None:
            if kind in ("null", "boolean"):
                yield from self.small(view)
            elif not (is_object and any(inner is False for inner in _demanded(view))):
                left_out = [value for value in self.excluded if kind_of(value) == kind]
                yield replace(view, beside=(*view.beside, {"not": {"enum": left_out}})) if left_out else view
            return
        values = [value for value in self.values if kind_of(value) == kind and not self.excludes(value)]
        if kind in _SCALARS:
            values = [value for value in values if all(fits(value, fact) for fact in facts)]
            yield from (replace(view, values=tuple(values), facts=(), beside=()),) if values else ()
            return
        for value in values:
            constant = self.root.constant_view(value)
            yield replace(view, values=constant.values, facts=(*constant.facts, *facts))

    def small(self, view: View) -> Iterator[View]:
        """Null and the booleans: few enough to be told one by one."""
        values = tuple(each for each in ((None,) if view.kind == "null" else (True, False)) if not self.excludes(each))
        if view.kind == "null" and values:
            yield replace(view, values=values, beside=())
        elif len(values) == 2 or view.beside:
            yield view
        elif values:
            yield replace(view, values=values)

    def excludes(self, value: Json) -> bool:
        if kind_of(value) in _SCALARS:
            return any(same(value, each) for each in self.excluded)
        return to_json(value) in map(to_json, self.excluded)  # for Python, [1] is [true]


_APPLIED: Final[Mapping[str, Callable[[_Reading, Json], None]]] = {
    "allOf": _Reading.all_of,
    "anyOf": _Reading.any_of,
    "oneOf": _Reading.one_alone,
    "if": _Reading.condition,
    "not": _Reading.negation,
    "dependentSchemas": _Reading.dependent,
    "unevaluatedProperties": _Reading.unevaluated,
    "unevaluatedItems": _Reading.unevaluated,
}


def _or_true(schema: Json) -> Json:
    return True if schema is None else schema


def _listed(types: Json) -> list[str]:
    return [types] if isinstance(types, str) else list(types)


def _demanded(view: View) -> Iterator[Json]:
    """What is said of the properties that must be there."""
    return (each.get(name, True) for name in view.required for each in view.limits("properties"))


def _closing(schema: Json, root: Json) -> Closing | None:
    """None where it cannot be told which names are evaluated beside it."""
    names: set[str] = set()
    patterns: list[str] = []
    for facet in _evaluating(schema, root):
        others = [facet.get("additionalProperties", ABSENT)]
        others.append(ABSENT if facet is schema else facet.get("unevaluatedProperties", ABSENT))
        if any(each is not ABSENT for each in others):
            return None
        names |= facet.get("properties", {}).keys()
        patterns += facet.get("patternProperties", {})
    return Closing(frozenset(names), tuple(patterns), schema["unevaluatedProperties"])


def _evaluating(schema: Json, root: Json) -> list[Json]:
    """All schemas whose properties count as evaluated: `facets`, and the conditions."""
    found = {id(each): each for each in facets(schema, root)}
    todo = [each["if"] for each in found.values() if "if" in each]
    while todo:
        for each in facets(todo.pop(), root):
            if id(each) not in found:
                found[id(each)] = each
                todo += [each["if"]] if "if" in each else []
    return list(found.values())


def same(left: Json, right: Json) -> bool:
    """Whether a comparison finds two values equal: 1 is 1.0, and is not true."""
    return bool(left == right) and (left.__class__ is bool) is (right.__class__ is bool)


# Numbers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bound:
    value: int | Decimal
    is_strict: bool = False  # the value itself is left out


def low(view: View) -> Bound | None:
    """What a number is at least."""
    if view.values is not None:
        return Bound(min(view.values))
    bounds = [Bound(each) for each in view.limits("minimum")]
    bounds += [Bound(each, True) for each in view.limits("exclusiveMinimum")]
    return max(bounds, key=lambda each: (each.value, each.is_strict), default=None)


def high(view: View) -> Bound | None:
    if view.values is not None:
        return Bound(max(view.values))
    bounds = [Bound(each) for each in view.limits("maximum")]
    bounds += [Bound(each, True) for each in view.limits("exclusiveMaximum")]
    return min(bounds, key=lambda each: (each.value, not each.is_strict), default=None)


def is_whole(view: View) -> bool:
    if view.values is not None:
        return all(map(_is_integral, view.values))
    return WHOLE["type"] in view.limits("type") or any(map(_is_integral, view.limits("multipleOf")))


def _is_integral(number: int | Decimal) -> bool:
    return isinstance(number, int) or number == number.to_integral_value()


def is_below(left: View, right: View, or_equal: bool) -> bool:
    """Whether every number of the one is below every number of the other."""
    top, bottom = high(left), low(right)
    if top is None or bottom is None:
        return False
    return top.value < bottom.value or (top.value == bottom.value and (or_equal or top.is_strict or bottom.is_strict))
