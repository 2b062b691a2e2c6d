"""Who may run now?

One row a name, with a token that grows at every taking: what was written under an old token can be told, and
`Ledger.writing(lock.fence)` refuses to write under one.
"""

from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from crmsync.ledger.database import Shape
from crmsync.ledger.nouns import Holder, Locked, LockLost
from crmsync.ledger.store import Ledger

SILENT: Final = timedelta(minutes=10)  # a holder that we cannot look at is dead when it was silent for so long
UNKNOWN: Final = ""  # a process of which its machine does not tell when it began

_LOCK: Final = Shape(
    "crmsync_lock", ("name", "token", "held", "host", "pid", "began", "run", "taken", "beat"), ("name",)
)


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that we hold. Times are UTC ISO 8601 texts."""

    ledger: Ledger
    name: str
    token: int

    @property
    def fence(self) -> tuple[str, int]:
        return self.name, self.token

    def beat(self, now: str) -> None:
        """Shows other machines that we live: call it at least once a minute. Raises LockLost."""
        self._set("beat = :now", now=now)

    def release(self) -> None:
        """Raises LockLost where it was taken over in between."""
        self._set("held = 0")

    def _set(self, what: str, **values: str) -> None:
        with self.ledger.database.writing() as access:
            hit = access.run(
                f"UPDATE crmsync_lock SET {what} WHERE name = :name AND token = :token AND held = 1",
                name=self.name, token=self.token, **values,
            )  # fmt: skip
        if not hit:
            raise LockLost(self.name)


def take_lock(ledger: Ledger, name: str, who: Holder, now: str) -> Lock:
    """Of two takers at once exactly one gets it. Raises Locked while its holder lives."""
    with ledger.database.writing() as access:
        access.alone("crmsync lock")
        row = access.one(
            "SELECT token, held, host, pid, began, run, taken, beat FROM crmsync_lock WHERE name = :name", name=name
        )
        token = row[0] + 1 if row else 1
        if row and row[1]:
            _refuse_living(name, row, who, now)
        access.upsert(_LOCK, [(name, token, 1, who.host, who.pid, who.began, who.run, now, now)])
    return Lock(ledger, name, token)


def this_process(run: str) -> Holder:
    pid = os.getpid()
    return Holder(socket.gethostname(), pid, process_began(pid) or UNKNOWN, run)


def holder_of(ledger: Ledger, name: str) -> Holder | None:
    """Who holds the lock, dead or alive."""
    with ledger.database.reading() as access:
        row = access.one("SELECT host, pid, began, run FROM crmsync_lock WHERE name = :name AND held = 1", name=name)
    return Holder(*row) if row else None


def process_began(pid: int) -> str | None:
    """A text that tells this process from any other that had or will have its number on this machine; UNKNOWN
    where the machine does not tell; None where there is no such process."""
    return _told_by_proc(pid) if Path("/proc/self/stat").exists() else told_by_ps(pid)


def told_by_ps(pid: int) -> str | None:
    """As `process_began`, where there is no /proc."""
    try:
        told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    except OSError:
        return UNKNOWN
    return told.stdout.strip() or None


def _told_by_proc(pid: int) -> str | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return UNKNOWN if _hidden(pid) else None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return None if fields[0] in "ZX" else f"{boot}/{fields[19]}"  # a zombie works no more


def _hidden(pid: int) -> bool:
    """There, but another user's on a machine that shows everyone only their own."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _refuse_living(name: str, row: tuple[Any, ...], who: Holder, now: str) -> None:
    _, _, host, pid, began, run, taken, beat = row
    holder = Holder(host, pid, began, run)
    if not _dead(holder, beat, who, now):
        raise Locked(
            f"the lock {name!r} is held by run {run}, process {pid} on {host}, since {taken} "
            f"(last sign of life {beat}); wait for it, or end that process",
            holder,
        )


def _dead(holder: Holder, beat: str, who: Holder, now: str) -> bool:
    began = process_began(holder.pid) if holder.host == who.host else UNKNOWN
    if began is None:
        return True
    if UNKNOWN in (began, holder.began):
        return datetime.fromisoformat(now) - datetime.fromisoformat(beat) > SILENT
    return began != holder.began
