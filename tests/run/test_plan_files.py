"""A plan file is done as it was written and for what it was written, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from crmsync.core.model import from_json, to_json
from tests.run.bench import Bench, mapping, plain

Change = Callable[[Any], object]


def bench(rows: int = 3) -> Bench:
    world = Bench(mapping(plain("x"), create={"pm": "always"}))
    for number in range(1, rows + 1):
        world.put("crm", {"id": number, "x": f"a{number}"})
    world.run()
    for number in range(1, rows + 1):
        world.edit("crm", number, x=f"b{number}")
    return world


CHANGES: dict[str, Change] = {
    "a line less in a section": lambda header: header["sections"][0].__setitem__(2, header["sections"][0][2] - 1),
    "no pins": lambda header: header.update(pins={"mappings": {}, "instances": {}, "ledger": None}),
    "no mappings": lambda header: header.update(mappings=[]),
    "an unknown mapping": lambda header: header["mappings"].append("nobody"),
    "an unknown section": lambda header: header["sections"].append(["nobody", 0, 1]),
    "more told": lambda header: header["read"]["things"].update(told=[{}, {"x": 900}]),
    "no mode": lambda header: header.pop("mode"),
    "pins of another kind": lambda header: header.update(pins=7),
    "no seal": lambda header: header.pop("seal"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_plan_whose_header_was_changed_is_refused_and_nothing_is_written(change: str) -> None:
    with bench() as world:
        plan = world.save()
        first, *lines = plan.read_bytes().splitlines(keepends=True)
        header = from_json(first)
        CHANGES[change](header)
        plan.write_bytes(b"".join([to_json(header) + b"\n", *lines]))
        before = world.everything()

        code, findings = world.stopped(lambda: world.apply(plan))

        assert (code, findings[0].rule) == (2, "plan/no-plan")
        assert world.everything() == before


def test_a_plan_of_another_ledger_is_refused_even_where_the_systems_have_no_name() -> None:
    with bench() as one, bench() as other:
        code, findings = other.stopped(lambda: other.apply(one.save()))

        assert (code, findings[0].rule) == (5, "plan/stale")
        assert "another ledger" in findings[0].message
        assert other.values("pm", "x") == {1: "a1", 2: "a2", 3: "a3"}


def test_a_plan_that_was_made_before_the_first_run_is_for_a_ledger_without_one() -> None:
    with Bench(mapping(plain("x"), create={"pm": "always"})) as world:
        world.put("crm", {"id": 1, "x": "a"})
        plan = world.save()
        assert world.apply(plan).writes == 1

        code, _ = world.stopped(lambda: world.apply(plan))

        assert code == 5


def test_of_many_records_that_moved_a_few_are_named() -> None:
    with bench(60) as world:
        plan = world.save()
        for number in range(1, 61):
            world.edit("crm", number, x="c")

        code, findings = world.stopped(lambda: world.apply(plan))

        assert (code, len(findings)) == (5, 21)
        assert findings[-1].message == "and 40 lines more are about records that moved"
