"""A run that is told to stop finishes the batch in hand, and the next one takes up where it was."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.run.small import TABLES, WORLDS, InSqlite

MANY = 6_000


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    crm = InSqlite(tmp_path / "crm.db", ("company", "deal"))
    InSqlite(tmp_path / "pm.db", ("client", "task"))
    columns = "id, name, type, code, updated"
    rows = ((n, f"Company {n}", "customer", f"C{n}", n) for n in range(1, MANY + 1))
    with closing(sqlite3.connect(crm.file)) as database, database:
        for trigger in ("INSERT", "UPDATE"):
            database.execute(f"DROP TRIGGER companies_{trigger}")  # six thousand rows, one by one, are no test of ours
        database.executemany(f"INSERT INTO {TABLES['company'].split(' ')[0]} ({columns}) VALUES (?, ?, ?, ?, ?)", rows)
    names = {"CRM_URL": "crm.db", "PM_URL": "pm.db", "LEDGER": "ledger.db"}
    return {**os.environ, **{name: f"sqlite:///{tmp_path}/{file}" for name, file in names.items()}}


def crmsync(*words: str) -> list[str]:
    return [sys.executable, "-m", "crmsync", "-C", str(WORLDS / "small_sql"), *words, "--output", "json"]


def written(folder: Path) -> int:
    """How many creates the ledger knows to be done."""
    if not (folder / "ledger.db").exists():
        return 0
    with closing(sqlite3.connect(folder / "ledger.db", timeout=30)) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'crmsync_journal'").fetchone():
            return 0
        sql = "SELECT count(*) FROM crmsync_journal WHERE status = 'done' AND kind = 'create'"
        return int(database.execute(sql).fetchone()[0])


def codes(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "pm.db")) as database:
        return [code for (code,) in database.execute("SELECT code FROM clients")]


def test_sigterm_ends_a_run_between_two_batches_and_nothing_is_lost_or_twice(
    environ: dict[str, str], tmp_path: Path
) -> None:
    run = subprocess.Popen(crmsync("run", "--first-load"), env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while run.poll() is None and not written(tmp_path):
        time.sleep(0.02)
    run.send_signal(signal.SIGTERM)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 143, err.decode()
    assert json.loads(out)["exit"] == 143
    done = written(tmp_path)
    made = codes(tmp_path)
    assert 0 < len(made) == done < MANY

    again = subprocess.run(crmsync("run", "--first-load"), env=environ, capture_output=True, timeout=120, check=False)
    assert again.returncode == 0, again.stderr.decode()
    report = json.loads(again.stdout)["mappings"]["company-client"]
    assert report["actions"]["pm"]["create"] == MANY - done
    assert report["read"]["crm"] == MANY
    assert sorted(codes(tmp_path)) == sorted(f"C{n}" for n in range(1, MANY + 1))
