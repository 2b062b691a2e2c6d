"""What does a chain of transforms give, for all values of a schema?

Values that are known one by one are tried; of the others, each transform says what becomes of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from crmsync.core.model import Call, Chain, Json
from crmsync.core.types.root import Root
from crmsync.core.types.views import Type, View
from crmsync.core.types.written import Writer, either
from crmsync.core.values import Context, Unfit, compile_chain
from crmsync.core.values.chain import checked, find
from crmsync.core.values.transform import Args, Step, Transform


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the step at `index` of a chain never takes: these values, or all there are of these kinds."""

    index: int
    values: tuple[Json, ...] = ()
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Through:
    """`schema` holds for every value that a chain gives; `may_refuse`: some values are misfits for it."""

    schema: Json
    refusals: tuple[Refusal, ...] = ()
    may_refuse: bool = False


def through(schema: Json, chain: Chain, context: Context) -> Through:
    """What comes of the values of `schema`; `check_chain` has nothing against the chain. Raises `Misuse` otherwise."""
    refusals: list[Refusal] = []
    may_refuse = False
    for index, call in enumerate(chain):
        stage = _Stage(call, context)
        schema = stage.after(schema)
        may_refuse = may_refuse or stage.may_refuse
        if stage.refused or stage.misfits:
            values = tuple(stage.refused.values())
            refusals.append(Refusal(index, values, tuple(sorted(stage.misfits - stage.taken))))
    return Through(schema, tuple(refusals), may_refuse)


Alternatives: TypeAlias = Iterator[Json]

_COUNTED: Final = 1000


class _Stage:
    """One step of a chain, while the alternatives of a schema pass it."""

    def __init__(self, call: Call, context: Context) -> None:
        self.transform: Transform = find(call.name)
        self.args: Args = checked(self.transform, call.args)
        self.context = context
        self.step: Step = compile_chain((call,), context)
        self.refused: dict[str, Json] = {}
        self.misfits: set[str] = set()
        self.taken: set[str] = set()
        self.may_refuse = False

    def after(self, schema: Json) -> Json:
        root = Root(schema)
        writer = Writer(root)
        return either(found for view in root.record.alternatives for found in self.view(view, writer))

    def view(self, view: View, writer: Writer) -> Alternatives:
        values = (True, False) if view.kind == "boolean" and view.values is None else view.values
        if view.kind == "null" and not self.transform.takes_null:
            yield {"type": "null"}
        elif values is not None and len(values) <= _COUNTED:
            yield from self.tried(values, view, writer)
        elif view.kind == "list" and self.transform.elementwise:
            yield self.each(view, writer)
        else:
            yield self.declared(view, writer)

    def tried(self, values: tuple[Json, ...], view: View, writer: Writer) -> Alternatives:
        for value in values:
            try:
                yield {"const": self.step(value)}
            except Unfit:
                self.may_refuse = True
                self.refused[repr(value)] = value
            except LookupError:  # of an entity that only a run loads
                yield self.declared(view, writer)

    def declared(self, view: View, writer: Writer) -> Json:
        schema = writer.written(Type((view,)))
        single = schema if isinstance(schema, dict) and isinstance(schema.get("type"), str) else _of_kind(view.kind)
        gives = self.transform.given(single, self.args, self.context)
        self.may_refuse = self.may_refuse or gives.refuses
        (self.misfits if gives.schema is False else self.taken).add(view.kind)
        return gives.schema

    def each(self, view: View, writer: Writer) -> Json:
        """Lists go element by element."""
        parts = [found for each in view.elements.alternatives for found in self.element(each, writer)]
        limits = {"minItems": view.least, **({} if view.most is None else {"maxItems": view.most})}
        if not parts:
            return {"type": "array", "maxItems": 0} if not view.least else False
        return {"type": "array", "items": either(parts), **limits}

    def element(self, view: View, writer: Writer) -> Alternatives:
        """A list in a list is one value."""
        if view.kind == "list" and view.values is None:
            yield self.declared(view, writer)
        else:
            yield from self.view(view, writer)


_TYPES: Final = {
    "text": "string", "number": "number", "boolean": "boolean", "list": "array", "object": "object", "null": "null",
}  # fmt: skip


def _of_kind(kind: str) -> Json:
    return {"type": _TYPES[kind]}
