"""Breakers: as counts and percentages, per mapping, side and kind, from the plan alone."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.model import KINDS, Contract, End, Limit, Mapping
from crmsync.core.plan import Counts, refuse

ENDS = tuple(End(name, name, "thing", Contract(f"{name}.thing", "1.0.0", {})) for name in ("crm", "pm"))

EACH: dict[str, int] = dict.fromkeys(KINDS, 9)


def mapping(**limits: Limit) -> Mapping:
    return Mapping("m", ENDS, (), limits=limits)  # type: ignore[arg-type]  # two ends


def counts(live: int = 100, loaded: bool = True, /, **pm: int) -> Counts:
    return Counts(({}, pm), live, loaded)  # type: ignore[arg-type]  # kinds


@pytest.mark.parametrize(
    ("limit", "live", "number", "trips"),
    [
        (Limit(count=5), 100, 5, False),
        (Limit(count=5), 100, 6, True),
        (Limit(count=0), 100, 1, True),
        (Limit(percent=Decimal(5)), 100, 5, False),
        (Limit(percent=Decimal(5)), 100, 6, True),
        (Limit(percent=Decimal("0.5")), 1000, 5, False),
        (Limit(percent=Decimal("0.5")), 1000, 6, True),
        (Limit(percent=Decimal(5)), 3, 1, False),  # of a floor of 20
        (Limit(percent=Decimal(5)), 3, 2, True),
        (Limit(percent=Decimal(100)), 0, 20, False),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_over_its_limit_trips(kind, limit, live, number, trips):
    found = refuse(mapping(**{kind: limit}), counts(live, **{kind: number}))
    assert bool(found) is trips
    if trips:
        assert found[0].rule == f"limits/{kind}"
        assert f"{number} {kind}s in pm.thing" in found[0].message
        assert f"--allow {kind}={number}" in found[0].mend


@given(st.dictionaries(st.sampled_from(KINDS), st.integers(0, 50)), st.integers(0, 100))
def test_allowing_what_is_planned_lets_it_pass_and_one_less_does_not(planned, live):
    limits = mapping(**{kind: Limit(count=3) for kind in KINDS})
    counted = {**planned, "delete": planned.get("archive", 0) + planned.get("delete", 0)}  # either way a record goes
    assert refuse(limits, counts(live, **planned), allow=counted) == ()
    over = {kind for kind, number in counted.items() if number > 3}
    less = {kind: number - 1 for kind, number in counted.items()}
    assert {each.rule for each in refuse(limits, counts(live, **planned), allow=less)} == {f"limits/{k}" for k in over}


def test_a_first_load_may_create_and_link_but_never_delete():
    limits = mapping(**{kind: Limit(count=1) for kind in KINDS})
    first = counts(0, False, **EACH)
    assert {each.rule for each in refuse(limits, first, first_load=True)} == {
        "limits/revert", "limits/archive", "limits/delete",
    }  # fmt: skip
    assert len(refuse(limits, first)) == 5
    assert len(refuse(limits, counts(**EACH), first_load=True)) == 5  # not the first any more


def test_each_side_is_counted_by_itself():
    both = Counts(({"update": 2}, {"update": 2}), 100)
    assert refuse(mapping(update=Limit(count=2)), both) == ()
    assert len(refuse(mapping(update=Limit(count=1)), both)) == 2
