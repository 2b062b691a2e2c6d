"""How is one batch written, so that it changes only what is still as it was seen?

One transaction: lock and read the rows, leave out what moved, write the rest with one statement for all writes that
set the same columns, read back. A statement that is refused is undone and tried in halves, until it is known which
row the database refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Protocol, TypeAlias

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from crmsync.connectors.base import Insert, Page, Patch, Remove, Transient, Write
from crmsync.connectors.record import Unplain, key_part, split
from crmsync.connectors.sql.columns import Column, Tree, Wire, spread, tree_of
from crmsync.connectors.sql.query import CHUNK, matching
from crmsync.connectors.sql.rows import Layout
from crmsync.connectors.sql.statements import delete_rows, insert_rows, update_rows
from crmsync.connectors.sql.words import reason, transient
from crmsync.core.expression import EvaluationError, get_path, put_path
from crmsync.core.model import Json, Key, Outcome, Raw

if TYPE_CHECKING:
    from crmsync.connectors.sql.connection import SqlConnection

Outcomes: TypeAlias = dict[int, Outcome]


class Fetch(Protocol):
    def __call__(self, connection: sa.Connection, keys: Sequence[Key], lock: bool = False) -> Page: ...


@dataclass(frozen=True, slots=True)
class Job:
    """One write: its number in the batch, what each column gets, and what goes inside a JSON column."""

    number: int
    write: Write
    wire: dict[str, Wire]
    inside: tuple[tuple[Column, tuple[str, ...], Json], ...] = ()

    @property
    def name(self) -> object:
        """What no other write of the same round may be about."""
        return self.write.token if isinstance(self.write, Insert) else self.write.key


def write_batch(connection: SqlConnection, layout: Layout, fetch: Fetch, writes: Sequence[Write]) -> list[Outcome]:
    outcomes: Outcomes = {}
    jobs: list[Job] = []
    tree = tree_of(layout.columns)
    for number, write in enumerate(writes):
        try:
            jobs.append(_job(layout, tree, number, write))
        except (Unplain, RecursionError) as error:
            outcomes[number] = Outcome("refused", message=str(error))
    effect = Effect()
    try:
        outcomes |= _transact(connection, layout, fetch, jobs, effect)
    except Transient as error:
        raise Transient(str(error), untouched=not effect.possible) from None
    return [outcomes[number] for number in range(len(writes))]


@dataclass
class Effect:
    """Whether the batch may have changed something: a COMMIT was sent, and was not refused."""

    possible: bool = False


def _transact(connection: SqlConnection, layout: Layout, fetch: Fetch, jobs: Sequence[Job], effect: Effect) -> Outcomes:
    """A refusal at commit (a deferred constraint) does not say which row it means: then each half for itself."""
    if not jobs:
        return {}
    before = effect.possible
    with connection.opened(layout.entity.full_name, immediate=True) as opened:
        try:
            with opened.begin():
                outcomes = Transaction(opened, layout, fetch).run(jobs)
                effect.possible = True  # the block ends with the COMMIT
            return outcomes
        except DBAPIError as error:
            if transient(error):
                raise
            refusal = Outcome("refused", message=reason(error))
            effect.possible = before
    if len(jobs) == 1:
        return {jobs[0].number: refusal}
    half = len(jobs) // 2
    halves = (_transact(connection, layout, fetch, part, effect) for part in (jobs[:half], jobs[half:]))
    return {number: outcome for outcomes in halves for number, outcome in outcomes.items()}


# From a write to what its columns get --------------------------------------------------------------------


def _job(layout: Layout, tree: Tree, number: int, write: Write) -> Job:
    """Raises `Unplain` where a value has no place, or its column does not take it."""
    match write:
        case Insert():
            return _insert_job(layout, tree, number, write)
        case Patch():
            return _patch_job(layout, tree, number, write)
        case Remove():
            return Job(number, write, {})


def _insert_job(layout: Layout, tree: Tree, number: int, write: Insert) -> Job:
    places = spread(tree, (), write.data)
    if token := _token_column(layout):
        places.append((token, (), write.token))
    wire = {column.name: layout.dialect.write(column, value) for column, _, value in places}
    filled = {name for name, value in wire.items() if value is not None}
    if layout.entity.assigned_by == "caller" and not filled.issuperset(key.name for key in layout.key):
        raise Unplain(f"the record has no key at {', '.join(layout.entity.key)}")
    if not wire:
        raise Unplain("the record has no value to insert")
    return Job(number, write, wire)


def _patch_job(layout: Layout, tree: Tree, number: int, write: Patch) -> Job:
    places = [place for path, value in write.values for place in spread(tree, split(path), value)]
    if any(column in layout.key for column, _, _ in places):
        raise Unplain("the key of a record cannot be changed")
    wire = {column.name: layout.dialect.write(column, value) for column, inner, value in places if not inner}
    return Job(number, write, wire, tuple(place for place in places if place[1]))


def _token_column(layout: Layout) -> Column | None:
    entity = layout.entity
    return layout.at(split(entity.origin)) if entity.origin and entity.recover_by == "origin field" else None


def in_rounds(jobs: Iterable[Job]) -> list[list[Job]]:
    """Writes about the same record come one after the other: the later one has to find what the former left."""
    rounds: list[list[Job]] = []
    times: dict[object, int] = {}
    for job in jobs:
        turn = times[job.name] = times.get(job.name, -1) + 1
        if turn == len(rounds):
            rounds.append([])
        rounds[turn].append(job)
    return rounds


# Inside the transaction ------------------------------------------------------------------------------------


class Unassigned(Exception):
    """A new row has no key: nobody could find it again. In words for a person."""


def _no_key(layout: Layout) -> str:
    names = ", ".join(column.name for column in layout.key)
    return (
        f"table {layout.table.name} of {layout.entity.full_name} assigns no key ({names}) to a new record; let it "
        "assign one (INTEGER PRIMARY KEY in SQLite, elsewhere an identity or a default), or map the key and write "
        "assigned_by: caller"
    )


class Transaction:
    def __init__(self, connection: sa.Connection, layout: Layout, fetch: Fetch) -> None:
        self._connection = connection
        self._layout = layout
        self._fetch = fetch
        self._outcomes: Outcomes = {}
        self._keys: dict[int, Key] = {}  # under which a job's record is to be read back
        self._recognised: set[int] = set()  # inserts whose token was there

    def run(self, jobs: Sequence[Job]) -> Outcomes:
        for jobs_of_round in in_rounds(jobs):
            self._keys.clear()
            self._round(jobs_of_round)
            self._read_back()
        return self._outcomes

    def _round(self, jobs: Sequence[Job]) -> None:
        present = self._unmoved([job for job in jobs if not isinstance(job.write, Insert)])
        self._each_group([job for job in present if isinstance(job.write, Patch)], self._update)
        self._attempt(self._delete, [job for job in present if isinstance(job.write, Remove)])
        self._each_group(self._unknown([job for job in jobs if isinstance(job.write, Insert)]), self._insert)

    def _unmoved(self, jobs: Sequence[Job]) -> list[Job]:
        """Lock the rows; the jobs whose record is still as expected, with the JSON columns that they change."""
        keys = [key for job in jobs if (key := _key(job))]
        found = {raw.key: raw for raw in self._fetch(self._connection, keys, lock=True)} if keys else {}
        unmoved = [job for job in jobs if self._still(job, found.get(_key(job)))]
        return self._filled(unmoved)

    def _still(self, job: Job, present: Raw | None) -> bool:
        assert not isinstance(job.write, Insert)
        if present is not None and present.version == job.write.expect:
            return True
        self._outcomes[job.number] = Outcome("stale", present)
        return False

    def _filled(self, jobs: Sequence[Job]) -> list[Job]:
        """A path inside a JSON column becomes the column's whole new value."""
        columns = list({column.name: column for job in jobs for column, _, _ in job.inside}.values())
        if not columns:
            return list(jobs)
        found = self._values([_key(job) for job in jobs if job.inside], columns)
        filled: list[Job] = []
        for job in jobs:
            try:
                filled.append(self._with_inside(job, found.get(_key(job), {})))
            except EvaluationError as error:
                self._outcomes[job.number] = Outcome("refused", message=str(error))
        return filled

    def _with_inside(self, job: Job, values: dict[str, Json]) -> Job:
        changed: dict[str, Json] = {}
        columns = {column.name: column for column, _, _ in job.inside}
        for column, inner, value in job.inside:
            record = put_path({}, column.path, changed.get(column.name, values.get(column.name)))
            changed[column.name] = get_path(put_path(record, (*column.path, *inner), value), column.path)
        wire = {name: self._layout.dialect.write(columns[name], value) for name, value in changed.items()}
        return Job(job.number, job.write, {**job.wire, **wire})

    def _values(self, keys: Sequence[Key], columns: Sequence[Column]) -> dict[Key, dict[str, Json]]:
        """What these columns hold now, by key."""
        layout, own = self._layout, len(self._layout.key)
        read = [layout.dialect.reader(column) for column in (*layout.key, *columns)]
        base = sa.select(*(layout.selected(column) for column in (*layout.key, *columns)))
        found: dict[Key, dict[str, Json]] = {}
        for start in range(0, len(keys), CHUNK):
            wire = [self._wire(key) for key in keys[start : start + CHUNK]]
            for row in self._connection.execute(matching(base, layout, layout.key, wire)):
                said = [value if r is None or value is None else r(value) for r, value in zip(read, row, strict=True)]
                names = (column.name for column in columns)
                found[tuple(map(_part, said[:own]))] = dict(zip(names, said[own:], strict=True))
        return found

    def _unknown(self, jobs: Sequence[Job]) -> list[Job]:
        """The inserts whose token no record holds yet; of the others the record is read back."""
        column = _token_column(self._layout)
        if column is None or not jobs:
            return list(jobs)
        tokens = {job.wire[column.name]: job for job in jobs}
        expressions = [self._layout.selected(each) for each in (column, *self._layout.key)]
        query = matching(sa.select(*expressions), self._layout, (column,), [(token,) for token in tokens])
        for token, *key in self._connection.execute(query):
            if token in tokens:  # a collation may find another spelling
                number = tokens.pop(token).number
                self._keys[number] = self._key_of(key)
                self._recognised.add(number)
        return list(tokens.values())

    def _each_group(self, jobs: Sequence[Job], do: Callable[[Sequence[Job]], None]) -> None:
        """One statement for all jobs that set the same columns."""
        for _, group in groupby(sorted(jobs, key=_columns), key=_columns):
            self._attempt(do, sorted(group, key=lambda job: job.number))

    def _attempt(self, do: Callable[[Sequence[Job]], None], jobs: Sequence[Job]) -> None:
        """All at once, else in halves: in the end only those are refused that the database refuses alone."""
        if not jobs:
            return
        try:
            with self._connection.begin_nested():
                do(jobs)
        except Unassigned as error:
            self._outcomes |= {job.number: Outcome("refused", message=str(error)) for job in jobs}
        except DBAPIError as error:
            if transient(error):
                raise
            if len(jobs) == 1:
                self._outcomes[jobs[0].number] = Outcome("refused", message=reason(error))
                return
            half = len(jobs) // 2
            self._attempt(do, jobs[:half])
            self._attempt(do, jobs[half:])

    def _update(self, jobs: Sequence[Job]) -> None:
        names = _columns(jobs[0])
        if names:
            rows = [(*self._wire(_key(job)), *(job.wire[name] for name in names)) for job in jobs]
            update_rows(self._connection, self._layout, names, rows)
        self._keys |= {job.number: _key(job) for job in jobs}

    def _delete(self, jobs: Sequence[Job]) -> None:
        delete_rows(self._connection, self._layout, [self._wire(_key(job)) for job in jobs])
        self._outcomes |= {job.number: Outcome("done") for job in jobs}

    def _insert(self, jobs: Sequence[Job]) -> None:
        names = _columns(jobs[0])
        rows = [[job.wire[name] for name in names] for job in jobs]
        keys = insert_rows(self._connection, self._layout, names, rows)
        if any(None in key for key in keys):
            raise Unassigned(_no_key(self._layout))
        self._keys |= {job.number: self._key_of(key) for job, key in zip(jobs, keys, strict=True)}

    def _read_back(self) -> None:
        found = {raw.key: raw for raw in self._fetch(self._connection, list(self._keys.values()))}
        self._outcomes |= {
            number: Outcome("done", found.get(key), recognised=number in self._recognised)
            for number, key in self._keys.items()
        }

    def _wire(self, key: Key) -> tuple[Wire, ...]:
        pairs = zip(self._layout.key, key, strict=True)
        return tuple(self._layout.dialect.write(column, part) for column, part in pairs)

    def _key_of(self, row: Sequence[Wire]) -> Key:
        reads = map(self._layout.dialect.reader, self._layout.key)
        return tuple(_part(value if read is None else read(value)) for read, value in zip(reads, row, strict=True))


def _part(value: Json) -> str | int:
    part = key_part(value)
    return "" if part is None else part


def _key(job: Job) -> Key:
    return () if isinstance(job.write, Insert) else job.write.key


def _columns(job: Job) -> tuple[str, ...]:
    return tuple(sorted(job.wire))
