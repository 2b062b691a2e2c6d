"""python -m benchmarks.match.one FOLDER MATCHER: what does one matcher make of one set? Prints one line of JSON.

A process of its own, so that CPU seconds and memory are its own, and so that it may run in the matcher's environment.
"""

from __future__ import annotations

import json
import resource
import sys
import warnings
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from benchmarks.match.protocol import CannotTell, Scores, blocked, labels, measured
from benchmarks.match.sets import load

HOMES = {
    "Splink": "rivals",
    "dedupe": "rivals",
    "recordlinkage": "rivals",
    "rapidfuzz": "rivals",
    "crmsync": "ours",
    "crmsync links": "ours",
    "crmsync alone": "ours",
    "crmsync taught": "ours",
}
UNSUPERVISED = frozenset({"Splink", "crmsync", "crmsync links", "crmsync alone"})


def main(folder: Path, name: str) -> None:
    # a tool of one environment must not be looked for in the other
    home = import_module(f"benchmarks.match.{HOMES[name]}")
    matcher = home.MATCHERS[name]
    known = load(folder)
    candidates = blocked(known)
    told = [{} if name in UNSUPERVISED else labels(known, candidates, half) for half in (0, 1)]
    before = _cpu()
    try:
        first: Scores = matcher(known, told[0])
        second: Scores = first if name in UNSUPERVISED else matcher(known, told[1])
    except CannotTell as why:
        print(json.dumps({"set": known.name, "matcher": name, "missing": str(why)}))
        return
    runs = 1 if name in UNSUPERVISED else 2
    told_it = {
        "set": known.name,
        "matcher": name,
        "cpu_seconds": (_cpu() - before) / runs,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "labels": [len(half) for half in told],
        "blocking_recall": len(known.truth & (first.keys() | second.keys())) / len(known.truth),
    }
    print(json.dumps(told_it | asdict(measured(known, (first, second)))))


def _cpu() -> float:
    """Of this process and of those that it started and that have ended, in seconds."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]), sys.argv[2])
