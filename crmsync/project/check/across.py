"""Do the mappings of a project get along with each other?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple, TypeAlias

from crmsync.core.expression import plain_path
from crmsync.core.model import SIDES, At, Field, Finding, Side, other
from crmsync.core.near import choose
from crmsync.project.check.world import World, places, written_sides
from crmsync.project.mappings import Draft
from crmsync.project.yaml import Where

Path: TypeAlias = tuple[str, ...]


class _Writer(NamedTuple):
    entity: str  # crm.account
    path: Path
    draft: Draft
    field: str
    where: Where

    @property
    def at(self) -> At:
        return self.draft.document.at(*self.where)


def paths_have_one_writer(world: World) -> Iterator[Finding]:
    """Two fields, of one mapping or of two, that write to one path would overwrite each other for ever. A path inside
    another one that is written as a whole counts as the same."""
    writers = sorted(_writers(world.drafts.values()), key=lambda each: (len(each.path), each.at))
    first: dict[tuple[str, Path], _Writer] = {}
    for writer in writers:
        around = (writer.path[:size] for size in range(1, len(writer.path) + 1))
        before = next((first[writer.entity, path] for path in around if (writer.entity, path) in first), None)
        if before is not None:
            yield _overlap(before, writer)
        first.setdefault((writer.entity, writer.path), writer)


def _writers(drafts: Collection[Draft]) -> Iterator[_Writer]:
    for draft in drafts:
        for each in draft.mapping.fields if draft.mapping.enabled else ():
            for side in SIDES:
                end = draft.mapping.ends[side]
                for text, where in places(draft, each, side) if side in written_sides(each) else ():
                    path = plain_path(text)
                    if path is not None:
                        yield _Writer(f"{end.system}.{end.entity}", path, draft, each.name, where)


def _overlap(first: _Writer, second: _Writer) -> Finding:
    path, outer = ".".join(second.path), ".".join(first.path)
    inside = "" if path == outer else f", which lies in {outer},"
    if first.draft is second.draft:
        message = f"{second.entity} {path}{inside} is also written by field {first.field} at {_place(first.at)}"
        return second.draft.wrong("written-twice", message, "let one field write it", *second.where)
    message = (
        f"{second.entity} {path}{inside} is also written by field {first.field} of mapping "
        f"{first.draft.mapping.name} at {first.at}"
    )
    return second.draft.wrong("written-by-two", message, "let one mapping write it", *second.where)


def _place(at: At) -> str:
    return f"{at.line}:{at.column}"


def owners_agree(world: World) -> Iterator[Finding]:
    """A value that one mapping brings from elsewhere, and another one takes for the entity's own."""
    brought: dict[tuple[str, Path], list[tuple[Draft, Field, Side]]] = {}
    active = [draft for draft in world.drafts.values() if draft.mapping.enabled]
    for draft in active:
        for each in draft.mapping.fields:
            if each.owner in SIDES and each.link is None:
                side = other(each.owner)
                for text, _ in places(draft, each, side):
                    end, path = draft.mapping.ends[side], plain_path(text)
                    if path is not None:
                        brought.setdefault((f"{end.system}.{end.entity}", path), []).append((draft, each, side))
    for draft in active:
        for each in draft.mapping.fields:
            if each.owner in SIDES and each.link is None:
                yield from _conflict(draft, each, each.owner, brought)


def _conflict(
    draft: Draft, each: Field, owner: Side, brought: dict[tuple[str, Path], list[tuple[Draft, Field, Side]]]
) -> Iterator[Finding]:
    end = draft.mapping.ends[owner]
    for text, where in places(draft, each, owner):
        for first, its, side in brought.get((f"{end.system}.{end.entity}", plain_path(text) or ()), ()):
            if first is draft or first.mapping.name in draft.mapping.after:
                continue
            message = (
                f"{end.system}.{end.entity} {text} is owned by {first.sides[other(side)]} in mapping "
                f"{first.mapping.name} (field {its.name}), and by {draft.sides[owner]} here"
            )
            mend = f"agree on one owner; or, to pass its value on, write after: [{first.mapping.name}]"
            yield draft.wrong("owner-conflict", message, mend, *where, severity="warning")


def after_names_mappings(world: World) -> Iterator[Finding]:
    for draft in world.drafts.values():
        is_list = isinstance(draft.document.look(("after",)), list)
        for index, name in enumerate(draft.mapping.after):
            if name not in world.names:
                where = ("after", index) if is_list else ("after",)
                mend = choose(name, world.names - {draft.mapping.name})
                yield draft.wrong("unknown-mapping", f"there is no mapping {name!r}", mend, *where)


def running_order(drafts: Mapping[str, Draft]) -> tuple[list[str], list[Finding]]:
    """The mappings, those first that others link to or come after; of equals the first by name. A mapping may link to
    itself. A finding for a loop, and then no order."""
    graph = {name: _before(draft) & drafts.keys() for name, draft in sorted(drafts.items())}
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError as error:
        return [], [_loop(drafts, graph, error.args[1])]
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return order, []


def _before(draft: Draft) -> set[str]:
    links = {each.link for each in draft.mapping.fields if each.link is not None}
    return (links - {draft.mapping.name}) | set(draft.mapping.after)


def _loop(drafts: Mapping[str, Draft], graph: Mapping[str, Collection[str]], nodes: list[str]) -> Finding:
    """`nodes` begins and ends with the same mapping, each one before the next."""
    loop = nodes[:-1][::-1]
    start = loop.index(min(loop))
    loop = loop[start:] + loop[:start]
    draft, follows = drafts[loop[0]], loop[1 % len(loop)]
    link = next((each.name for each in draft.mapping.fields if each.link == follows), None)
    where: Where = ("fields", link, "link") if link is not None else ("after",)
    message = f"mappings wait for each other in a loop: {' -> '.join([*loop, loop[0]])}"
    return draft.wrong("loop", message, "take one after: or link: of the loop away", *where)
