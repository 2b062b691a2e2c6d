"""Do all comparators keep the laws that matching relies on?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.match.compare import comparators
from crmsync.core.match.compare.comparator import Comparator, Feature, Gauge, Rarity
from crmsync.core.match.compare.laws import laws
from crmsync.core.match.compare.plain import COMPARATORS as PLAIN

ODD = [
    "", " ", "a", "-", "x" * 10_000, "שלום בע״מ", "ООО «Ромашка»", "😀", "NovĂˇÄŤek", "00000000", "12345678", "nemá",
    "n/a", "|", "||", "a|b|c", "@", "0", "\x00", "'", "31333532",
    "IČO: 31333532, DIČ: 2022749619", "PL8567346215",
    "31333523", "Kovoplast, s.r.o.", "KOVOPLAST spol. s r. o.",
    "Kovoplst s.r.o. (klient)", "Kovoplast Holding a.s.", "s.r.o.",
    "www.kovoplast.sk", "info@kovoplast.sk", "jana@kovoplast.sk", "jana@gmail.com",
    "facebook.com/kovoplast", "gmail.com",
    "kovoplast.com", "+421 905 123 456", "0905/123 456", "3865286", "Hlavná 12/5, 821 05 Bratislava", "ul. Hlavná 12",
    "Ing. Ján Novák, PhD.", "J. Novák", "Novák Ján", "12.50", "2024-01-31",
]  # fmt: skip
texts = st.lists(
    st.sampled_from(ODD) | st.text(max_size=20) | st.text(st.sampled_from("ab 1-.,@/|žŁИ"), max_size=12), max_size=5
)
NAMES = sorted(comparators())


@pytest.mark.parametrize("name", NAMES)
@given(drawn=texts)
def test_a_comparator_keeps_the_laws(name: str, drawn: list[str]) -> None:
    laws(comparators()[name])(drawn)


@pytest.mark.parametrize("name", NAMES)
def test_odd_texts_beside_each_other_keep_the_laws(name: str) -> None:
    laws(comparators()[name])(ODD)


def lopsided(values: Sequence[str], _rarity: Rarity) -> Gauge:
    return lambda first, second: (np.where(first <= second, 1.0, 0.5),)


def crowd(values: Sequence[str], _rarity: Rarity) -> Gauge:
    return lambda first, second: (np.where(first == second, 1.0, 1 / len(values)),)


def unbounded(values: Sequence[str], _rarity: Rarity) -> Gauge:
    return lambda first, second: (np.where(first == second, 1.0, np.inf),)


def unlike_itself(values: Sequence[str], _rarity: Rarity) -> Gauge:
    return lambda first, second: (np.full(len(first), np.nan),)


def two_columns(values: Sequence[str], _rarity: Rarity) -> Gauge:
    return lambda first, second: (np.ones(len(first)), np.ones(len(first)))


def first_feature(texts, rarity):
    measure = PLAIN[0].gauge(texts, rarity)
    return lambda first, second: measure(first, second)[:1]


TEXT = replace(PLAIN[0], features=PLAIN[0].features[:1], gauge=first_feature)
BROKEN = {
    "must be itself": replace(TEXT, normal=lambda text: text + "x"),
    "not an empty text": replace(TEXT, normal=lambda text: ""),
    "symmetric": replace(TEXT, gauge=lopsided),
    "alone as in a column": replace(TEXT, gauge=crowd),
    "finite": replace(TEXT, gauge=unbounded),
    "equal texts must be 1.0": replace(TEXT, gauge=unlike_itself),
    "one number a feature": replace(TEXT, gauge=two_columns),
    "must be words": replace(TEXT, reason=lambda first, second, features: " "),
    "everybody's": replace(TEXT, keys=lambda text, rarity: [""]),
    "a word of": replace(TEXT, words=lambda text: [""]),
    "never fall": replace(TEXT, features=(Feature("likeness", (0.0, 1.0), (1.0, 0.0)),)),
    "a name of its own": replace(TEXT, features=()),
}


@pytest.mark.parametrize(("law", "broken"), BROKEN.items(), ids=BROKEN)
def test_a_comparator_that_breaks_a_law_is_told_which(law: str, broken: Comparator) -> None:
    with pytest.raises(AssertionError, match=law):
        laws(broken)(["ab cd", "ab ce", "xy"])
