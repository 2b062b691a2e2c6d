"""A mapping in the shadow: it says what it would do, to the byte, and writes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from crmsync.core.model import from_json
from crmsync.ledger.nouns import JournalLine
from crmsync.run.shadow import shadowed
from crmsync.run.world import Stopped
from tests.run.bench import ENTITY, Bench, Spec, buckets, mapping, plain

COLUMNS = "x TEXT, y TEXT, z TEXT, parent INTEGER"
FIELDS = {**plain("x"), **plain("y", "shared"), **plain("z", "pm")}
on_both = pytest.mark.parametrize("kind", ["memory", "sqlite"])


def spec(*, shadow: bool, **more: Any) -> Spec:
    return mapping(FIELDS, create={"pm": "always"}, delete={"pm": "delete"}, shadow=shadow, **more)


def world(kind: str = "memory", *, shadow: bool = True, **more: Any) -> Bench:
    return Bench(spec(shadow=shadow, **more), columns=COLUMNS if kind == "sqlite" else None)


def fill(bench: Bench) -> None:
    """Two systems that were in step, some days later."""
    bench.change(spec(shadow=False))
    bench.put("crm", *({"id": n, "x": "a", "y": "a", "z": "a"} for n in range(1, 13)))
    bench.run()
    twins = sorted(bench.records("pm"))
    for n in (1, 2, 3):
        bench.edit("crm", n, x="Žofia")
    bench.edit("pm", twins[3][0], y="pm", z="pm")
    bench.edit("crm", 5, y="crm")
    bench.edit("pm", twins[4][0], y="pm")
    bench.put("crm", {"id": 20, "x": "new", "y": "new", "z": "new"})
    bench.remove("crm", 9)


def journal(bench: Bench, run: str) -> list[JournalLine]:
    return [line for page in bench.ledger.journal(run) for line in page]


@on_both
@pytest.mark.parametrize("mode", ["batch", "delta"])
@pytest.mark.usefixtures("any_ledger")
def test_the_lines_of_a_shadow_run_are_those_of_a_real_one_to_the_byte(kind: str, mode: str) -> None:
    with world(kind) as bench, world(kind) as beside:
        fill(bench)
        fill(beside)
        beside.change(spec(shadow=True))
        would, real = beside.run(mode), bench.run(mode)
        lines = (journal(beside, would.run), journal(bench, real.run))
        assert [(line.seq, line.line) for line in lines[0]] == [(line.seq, line.line) for line in lines[1]]
        assert {line.status for line in lines[0] if line.kind in ("create", "update", "delete")} == {"shadow"}
        shown, done = would.mappings["things"], real.mappings["things"]
        assert shown.shadow == done.actions
        assert would.digest == real.digest
        assert (would.writes, shown.open_holds) == (0, done.open_holds)


def test_nothing_is_written_to_any_system() -> None:
    """Neither of them would take a write: any one would be a dead letter, or stop the run."""
    with world("sqlite") as bench:
        fill(bench)
        bench.change(spec(shadow=True))
        for system in ("crm", "pm"):
            for event in ("INSERT", "UPDATE", "DELETE"):
                bench._sql(system, CLOSED.format(event=event), {})
        before = bench.records("crm"), bench.records("pm")
        for mode in ("batch", "delta", "batch"):
            assert bench.run(mode).mappings["things"].shadow != ({}, {})
        assert bench.apply(bench.save()).writes == 0
        assert (bench.records("crm"), bench.records("pm")) == before
        assert bench.letters() == []


CLOSED = "CREATE TRIGGER closed_{event} BEFORE {event} ON thing BEGIN SELECT raise(ABORT, 'closed'); END"


def test_what_would_be_written_waits_and_is_looked_at_again_by_every_run() -> None:
    with world() as bench:
        bench.put("crm", *({"id": n, "x": "a", "y": "a", "z": "a"} for n in (1, 2)))
        for mode in ("batch", "delta", "delta"):
            tally = bench.run(mode).mappings["things"]
            assert buckets(tally) == ({"waiting": 2}, {})
            assert tally.shadow == ({}, {"create": 2})
            assert [(why.bucket, why.rule, why.message) for why in tally.why] == [
                ("waiting", "shadow", "would be created")
            ]


def test_links_and_what_was_agreed_are_remembered_in_the_shadow_and_the_first_real_run_writes_the_rest() -> None:
    match = {"decide": ["x"]}
    with Bench(spec(shadow=True, match=match)) as bench:
        bench.put("crm", *({"id": n, "x": f"name {n}", "y": "a", "z": "a"} for n in range(4)))
        bench.put("pm", *({"id": 10 + n, "x": f"name {n}", "y": "a", "z": "a"} for n in range(3)))
        assert bench.run().mappings["things"].links == 3
        assert bench.ledger.links("things", 0, [(1,)])[(1,)].base["x"].values == ("name 1", "name 1")
        bench.put("pm", {"id": 99, "x": "name 3", "y": "a", "z": "a"})  # somebody does by hand what would be done
        assert bench.run("delta").mappings["things"].shadow == ({}, {})
        assert bench.ledger.live_links("things") == 4
        bench.edit("crm", 0, x="other")
        assert bench.run("delta").writes == 0
        bench.change(spec(shadow=False, match=match))
        assert bench.run("delta").writes == 1
        assert bench.values("pm", "x")[10] == "other"


def test_no_limit_stops_what_writes_nothing_but_the_summary_says_which_would_have() -> None:
    with world(limits={"create": 1}) as bench:
        bench.put("crm", *({"id": n, "x": "a"} for n in range(5)))
        tally = bench.run(first_load=False).mappings["things"]
        assert tally.warned["limits/create"] == 5


def test_the_first_load_after_a_shadow_is_still_a_first_load_and_the_next_one_is_not() -> None:
    match = {"decide": ["x"]}
    with world(match=match, limits={"create": 1}) as bench:
        bench.put("crm", *({"id": n, "x": f"name {n}"} for n in range(5)))
        bench.put("pm", {"id": 99, "x": "name 3"})
        for _ in range(2):
            bench.run(first_load=False)
        assert bench.ledger.live_links("things") == 1
        bench.change(spec(shadow=False, match=match, limits={"create": 1}))
        with pytest.raises(Stopped, match=r"limits\.create"):
            bench.run(first_load=False)
        assert bench.run(first_load=True).writes == 4
        bench.put("crm", *({"id": n, "x": f"name {n}"} for n in range(5, 8)))
        with pytest.raises(Stopped, match=r"limits\.create"):
            bench.run(first_load=True)


def test_a_mapping_that_has_written_has_no_first_load_after_a_shadow() -> None:
    with world(shadow=False, limits={"create": 1}) as bench:
        bench.put("crm", *({"id": n, "x": "a"} for n in range(5)))
        bench.run(first_load=True)
        bench.change(spec(shadow=True, limits={"create": 1}))
        bench.put("crm", *({"id": n, "x": "a"} for n in range(5, 8)))
        bench.run()
        bench.change(spec(shadow=False, limits={"create": 1}))
        with pytest.raises(Stopped, match=r"limits\.create"):
            bench.run(first_load=True)


def test_what_a_later_run_would_not_do_any_more_is_not_said_to_be_left_to_do() -> None:
    with world() as bench:
        bench.change(spec(shadow=False))
        bench.put("crm", *({"id": n, "x": "a", "y": "a", "z": "a"} for n in (1, 2, 3)))
        bench.run()
        bench.change(spec(shadow=True))
        bench.edit("crm", 1, x="b")
        bench.edit("crm", 2, x="b", y="b")
        bench.put("crm", {"id": 4, "x": "new"})
        first = bench.run().run
        bench.edit("crm", 1, x="a")
        bench.edit("crm", 2, y="a")
        bench.remove("crm", 4)
        for _ in range(2):
            bench.run()
        mappings = bench.world.project.mappings
        assert dict(shadowed(bench.world, mappings, None, 9)[0].counts) == {(1, "update", "not yet"): 1}
        told = shadowed(bench.world, mappings, first, 9)[0].counts
        assert dict(told) == {(1, "update", "not yet"): 3, (1, "create", "not yet"): 1}


LED = {"parent": {"crm": "parent", "pm": "parent", "owner": "crm", "link": "things"}}


def family(parents: Spec, **more: Any) -> Bench:
    """Things, and parts of them."""
    between = {side: {"entity": "part", "contract": f"{side}.part@1"} for side in ("crm", "pm")}
    children = mapping({**LED, **plain("x")}, between=between, create={"pm": "always"}, **more)
    entities = {name: {"thing": ENTITY, "part": ENTITY} for name in ("crm", "pm")}
    open_to_all = {"crm.part": {"type": "object"}, "pm.part": {"type": "object"}}
    return Bench(parents, {**children, "mapping": "parts"}, entities=entities, schemas=open_to_all)


def test_a_child_waits_for_a_parent_that_is_only_made_in_the_shadow() -> None:
    parents = mapping(plain("x"), create={"pm": "always"}, shadow=True)
    with family(parents) as bench:
        bench.put("crm", {"id": 1, "x": "a"})
        bench.put("crm", {"id": 1, "parent": 1, "x": "b"}, entity="part")
        assert buckets(bench.run().mappings["parts"]) == ({"waiting": 1}, {})
        bench.change({**parents, "shadow": False})
        assert bench.run().writes == 2


def test_a_child_that_people_make_beside_its_parent_is_found_although_no_run_has_linked_the_parent() -> None:
    parents = mapping(plain("x"), create={"pm": "always"}, match={"decide": ["x"]}, shadow=True)
    with family(parents, match={"decide": [["parent", "x"]]}, shadow=True) as bench:
        bench.put("crm", {"id": 1, "x": "a"}, {"id": 2, "x": "b"})
        bench.put("crm", *({"id": n, "parent": n, "x": "p"} for n in (1, 2)), entity="part")
        bench.run()
        bench.put("pm", {"id": 50, "x": "a"})
        bench.put("pm", {"id": 70, "parent": 50, "x": "p"}, entity="part")
        things, parts = shadowed(bench.world, bench.world.project.mappings, None, 9)
        assert dict(things.counts) == {(1, "create", "same"): 1, (1, "create", "not yet"): 1}
        assert dict(parts.counts) == {(1, "create", "same"): 1, (1, "create", "not yet"): 1}


def test_a_parent_that_people_have_made_is_compared_as_the_counterpart_of_its_own_record() -> None:
    """The keys of both sides overlap: 1 is the parent here, and another record's counterpart there."""
    match = {"decide": ["x"]}
    with Bench(spec_of_rows(match, shadow=True)) as bench:
        bench.put("crm", {"id": 1, "x": "mother"}, {"id": 2, "x": "child", "parent": 1}, {"id": 3, "x": "other"})
        bench.put("pm", {"id": 1, "x": "other"})
        bench.run()
        bench.put("pm", {"id": 8, "x": "mother"}, {"id": 9, "x": "child", "parent": 8})
        for _ in range(2):  # before a run has linked them, and after
            (told,) = shadowed(bench.world, bench.world.project.mappings, None, 9)
            assert dict(told.counts) == {(1, "create", "same"): 2}
            bench.run()


def spec_of_rows(match: Spec, *, shadow: bool) -> Spec:
    return mapping({**plain("x"), **LED}, create={"pm": "always"}, match=match, shadow=shadow)


def test_what_shadow_runs_did_says_nothing_of_what_is_usual() -> None:
    with world(limits={"create": 100}) as bench:
        bench.put("crm", *({"id": n, "x": "a"} for n in range(40)))
        for _ in range(6):
            bench.run()
        bench.change(spec(shadow=False, limits={"create": 100}))
        assert bench.run(first_load=False).writes == 40


def test_the_plan_of_a_shadow_says_the_same_as_its_run() -> None:
    with world() as bench:
        fill(bench)
        bench.change(spec(shadow=True))
        report, lines = bench.plan()
        again = bench.run()
        assert [from_json(line.line) for line in journal(bench, again.run)] == [
            line for line in lines if line["do"] != "hold"
        ]
        assert report.mappings["things"].buckets == again.mappings["things"].buckets
