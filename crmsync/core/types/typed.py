"""What is known of an expression before any record is seen?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial, reduce
from typing import NamedTuple

from crmsync.core.contract.shape import exact, facets
from crmsync.core.expression import plain_path
from crmsync.core.expression.tree import Node, tree_of
from crmsync.core.model import ABSENT, Json, Severity
from crmsync.core.types.infer import Doubt, Inference
from crmsync.core.types.narrow import refine
from crmsync.core.types.paths import Path, paths_in
from crmsync.core.types.places import offsets
from crmsync.core.types.root import Root
from crmsync.core.types.steps import step
from crmsync.core.types.views import Type
from crmsync.core.types.witness import Witnesses
from crmsync.core.types.written import Writer


class Problem(NamedTuple):
    """Something that the types of an expression speak against; `offset` counts characters of its text. `witness`: a
    small record that keeps the contract and on which the expression fails, ABSENT where none was found."""

    rule: str
    severity: Severity
    message: str
    mend: str
    offset: int
    witness: Json = ABSENT


@dataclass(frozen=True, slots=True)
class Typed:
    """`schema`: a JSON Schema 2020-12 that every value keeps; False where there is none. Not to be changed."""

    schema: Json
    problems: tuple[Problem, ...] = ()


class Read(NamedTuple):
    """A name in an expression, the path that it leads to, and what the contract says of it there."""

    offset: int
    path: Path
    schema: Json


def infer(text: str, source: Json, contract: str = "the contract", where: tuple[str, ...] = ()) -> Typed:
    """What `text` gives, for all records that are valid under the JSON Schema `source` and for which the expressions
    `where` come out as true, and what speaks against it, sorted by place. `contract` is what messages call the schema;
    `expression.problems` has nothing against the texts. What is worked out is kept for as long as `source` is the same
    object, so it must not be changed."""
    return _document(_Same(source)).infer(text, contract, where)


def reads_deprecated(text: str, source: Json) -> tuple[Read, ...]:
    """The names in `text` that lead to what is marked `deprecated` or `x-deprecated`, sorted by place."""
    return reads_marked(text, source, _is_deprecated)


def deprecates(source: Json) -> bool:
    """Whether anything in it may be marked so; it nearly never is."""
    return _document(_Same(source)).deprecates


def _is_deprecated(schema: Json) -> bool:
    return schema.get("deprecated") is True or schema.get("x-deprecated") not in (None, False)


def reads_marked(text: str, source: Json, marks: Callable[[Json], bool]) -> tuple[Read, ...]:
    """The names in `text` that lead to a subschema that `marks` says yes to, sorted by place."""
    return _document(_Same(source)).reads(text, marks)


@dataclass(frozen=True, slots=True)
class _Same:
    """A schema that equals only itself."""

    schema: Json

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.schema is self.schema


@lru_cache(maxsize=64)
def _document(same: _Same) -> _Document:
    root = Root(exact(same.schema))
    writer = Writer(root)
    return _Document(root, writer, Witnesses(root, writer))


@dataclass(frozen=True, eq=False)
class _Document:
    root: Root
    writer: Writer
    witnesses: Witnesses
    _known: dict[tuple[str, str, tuple[str, ...]], Typed] = field(default_factory=dict)
    _records: dict[tuple[str, ...], Type] = field(default_factory=dict)

    @cached_property
    def deprecates(self) -> bool:
        return _speaks_of(self.root.schema, frozenset({"deprecated", "x-deprecated"}))

    def infer(self, text: str, contract: str, where: tuple[str, ...]) -> Typed:
        key = text, contract, where
        if key not in self._known:
            try:
                self._known[key] = self.inferred(text, contract, where)
            except RecursionError:  # nested too deeply to say anything
                self._known[key] = Typed(True)
        return self._known[key]

    def inferred(self, text: str, contract: str, where: tuple[str, ...]) -> Typed:
        record = self.records(where)
        path = plain_path(text)
        found = None if path is None else self.at(record, path)
        if found is not None:
            return Typed(self.writer.written(found))
        inference = Inference(self.root, tree_of(text), contract)
        found = inference.visit(inference.tree, record)
        search = partial(self.witnesses.failing, record, inference.tree, text, where)
        return Typed(self.writer.written(found), _problems(text, inference, search))

    def records(self, where: tuple[str, ...]) -> Type:
        if where not in self._records:
            trees = map(tree_of, where)
            self._records[where] = reduce(lambda found, tree: refine(found, tree, True), trees, self.root.record)
        return self._records[where]

    def at(self, at: Type, path: Path) -> Type | None:
        """What stands at a path; None where something speaks against it."""
        for name in path:
            if not at.alternatives:
                return at
            at, is_known = step(at, name)
            if not is_known:
                return None
        return at

    def reads(self, text: str, marks: Callable[[Json], bool]) -> tuple[Read, ...]:
        inference = Inference(self.root, tree_of(text), "")
        inference.visit(inference.tree, self.root.record)
        marked = {
            (id(node), id(schema)): (node, schema)
            for node, at in inference.reads
            for schema in self.declared(at, node["value"])
            if marks(schema)
        }
        if not marked:
            return ()
        places, paths = offsets(inference.tree, text), paths_in(inference.tree)
        reads = [
            Read(places.get(id(node), 0), paths.get(id(node), (node["value"],)), schema)
            for node, schema in marked.values()
        ]
        return tuple(sorted(reads, key=lambda read: read.offset))

    def declared(self, at: Type, name: str) -> list[Json]:
        """All schemas of the contract that speak of a property."""
        said = [each for view in at.alternatives if view.kind == "object" for each in view.says(name)]
        return [facet for schema in said for facet in facets(schema, self.root.schema)]


def _speaks_of(schema: Json, words: frozenset[str]) -> bool:
    """Whether one of the words is a key in it, be it where no schema is looked for: a `$ref` leads anywhere."""
    match schema:
        case dict():
            return not words.isdisjoint(schema) or any(_speaks_of(each, words) for each in schema.values())
        case list():
            return any(_speaks_of(each, words) for each in schema)
    return False


def _problems(text: str, inference: Inference, search: Callable[[Node], Json]) -> tuple[Problem, ...]:
    if not inference.doubts:
        return ()
    places = offsets(inference.tree, text)
    found = [_problem(doubt, places.get(id(doubt.node), 0), search) for doubt in inference.doubts]
    return tuple(sorted(found, key=lambda each: (each.offset, each.rule, each.message)))


def _problem(doubt: Doubt, offset: int, search: Callable[[Node], Json]) -> Problem:
    """What may fail is an error where a record proves it; what is inferred may be more than there is."""
    found = ABSENT if doubt.call is None else search(doubt.call)
    is_doubtful = doubt.rule == "type/may-fail" and found is ABSENT
    severity: Severity = "warning" if is_doubtful else doubt.severity
    return Problem(doubt.rule, severity, doubt.message, doubt.mend, offset, found)
