"""What is to be told of a command's findings, whatever the format?"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from crmsync.core.model import At, Finding, Json, Severity, fingerprint

GRADES: Final[Mapping[Severity, int]] = {"info": 0, "warning": 1, "error": 2}
_BREAK: Final = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")  # what ends a line in YAML
_PLACE: Final = re.compile(r":\d+(?::\d+)?|\b\d+:\d+\b")


class Sources:
    """The lines of the files that findings lie in, each file read once."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}

    def line(self, at: At | None) -> str | None:
        """The text at a place; None where there is no such line, or no reading it."""
        if at is None or not at.line:
            return None
        if at.file not in self._lines:
            self._lines[at.file] = _lines(at.file)
        lines = self._lines[at.file]
        return lines[at.line - 1] if at.line <= len(lines) else None


def _lines(file: str) -> list[str]:
    try:
        return _BREAK.split(Path(file).read_bytes().decode("utf-8", "replace"))
    except (OSError, ValueError):
        return []


@dataclass(frozen=True, slots=True)
class Report:
    """The findings of one command, their files as seen from the current directory.

    `command`: as typed, `crmsync check`. `home`: the project file, where a finding without a place is told in formats
    that ask for one. `fail_on`: how bad a finding must be to fail the command. `checked`: what was looked at, by name.
    `told`: more keys of the JSON object. `infos`: are those that are for information only shown in text? `well`: what
    text says when nothing is wrong. `stopped`: the exit code of a command that did not come to its end.
    """

    command: str
    findings: tuple[Finding, ...]
    home: str
    fail_on: Severity = "error"
    checked: tuple[str, ...] = ()
    told: Mapping[str, Json] = field(default_factory=dict)
    infos: bool = False
    well: str = "all is well"
    stopped: int | None = None
    sources: Sources = field(default_factory=Sources)

    @property
    def exit(self) -> int:
        return self.stopped if self.stopped is not None else 2 if any(map(self.fails, self.findings)) else 0

    def fails(self, finding: Finding) -> bool:
        return GRADES[finding.severity] >= GRADES[self.fail_on]

    def place(self, finding: Finding) -> At:
        return finding.at or At(self.home)

    def fingerprints(self) -> list[str]:
        """One for each finding, no two alike: the same as long as rule, file, message and the text of the line are,
        wherever the line has moved to."""
        seen: Counter[tuple[str, ...]] = Counter()
        found = []
        for finding in self.findings:
            sign = self._sign(finding)
            found.append(fingerprint("\0".join((*sign, str(seen[sign]))).encode("utf-8", "replace")))
            seen[sign] += 1
        return found

    def _sign(self, finding: Finding) -> tuple[str, ...]:
        line = (self.sources.line(finding.at) or "").strip()
        message = _PLACE.sub("", finding.message)
        return finding.rule, self.place(finding).file, line, str(finding.ref or ""), finding.path, message


def from_here(file: str) -> str:
    """The file relative to the current directory where it lies inside of it, else as it is; with slashes."""
    near = os.path.relpath(file)
    return Path(file).as_posix() if near.startswith("..") else Path(near).as_posix()


def full(finding: Finding) -> str:
    """Message and mend, and of which record."""
    about = " ".join(str(part) for part in (finding.ref, finding.path) if part)
    text = f"{about}: {finding.message}" if about else finding.message
    return f"{text}\n{finding.mend}" if finding.mend else text
