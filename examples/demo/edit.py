"""What do people change on an ordinary day?

    python examples/demo/edit.py FOLDER

edits a demo made by build.py: sales rename an account and raise a deal, delivery put a customer on hold and label it.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final


@dataclass(frozen=True)
class Edit:
    """`who` is the part that the record plays in world.json's story; `field` its name in the mapping."""

    database: str
    table: str
    column: str
    who: str
    field: str
    change: Callable[[Any], Any]


def renamed(name: str) -> str:
    return f"Nova {name}"


def labelled(labels: str | None) -> str:
    return json.dumps(sorted({*json.loads(labels or "[]"), "audit 2026"}), ensure_ascii=False)


def moved_on(status: str) -> str:
    return "active" if status == "on_hold" else "on_hold"


EDITS: Final = (
    Edit("crm.db", "accounts", "name", "renamed", "name", renamed),
    Edit("crm.db", "opportunities", "amount", "revalued", "amount", lambda amount: round(amount + 1000, 2)),
    Edit("pm.db", "customers", "status", "advanced", "status", moved_on),
    Edit("pm.db", "customers", "labels", "advanced", "tags", labelled),
)


def edit(folder: Path) -> Iterator[str]:
    """Does each edit, and says what it did."""
    story = json.loads((folder / "world.json").read_text(encoding="utf-8"))["story"]
    for each in EDITS:
        ref = story[each.who]
        before, after = apply(folder / each.database, each, int(ref.rpartition("/")[2]))
        yield f"{ref} {each.field}: {each.column} was {before!r}, is {after!r}"


def apply(database: Path, each: Edit, key: int) -> tuple[Any, Any]:
    """The value before and after. The database's own trigger moves updated_at."""
    with closing(sqlite3.connect(database)) as connection, connection:
        (before,) = connection.execute(f"SELECT {each.column} FROM {each.table} WHERE id = ?", (key,)).fetchone()
        after = each.change(before)
        connection.execute(f"UPDATE {each.table} SET {each.column} = ? WHERE id = ?", (after, key))
    return before, after


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or not (Path(arguments[0]) / "world.json").exists():
        print("usage: python examples/demo/edit.py FOLDER (one that build.py has made)", file=sys.stderr)
        return 2
    for line in edit(Path(arguments[0])):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
