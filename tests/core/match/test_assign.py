"""Which pairs go together: the heaviest one-to-one pairs as a whole, the same whatever the order of reading."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.match.assign import BIGGEST, assignment
from crmsync.core.model import Key

keys = st.one_of(st.integers(0, 4).map(lambda n: (n,)), st.sampled_from([("a",), ("b", 1)]))
weights = st.one_of(st.sampled_from([0.5, 0.9, 0.95, 1.0]), st.floats(0.001, 1))
edges = st.lists(st.tuples(keys, keys, weights), max_size=12)


def matchings(pairs):
    """Every set of pairs that share no record."""
    if not pairs:
        yield frozenset()
        return
    first, *rest = pairs
    yield from matchings(rest)
    yield from (found | {first} for found in matchings([p for p in rest if p[0] != first[0] and p[1] != first[1]]))


def heaviest(edges):
    weight: dict[tuple[Key, Key], float] = {}
    for left, right, each in edges:
        weight[left, right] = max(each, weight.get((left, right), 0))
    return weight, max(sum(weight[pair] for pair in found) for found in matchings(sorted(weight, key=repr)))


@given(edges)
def test_no_one_to_one_set_of_pairs_weighs_more(edges):
    found = assignment(edges)
    weight, best = heaviest(edges)
    assert len({left for left, _ in found}) == len({right for _, right in found}) == len(found)
    assert sum(weight[pair] for pair in found) == pytest.approx(best, abs=1e-9)


@given(edges, st.randoms(use_true_random=False))
def test_the_order_of_reading_does_not_decide_even_between_equals(edges, random):
    assert assignment(random.sample(edges, len(edges))) == assignment(edges)


@given(edges)
def test_swapping_the_systems_swaps_the_pairs(edges):
    pairs = {(left, right) for left, right, _ in edges}
    one_way = [each for each in edges if each[0] == each[1] or (each[1], each[0]) not in pairs]
    back = assignment([(right, left, each) for left, right, each in one_way])
    assert {(left, right) for right, left in back} == assignment(one_way)


def test_two_good_pairs_beat_one_perfect_pair():
    edges = [((1,), (1,), 0.95), ((1,), (2,), 0.94), ((2,), (1,), 0.94)]
    assert assignment(edges) == {((1,), (2,)), ((2,), (1,))}


def test_of_equal_sets_the_one_with_the_first_pair_by_key_wins():
    square = [((left,), (right,), 0.9) for left in (2, 1) for right in (2, 1)]
    assert assignment(square) == {((1,), (1,)), ((2,), (2,))}


def test_a_pair_that_weighs_nothing_is_no_pair():
    assert assignment([((1,), (1,), 0.0), ((2,), (2,), -1.0)]) == set()


def test_in_a_tangle_too_large_only_strict_mutual_bests_are_paired():
    tangle = [((0,), (right,), 0.5) for right in range(BIGGEST)]
    assert assignment(tangle) == set()
    assert assignment([*tangle, ((0,), (7,), 0.9), ((1,), (7,), 0.8)]) == {((0,), (7,))}


def test_a_tangle_just_small_enough_is_solved_whole():
    half = BIGGEST // 2
    ring = [((n,), ((n + step) % half,), 0.9 + 0.05 * step) for n in range(half) for step in (0, 1)]
    assert assignment(ring) == {((n,), ((n + 1) % half,)) for n in range(half)}
