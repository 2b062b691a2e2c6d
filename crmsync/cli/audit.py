"""What was done, and has anybody changed what was told of it? audit head, audit verify, audit export."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click

from crmsync.cli import log, render
from crmsync.cli.flags import Settings, global_flags, show_pii_flag, usage
from crmsync.core.audit import Fault, Head, Row
from crmsync.core.model import Finding, to_json

if TYPE_CHECKING:
    from crmsync.run.world import World

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?)?")


@click.group()
def audit() -> None:
    """Everything that was done, by whom and why, in a chain that shows who touched it.

    \b
      crmsync audit head
      crmsync audit verify --head 38:9f2c…
      crmsync audit export --since 2026-01-31 -o audit.jsonl
    """


@audit.command()
@global_flags
def head(settings: Settings) -> None:
    """Print where the chain ends: number and hash of its last row.

    Keep it elsewhere: with it `audit verify` finds a chain that was cut, or written anew.

    \b
      crmsync audit head
    """
    with settings.world() as world:
        found = world.ledger.audit_head()
    if settings.json:
        render.json({"n": found.n, "head": found.hash, "exit": 0})
    else:
        render.say(str(found) if found.n else "nothing was done yet")


@audit.command()
@click.option("--head", "noted", metavar="N:HASH", help="A head that was noted, as a run or `audit head` printed it.")
@global_flags
def verify(settings: Settings, noted: str | None) -> int:
    """Look whether a row was changed, taken out, moved or put in.

    Names the first one, and ends with exit code 2. A tail that was cut off, or a chain that was written anew, is only
    seen with a head that was noted before.

    \b
      crmsync audit verify
      crmsync audit verify --head 38:9f2c…
    """
    kept = _head(noted) if noted is not None else None
    with settings.world() as world:
        found = _verified(world, kept)
    if isinstance(found, Head):
        if settings.json:
            render.json({"n": found.n, "head": found.hash, "findings": [], "exit": 0})
        else:
            upto = f", and it holds the head {kept.n} that was noted" if kept else ""
            render.say(f"the audit is whole: {render.count(found.n, 'row')}{upto}")
        return 0
    finding = Finding(found.rule, found.message, _MEND)
    log.findings(settings, [finding])
    if settings.json:
        render.json({"n": found.n, "findings": [log.as_json(finding)], "exit": 2})
    return 2


_MEND: Final = (
    "somebody has written to the ledger without crmsync: what stands from this row on proves nothing; compare it with "
    "a backup"
)


def _verified(world: World, kept: Head | None) -> Head | Fault:
    from crmsync.ledger.nouns import AuditTampered

    try:
        return world.ledger.verify_audit(kept)
    except AuditTampered as error:
        return Fault("audit/cut", 0, str(error))


def _head(text: str) -> Head:
    try:
        return Head.read(text)
    except ValueError as error:
        raise usage(str(error), "crmsync audit head prints the present one") from None


@audit.command()
@click.option("--since", metavar="N|DATE", help="From this row, or this time (UTC) on, e.g. 38 or 2026-01-31.")
@click.option("--run", "run_id", metavar="ID", help="Only what this run did.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write it there (mode 0600: it holds values).",
)
@show_pii_flag
@global_flags
def export(settings: Settings, since: str | None, run_id: str | None, out: Path | None, show_pii: bool) -> None:
    """Write the rows as JSON Lines, one object a row.

    With every field that was written: its line of the mapping, owner, old and new value, and why.

    \b
      crmsync audit export -o audit.jsonl
      crmsync audit export --run 20260131T020000-4f5a6b --show-pii
    """
    from crmsync.run.runs import find_run

    after, day = _since(since)
    with settings.world() as world:
        run = find_run(world, run_id).id if run_id is not None else None
        lines = _lines(world, show_pii, world.ledger.audit(after, run, day))
        if out is None:
            for line in lines:
                click.echo(line)
            return
        with _opened(out) as file:
            number = sum(file.write(f"{line}\n") and 1 for line in lines)
    if settings.json:
        render.json({"file": str(out), "rows": number, "exit": 0})
    else:
        render.say(f"wrote {render.count(number, 'row')} to {out}")


def _since(text: str | None) -> tuple[int, str | None]:
    if text is None:
        return 0, None
    if text.isascii() and text.isdigit():
        return int(text) - 1, None
    if not _DATE.fullmatch(text):
        raise usage(f"--since {text} is neither a row nor a date", "write it like 38, 2026-01-31 or 2026-01-31T02:00")
    return 0, text


def _lines(world: World, show_pii: bool, pages: Iterator[list[Row]]) -> Iterator[str]:
    from crmsync.run.episodes import Masking

    masking = Masking.of(world, show_pii)
    for page in pages:
        for row in page:
            yield to_json(render.plain(masking.row(row))).decode()


def _opened(out: Path) -> IO[str]:
    def private(path: Any, flags: int) -> int:
        descriptor = os.open(path, flags, 0o600)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, 0o600)  # also of a file that was there
        return descriptor

    try:
        return open(out, "w", encoding="utf-8", opener=private)
    except OSError as error:
        raise usage(f"{out} cannot be written: {error.strerror}", "name another file: -o FILE") from None


COMMANDS = (audit,)
