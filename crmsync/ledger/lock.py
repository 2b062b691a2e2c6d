"""Who may run now?

One row a name, with a token that grows at every taking: what was written under an old token can be told, and
`Ledger.writing(lock.fence)` refuses to write under one. All times in it are those of the ledger's database, so that
the clocks of two hosts need not agree.
"""

from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from crmsync.ledger.database import Access, Shape
from crmsync.ledger.nouns import Holder, Locked, LockLost
from crmsync.ledger.store import Ledger

BEAT: Final = 15.0  # seconds between two signs of life
# A holder that we cannot look at is dead when it was silent for so long: eight beats, which is longer than a database
# takes to change over to its standby, and short enough that the next run of a cron job takes over.
SILENT: Final = timedelta(minutes=2)
UNKNOWN: Final = ""  # a process of which its machine does not tell when it began

_LOCK: Final = Shape(
    "crmsync_lock", ("name", "token", "held", "host", "pid", "began", "run", "taken", "beat", "repeats"), ("name",)
)


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that we hold. `repeats`: the last holder whose run ended died before it let go, so that whoever is told
    to run again repeats that run."""

    ledger: Ledger
    name: str
    token: int
    repeats: bool = False

    @property
    def fence(self) -> tuple[str, int]:
        return self.name, self.token

    def beat(self) -> None:
        """Shows other machines that we live: call it every `BEAT` seconds. Raises LockLost."""
        self._set("beat = {now}")

    def release(self) -> None:
        """Raises LockLost where it was taken over in between."""
        self._set("held = 0")

    def _set(self, what: str) -> None:
        with self.ledger.database.writing() as access:
            hit = access.run(
                f"UPDATE crmsync_lock SET {what} WHERE name = :name AND token = :token AND held = 1",
                name=self.name, token=self.token,
            )  # fmt: skip
        if not hit:
            raise LockLost(self.name)


@dataclass(frozen=True, slots=True)
class Held:
    """What the ledger says of a lock: its holder, dead or alive, and how long it has been silent. `busy`: the holder is
    in the middle of a transaction of the ledger, so it lives, however silent."""

    holder: Holder
    taken: str
    beat: str
    silent: timedelta
    busy: bool = False

    def dead(self, who: Holder) -> bool:
        """Is the holder gone, as far as `who` can tell? When in doubt it lives."""
        if self.busy:
            return False
        began = process_began(self.holder.pid) if _is_neighbour(self.holder, who) else UNKNOWN
        return self.silent > SILENT if began == UNKNOWN else began != self.holder.began

    def __str__(self) -> str:
        who = f"run {self.holder.run}, process {self.holder.pid} on {self.holder.host}"
        return f"held by {who}, since {_when(self.taken)} (last sign of life {_when(self.beat)})"


def take_lock(ledger: Ledger, name: str, who: Holder) -> Lock:
    """Of two takers at once exactly one gets it. Raises Locked while its holder lives."""
    with ledger.database.writing() as access:
        access.alone("crmsync lock")
        row = access.one("SELECT token, {now} FROM crmsync_lock WHERE name = :name", name=name)
        token, now = (row[0] + 1, row[1]) if row else (1, access.rows("SELECT {now}")[0][0])
        held = _held_or_busy(access, name)
        if held and not held.dead(who):
            raise Locked(_refusal(name, held, who), held.holder)
        repeats = held is not None and _had_ended(access, name, held.holder)
        access.upsert(_LOCK, [(name, token, 1, who.host, who.pid, who.began, who.run, now, now, int(repeats))])
    return Lock(ledger, name, token, repeats)


def _had_ended(access: Access, name: str, dead: Holder) -> bool:
    """Had it done all it had to do, or had the one before it, which it was to repeat?"""
    ended = access.one("SELECT 1 FROM crmsync_run WHERE id = :run AND ended IS NOT NULL", run=dead.run)
    inherited = access.one("SELECT repeats FROM crmsync_lock WHERE name = :name", name=name)
    return bool(ended or (inherited and inherited[0]))


def this_process(run: str) -> Holder:
    pid = os.getpid()
    return Holder(socket.gethostname(), pid, process_began(pid) or UNKNOWN, run)


def held_by(ledger: Ledger, name: str) -> Held | None:
    """Who holds the lock, dead or alive."""
    with ledger.database.reading() as access:
        return _held(access, name, "")


def process_began(pid: int) -> str | None:
    """A text that tells this process from any other that had or will have its number on this machine; UNKNOWN
    where the machine does not tell; None where there is no such process."""
    return _told_by_proc(pid) if Path("/proc/self/stat").exists() else told_by_ps(pid)


def told_by_ps(pid: int) -> str | None:
    """As `process_began`, where there is no /proc."""
    plain = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}  # two runs of other surroundings must be told the same
    try:
        told = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, env=plain
        )
    except OSError:
        return UNKNOWN
    return told.stdout.strip() or None


def _told_by_proc(pid: int) -> str | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return UNKNOWN if _hidden(pid) else None
    return None if fields[0] in "ZX" else f"{_numbering()}/{fields[19]}"  # a zombie works no more


def _numbering() -> str:
    """In what do the numbers of processes mean what they mean here? This boot of the machine, and its namespace: a
    container has its own, though it may bear its host's name."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"{os.getpid()} alone"  # like nobody else's: our process is judged by its silence


def _hidden(pid: int) -> bool:
    """There, but another user's on a machine that shows everyone only their own."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _is_neighbour(holder: Holder, who: Holder) -> bool:
    """Can `who` see whether this process lives? Two machines may have one name, and so may a container and its host:
    there the numbers of processes mean something else."""
    if holder.host != who.host or UNKNOWN in (holder.began, who.began):
        return False
    return holder.began.rpartition("/")[0] == who.began.rpartition("/")[0]


def _held_or_busy(access: Access, name: str) -> Held | None:
    """Whoever writes under the fence holds the row, and so no beat can be written meanwhile."""
    held = _held(access, name, " {free}")
    if held is None and (held := _held(access, name, "")):
        return replace(held, busy=True)
    return held


def _held(access: Access, name: str, hold: str) -> Held | None:
    sql = "SELECT host, pid, began, run, taken, beat, {now} FROM crmsync_lock WHERE name = :name AND held = 1"
    row = access.one(sql + hold, name=name)
    if row is None:
        return None
    *holder, taken, beat, now = row
    return Held(Holder(*holder), taken, beat, datetime.fromisoformat(now) - datetime.fromisoformat(beat))


def _refusal(name: str, held: Held, who: Holder) -> str:
    text = f"the lock {name!r} is {held}"
    if _is_neighbour(held.holder, who):
        return text
    minutes = int(SILENT.total_seconds() // 60)
    return f"{text}; it cannot be seen from here, and is taken for dead after {minutes} minutes of silence"


def _when(moment: str) -> str:
    """A time of the ledger as a person reads it, in UTC."""
    return f"{moment[:19].replace('T', ' ')}Z"
