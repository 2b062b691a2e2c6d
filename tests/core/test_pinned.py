"""What a revert has restored of a group stays so or moves as one."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.merge import Said, Settled, merge, same
from crmsync.core.model import OSCILLATION, REVERTED, Agreed, Field, Pin
from crmsync.core.plan.pinned import Spoken, moving, pinned

owners = st.sampled_from([0, "shared"])
names = st.lists(st.sampled_from(["amount", "currency"]), min_size=1, unique=True)
RESTORED = Agreed((9, 5), 1, 9)  # side 0 says 9, which was sent, and side 1 says 5 again


def spoken(name: str, now: tuple[Any, Any], owner: Any = 0, group: str | None = "money", merge: Any = None) -> Spoken:
    field = Field(name, (name, name), owner=owner, group=group, merge=merge)
    return field, Said(now, (lambda value: value, lambda value: value), RESTORED)


def pin(name: str, kind: str = REVERTED) -> Pin:
    return Pin(name, kind, RESTORED.values, "restored")


def merged(pins: tuple[Pin, ...], fields: list[Spoken]) -> dict[str, Any]:
    standing, told = moving(pins, fields)
    return {field.name: pinned(standing, field, said, merge(field, said)) for field, said in told if said}


@given(owners, st.sampled_from([0, 1]), st.integers(20, 30), names)
def test_the_side_that_changes_one_field_of_a_group_is_heard_in_all_that_was_restored_of_it(
    owner: Any, side: int, new: int, restored: list[str]
) -> None:
    moved = (new, 5) if side == 0 else (9, new)
    fields = [spoken("amount", moved, owner), spoken("currency", (9, 5), owner), spoken("name", (9, 5), owner, None)]
    found = merged(tuple(pin(name) for name in (*restored, "name")), fields)
    ways = {write.to for name in ("amount", *restored) for write in found[name]}
    assert ways == ({1} if owner == 0 or side == 0 else {0})
    assert found["name"].kind == REVERTED


@given(owners, names)
def test_what_was_restored_stays_as_long_as_nobody_changes_any_of_it(owner: Any, restored: list[str]) -> None:
    fields = [spoken(name, (9, 5), owner) for name in ("amount", "currency")]
    pins = tuple(pin(name) for name in restored)
    assert moving(pins, fields) == (pins, fields)


def test_what_is_written_back_and_forth_stays_held_whatever_its_group_does() -> None:
    fields = [spoken("amount", (20, 5)), spoken("currency", (9, 5))]
    for more in ((), (pin("currency"),)):
        found = merged((pin("amount"), *more, pin("currency", OSCILLATION)), fields)
        assert found["currency"].kind == OSCILLATION
        assert same(found["amount"][0].value, 20)


def test_a_counter_of_a_group_lets_go_of_what_was_restored_and_counts_nothing_twice() -> None:
    fields = [spoken("amount", (20, 5)), spoken("visits", (9, 5), "shared", merge="counter")]
    found = merged((pin("amount"), pin("visits")), fields)
    assert same(found["amount"][0].value, 20)
    assert isinstance(found["visits"], Settled)
