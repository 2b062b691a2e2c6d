"""How well it goes, and who is told: shares, ages, conditions, and what a channel hears."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.model import from_json, to_json
from crmsync.core.signals import (
    Alert,
    Calls,
    Condition,
    Facts,
    Measured,
    Memory,
    SideFacts,
    Signals,
    Thresholds,
    age,
    concerning,
    due,
    fell,
    judge,
    mapping_signals,
    measured_json,
    measured_of,
    memory_json,
    memory_of,
    remembered,
    signals_json,
)

NOW = "2026-02-01T00:00:00+00:00"
ENDS = (("crm", "crm.account"), ("pm", "pm.customer"))
HOUR = 3600.0
LIMITS = Thresholds(dead_letter_age=86_400, review_age=7 * 86_400, convergence_drop=0.05)


def at(minutes: float) -> str:
    return (datetime(2026, 2, 1, tzinfo=UTC) + timedelta(minutes=minutes)).isoformat()


def tally(**buckets: int) -> object:
    counted = {"crm": buckets, "pm": {}}
    return {"read": {"crm": sum(buckets.values()), "pm": 0}, "buckets": counted, "actions": {"crm": {"update": 2}}}


def signals(facts: Facts, name: str = "m") -> Signals:
    return Signals("shop", NOW, (mapping_signals(name, ENDS, facts, NOW),))


# Shares and ages


def test_convergence_counts_what_is_in_scope_on_both_sides() -> None:
    sides = (SideFacts({"unchanged": 6, "applied": 1, "held": 1, "out_of_scope": 50}), SideFacts({"unchanged": 2}))
    assert mapping_signals("m", ENDS, Facts(sides), NOW).convergence == pytest.approx(0.9)


def test_of_nothing_there_is_no_share_and_no_age() -> None:
    found = mapping_signals("m", ENDS, Facts(), NOW)
    assert (found.convergence, found.error_rate, found.retry_rate) == (None, None, None)
    assert (found.oldest_review, found.oldest_dead_letter, found.last_success_age) == (None, None, None)
    assert (found.sides[0].completeness, found.sides[0].duplicate_rate, found.sides[0].read) == ({}, None, None)


def test_errors_are_what_was_rejected_or_failed_of_what_was_read() -> None:
    found = mapping_signals("m", ENDS, Facts(tally=tally(unchanged=7, rejected=2, failed=1)), NOW)
    assert found.error_rate == pytest.approx(0.3)
    assert found.sides[0].actions["update"] == 2


def test_the_retry_rate_is_of_all_calls_of_both_sides() -> None:
    measured = (Measured({"list": Calls(3), "write": Calls(1)}, {}, 1), Measured({"get": Calls(4)}, {}, 1))
    assert mapping_signals("m", ENDS, Facts(measured=measured), NOW).retry_rate == pytest.approx(0.25)


def test_duplicates_are_open_questions_and_merged_records_of_all_records() -> None:
    sides = (SideFacts({"unchanged": 18, "out_of_scope": 2}, duplicates=1, merged=2), SideFacts())
    assert mapping_signals("m", ENDS, Facts(sides), NOW).sides[0].duplicate_rate == pytest.approx(0.15)


def test_completeness_is_of_the_records_of_which_it_is_known() -> None:
    sides = (SideFacts(fields={"name": (4, 4), "ico": (1, 4), "new": (0, 0)}), SideFacts())
    assert mapping_signals("m", ENDS, Facts(sides), NOW).sides[0].completeness == {"ico": 0.25, "name": 1.0}


def test_ages_are_in_seconds_and_never_negative() -> None:
    assert age("2026-01-31T23:59:00+00:00", NOW) == 60
    assert age("2026-02-01T00:01:00+00:00", NOW) == 0
    assert age(None, NOW) is None


def test_calls_add_up() -> None:
    calls = Calls().and_one(0.5, 10).and_one(1.5, 0, failed=True)
    assert calls == Calls(2, 1, 10, 2.0, 1.5)


def test_what_was_measured_comes_back_from_its_json() -> None:
    measured = Measured({"list": Calls(2, 0, 1500, 0.25, 0.125), "write": Calls(1, 1, 3, 0.5, 0.5)}, {"done": 3}, 4)
    assert measured_of(from_json(to_json(measured_json(measured)))) == measured
    assert measured_of(None) == Measured()


def test_signals_are_plain_json_with_names_that_say_their_unit() -> None:
    facts = Facts(tally=tally(unchanged=1), oldest_review="2026-01-31T00:00:00+00:00", open_reviews=1)
    told = from_json(to_json(signals_json(signals(facts))))
    assert told["mappings"]["m"]["oldest_review_seconds"] == 86_400
    assert told["mappings"]["m"]["sides"]["crm"]["read"] == 1
    assert told["mappings"]["m"]["error_rate"] == Decimal(0)


# Conditions


@pytest.mark.parametrize("code", [1, 2, 4, 5])
def test_a_run_that_did_not_come_to_its_end_is_a_failure_with_its_rules(code: int) -> None:
    found = judge(code, ["system/transient", "limits/update", "limits/update"], signals(Facts()), ["m"], LIMITS, {})
    assert found == Condition("failure", ("limits/update", "system/transient"))


def test_a_failure_without_a_rule_is_known_by_its_exit_code() -> None:
    assert judge(1, [], signals(Facts()), [], LIMITS, {}) == Condition("failure", ("exit 1",))


def test_all_is_well_when_nothing_waits() -> None:
    assert judge(0, [], signals(Facts(tally=tally(unchanged=3))), ["m"], LIMITS, {"m": 1.0}) is None


def test_exit_3_is_degraded_and_says_what_kind_of_records_wait() -> None:
    facts = Facts(tally=tally(held=1, rejected=2), open_reviews=1)
    found = judge(3, [], signals(facts), ["m"], LIMITS, {})
    assert found == Condition("degraded", ("m: open reviews", "m: records held", "m: records rejected"))


def test_the_reasons_stay_the_same_while_their_numbers_grow() -> None:
    few, many = (judge(3, [], signals(Facts(tally=tally(held=n))), ["m"], LIMITS, {}) for n in (1, 9))
    assert few == many


@pytest.mark.parametrize(("hours", "reasons"), [(23, None), (25, ("m: old dead letters",))])
def test_a_dead_letter_that_is_old_is_degraded_whatever_the_exit_code(hours: int, reasons: object) -> None:
    facts = Facts(open_dead=1, oldest_dead=at(-60 * hours))
    found = judge(0, [], signals(facts), ["m"], LIMITS, {})
    assert (found and found.reasons) == reasons


def test_an_old_review_is_degraded_too() -> None:
    found = judge(0, [], signals(Facts(open_reviews=1, oldest_review=at(-60 * 24 * 8))), ["m"], LIMITS, {})
    assert found == Condition("degraded", ("m: old reviews",))


@pytest.mark.parametrize(("before", "now", "is_lower"), [(1.0, 0.95, True), (1.0, 0.96, False), (0.5, 0.9, False)])
def test_convergence_falls_by_a_threshold(before: float, now: float, is_lower: bool) -> None:
    assert fell(now, before, 0.05) is is_lower
    sides = (SideFacts({"unchanged": int(now * 100), "held": 100 - int(now * 100)}), SideFacts())
    found = judge(0, [], signals(Facts(sides)), ["m"], LIMITS, {"m": before})
    assert (found == Condition("degraded", ("m: convergence fell",))) is is_lower


def test_nothing_falls_where_there_was_nothing_before() -> None:
    assert not fell(0.1, None, 0.05)
    assert not fell(None, 1.0, 0.05)
    assert not fell(1.0, 1.0, 0.0)


def test_mappings_that_the_run_was_not_about_say_nothing() -> None:
    assert judge(0, [], signals(Facts(open_dead=1, oldest_dead=at(-9999))), ["other"], LIMITS, {}) is None


# What a channel hears

DOWN = Condition("failure", ("system/transient",))
TIGHT = Condition("failure", ("limits/update",))
HELD = Condition("degraded", ("m: records held",))


def heard(*ends: tuple[float, Condition | None], reached: bool = True) -> list[tuple[float, str, tuple[str, ...]]]:
    """What a webhook hears of runs that ended in these minutes, in such a condition."""
    memory, told = Memory(), list[tuple[float, str, tuple[str, ...]]]()
    for minute, condition in ends:
        alert = due(memory, condition, at(minute), HOUR)
        if alert:
            told.append((minute, alert.kind, alert.reasons))
        memory = remembered(memory, condition, alert, at(minute), HOUR, reached=reached)
    return told


def test_what_stays_wrong_is_told_once() -> None:
    assert heard((0, DOWN), (15, DOWN), (300, DOWN)) == [(0, "failure", DOWN.reasons)]


def test_what_passes_is_told_once() -> None:
    assert heard((0, None), (15, DOWN), (30, None), (45, None)) == [
        (15, "failure", DOWN.reasons), (30, "recovered", DOWN.reasons),
    ]  # fmt: skip


def test_something_else_that_is_wrong_is_told_at_once() -> None:
    assert [minute for minute, *_ in heard((0, DOWN), (1, TIGHT), (2, TIGHT))] == [0, 1]


def test_what_comes_and_goes_is_not_told_twice_within_the_time() -> None:
    ends = [(minute, DOWN if minute % 10 == 0 else None) for minute in range(0, 60, 5)]
    assert heard(*ends) == [(0, "failure", DOWN.reasons), (5, "recovered", DOWN.reasons)]


def test_what_came_again_within_the_time_is_told_once_the_time_is_over() -> None:
    assert heard((0, DOWN), (5, None), (10, DOWN), (30, DOWN), (61, DOWN), (70, DOWN)) == [
        (0, "failure", DOWN.reasons), (5, "recovered", DOWN.reasons), (61, "failure", DOWN.reasons),
    ]  # fmt: skip


def test_what_is_wrong_again_after_something_else_is_told_once_the_time_is_over() -> None:
    """Else the last that anybody has heard of is the other one, for good."""
    assert heard((0, DOWN), (5, TIGHT), (10, DOWN), (30, DOWN), (61, DOWN), (300, DOWN)) == [
        (0, "failure", DOWN.reasons), (5, "failure", TIGHT.reasons), (61, "failure", DOWN.reasons),
    ]  # fmt: skip


def test_what_did_not_arrive_is_due_again() -> None:
    assert [minute for minute, *_ in heard((0, DOWN), (1, DOWN), (2, DOWN), reached=False)] == [0, 1, 2]


def test_a_change_that_did_not_arrive_is_due_again_and_so_is_a_recovery() -> None:
    memory = remembered(Memory(), DOWN, Alert("failure", DOWN.reasons, at(0)), at(0), HOUR, reached=True)
    alert = due(memory, TIGHT, at(1), HOUR)
    memory = remembered(memory, TIGHT, alert, at(1), HOUR, reached=False)
    assert due(memory, TIGHT, at(2), HOUR) == Alert("failure", TIGHT.reasons, at(0))
    gone = due(memory, None, at(3), HOUR)
    memory = remembered(memory, None, gone, at(3), HOUR, reached=False)
    assert due(memory, None, at(4), HOUR) == Alert("recovered", DOWN.reasons, at(0))


def test_an_alert_says_since_when_something_is_wrong_whatever_it_was() -> None:
    memory = remembered(Memory(), DOWN, Alert("failure", DOWN.reasons, at(0)), at(0), HOUR, reached=True)
    assert due(memory, HELD, at(30), HOUR) == Alert("degraded", HELD.reasons, at(0))


def test_how_long_it_took_is_remembered() -> None:
    memory = remembered(Memory(), DOWN, None, at(0), HOUR, reached=True)
    memory = remembered(memory, TIGHT, None, at(10), HOUR, reached=True)
    memory = remembered(memory, None, None, at(25), HOUR, reached=True)
    assert (memory.took, memory.ended, memory.standing) == (25 * 60, at(25), None)


def test_a_channel_hears_what_it_is_about() -> None:
    assert concerning("on_failure", HELD, Memory()) is None
    assert concerning("on_failure", DOWN, Memory()) == DOWN
    assert concerning("on_degraded", HELD, Memory()) == HELD
    assert concerning("webhook", HELD, Memory()) == HELD


def test_after_a_failure_nobody_knows_whether_it_is_still_degraded() -> None:
    assert concerning("on_degraded", DOWN, Memory(standing=HELD)) == HELD
    assert concerning("on_degraded", None, Memory(standing=HELD)) is None


def test_a_memory_comes_back_from_its_json() -> None:
    memory = Memory(DOWN, at(0), DOWN.text, {DOWN.text: at(0)}, 12.5, at(-5))
    assert memory_of(from_json(to_json(memory_json(memory)))) == memory
    assert memory_of(from_json(to_json(memory_json(Memory())))) == Memory()


steps = st.lists(
    st.tuples(st.integers(1, 50), st.sampled_from([None, DOWN, TIGHT, HELD]), st.booleans()), max_size=40
)  # minutes since the last run, how it ended, does the channel work?


@given(steps)
def test_no_channel_hears_the_same_twice_within_the_time_nor_a_recovery_of_nothing(
    runs: list[tuple[int, Condition | None, bool]],
) -> None:
    memory, minute, arrived = Memory(), 0, list[tuple[int, str, tuple[str, ...]]]()
    for wait, condition, works in runs:
        minute += wait
        alert = due(memory, condition, at(minute), HOUR)
        memory = remembered(memory, condition, alert, at(minute), HOUR, reached=works)
        if alert and works:
            arrived.append((minute, alert.kind, alert.reasons))
        if condition is not None and works:
            assert condition == memory.standing
            assert memory.told or condition.text in memory.sent
    kinds = [kind for _, kind, _ in arrived]
    assert kinds[:1] != ["recovered"]
    assert ("recovered", "recovered") not in pairwise(kinds)
    for i, (then, kind, reasons) in enumerate(arrived):
        later = [when for when, *what in arrived[i + 1 :] if what == [kind, reasons] and kind != "recovered"]
        assert all(when - then >= 60 for when in later)
