"""The share of a rollout: stable, monotone, and as big as it says."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.plan.rollout import in_share

keys = st.lists(st.one_of(st.text(max_size=12), st.integers()), min_size=1, max_size=3).map(tuple)
percents = st.decimals(0, 100, places=3)


@given(keys, percents, percents)
def test_who_is_in_stays_in_when_the_share_grows(key, one, two):
    small, big = sorted((one, two))
    assert in_share(big, "crm.account", key) or not in_share(small, "crm.account", key)


@given(keys)
def test_a_share_of_nothing_has_nobody_and_one_of_all_has_everybody(key):
    assert not in_share(Decimal(0), "crm.account", key)
    assert in_share(Decimal(100), "crm.account", key)


def test_a_share_is_as_big_as_it_says_and_another_one_for_every_entity():
    for percent in (1, 5, 20, 50):
        inside = [n for n in range(20_000) if in_share(Decimal(percent), "crm.account", (n,))]
        assert abs(len(inside) / 200 - percent) < 1
    accounts, deals = (
        {n for n in range(1000) if in_share(Decimal(20), entity, (n,))} for entity in ("crm.account", "crm.deal")
    )
    assert accounts != deals


def test_the_share_is_the_same_on_every_machine():
    assert [n for n in range(60) if in_share(Decimal("7.5"), "crm.account", (n,))] == [5, 17, 25, 54, 59]
