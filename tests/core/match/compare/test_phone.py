"""Do two records bear the same phone number?"""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from crmsync.core.match.census import Census
from crmsync.core.match.compare.laws import rarity
from crmsync.core.match.compare.phone import gauge, keys, phone, reason, words

CASES = {
    "E.164": ("+421905123456", "+421905123456"),
    "blanks": ("+421 905 123 456", "+421905123456"),
    "00": ("00421 905 123 456", "+421905123456"),
    "national": ("0905 123 456", "905123456"),
    "national with slash": ("0905/123 456", "905123456"),
    "landline": ("02/1234 5678", "212345678"),
    "zero in brackets": ("+421 (0)905 123 456", "+421905123456"),
    "Czech without zero": ("601 123 456", "601123456"),
    "Polish": ("+48 10 49 74 650", "+48104974650"),
    "American": ("(312) 386-5286", "3123865286"),
    "American with slash": ("310/246-1501", "3102461501"),
    "local": ("386-5286", "3865286"),
    "Hungarian": ("06 20 123 4567", "6201234567"),
    "label": ("Tel.: 0905 123 456", "905123456"),
    "two, comma": ("0905 123 456, 0905 654 321", "905123456"),
    "two, slash": ("0905 123 456 / 0905 654 321", "905123456"),
    "two, tight slash": ("0905123456/0905654321", "905123456"),
    "two, word": ("0905 123 456 alebo 0905 654 321", "905123456"),
    "extension": ("02/1234 5678 kl. 12", "212345678"),
    "extension, English": ("+1 312 386 5286 ext. 12", "+13123865286"),
    "extension, x": ("+421905123456x12", "+421905123456"),
    "Austrian": ("+43 1 2223334", "+4312223334"),
    "extension, hyphen": ("+43 1 2223334-12", "+4312223334"),
    "extension, hyphen with blanks": ("+43 1 2223334 - 12", "+4312223334"),
    "extension, dash": ("+43 1 2223334–12", "+4312223334"),
    "extension, slash": ("+43 1 2223334/12", "+4312223334"),
    "extension, pairs of digits": ("+43 1 222 33 34-12", "+4312223334"),
    "extension, 00": ("0043 (0)1 2223334-12", "+4312223334"),
    "extension, at home": ("01/2223334-12", "12223334"),
    "extension, switchboard": ("+49 7043 46148-0", "+49704346148"),
    "extension, German at home": ("07043 46148-0", "704346148"),
    "extension, Durchwahl": ("+43 1 2223334 DW 12", "+4312223334"),
    "extension, Durchwahl in one": ("+43 1 2223334 DW12", "+4312223334"),
    "extension, Slovak": ("+421 2 1234 5678 klapka 12", "+421212345678"),
    "extension, Slovak hyphen": ("+421 2 1234 5678-12", "+421212345678"),
    "extension, Slovak hyphen at home": ("02/1234 5678-12", "212345678"),
    "extension, Polish": ("+48 22 123 45 67 wew. 12", "+48221234567"),
    "extension, Hungarian": ("+36 1 234 5678 mellék 12", "+3612345678"),
    "extension, Hungarian without diacritics": ("+36 1 234 5678 mellek: 12", "+3612345678"),
    "extension, American hyphen": ("312-386-5286-12", "3123865286"),
    "hyphens inside": ("0905-123-456", "905123456"),
    "hyphens in pairs": ("+420 601 12-34-56", "+420601123456"),
    "hyphen at the end of a Slovak number": ("+421905123-456", "+421905123456"),
    "hyphen at the end of a Polish number": ("+48 22 123 45-67", "+48221234567"),
    "hyphen in a Hungarian mobile number": ("06 20 123 45-67", "6201234567"),
    "hyphen in a German mobile number": ("0171 12345-678", "17112345678"),
    "hyphen in an Austrian mobile number": ("+43 664 123 45-67", "+436641234567"),
    "hyphen in an American number": ("+1 312-386-5286", "+13123865286"),
    "hyphen in another country": ("+33 1 23 45 67-89", "+33123456789"),
    "extension in another country": ("+41 44 2223334-12", "+41442223334"),
    "a name behind it": ("0905 123 456 (p. Nováková)", "905123456"),
    "words around it": ("mob. +420 601 123 456 Jana", "+420601123456"),
}
NOTHING = ["", "0", "-", "nemá", "000000000", "777777777", "123456789", "12345", "x" * 10_000, "1" * 10_000, "😀",
           "+", "tel.", "1-800-FLOWERS", "0/0/0"]  # fmt: skip


@pytest.mark.parametrize(("text", "normal"), CASES.values(), ids=CASES)
def test_the_first_number_is_read(text: str, normal: str) -> None:
    assert phone(text) == normal
    assert phone(normal) == normal


@pytest.mark.parametrize("text", NOTHING, ids=[text[:20] or "empty" for text in NOTHING])
def test_what_nobody_can_call_is_evidence_of_nothing(text: str) -> None:
    assert phone(text) is None


@pytest.mark.parametrize(
    ("first", "second", "likeness"),
    [
        ("+421905123456", "905123456", 1.0),
        ("+36201234567", "6201234567", 1.0),
        ("3123865286", "3865286", 1.0),
        ("+421905123456", "+421905123465", 0.5),
        ("905123456", "905123457", 0.5),
        ("905123456", "601987654", 0.0),
        ("3123865286", "3865287", 0.0),
    ],
)
def test_numbers_are_compared_by_their_end(first: str, second: str, likeness: float) -> None:
    features = gauge([first, second], rarity)(np.array([0, 1]), np.array([1, 0]))
    assert features[0].tolist() == [likeness, likeness]


def test_a_number_that_many_bear_tells_less() -> None:
    column = ["+421212345678", "212345678", "905123456"]
    told = gauge(column, Census(50_000, {"phone": {"=212345678": 12}}).rarity("phone"))
    np.testing.assert_allclose(told(np.array([0, 2, 0]), np.array([1, 2, 2]))[1], [-log(6), 0.0, np.nan])
    assert list(words("+421212345678")) == list(words("212345678")) == ["=212345678"]


def test_the_key_is_what_a_number_without_area_has() -> None:
    assert list(keys("+421905123456", rarity)) == ["5123456"]


def test_the_reason_names_both_numbers() -> None:
    assert reason("905123456", "905123456", [1.0, 0.0]) == "both 905123456"
    assert reason("+421905123456", "905123456", [1.0, 0.0]) == "+421905123456 is 905123456"
    assert reason("905123456", "905123456", [1.0, -log(6)]) == "both 905123456, which some 12 records have"
    assert reason("905123456", "905123457", [0.5]) == "905123456 against 905123457, one slip apart"
    assert reason("905123456", "601987654", [0.0]) == "905123456 against 601987654"
