"""How do findings look to code scanning? As a log in SARIF 2.1.0.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from crmsync import __version__
from crmsync.cli import render
from crmsync.cli.findings.report import Report, full
from crmsync.cli.findings.rules import rule_help
from crmsync.core.model import Finding, Json, Severity

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVEL: Final[Mapping[Severity, str]] = {"error": "error", "warning": "warning", "info": "note"}


def sarif(report: Report) -> str:
    """One run. Its category is the command, so that what `check` found does not take the place of what `contract diff`
    found; a rule is told with what the documentation says of it."""
    rules = sorted({finding.rule for finding in report.findings})
    driver = {"name": "crmsync", "version": __version__, "rules": [_rule(rule, report.findings) for rule in rules]}
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"{report.command.replace(' ', '/')}/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": report.stopped is None, "exitCode": report.exit}],
        "results": [
            _result(report, finding, fingerprint, rules.index(finding.rule))
            for finding, fingerprint in zip(report.findings, report.fingerprints(), strict=True)
        ],
    }
    return render.json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def _rule(rule: str, findings: Sequence[Finding]) -> Json:
    first = next(finding for finding in findings if finding.rule == rule)
    told = rule_help(rule)
    means = (told.means if told else "") or first.message
    mend = (told.mend if told else "") or first.mend
    family, _, name = rule.rpartition("/")
    return {
        "id": rule,
        "shortDescription": {"text": f"{family}: {name.replace('-', ' ')}" if family else name},
        "fullDescription": {"text": render.clean(_plain(means))},
        "help": {
            "text": render.clean(_plain(f"{means}\n{mend}".rstrip())),
            "markdown": render.clean(f"{means}\n\n{mend}".rstrip()),
        },
        "defaultConfiguration": {"level": LEVEL[first.severity]},
        "properties": {"tags": [family or rule]},
    }


def _plain(markdown: str) -> str:
    return markdown.replace("`", "")


def _result(report: Report, finding: Finding, fingerprint: str, index: int) -> Json:
    at = report.place(finding)
    start = {"startLine": at.line or 1, **({"startColumn": at.column} if at.column else {})}
    location: dict[str, Json] = {"physicalLocation": {"artifactLocation": _artifact(at.file), "region": start}}
    record = ".".join(str(part) for part in (finding.ref, finding.path) if part)
    if record:
        location["logicalLocations"] = [{"fullyQualifiedName": render.clean(record)}]
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": LEVEL[finding.severity],
        "message": {"text": render.clean(full(finding))},
        "locations": [location],
        "partialFingerprints": {"crmsync/v1": fingerprint},
    }


def _artifact(file: str) -> Json:
    """A path inside of the current directory is one of the repository; another one has the machine's own address."""
    path = Path(file)
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(file), "uriBaseId": "%SRCROOT%"}
