"""How does a command tell what it found? On stdout and in files, in the formats asked for, and by its exit code.

A command whose result is findings takes `finding_flags` in place of `global_flags`, and ends with
`return answer_findings(settings, findings)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import click

from crmsync.cli.flags import Format, Function, Settings, global_flags, usage
from crmsync.core.model import Finding, Json

if TYPE_CHECKING:
    from crmsync.cli.findings.report import Report

Reports: TypeAlias = tuple[tuple[Format, Path], ...]

FORMATS: Final[tuple[Format, ...]] = ("text", "json", "junit", "sarif", "github", "gitlab")


def _reports(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> Reports:
    """What `--report` says: `sarif=FILE`. One file holds one report."""
    found: dict[Path, Format] = {}
    for text in given:
        word, _, name = text.partition("=")
        if word not in FORMATS or not name:
            message = f"{text!r} is no FORMAT=FILE, such as sarif=crmsync.sarif; formats are: {', '.join(FORMATS)}"
            raise click.BadParameter(message, context, option)
        if found.setdefault(Path(name), word) != word:
            raise click.BadParameter(f"{name} cannot hold two reports: give each a file of its own", context, option)
    return tuple((word, file) for file, word in found.items())


_FLAGS = (
    click.option(
        "--report", "reports", multiple=True, callback=_reports, metavar="FORMAT=FILE",
        help="Write the findings into this file, too, e.g. sarif=crmsync.sarif (repeatable).",
    ),
    click.option(
        "--fail-on", type=click.Choice(["error", "warning"]), default="error", show_default=True,
        help="How bad a finding must be for exit code 2.",
    ),
    click.option("--infos", is_flag=True, help="Show what is for information only, too."),
)  # fmt: skip


def finding_flags(function: Function) -> Function:
    """The global flags with all formats of findings, and `--report`, `--fail-on`, `--infos`. The function gets the
    `Settings` that hold them. When it stops (`Stopped`: a usage error, a project that cannot be read), that goes into
    the reports as well."""

    @wraps(function)
    def command(settings: Settings, *args: Any, **given: Any) -> Any:
        ours = {name: given.pop(name) for name in ("reports", "fail_on", "infos")}
        settings = replace(settings, **ours)
        try:
            return function(settings, *args, **given)
        except Exception as error:
            _tell_stop(settings, error)
            raise

    for option in reversed(_FLAGS):
        command = option(command)
    return global_flags(cast(Function, command), click.Choice(FORMATS))


def answer_findings(
    settings: Settings,
    findings: Iterable[Finding],
    *,
    told: Mapping[str, Json] | None = None,
    checked: Iterable[str] = (),
    well: str = "all is well",
) -> int:
    """Tell the findings, in their order, on stdout and into the files of `--report`; give the exit code: 2 when one is
    as bad as `--fail-on` says, else 0.

    `told`: more keys of the JSON object, beside `findings` and `exit`. `checked`: names of what was looked at (files,
    mappings, cases), so that what has no finding passes by name in JUnit. `well`: what text says when there is neither
    error nor warning. What else a command says in words it prints before, `if settings.text`.
    Places are told relative to the current directory. Raises `Stopped` when a report cannot be written.
    """
    report = _report(settings, tuple(findings), told or {}, tuple(dict.fromkeys(checked)), well)
    _write(settings, report)
    click.echo(_rendered(settings.output, report), nl=False)
    return report.exit


def _report(
    settings: Settings, findings: tuple[Finding, ...], told: Mapping[str, Json], checked: tuple[str, ...], well: str
) -> Report:
    from crmsync.cli.findings.report import Report, from_here

    return Report(
        command=click.get_current_context().command_path,
        findings=tuple(
            replace(each, at=replace(each.at, file=from_here(each.at.file))) if each.at else each for each in findings
        ),
        home=from_here((settings.project / "crmsync.yaml").as_posix()),
        fail_on=settings.fail_on,
        checked=checked,
        told=told,
        infos=settings.infos,
        well=well,
    )


def _rendered(format: Format, report: Report) -> str:
    from crmsync.cli.findings.formats import RENDERERS

    return RENDERERS[format](report)


def _write(settings: Settings, report: Report) -> None:
    for format, file in settings.reports:
        try:
            file.write_text(_rendered(format, report), "utf-8")
        except OSError as error:
            mend = f"name another: --report {format}=FILE"
            raise usage(f"{file} cannot be written: {error.strerror}", mend) from None


def _tell_stop(settings: Settings, error: Exception) -> None:
    """Text and JSON of it come from the top of the command line, as of every command."""
    from crmsync.run.world import Stopped

    if isinstance(error, Stopped) and (settings.reports or settings.output not in ("text", "json")):
        report = replace(_report(settings, error.findings, {}, (), ""), stopped=error.exit)
        _write(settings, report)
        if settings.output not in ("text", "json"):
            click.echo(_rendered(settings.output, report), nl=False)
