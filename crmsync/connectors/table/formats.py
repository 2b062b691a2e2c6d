"""How do CSV, JSON Lines, Excel and Parquet hold rows, and how is one changed without touching the others?"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from crmsync.connectors.base import Refused
from crmsync.connectors.record import Unplain, plain, split
from crmsync.connectors.table.cells import Cell, fit, read, text_of
from crmsync.core.expression import put_path
from crmsync.core.model import Json, from_json

CHUNK: Final = 5000
_in_order: Final = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number in the file, its record, or what of it can be read and why the rest cannot."""

    number: int
    record: Json
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Spec:
    """One file and how it is to be understood."""

    place: str  # crm.account, for errors
    path: Path
    types: Mapping[str, str]
    empty_is_null: bool
    zone: str
    encoding: str
    separator: str
    sheet: str | int

    def kind(self, column: str) -> str:
        return self.types.get(column, "text")

    def value(self, column: str, cell: Cell) -> Json:
        kind = self.kind(column)
        if cell is None or cell == "":
            return "" if kind == "text" and not self.empty_is_null else None
        if kind == "text" and isinstance(cell, str):  # nearly all cells of a CSV file
            return cell
        return read(kind, cell, column, self.zone)


@dataclass(slots=True)
class Changes:
    """What a batch does to a file: by the number of the row (None: it goes), and new rows behind the last one."""

    rows: dict[int, Json] = field(default_factory=dict)  # the whole record as it shall be
    gone: set[int] = field(default_factory=set)
    new: list[Json] = field(default_factory=list)


class Format(Protocol):
    def columns(self) -> list[str] | None:
        """The names of the columns; None where every record has its own."""
        ...

    def rows(self) -> Iterator[Row]: ...

    def changed(self, record: Json, path: str, value: Json) -> Json:
        """The record with `path` set. Raises `Unplain` where the file cannot hold that."""
        ...

    def rewritten(self, changes: Changes) -> bytes:
        """The file's new content."""
        ...


def needed(module: str) -> Any:
    """A module of the extra `table`, imported only now: pandas alone takes a second."""
    import importlib

    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        raise Refused(f"{module} is not installed; pip install crmsync[table]") from None


class Cells:
    """What CSV and Excel share: named columns, whose cells are read by declared types."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    def row(self, number: int, columns: Sequence[str], cells: Sequence[Cell]) -> Row:
        record: dict[str, Json] = {}
        fault = None
        for column, cell in zip(columns, cells, strict=False):
            try:
                record[column] = self.spec.value(column, cell)
            except Unplain as error:
                fault = fault or str(error)
        return Row(number, record, fault)

    def changed(self, record: Json, path: str, value: Json) -> Json:
        column, *inner = split(path)
        if column not in record:
            raise Unplain(f"no column holds {path}")
        kind = self.spec.kind(column)
        if inner and kind != "json":
            raise Unplain(f"no column holds {path}: {column} holds {kind}")
        new = put_path(record.get(column), tuple(inner), plain(value, path))
        return {**record, column: fit(kind, new, column)}


# CSV ---------------------------------------------------------------------------------------------------------


class Csv(Cells):
    """Read by pandas as text. Written by cutting the file's own text, so that untouched cells stay as they are."""

    def columns(self) -> list[str]:
        with self.spec.path.open(encoding=self.spec.encoding, errors="surrogateescape", newline="") as stream:
            header = self._first(stream.read(1_000_000))
        if not header:
            raise Refused(f"{self.spec.place}: {self.spec.path} has no header line")
        names = [self._bare(cell) for cell in self._cells(header)[0]]
        names[0] = names[0].removeprefix("\ufeff").strip('"')
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise Refused(f"{self.spec.place}: {self.spec.path} names columns twice: {', '.join(twice)}")
        return names

    def rows(self) -> Iterator[Row]:
        columns = self.columns()
        given = 0
        pandas = needed("pandas")
        try:
            for given, cells in enumerate(self._read(len(columns), "c"), 1):
                yield self._row(given - 1, columns, cells)
        except pandas.errors.ParserError:  # a row with more cells than the header: the slow reader lets us mark it
            yield from islice(self._rows_marked(columns), given, None)

    def _rows_marked(self, columns: Sequence[str]) -> Iterator[Row]:
        try:
            for number, cells in enumerate(self._read(len(columns), "python")):
                yield self._row(number, columns, cells)
        except (needed("pandas").errors.ParserError, csv.Error):
            raise Refused(f"{self.spec.place}: {self.spec.path} breaks off inside a quoted cell") from None

    def rewritten(self, changes: Changes) -> bytes:
        columns = self.columns()
        with self.spec.path.open(encoding=self.spec.encoding, errors="surrogateescape", newline="") as stream:
            header, *records = self._records(stream.read())
        end = self._cells(header)[1] or "\n"
        lines = [header, *self._lines(columns, records, changes)]
        if changes.new and not lines[-1].endswith(("\r", "\n")):
            lines[-1] += end
        lines += [self._line([self._text(c, record.get(c)) for c in columns], end) for record in changes.new]
        return "".join(lines).encode(self.spec.encoding, "surrogateescape")

    def _read(self, width: int, engine: str) -> Iterator[Sequence[Cell]]:
        """The cells of each row behind the header. The header is read as a row: pandas would take the first column
        for an index where a row is longer."""
        more: dict[str, Any] = {"on_bad_lines": lambda cells: [*cells[: width - 1], None]} if engine == "python" else {}
        with needed("pandas").read_csv(
            self.spec.path,
            sep=self.spec.separator,
            encoding=self.spec.encoding,
            encoding_errors="surrogateescape",
            header=None,
            dtype=object,
            keep_default_na=False,  # an empty cell is "", and only a cell that is not there is none
            na_values=[],
            chunksize=CHUNK,
            engine=engine,
            **more,
        ) as chunks:
            yield from islice((cells for chunk in chunks for cells in chunk.to_numpy(dtype=object).tolist()), 1, None)

    def _row(self, number: int, columns: Sequence[str], cells: Sequence[Cell]) -> Row:
        if all(type(cell) is str for cell in cells):
            return self.row(number, columns, cells)
        sound = self.row(number, columns, [cell if isinstance(cell, str) else "" for cell in cells])
        return Row(number, sound.record, f"its row does not have {len(columns)} cells, as the header has")

    def _lines(self, columns: Sequence[str], records: Sequence[str], changes: Changes) -> Iterator[str]:
        index = 0
        for record in records:
            if self._blank(record):
                yield record
                continue
            if index in changes.rows:
                yield self._edited(columns, record, changes.rows[index])
            elif index not in changes.gone:
                yield record
            index += 1

    def _edited(self, columns: Sequence[str], line: str, record: Json) -> str:
        """The line with those cells written anew that say something else now."""
        cells, end = self._cells(line)
        for index, column in enumerate(columns):
            if self.spec.value(column, self._bare(cells[index])) != record[column]:
                cells[index] = self._text(column, record[column], quoted=cells[index].startswith('"'))
        return self._line(cells, end)

    def _line(self, cells: Sequence[str], end: str) -> str:
        return self.spec.separator.join(cells) + end

    def _text(self, column: str, value: Json, quoted: bool = False) -> str:
        text = text_of(self.spec.kind(column), value)
        special = any(sign in text for sign in (self.spec.separator, '"', "\r", "\n")) or text != text.strip()
        return '"' + text.replace('"', '""') + '"' if special or quoted else text

    def _bare(self, cell: str) -> str:
        return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell

    def _blank(self, line: str) -> bool:
        return not line.strip("".join(sign for sign in " \t\r\n" if sign != self.spec.separator))

    @property
    def _field(self) -> str:
        other = rf"[^{re.escape(self.spec.separator)}\r\n]*"
        return rf'(?>"[^"]*(?:""[^"]*)*"{other}|(?!"){other})'

    @property
    def _record(self) -> str:
        return rf"(?:{self._field}{re.escape(self.spec.separator)})*{self._field}(?:\r\n|\r|\n|\Z)"

    def _records(self, text: str) -> list[str]:
        """The lines of the file; a quoted cell may hold the end of one."""
        found = re.findall(self._record, text)
        return found[:-1] if found and not found[-1] else found

    def _first(self, text: str) -> str:
        found = re.search(self._record, text)
        return found.group() if found else ""

    def _cells(self, line: str) -> tuple[list[str], str]:
        """The cells of a line as they are written, and its end."""
        body = line.rstrip("\r\n")
        separator = re.escape(self.spec.separator)
        cells = re.findall(rf"({self._field})(?:{separator}|\Z)", body)
        if body and not body.endswith(self.spec.separator):
            cells.pop()  # the empty match behind the last cell
        return cells, line[len(body) :]


# JSON Lines --------------------------------------------------------------------------------------------------


class JsonLines:
    """One JSON value a line, whatever it is; no pandas: it would make floats of numbers."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    def columns(self) -> None:
        return None

    def rows(self) -> Iterator[Row]:
        with self.spec.path.open("rb") as stream:
            for number, line in enumerate(line for line in stream if line.strip()):
                yield self._row(number, line)

    def changed(self, record: Json, path: str, value: Json) -> Json:
        return put_path(record, split(path), plain(value, path))

    def rewritten(self, changes: Changes) -> bytes:
        lines: list[bytes] = []
        index = 0
        for line in self.spec.path.read_bytes().splitlines(keepends=True):
            if line.strip():
                if index in changes.rows:
                    line = _in_order.encode(changes.rows[index]) + b"\n"
                index += 1
                if index - 1 in changes.gone:
                    continue
            lines.append(line)
        if lines and changes.new and not lines[-1].endswith(b"\n"):
            lines[-1] += b"\n"
        return b"".join([*lines, *(_in_order.encode(record) + b"\n" for record in changes.new)])

    def _row(self, number: int, line: bytes) -> Row:
        try:
            return Row(number, from_json(line.decode(self.spec.encoding).removeprefix("\ufeff")))
        except (ValueError, RecursionError):
            return Row(number, line.decode(self.spec.encoding, "replace"), "is no JSON")


# Excel -------------------------------------------------------------------------------------------------------


class Excel(Cells):
    """Read by pandas, cell by cell as they are. Written in place by openpyxl: formats and other sheets stay."""

    def columns(self) -> list[str]:
        return [str(name) for name in self._frame(0).columns]

    def rows(self) -> Iterator[Row]:
        frame = self._frame(None)
        columns = [str(name) for name in frame.columns]
        for number, cells in enumerate(frame.to_numpy(dtype=object).tolist()):
            if any(cell != "" for cell in cells):
                yield self.row(number, columns, cells)

    def rewritten(self, changes: Changes) -> bytes:
        book = needed("openpyxl").load_workbook(self.spec.path)
        name = self.spec.sheet
        sheet = book[name] if isinstance(name, str) else book.worksheets[name]
        columns = [str(cell.value) for cell in sheet[1]]
        for index, record in changes.rows.items():
            self._write(sheet, columns, index + 2, record)
        for record in changes.new:
            self._write(sheet, columns, sheet.max_row + 1, record)
        for index in sorted(changes.gone, reverse=True):
            sheet.delete_rows(index + 2)
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()

    def _write(self, sheet: Any, columns: Sequence[str], row: int, record: Json) -> None:
        for index, column in enumerate(columns, 1):
            cell = sheet.cell(row, index)
            if self.spec.value(column, cell.value) != record.get(column):
                cell.value = self._cell(column, record.get(column))
                if isinstance(cell.value, str):
                    cell.data_type = "s"  # or "=x" would be a formula

    def _cell(self, column: str, value: Json) -> Cell:
        """Numbers as numbers, as long as Excel's floats hold them; the rest as text."""
        kind = self.spec.kind(column)
        if value is None or kind == "boolean":
            return value
        if kind in ("integer", "decimal") and read("decimal", float(value), column, self.spec.zone) == value:
            return value
        return text_of(kind, value)

    def _frame(self, rows: int | None) -> Any:
        pandas = needed("pandas")
        needed("openpyxl")
        try:
            return pandas.read_excel(
                self.spec.path, sheet_name=self.spec.sheet, dtype=object, na_filter=False, nrows=rows, engine="openpyxl"
            )
        except ValueError as error:
            raise Refused(f"{self.spec.place}: {self.spec.path}: {error}") from None


# Parquet -----------------------------------------------------------------------------------------------------


class Parquet:
    """Read by pyarrow, which is what pandas reads Parquet with, in batches and by the file's own types."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    @cached_property
    def _schema(self) -> Any:
        return needed("pyarrow.parquet").read_schema(self.spec.path)

    def columns(self) -> list[str]:
        return list(self._schema.names)

    def rows(self) -> Iterator[Row]:
        with needed("pyarrow.parquet").ParquetFile(self.spec.path) as file:
            records = (record for batch in file.iter_batches(CHUNK) for record in batch.to_pylist())
            for number, record in enumerate(records):
                yield self._row(number, record)

    def changed(self, record: Json, path: str, value: Json) -> Json:
        column, *inner = split(path)
        if column not in self._schema.names:
            raise Unplain(f"no column holds {path}")
        new = put_path(record.get(column), tuple(inner), plain(value, path))
        self._arrow(column, new)
        return {**record, column: new}

    def rewritten(self, changes: Changes) -> bytes:
        pyarrow, parquet = needed("pyarrow"), needed("pyarrow.parquet")
        table = parquet.read_table(self.spec.path)
        records = table.to_pylist()
        for index, record in changes.rows.items():
            records[index] = self._native(record)
        kept = [record for index, record in enumerate(records) if index not in changes.gone]
        kept += [self._native(record) for record in changes.new]
        out = io.BytesIO()
        parquet.write_table(pyarrow.Table.from_pylist(kept, schema=table.schema), out)
        return out.getvalue()

    def _native(self, record: Json) -> dict[str, Any]:
        return {name: self._arrow(name, record.get(name)) for name in self._schema.names}

    def _arrow(self, column: str, value: Json) -> Any:
        """The value as the column's type has it. Raises `Unplain` where it does not fit."""
        from crmsync.connectors.table.arrow import native  # pyarrow takes a third of a second to import

        if self.spec.kind(column) == "json":
            value = None if value is None else text_of("json", value)
        return native(self._schema.field(column).type, value, column, self.spec.zone)

    def _row(self, number: int, record: Mapping[str, Any]) -> Row:
        from crmsync.connectors.table.arrow import said  # as above

        sound: dict[str, Json] = {}
        fault = None
        for name, value in record.items():
            try:
                plainly = said(value, name, self.spec.zone)
                in_text = self.spec.kind(name) == "json" and isinstance(plainly, str)
                sound[name] = self.spec.value(name, plainly) if in_text else plainly
            except Unplain as error:
                fault = fault or str(error)
        return Row(number, sound, fault)


FORMATS: Final[Mapping[str, type[Csv | JsonLines | Excel | Parquet]]] = {
    "csv": Csv,
    "jsonl": JsonLines,
    "excel": Excel,
    "parquet": Parquet,
}
SUFFIXES: Final = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".xlsx": "excel",
    ".xlsm": "excel", ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
