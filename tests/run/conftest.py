"""Where do worlds live that are made by the hundred?"""

import tempfile
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")


@pytest.fixture
def in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """On no disk: it is a process that dies in them, not the machine."""
    if MEMORY.is_dir():
        monkeypatch.setattr(tempfile, "tempdir", str(MEMORY))
