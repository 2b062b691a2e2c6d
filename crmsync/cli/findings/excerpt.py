"""What does the line look like that a finding is about, and where in it?"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from crmsync.cli import render

WIDTH: Final = 100  # columns of a terminal that a line may take
BEFORE: Final = 60  # ... and of them before the caret
TAB: Final = "    "
_SECRET: Final = re.compile(
    r"(password|passwd|secret|token|api_?key|credentials?)[\"']?\s*:|://[^/@\s]*:[^/@\s]+@", re.IGNORECASE
)


def excerpt(line: str, number: int, column: int) -> str:
    """The line behind its number, and a caret below the column (from 1; 0: no caret). Empty for a blank line, and for
    one that may hold a password.

    Tabs become four spaces, wide characters count two, marks none, and what a terminal would obey is spelled out. Of a
    line that is too long the part around the column is shown."""
    if not line.strip() or _SECRET.search(line):
        return ""
    start = max(column - 1, 0)
    before = [_cell(char) for char in line[max(start - WIDTH, 0) : start]]
    behind = [_cell(char) for char in line[start : start + WIDTH + 1]]
    lead = _fitting(before[::-1], max(BEFORE, WIDTH - _width(behind)))[::-1]
    tail = _fitting(behind, WIDTH - _width(lead))
    cut = "…" if len(lead) < min(start, len(line)) else ""
    rest = "…" if len(tail) < len(line) - start else ""
    margin = " " * len(str(number))
    shown = f"    {number} | {cut}{''.join(lead)}{''.join(tail)}{rest}".rstrip()
    return f"{shown}\n    {margin} | {' ' * (len(cut) + _width(lead))}^" if column else shown


def _fitting(cells: list[str], width: int) -> list[str]:
    """As many of the first cells as this width has room for."""
    for count, cell in enumerate(cells):
        width -= _columns(cell)
        if width < 0:
            return cells[:count]
    return cells


def _cell(char: str) -> str:
    return TAB if char == "\t" else render.clean(char)


def _width(cells: list[str]) -> int:
    return sum(map(_columns, cells))


def _columns(cell: str) -> int:
    if len(cell) > 1:
        return len(cell)
    return 0 if unicodedata.category(cell) in ("Mn", "Me") else 1 + (unicodedata.east_asian_width(cell) in "WF")
