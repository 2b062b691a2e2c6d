"""python -m benchmarks.match [--data DIR] [--sets NAMES] [--only NAMES] [--entities N] [-o FILE]

How well do crmsync and its neighbours tell which is which? One table: a row a set, a column a matcher, pairwise F1 on
pairs held out (the rules are in `protocol`, the settings in `rivals` and `ours`). The set `companies` is generated; the
others are read from folders in DIR. What a million records cost: python -m benchmarks.match scale --help.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from benchmarks.match import scale
from benchmarks.match.companies import write
from benchmarks.match.one import HOMES
from benchmarks.match.sets import COMPARE

Told: TypeAlias = Mapping[str, Any]
"""What `one` printed, or why there is nothing."""

HERE: Final = Path(__file__).parents[2]
PYTHONS: Final = {"rivals": HERE / ".venv-bench/bin/python", "ours": Path(sys.executable)}
CPU_LIMIT: Final = 600  # seconds a matcher may take for a set, once for each half that teaches it
OWN: Final = "companies"
WIDE: Final = 17


def main() -> None:
    given = _arguments()
    rows: list[Told] = []
    with tempfile.TemporaryDirectory(prefix="crmsync-bench-match-") as scratch:
        for folder in _folders(given, Path(scratch)):
            told = [_run(folder, name) for name in given.only]
            rows += told
            print(_line(folder.name, told), flush=True)
    for row in rows:
        if "missing" in row:
            print(f"  – {row['set']}, {row['matcher']}: {row['missing']}")
    if given.output:
        given.output.write_text(json.dumps(_report(rows), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.match", description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder of labelled sets")
    parser.add_argument("--sets", nargs="+", choices=[*COMPARE], default=[*COMPARE], help="which sets (default: all)")
    parser.add_argument("--only", nargs="+", choices=[*HOMES], default=[*HOMES], help="which matchers (default: all)")
    parser.add_argument("--entities", type=int, default=6000, help="companies to generate (default: 6000)")
    parser.add_argument("-o", "--output", type=Path, help="write all figures to this JSON file, too")
    return parser.parse_args()


def _folders(given: argparse.Namespace, scratch: Path) -> Iterable[Path]:
    print("pairwise F1 on pairs held out; CPU seconds; labels that taught it")
    print(f"  {'set':24}" + "".join(f"{name:>{WIDE}}" for name in given.only), flush=True)
    if OWN in given.sets:
        write(scratch / OWN, given.entities, seed=5)
        yield scratch / OWN
    if given.data:
        yield from (given.data / name for name in given.sets if (given.data / name).is_dir())


def _are_rivals_here() -> bool:
    return PYTHONS["rivals"].exists()


def _run(folder: Path, name: str) -> Told:
    missing = {"set": folder.name, "matcher": name}
    if HOMES[name] == "rivals" and not _are_rivals_here():
        return missing | {"missing": "the neighbours are not installed: make bench-match does"}
    runs = subprocess.run(
        [PYTHONS[HOMES[name]], "-m", "benchmarks.match.one", folder, name],
        cwd=HERE,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (2 * CPU_LIMIT, 2 * CPU_LIMIT)),
        check=False,
    )
    if runs.returncode < 0:
        return missing | {"missing": f"did not finish in {CPU_LIMIT} CPU seconds a half"}
    if runs.returncode > 0:
        return missing | {"missing": runs.stderr.strip().rpartition("\n")[2]}
    told: Told = json.loads(runs.stdout.rpartition("{")[1] + runs.stdout.rpartition("{")[2])
    return told


def _line(name: str, told: Iterable[Told]) -> str:
    return f"  {name:24}" + "".join(f"{_cell(row):>{WIDE}}" for row in told)


def _cell(row: Told) -> str:
    if "missing" in row:
        return "–"
    return f"{row['f1']:.3f} {row['cpu_seconds']:.0f}s {max(row['labels'])}"


def _report(rows: list[Told]) -> Told:
    freeze: list[str | Path] = [PYTHONS["rivals"], "-m", "pip", "freeze"]
    listed = subprocess.run(freeze, capture_output=True, text=True, check=False).stdout if _are_rivals_here() else ""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "versions": sorted(listed.split()),
        "rows": rows,
    }


if sys.argv[1:2] == ["scale"]:
    scale.main(sys.argv[2:])
else:
    main()
