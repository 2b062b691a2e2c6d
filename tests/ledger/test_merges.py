"""Do merges and their undoing leave the links as they should be?"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.core.model import Both, Key
from crmsync.ledger.nouns import (
    BothLinked,
    Merge,
    MergeRefused,
    NewDuplicate,
    NewMerge,
    RecordRow,
    Says,
    WrongAnswer,
)
from crmsync.ledger.store import Ledger
from tests.ledger.test_store import LATER, NOW, M, link, pages, same, write

GOLDEN = {"name": {"value": "A", "from": "crm.account/1", "rule": "the survivor's"}}


def merging(survivor: int, key: int, says: Says | None = None, side: int = 0) -> NewMerge:
    return NewMerge(M, side, (survivor,), (key,), GOLDEN, says or {}, "eva", LATER, str(key), str(survivor))  # type: ignore[arg-type]  # 0 or 1


def merge(ledger: Ledger, survivor: int, key: int, says: Says | None = None) -> None:
    write(ledger, "merge", Merge(merging(survivor, key, says)))


def unmerge(ledger: Ledger, key: int, says: Says | None = None) -> None:
    row = next(row for row in ledger.merges_of(M, 0, (key,)) if row.key == (key,) and row.ended is None)
    write(ledger, "unmerge", row, says or {}, "adam", LATER)


def live(ledger: Ledger) -> set[Both[Key]]:
    return {(row.keys[0], row.keys[1]) for row in pages(ledger.link_rows(M))}


def test_a_merge_is_remembered_with_what_stands_for_both(ledger):
    merge(ledger, 1, 2)

    (row,) = ledger.merges_of(M, 0, (1,))
    assert (row.survivor, row.key, row.golden, row.who, row.made, row.ended) == ((1,), (2,), GOLDEN, "eva", LATER, None)
    assert ledger.merges_of(M, 0, (2,)) == [row]
    assert ledger.survivors(M, 0, [(1,), (2,), (3,)]) == {(2,): (1,)}
    assert ledger.survivors(M, 1, [(2,)]) == {}  # the other side knows nothing of it
    assert ledger.survivors("another", 0, [(2,)]) == {}


def test_a_merged_record_is_known_by_its_survivor_even_if_no_run_has_read_it(ledger):
    write(ledger, "save_records", [RecordRow(M, 0, (3,), "unchanged", "r", "l", 1, "", None, "run")])
    merge(ledger, 1, 2)
    write(ledger, "drop_records", M, 0, [(2,)])

    states = ledger.states(M, 0, [(1,), (2,), (3,)])
    assert {key: state.survivor for key, state in states.items()} == {(1,): None, (2,): (1,), (3,): None}
    assert (states[(2,)].bucket, states[(1,)].bucket) == (None, "waiting")  # the next run looks at both


def test_a_link_goes_to_the_survivor_with_what_it_still_agrees_on(ledger):
    base = {"name": same("A"), "notes": same("x"), "web": same(None)}
    write(ledger, "save_links", [link((2,), (9,), base)])
    merge(ledger, 1, 2, {"name": "A", "notes": "y", "web": None})

    moved = ledger.links(M, 0, [(1,), (2,)])
    assert list(moved) == [(1,)]
    assert moved[(1,)].base == {"name": same("A"), "web": same(None)}
    assert [row.ended for row in ledger.links_of(M, 0, (2,))] == [LATER]


def test_a_link_comes_back_with_what_the_counterpart_still_agrees_on(ledger):
    write(ledger, "save_links", [link((2,), (9,), {"name": same("A"), "notes": same("x")})])
    merge(ledger, 1, 2)
    unmerge(ledger, 2, {"name": "A", "notes": "y"})

    assert live(ledger) == {((2,), (9,))}
    assert ledger.links(M, 0, [(2,)])[(2,)].base == {"name": same("A")}
    assert ledger.survivors(M, 0, [(2,)]) == {}
    assert [row.ended for row in ledger.merges_of(M, 0, (2,))] == [LATER]


def test_two_linked_records_are_merged_only_together_with_their_counterparts(ledger):
    base = {"name": same("B")}
    write(ledger, "save_links", [link((1,), (8,)), link((2,), (9,), base)])
    for counterparts in (None, merging(9, 8, side=1), merging(8, 7, side=1)):
        with pytest.raises(BothLinked) as refused:
            write(ledger, "merge", Merge(merging(1, 2), counterparts))
        assert (refused.value.kept, refused.value.moving) == ((8,), (9,))
    write(ledger, "merge", Merge(merging(1, 2), merging(8, 9, side=1)))

    assert live(ledger) == {((1,), (8,))}
    assert ledger.survivors(M, 1, [(9,)]) == {(9,): (8,)}
    unmerge(ledger, 2)
    assert live(ledger) == {((1,), (8,)), ((2,), (9,))}
    assert ledger.survivors(M, 1, [(9,)]) == {}
    assert ledger.links(M, 0, [(2,)])[(2,)].base == base  # it was frozen all the time


@pytest.mark.parametrize(
    ("survivor", "key", "why"), [(2, 1, "itself"), (3, 1, "itself"), (4, 3, "merged"), (3, 4, "merged")]
)
def test_a_merge_that_makes_no_sense_is_refused(ledger, survivor, key, why):
    merge(ledger, 1, 2)
    merge(ledger, 1, 3)

    with pytest.raises(MergeRefused) as refused:
        merge(ledger, survivor, key)
    assert refused.value.why == why


def test_an_answer_same_merges_duplicates_and_is_taken_back_with_the_merge(ledger):
    write(ledger, "save_links", [link((2,), (9,))])
    asked = [NewDuplicate(M, 0, ((1,), (key,)), 0.9, "may be", "match dedupe", NOW) for key in (2, 3)]
    assert write(ledger, "ask_duplicates", [*asked, asked[0]]) == 2
    with pytest.raises(WrongAnswer, match="nobody has said how"):
        write(ledger, "resolve_review", 1, "same", None, "eva", LATER)
    write(ledger, "resolve_review", 1, "same", None, "eva", LATER, Merge(merging(1, 2)))

    assert live(ledger) == {((1,), (9,))}
    row = ledger.merge_of_review(1)
    write(ledger, "unmerge", row, {}, "eva", LATER)
    write(ledger, "reopen_review", 1)
    assert live(ledger) == {((2,), (9,))}
    assert [review.n for review in ledger.reviews(M)] == [1, 2]
    assert ledger.merge_of_review(1) is None


def test_an_answer_different_is_remembered_and_taken_back(ledger):
    asked = NewDuplicate(M, 0, ((2,), (1,)), 0.9, "may be", "match dedupe", NOW)
    write(ledger, "ask_duplicates", [asked])
    write(ledger, "resolve_review", 1, "different", None, "eva", LATER)

    assert ledger.distinct(M, 0) == {((1,), (2,))}
    assert ledger.distinct(M, 1) == set()
    assert ledger.different(M, 0, [(1,), (2,)]) == set()  # that is about pairs across
    assert write(ledger, "ask_duplicates", [asked]) == 0
    write(ledger, "reopen_review", 1)
    assert ledger.distinct(M, 0) == set()


def test_the_questions_about_a_merged_record_lapse_and_no_others(ledger):
    keys = [((1,), (2,)), ((2,), (3,)), ((1,), (3,))]
    write(ledger, "ask_duplicates", [NewDuplicate(M, 0, pair, 0.9, "may be", "dedupe", NOW) for pair in keys])
    write(ledger, "ask_duplicates", [NewDuplicate(M, 1, ((2,), (5,)), 0.9, "may be", "dedupe", NOW)])
    merge(ledger, 1, 2)

    assert [(review.side, review.keys) for review in ledger.reviews(M)] == [(0, ((1,), (3,))), (1, ((2,), (5,)))]


steps = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)).filter(lambda pair: pair[0] != pair[1]), max_size=6)


@settings(max_examples=60)
@given(linked=st.sets(st.integers(1, 5), max_size=3), wanted=steps, order=st.randoms(use_true_random=False))
def test_merges_that_are_all_taken_back_leave_every_link_as_it_was(linked, wanted, order):
    opened = Ledger.open("sqlite://")
    try:
        write(opened, "save_links", [link((number,), (10 + number,), {"name": same("A")}) for number in sorted(linked)])
        before, merged = live(opened), []
        for survivor, key in wanted:
            try:
                merge(opened, survivor, key, {"name": "A"})
                merged.append(key)
            except MergeRefused:
                continue
            ends = opened.survivors(M, 0, [(number,) for number in range(1, 6)])
            assert not ends.keys() & set(ends.values())  # every chain ends at a record that is itself
            assert all(keys[0] not in ends for keys in live(opened))  # and nothing is linked with a merged one
        order.shuffle(merged)
        for key in merged:
            unmerge(opened, key, {"name": "A"})
        assert live(opened) == before
        links = opened.links(M, 0, [keys[0] for keys in before])
        assert all(each.base == {"name": same("A")} for each in links.values())
    finally:
        opened.close()
