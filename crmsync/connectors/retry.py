"""How long is a system that fails for a moment asked again, and how often may it be asked at all?

A wrapper around any connector. What reads is tried again right here: it changes nothing. What writes is tried once:
whoever writes looks at what took effect before it tries again, and meanwhile waits with `Patience.pause`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NoReturn, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential

from crmsync.connectors.base import Connection, Cursor, Door, Findings, Page, Refused, Transient, Write
from crmsync.core.model import Entity, Json, Key, Outcome, Retry

T = TypeVar("T")

COOL_DOWN: Final = 60.0
"""Seconds that a circuit stays open: enough for a system to restart, and within the budget of a run."""


class Patience:
    """What one run has of it for one system: attempts, a budget of waiting, a rate, and a circuit.

    The circuit opens when twice as many attempts as one call may make have failed in a row: one unlucky call does not
    open it, two do. Then every call fails at once, until a cool-down has passed; the next one is a trial, which closes
    it or opens it again. A system that asks for more time than the budget has left is left alone for that long too.

    `sleep` and `clock` count seconds; `chance` is uniform in 0..1. `told` hears of every retry: the name, the error,
    the number of the attempt that failed, and the seconds until the next one. Not for two threads at once.
    """

    def __init__(
        self,
        name: str,
        retry: Retry,
        rate: float | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        told: Callable[[str, Transient, int, float], None] = lambda *_: None,
    ) -> None:
        self._name = name
        self._retry = retry
        self._apart = 1 / rate if rate else 0.0  # seconds from one call to the next
        self._sleep = sleep
        self._clock = clock
        self._chance = chance
        self._told = told
        self._left = retry.budget
        self._failures = 0  # in a row
        self._open_until: float | None = None
        self._why = ""
        self._next_turn: float | None = None
        self._backoff = wait_exponential(multiplier=retry.wait, max=retry.longest)
        self._retrying = Retrying(
            sleep=self._spend,
            wait=self._delay,
            stop=self._is_over,
            retry=retry_if_exception_type(Transient),
            before_sleep=self._tell,
            retry_error_callback=self._give_up,
        )

    @property
    def is_open(self) -> bool:
        """The circuit: nothing is asked for a while."""
        return self._open_for() > 0

    def call(self, do: Callable[[], T]) -> T:
        """What `do` reads, tried again while it raises `Transient`, which says at last how often that was."""
        self._must_be_closed()
        answer: T = self._retrying(self._read, do)
        return answer

    def step(self, do: Callable[[], T]) -> T:
        """One attempt to read what cannot be tried again by itself: the next page of a listing."""
        self._must_be_closed()
        return self._read(do)

    def once(self, do: Callable[[], T]) -> T:
        """One attempt to write. The `Transient` of an open circuit is `untouched`: nothing was sent."""
        self._must_be_closed(untouched=True)
        return self._attempt(do)

    def pause(self, error: Transient, attempt: int) -> None:
        """Wait as `call` does after its failed `attempt` (from 1). Raises the error when no further one is due."""
        state = RetryCallState(self._retrying, None, (), {})
        state.attempt_number = attempt
        state.set_exception((type(error), error, error.__traceback__))
        state.upcoming_sleep = self._delay(state)
        if self._is_over(state):
            self._give_up(state)
        self._tell(state)
        self._spend(state.upcoming_sleep)

    # One attempt ---------------------------------------------------------------------------------------

    def _read(self, do: Callable[[], T]) -> T:
        try:
            return self._attempt(do)
        except Transient as error:  # `untouched` would be about a write, which this reading may be a part of
            raise Transient(str(error), retry_after=error.retry_after) from error

    def _attempt(self, do: Callable[[], T]) -> T:
        self._take_turn()
        try:
            answer = do()
        except Transient as error:
            self._failed(error)
            raise
        except Refused:  # it answered
            self._failures = 0
            raise
        self._failures = 0
        return answer

    def _must_be_closed(self, *, untouched: bool = False) -> None:
        rest = self._open_for()
        if rest > 0:
            text = f"{self._name}: not asked for another {rest:.1f} s: {self._why}"
            raise Transient(text, retry_after=rest, untouched=untouched)

    def _open_for(self) -> float:
        return 0.0 if self._open_until is None else self._open_until - self._clock()

    def _take_turn(self) -> None:
        """Wait until the rate lets us. That is no failure, and costs nothing of the budget."""
        now = self._clock()
        turn = now if self._next_turn is None else max(now, self._next_turn)
        self._next_turn = turn + self._apart
        if turn > now:
            self._sleep(turn - now)

    def _failed(self, error: Transient) -> None:
        self._failures += 1
        if error.retry_after is not None and error.retry_after > self._left:
            self._open(error.retry_after, f"it asked for {error.retry_after:.1f} s: {error}")
        elif self._failures >= 2 * self._retry.attempts:
            self._open(COOL_DOWN, f"its last {self._failures} attempts failed, the last one with: {error}")

    def _open(self, seconds: float, why: str) -> None:
        self._open_until = self._clock() + seconds
        self._why = why

    # Between two attempts --------------------------------------------------------------------------------

    def _delay(self, state: RetryCallState) -> float:
        """Half of the backoff is certain, half is chance: callers that failed together do not come back together."""
        widest = self._backoff(state)
        return max(widest * (1 + self._chance()) / 2, _error(state).retry_after or 0.0)

    def _is_over(self, state: RetryCallState) -> bool:
        used_up = state.attempt_number >= self._retry.attempts
        return used_up or state.upcoming_sleep > self._left or self._open_for() > 0

    def _give_up(self, state: RetryCallState) -> NoReturn:
        error, attempts, wait = _error(state), state.attempt_number, state.upcoming_sleep
        why = [f"tried {attempts} times"] if attempts > 1 else []
        if attempts < self._retry.attempts and wait > self._left:
            left = f"{self._left:.1f} s of {self._retry.budget:.1f} s"
            why.append(f"to wait another {wait:.1f} s is beyond its retry budget, which has {left} left")
        text = f"{error} ({'; '.join(why)})" if why else str(error)
        raise Transient(text, retry_after=error.retry_after, untouched=error.untouched) from error

    def _tell(self, state: RetryCallState) -> None:
        self._told(self._name, _error(state), state.attempt_number, state.upcoming_sleep)

    def _spend(self, seconds: float) -> None:
        self._left -= seconds
        self._sleep(seconds)


def _error(state: RetryCallState) -> Transient:
    error = state.outcome and state.outcome.exception()
    assert isinstance(error, Transient)
    return error


# The wrappers ----------------------------------------------------------------------------------------------


def patient_connection(connection: Connection, patience: Patience) -> Connection:
    """`connection` whose calls, and those of its doors, are tried again. Open it by `patience.call` too."""
    return PatientConnection(connection, patience)


def patient(door: Door, patience: Patience) -> Door:
    """`door` under the patience of its system."""
    return PatientDoor(door, patience)


class PatientConnection:
    def __init__(self, inner: Connection, patience: Patience) -> None:
        self._inner = inner
        self._patience = patience

    def door(self, entity: Entity, wanted: frozenset[str] | None = None) -> Door:
        return patient(self._patience.call(lambda: self._inner.door(entity, wanted)), self._patience)

    def instance(self) -> str | None:
        return self._patience.call(self._inner.instance)

    def close(self) -> None:
        self._inner.close()


class PatientDoor:
    def __init__(self, inner: Door, patience: Patience) -> None:
        self._inner = inner
        self._patience = patience
        self.can = inner.can
        self.decode = inner.decode  # called for every record: no frame of ours in between

    def list(self, since: Cursor | None = None) -> Iterator[Page]:
        """Tried again until its first page is there. If it breaks off later that is for the engine, which has to begin
        it anew: its first pages may say something else by then."""
        return self._pages(lambda: self._inner.list(since))

    def newest(self) -> Cursor | None:
        return self._patience.call(self._inner.newest)

    def get(self, keys: Sequence[Key]) -> Page:
        return self._patience.call(lambda: self._inner.get(keys))

    def find(self, path: str, values: Sequence[Json]) -> Iterator[Page]:
        """As `list`."""
        return self._pages(lambda: self._inner.find(path, values))

    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        """Tried once."""
        return self._patience.once(lambda: self._inner.write(writes))

    def probe(self) -> Findings:
        return self._patience.call(self._inner.probe)

    def _pages(self, begin: Callable[[], Iterator[Page]]) -> Iterator[Page]:
        page, rest = self._patience.call(lambda: _first(begin()))
        while page is not None:
            yield page
            page = self._patience.step(lambda: next(rest, None))


def _first(pages: Iterator[Page]) -> tuple[Page | None, Iterator[Page]]:
    """The first page, if there is one, and the rest."""
    return next(pages, None), pages
