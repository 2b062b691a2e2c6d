"""Identifiers: to the letter, and none where people write that they know none."""

import pytest

from crmsync.core.match.compare.identifier import normal

CASES = {
    "a code": ("A-1 b", "A-1 b"),
    "blanks around": ("  31333532 ", "31333532"),
    "grouped digits": ("313 335 32", "31333532"),
    "leading zeros": ("00313335", "00313335"),
    "a line number": ("0", "0"),
    "all zeros": ("00000000", None),
    "counted up": ("12345678", None),
    "nines": ("99999999", None),
    "nothing": ("   ", None),
    "a dash": ("-", None),
    "nemá": ("Nemá", None),
    "n/a": ("N/A", None),
    "Cyrillic": ("АБВ", "АБВ"),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_an_identifier_is_what_it_says(text: str, expected: str | None) -> None:
    assert normal(text) == expected
    assert expected is None or normal(expected) == expected
