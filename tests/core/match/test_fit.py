"""What labels, or the pairs alone, teach a scorecard: the truth where there is enough, the prior where there is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.core.match.fit import (
    DOUBTED,
    SAMPLE,
    Floats,
    between,
    choose,
    expectation_maximisation,
    logistic,
)
from crmsync.core.model import Curve, Scorecard

NAN = float("nan")
KNOTS = (0.0, 0.5, 1.0)
NAMES = ("name.words", "name.letters", "city.likeness")
PRIOR = Scorecard(-3, {name: Curve(KNOTS, (-2.0, 0.0, 2.0)) for name in (*NAMES, "phone.likeness")})
TRUE = Scorecard(
    -2.0,
    {
        "name.words": Curve(KNOTS, (-3.0, -1.0, 4.0)),
        "name.letters": Curve(KNOTS, (-2.0, 1.0, 1.5)),
        "city.likeness": Curve(KNOTS, (-0.5, 0.0, 0.5)),
    },
)


def log_odds(card, features, names=NAMES):
    """By numpy's own straight lines."""
    parts = [np.interp(features[:, n], card.curves[name].at, card.curves[name].points) for n, name in enumerate(names)]
    return card.base + sum((np.where(np.isnan(features[:, n]), 0.0, part) for n, part in enumerate(parts)), 0.0)


def chance(card, features):
    return 1 / (1 + np.exp(-log_odds(card, features)))


def drawn(pairs: int, seed: int = 1) -> tuple[Floats, Floats]:
    """Features, a tenth of them missing, and labels as the true scorecard has them."""
    random = np.random.default_rng(seed)
    features = random.random((pairs, len(NAMES)))
    features[random.random(features.shape) < 0.1] = NAN
    return features, (random.random(pairs) < chance(TRUE, features)).astype(float)


def departure(card, other=PRIOR):
    return max(
        abs(a - b) for name in NAMES for a, b in zip(card.curves[name].points, other.curves[name].points, strict=True)
    )


cells = st.one_of(st.just(NAN), st.floats(-0.5, 1.5), st.sampled_from(KNOTS))
tables = st.lists(st.tuples(cells, cells, cells, st.sampled_from([0.0, 1.0, 0.3])), min_size=1, max_size=25)


def split(table: list[tuple[float, ...]]) -> tuple[Floats, Floats]:
    both = np.array(table, dtype=float).reshape(-1, 4)
    return both[:, :3], both[:, 3]


def rises(card):
    return all(np.all(np.diff(curve.points) >= 0) for curve in card.curves.values())


# From labels ---------------------------------------------------------------------------------------


def loss(card, features, labels, strength):
    """Told anew from the docstring of `logistic`, level and base pulled by a quarter."""
    odds = log_odds(card, features)
    missed = float(np.sum(np.logaddexp(0, odds) - labels * odds))
    away = 0.25 * (card.base - PRIOR.base) ** 2
    for name in NAMES:
        gap = np.subtract(card.curves[name].points, PRIOR.curves[name].points)
        away += float(np.sum(np.diff(gap) ** 2) + 0.25 * np.sum(gap**2))
    return missed + strength / 2 * away


def moved(card, name, knot, by):
    points = list(card.curves[name].points)
    points[knot] += by
    return Scorecard(card.base, {**card.curves, name: Curve(KNOTS, tuple(points))})


@given(tables, st.sampled_from([0.2, 1.0, 5.0]))
def test_no_scorecard_that_never_falls_explains_the_labels_better(table, strength):
    features, labels = split(table)
    found = logistic(features, labels, PRIOR, NAMES, strength)
    assert rises(found)
    best = loss(found, features, labels, strength)
    for by in (-0.2, 0.2):
        others = [moved(found, name, knot, by) for name in NAMES for knot in range(3)]
        others.append(Scorecard(found.base + by, found.curves))
        assert all(loss(other, features, labels, strength) > best - 1e-9 for other in others if rises(other))


@given(tables, st.randoms(use_true_random=False))
def test_the_order_of_labels_does_not_move_a_point(table, random):
    expected = logistic(*split(table), PRIOR, NAMES)
    assert logistic(*split(random.sample(table, len(table))), PRIOR, NAMES) == expected


def test_labels_that_differ_where_the_truth_bends_find_the_truth():
    features, labels = drawn(6_000)
    found = logistic(features, labels, PRIOR, NAMES)
    gap = log_odds(found, features) - log_odds(TRUE, features)
    assert float(np.sqrt(np.mean(gap**2))) < 0.15
    assert (found.method, found.labels, found.same) == ("logistic", 6_000, int(labels.sum()))


def test_twenty_labels_move_little_and_five_hundred_much():
    few, many = (departure(logistic(*drawn(pairs), PRIOR, NAMES)) for pairs in (20, 500))
    assert few < 1.2 < 1.6 < many


def test_no_labels_leave_the_prior():
    found = logistic(np.zeros((0, 3)), np.zeros(0), PRIOR, NAMES)
    assert (found.base, found.curves) == (PRIOR.base, PRIOR.curves)


def test_a_curve_that_no_label_touches_stays_as_it_is():
    features, labels = drawn(500)
    features[:, 2] = NAN
    found = logistic(features, labels, PRIOR, NAMES)
    assert found.curves["city.likeness"] == PRIOR.curves["city.likeness"]
    assert found.curves["phone.likeness"] == PRIOR.curves["phone.likeness"]
    assert found.curves["name.words"] != PRIOR.curves["name.words"]


def test_labels_against_all_sense_make_a_curve_level_never_falling():
    features = np.column_stack([np.tile([0.0, 1.0], 200), np.full((400, 2), NAN)])
    found = logistic(features, np.tile([1.0, 0.0], 200), PRIOR, NAMES)
    points = found.curves["name.words"].points
    assert points[0] == points[2]


def test_labels_that_contradict_each_other_or_are_all_the_same_do_not_explode():
    features = np.full((200, 3), 0.9)
    torn = logistic(features, np.tile([0.0, 1.0], 100), PRIOR, NAMES)
    assert chance(torn, features)[0] == pytest.approx(0.5, abs=0.02)
    all_same = logistic(features, np.ones(200), PRIOR, NAMES)
    assert departure(all_same) < 5


def test_weights_put_the_base_right_where_one_class_was_drawn_more_often():
    features, labels = drawn(40_000)
    rows = np.concatenate([np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)[: int(labels.sum())]])
    weights = np.where(labels[rows] == 1, 1.0, (labels == 0).sum() / labels.sum())
    plain = logistic(features[rows], labels[rows], PRIOR, NAMES)
    weighed = logistic(features[rows], labels[rows], PRIOR, NAMES, weights=weights)
    assert weighed.curves == plain.curves
    assert chance(weighed, features).mean() == pytest.approx(labels.mean(), abs=0.01)
    assert chance(plain, features).mean() > labels.mean() + 0.05


def test_few_labels_leave_as_many_candidates_the_same_as_the_prior_has_and_many_do_not():
    """Labels of which far more are the same than of the candidates."""
    features, labels = drawn(20_000)
    foretold = chance(PRIOR, features).mean()

    def found(same, different):
        rows = np.concatenate([np.flatnonzero(labels == 1)[:same], np.flatnonzero(labels == 0)[:different]])
        ones = np.ones(len(rows))
        few = logistic(features[rows], labels[rows], PRIOR, NAMES, weights=ones)
        kept = logistic(features[rows], labels[rows], PRIOR, NAMES, weights=ones, among=features)
        assert kept.curves == few.curves
        return chance(few, features).mean(), chance(kept, features).mean()

    bare, kept = found(4, 1)
    assert abs(kept - foretold) < abs(bare - foretold) / 2
    bare, kept = found(2_000, 500)
    assert abs(kept - bare) < abs(kept - foretold) / 5


def test_the_order_of_the_candidates_does_not_move_the_base():
    features, labels = drawn(400)
    ones, told = np.ones(20), (features[:20], labels[:20])
    expected = logistic(*told, PRIOR, NAMES, weights=ones, among=features)
    assert logistic(*told, PRIOR, NAMES, weights=ones, among=features[::-1]) == expected


def test_labels_start_from_the_shipped_points_when_few_and_from_the_estimated_ones_when_many():
    estimated = Scorecard(TRUE.base, {**PRIOR.curves, **TRUE.curves}, "expectation-maximisation")
    assert between(PRIOR, estimated, 0).curves == PRIOR.curves
    middle = between(PRIOR, estimated, DOUBTED)
    assert middle.base == -2.5
    assert middle.curves["name.words"].points == (-2.5, -0.5, 3.0)
    assert departure(between(PRIOR, estimated, 100 * DOUBTED), estimated) < 0.05


def test_what_does_not_fit_is_refused_all_at_once():
    with pytest.raises(ValueError, match=r"no curve for x\.y; 2 labels and 2 weights for 3 pairs; a label must lie"):
        logistic(np.zeros((3, 1)), np.array([0.0, 2.0]), PRIOR, ("x.y",))
    with pytest.raises(ValueError, match="strength 0"):
        logistic(*drawn(3), PRIOR, NAMES, strength=0)


# From the pairs alone ------------------------------------------------------------------------------


def mixed(pairs, rate, seed=2):
    """Pairs of which the share `rate` is the same, with features that are independent given that."""
    random = np.random.default_rng(seed)
    same = random.random(pairs) < rate
    likely = {True: (0.05, 0.15, 0.8), False: (0.75, 0.2, 0.05)}
    features = np.empty((pairs, 3))
    for column in range(3):
        for kind in (True, False):
            rows = same == kind
            features[rows, column] = random.choice(KNOTS, rows.sum(), p=likely[kind])
    return features, same


SOLO = ("name.words", "city.likeness", "phone.likeness")


def test_pairs_alone_tell_how_many_are_the_same_and_what_speaks_for_it():
    features, same = mixed(6_000, 0.2)
    found = expectation_maximisation(features, PRIOR, SOLO, np.full(6_000, NAN))
    assert found.base == pytest.approx(np.log(0.2 / 0.8), abs=0.1)
    truth = np.log([0.05 / 0.75, 0.15 / 0.2, 0.8 / 0.05])
    for name in SOLO:
        assert found.curves[name].points == pytest.approx(0.9 * truth + 0.1 * np.array([-2, 0, 2]), abs=0.25)
    said = log_odds(found, features, SOLO) > 0
    assert (said == same).mean() > 0.97
    assert (found.method, found.labels) == ("expectation-maximisation", 0)


def test_the_same_evidence_told_twice_counts_once():
    features, _ = mixed(6_000, 0.2)
    both = ("name.words", "name.letters")
    halves = Scorecard(PRIOR.base, {**PRIOR.curves, **dict.fromkeys(both, Curve(KNOTS, (-1.0, 0.0, 1.0)))})
    once = expectation_maximisation(features, PRIOR, SOLO, np.full(6_000, NAN))
    twice = expectation_maximisation(features[:, [0, 0, 1, 2]], halves, (*both, *SOLO[1:]), np.full(6_000, NAN))
    told = np.sum([twice.curves[name].points for name in both], axis=0)
    assert told == pytest.approx(once.curves["name.words"].points, abs=0.1)


def test_anchors_stay_as_they_are_and_teach():
    features, same = mixed(4000, 0.5)
    swapped = np.where(np.arange(4000) < 2000, 1.0 - same, NAN)  # told the opposite of what it seems
    found = expectation_maximisation(features, PRIOR, SOLO, swapped)
    plain = expectation_maximisation(features, PRIOR, SOLO, np.full(4000, NAN))
    assert (found.labels, found.same) == (2000, int(swapped[:2000].sum()))
    assert all(np.ptp(found.curves[name].points) < np.ptp(plain.curves[name].points) - 1 for name in SOLO)


@settings(max_examples=30)
@given(tables, st.randoms(use_true_random=False), st.booleans())
def test_whatever_the_pairs_curves_never_fall_nor_explode_nor_depend_on_the_order(table, random, anchored):
    def fit(rows):
        features, labels = split(rows)
        return expectation_maximisation(features, PRIOR, NAMES, labels if anchored else np.full(len(rows), NAN))

    found = fit(table)
    assert rises(found)
    assert departure(found) < 8
    assert np.isfinite(found.base)
    assert fit(random.sample(table, len(table))) == found


def test_pairs_that_say_nothing_leave_the_curves_as_they_are_and_so_do_no_pairs():
    for pairs in (0, 50):
        found = expectation_maximisation(np.full((pairs, 3), NAN), PRIOR, NAMES, np.full(pairs, NAN))
        assert found.curves == PRIOR.curves


def test_an_entry_that_has_no_other_to_learn_from_stays_much_as_it_is():
    features, _ = mixed(5000, 0.05)
    found = expectation_maximisation(features[:, :2], PRIOR, NAMES[:2], np.full(5000, NAN))
    assert departure(found) < 0.3


def test_of_very_many_pairs_an_even_sample_teaches_the_same_in_any_order():
    features, _ = mixed(2 * SAMPLE + 1, 0.2)
    nothing = np.full(len(features), NAN)
    found = expectation_maximisation(features, PRIOR, SOLO, nothing, rounds=2)
    assert expectation_maximisation(features[::-1], PRIOR, SOLO, nothing, rounds=2) == found
    assert found.base == pytest.approx(np.log(0.2 / 0.8), abs=0.3)


# What to ask next ----------------------------------------------------------------------------------


def test_half_of_the_questions_are_near_the_thresholds_and_half_spread():
    scores = np.linspace(0.0005, 0.9995, 4000)
    rows = choose(np.column_stack([np.arange(4000.0)]), scores, 100, near=(0.93, 0.78))
    picked = scores[rows]
    assert len(set(rows.tolist())) == 100
    near = (np.abs(picked - 0.93) < 0.02) | (np.abs(picked - 0.78) < 0.02)
    assert 50 <= near.sum() <= 60
    assert picked.min() < 0.001
    assert picked.max() > 0.999
    assert ((picked > 0.1) & (picked < 0.5)).sum() >= 5


def test_pairs_that_say_the_same_are_asked_once_as_long_as_others_are_left():
    features = np.array([[0.5], [0.51], [0.9], [NAN], [NAN]])
    scores = np.array([0.8, 0.8, 0.99, 0.1, 0.1])
    assert choose(features, scores, 3, near=(0.8,)).tolist() == [0, 2, 3]
    assert choose(features, scores, 4, near=(0.8,)).tolist() == [0, 1, 2, 3]
    assert choose(features, scores, 9, near=(0.8,)).tolist() == [0, 1, 2, 3, 4]


@given(st.lists(st.tuples(cells, st.floats(0, 1)), max_size=30), st.integers(0, 35))
def test_exactly_as_many_rows_are_chosen_as_asked_for_or_there_are(pairs, n):
    features = np.array([[each] for each, _ in pairs]).reshape(-1, 1)
    rows = choose(features, np.array([score for _, score in pairs]), n, near=(0.9, 0.7)).tolist()
    assert rows == sorted(set(rows))
    assert len(rows) == min(n, len(pairs))
    assert all(0 <= row < len(pairs) for row in rows)
