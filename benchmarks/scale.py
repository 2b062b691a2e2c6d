"""What does a first run cost, and a second one that has nothing to do, as the number of accounts grows?

SQLite to SQLite with the reference mapping, no counterpart at first. Every run is a process of its own, so that the
peak of its memory is its own. The floor is `ATTACH` and one `INSERT ... SELECT` that copies the mapped columns.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.clock import cpu_seconds
from examples.demo.build import HERE, lay_out

COLUMNS = (
    "id, type, name, ico, website, street, city, postal_code, country, email, phone, tags, description, is_deleted"
)
FLOOR = (
    "INSERT INTO customers "
    "(id, customer_name, ico, web_domain, street, city, zip, status, kind, labels, notes, origin) "
    "SELECT id, trim(name), ico, lower(website), street, city, postal_code, 'onboarding', 'external', tags, "
    "description, 'crm.account/' || id FROM crm.accounts"
)


def main(sizes: Sequence[int]) -> None:
    print("scale: SQLite to SQLite, account-customer, no counterpart at first")
    print(f"  {'accounts':>10} {'run':>8} {'records/s':>10} {'CPU s':>8} {'wall s':>8} {'peak MB':>8} {'x floor':>8}")
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="crmsync-bench-") as name:
            folder = Path(name) / "world"
            build(folder, size)
            floor = copy(Path(name) / "floor", folder)
            for run, more in (("first", ["--first-load"]), ("second", [])):
                wall, cpu, peak = measure(folder, more)
                row = f"  {size:>10,} {run:>8} {size / cpu:>10,.0f} {cpu:>8.1f} {wall:>8.1f} {peak:>8.0f}"
                print(f"{row} {cpu / floor:>8.1f}", flush=True)


def build(folder: Path, size: int) -> None:
    folder.mkdir()
    lay_out(folder)
    for name in ("crm", "pm"):
        with sqlite3.connect(folder / f"{name}.db") as database:
            database.executescript((HERE / f"{name}.sql").read_text(encoding="utf-8"))
            if name == "crm":
                marks = ", ".join("?" * (COLUMNS.count(",") + 1))
                rows = (_row(i) for i in range(1, size + 1))
                database.executemany(f"INSERT INTO accounts ({COLUMNS}) VALUES ({marks})", rows)
        database.close()


def _row(i: int) -> tuple[object, ...]:
    return (
        i, "customer", f"Stavebná firma {i}, s.r.o.", None, f"https://www.firma-{i}.sk/kontakt", f"Hlavná {i % 500}",
        "Košice", "04001", "Slovensko", f"info@firma-{i}.sk", "0905 322 313", '["export", "public"]',
        "Zmluva na dobu neurčitú, fakturácia mesačne.", 0,
    )  # fmt: skip


def copy(folder: Path, world: Path) -> float:
    """CPU seconds of the floor."""
    folder.mkdir()
    return cpu_seconds(lambda: _insert(folder / "pm.db", world / "crm.db"))


def _insert(target: Path, source: Path) -> None:
    with sqlite3.connect(target) as database:
        database.executescript((HERE / "pm.sql").read_text(encoding="utf-8"))
        database.execute("ATTACH ? AS crm", (str(source),))
        database.execute(FLOOR)
    database.close()


def measure(folder: Path, more: Sequence[str], program: str = "crmsync") -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak megabytes of one `crmsync run` in a process of its own."""
    command = [
        sys.executable,
        "-m",
        program,
        "-C",
        str(folder),
        "run",
        *more,
        "-s",
        "account-customer",
        "--output",
        "json",
    ]
    start = time.monotonic()
    done = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert done.stdout is not None
    text = done.stdout.read()
    _, status, used = os.wait4(done.pid, 0)
    done.returncode = os.waitstatus_to_exitcode(status)
    assert done.returncode in (0, 3), text
    buckets = json.loads(text)["mappings"]["account-customer"]["buckets"]["crm"]
    assert buckets["failed"] + buckets["rejected"] == 0, buckets
    return (
        time.monotonic() - start,
        used.ru_utime + used.ru_stime,
        used.ru_maxrss / (1 if sys.platform == "darwin" else 1024),
    )
