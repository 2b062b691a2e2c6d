"""Does exactly one run hold the lock, and does a dead one let go?"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Timer

import psycopg
import pytest
from sqlalchemy import make_url

from crmsync.ledger.lock import UNKNOWN, held_by, process_began, take_lock, this_process, told_by_ps
from crmsync.ledger.nouns import Holder, Locked, LockLost, RecordRow
from crmsync.ledger.store import Ledger

SHORT = timedelta(minutes=1, seconds=50)
LONG = timedelta(minutes=2, seconds=1)

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
    take_lock(ledger, "run", this_process(sys.argv[2]))
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


def silent_for(ledger, ago):
    """As if the last sign of life of the holder were so old."""
    with ledger.database.writing() as access:
        (now,) = access.one("SELECT {now}")
        beat = (datetime.fromisoformat(now) - ago).isoformat()
        access.run("UPDATE crmsync_lock SET beat = :beat", beat=beat)


def held(ledger):
    found = held_by(ledger, "run")
    assert found is not None
    return found


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
    silent_for(ledger, LONG)
    with pytest.raises(Locked):
        take_lock(ledger, "run", this_process("r2"))  # alive, however silent

    taker.kill()
    os.waitid(os.P_PID, taker.pid, os.WEXITED | os.WNOWAIT)  # dead, but still a zombie
    lock = take_lock(ledger, "run", this_process("r2"))

    assert lock.token == 2
    assert held(ledger).holder == this_process("r2")


def test_a_process_that_is_stopped_is_alive(start, ledger):
    taker = start("r1")
    go_on(taker)
    assert [line(taker), line(taker)] == ["ready", "won"]
    taker.send_signal(signal.SIGSTOP)
    silent_for(ledger, LONG)

    with pytest.raises(Locked, match="end that process"):
        take_lock(ledger, "run", this_process("r2"))


def test_the_holder_is_named_with_what_to_do(ledger):
    take_lock(ledger, "run", ELSEWHERE)

    with pytest.raises(Locked) as caught:
        take_lock(ledger, "run", this_process("r2"))

    assert caught.value.holder == ELSEWHERE
    taken = held(ledger).taken[:19].replace("T", " ")
    for part in (
        "run r1", "process 7 on other-host", f"since {taken}Z", f"last sign of life {taken}Z",
        "wait for it (--if-locked wait SECONDS), or end that process", "after 2 minutes of silence",
    ):  # fmt: skip
        assert part in str(caught.value)


def test_a_later_process_with_the_number_of_the_holder_is_not_taken_for_it(ledger):
    me = this_process("r1")
    earlier = f"{me.began.rpartition('/')[0]}/1"
    take_lock(ledger, "run", Holder(me.host, me.pid, earlier, "r0"))

    assert take_lock(ledger, "run", me).token == 2


@pytest.mark.parametrize(
    "began",
    [
        pytest.param("another-boot/pid:[4026531836]/17", id="another machine of the same name, or a boot before"),
        pytest.param("{boot}/pid:[1]/17", id="a container that bears the name of its host"),
        pytest.param("Sat Nov 21 22:40:17 2026", id="told in another way"),
        pytest.param(UNKNOWN, id="not told at all"),
    ],
)
@pytest.mark.parametrize("pid", [os.getpid(), 2**22 + 1], ids=["there", "cannot be there"])
def test_a_holder_that_cannot_be_seen_is_judged_by_its_silence_alone(ledger, began, pid):
    me = this_process("r1")
    take_lock(ledger, "run", Holder(me.host, pid, began.format(boot=me.began.split("/")[0]), "r0"))
    silent_for(ledger, SHORT)
    with pytest.raises(Locked):
        take_lock(ledger, "run", me)

    silent_for(ledger, LONG)
    assert take_lock(ledger, "run", me).token == 2


def test_who_cannot_tell_its_own_beginning_judges_nobody_by_theirs(ledger):
    me = this_process("r1")
    take_lock(ledger, "run", Holder(me.host, 2**22 + 1, me.began, "r0"))  # gone, if we could tell

    with pytest.raises(Locked):
        take_lock(ledger, "run", replace(me, began=UNKNOWN))


def test_a_holder_on_another_machine_is_dead_after_two_silent_minutes(ledger):
    take_lock(ledger, "run", ELSEWHERE)
    silent_for(ledger, SHORT)
    with pytest.raises(Locked):
        take_lock(ledger, "run", this_process("r2"))

    silent_for(ledger, LONG)
    assert take_lock(ledger, "run", this_process("r2")).token == 2


def test_a_holder_that_beats_stays_alive(ledger):
    lock = take_lock(ledger, "run", ELSEWHERE)
    silent_for(ledger, LONG)
    lock.beat()

    with pytest.raises(Locked):
        take_lock(ledger, "run", this_process("r2"))


def test_the_times_of_a_lock_are_those_of_the_database_whatever_the_clocks_of_its_hosts_say(ledger, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 0.0)  # a host that believes that it is 1970
    take_lock(ledger, "run", ELSEWHERE)

    now = held(ledger)

    assert now.taken == now.beat
    assert timedelta(0) <= now.silent < timedelta(minutes=1)


def test_a_holder_in_the_middle_of_a_long_transaction_lives_though_it_cannot_beat(postgres):
    url = postgres()
    ledger, theirs = Ledger.open(url), Ledger.open(url)
    lock = take_lock(theirs, "run", ELSEWHERE)
    silent_for(ledger, LONG)

    with theirs.writing(lock.fence), pytest.raises(Locked):
        take_lock(ledger, "run", this_process("r2"))

    assert take_lock(ledger, "run", this_process("r2")).token == 2
    for each in (ledger, theirs):
        each.close()


def test_the_server_takes_back_what_a_sleeping_host_holds(postgres):
    with closing(Ledger.open(postgres())) as ledger, ledger.database.reading() as access:
        assert access.one("SHOW idle_in_transaction_session_timeout") == ("2min",)


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/Santiago"])
def test_the_times_of_a_lock_are_utc_whatever_the_zone_and_the_style_of_the_server(postgres, zone):
    with server_of(postgres(), zone) as url, closing(Ledger.open(url)) as ledger:
        take_lock(ledger, "run", ELSEWHERE).beat()
        held = held_by(ledger, "run")
        assert held
        assert abs(datetime.fromisoformat(held.beat) - datetime.now(UTC)) < timedelta(minutes=1)
        assert abs(held.silent) < timedelta(minutes=1)
        assert held.taken.endswith("+00:00")


@contextmanager
def server_of(url, zone):
    name = make_url(url).database
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET timezone TO '{zone}'".encode())
        connection.execute(f"ALTER DATABASE {name} SET datestyle TO 'German'".encode())
        try:
            yield url
        finally:
            connection.execute(f"ALTER DATABASE {name} RESET ALL".encode())


def test_a_released_lock_is_free_and_its_token_grows(ledger):
    first = take_lock(ledger, "run", ELSEWHERE)
    first.release()
    assert held_by(ledger, "run") is None

    second = take_lock(ledger, "run", this_process("r2"))

    assert (first.token, second.token) == (1, 2)


def test_locks_of_other_names_do_not_matter(ledger):
    take_lock(ledger, "run", ELSEWHERE)

    assert take_lock(ledger, "other", this_process("r2")).token == 1


def test_who_lost_the_lock_can_neither_beat_nor_release_nor_write(ledger):
    old = take_lock(ledger, "run", ELSEWHERE)
    silent_for(ledger, LONG)
    new = take_lock(ledger, "run", this_process("r2"))
    row = RecordRow("m", 0, ("a",), "applied", None, None, 1, "", None, "r1")

    with pytest.raises(LockLost, match="the lock 'run' is no longer ours"):
        old.beat()
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
    assert process_began(os.getpid()) not in (None, UNKNOWN, process_began(1))
    assert process_began(gone.pid) is None


def test_without_proc_a_process_is_told_by_ps_and_without_ps_not_at_all(monkeypatch):
    if shutil.which("ps"):
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        assert told_by_ps(gone.pid) is None
        assert told_by_ps(os.getpid()) not in (None, UNKNOWN)

    monkeypatch.setenv("PATH", "")

    assert told_by_ps(os.getpid()) == UNKNOWN


def test_ps_tells_the_same_whatever_the_surroundings(monkeypatch):
    told = told_by_ps(os.getpid())
    monkeypatch.setenv("TZ", "Asia/Tokyo")

    assert told_by_ps(os.getpid()) == told


def test_a_new_ledger_that_another_process_is_just_making_is_waited_for(tmp_path):
    with closing(sqlite3.connect(tmp_path / "l.db", isolation_level=None, check_same_thread=False)) as theirs:
        theirs.execute("BEGIN IMMEDIATE")  # now SQLite refuses to change the journal mode, without waiting
        Timer(0.2, theirs.rollback).start()
        Ledger.open(f"sqlite:///{tmp_path}/l.db").close()
