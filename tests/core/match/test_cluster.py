"""Duplicates inside one system: what hangs together, what contradicts, and who lives on."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.match.cluster import COHESION, Cluster, Contradiction, Member, clusters, survivor
from crmsync.core.model import Key

A, B, C, D, E, F = ((letter,) for letter in "ABCDEF")
LINK_AT = 0.8

keys = st.sampled_from([A, B, C, D, E, F, (1,), (2,)])
pairs = st.lists(st.tuples(keys, keys, st.sampled_from([0.3, 0.7, 0.8, 0.9, 0.95, 1.0])), max_size=16)
forbidden = st.lists(st.tuples(keys, keys), max_size=3)


def sort_pair(first, second):
    return tuple(sorted((first, second), key=repr))


def links(pairs, barred):
    """Our own memory of what links: unordered, the best score told."""
    barred = {sort_pair(*pair) for pair in barred}
    best: dict[tuple[Key, Key], float] = {}
    for first, second, score in pairs:
        pair = sort_pair(first, second)
        if first != second and pair not in barred:
            best[pair] = max(best.get(pair, 0), score)
    return best, {pair for pair, score in best.items() if score >= LINK_AT}


def reach(start, links):
    seen = {start}
    while fresh := {key for pair in links if set(pair) & seen for key in pair} - seen:
        seen |= fresh
    return seen


@given(pairs, forbidden, st.randoms(use_true_random=False))
def test_the_order_of_reading_does_not_decide(pairs, forbidden, random):
    mixed = [(b, a, s) if random.random() < 0.5 else (a, b, s) for a, b, s in random.sample(pairs, len(pairs))]
    assert clusters(mixed, random.sample(forbidden, len(forbidden)), LINK_AT) == clusters(pairs, forbidden, LINK_AT)


@given(pairs, forbidden)
def test_every_link_is_inside_a_cluster_or_told_as_cut_or_joins_two_that_were_left_alone(pairs, forbidden):
    found = clusters(pairs, forbidden, LINK_AT)
    homes = {key: each for each in found for key in each.members}
    assert len(homes) == sum(len(each.members) for each in found)
    for first, second in links(pairs, forbidden)[1]:
        if homes.get(first) is not homes.get(second) or first not in homes:
            told = [each for each in found if (first, second) in each.cut]
            assert told == [each for each in found if first in each.members or second in each.members]
            assert told


@given(pairs, forbidden)
def test_a_cluster_holds_together_and_says_how_well(pairs, forbidden):
    best, linked = links(pairs, forbidden)
    for each in clusters(pairs, forbidden, LINK_AT):
        inner = [sort_pair(*pair) for pair in combinations(each.members, 2)]
        scores = {pair: best.get(pair, 0) for pair in inner}
        assert each.cohesion == pytest.approx(sum(scores.values()) / len(inner), abs=1e-4)
        assert each.cohesion >= COHESION - 1e-4
        assert scores[sort_pair(*each.weakest)] == min(scores.values())
        assert reach(each.members[0], linked & set(inner)) == set(each.members)


@given(pairs, forbidden)
def test_every_contradiction_inside_a_cluster_is_shown_with_a_way_of_links(pairs, forbidden):
    linked = links(pairs, forbidden)[1]
    for each in clusters(pairs, forbidden, LINK_AT):
        barred = {sort_pair(*pair) for pair in forbidden if pair[0] != pair[1] and set(pair) <= set(each.members)}
        assert {sort_pair(*clash.pair) for clash in each.contradictions} == barred
        for clash in each.contradictions:
            assert (clash.path[0], clash.path[-1]) == clash.pair
            assert all(sort_pair(*step) in linked for step in zip(clash.path, clash.path[1:], strict=False))


def test_a_chain_whose_ends_are_different_is_shown_never_resolved():
    [found] = clusters([(A, B, 0.95), (B, C, 0.9), (A, C, 0.97)], [(C, A)], LINK_AT)
    assert found == Cluster((A, B, C), 0.6167, (A, C), (Contradiction((A, C), (A, B, C)),))
    assert found.contradictory


def test_two_groups_that_hang_by_a_thread_are_cut_there_and_the_thread_is_told():
    first = [(*pair, 0.9) for pair in combinations((A, B, C), 2)]
    second = [(*pair, 0.85) for pair in combinations((D, E, F), 2)]
    found = clusters([*first, *second, (C, D, 0.99)], [], LINK_AT)
    assert [each.members for each in found] == [(A, B, C), (D, E, F)]
    assert [each.cut for each in found] == [((C, D),), ((C, D),)]
    assert not any(each.contradictory for each in found)


def test_pairs_below_the_threshold_count_for_cohesion_but_do_not_link():
    found = clusters([(A, B, 0.9), (B, C, 0.9), (C, D, 0.9), (A, C, 0.7), (B, D, 0.7), (E, F, 0.7)], [], LINK_AT)
    assert [(each.members, each.cohesion, each.weakest) for each in found] == [((A, B, C, D), 0.6833, (A, D))]


def test_the_linked_record_survives_then_the_fullest_then_the_newest_then_the_lowest_key():
    old = Member((9,), False, 5, 100.0)
    assert survivor([Member((10,), False, 5, 100.0), old]).key == (9,)
    assert survivor([old, Member((10,), False, 5, 200.0)]).key == (10,)
    assert survivor([old, Member((10,), False, 6)]).key == (10,)
    assert survivor([Member((10,), False, 6), Member((11,), True, 0)]).key == (11,)
    assert survivor([Member((10,), False, 5), old]).key == (9,)


def test_the_survivor_comes_with_what_decided_it():
    linked, other = Member((2,), True, 3), Member((1,), False, 8)
    assert survivor([linked, other]).reason == "the only linked record"
    fuller = survivor([linked, Member((3,), True, 4)])
    assert fuller.reason == "of the linked records the most complete: 4 fields filled, the next one 3"
    assert survivor([linked]).reason == "the only record"
    with pytest.raises(ValueError, match="no survivor"):
        survivor([])


members = st.lists(
    st.builds(Member, keys, st.booleans(), st.integers(0, 3), st.sampled_from([None, 1.0, 2.0])),
    min_size=1,
    max_size=5,
    unique_by=lambda member: member.key,
)


@given(members, st.randoms(use_true_random=False))
def test_the_survivor_does_not_depend_on_the_order_and_outlives_all_smaller_groups_it_is_in(members, random):
    found = survivor(members)
    assert survivor(random.sample(members, len(members))) == found
    winner = next(member for member in members if member.key == found.key)
    assert all(survivor([winner, other]).key == winner.key for other in members if other is not winner)
