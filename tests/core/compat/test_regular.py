"""Does the machine of a pattern accept what the validator accepts?"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.core.compat.choices import Seeded
from crmsync.core.compat.facts import exactly, matches
from crmsync.core.compat.regular import Language, Unregular

PATTERNS = [
    "__c$",
    "^[0-9]{5}(-[0-9]{4})?$",
    "^(a+)+$",
    "a|^b$|c$",
    "^$",
    "^[^a-z]*$",
    r"^\S+@\S+$",
    r"^\d+$",
    "[a-z]*",
    r"\s",
    r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$",
    r"^[\w.-]+$",
    r"^\+421[0-9]{9}$",
    "^(?:a|b)c?$",
    "^[A-Ž]+$",
    r"^.{2,4}$",
    "a.c",
    r"^[^\d\s]+$",
    "^(CZ|SK|PL)[0-9]{8,10}$",
    "^a{0}b*$",
    r"\.$",
    "ž|щ|😀",
    "^.$",
    "^(a|b|cd)*$",
    "a||b",
    "^[a&&b]$",
    "^[+--]$",
    "^[a~~b]$",
    "^*a",
    r"^\x41[\u0042-\u0044]$",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_is_drawn_matches_and_what_is_barred_does_not(pattern):
    inside, outside = Language((pattern,)), Language((), (pattern,))
    for seed in range(60):
        text, other = inside.drawn(Seeded(seed)), outside.drawn(Seeded(seed))
        assert text is not None
        assert matches(pattern, text)
        assert other is None or not matches(pattern, other)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.sampled_from(PATTERNS), st.text(max_size=6) | st.text("abc019-._ \n\r\u2028žZ", max_size=6))
def test_a_text_is_in_the_language_exactly_when_the_validator_says_so(pattern, text):
    assert Language((pattern, exactly(text))).is_empty() == (not matches(pattern, text))


@settings(max_examples=400, deadline=None)
@given(
    st.text("ab1()|[]{}*+?^$.,-", min_size=1, max_size=9),
    st.lists(st.text("ab1{}.,-\n", max_size=4), min_size=1, max_size=4),
)
def test_a_pattern_that_anybody_may_write_is_read_as_the_validator_reads_it_or_left(pattern, texts):
    try:
        Language((pattern,)).is_empty()
        taken = [matches(pattern, text) for text in texts]
    except (Unregular, ValueError):  # not told, or no pattern
        return
    assert [not Language((pattern, exactly(text))).is_empty() for text in texts] == taken


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ("^[A-Z]{2,3}$", "^[A-Z]{2}$"),
        ("[a-z]*", "^x$"),
        ("^x_", "^x_[a-z]+$"),
        ("^(SK|CZ)[0-9][0-9]*$", "^(CZ|SK)[0-9]+$"),
        ("^(a|b)*$", "^a*b*$"),
        ("b", "^a*b$"),
        (r"^\w+$", r"^\d+$"),
        ("^.*$", "^[a-z]$"),
    ],
)
def test_a_wider_pattern_includes_a_narrower_one_and_not_the_other_way_round(outer, inner):
    assert Language((inner,), (outer,)).is_empty()
    assert Language((outer,), (inner,)).is_empty() == (inner == "^(CZ|SK)[0-9]+$")


@pytest.mark.parametrize(
    ("language", "shortest"),
    [
        (Language(("^[A-Z]{2,3}$",), ("^[A-Z]{2}$",)), "AAA"),
        (Language(("b.*b",), ("^ba+b$",)), "bb"),
        (Language(("^(ab)*$",), (), 3, 5), "abab"),
        (Language(("^(ab)*$",), ("^(ab){0,3}$",), 0, 5), None),
        (Language(("x^y",)), None),
    ],
)
def test_the_shortest_text_of_a_difference_is_found(language, shortest):
    assert language.shortest() == shortest
    assert language.is_empty() == (shortest is None)


@pytest.mark.parametrize(
    "pattern",
    [
        "^(a{1,1000}){1,1000}$",
        "(a|b)*a(a|b){30}$",
        "^(?=a)b",
        r"\bfoo",
        "^a(?i)b",
        r"^(a)\1$",
        r"^\p{L}+$",
        "(",
        "[[a]",
        "a" * 5000,
    ],
)
def test_what_cannot_be_told_is_said_so_at_once(pattern):
    with pytest.raises(Unregular):
        Language((pattern,)).shortest()
