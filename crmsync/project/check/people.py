"""Does a mapping take what is about people where nobody says so?"""

from __future__ import annotations

from collections.abc import Iterator

from crmsync.core.model import Finding, other
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
