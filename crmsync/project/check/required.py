"""Is all there that a contract asks of a new record?

A record that is created without it is rejected, every time, or whenever the source has nothing to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from crmsync.core.expression import plain_path
from crmsync.core.model import ABSENT, SIDES, Finding, Json, Severity, Side, other
from crmsync.core.types.views import Type, View, union
from crmsync.project.check.flow import Flow, Path, Types, is_sound, without_null
from crmsync.project.check.world import World, places, written_sides
from crmsync.project.mappings import Draft


@dataclass(eq=False)
class _Written:
    """What of an object is written on create, by name. `flows` write the whole value; `is_given`: so does something
    that is always there."""

    below: dict[str, _Written] = field(default_factory=dict)
    flows: list[Flow] = field(default_factory=list)
    is_given: bool = False

    def at(self, path: Path) -> _Written:
        found = self
        for name in path:
            found = found.below.setdefault(name, _Written())
        return found

    def writers(self) -> Iterator[_Written]:
        """It and all in it that is written."""
        yield from (self,) if self.flows or self.is_given else ()
        for name in self.below:
            yield from self.below[name].writers()

    @property
    def is_whole(self) -> bool:
        return bool(self.flows) or self.is_given


class _Demand(NamedTuple):
    """`beside`: the path of what must be there for it to be asked; none where it always is."""

    path: Path
    written: _Written
    beside: Path = ()


def required_paths_are_written(draft: Draft, world: World, types: Types) -> Iterator[Finding]:
    for side in SIDES:
        if draft.mapping.create[side] is not False and not draft.damaged:
            for demand in _demands(draft, world, types, side):
                if not any(demand.written.writers()):
                    yield _unwritten(draft, side, demand)


def _unwritten(draft: Draft, side: Side, demand: _Demand) -> Finding:
    end, path = draft.mapping.ends[side], ".".join(demand.path)
    who = f"no record with {'.'.join(demand.beside)}" if demand.beside else "nothing"
    message = f"{end.contract} requires {path}, which no field writes: {who} can be created on {end.name}"
    mend = f"map it, or fill it: {{{end.name}: {path}, value: ...}}"
    return draft.wrong("required-unwritten", message, mend, "create", end.name, severity="warning")


def required_fields_are_filled(draft: Draft, world: World, types: Types) -> Iterator[Finding]:
    """What a contract requires, and a field writes, must be there when a record is created."""
    for side in SIDES if draft.mapping.enabled else ():
        if draft.mapping.create[side] is not False:
            for demand in _demands(draft, world, types, side):
                writers = list(demand.written.writers())
                if writers and not any(each.is_given for each in writers):
                    yield from _unfilled([flow for each in writers for flow in each.flows], demand)


def unfilled_paths(draft: Draft, world: World, types: Types, side: Side) -> Iterator[Path]:
    """What is told to be lacking, or may be."""
    for demand in _demands(draft, world, types, side):
        writers = list(demand.written.writers())
        if not any(each.is_given for each in writers):
            flows = [flow for each in writers for flow in each.flows]
            if not flows or any(_unfilled(flows, demand)):
                yield demand.path


def _unfilled(flows: list[Flow], demand: _Demand) -> Iterator[Finding]:
    lacks = [_lack(flow, ".".join(demand.path)) for flow in flows]
    if lacks and lacks[0] is not None and all(lacks):
        message, mend, severity = lacks[0]
        severity = "warning" if demand.beside else severity
        yield Finding("type/required", message, mend, severity, flows[0].at())


_Lack = tuple[str, str, Severity]


def _lack(flow: Flow, required: str) -> _Lack | None:
    """Why a field may have nothing to write into a new record; None where it always has."""
    create = flow.draft.mapping.create[flow.to]
    if flow.each.default[flow.to] is not ABSENT:
        return None
    policy = (create,) if isinstance(create, str) and is_sound(create) else ()
    said = flow.types.source(flow.draft, other(flow.to)).said(flow.text, (*flow.conditions, *policy))
    if said.schema is False:  # no record is in scope, which is told
        return None
    ends, name = flow.draft.mapping.ends, flow.draft.sides[flow.to]
    contract, target = ends[other(flow.to)].contract, ends[flow.to].contract
    fill = f"write default: {{{name}: ...}}"
    mend = f"{fill}, or require it in {contract}"
    if flow.each.when[other(flow.to)] is not None:
        return f"when: may keep {flow.path} from being written, which {target} requires", fill, "warning"
    if said.may_be_absent:
        return f"{contract} may lack {flow.text}, and {target} requires {required}", mend, "error"
    if flow.keeps_null and _may_be_null(said.schema, flow):
        return f"null of {flow.text} is not sent, and {target} requires {required}", mend, "error"
    return None


def _may_be_null(schema: Json, flow: Flow) -> bool:
    return flow.said.is_exact and schema is not False and without_null(schema) != schema


# What is demanded ------------------------------------------------------------------------------------------------


def _demands(draft: Draft, world: World, types: Types, side: Side) -> Iterator[_Demand]:
    checker = world.checker(draft.mapping.ends[side].contract)
    record, written = types.source(draft, side).root.record, _written(draft, world, types, side)
    for demand in _inside(record, written, (), ()):
        if not checker.read_only(demand.path):
            yield demand


def _inside(at: Type, written: _Written, above: Path, beside: Path) -> Iterator[_Demand]:
    """What an object at the path `above` asks for; `beside`, where it need not be there."""
    objects = [view for view in at.alternatives if view.kind == "object"]
    if not objects:
        return
    required = frozenset.intersection(*(view.required for view in objects))
    asking = _asking(objects, written)
    for name in sorted(required | asking.keys()):
        below = written.below.get(name, _Written())
        if name in required and not beside:
            yield _Demand((*above, name), below)
        elif any(any(each.writers()) for other_name, each in written.below.items() if other_name != name):
            yield _Demand((*above, name), below, beside if name in required else (*above, asking[name]))
    for name, below in sorted(written.below.items()):
        if below.below and not below.is_whole:
            inner = union(at.alternatives[0].root, *(view.property(name) for view in objects))
            path = (*above, name)
            yield from _inside(inner, below, path, beside if name in required and not beside else path)


def _asking(objects: Iterable[View], written: _Written) -> dict[str, str]:
    """What must stand beside something that is written, by name."""
    found: list[dict[str, str]] = []
    for view in objects:
        pairs = [pair for each in view.limits("dependentRequired") for pair in each.items()]
        found.append({name: given for given, names in sorted(pairs) if given in written.below for name in names})
    return {name: given for name, given in found[0].items() if all(name in each for each in found)}


def _written(draft: Draft, world: World, types: Types, side: Side) -> _Written:
    flows = {flow.each.name: flow for flow in types.flows(draft) if flow.to == side}
    entity, found = world.entity(draft.mapping.ends[side]), _Written()
    for each in draft.mapping.fields:
        for text, _ in places(draft, each, side) if side in written_sides(each) else ():
            path, flow = plain_path(text), flows.get(each.name)
            if path is not None and flow is not None:
                found.at(path).flows.append(flow)
            elif path is not None:
                found.at(path).is_given = True
    ours = [*map(plain_path, entity.key), *((embed.name,) for embed in entity.embed)] if entity else []
    for path in filter(None, ours):
        found.at(path).is_given = True
    return found
