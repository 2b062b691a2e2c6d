"""How does the ledger speak with SQLite and PostgreSQL in one tongue?

Statements are plain SQL that both understand, with a few words in braces for what they spell differently. Rows are
written in bulk: SQLite takes tuples, PostgreSQL a COPY into a stage and one statement from there.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import Connection, CursorResult, Engine, TextClause, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, TimeoutError

from crmsync.core.model import to_json
from crmsync.ledger.nouns import LedgerUnreachable

T = TypeVar("T")

CHUNK: Final = 5000  # rows in one bulk statement
PAGE: Final = 1000  # keys in one question
PATIENCE: Final = 30  # seconds that SQLite waits for another writer


@dataclass(frozen=True, slots=True)
class Shape:
    """Rows that are written together: a table and the order of columns in the tuples. `key`: the columns that say
    which row it is, for `upsert` (all of them unique together) and `update` (any)."""

    table: str
    columns: tuple[str, ...]
    key: tuple[str, ...] = ()
    where: str = ""  # what else must hold of a row that is there, for `update` and `upsert`; else it stays

    @property
    def news(self) -> tuple[str, ...]:
        return tuple(name for name in self.columns if name not in self.key)


class Dialect(Protocol):
    words: Mapping[str, str]

    def array(self, values: Sequence[str | int]) -> object:
        """The parameter for `{any:name}`."""
        ...

    def begin(self, connection: Connection) -> None: ...

    def compact(self, connection: Connection) -> bool: ...

    def alone(self, connection: Connection, what: str) -> None: ...

    def insert(self, connection: Connection, shape: Shape, rows: list[tuple[Any, ...]]) -> None: ...

    def upsert(self, connection: Connection, shape: Shape, rows: list[tuple[Any, ...]]) -> None: ...

    def update(self, connection: Connection, shape: Shape, rows: list[tuple[Any, ...]]) -> int: ...


class Sqlite:
    words: Mapping[str, str] = {
        "key": "TEXT",
        "random": "lower(hex(randomblob(16)))",
        "bytes": "BLOB",
        "number": "INTEGER",
        "whole": "INTEGER",
        "keyed": "WITHOUT ROWID",
        "any": "IN (SELECT value FROM json_each(:{}))",
        "use": "INDEXED BY {}",
        "lock": "",
        "free": "",
        "now": "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')",
    }

    def array(self, values: Sequence[str | int]) -> object:
        return to_json(list(values)).decode()

    def begin(self, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # at once: a later upgrade of the lock could not wait

    def compact(self, connection: Connection) -> bool:
        connection.exec_driver_sql("VACUUM")
        [(busy, *_)] = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return not busy

    def alone(self, connection: Connection, what: str) -> None:
        """Nothing to do: there is one writer anyway."""

    def insert(self, connection: Connection, shape: Shape, rows: list[tuple[Any, ...]]) -> None:
        connection.exec_driver_sql(_insert_values(shape), rows)

    def upsert(self, connection: Connection, shape: Shape, rows: list[tuple[Any, ...]]) -> None:
        connection.exec_driver_sql(_insert_values(shape) + _on_conflict(shape), rows)

    def update(self, connection: Connection, shape: Shape, rows: list[tuple[Any, ...]]) -> int:
        """The rows come with the key columns last."""
        sets = ", ".join(f"{name} = ?" for name in shape.news)
        found = " AND ".join([*(f"{name} = ?" for name in shape.key), *_also(shape)])
        return connection.exec_driver_sql(f"UPDATE {shape.table} SET {sets} WHERE {found}", rows).rowcount


class Postgres:
    """After a table has doubled its statistics are taken again, in the middle of a transaction if need be: with those
    of an empty table the planner reads all of it for a thousand keys, and waiting for autovacuum takes a minute."""

    def __init__(self) -> None:
        self._written: Counter[str] = Counter()
        self._due: dict[str, int] = {}

    words: Mapping[str, str] = {
        "key": 'TEXT COLLATE "C"',
        "random": "replace(gen_random_uuid()::text, '-', '')",
        "bytes": "BYTEA",
        "number": "BIGINT GENERATED ALWAYS AS IDENTITY",
        "whole": "BIGINT",
        "keyed": "",
        "any": "= ANY(:{})",
        "use": "",
        "lock": "FOR UPDATE",
        "free": "FOR UPDATE SKIP LOCKED",
        "now": """to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"+00:00"')""",
    }

    def array(self, values: Sequence[str | int]) -> object:
        return list(values)

    def begin(self, connection: Connection) -> None:
        connection.begin()  # said aloud: SQLAlchemy does not see a COPY, and would not commit it

    def compact(self, connection: Connection) -> bool:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        for table in sorted(inspect(alone).get_table_names()):
            if table.startswith("crmsync_"):
                alone.exec_driver_sql(f"VACUUM {table}")
        return True

    def alone(self, connection: Connection, what: str) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:what))"), {"what": what})

    def insert(self, connection: Connection, shape: Shape, rows: list[tuple[Any, ...]]) -> None:
        _copy(connection, shape.table, shape.columns, rows)
        self._note(connection, shape.table, len(rows))

    def upsert(self, connection: Connection, shape: Shape, rows: list[tuple[Any, ...]]) -> None:
        at = [shape.columns.index(name) for name in shape.key]
        last = {tuple(row[i] for i in at): row for row in rows}  # one statement may hit a row only once
        columns = ", ".join(shape.columns)
        with _staged(connection, shape, list(last.values())) as stage:
            connection.exec_driver_sql(
                f"INSERT INTO {shape.table} ({columns}) SELECT {columns} FROM {stage}{_on_conflict(shape)}"
            )
        self._note(connection, shape.table, len(rows))

    def update(self, connection: Connection, shape: Shape, rows: list[tuple[Any, ...]]) -> int:
        sets = ", ".join(f"{name} = stage.{name}" for name in shape.news)
        found = " AND ".join([*(f"old.{name} = stage.{name}" for name in shape.key), *_also(shape, "old.")])
        with _staged(connection, shape, rows) as stage:
            return connection.exec_driver_sql(
                f"UPDATE {shape.table} AS old SET {sets} FROM {stage} AS stage WHERE {found}"
            ).rowcount

    def _note(self, connection: Connection, table: str, rows: int) -> None:
        self._written[table] += rows
        if self._written[table] >= self._due.get(table, CHUNK):
            self._due[table] = 2 * self._written[table]
            connection.exec_driver_sql(f"ANALYZE {table}")


def _insert_values(shape: Shape) -> str:
    marks = ", ".join("?" * len(shape.columns))
    return f"INSERT INTO {shape.table} ({', '.join(shape.columns)}) VALUES ({marks})"


def _on_conflict(shape: Shape) -> str:
    sets = ", ".join(f"{name} = excluded.{name}" for name in shape.news)
    then = f"UPDATE SET {sets}" if sets else "NOTHING"
    also = "".join(f" WHERE {each}" for each in _also(shape, f"{shape.table}."))
    return f" ON CONFLICT ({', '.join(shape.key)}) DO {then}{also}"


def _also(shape: Shape, prefix: str = "") -> list[str]:
    return [prefix + shape.where] if shape.where else []


def _copy(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


@contextmanager
def _staged(connection: Connection, shape: Shape, rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    """The name of a temporary table that holds `rows` inside the block."""
    columns = ", ".join(shape.columns)
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE crmsync_stage ON COMMIT DROP AS SELECT {columns} FROM {shape.table} WITH NO DATA"
    )
    _copy(connection, "crmsync_stage", shape.columns, rows)
    yield "crmsync_stage"
    connection.exec_driver_sql("DROP TABLE crmsync_stage")


class Access:
    """One connection, in the few words that the ledger needs. A parameter that is a list goes into `{any:name}`."""

    def __init__(
        self, connection: Connection, dialect: Dialect, told: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._connection = connection
        self._dialect = dialect
        self._told = told

    def rows(self, sql: str, **values: object) -> list[tuple[Any, ...]]:
        with self._told():
            result = self._execute(sql, values)
            rows: Any = result.cursor.fetchall()  # the driver's own tuples: half the price of SQLAlchemy's rows
            result.close()
        return list(rows)

    def one(self, sql: str, **values: object) -> tuple[Any, ...] | None:
        return next(iter(self.rows(sql, **values)), None)

    def run(self, sql: str, **values: object) -> int:
        """How many rows it hit."""
        with self._told():
            return self._execute(sql, values).rowcount

    def insert(self, shape: Shape, rows: Iterable[tuple[Any, ...]]) -> None:
        for chunk in chunks(rows, CHUNK):
            with self._told():
                self._dialect.insert(self._connection, shape, chunk)

    def upsert(self, shape: Shape, rows: Iterable[tuple[Any, ...]]) -> None:
        """Where the key is there already, the other columns become the new ones; of equal keys the last row wins."""
        for chunk in chunks(rows, CHUNK):
            with self._told():
                self._dialect.upsert(self._connection, shape, chunk)

    def update(self, shape: Shape, rows: Iterable[tuple[Any, ...]]) -> int:
        """How many rows were hit. The tuples hold the key columns last, each key once."""
        hit = 0
        for chunk in chunks(rows, CHUNK):
            with self._told():
                hit += self._dialect.update(self._connection, shape, chunk)
        return hit

    def define(self, sql: str) -> None:
        with self._told():
            self._connection.exec_driver_sql(sql.format_map(self._dialect.words))

    def has_table(self, name: str) -> bool:
        with self._told():
            return inspect(self._connection).has_table(name)

    def alone(self, what: str) -> None:
        """From here to the end of the transaction nobody else is past such a line."""
        with self._told():
            self._dialect.alone(self._connection, what)

    def _execute(self, sql: str, values: dict[str, object]) -> CursorResult[Any]:
        bound = {name: self._dialect.array(value) if type(value) is list else value for name, value in values.items()}
        return self._connection.execute(
            _spelt(sql, *map(self._dialect.words.__getitem__, ("any", "use", "lock", "free", "now"))), bound
        )


@lru_cache(maxsize=512)
def _spelt(sql: str, any_of: str, use: str, lock: str, free: str, now: str) -> TextClause:
    """`{any:keys}`: is one of the parameter's values; `{use:name}`: through this index; `{lock}`: hold the row;
    `{free}`: hold it, or find none where somebody else holds it; `{now}`: the database's own time, as our texts."""
    sql = re.sub(r"\{any:(\w+)\}", lambda found: any_of.format(found[1]), sql)
    sql = re.sub(r"\{use:(\w+)\}", lambda found: use.format(found[1]), sql)
    return text(sql.replace("{lock}", lock).replace("{free}", free).replace("{now}", now))


def chunks(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    rows = iter(rows)
    while chunk := list(islice(rows, size)):
        yield chunk


class Database:
    """One SQLite file or one PostgreSQL database. `name` is its URL as it may be shown."""

    def __init__(self, url: str, *, create: bool = True) -> None:
        """Opens nothing yet. `sqlite://`, or with `create=False` a SQLite file that is not there, is a temporary
        one that goes with `close`. Raises LedgerUnreachable where the URL is of no use."""
        parsed = _parse(url)
        self.name = _shown(parsed)
        self._folder: TemporaryDirectory[str] | None = None
        if parsed.get_backend_name() == "sqlite":
            self._dialect: Dialect = Sqlite()
            parsed = parsed.set(database=self._file(parsed.database, create))
        else:
            self._dialect = Postgres()
        self._engine = _engine(parsed, self.name)

    def close(self) -> None:
        self._engine.dispose()
        if self._folder:
            self._folder.cleanup()

    @contextmanager
    def reading(self) -> Iterator[Access]:
        with self._connected() as connection:
            yield Access(connection, self._dialect, self._told)

    @contextmanager
    def writing(self) -> Iterator[Access]:
        """One transaction: committed after the block, rolled back when an exception leaves it."""
        with self._connected() as connection:
            with self._told():
                self._dialect.begin(connection)
            yield Access(connection, self._dialect, self._told)
            with self._told():
                connection.commit()

    @property
    def is_temporary(self) -> bool:
        """Does it go with `close`?"""
        return self._folder is not None

    def files(self) -> list[Path]:
        """What it lies in on this machine, with SQLite's own files beside it; none of PostgreSQL, or of one that is not
        kept."""
        path = self._engine.url.database
        if self._engine.url.get_backend_name() != "sqlite" or path is None or self._folder is not None:
            return []
        return [each for ending in ("", "-wal", "-shm", "-journal") if (each := Path(f"{path}{ending}")).exists()]

    def compact(self) -> bool:
        """Nothing that was deleted is left in the file; False where another process was reading meanwhile. In
        PostgreSQL the space is free to be overwritten, no more: its own log and backups are its administrator's."""
        with self._connected() as connection, self._told():
            return self._dialect.compact(connection)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with self._told():
            connection = self._engine.connect()
        with connection:
            yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns what SQLAlchemy and the driver raise into our own words."""
        try:
            yield
        except (DBAPIError, TimeoutError, self._engine.dialect.loaded_dbapi.Error) as error:
            cause = getattr(error, "orig", None) or error
            raise LedgerUnreachable(
                f"the ledger {self.name} cannot be used: {type(cause).__name__}: {_first_line(cause)}; "
                "check `ledger:` in crmsync.yaml and that the database is up, then run again"
            ) from None

    def _file(self, path: str | None, create: bool) -> str:
        if not path or path == ":memory:" or not (create or Path(path).exists()):
            self._folder = TemporaryDirectory(prefix="crmsync-ledger-")
            return str(Path(self._folder.name) / "ledger.db")
        _own_file(Path(path), self.name)
        return path


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:  # its text may hold the password
        raise LedgerUnreachable(
            "the URL of the ledger cannot be read; write it like sqlite:///crmsync.db or "
            "postgresql://user:password@host/database"
        ) from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise LedgerUnreachable(
            f"the ledger cannot live in {parsed.drivername}; use sqlite:///FILE or postgresql://user:password@host/database"
        )
    return parsed


def _shown(url: URL) -> str:
    hidden = {name: "***" for name in url.query if "pass" in name}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def _engine(url: URL, name: str) -> Engine:
    # A prepared statement keeps the plan of the day when the table was empty: half a minute instead of 20 ms.
    options = {} if url.get_backend_name() == "sqlite" else {"prepare_threshold": None}
    try:
        engine = create_engine(url, hide_parameters=True, connect_args=options)
    except ModuleNotFoundError as error:
        raise LedgerUnreachable(
            f"the ledger {name} needs the driver {error.name}; install it: pip install 'crmsync[postgresql]'"
        ) from None
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_up)
    else:
        event.listen(engine, "connect", _let_go)
    return engine


def _set_up(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so
    connection.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000}")
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = FULL")  # what was announced before it was sent must outlive the power
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA cache_size = -16000")  # KiB


def _write_ahead(connection: Any) -> None:
    """The journal mode of the file, once for all. Of two that change it at once SQLite refuses one without waiting."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
        time.sleep(0.02)


def _let_go(connection: Any, _: object) -> None:
    """A host that lost its power, or was put to sleep, in the middle of a transaction would keep its rows for hours:
    after two minutes the server takes them back."""
    connection.execute("SET tcp_keepalives_idle = 30")  # and then nine times more, every
    connection.execute("SET tcp_keepalives_interval = 10")
    connection.execute("SET idle_in_transaction_session_timeout = 120000")  # milliseconds
    connection.commit()


def _own_file(path: Path, name: str) -> None:
    """A file that nobody else can read: it holds values of records."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise LedgerUnreachable(
            f"the ledger {name} cannot be opened: {error.strerror}; check `ledger:` in crmsync.yaml"
        ) from None


def _first_line(error: BaseException) -> str:
    """Without the text that SQLite cannot decode: it may be about people."""
    return next(iter(str(error).splitlines()), "").partition(" with text ")[0]
