"""Does the spool give back what it was given, sorted, whatever the order in which it came?"""

from __future__ import annotations

import resource
from contextlib import closing
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.model import key_text
from crmsync.ledger.nouns import LinkKeys, RecordRow
from crmsync.ledger.spool import TWICE, WORST_FIRST, Line, PlannedLink, Spool, SpoolError, Staged
from tests.ledger.strategies import keys, values

M = "account-customer"


@pytest.fixture
def spool(tmp_path):
    opened = Spool(tmp_path)
    yield opened
    opened.close()


def flat(pages):
    return [each for page in pages for each in page]


def verdict(key, bucket, *, raw="r", reason="", mapping=M, side=0):
    return RecordRow(mapping, side, key, bucket, raw, "l", 1, reason, None, "r1")


# Keys seen ---------------------------------------------------------------------------------------------------


@given(st.lists(st.lists(keys, max_size=6), max_size=5))
def test_a_key_is_seen_again_exactly_when_it_came_before(batches):
    spool, before = Spool(), set()
    for batch in batches:
        expected = []
        for key in batch:
            expected += [key] if key in before else []
            before.add(key)
        assert spool.seen(M, 0, batch) == expected
    assert spool.seen(M, 1, sorted(before, key=key_text)) == []
    assert spool.seen("other", 0, sorted(before, key=key_text)) == []
    spool.close()


def test_links_whose_record_was_not_seen_are_given_in_their_order(spool):
    links = [LinkKeys((i,), (f"c{i}",), "live", (0, 0)) for i in range(6)]
    spool.seen(M, 0, [(0,), (2,), (3,)])
    spool.seen(M, 1, [("c5",)])

    assert list(spool.unseen(M, 0, iter([links[:2], links[2:4], links[4:]]))) == [[links[1]], [links[4], links[5]]]
    assert flat(spool.unseen(M, 1, [links])) == links[:5]


# Records to look at ------------------------------------------------------------------------------------------


staged_rows = st.builds(
    Staged, keys, st.binary(max_size=5), values, st.none() | st.just("fault"), st.booleans(), st.none() | keys
)


@given(st.lists(staged_rows, max_size=12), st.integers(1, 5))
def test_staged_records_come_back_once_each_in_the_order_of_their_text(rows, size):
    spool = Spool()
    spool.stage(M, 0, rows)
    first = {row.key: row for row in reversed(rows)}

    pages = list(spool.pages(M, 0, size=size))

    assert flat(pages) == sorted(first.values(), key=lambda row: key_text(row.key).encode())
    assert all(len(page) == size for page in pages[:-1])
    assert spool.staged(M, 0, [*first, ("not there",)]) == first
    assert spool.staged_keys(M, 0, [*first, ("not there",)]) == first.keys()
    assert spool.count(M, 0) == len(first)
    assert spool.count(M, 1) == 0
    spool.close()


def test_a_modified_value_comes_back_with_its_places(spool):
    spool.stage(M, 0, [Staged((1,), b"", Decimal("1.50")), Staged((2,), b"", [7, "a"])])

    assert [str(row.modified) for row in spool.staged(M, 0, [(1,), (2,)]).values()] == ["1.50", "[7, 'a']"]


def test_a_key_that_came_twice_is_a_fault_of_the_first_and_of_one_that_was_not_staged(spool):
    spool.stage(M, 0, [Staged((1,), b"body", partner=("p",))])
    spool.mark_duplicate(M, 0, [(1,), (2,), (2,)])

    assert flat(spool.pages(M, 0)) == [
        Staged((1,), b"body", None, TWICE, True, ("p",)),
        Staged((2,), b"", None, TWICE, True, None),
    ]


def test_partners_that_are_not_staged_themselves_are_asked_for(spool):
    spool.stage(M, 0, [Staged((1,), b"", partner=("a",)), Staged((2,), b"", partner=("b",)), Staged((3,), b"")])
    spool.stage(M, 1, [Staged(("b",), b"", partner=(2,)), Staged(("c",), b"", partner=(9,))])

    assert flat(spool.partners_missing(M, 0)) == [("a",)]
    assert flat(spool.partners_missing(M, 1)) == [(9,)]


def test_records_may_be_staged_while_missing_partners_are_walked(spool):
    spool.stage(M, 0, (Staged((i,), b"", partner=(i,)) for i in range(2_500)))
    asked = []
    for page in spool.partners_missing(M, 0):
        asked += page
        spool.stage(M, 1, (Staged(key, b"", listed=False, partner=key) for key in page))

    assert len(asked) == len(set(asked)) == 2_500
    assert list(spool.partners_missing(M, 0)) == []


def test_records_alone_are_those_whose_partner_is_not_staged(spool):
    spool.stage(M, 0, [Staged((1,), b"", partner=("a",)), Staged((2,), b"", partner=("b",)), Staged((3,), b"")])
    spool.stage(M, 1, [Staged(("a",), b"", partner=(1,))])

    assert [row.key for row in flat(spool.pages(M, 0, alone=True))] == [(2,), (3,)]
    assert flat(spool.pages(M, 1, alone=True)) == []


# Links of this run -------------------------------------------------------------------------------------------


def test_a_planned_link_is_found_from_both_sides_and_the_last_one_stands(spool):
    linked, create = PlannedLink(((1,), ("a",)), "linked"), PlannedLink(((2,), None), "create")
    spool.link(M, [PlannedLink(((1,), None), "waiting"), PlannedLink((None, ("b",)), "create"), linked, create])

    assert spool.planned(M, 0, [(1,), (2,), (3,)]) == {(1,): linked, (2,): create}
    assert spool.planned(M, 1, [("a",), ("b",)]) == {("a",): linked, ("b",): PlannedLink((None, ("b",)), "create")}
    assert spool.planned("other", 0, [(1,)]) == {}


# Lines of the plan -------------------------------------------------------------------------------------------


lines = st.builds(
    Line, st.integers(0, 2), st.integers(0, 2), st.integers(0, 1), keys.map(key_text),
    st.sampled_from(["create", "update", "hold"]), st.binary(max_size=3),
)  # fmt: skip


@given(st.lists(st.lists(lines, max_size=5), max_size=4), st.integers(0, 4))
def test_lines_come_back_sorted_however_they_were_added(batches, at):
    spool = Spool()
    for batch in batches[:at]:
        spool.add(batch)
    assert list(spool.lines()) == sorted(flat(batches[:at]))
    for batch in batches[at:]:
        spool.add(batch)

    assert list(spool.lines()) == list(spool.lines()) == sorted(flat(batches))
    spool.close()


def test_many_lines_come_back_all_of_them(spool):
    spool.add(Line(0, 0, 0, f"[{i * 7919 % 2500}]", "update", b"x") for i in range(2_500))

    assert [line.key_text for line in spool.lines()] == sorted(f"[{i}]" for i in range(2_500))


# Verdicts ----------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(WORST_FIRST), st.booleans(), st.text("xy", max_size=2))))
def test_of_two_verdicts_on_a_record_the_worse_one_stands_and_of_equal_ones_the_later(given_verdicts):
    spool = Spool()
    expected: dict[int, tuple[str, str]] = {}
    read = set()
    for key, bucket, was_read, raw in given_verdicts:
        spool.save_verdicts([verdict((key,), bucket, raw=raw)], read=was_read)
        if key not in expected or WORST_FIRST.index(bucket) <= WORST_FIRST.index(expected[key][0]):
            expected[key] = (bucket, raw)
        if was_read:
            read.add(key)

    rows = flat(spool.verdicts(M, 0))

    assert {row.key[0]: (row.bucket, row.raw) for row in rows} == expected
    assert [row.key[0] for row in rows] == sorted(expected)
    assert {key[0]: bucket for key, bucket in spool.buckets(M, 0, [(i,) for i in range(9)]).items()} == {
        key: bucket for key, (bucket, _) in expected.items()
    }
    tally = spool.tally(M, 0)
    assert sum(tally.values()) == len(read)
    assert tally == {
        bucket: sum(expected[key][0] == bucket for key in read) for bucket in {expected[key][0] for key in read}
    }
    assert spool.tally(M, 1) == {}
    spool.close()


def test_more_verdicts_than_a_page_come_back_whole(spool):
    rows = [verdict((i,), "held", reason="why") for i in range(2_500)]
    spool.save_verdicts(rows)

    assert flat(spool.verdicts(M, 0)) == sorted(rows, key=lambda row: key_text(row.key))


# The file ----------------------------------------------------------------------------------------------------


def test_nobody_finds_the_file_of_a_spool_and_nothing_is_left_of_it_when_its_process_is_killed(tmp_path):
    with closing(Spool(tmp_path)) as spool:
        for n in range(40):
            spool.stage(M, 0, [Staged((n,), bytes(1_000_000))])

        assert list(tmp_path.iterdir()) == []
        assert spool.count(M, 0) == 40
        assert sum(len(row.body) for page in spool.pages(M, 0, size=5) for row in page) == 40_000_000


def test_a_full_disk_is_told_with_the_folder_and_what_to_do(spool, tmp_path):
    spool._database.execute("PRAGMA max_page_count = 20")

    with pytest.raises(SpoolError, match=rf"{tmp_path}.*database or disk is full; make room, or set TMPDIR"):
        spool.stage(M, 0, (Staged((i,), b"x" * 9_000) for i in range(100)))


def test_a_full_disk_is_told_when_the_spool_is_opened(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(SpoolError, match="make room, or set TMPDIR"):
            Spool(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())
