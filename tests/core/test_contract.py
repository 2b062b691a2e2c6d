"""Do both validators say the same of every record, and is what they say fit to be read?"""

import pickle
import re
import time
from decimal import Decimal

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.core.contract import Checker, ContractError, Flaw, advice, schema_problems
from crmsync.core.contract.checker import _unworded
from crmsync.core.contract.explosion import exploding_loop
from crmsync.core.contract.pointer import pointer_to, steps_of
from crmsync.core.contract.reference import reference
from crmsync.core.contract.regex import overlap, read_regex
from crmsync.core.contract.words import _FACTS
from crmsync.core.model import Contract, Json, from_json

ACCOUNT: Json = from_json("""{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$id": "https://crm.example/account",
  "type": "object",
  "additionalProperties": false,
  "required": ["id", "name", "stage", "address"],
  "properties": {
    "id": {"type": "string", "pattern": "^[0-9]{3}$", "readOnly": true},
    "name": {"type": "string", "minLength": 2, "maxLength": 12},
    "stage": {"enum": ["Won", "Lost", 5, 0.5, null, true]},
    "revenue": {"type": ["number", "null"], "minimum": 0, "exclusiveMaximum": 1000000, "multipleOf": 0.01},
    "employees": {"type": "integer", "maximum": 500},
    "created": {"type": "string", "format": "date-time", "readOnly": true},
    "founded": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
    "website": {"type": "string", "format": "uri"},
    "owner": {"type": "object", "x-pii": true, "required": ["email"],
              "properties": {"email": {"type": "string", "format": "email"}, "phone": {"$ref": "#/$defs/phone"}}},
    "address": {"$ref": "#/$defs/address"},
    "billing": {"anyOf": [{"$ref": "#/$defs/address"}, {"type": "null"}]},
    "tags": {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 3, "uniqueItems": true},
    "pair": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "boolean"}], "items": false},
    "scores": {"type": "array", "contains": {"type": "integer", "minimum": 5}, "minContains": 2, "maxContains": 3},
    "custom": {"type": "object", "patternProperties": {"__c$": {"type": ["string", "boolean"]}},
               "additionalProperties": {"type": "number"}, "maxProperties": 3,
               "propertyNames": {"pattern": "^[a-z_]+$"}},
    "contact": {"oneOf": [{"required": ["email"]}, {"required": ["phone"]}], "type": "object"},
    "parent": {"$ref": "#"},
    "vat": {"const": "CZ1"},
    "kind": {"type": "string", "not": {"const": "test"}}
  },
  "dependentRequired": {"vat": ["website"]},
  "if": {"properties": {"stage": {"const": "Won"}}, "required": ["stage"]},
  "then": {"required": ["revenue"]},
  "$defs": {
    "phone": {"$anchor": "phone", "type": "string", "pattern": "^[+][0-9]+$"},
    "address": {"type": "object", "additionalProperties": false, "required": ["city"],
                "properties": {"city": {"type": "string", "minLength": 1}, "zip": {"type": "string", "x-pii": "postal"},
                               "code": {"type": "integer", "readOnly": true}}}
  }
}""")
CHECKER = Checker(Contract("crm.account", "1.2.0", ACCOUNT))
GOOD: Json = {"id": "042", "name": "Novák", "stage": "Lost", "address": {"city": "Brno"}}


def checker(schema):
    return Checker(Contract("crm.account", "1.0.0", schema))


def said(record, by=CHECKER):
    return [(".".join(map(str, each.path)), each.rule, each.message) for each in by.violations(record)]


# Both validators agree ---------------------------------------------------------------------------------------

TEXT = st.sampled_from(
    ["", "x", "Brno", "123", "123\n", "١٢٣", "+420", "Won", "Lost", "a@b.cz", "a b@x", "CZ1", "test", "é" * 12]
)
DATES = ["2024-05-31T13:45:00Z", "2024-05-31T13:45:00", "2024-05-31", "2024-02-30", "1e3", "https://a.example/b", "a b"]
NUMBERS = st.sampled_from(
    [0, 1, 5, -1, 499, 501, 2**70, Decimal("19.99"), Decimal("4.35"), Decimal("0.005"), Decimal("5.00")]
)
NUMBERS |= st.sampled_from(
    [Decimal("0.5"), Decimal("1E+2"), Decimal("999999.99"), Decimal("1000000.00"), Decimal("-0.0")]
)
NUMBERS |= st.decimals(allow_nan=False, allow_infinity=False, places=3) | st.integers()
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT | st.sampled_from(DATES)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=2), max_leaves=5
)


def good(names, **optional):
    return st.fixed_dictionaries(names, optional=optional)


def flawed(records, flaws):
    """Records with none, one or two of these flaws, or a property too many."""
    flaw = st.one_of(*(st.tuples(st.just(name), values) for name, values in flaws.items()), st.tuples(TEXT, ANYTHING))
    return st.builds(lambda record, found: record | dict(found), records, st.lists(flaw, max_size=2))


def chosen(*values):
    return st.sampled_from(values)


CITY = good({"city": chosen("Brno", "Žďár", "x")}, zip=chosen("602 00"), code=chosen(7, Decimal("7.0")))
ADDRESSES = flawed(CITY, {"city": SCALARS, "zip": SCALARS, "code": NUMBERS})
OWNER = good({"email": chosen("a@b.cz", "jana.novakova@example.com")}, phone=chosen("+420123"))
MONEY = st.decimals(0, 999_999, places=2) | chosen(None, 0, 5, Decimal("19.99"), Decimal("4.35"))
DATE_TIMES = chosen("2024-05-31T13:45:00Z", "2024-05-31T13:45:00.5+02:00", "2024-02-29T00:00:00-11:00")
STAGES = chosen("Lost", 5, Decimal("0.5"), None, True)
SOUND = good(
    {"id": chosen("042", "123"), "name": chosen("Novák", "xx"), "stage": STAGES, "address": CITY},
    revenue=MONEY, employees=chosen(0, 500, Decimal("12.00")), created=DATE_TIMES, founded=chosen("1999-12-31", None),
    website=chosen("https://a.example/b?c"), owner=OWNER, billing=CITY | st.none(),
    tags=st.lists(chosen("a", "b"), unique=True),
    pair=chosen([], [1], [1, True]), scores=chosen([5, 5], [5, 1, 9]), custom=chosen({}, {"a__c": "x", "b": 1}),
    contact=chosen({"email": ""}, {"phone": 1}), kind=chosen("a"), parent=st.just(GOOD),
)  # fmt: skip
FLAWS = {
    "id": chosen("42", "042\n", "٠٤٢"), "name": TEXT, "stage": SCALARS, "revenue": SCALARS, "employees": SCALARS,
    "created": st.sampled_from(DATES), "founded": SCALARS, "website": SCALARS, "vat": TEXT, "kind": TEXT,
    "owner": flawed(OWNER, {"email": TEXT, "phone": TEXT}), "address": ADDRESSES, "billing": ADDRESSES | SCALARS,
    "tags": st.lists(SCALARS, max_size=4), "pair": st.lists(SCALARS, max_size=3),
    "scores": st.lists(NUMBERS, max_size=5),
    "custom": st.dictionaries(chosen("a__c", "b", "É", "a__c\n", "c"), SCALARS),
    "contact": st.dictionaries(chosen("email", "phone"), SCALARS),
}  # fmt: skip
RECORDS = flawed(SOUND, FLAWS | {"parent": flawed(SOUND, FLAWS)}) | st.dictionaries(chosen(*FLAWS), ANYTHING) | ANYTHING


@given(SOUND)
def test_a_record_that_keeps_its_contract_has_no_violation(record):
    assert CHECKER.valid(record)
    assert CHECKER.violations(record) == []
    assert next(reference(CHECKER.schema).iter_errors(record), None) is None


@given(RECORDS)
def test_both_validators_agree_on_every_record(record):
    fast = CHECKER.valid(record)
    assert fast is (next(reference(CHECKER.schema).iter_errors(record), None) is None)
    assert fast is (CHECKER.violations(record) == [])


@given(RECORDS)
def test_both_validators_agree_on_every_record_to_be_created(record):
    lenient = CHECKER._schema_on_create
    valid = next(reference(lenient).iter_errors(record), None) is None
    assert valid is (CHECKER.violations_on_create(record) == [])
    assert valid or not CHECKER.valid(record)


@given(RECORDS)
def test_both_validators_find_the_same_places(record):
    paths = {pointed(each.path) for each in CHECKER.violations(record)}
    fast = jsonschema_rs.Draft202012Validator(CHECKER.schema, validate_formats=True).iter_errors(record)
    for error in fast:
        place = pointed(error.instance_path)
        assert any(path[: len(place)] == place for path in paths)


def pointed(path):
    """jsonschema-rs takes a name like "1" or "+420" for an index."""
    return tuple(str(part).lstrip("+0") for part in path)


KEYWORDS: list[Json] = [
    {"multipleOf": Decimal("0.01")}, {"multipleOf": 0.01}, {"multipleOf": 3}, {"pattern": "^[0-9]{3}$"},
    {"pattern": r"^\d{3}$"}, {"pattern": r"^\w+$"}, {"pattern": "o$"}, {"format": "email"}, {"format": "date"},
    {"format": "date-time"}, {"format": "uri"}, {"format": "no-such"}, {"type": "integer"}, {"type": "number"},
    {"enum": [1, True, "x", Decimal("0.5"), [1], {"a": 0}]}, {"enum": [0.5, 0.1]}, {"const": 1}, {"const": True},
    {"const": [0]}, {"const": {"a": Decimal("5.00")}}, {"minimum": Decimal("0.1")}, {"maximum": 0.3},
    {"exclusiveMinimum": 5}, {"minLength": 2}, {"maxLength": Decimal("2.0")}, {"uniqueItems": True},
    {"uniqueItems": False},
    {"patternProperties": {r"^\d": False}},
    {"patternProperties": {"^[a-z]+$": {"type": "null"}}, "additionalProperties": False},
    {"propertyNames": {"pattern": "^.{1,3}$"}}, {"minProperties": 1, "maxProperties": 1}, {"contains": {"const": 1}},
    {"contains": {"const": 1}, "minContains": 0, "maxContains": 1},
    {"prefixItems": [{"type": "null"}], "items": {"type": "string"}},
    {"prefixItems": [{"type": "null"}], "unevaluatedItems": False}, {"not": {"type": "string"}}, False, True, {},
    {"oneOf": [{"type": "number"}, {"type": "integer"}, {"type": "string"}]},
    {"dependentRequired": {"x": ["123", "Won"]}},
    {"properties": {"x": False, "Won": {"type": "string"}}, "unevaluatedProperties": False},
    {"if": {"type": "string"}, "then": {"minLength": 3}, "else": {"type": ["null", "boolean"]}},
    {"dependentSchemas": {"x": {"required": ["123"]}}}, {"allOf": [{"minimum": 1}, {"maximum": 5}]},
    {"items": {"$ref": "#"}, "type": ["array", "null", "integer"]},
]  # fmt: skip


@given(
    st.sampled_from(KEYWORDS),
    ANYTHING | st.lists(st.sampled_from([[1], [True], [0], [False], 1, True, Decimal("1.0")])),
)
def test_both_validators_agree_on_every_keyword(schema, value):
    each = checker({"properties": {"x": schema}} if isinstance(schema, bool) else schema)
    fast = each.valid({"x": value} if isinstance(schema, bool) else value)
    slow = reference(each.schema).iter_errors({"x": value} if isinstance(schema, bool) else value)
    assert fast is (next(iter(slow), None) is None)


@pytest.mark.parametrize(
    ("schema", "value", "valid"),
    [
        ({"multipleOf": Decimal("0.01")}, Decimal("19.99"), True),
        ({"multipleOf": 0.01}, Decimal("4.35"), True),
        ({"multipleOf": 0.01}, Decimal("4.355"), False),
        ({"pattern": "^[0-9]{3}$"}, "123\n", False),
        ({"pattern": r"^\d{3}$"}, "١٢٣", False),
        ({"format": "email"}, "a b@x", False),
        ({"format": "date"}, "2024-02-30", False),
        ({"enum": [0.1]}, Decimal("0.10"), True),
        ({"const": 1}, True, False),
        ({"type": "integer"}, Decimal("5.00"), True),
        ({"type": "integer"}, Decimal("1E+999999999"), True),
        ({"type": "integer"}, True, False),
        ({"type": "number"}, True, False),
        ({"maximum": Decimal("0.3")}, Decimal("0.30000000000000000000001"), False),
        ({"uniqueItems": True}, [[1], [True], [1]], False),
        ({"uniqueItems": True}, [1, True, "1"], True),
        ({"uniqueItems": True}, [5, Decimal("5.0")], False),
        ({"patternProperties": {"c$": False}}, {"c\n": 1}, True),
        ({"patternProperties": {"^[0-9]$": {}}, "additionalProperties": False}, {"5\n": 1}, False),
    ],
)
def test_where_validators_are_known_to_differ_ours_are_right(schema, value, valid):
    each = checker(schema)
    assert each.valid(value) is valid
    assert bool(list(reference(each.schema).iter_errors(value))) is not valid


def test_a_verdict_stands_even_where_the_reference_finds_nothing():
    each = checker({"patternProperties": {r"^\d$": {}}, "unevaluatedProperties": False})
    record = {"٣": 1}  # a digit for Python, none for ECMA-262
    assert not list(reference(each.schema).iter_errors(record))
    assert said(record, each) == [("", "unevaluatedProperties", "breaks this rule of the contract")]
    assert _unworded([]) == set()


# What is said ---------------------------------------------------------------------------------------------------


def with_(**fields):
    return GOOD | fields


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (GOOD, []),
        (with_(id="42"), [("id", "pattern", 'must match the pattern ^[0-9]{3}$, not "42"')]),
        ({"name": "Novák", "stage": None, "address": {"city": "x"}}, [("id", "required", "is required")]),
        (with_(name=5), [("name", "type", "must be text, not a whole number")]),
        (with_(name="N"), [("name", "minLength", "must have at least 2 characters, has 1")]),
        (with_(name="N" * 13), [("name", "maxLength", "must have at most 12 characters, has 13")]),
        (with_(stage="Open"), [("stage", "enum", 'must be one of "Won", "Lost", 5, 0.5, null, true, not "Open"')]),
        (with_(stage={"a": 1}), [("stage", "enum", 'must be one of "Won", "Lost", 5, 0.5, null, true, not an object')]),
        (with_(revenue=-1), [("revenue", "minimum", "must be at least 0, not -1")]),
        (with_(revenue=10**6), [("revenue", "exclusiveMaximum", "must be less than 1000000, not 1000000")]),
        (
            with_(revenue=Decimal("0.005")),
            [("revenue", "multipleOf", "must be a multiple of 0.01, not 0.005")],
        ),
        (with_(revenue=[]), [("revenue", "type", "must be a number or null, not a list")]),
        (
            with_(employees=Decimal("1.5")),
            [("employees", "type", "must be a whole number, not a number with decimals")],
        ),
        (with_(employees=Decimal("501.0")), [("employees", "maximum", "must be at most 500, not 501.0")]),
        (with_(employees=True), [("employees", "type", "must be a whole number, not true or false")]),
        (
            with_(created="yesterday"),
            [
                (
                    "created",
                    "format",
                    'must be a date and time with its zone, like 2024-05-31T13:45:00Z, not "yesterday"',
                )
            ],
        ),
        (with_(founded="1999"), [("founded", "format", 'must be a date like 2024-05-31, not "1999"')]),
        (
            with_(founded=5),
            [
                (
                    "founded",
                    "anyOf",
                    "must fit one of 2 alternatives: must be text, not a whole number; "
                    "or must be null, not a whole number",
                )
            ],
        ),
        (with_(address={}), [("address.city", "required", "is required")]),
        (with_(address=None), [("address", "type", "must be an object, not null")]),
        (
            with_(address={"city": "x", "citty": "x", "zip": "1", "foo": 1}),
            [
                ("address.citty", "additionalProperties", "is not declared in the contract"),
                ("address.foo", "additionalProperties", "is not declared in the contract"),
            ],
        ),
        (
            with_(adress=1, nmae="x"),
            [
                ("adress", "additionalProperties", "is not declared in the contract"),
                ("nmae", "additionalProperties", "is not declared in the contract"),
            ],
        ),
        (
            with_(websit="x"),
            [("websit", "additionalProperties", "is not declared in the contract; did you mean 'website'?")],
        ),
        (with_(billing={"city": 5}), [("billing.city", "type", "must be text, not a whole number")]),
        (with_(tags=["a", ""]), [("tags.1", "minLength", "must have at least 1 character, has 0")]),
        (with_(tags=["a", "a"]), [("tags", "uniqueItems", "must not have the same item twice")]),
        (with_(tags=list("abcd")), [("tags", "maxItems", "must have at most 3 items, has 4")]),
        (with_(pair=[1, True, 3]), [("pair.2", "false", "is not allowed here")]),
        (
            with_(scores=[1]),
            [("scores", "contains", "must have an item that fits what the contract says it contains")],
        ),
        (
            with_(scores=[5]),
            [("scores", "minContains", "must have at least 2 items that fit what it contains")],
        ),
        (
            with_(scores=[5] * 4),
            [("scores", "maxContains", "must have at most 3 items that fit what it contains")],
        ),
        (
            with_(custom={"É": 1}),
            [("custom.É", "propertyNames", 'has a name that must match the pattern ^[a-z_]+$, not "É"')],
        ),
        (with_(custom={"a__c": 1}), [("custom.a__c", "type", "must be text or true or false, not a whole number")]),
        (with_(custom={"a": ""}), [("custom.a", "type", "must be a number, not text")]),
        (
            with_(custom=dict.fromkeys("abcd", 1)),
            [("custom", "maxProperties", "must have at most 3 properties, has 4")],
        ),
        (
            with_(contact={"email": "", "phone": ""}),
            [("contact", "oneOf", "must fit exactly one of 2 alternatives, but fits several")],
        ),
        (
            with_(contact={}),
            [("contact", "oneOf", "must fit one of 2 alternatives: email: is required; or phone: is required")],
        ),
        (
            with_(vat="CZ2"),
            [
                ("vat", "const", 'must be "CZ1", not "CZ2"'),
                ("website", "dependentRequired", "is required where there is vat"),
            ],
        ),
        (with_(kind="test"), [("kind", "not", "must not be what the contract excludes here")]),
        (with_(stage="Won"), [("revenue", "required", "is required")]),
        (with_(parent={"id": "1"}), None),
        ([], [("", "type", "must be an object, not a list")]),
    ],
)
def test_a_violation_says_place_rule_and_what_was_expected(record, expected):
    if expected is None:
        expected = [(f"parent.{name}", "required", "is required") for name in ("address", "name", "stage")]
        expected.insert(1, ("parent.id", "pattern", 'must match the pattern ^[0-9]{3}$, not "1"'))
    assert said(record) == expected


@pytest.mark.parametrize(
    ("schema", "record", "expected"),
    [
        ({"enum": list(range(20))}, 99,
         ("", "enum", "must be one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 or 8 more, not 99")),
        ({"const": "x"}, "y" * 80, ("", "const", f'must be "x", not "{"y" * 56}...')),
        ({"properties": {"a": False}}, {"a": 1}, ("a", "false", "is not allowed here")),
        ({"exclusiveMinimum": 5}, 5, ("", "exclusiveMinimum", "must be more than 5, not 5")),
        ({"minItems": 1}, [], ("", "minItems", "must have at least 1 item, has 0")),
        ({"minProperties": 1}, {}, ("", "minProperties", "must have at least 1 property, has 0")),
        ({"properties": {"a": {}}, "unevaluatedProperties": False}, {"b": 1},
         ("", "unevaluatedProperties", "has properties that the contract does not declare")),
        ({"prefixItems": [{}], "unevaluatedItems": False}, [1, 2],
         ("", "unevaluatedItems", "has items that the contract does not declare")),
        ({"oneOf": [{"type": "object", "required": ["a"]}, {"type": "null"}]}, {}, ("a", "required", "is required")),
        ({"type": "boolean"}, Decimal("5.0"), ("", "type", "must be true or false, not a number")),
    ],
)  # fmt: skip
def test_rarer_rules_are_said_in_plain_words_too(schema, record, expected):
    assert said(record, checker(schema)) == [expected]


def test_there_are_words_for_every_rule_that_the_reference_checks():
    follow_others = {"$ref", "$dynamicRef", "allOf", "dependentSchemas", "if", "items", "patternProperties"}
    follow_others |= {"prefixItems", "properties", "propertyNames", "anyOf", "oneOf"}
    assert set(reference({}).VALIDATORS) - follow_others <= set(_FACTS)


def test_violations_come_in_order_of_their_places():
    each = checker({"items": {"type": "string"}, "maxItems": 2})
    assert [path for path, _, _ in said([1, *["x"] * 8, 2, 3], each)] == ["", "0", "9", "10"]


@given(RECORDS)
def test_violations_are_sorted_and_said_once(record):
    found = CHECKER.violations(record)
    assert len(found) == len(set(found))
    assert found == CHECKER.violations(record)


# People ---------------------------------------------------------------------------------------------------------

SECRETS = st.text("§", min_size=1).map(lambda text: f"geheim{text}") | st.integers(770_000, 779_999)


@given(
    st.recursive(SECRETS, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["email", "phone"]), inner))
)
def test_no_message_holds_a_value_about_a_person(secret):
    everything = checker(
        {
            "properties": {
                "person": {
                    "x-pii": True,
                    "anyOf": [
                        {"type": "boolean"},
                        {"enum": ["a", "b"]},
                        {"const": 7},
                        {"properties": {"email": False}},
                    ],
                    "maxLength": 3,
                    "pattern": "^a$",
                    "format": "email",
                    "maximum": 5,
                    "multipleOf": 5000000,
                    "items": {"type": "null", "const": 1},
                    "additionalProperties": {"maximum": 5, "maxLength": 1, "enum": []},
                    "oneOf": [{"type": "string", "minLength": 400}, {"const": 5}],
                }
            }
        }
    )
    for each in [*everything.violations({"person": secret}), *CHECKER.violations(with_(owner=secret))]:
        assert "geheim" not in each.message
        assert "77" not in each.message


def test_what_is_about_a_person_is_marked_on_it_or_above_it():
    assert CHECKER.pii(("owner",))
    assert CHECKER.pii(("owner", "email"))
    assert CHECKER.pii(("address", "zip"))
    assert CHECKER.pii(("billing", "zip"))
    assert CHECKER.pii(("parent", "parent", "owner", "phone"))
    assert not CHECKER.pii(("address", "city"))
    assert not CHECKER.pii(("nowhere",))
    assert not CHECKER.pii(())
    assert checker({"items": {"prefixItems": [{}, {"x-pii": True}]}}).pii((3, 1))
    assert not checker({"properties": {"a": {"x-pii": False}}}).pii(("a",))
    assert checker({"patternProperties": {"^p_": {"x-pii": True}}}).pii(("p_name",))
    assert checker({"additionalProperties": {"x-pii": True}}).pii(("any",))


def test_a_secret_keeps_path_and_rule():
    assert said(with_(owner={"email": "jana"})) == [("owner.email", "format", "must be an e-mail address")]
    assert said(with_(address={"city": "x", "zip": 5})) == [("address.zip", "type", "must be text, not a whole number")]


# Creating -------------------------------------------------------------------------------------------------------


def test_what_the_system_fills_in_is_not_demanded_of_a_new_record():
    fresh = {name: value for name, value in GOOD.items() if name != "id"}
    assert [each.path for each in CHECKER.violations(fresh)] == [("id",)]
    assert CHECKER.violations_on_create(fresh) == []
    assert [each.path for each in CHECKER.violations_on_create(fresh | {"id": "x"})] == [("id",)]
    assert [each.path for each in CHECKER.violations_on_create({})] == [("address",), ("name",), ("stage",)]


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"id": {"readOnly": True}}, "required": ["id"]},
        {"allOf": [{"properties": {"id": {"readOnly": True}}}, {"required": ["id"]}]},
        {"properties": {"id": {"$ref": "#/$defs/key"}}, "required": ["id"], "$defs": {"key": {"readOnly": True}}},
        {"$ref": "#/$defs/all", "$defs": {"all": {"properties": {"id": {"readOnly": True}}, "required": ["id"]}}},
        {"properties": {"id": {"readOnly": True}}, "dependentRequired": {"name": ["id"]}},
        {"properties": {"id": {"readOnly": True}}, "if": {"required": ["name"]}, "then": {"required": ["id"]}},
        {"oneOf": [{"properties": {"id": {"readOnly": True}}, "required": ["id"]}, {"type": "null"}]},
        {"properties": {"name": {}, "id": {"readOnly": True}}, "dependentSchemas": {"name": {"required": ["id"]}}},
    ],
)
def test_read_only_is_seen_wherever_it_is_declared(schema):
    each = checker(schema)
    assert not each.valid({"name": "x"})
    assert each.violations_on_create({"name": "x"}) == []


@pytest.mark.parametrize("keyword", ["if", "not"])
def test_conditions_and_exclusions_are_not_weakened(keyword):
    schema = {"properties": {"id": {"readOnly": True}}, keyword: {"required": ["id"]}, "then": {"required": ["name"]}}
    assert checker(schema).violations_on_create({}) == []
    assert checker(schema).violations_on_create({"id": 1}) != []


# What a contract declares -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ((), True),
        (("name",), True),
        (("nmae",), False),
        (("name", "first"), False),
        (("address", "city"), True),
        (("address", "town"), False),
        (("billing", "city"), True),
        (("billing", "town"), False),
        (("parent", "parent", "billing", "zip"), True),
        (("owner", "nickname"), True),
        (("custom", "anything"), True),
        (("custom", "a__c", "deeper"), False),
        (("contact", "email"), True),
        (("founded", "year"), False),
        (("stage", "x"), True),
        (("tags", "0"), False),
    ],
)
def test_a_contract_knows_its_paths(path, known):
    assert CHECKER.knows(path) is known


def test_an_open_contract_knows_every_path():
    assert checker({}).knows(("a", "b"))
    assert checker({"type": "object", "properties": {"a": True, "b": False}}).knows(("a", "x"))
    assert not checker({"properties": {"b": False}}).knows(("b", "x"))
    assert checker({"$ref": "#/$defs/x", "$defs": {"x": {"$ref": "#"}}}).knows(("a",))
    assert not checker({"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": False}).knows(("b",))


def test_the_schema_at_a_path_is_found_through_references():
    assert CHECKER.at_path(("name",)) == {"type": "string", "minLength": 2, "maxLength": 12}
    assert CHECKER.at_path(("address",)) == ACCOUNT["$defs"]["address"]
    assert CHECKER.at_path(("billing", "city")) == {"type": "string", "minLength": 1}
    assert CHECKER.at_path(("tags", 7)) == {"type": "string", "minLength": 1}
    assert CHECKER.at_path(("pair", 1)) == {"type": "boolean"}
    assert CHECKER.at_path(("nowhere",)) is None
    assert CHECKER.at_path(()) == CHECKER.schema
    assert CHECKER.at_path(("parent", "parent", "name")) == CHECKER.at_path(("name",))
    beside = {
        "properties": {"a": {"$ref": "#/$defs/b", "title": "near"}},
        "$defs": {"b": {"title": "far", "type": "null"}},
    }
    assert checker(beside).at_path(("a",)) == {"title": "near", "type": "null"}
    assert checker({"properties": {"a": True}}).at_path(("a",)) is True
    assert checker({"$defs": {"x": {"$ref": "#/$defs/x"}}, "properties": {"a": {"$ref": "#/$defs/x"}}}).at_path(
        ("a",)
    ) == {"$ref": "#/$defs/x"}


def test_what_is_read_only_is_known_with_all_that_it_holds():
    assert CHECKER.read_only(("id",))
    assert CHECKER.read_only(("billing", "code"))
    assert not CHECKER.read_only(("name",))
    assert checker({"properties": {"a": {"readOnly": True, "properties": {"b": {}}}}}).read_only(("a", "b"))


def test_declared_names_are_listed_for_who_mistyped_one():
    assert CHECKER.names()[:4] == ("address", "billing", "contact", "created")
    assert CHECKER.names(("billing",)) == ("city", "code", "zip")
    assert CHECKER.names(("name",)) == ()


@pytest.mark.parametrize(
    "reference_", ["#/$defs/a~1b%25", "#here", "#there", "https://x.example/s#/$defs/a~1b%25", "#/allOf/0"]
)
def test_every_way_to_point_into_the_document_is_followed(reference_):
    secret = {"x-pii": True, "$anchor": "here", "$dynamicAnchor": "there"}
    schema: Json = {"$id": "https://x.example/s", "$defs": {"a/b%": secret}, "properties": {"p": {"$ref": reference_}}}
    if reference_ == "#/allOf/0":
        schema = schema | {"allOf": [{"x-pii": True}]}
    assert schema_problems(schema) == []
    assert checker(schema).pii(("p",))


def test_a_checker_travels_to_another_worker():
    assert pickle.loads(pickle.dumps(CHECKER)).violations({}) == CHECKER.violations({})


# The contract itself ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "path", "message"),
    [
        ([], "", "must be an object: a JSON Schema"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "$schema", "must be https://json-schema.org/draft/2020-12/schema"),
        ({"type": "strng"}, "type",
         'must be one of "array", "boolean", "integer", "null", "number", "object", "string", not "strng"'),
        ({"properties": {"a": {"minLength": -1}}}, "properties.a.minLength", "must be at least 0, not -1"),
        ({"properties": {"a": []}}, "properties.a", "must be an object or true or false, not a list"),
        ({"required": "name"}, "required", "must be a list, not text"),
        ({"multipleOf": 0}, "multipleOf", "must be more than 0, not 0"),
        ({"items": {"$ref": "https://else.example/x"}}, "items.$ref",
         "https://else.example/x lies outside this contract and is never fetched; copy it into $defs"),
        ({"$ref": "other.json#/$defs/a"}, "$ref",
         "other.json#/$defs/a lies outside this contract and is never fetched; copy it into $defs"),
        ({"$ref": "#/$defs/a"}, "$ref", "#/$defs/a leads nowhere in this contract"),
        ({"$ref": "#a"}, "$ref", "#a leads nowhere in this contract"),
        ({"$ref": "#/allOf/1", "allOf": [{}]}, "$ref", "#/allOf/1 leads nowhere in this contract"),
        ({"$ref": "#/title/x", "title": "t"}, "$ref", "#/title/x leads nowhere in this contract"),
        ({"$defs": {"a": {"$id": "https://x.example"}}}, "$defs.a.$id",
         "a contract is one document; only its root may have $id"),
        ({"properties": {"a": {"pattern": "("}}}, "properties.a.pattern", "( is no regular expression (ECMA-262)"),
        ({"patternProperties": {"(": {}}}, "patternProperties.(", "( is no regular expression (ECMA-262)"),
        ({"format": "datetime"}, "format", "no format is called datetime; did you mean 'date-time'?"),
        ({"format": "xyz"}, "format", "no format is called xyz"),
        ({"requird": ["a"]}, "requird", "is no keyword of JSON Schema; did you mean 'required'?"),
        ({"anyOf": [{"nullable": True}]}, "anyOf.0.nullable", 'is not JSON Schema 2020-12; write type: [..., "null"]'),
        ({"required": ["a", "b"], "properties": {"a": {}}, "additionalProperties": False}, "required.1",
         "b is required, but not allowed"),
        ({"$ref": "#/properties/a/enum/0", "properties": {"a": {"enum": [5]}}}, "",
         'cannot be compiled: 5 is not of types "boolean", "object"'),
        ({"properties": {"a": {"type": "null"}}, "examples": [{}, {"a": 1}]}, "examples.1.a",
         "must be null, not a whole number"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_contract_is_said_with_its_place(schema, path, message):
    assert [(".".join(map(str, each.path)), each.message) for each in schema_problems(schema)] == [(path, message)]


def test_all_that_is_wrong_with_a_contract_is_said_at_once():
    schema = {"format": "datetime", "items": {"$ref": "#/x", "pattern": "["}, "examples": [1]}
    assert [each.path for each in schema_problems(schema)] == [("format",), ("items", "$ref"), ("items", "pattern")]


def test_a_sound_contract_has_no_problems():
    assert schema_problems(ACCOUNT) == []
    assert schema_problems({"x-owner": "sales", "x-pii": True, "example": 5, "patternProperties": {"^a": {}}}) == []
    assert schema_problems({"required": ["ab"], "patternProperties": {"^a": {}}, "additionalProperties": False}) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "strng"},
        {"$ref": "https://else.example/x"},
        {"pattern": "("},
        {"$ref": "#/x"},
        {"$ref": "#/title", "title": "x"},
    ],
)
def test_an_unsound_contract_is_refused_with_all_that_is_wrong(schema):
    with pytest.raises(ContractError) as caught:
        checker(schema)
    for each in schema_problems(schema):
        assert each.message in str(caught.value)
    assert "crm.account@1.0.0" in str(caught.value)


@pytest.mark.parametrize(
    "schema",
    [{"type": "x"}, {"items": [1]}, {"$ref": 5}, {"properties": 1}, {"pattern": []}, {"enum": 1}, {"$schema": 5}],
)
def test_a_malformed_contract_is_a_finding_never_a_crash(schema):
    assert all(isinstance(each, Flaw) for each in schema_problems(schema))
    assert schema_problems(schema)


# Regular expressions that others read, too -------------------------------------------------------------------------

EXPLODING = {
    "^(a+)+$": "(a+)+", "^(a*)*$": "(a*)*", "(a|a)*b": "(a|a)*", "^(a|aa)+$": "(a|aa)+",
    "^([a-z]+)*[0-9]$": "([a-z]+)*", r"^(\w+\s?)*$": r"(\w+\s?)*",
    "^(x+x+)+y": "(x+x+)+", "^((a+)+b)+": "(a+)+", r"(\p{L}+)+$": r"(\p{L}+)+",
    "^(a{1,15})*$": "(a{1,15})*", r"^(\w{1,20}\s?){1,20}$": r"(\w{1,20}\s?){1,20}", "^(.*a){12}$": "(.*a){12}",
    "(a*b?)*c": "(a*b?)*", "^(.|[a-z])*$": "(.|[a-z])*", "^(([^;]+;?)+)$": "([^;]+;?)+",
    "^(?:(?:a|b)+c?)+d$": "(?:(?:a|b)+c?)+", r"^(?:[^\s@]+\.)*[^\s@]+@": r"(?:[^\s@]+\.)*",
}  # fmt: skip


@pytest.mark.parametrize("pattern", EXPLODING)
def test_a_loop_that_takes_one_text_in_very_many_ways_is_named(pattern):
    assert exploding_loop(pattern) == EXPLODING[pattern]


@pytest.mark.parametrize("pattern", [
    "^(a+)+", "^a+$", "^[0-9]{5,12}$", "^([a-z]+[.])+[a-z]+$", "^(ab|a+)*", r"^[^@]+@[^@]+\.[a-z]+$",
    r"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$", "^([0-9]{3},)*[0-9]{3}$",
    r"^(?:[0-9]{1,3}\.){3}[0-9]{1,3}$", "^[a-z]+(-[a-z]+)*$", r"^\s*.*\s*$", "^(?:(?!b)[a-z]|b)*$",
    r"^(\p{L}+[0-9])*$", "^(a|b)*$", "^(?=.*[A-Z])[a-zA-Z]+$", "[", "^([a-z]{2} ?){1,10}$", "^(x{4}y|x{5}y)*$",
    "(a{1000}){1000}", "^([a-z]|[0-9]+[a-z])*$", "^[a-z0-9]+(?:[._-][a-z0-9]+)*@", r"(a+)+\1", "(", "\\", "a++", "[]a]",
])  # fmt: skip
def test_a_loop_that_always_knows_its_way_is_not(pattern):
    assert exploding_loop(pattern) is None


LETTERS = st.sampled_from(["a", "b", "[ab]", "."])
LOOPS = st.recursive(
    LETTERS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda both: f"(?:{both[0]}|{both[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}"])).map(lambda both: f"(?:{both[0]}){both[1]}"),
    ),
    max_leaves=5,
)


@given(LOOPS)
@settings(max_examples=300)
def test_a_backtracking_engine_is_quick_with_what_does_not_explode(loops):
    """Python's engine backtracks; steps are counted by doubling the text: time may not grow a hundredfold."""
    pattern = f"^{loops}$"
    if exploding_loop(pattern) is not None:
        return
    compiled = re.compile(pattern.replace("$", r"\Z"))
    for text in ("a" * 18 + "!", "ab" * 9 + "!", "b" * 18 + "!"):
        started = time.process_time()
        compiled.match(text)
        assert time.process_time() - started < 0.5


@given(st.text(alphabet="ab(|)[]{}*+?^$\\dpL<>=!:,-1x.&", max_size=14))
def test_whatever_is_written_as_a_regular_expression_is_read_or_left(pattern):
    regex = read_regex(pattern)
    assert all(pattern.startswith(each.text, each.offset) for each in regex.unportable)
    exploding_loop(pattern)


@given(
    st.text(alphabet="ab^-09", min_size=1, max_size=6),
    st.characters(codec="utf-8", exclude_characters="\n\r\u2028\u2029"),
)
def test_a_class_is_read_as_the_validator_reads_it(inside, character):
    pattern = f"^[{inside}]$"
    tree: Json = read_regex(pattern).tree
    if tree is None:
        return
    try:
        taken = checker({"pattern": pattern}).valid(character)
    except ContractError:
        return
    (_, chars, _) = tree.parts
    assert overlap(chars.of, ((ord(character), ord(character)),)) == taken


def test_what_not_every_validator_reads_alike_has_a_place_and_another_way():
    found = [(each.path, each.offset, each.mend, each.severity) for each in advice({"pattern": r"\d+[\w]"})]
    assert found == [
        (("pattern",), None, r"if it is meant of all of it: ^\d+[\w]$", "info"),
        (("pattern",), 0, "write [0-9]", "warning"),
        (("pattern",), 4, "write A-Za-z0-9_", "warning"),
    ]


@given(st.lists(st.text("a~/01 %", max_size=4) | st.integers(0, 20), max_size=4))
def test_a_pointer_leads_back_along_the_way_that_it_was_made_of(place):
    assert steps_of(pointer_to(place)) == [str(step) for step in place]
