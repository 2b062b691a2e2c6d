"""Does the table connector read files without losing a type, and write them without touching the rest?"""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
from collections.abc import Callable
from cProfile import Profile
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from pstats import Stats
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.connectors.base import Connection, Door, Insert, Patch, Refused, Remove, Transient
from crmsync.connectors.table import connect
from crmsync.connectors.table.files import locked, replace_file, stamp
from crmsync.core.model import Entity, Json, Key, System, to_json
from tests.connectors.conformance import THING, DoorLaws, listed, one, refused, said, thing

TYPES = {
    "id": "integer",
    "amount": "decimal",
    "active": "boolean",
    "count": "integer",
    "born": "date",
    "seen": "datetime",
    "extra": "json",
    "updated": "integer",
}
COLUMNS = list(thing(1))


Writing: TypeAlias = Callable[[Path, list[Json]], None]
Kept: TypeAlias = Callable[[Json], Json]


def as_it_is(values: Json) -> Json:
    return values


def no_empty_text(values: Json) -> Json:
    return {name: None if value == "" else value for name, value in values.items()}


def as_excel_has_it(values: Json) -> Json:
    """A sheet keeps a number as a float: it has no places."""
    amount = values.get("amount")
    bare = {} if amount is None else {"amount": Decimal(f"{float(amount):.12g}")}
    return no_empty_text(values | bare)


class FileBench:
    """A file that is written anew by its users at every edit."""

    def __init__(self, path: Path, write: Writing, kept: Kept, **options: Json) -> None:
        self.path = path
        self.kept = kept
        self.entity = replace(THING, options={"file": path.name, **options})
        self.system = System("lab", "table", {"thing": self.entity}, {"folder": str(path.parent)})
        self._write = write
        write(path, [])

    def connect(self) -> Connection:
        return connect(self.system)

    def put(self, *records: Json) -> None:
        held = self._held()
        for record in records:
            held[(record["id"],)] = record
        self._write(self.path, list(held.values()))

    def remove(self, key: Key) -> None:
        self._write(self.path, [record for other, record in self._held().items() if other != key])

    def spoil(self, key: Key) -> bool:
        if self.path.suffix not in (".csv", ".jsonl"):
            return False
        lines = self.path.read_bytes().splitlines(keepends=True)
        start = b'{"id":1,' if self.path.suffix == ".jsonl" else b"1,"
        spoiled = [line.replace(b"\xc5\xbd", b"\xff") if line.startswith(start) else line for line in lines]
        self.path.write_bytes(b"".join(spoiled))
        return self.path.suffix == ".csv"

    def _held(self) -> dict[Key, Json]:
        """By the connector's own reading: what it wrote before is kept."""
        door = self.connect().door(self.entity)
        return {raw.key: door.decode(raw.body) for page in door.list() for raw in page}


def write_csv(path: Path, records: list[Json]) -> None:
    import csv

    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows([cell_text(record[name]) for name in COLUMNS] for record in records)


def cell_text(value: Json) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case dict():
            return to_json(value).decode()
        case _:
            return str(value)


def write_jsonl(path: Path, records: list[Json]) -> None:
    path.write_bytes(b"".join(to_json(record) + b"\n" for record in records))


def write_excel(path: Path, records: list[Json]) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(COLUMNS)
    for record in records:
        row = [
            value if isinstance(value := record[name], int | Decimal) else cell_text(value) or None for name in COLUMNS
        ]
        sheet.append(row)
    book.save(path)


def write_parquet(path: Path, records: list[Json]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from crmsync.connectors.table.arrow import native

    types: list[tuple[str, Any]] = [
        ("id", pa.int64()),
        ("name", pa.string()),
        ("amount", pa.decimal128(12, 2)),
        ("active", pa.bool_()),
        ("count", pa.int32()),
        ("born", pa.date32()),
        ("seen", pa.timestamp("us", tz="UTC")),
        ("extra", pa.string()),  # JSON
        ("origin", pa.string()),
        ("updated", pa.int64()),
    ]
    rows = [
        {name: native(type_, record[name], name, "UTC") for name, type_ in types if name != "extra"}
        for record in records
    ]
    for row, record in zip(rows, records, strict=True):
        row["extra"] = cell_text(record["extra"]) or None
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(types)), path)


def benches(tmp_path: Path, name: str, write: Writing, kept: Kept, **options: Json):
    numbers = itertools.count()
    return lambda: FileBench(tmp_path / f"{next(numbers)}{name}", write, kept, **options)


class TestCsv(DoorLaws):
    @pytest.fixture
    def fresh(self, tmp_path):
        return benches(tmp_path, ".csv", write_csv, no_empty_text, types=TYPES)


class TestJsonLines(DoorLaws):
    @pytest.fixture
    def fresh(self, tmp_path):
        return benches(tmp_path, ".jsonl", write_jsonl, as_it_is)


class TestExcel(DoorLaws):
    @pytest.fixture
    def fresh(self, tmp_path):
        return benches(tmp_path, ".xlsx", write_excel, as_excel_has_it, types=TYPES)


class TestParquet(DoorLaws):
    @pytest.fixture
    def fresh(self, tmp_path):
        return benches(tmp_path, ".parquet", write_parquet, as_it_is, types={"extra": "json"})


# One file, as a test needs it ---------------------------------------------------------------------------------


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def door(self, name: str, content: bytes | None = None, wanted: frozenset[str] | None = None, **more: Any) -> Door:
        """A door to the file of this name, with this content; what is no field of an entity is an option."""
        if content is not None:
            (self.path / name).write_bytes(content)
        fields = {field: more.pop(field) for field in set(more) & {"key", "modified", "assigned_by", "max_bytes"}}
        entity = replace(Entity("lab", "thing", ("id",)), options={"file": name, **more}, **fields)
        return connect(System("lab", "table", {}, {"folder": str(self.path)})).door(entity, wanted)

    def text(self, name: str) -> bytes:
        return (self.path / name).read_bytes()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def records(door: Door) -> list[Json]:
    return [raw.fault or door.decode(raw.body) for raw in listed(door)]


def version(door: Door, key: Key) -> str:
    return one(door, key).version


# CSV --------------------------------------------------------------------------------------------------------------


def test_cells_are_text_unless_they_say_otherwise(folder: Folder):
    door = folder.door("a.csv", b"id,n,price\n007,7,1.50\n008,,\n", types={"n": "integer", "price": "decimal"})
    assert [to_json(record) for record in records(door)] == [
        b'{"id":"007","n":7,"price":1.50}',
        b'{"id":"008","n":null,"price":null}',
    ]


@pytest.mark.parametrize("text", ["NA", "nan", "NULL", "None", "1e5", "0x10", "TRUE", "2024-01-01", " x ", "-", "#N/A"])
def test_no_text_becomes_anything_else(folder: Folder, text: str):
    assert records(folder.door("a.csv", f"id,t\n1,{text}\n".encode())) == [{"id": "1", "t": text}]


def test_an_empty_cell_is_null_or_text_as_declared(folder: Folder):
    content = b"id,t,n\n1,,\n"
    assert records(folder.door("a.csv", content)) == [{"id": "1", "t": None, "n": None}]
    door = folder.door("a.csv", content, empty="text", types={"n": "integer"})
    assert records(door) == [{"id": "1", "t": "", "n": None}]


def test_a_row_that_is_too_short_or_too_long_is_listed_with_its_fault(folder: Folder):
    rows = [*(f"{n},a,b" for n in range(1, 6000)), "6000,a", "6001,a,b,c", "6002,a,b"]
    raws = listed(folder.door("a.csv", "\n".join(["id,x,y", *rows]).encode()))
    assert [raw.key[0] for raw in raws] == [str(n) for n in range(1, 6003)]
    assert {raw.key[0]: raw.fault for raw in raws if raw.fault} == {
        "6000": "its row does not have 3 cells, as the header has",
        "6001": "its row does not have 3 cells, as the header has",
    }


def test_a_longer_first_row_shifts_no_column(folder: Folder):
    (raw,) = listed(folder.door("a.csv", b"id,x\n1,a,surplus\n"))
    assert raw.key == ("1",)
    assert raw.fault


def test_a_file_that_breaks_off_inside_a_cell_is_refused(folder: Folder):
    door = folder.door("a.csv", b'id,x\n1,a\n2,"b\n3,c\n')
    assert "breaks off inside a quoted cell" in refused(lambda: listed(door))


def test_a_cell_that_its_type_cannot_read_is_a_fault_that_does_not_say_it(folder: Folder):
    types = {"n": "integer", "d": "decimal", "b": "boolean", "day": "date", "at": "datetime", "j": "json"}
    content = b"id,n,d,b,day,at,j\n" + b"".join(
        b"%d,%s\n" % (n, b",".join(b"geheim" if n == at else b"" for at in range(6))) for n in range(6)
    )
    faults = [raw.fault for raw in listed(folder.door("a.csv", content, types=types))]
    assert faults == [f"{column} cannot be read as {kind}" for column, kind in types.items()]


def test_other_encodings_and_separators_can_be_told(folder: Folder):
    door = folder.door("a.txt", "id;name\r\n1;Žofie\r\n".encode("cp1250"), encoding="cp1250", separator=";")
    assert records(door) == [{"id": "1", "name": "Žofie"}]
    (outcome,) = door.write([Patch(("1",), (("name", "Áňa; ž"),), version(door, ("1",)))])
    assert said(door, outcome)["name"] == "Áňa; ž"
    assert folder.text("a.txt") == 'id;name\r\n1;"Áňa; ž"\r\n'.encode("cp1250")


def test_a_byte_order_mark_is_no_part_of_the_first_name(folder: Folder):
    content = '\ufeffid,name\n1,"a"\n'.encode()
    door = folder.door("a.csv", content)
    assert records(door) == [{"id": "1", "name": "a"}]
    door.write([Patch(("1",), (("name", "b"),), version(door, ("1",)))])
    assert folder.text("a.csv") == content.replace(b'"a"', b'"b"')


CELLS = st.text(st.sampled_from('ab ,"\n\r;Ž'), max_size=5)


@given(st.lists(st.tuples(CELLS, CELLS, st.booleans()), min_size=1, max_size=5), st.data())
def test_a_write_leaves_every_byte_of_the_others_as_it_was(folder: Folder, rows, data):
    def written(text: str, quoted: bool) -> str:
        special = any(sign in text for sign in ',"\r\n')
        return '"' + text.replace('"', '""') + '"' if quoted or special else text

    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    lines = [f"{n},{written(a, quoted)},{written(b, not quoted)}" for n, (a, b, quoted) in enumerate(rows)]
    last = data.draw(st.sampled_from(["", end]))
    door = folder.door("a.csv", (end.join(['id,"a",b', *lines]) + last).encode(), empty="text")
    assert [(record["a"], record["b"]) for record in records(door)] == [(a, b) for a, b, _ in rows]
    row = data.draw(st.integers(0, len(rows) - 1))
    patch = Patch((str(row),), (("b", "new"),), version(door, (str(row),)))
    gone = [Remove((str(other),), version(door, (str(other),))) for other in range(len(rows)) if other == row - 1]
    outcomes = door.write([patch, *gone, Insert({"id": "x", "a": "y"}, "t")])
    assert {outcome.status for outcome in outcomes} == {"done"}
    expected = [line for n, line in enumerate(lines) if n != row - 1]
    quoted = written(rows[row][1], not rows[row][2]).startswith('"')
    expected[expected.index(lines[row])] = f"{row},{written(rows[row][0], rows[row][2])},{written('new', quoted)}"
    assert folder.text("a.csv").decode() == end.join(['id,"a",b', *expected, "x,y,", ""])


def test_columns_keep_their_order_and_blank_lines_stay(folder: Folder):
    door = folder.door("a.csv", b"z,id,a\n1,k,2\n\n3,l,4\n")
    door.write([Patch(("l",), (("z", "9"),), version(door, ("l",)))])
    assert folder.text("a.csv") == b"z,id,a\n1,k,2\n\n9,l,4\n"


def test_assigned_keys_follow_the_greatest_one(folder: Folder):
    numbers = folder.door("a.csv", b"id,n\n7,x\n", types={"id": "integer"})
    texts = folder.door("b.csv", b"id,n\n7,x\n")
    assert [said(door, door.write([Insert({"n": "y"}, "t")])[0])["id"] for door in (numbers, texts)] == [8, "8"]


def test_no_key_is_assigned_that_a_row_with_a_fault_has(folder: Folder):
    door = folder.door("a.csv", b"id,n\n7,1\n8,one\n", types={"n": "integer"})
    (outcome,) = door.write([Insert({"n": 2}, "t")])
    assert said(door, outcome)["id"] == "9"


def test_a_caller_assigns_keys_once(folder: Folder):
    door = folder.door("a.csv", b"id,n\n7,x\n", assigned_by="caller")
    taken, keyless, good = door.write([Insert({"id": "7"}, "1"), Insert({"n": "y"}, "2"), Insert({"id": "8"}, "3")])
    assert (taken.message, keyless.message) == (
        "a record with this key is already there",
        "the record has no key at id",
    )
    assert good.status == "done"


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("n", "5", "n takes integer"),
        ("n", True, "n takes integer"),
        ("day", "soon", "day takes date"),
        ("t", 5, "t takes text"),
        ("t.x", "a", "no column holds t.x: t holds text"),
        ("shoe", "a", "no column holds shoe"),
        ("id", "2", "the key of a record cannot be changed"),
    ],
)
def test_a_value_that_its_column_does_not_take_is_refused(folder: Folder, path: str, value: Json, words: str):
    content = b"id,n,t,day\n1,2,3,\n"
    door = folder.door("a.csv", content, types={"n": "integer", "day": "date"})
    (outcome,) = door.write([Patch(("1",), ((path, value),), version(door, ("1",)))])
    assert (outcome.status, outcome.message) == ("refused", words)
    assert folder.text("a.csv") == content


# JSON Lines -------------------------------------------------------------------------------------------------------


def test_lines_keep_their_order_and_their_numbers(folder: Folder):
    content = b'{"z":1.10,"id":1,"a":{"b":[1,2.50]}}\n\n{"id": 2,  "z": null}\n'
    door = folder.door("a.jsonl", content)
    assert to_json(records(door)[0]) == b'{"a":{"b":[1,2.50]},"id":1,"z":1.10}'
    door.write([Patch((1,), (("a.c", Decimal("3.10")),), version(door, (1,))), Insert({"id": 3}, "t")])
    assert (
        folder.text("a.jsonl") == b'{"z":1.10,"id":1,"a":{"b":[1,2.50],"c":3.10}}\n\n{"id": 2,  "z": null}\n{"id":3}\n'
    )


def test_a_line_that_is_no_record_is_listed_with_its_fault(folder: Folder):
    content = b'{"id":1}\nnot json\n[1]\n{"id":null}\n{"id":2,"n":NaN}\n{"id":"\xff"}\n{"n":1}'
    raws = listed(folder.door("a.jsonl", content))
    assert [(raw.key, raw.fault) for raw in raws] == [
        ((1,), None),
        (("#2",), "is no JSON"),
        (("#3",), "is not an object"),
        (("#4",), "has no key at id"),
        (("#5",), "is no JSON"),
        (("#6",), "is no JSON"),
        (("#7",), "has no key at id"),
    ]


# Excel ------------------------------------------------------------------------------------------------------------


def sheet(folder: Folder, *rows: list[object]) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.create_sheet("other")["A1"] = "untouched"
    active = book.active
    assert active is not None
    for row in rows:
        active.append(row)
    active["B2"].number_format = "0.00"
    book.save(folder.path / "a.xlsx")


def test_cells_of_a_sheet_say_what_they_hold(folder: Folder):
    day = datetime(2024, 2, 29)  # noqa: DTZ001 a sheet knows no zones
    sheet(
        folder,
        ["id", "n", "t", "day", "at", "b"],
        ["007", 7, 7.5, day, day, True],
        [],
        ["8", None, 7, None, None, None],
    )
    types = {"n": "integer", "day": "date", "at": "datetime", "b": "boolean"}
    assert records(folder.door("a.xlsx", types=types)) == [
        {"id": "007", "n": 7, "t": "7.5", "day": "2024-02-29", "at": "2024-02-29T00:00:00+00:00", "b": True},
        {"id": "8", "n": None, "t": "7", "day": None, "at": None, "b": None},
    ]


def test_a_write_to_a_sheet_leaves_formats_and_other_sheets(folder: Folder):
    import openpyxl

    sheet(folder, ["id", "n", "t"], ["a", 1.5, "x"], ["b", 2, "y"], ["c", 3, "z"])
    door = folder.door("a.xlsx", types={"n": "decimal"})
    outcomes = door.write(
        [
            Patch(("a",), (("n", Decimal("2.25")), ("t", "=1+1")), version(door, ("a",))),
            Remove(("b",), version(door, ("b",))),
            Insert({"id": "d", "n": Decimal("1234567890123456.789")}, "t"),
        ]
    )
    assert [outcome.status for outcome in outcomes] == ["done"] * 3
    assert records(door) == [
        {"id": "a", "n": Decimal("2.25"), "t": "=1+1"},
        {"id": "c", "n": 3, "t": "z"},
        {"id": "d", "n": Decimal("1234567890123456.789"), "t": None},
    ]
    book = openpyxl.load_workbook(folder.path / "a.xlsx")
    assert book["other"]["A1"].value == "untouched"
    assert book["Sheet"]["B2"].number_format == "0.00"
    assert book["Sheet"]["B2"].value == 2.25


def test_a_sheet_that_is_not_there_is_refused(folder: Folder):
    sheet(folder, ["id"], ["a"])
    assert "nowhere" in refused(lambda: folder.door("a.xlsx", sheet="nowhere"))
    assert records(folder.door("a.xlsx", sheet="Sheet")) == [{"id": "a"}]


# Parquet ----------------------------------------------------------------------------------------------------------


def test_a_parquet_file_keeps_its_types(folder: Folder):
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            ("id", pa.int64()),
            ("f", pa.float64()),
            ("d", pa.decimal128(9, 2)),
            ("at", pa.timestamp("ms", tz="Europe/Prague")),
            ("local", pa.timestamp("us")),
            ("tags", pa.list_(pa.string())),
            ("s", pa.struct([("n", pa.int32()), ("t", pa.string())])),
        ]
    )
    rows = [
        {"id": 1, "f": 0.1, "d": Decimal("1.50"), "at": datetime(2024, 7, 1, tzinfo=UTC), "tags": ["a"], "s": {"n": 1}},
        {"id": 2, "f": float("nan")},
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder.path / "a.parquet")
    door = folder.door("a.parquet")
    first, second = records(door)
    assert first == {
        "id": 1,
        "f": Decimal("0.1"),
        "d": Decimal("1.50"),
        "at": "2024-07-01T02:00:00+02:00",
        "local": None,
        "tags": ["a"],
        "s": {"n": 1, "t": None},
    }
    assert second == "f is not a finite number"
    values = (("s.t", "x"), ("tags", ["b"]), ("local", "2024-01-01T00:00:00+00:00"), ("f", Decimal("0.2")))
    too_much = Patch((1,), (("d", Decimal("1.555")),), version(door, (1,)))
    unfit, made = door.write([too_much, Patch((1,), values, version(door, (1,)))])
    assert (unfit.status, unfit.message) == ("refused", "d takes decimal128(9, 2)")
    assert (said(door, made)["s"], said(door, made)["local"]) == ({"n": 1, "t": "x"}, "2024-01-01T00:00:00+00:00")
    assert pq.read_schema(folder.path / "a.parquet").equals(schema)
    for path, value in (("id", True), ("s", {"n": "x"}), ("at", "soon"), ("tags", [1]), ("f", "x"), ("shoe", 1)):
        (outcome,) = door.write([Patch((1,), ((path, value),), version(door, (1,)))])
        assert outcome.status == "refused", path


# What is missing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"file": "thnig.csv"}, "there is no file"),
        ({"file": "a.doc"}, "`format` is one of csv, jsonl, excel, parquet"),
        ({}, "a table needs a `file`, such as thing.csv"),
        ({"file": "thing.csv", "types": {"id": "number"}}, "types id: number is not known; types are text, integer"),
        ({"file": "thing.csv", "types": {"nam": "text"}}, "no column nam; the nearest names: name"),
        ({"file": "thing.csv", "empty": "nothing"}, "empty: nothing is not known"),
        ({"file": "twice.csv"}, "names columns twice: id"),
        ({"file": "blank.csv"}, "has no header line"),
        ({"file": "keyless.csv"}, "no column id"),
    ],
)
def test_what_a_file_has_not_is_refused_in_words(folder: Folder, options: Json, words: str):
    files = {
        "thing.csv": b"id,name\n",
        "twice.csv": b"id,id\n",
        "blank.csv": b"",
        "keyless.csv": b"name\n",
        "a.doc": b"",
    }
    for name, content in files.items():
        (folder.path / name).write_bytes(content)
    system = System("lab", "table", {}, {"folder": str(folder.path)})
    entity = Entity("lab", "thing", ("id",), options=options)
    message = refused(lambda: connect(system).door(entity))
    assert words in message
    assert message.startswith("lab.thing: ")


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx", "a.parquet"])
def test_what_is_not_installed_is_said_with_the_mend(folder: Folder, monkeypatch: pytest.MonkeyPatch, name: str):
    for module in ("pandas", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, module, None)
    (folder.path / name).write_bytes(b"id\n1\n")
    assert "pip install crmsync[table]" in refused(lambda: listed(folder.door(name)))


# Files ------------------------------------------------------------------------------------------------------------


def test_a_write_leaves_nothing_behind_and_keeps_the_mode(folder: Folder):
    door = folder.door("a.csv", b"id,n\n1,x\n")
    (folder.path / "a.csv").chmod(0o640)
    door.write([Patch(("1",), (("n", "y"),), version(door, ("1",)))])
    assert [path.name for path in folder.path.iterdir()] == ["a.csv"]
    assert (folder.path / "a.csv").stat().st_mode & 0o777 == 0o640


def test_a_batch_that_changes_nothing_does_not_touch_the_file(folder: Folder):
    door = folder.door("a.csv", b"id,n\n1,x\n")
    before = (folder.path / "a.csv").stat()
    (outcome,) = door.write([Patch(("1",), (("n", "y"),), "another version")])
    assert outcome.status == "stale"
    assert (folder.path / "a.csv").stat().st_ino == before.st_ino


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.xlsx"])
def test_a_batch_opens_the_file_as_often_as_one_write(folder: Folder, name: str):
    for path in (folder.path / name, folder.path / f"b{name}"):
        {".csv": write_csv, ".jsonl": write_jsonl, ".xlsx": write_excel}[path.suffix](path, [thing(1), thing(2)])
    alone = folder.door(name, types=TYPES)
    together = folder.door(f"b{name}", types=TYPES)
    change = Patch((1,), (("name", "new"),), version(alone, (1,)))
    once = opened(folder.path / name, lambda: alone.write([change]))
    inserts = [Insert({"name": f"n{n}"}, str(n)) for n in range(20)]
    assert opened(folder.path / f"b{name}", lambda: together.write([change, *inserts])) == once > 0


def test_what_a_write_costs_does_not_grow_with_the_batch(folder: Folder):
    """In calls, not in seconds: twice the rows and twice the writes are twice the work."""

    def calls(n: int) -> int:
        door = folder.door("a.csv", b"id,n\n" + b"".join(b"%d,x\n" % row for row in range(n)))
        listed(door)  # pandas is there, expressions are compiled
        profile = Profile()
        profile.runcall(door.write, [Insert({"n": "y"}, str(n)) for n in range(n)])
        total: int = Stats(profile).total_calls  # type: ignore[attr-defined]  # typeshed lacks it
        return total

    calls(10)
    assert calls(400) < 2.5 * calls(200)


def opened(path: Path, do: Callable[[], object]) -> int:
    """How often a file is opened meanwhile."""
    seen = []

    def counting(file: Any, *args: Any, **options: Any) -> Any:
        seen.append(str(file))
        return io_open(file, *args, **options)

    io_open = io.open
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.open", counting)
        patch.setattr("io.open", counting)
        do()
    return seen.count(str(path))


def test_who_waits_too_long_for_another_writer_may_try_again(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.touch()
    with locked(path), pytest.raises(Transient, match=r"a\.csv\.lock: another process is writing"):
        locked(path, patience=0.1).__enter__()
    with locked(path, patience=0.0):
        assert (tmp_path / "a.csv.lock").exists()
    assert not (tmp_path / "a.csv.lock").exists()


def test_a_lock_file_that_a_dead_process_left_holds_nobody_up(tmp_path: Path):
    (tmp_path / "a.csv.lock").touch()
    with locked(tmp_path / "a.csv", patience=0.0):
        pass


def test_a_change_by_somebody_who_knows_no_lock_is_not_overwritten(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")
    seen = stamp(path)
    path.write_bytes(b"their new content")
    with pytest.raises(Transient, match="somebody else changed the file"):
        replace_file(path, b"ours", seen)
    assert path.read_bytes() == b"their new content"
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path):
    with pytest.raises(Refused, match="cannot be written"):
        locked(tmp_path / "nowhere" / "a.csv").__enter__()


def test_pandas_is_imported_only_when_a_file_is_read():
    code = "import sys, crmsync.connectors.table; sys.exit(bool({'pandas', 'pyarrow', 'openpyxl'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
