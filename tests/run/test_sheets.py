"""What is written to a spreadsheet is what is read back, whatever the keys and the values are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.model import Contract, End, Key, Ref
from crmsync.run.match.sheets import read_pairs, read_sheet, readings, write_sheet, written_key
from crmsync.run.world import Stopped

CRM, PM = (End(name, name, "line", Contract(f"{name}.line", "1.0.0", True)) for name in ("crm", "pm"))
TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12)
KEYS = st.lists(TEXT.filter(bool) | st.integers(-(10**17), 10**17), min_size=1, max_size=3).map(tuple)


@given(KEYS)
def test_every_key_is_among_the_readings_of_its_text(key: Key) -> None:
    assert key in set(readings(written_key(key), CRM))
    assert key in set(readings(str(Ref("crm", "line", key)), CRM))


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1), st.sampled_from(["\n", "\r\n"]))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], end: str
) -> None:
    file = tmp_path_factory.mktemp("sheet") / "a.csv"
    write_sheet(file, ["crm", "pm"], rows)
    file.write_bytes(file.read_bytes().replace(b"\n", end.encode()))
    found = [row.cells for row in read_sheet(file).rows]
    assert found == [row for row in rows if any(cell.strip() for cell in row)]


def test_an_older_file_is_for_its_owner_alone_from_now_on(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("old", "utf-8")
    file.chmod(0o644)
    assert write_sheet(file, ["crm", "pm"], [("1", "7")]) == 1
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_older_file_stays_whole_when_the_rows_break_off(tmp_path: Path) -> None:
    def rows() -> Iterator[tuple[str, str]]:
        yield "1", "7"
        raise Stopped(1)

    file = tmp_path / "a.csv"
    file.write_text("old", "utf-8")
    with pytest.raises(Stopped):
        write_sheet(file, ["crm", "pm"], rows())
    assert [(each.name, each.read_text("utf-8")) for each in tmp_path.iterdir()] == [("a.csv", "old")]


def test_where_a_link_leads_is_written(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "a.csv")
    write_sheet(tmp_path / "link.csv", ["crm", "pm"], [])
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "a.csv").read_text("utf-8-sig") == "crm,pm\n"


@pytest.mark.parametrize("name", ["-", "/dev/null", "/dev/null/a.csv"])
def test_what_is_no_regular_file_is_not_replaced(name: str) -> None:
    with pytest.raises(Stopped) as stopped:
        write_sheet(Path(name), ["crm", "pm"], [])
    assert [finding.rule for finding in stopped.value.findings] == ["sheet/unwritable"]


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+cmd", "-x", "=HYPERLINK(1)"])
def test_no_cell_is_a_formula(tmp_path: Path, cell: str) -> None:
    write_sheet(tmp_path / "a.csv", ["crm", "pm"], [(cell, "+421 905 123 456")])
    line = (tmp_path / "a.csv").read_text("utf-8-sig").splitlines()[1]
    assert line == f"'{cell},+421 905 123 456"


def test_composite_keys_find_their_records(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('crm,pm\n"7,3",a%2Cb\ncrm.line/7%2C3,"a,b"\n', "utf-8")
    known: tuple[set[Key], set[Key]] = {(7, 3), ("7,3",)}, {("a,b",)}
    pairs = read_pairs(tmp_path / "a.csv", (CRM, PM), known)
    assert [each.keys for each in pairs.told] == [((7, 3), ("a,b",)), (("7,3",), ("a,b",))]


def test_a_number_is_a_text_where_the_records_say_so(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("crm;pm\n42;042\n", "utf-8")
    pairs = read_pairs(tmp_path / "a.csv", (CRM, PM), ({("42",)}, {("042",), (42,)}))
    assert [each.keys for each in pairs.told] == [(("42",), ("042",))]


def test_inside_one_side_a_pair_has_no_order(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b,verdict\n2,1,same\n1,2,different\n", "utf-8")
    with pytest.raises(Stopped) as stopped:
        read_pairs(tmp_path / "a.csv", (CRM, CRM), ({(1,), (2,)}, {(1,), (2,)}))
    assert [finding.rule for finding in stopped.value.findings] == ["sheet/contradiction"]
