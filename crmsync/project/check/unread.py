"""What of a contract does a mapping leave alone?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from crmsync.core.expression import reads
from crmsync.core.model import SIDES, Entity, Finding, Side
from crmsync.core.types.words import listed
from crmsync.project.check.flow import Path, is_sound
from crmsync.project.check.world import World
from crmsync.project.mappings import Draft


def contracts_are_read(draft: Draft, world: World) -> Iterator[Finding]:
    """What a contract declares and the mapping neither reads nor writes."""
    for side in SIDES if draft.mapping.enabled and not draft.damaged else ():
        end = draft.mapping.ends[side]
        entity = world.entity(end)
        texts = {text for text, at, _ in world.expressions(draft) if at == side}
        texts |= {text for text in _of_entity(entity) if text} if entity else set()
        used = {path for text in texts if is_sound(text) for path in reads(text)}
        unread = [".".join(path) for path in _unused(_leaves(world, draft, side, ()), used)]
        if unread:
            message = f"{end.contract} declares what is not read: {listed(unread)}"
            at = draft.document.at("between", end.name, "contract")
            yield Finding("contract/unread", message, "map it, if it is worth keeping in step", "info", at)


def _of_entity(entity: Entity) -> Iterator[str | None]:
    yield from (*entity.key, *(entity.archive or ()), entity.deleted, entity.origin, entity.trace)
    yield entity.modified.field if entity.modified else None


def _leaves(world: World, draft: Draft, side: Side, path: Path) -> Iterator[Path]:
    """The paths of a contract that have nothing declared below them."""
    checker = world.checker(draft.mapping.ends[side].contract)
    for name in checker.names(path) if len(path) < 5 else ():
        below = (*path, name)
        yield from _leaves(world, draft, side, below) if checker.names(below) else (below,)


def _unused(paths: Iterable[Path], used: set[Path]) -> Iterator[Path]:
    """The paths of which neither themselves, nor what they stand in, nor what stands in them is used."""
    around = {path[:size] for path in used for size in range(1, len(path))}
    for path in paths:
        if path not in around and not any(path[:size] in used for size in range(1, len(path) + 1)):
            yield path
