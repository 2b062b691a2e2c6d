"""What do all tests share? A PostgreSQL server, and how hard hypothesis tries."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, settings

from tests.systems import Databases, postgres_url

# A fixture of ours hands out something new at every call, so sharing it between examples is no danger.
CALM = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)

settings.register_profile(
    "ci", deadline=None, derandomize=True, max_examples=100, print_blob=True, suppress_health_check=CALM
)
settings.register_profile("dev", deadline=None, suppress_health_check=CALM)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """The PostgreSQL server of this test session, started when the first test asks for it."""
    with postgres_url() as url:
        yield Databases(url)


@pytest.fixture
def postgres(databases: Databases) -> Iterator[Callable[[], str]]:
    """Every call gives the SQLAlchemy URL of another empty PostgreSQL database, this test's own."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(databases.fresh())
