"""How are the two systems made from a list of real companies?

    python examples/real_companies/build.py RECORDS_CSV OUT [--crm-url URL] [--seed 7]

makes OUT a project: the demo's `crmsync.yaml` with an overlay for PostgreSQL, the reference mappings and contracts, the
project tool in `OUT/pm.db`, and the CRM in the empty PostgreSQL database at URL (or `$CRM_URL`). RECORDS_CSV has at
least the columns ico, name and city; rows with one ico are one company. `OUT/world.json` tells which records are the
same, by their keys only. Then: crmsync -C OUT --env postgres run --first-load
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import psycopg

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
if str(ROOT) not in sys.path:  # run by its path, a script does not see the folder that `examples` lies in
    sys.path.insert(0, str(ROOT))

from examples.demo.build import lay_out, store  # noqa: E402  the path has to be there first
from examples.real_companies.world import FEWEST, Made, Spelling, build, truth  # noqa: E402

DEMO: Final = ROOT / "examples" / "demo"
NEEDED: Final = ("ico", "name", "city")


class Unusable(Exception):
    """What was given cannot be built from; the text says what to do."""


def main(arguments: Sequence[str]) -> int:
    given = parse(arguments)
    try:
        made = make(given.records, given.out, given.crm_url, given.seed)
    except Unusable as error:
        print(error, file=sys.stderr)
        return 2
    print(summary(given.out, made))
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make a CRM and a project tool from a list of real companies.")
    parser.add_argument("records", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--crm-url", default=os.environ.get("CRM_URL"), help="an empty PostgreSQL database [$CRM_URL]")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args(arguments)
    if not given.crm_url:
        parser.error("where is the CRM to be? set CRM_URL, or say --crm-url postgresql+psycopg://...")
    return given


def make(records: Path, out: Path, crm_url: str, seed: int) -> Made:
    """Raises `Unusable`, before anything is touched where it can."""
    if out.exists() and any(out.iterdir()) and not (out / "world.json").exists():
        raise Unusable(f"{out} is not empty and no such project; name another folder")
    made = build(read(records), seed)
    store_in_postgres(crm_url, HERE / "crm_postgres.sql", made.world.crm)
    lay_out(out)
    shutil.copy(HERE / "crmsync.postgres.yaml", out)
    store(out / "pm.db", DEMO / "pm.sql", made.world.pm)
    (out / "world.json").write_text(truth(made), encoding="utf-8")
    return made


def read(path: Path) -> list[Spelling]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        missing = [name for name in NEEDED if name not in (rows.fieldnames or ())]
        if missing:
            raise Unusable(f"{path} has no column {', '.join(missing)}; needed are {', '.join(NEEDED)}")
        found: list[Spelling] = [row for row in rows if row["ico"] and row["name"]]
    if len(found) < FEWEST:
        raise Unusable(f"{path} has {len(found)} records with ico and name, too few for a world; at least {FEWEST}")
    return found


def store_in_postgres(url: str, script: Path, tables: dict[str, list[dict[str, Any]]]) -> None:
    with psycopg.connect(url.replace("+psycopg", "")) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(script.read_bytes())
        except psycopg.errors.DuplicateTable as error:
            raise Unusable(f"the CRM's database is not empty ({error.diag.message_primary}); name another") from None
        for table, rows in tables.items():
            names = [name for name in rows[0] if not name.startswith("_")]
            with cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN".encode()) as copy:
                for row in rows:
                    copy.write_row([row[name] for name in names])
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}".encode())


def summary(out: Path, made: Made) -> str:
    tables = {**made.world.crm, **made.world.pm}
    sizes = ", ".join(f"{len(rows):,} {table.replace('_', ' ')}" for table, rows in tables.items())
    return f"{out}: {sizes}; {len(made.twins):,} companies stand in both systems"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
