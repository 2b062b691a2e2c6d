"""What is told of two systems that are out of step? Nothing is written, whatever is found."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from crmsync.core.model import Create, Update
from crmsync.core.plan import decode
from crmsync.run.drift import Category, Drift, Found, Group, Since, compared
from crmsync.run.match.judge import split
from crmsync.run.report import Recovered
from tests.run.bench import ENTITY, Bench, Spec, mapping, plain
from tests.run.killing import killed_at
from tests.run.small import Small
from tests.run.stories import STORIES
from tests.run.stories import told as told_story

NOW = "2026-03-10T12:00:00.000+00:00"
CODE = plain("code")
LINKED: Spec = {"match": {"decide": ["code"]}, "create": {"pm": "always"}}
SHORT: Spec = {"type": "object", "properties": {"x": {"type": ["string", "null"], "maxLength": 3}}}
TOMBSTONES: Spec = {"crm": {"thing": {**ENTITY, "deleted": "gone"}}, "pm": {"thing": {**ENTITY, "deleted": "gone"}}}


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Makes a world of things with x and y, on memory connectors or on SQLite. `again` gives a mapping for it."""
    columns = "code TEXT, x TEXT, y TEXT, gone BOOLEAN, parent INTEGER" if request.param == "sqlite" else None
    with ExitStack() as stack:

        def world(fields: Spec | None = None, *, options: Any = None, **more: Any) -> Bench:
            wanted = {**CODE, **(fields or {**plain("x"), **plain("y", "shared")})}
            return stack.enter_context(Bench(mapping(wanted, **{**LINKED, **more}), columns=columns, **(options or {})))

        yield world


@pytest.fixture
def pair(make: Any) -> Bench:
    """Things 1 and 2 are linked and agree; both systems are at rest."""
    return two_things(make())


def two_things(world: Bench) -> Bench:
    world.put("crm", {"id": 1, "code": "A", "x": "a", "y": "m"}, {"id": 2, "code": "B", "x": "b", "y": "n"})
    world.run()
    assert drift(world) == {}
    return world


def drift(world: Bench, *select: str) -> dict[tuple[Any, ...], int]:
    """What is counted, by group without its empty parts. Makes sure that nothing was written anywhere."""
    before = world.everything()
    with compared(world.world, select, NOW) as found:
        counted = {named(group): each.count for one in found.mappings.values() for group, each in one.groups.items()}
        assert found.exit == (3 if counted or found.forgotten else 0)
    assert world.everything() == before
    return counted


def named(group: Group) -> tuple[Any, ...]:
    category, what, side, field, listings = group
    return (category, what, *([] if side is None else [side]), *filter(None, [field, listings]))


def all_found(found: Drift, category: Category) -> list[Found]:
    return [
        one
        for name, each in found.mappings.items()
        for group, _ in each.of(category)
        for one in found.found(name, group)
    ]


def told(world: Bench, category: Category) -> list[Found]:
    with compared(world.world, (), NOW) as found:
        return all_found(found, category)


def only(world: Bench, category: Category) -> Found:
    (one,) = told(world, category)
    return one


# Nothing to tell ---------------------------------------------------------------------------------------------


def test_after_a_run_there_is_no_drift(pair: Bench) -> None:
    with compared(pair.world, (), NOW) as found:
        assert (found.count, found.exit) == (0, 0)
        assert found.mappings["things"].read == (2, 2)


def test_what_may_have_no_counterpart_is_no_drift(make: Any) -> None:
    world = two_things(make(create={"pm": "never"}))
    world.put("pm", {"id": 9, "code": "Z", "x": "z", "y": "z"})
    assert drift(world) == {}


def test_a_frozen_pair_is_no_drift_even_when_one_of_its_records_goes(make: Any) -> None:
    world = two_things(make(scope={"crm": "x != 'out'"}))
    world.edit("crm", 1, x="out")
    world.run()
    assert drift(world) == {}
    world.remove("crm", 1)
    assert drift(world) == {}


def gone_for_good(world: Bench, system: str, key: int = 1) -> Bench:
    """A thing is gone from a system, and the runs that saw so left its counterpart alone."""
    world.remove(system, key)
    for _ in range(2):
        assert drift(world)
        world.run()
    return world


@pytest.mark.parametrize(("create", "removed"), [({"pm": "always"}, "crm"), ({"pm": "never"}, "pm")])
def test_a_record_whose_counterpart_is_gone_is_no_drift_where_none_is_to_be_created(
    make: Any, create: Any, removed: str
) -> None:
    world = make(create=create)
    world.put("pm", {"id": 1, "code": "A", "x": "a", "y": "m"}, {"id": 2, "code": "B", "x": "b", "y": "n"})
    assert drift(gone_for_good(two_things(world), removed)) == {}


def test_a_record_whose_counterpart_is_gone_is_no_drift_once_it_is_out_of_scope(make: Any) -> None:
    world = gone_for_good(two_things(make(scope={"crm": "x != 'out'"})), "pm")
    assert drift(world) == {("missing", "gone for good", 1): 1}
    world.edit("crm", 1, x="out")
    assert drift(world) == {}


# Never dispatched --------------------------------------------------------------------------------------------


def test_before_the_first_run_everything_is_to_be_created_or_linked(make: Any) -> None:
    world = make()
    world.put("crm", {"id": 1, "code": "A", "x": "a"}, {"id": 2, "code": "Ž", "x": "žlutý kůň"})
    world.put("pm", {"id": 7, "code": "A", "x": "other"})
    assert drift(world) == {("never_dispatched", "create", 1): 1, ("never_dispatched", "link"): 1}
    assert [one.keys for one in told(world, "never_dispatched")] == [((2,), None), ((1,), (7,))]


def test_a_delta_that_has_not_come_yet_leaves_records_that_were_never_dispatched(pair: Bench) -> None:
    pair.put("crm", {"id": 3, "code": "C", "x": "c", "y": "o"})
    assert drift(pair) == {("never_dispatched", "create", 1): 1}
    pair.run("delta")
    assert drift(pair) == {}


def test_a_rejected_newcomer_is_told_with_its_dead_letter(make: Any) -> None:
    world = make(options={"schemas": {"crm.thing": SHORT}})
    world.put("crm", {"id": 1, "code": "A", "x": "too long"})
    assert drift(world) == {("never_dispatched", "rejected", 0): 1}
    assert only(world, "never_dispatched").letter is None  # no run has opened one yet
    world.run()
    one = only(world, "never_dispatched")
    assert (one.keys, one.letter) == (((1,), None), world.letters()[0].n)
    assert "3" in one.why


def test_two_records_that_may_be_the_same_are_told_with_their_review(make: Any) -> None:
    rule = {"compare": {"x": {"as": "text", "weight": 0.5}, "y": {"as": "text", "weight": 0.5}}, "review_at": 0.3}
    world = make(match=rule)
    world.put("crm", {"id": 1, "code": "A", "x": "Alfa Beta", "y": "same"})
    world.put("pm", {"id": 7, "code": "B", "x": "Alfa Gamma", "y": "same"})
    world.run()
    assert [each.kind for each in world.reviews()] == ["match"]
    assert drift(world) == {("never_dispatched", "held", 0): 1, ("never_dispatched", "held", 1): 1}
    assert {one.review for one in told(world, "never_dispatched")} == {world.reviews()[0].n}


def test_a_pair_that_is_to_be_linked_is_told_once_even_when_its_fields_are_held(make: Any) -> None:
    world = make()
    world.put("crm", {"id": 1, "code": "A", "x": None, "y": "ours"})
    world.put("pm", {"id": 7, "code": "A", "x": "filled", "y": "theirs"})
    assert drift(world) == {("never_dispatched", "link"): 1}


def test_a_pair_that_would_be_linked_but_is_rejected_is_not_lost(make: Any) -> None:
    world = make(options={"schemas": {"crm.thing": SHORT}})
    world.put("crm", {"id": 1, "code": "A", "x": "too long"})
    world.put("pm", {"id": 7, "code": "A", "x": "b"})
    assert drift(world) == {("never_dispatched", "rejected", 0): 1}


def refuses(event: str) -> Bench:
    """A project tool that refuses the code or x `bad`."""
    world = Bench(mapping({**CODE, **plain("x")}, **LINKED), columns="code TEXT, x TEXT")
    with closing(sqlite3.connect(world.root / "pm.db")) as database:
        database.execute(
            f"CREATE TRIGGER no BEFORE {event} ON thing WHEN new.x = 'bad' BEGIN SELECT raise(ABORT, 'no'); END"
        )
    return world


def test_a_refused_create_is_told_with_its_dead_letter() -> None:
    with refuses("INSERT") as world:
        world.put("crm", {"id": 1, "code": "A", "x": "bad"})
        world.run()
        assert drift(world) == {("never_dispatched", "failed", 0): 1}
        assert only(world, "never_dispatched").letter == world.letters()[0].n


# Missing and orphaned ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("system", "side"), [("crm", 0), ("pm", 1)])
def test_a_missing_record_is_told_with_the_listings_that_did_not_have_it(pair: Bench, system: str, side: int) -> None:
    pair.remove(system, 1)
    assert drift(pair) == {("missing", "unlisted", side, 1): 1}
    assert drift(pair) == {("missing", "unlisted", side, 1): 1}  # looking counts nothing
    pair.run()
    assert drift(pair) == {("missing", "unlisted", side, 2): 1}
    assert only(pair, "missing").keys == ((1,), (1,))


def test_a_missing_record_whose_counterpart_was_edited_is_told_with_its_review(make: Any) -> None:
    world = two_things(make(delete={"pm": "delete"}))
    world.edit("pm", 1, y="edited")
    world.remove("crm", 1)
    world.run()
    world.run()
    assert [each.kind for each in world.reviews()] == ["delete"]
    assert drift(world) == {("missing", "unlisted", 0, 2): 1}
    assert only(world, "missing").review == world.reviews()[0].n


def test_a_record_that_lost_its_counterpart_for_good_is_told_until_a_person_splits_them(pair: Bench) -> None:
    gone_for_good(pair, "pm")
    assert drift(pair) == {("missing", "gone for good", 1): 1}
    one = only(pair, "missing")
    assert (one.keys, one.why) == (((1,), (1,)), "its counterpart is gone, and no run makes another in pm.thing")
    pair.run()
    assert drift(pair) == {("missing", "gone for good", 1): 1}
    split(pair.world, "things", [((1,), (1,))], "eva")
    pair.run()
    assert drift(pair) == {}
    assert sorted(pair.values("pm", "code").values()) == ["A", "B"]


@pytest.mark.parametrize("columns", [None, "code TEXT, x TEXT, y TEXT, gone BOOLEAN"])
@pytest.mark.parametrize("create", [{"pm": "always"}, {"crm": "always", "pm": "always"}])
def test_a_record_that_came_back_after_its_counterpart_was_archived_is_told_once(
    create: Any, columns: str | None
) -> None:
    fields = {**CODE, **plain("x"), **plain("y", "shared")}
    pm = {"thing": {**ENTITY, "archive": {"set": {"gone": True}}}}
    entities = {"crm": TOMBSTONES["crm"], "pm": pm}
    with Bench(mapping(fields, create=create, delete={"pm": "archive"}), entities=entities, columns=columns) as world:
        two_things(world)
        world.edit("crm", 1, gone=True)
        world.run()
        assert world.values("pm", "gone")[1]
        world.edit("crm", 1, gone=False)
        assert drift(world) == {("missing", "gone for good", 1): 1}
        one = only(world, "missing")
        assert one.keys == ((1,), (1,))
        assert one.why == "its link ended when one of the two was gone, and no run makes another in pm.thing"


def test_a_child_whose_parent_is_out_of_scope_lost_nothing(make: Any) -> None:
    fields = {**plain("x"), "parent": {"crm": "parent", "pm": "parent", "owner": "crm", "link": "things"}}
    world = make(fields, scope={"crm": "x != 'out'"})
    world.put("crm", {"id": 1, "code": "A", "x": "a", "parent": 2}, {"id": 2, "code": "B", "x": "b", "parent": None})
    world.run()
    gone_for_good(world, "pm", next(key for key, code in world.values("pm", "code").items() if code == "A"))
    assert drift(world) == {("missing", "gone for good", 1): 1}
    world.edit("crm", 2, x="out")
    assert drift(world) == {}


def test_a_tombstone_is_told_as_deleted(make: Any) -> None:
    world = two_things(make(options={"entities": TOMBSTONES}))
    world.edit("crm", 1, gone=True)
    assert drift(world) == {("missing", "deleted", 0): 1}
    world.run()
    assert drift(world) == {}


@pytest.mark.parametrize("policy", ["archive", "delete"])
def test_a_tombstone_whose_counterpart_is_to_follow_is_missing_once(make: Any, policy: str) -> None:
    archives = {**TOMBSTONES, "pm": {"thing": {**ENTITY, "archive": {"set": {"gone": True}}}}}
    world = two_things(make(options={"entities": archives}, delete={"pm": policy}))
    world.edit("crm", 1, gone=True)
    assert drift(world) == {("missing", "deleted", 0): 1}


def test_a_tombstone_whose_counterpart_was_edited_is_told_with_its_review(make: Any) -> None:
    world = two_things(make(options={"entities": TOMBSTONES}, delete={"pm": "delete"}))
    world.edit("pm", 1, y="edited")
    world.edit("crm", 1, gone=True)
    world.run()
    assert drift(world) == {("missing", "deleted", 0): 1}
    assert only(world, "missing").review == world.reviews()[0].n


def test_a_link_of_two_records_that_are_gone_is_orphaned(pair: Bench) -> None:
    pair.remove("crm", 1)
    pair.remove("pm", 1)
    assert drift(pair) == {("orphaned", "gone"): 1}
    assert only(pair, "orphaned").keys == ((1,), (1,))


@pytest.mark.parametrize("removed", ["crm", "pm", None])
def test_a_tombstone_is_as_good_as_gone_for_an_orphaned_link(make: Any, removed: str | None) -> None:
    world = two_things(make(options={"entities": TOMBSTONES}))
    for system in ("crm", "pm"):
        if system == removed:
            world.remove(system, 1)
        else:
            world.edit(system, 1, gone=True)
    assert drift(world) == {("orphaned", "gone"): 1}


def test_links_of_a_mapping_that_is_no_more_are_orphaned(pair: Bench) -> None:
    (pair.root / "mappings" / "things.yaml").unlink()
    pair.change(mapping({**CODE}, mapping="others"))
    with compared(pair.world, (), NOW) as found:
        assert (found.forgotten, found.exit) == ({"things": 2}, 3)
    with compared(pair.world, ["others"], NOW) as found:
        assert found.forgotten == {}
    pair.change(mapping({**CODE}, enabled=False))
    with compared(pair.world, (), NOW) as found:
        assert found.forgotten == {}


def test_an_empty_listing_stops_it_as_it_stops_a_plan(pair: Bench) -> None:
    pair.remove("pm", 1, 2)
    code, findings = pair.stopped(lambda: drift(pair))
    assert (code, findings) == pair.stopped(pair.plan)
    assert code == 4


# Fields ------------------------------------------------------------------------------------------------------


def test_a_field_that_its_owner_changed_is_to_be_written_to_the_other_side(pair: Bench) -> None:
    pair.edit("crm", 1, x="žluťoučký")
    assert drift(pair) == {("fields", "write", 1, "x"): 1}
    line = only(pair, "fields").line
    assert isinstance(line, Update)
    assert [(change.field, change.before, change.after) for change in line.changes] == [("x", "a", "žluťoučký")]


def test_a_foreign_edit_is_to_be_written_back(pair: Bench) -> None:
    pair.edit("pm", 1, x="theirs")
    assert drift(pair) == {("fields", "write", 1, "x"): 1}
    assert only(pair, "fields").why == "foreign-edit"


def test_a_shared_field_drifts_towards_the_side_that_did_not_change(pair: Bench) -> None:
    pair.edit("crm", 1, y="ours")
    pair.edit("pm", 2, y="theirs")
    assert drift(pair) == {("fields", "write", 1, "y"): 1, ("fields", "write", 0, "y"): 1}


def test_every_field_of_a_pair_is_counted_for_itself(pair: Bench) -> None:
    pair.edit("crm", 1, x="new", y="new")
    pair.edit("crm", 2, x="new")
    assert drift(pair) == {("fields", "write", 1, "x"): 2, ("fields", "write", 1, "y"): 1}


def test_a_conflict_is_told_with_its_review_once_a_run_has_asked(pair: Bench) -> None:
    pair.edit("crm", 1, y="ours")
    pair.edit("pm", 1, y="theirs")
    assert drift(pair) == {("fields", "held", "y"): 1}
    assert only(pair, "fields").review is None
    pair.run()
    assert drift(pair) == {("fields", "held", "y"): 1}
    assert only(pair, "fields").review == pair.reviews()[0].n
    pair.resolve(0)
    assert drift(pair) == {("fields", "write", 1, "y"): 1}


def test_what_was_settled_under_another_mapping_is_looked_at_again(pair: Bench) -> None:
    fields = {**CODE, **plain("x", to_pm=["upper"]), **plain("y", "shared")}
    pair.change(mapping(fields, **LINKED))
    assert drift(pair) == {("fields", "write", 1, "x"): 2}
    assert {one.why for one in told(pair, "fields")} == {"mapping-changed"}


def test_what_a_run_takes_for_settled_is_looked_at_again() -> None:
    """A fingerprint knows the record and the mapping, not what a lookup in a system has come to say since."""
    by_mail = [{"lookup": {"entity": "pm.user", "by": "mail", "take": "name"}}]
    entities = {"crm": {"thing": ENTITY}, "pm": {"thing": ENTITY, "user": {"key": "id"}}}
    with Bench(mapping({**CODE, **plain("x", to_pm=by_mail)}, **LINKED), entities=entities) as world:
        world.put("pm", {"id": 1, "mail": "eva@x", "name": "Eva"}, entity="user")
        world.put("crm", {"id": 1, "code": "A", "x": "eva@x"})
        world.run()
        world.put("pm", {"id": 1, "mail": "eva@x", "name": "Eva Nová"}, entity="user")
        world.world.compiled.clear()
        assert world.run().writes == 0
        assert drift(world) == {("fields", "write", 1, "x"): 1}


def test_a_limit_that_would_stop_a_run_stops_no_comparison(make: Any) -> None:
    world = two_things(make(limits={"update": 1}))
    world.edit("crm", 1, x="new")
    world.edit("crm", 2, x="new")
    assert world.stopped(world.run)[0] == 4
    assert drift(world) == {("fields", "write", 1, "x"): 2}


# Stuck -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("system", "side"), [("crm", 0), ("pm", 1)])
def test_a_linked_pair_that_is_rejected_is_stuck_with_its_dead_letter(make: Any, system: str, side: int) -> None:
    world = make(options={"schemas": {f"{system}.thing": SHORT}})
    world.put("crm", {"id": 1, "code": "A", "x": "a"})
    world.run()
    world.edit(system, 1, x="too long")
    world.run()
    assert drift(world) == {("stuck", "rejected"): 1}
    one = only(world, "stuck")
    assert (one.keys, one.letter, world.letters()[0].side) == (((1,), (1,)), world.letters()[0].n, side)


def test_a_refused_update_is_stuck_with_its_dead_letter() -> None:
    with refuses("UPDATE") as world:
        world.put("crm", {"id": 1, "code": "A", "x": "a"})
        world.run()
        world.edit("crm", 1, x="bad")
        assert drift(world) == {("fields", "write", 1, "x"): 1}
        world.run()
        assert drift(world) == {("stuck", "failed"): 1}
        assert only(world, "stuck").letter == world.letters()[0].n


def test_a_pair_that_a_check_holds_is_stuck_with_its_review(make: Any) -> None:
    checks = [{"crm": "x", "equals": "y", "within": 0, "else": "hold"}]
    world = make(checks=checks)
    world.put("crm", {"id": 1, "code": "A", "x": "1", "y": "1"})
    world.run()
    world.edit("crm", 1, x="2")
    world.run()
    assert drift(world) == {("stuck", "held"): 1}
    assert only(world, "stuck").review == world.reviews()[0].n


def test_a_pair_whose_new_parent_has_no_counterpart_yet_is_stuck(make: Any) -> None:
    fields = {**plain("x"), "parent": {"crm": "parent", "pm": "parent", "owner": "crm", "link": "things"}}
    world = make(fields, create={"pm": {"when": {"crm": "x != 'no'"}}})
    world.put("crm", {"id": 1, "code": "A", "x": "a"})
    world.run()
    world.put("crm", {"id": 2, "code": "B", "x": "no"})
    world.edit("crm", 1, parent=2)
    assert drift(world) == {("stuck", "waiting"): 1}
    assert "no counterpart yet" in only(world, "stuck").why


def test_a_pair_that_is_to_be_archived_because_it_left_the_scope_is_stuck(make: Any) -> None:
    archives = {"crm": {"thing": ENTITY}, "pm": {"thing": {**ENTITY, "archive": {"set": {"gone": True}}}}}
    world = two_things(make(options={"entities": archives}, scope={"crm": "x != 'out'"}, on_leave_scope="archive"))
    world.edit("crm", 1, x="out")
    assert drift(world) == {("stuck", "archive", 1): 1}


# Since when --------------------------------------------------------------------------------------------------


def dated(fields: Spec | None = None) -> Bench:
    """Thing 1, linked long ago, in systems that tell the time of a change."""
    world = Bench(mapping({**CODE, **(fields or plain("x", "shared"))}, **LINKED))
    for system in ("crm", "pm"):
        world.put(system, {"id": 1, "code": "A", "x": "a", "updated": "2026-01-01T00:00:00Z"})
    world.run()
    agree(world, "2026-01-02T00:00:00.000+00:00")
    return world


def agree(world: Bench, at: str) -> None:
    """As if the link had been made then."""
    with closing(sqlite3.connect(world.root / "ledger.db")) as database:
        database.execute("UPDATE crmsync_link SET made = ?", [at])
        database.execute("UPDATE crmsync_journal SET at = ?", [at])
        database.commit()


def say(world: Bench, system: str, value: str, at: Any) -> None:
    world.put(system, {"id": 1, "code": "A", "x": value, "updated": at})


def test_a_field_differs_since_the_side_that_changed_it_was_changed() -> None:
    with dated() as world:
        say(world, "crm", "b", "2026-03-01T01:00:00+01:00")
        say(world, "pm", "a", "2026-03-05T00:00:00Z")  # changed, too, but not in this field
        assert only(world, "fields").since == Since("2026-03-01T00:00:00.000+00:00", "modified")


def test_when_both_sides_changed_it_differs_since_the_first_of_them() -> None:
    with dated() as world:
        say(world, "crm", "b", "2026-03-05T00:00:00Z")
        say(world, "pm", "c", "2026-03-01T00:00:00Z")
        assert only(world, "fields").since == Since("2026-03-01T00:00:00.000+00:00", "modified")


def test_a_modified_time_from_before_they_agreed_says_nothing() -> None:
    with dated() as world:
        say(world, "crm", "b", "2025-12-24T00:00:00Z")
        assert only(world, "fields").since == Since("2026-01-02T00:00:00.000+00:00", "agreed")


def test_where_no_time_is_told_it_is_no_longer_than_since_they_agreed(pair: Bench) -> None:
    agree(pair, "2026-01-02T00:00:00.000+00:00")
    pair.edit("crm", 1, x="new")
    assert only(pair, "fields").since == Since("2026-01-02T00:00:00.000+00:00", "agreed")


def test_a_later_write_to_the_pair_is_a_later_agreement(pair: Bench) -> None:
    agree(pair, "2026-01-02T00:00:00.000+00:00")
    pair.edit("crm", 1, x="new")
    pair.run()
    with closing(sqlite3.connect(pair.root / "ledger.db")) as database:
        database.execute("UPDATE crmsync_journal SET at = '2026-02-02T00:00:00.000+00:00' WHERE kind = 'update'")
        database.commit()
    pair.edit("pm", 1, x="newer")
    assert only(pair, "fields").since == Since("2026-02-02T00:00:00.000+00:00", "agreed")


def test_a_changed_mapping_shows_since_they_agreed_at_most() -> None:
    with dated(plain("x")) as world:
        world.change(mapping({**CODE, **plain("x", to_pm=["upper"])}, **LINKED))
        assert only(world, "fields").since == Since("2026-01-02T00:00:00.000+00:00", "agreed")


def test_a_question_is_as_old_as_its_review_at_least(pair: Bench) -> None:
    pair.edit("crm", 1, y="ours")
    pair.edit("pm", 1, y="theirs")
    pair.run()
    assert only(pair, "fields").since == Since(pair.reviews()[0].opened, "review")


def test_a_link_without_any_time_has_no_age(pair: Bench) -> None:
    agree(pair, "")
    pair.edit("crm", 1, x="new")
    with compared(pair.world, (), NOW) as found:
        (told_of,) = (each for _, each in found.mappings["things"].of("fields"))
    assert (told_of.oldest, told_of.newest, told_of.ageless) == (None, None, 1)


def test_the_oldest_and_the_newest_of_a_field_are_kept() -> None:
    with Bench(mapping({**CODE, **plain("x")}, **LINKED)) as world:
        for system in ("crm", "pm"):
            for key in (1, 2, 3):
                world.put(system, {"id": key, "code": str(key), "x": "a", "updated": "2026-01-01T00:00:00Z"})
        world.run()
        agree(world, "2026-01-02T00:00:00.000+00:00")
        for key, day in ((1, "03"), (2, "01"), (3, "02")):
            world.put("crm", {"id": key, "code": str(key), "x": "b", "updated": f"2026-03-{day}T00:00:00Z"})
        with compared(world.world, (), NOW) as found:
            ((_, each),) = found.mappings["things"].of("fields")
    assert each.count == 3
    assert each.oldest == Since("2026-03-01T00:00:00.000+00:00", "modified")
    assert each.newest == Since("2026-03-03T00:00:00.000+00:00", "modified")


# All of it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ledger", ["sqlite", "postgresql"])
def test_drift_is_what_a_batch_run_would_mend_and_nothing_changes(ledger: str, postgres: Callable[[], str]) -> None:
    world = Small("sqlite", *([postgres()] if ledger == "postgresql" else []))
    try:
        for number, name in enumerate(["Alfa", "Beta", "Gama", "Žltý kôň"], 1):
            company = {"id": number, "name": name, "type": "customer", "ids": {"code": f"{number}{number}"}}
            world.crm.put("company", company)
            world.crm.put("deal", {"id": number, "company": number, "number": 1, "title": name, "done": False})
        world.run()
        world.crm.put("company", {**world.crm.records("company")[1,], "name": "Alfa nova", "notes": "ours"})
        (client, *_) = world.pm.records("client")
        world.pm.put("client", {**world.pm.records("client")[client], "notes": "theirs"})
        world.crm.put("company", {"id": 9, "name": "Nová", "type": "customer", "ids": {"code": "99"}})
        world.crm.remove("deal", (2,))
        _, lines = world.plan()
        before = world.everything()
        with compared(world.world, (), NOW) as found:
            counts = [{group: each.count for group, each in one.groups.items()} for one in found.mappings.values()]
            agreed = {one.keys: one.since for one in all_found(found, "fields")}
        assert world.everything() == before
        planned = [decode(line) for line in lines]
        creates = sum(isinstance(line, Create) for line in planned)
        changes = sum(len(line.changes) for line in planned if isinstance(line, Update))
        assert sum(n for each in counts for group, n in each.items() if group.what == "write") == changes > 0
        assert sum(n for each in counts for group, n in each.items() if group.what == "create") == creates == 1
        assert sum(n for each in counts for group, n in each.items() if group.category == "missing") == 1
        assert all(agreed.values())
        world.run()
        world.run()
        with compared(world.world, (), NOW) as found:
            left = {group.what for one in found.mappings.values() for group in one.groups}
            assert left == {"held"}
            assert all(one.review for one in all_found(found, "fields"))
    finally:
        world.close()


def test_what_a_run_that_died_had_sent_is_told_and_is_nobodys_loss_after_the_next_run() -> None:
    with told_story("sql", STORIES["the first load"]) as world:
        killed_at(world, 7, world.run)  # after the first write, before its answer was remembered
        with compared(world.world, (), NOW) as found:
            planned, _ = world.plan()
            assert found.left == planned.recovered
            assert found.left.writes
        world.run()
        with compared(world.world, (), NOW) as found:
            assert found.left == Recovered()
