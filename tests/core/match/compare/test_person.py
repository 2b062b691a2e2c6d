"""Do two names name the same person?"""

from __future__ import annotations

import numpy as np
import pytest

from crmsync.core.match.compare.laws import rarity
from crmsync.core.match.compare.person import INITIAL, gauge, keys, person, reason

CASES = {
    "plain": ("Ján Novák", "jan novak"),
    "family name first": ("NOVÁK Ján", "novak jan"),
    "comma": ("Novák, Ján", "novak jan"),
    "engineer": ("Ing. Ján Novák, PhD.", "jan novak"),
    "doctors": ("prof. MUDr. Karel Dvořák, CSc.", "karel dvorak"),
    "dotted title": ("Ján Novák, Ph.D.", "jan novak"),
    "MBA": ("Ing. Eva Malá, M.B.A.", "eva mala"),
    "Polish": ("dr hab. inż. Łukasz Wiśniewski", "lukasz wisniewski"),
    "German": ("Herr Dipl.-Ing. Jürgen Groß", "jurgen gross"),
    "feminine": ("Mgr. Jana Nováková", "jana novakova"),
    "initial": ("J. Novák", "j novak"),
    "double name": ("Anna Nowak-Kowalska", "anna nowak kowalska"),
    "Hungarian": ("Kovács Ödön", "kovacs odon"),
    "Cyrillic": ("Иван Петров", "ivan petrov"),
    "name like a title": ("Ma Li", "ma li"),
    "family name alone": ("Novák", "novak"),
}
NOTHING = ["", "X", "Ing.", "Test", "nemá", "-", "123", "😀"]


@pytest.mark.parametrize(("text", "normal"), CASES.values(), ids=CASES)
def test_a_name_is_folded_without_titles(text: str, normal: str) -> None:
    assert person(text) == normal
    assert person(normal) == normal


@pytest.mark.parametrize("text", NOTHING)
def test_what_names_nobody_is_evidence_of_nothing(text: str) -> None:
    assert person(text) is None


def likeness(first: str, second: str) -> float:
    return float(gauge([first, second], rarity)(np.array([0]), np.array([1]))[0][0])


@pytest.mark.parametrize(
    ("first", "second"), [("j novak", "jan novak"), ("novak j", "jan novak"), ("jan p novak", "jan novak")]
)
def test_an_initial_fits_a_name(first: str, second: str) -> None:
    assert likeness(first, second) >= INITIAL
    assert reason(first, second, [INITIAL]) == f"{first} fits {second}"
    assert not set(keys(first, rarity)).isdisjoint(keys(second, rarity))


@pytest.mark.parametrize(
    ("first", "second"), [("j novak", "j novotny"), ("j novak", "peter novak"), ("j novak", "jan hus")]
)
def test_an_initial_does_not_fit_another_name(first: str, second: str) -> None:
    assert likeness(first, second) < INITIAL
    assert reason(first, second, [0.5]) == f"{first} against {second}"


def test_the_order_of_names_is_no_difference() -> None:
    assert likeness("jan novak", "novak jan") == 1.0
    assert reason("jan novak", "novak jan", [1.0]) == "both jan novak"


def test_a_man_and_a_woman_of_one_family_are_two() -> None:
    assert likeness("jan novak", "jana novakova") < INITIAL
