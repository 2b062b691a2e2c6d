"""Which small record keeps its contract, and makes an expression fail?

Records are built around what the expression reads: the least that the contract demands, then each place read left out,
null, empty, or of each kind that it may be. Where the contract is too involved for that, records are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain, islice
from typing import Final, TypeAlias

import jsonschema_rs

from crmsync.core.compat.draw import some
from crmsync.core.expression import EvaluationError, compile_expression
from crmsync.core.expression.functions import kind_of
from crmsync.core.expression.tree import Node, in_text_order, tree_of
from crmsync.core.model import ABSENT, Json, to_json
from crmsync.core.types.narrow import may_hold, truthy
from crmsync.core.types.paths import ELEMENT, MEMBER, paths_in
from crmsync.core.types.root import Root
from crmsync.core.types.views import Type, View
from crmsync.core.types.written import Writer

Touched: TypeAlias = Mapping[str, "Touched"]
"""The names that an expression reads, below each other."""

_CANDIDATES: Final = 600
_VARIANTS: Final = 24
_DRAWN: Final = 24
_TRIES: Final = 6
_DEEPEST: Final = 12


@dataclass(frozen=True, eq=False)
class Witnesses:
    """Searches for the records of one contract."""

    root: Root
    writer: Writer
    _drawn: dict[str, Json] = field(default_factory=dict)

    def failing(self, records: Type, tree: Node, text: str, where: tuple[str, ...], call: Node) -> Json:
        """A small one of the records, for which all of `where` is true, on which `call` fails; ABSENT where none is
        found."""
        evaluate, named = compile_expression(text), _error_of(call)
        conditions = [compile_expression(each) for each in where]

        def fails(record: Json) -> bool:
            try:
                evaluate(record)
            except EvaluationError as error:
                return named in str(error).removeprefix(f"{text}: ")
            return False

        def is_one(record: Json) -> bool:
            return fails(record) and self.valid(record) and all(_holds(each, record) for each in conditions)

        trees = [tree, *map(tree_of, where)]
        built = islice(_Builder(self, _literals(trees)).variants(records, _touched(trees)), _CANDIDATES)
        small = min(filter(is_one, built), key=_size, default=ABSENT)
        if small is not ABSENT:
            return small
        return next((shrunk(record, is_one) for record in self.samples if is_one(record)), ABSENT)

    @cached_property
    def valid(self) -> Callable[[Json], bool]:
        try:
            made = jsonschema_rs.Draft202012Validator(self.root.schema, validate_formats=True, offline=True)
        except ValueError:
            return lambda record: False
        return made.is_valid

    @cached_property
    def samples(self) -> tuple[Json, ...]:
        """The contract's own examples, and records drawn from it."""
        schema = self.root.schema
        examples = schema.get("examples", ()) if isinstance(schema, dict) else ()
        found = chain(examples, some(schema, _DRAWN))
        return tuple(sorted(filter(self.valid, found), key=_size))

    def simplest(self, schema: Json) -> Json:
        """The simplest value of a schema, ABSENT if none is found."""
        key = to_json(schema).decode()
        if key not in self._drawn:
            found = next(some(schema, 0), ABSENT)
            self._drawn[key] = min(some(schema, _TRIES), key=_size, default=ABSENT) if found is ABSENT else found
        return self._drawn[key]


def _error_of(call: Node) -> str:
    """What the message of its failure is known by."""
    if call["type"] == "comparator":
        return "compares text with a number"
    is_keyed = any(child["type"] == "expref" for child in call["children"]) and call["value"] != "map"
    return "" if is_keyed else f"{call['value']}() "


def _size(value: Json) -> tuple[int, bytes]:
    text = to_json(value)
    return len(text), text


def _holds(condition: Callable[[Json], Json], record: Json) -> bool:
    try:
        return truthy(condition(record))
    except EvaluationError:
        return False


def _touched(trees: Iterable[Node]) -> Touched:
    found: dict[str, Json] = {}
    for path in (path for tree in trees for path in paths_in(tree).values()):
        at = found
        for name in path:
            at = at.setdefault(name, {})
    return found


def _literals(trees: Iterable[Node]) -> tuple[Json, ...]:
    """The scalars that an expression compares with, and numbers beside them."""
    values = (node["value"] for tree in trees for node in in_text_order(tree) if node["type"] == "literal")
    scalars = [value for value in values if not isinstance(value, list | dict)]
    numbers = [value for value in scalars if kind_of(value) == "number"]
    return tuple(scalars + [number + step for number in numbers for step in (1, -1)])


def shrunk(record: Json, is_one: Callable[[Json], bool]) -> Json:
    """A record for which `is_one` is true, without the properties that do not matter to it."""
    for name in sorted(record) if isinstance(record, dict) else ():
        less = {other: value for other, value in record.items() if other != name}
        record = less if is_one(less) else record
    return record


# Building --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Builder:
    """Builds values of a type; most of them are valid."""

    witnesses: Witnesses
    literals: tuple[Json, ...]

    def least(self, type_: Type, depth: int = 0) -> Json:
        """The least value, ABSENT if there is none."""
        if depth > _DEEPEST:
            return ABSENT
        found = [self.least_of(view, depth) for view in type_.alternatives]
        return min((each for each in found if each is not ABSENT), key=_size, default=ABSENT)

    def least_of(self, view: View, depth: int) -> Json:
        if view.values is not None:
            return min(view.values, key=_size)
        match view.kind:
            case "object":
                return self.object_of(view, {}, depth)
            case "list":
                return self.list_of(view, [], depth)
            case "text" if view.may_be_empty and view.is_bare:
                return ""
        return self.witnesses.simplest(self.witnesses.writer.written(Type((view,))))

    def object_of(self, view: View, given: Mapping[str, Json], depth: int) -> Json:
        """`given` (ABSENT: left out), and what else is demanded."""
        names = view.required - given.keys()
        made = {name: self.least(view.property(name), depth + 1) for name in sorted(names)} | dict(given)
        if any(made[name] is ABSENT for name in names):
            return ABSENT
        return {name: made[name] for name in sorted(made) if made[name] is not ABSENT}

    def list_of(self, view: View, first: list[Json], depth: int) -> Json:
        missing = range(len(first), view.least)
        found = first + [self.least(view.element(index), depth + 1) for index in missing]
        return ABSENT if ABSENT in found else found

    def variants(self, type_: Type, touched: Touched, depth: int = 0) -> Iterator[Json]:
        """Values of every sort that an expression might trip over, simple ones first."""
        if depth <= _DEEPEST:
            for view in sorted(type_.alternatives, key=lambda view: view.kind in ("list", "object")):
                yield from (each for each in self.variants_of(view, touched, depth) if each is not ABSENT)

    def variants_of(self, view: View, touched: Touched, depth: int) -> Iterable[Json]:
        match view.kind:
            case "object":
                return self.objects(view, touched, depth)
            case "list":
                return self.lists(view, touched, depth)
        if view.values is not None:
            return view.values[:_VARIANTS]
        same_kind = [each for each in self.literals if view.root.constant_view(each).kind == view.kind]
        return [self.least_of(view, depth), *(each for each in same_kind if may_hold(view, each))]

    def objects(self, view: View, touched: Touched, depth: int) -> Iterator[Json]:
        names = {*touched.keys() - {ELEMENT, MEMBER}, *(view.names if MEMBER in touched else ())}
        below = {name: touched.get(name, touched.get(MEMBER, {})) for name in sorted(names)}
        made = partial(self.object_of, view, depth=depth)
        yield made({})
        options = {
            name: list(islice(self.variants(view.property(name), inner, depth + 1), _VARIANTS))
            for name, inner in below.items()
        }
        yield from (made({name: value}) for name, values in options.items() for value in values)
        for last in (0, -1):
            full = {name: values[last] for name, values in options.items() if values}
            yield made(full)
            for name, values in options.items():
                yield from (made({**full, name: value}) for value in values)
                if name not in view.required:
                    yield made({**full, name: ABSENT})

    def lists(self, view: View, touched: Touched, depth: int) -> Iterator[Json]:
        made = partial(self.list_of, view, depth=depth)
        yield made([])
        if view.most == 0:
            return
        singles = list(islice(self.variants(view.elements, touched.get(ELEMENT, {}), depth + 1), _VARIANTS))
        yield from (made([each]) for each in singles)
        if view.most is None or view.most > 1:
            yield from (made([one, other]) for one in singles[:4] for other in singles[:4] if one is not other)
