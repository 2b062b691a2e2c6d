"""How long is what kept?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from crmsync.core.model import Finding
from crmsync.project.yaml import Document

_LENGTH: Final = {"d": 12, "w": 84, "m": 365, "y": 4380}  # twelfths of a day, so that a year is twelve months


def read_retention(document: Document) -> Mapping[str, str]:
    """As it is written; what has not the right shape is a finding by now, and nothing of the project is used."""
    found = document.look(("retention",))
    return found if isinstance(found, dict) else {}


def check_retention(document: Document, retention: Mapping[str, str]) -> Iterator[Finding]:
    """Of periods that have the right shape: runs take their journals with them."""
    runs, journal = retention.get("runs"), retention.get("journal")
    if runs and journal and _length(runs) < _length(journal):
        message = f"runs go after {runs}, and take their journals with them, which are to stay for {journal}"
        mend = "let runs stay as long, or longer"
        yield Finding("project/short-runs", message, mend, "warning", at=document.at("retention", "runs"))


def _length(period: str) -> int:
    return int(period[:-1]) * _LENGTH[period[-1]]
