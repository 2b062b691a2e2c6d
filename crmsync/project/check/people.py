"""Does a mapping take what is about people where nobody says so?"""

from __future__ import annotations

from collections.abc import Iterator

from crmsync.core.expression import plain_path
from crmsync.core.mapping import expressions, is_personal
from crmsync.core.model import SIDES, Field, Finding, Side, other
from crmsync.core.values.lookup import loads
from crmsync.project.check.world import World
from crmsync.project.mappings import Draft
from crmsync.project.people import flows


def people_are_marked_where_they_arrive(draft: Draft, world: World) -> Iterator[Finding]:
    """A value that is marked x-pii arrives in a field that is: else it is shown where it must not be."""
    mapping, told = draft.mapping, set[str]()
    for flow in flows(mapping, world.checker):
        if flow.marked or flow.field.name in told:
            continue
        told.add(flow.field.name)
        here, there = mapping.ends[flow.source], mapping.ends[other(flow.source)]
        message = (
            f"{flow.field.name} takes {flow.place} of {here.system}.{here.entity}, which is about people, to "
            f"{flow.target} of {there.system}.{there.entity}, which {there.contract} does not mark"
        )
        at = draft.document.at("fields", flow.field.name)
        yield Finding("pii/unmarked", message, f'mark {flow.target} there: "x-pii": true', "warning", at)


def keys_and_what_is_looked_up_are_marked_where_they_arrive(draft: Draft, world: World) -> Iterator[Finding]:
    """The key of a linked record, and what a lookup takes from a system, may be about people, too."""
    mapping = draft.mapping
    for each in mapping.fields:
        for side in SIDES:
            end = mapping.ends[side]
            paths = {text: path for text in expressions(each, side) if (path := plain_path(text))}
            bare = {text for text, path in paths.items() if not world.checker(end.contract).touches_pii(path)}
            brought = [(text, what) for text, what in _brought(draft, world, each, side) if text in bare]
            for text, what in brought[:1]:
                message = (
                    f"{each.name} takes {what}, which is about people, to {text} of {end.system}.{end.entity}, which "
                    f"{end.contract} does not mark"
                )
                at = draft.document.at("fields", each.name)
                yield Finding("pii/unmarked", message, f'mark {text} there: "x-pii": true', "warning", at)


def _brought(draft: Draft, world: World, each: Field, side: Side) -> Iterator[tuple[str, str]]:
    """The places of a side that get something personal from another entity, and what that is."""
    mappings = [other.mapping for other in world.drafts.values()]
    texts = expressions(each, side)
    for name, _, take in sorted(loads(each.to[side])):
        if is_personal(mappings, name, take):
            yield from ((text, f"{take} of {name}") for text in texts)
    parent = world.drafts.get(each.link or "")
    end = draft.mapping.ends[side]
    for theirs in parent.mapping.ends if parent else ():
        entity = world.entity(theirs)
        if theirs.system == end.system and entity is not None:
            for text, part in zip(texts, entity.key, strict=False):
                if is_personal(mappings, entity.full_name, part):
                    yield text, f"{part}, the key of {entity.full_name}"
