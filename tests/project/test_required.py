"""What a contract asks of a new record. ‹ marks the place where the finding is expected."""

import json

import pytest

from tests.project.test_type_checks import CREATE, Pair, contract, text


@pytest.fixture
def pair(tmp_path):
    return Pair(tmp_path)


def register(*required, **more):
    names = ("ico", "country", "court")
    properties = {name: text() for name in names}
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties, **more}


ICO = "x: {crm: x, pm: registration.ico, owner: crm}"
COUNTRY = "\n  country: {crm: ‹country, pm: registration.country, owner: crm}"


def asked(schema, *required):
    return contract(text(), required=required, registration=schema)


def source(*required):
    return contract(text(), required=required, country=text())


def test_what_stands_beside_a_written_path_is_required_too(pair):
    (found,) = pair.check(source("x"), asked(register("ico", "country"), "registration"), ICO, CREATE)
    assert (found.rule, found.severity) == ("mapping/required-unwritten", "warning")
    assert found.message == (
        "pm.customer@1.0.0 requires registration.country, which no field writes: nothing can be created on pm"
    )
    assert found.mend == "map it, or fill it: {pm: registration.country, value: ...}"


def test_what_an_object_requires_counts_only_where_the_object_is_written(pair):
    (found,) = pair.check(source("x"), asked(register("country")), ICO, CREATE)
    assert found.message == (
        "pm.customer@1.0.0 requires registration.country, which no field writes: "
        "no record with registration can be created on pm"
    )
    assert pair.check(source("x"), asked(register("country")), "x: {crm: x, pm: x, owner: crm}", CREATE) == []
    assert pair.check(source("x"), asked(register("ico")), ICO, CREATE) == []


def test_a_constant_fills_what_is_required_inside(pair):
    filled = ICO + "\n  country: {pm: registration.country, value: SK}"
    assert pair.check(source("x"), asked(register("ico", "country"), "registration"), filled, CREATE) == []


def test_what_may_be_absent_cannot_fill_what_is_required_inside(pair):
    target = asked(register("ico", "country"), "registration")
    (found,) = pair.check(source("x"), target, ICO + COUNTRY, CREATE)
    assert (found.rule, found.severity, found.at) == ("type/required", "error", pair.expected)
    assert found.message == (
        "crm.account@1.0.0 may lack country, and pm.customer@1.0.0 requires registration.country"
    )  # fmt: skip
    assert pair.check(source("x", "country"), target, ICO + COUNTRY, CREATE) == []


def test_in_an_object_that_need_not_be_there_it_is_a_warning(pair):
    (found,) = pair.check(source("x"), asked(register("country")), ICO + COUNTRY, CREATE)
    assert (found.rule, found.severity, found.at) == ("type/required", "warning", pair.expected)


def test_a_required_object_wants_one_field_that_is_always_there(pair):
    target = asked(register(), "registration")
    (found,) = pair.check(source(), target, ICO.replace("crm: x", "crm: ‹x", 1), CREATE)
    assert (found.rule, found.at) == ("type/required", pair.expected)
    assert found.message == "crm.account@1.0.0 may lack x, and pm.customer@1.0.0 requires registration"
    assert pair.check(source("country"), target, ICO + COUNTRY, CREATE) == []


def test_what_is_required_beside_another_property_counts_where_that_is_written(pair):
    target = asked(register(dependentRequired={"ico": ["country"]}))
    (found,) = pair.check(source("x"), target, ICO, CREATE)
    assert found.message.endswith("no record with registration.ico can be created on pm")
    (found,) = pair.check(source("x"), target, ICO + COUNTRY, CREATE)
    assert (found.rule, found.severity, found.at) == ("type/required", "warning", pair.expected)
    assert pair.check(source("country"), target, COUNTRY.strip(), CREATE) == []


def test_what_a_system_fills_in_need_not_be_written(pair):
    filled = register("ico", "country")
    filled["properties"] = {**filled["properties"], "country": {"type": "string", "readOnly": True}}
    assert pair.check(source("x"), asked(filled, "registration"), ICO, CREATE) == []


def test_what_a_definition_requires_is_required(pair):
    target = json.loads(asked({"$ref": "#/$defs/register"}, "registration"))
    target["$defs"] = {"register": register("ico", "country")}
    (found,) = pair.check(source("x"), json.dumps(target), ICO, CREATE)
    assert "requires registration.country" in found.message
