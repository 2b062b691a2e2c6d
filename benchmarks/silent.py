"""python -m benchmarks.silent ...: crmsync as it would be if no write were told to the audit. The floor of `cost`;
nobody else may have it so."""

from __future__ import annotations

from crmsync.cli import main
from crmsync.ledger.audit import Auditing
from crmsync.run.told import Telling

Telling.rows = lambda self, deeds, now: iter(())  # type: ignore[method-assign]
Auditing.add = lambda self, rows: None  # type: ignore[method-assign]
main()
