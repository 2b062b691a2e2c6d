"""Blocks: the pairs that share a key, all of them, once, and nobody's crowd."""

from itertools import combinations, product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.match import Blocking, Candidate, Census, census_of, score_pairs
from crmsync.core.match.block import candidates_of, pairs_between, pairs_within
from crmsync.core.match.census import COMMON
from crmsync.core.model import Compare, Match, seal_of, to_json
from tests.core.match.worlds import RULE, crowd, crowds

SEAL = seal_of(b"secret")
owned = st.sets(st.tuples(st.integers(-3, 3), st.integers(0, 6)), max_size=25)


def columns(pairs):
    return tuple(np.array([each[n] for each in sorted(pairs)], dtype=np.int64) for n in (0, 1))


@given(owned, owned)
def test_between_two_systems_every_pair_that_shares_a_key_comes_once(left, right):
    found = candidates_of(pairs_between(columns(left), columns(right), 10))
    assert [divmod(code, 10) for code in found.tolist()] == sorted(
        {(mine, theirs) for (one, mine), (two, theirs) in product(left, right) if one == two}
    )


@given(owned)
def test_inside_one_system_the_first_of_a_pair_is_the_lower_one(one):
    found = candidates_of(pairs_within(columns(one), 10))
    assert [divmod(code, 10) for code in found.tolist()] == sorted(
        {(min(a, b), max(a, b)) for (k, a), (m, b) in combinations(one, 2) if k == m and a != b}
    )


@given(crowds)
def test_the_keys_of_a_record_come_from_it_and_the_census_alone(values):
    census = census_of(RULE, crowd(values))
    blocking = Blocking.of(RULE, census)
    for each in crowd(values):
        assert blocking.keys(each.values) == Blocking.of(RULE, census).keys(each.values)


def test_a_key_that_a_crowd_shares_brings_nobody_together():
    rule = Match(compare=(Compare("name", "company"),))
    many = crowd([{"name": "Obec"}] * 500, rule=rule)
    census = census_of(rule, many)
    assert census.crowded
    assert score_pairs(rule, census, many).candidates == 0
    assert len(score_pairs(rule, Census(), many[:3])) == 3


def test_fifty_thousand_identical_names_are_no_trouble():
    rule = Match(compare=(Compare("name", "company"), Compare("city", "text")))
    many = [Candidate((n,), {"name": "test||", "city": "praha"}) for n in range(50_000)]
    assert score_pairs(rule, Census(), many).candidates == 0  # a block of 2.5 milliards is never built
    assert score_pairs(rule, census_of(rule, many), many).candidates == 0


def test_all_numbers_equal_to_a_placeholder_are_no_numbers():
    for number in ("00000000", "12345678", "nemá", "-", "99999999", "0"):
        found = crowd([{"vat": number, "name": f"Firma {n}"} for n in range(5)])
        assert not [each for each in found if "vat" in each.values], number


@given(st.lists(st.sampled_from(["stavby novak", "stavby kral", "reality novak"]), min_size=1, max_size=40))
def test_a_census_counts_records_not_words(names):
    rule = Match(compare=(Compare("name", "text"),))
    census = census_of(rule, crowd([{"name": f"{name} {name}"} for name in names], rule=rule))
    assert census.records == len(names)
    for word in ("stavby", "novak"):
        count = sum(word in name.split() for name in names)
        assert census.words["name"].get(word, 0) == (count if count >= COMMON else 0)


@given(crowds)
def test_a_remembered_census_says_the_same_of_every_word_and_key(values):
    census = census_of(RULE, crowd(values * 3))
    remembered = Census.from_json(census.to_json(SEAL), SEAL)
    for entry, counts in census.words.items():
        rarities = census.rarity(entry), remembered.rarity(entry)
        for word in (*counts, "", "=", "unheard"):
            assert rarities[0](word) == rarities[1](word)
    for each in crowd(values):
        assert Blocking.of(RULE, remembered).keys(each.values) == Blocking.of(RULE, census).keys(each.values)


def test_a_remembered_census_tells_nobody_what_it_has_counted():
    rule = Match(compare=(Compare("mail", "email"), Compare("phone", "phone"), Compare("name", "company")))
    shared = {"mail": "jana@gmail.com", "phone": "0905 123 456", "name": "Kováč Jana"}
    census = census_of(rule, crowd([shared] * 300, rule=rule))
    told = to_json(census.to_json(SEAL)).decode()
    assert census.crowded
    assert len(Census.from_json(census.to_json(SEAL), SEAL).crowded) == len(census.crowded)
    assert {"=jana@gmail.com"} <= census.words["mail"].keys()
    for said in ("jana", "gmail", "905123456", "123456", "kovac"):
        assert said not in told


def test_a_word_tells_the_less_the_more_records_have_it():
    census = Census(100_000, {"name": {"stavby": 20_000, "novak": 500, "=abc": 5}})
    rarity = census.rarity("name")
    assert 0 <= rarity("stavby") < rarity("novak") < rarity("=abc") < rarity("unheard")
    assert Census().rarity("name")("anything") == rarity("unheard") - np.log(5)
