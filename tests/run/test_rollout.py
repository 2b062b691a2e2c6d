"""A rollout: the plan of those that are in is the plan that all would have; of the others nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from crmsync.core.plan.rollout import in_share
from tests.run.bench import ENTITY, Bench, Spec, buckets, mapping, plain

COLUMNS = "x TEXT, y TEXT, z TEXT, team TEXT, parent INTEGER"
FIELDS = {**plain("x"), **plain("y", "shared"), **plain("z", "pm"), **plain("team")}
on_both = pytest.mark.parametrize("kind", ["memory", "sqlite"])


def world(kind: str, **more: Any) -> Bench:
    spec = {"create": {"pm": "always"}, "delete": {"pm": "delete"}, **more}
    return Bench(mapping(FIELDS, **spec), columns=COLUMNS if kind == "sqlite" else None)


def with_rollout(rollout: Spec | None, **more: Any) -> Spec:
    spec: dict[str, Any] = {"create": {"pm": "always"}, "delete": {"pm": "delete"}, **more}
    return mapping(FIELDS, **spec, **({"rollout": rollout} if rollout else {}))


def inside(percent: Any, numbers: range, entity: str = "crm.thing") -> list[int]:
    return [n for n in numbers if in_share(Decimal(str(percent)), entity, (n,))]


def busy(bench: Bench) -> None:
    """Linked records, edited on one side or both, new ones, and some that are gone."""
    bench.put("crm", *({"id": n, "x": "a", "y": "a", "z": "a", "team": "east"} for n in range(1, 41)))
    bench.run()
    twins = [key[0] for key in bench.records("pm")]
    for n in range(1, 41, 3):
        bench.edit("crm", n, x=f"new {n}", y="crm says")
    for twin in twins[::4]:
        bench.edit("pm", twin, y="pm says", z="done")
    bench.put("crm", *({"id": n, "x": "b", "y": "b", "z": "b", "team": "west"} for n in range(41, 61)))
    bench.remove("crm", 7, 8)


def told(records: Mapping[Any, Mapping[str, Any]]) -> list[list[str]]:
    """What records say, whatever their keys."""
    return sorted([str(record.get(name)) for name in ("x", "y", "z", "team")] for record in records.values())


def anchor(line: Any) -> int:
    """The record of side 0 that a line is about."""
    if "keys" in line:
        return int(line["keys"][0][0])
    return int((line["key"] if line["side"] == 0 else line["source"])[0])


@on_both
@pytest.mark.parametrize("percent", [5, 33.3, 80])
def test_the_plan_of_a_share_is_that_part_of_the_whole_plan_which_is_about_it(kind: str, percent: float) -> None:
    with world(kind) as bench:
        busy(bench)
        _, everything = bench.plan()
        bench.change(with_rollout({"percent": percent}))
        report, lines = bench.plan()
        chosen = set(inside(percent, range(1, 61)))
        assert lines == [line for line in everything if anchor(line) in chosen]
        assert report.mappings["things"].read == (58, 40)
        bench.change(with_rollout({"percent": 100}))
        assert bench.plan()[1] == everything


@on_both
def test_growing_a_rollout_in_steps_ends_where_a_run_without_one_would(kind: str) -> None:
    with world(kind) as bench, world(kind) as other:
        busy(bench)
        busy(other)
        for percent in (5, 20, 60, 100):
            bench.change(with_rollout({"percent": percent}))
            bench.run()
        bench.run()
        other.run()
        other.run()
        for system in ("crm", "pm"):
            assert told(bench.records(system)) == told(other.records(system))


def test_who_is_not_in_is_out_of_scope_with_the_reason_and_nothing_is_linked() -> None:
    with world("memory", rollout={"percent": 20}) as bench:
        bench.put("crm", *({"id": n, "x": "a", "y": "a", "z": "a"} for n in range(1, 31)))
        report = bench.run()
        chosen = inside(20, range(1, 31))
        assert buckets(report.mappings["things"])[0] == {"applied": len(chosen), "out_of_scope": 30 - len(chosen)}
        assert bench.ledger.live_links("things") == len(chosen)
        other = next(n for n in range(1, 31) if n not in chosen)
        assert bench.ledger.states("things", 0, [(other,)])[(other,)].reason == "not in the rollout (20 %)"


def test_a_linked_pair_that_is_not_in_any_more_is_frozen_and_never_archived() -> None:
    archives = {name: {"thing": {**ENTITY, "archive": {"set": {"z": "archived"}}}} for name in ("crm", "pm")}
    spec = with_rollout(None, on_leave_scope="archive", scope={"crm": "team == 'east'"})
    with Bench(spec, entities=archives) as bench:
        bench.put("crm", *({"id": n, "x": "a", "y": "a", "z": "a", "team": "east"} for n in range(1, 21)))
        bench.run()
        before = bench.records("pm")
        bench.change(with_rollout({"percent": 0}, on_leave_scope="archive", scope={"crm": "team == 'east'"}))
        for n in range(1, 21):
            bench.edit("crm", n, x="new", team="west" if n % 2 else "east")
        bench.remove("crm", 3)
        for _ in range(3):
            assert bench.run().writes == 0
        assert bench.records("pm") == before
        assert bench.ledger.live_links("things") == 20
        link = bench.ledger.links("things", 0, [(4,)])[(4,)]
        assert link.base["x"].values == ("a", "a")


def test_a_selector_lets_in_whom_it_is_true_of_beside_the_share() -> None:
    with world("memory", rollout={"percent": 10, "crm": "team == 'pilot'"}) as bench:
        bench.put("crm", *({"id": n, "x": "a", "team": "pilot" if n < 4 else "east"} for n in range(1, 31)))
        bench.run()
        chosen = {1, 2, 3, *inside(10, range(1, 31))}
        assert len(bench.records("pm")) == len(chosen)
        bench.edit("crm", 1, team="east", x="new")
        assert bench.run().writes == (2 if 1 in inside(10, range(1, 31)) else 0)


def test_the_end_of_a_record_that_was_picked_is_carried_over_and_of_one_that_was_not_is_not() -> None:
    spec = with_rollout({"crm": "team == 'pilot'"})
    with Bench(with_rollout(None)) as bench:
        bench.put("crm", {"id": 1, "x": "a", "team": "pilot"}, *({"id": n, "x": "a", "team": "o"} for n in (2, 3, 4)))
        bench.run()
        bench.change(spec)
        bench.run()
        bench.remove("crm", 1, 2)
        for _ in range(3):
            bench.run()
        assert sorted(bench.values("pm", "team").values()) == ["o", "o", "o"]


def test_a_rejected_record_that_only_a_selector_could_let_in_is_told_of() -> None:
    schema = {"type": "object", "properties": {"team": {"type": "string"}}}
    with Bench(with_rollout({"crm": "team == 'pilot'"}), schemas={"crm.thing": schema}) as bench:
        bench.put("crm", {"id": 1, "x": "a", "team": 5})
        assert buckets(bench.run().mappings["things"]) == ({"rejected": 1}, {})


def test_children_go_with_the_rollout_of_their_parents() -> None:
    parents = mapping(plain("x"), create={"pm": "always"}, rollout={"percent": 30})
    between = {side: {"entity": "part", "contract": f"{side}.part@1"} for side in ("crm", "pm")}
    fields = {"parent": {"crm": "parent", "pm": "parent", "owner": "crm", "link": "things"}, **plain("x")}
    children = {**mapping(fields, between=between, create={"pm": "always"}), "mapping": "parts"}
    entities = {name: {"thing": ENTITY, "part": ENTITY} for name in ("crm", "pm")}
    open_to_all = {"crm.part": {"type": "object"}, "pm.part": {"type": "object"}}
    with Bench(parents, children, entities=entities, schemas=open_to_all) as bench:
        bench.put("crm", *({"id": n, "x": "a"} for n in range(1, 31)))
        bench.put("crm", *({"id": n, "parent": n, "x": "b"} for n in range(1, 31)), entity="part")
        bench.run()
        chosen = inside(30, range(1, 31))
        assert 0 < len(chosen) == len(bench.records("pm", "part")) < 30
        assert bench.run().writes == 0
        bench.change({**parents, "rollout": {"percent": 100}}, children)
        bench.run()
        assert len(bench.records("pm", "part")) == 30


@on_both
def test_what_is_not_in_yet_is_found_again_as_a_counterpart_when_it_is(kind: str) -> None:
    """A record that was left out is remembered, so that nobody gets a second one of it."""
    match = {"decide": ["x"]}
    spec = with_rollout({"percent": 0}, match=match)
    with Bench(spec, columns=COLUMNS if kind == "sqlite" else None) as bench:
        bench.put("pm", *({"id": 100 + n, "x": f"name {n}"} for n in range(5)))
        bench.run()
        bench.put("crm", *({"id": n, "x": f"name {n}"} for n in range(5)))
        assert bench.run("delta").writes == 0
        assert bench.ledger.live_links("things") == 0
        bench.change(with_rollout({"percent": 100}, match=match))
        bench.run()
        assert bench.ledger.live_links("things") == 5
        assert len(bench.records("pm")) == 5


def test_of_a_mapping_that_creates_both_ways_the_second_side_waits_for_the_whole() -> None:
    with world("memory", create={"crm": "always", "pm": "always"}, rollout={"percent": 50}) as bench:
        bench.put("pm", *({"id": n, "x": "a"} for n in range(1, 9)))
        assert buckets(bench.run().mappings["things"]) == ({}, {"out_of_scope": 8})
        assert bench.records("crm") == {}


def test_a_bigger_share_needs_a_batch_run_and_no_confirmation() -> None:
    with world("memory", rollout={"percent": 5}) as bench:
        busy(bench)
        bench.change(with_rollout({"percent": 20}))
        code, findings = bench.stopped(lambda: bench.run("delta"))
        assert (code, [each.rule for each in findings]) == (2, ["run/needs-batch"])
        bench.run()
        bench.run("delta")


@pytest.mark.parametrize("percent", [0, 35, 70])
def test_links_and_questions_of_a_share_are_those_of_the_whole_that_are_about_it(percent: int) -> None:
    """Two full systems that know nothing of each other: some records are the same, some may be, some are alone."""
    compare = {"x": {"as": "text", "weight": 0.5}, "y": {"as": "text", "weight": 0.5}}
    match = {"decide": ["z"], "compare": compare, "review_at": 0.3}
    fields = {**FIELDS, "z": {"crm": "z", "pm": "z", "owner": "crm"}}
    spec: dict[str, Any] = {"create": {"pm": "always"}, "match": match}
    with Bench(mapping(fields, **spec)) as bench:
        for n in range(1, 31):
            said = {"x": f"Závod {n} Košice", "y": f"ulica {n}", "z": f"{n:08}"}
            bench.put("crm", {"id": n, **said})
            if n % 3 == 0:
                bench.put("pm", {"id": 100 + n, **said})
            elif n % 3 == 1:
                bench.put("pm", {"id": 100 + n, "x": said["x"], "y": "inde"})
        bench.put("pm", *({"id": 500 + n, "x": f"Nikto {n}"} for n in range(5)))
        _, everything = bench.plan()
        assert {line["do"] for line in everything} == {"adopt", "create", "hold"}
        bench.change(mapping(fields, **spec, rollout={"percent": percent}))
        _, lines = bench.plan()
        chosen = set(inside(percent, range(1, 31)))
        assert lines == [line for line in everything if anchor(line) in chosen]
