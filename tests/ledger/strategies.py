"""Which keys, values and bases do the laws try?"""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from crmsync.core.model import ABSENT, Agreed

# The awkward ones: quotes and signs that JSON escapes, letters beyond one byte, numbers beside their texts.
texts = st.text(st.sampled_from("aB\"\\',:[]{}%\0\n\x7fžЖ𝄞￿ é0"), max_size=4)
parts = st.one_of(texts, st.integers(-(2**53), 2**53), st.integers(0, 12))
keys = st.lists(parts, min_size=1, max_size=2).map(tuple)

decimals = st.decimals(-1000, 1000, places=2).filter(lambda number: not number.is_zero() or not number.is_signed())
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 9), texts, decimals.map(lambda number: number + Decimal("0.001"))
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2), max_leaves=3
)
maybe = values | st.just(ABSENT)
sides = st.sampled_from([None, 0, 1])


@st.composite
def agreed(draw):
    first, second = draw(maybe), draw(maybe)
    if draw(st.booleans()):
        second = first
    sent = draw(st.one_of(maybe, st.just(first), st.just(second)))
    return Agreed((first, second), draw(sides), sent, draw(sides), draw(st.booleans()))


bases = st.dictionaries(st.text("abc", min_size=1, max_size=2), agreed(), max_size=3)
