"""Do two addresses name the same place?"""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from crmsync.core.match.census import Census
from crmsync.core.match.compare.address import address, gauge, keys, reason, words
from crmsync.core.match.compare.laws import rarity

CASES = {
    "Slovak": ("Hlavná 12/5, 821 05 Bratislava", "hlavna 82105 bratislava|12 5"),
    "Slovak, postcode without blank": ("Hlavná 12, 82105 Bratislava", "hlavna 82105 bratislava|12"),
    "Slovak, postcode first": ("821 05 Bratislava, Hlavná 12", "82105 bratislava hlavna|12"),
    "kind of street": ("ul. Hlavná 12", "hlavna|12"),
    "kind of street in full": ("Hlavná ulica 12", "hlavna|12"),
    "square": ("Nám. SNP 3", "snp|3"),
    "square in full": ("Námestie SNP 3", "snp|3"),
    "door": ("Hlavná 12 A", "hlavna|12a"),
    "door, tight": ("Hlavná 12A", "hlavna|12a"),
    "door, slash": ("Hlavná 12/A", "hlavna|12a"),
    "number of a village house": ("č.p. 15, Lhota", "lhota|15"),
    "Polish": ("ul. Domaniewska 37 lok. 2, 02-672 Warszawa", "domaniewska 02672 warszawa|37 2"),
    "Polish, postcode first": ("02-672 Warszawa, ul. Domaniewska 37", "02672 warszawa domaniewska|37"),
    "German": ("Hauptstr. 5, 10117 Berlin", "hauptstrasse 10117 berlin|5"),
    "German in full": ("Hauptstraße 5, 10117 Berlin", "hauptstrasse 10117 berlin|5"),
    "Austrian": ("Hauptstraße 5, 1010 Wien", "hauptstrasse 1010 wien|5"),
    "American": ("221 East 51st Street", "e 51st|221"),
    "American, short": ("221 E. 51st St.", "e 51st|221"),
    "American, long number": ("12224 Ventura Blvd., Studio City CA 91604-1234", "ventura studio city ca 91604|12224"),
    "number alone": ("12", "|12"),
    "one letter": ("a", "a|"),
    "post box": ("P.O. Box 12", "|12"),
}
NOTHING = ["", " ", "-", "|", "ul.", "č.p.", "😀"]


@pytest.mark.parametrize(("text", "normal"), CASES.values(), ids=CASES)
def test_words_and_numbers_of_an_address_are_told_apart(text: str, normal: str) -> None:
    assert address(text) == normal
    assert address(normal) == normal


@pytest.mark.parametrize("text", NOTHING)
def test_what_names_no_place_is_evidence_of_nothing(text: str) -> None:
    assert address(text) is None


def test_an_address_of_ten_thousand_characters_is_cut() -> None:
    assert len(address("Hlavná " * 2_000) or "") <= 402


@pytest.mark.parametrize(
    ("first", "second", "number"),
    [
        ("hlavna|12", "hlavna|12", 1.0),
        ("hlavna|12", "hlavna|1234 12", 1.0),
        ("hlavna|12a", "hlavna|12", 0.5),
        ("hlavna|12a", "hlavna|12b", 0.5),
        ("hlavna|12", "hlavna|21", 0.0),
        ("hlavna|12", "hlavna|", float("nan")),
    ],
)
def test_the_house_number_is_a_feature_of_its_own(first: str, second: str, number: float) -> None:
    features = gauge([first, second], rarity)(np.array([0, 1]), np.array([1, 0]))
    np.testing.assert_equal(features[1], [number, number])


def test_the_order_of_words_is_no_difference() -> None:
    features = gauge(["hlavna 82105 bratislava|12", "82105 bratislava hlavna|12"], rarity)(np.array([0]), np.array([1]))
    assert features[0].tolist() == [1.0]


def test_more_letters_in_common_are_more_alike() -> None:
    column = ["hlavna bratislava|12", "hlavni bratislava|12", "dlha bratislava|12", "wiejska warszawa|7"]
    likeness = gauge(column, rarity)(np.array([0, 0, 0, 0]), np.array([0, 1, 2, 3]))[0]
    assert likeness.tolist() == sorted(likeness.tolist(), reverse=True)


def test_an_address_that_many_bear_tells_less() -> None:
    column = ["hlavna bratislava|12", "bratislava hlavna|12", "dlha bratislava|3"]
    told = gauge(column, Census(50_000, {"seat": {"=bratislava hlavna 12": 80}}).rarity("seat"))
    np.testing.assert_allclose(told(np.array([0, 2, 0]), np.array([1, 2, 2]))[2], [-log(40), 0.0, np.nan])


def test_keys_are_the_rarest_words_with_the_number_and_words_are_counted() -> None:
    assert list(keys("sv hlavna bratislava|12 5", rarity)) == ["bratislava+hlavna+12"]
    assert list(words("hlavna bratislava|12 5")) == ["hlavna", "bratislava", "=bratislava hlavna 12 5"]


def test_the_reason_shows_what_differs() -> None:
    assert reason("hlavna|12", "hlavna|12", [1.0, 1.0, 0.0]) == "both hlavna 12"
    assert reason("hlavna|12", "hlavna|12", [1.0, 1.0, -log(40)]) == "both hlavna 12, which some 80 records have"
    assert reason("hlavna|12", "hlavna|15", [0.9, 0.0]) == "hlavna: 12 against 15"
    assert reason("hlavna|12", "dlha|12", [0.5, 1.0]) == "hlavna 12 against dlha 12"
