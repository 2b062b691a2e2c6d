"""How does one run go from end to end? Lock, plan, breakers, journal, writes, memory: in this order, always."""

from __future__ import annotations

import getpass
import os
import signal
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from secrets import token_hex

from crmsync.connectors.base import ConnectorError, Refused
from crmsync.core.model import SIDES, Both, Bucket, Finding, Hold, Key, Kind, Mark, Side
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan import decode, digest
from crmsync.ledger.nouns import DeadLetter, PairKeys
from crmsync.ledger.spool import Spool
from crmsync.ledger.store import Ledger
from crmsync.ledger.writer import Writer
from crmsync.project import Loaded
from crmsync.run.extract import cursor_json
from crmsync.run.parents import show
from crmsync.run.perform import journal, perform
from crmsync.run.prepare import prepare
from crmsync.run.prepared import MappingPlan, Order, Prepared
from crmsync.run.remember import Done
from crmsync.run.report import Report, Tally, reasons, sides
from crmsync.run.world import Stopped, World, every, utc_now


@dataclass(frozen=True, slots=True)
class Asked:
    """A run as it was asked for: which mappings (globs; none = all that are enabled), and in what way."""

    select: tuple[str, ...] = ()
    order: Order = field(default_factory=Order)


def open_world(loaded: Loaded, *, create: bool = True) -> World:
    """Without `create` a ledger that is not there yet is not made. Raises `Stopped` (exit 2) when the project has
    errors, `LedgerError` when the ledger cannot be opened."""
    errors = [finding for finding in loaded.findings if finding.severity == "error"]
    if loaded.project is None or errors:
        raise Stopped(2, *errors)
    return World(loaded.project, loaded.hashes, Ledger.open(loaded.project.ledger, create=create))


def selected(world: World, select: Sequence[str]) -> tuple[Declared, ...]:
    """The enabled mappings that match, parents first. Raises `Stopped` (exit 2) for a glob that matches none."""
    enabled = [mapping for mapping in world.project.mappings if mapping.enabled]
    for glob in select:
        if not any(fnmatchcase(mapping.name, glob) for mapping in enabled):
            names = ", ".join(mapping.name for mapping in enabled)
            raise Stopped(2, Finding("usage/no-mapping", f"no mapping is named {glob}", f"choose among: {names}"))
    return tuple(m for m in enabled if not select or any(fnmatchcase(m.name, glob) for glob in select))


def new_run_id() -> str:
    return f"{utc_now()[:19].replace('-', '').replace(':', '')}-{token_hex(3)}"


@contextmanager
def planned(world: World, asked: Asked, run: str) -> Iterator[tuple[Prepared, Report]]:
    """The plan, still in its spool, and its report. Changes nothing anywhere."""
    mappings = selected(world, asked.select)
    prepared = prepare(world, mappings, asked.order, _eras(world, mappings, asked.order), run, utc_now())
    try:
        yield prepared, _report(world, mappings, prepared, run, planned_counts(prepared))
    finally:
        prepared.spool.close()


def run(world: World, asked: Asked, run_id: str) -> Report:
    """Plan and do it. The caller holds the lock. Raises `Stopped`, `Transient`, `Refused`, `LedgerError`."""
    mappings, now = selected(world, asked.select), utc_now()
    prepared = prepare(world, mappings, asked.order, _eras(world, mappings, asked.order), run_id, now)
    try:
        if prepared.tripped:
            raise Stopped(4, *prepared.tripped)
        return carry_out(world, mappings, prepared, asked, run_id)
    finally:
        prepared.spool.close()


def carry_out(world: World, mappings: Sequence[Declared], prepared: Prepared, asked: Asked, run_id: str) -> Report:
    """Do a plan that nothing speaks against: journal, writes, memory."""
    world.stamp(mappings)
    with world.writing() as ledger:
        names = [mapping.name for mapping in mappings]
        ledger.start_run(
            run_id, prepared.started or utc_now(), mode=asked.order.mode, actor=getpass.getuser(),
            host=socket.gethostname(), pid=os.getpid(), selected=names,
        )  # fmt: skip
        for mapping in mappings:
            _begin_era(world, ledger, mapping)
    journal(world, prepared, run_id)
    try:
        with _until_signal() as caught:
            done = perform(world, prepared, run_id, lambda: bool(caught))
    except ConnectorError as error:
        with world.writing() as ledger:
            ledger.end_run(run_id, utc_now(), 2 if isinstance(error, Refused) else 1, {"error": str(error)})
        raise
    for mapping in mappings:
        _finish(world, mapping, prepared, asked.order, run_id, done)
    report = _report(world, mappings, prepared, run_id, done.counts, stopped=caught[0] if done.stopped else 0)
    with world.writing() as ledger:
        ledger.end_run(run_id, utc_now(), report.exit, report.to_json())
    return report


@contextmanager
def _until_signal() -> Iterator[list[int]]:
    """SIGTERM and SIGINT let the batch in hand finish; then nothing more is begun. Gives those that came."""
    caught: list[int] = []
    before = {number: signal.signal(number, lambda signum, _: caught.append(signum)) for number in STOP_SIGNALS}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

# Eras: fingerprints hold under one hash of mapping, contracts and lookups


def _eras(world: World, mappings: Sequence[Declared], order: Order) -> Mapping[str, int]:
    """The era of each mapping; a delta needs one in which a batch has finished. Raises `Stopped` (exit 2)."""
    eras, refused = {}, []
    for mapping in mappings:
        era = world.ledger.era(mapping.name)
        same = era is not None and era.hash == world.hashes[mapping.name]
        eras[mapping.name] = era.number + (0 if same else 1) if era else 1
        # one record alone is only safe when all that it could be the same as are known
        needs_batch = order.mode == "delta" if order.only is None else mapping.match is not None
        if needs_batch and not (same and era and era.complete):
            why = "changed since the last batch run" if era and not same else "has not had a complete batch run yet"
            mend = f"crmsync run --mode batch --select {mapping.name}"
            refused.append(Finding("run/needs-batch", f"{mapping.name} {why}", mend, at=mapping.at))
    if refused:
        raise Stopped(2, *refused)
    return eras


def _begin_era(world: World, ledger: Writer, mapping: Declared) -> None:
    era = world.ledger.era(mapping.name)
    if era is None or era.hash != world.hashes[mapping.name]:
        ledger.begin_era(mapping.name, world.hashes[mapping.name], utc_now())


# What is remembered at the end


def _finish(world: World, mapping: Declared, prepared: Prepared, order: Order, run_id: str, done: Done) -> None:
    """Verdicts, reviews, dead letters and cursors of one mapping, in one transaction; the cursor last."""
    name, plan, spool, now = mapping.name, prepared.mappings[mapping.name], prepared.spool, utc_now()
    gone = _gone(prepared, plan)
    looked_at, mended = _looked_at(world, name, spool, gone), _mended(world, name, spool)
    with world.writing() as ledger:
        if done.stopped:
            return
        for side in SIDES:
            for page in spool.verdicts(name, side):
                ledger.save_records(page)
            singles = (
                (tuple(key), values, tuple(keys)) for at, key, values, keys in spool.notes(name, "single") if at == side
            )
            ledger.save_candidates(name, side, singles)
            ledger.drop_candidates(name, side, [*plan.ghosts[side], *gone[side]])
            ledger.drop_records(name, side, gone[side])
            ledger.close_dead(name, side, [*gone[side], *mended[side]], now)
        ledger.save_holds(name, looked_at, _holds(prepared, plan), run_id, now)
        ledger.save_dead(prepared.letters(name))
        if order.only is None and not plan.cut:
            _move_on(ledger, mapping, plan, order)


def _move_on(ledger: Writer, mapping: Declared, plan: MappingPlan, order: Order) -> None:
    """Only a whole run moves cursors and completes an era."""
    for side, cursor in plan.extraction.cursors.items():
        ledger.save_cursor(mapping.name, side, mapping.ends[side].entity, cursor_json(cursor))
    if order.mode == "batch":
        ledger.complete_era(mapping.name)


def _holds(prepared: Prepared, plan: MappingPlan) -> Iterator[Hold]:
    for line in prepared.spool.lines():
        if line.mapping_no == plan.number and line.kind == "hold":
            hold = decode(line.text)
            assert isinstance(hold, Hold)
            yield hold


def _looked_at(world: World, name: str, spool: Spool, gone: Both[set[Key]]) -> list[PairKeys]:
    """The pairs that a question is asked about, and that this run has decided anew, or found to be gone."""
    asked = [review.keys for state in ("open", "resolved") for review in every(world.ledger.reviews, name, state)]
    decided = [spool.buckets(name, side, [key for keys in asked if (key := keys[side])]) for side in SIDES]
    return [keys for keys in asked if any(keys[side] in decided[side] or keys[side] in gone[side] for side in SIDES)]


def _gone(prepared: Prepared, plan: MappingPlan) -> Both[set[Key]]:
    """Records that this run knew, and that are there no more: never linked, or on a side that their pair has lost."""
    found: Both[set[Key]] = (set(plan.extraction.vanished[0]), set(plan.extraction.vanished[1]))
    for line in prepared.spool.lines():
        if line.mapping_no == plan.number and line.kind == "mark":
            mark = decode(line.text)
            assert isinstance(mark, Mark)  # by its kind
            for side in SIDES if mark.state == "gone" else ():
                if not prepared.spool.staged_keys(mark.mapping, side, [mark.keys[side]]):
                    found[side].add(mark.keys[side])
    return found


def _mended(world: World, name: str, spool: Spool) -> Both[list[Key]]:
    """Records with an open dead letter that this run has looked at, and that are no longer what it says."""
    letters = list(every(world.ledger.dead_letters, name, "open"))
    mended: Both[list[Key]] = ([], [])
    for side in SIDES:
        buckets = spool.buckets(name, side, [letter.key for letter in letters if letter.side == side])
        mended[side].extend(
            each.key for each in letters if each.side == side and _is_mended(each, buckets.get(each.key))
        )
    return mended


def _is_mended(letter: DeadLetter, bucket: Bucket | None) -> bool:
    """A record may pass its contract and wait or be held now; a write is only good when it was done."""
    if letter.kind == "check":
        return bucket not in (None, "rejected")
    return bucket in ("applied", "unchanged", "out_of_scope")


# Counting


def planned_counts(prepared: Prepared) -> dict[tuple[str, Side, Kind], int]:
    return {
        (name, side, kind): number
        for name, plan in prepared.mappings.items()
        for side in SIDES
        for kind, number in plan.actions[side].items()
    }


def _report(
    world: World, mappings: Sequence[Declared], prepared: Prepared, run_id: str,
    counts: Mapping[tuple[str, Side, Kind], int], *, stopped: int = 0,
) -> Report:  # fmt: skip
    tallies = {mapping.name: _tally(world, mapping, prepared, counts) for mapping in mappings}
    texts = (line.text for line in prepared.spool.lines() if line.kind != "hold")
    return Report(run_id, tallies, digest(texts), stopped)


def _tally(world: World, mapping: Declared, prepared: Prepared, counts: Mapping[tuple[str, Side, Kind], int]) -> Tally:
    name, plan, spool = mapping.name, prepared.mappings[mapping.name], prepared.spool
    buckets = tuple(_sum(plan.extraction.quiet[side], spool.tally(name, side)) for side in SIDES)
    actions = tuple({kind: n for (m, s, kind), n in counts.items() if (m, s) == (name, side)} for side in SIDES)
    known = world.ledger.counts().get(name)
    return Tally(
        sides(mapping),
        (buckets[0], buckets[1]),
        (actions[0], actions[1]),
        plan.links,
        max(known.open_reviews if known else 0, plan.holds),
        reasons(_why(mapping, prepared, plan)),
        plan.warned,
    )


def _sum(quiet: Mapping[Bucket, int], counted: Mapping[Bucket, int]) -> dict[Bucket, int]:
    names = [*quiet, *(name for name in counted if name not in quiet)]
    return {name: quiet.get(name, 0) + counted.get(name, 0) for name in names}


def _why(mapping: Declared, prepared: Prepared, plan: MappingPlan) -> Iterator[tuple[str, str, str, str]]:
    """Bucket, rule, example and message of everything that is not simply done."""
    names = [f"{end.system}.{end.entity}" for end in mapping.ends]
    for letter in prepared.letters(mapping.name):
        rule = f"{letter.rule} {letter.path}".strip()
        yield "rejected", rule, f"{names[letter.side]}/{show(letter.key)}", letter.message
    for hold in _holds(prepared, plan):
        side = 0 if hold.keys[0] is not None else 1
        rule = f"{hold.kind} {hold.field}".strip()
        yield "held", rule, f"{names[side]}/{show(hold.keys[side] or ())}", hold.message
    for side in SIDES:
        if not prepared.spool.tally(mapping.name, side).keys() & {"failed", "waiting"}:
            continue
        for rows in prepared.spool.verdicts(mapping.name, side):
            for row in rows:
                if row.bucket in ("failed", "waiting"):
                    yield row.bucket, "", f"{names[side]}/{show(row.key)}", row.reason
