"""What do both sides say now, and what follows for one field? Laws first, then a table of cases."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from crmsync.core.merge import (
    Contested,
    Failed,
    Merged,
    Said,
    Settled,
    Write,
    agree,
    confirm,
    is_empty,
    left_to_itself,
    merge,
    same,
)
from crmsync.core.model import ABSENT, SIDES, Agreed, Both, Decision, Field, Json, Side, Symbol, other

# A small world: two systems with one field each, and what was agreed ------------------------------------


def as_is(value: Json) -> Json:
    return value


def lower(value: Json) -> Json:
    return value.lower() if isinstance(value, str) else value


def upper(value: Json) -> Json:
    return value.upper() if isinstance(value, str) else value


def no_b(value: Json) -> Json | Failed:
    return Failed("rejected", "lookup/unmapped", "no row") if value == "b" else value


Store = Callable[[Json, Json], Json]
"""What a system keeps when it says `old` and is given `new`."""

STORES: dict[str, Store] = {
    "keeps what it gets": lambda old, new: new,
    "has its own spelling": lambda old, new: [lower(v) for v in new] if isinstance(new, list) else lower(new),
    "omits nulls": lambda old, new: ABSENT if new is None else new,
    "sorts backwards": lambda old, new: sorted(new, reverse=True) if isinstance(new, list) else new,
    "cuts to whole numbers": lambda old, new: int(new) if isinstance(new, Decimal) else new,
}


@dataclass
class World:
    """Both sides of one field, with a memory of its own."""

    declared: Field
    now: list[Json]
    base: Agreed | None = None
    cross: Both[Callable[[Json], Any]] = (as_is, as_is)
    stores: Both[Store] = (STORES["keeps what it gets"], STORES["keeps what it gets"])
    decision: Decision | None = None
    modified: Both[float | None] = (None, None)
    written: list[Write] = field(default_factory=list)

    def judge(self) -> Merged:
        now = (self.now[0], self.now[1])
        return merge(self.declared, Said(now, self.cross, self.base, self.decision, self.modified))

    def run(self, fails: Container[Side] = ()) -> Merged:
        """One run: what is decided is written, read back and remembered; a write that fails leaves nothing."""
        result, half = self.judge(), None
        if isinstance(result, Settled) and result.agreed:
            self.base = result.agreed
        for write in result if isinstance(result, tuple) else ():
            if write.to not in fails:
                half = self.take(write, half)
        return result

    def take(self, write: Write, half: Agreed | None) -> Agreed | None:
        """A target that takes a write and keeps what it had has refused it."""
        before, found = self.now[write.to], self.stores[write.to](self.now[write.to], write.value)
        if same(before, found) and not same(found, write.value):
            return None
        self.now[write.to] = found
        self.base = confirm(write.agreed, write.to, found, half)
        self.written.append(write)
        return self.base


def a_field(**options: Any) -> Field:
    return Field("f", ("left", "right"), **{"owner": "shared", **options})


def flipped_side(side: Any) -> Any:
    return other(side) if side in SIDES and not isinstance(side, bool) else side


def flipped_base(base: Agreed | None) -> Agreed | None:
    if base is None:
        return None
    first, second = base.values
    return base._replace(values=(second, first), to=flipped_side(base.to), owed=flipped_side(base.owed))


def seen_straight(result: Merged) -> Any:
    writes = result if isinstance(result, tuple) else ()
    return sorted((write.to, repr(write.value), write.reason) for write in writes) or result


def in_the_mirror(result: Merged) -> Any:
    match result:
        case Settled(agreed):
            return Settled(flipped_base(agreed))
        case tuple():
            return sorted((other(write.to), repr(write.value), write.reason) for write in result)
    return result


# Strategies ---------------------------------------------------------------------------------------------

numbers = st.one_of(st.integers(-3, 3), st.decimals(-3, 3, places=1))
letters = st.sampled_from(["a", "B", "b", "c", ""])
tags = st.lists(st.sampled_from(["a", "B", "b", "c"]), max_size=4)
VALUES = {
    None: st.one_of(letters, numbers, st.booleans(), tags, st.none(), st.just(ABSENT)),
    "set": st.one_of(tags, st.none(), st.just(ABSENT)),
    "counter": st.one_of(numbers, st.none(), st.just(ABSENT)),
    "append": st.one_of(st.text("aB", max_size=3), st.none(), st.just(ABSENT)),
}
sides = st.sampled_from(SIDES)
either = st.sampled_from([(), (0,), (1,)])  # the sides to which a write fails
crosses = st.sampled_from([(as_is, as_is), (lower, upper), (lower, lower), (no_b, as_is), (as_is, no_b)])
stores = st.sampled_from(list(STORES.values()))


@st.composite
def fields(draw: st.DrawFn, /, **fixed: Any) -> Field:
    options = {
        "owner": draw(st.sampled_from([0, 1, "shared", "shared"])),
        "merge": draw(st.sampled_from([None, None, "set", "counter", "append"])),
        "on_conflict": draw(st.sampled_from(["review", "newest", 0, 1])),
        "on_foreign_edit": draw(st.sampled_from(["revert", "keep", "review"])),
        "on_first_link": draw(st.sampled_from(["hold", "owner"])),
        "on_null": draw(st.sampled_from(["propagate", "keep"])),
        "equal_within": draw(st.sampled_from([None, None, Decimal("0.5")])),
    }
    return a_field(**{**options, **fixed})


@st.composite
def bases(draw: st.DrawFn, values: st.SearchStrategy[Json], *, owing: bool = True) -> Agreed | None:
    if draw(st.booleans()):
        return None
    agreed = Agreed((draw(values), draw(values)), draw(st.sampled_from([None, 0, 1])))
    if agreed.to is None:
        return agreed
    agreed = agreed._replace(sent=draw(values.filter(lambda value: value is not ABSENT)))
    match draw(st.sampled_from(["", "", "filled", "owed"])):
        case "filled":
            return agreed._replace(filled=True)
        case "owed" if owing:
            return agreed._replace(owed=agreed.to)
    return agreed


@st.composite
def decisions(draw: st.DrawFn, values: st.SearchStrategy[Json], now: list[Json]) -> Decision | None:
    take: Any = draw(st.sampled_from([None, None, 0, 1, "value"]))
    given_value = draw(values.filter(lambda value: value is not ABSENT))
    return None if take is None else Decision("f", (now[0], now[1]), take, given_value)


@st.composite
def worlds(draw: st.DrawFn, /, *, decided: bool = True, owing: bool = True, **fixed: Any) -> World:
    one = draw(fields(**fixed))
    values = VALUES[one.merge]
    now = [draw(values), draw(values)]
    times = st.sampled_from([None, 0.0, 1.0, 60.0])
    return World(
        one,
        now,
        draw(bases(values, owing=owing)),
        draw(crosses),
        (draw(stores), draw(stores)),
        draw(decisions(values, now)) if decided else None,
        (draw(times), draw(times)),
    )


# Laws: every field ------------------------------------------------------------------------------------------


@given(worlds())
def test_a_second_run_has_nothing_to_do_whatever_the_systems_make_of_what_they_get(world: World) -> None:
    first = world.run()
    assume(not isinstance(first, tuple) or len(first) == len(world.written))  # none was refused
    second = world.judge()
    assert second == (first if isinstance(first, Contested | Failed) else Settled())


@given(worlds())
def test_absent_never_crosses_and_never_is_written(world: World) -> None:
    def never_absent(value: Json) -> Json:
        assert value is not ABSENT
        return value

    world.cross = (never_absent, never_absent)
    result = world.run()
    assert not isinstance(result, tuple) or all(write.value is not ABSENT for write in result)


@given(worlds(decided=False, owing=False), sides)
def test_an_absent_value_never_changes_the_other_side(world: World, side: Side) -> None:
    world.now[side] = ABSENT
    world.run()
    assert all(write.to == side for write in world.written)


@given(worlds(decided=False, on_null="keep", merge=None), sides)
def test_a_null_that_is_kept_never_changes_the_other_side(world: World, side: Side) -> None:
    world.now[side] = None
    world.run()
    assert all(write.to == side for write in world.written)


@given(worlds(owner=0) | worlds(owner=1))
def test_nothing_ever_reaches_the_owner(world: World) -> None:
    world.run()
    assert all(write.to != world.declared.owner for write in world.written)


@given(worlds())
def test_a_write_leads_to_a_base_with_its_value_and_what_the_other_side_says(world: World) -> None:
    result = world.judge()
    for write in result if isinstance(result, tuple) else ():
        assert same(write.agreed.values[write.to], write.value)
    if isinstance(result, tuple) and len(result) == 1 and not world.declared.merge:
        stays = other(result[0].to)
        assert same(result[0].agreed.values[stays], world.now[stays])


@given(worlds())
def test_no_two_writes_go_to_one_side(world: World) -> None:
    result = world.judge()
    if isinstance(result, tuple):
        assert result
        assert [write.to for write in result] == sorted({write.to for write in result})


@given(worlds(decided=False))
def test_swapping_the_sides_swaps_the_result(world: World) -> None:
    assume(world.declared.merge in (None, "counter"))
    mirror = replace(
        world,
        declared=replace(
            world.declared,
            owner=flipped_side(world.declared.owner),
            on_conflict=flipped_side(world.declared.on_conflict),
        ),
        now=world.now[::-1],
        base=flipped_base(world.base),
        cross=world.cross[::-1],
        modified=world.modified[::-1],
    )
    assert in_the_mirror(mirror.judge()) == seen_straight(world.judge())


@given(worlds(decided=False), st.data())
def test_an_answer_to_other_values_than_those_of_now_is_no_answer(world: World, data: st.DataObject) -> None:
    undecided = world.judge()
    values = VALUES[world.declared.merge]
    decision = data.draw(decisions(values, [data.draw(values), data.draw(values)]))
    assume(decision is None or not all(map(same, decision.seen, world.now)))
    world.decision = decision
    assert world.judge() == undecided


COMMON = {None: "z", "counter": 7, "append": "z"}
OTHERS = {None: ("a", "b"), "counter": (5, 6), "append": ("a", "b")}
conflicts = st.tuples(st.sampled_from([None, "counter", "append"]), st.booleans()).filter(
    lambda c: c != ("counter", True)
)


def contested(conflict: tuple[Any, bool]) -> World:
    kind, linked = conflict
    base = Agreed((COMMON[kind], COMMON[kind])) if linked else None
    world = World(a_field(merge=kind), list(OTHERS[kind]), base)
    assert isinstance(world.judge(), Contested)
    return world


@given(conflicts, sides)
def test_an_answer_ends_the_conflict(conflict: Any, side: Side) -> None:
    world = contested(conflict)
    taken = world.now[side]
    world.decision = Decision("f", (world.now[0], world.now[1]), side)
    world.run()
    assert world.now == [taken, taken]
    assert world.judge() == Settled()


@given(conflicts, either, st.sampled_from([("v", 0), ("a", 5), ("b", 6)]))
def test_a_value_given_by_a_person_reaches_both_sides_though_one_write_fails(
    conflict: Any, fails: Any, values: Any
) -> None:
    world, value = contested(conflict), values[conflict[0] == "counter"]
    world.decision = Decision("f", (world.now[0], world.now[1]), "value", value)
    world.run(fails)
    world.run()
    assert world.now == [value, value]
    assert world.judge() == Settled()


@given(st.sampled_from([0, 1, "shared"]), st.sampled_from([ABSENT, None]), st.sampled_from([ABSENT, None]), letters)
def test_a_default_never_flows_back(owner: Any, before: Json, after: Json, default: Json) -> None:
    to: Side = 0 if owner == 1 else 1
    base, now = [before, before], [after, after]
    base[to] = now[to] = default
    world = World(a_field(owner=owner), now, Agreed((base[0], base[1]), to, None, filled=True))
    assert world.judge() == Settled()


blanks = st.sampled_from([ABSENT, None])


@given(sides, st.booleans(), letters | blanks, letters | blanks)
def test_what_a_new_record_filled_in_by_itself_never_flows_back(
    side: Side, is_shared: bool, value: Json, found: Json
) -> None:
    now = [value, found] if side == 1 else [found, value]
    world = World(a_field(owner="shared" if is_shared else side), now, left_to_itself(value, side, found))
    assert not isinstance(world.judge(), tuple)


@given(sides, sides, blanks, blanks, st.sampled_from([(None, "a"), ("counter", 0), ("set", ["a"])]))
def test_of_what_neither_said_when_one_was_made_each_may_speak_later(
    made: Side, speaks: Side, value: Json, found: Json, said: tuple[Any, Json]
) -> None:
    base, now = left_to_itself(value, made, found), [value, value]
    assert base.filled == (not same(value, found))
    now[made] = found
    now[speaks] = said[1]
    world = World(a_field(merge=said[0]), now, base)
    world.run()
    assert world.now == [said[1], said[1]]


@given(worlds(owner="shared", merge=None, decided=False), sides, letters, letters)
def test_a_lone_change_wins(world: World, side: Side, old: Json, new: Json) -> None:
    to = other(side)
    world.base = Agreed((old, old), to, old)
    world.now = [old, old]
    world.now[side] = new
    world.cross, world.stores = (as_is, as_is), (STORES["keeps what it gets"], STORES["keeps what it gets"])
    world.run()
    assert world.now == [new, new]
    assert [write.to for write in world.written] == ([] if new == old else [to])


# Laws: values that combine --------------------------------------------------------------------------------

edits = st.sampled_from(["", "a", "b", "ab", "bc", "abc", "c"]).map(set)


@given(tags.map(set), st.lists(st.tuples(edits, edits, edits, edits, either), min_size=1, max_size=4))
def test_a_set_is_what_was_common_less_what_was_removed_and_what_was_added(common: set[str], rounds: list[Any]) -> None:
    world = World(a_field(merge="set"), [sorted(common), sorted(common)])
    world.run()
    for *wishes, fails in rounds:
        added: set[str] = set()
        removed: set[str] = set()
        for side in SIDES:
            had = set(world.now[side])
            has = (had - wishes[side]) | wishes[side + 2]
            added, removed = added | (has - had), removed | (had - has)
            world.now[side] = sorted(has)
        common = (common - removed) | added
        judged = world.judge()
        world.run(fails if isinstance(judged, tuple) and len(judged) == 2 else ())
    world.run()
    assert [set(value) for value in world.now] == [common, common]
    assert world.judge() == Settled()


@given(numbers, st.lists(st.tuples(numbers, numbers, either), min_size=1, max_size=4))
def test_a_counter_keeps_the_sum_of_all_changes(start: Json, rounds: list[Any]) -> None:
    world = World(a_field(merge="counter"), [start, start])
    world.run()
    total = start
    for first, second, fails in rounds:
        world.now = [world.now[0] + first, world.now[1] + second]
        total += first + second
        world.run(fails)
    world.run()
    assert world.now == [total, total]
    assert world.judge() == Settled()


@given(st.sampled_from([str, list]), st.lists(st.tuples(st.booleans(), st.booleans(), either), max_size=4))
def test_an_appended_text_keeps_every_piece_once(kind: Callable[[Any], Any], rounds: list[Any]) -> None:
    world = World(a_field(merge="append"), [kind("0"), kind("0")])
    world.run()
    pieces = iter("abcdefghij")
    for *adds, fails in rounds:
        world.now = [value + kind(next(pieces)) if adds[side] else value for side, value in enumerate(world.now)]
        world.run(fails)
    world.run()
    used = sum(adds[0] + adds[1] for adds in rounds)
    assert same(world.now[0], world.now[1])
    assert sorted(world.now[0]) == ["0", *"abcdefghij"[:used]]
    assert world.judge() == Settled()


@given(worlds(merge="set", owner="shared", decided=False), st.randoms())
def test_the_order_in_which_elements_are_read_never_decides(world: World, random: Any) -> None:
    world.cross = (as_is, as_is)
    shuffled = replace(world, now=[random.sample(v, len(v)) if isinstance(v, list) else v for v in world.now])
    before, after = world.judge(), shuffled.judge()
    assert type(before) is type(after)
    if isinstance(before, tuple) and isinstance(after, tuple):
        assert [(w.to, sorted(w.value)) for w in before] == [(w.to, sorted(w.value)) for w in after]


@given(tags, st.randoms())
def test_a_set_read_in_another_order_has_not_changed(value: list[str], random: Any) -> None:
    world = World(a_field(merge="set"), [value, value], Agreed((value, value)))
    world.now = [random.sample(value, len(value)), random.sample(value, len(value))]
    assert world.judge() == Settled()


@given(st.sampled_from(["set", "counter", "append"]), st.sampled_from([ABSENT, None]), st.data())
def test_null_on_one_side_is_no_change_of_a_value_that_combines(kind: Any, nothing: Json, data: st.DataObject) -> None:
    value = data.draw(VALUES[kind].filter(lambda v: v is not None and v is not ABSENT))
    world = World(a_field(merge=kind), [value, nothing], Agreed((value, value)))
    assert world.judge() == Settled()


@given(st.lists(st.tuples(edits, edits), max_size=3))
def test_what_a_system_makes_of_an_element_stays_its_own(rounds: list[Any]) -> None:
    """Side 0 makes `bb` of every `b` it is given; side 1, where people add and never remove, loses nothing."""
    stores = (lambda old, new: ["bb" if v == "b" else v for v in new], STORES["keeps what it gets"])
    world = World(a_field(merge="set"), [[], []], stores=stores)
    world.run()
    wanted: set[str] = set()
    for first, second in rounds:
        wanted |= second | (first - {"b"})
        world.now = [sorted({*world.now[0], *first} - {"b"}), sorted({*world.now[1], *second})]
        world.run()
        assert set(world.now[1]) == wanted
        assert set(world.now[0]) == {"bb" if element == "b" else element for element in wanted}
        assert world.judge() == Settled()


# Laws: equality ---------------------------------------------------------------------------------------------

plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.decimals(-2, 2, places=1), st.text("a1", max_size=1)),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xy"), inner, max_size=2),
    max_leaves=4,
)


def spelled(value: Json) -> Json:
    """The same value with other places: 5 as 5.00."""
    match value:
        case bool() | None | str():
            return value
        case list():
            return [spelled(inner) for inner in value]
        case dict():
            return {name: spelled(inner) for name, inner in sorted(value.items())}
    return (Decimal(value) + 0).quantize(Decimal("1.00"))


@given(plain, plain)
@example(1, True)
@example([0], [False])
@example({"x": 1}, {"x": True})
def test_equality_looks_through_spelling_and_never_takes_true_for_one(first: Json, second: Json) -> None:
    assert same(first, spelled(first))
    assert same(first, second) == same(second, first) == (repr(spelled(first)) == repr(spelled(second)))


@given(plain, plain)
@example(1, True)
@example([0], [False])
def test_elements_of_a_set_are_one_when_they_are_the_same(first: Json, second: Json) -> None:
    united = World(a_field(merge="set"), [[first], [second]])
    united.run()
    assert len(united.now[0]) == len(united.now[1]) == (1 if same(first, second) else 2)


@given(plain)
def test_absent_is_like_nothing_else(value: Json) -> None:
    assert same(ABSENT, ABSENT)
    assert not same(ABSENT, value)
    assert not same(value, ABSENT)


def test_empty_is_what_holds_nothing_that_could_be_lost() -> None:
    assert all(map(is_empty, [ABSENT, None, "", [], {}]))
    assert not any(map(is_empty, [0, False, Decimal(0), " ", [None], {"x": None}]))


@pytest.mark.parametrize(
    ("want", "have", "agreed"),
    [
        (Decimal("19.99"), 20, True),
        (Decimal("19.98"), 20, False),
        ("19.99", Decimal("20.00"), True),  # a system that keeps amounts as text
        (True, 1, False),
        (1, True, False),
        ("a", "b", False),
        ("NaN", "NaN ", False),
        (None, 0, False),
        (Symbol("m", 1, (1,)), 1, False),
        (Symbol("m", 1, (1,)), Symbol("m", 1, (1,)), True),
    ],
)
def test_within_the_tolerance_the_receiver_says_it_already(want: Json, have: Json, agreed: bool) -> None:
    assert agree(a_field(equal_within=Decimal("0.01")), want, have) is agreed


# Cases ------------------------------------------------------------------------------------------------------


def outcome(result: Merged) -> Any:
    """A result in short: what is written where and why, or the kind of question."""
    match result:
        case tuple():
            return [(write.to, write.value, write.reason) for write in result]
        case Contested(kind):
            return kind
        case Settled(agreed):
            return "adopted" if agreed else "silent"
    return result


@dataclass(frozen=True)
class Case:
    says: str
    now: Both[Json]
    outcome: Any
    base: Agreed | None = None
    options: dict[str, Any] = field(default_factory=dict)
    cross: Both[Callable[[Json], Any]] = (as_is, as_is)
    modified: Both[float | None] = (None, None)


def owned(says: str, now: Both[Json], outcome: Any, base: Agreed | None = None, **options: Any) -> Case:
    cross = options.pop("cross", as_is)
    return Case(says, now, outcome, base, {"owner": 0, **options}, (unused, cross))


def shared(says: str, now: Both[Json], outcome: Any, base: Agreed | None = None, **options: Any) -> Case:
    more = {name: options.pop(name) for name in ("cross", "modified") if name in options}
    return Case(says, now, outcome, base, options, **more)


def unused(value: Json) -> Json:
    raise AssertionError("nothing ever crosses to the owner")


def sent(first: Json, second: Json, value: Json) -> Agreed:
    """The value was sent to side 1, which made `second` of it."""
    return Agreed((first, second), 1, value)


def unless_null(value: Json) -> Json:
    return "none" if value is None else value


def other_lookup(value: Json) -> Json:
    return {"a": "new a"}.get(value, value)


A, B = sent("a", "a", "a"), sent("a", "b", "a")

FIRST_LINK = [
    owned("equal values become base", ("a", "a"), "adopted"),
    owned("the owner's value goes", ("a", ""), [(1, "a", "first-link")]),
    owned("the owner's value goes over another", ("a", "b"), [(1, "a", "first-link")]),
    owned("0 and false are values", (0, 5), [(1, 0, "first-link")]),
    owned("an empty owner against a filled side is held", (None, "b"), "first-link"),
    owned("an empty text counts as an empty owner", ("", "b"), "first-link"),
    owned("an empty list counts as an empty owner", ([], ["b"]), "first-link"),
    owned("unless the field says the owner wins", (None, "b"), [(1, None, "first-link")], on_first_link="owner"),
    owned("null here and empty there is worth no write", (None, ""), "adopted"),
    owned("a null that is kept asks nobody", (None, "b"), "silent", on_null="keep"),
    owned("an absent owner says nothing", (ABSENT, "b"), "silent"),
    owned("what a chain makes of null fills an empty side", (None, ""), [(1, "none", "first-link")], cross=unless_null),
    owned("and does not overwrite a filled one unasked", (None, "b"), "first-link", cross=unless_null),
    owned("a value that crosses as nothing is held too", ("x", "b"), "first-link", cross=lambda value: None),
    shared("equal values become base", ("a", "a"), "adopted"),
    shared("equal in one side's terms is equal", ("A", "a"), "adopted", cross=(as_is, lower)),
    shared("one side empty takes the filled one", ("a", None), [(1, "a", "first-link")]),
    shared("the other side empty as well", ("", "b"), [(0, "b", "first-link")]),
    shared("an absent side takes the filled one", (ABSENT, "b"), [(0, "b", "first-link")]),
    shared("both empty is agreement", (None, ""), "adopted"),
    shared("both filled are a question", ("a", "b"), "conflict"),
    shared("or follow the side that wins conflicts", ("a", "b"), [(0, "b", "first-link")], on_conflict=1),
    shared("sets are united", (["a"], ["b"]), [(0, ["a", "b"], "merged"), (1, ["b", "a"], "merged")], merge="set"),
    shared("an empty set is filled", ([], ["b"]), [(0, ["b"], "merged")], merge="set"),
    shared("no set and an empty one are worth no write", (None, []), "adopted", merge="set"),
    shared("equal counters agree", (5, Decimal("5.00")), "adopted", merge="counter"),
    shared("different counters are held", (5, 7), "conflict", merge="counter"),
    shared("0 is a number", (0, 7), "conflict", merge="counter"),
    shared("a counter fills an empty side", (0, None), [(1, 0, "merged")], merge="counter"),
    shared("different texts to append to are held", ("ab", "a"), "conflict", merge="append"),
    shared("or follow the side that wins", ("ab", "a"), [(1, "ab", "merged")], merge="append", on_conflict=0),
]

OWNED = [
    owned("nothing changed", ("a", "a"), "silent", A),
    owned("the owner changed", ("c", "a"), [(1, "c", "owner-changed")], A),
    owned("the owner changed to what is there", ("c", "c"), "adopted", A),
    owned("the owner went null", (None, "a"), [(1, None, "owner-changed")], A),
    owned("a null that is kept", (None, "a"), "silent", A, on_null="keep"),
    owned("the owner went empty, which is not null", ("", "a"), [(1, "", "owner-changed")], A),
    owned("the owner's value is not there", (ABSENT, "a"), "silent", A),
    owned("nor does it revert while not there", (ABSENT, "x"), "silent", A),
    owned("another spelling of a number is no change", (Decimal("5.00"), 5), "silent", sent(5, 5, 5)),
    owned("true is not 1", (True, 1), [(1, True, "owner-changed")], sent(1, 1, 1)),
    owned("the target has its own spelling", ("a", "b"), "silent", B),
    owned("an edit that the chain hides", ("A", "b"), "adopted", B, cross=lower),
    owned("within the tolerance", (Decimal("5.4"), 5), "adopted", sent(5, 5, 5), equal_within=Decimal("0.5")),
    owned("a new chain, and nobody edited", ("a", "a"), [(1, "new a", "mapping-changed")], A, cross=other_lookup),
    owned("a new chain says what is there", ("a", "new a"), "adopted", sent("a", "new a", "a"), cross=other_lookup),
    owned("a foreign edit is reverted", ("a", "x"), [(1, "a", "foreign-edit")], A),
    owned("a foreign edit is kept", ("a", "x"), "adopted", A, on_foreign_edit="keep"),
    owned("a kept one stays", ("a", "x"), "silent", sent("a", "x", "a"), on_foreign_edit="keep"),
    owned("a foreign edit is reviewed", ("a", "x"), "foreign-edit", A, on_foreign_edit="review"),
    owned("a foreign deletion is one", ("a", ABSENT), [(1, "a", "foreign-edit")], A),
    owned("both edited: the owner's goes", ("c", "x"), [(1, "c", "owner-changed")], A),
    owned("a kept edit yields to the owner", ("c", "x"), [(1, "c", "owner-changed")], A, on_foreign_edit="keep"),
    owned("both edited under review", ("c", "x"), "foreign-edit", A, on_foreign_edit="review"),
    owned(
        "a lone foreign edit stays one under a new chain", ("a", "x"), [(1, "new a", "foreign-edit")], A,
        cross=other_lookup,
    ),
    owned(
        "and is kept under a new chain", ("a", "x"), "adopted", A, cross=other_lookup, on_foreign_edit="keep",
    ),
    owned("a seed is owned by its receiver: equal", ("a", "a"), "silent", Agreed(("a", "a"), 0, "a")),
    owned("a seed in the receiver's spelling", ("A", "a"), "silent", Agreed(("A", "a"), 0, "a")),
    owned("a seed, and then its owner speaks", ("b", "a"), [(1, "b", "owner-changed")], Agreed(("A", "a"), 0, "a")),
    owned("a field that was shared, with a new chain", ("a", "a"), [(1, "new a", "mapping-changed")],
          Agreed(("a", "a")), cross=other_lookup),
    owned("a field that was shared and still owes", ("a", "b"), [(1, "a", "mapping-changed")],
          Agreed(("a", "b"), 1, "a", owed=1)),
    owned("a merge key does not make an owner writable", (["a"], ["b"]), [(1, ["a"], "first-link")], merge="set"),
    owned("a default, until the owner speaks", (None, "std"), "silent", Agreed((ABSENT, "std"), 1, "std", filled=True)),
    owned("a default that was edited", (ABSENT, "x"), "silent", Agreed((ABSENT, "std"), 1, "std", filled=True)),
    owned("a default, and the owner speaks", ("a", "std"), [(1, "a", "owner-changed")],
          Agreed((None, "std"), 1, "std", filled=True)),
    owned("a default that the owner comes to say", ("std", "std"), "adopted",
          Agreed((None, "std"), 1, "std", filled=True)),
]  # fmt: skip

SHARED = [
    shared("nothing changed", ("a", "a"), "silent", A),
    shared("side 0 changed", ("c", "a"), [(1, "c", "peer-changed")], A),
    shared("side 1 changed", ("a", "c"), [(0, "c", "peer-changed")], A),
    shared("both to the same", ("c", "c"), "adopted", A),
    shared("both differently", ("c", "d"), "conflict", A),
    shared("side 0 wins", ("c", "d"), [(1, "c", "peer-changed")], A, on_conflict=0),
    shared("side 1 wins", ("c", "d"), [(0, "d", "peer-changed")], A, on_conflict=1),
    shared("the newest wins", ("c", "d"), [(0, "d", "peer-changed")], A, on_conflict="newest", modified=(1.0, 3.5)),
    shared("within two seconds nobody knows", ("c", "d"), "conflict", A, on_conflict="newest", modified=(1.0, 3.0)),
    shared("nor when a time is unknown", ("c", "d"), "conflict", A, on_conflict="newest", modified=(1.0, None)),
    shared("null goes over", (None, "a"), [(1, None, "peer-changed")], A),
    shared("unless it is kept", (None, "a"), "silent", A, on_null="keep"),
    shared("a kept null is no conflict", (None, "c"), [(0, "c", "peer-changed")], A, on_null="keep"),
    shared("absent goes nowhere", (ABSENT, "a"), "silent", A),
    shared("not even under a new chain", (ABSENT, "a"), "silent", A, cross=(as_is, unless_null)),
    shared("nor does a kept null", (None, "a"), "silent", A, cross=(as_is, unless_null), on_null="keep"),
    shared("the target has its own spelling", ("a", "b"), "silent", B),
    shared("a new chain", ("a", "a"), [(1, "new a", "mapping-changed")], A, cross=(as_is, other_lookup)),
    shared("a new chain that says what is there", ("a", "b"), "adopted", B, cross=(as_is, lambda value: "b")),
    shared("a new chain where nobody was ever written", ("a", "a"), "conflict", Agreed(("a", "a")),
           cross=(lambda value: "y", other_lookup)),
    shared("the receiver's tolerance counts: 5 EUR are worth a write", (1000, Decimal("1.005")),
           [(0, Decimal("1005.000"), "peer-changed")], sent(1000, Decimal("1.000"), Decimal("1.000")),
           cross=(lambda v: v * 1000, lambda v: v / Decimal(1000)), equal_within=Decimal("0.01")),
    shared("a person's value that still owes side 1", ("v", "b"), [(1, "v", "peer-changed")],
           Agreed(("v", "b"), 1, "v", owed=1)),
    shared("and side 1 was edited meanwhile", ("v", "c"), "conflict", Agreed(("v", "b"), 1, "v", owed=1)),
    shared("agreed by themselves, and one is not there", (ABSENT, "a"), "silent", Agreed(("a", "a"))),
    shared("agreed by themselves that there is nothing", (None, ""), "silent", Agreed((None, ""))),
    shared("agreed by themselves, as long as null stood for it", (None, "x"), "conflict", Agreed((None, "x"))),
    shared("what is owed, and there by now in its own terms", ("V", "v"), "adopted", Agreed(("V", "v"), 1, "v", owed=1),
           cross=(as_is, lower)),
    shared("a default stays", (None, "std"), "silent", Agreed((None, "std"), 1, "std", filled=True)),
    shared("a default that a person edits is a value", (None, "x"), [(0, "x", "peer-changed")],
           Agreed((None, "std"), 1, "std", filled=True)),
    shared("a default yields to a value", ("a", "std"), [(1, "a", "peer-changed")],
           Agreed((None, "std"), 1, "std", filled=True)),
]  # fmt: skip

AB = Agreed((["a", "b"], ["a", "b"]))


def words(value: Json) -> Json:
    """A list from its text, as some systems keep one."""
    return value.split(";") if value else []


def text(value: Json) -> Json | Failed:
    return ";".join(value) if isinstance(value, list) else Failed("rejected", "chain/type", "expected a list")


COMBINING = [
    shared("an element was added", (["a", "b", "c"], ["b", "a"]), [(1, ["b", "a", "c"], "merged")], AB, merge="set"),
    shared("an element was removed", (["a"], ["b", "a"]), [(1, ["a"], "merged")], AB, merge="set"),
    shared("both at once", (["a"], ["a", "b", "c"]), [(0, ["a", "c"], "merged"), (1, ["a", "c"], "merged")], AB,
           merge="set"),
    shared("all were removed", ([], ["a", "b"]), [(1, [], "merged")], AB, merge="set"),
    shared("both removed the same", (["a"], ["a"]), "adopted", AB, merge="set"),
    shared("what comes is sorted", ([], ["z", "y"]), [(0, ["y", "z"], "merged")], Agreed(([], [])), merge="set"),
    shared("5 is 5.00 in a set", ([5], [Decimal("5.00")]), "adopted", merge="set"),
    shared("elements cross one by one and keep their spelling", (["a", "b"], ["A", "B", "C"]),
           [(0, ["a", "b", "c"], "merged")], Agreed((["a", "b"], ["A", "B"])), merge="set", cross=(lower, upper)),
    shared("each side gets what it lacks in its own terms", (["a"], ["B"]),
           [(0, ["a", "b"], "merged"), (1, ["B", "A"], "merged")], merge="set", cross=(lower, upper)),
    shared("what side 1 is still owed, and it wrote on", (["a", "b"], ["B", "C"]),
           [(0, ["a", "b", "c"], "merged"), (1, ["B", "C", "A"], "merged")],
           Agreed((["a", "b"], ["B"]), 1, ["B", "A"], owed=1), merge="set", cross=(lower, upper)),
    shared("a missing list is made element by element", (["a"], None), [(1, ["A"], "merged")],
           merge="set", cross=(lower, upper)),
    shared("two spellings of one element both stay", (["a", "c"], ["A", "a"]), [(1, ["A", "a", "C"], "merged")],
           Agreed((["a"], ["A", "a"])), merge="set", cross=(lower, upper)),
    shared("an element that cannot cross", (["a"], ["b"]), Failed("rejected", "lookup/unmapped", "no row"),
           merge="set", cross=(no_b, as_is)),
    shared("an element that cannot cross back", (["b"], []), Failed("rejected", "lookup/unmapped", "no row"),
           merge="set", cross=(as_is, no_b)),
    shared("a list that side 0 keeps as one text", ("a;b", ["a"]), [(1, ["a", "b"], "merged")],
           Agreed(("a", ["a"])), merge="set", cross=(text, words)),
    shared("and gets as one", ("a", ["a", "b"]), [(0, "a;b", "merged")], Agreed(("a", ["a"])),
           merge="set", cross=(text, words)),
    shared("and that is emptied", ("a", []), [(0, "", "merged")], Agreed(("a", ["a"])),
           merge="set", cross=(text, words)),
    shared("one text where there was none", (None, ["a", "b"]), [(0, "a;b", "merged")],
           merge="set", cross=(text, words)),
    shared("a base that cannot cross any more is none", (["a", "c"], ["a"]), [(1, ["a", "c"], "merged")],
           Agreed((["a", "c"], ["a", "b"])), merge="set", cross=(no_b, as_is)),
    shared("a base from before the values combined is none", (["a"], ["b"]),
           [(0, ["a", "b"], "merged"), (1, ["b", "a"], "merged")], Agreed(("a", "b")), merge="set"),
    shared("a base with a null is none, and what is not there is not united", ([], ABSENT), "adopted",
           Agreed((None, ["a"])), merge="set"),
    shared("null takes nothing away", (None, ["a", "b", "c"]), [(0, ["a", "b", "c"], "merged")], AB, merge="set"),
    shared("a set that is no list", (["a"], "a"), Failed("rejected", "merge/type",
           "merge: set needs a list on both sides", 1), merge="set"),
    shared("both counted", (12, 13), [(0, 15, "merged"), (1, 15, "merged")], Agreed((10, 10)), merge="counter"),
    shared("one counted", (12, 10), [(1, 12, "merged")], Agreed((10, 10)), merge="counter"),
    shared("one counted down to 0", (0, 10), [(1, 0, "merged")], Agreed((10, 10)), merge="counter"),
    shared("null does not count", (None, 13), [(0, 13, "merged")], Agreed((10, 10)), merge="counter"),
    shared("true is no number", (True, 1), Failed("rejected", "merge/type",
           "merge: counter needs a number on both sides"), Agreed((1, 1)), merge="counter"),
    shared("a counter that comes to life on both sides is a first link", (5, 5), "adopted", Agreed((None, None)),
           merge="counter"),
    shared("what one side cut off is not counted again", (10, Decimal("11.0")), [(0, Decimal("10.5"), "merged")],
           Agreed((10, Decimal("10.5"))), merge="counter"),
    shared("both wrote on", ("ab", "ac"), [(0, "abc", "merged"), (1, "abc", "merged")], Agreed(("a", "a")),
           merge="append"),
    shared("lists are appended too", ([1], [1, 1]), [(0, [1, 1], "merged")], Agreed(([1], [1])), merge="append"),
    shared("and cross element by element", (["a", "b"], ["A"]), [(1, ["A", "B"], "merged")],
           Agreed((["a"], ["A"])), merge="append", cross=(lower, upper)),
    shared("a beginning that was edited is a question", ("x", "ab"), "conflict", Agreed(("a", "a")), merge="append"),
    shared("and the winner must say something", ("x", None), "conflict", Agreed(("a", "a")), merge="append",
           on_conflict=1),
    shared("text here and a list there", ("a", ["a"]), Failed("rejected", "merge/type",
           "merge: append needs text or a list on both sides", 1), merge="append"),
    shared("a default is not united", ([], ["std"]), "silent", Agreed((None, ["std"]), 1, ["std"], filled=True),
           merge="set"),
    shared("a default stays where it is, and what comes goes over", (["a"], ["std"]), [(1, ["std", "a"], "merged")],
           Agreed((None, ["std"]), 1, ["std"], filled=True), merge="set"),
    shared("what joins a default goes over alone", (None, ["std", "b"]), [(0, ["b"], "merged")],
           Agreed((None, ["std"]), 1, ["std"], filled=True), merge="set"),
]  # fmt: skip


@pytest.mark.parametrize("case", [*FIRST_LINK, *OWNED, *SHARED, *COMBINING], ids=lambda case: case.says)
def test_a_case_of_the_merge(case: Case) -> None:
    judged = merge(a_field(**case.options), Said(case.now, case.cross, case.base, modified=case.modified))
    assert outcome(judged) == case.outcome


@pytest.mark.parametrize("bucket", ["rejected", "held", "waiting", "out_of_scope"])
@pytest.mark.parametrize("options", [{"owner": 0}, {}, {"merge": "append"}, {"on_conflict": 0}])
@pytest.mark.parametrize("base", [None, A], ids=["first", "later"])
def test_a_value_that_cannot_cross_says_why(bucket: Any, options: Any, base: Agreed | None) -> None:
    failed = Failed(bucket, "some/rule", "why", parent="crm.account/1")
    world = World(a_field(**options), ["ab", "a" if base else None], base, (lambda value: failed, lambda value: failed))
    assert world.judge() == failed


def test_a_field_filled_on_create_only_is_never_looked_at_again() -> None:
    assert World(a_field(owner=None, default=(ABSENT, "x")), ["a", "b"], A).judge() == Settled()


# A person's answer ------------------------------------------------------------------------------------------


def answered(now: Both[Json], take: Any, value: Json = None, base: Agreed | None = A, **options: Any) -> World:
    return World(a_field(**options), list(now), base, decision=Decision("f", now, take, value))


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (answered(("c", "d"), 0), [(1, "c", "decided")]),
        (answered(("c", "d"), 1), [(0, "d", "decided")]),
        (answered(("c", "d"), "value", "v"), [(0, "v", "decided"), (1, "v", "decided")]),
        (answered(("c", "d"), "value", "c"), [(1, "c", "decided")]),
        (answered((ABSENT, "d"), 0), "adopted"),
        (answered(("c", "d"), 0, owner=0), [(1, "c", "decided")]),
        (answered(("c", "d"), 1, owner=0), "adopted"),
        (answered(("c", "d"), "value", "v", owner=0), [(1, "v", "decided")]),
        (answered(("c", "d"), "value", "v", owner=1), [(0, "v", "decided")]),
        (answered(("c", "d"), "value", "d", owner=0), "adopted"),
        (answered((None, "d"), 0, base=None, owner=0), [(1, None, "decided")]),
        (answered((None, "d"), 1, base=None, owner=0), "adopted"),
        (answered(("xa", "ya"), 1, merge="append"), [(0, "ya", "decided")]),
        (answered((["x"], ["y"]), 0, merge="append", base=None), [(1, ["x"], "decided")]),
        (answered(("c", "d"), "value", "d", base=B), [(0, "d", "decided")]),
        (answered(("c", "d"), "value", "d", owner=0, base=None), "adopted"),
        (answered(("c", "d"), 0, owner=None), "silent"),
        (answered((ABSENT, "d"), 0, owner=0), "silent"),
    ],
)
def test_an_answer_is_carried_out(world: World, expected: Any) -> None:
    assert outcome(world.judge()) == expected


@pytest.mark.parametrize(
    ("world", "agreed"),
    [
        (answered(("c", "d"), "value", "v", owner=0), Agreed(("c", "v"), 0, ABSENT)),
        (answered(("c", "d"), "value", "v", owner=1), Agreed(("v", "d"), 1, ABSENT)),
        (answered(("c", "d"), "value", "c"), Agreed(("c", "c"), 0, ABSENT)),
        (answered(("c", "d"), "value", "d"), Agreed(("d", "d"), 1, ABSENT)),
    ],
)
def test_a_value_of_a_person_did_not_come_from_the_other_side(world: World, agreed: Agreed) -> None:
    world.run()
    assert world.base == agreed


def test_an_answered_exception_lasts_until_the_owner_speaks_again() -> None:
    world = answered(("c", "d"), "value", "v", owner=0)
    world.run()
    assert world.now == ["c", "v"]
    assert world.judge() == Settled()
    world.now[0] = "e"
    world.run()
    assert world.now == ["e", "e"]


def test_to_let_the_other_side_be_answers_a_held_lookup_too() -> None:
    held, rejected = Failed("held", "lookup/unmapped", "no row"), Failed("rejected", "lookup/unmapped", "no row")
    world = answered(("c", "d"), 1, owner=0)
    world.cross = (unused, lambda value: held)
    assert world.judge() == Settled()
    world.cross = (unused, lambda value: rejected)
    assert world.judge() == rejected


@pytest.mark.parametrize("options", [{}, {"owner": 0}])
def test_a_given_value_that_cannot_cross_says_why(options: Any) -> None:
    world = answered(("c", "d"), "value", "b", **options)
    world.cross = (as_is, no_b)
    assert isinstance(world.judge(), Failed)


# Between two writes -----------------------------------------------------------------------------------------


def test_either_of_two_writes_leads_to_a_base_that_owes_the_other_side_its_own() -> None:
    result = merge(a_field(merge="set"), Said((["a"], ["B"]), (lower, upper)))
    assert isinstance(result, tuple)
    first, second = result
    assert confirm(first.agreed, 0, ["b", "a"], None) == Agreed((["b", "a"], ["B"]), 1, ["B", "A"], owed=1)
    assert confirm(second.agreed, 1, ["A", "B"], None) == Agreed((["a"], ["A", "B"]), 0, ["a", "b"], owed=0)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_after_both_writes_nothing_is_owed_and_the_base_holds_what_was_read_back(order: Both[Side]) -> None:
    writes = merge(a_field(merge="counter"), Said((12, 13), (as_is, as_is), Agreed((10, 10))))
    assert isinstance(writes, tuple)
    found, half = (14, 16), None
    for side in order:
        half = confirm(writes[side].agreed, side, found[side], half)
    assert half == Agreed((14, 16), to=order[1], sent=ABSENT)


def test_the_base_of_a_lone_write_holds_what_was_read_back() -> None:
    owing = Agreed(("x", "y"), 1, "x", owed=1)
    assert confirm(Agreed(("a", "a"), 1, "a"), 1, "A", owing) == Agreed(("a", "A"), 1, "a")
    assert confirm(Agreed(("a", "a"), 0, "a"), 0, ABSENT, None) == Agreed((ABSENT, "a"), 0, "a")
