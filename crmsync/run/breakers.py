"""What do the breakers weigh a plan against, and where is it kept when one trips?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from crmsync.core.model import ABSENT, KINDS, SIDES, Both, Finding, Json, Key, Kind, Side, other
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan import Counts, Read, Trip, refuse, worded
from crmsync.core.plan.limits import EMPTIED, FLOOR
from crmsync.ledger.database import chunks
from crmsync.ledger.nouns import LinkKeys, Run
from crmsync.ledger.spool import Spool
from crmsync.run.prepared import MappingPlan, Order, Prepared
from crmsync.run.report import Report
from crmsync.run.world import Stopped, World
from crmsync.run.written import write_plan

if TYPE_CHECKING:
    from crmsync.run.session import Asked

RECENT: Final = 200  # whole runs that are looked at for what is usual, of whatever mappings
BASES: Final = 500  # read at once
KEPT: Final = 20  # plans that wait for a person; the oldest go
PLANS: Final = ".crmsync/plans"


def trips(world: World, plan: MappingPlan, order: Order) -> tuple[Trip, ...]:
    """The breakers that trip over the plan of one mapping."""
    mapping = plan.extraction.mapping
    era, live = world.ledger.era(mapping.name), world.ledger.live_links(mapping.name)
    loaded = live > 0 and era is not None and (era.complete or era.number > 1) and not _only_in_shadow(world, mapping)
    usual = _usual(world.ledger.whole_runs(order.mode, RECENT), mapping)
    counts = Counts(plan.actions, live, loaded, plan.fields, plan.linked, plan.emptied, plan.read, usual)
    return refuse(mapping, counts, first_load=order.first_load, allow=order.allow)


def _only_in_shadow(world: World, mapping: Declared) -> bool:
    """Are its links all that the mapping has brought about so far? Then its first load is still to come."""
    ledger = world.ledger
    return bool(ledger.shadow_runs(mapping.name)) and not ledger.has_written(mapping.name)


# What only reading can tell -----------------------------------------------------------------------------------


def what_was_read(world: World, spool: Spool, plan: MappingPlan) -> Read:
    unlisted = plan.extraction.unlisted
    told = (_told(world, spool, plan, 0), _told(world, spool, plan, 1))
    able = (_able(world, spool, plan, 0), _able(world, spool, plan, 1))
    quiet, name = plan.extraction.quiet, plan.extraction.mapping.name
    first, second = (quiet[side].total() + sum(spool.tally(name, side).values()) for side in SIDES)
    rejected = plan.rejected[0], plan.rejected[1]
    return Read((len(unlisted[0]), len(unlisted[1])), told, able, rejected, plan.conflicts, (first, second))


def _able(world: World, spool: Spool, plan: MappingPlan, to: Side) -> int | None:
    """How many linked records of `to` a change could come to: whose counterpart is there, in scope, and neither
    rejected nor held. Counted only where one field changes in so many that it may be all of them."""
    mapping, source = plan.extraction.mapping, other(to)
    most = max(plan.linked[to].values(), default=0)
    if most < FLOOR:
        return None
    able = 0
    for page in (few for many in world.ledger.link_keys(mapping.name, source) for few in chunks(many, BASES)):
        able += len(_speaking(world, spool, plan, source, page))
        if able > most:
            return None
    return able


def _told(world: World, spool: Spool, plan: MappingPlan, to: Side) -> dict[str, int]:
    """By field that many records of `to` would lose: the linked records whose counterpart had a value of it when they
    last agreed. Counted page by page, and only until there are more of them than would lose it."""
    mapping, source = plan.extraction.mapping, other(to)
    doubtful = {name: number for name, number in plan.emptied[to].items() if number >= EMPTIED}
    told: Counter[str] = Counter()
    links_of = world.ledger.link_keys(mapping.name, source) if doubtful else iter(())
    for page in (few for many in links_of for few in chunks(many, BASES)):
        links = world.ledger.links(mapping.name, source, _speaking(world, spool, plan, source, page))
        bases = [link.base for link in links.values()]
        told.update(
            name for base in bases for name in doubtful if name in base and _is_value(base[name].values[source])
        )
        if all(told[name] > number for name, number in doubtful.items()):
            break
    return dict(told)


def _speaking(world: World, spool: Spool, plan: MappingPlan, side: Side, page: Sequence[LinkKeys]) -> list[Key]:
    """The records of these links that could say something: neither rejected nor held, there, and in scope."""
    name, unlisted = plan.extraction.mapping.name, plan.extraction.unlisted[side]
    keys = [link[side] for link in page if link[side] not in unlisted]
    judged = spool.buckets(name, side, keys)
    settled = world.ledger.states(name, side, [key for key in keys if key not in judged])
    buckets = {**{key: state.bucket for key, state in settled.items()}, **judged}
    return [key for key in keys if buckets.get(key) in ("unchanged", "applied")]


def _is_value(value: Json) -> bool:
    return value is not None and value is not ABSENT


# What is usual ------------------------------------------------------------------------------------------------


def _usual(runs: Sequence[Run], mapping: Declared) -> Both[Sequence[Mapping[Kind, int]]]:
    """What each of these runs that had the mapping wrote, by side and kind."""
    found = [tally for run in runs if (tally := run.summary.get("mappings", {}).get(mapping.name))]
    tallies = [tally for tally in found if "shadow" not in tally]  # what writes nothing says nothing of what is usual
    first, second = (tuple(_kinds(tally, end.name) for tally in tallies) for end in mapping.ends)
    return first, second


def _kinds(tally: Json, side: str) -> Mapping[Kind, int]:
    counted = tally["actions"].get(side, {})
    return {kind: counted.get(kind, 0) for kind in KINDS}


# What is kept for a person --------------------------------------------------------------------------------------


def keep(world: World, prepared: Prepared, report: Report, asked: Asked, run_id: str) -> tuple[Finding, ...]:
    """Keep a plan that no run may carry out unasked; the findings say how it is applied, or why it was not kept."""
    folder = Path(world.project.root) / PLANS
    file = folder / f"{run_id}.jsonl"
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        write_plan(file, world, prepared, report, asked, redact=False)
        for old in _too_many(folder, file):
            old.unlink(missing_ok=True)
    except (OSError, Stopped) as error:
        why = error.strerror if isinstance(error, OSError) else error.findings[0].message
        message = f"the plan could not be kept in {folder}: {why}"
        unkept = Finding("plan/not-kept", message, "make room there, or its rights", severity="warning")
        return (*prepared.tripped, unkept)
    return worded(prepared.trips, str(file))


def _too_many(folder: Path, new: Path) -> Iterator[Path]:
    """Their names begin with the time of their run."""
    others = sorted(path for path in folder.glob("*.jsonl") if path != new)
    return iter(others[: max(0, len(others) - KEPT + 1)])
