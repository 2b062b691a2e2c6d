"""Does exactly one run hold the lock, and does a dead one let go?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from crmsync.ledger.lock import UNKNOWN, holder_of, process_began, take_lock, this_process, told_by_ps
from crmsync.ledger.nouns import Holder, Locked, LockLost, RecordRow

NOW = "2026-01-01T00:00:00Z"
SOON = "2026-01-01T00:09:59Z"
LATE = "2026-01-01T00:10:01Z"

ELSEWHERE = Holder("other-host", 7, "boot/1", "r1")

TAKE = """
import sys
from crmsync.ledger.lock import take_lock, this_process
from crmsync.ledger.nouns import Locked
from crmsync.ledger.store import Ledger
ledger = Ledger.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
try:
    take_lock(ledger, "run", this_process(sys.argv[2]), "2026-01-01T00:00:00Z")
    print("won", flush=True)
except Locked as locked:
    print("lost to", locked.holder.run, flush=True)
sys.stdin.readline()
ledger.close()
"""


@pytest.fixture
def start(ledger_url):
    """Starts a process that is about to take the lock."""
    with ExitStack() as stack:

        def started(run):
            process = subprocess.Popen(
                [sys.executable, "-c", TAKE, ledger_url, run],
                cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield started


def line(process):
    return process.stdout.readline().strip()


def go_on(process):
    process.stdin.write("\n")
    process.stdin.flush()


def test_of_two_processes_that_take_the_lock_at_once_exactly_one_gets_it(start, ledger):
    takers = [start(f"r{i}") for i in range(2)]
    assert [line(taker) for taker in takers] == ["ready", "ready"]
    for taker in takers:
        go_on(taker)

    told = [line(taker) for taker in takers]

    winner = told.index("won")
    assert told[1 - winner] == f"lost to r{winner}"


def test_the_lock_of_a_process_that_was_killed_is_taken_over(start, ledger):
    taker = start("r1")
    assert line(taker) == "ready"
    go_on(taker)
    assert line(taker) == "won"
    with pytest.raises(Locked):
        take_lock(ledger, "run", this_process("r2"), LATE)  # alive, however silent

    taker.kill()
    os.waitid(os.P_PID, taker.pid, os.WEXITED | os.WNOWAIT)  # dead, but still a zombie
    lock = take_lock(ledger, "run", this_process("r2"), NOW)

    assert lock.token == 2
    assert holder_of(ledger, "run") == this_process("r2")


def test_the_holder_is_named_with_what_to_do(ledger):
    take_lock(ledger, "run", ELSEWHERE, NOW)

    with pytest.raises(Locked) as caught:
        take_lock(ledger, "run", this_process("r2"), SOON)

    assert caught.value.holder == ELSEWHERE
    for part in ("run r1", "process 7 on other-host", f"since {NOW}", "wait for it, or end that process"):
        assert part in str(caught.value)


def test_a_later_process_with_the_number_of_the_holder_is_not_taken_for_it(ledger):
    me = this_process("r1")
    take_lock(ledger, "run", Holder(me.host, me.pid, "another boot/1", "r0"), NOW)

    assert take_lock(ledger, "run", me, NOW).token == 2


def test_a_holder_on_another_machine_is_dead_after_ten_silent_minutes(ledger):
    take_lock(ledger, "run", ELSEWHERE, NOW)
    with pytest.raises(Locked):
        take_lock(ledger, "run", this_process("r2"), SOON)

    assert take_lock(ledger, "run", this_process("r2"), LATE).token == 2


def test_a_holder_that_beats_stays_alive(ledger):
    lock = take_lock(ledger, "run", ELSEWHERE, NOW)
    lock.beat(SOON)

    with pytest.raises(Locked):
        take_lock(ledger, "run", this_process("r2"), LATE)


def test_a_holder_of_unknown_beginning_is_judged_by_its_silence(ledger):
    me = this_process("r1")
    take_lock(ledger, "run", Holder(me.host, me.pid, UNKNOWN, "r0"), NOW)
    with pytest.raises(Locked):
        take_lock(ledger, "run", me, SOON)

    assert take_lock(ledger, "run", me, LATE).token == 2


def test_a_released_lock_is_free_and_its_token_grows(ledger):
    first = take_lock(ledger, "run", ELSEWHERE, NOW)
    first.release()
    assert holder_of(ledger, "run") is None

    second = take_lock(ledger, "run", this_process("r2"), NOW)

    assert (first.token, second.token) == (1, 2)


def test_locks_of_other_names_do_not_matter(ledger):
    take_lock(ledger, "run", ELSEWHERE, NOW)

    assert take_lock(ledger, "other", this_process("r2"), NOW).token == 1


def test_who_lost_the_lock_can_neither_beat_nor_release_nor_write(ledger):
    old = take_lock(ledger, "run", ELSEWHERE, NOW)
    new = take_lock(ledger, "run", this_process("r2"), LATE)
    row = RecordRow("m", 0, ("a",), "applied", None, None, 1, "", None, "r1")

    with pytest.raises(LockLost, match="the lock 'run' is no longer ours"):
        old.beat(LATE)
    with pytest.raises(LockLost):
        old.release()
    with pytest.raises(LockLost), ledger.writing(old.fence) as writer:
        writer.save_records([row])

    assert ledger.states("m", 0, [("a",)]) == {}
    with ledger.writing(new.fence) as writer:
        writer.save_records([row])
    assert ledger.states("m", 0, [("a",)]) != {}


def test_a_process_is_told_from_those_that_are_not_there():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()

    assert process_began(os.getpid()) == process_began(os.getpid())
    assert process_began(os.getpid()) not in (None, UNKNOWN, process_began(os.getppid()))
    assert process_began(gone.pid) is None


def test_without_proc_a_process_is_told_by_ps_and_without_ps_not_at_all(monkeypatch):
    if shutil.which("ps"):
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        assert told_by_ps(gone.pid) is None
        assert told_by_ps(os.getpid()) not in (None, UNKNOWN)

    monkeypatch.setenv("PATH", "")

    assert told_by_ps(os.getpid()) == UNKNOWN
