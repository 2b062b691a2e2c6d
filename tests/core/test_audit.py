"""Laws of the chain: nobody changes what was told of the past without being seen."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.audit import FORGET, PRUNE, Entry, Fault, Head, Row, ends_so, seal, verify

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
ENTRIES = st.lists(
    st.builds(
        Entry, TEXT, st.none() | TEXT, TEXT, st.sampled_from(["crmsync", "Žofia", "eva"]), st.none() | TEXT,
        st.sampled_from([None, 0, 1]), st.sampled_from(["create", "update", "decide"]), st.none() | TEXT,
        st.none() | TEXT, TEXT,
    ),
    min_size=1, max_size=8,
)  # fmt: skip


def chain(entries: list[Entry], head: Head | None = None) -> list[Row]:
    return list(seal(head or Head(), ((entry, f"{n:032x}") for n, entry in enumerate(entries))))


def end(rows: list[Row]) -> Head:
    return Head(rows[-1].n, rows[-1].hash) if rows else Head()


def judged(rows: list[Row], last: Head, noted: Head | None = None) -> Head | Fault:
    """As a ledger asks it."""
    by_number = {row.n: row for row in rows}
    found = verify(((row, by_number.get(row.erased or 0)) for row in sorted(rows, key=lambda row: row.n)), noted)
    return found if isinstance(found, Fault) else ends_so(found, last)


@given(ENTRIES, ENTRIES)
def test_a_chain_that_nobody_touched_is_whole_and_holds_every_head_that_it_had(first, more):
    rows = chain(first)
    noted = end(rows)
    rows += chain(more, noted)

    assert judged(rows, end(rows), noted) == end(rows)
    assert judged([], Head()) == Head()


@given(ENTRIES, st.data())
def test_a_changed_column_is_found_and_its_row_is_named(entries, data):
    rows = chain(entries)
    place = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.sampled_from([name for name in Row._fields if name != "n"]))
    before = getattr(rows[place], column)
    values: st.SearchStrategy[Any] = st.integers(0, 20) if column in ("side", "erased") else TEXT
    after = data.draw((st.none() | values).filter(lambda value: value != before))
    changed = [*rows]
    changed[place] = rows[place]._replace(**{column: after})

    found = judged(changed, end(rows))

    assert isinstance(found, Fault)
    assert found.n == rows[place].n


@given(ENTRIES.filter(lambda entries: len(entries) > 1), st.data())
def test_a_row_that_is_missing_is_found_and_named(entries, data):
    rows = chain(entries)
    gone = data.draw(st.integers(0, len(rows) - 1))

    found = judged(rows[:gone] + rows[gone + 1 :], end(rows))

    assert isinstance(found, Fault)
    assert found.n == gone + 1


@given(ENTRIES.filter(lambda entries: len(entries) > 1), st.data())
def test_two_rows_that_changed_places_are_found(entries, data):
    rows = chain(entries)
    first = data.draw(st.integers(0, len(rows) - 2))
    second = data.draw(st.integers(first + 1, len(rows) - 1))
    swapped = [*rows]
    swapped[first], swapped[second] = rows[second]._replace(n=first + 1), rows[first]._replace(n=second + 1)

    found = judged(swapped, end(rows))

    assert isinstance(found, Fault)
    assert found.n == first + 1


@given(ENTRIES, st.data())
def test_a_row_that_was_put_in_is_found(entries, data):
    rows = chain(entries)
    place = data.draw(st.integers(0, len(rows) - 1))
    before = Head(place, rows[place - 1].hash if place else "")
    forged = next(seal(before, [(entries[0], "f" * 32)]))
    later = [row._replace(n=row.n + 1) for row in rows[place:]]

    found = judged([*rows[:place], forged, *later], Head(len(rows) + 1, rows[-1].hash))

    assert isinstance(found, Fault)
    assert found.n in (place + 1, place + 2)


@pytest.mark.parametrize("n", [0, -7])
def test_a_row_before_the_first_one_is_found(n):
    rows = chain([ENTRY, ENTRY])

    assert judged([rows[0]._replace(n=n), *rows], end(rows)) == Fault("audit/inserted", n, f"row {n} was put in")


@given(ENTRIES, st.data())
def test_with_a_noted_head_a_tail_that_was_cut_is_found(entries, data):
    rows = chain(entries)
    left = rows[: data.draw(st.integers(0, len(rows) - 1))]

    assert judged(left, end(left)) == end(left)  # without it nobody can see that
    found = judged(left, end(left), end(rows))

    assert isinstance(found, Fault)
    assert (found.rule, found.n) == ("audit/cut", len(left) + 1)


@given(ENTRIES, TEXT)
def test_with_a_noted_head_a_chain_that_was_written_anew_is_found(entries, actor):
    rows = chain(entries)
    anew = chain([entries[0]._replace(actor=f"not {entries[0].actor}"), *entries[1:], *entries])

    assert judged(anew, end(anew)) == end(anew)
    found = judged(anew, end(anew), end(rows))

    assert isinstance(found, Fault)
    assert (found.rule, found.n) == ("audit/rewritten", len(rows))


def test_a_tail_that_was_cut_is_found_by_where_the_ledger_says_that_the_chain_ends():
    rows = chain([ENTRY] * 3)

    found = judged(rows[:2], end(rows))

    assert found == Fault(
        "audit/cut", 3,
        "the chain ends with row 2, and the ledger says that it ends with row 3: rows were cut off, or added by "
        "somebody else",
    )  # fmt: skip


# Erasing ---------------------------------------------------------------------------------------------------------

ENTRY = Entry("2026-11-21T02:00:00", "r1", "t", "crmsync", "m", 1, "create", "aa", "bb", '{"secret":"Žofia"}')
FORGOT = ENTRY._replace(run=None, actor="eva", event=FORGET, source="bb", target=None, told="{}")


def erased(row: Row, by: int) -> Row:
    return row._replace(told=None, salt=None, erased=by)


PRUNED = FORGOT._replace(event=PRUNE, source=None, told='{"before":"2026-11-21T02:00:01"}')


@pytest.mark.parametrize("last", [FORGOT, PRUNED], ids=["forget", "prune"])
def test_what_was_erased_by_a_row_that_says_so_is_whole(last):
    rows = chain([ENTRY, ENTRY, last])

    assert judged([erased(rows[0], 3), erased(rows[1], 3), rows[2]], end(rows)) == end(rows)


@pytest.mark.parametrize(
    ("last", "by"),
    [
        (FORGOT, 4),
        (FORGOT, 1),
        (FORGOT._replace(source="cc"), 3),
        (FORGOT._replace(event="update"), 3),
        (PRUNED._replace(told=f'{{"before":"{ENTRY.at}"}}'), 3),
        (PRUNED._replace(told="{}"), 3),
    ],
    ids=[
        "by no row",
        "by itself",
        "of another record",
        "by a row of another event",
        "too young",
        "no time said",
    ],
)
def test_what_was_erased_by_nobody_who_may_is_found(last, by):
    rows = chain([ENTRY, ENTRY, last])

    found = judged([erased(rows[0], by), *rows[1:]], end(rows))

    assert isinstance(found, Fault)
    assert (found.rule, found.n) == ("audit/told", 1)
    assert "no row says that it was to be erased" in found.message


def test_what_was_erased_cannot_be_found_by_guessing():
    """The commitment of the same words is another one each time, and its key is gone with them."""
    one, two = chain([ENTRY, ENTRY])

    assert one.commitment != two.commitment


# Heads -----------------------------------------------------------------------------------------------------------


@given(ENTRIES)
def test_a_head_is_read_as_it_is_written(entries):
    head = end(chain(entries))

    assert Head.read(f" {head}\n") == head
    assert Head.read(str(Head())) == Head()


@pytest.mark.parametrize("text", ["", "7", "7:", "7:abc", f"x:{'0' * 64}", f"-1:{'0' * 64}", f"7:{'G' * 64}", "0:00"])
def test_what_is_no_head_is_refused(text):
    with pytest.raises(ValueError, match="is no head of an audit; write it as a run printed it"):
        Head.read(text)
