"""How long may it take to tell somebody who answers byte by byte?

A socket waits so long for the next byte, never for the last one.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, deed: Callable[[], T]) -> T:
    """What the deed gives, or raises. Raises TimeoutError when it takes longer; what still goes on then ends with the
    program at the latest."""
    found: Future[T] = Future()
    Thread(target=_do, args=(deed, found), daemon=True).start()
    return found.result(seconds)


def _do(deed: Callable[[], T], found: Future[T]) -> None:
    try:
        found.set_result(deed())
    except BaseException as error:  # noqa: BLE001  whoever waits for it gets it
        found.set_exception(error)
