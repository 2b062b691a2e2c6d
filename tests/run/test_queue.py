"""In which order is a person asked, what can only be true once, and what do two records look like side by side?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.match import Explained
from crmsync.core.model import ABSENT, Hold
from crmsync.ledger.nouns import NewDuplicate, Review
from crmsync.run.match.queue import Pair, in_order, others_about, pair_of, places_of, rivals
from tests.run.bench import Bench, Spec, mapping

NOW = "2026-01-01T00:00:00Z"
M = "things"
NOTHING = (None, None)


def asked(n: int, left: int, right: int, score: float | None = 0.8, **more: Any) -> Review:
    said = {"kind": "match", "side": None, "later": None} | more
    return Review(
        n, M, ((left,), (right,)), said["kind"], "", NOTHING, NOTHING, "may be", "r1", NOW, "open", None, None, "",
        None, said["side"], score, said["later"] and "eva", said["later"], (),
    )  # fmt: skip


def numbers(questions: list[Review]) -> list[int]:
    return [each.n for each in questions]


# Order ---------------------------------------------------------------------------------------------------------------


def test_the_best_is_asked_first_and_what_shares_a_record_with_it_next():
    questions = [
        asked(1, 1, 1, 0.80),
        asked(2, 2, 2, 0.95),
        asked(3, 3, 3, 0.90),
        asked(4, 2, 9, 0.70),
        asked(5, 8, 9, 0.6),
    ]

    assert numbers(in_order(questions)) == [2, 4, 5, 3, 1]


def test_what_was_put_off_comes_last_even_where_it_shares_a_record():
    questions = [
        asked(1, 1, 1, 0.99, later=NOW),
        asked(2, 1, 2, 0.5),
        asked(3, 3, 3, 0.4),
        asked(4, 4, 4, 0.6, later=NOW),
    ]

    assert numbers(in_order(questions)) == [2, 3, 1, 4]


def test_only_pairs_stand_in_the_queue_and_one_without_a_score_comes_after_the_others():
    questions = [
        asked(1, 1, 1, None),
        asked(2, 2, 2, 0.1),
        asked(3, 3, 3, kind="conflict"),
        asked(4, 4, 4, kind="unknown-outcome"),
    ]

    assert numbers(in_order(questions)) == [2, 1]


def test_a_duplicate_shares_a_record_with_the_match_about_it_and_not_with_one_of_the_other_side():
    questions = [
        asked(1, 1, 5, 0.9),
        asked(2, 7, 7, 0.8),
        asked(3, 1, 2, 0.3, kind="duplicate", side=0),
        asked(4, 1, 5, 0.2, kind="duplicate", side=1),
    ]

    assert numbers(in_order(questions)) == [1, 3, 4, 2]  # 4 is about 5 of the second side
    assert places_of(questions[2]) == ((M, 0, "[1]"), (M, 0, "[2]"))


QUESTIONS = st.lists(
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.sampled_from([None, 0.1, 0.5, 0.9]), st.booleans()), max_size=12
).map(
    lambda rows: [
        asked(n, left, right, score, later=NOW if later else None)
        for n, (left, right, score, later) in enumerate(rows, 1)
    ]
)


@given(QUESTIONS, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_order_of_reading(questions, random):
    shuffled = random.sample(questions, len(questions))

    assert in_order(shuffled) == in_order(questions)
    assert rivals(shuffled) == rivals(questions)
    assert sorted(numbers(in_order(questions))) == [each.n for each in questions]


@given(QUESTIONS)
def test_questions_that_share_a_record_stand_side_by_side(questions):
    """Each but the first of its group shares a record with one before it, or by others: no group is torn."""
    order = [each for each in in_order(questions) if each.later is None]
    group_of: dict[int, int] = {}
    for each in order:  # slow and plain: everything reachable
        reach, grown = {each.n}, True
        while grown:
            found = {
                one.n for one in order for two in order if two.n in reach and set(places_of(one)) & set(places_of(two))
            }
            grown, reach = not found <= reach, reach | found
        group_of[each.n] = min(reach)
    groups = [group_of[each.n] for each in order]
    assert sum(first != second for first, second in pairwise(groups)) == max(len(set(groups)) - 1, 0)


# What can be true once -----------------------------------------------------------------------------------------------


def test_matches_that_share_a_record_are_rivals_record_by_record():
    questions = [
        asked(1, 1, 1),
        asked(2, 1, 2),
        asked(3, 3, 2),
        asked(4, 4, 4),
        asked(5, 1, 3, kind="duplicate", side=0),
    ]

    assert [numbers(group) for group in rivals(questions)] == [[1, 2], [2, 3]]


# Side by side --------------------------------------------------------------------------------------------------------

FIELDS: Spec = {
    "code": {"crm": "code", "pm": "code", "owner": "crm"},
    "name": {"crm": "name", "pm": "name", "owner": "crm", "to_pm": ["trim"]},
    "x": {"crm": "x", "pm": "x", "owner": "shared"},
}
MATCH: Spec = {
    "decide": ["code"],
    "compare": {"name": {"as": "text", "weight": 0.7}, "x": {"as": "exact", "weight": 0.3}},
}


@pytest.fixture
def bench() -> Iterator[Bench]:
    fields = {**FIELDS, "note": {"crm": "note", "pm": "note", "owner": "shared"}}
    with Bench(mapping(fields, match=MATCH)) as world:
        yield world


def ask(bench: Bench, *pairs: tuple[int, int]) -> None:
    said = "may be the same (0.85): name"
    holds = [Hold(M, ((left,), (right,)), "match", "", NOTHING, NOTHING, said, 0.85) for left, right in pairs]
    with bench.world.ledger.writing() as writer:
        writer.save_holds(M, [], holds, "r1", NOW)


def shown(bench: Bench, n: int = 1) -> Pair:
    return pair_of(bench.world, bench.world.project.mapping(M), bench.world.ledger.review(n))


def explained(bench: Bench) -> Explained:
    found = shown(bench).explained
    assert found is not None
    return found


def marks(bench: Bench) -> dict[str, str]:
    return {each.name: each.mark for each in shown(bench).fields}


def test_what_is_compared_comes_first_and_every_difference_is_marked(bench):
    bench.put("crm", {"id": 1, "code": "A", "name": " Stavby Dunaj", "x": "one", "note": "a"})
    bench.put("pm", {"id": 1, "code": "B", "name": "Stavby Dunaj", "x": None, "note": "a"})
    ask(bench, (1, 1))

    pair = shown(bench)

    assert [(each.name, each.compared, each.mark) for each in pair.fields] == [
        ("code", True, "≠"), ("name", True, "="), ("x", True, ""), ("note", False, "="),
    ]  # fmt: skip
    assert pair.fields[1].values == (" Stavby Dunaj", "Stavby Dunaj")  # as each says it itself


def test_values_that_are_nearly_the_same_are_told_from_those_that_are_not(bench):
    bench.put("crm", {"id": 1, "name": "Stavby Dunaj", "x": "abc", "note": ["a", 1]})
    bench.put("pm", {"id": 1, "name": "Stavba Dunaj", "x": "xyz", "note": ["a", 2]})
    ask(bench, (1, 1))

    assert marks(bench) == {"code": "", "name": "~", "x": "≠", "note": "~"}


def test_the_score_is_that_of_the_records_as_they_are_now(bench):
    bench.put("crm", {"id": 1, "name": "Stavby Dunaj", "x": "abc"})
    bench.put("pm", {"id": 1, "name": "Stavby Dunaj", "x": "abc"})
    ask(bench, (1, 1))

    told = explained(bench)

    assert told.score == pytest.approx(1.0)
    assert [point.entry for point in told.points] == ["name", "x"]
    bench.put("pm", {"id": 1, "name": "Stavby Dunaj", "x": "other"})
    assert explained(bench).score == pytest.approx(0.7)


def test_a_record_that_is_not_there_leaves_the_rest_to_be_seen(bench):
    bench.put("crm", {"id": 1, "name": "Stavby Dunaj", "x": "abc"})
    ask(bench, (1, 1))

    pair = shown(bench)

    assert (pair.found, pair.explained) == ((True, False), None)
    assert {each.name: each.values for each in pair.fields}["name"] == ("Stavby Dunaj", ABSENT)


def test_the_other_candidates_of_both_records_are_told(bench):
    ask(bench, (1, 1), (1, 2), (3, 1), (4, 4))

    assert [each.n for each in shown(bench).others] == [2, 3]
    chosen = [bench.world.ledger.review(n) for n in (1, 4)]
    assert [each.n for each in others_about(bench.world, chosen)] == [2, 3]


def test_two_records_of_one_side_are_shown_as_two_of_that_side(bench):
    bench.put("pm", {"id": 1, "name": "Stavby Dunaj", "note": "a"})
    bench.put("pm", {"id": 2, "name": "Stavby Dunaj", "note": "a"})
    bench.put("crm", {"id": 2, "name": "Somebody Else", "note": "b"})
    with bench.world.ledger.writing() as writer:
        writer.ask_duplicates([NewDuplicate(M, 1, ((1,), (2,)), 0.9, "may be one", "eva", NOW)])

    pair = shown(bench)

    assert {each.name: (each.values, each.mark) for each in pair.fields}["name"] == (
        ("Stavby Dunaj", "Stavby Dunaj"),
        "=",
    )
    assert {each.name: each.mark for each in pair.fields}["note"] == "="
