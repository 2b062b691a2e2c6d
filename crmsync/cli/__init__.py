"""How do people talk to crmsync? The only room that prints or exits."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NoReturn

import click

from crmsync import __version__
from crmsync.cli import (
    audit,
    begin,
    contract,
    dedupe,
    diff,
    dlq,
    drift,
    halted,
    link,
    look,
    match,
    privacy,
    proof,
    rebase,
    replay,
    revert,
    review,
    run,
    shadow,
)
from crmsync.cli.ends import answer
from crmsync.cli.flags import global_flags

MANY: Final = 100_000

HELP = """Keep a CRM and a project-management tool in step.

YAML mappings say what flows where and who owns it; crmsync checks them, shows a plan, applies exactly that plan, and
explains every value afterwards.

\b
  crmsync init shop && cd shop     a small project that works
  crmsync check                    is everything well written? (offline)
  crmsync plan                     what would be done, and why?
  crmsync run --first-load         do it
  crmsync explain crm.account/1    why does this record say what it says?

\b
Exit codes: 0 done; 1 failed, try again; 2 mend the project or the command; 3 done, but some records are held,
rejected or failed; 4 a limit tripped, nothing was written; 5 the plan is stale; 6 another run holds the lock.
"""


@click.group(help=HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="crmsync")
@global_flags
def crmsync() -> None:
    pass


for family in (
    audit, begin, contract, diff, run, revert, rebase, look, drift, review, dlq, link, match, proof, halted, shadow,
    replay,
    privacy,
):  # fmt: skip
    for command in family.COMMANDS:
        crmsync.add_command(command)
for command in dedupe.COMMANDS:
    match.match.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The console script: do what the words ask, and exit, at once: to take down an interpreter full of libraries takes
    longer than many a run, and who is killed meanwhile would look as if the run had not ended."""
    gc.set_threshold(MANY)  # what a run makes by the million are records, which have no cycles to look for
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small products: threads would only wait for each other
    code = answer(crmsync, sys.argv[1:] if arguments is None else arguments)
    with suppress(OSError, ValueError):  # nobody reads any more
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
