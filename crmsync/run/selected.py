"""Which mappings does a person mean?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from heapq import merge
from operator import attrgetter

from crmsync.core.model import Finding
from crmsync.core.model import Mapping as Declared
from crmsync.run.world import Numbered, Stopped, World, every


def selected(world: World, select: Sequence[str]) -> tuple[Declared, ...]:
    """The enabled mappings that match, parents first. Raises `Stopped` (exit 2) for a glob that matches none."""
    return chosen(world.project.mappings, select)


def chosen(mappings: Sequence[Declared], select: Sequence[str]) -> tuple[Declared, ...]:
    """Those of the mappings that are enabled and match, as `selected`."""
    enabled = [mapping for mapping in mappings if mapping.enabled]
    for glob in select:
        if not any(fnmatchcase(mapping.name, glob) for mapping in enabled):
            names = ", ".join(mapping.name for mapping in enabled)
            raise Stopped(2, Finding("usage/no-mapping", f"no mapping is named {glob}", f"choose among: {names}"))
    return tuple(m for m in enabled if not select or any(fnmatchcase(m.name, glob) for glob in select))


def numbered(
    world: World, ask: Callable[..., list[Numbered]], select: Sequence[str], state: str | None, **more: str | None
) -> Iterator[Numbered]:
    """The reviews or dead letters of the selected mappings, of all that there ever were where none is named, by number.
    Raises `Stopped` (exit 2) as `selected`."""
    names = [mapping.name for mapping in selected(world, select)] if select else [None]
    return merge(*(every(ask, name, state, **more) for name in names), key=attrgetter("n"))
