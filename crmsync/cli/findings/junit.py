"""How do findings look to what reads test results? One test case for each file and rule, in JUnit's XML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.etree import ElementTree

from crmsync.cli import log, render
from crmsync.cli.findings.report import Report
from crmsync.core.model import Finding


def junit(report: Report) -> str:
    """A case fails by an error, and by a warning where warnings fail the command; else a warning is what the case says
    on stdout. What was looked at and has nothing wrong passes under its own name."""
    cases = list(_cases(report))
    failed = str(sum(case.find("failure") is not None for case in cases))
    counts = {"name": report.command, "tests": str(len(cases)), "failures": failed, "errors": "0", "skipped": "0"}
    suites = ElementTree.Element("testsuites", {name: counts[name] for name in ("name", "tests", "failures", "errors")})
    ElementTree.SubElement(suites, "testsuite", counts).extend(cases)
    ElementTree.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(suites, "unicode")}\n'


def _cases(report: Report) -> Iterator[ElementTree.Element]:
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in report.findings:
        place = finding.at.file if finding.at else str(finding.ref or report.command)
        groups.setdefault((place, finding.rule), []).append(finding)
    clean = dict.fromkeys(report.checked) if report.checked else {report.command: None} if not groups else {}
    wrong = {place for place, _ in groups}
    yield from (_case(name, report.command) for name in clean if name not in wrong)
    yield from (_told(report, place, rule, found) for (place, rule), found in groups.items())


def _case(place: str, name: str, **more: str) -> ElementTree.Element:
    return ElementTree.Element("testcase", {"classname": render.clean(place), "name": name, **more})


def _told(report: Report, place: str, rule: str, found: list[Finding]) -> ElementTree.Element:
    """`file` is not JUnit's own word, but GitLab and others make a link of it."""
    at = found[0].at
    case = _case(place, rule, **({"file": render.clean(at.file)} if at else {}))
    failing = [each for each in found if report.fails(each)]
    if failing:
        message = render.clean(failing[0].message)
        more = f" (and {len(failing) - 1} more)" if len(failing) > 1 else ""
        failure = ElementTree.SubElement(case, "failure", {"type": rule, "message": message + more})
        failure.text = _worded(failing)
    if len(failing) < len(found):
        passing = [each for each in found if not report.fails(each)]
        ElementTree.SubElement(case, "system-out").text = _worded(passing)
    return case


def _worded(found: Iterable[Finding]) -> str:
    return render.clean("\n".join(log.worded(each) for each in found))
