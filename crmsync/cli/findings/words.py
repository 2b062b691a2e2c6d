"""How do findings look to a person at a terminal, and to a program of no special kind?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from crmsync.cli import log, render
from crmsync.cli.findings.excerpt import excerpt
from crmsync.cli.findings.report import Report
from crmsync.core.model import Finding, Json, Severity


def text(report: Report) -> str:
    """Each finding with its rule, its mend and the line of its file; their numbers at the end."""
    return render.clean("".join(f"{line}\n" for line in _lines(report)))


def json(report: Report) -> str:
    findings = [_encodable(log.as_json(finding)) for finding in report.findings]
    return render.json_text({**report.told, "findings": findings, "exit": report.exit}) + "\n"


def _encodable(told: Mapping[str, object]) -> dict[str, Json]:
    """Half a surrogate pair, which a file may well hold, is no character: it is spelled out."""
    return {
        name: value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
        for name, value in told.items()
    }


def _lines(report: Report) -> Iterator[str]:
    for finding in report.findings:
        if finding.severity != "info" or report.infos:
            yield f"{log.said(finding)} [{finding.rule}]{log.mended(finding)}"
            yield from _source(report, finding)
    yield from _end(report)


def _source(report: Report, finding: Finding) -> Iterator[str]:
    line = report.sources.line(finding.at)
    if finding.at and line and (shown := excerpt(line, finding.at.line, finding.at.column)):
        yield shown


def _end(report: Report) -> Iterator[str]:
    """`1 error, 2 warnings`; who is for information only is counted, and where it can be seen."""
    errors, warnings, infos = (_count(report, severity) for severity in ("error", "warning", "info"))
    wrong = f"{render.count(errors, 'error')}, {render.count(warnings, 'warning')}"
    more = "" if report.infos else " (--infos shows them)" if infos > 1 else " (--infos shows it)"
    parts = [wrong if errors or warnings else report.well, f"{render.count(infos, 'info')}{more}" if infos else ""]
    if any(parts):
        yield ", ".join(part for part in parts if part)


def _count(report: Report, severity: Severity) -> int:
    return sum(finding.severity == severity for finding in report.findings)
