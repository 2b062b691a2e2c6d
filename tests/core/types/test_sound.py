"""Does what an expression gives always keep the schema that was inferred for it?"""

from __future__ import annotations

from decimal import Decimal
from functools import cache

import jsonschema_rs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crmsync.core.compat.canonical import Uncanonical
from crmsync.core.compat.draw import Undrawable, drawing_of
from crmsync.core.expression import EvaluationError, compile_expression, problems
from crmsync.core.model import ABSENT
from crmsync.core.types import infer
from tests.core.types.contracts import ALL
from tests.core.types.drawn import expressions

FAILURES = {"type/may-fail", "type/never"}


class Drawn:
    def __init__(self, data):
        self.data = data

    def integer(self, low, high):
        return self.data.draw(st.integers(low, high))


def respelled(value, places):
    """The same value, with its whole numbers spelled 1.00."""
    if isinstance(value, list):
        return [respelled(item, places) for item in value]
    if isinstance(value, dict):
        return {name: respelled(item, places) for name, item in value.items()}
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return Decimal(value).quantize(Decimal(1).scaleb(-places)) if is_whole and places and abs(value) < 10**12 else value


@cache
def recorder(name):
    return drawing_of(ALL[name])


@cache
def expressed(name):
    return expressions(ALL[name]).filter(lambda text: not problems(text))


def valid(schema, value):
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True, offline=True).is_valid(value)


def _leads_nowhere(problem):
    """Of what is taken of such a path, no more is said."""
    return (problem.rule, problem.severity) == ("type/unknown-path", "error")


@pytest.mark.parametrize("name", list(ALL))
@given(data=st.data())
@settings(max_examples=40)
def test_no_evaluation_leaves_the_inferred_schema(name, data):
    text = data.draw(expressed(name), "expression")
    typed = infer(text, ALL[name])
    evaluate = compile_expression(text)
    told = any(problem.rule in FAILURES or _leads_nowhere(problem) for problem in typed.problems)
    for _ in range(4):
        try:
            record = respelled(recorder(name)(Drawn(data)), data.draw(st.integers(0, 2)))
        except (Undrawable, Uncanonical):
            assume(False)
        try:
            value = evaluate(record)
        except EvaluationError:
            failed = f"{text} failed unannounced on {record}"
            assert told, failed
            continue
        assert valid(typed.schema, value), f"{text} gives {value} for {record}, outside {typed.schema}"


@pytest.mark.parametrize("name", list(ALL))
@given(data=st.data())
@settings(max_examples=10)
def test_a_witness_keeps_the_contract_and_makes_the_expression_fail(name, data):
    text = data.draw(expressed(name), "expression")
    for problem in infer(text, ALL[name]).problems:
        if problem.witness is not ABSENT:
            assert valid(ALL[name], problem.witness)
            with pytest.raises(EvaluationError):
                compile_expression(text)(problem.witness)
