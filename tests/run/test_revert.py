"""A run is undone: exactly what it wrote and what still stands so, and nobody writes it again unasked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.core.audit import Fault
from crmsync.run.planfile import write_plan
from crmsync.run.prepared import Order
from crmsync.run.refs import find_ref
from crmsync.run.report import Report
from crmsync.run.session import Asked, new_run_id, planned
from crmsync.run.undo.revert import Wanted, revert, run_to_undo, undoing
from tests.run.bench import ENTITY, Bench, Record, mapping, plain
from tests.run.killing import everywhere, facts, killed_at

on_both = pytest.mark.parametrize("kind", ["memory", "sql"])
COLUMNS = "name TEXT, notes TEXT, status TEXT, visits INTEGER, active INTEGER, gone INTEGER"
FIELDS = {
    **plain("name", to_pm=["trim"]),
    **plain("notes", "shared"),
    **plain("status", "pm", seed="crm"),
    **plain("visits", "shared", merge="counter"),
}
CRM = {**ENTITY, "deleted": "gone == `1`"}
PM = {**ENTITY, "archive": {"set": {"active": 0}}}


def bench(kind: str = "memory", fields: Any = FIELDS, **more: Any) -> Bench:
    spec = mapping(fields, **{"create": {"pm": "always"}, "delete": {"pm": "archive"}, **more})
    entities = {"crm": {"thing": CRM}, "pm": {"thing": PM}}
    return Bench(spec, entities=entities, columns=COLUMNS if kind == "sql" else None)


def firm(n: int, **values: Any) -> Record:
    return {"id": n, "name": f"Firma {n}", "notes": "n", "status": "open", "visits": 1, "active": 1, "gone": 0} | values


def linked(kind: str = "memory", size: int = 6, **more: Any) -> Bench:
    """A world of some linked records, all in step; the record `n` of one side is `n` of the other one."""
    world = bench(kind, **more)
    world.put("crm", *(firm(n) for n in range(1, size + 1)))
    world.run()
    for n in range(1, size + 1):
        world.edit("pm", n, active=1)
    assert world.run().writes == 0
    return world


def last(world: Bench) -> str:
    return world.ledger.runs(1)[0].id


def undo(world: Bench, run: str | None = None, only: str | None = None, **more: Any) -> Report:
    ref = find_ref(world.world, only) if only else None
    return revert(world.world, Wanted(run or last(world), only=ref, **more), new_run_id())


def people_see(world: Bench, system: str) -> dict[Any, Record]:
    return {
        key: {name: value for name, value in record.items() if name != "updated"}
        for key, record in world.records(system).items()
    }


def ten_runs_change_nothing(world: Bench) -> None:
    before = people_see(world, "crm"), people_see(world, "pm")
    for number in range(10):
        assert world.run("delta" if number % 2 else "batch").writes == 0
    assert (people_see(world, "crm"), people_see(world, "pm")) == before


@on_both
@pytest.mark.usefixtures("any_ledger")
def test_of_a_run_that_people_have_half_edited_exactly_the_other_half_is_as_before(kind: str) -> None:
    with linked(kind) as world:
        for n in range(1, 7):
            world.edit("crm", n, name=f"Nová {n}", notes="new")
        world.edit("pm", 1, status="won")
        before = people_see(world, "pm")
        crm = people_see(world, "crm")
        assert world.run().writes == 7
        wrong = last(world)
        for n in (4, 5, 6):
            world.edit("pm", n, name=f"Von Hand {n}", visits=1)
        after = people_see(world, "pm")
        undone = undo(world, wrong)
        now = people_see(world, "pm")
        for n in (1, 2, 3):
            assert now[n,] == before[n,]
        for n in (4, 5, 6):
            assert now[n,] == {**after[n,], "notes": "n"}
        assert people_see(world, "crm") == crm
        stays = [(each.record, each.field, each.why, each.now) for each in undone.stays]
        assert stays == [(f"pm.thing/{n}", "name", "edited since", f"Von Hand {n}") for n in (4, 5, 6)]
        assert undone.exit == 3


@on_both
def test_what_was_restored_is_not_written_again_and_asks_a_person(kind: str) -> None:
    with linked(kind) as world:
        for n in (1, 2, 3):
            world.edit("crm", n, name=f"Nová {n}", notes="new")
        world.edit("crm", 1, visits=4)
        world.run()
        assert not undo(world).stays
        assert world.values("pm", "name") == {n: f"Firma {n}" for n in range(1, 7)}
        assert world.values("pm", "visits")[1] == 1
        ten_runs_change_nothing(world)
        asked = world.reviews()
        assert sorted({(each.kind, each.field) for each in asked}) == [
            ("reverted", "name"), ("reverted", "notes"), ("reverted", "visits"),
        ]  # fmt: skip
        assert len(asked) == 7
        report = world.run("delta")
        assert report.mappings["things"].buckets[1]["held"] == 3


def renamed(world: Bench, *numbers: int) -> str:
    for n in numbers:
        world.edit("crm", n, name=f"Nová {n}")
    world.run()
    return last(world)


@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_when_the_source_changes_again_it_is_written_again(mode: str) -> None:
    with linked() as world:
        world.edit("crm", 1, notes="new")
        undone = renamed(world, 1)
        undo(world, undone)
        world.edit("crm", 1, name="Tretia", notes="newer")
        assert world.run(mode).writes == 1
        assert (world.values("pm", "name")[1], world.values("pm", "notes")[1]) == ("Tretia", "newer")
        assert not world.reviews()


def test_what_was_restored_never_flows_to_the_owner_nor_to_the_other_side_of_a_shared_field() -> None:
    with linked() as world:
        world.edit("crm", 1, notes="new")
        undo(world, renamed(world, 1))
        world.write(lambda ledger: ledger.save_holds("things", [((1,), (1,))], [], "r", "2026-01-01"))  # nobody asks
        ten_runs_change_nothing(world)
        assert (world.values("crm", "name")[1], world.values("pm", "name")[1]) == ("Nová 1", "Firma 1")
        assert (world.values("crm", "notes")[1], world.values("pm", "notes")[1]) == ("new", "n")


def test_an_edit_of_what_was_restored_is_judged_as_ever() -> None:
    with linked() as world:
        world.edit("crm", 1, notes="new")
        undo(world, renamed(world, 1))
        world.edit("pm", 1, notes="theirs", name="Cudzia")
        world.run("delta")
        assert world.values("crm", "notes")[1] == "theirs"
        assert world.values("pm", "name")[1] == "Nová 1"  # a foreign edit: the owner's value goes


@pytest.mark.parametrize(("take", "name"), [(0, "Nová 1"), (1, "Firma 1"), ("value", "Od Evy")])
def test_a_person_says_what_becomes_of_what_was_restored(take: Any, name: str) -> None:
    with linked() as world:
        undo(world, renamed(world, 1))
        world.run()
        world.resolve(take, name)
        world.run("delta")
        assert world.values("pm", "name")[1] == name
        assert world.values("crm", "name")[1] == "Nová 1"
        assert not world.reviews()
        ten_runs_change_nothing(world)


@on_both
@pytest.mark.usefixtures("any_ledger")
def test_a_revert_that_is_reverted_leaves_all_as_the_run_had_left_it(kind: str) -> None:
    with linked(kind) as world:
        world.edit("crm", 1, visits=4, notes="new")
        world.put("crm", firm(9))
        wrong = renamed(world, 1, 2)
        world.edit("pm", 7, active=1)  # as its system fills it
        after = people_see(world, "crm"), people_see(world, "pm")
        undo(world, wrong)
        assert people_see(world, "pm") != after[1]
        again = undo(world)
        assert not again.stays
        assert (people_see(world, "crm"), people_see(world, "pm")) == after
        assert world.run("delta").writes == 0
        assert not world.reviews()
        ten_runs_change_nothing(world)


@on_both
@pytest.mark.usefixtures("any_ledger")
def test_what_a_run_has_made_is_archived_and_never_made_again(kind: str) -> None:
    with linked(kind, match={"decide": ["name"]}) as world:
        world.put("crm", firm(7), firm(8))
        assert world.run().writes == 2
        wrong = last(world)
        world.edit("pm", 8, status="won")
        undone = undo(world, wrong)
        assert [(each.record, each.field) for each in undone.stays] == [("pm.thing/8", "status")]
        assert world.records("pm")[7,]["active"] == 0
        assert world.run().writes == 1  # the status that somebody has set
        for mode in ("batch", "delta"):
            world.edit("crm", 7, notes=mode)
            report = world.run(mode)
            assert report.writes == 0
        world.write(lambda ledger: ledger.split("things", [((7,), (7,))], "eva", "2026-01-01"))
        assert world.run().writes == 0
        assert len(world.records("pm")) == 8
        assert [each.why for each in world.ledger.exclusions("things")] == ["reverted"]


def test_a_record_that_cannot_be_archived_is_deleted_only_if_that_is_said() -> None:
    spec = mapping(plain("name"), create={"pm": "always"})
    with Bench(spec) as world:
        world.put("crm", {"id": 1, "name": "a"})
        world.run()
        wrong = last(world)
        (stay,) = undo(world, wrong).stays
        assert "declares no archive" in stay.why
        assert len(world.records("pm")) == 1
        assert undo(world, wrong, deletes=True).exit == 0
        assert not world.records("pm")
        assert world.run().writes == 0
        (stay,) = undo(world, next(run.id for run in world.ledger.runs(9) if run.mode == "revert")).stays
        assert stay.why == "was deleted, which cannot be undone"


@on_both
@pytest.mark.usefixtures("any_ledger")
def test_what_a_run_has_archived_is_restored_and_linked_again_once_its_counterpart_is_back(kind: str) -> None:
    with linked(kind) as world:
        lost = {n: world.records("crm")[n,] for n in (1, 2)}
        world.edit("crm", 1, gone=1)
        world.edit("crm", 2, gone=1)
        assert world.run().writes == 2
        wrong = last(world)
        world.edit("crm", 1, **{name: lost[1][name] for name in ("name", "gone")})
        assert not undo(world, wrong).stays
        assert [world.records("pm")[n,]["active"] for n in (1, 2)] == [1, 1]
        links = world.ledger.links("things", 0, [(1,), (2,)])
        assert {key: link.state for key, link in links.items()} == {(1,): "live", (2,): "gone"}
        ten_runs_change_nothing(world)
        world.edit("crm", 1, name="Zase tu")
        world.run("delta")
        assert world.values("pm", "name")[1] == "Zase tu"


@pytest.mark.parametrize("kind", ["memory", "sql"])
def test_killed_at_any_effect_and_said_again_a_revert_ends_the_same(kind: str, in_memory: None) -> None:
    def story() -> Bench:
        world = linked(kind, 3)
        world.edit("crm", 1, visits=4, notes="new")
        world.edit("crm", 3, gone=1)
        world.put("crm", firm(9))
        renamed(world, 1, 2)
        world.edit("crm", 3, gone=0)
        return world

    def reverted(world: Bench) -> None:
        runs = [run for run in world.ledger.runs(20) if run.mode == "batch"]
        undo(world, runs[0].id)

    def and_run(world: Bench) -> None:
        reverted(world)
        world.run("delta")

    with story() as world:
        and_run(world)
        expected = facts(world)
    points = 0
    for world, killer in everywhere(story, reverted):
        reverted(world)
        world.run("delta")
        assert facts(world) == expected, killer.effects
        points += 1
    assert points > 8


def test_two_mappings_that_wrote_to_one_record_are_undone_together() -> None:
    by_code = {"match": {"decide": ["code"]}}
    first = mapping({**plain("name"), **plain("code")}, create={"pm": "always"}, **by_code)
    second = mapping(
        {**plain("notes"), "code": {"crm": "code", "pm": "code || ''", "owner": "pm"}}, mapping="notes", **by_code
    )
    with Bench(first, second) as world:
        world.put("crm", {"id": 1, "name": "a", "notes": "n", "code": "C1"})
        world.run()
        world.run()
        world.edit("crm", 1, name="b", notes="m")
        assert world.run().writes == 2
        undone = undo(world)
        assert undone.writes == 2
        assert not undone.stays
        record = world.records("pm")[1,]
        assert (record["name"], record["notes"]) == ("a", "n")


def test_fields_of_a_group_go_back_together_or_not_at_all() -> None:
    money = {**plain("amount", "shared", group="money"), **plain("currency", "shared", group="money")}
    with Bench(mapping({**plain("name"), **money}, create={"pm": "always"})) as world:
        world.put("crm", *({"id": n, "name": "a", "amount": 10, "currency": "EUR"} for n in (1, 2, 3)))
        world.run()
        world.edit("crm", 1, name="b", amount=20, currency="USD")
        world.edit("crm", 2, name="b", amount=20, currency="USD")
        world.edit("crm", 3, name="b", amount=20)
        world.run()
        wrong = last(world)
        world.edit("pm", 1, amount=99)
        world.edit("pm", 3, currency="USD")
        stays = {(each.record, each.field): each.why for each in undo(world, wrong).stays}
        whole = "group money goes back as a whole, and another field of it stays"
        assert stays == {
            ("pm.thing/1", "amount"): "edited since",
            ("pm.thing/1", "currency"): whole,
            ("pm.thing/3", "amount"): whole,
        }
        assert world.values("pm", "amount") == {1: 99, 2: 10, 3: 20}
        assert world.values("pm", "currency") == {1: "USD", 2: "EUR", 3: "USD"}
        assert set(world.values("pm", "name").values()) == {"a"}


MONEY = {**plain("amount", group="money"), **plain("currency", group="money")}
SHARED_MONEY = {**plain("amount", "shared", group="money"), **plain("currency", "shared", group="money")}


def restored_money(fields: Any) -> Bench:
    """An amount and its currency, put back to 10 EUR in the project tool while the CRM says 20 USD."""
    world = Bench(mapping({**plain("name"), **fields}, create={"pm": "always"}))
    world.put("crm", {"id": 1, "name": "a", "amount": 10, "currency": "EUR"})
    world.run()
    world.edit("crm", 1, name="b", amount=20, currency="USD")
    world.run()
    undo(world)
    assert world.values("pm", "amount") == {1: 10}
    return world


def money(world: Bench, system: str) -> tuple[int, str]:
    (record,) = world.records(system).values()
    return record["amount"], record["currency"]


@pytest.mark.parametrize("mode", ["batch", "delta"])
@pytest.mark.parametrize("fields", [MONEY, SHARED_MONEY])
def test_a_group_that_was_restored_moves_as_one_when_its_source_changes_one_field_of_it(fields: Any, mode: str) -> None:
    with restored_money(fields) as world:
        world.edit("crm", 1, currency="CZK")
        world.run(mode)
        assert (money(world, "crm"), money(world, "pm")) == ((20, "CZK"), (20, "CZK"))
        assert [each.field for each in world.reviews()] == ["name"]
        ten_runs_change_nothing(world)


@pytest.mark.parametrize(("fields", "agreed"), [(MONEY, (20, "USD")), (SHARED_MONEY, (10, "PLN"))])
def test_a_group_that_was_restored_moves_as_one_when_its_target_changes_one_field_of_it(
    fields: Any, agreed: tuple[int, str]
) -> None:
    with restored_money(fields) as world:
        world.edit("pm", 1, currency="PLN")
        world.run()
        assert (money(world, "crm"), money(world, "pm")) == (agreed, agreed)
        assert [each.field for each in world.reviews()] == ["name"]


def test_a_group_of_which_each_side_changes_one_field_after_a_revert_is_a_conflict() -> None:
    with restored_money(SHARED_MONEY) as world:
        world.edit("crm", 1, amount=30)
        world.edit("pm", 1, currency="PLN")
        assert world.run().writes == 0
        assert sorted((each.kind, each.field) for each in world.reviews()) == [
            ("conflict", "amount"), ("conflict", "currency"), ("reverted", "name"),
        ]  # fmt: skip


def test_only_one_record_of_a_run_is_undone() -> None:
    with linked() as world:
        undo(world, renamed(world, 1, 2), only="crm.thing/2")
        assert (world.values("pm", "name")[1], world.values("pm", "name")[2]) == ("Nová 1", "Firma 2")


def test_of_a_pair_that_a_person_has_split_the_value_is_restored_and_nothing_is_asked() -> None:
    with linked() as world:
        wrong = renamed(world, 1)
        world.write(lambda ledger: ledger.split("things", [((1,), (1,))], "eva", "2026-01-01"))
        undo(world, wrong)
        assert world.values("pm", "name")[1] == "Firma 1"
        assert not world.reviews()


def test_what_the_contract_does_not_take_any_more_stays() -> None:
    strict = {"type": "object", "properties": {"name": {"minLength": 3}}}
    file = "schemas/pm/thing/1.0.0.json"
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    with Bench(mapping({**plain("name"), **plain("notes")}, create={"pm": "always"})) as world:
        world.put("crm", {"id": 1, "name": "a", "notes": "n"})
        world.run()
        world.edit("crm", 1, name="dlhšie", notes="m")
        world.run()
        wrong = last(world)
        world.change(files={file: {**dialect, **strict}})
        world.confirm()
        (stay,) = undo(world, wrong).stays
        assert (stay.record, stay.field) == ("pm.thing/1", "name")
        assert stay.why.startswith("the contract refuses what stood there before")
        assert world.values("pm", "notes")[1] == "n"


def test_other_questions_about_the_pair_stay_open() -> None:
    with linked() as world:
        wrong = renamed(world, 1)
        world.edit("crm", 1, notes="ours")
        world.edit("pm", 1, notes="theirs")
        world.run()
        undo(world, wrong)
        assert sorted(each.kind for each in world.reviews()) == ["conflict", "reverted"]


def test_too_big_a_revert_is_not_done_unasked() -> None:
    with linked(size=30, limits={"update": 5}) as world:
        for n in range(1, 11):
            world.edit("crm", n, name=f"Nová {n}")
        world.apply(world.save(), update=10)
        wrong = last(world)
        code, findings = world.stopped(lambda: undo(world, wrong))
        assert (code, findings[0].rule) == (4, "limits/update")
        assert ".crmsync/plans" in findings[0].mend
        assert undo(world, wrong, allow={"update": 10}).writes == 10


def test_the_plan_that_a_person_has_seen_is_done_or_none() -> None:
    with linked() as world:
        wanted = Wanted(renamed(world, 1, 2))
        with undoing(world.world, wanted, "look") as plan:
            digest = plan.report.digest
        world.edit("pm", 2, name="Von Hand")
        code, findings = world.stopped(lambda: revert(world.world, wanted, new_run_id(), digest))
        assert (code, findings[0].rule) == (5, "plan/drift")
        assert world.values("pm", "name")[1] == "Nová 1"


@pytest.mark.parametrize("on_drift", ["abort", "skip"])
def test_a_plan_file_that_undoes_a_run_is_applied_as_any_other(on_drift: str) -> None:
    with linked() as world:
        world.put("crm", firm(9))
        wanted = Wanted(renamed(world, 1, 2))
        with undoing(world.world, wanted, "look") as plan:
            write_plan(world.root / "undo", world.world, plan.prepared, plan.report, plan.asked, redact=False)
        if on_drift == "skip":
            world.edit("pm", 2, name="Von Hand")
        world.apply(world.root / "undo", on_drift)
        assert world.values("pm", "name")[1] == "Firma 1"
        assert world.values("pm", "name")[2] == ("Von Hand" if on_drift == "skip" else "Firma 2")
        assert world.records("pm")[7,]["active"] == 0
        ten = world.run("delta")
        assert ten.writes == (1 if on_drift == "skip" else 0)  # the foreign edit of 2


def test_what_is_about_people_is_masked_in_what_stays() -> None:
    schemas = {"pm.thing": {"type": "object", "properties": {"name": {"type": "string", "x-pii": True}}}}
    with Bench(mapping(plain("name"), create={"pm": "always"}), schemas=schemas) as world:
        world.put("crm", {"id": 1, "name": "a"})
        world.run()
        world.edit("crm", 1, name="b")
        world.run()
        wrong = last(world)
        world.edit("pm", 1, name="Ján Tajný")
        assert [each.now for each in undo(world, wrong).stays] == ["***"]
        assert [each.now for each in undo(world, wrong, show_pii=True).stays] == ["Ján Tajný"]


def test_a_run_that_is_not_there_or_has_not_ended_is_not_undone() -> None:
    with linked() as world:
        code, findings = world.stopped(lambda: undo(world, "nobody"))
        assert (code, findings[0].rule) == (2, "usage/no-run")
        killed_at(world, 4, lambda: renamed(world, 1))
        code, findings = world.stopped(lambda: run_to_undo(world.world, "last"))
        assert (code, findings[0].rule) == (2, "usage/not-ended")
        assert findings[0].mend.endswith(": crmsync run")


def test_after_a_revert_that_was_killed_it_is_said_how_it_is_taken_up() -> None:
    with linked() as world:
        wrong = renamed(world, 1, 2)
        killed_at(world, 4, lambda: undo(world, wrong))
        _, findings = world.stopped(lambda: run_to_undo(world.world, "last"))
        assert f"which undoes run {wrong}, has not ended" in findings[0].message
        assert findings[0].mend.endswith(f": crmsync revert --run {wrong}")
        undo(world, wrong)
        assert world.values("pm", "name")[1] == "Firma 1"


def test_of_a_run_that_only_linked_its_links_are_told() -> None:
    with bench(match={"decide": ["name"]}) as world:
        for system in ("crm", "pm"):
            world.put(system, firm(1), firm(2))
        assert (world.run().writes, world.run().writes) == (0, 0)
        first = world.ledger.runs(2)[1].id
        (stay,) = undo(world, first).stays
        assert stay.why == "2 links that it made, and nothing else; crmsync link split REF ends one"
        assert not undo(world, last(world)).stays  # the second run did nothing at all


def test_of_a_record_that_the_run_never_wrote_that_is_said() -> None:
    with linked() as world:
        wrong = renamed(world, 1, 2)
        code, findings = world.stopped(lambda: undo(world, wrong, only="crm.thing/3"))
        assert (code, findings[0].rule) == (2, "usage/not-written")
        assert findings[0].message == f"run {wrong} wrote nothing to crm.thing/3, nor to what it is linked with"
        undo(world, wrong, only="crm.thing/1")
        assert undo(world, wrong, only="pm.thing/1").writes == 0  # said twice it is no mistake


def test_a_mapping_that_the_project_has_no_more_is_told() -> None:
    with linked() as world:
        wrong = renamed(world, 1, 2)
        (world.root / "mappings" / "things.yaml").unlink()
        world.change(mapping(plain("name"), mapping="others"))
        (stay,) = undo(world, wrong).stays
        assert "2 writes of mapping things" in stay.why


def test_a_redacted_plan_hides_what_a_record_said_before_and_what_was_sent() -> None:
    people = {"properties": {name: {"x-pii": True} for name in ("name", "active")}}
    entities = {"crm": {"thing": CRM}, "pm": {"thing": PM}}
    spec = mapping(FIELDS, create={"pm": "always"}, delete={"pm": "archive"})
    with Bench(spec, entities=entities, schemas={"pm.thing": {"type": "object", **people}}) as world:
        world.put("crm", firm(1, name="Ján Tajný"), firm(2))
        world.run()
        world.edit("pm", 2, active="Mária Tajná")
        world.edit("crm", 1, name="Eva Tajná")
        world.run()
        with undoing(world.world, Wanted(last(world)), "look") as plan:
            write_plan(world.root / "undo", world.world, plan.prepared, plan.report, plan.asked, redact=True)
        world.edit("crm", 2, gone=1)
        with planned(world.world, Asked((), Order()), "look") as (prepared, report):
            write_plan(world.root / "plan", world.world, prepared, report, Asked(()), redact=True)
        for name in ("undo", "plan"):
            text = (world.root / name).read_text("utf-8")
            assert "***" in text
            assert "Tajn" not in text


@pytest.mark.parametrize("by_file", [False, True])
def test_the_audit_tells_who_has_undone_which_run(by_file: bool) -> None:
    with linked() as world:
        wanted = Wanted(renamed(world, 1))
        if by_file:
            with undoing(world.world, wanted, "look") as plan:
                write_plan(world.root / "undo", world.world, plan.prepared, plan.report, plan.asked, redact=False)
            world.apply(world.root / "undo")
        else:
            revert(world.world, wanted, new_run_id())
        rows = [row for page in world.ledger.audit(run=last(world)) for row in page]
        assert [row.event for row in rows] == ["revert", "update"]
        assert wanted.run in (rows[0].told or "")
        assert not isinstance(world.ledger.verify_audit(), Fault)


def test_a_parent_and_its_child_that_a_run_has_made_are_taken_back_together() -> None:
    entities: Any = {"crm": {"thing": CRM}, "pm": {"thing": PM}}
    with Bench(
        mapping({**plain("name"), **plain("parent", link="things")}, create={"pm": "always"}), entities=entities
    ) as world:
        world.put("crm", {"id": 1, "name": "a", "parent": None}, {"id": 2, "name": "b", "parent": 1})
        world.run()
        assert not undo(world).stays
        assert [record["active"] for record in world.records("pm").values()] == [0, 0]
        ten_runs_change_nothing(world)


@on_both
def test_a_counter_loses_what_the_run_added_and_keeps_what_people_have_counted_since(kind: str) -> None:
    with linked(kind) as world:
        world.edit("crm", 1, visits=4)
        world.run()
        wrong = last(world)  # 1 -> 4 in pm
        world.edit("pm", 1, visits=6)
        (stays,) = undo(world, wrong).stays
        assert (stays.field, stays.now) == ("visits", 6)
        assert "a run makes that so" in stays.why
        world.run()
        world.edit("crm", 1, visits=7)
        world.run("delta")
        assert (world.values("crm", "visits")[1], world.values("pm", "visits")[1]) == (7, 7)
        report = undo(world, wrong)
        assert (report.stays, report.writes) == ((), 1)
        assert (world.values("crm", "visits")[1], world.values("pm", "visits")[1]) == (7, 4)
        ten_runs_change_nothing(world)
        again = undo(world, wrong)
        assert (again.writes, again.stays) == (0, ())
        world.edit("pm", 1, visits=5)
        world.run()
        world.edit("crm", 1, visits=10)
        world.run("delta")
        assert (world.values("crm", "visits")[1], world.values("pm", "visits")[1]) == (10, 7)
        assert undo(world, report.run).writes == 1
        assert (world.values("crm", "visits")[1], world.values("pm", "visits")[1]) == (10, 10)
        ten_runs_change_nothing(world)


def test_who_counts_between_the_plan_and_the_write_is_not_overwritten() -> None:
    with linked() as world:
        world.edit("crm", 1, visits=4)
        world.run()
        file = world.root / "undo.jsonl"
        with undoing(world.world, Wanted(last(world)), new_run_id()) as found:
            write_plan(file, world.world, found.prepared, found.report, found.asked, redact=False)
        world.edit("pm", 1, visits=5)
        assert world.stopped(lambda: world.apply(file))[0] == 5
        assert world.values("pm", "visits")[1] == 5


VALUES = st.sampled_from([None, "", "a", "Žltý kôň", " b "])
EDITS = st.dictionaries(st.tuples(st.integers(1, 4), st.sampled_from(["name", "notes"])), VALUES, max_size=6)


@settings(max_examples=40, deadline=None)
@given(EDITS, EDITS)
def test_exactly_what_a_run_wrote_and_nobody_has_touched_since_is_as_before(news: Any, edits: Any) -> None:
    with linked(size=4, create={"pm": "always"}) as world:
        for (n, name), value in news.items():
            world.edit("crm", n, **{name: value})
        before = people_see(world, "pm")
        wrote = world.run().writes
        after = people_see(world, "pm")
        wrong = last(world)
        for (n, name), value in edits.items():
            world.edit("pm", n, **{name: value})
        now = people_see(world, "pm")
        report = undo(world, wrong) if wrote else None
        expected = {
            key: {
                name: before[key][name] if value == after[key][name] and name != "updated" else value
                for name, value in record.items()
            }
            for key, record in now.items()
        }
        assert people_see(world, "pm") == expected
        if report:
            assert undo(world, wrong).writes == 0
            if report.writes:
                undo(world, report.run)
                assert people_see(world, "pm") == now
