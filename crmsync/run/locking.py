"""Whose turn is it? One run at a time writes to a ledger and its systems."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import Final

from crmsync.ledger.lock import BEAT, Lock, take_lock, this_process
from crmsync.ledger.nouns import LedgerError, Locked, LockLost
from crmsync.run.world import World

NAME: Final = "run"
POLL: Final = 1.0  # seconds between two looks at a lock that is held, half as long or half as long again


@dataclass(frozen=True)
class Wait:
    """For how many seconds do we wait for our turn? `waits` is told once, when the wait begins. Time and chance are
    given, so that a test need not wait."""

    seconds: float = 0.0
    waits: Callable[[Locked], None] = lambda _: None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random


AT_ONCE: Final = Wait()


@contextmanager
def our_turn(world: World, run_id: str, wait: Wait = AT_ONCE) -> Iterator[None]:
    """Holds the lock inside the block and shows that we live; the world writes under it. Raises Locked, and LockLost
    when another run took it over in between."""
    lock = _taken(world, run_id, wait)
    world.fence = lock.fence
    world.repeats = lock.repeats
    ended = Event()
    heart = Thread(target=_beat, args=(lock, ended), name="crmsync-lock", daemon=True)
    heart.start()
    try:
        yield
    except BaseException:
        with suppress(LedgerError):  # what went wrong first is what to tell
            _let_go(lock, heart, ended)
        raise
    _let_go(lock, heart, ended)


def _taken(world: World, run_id: str, wait: Wait) -> Lock:
    who, begun = this_process(run_id), wait.clock()
    told = False
    while True:
        try:
            return take_lock(world.ledger, NAME, who)
        except Locked as locked:
            left = wait.seconds - (wait.clock() - begun)
            if left <= 0:
                raise
            if not told:
                wait.waits(locked)
            told = True
        wait.sleep(min(left, POLL * (0.5 + wait.chance())))


def _let_go(lock: Lock, heart: Thread, ended: Event) -> None:
    ended.set()
    heart.join()
    lock.release()


def _beat(lock: Lock, ended: Event) -> None:
    while not ended.wait(BEAT):
        try:
            lock.beat()
        except LockLost:
            return  # `release` says so
        except LedgerError:
            continue  # the run itself will meet it, and say so
