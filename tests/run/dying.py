"""Runs that kill their own process, for real, at an effect that a test chooses.

`python -m tests.run.dying` reads lines `FOLDER POINT` (before the n-th effect for an even 2n, after it for an odd one;
`-1`: live on; `-2`: when all is done, but the lock still held) and forks a run of that project each time: everything is
imported once. It answers with how the process ended: an exit code, or minus the number of the signal.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import crmsync.connectors.sql
import crmsync.ledger.store
import crmsync.run.perform
from crmsync.project import load_project
from crmsync.run.locking import our_turn
from crmsync.run.prepared import Order
from crmsync.run.session import Asked, new_run_id, open_world, run

HELD = -2
BATCH = 12  # so that a small world has many batches


class Death:
    def __init__(self, point: int) -> None:
        self.left = point

    @contextmanager
    def __call__(self, _: str) -> Iterator[None]:
        self._step()
        yield
        self._step()

    def _step(self) -> None:
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1


def one_run(folder: Path, point: int) -> int:
    """As the command does it. The exit code."""
    crmsync.run.perform.BATCH = BATCH  # type: ignore[misc]  # Final for everybody else
    run_id = new_run_id()
    with open_world(load_project(folder, environ={})) as world:
        world.effect = Death(point)
        with our_turn(world, run_id):
            report = run(world, Asked((), Order("batch", first_load=True)), run_id)
            if point == HELD:
                os.kill(os.getpid(), signal.SIGKILL)
    return report.exit


def main() -> None:
    for line in sys.stdin:
        folder, point = line.rstrip("\n").rsplit(" ", 1)
        child = os.fork()
        if child == 0:
            os._exit(one_run(Path(folder), int(point)))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
