"""How is the demo's world put on disk?

    python examples/demo/build.py FOLDER [--accounts 2000] [--opportunities 3000] [--quotes 3500] [--lines 10000]
                                         [--seed 7]

makes FOLDER a project of yours: `crmsync.yaml`, the reference mappings and contracts, and two SQLite databases full of
the dirt of real data. `FOLDER/world.json` tells which dirt was hidden in which record, and what should become of it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
if str(ROOT) not in sys.path:  # run by its path, a script does not see the folder that `examples` lies in
    sys.path.insert(0, str(ROOT))

from examples.demo.dirt import EXPECT  # noqa: E402  the path has to be there first
from examples.demo.world import LEAST, Sizes, World, build  # noqa: E402


def main(arguments: Sequence[str]) -> int:
    given = parse(arguments)
    folder: Path = given.folder
    if folder.exists() and any(folder.iterdir()) and not (folder / "world.json").exists():
        print(f"{folder} is not empty and no demo; name another folder", file=sys.stderr)
        return 2
    sizes = Sizes(given.accounts, given.opportunities, given.quotes, given.lines)
    world = build(sizes, given.seed)
    lay_out(folder)
    store(folder / "crm.db", HERE / "crm.sql", world.crm)
    store(folder / "pm.db", HERE / "pm.sql", world.pm)
    truth = {"seed": given.seed, "sizes": asdict(sizes), **describe(world)}
    (folder / "world.json").write_text(json.dumps(truth, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print("\n".join(summary(folder, world)))
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make a demo project: a CRM and a project tool, full of dirt.")
    parser.add_argument("folder", type=Path)
    for name, size in asdict(Sizes()).items():
        parser.add_argument(f"--{name}", type=int, default=size, help=f"default {size}")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args(arguments)
    for name, least in asdict(LEAST).items():
        if getattr(given, name) < least:
            parser.error(f"--{name} {getattr(given, name)} is too few for every kind of dirt; at least {least}")
    return given


def lay_out(folder: Path) -> None:
    """A fresh project: an older demo in the same folder goes, its ledger too."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(HERE / "crmsync.yaml", folder)
    for name in ("mappings", "schemas"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copytree(HERE / "tests", folder / "tests")  # golden cases, for crmsync test
    (folder / ".crmsync").mkdir()
    for schema in (ROOT / "crmsync" / "project").glob("*.schema.json"):
        shutil.copy(schema, folder / ".crmsync")  # what `crmsync schema` prints: for editors


def store(database: Path, script: Path, tables: dict[str, list[dict[str, Any]]]) -> None:
    connection = sqlite3.connect(database)
    try:
        with connection:
            connection.executescript(script.read_text(encoding="utf-8"))
            for table, rows in tables.items():
                names = [name for name in rows[0] if not name.startswith("_")]
                marks = ", ".join("?" * len(names))
                insert = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"
                connection.executemany(insert, ([row[name] for name in names] for row in rows))
    finally:
        connection.close()


def describe(world: World) -> dict[str, Any]:
    return {
        "rows": {table: len(rows) for tables in (world.crm, world.pm) for table, rows in sorted(tables.items())},
        "dirt": {kind: {"expect": EXPECT[kind], "records": refs} for kind, refs in sorted(world.dirt.items())},
        "story": world.story,
    }


def summary(folder: Path, world: World) -> list[str]:
    told = describe(world)
    sizes = ", ".join(f"{count:,} {table.replace('_', ' ')}" for table, count in told["rows"].items())
    lines = [f"{kind:34} {len(each['records']):5}  {each['expect']}" for kind, each in told["dirt"].items()]
    return [f"{folder}: {sizes}", *lines]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
