"""How alike are two texts of which nothing else is known?"""

from __future__ import annotations

import numpy as np
import pytest

from crmsync.core.match.compare import comparators
from crmsync.core.match.compare.laws import rarity
from crmsync.core.match.compare.plain import exact, gauge_exact, gauge_text, keys_exact, keys_text, reason, text
from crmsync.core.match.scorecard import points as weighed
from crmsync.core.model import Curve


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("Účtovníctvo & dane", "uctovnictvo dane"),
        ("The  WASA2 object-oriented system", "the wasa2 object oriented system"),
        ("Ромашка", "romashka"),
        ("***", None),
        ("", None),
    ],
)
def test_a_text_is_folded(given: str, normal: str | None) -> None:
    assert text(given) == normal


def test_an_exact_text_is_as_it_is() -> None:
    assert [exact(each) for each in (" Ä ", "12.50", "")] == [" Ä ", "12.50", None]


def likeness(first: str, second: str) -> float:
    return float(gauge_text([first, second], rarity)(np.array([0]), np.array([1]))[0][0])


def test_swapped_words_are_alike_and_other_words_are_not() -> None:
    assert likeness("uctovnictvo dane", "dane uctovnictvo") == 1.0
    assert 0.9 < likeness("uctovnictvo dane", "uctovnictvo dan") < 1.0
    assert likeness("abc", "xyz") == 0.0


def points(first: str, second: str) -> float:
    """What is said of two texts as they are written, together."""
    normal = [text(each) or "" for each in (first, second)]
    features = gauge_text(normal, rarity)(np.array([0]), np.array([1]))
    by = comparators()["text"]
    curves = [Curve(each.at, each.points) for each in by.features]
    return sum(float(weighed(curve, each)[0]) for curve, each in zip(curves, features, strict=True))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Sál 3", "Sál 4"),
        ("Etapa I", "Etapa II"),
        ("Etapa IX", "Etapa XI"),
        ("Hala A", "Hala B"),
        ("Rekonštrukcia budovy B, blok C", "Rekonštrukcia budovy B, blok D"),
        ("Oprava mosta 12/2023", "Oprava mosta 14/2023"),
        ("Etap II", "Etap 3"),
        ("Sál 3a", "Sál 3b"),
    ],
)
def test_other_numbers_numerals_and_letters_speak_of_two(one: str, other: str) -> None:
    assert points(one, other) < -2.0
    assert likeness(text(one) or "", text(other) or "") < 0.5
    assert reason(text(one) or "", text(other) or "", [0.4, 0, 0, 0, 0.0]).endswith(", other numbers")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Etapa II", "etapa 2"),
        ("Sál č. 03", "Sál č. 3"),
        ("Hala B: rekonštrukcia", "Rekonštrukcia - hala B"),
        ("Oprava v dome u mosta", "Oprava domu s mostem"),  # little words are no letters of their own
    ],
)
def test_the_same_numbers_however_they_are_written_do_not(one: str, other: str) -> None:
    features = gauge_text([text(one) or "", text(other) or ""], rarity)(np.array([0]), np.array([1]))
    assert features[4][0] in (1.0,) or np.isnan(features[4][0])


def test_a_number_that_only_one_of_two_has_says_little() -> None:
    features = gauge_text(["praha", "praha 3"], rarity)(np.array([0]), np.array([1]))
    assert features[4].tolist() == [0.5]


def test_exact_texts_are_equal_or_not() -> None:
    features = gauge_exact(["a", "b"], rarity)(np.array([0, 0, 1]), np.array([0, 1, 0]))
    assert features[0].tolist() == [1.0, 0.0, 0.0]


def test_keys_are_the_rarest_words_and_the_first_letters() -> None:
    assert list(keys_text("the wasa2 workflow system", rarity)) == ["system+workflow", "^2aaehkorstww"]
    assert list(keys_exact("12.50", rarity)) == ["12.50"]


def test_a_long_text_is_shortened_in_the_reason() -> None:
    assert reason("a b", "a b", [1.0]) == "both a b"
    assert reason("dane", "dan", [0.86]) == "dane against dan, 86% of the letters"
    assert len(reason("a" * 400, "b" * 400, [0.0])) < 100
