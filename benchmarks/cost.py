"""What does it cost that every write is told to the audit, and what that a run records its inputs? Beside the same run
that does not.

The runs of a round are those that are compared, one after the other; of three rounds the best counts. A machine that
does other work meanwhile tells more than there is.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from benchmarks.scale import COLUMNS, build, measure

ACCOUNTS: Final = 20_000
ROUNDS: Final = 3
RECORDING: Final = ("version: 1\n", "version: 1\nrecord_inputs: 1\n")
FIRST: Final = ["--first-load"]
TWIN: Final = COLUMNS.removeprefix("id, ")


def main(_: Sequence[int]) -> None:
    print(f"cost: {ACCOUNTS:,} accounts, SQLite to SQLite, in CPU seconds")
    print(f"  {'run':>24} {'without audit':>14} {'as it is':>10} {'x':>6} {'recorded':>10} {'x':>6}")
    with tempfile.TemporaryDirectory(prefix="crmsync-bench-") as name:
        empty, loaded = Path(name) / "empty", Path(name) / "loaded"
        build(empty, ACCOUNTS)
        _tell("first load", empty, FIRST)
        shutil.copytree(empty, loaded)
        measure(loaded, FIRST)
        edit(loaded)
        _tell("edits and twins", loaded, [])


def edit(folder: Path) -> None:
    """Every fourth account says something else, and every tenth is there twice."""
    with sqlite3.connect(folder / "crm.db") as database:
        database.execute("UPDATE accounts SET name = 'Nová ' || name, description = 'Zmena.' WHERE id % 4 = 0")
        database.execute(f"INSERT INTO accounts ({TWIN}) SELECT {TWIN} FROM accounts WHERE id % 10 = 1")
    database.close()


def _tell(what: str, world: Path, more: Sequence[str]) -> None:
    runs: tuple[Callable[[], float], ...] = (
        lambda: _cpu(world, more, program="benchmarks.silent"),
        lambda: _cpu(world, more),
        lambda: _cpu(world, more, recording=True),
    )
    rounds = [[run() for run in runs] for _ in range(ROUNDS)]
    silent, plain, recorded = (min(times) for times in zip(*rounds, strict=True))
    row = f"  {what:>24} {silent:>14.1f} {plain:>10.1f} {plain / silent:>6.2f}"
    print(f"{row} {recorded:>10.1f} {recorded / plain:>6.2f}", flush=True)


def _cpu(world: Path, more: Sequence[str], program: str = "crmsync", *, recording: bool = False) -> float:
    """CPU seconds of one run in a copy of that world."""
    with tempfile.TemporaryDirectory(prefix="crmsync-bench-") as name:
        copy = Path(name) / "world"
        shutil.copytree(world, copy)
        if recording:
            file = copy / "crmsync.yaml"
            file.write_text(file.read_text("utf-8").replace(*RECORDING, 1), "utf-8")
        return measure(copy, more, program)[1]
