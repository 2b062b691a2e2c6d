"""Does every built-in transform keep the laws, for values drawn to fit it and for any JSON at all?"""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.core.model import Call
from crmsync.core.values import Transform, Unfit, compile_chain, invert, registry
from crmsync.core.values.laws import laws, same
from crmsync.core.values.transform import Example, Step
from tests.core.values.drawn import CONTEXT, DRAWN, junk


def test_every_built_in_transform_is_tried() -> None:
    assert set(DRAWN) == set(registry())


@pytest.mark.parametrize("name", sorted(DRAWN))
@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_every_transform_keeps_the_laws(name: str, data: st.DataObject) -> None:
    args, values = DRAWN[name]
    check = laws(registry()[name], CONTEXT)
    check(data.draw(args), data.draw(values | st.lists(values, max_size=3) | junk))


def refusal(step: Step, value: object) -> str:
    """What is said of a misfit; nothing of a fit."""
    try:
        step(value)
    except Unfit as misfit:
        return str(misfit)
    return ""


@pytest.mark.parametrize("name", sorted(DRAWN))
@settings(deadline=None, max_examples=20)
@given(data=st.data(), before=st.text("0aá+@. ", max_size=6), after=st.text("0aá+@. ", max_size=6))
def test_no_misfit_tells_any_part_of_its_value(name: str, data: st.DataObject, before: str, after: str) -> None:
    step = compile_chain((Call(name, data.draw(DRAWN[name][0])),), CONTEXT)
    secret = f"{before}Xyzzy{after}"
    for value in (secret, [secret], {secret: secret}, f"{secret}@firma.sk", f"http://{secret}.sk", f"SK{secret}"):
        assert "xyzzy" not in refusal(step, value).casefold()


ALWAYS_BACK = sorted(set(DRAWN) - {"datetime", "datetime_text", "date"})


@pytest.mark.parametrize("name", ALWAYS_BACK)
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_only_a_calendar_may_refuse_the_way_back(name: str, data: st.DataObject) -> None:
    call, value = Call(name, data.draw(DRAWN[name][0])), data.draw(DRAWN[name][1])
    back, there = invert((call,), CONTEXT), compile_chain((call,), CONTEXT)
    try:
        result = there(value)
    except Unfit:
        return
    if back is not None:
        compile_chain(back, CONTEXT)(result)


COMMA = {"decimal": ","}
CHAINS = [  # a chain that changes a number, and what spells the number before it
    ((Call("trim"), Call("to_number"), Call("multiply", 100)), Call("to_text")),
    ((Call("multiply", Decimal("0.25")), Call("add", -3), Call("to_text", COMMA)), Call("multiply", 1)),
    ((Call("decimal", COMMA), Call("add", {"by": 1})), Call("to_text", COMMA)),
]


@pytest.mark.parametrize(("chain", "spell"), CHAINS)
@given(number=st.integers(-(10**9), 10**9) | st.decimals(-(10**6), 10**6, places=3))
def test_a_chain_of_exact_steps_leads_back_to_the_very_number(
    chain: tuple[Call, ...], spell: Call, number: int | Decimal
) -> None:
    back = invert(chain, CONTEXT)
    assert back is not None
    start = compile_chain((Call("multiply", 1), spell), CONTEXT)(number)  # without zeros at its end
    assert same(compile_chain((*chain, *back), CONTEXT)(start), start)


# The law suite itself must catch who breaks a law --------------------------------------------------------


def breaks(name: str, build: object, **more: object) -> Transform:
    return Transform(name, "", "text", "text", build, **more)  # type: ignore[arg-type]  # laws are about the rest


def refuse(_value: object) -> str:
    raise Unfit(f"bad value {_value}")


@pytest.mark.parametrize(
    ("transform", "value", "law"),
    [
        (breaks("trim", lambda a, c: lambda v: v + "!", canonical=True), "abc", "own result"),
        (breaks("trim", lambda a, c: lambda v: 5), "abc", "must give text"),
        (breaks("trim", lambda a, c: lambda v: 0.5), "abc", "plain JSON"),
        (breaks("trim", lambda a, c: refuse), "secret", "not hold the value"),
        (breaks("trim", lambda a, c: lambda v: v.append("x") or "x", elementwise=False), ["abc"], "must not change"),
        (breaks("trim", lambda a, c: lambda v: v[:2], inverse=lambda a, c: (Call("upper"),)), "abc", "there again"),
    ],
)
def test_the_law_suite_names_the_broken_law(transform: Transform, value: object, law: str) -> None:
    with pytest.raises(AssertionError, match=law):
        laws(transform)(None, value)


def test_the_law_suite_tries_the_examples() -> None:
    with pytest.raises(AssertionError, match="its own example gives 'ABC', not 'abc'"):
        laws(breaks("trim", lambda a, c: str.upper, examples=(Example(None, "abc", "abc"),)))
