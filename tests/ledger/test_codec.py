"""Does a base come back as it was, to the letter?"""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given

from crmsync.core.model import ABSENT, Agreed, from_json, to_json
from crmsync.ledger.codec import (
    decode_agreed,
    decode_base,
    decode_value,
    encode_agreed,
    encode_base,
    encode_value,
    merge_base,
    storable,
)
from tests.ledger.strategies import agreed, bases, maybe


def exact(value):
    """A value with its type, so that true is not 1 and absent is not its own name."""
    return ABSENT if value is ABSENT else to_json(value)


def letters(base):
    return {
        name: (*map(exact, each.values), each.to, exact(each.sent), each.owed, each.filled)
        for name, each in base.items()
    }


@given(agreed())
def test_an_agreed_field_comes_back_to_the_letter(field):
    written = from_json(to_json(encode_agreed(field)))

    assert letters({"": decode_agreed(written)}) == letters({"": field})


@given(bases)
def test_a_base_comes_back_to_the_letter(base):
    assert letters(decode_base(encode_base(base))) == letters(base)


@given(bases, bases)
def test_merging_a_base_is_putting_the_new_fields_over_the_old_ones(old, new):
    assert letters(decode_base(merge_base(encode_base(old), new))) == letters({**old, **new})


@given(maybe)
def test_absent_null_and_empty_come_back_as_three_things(value):
    assert exact(decode_value(encode_value(value))) == exact(value)


@pytest.mark.parametrize(
    ("first", "second"),
    [(True, 1), (0, False), (5, Decimal("5.00")), ("5", 5), (None, ABSENT), (None, ""), ("absent", ABSENT), ([], "")],
)
def test_values_that_only_look_equal_are_kept_apart(first, second):
    written = encode_agreed(Agreed((first, second), to=1, sent=second))

    assert tuple(map(exact, decode_agreed(written).values)) == (exact(first), exact(second))


def test_the_common_case_is_written_once():
    assert encode_base({"name": Agreed(("Acme", "Acme"), to=1, sent="Acme")}).count("Acme") == 1


def test_a_message_with_nul_or_half_a_letter_can_be_stored():
    assert storable("a\0b\ud800č") == "a�b?č"
    assert storable("plain") == "plain"
