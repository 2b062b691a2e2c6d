"""What does a chain give, for all values of a schema?"""

from decimal import Decimal

import jsonschema_rs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crmsync.core.compat.canonical import Uncanonical
from crmsync.core.compat.draw import Undrawable, drawing_of
from crmsync.core.model import Call
from crmsync.core.types.chain import through
from crmsync.core.values import Unfit, compile_chain
from tests.core.values.drawn import CONTEXT, DRAWN

TEXT = {"type": "string"}
LONG = {"type": ["string", "null"], "minLength": 1, "maxLength": 255}
SOURCES = [
    TEXT, LONG, {"type": "string", "maxLength": 3}, {"type": "string", "pattern": "^[A-Z]{2}$"},
    {"type": "string", "format": "date"}, {"type": "string", "format": "date-time"},
    {"type": ["string", "null"], "format": "email"}, {"type": "integer", "minimum": -5, "maximum": 120},
    {"type": ["number", "null"], "multipleOf": Decimal("0.001"), "exclusiveMinimum": 0}, {"type": "boolean"},
    {"enum": ["Won", "Closed", None, True, 1, Decimal("2.5")]}, {"const": "open"}, {"type": "null"},
    {"type": "array", "items": LONG, "maxItems": 3}, {"type": ["array", "null"], "items": {"type": "number"}},
    {"type": "array", "prefixItems": [TEXT, {"type": ["string", "null"]}], "minItems": 2, "maxItems": 2},
    {"anyOf": [{"type": "string", "maxLength": 4}, {"type": "integer", "multipleOf": 5}, {"type": "array"}]},
    {"type": "object", "properties": {"a": TEXT}}, True,
]  # fmt: skip


class Of:
    """Choices that hypothesis makes."""

    def __init__(self, data):
        self.data = data

    def integer(self, low, high):
        return self.data.draw(st.integers(low, high))


def drawn(data, schema):
    try:
        return drawing_of(schema)(Of(data))
    except (Uncanonical, Undrawable):
        assume(False)


calls = st.sampled_from(sorted(DRAWN)).flatmap(lambda name: DRAWN[name][0].map(lambda args: Call(name, args)))


@given(data=st.data(), source=st.sampled_from(SOURCES), chain=st.lists(calls, min_size=1, max_size=3).map(tuple))
def test_no_value_leaves_the_schema_of_its_chain(data, source, chain):
    found = through(source, chain, CONTEXT)
    value = drawn(data, source)
    try:
        result = compile_chain(chain, CONTEXT)(value)
    except Unfit:
        assert found.may_refuse
        return
    assert jsonschema_rs.Draft202012Validator(found.schema, validate_formats=True).is_valid(result)


CASES = [
    (LONG, ["trim", "collapse_spaces", Call("truncate", 120)], {"type": ["string", "null"], "maxLength": 120}),
    (LONG, ["trim", Call("null_if", ""), Call("default", "?")], {"type": "string", "minLength": 1, "maxLength": 255}),
    ({"type": "string", "pattern": "^[A-Z]{2}$"}, ["trim"], {"type": "string", "pattern": "^[A-Z]{2}$"}),
    ({"enum": ["Won", "Closed", None]}, [Call("lookup", "delivery_status")], {"enum": ["open", "done", None]}),
    ({"type": "integer", "minimum": 0, "maximum": 100}, [Call("multiply", Decimal("0.01"))],
     {"type": "number", "multipleOf": Decimal("0.01"), "minimum": 0, "maximum": 1}),
    ({"type": "number"}, [Call("round", 2)], {"type": "number", "multipleOf": Decimal("0.01")}),
    ({"type": "number", "multipleOf": 5}, [Call("round", 2)], {"type": "number", "multipleOf": 5}),
    ({"type": "number", "minimum": Decimal("0.5")}, ["round"], {"type": "integer", "minimum": 0}),
    ({"type": "string", "format": "date-time"}, [Call("date_of", "UTC")],
     {"type": "string", "format": "date", "minLength": 10, "maxLength": 10}),
    ({"type": "array", "items": {"type": "string", "maxLength": 9}, "maxItems": 2}, [Call("concat", ", ")],
     {"type": ["string", "null"], "maxLength": 20}),
    ({"type": "string", "maxLength": 9}, [Call("split", {"separator": " ", "parts": 2})],
     {"type": "array", "prefixItems": [{"type": "string", "maxLength": 9}],
      "items": {"anyOf": [{"type": "string", "maxLength": 9}, {"type": "null"}]}, "minItems": 2, "maxItems": 2}),
    ({"type": "string"}, [Call("constant", 5)], {"const": 5}),
    ({"type": "boolean"}, [Call("boolean_text", {"true": "a", "false": "n"})], {"enum": ["a", "n"]}),
]  # fmt: skip


@pytest.mark.parametrize(("source", "calls", "gives"), CASES)
def test_a_chain_gives_what_its_steps_declare(source, calls, gives):
    chain = tuple(each if isinstance(each, Call) else Call(each) for each in calls)
    assert through(source, chain, CONTEXT).schema == gives


def test_values_that_a_step_never_takes_are_told():
    (refusal,) = through(
        {"enum": ["Won", "Lost", "Gone"]}, (Call("trim"), Call("lookup", "delivery_status")), CONTEXT
    ).refusals
    assert (refusal.index, refusal.values) == (1, ("Lost", "Gone"))


def test_kinds_that_a_step_never_takes_are_told():
    (refusal,) = through({"type": ["number", "string"]}, (Call("trim"),), CONTEXT).refusals
    assert (refusal.index, refusal.kinds) == (0, ("number",))


def test_what_only_a_run_loads_is_not_guessed():
    lookup = Call("lookup", {"entity": "pm.user", "by": "name", "take": "id"})
    assert through({"enum": ["a"]}, (lookup,), CONTEXT).schema is True
