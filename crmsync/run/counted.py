"""What does the report of a run say of each mapping?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from crmsync.core.model import SIDES, Bucket, Key, Kind, Side
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan import digest
from crmsync.core.plan.shadow import SHADOW
from crmsync.run.finish import holds
from crmsync.run.people.keyed import Names
from crmsync.run.prepared import MappingPlan, Prepared
from crmsync.run.report import Report, Tally, reasons, sides
from crmsync.run.world import World


def report_of(
    world: World, mappings: Sequence[Declared], prepared: Prepared, run_id: str,
    counts: Mapping[tuple[str, Side, Kind], int], asked: Callable[[str], int], stopped: int = 0,
) -> Report:  # fmt: skip
    """`asked`: how many questions of a mapping are open."""
    tallies = {mapping.name: _tally(world, mapping, prepared, counts, asked(mapping.name)) for mapping in mappings}
    texts = (line.text for line in prepared.spool.lines() if line.kind != "hold")
    return Report(run_id, tallies, digest(texts), stopped, halted=tuple(prepared.halted))


def planned_counts(prepared: Prepared) -> dict[tuple[str, Side, Kind], int]:
    return {
        (name, side, kind): number
        for name, plan in prepared.mappings.items()
        if not plan.extraction.mapping.shadow
        for side in SIDES
        for kind, number in plan.actions[side].items()
    }


def open_reviews(world: World) -> Callable[[str], int]:
    """How many questions of a mapping are open, before a run."""
    counts = world.ledger.counts()
    return lambda name: counts[name].open_reviews if name in counts else 0


def _tally(
    world: World, mapping: Declared, prepared: Prepared, counts: Mapping[tuple[str, Side, Kind], int], asked: int
) -> Tally:
    name, plan, spool = mapping.name, prepared.mappings[mapping.name], prepared.spool
    buckets = tuple(_sum(plan.extraction.quiet[side], spool.tally(name, side)) for side in SIDES)
    actions = tuple({kind: n for (m, s, kind), n in counts.items() if (m, s) == (name, side)} for side in SIDES)
    return Tally(
        sides(mapping),
        (buckets[0], buckets[1]),
        (actions[0], actions[1]),
        plan.links,
        max(asked, plan.holds),
        reasons(_why(mapping, prepared, plan, _refs(world.names, mapping))),
        plan.warned,
        plan.actions if mapping.shadow else None,
    )


def _sum(quiet: Mapping[Bucket, int], counted: Mapping[Bucket, int]) -> dict[Bucket, int]:
    names = [*quiet, *(name for name in counted if name not in quiet)]
    return {name: quiet.get(name, 0) + counted.get(name, 0) for name in names}


def _refs(names: Names, mapping: Declared) -> Callable[[Side, Key], str]:
    """How records are named as examples: `crm.account/7`."""
    ends = mapping.ends
    return lambda side, key: f"{ends[side].system}.{ends[side].entity}/{names.key(ends[side], key)}"


def _why(
    mapping: Declared, prepared: Prepared, plan: MappingPlan, ref: Callable[[Side, Key], str]
) -> Iterator[tuple[str, str, str, str]]:
    """Bucket, rule, example and message of everything that is not simply done."""
    for letter in prepared.letters(mapping.name):
        rule = f"{letter.rule} {letter.path}".strip()
        yield "rejected", rule, ref(letter.side, letter.key), letter.message
    for hold in holds(prepared, plan):
        side: Side = 0 if hold.keys[0] is not None else 1
        rule = f"{hold.kind} {hold.field}".strip()
        yield "held", rule, ref(side, hold.keys[side] or ()), hold.message
    for side, key, group in prepared.spool.notes(mapping.name, "together"):
        if prepared.spool.buckets(mapping.name, side, [tuple(key)]).get(tuple(key)) == "applied":
            yield "applied", "together", ref(side, tuple(key)), f"completed: {group}"
    for side in SIDES:
        if not prepared.spool.tally(mapping.name, side).keys() & {"failed", "waiting"}:
            continue
        for rows in prepared.spool.verdicts(mapping.name, side):
            for row in rows:
                if row.bucket in ("failed", "waiting"):
                    rule = "shadow" if row.reason.startswith(SHADOW) else ""
                    yield row.bucket, rule, ref(side, row.key), row.reason.removeprefix("shadow: ")
