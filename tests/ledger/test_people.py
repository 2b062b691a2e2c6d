"""Do questions, answers and dead letters stay until they are dealt with?"""

from __future__ import annotations

import pytest

from crmsync.core.model import ABSENT, Decision, Hold
from crmsync.ledger.nouns import LetterNotOpen, NewDead, ReviewNotOpen, WrongAnswer
from tests.ledger.test_store import LATER, NOW, M, link, write

PAIR = (("a",), (1,))


def hold(field="notes", values=("x", "y"), *, keys=PAIR, kind="conflict"):
    return Hold(M, keys, kind, field, values, (ABSENT, None), "both sides changed")


def save(ledger, *holds, looked_at=(PAIR,), run="r1", now=NOW):
    with ledger.writing() as writer:
        writer.save_holds(M, looked_at, holds, run, now)


def answer(ledger, n, take, value=None, who="eva"):
    write(ledger, "resolve_review", n, take, value, who, LATER)


def states(ledger):
    return [(review.n, review.state) for review in ledger.reviews(M, None)]


# Reviews -------------------------------------------------------------------------------------------------------


def test_a_hold_becomes_a_review_with_all_that_a_person_needs(ledger):
    save(ledger, hold())

    (review,) = ledger.reviews()

    assert review == ledger.review(1)
    assert (review.n, review.keys, review.kind, review.field) == (1, PAIR, "conflict", "notes")
    assert (review.values, review.base) == (("x", "y"), (ABSENT, None))
    assert (review.run, review.opened, review.state, review.take) == ("r1", NOW, "open", None)


def test_the_same_question_is_not_asked_twice(ledger):
    save(ledger, hold(), hold("name"))
    save(ledger, hold(), hold("name"), run="r2", now=LATER)

    assert [(review.n, review.opened) for review in ledger.reviews()] == [(1, NOW), (2, NOW)]


def test_a_question_whose_values_moved_on_lapses_and_is_asked_anew(ledger):
    save(ledger, hold(values=("x", 1)))
    save(ledger, hold(values=("x", True)), run="r2", now=LATER)

    assert states(ledger) == [(1, "lapsed"), (2, "open")]
    assert ledger.review(1).closed == LATER


def test_only_questions_about_pairs_that_were_looked_at_lapse(ledger):
    elsewhere = (("b",), (2,))
    save(ledger, hold(), hold(keys=elsewhere), hold(keys=(("c",), None)), hold(keys=(None, (4,))))
    save(ledger, looked_at=[PAIR, (("b",), None), (None, (4,))], run="r2")

    assert states(ledger) == [(1, "lapsed"), (2, "open"), (3, "open"), (4, "lapsed")]


def test_an_answer_is_a_decision_bound_to_the_values_that_were_seen(ledger):
    save(ledger, hold(), hold("name"), hold("domain"))
    answer(ledger, 1, 0)
    answer(ledger, 2, "value", ["neither", None])

    assert ledger.decisions(M, [PAIR, (("b",), None)]) == {
        PAIR: (
            Decision("notes", ("x", "y"), 0, None, "eva"),
            Decision("name", ("x", "y"), "value", ["neither", None], "eva"),
        )
    }


def test_an_answer_of_null_is_an_answer(ledger):
    save(ledger, hold())
    answer(ledger, 1, "value", None)

    assert ledger.decisions(M, [PAIR])[PAIR][0].value is None


def test_an_answer_given_while_the_run_was_at_work_is_not_lost(ledger):
    save(ledger, hold())
    answer(ledger, 1, 1)
    save(ledger, hold(), run="r2")  # planned before the answer came

    assert states(ledger) == [(1, "resolved")]
    assert ledger.decisions(M, [PAIR])[PAIR][0].take == 1


def test_an_answer_that_was_used_lapses(ledger):
    save(ledger, hold())
    answer(ledger, 1, 1)
    save(ledger, run="r2")

    assert states(ledger) == [(1, "lapsed")]
    assert ledger.decisions(M, [PAIR]) == {}
    assert ledger.review(1).who == "eva"


def test_an_answer_can_be_taken_back_until_it_was_used(ledger):
    save(ledger, hold())
    answer(ledger, 1, 1)
    write(ledger, "reopen_review", 1)

    assert ledger.decisions(M, [PAIR]) == {}
    assert (ledger.review(1).state, ledger.review(1).who) == ("open", "")
    (kept,) = ledger.reviews(M, "withdrawn")  # what was answered, and by whom, stays known
    assert (kept.keys, kept.field, kept.take, kept.who, kept.closed) == (PAIR, "notes", 1, "eva", LATER)
    with pytest.raises(ReviewNotOpen, match="review 1 is open, there is no answer"):
        write(ledger, "reopen_review", 1)


def test_a_question_is_answered_once(ledger):
    save(ledger, hold())
    answer(ledger, 1, 1)

    with pytest.raises(ReviewNotOpen, match="review 1 is resolved by eva, not open"):
        answer(ledger, 1, 0, who="adam")
    with pytest.raises(ReviewNotOpen, match="there is no review 9; see: crmsync review list"):
        answer(ledger, 9, 0)
    with pytest.raises(ReviewNotOpen, match="there is no review 9"):
        ledger.review(9)


@pytest.mark.parametrize(
    ("kind", "take"), [("conflict", "same"), ("match", 0), ("match", "value"), ("delete", "different")]
)
def test_an_answer_that_does_not_fit_its_question_is_refused(ledger, kind, take):
    save(ledger, hold(kind=kind))

    with pytest.raises(WrongAnswer, match=rf"review 1 \({kind}\) asks for"):
        answer(ledger, 1, take)
    assert states(ledger) == [(1, "open")]


def test_a_match_that_is_the_same_is_linked_by_the_person(ledger):
    save(ledger, hold("", kind="match"))
    answer(ledger, 1, "same")

    (row,) = ledger.links_of(M, 0, ("a",))
    assert (row.keys, row.actor, row.reason, row.ended) == (PAIR, "eva", "review 1", None)
    assert ledger.links(M, 0, [("a",)])[("a",)].base == {}
    assert ledger.decisions(M, [PAIR]) == {}
    assert states(ledger) == [(1, "settled")]


def test_a_match_that_is_different_is_not_proposed_again(ledger):
    save(ledger, hold("", kind="match"))
    answer(ledger, 1, "different")
    save(ledger, hold("", kind="match"), run="r2")  # planned before the answer came

    assert ledger.different(M, 1, [(1,)]) == {PAIR}
    assert states(ledger) == [(1, "settled")]


def test_taking_back_the_answer_to_a_match_takes_back_what_it_did(ledger):
    save(ledger, hold("", kind="match"), hold("", keys=(("b",), (2,)), kind="match"))
    answer(ledger, 1, "same")
    answer(ledger, 2, "different")
    write(ledger, "reopen_review", 1)
    write(ledger, "reopen_review", 2)

    assert ledger.live_links(M) == 0
    assert ledger.different(M, 0, [("b",)]) == set()
    assert states(ledger) == [(1, "open"), (2, "open"), (3, "withdrawn"), (4, "withdrawn")]


def test_a_match_asked_again_after_its_link_was_split_elsewhere_is_a_new_question(ledger):
    save(ledger, hold("", kind="match"))
    answer(ledger, 1, "same")
    write(ledger, "save_links", [link(("a",), (2,))])
    save(ledger, hold("", kind="match"), run="r2")

    assert states(ledger) == [(1, "settled"), (2, "open")]


def test_a_link_ends_the_questions_about_its_records_and_others(ledger):
    save(
        ledger, hold(), hold("", keys=(("a",), (2,)), kind="match"), hold("", keys=(("z",), (1,)), kind="match"),
        hold("", keys=(("a",), None)), hold("", keys=(("y",), (9,)), kind="match"),
    )  # fmt: skip
    write(ledger, "save_links", [link(*PAIR)])

    assert [n for n, state in states(ledger) if state == "open"] == [1, 5]


@pytest.mark.parametrize(("value", "key"), [("c-9", ("c-9",)), ([7, "x"], (7, "x"))])
def test_a_create_of_unknown_outcome_is_linked_to_the_key_that_a_person_found(ledger, value, key):
    save(ledger, hold("", keys=(("a",), None), kind="unknown-outcome"))
    answer(ledger, 1, "same", value)

    assert ledger.links(M, 0, [("a",)])[("a",)].keys == (("a",), key)


@pytest.mark.parametrize("value", [None, [], True, [["x"]], {"a": 1}])
def test_a_key_that_is_none_is_refused(ledger, value):
    save(ledger, hold("", keys=(("a",), None), kind="unknown-outcome"))

    with pytest.raises(WrongAnswer, match="lacks a record on one side: give its key"):
        answer(ledger, 1, "same", value)
    assert ledger.live_links(M) == 0


def test_a_create_of_unknown_outcome_that_made_nothing_can_be_asked_about_again(ledger):
    keys = (("a",), None)
    save(ledger, hold("", keys=keys, kind="unknown-outcome"))
    answer(ledger, 1, "different")
    save(ledger, hold("", keys=keys, kind="unknown-outcome"), run="r2")

    assert states(ledger) == [(1, "settled"), (2, "open")]


def test_reviews_are_listed_by_mapping_state_and_kind_from_a_number_on(ledger):
    save(ledger, *(hold(f"f{i}") for i in range(3)), hold("", kind="match"))
    answer(ledger, 2, 0)

    assert [review.n for review in ledger.reviews()] == [1, 3, 4]
    assert [review.n for review in ledger.reviews(kind="match")] == [4]
    assert [review.n for review in ledger.reviews(state="resolved")] == [2]
    assert [review.n for review in ledger.reviews(M, None, after=1, limit=2)] == [2, 3]
    assert ledger.reviews("other") == []


def test_open_questions_are_counted(ledger):
    save(ledger, hold(), hold("name"))
    answer(ledger, 1, 0)

    assert ledger.counts()[M].open_reviews == 1


# Dead letters -------------------------------------------------------------------------------------------------


def letter(key=("a",), *, raw="v1", kind="check", run="r1", now=NOW, snapshot=b"\xff not json", message="too long"):
    return NewDead(M, 0, key, kind, "contract/maxLength", "name", message, "shorten it", snapshot, raw, run, now)


def dead(ledger, key=("a",)):
    return ledger.dead(M, 0, [key]).get(key)


def test_a_dead_letter_holds_the_reason_the_snapshot_and_the_run(ledger):
    write(ledger, "save_dead", [letter()])

    found = dead(ledger)

    assert found == ledger.dead_letter(1) == ledger.dead_letters()[0]
    assert (found.n, found.key, found.rule, found.path, found.mend) == (
        1,
        ("a",),
        "contract/maxLength",
        "name",
        "shorten it",
    )
    assert (found.snapshot, found.raw, found.run, found.opened) == (b"\xff not json", "v1", "r1", NOW)
    assert (found.attempts, found.tries, found.retry, found.state) == (1, 1, False, "open")


def test_a_record_has_one_open_letter_that_counts_its_failures(ledger):
    write(ledger, "save_dead", [letter()])
    write(ledger, "save_dead", [letter(run="r2", now=LATER, message="still")])  # unchanged: no new attempt
    assert (dead(ledger).attempts, dead(ledger).tries, dead(ledger).message) == (1, 2, "still")
    assert (dead(ledger).run, dead(ledger).opened, dead(ledger).tried) == ("r1", NOW, LATER)

    write(ledger, "save_dead", [letter(raw="v2", snapshot=b"2")])
    assert (dead(ledger).attempts, dead(ledger).tries, dead(ledger).snapshot) == (2, 1, b"2")

    write(ledger, "save_dead", [letter(raw="v2", kind="write")])
    assert (dead(ledger).attempts, dead(ledger).tries, dead(ledger).kind) == (3, 2, "write")
    assert len(ledger.dead_letters()) == 1


def test_a_letter_whose_record_is_well_again_is_closed_and_a_later_failure_is_another_one(ledger):
    write(ledger, "save_dead", [letter(), letter(("b",))])
    write(ledger, "close_dead", M, 0, [("a",), ("z",)], LATER)

    assert dead(ledger) is None
    assert (ledger.dead_letter(1).state, ledger.dead_letter(1).closed) == ("closed", LATER)
    write(ledger, "save_dead", [letter()])
    assert [found.n for found in ledger.dead_letters()] == [2, 3]
    assert ledger.counts()[M].open_dead == 2


def test_a_retry_is_asked_for_until_the_next_attempt(ledger):
    write(ledger, "save_dead", [letter(kind="write")])
    write(ledger, "save_dead", [letter(kind="write")])
    write(ledger, "retry_dead", [1], "eva", LATER)
    assert (dead(ledger).retry, dead(ledger).tries, dead(ledger).attempts) == (True, 0, 2)

    write(ledger, "save_dead", [letter(kind="write")])
    assert (dead(ledger).retry, dead(ledger).tries, dead(ledger).attempts) == (False, 1, 3)


def test_a_dropped_letter_stays_dropped_until_its_record_changes(ledger):
    write(ledger, "save_dead", [letter()])
    write(ledger, "drop_dead", [1], "eva", LATER)
    write(ledger, "save_dead", [letter()])
    assert ledger.dead_letters() == []
    assert (dead(ledger).state, dead(ledger).who) == ("dropped", "eva")

    write(ledger, "save_dead", [letter(raw="v2")])
    assert [(found.n, found.state, found.attempts) for found in ledger.dead_letters(state=None)] == [
        (1, "closed", 1),
        (2, "open", 1),
    ]


@pytest.mark.parametrize("verb", ["retry_dead", "drop_dead"])
def test_letters_that_are_not_open_are_named_and_none_is_touched(ledger, verb):
    write(ledger, "save_dead", [letter(), letter(("b",))])
    write(ledger, "close_dead", M, 0, [("b",)], LATER)

    with pytest.raises(LetterNotOpen, match="no open dead letter: 2, 9; see: crmsync dlq list"):
        write(ledger, verb, [9, 1, 2], "eva", LATER)

    assert (dead(ledger).state, dead(ledger).retry) == ("open", False)
    with pytest.raises(LetterNotOpen, match="there is no dead letter 9"):
        ledger.dead_letter(9)


def test_of_two_failures_of_a_record_in_one_batch_the_last_is_kept(ledger):
    write(ledger, "save_dead", [letter(message="first"), letter(message="second")])

    assert [(found.n, found.message) for found in ledger.dead_letters()] == [(1, "second")]


def test_letters_of_many_records_are_numbered_in_the_order_in_which_they_came(ledger):
    write(ledger, "save_dead", (letter((i,)) for i in range(2_500)))

    assert [(found.n, found.key) for found in ledger.dead_letters(after=2_497)] == [
        (n, (n - 1,)) for n in range(2_498, 2_501)
    ]
    assert ledger.dead_letters(kind="write") == []
    assert len(ledger.dead(M, 0, [(i,) for i in range(3_000)])) == 2_500


QUESTIONS = [
    (hold(), (0, 1, "value")),
    (hold("", ("7", None), kind="delete"), (0, 1)),
    (hold(kind="lookup"), (0, 1, "value")),
    (hold("", kind="match"), ("same", "different")),
    (hold("", kind="unknown-outcome", keys=(("a",), None)), ("same", "different")),
    (hold(kind="lookup", keys=(("a",), None)), ()),
    (hold("code", kind="check"), ()),
    (hold("", kind="loop"), ()),
    (hold("", kind="together"), ()),
]


@pytest.mark.parametrize(("question", "takes"), QUESTIONS, ids=lambda each: getattr(each, "kind", None))
def test_a_review_tells_which_answers_it_takes_and_takes_no_other(ledger, question, takes):
    save(ledger, question, looked_at=(question.keys,))
    assert ledger.review(1).takes == takes
    for take in (0, 1, "value", "same", "different"):
        value = [1] if take == "same" and None in question.keys else None
        if take in takes:
            answer(ledger, 1, take, value)
            write(ledger, "reopen_review", 1)
        else:
            with pytest.raises(WrongAnswer):
                answer(ledger, 1, take, value)
