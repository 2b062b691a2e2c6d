"""Are records of one system that are one found, whatever their order, and are contradictions never hidden?"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.core.match import Candidate, Census, traits_of
from crmsync.core.match.compare.company_id import DIFFERS
from crmsync.core.match.duplicates import JUDGED, Alikes, duplicates
from crmsync.core.model import Compare, Match

RULE = Match(
    decide=(("code",),),
    compare=(Compare("name", "text", 0.5), Compare("city", "text", 0.5)),
    link_at=0.9,
    review_at=0.9,
)


def record(
    key: int, name: str | None = "Stavebniny Horak", city: str | None = "Krupa", code: str | None = None
) -> Candidate:
    return Candidate((key,), traits_of(RULE, {"name": name, "city": city, "code": code}))


def found(*records: Candidate, distinct: tuple[tuple[tuple[int], tuple[int]], ...] = (), rule: Match = RULE) -> Alikes:
    return duplicates(rule, Census(), records, distinct, rule.link_at)


def test_copies_are_one_whatever_their_number() -> None:
    for number in (2, 41, 3000):
        alikes = found(*(record(key) for key in range(number)))
        (cluster,) = alikes.clusters
        assert (len(cluster.members), cluster.cohesion) == (number, 1.0)
        assert alikes.score((0,), (number - 1,)) == 1.0


def test_copies_count_in_the_cohesion_of_the_cluster_that_they_are_in() -> None:
    two = found(record(1), record(2, "Stavebniny Horaky"))
    three = found(record(1), record(2, "Stavebniny Horaky"), record(3))
    (pair,), (triple,) = two.clusters, three.clusters
    assert triple.members == ((1,), (2,), (3,))
    assert triple.cohesion == round((1.0 + 2 * pair.cohesion) / 3, 4)


def test_copies_with_one_field_to_go_by_are_not_called_one() -> None:
    assert found(record(1, city=None), record(2, city=None)).clusters == ()


def test_copies_whose_parent_is_not_known_are_not_compared() -> None:
    within = Match(RULE.decide, RULE.compare, 0.9, 0.9, within="parent")
    first, second = record(1), record(2)
    assert found(first, second, rule=within).clusters == ()
    inside = [Candidate(each.key, {**each.values, "parent": [7]}) for each in (first, second)]
    assert len(found(*inside, rule=within).clusters) == 1
    apart = [inside[0], Candidate((2,), {**second.values, "parent": [8]})]
    assert found(*apart, rule=within).clusters == ()


def test_copies_that_a_person_called_two_are_two() -> None:
    assert found(record(1), record(2), distinct=(((2,), (1,)),)).clusters == ()
    alikes = found(record(1), record(2), record(3), distinct=(((2,), (1,)),))
    (cluster,) = alikes.clusters
    assert cluster.contradictory
    assert [alikes.why_not(each.pair) for each in cluster.contradictions] == [JUDGED]


def test_two_that_cannot_be_one_are_shown_though_they_are_hardly_alike() -> None:
    alikes = found(
        record(1, "Stavebniny Horak", "Dolna Krupa", "11"),
        record(2, "Stavebniny Horaky", "Dolna Krupa II"),
        record(3, "Stavby Horaky", "Dolna Krupa II", "22"),
    )
    assert ((1,), (3,)) not in alikes.scores  # too little to be kept
    (cluster,) = alikes.clusters
    assert [each.path for each in cluster.contradictions] == [((1,), (2,), (3,))]
    assert alikes.why_not(((1,), (3,))) == DIFFERS


def test_nothing_is_found_where_nothing_is() -> None:
    assert found().clusters == ()
    assert found(record(1)).clusters == ()


words = st.sampled_from(["Stavebniny Horak", "Stavebniny Horaky", "Stavby Horak", "Mlyn Nitra", None])
cities = st.sampled_from(["Krupa", "Krupa II", "Nitra", None])
codes = st.sampled_from(["11", "22", None, None])
some = st.lists(st.tuples(words, cities, codes), max_size=8)


@settings(max_examples=60)
@given(told=some, order=st.randoms(use_true_random=False))
def test_the_order_of_the_records_changes_nothing_and_no_record_is_in_two_clusters(told, order) -> None:
    records = [record(key, *each) for key, each in enumerate(told)]
    shuffled = order.sample(records, len(records))
    first, second = found(*records), found(*shuffled)
    assert first == second
    members = [key for cluster in first.clusters for key in cluster.members]
    assert len(members) == len(set(members))
    assert all(0 <= cluster.cohesion <= 1 for cluster in first.clusters)
