"""How many CPU seconds does a piece of work take?"""

from __future__ import annotations

import time
from collections.abc import Callable


def best_of_three(work: Callable[[], object]) -> float:
    """CPU seconds, the best of three."""
    return min(cpu_seconds(work) for _ in range(3))


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
