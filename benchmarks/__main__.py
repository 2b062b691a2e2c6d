"""python -m benchmarks [--sizes 100000,1000000] [hot] [scale] [cost] [check]: prints records per second, CPU seconds
and memory."""

from __future__ import annotations

import argparse

from benchmarks import check, cost, hot, scale

NAMES = {"hot": hot.main, "scale": scale.main, "cost": cost.main, "check": check.main}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="which benchmarks (default: all)")
    parser.add_argument("--sizes", default="100000,1000000", help="accounts in the scale benchmark")
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    for name in given.names or NAMES:
        NAMES[name](sizes)


main()
