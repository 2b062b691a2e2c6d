"""A counter is taken back by what a run had added to it, and by nothing else."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.model import Agreed, Both, Change, Side, other
from crmsync.core.plan.reverted import taken_back, uncounted

numbers = st.one_of(st.integers(-50, 50), st.decimals(-50, 50, places=2))
counts = st.lists(numbers.filter(bool), max_size=6)


def wrote(before: Any, after: Any, agreed: Agreed) -> Change:
    return Change("visits", "visits", before, after, "merged", agreed)


@given(numbers, numbers.filter(bool), counts, st.sampled_from([0, 1]))
def test_what_was_counted_since_stays_and_what_the_run_added_goes(
    before: Any, added: Any, since: list[Any], side: Side
) -> None:
    """Once a run has carried the counts over, both sides say the same."""
    after = before + added
    written, total = wrote(before, after, Agreed((after, after), side, after)), after + sum(since)
    less = uncounted(written, side, Agreed((total, total)), total)
    assert less == total - added == before + sum(since)
    base = taken_back(Agreed((total, total)), side, less)
    assert base.values[1 - side] == total
    assert uncounted(written, side, base, less) == less  # it is not taken back twice
    more = added + 7  # counted on both sides after that, and carried over
    assert uncounted(written, side, base._replace(values=_both(base.values, more)), less + more) == less + more


@given(numbers, numbers.filter(bool), counts, st.sampled_from([0, 1]))
def test_taken_back_and_put_back_it_is_as_if_nothing_had_been(
    before: Any, added: Any, since: list[Any], side: Side
) -> None:
    after, total = before + added, before + added + sum(since)
    written = wrote(before, after, Agreed((after, after), side, after))
    first = uncounted(written, side, Agreed((total, total)), total)
    base = taken_back(Agreed((total, total)), side, first)
    undone = Change("visits", "visits", total, first, "reverted", base)
    moved = base._replace(values=_both(base.values, sum(since)))
    assert uncounted(undone, side, moved, first + sum(since)) == total + sum(since)


@given(numbers, counts, numbers.filter(bool), counts, st.sampled_from([0, 1]))
def test_of_what_both_sides_had_counted_before_the_run_one_loses_what_the_other_had(
    before: Any, mine: list[Any], theirs: Any, since: list[Any], side: Side
) -> None:
    """Each half of such a write owed the other side the same sum."""
    there, after = before + theirs, before + sum(mine) + theirs
    half = Agreed((there, after) if side == 1 else (after, there), other(side), after, owed=other(side))
    total = after + sum(since)
    assert uncounted(wrote(before + sum(mine), after, half), side, Agreed((total, total)), total) == total - theirs


@given(numbers, numbers.filter(bool), numbers.filter(bool))
def test_what_no_run_has_carried_over_is_not_judged(before: Any, added: Any, news: Any) -> None:
    after = before + added
    written = wrote(before, after, Agreed((after, after), 1, after))
    assert uncounted(written, 1, Agreed((after, after)), after + news) is None
    assert uncounted(written, 1, None, after) is None
    assert uncounted(written, 1, Agreed((after, after), owed=0), after) is None


def test_what_is_no_number_was_not_counted() -> None:
    full = Agreed((5, 5))
    assert uncounted(wrote(None, 5, full), 1, full, 5) is None
    assert uncounted(wrote(True, 5, full), 1, full, 5) is None
    assert uncounted(wrote(4, 5, Agreed((5, None))), 1, full, 5) is None
    assert uncounted(wrote(4, 5, full), 1, Agreed((9, 7)), 7) is None  # they moved apart otherwise
    assert uncounted(wrote(Decimal("1.10"), Decimal("1.30"), full), 1, full, 5) == Decimal("4.80")


def _both(values: Both[Any], more: Any) -> Both[Any]:
    return values[0] + more, values[1] + more
