"""How alike are two company names?"""

from __future__ import annotations

import numpy as np
import pytest

from crmsync.core.match.compare.company_gauge import FEATURES, MANY, gauge
from crmsync.core.match.compare.company_name import company_name
from crmsync.core.match.compare.kindred import kinship
from crmsync.core.match.compare.laws import rarity


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [
        ("Kovoplast, s.r.o.", "KOVOPLAST a.s.", 0),
        ("Kovo Plast", "Kovoplast", 0),
        ("Kovoplast Žilina", "Žilina Kovoplast", 0),
        ("KVS Zelmat", "KVC Zelmat", 1),
        ("Zelmat", "Zelmta", 1),
        ("Plast Kovo", "Kovo Plats", 1),
        ("Stavby Motor", "Stavby Mortar", 2),
        ("Kovoplast Nitra", "Kovoplast Žilina", 4),
        ("Kovoplast", "Zelmat", MANY),
    ],
)
def test_letters_to_be_changed_are_counted_whatever_the_order_of_the_words(one: str, other: str, edits: int) -> None:
    column = [company_name(one) or "", company_name(other) or ""]
    told = dict(zip((each.name for each in FEATURES), gauge(column, rarity)(np.array([0]), np.array([1])), strict=True))
    assert told["edits"].tolist() == [-edits]


@pytest.mark.parametrize(
    ("one", "other", "kin"),
    [
        ("grill", "grille", 0.7),
        ("service", "services", 0.9),
        ("kovoplast", "kovplast", 0.9),
        ("kovoplast", "kvoplsat", 0.6),
        ("construction", "constr", 0.6),
        ("east", "west", 0.0),
        ("2007", "2008", 0.0),
        ("ab", "ac", 0.0),
    ],
)
def test_a_slip_of_the_pen_makes_kin_of_two_words_and_so_does_cutting_one_short(
    one: str, other: str, kin: float
) -> None:
    assert kinship([one], [other]).tolist() == [kin]
