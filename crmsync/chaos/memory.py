"""Does a run need the same memory for ten times the records? Promise 13, on systems that lie on disk."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

from crmsync.chaos.lab import Lab
from crmsync.chaos.project import CRM, Spec, in_sqlite
from crmsync.connectors.base import Connection, Insert
from crmsync.core.model import System

SMALL: Final = 10_000  # records: twice as many as the ledger takes in its hands at once
TIMES: Final = 10
BATCH: Final = 1000
MORE: Final = 4 / 3


def stay_flat(
    root: Path,
    system: Spec,
    tell: Callable[[str], None],
    connect: Callable[[System], Connection] | None = None,
    records: int = SMALL,
) -> Lab:
    """A first load and a run without changes, of few records and of ten times as many. The CRM is a SQLite file, so
    that its records take no memory; a system under test that lies in memory cannot keep the promise. As `play`."""
    lab = Lab(root, system, Random(0), frozenset(), tell, connect, in_sqlite(root / "crm.db", CRM))
    for trouble in lab.trouble.values():
        trouble.blind = True  # an account of all writes would grow with the records
    try:
        few, few_again = _peaks(lab, 0, records)
        many, many_again = _peaks(lab, records, records * TIMES)
    finally:
        lab.close()
    for what, small, great in (("a load", few, many), ("a run without changes", few_again, many_again)):
        told = f"{what}: {small / 1e6:.1f} MB for {records} records, {great / 1e6:.1f} MB for {records * TIMES}"
        tell(told)
        lab.keep(13, great <= small * MORE, told)
    return lab


def _peaks(lab: Lab, there: int, records: int) -> tuple[int, int]:
    """Bytes at the most, while they are loaded and once more."""
    door = lab.door("crm.deal")  # which nobody matches: that would take its own 2.5 KB for each unlinked record
    for start in range(there, records, BATCH):
        made = [_deal(number) for number in range(start, min(start + BATCH, records))]
        door.write([Insert(data, f"people-{data['code']}") for data in made])
    return _peak(lambda: lab.run(first_load=True)), _peak(lab.run)


def _deal(number: int) -> dict[str, object]:
    return {"code": f"I{number:06}", "title": f"Žltý kôň {number}", "state": "open", "account": None}


def _peak(deed: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        deed()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
