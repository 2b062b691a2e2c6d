"""A plan written down and read again is the same plan."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.model import (
    ABSENT,
    Adopt,
    Agreed,
    Archive,
    Change,
    Create,
    Delete,
    Hold,
    Mark,
    Restore,
    Symbol,
    Update,
)
from crmsync.core.plan import decode, digest, encode

names = st.sampled_from(["name", "Žltý kôň", "a.b"])
keys = st.lists(st.integers(0, 9) | st.sampled_from(["042", "x,y", "ž"]), min_size=1, max_size=2).map(tuple)
sides = st.sampled_from([0, 1])
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(-99, 99, places=2) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
values = plain | st.just(ABSENT)
agreements = st.builds(Agreed, st.tuples(values, values), st.none() | sides, values, st.none() | sides, st.booleans())


@st.composite
def changes(draw, side):
    after = draw(plain | st.builds(Symbol, names, sides, keys))
    said = draw(values)
    both = (after, said) if side == 0 else (said, after)
    agreed = Agreed(both, draw(sides), draw(st.just(after) | values), draw(st.none() | sides), draw(st.booleans()))
    return Change(draw(names), draw(names), draw(values), after, draw(names), agreed)


@st.composite
def lines(draw):
    side = draw(sides)
    several = st.lists(changes(side), min_size=1, max_size=3).map(tuple)
    both = st.tuples(keys, keys)
    untold = st.lists(st.tuples(names, values), max_size=2).map(tuple)
    states, counts = st.sampled_from(["live", "missing", "gone"]), st.tuples(st.integers(0, 2), sides)
    base, judged = st.dictionaries(names, agreements, max_size=2), st.none() | st.just((0.5, "so"))
    return draw(
        st.one_of(
            st.builds(Create, names, st.just(side), keys, several, untold),
            st.builds(Update, names, st.just(side), keys, keys, several, names, st.just("") | names),
            st.builds(Archive, names, sides, keys, keys, names, names, st.just((0, 0)), untold),
            st.builds(Restore, names, sides, keys, keys, names, untold, st.booleans()),
            st.builds(Delete, names, sides, keys, keys, names, names),
            st.builds(Mark, names, both, states, counts),
            st.builds(Adopt, names, both, base, judged),
            st.builds(
                Hold, names, st.tuples(keys, st.none()), names, names, st.tuples(values, values),
                st.tuples(values, values), names,
            ),
        )
    )  # fmt: skip


@given(lines())
def test_a_line_says_all_that_its_action_does(line):
    assert decode(encode(line)) == line


@given(lines())
def test_one_action_has_one_text(line):
    assert encode(decode(encode(line))) == encode(line)


def test_a_digest_tells_two_plans_apart_by_a_single_value():
    first, second = (
        encode(Update("m", 1, (1,), (2,), (Change("f", "f", None, after, "x", Agreed((after, after), 1, after)),), "v"))
        for after in (Decimal("1.00"), Decimal("1.01"))
    )
    assert digest([first]) != digest([second])
    assert digest([first]) == digest([first])
    assert digest([first, second]) != digest([first + second])
