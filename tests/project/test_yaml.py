"""The strict reader of YAML."""

import json
from decimal import Decimal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from crmsync.core.model import At
from crmsync.project.yaml import MAX_BYTES, MAX_DEPTH, load_yaml

anything = st.characters(codec="utf-8")
printable = st.characters(codec="utf-8", exclude_categories=["Cc", "Cn", "Zl", "Zp"], exclude_characters="\ufeff")


def plain(text):
    return st.recursive(
        st.none() | st.booleans() | st.integers(-(10**30), 10**30) | text,
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(text, inner, max_size=5),
        max_leaves=20,
    )


def read(text):
    document, findings = load_yaml("f.yaml", text if isinstance(text, bytes) else text.encode())
    assert findings == []
    return document


@given(plain(st.text(anything)))
def test_it_agrees_with_the_usual_loader_on_plain_data(data):
    text = yaml.safe_dump(data, allow_unicode=True)
    document, findings = load_yaml("f.yaml", text.encode())
    if document is None:  # an empty text and a null are the same file
        assert data is None
        return
    assert (document.data, findings) == (yaml.safe_load(text), [])


@given(plain(st.text(printable)).filter(lambda data: data is not None))
def test_json_is_yaml(data):
    assert read(json.dumps(data, ensure_ascii=False)).data == data


@given(st.lists(st.text("ab \\'\"é\n", min_size=1), min_size=1), st.sampled_from(["'", '"']))
def test_every_visible_character_of_a_quoted_text_is_found_where_it_stands(texts, style):
    file = yaml.safe_dump(texts, default_style=style, allow_unicode=True, width=20)
    document, lines = read(file), file.split("\n")
    for index, text in enumerate(texts):
        for offset, char in enumerate(text):
            if not char.isspace():
                at = document.inside((index,), offset)
                written = lines[at.line - 1][at.column - 1 :]
                assert written.startswith((char, "\\" + char, "''")), (at, char)


@given(st.binary(max_size=60))
def test_no_bytes_make_it_raise(body):
    load_yaml("f.yaml", body)


@given(st.text("{}[]:,-?&*!|>'\"%@`# \t\n\rab1.", max_size=40))
def test_no_text_makes_it_raise(text):
    load_yaml("f.yaml", text.encode())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"), ("yes", "yes"), ("on", "on"), ("12:30", "12:30"), ("1_000", "1_000"),
        ("2024-01-31", "2024-01-31"),
        ("~", None), ("null", None), ("", None), ("nULL", "nULL"), ("True", True), ("FALSE", False),
        ("7", 7), ("-0", 0), ("+7", 7), ("0x1F", 31), ("0o17", 15), ("0", 0),
        ("1.50", Decimal("1.50")), (".5", Decimal("0.5")), ("1e3", Decimal("1000")), ("0.1", Decimal("0.1")),
        ("'01234'", "01234"), ('"NO"', "NO"), ("1.2.3", "1.2.3"), ("1e", "1e"),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(text, value):
    found = read(f"key: {text}\n").data["key"]
    assert (type(found), found) == (type(value), value)


def test_decimals_keep_their_places():
    assert str(read("[1.50]").data[0]) == "1.50"


def test_keys_are_always_text():
    assert read("{1: a, null: b, true: c, 1.5: d}").data == {"1": "a", "null": "b", "true": "c", "1.5": "d"}


@pytest.mark.parametrize(
    ("text", "rule", "place", "fact"),
    [
        ("", "yaml/empty", (0, 0), "the file is empty"),
        ("# only a remark\n", "yaml/empty", (0, 0), "the file is empty"),
        ("---\n", "yaml/empty", (0, 0), "the file is empty"),
        ("a: 1\n---\nb: 2\n", "yaml/several-documents", (2, 1), "a second document begins here"),
        ("a: 1\n...\nb: 2\n", "yaml/several-documents", (3, 1), "a second document begins here"),
        ("a: 1\nb: 2\na: 3\n", "yaml/duplicate-key", (3, 1), "duplicate key 'a', first at 1:1"),
        ("a: 01234", "yaml/leading-zero", (1, 4), "01234 has a leading zero"),
        ("a: -007.5", "yaml/leading-zero", (1, 4), "-007.5 has a leading zero"),
        ("a: .nan", "yaml/not-a-number", (1, 4), ".nan is no number that JSON knows"),
        ("a: -.inf", "yaml/not-a-number", (1, 4), "-.inf is no number that JSON knows"),
        ("a: 1e99999", "yaml/not-a-number", (1, 4), "1e99999 is no number that JSON knows"),
        ("a: " + "1" * 101, "yaml/number-too-long", (1, 4), "1" * 40 + "... is too long for a number"),
        ("a: &x 1", "yaml/anchor", (1, 4), "anchor &x is not allowed"),
        ("&x a: 1", "yaml/anchor", (1, 1), "anchor &x is not allowed"),
        ("a: !!str 1", "yaml/tag", (1, 4), "tag !!str is not allowed"),
        ("a: !mine {b: 1}", "yaml/tag", (1, 4), "tag !mine is not allowed"),
        ("<<: {b: 1}", "yaml/merge-key", (1, 1), "the merge key << is not allowed"),
        ("? [b]\n: 1", "yaml/complex-key", (1, 3), "a key must be plain text"),
        ("a:\n\t- 1", "yaml/tab", (2, 1), "a tab cannot be used here"),
        ("a: b: c", "yaml/syntax", (1, 5), "not YAML: mapping values are not allowed in this context"),
        ("a: [1, 2\nb: 3", "yaml/syntax", (2, 2), "not YAML: did not find expected ',' or ']'"),
        ("a: `b`", "yaml/syntax", (1, 4), "not YAML: found character that cannot start any token"),
        (b"a: 1\nb: \xff", "yaml/not-utf-8", (2, 4), "byte 0xff is no UTF-8"),
        (b"\xef\xbb\xbfa: 1", "yaml/bom", (1, 1), "the file begins with a byte order mark"),
        ("a: b\x07", "yaml/control-character", (1, 5), "control character U+0007"),
        ("[" * 99 + "]" * 99, "yaml/too-deep", (1, MAX_DEPTH + 2), f"nested more than {MAX_DEPTH} deep"),
        ("[" * 500_000, "yaml/too-deep", (1, MAX_DEPTH + 2), f"nested more than {MAX_DEPTH} deep"),
        ("- " * 500_000, "yaml/too-deep", (1, 2 * MAX_DEPTH + 3), f"nested more than {MAX_DEPTH} deep"),
        ("a" * (MAX_BYTES + 1), "yaml/too-large", (0, 0), f"the file has {MAX_BYTES + 1} bytes"),
    ],
)  # fmt: skip
def test_what_means_two_things_is_refused_with_place_and_mend(text, rule, place, fact):
    _, findings = load_yaml("f.yaml", text if isinstance(text, bytes) else text.encode())
    (found,) = findings
    assert (found.rule, found.at, found.severity) == (rule, At("f.yaml", *place), "error")
    assert found.message.startswith(fact)
    assert found.mend


def test_an_alias_is_refused_as_well_as_its_anchor():
    _, findings = load_yaml("f.yaml", b"a: &x [1]\nb: *x\n")
    assert [(each.rule, str(each.at)) for each in findings] == [
        ("yaml/anchor", "f.yaml:1:4"),
        ("yaml/alias", "f.yaml:2:4"),
    ]


def test_all_mistakes_are_found_at_once():
    document, findings = load_yaml("f.yaml", b"a: 01\na: 2\nb: !t x\n? {c: 02}\n: *d\n<<: {e: 03, e: 4}\nf: 5\n")
    assert [each.rule.removeprefix("yaml/") for each in findings] == [
        "leading-zero", "duplicate-key", "tag", "complex-key", "leading-zero", "alias", "merge-key", "leading-zero",
        "duplicate-key",
    ]  # fmt: skip
    assert document is not None
    assert document.data == {"a": "01", "b": "x", "f": 5}


def test_many_aliases_are_not_expanded():
    bomb = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 30))
    _, findings = load_yaml("f.yaml", bomb.encode())
    assert {each.rule for each in findings} == {"yaml/anchor", "yaml/alias"}


def test_every_value_and_key_has_a_place():
    document = read("a:\n  - b: 1\n    c: [2, 3]\n")
    assert str(document.at("a", 0, "c", 1)) == "f.yaml:3:12"
    assert str(document.key_at("a", 0, "c")) == "f.yaml:3:5"


def test_what_is_not_there_has_the_place_of_what_is_around_it():
    document = read("a:\n  b: {c: 1}\n")
    assert str(document.at("a", "b", "nothing", 7)) == "f.yaml:2:6"
    assert str(document.key_at("a", "b", "nothing")) == "f.yaml:2:3"


@pytest.mark.parametrize(
    ("text", "offset", "place"),
    [
        ("k: abc def", 4, (1, 8)),
        ("k: 'it''s so'", 5, (1, 11)),
        ('k: "a\\tb\\"c"', 4, (1, 11)),
        ('k: "\\u00e9x"', 1, (1, 11)),
        ("k: |\n  first\n  second\n", 6, (3, 3)),
        ("k: >-\n  first\n  second\n", 8, (3, 5)),
        ("k: first\n   second\n", 6, (2, 4)),
        ("k: abc", 3, (1, 7)),
        ("k: ž€😀x", 3, (1, 7)),
    ],
)
def test_a_place_inside_a_text_counts_what_the_file_says(text, offset, place):
    assert read(text).inside(("k",), offset) == At("f.yaml", *place)


def test_a_document_is_laid_over_another_key_by_key():
    base, over = read("a: {b: 1, c: 2, d: {x: 1}}\ne: [1, 2]\n"), read("a: {b: 9, d: null, f: {g: 1}}\ne: [3]\n")
    merged = base.overlaid(over)
    assert merged.data == {"a": {"b": 9, "c": 2, "f": {"g": 1}}, "e": [3]}


def test_every_node_of_a_merged_document_keeps_its_own_place():
    base, _ = load_yaml("base.yaml", b"a: {b: 1, c: 2}\n")
    over, _ = load_yaml("over.yaml", b"\na:\n  b: {d: 1}\n")
    assert base is not None
    assert over is not None
    merged = base.overlaid(over)
    assert [str(merged.at("a", key)) for key in "bc"] == ["over.yaml:3:6", "base.yaml:1:14"]
    assert str(merged.key_at("a", "b", "d")) == "over.yaml:3:7"
