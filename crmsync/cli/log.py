"""What does a run say while it works, and how does it end badly? On stderr, in text or in JSON lines.

No value of a record is ever logged.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import zip_longest
from textwrap import indent

import click

from crmsync.cli.flags import Settings
from crmsync.core.model import Finding


def event(settings: Settings, message: str, **facts: object) -> None:
    """One line: what happened, with its facts, and the trace that it belongs to."""
    if settings.log_format == "json":
        _json(settings, "info", message, **facts)
    else:
        told = " ".join(f"{name}={value}" for name, value in {**facts, "trace": settings.trace}.items())
        click.echo(f"{message}  {told}".rstrip(), err=True)


def detail(settings: Settings, message: str, **facts: object) -> None:
    """One line for a program to read; a person would find it too much."""
    if settings.log_format == "json":
        event(settings, message, **facts)


def findings(settings: Settings, found: Iterable[Finding]) -> None:
    """People are told what mends several of them once, below the last one."""
    every = tuple(found)
    for finding, after in zip_longest(every, every[1:]):
        if settings.log_format == "json":
            told = as_json(finding)
            _json(settings, str(told.pop("severity")), str(told.pop("message")), **told)
        elif after is not None and after.mend == finding.mend:
            click.echo(said(finding), err=True)
        else:
            click.echo(worded(finding), err=True)


def worded(finding: Finding) -> str:
    """`file:line:column: message`, or the record in place of the file; the mend below it, indented."""
    return said(finding) + mended(finding)


def said(finding: Finding) -> str:
    where = " ".join(str(part) for part in (finding.at or finding.ref, finding.path) if part)
    grade = "" if finding.severity == "error" else f"{finding.severity}: "
    return f"{where}: {grade}{finding.message}" if where else f"{grade}{finding.message}"


def mended(finding: Finding) -> str:
    return "\n" + indent(finding.mend, "    ") if finding.mend else ""


def as_json(finding: Finding) -> dict[str, object]:
    at = finding.at
    where = {"file": at.file, "line": at.line, "column": at.column} if at else {}
    record = {"ref": str(finding.ref)} if finding.ref else {}
    path = {"path": finding.path} if finding.path else {}
    told = {"rule": finding.rule, "severity": finding.severity, "message": finding.message, "mend": finding.mend}
    return {**told, **where, **record, **path}


@contextmanager
def working(settings: Settings, what: str) -> Iterator[None]:
    """A sign of life on a terminal while the block works; nothing elsewhere."""
    if settings.log_format == "json" or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console  # slow to import, and only wanted on a terminal

    with Console(stderr=True).status(what):
        yield


def _json(settings: Settings, level: str, message: str, **facts: object) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    run = {"run": settings.run} if settings.run else {}
    line = {"time": now, "level": level, "message": message, **run, **facts, "trace": settings.trace}
    click.echo(json.dumps(line, ensure_ascii=False), err=True)
