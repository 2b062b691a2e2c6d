"""One record from several: which value survives, and whose it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.match.golden import Kept, Rule, Source, golden
from crmsync.core.model import ABSENT, Json

KINDS = ("survivor", "complete", "newest", "frequent", "priority")
NOTHING: list[Json] = [None, "", "  ", [], {}, ABSENT]

values = st.one_of(st.sampled_from(NOTHING), st.sampled_from(["Žilina", "žilina ", "Brno", 0, False, 7, ["a"]]))
records = st.lists(
    st.builds(
        Source,
        st.sampled_from([(n,) for n in range(6)]),
        st.dictionaries(st.sampled_from(["name", "city"]), values),
        st.sampled_from([None, 1.0, 2.0]),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda record: record.key,
)
rules = st.builds(Rule, st.sampled_from(KINDS), st.lists(st.sampled_from([(n,) for n in range(6)])).map(tuple))


@given(records, rules, st.randoms(use_true_random=False))
def test_the_order_of_reading_does_not_decide(records, rule, random):
    mixed = random.sample(records, len(records))
    assert golden(mixed, records[0].key, {}, rule) == golden(records, records[0].key, {}, rule)


@given(records, rules)
def test_nothing_never_wins_over_a_value_and_every_value_has_its_source(records, rule):
    found = golden(records, records[0].key, {"name": rule})
    said = {record.key: record.values for record in records}
    for field in ("name", "city"):
        there = [v[field] for v in said.values() if v.get(field, ABSENT) is not ABSENT]
        assert (field in found) == bool(there)
        if there:
            kept = found[field]
            assert said[kept.source][field] == kept.value
            assert (kept.value in NOTHING) == all(value in NOTHING for value in there)
            assert all(said[key][field] == value and value not in NOTHING for key, value in kept.others)


ONE = Source((1,), {"name": "Novák", "city": "Brno", "phone": "", "size": 0}, 10.0)
TWO = Source((2,), {"name": "Novák stavby, s.r.o.", "city": "BRNO ", "phone": "0900"}, 30.0)
THREE = Source((3,), {"name": "Novak", "city": "Praha", "phone": None}, None, linked=True)


def keep(kind, *priority):
    return golden([ONE, TWO, THREE], (1,), {}, Rule(kind, priority))


def test_the_survivors_value_is_kept_unless_it_is_empty():
    found = keep("survivor")
    others = (((3,), "Novak"), ((2,), "Novák stavby, s.r.o."))
    assert found["name"] == Kept("Novák", (1,), "the survivor's", others)
    assert found["phone"] == Kept("0900", (2,), "the only value")
    assert found["size"].value == 0


def test_the_most_complete_value_is_the_longest():
    assert keep("complete")["name"].source == (2,)
    assert keep("complete")["name"].rule == "the longest"


def test_the_newest_value_is_of_the_record_modified_last_and_unknown_times_come_last():
    assert keep("newest")["name"].source == (2,)
    assert golden([ONE, THREE], (3,), {}, Rule("newest"))["city"].source == (1,)


def test_the_most_frequent_value_is_counted_without_blanks_and_case():
    found = keep("frequent")["city"]
    assert (found.value, found.rule, found.others) == ("Brno", "said by 2 of 3 records", (((3,), "Praha"),))


def test_of_equal_counts_the_spelling_that_most_use_wins():
    records = [Source((n,), {"city": city}) for n, city in enumerate(["BRNO", "Brno", "Brno"])]
    assert golden(records, (0,), {}, Rule("frequent"))["city"].value == "Brno"


def test_sources_have_priority_in_the_order_given_then_the_rest():
    assert keep("priority", (3,), (2,))["name"].source == (3,)
    assert keep("priority", (3,), (2,))["phone"].source == (2,)
    assert keep("priority", (8,))["name"].source == (1,)


def test_where_the_survivor_is_silent_a_linked_record_speaks_before_others():
    silent = Source((0,), {"city": None})
    assert golden([silent, ONE, THREE], (0,), {})["city"].source == (3,)


def test_every_field_may_have_its_own_rule():
    found = golden([ONE, TWO, THREE], (1,), {"name": Rule("complete")}, Rule("newest"))
    assert (found["name"].rule, found["city"].rule) == ("the longest", "of the record modified last")


def test_a_survivor_from_elsewhere_is_refused():
    with pytest.raises(ValueError, match=r"\[9\] is none of the 3 records"):
        golden([ONE, TWO, THREE], (9,), {})
