"""Scores: the same alone and in a crowd, whole or pruned, and the sum of what they are explained by."""

from math import exp, isclose

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.core.match import Census, census_of, explain, judge, propose, score_pairs
from crmsync.core.model import Compare, Match, Verdict
from tests.core.match.worlds import RULE, crowd, crowds, records


def rows(scored):
    return {scored.keys(row): (scored.score[row], scored.strength[row]) for row in range(len(scored))}


@given(crowds, crowds)
def test_a_pair_scores_the_same_alone_and_in_any_crowd(left, right):
    first, second = crowd(left), crowd(right, 100)
    whole = rows(score_pairs(RULE, Census(), first, second))
    for one in first:
        for two in second:
            alone = rows(score_pairs(RULE, Census(), [one], [two]))
            assert alone == {keys: told for keys, told in whole.items() if keys == (one.key, two.key)}


@given(crowds, crowds)
def test_a_pair_that_shares_no_block_is_scored_when_it_is_named(left, right):
    first, second = crowd(left), crowd(right, 100)
    every = [(one.key, two.key) for one in first for two in second]
    named = rows(score_pairs(RULE, Census(), first, second, beside=[*every, ((5000,), (1,))]))
    assert [*named] == sorted(every)
    assert rows(score_pairs(RULE, Census(), first, second)).items() <= named.items()


def test_inside_one_system_a_named_pair_is_the_same_both_ways_round():
    records = crowd([{"name": "Kovotrans"}, {"name": "Mlyn"}, {"name": "Pekáreň"}])
    for beside in ([((2,), (0,))], [((0,), (2,)), ((2,), (0,)), ((1,), (1,))]):
        assert [*rows(score_pairs(RULE, Census(), records, beside=beside))] == [((0,), (2,))]


@given(crowds, crowds, st.sampled_from([0.05, 0.3, 0.9]))
def test_to_leave_out_early_is_to_leave_out_late(left, right, least):
    first, second = crowd(left), crowd(right, 100)
    whole, pruned = (score_pairs(RULE, Census(), first, second, keep_from=keep) for keep in (0.0, least))
    kept = {keys: told for keys, told in rows(whole).items() if told[0] >= least}
    equal = {whole.keys(row): rows(whole)[whole.keys(row)] for row in np.flatnonzero(whole.equal).tolist()}
    assert rows(pruned) == kept | equal
    assert pruned.candidates == whole.candidates


@given(crowds, crowds, st.randoms(use_true_random=False))
def test_the_order_of_reading_changes_no_score(left, right, random):
    first, second = crowd(left), crowd(right, 100)
    shuffled = random.sample(first, len(first)), random.sample(second, len(second))
    census = census_of(RULE, first, second)
    assert census == census_of(RULE, *shuffled[::-1])
    assert rows(score_pairs(RULE, census, *shuffled)) == rows(score_pairs(RULE, census, first, second))


@given(records, records)
def test_the_points_of_a_waterfall_come_to_its_score(one, two):
    values = [each.values for each in crowd([one, two])]
    told = explain(RULE, Census(), *values)
    likely = 1 / (1 + exp(-sum(each.points for each in told.points)))
    assert isclose(told.score, likely, abs_tol=0.01) or told.score == RULE.link_at - 0.001
    assert all(each.reason for each in told.points)
    assert explain(RULE, Census(), *values[::-1]).score == told.score


@settings(max_examples=200)
@given(crowds, crowds)
def test_a_link_has_two_kinds_of_evidence_and_nothing_hard_against_it(left, right):
    first, second = crowd(left), crowd(right, 100)
    values = {each.key: each.values for each in (*first, *second)}
    for each in propose(RULE, first, second):
        told = explain(RULE, Census(), values[each.keys[0]], values[each.keys[1]])
        if each.verdict is Verdict.SAME and "equal" not in each.reason:
            assert not told.against, told
            assert sum(point.points > 0 for point in told.points) >= 2


@settings(max_examples=200)
@given(crowds, crowds)
def test_a_second_look_at_what_is_left_links_nothing_more(left, right):
    first, second = crowd(left), crowd(right, 100)
    same = [each.keys for each in propose(RULE, first, second) if each.verdict is Verdict.SAME]
    rest = [
        [each for each in side if each.key not in {keys[n] for keys in same}] for n, side in ((0, first), (1, second))
    ]
    assert not [each for each in propose(RULE, rest[0], rest[1]) if each.verdict is Verdict.SAME]


def test_a_name_or_a_domain_alone_never_links():
    for alike in ({"name": "Kovotrans Žilina s.r.o."}, {"web": "kovotrans.sk", "mail": "info@kovotrans.sk"}):
        found = propose(RULE, crowd([alike]), crowd([alike], 100))
        assert not [each for each in found if each.verdict is Verdict.SAME]


def test_different_valid_identifiers_never_link_by_themselves():
    alike = {"name": "Kovotrans Žilina s.r.o.", "web": "kovotrans.sk", "phone": "0905 123 456"}
    one, two = {**alike, "vat": "31333532"}, {**alike, "vat": "36421928"}
    found = propose(RULE, crowd([one]), crowd([two], 100))
    assert not [each for each in found if each.verdict is Verdict.SAME]
    assert propose(RULE, crowd([alike]), crowd([alike], 100))[0].verdict is Verdict.SAME


def test_companies_of_one_family_are_a_question():
    alike = {"web": "kovotrans.sk", "phone": "0905 123 456", "city": "Žilina"}
    for name in ("Kovotrans Holding a.s.", "Kovotrans Servis, s.r.o.", "Kovotrans II s.r.o."):
        one, two = {**alike, "name": "Kovotrans s.r.o."}, {**alike, "name": name}
        found = propose(RULE, crowd([one]), crowd([two], 100))
        assert [each.verdict for each in found] == [Verdict.UNSURE], name


def test_a_rare_word_weighs_more_than_a_common_one():
    rule = Match(compare=(Compare("name", "company"),))
    census = Census(100_000, {"name": {"stavebna": 9_000}})
    values = [
        each.values for each in crowd([{"name": "Stavebná Quaxo"}, {"name": "Quaxo"}, {"name": "Stavebná"}], rule=rule)
    ]
    rare, common = (explain(rule, census, values[0], values[n]).score for n in (1, 2))
    assert rare > common


def test_nothing_to_compare_is_nothing():
    assert len(score_pairs(RULE, Census(), [], [])) == 0
    assert judge(RULE, score_pairs(RULE, Census(), crowd([{}]), crowd([{}], 100))) == []
    assert explain(RULE, Census(), {}, {}).against == ("fewer than two fields can be compared",)
