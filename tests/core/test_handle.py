"""A handle stands for one key of one entity in one ledger, and tells nothing of it."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.handle import LETTERS, handles_of, is_handle

secrets = st.binary(min_size=1, max_size=64)
keys = st.lists(st.integers() | st.text(min_size=1), min_size=1, max_size=3).map(tuple)


@given(secrets, st.sets(keys, min_size=2, max_size=50))
def test_a_handle_is_the_same_every_time_and_of_one_record(secret: bytes, found: set[tuple[str | int, ...]]) -> None:
    telling, again = (handles_of(secret)("crm", "person") for _ in range(2))
    told = {key: telling(key) for key in found}
    assert all(is_handle(text) and again(key) == text for key, text in told.items())
    assert len(set(told.values())) == len(found)


def test_keys_that_are_written_alike_have_handles_of_their_own() -> None:
    telling = handles_of(b"secret")("crm", "person")
    alike: list[tuple[str | int, ...]] = [(42,), ("42",), ("4,2",), ("4", "2"), (4, 2)]
    assert len(set(map(telling, alike))) == len(alike)


@given(secrets, keys)
def test_a_handle_hangs_on_the_secret_the_system_and_the_entity(secret: bytes, key: tuple[str | int, ...]) -> None:
    handles = [handles_of(secret)(*place) for place in (("crm", "person"), ("crm", "contact"), ("pm", "person"))]
    handles.append(handles_of(secret[:-1] + bytes([secret[-1] ^ 1]))("crm", "person"))
    assert len({telling(key) for telling in handles}) == 4


def test_every_bit_of_a_handle_counts() -> None:
    """Ten letters of thirty-two: none is more likely than another one, whatever stands in the other places."""
    telling = handles_of(b"secret")("crm", "person")
    told = [telling((number,))[1:] for number in range(32_000)]
    for place in range(10):
        assert min(Counter(text[place] for text in told)[letter] for letter in LETTERS) > 800
    for one, two in combinations(range(10), 2):
        assert len({(text[one], text[two]) for text in told}) == len(LETTERS) ** 2


@pytest.mark.parametrize("text", ["3kq7x2m9ab", "~3kq7x2m9a", "~3kq7x2m9abc", "~3kq7x2m9aB", "~3kq7x2m9al", "~", ""])
def test_what_is_no_handle_is_not_taken_for_one(text: str) -> None:
    assert is_handle("~3kq7x2m9ab")
    assert not is_handle(text)
