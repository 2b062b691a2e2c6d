"""How is a file replaced so that nobody ever sees half of one, and two writers never mix?"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from crmsync.connectors.base import Refused, Transient

PATIENCE: Final = 30.0  # seconds to wait for another writer
PAUSE: Final = 0.02


@contextmanager
def locked(path: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold `<file>.lock`. A writer that dies lets go of it: the lock is the system's, the file only its name."""
    lock = path.with_name(path.name + ".lock")
    handle = _take(lock, time.monotonic() + patience)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(handle)


def _take(lock: Path, until: float) -> int:
    try:
        import fcntl  # not on Windows
    except ModuleNotFoundError:
        raise Refused(f"{lock}: files can be written only where the system has POSIX locks") from None
    while True:
        handle = _opened(lock)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if lock.exists() and lock.stat().st_ino == os.fstat(handle).st_ino:
                return handle  # else the former holder has just taken the file away
        except BlockingIOError:
            if time.monotonic() > until:
                os.close(handle)
                raise Transient(f"{lock}: another process is writing; try again when it is done") from None
        except FileNotFoundError:
            pass
        os.close(handle)
        time.sleep(PAUSE)


def _opened(lock: Path) -> int:
    try:
        return os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise Refused(f"{lock}: cannot be written: {error.strerror}") from None


def replace_file(path: Path, content: bytes, seen: tuple[int, int]) -> None:
    """Put the content where the file is, all at once; its mode stays. `seen` is its stamp when it was read: raises
    `Transient` where somebody who knows no lock has changed it since."""
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with new.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        new.chmod(path.stat().st_mode)
        if stamp(path) != seen:
            raise Transient(f"{path}: somebody else changed the file while it was being written")
        new.replace(path)
        _settle(path.parent)
    finally:
        new.unlink(missing_ok=True)


def stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _settle(folder: Path) -> None:
    """The new name is on disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
