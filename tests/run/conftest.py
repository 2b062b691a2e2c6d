"""Where do worlds live that are made by the hundred, and who runs in them?"""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.run.bench import Bench
from tests.run.forge import Forge

MEMORY = Path("/dev/shm")


@pytest.fixture
def in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """On no disk: it is a process that dies in them, not the machine."""
    if MEMORY.is_dir():
        monkeypatch.setattr(tempfile, "tempdir", str(MEMORY))


@pytest.fixture(scope="session")
def forge() -> Iterator[Forge]:
    with closing(Forge()) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def any_ledger(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every world of the test remembers in SQLite, or every one in PostgreSQL."""
    if request.param == "postgresql":
        monkeypatch.setattr(Bench, "new_ledger", staticmethod(request.getfixturevalue("postgres")))
