"""What belongs together and was made only in part is completed by the next run, or a person is asked."""

from __future__ import annotations

from typing import Any

from tests.run.bench import Bench, buckets, mapping, plain

DEAL = {"crm": {"entity": "deal", "contract": "crm.deal@1"}, "pm": {"entity": "deal", "contract": "pm.deal@1"}}
LINE = {"crm": {"entity": "line", "contract": "crm.line@1"}, "pm": {"entity": "line", "contract": "pm.line@1"}}
OPEN = {"type": "object"}
DEALS = mapping({**plain("name")}, mapping="deals", between=DEAL, create={"pm": "always"})


def lines(**more: Any) -> Any:
    fields = {**plain("code"), **plain("deal", link="deals")}
    return mapping(fields, mapping="lines", between=LINE, create={"pm": "always"}, **more)


def bench(**more: Any) -> Bench:
    entity = {"key": "id", "modified": "updated"}
    recover = {"recover_by": "origin field", "origin": "origin"}
    world = Bench(
        DEALS,
        lines(**more),
        entities={
            "crm": {"deal": entity, "line": entity},
            "pm": {"deal": {**entity, **recover}, "line": {**entity, **recover, "unique": ["code"]}},
        },
        schemas={f"{system}.{name}": OPEN for system in ("crm", "pm") for name in ("deal", "line")},
    )
    world.put("crm", {"id": 3, "name": "Žltý kôň"}, entity="deal")
    world.put("crm", {"id": 1, "deal": 3, "code": "a"}, {"id": 2, "deal": 3, "code": "taken"}, entity="line")
    world.put("pm", {"id": 900, "code": "taken", "deal": None}, entity="line")
    return world


def torn(**more: Any) -> Bench:
    """The deal and one of its lines were made, the other one was refused."""
    world = bench(**more)
    report = world.run()
    assert report.mappings["lines"].actions[1]["create"] == 1
    assert buckets(report.mappings["lines"])[0] == {"applied": 1, "failed": 1}
    return world


def test_what_was_made_only_in_part_is_completed_by_the_next_run_which_says_so() -> None:
    with torn(together=True) as world:
        world.remove("pm", 900, entity="line")

        report = world.run()

        assert report.mappings["lines"].actions[1] == {"create": 1}
        assert [(why.rule, why.example, why.message) for why in report.mappings["lines"].why if why.rule] == [
            ("together", "crm.line/2", "completed: it belongs together with deals 3")
        ]
        assert sorted(world.values("pm", "code", "line").values()) == ["a", "taken"]
        assert not world.letters()
        assert world.run().writes == 0


def test_what_the_next_run_cannot_complete_waits_for_a_person_and_nothing_is_undone() -> None:
    with torn(together=True) as world:
        world.run()

        report = world.run()

        [review] = world.reviews()
        assert (review.kind, review.keys) == ("together", ((2,), None))
        assert "it belongs together with deals 3, but it cannot be made (dead letter 1)" in review.message
        assert report.exit == 3
        assert buckets(report.mappings["lines"])[0] == {"unchanged": 1, "held": 1}
        assert report.writes == 0
        assert len(world.records("pm", "deal")) == 1


def test_a_held_member_is_made_as_soon_as_its_record_is_mended() -> None:
    with torn(together=True) as world:
        world.run()
        world.run()
        world.edit("crm", 2, entity="line", code="b")

        world.run(mode="delta")

        assert sorted(world.values("pm", "code", "line").values()) == ["a", "b", "taken"]
        assert not world.reviews()
        assert not world.letters()


def test_a_held_member_is_tried_again_when_a_person_says_so() -> None:
    with torn(together=True) as world:
        world.run()
        world.run()
        world.remove("pm", 900, entity="line")
        world.write(lambda ledger: ledger.retry_dead([world.letters()[0].n], "eva", "2026-11-21T20:00:00+00:00"))

        assert world.run().writes == 1
        assert not world.reviews()


def test_without_together_what_was_refused_is_not_tried_again_by_itself() -> None:
    with torn() as world:
        world.remove("pm", 900, entity="line")

        assert world.run().writes == 0
        assert not world.reviews()


def test_what_was_refused_and_dropped_is_neither_tried_nor_told_of_until_its_record_changes() -> None:
    with torn() as world:
        world.write(lambda ledger: ledger.drop_dead([world.letters()[0].n], "eva", "2026-11-21T20:00:00+00:00"))

        report = world.run()

        assert (report.exit, report.writes) == (0, 0)
        assert buckets(report.mappings["lines"])[0] == {"unchanged": 2}
        world.edit("crm", 2, entity="line", code="b")
        assert world.run().writes == 1
