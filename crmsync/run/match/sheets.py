"""What does a spreadsheet say about pairs of records? CSV as people save it, and as we write it.

A byte order mark, semicolons or tabs between the cells and Windows line ends are all welcome. Keys are written as in
refs: the parts of a composite key joined by commas, percent-encoded; a whole ref (`crm.account/42`) will do as well.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final
from urllib.parse import quote, unquote

from crmsync.core.match.parts import unordered
from crmsync.core.model import ABSENT, SIDES, At, Both, End, Finding, Json, Key, to_json
from crmsync.run.world import Stopped

SEPARATORS: Final = ",;\t"
VERDICT: Final = "verdict"
VERDICTS: Final[Mapping[str, bool | None]] = {
    "same": True, "1": True, "different": False, "0": False, "": None,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a sheet below its head; `line` counts from 1, as editors do."""

    line: int
    cells: tuple[str, ...]

    def cell(self, place: int) -> str:
        return self.cells[place] if place < len(self.cells) else ""


@dataclass(frozen=True, slots=True)
class Sheet:
    file: str
    head: tuple[str, ...]
    rows: tuple[Row, ...]

    def wrong(self, rule: str, message: str, mend: str, line: int = 1) -> Finding:
        return Finding(rule, message, mend, at=At(self.file, line, 1))


@dataclass(frozen=True, slots=True)
class Told:
    """A pair that a line of a sheet speaks about. `same` None: the line does not say."""

    line: int
    keys: Both[Key]
    same: bool | None


@dataclass(frozen=True, slots=True)
class Pairs:
    """The pairs of a sheet. `unknown` are the keys that no record has: line and words."""

    sheet: Sheet
    told: tuple[Told, ...]
    unknown: tuple[tuple[int, str], ...] = ()

    @property
    def judged(self) -> dict[Both[Key], bool]:
        return {each.keys: each.same for each in self.told if each.same is not None}


def read_sheet(file: Path) -> Sheet:
    """Raises `Stopped` (exit 2) for a file that cannot be read, that is no UTF-8 or no CSV, or whose head does not name
    two columns."""
    try:
        head, *rows = list(_rows(file.read_bytes().decode("utf-8-sig"))) or [Row(1, ())]
    except OSError as error:
        raise _unreadable(file, "sheet/unreadable", error.strerror or "it cannot be read") from None
    except UnicodeDecodeError as error:
        raise _unreadable(file, "sheet/encoding", f"byte {error.start} is no UTF-8") from None
    except csv.Error as error:
        raise _unreadable(file, "sheet/no-csv", f"not CSV: {error}") from None
    sheet = Sheet(str(file), tuple(name.strip() for name in head.cells), tuple(rows))
    if len(sheet.head) < 2:
        raise Stopped(
            2, sheet.wrong("sheet/no-columns", "the first line must name two columns of keys", "such as: crm,pm")
        )
    return sheet


def _unreadable(file: Path, rule: str, message: str) -> Stopped:
    return Stopped(2, Finding(rule, message, "name a file that was saved as CSV UTF-8", at=At(str(file))))


def _rows(text: str) -> Iterator[Row]:
    first = text.split("\n", 1)[0]
    separator = max(SEPARATORS, key=lambda each: (first.count(each), -SEPARATORS.index(each)))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    after = 0
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield Row(after + 1, tuple(map(_plain, cells)))
        after = reader.line_num


def read_pairs(file: Path, ends: Both[End], known: Both[Container[Key]], hidden: Both[bool] = (False, False)) -> Pairs:
    """The pairs of a sheet by their keys: of the two `ends` in this order, unless the head names them the other way
    round. `known`: the keys that there are on each side; `42` is a number or a text as they are. `hidden`:
    whose keys are not told. Raises `Stopped` (exit 2) with everything that is wrong but keys that no record has."""
    sheet = read_sheet(file)
    places = places_of_keys(sheet.head, ends)
    verdict = _verdict_place(sheet.head, places)
    told: list[Told] = []
    unknown: list[tuple[int, str]] = []
    wrong: list[Finding] = []
    for row in sheet.rows:
        texts = [row.cell(places[side]).strip() for side in SIDES]
        keys = [_known_key(texts[side], ends[side], known[side]) for side in SIDES]
        word = row.cell(verdict).strip().lower() if verdict is not None else "same"
        if word not in VERDICTS:
            message = f"{word!r} is no verdict"
            wrong.append(sheet.wrong("sheet/no-verdict", message, "write same or different (or 1 or 0)", row.line))
        unknown += [(row.line, nobody(texts[side], ends[side], hidden[side])) for side in SIDES if keys[side] is None]
        if keys[0] is not None and keys[1] is not None:
            pair = (keys[0], keys[1])
            told.append(Told(row.line, unordered(pair) if ends[0] == ends[1] else pair, VERDICTS.get(word)))
    wrong += contradictions(sheet, told)
    if wrong:
        raise Stopped(2, *sorted(wrong, key=lambda each: each.at or At("")))
    return Pairs(sheet, tuple(told), tuple(unknown))


def places_of_keys(head: Sequence[str], ends: Both[End], taken: Container[int] = ()) -> Both[int]:
    """The columns of the two keys: those that are named like the sides, or the first two that are not `taken`."""
    names = [name.lower() for name in head]
    free = [place for place in range(len(head)) if place not in taken]
    found = [next((place for place in free if names[place] in _names(end)), None) for end in ends]
    if ends[0] == ends[1] or None in found or found[0] == found[1]:
        found = [*free, 0, 0]
    return found[0] or 0, found[1] or 0


def _names(end: End) -> tuple[str, str, str]:
    return end.name, f"{end.system}.{end.entity}", end.entity


def _verdict_place(head: Sequence[str], places: Both[int]) -> int | None:
    if VERDICT in head:
        return head.index(VERDICT)
    return next((place for place in range(min(len(head), 3)) if place not in places), None)


def _known_key(text: str, end: End, known: Container[Key]) -> Key | None:
    """The first reading of a text that is a key of `known`."""
    return next((key for key in readings(text, end) if key in known), None)


def readings(text: str, end: End) -> Iterator[Key]:
    """What a written key may be: with numbers first, the text as it stands last."""
    parts = text.removeprefix(f"{end.system}.{end.entity}/").split(",")
    yield from product(*(_scalars(unquote(part.strip())) for part in parts))
    yield (text,)


def _scalars(part: str) -> list[str | int]:
    whole = part.isascii() and part.removeprefix("-").isdigit() and len(part) < 20 and str(int(part)) == part
    return [int(part), part] if whole else [part]


def nobody(text: str, end: End, hidden: bool) -> str:
    """What is said of a key that no record has."""
    name = f"{end.system}.{end.entity}"
    return f"{name} has no record {'of this key' if hidden else repr(text)}" if text else f"no key of {name}"


def contradictions(sheet: Sheet, told: Iterable[Told]) -> Iterator[Finding]:
    """A pair that one line calls the same, and another one different."""
    first: dict[Both[Key], Told] = {}
    for each in told:
        if each.same is None:
            continue
        before = first.setdefault(each.keys, each)
        if before.same != each.same:
            message = f"line {before.line} says the opposite about the same two records"
            yield sheet.wrong("sheet/contradiction", message, "keep one of the two lines", each.line)


def written_key(key: Key) -> str:
    """As refs spell it."""
    return ",".join(quote(str(part), safe="") for part in key)


def write_sheet(file: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """For a spreadsheet: UTF-8 with a byte order mark, commas. It holds values of records, so it is for its owner alone
    (mode 0600). A file of this name is replaced when the last row is there, not before. Gives the number of rows.
    Raises `Stopped` (exit 2) where nothing can be written."""
    target = file.resolve()  # what a link leads to is replaced, not the link
    if str(file) == "-" or (target.exists() and not target.is_file()):
        raise _unwritable(file, "it is no regular file")
    try:
        stream = NamedTemporaryFile(  # noqa: SIM115  # it closes below, before it takes the name
            "w", encoding="utf-8-sig", dir=target.parent, prefix=f".{target.name}.", delete=False
        )  # mode 0600, says tempfile
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise _unwritable(file, error.strerror or "it cannot be written") from None
    beside = Path(stream.name)
    try:
        with stream:
            lines = sum(1 for line in to_csv(head, rows) if stream.write(f"{line}\n"))
        beside.replace(target)
    except BaseException:
        beside.unlink()
        raise
    return lines - 1


def _unwritable(file: Path, why: str) -> Stopped:
    return Stopped(2, Finding("sheet/unwritable", why, "name a file that can be written", at=At(str(file))))


def to_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Line after line, without its end."""
    for row in chain([head], rows):
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow([harmless(cell) for cell in row])
        yield line.getvalue()


def cell(value: Json) -> str:
    """A value as one cell: text as it is, nothing where there is nothing, anything else as JSON."""
    return "" if value is None or value is ABSENT else value if isinstance(value, str) else to_json(value).decode()


def harmless(cell: object) -> str:
    """No spreadsheet takes it for a formula: what begins like one gets an apostrophe in front."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if _is_formula(text) else text


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _is_formula(cell[1:]) else cell


def _is_formula(text: str) -> bool:
    """A telephone number and a negative one are none."""
    return text[:1] in ("=", "@", "\t", "\r") or (text[:1] in ("+", "-") and not text[1:2].isdigit())
