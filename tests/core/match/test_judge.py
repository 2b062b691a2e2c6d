"""Which is which: the answer never depends on the order of reading, and no identifier is ever talked down."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.match import Blocking, Candidate, Census, normalise, propose, traits_of
from crmsync.core.model import LIKELY, Compare, Match, Verdict

RULE = Match((("ico",),), (Compare("name", "company", 0.6), Compare("domain", "domain", 0.4)), 0.93, 0.78)
WITHIN = Match((("parent", "no"),), (Compare("name", "text", 1.0),), 0.93, 0.78, within="parent")

NAMES = ["Stavebná firma Novák", "Stavebna firma Novak s.r.o.", "Bank of the West", "Bank of the East", "Žltý kôň", ""]
people = st.fixed_dictionaries(
    {},
    optional={
        "ico": st.sampled_from(["31333532", "00000001", "12345679"]),
        "name": st.sampled_from(NAMES),
        "domain": st.sampled_from(["novak.sk", "bank.com"]),
    },
)
crowds = st.lists(people, max_size=6)


def crowd(values, offset=0, rule=RULE):
    return [Candidate((number + offset,), traits_of(rule, each)) for number, each in enumerate(values)]


def blocks(values):
    return set(Blocking.of(RULE, Census()).keys(traits_of(RULE, values)))


@given(crowds, crowds, st.randoms(use_true_random=False))
def test_the_order_of_reading_never_decides(left, right, random):
    first, second = crowd(left), crowd(right, 100)
    expected = propose(RULE, first, second)
    assert propose(RULE, random.sample(first, len(first)), random.sample(second, len(second))) == expected


@given(crowds, crowds)
def test_links_are_one_to_one_and_never_against_an_identifier(left, right):
    first, second = crowd(left), crowd(right, 100)
    values = {each.key: each.values for each in (*first, *second)}
    same = [each for each in propose(RULE, first, second) if each.verdict is Verdict.SAME]
    for side in (0, 1):
        keys = [each.keys[side] for each in same]
        assert len(keys) == len(set(keys))
    for each in same:
        icos = {values[key]["ico"] for key in each.keys if "ico" in values[key]}
        assert len(icos) <= 1


@given(crowds, crowds)
def test_swapping_the_systems_swaps_the_answer(left, right):
    first, second = crowd(left), crowd(right, 100)
    there = {(each.keys, each.verdict, each.score) for each in propose(RULE, first, second)}
    back = {(each.keys[::-1], each.verdict, each.score) for each in propose(RULE, second, first)}
    assert there == back


@given(crowds, crowds)
def test_what_a_person_judged_different_is_not_proposed_again(left, right):
    first, second = crowd(left), crowd(right, 100)
    judged = {each.keys for each in propose(RULE, first, second)}
    assert not {each.keys for each in propose(RULE, first, second, judged)} & judged


@given(crowds, crowds)
def test_every_judgement_comes_from_a_shared_block(left, right):
    first, second = crowd(left), crowd(right, 100)
    values = {each.key: each.values for each in (*first, *second)}
    for each in propose(RULE, first, second):
        first, second = (set(Blocking.of(RULE, Census()).keys(values[key])) for key in each.keys)
        assert first & second


def judge(first, second, rule=RULE):
    found = propose(rule, crowd([first], rule=rule), crowd([second], 100, rule))
    return found[0].verdict.value if found else "different"


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ({"ico": "1", "name": "alfa"}, {"ico": "1", "name": "alfa"}, "same"),
        ({"ico": "1", "name": "alfa"}, {"ico": "1", "name": "alva"}, "same"),  # the number decides alone
        ({"ico": "1"}, {"ico": "1"}, "same"),
        (
            {"ico": "1", "name": "alfa", "domain": "a.sk"},
            {"ico": "1", "name": "beta omega", "domain": "b.sk"},
            "unsure",
        ),
        ({"ico": "1", "name": "alfa", "domain": "a.sk"}, {"ico": "2", "name": "alfa", "domain": "a.sk"}, "different"),
        ({"name": "alfa", "domain": "a.sk"}, {"name": "alfa", "domain": "a.sk"}, "same"),
        ({"name": "alfa"}, {"name": "alfa"}, "unsure"),  # a name alone never links
        ({"domain": "a.sk"}, {"domain": "a.sk"}, "unsure"),  # nor does a domain
        ({"name": "bank of the west"}, {"name": "bank of the east"}, "unsure"),
        ({"name": "alfa"}, {"name": "omega"}, "different"),
        ({}, {}, "different"),
    ],
)
def test_two_records_alone(first, second, verdict):
    assert judge(first, second) == verdict


def test_an_identifier_that_is_not_unique_decides_nothing():
    twice = propose(RULE, crowd([{"ico": "1"}, {"ico": "1"}]), crowd([{"ico": "1"}], 100))
    assert {each.verdict for each in twice} == {Verdict.UNSURE}
    assert len(twice) == 2


def test_two_identifiers_that_say_two_records_are_a_question():
    rule = Match((("ico",), ("vat",)), RULE.compare, 0.93, 0.78)
    found = propose(rule, crowd([{"ico": "1", "vat": "2"}], rule=rule), crowd([{"ico": "1"}, {"vat": "2"}], 100, rule))
    assert {each.verdict for each in found} == {Verdict.UNSURE}
    assert [each.against for each in found] == [
        ("ico equal, but another identifier says another record",),
        ("vat equal, but another identifier says another record",),
    ]
    assert all(each.reason.startswith(f"{each.against[0]}; ") for each in found)


def test_an_equal_number_is_no_witness_for_itself():
    rule = Match((("ico",),), (Compare("ico", "company_id"), Compare("name", "company")), 0.95, 0.3)
    one, two = {"ico": "31333532", "name": "Galomklar"}, {"ico": "31333532", "name": "Rum Bestasdruk"}
    (found,) = propose(rule, crowd([one], rule=rule), crowd([two], 100, rule))
    assert found.verdict is Verdict.UNSURE


def test_two_equally_good_candidates_are_a_question():
    both = {"name": "alfa", "domain": "a.sk"}
    for order in permutations(range(3)):
        right = [crowd([both, both, {"name": "beta"}], 100)[place] for place in order]
        assert {each.verdict for each in propose(RULE, crowd([both]), right)} == {Verdict.UNSURE}


def test_children_are_only_compared_within_one_parent():
    assert judge({"parent": [1], "no": 1}, {"parent": [1], "no": 1}, WITHIN) == "same"
    assert judge({"parent": [1], "no": 1}, {"parent": [2], "no": 1}, WITHIN) == "different"
    assert judge({"no": 1}, {"no": 1}, WITHIN) == "different"


def test_a_name_of_ten_thousand_letters_and_hundreds_of_equal_names_are_no_trouble():
    assert len(normalise("company", "x" * 10_000) or "") <= 1000
    many = [{"name": "same name", "domain": "a.sk"} for _ in range(100)]
    found = propose(RULE, crowd(many), crowd(many, 1000))
    assert {each.verdict for each in found} == {Verdict.UNSURE}
    assert len(found) < 20 * len(many)  # a few questions about each, not all that could be asked


@given(st.lists(people, max_size=30))
def test_who_else_is_there_does_not_decide_what_is_compared(others):
    """Of two records that are judged together when alone, both are still compared in any crowd."""
    one = {"ico": "900", "name": "obec morina"}
    two = {"name": "obec moirna"}
    assert blocks(one) & blocks(two)
    crowded = propose(RULE, crowd([*others, one]), crowd([two], 100))
    assert any(each.keys == ((len(others),), (100,)) for each in crowded)


# One desk, one address, one switchboard: what a record is called must not speak against a link -------------------

CARD = Match(
    (),
    (Compare("name", "company"), Compare("web", "domain"), Compare("phone", "phone"), Compare("street", "address")),
    *LIKELY,
)
PEOPLE = Match(
    (),
    (Compare("name", "person"), Compare("mail", "email"), Compare("phone", "phone"), Compare("firm", "company")),
    *LIKELY,
)
DESK = {"web": "lovatek.at", "phone": "+43 1 5551234", "street": "Hauptstraße 3"}


def verdicts(rule, first, second):
    return [each.verdict for each in propose(rule, crowd([first], 0, rule), crowd([second], 100, rule))]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Lovatek Immobilien GmbH", "Lovatek Beteiligungs GmbH"),
        ("Lovatek Szerviz Kft.", "Lovatek Logisztikai Kft."),
        ("Lovatek Usługi sp. z o.o.", "Lovatek Nieruchomości sp. z o.o."),
        ("Lovatek Stavby s.r.o.", "Lovatek Reality s.r.o."),
        ("Lovatek Holding a.s.", "Lovatek a.s."),
        ("Mlyn Nitra a.s.", "Zenrami Personal GmbH"),
    ],
)
def test_companies_of_one_family_or_one_desk_are_a_question(first, second):
    assert verdicts(CARD, {"name": first, **DESK}, {"name": second, **DESK}) == [Verdict.UNSURE]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Lovatek Invest a.s.", "LOVATEK IVEST A.S."),
        ("Lovatek Immobilien GmbH", "Lovatek Immobilen G.m.b.H."),
        ("Lovatek s.r.o.", "Lovatek"),
    ],
)
def test_a_slip_of_the_pen_tells_no_company_from_another(first, second):
    assert verdicts(CARD, {"name": first, **DESK}, {"name": second, **DESK}) == [Verdict.SAME]


def test_two_colleagues_are_never_linked_as_one_person():
    desk = {"phone": "+48 22 5551234", "firm": "Figra sp. z o.o."}
    first = {"name": "Łukasz Müller", "mail": "lukasz.muller@figra.sk", **desk}
    second = {"name": "Péter Lechner", "mail": "peter.lechner@figra.sk", **desk}
    (told,) = propose(PEOPLE, crowd([first], 0, PEOPLE), crowd([second], 100, PEOPLE))
    assert told.verdict is Verdict.UNSURE
    assert "their names (name) speak against it" in told.reason
    assert verdicts(PEOPLE, first, {**second, "name": "Müller Łukasz", "mail": "lukasz.muller@figra.sk"}) == [
        Verdict.SAME
    ]
