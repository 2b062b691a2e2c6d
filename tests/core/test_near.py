"""Is somebody who slips asked for the name that was meant?"""

from __future__ import annotations

from difflib import get_close_matches

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.near import choose, closest, meant, nearest, perhaps

WORDS = ("account", "address", "amount", "city", "company", "contact", "country", "currency", "customer", "date")
MANY = sorted(f"{one}_{other}" for one in WORDS for other in (*WORDS, "id", "name", "number"))
SLIPS = st.tuples(st.sampled_from(MANY), st.integers(0, 30), st.sampled_from(["", "x", "aa"]))


@pytest.mark.parametrize("name", ["trim", "weight", "delivery_status"])
def test_a_near_name_is_offered(name):
    assert closest(name[:-1], [name, "zzz"]) == name
    assert closest("qqqqq", [name]) is None


@given(SLIPS, st.sampled_from([0.5, 0.6, 0.75]))
def test_among_many_names_a_slip_is_told_as_among_few(slip, alike):
    name, at, put = slip
    word = name[:at] + put + name[at + 1 :]
    (expected,) = get_close_matches(word, MANY, 1, alike) or [None]
    assert closest(word, MANY, alike) == closest(word, MANY[::-1], alike) == expected


def test_what_is_like_nothing_among_many_names_is_not_guessed_at():
    assert closest("qqqqq", MANY) is None


def test_one_wording_asks_for_it_wherever_it_stands():
    assert meant("trim", "see the docs") == "did you mean 'trim'?"
    assert meant(None, "see the docs") == "see the docs"
    assert (perhaps("trim"), perhaps(None)) == ("; did you mean 'trim'?", "")


def test_the_mend_for_an_unknown_name_asks_and_tells_some_of_those_that_there_are():
    assert choose("trmi", ["upper", "trim"]) == "did you mean 'trim'? there are: trim, upper"
    assert choose("x", [], "columns") == "columns none"
    told = choose("qqqqq", MANY)
    assert told.startswith("there are: account_account, ")
    assert told.endswith(", ...")
    assert told.count(",") == 20


def test_the_nearest_names_of_a_table_do_not_mind_capitals():
    assert nearest("customers", ["CUSTOMER", "Invoice"]) == "; the nearest names: CUSTOMER"
    assert nearest("qqqqq", ["CUSTOMER"]) == ""
