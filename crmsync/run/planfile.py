"""How does a plan become a file, and how is exactly that file done?

JSON Lines: a header, then the lines of the plan in the order of doing. The file holds values of records and has mode
0600; a redacted one hides those that a contract marks x-pii, and cannot be applied.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby, islice
from pathlib import Path
from typing import Final, Literal, TypeAlias

from crmsync import __version__
from crmsync.core.model import SIDES, Adopt, Finding, Hold, Json, Kind, from_json, to_json
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan import Counts, decode, digest, refuse
from crmsync.core.plan.lines import Line as PlanLine
from crmsync.ledger.nouns import RecordRow
from crmsync.ledger.spool import PlannedLink, Spool
from crmsync.run.moved import drifted, held_rows
from crmsync.run.extract import Extraction
from crmsync.run.mask import Mask
from crmsync.run.prepared import MappingPlan, Order, Prepared
from crmsync.run.report import Report
from crmsync.run.session import Asked, carry_out
from crmsync.run.world import Stopped, World, utc_now

FORMAT: Final = 1
NAMELESS: Final = "an installation without a name"
AGAIN: Final = "make a new plan: crmsync plan -o FILE"


# To a file ------------------------------------------------------------------------------------------------


def write_plan(path: Path, world: World, prepared: Prepared, report: Report, asked: Asked, *, redact: bool) -> None:
    """Write the plan, in one move: a reader never finds half of it. Raises `Stopped` (exit 2) where it cannot."""
    change = _redaction(Mask(world.project)) if redact else _as_it_is
    names = list(prepared.mappings)
    header = {
        "crmsync": __version__,
        "format": FORMAT,
        "created": utc_now(),
        "mode": asked.order.mode,
        "redacted": redact,
        "mappings": names,
        "sections": _sections(prepared, names),
        "pins": {"mappings": {name: world.hashes[name] for name in names}, "instances": _instances(world, names)},
        "digest": report.digest,
    }
    try:
        _write(path, chain([to_json(header)], (change(line.text) for line in prepared.spool.lines())))
    except OSError as error:
        message = f"the plan cannot be written: {error.strerror}"
        raise Stopped(2, Finding("plan/unwritable", f"{path}: {message}", "name another file: -o FILE")) from None


def _write(path: Path, lines: Iterable[bytes]) -> None:
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.writelines(line + b"\n" for line in lines)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def _sections(prepared: Prepared, names: Sequence[str]) -> list[Json]:
    groups = groupby(prepared.spool.lines(), key=lambda line: (line.mapping_no, line.level))
    return [[names[number], level, sum(1 for _ in lines)] for (number, level), lines in groups]


def _instances(world: World, names: Sequence[str]) -> dict[str, str | None]:
    systems = {end.system for name in names for end in world.project.mapping(name).ends}
    return {name: world.instance(name) for name in sorted(systems)}


def _as_it_is(line: bytes) -> bytes:
    return line


def _redaction(mask: Mask) -> Callable[[bytes], bytes]:
    def redact(line: bytes) -> bytes:
        body = from_json(line)
        name = body["mapping"]
        for change in body.get("changes", ()):
            shown = {key: mask.value(name, change["field"], change[key]) for key in _VALUES if key in change}
            change.update(shown)
        if "untold" in body:
            body["untold"] = [[field, mask.value(name, field, value)] for field, value in body["untold"]]
        if body["do"] == "hold" and body["field"]:
            body["values"] = [mask.value(name, body["field"], value) for value in body["values"]]
            body["base"] = [mask.value(name, body["field"], value) for value in body["base"]]
        if body["do"] == "adopt":
            body["base"] = {field: _masked(mask, name, field, agreed) for field, agreed in body["base"].items()}
        return to_json(body)

    return redact


_VALUES: Final = ("before", "after", "from", "back")


def _masked(mask: Mask, mapping: str, field: str, agreed: Json) -> Json:
    values = [mask.value(mapping, field, value) for value in agreed["values"]]
    return {**agreed, "values": values, "sent": mask.value(mapping, field, agreed["sent"])}


# From a file ------------------------------------------------------------------------------------------------


def apply(world: World, path: Path, run_id: str, *, allow: Mapping[Kind, int], on_drift: DriftPolicy) -> Report:
    """Do the lines of a plan file, and nothing else. The caller holds the lock. Raises `Stopped`: exit 2 for a file
    that is no plan, 4 for a breaker, 5 where the world is not the one that the plan was made for."""
    header = _header(path)
    _verify(path, header)
    _check_pins(world, path, header)
    mappings = tuple(world.project.mapping(name) for name in header["mappings"])
    prepared = _empty(world, mappings)
    try:
        _fill(world, path, header, prepared, on_drift, run_id)
        _check_limits(world, mappings, prepared, allow)
        asked = Asked(tuple(header["mappings"]), Order(header["mode"]))
        return carry_out(world, mappings, prepared, asked, run_id)
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
    if not isinstance(header, dict) or not {"format", "mappings", "sections", "pins", "digest"} <= header.keys():
        raise _no_plan(path, "its first line is not the header of a plan")
    if header["format"] != FORMAT:
        raise _no_plan(path, f"it has format {header['format']}, this crmsync ({__version__}) reads format {FORMAT}")
    if header.get("redacted"):
        raise _no_plan(path, "it is redacted, so that people may read it; only a full plan can be applied")
    return header


def _no_plan(path: Path, why: str) -> Stopped:
    return Stopped(2, Finding("plan/no-plan", f"{path} cannot be applied: {why}", AGAIN))


def _check_pins(world: World, path: Path, header: Json) -> None:
    """All that is different now, not only the first."""
    stale = []
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


def _stale(path: Path, why: str) -> Finding:
    return Finding("plan/stale", f"{path} is stale: {why}", AGAIN)


def _empty(world: World, mappings: Sequence[Declared]) -> Prepared:
    prepared = Prepared(Spool())
    for number, mapping in enumerate(mappings):
        era = world.ledger.era(mapping.name)
        same = era is not None and era.hash == world.hashes[mapping.name]
        count = era.number + (not same) if era else 1
        prepared.mappings[mapping.name] = MappingPlan(number, Extraction(mapping, count), cut=True)
    return prepared


PAGE: Final = 500
DriftPolicy: TypeAlias = Literal["abort", "skip"]


def _verify(path: Path, header: Json) -> None:
    """Is the file whole, and as it was written?"""
    with path.open("rb") as file:
        file.readline()
        found = digest(text for text in (line.rstrip(b"\n") for line in file) if not _is_hold(path, text))
    if found != header["digest"]:
        raise _no_plan(path, "its lines are not those that it was written with")


def _is_hold(path: Path, text: bytes) -> bool:
    try:
        return bool(from_json(text)["do"] == "hold")
    except (ValueError, TypeError, KeyError):
        raise _no_plan(path, "a line of it is no line of a plan") from None


def _fill(world: World, path: Path, header: Json, prepared: Prepared, on_drift: DriftPolicy, run_id: str) -> None:
    """Read the lines into the spool. With `abort` one record that has moved stops everything."""
    moved: list[Finding] = []
    for name, level, lines in _pages(path, header):
        mapping, plan = world.project.mapping(name), prepared.mappings[name]
        drift = drifted(world, prepared.spool, mapping, lines)
        moved += drift.values()
        plan.warned.update(finding.rule for finding in drift.values())
        kept = [line for number, line in enumerate(lines) if number not in drift]
        for line in kept:
            plan.count(line)
        prepared.spool.add([plan.placed(line, level) for line in kept])
        new_links = [line.keys for line in kept if isinstance(line, Adopt) and line.judged]
        prepared.spool.link(name, [PlannedLink(keys, "linked") for keys in new_links])
        rows = (held_rows(lines[n], finding, plan.extraction.era, run_id) for n, finding in drift.items())
        prepared.spool.save_verdicts([row for each in rows for row in each])
        prepared.spool.save_verdicts(_asked_about(kept, plan.extraction.era, run_id), read=False)
    if moved and on_drift == "abort":
        raise Stopped(5, *moved)


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


def _decoded(path: Path, text: bytes) -> PlanLine:
    try:
        return decode(text)
    except (ValueError, TypeError, KeyError):
        raise _no_plan(path, "a line of it is no line of a plan") from None


def _check_limits(world: World, mappings: Sequence[Declared], prepared: Prepared, allow: Mapping[Kind, int]) -> None:
    tripped: list[Finding] = []
    for mapping in mappings:
        counts = Counts(prepared.mappings[mapping.name].actions, world.ledger.live_links(mapping.name))
        tripped += refuse(mapping, counts, allow=allow)
    if tripped:
        raise Stopped(4, *tripped)
