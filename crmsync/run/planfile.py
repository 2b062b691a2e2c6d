"""How is exactly what a plan file says done? (What is in it: see `written`.)"""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path
from typing import Final, Literal, TypeAlias

from crmsync import __version__
from crmsync.core.model import SIDES, Adopt, Finding, Hold, Json, Key, Update, from_json
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan import Allow, Read, decode, digest, encode, worded
from crmsync.core.plan.lines import Line as PlanLine
from crmsync.ledger.nouns import RecordRow
from crmsync.ledger.spool import PlannedLink, Spool
from crmsync.run.breakers import trips
from crmsync.run.eras import number_of, refuse_unconfirmed
from crmsync.run.extract import Extraction
from crmsync.run.halted import refuse_halted
from crmsync.run.match.twins import came_since
from crmsync.run.moved import drifted
from crmsync.run.people.forget import FORGET, erase_carried, is_carried, refuse_in_shadow
from crmsync.run.prepared import MappingPlan, Order, Prepared, unsettled
from crmsync.run.recover import recover, telling
from crmsync.run.report import Report
from crmsync.run.sentinel import see_sentinels
from crmsync.run.session import Asked, carry_out
from crmsync.run.world import Stopped, World
from crmsync.run.written import FORMAT, seal, write_plan

__all__ = ["apply", "write_plan"]

NAMELESS: Final = "an installation without a name"
AGAIN: Final = "make a new plan: crmsync plan -o FILE"


def apply(world: World, path: Path, run_id: str, *, allow: Allow, on_drift: DriftPolicy) -> Report:
    """Do the lines of a plan file, and nothing else. The caller holds the lock. Raises `Stopped`: exit 2 for a file
    that is no plan and for a breaking change that nobody has confirmed, 4 for a breaker, 5 where the world is not the
    one that the plan was made for."""
    header = _header(path)
    _verify(path, header)
    refuse_unconfirmed(world, [each for each in world.project.mappings if each.name in header["mappings"]])
    _check_pins(world, path, header)
    mappings = tuple(world.project.mapping(name) for name in header["mappings"])
    if header["mode"] != "revert":  # what a halted mapping has done may be taken back
        refuse_halted(world, mappings)
    if header["mode"] == FORGET:
        refuse_in_shadow(mappings)
    see_sentinels(world, mappings)
    asked = Asked(
        tuple(header["mappings"]), Order(header["mode"], allow=allow), header["digest"], header.get("undoes", "")
    )
    recovered = recover(world, mappings, run_id)
    prepared = _empty(world, mappings, header["read"])
    try:
        with telling(recovered):
            if header["mode"] != FORGET or not is_carried(world, _lines(path, header), header["digest"]):
                _fill(world, path, header, prepared, on_drift, run_id)
            if tripped := [trip for plan in prepared.mappings.values() for trip in trips(world, plan, asked.order)]:
                raise Stopped(4, *worded(tripped, str(path)))
        done = carry_out(world, mappings, prepared, asked, run_id)
        if header["mode"] == FORGET:
            erase_carried(world, _lines(path, header), header["digest"], run_id, getpass.getuser())
        return replace(done, recovered=recovered, head=world.ledger.audit_head())
    finally:
        prepared.spool.close()


def _header(path: Path) -> Json:
    try:
        with path.open("rb") as file:
            header = from_json(file.readline())
    except OSError as error:
        raise _no_plan(path, f"the file cannot be read: {error.strerror}") from None
    except ValueError:
        raise _no_plan(path, "its first line is not JSON") from None
    if not isinstance(header, dict) or not header.keys() >= _NEEDED:
        raise _no_plan(path, "its first line is not the header of a plan")
    if header["format"] != FORMAT:
        raise _no_plan(path, f"it has format {header['format']}, this crmsync ({__version__}) reads format {FORMAT}")
    if header.get("redacted"):
        raise _no_plan(path, "it is redacted, so that people may read it; only a full plan can be applied")
    return header


_NEEDED: Final = {"format", "mode", "mappings", "sections", "pins", "digest", "read", "seal"}


def _no_plan(path: Path, why: str) -> Stopped:
    return Stopped(2, Finding("plan/no-plan", f"{path} cannot be applied: {why}", AGAIN))


def _check_pins(world: World, path: Path, header: Json) -> None:
    """All that is different now, not only the first."""
    stale = []
    if not _is_its_ledger(world, header):
        stale.append("it was made with another ledger, or before the first run of this one")
    for name, pinned in header["pins"]["mappings"].items():
        if name not in world.hashes:
            stale.append(f"mapping {name} is gone since it was made")
        elif world.hashes[name] != pinned:
            stale.append(f"mapping {name}, its contracts or its lookups have changed since")
    known = {name: pinned for name, pinned in header["pins"]["instances"].items() if name in world.project.systems}
    for name, pinned in known.items():
        here = world.instance(name)
        if here != pinned:
            stale.append(f"system {name} is {here or NAMELESS}, the plan is for {pinned or NAMELESS}")
    if stale:
        raise Stopped(5, *(_stale(path, why) for why in stale))


def _is_its_ledger(world: World, header: Json) -> bool:
    """A plan that was made when there was no ledger yet is for one that knows no run but this plan's own."""
    pinned = header["pins"]["ledger"]
    if pinned is None:
        return all(run.plan == header["digest"] for run in world.ledger.runs())
    return bool(pinned == world.ledger.id)


def _stale(path: Path, why: str) -> Finding:
    return Finding("plan/stale", f"{path} is stale: {why}", AGAIN)


def _empty(world: World, mappings: Sequence[Declared], read: Json) -> Prepared:
    prepared = Prepared(Spool())
    for number, mapping in enumerate(mappings):
        count = number_of(world, mapping, world.ledger.era(mapping.name))
        told = read[mapping.name]
        both = {key: tuple(told[key]) for key in ("missing", "told", "able", "rejected", "records")}
        seen = Read(**both, conflicts=told["conflicts"])
        prepared.mappings[mapping.name] = MappingPlan(number, Extraction(mapping, count), read=seen, cut=True)
    return prepared


PAGE: Final = 500
SHOWN: Final = 20  # findings about records that moved
DriftPolicy: TypeAlias = Literal["abort", "skip"]


def _verify(path: Path, header: Json) -> None:
    """Is the file whole, and as it was written?"""
    with path.open("rb") as file:
        file.readline()
        found = digest(text for text in (line.rstrip(b"\n") for line in file) if not _is_hold(path, text))
    if found != header["digest"] or seal(header) != header["seal"]:
        raise _no_plan(path, "its lines are not those that it was written with")


def _is_hold(path: Path, text: bytes) -> bool:
    try:
        return bool(from_json(text)["do"] == "hold")
    except (ValueError, TypeError, KeyError):
        raise _no_plan(path, "a line of it is no line of a plan") from None


def _fill(world: World, path: Path, header: Json, prepared: Prepared, on_drift: DriftPolicy, run_id: str) -> None:
    """Read the lines into the spool. With `abort` one record that has moved stops everything."""
    moved: list[Finding] = []
    number = 0
    for name, level, page in _pages(path, header):
        mapping, plan = world.project.mapping(name), prepared.mappings[name]
        done = world.ledger.done_before(header["digest"], name, [plan.placed(line, level).key_text for line in page])
        lines = [line for line in page if encode(line) not in done]
        drift = drifted(world, prepared.spool, mapping, lines)
        drift |= came_since(world, prepared.spool, mapping, lines, header["digest"], header["created"])
        moved += [*drift.values()][: SHOWN - len(moved)]
        number += len(drift)
        plan.warned.update(finding.rule for finding in drift.values())
        kept = [line for number, line in enumerate(lines) if number not in drift]
        fresh = _linked_here(prepared.spool, name, kept)
        for line in kept:
            plan.count(line, fresh=isinstance(line, Update) and _left(line) in fresh)
        prepared.spool.add([plan.placed(line, level) for line in kept])
        new_links = [line.keys for line in kept if isinstance(line, Adopt) and line.judged]
        prepared.spool.link(name, [PlannedLink(keys, "linked") for keys in new_links])
        era = plan.extraction.era
        rows = (row for n, why in drift.items() for row in unsettled(lines[n], "held", why.message, era, run_id))
        prepared.spool.save_verdicts(rows)
        prepared.spool.save_verdicts(_asked_about(kept, era, run_id), read=False)
    if moved and on_drift == "abort":
        more = Finding("plan/drift", f"and {number - len(moved)} lines more are about records that moved", AGAIN)
        raise Stopped(5, *moved, *([more] if number > len(moved) else []))


def _linked_here(spool: Spool, name: str, lines: Sequence[PlanLine]) -> set[Key]:
    """Of the pairs that are updated, those that an earlier line of the same plan links, by the key on side 0."""
    return set(spool.planned(name, 0, [_left(line) for line in lines if isinstance(line, Update)]))


def _left(line: Update) -> Key:
    return line.key if line.side == 0 else line.source


def _asked_about(lines: Sequence[PlanLine], era: int, run_id: str) -> Iterator[RecordRow]:
    """Records with an open question are not settled, whatever else was written to them."""
    for hold in (line for line in lines if isinstance(line, Hold)):
        for side in SIDES:
            key = hold.keys[side]
            if key is not None:
                yield RecordRow(hold.mapping, side, key, "held", None, None, era, hold.message, None, run_id)


def _pages(path: Path, header: Json) -> Iterator[tuple[str, int, list[PlanLine]]]:
    """Pages of one mapping, level and kind: whoever reads a line knows the links that lines before it make."""
    with path.open("rb") as file:
        file.readline()
        for name, level, count in header["sections"]:
            section = islice(file, count)
            for _, lines in groupby((_decoded(path, text) for text in section), key=type):
                while page := list(islice(lines, PAGE)):
                    yield name, level, page


def _lines(path: Path, header: Json) -> list[PlanLine]:
    return [line for _, _, page in _pages(path, header) for line in page]


def _decoded(path: Path, text: bytes) -> PlanLine:
    try:
        return decode(text)
    except (ValueError, TypeError, KeyError):
        raise _no_plan(path, "a line of it is no line of a plan") from None
