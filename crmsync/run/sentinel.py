"""Do we see of each system what we should? One known record is looked at before anything is compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crmsync.connectors.base import Door, fetch
from crmsync.core.expression import EvaluationError, compile_many
from crmsync.core.model import Finding, Raw, Ref, Sentinel
from crmsync.core.model import Mapping as Declared
from crmsync.run.world import Stopped, World

MEND = "an access problem, most likely: check the rights of the account that reads {}, or mend systems.{}.sentinel"


def see_sentinels(world: World, mappings: Sequence[Declared]) -> None:
    """Of every system that these mappings have a side in. Raises `Stopped` (exit 4) for those whose sentinel is not
    there or not what is expected; no message holds a value of it."""
    systems = sorted({end.system for mapping in mappings for end in mapping.ends})
    if wrong := [finding for system in systems for finding in _unseen(world, system)]:
        raise Stopped(4, *wrong)


def _unseen(world: World, system: str) -> Iterator[Finding]:
    declared = world.project.systems[system]
    sentinel = declared.sentinel
    if sentinel is None:
        return
    ref, mend = Ref(system, sentinel.entity, sentinel.key), MEND.format(system, system)
    door = world.open_door(declared.entities[sentinel.entity], None)
    found = fetch(door, [sentinel.key])
    if not found:
        yield Finding(
            "sentinel/missing", f"the sentinel of {system} cannot be seen; nothing was written", mend, ref=ref
        )
    elif not _is_expected(door, found[0], sentinel):
        message = f"the sentinel of {system} is not what is expected; nothing was written"
        yield Finding("sentinel/unexpected", message, mend, ref=ref)


def _is_expected(door: Door, raw: Raw, sentinel: Sentinel) -> bool:
    if raw.fault is not None:
        return False
    if sentinel.expect is None:
        return True
    try:
        (said,) = compile_many([sentinel.expect])(door.decode(raw.body))
    except EvaluationError:
        return False
    return said is True
