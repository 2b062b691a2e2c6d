"""Budgets: too many errors or conflicts stop a run before its first write, or halt what it has begun."""

from __future__ import annotations

from typing import Any

import pytest

from crmsync.connectors.base import Transient
from crmsync.core.model import Limit, Limits
from crmsync.core.plan.budgets import spent
from crmsync.run.halted import resume
from crmsync.run.perform import BATCH
from tests.run.bench import Bench, Spec, buckets, mapping, plain
from tests.run.losing import LosingBench, before, spoilt_by, well

FIELDS = {**plain("x"), **plain("y", "shared")}


def spec(limits: Spec, **more: Any) -> Spec:
    return mapping(FIELDS, create={"pm": "always"}, limits={"unusual": "off", **limits}, **more)


STRICT: Spec = {"crm.thing": {"type": "object", "properties": {"x": {"type": "string"}}}}


@pytest.mark.parametrize(
    ("limit", "tried", "failed", "halts"),
    [
        ({"count": 3}, 10, 3, False), ({"count": 3}, 10, 4, True), ({"count": 0}, 500, 1, True),
        ({"percent": 2}, 120, 2, False), ({"percent": 2}, 120, 13, True), ({"percent": 2}, 1000, 20, False),
        ({"percent": 2}, 1000, 21, True), ({"percent": 2}, 5, 1, False), ({"percent": 2}, 5, 2, True),
        ({"percent": 0}, 500, 1, True), ({"percent": 0}, 500, 0, False), ({"percent": 100}, 9, 9, False),
    ],
)  # fmt: skip
def test_a_mapping_halts_when_more_writes_fail_than_its_budget_allows(
    limit: Any, tried: int, failed: int, halts: bool
) -> None:
    assert bool(spent(Limits(errors=Limit(**limit)), tried, failed)) is halts
    assert spent(Limits(), tried, failed) == ""


@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_too_many_rejected_records_stop_a_run_before_its_first_write(mode: str) -> None:
    with Bench(spec({"errors": 2}), schemas=STRICT) as bench:
        bench.put("crm", *({"id": n, "x": "a"} for n in range(10)))
        bench.run()
        for n in range(2):
            bench.edit("crm", n, x=n)
        bench.edit("crm", 9, x="new")
        assert buckets(bench.run(mode).mappings["things"])[0]["rejected"] == 2
        for n in range(3):
            bench.edit("crm", n, x=n, y="no")
        before = bench.everything()
        code, (finding,) = bench.stopped(lambda: bench.run(mode))
        assert (code, finding.rule) == (4, "limits/errors")
        assert "3 records of crm.thing are rejected, more than the 2 that limits.errors allows" in finding.message
        assert "--allow errors=3" in finding.mend
        assert bench.everything() == before
        file = bench.save(mode=mode)
        code, _ = bench.stopped(lambda: bench.apply(file))
        assert code == 4
        bench.apply(file, errors=3)


def test_a_percentage_of_errors_is_of_the_links_or_of_what_was_read_with_a_floor_of_20() -> None:
    with Bench(spec({"errors": "10%"}), schemas=STRICT) as bench:
        bench.put("crm", *({"id": n, "x": "a" if n > 2 else n} for n in range(1, 21)))
        bench.run()
        bench.put("crm", *({"id": n, "x": n} for n in range(21, 29)))
        assert bench.stopped(bench.run)[1][0].rule == "limits/errors"
        bench.put("crm", *({"id": n, "x": "a"} for n in range(100, 180)))
        bench.run()


@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_too_many_conflicts_stop_a_run_before_its_first_write(mode: str) -> None:
    with Bench(spec({"conflicts": 2})) as bench:
        bench.put("crm", *({"id": n, "x": "a", "y": "a"} for n in range(10)))
        bench.run()
        for n, key in enumerate(sorted(bench.records("pm"))[:3]):
            bench.edit("crm", n, y="crm", x="new")
            bench.edit("pm", key[0], y="pm")
        code, (finding,) = bench.stopped(lambda: bench.run(mode))
        assert (code, finding.rule) == (4, "limits/conflicts")
        assert "3 pairs of crm.thing and pm.thing are in conflict" in finding.message
        file = bench.save(mode=mode)
        assert bench.stopped(lambda: bench.apply(file))[0] == 4
        assert bench.apply(file, conflicts=3).writes == 3


def test_questions_which_is_which_are_no_conflicts() -> None:
    match = {"compare": {"x": {"as": "text", "weight": 0.5}, "y": {"as": "text", "weight": 0.5}}, "review_at": 0.3}
    with Bench(spec({"conflicts": 0}, match=match)) as bench:
        bench.put("crm", {"id": 1, "x": "Alfa Dodávky", "y": "Košice"})
        bench.put("pm", {"id": 2, "x": "Alfa Dodávky", "y": "Žilina"})
        bench.run()
        assert [review.kind for review in bench.reviews()] == ["match"]


# Halts ------------------------------------------------------------------------------------------------------


def picky(limits: Spec) -> Bench:
    """The target refuses records that say `bad`, by a trigger of its own."""
    bench = Bench(spec(limits), columns="x TEXT, y TEXT")
    bench._sql("pm", TRIGGER, {})
    return bench


TRIGGER = (
    "CREATE TRIGGER picky BEFORE INSERT ON thing WHEN new.x = 'bad' BEGIN SELECT raise(ABORT, 'not this one'); END"
)


def test_a_run_begins_no_more_batches_when_too_many_writes_fail_and_the_mapping_stays_halted() -> None:
    with picky({"errors": "2%"}) as bench:
        many = BATCH + 30
        bench.put("crm", *({"id": 1000 + n, "x": "bad" if n < 13 else "good"} for n in range(many)))
        report = bench.run()
        (halt,) = report.halted
        assert (report.exit, halt.why) == (1, "13 of 500 writes failed, more than 2%")
        assert len(bench.records("pm")) == BATCH - 13  # the batch in hand ended
        rows = [(why.bucket, why.count, why.message) for why in report.mappings["things"].why]
        assert ("waiting", 30, "halted: 13 of 500 writes failed, more than 2%") in rows
        assert len(bench.letters()) == 13

        before = bench.records("pm")
        again = bench.run()
        assert (again.exit, [each.mapping for each in again.halted], again.mappings) == (3, ["things"], {})
        assert bench.plan()[0].halted == again.halted
        assert bench.records("pm") == before


def test_a_mapping_of_which_every_write_is_refused_halts_at_once() -> None:
    with picky({"errors": "2%"}) as bench:
        bench.put("crm", *({"id": n, "x": "bad"} for n in range(30)))
        (halt,) = bench.run().halted
        assert halt.why == "30 of 30 writes failed, more than 2%"
        assert len(bench.letters()) == 30


@pytest.mark.usefixtures("any_ledger")
def test_who_resumes_a_mapping_lets_the_next_run_do_the_rest_and_is_told_in_the_audit() -> None:
    with picky({"errors": 0}) as bench:
        bench.put("crm", *({"id": n, "x": "bad" if n == 1 else "good"} for n in range(3)))
        assert bench.run().exit == 1
        things = bench.world.project.mapping("things")
        assert [each.mapping for each in resume(bench.world, [things], "eva")] == ["things"]
        assert resume(bench.world, [things], "eva") == ()
        bench.edit("crm", 1, x="mended")
        assert bench.run().exit == 0
        assert sorted(bench.values("pm", "x").values()) == ["good", "good", "mended"]
        with bench.ledger.database.reading() as access:
            rows = access.rows("SELECT event, actor, trace FROM crmsync_audit WHERE event IN ('halt', 'resume')")
        trace = bench.world.trace
        assert rows == [("halt", "crmsync", trace), ("resume", "eva", trace)]


def test_other_mappings_go_on_while_one_is_halted_and_a_plan_of_it_is_refused() -> None:
    other = {**mapping(plain("z"), after=["things"]), "mapping": "others"}
    with Bench(spec({"errors": 0}), other, columns="x TEXT, y TEXT, z TEXT") as bench:
        bench._sql("pm", TRIGGER, {})
        bench.run()
        file = bench.save()
        bench.put("crm", *({"id": n, "x": "bad"} for n in range(2)))
        assert bench.run().exit == 1
        report = bench.run()
        assert list(report.mappings) == ["others"]
        code, findings = bench.stopped(lambda: bench.apply(file))
        assert (code, [each.rule for each in findings]) == (2, ["run/halted"])
        assert "crmsync resume -s things" in findings[0].mend


def changed(many: int) -> LosingBench:
    """Linked records of which the source has changed so many, all but one."""
    bench = LosingBench(spec({"errors": 0}))
    bench.put("crm", *({"id": n, "x": f"{n}"} for n in range(many + 1)))
    bench.run()
    for n in range(many):
        bench.edit("crm", n, x=f"new {n}")
    return bench


@pytest.mark.parametrize("many", [2, 19, BATCH + 30])
def test_a_system_that_is_down_for_a_while_is_no_error_of_a_mapping_and_needs_nobody_to_resume_it(many: int) -> None:
    with changed(many) as bench:
        bench.lose("pm", *([well] if many > BATCH else []), then=before)
        with pytest.raises(Transient):
            bench.run()
        assert not bench.ledger.halts()
        bench.lose("pm")
        assert bench.run().exit == 0
        assert sum(value.startswith("new") for value in bench.values("pm", "x").values()) == many


def test_a_write_that_fails_while_others_of_its_batch_are_done_is_an_error_whatever_the_reason() -> None:
    with changed(8) as bench:
        bench.lose("pm", then=spoilt_by("new 3", Transient))
        (halt,) = bench.run().halted
        assert halt.why == "1 of 8 writes failed, more than 0"


def test_without_a_budget_nothing_halts() -> None:
    with picky({}) as bench:
        bench.put("crm", *({"id": n, "x": "bad" if n < 9 else "good"} for n in range(12)))
        report = bench.run()
        assert (report.exit, report.halted, report.writes) == (3, (), 3)
