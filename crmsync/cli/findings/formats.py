"""Which function writes which format? Imported only when there is something to write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from crmsync.cli.findings.annotations import github, gitlab
from crmsync.cli.findings.junit import junit
from crmsync.cli.findings.report import Report
from crmsync.cli.findings.sarif import sarif
from crmsync.cli.findings.words import json, text

RENDERERS: Final[Mapping[str, Callable[[Report], str]]] = {
    "text": text, "json": json, "junit": junit, "sarif": sarif, "github": github, "gitlab": gitlab,
}  # fmt: skip
