"""Is what we write as YAML read back as the same?"""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crmsync.core.merge import same
from crmsync.project.yaml import load_yaml
from crmsync.project.yaml_text import yaml_lines

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
TRICKY = st.sampled_from(
    [
        "NO",
        "01234",
        "null",
        "~",
        "true",
        "1e5",
        ".5",
        "0x1F",
        "- a",
        "a: b",
        "a #b",
        "a ",
        " a",
        "x,y",
        "\x85",
        "😀",
        "?",
    ]
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.decimals(-(10**20), 10**20, places=7), TEXTS, TRICKY
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | TRICKY, inner, max_size=3)
)


@given(st.dictionaries(TEXTS | TRICKY, VALUES, min_size=1))
def test_what_is_written_is_read_back_as_the_same(value):
    assume("<<" not in value)
    document, findings = load_yaml("case.yaml", "\n".join(yaml_lines(value)).encode())
    assert findings == []
    assert document is not None
    assert same(document.data, value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": Decimal("1.50")}, "a: 1.5"),
        ({"a": Decimal("2.00")}, "a: 2"),
        ({"a": {"to": ["x", "y"], "why": "z"}}, "a: {to: [x, y], why: z}"),
        ({"a": [{"b": 1, "c": {"d": {"e": 2}}}]}, "a:\n  - b: 1\n    c:\n      d: {e: 2}"),
        ({"why": "both: changed"}, 'why: "both: changed"'),
        ({"name": "Žltý kôň s.r.o."}, "name: Žltý kôň s.r.o."),
    ],
)
def test_it_looks_as_a_person_would_write_it(value, text):
    assert "\n".join(yaml_lines(value)) == text
