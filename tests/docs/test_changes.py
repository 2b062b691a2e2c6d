"""Does docs/changes.md tell the level of every rule?"""

from __future__ import annotations

from crmsync.cli.diff import SEVERITY
from crmsync.core.change import CHANGES
from tests.docs.pages import code, rows

PAGE = "docs/changes.md"


def test_every_rule_of_a_change_is_listed_with_its_level_under_that_level() -> None:
    listed = rows(PAGE, "rule", "level", "means")
    assert {code(row.cells[0]): row.cells[1] for row in listed} == dict(CHANGES)
    assert {row.heading.lower() for row in listed} == set(SEVERITY)
    assert all(row.heading.lower() == row.cells[1] for row in listed)
    assert len(listed) == len(CHANGES)


def test_every_level_is_described_with_the_severity_that_it_has() -> None:
    listed = {row.cells[0]: row.cells[2] for row in rows(PAGE, "level", "is", "in `diff`", "the next runs")}
    assert listed == SEVERITY
