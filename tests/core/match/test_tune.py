"""Thresholds that labels prove."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.match.measure import wilson
from crmsync.core.match.tune import flawless, thresholds

NAN = float("nan")

labelled = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from([0.0, 1.0, NAN])), min_size=1, max_size=60
).filter(lambda pairs: any(label == 1 for _, label in pairs))  # fmt: skip


def tune(pairs, **wanted):
    return thresholds(np.array([score for score, _ in pairs]), np.array([label for _, label in pairs]), **wanted)


def planted(same, different, low=0.0):
    """`same` pairs that are, spread from 0.9 to 1, and `different` ones that are not, from `low` to 0.8."""
    return [
        *((score, 1.0) for score in np.linspace(0.9, 1, same)),
        *((s, 0.0) for s in np.linspace(low, 0.8, different)),
    ]


def test_enough_labels_prove_the_lowest_threshold_that_is_precise_enough():
    tuned = tune(planted(1200, 1000))
    assert tuned.enough
    assert (tuned.labels, tuned.wrong) == (1201, 1)  # one mistake is allowed; a second is not
    assert 0.79 < tuned.link_at <= 0.8
    assert tuned.proved >= 0.995 > wilson(1200, 1202)[0]


def test_too_few_labels_say_so_with_the_best_they_prove_and_how_many_would_do():
    tuned = tune(planted(200, 200))
    assert not tuned.enough
    assert tuned.proved == pytest.approx(wilson(200, 200)[0])
    assert (tuned.link_at, tuned.wrong, tuned.needed) == (0.9, 0, 765)


def test_below_review_at_lies_no_more_than_the_stated_share_of_the_same():
    pairs = [*planted(950, 900), *((0.5, 1.0) for _ in range(30)), *((0.1, 1.0) for _ in range(20))]
    assert tune(pairs, missed=0.02).review_at == pytest.approx(0.5, abs=0.01)
    assert tune(pairs, missed=0.02).missed == 0.02
    assert tune(pairs, missed=0.019).review_at <= 0.1


def test_questions_are_counted_over_all_pairs_labelled_or_not():
    pairs = [
        *planted(1000, 0),
        *((0.6, 1.0) for _ in range(30)),
        *((0.7, 0.0) for _ in range(10)),
        *[(0.65, NAN)] * 500,
    ]
    tuned = tune(pairs)
    assert tuned.review_at <= 0.6
    assert 0.7 < tuned.link_at <= 0.9
    assert (tuned.questions, tuned.share_true) == (540, 0.75)


@given(labelled, st.sampled_from([0.5, 0.8, 0.99]), st.sampled_from([0.0, 0.1, 0.5]))
def test_a_threshold_keeps_what_it_says(pairs, precision, missed):
    tuned = tune(pairs, precision=precision, missed=missed)
    above = [label for score, label in pairs if score >= tuned.link_at and label == label]
    assert (tuned.labels, tuned.wrong) == (len(above), above.count(0.0))
    assert tuned.proved == pytest.approx(wilson(above.count(1.0), len(above))[0])
    same = [score for score, label in pairs if label == 1]
    assert sum(score < tuned.review_at for score in same) <= missed * len(same) + 1e-9
    assert tuned.review_at <= tuned.link_at
    between = [score for score, _ in pairs if tuned.review_at <= score < tuned.link_at]
    assert tuned.questions == len(between)


@given(labelled, st.sampled_from([0.2, 0.5, 0.8]))
def test_no_lower_score_is_proved_as_precise_and_where_none_is_no_score_is_proved_better(pairs, precision):
    tuned = tune(pairs, precision=precision)
    known = [(score, label) for score, label in pairs if label == label]
    for at in {score for score, _ in known}:
        above = [label for score, label in known if score >= at]
        bound = wilson(above.count(1.0), len(above))[0]
        if tuned.enough:
            assert at >= tuned.link_at or bound < precision
        else:
            assert bound <= tuned.proved


@given(labelled, st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_does_not_move_a_threshold(pairs, random):
    assert tune(random.sample(pairs, len(pairs))) == tune(pairs)


def test_the_number_of_flawless_labels_is_the_first_that_proves():
    for precision in (0.9, 0.99, 0.995):
        needed = flawless(precision)
        assert wilson(needed, needed)[0] >= precision > wilson(needed - 1, needed - 1)[0]


def test_labels_of_which_none_says_same_are_refused():
    with pytest.raises(ValueError, match="0 of them the same"):
        tune([(0.9, 0.0), (0.8, NAN)])
