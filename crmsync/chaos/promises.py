"""Which promises are asserted, and how? Those of the README, by the numbers that DESIGN gives them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from crmsync.chaos.door import Effect
from crmsync.chaos.lab import SYSTEMS, Lab
from crmsync.chaos.model import ENTITIES, RULES, Thing
from crmsync.chaos.story import PARENT, Story, entity
from crmsync.connectors.base import Insert, Page, Patch, Remove
from crmsync.core.model import SIDES, Archive, Create, Delete, Json, Key, Update
from crmsync.core.plan import decode
from crmsync.ledger.nouns import Review, Take
from crmsync.run.planfile import apply, write_plan
from crmsync.run.prepared import Order
from crmsync.run.report import Report
from crmsync.run.session import Asked, new_run_id, planned
from crmsync.run.world import Stopped

PROMISES: Final[Mapping[int, str]] = {
    1: "a second run has nothing to do",
    2: "every record that was read is in one bucket",
    3: "only owners say what their fields are",
    4: "a plan changes nothing, and is what is done",
    5: "breakers trip before the first write",
    6: "absence is not deletion",
    7: "killed anywhere and run again, all is well",
    8: "deltas end where a batch run ends",
    9: "nothing is dropped",
    13: "memory stays flat",
}
NOW: Final = "2026-01-01T00:00:00+00:00"
LIE_PAGE: Final = 5


def a_plan_changes_nothing(lab: Lab, mode: str) -> Counter[tuple[str, type]]:
    """What it would do, by entity and kind of line."""
    before, effects = lab.everything(), lab.effects()
    found = _planned(lab, mode)
    lab.keep(4, lab.effects() == effects, "a plan has written to a system")
    lab.keep(4, lab.everything() == before, "a plan has changed a system or the ledger")
    return found


def _planned(lab: Lab, mode: str) -> Counter[tuple[str, type]]:
    order = Order("delta" if mode == "delta" else "batch")
    with lab.world() as world, planned(world, Asked((), order), new_run_id()) as (prepared, report):
        write_plan(lab.root / "plan.jsonl", world, prepared, report, Asked((), order), redact=False)
        lines = [(line.mapping_no, decode(line.text)) for line in prepared.spool.lines()]
        names = {plan.number: world.project.mapping(name) for name, plan in prepared.mappings.items()}
    found: Counter[tuple[str, type]] = Counter()
    for number, line in lines:
        if isinstance(line, Create | Update | Archive | Delete):
            end = names[number].ends[line.side]
            found[f"{end.system}.{end.entity}", type(line)] += 1
    return found


_WRITES: Final[Mapping[type, type]] = {Create: Insert, Update: Patch, Archive: Patch, Delete: Remove}


def apply_does_what_the_plan_says(story: Story) -> None:
    """Of a plan, one record of which has moved since, nothing is done, and then all but that one."""
    lab = story.lab
    due: Counter[tuple[str, type]] = Counter()
    for (place, line), number in a_plan_changes_nothing(lab, "batch").items():
        due[place, _WRITES[line]] += number
    moved = _move_one(story)
    before = lab.effects()
    if moved:
        stop = _stopped(lambda: _apply(lab, "abort"))
        lab.keep(4, stop is not None and stop.exit == 5, f"a plan whose record {moved} moved was not refused")
        lab.keep(4, lab.effects() == before, "a plan that was refused has been written in part")
    _apply(lab, "skip")
    done = Counter((each.entity, type(each.write)) for each in lab.written[before:])
    over = {what: number for what, number in done.items() if number > due[what]}
    lab.keep(4, not over, f"apply did more than the plan says: {over}")
    lab.keep(4, moved is not None or done == due, f"apply did {done}, and the plan says {due}")


def _move_one(story: Story) -> str | None:
    """Somebody edits a customer that the plan updates in the PM tool."""
    with (story.lab.root / "plan.jsonl").open("rb") as file:
        next(file)
        lines = [decode(line.rstrip(b"\n")) for line in file]
    keys = {line.key for line in lines if isinstance(line, Update) and (line.mapping, line.side) == ("customers", 1)}
    for thing in story.things.values():
        if thing.kind == "customers" and thing.keys[1] in keys:
            story.edit(thing, 1, {"visits": (thing.values[1] or {})["visits"] + 1})
            return thing.code
    return None


def _apply(lab: Lab, on_drift: str) -> Report:
    with lab.world() as world:
        policy = "skip" if on_drift == "skip" else "abort"
        return apply(world, lab.root / "plan.jsonl", new_run_id(), allow={}, on_drift=policy)  # type: ignore[arg-type]  # a literal


def all_is_settled(story: Story) -> None:
    """Two honest listings; what both sides changed is asked, and answered; then all is as it must be."""
    lab = story.lab
    for _ in range(2):
        lab.run()
    _answer(story)
    lab.run()
    story.compare()
    _letters(story)
    only_owners_were_heard(lab)
    for trouble in lab.trouble.values():
        lab.keep(4, not trouble.gone_over, f"a write went over a record that had moved: {trouble.gone_over}")


def _letters(story: Story) -> None:
    with story.lab.world() as world:
        letters = {each.key for each in world.ledger.dead_letters("customers", "open") if each.side == 0}
    due = set(story.letters())
    story.lab.keep(9, letters == due, f"dead letters are open of {sorted(letters)}, and should be of {sorted(due)}")


def _reviews(lab: Lab) -> list[Review]:
    with lab.world() as world:
        return world.ledger.reviews(None, "open")


def _answer(story: Story) -> None:
    """The questions are those of the fields that both sides have changed. Of a counter that somebody else moved while
    a write was on its way, and whose answer was lost, a person may be asked as well: they know what is right."""
    lab = story.lab
    due, asked, answers = story.conflicts(), set[tuple[str, str]](), list[tuple[int, Take, Json]]()
    for review in _reviews(lab):
        thing = _about(story, review)
        if thing and thing.moved and RULES[thing.kind].get(review.field) == "counter":
            answers.append((review.n, "value", (thing.agreed() or {})[review.field]))
        else:
            asked.add((thing.code if thing else str(review.keys), review.field))
            answers.append((review.n, 0, None))
    lab.keep(9, asked == due, f"questions are open of {sorted(asked)}, and should be of {sorted(due)}")
    with lab.world() as world, world.writing() as ledger:
        for number, take, value in answers:
            ledger.resolve_review(number, take, value, "chaos", NOW)


def _about(story: Story, review: Review) -> Thing | None:
    for thing in story.things.values():
        if thing.kind == review.mapping and thing.keys[0] == review.keys[0]:
            return thing
    return None


def only_owners_were_heard(lab: Lab) -> None:
    """By the paths of everything that was written."""
    allowed = dict(_may_be_written(lab))
    for effect in lab.written:
        wrong = _paths(effect) - allowed[effect.entity, type(effect.write)]
        lab.keep(3, not wrong, f"{effect.entity}: {', '.join(sorted(wrong))} was written")


def _paths(effect: Effect) -> set[str]:
    match effect.write:
        case Insert(data=data):
            return set(data)
        case Patch(values=values):
            return {path for path, _ in values}
        case _:
            return set()


def _may_be_written(lab: Lab) -> Iterator[tuple[tuple[str, type], frozenset[str]]]:
    for kind in ENTITIES:
        for side in SIDES:
            names, link = {*RULES[kind]}, {PARENT[side]} if kind == "initiations" else set[str]()
            own = {name for name in names if RULES[kind][name] == SYSTEMS[side]}
            archive = lab.project.systems[SYSTEMS[side]].entities[ENTITIES[kind][side]].archive or {}
            yield (entity(kind, side), Insert), frozenset(names | link)
            yield (entity(kind, side), Patch), frozenset((names - own) | (link if side else set()) | {*archive})
            yield (entity(kind, side), Remove), frozenset()


def a_second_run_is_silent(lab: Lab) -> None:
    """And counts each record that it was given, once."""
    before = lab.effects()
    for trouble in lab.trouble.values():
        trouble.served.clear()
    report = lab.run()
    lab.keep(1, lab.effects() == before, f"a second run wrote {[each.write for each in lab.written[before:]][:3]}")
    lab.keep(1, report.writes == 0, f"a second run planned {report.writes} writes")
    for name, tally in report.mappings.items():
        for side in SIDES:
            place = entity("customers" if name == "customers" else "initiations", side)
            given = len(lab.trouble[SYSTEMS[side]].served.get(place, ()))
            lab.keep(2, tally.read[side] == given, f"{place} gave {given} records, the buckets hold {tally.read[side]}")


def a_delta_leaves_nothing(lab: Lab) -> None:
    """All that a batch run would still do after a delta is what a delta cannot see: that a record is gone."""
    lab.run("delta")
    left = [each for each in a_plan_changes_nothing(lab, "batch") if each[1] in (Create, Update)]
    lab.keep(8, not left, f"after a delta a batch run still has to write {left}")


def one_listing_deletes_nothing(lab: Lab) -> None:
    """What people have deleted since all was settled may be missing by accident."""
    doomed = [each for each in a_plan_changes_nothing(lab, "batch") if each[1] in (Archive, Delete)]
    lab.keep(6, not doomed, f"records that one listing lacks are already to go: {doomed}")


def absence_is_not_deletion(story: Story) -> None:
    """Listings that lie: empty ones, halves, a page twice. Nothing was edited, so that nothing may be written."""
    lab = story.lab
    for system in SYSTEMS:
        for name, lie in LIES.items():
            before = lab.effects()
            lab.trouble[system].lie = lie
            stop = _stopped(lab.run)
            lab.trouble[system].lie = None
            lab.tell(f"  {system} gives {name}: {stop.findings[0].rule if stop else 'nothing is written'}")
            lab.keep(6, lab.effects() == before, f"{name} of {system} made {lab.written[before:][:3]}")
            lab.keep(6, stop is not None or name == "half a listing", f"{name} of {system} did not stop the run")
        lab.run()


def _half(pages: list[Page]) -> list[Page]:
    records = [raw for page in pages for raw in page]
    return [records[: len(records) // 2]]


def _twice(pages: list[Page]) -> list[Page]:
    records = [raw for page in pages for raw in page]
    small = [records[i : i + LIE_PAGE] for i in range(0, len(records), LIE_PAGE)]
    return [*small, small[0]]


LIES: Final[Mapping[str, Callable[[list[Page]], list[Page]]]] = {
    "an empty listing": lambda _: [],
    "half a listing": _half,
    "a page twice": _twice,
}


def breakers_trip_first(story: Story) -> None:
    """Somebody's script renames every account, and takes it back."""
    lab = story.lab
    names = {key: record["name"] for key, record in lab.records("crm.account").items() if record["name"]}
    _rename(lab, {key: f"{name} (renamed)" for key, name in names.items()})
    before, known = lab.effects(), lab.everything()
    stop = _stopped(lab.run)
    lab.keep(5, stop is not None and stop.exit == 4, f"{len(names)} accounts were renamed, and no breaker tripped")
    lab.keep(5, lab.effects() == before, "a breaker tripped after the first write")
    lab.keep(5, lab.everything() == known, "a breaker tripped, and the ledger has changed")
    lab.tell(f"  every account is renamed: {stop.findings[0].rule if stop else ''}, nothing written")
    _rename(lab, names)


def _rename(lab: Lab, names: Mapping[Key, str]) -> None:
    door = lab.door("crm.account")
    now = {raw.key: raw.version for raw in door.get(list(names))}
    outcomes = door.write([Patch(key, (("name", name),), now[key]) for key, name in names.items()])
    assert all(each.status == "done" for each in outcomes)


def _stopped(deed: Callable[[], object]) -> Stopped | None:
    try:
        deed()
    except Stopped as stop:
        return stop
    return None


def a_listing_is_whole(story: Story) -> None:
    """It has every record that people have made. Whoever ends one early must raise."""
    for kind in ENTITIES:
        for side in SIDES:
            place, listed = entity(kind, side), story.lab.records(entity(kind, side)).keys()
            made = [each.keys[side] for each in story.things.values() if each.kind == kind]
            lost = [key for key in made if key is not None and key not in listed]
            story.lab.keep(6, not lost, f"the listing of {place} ended without {len(lost)} of its records: {lost[:3]}")
