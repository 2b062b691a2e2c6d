"""Are pairs asked about in their order, answered once, undone as a whole, and learned from?"""

from __future__ import annotations

import pytest

from crmsync.core.model import ABSENT, Hold
from crmsync.ledger.nouns import Label, NewDuplicate, ReviewNotOpen, WrongAnswer
from tests.ledger.test_store import LATER, NOW, M, link, write

A1, A2, B1, C3 = (("a",), (1,)), (("a",), (2,)), (("b",), (1,)), (("c",), (3,))


def match(keys=A1, score="0.85"):
    nothing = (None, None)
    return Hold(
        M, keys, "match", "", nothing, nothing, f"may be the same ({score}): name +3.1, domain +1.0", float(score)
    )


def ask(ledger, *holds, run="r1", now=NOW):
    write(ledger, "save_holds", M, [hold.keys for hold in holds], holds, run, now)


def duplicate(keys=(("a",), ("b",)), *, side=0, score=0.9):
    return NewDuplicate(M, side, keys, score, "may be one", "r1", NOW)


def answer(ledger, n, take, who="eva", now=LATER):
    write(ledger, "resolve_review", n, take, None, who, now)


def states(ledger):
    return {review.n: review.state for review in ledger.reviews(M, None) if review.state != "withdrawn"}


# Scores ------------------------------------------------------------------------------------------------------


def test_a_match_keeps_its_score_and_no_other_question_has_one(ledger):
    ask(ledger, match(), Hold(M, C3, "conflict", "notes", ("(0.5)", "y"), (ABSENT, None), "notes (0.5): both"))

    assert [review.score for review in ledger.reviews()] == [0.85, None]


def test_a_question_that_is_asked_again_bears_the_score_of_today(ledger):
    ask(ledger, match())
    ask(ledger, match(score="0.61"), run="r2", now=LATER)

    (review,) = ledger.reviews()
    assert (review.n, review.opened, review.score) == (1, NOW, 0.61)
    assert review.message.startswith("may be the same (0.61)")


def test_an_answered_question_keeps_the_words_that_were_answered(ledger):
    ask(ledger, Hold(M, A1, "conflict", "notes", ("x", "y"), (ABSENT, None), "both changed it"))
    write(ledger, "resolve_review", 1, 0, None, "eva", LATER)
    ask(ledger, Hold(M, A1, "conflict", "notes", ("x", "y"), (ABSENT, None), "in other words"), run="r2")

    assert (ledger.review(1).message, ledger.review(1).state) == ("both changed it", "resolved")


# Later -------------------------------------------------------------------------------------------------------


def test_a_question_that_is_put_off_stays_open_and_says_by_whom(ledger):
    ask(ledger, match())
    write(ledger, "mark_later", 1, "eva", LATER)
    assert (ledger.review(1).state, ledger.review(1).later_who, ledger.review(1).later) == ("open", "eva", LATER)

    ask(ledger, match(), run="r2")
    assert ledger.review(1).later == LATER  # the next run does not forget it

    write(ledger, "mark_later", 1, None, None)
    assert (ledger.review(1).later_who, ledger.review(1).later) == (None, None)


def test_only_an_open_question_is_put_off(ledger):
    ask(ledger, match())
    answer(ledger, 1, "different")

    with pytest.raises(ReviewNotOpen, match="review 1 is settled by eva, not open"):
        write(ledger, "mark_later", 1, "eva", LATER)
    with pytest.raises(ReviewNotOpen, match="there is no review 9"):
        write(ledger, "mark_later", 9, "eva", LATER)


# Undone ------------------------------------------------------------------------------------------------------


def test_taking_back_a_link_asks_again_what_the_link_had_ended(ledger):
    ask(ledger, match(A1), match(A2), match(B1), match(C3))
    answer(ledger, 1, "same")
    assert states(ledger) == {1: "settled", 2: "lapsed", 3: "lapsed", 4: "open"}

    write(ledger, "reopen_review", 1)

    assert states(ledger) == dict.fromkeys((1, 2, 3, 4), "open")
    assert ledger.review(2).closed is None


def test_what_had_ended_before_the_link_stays_so(ledger):
    ask(ledger, match(A1), match(A2))
    write(ledger, "save_holds", M, [A2], [], "r2", NOW)  # nobody asks any more
    answer(ledger, 1, "same")
    write(ledger, "reopen_review", 1)

    assert states(ledger) == {1: "open", 2: "lapsed"}


def test_a_question_about_a_record_that_was_linked_meanwhile_is_not_asked_again(ledger):
    b2 = (("b",), (2,))
    ask(ledger, match(A1), match(A2), match(B1), match(b2))
    with ledger.writing() as writer:  # both in one breath
        writer.resolve_review(1, "same", None, "eva", LATER)
        writer.resolve_review(4, "same", None, "eva", LATER)
    write(ledger, "reopen_review", 1)

    assert states(ledger) == {1: "open", 2: "lapsed", 3: "lapsed", 4: "settled"}  # b and 2 are linked


# Duplicates --------------------------------------------------------------------------------------------------


def test_a_question_about_duplicates_names_two_records_of_one_side(ledger):
    assert write(ledger, "ask_duplicates", [duplicate()]) == 1

    (review,) = ledger.reviews()
    assert (review.kind, review.side, review.score, review.takes) == ("duplicate", 0, 0.9, ("same", "different"))
    assert review.records == ((0, ("a",)), (0, ("b",)))
    assert review.values == (None, None)


def test_duplicates_are_asked_about_once_whichever_comes_first(ledger):
    write(ledger, "ask_duplicates", [duplicate()])
    other_way, other_side = duplicate((("b",), ("a",))), duplicate(side=1)

    assert write(ledger, "ask_duplicates", [other_way, other_side]) == 1
    assert [(review.n, review.side) for review in ledger.reviews()] == [(1, 0), (2, 1)]
    answer(ledger, 1, "different")
    assert write(ledger, "ask_duplicates", [other_way]) == 0


def test_duplicates_are_not_taken_for_a_pair_across_whose_keys_are_the_same(ledger):
    write(ledger, "ask_duplicates", [duplicate(keys=((1,), (2,))), duplicate(keys=((2,), (3,)))])
    write(ledger, "save_holds", M, [((1,), (2,))], [], "r2", LATER)
    write(ledger, "save_links", [link((2,), (3,)), link((1,), (3,))])

    assert states(ledger) == {1: "open", 2: "open"}
    assert ledger.reviews_about(M, 1, [(2,)]) == {}


def test_judging_duplicates_is_no_judgement_of_a_pair_across(ledger):
    write(ledger, "ask_duplicates", [duplicate()])
    answer(ledger, 1, "different")

    assert ledger.distinct(M, 0) == {(("a",), ("b",))}
    assert ledger.different(M, 0, [("a",)]) == set()
    assert list(ledger.labels(M)) == []


def test_duplicates_are_not_called_the_same_without_being_merged(ledger):
    write(ledger, "ask_duplicates", [duplicate()])

    with pytest.raises(WrongAnswer, match="review 1 is about duplicates: nobody has said how they are to be merged"):
        answer(ledger, 1, "same")
    assert states(ledger) == {1: "open"}


def test_duplicates_are_answered_by_a_judgement_and_by_no_side(ledger):
    write(ledger, "ask_duplicates", [duplicate()])

    with pytest.raises(WrongAnswer, match=r"review 1 \(duplicate\) asks for same or different"):
        answer(ledger, 1, 0)


def test_nothing_is_asked_about_a_duplicate_that_is_gone(ledger):
    write(ledger, "ask_duplicates", [duplicate(), duplicate((("b",), ("c",))), duplicate((("c",), ("d",)))])
    write(ledger, "end_links", M, [], ([("b",)], []), LATER)

    assert states(ledger) == {1: "lapsed", 2: "lapsed", 3: "open"}


def test_the_questions_about_two_records_are_matches_and_duplicates_of_either(ledger):
    ask(ledger, match(A1), match(A2), match(B1), match(C3))
    write(
        ledger,
        "ask_duplicates",
        [duplicate((("z",), ("a",))), duplicate(((1,), (9,)), side=1), duplicate((("b",), ("c",)))],
    )
    ask(ledger, Hold(M, (("a",), (7,)), "conflict", "notes", ("x", "y"), (ABSENT, None), "both changed it"))

    about = ledger.questions_about(M, ledger.review(1).records)

    assert [review.n for review in about] == [1, 2, 3, 5, 6]


# Labels ------------------------------------------------------------------------------------------------------


def test_labels_are_what_people_judged_and_still_hold(ledger):
    ask(ledger, match(A1), match(B1), match(C3), match((("d",), (4,))))
    answer(ledger, 3, "different", who="adam")
    answer(ledger, 1, "same")  # ends the question about b and 1
    answer(ledger, 4, "same")
    write(ledger, "save_links", [link(("d",), (5,)), link(("e",), (6,), actor="zoe")])  # 4 is superseded, by a run

    assert list(ledger.labels(M)) == [
        Label(A1, True, "eva", LATER),
        Label(C3, False, "adam", LATER),
        Label((("e",), (6,)), True, "zoe", NOW),
    ]
    assert list(ledger.labels("other")) == []


def test_an_answer_that_was_taken_back_is_no_label(ledger):
    ask(ledger, match(A1), match(C3))
    answer(ledger, 1, "same")
    answer(ledger, 2, "different")
    write(ledger, "reopen_review", 1)
    write(ledger, "reopen_review", 2)

    assert list(ledger.labels(M)) == []


def test_a_split_is_a_label_and_a_copy_is_none(ledger):
    write(ledger, "save_links", [link(*C3)])
    write(ledger, "split", M, [C3], "adam", LATER)
    nothing = (None, None)
    ask(ledger, Hold(M, (("a",), None), "unknown-outcome", "", nothing, nothing, "sent, unanswered"))
    write(ledger, "resolve_review", 1, "same", 8, "eva", LATER)

    assert list(ledger.labels(M)) == [Label(C3, False, "adam", LATER)]
