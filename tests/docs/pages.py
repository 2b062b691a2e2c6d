"""What do the README and the pages under docs/ show, and where?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = (
    "README.md",
    "docs/mapping.md",
    "docs/matching.md",
    "docs/operations.md",
    "docs/questions.md",
    "docs/audit.md",
    "docs/rollout.md",
    "docs/signals.md",
    "docs/people.md",
    "docs/rules.md",
    "docs/connectors.md",
    "docs/contracts.md",
    "docs/changes.md",
    "docs/testing.md",
    "docs/ci.md",
)

_FENCE: Final = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_CELL: Final = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Block:
    """A fenced block: what stands behind its fence, and its text."""

    page: str
    line: int
    info: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Row:
    """A row of a table: the headings that it stands under, of level two and the nearest one, the heads of its columns,
    its cells."""

    page: str
    line: int
    section: str
    heading: str
    head: tuple[str, ...]
    cells: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def read(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def blocks(page: str, *info: str) -> list[Block]:
    """The fenced blocks of a page that begin with these words."""
    text = read(page)
    found = (
        Block(page, text.count("\n", 0, each.start()) + 1, tuple(each["info"].split()), each["text"])
        for each in _FENCE.finditer(text)
    )
    return [block for block in found if block.info[: len(info)] == info]


def all_blocks(*info: str) -> list[Block]:
    return [block for page in PAGES for block in blocks(page, *info)]


def rows(page: str, *head: str) -> list[Row]:
    """The rows of every table of a page whose columns are these."""
    return [row for row in _rows(page) if row.head == head]


def all_rows(*head: str) -> list[Row]:
    return [row for page in PAGES for row in rows(page, *head)]


def heads(page: str) -> set[tuple[str, ...]]:
    return {row.head for row in _rows(page)}


def _rows(page: str) -> Iterator[Row]:
    section = heading = ""
    head: tuple[str, ...] = ()
    fenced = False
    for number, line in enumerate(read(page).splitlines(), 1):
        fenced ^= line.startswith("```")
        if fenced:
            continue
        if line.startswith("#"):
            heading = line.lstrip("# ")
            section = heading if line.startswith("## ") else section
        if not line.startswith("|"):
            head = ()
        elif not head:
            head = _cells(line)
        elif not set(line) <= set("|-: "):
            yield Row(page, number, section, heading, head, _cells(line))


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip().replace("\\|", "|") for cell in _CELL.split(line)[1:-1])


def code(cell: str) -> str:
    """What stands between the backticks of a cell."""
    return cell.strip("`").strip()
