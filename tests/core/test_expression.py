"""Do compiled expressions say what the jmespath library says?"""

import json
import warnings
from copy import deepcopy
from decimal import Decimal
from pathlib import Path as File

import jmespath
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crmsync.core.expression import (
    EvaluationError,
    ExpressionError,
    compile_expression,
    compile_many,
    get_path,
    plain_path,
    problems,
    put_path,
    reaches,
    reads,
)
from crmsync.core.expression.compiled import _interpreted, _is_compilable
from crmsync.core.expression.problems import sound_tree
from crmsync.core.model import ABSENT, Json

FAILED = "failed"  # stands for any error in comparisons of outcomes


def outcome(function, record):
    try:
        return function(record)
    except EvaluationError:
        return FAILED


def ours(text, record):
    try:
        return outcome(compile_expression(text), record)
    except ExpressionError:
        return FAILED


def interpreted(text, record):
    try:
        return outcome(_interpreted(sound_tree(text)), record)
    except ExpressionError:
        return FAILED


def library(text, record):
    """The library raises whatever happens to go wrong inside it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            return jmespath.search(text, floats(record))
    except (ValueError, TypeError, AttributeError):
        return FAILED


def floats(value: Json) -> Json:
    match value:
        case Decimal():
            return float(value)
        case list():
            return [floats(item) for item in value]
        case dict():
            return {name: floats(item) for name, item in value.items()}
    return value


def by_name(value: Json, *, backwards: bool = False) -> Json:
    """The same value with the properties of all its objects by name."""
    match value:
        case list():
            return [by_name(item, backwards=backwards) for item in value]
        case dict():
            names = sorted(value, reverse=backwards)
            return {name: by_name(value[name], backwards=backwards) for name in names}
    return value


def same(left: Json, right: Json) -> bool:
    """Equal as JSON: 5 is 5.0, 1 is not true. The library's floats may be a hair off."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[name], right[name]) for name in left)
    if is_number(left) and is_number(right):
        return float(left) == pytest.approx(float(right), rel=1e-12)
    return type(left) is type(right) and left == right


def is_number(value: Json) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def has_float(value: Json) -> bool:
    match value:
        case list():
            return any(map(has_float, value))
        case dict():
            return any(map(has_float, value.values()))
    return isinstance(value, float)


# The library is the law ------------------------------------------------------------------------------------

SUITE = File(__file__).parents[3] / "shared" / "suites" / "jmespath"


def official_cases():
    for file in sorted(SUITE.glob("*.json")):
        for number, group in enumerate(json.loads(file.read_text("utf-8"), parse_float=Decimal)):
            for case in group["cases"]:
                if "bench" not in case:
                    yield pytest.param(group["given"], case, id=f"{file.stem}-{number}-{case['expression'][:40]!a}")


@pytest.mark.skipif(not SUITE.is_dir(), reason="the official compliance cases are not on this machine")
@pytest.mark.parametrize(("given_", "case"), list(official_cases()))
def test_every_official_case_comes_out_as_the_specification_says(given_, case):
    expected = FAILED if "error" in case else case["result"]
    for evaluate in (ours, interpreted, library):
        assert same(evaluate(case["expression"], given_), expected)


ORDER = {
    "no": 7,
    "name": "Novák, s.r.o.",
    "paid": False,
    "note": None,
    "tags": ["b", "a"],
    "numbers": [3, Decimal("1.5"), 2],
    "empty": {"text": "", "list": [], "object": {}, "zero": 0},
    "address": {"city": "Brno", "post code": "602 00"},
    "lines": [
        {"no": 2, "price": Decimal("10.25"), "tags": ["x"], "kind": "goods"},
        {"no": 1, "price": Decimal("0.75"), "tags": ["y", "z"], "kind": "work"},
        {"no": 3, "price": 5, "tags": [], "kind": "goods", "note": None},
    ],
    "by_code": {"first": {"n": 1}, "second": {"n": 2}, "third": 3},
}
EXPRESSIONS = [
    "@", "no", "address.city", 'address."post code"', "missing", "missing.deeper", "name.city", "note.x", "@.no",
    "lines[0].no", "lines[-1].no", "lines[3]", "lines[-4]", "name[0]", "lines[0:2].no", "lines[::-1].no", "lines[5:]",
    "lines[*].price", "lines[*].note", "lines[*].missing", "lines[].tags[]", "lines[*].tags[]", "tags[]", "no[]",
    "by_code.*.n", "by_code.*", "*.city", "lines[*].*", "no.*", "tags.*",
    "lines[?kind == 'goods'].no", "lines[?price > `1`].no", "lines[?price > `1` && kind != 'work'] | [0].no",
    "lines[?tags].no", "lines[?!tags].no", "lines[?no].no", "lines[?note == `null`].no", "no[?x]",
    "lines[?contains(tags, 'y')].no | [0]", "lines[? price == `5.0`].no",
    "note || name", "empty.text || name", "empty.zero || name", "empty.list || empty.object || no", "paid || no",
    "paid && no", "no && name", "note && no", "!paid", "!no", "!empty.zero", "!empty.text", "!!name",
    "no == `7`", "no == `7.0`", "no == 'x'", "paid == `false`", "empty.zero == paid", "`1` == `true`", "`true` == `1`",
    "`0` == `false`", "note == missing", "note != `null`", "tags == `[\"b\", \"a\"]`", "empty.object == `{}`",
    "no > `6`", "no >= `7`", "no < `7`", "no <= `7`", "name > 'A'", "no > name", "no > paid", "note < no", "tags > no",
    "[no, name, missing]", "{a: no, b: address.city, a: name}", "note.[no]", "note.{a: no}", "address.[city, missing]",
    "address.{c: city}", "lines[*].[no, kind]", "lines[*].{n: no, t: tags[0]}", "missing.{a: 'b'}",
    "lines | [0] | no", "lines[*].no | [0]", "(lines[*].no)[0]", "lines[*].no[0]", "(note || address).city",
    "'it''s'", "'it\\'s'", "`{\"a\": [1.5, {\"b\": null}]}`", "`\"text\"`", "`-1`",
    "abs(`-1.5`)", "abs(no)", "abs(name)", "avg(numbers)", "avg(empty.list)", "avg(tags)", "ceil(`1.2`)", "ceil(no)",
    "contains(name, 'Nov')", "contains(tags, 'a')", "contains(tags, `1`)", "contains(name, `1`)", "contains(no, 'a')",
    "ends_with(name, '.')", "ends_with(no, '.')", "floor(`-1.2`)", "floor(tags)", "join(', ', tags)", "join('', note)",
    "join(', ', numbers)", "keys(address)", "keys(tags)", "length(name)", "length(tags)", "length(address)",
    "length(note)", "length(no)", "map(&no, lines)", "map(&note, lines)", "map(&no, note)", "max(numbers)", "max(tags)",
    "max(empty.list)", "max(`[1, \"a\"]`)", "max_by(lines, &price).no", "max_by(lines, &kind).no",
    "max_by(empty.list, &x)", "max_by(lines, &tags)", "merge(address, by_code.first)", "merge(address, note)",
    "min(numbers)", "min(tags)", "min_by(lines, &price).no", "min_by(lines, &(no || kind)).no", "min_by(lines, &note)",
    "not_null(note, missing, no)", "not_null(note)", "not_null(length(note), no)", "reverse(tags)", "reverse(name)",
    "reverse(note)", "sort(numbers)", "sort(tags)", "sort(lines)", "sort(`[1, \"a\"]`)", "sort_by(lines, &no)[*].kind",
    "sort_by(lines, &kind)[*].no", "sort_by(lines, &note)", "sort_by(empty.list, &x)", "sort_by(lines, &[no][0])[0].no",
    "starts_with(name, 'Nov')", "starts_with(note, 'x')", "sum(numbers)", "sum(empty.list)", "sum(lines[*].price)",
    "sum(tags)", "to_array(no)", "to_array(tags)", "to_array(note)", "to_number('12')", "to_number('1.50')",
    "to_number(' 7 ')", "to_number('1e3')", "to_number('x')", "to_number(tags)", "to_number(paid)", "to_number(note)",
    "to_number(no)", "to_string(no)", "to_string(name)", "to_string(paid)", "to_string(note)", "to_string(lines)",
    "to_string(address)", "type(no)", "type(numbers[1])", "type(name)", "type(paid)", "type(tags)", "type(address)",
    "type(note)", "values(address)", "values(no)", "lines[?price > `1`].{n: no, t: join('-', tags)}",
    "lines[*].tags[*] | [] | sort(@) | join(' ', @)", "sort_by(lines, &to_number(to_string(no)))[0].kind",
    "map(&sort_by(@, &@), [numbers, `[2, 1]`])",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_expression_means_what_the_library_says(text):
    expected = library(text, by_name(ORDER))
    assert same(ours(text, by_name(ORDER)), expected)
    assert same(interpreted(text, by_name(ORDER)), expected)


NAMES = st.sampled_from(["a", "b", "c", '"post code"'])
LITERALS = st.sampled_from(
    ["`0`", "`1`", "`1.5`", "`true`", "`false`", "`null`", "'x'", "'12'", "''", "`[1, 2]`", "`{}`"]
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(".".join)
SUFFIXES = ["[0]", "[-1]", "[1:]", "[::-1]", "[*]", "[]", ".*", "[*].a", "[].b", ".*.a", ".c"]
UNARY = ["abs", "avg", "ceil", "floor", "keys", "length", "max", "min", "reverse", "sort", "sum", "to_array"]
UNARY += ["to_number", "type", "values"]
BINARY = ["({0}) || ({1})", "({0}) && ({1})", "({0}) == ({1})", "({0}) != ({1})", "({0}) < ({1})", "({0}) >= ({1})"]
BINARY += ["({0}) | ({1})", "[{0}, {1}]", "{{a: {0}, b: {1}}}", "({0}).[{1}, a]", "({0}).{{c: {1}}}", "({0})[?{1}].a"]
BINARY += ["({0})[?{1}]", "contains({0}, {1})", "ends_with({0}, {1})", "starts_with({0}, {1})", "join({0}, {1})"]
BINARY += ["not_null({0}, {1})", "merge({{a: {0}}}, {{b: {1}}})", "map(&{0}, {1})", "max_by({1}, &{0})"]
BINARY += ["min_by({1}, &{0})", "sort_by({1}, &{0})"]


def larger(inner):
    return st.one_of(
        st.tuples(inner, st.sampled_from(SUFFIXES)).map(lambda parts: f"({parts[0]}){parts[1]}"),
        st.tuples(st.sampled_from(UNARY), inner).map(lambda parts: f"{parts[0]}({parts[1]})"),
        st.tuples(st.sampled_from(BINARY), inner, inner).map(lambda parts: parts[0].format(*parts[1:])),
        inner.map(lambda each: f"!({each})"),
    )


STRINGIFIED = PATHS.map(lambda path: f"to_string({path})")  # not around avg(), whose last digits are ours
TEXTS = st.recursive(st.one_of(PATHS, st.just("@"), LITERALS, STRINGIFIED), larger, max_leaves=6)

QUARTERS = st.integers(-8, 8).map(lambda n: Decimal(repr(n / 4)))  # exact as floats too
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 3), QUARTERS, st.sampled_from(["", "x", "12", "1.5", "é"])
)
KEYS = st.sampled_from(["a", "b", "c", "post code"])
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner), max_leaves=8)
RECORDS = st.dictionaries(KEYS, VALUES)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_the_order_of_properties_says_nothing(text):
    backwards = by_name(ORDER, backwards=True)
    for evaluate in (ours, interpreted):
        assert evaluate(text, backwards) == evaluate(text, ORDER)


@given(TEXTS, RECORDS)
def test_the_order_of_properties_says_nothing_in_any_expression(text, record):
    backwards = by_name(record, backwards=True)
    for evaluate in (ours, interpreted):
        assert same(by_name(evaluate(text, backwards)), by_name(evaluate(text, record)))


@given(TEXTS, RECORDS.map(by_name))
def test_any_expression_on_any_record_means_what_the_library_says(text, record):
    expected = library(text, record)
    for answer in (ours(text, record), interpreted(text, record)):
        assert same(answer, expected)
        assert not has_float(answer)


@given(st.lists(TEXTS, max_size=5), RECORDS)
def test_expressions_compiled_together_say_what_each_says_alone(texts, record):
    alone = [outcome(compile_expression(text), record) for text in texts]
    together = compile_many(texts)
    if FAILED in alone:
        with pytest.raises(EvaluationError) as caught:
            together(record)
        assert caught.value.index == alone.index(FAILED)
    else:
        assert same([None if answer is ABSENT else answer for answer in together(record)], alone)


@given(TEXTS, RECORDS)
def test_an_expression_does_not_change_the_record(text, record):
    before = deepcopy(record)
    outcome(compile_many([text, "@"]), record)
    assert record == before


@pytest.mark.parametrize(
    "text",
    [
        "lines" + "[*]" * 60,
        "lines[*].{a: " * 30 + "no" + "}" * 30,
        " || ".join(["missing"] * 80 + ["no"]),
        "[" * 60 + "no" + "]" * 60,
        "!" * 145 + "no",
        "no" + " | @" * 145,
    ],
)
def test_what_nests_too_deep_for_python_still_means_what_the_library_says(text):
    assert same(ours(text, ORDER), library(text, ORDER))
    assert same(list(compile_many([text, "no"])(ORDER)), [library(text, ORDER), 7])


@pytest.mark.parametrize(
    "around", ["[*].[{0}]", "[?{0}]", "*.{{a: {0}}}", "[] | [{0}]", "missing || {0}", "@ && !({0})"]
)
def test_every_depth_of_nesting_means_what_the_library_says(around):
    text = "@"
    for _ in range(45):
        text = around.format(text)
        assert same(ours(text, [[1], {"b": [2]}]), library(text, [[1], {"b": [2]}]))


def test_a_kind_of_node_that_the_compiler_does_not_know_is_left_to_the_library():
    assert not _is_compilable({"type": "arithmetic", "value": "+", "children": []})


@given(st.text(), st.text())
def test_names_and_texts_with_any_letters_never_become_code(name, text):
    field, literal = json.dumps(name), "'" + text.replace("\\", "").replace("'", "\\'") + "'"
    assert compile_expression(f"{{{field}: {literal}}}.{field}")({}) == text.replace("\\", "")
    assert compile_many([field, f"x.{field}"])({name: 1, "x": {name: 2}})[0 if name != "x" else 1] in (1, 2)


# Numbers are decimals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum(prices)", Decimal("0.3")),
        ("avg(prices)", Decimal("0.15")),
        ("avg(thirds)", Decimal("0.3333333333333333333333333333")),
        ("max(prices)", Decimal("0.2")),
        ("min([price, `1`])", 1),
        ("abs(loss)", Decimal("12345678901234567890123456789012345.67")),
        ("ceil(price)", 20),
        ("floor(loss)", -12345678901234567890123456789012346),
        ("ceil(huge)", Decimal("1E+999999")),
        ("sort([price, `1`, loss])", [Decimal("-12345678901234567890123456789012345.67"), 1, Decimal("19.90")]),
        ("type(price)", "number"),
        ("to_string(price)", "19.90"),
        ("to_string(thousand)", "1000"),
        ("to_string(huge)", "1E+999999"),
        ("to_string({p: [price, `null`]})", '{"p":[19.90,null]}'),
        ("to_number('0.10')", Decimal("0.10")),
        ("to_number('123456789012345678901234567890')", 123456789012345678901234567890),
        ("to_number(price)", Decimal("19.90")),
        ("`0.1` == to_number('0.1')", True),
        ("price == `19.9`", True),
        ("price > `19.89`", True),
        ("[0.5]", None),
        ("`[0.1, {\"x\": 2.5}]`", [Decimal("0.1"), {"x": Decimal("2.5")}]),
    ],
)  # fmt: skip
def test_decimals_are_numbers_and_lose_no_digit(text, expected):
    record = {
        "price": Decimal("19.90"),
        "prices": [Decimal("0.1"), Decimal("0.2")],
        "thirds": [1, 0, 0],
        "loss": Decimal("-12345678901234567890123456789012345.67"),
        "thousand": Decimal("1E+3"),
        "huge": Decimal("1E+999999"),
    }
    answer = outcome(compile_expression(text), record) if text != "[0.5]" else None
    assert repr(answer) == repr(expected)


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "-Infinity", "1e400", "sNaN", "", "12,5", "1__0", "9" * 5000])
def test_what_is_no_finite_number_becomes_null(text):
    assert compile_expression("to_number(@)")(text) is None


def test_a_number_too_small_for_decimals_becomes_null():
    assert compile_expression("to_number(@)")("1e-99999999999999999999") is None


def test_a_sum_is_exact_or_an_error():
    total = compile_expression("sum(@)")
    assert total([Decimal("1E+300"), Decimal("0.01")]) == Decimal("1" + "0" * 300 + ".01")
    with pytest.raises(EvaluationError, match="1000 digits"):
        total([Decimal("1E+5000"), Decimal("0.01")])


# Errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("length(secret.number)", "length() takes text or a list or an object, not a number"),
        ("join(', ', missing)", "join() takes a list of texts, not null"),
        ("join(secret.text, secret.list)", "join() takes a list of texts, not a list of other values"),
        ("secret.text > `1`", "> compares text with a number; use to_number(...)"),
        ("contains(secret.text, secret.number)", "contains() of text searches for text, not a number"),
        (
            "sort_by(secret.list, &@)",
            "what &... gives must be all numbers or all texts to be put in order, not a number and text",
        ),
        ("merge(secret, secret.list)", "merge() takes an object, not a list of other values"),
    ],
)
def test_an_evaluation_error_names_expression_and_kinds_but_no_value(text, message):
    record = {"secret": {"text": "Jana Nováková", "number": 770101, "list": ["Jana", 770101]}}
    with pytest.raises(EvaluationError) as caught:
        compile_many(["secret.number", text])(record)
    assert str(caught.value) == f"{text}: {message}"
    assert caught.value.index == 1


def test_a_deep_expression_that_orders_text_and_number_fails_like_any_other():
    deep = "[" * 60 + "name > no" + "]" * 60
    with pytest.raises(EvaluationError, match="by order"):
        compile_expression(deep)({"name": "x", "no": 1})


def test_a_record_nested_too_deeply_is_an_evaluation_error():
    record: Json = []
    for _ in range(100_000):
        record = [record]
    with pytest.raises(EvaluationError, match="nested too deeply"):
        compile_expression("to_string(@)")(record)


def test_a_float_in_a_record_is_named_as_what_it_is():
    with pytest.raises(EvaluationError, match="a value that is no plain JSON"):
        compile_expression("abs(@)")(1.5)


PROBLEMS = [
    ("", 0, "the expression is empty"),
    ("a.", 2, "ends too early"),
    ("a..b", 2, ". does not belong here"),
    ("a b", 2, "b does not belong here"),
    ('"length"(a)', 0, "no function's name stands before"),
    ("a[0](b)", 3, "] does not belong here"),
    ('"\\x"', 0, "Invalid"),
    ("a = b", 2, "Unknown token '='"),
    ("'open", 0, "Unclosed ' delimiter"),
    ("(" * 2000, 0, "nested too deeply"),
    ("!" * 400 + "a", 0, "nested too deeply"),
    (" || ".join("a" * 400), 0, "nested too deeply"),
    ("`" + "[" * 2000 + "]" * 2000 + "`", 0, "nested too deeply"),
    ("a[" + "9" * 5000 + "]", 0, "this is no expression"),
    ("a.lenght(b)", 2, "there is no function lenght(); did you mean 'length()'?"),
    ("zzz(b)", 0, "there is no function zzz()"),
    ("a && length()", 5, "length() takes 1 argument, not 0"),
    ("join(a)", 0, "join() takes 2 arguments, not 1"),
    ("[?a].join(', ', b, c)", 5, "join() takes 2 arguments, not 3"),
    ("not_null()", 0, "not_null() takes at least 1 argument, not 0"),
    ("a[::0]", 0, "a slice cannot have step 0"),
    ("a == `NaN`", 5, "this number is not JSON"),
    ("a == `[{\"x\": 1e400}]`", 5, "this number is not JSON"),
    ("&a", 0, "&... stands only where"),
    ("[a, &b]", 4, "&... stands only where"),
    ("length(&a)", 0, "&... stands only where"),
    ("sort_by(a, b)", 0, "sort_by() takes an expression such as &name as argument 2"),
]  # fmt: skip
DOUBTS = [
    ("a > '50'", 2, "this orders text ('100' comes before '50'); use to_number(...)"),
    ("a[?'x' <= b]", 7, "this orders text"),
    ("join(', ' tags)", 0, "a comma is missing or too many: parts 2, commas 0"),
    ("length(tags,)", 0, "a comma is missing or too many: parts 1, commas 1"),
    ("{a: b c: d}", 0, "a comma is missing or too many: parts 2, commas 0"),
    ("[{a: b, c: join('' d)}]", 11, "a comma is missing or too many"),
    ("email != null", 9, "this reads a field called null; write `null` for the value"),
    ("paid == true", 8, "this reads a field called true"),
    ("a == `open`", 5, "between backticks stands JSON; write text in single quotes"),
    ("length(`5`)", 7, "length() takes text or a list or an object, not a number"),
    ("join(`1`, tags)", 5, "join() takes text, not a number"),
    ("a[?b == 'x'] | sort_by(@, &c) | merge(`{}`, 'd')", 44, "merge() takes an object, not text"),
]


@pytest.mark.parametrize(("text", "offset", "message"), PROBLEMS)
def test_what_no_record_could_make_right_does_not_compile(text, offset, message):
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)
    assert (caught.value.offset, problems(text)[0][0]) == (offset, offset)
    assert message in caught.value.message
    assert message in problems(text)[0][1]
    assert f"column {offset + 1}" in str(caught.value)


@pytest.mark.parametrize(("text", "offset", "message"), DOUBTS)
def test_what_its_writer_hardly_meant_is_said_with_its_place(text, offset, message):
    assert [found for found, said in problems(text) if message in said] == [offset]
    compile_expression(text)


def test_all_problems_are_said_at_once_and_in_order():
    found = problems("lenght(a) > 'x' && email != null || sum() || 'b' < c")
    assert [offset for offset, _ in found] == [0, 10, 28, 36, 49]


@pytest.mark.parametrize(
    "text", [text for text in EXPRESSIONS if library(text, ORDER) != FAILED and "> 'A'" not in text]
)
def test_what_is_sound_is_left_alone(text):
    assert problems(text) == []


PIECES = [
    "a",
    "b.c",
    "length",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    "`",
    "'",
    '"',
    "1",
    "-",
    "*",
    "?",
    "|",
    "||",
    "&",
    "&&",
]
PIECES += [
    "!",
    "=",
    "==",
    "<",
    " ",
    "\n",
    "\\",
    "é",
    "null",
    "@",
    ".",
    "`1`",
    "'x'",
    "[?",
    "[]",
    "join",
    "sort_by",
    "&a",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=12))
def test_any_text_is_compiled_or_refused_with_a_place_in_it(text):
    found = problems(text)
    assert all(0 <= offset <= len(text) and message for offset, message in found)
    assert found == sorted(found)
    assert refusal(text) in [None, *found]


def refusal(text):
    try:
        compile_many([text])
    except ExpressionError as error:
        return (error.offset, error.message)


# Paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("name", ("name",)),
        ("address.city", ("address", "city")),
        ('address."post code"', ("address", "post code")),
        ('"a.b".c', ("a.b", "c")),
        (" a . b ", ("a", "b")),
        ('"\\u00e9"', ("é",)),
        ("", None),
        (" ", None),
        ("a.", None),
        (".a", None),
        ("a b", None),
        ("a..b", None),
        ("a[0]", None),
        ("a.*", None),
        ("@", None),
        ("(a).b", None),
        ("a | b", None),
        ("a.length(b)", None),
        ("'text'", None),
        ("'open", None),
    ],
)
def test_a_plain_path_is_names_joined_by_dots(text, path):
    assert plain_path(text) == path


@given(st.lists(st.text(), min_size=1, max_size=3), VALUES)
def test_a_plain_path_reads_what_was_put_there(names, value):
    path = tuple(names)
    text = ".".join(map(json.dumps, names))
    assert plain_path(text) == path
    assert compile_many([text])(put_path({}, path, value)) == (value,)


def test_only_a_plain_path_knows_absent_from_null():
    evaluate = compile_many(["a", "a.b", "c", "c.d", "e", "e.f", "(c)", "c || c", "g"])
    assert evaluate({"a": None, "c": {}, "g": False}) == (None, ABSENT, {}, ABSENT, ABSENT, ABSENT, {}, {}, False)
    assert compile_many(["e | @"])({}) == (None,)
    assert compile_many([])({}) == ()


WAYS = st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=3).map(tuple)
TREES = st.recursive(st.none() | st.integers(0, 2), lambda inner: st.dictionaries(st.sampled_from("ab"), inner))


def is_open(record, path):
    """Nothing but objects and nulls on the way."""
    on_the_way = [get_path(record, path[:depth]) for depth in range(len(path))]
    return all(each is None or each is ABSENT or isinstance(each, dict) for each in on_the_way)


@given(TREES, WAYS)
def test_putting_back_what_was_got_changes_nothing(record, path):
    assert put_path(record, path, get_path(record, path)) == record


@given(TREES, WAYS, VALUES | st.just(ABSENT))
def test_what_was_put_is_got(record, path, value):
    assume(is_open(record, path))
    before = deepcopy(record)
    assert get_path(put_path(record, path, value), path) == value
    assert record == before


@given(TREES, WAYS, VALUES, VALUES)
def test_the_last_put_wins(record, path, first, second):
    assume(is_open(record, path))
    assert put_path(put_path(record, path, first), path, second) == put_path(record, path, second)


@given(TREES, WAYS, WAYS, VALUES)
def test_a_put_touches_no_other_path(record, path, elsewhere, value):
    assume(is_open(record, path))
    assume(path[: len(elsewhere)] != elsewhere and elsewhere[: len(path)] != path)
    after = put_path(record, path, value)
    assert get_path(after, elsewhere) == get_path(record, elsewhere)


@given(WAYS, WAYS, st.sampled_from([5, Decimal("0.5"), "x", "", [], [{}], True, False]), VALUES)
def test_a_put_never_overwrites_a_value_on_its_way(way, further, blocking, value):
    record = put_path({}, way, blocking)
    with pytest.raises(EvaluationError, match=f"^{'.'.join(way)} is .*, not an object$"):
        put_path(record, way + further, value)
    assert put_path(record, way + further, ABSENT) == record


def test_only_an_object_has_paths():
    with pytest.raises(EvaluationError, match=r"^the record is a list, not an object$"):
        put_path([], ("a",), 1)


def test_untouched_branches_are_shared():
    record = {"a": {"x": 1}, "b": {"y": 2}}
    after = put_path(record, ("a", "x"), 5)
    assert after == {"a": {"x": 5}, "b": {"y": 2}}
    assert after["b"] is record["b"]


def test_missing_and_null_objects_are_made_on_the_way():
    assert put_path({"a": None}, ("a", "b", "c"), None) == {"a": {"b": {"c": None}}}
    assert put_path({"a": {"b": 1}}, ("a", "b"), ABSENT) == {"a": {}}
    assert put_path({}, ("a", "b"), ABSENT) == {}
    assert put_path({"a": 1}, (), {"b": 2}) == {"b": 2}
    assert get_path({"a": 1}, ()) == {"a": 1}


# What it reads ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name", {"name"}),
        ("address.city", {"address.city"}),
        ("address.city || name", {"address.city", "name"}),
        ("lines[*].price", {"lines"}),
        ("lines[?kind == 'x'].price", {"lines"}),
        ("order.lines[0].no", {"order.lines"}),
        ("order.lines[1:]", {"order.lines"}),
        ("by_code.*.n", {"by_code"}),
        ("sort_by(lines, &no)[*].kind", {"lines"}),
        ("map(&[a, @], lines)", {"lines"}),
        ("join(', ', [first, last])", {"first", "last"}),
        ("{a: x.y, b: z}", {"x.y", "z"}),
        ("x.{a: b, c: d.e}", {"x", "x.b", "x.d.e"}),
        ("x.[b]", {"x", "x.b"}),
        ("address | city", {"address.city"}),
        ("!paid && total > `5`", {"paid", "total"}),
        ("tags[]", {"tags"}),
        ("@", {""}),
        ("keys(@)", {""}),
        ("*", {""}),
        ("@.a", {"a"}),
        ("'constant'", set()),
        ("(a || b).c", {"a", "b"}),
    ],
)
def test_an_expression_reads_these_paths(text, expected):
    assert {".".join(path) for path in reads(text)} == expected


@given(TEXTS, RECORDS)
def test_an_expression_sees_nothing_but_what_it_reads(text, record):
    seen: Json = {}
    for path in sorted(reads(text)):
        seen = put_path(seen, path, get_path(record, path))
    assert same(ours(text, seen), ours(text, record))


def test_what_does_not_parse_reads_nothing_but_says_so():
    for asked in (reads, reaches):
        with pytest.raises(ExpressionError):
            asked("a..b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("address.city", {"address.city"}),
        ("lines[*].price", {"lines[].price"}),
        ("lines[].people[].mail", {"lines[].people[].mail"}),
        ("lines[?kind == 'x'].price", {"lines[].kind", "lines[].price"}),
        ("lines[0].no", {"lines[].no"}),
        ("lines[1:].no", {"lines[].no"}),
        ("lines[].{a: who, b: x.y}", {"lines[].who", "lines[].x.y"}),
        ("lines[].who | [0]", {"lines[].who"}),
        ("lines[?kind == 'x'] | [0].price", {"lines[]", "lines[].kind"}),
        ("sort_by(lines, &no)[*].kind", {"lines"}),
        ("by_code.*.n", {"by_code"}),
        ("join(', ', lines[].who)", {"lines"}),
        ("@", {""}),
    ],
)
def test_an_expression_reaches_these_places(text, expected):
    assert {".".join(path).replace(".[]", "[]") for path in reaches(text)} == expected


@given(TEXTS, RECORDS)
def test_an_expression_is_deaf_to_what_it_does_not_reach(text, record):
    assert same(ours(text, disturbed(record, (), reaches(text))), ours(text, record))


def disturbed(value, path, reached):
    """Plain values say something else where nobody looks at them."""
    if isinstance(value, dict):
        return {name: disturbed(each, (*path, name), reached) for name, each in value.items()}
    if isinstance(value, list):
        return [disturbed(each, (*path, "[]"), reached) for each in value]
    looked_at = any(all(one == two for one, two in zip(path, each, strict=False)) for each in reached)
    return value if looked_at else "disturbed"
