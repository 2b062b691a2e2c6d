"""Breakers: what a plan is weighed against, what becomes of one that is too big, and what is seen before any plan."""

from __future__ import annotations

import shlex
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crmsync.connectors.base import Page
from crmsync.core.model import Finding, from_json
from crmsync.run.drift import compared
from crmsync.run.world import Stopped, utc_now
from tests.run.bench import ENTITY, Bench, Spec, mapping, plain

on_both = pytest.mark.parametrize("kind", ["memory", "sqlite"])
COLUMNS = "x TEXT, y TEXT, z TEXT, gone INTEGER"
TOMBSTONES = {name: {"thing": {**ENTITY, "deleted": "gone == `1`"}} for name in ("crm", "pm")}
FIELDS = {**plain("x"), **plain("y", "shared"), **plain("z", "pm", seed="crm")}


def linked(kind: str, size: int, limits: Spec | None = None, **more: Any) -> Bench:
    """A world of `size` linked records that have been looked at by a whole run."""
    columns = COLUMNS if kind == "sqlite" else None
    limited = {"limits": limits} if limits else {}
    spec = mapping(FIELDS, create={"pm": "always"}, delete={"pm": "delete"}, **limited)
    world = Bench(spec, entities=TOMBSTONES, columns=columns, **more)
    world.put("crm", *({"id": n, "x": "a", "y": "a", "z": "a"} for n in range(1, size + 1)))
    world.run()
    assert len(world.records("pm")) == size
    return world


def edit(world: Bench, numbers: Iterable[int], system: str = "crm", **values: Any) -> None:
    for n in numbers:
        world.edit(system, n, **values)


def tripped(world: Bench, mode: str = "batch") -> tuple[Finding, ...]:
    """The findings of a run that a breaker stops; it writes nothing to a system or to the ledger."""
    before = world.everything()
    code, findings = world.stopped(lambda: world.run(mode))
    assert code == 4
    assert world.everything() == before
    return findings


def rules(findings: Iterable[Finding]) -> list[str]:
    return [finding.rule for finding in findings]


def kept(world: Bench) -> list[Path]:
    return sorted((world.root / ".crmsync/plans").glob("*"))


def allowed(finding: Finding) -> tuple[Path, dict[str, int]]:
    """The file and the allowances of the command that a mend tells."""
    file, *words = shlex.split(finding.mend.partition("crmsync apply ")[2])
    names = (word.rpartition("=") for word in words if word != "--allow")
    return Path(file), {name: int(number) for name, _, number in names}


# Fields -------------------------------------------------------------------------------------------------------


@on_both
@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_a_field_may_not_change_in_more_records_than_its_limit(kind: str, mode: str) -> None:
    with linked(kind, 6, {"fields": {"x": 2}}) as world:
        edit(world, range(1, 5), y="free")
        edit(world, [1, 2], x="new")
        assert world.run(mode).writes == 4
        edit(world, [1, 2, 3], x="newer")
        (finding,) = tripped(world, mode)
        assert finding.rule == "limits/fields"
        assert "x would change in 3 records of pm.thing, more than the 2 that limits.fields.x allows" in finding.message


def test_a_create_changes_no_field() -> None:
    with linked("memory", 3, {"fields": {"x": 0}}) as world:
        world.put("crm", *({"id": n, "x": "a"} for n in range(10, 20)))
        assert world.run().writes == 10


def test_fields_are_counted_by_side() -> None:
    with linked("memory", 6, {"fields": {"y": 2}}) as world:
        edit(world, [1, 2], y="new")
        edit(world, [3, 4], "pm", y="new")
        assert world.run().writes == 4


@on_both
@pytest.mark.parametrize("system", ["crm", "pm"])
@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_a_field_that_would_change_in_every_record_stops_the_run(kind: str, system: str, mode: str) -> None:
    with linked(kind, 20) as world:
        edit(world, range(1, 21), system, y="scrubbed")
        findings = tripped(world, mode)
        assert rules(findings) == ["limits/every-record"]
        target = "pm" if system == "crm" else "crm"
        assert (
            f"y would change in every record of {target}.thing that it could change in, all 20" in findings[0].message
        )
        file, allow = allowed(findings[0])
        assert allow == {"field:y": 20}
        assert world.apply(file, **allow).writes == 20


def test_a_record_that_no_change_can_come_to_does_not_hide_that_all_others_would_change() -> None:
    with linked("memory", 40) as world:
        edit(world, range(1, 40), x="overwritten")
        world.edit("crm", 40, x="missing")
        world.remove("crm", 40)
        (finding,) = tripped(world)
        assert finding.rule == "limits/every-record"
        assert allowed(finding)[1] == {"field:x": 39}


def test_a_field_that_changes_in_all_records_but_one_goes_through() -> None:
    with linked("memory", 20) as world:
        edit(world, range(1, 20), y="edited")
        assert world.run().writes == 19


def test_a_changed_mapping_that_would_rewrite_every_record_stops_the_run() -> None:
    with linked("memory", 20) as world:
        shouting = {**FIELDS, **plain("x", to_pm=["upper"])}
        world.change(mapping(shouting, create={"pm": "always"}, delete={"pm": "delete"}))
        assert rules(tripped(world)) == ["limits/every-record"]


def test_a_first_load_that_links_and_fills_everything_goes_through() -> None:
    rule = {"decide": ["x"]}
    with Bench(mapping(FIELDS, match=rule, create={"pm": "always"})) as world:
        world.put("crm", *({"id": n, "x": str(n), "y": "a"} for n in range(1, 31)))
        world.put("pm", *({"id": n, "x": str(n)} for n in range(1, 31)))
        assert world.run(first_load=False).writes == 30


def test_records_that_this_plan_links_do_not_make_every_record() -> None:
    spec = mapping(FIELDS, match={"decide": ["x"]}, create={"pm": "always"})
    with Bench(spec) as world:
        world.put("crm", *({"id": n, "x": str(n), "y": "a"} for n in range(1, 21)))
        world.run()
        new = range(100, 130)
        world.put("crm", *({"id": n, "x": str(n), "y": "new"} for n in new))
        world.put("pm", *({"id": n, "x": str(n)} for n in new))
        file = world.save()
        assert world.apply(file).writes == 30


# A field that cannot be read ----------------------------------------------------------------------------------


@on_both
@pytest.mark.parametrize("mode", ["batch", "delta"])
@pytest.mark.parametrize("field", ["x", "y"])
def test_a_field_that_is_null_in_every_record_is_not_believed(kind: str, mode: str, field: str) -> None:
    with linked(kind, 6) as world:
        lost: dict[str, Any] = {field: None}
        edit(world, range(1, 7), **lost)
        (finding,) = tripped(world, mode)
        assert finding.rule == "limits/unreadable"
        assert f"{field} is null now in every record of crm.thing that had a value, all 6" in finding.message
        assert "check the rights of the account" in finding.mend
        file, allow = allowed(finding)
        assert world.stopped(lambda: world.apply(file))[0] == 4
        assert world.apply(file, **allow).writes == 6
        assert set(world.values("pm", field).values()) == {None}


@on_both
def test_one_record_that_still_has_a_value_makes_the_others_believed(kind: str) -> None:
    with linked(kind, 7) as world:
        edit(world, range(1, 7), x=None)
        assert world.run().writes == 6


def test_only_records_that_had_a_value_count() -> None:
    with linked("memory", 12) as world:
        edit(world, range(1, 7), x=None)
        world.run()
        edit(world, range(7, 13), x=None)
        assert rules(tripped(world)) == ["limits/unreadable"]


def test_what_a_few_records_lose_is_believed() -> None:
    with linked("memory", 4) as world:
        edit(world, range(1, 5), x=None)
        assert world.run().writes == 4


def test_a_record_that_is_rejected_does_not_vouch_for_a_field() -> None:
    strict = {"crm.thing": {"type": "object", "properties": {"z": {"type": ["string", "null"]}}}}
    with linked("memory", 8, schemas=strict) as world:
        edit(world, range(1, 8), x=None)
        world.edit("crm", 8, z=42)
        assert rules(tripped(world)) == ["limits/unreadable"]


def test_a_field_that_is_absent_changes_nothing_and_trips_nothing() -> None:
    with linked("memory", 6) as world:
        for record in world.records("crm").values():
            world.put("crm", {name: record[name] for name in ("id", "y", "z")})
        assert world.run().writes == 0


def test_bases_are_read_only_until_the_question_is_settled() -> None:
    with linked("memory", 3000) as world:
        edit(world, range(1, 7), x=None)
        with world.save().open("rb") as file:
            told = from_json(file.readline())["read"]["things"]["told"][1]["x"]
        assert 6 < told < 1500  # a page or two of six


# What is usual ------------------------------------------------------------------------------------------------


def quiet_runs(world: Bench, count: int, mode: str = "batch") -> None:
    for turn in range(count):
        world.edit("crm", 1, x=f"turn {turn}")
        world.run(mode)


@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_a_plan_far_beyond_the_runs_before_it_stops(mode: str) -> None:
    with linked("memory", 30) as world:
        quiet_runs(world, 9, mode)
        edit(world, range(1, 29), x="all at once")
        (finding,) = tripped(world, mode)
        assert finding.rule == "limits/unusual"
        assert "28 updates in pm.thing, more than the 20 that are not unusual here" in finding.message
        file, allow = allowed(finding)
        assert world.stopped(lambda: world.apply(file))[0] == 4
        assert world.apply(file, **allow).writes == 28


def test_deltas_in_between_do_not_hide_what_is_usual_at_night() -> None:
    with linked("memory", 30) as world:
        quiet_runs(world, 6)
        quiet_runs(world, 60, "delta")
        edit(world, range(1, 29), x="all at once")
        assert rules(tripped(world)) == ["limits/unusual"]


def test_four_runs_say_nothing_of_what_is_usual() -> None:
    with linked("memory", 30) as world:
        quiet_runs(world, 3)  # and the first load
        edit(world, range(1, 29), x="all at once")
        assert world.run().writes == 28


def test_runs_of_another_mode_say_nothing() -> None:
    with linked("memory", 30) as world:
        quiet_runs(world, 9, "delta")
        edit(world, range(1, 29), x="all at once")
        assert world.run().writes == 28


def test_runs_of_one_record_only_say_nothing() -> None:
    with linked("memory", 30) as world:
        for turn in range(9):
            world.edit("crm", 1, x=f"turn {turn}")
            world.run(only="crm.thing/1")
        edit(world, range(1, 29), x="all at once")
        assert world.run().writes == 28


def test_what_is_usual_may_be_switched_off() -> None:
    with linked("memory", 30, {"unusual": "off"}) as world:
        quiet_runs(world, 9)
        edit(world, range(1, 29), x="all at once")
        assert world.run().writes == 28


# Listings -----------------------------------------------------------------------------------------------------


@on_both
@pytest.mark.parametrize("side", ["crm", "pm"])
def test_a_listing_that_lacks_more_than_a_fifth_stops_the_run(kind: str, side: str) -> None:
    with linked(kind, 30) as world:
        world.remove(side, *range(1, 8))
        (finding,) = tripped(world)
        assert finding.rule == "limits/missing"
        assert f"7 of 30 linked records are not in the listing of {side}.thing, more than the 6" in finding.message
        file, allow = allowed(finding)
        assert allow == {"missing": 7}
        assert world.stopped(lambda: world.apply(file, missing=6))[0] == 4
        assert world.apply(file, **allow).writes == 0
        assert sum(len(page) for page in world.ledger.link_keys("things", 0)) == 30


@on_both
def test_what_a_listing_may_lack_goes_through(kind: str) -> None:
    with linked(kind, 30) as world:
        world.remove("crm", *range(1, 7))
        assert world.run().writes == 0
        assert world.run().writes == 6


def test_a_delta_listing_lacks_nothing() -> None:
    with linked("memory", 30) as world:
        world.remove("crm", *range(1, 20))
        assert world.run("delta").writes == 0


@pytest.mark.parametrize("allow", [{}, {"missing": 99}])
def test_an_empty_listing_is_never_allowed(allow: dict[str, int]) -> None:
    with linked("memory", 5) as world:
        world.remove("crm", *range(1, 6))
        before = world.everything()
        code, findings = world.stopped(lambda: world.run(allow=allow))
        assert (code, rules(findings)) == (4, ["listing/empty"])
        assert world.everything() == before
        assert kept(world) == []


def repeat(world: Bench, *again: int) -> None:
    """The CRM lists its records in one page, and then once more those at these places."""
    door = world.world.door(world.world.project.mapping("things"), 0)
    listing = door.list

    def repeats(since: Any = None) -> Iterator[Page]:
        page = [raw for each in listing(since) for raw in each]
        yield page
        yield [page[place] for place in again]

    door.list = repeats  # type: ignore[method-assign]  # a connector whose paging has slipped


@on_both
def test_a_listing_that_repeats_a_page_is_not_complete(kind: str) -> None:
    with linked(kind, 6) as world:
        world.remove("crm", 6)
        repeat(world, 0, 1)
        before = world.everything()
        code, findings = world.stopped(lambda: world.run())
        assert (code, rules(findings)) == (1, ["listing/repeated"])
        assert "the listing of crm.thing repeats a page of 2 records" in findings[0].message
        assert world.everything() == before


@pytest.mark.parametrize("again", [(0,), (0, 0)])
def test_one_key_that_comes_again_is_a_duplicate_and_no_page(again: tuple[int, ...]) -> None:
    with linked("memory", 6) as world:
        repeat(world, *again)
        assert world.run().exit == 3
        assert [letter.rule for letter in world.letters()] == ["record/unreadable"]


# The plan is kept ---------------------------------------------------------------------------------------------


@on_both
def test_a_plan_that_trips_is_kept_for_its_owner_and_named(kind: str) -> None:
    with linked(kind, 6, {"update": 2}) as world:
        edit(world, range(1, 4), x="new")
        (finding,) = tripped(world)
        (file,) = kept(world)
        assert allowed(finding) == (file, {"update": 3})
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert world.stopped(lambda: world.apply(file))[0] == 4
        assert world.stopped(lambda: world.apply(file, update=2))[0] == 4
        assert world.apply(file, update=3).writes == 3


def test_an_override_is_for_one_plan_and_one_time() -> None:
    with linked("memory", 6, {"update": 2}) as world:
        edit(world, range(1, 4), x="new")
        tripped(world)
        (file,) = kept(world)
        world.apply(file, update=3)
        code, findings = world.stopped(lambda: world.apply(file, update=3))
        assert (code, set(rules(findings))) == (5, {"plan/drift"})
        edit(world, range(1, 4), x="newer")
        assert rules(tripped(world)) == ["limits/update"]


def test_a_kept_plan_that_was_tampered_with_is_refused() -> None:
    with linked("memory", 6, {"update": 2}) as world:
        edit(world, range(1, 4), x="new")
        tripped(world)
        (file,) = kept(world)
        file.write_text(file.read_text("utf-8").replace('"new"', '"old"'), "utf-8")
        assert world.stopped(lambda: world.apply(file, update=3))[0] == 2


def test_every_mend_names_all_that_the_plan_needs() -> None:
    with linked("memory", 30, {"update": 2, "fields": {"x": 2}}) as world:
        edit(world, range(1, 6), x="new")
        world.remove("crm", *range(10, 20))
        findings = tripped(world)
        assert set(rules(findings)) == {"limits/update", "limits/fields", "limits/missing"}
        (told,) = {finding.mend.partition("crmsync apply ")[2] for finding in findings}
        assert told.endswith("--allow field:x=5 --allow missing=10 --allow update=5")
        file, allow = allowed(findings[0])
        assert world.apply(file, **allow).writes == 5


def test_only_the_newest_plans_are_kept() -> None:
    with linked("memory", 6, {"update": 2}) as world:
        edit(world, range(1, 4), x="new")
        folder = world.root / ".crmsync/plans"
        folder.mkdir(parents=True)
        for n in range(25):
            (folder / f"20200101T0000{n:02}-abcdef.jsonl").touch()
        (finding,) = tripped(world)
        names = [file.name for file in kept(world)]
        assert len(names) == 20
        assert names[0] == "20200101T000006-abcdef.jsonl"
        assert allowed(finding)[0].name == names[-1]


def test_a_plan_that_cannot_be_kept_is_told_as_before() -> None:
    with linked("memory", 6, {"update": 2}) as world:
        edit(world, range(1, 4), x="new")
        (world.root / ".crmsync").write_text("in the way")
        limit, unkept = tripped(world)
        assert "look at the plan (crmsync plan -o plan.json), then: crmsync apply plan.json" in limit.mend
        assert (unkept.rule, unkept.severity) == ("plan/not-kept", "warning")
        assert ".crmsync/plans" in unkept.message


def test_planning_keeps_nothing() -> None:
    with linked("memory", 6, {"update": 2}) as world:
        edit(world, range(1, 4), x="new")
        world.plan()
        assert not (world.root / ".crmsync").exists()


# Sentinels ----------------------------------------------------------------------------------------------------

CANARY = {"id": 1, "x": "Canary s.r.o."}


def watched(kind: str, expect: str | None = "x == 'Canary s.r.o.'", key: Any = 1) -> Bench:
    said = {"expect": expect} if expect else {}
    sentinel = {"sentinel": {"entity": "thing", "key": key, **said}}
    columns = COLUMNS if kind == "sqlite" else None
    world = Bench(
        mapping(FIELDS, create={"pm": "always"}), entities=TOMBSTONES, columns=columns, systems={"crm": sentinel}
    )
    world.put("crm", CANARY, {"id": 2, "x": "b"})
    return world


@on_both
def test_a_sentinel_that_is_there_lets_everything_pass(kind: str) -> None:
    with watched(kind) as world:
        assert world.apply(world.save()).writes == 2
        assert world.run().writes == 0


@on_both
@pytest.mark.parametrize("deed", ["run", "plan"])
def test_a_sentinel_that_is_not_seen_stops_everything(kind: str, deed: str) -> None:
    with watched(kind) as world:
        file = world.save()
        world.remove("crm", 1)
        before = world.everything()
        for asked in (getattr(world, deed), lambda: world.apply(file)):
            code, findings = world.stopped(asked)
            assert (code, rules(findings)) == (4, ["sentinel/missing"])
            assert str(findings[0].ref) == "crm.thing/1"
            assert "an access problem" in findings[0].mend
        assert world.everything() == before


@on_both
@pytest.mark.parametrize("expect", ["x == 'Canary s.r.o.'", "x", "length(x) > `5`"])
def test_a_sentinel_that_is_not_what_is_expected_stops_the_run(kind: str, expect: str) -> None:
    with watched(kind, expect) as world:
        world.edit("crm", 1, x=None)
        code, findings = world.stopped(lambda: world.run())
        assert (code, rules(findings)) == (4, ["sentinel/unexpected"])
        assert "Canary" not in f"{findings[0].message}{findings[0].mend}"


def test_a_sentinel_without_expectation_need_only_be_there() -> None:
    with watched("memory", None, [1]) as world:
        world.edit("crm", 1, x=None)
        assert world.run().writes == 2


def test_drift_is_not_told_of_a_system_whose_sentinel_is_not_seen() -> None:
    with watched("memory") as world:
        world.run()
        world.remove("crm", 1)
        with pytest.raises(Stopped, match="the sentinel of crm cannot be seen"), compared(world.world, (), utc_now()):
            pass
