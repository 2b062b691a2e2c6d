"""What would today's mapping do with what an earlier run read? The real engine, on what was recorded.

Nothing is asked of a system, and nothing is left behind: what was recorded goes into a temporary folder.
"""

from __future__ import annotations

import gzip
import sqlite3
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, TypeAlias

from crmsync import __version__
from crmsync.connectors.base import Capabilities, Cursor, Door, Findings, Page, Refused, Write
from crmsync.core.model import (
    Both,
    Entity,
    Finding,
    Json,
    Key,
    Outcome,
    Project,
    Raw,
    Ref,
    Side,
    fingerprint,
    from_json,
    key_text,
    to_json,
)
from crmsync.core.model import Mapping as Declared
from crmsync.ledger import excerpt
from crmsync.ledger.nouns import Run
from crmsync.ledger.spool import Spool, Staged
from crmsync.ledger.store import Ledger
from crmsync.run.extract import Extraction
from crmsync.run.inputs import Inputs, Lookup
from crmsync.run.prepare import prepare
from crmsync.run.prepared import Order, Prepared
from crmsync.run.rehearse.tape import FORMAT, INPUTS, file_of, taped
from crmsync.run.runs import no_run
from crmsync.run.world import Stopped, World

Fate: TypeAlias = Literal["same", "different", "only then", "only now"]
FATES: Final[tuple[Fate, ...]] = ("same", "different", "only then", "only now")
PAGE: Final = 1000
_ALL: Final = Capabilities(delta=True, get=True, find=True, write=True, conditional=True, recognise=True)
_TABLES: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE decoded (version TEXT PRIMARY KEY, data BLOB) WITHOUT ROWID;
CREATE TABLE record (
    mapping TEXT, side INTEGER, key TEXT, said BLOB, staged INTEGER, PRIMARY KEY (mapping, side, key)
) WITHOUT ROWID;
CREATE TABLE other (mapping TEXT, kind TEXT, side INTEGER, told BLOB);
CREATE TABLE journal (mapping TEXT, side INTEGER, key TEXT, kind TEXT, text BLOB, met INTEGER DEFAULT 0);
CREATE INDEX journal_place ON journal (mapping, side, key, kind);
"""


@dataclass(frozen=True, slots=True)
class Differing:
    """A line of the plan that is not as it was: as the run had it, and as it would be today (None: not at all)."""

    then: bytes | None
    now: bytes | None


@dataclass
class Replayed:
    """How today's plan compares with what the run planned, without what is only held. `shown`: the first that differ.
    `compared`: False where the run had been stopped by a limit, so that nothing was to be done."""

    run: str
    counts: Counter[Fate] = field(default_factory=Counter)
    shown: list[Differing] = field(default_factory=list)
    compared: bool = True


def recorded(world: World, text: str) -> str:
    """The run that a person means, of which something is recorded; `last`: the newest of these. Raises `Stopped` (exit
    2)."""
    names = taped(world.project.root)
    if text == "last" and names:
        return names[-1]
    if text in names:
        return text
    if text == "last":
        raise Stopped(2, Finding("replay/not-recorded", "no run is recorded", _from_now_on(world)))
    run = world.ledger.run(text)
    if run is None:
        raise no_run(world, text, names)
    raise Stopped(2, _not_recorded(world, run, names))


def _not_recorded(world: World, run: Run, names: Sequence[str]) -> Finding:
    rule = "replay/not-recorded"
    if run.plan is not None or run.mode not in ("batch", "delta"):
        what = "it applied a plan file" if run.plan is not None else f"it was a {run.mode}"
        return Finding(rule, f"nothing is recorded of run {run.id}: {what}, and read nothing to plan with", INSTEAD)
    if world.project.record_inputs and names:
        message = (
            f"nothing is recorded of run {run.id} any more, or was never: only the last {world.project.record_inputs} "
            "runs are kept (record_inputs), and not those that read somebody who was forgotten"
        )
        return Finding(rule, message, f"recorded are: {', '.join(names)}")
    return Finding(rule, f"nothing is recorded of run {run.id}", _from_now_on(world))


INSTEAD: Final = "replay a run that was said with crmsync run"


def _from_now_on(world: World) -> str:
    if world.project.record_inputs:
        return "the next run is recorded: crmsync run"
    return "write record_inputs: 10 into crmsync.yaml: the next runs are recorded"


@contextmanager
def replayed(world: World, text: str, most: int) -> Iterator[tuple[tuple[Declared, ...], Prepared, Replayed]]:
    """The mappings of the run as they are today, the plan that they make, still in its spool, and how it compares; at
    most `most` lines are shown. Raises `Stopped` (exit 2) where nothing was recorded of the run, or its mappings are
    gone."""
    run = recorded(world, text)
    with _Recalled.open(world.project.root, run) as recalled:
        mappings = _mappings(world.project, recalled.head, run)
        with _stage(world, recalled) as stage:
            head = recalled.head
            order = Order(head["mode"], head["only"] and _ref(head["only"]), head["limit"], first_load=True)
            prepared = prepare(stage, mappings, order, head["eras"], run, head["now"])
            try:
                yield mappings, prepared, _compare(world, recalled, prepared, run, most)
            finally:
                prepared.spool.close()


def _ref(only: Json) -> Ref:
    system, entity, key = only
    return Ref(system, entity, tuple(key))


def _mappings(project: Project, head: Json, run: str) -> tuple[Declared, ...]:
    known = {each.name: each for each in project.mappings}
    gone = [name for name in head["mappings"] if name not in known]
    if gone:
        message = f"run {run} was of {', '.join(gone)}, which is not in the project any more"
        raise Stopped(2, Finding("replay/no-mapping", message, f"choose another run: ls {INPUTS}"))
    return tuple(each for each in project.mappings if each.name in head["mappings"])


@contextmanager
def _stage(world: World, recalled: _Recalled) -> Iterator[World]:
    systems = {name: replace(system, sentinel=None) for name, system in world.project.systems.items()}
    url = f"sqlite:///{recalled.folder}/ledger.db"
    stage = World(replace(world.project, systems=systems, ledger=url), world.definitions, Ledger.open(url))
    with stage:
        stage.inputs, stage.repeats = recalled, recalled.head["repeats"]
        stage.connections |= {name: _Nowhere(name) for name in systems}
        recalled.fill(stage.ledger, world.ledger)
        yield stage


# What was recorded ------------------------------------------------------------------------------------------------


class _Recalled(Inputs):
    """Gives back what a run had read."""

    def __init__(self, folder: Path, database: sqlite3.Connection, lines: Iterator[Json], run: str) -> None:
        self.folder = folder
        self.run = run
        self._database = database
        self._lines = lines
        self._lookups: dict[Lookup, dict[Json, Json]] = {}
        self.head: Json = next(lines, ("",))[-1]

    @classmethod
    @contextmanager
    def open(cls, root: str, run: str) -> Iterator[_Recalled]:
        file = file_of(root, run)
        with (
            TemporaryDirectory(prefix="crmsync-replay-") as folder,
            gzip.open(file, "rb") as opened,
            closing(sqlite3.connect(Path(folder) / "inputs.db", isolation_level=None)) as database,
        ):
            database.executescript(_TABLES)
            database.execute("BEGIN")
            try:
                recalled = cls(Path(folder), database, map(from_json, opened), run)
            except (OSError, EOFError, ValueError):
                raise _unreadable(file) from None
            if not isinstance(recalled.head, dict) or recalled.head.get("format") != FORMAT:
                raise _unreadable(file)
            yield recalled

    def fill(self, ledger: Ledger, known: Ledger) -> None:
        """All that comes after the head: rows into the ledger, records aside. `known`: the one that the run had, which
        alone reads what it has sealed."""
        is_its_own = self.head["ledger"] == known.id
        with ledger.database.writing() as access:
            excerpt.take_secret(access, known)
            while page := list(islice(self._lines, PAGE)):
                rows = [line[1:] for line in page if line[0] == "row"]
                if not is_its_own and any(table in excerpt.SEALED for table, _ in rows):
                    raise _not_its_ledger(self.run)
                excerpt.put(access, rows)
                for kind, *rest in page:
                    if kind != "row":
                        self._take(kind, *rest)

    def _take(self, kind: str, *told: Json) -> None:
        match kind:
            case "staged" | "got":
                self._record(kind == "staged", *told)
            case "lookup":
                lookup, found = told
                self._lookups[lookup[0], lookup[1], lookup[2]] = dict(found)
            case _:
                mapping, side, *rest = told
                self._rows("INSERT INTO other VALUES (?, ?, ?, ?)", mapping, kind, side, to_json(rest))

    def _record(self, staged: bool, mapping: str, side: Side, key: Json, *said: Json) -> None:
        """What was staged stands, whatever was fetched besides."""
        body, data = _body(said[0], said[2], said[3]), said[3]
        if data is not None:
            version = fingerprint(body)
            self._rows("INSERT OR REPLACE INTO decoded VALUES (?, ?)", version, to_json(data[0]))
        verb = "INSERT OR REPLACE" if staged else "INSERT OR IGNORE"
        self._rows(f"{verb} INTO record VALUES (?, ?, ?, ?, ?)", mapping, side, _text(key), to_json(said), staged)

    # As a plan asks for it

    def door(self, mapping: Declared, side: Side, door: Door) -> Door:
        return _RecordedDoor(self, mapping.name, side)

    def lookup(self, lookup: Lookup, reading: Callable[[], dict[Json, Json]]) -> dict[Json, Json]:
        if lookup not in self._lookups:
            entity, by, take = lookup
            message = f"run {self.run} did not look up {take} of {entity} by {by}"
            raise Stopped(2, Finding("replay/no-lookup", message, "replay a run that did, or run it in the shadow"))
        return self._lookups[lookup]

    def read(self, spool: Spool, mapping: Declared, reading: Callable[[], Extraction]) -> Extraction:
        found = Extraction(mapping, self.head["eras"][mapping.name])
        for side in (0, 1):
            told = self._read_of(mapping, side)
            found.quiet[side].update(told["quiet"])
            found.vanished[side].extend(tuple(key) for key in told["vanished"])
            found.unlisted[side].update((tuple(mine), tuple(theirs)) for mine, theirs in self._unlisted(mapping, side))
            spool.stage(mapping.name, side, self._staged(mapping.name, side))
        return found

    def ghosts(self, mapping: Declared) -> Both[list[Key]]:
        first, second = ([tuple(key) for key in self._read_of(mapping, side)["ghosts"]] for side in (0, 1))
        return first, second

    def _read_of(self, mapping: Declared, side: int) -> Json:
        sql = "SELECT told FROM other WHERE mapping = ? AND kind = 'read' AND side = ?"
        return from_json(self._rows(sql, mapping.name, side)[0][0])[0]

    def _unlisted(self, mapping: Declared, side: int) -> Iterator[Json]:
        sql = "SELECT told FROM other WHERE mapping = ? AND kind = 'unlisted' AND side = ? ORDER BY rowid"
        yield from (from_json(told) for (told,) in self._rows(sql, mapping.name, side))

    def _staged(self, name: str, side: int) -> Iterator[Staged]:
        after = ""
        sql = "SELECT key, said FROM record WHERE mapping = ? AND side = ? AND staged AND key > ? ORDER BY key LIMIT ?"
        while rows := self._rows(sql, name, side, after, PAGE):
            after = rows[-1][0]
            for key, said in rows:
                body, modified, fault, data, listed, partner, outside = from_json(said)
                there = partner and tuple(partner)
                yield Staged(_key(key), _body(body, fault, data), modified, fault, listed, there, outside)

    def get(self, name: str, side: Side, keys: Sequence[Key]) -> Page:
        found = []
        for key in keys:
            sql = "SELECT said FROM record WHERE mapping = ? AND side = ? AND key = ?"
            for (said,) in self._rows(sql, name, side, _text(key)):
                body, modified, fault, data, *_ = from_json(said)
                found.append(Raw(key, _body(body, fault, data), modified, fault))
        return found

    def decode(self, body: bytes) -> Json:
        rows = self._rows("SELECT data FROM decoded WHERE version = ?", fingerprint(body))
        return from_json(rows[0][0] if rows else body)

    # Beside what the run then did

    def note_then(self, rows: Iterator[tuple[str, int, str, str, bytes]]) -> None:
        self._database.executemany("INSERT INTO journal (mapping, side, key, kind, text) VALUES (?, ?, ?, ?, ?)", rows)

    def then(self, mapping: str, side: int, key: str, kind: str) -> bytes | None:
        """The line of the run in this place, once."""
        place = "mapping = ? AND side = ? AND key = ? AND kind = ? AND NOT met"
        rows = self._rows(f"SELECT rowid, text FROM journal WHERE {place} LIMIT 1", mapping, side, key, kind)
        if not rows:
            return None
        self._rows("UPDATE journal SET met = 1 WHERE rowid = ?", rows[0][0])
        return bytes(rows[0][1])

    def unmet(self) -> tuple[int, Iterator[bytes]]:
        """How many lines of the run nothing today stands for, and those."""
        ((number,),) = self._rows("SELECT count(*) FROM journal WHERE NOT met")
        return number, (bytes(row[0]) for row in self._database.execute("SELECT text FROM journal WHERE NOT met"))

    def _rows(self, sql: str, *values: object) -> list[tuple[Json, ...]]:
        return self._database.execute(sql, values).fetchall()


def _unreadable(file: Path) -> Stopped:
    message = f"{file} cannot be replayed: it is not what crmsync {__version__} writes (format {FORMAT})"
    return Stopped(2, Finding("replay/unreadable", message, "choose another run; the next ones are recorded anew"))


def _not_its_ledger(run: str) -> Stopped:
    message = f"run {run} was recorded with another ledger, which alone knows again what its records were matched by"
    return Stopped(2, Finding("replay/other-ledger", message, "replay it where that ledger is"))


def _text(key: Sequence[str | int]) -> str:
    return key_text(tuple(key))


def _key(text: str) -> Key:
    return tuple(from_json(text))


def _body(told: str, fault: str | None, data: Json) -> bytes:
    return told.encode() if data is None and not fault else b64decode(told)


class _RecordedDoor:
    """Knows the records that were read then, and no others."""

    can = _ALL

    def __init__(self, recalled: _Recalled, mapping: str, side: Side) -> None:
        self._recalled = recalled
        self._place = (mapping, side)

    def list(self, since: Cursor | None = None) -> Iterator[Page]:
        raise AssertionError("what was listed comes from the tape")

    def newest(self) -> Cursor | None:
        return None

    def get(self, keys: Sequence[Key]) -> Page:
        return self._recalled.get(*self._place, keys)

    def find(self, path: str, values: Sequence[Json]) -> Iterator[Page]:
        return iter(())

    def decode(self, body: bytes) -> Json:
        return self._recalled.decode(body)

    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        raise AssertionError("a replay writes nothing")

    def probe(self) -> Findings:
        return []


@dataclass(frozen=True, slots=True)
class _Nowhere:
    """In place of a system."""

    name: str

    def door(self, entity: Entity, wanted: frozenset[str] | None = None) -> Door:
        return _Unread(entity.full_name)  # type: ignore[return-value]  # it is replaced by a recorded one, or refuses

    def instance(self) -> str | None:
        return None

    def close(self) -> None:
        return None


@dataclass(frozen=True, slots=True)
class _Unread:
    entity: str
    can: Capabilities = _ALL

    def __getattr__(self, name: str) -> Json:
        raise Refused(f"{self.entity} was not read by the run that is replayed")


# Then and now -----------------------------------------------------------------------------------------------------


def _compare(world: World, recalled: _Recalled, prepared: Prepared, run: str, most: int) -> Replayed:
    told = Replayed(run)
    for page in world.ledger.journal(run):
        recalled.note_then((line.mapping, line.side, key_text(line.key), line.kind, line.line) for line in page)
    told.compared = bool(recalled.unmet()[0]) or _ended_well(world, run)
    if not told.compared:
        return told
    names = {plan.number: name for name, plan in prepared.mappings.items()}
    for line in prepared.spool.lines():
        if line.kind != "hold":
            then = recalled.then(names[line.mapping_no], 1 if line.side == 1 else 0, line.key_text, line.kind)
            fate: Fate = "only now" if then is None else "same" if then == line.text else "different"
            told.counts[fate] += 1
            if fate != "same" and len(told.shown) < most:
                told.shown.append(Differing(then, line.text))
    number, rest = recalled.unmet()
    told.counts["only then"] += number
    told.shown += [Differing(text, None) for text in islice(rest, max(0, most - len(told.shown)))]
    return told


def _ended_well(world: World, run: str) -> bool:
    """A run that a limit had stopped is not in the ledger."""
    return world.ledger.run(run) is not None
