"""A ledger on PostgreSQL remembers as one on SQLite does."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.run.small import Small

COMPANIES = [
    {"id": 1, "name": " Alfa  s.r.o. ", "type": "customer", "ids": {"code": "11"}, "tags": ["x"], "visits": 3},
    {"id": 2, "name": "Beta", "type": "prospect", "ids": {"code": None}},
    {"id": 3, "name": "Gama", "type": "customer", "ids": {"code": "33"}, "notes": "ours"},
    {"id": 4, "name": "", "type": "customer", "ids": {"code": "44"}},
    {"id": 5, "name": "Žltý kôň", "type": "customer", "ids": {"code": None}},
]


@pytest.fixture
def worlds(postgres: Callable[[], str]) -> Iterator[tuple[Small, Small]]:
    """The same systems twice, remembered by SQLite and by PostgreSQL."""
    with ExitStack() as stack:
        both = Small("sqlite"), Small("sqlite", postgres())
        for world in both:
            stack.callback(world.close)
            for company in COMPANIES:
                world.crm.put("company", company)
            world.pm.put("client", {"id": 70, "title": "GAMA", "code": "33", "phase": "planned", "notes": "theirs"})
            world.pm.put("client", {"id": 71, "title": "Zlty kon", "code": None, "phase": "planned"})
            world.crm.put("deal", {"id": 1, "company": 1, "number": 1, "title": "A", "done": False})
            world.crm.put("deal", {"id": 2, "company": 2, "number": 1, "title": "B", "done": False})
        yield both


def edit(world: Small) -> None:
    alfa = world.crm.records("company")[1,]
    world.crm.put("company", {**alfa, "name": "Alfa nova", "visits": 5, "tags": ["x", "y"]})
    gama = world.pm.records("client")[70,]
    world.pm.put("client", {**gama, "status": "won", "labels": ["z"]})
    world.crm.remove("company", (3,))


@pytest.mark.parametrize("then", ["delta", "batch"])
def test_the_same_runs_end_the_same(worlds: tuple[Small, Small], then: str) -> None:
    ends = []
    for world in worlds:
        reports = [world.run("batch").to_json()["mappings"]]
        assert world.run("batch").writes == 0
        edit(world)
        reports += [world.run(then).to_json()["mappings"] for _ in range(3)]
        reviews = [(each.kind, each.field, each.keys) for each in world.world.ledger.reviews()]
        letters = [(each.rule, each.key) for each in world.world.ledger.dead_letters()]
        ends.append((reports, reviews, letters, world.everything()))
    assert ends[0] == ends[1]
    assert ends[0][1]  # there was something to ask
    assert ends[0][2]  # and something to mend
