"""What somebody writes back after each run is not written for ever: a person is asked."""

from __future__ import annotations

from typing import Any

import pytest

from crmsync.ledger.store import Ledger
from tests.run.bench import Bench, mapping, plain

on_both = pytest.mark.parametrize("kind", ["memory", "sql"])
modes = pytest.mark.parametrize("mode", ["batch", "delta"])
FIELDS = {**plain("name"), **plain("notes", "shared"), **plain("status")}
COLUMNS = "name TEXT, notes TEXT, status TEXT"


def linked(kind: str = "memory", fields: Any = FIELDS, **more: Any) -> Bench:
    world = Bench(mapping(fields, create={"pm": "always"}, **more), columns=COLUMNS if kind == "sql" else None)
    world.put("crm", *({"id": n, "name": f"Firma {n}", "notes": "n", "status": "open"} for n in (1, 2)))
    return world


def swings(world: Bench) -> list[str]:
    return [each.field for each in world.reviews() if each.kind == "oscillation"]


@on_both
@modes
def test_an_automation_that_resets_a_value_after_each_run_is_stopped_in_the_third(kind: str, mode: str) -> None:
    with linked(kind) as world:
        for number in (1, 2):
            assert world.run("batch" if number == 1 else mode).writes > 0
            world.edit("pm", 1, name="RESET")
        world.edit("crm", 1, status="won")
        report = world.run(mode)
        assert (report.writes, report.exit) == (1, 3)
        assert world.values("pm", "name") == {1: "RESET", 2: "Firma 2"}
        assert world.values("pm", "status")[1] == "won"
        (asked,) = world.reviews()
        assert (asked.kind, asked.field, asked.values) == ("oscillation", "name", ("Firma 1", "RESET"))
        runs = [run.id for run in reversed(world.ledger.runs(3))]
        assert (
            'writes "Firma 1" from crm, and people or an automation of pm write "RESET" to pm.thing/1' in asked.message
        )
        assert "mappings/things.yaml:1" in asked.message
        assert all(run in asked.message for run in runs[:2])
        (why,) = report.mappings["things"].why
        assert why.rule == "oscillation name"


@modes
def test_it_stays_held_until_a_person_answers_whatever_becomes_of_the_values(mode: str) -> None:
    with frozen() as world:
        for name in ("RESET", "RESET 2"):
            world.edit("pm", 1, name=name)
            assert world.run(mode).writes == 0
            assert swings(world) == ["name"]
        world.edit("crm", 1, name="Tretia")
        assert world.run(mode).writes == 0
        world.resolve(0)
        assert world.run(mode).writes == 1
        assert world.values("pm", "name")[1] == "Tretia"
        assert not world.reviews()
        assert world.run(mode).writes == 0


def frozen(kind: str = "memory") -> Bench:
    world = linked(kind)
    for _ in range(2):
        world.run()
        world.edit("pm", 1, name="RESET")
    world.run()
    assert swings(world) == ["name"]
    return world


def test_a_person_who_lets_the_other_side_be_is_not_asked_again() -> None:
    with frozen() as world:
        world.resolve(1)
        for _ in range(3):
            assert world.run().writes == 0
        assert not world.reviews()
        world.edit("crm", 1, name="Nové")
        assert world.run().writes == 1


def test_once_a_person_has_answered_it_is_counted_anew() -> None:
    with frozen() as world:
        world.resolve(0)
        world.run()
        for _ in range(2):
            world.edit("pm", 1, name="RESET")
            assert world.run().writes == 1
        world.edit("pm", 1, name="RESET")
        assert world.run().writes == 0
        assert swings(world) == ["name"]


@on_both
@modes
def test_a_value_that_changes_every_day_because_its_source_does_is_written_every_day(kind: str, mode: str) -> None:
    with linked(kind) as world:
        world.run()
        for day in range(8):
            world.edit("crm", 1, name=f"Deň {day}", status=f"{day} %")
            assert world.run(mode).writes == 1
        assert not world.reviews()


def test_a_system_that_spells_daily_news_in_its_own_way_is_not_taken_for_somebody() -> None:
    fields = {"name": {"crm": "name", "pm": "name", "owner": "crm"}}
    with linked(fields=fields) as world:
        spell(world)
        world.run()
        for day in range(6):
            world.edit("crm", 1, name=f"Deň {day}")
            assert world.run().writes == 1
            assert world.values("pm", "name")[1] == f"DEŇ {day}"
        world.edit("pm", 1, name="Von Hand")
        assert world.run().writes == 1
        assert not world.reviews()


def spell(world: Bench) -> None:
    """The project tool keeps names in capitals."""
    memory = world.memory("pm")
    touch = memory.touch

    def loud(entity: Any, key: Any, record: Any) -> Any:
        return touch(entity, key, {**record, "name": record["name"].upper()} if record.get("name") else record)

    memory.touch = loud  # type: ignore[method-assign]  # a system with a habit, not a mock of ours


@modes
def test_people_who_edit_a_shared_field_by_turns_are_left_to_it(mode: str) -> None:
    with linked() as world:
        world.run()
        for day in range(8):
            world.edit("crm" if day % 2 else "pm", 1, notes=f"poznámka {day}")
            assert world.run(mode).writes == 1
        assert not world.reviews()


def test_two_automations_that_fight_over_a_shared_field_are_stopped() -> None:
    with linked() as world:
        world.run()
        for _ in range(8):
            world.edit("crm", 1, notes="A")
            world.run()
            world.edit("pm", 1, notes="B")
            world.run()
        assert swings(world) == ["notes"]


@pytest.mark.parametrize(
    ("name", "both", "writes"),
    [
        ("name", True, [1, 0, 0]),  # the owner's value is there after the first run, and is set back twice
        ("name", False, [1, 1, 1, 0, 0]),
        ("notes", True, [0, 0]),  # both sides have changed it: a conflict
        ("notes", False, [1, 1, 1, 1, 0, 0]),  # each side in every second run, for the third time in the fifth
    ],
)
@modes
def test_two_automations_that_each_set_their_value_are_not_followed_for_long(
    name: str, both: bool, writes: list[int], mode: str
) -> None:
    with linked() as world:
        world.run()
        for day, expected in enumerate(writes):
            if both or day % 2:
                world.edit("crm", 1, **{name: "A"})
            if both or not day % 2:
                world.edit("pm", 1, **{name: "B"})
            assert world.run(mode).writes == expected, day
        assert [each.field for each in world.reviews()] == [name]


@pytest.mark.parametrize("take", [0, 1])
@modes
def test_a_set_that_one_automation_fills_and_another_one_strips_is_stopped_until_a_person_answers(
    take: Any, mode: str
) -> None:
    with linked(fields={**plain("name"), **plain("tags", "shared", merge="set")}) as world:
        world.edit("crm", 1, tags=["a"])
        world.run()
        for day, expected in enumerate([1, 1, 1, 1, 0, 0]):
            world.edit(*(("pm", 1) if day % 2 else ("crm", 1)), tags=["a"] if day % 2 else ["a", "x"])
            assert world.run(mode).writes == expected, day
        assert swings(world) == ["tags"]
        world.edit("crm", 1, name="Nová")
        assert world.run(mode).writes == 1  # the field, not the record
        world.resolve(take)
        world.run(mode)
        assert world.values("crm", "tags")[1] == world.values("pm", "tags")[1] == (["a"] if take else ["a", "x"])
        assert world.run().writes == 0


def test_a_set_to_which_people_add_on_both_sides_is_never_held() -> None:
    with linked(fields=plain("tags", "shared", merge="set")) as world:
        world.run()
        for day in range(8):
            system = "crm" if day % 2 else "pm"
            world.edit(system, 1, tags=[*(world.values(system, "tags")[1] or ()), f"t{day}"])
            assert world.run().writes == 1
        assert not world.reviews()


def test_a_set_that_goes_to_and_fro_by_itself_is_held() -> None:
    with linked(fields=plain("tags", "shared", merge="set")) as world:
        world.edit("crm", 1, tags=["a"])
        world.run()
        for day, expected in enumerate([1, 1, 0, 0]):  # the making of the record was the first write
            world.edit("crm", 1, tags=["a"] if day % 2 else ["a", "x"])
            assert world.run().writes == expected, day


def test_a_counter_that_both_sides_count_is_never_held() -> None:
    with linked(fields=plain("visits", "shared", merge="counter")) as world:
        world.edit("crm", 1, visits=0)
        world.run()
        for day in range(6):
            world.edit("crm", 1, visits=world.values("crm", "visits")[1] + 1)
            world.edit("pm", 1, visits=world.values("pm", "visits")[1] + 1)
            assert world.run().writes == 2
            assert world.values("pm", "visits")[1] == 2 * (day + 1)
        assert not world.reviews()


@pytest.mark.parametrize(("said", "last"), [("never", None), (2, 2), (4, 4)])
@pytest.mark.parametrize("place", ["mapping", "field"])
def test_the_mapping_says_how_long_it_is_borne(said: Any, last: int | None, place: str) -> None:
    more = {"oscillation": said} if place == "mapping" else {"oscillation": 3}
    fields = {**FIELDS, **plain("name", **({"oscillation": said} if place == "field" else {}))}
    with linked(fields=fields, **more) as world:
        for number in range(1, 7):
            report = world.run()
            assert bool(swings(world)) == (last is not None and number >= last), (number, report)
            world.edit("pm", 1, name="RESET")


def test_what_is_about_people_is_not_told() -> None:
    schemas = {"pm.thing": {"type": "object", "properties": {"name": {"type": "string", "x-pii": True}}}}
    with Bench(mapping(plain("name"), create={"pm": "always"}), schemas=schemas) as world:
        world.put("crm", {"id": 1, "name": "Ján Tajný"})
        for _ in range(2):
            world.run()
            world.edit("pm", 1, name="Mária Tajná")
        world.run()
        (asked,) = world.reviews()
        assert asked.kind == "oscillation"
        assert "Tajn" not in asked.message


SWAP = {"swap": {"columns": ["crm", "pm"], "rows": [["a", "b"], ["b", "a"]]}}


def ping_pong(*, fed: bool) -> Bench:
    """One mapping carries x over as it is; another one, where it is `fed`, carries the opposite back."""
    there = mapping({**plain("x"), **plain("code")}, create={"pm": "always"}, match={"decide": ["code"]})
    back = mapping(
        {
            "opposite": {"crm": "x", "pm": "x", "owner": "pm", "to_crm": [{"lookup": "swap"}]},
            "code": {"crm": "code", "pm": "code || ''", "owner": "pm"},
        },
        mapping="back", match={"decide": ["code"]}, enabled=fed,
    )  # fmt: skip
    world = Bench(there, back, files={"mappings/reference/swap.yaml": SWAP})
    world.put("crm", {"id": 1, "x": "a", "code": "C1"})
    return world


@modes
def test_two_mappings_that_feed_each_other_are_stopped(mode: str) -> None:
    with ping_pong(fed=True) as world:
        world.run()
        world.run()
        wrote = [world.run(mode).writes for _ in range(12)]
        assert sum(wrote) < 8
        assert wrote[-4:] == [0] * 4
        told = {each.mapping: each.message for each in world.reviews()}
        assert told
        assert all("fed by" in message and "of mapping" in message for message in told.values())


@on_both
@modes
def test_a_source_that_goes_to_and_fro_by_itself_is_held_one_write_later_than_it_is_borne(kind: str, mode: str) -> None:
    with linked(kind) as world:
        world.run()
        for day, name in enumerate(("B", "Firma 1")):
            world.edit("crm", 1, name=name)
            assert world.run(mode if day else "batch").writes == 1
        world.edit("crm", 1, name="B", status="won")
        assert world.run(mode).writes == 1
        assert (world.values("pm", "name")[1], world.values("pm", "status")[1]) == ("Firma 1", "won")
        (asked,) = world.reviews()
        assert (asked.kind, asked.field, asked.values) == ("oscillation", "name", ("B", "Firma 1"))
        assert "mappings/things.yaml:1" in asked.message
        assert (
            'writes "B" from crm after "Firma 1", as people or an automation of crm set it to and fro' in asked.message
        )
        runs = [run.id for run in reversed(world.ledger.runs(4))]
        assert ", ".join(runs[:3]) in asked.message
        world.resolve(0)
        assert world.run(mode).writes == 1
        assert world.values("pm", "name")[1] == "B"


def test_a_person_who_corrects_a_mistake_at_once_is_followed() -> None:
    with linked() as world:
        world.run()
        for name in ("Mistake", "Firma 1"):
            world.edit("crm", 1, name=name)
            assert world.run().writes == 1
        assert not world.reviews()


@pytest.mark.parametrize("between", ["batch", "delta"])
def test_what_goes_to_and_fro_with_runs_in_between_that_leave_it_alone_is_followed(between: str) -> None:
    with linked() as world:
        world.run()
        for day in range(8):
            world.edit("crm", 1, name="AB"[day % 2])
            assert world.run().writes == 1
            world.edit("crm", 2, name=f"Deň {day}")
            assert world.run(between).writes == 1
        assert not world.reviews()


def test_runs_of_one_record_are_not_in_between() -> None:
    with linked() as world:
        world.run()
        for name in ("B", "Firma 1"):
            world.edit("crm", 1, name=name)
            world.run()
            world.run(only="crm.thing/2")
        world.edit("crm", 1, name="B")
        assert world.run().writes == 0
        assert swings(world) == ["name"]


@pytest.mark.parametrize(("borne", "writes"), [(2, 3), (3, 3), (4, 4), ("never", 8)])
def test_how_long_a_source_is_followed_that_goes_to_and_fro_is_said_by_the_mapping(borne: Any, writes: int) -> None:
    with linked(oscillation=borne) as world:
        world.run()
        done = 1  # the create
        for day in range(7):
            world.edit("crm", 1, name=("B", "Firma 1")[day % 2])
            done += world.run().writes
        assert done == writes


def test_what_nobody_can_have_set_to_and_fro_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    lately = Ledger.written_lately

    def counted(self: Ledger, mapping: str, side: Any, keys: Any, *more: Any) -> Any:
        asked.append(len(keys))
        return lately(self, mapping, side, keys, *more)

    monkeypatch.setattr(Ledger, "written_lately", counted)
    with linked() as world:
        world.put("crm", *({"id": n, "name": f"Firma {n}", "notes": "n", "status": "open"} for n in range(3, 600)))
        world.run()  # the first load
        world.run()  # nothing to do
        assert not asked
        for day in range(4):
            assert not asked  # too few runs in a row, for the second one has left everything alone
            for n in range(3, 600):
                world.edit("crm", n, name=f"Deň {day} {n}")
            assert world.run().writes == 597
        assert asked == [500, 97]  # one question a page
