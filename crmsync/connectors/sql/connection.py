"""How is one database opened, and which of its tables and columns does an entity mean?"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path as File
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NoSuchTableError, SAWarning, SQLAlchemyError

from crmsync.connectors.base import Door, Refused
from crmsync.connectors.record import split
from crmsync.connectors.sql.columns import AS, Column, Dialect, kind_of, tree_of, zone
from crmsync.connectors.sql.dialects import DIALECTS
from crmsync.connectors.sql.door import SqlDoor
from crmsync.connectors.sql.rows import Layout
from crmsync.connectors.sql.words import no_driver, sorted_errors, unreachable
from crmsync.core.model import Entity, Json, System
from crmsync.core.near import nearest

DRIVERS: Final = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
SESSION: Final = {
    "postgresql": ("SET TIME ZONE 'UTC'", "SET DateStyle TO 'ISO, YMD'", "SET IntervalStyle TO iso_8601"),
    "mysql": ("SET time_zone = '+00:00'", "SET sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')"),
    "sqlite": ("PRAGMA foreign_keys = ON",),
}
JSON_CHECKS: Final = """SELECT check_clause FROM information_schema.check_constraints
WHERE constraint_schema = :schema AND table_name = :table AND check_clause LIKE 'json\\_valid(`%`)'"""
IMMEDIATE: Final = {"crmsync_immediate": True}


class SqlConnection:
    """One database, with one pool of connections for all its entities."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.url = _url(system)
        try:
            self.engine = sa.create_engine(self.url, pool_pre_ping=True, hide_parameters=True)  # parameters are values
        except (ModuleNotFoundError, SQLAlchemyError) as error:
            raise no_driver(system.name, error) from None
        if self.engine.dialect.name not in DIALECTS:
            raise Refused(f"{system.name}: the sql connector does not know {self.engine.dialect.name}")
        self.dialect: Dialect = DIALECTS[self.engine.dialect.name]
        sa.event.listen(self.engine, "connect", self._settle)
        if self.dialect.name == "sqlite":
            sa.event.listen(self.engine, "begin", _begin)

    @contextmanager
    def opened(self, place: str, immediate: bool = False) -> Iterator[sa.Connection]:
        """A connection whose errors are `Transient` or `Refused`, and begin with `place`."""
        with sorted_errors(place):
            try:
                connection = self.engine.connect()
            except DBAPIError as error:
                raise unreachable(self.system.name, self.url, error) from None
            with connection:
                yield connection.execution_options(**IMMEDIATE) if immediate else connection

    def door(self, entity: Entity, wanted: frozenset[str] | None = None) -> Door:
        table, columns = self._described(entity)
        return SqlDoor(self, Layout(entity, table, columns, self.dialect), wanted)

    def instance(self) -> str | None:
        """PostgreSQL's own number of the cluster, and the database in it; the others have none."""
        if self.dialect.name != "postgresql":
            return None
        query = sa.text("SELECT system_identifier || '/' || current_database() FROM pg_control_system()")
        with self.opened(self.system.name) as connection:
            return str(connection.scalar(query))

    def close(self) -> None:
        self.engine.dispose()

    def indexes(self, table: sa.TableClause) -> list[set[str]]:
        """The sets of columns that are unique in the table."""
        found: list[Sequence[str | None]] = [
            self._inspector.get_pk_constraint(table.name, table.schema)["constrained_columns"]
        ]
        found += [i["column_names"] for i in self._inspector.get_indexes(table.name, table.schema) if i["unique"]]
        found += [u["column_names"] for u in self._inspector.get_unique_constraints(table.name, table.schema)]
        return [{name for name in names if name} for names in found if names]

    @cached_property
    def _inspector(self) -> sa.Inspector:
        with self.opened(self.system.name):  # says who is not there, before SQLAlchemy would
            return sa.inspect(self.engine)

    def _settle(self, connection: Any, record: object) -> None:
        """What a session must say before its texts mean the same everywhere."""
        if self.dialect.name == "sqlite":
            connection.isolation_level = None  # we say BEGIN ourselves, or savepoints would not work
        cursor = connection.cursor()
        for statement in SESSION[self.dialect.name]:
            cursor.execute(statement)
        cursor.close()
        if self.dialect.name != "sqlite":
            connection.commit()

    def _described(self, entity: Entity) -> tuple[sa.TableClause, list[Column]]:
        name = str(entity.options.get("table", entity.name))
        schema, _, table = name.rpartition(".")
        reflected = self._reflected(entity, table, schema or None)
        columns = _columns(entity, self.system, self.dialect, reflected)
        missing = [_no_column(entity, name, column, reflected) for column in columns if column.name not in reflected]
        if missing:
            raise Refused("; ".join(missing))
        return sa.table(table, *(sa.column(column) for column in reflected), schema=schema or None), columns

    def _reflected(self, entity: Entity, table: str, schema: str | None) -> dict[str, sa.types.TypeEngine[Any]]:
        with sorted_errors(entity.full_name), warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # types that only the database knows are read as text
            self._inspector.clear_cache()
            try:
                found = {column["name"]: column["type"] for column in self._inspector.get_columns(table, schema)}
                return found | dict.fromkeys(self._json_texts(table, schema), sa.JSON())
            except NoSuchTableError:
                names = [*self._inspector.get_table_names(schema), *self._inspector.get_view_names(schema)]
            where = f" in schema {schema}" if schema else ""
            raise Refused(f"{entity.full_name}: there is no table {table}{where}{nearest(table, names)}")

    def _json_texts(self, table: str, schema: str | None) -> list[str]:
        """MariaDB keeps JSON in text columns: what tells is their check."""
        if not getattr(self.engine.dialect, "is_mariadb", False):
            return []
        query = sa.text(JSON_CHECKS)
        with self.engine.connect() as connection:
            clauses = connection.scalars(query, {"table": table, "schema": schema or self.url.database})
            return [clause.removeprefix("json_valid(`").removesuffix("`)") for clause in clauses]


def _url(system: System) -> sa.URL:
    text = system.options.get("url")
    if not isinstance(text, str) or not text:
        raise Refused(f"{system.name}: a sql system needs a url")
    try:
        url = sa.make_url(text)
    except (SQLAlchemyError, ValueError) as error:
        raise no_driver(system.name, error) from None
    url = url.set(drivername=DRIVERS.get(url.drivername, url.drivername))
    if url.get_backend_name() != "sqlite" or "uri" in url.query:
        return url
    if url.database and not File(url.database).is_file():  # SQLite would make an empty one
        raise Refused(f"{system.name}: there is no SQLite file {url.database}")
    return url.update_query_dict({"timeout": "30", **url.query})  # seconds to wait for another writer


def _begin(connection: sa.Connection) -> None:
    immediate = connection.get_execution_options().get("crmsync_immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _columns(
    entity: Entity, system: System, dialect: Dialect, reflected: Mapping[str, sa.types.TypeEngine[Any]]
) -> list[Column]:
    """The columns of the entity, those of its key and its modified value among them."""
    declared: Mapping[str, Json] = entity.options.get("columns") or {name: name for name in reflected}
    written = {split(path) if entity.options.get("columns") else (path,): _spelled(entity, path, how)
               for path, how in declared.items()}  # fmt: skip
    element = entity.each_as or (split(entity.each)[-1] if entity.each else None)
    also = [path for path in entity.key if split(path)[0] != element]
    also += [entity.modified.field] if entity.modified else []
    for path in map(split, also):
        if not any(path[: len(known)] == known for known in written):
            written[path] = {"column": ".".join(path)}
    found = [_column(entity, system, dialect, path, how, reflected) for path, how in written.items()]
    try:
        tree_of(found)
    except ValueError as error:
        raise Refused(f"{entity.full_name}: two columns want the place {error}") from None
    return found


def _spelled(entity: Entity, path: str, how: Json) -> Mapping[str, Json]:
    spelled = {"column": how} if isinstance(how, str) else how
    if not isinstance(spelled, Mapping) or not isinstance(spelled.get("column"), str):
        raise Refused(f"{entity.full_name}: columns.{path} names no column; write {{column: name, as: json}}")
    unknown = sorted(set(spelled) - {"column", "as", "timezone"})
    if unknown:
        raise Refused(f"{entity.full_name}: columns.{path} has no {', '.join(unknown)}; it takes column, as, timezone")
    if spelled.get("as", "text") not in AS:
        raise Refused(f"{entity.full_name}: columns.{path} cannot be as {spelled['as']}; as is one of {', '.join(AS)}")
    return spelled


def _column(
    entity: Entity,
    system: System,
    dialect: Dialect,
    path: tuple[str, ...],
    how: Mapping[str, Json],
    reflected: Mapping[str, sa.types.TypeEngine[Any]],
) -> Column:
    name = how["column"]
    type_ = reflected.get(name, sa.types.NULLTYPE)
    native = kind_of(type_)
    kind = how.get("as", native)
    timezone = "UTC" if (dialect.name, native) == ("mysql", "moment") else _timezone(entity, system, path, how)
    places = None if isinstance(type_, sa.Float) else getattr(type_, "scale", None)
    return Column(path, name, kind, native, zone(timezone), places)


def _timezone(entity: Entity, system: System, path: tuple[str, ...], how: Mapping[str, Json]) -> str:
    """The column's own, else that of the modified value, else the system's."""
    modified = entity.modified
    said = modified.timezone if modified and split(modified.field) == path and modified.timezone != "UTC" else None
    return str(how.get("timezone") or said or system.timezone)


def _no_column(entity: Entity, table: str, column: Column, names: Iterable[str]) -> str:
    said = "" if column.at == column.name else f" (for {column.at})"
    return f"{entity.full_name}: table {table} has no column {column.name}{said}{nearest(column.name, names)}"
