"""A record that a person wants left alone is left alone, whatever it says and wherever it goes."""

from __future__ import annotations

from typing import Any

import pytest

from crmsync.core.model import Hold
from crmsync.run.refs import find_ref
from crmsync.run.undo.exclude import exclude, include
from tests.run.bench import ENTITY, Bench, buckets, mapping, plain

on_both = pytest.mark.parametrize("kind", ["memory", "sql"])
modes = pytest.mark.parametrize("mode", ["batch", "delta"])
FIELDS = {**plain("name"), **plain("notes", "shared"), **plain("code")}
MATCH = {"decide": ["code"], "compare": {"name": {"as": "company", "weight": 1}}}
COLUMNS = "name TEXT, notes TEXT, code TEXT, active INTEGER, gone INTEGER"


def linked(kind: str = "memory", **more: Any) -> Bench:
    spec = mapping(FIELDS, **{"create": {"pm": "always"}, "delete": {"pm": "delete", "crm": "delete"}, **more})
    entities: dict[str, Any] = {"crm": {"thing": {**ENTITY, "deleted": "gone == `1`"}}, "pm": {"thing": ENTITY}}
    world = Bench(spec, entities=entities, columns=COLUMNS if kind == "sql" else None)
    world.put("crm", *({"id": n, "name": f"Žltý kôň {n}", "notes": "n", "code": f"C{n}"} for n in (1, 2, 3)))
    world.run()
    world.run()
    return world


def leave_alone(world: Bench, *refs: str) -> None:
    for ref in refs:
        exclude(world.world, [find_ref(world.world, ref)], world.world.project.mappings, "eva")


def take_up(world: Bench, ref: str) -> None:
    include(world.world, [find_ref(world.world, ref)], world.world.project.mappings, "eva")


@on_both
@modes
@pytest.mark.parametrize("ref", ["crm.thing/1", "pm.thing/1"])
def test_nothing_is_written_to_either_record_of_the_pair(kind: str, mode: str, ref: str) -> None:
    with linked(kind) as world:
        leave_alone(world, ref)
        world.edit("crm", 1, name="Nová", notes="a")
        world.edit("pm", 1, notes="b")
        world.edit("crm", 2, name="Druhá")
        report = world.run(mode)
        assert report.writes == 1
        assert all(side["out_of_scope"] == 1 for side in buckets(report.mappings["things"]))
        assert world.values("pm", "name")[1] == "Žltý kôň 1"
        assert not world.reviews()


@on_both
@modes
@pytest.mark.usefixtures("any_ledger")
def test_once_it_is_included_again_what_has_changed_meanwhile_is_written(kind: str, mode: str) -> None:
    with linked(kind) as world:
        leave_alone(world, "crm.thing/1")
        world.edit("crm", 1, name="Nová")
        world.run(mode)
        take_up(world, "crm.thing/1")
        assert world.run(mode).writes == 1
        assert world.values("pm", "name")[1] == "Nová"
        assert not world.ledger.exclusions("things")


@on_both
@pytest.mark.parametrize("system", ["crm", "pm"])
@pytest.mark.parametrize("first", [False, True])
def test_an_excluded_record_that_is_gone_takes_nobody_with_it(kind: str, system: str, first: bool) -> None:
    with linked(kind) as world:
        if first:  # it was missing from a listing before that was said
            world.remove(system, 1)
            world.run()
        leave_alone(world, f"{system}.thing/1")
        if not first:
            world.remove(system, 1)
        for mode in ("batch", "delta", "batch", "batch"):
            assert world.run(mode).writes == 0
        assert (1,) in world.records("pm" if system == "crm" else "crm")


def test_a_tombstone_of_an_excluded_record_takes_nobody_with_it() -> None:
    with linked() as world:
        leave_alone(world, "crm.thing/1")
        world.edit("crm", 1, gone=1)
        for _ in range(3):
            assert world.run().writes == 0
        assert (1,) in world.records("pm")


@modes
def test_an_unlinked_record_that_is_excluded_gets_no_counterpart_and_is_nobody_s_candidate(mode: str) -> None:
    with linked(match=MATCH) as world:
        world.put("crm", {"id": 7, "name": "Sama", "code": "C7"})
        leave_alone(world, "crm.thing/7")
        assert world.run(mode).writes == 0
        world.put("pm", {"id": 70, "name": "Sama", "code": "C7"})
        report = world.run(mode)
        assert (report.writes, report.mappings["things"].links) == (0, 0)
        assert not world.reviews()
        take_up(world, "crm.thing/7")
        assert world.run(mode).mappings["things"].links == 1


def test_who_was_remembered_as_a_candidate_is_none_any_more() -> None:
    with linked(match=MATCH, create={"pm": "never"}) as world:
        world.put("crm", {"id": 7, "name": "Sama", "code": "C7"})
        world.run()
        leave_alone(world, "crm.thing/7")
        world.put("pm", {"id": 70, "name": "Sama", "code": "C7"})
        assert world.run("delta").mappings["things"].links == 0


def test_an_excluded_record_is_nobody_s_twin() -> None:
    twins = {"decide": ["code"], "compare": {"name": {"as": "company"}}}
    with linked(match=twins) as world:
        leave_alone(world, "crm.thing/1")
        world.put("crm", {"id": 9, "name": "Žltý kôň 1", "code": "C1"})
        world.run("delta")
        assert not [review for review in world.reviews() if review.kind == "duplicate"]


@pytest.mark.usefixtures("any_ledger")
def test_what_was_asked_about_it_ends_at_once() -> None:
    with linked() as world:
        world.edit("crm", 1, notes="a")
        world.edit("pm", 1, notes="b")
        world.run()
        assert len(world.reviews()) == 1
        leave_alone(world, "pm.thing/1")
        assert not world.reviews()
        world.run()
        assert not world.reviews()


def test_its_dead_letter_is_closed() -> None:
    schemas = {"crm.thing": {"type": "object", "properties": {"name": {"type": ["string", "null"]}}}}
    with Bench(mapping(plain("name"), create={"pm": "always"}), schemas=schemas) as world:
        world.put("crm", {"id": 1, "name": 7})
        world.run()
        assert len(world.letters()) == 1
        leave_alone(world, "crm.thing/1")
        assert not world.letters()
        assert world.run().exit == 0


def test_what_was_sent_and_never_answered_stays_asked() -> None:
    hold = "unknown-outcome"
    with linked() as world:
        world.write(
            lambda ledger: ledger.ask("things", [_hold(hold)], "r", "2026-01-01T00:00:00+00:00"),
        )
        leave_alone(world, "crm.thing/3")
        assert [review.kind for review in world.reviews()] == [hold]


def _hold(kind: str) -> Any:
    return Hold("things", ((3,), None), kind, "", (None, None), (None, None), "was it made?")


def test_a_mapping_that_is_not_meant_goes_on() -> None:
    other = mapping({**plain("notes", "crm"), **plain("code")}, mapping="other", match={"decide": ["code"]})
    first = mapping({**plain("name")}, create={"pm": "always"})
    with Bench({**first, "match": {"decide": ["name"]}}, other) as world:
        world.put("crm", {"id": 1, "name": "a", "notes": "n", "code": "C"})
        world.put("pm", {"id": 1, "name": "a", "notes": "m", "code": "C"})
        world.run()
        exclude(world.world, [find_ref(world.world, "crm.thing/1")], [world.world.project.mapping("things")], "eva")
        world.edit("crm", 1, name="b", notes="later")
        assert world.run().writes == 1
        assert (world.values("pm", "name")[1], world.values("pm", "notes")[1]) == ("a", "later")


def test_nobody_is_excluded_who_is_not_there_and_nobody_included_who_was_not_excluded() -> None:
    with linked() as world:
        code, findings = world.stopped(lambda: leave_alone(world, "crm.thing/99"))
        assert (code, findings[0].rule) == (2, "usage/no-record")
        code, findings = world.stopped(lambda: take_up(world, "crm.thing/1"))
        assert (code, findings[0].rule) == (2, "usage/not-excluded")
        world.write(lambda ledger: ledger.exclude("things", 0, [(2,)], "forgotten", "eva", "2026-01-01"))
        code, findings = world.stopped(lambda: take_up(world, "crm.thing/2"))
        assert (code, findings[0].rule) == (2, "usage/forgotten")


def test_of_several_records_all_are_left_alone_or_none() -> None:
    with linked() as world:
        mappings = world.world.project.mappings
        mine, nobody, free = (find_ref(world.world, f"crm.thing/{n}") for n in (1, 99, 2))
        code, findings = world.stopped(lambda: exclude(world.world, [mine, nobody], mappings, "eva"))
        assert (code, [each.rule for each in findings]) == (2, ["usage/no-record"])
        assert not world.ledger.exclusions("things")
        leave_alone(world, "crm.thing/1")
        code, findings = world.stopped(lambda: include(world.world, [mine, free], mappings, "eva"))
        assert (code, [each.rule for each in findings]) == (2, ["usage/not-excluded"])
        assert world.ledger.exclusions("things")
