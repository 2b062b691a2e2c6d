"""What nobody should have typed, or nothing at all: it links nobody, stops nobody, and hides nobody else's pair."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.match import Candidate, Census, census_of, judge, propose, score_pairs
from crmsync.core.model import Compare, Match, Verdict
from tests.core.match.worlds import RULE, crowd, records

PLACEHOLDERS = ["00000000", "12345678", "99999999", "0", "nemá", "-", "x"]
SITE = {"web": "galomklar.sk", "phone": "0905 123 456"}


def verdicts(one, other, rule=RULE):
    return [each.verdict for each in propose(rule, crowd([one], rule=rule), crowd([other], 100, rule))]


@pytest.mark.parametrize("name", ["", " ", "-", "...", "„“", "\u200f", "\x00"])
def test_names_that_say_nothing_are_no_names(name):
    assert verdicts({"name": name}, {"name": name}) == []
    for more in ({"city": "Praha"}, {"web": "galomklar.sk"}, SITE):
        assert propose(RULE, crowd([{"name": name} | more]), crowd([{"name": name} | more], 100)) == propose(
            RULE, crowd([more]), crowd([more], 100)
        )


@pytest.mark.parametrize("name", ["A", "ž", "7", "Я", "א", "&"])
def test_a_name_of_one_letter_links_nobody_by_itself(name):
    assert Verdict.SAME not in verdicts({"name": name}, {"name": name})
    assert Verdict.SAME not in verdicts({"name": f"{name} s.r.o."}, {"name": f"{name}, a.s."})


@pytest.mark.parametrize("name", ["x" * 10_000, "Kovo " * 2_000, "ž" * 10_000, "Ж" * 10_000, "א" * 10_000])
def test_a_name_of_ten_thousand_letters_is_judged_like_others(name):
    (found,) = propose(RULE, crowd([{"name": name} | SITE]), crowd([{"name": name} | SITE], 100))
    assert found.verdict is Verdict.SAME
    assert len(found.reason) < 500
    assert Verdict.SAME not in verdicts({"name": name}, {"name": "Galomklar"})


def test_fifty_thousand_identical_names_hide_no_pair():
    rule = Match(compare=(Compare("name", "company"), Compare("web", "domain"), Compare("city", "text")))
    many = [Candidate((n,), {"name": "test||", "city": "praha"}) for n in range(50_000)]
    one, other = ({"name": "test||", "web": "galomklar.sk", "city": "praha"} for _ in range(2))
    first, second = [*many, Candidate((50_000,), one)], [*many[:100], Candidate((50_001,), other)]
    scored = score_pairs(rule, census_of(rule, first, second), first, second)
    assert scored.candidates == 1
    assert [scored.keys(row) for row in range(len(scored))] == [((50_000,), (50_001,))]


@given(st.lists(records, max_size=4), st.lists(records, max_size=4), st.sampled_from(PLACEHOLDERS))
def test_placeholders_in_every_number_change_no_answer(left, right, placeholder):
    bare = [[{name: text for name, text in each.items() if name not in ("ico", "vat")} for each in side]
            for side in (left, right)]  # fmt: skip
    filled = [[{**each, "ico": placeholder, "vat": placeholder} for each in side] for side in bare]
    rule = Match((("ico",),), (Compare("ico", "company_id"), *RULE.compare), RULE.link_at, RULE.review_at)
    expected, found = (propose(rule, crowd(one, rule=rule), crowd(two, 100, rule)) for one, two in (bare, filled))
    assert found == expected


@given(
    st.lists(records, max_size=4), st.lists(records, max_size=4), st.sampled_from(["gmail.com", "seznam.cz", "wp.pl"])
)
def test_a_free_mail_host_as_everybodys_website_changes_no_answer(left, right, host):
    bare = [[{name: text for name, text in each.items() if name != "web"} for each in side] for side in (left, right)]
    filled = [[{**each, "web": f"https://www.{host}/"} for each in side] for side in bare]
    expected, found = (propose(RULE, crowd(one), crowd(two, 100)) for one, two in (bare, filled))
    assert found == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ООО «Ромашка»", "Ромашка"),
        ("Газпром", "ГАЗПРОМ ПАО"),
        ("Ромашка", "Romashka"),
        ('אגד בע"מ', "אגד"),
        ("شركة الأهرام", "شركة  الأهرام"),
        ("\u202bشركة الأهرام\u202c", "شركة الأهرام"),  # marks of direction around it
    ],
)
def test_other_scripts_and_directions_are_names_like_others(one, other):
    assert verdicts({"name": one} | SITE, {"name": other} | SITE) == [Verdict.SAME]
    assert Verdict.SAME not in verdicts({"name": one}, {"name": other})


@pytest.mark.parametrize(("one", "other"), [("Ромашка", "Лукойл"), ("شركة الأهرام", "مصر للطيران"), ("אגד", "תנובה")])
def test_names_that_differ_in_another_script_are_two(one, other):
    assert verdicts({"name": one}, {"name": other}) == []


@given(st.lists(st.text(max_size=30), min_size=1, max_size=4), st.lists(st.text(max_size=30), min_size=1, max_size=4))
def test_whatever_is_typed_into_every_field_is_judged_and_told_in_words(left, right):
    names = [each.field for each in RULE.compare] + ["ico"]
    first, second = ([dict.fromkeys(names, text) for text in side] for side in (left, right))
    scored = score_pairs(RULE, Census(), crowd(first), crowd(second, 100))
    for each in judge(RULE, scored):
        assert 0.0 <= each.score <= 1.0
        assert each.reason
