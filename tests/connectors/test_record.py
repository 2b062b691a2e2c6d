"""What do all doors agree on about keys, numbers and times?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.connectors.base import Cursor
from crmsync.connectors.record import instant, key_part, moved_since, newest_of, number, plain, same, split
from crmsync.core.model import Json, Modified, from_json, to_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@given(JSON)
def test_plain_json_stays_as_it_is(value: Json):
    assert plain(value) == value


@given(FLOATS)
def test_a_float_becomes_the_decimal_that_people_read(value: float):
    assert float(number(value)) == value
    assert str(number(value)) == repr(value) or Decimal(repr(value)) == number(value)
    assert to_json(from_json(to_json(number(value)))) == to_json(number(value))


@pytest.mark.parametrize(
    ("value", "part"),
    [(7, 7), ("7", "7"), (Decimal("7.00"), 7), (Decimal("7.5"), None), (True, None), (None, None), ([], None)],
)
def test_a_key_is_text_or_a_whole_number(value, part):
    assert key_part(value) == part
    assert type(key_part(value)) is type(part)


def test_five_is_five_but_one_is_not_true():
    assert same(5, Decimal("5.00"))
    assert not same(1, True)
    assert not same("5", 5)


def test_a_path_may_quote_its_names():
    assert split('address."post code"') == ("address", "post code")
    assert split("Company Name") == ("Company Name",)


MOMENTS = st.integers(0, 4 * 10**15).map(lambda microseconds: EPOCH + timedelta(microseconds=microseconds))
SHIFTS = st.timedeltas(timedelta(hours=-12), timedelta(hours=12))


@given(MOMENTS, SHIFTS)
def test_one_instant_is_one_number_however_it_is_written(moment, shift):
    seconds = instant(moment.isoformat())
    assert seconds is not None
    assert instant(moment.isoformat(" ").replace("+00:00", "Z")) == seconds
    assert instant(moment.astimezone(ZoneInfo("Asia/Kolkata")).isoformat()) == seconds
    assert instant((moment + shift).isoformat()) == seconds + Decimal(shift // timedelta(microseconds=1)) / 1_000_000


@pytest.mark.parametrize("value", [None, True, "soon", "", [], "31.12.2024"])
def test_what_says_no_time_is_none(value):
    assert instant(value) is None


def test_a_time_without_an_offset_is_in_the_declared_zone():
    assert instant("2024-07-01T12:00:00", "Europe/Bratislava") == instant("2024-07-01T10:00:00Z")


def test_what_says_no_time_is_in_every_delta_and_no_cursor():
    modified = Modified("at")
    moved = moved_since(modified, Cursor("2024-01-02"))
    assert [moved(value) for value in ("2024-01-01", "2024-01-02", None, "soon")] == [False, True, True, True]
    assert moved_since(modified, Cursor("soon"))("2024-01-01")
    assert newest_of(modified, iter([("soon", (1,)), (None, (2,))])) is None
    assert newest_of(modified, iter([("2024-01-01", (1,)), ("2023-01-01", (2,))])) == Cursor("2024-01-01", (1,))


@given(st.integers(0, 3 * 3600), st.integers(0, 3 * 3600))
def test_a_clock_put_back_hides_no_change_from_a_delta(before, after):
    """In the night of 27 October 2024 clocks in Bratislava say 02:00 to 03:00 twice."""
    zone = ZoneInfo("Europe/Bratislava")
    start = datetime(2024, 10, 26, 23, 30, tzinfo=UTC)
    earlier = start + timedelta(seconds=before)
    later = earlier + timedelta(seconds=after)
    cursor, change = (moment.astimezone(zone).replace(tzinfo=None).isoformat() for moment in (earlier, later))
    assert moved_since(Modified("at", timezone="Europe/Bratislava"), Cursor(cursor))(change)
