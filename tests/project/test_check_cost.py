"""Does a check cost no more than its fields? Counted in calls, which no other process disturbs."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from benchmarks.check import lay_out
from crmsync.core.compat.canonical import Answer, Canonical
from crmsync.core.contract import schema_problems
from crmsync.project import load_project
from crmsync.project.contracts.dead import dead_parts


@contextmanager
def calls() -> Iterator[Counter[str]]:
    """How many calls there are inside, of Python's and of others'."""
    found: Counter[str] = Counter()

    def count(_frame: object, event: str, _arg: object) -> None:
        found[event] += 1

    sys.setprofile(count)
    try:
        yield found
    finally:
        sys.setprofile(None)


def cost(folder: Path, fields: int) -> int:
    root = folder / str(fields)
    lay_out(root, fields)
    with calls() as found:
        assert load_project(root).findings == ()
    return found["call"] + found["c_call"]


def test_ten_times_the_fields_cost_ten_times_the_calls(tmp_path: Path) -> None:
    cost(tmp_path, 5)  # imports what is imported late
    assert cost(tmp_path, 500) < 11 * cost(tmp_path, 50)


def test_no_garbage_is_looked_for_while_a_project_is_read_and_again_afterwards(tmp_path: Path) -> None:
    lay_out(tmp_path, 500)
    before = sum(each["collections"] for each in gc.get_stats())
    load_project(tmp_path)
    assert sum(each["collections"] for each in gc.get_stats()) - before <= 2  # one before, and one behind it
    assert gc.isenabled()
    gc.disable()
    try:
        load_project(tmp_path)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_more_properties_of_the_same_kinds_need_no_more_validators(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Counter[str] = Counter()

    def counted(name: str, make: Callable[..., Any]) -> Callable[..., Any]:
        def making(*args: Any, **options: Any) -> Any:
            made[name] += 1
            return make(*args, **options)

        return making

    for name in ("canonicalize", "Draft202012Validator"):
        monkeypatch.setattr(jsonschema_rs, name, counted(name, getattr(jsonschema_rs, name)))
    cost(tmp_path, 50)
    few = made.copy()
    made.clear()
    cost(tmp_path, 500)
    assert few["Draft202012Validator"] > 0
    assert made <= few


small = st.integers(-2, 3)
limits = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "number", "integer", "null", "boolean"])
        | st.lists(st.sampled_from(["string", "number", "integer", "null", "boolean"]), min_size=1, unique=True),
        "minLength": st.integers(0, 3),
        "maxLength": st.integers(0, 3),
        "pattern": st.sampled_from(["^a+$", "^$"]),
        "format": st.sampled_from(["date", "email"]),
        "minimum": small,
        "maximum": small,
        "exclusiveMinimum": small,
        "exclusiveMaximum": small,
        "multipleOf": st.integers(1, 3),
        "enum": st.lists(st.sampled_from([None, True, 1, "a"]), min_size=1, unique_by=repr),
        "x-note": st.just("a word of one's own"),
    },
)


@given(limits)
def test_a_part_is_called_dead_exactly_when_its_canonical_form_is_empty(schema: dict[str, Any]) -> None:
    is_empty = Canonical.of(schema).satisfiability() is Answer.NO
    assert bool(dead_parts({"properties": {"a": schema}})) is is_empty


words = st.sampled_from([
    "type", "minLength", "maxLength", "multipleOf", "required", "enum", "items", "properties", "allOf", "$ref", "$id",
    "$anchor", "dependentRequired", "readOnly", "format", "pattern", "uniqueItems", "examples", "$defs", "not",
])  # fmt: skip
anything = st.recursive(
    st.sampled_from([None, True, False, -1, 0, 2, 2.5, "a", "string", "#/a", "a#b", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(words, anything, max_size=3))
def test_what_the_reference_has_against_a_schema_is_told(schema: dict[str, Any]) -> None:
    is_sound = Draft202012Validator(Draft202012Validator.META_SCHEMA).is_valid(schema)
    told = [flaw for flaw in schema_problems(schema) if flaw.mend.startswith("see https://json-schema.org")]
    assert is_sound or told
