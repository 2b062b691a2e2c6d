"""Does what flows both ways come back as it was?"""

from __future__ import annotations

from crmsync.core.mapping import Seen
from crmsync.core.merge import Failed, agree, carry, leads_back
from crmsync.core.model import ABSENT, Chain, Field, Json
from crmsync.core.trial.way import Failure, Trial, Way, cut
from crmsync.core.values import respells
from crmsync.core.values.lookup import loads


def returns(way: Way, seen: Seen) -> Trial:
    """What flows both ways comes back as it was; where only its spelling is lost, it arrives again as it did."""
    assert seen.lifted is not None
    failures = []
    for at, each in enumerate(way.compiled.mapping.fields):
        value = seen.lifted.natives[at]
        if value is ABSENT or not _flows_both_ways(each):
            continue
        if failure := _return(way, at, each, value):
            failures.append(failure)
    return Trial(failures=tuple(failures))


def _flows_both_ways(field: Field) -> bool:
    both = all(place is not None for place in field.paths) and (field.owner == "shared" or field.seed is not None)
    return both and not field.link and not any(_asks(chain) for chain in field.to)


def _asks(chain: Chain) -> bool:
    """Does it look up in a system? Which answer that gives, only the system knows."""
    return bool(loads(chain))


def _return(way: Way, at: int, field: Field, value: Json) -> Failure | None:
    there, back = (way.compiled.cross[side][at] for side in (way.target, way.source))
    arrived = carry(there, value) if field.merge else there(value)
    if isinstance(arrived, Failed):
        return None  # refused, and counted where it is
    returned = carry(back, arrived) if field.merge else back(arrived)
    names = [way.compiled.mapping.ends[side].name for side in (way.source, way.target)]
    mend = f"let to_{names[0]} undo what to_{names[1]} does, or declare the tolerance: equal_within"
    path = way.compiled.targets[way.source][field.name].text
    if isinstance(returned, Failed):
        message = f"{field.name}: {cut(value)} becomes {cut(arrived)}, which cannot come back: {returned.message}"
        return Failure("test/round-trip", path, at, message, mend)
    if agree(field, returned, value):
        return None
    again = carry(there, returned) if field.merge else there(returned)
    only_respells = respells(field.to[way.target], way.context)
    if not isinstance(again, Failed) and leads_back(field, (value, arrived, returned, again), respells=only_respells):
        return None
    last = again.message if isinstance(again, Failed) else cut(again)
    message = f"{field.name}: {cut(value)} -> {cut(arrived)} -> {cut(returned)} -> {last}"
    return Failure("test/round-trip", path, at, message, mend)
