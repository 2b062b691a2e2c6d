"""Do we see of each system what we should? One known record is looked at before anything is compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from crmsync.connectors.base import Door, fetch
from crmsync.core.expression import EvaluationError, compile_many
from crmsync.core.model import Entity, Finding, Raw, Ref, Sentinel, System
from crmsync.core.model import Mapping as Declared
from crmsync.run.people.keyed import Names
from crmsync.run.world import Stopped, World

MEND = "an access problem, most likely: check the rights of the account that reads {}, or mend systems.{}.sentinel"


def see_sentinels(world: World, mappings: Sequence[Declared]) -> None:
    """Of every system that these mappings have a side in. Raises `Stopped` (exit 4) for those whose sentinel is not
    there or not what is expected; no message holds a value of it."""
    systems = sorted({end.system for mapping in mappings for end in mapping.ends})
    found = [
        unseen(world.project.systems[name], world.names, lambda each: world.open_door(each, None)) for name in systems
    ]
    if wrong := [finding for finding in found if finding]:
        raise Stopped(4, *wrong)


def unseen(system: System, names: Names, open_door: Callable[[Entity], Door]) -> Finding | None:
    """What is wrong with the sentinel of a system, if it has one. Who only looks asks, too."""
    sentinel = system.sentinel
    if sentinel is None:
        return None
    ref = names.told(Ref(system.name, sentinel.entity, sentinel.key))
    mend = MEND.format(system.name, system.name)
    door = open_door(system.entities[sentinel.entity])
    found = fetch(door, [sentinel.key])
    if not found:
        return Finding("sentinel/missing", f"the sentinel of {system.name} cannot be seen", mend, ref=ref)
    if not _is_expected(door, found[0], sentinel):
        return Finding("sentinel/unexpected", f"the sentinel of {system.name} is not what is expected", mend, ref=ref)
    return None


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
