"""How does every command end? With an exit code, and with words for what went wrong."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from crmsync.cli import log, render
from crmsync.cli.flags import Settings
from crmsync.core.model import Finding, Json

if TYPE_CHECKING:
    from types import FrameType

COUNTED = ("run", "plan", "apply")  # their JSON names the run and its mappings, also when there was none
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
MISTAKE = "crmsync/mistake"
INTERRUPTED, PIPE_CLOSED, TERMINATED = 130, 141, 143


class Terminated(BaseException):
    """SIGTERM came: let go of the lock and of the temporary files, then go."""


def answer(group: click.Group, arguments: Sequence[str]) -> int:
    """Run the command and tell its exit code. Nothing that it raises comes further than this."""
    settings, name = Settings(), ""
    try:
        with _termination(), group.make_context("crmsync", list(arguments), obj=settings) as context:
            try:
                code = group.invoke(context)
                return code if isinstance(code, int) else 0
            finally:
                settings, name = context.obj or settings, context.invoked_subcommand or ""
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        _misspelt(error, arguments)
        return error.exit_code
    except BrokenPipeError:  # the reader of our output went away: nobody to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except (KeyboardInterrupt, Terminated, Exception) as error:  # noqa: BLE001  the very top: the user gets words
        if os.environ.get("CRMSYNC_DEBUG") == "1" and settings.log_format == "text" and is_mistake(error):
            click.echo("".join(_traceback(error)), err=True, nl=False)
        code, findings = ending(error)
        return _told(settings, name, code, *findings)


def _misspelt(error: click.ClickException, arguments: Sequence[str]) -> None:
    """Whoever reads lines of JSON gets one, although the words that ask for them could not be understood."""
    words = " ".join(arguments).replace("=", " ")
    if "--log-format json" not in words:
        error.show()
        return
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else "crmsync"
    log.findings(Settings(log_format="json"), [Finding("usage", error.format_message(), f"{path} --help")])


def _traceback(error: BaseException) -> Iterator[str]:
    """As Python prints it, without the texts of the exceptions: those may quote a value."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _traceback(before)
        yield "\nThen:\n\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__name__} (its text is not shown: it may quote a value)\n"


def ending(error: BaseException) -> tuple[int, tuple[Finding, ...]]:
    """The exit code of a command that raises this, and what there is to say."""
    match error:
        case KeyboardInterrupt() | click.Abort():
            return INTERRUPTED, (Finding("stopped", "stopped by the keyboard; run again to go on"),)
        case Terminated():
            return TERMINATED, (Finding("stopped", "stopped by a signal; run again to go on"),)
        case BrokenPipeError():
            return PIPE_CLOSED, ()
    return _sorted_out(error)


def is_mistake(error: BaseException) -> bool:
    """One of ours, of which nobody has thought."""
    return any(finding.rule == MISTAKE for finding in ending(error)[1])


def _sorted_out(error: BaseException) -> tuple[int, tuple[Finding, ...]]:
    from crmsync.connectors.base import Refused, Transient
    from crmsync.ledger.nouns import (
        AuditTampered,
        LedgerError,
        LedgerTooNew,
        LetterNotOpen,
        Locked,
        ReviewNotOpen,
        WrongAnswer,
    )
    from crmsync.ledger.spool import SpoolError
    from crmsync.run.world import Stopped

    match error:
        case Stopped():
            return error.exit, error.findings
        case Locked():
            return 6, (Finding("ledger/locked", str(error), "crmsync run --if-locked skip goes quietly instead"),)
        case AuditTampered():
            return 2, (Finding("ledger/tampered", str(error), "crmsync audit verify looks at all of it"),)
        case LedgerTooNew() | ReviewNotOpen() | LetterNotOpen() | WrongAnswer():
            return 2, (Finding("ledger/refused", str(error)),)
        case LedgerError() | SpoolError():
            return 1, (Finding("ledger/failed", str(error)),)
        case Transient():
            return 1, (Finding("system/transient", str(error), "it may pass by itself: run again"),)
        case Refused():
            return 2, (Finding("system/refused", str(error), "crmsync doctor looks at every system"),)
        case MemoryError():
            mend = "give it more; a first load needs about 200 MB, whatever its size"
            return 1, (Finding("machine/memory", "there is no memory left; what was done is remembered", mend),)
        case OSError() if error.errno in FULL:
            message = f"{error.filename or 'the disk'}: {error.strerror}; what was done is remembered"
            return 1, (
                Finding("machine/disk", message, "make room (TMPDIR says where temporary files go), then run again"),
            )
    return 1, (_unexpected(error),)


def _unexpected(error: BaseException) -> Finding:
    """A mistake of ours. Its text may hold anything, also a value of a record, so it is only shown when asked for."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    message = f"{type(error).__name__} at {last.filename}:{last.lineno}: a mistake in crmsync itself"
    return Finding(MISTAKE, message, "CRMSYNC_DEBUG=1 shows the way to it; please report it with that")


def _told(settings: Settings, name: str, code: int, *findings: Finding) -> int:
    log.findings(settings, findings)
    if settings.json:
        counted: dict[str, Json] = {"run": None, "mappings": {}} if name in COUNTED else {}
        with suppress(OSError):  # where results cannot be written, stderr has said so
            render.json({**counted, "exit": code, "findings": [log.as_json(each) for each in findings]})
    return code


@contextmanager
def _termination() -> Iterator[None]:
    """SIGTERM unwinds like Ctrl-C does, so that the lock is released."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Terminated

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread: whoever runs us there looks after signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
