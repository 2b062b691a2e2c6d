"""Does the target take what it is given?"""

from decimal import Decimal

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.types.chain import through
from crmsync.core.types.fit import Target, fits
from crmsync.core.types.proof import proofs, values_of
from crmsync.core.values import compile_chain
from tests.core.types.test_chain import SOURCES, calls, drawn
from tests.core.values.drawn import CONTEXT

TARGETS = [
    *SOURCES, {"type": ["string", "null"], "maxLength": 200}, {"type": "string", "minLength": 1}, {"type": "integer"},
    {"type": "number", "multipleOf": Decimal("0.01"), "minimum": 0}, {"enum": ["Won", "done", 1]}, False,
    {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "maxItems": 2},
    {"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}}, "additionalProperties": False},
    {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 3}]}, {"not": {"type": "null"}},
]  # fmt: skip


@given(data=st.data(), source=st.sampled_from(SOURCES), target=st.sampled_from(TARGETS))
def test_where_nothing_is_said_the_target_takes_every_value(data, source, target):
    if not fits(source, target):
        assert jsonschema_rs.Draft202012Validator(target, validate_formats=True).is_valid(drawn(data, source))


@pytest.mark.parametrize("source", SOURCES)
def test_a_schema_takes_what_itself_allows(source):
    assert fits(source, source) == ()


@pytest.mark.parametrize("source", SOURCES)
def test_values_to_try_are_values_of_the_schema(source):
    takes = jsonschema_rs.Draft202012Validator(source, validate_formats=True).is_valid
    found = values_of(source, [4, 201])
    assert found
    assert all(map(takes, found))


def test_the_simplest_value_proves_a_misfit():
    target = Target({"type": "string", "maxLength": 200})
    misfits = target.misfits({"type": "string", "maxLength": 255})
    proven, suspected = proofs(
        misfits, values_of({"type": "string", "maxLength": 255}, [201]), lambda value: value, target
    )
    assert [len(each.value) for each in proven.values()] == [201]
    assert suspected == ()


def test_what_no_value_proves_is_but_suspected():
    target = Target({"type": "string", "maxLength": 1})
    misfits = target.misfits({"type": "string"})
    proven, suspected = proofs(misfits, ["a", ""], lambda value: value, target)
    assert proven == {}
    assert [each.rule for each in suspected] == ["type/length"]


def test_equal_elements_are_shown_by_equal_elements():
    source = {"type": "array", "items": {"type": "string", "maxLength": 3}, "maxItems": 4}
    target = Target({"type": "array", "items": {"type": "string", "maxLength": 3}, "uniqueItems": True})
    proven, suspected = proofs(target.misfits(source), values_of(source, []), lambda value: value, target)
    assert [(each.misfit.rule, each.value) for each in proven.values()] == [("type/unique", ["", ""])]
    assert suspected == ()


@given(data=st.data(), source=st.sampled_from(SOURCES), target=st.sampled_from(TARGETS))
def test_each_witness_is_allowed_by_the_source_and_refused_by_the_target(data, source, target):
    chain = tuple(data.draw(st.lists(calls, max_size=2), "chain"))
    judged = Target(target)
    lengths = [each for view in judged.root.record.alternatives if (each := view.limits("maxLength"))]
    values = values_of(source, [each[0] + 1 for each in lengths])
    found = through(source, chain, CONTEXT)
    proven, _ = proofs(judged.misfits(found.schema), values, compile_chain(chain, CONTEXT), judged)
    allowed, taken = (jsonschema_rs.Draft202012Validator(each, validate_formats=True) for each in (source, target))
    for proof in proven.values():
        assert allowed.is_valid(proof.value)
        assert proof.result == compile_chain(chain, CONTEXT)(proof.value)
        assert not taken.is_valid(proof.result)
        assert proof.misfit.breaks(proof.result)
