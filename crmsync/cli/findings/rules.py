"""What does the documentation say of a rule?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_CELL: Final = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Help:
    means: str
    mend: str = ""


def rule_help(rule: str) -> Help | None:
    """What the tables of rules say, also by a row for many: `limits/KIND`. None where no page is at hand."""
    room, _, word = rule.partition("/")
    found = _helps()
    return found.get(rule) or next((found[each] for each in found if _for_many(each, room)), None) if word else None


def _for_many(rule: str, room: str) -> bool:
    before, _, word = rule.partition("/")
    return before == room and word.isupper()


@cache
def _helps() -> Mapping[str, Help]:
    found: dict[str, Help] = {}
    for page in sorted(_folder().glob("*.md")):
        for row in _rows(page.read_text("utf-8")):
            found.setdefault(row["rule"].strip("`"), Help(_means(row), row.get("mend", "")))
    return found


def _means(row: Mapping[str, str]) -> str:
    """In words, or by an example of what is wrong and what is said of it then."""
    if "means" in row:
        return row["means"]
    example = row.get("such as")
    return f"Such as {example} gives: {row['it says']}" if example else row.get("it says", "")


def _folder() -> Path:
    """The pages that were packed with us; in a working copy of the source, those beside us."""
    package = Path(__file__).parents[2]
    packed = package / "docs"
    source = package.parent
    return packed if packed.is_dir() or not (source / "pyproject.toml").is_file() else source / "docs"


def _rows(text: str) -> Iterator[dict[str, str]]:
    """The rows of tables whose first column is `rule`, cells by the heads of their columns."""
    head: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in _CELL.split(line)[1:-1]] if line.startswith("|") else []
        if not cells:
            head = []
        elif not head:
            head = cells
        elif head[0] == "rule" and not set(line) <= set("|-: "):
            yield dict(zip(head, cells, strict=False))
