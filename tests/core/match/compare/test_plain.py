"""How alike are two texts of which nothing else is known?"""

from __future__ import annotations

import numpy as np
import pytest

from crmsync.core.match.compare.laws import rarity
from crmsync.core.match.compare.plain import exact, gauge_exact, gauge_text, keys_exact, keys_text, reason, text


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
