"""What does a confirmed change do with what was agreed on?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from crmsync.ledger.writer import Writer
from crmsync.run.rebase import Rebase, rebase, show, to_confirm
from crmsync.run.session import new_run_id
from crmsync.run.world import Stopped
from tests.run.bench import Bench, Spec, buckets, dump
from tests.run.test_eras import BREAKING, FIELDS, things


@pytest.fixture
def synced() -> Iterator[Bench]:
    """Three linked pairs, alike but for a spelling of the project tool's."""
    with Bench(things()) as bench:
        for key, code in ((1, "A"), (2, "B"), (3, "C")):
            record = {"code": code, "name": f"n{key}", "notes": f"x{key}", "lead": "eva", "title": f"n{key}"}
            bench.put("crm", {"id": key, **record})
            bench.put("pm", {"id": 10 + key, **record})
        assert bench.run().exit == 0
        yield bench


def shown(bench: Bench) -> Any:
    return show(bench.world, to_confirm(bench.world, ()))


def only(bench: Bench) -> Rebase:
    (found,) = shown(bench).rebases
    return found  # type: ignore[no-any-return]  # of a plan for one mapping


def fates(found: Rebase) -> dict[str, tuple[int, int, int]]:
    return {name: (fate.kept, fate.new, fate.none) for name, fate in found.fields.items()}


def bases(bench: Bench) -> dict[Any, set[str]]:
    links = bench.ledger.links("things", 0, [(1,), (2,), (3,)])
    return {key[0]: set(link.base) for key, link in links.items()}


FLIPPED: Spec = BREAKING["owner"][1]
ELSEWHERE: Spec = BREAKING["path"][1]


def test_an_owner_flip_keeps_every_base_and_then_the_new_owner_speaks(synced: Bench) -> None:
    """The story: what each side says now goes by the new owner, and by nobody else."""
    synced.edit("crm", 1, name="by the CRM")
    synced.edit("pm", 12, name="by the PM")
    synced.change(FLIPPED)
    assert synced.stopped(synced.run)[0] == 2
    assert fates(only(synced))["name"] == (3, 0, 0)
    plan = shown(synced).report.mappings["things"]
    assert [dict(side) for side in plan.actions] == [{"revert": 1, "update": 1}, {}]
    synced.confirm()
    report = synced.run()
    assert [dict(side) for side in report.mappings["things"].actions] == [{"revert": 1, "update": 1}, {}]
    assert synced.values("crm", "name") == {1: "n1", 2: "by the PM", 3: "n3"}
    assert synced.values("pm", "name") == {11: "n1", 12: "by the PM", 13: "n3"}
    assert synced.run().writes == 0


def test_where_nothing_differs_the_runs_after_a_rebase_are_silent(synced: Bench) -> None:
    synced.change(FLIPPED)
    synced.confirm()
    assert synced.run().writes == 0
    assert synced.run().writes == 0
    assert synced.run("delta").writes == 0


def test_a_field_that_lies_elsewhere_gets_a_base_where_both_sides_agree_there(synced: Bench) -> None:
    synced.edit("pm", 12, title="other")
    synced.edit("crm", 3, name="")
    synced.change(ELSEWHERE)
    found = only(synced)
    assert fates(found)["name"] == (0, 1, 2)
    assert fates(found)["notes"] == (3, 0, 0)
    assert dict(found.fields["name"].next) == {"crm -> pm (first-link)": 1, "held (first-link)": 1}
    synced.confirm()
    assert {key for key, names in bases(synced).items() if "name" in names} == {1}
    assert synced.run().exit == 3
    assert synced.values("pm", "title") == {11: "n1", 12: "n2", 13: "n3"}
    assert synced.values("pm", "name") == {11: "n1", 12: "n2", 13: "n3"}
    assert [review.kind for review in synced.reviews()] == ["first-link"]


def test_a_field_that_is_only_called_otherwise_keeps_its_bases(synced: Bench) -> None:
    synced.edit("pm", 12, name="a foreign edit")
    fields = {("label" if name == "name" else name): field for name, field in FIELDS.items()}
    synced.change(things(fields))
    found = only(synced)
    assert [each.rule for each in found.changes] == ["change/field-renamed"]
    assert fates(found)["label"] == (3, 0, 0)
    synced.confirm()
    assert all("label" in names and "name" not in names for names in bases(synced).values())
    (line,) = synced.plan()[1]
    assert [each["why"] for each in line["changes"]] == ["foreign-edit"]


def test_a_field_that_goes_and_comes_back_is_a_new_one(synced: Bench) -> None:
    synced.change(BREAKING["field"][1])
    synced.confirm()
    assert all("notes" not in names for names in bases(synced).values())
    synced.run()
    synced.edit("crm", 1, notes="one")
    synced.edit("pm", 11, notes="two")
    synced.change(things())
    assert synced.run().exit == 3  # additive: nothing to confirm; no base, and both are filled
    assert [review.kind for review in synced.reviews()] == ["conflict"]


def test_to_look_at_a_rebase_changes_nothing_and_to_do_it_writes_to_the_ledger_only(synced: Bench) -> None:
    synced.edit("crm", 1, name="new")
    synced.change(ELSEWHERE)
    before = synced.everything()
    shown(synced)
    assert synced.everything() == before
    synced.confirm()
    after = synced.everything()
    assert {name: value for name, value in after.items() if name != "ledger"} == {
        name: value for name, value in before.items() if name != "ledger"
    }
    assert after["ledger"] != before["ledger"]


def test_a_rebase_stands_in_the_history_with_its_lines(synced: Bench) -> None:
    synced.change(ELSEWHERE)
    synced.confirm()
    run = synced.ledger.runs(1)[0]
    assert (run.mode, run.exit) == ("rebase", 0)
    assert run.summary["mappings"]["things"]["fields"]["name"] == {"kept": 0, "new": 3, "none": 0, "next": {}}
    lines = synced.ledger.history_of("things", 0, (1,))
    assert [(line.kind, line.status) for line in lines if line.run == run.id] == [("adopt", "done")]


def test_a_mapping_that_changed_between_showing_and_confirming_is_refused(synced: Bench) -> None:
    synced.change(FLIPPED)
    seen = shown(synced)
    synced.change(ELSEWHERE)
    before = dump(synced.root / "ledger.db")
    code, findings = synced.stopped(lambda: rebase(synced.world, seen, new_run_id()))
    assert (code, [each.rule for each in findings]) == (2, ["rebase/moved"])
    assert dump(synced.root / "ledger.db") == before


def test_what_was_confirmed_in_between_is_not_confirmed_twice(synced: Bench) -> None:
    synced.change(FLIPPED)
    seen = shown(synced)
    synced.confirm()
    code, findings = synced.stopped(lambda: rebase(synced.world, seen, new_run_id()))
    assert (code, [each.rule for each in findings]) == (2, ["rebase/moved"])


def test_another_key_cannot_be_confirmed_as_long_as_there_are_links(synced: Bench) -> None:
    entities = {"thing": {"key": "code", "modified": "updated", "assigned_by": "caller"}}
    systems = {**synced.systems, "pm": {"connector": "memory", "entities": entities}}
    project = {"version": 1, "ledger": "sqlite:///ledger.db", "systems": systems}
    synced.change(things(), files={"crmsync.yaml": project})
    assert {each.rule for each in synced.stopped(synced.run)[1]} == {"change/key", "run/needs-rebase"}
    code, findings = synced.stopped(lambda: shown(synced))
    assert (code, [each.rule for each in findings]) == (2, ["rebase/other-records"])
    assert "3 links" in findings[0].message
    assert "crmsync link export" in findings[0].mend


def test_what_a_dead_run_had_sent_is_looked_up_before_a_rebase(synced: Bench) -> None:
    class Killed(BaseException):
        pass

    synced.edit("crm", 1, name="new")

    memory = synced.memory("pm")
    door = memory.door(synced.world.project.systems["pm"].entities["thing"])
    write = type(door).write

    def dies(self: Any, writes: Any) -> Any:
        write(self, writes)
        raise Killed

    type(door).write = dies  # type: ignore[method-assign]
    try:
        with pytest.raises(Killed):
            synced.run()
    finally:
        type(door).write = write  # type: ignore[method-assign]
    synced.change(FLIPPED)
    assert [each.rule for each in synced.stopped(lambda: shown(synced))[1]] == ["rebase/unfinished"]
    with pytest.raises(Stopped):
        synced.run()
    synced.confirm()
    assert synced.run().writes == 0
    assert synced.values("pm", "name")[11] == "new"


def test_the_preview_is_what_the_next_batch_does(synced: Bench) -> None:
    synced.edit("crm", 1, name="new", code="")
    synced.put("crm", {"id": 4, "code": "D", "name": "n4", "notes": "", "lead": ""})
    synced.change(things(scope={"crm": "code != 'B'"}))
    plan = shown(synced).report.mappings["things"]
    synced.confirm()
    done = synced.run().mappings["things"]
    assert plan.actions == done.actions
    assert buckets(plan) == buckets(done)


def test_a_rebase_that_is_killed_has_changed_nothing_and_can_be_done_again(
    synced: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when all but the last word of its one transaction is written."""
    fields = {("label" if name == "name" else name): field for name, field in FIELDS.items()}
    synced.change(things(fields))
    seen = shown(synced)
    before = dump(synced.root / "ledger.db")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killing:
        killing.setattr(Writer, "end_run", killed)
        with pytest.raises(KeyboardInterrupt):
            rebase(synced.world, seen, new_run_id())
    assert dump(synced.root / "ledger.db") == before
    rebase(synced.world, seen, new_run_id())
    assert synced.run().writes == 0
