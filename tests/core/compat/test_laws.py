"""What holds of every schema and every pair of them?"""

from __future__ import annotations

import jsonschema_rs
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from crmsync.core.compat import compare
from crmsync.core.compat.canonical import Answer, Canonical, Uncanonical
from crmsync.core.compat.choices import Seeded, Simplest
from crmsync.core.compat.differences import drawn as some_drawn
from crmsync.core.compat.draw import Undrawable, drawing, drawing_of
from crmsync.core.compat.judge import Judge
from crmsync.core.compat.proof import is_proven
from crmsync.core.compat.verdict import included
from tests.core.compat.drawn import SCHEMAS, TEXTS, Drawn

LAW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def judge(schema):
    """None of the laws speaks of a schema that has no reading, such as one that refers to itself without getting on."""
    try:
        return Judge(schema)
    except Uncanonical:
        return assume(False)


def both(one, other):
    """All that both say, with the definitions of the first."""
    return {
        "allOf": [one, {keyword: value for keyword, value in other.items() if keyword != "$defs"}],
        "$defs": one["$defs"],
    }


@LAW
@given(SCHEMAS)
def test_a_schema_takes_all_that_it_takes(schema):
    assert included(schema, {**schema, "title": "the same"}).verdict == "compatible"
    assert compare(schema, dict(schema)).required("FULL") == "none"


@LAW
@given(SCHEMAS, SCHEMAS)
def test_to_say_more_never_takes_more(schema, other):
    judge(schema), judge(both(schema, other))
    assert included(both(schema, other), schema).verdict == "compatible"
    assert compare(schema, both(schema, other)).verdicts["strict"]["FORWARD"] == "compatible"


@LAW
@given(SCHEMAS, SCHEMAS)
def test_a_verdict_has_what_it_stands_on(inner, outer):
    left, right = judge(inner), judge(outer)
    found = included(inner, outer)
    if found.verdict == "breaking":
        assert left.accepts(found.witness)
        assert right.refuses(found.witness)
    if found.verdict == "compatible":
        canonical = Canonical.of(inner)
        assert not [each for each in some_drawn(canonical, 60) if left.accepts(each) and right.refuses(each)]


@LAW
@given(SCHEMAS, SCHEMAS)
def test_our_own_proofs_never_contradict_the_library(inner, outer):
    judge(inner), judge(outer)
    try:
        answer = Canonical.of(outer).covers(Canonical.of(inner))
    except Uncanonical:
        answer = Answer.UNKNOWN
    assert not (answer is Answer.NO and is_proven(inner, outer))


@LAW
@given(SCHEMAS, st.data())
def test_both_validators_accept_whatever_is_drawn(schema, data):
    accepted = judge(schema)
    try:
        value = drawing_of(schema)(Drawn(data))
    except Undrawable:
        assume(False)
    assert accepted.accepts(value)


@LAW
@given(SCHEMAS, st.integers(0, 2**64 - 1))
def test_the_same_choices_draw_the_same_value(schema, seed):
    judge(schema)
    try:
        first = drawing_of(schema)(Seeded(seed))
    except Undrawable:
        assume(False)
    assert drawing_of(schema)(Seeded(seed)) == first


@LAW
@given(TEXTS)
def test_a_schema_without_values_draws_none_and_is_taken_by_any(schema):
    empty = {"allOf": [schema, {"type": "string"}, {"type": "null"}]}
    assert included(empty, False).verdict == "compatible"
    try:
        drawn = drawing(Canonical.of(empty))(Simplest())
    except Undrawable:
        return
    raise AssertionError(drawn)


@LAW
@given(SCHEMAS, SCHEMAS)
def test_the_full_verdict_is_the_worse_of_both(old, new):
    judge(old), judge(new)
    for verdicts in compare(old, new).verdicts.values():
        rank = ["compatible", "unproven", "breaking"].index
        assert rank(verdicts["FULL"]) == max(rank(verdicts["BACKWARD"]), rank(verdicts["FORWARD"]))


def test_a_record_with_a_decimal_or_a_strange_letter_is_judged_alike_by_both():
    schema = {"type": "object", "properties": {"v": {"multipleOf": 0.01, "type": "number"}, "t": {"maxLength": 2}}}
    fast = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    for seed in range(200):
        value = drawing_of(schema)(Seeded(seed))
        assert fast.is_valid(value)
        assert Judge(schema).accepts(value)
