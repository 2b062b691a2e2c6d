"""Does every verdict hold, on changes that others have collected and on our own?"""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import jsonschema_rs
import pytest

from crmsync.core.compat import compare
from crmsync.core.compat.dialect import modern
from crmsync.core.compat.verdict import included
from crmsync.core.contract.reference import reference
from crmsync.core.model import ABSENT
from tests.core.compat.vectors import VECTORS

SUITE = Path(__file__).parents[4] / "shared" / "suites" / "compat_vectors.json"
DRAFTS = {4: jsonschema_rs.Draft4, 7: jsonschema_rs.Draft7, 20: jsonschema_rs.Draft202012}
DIRECTIONS = {"backward": ("old", "new"), "forward": ("new", "old")}


def draft(vector):
    return 2020 if vector["draft"] == 20 else vector["draft"]


def valid(schema, value, vector):
    """By the fast validator in the schema's own draft, and by the reference in 2020-12."""
    own = None if isinstance(schema, dict) and "$schema" in schema else DRAFTS[vector["draft"]]
    fast = jsonschema_rs.is_valid(schema, value, draft=own, validate_formats=vector["draft"] == 20)
    return [fast, reference(modern(schema, draft(vector))).is_valid(value)]


@pytest.mark.skipif(not SUITE.exists(), reason="the collection of others is not part of the repository")
def test_no_verdict_on_the_collection_is_wrong_and_nearly_all_are_given():
    vectors = json.loads(SUITE.read_text(), parse_float=Decimal)["vectors"]
    wrong, counts = [], Counter[str]()
    for vector in vectors:
        for direction, (inner, outer) in DIRECTIONS.items():
            found = included(vector[inner], vector[outer], draft=draft(vector))
            truth = vector["semantic"][direction]
            if found.verdict == "breaking":
                assert valid(vector[inner], found.witness, vector) == [True, True], vector["id"]
                assert valid(vector[outer], found.witness, vector) == [False, False], vector["id"]
            if truth is not None:
                counts["decided" if found.verdict != "unproven" else "open"] += 1
                if found.verdict == ("breaking" if truth else "compatible"):
                    wrong.append((vector["id"], direction, found))
    assert wrong == []
    assert counts["decided"] >= 0.99 * counts.total()


@pytest.mark.parametrize("name", VECTORS)
def test_our_own_vectors_are_all_decided_rightly(name):
    old, new, *expected = VECTORS[name]
    found = compare(old, new).verdicts
    assert [found[policy][way] for policy in found for way in ("BACKWARD", "FORWARD")] == expected


@pytest.mark.parametrize("name", VECTORS)
def test_what_breaks_has_a_small_counterexample_on_which_both_validators_agree(name):
    old, new, *_ = VECTORS[name]
    comparison = compare(old, new)
    for way, (inner, outer) in {"BACKWARD": (old, new), "FORWARD": (new, old)}.items():
        found = comparison.inclusions["strict"][way]
        assert (found.witness is ABSENT) == (found.verdict != "breaking")
        if found.verdict == "breaking":
            for schema, is_valid in ((inner, True), (outer, False)):
                fast = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
                assert [fast.is_valid(found.witness), reference(schema).is_valid(found.witness)] == [is_valid] * 2
            assert len(json.dumps(found.witness, default=str)) < 280


@pytest.mark.parametrize("name", VECTORS)
def test_every_change_that_breaks_is_told(name):
    old, new, *_ = VECTORS[name]
    comparison = compare(old, new)
    turns = {change.direction for change in comparison.changes}
    if comparison.verdicts["strict"]["BACKWARD"] == "breaking":
        assert turns & {"narrows", "changes"}
    if comparison.verdicts["strict"]["FORWARD"] == "breaking":
        assert turns & {"widens", "changes"}


def test_a_counterexample_is_the_same_every_time_and_as_small_as_can_be():
    old, new, *_ = VECTORS["shorter text"]
    assert len(compare(old, new).counterexamples["strict"]["BACKWARD"]["v"]) == 201
    assert compare(old, new).counterexamples == compare(old, new).counterexamples
    assert included(VECTORS["cents"][0], VECTORS["cents"][1]).witness == {"v": Decimal("0.001")}
