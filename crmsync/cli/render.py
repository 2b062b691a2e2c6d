"""How do results look on stdout? As tables on a terminal, as aligned text elsewhere, or as one JSON object."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence

import click

from crmsync.core.model import ABSENT, Absent, Json, Symbol, to_json

LONGEST = 100  # characters of one value in a line
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def say(text: str = "") -> None:
    click.echo(clean(text))


def json(value: Json) -> None:
    """One JSON object, indented, as the only thing on stdout."""
    click.echo(json_text(value))


def json_text(value: Json) -> str:
    import msgspec

    return msgspec.json.format(to_json(plain(value)), indent=2).decode()


def plain(value: Json) -> Json:
    """JSON in which what is not there is null."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return None if isinstance(value, Absent) else value


def value(given: Json) -> str:
    """A value of a record as a person reads it: JSON, `(absent)` where there is nothing, long ones cut."""
    if given is ABSENT:
        return "(absent)"
    if isinstance(given, Symbol):
        return f"(key of the {given.mapping} made from {','.join(map(str, given.source))})"
    text = to_json(given).decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def clean(text: str) -> str:
    """Nothing that a terminal would obey: what a system says may hold anything."""
    return "".join(char if char.isprintable() or char == "\n" else f"\\x{ord(char):02x}" for char in text)


def table(head: Sequence[str], rows: Sequence[Sequence[object]], right: Collection[int] = ()) -> None:
    """`right` are the columns that are aligned to the right: numbers."""
    texts = [["" if cell is None else clean(str(cell)).replace("\n", " ") for cell in row] for row in rows]
    if sys.stdout.isatty():
        _rich_table(head, texts, right)
    else:
        _plain_table(head, texts, right)


def _plain_table(head: Sequence[str], rows: list[list[str]], right: Collection[int]) -> None:
    widths = [max(len(row[i]) for row in [list(head), *rows]) for i in range(len(head))]
    for row in [list(head), *rows]:
        cells = (cell.rjust(widths[i]) if i in right else cell.ljust(widths[i]) for i, cell in enumerate(row))
        click.echo("  ".join(cells).rstrip())


def _rich_table(head: Sequence[str], rows: list[list[str]], right: Collection[int]) -> None:
    from rich import box
    from rich.console import Console  # slow to import, and only wanted on a terminal
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE, pad_edge=False)
    for i, name in enumerate(head):
        shown.add_column(name, justify="right" if i in right else "left", overflow="fold")
    for row in rows:
        shown.add_row(*map(Text, row))
    Console().print(shown)


def count(number: int, what: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def when(moment: str | None) -> str:
    """A time of the ledger as a person reads it, in UTC: `2026-01-31 02:00:07Z`."""
    return "-" if moment is None else f"{moment[:19].replace('T', ' ')}Z"


def day(moment: str) -> str:
    """A time of the ledger as it is told in a story: `31 January 2026, 02:00 UTC`."""
    year, month, rest = moment.split("-", 2)
    return f"{int(rest[:2])} {MONTHS[int(month) - 1]} {year}, {rest[3:8]} UTC"
