"""Whose turn is it? One run at a time writes to a ledger and its systems."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Final

from crmsync.ledger.lock import Lock, take_lock, this_process
from crmsync.ledger.nouns import LedgerError, LockLost
from crmsync.run.world import World, utc_now

NAME: Final = "run"
BEAT: Final = 30.0  # seconds between two signs of life


@contextmanager
def our_turn(world: World, run_id: str) -> Iterator[None]:
    """Holds the lock inside the block and shows that we live; the world writes under it. Raises Locked, and LockLost
    when another run took it over in between."""
    lock = take_lock(world.ledger, NAME, this_process(run_id), utc_now())
    world.fence = lock.fence
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


def _let_go(lock: Lock, heart: Thread, ended: Event) -> None:
    ended.set()
    heart.join()
    lock.release()


def _beat(lock: Lock, ended: Event) -> None:
    while not ended.wait(BEAT):
        try:
            lock.beat(utc_now())
        except LockLost:
            return  # `release` says so
        except LedgerError:
            continue  # the run itself will meet it, and say so
