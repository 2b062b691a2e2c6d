"""A table of a SQL database as an entity: SQLite, PostgreSQL, MariaDB or MySQL.

Option of the system: `url` (a SQLAlchemy URL). Options of an entity: `table` (`name` or `schema.name`; default the
entity's name) and `columns`: {record path: column name | {column, as, timezone}}; without it every column is read
under its own name. `as` is one of text, integer, decimal, boolean, date, datetime, json.
"""

from __future__ import annotations

from crmsync.connectors.base import Connection
from crmsync.core.model import System


def connect(system: System) -> Connection:
    from crmsync.connectors.sql.connection import SqlConnection  # SQLAlchemy takes a third of a second to import

    return SqlConnection(system)
