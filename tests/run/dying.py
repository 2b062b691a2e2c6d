"""Runs and commands that kill their own process, for real, at an effect that a test chooses.

`python -m tests.run.dying` reads JSON lines, `{"folder": FOLDER, "point": N}` (before the n-th effect for an even 2n,
after it for an odd one; `-1`: live on; `-2`: when all is done, but the lock still held), and forks a run of it
each time: everything is imported once. With `"words"` it is that command instead, under `"environ"`, which says what it
has to say to `FOLDER/said` and `FOLDER/logged`; with `"after"` somebody else kills it after so many seconds. It answers
with how the process ended: an exit code, or minus the number of the signal.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import crmsync.cli.dedupe
import crmsync.cli.exclude
import crmsync.cli.privacy
import crmsync.cli.revert
import crmsync.connectors.sql.connection
import crmsync.connectors.sql.door
import crmsync.core.match.compare
import crmsync.ledger.signals
import crmsync.ledger.store
import crmsync.run.match.dedupe
import crmsync.run.match.merging
import crmsync.run.people.carry
import crmsync.run.people.prune
import crmsync.run.perform
import crmsync.run.planfile
import crmsync.run.signals.watch
import crmsync.run.undo.exclude
import crmsync.run.undo.revert
from crmsync.cli import crmsync as commands
from crmsync.cli.ends import answer
from crmsync.project import load_project
from crmsync.run import session
from crmsync.run.locking import our_turn
from crmsync.run.prepared import Order
from crmsync.run.session import Asked, new_run_id, open_world, run
from crmsync.run.world import World

HELD = -2
BATCH = 12  # so that a small world has many batches
FEW = 4


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


def one_command(folder: Path, words: Sequence[str], point: int) -> int:
    """The command itself, in the project's folder. The exit code."""
    crmsync.run.perform.BATCH = FEW  # type: ignore[misc]  # Final for everybody else

    def opened(*project: Any, **more: Any) -> World:
        world = open_world(*project, **more)
        world.effect = Death(point)
        return world

    session.open_world = opened
    os.chdir(folder)
    for name, number in {"said": 1, "logged": 2}.items():
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    code = answer(commands, list(words))
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def ended(
    folder: Path, point: int = -1, words: Sequence[str] = (), after: float | None = None,
    environ: Mapping[str, str] | None = None,
) -> int:  # fmt: skip
    child = os.fork()
    if child == 0:
        os.environ.update(environ or {})
        os._exit(one_command(folder, words, point) if words else one_run(folder, point))
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def main() -> None:
    crmsync.core.match.compare.comparators()  # its pages are imported when somebody asks for them
    gc.freeze()  # else each child would copy all of it when it collects
    for line in sys.stdin:
        asked = json.loads(line)
        sys.stdout.write(f"{ended(Path(asked.pop('folder')), **asked)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
