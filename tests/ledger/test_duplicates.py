"""Are the twins of linked records found by their keys, and are their questions asked, reworded and ended in time?"""

from __future__ import annotations

import pytest

from crmsync.core.model import Mark
from crmsync.ledger.nouns import NewDuplicate
from crmsync.ledger.spool import Spool
from tests.ledger.test_merges import merge
from tests.ledger.test_store import LATER, NOW, M, link, write

A, B, C, P, Q = ("a",), ("b",), ("c",), (1,), (2,)


def bear(ledger, key, *blocks, side=0, features=None):
    write(ledger, "save_candidates", M, side, [(key, features, blocks)])


def bearers(ledger, side, *blocks):
    return sorted(ledger.bearers(M, side, blocks))


def asks(first=A, second=B, *, score=0.97, message="may be one", side=0):
    return NewDuplicate(M, side, (first, second), score, message, "r1", NOW)


def save(ledger, *asked, looked_at=()):
    write(ledger, "save_duplicates", M, looked_at, list(asked), LATER)


def test_a_linked_record_is_found_by_its_blocks_and_by_those_of_its_counterpart(ledger):
    write(ledger, "save_links", [link(A, P)])
    bear(ledger, A, "dunaj", "0905")
    bear(ledger, P, "dunaj.sk", side=1)
    bear(ledger, B, "dunaj", features={"name": "dunaj"})  # nobody's counterpart

    assert bearers(ledger, 0, "dunaj", "0905", "dunaj.sk", "mlyn") == [("0905", A), ("dunaj", A), ("dunaj.sk", A)]
    assert bearers(ledger, 1, "dunaj", "dunaj.sk") == [("dunaj", P), ("dunaj.sk", P)]


def test_of_a_block_the_ledger_holds_no_letter(ledger):
    bear(ledger, A, "phone:905123456", features={"name": "dunaj"})
    with ledger.database.reading() as access:
        held = access.rows("SELECT block FROM crmsync_block")
    assert len(held) == 1
    assert "905" not in held[0][0]
    assert ledger.candidates(M, 0, ["phone:905123456"]) == {A: {"name": "dunaj"}}


def test_a_linked_record_is_nobodys_candidate(ledger):
    bear(ledger, A, "dunaj", "du", features={"name": "dunaj"})
    bear(ledger, A, "dunaj")

    assert ledger.candidates(M, 0, ["dunaj", "du"]) == {}
    assert not ledger.has_candidates(M, 0)


def test_blocks_of_a_record_whose_link_is_gone_find_nobody(ledger):
    write(ledger, "save_links", [link(A, P), link(B, Q)])
    bear(ledger, A, "dunaj")
    bear(ledger, B, "dunaj")
    write(ledger, "save_marks", [Mark(M, (A, P), "gone", (0, 2))])
    write(ledger, "split", M, [(B, Q)], "eva", LATER)

    assert bearers(ledger, 0, "dunaj") == []


def test_blocks_follow_the_record(ledger):
    write(ledger, "save_links", [link(A, P)])
    bear(ledger, A, "dunaj", "0905")
    bear(ledger, A, "mlyn")

    assert bearers(ledger, 0, "dunaj", "0905", "mlyn") == [("mlyn", A)]


def test_a_question_that_is_asked_again_is_the_same_one_in_the_words_of_today(ledger):
    save(ledger, asks())
    save(ledger, asks(B, A, score=0.99, message="is one, most likely"), looked_at=ledger.reviews())

    (review,) = ledger.reviews()
    assert (review.n, review.keys, review.opened) == (1, (A, B), NOW)
    assert (review.message, review.score) == ("is one, most likely", 0.99)


def test_a_question_that_was_looked_at_and_is_not_asked_again_lapses_and_no_other(ledger):
    save(ledger, asks(), asks(second=C))
    save(ledger, looked_at=[ledger.review(1)])

    assert {each.n: each.state for each in ledger.reviews(M, None)} == {1: "lapsed", 2: "open"}


@pytest.mark.parametrize("meanwhile", ["linked", "merged", "distinct"])
def test_what_a_person_has_settled_meanwhile_is_not_asked(ledger, meanwhile):
    if meanwhile == "linked":
        write(ledger, "save_links", [link(("z",), Q), link(B, P)])
    elif meanwhile == "merged":
        merge(ledger, 1, 2)
    else:
        write(ledger, "judge_distinct", M, 0, (B, A), "eva", NOW)
    save(ledger, asks((1,), (2,)) if meanwhile == "merged" else asks(), asks(second=C), asks(side=1))

    assert [(each.side, each.keys) for each in ledger.reviews()] == [(0, (A, C)), (1, (A, B))]


def test_the_spool_knows_who_bears_a_block_by_mapping_and_side(tmp_path):
    spool = Spool(tmp_path)
    spool.bear(M, 0, [(A, ["x", "y"]), (B, ["x"]), (A, ["x"])])
    spool.bear(M, 1, [(P, ["x"])])
    spool.bear("other", 0, [(C, ["x"])])

    assert sorted(spool.bearers(M, 0, ["x", "y", "z"])) == [("x", A), ("x", B), ("y", A)]
    assert list(spool.bearers(M, 1, ["x"])) == [("x", P)]
    spool.close()
