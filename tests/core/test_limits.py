"""Breakers: as counts and percentages, per mapping, side, kind and field, from the plan alone."""

import shlex
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.model import KINDS, Contract, End, Limit, Limits, Mapping
from crmsync.core.plan import Counts, Read, refuse, worded


def end(name):
    return End(name, name, "thing", Contract(f"{name}.thing", "1.0.0", {}))


ENDS = (end("crm"), end("pm"))

EACH: dict[str, int] = dict.fromkeys(KINDS, 9)


def mapping(**limits: Limit) -> Mapping:
    return Mapping("m", ENDS, (), limits=Limits(limits))  # type: ignore[arg-type]  # kinds


def counts(live: int = 100, loaded: bool = True, /, **pm: int) -> Counts:
    return Counts(({}, pm), live, loaded)  # type: ignore[arg-type]  # kinds


def rules(mapping, counts, **more):
    return {trip.finding.rule for trip in refuse(mapping, counts, **more)}


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
        (finding,) = worded(found)
        assert finding.rule == f"limits/{kind}"
        assert f"{number} {kind}s in pm.thing" in finding.message
        assert f"--allow {kind}={number}" in finding.mend


@given(st.dictionaries(st.sampled_from(KINDS), st.integers(0, 50)), st.integers(0, 100))
def test_allowing_what_is_planned_lets_it_pass_and_one_less_does_not(planned, live):
    limits = mapping(**{kind: Limit(count=3) for kind in KINDS})
    counted = {**planned, "delete": planned.get("archive", 0) + planned.get("delete", 0)}  # either way a record goes
    assert refuse(limits, counts(live, **planned), allow=counted) == ()
    over = {kind for kind, number in counted.items() if number > 3}
    less = {kind: number - 1 for kind, number in counted.items()}
    assert rules(limits, counts(live, **planned), allow=less) == {f"limits/{kind}" for kind in over}


def test_a_first_load_may_create_and_link_but_never_delete():
    limits = mapping(**{kind: Limit(count=1) for kind in KINDS})
    first = counts(0, False, **EACH)
    assert rules(limits, first, first_load=True) == {"limits/revert", "limits/archive", "limits/delete"}
    assert len(refuse(limits, first)) == 5
    assert len(refuse(limits, counts(**EACH), first_load=True)) == 5  # not the first any more


def test_each_side_is_counted_by_itself():
    both = Counts(({"update": 2}, {"update": 2}), 100)
    assert refuse(mapping(update=Limit(count=2)), both) == ()
    assert len(refuse(mapping(update=Limit(count=1)), both)) == 2


# Fields -------------------------------------------------------------------------------------------------------


def changing(number, live=100, loaded=True, *, fresh=0):
    """A plan in which the name changes in so many records of pm, so many of them linked by this very plan."""
    read = Read(able=(None, live))
    return Counts(({}, {}), live, loaded, ({}, {"name": number}), ({}, {"name": number - fresh}), read=read)


@pytest.mark.parametrize(
    ("limit", "live", "number", "trips"),
    [
        (Limit(count=10), 100, 10, False),
        (Limit(count=10), 100, 11, True),
        (Limit(percent=Decimal(50)), 100, 50, False),
        (Limit(percent=Decimal(50)), 100, 51, True),
        (Limit(percent=Decimal(50)), 4, 10, False),  # of a floor of 20
        (Limit(percent=Decimal(50)), 4, 11, True),
    ],
)
def test_a_field_that_changes_in_too_many_records_trips(limit, live, number, trips):
    limited = Mapping("m", ENDS, (), limits=Limits(fields={"name": limit}))
    assert ("limits/fields" in rules(limited, changing(number, live))) is trips
    if trips:
        finding = worded(refuse(limited, changing(number, live)))[0]
        assert finding.message.startswith("m: name would change in")
        assert f"--allow field:name={number}" in finding.mend


@pytest.mark.parametrize(("number", "trips"), [(19, False), (20, True), (25, True)])
def test_a_field_that_changes_in_every_linked_record_trips_unasked(number, trips):
    assert (rules(mapping(), changing(number, 20)) == {"limits/every-record"}) is trips


@pytest.mark.parametrize(
    "counts",
    [changing(19, 19), changing(20, 20, False), changing(30, 20, fresh=11)],
    ids=["few links", "never loaded", "new links"],
)
def test_every_record_means_links_that_were_there_before(counts):
    assert rules(mapping(), counts) == set()


def emptied(number, told, live=100):
    """So many records of pm lose their name; `told` of their counterparts had one."""
    return Counts(
        ({}, {}),
        live,
        True,
        ({}, {"name": number}),
        emptied=({}, {"name": number}),
        read=Read(told=({}, {"name": told})),
    )


@pytest.mark.parametrize(("number", "told", "trips"), [(4, 4, False), (5, 5, True), (5, 6, False), (9, 5, True)])
def test_a_field_that_vanished_from_every_record_is_unreadable_not_null(number, told, trips):
    assert (rules(mapping(), emptied(number, told)) == {"limits/unreadable"}) is trips
    if trips:
        finding = worded(refuse(mapping(), emptied(number, told)))[0]
        assert finding.mend.startswith("check the rights of the account that reads it")


# Listings -----------------------------------------------------------------------------------------------------


def lacking(number, live=100):
    return Counts(({}, {}), live, read=Read(missing=(number, 0)))


@pytest.mark.parametrize(("live", "number", "trips"), [(100, 20, False), (100, 21, True), (3, 4, False), (3, 5, True)])
def test_a_listing_may_lack_a_fifth_of_the_linked_records(live, number, trips):
    assert (rules(mapping(), lacking(number, live)) == {"limits/missing"}) is trips


def test_how_many_a_listing_may_lack_can_be_said():
    limited = Mapping("m", ENDS, (), limits=Limits(missing=Limit(count=0)))
    assert rules(limited, lacking(0)) == set()
    assert rules(limited, lacking(1)) == {"limits/missing"}
    assert refuse(limited, lacking(1), allow={"missing": 1}) == ()


# What is usual ------------------------------------------------------------------------------------------------


def history(number, past, live=100):
    return Counts(({}, {"update": number}), live, usual=((), tuple({"update": each} for each in past)))


@pytest.mark.parametrize(
    ("number", "past", "live", "trips"),
    [
        (30, [3, 3, 3, 3, 3], 100, False),
        (31, [3, 3, 3, 3, 3], 100, True),
        (31, [3, 3, 3, 3], 100, False),  # four runs say nothing
        (21, [0, 0, 0, 0, 0], 100, True),
        (20, [0, 0, 0, 0, 0], 20, False),  # never as few as 20
        (200, [0, 0, 0, 0, 0], 1000, False),  # nor a fifth of all
        (201, [0, 0, 0, 0, 0], 1000, True),
        (99, [0, 0, 50, 50, 50], 100, False),  # the median, not the mean
    ],
)
def test_a_plan_far_beyond_recent_runs_trips(number, past, live, trips):
    assert (rules(mapping(), history(number, past, live)) == {"limits/unusual"}) is trips


def test_what_is_unusual_can_be_said_and_switched_off():
    past = [3] * 5
    for unusual, trips in ((Decimal(10), True), (Decimal(20), False), (None, False)):
        limited = Mapping("m", ENDS, (), limits=Limits(unusual=unusual))
        assert bool(refuse(limited, history(40, past))) is trips


# Laws over all of them ----------------------------------------------------------------------------------------

NUMBERS = st.integers(0, 60)
EVERYTHING = Mapping(
    "m",
    ENDS,
    (),
    limits=Limits({kind: Limit(percent=Decimal(10)) for kind in KINDS}, {"name": Limit(percent=Decimal(10))}),
)
KIND_COUNTS = st.dictionaries(st.sampled_from(KINDS), NUMBERS)
FIELD_COUNTS = st.dictionaries(st.sampled_from(["name", "ico"]), NUMBERS)


def both(counted):
    return st.tuples(counted, counted)


PLANS = st.tuples(both(KIND_COUNTS), both(FIELD_COUNTS), both(FIELD_COUNTS), both(FIELD_COUNTS), both(NUMBERS))


def weighed(plan, live, loaded, told, past):
    kinds, fields, linked, emptied, missing = plan
    return Counts(kinds, live, loaded, fields, linked, emptied, Read(missing, told), (past, past))


def more(first, second):
    """Side by side, all that one counts and all that the other one counts."""
    if isinstance(first, tuple):
        return tuple(more(one, two) for one, two in zip(first, second, strict=True))
    if isinstance(first, dict):
        return {name: first.get(name, 0) + second.get(name, 0) for name in {**first, **second}}
    return first + second


WORLDS = {
    "live": NUMBERS,
    "loaded": st.booleans(),
    "told": both(FIELD_COUNTS),
    "past": st.lists(KIND_COUNTS, max_size=7),
}


@given(PLANS, PLANS, st.booleans(), st.fixed_dictionaries(WORLDS))
def test_a_bigger_plan_never_trips_less(plan, added, first_load, world):
    small = [
        (each.finding.rule, each.allow) for each in refuse(EVERYTHING, weighed(plan, **world), first_load=first_load)
    ]
    big = [
        (each.finding.rule, each.allow)
        for each in refuse(EVERYTHING, weighed(more(plan, added), **world), first_load=first_load)
    ]
    assert [each for each in small if each not in big] == []


@given(PLANS, st.fixed_dictionaries(WORLDS))
def test_allowing_exactly_what_trips_lets_it_through_and_one_less_does_not(plan, world):
    found = refuse(EVERYTHING, weighed(plan, **world))
    needed = {name: max(trip.number for trip in found if trip.allow == name) for name in {trip.allow for trip in found}}
    assert refuse(EVERYTHING, weighed(plan, **world), allow=needed) == ()
    for name, number in needed.items():
        left = refuse(EVERYTHING, weighed(plan, **world), allow={**needed, name: number - 1})
        assert {trip.allow for trip in left} == {name}


@given(PLANS, st.fixed_dictionaries(WORLDS))
def test_the_command_of_every_finding_allows_all_that_the_plan_needs(plan, world):
    found = refuse(EVERYTHING, weighed(plan, **world))
    for finding in worded(found, "plan.jsonl"):
        words = shlex.split(finding.mend.partition("crmsync apply ")[2])
        assert words[0] == "plan.jsonl"
        allow = dict(word.rsplit("=", 1) for word in words if word != "--allow" and "=" in word)
        assert refuse(EVERYTHING, weighed(plan, **world), allow={name: int(n) for name, n in allow.items()}) == ()


def test_a_name_that_a_shell_would_read_otherwise_is_quoted():
    limited = Mapping("m", ENDS, (), limits=Limits(fields={"the name": Limit(count=0)}))
    counts = Counts(({}, {}), 9, fields=({}, {"the name": 2}))
    assert "--allow 'field:the name=2'" in worded(refuse(limited, counts), "my plan.jsonl")[0].mend
