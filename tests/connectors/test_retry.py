"""Is a system that fails for a moment asked again, as often and as patiently as its project says?

Nothing here sleeps: `Clock` is both the clock and the sleep of a patience.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.connectors.base import Connection, Cursor, Door, Findings, Insert, Page, Refused, Transient, Write
from crmsync.connectors.memory import Memory
from crmsync.connectors.retry import COOL_DOWN, Patience, patient, patient_connection
from crmsync.core.model import Entity, Json, Key, Outcome, Retry, System
from tests.connectors.conformance import DoorLaws, listed
from tests.connectors.test_memory import MemoryBench
from tests.connectors.test_sql import SqlBench

DOWN = Transient("crm: 503")


class Clock:
    """Time that passes only by sleeping, and all the sleeps there were."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept.append(float(seconds))
        self.now += seconds


class Flaky:
    """A call that raises these errors one after the other, None for each time that it answers; at last it answers."""

    def __init__(self, *errors: Exception | None, clock: Clock | None = None) -> None:
        self.errors = list(errors)
        self.clock = clock
        self.asked_at: list[float] = []

    def __call__(self) -> str:
        self.asked_at.append(self.clock.now if self.clock else 0)
        error = self.errors.pop(0) if self.errors else None
        if error:
            raise error
        return "answer"

    @property
    def asked(self) -> int:
        return len(self.asked_at)


def always(error: Exception) -> Flaky:
    return Flaky(*[error] * 1000)


def patience(clock: Clock, rate: float | None = None, chance: float = 1.0, **retry: Any) -> Patience:
    return Patience("crm", Retry(**retry), rate, sleep=clock.sleep, clock=clock, chance=lambda: chance)


def said(call: Callable[[], object]) -> Transient:
    with pytest.raises(Transient) as caught:
        call()
    return caught.value


@pytest.fixture
def clock() -> Clock:
    return Clock()


# The promise of a door is kept ---------------------------------------------------------------------------------------


class PatientBench:
    """Another bench, whose connections are patient."""

    def __init__(self, inner: MemoryBench | SqlBench) -> None:
        self._inner = inner
        self.entity = inner.entity
        self.system = inner.system
        self.kept, self.put, self.remove, self.spoil = inner.kept, inner.put, inner.remove, inner.spoil

    def connect(self) -> Connection:
        clock = Clock()
        return patient_connection(self._inner.connect(), patience(clock))


class TestPatientMemory(DoorLaws):
    @pytest.fixture
    def fresh(self):
        return lambda: PatientBench(MemoryBench())


class TestPatientSqlite(DoorLaws):
    @pytest.fixture
    def fresh(self, tmp_path: Path):
        numbers = itertools.count()

        def bench() -> PatientBench:
            path = tmp_path / f"{next(numbers)}.db"
            path.touch()
            return PatientBench(SqlBench(f"sqlite:///{path}"))

        return bench


# Attempts, waits and the budget --------------------------------------------------------------------------------------


def test_what_answers_at_once_is_asked_once_and_nobody_waits(clock: Clock):
    flaky = Flaky()
    assert patience(clock).call(flaky) == "answer"
    assert (flaky.asked, clock.slept) == (1, [])


def test_a_call_that_fails_for_a_moment_is_tried_again_with_waits_that_double(clock: Clock):
    assert patience(clock, attempts=6, wait=0.5, longest=3.0).call(Flaky(*[DOWN] * 5)) == "answer"
    assert clock.slept == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_when_the_attempts_are_used_up_the_last_error_says_how_often_it_was_tried(clock: Clock):
    flaky = Flaky(*[DOWN] * 4, Transient("crm: still 503", retry_after=7.0))
    error = said(lambda: patience(clock, attempts=5).call(flaky))
    assert (str(error), error.retry_after) == ("crm: still 503 (tried 5 times)", 7.0)
    assert (flaky.asked, len(clock.slept)) == (5, 4)


def test_one_attempt_is_one_attempt(clock: Clock):
    flaky = always(DOWN)
    assert str(said(lambda: patience(clock, attempts=1).call(flaky))) == "crm: 503"
    assert (flaky.asked, clock.slept) == (1, [])


def test_what_is_refused_is_not_tried_again(clock: Clock):
    flaky = Flaky(DOWN, Refused("crm: no table"))
    with pytest.raises(Refused, match="crm: no table"):
        patience(clock).call(flaky)
    assert flaky.asked == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("ours")])
def test_what_is_no_error_of_the_system_goes_straight_through(clock: Clock, error: Exception):
    flaky = Flaky(error)
    with pytest.raises(type(error)):
        patience(clock).call(flaky)
    assert (flaky.asked, clock.slept) == (1, [])


@given(failures=st.integers(1, 8), chance=st.floats(0, 1), wait=st.floats(0.001, 5), longest=st.floats(0.001, 60))
def test_a_wait_is_between_half_and_all_of_its_backoff(failures: int, chance: float, wait: float, longest: float):
    clock = Clock()
    patience(clock, chance=chance, attempts=9, wait=wait, longest=longest, budget=1e9).call(Flaky(*[DOWN] * failures))
    widest = [min(wait * 2**n, longest) for n in range(failures)]
    assert len(clock.slept) == failures
    assert all(most / 2 - 1e-9 <= slept <= most + 1e-9 for slept, most in zip(clock.slept, widest, strict=True))


@given(
    calls=st.lists(st.integers(0, 6), max_size=12),
    asks=st.none() | st.floats(0, 40),
    budget=st.floats(0, 60),
    chance=st.floats(0, 1),
)
def test_all_waits_of_a_run_together_stay_within_the_budget(calls, asks, budget, chance):
    clock = Clock()
    one = patience(clock, chance=chance, attempts=5, budget=budget)
    for failures in calls:
        flaky = Flaky(*[Transient("crm: 503", retry_after=asks)] * failures)
        try:
            one.call(flaky)
        except Transient:
            assert flaky.asked <= 5
    assert sum(clock.slept) <= budget + 1e-6


def test_a_budget_that_is_used_up_is_said_with_its_numbers(clock: Clock):
    one = patience(clock, attempts=5, wait=2.0, budget=7.0)
    one.call(Flaky(DOWN, DOWN))
    error = said(lambda: one.call(Flaky(DOWN, DOWN)))
    assert str(error) == ("crm: 503 (to wait another 2.0 s is beyond its retry budget, which has 1.0 s of 7.0 s left)")
    assert clock.slept == [2.0, 4.0]


# Retry-After ---------------------------------------------------------------------------------------------------------


def test_a_system_that_asks_for_a_longer_wait_gets_it(clock: Clock):
    busy = [Transient("crm: 429", retry_after=seconds) for seconds in (45.0, 0.1, 0.0)]
    patience(clock, wait=0.5, longest=30.0).call(Flaky(*busy))
    assert clock.slept == [45.0, 1.0, 2.0]


def test_a_system_that_asks_for_more_than_the_budget_has_is_given_up_at_once_and_left_alone_that_long(clock: Clock):
    one, flaky = patience(clock, budget=300.0), Flaky(Transient("crm: 429", retry_after=600.0), clock=clock)
    error = said(lambda: one.call(flaky))
    assert "to wait another 600.0 s is beyond its retry budget, which has 300.0 s of 300.0 s left" in str(error)
    assert error.retry_after == 600.0
    clock.now += 599
    assert str(said(lambda: one.call(flaky))) == "crm: not asked for another 1.0 s: it asked for 600.0 s: crm: 429"
    assert flaky.asked == 1
    clock.now += 1
    assert one.call(flaky) == "answer"
    assert clock.slept == []


@given(asks=st.lists(st.floats(0, 100), min_size=1, max_size=4), chance=st.floats(0, 1))
def test_nobody_is_asked_earlier_than_it_wants(asks: list[float], chance: float):
    clock = Clock()
    flaky = Flaky(*[Transient("crm: 429", retry_after=seconds) for seconds in asks], clock=clock)
    patience(clock, chance=chance, budget=1000.0).call(flaky)
    gaps = [after - before for before, after in itertools.pairwise(flaky.asked_at)]
    assert all(gap >= seconds - 1e-6 for gap, seconds in zip(gaps, asks, strict=True))


# Writes: one attempt, and a pause before the next --------------------------------------------------------------------


@pytest.mark.parametrize("untouched", [True, False])
def test_a_write_is_tried_once_and_its_error_comes_as_it_is(clock: Clock, untouched: bool):
    flaky = always(lost := Transient("crm: lost", untouched=untouched))
    assert said(lambda: patience(clock).once(flaky)) is lost
    assert (flaky.asked, clock.slept) == (1, [])


def test_a_pause_waits_as_a_call_would_until_the_attempts_are_used_up(clock: Clock):
    one, lost = patience(clock, attempts=4), Transient("crm: lost", retry_after=3.0, untouched=True)
    for attempt in (1, 2, 3):
        one.pause(lost, attempt)
    assert clock.slept == [3.0, 3.0, 3.0]
    error = said(lambda: one.pause(lost, 4))
    assert (str(error), error.untouched, error.retry_after) == ("crm: lost (tried 4 times)", True, 3.0)
    assert len(clock.slept) == 3


def test_a_pause_pays_from_the_same_budget(clock: Clock):
    one = patience(clock, wait=4.0, budget=5.0)
    one.pause(DOWN, 1)
    assert "has 1.0 s of 5.0 s left" in str(said(lambda: one.call(always(DOWN))))
    error = said(lambda: one.pause(DOWN, 2))
    assert "crm: 503 (tried 2 times; to wait another 8.0 s is beyond its retry budget" in str(error)


def test_what_a_reading_raises_says_nothing_of_a_write(clock: Clock):
    unsent = Transient("crm: not reached", untouched=True)
    one = patience(clock)
    assert not said(lambda: one.step(always(unsent))).untouched
    assert not said(lambda: one.call(always(unsent))).untouched


# The circuit ---------------------------------------------------------------------------------------------------------


def opened(clock: Clock) -> Patience:
    """A patience whose circuit has just opened: two calls of three attempts each have failed."""
    one = patience(clock, attempts=3, wait=0.0001)
    said(lambda: one.call(always(DOWN)))
    said(lambda: one.call(always(DOWN)))
    return one


def test_one_call_that_fails_to_the_end_does_not_open_the_circuit(clock: Clock):
    one = patience(clock, attempts=3)
    said(lambda: one.call(always(DOWN)))
    assert one.call(Flaky()) == "answer"


def test_an_open_circuit_fails_every_call_at_once_and_says_for_how_long(clock: Clock):
    one, flaky = opened(clock), Flaky()
    clock.now += 18
    reading, writing, paging = (
        said(lambda: one.call(flaky)),
        said(lambda: one.once(flaky)),
        said(lambda: one.step(flaky)),
    )
    words = "crm: not asked for another 42.0 s: its last 6 attempts failed, the last one with: crm: 503"
    assert [str(error) for error in (reading, writing, paging)] == [words] * 3
    assert [error.untouched for error in (reading, writing, paging)] == [False, True, False]
    assert reading.retry_after == pytest.approx(COOL_DOWN - 18)
    assert flaky.asked == 0


def test_nobody_pauses_before_an_open_circuit(clock: Clock):
    one, before = opened(clock), len(clock.slept)
    error = said(lambda: one.once(Flaky()))
    assert str(said(lambda: one.pause(error, 1))) == str(error)
    assert len(clock.slept) == before


def test_a_circuit_that_opens_during_a_call_ends_it(clock: Clock):
    one, flaky = patience(clock, attempts=3), always(DOWN)
    for _ in range(4):
        said(lambda: one.once(flaky))
    assert str(said(lambda: one.call(flaky))) == "crm: 503 (tried 2 times)"
    assert flaky.asked == 6


def test_after_the_cool_down_one_trial_closes_the_circuit(clock: Clock):
    one = opened(clock)
    clock.now += COOL_DOWN
    assert one.call(Flaky()) == "answer"
    assert one.call(Flaky(DOWN, DOWN)) == "answer"


def test_after_the_cool_down_one_trial_that_fails_opens_it_again(clock: Clock):
    one, flaky = opened(clock), always(DOWN)
    clock.now += COOL_DOWN
    assert str(said(lambda: one.call(flaky))) == "crm: 503"
    assert "not asked for another 60.0 s: its last 7 attempts failed" in str(said(lambda: one.call(flaky)))
    assert flaky.asked == 1


@pytest.mark.parametrize("answer", [None, Refused("crm: no table")])
def test_an_answer_in_between_keeps_the_circuit_closed(clock: Clock, answer: Exception | None):
    one = patience(clock, attempts=3)
    flaky = Flaky(*([DOWN] * 5 + [answer]) * 5)
    for _ in range(30):
        try:
            one.once(flaky)
        except (Transient, Refused):
            continue
    assert flaky.asked == 30


# The rate ------------------------------------------------------------------------------------------------------------


@given(
    rate=st.integers(1, 50),
    gaps=st.lists(st.floats(0, 0.3), min_size=2, max_size=80),
    failing=st.sets(st.integers(0, 80)),
)
def test_no_second_sees_more_calls_than_the_rate(rate: int, gaps: list[float], failing: set[int]):
    clock = Clock()
    one = patience(clock, rate=float(rate), attempts=9, wait=0.0001, budget=1e9)
    flaky = Flaky(*[DOWN if number in failing and number % 5 else None for number in range(81)], clock=clock)
    for number, gap in enumerate(gaps):
        clock.now += gap
        one.call(flaky) if number % 2 else patient_once(one, flaky)
    at = flaky.asked_at
    assert all(later - earlier >= 1 - 1e-6 for earlier, later in zip(at, at[rate:], strict=False))


def patient_once(one: Patience, flaky: Flaky) -> None:
    try:
        one.once(flaky)
    except Transient:
        return


def test_a_rate_that_is_not_reached_costs_no_time(clock: Clock):
    one = patience(clock, rate=10.0)
    for _ in range(20):
        one.call(Flaky())
        clock.now += 0.2
    assert clock.slept == []


def test_a_quiet_time_saves_up_no_calls(clock: Clock):
    one = patience(clock, rate=2.0)
    one.call(Flaky())
    clock.now += 10
    for _ in range(3):
        one.call(Flaky())
    assert clock.slept == [0.5, 0.5]


def test_waiting_for_the_rate_costs_nothing_of_the_budget(clock: Clock):
    one = patience(clock, rate=1 / 60, budget=5.0)
    for _ in range(4):
        one.call(Flaky())
    assert clock.slept == [60.0] * 3
    assert one.call(Flaky(DOWN)) == "answer"


# A patient door ------------------------------------------------------------------------------------------------------


class Shaky:
    """The memory door, before each of whose answers (a page is one) comes the next of these errors."""

    def __init__(self, *errors: Exception | None, size: int = 2) -> None:
        self.memory = Memory(System("lab", "memory", {"thing": Entity("lab", "thing", ("id",))}, RECORDS))
        self.inner = self.memory.door(self.memory.system.entities["thing"])
        self.can = self.inner.can
        self.answer = Flaky(*errors)
        self.size = size

    def list(self, since: Cursor | None = None) -> Iterator[Page]:
        return self._cut(self.inner.list(since))

    def newest(self) -> Cursor | None:
        self.answer()
        return self.inner.newest()

    def get(self, keys: Sequence[Key]) -> Page:
        self.answer()
        return self.inner.get(keys)

    def find(self, path: str, values: Sequence[Json]) -> Iterator[Page]:
        return self._cut(self.inner.find(path, values))

    def decode(self, body: bytes) -> Json:
        return self.inner.decode(body)

    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        self.answer()
        return self.inner.write(writes)

    def probe(self) -> Findings:
        self.answer()
        return self.inner.probe()

    def door(self, entity: Entity, wanted: frozenset[str] | None = None) -> Door:
        self.answer()
        return self.inner

    def instance(self) -> str | None:
        self.answer()
        return "lab-1"

    def close(self) -> None:
        self.answer()

    def _cut(self, pages: Iterator[Page]) -> Iterator[Page]:
        raws = [raw for page in pages for raw in page]
        for start in range(0, len(raws), self.size):
            self.answer()
            yield raws[start : start + self.size]


RECORDS = {"records": {"thing": [{"id": number, "kind": "a"} for number in range(1, 6)]}}
READS: list[tuple[str, Callable[[Door], object]]] = [
    ("get", lambda door: door.get([(1,)])),
    ("newest", lambda door: door.newest()),
    ("probe", lambda door: door.probe()),
    ("list", lambda door: list(door.list())),
    ("find", lambda door: list(door.find("kind", ["a"]))),
]


@pytest.mark.parametrize("read", [read for _, read in READS], ids=[name for name, _ in READS])
def test_every_reading_is_tried_again(clock: Clock, read: Callable[[Door], object]):
    shaky = Shaky(DOWN, DOWN)
    assert read(patient(shaky, patience(clock))) == read(Shaky())
    assert len(clock.slept) == 2
    assert str(said(lambda: read(patient(Shaky(*[DOWN] * 5), patience(clock))))) == "crm: 503 (tried 5 times)"


@pytest.mark.parametrize("read", [lambda door: door.list(), lambda door: door.find("kind", ["a"])])
def test_a_listing_that_breaks_off_after_its_first_page_says_so_and_gives_no_record_twice(clock: Clock, read):
    door = patient(Shaky(DOWN, None, None, DOWN), patience(clock))
    given: list[Key] = []

    def take() -> None:
        for page in read(door):
            given.extend(raw.key for raw in page)

    assert str(said(take)) == "crm: 503"
    assert given == [(1,), (2,), (3,), (4,)]
    assert [raw.key for page in read(door) for raw in page] == [(1,), (2,), (3,), (4,), (5,)]


def test_a_listing_of_nothing_is_a_listing(clock: Clock):
    shaky = Shaky()
    shaky.memory.tables["thing"].records.clear()
    assert listed(patient(shaky, patience(clock))) == []


def test_a_listing_that_nobody_reads_to_its_end_lets_go_of_what_it_holds(clock: Clock):
    closed: list[bool] = []

    class Held(Shaky):
        def _cut(self, pages: Iterator[Page]) -> Iterator[Page]:
            try:
                yield from super()._cut(pages)
            finally:
                closed.append(True)

    pages = patient(Held(), patience(clock)).list()
    next(pages)
    del pages
    assert closed == [True]


def test_each_page_and_each_write_is_a_call_of_the_rate(clock: Clock):
    door = patient(Shaky(size=1), patience(clock, rate=2.0))
    listed(door)
    door.write([Insert({"kind": "b"}, "t")])
    assert clock.slept == [0.5] * 6  # five pages, the end of them, one write


def test_a_write_that_fails_is_not_repeated_by_its_door(clock: Clock):
    shaky = Shaky(DOWN)
    door = patient(shaky, patience(clock))
    assert said(lambda: door.write([Insert({"kind": "b"}, "t")])) is DOWN
    assert (shaky.answer.asked, clock.slept, len(listed(door))) == (1, [], 5)
    assert door.write([Insert({"kind": "b"}, "t")])[0].status == "done"


def test_a_connection_is_asked_again_for_its_doors_and_its_instance(clock: Clock):
    shaky = Shaky(DOWN, None, DOWN, DOWN, None)
    connection = patient_connection(shaky, patience(clock))
    assert listed(connection.door(shaky.memory.system.entities["thing"])) == listed(Shaky().inner)
    assert connection.instance() == "lab-1"
    connection.close()
    assert (len(clock.slept), shaky.answer.asked) == (3, 6)


def test_a_patient_door_can_what_its_door_can(clock: Clock):
    shaky = Shaky()
    shaky.can = replace(shaky.can, delta=False, recognise=False)
    assert patient(shaky, patience(clock)).can == shaky.can
