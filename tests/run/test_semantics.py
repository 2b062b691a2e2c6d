"""What follows when two systems say different things? Sentence after sentence, as whole runs on small worlds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import pytest

from tests.run.bench import ENTITY, THING, Bench, Spec, buckets, done, mapping, plain

CREATE: Spec = {"pm": "always"}
CODE: Spec = {"code": {"crm": "code", "pm": "code", "owner": "crm"}}
BY_CODE: Spec = {"decide": ["code"]}


@pytest.fixture
def worlds() -> Iterator[Any]:
    """Makes worlds that go after the test."""
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(Bench(*args, **options))


@pytest.fixture
def linked(worlds: Any) -> Any:
    """Makes a world in which record 1 of both sides is linked; `crm` and `pm` are its first values."""

    def make(fields: Spec, crm: Spec, pm: Spec | None = None, options: Any = None, **more: Any) -> Bench:
        world: Bench = worlds(mapping({**CODE, **fields}, match=BY_CODE, **more), **(options or {}))
        world.put("crm", {"id": 1, "code": "A", **crm})
        world.put("pm", {"id": 1, "code": "A", **(crm if pm is None else pm)})
        assert world.run().writes == 0
        return world

    return make


def said(world: Bench, name: str = "x") -> tuple[Any, Any]:
    """What both sides say in a field of record 1."""
    return world.records("crm")[1,].get(name), world.records("pm")[1,].get(name)


def reasons(lines: list[Any]) -> list[tuple[int, str, str]]:
    """Side, field and reason of every change of a plan."""
    return [(line["side"], each["field"], each["why"]) for line in lines for each in line.get("changes", ())]


# First link ----------------------------------------------------------------------------------------------------------

OWNED: Spec = {"owner": "crm"}
TAKES_EMPTY: Spec = {"owner": "crm", "on_first_link": "owner"}
SHARED: Spec = {"owner": "shared"}
TAKES_CRM: Spec = {"owner": "shared", "on_conflict": "crm"}
SET: Spec = {"owner": "shared", "merge": "set"}
COUNTER: Spec = {"owner": "shared", "merge": "counter"}
APPEND: Spec = {"owner": "shared", "merge": "append"}

FIRST_LINKS = [
    ("equal values become base", OWNED, ("a", "a"), ("a", "a"), []),
    ("an owner's value goes", OWNED, ("a", "b"), ("a", "a"), []),
    ("an owner's value fills what is empty", OWNED, ("a", None), ("a", "a"), []),
    ("an empty owner against a filled side is held", OWNED, (None, "b"), (None, "b"), ["first-link"]),
    ("an empty text is empty too", OWNED, ("", "b"), ("", "b"), ["first-link"]),
    ("0 is a value", OWNED, (0, 5), (0, 0), []),
    ("false is a value", OWNED, (False, True), (False, False), []),
    ("unless the field says that the owner's goes", TAKES_EMPTY, (None, "b"), (None, None), []),
    ("shared, and one side empty: the filled one", SHARED, (None, "b"), ("b", "b"), []),
    ("shared, and the other side empty", SHARED, ("a", ""), ("a", "a"), []),
    ("shared, and both filled: a person is asked", SHARED, ("a", "b"), ("a", "b"), ["conflict"]),
    ("shared, and both filled: or one side wins", TAKES_CRM, ("a", "b"), ("a", "a"), []),
    ("sets are united", SET, (["a"], ["b"]), (["a", "b"], ["b", "a"]), []),
    ("equal counters stay", COUNTER, (3, 3), (3, 3), []),
    ("different counters are held", COUNTER, (3, 4), (3, 4), ["conflict"]),
    ("equal logs stay", APPEND, ("ab", "ab"), ("ab", "ab"), []),
    ("different logs are held", APPEND, ("ab", "cd"), ("ab", "cd"), ["conflict"]),
]


@pytest.mark.parametrize(
    ("policy", "before", "after", "held"), [row[1:] for row in FIRST_LINKS], ids=[r[0] for r in FIRST_LINKS]
)
def test_at_the_first_link_there_is_no_base(
    worlds: Any, policy: Spec, before: Any, after: Any, held: list[str]
) -> None:
    world = worlds(mapping({**CODE, "x": {"crm": "x", "pm": "x", **policy}}, match=BY_CODE))
    world.put("crm", {"id": 1, "code": "A", "x": before[0]})
    world.put("pm", {"id": 1, "code": "A", "x": before[1]})
    report = world.run()
    assert said(world) == after
    assert [review.kind for review in world.reviews()] == held
    assert report.exit == (3 if held else 0)
    assert world.plan()[0].writes == 0


# Later: who changed what ---------------------------------------------------------------------------------------------

REVERTED, KEPT, ASKED = ({**OWNED, "on_foreign_edit": policy} for policy in ("revert", "keep", "review"))
KEEPS_NULL: Spec = {**OWNED, "on_null": "keep"}
NEWEST: Spec = {**SHARED, "on_conflict": "newest"}

LATER = [
    # policy, agreed, what both say then, what both say after the run, why, reviews
    ("the owner's change goes", OWNED, "a", ("b", "a"), ("b", "b"), "owner-changed", []),
    ("a foreign edit is reverted", REVERTED, "a", ("a", "b"), ("a", "a"), "foreign-edit", []),
    ("or kept", KEPT, "a", ("a", "b"), ("a", "b"), None, []),
    ("or a person is asked", ASKED, "a", ("a", "b"), ("a", "b"), None, ["foreign-edit"]),
    ("a foreign edit beside the owner's loses", KEPT, "a", ("b", "c"), ("b", "b"), "owner-changed", []),
    ("beside the owner's it is a question where it asks", ASKED, "a", ("b", "c"), ("b", "c"), None, ["foreign-edit"]),
    ("null is a value of the owner's", OWNED, "a", (None, "a"), (None, None), "owner-changed", []),
    ("unless null is to be kept out", KEEPS_NULL, "a", (None, "a"), (None, "a"), None, []),
    ("a peer's change goes", SHARED, "a", ("a", "b"), ("b", "b"), "peer-changed", []),
    ("both the same change is no conflict", SHARED, "a", ("b", "b"), ("b", "b"), None, []),
    ("two changes are a conflict", SHARED, "a", ("b", "c"), ("b", "c"), None, ["conflict"]),
    ("a winner may be named", TAKES_CRM, "a", ("b", "c"), ("b", "b"), "peer-changed", []),
    ("whose change is newest is unknown without times", NEWEST, "a", ("b", "c"), ("b", "c"), None, ["conflict"]),
    ("both added to a set", SET, ["a"], (["a", "b"], ["a", "c"]), (["a", "b", "c"], ["a", "c", "b"]), "merged", []),
    ("what one side took from a set", SET, ["a", "b"], (["a"], ["a", "b"]), (["a"], ["a"]), "merged", []),
    ("an empty set is a value", SET, ["a"], ([], ["a"]), ([], []), "merged", []),
    ("null is no change of a set", SET, ["a"], (None, ["a"]), (None, ["a"]), None, []),
    ("both count on", COUNTER, 3, (4, 5), (6, 6), "merged", []),
    ("0 is a value of a counter", COUNTER, 3, (0, 3), (0, 0), "merged", []),
    ("null is no change of a counter", COUNTER, 3, (3, None), (3, None), None, []),
    ("both write on", APPEND, "a", ("ab", "ac"), ("abc", "abc"), "merged", []),
    ("a beginning that was edited is a question", APPEND, "ab", ("xy", "abc"), ("xy", "abc"), None, ["conflict"]),
]  # fmt: skip


@pytest.mark.parametrize("mode", ["batch", "delta"])
@pytest.mark.parametrize(
    ("policy", "agreed", "then", "after", "why", "held"), [row[1:] for row in LATER], ids=[r[0] for r in LATER]
)
def test_later_the_base_tells_who_changed(  # noqa: PLR0913  the columns of the table
    linked: Any, mode: str, policy: Spec, agreed: Any, then: Any, after: Any, why: str | None, held: list[str]
) -> None:
    world = linked({"x": {"crm": "x", "pm": "x", **policy}}, {"x": agreed})
    for side, system in enumerate(("crm", "pm")):
        if then[side] != agreed:
            world.edit(system, 1, x=then[side])
    planned = reasons(world.plan(mode)[1])
    assert {reason for _, _, reason in planned} == ({why} if why else set())
    world.run(mode)
    assert [review.kind for review in world.reviews()] == held
    assert said(world) == after
    assert world.plan(mode)[0].writes == 0
    assert world.run("batch").writes == 0


def test_a_revert_is_counted_apart(linked: Any) -> None:
    world = linked(plain("x"), {"x": "a"})
    world.edit("pm", 1, x="b")
    actions = world.run("delta").mappings["things"].actions
    assert actions[1] == {"revert": 1}
    assert actions[0] == {}


def test_the_winner_is_the_newest_where_more_than_two_seconds_lie_between(linked: Any) -> None:
    world = linked(plain("x", "shared", on_conflict="newest"), {"x": "a", "updated": "2026-01-01T10:00:00+00:00"})
    world.put("crm", {"id": 1, "code": "A", "x": "older", "updated": "2026-01-01T10:00:05+00:00"})
    world.put("pm", {"id": 1, "code": "A", "x": "newer", "updated": "2026-01-01T10:00:08+00:00"})
    world.run()
    assert said(world) == ("newer", "newer")


def test_within_two_seconds_nobody_knows_who_was_newer(linked: Any) -> None:
    world = linked(plain("x", "shared", on_conflict="newest"), {"x": "a", "updated": "2026-01-01T10:00:00+00:00"})
    world.put("crm", {"id": 1, "code": "A", "x": "b", "updated": "2026-01-01T10:00:05+00:00"})
    world.put("pm", {"id": 1, "code": "A", "x": "c", "updated": "2026-01-01T10:00:07+00:00"})
    assert world.run().exit == 3
    assert said(world) == ("b", "c")


def test_agreement_is_judged_in_the_receivers_terms(linked: Any) -> None:
    world = linked({"x": {"crm": "x", "pm": "x", "owner": "crm", "to_pm": ["trim"]}}, {"x": " a "}, {"x": "a"})
    world.edit("crm", 1, x="  a  ")
    assert world.run().writes == 0


def test_numbers_within_the_tolerance_are_equal(linked: Any) -> None:
    field = {"x": {"crm": "x", "pm": "x", "owner": "crm", "equal_within": 0.01}}
    world = linked(field, {"x": Decimal("1.00")}, {"x": Decimal("1.01")})
    world.edit("crm", 1, x=Decimal("1.02"))
    assert world.run().writes == 0
    world.edit("crm", 1, x=Decimal("1.03"))
    assert world.run().writes == 1


def test_an_absent_value_never_changes_the_other_side(linked: Any) -> None:
    world = linked({**plain("x"), **plain("y", "shared")}, {"x": "a", "y": "b"})
    world.memory("crm").put("thing", {"id": 1, "code": "A"})
    assert world.run().writes == 0
    assert said(world, "x")[1] == "a"
    assert said(world, "y")[1] == "b"


def test_an_expression_has_no_absent_its_null_is_null(linked: Any) -> None:
    world = linked({"x": {"crm": "x || 'none'", "pm": "x", "owner": "crm"}}, {"x": "a"}, {"x": "a"})
    world.change(mapping({**CODE, "x": {"crm": "not_null(x)", "pm": "x", "owner": "crm"}}, match=BY_CODE))
    world.confirm()
    world.memory("crm").put("thing", {"id": 1, "code": "A"})
    world.run()
    assert said(world) == (None, None)


def test_a_field_whose_gate_is_shut_does_not_change(linked: Any) -> None:
    world = linked({"x": {"crm": "x", "pm": "x", "owner": "crm", "when": {"crm": "ready"}}}, {"x": "a", "ready": True})
    world.edit("crm", 1, x="b", ready=False)
    assert world.run().writes == 0
    assert said(world) == ("b", "a")
    world.edit("crm", 1, ready=True)
    world.run()
    assert said(world) == ("b", "b")


def test_a_shut_gate_does_not_take_a_foreign_edit_back(linked: Any) -> None:
    world = linked(
        {"x": {"crm": "x", "pm": "x", "owner": "crm", "when": {"pm": "open"}}}, {"x": "a"}, {"x": "a", "open": True}
    )
    world.edit("pm", 1, x="b", open=False)
    assert world.run().writes == 0
    world.edit("pm", 1, open=True)
    world.run()
    assert said(world) == ("a", "a")


def test_clean_fields_go_through_and_only_the_contested_one_is_held(linked: Any) -> None:
    world = linked({**plain("x", "shared"), **plain("y")}, {"x": "a", "y": "a"})
    world.edit("crm", 1, x="b", y="b")
    world.edit("pm", 1, x="c")
    report = world.run()
    assert said(world, "x") == ("b", "c")
    assert said(world, "y") == ("b", "b")
    tally = report.mappings["things"]
    assert buckets(tally) == ({"held": 1}, {"held": 1})
    assert tally.actions[1] == {"update": 1}


def test_what_was_written_is_the_base_of_what_comes_next(linked: Any) -> None:
    """To take a peer's value back is an edit, too."""
    world = linked({**plain("x", "shared"), **plain("y")}, {"x": "a", "y": "a"})
    world.edit("crm", 1, x="b", y="b")
    world.run("delta")
    world.edit("pm", 1, x="a", y="a")
    assert reasons(world.plan("delta")[1]) == [(0, "x", "peer-changed"), (1, "y", "foreign-edit")]
    world.run("delta")
    assert (said(world), said(world, "y")) == (("a", "a"), ("b", "b"))


# Groups --------------------------------------------------------------------------------------------------------------

MONEY: Spec = {name: {"crm": name, "pm": name, "owner": "shared", "group": "money"} for name in ("amount", "currency")}


def test_fields_of_a_group_move_together(linked: Any) -> None:
    world = linked(MONEY, {"amount": 1, "currency": "EUR"})
    world.edit("crm", 1, amount=2, currency="CZK")
    world.run()
    assert world.records("pm")[1,] | {"updated": 0} == {
        "id": 1,
        "code": "A",
        "amount": 2,
        "currency": "CZK",
        "updated": 0,
    }


def test_a_group_that_would_go_both_ways_is_held(linked: Any) -> None:
    world = linked(MONEY, {"amount": 1, "currency": "EUR"})
    world.edit("crm", 1, amount=2)
    world.edit("pm", 1, currency="CZK")
    assert world.run().exit == 3
    assert (said(world, "amount"), said(world, "currency")) == ((2, 1), ("EUR", "CZK"))
    assert {review.field for review in world.reviews()} == {"amount", "currency"}


def test_one_contested_field_holds_its_group(linked: Any) -> None:
    world = linked(MONEY, {"amount": 1, "currency": "EUR"})
    world.edit("crm", 1, amount=2, currency="CZK")
    world.edit("pm", 1, amount=3)
    world.run()
    assert said(world, "currency") == ("CZK", "EUR")


# The mapping changes -------------------------------------------------------------------------------------------------


def upper(name: str) -> Spec:
    return {name: {"crm": name, "pm": name, "owner": "crm", "to_pm": ["upper"]}}


def test_a_new_chain_is_an_update_because_of_the_mapping(linked: Any) -> None:
    world = linked(plain("x"), {"x": "a"})
    world.change(mapping({**CODE, **upper("x")}, match=BY_CODE))
    assert reasons(world.plan()[1]) == [(1, "x", "mapping-changed")]
    world.run()
    assert said(world) == ("a", "A")


@pytest.mark.parametrize("what", ["mapping", "contract", "lookup"])
def test_after_a_change_of_the_mapping_a_delta_is_refused(worlds: Any, what: str) -> None:
    lookup = {"columns": ["crm", "pm"], "rows": [["a", "b"]]}
    field = {"x": {"crm": "x", "pm": "x", "owner": "crm", "to_pm": [{"lookup": "words"}]}}
    contract = {"type": "object", "maxProperties": 50}
    files = {"mappings/reference/words.yaml": {"words": lookup}, "schemas/pm/thing/1.0.0.json": contract}
    world = worlds(mapping(field, create=CREATE), files=files)
    world.put("crm", {"id": 1, "x": "a"})
    world.run()
    world.run("delta")
    changed = mapping({**field, **plain("y")} if what == "mapping" else field, create=CREATE)
    more = {
        "mapping": {},
        "contract": {"schemas/pm/thing/1.0.0.json": {**contract, "maxProperties": 60}},
        "lookup": {"mappings/reference/words.yaml": {"words": {**lookup, "rows": [["a", "b"], ["c", "d"]]}}},
    }
    world.change(changed, files=more[what])
    code, findings = world.stopped(lambda: world.run("delta"))
    assert code == 2
    assert "crmsync run --mode batch" in findings[0].mend
    assert world.stopped(lambda: world.plan("delta"))[0] == 2
    world.run("batch")
    assert world.run("delta").writes == 0
    assert world.values("pm", "x") == {1: "b"}


def test_another_row_of_a_table_reaches_the_other_side_once_a_person_has_confirmed_it(worlds: Any) -> None:
    lookup = {"columns": ["crm", "pm"], "rows": [["a", "b"]]}
    field = {"x": {"crm": "x", "pm": "x", "owner": "crm", "to_pm": [{"lookup": "words"}]}}
    world = worlds(mapping(field, create=CREATE), files={"mappings/reference/words.yaml": {"words": lookup}})
    world.put("crm", {"id": 1, "x": "a"})
    world.run()
    world.change(
        mapping(field, create=CREATE),
        files={"mappings/reference/words.yaml": {"words": {**lookup, "rows": [["a", "c"]]}}},
    )
    code, findings = world.stopped(lambda: world.run("batch"))
    assert (code, [each.rule for each in findings]) == (2, ["change/lookup-changed", "run/needs-rebase"])
    world.confirm()
    world.run("batch")
    assert world.values("pm", "x") == {1: "c"}
    assert world.run("delta").writes == 0


def test_a_delta_before_the_first_batch_is_refused(worlds: Any) -> None:
    world = worlds(mapping(plain("x"), create=CREATE))
    assert world.stopped(lambda: world.run("delta"))[0] == 2


def test_a_mapping_that_comes_back_is_new_all_the_same(linked: Any) -> None:
    """Fingerprints of an era long past say nothing about today."""
    old = mapping({**CODE, **plain("x")}, match=BY_CODE)
    world = linked(plain("x"), {"x": "a"})
    world.change(mapping({**CODE, **upper("x")}, match=BY_CODE))
    world.run()
    world.change(old)
    assert world.stopped(lambda: world.run("delta"))[0] == 2
    world.run()
    assert said(world) == ("a", "a")


# Scope ---------------------------------------------------------------------------------------------------------------

SCOPED: Spec = {"scope": {"crm": "type == 'c'"}, "create": CREATE}
ARCHIVES: Spec = {
    "crm": {"thing": {"key": "id", "modified": "updated", "deleted": "gone"}},
    "pm": {"thing": {"key": "id", "modified": "updated", "archive": {"set": {"active": False}}}},
}


def test_outside_the_scope_nothing_is_created(worlds: Any) -> None:
    world = worlds(mapping(plain("x"), **SCOPED))
    world.put("crm", {"id": 1, "x": "a", "type": "p"}, {"id": 2, "x": "b", "type": "c"})
    tally = world.run().mappings["things"]
    assert buckets(tally)[0] == {"out_of_scope": 1, "applied": 1}
    assert list(world.values("pm", "x").values()) == ["b"]


@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_a_linked_pair_that_leaves_the_scope_is_frozen(worlds: Any, mode: str) -> None:
    world = worlds(
        mapping({**plain("x"), **plain("y", "shared")}, **SCOPED, delete={"pm": "archive"}), entities=ARCHIVES
    )
    world.put("crm", {"id": 1, "x": "a", "y": "a", "type": "c"})
    world.run()
    world.edit("crm", 1, x="b", y="b", type="p")
    world.edit("pm", 1, x="foreign")
    tally = world.run(mode).mappings["things"]
    assert buckets(tally) == ({"out_of_scope": 1}, {"out_of_scope": 1})
    assert said(world) == ("b", "foreign")
    world.edit("crm", 1, type="c")
    world.run(mode)
    assert (said(world), said(world, "y")) == (("b", "b"), ("b", "b"))  # link and base had stayed


def test_a_pair_is_out_of_scope_if_either_side_is(linked: Any) -> None:
    world = linked(plain("x"), {"x": "a", "ok": True}, scope={"pm": "ok"})
    world.edit("pm", 1, ok=False)
    world.edit("crm", 1, x="b")
    assert buckets(world.run().mappings["things"]) == ({"out_of_scope": 1}, {"out_of_scope": 1})
    assert said(world) == ("b", "a")


@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_a_pair_that_leaves_the_scope_is_archived_where_the_mapping_says_so(worlds: Any, mode: str) -> None:
    world = worlds(mapping(plain("x"), **SCOPED, on_leave_scope="archive"), entities=ARCHIVES)
    world.put("crm", {"id": 1, "x": "a", "type": "c"})
    world.run()
    world.edit("crm", 1, type="p")
    assert done(world.plan(mode)[1]) == ["archive 1"]
    world.run(mode)
    assert world.values("pm", "active") == {1: False}
    assert world.run("batch").writes == 0


# Parents and children ------------------------------------------------------------------------------------------------

FAMILY: Spec = {system: {"parent": ENTITY, "child": ENTITY} for system in ("crm", "pm")}
FAMILY_SCHEMAS: Spec = {
    f"{system}.{name}": {"type": "object"} for system in ("crm", "pm") for name in ("parent", "child")
}


def between(entity: str) -> Spec:
    return {system: {"entity": entity, "contract": f"{system}.{entity}@1"} for system in ("crm", "pm")}


def family(worlds: Any, parent: Spec | None = None, **more: Any) -> Any:
    parents = mapping(
        {**plain("x"), **CODE}, mapping="parents", between=between("parent"), create=CREATE, **(parent or {})
    )
    children = mapping(
        {"up": {"crm": "up", "pm": "up", "owner": "crm", "link": "parents"}, **plain("x")},
        mapping="children", between=between("child"), create=CREATE, **more,
    )  # fmt: skip
    return worlds(parents, children, entities=FAMILY, schemas=FAMILY_SCHEMAS)


def test_one_plan_makes_parents_and_their_children(worlds: Any) -> None:
    world = family(worlds)
    world.put("pm", {"id": 41, "x": "theirs"}, entity="parent")
    world.put("crm", {"id": 1, "x": "p"}, entity="parent")
    world.put("crm", {"id": 7, "up": 1, "x": "c"}, entity="child")
    _, lines = world.plan()
    (up,) = [each for line in lines for each in line["changes"] if each["field"] == "up"]
    assert up["after"] == {"$key_of": ["parents", 0, [1]]}
    assert world.run().exit == 0
    assert world.values("pm", "up", "child") == {1: 42}
    assert world.run().writes == 0


def test_a_child_takes_its_new_parent(worlds: Any) -> None:
    world = family(worlds)
    world.put("crm", {"id": 1, "x": "p"}, entity="parent")
    world.put("crm", {"id": 7, "up": 1, "x": "c"}, entity="child")
    world.run()
    world.put("crm", {"id": 2, "x": "q"}, entity="parent")
    world.edit("crm", 7, entity="child", up=2)
    world.run("delta")
    assert world.values("pm", "up", "child") == {1: 2}


@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_a_child_of_a_rejected_parent_waits_and_comes_when_it_is_mended(worlds: Any, mode: str) -> None:
    world = family(worlds)
    world._put(
        world.root / "schemas/crm/parent/1.0.0.json", {"type": "object", "properties": {"x": {"type": "string"}}}
    )
    world.change()
    world.run()
    world.put("crm", {"id": 1, "x": 5}, entity="parent")
    world.put("crm", {"id": 7, "up": 1, "x": "c"}, {"id": 8, "up": None, "x": "orphan"}, entity="child")
    report = world.run(mode)
    assert buckets(report.mappings["parents"])[0] == {"rejected": 1}
    assert buckets(report.mappings["children"])[0] == {"waiting": 1, "applied": 1}
    world.edit("crm", 1, entity="parent", x="mended")
    assert world.run(mode).exit == 0
    assert sorted(world.values("pm", "x", "child").values()) == ["c", "orphan"]


def test_a_child_of_a_parent_out_of_scope_is_out_of_scope(worlds: Any) -> None:
    world = family(worlds, {"scope": {"crm": "type == 'c'"}})
    world.put("crm", {"id": 1, "x": "p", "type": "p"}, entity="parent")
    world.put("crm", {"id": 7, "up": 1, "x": "c"}, entity="child")
    assert buckets(world.run().mappings["children"])[0] == {"out_of_scope": 1}
    assert world.records("pm", "child") == {}


@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_when_a_parent_enters_the_scope_its_children_come_in_the_same_run(worlds: Any, mode: str) -> None:
    world = family(worlds, {"scope": {"crm": "type == 'c'"}})
    world.put("crm", {"id": 1, "x": "p", "type": "p"}, {"id": 2, "x": "q", "type": "p"}, entity="parent")
    world.put("crm", {"id": 7, "up": 1, "x": "c"}, {"id": 8, "up": 2, "x": "d", "updated": 1000}, entity="child")
    world.run()
    world.run("delta")  # its cursor is at the later one: no delta lists record 7 now
    world.edit("crm", 1, entity="parent", type="c")
    world.run(mode)
    assert world.values("pm", "up", "child") == {1: 1}


@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_when_a_parent_leaves_the_scope_its_children_freeze_with_it(worlds: Any, mode: str) -> None:
    world = family(worlds, {"scope": {"crm": "type == 'c'"}})
    world.put("crm", {"id": 1, "x": "p", "type": "c"}, entity="parent")
    world.put("crm", {"id": 7, "up": 1, "x": "c"}, entity="child")
    world.run()
    world.edit("crm", 1, entity="parent", type="p")
    world.edit("crm", 7, entity="child", x="d")
    assert buckets(world.run(mode).mappings["children"]) == ({"out_of_scope": 1}, {"out_of_scope": 1})
    assert world.values("pm", "x", "child") == {1: "c"}
    world.edit("crm", 1, entity="parent", type="c")
    world.run(mode)
    assert world.values("pm", "x", "child") == {1: "d"}


def test_a_child_whose_parent_is_nowhere_waits(worlds: Any) -> None:
    world = family(worlds)
    world.put("crm", {"id": 7, "up": 99, "x": "c"}, entity="child")
    assert buckets(world.run().mappings["children"])[0] == {"waiting": 1}
    world.put("crm", {"id": 99, "x": "late"}, entity="parent")
    world.run("delta")
    assert world.values("pm", "up", "child") == {1: 1}


def tree(worlds: Any) -> Any:
    fields = {"up": {"crm": "up", "pm": "up", "owner": "crm", "link": "things"}, **plain("x")}
    return worlds(mapping(fields, create=CREATE))


def test_rows_that_link_to_each_other_are_made_parents_first(worlds: Any) -> None:
    world = tree(worlds)
    world.put(
        "crm", {"id": 1, "up": 2, "x": "leaf"}, {"id": 2, "up": 3, "x": "twig"}, {"id": 3, "up": None, "x": "root"}
    )
    assert world.run().exit == 0
    assert world.values("pm", "x") == {1: "root", 2: "twig", 3: "leaf"}
    assert world.values("pm", "up") == {1: None, 2: 1, 3: 2}
    assert world.run().writes == 0


def test_loops_in_the_data_are_held_and_let_the_rest_through(worlds: Any) -> None:
    world = tree(worlds)
    world.put("crm", {"id": 1, "up": 2, "x": "a"}, {"id": 2, "up": 1, "x": "b"}, {"id": 3, "up": None, "x": "c"})
    assert world.run().exit == 3
    assert list(world.values("pm", "x").values()) == ["c"]
    assert {review.kind for review in world.reviews()} == {"loop"}
    world.edit("crm", 2, up=3)
    assert world.run("delta").exit == 0
    assert sorted(world.values("pm", "x").values()) == ["a", "b", "c"]


def test_a_row_that_is_its_own_parent_is_held(worlds: Any) -> None:
    world = tree(worlds)
    world.put("crm", {"id": 1, "up": 1, "x": "a"})
    assert world.run().exit == 3
    assert world.records("pm") == {}


def test_only_children_of_one_parent_are_compared(worlds: Any) -> None:
    match = {"within": "up", "decide": [["up", "x"]]}
    world = family(worlds, {"match": BY_CODE}, match=match)
    world.put("crm", {"id": 1, "code": "A", "x": "p"}, {"id": 2, "code": "B", "x": "p"}, entity="parent")
    world.put("pm", {"id": 51, "code": "A", "x": "p"}, {"id": 52, "code": "B", "x": "p"}, entity="parent")
    world.put("crm", {"id": 7, "up": 1, "x": "1"}, {"id": 8, "up": 2, "x": "1"}, entity="child")
    world.put("pm", {"id": 60, "up": 52, "x": "1"}, {"id": 61, "up": 51, "x": "1"}, entity="child")
    assert world.run().writes == 0
    links = [link.keys for page in world.ledger.link_rows("children") for link in page]
    assert sorted(links) == [((7,), (61,)), ((8,), (60,))]


def test_a_composite_key_of_the_parent_is_followed_part_by_part(worlds: Any) -> None:
    pair = {"key": ["area", "no"], "assigned_by": "caller"}
    parents = mapping(
        {"area": {"crm": "area", "pm": "area", "owner": "crm"}, "no": {"crm": "no", "pm": "no", "owner": "crm"}},
        mapping="parents", between=between("parent"), create=CREATE,
    )  # fmt: skip
    children = mapping(
        {"up": {"crm": ["up.area", "up.no"], "pm": ["area", "no"], "owner": "crm", "link": "parents"}, **plain("x")},
        mapping="children", between=between("child"), create=CREATE,
    )  # fmt: skip
    entities = {system: {"parent": pair, "child": {"key": "id"}} for system in ("crm", "pm")}
    world = worlds(parents, children, entities=entities, schemas=FAMILY_SCHEMAS)
    world.put("crm", {"area": "n", "no": 3}, entity="parent")
    world.put("crm", {"id": 1, "up": {"area": "n", "no": 3}, "x": "c"}, entity="child")
    assert world.run().exit == 0
    assert world.records("pm", "child") == {(1,): {"id": 1, "area": "n", "no": 3, "x": "c"}}
    assert world.run().writes == 0


# Creating ------------------------------------------------------------------------------------------------------------


def test_a_counterpart_is_created_only_where_and_when_the_mapping_says_so(worlds: Any) -> None:
    world = worlds(mapping(plain("x"), create={"pm": {"when": {"crm": "won"}}}))
    world.put("crm", {"id": 1, "x": "a", "won": False}, {"id": 2, "x": "b", "won": True})
    world.put("pm", {"id": 50, "x": "c"})
    tally = world.run().mappings["things"]
    assert buckets(tally) == ({"unchanged": 1, "applied": 1}, {"unchanged": 1})
    assert sorted(world.values("pm", "x").values()) == ["b", "c"]
    assert len(world.records("crm")) == 2
    world.edit("crm", 1, won=True)
    world.run("delta")
    assert sorted(world.values("pm", "x").values()) == ["a", "b", "c"]


def test_a_seed_fills_the_field_once_and_then_its_owner_owns_it(worlds: Any) -> None:
    world = worlds(mapping(plain("x", "pm", seed="crm"), create=CREATE))
    world.put("crm", {"id": 1, "x": "seed"})
    assert reasons(world.plan()[1]) == [(1, "x", "seeded")]
    world.run()
    assert said(world) == ("seed", "seed")
    world.edit("pm", 1, x="owner")
    world.run("delta")
    assert said(world) == ("owner", "owner")
    world.edit("crm", 1, x="foreign")
    world.run("delta")
    assert said(world) == ("owner", "owner")


def test_a_default_never_flows_back(worlds: Any) -> None:
    fields = {**plain("x"), "y": {"crm": "y", "pm": "y", "owner": "shared", "default": {"pm": "planned"}},
              "z": {"pm": "z", "default": {"pm": "new"}}}  # fmt: skip
    world = worlds(mapping(fields, create=CREATE))
    world.put("crm", {"id": 1, "x": "a"})
    world.run()
    assert said(world, "y") == (None, "planned")
    assert said(world, "z") == (None, "new")
    world.edit("crm", 1, x="b")
    for mode in ("delta", "batch"):
        world.run(mode)
    assert said(world, "y") == (None, "planned")
    world.edit("pm", 1, y="running", z="old")
    world.run("delta")
    assert said(world, "y") == ("running", "running")  # a person's value does
    assert said(world, "z") == (None, "old")


def test_a_constant_is_written_on_create_and_held_up(worlds: Any) -> None:
    world = worlds(mapping({**plain("x"), "kind": {"pm": "kind", "value": "external"}}, create=CREATE))
    world.put("crm", {"id": 1, "x": "a"})
    world.run()
    assert said(world, "kind") == (None, "external")
    world.edit("pm", 1, kind="internal")
    world.run("delta")
    assert said(world, "kind") == (None, "external")


def test_a_create_must_keep_the_contract_of_its_target(worlds: Any) -> None:
    schema = {"type": "object", "required": ["id", "y"], "properties": {"id": {"readOnly": True}, "y": {}}}
    world = worlds(mapping(plain("x"), create=CREATE), schemas={"pm.thing": schema})
    world.put("crm", {"id": 1, "x": "a"})
    assert buckets(world.run().mappings["things"])[0] == {"rejected": 1}
    (letter,) = world.letters()
    assert (letter.side, letter.key, letter.rule, letter.path) == (0, (1,), "contract/required", "y")
    assert world.records("pm") == {}


# Contracts on the way ------------------------------------------------------------------------------------------------

TEXT: Spec = {"type": "object", "properties": {name: {"type": "string"} for name in ("x", "other")}}


@pytest.mark.parametrize("strict", [False, True])
def test_on_the_way_in_a_violation_elsewhere_warns_and_strict_rejects(worlds: Any, strict: bool) -> None:
    ends = {**THING, "crm": {**THING["crm"], "strict": strict}}
    world = worlds(mapping(plain("x"), create=CREATE, between=ends), schemas={"crm.thing": TEXT})
    world.put("crm", {"id": 1, "x": "a", "other": 5}, {"id": 2, "x": 5})
    tally = world.run().mappings["things"]
    assert buckets(tally)[0] == ({"rejected": 2} if strict else {"applied": 1, "rejected": 1})
    assert tally.warned == ({} if strict else {"contract/type": 1})


def test_a_patch_that_breaks_the_targets_contract_is_refused(linked: Any) -> None:
    short = {"type": "object", "properties": {"x": {"maxLength": 3}}}
    world = linked(plain("x"), {"x": "a"}, options={"schemas": {"pm.thing": short}})
    world.edit("crm", 1, x="long text")
    assert buckets(world.run().mappings["things"]) == ({"rejected": 1}, {"rejected": 1})
    assert said(world)[1] == "a"


def test_a_patch_may_not_add_a_violation_elsewhere(linked: Any) -> None:
    """x and y may not both be there: x alone breaks what was whole."""
    either = {"type": "object", "not": {"properties": {"x": {"const": "b"}, "y": {"const": 1}}, "required": ["x", "y"]}}
    world = linked(plain("x"), {"x": "a", "y": 1}, options={"schemas": {"pm.thing": either}})
    world.edit("crm", 1, x="b")
    assert buckets(world.run().mappings["things"])[0] == {"rejected": 1}
    assert said(world)[1] == "a"


def test_an_older_violation_elsewhere_only_warns(linked: Any) -> None:
    world = linked(plain("x"), {"x": "a"}, {"x": "a", "other": 5}, options={"schemas": {"pm.thing": TEXT}})
    world.edit("crm", 1, x="b")
    tally = world.run().mappings["things"]
    assert tally.warned == {"contract/type": 1}
    assert said(world) == ("b", "b")


# Checks and lookups --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("otherwise", "bucket"), [("reject", "rejected"), ("hold", "held"), ("warn", "applied")])
def test_a_record_rule_rejects_holds_or_warns(worlds: Any, otherwise: str, bucket: str) -> None:
    check = {"crm": "[quantity, rate]", "apply": ["multiply"], "equals": "total", "within": 0.01, "else": otherwise}
    world = worlds(mapping(plain("total"), create=CREATE, checks=[check]))
    world.put(
        "crm",
        {"id": 1, "quantity": 2, "rate": 3, "total": 7},
        {"id": 2, "quantity": 2, "rate": 3, "total": Decimal("6.01")},
    )
    tally = world.run().mappings["things"]
    assert buckets(tally)[0] == ({"applied": 2} if bucket == "applied" else {bucket: 1, "applied": 1})
    assert len(tally.warned) == (otherwise == "warn")
    world.edit("crm", 1, total=6)
    assert world.run("delta").exit == 0
    assert sorted(world.values("pm", "total").values()) == [Decimal("6"), Decimal("6.01")]


@pytest.mark.parametrize(
    ("unmapped", "bucket"), [("reject", "rejected"), ("hold", "held"), ({"value": "?"}, "applied")]
)
def test_a_value_without_a_row_is_rejected_held_or_replaced(worlds: Any, unmapped: Any, bucket: str) -> None:
    table = {"columns": ["crm", "pm"], "rows": [["a", "b"]], "unmapped": unmapped}
    field = {"x": {"crm": "x", "pm": "x", "owner": "crm", "to_pm": [{"lookup": "words"}]}}
    world = worlds(mapping(field, create=CREATE), files={"mappings/reference/words.yaml": {"words": table}})
    world.put("crm", {"id": 1, "x": "z"})
    assert buckets(world.run().mappings["things"])[0] == {bucket: 1}
    world.edit("crm", 1, x="a")
    world.run("delta")
    assert list(world.values("pm", "x").values()) == ["b"]


def test_a_lookup_reads_values_from_a_system(worlds: Any) -> None:
    users = {"key": "id"}
    field = {
        "x": {
            "crm": "mail",
            "pm": "user",
            "owner": "crm",
            "to_pm": [{"lookup": {"entity": "pm.user", "by": "mail", "take": "id"}}],
        }
    }
    world = worlds(
        mapping(field, create=CREATE),
        entities={"crm": {"thing": {"key": "id"}}, "pm": {"thing": {"key": "id"}, "user": users}},
        schemas={"pm.user": {"type": "object"}},
    )
    world.put("pm", {"id": 9, "mail": "eva@x.sk"}, entity="user")
    world.put("crm", {"id": 1, "mail": "eva@x.sk"}, {"id": 2, "mail": "nobody@x.sk"})
    assert buckets(world.run().mappings["things"])[0] == {"applied": 1, "rejected": 1}
    assert world.values("pm", "user") == {1: 9}


# Matching ------------------------------------------------------------------------------------------------------------

FUZZY: Spec = {
    "decide": ["code"],
    "compare": {"name": {"as": "company", "weight": 0.6}, "web": {"as": "domain", "weight": 0.4}},
    "link_at": 0.93, "review_at": 0.6,
}  # fmt: skip
FIRM: Spec = {**CODE, **plain("name"), **plain("web")}
ALFA: Spec = {"name": "Alfa Stavby", "web": "alfa.sk"}


def firms(worlds: Any, crm: list[Spec], pm: list[Spec], **more: Any) -> Any:
    world = worlds(mapping(FIRM, match=FUZZY, create={"pm": "always", "crm": "always"}, **more))
    world.put("crm", *({"id": n, **each} for n, each in enumerate(crm, 1)))
    world.put("pm", *({"id": n, **each} for n, each in enumerate(pm, 51)))
    return world


def links(world: Any) -> list[Any]:
    return sorted(link.keys for page in world.ledger.link_rows("things") for link in page)


def test_equal_unique_ids_link(worlds: Any) -> None:
    world = firms(worlds, [{"code": "A"}], [{"code": "A"}])
    world.run()
    assert links(world) == [((1,), (51,))]


@pytest.mark.parametrize(
    ("crm", "pm"),
    [
        ([{"code": "A", **ALFA}, {"code": "A", **ALFA}], [{"code": "A", **ALFA}]),
        ([{"code": "A", **ALFA}], [{"code": "A", **ALFA}, {"code": "A", **ALFA}]),
        ([{"code": "A", **ALFA}], [{"code": "A", "name": "Zeta Doprava", "web": "zeta.pl"}]),
        ([ALFA], [{"name": "Alfa Stavby Nitra", "web": "alfa.sk"}]),
        ([{"name": "Alfa Stavby"}], [{"name": "Alfa Stavby"}]),
    ],
    ids=["not unique here", "not unique there", "all else differs", "alike", "one field alone cannot link"],
)  # fmt: skip
def test_an_unsure_pair_holds_creates_on_both_sides(worlds: Any, crm: list[Spec], pm: list[Spec]) -> None:
    world = firms(worlds, crm, pm)
    tally = world.run().mappings["things"]
    assert buckets(tally) == ({"held": len(crm)}, {"held": len(pm)})
    assert (len(world.records("crm")), len(world.records("pm"))) == (len(crm), len(pm))
    assert {review.kind for review in world.reviews()} == {"match"}
    assert world.run("delta").writes == 0


def test_contradicting_ids_forbid_a_link(worlds: Any) -> None:
    world = firms(worlds, [{"code": "A", **ALFA}], [{"code": "B", **ALFA}])
    world.run()
    assert len(world.records("crm")) == len(world.records("pm")) == 2


def test_records_that_are_alike_enough_link(worlds: Any) -> None:
    world = firms(worlds, [ALFA], [{**ALFA, "web": "https://www.alfa.sk/"}])
    world.run()
    assert links(world) == [((1,), (51,))]


@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_a_person_says_which_is_which(worlds: Any, mode: str) -> None:
    world = firms(worlds, [{"name": "Alfa Stavby"}], [{"name": "Alfa Stavby"}])
    world.run()
    world.resolve("same")
    assert world.run(mode).exit == 0
    assert links(world) == [((1,), (51,))]
    assert len(world.records("pm")) == 1


def test_records_judged_different_get_counterparts_of_their_own(worlds: Any) -> None:
    world = firms(worlds, [{"name": "Alfa Stavby"}], [{"name": "Alfa Stavby"}])
    world.run()
    world.resolve("different")
    assert world.run("delta").exit == 0
    assert len(links(world)) == 2
    assert len(world.records("pm")) == len(world.records("crm")) == 2
    assert world.run().writes == 0


def test_a_record_that_was_alone_is_found_when_its_counterpart_comes(worlds: Any) -> None:
    world = worlds(mapping(FIRM, match=FUZZY))
    world.put("pm", {"id": 51, "code": "A"})
    world.run()
    world.put("crm", {"id": 1, "code": "A"})
    world.run("delta")
    assert links(world) == [((1,), (51,))]


def test_one_record_alone_is_not_linked_where_others_rival_it(worlds: Any) -> None:
    """A run of one record knows its rivals from the ledger."""
    world = worlds(mapping(FIRM, match=FUZZY))
    world.put("crm", {"id": 1, "code": "A"}, {"id": 2, "code": "A"})
    world.put("pm", {"id": 51, "code": "A"})
    world.run()
    world.run(only="crm.thing/1")
    assert links(world) == []
    assert {review.keys for review in world.reviews()} == {((1,), (51,)), ((2,), (51,))}


@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_a_remembered_record_that_went_is_no_counterpart(worlds: Any, mode: str) -> None:
    world = worlds(mapping(FIRM, match=FUZZY, create=CREATE))
    world.put("pm", {"id": 51, "code": "A"}, {"id": 52, "code": "B"})
    world.run()
    world.remove("pm", 51)
    world.put("crm", {"id": 1, "code": "A"})
    world.run(mode)
    assert world.values("pm", "code") == {52: "B", 53: "A"}
    assert links(world) == [((1,), (53,))]


def test_042_is_not_42(worlds: Any) -> None:
    world = worlds(mapping(plain("x"), create=CREATE))
    world.put("crm", {"id": "042", "x": "text"}, {"id": 42, "x": "number"}, {"id": "42", "x": "text too"})
    assert buckets(world.run().mappings["things"])[0] == {"applied": 3}
    world.edit("crm", 42, x="changed")
    world.run("delta")
    assert sorted(world.values("pm", "x").values()) == ["changed", "text", "text too"]


# Reviews -------------------------------------------------------------------------------------------------------------


def conflict(linked: Any, **more: Any) -> Any:
    world = linked(plain("x", "shared", **more), {"x": "a"})
    world.edit("crm", 1, x="b")
    world.edit("pm", 1, x="c")
    assert world.run().exit == 3
    for system in ("crm", "pm"):  # a later record: no delta lists record 1 now
        world.put(system, {"id": 9, "code": "Z", "updated": 1000})
    world.run("delta")
    return world


def test_a_hold_is_asked_once(linked: Any) -> None:
    world = conflict(linked)
    asked = world.reviews()
    for mode in ("batch", "delta", "batch"):
        report = world.run(mode)
        assert report.exit == 3
        assert report.mappings["things"].open_holds == 1
    assert world.reviews() == asked


@pytest.mark.parametrize("mode", ["batch", "delta"])
@pytest.mark.parametrize(
    ("take", "value", "after"), [(0, None, ("b", "b")), (1, None, ("c", "c")), ("value", "d", ("d", "d"))]
)
def test_the_next_run_does_as_a_person_decided(linked: Any, mode: str, take: Any, value: Any, after: Any) -> None:
    world = conflict(linked)
    world.resolve(take, value)
    assert world.run(mode).exit == 0
    assert said(world) == after
    assert world.reviews(None)[0].state == "lapsed"
    assert world.run("batch").writes == 0


@pytest.mark.parametrize("system", ["crm", "pm"])
def test_a_decision_lapses_when_the_values_move_on(linked: Any, system: str) -> None:
    world = conflict(linked)
    world.resolve(0)
    world.edit(system, 1, x="later")
    assert world.run("delta").exit == 3
    assert len(set(said(world))) == 2
    assert [review.state for review in world.reviews(None)] == ["lapsed", "open"]


def test_a_question_lapses_when_the_sides_agree_by_themselves(linked: Any) -> None:
    world = conflict(linked)
    world.edit("pm", 1, x="b")
    assert world.run("delta").exit == 0
    assert world.reviews() == []


@pytest.mark.parametrize("mode", ["batch", "delta"])
@pytest.mark.parametrize(("take", "after"), [(0, ("a", "a")), (1, ("a", "b"))])
def test_a_foreign_edit_is_decided_either_way_without_touching_the_owner(
    linked: Any, mode: str, take: Any, after: Any
) -> None:
    world = linked(plain("x", on_foreign_edit="review"), {"x": "a"})
    world.edit("pm", 1, x="b")
    assert world.run().exit == 3
    world.resolve(take)
    assert world.run(mode).exit == 0
    assert said(world) == after
    assert world.run("batch").writes == 0


# Dead letters --------------------------------------------------------------------------------------------------------


def broken(worlds: Any) -> Any:
    world = worlds(mapping(plain("x"), create=CREATE), schemas={"crm.thing": TEXT})
    world.put("crm", {"id": 1, "x": 5}, {"id": 2, "x": "fine"})
    assert world.run().exit == 3
    return world


def test_a_rejected_record_is_a_dead_letter_with_reason_snapshot_and_run(worlds: Any) -> None:
    world = broken(worlds)
    (letter,) = world.letters()
    assert (letter.side, letter.key, letter.rule, letter.path) == (0, (1,), "contract/type", "x")
    assert b'"x":5' in letter.snapshot
    assert letter.run == world.ledger.runs()[0].id


@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_the_letter_closes_when_its_record_is_mended(worlds: Any, mode: str) -> None:
    world = broken(worlds)
    world.edit("crm", 1, x="mended")
    assert world.run(mode).exit == 0
    assert world.letters() == []
    assert [letter.state for letter in world.letters(None)] == ["closed"]
    assert sorted(world.values("pm", "x").values()) == ["fine", "mended"]


def test_the_letter_stays_the_same_while_its_record_does(worlds: Any) -> None:
    world = broken(worlds)
    (letter,) = world.letters()
    for mode in ("delta", "batch"):
        assert world.run(mode).exit == 3
    (later,) = world.letters()
    assert (later.n, later.attempts) == (letter.n, 1)


def refusing(worlds: Any) -> Any:
    """A world whose target refuses the second `x` it sees: two records may not share it."""
    entities = {"crm": {"thing": {"key": "id", "modified": "updated"}},
                "pm": {"thing": {"key": "id", "modified": "updated", "unique": ["x"]}}}  # fmt: skip
    world = worlds(mapping(plain("x"), create=CREATE), entities=entities)
    world.put("pm", {"id": 50, "x": "taken"})
    world.put("crm", {"id": 1, "x": "taken"})
    report = world.run()
    assert report.exit == 3
    assert buckets(report.mappings["things"])[0] == {"failed": 1}
    return world


def test_what_a_system_refused_is_not_tried_again_unchanged(worlds: Any) -> None:
    world = refusing(worlds)
    world.remove("pm", 50)  # nobody told crmsync
    for mode in ("delta", "delta"):
        report = world.run(mode)
        assert buckets(report.mappings["things"])[0] == {"failed": 1}
    assert world.records("pm") == {}
    assert world.letters()[0].attempts == 1


def test_a_person_may_have_it_tried_again(worlds: Any) -> None:
    world = refusing(worlds)
    world.remove("pm", 50)
    world.write(lambda ledger: ledger.retry_dead([world.letters()[0].n], "eva", "2026-11-21T20:00:00+00:00"))
    assert world.run("delta").exit == 0
    assert list(world.values("pm", "x").values()) == ["taken"]
    assert world.letters() == []


def test_a_second_refusal_counts_as_another_attempt(worlds: Any) -> None:
    world = refusing(worlds)
    world.write(lambda ledger: ledger.retry_dead([world.letters()[0].n], "eva", "2026-11-21T20:00:00+00:00"))
    assert world.run("delta").exit == 3
    (letter,) = world.letters()
    assert (letter.attempts, letter.retry) == (2, False)
    assert buckets(world.run("delta").mappings["things"])[0] == {"failed": 1}
    assert world.letters()[0].attempts == 2


@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_a_changed_record_is_tried_afresh(worlds: Any, mode: str) -> None:
    world = refusing(worlds)
    world.edit("crm", 1, x="free")
    assert world.run(mode).exit == 0
    assert sorted(world.values("pm", "x").values()) == ["free", "taken"]
    assert world.letters() == []


def test_a_changed_mapping_tries_it_again(worlds: Any) -> None:
    world = refusing(worlds)
    world.change(mapping({"x": {"crm": "x", "pm": "x", "owner": "crm", "to_pm": ["upper"]}}, create=CREATE))
    assert world.run().exit == 0
    assert sorted(world.values("pm", "x").values()) == ["TAKEN", "taken"]


# Delta ---------------------------------------------------------------------------------------------------------------


def test_in_a_delta_the_counterpart_is_as_it_is_now_not_as_we_remember_it(linked: Any) -> None:
    world = linked(plain("x", "shared"), {"x": "a"})
    world.run("delta")
    world.memory("pm").tables["thing"].records[1,]["x"] = "changed behind every clock"
    world.edit("crm", 1, x="b")
    assert world.run("delta").exit == 3
    assert said(world) == ("b", "changed behind every clock")


@pytest.mark.parametrize("poor", [{"key": "id"}, {"key": "id", "modified": "updated", "lacks": ["delta"]},
                                  {"key": "id", "modified": "updated", "lacks": ["get", "delta", "find"]}])  # fmt: skip
def test_a_system_without_delta_is_listed_and_compared_by_fingerprint(worlds: Any, poor: Spec) -> None:
    world = worlds(
        mapping(plain("x", "shared"), create=CREATE), entities={"crm": {"thing": poor}, "pm": {"thing": poor}}
    )
    world.put("crm", {"id": 1, "x": "a"}, {"id": 2, "x": "b"})
    world.run()
    world.edit("pm", 1, x="c")
    report = world.run("delta")
    assert buckets(report.mappings["things"]) == ({"unchanged": 1, "applied": 1}, {"unchanged": 1, "applied": 1})
    assert said(world) == ("c", "c")


def test_a_cursor_may_pass_what_is_not_settled(linked: Any) -> None:
    world = conflict(linked)
    world.put("crm", {"id": 2, "code": "B", "x": "later"})
    for _ in range(3):
        world.run("delta")
    world.resolve(1)
    world.run("delta")
    assert said(world) == ("c", "c")


# Embedding, elements -------------------------------------------------------------------------------------------------

QUOTES: Spec = {
    "crm": {
        "quote": {"key": "id", "modified": "updated"},
        "thing": {"key": "id", "modified": "updated", "embed": {"quote": {"entity": "quote", "by": "quote_id"}}},
    },
    "pm": {"thing": {"key": "id", "modified": "updated"}},
}


@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_a_change_of_an_embedded_record_counts(worlds: Any, mode: str) -> None:
    field = {"x": {"crm": "quote.state", "pm": "x", "owner": "crm"}}
    world = worlds(mapping(field, create=CREATE, scope={"crm": "quote.state != 'draft'"}), entities=QUOTES,
                   schemas={"crm.quote": {"type": "object"}})  # fmt: skip
    world.put("crm", {"id": 5, "state": "draft"}, {"id": 6, "state": "sent"}, entity="quote")
    world.put("crm", {"id": 1, "quote_id": 5}, {"id": 2, "quote_id": 6})
    world.run()
    assert world.values("pm", "x") == {1: "sent"}
    world.edit("crm", 6, entity="quote", state="won")
    world.edit("crm", 5, entity="quote", state="sent")
    report = world.run(mode)
    assert sorted(world.values("pm", "x").values()) == ["sent", "won"]
    assert report.mappings["things"].read[0] == 2
    assert world.run("delta").writes == 0


def test_the_elements_of_an_array_are_records(worlds: Any) -> None:
    entities = {
        "crm": {"thing": {"key": ["id", "line.no"], "modified": "updated", "each": "lines"}},
        "pm": {"thing": {"key": "id", "modified": "updated"}},
    }
    fields = {
        "x": {"crm": "line.text", "pm": "x", "owner": "crm"},
        "quote": {"crm": "id", "pm": "quote", "owner": "crm"},
    }
    world = worlds(mapping(fields, create=CREATE), entities=entities)
    lines = [{"no": 1, "text": "a"}, {"no": 2, "text": "b"}]
    world.memory("crm").put("thing", {"id": 7, "lines": lines})
    assert world.run().mappings["things"].read[0] == 2
    assert world.values("pm", "x") == {1: "a", 2: "b"}
    world.memory("crm").put("thing", {"id": 7, "lines": [lines[0], {"no": 2, "text": "c"}, {"no": 3, "text": "d"}]})
    world.run("delta")
    assert world.values("pm", "x") == {1: "a", 2: "c", 3: "d"}
    assert world.run().writes == 0


# A part of a run -----------------------------------------------------------------------------------------------------


def test_only_one_record_and_its_counterpart(worlds: Any) -> None:
    world = worlds(mapping(plain("x"), create=CREATE))
    world.put("crm", {"id": 1, "x": "a"}, {"id": 2, "x": "b"})
    world.run()
    world.edit("crm", 1, x="c")
    world.edit("crm", 2, x="d")
    report = world.run(only="crm.thing/1")
    assert report.mappings["things"].read == (1, 1)
    assert sorted(world.values("pm", "x").values()) == ["b", "c"]
    world.run("delta")  # the cursor had not moved
    assert sorted(world.values("pm", "x").values()) == ["c", "d"]


def test_only_finds_the_pair_from_its_other_side(worlds: Any) -> None:
    world = worlds(mapping(plain("x"), create=CREATE))
    world.put("crm", {"id": 7, "x": "a"})
    world.run()
    world.edit("crm", 7, x="b")
    assert world.run(only="pm.thing/1").writes == 1


def test_only_works_before_the_first_batch_and_completes_nothing(worlds: Any) -> None:
    world = worlds(mapping(plain("x"), create=CREATE))
    world.put("crm", {"id": 1, "x": "a"}, {"id": 2, "x": "b"})
    world.run(only="crm.thing/1")
    assert list(world.values("pm", "x").values()) == ["a"]
    assert world.stopped(lambda: world.run("delta"))[0] == 2


def test_a_limit_does_so_many_and_moves_no_cursor(worlds: Any) -> None:
    world = worlds(mapping(plain("x"), create=CREATE))
    world.put("crm", *({"id": n, "x": "a"} for n in range(1, 6)))
    world.run(limit=2)
    assert len(world.records("pm")) == 2
    assert world.stopped(lambda: world.run("delta"))[0] == 2
    world.run(limit=2)
    assert len(world.records("pm")) == 4
    world.run()
    assert len(world.records("pm")) == 5


# Two mappings, one record --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["batch", "delta"])
def test_patches_of_two_mappings_to_one_record_both_get_there(worlds: Any, mode: str) -> None:
    first = mapping({**CODE, **plain("x")}, match=BY_CODE)
    second = mapping(
        {"code": {"crm": "code", "pm": "code", "owner": "pm"}, **plain("y")},
        mapping="more",
        match=BY_CODE,
        after=["things"],
    )
    world = worlds(first, second)
    world.put("crm", {"id": 1, "code": "A", "x": "a", "y": "a"})
    world.put("pm", {"id": 1, "code": "A", "x": "a", "y": "a"})
    world.run()
    world.edit("crm", 1, x="b", y="b")
    assert world.run(mode).exit == 0
    assert (said(world), said(world, "y")) == (("b", "b"), ("b", "b"))


def test_what_a_system_derives_from_our_write_is_news_for_the_other_side() -> None:
    fields = {**plain("x"), **plain("y", "shared")}
    with Bench(mapping(fields, create={"pm": "always"}), columns="x TEXT, y TEXT") as world:
        world.put("crm", {"id": 1, "x": "a", "y": "b"})
        world.run()
        world._sql(
            "pm", "CREATE TRIGGER derive AFTER UPDATE OF x ON thing BEGIN UPDATE thing SET y = 'of ' || new.x; END", {}
        )
        world.edit("crm", 1, x="c")
        world.run()

        world.run()

        assert world.values("crm", "y") == {1: "of c"}
        assert world.run().writes == 0


def test_a_delta_reads_what_has_changed_and_no_more() -> None:
    with Bench(mapping(plain("x"), create={"pm": "always"})) as world:
        world.put("crm", *({"id": number, "x": "a"} for number in range(1, 41)))
        world.run()
        world.run("delta")  # what the first run wrote is news once
        world.edit("crm", 7, x="b")

        report = world.run("delta")

        assert report.writes == 1
        assert max(report.mappings["things"].read) <= 2  # the record, and the one that the cursor stands at
