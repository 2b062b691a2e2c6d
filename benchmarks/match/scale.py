"""Does it cost the same for a record whether there are a hundred thousand or a million?

python -m benchmarks.match scale [--sizes N,N,...] [--data FOLDER] prints a line a size: candidates, the share of true
pairs among them, CPU seconds by step, memory. Each size is a process of its own. The companies are made by `companies`,
or read from `records.csv` and `pairs.csv` in FOLDER: its first records, and the pairs among them.
"""

from __future__ import annotations

import argparse
import csv
import gc
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from benchmarks.match.companies import write
from crmsync.cli import MANY
from crmsync.core.match import Candidate, census_of
from crmsync.core.match.block import Blocking, candidates_of, hashed, pairs_within
from crmsync.core.match.rule import reader
from crmsync.core.match.score import weigh
from crmsync.core.model import LIKELY, Compare, Match, key_text

HERE: Final = Path(__file__).parents[2]
SIZES: Final = "100000,300000,1000000"
SEED: Final = 5
RECORDS_PER_ENTITY: Final = 1.3  # more than that in truth: there are enough records for every size
SAMPLE: Final = 100_000  # records that are counted for the census
STEPS: Final = ("normalise", "census", "block", "score")
KINDS: Final = {
    "name": "company",
    "ico": "company_id",
    "vat": "company_id",
    "domain": "domain",
    "email": "email",
    "phone": "phone",
}
RULE: Final = Match((), tuple(Compare(field, kind) for field, kind in KINDS.items()), *LIKELY)

Made = TypeVar("Made")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.match scale", description=__doc__)
    parser.add_argument("--sizes", default=SIZES, help=f"so many records (default: {SIZES})")
    parser.add_argument("--data", type=Path, help="a folder with records.csv and pairs.csv (default: they are made)")
    given = parser.parse_args(arguments)
    sizes = [int(size) for size in given.sizes.split(",")]
    print(f"{'records':>9}{'candidates':>12}{'recall':>8}" + "".join(f"{step:>11}" for step in STEPS), end="")
    print(f"{'CPU s':>8}{'MB':>7}{'µs/record':>11}", flush=True)
    with tempfile.TemporaryDirectory(prefix="crmsync-bench-scale-") as scratch:
        data = given.data or Path(scratch)
        if given.data is None:
            write(data, int(max(sizes) / RECORDS_PER_ENTITY), SEED)
        for size in sizes:
            print(_line(_alone(data, size)), flush=True)


def _alone(data: Path, size: int) -> Mapping[str, Any]:
    command = [sys.executable, "-m", "benchmarks.match.scale", str(data), str(size)]
    told: Mapping[str, Any] = json.loads(subprocess.run(command, cwd=HERE, stdout=subprocess.PIPE, check=True).stdout)
    return told


def _line(told: Mapping[str, Any]) -> str:
    spent = sum(told["cpu_seconds"].values())
    begin = f"{told['records']:>9,}{told['candidates']:>12,}{told['recall']:>8.4f}"
    steps = "".join(f"{told['cpu_seconds'][step]:>11.1f}" for step in STEPS)
    return begin + steps + f"{spent:>8.1f}{told['peak_mb']:>7.0f}{spent / told['records'] * 1e6:>11.1f}"


def measured(data: Path, size: int) -> Mapping[str, Any]:
    """Normalise, count, block and score the first so many records, and how much of the truth was compared."""
    cpu_seconds: dict[str, float] = {}
    rows = list(_rows(data, size))
    records = _timed(cpu_seconds, "normalise", partial(_normal, rows))
    del rows
    share = min(1.0, SAMPLE / len(records))
    census = _timed(cpu_seconds, "census", lambda: census_of(RULE, records[:: round(1 / share)], share=share))
    blocking, width = Blocking.of(RULE, census), len(records)
    pairs = _timed(cpu_seconds, "block", lambda: candidates_of(pairs_within(hashed(blocking, records), width)))
    places = pairs // width, pairs % width
    scored = _timed(cpu_seconds, "score", lambda: weigh(RULE, census, records, records, places, RULE.review_at))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "records": width,
        "candidates": scored.candidates,
        "recall": float(np.isin(_truth(data, records), pairs, assume_unique=True).mean()),
        "kept": len(scored),
        "cpu_seconds": cpu_seconds,
        "peak_mb": peak,
    }


def _rows(data: Path, size: int) -> Iterator[tuple[str, Mapping[str, str]]]:
    with (data / "records.csv").open(encoding="utf-8", newline="") as lines:
        for row in islice(csv.DictReader(lines), size):
            yield row["id"], {field: row[field] for field in KINDS if row[field]}


def _normal(rows: list[tuple[str, Mapping[str, str]]]) -> list[Candidate]:
    read = reader(RULE)
    return sorted((Candidate((key,), read(values)) for key, values in rows), key=lambda it: key_text(it.key))


def _truth(data: Path, records: list[Candidate]) -> np.ndarray[Any, np.dtype[np.int64]]:
    place = {each.key[0]: at for at, each in enumerate(records)}
    with (data / "pairs.csv").open(encoding="utf-8", newline="") as lines:
        rows = islice(csv.reader(lines), 1, None)
        found = [sorted((place[one], place[two])) for one, two in rows if one in place and two in place]
    return np.array([one * len(records) + two for one, two in found], dtype=np.int64)


def _timed(spent: dict[str, float], step: str, make: Callable[[], Made]) -> Made:
    before = _cpu()
    made = make()
    spent[step] = _cpu() - before
    return made


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    gc.set_threshold(MANY)  # as the command line does
    print(json.dumps(measured(Path(sys.argv[1]), int(sys.argv[2]))))
