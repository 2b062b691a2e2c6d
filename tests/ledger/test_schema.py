"""Does an older ledger become a newer one, and is a newer one left alone?"""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from crmsync.ledger.database import Database
from crmsync.ledger.nouns import LedgerTooNew, LedgerUnreachable, NewRun, RecordRow
from crmsync.ledger.schema import MIGRATIONS, migrate
from crmsync.ledger.store import Ledger

V2 = (
    "ALTER TABLE crmsync_run ADD COLUMN note TEXT",
    "UPDATE crmsync_run SET note = 'made by version 1'",
)
BROKEN = ("ALTER TABLE crmsync_run ADD COLUMN note TEXT", "SELECT nothing FROM nowhere")


def start_run(ledger: Ledger) -> None:
    with ledger.writing() as writer:
        writer.start_run(NewRun("r1", "2026-01-01T00:00:00Z", "batch", "me", "here", 7))


def migrated(url: str, *more: tuple[str, ...]) -> None:
    database = Database(url)
    try:
        migrate(database, (*MIGRATIONS, *more))
    finally:
        database.close()


def asked(url: str, sql: str) -> list[tuple[object, ...]]:
    database = Database(url)
    with database.reading() as access:
        rows = access.rows(sql)
    database.close()
    return rows


def test_a_ledger_of_version_one_is_brought_forward_with_what_it_holds(ledger_url):
    database = Database(ledger_url)
    migrate(database, MIGRATIONS[:1])
    start_run(Ledger(database))
    database.close()

    migrated(ledger_url, V2)

    assert asked(ledger_url, "SELECT id, note FROM crmsync_run") == [("r1", "made by version 1")]
    assert asked(ledger_url, "SELECT value FROM crmsync_meta WHERE name = 'schema_version'") == [
        (str(len(MIGRATIONS) + 1),)
    ]


def test_opening_twice_changes_nothing(ledger_url):
    Ledger.open(ledger_url).close()
    first = Ledger.open(ledger_url)
    start_run(first)
    first.close()

    again = Ledger.open(ledger_url)

    assert [run.id for run in again.runs()] == ["r1"]
    again.close()


def test_a_ledger_of_a_newer_version_is_refused_with_both_versions_and_the_mend(ledger_url):
    migrated(ledger_url, V2)

    with pytest.raises(LedgerTooNew) as caught:
        Ledger.open(ledger_url)

    text = str(caught.value)
    assert f"version {len(MIGRATIONS) + 1}" in text
    assert f"knows {len(MIGRATIONS)}" in text
    assert "upgrade crmsync" in text


def test_a_migration_that_fails_leaves_no_half_of_itself(ledger_url):
    migrated(ledger_url)

    with pytest.raises(LedgerUnreachable):
        migrated(ledger_url, BROKEN)

    engine = create_engine(ledger_url)
    columns = {column["name"] for column in inspect(engine).get_columns("crmsync_run")}
    engine.dispose()
    assert "note" not in columns
    Ledger.open(ledger_url).close()


def test_two_processes_that_open_a_new_ledger_at_once_both_get_it(ledger_url):
    code = "import sys; from crmsync.ledger.store import Ledger; Ledger.open(sys.argv[1]).close()"
    root = Path(__file__).parents[2]
    both = [
        subprocess.Popen([sys.executable, "-c", code, ledger_url], cwd=root, stderr=subprocess.PIPE) for _ in range(3)
    ]

    assert [process.communicate()[1] for process in both] == [b"", b"", b""]
    assert [process.returncode for process in both] == [0, 0, 0]


def test_keys_sort_by_their_bytes_in_postgresql(postgres):
    ledger = Ledger.open(postgres())
    with ledger.database.reading() as access:
        collations = access.rows(
            "SELECT DISTINCT collation_name FROM information_schema.columns WHERE table_schema = 'public' "
            "AND column_name IN ('key', 'left_key', 'right_key', 'mapping', 'waits_for')"
        )
    ledger.close()

    assert collations == [("C",)]


def test_the_file_of_a_new_ledger_is_for_its_owner_only(tmp_path):
    path = tmp_path / "new folder" / "ledger.db"
    ledger = Ledger.open(f"sqlite:///{path}")
    start_run(ledger)

    modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}

    assert modes == {0o600}
    ledger.close()


def test_a_plan_without_a_ledger_leaves_none(tmp_path):
    path = tmp_path / "folder" / "ledger.db"

    ledger = Ledger.open(f"sqlite:///{path}", create=False)

    assert ledger.runs() == []
    ledger.close()
    assert not path.parent.exists()


def test_a_ledger_that_is_there_is_read_without_being_asked_to_create_it(tmp_path):
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    first = Ledger.open(url)
    start_run(first)
    first.close()

    again = Ledger.open(url, create=False)

    assert [run.id for run in again.runs()] == ["r1"]
    again.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://sync:s3cret@127.0.0.1:1/crm?connect_timeout=1",
        "postgresql+psycopg://sync@127.0.0.1:1/crm?connect_timeout=1&password=s3cret",
        "mysql://sync:s3cret@host/crm",
        "sqlite:s3cret",
        "s3cret",
    ],
)
def test_a_ledger_that_cannot_be_reached_is_named_without_its_password(url):
    with pytest.raises(LedgerUnreachable) as caught:
        Ledger.open(url)

    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(caught.value.__cause__)


def test_the_url_of_an_unreachable_ledger_is_named():
    with pytest.raises(LedgerUnreachable, match=r"postgresql\+psycopg://sync:\*\*\*@127\.0\.0\.1:1/crm"):
        Ledger.open("postgresql://sync:s3cret@127.0.0.1:1/crm")


def test_a_missing_driver_is_named_with_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(LedgerUnreachable, match=r"needs the driver psycopg; install it: pip install 'crmsync\["):
        Ledger.open("postgresql://sync:s3cret@127.0.0.1:1/crm")


def test_a_file_that_is_no_ledger_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("These are my notes. " * 50)

    with pytest.raises(LedgerUnreachable, match=r"notes\.txt"):
        Ledger.open(f"sqlite:///{path}")

    assert path.read_text() == "These are my notes. " * 50


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(LedgerUnreachable, match=r"file/ledger\.db cannot be opened: File exists"):
        Ledger.open(f"sqlite:///{tmp_path / 'file' / 'ledger.db'}")


def test_an_error_of_the_database_never_tells_the_values_it_was_about(ledger):
    row = RecordRow("m", 0, ("k",), "applied", "raw", None, 1, "secret reason", None, None)  # type: ignore[arg-type]

    with pytest.raises(LedgerUnreachable) as caught, ledger.writing() as writer:
        writer.save_records([row])

    assert "secret reason" not in str(caught.value)
