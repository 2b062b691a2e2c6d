"""Which values flow from side to side, and what becomes of them?

The contract of the one side tells what an expression says, the chain what becomes of it, the contract of the other side
whether it is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import chain
from typing import NamedTuple, TypeAlias

from crmsync.core.expression import plain_path, problems
from crmsync.core.model import SIDES, At, Chain, Field, Json, Side, other, to_json
from crmsync.core.types.chain import Through, through
from crmsync.core.types.edges import edges
from crmsync.core.types.fit import Misfit, Target
from crmsync.core.types.proof import LONGEST, Cross, Proof, drawn_from, proofs, values_of
from crmsync.core.types.said import Said, Source
from crmsync.core.values import Context, check_chain, compile_chain, invert
from crmsync.core.values.lookup import rows_of
from crmsync.project.check.world import World, written_sides
from crmsync.project.mappings import Draft
from crmsync.project.yaml import Where

Path: TypeAlias = tuple[str, ...]


@lru_cache(maxsize=16384)
def is_sound(text: str) -> bool:
    """Whether an expression has nothing wrong with it by itself."""
    return plain_path(text) is not None or not problems(text)


class Verdict(NamedTuple):
    """What becomes of all that one side says, on the other."""

    through: Through
    proven: tuple[Proof, ...]
    suspected: tuple[Misfit, ...]


@dataclass
class Types:
    """What is known of the types of a project. Each contract, path and crossing is worked out once."""

    world: World
    _sides: dict[tuple[str, Side], Source] = field(default_factory=dict)
    _sources: dict[tuple[str, frozenset[str]], Source] = field(default_factory=dict)
    _targets: dict[bytes, Target] = field(default_factory=dict)
    _texts: dict[int, tuple[Json, bytes]] = field(default_factory=dict)
    _flows: dict[str, tuple[Flow, ...]] = field(default_factory=dict)
    _verdicts: dict[tuple[bytes, bool, bytes, str, str], Verdict] = field(default_factory=dict)

    def source(self, draft: Draft, side: Side) -> Source:
        """What records of a side look like, with what crmsync puts into them."""
        if (draft.mapping.name, side) not in self._sides:
            self._sides[draft.mapping.name, side] = self._source(draft, side)
        return self._sides[draft.mapping.name, side]

    def _source(self, draft: Draft, side: Side) -> Source:
        end = draft.mapping.ends[side]
        entity, schema = self.world.entity(end), self.world.checker(end.contract).schema
        brought = {embed.name for embed in entity.embed} if entity else set()
        brought |= {entity.each_as} if entity and entity.each else set()
        key = str(end.contract), frozenset(brought)
        if key not in self._sources:
            self._sources[key] = Source(_with_names(_as_record(schema), key[1]))
        return self._sources[key]

    def target(self, draft: Draft, side: Side, path: str) -> Target:
        schema = self.source(draft, side).said(path).schema
        text = self.text(schema)
        if text not in self._targets:
            self._targets[text] = Target(schema)
        return self._targets[text]

    def text(self, schema: Json) -> bytes:
        """What tells one schema from another; most of them are the very same object."""
        if id(schema) not in self._texts:
            self._texts[id(schema)] = schema, to_json(schema)
        return self._texts[id(schema)][1]

    def flows(self, draft: Draft) -> tuple[Flow, ...]:
        """Every way that a value takes, where there is nothing else against it."""
        if draft.mapping.name not in self._flows:
            self._flows[draft.mapping.name] = tuple(_flows(draft, self))
        return self._flows[draft.mapping.name]

    def verdict(self, flow: Flow) -> Verdict:
        said, target = flow.said, flow.target
        key = self.text(said.schema), said.is_exact, self.text(target.schema), flow.key, flow.context.source
        if key not in self._verdicts:
            self._verdicts[key] = _judged(flow)
        return self._verdicts[key]


def _as_record(schema: Json) -> Json:
    """A record is an object, whether or not its contract says so."""
    is_open = isinstance(schema, dict) and "object" in schema.get("type", "object")
    return {**schema, "type": "object"} if is_open else schema


def _with_names(schema: Json, names: frozenset[str]) -> Json:
    if not names or not isinstance(schema, dict):
        return schema
    declared = schema.get("properties", {})
    return {**schema, "properties": {**dict.fromkeys(sorted(names), True), **declared}}


# Flows -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Flow:
    """One field on its way to one side."""

    draft: Draft
    types: Types
    each: Field
    to: Side
    chain: Chain

    @property
    def text(self) -> str:
        found = self.each.paths[other(self.to)]
        assert isinstance(found, str)
        return found

    @property
    def path(self) -> str:
        found = self.each.paths[self.to]
        assert isinstance(found, str)
        return found

    @property
    def where(self) -> Where:
        source = self.draft.sides[other(self.to)]
        where: Where = ("fields", self.each.name, source)
        return where

    @cached_property
    def context(self) -> Context:
        return self.types.world.context(self.draft, self.to)

    @cached_property
    def conditions(self) -> tuple[str, ...]:
        """What is true of the records whose value flows."""
        source = other(self.to)
        found = [self.draft.mapping.scope[source], self.each.when[source]]
        return tuple(text for text in found if text is not None and is_sound(text))

    @cached_property
    def said(self) -> Said:
        return self.types.source(self.draft, other(self.to)).said(self.text, self.conditions)

    @cached_property
    def target(self) -> Target:
        return self.types.target(self.draft, self.to, self.path)

    @cached_property
    def cross(self) -> Cross:
        return compile_chain(self.chain, self.context)

    @property
    def key(self) -> str:
        chain = "|".join(f"{call.name} {to_json(call.args).decode()}" for call in self.chain)
        keeps = self.each.on_null == "keep" or self.each.merge is not None
        text = "" if self.said.is_exact else self.text
        return f"{chain}>{self.context.target}{keeps}{text}"

    @property
    def keeps_null(self) -> bool:
        """Whether null changes nothing on the other side."""
        return self.each.on_null == "keep" or self.each.merge is not None

    def at(self, offset: int = 0) -> At:
        return self.draft.document.inside(self.where, offset)

    @property
    def name(self) -> str:
        """`crm.account@1.0.0 name` in messages."""
        return f"{self.draft.mapping.ends[self.to].contract} {self.path}"


def _flows(draft: Draft, types: Types) -> Iterator[Flow]:
    for each in draft.mapping.fields if draft.mapping.enabled else ():
        for side in SIDES:
            flow = _flow(draft, types, each, side)
            if flow is not None:
                yield flow


def _flow(draft: Draft, types: Types, each: Field, side: Side) -> Flow | None:
    source = other(side)
    is_sent = each.owner in (source, "shared") or each.seed == source
    text, path = each.paths[source], each.paths[side]
    if each.link or not is_sent or not isinstance(text, str) or not isinstance(path, str):
        return None
    target = plain_path(path)
    if not is_sound(text) or target is None or side not in written_sides(each):
        return None
    contracts = [types.world.checker(draft.mapping.ends[end].contract) for end in (source, side)]
    if contracts[0].schema is True or contracts[1].read_only(target):  # there is no contract; or it is told elsewhere
        return None
    chain = chain_to(draft, types.world, each, side)
    if chain is None or check_chain(chain, types.world.context(draft, side)):
        return None
    return Flow(draft, types, each, side, chain)


def chain_to(draft: Draft, world: World, each: Field, side: Side) -> Chain | None:
    """The chain as written, or the way back of the one that is; None where there is none."""
    if f"to_{draft.sides[side]}" in draft.document.data["fields"][each.name]:
        return each.to[side]
    there = other(side)
    both_ways = each.owner == "shared" or each.seed is not None
    if not (both_ways and each.to[there]):
        return ()
    context = world.context(draft, there)
    return None if check_chain(each.to[there], context) else invert(each.to[there], context)


def _judged(flow: Flow) -> Verdict:
    said, target = flow.said, flow.target
    if said.schema is True:  # nothing is known of it
        return Verdict(Through(True), (), ())
    schema = without_null(said.schema) if flow.keeps_null else said.schema
    found = through(schema, flow.chain, flow.context)
    given = without_null(found.schema) if flow.keeps_null else found.schema
    if target.schema is False:  # it is not there, which is told
        return Verdict(found, (), ())
    misfits = target.misfits(given)
    if not misfits:
        return Verdict(found, (), ())
    proven, suspected = proofs(misfits, _candidates(flow, schema), flow.cross, target)
    return Verdict(found, tuple(proven.values()), suspected)


def _candidates(flow: Flow, schema: Json) -> Iterator[Json]:
    """Values that the source may say; of an expression those that drawn records do."""
    source = flow.types.source(flow.draft, other(flow.to))
    lengths = lengths_of(flow)
    if flow.said.is_exact:
        found = chain(
            values_of(schema, lengths),
            _looked_up(flow),
            drawn_from(schema),
            edges(schema, flow.chain, flow.target.schema, lengths),
        )
        yield from (value for value in found if source.may_say(flow.text, value, flow.conditions))
    else:
        yield from source.values(flow.text, flow.conditions)
        yield from source.values_around(flow.text, flow.conditions, lengths)


def lengths_of(flow: Flow) -> list[int]:
    """Just beyond what the target takes, and what the chain leaves."""
    views = [view for view in flow.target.root.record.alternatives if view.kind in ("text", "list")]
    found = [view.most + 1 for view in views if view.most is not None]
    found += [view.least - 1 for view in views if view.least > 0]
    return found + [length + 1 for call in flow.chain for length in _counts(call.args)]


def _counts(args: Json) -> Iterator[int]:
    """The lengths that a step speaks of."""
    for each in args.values() if isinstance(args, dict) else (args,):
        if isinstance(each, int) and 0 < each <= LONGEST and not isinstance(each, bool):
            yield each


def _looked_up(flow: Flow) -> Iterator[Json]:
    """What the rows of the tables in the chain begin with: all of them are meant to come."""
    yield from (taken for call in flow.chain for taken, _ in rows_of(call, flow.context))


def without_null(schema: Json) -> Json:
    match schema:
        case {"anyOf": branches}:
            rest = [inner for inner in map(without_null, branches) if inner is not False]
            return {**schema, "anyOf": rest} if rest else False
        case {"type": "null"} | {"const": None}:
            return False
        case {"enum": values}:
            rest = [value for value in values if value is not None]
            return {**schema, "enum": rest} if rest else False
        case {"type": [*types]}:
            rest = [name for name in types if name != "null"]
            return {**schema, "type": rest[0] if len(rest) == 1 else rest}
    return schema
