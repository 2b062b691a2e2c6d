"""Is what the specification of JMESPath expects always inside of what is inferred?"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import jsonschema_rs
import pytest

from crmsync.core.expression import problems
from crmsync.core.expression.tree import tree_of
from crmsync.core.types import infer
from crmsync.core.types.notation import written
from crmsync.core.types.places import offsets

SUITE = Path(__file__).parents[4] / "shared" / "suites" / "jmespath"
FAILURES = {"type/may-fail", "type/never", "type/unknown-path"}  # of a path that leads nowhere, no more is said


def official_cases():
    for file in sorted(SUITE.glob("*.json")):
        for number, group in enumerate(json.loads(file.read_text("utf-8"), parse_float=Decimal)):
            for case in group["cases"]:
                if "bench" not in case and not problems(case["expression"]):
                    yield pytest.param(group["given"], case, id=f"{file.stem}-{number}-{case['expression'][:40]!a}")


def generalised(value):
    """A schema of the values that are like this one."""
    match value:
        case dict():
            return {"type": "object", "properties": {name: generalised(inner) for name, inner in value.items()}}
        case list():
            return {"type": "array", "items": {"anyOf": list(map(generalised, value))} if value else True}
        case str():
            return {"type": "string"}
        case bool():
            return {"type": "boolean"}
        case None:
            return {"type": "null"}
    return {"type": "number"}


@pytest.mark.skipif(not SUITE.is_dir(), reason="the official compliance cases are not on this machine")
@pytest.mark.parametrize("sourced", [lambda given: {"const": given}, generalised], ids=["const", "generalised"])
@pytest.mark.parametrize(("given_", "case"), list(official_cases()))
def test_every_official_result_is_inside(given_, case, sourced):
    typed = infer(case["expression"], sourced(given_))
    if "error" in case:
        assert FAILURES & {problem.rule for problem in typed.problems}
    else:
        result = case["result"]
        assert jsonschema_rs.Draft202012Validator(typed.schema, offline=True).is_valid(result), typed.schema


@pytest.mark.skipif(not SUITE.is_dir(), reason="the official compliance cases are not on this machine")
@pytest.mark.parametrize(("given_", "case"), list(official_cases()))
def test_a_tree_is_written_so_that_it_reads_the_same(given_, case):
    tree = tree_of(case["expression"])
    assert _same(tree_of(written(tree))) == _same(tree)


def _same(tree):
    return str(tree).replace("'identity'", "'current'")


@pytest.mark.parametrize(
    "text",
    [
        "a.b[0].c", "a[*].b[?c == d && e].f", "x[1:2].y[]", "[a, b] | [0]", "{n: m.o, p: q[?r]}", "a.*.b || c[].d",
        "!a && b", "sort_by(a[*].b, &c.d)", "*.a[*].b", "foo[-1].bar[::2].baz", "a[?b].c[?d].e", '"a b"."c".d',
    ],
)  # fmt: skip
def test_every_name_has_its_place(text):
    tree = tree_of(text)
    places = offsets(tree, text)
    for node in _nodes(tree):
        if node["type"] == "field":
            assert text[places[id(node)] :].lstrip('"').startswith(node["value"])
        if node["type"] in ("index", "slice", "projection", "filter_projection", "flatten"):
            assert text[places[id(node)]] in "[" or node["type"] == "projection"
        if node["type"] == "value_projection":
            assert text[places[id(node)]] == "*"


def _nodes(node):
    yield node
    for child in node["children"]:
        if isinstance(child, dict):
            yield from _nodes(child)
