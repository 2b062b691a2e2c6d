"""What speaks against an expression, where, and what is to be done?"""

from __future__ import annotations

from pathlib import Path

import pytest

from crmsync.core.expression import EvaluationError, compile_expression, problems
from crmsync.core.model import ABSENT
from crmsync.core.types import infer
from tests.core.types.contracts import NASTY, ORDER
from tests.core.types.test_sound import valid

PAGE = Path(__file__).with_name("doubted.txt").read_text("utf-8").splitlines()
"""An expression, and below it, with four blanks before each: `severity rule @offset: message | mend`."""


def doubted():
    for number, line in enumerate(PAGE):
        if not line.startswith("    "):
            end = next((at for at in range(number + 1, len(PAGE)) if not PAGE[at].startswith("    ")), len(PAGE))
            yield pytest.param(line, [each.strip() for each in PAGE[number + 1 : end]], id=line)


@pytest.mark.parametrize(("text", "expected"), list(doubted()))
def test_each_doubt_names_the_place_and_the_mend(text, expected):
    found = infer(text, ORDER).problems
    assert [f"{each.severity} {each.rule} @{each.offset}: {each.message} | {each.mend}" for each in found] == expected


@pytest.mark.parametrize(("text", "expected"), list(doubted()))
def test_what_is_proposed_is_a_sound_expression_that_does_not_fail_so(text, expected):
    for problem in infer(text, ORDER).problems:
        if problem.witness is not ABSENT and problem.mend.startswith("write ") and "|" not in text:
            mended = problem.mend.removeprefix("write ")
            assert not problems(mended)
            assert [each.rule for each in infer(mended, ORDER).problems].count(problem.rule) < len(expected)


def test_the_witness_is_the_least_that_the_contract_demands():
    source = {
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"type": "integer", "minimum": 1}, "tags": {"type": "array", "items": {"type": "string"}}},
    }
    (problem,) = infer("join(', ', tags)", source).problems
    assert problem.witness == {"id": 1}
    assert problem.mend == "write join(', ', tags || `[]`)"


@pytest.mark.parametrize(
    "text",
    [
        "lines[?kind == 'work'].abs(text)", "lines[?price > `7` && starts_with(text, 'a')]",
        "join(', ', codes || `[]`)",
        "sort_by(lines[].parts[], &text)", "note < amount", "max(codes || `[]`)", "stage == 'won' && length(note)",
        "contains(name, note)", "merge(address, extra)", "sum(extra.*)",
    ],
)  # fmt: skip
def test_a_witness_is_found_for_what_really_fails(text):
    found = [each for each in infer(text, ORDER).problems if each.rule in ("type/may-fail", "type/never")]
    assert [each.severity for each in found] == ["error"]
    assert valid(ORDER, found[0].witness)
    with pytest.raises(EvaluationError):
        compile_expression(text)(found[0].witness)


def test_what_no_record_proves_is_only_a_warning():
    source = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": ["string", "null"]}},
        "anyOf": [{"required": ["b"], "properties": {"b": {"type": "string"}}}, {"not": {}}],
        "not": {"properties": {"b": {"type": "null"}}},
    }
    assert not infer("length(b)", source).problems
    source = {"type": "object", "required": ["b"], "properties": {"b": {"allOf": [{"type": ["string", "null"]}]}}}
    source["not"] = {"required": ["b"], "properties": {"b": {"type": "null"}}}
    (problem,) = infer("length(b)", source).problems
    assert (problem.rule, problem.severity, problem.witness) == ("type/may-fail", "warning", ABSENT)


@pytest.mark.parametrize("text", ["tags && join(', ', tags)", "!tags || length(tags)", "tags || `[]` | length(@)"])
def test_what_is_asked_before_is_known_after(text):
    assert not infer(text, ORDER).problems


def test_records_out_of_scope_do_not_count():
    tagged = ("tags", "stage == 'won'")
    assert infer("join(', ', tags)", ORDER).problems
    assert not infer("join(', ', tags)", ORDER, where=tagged).problems
    assert infer("stage", ORDER, where=tagged).schema == {"const": "won"}
    assert infer("tags", ORDER, where=tagged).schema["type"] == "array"
    (problem,) = infer("length(note)", ORDER, where=tagged).problems
    assert problem.witness["stage"] == "won"
    assert problem.witness["tags"]


def test_an_object_of_which_nothing_is_said_may_hold_anything():
    assert not infer("a.b[*].c", True).problems
    assert not infer("extra.whatever", ORDER).problems


def test_an_undeclared_name_is_an_error_only_where_the_contract_is_closed():
    (closed,) = infer("adress.city", ORDER).problems
    (opened,) = infer("nam", NASTY["tree"]).problems
    assert (closed.severity, opened.severity) == ("error", "warning")
    assert opened.mend.startswith("did you mean 'name'?")


def test_messages_name_the_contract_that_is_given():
    (problem,) = infer("nam", ORDER, "crm.order@1.0.0").problems
    assert problem.message == "crm.order@1.0.0 does not declare 'nam'"
