"""What do the reference tables say, and do they fit together?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from crmsync.core.model import Finding, Json, Table, to_json
from crmsync.core.near import choose
from crmsync.project.shapes import misfits, shown
from crmsync.project.yaml import Document


@dataclass(frozen=True, slots=True)
class _Written:
    name: str
    body: Json
    document: Document

    def wrong(self, rule: str, message: str, mend: str, *where: str | int, key: bool = False) -> Finding:
        find = self.document.key_at if key else self.document.at
        return Finding(f"reference/{rule}", f"table {self.name}: {message}", mend, at=find(self.name, *where))


def read_tables(document: Document) -> tuple[dict[str, Table], list[Finding]]:
    """The tables of one file that have the right shape, and all that is wrong with any of them."""
    wrong = misfits("reference", document)
    findings = [finding for _, finding in wrong]
    damaged = {where[0] if where else None for where in [*(where for where, _ in wrong), *document.broken]}
    tables: dict[str, Table] = {}
    if None in damaged:
        return tables, findings
    for name, body in document.data.items():
        if name in damaged:
            continue
        written = _Written(name, body, document)
        found = [*_short_rows(written), *_same_rows(written), *_bad_preferences(written)]
        findings += found
        if not found:
            tables[name] = _table(written)
    return tables, findings


def _same_value(one: Json, two: Json) -> bool:
    """Equal as JSON: true is not 1, and 5.00 is 5."""
    return isinstance(one, bool) == isinstance(two, bool) and bool(one == two)


def _short_rows(table: _Written) -> Iterator[Finding]:
    wanted = len(table.body["columns"])
    for index, row in enumerate(table.body["rows"]):
        if len(row) != wanted:
            message = f"row {index + 1} has {len(row)} values for {wanted} columns"
            mend = f"write one value for each of: {', '.join(table.body['columns'])}"
            yield table.wrong("row-length", message, mend, "rows", index)


def _same_rows(table: _Written) -> Iterator[Finding]:
    first: dict[bytes, int] = {}
    for index, row in enumerate(table.body["rows"]):
        before = first.setdefault(to_json(row), index)
        if before != index:
            place = table.document.at(table.name, "rows", before)
            message = f"row {index + 1} says the same as row {before + 1} at {place.line}:{place.column}"
            yield table.wrong("duplicate-row", message, "delete one of the two", "rows", index)


def _bad_preferences(table: _Written) -> Iterator[Finding]:
    columns = table.body["columns"]
    for column, preferred in table.body.get("prefer", {}).items():
        if column in columns:
            for text, taken in preferred.items():
                yield from _bad_preference(table, column, text, taken)
        else:
            message = f"prefer names column {column!r}, which the table has not"
            mend = choose(column, columns, "columns")
            yield table.wrong("unknown-column", message, mend, "prefer", column, key=True)


def _bad_preference(table: _Written, column: str, text: str, taken: Json) -> Iterator[Finding]:
    index = table.body["columns"].index(column)
    rows = _rows_with(table.body, index, text)
    if not rows:
        message = f"prefer speaks of {text!r}, which is in no row of column {column}"
        mend = choose(text, {_spelt(row[index]) for row in table.body["rows"] if index < len(row)})
        yield table.wrong("unknown-value", message, mend, "prefer", column, text, key=True)
    elif not any(_same_value(value, taken) for row in rows for value in row):
        message = f"prefer takes {shown(taken)} for {text!r}, but no row has the two together"
        yield table.wrong("unknown-value", message, "take a value of one of its rows", "prefer", column, text)


def _rows_with(body: Json, column: int, text: str) -> list[Json]:
    """The rows whose value in that column is spelt like the key `text` of a YAML object."""
    return [row for row in body["rows"] if column < len(row) and _spelt(row[column]) == text]


def _spelt(value: Json) -> str:
    return value if isinstance(value, str) else to_json(value).decode()


def _table(table: _Written) -> Table:
    columns, rows = tuple(table.body["columns"]), table.body["rows"]
    prefer = {}
    for column, preferred in table.body.get("prefer", {}).items():
        index = columns.index(column)
        prefer[column] = {_rows_with(table.body, index, text)[0][index]: taken for text, taken in preferred.items()}
    unmapped = table.body.get("unmapped", "reject")
    return Table(table.name, columns, tuple(map(tuple, rows)), prefer, unmapped, table.document.key_at(table.name))
