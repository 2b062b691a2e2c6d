"""How good the matching is: the figures, and what they say where there is nothing to measure."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.match.measure import Said, curve, evaluate, wilson
from crmsync.core.model import Verdict, to_json

SAME, UNSURE = Verdict.SAME, Verdict.UNSURE

keys = st.integers(0, 5).map(lambda n: (n,))
said = st.lists(
    st.builds(Said, st.tuples(keys, keys), st.sampled_from([0.2, 0.5, 0.9]), st.sampled_from([None, SAME, UNSURE])),
    max_size=15,
    unique_by=lambda each: each.keys,
)  # fmt: skip
truths = st.sets(st.tuples(keys, keys), max_size=8)


def pair(left, right=None):
    return (left,), (left if right is None else right,)


FOUND = [
    Said(pair(1), 0.99, SAME),
    Said(pair(2), 0.98, SAME),
    Said(pair(3, 9), 0.97, SAME),
    Said(pair(4), 0.8, UNSURE),
    Said(pair(5, 9), 0.7, UNSURE),
    Said(pair(6), 0.3),
]
TRUTH = {pair(1), pair(2), pair(4), pair(6), pair(7)}


def test_the_figures_of_a_small_matching_are_those_counted_by_hand():
    figures = evaluate(FOUND, TRUTH, compared=40, hits=4).to_json()
    assert figures["link"] | {"precision_bounds": None, "recall_bounds": None} == {
        "precision": 0.6667,
        "recall": 0.4,
        "f1": 0.5,
        "pairs": 3,
        "precision_bounds": None,
        "recall_bounds": None,
    }
    assert figures["best"] == {"f1": 0.7273, "threshold": 0.3, "precision": 0.6667, "recall": 0.8}
    assert figures["recall_at"] == {"0.99": 0.4, "0.995": 0.4}
    assert figures["blocking"] == {"recall": 0.8, "pairs": 40}
    assert figures["review"] == {"pairs": 2, "share_true": 0.5}
    assert figures["clusters"] == {"precision": 0.6667, "recall": 0.4, "f1": 0.5}
    assert figures["truth"] == {"pairs": 5, "records": 10}


def test_nothing_to_measure_is_null_never_a_division_by_zero():
    nothing = {"precision": None, "recall": None, "f1": None}
    figures = evaluate([], [], 0, 0).to_json()
    assert figures["clusters"] == nothing
    assert figures["link"] == nothing | {"pairs": 0, "precision_bounds": None, "recall_bounds": None}
    assert figures["best"] == nothing | {"threshold": None}
    assert figures["recall_at"] == {"0.99": None, "0.995": None}
    assert figures["blocking"] == {"recall": None, "pairs": 0}
    assert figures["review"] == {"pairs": 0, "share_true": None}
    assert b'"precision":null' in to_json(figures)


def test_no_link_against_a_truth_has_no_recall_but_also_no_precision():
    figures = evaluate([], TRUTH, 0, 0).to_json()
    assert figures["link"]["precision"] is None
    assert (figures["link"]["recall"], figures["link"]["f1"]) == (0.0, 0.0)
    assert figures["recall_at"] == {"0.99": 0.0, "0.995": 0.0}


def test_inside_one_system_a_pair_is_the_same_both_ways_round_and_never_with_itself():
    heard = [Said(pair(2, 1), 0.9, SAME), Said(pair(1, 2), 0.9, SAME), Said(pair(3), 1.0, SAME)]
    figures = evaluate(heard, [pair(1, 2), pair(2, 1), pair(4)], 1, 1, one_side=True)
    assert (figures.link.found, figures.link.right, figures.link.wanted) == (1, 1, 1)
    assert figures.records == 2


def test_between_two_systems_equal_keys_are_different_records():
    figures = evaluate([Said(pair(1, 2), 0.9, SAME)], [pair(2, 1)], 1, 0)
    assert (figures.link.right, figures.records) == (0, 2)


def test_links_that_follow_from_links_count_for_clusters():
    chain = [Said(pair(1, 2), 0.9, SAME), Said(pair(2, 3), 0.9, SAME)]
    truth = [pair(*each) for each in combinations((1, 2, 3, 4), 2)]
    clusters = evaluate(chain, truth, 2, 2, one_side=True).clusters
    assert (clusters.found, clusters.right, clusters.wanted) == (3, 3, 6)


@given(said, truths, st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_reading_does_not_change_a_figure(said, truth, random, one_side):
    expected = evaluate(said, truth, 10, 1, one_side)
    assert (
        evaluate(random.sample(said, len(said)), random.sample(sorted(truth), len(truth)), 10, 1, one_side) == expected
    )


def implied(pairs, one_side):
    """All pairs that follow from the given ones, by brute force."""
    nodes = [{(0, first), (int(not one_side), second)} for first, second in pairs]
    while any(a is not b and a & b for a in nodes for b in nodes):
        first, second = next((a, b) for a in nodes for b in nodes if a is not b and a & b)
        nodes = [each for each in nodes if each is not first and each is not second] + [first | second]
    return {
        (a, b) for each in nodes for a in each for b in each if (a < b if one_side else a[0] < b[0])
    }  # fmt: skip


@given(said, truths, st.booleans())
def test_cluster_figures_are_those_of_all_implied_pairs(said, truth, one_side):
    linked = implied([each.keys for each in said if each.verdict is SAME], one_side)
    true = implied(truth, one_side)
    clusters = evaluate(said, truth, 10, 1, one_side).clusters
    assert (clusters.found, clusters.right, clusters.wanted) == (len(linked), len(linked & true), len(true))


@given(said, truths)
def test_a_higher_threshold_never_finds_more_and_the_best_step_is_on_the_curve(said, truth):
    steps = curve(said, truth)
    for higher, lower in pairwise(steps):
        assert higher.threshold > lower.threshold
        assert higher.recall <= lower.recall
    best = evaluate(said, truth, 10, 1).best
    assert best is None if not steps else best in steps and best.f1 == max(step.f1 for step in steps)
    for step in steps:
        found = {each.keys for each in said if each.score >= step.threshold}
        assert step.precision == len(found & truth) / len(found)
        assert step.recall == len(found & truth) / len(truth)


def test_a_long_curve_is_thinned_but_keeps_its_ends():
    heard = [Said(pair(n), n / 1000) for n in range(1000)]
    steps = curve(heard, {pair(5)}, most=50)
    assert (len(steps), steps[0].threshold, steps[-1].threshold) == (50, 0.999, 0.0)


@given(st.integers(0, 300), st.integers(1, 300))
def test_the_bounds_of_a_share_hold_it_and_are_narrower_for_more_trials(right, of):
    right = min(right, of)
    low, high = wilson(right, of)
    assert 0 <= low <= right / of + 1e-12
    assert right / of - 1e-12 <= high <= 1
    more = wilson(10 * right, 10 * of)
    assert more[1] - more[0] < high - low


def test_wilsons_bounds_are_those_of_the_textbook():
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)  # Newcombe, 1998
    assert wilson(0, 0) == (0.0, 1.0)
