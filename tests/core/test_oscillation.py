"""Who found what he had left is never taken for somebody whose value is written back."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.model import Agreed, Change, Field
from crmsync.core.plan.oscillation import Ran, Wrote, by_itself, by_turns, least_by_itself, row, written_back

values = st.sampled_from(["a", "b", "c", None, 1])
owners = st.sampled_from([0, "shared"])
NOTHING = Agreed((None, None))


def field(owner: Any = 0, oscillation: int | None = 3, **more: Any) -> Field:
    return Field("name", ("name", "name"), owner=owner, oscillation=oscillation, **more)


def change(before: Any, after: Any) -> Change:
    return Change("name", "name", before, after, "owner-changed", NOTHING)


def chain(said: list[Any]) -> list[Wrote]:
    """Writes of these values one after the other, each found as it was left; newest first."""
    steps = enumerate(pairwise(said))
    return [Wrote(f"r{n}", before, after, "owner-changed") for n, (before, after) in steps][::-1]


@given(st.lists(values, min_size=3, max_size=8), values, owners)
def test_what_is_found_as_it_was_left_is_news(said: list[Any], new: Any, owner: Any) -> None:
    base = Agreed((said[-1], said[-1]), 1, said[-1])
    assert written_back(field(owner), 1, change(said[-1], new), chain(said), base) is None


@given(st.lists(st.sampled_from(["x", "y"]), min_size=2, max_size=6), st.integers(2, 6))
def test_a_value_that_was_reset_before_each_write_is_held_after_as_many(found: list[Any], most: int) -> None:
    past = [Wrote(f"r{n}", before, "ours", "foreign-edit") for n, before in enumerate(found)]
    swing = written_back(field(oscillation=most), 1, change("z", "ours"), past, Agreed(("ours", "ours"), 1, "ours"))
    assert (swing is not None) == (len(past) >= most - 1)
    if swing is not None:
        assert (len(swing.runs), swing.stands, swing.ours) == (most - 1, "z", "ours")


@given(st.lists(values, min_size=2, max_size=5))
def test_an_answer_of_a_person_is_where_counting_begins(found: list[Any]) -> None:
    past = [Wrote("new", "x", "ours", "decided"), *(Wrote("r", each, "ours", "foreign-edit") for each in found)]
    assert written_back(field(), 1, change("x", "ours"), past, None) is None


@given(values, values, values)
def test_values_go_by_turns_only_if_the_last_is_as_the_one_before_the_last(one: Any, two: Any, three: Any) -> None:
    past = [Wrote("r2", one, two, "owner-changed"), Wrote("r1", two, one, "owner-changed")]
    assert (by_turns(field(), change(two, three), past) is not None) == (three == one and one != two)


def followed(said: list[Any], more: Any = (), **how: Any) -> bool:
    """Is the last of these values held, which all were written run after run? `more`: runs that come in between."""
    past = chain(said[:-1])
    ran = [*more, *(Ran(wrote.run, True, True) for wrote in past)]
    return by_itself(field(**how), change(said[-2], said[-1]), past, ran) is not None


@given(st.lists(values, min_size=5, max_size=9), st.integers(2, 6), owners)
def test_a_source_is_held_that_says_one_of_two_values_by_turns_once_more_than_is_borne(
    said: list[Any], most: int, owner: Any
) -> None:
    long = max(most, 3) + 1
    last = said[-long:]
    swings = len(said) > long and last[0] != last[1] and all(x == y for x, y in zip(last, last[2:], strict=False))
    assert followed(said, oscillation=most, owner=owner) == swings


@given(st.integers(2, 6))
def test_as_many_writes_are_asked_for_as_it_takes_to_hold_one(most: int) -> None:
    said = list("ABABABABA")[: least_by_itself(field(oscillation=most)) + 2]  # what was there, these writes, one more
    assert followed(said, oscillation=most)
    assert not followed(said[1:], oscillation=most)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=4))
def test_only_runs_that_have_looked_and_found_nothing_new_break_the_row(between: list[tuple[bool, bool]]) -> None:
    more = [Ran(f"x{n}", wrote, looked) for n, (wrote, looked) in enumerate(between)]
    assert followed(list("ABABAB"), more) == (not any(looked for _, looked in between))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=6))
def test_no_run_that_may_belong_to_the_row_is_left_out_of_it(runs: list[tuple[bool, bool]]) -> None:
    ran = [Ran(f"r{n}", wrote, looked) for n, (wrote, looked) in enumerate(runs)]
    found = list(row(ran))
    assert ran[: len(found)] == found
    assert all(each.wrote or not each.looked for each in found)
    assert len(found) == len(ran) or (ran[len(found)].looked and not ran[len(found)].wrote)


def test_a_mapping_that_says_it_otherwise_by_turns_is_not_taken_for_its_source() -> None:
    past = chain(list("ABABA"))
    ran = [Ran(wrote.run, True, True) for wrote in past]
    otherwise = Change("name", "name", "A", "B", "mapping-changed", NOTHING)
    assert by_itself(field(), otherwise, past, ran) is None


def test_never_is_never_and_values_that_add_up_are_left_alone() -> None:
    past = [Wrote(f"r{n}", "x", "ours", "foreign-edit") for n in range(9)]
    base = Agreed(("ours", "ours"), 1, "ours")
    assert written_back(field(oscillation=None), 1, change("x", "ours"), past, base) is None
    for adds in ("counter", "append"):
        assert written_back(field("shared", merge=adds), 1, change("x", "ours"), past, base) is None
    assert by_turns(field(oscillation=None), change("x", "ours"), past) is None


def test_a_set_is_held_only_where_it_is_found_and_left_the_same_each_time() -> None:
    base, tags = Agreed((["a", "x"], ["a", "x"]), 1, ["a", "x"]), field("shared", merge="set")
    past = [Wrote(f"r{n}", ["a"], ["a", "x"], "merged") for n in range(2)]
    assert written_back(tags, 1, change(["a"], ["a", "x"]), past, base) is not None
    assert written_back(tags, 1, change(["a"], ["a", "y"]), past, base) is None
    assert written_back(tags, 1, change(["b"], ["a", "x"]), past, base) is None
