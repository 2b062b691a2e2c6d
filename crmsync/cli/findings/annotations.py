"""How do findings get beside the lines of a pull request? As GitHub's workflow commands, and as GitLab's Code Quality.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from crmsync.cli import render
from crmsync.cli.findings.report import Report, full
from crmsync.core.model import Finding, Severity

COMMAND: Final[Mapping[Severity, str]] = {"error": "error", "warning": "warning", "info": "notice"}
GRADE: Final[Mapping[Severity, str]] = {"error": "major", "warning": "minor", "info": "info"}
_DATA: Final = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_DATA: Final = str.maketrans(_DATA)
_IN_PROPERTY: Final = str.maketrans({**_DATA, ":": "%3A", ",": "%2C"})


def github(report: Report) -> str:
    """One line a finding: `::error file=FILE,line=3,col=5,title=RULE::MESSAGE`. GitHub shows the first ten of a step,
    so what is for information only is left out unless it is asked for."""
    shown = (each for each in report.findings if each.severity != "info" or report.infos)
    return "".join(f"{_command(finding)}\n" for finding in shown)


def _command(finding: Finding) -> str:
    at = finding.at
    places = {"file": at.file, "line": at.line, "col": at.column} if at else {}
    named = {**places, "title": finding.rule}
    properties = ",".join(f"{name}={str(value).translate(_IN_PROPERTY)}" for name, value in named.items() if value)
    return f"::{COMMAND[finding.severity]} {properties}::{render.clean(full(finding)).translate(_IN_DATA)}"


def gitlab(report: Report) -> str:
    entries = [
        {
            "description": render.clean(full(finding)),
            "check_name": finding.rule,
            "fingerprint": fingerprint,
            "severity": GRADE[finding.severity],
            "location": {"path": report.place(finding).file, "lines": {"begin": report.place(finding).line or 1}},
        }
        for finding, fingerprint in zip(report.findings, report.fingerprints(), strict=True)
    ]
    return render.json_text(entries) + "\n"
