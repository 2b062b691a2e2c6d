"""What do several schemas allow that all hold for one value?

Each gives kinds, values, keywords and choices; the choices are unfolded once all else is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from crmsync.core.contract.shape import REFERENCES, facets, target
from crmsync.core.expression.functions import kind_of
from crmsync.core.model import ABSENT, Json, to_json
from crmsync.core.types.kinds import KEYWORDS, KIND_OF_TYPE, KINDS, SCALARS, WHOLE, Fact, Kind, fits, same
from crmsync.core.types.views import Closing, Schema, Type, View

if TYPE_CHECKING:
    from crmsync.core.types.root import Root


@dataclass(frozen=True, eq=False)
class Declared:
    """What all of these schemas allow."""

    root: Root
    all_of: tuple[Schema, ...]

    @cached_property
    def alternatives(self) -> tuple[View, ...]:
        return tuple(_Reading(self.root).read(self.all_of))


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
        if kind in SCALARS:
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
        if kind_of(value) in SCALARS:
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
